"""Audits, as text, JSON, CSV and HTML."""

import argparse
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Final, NamedTuple, final

import attrs

from .. import Agent, Rule, Step
from ..administration import AgentAudit, Audit, AuditTotals, ChannelUse, audit, checklist
from ._decisions import PARTY_NAMES, step_data, steps_of, version_suffix
from ._directories import read_directory
from ._imports import chosen_policy
from ._output import Output, inert
from ._parser import YES
from ._progress import ProgressBar

_USES: Final = {
    ChannelUse.USABLE: "usable",
    ChannelUse.PRIVATE_ONLY: "private messages only",
    ChannelUse.RETIRED: "listed, but the service has closed",
    ChannelUse.UNSUPPORTED: "not usable",
}
_COLUMNS: Final = ("id", "role_id")
#: The columns that may hold names. Only `--reveal` shows them.
_REVEALED_COLUMNS: Final = (*_COLUMNS, "email", "role_label")
_HEADINGS: Final = {"id": "Agent", "role_id": "Role", "email": "E-mail", "role_label": "Role's label"}


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

    @property
    def parties(self) -> str:
        """The parties that take the steps."""
        return "; ".join(dict.fromkeys(PARTY_NAMES[step.party] for step in self.remedy)) or "-"


@final
@attrs.frozen
class AuditResult:
    """The result of an audit, with the words that all formats share.

    Attributes:
        rows: One for each agent.
    """

    audit: Audit
    rows: list[AgentAudit]
    totals: AuditTotals

    @classmethod
    def of(cls, audit: Audit, progress: ProgressBar) -> "AuditResult":
        """Audit every agent."""
        rows = list(progress.track(audit.agents(), "Auditing", len(audit.directory.agents)))
        return cls(audit, rows, audit.totals(rows))

    def steps(self) -> list[StepCount]:
        """Return every step of the setup."""
        unknown = self.totals.unknown
        return [
            StepCount(self.audit.policy[code], missing, unknown[code], self._remedy(code))
            for code, missing in self.totals.missing.items()
        ]

    def _remedy(self, code: str) -> tuple[Step, ...]:
        """Return the steps from the checklist of the first agent about whom it is not known, or the rule's own steps."""
        row = next((row for row in self.rows if code in row.unknown), None)
        if row is None:
            return steps_of(self.audit.policy[code].remedy)
        steps = checklist(self.audit.directory.domain, row.agent, policy=self.audit.policy).steps
        return next(step.steps for step in steps if step.code == code)

    @property
    def title(self) -> str:
        """The domain and the policy."""
        policy = self.audit.policy
        return f"Audit of {self.audit.directory.domain.id} by {policy.id}{version_suffix(policy.version)}"

    @property
    def verdict(self) -> str:
        """How many agents are ready."""
        verdict = f"Ready: {self.totals.ready:,} of {self.totals.agents:,} agents."
        number = self.totals.unreadable
        records = "1 record" if number == 1 else f"{number:,} records"
        return f"{verdict} {records} could not be read, or only in part." if number else verdict


def add_audit(output: Output, result: AuditResult) -> None:
    """Add an audit in the format of the output."""
    {"text": _add_text, "json": _add_json, "csv": _add_csv, "html": _add_html}[output.format](output, result)


def _columns(output: Output) -> tuple[str, ...]:
    return _REVEALED_COLUMNS if output.reveal else _COLUMNS


def _person(output: Output, agent: Agent) -> tuple[str | None, ...]:
    """Return the cells that say who an agent is."""
    return (agent.id, agent.role.id, *((agent.email, agent.role.label) if output.reveal else ()))


def _add_text(output: Output, result: AuditResult) -> None:
    """Add the number of ready agents, who has to act for how many agents, the channels, and what each agent lacks."""
    output.add("", (result.title, "bold"))
    output.add("")
    output.add("", result.verdict)
    width = len(f"{result.totals.agents:,}")
    steps = [
        (step.rule.code, f"{step.missing:,}".rjust(width) + step.unknown_note, step.parties if step.missing else "")
        for step in result.steps()
    ]
    output.add_table("Missing", steps)
    channels = [(row.channel.id, row.channel.kind.value, _USES[row.use]) for row in result.audit.channels()]
    output.add_table("Channels", channels)
    faults = [(str(fault),) for record in result.audit.directory.unreadable for fault in record.faults]
    if faults:
        output.add_table("Could not be read", faults)
    agents = [(*(cell or "-" for cell in _person(output, row.agent)), _summary(row)) for row in result.rows]
    output.add_table("Agents", agents)


def _summary(row: AgentAudit) -> str:
    missing = ", ".join(f"{code} (not known)" if code in row.unknown else code for code in row.missing)
    behind = f"; behind that: {', '.join(row.hidden)}" if row.hidden else ""
    return f"{missing}{behind}" if missing else "ready"


