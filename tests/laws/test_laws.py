"""What holds for all rules and all requests. Each class is named after its law."""

import copy
import itertools
import pickle
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy import ESCALATE_TO_VIDEO, Decision, Effect, Policy, ReasonStatus, Rule
from escalation_policy._engine.compiler import compile_policy
from escalation_policy._engine.decision import NEW_DECISION
from escalation_policy._engine.tests import Inputs
from laws.reference import (
    ABSENT,
    ERROR,
    NO,
    PREDICATES,
    REQUESTS,
    SPECS,
    UNKNOWN,
    YES,
    BoomError,
    Spec,
    answer,
    boom,
    build,
    every_test,
    none,
    prerequisites,
    rule_sets,
    rules,
    telling_requests,
    verdict,
)
from support import ALLOWED, SAMPLE, Sample

#: One test per outcome that a rule can have, and a request under which it has it.
OUTCOMES = {
    YES: ("is_true", "flag"),
    NO: ("not", ("is_true", "flag")),
    ABSENT: ("is_true", "maybe"),
    UNKNOWN: ("is_true", "untold"),
    ERROR: ("predicate", "boom"),
}
PLAIN = Sample()


#: All attributes of the allowed request, in an object of another class.
LOOKALIKE = SimpleNamespace(**{field.name: getattr(ALLOWED, field.name) for field in attrs.fields(type(ALLOWED))})


def refuse(*_: object) -> Any:
    """Raise for every argument."""
    raise BoomError


def graphs(count: int) -> Iterator[dict[str, list[str]]]:
    """List every way in which `count` rules can come after one another without a circle, up to their names."""
    codes = [f"r{number}" for number in range(count)]
    pairs = list(itertools.combinations(codes, 2))
    for chosen in itertools.product([False, True], repeat=len(pairs)):
        after: dict[str, list[str]] = {code: [] for code in codes}
        for (earlier, later), is_chosen in zip(pairs, chosen, strict=True):
            if is_chosen:
                after[later].append(earlier)
        yield after


def combinations(count: int) -> Iterator[tuple[dict[str, Spec], dict[str, list[str]]]]:
    """List every combination of outcomes, over every graph."""
    for after in graphs(count):
        for outcomes in itertools.product(OUTCOMES.values(), repeat=count):
            yield dict(zip(after, outcomes, strict=True)), after


def as_verdict(decision: Decision[Any]) -> tuple[bool, dict[str, str], set[str]]:
    """Return a decision in the form of the reference evaluator's verdict."""
    return decision.allowed, {each.code: each.status.value for each in decision.reasons}, set(decision.hidden)


