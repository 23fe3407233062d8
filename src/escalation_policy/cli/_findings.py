"""Findings: what an audit found, counted, and the words for it that all formats share."""

from typing import Final, NamedTuple, final

import attrs

from .. import Agent, Rule, Step
from ..administration import AgentAudit, Audit, AuditTotals, ChannelUse, checklist
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
class Missed(NamedTuple):
    """One step, and how many agents miss it.

    Attributes:
        unknown: Of how many of them that is not known.
        remedy: Who does what. Where it is not known of somebody, it is looked up first.
    """

    rule: Rule
    missing: int
    unknown: int
    remedy: tuple[Step, ...]

    @property
    def caveat(self) -> str:
        """What stands behind the number of those who miss it; nothing where it is known of all."""
        return f" ({self.unknown:,} not known)" if self.unknown else ""

    @property
    def parties(self) -> str:
        """Who takes the steps."""
        return "; ".join(dict.fromkeys(PARTIES[step.party] for step in self.remedy)) or "-"


@final
@attrs.frozen
class Findings:
    """What an audit found.

    Attributes:
        rows: Every agent.
        reveal: Whether to show e-mail addresses and the labels of roles.
    """

    audit: Audit
    rows: list[AgentAudit]
    totals: AuditTotals
    reveal: bool

    @classmethod
    def of(cls, audit: Audit, waiting: Waiting, *, reveal: bool) -> "Findings":
        """Audits every agent."""
        rows = list(waiting.over(audit.agents(), "Auditing", len(audit.directory.agents)))
        return cls(audit, rows, audit.totals(rows), reveal)

    @property
    def columns(self) -> tuple[str, ...]:
        """What is said of who an agent is."""
        return ("id", "role_id", "email", "role_label") if self.reveal else ("id", "role_id")

    def person(self, agent: Agent) -> tuple[str | None, ...]:
        """Says who an agent is, column by column."""
        return (agent.id, agent.role.id, *((agent.email, agent.role.label) if self.reveal else ()))

    def steps(self) -> list[Missed]:
        """Gives each step with how many agents miss it."""
        unknown = self.totals.unknown
        return [
            Missed(self.audit.policy[code], missing, unknown[code], self._remedy(code))
            for code, missing in self.totals.missing.items()
        ]

    def _remedy(self, code: str) -> tuple[Step, ...]:
        """Gives the steps as the checklist of the first agent of whom it is not known tells them."""
        row = next((row for row in self.rows if code in row.unknown), None)
        if row is None:
            return steps_of(self.audit.policy[code].remedy)
        told = checklist(self.audit.directory.domain, row.agent, policy=self.audit.policy)
        return next(step.steps for step in told.steps if step.code == code)

    @property
    def title(self) -> str:
        """Whose audit it is, and by which policy."""
        policy = self.audit.policy
        return f"Audit of {self.audit.directory.domain.id} by {policy.id}{version_words(policy.version)}"

    @property
    def verdict(self) -> str:
        """How many agents are ready."""
        return f"Ready: {self.totals.ready:,} of {self.totals.agents:,} agents."
