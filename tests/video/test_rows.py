"""Entries as rows: what a ledger in a database stores, and when it deletes it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest

from escalation_policy._calls.entries import EMPTY, Claim, LedgerEntry, RecordedCall
from escalation_policy._calls.rows import Row, change_row, cutoff_of, sweep_row
from escalation_policy._calls.values import VideoCall
from escalation_policy.exceptions import InvalidPayloadError, InvalidValueError

AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
CALL: Final = VideoCall(id="b1", join_url="https://v.example/1", account_id="1", extension_id="2", created_at=AT)
RECORDED: Final = RecordedCall("k", CALL, None, AT + HOUR)
DOUBT: Final = {"other": Claim("t", None, AT + 2 * HOUR)}
BOTH: Final = LedgerEntry(RECORDED, DOUBT)


def microseconds(at: datetime) -> int:
    """Return a time as it is stored."""
    return round(at.timestamp() * 1_000_000)


def row_of(entry: LedgerEntry) -> Row:
    """Return the row of an entry that is not empty."""
    row, _ = change_row("id", None, lambda _: (entry, None), None)
    assert row
    return row


BROKEN: Final = row_of(BOTH)._replace(entry="no entry")


def entry_in(row: Row | None, now: datetime | None = None) -> LedgerEntry:
    """Return the entry that an update at some time receives."""
    return change_row("id", row, lambda entry: (entry, entry), now)[1]


class TestChangeRow:
    """An update of one entry."""

    def test_stores_when_the_first_and_the_last_part_lapse(self) -> None:
        """In any zone."""
        row = row_of(BOTH)
        assert ("id", microseconds(AT + HOUR), microseconds(AT + 2 * HOUR)) == (row.entry_id, *row[2:])
        zone = timezone(timedelta(hours=-11))
        assert row[2:] == row_of(LedgerEntry(RECORDED._replace(lapses_at=(AT + HOUR).astimezone(zone)), DOUBT))[2:]
        earlier = RECORDED._replace(supersedes=CALL, supersedes_until=AT)
        assert microseconds(AT) == row_of(LedgerEntry(earlier)).first_lapse

    def test_returns_the_entry_and_the_answer(self) -> None:
        """Without a row, the entry is empty."""
        assert (row_of(BOTH), "answer") == change_row("id", None, lambda entry: (BOTH, "answer"), AT)
        assert EMPTY == entry_in(None)
        assert BOTH == entry_in(row_of(BOTH), AT)

    def test_returns_the_same_row_if_nothing_changes(self) -> None:
        """A ledger need not write it."""
        row = row_of(BOTH)
        assert row is change_row("id", row, lambda entry: (entry, None), AT)[0]

    def test_returns_no_row_if_the_entry_is_empty(self) -> None:
        """Whether or not there was one."""
        assert None is change_row("id", None, lambda entry: (entry, None), AT)[0]
        assert None is change_row("id", row_of(BOTH), lambda _: (EMPTY, None), AT)[0]

    def test_neither_receives_nor_keeps_what_has_lapsed(self) -> None:
        """Without a time, nothing lapses."""
        row = row_of(BOTH)
        half = LedgerEntry(None, DOUBT)
        for now, entry in ((None, BOTH), (AT, BOTH), (AT + HOUR, half), (AT + 2 * HOUR, EMPTY)):
            assert entry == entry_in(row, now)
        assert row_of(half) == change_row("id", row, lambda entry: (entry, None), AT + HOUR)[0]
        assert None is change_row("id", row, lambda entry: (entry, None), AT + 2 * HOUR)[0]

    def test_refuses_an_entry_that_cannot_be_read_until_it_has_lapsed(self) -> None:
        """By the last time in it, which is not in the text."""
        for now in (None, AT + HOUR):
            with pytest.raises(InvalidPayloadError):
                entry_in(BROKEN, now)
        assert EMPTY == entry_in(BROKEN, AT + 2 * HOUR)


class TestSweepRow:
    """A sweep of all entries."""

    def test_keeps_what_has_not_lapsed(self) -> None:
        """Part by part."""
        row = row_of(BOTH)
        assert row == sweep_row(row, microseconds(AT + HOUR) - 1)
        assert row_of(LedgerEntry(None, DOUBT)) == sweep_row(row, microseconds(AT + HOUR))
        assert None is sweep_row(row, microseconds(AT + 2 * HOUR))

    def test_deletes_an_entry_that_cannot_be_read_when_its_last_part_lapses(self) -> None:
        """With its link."""
        assert BROKEN == sweep_row(BROKEN, microseconds(AT + HOUR))
        assert None is sweep_row(BROKEN, microseconds(AT + 2 * HOUR))


class TestCutoffOf:
    """The time before which a sweep forgets."""

    def test_is_the_margin_before_now(self) -> None:
        """In any zone. By default, now is the time of the system's clock."""
        assert microseconds(AT - DAY) == cutoff_of(AT.astimezone(timezone(HOUR)), DAY)
        assert microseconds(AT) == cutoff_of(AT, timedelta(0))
        before = microseconds(datetime.now(UTC))
        assert before <= cutoff_of(None, timedelta(0)) <= microseconds(datetime.now(UTC))

    def test_fits_into_64_bits(self) -> None:
        """However long the margin is."""
        assert -(2**63) < cutoff_of(AT, timedelta.max) < microseconds(datetime.min.replace(tzinfo=UTC))

    @pytest.mark.parametrize(
        ("now", "margin", "problem"),
        [
            (AT.replace(tzinfo=None), DAY, "now must be a datetime with a zone, got a datetime without one"),
            (AT, -DAY, "margin must be a timedelta of 0 or more, got -1 day, 0:00:00"),
            (AT, 5, "margin must be a timedelta of 0 or more, got 5"),
        ],
    )
    def test_refuses_other_arguments(self, now: Any, margin: Any, problem: str) -> None:
        """They are checked before anything is deleted."""
        with pytest.raises(InvalidValueError, match=f"^{problem}$"):
            cutoff_of(now, margin)
