"""The reach of a policy in a domain: which agents may escalate on which channels."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, TypeAlias, TypeVar, final

import attrs

from .._engine.conditions import Condition, same_request_type
from .._engine.facts import Fact, fact
from .._engine.folding import Folded, fold
from .._engine.policy import Policy
from .._enums import Login
from .._fields import check_types, require
from .._request import EscalationRequest
from .._values import Agent, Channel
from ..analysis import Outcome, Residual, given
from ..escalate_to_video import ESCALATE_TO_VIDEO
from ._classes import Distinction, values_in
from ._directory import Directory, RecordKind, UnreadableRecord

_T = TypeVar("_T", Agent, Channel)
#: Values by fact.
_Values: TypeAlias = dict[Fact[EscalationRequest, Any], object]
#: What remains of each rule, by code.
_Rests: TypeAlias = Mapping[str, Folded[EscalationRequest]]

_DOMAIN: Final[Fact[EscalationRequest, Any]] = fact(lambda r: r.domain)
_AGENT: Final[Fact[EscalationRequest, Any]] = fact(lambda r: r.agent)
_CHANNEL: Final[Fact[EscalationRequest, Any]] = fact(lambda r: r.message.channel)
_LOGIN: Final[Fact[EscalationRequest, Any]] = fact(lambda r: r.login)


@final
@attrs.frozen
class ReachClass:
    """Agents and channels with one answer for each of these agents on each of these channels.

    Attributes:
        agents: The agents, in the directory's order.
        channels: The channels, in the directory's order.
        outcome: Whether such an agent may always, may never, or may sometimes escalate a message on such a channel.
        missing: If never: the codes of the rules in the way, as in `Residual.codes`.
        open: If sometimes: the codes of the rules that are met or not at the click.
    """

    agents: tuple[Agent, ...]
    channels: tuple[Channel, ...]
    outcome: Outcome
    missing: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


@final
@attrs.frozen
class Reach:
    """Who may escalate on which channels of a domain.

    Attributes:
        directory: The domain, its agents and its channels.
        policy: The policy that decides.
        login: How the agents are logged in. None: that is open too.
        classes: One for each class of agents and each class of channels.
    """

    directory: Directory
    policy: Policy
    login: Login | None
    classes: tuple[ReachClass, ...]
    _agent_classes: tuple[tuple[Agent, ...], ...] = attrs.field(repr=False)
    _channel_classes: tuple[tuple[Channel, ...], ...] = attrs.field(repr=False)

    @property
    def unreadable(self) -> tuple[UnreadableRecord, ...]:
        """The agents of whom nothing is known, since their records could not be read: a class of their own, without answers."""
        return tuple([each for each in self.directory.unreadable if each.kind is RecordKind.USER and not each.in_part])

    def of(self, agent: Agent, channel: Channel) -> ReachClass:
        """Return the class of an agent and a channel.

        Raises:
            InvalidValueError: The directory does not hold one of them.
        """
        return self._at(self._row(agent), self._column(channel))

    def agents(self, channel: Channel) -> tuple[Agent, ...]:
        """Return the agents who may always or sometimes escalate on a channel, in the directory's order.

        Raises:
            InvalidValueError: The directory does not hold the channel.
        """
        column = self._column(channel)
        may = [self._at(row, column).outcome is not Outcome.NEVER for row in range(len(self._agent_classes))]
        return tuple([agent for agent in self.directory.agents if may[self._rows[agent.id][1]]])

    def channels(self, agent: Agent) -> tuple[Channel, ...]:
        """Return the channels on which an agent may always or sometimes escalate, in the directory's order.

        Raises:
            InvalidValueError: The directory does not hold the agent.
        """
        row = self._row(agent)
        may = [self._at(row, column).outcome is not Outcome.NEVER for column in range(len(self._channel_classes))]
        return tuple([channel for channel in self.directory.channels if may[self._columns[channel.id][1]]])

    def _row(self, agent: Agent) -> int:
        check_types(Agent, agent=agent)
        return _number("agent", agent, self._rows)

    def _column(self, channel: Channel) -> int:
        check_types(Channel, channel=channel)
        return _number("channel", channel, self._columns)

    def _at(self, row: int, column: int) -> ReachClass:
        return self.classes[row * len(self._channel_classes) + column]

    @cached_property
    def _rows(self) -> dict[str, tuple[Agent, int]]:
        return {each.id: (each, number) for number, agents in enumerate(self._agent_classes) for each in agents}

    @cached_property
    def _columns(self) -> dict[str, tuple[Channel, int]]:
        return {each.id: (each, number) for number, channels in enumerate(self._channel_classes) for each in channels}


def _number(name: str, value: _T, numbers: Mapping[str, tuple[_T, int]]) -> int:
    """Return the number of the class that a value of the directory is in."""
    member, number = numbers.get(value.id, (None, 0))
    actual = "another one" if member is None else "a copy that differs"
    require(member == value, name, actual, f"one of the directory's {name}s")
    return number


def reach(directory: Directory, *, policy: Policy = ESCALATE_TO_VIDEO, login: Login | None = None) -> Reach:
    """Return who may escalate on which channels of a domain.

    The domain, the agent and the channel are known, and the login if it is passed. Everything else can be anything, so
    the answers are those of `given()`. Agents between which the policy cannot distinguish are one class, and so are
    channels. A function of the policy's is asked about one member of a class, so it must depend on nothing else.

    Args:
        directory: The domain, its agents and its channels.
        policy: The policy that decides.
        login: How the agents are logged in. None: that is open too.

    Raises:
        InvalidValueError: An argument has another type.
        InvalidPolicyError: The policy is over another type of request.
        AnalysisLimitError: A proof takes too much effort.
    """
    check_types(Directory, directory=directory)
    check_types(Policy, policy=policy)
    same_request_type((_DOMAIN.path, policy))
    values: _Values = {_DOMAIN: directory.domain}
    if login is not None:
        check_types(Login, login=login)
        values[_LOGIN] = login
    rests = _folded({rule.code: rule.requires for rule in policy.rules}, values)
    open_rests = {code: rest for code, rest in rests.items() if isinstance(rest, Condition)}
    conditions = list(open_rests.values())
    of_agents, of_channels = values_in(_AGENT.path, directory.agents), values_in(_CHANNEL.path, directory.channels)
    agents = Distinction[Agent](_AGENT.path, conditions, of_channels).classes(directory.agents)
    channels = Distinction[Channel](_CHANNEL.path, conditions, of_agents).classes(directory.channels)
    proofs: dict[object, Residual[EscalationRequest]] = {}
    classes: list[ReachClass] = []
    for agent_answers, agent_class in agents.items():
        rests_of_agent = _folded(rests, {_AGENT: agent_class[0]})
        for channel_answers, channel_class in channels.items():
            rests_of_both = _folded(rests_of_agent, {_CHANNEL: channel_class[0]})
            answers = zip(open_rests, agent_answers, channel_answers, strict=True)
            still_open = tuple([each for each in answers if not isinstance(rests_of_both[each[0]], bool)])
            both = {**values, _AGENT: agent_class[0], _CHANNEL: channel_class[0]}
            answer = _answer(policy, both, rests_of_both, still_open, proofs)
            classes.append(ReachClass(agent_class, channel_class, *answer))
    return Reach(directory, policy, login, tuple(classes), tuple(agents.values()), tuple(channels.values()))


def _folded(rests: _Rests, values: _Values) -> _Rests:
    """Fold values into what is still open of each rule."""
    open_rests = {code: rest for code, rest in rests.items() if isinstance(rest, Condition)}
    by_path = {fact.path: value for fact, value in values.items()}
    return {**rests, **dict(zip(open_rests, fold(list(open_rests.values()), by_path), strict=True))}


def _answer(
    policy: Policy,
    values: _Values,
    rests: _Rests,
    still_open: tuple[tuple[str, object, object], ...],
    proofs: dict[object, Residual[EscalationRequest]],
) -> tuple[Outcome, tuple[str, ...], tuple[str, ...]]:
    """Return the outcome, the rules in the way and the open rules.

    Args:
        policy: The policy.
        values: The values of the facts that are the same in all requests.
        rests: What remains of each rule.
        still_open: The codes of the rules that depend on the rest of the request, with what distinguishes them.
        proofs: What was proved of other classes, by the rules that are open for them.
    """
    never = [code for code, rest in rests.items() if rest is False]
    if still_open:
        if still_open not in proofs:
            codes = [code for code, *_ in still_open]
            proofs[still_open] = given(policy.without(*[code for code in policy if code not in codes]), values)
        residual = proofs[still_open]
        if residual.outcome is Outcome.NEVER:
            return Outcome.NEVER, given(policy, values).codes, ()
        if not never and residual.policy is not None:
            return Outcome.DEPENDS, (), tuple(residual.policy)
    if never:
        hidden = policy.hidden_among(never)
        return Outcome.NEVER, tuple([code for code in never if code not in hidden]), ()
    return Outcome.ALWAYS, (), ()
