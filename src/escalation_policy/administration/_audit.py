"""The audit: who of a whole domain is ready, what the others miss, and where the feature can be used."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum, unique
from typing import final

import attrs

from .._policy import Policy
from .._request import EscalationRequest
from .._values import Agent, Channel
from ..escalate_to_video import ESCALATE_TO_VIDEO, RETIRED_CHANNELS
from ._directory import Directory
from ._roles import must_be
from ._setup import before_any_click, met, on_channel, rules_reading, setup_of


@final
@attrs.frozen
class AgentAudit:
    """How ready one agent is.

    Attributes:
        missing: The codes of what is in the way; nothing where the agent is ready.
        hidden: The codes of what may be in the way behind that.
    """

    agent: Agent
    missing: tuple[str, ...]
    hidden: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


@final
@unique
class ChannelUse(str, Enum):
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
    """

    agents: int
    ready: int
    missing: Mapping[str, int]


@final
@attrs.frozen
class Audit:
    """The audit of a directory by a policy. It computes what it is asked for, and keeps nothing."""

    directory: Directory
    policy: Policy
    _setup: Policy

    def agents(self) -> Iterator[AgentAudit]:
        """Audits one agent after the other, in the directory's order."""
        questions = [(rule.code, met(rule)) for rule in self._setup.rules]
        for agent in self.directory.agents:
            request = before_any_click(self.directory.domain, agent)
            open_codes = [code for code, is_met in questions if not is_met(request)]
            hidden = [code for code in open_codes if not self._setup._prerequisites[code].isdisjoint(open_codes)]
            yield AgentAudit(agent, tuple(code for code in open_codes if code not in hidden), tuple(hidden))

    def channels(self) -> tuple[ChannelAudit, ...]:
        """Audits every channel, by the rules that read nothing but the channel and whether the message is private."""
        rules = rules_reading(self.policy, "domain", "message.channel", "message.private")
        questions = [met(rule) for rule in rules if any(fact.startswith("message.") for fact in rule.facts)]
        return tuple(ChannelAudit(channel, self._use(channel, questions)) for channel in self.directory.channels)

    def _use(self, channel: Channel, questions: Iterable[Callable[[EscalationRequest], bool]]) -> ChannelUse:
        public, private = (
            all(is_met(on_channel(self.directory.domain, channel, private=private)) for is_met in questions)
            for private in (False, True)
        )
        if channel.kind in RETIRED_CHANNELS and (public or private):
            return ChannelUse.RETIRED
        return ChannelUse.USABLE if public else ChannelUse.PRIVATE_ONLY if private else ChannelUse.UNSUPPORTED

    def totals(self, rows: Iterable[AgentAudit] | None = None) -> AuditTotals:
        """Counts; the rows given, or else those of all agents."""
        agents = ready = 0
        missing: Counter[str] = Counter(dict.fromkeys(self._setup, 0))
        for row in self.agents() if rows is None else rows:
            agents += 1
            ready += row.ready
            missing.update(row.missing)
        return AuditTotals(agents, ready, dict(missing))


def audit(directory: Directory, *, policy: Policy = ESCALATE_TO_VIDEO) -> Audit:
    """Audits a directory; see `Audit`.

    Raises:
        InvalidValueError: It is no `Directory`, or the policy no `Policy`.
        InvalidPolicyError: No rule of the policy reads only the domain and the agent.
    """
    must_be(Directory, directory=directory)
    return Audit(directory, policy, setup_of(policy))
