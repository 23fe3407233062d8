"""Test obligations: the requests that tests of a policy lack, and what these requests find."""
# pyright: basic

from collections.abc import Iterator
from typing import Any, Final

import attrs
import pytest

import escalation_policy
from escalation_policy import ESCALATE_TO_VIDEO, Facts, Policy, Rule, context, fact, predicate
from escalation_policy._engine.conditions import Condition, Junction
from escalation_policy.analysis import Relation, compare
from escalation_policy.exceptions import AnalysisLimitError, InvalidValueError
from escalation_policy.testing import a_request, an_agent, an_intervention, missing_requests
from support import SAMPLE, Part, Sample

ENABLED: Final = fact(lambda r: r.agent.enabled).is_true()
PRIVATE: Final = fact(lambda r: r.message.private).is_true()
#: What a pasted line may use.
NAMES: Final = {**vars(escalation_policy), "a_request": a_request, "an_intervention": an_intervention}
#: What tests of most projects try: one denial for each rule, and a request that is allowed.
DENIALS: Final = [a_request(), *(a_request(denied_by=code) for code in ESCALATE_TO_VIDEO)]


def policy_of(*conditions: Any) -> Policy[Any]:
    """Make a policy with a rule for each condition."""
    return Policy("p", [Rule(f"r{number}", condition) for number, condition in enumerate(conditions)])


def lines(policy: Policy[Any], *requests: Any) -> list[str]:
    """Return the calls that are missing."""
    return [str(each) for each in missing_requests(policy, requests)]


class TestMissingRequests:
    """`missing_requests()`."""

    def test_are_those_in_which_a_test_decides(self) -> None:
        """The typical request is the first, and each request is near it."""
        assert ["a_request(private=True)", "a_request(enabled=False, private=True)"] == lines(
            policy_of(ENABLED & PRIVATE)
        )[:2]
        assert [
            "a_request(private=True)",
            "a_request(enabled=False, private=True)",
            "a_request(private=False)",
        ] == lines(policy_of(ENABLED & PRIVATE))

    def test_show_each_alternative(self) -> None:
        """If both are met, none decides."""
        expected = ["a_request(private=False)", "a_request(enabled=False, private=False)"]
        assert [*expected, "a_request(enabled=False, private=True)"] == lines(policy_of(ENABLED | PRIVATE))
        assert "a_request(enabled=False, private=True)" in lines(
            policy_of(ENABLED | PRIVATE), a_request(private=True), a_request(enabled=False, private=False)
        )

    def test_are_discharged_by_requests(self) -> None:
        """An unknown fact is not enough, if the test can be false."""
        policy = policy_of(PRIVATE)

        assert ["a_request(private=False)"] == lines(policy, a_request(private=True), a_request(private=None))
        assert [] == lines(policy, a_request(private=True), a_request(private=False))

    def test_accept_undecided_tests_that_are_never_false(self) -> None:
        """A fact that must be set is unknown, at worst."""
        assert ["a_request(private=True)", "a_request()"] == lines(
            policy_of(fact(lambda r: r.message.private).is_set())
        )

    def test_leave_out_what_no_request_shows(self) -> None:
        """A test that another rule repeats never decides by being false."""
        assert ["a_request()"] == lines(policy_of(ENABLED, ENABLED))
        # Nothing is ever allowed, so no test decides by being met.
        assert {False} == {each.met for each in missing_requests(policy_of(ENABLED, ~ENABLED))}

    def test_count_a_rule_as_decisive_if_it_hides_others(self) -> None:
        """Rules that come after it do not matter."""
        policy = Policy("p", [Rule("first", ENABLED), Rule("second", ENABLED & PRIVATE, after=["first"])])

        assert "a_request(enabled=False)" in lines(policy)

    def test_give_a_test_of_functions_a_request_if_they_answer_so(self) -> None:
        """Otherwise nothing can see into them, and no request is shown."""
        score = context("score", int)
        low, odd = (
            score.satisfies(name, test, version="1")
            for name, test in (("low", lambda value: value < 1000), ("odd", lambda value: value % 2 == 1))
        )
        one, other = missing_requests(policy_of(low))

        assert "a_request(context={'score': 1})" == str(one)
        assert (None, False) == (other.request, other.met)
        assert "nothing can see into the functions" in str(other)
        assert ["a_request(context={'score': 1})", "a_request(context={'score': 2})"] == lines(policy_of(odd))
        assert [str(other)] == lines(policy_of(low), one.request)

    def test_give_up_on_a_function_of_whole_requests(self) -> None:
        """It may answer otherwise about each of them."""
        policy = ESCALATE_TO_VIDEO.with_rules(Rule("always", predicate("always", lambda _: True)))

        assert [("always", False)] == [
            (each.code, each.met) for each in missing_requests(policy) if each.request is None
        ]

    def test_do_not_trust_a_function_that_changes_its_mind(self) -> None:
        """A request that does not show what it is for is not shown."""
        answers = iter([True, False] * 50)
        policy = policy_of(Facts(Sample).predicate("moody", lambda _: next(answers)))

        assert {None} == {each.request for each in missing_requests(policy, like=Sample())}

    def test_accept_other_types_of_requests(self) -> None:
        """They are described, since there is no builder for them."""
        policy = policy_of(SAMPLE(lambda r: r.flag).is_true())
        missing = missing_requests(policy, like=Sample())

        assert ["a Sample: the typical one", "a Sample: the typical one, but with flag = false"] == sorted(
            map(str, missing)
        )
        assert () == missing_requests(policy, [each.request for each in missing], like=Sample())

    def test_accept_another_typical_request(self) -> None:
        """Nothing private of it is shown."""
        like = a_request(agent=an_agent(email="eve@example.com"))

        assert ["the typical one", "the typical one, but with agent.enabled = false"] == [
            str(each).partition(": ")[2] for each in missing_requests(policy_of(ENABLED), like=like)
        ]

    def test_show_no_address_that_a_policy_compares_with(self) -> None:
        """Such a request is described."""
        missing = missing_requests(policy_of(fact(lambda r: r.agent.email).equals("eve@example.com")))

        assert ["an EscalationRequest: the typical one, but with agent.email = another value", "a_request()"] == list(
            map(str, missing)
        )
        assert "eve" not in repr(missing)
        assert "<obligation: r0, agent.email equals (a certain value) not met: a_request()>" == repr(missing[1])

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ((None,), InvalidValueError),
            ((ESCALATE_TO_VIDEO, [None]), InvalidValueError),
            ((policy_of(SAMPLE(lambda r: r.flag).is_true()),), InvalidValueError),
        ],
        ids=["no policy", "no request", "no typical request"],
    )
    def test_refuse_other_arguments(self, arguments: tuple[Any, ...], error: type[Exception]) -> None:
        """The error names the argument."""
        with pytest.raises(error):
            missing_requests(*arguments)

    def test_need_a_typical_request_with_every_part(self) -> None:
        """Otherwise no request could have one."""
        policy = policy_of(SAMPLE(lambda r: r.spare).then(lambda p: p.text).equals("t"))

        with pytest.raises(InvalidValueError, match="spare"):
            missing_requests(policy, like=Sample(spare=None))
        assert missing_requests(policy, like=Sample(spare=Part()))

    def test_never_guess(self) -> None:
        """If the effort is too small, there is no answer."""
        with pytest.raises(AnalysisLimitError):
            missing_requests(ESCALATE_TO_VIDEO, effort=1)


