"""Summaries: how many decisions a log holds, as a page of text, as a JSON document and as CSV."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from ..records import Summary, Tally
from ._answers import document
from ._audits import add_table, as_csv
from ._page import Page

#: What can be counted by, and what that is called in a summary.
BY: Final = {"reason": "reasons", "agent": "agents", "channel": "channels", "domain": "domains", "time": "times"}
#: How long times can be.
EVERY: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_COLUMNS: Final = ("by", "key", "status", "denied", "allowed")
#: How many rows a table has that was not asked for.
_SHOWN: Final = 20


def summary_as_text(summary: Summary, by: Collection[str], *, terminal: bool) -> str:
    """Tells how many were denied and allowed, and by what; of tables that were not asked for, the first rows."""
    page = Page(terminal=terminal)
    total = f"{summary.denied + summary.allowed:,}"
    page.add("", (f"Decisions: {total}. Denied: {summary.denied:,}. Allowed: {summary.allowed:,}.", "bold"))
    if summary.first and summary.last:
        page.add("", f"From {written(summary.first)} to {written(summary.last)}")
    if summary.broken:
        page.add("", f"Lines that could not be read: {summary.broken:,}")
    for name in by or BY:
        rows = _rows(summary, name)
        shown = rows if by else rows[:_SHOWN]
        if rows:
            add_table(page, BY[name].capitalize(), [_cells(row, len(total)) for row in shown])
        if len(rows) > len(shown):
            page.add("  ", f"and {len(rows) - len(shown):,} more: --by {name} shows all")
    return str(page)


def _cells(row: dict[str, Any], room: int) -> list[str]:
    words = [str(row[name] or "-") for name in ("key", "status") if name in row]
    return [*words, *(f"{row[name]:>{room},} {name}" for name in ("denied", "allowed") if name in row)]


def summary_as_json(summary: Summary, by: Collection[str]) -> str:
    """Writes a summary down."""
    return document(
        denied=summary.denied,
        allowed=summary.allowed,
        broken=summary.broken,
        first=summary.first and written(summary.first),
        last=summary.last and written(summary.last),
        **{BY[name]: _rows(summary, name) for name in by or BY},
    )


def summary_as_csv(summary: Summary, by: Collection[str]) -> str:
    """Writes a line for each row of each table."""
    rows = [{"by": name, "status": "", "allowed": "", **row} for name in by or BY for row in _rows(summary, name)]
    return as_csv(_COLUMNS, [["" if row[name] is None else str(row[name]) for name in _COLUMNS] for row in rows])


def _rows(summary: Summary, name: str) -> list[dict[str, Any]]:
    """Gives the rows of one table. What stands in the way of a decision has no share in what is allowed."""
    if name == "reason":
        return [{"key": row.code, "status": row.status.value, "denied": row.denied} for row in summary.reasons]
    tallies: tuple[Tally[Any], ...] = getattr(summary, BY[name])
    return [
        {"key": written(row.key) if name == "time" else row.key, "denied": row.denied, "allowed": row.allowed}
        for row in tallies
    ]


def written(at: datetime) -> str:
    """Writes down a time that is in UTC."""
    return f"{at.replace(tzinfo=None).isoformat(timespec='seconds')}Z"
