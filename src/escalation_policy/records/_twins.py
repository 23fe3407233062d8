"""Twins: a policy's rules over the facts of a record, in the place of a request.

Tests whose facts the record does not tell refuse to answer. Everything else is the machine that decides requests.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final, cast, final, get_args, get_origin

import attrs

from .._engine.compiler import ASKING, UNREAD, Statements, execute, note_names
from .._engine.conditions import Condition, Junction, joined_answer
from .._engine.decision import STATUSES, error_of
from .._engine.paths import Hop, Hops, Path
from .._engine.policy import Policy
from .._engine.tests import Answer, Evidence, Finding, Inputs, Readings, Test
from .._engine.truth import Missing, Truth
from .._enums import ReasonStatus
from ._forms import form_of
from ._masks import mask_of
from ._record import RecordedReason, unchecked
from ._recording import twofold

#: How many types, and how many sets of names of each, are kept: the permissions of a role come again and again.
_KEPT: Final = 1024
#: What is compared as it stands in a record; the compiled rules check its type themselves.
_PLAIN: Final = (str, int, bool)

_Taker = Callable[[Any], object]
Facts = Mapping[str, Any]
NotMet = list[tuple[int, bool]]
_form_of: Final = lru_cache(_KEPT)(form_of)


@final
class Table(dict[str, Any]):
    """The facts of one record, in the place of a request."""


@final
@attrs.frozen
class Refusal:
    """Takes the place of a host's function if the record does not hold what the test needs.

    Attributes:
        facts: The facts, or the predicate, that the record does not hold.
        required: What the test requires of its fact, in words.
        compared_with: The fact that it is compared with, if any.
    """

    facts: tuple[str, ...]
    required: str
    compared_with: str | None = None

    def __call__(self, _: object) -> None:
        """Give no answer, which is not met, and neither is its negation."""


def _repeat(answer: bool, *_: object) -> bool:  # noqa: FBT001
    """Repeat what a predicate answered when the decision was made."""
    return answer


_SIEVE: Final = """\
def sieve(request):
    try:
        found = []
        {lines}
        return found
    except Exception:
        return None
