"""Reports: an audit as one page of HTML that asks for nothing else, and can be read without its script."""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Final

from .. import Rule
from ..administration import AgentAudit
from ._answers import PARTIES, steps_of
from ._findings import USES, Findings, parties_of
from ._page import inert

_COLUMNS: Final = {"id": "Agent", "role_id": "Role", "email": "E-mail", "role_label": "Role's label"}


def audit_as_html(findings: Findings) -> str:
    """Lays an audit out: the summary, a bar for each step that somebody misses, the channels, a table of the agents."""
    style, script = _resource("report.css"), _resource("report.js")
    agents = findings.totals.agents
    missed = [(rule, missing) for rule, missing in findings.steps() if missing]
    heads = [*(_COLUMNS[column] for column in findings.columns), "Ready", "Missing", "Behind that"]
    return Template(_resource("report.html")).substitute(
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        title=_shown(findings.title),
        verdict=_shown(findings.verdict),
        caveat=f"<p>{_shown(findings.caveat)}</p>" if findings.caveat else "",
        ready_bar=_bar(findings.totals.ready, agents),
        steps="\n".join(_step(rule, missing, agents) for rule, missing in missed) or "<li>Nothing.</li>",
        choices="".join(f'<option value="{rule.code}">who misses {rule.code}</option>' for rule, _ in missed),
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


def _step(rule: Rule, missing: int, agents: int) -> str:
    steps = "".join(f"<li>{_shown(PARTIES[step.party])}: {_shown(step.text)}</li>" for step in steps_of(rule.remedy))
    return (
        f'<li><div class="head"><h3><code>{rule.code}</code></h3><span class="number">{missing:,} of {agents:,}</span></div>'
        f"{_bar(missing, agents)}<p>{_shown(rule.explanation)}</p>"
        f"<details><summary>Who acts: {_shown(parties_of(rule))}</summary><ul>{steps}</ul></details></li>"
    )


def _standing(row: AgentAudit) -> tuple[str, str, str]:
    return "yes" if row.ready else "no", ", ".join(row.missing), ", ".join(row.hidden)


def _row(cells: Iterable[str | None]) -> str:
    first, *others = map(_shown, cells)
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'
