"""Records are read strictly: everything that is wrong is refused, and reported together."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from escalation_policy import Effect, Evidence, ReasonStatus
from escalation_policy._fields import kind_of
from escalation_policy.exceptions import Fault, InvalidPayloadError
from escalation_policy.records import DecisionRecord, RecordedReason

AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
REASON: Final = RecordedReason("r", ReasonStatus.UNMET, (Evidence("login", "equals ringcentral_sso", "password"),))
RECORD: Final = DecisionRecord(
    id="d1",
    at=AT,
    effect=Effect.DENY,
    policy_id="p",
    fingerprint="f",
    reasons=[REASON],
    facts={"a": "x", "names": ("x", "y")},
    outputs={"o": True},
)
TIME: Final = "a time with a zone, such as 2026-01-31T09:30:00Z"
TEXT: Final = "a non-empty string"
CODES: Final = "a list of codes made of ASCII letters, digits and _.:-"
FACTS: Final = "an object of strings, numbers of 64 bits, bools, nulls and lists of these"
PARTY: Final = "one of agent, engage_administrator, ringcentral_administrator, ringcentral, developer, nobody or null"
EVIDENCE: Final = "a list of objects with the strings fact, required and seen, and perhaps compared_with"


def payload(**fields: Any) -> dict[str, Any]:
    """Return the JSON of a record with other values in some fields."""
    made: dict[str, Any] = json.loads(RECORD.to_json())
    return made | fields


def without(*keys: str) -> dict[str, Any]:
    """Return the JSON of a record without some of its keys."""
    return {key: value for key, value in payload().items() if key not in keys}


def reason(**fields: Any) -> dict[str, Any]:
    """Return the JSON of a reason with other values in some fields."""
    made: dict[str, Any] = payload()["reasons"][0]
    return made | fields


def faults_of(text: Any, read: Callable[[Any], DecisionRecord] = DecisionRecord.from_payload) -> list[str]:
    """Read something that cannot be read, and return the texts of the faults."""
    with pytest.raises(InvalidPayloadError) as caught:
        read(text)
    assert "; ".join(map(str, caught.value.faults)) == str(caught.value)
    return [str(fault) for fault in caught.value.faults]


class TestFromJson:
    """A text that is not JSON is not a record."""

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("", "JSONDecodeError"),
            ("{", "JSONDecodeError"),
            (RECORD.to_json()[:-1], "JSONDecodeError"),
            (f"{RECORD.to_json()}{RECORD.to_json()}", "JSONDecodeError"),
            (f"\ufeff{RECORD.to_json()}", "JSONDecodeError"),
            (f"\ufeff{RECORD.to_json()}".encode(), "JSONDecodeError"),
            (b"\xff\xfe", "UnicodeDecodeError"),
            (RECORD.to_json().encode("utf-16"), "UnicodeDecodeError"),
            (RECORD.to_json().replace("d1", "\ud800").encode("utf-8", "surrogatepass"), "UnicodeDecodeError"),
            ("[" * 100_000, "RecursionError"),
        ],
        ids=lambda each: f"{each!a:.20}",
    )
    def test_refuses_what_is_no_json(self, text: Any, name: str) -> None:
        """Bytes must be UTF-8 without a byte order mark."""
        assert [f"record is no JSON ({name})"] == faults_of(text, DecisionRecord.from_json)

    @pytest.mark.parametrize(("text", "name"), [(None, "None"), (5, "an int"), ([], "an empty list")])
    def test_refuses_what_is_no_text(self, text: Any, name: str) -> None:
        """`from_payload()` reads parsed JSON."""
        assert [f"record must be a str or bytes of JSON, got {name}"] == faults_of(text, DecisionRecord.from_json)

    def test_shows_nothing_of_the_text(self) -> None:
        """A log line may hold anything. The cause of the error is available."""
        with pytest.raises(InvalidPayloadError) as caught:
            DecisionRecord.from_json('{"id": "ada@example.com"')
        assert "ada" not in str(caught.value)
        assert isinstance(caught.value.__cause__, json.JSONDecodeError)

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", str(2**63), str(-(2**63) - 1), "1e19"])
    @pytest.mark.parametrize("within", ["{}", "[{}]", '["a", {}]'])
    def test_refuses_numbers_that_not_every_reader_knows(self, number: str, within: str) -> None:
        """Python would accept them, and write numbers that others cannot read."""
        line = RECORD.to_json().replace('"facts":{', f'"facts":{{"n":{within.format(number)},')
        assert [f"record.facts must be {FACTS}, got a dict"] == faults_of(line, DecisionRecord.from_json)

    @pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0.1, -0.0, 5e-324, True])
    def test_takes_those_that_every_reader_knows(self, number: float) -> None:
        """And keeps their type."""
        read = DecisionRecord.from_json(json.dumps(payload(facts={"n": number, "m": [number]})))
        assert (number, (number,)) == (read.facts["n"], read.facts["m"])
        assert type(number) is type(read.facts["n"])


class TestVersions:
    """A newer minor version is read, a newer major one refused."""

    @pytest.mark.parametrize("version", ["1.0", "1.1", "1.17", "1.007"])
    def test_that_may_only_have_more_are_read(self, version: str) -> None:
        """Unknown keys are left out on every level. The version is kept."""
        evidence = [payload()["reasons"][0]["evidence"][0] | {"more": [1]}]
        newer = payload(schema_version=version, more={"a": 1}, reasons=[reason(more=None, evidence=evidence)])
        read = DecisionRecord.from_payload(newer)
        assert version == read.schema_version
        assert json.loads(read.to_json()) == payload(schema_version=version)
        assert read == DecisionRecord.from_json(read.to_json())

    @pytest.mark.parametrize(
        ("version", "shown"),
        [
            ("2.0", "a str"),
            ("0.9", "a str"),
            ("10.0", "a str"),
            ("1", "a str"),
            ("1.", "a str"),
            ("1.x", "a str"),
            ("1.0.0", "a str"),
            ("1.\N{ARABIC-INDIC DIGIT TWO}", "a str"),
            ("1.\N{SUPERSCRIPT TWO}", "a str"),
            ("1.0\n", "a str"),
            (" 1.0", "a str"),
            ("", "an empty str"),
            (1.0, "a float"),
            (None, "None"),
        ],
    )
    def test_of_another_major_are_refused_for_that_alone(self, version: Any, shown: str) -> None:
        """The other fields may mean something else there, so no other fault is reported."""
        message = f"record.schema_version must be 1.x, the only major version that this release reads, got {shown}"
        assert [message] == faults_of(payload(schema_version=version, id=5, reasons="?", effect="maybe"))

    def test_that_nobody_gave_are_refused(self) -> None:
        """A record says which schema it follows."""
        message = "record.schema_version is missing: it must be 1.x, the only major version that this release reads"
        assert [message] == faults_of(without("schema_version"))

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("escalation_policy.decisions", "a str (did you mean escalation_policy.decision?)"),
            ("x" * 90, "a str"),
            (5, "an int"),
        ],
    )
    def test_of_another_schema_are_refused(self, name: Any, shown: str) -> None:
        """It is not a decision record."""
        assert [f"record.schema must be escalation_policy.decision, got {shown}"] == faults_of(payload(schema=name))

    @pytest.mark.parametrize(
        ("thing", "shown"), [(None, "None"), ([], "an empty list"), ("{}", "a str"), (5, "an int")]
    )
    def test_of_nothing_at_all_are_refused(self, thing: Any, shown: str) -> None:
        """It is JSON, but not a record."""
        assert [f"record must be an object, got {shown}"] == faults_of(thing)
        assert [f"record must be an object, got {shown}"] == faults_of(json.dumps(thing), DecisionRecord.from_json)


class TestFields:
    """Every field is checked, and every wrong one is reported."""

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"id": ""}, f"record.id must be {TEXT}, got an empty str"),
            ({"id": 5}, f"record.id must be {TEXT}, got an int"),
            ({"at": 5}, f"record.at must be {TIME}, got an int"),
            ({"at": "2026-01-31T09:30:00"}, f"record.at must be {TIME}, got a str"),
            ({"effect": "maybe"}, "record.effect must be allow or deny, got a str"),
            ({"effect": ["deny"]}, "record.effect must be allow or deny, got a list"),
            ({"policy_id": "a\nb"}, "record.policy_id must be made of ASCII letters, digits and _.:-, got a str"),
            ({"policy_id": None}, "record.policy_id must be made of ASCII letters, digits and _.:-, got None"),
            ({"policy_version": ""}, f"record.policy_version must be {TEXT} or null, got an empty str"),
            ({"fingerprint": None}, f"record.fingerprint must be {TEXT}, got None"),
            ({"met": "abc"}, f"record.met must be {CODES}, got a str"),
            ({"met": [""]}, f"record.met must be {CODES}, got a list"),
            ({"met": [1]}, f"record.met must be {CODES}, got a list"),
            ({"hidden": ["a", "b\N{LINE SEPARATOR}"]}, f"record.hidden must be {CODES}, got a list"),
            (
                {"next_party": "somebody"},
                f"record.next_party must be {PARTY}, got a str (did you mean nobody?)",
            ),
            ({"facts": []}, f"record.facts must be {FACTS}, got an empty list"),
            ({"facts": {"a": {}}}, f"record.facts must be {FACTS}, got a dict"),
            ({"facts": {"a": [None]}}, f"record.facts must be {FACTS}, got a dict"),
            ({"facts": {"a": [["b"]]}}, f"record.facts must be {FACTS}, got a dict"),
            ({"facts": {"a": ("b",)}}, f"record.facts must be {FACTS}, got a dict"),
            ({"facts": {1: "a"}}, f"record.facts must be {FACTS}, got a dict"),
            ({"unknown": [""]}, "record.unknown must be a list of non-empty strings, got a list"),
            ({"unknown": None}, "record.unknown must be a list of non-empty strings, got None"),
            ({"masked": [5]}, "record.masked must be a list of non-empty strings, got a list"),
            ({"masked": "a"}, "record.masked must be a list of non-empty strings, got a str"),
            ({"outputs": {"a": 1}}, "record.outputs must be an object of bools, got a dict"),
            ({"outputs": {1: True}}, "record.outputs must be an object of bools, got a dict"),
            ({"outputs": [True]}, "record.outputs must be an object of bools, got a list"),
            ({"correlation_id": ""}, f"record.correlation_id must be {TEXT} or null, got an empty str"),
            ({"facts_read_at": False}, f"record.facts_read_at must be {TIME}, or null, got a bool"),
            ({"reasons": [None]}, "record.reasons[0] must be an object, got None"),
            ({"reasons": None}, "record.reasons[0] must be an object, got None"),
            ({"reasons": {"code": "r"}}, "record.reasons[0] must be an object, got None"),
            (
                {"reasons": [reason(), reason(code="a b")]},
                "record.reasons[1].code must be made of ASCII letters, digits and _.:-, got a str",
            ),
            (
                {"reasons": [reason(status="bad")]},
                "record.reasons[0].status must be one of unmet, unknown, error, got a str",
            ),
            ({"reasons": [reason(error="")]}, f"record.reasons[0].error must be {TEXT} or null, got an empty str"),
            ({"reasons": [reason(evidence=None)]}, f"record.reasons[0].evidence must be {EVIDENCE}, got None"),
            ({"reasons": [reason(evidence=["x"])]}, f"record.reasons[0].evidence must be {EVIDENCE}, got a list"),
            (
                {"reasons": [reason(evidence=[{"fact": "a", "required": "b"}])]},
                f"record.reasons[0].evidence must be {EVIDENCE}, got a list",
            ),
            (
                {"reasons": [reason(evidence=[{"fact": "a", "required": "b", "seen": True}])]},
                f"record.reasons[0].evidence must be {EVIDENCE}, got a list",
            ),
        ],
    )
    def test_that_are_not_what_they_should_be_are_refused(self, fields: dict[str, Any], message: str) -> None:
        """With the path, the kind of value and what is accepted."""
        assert [message] == faults_of(payload(**fields))

    @pytest.mark.parametrize("key", sorted({*payload()} - {"schema", "schema_version"}))
    def test_that_are_missing_are_refused_unless_they_may_be_null(self, key: str) -> None:
        """A missing field counts as null."""
        nullable = {"policy_version", "next_party", "correlation_id", "facts_read_at"}
        if key in nullable:
            assert None is getattr(DecisionRecord.from_payload(without(key)), key)
        else:
            place = "record.reasons[0]" if key == "reasons" else f"record.{key}"
            (message,) = faults_of(without(key))
            assert message.startswith(f"{place} must be " if key == "reasons" else f"{place} is missing: it must be ")

    def test_that_are_wrong_are_reported_together(self) -> None:
        """To fix a program that writes records, you want to know all faults at once."""
        wrong = payload(id=5, met="x", facts=None, reasons=[reason(code=5, status=5, error=5), 7])
        places = ["id", "met", "facts", "reasons[0].code", "reasons[0].status", "reasons[0].error", "reasons[1]"]
        with pytest.raises(InvalidPayloadError) as caught:
            DecisionRecord.from_payload(wrong)
        assert [f"record.{place}" for place in places] == [fault.path for fault in caught.value.faults]
        assert Fault.mismatch("record.met", "a str", CODES) == caught.value.faults[1]

    @pytest.mark.parametrize(
        ("fields", "hint"),
        [
            ({"effect": "allowed"}, "allow"),
            ({"next_party": "administrator"}, "engage_administrator"),
            ({"reasons": [reason(status="unmett")]}, "unmet"),
        ],
    )
    def test_that_hold_a_wrong_word_name_the_closest_one(self, fields: dict[str, Any], hint: str) -> None:
        """The wrong word itself can be anything."""
        (message,) = faults_of(payload(**fields))
        assert message.endswith(f", got a str (did you mean {hint}?)")

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("2026-01-31T09:30:00Z", AT),
            ("2026-01-31T09:30:00.000Z", AT),
            ("2026-01-31T09:30:00.000000Z", AT),
            ("2026-01-31T09:30:00+00:00", AT),
            ("2026-01-31T15:00:00.000001+05:30", AT.replace(microsecond=1)),
            ("2026-01-30T23:30:00-10:00", AT),
        ],
    )
    @pytest.mark.parametrize("key", ["at", "facts_read_at"])
    def test_of_time_are_read_with_any_zone(self, written: str, read: datetime, key: str) -> None:
        """And kept in UTC."""
        value = getattr(DecisionRecord.from_payload(payload(**{key: written})), key)
        assert (read, UTC) == (value, value.tzinfo)

    @pytest.mark.parametrize(
        "written",
        [
            *("", "now", "2026-01-31", "2026-01-31T09:30Z", "2026-01-31T09:30:00", "2026-01-31 09:30:00Z"),
            *("20260131T093000Z", "2026-W05-6T09:30:00Z", "2026-01-31T09:30:00.5Z", "2026-01-31T09:30:00,000Z"),
            *("2026-02-30T09:30:00Z", "2026-01-31T09:61:00Z", "2026-01-31T09:30:00+24:00", "2026-01-31T09:30:00z"),
            *("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2026-01-31T09:30:00Z\n", "ZZ"),
            *("2026-01-31T09:30:00+00:00:00", "\N{FULLWIDTH DIGIT TWO}026-01-31T09:30:00Z", " 2026-01-31T09:30:00Z"),
        ],
    )
    def test_of_time_are_refused_where_not_every_python_reads_the_same(self, written: str) -> None:
        """A time without a zone could be any time of the day."""
        assert [f"record.at must be {TIME}, got {kind_of(written)}"] == faults_of(payload(at=written))


ALLOWED_WITH_REASONS: Final = "or record.hidden holds rules that stood in the way, though the effect is allow"
DENIED_WITHOUT_REASONS: Final = "holds no rule that stood in the way, though the effect is deny"


class TestContradictions:
    """Reasons that contradict the effect are refused."""

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ({"effect": "allow"}, ALLOWED_WITH_REASONS),
            ({"effect": "allow", "reasons": [], "hidden": ["h"]}, ALLOWED_WITH_REASONS),
            ({"reasons": []}, DENIED_WITHOUT_REASONS),
            ({"reasons": [], "hidden": ["h"]}, DENIED_WITHOUT_REASONS),
            ({"reasons": [reason(status="met")]}, "holds a rule that was met, and what was met denies nothing"),
        ],
    )
    def test_between_reasons_and_effect(self, fields: dict[str, Any], problem: str) -> None:
        """Somebody has edited the line."""
        assert [f"record.reasons {problem}"] == faults_of(payload(**fields))

    def test_are_looked_for_only_where_all_can_be_read(self) -> None:
        """Wrong fields are reported first."""
        assert [f"record.id must be {TEXT}, got an empty str"] == faults_of(payload(effect="allow", id=""))


class TestFromPayload:
    """Parsed JSON is read without changing it."""

    def test_leaves_what_it_was_given_as_it_was(self) -> None:
        """The host may use the object again."""
        object_ = payload()
        before = copy.deepcopy(object_)
        assert RECORD == DecisionRecord.from_payload(object_) == DecisionRecord.from_payload(object_)
        assert before == object_

    def test_keeps_nothing_of_it(self) -> None:
        """A record does not change with what it was read from."""
        object_ = payload()
        read = DecisionRecord.from_payload(object_)
        for part in ("facts", "outputs"):
            object_[part].clear()
        object_["facts"]["a"] = object_["outputs"]["o"] = object()
        assert RECORD == read
