"""Rule coverage: what is counted, what is missing, and how it is put down."""

import json
import sys
from itertools import permutations
from threading import Thread
from typing import Any, Final, cast
from weakref import WeakSet

import attrs
import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    Domain,
    Facts,
    Login,
    Policy,
    Rule,
    VideoAccess,
    context,
    fact,
    predicate,
)
from escalation_policy.testing import a_request
from escalation_policy.testing._coverage import OUTCOMES, Coverage, Data, Figures, Tallies
from escalation_policy.testing._coverage_reports import as_json, as_lines, as_markdown, percent
from support import ALLOWED, SAMPLE, Sample

FLAG: Final = SAMPLE(lambda r: r.flag).is_true()
NUMBER: Final = SAMPLE(lambda r: r.number).equals(1)
MET: Final = Sample()
NO_FLAG: Final = Sample(flag=False)
OPEN: Final = Rule("open", context("open", bool).is_true())
#: What the built-in policy denies, for one reason or for many, and for every status.
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
#: A module's name for a policy is what its reports call it.
NAMED_POLICY: Final = Policy("named", [OPEN])
_LATER_NAME: Final = NAMED_POLICY


def explode(_: object) -> bool:
    """Raises."""
    raise ValueError


def tallied(policy: Policy[Any], *requests: Any) -> Data:
    """Count what one policy decides."""
    tallies = Tallies(())
    for request in requests:
        tallies.add(policy, policy.decide(request))
    return tallies.data()


def summed(*data: Data) -> list[Figures]:
    """Sums up what processes told."""
    coverage = Coverage()
    for each in data:
        coverage.add(each)
    return coverage.figures()


def counts(*data: Data) -> dict[str, tuple[int, ...]]:
    """Gives the five counts of each rule of the one policy there is."""
    (figures,) = summed(*data)
    return {label: tuple(row.counts[each] for each in OUTCOMES) for label, row in figures.rows.items()}


def missing(*data: Data) -> dict[str, tuple[str | None, str | None]]:
    """Gives the call that makes what is missing, or why there is none, for each rule of the one policy there is."""
    (figures,) = summed(*data)
    return {
        f"{label} {outcome}": attrs.astuple(example)
        for label, row in figures.rows.items()
        for outcome, example in row.missing.items()
    }


class TestTally:
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
        ids=["met", "unmet", "absent", "unknown", "mismatch", "raises", "predicate", "unsettled", "another type"],
    )
    def test_counts_each_outcome(self, condition: Any, request_: Any, expected: tuple[int, ...]) -> None:
        """A rule that is alone in the way is decisive however it came out."""
        assert {"r": expected} == counts(tallied(Policy("p", [Rule("r", condition)]), request_))

    def test_finds_none_decisive_where_two_are_in_the_way(self) -> None:
        """Mending one of them would change nothing."""
        policy = Policy("p", [Rule("a", FLAG), Rule("b", NUMBER)])
        requests = [MET, NO_FLAG, Sample(number=2), Sample(flag=False, number=2), Sample(flag=False, number=2)]
        assert {"a": (2, 3, 0, 0, 1), "b": (2, 3, 0, 0, 1)} == counts(tallied(policy, *requests))

    @pytest.mark.parametrize("extra", [(), (Rule("asked", SAMPLE.predicate("holds", lambda _: True)),)])
    def test_leaves_out_of_account_what_is_hidden(self, extra: tuple[Rule[Sample], ...]) -> None:
        """A rule after the only reason, directly or through others, is not met either, but is not in the way."""
        rules = [Rule("c", NUMBER, after=["b"]), Rule("b", NUMBER | FLAG, after=["a"]), Rule("a", FLAG), *extra]
        expected = {"c": (0, 1, 0, 0, 0), "b": (0, 1, 0, 0, 0), "a": (0, 1, 0, 0, 1)}
        told = counts(tallied(Policy("p", rules), Sample(flag=False, number=2)))
        assert expected == {code: told[code] for code in "cba"}

    def test_lets_requests_go(self) -> None:
        """A long run keeps a few of them only."""
        tallies, policy, kept = Tallies(()), Policy("p", [Rule("r", FLAG)]), WeakSet[Sample]()
        for number in range(1000):
            request = Sample(flag=False, number=number)
            kept.add(request)
            tallies.add(policy, policy.decide(request))
        assert 300 > len(kept)

    def test_asks_no_predicate_again(self) -> None:
        """A decision knows what predicates answered."""
        asked: list[object] = []

        def refuse(request: object) -> bool:
            asked.append(request)
            return False

        policy = Policy("p", [Rule("r", SAMPLE.predicate("refuses", refuse))])
        assert {"r": (0, 1, 0, 0, 1)} == counts(tallied(policy, MET))
        assert 1 == len(asked)

    def test_counts_what_was_decided(self) -> None:
        """Whatever predicates and mappings say later."""
        answers = iter([False, True])
        policy = Policy("p", [Rule("r", SAMPLE.predicate("wavers", lambda _: next(answers)))])
        assert {"r": (1, 1, 0, 0, 1)} == counts(tallied(policy, MET, MET))
        policy = Policy("p", [Rule("r", SAMPLE.context("open", bool).is_true())])
        request = Sample(context={"open": False})
        tallies = Tallies(())
        tallies.add(policy, policy.decide(request))
        request.context.clear()
        tallies.add(policy, policy.decide(request))
        assert {"r": (0, 1, 1, 0, 2)} == counts(tallies.data())

    def test_loses_nothing_that_threads_add(self) -> None:
        """Each denial is counted once, whoever made it, the first ones too."""
        tallies, policies = Tallies(()), [Policy(f"p{number}", [Rule("r", FLAG)]) for number in range(200)]

        def add() -> None:
            for policy in policies:
                for _ in range(20):
                    tallies.add(policy, policy.decide(NO_FLAG))

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
        assert {160} == {figures.rows["r"].counts["decisive"] for figures in summed(tallies.data())}


