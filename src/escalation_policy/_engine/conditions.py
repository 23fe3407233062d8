"""Conditions: inspectable expressions over facts, and how they are answered for one request."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar, final

import attrs

from .._fields import with_article
from .._request import EscalationRequest
from ..exceptions import InvalidPolicyError
from .tests import Answer, Inputs, Readings, Test
from .truth import Truth

if TYPE_CHECKING:
    from typing_extensions import TypeVar as _TypeVar

    R = _TypeVar("R", default=EscalationRequest)
else:  # Before Python 3.13, `typing` has no defaults. Only type checkers need them, and they bring `typing_extensions`.
    R = TypeVar("R")
T = TypeVar("T")

#: The truth of one operand that decides a junction, whatever the others are.
_DECISIVE: Final = {"and": Truth.FALSE, "or": Truth.TRUE}


@final
class Junction(NamedTuple):
    """Joins the conditions that come before it: `word` is `and` or `or`, `size` says how many."""

    word: str
    size: int

    def __invert__(self) -> "Junction":
        return Junction("or" if self.word == "and" else "and", self.size)


@final
@attrs.frozen(repr=False)
class Condition(Generic[R]):
    """An expression over facts that is true, false or undecided for a request; joined by `&`, `|` and `~`.

    Attributes:
        request_type: The type of request it reads.
        steps: Its tests and junctions in postfix order, so that no nesting is too deep to be handled.
    """

    request_type: type[R]
    steps: tuple[Test | Junction, ...]

    @property
    def tests(self) -> tuple[Test, ...]:
        """The tests it is made of, in order."""
        return tuple([step for step in self.steps if type(step) is Test])

    @cached_property
    def inputs(self) -> Inputs:
        """What it reads."""
        return Inputs.of(self.tests)

    def fold(self, of_test: Callable[[Test], T], of_junction: Callable[[str, list[T]], T]) -> T:
        """Compute a result from the tests upwards: of each test, and of each junction from its operands' results."""
        results: list[T] = []
        for step in self.steps:
            if type(step) is Junction:
                results[-step.size :] = [of_junction(step.word, results[-step.size :])]
            else:
                results.append(of_test(step))
        return results[0]

    def truth(self, readings: Readings) -> Truth:
        """Answer for one request."""
        return self.fold(lambda test: test.truth(readings), joined_truth)

    def answer(self, readings: Readings) -> Answer:
        """Answer for one request, with the findings that the answer rests on."""
        return self.fold(lambda test: test.answer(readings), joined_answer)

    def words(self, *, hidden: bool = False) -> str:
        """Put in words what is required; `hidden` leaves out strings and numbers that facts are compared with."""
        return self.fold(lambda test: (test.words(hidden=hidden), False), _joined_words)[0]

    @property
    def identity(self) -> str:
        """What the condition means: the same text in every process for conditions that mean the same."""
        return self.fold(lambda test: test.identity, lambda word, parts: f"{word}({', '.join(sorted(parts))})")

    def __invert__(self) -> "Condition[R]":
        """Return the opposite, pushed down to the tests; it is undecided where this condition is."""
        return Condition(self.request_type, tuple([~step for step in self.steps]))

    def __and__(self, other: "Condition[R]") -> "Condition[R]":
        return _join("and", self, other)

    def __or__(self, other: "Condition[R]") -> "Condition[R]":
        return _join("or", self, other)

    def __bool__(self) -> bool:
        raise InvalidPolicyError("a condition is neither true nor false by itself: join conditions with &, | and ~")

    def __repr__(self) -> str:
        return f"<condition: {self.words()}>"


def joined_truth(word: str, truths: list[Truth]) -> Truth:
    """Return the truth of a junction from its operands' truths."""
    decisive = _DECISIVE[word]
    return decisive if decisive in truths else max(truths)


def joined_answer(word: str, answers: list[Answer]) -> Answer:
    """Return the answer of a junction from its operands' answers."""
    truth = joined_truth(word, [truth for truth, _ in answers])
    decisive = _DECISIVE[word]
    # A true operand does not stand in the way of the others, and an operand that did not decide does not matter.
    relevant = [each for each in answers if each[0] is truth or (truth is not decisive and each[0] is not Truth.TRUE)]
    return truth, tuple(finding for _, findings in relevant for finding in findings)


def _joined_words(word: str, parts: list[tuple[str, bool]]) -> tuple[str, bool]:
    return f" {word} ".join([f"({words})" if is_junction else words for words, is_junction in parts]), True


def _join(word: str, left: Condition[R], right: Condition[R]) -> Condition[R]:
    if not isinstance(right, Condition):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidPolicyError(
            f"a condition is joined with another condition, got {with_article(type(right).__name__)}"
        )
    same_request_type((left, right))
    return joined(word, (left, right))


def joined(word: str, conditions: Sequence[Condition[R]]) -> Condition[R]:
    """Return the junction of conditions over one type of request; of one condition, itself."""
    if len(conditions) == 1:
        return conditions[0]
    operands = [_operands(word, condition) for condition in conditions]
    junction = Junction(word, sum(count for _, count in operands))
    parts: list[tuple[Test | Junction, ...]] = [*(steps for steps, _ in operands), (junction,)]
    return Condition(conditions[0].request_type, sum(parts, ()))  # the quickest for two long ones


def _operands(word: str, side: Condition[R]) -> tuple[tuple[Test | Junction, ...], int]:
    last = side.steps[-1]
    return (side.steps[:-1], last.size) if type(last) is Junction and last.word == word else (side.steps, 1)


def same_request_type(parts: Iterable[Any]) -> None:
    """Check that paths or conditions are all over one type of request.

    Raises:
        InvalidPolicyError: They are not.
    """
    first, *others = parts
    for other in others:
        if other.request_type is not first.request_type:
            names = f"{first.request_type.__name__} and {other.request_type.__name__}"
            raise InvalidPolicyError(f"facts of one request cannot be mixed with another's, got {names}")
