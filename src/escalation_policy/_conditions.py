"""Conditions: inspectable expressions over facts, and how one is answered, put in words and identified."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum, IntEnum
from operator import contains, eq, le
from typing import Any, Final, Generic, cast, final

import attrs
from typing_extensions import TypeVar

from ._paths import MismatchError, Missing, Path
from ._request import EscalationRequest
from .exceptions import InvalidPolicyError

R = TypeVar("R", default=EscalationRequest)


@final
class Truth(IntEnum):
    """Three-valued truth; what is neither true nor false says why, the gravest reason last."""

    FALSE = 0
    TRUE = 1
    ABSENT = 2
    UNKNOWN = 3
    ERROR = 4

    def negated(self) -> "Truth":
        return Truth(1 - self) if self <= Truth.TRUE else self


@final
@attrs.frozen
class Finding:
    """What one test found at one fact: what an `Evidence` says, how it bears on the test, and what raised."""

    fact: str
    required: str
    seen: str
    truth: Truth
    error: str | None = None


Answer = tuple[Truth, tuple[Finding, ...]]


class Condition(ABC, Generic[R]):
    """An expression over facts that is true, false or undecided for a request; joined by `&`, `|` and `~`."""

    __slots__ = ()

    @property
    def request_type(self) -> type[R]:
        """The type of request it reads."""
        return self.tests()[0].asked

    @abstractmethod
    def answer(self, request: R, *, negated: bool = False) -> Answer:
        """Answers for one request, with the findings that the answer rests on."""

    @abstractmethod
    def words(self, *, negated: bool = False, public: bool = False) -> str:
        """Says what is required; with `public`, without the strings that facts are compared with."""

    @abstractmethod
    def identity(self) -> str:
        """Gives conditions that mean the same one text, in every process."""

    @abstractmethod
    def tests(self) -> "tuple[Test[R], ...]":
        """Lists the tests it is made of, in order."""

    def __and__(self, other: "Condition[R]") -> "Condition[R]":
        return _join("and", self, other)

    def __or__(self, other: "Condition[R]") -> "Condition[R]":
        return _join("or", self, other)

    def __invert__(self) -> "Condition[R]":
        return Not(self)

    def __bool__(self) -> bool:
        raise InvalidPolicyError(
            "a condition has no truth of its own: join conditions with &, | and ~, not and, or, not"
        )

    def __repr__(self) -> str:
        return f"<condition: {self.words()}>"


@final
@attrs.frozen
class Operator:
    """One kind of test over a value `x` and what it is compared with, `y`: in words, as a function, as source code.

    The converse is said of a second fact: where `x` contains `y`, `y` is in `x`.
    """

    words: str
    negation: str
    holds: Callable[[Any, Any], object]
    code: str
    converse: str = ""
    converse_negation: str = ""


OPERATORS: Final = {
    "equals": Operator("equals", "differs from", eq, "{x} == {y}", "equals", "differs from"),
    "one_of": Operator("is one of", "is none of", lambda value, members: value in members, "{x} in {y}"),
    "contains": Operator("contains", "does not contain", contains, "{y} in {x}", "is in", "is not in"),
    "subset_of": Operator("is within", "is not within", le, "{x} <= {y}", "covers", "does not cover"),
    "is_set": Operator("is set", "is not set", lambda value, _: value is not None, "True"),
    "is_true": Operator("is true", "is false", lambda value, _: value, "{x}"),
    "satisfies": Operator("satisfies", "does not satisfy", lambda value, test: test(value), "{y}({x})"),
    "predicate": Operator("holds", "does not hold", lambda request, test: test(request), "{y}(request)"),
}


@final
@attrs.frozen(repr=False)
class Test(Condition[R]):
    """One question about one or two facts or, for a predicate, about the whole request.

    Attributes:
        paths: The facts. The second one is what the first is compared with.
        operand: What the fact is compared with where that is no fact: a constant, or what decides an opaque test.
        name: What an opaque test is called; with `version`, all that identifies it.
    """

    __test__ = False  # whatever pytest makes of the name

    kind: str
    asked: type[R]
    paths: tuple[Path, ...]
    operand: Any = None
    name: str = ""
    version: str | None = None

    @property
    def opaque(self) -> bool:
        return self.name != ""

    def tests(self) -> "tuple[Test[R], ...]":
        return (self,)

    def answer(self, request: R, *, negated: bool = False) -> Answer:
        try:
            values = [path.read(request) for path in self.paths]
            outcome = self._truth(values, request)
            truth = outcome.negated() if negated else outcome
            findings = tuple(
                Finding(*self._asked(index, negated=negated), self._seen(index, value, outcome), _bearing(value, truth))
                for index, value in enumerate(values or [outcome is Truth.TRUE])
            )
        except Exception as error:  # noqa: BLE001  whatever a fact or a predicate raises is an answer: not met
            seen = str(error) if isinstance(error, MismatchError) else "error"
            return Truth.ERROR, (Finding(*self._asked(0, negated=negated), seen, Truth.ERROR, _raised(error)),)
        return truth, findings

    def _truth(self, values: list[object], request: R) -> Truth:
        missing = [_MISSING[value] for value in values if isinstance(value, Missing)]
        if missing:
            absent = self.kind == "is_set" and missing[0] is Truth.ABSENT
            return Truth.FALSE if absent else max(missing)
        subject, operand, *_ = (*(values or [request]), self.operand)
        result = OPERATORS[self.kind].holds(subject, operand)
        if type(result) is not bool:
            raise MismatchError(result, bool, self.operand)
        return Truth(result)

    def _asked(self, index: int, *, negated: bool) -> tuple[str, str]:
        operator = OPERATORS[self.kind]
        if not self.paths:
            return self.name, operator.negation if negated else operator.words
        fact = str(self.paths[index])
        if index == 0:
            return fact, self.words(negated=negated).removeprefix(f"{fact} ")
        return fact, f"{operator.converse_negation if negated else operator.converse} {self.paths[0]}"

    def _seen(self, index: int, value: object, outcome: Truth) -> str:
        if isinstance(value, Missing):
            return value.value
        hidden = bool(self.paths) and self.paths[index].private
        if isinstance(value, int | float | Enum) and not hidden:
            return _constant_words(value)
        if self.paths and isinstance(self.paths[index].member, type(Enum)):
            return _constant_words(value, most=8) or "nothing"
        return "another value" if self.kind in ("equals", "one_of") and outcome is Truth.FALSE else "set"

    def words(self, *, negated: bool = False, public: bool = False) -> str:
        verb = OPERATORS[self.kind].negation if negated else OPERATORS[self.kind].words
        if not self.paths:
            return f"{self.name} {verb}"
        if self.opaque:
            return f'{self.paths[0]} {verb} "{self.name}"'
        if len(self.paths) == 2:
            return f"{self.paths[0]} {verb} {self.paths[1]}"
        if self.operand is None:
            return f"{self.paths[0]} {verb}"
        return f"{self.paths[0]} {verb} {_constant_words(self.operand, hidden=public or self.paths[0].private)}"

    def identity(self) -> str:
        paths = [ascii(str(path)) + (f":{path.kind.__name__}" if path.key is not None else "") for path in self.paths]
        compared = sorted(paths) if self.kind == "equals" else paths
        operand = f"{self.name!a}@{self.version!a}" if self.opaque else _constant_identity(self.operand)
        return f"{self.kind}({', '.join(compared)}; {operand})"


@final
@attrs.frozen(repr=False)
class Junction(Condition[R]):
    """Several conditions joined by `and` or by `or`."""

    word: str
    operands: tuple[Condition[R], ...]

    def tests(self) -> tuple[Test[R], ...]:
        return tuple(test for operand in self.operands for test in operand.tests())

    def joined_by(self, *, negated: bool) -> str:
        """Gives the word, or the other one where the whole is negated and so are the operands."""
        return self.word if not negated else {"and": "or", "or": "and"}[self.word]

    def answer(self, request: R, *, negated: bool = False) -> Answer:
        answers = [operand.answer(request, negated=negated) for operand in self.operands]
        truths = [truth for truth, _ in answers]
        decisive = Truth.FALSE if self.joined_by(negated=negated) == "and" else Truth.TRUE
        truth = decisive if decisive in truths else max(truths)
        # What came out true is not in the way, and what did not decide does not matter.
        kept = [
            findings
            for each, findings in answers
            if each is truth or (truth is not decisive and each is not Truth.TRUE)
        ]
        return truth, tuple(finding for findings in kept for finding in findings)

    def words(self, *, negated: bool = False, public: bool = False) -> str:
        joint = f" {self.joined_by(negated=negated)} "
        return joint.join(_bracketed(operand, negated=negated, public=public) for operand in self.operands)

    def identity(self) -> str:
        return f"{self.word}({', '.join(sorted(operand.identity() for operand in self.operands))})"


@final
@attrs.frozen(repr=False)
class Not(Condition[R]):
    """The opposite of a condition; undecided where that one is."""

    operand: Condition[R]

    def tests(self) -> tuple[Test[R], ...]:
        return self.operand.tests()

    def answer(self, request: R, *, negated: bool = False) -> Answer:
        return self.operand.answer(request, negated=not negated)

    def words(self, *, negated: bool = False, public: bool = False) -> str:
        return self.operand.words(negated=not negated, public=public)

    def identity(self) -> str:
        return f"not({self.operand.identity()})"


_MISSING: Final = {Missing.ABSENT: Truth.ABSENT, Missing.UNKNOWN: Truth.UNKNOWN}


def _bearing(value: object, truth: Truth) -> Truth:
    """Says how one fact bears on an undecided test: by being missing, or not at all."""
    if truth <= Truth.TRUE:
        return truth
    return _MISSING[value] if isinstance(value, Missing) else Truth.TRUE


def _join(word: str, left: Condition[R], right: Condition[R]) -> Condition[R]:
    if not isinstance(right, Condition):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidPolicyError(f"a condition is joined with another condition, not with {right!r}")
    same_request_type(left, right)
    same_request_type(left, right)
    operands = [
        each
        for side in (left, right)
        for each in (side.operands if isinstance(side, Junction) and side.word == word else (side,))
    ]
    return Junction(word, tuple(operands))


def same_request_type(first: Any, *others: Any) -> None:
    """Refuses to mix facts of two kinds of request."""
    for other in others:
        if other.request_type is not first.request_type:
            names = f"{first.request_type.__name__} and {other.request_type.__name__}"
            raise InvalidPolicyError(f"facts of one request cannot be mixed with another's: {names}")


def _bracketed(operand: Condition[R], *, negated: bool, public: bool) -> str:
    words = operand.words(negated=negated, public=public)
    return f"({words})" if len(operand.tests()) > 1 else words


def _constant_words(constant: Any, *, hidden: bool = False, most: int = 100) -> str:
    if isinstance(constant, frozenset):
        members = sorted({_constant_words(member, hidden=hidden) for member in _members(constant)})
        rest = [f"{len(members) - most} more"] if len(members) > most else []
        return ", ".join(members[:most] + rest)
    if isinstance(constant, Enum):
        return str(constant.value)
    if isinstance(constant, str):
        return "a certain value" if hidden else repr(constant)
    return str(constant).lower()


def _members(constant: Any) -> frozenset[object]:
    return cast("frozenset[object]", constant)


def _constant_identity(constant: Any) -> str:
    if isinstance(constant, frozenset):
        return f"{{{', '.join(sorted(map(_constant_identity, _members(constant))))}}}"
    if isinstance(constant, Enum):
        return f"{type(constant).__name__}.{constant.name}"
    return ascii(constant)


def _raised(error: Exception) -> str:
    """Names the type, file and line of what raised; never its message, which can hold anything."""
    if isinstance(error, MismatchError):
        code = getattr(error.promise, "__code__", None)
        return "TypeError" if code is None else f"TypeError at {code.co_filename}:{code.co_firstlineno}"
    trace = sys.exc_info()[2]
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return f"{type(error).__name__}{where}"
