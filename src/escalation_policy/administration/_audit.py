"""The audit: who of a whole domain is ready, what the others miss, and where the feature can be used."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum, unique
from typing import Final, final

import attrs

from .._engine.policy import Policy
from .._enums import ReasonStatus
from .._fields import check_types
from .._request import EscalationRequest
from .._values import Agent, Channel
from ..escalate_to_video import ESCALATE_TO_VIDEO, RETIRED_CHANNELS
from ._directory import Directory
from ._setup import before_any_click, on_channel, rules_reading, setup_of

_UNKNOWN: Final = ReasonStatus.UNKNOWN


@final
@attrs.frozen
class AgentAudit:
    """How ready one agent is.

    Attributes:
        missing: The codes of what is in the way; nothing where the agent is ready.
        hidden: The codes of what comes after that, and is not met.
        unknown: The codes of `missing` about which nothing is known: to be looked up first.
    """

    agent: Agent
    missing: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


@final
@unique
class ChannelUse(StrEnum):
    """Whether the feature can be used on a channel."""

    USABLE = "usable"
    PRIVATE_ONLY = "private_only"
    RETIRED = "retired"
    UNSUPPORTED = "unsupported"


@final
@attrs.frozen
class ChannelAudit:
    """Whether the feature can be used on one channel."""

    channel: Channel
    use: ChannelUse


@final
@attrs.frozen
class AuditTotals:
    """How many agents there are, how many of them are ready, and how many miss what.

    Attributes:
        missing: For each code of a step, in the policy's order, how many agents miss it; hidden ones are not counted.
        unknown: For each of these codes, of how many of them that is not known.
    """

    agents: int
    ready: int
    missing: Mapping[str, int] = attrs.field(hash=False)
    unknown: Mapping[str, int] = attrs.field(hash=False)


@final
@attrs.frozen
class Audit:
    """The audit of a directory by a policy. It computes what it is asked for, and keeps nothing."""

    directory: Directory
    policy: Policy
    _setup: Policy

    def agents(self) -> Iterator[AgentAudit]:
        """Audits one agent after the other, in the directory's order."""
        request: EscalationRequest | None = None
        for agent in self.directory.agents:
            # To make all of it anew for each agent takes longer than to audit them.
            request = attrs.evolve(request, agent=agent) if request else before_any_click(self.directory.domain, agent)
            decision = self._setup.decide(request)
            reasons = () if decision else decision.reasons
            missing = tuple([reason.code for reason in reasons])
            unknown = tuple([reason.code for reason in reasons if reason.status is _UNKNOWN])
            yield AgentAudit(agent, missing, decision.hidden if reasons else (), unknown)

    def channels(self) -> tuple[ChannelAudit, ...]:
        """Audits every channel, by the rules that read nothing but the channel and whether the message is private."""
        rules = rules_reading(self.policy, "domain", "message.channel", "message.private")
        questions = [attrs.evolve(rule, after=()) for rule in rules if any(_is_of_message(fact) for fact in rule.facts)]
        policy = Policy(self.policy.id, questions) if questions else None
        return tuple([ChannelAudit(channel, self._use(channel, policy)) for channel in self.directory.channels])

    def _use(self, channel: Channel, policy: Policy | None) -> ChannelUse:
        public, private = (
            policy is None or policy.allows(on_channel(self.directory.domain, channel, private=private))
            for private in (False, True)
        )
        if channel.kind in RETIRED_CHANNELS and (public or private):
            return ChannelUse.RETIRED
        return ChannelUse.USABLE if public else ChannelUse.PRIVATE_ONLY if private else ChannelUse.UNSUPPORTED

    def totals(self, rows: Iterable[AgentAudit] | None = None) -> AuditTotals:
        """Counts; the rows given, or else those of all agents."""
        agents = ready = 0
        missing: Counter[str] = Counter(dict.fromkeys(self._setup, 0))
        unknown = missing.copy()
        for row in self.agents() if rows is None else rows:
            agents += 1
            ready += row.ready
            missing.update(row.missing)
            unknown.update(row.unknown)
        return AuditTotals(agents, ready, dict(missing), dict(unknown))


def _is_of_message(fact: str) -> bool:
    return fact.startswith("message.")


def audit(directory: Directory, *, policy: Policy = ESCALATE_TO_VIDEO) -> Audit:
    """Audits a directory; see `Audit`.

    Raises:
        InvalidValueError: It is no `Directory`, or the policy no `Policy`.
        InvalidPolicyError: No rule of the policy reads only the domain and the agent.
    """
    check_types(Directory, directory=directory)
    return Audit(directory, policy, setup_of(policy))