"""


@final
class Twin:
    """The rules of a policy over the facts of all records of one shape.

    Args:
        policy: The policy.
        unknown: Which facts we were not told, where they are None.
        masked: Which facts hold tokens.
        outputs: What predicates said.
        gone: Which facts of those that the policy reads are not there, or cannot be read.

    Attributes:
        sieve: Given the facts of a record, numbers the rules that are not met, and says of each whether it is plainly
            unmet. None where anything raised, as a fact does that is not there.
    """

    def __init__(
        self,
        policy: Policy[Any],
        unknown: tuple[str, ...],
        masked: tuple[str, ...],
        outputs: tuple[tuple[str, bool], ...],
        gone: tuple[str, ...],
    ) -> None:
        self._unknown: Final = frozenset(unknown)
        self._masked: Final = frozenset(masked)
        self._outputs: Final = dict(outputs)
        self._policy: Final = policy
        tests = [test for rule in policy.rules for test in rule.requires.tests]
        self._gone: Final = frozenset(gone) | twofold(tests)
        paths = {str(path): path for test in tests for path in test.paths if str(path) not in self._gone}
        self._takers: Final = {name: self._taker(path) for name, path in paths.items() if not self._is_plain(path)}
        self._plain: Final = {name: path.kind for name, path in paths.items() if self._is_plain(path)}
        self._rules: Final = [attrs.evolve(rule, requires=self._over(rule.requires)) for rule in policy.rules]
        self._inputs: Final = Inputs.of(test for rule in self._rules for test in rule.requires.tests)
        read = {self._path(path).hops: (self._takers.get(name), self._plain.get(name)) for name, path in paths.items()}
        self.sieve: Final = _compiled([rule.requires for rule in self._rules], self._inputs, read)

    def _is_plain(self, path: Path) -> bool:
        return path.kind in _PLAIN and str(path) not in self._masked

    def _taker(self, path: Path) -> _Taker:
        if str(path) in self._masked:
            return _token_taker(f"{_id_kind(path)}#", _is_set_of_names(path.kind))
        return _taker_of(path.kind)

    def _path(self, path: Path) -> Path:
        name, kind = str(path), path.kind
        if _form_of(kind).taken is None:
            kind = object
        elif name in self._masked:
            kind = frozenset[str] if _is_set_of_names(kind) else str
        hop = Hop(name, kind, optional=True, unknown_when_none=name in self._unknown, in_mapping=True, checked=True)
        return Path(Table, (hop,), path.private)

    def _over(self, condition: Condition[Any]) -> Condition[Table]:
        """Return the same condition over the facts of a record."""
        steps: list[Test | Junction] = []
        for step in condition.steps:
            steps += [step] if isinstance(step, Junction) else self._test(step)
        return Condition(Table, tuple(steps))

    def _test(self, test: Test) -> list[Test | Junction]:
        answer = self._outputs.get(test.question) if test.opaque else None
        untold = [str(path) for path in test.paths if not self._is_told(path)]
        if answer is not None:
            # The answer holds even if the value itself could not be kept.
            paths = () if untold else test.paths
            return [self._moved(attrs.evolve(test, paths=paths, operand=partial(_repeat, answer)))]
        if untold or not test.paths:
            return _all([_refusal(name) for name in untold or [test.name]])
        veiled = [path for path in test.paths if str(path) in self._masked or _form_of(path.kind).taken is None]
        if not veiled or test.operator.answers_absence or self._are_comparable(test.paths):
            return [self._moved(test)]
        return self._refusals(test, [str(path) for path in veiled])

    def _moved(self, test: Test) -> Test:
        return attrs.evolve(test, paths=tuple([self._path(path) for path in test.paths]))

    def _is_told(self, path: Path) -> bool:
        """Says whether a record tells at least whether a fact is there; the token of an enum may mean that it is unknown."""
        return str(path) not in self._gone and (path.unknown is None or str(path) not in self._masked)

    def _are_comparable(self, paths: tuple[Path, ...]) -> bool:
        """Says whether facts can be compared with each other by their tokens."""
        masked = [_form_of(path.kind).taken is not None and str(path) in self._masked for path in paths]
        return masked == [True, True] and _id_kind(paths[0]) == _id_kind(paths[1])

    def _refusals(self, test: Test, veiled: list[str]) -> list[Test | Junction]:
        """Return what takes the place of a test without an answer; if a fact is absent, that is the answer as before."""
        other = str(test.paths[1]) if len(test.paths) > 1 else None
        words = ((test.requirement(), other), ("is set", None))
        refusals = [
            Test("satisfies", (self._path(path),), Refusal(tuple(veiled), *each), ", ".join(veiled))
            for path, each in zip(test.paths, words, strict=False)
            if str(path) not in self._masked  # what holds a token is not absent
        ]
        return _all(refusals or [_refusal(name) for name in veiled])

    def gaps(self, facts: Facts) -> list[str]:
        """Name the facts that are not there, of another type, or of which no value can be made."""
        gone = [name for name in (*self._takers, *self._plain) if name not in facts]
        there = {name: taken for name, taken in self._takers.items() if facts.get(name) is not None}
        gone += [name for name, taken in there.items() if taken(facts[name]) is None]
        plain = [(name, facts.get(name), kind) for name, kind in self._plain.items()]
        return gone + [name for name, value, kind in plain if value is not None and type(value) is not kind]

    def _table(self, facts: Facts) -> Table:
        table = Table(facts)
        for name, taken in self._takers.items():
            if table[name] is not None:
                table[name] = taken(table[name])
        return table

    def statuses(self, facts: Facts, not_met: NotMet | None) -> tuple[dict[str, ReasonStatus], dict[str, None]]:
        """Says how each rule that is not met came out and, where some cannot be decided, which facts are missing."""
        statuses: dict[str, ReasonStatus] = {}
        missing: dict[str, None] = {}
        readings: Readings | None = None
        for number, is_plain in [(number, False) for number in range(len(self._rules))] if not_met is None else not_met:
            rule = self._rules[number]
            if is_plain:
                statuses[rule.code] = ReasonStatus.UNMET
                continue
            readings = readings or Readings(self._inputs, self._table(facts), {})
            truth, findings = _answer_condition(rule.requires, readings)
            if truth is not Truth.TRUE:
                statuses[rule.code] = STATUSES[truth]
            for found in findings:
                missing.update(dict.fromkeys(found.not_recorded))
        return statuses, missing

    def hidden(self, codes: Collection[str]) -> tuple[str, ...]:
        """Return those of the rules not met that hide behind another one of them."""
        return self._policy.hidden_among(codes)

    def reasons(self, facts: Facts, shown: Mapping[str, ReasonStatus]) -> tuple[RecordedReason, ...]:
        """Return the reasons of rules that are not met."""
        readings = Readings(self._inputs, self._table(facts), {})
        answers = {rule.code: _answer_condition(rule.requires, readings) for rule in self._rules if rule.code in shown}
        return tuple([_reason(code, shown[code], answer) for code, answer in answers.items()])


def _reason(code: str, status: ReasonStatus, answer: Answer) -> RecordedReason:
    evidence = tuple(dict.fromkeys(each.evidence for each in answer[1]))
    return unchecked(RecordedReason, code=code, status=status, evidence=evidence, error=error_of(answer))


def _answer_condition(condition: Condition[Table], readings: Readings) -> Answer:
    return condition.fold(lambda test: _answer(test, readings), joined_answer)


def _answer(test: Test, readings: Readings) -> Answer:
    refusal: Any = test.operand
    if type(refusal) is not Refusal:
        return test.answer(readings)
    value = readings.value(test.paths[0]) if test.paths else None
    if type(value) is Missing:
        evidence = Evidence(test.subject, refusal.required, value.value, refusal.compared_with)
        return value.truth, (Finding(evidence, evidence, value.truth),)
    evidence = Evidence(test.subject, refusal.required, "error")
    return Truth.ERROR, (Finding(evidence, evidence, Truth.ERROR, not_recorded=refusal.facts),)


def _refusal(name: str) -> Test:
    return Test("predicate", (), Refusal((name,), "holds"), name)


def _compiled(
    conditions: Sequence[Condition[Table]],
    inputs: Inputs,
    read: Mapping[Hops, tuple[_Taker | None, type | None]],
) -> Callable[[Facts], NotMet | None]:
    """Compile what asks all conditions, each first whether it is true and then whether it is false.

    Args:
        conditions: The conditions.
        inputs: What they read.
        read: The hops to all facts, each with what decodes what stands in a record, or the type that it must have.
    """
    scope: dict[str, Any] = {"unread": UNREAD, "asking": ASKING}
    variables = {hops: f"r{number}" for number, hops in enumerate(read)}
    statements = Statements(inputs, scope, "", variables=variables)
    lines = [f"{name} = unread" for name in note_names(inputs).values()]
    for hops, (taken, kind) in read.items():
        name = variables[hops]
        lines.append(f"{name} = request[{statements.constant(hops[0].name)}]")
        if taken:
            made = f"({name} := {statements.constant(taken)}({name}))"
            lines.append(f"if {name} is not None and {made} is None: raise LookupError")
        else:
            lines.append(
                f"if {name} is not None and type({name}) is not {statements.constant(kind)}: raise LookupError"
            )
    for number, condition in enumerate(conditions):
        is_met = statements.condition(condition)
        is_unmet = f"({statements.condition(~condition)}) or ({_lacks(statements, condition)})"
        statements.lines.append(f"if not ({is_met}): found.append(({number}, {is_unmet}))")
    source = _SIEVE.format(lines="\n        ".join([*lines, *statements.lines]))
    sieve: Callable[[Facts], NotMet | None] = execute(source, "sieve", scope)
    return sieve


def _lacks(statements: Statements, condition: Condition[Table]) -> str:
    """Return an expression for whether a fact is absent, if that is all that keeps a test from an answer."""
    test = condition.steps[0]
    if len(condition.steps) > 1 or isinstance(test, Junction) or test.opaque:
        return "False"
    absent: list[str] = []
    for path in test.paths:
        guard = " and ".join(statements.guards(path))
        is_unknown = path.hops[0].unknown_when_none
        absent.append(f"({guard})" if is_unknown else f"({statements.value(path.hops)} is None or ({guard}))")
    return " and ".join(absent)


def _all(tests: list[Test]) -> list[Test | Junction]:
    return [*tests, Junction("and", len(tests))] if len(tests) > 1 else [*tests]


def _id_kind(path: Path) -> str:
    """Says as what kind of id a fact is masked."""
    return mask_of(path, (), (str(path),))


def _is_set_of_names(kind: Any) -> bool:
    return get_origin(kind) is frozenset and _form_of(kind).taken is not None


def _there(value: object) -> object:
    return value if value is True else None


@lru_cache(_KEPT)
def _taker_of(kind: Any) -> _Taker:
    """Finds what makes the value of a fact of what stands in a record; None where that cannot be."""
    taken: _Taker = _form_of(kind).taken or _there
    of_strings = _is_set_of_names(kind) and get_args(kind)[0] not in (int, float, bool)
    # What equals a tuple of strings is one, which cannot be said of numbers.
    return lru_cache(_KEPT)(taken) if of_strings else taken


def _token_taker(prefix: str, in_set: bool) -> _Taker:  # noqa: FBT001
    """Makes what takes tokens of one kind of id, and nothing else."""

    def is_token(value: object) -> bool:
        return isinstance(value, str) and value.startswith(prefix)

    def taken(value: object) -> object:
        if not in_set:
            return value if is_token(value) else None
        tokens = cast("tuple[object, ...]", value)
        return frozenset(tokens) if type(value) is tuple and all(map(is_token, tokens)) else None

    return taken
