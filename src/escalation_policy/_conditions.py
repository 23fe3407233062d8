"""Conditions: inspectable expressions over facts, each of which answers for a request."""

from abc import ABC, abstractmethod
from enum import Enum
from functools import cached_property
from typing import Any, Final, Generic, final

import attrs
from typing_extensions import TypeVar

from ._operators import OPERATORS, identity_of, words_of
from ._paths import Path
from ._request import EscalationRequest
from ._truth import Finding, MismatchError, Truth, raised
from .exceptions import InvalidPolicyError

R = TypeVar("R", default=EscalationRequest)

Answer = tuple[Truth, tuple[Finding, ...]]
_MISSING: Final = {Truth.ABSENT: "not set", Truth.UNKNOWN: "unknown"}


class Condition(ABC, Generic[R]):
    """An expression over facts that is true, false or undecided for a request; joined by `&`, `|` and `~`."""

    __slots__ = ()

    @abstractmethod
    def answer(self, request: R) -> Answer:
        """Answers for one request, with the findings that the answer rests on."""

    @abstractmethod
    def words(self, *, public: bool = False) -> str:
        """Says what is required; with `public`, without the strings that facts are compared with."""

    @abstractmethod
    def identity(self) -> str:
        """Gives conditions that mean the same one text, in every process."""

    @abstractmethod
    def tests(self) -> "tuple[Test[R], ...]":
        """Lists the tests it is made of, in order."""

    @abstractmethod
    def __invert__(self) -> "Condition[R]":
        """Makes the opposite, pushed down to the tests; it is undecided where this condition is."""

    def __and__(self, other: "Condition[R]") -> "Condition[R]":
        return _join("and", self, other)

    def __or__(self, other: "Condition[R]") -> "Condition[R]":
        return _join("or", self, other)

    @property
    def request_type(self) -> type[R]:
        """The type of request it reads."""
        return self.tests()[0].asked

    def __bool__(self) -> bool:
        raise InvalidPolicyError("a condition is neither true nor false by itself: join conditions with &, | and ~")

    def __repr__(self) -> str:
        return f"<condition: {self.words()}>"


@final
@attrs.frozen(repr=False)
class Test(Condition[R]):
    """One question about one or two facts or, for a predicate, about the whole request.

    Attributes:
        paths: The facts. The second one is what the first is compared with.
        operand: What the fact is compared with where that is no fact: a constant, or what decides an opaque test.
        name: What an opaque test is called; with `version`, all that identifies it.
        negated: Whether the answer must be no.
    """

    __test__ = False  # whatever pytest makes of the name

    kind: str
    asked: type[R]
    paths: tuple[Path, ...]
    operand: Any = None
    name: str = ""
    version: str | None = None
    negated: bool = False

    @property
    def opaque(self) -> bool:
        return self.name != ""

    def tests(self) -> "tuple[Test[R], ...]":
        return (self,)

    def __invert__(self) -> "Test[R]":
        return attrs.evolve(self, negated=not self.negated)

    def answer(self, request: R) -> Answer:
        try:
            values = [path.read(request) for path in self.paths]
            truth = self._truth(request, values)
            seen = self._seen(values, truth)
        except Exception as error:  # noqa: BLE001  whatever a fact or a predicate raises is an answer: not met
            return Truth.ERROR, (self._failure(error),)
        if truth <= Truth.TRUE:
            return truth, (Finding(self._subject, self._required, seen, truth),)
        asked = zip(self.paths, values, (self._required, "is set"), strict=False)
        missing = [(str(path), words, value) for path, value, words in asked if isinstance(value, Truth)]
        return truth, tuple(Finding(fact, words, _MISSING[value], value) for fact, words, value in missing)

    def _failure(self, error: Exception) -> Finding:
        seen, fact = (str(error), error.fact) if type(error) is MismatchError else ("error", None)
        asked = (self._subject, self._required) if fact in (None, self._subject) else (str(fact), "is set")
        return Finding(*asked, seen, Truth.ERROR, raised(error))

    def _truth(self, request: R, values: list[object]) -> Truth:
        missing = [value for value in values if isinstance(value, Truth)]
        if missing and not (self.kind == "is_set" and missing == [Truth.ABSENT]):
            return max(missing)
        subject = values[0] if values else request
        operand = values[1] if len(values) > 1 else self.operand
        result = OPERATORS[self.kind].holds(subject, operand)
        if type(result) is not bool:
            raise MismatchError(result, bool, promise=self.operand)
        return Truth(result is not self.negated)

    def _seen(self, values: list[object], truth: Truth) -> str:
        if not values:
            return words_of(truth is not Truth(self.negated))
        value, path = values[0], self.paths[0]
        if isinstance(value, Truth):
            return _MISSING[value]
        if isinstance(value, int | float | Enum) and not path.private:
            return words_of(value)
        if type(value) is frozenset and (isinstance(path.member, type(Enum)) or not value):
            return words_of(value, most=8) or "nothing"
        return "another value" if self.kind in ("equals", "one_of") and truth is Truth(self.negated) else "set"

    @cached_property
    def _subject(self) -> str:
        return str(self.paths[0]) if self.paths else self.name

    @cached_property
    def _required(self) -> str:
        return self._requirement(hidden=False)

    def _requirement(self, *, hidden: bool) -> str:
        verb = OPERATORS[self.kind].words[self.negated]
        if len(self.paths) > 1:
            return f"{verb} {self.paths[1]}"
        if self.kind == "satisfies":
            return f'{verb} "{self.name}"'
        if self.operand is None or self.opaque:
            return verb
        return f"{verb} {words_of(self.operand, hidden=hidden or any(path.private for path in self.paths))}"

    def words(self, *, public: bool = False) -> str:
        return f"{self._subject} {self._requirement(hidden=True) if public else self._required}"

    def identity(self) -> str:
        paths = [path.identity() for path in self.paths]
        compared = sorted(paths) if self.kind == "equals" else paths
        operand = f"{self.name!a}@{self.version!a}" if self.opaque else identity_of(self.operand)
        return f"{'not ' * self.negated}{self.kind}({', '.join(compared)}; {operand})"


