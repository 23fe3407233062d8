"""The setup of Escalate to Video: whether one agent is ready (checklist), and a whole domain (audit)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum, unique
from typing import Final, final

import attrs

from .._engine.decision import Decision
from .._engine.facts import fact
from .._engine.policy import Policy
from .._engine.rules import Rule, Step
from .._enums import ChannelKind, Login, MessageAuthor, ReasonStatus
from .._fields import check_types
from .._parts import IdSampler, merged_sample, repeated_in, to_parts
from .._request import EscalationRequest
from .._values import Agent, Channel, Domain, Message, Role
from ..escalate_to_video import ESCALATE_TO_VIDEO, RETIRED_CHANNELS
from ..exceptions import InvalidPolicyError
from ._classes import Distinction, values_in
from ._directory import Directory, comparable_address

#: The id of what does not exist before a click. No rule that is decided here reads it.
_PLACEHOLDER: Final = "unknown"
_UNKNOWN: Final = ReasonStatus.UNKNOWN
_DOMAIN: Final = fact(lambda r: r.domain).path
_AGENT: Final = fact(lambda r: r.agent).path


@final
@attrs.frozen(kw_only=True)
class ChecklistStep:
    """One requirement for the agent to be ready.

    Attributes:
        code: The rule that requires it.
        done: Whether it is met.
        status: The outcome of the rule; unmet if it waits for other steps.
        requirement: The requirement, in words.
        steps: If it is not met: who does what, and where to click.
        waits_for: The codes of steps to do first. Until then nothing is known about this one.
        warning: What to look out for when doing it.
    """

    code: str
    done: bool
    status: ReasonStatus
    requirement: str
    steps: tuple[Step, ...] = ()
    waits_for: tuple[str, ...] = ()
    warning: str | None = None


@final
@attrs.frozen(kw_only=True)
class Checklist:
    """The setup of one agent.

    Attributes:
        steps: In the policy's order.
        at_the_click: The other rules, which read the login, the channel, the message and the case when the agent clicks.
        decision: The decision that the steps are made from.
    """

    steps: tuple[ChecklistStep, ...]
    at_the_click: tuple[Rule, ...]
    decision: Decision

    @property
    def ready(self) -> bool:
        """Whether every step is done."""
        return self.decision.allowed


def checklist(domain: Domain, agent: Agent, *, policy: Policy = ESCALATE_TO_VIDEO) -> Checklist:
    """Return what makes an agent ready to escalate to video.

    The steps are the rules that read only the domain and the agent.

    Raises:
        InvalidValueError: An argument has another type.
        InvalidPolicyError: No rule of the policy reads only the domain and the agent.
    """
    check_types(Domain, domain=domain)
    check_types(Agent, agent=agent)
    setup = _setup_of(policy)
    decision = setup.decide(_request_before_click(domain, agent))
    return Checklist(
        steps=tuple(_step(setup, rule, agent, decision) for rule in setup.rules),
        at_the_click=tuple(rule for rule in policy.rules if rule.code not in setup),
        decision=decision,
    )


def _step(setup: Policy, rule: Rule, agent: Agent, decision: Decision) -> ChecklistStep:
    reason, is_hidden = decision.reason(rule.code), rule.code in decision.hidden
    is_done = decision.allowed or (reason is None and not is_hidden)
    remedy = None if is_done else reason.remedy if reason else rule.remedy
    open_codes = {*decision.hidden, *(reason.code for reason in decision.reasons)}
    waits_for = [code for code in setup if code in setup.prerequisites(rule.code) & open_codes]
    needs_other_role = not is_done and "agent.role.permissions" in rule.facts
    return ChecklistStep(
        code=rule.code,
        done=is_done,
        status=ReasonStatus.MET if is_done else reason.status if reason else ReasonStatus.UNMET,
        requirement=rule.explanation,
        steps=remedy.steps if remedy else (),
        waits_for=tuple(waits_for) if is_hidden else (),
        warning=_role_warning(agent) if needs_other_role else None,
    )


def _role_warning(agent: Agent) -> str | None:
    """Return a warning that another role replaces the present one. None if that has no permissions to lose."""
    count = len(agent.role.permissions) + len(agent.role.unknown_permissions)
    if not count:
        return None
    permissions = "1 permission" if count == 1 else f"{count} permissions"
    return f"An agent has one role. The present one holds {permissions}: a new role takes away what it does not hold."


@final
@attrs.frozen
class AgentAudit:
    """Whether one agent is ready.

    Attributes:
        missing: The codes of unmet or unknown requirements; empty if the agent is ready.
        hidden: The codes of unmet requirements that come after those.
        unknown: The codes of `missing` about which nothing is known. They have to be looked up first.
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
@attrs.frozen
class AuditClass:
    """Agents with one audit, between whom the policy cannot distinguish.

    Attributes:
        agents: At least one, in the directory's order.
        missing: As in `AgentAudit`, like the others.
    """

    agents: tuple[Agent, ...]
    missing: tuple[str, ...]
    hidden: tuple[str, ...]
    unknown: tuple[str, ...]