class TestTallies:
    """Which policies are counted, and which of them together."""

    def test_count_only_policies_that_are_asked_for(self) -> None:
        """Policies that tests make to throw away are nobody's business."""
        tallies = Tallies(["b"])
        for id_ in "abc":
            policy = Policy(id_, [Rule("r", FLAG)])
            tallies.add(policy, policy.decide(MET))
        assert ["b"] == [each.id for each in summed(tallies.data())]

    def test_keep_types_of_request_apart(self) -> None:
        """Fingerprints have their names only, and a request of the one type is a stranger to the other."""
        other: Any = attrs.make_class("Sample", {"flag": attrs.field(type=bool)}, frozen=True)
        tallies = Tallies(())
        theirs = Facts(cast("type[Sample]", other))
        for flag, request in ((FLAG, NO_FLAG), (theirs(lambda r: r.flag).is_true(), other(flag=False))):
            policy: Policy[Any] = Policy("p", [Rule("r", flag)])
            tallies.add(policy, policy.decide(request))
        assert {"r": (0, 2, 0, 0, 2)} == counts(tallies.data())

    def test_keep_no_policy_that_means_what_another_does(self) -> None:
        """A fixture may make the same policy ten thousand times."""
        tallies = Tallies(())
        for _ in range(3):
            policy = Policy("p", [Rule("r", FLAG)])
            tallies.add(policy, policy.decide(MET))
        assert 1 == len(tallies.data())
        assert {"r": (4, 0, 0, 0, 0)} == counts(tallies.data())


class TestCoverage:
    """What several processes told, and several variants of a policy."""

    def test_lets_variants_share_what_they_share(self) -> None:
        """A rule that is dropped or added leaves the others as they are."""
        policy = Policy("p", [Rule("a", FLAG), Rule("b", NUMBER, after=["a"])])
        variants = [policy, policy.without("a"), policy.with_rules(Rule("c", FLAG))]
        expected = {"a": (0, 2, 0, 0, 1), "b": (3, 0, 0, 0, 0), "c": (0, 1, 0, 0, 0)}
        assert expected == counts(*(tallied(each, NO_FLAG) for each in variants))

    def test_numbers_conditions_under_one_code(self) -> None:
        """A rule that was replaced is another one, whichever came first."""
        policy = Policy("p", [Rule("a", FLAG), Rule("b", NUMBER)])
        told = [tallied(policy, MET), tallied(policy.replace(Rule("a", ~FLAG)), MET)]
        for each in permutations(told):
            (figures,) = summed(*each)
            requires = {label: row.requires for label, row in figures.rows.items()}
            assert {"a": "flag is true", "a (2)": "flag is false", "b": "number equals 1"} == requires
            assert ["a", "a (2)", "b"] == list(requires)

    def test_comes_out_the_same_in_any_order(self) -> None:
        """Workers finish as they like; policies stand by id, rules as in the longest variant."""
        policy = Policy("p", [Rule(code, FLAG) for code in "abc"])
        variants = [policy.without("a"), policy, Policy("p", [*policy.rules[::-1]]), Policy("o", policy.rules)]
        told = [tallied(each, MET) for each in variants]
        (only,) = {as_json(summed(*each), complete=True) for each in permutations(told)}
        assert ["o", "p"] == [each["id"] for each in json.loads(only)["policies"]]
        assert list("abc") == [rule["code"] for rule in json.loads(only)["policies"][1]["rules"]]

    def test_is_complete_when_each_process_has_a_part(self) -> None:
        """What one has never seen, another has."""
        policy = Policy("p", [Rule("a", FLAG)])
        assert {} == missing(tallied(policy, MET), tallied(policy, NO_FLAG))
        assert 1 == summed(tallied(policy, MET), tallied(policy, NO_FLAG))[0].covered

    def test_travels_as_plain_data(self) -> None:
        """Nothing of it needs the host's classes; json knows the same types as the channel between workers."""
        data = tallied(ESCALATE_TO_VIDEO, ALLOWED, *DENIED)
        assert json.loads(json.dumps(data)) == [list(each) for each in data]


