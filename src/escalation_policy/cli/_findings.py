"""Findings: what an audit found, counted, and the words for it that all formats share."""

from typing import Final, final

import attrs

from .. import Agent, Rule, VideoAccess
from ..administration import AgentAudit, Audit, AuditTotals, ChannelUse
from ._answers import PARTIES, steps_of, version_words
from ._progress import Waiting

#: What is said of a channel.
USES: Final = {
    ChannelUse.USABLE: "usable",
    ChannelUse.PRIVATE_ONLY: "private messages only",
    ChannelUse.RETIRED: "listed, but the service has closed",
    ChannelUse.UNSUPPORTED: "not usable",
}


@final
@attrs.frozen
class Findings:
    """What an audit found.

    Attributes:
        rows: Every agent.
        untold: How many agents have an extension whose account, or access to RingCentral Video, is not known.
        reveal: Whether to show e-mail addresses and the labels of roles.
    """

    audit: Audit
    rows: list[AgentAudit]
    totals: AuditTotals
    untold: int
    reveal: bool

    @classmethod
    def of(cls, audit: Audit, waiting: Waiting, *, reveal: bool) -> "Findings":
        """Audits every agent."""
        rows = list(waiting.over(audit.agents(), "Auditing", len(audit.directory.agents)))
        users = [row.agent.ringcentral for row in rows]
        untold = sum(1 for user in users if user and (user.account_id is None or user.video is VideoAccess.UNKNOWN))
        return cls(audit, rows, audit.totals(rows), untold, reveal)

    @property
    def columns(self) -> tuple[str, ...]:
        """What is said of who an agent is."""
        return ("id", "role_id", "email", "role_label") if self.reveal else ("id", "role_id")

    def person(self, agent: Agent) -> tuple[str | None, ...]:
        """Says who an agent is, column by column."""
        return (agent.id, agent.role.id, *((agent.email, agent.role.label) if self.reveal else ()))

    def steps(self) -> list[tuple[Rule, int]]:
        """Gives each step with how many agents miss it."""
        return [(self.audit.policy[code], missing) for code, missing in self.totals.missing.items()]

    @property
    def title(self) -> str:
        """Whose audit it is, and by which policy."""
        policy = self.audit.policy
        return f"Audit of {self.audit.directory.domain.id} by {policy.id}{version_words(policy.version)}"

    @property
    def verdict(self) -> str:
        """How many agents are ready."""
        return f"Ready: {self.totals.ready:,} of {self.totals.agents:,} agents."

    @property
    def caveat(self) -> str:
        """What the counts cannot tell; nothing where they tell all."""
        if not self.untold:
            return ""
        return (
            "Agents with an extension of which the account, or the access to RingCentral Video, is not known: "
            f"{self.untold:,}. What is not known counts as missing."
        )


def parties_of(rule: Rule) -> str:
    """Names who takes the steps of a rule's remedy."""
    return "; ".join(dict.fromkeys(PARTIES[step.party] for step in steps_of(rule.remedy))) or "-"
