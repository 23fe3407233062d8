"""Laws of `given()`: what it leaves of a policy allows what the policy allows. Each class is named after its law."""
# pyright: basic

from collections.abc import Iterable
from typing import Any, Final

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from escalation_policy import Policy, Rule
from escalation_policy._engine.folding import fold
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
    vocabulary,
)
from laws.test_analysis import TYPES
from support import Part, Sample, Size

UNHURRIED: Final = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    max_examples=40,
)


def facts_of(request: Any, places: Iterable[Place]) -> dict[Any, Any]:
    """Return what a request holds in some places: values of the declared types, no place inside of another."""
    facts: dict[tuple[str, ...], tuple[Any, Any]] = {}
    for place in places:
        names = tuple(name for name, _ in place.steps)
        overlaps = any(names[: len(other)] == other or other[: len(names)] == names for other in facts)
        owner: Any = request
        for name in names[:-1]:
            owner = None if owner is None else getattr(owner, name, None)
        if overlaps or owner is None or place.read(request) is ERROR:
            continue
        value = owner.get(names[-1]) if place.is_context else getattr(owner, names[-1], ...)
        is_unexpected = value is None and place.steps[-1][1].none is None
        if value is ... or is_unexpected or (names[-1] == "names" and not isinstance(value, frozenset | tuple)):
            continue
        facts[names] = (place.fact, value)
    return dict(facts.values())


def allowed_by(residual: Residual[Any], request: Any) -> bool:
    """Return what a residual says of a request that has the known facts."""
    return residual.outcome is Outcome.ALWAYS if residual.policy is None else residual.policy.allows(request)


@st.composite
def questions(draw: st.DrawFn, words: Vocabulary, requests: st.SearchStrategy[Any]) -> tuple[Policy[Any], Any, Any]:
    """Draw a policy, facts and a request that has them."""
    specs, after = draw(rule_sets(specs_of(words, 4)))
    names = draw(st.lists(st.sampled_from(sorted(words.places)), max_size=8))
    request = draw(requests.filter(lambda request: issubclass(type(request), words.request_type)))
    return Policy("p", rules(specs, after, words)), facts_of(request, [words.places[name] for name in names]), request


class TestFoldedConditionsAreMetByTheSameRequests:
    """Of all requests that have the known facts."""

    @UNHURRIED
    @given(st.sampled_from(sorted(HOSTS)).flatmap(lambda host: questions(*HOSTS[host])))
    def test_for_random_rules_facts_and_requests(self, question: tuple[Policy[Any], Any, Any]) -> None:
        """Fields that nobody checks hold values of any type."""
        policy, facts, request = question
        conditions = [rule.requires for rule in policy.rules]
        rests = fold(conditions, {fact.path: value for fact, value in facts.items()})
        for condition, rest in zip(conditions, rests, strict=True):
            expected = Policy("p", [Rule("r", condition)]).allows(request)
            assert expected is (rest if isinstance(rest, bool) else Policy("p", [Rule("r", rest)]).allows(request))


class TestTheRestAllowsWhatThePolicyAllows:
    """For every request that has the known facts. `ALWAYS` and `NEVER` hold for all of them."""

    @UNHURRIED
    @given(
        st.sampled_from(sorted(TYPES)).flatmap(
            lambda name: st.tuples(st.just(name), questions(TYPES[name][0], TYPES[name][2]))
        )
    )
    def test_for_random_rules_facts_and_requests(self, drawn: tuple[str, tuple[Policy[Any], Any, Any]]) -> None:
        """Functions of the host's may answer anything."""
        name, (policy, facts, request) = drawn
        assume(type(request) is policy.request_type)
        residual = given_facts(policy, facts, like=TYPES[name][1])
        assert policy.allows(request) is allowed_by(residual, request)
        if residual.outcome is Outcome.NEVER:
            not_met = {reason.code for reason in policy.decide(request)._all_reasons() if reason.status.value != "met"}
            assert not_met.intersection(residual.codes)


#: Few facts, and all samples that differ in them: with more texts than there are facts, None, and other types.
FEW: Final = vocabulary(Sample, "flag size name spare spare.text spare.unknown")
TEXTS: Final = ("t", "u", "1", "2", "3", None, 0)
FEW_SAMPLES: Final = [
    Sample(flag=flag, size=size, name=name, spare=spare)  # type: ignore[arg-type]
    for flag in (True, False, None, 0)
    for size in (*Size, None, 0)
    for name in TEXTS
    for spare in (None, 0, *(Part(text=text, unknown=unknown) for text in TEXTS for unknown in TEXTS))  # type: ignore[arg-type]
]


class TestTheOutcomeIsExact:
    """It depends only if the policy allows some of the requests that have the facts, and denies others."""

    @settings(UNHURRIED, max_examples=20)
    @given(rule_sets(specs_of(FEW, 4, [])), st.sampled_from(FEW_SAMPLES), st.sets(st.sampled_from(sorted(FEW.places))))
    def test_for_all_requests_with_few_facts(self, rule_set: Any, request: Sample, names: set[str]) -> None:
        """More values than the proof has to look at."""
        policy, places = Policy("p", rules(rule_set[0], rule_set[1], FEW)), [FEW.places[name] for name in sorted(names)]
        facts = facts_of(request, places)
        values = {fact.path: fact.path.read(request) for fact in facts}
        completions = [each for each in FEW_SAMPLES if all(path.read(each) == values[path] for path in values)]
        allowed = sum(policy.allows(each) for each in completions)
        expected = {0: Outcome.NEVER, len(completions): Outcome.ALWAYS}.get(allowed, Outcome.DEPENDS)
        assert expected is given_facts(policy, facts, like=Sample(spare=Part())).outcome
