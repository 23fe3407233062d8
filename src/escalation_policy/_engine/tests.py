"""Tests: what can be asked of one request, and what was read to answer it."""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeAlias, final

import attrs

from .operators import OPERATORS, Operator, identity_of, words_of
from .paths import Path, has_its_own_equality
from .truth import Failure, Missing, Truth, ask, has_value


@final
class Evidence(NamedTuple):
    """One fact that a reason rests on.

    Attributes:
        fact: Its dotted path, or the name of a predicate.
        required: What is required of it, in words.
        seen: What the request holds: an enum member, a set of these, a bool, or a number that is neither private nor of
            the context, in words; otherwise `set`, `not set`, `another value`, `unknown`, `error`, or the kind of value.
        compared_with: The dotted path of the fact that it is compared with, if any.
    """

    fact: str
    required: str
    seen: str
    compared_with: str | None = None


@final
class Finding(NamedTuple):
    """What a test found at one fact.

    Attributes:
        evidence: What it rests on.
        masked: The same without what the condition compares with and without numbers of the request.
        truth: What it contributes to the truth of the test.
        error: Type, file and line of what failed.
        not_recorded: Of a test over a record: the facts that the record does not hold.
    """

    evidence: Evidence
    masked: Evidence
    truth: Truth
    error: str | None = None
    not_recorded: tuple[str, ...] = ()


#: The truth of a test or a condition, and the findings that it rests on.
Answer: TypeAlias = tuple[Truth, tuple[Finding, ...]]


