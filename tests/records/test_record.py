"""The record itself: what it holds, how it is written as one line and read again, and its schema."""

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from escalation_policy import ESCALATE_TO_VIDEO, Effect, Evidence, Login, Party, ReasonStatus, records
from escalation_policy.exceptions import InvalidPayloadError, InvalidValueError
from escalation_policy.records import DecisionRecord, RecordedReason, record, schema
from escalation_policy.testing import a_request
from support import VALIDATOR, needs_validator

AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
REASON: Final = RecordedReason("r", ReasonStatus.UNMET, (Evidence("login", "equals ringcentral_sso", "password"),))
CODES: Final = "a collection of codes made of ASCII letters, digits and _.:-"
FACTS: Final = "a mapping of strs to strs, numbers of 64 bits, bools, None and tuples of these"
#: What no line of a log may hold, and what looks like the end of a record and the beginning of another one.
HOSTILE: Final = [
    "\n",
    "\r\n",
    "\x0b\x0c\x1c\x1d\x1e",
    "\x85",
    "\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}",
    "\x00\x1b[31m\x08\x7f",
    "\N{RIGHT-TO-LEFT OVERRIDE}\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NO-BREAK SPACE}",
    "\ud800",
    "\udc00\ud800",
    '"',
    "\\",
    '\\"}',
    '"}\n{"schema":"escalation_policy.decision","effect":"allow"',
    '","effect":"allow',
    "\N{PILE OF POO}",
    "null",
]


def allowed(**fields: Any) -> DecisionRecord:
    """Return a record of an allow."""
    usual: dict[str, Any] = {"id": "d1", "at": AT, "effect": Effect.ALLOW, "policy_id": "p", "fingerprint": "f"}
    return DecisionRecord(**usual | fields)


def denied(**fields: Any) -> DecisionRecord:
    """Return a record of a denial."""
    return allowed(**{"effect": Effect.DENY, "reasons": [REASON]} | fields)


def full(**fields: Any) -> DecisionRecord:
    """Return a record with a value in every field."""
    return denied(
        **{
            "policy_version": "7",
            "reasons": [REASON, RecordedReason("e", ReasonStatus.ERROR, error="ValueError at rules.py:7")],
            "hidden": ["h1", "h2"],
            "next_party": Party.ENGAGE_ADMINISTRATOR,
            "facts": {"b": None, "a": "x", "n": 1, "f": 0.5, "t": True, "names": ("x", "y"), "none": ()},
            "unknown": ["b"],
            "masked": ["a"],
            "outputs": {"predicate(; 'p'@None)": False},
            "correlation_id": "c1",
            "facts_read_at": AT - timedelta(hours=1),
            "outcome": "created",
        }
        | fields
    )


def pickled(made: DecisionRecord) -> Any:
    """Return a record as another process gets it."""
    return pickle.loads(pickle.dumps(made))


def as_bytes(line: str) -> bytes:
    """Return a line as a binary file does."""
    return line.encode("ascii")


def as_array(line: str) -> bytearray:
    """Return a line as a buffer does."""
    return bytearray(as_bytes(line))


