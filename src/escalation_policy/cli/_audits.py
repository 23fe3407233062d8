"""Audits, as text, JSON and CSV. `_reports` makes the HTML page."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple, final

import attrs

from .. import Agent, ChannelKind, Permission, Role, Rule, Step
from .._fields import closest
from ..administration import (
    AgentAudit,
    Audit,
    AuditClass,
    AuditTotals,
    ChannelAudit,
    ChannelUse,
    SetupAction,
    SharedField,
    SharedValue,
    checklist,
    setup_actions,
)
from ._advice import advice, effect
from ._decisions import policy_data, step_data, steps_of, version_suffix
from ._directories import same_faults
from ._output import Output, UnusableInputError, count_of
from ._progress import ProgressBar

#: The API leaves out what a token may not read, and does not say so.
SCOPE: Final = "It counts what the API's token could read."
#: How many actions the summary shows.
_MAX_ACTIONS: Final = 3
_USES: Final = {
    ChannelUse.USABLE: "usable",
    ChannelUse.PRIVATE_ONLY: "private messages only",
    ChannelUse.RETIRED: "listed, but the service has closed",
    ChannelUse.UNSUPPORTED: "not usable",
}
_SWITCHED_OFF: Final = "switched off"
_UNKNOWN_TYPE: Final = "of an unknown type"
_SHARED: Final = {SharedField.RINGCENTRAL_ID: "RingCentral ID", SharedField.EMAIL: "e-mail address"}


@final
@attrs.frozen
class AgentFilter:
    """Which agents an audit lists.

    Attributes:
        role: The id or the label of their role. None: any role.
        missing: A step that they lack. None: any, or none.
        not_ready: Whether agents who are ready are left out.
    """

    role: str | None = None
    missing: str | None = None
    not_ready: bool = False

    def rows(self, report: Audit, rows: Iterable[AgentAudit]) -> list[AgentAudit]:
        """Return the rows of these agents.

        Raises:
            UnusableInputError: No role has this id or label, or no step this code.
        """
        roles = [role.id for role in report.directory.roles if self.role in (None, role.id, role.label)]
        if not roles and self.role is not None:
            labels = [role.label for role in report.directory.roles]
            raise UnusableInputError(f"--role names no role{_hint(self.role, labels)}: there are {', '.join(labels)}")
        steps = list(report.totals(()).missing)
        if self.missing is not None and self.missing not in steps:
            raise UnusableInputError(f"--missing must be one of {', '.join(steps)}{_hint(self.missing, steps)}")
        return [
            row
            for row in rows
            if row.agent.role.id in roles
            and (self.missing is None or self.missing in row.missing)
            and not (self.not_ready and row.ready)
        ]


def _hint(text: str, accepted: Iterable[str]) -> str:
    return f" (did you mean {key}?)" if (key := closest(text, accepted)) else ""


@final
class StepCount(NamedTuple):
    """How many agents lack one step of the setup.

    Attributes:
        missing: The number of agents who lack it.
        unknown: The number of these agents about whom it is not known.
        remedy: Who does what. If it is not known about some agent, the first step is to look it up.
    """

    rule: Rule
    missing: int
    unknown: int
    remedy: tuple[Step, ...]

    @property
    def unknown_note(self) -> str:
        """What follows the number of agents; empty if everything is known."""
        return f" ({self.unknown:,} not known)" if self.unknown else ""


@final
class RoleCount(NamedTuple):
    """How many agents of one role are ready.

    Attributes:
        permits: Whether the role holds the permission.
        gain: How many more are ready if it does.
    """

    role: Role
    permits: bool
    agents: int
    ready: int
    gain: int


@final
@attrs.frozen
class AuditResult:
    """The result of an audit, with the words that all formats share.

    Attributes:
        rows: One for each agent that the audit lists.
    """

    report: Audit
    rows: list[AgentAudit]
    totals: AuditTotals
    classes: tuple[AuditClass, ...]
    actions: tuple[SetupAction, ...]
    shared: tuple[SharedValue, ...]

    @classmethod
    def of(cls, report: Audit, progress: ProgressBar, agents: AgentFilter = AgentFilter()) -> "AuditResult":
        """Audit every agent.

        Raises:
            UnusableInputError: The filter names no role, or no step.
        """
        rows = list(progress.track(report.agents(), "Auditing", len(report.directory.agents)))
        chosen, totals = agents.rows(report, rows), report.totals(rows)
        return cls(report, chosen, totals, report.classes(), setup_actions(report), report.shared())

    def steps(self) -> list[StepCount]:
        """Return every step of the setup."""
        unknown = self.totals.unknown
        return [
            StepCount(self.report.policy[code], missing, unknown[code], self._remedy(code))
            for code, missing in self.totals.missing.items()
        ]

    def _remedy(self, code: str) -> tuple[Step, ...]:
        """Return the steps from the checklist of the first agent about whom it is not known, or the rule's own steps."""
        agent = next((each.agents[0] for each in self.classes if code in each.unknown), None)
        if agent is None:
            return steps_of(self.report.policy[code].remedy)
        steps = checklist(self.report.directory.domain, agent, policy=self.report.policy).steps
        return next(step.steps for step in steps if step.code == code)

    def roles(self) -> list[RoleCount]:
        """Return every role, the one with the most agents first."""
        agents = Counter(agent.role.id for agent in self.report.directory.agents)
        ready = Counter(agent.role.id for each in self.classes if not each.missing for agent in each.agents)
        gains = {role.id: gain for action in self.actions for role, gain in action.roles}
        counts = [
            RoleCount(
                role,
                Permission.ESCALATE_TO_VIDEO in role.permissions,
                agents[role.id],
                ready[role.id],
                gains.get(role.id, 0),
            )
            for role in self.report.directory.roles
        ]
        return sorted(counts, key=lambda count: -count.agents)

    @property
    def shared_and_ready(self) -> int:
        """The number of ready agents who share a RingCentral ID with another agent."""
        ready = {agent.id for each in self.classes if not each.missing for agent in each.agents}
        ids = (agent.id for value in self.shared if value.field is SharedField.RINGCENTRAL_ID for agent in value.agents)
        return sum(agent_id in ready for agent_id in ids)

    def type_of(self, row: ChannelAudit) -> str:
        """Return the kind of a channel, or its type as it stands in the file if it is of no known kind."""
        kind = row.channel.kind
        return (
            self.report.directory.types.get(row.channel.id, kind.value) if kind is ChannelKind.UNKNOWN else kind.value
        )

    def use_of(self, row: ChannelAudit) -> str:
        """Return how a channel can be used, in words."""
        if row.channel.kind is ChannelKind.UNKNOWN:
            return f"{_USES[row.use]}, {_UNKNOWN_TYPE}"
        return _SWITCHED_OFF if row.channel.id in self.report.directory.inactive else _USES[row.use]

    def name_of(self, row: ChannelAudit) -> str:
        """Return the name of a channel, or its id if it has none."""
        return self.report.directory.labels.get(row.channel.id, row.channel.id)

    @property
    def title(self) -> str:
        """The domain and the policy."""
        policy = self.report.policy
        return f"Audit of {self.report.directory.domain.id} by {policy.id}{version_suffix(policy.version)}"

    @property
    def verdict(self) -> str:
        """How many agents are ready."""
        verdict = f"Ready: {self.totals.ready:,} of {self.totals.agents:,} agents."
        if shared := self.shared_and_ready:
            return f"{verdict} Of these, {shared:,} {'shares' if shared == 1 else 'share'} a RingCentral ID with another agent."
        return verdict

    @property
    def several(self) -> int:
        """The number of agents whom no single action makes ready."""
        alone = sum(action.ready for action in self.actions)
        return max(self.totals.agents - self.totals.ready - alone, 0)


