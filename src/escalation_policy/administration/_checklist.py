"""The setup checklist: what makes an agent ready to escalate to video, done or to do."""

from typing import final

import attrs

from .._engine.decision import Decision
from .._engine.policy import Policy
from .._engine.rules import Rule, Step
from .._enums import ReasonStatus
from .._fields import check_types
from .._values import Agent, Domain
from ..escalate_to_video import ESCALATE_TO_VIDEO
from ._setup import before_any_click, setup_of


@final
@attrs.frozen(kw_only=True)
class ChecklistStep:
    """One thing that must be so before the agent can escalate.

    Attributes:
        code: The rule that asks for it.
        done: Whether it is so.
        status: How the rule came out; unmet where it waits for other steps.
        requirement: What must be so, in words.
        steps: Where it is to do: who does what, and where to click.
        waits_for: The codes of steps to do first; until then nothing can be said of this one.
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
    """What makes one agent ready.

    Attributes:
        steps: In the policy's order.
        at_the_click: What else must hold, of the login, the channel, the message and the case, when the agent clicks.
        decision: What the steps rest on.
    """

    steps: tuple[ChecklistStep, ...]
    at_the_click: tuple[Rule, ...]
    decision: Decision

    @property
    def ready(self) -> bool:
        """Whether every step is done."""
        return self.decision.allowed


def checklist(domain: Domain, agent: Agent, *, policy: Policy = ESCALATE_TO_VIDEO) -> Checklist:
    """Lists what makes an agent ready to escalate to video.

    The steps are the rules that read only the domain and the agent.

    Raises:
        InvalidValueError: An argument is not what it should be.
        InvalidPolicyError: No rule of the policy reads only the domain and the agent.
    """
    check_types(Domain, domain=domain)
    check_types(Agent, agent=agent)
    setup = setup_of(policy)
    decision = setup.decide(before_any_click(domain, agent))
    return Checklist(
        steps=tuple(_step(setup, rule, agent, decision) for rule in setup.rules),
        at_the_click=tuple(rule for rule in policy.rules if rule.code not in setup),
        decision=decision,
    )


def _step(setup: Policy, rule: Rule, agent: Agent, decision: Decision) -> ChecklistStep:
    reason, hidden = decision.reason(rule.code), rule.code in decision.hidden
    done = decision.allowed or (reason is None and not hidden)
    remedy = None if done else reason.remedy if reason else rule.remedy
    open_codes = {*decision.hidden, *(each.code for each in decision.reasons)}
    first = [code for code in setup if code in setup.prerequisites(rule.code) & open_codes]
    replaces_role = not done and "agent.role.permissions" in rule.facts
    return ChecklistStep(
        code=rule.code,
        done=done,
        status=ReasonStatus.MET if done else reason.status if reason else ReasonStatus.UNMET,
        requirement=rule.explanation,
        steps=remedy.steps if remedy else (),
        waits_for=tuple(first) if hidden else (),
        warning=_one_role(agent) if replaces_role else None,
    )


def _one_role(agent: Agent) -> str | None:
    held = len(agent.role.permissions) + len(agent.role.unknown_permissions)
    if not held:
        return None
    permissions = "1 permission" if held == 1 else f"{held} permissions"
    return f"An agent has one role. The present one holds {permissions}: a new role takes away what it does not hold."
