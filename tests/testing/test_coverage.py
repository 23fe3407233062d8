"""Rule coverage: the counts, the hints for what is missing, and the report."""

import json
import sys
from itertools import permutations
from threading import Thread
from typing import Any, Final, cast

import attrs
import pytest

from escalation_policy import ESCALATE_TO_VIDEO, Domain, Facts, Login, Policy, Rule, VideoAccess, context, fact
from escalation_policy.testing import a_request
from escalation_policy.testing._coverage import (
    OUTCOMES,
    Coverage,
    Data,
    DecisionCounts,
    PolicyCoverage,
    percent,
    report,
)
from support import ALLOWED, SAMPLE, Sample

FLAG: Final = SAMPLE(lambda r: r.flag).is_true()
NUMBER: Final = SAMPLE(lambda r: r.number).equals(1)
MET: Final = Sample()
NO_FLAG: Final = Sample(flag=False)
OPEN: Final = Rule("open", context("open", bool).is_true())
#: Requests that the built-in policy denies, for one reason or for many, with every status.
DENIED: Final = [
    a_request(ringcentral=None),
    a_request(video=VideoAccess.UNKNOWN),
    a_request(login=Login.UNKNOWN, domain=Domain(id="acme")),
    a_request(intervention=None, enabled=False),
    a_request(intervention_id=None, login=Login.PASSWORD),
    "no request",
]
#: A variant of the built-in policy, with one of its rules.
SSO: Final = Policy("escalate_to_video", [ESCALATE_TO_VIDEO["ringcentral_sso"]])


def explode(_: object) -> bool:
    """Raise an error."""
    raise ValueError


def count(policy: Policy[Any], *requests: Any) -> Data:
    """Count the decisions of one policy."""
    counts = DecisionCounts(())
    for request in requests:
        counts.add(policy, policy.decide(request))
    return counts.to_data()


def add_up(*data: Data) -> list[PolicyCoverage]:
    """Add up the counts of several processes."""
    coverage = Coverage()
    for counts in data:
        coverage.add(counts)
    return coverage.policies()


def counts_of(*data: Data) -> dict[str, tuple[int, ...]]:
    """Return the five counts of each rule of the only policy."""
    (policy,) = add_up(*data)
    return {label: tuple(rule.counts[outcome] for outcome in OUTCOMES) for label, rule in policy.rules.items()}


def missing(*data: Data) -> dict[str, str]:
    """Return the hint for each outcome that a rule of the only policy never had."""
    (policy,) = add_up(*data)
    return {
        f"{label} {outcome}": hint for label, rule in policy.rules.items() for outcome, hint in rule.missing.items()
    }


