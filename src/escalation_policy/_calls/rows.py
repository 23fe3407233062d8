"""Ledger entries as rows of a database, as pure functions: all that a ledger in a database does not do with SQL.

A ledger keeps a table of `Row`s. To update an entry, it locks and reads the row, calls `change_row()`, and stores what that
returns. To forget what has lapsed, it calls `sweep_row()` for each row whose `first_lapse` is not after the cutoff.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeVar, final

from .._fields import figure_of, require, to_utc
from ..exceptions import InvalidPayloadError
from .entries import EMPTY, LedgerEntry, lapse_times
from .entry_json import entry_from_json, entry_to_json
from .values import utc_now

T = TypeVar("T")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
#: Before all times that Python has, and inside the 64 bits of a database.
_EARLIEST: Final = -(2**62)
#: How long a sweep leaves lapsed entries alone, so that one wrong clock does not empty a ledger.
MARGIN: Final = timedelta(days=1)


@final
class Row(NamedTuple):
    """An entry as a ledger stores it. The times are microseconds since 1970: numbers sort like times in any zone.

    Attributes:
        entry_id: Identifies the entry: 32 letters and digits.
        entry: The entry as JSON. It contains the links.
        first_lapse: When the first part of the entry lapses.
        last_lapse: When nothing in the entry counts any more. An entry that cannot be read lapses by this alone.
    """

    entry_id: str
    entry: str
    first_lapse: int
    last_lapse: int


def change_row(
    entry_id: str,
    row: Row | None,
    change: Callable[[LedgerEntry], tuple[LedgerEntry, T]],
    now: datetime | None,
) -> tuple[Row | None, T]:
    """Change an entry that is stored as a row; see `CallLedger.update()`.

    Args:
        entry_id: Identifies the entry.
        row: The stored row, or None.
        change: The change of the entry.
        now: The current time, if it is known.

    Returns:
        The row to store, and the answer of the change. The row is None if the entry is empty: then nothing may stay stored. It
        equals `row` if nothing has changed.

    Raises:
        InvalidPayloadError: The stored entry cannot be read, and has not lapsed.
    """
    has_lapsed = row is None or (now is not None and row.last_lapse <= _microseconds(now))
    stored = EMPTY if row is None or has_lapsed else entry_from_json(row.entry)
    entry, answer = change(stored if now is None else stored.at(now))
    return (row if not has_lapsed and entry == stored else _row_of(entry_id, entry)), answer


def sweep_row(row: Row, cutoff: int) -> Row | None:
    """Return what is left of a row without the parts that have lapsed at a cutoff. It equals `row` if that cannot be read."""
    if row.last_lapse <= cutoff:
        return None
    try:
        entry = entry_from_json(row.entry)
    except InvalidPayloadError:  # a click on that case raises it
        return row
    return _row_of(row.entry_id, entry.at(_EPOCH + cutoff * _MICROSECOND))


def cutoff_of(now: datetime | None, margin: timedelta) -> int:
    """Return the time before which a sweep forgets what has lapsed: `margin` before now, in microseconds since 1970.

    Args:
        now: The current time, with a zone. None: the time of the system's clock.
        margin: A timedelta of 0 or more.

    Raises:
        InvalidValueError: An argument is invalid.
    """
    is_margin = isinstance(margin, timedelta) and margin >= timedelta(0)  # pyright: ignore[reportUnnecessaryIsInstance]
    require(is_margin, "margin", figure_of(margin), "a timedelta of 0 or more")
    at = _microseconds(utc_now() if now is None else to_utc("now", now))
    return max(at - margin // _MICROSECOND, _EARLIEST)


def _row_of(entry_id: str, entry: LedgerEntry) -> Row | None:
    times = [_microseconds(time) for time in lapse_times(entry)]
    return Row(entry_id, entry_to_json(entry), min(times), max(times)) if times else None


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
