"""Parsing: check the JSON of a record strictly, and collect everything that is wrong with it."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, NamedTuple, cast, final

from .._engine.rules import CODE_WORDS, is_code
from .._engine.tests import Evidence
from .._enums import Effect, Party, ReasonStatus
from .._fields import FrozenMapping, closest, kind_of
from .._reading import missing_field
from ..exceptions import Fault, InvalidPayloadError
from ._facts import is_fact

SCHEMA: Final = "escalation_policy.decision"
#: Readers of 1.0 can read all of 1.x.
SCHEMA_VERSION: Final = "1.1"
#: The versions that this release reads, in words.
VERSIONS: Final = "1.x, the only major version that this release reads"

_STR: Final = frozenset[type]({str})
_OBJECT: Final = frozenset[type]({dict})
#: Types of facts that need no further check.
_SIMPLE: Final = frozenset[type]({str, bool, type(None)})
#: Times that every Python reads alike.
_TIME_SHAPE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?(Z|[+-]\d\d:\d\d)", re.ASCII)


@final
class _Field(NamedTuple):
    """What a field of a record accepts.

    Attributes:
        accepted: What it accepts, in words.
        parse: Returns the value, or None if it is not accepted.
        is_nullable: Whether null is accepted too. A missing field counts as null.
        words: The accepted strings, if there are only a few. The fault of a wrong one names the closest of them.
    """

    accepted: str
    parse: Callable[[Any], Any]
    is_nullable: bool = False
    words: tuple[str, ...] = ()


def _text(value: Any) -> str | None:
    return value if type(value) is str and value else None


def _version(value: Any) -> str | None:
    return value if type(value) is str and is_version(value) else None


def is_version(version: str) -> bool:
    """Return whether this release reads a version of the schema: 1.0, or any minor version after it."""
    major, _, minor = version.partition(".")
    return major == "1" and minor.isdecimal() and minor.isascii()


def _code(value: Any) -> str | None:
    return value if type(value) is str and is_code(value) else None


def _codes(value: Any) -> tuple[str, ...] | None:
    codes = _tuple_of(_STR, value)
    return codes if codes is not None and all(map(is_code, codes)) else None


def _texts(value: Any) -> tuple[str, ...] | None:
    texts = _tuple_of(_STR, value)
    return texts if texts is not None and all(texts) else None


def _tuple_of(kinds: frozenset[type], value: Any) -> tuple[Any, ...] | None:
    members = cast("list[Any]", value)
    return tuple(members) if type(value) is list and kinds.issuperset(map(type, members)) else None


def _time(value: Any) -> datetime | None:
    if type(value) is not str or not _TIME_SHAPE.fullmatch(value):
        return None
    try:
        at = datetime.fromisoformat(value)
        return at if at.tzinfo is UTC else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _facts(value: Any) -> FrozenMapping[Any] | None:
    return _facts_of_json(value) if _is_object(value) else None


def _facts_of_json(value: Any) -> FrozenMapping[Any] | None:
    """Parse the facts in an object whose keys are strings, as they are in JSON."""
    if type(value) is not dict:
        return None
    facts = cast("dict[str, Any]", value).copy()
    for name, fact in facts.items():
        if type(fact) not in _SIMPLE:
            facts[name] = _fact(fact)
            if facts[name] is None:
                return None
    return FrozenMapping(facts)


def _fact(value: Any) -> Any:
    texts = _tuple_of(_STR, value)
    if texts is not None:
        return texts
    kind: Any = value.__class__
    fact = tuple(value) if kind is list else value
    return fact if kind is not tuple and is_fact(fact) else None


def _outputs(value: Any) -> FrozenMapping[bool] | None:
    are_bools = _is_object(value) and all(type(output) is bool for output in value.values())
    return FrozenMapping(value.copy()) if are_bools else None


def _is_object(value: Any) -> bool:
    return type(value) is dict and _STR.issuperset(map(type, cast("dict[object, object]", value)))


def _evidence(value: Any) -> tuple[Evidence, ...] | None:
    objects = _tuple_of(_OBJECT, value)
    if objects is None:
        return None
    evidence = [Evidence(*[fields.get(name) for name in Evidence._fields]) for fields in objects]
    return tuple(evidence) if all(map(_is_evidence, evidence)) else None


def _is_evidence(evidence: Evidence) -> bool:
    *required, compared_with = map(type, evidence)
    return _STR.issuperset(required) and compared_with in (str, type(None))


def _member_of(accepted: str, members: Iterable[Enum], *, is_nullable: bool = False) -> _Field:
    by_value = {member.value: member for member in members}

    def member(value: Any) -> Enum | None:
        return by_value.get(value) if type(value) is str else None

    return _Field(accepted, member, is_nullable, tuple(by_value))


_CODES: Final = _Field(f"a list of codes {CODE_WORDS}", _codes)
_TEXT: Final = _Field("a non-empty string", _text)
_TEXT_OR_NULL: Final = _Field("a non-empty string or null", _text, is_nullable=True)
_TEXTS: Final = _Field("a list of non-empty strings", _texts)
_TIME: Final = "a time with a zone, such as 2026-01-31T09:30:00Z"
_STATUSES: Final = ", ".join(status.value for status in ReasonStatus if status is not ReasonStatus.MET)
_PARTIES: Final = ", ".join(party.value for party in Party)
_REASON: Final = {
    "code": _Field(CODE_WORDS, _code),
    "status": _member_of(f"one of {_STATUSES}", ReasonStatus),
    "evidence": _Field(
        "a list of objects with the strings fact, required and seen, and perhaps compared_with", _evidence
    ),
    "error": _TEXT_OR_NULL,
}
_RECORD: Final = {
    "schema_version": _Field(VERSIONS, _version),
    "id": _TEXT,
    "at": _Field(_TIME, _time),
    "effect": _member_of("allow or deny", Effect),
    "policy_id": _Field(CODE_WORDS, _code),
    "policy_version": _TEXT_OR_NULL,
    "fingerprint": _TEXT,
    "met": _CODES,
    "hidden": _CODES,
    "next_party": _member_of(f"one of {_PARTIES} or null", Party, is_nullable=True),
    "facts": _Field("an object of strings, numbers of 64 bits, bools, nulls and lists of these", _facts),
    "unknown": _TEXTS,
    "masked": _TEXTS,
    "outputs": _Field("an object of bools", _outputs),
    "correlation_id": _TEXT_OR_NULL,
    "facts_read_at": _Field(f"{_TIME}, or null", _time, is_nullable=True),
    "outcome": _Field(f"{CODE_WORDS}, or null", _code, is_nullable=True),
}
#: The keys of a record that sort before `masked`.
HEAD: Final = frozenset(name for name in _RECORD if name < "masked")
_HEAD_PARSERS: Final = [
    (name, _facts_of_json if name == "facts" else field.parse, field.is_nullable)
    for name, field in _RECORD.items()
    if name in HEAD
]


def parse_record(payload: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the fields of a record except its reasons, and the fields of each reason. Unknown keys are left out.

    Raises:
        InvalidPayloadError: It is not a record, or one of another major version, or fields are wrong or contradict each
            other. `faults` lists everything that is wrong.
    """
    if not isinstance(payload, Mapping):
        raise InvalidPayloadError([Fault.mismatch("record", kind_of(payload), "an object")])
    fields = cast("Mapping[str, Any]", payload)
    if fields.get("schema") != SCHEMA:
        raise InvalidPayloadError([_fault_at("record", "schema", fields, _Field(SCHEMA, _text, words=(SCHEMA,)))])
    faults: list[Fault] = []
    record = _parse(_RECORD, fields, "record", faults)
    if "schema_version" not in record:
        # In another version, the other fields may mean something else.
        raise InvalidPayloadError(faults[:1])
    payloads: list[Any] = fields["reasons"] if type(fields.get("reasons")) is list else [None]
    reasons = [_parse_reason(each, f"record.reasons[{number}]", faults) for number, each in enumerate(payloads)]
    if not faults and (
        fault := contradiction(record["effect"], [reason["status"] for reason in reasons], record["hidden"])
    ):
        faults.append(fault)
    if faults:
        raise InvalidPayloadError(faults)
    return record, reasons