class TestMissing:
    """How to make a rule what it never was."""

    def test_names_a_call_that_makes_the_request(self) -> None:
        """Each of them keeps its word."""
        told = missing(tallied(ESCALATE_TO_VIDEO, ALLOWED))
        assert {f"{code} decisive": (f'a_request(denied_by="{code}")', None) for code in ESCALATE_TO_VIDEO} == told
        requests = [eval(call or "", {"a_request": a_request}) for call, _ in told.values()]  # noqa: S307
        assert {} == missing(tallied(ESCALATE_TO_VIDEO, ALLOWED, *requests))

    def test_names_a_call_that_makes_an_allowed_request(self) -> None:
        """A rule that nothing has ever met may be one that nothing can meet."""
        told = missing(tallied(SSO, a_request(login=Login.PASSWORD)))
        assert {"ringcentral_sso met": ("a_request(policy=SSO)", None)} == told

    def test_names_the_policy_for_a_variant(self) -> None:
        """What the built-in policy denies by one rule alone, a variant may deny by rules of its own too."""
        told = missing(tallied(ESCALATE_TO_VIDEO.without("twitter_private").with_rules(OPEN), ALLOWED))
        assert ('a_request(denied_by="video_access", policy=policy)', None) == told["video_access decisive"]
        assert ("a_request(policy=policy)", None) == told["open met"]

    @pytest.mark.parametrize(
        "policy",
        [
            Policy("other", ESCALATE_TO_VIDEO.rules),
            ESCALATE_TO_VIDEO.replace(Rule("ringcentral_sso", ~fact(lambda r: r.login).equals(Login.PASSWORD))),
        ],
        ids=["another id", "another condition"],
    )
    def test_names_a_policy_for_what_only_looks_known(self, policy: Policy) -> None:
        """The same code is not the same rule."""
        told = missing(tallied(policy, ALLOWED))
        call = 'a_request(denied_by="ringcentral_sso", policy=policy)'
        assert (call, None) == told["ringcentral_sso decisive"]

    def test_names_a_policy_as_its_module_does(self) -> None:
        """That is what stands in the test beside it."""
        told = (
            missing(tallied(NAMED_POLICY, "no request")),
            missing(tallied(NAMED_POLICY, a_request(policy=NAMED_POLICY))),
        )
        assert {"open met": ("a_request(policy=NAMED_POLICY)", None)} == told[0]
        assert {"open decisive": ('a_request(denied_by="open", policy=NAMED_POLICY)', None)} == told[1]

    def test_takes_no_policy_for_another(self) -> None:
        """One of the same rules and another id has a name of its own, or none."""
        told = missing(tallied(Policy("nameless", NAMED_POLICY.rules), "no request"))
        assert {"open met": ("a_request(policy=policy)", None)} == told

    def test_says_why_there_is_no_call(self) -> None:
        """A rule that another one implies can never be decisive, and should go."""
        enabled = fact(lambda r: r.agent.enabled).is_true()
        policy = Policy("p", [Rule("a", enabled), Rule("b", enabled | context("open", bool).is_true())])
        call, why = missing(tallied(policy, ALLOWED))["b decisive"]
        assert None is call
        assert "no request that policy 'p' denies by exactly b" in str(why)

    def test_asks_for_requests_of_a_hosts_own_type(self) -> None:
        """There are no builders for those."""
        expected = {"a met": (None, "a Sample that meets this rule is missing")}
        assert expected == missing(tallied(Policy("p", [Rule("a", FLAG)]), NO_FLAG))
        expected = {"a decisive": (None, "a Sample that is denied by this rule alone is missing")}
        assert expected == missing(tallied(Policy("p", [Rule("a", FLAG)]), MET))


