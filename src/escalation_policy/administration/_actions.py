"""What makes the agents of a domain ready: the actions of administrators, and how many agents each one makes ready."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, final

import attrs

from .._enums import Permission, VideoAccess
from .._values import Agent, Domain, RingCentralUser, Role
from ._readiness import Audit, AuditClass

#: Stands for the RingCentral ID that an agent gets. No other agent is compared with it.
_NEW_EXTENSION: Final = "1"


@final
@attrs.frozen(kw_only=True)
class SetupAction:
    """Something that administrators can do for agents who are not ready.

    Attributes:
        codes: The steps that it does: one, or for a look-up all steps about which something is not known.
        is_lookup: Whether it is only to look up what is not known.
        agents: The number of agents who need it.
        ready: The number of agents who are ready after this action alone. For a look-up: at most so many.
        roles: For a permission, the roles of these agents, with the numbers of agents that each makes ready, the greatest
            first. Roles that make nobody ready are left out, if another role does.
    """

    codes: tuple[str, ...]
    is_lookup: bool
    agents: int
    ready: int
    roles: tuple[tuple[Role, int], ...] = ()


def setup_actions(report: Audit) -> tuple[SetupAction, ...]:
    """Return what makes the agents of a domain ready, the greatest effect first.

    The effect of an action is computed: the action is done in one agent of each class, and the policy decides again. An agent
    who needs several actions is ready after none of them. A rule of a host is taken as met.
    """
    classes = [each for each in report.classes() if each.missing]
    codes = dict.fromkeys(code for each in classes for code in each.missing)
    actions = [_action(report, code, needing) for code in codes if (needing := _needing(classes, code))]
    if unknown := [each for each in classes if each.unknown]:
        ready = sum(len(each.agents) for each in unknown if _is_ready_after(report, each, each.unknown))
        open_codes = {code for each in unknown for code in each.unknown}
        named = tuple([code for code in codes if code in open_codes])
        actions.append(SetupAction(codes=named, is_lookup=True, agents=_count(unknown), ready=ready))
    return tuple(sorted(actions, key=lambda action: (-action.ready, -action.agents)))


def _needing(classes: list[AuditClass], code: str) -> list[AuditClass]:
    return [each for each in classes if code in each.missing and code not in each.unknown]


def _count(classes: list[AuditClass]) -> int:
    return sum(len(each.agents) for each in classes)


def _action(report: Audit, code: str, classes: list[AuditClass]) -> SetupAction:
    able = [each for each in classes if _is_ready_after(report, each, (code,))]
    roles = _roles(able or classes, able) if code == "role_permits" else ()
    return SetupAction(codes=(code,), is_lookup=False, agents=_count(classes), ready=_count(able), roles=roles)


def _roles(classes: list[AuditClass], able: list[AuditClass]) -> tuple[tuple[Role, int], ...]:
    agents = Counter(agent.role for each in classes for agent in each.agents)
    return tuple([(role, count if able else 0) for role, count in agents.most_common()])


def _is_ready_after(report: Audit, each: AuditClass, codes: tuple[str, ...]) -> bool:
    """Return whether the agents of a class are ready when some steps are done."""
    agent = each.agents[0]
    for code in codes:
        agent = _CHANGES.get(code, _unchanged)(report.directory.domain, agent)
    row = report.of(agent)
    return {*row.missing, *row.hidden} <= {code for code in codes if code not in _CHANGES}


def _unchanged(_: Domain, agent: Agent) -> Agent:
    return agent


def _enable(_: Domain, agent: Agent) -> Agent:
    return attrs.evolve(agent, enabled=True)


def _permit(_: Domain, agent: Agent) -> Agent:
    permissions = agent.role.permissions | {Permission.ESCALATE_TO_VIDEO}
    return attrs.evolve(agent, role=attrs.evolve(agent.role, permissions=permissions))


def _link(domain: Domain, agent: Agent) -> Agent:
    """Enter an extension in the domain's account that has video. Another one would not make the agent ready."""
    account_id, video = domain.ringcentral_account_id, VideoAccess.GRANTED
    user = RingCentralUser(extension_id=_NEW_EXTENSION, account_id=account_id, video=video)
    return attrs.evolve(agent, ringcentral=user)


def _move(domain: Domain, agent: Agent) -> Agent:
    return _with(agent, account_id=domain.ringcentral_account_id)


def _give_video(_: Domain, agent: Agent) -> Agent:
    return _with(agent, video=VideoAccess.GRANTED)


def _with(agent: Agent, **changes: Any) -> Agent:
    user = agent.ringcentral
    return agent if user is None else attrs.evolve(agent, ringcentral=attrs.evolve(user, **changes))


#: What each step of the built-in policy changes in an agent.
_CHANGES: Final[Mapping[str, Callable[[Domain, Agent], Agent]]] = {
    "agent_enabled": _enable,
    "role_permits": _permit,
    "extension_linked": _link,
    "extension_in_account": _move,
    "video_access": _give_video,
}
