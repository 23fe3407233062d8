"""What can be set up before anybody clicks: the rules of a policy that read only the domain and the agent."""

from typing import Final

import attrs

from .._engine.policy import Policy
from .._engine.rules import Rule
from .._enums import ChannelKind, Login, MessageAuthor
from .._fields import check_types
from .._request import EscalationRequest
from .._values import Agent, Channel, Domain, Message, Role
from ..exceptions import InvalidPolicyError

#: Stands for ids of what is not there yet; no rule that is asked reads them.
_UNKNOWN: Final = "unknown"


def rules_reading(policy: Policy, *places: str) -> list[Rule]:
    """Finds the rules that read these places and nothing else; an opaque predicate may read anything."""
    return [
        rule
        for rule in policy.rules
        if all(test.paths for test in rule.requires.tests)
        and all(any(f"{fact}.".startswith(f"{place}.") for place in places) for fact in rule.facts)
    ]


def setup_of(policy: Policy) -> Policy:
    """Makes a policy of the rules of another one that read only the domain and the agent.

    Raises:
        InvalidPolicyError: There are none.
    """
    check_types(Policy, policy=policy)
    rules = rules_reading(policy, "domain", "agent")
    if not rules:
        raise InvalidPolicyError(f"policy {policy.id!r} has no rule that reads only the domain and the agent")
    kept = {rule.code for rule in rules}
    before = {code: policy.prerequisites(code) & kept for code in kept}
    rules = [attrs.evolve(rule, after=sorted(before[rule.code])) for rule in rules]
    return Policy(f"{policy.id}:setup", rules, version=policy.version)


def before_any_click(domain: Domain, agent: Agent) -> EscalationRequest:
    """Makes a request of which nothing is known but the domain and the agent."""
    return _request(domain, agent, Channel(id=_UNKNOWN, domain_id=domain.id, kind=ChannelKind.UNKNOWN))


def on_channel(domain: Domain, channel: Channel, *, private: bool) -> EscalationRequest:
    """Makes a request of which nothing is known but the channel, and whether the message is private."""
    role = Role(id=_UNKNOWN, domain_id=domain.id, label=_UNKNOWN)
    agent = Agent(id=_UNKNOWN, domain_id=domain.id, role=role, enabled=False)
    return _request(domain, agent, channel, private=private)


def _request(domain: Domain, agent: Agent, channel: Channel, *, private: bool | None = None) -> EscalationRequest:
    message = Message(id=_UNKNOWN, channel=channel, author=MessageAuthor.UNKNOWN, private=private)
    return EscalationRequest(domain=domain, agent=agent, login=Login.UNKNOWN, message=message)
