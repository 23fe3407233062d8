"""Twins: a policy's rules over the facts of a record, in the place of a request.

Tests whose facts the record does not tell refuse to answer. Everything else is the machine that decides requests.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final, cast, final, get_args, get_origin

import attrs

from .._compiler import _Chain
from .._conditions import Answer, Condition, Junction, Test
from .._decision import STATUSES, error_of, evidence_of
from .._enums import ReasonStatus
from .._paths import Hop, Path
from .._policy import Policy
from .._truth import Truth
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


def _refuse(_: object) -> Any:
    """Gives no answer: the record does not tell."""
    return None


def _said(known: bool, *_: object) -> bool:  # noqa: FBT001
    """Says again what a predicate has said."""
    return known


_SIEVE: Final = """\
def sieve(request):
    try:
        found = []
        {lines}
        return found
    except Exception:
        return None
"""
#: What is said of a test that got no answer from there, and of no other.
_REFUSED: Final = f"TypeError at {_refuse.__code__.co_filename}:{_refuse.__code__.co_firstlineno}"


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
        tests = [test for rule in policy.rules for test in rule.requires.tests()]
        self._gone: Final = frozenset(gone) | twofold(tests)
        self._meant: Final = dict[str, tuple[list[str], str]]()
        paths = {str(path): path for test in tests for path in test.paths if str(path) not in self._gone}
        self._takers: Final = {name: self._taker(path) for name, path in paths.items() if not self._is_plain(path)}
        self._plain: Final = {name: path.kind for name, path in paths.items() if self._is_plain(path)}
        self._rules: Final = [attrs.evolve(rule, requires=self._over(rule.requires)) for rule in policy.rules]
        self._prerequisites: Final = policy._prerequisites
        read = {self._path(path).hops: self._takers.get(name) for name, path in paths.items()}
        self.sieve: Final = _Sieve([rule.requires for rule in self._rules], read).compiled()

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
        hop = Hop(name, optional=True, unknown_when_none=name in self._unknown, in_mapping=True)
        return Path(Table, (hop,), kind, path.private, trusted=True)

    def _over(self, condition: Condition[Any]) -> Condition[Table]:
        if isinstance(condition, Junction):
            return Junction(condition.word, tuple([self._over(operand) for operand in condition.operands]))
        return self._test(condition.tests()[0])

    def _test(self, test: Test[Any]) -> Condition[Table]:
        known = self._outputs.get(attrs.evolve(test, negated=False).identity()) if test.opaque else None
        untold = [str(path) for path in test.paths if not self._is_told(path)]
        if known is not None:
            # What it said holds even where the value itself could not be kept.
            paths = () if untold else test.paths
            return self._moved(attrs.evolve(test, paths=paths, operand=partial(_said, known)))
        if untold or not test.paths:
            return _all([Test("predicate", Table, (), _refuse, name) for name in untold or [test.name]])
        veiled = [path for path in test.paths if str(path) in self._masked or _form_of(path.kind).taken is None]
        if not veiled or test.kind == "is_set" or self._are_comparable(test.paths):
            return self._moved(test)
        return self._refusal(test, [str(path) for path in veiled])

    def _moved(self, test: Test[Any]) -> Test[Table]:
        return attrs.evolve(test, asked=Table, paths=tuple([self._path(path) for path in test.paths]))

    def _is_told(self, path: Path) -> bool:
        """Says whether a record tells at least whether a fact is there; the token of an enum may mean that it is unknown."""
        return str(path) not in self._gone and (path.unknown is None or str(path) not in self._masked)

    def _are_comparable(self, paths: tuple[Path, ...]) -> bool:
        """Says whether facts can be compared with each other by their tokens."""
        masked = [_form_of(path.kind).taken is not None and str(path) in self._masked for path in paths]
        return masked == [True, True] and _id_kind(paths[0]) == _id_kind(paths[1])

    def _refusal(self, test: Test[Any], veiled: list[str]) -> Condition[Table]:
        """Makes what refuses to answer in the place of a test; where a fact is absent, that is the answer as ever."""
        refusals: list[Test[Table]] = []
        for path, words in zip(test.paths, (test._required, "is set"), strict=False):
            # What holds a token is not absent.
            if str(path) not in self._masked:
                refusal = Test("satisfies", Table, (self._path(path),), _refuse, f"{words}: {', '.join(veiled)}")
                self._meant[refusal._required] = (veiled, words)
                refusals.append(refusal)
        return _all(refusals or [Test("predicate", Table, (), _refuse, name) for name in veiled])

    def gaps(self, facts: Facts) -> list[str]:
        """Names the facts that are not there, or of which no value can be made."""
        gone = [name for name in (*self._takers, *self._plain) if name not in facts]
        there = {name: taken for name, taken in self._takers.items() if facts.get(name) is not None}
        return gone + [name for name, taken in there.items() if taken(facts[name]) is None]

    def misfits(self, facts: Facts) -> list[str]:
        """Names the facts that are compared as they stand, and whose values are of another type than is promised."""
        values = [(name, facts[name], kind) for name, kind in self._plain.items()]
        return [name for name, value, kind in values if value is not None and type(value) is not kind]

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
        table: Table | None = None
        for number, is_plain in [(number, False) for number in range(len(self._rules))] if not_met is None else not_met:
            rule = self._rules[number]
            if is_plain:
                statuses[rule.code] = ReasonStatus.UNMET
                continue
            table = table or self._table(facts)
            truth, findings = rule.requires.answer(table)
            if truth is not Truth.TRUE:
                statuses[rule.code] = STATUSES[truth]
            for found in findings:
                if found.error == _REFUSED:
                    missing.update(dict.fromkeys(self._meant.get(found.required, ([found.fact], ""))[0]))
        return statuses, missing

    def hidden(self, codes: Collection[str]) -> tuple[str, ...]:
        """Names those of the rules not met that come after another one of them."""
        return tuple([code for code in codes if not self._prerequisites[code].isdisjoint(codes)])

    def reasons(self, facts: Facts, shown: Mapping[str, ReasonStatus]) -> tuple[RecordedReason, ...]:
        """Gives the reasons of rules that are not met."""
        table = self._table(facts)
        answers = {rule.code: rule.requires.answer(table) for rule in self._rules if rule.code in shown}
        return tuple([self._reason(code, shown[code], answer) for code, answer in answers.items()])

    def _reason(self, code: str, status: ReasonStatus, answer: Answer) -> RecordedReason:
        evidence = [
            each._replace(required=self._meant[each.required][1]) if each.required in self._meant else each
            for each in evidence_of(answer)
        ]
        return unchecked(RecordedReason, code=code, status=status, evidence=tuple(evidence), error=error_of(answer))


@final
class _Sieve(_Chain):
    """The statements that ask all conditions, each first whether it is true and then whether it is false.

    Args:
        conditions: The conditions.
        read: The ways to all facts, each with what makes its value of what stands in a record.
    """

    def __init__(self, conditions: Sequence[Condition[Table]], read: Mapping[tuple[Hop, ...], _Taker | None]) -> None:
        super().__init__((), Counter())
        for way, taken in read.items():
            name = self._variables[way] = f"v{len(self._variables)}"
            self.lines.append(f"{name} = request[{self._constant(way[0].name)}]")
            if taken:
                made = f"({name} := {self._constant(taken)}({name}))"
                self.lines.append(f"if {name} is not None and {made} is None: raise LookupError")
        for number, condition in enumerate(conditions):
            is_met, is_unmet = self._code(condition), f"({self._code(~condition)}) or ({self._lacks(condition)})"
            self.lines.append(f"if not ({is_met}): found.append(({number}, {is_unmet}))")

    def _lacks(self, condition: Condition[Table]) -> str:
        """Says how to find out that a fact is absent, where that is all that keeps a test from an answer."""
        if not isinstance(condition, Test) or condition.opaque:
            return "False"
        guards = [(self._variables[path.hops], path, " and ".join(self._guards(path))) for path in condition.paths]
        absent = [
            guard if path.hops[0].unknown_when_none else f"({name} is None or {guard})" for name, path, guard in guards
        ]
        return " and ".join(absent)

    def _test_code(self, test: Test[Any]) -> str:
        if test.kind == "is_set" and test.negated:
            (hop,) = way = test.paths[0].hops
            return "False" if hop.unknown_when_none else f"{self._variables[way]} is None"
        return super()._test_code(test)

    def compiled(self) -> Callable[[Facts], NotMet | None]:
        """Makes the function."""
        scope: dict[str, Any] = dict(self.constants)
        # INVARIANT: nothing that a record or a host holds gets into the source.
        exec(compile(_SIEVE.format(lines="\n        ".join(self.lines)), "<compiled twin>", "exec"), scope)  # noqa: S102
        sieve: Callable[[Facts], NotMet | None] = scope["sieve"]
        return sieve


def _all(tests: list[Test[Table]]) -> Condition[Table]:
    return Junction("and", tuple(tests))


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