@final
@attrs.frozen(repr=False)
class Test:
    """One question about one or two facts or, for a predicate, about the whole request.

    Attributes:
        kind: The operator's name.
        paths: The facts. The second one is what the first is compared with.
        operand: A constant to compare with, or the host's function of an opaque test.
        name: What an opaque test is called; with `version`, all that identifies it.
        negated: Whether the answer must be no.
    """

    __test__ = False  # pytest collects classes by their names

    kind: str
    paths: tuple[Path, ...]
    operand: Any = None
    name: str = ""
    version: str | None = None
    negated: bool = False

    @property
    def operator(self) -> Operator:
        """What distinguishes this kind of test."""
        return OPERATORS[self.kind]

    @property
    def opaque(self) -> bool:
        """Whether a function of the host's answers."""
        return self.operator.opaque

    @cached_property
    def runs_host_code(self) -> bool:
        """Whether it compares values by methods of the host's."""
        compares = not (self.opaque or self.operator.answers_absence)
        return compares and any(has_its_own_equality(path.kind) for path in self.paths)

    @property
    def needs_values(self) -> bool:
        """Whether the test is only true if all its facts have values."""
        return not (self.operator.answers_absence and self.negated)

    def __invert__(self) -> "Test":
        return attrs.evolve(self, negated=not self.negated)

    @property
    def call(self) -> tuple[object, ...]:
        """The same for opaque tests that call the same function object with the same argument."""
        return id(self.operand), *[path.identity for path in self.paths]

    def truth(self, readings: "Readings") -> Truth:
        """Answer from what was read of one request."""
        return self._apply(readings)[1]

    def answer(self, readings: "Readings") -> Answer:
        """Answer from what was read of one request, with the findings that the answer rests on."""
        values, truth, result = self._apply(readings)
        if result is None:
            required = ((self.requirement(), self.requirement(hidden=True)), ("is set", "is set"))
            at_fault = [
                self._finding_at(path, words, value)
                for path, value, words in zip(self.paths, values, required, strict=False)
                if not has_value(value)
            ]
            return truth, tuple(each for each in at_fault if truth is not Truth.ERROR or each.truth is truth)
        if type(result) is Failure:
            return truth, (self._finding(result.shown, result.shown, truth, result.error),)
        shown, masked = [self._shown(values, result is True, masked=masked) for masked in (False, True)]
        return truth, (self._finding(shown, masked, truth),)

    def _apply(self, readings: "Readings") -> tuple[list[object], Truth, object]:
        """Return the facts' values, the truth, and the operator's result: a bool, a `Failure`, or None if a value lacks."""
        values = [readings.value(path) for path in self.paths]
        undecided = self._undecided(values)
        if undecided is not None:
            return values, undecided, None
        if self.opaque:
            result = readings.answer(self)
        elif self.runs_host_code:
            result = readings.once(self.question, lambda: self._holds(values))
        else:
            result = self._holds(values)
        return values, Truth.ERROR if type(result) is Failure else Truth(result is not self.negated), result

    def _undecided(self, values: list[object]) -> Truth | None:
        if any(type(value) is Failure for value in values):
            return Truth.ERROR
        missing = [value.truth for value in values if type(value) is Missing]
        if not missing or (self.operator.answers_absence and missing == [Truth.ABSENT]):
            return None
        return max(missing)

    def _holds(self, values: list[object]) -> object:
        operand = values[1] if len(values) > 1 else self.operand
        try:
            result = self.operator.holds(values[0], operand)
        except Exception as error:  # noqa: BLE001  an enum of the host's may compare in its own way
            return Failure.of_exception(error)
        return result if type(result) is bool else Failure.of_type(result, "a bool")

    def _finding_at(self, path: Path, required: tuple[str, str], value: Any) -> Finding:
        words, hidden = required
        is_missing = type(value) is Missing
        shown, truth, error = (
            (value.value, value.truth, None) if is_missing else (value.shown, Truth.ERROR, value.error)
        )
        other = str(self.paths[1]) if len(self.paths) > 1 and path is self.paths[0] else None
        fact = str(path)
        return Finding(Evidence(fact, words, shown, other), Evidence(fact, hidden, shown, other), truth, error)

    def _finding(self, shown: str, masked: str, truth: Truth, error: str | None = None) -> Finding:
        other = str(self.paths[1]) if len(self.paths) > 1 else None
        return Finding(
            Evidence(self.subject, self.requirement(), shown, other),
            Evidence(self.subject, self.requirement(hidden=True), masked, other),
            truth,
            error,
        )

    def _shown(self, values: list[Any], holds: bool, *, masked: bool) -> str:  # noqa: FBT001
        if not values:
            return words_of(holds)
        value, path = values[0], self.paths[0]
        if type(value) is Missing:
            return value.value
        if path.shows_value or (path.shows_number and not masked):
            return words_of(value, most=8) or "nothing"
        if path.member is not None and not value:
            return "nothing"
        return "another value" if self.operator.selects and not holds else "set"

    @cached_property
    def subject(self) -> str:
        """The fact that is asked about, or the name of the predicate."""
        return str(self.paths[0]) if self.paths else self.name

    def requirement(self, *, hidden: bool = False) -> str:
        """Put in words what is required of the subject; `hidden` leaves out strings and numbers to compare with."""
        verb = self.operator.words[self.negated]
        if len(self.paths) > 1:
            return f"{verb} {self.paths[1]}"
        if self.opaque:
            return f'{verb} "{self.name}"' if self.paths else verb
        if self.operand is None:
            return verb
        # Only what remains of a policy compares with nothing: a value that is known stands for a fact.
        hidden = hidden or any(path.private for path in self.paths)
        return f"{verb} {words_of(self.operand, hidden=hidden) or 'nothing'}"

    def words(self, *, hidden: bool = False) -> str:
        """Put the test in words."""
        return f"{self.subject} {self.requirement(hidden=hidden)}"

    @cached_property
    def identity(self) -> str:
        """What the test means: the same text in every process for tests that mean the same."""
        return f"{'not ' * self.negated}{self.question}"

    @cached_property
    def question(self) -> str:
        """The identity of the test as it was asked first, not negated."""
        paths = [path.identity for path in self.paths]
        compared = sorted(paths) if self.operator.symmetric else paths
        operand = f"{self.name!a}@{self.version!a}" if self.opaque else identity_of(self.operand)
        return f"{self.kind}({', '.join(compared)}; {operand})"


