"""Parsing: from the JSON of a record to what it says, strictly; all that is wrong is told together."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast, final

from .._engine.rules import CODE_WORDS, is_code
from .._engine.tests import Evidence
from .._enums import Effect, Party, ReasonStatus
from .._fields import FrozenMapping, closest, kind_of
from ..exceptions import Fault, InvalidPayloadError
from ._forms import is_fact

SCHEMA: Final = "escalation_policy.decision"
#: Readers of 1.0 can read all of 1.x.
SCHEMA_VERSION: Final = "1.1"
#: What versions this release reads, in words.
VERSIONS: Final = "1.x, the only major version that this release reads"

_BAD: Final = object()
_STR: Final = frozenset[type]({str})
_EASY: Final = frozenset[type]({str, bool, type(None)})
_OBJECT: Final = frozenset[type]({dict})
#: What every Python reads as the same time.
_TIME_SHAPE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?(Z|[+-]\d\d:\d\d)", re.ASCII)


@final
class _Kind(NamedTuple):
    """What a field accepts.

    Attributes:
        accepted: What it accepts, in words.
        read: Makes its value; `_BAD` if that cannot be.
        keys: The accepted strings, if there are only a few: of a wrong one, the fault names the closest of these.
    """

    accepted: str
    read: Callable[[Any], Any]
    keys: tuple[str, ...] = ()


def _text(value: Any) -> Any:
    return value if type(value) is str and value else _BAD


def _version(value: Any) -> Any:
    return value if type(value) is str and is_version(value) else _BAD


def is_version(version: str) -> bool:
    """Says whether a version of the schema is one that is known, or a newer minor one."""
    major, _, minor = version.partition(".")
    return major == "1" and minor.isdecimal() and minor.isascii()


def _code(value: Any) -> Any:
    return value if type(value) is str and is_code(value) else _BAD


def _codes(value: Any) -> Any:
    codes = _listed(value, _STR)
    return codes if codes is not _BAD and _are_codes(codes) else _BAD


@lru_cache(1024)
def _are_codes(codes: tuple[str, ...]) -> bool:
    return all(map(is_code, codes))


def _texts(value: Any) -> Any:
    texts = _listed(value, _STR)
    return texts if texts is not _BAD and all(texts) else _BAD


def _listed(value: Any, kinds: frozenset[type]) -> Any:
    members = cast("list[Any]", value)
    return tuple(members) if type(value) is list and kinds.issuperset(map(type, members)) else _BAD


def _time(value: Any) -> Any:
    if type(value) is not str or not _TIME_SHAPE.fullmatch(value):
        return _BAD
    try:
        at = datetime.fromisoformat(value)
        return at if at.tzinfo is UTC else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return _BAD


def _member_of(accepted: str, members: Iterable[Enum]) -> _Kind:
    by_value = {member.value: member for member in members}

    def read(value: Any) -> Any:
        return by_value.get(value, _BAD) if type(value) is str else _BAD

    return _Kind(accepted, read, tuple(by_value))


def _or_none(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _facts(value: Any) -> Any:
    return facts_in(cast("dict[str, Any]", value).copy()) if _is_object(value) else _BAD


def facts_in(facts: dict[str, Any]) -> Any:
    """Makes facts of an object that is nobody else's; `_BAD` where that cannot be."""
    for name, each in facts.items():
        if type(each) not in _EASY:
            facts[name] = _fact(each)
            if facts[name] is _BAD:
                return _BAD
    return FrozenMapping(facts)


def _fact(value: Any) -> Any:
    names = _listed(value, _STR)
    if names is not _BAD:
        return names
    kind: Any = value.__class__
    fact = tuple(value) if kind is list else value
    return fact if kind is not tuple and is_fact(fact) else _BAD


def _outputs(value: Any) -> Any:
    if not _is_object(value):
        return _BAD
    outputs = cast("dict[str, Any]", value).copy()
    return FrozenMapping(outputs) if {bool}.issuperset(map(type, outputs.values())) else _BAD


def _is_object(value: Any) -> bool:
    return type(value) is dict and _STR.issuperset(map(type, cast("dict[object, object]", value)))


def _evidence(value: Any) -> Any:
    listed = _listed(value, _OBJECT)
    if listed is _BAD:
        return _BAD
    fields = [[each.get(name) for name in Evidence._fields] for each in listed]
    return tuple([Evidence(*each) for each in fields]) if all(map(_is_evidence, fields)) else _BAD


