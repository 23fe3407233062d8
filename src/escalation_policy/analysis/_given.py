"""`given()`: what remains of a policy if some facts of the request are known."""

from collections.abc import Iterable, Mapping
from enum import Enum, StrEnum, unique
from typing import Any, Generic, cast, final, get_origin

import attrs

from .._engine.conditions import Condition, R, same_request_type
from .._engine.facts import Fact
from .._engine.folding import fold, parts_there, place_of, places_above
from .._engine.paths import Path, fits, name_of, words_for
from .._engine.policy import Policy
from .._engine.tests import Test
from .._fields import check_types, closest_member, exact_str, kind_of, require, to_frozenset, with_article
from ..exceptions import Fault, InvalidValueError
from .model import EFFORT, Model
from .typical import start_for


@final
@unique
class Outcome(StrEnum):
    """What known facts say about all requests that have them."""

    ALWAYS = "always"  #: The policy allows each of these requests.
    NEVER = "never"  #: It allows none of them.
    DEPENDS = "depends"  #: It allows some of them.


@final
@attrs.frozen
class Residual(Generic[R]):
    """What known facts leave of a policy.

    Attributes:
        outcome: Whether the policy always, never or sometimes allows a request with these facts.
        codes: If never: the rules that no such request meets and, if the others contradict each other, the fewest of them
            that do; in the policy's order, without rules that come after one that no request meets.
        policy: If it depends: a policy over the rest that allows the same of these requests. Rules that they all meet are
            left out. Otherwise None.
    """

    outcome: Outcome
    codes: tuple[str, ...] = ()
    policy: Policy[R] | None = None


def given(
    policy: Policy[R], values: Mapping[Fact[R, Any], object], *, like: R | None = None, effort: int = EFFORT
) -> Residual[R]:
    """Return what remains of a policy if some facts of the request are known.

    The outcome is proved for all requests with these facts, and for all answers of functions that read other facts. A
    function of a known fact is asked once.

    Args:
        policy: The policy.
        values: By fact, its value. The value of a part, such as an agent, decides all facts of the part. None means that
            there is no value or that nobody supplied it, as the field declares. `UNKNOWN` of an enum is a value too.
        like: A typical request, see `compare()`.
        effort: How many clauses may be looked at.

    Raises:
        InvalidValueError: A value is not of the fact's type, two values are of the same fact or of a fact and a part
            that holds it, or another argument is invalid.
        InvalidPolicyError: A fact is of another type of request.
        AnalysisLimitError: The answer needs more effort.
    """
    check_types(Policy, policy=policy)
    facts = _checked(policy, values)
    start = start_for(policy.request_type, like)
    folded = dict(zip(policy, fold([rule.requires for rule in policy.rules], facts), strict=True))
    rests = {code: rest for code, rest in folded.items() if isinstance(rest, Condition)}
    premises = _conditions_of(facts, rests.values())
    model = Model([*rests.values(), *(condition for condition, _ in premises)], like=start, effort=effort)
    always_true = [model.met(condition) if is_met else -model.met(condition) for condition, is_met in premises]
    met = {code: model.met(rest) for code, rest in rests.items()}

    def is_possible(literals: Iterable[int]) -> bool:
        return model.is_possible([*always_true, *literals])

    alone = {code for code, rest in folded.items() if rest is False or (code in met and not is_possible([met[code]]))}
    others = [literal for code, literal in met.items() if code not in alone]
    clash = set[int]() if is_possible(others) else set(model.smallest_core([*always_true, *others]))
    if alone or clash:
        clashing = {code for code, literal in met.items() if literal in clash}
        codes = [code for code in policy if code in alone or code in clashing]
        return Residual(Outcome.NEVER, tuple([code for code in codes if not policy.prerequisites(code) & alone]))
    rests = {code: rest for code, rest in rests.items() if is_possible([-met[code]])}
    return Residual(Outcome.DEPENDS, policy=_remaining(policy, rests)) if rests else Residual(Outcome.ALWAYS)


def _conditions_of(facts: Mapping[Path, object], rests: Iterable[Condition[R]]) -> list[tuple[Condition[R], bool]]:
    """Return what is known of the parts from which the other facts are read: conditions, and whether they are met."""
    read = {
        place
        for rest in rests
        for test in rest.tests
        for path in test.paths
        for place in (*places_above(place_of(path)), place_of(path))
    }
    conditions: list[tuple[Condition[R], bool]] = []

    def add(path: Path, *, negated: bool, is_met: bool) -> None:
        conditions.append((Condition(path.request_type, (Test("is_set", (path,), negated=negated),)), is_met))

    for path, value in facts.items():
        if read.isdisjoint(places_above(place_of(path))):
            continue
        if number := parts_there(path, value):
            add(Path(path.request_type, path.hops[:number]), negated=False, is_met=True)
        if value is None:
            add(path, negated=True, is_met=not path.hops[-1].unknown_when_none)
    return conditions


def _remaining(policy: Policy[R], conditions: Mapping[str, Condition[R]]) -> Policy[R]:
    """Return a policy with some of the rules, which have other conditions. The policy itself if nothing differs.

    If A comes after B and B after C, and B is left out, A comes after C.
    """
    if all(conditions.get(rule.code) is rule.requires for rule in policy.rules):
        return policy
    after = {code: [each for each in conditions if each in policy.prerequisites(code)] for code in conditions}
    rules = [
        attrs.evolve(rule, requires=conditions[rule.code], after=after[rule.code])
        for rule in policy.rules
        if rule.code in conditions
    ]
    return policy._derived(rules, None)


def _checked(policy: Policy[Any], values: Mapping[Fact[Any, Any], object]) -> dict[Path, object]:
    """Check facts and their values. Return the values by path, as a request would hold them."""
    accepted = "a mapping of facts to their values"
    require(isinstance(values, Mapping), "values", kind_of(values), accepted)  # pyright: ignore[reportUnnecessaryIsInstance]
    checked: dict[Path, object] = {}
    paths: dict[tuple[str, ...], Path] = {}
    for fact, value in values.items():
        require(isinstance(fact, Fact), "values", f"{kind_of(fact)} as a fact", accepted)  # pyright: ignore[reportUnnecessaryIsInstance]
        path = fact.path
        same_request_type((policy, path))
        if place_of(path) in paths:
            raise InvalidValueError(Fault(str(path), "has two values: pass each fact once"))
        paths[place_of(path)] = path
        checked[path] = _value(path, value)
    for place, path in paths.items():
        if part := next((paths[above] for above in places_above(place) if above in paths), None):
            raise InvalidValueError(Fault(str(path), f"has two values: {part} holds it too, so pass one of them"))
    return checked


def _value(path: Path, value: object) -> object:
    """Check the value of a fact."""
    optional, kind = path.hops[-1].optional, path.kind
    if value is None and optional:
        return None
    if path.member is not None:
        value = to_frozenset(cast("Iterable[object]", value))
    elif kind is str and not isinstance(value, Enum):
        value = exact_str(value)
    origin = get_origin(kind)
    is_accepted = fits(value, kind) and value is not None
    if path.member is None and isinstance(origin, type):  # a mapping, such as the context
        is_accepted = isinstance(value, origin)
    if not is_accepted:
        words = words_for(kind) if isinstance(kind, type) or path.member is not None else with_article(name_of(kind))
        closest = closest_member(value, kind) if isinstance(kind, type(Enum)) else None
        accepted = f"{words} or None" if optional else words
        raise InvalidValueError(Fault.mismatch(str(path), kind_of(value), accepted, closest=closest))
    return value