def add_audit(output: Output, result: AuditResult, *, lists_agents: bool = False, has_details: bool = False) -> None:
    """Add an audit as text, JSON or CSV.

    Args:
        output: Its format decides.
        result: The audit.
        lists_agents: Whether the text ends with the agents.
        has_details: Whether the text has every action, role, conflict, channel and unreadable record.
    """
    if output.format == "json":
        _add_json(output, result)
    elif output.format == "csv":
        _add_csv(output, result)
    else:
        _add_text(output, result, lists_agents=lists_agents, has_details=has_details)


def columns(output: Output) -> tuple[str, ...]:
    """Return the columns that say who an agent is. Only `--reveal` shows addresses."""
    return ("id", "role_id", "role_label", *(("email",) if output.reveal else ()))


def person(output: Output, agent: Agent) -> tuple[str | None, ...]:
    """Return the cells that say who an agent is."""
    return (agent.id, agent.role.id, agent.role.label, *((agent.email,) if output.reveal else ()))


def _add_text(output: Output, result: AuditResult, *, lists_agents: bool, has_details: bool) -> None:
    output.add("", (result.title, "bold"))
    output.add("", SCOPE)
    output.add("")
    output.add_verdict(result.verdict)
    _add_actions(output, result, len(result.actions) if has_details else _MAX_ACTIONS)
    if has_details:
        _add_details(output, result)
    else:
        output.add_table("Overview", _overview(result))
    if lists_agents:
        output.add_table(f"Agents: {len(result.rows):,}", [_agent_cells(output, row) for row in result.rows])
    hints = [] if has_details else ["--details"]
    hints += [] if lists_agents else ["--agents, --not-ready, --role ROLE, --missing CODE"]
    hints += [] if output.reveal else ["--reveal"]
    if hints:
        output.add("")
        output.add("", f"More: {', '.join(hints)}.")


