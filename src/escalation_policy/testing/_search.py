"""The search for the request nearest to another one that a policy allows, or denies for exactly the rules named.

It reads the conditions. Each fact has a few values that can make a difference to its tests, and the search changes as few
facts as it can. Rules that share no fact are searched independently of each other.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any, Final, Generic, cast, final

import attrs

from .. import Policy, Rule
from .._engine.conditions import R
from .._engine.decision import truth_alone
from .._engine.paths import Hops, Path
from .._engine.truth import Truth
from ..exceptions import EscalationPolicyError

#: A fact, by the names on its path.
Names = tuple[str, ...]
#: For each rule, by code, the truths that it may have.
_Target = Mapping[str, frozenset[Truth]]
_MET: Final = frozenset({Truth.TRUE})
_UNMET: Final = frozenset({Truth.FALSE, Truth.ABSENT})
_NOT_MET: Final = frozenset(Truth) - _MET
#: How many requests the search visits before it allows one more change. The result may then not be the nearest.
_MAX_VISITS: Final = 300


@final
class NoSuchRequestError(EscalationPolicyError, LookupError):
    """The search found no request that a policy decides as required. The message names the rules in the way."""


@final
class Search(Generic[R]):
    """Finds requests near others, for one policy.

    Args:
        policy: The policy that decides.
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
        self._operands: Final = _operands_of(policy.rules)
        self._groups: Final = self._independent_groups()
        self._visits_left = 0

    def allowed(self, start: R, *, fixed: Collection[Names] = ()) -> R:
        """Find the nearest allowed request that leaves the fixed facts unchanged.

        If these make it impossible, the rules that read them may have any result.

        Raises:
            NoSuchRequestError: No near request is like that.
        """
        dispensable = {code for code, paths in self._paths.items() if any(_touches(path.hops, fixed) for path in paths)}
        return self._nearest(start, dict.fromkeys(self._rules, _MET), fixed, "allows", dispensable)

    def denied(self, start: R, by: Collection[str], *, fixed: Collection[Names] = ()) -> R:
        """Find the nearest request that is denied by exactly these rules and leaves the fixed facts unchanged.

        The rules are unmet. If that is impossible and they have no predicates, they are unknown.

        Raises:
            NoSuchRequestError: No near request is like that.
        """
        words = f"denies by exactly {', '.join(by)}"
        if hidden := self._later_than(by) & set(by):
            why = f"{', '.join(sorted(hidden))} would be hidden, as it comes after another of them"
            raise NoSuchRequestError(f"no request that policy {self._policy.id!r} {words}: {why}")
        target = self._target(by)
        unmet = target | dict.fromkeys(by, _UNMET)
        # If a predicate lacks its fact, that is no example of what it denies.
        if any(test.opaque for code in by for test in self._rules[code].requires.tests):
            return self._nearest(start, unmet, fixed, words)
        with suppress(NoSuchRequestError):
            return self._nearest(start, unmet, fixed, words)
        return self._nearest(start, target, fixed, words)

    def denied_by_any_rule(self) -> R:
        """Find a request near the usual one that is denied by one rule, the first one that can.

        Raises:
            NoSuchRequestError: No rule can.
        """
        for code in self._rules:
            with suppress(NoSuchRequestError):
                return self.denied(self.like, (code,))
        raise NoSuchRequestError(f"no rule of policy {self._policy.id!r} was found to deny anything by itself")

    def matches(self, request: R, by: Collection[str] = ()) -> bool:
        """Return whether a request is allowed or, if `by` names rules, denied by exactly these. It decides nothing."""
        return all(self._truth(code, request) in truths for code, truths in self._target(by).items())

    def _later_than(self, by: Collection[str]) -> set[str]:
        return {code for code in self._rules if not self._policy.prerequisites(code).isdisjoint(by)}

    def _target(self, by: Collection[str]) -> dict[str, frozenset[Truth]]:
        later = self._later_than(by)
        return {code: _NOT_MET if code in by else _MET for code in self._rules if code not in later}

    def neighbours(self, request: R) -> list[R]:
        """Return requests that differ from another one in one fact, with values that can make a difference."""
        return [new for path in self.facts for _, new in self._steps(path, request)]

    def varied(self, request: R, changes: Iterable[tuple[Path, int]], keep: Callable[[R], bool]) -> R:
        """Change some of the `facts`: the number of each chooses among the changes that `keep` accepts."""
        for path, number in changes:
            options = [new for _, new in self._steps(path, request) if keep(new)]
            request = options[number % len(options)] if options else request
        return request

    def _nearest(
        self, start: R, target: _Target, fixed: Collection[Names], words: str, dispensable: Collection[str] = ()
    ) -> R:
        """Search group by group. If a group has no solution, give up its dispensable rules."""
        request, given_up = start, set[str]()
        for codes in self._groups:
            group = {code: target[code] for code in codes if code in target}
            solution = self._solve(request, group, fixed)
            optional = group.keys() & set(dispensable)
            if solution is None and optional:
                given_up |= optional
                solution = self._solve(request, {code: group[code] for code in group if code not in optional}, fixed)
            if solution is None:
                raise self._error(group, fixed, words)
            request = solution
        # A predicate over the whole request may have changed its answer when another group changed facts.
        required = {code: truths for code, truths in target.items() if code not in given_up}
        if missed := [code for code, truths in required.items() if self._truth(code, request) not in truths]:
            raise self._error(missed, fixed, words)
        return request

    def _error(self, codes: Collection[str], fixed: Collection[Names], words: str) -> NoSuchRequestError:
        tests = [test for code in codes for test in self._rules[code].requires.tests]
        functions = ", ".join(dict.fromkeys(repr(test.name) for test in tests if test.opaque))
        facts = ", ".join(
            dict.fromkeys(str(path) for test in tests for path in test.paths if _touches(path.hops, fixed))
        )
        why = f"found nothing that suits {', '.join(codes)}"
        why += f", with {facts} as given" if facts else ""
        why += f"; nothing can see into {functions}: give the facts it reads" if functions else ""
        return NoSuchRequestError(f"no request that policy {self._policy.id!r} {words}: {why}")

    def _independent_groups(self) -> list[list[str]]:
        """Divide the rules into groups that share no facts."""
        groups: list[list[str]] = []
        for code in self._rules:
            related = [group for group in groups if any(self._share_facts(code, other) for other in group)]
            groups = [group for group in groups if group not in related]
            groups.append([*(other for group in related for other in group), code])
        return groups

    def _share_facts(self, code: str, other: str) -> bool:
        left, right = ([hops for path in self._paths[each] for hops in _places(path)] for each in (code, other))
        return any(_starts_with(one, two) or _starts_with(two, one) for one in left for two in right)

    def _truth(self, code: str, request: R) -> Truth:
        return truth_alone(self._rules[code], request)

    def _solve(self, start: R, target: _Target, fixed: Collection[Names]) -> R | None:
        """Change one fact, then two, then more, until all rules of the target are as required."""
        places = {hops for code in target for path in self._paths[code] for hops in _places(path)}
        for steps in range(len(places) + 1):
            self._visits_left = _MAX_VISITS
            solution = self._walk(start, target, fixed, (), steps)
            if solution is not None:
                return solution
        return None

    def _walk(
        self, request: R, target: _Target, fixed: Collection[Names], done: tuple[Hops, ...], steps: int
    ) -> R | None:
        missed = next((code for code, truths in target.items() if self._truth(code, request) not in truths), None)
        if missed is None:
            return request
        self._visits_left -= 1
        for path in self._paths[missed] if steps and self._visits_left > 0 else ():
            for hops, new in self._steps(path, request, fixed, done):
                solution = self._walk(new, target, fixed, (*done, hops), steps - 1)
                if solution is not None:
                    return solution
        return None

    def _steps(
        self, path: Path, request: R, fixed: Collection[Names] = (), done: Collection[Hops] = ()
    ) -> Iterator[tuple[Hops, R]]:
        """Change a fact to each value that its type accepts, unless it is fixed or was changed already."""
        for hops, values in self._options(path, request):
            closed = _touches(hops, fixed) or any(_starts_with(each, hops) for each in done)
            for new in () if closed else (with_value(request, hops, value) for value in values):
                if new is not None:
                    yield hops, new

    def _options(self, path: Path, request: R) -> Iterator[tuple[Hops, list[object]]]:
        """Yield new values for a fact, and for each value on its path that may be None."""
        for hops in reversed(_places(path)):
            if _value_at(request, hops[:-1]) is None:
                continue
            value = _value_at(request, hops)
            usual = [_value_at(self.like, hops)] if value is None else []
            values = self._values(path, request) if hops == path.hops else usual
            candidates = [*values, *([None] if hops[-1].optional else [])]
            yield hops, [each for each in candidates if type(each) is not type(value) or each != value]

    def _values(self, path: Path, request: R) -> list[object]:
        """Return values of a fact that make a difference to its tests: those it is compared with, and another one."""
        usual, operands = _value_at(self.like, path.hops), self._operands[path.hops]
        first = [] if usual is None else [usual]
        others = [_value_at(request, each.hops) if isinstance(each, Path) else each for each in operands]
        if isinstance(path.kind, type(Enum)):
            members = list(cast("Iterable[object]", path.kind))
            return [*first, *sorted(members, key=lambda member: member is path.unknown)]
        if path.kind is bool:
            return [*first, True, False]
        if path.member is not None:
            return [*first, *_sets(path.member, _value_at(request, path.hops), others)]
        compared = sorted({each for each in _members(others) if type(each) is path.kind}, key=repr)
        return [*first, *compared, *_new_values(path.kind, {*compared, *first})]


