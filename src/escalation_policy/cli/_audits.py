"""Audits: who of a domain is ready and what the others miss, as a page of text, as a JSON document and as CSV."""

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final

from rich.cells import cell_len

from ..administration import AgentAudit
from ._answers import document, steps_as_data
from ._findings import USES, Findings
from ._page import Page, inert

#: How wide a column is made; a cell that is longer moves those after it.
_WIDEST: Final = 40
#: Where a spreadsheet would take what follows for a formula. Some split the lines elsewhere, quotes or not.
_FORMULA: Final = re.compile(r"(?:^|(?<=[;,\"]))(?= *[=+\-@\uff1d\uff0b\uff0d\uff20])")


def audit_as_text(findings: Findings, *, terminal: bool) -> str:
    """Tells how many are ready, how many miss what and who acts, which channels can be used, and what each agent misses."""
    page = Page(terminal=terminal)
    page.add("", (findings.title, "bold"))
    page.add("")
    page.add("", findings.verdict)
    room = len(f"{findings.totals.agents:,}")
    steps = [
        (each.rule.code, f"{each.missing:,}".rjust(room) + each.caveat, each.parties if each.missing else "")
        for each in findings.steps()
    ]
    add_table(page, "Missing", steps)
    channels = [(each.channel.id, each.channel.kind.value, USES[each.use]) for each in findings.audit.channels()]
    add_table(page, "Channels", channels)
    add_table(page, "Agents", [(*_person(findings, row), _standing(row)) for row in findings.rows])
    return str(page)


def _person(findings: Findings, row: AgentAudit) -> list[str]:
    return [cell or "-" for cell in findings.person(row.agent)]


def _standing(row: AgentAudit) -> str:
    missing = ", ".join(f"{code} (not known)" if code in row.unknown else code for code in row.missing)
    behind = f"; behind that: {', '.join(row.hidden)}" if row.hidden else ""
    return f"{missing}{behind}" if missing else "ready"


def add_table(page: Page, title: str, rows: Iterable[Sequence[str]]) -> None:
    """Adds a table: a title, and columns as wide as they need to be."""
    page.add("")
    page.add("", (title, "bold"))
    cells = [[inert(cell) for cell in row] for row in rows]
    widths = [min(max(map(cell_len, column)), _WIDEST) for column in zip(*cells, strict=True)]
    for row in cells:
        *padded, last = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        page.add("  ", "  ".join([*padded, last]))


def audit_as_json(findings: Findings) -> str:
    """Writes an audit down."""
    audit, totals = findings.audit, findings.totals
    return document(
        domain_id=audit.directory.domain.id,
        policy_id=audit.policy.id,
        policy_version=audit.policy.version,
        fingerprint=audit.policy.fingerprint,
        totals={
            "agents": totals.agents,
            "ready": totals.ready,
            "unknown": sum(1 for row in findings.rows if row.unknown),
        },
        steps=[
            {
                "code": each.rule.code,
                "missing": each.missing,
                "unknown": each.unknown,
                "requirement": each.rule.explanation,
                "remedy": steps_as_data(each.remedy),
            }
            for each in findings.steps()
        ],
        channels=[
            {"id": each.channel.id, "kind": each.channel.kind.value, "use": each.use.value} for each in audit.channels()
        ],
        agents=[
            dict(zip(findings.columns, findings.person(row.agent), strict=True))
            | {"ready": row.ready, "missing": row.missing, "unknown": row.unknown, "hidden": row.hidden}
            for row in findings.rows
        ],
    )


def audit_as_csv(findings: Findings) -> str:
    """Writes a line for each agent."""
    rows = [
        (
            *findings.person(row.agent),
            "yes" if row.ready else "no",
            *map(" ".join, (row.missing, row.unknown, row.hidden)),
        )
        for row in findings.rows
    ]
    return as_csv([*findings.columns, "ready", "missing", "unknown", "hidden"], rows)


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """Writes a line for each row; no cell is a formula, and none holds a line break."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_FORMULA.sub("'", inert(cell or "")) for cell in row] for row in rows)
    return text.getvalue()