def _add_actions(output: Output, result: AuditResult, limit: int) -> None:
    """Add what to do, the greatest effect first."""
    if not result.actions:
        return
    output.add("")
    output.add("", ("What to do, the greatest effect first", "bold"))
    for number, action in enumerate(result.actions[:limit], start=1):
        what, who, where = advice(action, result.report.policy)
        output.add(f" {number}. ", (what, "bold"), f": {effect(action)}.")
        output.add("    ", (who, "italic"), f": {where}.")
    notes: list[str] = []
    if more := len(result.actions) - limit:
        notes += [f"{count_of(more, 'more action')}" if more > 0 else ""]
    if result.several:
        notes += [f"{count_of(result.several, 'agent')} {'needs' if result.several == 1 else 'need'} several of them"]
    if text := "; ".join(filter(None, notes)):
        output.add("    ", f"{text}.")


def _overview(result: AuditResult) -> list[tuple[str, str]]:
    """Return one line each about roles, conflicts, channels and unreadable records."""
    roles = [role for role in result.roles() if role.agents]
    without = [role for role in roles if not role.permits]
    agents = count_of(sum(role.agents for role in without), "agent")
    permits = f"{len(roles) - len(without):,} of {count_of(len(roles), 'role')} in use permit video"
    lines = [("Roles", f"{permits}; {agents} in the others" if without else permits)]
    fields = Counter(value.field for value in result.shared)
    if shared := [f"{count_of(fields[field], name)}" for field, name in _SHARED.items() if fields[field]]:
        lines.append(("Conflicts", f"{' and '.join(shared)} on several agents"))
    channels = result.report.channels()
    usable = sum(result.use_of(row) in (_USES[ChannelUse.USABLE], _USES[ChannelUse.PRIVATE_ONLY]) for row in channels)
    lines.append(("Channels", f"{usable:,} of {count_of(len(channels), 'channel')} can be used"))
    if faults := result.report.directory.unreadable:
        whole = sum(1 for record in faults if not record.in_part)
        text = f"{count_of(len(faults), 'record')} not read, or only in part"
        lines.append(("Unreadable", f"{text}; {whole:,} left out" if whole else text))
    return lines


def _add_details(output: Output, result: AuditResult) -> None:
    """Add every role, step, conflict, channel and unreadable record."""
    output.add_table(
        "Roles",
        [
            (
                count.role.label,
                count_of(count.agents, "agent"),
                f"{count.ready:,} ready",
                "permits video" if count.permits else f"does not permit video: {count.gain:,} more ready if it does",
            )
            for count in result.roles()
        ],
    )
    output.add_table(
        "Missing",
        [(step.rule.code, f"{step.missing:,}{step.unknown_note}") for step in result.steps() if step.missing]
        or [("nothing",)],
    )
    if result.shared:
        output.add_table("Conflicts", [conflict_cells(output, value) for value in result.shared])
    channels = [
        (result.name_of(row), result.type_of(row), result.use_of(row), row.channel.id)
        for row in result.report.channels()
    ]
    output.add_table("Channels", channels)
    if faults := [fault for record in result.report.directory.unreadable for fault in record.faults]:
        output.add_table("Could not be read", [(line,) for line in same_faults(faults)])