def parse_head(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of a record whose keys are in `HEAD`, from parsed JSON. None if any of them is wrong."""
    head: dict[str, Any] = {}
    for name, parse, is_nullable in _HEAD_PARSERS:
        value = fields[name]
        head[name] = parsed = parse(value)
        if parsed is None and not (value is None and is_nullable):
            return None
    return head


def _parse_reason(payload: Any, path: str, faults: list[Fault]) -> dict[str, Any]:
    if type(payload) is not dict:
        faults.append(Fault.mismatch(path, kind_of(payload), "an object"))
        return {}
    return _parse(_REASON, cast("dict[str, Any]", payload), path, faults)


def _parse(accepted: Mapping[str, _Field], fields: Mapping[str, Any], path: str, faults: list[Fault]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, field in accepted.items():
        value = fields.get(name)
        parsed = field.parse(value)
        if parsed is None and not (value is None and field.is_nullable):
            faults.append(_fault_at(path, name, fields, field))
        else:
            values[name] = parsed
    return values


def _fault_at(path: str, name: str, fields: Mapping[str, Any], field: _Field) -> Fault:
    if name not in fields:
        return missing_field(f"{path}.{name}", field.accepted)
    value = fields[name]
    return Fault.mismatch(f"{path}.{name}", kind_of(value), field.accepted, closest=closest(value, field.words))


def contradiction(effect: Effect, statuses: list[ReasonStatus], hidden: tuple[str, ...]) -> Fault | None:
    """Return the fault of reasons that contradict the effect, if they do."""
    if effect is Effect.ALLOW and (statuses or hidden):
        problem = "or record.hidden holds rules that stood in the way, though the effect is allow"
        return Fault("record.reasons", problem, found="rules that stood in the way", accepted="no rules")
    if effect is Effect.DENY and not statuses:
        problem = "holds no rule that stood in the way, though the effect is deny"
        return Fault("record.reasons", problem, found="no rules", accepted="rules that stood in the way")
    if ReasonStatus.MET in statuses:
        problem = "holds a rule that was met, and what was met denies nothing"
        return Fault("record.reasons", problem, found="a rule that was met", accepted="rules that stood in the way")
    return None