@final
@unique
class SharedField(StrEnum):
    """A part of a profile that only one agent should have."""

    RINGCENTRAL_ID = "ringcentral_id"
    EMAIL = "email"


@final
@attrs.frozen
class SharedValue:
    """A RingCentral ID or an e-mail address that several agents have."""

    field: SharedField
    agents: tuple[Agent, ...]


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
    """How many agents there are, how many of them are ready, and how many lack which step.

    Attributes:
        missing: The number of agents who lack each step, by code in the policy's order. Hidden codes are not counted.
        unknown: The number of these agents about whom it is not known.
        unreadable: The number of the directory's records that could not be read, or only in part.
        fingerprint: The fingerprint of the policy.
        sample: The 256 smallest hashes of the ids of domains and agents, each with how often the agent was counted.
    """

    agents: int
    ready: int
    missing: Mapping[str, int] = attrs.field(hash=False)
    unknown: Mapping[str, int] = attrs.field(hash=False)
    unreadable: int = 0
    fingerprint: str = attrs.field(kw_only=True)
    sample: Mapping[str, int] = attrs.field(kw_only=True, hash=False, repr=False)

    @property
    def repeated(self) -> int:
        """How many agents of the sample were counted more than once. If there is one, merged parts overlap."""
        return repeated_in(self.sample)

    @staticmethod
    def merge(parts: Iterable["AuditTotals"]) -> "AuditTotals":
        """Return the totals of all directories from the totals of each, in any order. They may be a part themselves.

        Raises:
            InvalidValueError: There is no part, or one is of another policy or is no total.
        """
        members = to_parts(AuditTotals, parts, "fingerprint")
        missing, unknown = Counter[str](), Counter[str]()
        for part in members:
            missing.update(part.missing)
            unknown.update(part.unknown)
        return AuditTotals(
            agents=sum(part.agents for part in members),
            ready=sum(part.ready for part in members),
            missing=dict(missing),
            unknown=dict(unknown),
            unreadable=sum(part.unreadable for part in members),
            fingerprint=members[0].fingerprint,
            sample=merged_sample(part.sample for part in members),
        )


@final
@attrs.frozen
class Audit:
    """The audit of a directory by a policy. Every call computes its result again."""

    directory: Directory
    policy: Policy
    _setup: Policy

    def agents(self) -> Iterator[AgentAudit]:
        """Yield the audit of each agent, in the directory's order."""
        key_of = self._key_of()
        rows: dict[object, tuple[tuple[str, ...], ...]] = {}
        for agent in self.directory.agents:
            key = key_of(agent)
            if key not in rows:
                rows[key] = self._row(agent)
            yield AgentAudit(agent, *rows[key])

    def classes(self) -> tuple[AuditClass, ...]:
        """Return the agents in classes between which the policy cannot distinguish. Even large domains have few."""
        key_of = self._key_of()
        members: dict[object, list[Agent]] = {}
        for agent in self.directory.agents:
            members.setdefault(key_of(agent), []).append(agent)
        return tuple([AuditClass(tuple(agents), *self._row(agents[0])) for agents in members.values()])

    def of(self, agent: Agent) -> AgentAudit:
        """Return the audit of one agent, who does not have to be in the directory."""
        check_types(Agent, agent=agent)
        return AgentAudit(agent, *self._row(agent))

    def shared(self) -> tuple[SharedValue, ...]:
        """Return the RingCentral IDs, and then the e-mail addresses, that several agents have.

        The comparison of addresses ignores spaces around them and the case of ASCII letters.
        """
        extensions: dict[str, list[Agent]] = {}
        addresses: dict[str, list[Agent]] = {}
        for agent in self.directory.agents:
            if agent.ringcentral is not None:
                extensions.setdefault(agent.ringcentral.extension_id, []).append(agent)
            if address := comparable_address(agent):
                addresses.setdefault(address, []).append(agent)
        groups = ((SharedField.RINGCENTRAL_ID, extensions), (SharedField.EMAIL, addresses))
        return tuple(
            [
                SharedValue(field, tuple(agents))
                for field, by_value in groups
                for agents in by_value.values()
                if len(agents) > 1
            ]
        )

    def _key_of(self) -> Callable[[Agent], object]:
        conditions = [rule.requires for rule in self._setup.rules]
        return Distinction[Agent](_AGENT, conditions, values_in(_DOMAIN, [self.directory.domain])).key

    def _row(self, agent: Agent) -> tuple[tuple[str, ...], ...]:
        """Return what an agent lacks: the missing, the hidden and the unknown codes."""
        decision = self._setup.decide(_request_before_click(self.directory.domain, agent))
        if decision.allowed:
            return (), (), ()
        unknown = [reason.code for reason in decision.reasons if reason.status is _UNKNOWN]
        return tuple([reason.code for reason in decision.reasons]), decision.hidden, tuple(unknown)

    def channels(self) -> tuple[ChannelAudit, ...]:
        """Return the audit of every channel, by the rules that read only the channel and whether the message is private."""
        rules = _rules_reading(self.policy, "domain", "message.channel", "message.private")
        rules = [rule for rule in rules if any(fact.startswith("message.") for fact in rule.facts)]
        policy = Policy(self.policy.id, [attrs.evolve(rule, after=()) for rule in rules]) if rules else None
        return tuple([ChannelAudit(channel, self._use(channel, policy)) for channel in self.directory.channels])

    def _use(self, channel: Channel, policy: Policy | None) -> ChannelUse:
        public, private = (
            policy is None or policy.allows(_request_on_channel(self.directory.domain, channel, private=private))
            for private in (False, True)
        )
        if channel.kind in RETIRED_CHANNELS and (public or private):
            return ChannelUse.RETIRED
        return ChannelUse.USABLE if public else ChannelUse.PRIVATE_ONLY if private else ChannelUse.UNSUPPORTED

    def totals(self, rows: Iterable[AgentAudit] | None = None) -> AuditTotals:
        """Return the totals of some rows. None: of all agents."""
        agents, ready, ids = 0, 0, IdSampler()
        missing: Counter[str] = Counter(dict.fromkeys(self._setup, 0))
        unknown = missing.copy()
        for row in self.agents() if rows is None else rows:
            agents += 1
            ready += row.ready
            ids.add(f"{row.agent.domain_id}\0{row.agent.id}")
            missing.update(row.missing)
            unknown.update(row.unknown)
        return AuditTotals(
            agents=agents,
            ready=ready,
            missing=dict(missing),
            unknown=dict(unknown),
            unreadable=len(self.directory.unreadable),
            fingerprint=self.policy.fingerprint,
            sample=ids.sample(),
        )