def conflict_cells(output: Output, value: SharedValue) -> tuple[str, str]:
    """Return what several agents share, and who they are."""
    names = [(output.reveal and agent.email) or agent.id for agent in value.agents]
    return f"one {_SHARED[value.field]}", ", ".join(names)


def _agent_cells(output: Output, row: AgentAudit) -> tuple[str, ...]:
    agent = row.agent
    return (*((agent.email or "-",) if output.reveal else ()), agent.role.label, agent.id, _summary(row))


def missing_text(row: AgentAudit) -> str:
    """Return what an agent lacks, in one line."""
    return ", ".join(f"{code} (not known)" if code in row.unknown else code for code in row.missing)


def _summary(row: AgentAudit) -> str:
    missing = missing_text(row)
    behind = f"; behind that: {', '.join(row.hidden)}" if row.hidden else ""
    return f"{missing}{behind}" if missing else "ready"


def _add_json(output: Output, result: AuditResult) -> None:
    report, totals, names = result.report, result.totals, columns(output)
    output.add_json(
        domain_id=report.directory.domain.id,
        **policy_data(report.policy),
        totals={
            "agents": totals.agents,
            "ready": totals.ready,
            "ready_but_shared": result.shared_and_ready,
            "unknown": sum(len(each.agents) for each in result.classes if each.unknown),
            "unreadable": totals.unreadable,
        },
        actions=[_action_data(action, result) for action in result.actions],
        roles=[
            {
                "id": count.role.id,
                "label": count.role.label,
                "permits": count.permits,
                "agents": count.agents,
                "ready": count.ready,
                "gain": count.gain,
            }
            for count in result.roles()
        ],
        steps=[
            {
                "code": step.rule.code,
                "missing": step.missing,
                "unknown": step.unknown,
                "requirement": step.rule.explanation,
                "remedy": step_data(step.remedy),
            }
            for step in result.steps()
        ],
        conflicts=[
            {"field": value.field.value, "agents": [agent.id for agent in value.agents]} for value in result.shared
        ],
        channels=[
            {
                "id": row.channel.id,
                "kind": row.channel.kind.value,
                "type": report.directory.types.get(row.channel.id),
                "label": report.directory.labels.get(row.channel.id),
                "active": row.channel.id not in report.directory.inactive,
                "use": row.use.value,
            }
            for row in report.channels()
        ],
        unreadable=[
            {
                "kind": record.kind.value,
                "id": record.id,
                "in_part": record.in_part,
                "faults": [str(fault) for fault in record.faults],
            }
            for record in report.directory.unreadable
        ],
        agents=[
            dict(zip(names, person(output, row.agent), strict=True))
            | {"ready": row.ready, "missing": row.missing, "unknown": row.unknown, "hidden": row.hidden}
            for row in result.rows
        ],
    )


def _action_data(action: SetupAction, result: AuditResult) -> dict[str, object]:
    what, who, where = advice(action, result.report.policy)
    return {
        "codes": action.codes,
        "lookup": action.is_lookup,
        "agents": action.agents,
        "ready": action.ready,
        "roles": [{"id": role.id, "ready": ready} for role, ready in action.roles],
        "what": what,
        "who": who,
        "where": where,
    }


def _add_csv(output: Output, result: AuditResult) -> None:
    names = [*columns(output), "ready", "missing", "unknown", "hidden"]
    output.add_csv(names, [(*person(output, row.agent), *cells(row, " ")) for row in result.rows])


def cells(row: AgentAudit, separator: str) -> list[str]:
    """Return whether an agent is ready, and the missing, unknown and hidden codes."""
    return ["yes" if row.ready else "no", *map(separator.join, (row.missing, row.unknown, row.hidden))]
