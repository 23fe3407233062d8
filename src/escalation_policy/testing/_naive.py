"""The naive evaluator: answers conditions by reading them as they are written, and policies by what their rules say.

It shares no code with the conditions' own answers, the operators and the compiler, so that a mistake in those shows.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple, cast, final, get_args, get_origin, is_typeddict

from .. import Decision, ReasonStatus, Rule
from .._engine.conditions import Condition
from .._engine.paths import Path
from .._engine.tests import Test
from .._engine.truth import Missing, Truth

#: Why something is undecided, the gravest first.
_WHYS: Final = (Truth.ERROR, Truth.UNKNOWN, Truth.ABSENT)
STATUS: Final = {
    Truth.TRUE: ReasonStatus.MET,
    Truth.FALSE: ReasonStatus.UNMET,
    Truth.ABSENT: ReasonStatus.UNMET,
    Truth.UNKNOWN: ReasonStatus.UNKNOWN,
    Truth.ERROR: ReasonStatus.ERROR,
}


@final
class Verdict(NamedTuple):
    """What a policy says of a request: the codes to report, with their statuses, and those to hide, in order."""

    allowed: bool
    reported: tuple[tuple[str, ReasonStatus], ...]
    hidden: tuple[str, ...]

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(code for code, _ in self.reported)

    def __str__(self) -> str:
        if self.allowed:
            return "allow"
        hidden = f"; hidden: {', '.join(self.hidden)}" if self.hidden else ""
        return f"deny: {', '.join(f'{code} ({status.value})' for code, status in self.reported)}{hidden}"


def verdict_of(decision: Decision[Any]) -> Verdict:
    """Tells what a decision says as the naive evaluator says it."""
    return Verdict(decision.allowed, tuple((each.code, each.status) for each in decision.reasons), decision.hidden)


def verdict(after: Mapping[str, set[str]], status: Mapping[str, ReasonStatus]) -> Verdict:
    """Says what a policy must say, by what its rules come after, in its order, and by how they have come out."""
    not_met = {code for code in after if status[code] is not ReasonStatus.MET}
    hidden = {code for code in not_met if after[code] & not_met}
    reported = [code for code in after if code in not_met - hidden or not not_met]
    return Verdict(
        not not_met, tuple((code, status[code]) for code in reported), tuple(code for code in after if code in hidden)
    )


def prerequisites(rules: Iterable[Rule[Any]]) -> dict[str, set[str]]:
    """Lists for each rule those that it comes after, directly or through others."""
    after = {rule.code: set(rule.after) for rule in rules}
    for _ in after:
        for mine in after.values():
            mine.update(*[after[code] for code in mine])
    return after


def answer(condition: Condition[Any], request: object) -> Truth:
    """Answer a condition naively. What is no request of its type is an error."""
    stack: list[Truth] = []
    for step in condition.steps:
        if isinstance(step, Test):
            stack.append(_answered(step, request) if issubclass(type(request), condition.request_type) else Truth.ERROR)
            continue
        operands = [stack.pop() for _ in range(step.size)]
        usual, decisive = (Truth.TRUE, Truth.FALSE) if step.word == "and" else (Truth.FALSE, Truth.TRUE)
        stack.append(decisive if decisive in operands else next((why for why in _WHYS if why in operands), usual))
    return stack.pop()


def _answered(test: Test, request: object) -> Truth:
    try:
        truth = _asked(test, request)
    except Exception:  # noqa: BLE001  whatever is raised is an error
        return Truth.ERROR
    opposite = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE} if test.negated else {}
    return opposite.get(truth, truth)


def _asked(test: Test, request: object) -> Truth:
    """Answer a test as if it were not negated."""
    values = [_read(path, request) for path in test.paths]
    missing = [value.truth for value in values if type(value) is Missing]
    if test.kind == "is_set" and missing == [Truth.ABSENT]:
        return Truth.FALSE
    if missing:
        return next(why for why in _WHYS if why in missing)
    if test.opaque:
        answer = test.operand(*values or [request])
        return {True: Truth.TRUE, False: Truth.FALSE}[answer] if type(answer) is bool else Truth.ERROR
    value, operand = values[0], values[1] if len(values) == 2 else test.operand
    return Truth.TRUE if _holds(test.kind, value, operand) else Truth.FALSE


def _holds(kind: str, value: Any, operand: Any) -> bool:
    if kind == "equals":
        return bool(value == operand)
    if kind == "one_of":
        return any(value == each for each in operand)
    if kind == "contains":
        return any(each == operand for each in value)
    if kind == "subset_of":
        return all(any(each == other for other in operand) for each in value)
    return kind == "is_set" or value is True


def _read(path: Path, request: Any) -> object:
    """Read a fact, and check every value on the way. A value of another type than declared raises."""
    value = request
    for hop in path.hops:
        value = value.get(hop.name) if hop.in_mapping else getattr(value, hop.name)
        if value is None:
            return Missing.UNKNOWN if hop.unknown_when_none else Missing.ABSENT
        _check(value, hop.kind)
    kind: Any = path.kind
    is_unknown = isinstance(kind, type(Enum)) and value is kind.__members__.get("UNKNOWN")
    return Missing.UNKNOWN if is_unknown else cast("object", value)


def _check(value: object, kind: Any) -> None:
    cls = type(value)
    if get_origin(kind) is frozenset:
        if cls is not frozenset:
            raise TypeError
        for member in cast("frozenset[object]", value):
            _check(member, get_args(kind)[0])
    elif isinstance(kind, type(Enum)) or kind in (str, int, bool):
        if cls is not kind:
            raise TypeError
    elif _is_class(kind) and kind not in cls.__mro__ and not (kind is float and int in cls.__mro__):
        raise TypeError


def _is_class(kind: Any) -> bool:
    is_special = kind is Any or is_typeddict(kind) or getattr(kind, "_is_protocol", False)
    return isinstance(kind, type) and not is_special
