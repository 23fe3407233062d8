"""Rows: records as a table holds them, and what tables make of them."""

import json
import sys
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any, Final

import attrs
import pytest

from escalation_policy import ESCALATE_TO_VIDEO, Login
from escalation_policy.exceptions import InvalidPayloadError
from escalation_policy.records import DecisionRecord, arrow_schema, record
from escalation_policy.testing import a_request

AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
ALLOWED: Final = record(ESCALATE_TO_VIDEO.decide(a_request()), at=AT, id="d1")
DENIED: Final = attrs.evolve(
    record(ESCALATE_TO_VIDEO.decide(a_request(login=Login.PASSWORD, ringcentral=None)), at=AT, id="d2"),
    facts_read_at=AT,
    correlation_id="x",
    outcome="denied",
    outputs={"p": True},
)
RECORDS: Final = [ALLOWED, DENIED]


def faults_of(**changes: Any) -> str:
    """Return what is wrong with a row that was changed."""
    with pytest.raises(InvalidPayloadError) as caught:
        DecisionRecord.from_row(ALLOWED.to_row() | changes)
    return str(caught.value)


class TestToRow:
    """`DecisionRecord.to_row()`."""

    def test_has_columns_to_query(self) -> None:
        """What support asks first, and the codes."""
        row = DENIED.to_row()
        assert ("deny", AT, "u1", "whats_app", "acme", "password") == tuple(
            row[name] for name in ("effect", "at", "agent", "channel", "domain", "login")
        )
        assert ("extension_linked,ringcentral_sso", "unmet,unmet") == (row["reason_codes"], row["reason_statuses"])
        assert "extension_in_account,video_access" == row["hidden"]

    def test_always_has_the_same_columns_of_one_type(self) -> None:
        """Missing values are None. A value of another type is only in the facts."""
        rows = [each.to_row() for each in (*RECORDS, attrs.evolve(ALLOWED, facts={"agent.id": 7, "domain.id": None}))]
        for name in rows[0]:
            kind = datetime if name in ("at", "facts_read_at") else str
            assert all(row[name] is None or type(row[name]) is kind for row in rows)
        assert [[*rows[0]]] * 3 == [[*row] for row in rows]
        assert (None, None, '{"agent.id":7,"domain.id":null}') == tuple(
            rows[2][name] for name in ("agent", "domain", "facts")
        )

    def test_escapes_what_no_table_can_hold(self) -> None:
        """One such text would stop the conversion of a whole log."""
        row = attrs.evolve(ALLOWED, id="é\udc80", facts={"agent.id": "\ud800"}).to_row()
        assert ("é\\udc80", "\\ud800") == (row["id"], row["agent"])
        assert {"agent.id": "\ud800"} == dict(DecisionRecord.from_row(row).facts)

    def test_has_a_schema_for_arrow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file in the package, which names the columns. Arrow itself reads it in the tests of the engines."""
        pyarrow = SimpleNamespace(ipc=SimpleNamespace(read_schema=bytes), py_buffer=bytes)
        monkeypatch.setitem(sys.modules, "pyarrow", pyarrow)
        assert all(name.encode() in arrow_schema() for name in ALLOWED.to_row())


class TestFromRow:
    """`DecisionRecord.from_row()`."""

    @pytest.mark.parametrize("each", RECORDS)
    def test_reads_the_same_record(self, each: DecisionRecord) -> None:
        """A fact that is missing is still missing."""
        assert each == DecisionRecord.from_row(each.to_row())
        fewer = attrs.evolve(each, facts={})
        assert fewer == DecisionRecord.from_row(fewer.to_row())

    @pytest.mark.parametrize("at", [AT.astimezone(timezone(timedelta(hours=2))), AT.isoformat()], ids=["zone", "text"])
    def test_reads_times_as_tables_write_them(self, at: object) -> None:
        """In any zone, or as text."""
        assert ALLOWED == DecisionRecord.from_row(ALLOWED.to_row() | {"at": at})

    def test_reads_what_tables_write_for_none(self) -> None:
        """Data frames have values of their own for it."""

        class NotAvailable:
            """As the one of pandas."""

            def __ne__(self, _: object) -> Any:
                return self

            def __bool__(self) -> bool:
                raise TypeError

            __hash__ = None  # type: ignore[assignment]

        for nothing in (float("nan"), NotAvailable()):
            assert ALLOWED == DecisionRecord.from_row(ALLOWED.to_row() | {"outcome": nothing, "facts_read_at": nothing})

    def test_ignores_other_columns(self) -> None:
        """Such as those that engines make of the names of folders, and those that are only for queries."""
        row = {name: value for name, value in ALLOWED.to_row().items() if name not in ("agent", "reason_codes")}
        assert ALLOWED == DecisionRecord.from_row(row | {"day": 31})

    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            (
                {"facts": "{"},
                "record.facts must be an object of strings, numbers of 64 bits, bools, nulls and lists of",
            ),
            ({"facts": {}, "unknown": 1}, "record.unknown must be a list of non-empty strings, got an int"),
            ({"met": "A B"}, "record.met must be a list of codes"),
            ({"met": None}, "record.met must be a list of codes"),
            (
                {"at": AT.replace(tzinfo=None)},
                "record.at must be a time with a zone, such as 2026-01-31T09:30:00Z, got",
            ),
            (
                {"at": datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))},
                "record.at must be a time with a zone, such as 2026-01-31T09:30:00Z, got a datetime",
            ),
            ({"schema_version": "2.0"}, "record.schema_version must be 1.x"),
        ],
    )
    def test_names_what_is_wrong(self, changes: dict[str, Any], fault: str) -> None:
        """By column."""
        assert faults_of(**changes).startswith(fault)

    def test_names_a_column_that_is_missing(self) -> None:
        """A query may have left it out."""
        with pytest.raises(InvalidPayloadError, match=r"record\.facts is missing"):
            DecisionRecord.from_row({name: value for name, value in ALLOWED.to_row().items() if name != "facts"})

    def test_refuses_what_is_no_row(self) -> None:
        """JSON has a reader of its own."""
        row: Any = json.loads(f"[{ALLOWED.to_json()}]")
        with pytest.raises(InvalidPayloadError) as caught:
            DecisionRecord.from_row(row)
        assert "record must be a mapping of columns, got a list" == str(caught.value)
