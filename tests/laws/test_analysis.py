"""The laws of the analysis: it agrees with the policies themselves, about requests of every kind."""
# pyright: basic

import subprocess
import sys
from typing import Any, Final

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escalation_policy import EscalationRequest, Policy, Rule
from escalation_policy.analysis import Comparison, FindingKind, Relation, compare, examine, find, implies
from escalation_policy.analysis.model import Model
from laws.reference import ESCALATIONS, WHOLE_SAMPLES, Spec, Vocabulary, build, instances, specs_of
from support import SAMPLE, Part, Sample

#: The vocabulary of each type of request, a request that has every part, and other requests.
TYPES: Final[dict[str, tuple[Vocabulary, Any, st.SearchStrategy[Any]]]] = {
    "unchecked": (
        WHOLE_SAMPLES,
        Sample(spare=Part(), lost=Part(), more_sizes=frozenset()),
        instances(Sample, WHOLE_SAMPLES),
    ),
    "checked": (ESCALATIONS, None, instances(EscalationRequest, ESCALATIONS, odd=False)),
}
#: A rule that is one of these can be dropped.
DISPENSABLE: Final = (FindingKind.IMPLIED, FindingKind.ALWAYS_MET)
UNHURRIED: Final = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


class Question:
    """Specs of one type of request, and requests of exactly that type."""

    def __init__(self, name: str, specs: list[Spec], requests: list[Any]) -> None:
        self.words, self.like, _ = TYPES[name]
        self.specs = specs
        self.requests = [request for request in requests if type(request) is self.words.request_type]

    def conditions(self) -> list[Any]:
        """Write the specs in the library's words."""
        return [build(spec, self.words) for spec in self.specs]

    def __repr__(self) -> str:
        return f"<{self.specs}>"


QUESTIONS: Final = st.sampled_from(sorted(TYPES)).flatmap(
    lambda name: st.builds(
        Question,
        st.just(name),
        st.lists(specs_of(TYPES[name][0], 4), min_size=3, max_size=4),
        st.lists(TYPES[name][2], max_size=8),
    )
)


def policy_of(*conditions: Any) -> Policy[Any]:
    """Make a policy with a rule for each condition."""
    return Policy("p", [Rule(f"r{number}", condition) for number, condition in enumerate(conditions)])


def is_met(condition: Any, request: object) -> bool:
    """Ask a condition alone."""
    return policy_of(condition).allows(request)


def certain(comparison: Comparison) -> list[Any]:
    """Return the differences that depend on no function of the host's."""
    return [each for each in (*comparison.now_allowed, *comparison.now_denied) if not each.assumed]


