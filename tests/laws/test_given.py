"""Laws of `given()`: what it leaves of a policy allows what the policy allows. Each class is named after its law."""
# pyright: basic

from collections.abc import Iterable
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escalation_policy import Policy
from escalation_policy.analysis import Outcome, Residual
from escalation_policy.analysis import given as given_facts
from laws.reference import (
    ERROR,
    HOSTS,
    Place,
    Vocabulary,
    rule_sets,
    rules,
    specs_of,
)

UNHURRIED: Final = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=60)


def known_of(request: Any, places: Iterable[Place]) -> dict[Any, Any]:
    """Return what a request holds in some places: values of the declared types, no place inside of another."""
    known: dict[tuple[str, ...], tuple[Any, Any]] = {}
    for place in places:
        names = tuple(name for name, _ in place.steps)
        overlaps = any(names[: len(other)] == other or other[: len(names)] == names for other in known)
        owner: Any = request
        for name in names[:-1]:
            owner = None if owner is None else getattr(owner, name, None)
        if overlaps or owner is None or place.read(request) is ERROR:
            continue
        value = owner.get(names[-1]) if place.is_context else getattr(owner, names[-1], ...)
        is_unexpected = value is None and place.steps[-1][1].none is None
        if value is ... or is_unexpected or (names[-1] == "names" and not isinstance(value, frozenset | tuple)):
            continue
        known[names] = (place.fact, value)
    return dict(known.values())


def allowed_by(residual: Residual[Any], request: Any) -> bool:
    """Return what a residual says of a request that has the known facts."""
    return residual.outcome is Outcome.ALWAYS if residual.policy is None else residual.policy.allows(request)


@st.composite
def questions(draw: st.DrawFn, words: Vocabulary, requests: st.SearchStrategy[Any]) -> tuple[Policy[Any], Any, Any]:
    """Draw a policy, facts and a request that has them."""
    specs, after = draw(rule_sets(specs_of(words, 4)))
    names = draw(st.lists(st.sampled_from(sorted(words.places)), max_size=8))
    request = draw(requests.filter(lambda request: issubclass(type(request), words.request_type)))
    return Policy("p", rules(specs, after, words)), known_of(request, [words.places[name] for name in names]), request


class TestTheRestAllowsWhatThePolicyAllows:
    """For every request that has the known facts."""

    @UNHURRIED
    @given(st.sampled_from(sorted(HOSTS)).flatmap(lambda host: questions(*HOSTS[host])))
    def test_for_random_rules_facts_and_requests(self, question: tuple[Policy[Any], Any, Any]) -> None:
        """Fields that nobody checks hold values of any type."""
        policy, known, request = question
        assert policy.allows(request) is allowed_by(given_facts(policy, known), request)
