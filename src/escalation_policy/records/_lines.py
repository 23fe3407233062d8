"""Lines: records as `to_json()` lays them out, read in half the time."""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from .._enums import Effect
from ._parsing import _BAD, _RECORD, facts_in, fields_of
from ._record import DecisionRecord, RecordedReason, puts_of, unchecked

#: What differs from record to record stands before `masked`; what stands from there on comes again and again.
_FIRST: Final = ("at", "correlation_id", "effect", "facts", "facts_read_at", "fingerprint", "hidden", "id")
_PUTS: Final = puts_of(DecisionRecord)
# The object of facts is nobody else's here.
_READ: Final[dict[str, Callable[[Any], Any]]] = {name: _RECORD[name].read for name in _FIRST} | {"facts": facts_in}
_OWN: Final = [(name, _READ[name], _PUTS[name]) for name in _FIRST]
#: What makes a whole record of the rest.
_SAMPLE: Final[dict[str, Any]] = {
    "at": "2026-01-31T09:30:00Z",
    "facts": {},
    "fingerprint": "0",
    "hidden": [],
    "id": "0",
}
#: How many ends of lines are remembered, and how long one may be.
_ENDS, _LONGEST = 512, 8192

_Put = Callable[[object, object], None]

_decode: Final = json.JSONDecoder().raw_decode


def quickly(text: str) -> DecisionRecord | None:
    """Reads a record as `DecisionRecord.from_json()` does; None where that has to be asked."""
    try:
        return _laid_out_as_usual(text)
    except (ValueError, RecursionError):
        return None


def _laid_out_as_usual(text: str) -> DecisionRecord:
    """Reads a record that is; raises `ValueError` for any other, and whatever is wrong with it.

    INVARIANT: what is cut at commas into parts that each have the members of an object, at least one, is an object with
    all of them. So no string misleads this: a line that is cut inside one falls into parts that are no objects.
    """
    start, _, rest = text.partition(',"facts":')
    facts, at = _decode(rest)
    middle, _, end = rest[at:].partition(',"masked":')
    told = {**_object(f"{start}}}"), "facts": facts, **_object(f"{{{middle[1:]}}}")}
    if not middle.startswith(",") or type(told["facts"]) is not dict:
        raise ValueError
    record = object.__new__(DecisionRecord)
    effect, filled = _end_of(end)
    for put, value in filled:
        put(record, value)
    for name, read, put in _OWN:
        value = read(told.get(name))
        if value is _BAD:
            raise ValueError
        put(record, value)
    if record.effect is not effect or (record.hidden and effect is Effect.ALLOW):
        raise ValueError
    return record


def _object(text: str) -> dict[str, Any]:
    fields: dict[str, Any]
    fields, end = _decode(text)
    if end < len(text) or not fields:
        raise ValueError
    return fields


@lru_cache(_ENDS)
def _end_of(text: str) -> tuple[Effect, list[tuple[_Put, object]]]:
    """Reads what stands after `masked`, and says which effect does not contradict it."""
    told = _object(f'{{"masked":{text}')
    if len(text) > _LONGEST or not told.keys().isdisjoint(_FIRST):
        raise ValueError
    fields, reasons = fields_of({**_SAMPLE, **told, "effect": "deny" if told.get("reasons") else "allow"})
    fields["reasons"] = tuple([unchecked(RecordedReason, **each) for each in reasons])
    filled = [(_PUTS[name], value) for name, value in fields.items() if name not in _FIRST]
    return fields["effect"], filled