class TestCompare:
    """It says how two policies differ."""

    @UNHURRIED
    @given(QUESTIONS)
    def test_misses_no_difference_and_shows_real_ones(self, question: Question) -> None:
        """What it calls the same is the same for every request."""
        shared, old, *new = question.conditions()
        before, after = policy_of(shared, old), policy_of(shared, *new)
        comparison = compare(before, after, like=question.like)

        assert all(each.confirmed for each in certain(comparison))
        for request in question.requests:
            was_allowed, is_allowed = before.allows(request), after.allows(request)
            assert comparison.now_allowed or was_allowed or not is_allowed, request
            assert comparison.now_denied or is_allowed or not was_allowed, request

    @UNHURRIED
    @given(QUESTIONS)
    def test_is_reflexive_and_symmetric(self, question: Question) -> None:
        """In any order of rules and operands."""
        first, second, third, *_ = question.conditions()
        one, other = policy_of(first & second, third), policy_of(third, second & first)
        opposite = {Relation.STRICTER: Relation.LOOSER, Relation.LOOSER: Relation.STRICTER}
        there = compare(one, policy_of(first), like=question.like).relation
        back = compare(policy_of(first), one, like=question.like).relation

        assert Relation.SAME is compare(one, other, like=question.like).relation
        assert opposite.get(there, there) is back
        assert there in (Relation.SAME, Relation.LOOSER)  # a policy with fewer rules never denies more

    def test_needs_every_fresh_value(self) -> None:
        """With one less, it would call possible requests impossible."""
        texts = [
            SAMPLE(lambda r: r.name),
            SAMPLE(lambda r: r.part.text),
            SAMPLE(lambda r: r.spare).then(lambda p: p.text),
        ]
        conditions = [~text.equals("t") for text in texts]
        conditions += [~texts[0].equals(texts[1]), ~texts[1].equals(texts[2]), ~texts[0].equals(texts[2])]
        like = Sample(spare=Part())
        answers = []
        for fresh in (0, -1):
            model = Model(conditions, like=like, effort=10**6, fresh=fresh)
            answers.append(model.is_possible([model.met(condition) for condition in conditions]))

        assert [True, False] == answers

    @pytest.mark.once
    def test_is_the_same_in_every_process(self) -> None:
        """Sets have another order in each, and no answer depends on it."""
        code = (
            "from escalation_policy import *\n"
            "from escalation_policy.analysis import compare, examine\n"
            "kind = fact(lambda r: r.message.channel.kind).one_of(list(ChannelKind)[3:7])\n"
            "roles = fact(lambda r: r.agent.role.permissions).subset_of(list(Permission)[:5])\n"
            "teams = fact(lambda r: r.agent.team_ids).subset_of(fact(lambda r: r.agent.led_team_ids))\n"
            "new = ESCALATE_TO_VIDEO.with_rules(Rule('new', kind | roles & ~teams), Rule('more', teams | ~kind))\n"
            "print(compare(ESCALATE_TO_VIDEO, new), examine(new))\n"
        )
        outputs = {
            subprocess.run(
                [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, text=True
            ).stdout
            for seed in ("1", "2", "3")
        }

        assert 1 == len(outputs)


class TestFind:
    """It finds an allowed request that meets a condition, or proves that there is none."""

    @UNHURRIED
    @given(QUESTIONS)
    def test_misses_no_request_and_shows_real_ones(self, question: Question) -> None:
        """A proof holds for every request."""
        first, second, when, *_ = question.conditions()
        policy = policy_of(first, second)
        found = find(policy, when, like=question.like)

        assert found is None or found.assumed or found.confirmed
        if found is None:
            assert not any(policy.allows(request) and is_met(when, request) for request in question.requests)


class TestImplies:
    """It finds a request that meets one condition only, or proves that there is none."""

    @UNHURRIED
    @given(QUESTIONS)
    def test_is_transitive(self, question: Question) -> None:
        """And follows from what `&` and `|` mean."""
        first, second, third, *_ = question.conditions()
        ways = [(first, second), (second, third), (first, third)]
        one, two, both = [implies(left, right, like=question.like) is None for left, right in ways]

        assert both or not (one and two)
        assert implies(first & second, first, like=question.like) is None
        assert implies(first, first | second, like=question.like) is None


class TestExamine:
    """It names what cannot decide."""

    @UNHURRIED
    @given(QUESTIONS)
    def test_what_it_calls_dispensable_can_be_dropped(self, question: Question) -> None:
        """One rule at a time."""
        policy = policy_of(*question.conditions())
        for finding in examine(policy, like=question.like).findings:
            if finding.kind in DISPENSABLE and len(policy.rules) > 1:
                without = policy.without(finding.code or "")
                assert Relation.SAME is compare(policy, without, like=question.like).relation
            elif finding.kind in (FindingKind.NEVER_ALLOWS, FindingKind.NEVER_MET):
                assert not any(policy.allows(request) for request in question.requests)

    @UNHURRIED
    @given(QUESTIONS)
    def test_what_only_explains_can_be_dropped(self, question: Question) -> None:
        """Here the other rules come after the first one and require more. Their order does not matter."""
        first, *others = question.conditions()
        rules = [Rule("first", first), *(Rule(f"r{i}", each & first, after=["first"]) for i, each in enumerate(others))]
        policy = Policy("p", rules)
        kinds = {each.kind for each in examine(policy, like=question.like).findings if each.code in ("first", None)}
        without = Policy("p", [attrs.evolve(rule, after=()) for rule in reversed(rules[1:])])

        assert kinds & {FindingKind.ONLY_EXPLAINS, FindingKind.ALWAYS_MET, FindingKind.NEVER_ALLOWS}
        assert Relation.SAME is compare(policy, without, like=question.like).relation