def _add_json(output: Output, result: AuditResult) -> None:
    audit, totals, columns = result.audit, result.totals, _columns(output)
    output.add_json(
        domain_id=audit.directory.domain.id,
        policy_id=audit.policy.id,
        policy_version=audit.policy.version,
        fingerprint=audit.policy.fingerprint,
        totals={
            "agents": totals.agents,
            "ready": totals.ready,
            "unknown": sum(1 for row in result.rows if row.unknown),
            "unreadable": totals.unreadable,
        },
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
        channels=[
            {"id": row.channel.id, "kind": row.channel.kind.value, "use": row.use.value} for row in audit.channels()
        ],
        unreadable=[
            {
                "kind": record.kind.value,
                "id": record.id,
                "in_part": record.in_part,
                "faults": [str(fault) for fault in record.faults],
            }
            for record in audit.directory.unreadable
        ],
        agents=[
            dict(zip(columns, _person(output, row.agent), strict=True))
            | {"ready": row.ready, "missing": row.missing, "unknown": row.unknown, "hidden": row.hidden}
            for row in result.rows
        ],
    )


def _add_csv(output: Output, result: AuditResult) -> None:
    columns = [*_columns(output), "ready", "missing", "unknown", "hidden"]
    output.add_csv(columns, [(*_person(output, row.agent), *_cells(row, " ")) for row in result.rows])


def _cells(row: AgentAudit, separator: str) -> list[str]:
    return ["yes" if row.ready else "no", *map(separator.join, (row.missing, row.unknown, row.hidden))]


def _add_html(output: Output, result: AuditResult) -> None:
    """Add one page of HTML. It loads nothing else, and can be read without its script."""
    style, script = _resource("report.css"), _resource("report.js")
    agents = result.totals.agents
    steps = [step for step in result.steps() if step.missing]
    headings = [*(_HEADINGS[column] for column in _columns(output)), "Ready", "Missing", "Not known", "Behind that"]
    page = Template(_resource("report.html")).substitute(
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        title=_html(result.title),
        verdict=_html(result.verdict),
        ready_bar=_bar(result.totals.ready, agents),
        steps="\n".join(_step(step, agents) for step in steps) or "<li>Nothing.</li>",
        choices="".join(f'<option value="{value}">{label}</option>' for value, label in _choices(steps)),
        channels="\n".join(
            _row([row.channel.id, row.channel.kind.value, _USES[row.use]]) for row in result.audit.channels()
        ),
        columns="".join(f'<th scope="col">{heading}</th>' for heading in headings),
        agents="\n".join(_row([*_person(output, row.agent), *_cells(row, ", ")]) for row in result.rows),
    )
    output.add_raw(page)


def _resource(name: str) -> str:
    return files(__package__ or "").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """Return the hash of an inline style or script. The page's security policy accepts no other style or script."""
    return b64encode(sha256(text.encode()).digest()).decode()


def _html(text: str | None) -> str:
    """Return a text as HTML without any markup. It is ASCII, so it means the same in any encoding."""
    return escape(inert(text or "")).encode("ascii", "xmlcharrefreplace").decode()


def _bar(part: int, whole: int) -> str:
    return f'<svg viewBox="0 0 {whole} 1" preserveAspectRatio="none" aria-hidden="true"><rect width="{part}" height="1"/></svg>'


def _step(step: StepCount, agents: int) -> str:
    items = "".join(f"<li>{_html(PARTY_NAMES[item.party])}: {_html(item.text)}</li>" for item in step.remedy)
    number = f"{step.missing:,} of {agents:,}{step.unknown_note}"
    return (
        f'<li><div class="head"><h3><code>{step.rule.code}</code></h3><span class="number">{number}</span></div>'
        f"{_bar(step.missing, agents)}<p>{_html(step.rule.explanation)}</p>"
        f"<details><summary>Who acts: {_html(step.parties)}</summary><ul>{items}</ul></details></li>"
    )


def _choices(steps: Iterable[StepCount]) -> Iterable[tuple[str, str]]:
    """Yield value and label of each filter. A question mark cannot be the code of a rule."""
    if any(step.unknown for step in steps):
        yield "?", "agents about whom something is not known"
    yield from ((step.rule.code, f"agents who lack {step.rule.code}") for step in steps)


def _row(cells: Iterable[str | None]) -> str:
    first, *others = map(_html, cells)
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'


def run_audit(arguments: argparse.Namespace, output: Output) -> int:
    """Show which agents of a domain are ready."""
    policy = chosen_policy(arguments)
    with ProgressBar() as progress:
        directory = read_directory(arguments.path, progress)
        result = AuditResult.of(audit(directory, policy=policy), progress)
        progress.begin("Writing")
        add_audit(output, result)
    return YES