class TestAgreementWithTheNaiveEvaluator:
    """Policies decide as a naive reading of their rules does, and their statuses mean what it says."""

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_over_all_combinations_of_outcomes(self, count: int) -> None:
        """Every combination of outcomes of one, two and three rules, over every `after`."""
        for specs, after in combinations(count):
            policy = Policy("p", rules(specs, after))
            assert verdict(specs, after, PLAIN) == as_verdict(policy.decide(PLAIN)), (specs, after)
            assert policy.allows(PLAIN) is policy.decide(PLAIN).allowed

    @given(rule_sets(), REQUESTS)
    def test_over_random_conditions_and_requests(
        self, drawn: tuple[dict[str, Spec], dict[str, list[str]]], request: Sample
    ) -> None:
        """Nobody thought of these, and the two functions of the policy must still answer alike."""
        specs, after = drawn
        policy = Policy("p", rules(specs, after))
        assert verdict(specs, after, request) == as_verdict(policy.decide(request))
        assert policy.allows(request) is policy.decide(request).allowed

    @given(SPECS, REQUESTS)
    def test_of_the_compiled_function_and_the_interpreted_condition(self, spec: Spec, request: Sample) -> None:
        """Also of the opposite, which the compiler pushes down to the tests in its own way."""
        policy = Policy("p", [Rule("r", build(spec))])
        assert (answer(spec, request) == YES) is policy.allows(request)
        assert (answer(("not", spec), request) == YES) is Policy("p", [Rule("r", ~build(spec))]).allows(request)

    def test_over_every_test_and_everything_a_fact_can_be(self) -> None:
        """One test at a time, and its negation, so that none depends on what is drawn."""
        for spec in every_test():
            for each in (spec, ("not", spec)):
                policy = Policy("p", rules({"r": each}, {"r": []}))
                for request in telling_requests():
                    decision = policy.decide(request)
                    assert verdict({"r": each}, {"r": []}, request) == as_verdict(decision), (each, request)
                    assert decision.allowed is policy.allows(request), (each, request)

    @pytest.mark.slow
    def test_over_every_two_tests_of_the_same_fact(self) -> None:
        """What one rule has found out about a fact never makes another rule take it for more than it is."""
        by_fact: dict[str, list[Spec]] = {}
        for spec in every_test():
            if spec[0] in ("is_set", "is_true", "equals", "one_of", "contains", "subset_of"):
                by_fact.setdefault(spec[1], []).extend([spec, ("not", spec)])
        for specs in by_fact.values():
            for first, second in itertools.product(specs, repeat=2):
                written, after = {"a": first, "b": second}, dict[str, list[str]](a=[], b=[])
                policy = Policy("p", rules(written, after))
                for request in telling_requests():
                    assert verdict(written, after, request)[0] is policy.allows(request), (written, request)

    def test_never_needs_the_slow_path_for_a_request_of_the_right_type(self) -> None:
        """Otherwise the compiled function could be wrong, or broken, and nobody would see it."""
        sound = [request for request in telling_requests() if {"b", "n", "s"} != set(request.context)]
        sound += telling_requests()[6:8]

        def slow(*arguments: Any) -> Any:
            raise KeyboardInterrupt(arguments)

        def compiled(rules: list[Rule[Sample]]) -> Any:
            conditions = [rule.requires for rule in rules]
            inputs = Inputs.of(test for condition in conditions for test in condition.tests)
            return compile_policy(conditions, inputs, slow, new=NEW_DECISION, policy=None, overflow=None)

        for spec in every_test():
            if not {"boom", "none", "one", "odd_boom"} & set(spec):
                for condition in (build(spec), ~build(spec), build(spec) & build(spec), build(spec) | ~build(spec)):
                    allows, decide = compiled([Rule("r", condition)])
                    for request in sound:
                        assert allows(request) is decide(request).allowed
        deep = [
            Rule("part", SAMPLE(lambda r: r.part.text).equals("t")),
            Rule("spare", SAMPLE(lambda r: r.spare).then(lambda p: p.unknown).equals("t")),
        ]
        for number in range(len(deep) + 1):
            for request in sound:
                compiled([*deep[number:], *deep[:number]])[0](request)

    def test_over_every_combination_of_sixteen_rules_ordered_as_the_built_in_policy_is(self) -> None:
        """Only one of the 65536 is allowed."""
        facts = {code: SAMPLE.context(code, bool) for code in ESCALATE_TO_VIDEO}
        policy = Policy("p", [Rule(code, facts[code].is_true()) for code in ESCALATE_TO_VIDEO])
        for outcomes in itertools.product([True, False], repeat=16):
            request = Sample(context=dict(zip(facts, outcomes, strict=True)))
            assert all(outcomes) is policy.allows(request)