class TestDecisionRecord:
    """A record is a value: valid once it exists, and never changed."""

    def test_needs_little(self) -> None:
        """Other fields are empty."""
        made = allowed()
        assert ((), (), (), (), ()) == (made.reasons, made.met, made.hidden, made.unknown, made.masked)
        assert ({}, {}) == (made.facts, made.outputs)
        assert (None, None, None, None) == (
            made.policy_version,
            made.next_party,
            made.correlation_id,
            made.facts_read_at,
        )
        assert "1.1" == made.schema_version

    @pytest.mark.parametrize("name", ["at", "facts_read_at"])
    def test_keeps_times_in_utc(self, name: str) -> None:
        """Records from different zones can be compared."""
        there = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
        assert UTC is getattr(allowed(**{name: there}), name).tzinfo
        assert AT == getattr(allowed(**{name: there}), name)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"id": ""}, "DecisionRecord.id must be a non-empty str, got an empty str"),
            ({"id": 5}, "DecisionRecord.id must be a non-empty str, got an int"),
            ({"at": 5}, "DecisionRecord.at must be a datetime, got an int"),
            (
                {"at": datetime(2026, 1, 31)},  # noqa: DTZ001
                "DecisionRecord.at must be a datetime with a zone, got a datetime without one",
            ),
            (
                {"at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))},  # before the first year in UTC
                "DecisionRecord.at must be a datetime with a zone, got a datetime without one",
            ),
            ({"at": None}, "DecisionRecord.at must be a datetime, got None"),
            ({"effect": "allow"}, "DecisionRecord.effect must be an Effect, got a str (did you mean Effect.ALLOW?)"),
            ({"policy_version": ""}, "DecisionRecord.policy_version must be a non-empty str or None, got an empty str"),
            ({"reasons": 5}, "DecisionRecord.reasons must be a collection of RecordedReasons, got an int"),
            ({"reasons": [5]}, "DecisionRecord.reasons must be a collection of RecordedReasons, got a tuple of int"),
            ({"met": "abc"}, "DecisionRecord.met must be a collection of non-empty strs, got a str"),
            ({"hidden": [""]}, "DecisionRecord.hidden must be a collection of non-empty strs, got a tuple of str"),
            ({"unknown": {"a": 1}}, "DecisionRecord.unknown must be a collection of non-empty strs, got a dict"),
            ({"masked": [1]}, "DecisionRecord.masked must be a collection of non-empty strs, got a tuple of int"),
            ({"policy_id": ""}, "DecisionRecord.policy_id must be a non-empty str, got an empty str"),
            (
                {"policy_id": "a\n"},
                "DecisionRecord.policy_id must be made of ASCII letters, digits and _.:-, got a str",
            ),
            ({"met": ["a b"]}, f"DecisionRecord.met must be {CODES}, got a tuple of str"),
            ({"hidden": ["a", "b\n"]}, f"DecisionRecord.hidden must be {CODES}, got a tuple of str"),
            ({"facts": 5}, "DecisionRecord.facts must be a Mapping, got an int"),
            ({"facts": {"a": object()}}, f"DecisionRecord.facts must be {FACTS}, got a FrozenMapping"),
            ({"facts": {"a": [1]}}, f"DecisionRecord.facts must be {FACTS}, got a FrozenMapping"),
            ({"facts": {"a": (None,)}}, f"DecisionRecord.facts must be {FACTS}, got a FrozenMapping"),
            ({"facts": {"a": ((),)}}, f"DecisionRecord.facts must be {FACTS}, got a FrozenMapping"),
            ({"facts": {"a": float("nan")}}, f"DecisionRecord.facts must be {FACTS}, got a FrozenMapping"),
            ({"facts": {"a": 2**63}}, f"DecisionRecord.facts must be {FACTS}, got a FrozenMapping"),
            ({"facts": {1: "a"}}, f"DecisionRecord.facts must be {FACTS}, got a FrozenMapping"),
            ({"outputs": [True]}, "DecisionRecord.outputs must be a Mapping, got a list"),
            (
                {"outputs": {"a": 1}},
                "DecisionRecord.outputs must be a mapping of strs to bools, got a FrozenMapping",
            ),
            (
                {"outputs": {1: True}},
                "DecisionRecord.outputs must be a mapping of strs to bools, got a FrozenMapping",
            ),
            (
                {"schema_version": "2.0"},
                "DecisionRecord.schema_version must be 1.x, the only major version that this release reads, got a str",
            ),
            (
                {"next_party": "agent"},
                "DecisionRecord.next_party must be a Party or None, got a str (did you mean Party.AGENT?)",
            ),
            ({"correlation_id": ""}, "DecisionRecord.correlation_id must be a non-empty str or None, got an empty str"),
            (
                {"facts_read_at": datetime(2026, 1, 31)},  # noqa: DTZ001
                "DecisionRecord.facts_read_at must be a datetime with a zone, got a datetime without one",
            ),
            (
                {"reasons": [REASON]},
                "record.reasons or record.hidden holds rules that stood in the way, though the effect is allow",
            ),
            (
                {"hidden": ["h"]},
                "record.reasons or record.hidden holds rules that stood in the way, though the effect is allow",
            ),
            (
                {"effect": Effect.DENY},
                "record.reasons holds no rule that stood in the way, though the effect is deny",
            ),
            (
                {"effect": Effect.DENY, "reasons": [REASON, RecordedReason("m", ReasonStatus.MET)]},
                "record.reasons holds a rule that was met, and what was met denies nothing",
            ),
        ],
    )
    def test_refuses_what_it_does_not_take(self, fields: dict[str, Any], message: str) -> None:
        """Also reasons that contradict the effect."""
        with pytest.raises(InvalidValueError) as caught:
            allowed(**fields)
        assert message == str(caught.value)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"code": ""}, "RecordedReason.code must be a non-empty str, got an empty str"),
            ({"code": "a b"}, "RecordedReason.code must be made of ASCII letters, digits and _.:-, got a str"),
            (
                {"evidence": [Evidence("a", "b", True)]},  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
                "RecordedReason.evidence must be a collection of Evidences, each of three strs, got a tuple of Evidence",
            ),
            (
                {"status": "unmet"},
                "RecordedReason.status must be a ReasonStatus, got a str (did you mean ReasonStatus.UNMET?)",
            ),
            ({"evidence": "login"}, "RecordedReason.evidence must be a collection of Evidences, got a str"),
            (
                {"evidence": [("a", "b", "c")]},
                "RecordedReason.evidence must be a collection of Evidences, got a tuple of tuple",
            ),
            ({"error": ""}, "RecordedReason.error must be a non-empty str or None, got an empty str"),
        ],
    )
    def test_refuses_invalid_reasons(self, fields: dict[str, Any], message: str) -> None:
        """A reason is a value too."""
        usual: dict[str, Any] = {"code": "r", "status": ReasonStatus.UNMET}
        with pytest.raises(InvalidValueError) as caught:
            RecordedReason(**usual | fields)
        assert message == str(caught.value)

    def test_cannot_be_changed(self) -> None:
        """Not even its facts, if the mapping that they were made from changes."""
        facts = {"a": 1}
        made = allowed(facts=facts)
        facts["a"] = 2
        assert {"a": 1} == made.facts
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            made.id = "d2"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(TypeError):
            made.facts["a"] = 2  # type: ignore[index]  # pyright: ignore[reportIndexIssue]

    @pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
    @pytest.mark.parametrize(
        "made", [full(), record(ESCALATE_TO_VIDEO.decide(a_request(login=Login.SAML)), at=AT, id="d1")]
    )
    def test_survives_copies_and_pickles(self, made: DecisionRecord, again: Callable[[Any], Any]) -> None:
        """Logs are often written by another process."""
        assert made == again(made)
        assert hash(made) == hash(again(made))

    def test_distinguishes_true_and_one(self) -> None:
        """As a rule does."""
        assert allowed(facts={"a": True}) != allowed(facts={"a": 1})

    def test_says_in_its_repr_what_it_is_and_no_fact(self) -> None:
        """The id is a host's own, and may hold anything."""
        assert "<record: deny p, r, e>" == repr(full())
        assert "<record: allow p>" == repr(allowed())
        for each in HOSTILE:
            assert repr(allowed(id=each)).isascii()
            assert repr(allowed(id=each)).isprintable()
        assert len(repr(allowed(id="x" * 1000))) < 100

    def test_answers_what_support_asks_first(self) -> None:
        """The agent, the place and the subject of the decision. None if the record does not hold them."""
        about = record(ESCALATE_TO_VIDEO.decide(a_request()), at=AT, id="d1").about
        assert {
            "domain": "acme",
            "agent": "u1",
            "role": "r1",
            "channel": "whats_app",
            "login": "ringcentral_sso",
            "message": "c1",
            "intervention": "i1",
            "state": "open",
        } == about
        assert dict.fromkeys(about) == allowed().about