def audit(directory: Directory, *, policy: Policy = ESCALATE_TO_VIDEO) -> Audit:
    """Audit a directory by a policy.

    Raises:
        InvalidValueError: An argument has another type.
        InvalidPolicyError: No rule of the policy reads only the domain and the agent.
    """
    check_types(Directory, directory=directory)
    return Audit(directory, policy, _setup_of(policy))


def _setup_of(policy: Policy) -> Policy:
    """Return a policy with only the rules that read nothing but the domain and the agent."""
    check_types(Policy, policy=policy)
    rules = _rules_reading(policy, "domain", "agent")
    if not rules:
        raise InvalidPolicyError(f"policy {policy.id!r} has no rule that reads only the domain and the agent")
    codes = {rule.code for rule in rules}
    # If A comes after B and B after C, and B is left out, A comes after C.
    after = {code: sorted(policy.prerequisites(code) & codes) for code in codes}
    return Policy(
        f"{policy.id}:setup", [attrs.evolve(rule, after=after[rule.code]) for rule in rules], version=policy.version
    )


def _rules_reading(policy: Policy, *places: str) -> list[Rule]:
    """Return the rules that read nothing but some parts of the request. An opaque predicate could read anything."""
    return [
        rule
        for rule in policy.rules
        if all(test.paths for test in rule.requires.tests)
        and all(any(f"{fact}.".startswith(f"{place}.") for place in places) for fact in rule.facts)
    ]


def _request_before_click(domain: Domain, agent: Agent) -> EscalationRequest:
    """Make a request with a domain and an agent. Everything else is unknown."""
    return _request(domain, agent, Channel(id=_PLACEHOLDER, domain_id=domain.id, kind=ChannelKind.UNKNOWN))


def _request_on_channel(domain: Domain, channel: Channel, *, private: bool) -> EscalationRequest:
    """Make a request with a channel, and a message that is private or not. Everything else is unknown."""
    role = Role(id=_PLACEHOLDER, domain_id=domain.id, label=_PLACEHOLDER)
    agent = Agent(id=_PLACEHOLDER, domain_id=domain.id, role=role, enabled=False)
    return _request(domain, agent, channel, private=private)


def _request(domain: Domain, agent: Agent, channel: Channel, *, private: bool | None = None) -> EscalationRequest:
    message = Message(id=_PLACEHOLDER, channel=channel, author=MessageAuthor.UNKNOWN, private=private)
    return EscalationRequest(domain=domain, agent=agent, login=Login.UNKNOWN, message=message)