@final
@attrs.frozen(repr=False)
class Junction(Condition[R]):
    """Several conditions joined by `and` or by `or`."""

    word: str
    operands: tuple[Condition[R], ...]

    def tests(self) -> tuple[Test[R], ...]:
        return tuple(test for operand in self.operands for test in operand.tests())

    def __invert__(self) -> "Junction[R]":
        return Junction("or" if self.word == "and" else "and", tuple(~operand for operand in self.operands))

    def answer(self, request: R) -> Answer:
        answers = [operand.answer(request) for operand in self.operands]
        truths = [truth for truth, _ in answers]
        decisive = Truth.FALSE if self.word == "and" else Truth.TRUE
        truth = decisive if decisive in truths else max(truths)
        # What came out true is not in the way, and what did not decide does not matter.
        kept = [found for each, found in answers if each is truth or (truth is not decisive and each is not Truth.TRUE)]
        return truth, tuple(finding for found in kept for finding in found)

    def words(self, *, public: bool = False) -> str:
        parts = [(operand.words(public=public), isinstance(operand, Junction)) for operand in self.operands]
        return f" {self.word} ".join(f"({words})" if bracketed else words for words, bracketed in parts)

    def identity(self) -> str:
        return f"{self.word}({', '.join(sorted(operand.identity() for operand in self.operands))})"


def _join(word: str, left: Condition[R], right: Condition[R]) -> Condition[R]:
    if not isinstance(right, Condition):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidPolicyError(f"a condition is joined with another condition, got {type(right).__name__}")
    same_request_type(left, right)
    return Junction(word, (*_operands(word, left), *_operands(word, right)))


def _operands(word: str, side: Condition[R]) -> tuple[Condition[R], ...]:
    return side.operands if isinstance(side, Junction) and side.word == word else (side,)


def same_request_type(first: Any, *others: Any) -> None:
    """Refuses to mix facts of two types of request."""
    for other in others:
        if other.request_type is not first.request_type:
            names = f"{first.request_type.__name__} and {other.request_type.__name__}"
            raise InvalidPolicyError(f"facts of one request cannot be mixed with another's, got {names}")
