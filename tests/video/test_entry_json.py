"""Entries as JSON: what survives the way there and back, and what is refused without showing it."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy._calls.entries import Claim, RecordedCall
from escalation_policy.exceptions import Fault, InvalidPayloadError
from escalation_policy.video import LedgerEntry, VideoCall, entry_from_json, entry_to_json

AT: Final = datetime(2026, 1, 31, 9, 30, 0, 123457, tzinfo=UTC)
CALL: Final = VideoCall(
    id="call-1",
    join_url="https://video.example/join/1?pwd=s3cret#now",
    account_id="664287016",
    extension_id="664307016",
    created_at=AT,
)
ENTRY: Final = LedgerEntry(
    RecordedCall("case-ada", CALL, CALL, AT),
    {"case-eve": Claim("token-1", None, AT), "case-bob": Claim("token-2", AT, AT)},
)

_zones: Final = st.integers(-82_800, 82_800).map(lambda seconds: timezone(timedelta(seconds=seconds)))
_times: Final = st.datetimes(timezones=_zones)
_texts: Final = st.text(st.characters(), min_size=1)
_ids: Final = st.text("0123456789", min_size=1, max_size=20)
_links: Final = st.text("abc0129-._~%?&=#/+:;!$'()*,[]", max_size=99).map(lambda path: f"https://video.example/{path}")
_calls: Final = st.builds(VideoCall, id=_texts, join_url=_links, account_id=_ids, extension_id=_ids, created_at=_times)
_entries: Final = st.builds(
    LedgerEntry,
    st.none() | st.builds(RecordedCall, _texts, _calls, st.none() | _calls, _times, st.none() | _times),
    st.dictionaries(_texts, st.builds(Claim, _texts, st.none() | _times, _times), max_size=3),
)


def faults(text: Any) -> list[str]:
    """Return the faults of a text that cannot be read. Check that no other error with more details is behind them."""
    with pytest.raises(InvalidPayloadError) as caught:
        entry_from_json(text)
    assert None is caught.value.__cause__ is caught.value.__context__
    return [str(fault) for fault in caught.value.faults]


def changed(*path: str, to: Any) -> str:
    """Return the text of an entry with another value at a path."""
    fields: Any = json.loads(entry_to_json(ENTRY))
    parent = fields
    for name in path[:-1]:
        parent = parent[name]
    parent[path[-1]] = to
    return json.dumps(fields)


class TestEntryToJson:
    """One line, always the same for the same entry."""

    def test_has_a_version_and_sorted_keys(self) -> None:
        """Stored texts can be compared, and read by later versions."""
        entry = LedgerEntry(RecordedCall("k", CALL, None, AT), {"b": Claim("t", None, AT), "a": Claim("t", AT, AT)})
        at = "2026-01-31T09:30:00.123457+00:00"
        expected = (
            f'{{"attempts":{{"a":{{"expires_at":"{at}","lapses_at":"{at}","token":"t"}},'
            f'"b":{{"expires_at":null,"lapses_at":"{at}","token":"t"}}}},'
            f'"recorded":{{"call":{{"account_id":"664287016","created_at":"{at}","extension_id":"664307016",'
            '"id":"call-1","join_url":"https://video.example/join/1?pwd=s3cret#now"},'
            f'"key":"k","lapses_at":"{at}","supersedes":null,"supersedes_until":null}},"version":2}}'
        )
        assert expected == entry_to_json(entry)

    def test_writes_an_empty_entry(self) -> None:
        """A ledger need not store it."""
        assert '{"attempts":{},"recorded":null,"version":2}' == entry_to_json(LedgerEntry())

    def test_writes_nothing_that_cannot_be_read_again(self) -> None:
        """It would block every later click."""
        wrong: Any = ENTRY._replace(recorded=RecordedCall("", CALL, None, AT))
        with pytest.raises(InvalidPayloadError, match=r"entry\.recorded\.key must be a non-empty string, got an empty"):
            entry_to_json(wrong)


class TestEntryFromJson:
    """It reads what `entry_to_json()` wrote, and nothing else."""

    @given(_entries)
    def test_reads_every_entry_that_is_written(self, entry: LedgerEntry) -> None:
        """From str and bytes. The text is one line of ASCII."""
        text = entry_to_json(entry)
        assert text.isascii()
        assert text.isprintable()
        assert entry == entry_from_json(text) == entry_from_json(text.encode())
        assert text == entry_to_json(entry_from_json(text))

    def test_reads_a_bytearray(self) -> None:
        """Some database drivers return texts as such."""
        text: Any = bytearray(entry_to_json(ENTRY), "ascii")
        assert ENTRY == entry_from_json(text)

    def test_keeps_the_offset_of_a_named_zone(self) -> None:
        """The name is lost; the moment and the local time stay."""
        at = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
        entry = entry_from_json(entry_to_json(LedgerEntry(None, {"k": Claim("t", None, at)})))
        lapses_at = entry.claims["k"].lapses_at
        assert ("2026-07-01T12:00:00+02:00", at) == (lapses_at.isoformat(), lapses_at)

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("", "entry must be JSON, got an error in line 1, column 1"),
            ("{", "entry must be JSON, got an error in line 1, column 2"),
            ('{"version":1,"version":1}', "entry must name each key once, but keys 1 and 2 of an object are the same"),
            ("[" * 100_000, "entry must be less deeply nested"),
            (b"\xff\xfe\xfd", "entry must be UTF-8, got another byte at 0"),
            ("[]", "entry must be an object, got an empty list"),
            ("null", "entry must be an object, got None"),
            (7, "entry must be JSON as a str or bytes, got an int"),
            (None, "entry must be JSON as a str or bytes, got None"),
        ],
    )
    def test_refuses_other_texts(self, text: Any, fault: str) -> None:
        """A broken store may return anything."""
        assert [fault] == faults(text)

    def test_refuses_a_long_number(self) -> None:
        """Some versions of Python can read it, others cannot."""
        assert 1 == len(faults("1" * 5_000))

    @pytest.mark.parametrize(
        ("version", "kind"), [(3, "3"), (0, "0"), (10**99, "an int"), (True, "a bool"), ("1", "a str"), (None, "None")]
    )
    def test_reports_only_the_version_if_it_is_another_one(self, version: object, kind: str) -> None:
        """The other fields may have another meaning there."""
        fields = {"version": version, "recorded": 1}
        assert [f"entry.version must be 1 or 2, the only versions that this release reads, got {kind}"] == faults(
            json.dumps(fields)
        )

    def test_reads_version_1(self) -> None:
        """It does not say when the call that was replaced lapses: as late as the other one."""
        text = entry_to_json(ENTRY).replace('"supersedes_until":null', "").replace("},}", "}}").replace(',"v', ',"v')
        old = text.replace('"version":2', '"version":1')
        assert ENTRY == entry_from_json(old)
        assert ["entry.recorded lacks supersedes_until"] == faults(text)

    def test_refuses_other_fields(self) -> None:
        """The fault names missing fields. It does not name unknown ones, whose names can be anything."""
        assert ["entry lacks recorded"] == faults('{"attempts":{},"hunter2":1,"version":1}')
        assert ["entry.recorded lacks key, lapses_at"] == faults(
            '{"attempts":{},"recorded":{"call":1,"supersedes":1},"version":1}'
        )
        assert ["entry has other fields than attempts, recorded, version"] == faults(changed("hunter2", to=1))

    @pytest.mark.parametrize(
        ("path", "value", "fault"),
        [
            (["attempts"], [], Fault.mismatch("entry.attempts", "an empty list", "an object")),
            (["attempts", "case-eve"], 1, Fault.mismatch("entry.attempts[1]", "an int", "an object")),
            (
                ["attempts", "case-eve", "token"],
                "",
                Fault.mismatch("entry.attempts[1].token", "an empty str", "a non-empty string"),
            ),
            (["recorded"], [], Fault.mismatch("entry.recorded", "an empty list", "an object")),
            (["recorded", "key"], None, Fault.mismatch("entry.recorded.key", "None", "a non-empty string")),
            (["recorded", "call"], None, Fault.mismatch("entry.recorded.call", "None", "an object")),
            (["recorded", "call", "id"], 7, Fault.mismatch("entry.recorded.call.id", "an int", "a non-empty string")),
            (
                ["recorded", "supersedes", "join_url"],
                "http://ada@video.example/s3cret",
                Fault.mismatch(
                    "entry.recorded.supersedes.join_url", "a str", "an https URL of printable ASCII without user info"
                ),
            ),
            (
                ["recorded", "call", "account_id"],
                "~",
                Fault.mismatch("entry.recorded.call.account_id", "a str", "1 to 20 ASCII digits"),
            ),
        ],
    )
    def test_refuses_values_of_another_form(self, path: list[str], value: Any, fault: Fault) -> None:
        """The fault has the path, the kind of the value, and what is accepted."""
        assert [str(fault)] == faults(changed(*path, to=value))

    @pytest.mark.parametrize(
        "time",
        [
            None,
            7,
            "",
            "now",
            "2026-01-31",
            "2026-01-31T09:30:00",
            "2026-01-31T09:30:00Z",
            "2026-01-31 09:30:00+00:00",
            "2026-01-31T09:30:00.5+00:00",
            "20260131T093000+0000",
        ],
    )
    def test_reads_times_only_in_the_form_that_is_written(self, time: object) -> None:
        """Versions of Python read other forms differently."""
        (fault,) = faults(changed("recorded", "lapses_at", to=time))
        assert fault.startswith(
            "entry.recorded.lapses_at must be a time with a zone, such as 2026-01-31T09:30:00+00:00, "
        )

    def test_reads_a_claim_that_is_in_doubt(self) -> None:
        """No other time may be null."""
        entry = entry_from_json(changed("attempts", "case-bob", "expires_at", to=None))
        assert entry.claims["case-bob"].is_in_doubt(AT)
        assert 1 == len(faults(changed("attempts", "case-bob", "expires_at", to="soon")))

    def test_reports_all_faults_and_shows_no_value(self) -> None:
        """No link, no id, no key, no token."""
        text = entry_to_json(ENTRY).replace("https:", "http:").replace("+00:00", "Z")
        messages = faults(text)
        assert 8 == len(messages)
        assert not [
            secret for secret in ("s3cret", "video", "66", "case-", "call-1", "token-") if secret in "\n".join(messages)
        ]
