"""The HTML page of an audit. It loads nothing else, runs only its own script, and can be read without it."""

import json
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from importlib.resources import files
from itertools import islice
from string import Template
from typing import Final

from .. import Policy
from ..administration import AgentAudit, SetupAction
from ._advice import advice, effect
from ._audits import SCOPE, AuditResult, StepCount, conflict_cells, missing_text
from ._decisions import PARTY_NAMES
from ._directories import same_faults
from ._output import Output, inert

#: How many agents the page shows without its script.
_STATIC_ROWS: Final = 1_000
_HEADINGS: Final = ("Role", "Ready", "Missing", "Behind that", "Agent")


def add_page(output: Output, result: AuditResult, *, made_at: datetime | None = None) -> None:
    """Add an audit as one page of HTML.

    Args:
        output: Where it is added. With `reveal`, the page has e-mail addresses.
        result: The audit.
        made_at: The time of the audit, for its reader. None: the page has none.
    """
    style, script = _resource("report.css"), _resource("report.js")
    headings = [*(["E-mail"] if output.reveal else []), *_HEADINGS]
    steps = {step.rule.code: step for step in result.steps()}
    agents = result.totals.agents
    page = Template(_resource("report.html")).substitute(
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        title=_html(result.title),
        scope=_html(SCOPE),
        made_at=_time(made_at),
        verdict=_html(result.verdict),
        ready_bar=_bar(result.totals.ready, agents),
        actions="\n".join(_action(action, steps, agents, result.report.policy) for action in result.actions)
        or "<li>Nothing.</li>",
        several=f"<p>{result.several:,} agents need several of these.</p>" if result.several else "",
        roles=_table(
            "Roles",
            "Who may use video",
            ("Role", "Agents", "Ready", "Permits video", "More ready if it does"),
            [
                (
                    each.role.label,
                    f"{each.agents:,}",
                    f"{each.ready:,}",
                    "yes" if each.permits else "no",
                    "" if each.permits else f"{each.gain:,}",
                )
                for each in result.roles()
            ],
        ),
        conflicts=_table(
            "Conflicts",
            "What only one agent should have",
            ("Shared", "Agents"),
            [conflict_cells(output, value) for value in result.shared],
        ),
        channels=_table(
            "Channels",
            "Where calls can be started",
            ("Channel", "Kind", "Use", "Id"),
            [
                (result.name_of(row), result.type_of(row), result.use_of(row), row.channel.id)
                for row in result.report.channels()
            ],
        ),
        unreadable=_table(
            "Not read",
            "Records that could not be read, or only in part",
            ("Fault",),
            [
                (line,)
                for line in same_faults(fault for each in result.report.directory.unreadable for fault in each.faults)
            ],
        ),
        roles_choices="".join(
            _option(label, label) for label in dict.fromkeys(row.agent.role.label for row in result.rows)
        ),
        choices="".join(_option(value, label) for value, label in _choices(steps.values())),
        columns="".join(f'<th scope="col">{heading}</th>' for heading in headings),
        note=_note(len(result.rows)),
        agents="\n".join(_row(_cells(output, row), headings) for row in islice(result.rows, _STATIC_ROWS)),
        data=_data(output, result),
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


def _time(at: datetime | None) -> str:
    if at is None:
        return ""
    utc = at.astimezone(UTC)
    return f' Made on <time datetime="{utc:%Y-%m-%dT%H:%MZ}">{utc:%Y-%m-%d at %H:%M} UTC</time>.'


def _note(rows: int) -> str:
    return f"{min(rows, _STATIC_ROWS):,} of {rows:,} agents shown."


def _bar(part: int, whole: int) -> str:
    return f'<svg viewBox="0 0 {whole} 1" preserveAspectRatio="none" aria-hidden="true"><rect width="{part}" height="1"/></svg>'


def _action(action: SetupAction, steps: dict[str, StepCount], agents: int, policy: Policy) -> str:
    what, who, where = map(_html, advice(action, policy))
    items = "".join(
        f"<li>{_html(PARTY_NAMES[step.party])}: {_html(step.text)}</li>"
        for code in action.codes
        for step in steps[code].remedy
    )
    codes = ", ".join(f"<code>{_html(code)}</code>" for code in action.codes)
    return (
        f'<li><div class="head"><h3>{what}</h3><span class="number">{_html(effect(action))}</span></div>'
        f"{_bar(action.ready, agents)}<p>{who}: {where}.</p>"
        f"<details><summary>Every step of {codes}</summary><ul>{items}</ul></details></li>"
    )


def _table(heading: str, caption: str, columns: Iterable[str], rows: list[tuple[str, ...]]) -> str:
    """Return a section with a table, or nothing if it would be empty."""
    if not rows:
        return ""
    names = list(columns)
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "\n".join(_row(row, names) for row in rows)
    return (
        f"<section>\n<h2>{heading}</h2>\n<table>\n<caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table>\n</section>"
    )


def _option(value: str, label: str) -> str:
    return f'<option value="{_html(value)}">{_html(label)}</option>'


def _choices(steps: Iterable[StepCount]) -> Iterable[tuple[str, str]]:
    """Yield value and label of each filter. A question mark cannot be the code of a rule."""
    missing = [step for step in steps if step.missing]
    if any(step.unknown for step in missing):
        yield "?", "agents about whom something is not known"
    yield from ((step.rule.code, f"agents who lack {step.rule.code}") for step in missing)


def _cells(output: Output, row: AgentAudit) -> list[str | None]:
    agent = row.agent
    state = ["yes" if row.ready else "no", missing_text(row), ", ".join(row.hidden)]
    return [*([agent.email] if output.reveal else []), agent.role.label, *state, agent.id]


def _row(cells: Iterable[str | None], names: Iterable[str]) -> str:
    first, *others = [(_html(cell), name) for cell, name in zip(cells, names, strict=True)]
    tail = "".join(f'<td data-name="{name}">{cell}</td>' for cell, name in others)
    return f'<tr><th scope="row">{first[0]}</th>{tail}</tr>'


def _data(output: Output, result: AuditResult) -> str:
    """Return the agents as columns of JSON. Roles, and what agents lack, are numbers in lists of all different ones."""
    roles: dict[str, int] = {}
    states: dict[tuple[tuple[str, ...], ...], int] = {}
    rows = result.rows
    columns = {
        "email": [inert(row.agent.email or "") for row in rows] if output.reveal else None,
        "role": [roles.setdefault(inert(row.agent.role.label), len(roles)) for row in rows],
        "state": [states.setdefault((row.missing, row.unknown, row.hidden), len(states)) for row in rows],
        "id": [inert(row.agent.id) for row in rows],
    }
    data = {"columns": columns, "roles": list(roles), "states": list(states)}
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")