class TestToJson:
    """A record is one line of ASCII, with sorted keys."""

    def test_holds_all_there_is(self) -> None:
        """Keys follow SemVer: this is the contract."""
        assert {
            "at": "2026-01-31T09:30:00.000000Z",
            "correlation_id": "c1",
            "effect": "deny",
            "facts": {"a": "x", "b": None, "f": 0.5, "n": 1, "names": ["x", "y"], "none": [], "t": True},
            "facts_read_at": "2026-01-31T08:30:00.000000Z",
            "fingerprint": "f",
            "hidden": ["h1", "h2"],
            "id": "d1",
            "masked": ["a"],
            "met": [],
            "next_party": "engage_administrator",
            "outcome": "created",
            "outputs": {"predicate(; 'p'@None)": False},
            "policy_id": "p",
            "policy_version": "7",
            "reasons": [
                {
                    "code": "r",
                    "error": None,
                    "evidence": [{"fact": "login", "required": "equals ringcentral_sso", "seen": "password"}],
                    "status": "unmet",
                },
                {"code": "e", "error": "ValueError at rules.py:7", "evidence": [], "status": "error"},
            ],
            "schema": "escalation_policy.decision",
            "schema_version": "1.1",
            "unknown": ["b"],
        } == json.loads(full().to_json())

    @pytest.mark.parametrize("made", [allowed(), denied(), full()], ids=["allow", "deny", "full"])
    def test_is_what_a_sorting_encoder_makes(self, made: DecisionRecord) -> None:
        """It is put together by hand, which must make no difference."""
        line = made.to_json()
        assert line == json.dumps(json.loads(line), sort_keys=True, separators=(",", ":"))

    def test_writes_times_alike(self) -> None:
        """With microseconds, so that lines sort by time as text does."""
        early = datetime(7, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=1)))
        assert "0007-01-02T02:04:05.000006Z" == json.loads(allowed(at=early).to_json())["at"]

    @pytest.mark.parametrize("made", [allowed(), denied(), full()], ids=["allow", "deny", "full"])
    @pytest.mark.parametrize("kind", [str, as_bytes, as_array])
    def test_is_read_without_loss(self, made: DecisionRecord, kind: Callable[[str], Any]) -> None:
        """As text and as bytes. It is written again as the same line."""
        again = DecisionRecord.from_json(kind(made.to_json()))
        assert made == again
        assert made.to_json() == again.to_json()
        assert (type(made.facts), type(made.facts.get("names"))) == (type(again.facts), type(again.facts.get("names")))

    @pytest.mark.parametrize("text", HOSTILE, ids=ascii)
    @pytest.mark.parametrize(
        "place",
        ["id", "policy_version", "correlation_id", "fact", "name", "member", "output", "evidence", "error", "unknown"],
    )
    def test_cannot_be_broken_by_a_value(self, text: str, place: str) -> None:
        """No value can end a line or begin one."""
        reason = RecordedReason("r", ReasonStatus.ERROR, (Evidence(text, text, text),), error=text)
        fields: dict[str, dict[str, Any]] = {
            "fact": {"facts": {"a": text}},
            "name": {"facts": {text: "a"}},
            "member": {"facts": {"a": (text, "b")}},
            "output": {"outputs": {text: True}},
            "evidence": {"reasons": [reason]},
            "error": {"reasons": [reason]},
            "unknown": {"unknown": [text], "masked": [text]},
        }
        made = denied(**fields.get(place, {place: text}))
        line = made.to_json()
        assert line.isascii()
        assert not {*"\n\r\x0b\x0c\x1c\x1d\x1e\x00\x1b"} & {*line}
        assert [line] == line.splitlines()
        assert made == DecisionRecord.from_json(line) == DecisionRecord.from_json(line.encode())
        assert json.loads(denied().to_json()).keys() == json.loads(line).keys()
        assert "deny" == json.loads(line)["effect"]