class TestFailClosed:
    """A failure denies, and so does a value that is not a request."""

    @given(rule_sets(), REQUESTS, st.data())
    def test_making_any_rule_raise_never_turns_deny_into_allow(
        self, drawn: tuple[dict[str, Spec], dict[str, list[str]]], request: Sample, data: st.DataObject
    ) -> None:
        """Nor does it leave an allow as it was: a rule that fails is not met."""
        policy = Policy("p", rules(*drawn))
        rule = policy[data.draw(st.sampled_from(sorted(policy)))]
        for test in (boom, none):
            broken = policy.replace(attrs.evolve(rule, requires=SAMPLE.predicate("broken", test)))
            assert not broken.allows(request)
            assert Effect.DENY is broken.decide(request).effect

    @pytest.mark.parametrize(
        "thing",
        [
            None,
            0,
            "request",
            object(),
            Sample,
            Sample(),
            type("Fake", (), {"__class__": property(lambda _: type(ALLOWED))})(),
            LOOKALIKE,
        ],
        ids=["None", "int", "str", "object", "class", "another request", "fake class", "lookalike"],
    )
    def test_what_is_no_request_is_denied_by_every_rule_that_comes_first(self, thing: Any) -> None:
        """For every argument, nothing is raised and nothing is allowed."""
        decision = ESCALATE_TO_VIDEO.decide(thing)
        first = {rule.code for rule in ESCALATE_TO_VIDEO.rules if not rule.after}
        assert not ESCALATE_TO_VIDEO.allows(thing)
        assert first == {reason.code for reason in decision.reasons}
        assert set(ESCALATE_TO_VIDEO) - first == set(decision.hidden)
        assert {ReasonStatus.ERROR} == {reason.status for reason in decision.reasons}
        assert thing is decision.request

    @pytest.mark.parametrize(
        "name", ["__class__", "__len__", "__bool__", "__iter__", "__getattr__", "__eq__", "__hash__"]
    )
    @pytest.mark.parametrize("base", [object, list, str, tuple, dict])
    def test_what_raises_whenever_it_is_asked_anything_is_denied(self, base: type, name: str) -> None:
        """A proxy that is not bound raises even when it is asked for its class."""
        thing: Any = type("Proxy", (base,), {name: property(refuse) if name == "__class__" else refuse})()
        assert not ESCALATE_TO_VIDEO.allows(thing)
        decision = ESCALATE_TO_VIDEO.decide(thing)
        assert not decision.allowed
        assert "a Proxy" == decision.reasons[0].evidence[0].seen

    def test_what_has_no_name_is_denied_and_so_is_what_hides_it(self) -> None:
        """Even the name of a type can be empty, or raise."""
        meta: Any = type("Meta", (type,), {"__name__": property(refuse)})
        things: list[Any] = [type("", (), {})(), meta("Hidden", (), {})()]
        for thing in things:
            assert not ESCALATE_TO_VIDEO.allows(thing)
            assert not ESCALATE_TO_VIDEO.decide(thing)

    def test_predicates_may_be_anything_callable_and_raise_anything(self) -> None:
        """Neither what is called nor what is raised is asked more than its type."""

        class Strange:
            """A predicate whose every attribute is one more predicate, and which gives no bool."""

            def __call__(self, _: object) -> Any:
                return 1

            def __getattr__(self, name: str) -> Any:
                raise BoomError

        shy_error: Any = type("ShyError", (Exception,), {"__class__": property(refuse)})

        def shy(_: object) -> bool:
            raise shy_error

        for test in (Strange(), shy):
            policy = Policy("p", [Rule("r", SAMPLE.predicate("p", test))])
            assert not policy.allows(PLAIN)
            assert [ReasonStatus.ERROR] == [reason.status for reason in policy.decide(PLAIN).reasons]

    def test_what_is_no_request_reaches_no_predicate(self) -> None:
        """A predicate is promised a request of its type and need not check."""
        arguments: list[object] = []

        def watched(request: Sample) -> bool:
            """Return True, and note the argument."""
            arguments.append(request)
            return True

        policy = Policy("p", [Rule("r", SAMPLE.predicate("p", watched))])
        stranger: Any = ALLOWED
        assert not policy.allows(stranger)
        assert not policy.decide(stranger)
        assert [] == arguments

    def test_a_request_whose_parts_are_missing_is_denied(self) -> None:
        """Its type is right, so that only reading it shows that there is nothing in it."""
        hollow = object.__new__(type(ALLOWED))
        assert not ESCALATE_TO_VIDEO.allows(hollow)
        assert {ReasonStatus.ERROR} == {reason.status for reason in ESCALATE_TO_VIDEO.decide(hollow).reasons}

    @pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_interruptions_pass(self, interruption: type[BaseException]) -> None:
        """These are not errors of a rule but of somebody else."""

        def interrupted(_: Sample) -> bool:
            """Is interrupted while it decides."""
            raise interruption

        policy = Policy("p", [Rule("r", SAMPLE.predicate("p", interrupted))])
        with pytest.raises(interruption):
            policy.allows(PLAIN)
        with pytest.raises(interruption):
            policy.decide(PLAIN)


class TestUnknownIsNeverAYes:
    """What is absent, unknown or failed does not allow, and its opposite does not either."""

    @given(SPECS, REQUESTS)
    def test_nor_is_its_negation_and_neither_is_what_failed(self, spec: Spec, request: Sample) -> None:
        """Of a condition and its opposite exactly one allows, and neither when nobody can tell."""
        undecided = answer(spec, request) in (ABSENT, UNKNOWN, ERROR)
        both = [Policy("p", [Rule("r", condition)]).allows(request) for condition in (build(spec), ~build(spec))]
        assert (0 if undecided else 1) == sum(both)


class TestExplanationsAreTrue:
    """Fixing all that is reported allows the request or reveals what was hidden. Fixing less never allows it."""

    def check(self, specs: dict[str, Spec], after: dict[str, list[str]]) -> None:
        """Check the law against every other request that the outcomes of these rules allow."""
        policy = Policy("p", rules(specs, after))
        decision = policy.decide(PLAIN)
        if decision.allowed:
            return
        reported = {reason.code for reason in decision.reasons}
        dependents = {code for code in specs if reported & prerequisites(code, after)}
        assert reported
        assert set(decision.hidden) <= dependents
        free = sorted(dependents - reported)
        for outcomes in itertools.product((YES, NO, ERROR), repeat=len(free)):
            mended = dict.fromkeys(reported, OUTCOMES[YES]) | {
                code: OUTCOMES[outcome] for code, outcome in zip(free, outcomes, strict=True)
            }
            then = Policy("p", rules(specs | mended, after)).decide(PLAIN)
            assert then.allowed or {reason.code for reason in then.reasons} <= dependents
        for code in reported:
            rest = dict.fromkeys((reported | dependents) - {code}, OUTCOMES[YES])
            assert not Policy("p", rules(specs | rest, after)).allows(PLAIN)

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_over_all_combinations_of_outcomes(self, count: int) -> None:
        """Unmet and unknown stand for every cause that keeps a rule from being met: the law treats all of them alike."""
        usual = [OUTCOMES[YES], OUTCOMES[NO], OUTCOMES[UNKNOWN]]
        for specs, after in combinations(count):
            if all(spec in usual for spec in specs.values()):
                self.check(specs, after)

    @given(rule_sets(st.sampled_from(list(OUTCOMES.values()))))
    def test_over_random_rules(self, drawn: tuple[dict[str, Spec], dict[str, list[str]]]) -> None:
        """Up to five rules, and every outcome there is."""
        self.check(*drawn)


