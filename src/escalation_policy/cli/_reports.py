"""Reports: an audit as one page of HTML that asks for nothing else, and can be read without its script."""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Final

from ..administration import AgentAudit
from ._answers import PARTIES
from ._findings import USES, Findings, Missed
from ._page import inert

_COLUMNS: Final = {"id": "Agent", "role_id": "Role", "email": "E-mail", "role_label": "Role's label"}


def audit_as_html(findings: Findings) -> str:
    """Lays an audit out: the summary, a bar for each step that somebody misses, the channels, a table of the agents."""
    style, script = _resource("report.css"), _resource("report.js")
    agents = findings.totals.agents
    missed = [each for each in findings.steps() if each.missing]
    heads = [*(_COLUMNS[column] for column in findings.columns), "Ready", "Missing", "Not known", "Behind that"]
    return Template(_resource("report.html")).substitute(
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        title=_shown(findings.title),
        verdict=_shown(findings.verdict),
        ready_bar=_bar(findings.totals.ready, agents),
        steps="\n".join(_step(each, agents) for each in missed) or "<li>Nothing.</li>",
        choices="".join(f'<option value="{value}">{label}</option>' for value, label in _choices(missed)),
        channels="\n".join(
            _row([each.channel.id, each.channel.kind.value, USES[each.use]]) for each in findings.audit.channels()
        ),
        columns="".join(f'<th scope="col">{head}</th>' for head in heads),
        agents="\n".join(_row([*findings.person(row.agent), *_standing(row)]) for row in findings.rows),
    )


def _resource(name: str) -> str:
    return files(__package__ or "").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """Names an inline style or script to the browser, which takes no other."""
    return b64encode(sha256(text.encode()).digest()).decode()


def _shown(text: str | None) -> str:
    """Gives a text as HTML that holds nothing but text, in ASCII, whatever the file is taken for."""
    return escape(inert(text or "")).encode("ascii", "xmlcharrefreplace").decode()


def _bar(part: int, whole: int) -> str:
    return f'<svg viewBox="0 0 {whole} 1" preserveAspectRatio="none" aria-hidden="true"><rect width="{part}" height="1"/></svg>'


def _step(each: Missed, agents: int) -> str:
    steps = "".join(f"<li>{_shown(PARTIES[step.party])}: {_shown(step.text)}</li>" for step in each.remedy)
    number = f"{each.missing:,} of {agents:,}{each.caveat}"
    return (
        f'<li><div class="head"><h3><code>{each.rule.code}</code></h3><span class="number">{number}</span></div>'
        f"{_bar(each.missing, agents)}<p>{_shown(each.rule.explanation)}</p>"
        f"<details><summary>Who acts: {_shown(each.parties)}</summary><ul>{steps}</ul></details></li>"
    )


def _choices(missed: Iterable[Missed]) -> Iterable[tuple[str, str]]:
    """Gives what can be looked for; no code of a rule is a question mark."""
    if any(each.unknown for each in missed):
        yield "?", "of whom something is not known"
    yield from ((each.rule.code, f"who misses {each.rule.code}") for each in missed)


def _standing(row: AgentAudit) -> tuple[str, ...]:
    return "yes" if row.ready else "no", *map(", ".join, (row.missing, row.unknown, row.hidden))


def _row(cells: Iterable[str | None]) -> str:
    first, *others = map(_shown, cells)
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'
