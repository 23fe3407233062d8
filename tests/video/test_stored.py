"""Cases as text: what comes back, and what is refused without being shown."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy._calls.entries import Attempt, RecordedCall
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
CASE: Final = LedgerEntry(
    RecordedCall("case-ada", CALL, CALL, AT),
    {"case-eve": Attempt("token-1", None, AT), "case-bob": Attempt("token-2", AT, AT)},
)

_zones: Final = st.integers(-82_800, 82_800).map(lambda seconds: timezone(timedelta(seconds=seconds)))
_times: Final = st.datetimes(timezones=_zones)
_texts: Final = st.text(st.characters(), min_size=1)
_ids: Final = st.text("0123456789", min_size=1, max_size=20)
_links: Final = st.text("abc0129-._~%?&=#/+:;!$'()*,[]", max_size=99).map(lambda rest: f"https://video.example/{rest}")
_calls: Final = st.builds(VideoCall, id=_texts, join_url=_links, account_id=_ids, extension_id=_ids, created_at=_times)
_cases: Final = st.builds(
    LedgerEntry,
    st.none() | st.builds(RecordedCall, _texts, _calls, st.none() | _calls, _times),
    st.dictionaries(_texts, st.builds(Attempt, _texts, st.none() | _times, _times), max_size=3),
)


def faults(text: Any) -> list[str]:
    """Reads what cannot be read, and gives what is said of it, with nothing behind it that would show more."""
    with pytest.raises(InvalidPayloadError) as caught:
        entry_from_json(text)
    assert None is caught.value.__cause__ is caught.value.__context__
    return [str(fault) for fault in caught.value.faults]


def changed(*path: str, to: Any) -> str:
    """Gives the text of a case with something else at a path."""
    told: Any = json.loads(entry_to_json(CASE))
    place = told
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return json.dumps(told)


class TestCaseToJson:
    """One line, the same for the same case."""

    def test_has_a_version_and_sorted_keys(self) -> None:
        """So that what is stored can be compared, and read by a later edition."""
        case = LedgerEntry(RecordedCall("k", CALL, None, AT), {"b": Attempt("t", None, AT), "a": Attempt("t", AT, AT)})
        at = "2026-01-31T09:30:00.123457+00:00"
        expected = (
            f'{{"attempts":{{"a":{{"expires_at":"{at}","lapses_at":"{at}","token":"t"}},'
            f'"b":{{"expires_at":null,"lapses_at":"{at}","token":"t"}}}},'
            f'"recorded":{{"call":{{"account_id":"664287016","created_at":"{at}","extension_id":"664307016",'
            '"id":"call-1","join_url":"https://video.example/join/1?pwd=s3cret#now"},'
            f'"key":"k","lapses_at":"{at}","supersedes":null}},"version":1}}'
        )
        assert expected == entry_to_json(case)

    def test_tells_an_empty_case(self) -> None:
        """Which a ledger need not store."""
        assert '{"attempts":{},"recorded":null,"version":1}' == entry_to_json(LedgerEntry())

    def test_writes_nothing_that_it_could_not_read_again(self) -> None:
        """It would be in the way of every later click."""
        wrong: Any = CASE._replace(recorded=RecordedCall("key", "call-1", None, AT))  # type: ignore[arg-type]
        with pytest.raises(InvalidPayloadError, match=r"case\.recorded\.call must be an object, got a str"):
            entry_to_json(wrong)


class TestCaseFromJson:
    """What was written comes back, and nothing else is taken for a case."""

    @given(_cases)
    def test_reads_every_case_that_is_written(self, case: LedgerEntry) -> None:
        """From str and from bytes, in one line of ASCII, to the letter."""
        text = entry_to_json(case)
        assert text.isascii()
        assert text.isprintable()
        assert case == entry_from_json(text) == entry_from_json(text.encode())
        assert text == entry_to_json(entry_from_json(text))

    def test_keeps_the_distance_from_utc_of_a_named_zone(self) -> None:
        """The name goes; the time and what the clock on the wall said stay."""
        at = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
        read = entry_from_json(entry_to_json(LedgerEntry(None, {"k": Attempt("t", None, at)}))).attempts["k"].lapses_at
        assert ("2026-07-01T12:00:00+02:00", at) == (read.isoformat(), read)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("", "an empty str"),
            ("{", "a str"),
            ("[" * 100_000, "a str"),
            ("1" * 5_000, None),
            (b"\xff\xfe\xfd", "a bytes"),
            ("[]", "an empty list"),
            ("null", "None"),
            (7, "an int"),
        ],
    )
    def test_refuses_what_is_no_object(self, text: Any, found: str | None) -> None:
        """Whatever a store gives; a long number is one on some Pythons, and no JSON on others."""
        told = faults(text)
        assert told == [f"case must be an object, got {found}"] or (found is None and len(told) == 1)

    @pytest.mark.parametrize(
        ("version", "found"), [(2, "2"), (10**99, "an int"), (True, "a bool"), ("1", "a str"), (None, "None")]
    )
    def test_refuses_other_versions_and_says_nothing_else(self, version: object, found: str) -> None:
        """Nothing in it is known to mean what it means here."""
        told = {"version": version, "recorded": 1}
        assert [f"case.version must be 1, the only version that this release reads, got {found}"] == faults(
            json.dumps(told)
        )

    def test_refuses_other_members(self) -> None:
        """It names those that are missing. The names of others can be anything."""
        assert ["case lacks recorded"] == faults('{"attempts":{},"hunter2":1,"version":1}')
        assert ["case.recorded lacks key, lapses_at"] == faults(
            '{"attempts":{},"recorded":{"call":1,"supersedes":1},"version":1}'
        )
        assert ["case has other members than attempts, recorded, version"] == faults(changed("hunter2", to=1))

    @pytest.mark.parametrize(
        ("path", "value", "fault"),
        [
            (["attempts"], [], Fault.mismatch("case.attempts", "an empty list", "an object")),
            (["attempts", "case-eve"], 1, Fault.mismatch("case.attempts[1]", "an int", "an object")),
            (
                ["attempts", "case-eve", "token"],
                "",
                Fault.mismatch("case.attempts[1].token", "an empty str", "a non-empty string"),
            ),
            (["recorded"], [], Fault.mismatch("case.recorded", "an empty list", "an object")),
            (["recorded", "key"], None, Fault.mismatch("case.recorded.key", "None", "a non-empty string")),
            (["recorded", "call"], None, Fault.mismatch("case.recorded.call", "None", "an object")),
            (["recorded", "call", "id"], 7, Fault.mismatch("case.recorded.call.id", "an int", "a non-empty string")),
            (
                ["recorded", "supersedes", "join_url"],
                "http://ada@video.example/s3cret",
                Fault.mismatch(
                    "case.recorded.supersedes.join_url", "a str", "an https URL of printable ASCII without user info"
                ),
            ),
            (
                ["recorded", "call", "account_id"],
                "~",
                Fault.mismatch("case.recorded.call.account_id", "a str", "1 to 20 ASCII digits"),
            ),
        ],
    )
    def test_refuses_members_of_another_kind(self, path: list[str], value: Any, fault: Fault) -> None:
        """It says where, what kind of thing is there, and what is accepted."""
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
    def test_reads_times_in_the_one_way_in_which_they_are_written(self, time: object) -> None:
        """What else there is to write a time, Pythons read differently."""
        (told,) = faults(changed("recorded", "lapses_at", to=time))
        assert told.startswith(
            "case.recorded.lapses_at must be a time with a zone, such as 2026-01-31T09:30:00+00:00, "
        )

    def test_reads_a_claim_that_is_not_in_doubt_yet(self) -> None:
        """Only this time may be missing."""
        assert (
            entry_from_json(changed("attempts", "case-bob", "expires_at", to=None)).attempts["case-bob"].is_in_doubt(AT)
        )
        assert 1 == len(faults(changed("attempts", "case-bob", "expires_at", to="soon")))

    def test_tells_all_faults_and_shows_nothing(self) -> None:
        """No link, no id, no key, no token."""
        told = json.loads(entry_to_json(CASE).replace("https:", "http:").replace("+00:00", "Z"))
        said = faults(json.dumps(told))
        shown = "\n".join(said)
        assert 6 == len(said)
        assert not [each for each in ("s3cret", "video", "66", "case-", "call-1", "token-") if each in shown]