class TestOrderDoesNotMatter:
    """Neither rules nor operands mean anything else in another order."""

    @given(rule_sets(), REQUESTS, st.data())
    def test_of_rules(
        self, drawn: tuple[dict[str, Spec], dict[str, list[str]]], request: Sample, data: st.DataObject
    ) -> None:
        """It decides the order of the reasons, and nothing else."""
        written = rules(*drawn)
        policy, shuffled = Policy("p", written), Policy("p", data.draw(st.permutations(written)))
        assert as_verdict(policy.decide(request)) == as_verdict(shuffled.decide(request))
        assert policy.fingerprint == shuffled.fingerprint

    @given(SPECS, SPECS, REQUESTS)
    def test_of_operands(self, left: Spec, right: Spec, request: Sample) -> None:
        """`&` and `|` do not stop at the first that decides, so that the evidence is the same too."""
        for word in ("and", "or"):
            policy, turned = (
                Policy("p", [Rule("r", build(spec))]) for spec in ((word, left, right), (word, right, left))
            )
            decision, same = policy.decide(request), turned.decide(request)
            assert as_verdict(decision) == as_verdict(same)
            assert set(decision.reasons[0].evidence) == set(same.reasons[0].evidence)
            assert policy.fingerprint == turned.fingerprint

    @given(rule_sets(), SPECS, REQUESTS)
    def test_and_adding_a_rule_never_allows_more(
        self, drawn: tuple[dict[str, Spec], dict[str, list[str]]], spec: Spec, request: Sample
    ) -> None:
        """Hosts may append any rules without reading the ones that are there."""
        policy = Policy("p", rules(*drawn))
        assert policy.allows(request) >= policy.with_rules(Rule("more", build(spec))).allows(request)


class TestPurity:
    """A decision is a function of the policy and the request, all of it in one evaluation."""

    @given(rule_sets(), REQUESTS)
    def test_the_same_request_gets_the_same_decision_and_so_does_its_copy(
        self, drawn: tuple[dict[str, Spec], dict[str, list[str]]], request: Sample
    ) -> None:
        """What is equal is decided equally, also by a policy that comes out of a pickle."""
        policy = Policy("p", rules(*drawn))
        decision = policy.decide(request)
        assert decision == policy.decide(copy.deepcopy(request))
        assert decision == copy.copy(decision) == copy.deepcopy(decision) == pickle.loads(pickle.dumps(decision))
        assert decision == pickle.loads(pickle.dumps(policy)).decide(request)

    @given(rule_sets(), REQUESTS)
    def test_effect_and_reasons_come_from_the_same_evaluation(
        self, drawn: tuple[dict[str, Spec], dict[str, list[str]]], request: Sample
    ) -> None:
        """A denial without a reason, or an allow with one against it, would be believed by nobody."""
        decision = Policy("p", rules(*drawn)).decide(request)
        assert decision.allowed is all(reason.status is ReasonStatus.MET for reason in decision.reasons)
        assert decision.allowed is (decision.effect is Effect.ALLOW) is bool(decision)

    def test_even_when_a_predicate_changes_its_mind(self) -> None:
        """It is called once per decision, and that answer both decides and is explained."""
        answers = iter([True, False, True, False])
        plain = Rule("plain", SAMPLE(lambda r: r.flag).is_true())
        policy = Policy("p", [plain, Rule("r", SAMPLE.predicate("fickle", lambda _: next(answers)))])
        allowed, denied = policy.decide(PLAIN), policy.decide(PLAIN)
        assert {ReasonStatus.MET} == {reason.status for reason in allowed.reasons}
        assert ["r"] == [reason.code for reason in denied.reasons]
        assert [True, False] == [allowed.allowed, denied.allowed]


def test_every_predicate_of_the_reference_evaluator_can_be_pickled() -> None:
    """Otherwise no drawn policy could be, and the law about copies would fail for a reason of its own."""
    assert PREDICATES == pickle.loads(pickle.dumps(PREDICATES))