def _paths_of(rules: Iterable[Rule[Any]]) -> dict[str, list[Path]]:
    """Return the facts of each rule. Facts that few rules read come first, because to change them affects less."""
    paths = {
        rule.code: list(dict.fromkeys(path for test in rule.requires.tests for path in test.paths)) for rule in rules
    }
    readers = Counter(path for each in paths.values() for path in each)
    return {code: sorted(each, key=readers.__getitem__) for code, each in paths.items()}


def _places(path: Path) -> list[Hops]:
    """Return where a fact can be changed: at its end, and wherever None is allowed on its path."""
    places = [path.hops[:stop] for stop in range(1, len(path.hops) + 1)]
    return [hops for hops in places if hops[-1].optional or hops == path.hops]


def _operands_of(rules: Iterable[Rule[Any]]) -> dict[Hops, list[Any]]:
    """Return the constants and the other facts that each fact is compared with."""
    operands: dict[Hops, list[Any]] = {}
    for test in [test for rule in rules for test in rule.requires.tests]:
        is_set = isinstance(test.operand, frozenset)
        constants = list(cast("frozenset[Any]", test.operand)) if is_set else [] if test.opaque else [test.operand]
        for path in test.paths:
            others = [other for other in test.paths if other != path]
            operands.setdefault(path.hops, []).extend([*constants, *others])
    # If two facts are compared with each other, the operands of one matter to the other. So do those of a whole chain.
    for _ in operands:
        for values in operands.values():
            indirect = [each for other in values if isinstance(other, Path) for each in operands[other.hops]]
            values += [each for each in dict.fromkeys(indirect) if each not in values]
    return operands