class TestReports:
    """The same figures for a terminal, a page and a program."""

    POLICY: Final = Policy("p", [Rule("a", FLAG), Rule("long_code", NUMBER)])
    FIGURES: Final = summed(tallied(POLICY, MET, NO_FLAG), tallied(Policy("q", POLICY.rules), MET))

    def test_draw_a_table_for_the_terminal(self) -> None:
        """Each policy with its share, its rules in order, and what they lack."""
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
        ] == as_lines(self.FIGURES)

    def test_make_wide_counts_fit(self) -> None:
        """A long run does not push the columns apart."""
        tallies = Tallies(())
        for _ in range(12345):
            tallies.add(self.POLICY, self.POLICY.decide(MET))
        (figures,) = summed(tallies.data())
        head, first = as_lines([figures])[1:3]
        assert ["  rule         met  unmet", "  a          12345      0"] == [head[:25], first[:25]]

    def test_write_a_page(self) -> None:
        """With the conditions in words, and the calls as code."""
        figures = summed(tallied(SSO, ALLOWED))
        expected = """\
# Policy coverage

0 of 1 rules covered, 0.0 %.

## escalate_to_video

0 of 1 rules covered, 0.0 %.

| rule | requires | met | unmet | unknown | error | decisive |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
| `ringcentral_sso` | login equals ringcentral_sso | 1 | 0 | 0 | 0 | 0 |

- `ringcentral_sso` was never decisive: `a_request(denied_by="ringcentral_sso", policy=SSO)`
"""
        assert expected == as_markdown(figures, complete=True)
        warned = "incomplete: a worker stopped, and what it had decided is not counted.\n\n## escalate_to_video"
        assert expected.replace("## escalate_to_video", warned) == as_markdown(figures, complete=False)

    def test_write_a_page_that_ends_with_the_last_table(self) -> None:
        """Where nothing is missing, nothing is said of it."""
        assert as_markdown(summed(tallied(Policy("p", [Rule("a", FLAG)]), MET, NO_FLAG)), complete=True).endswith(
            "| `a` | flag is true | 1 | 1 | 0 | 0 | 1 |\n"
        )

    def test_hold_whatever_names_hosts_give(self) -> None:
        """A table stays a table, and a file can be written."""
        name = "a|b\n`c` *d* <e> [f] \\ \ud800"
        figures = summed(tallied(Policy("p", [Rule("a", predicate(name, lambda _: False))]), ALLOWED))
        page = as_markdown(figures, complete=True)
        assert r"| `a` | a\|b \`c\` \*d\* \<e> \[f] \\ \\ud800 holds | 0 | 1 | 0 | 0 | 1 |" in page
        assert page.encode()
        assert (
            "a|b\n`c` *d* <e> [f] \\ \\ud800 holds"
            in json.loads(as_json(figures, complete=True).encode())["policies"][0]["rules"][0]["requires"]
        )

    def test_write_a_document(self) -> None:
        """Its keys are part of what hosts rely on."""
        text = as_json(self.FIGURES, complete=False)
        document = json.loads(text)
        assert text == json.dumps(document, indent=2, sort_keys=True) + "\n"
        policies = document.pop("policies")
        assert {
            "schema": "escalation_policy.policy_coverage/1",
            "complete": False,
            "covered": 1,
            "rules": 4,
            "percent": 25.0,
        } == document
        assert [("p", 1, 50.0), ("q", 0, 0.0)] == [(each["id"], each["covered"], each["percent"]) for each in policies]
        assert {"id", "covered", "percent", "rules"} == set(policies[0])
        why = "a Sample that is denied by this rule alone is missing"
        assert {
            "code": "long_code",
            "label": "long_code",
            "requires": "number equals 1",
            "met": 2,
            "unmet": 0,
            "unknown": 0,
            "error": 0,
            "decisive": 0,
            "covered": False,
            "missing": {"decisive": {"call": None, "why": why}},
        } == policies[0]["rules"][1]

    def test_call_nothing_whole_that_is_not(self) -> None:
        """Shares are rounded down; of nothing there is no share."""
        policy = Policy("p", [Rule(f"r{number}", FLAG) for number in range(2000)])
        figures = summed(tallied(policy, MET))
        rows = list(figures[0].rows.values())
        for row in rows[1:]:
            row.counts["decisive"] = 1
        assert 99.9 == percent(figures)
        rows[0].counts["decisive"] = 1
        assert 100.0 == percent(figures)
        assert 0.0 == percent([])