class TestCounts:
    """How often each rule was met, unmet, unknown, an error, and decisive."""

    @pytest.mark.parametrize(
        ("condition", "request_", "expected"),
        [
            (FLAG, MET, (1, 0, 0, 0, 0)),
            (FLAG, NO_FLAG, (0, 1, 0, 0, 1)),
            (SAMPLE(lambda r: r.maybe).is_true(), MET, (0, 1, 0, 0, 1)),
            (SAMPLE(lambda r: r.untold).is_true(), MET, (0, 0, 1, 0, 1)),
            (NUMBER, Sample(number=cast("int", "1")), (0, 0, 0, 1, 1)),
            (SAMPLE.predicate("explodes", explode), MET, (0, 0, 0, 1, 1)),
            (SAMPLE.predicate("holds", lambda _: True), MET, (1, 0, 0, 0, 0)),
            (SAMPLE.context("open", bool).is_true(), Sample(context={"open": False}), (0, 1, 0, 0, 1)),
            (FLAG, "no request", (0, 0, 0, 1, 1)),
        ],
        ids=["met", "unmet", "absent", "unknown", "mismatch", "raises", "predicate", "context", "another type"],
    )
    def test_include_each_outcome(self, condition: Any, request_: Any, expected: tuple[int, ...]) -> None:
        """A rule that is the only reason is decisive, with any status."""
        assert {"r": expected} == counts_of(count(Policy("p", [Rule("r", condition)]), request_))

    def test_show_no_decisive_rule_if_there_are_two_reasons(self) -> None:
        """To fix one of them would change nothing."""
        policy = Policy("p", [Rule("a", FLAG), Rule("b", NUMBER)])
        requests = [MET, NO_FLAG, Sample(number=2), Sample(flag=False, number=2), Sample(flag=False, number=2)]
        assert {"a": (2, 3, 0, 0, 1), "b": (2, 3, 0, 0, 1)} == counts_of(count(policy, *requests))

    @pytest.mark.parametrize("extra", [(), (Rule("asked", SAMPLE.predicate("holds", lambda _: True)),)])
    def test_of_hidden_rules_do_not_make_the_only_reason_less_decisive(self, extra: tuple[Rule[Sample], ...]) -> None:
        """A rule after the only reason, directly or indirectly, is not met either, but it is no reason."""
        rules = [Rule("c", NUMBER, after=["b"]), Rule("b", NUMBER | FLAG, after=["a"]), Rule("a", FLAG), *extra]
        expected = {"c": (0, 1, 0, 0, 0), "b": (0, 1, 0, 0, 0), "a": (0, 1, 0, 0, 1)}
        actual = counts_of(count(Policy("p", rules), Sample(flag=False, number=2)))
        assert expected == {code: actual[code] for code in "cba"}

    def test_call_no_predicate_again(self) -> None:
        """A decision keeps the answers of predicates."""
        calls: list[object] = []

        def refuse(request: object) -> bool:
            calls.append(request)
            return False

        policy = Policy("p", [Rule("r", SAMPLE.predicate("refuses", refuse))])
        assert {"r": (0, 1, 0, 0, 1)} == counts_of(count(policy, MET))
        assert 1 == len(calls)

    def test_are_of_the_time_of_the_decision(self) -> None:
        """Later answers of predicates and later values in mappings do not change them."""
        answers = iter([False, True])
        policy = Policy("p", [Rule("r", SAMPLE.predicate("wavers", lambda _: next(answers)))])
        assert {"r": (1, 1, 0, 0, 1)} == counts_of(count(policy, MET, MET))
        policy = Policy("p", [Rule("r", SAMPLE.context("open", bool).is_true())])
        request = Sample(context={"open": False})
        counts = DecisionCounts(())
        counts.add(policy, policy.decide(request))
        request.context.clear()
        counts.add(policy, policy.decide(request))
        assert {"r": (0, 1, 1, 0, 2)} == counts_of(counts.to_data())

    def test_lose_no_decision_of_any_thread(self) -> None:
        """Each denial is counted once, including the first ones."""
        counts, policies = DecisionCounts(()), [Policy(f"p{number}", [Rule("r", FLAG)]) for number in range(200)]

        def add() -> None:
            for policy in policies:
                for _ in range(20):
                    counts.add(policy, policy.decide(NO_FLAG))

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            threads = [Thread(target=add) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
        assert {160} == {policy.rules["r"].counts["decisive"] for policy in add_up(counts.to_data())}

    def test_are_of_selected_policies_only(self) -> None:
        """Policies that only a test makes can be left out."""
        counts = DecisionCounts(["b"])
        for id_ in "abc":
            policy = Policy(id_, [Rule("r", FLAG)])
            counts.add(policy, policy.decide(MET))
        assert ["b"] == [policy.id for policy in add_up(counts.to_data())]

    def test_separate_request_types_of_the_same_name(self) -> None:
        """Fingerprints hold only the name of the type, and a request of one type is an error for the other."""
        other: Any = attrs.make_class("Sample", {"flag": attrs.field(type=bool)}, frozen=True)
        counts = DecisionCounts(())
        other_facts = Facts(cast("type[Sample]", other))
        for flag, request in ((FLAG, NO_FLAG), (other_facts(lambda r: r.flag).is_true(), other(flag=False))):
            policy: Policy[Any] = Policy("p", [Rule("r", flag)])
            counts.add(policy, policy.decide(request))
        assert {"r": (0, 2, 0, 0, 2)} == counts_of(counts.to_data())

    def test_are_shared_by_policies_that_mean_the_same(self) -> None:
        """A fixture may make the same policy ten thousand times."""
        counts = DecisionCounts(())
        for _ in range(3):
            policy = Policy("p", [Rule("r", FLAG)])
            counts.add(policy, policy.decide(MET))
        assert 1 == len(counts.to_data())
        assert {"r": (3, 0, 0, 0, 0)} == counts_of(counts.to_data())


class TestCoverage:
    """The sum over several processes, and over several variants of a policy."""

    def test_joins_the_rules_that_variants_share(self) -> None:
        """A rule that is dropped or added leaves the others as they are."""
        policy = Policy("p", [Rule("a", FLAG), Rule("b", NUMBER, after=["a"])])
        variants = [policy, policy.without("a"), policy.with_rules(Rule("c", FLAG))]
        expected = {"a": (0, 2, 0, 0, 1), "b": (3, 0, 0, 0, 0), "c": (0, 1, 0, 0, 0)}
        assert expected == counts_of(*(count(variant, NO_FLAG) for variant in variants))

    def test_numbers_the_conditions_under_one_code(self) -> None:
        """A replaced rule is another rule, in any order."""
        policy = Policy("p", [Rule("a", FLAG), Rule("b", NUMBER)])
        data = [count(policy, MET), count(policy.replace(Rule("a", ~FLAG)), MET)]
        for order in permutations(data):
            assert {"a": (1, 0, 0, 0, 0), "a (2)": (0, 1, 0, 0, 1), "b": (2, 0, 0, 0, 0)} == counts_of(*order)
            assert ["a", "a (2)", "b"] == list(counts_of(*order))

    def test_is_the_same_in_any_order(self) -> None:
        """Workers finish in any order. Policies are sorted by id, rules as in the longest variant."""
        policy = Policy("p", [Rule(code, FLAG) for code in "abc"])
        variants = [policy.without("a"), policy, Policy("p", [*policy.rules[::-1]]), Policy("o", policy.rules)]
        data = [count(variant, MET) for variant in variants]
        (lines,) = {tuple(report(add_up(*order))) for order in permutations(data)}
        assert ["o", "p"] == [line[0] for line in lines if " of 3 rules" in line]
        assert list("abc") == list(add_up(*data)[1].rules)

    def test_is_complete_if_each_process_has_a_part(self) -> None:
        """An outcome that one process never had, another one had."""
        policy = Policy("p", [Rule("a", FLAG)])
        assert {} == missing(count(policy, MET), count(policy, NO_FLAG))
        assert 1 == add_up(count(policy, MET), count(policy, NO_FLAG))[0].covered

    def test_is_sent_as_plain_data(self) -> None:
        """It needs none of the host's classes: JSON has the same types as the channel between workers."""
        data = count(ESCALATE_TO_VIDEO, ALLOWED, *DENIED)
        assert json.loads(json.dumps(data)) == [list(each) for each in data]


class TestHints:
    """How to give a rule the outcome that it never had."""

    @pytest.mark.slow
    def test_name_a_call_that_makes_the_request(self) -> None:
        """Each call does what it promises."""
        hints = missing(count(ESCALATE_TO_VIDEO, ALLOWED))
        assert {f"{code} decisive": f'a_request(denied_by="{code}")' for code in ESCALATE_TO_VIDEO} == hints
        requests = [eval(hint, {"a_request": a_request}) for hint in hints.values()]  # noqa: S307
        assert {} == missing(count(ESCALATE_TO_VIDEO, ALLOWED, *requests))

    def test_name_a_call_that_makes_an_allowed_request(self) -> None:
        """No request of the tests has met the rule."""
        hints = missing(count(SSO, a_request(login=Login.PASSWORD)))
        assert {"ringcentral_sso met": "a_request(policy=policy)"} == hints

    def test_name_the_policy_for_a_variant(self) -> None:
        """Rules of the variant may deny what the built-in policy denies for one reason only."""
        hints = missing(count(ESCALATE_TO_VIDEO.without("twitter_private").with_rules(OPEN), ALLOWED))
        assert 'a_request(denied_by="video_access", policy=policy)' == hints["video_access decisive"]
        assert "a_request(policy=policy)" == hints["open met"]

    @pytest.mark.parametrize(
        "policy",
        [
            Policy("other", ESCALATE_TO_VIDEO.rules),
            ESCALATE_TO_VIDEO.replace(Rule("ringcentral_sso", ~fact(lambda r: r.login).equals(Login.PASSWORD))),
        ],
        ids=["another id", "another condition"],
    )
    def test_name_the_policy_if_it_only_looks_like_the_built_in_one(self, policy: Policy) -> None:
        """The same code is not the same rule."""
        hints = missing(count(policy, ALLOWED))
        assert 'a_request(denied_by="ringcentral_sso", policy=policy)' == hints["ringcentral_sso decisive"]

    def test_say_why_there_is_no_call(self) -> None:
        """A rule that another rule implies can never be decisive, and should go."""
        enabled = fact(lambda r: r.agent.enabled).is_true()
        policy = Policy("p", [Rule("a", enabled), Rule("b", enabled | context("open", bool).is_true())])
        hint = missing(count(policy, ALLOWED))["b decisive"]
        assert "no request that policy 'p' denies by exactly b" in hint

    def test_ask_for_requests_of_a_hosts_own_type(self) -> None:
        """There are no builders for these."""
        expected = {"a met": "a Sample that meets this rule is missing"}
        assert expected == missing(count(Policy("p", [Rule("a", FLAG)]), NO_FLAG))
        expected = {"a decisive": "a Sample that is denied by this rule alone is missing"}
        assert expected == missing(count(Policy("p", [Rule("a", FLAG)]), MET))


class TestReport:
    """The report for the terminal."""

    POLICY: Final = Policy("p", [Rule("a", FLAG), Rule("long_code", NUMBER)])

    def test_has_a_table_for_each_policy_and_the_sum(self) -> None:
        """Each policy with its share, its rules in order, and what is missing."""
        policies = add_up(count(self.POLICY, MET, NO_FLAG), count(Policy("q", self.POLICY.rules), MET))
        assert [
            "p: 1 of 2 rules covered, 50.0 %",
            "  rule       met  unmet  unknown  error  decisive",
            "  a            1      1        0      0         1",
            "  long_code    2      0        0      0         0",
            "  long_code was never decisive: a Sample that is denied by this rule alone is missing",
            "q: 0 of 2 rules covered, 0.0 %",
            "  rule       met  unmet  unknown  error  decisive",
            "  a            1      0        0      0         0",
            "  long_code    1      0        0      0         0",
            "  a was never decisive: a Sample that is denied by this rule alone is missing",
            "  long_code was never decisive: a Sample that is denied by this rule alone is missing",
            "all policies: 1 of 4 rules covered, 25.0 %",
        ] == report(policies)

    def test_makes_columns_wide_enough(self) -> None:
        """The counts of a long run do not push the columns apart."""
        counts = DecisionCounts(())
        for _ in range(12345):
            counts.add(self.POLICY, self.POLICY.decide(MET))
        head, first = report(add_up(counts.to_data()))[1:3]
        assert ["  rule         met  unmet", "  a          12345      0"] == [head[:25], first[:25]]

    def test_rounds_shares_down(self) -> None:
        """Only full coverage is 100 %, and of nothing there is no share."""
        policy = Policy("p", [Rule(f"r{number}", FLAG) for number in range(2000)])
        policies = add_up(count(policy, MET))
        rules = list(policies[0].rules.values())
        for rule in rules[1:]:
            rule.counts["decisive"] = 1
        assert 99.9 == percent(policies)
        rules[0].counts["decisive"] = 1
        assert 100.0 == percent(policies)
        assert 0.0 == percent([])