def changed(**fields: Any) -> dict[str, Any]:
    """Return the JSON of a record with other values in some fields."""
    payload: dict[str, Any] = json.loads(full().to_json())
    return payload | fields


def reason_with(**fields: Any) -> list[dict[str, Any]]:
    """Return the JSON of a reason with other values in some fields."""
    return [changed()["reasons"][0] | fields]


#: Each of these is wrong by itself, in a record that is right otherwise.
WRONG: Final[list[dict[str, Any]]] = [
    {"schema": "escalation_policy.decisions"},
    {"schema_version": "2.0"},
    {"schema_version": "1"},
    {"schema_version": 1.0},
    {"schema_version": "1.0\n"},
    {"id": ""},
    {"id": None},
    {"at": "2026-01-31"},
    {"at": "2026-01-31T09:30:00.000000"},
    {"at": "2026-01-31T09:30:00.000000+00:00"},
    {"at": "2026-13-31T09:30:00.000000Z"},
    {"at": "2026-01-31T24:30:00.000000Z"},
    {"at": "2026-01-31T09:30:00.000000Z\n"},
    {"effect": "maybe"},
    {"effect": True},
    {"policy_id": "a b"},
    {"policy_id": "a\n"},
    {"policy_id": None},
    {"policy_version": ""},
    {"fingerprint": ""},
    {"reasons": []},
    {"reasons": [None]},
    {"reasons": reason_with(code="a b")},
    {"reasons": reason_with(status="met")},
    {"reasons": reason_with(error="")},
    {"reasons": reason_with(evidence=[["login", "is set", "set"]])},
    {"reasons": reason_with(evidence=[{"fact": "login", "required": "is set"}])},
    {"reasons": reason_with(evidence=[{"fact": "login", "required": "is set", "seen": True}])},
    {"effect": "allow"},
    {"effect": "allow", "reasons": []},
    {"effect": "allow", "hidden": []},
    {"met": "abc"},
    {"met": [""]},
    {"hidden": ["a\nb"]},
    {"next_party": "somebody"},
    {"facts": []},
    {"facts": {"a": {}}},
    {"facts": {"a": [None]}},
    {"facts": {"a": [[]]}},
    {"facts": {"a": 2**63}},
    {"facts": {"a": -(2**63) - 1}},
    {"unknown": [""]},
    {"masked": [1]},
    {"outputs": {"a": 1}},
    {"outputs": {"a": None}},
    {"correlation_id": ""},
    {"facts_read_at": ""},
]


