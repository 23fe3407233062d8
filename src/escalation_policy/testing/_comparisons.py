"""What pytest says of a comparison with a decision that failed."""

import reprlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard

import attrs

from .. import Decision, Effect, Reason

#: What to compare instead of a decision, by the type of what it was compared with.
_INSTEAD: Final[dict[type, str]] = {
    bool: "decision.allowed",
    Effect: "decision.effect",
    str: "the codes of decision.reasons",
}


def compared(op: str, left: object, right: object) -> list[str] | None:
    """Says in lines what makes decisions differ, or what to compare instead; None where pytest says enough."""
    said = f"{_verdict(left)} {op} {_verdict(right)}"
    if _is_decision(left) and _is_decision(right):
        if op == "!=":
            return [said, "effect, reasons, request and policy are the same"]
        differences = list(_differences(left, right)) or ["the reasons come in another order"]
        return [said, *differences] if op == "==" else None
    if op in ("==", "is") and (_is_decision(left) or _is_decision(right)):
        other = right if _is_decision(left) else left
        instead = _INSTEAD.get(type(other), "decision.effect or decision.reasons")
        return [said, f"a decision equals nothing but decisions: compare {instead}"]
    return None


def _is_decision(value: object) -> TypeGuard[Decision[Any]]:
    return isinstance(value, Decision)


def _verdict(value: object) -> str:
    if not _is_decision(value):
        return reprlib.repr(value)
    return "allow" if value.allowed else f"deny ({', '.join(reason.code for reason in value.reasons)})"


def _differences(left: Decision[Any], right: Decision[Any]) -> Iterator[str]:
    mine, its = _reasons(left, right), _reasons(right, left)
    for code in dict.fromkeys([*mine, *its]):
        if code not in its:
            yield f"only left: {code}, {_told(mine[code])}"
        elif code not in mine:
            yield f"only right: {code}, {_told(its[code])}"
        elif mine[code] != its[code]:
            told = _told(mine[code]), _told(its[code])
            yield f"{code}: the texts differ" if told[0] == told[1] else f"{code}: left {told[0]}; right {told[1]}"
    if left.fingerprint != right.fingerprint:
        yield f"the policies differ in what they mean: {left.policy_id}, {right.policy_id}"
    if left.request != right.request:
        places = ", ".join(_places(left.request, right.request, ""))
        yield f"the requests differ{' in ' if places else ''}{places}"


def _reasons(decision: Decision[Any], other: Decision[Any]) -> dict[str, Reason]:
    """What is met is only worth telling where both allow."""
    return {reason.code: reason for reason in decision.reasons if other.allowed or not decision.allowed}


def _told(reason: Reason) -> str:
    evidence = "; ".join(f"{each.fact} {each.required}, seen {each.seen}" for each in reason.evidence)
    return f"{reason.status.value}: {evidence}"


def _places(left: Any, right: Any, where: str) -> Iterator[str]:
    """Names what differs, as deep down as it can, and shows none of it."""
    if type(left) is type(right) and attrs.has(left.__class__) and not isinstance(left, Mapping):
        for name in attrs.fields_dict(left.__class__):
            yield from _places(getattr(left, name), getattr(right, name), f"{where}.{name}" if where else name)
    elif left != right:
        yield where