class TestBuiltInPolicy:
    """The requests for `ESCALATE_TO_VIDEO`."""

    MISSING: Final = missing_requests(ESCALATE_TO_VIDEO)

    def test_can_be_pasted(self) -> None:
        """Each line is Python that makes the request."""
        for obligation in self.MISSING:
            assert eval(str(obligation), dict(NAMES)) == obligation.request  # noqa: S307  the line of an obligation

    def test_are_one_more_than_one_denial_for_each_rule(self) -> None:
        """These never show that a private tweet is allowed."""
        assert 1 + len(ESCALATE_TO_VIDEO.rules) + 1 == len(self.MISSING)
        assert ["a_request(channel=ChannelKind.TWITTER, private=True)"] == lines(ESCALATE_TO_VIDEO, *DENIALS)

    def test_find_every_mutant_that_makes_a_difference(self) -> None:
        """One denial for each rule leaves one alive."""
        mutants = dict(mutants_of(ESCALATE_TO_VIDEO))
        survivors = alive(mutants, [each.request for each in self.MISSING])
        others = [name for name in alive(mutants, DENIALS) if name not in survivors]

        assert 58 == len(mutants)
        assert ["domain_linked dropped", "extension_linked dropped"] == survivors
        assert {Relation.SAME} == {compare(ESCALATE_TO_VIDEO, mutants[name]).relation for name in survivors}
        assert ["twitter_private second dropped"] == others


def alive(mutants: dict[str, Policy[Any]], requests: list[Any]) -> list[str]:
    """Return the mutants that decide all requests like the built-in policy."""
    return [
        name
        for name, mutant in mutants.items()
        if all(mutant.allows(request) is ESCALATE_TO_VIDEO.allows(request) for request in requests)
    ]


def mutants_of(policy: Policy[Any]) -> Iterator[tuple[str, Policy[Any]]]:
    """Yield the policy with one mistake: a rule dropped; a test negated or dropped; another operator or constant; `&` for `|`."""
    for rule in policy.rules:
        yield f"{rule.code} dropped", policy.without(rule.code)
        for place, step in enumerate(rule.requires.steps):
            for name, steps in _mistakes(step):
                mutated = (*rule.requires.steps[:place], steps, *rule.requires.steps[place + 1 :])
                yield f"{rule.code} {place} {name}", _with_condition(policy, rule, mutated)
            if isinstance(step, Junction):
                first, second = rule.requires.steps[:2]  # all junctions of the policy have two tests
                yield f"{rule.code} first dropped", _with_condition(policy, rule, (second,))
                yield f"{rule.code} second dropped", _with_condition(policy, rule, (first,))


def _with_condition(policy: Policy[Any], rule: Rule[Any], steps: Any) -> Policy[Any]:
    return policy.replace(attrs.evolve(rule, requires=Condition(rule.requires.request_type, tuple(steps))))


def _mistakes(step: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(step, Junction):
        yield "joined otherwise", ~step
        return
    yield "negated", ~step
    if step.kind != "is_set":
        yield "asks whether it is set", attrs.evolve(step, kind="is_set", paths=step.paths[:1], operand=None)
    if isinstance(step.operand, frozenset):
        kind = step.paths[0].kind
        yield "other members", attrs.evolve(step, operand=frozenset(kind) - step.operand - {step.paths[0].unknown})
    elif step.operand is not None:
        kind = step.paths[0].member or step.paths[0].kind
        other = next(each for each in kind if each is not step.operand and each.name != "UNKNOWN")
        yield "another constant", attrs.evolve(step, operand=other)