class TestSchema:
    """The JSON Schema of records is a part of the package."""

    @needs_validator
    def test_is_a_schema(self) -> None:
        """And not just any JSON."""
        VALIDATOR.check_schema(schema())
        assert "urn:escalation_policy:decision-record:1" == schema()["$id"]

    def test_stands_in_the_package(self) -> None:
        """For tools that do not run Python."""
        path = Path(records.__file__).with_name("decision-record.schema.json")
        assert schema() == json.loads(path.read_text("utf-8"))

    def test_is_a_new_copy_each_time(self) -> None:
        """A change has no effect on other copies."""
        schema().clear()
        assert schema()

    def test_knows_every_key_and_asks_for_it(self) -> None:
        """A key that is not in the schema could hold anything."""
        written = json.loads(full().to_json())
        assert written.keys() == schema()["properties"].keys()
        assert sorted(written.keys() - {"outcome"}) == schema()["required"]
        reason = schema()["$defs"]["reason"]
        assert written["reasons"][0].keys() == reason["properties"].keys() == {*reason["required"]}
        evidence = reason["properties"]["evidence"]["items"]
        assert list(Evidence._fields) == list(evidence["properties"]) == [*evidence["required"], "compared_with"]

    def test_needs_no_outcome(self) -> None:
        """Most decisions are made without a click. Readers accept codes that a newer release may add."""
        assert "outcome" not in json.loads(full(outcome=None).to_json())
        for outcome in (None, "created", "a_code_of_2.0"):
            line = full(outcome=outcome).to_json()
            assert full(outcome=outcome) == DecisionRecord.from_json(line)
        null = {**json.loads(full().to_json()), "outcome": None}
        assert full(outcome=None) == DecisionRecord.from_payload(null)
        for wrong in ("two words", "", 7):
            with pytest.raises(InvalidPayloadError, match=r"^record\.outcome must be "):
                DecisionRecord.from_payload({**null, "outcome": wrong})

    def test_knows_every_member(self) -> None:
        """Of effects, of statuses but `met`, and of parties."""
        properties = schema()["properties"]
        assert [effect.value for effect in Effect] == properties["effect"]["enum"]
        assert [*(party.value for party in Party), None] == properties["next_party"]["enum"]
        statuses = [status.value for status in ReasonStatus if status is not ReasonStatus.MET]
        assert statuses == schema()["$defs"]["reason"]["properties"]["status"]["enum"]

    @needs_validator
    def test_takes_newer_minor_versions(self) -> None:
        """They may hold more."""
        evidence = [{"fact": "a", "required": "b", "seen": "c", "more": 1}]
        VALIDATOR.validate(changed(schema_version="1.17", more=1, reasons=reason_with(more=1, evidence=evidence)))

    @needs_validator
    @pytest.mark.parametrize("key", sorted(json.loads(full(outcome=None).to_json())))
    def test_refuses_a_record_that_lacks_a_key(self, key: str) -> None:
        """Keys without a value are null, or empty."""
        payload = changed()
        del payload[key]
        assert not VALIDATOR.is_valid(payload)

    @needs_validator
    @pytest.mark.parametrize(
        "fields",
        WRONG,
        ids=repr,
    )
    def test_refuses_what_no_record_says(self, fields: dict[str, Any]) -> None:
        """Each of these is wrong by itself, in a record that is right otherwise."""
        VALIDATOR.validate(changed())
        assert not VALIDATOR.is_valid(changed(**fields))

    @needs_validator
    def test_is_what_all_these_tests_hold_records_against(self) -> None:
        """A fixture that checks nothing would accept everything."""
        made = allowed()
        object.__setattr__(made, "schema_version", "2.0")
        with pytest.raises(Exception, match=r"is not valid|does not match"):
            made.to_json()