def _is_evidence(fields: list[Any]) -> bool:
    *required, optional = map(type, fields)
    return _STR.issuperset(required) and optional in (str, type(None))


_TEXT: Final = _Kind("a non-empty string", _text)
_TEXT_OR_NULL: Final = _Kind("a non-empty string or null", _or_none(_text))
_CODE: Final = _Kind(CODE_WORDS, _code)
_CODES: Final = _Kind(f"a list of codes {CODE_WORDS}", _codes)
_TEXTS: Final = _Kind("a list of non-empty strings", _texts)
_TIME: Final = "a time with a zone, such as 2026-01-31T09:30:00Z"
_STATUS: Final = ", ".join(status.value for status in ReasonStatus if status is not ReasonStatus.MET)
_PARTY: Final = _member_of(f"one of {', '.join(party.value for party in Party)} or null", Party)
_REASON: Final = {
    "code": _CODE,
    "status": _member_of(f"one of {_STATUS}", ReasonStatus),
    "evidence": _Kind(
        "a list of objects with the strings fact, required and seen, and perhaps compared_with", _evidence
    ),
    "error": _TEXT_OR_NULL,
}
_RECORD: Final = {
    "schema_version": _Kind(VERSIONS, _version),
    "id": _TEXT,
    "at": _Kind(_TIME, _time),
    "effect": _member_of("allow or deny", Effect),
    "policy_id": _CODE,
    "policy_version": _TEXT_OR_NULL,
    "fingerprint": _TEXT,
    "met": _CODES,
    "hidden": _CODES,
    "next_party": _PARTY._replace(read=_or_none(_PARTY.read)),
    "facts": _Kind("an object of strings, numbers of 64 bits, bools, nulls and lists of these", _facts),
    "unknown": _TEXTS,
    "masked": _TEXTS,
    "outputs": _Kind("an object of bools", _outputs),
    "correlation_id": _TEXT_OR_NULL,
    "facts_read_at": _Kind(f"{_TIME}, or null", _or_none(_time)),
}


def fields_of(payload: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Reads the fields of a record, and those of its reasons. Keys that are not known are left out.

    Raises:
        InvalidPayloadError: It is no record, one of another major version, or has fields that are not what they should
            be; `faults` lists them all.
    """
    if not isinstance(payload, Mapping):
        raise InvalidPayloadError([Fault.mismatch("record", kind_of(payload), "an object")])
    fields = cast("Mapping[str, Any]", payload)
    if fields.get("schema") != SCHEMA:
        raise InvalidPayloadError([_fault_at("record.schema", fields, _Kind(SCHEMA, _text, (SCHEMA,)))])
    faults: list[Fault] = []
    read = _read(_RECORD, fields, "record", faults)
    if "schema_version" not in read:
        # Nothing else means what it means here.
        raise InvalidPayloadError(faults[:1])
    reasons: list[Any] = fields["reasons"] if type(fields.get("reasons")) is list else [None]
    told = [_reason(each, f"record.reasons[{number}]", faults) for number, each in enumerate(reasons)]
    if not faults and (why := contradiction(read["effect"], [each["status"] for each in told], read["hidden"])):
        faults.append(why)
    if faults:
        raise InvalidPayloadError(faults)
    return read, told


def _reason(value: Any, path: str, faults: list[Fault]) -> dict[str, Any]:
    if type(value) is not dict:
        faults.append(Fault.mismatch(path, kind_of(value), "an object"))
        return {}
    return _read(_REASON, cast("dict[str, Any]", value), path, faults)


def _read(kinds: Mapping[str, _Kind], fields: Mapping[str, Any], path: str, faults: list[Fault]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, kind in kinds.items():
        value = kind.read(fields.get(name))
        if value is _BAD:
            faults.append(_fault_at(f"{path}.{name}", fields, kind))
        else:
            read[name] = value
    return read


def _fault_at(path: str, fields: Mapping[str, Any], kind: _Kind) -> Fault:
    name = path.rpartition(".")[2]
    if name not in fields:
        return Fault(path, f"is missing: it must be {kind.accepted}", found="nothing", accepted=kind.accepted)
    return Fault.mismatch(path, kind_of(fields[name]), kind.accepted, closest=closest(fields[name], kind.keys))


def contradiction(effect: Effect, statuses: list[ReasonStatus], hidden: tuple[str, ...]) -> Fault | None:
    """Says where reasons contradict an effect."""
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
