"""Requests near another one that a policy allows, or denies for exactly the rules named, and variations of requests.

The model of all requests finds the nearest one, or proves that there is none. If functions of the host's take part, they are
asked about each request that is found, and the search goes on if they answer otherwise than it assumed.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from enum import Enum
from functools import cached_property
from typing import Any, Final, Generic, cast, final

import attrs

from .. import Policy, Rule
from .._engine.conditions import R
from .._engine.paths import Hops, Path
from ..analysis.model import Model
from ..exceptions import EscalationPolicyError
from ._recorder import original_function

#: A fact, by the names on its path.
Names = tuple[str, ...]


#: How many requests are found before the search gives up, because functions of the host's answer otherwise than assumed.
_MOST_REQUESTS: Final = 50


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
        self.facts: Final = list(dict.fromkeys(path for rule in policy.rules for path in _paths_of(rule)))
        self._operands: Final = _operands_of(policy.rules)

    @cached_property
    def _is_met(self) -> dict[str, Callable[[R], bool]]:
        """By code, a function that says whether a request meets the rule."""
        policies = {code: Policy("alone", [attrs.evolve(rule, after=())]) for code, rule in self._rules.items()}
        return {code: original_function(policy, "allows") for code, policy in policies.items()}

    def allowed(self, start: R, *, fixed: Collection[Names] = ()) -> R:
        """Find the nearest allowed request that leaves the fixed facts unchanged.

        If these make it impossible, the rules that read them may have any result.

        Raises:
            NoSuchRequestError: There is no such request.
        """
        if self.matches(start):
            return start
        try:
            return self._nearest(start, dict.fromkeys(self._rules, True), fixed, "allows")
        except NoSuchRequestError:
            free = {code: True for code, rule in self._rules.items() if not _reads(rule, fixed)}
            if len(free) == len(self._rules):
                raise
        return self._nearest(start, free, fixed, "allows")

    def denied(self, start: R, by: Collection[str], *, fixed: Collection[Names] = ()) -> R:
        """Find the nearest request that is denied by exactly these rules and leaves the fixed facts unchanged.

        The rules are unmet. If that is impossible and they have no predicates, they are unknown.

        Raises:
            NoSuchRequestError: There is no such request.
        """
        words, later = f"denies by exactly {', '.join(by)}", self._later_than(by)
        if hidden := later & set(by):
            why = f"{', '.join(sorted(hidden))} would be hidden, as it comes after another of them"
            raise NoSuchRequestError(f"no request that policy {self._policy.id!r} {words}: {why}")
        target = {code: code not in by for code in self._rules if code not in later}
        # If a predicate lacks its fact, that is no example of what it denies.
        if any(test.opaque for code in by for test in self._rules[code].requires.tests):
            return self._nearest(start, target, fixed, words)
        with suppress(NoSuchRequestError):
            return self._nearest(start, target, fixed, words)
        return self._nearest(start, target, fixed, words, may_be_unknown=True)

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
        return not self._wrong(request, by)

    def _wrong(self, request: R, by: Collection[str]) -> list[str]:
        """Return the rules that are met although `by` names them, or the other way round."""
        later = self._later_than(by) if by else set[str]()
        return [code for code, is_met in self._is_met.items() if code not in later and is_met(request) is (code in by)]

    def adjusted(self, start: R, usual: R, by: Collection[str] = ()) -> R:
        """Make a request match, as `usual` does, by taking over the facts of the rules in the way. It is much faster than a search."""
        request = start
        for _ in self._rules:
            wrong = self._wrong(request, by)
            if not wrong:
                return request
            for path in [path for code in wrong for path in _paths_of(self._rules[code])]:
                request = _with_fact_of(request, usual, path.hops)
        return request if self.matches(request, by) else usual

    def _later_than(self, by: Collection[str]) -> set[str]:
        return {code for code in self._rules if not self._policy.prerequisites(code).isdisjoint(by)}

    def neighbours(self, request: R) -> list[R]:
        """Return requests that differ from another one in one fact, with values that can make a difference."""
        return [new for path in self.facts for new in self._steps(path, request)]

    def varied(self, request: R, changes: Iterable[tuple[Path, int]], keep: Callable[[R], bool]) -> R:
        """Change some of the `facts`: the number of each chooses among the changes that `keep` accepts."""
        for path, number in changes:
            options = [new for new in self._steps(path, request) if keep(new)]
            request = options[number % len(options)] if options else request
        return request

    def _nearest(
        self, start: R, target: dict[str, bool], fixed: Collection[Names], words: str, *, may_be_unknown: bool = False
    ) -> R:
        """Find the nearest request that meets some rules and not others."""
        model = Model([rule.requires for rule in self._rules.values()], like=self.like, start=start, needs_parts=False)
        required = {
            code: model.met(self._rules[code].requires) * (1 if is_met else -1) for code, is_met in target.items()
        }
        shut: list[int] = []
        for code, is_met in target.items():
            unknown, wrong = ([], []) if is_met else model.undecided(self._rules[code].requires)
            shut += [-literal for literal in (wrong if may_be_unknown else unknown + wrong)]
        held = [*shut, *model.fixed(fixed)]
        for _ in range(_MOST_REQUESTS):
            solution = model.nearest([*required.values(), *held])
            if solution is None:
                core = model.smallest_core([*required.values(), *held])
                raise self._error([code for code, literal in required.items() if literal in core], fixed, words)
            if not model.correct(solution):
                request: R = solution.request
                return request
        opaque = [code for code in target if any(test.opaque for test in self._rules[code].requires.tests)]
        raise self._error(opaque, fixed, words)

    def _error(self, codes: Collection[str], fixed: Collection[Names], words: str) -> NoSuchRequestError:
        tests = [test for code in codes for test in self._rules[code].requires.tests]
        functions = ", ".join(dict.fromkeys(repr(test.name) for test in tests if test.opaque))
        facts = ", ".join(
            dict.fromkeys(str(path) for test in tests for path in test.paths if _touches(path.hops, fixed))
        )
        why = f"found nothing that suits {', '.join(codes)}" if functions else f"nothing suits {', '.join(codes)}"
        why += f", with {facts} as given" if facts else ""
        why += f"; nothing can see into {functions}: give the facts it reads" if functions else ""
        return NoSuchRequestError(f"no request that policy {self._policy.id!r} {words}: {why}")

    def _steps(self, path: Path, request: R) -> Iterator[R]:
        """Change a fact to each value that its type accepts."""
        for hops, values in self._options(path, request):
            changed = (with_value(request, hops, value) for value in values)
            yield from (new for new in changed if new is not None)

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


def _paths_of(rule: Rule[Any]) -> list[Path]:
    return [path for test in rule.requires.tests for path in test.paths]


def _reads(rule: Rule[Any], facts: Collection[Names]) -> bool:
    return any(_touches(path.hops, facts) for path in _paths_of(rule))


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


def _with_fact_of(request: Any, other: Any, hops: Hops) -> Any:
    """Return a copy with one fact of another request; with the whole part, if one of them does not have it."""
    parts = [hops[:stop] for stop in range(1, len(hops))]
    lacking = (part for part in parts if _value_at(request, part) is None or _value_at(other, part) is None)
    place = next(lacking, hops)
    changed = with_value(request, place, _value_at(other, place))
    return request if changed is None else changed


def _touches(hops: Hops, facts: Iterable[Names]) -> bool:
    """Return whether a path leads to, through or towards one of the facts."""
    names = tuple(hop.name for hop in hops)
    return any(names[: len(fact)] == fact[: len(names)] for fact in facts)