@final
class Inputs:
    """What the rules of a policy read of a request: facts and the answers of opaque functions, each once.

    Attributes:
        paths: The facts, by identity.
        questions: The opaque tests, by key: the `question`, the first one by alphabet if several ask the same function,
            numbered if several functions go by one name.
        noted: The keys of what may change after a decision: values in mappings of the host's, and answers.
    """

    __slots__ = ("_keys", "noted", "paths", "questions")

    def __init__(self, paths: dict[str, Path], questions: dict[str, Test]) -> None:
        self.paths: Final = paths
        self.questions: Final = questions
        self._keys: Final = {test.call: key for key, test in questions.items()}
        self.noted: Final = (*[key for key, path in paths.items() if not path.lasting], *questions)

    @classmethod
    def of(cls, tests: Iterable[Test]) -> "Inputs":
        """Collect what tests read."""
        paths: dict[str, Path] = {}
        calls: dict[object, Test] = {}
        for test in tests:
            paths.update((path.identity, path) for path in test.paths)
            # The same test in any order of rules: a pickled decision may be recorded with an equal policy.
            if test.opaque and test.question <= calls.get(test.call, test).question:
                calls[test.call] = test
        questions: dict[str, Test] = {}
        numbers: Counter[str] = Counter()
        for test in calls.values():
            numbers[test.question] += 1
            number = numbers[test.question]
            questions[test.question if number == 1 else f"{test.question}#{number}"] = test
        return cls(paths, questions)

    def key_of(self, test: Test) -> str:
        """Return the key of an opaque test: the same for every test that calls the same function with the same fact."""
        return self._keys[test.call]

    def __reduce__(self) -> tuple[Any, ...]:
        # No pickle can hold every function of a host's.
        return Inputs, (self.paths, {})


@final
class Readings:
    """What was read of one request: the value of each fact, and the answer of each opaque function, once.

    Args:
        inputs: What the policy reads.
        request: The request.
        values: What was read already, by the identity of a path or the key of a question.
        failure: Why nothing can be read of the request, if so.
    """

    __slots__ = ("failure", "inputs", "request", "values")

    def __init__(
        self, inputs: Inputs, request: object, values: dict[str, object], failure: Failure | None = None
    ) -> None:
        self.inputs: Final = inputs
        self.request: Final = request
        self.values: Final = values
        self.failure: Final = failure

    def of(self, inputs: Inputs) -> "Readings":
        """Return the same for the policy itself; a decision that was pickled knows less of it."""
        return self if inputs is self.inputs else Readings(inputs, self.request, self.values, self.failure)

    def once(self, key: str, compute: Callable[[], object]) -> object:
        """Return what was kept under a key. The first time it is computed."""
        if key not in self.values:
            self.values[key] = compute()
        return self.values[key]

    def value(self, path: Path) -> object:
        """Return the value of a fact, `Missing` or a `Failure`."""
        return self.once(path.identity, lambda: path.read(self.request))

    def answer(self, test: Test) -> object:
        """Return the answer of an opaque test whose fact has a value: a bool or a `Failure`."""
        argument = self.value(test.paths[0]) if test.paths else self.request
        return self.once(self.inputs.key_of(test), lambda: ask(test.operand, argument))

    @property
    def is_complete(self) -> bool:
        """Whether all that the policy reads was read."""
        return self.inputs.paths.keys() <= self.values.keys()

    def complete(self) -> "Readings":
        """Read and ask everything that is still missing, so that nothing is asked later."""
        if self.failure is None:
            for path in self.inputs.paths.values():
                self.value(path)
            for test in self.inputs.questions.values():
                if all(has_value(self.value(path)) for path in test.paths):
                    self.answer(test)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Readings, (self.inputs, self.request, self.values, self.failure)
