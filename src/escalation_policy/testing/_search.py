"""The search: the request nearest to a given one that a policy allows, or denies for exactly the rules that are named.

It reads the conditions. Each fact has a few values that can make a difference to its tests; the search changes as few
facts as it can. Rules that share no fact are mended apart from each other.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any, Final, Generic, cast, final

import attrs

from .. import Policy, Rule
from .._engine.conditions import R
from .._engine.decision import answer_alone
from .._engine.paths import Hop, Path
from .._engine.truth import Truth
from ..exceptions import EscalationPolicyError

#: A fact, by the names on the way to it.
Names = tuple[str, ...]
_Way = tuple[Hop, ...]
_Wanted = Mapping[str, frozenset[Truth]]
_MET: Final = frozenset({Truth.TRUE})
_UNMET: Final = frozenset({Truth.FALSE, Truth.ABSENT})
_NOT_MET: Final = frozenset(Truth) - _MET
#: From how many requests a search goes on before it tries with one more change, at the price of not being the nearest.
_PATIENCE: Final = 300


@final
class NoSuchRequestError(EscalationPolicyError, LookupError):
    """No request was found that a policy decides as asked; says which rules are in the way."""


@final
class Search(Generic[R]):
    """Finds requests near others, for one policy.

    Args:
        policy: The policy that is to decide as wanted.
        like: A request of its type, whose values are tried first.

    Attributes:
        facts: All facts that the policy reads.
    """

    def __init__(self, policy: Policy[R], like: R) -> None:
        self.like: Final = like
        self._policy: Final = policy
        self._rules: Final = {rule.code: rule for rule in policy.rules}
        self._paths: Final = _paths_of(policy.rules)
        self.facts: Final = list(dict.fromkeys(path for paths in self._paths.values() for path in paths))
        self._compared: Final = _compared_with(policy.rules)
        self._groups: Final = self._apart()
        self._patience = 0

    def allowed(self, start: R, *, given: Collection[Names] = ()) -> R:
        """Finds the nearest request that is allowed, without touching the facts given.

        Where these stand in the way, the rules that read them come out as they do.

        Raises:
            NoSuchRequestError: None was found.
        """
        reading = {code for code, paths in self._paths.items() if any(_touches(path.hops, given) for path in paths)}
        return self._nearest(start, dict.fromkeys(self._rules, _MET), given, "allows", spared=reading)

    def denied(self, start: R, by: Collection[str], *, given: Collection[Names] = ()) -> R:
        """Finds the nearest request that is denied by exactly these rules, without touching the facts given.

        The rules are unmet in it or, where that cannot be and no predicate is asked, unknown.

        Raises:
            NoSuchRequestError: None was found.
        """
        words = f"denies by exactly {', '.join(by)}"
        if hidden := self._later(by) & set(by):
            why = f"{', '.join(sorted(hidden))} would be hidden, as it comes after another of them"
            raise NoSuchRequestError(f"no request that policy {self._policy.id!r} {words}: {why}")
        wanted = self._wanted(by)
        unmet = wanted | dict.fromkeys(by, _UNMET)
        # Not to be told what a predicate asks about is no example of what it denies.
        if any(test.opaque for code in by for test in self._rules[code].requires.tests):
            return self._nearest(start, unmet, given, words)
        with suppress(NoSuchRequestError):
            return self._nearest(start, unmet, given, words)
        return self._nearest(start, wanted, given, words)

    def denied_somehow(self) -> R:
        """Finds a request near the usual one that is denied by one rule, whichever can do it first.

        Raises:
            NoSuchRequestError: No rule can.
        """
        for code in self._rules:
            with suppress(NoSuchRequestError):
                return self.denied(self.like, (code,))
        raise NoSuchRequestError(f"no rule of policy {self._policy.id!r} was found to deny anything by itself")

    def suits(self, request: R, by: Collection[str] = ()) -> bool:
        """Says whether a request is allowed or, where `by` names rules, denied by exactly these; without deciding it."""
        return all(self._truth(code, request) in truths for code, truths in self._wanted(by).items())

    def _later(self, by: Collection[str]) -> set[str]:
        return {code for code in self._rules if not self._policy.prerequisites(code).isdisjoint(by)}

    def _wanted(self, by: Collection[str]) -> dict[str, frozenset[Truth]]:
        later = self._later(by)
        return {code: _NOT_MET if code in by else _MET for code in self._rules if code not in later}

    def neighbours(self, request: R) -> list[R]:
        """Lists the requests that differ from this one in one fact, wherever that can make a difference to the policy."""
        return [new for path in self.facts for _, new in self._steps(path, request)]

    def varied(self, request: R, changes: Iterable[tuple[Path, int]], keep: Callable[[R], bool]) -> R:
        """Changes some of the `facts` at will: each as its number says, among the changes that `keep` allows."""
        for path, number in changes:
            options = [new for _, new in self._steps(path, request) if keep(new)]
            request = options[number % len(options)] if options else request
        return request

    def _nearest(
        self, start: R, wanted: _Wanted, given: Collection[Names], words: str, *, spared: Collection[str] = ()
    ) -> R:
        """Mends each group of rules; where that cannot be, without those that may be spared."""
        found, spare = start, set[str]()
        for codes in self._groups:
            part = {code: wanted[code] for code in codes if code in wanted}
            mended = self._mended(found, part, given)
            dispensable = part.keys() & set(spared)
            if mended is None and dispensable:
                spare |= dispensable
                mended = self._mended(found, {code: part[code] for code in part if code not in spare}, given)
            if mended is None:
                raise self._none_found(part, given, words)
            found = mended
        # A predicate may have changed its mind about facts that it does not declare.
        kept = {code: truths for code, truths in wanted.items() if code not in spare}
        if moved := [code for code, truths in kept.items() if self._truth(code, found) not in truths]:
            raise self._none_found(moved, given, words)
        return found

    def _none_found(self, codes: Collection[str], given: Collection[Names], words: str) -> NoSuchRequestError:
        tests = [test for code in codes for test in self._rules[code].requires.tests]
        asked = ", ".join(dict.fromkeys(repr(test.name) for test in tests if test.opaque))
        kept = ", ".join(
            dict.fromkeys(str(path) for test in tests for path in test.paths if _touches(path.hops, given))
        )
        why = f"found nothing that suits {', '.join(codes)}"
        why += f", with {kept} as given" if kept else ""
        why += f"; nothing can see into {asked}: give the facts it reads" if asked else ""
        return NoSuchRequestError(f"no request that policy {self._policy.id!r} {words}: {why}")

    def _apart(self) -> list[list[str]]:
        """Sorts the rules into groups that share no facts."""
        groups: list[list[str]] = []
        for code in self._rules:
            joined = [group for group in groups if any(self._related(code, each) for each in group)]
            groups = [group for group in groups if group not in joined]
            groups.append([*(each for group in joined for each in group), code])
        return groups

    def _related(self, code: str, other: str) -> bool:
        mine, its = ([way for path in self._paths[each] for way in _ways(path)] for each in (code, other))
        return any(_starts(way, each) or _starts(each, way) for way in mine for each in its)

    def _truth(self, code: str, request: R) -> Truth:
        return answer_alone(self._rules[code], request)[0]

    def _mended(self, start: R, wanted: _Wanted, given: Collection[Names]) -> R | None:
        """Changes one fact, then two, then more, until the rules are as wanted."""
        places = {way for code in wanted for path in self._paths[code] for way in _ways(path)}
        for steps in range(len(places) + 1):
            self._patience = _PATIENCE
            found = self._walk(start, wanted, given, (), steps)
            if found is not None:
                return found
        return None

    def _walk(
        self, request: R, wanted: _Wanted, given: Collection[Names], done: tuple[_Way, ...], steps: int
    ) -> R | None:
        broken = next((code for code, truths in wanted.items() if self._truth(code, request) not in truths), None)
        if broken is None:
            return request
        self._patience -= 1
        for path in self._paths[broken] if steps and self._patience > 0 else ():
            for way, new in self._steps(path, request, given, done):
                found = self._walk(new, wanted, given, (*done, way), steps - 1)
                if found is not None:
                    return found
        return None

    def _steps(
        self, path: Path, request: R, given: Collection[Names] = (), done: Collection[_Way] = ()
    ) -> Iterator[tuple[_Way, R]]:
        """Changes a fact in every way that its type accepts; not what was given, nor what is done already."""
        for way, values in self._options(path, request):
            closed = _touches(way, given) or any(_starts(each, way) for each in done)
            for new in () if closed else (changed(request, way, value) for value in values):
                if new is not None:
                    yield way, new

    def _options(self, path: Path, request: R) -> Iterator[tuple[_Way, list[object]]]:
        """Lists what to put at a fact instead or, where something can come or go on the way to it, there."""
        for way in reversed(_ways(path)):
            if _stood(request, way[:-1]) is None:
                continue
            value = _stood(request, way)
            usual = [_stood(self.like, way)] if value is None else []
            values = self._values(path, request) if way == path.hops else usual
            tried = [*values, *([None] if way[-1].optional else [])]
            yield way, [each for each in tried if type(each) is not type(value) or each != value]

    def _values(self, path: Path, request: R) -> list[object]:
        """Lists values of a fact that make a difference to its tests: what it is compared with, and none of these."""
        usual, compared = _stood(self.like, path.hops), self._compared[path.hops]
        first = [] if usual is None else [usual]
        others = [_stood(request, each.hops) if isinstance(each, Path) else each for each in compared]
        if isinstance(path.kind, type(Enum)):
            members = list(cast("Iterable[object]", path.kind))
            return [*first, *sorted(members, key=lambda member: member is path.unknown)]
        if path.kind is bool:
            return [*first, True, False]
        if path.member is not None:
            return [*first, *_sets(path.member, _stood(request, path.hops), others)]
        known = sorted({each for each in _members(others) if type(each) is path.kind}, key=repr)
        return [*first, *known, *_fresh(path.kind, {*known, *first})]


def _paths_of(rules: Iterable[Rule[Any]]) -> dict[str, list[Path]]:
    """Lists the facts of each rule, first those that few other rules read: to change them breaks less."""
    paths = {
        rule.code: list(dict.fromkeys(path for test in rule.requires.tests for path in test.paths)) for rule in rules
    }
    readers = Counter(path for each in paths.values() for path in each)
    return {code: sorted(each, key=readers.__getitem__) for code, each in paths.items()}


def _ways(path: Path) -> list[_Way]:
    """Lists where a change can be made for a fact: at the fact, and wherever None can stand on the way to it."""
    ways = [path.hops[:stop] for stop in range(1, len(path.hops) + 1)]
    return [way for way in ways if way[-1].optional or way == path.hops]


def _compared_with(rules: Iterable[Rule[Any]]) -> dict[_Way, list[Any]]:
    """Lists, for each fact, the constants and the other facts that it is compared with anywhere."""
    compared: dict[_Way, list[Any]] = {}
    for test in [test for rule in rules for test in rule.requires.tests]:
        several = isinstance(test.operand, frozenset)
        constants = list(cast("frozenset[Any]", test.operand)) if several else [] if test.opaque else [test.operand]
        for path in test.paths:
            others = [other for other in test.paths if other != path]
            compared.setdefault(path.hops, []).extend([*constants, *others])
    # Facts that are compared with each other are as good as compared with each other's constants.
    for _ in compared:
        for known in compared.values():
            further = [each for other in known if isinstance(other, Path) for each in compared[other.hops]]
            known += [each for each in dict.fromkeys(further) if each not in known]
    return compared


def _members(values: Iterable[object]) -> list[Any]:
    """Takes sets apart, and leaves out what is missing."""
    apart = [cast("frozenset[object]", each) if isinstance(each, frozenset) else (each,) for each in values]
    return [each for several in apart for each in several if each is not None]


def _sets(member: Any, value: object, others: Iterable[object]) -> list[object]:
    """Lists sets with and without what a set is compared with, the smallest differences first."""
    known = _members(others)
    mine = cast("frozenset[Any]", value or frozenset())
    new = set(member) - mine - set(known) if isinstance(member, type(Enum)) else set(_fresh(member, {*known, *mine}))
    told = frozenset(known)
    steps = [mine ^ {each} for each in sorted(told, key=repr)] + [mine | {each} for each in sorted(new, key=repr)[:1]]
    return [*steps, mine | told, mine & told, mine - told, told, frozenset()]


def _fresh(kind: Any, known: Collection[object]) -> list[object]:
    """Makes up values that are none of these; of text a word, and digits for what takes nothing else."""
    if kind is int:
        numbers = [each for each in known if isinstance(each, int)]
        return [max(numbers, default=0) + 1, min(numbers, default=0) - 1]
    enough = range(1, len(known) + 2)
    made_up = (["other", *(f"other{number}" for number in enough)], [str(number) for number in enough])
    return [next(text for text in each if text not in known) for each in made_up] if kind is str else []


def _stood(request: object, way: Iterable[Hop]) -> object:
    """Gives what stands at the end of a way; None where the way breaks off."""
    value: Any = request
    for hop in way:
        if value is None:
            return None
        value = value.get(hop.name) if hop.in_mapping else getattr(value, hop.name)
    return value


def changed(owner: Any, way: _Way, value: object) -> Any:
    """Makes a value that differs in one place; None where it does not take that."""
    hop, rest = way[0], way[1:]
    new = changed(_stood(owner, (hop,)), rest, value) if rest else value
    if rest and new is None:
        return None
    if hop.in_mapping:
        kept = {name: each for name, each in owner.items() if name != hop.name}
        return kept if new is None else {**kept, hop.name: new}
    try:
        field = attrs.fields_dict(cast("Any", type(owner)))[hop.name]
        return attrs.evolve(owner, **{str(field.alias): new})
    except Exception:  # noqa: BLE001  a host's type refuses a value in its own way
        return None


def _starts(way: _Way, with_way: _Way) -> bool:
    return way[: len(with_way)] == with_way


def _touches(way: _Way, given: Iterable[Names]) -> bool:
    """Says whether a way leads to, through or towards one of the facts given."""
    names = tuple(hop.name for hop in way)
    return any(names[: len(each)] == each[: len(names)] for each in given)