def _members(values: Iterable[object]) -> list[Any]:
    """Return the values, with the members of sets in place of the sets, and without None."""
    members = [cast("frozenset[object]", each) if isinstance(each, frozenset) else (each,) for each in values]
    return [each for several in members for each in several if each is not None]


def _sets(member: Any, value: object, others: Iterable[object]) -> list[object]:
    """Return sets with and without the operands of a set, the smallest differences first."""
    operands, current = frozenset(_members(others)), cast("frozenset[Any]", value or frozenset())
    is_enum = isinstance(member, type(Enum))
    new = set(member) - current - operands if is_enum else set(_new_values(member, {*operands, *current}))
    steps = [current ^ {each} for each in sorted(operands, key=repr)]
    steps += [current | {each} for each in sorted(new, key=repr)[:1]]
    return [*steps, current | operands, current & operands, current - operands, operands, frozenset()]


def _new_values(kind: Any, values: Collection[object]) -> list[object]:
    """Return values that differ from these; for text, a word, and digits for fields that accept nothing else."""
    if kind is int:
        numbers = [each for each in values if isinstance(each, int)]
        return [max(numbers, default=0) + 1, min(numbers, default=0) - 1]
    enough = range(1, len(values) + 2)
    texts = (["other", *(f"other{number}" for number in enough)], [str(number) for number in enough])
    return [next(text for text in each if text not in values) for each in texts] if kind is str else []


def _value_at(request: object, hops: Hops) -> object:
    """Return the value at the end of a path. None if a value on the path is None."""
    value: Any = request
    for hop in hops:
        if value is None:
            return None
        value = value.get(hop.name) if hop.in_mapping else getattr(value, hop.name)
    return value


def with_value(owner: Any, hops: Hops, value: object) -> Any:
    """Return a copy with one value replaced. None if its type rejects the value."""
    hop, rest = hops[0], hops[1:]
    new = with_value(_value_at(owner, (hop,)), rest, value) if rest else value
    if rest and new is None:
        return None
    if hop.in_mapping:
        others = {name: each for name, each in owner.items() if name != hop.name}
        return others if new is None else {**others, hop.name: new}
    try:
        field = attrs.fields_dict(cast("Any", type(owner)))[hop.name]
        return attrs.evolve(owner, **{str(field.alias): new})
    except Exception:  # noqa: BLE001  a host's type may reject a value with any error
        return None


def _starts_with(hops: Hops, start: Hops) -> bool:
    return hops[: len(start)] == start


def _touches(hops: Hops, facts: Iterable[Names]) -> bool:
    """Return whether a path leads to, through or towards one of the facts."""
    names = tuple(hop.name for hop in hops)
    return any(names[: len(fact)] == fact[: len(names)] for fact in facts)
