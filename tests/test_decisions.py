"""Decisions: what they say, to whom, and what they keep to themselves."""

import copy
import json
import pickle
import subprocess
import sys
import threading
from enum import Enum
from functools import reduce
from pathlib import Path
from typing import Any, Final, cast

import attrs
import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    Decision,
    Effect,
    Evidence,
    Facts,
    Login,
    Party,
    Permission,
    Policy,
    Reason,
    ReasonStatus,
    Remedy,
    Rule,
    Step,
    VideoAccess,
    context,
    fact,
    predicate,
)
from escalation_policy.exceptions import EscalationDeniedError, EscalationPolicyError, InvalidValueError
from escalation_policy.testing import a_request
from support import ALLOWED, SAMPLE, Colour, Sample, Size

STEP: Final = Step(Party.AGENT, "Do it.")
OTHER_ACCOUNT: Final = a_request(account_id="999")
NO_FACTS: Final = a_request(login=Login.UNKNOWN, video=VideoAccess.UNKNOWN)
HERE: Final = Path(__file__)


def explode(_: object) -> bool:
    """Raise an error with an address in its message that nobody must see."""
    raise ValueError("ada@example.com")


#: What is said of it: type, file and line, which is the one after the docstring.
EXPLODED: Final = f"ValueError at {HERE}:{explode.__code__.co_firstlineno + 2}"


def silent(_: object) -> Any:
    """Forgets to answer, as a function without a `return` does."""
    return None


def reason_of(condition: Any, request: Any, **rule: Any) -> Reason:
    """Decides by one rule, and gives its reason."""
    return Policy("p", [Rule("r", condition, **rule)]).decide(request).reasons[0]


def seen_by(condition: Any, request: Any) -> list[tuple[str, ...]]:
    """Decide by one rule, and return fact, requirement and what was seen of each piece of evidence."""
    return [each[:3] for each in reason_of(condition, request).evidence]


class TestDecision:
    """A decision is an answer that can be kept, compared, sent and raised."""

    def test_is_true_when_allowed(self) -> None:
        """`if decision:`, `allowed` and `effect` never say different things."""
        allowed, denied = ESCALATE_TO_VIDEO.decide(ALLOWED), ESCALATE_TO_VIDEO.decide(OTHER_ACCOUNT)
        assert (True, True, Effect.ALLOW) == (bool(allowed), allowed.allowed, allowed.effect)
        assert (False, False, Effect.DENY) == (bool(denied), denied.allowed, denied.effect)

    def test_names_its_request_and_its_policy(self) -> None:
        """An audit asks later which edition of a policy made a decision."""
        policy = Policy("p", [Rule("r", SAMPLE(lambda r: r.flag).is_true())], version="7")
        request = Sample()
        decision = policy.decide(request)
        assert request is decision.request
        assert ("p", "7", policy.fingerprint) == (decision.policy_id, decision.policy_version, decision.fingerprint)

    def test_gives_all_rules_as_reasons_when_allowed(self) -> None:
        """A yes rests on every rule."""
        decision = ESCALATE_TO_VIDEO.decide(ALLOWED)
        assert list(ESCALATE_TO_VIDEO) == [reason.code for reason in decision.reasons]
        assert {ReasonStatus.MET} == {reason.status for reason in decision.reasons}
        assert ((), ()) == (decision.hidden, decision.remedies)

    def test_gives_the_rules_in_the_way_when_denied(self) -> None:
        """A rule that depends on one of them is hidden until that one is met."""
        decision = ESCALATE_TO_VIDEO.decide(
            a_request(ringcentral_account_id=None, login=Login.UNKNOWN, video=VideoAccess.UNKNOWN)
        )
        assert ["domain_linked", "video_access", "ringcentral_sso"] == [reason.code for reason in decision.reasons]
        assert ("extension_in_account",) == decision.hidden

    def test_hides_what_comes_after_a_reason_through_many_others(self) -> None:
        """However long the way is, and although every rule on it is met."""
        flag = SAMPLE(lambda r: r.flag).is_true()
        rules = [Rule(str(n), flag if 0 < n < 9 else ~flag, after=[str(n - 1)] if n else []) for n in range(10)]
        for ordered in (rules, rules[::-1]):
            decision = Policy("p", ordered).decide(Sample())
            assert (["0"], ("9",)) == ([reason.code for reason in decision.reasons], decision.hidden)

    def test_finds_one_reason(self) -> None:
        """A rule that is met in a denial is no reason for it, no more than a rule that is not there."""
        decision = ESCALATE_TO_VIDEO.decide(OTHER_ACCOUNT)
        assert decision.reasons[0] is decision.reason("extension_in_account")
        assert None is decision.reason("domain_linked") is decision.reason("no such code")

    def test_is_made_by_policies_only(self) -> None:
        """A decision without a request or an effect would fail when somebody reads it."""
        with pytest.raises(TypeError, match="decisions are made by Policy"):
            Decision()

    def test_reads_its_reasons_once(self) -> None:
        """They are made when somebody reads them first, and stay the same."""
        decision = ESCALATE_TO_VIDEO.decide(OTHER_ACCOUNT)
        assert decision.reasons is decision.reasons

    def test_lists_remedies_without_repeats(self) -> None:
        """If two rules have the same remedy, its steps are listed once."""
        remedy = Remedy((STEP,))
        policy = Policy("p", [Rule(code, SAMPLE(lambda r: r.flag).is_true(), remedy=remedy) for code in "ab"])
        assert (remedy,) == policy.decide(Sample(flag=False)).remedies

    def test_raises_if_denied(self) -> None:
        """The error carries the decision, and its message has codes only; it too comes from worker processes."""
        ESCALATE_TO_VIDEO.decide(ALLOWED).raise_if_denied()
        decision = ESCALATE_TO_VIDEO.decide(a_request(login=Login.PASSWORD, account_id="999"))
        with pytest.raises(EscalationDeniedError) as caught:
            decision.raise_if_denied()
        assert decision is caught.value.decision
        assert "deny escalate_to_video: extension_in_account (unmet), ringcentral_sso (unmet)" == str(caught.value)
        assert isinstance(caught.value, EscalationPolicyError)
        assert decision == pickle.loads(pickle.dumps(caught.value)).decision

    @pytest.mark.parametrize(
        "name", ["allowed", "effect", "reasons", "hidden", "request", "policy_id", "fingerprint", "more"]
    )
    def test_cannot_be_changed(self, name: str) -> None:
        """A decision that can be changed is evidence of nothing."""
        with pytest.raises(AttributeError):
            setattr(ESCALATE_TO_VIDEO.decide(OTHER_ACCOUNT), name, True)

    def test_equals_a_decision_that_says_the_same_of_the_same_request(self) -> None:
        """Effect, reasons, request and fingerprint count; the policy's name does not, and a bool is no decision."""
        decision = ESCALATE_TO_VIDEO.decide(OTHER_ACCOUNT)
        same = Policy("other", ESCALATE_TO_VIDEO.rules).decide(copy.deepcopy(OTHER_ACCOUNT))
        assert decision == same
        assert hash(decision) == hash(same)
        assert decision != ESCALATE_TO_VIDEO.decide(a_request(account_id="998"))
        assert decision != ESCALATE_TO_VIDEO.without("intervention_owned").decide(OTHER_ACCOUNT)
        assert decision != False  # noqa: E712  equality is the point

    def test_leads_its_repr_with_the_effect_and_the_codes(self) -> None:
        """Logs cut off the end of a line."""
        decision = ESCALATE_TO_VIDEO.decide(a_request(ringcentral=None))
        hidden = "hidden: extension_in_account, video_access; policy: escalate_to_video"
        assert f"<deny: extension_linked; {hidden}>" == repr(decision)
        assert repr(ESCALATE_TO_VIDEO.decide(ALLOWED)).startswith("<allow: domain_linked, ")


class TestReason:
    """A reason says what was required, what was seen, and who can fix it."""

    def test_says_what_was_required_and_what_was_seen(self) -> None:
        """The requirement comes from the condition and cannot go stale; the explanation is the rule's own."""
        reason = ESCALATE_TO_VIDEO.decide(a_request(login=Login.PASSWORD)).reasons[0]
        assert (Evidence("login", "equals ringcentral_sso", "password"),) == reason.evidence
        assert "login equals ringcentral_sso" == reason.requirement
        assert "The agent must be logged in with RingCentral SSO." == reason.explanation
        assert [
            reason.explanation,
            "Required: login equals ringcentral_sso.",
            "Seen: login = password.",
        ] == reason.lines()
        assert ESCALATE_TO_VIDEO["ringcentral_sso"].source == reason.source
        assert ESCALATE_TO_VIDEO["ringcentral_sso"].remedy == reason.remedy

    def test_has_the_agent_text_of_its_rule_whether_it_is_met_or_unmet(self) -> None:
        """Only what could not be checked has another one."""
        flag = SAMPLE(lambda r: r.flag).is_true()
        for value in (True, False):
            assert "It is off." == reason_of(flag, Sample(flag=value), agent_text="It is off.").agent_text
        unknown = SAMPLE(lambda r: r.untold).is_true()
        assert reason_of(unknown, Sample(), agent_text="It is off.").agent_text.startswith("This could not be checked.")

    def test_of_a_message_without_a_case_is_unknown(self) -> None:
        """Nobody supplied the case, which does not mean that there is no case."""
        request = attrs.evolve(ALLOWED, message=attrs.evolve(ALLOWED.message, intervention_id=None))
        (reason,) = ESCALATE_TO_VIDEO.decide(request).reasons
        assert ("message_in_intervention", ReasonStatus.UNKNOWN) == (reason.code, reason.status)

    def test_that_is_unknown_asks_the_developer_for_the_facts_first(self) -> None:
        """An unknown fact is the developer's to supply; the rule's own steps follow."""
        reason = reason_of(
            context("a", bool).is_true() & fact(lambda r: r.message.private).is_true(), ALLOWED, remedy=Remedy((STEP,))
        )
        assert ReasonStatus.UNKNOWN is reason.status
        supply = Step(Party.DEVELOPER, "Supply context.a, message.private.")
        assert Remedy((supply, STEP)) == reason.remedy
        assert reason.error is None

    def test_that_is_unknown_for_want_of_the_other_fact_names_that_one(self) -> None:
        """Supplying a fact that is already there would fix nothing."""
        reason = reason_of(SAMPLE(lambda r: r.name).equals(SAMPLE(lambda r: r.part.unknown)), Sample())
        assert Remedy((Step(Party.DEVELOPER, "Supply part.unknown."),)) == reason.remedy
        assert (Evidence("part.unknown", "is set", "unknown"),) == reason.evidence

    def test_that_is_an_error_asks_the_developer_to_mend_the_rule(self) -> None:
        """An error names type, file and line of what raised, and nothing of its message."""
        reason = reason_of(predicate("explode", explode), ALLOWED, remedy=Remedy((STEP,)))
        assert (ReasonStatus.ERROR, EXPLODED) == (reason.status, reason.error)
        assert Remedy((Step(Party.DEVELOPER, "Fix rule r, or what it is given."), STEP)) == reason.remedy
        assert (Evidence("explode", "holds", "error"),) == reason.evidence

    def test_of_a_predicate_that_gives_no_bool_names_where_it_stands(self) -> None:
        """Nothing was raised inside it, so that its first line is all there is to point to."""
        reason = reason_of(~predicate("silent", silent), ALLOWED)
        assert f"TypeError at {HERE}:{silent.__code__.co_firstlineno}" == reason.error
        assert (Evidence("silent", "does not hold", "None, not a bool"),) == reason.evidence

    def test_of_a_context_value_of_another_type_says_which(self) -> None:
        """`True` where a number was promised is the host's mistake, and no 1."""
        reason = reason_of(context("n", int).equals(1), a_request(context={"n": True}))
        assert (ReasonStatus.ERROR, "TypeError") == (reason.status, reason.error)
        assert (Evidence("context.n", "equals 1", "a bool, not an int"),) == reason.evidence

    def test_of_the_other_fact_names_that_one(self) -> None:
        """The developer fixes the wrong value, and not the fact that it was compared with."""
        reason = reason_of(fact(lambda r: r.agent.id).equals(context("owner", str)), a_request(context={"owner": 5}))
        assert (Evidence("context.owner", "is set", "an int, not a str"),) == reason.evidence

    def test_of_two_facts_names_both_if_neither_has_a_value(self) -> None:
        """Both have to be supplied. An error comes first: the missing fact may be there once it is fixed."""
        condition = fact(lambda r: r.intervention).then(lambda case: case.agent_id).equals(context("owner", str))
        assert (
            Evidence("intervention.agent_id", "equals context.owner", "not set", "context.owner"),
            Evidence("context.owner", "is set", "unknown"),
        ) == reason_of(condition, a_request(intervention=None)).evidence
        reason = reason_of(condition, a_request(intervention=None, context={"owner": 5}))
        assert (Evidence("context.owner", "is set", "an int, not a str"),) == reason.evidence

    def test_that_could_not_be_checked_does_not_tell_the_agent_otherwise(self) -> None:
        """Nobody looked up the video access, so it is not known to be missing."""
        decision = ESCALATE_TO_VIDEO.decide(NO_FACTS)
        texts = {reason.agent_text for reason in decision.reasons}
        assert {"This could not be checked. Please tell the administrator of this application."} == texts
        assert ESCALATE_TO_VIDEO["ringcentral_sso"].agent_text not in texts

    def test_of_what_is_no_request_says_what_it_was(self) -> None:
        """The host has mixed up its arguments, and the reason says so in place of a traceback."""
        stranger: Any = {"agent": "u1"}
        reason = ESCALATE_TO_VIDEO.decide(stranger).reasons[0]
        assert (Evidence("request", "is an EscalationRequest", "a dict"),) == reason.evidence
        assert "TypeError" == reason.error

    def test_that_is_met_has_no_remedy(self) -> None:
        """There is nothing to fix."""
        assert None is reason_of(SAMPLE(lambda r: r.flag).is_true(), Sample(), remedy=Remedy((STEP,))).remedy

    def test_that_is_unmet_has_the_rules_remedy_if_any(self) -> None:
        """The request is wrong and not the rule, so that the developer has no part in it."""
        unmet = SAMPLE(lambda r: r.flag).is_true()
        assert Remedy((STEP,)) == reason_of(unmet, Sample(flag=False), remedy=Remedy((STEP,))).remedy
        assert None is reason_of(unmet, Sample(flag=False)).remedy


#: Conditions, samples that they are asked of, and what the evidence is.
SHOWN: Final[list[tuple[Any, Sample, tuple[str, str, str]]]] = [
    (SAMPLE(lambda r: r.size).equals(Size.LARGE), Sample(), ("size", "equals large", "small")),
    (SAMPLE(lambda r: r.flag).is_true(), Sample(flag=False), ("flag", "is true", "false")),
    (~SAMPLE(lambda r: r.flag).is_true(), Sample(), ("flag", "is false", "true")),
    (SAMPLE(lambda r: r.number).equals(3), Sample(), ("number", "equals 3", "1")),
    (SAMPLE(lambda r: r.ratio).satisfies("big", lambda x: x > 1), Sample(), ("ratio", 'satisfies "big"', "0.5")),
    (SAMPLE(lambda r: r.name).equals("u"), Sample(), ("name", "equals 'u'", "another value")),
    (~SAMPLE(lambda r: r.name).equals("t"), Sample(), ("name", "differs from 't'", "set")),
    (SAMPLE(lambda r: r.name).one_of(["u"]), Sample(), ("name", "is one of 'u'", "another value")),
    (SAMPLE(lambda r: r.name).satisfies("long", lambda s: len(s) > 3), Sample(), ("name", 'satisfies "long"', "set")),
    (SAMPLE(lambda r: r.part.secret).equals("x"), Sample(), ("part.secret", "equals (a certain value)", "another value")),
    (SAMPLE(lambda r: r.part.secret).is_set(), Sample(), ("part.secret", "is set", "set")),
    (~SAMPLE(lambda r: r.part.secret).is_set(), Sample(), ("part.secret", "is not set", "set")),
    (SAMPLE(lambda r: r.maybe).is_true(), Sample(), ("maybe", "is true", "not set")),
    (SAMPLE(lambda r: r.maybe).is_set(), Sample(), ("maybe", "is set", "not set")),
    (SAMPLE(lambda r: r.untold).is_set(), Sample(), ("untold", "is set", "unknown")),
    (SAMPLE(lambda r: r.colour).equals(Colour.RED), Sample(colour=Colour.UNKNOWN), ("colour", "equals red", "unknown")),
    (SAMPLE(lambda r: r.spare).then(lambda p: p.text).equals("t"), Sample(), ("spare.text", "equals 't'", "not set")),
    (SAMPLE(lambda r: r.sizes).contains(Size.LARGE), Sample(), ("sizes", "contains large", "nothing")),
    (SAMPLE(lambda r: r.sizes).contains(Size.LARGE), Sample(sizes=frozenset({Size.SMALL})), ("sizes", "contains large", "small")),
    (SAMPLE(lambda r: r.names).contains("x"), Sample(names=frozenset({"y"})), ("names", "contains 'x'", "set")),
    (SAMPLE(lambda r: r.names).contains("x"), Sample(), ("names", "contains 'x'", "nothing")),
    (SAMPLE(lambda r: r.sizes).contains(SAMPLE(lambda r: r.size)), Sample(sizes=frozenset({Size.LARGE})), ("sizes", "contains size", "large")),
    (SAMPLE(lambda r: r.sizes).subset_of(SAMPLE(lambda r: r.more_sizes)), Sample(sizes=frozenset({Size.LARGE}), more_sizes=frozenset({Size.SMALL})), ("sizes", "is within more_sizes", "large")),
    (SAMPLE.predicate("open", lambda _: False), Sample(), ("open", "holds", "false")),
    (~SAMPLE.predicate("open", lambda _: True), Sample(), ("open", "does not hold", "true")),
    (SAMPLE(lambda r: r.flag).is_true(), Sample(flag=cast("Any", 1)), ("flag", "is true", "an int, not a bool")),
]  # fmt: skip


class TestEvidence:
    """Evidence is one fact: what was asked of it, and what stood there."""

    @pytest.mark.parametrize(
        ("condition", "request_", "expected"), SHOWN, ids=["{} {}, seen {}".format(*expected) for *_, expected in SHOWN]
    )
    def test_shows_enum_members_bools_and_numbers_only(
        self, condition: Any, request_: Sample, expected: tuple[str, str, str]
    ) -> None:
        """Ids, addresses and strings do not show."""
        assert [expected] == seen_by(condition, request_)

    def test_of_a_number_that_python_does_not_print_is_still_a_reason(self) -> None:
        """Putting in words what was seen never changes the answer."""
        huge = 10**5000
        condition = ~context("risk", int).equals(1) & ~context("risk", int).equals(huge + 1)
        decision = Policy("p", [Rule("r", condition)]).decide(a_request(context={"risk": huge}))
        assert (True, [ReasonStatus.MET]) == (decision.allowed, [reason.status for reason in decision.reasons])

    def test_shows_eight_members_of_a_set_in_full(self) -> None:
        """Only what is left out is counted."""
        eight = sorted(set(Permission) - {Permission.ESCALATE_TO_VIDEO})[:8]
        evidence = ESCALATE_TO_VIDEO.decide(a_request(permissions=eight)).reasons[0].evidence[0]
        assert ", ".join(eight) == evidence.seen

    def test_shows_at_most_eight_members_of_a_set(self) -> None:
        """A role can hold all permissions, and the line has to stay readable."""
        request = a_request(permissions=set(Permission) - {Permission.ESCALATE_TO_VIDEO})
        evidence = ESCALATE_TO_VIDEO.decide(request).reasons[0].evidence[0]
        assert evidence.seen.startswith("access_help_center, access_previous_messages, ")
        assert evidence.seen.endswith(", 63 more")

    @pytest.mark.parametrize(
        ("names", "word", "facts"),
        [
            (("false", "true"), "and", ["false"]),
            (("false", "error"), "and", ["false"]),
            (("unknown", "true"), "and", ["unknown"]),
            (("unknown", "absent"), "and", ["unknown", "absent"]),
            (("true", "true"), "and", ["true"]),
            (("false", "unknown"), "or", ["false", "unknown"]),
            (("true", "error"), "or", ["true"]),
            (("false", "absent"), "or", ["false", "absent"]),
        ],
        ids=lambda value: value if isinstance(value, str) else " ".join(value),
    )
    def test_is_of_the_tests_that_decided(self, names: tuple[str, str], word: str, facts: list[str]) -> None:
        """A false operand of `and` decides, regardless of the others, which are left out."""
        conditions = {
            "true": SAMPLE(lambda r: r.flag).is_true(),
            "false": SAMPLE(lambda r: r.number).equals(9),
            "absent": SAMPLE(lambda r: r.maybe).is_true(),
            "unknown": SAMPLE(lambda r: r.untold).is_true(),
            "error": SAMPLE.predicate("boom", explode),
        }
        named = {"flag": "true", "number": "false", "maybe": "absent", "untold": "unknown", "boom": "error"}
        left, right = (conditions[name] for name in names)
        evidence = reason_of(left & right if word == "and" else left | right, Sample()).evidence
        assert facts == [named[each.fact] for each in evidence]

    def test_an_error_that_did_not_decide_is_not_named(self) -> None:
        """Fixing it would change nothing."""
        false, unknown = SAMPLE(lambda r: r.number).equals(9), SAMPLE(lambda r: r.untold).is_true()
        reason = reason_of((false & SAMPLE.predicate("boom", explode)) | unknown, Sample())
        assert (ReasonStatus.UNKNOWN, None) == (reason.status, reason.error)


class TestExplain:
    """An explanation is for administrators and may be logged, unless somebody asks for the values."""

    REQUEST: Final = a_request(context={"region": "\x1b[31mUS"}, email="eve@example.com", account_id="999")
    POLICY: Final = ESCALATE_TO_VIDEO.with_rules(
        Rule("region", context("region", str).one_of(["EU"])),
        Rule("address", fact(lambda r: r.agent.email).equals("ada@example.com")),
        Rule("later", fact(lambda r: r.agent.email).is_set() & context("x", int).is_set(), after=["region"]),
        Rule("boom", predicate("boom", explode)),
    )
    SECRETS: Final = ["eve@example.com", "ada@example.com", "999", "664287016", "664307016", "31mUS"]

    def test_tells_the_verdict_each_reason_with_its_steps_and_what_is_hidden(self) -> None:
        """One line each, so that it can be searched."""
        decision = Policy("p", ESCALATE_TO_VIDEO.rules).decide(a_request(ringcentral=None))
        lines = decision.explain().splitlines()
        assert "deny p" == lines[0]
        assert lines[1].startswith("- extension_linked (unmet): The agent's profile must hold a RingCentral ID")
        assert lines[2].startswith("    ringcentral_administrator: Either import the users into Engage Digital")
        assert lines[3].startswith("    engage_administrator: If they were not imported: Users > Agents")
        assert "Hidden until these are fixed: extension_in_account, video_access" == lines[4]
        assert 5 == len(lines)

    def test_shows_no_value_that_is_not_revealed(self) -> None:
        """Neither what stood there nor what it was compared with, in anything that is usually logged."""
        decision = self.POLICY.decide(self.REQUEST)
        texts = [decision.explain(), repr(decision), str(decision.reasons), str(EscalationDeniedError(decision))]
        for secret in self.SECRETS:
            assert not [text for text in texts if secret in text]

    def test_reveals_values_by_name_and_escaped(self) -> None:
        """A string that a customer wrote must not steer the terminal; a pickled decision has kept its request."""
        decision = self.POLICY.decide(self.REQUEST)
        for same in (decision, pickle.loads(pickle.dumps(decision))):
            lines = same.explain(reveal=True).splitlines()
            assert "    agent.ringcentral.account_id = '999'" in lines
            assert "    domain.ringcentral_account_id = '664287016'" in lines
            assert r"    context.region = '\x1b[31mUS'" in lines
            assert "    agent.email = 'eve@example.com'" in lines

    def test_reveals_what_stands_under_a_name_with_dots(self) -> None:
        """A host may name what is in the context as it likes."""
        decision = Policy("p", [Rule("r", context("shop.region", str).equals("EU"))]).decide(
            a_request(context={"shop.region": "US"})
        )
        assert "    context.shop.region = 'US'" in decision.explain(reveal=True).splitlines()

    def test_names_where_a_rule_raised(self) -> None:
        """That is what the developer needs; the message could hold anything."""
        decision = Policy("p", [Rule("boom", predicate("boom", explode))]).decide(ALLOWED)
        assert f"- boom (error {EXPLODED}): Requires that boom holds." in decision.explain()

    def test_agent_texts_show_nothing_of_anybody(self) -> None:
        """What an agent reads holds no id, no address, nothing of an exception and no string of a rule."""
        for reason in self.POLICY.decide(self.REQUEST).reasons:
            assert not [each for each in (*self.SECRETS, "EU", "ValueError") if each in reason.agent_text]


class TestPickles:
    """Decisions and policies are sent to other processes and stored."""

    def test_of_a_decision_need_no_policy(self) -> None:
        """A decision outlives a policy whose predicates cannot be pickled, and still gives its reasons."""
        policy = Policy("p", [Rule("r", predicate("local", lambda _: False))], version="1")
        decision = policy.decide(ALLOWED)
        again: Decision[Any] = pickle.loads(pickle.dumps(decision))
        assert decision == again == copy.deepcopy(decision)
        assert ("p", "1", policy.fingerprint) == (again.policy_id, again.policy_version, again.fingerprint)
        assert decision.explain(reveal=True) == again.explain(reveal=True)
        with pytest.raises((pickle.PicklingError, AttributeError)):
            pickle.dumps(policy)

    def test_cross_processes(self) -> None:
        """Another process, with another hash seed, decides alike and has the same fingerprint."""
        policy = ESCALATE_TO_VIDEO.with_rules(
            Rule("z", ~context("a", bool).is_true() | context("b", str).one_of(["x", "y"]))
        )
        decision = policy.decide(OTHER_ACCOUNT)
        script = (
            "import pickle, sys; policy, decision = pickle.load(sys.stdin.buffer);"
            "assert policy.decide(decision.request) == decision;"
            "sys.stdout.buffer.write(pickle.dumps((policy, decision, policy.fingerprint)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            input=pickle.dumps((policy, decision)),
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)},
        )
        assert (policy, decision, policy.fingerprint) == pickle.loads(done.stdout)


class TestEnumsOfHosts:
    """Members that are equal in a way of their own."""

    def test_are_compared_alike_whoever_compares(self) -> None:
        """A denial has reasons, and an allowed request none that stands in the way."""

        class Shade(Enum):
            DARK = 1
            LIGHT = 2

            def __eq__(self, other: object) -> bool:
                return isinstance(other, Shade)

            def __hash__(self) -> int:
                return 0

        @attrs.frozen
        class Shaded:
            shade: Shade

        policy = Policy("shades", [Rule("dark", Facts(Shaded)(lambda r: r.shade).equals(Shade.DARK))])
        decision = policy.decide(Shaded(Shade.LIGHT))
        assert decision.allowed is all(reason.status is ReasonStatus.MET for reason in decision.reasons) is True


class TestThreads:
    """A service shares one policy among all its threads."""

    def test_may_share_a_policy_and_a_decision(self) -> None:
        """Reasons are made on the first question, which several threads may ask at once."""
        requests = [ALLOWED, OTHER_ACCOUNT, a_request(login=Login.PASSWORD), a_request(ringcentral=None)]
        policy = ESCALATE_TO_VIDEO.with_rules(Rule("pure", predicate("pure", lambda r: r.agent.enabled)))
        expected = [repr(policy.decide(request)) for request in requests]
        shared = [ESCALATE_TO_VIDEO.decide(request) for request in requests]
        wrong: list[object] = []

        def work() -> None:
            """Decide again and again, and note each decision that differs."""
            for number in range(400):
                index = number % len(requests)
                if expected[index] != repr(policy.decide(requests[index])):
                    wrong.append(index)
                if shared[index] != ESCALATE_TO_VIDEO.decide(requests[index]):
                    wrong.append(index)

        threads = [threading.Thread(target=work) for _ in range(8)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
        assert [] == wrong


def test_the_values_these_tests_vary_are_allowed() -> None:
    """Otherwise what these tests change would not be what they are denied for."""
    assert ESCALATE_TO_VIDEO.allows(ALLOWED)


class TestToDict:
    """A decision as plain data, for those who may see it."""

    POLICY: Final = Policy(
        "p",
        [
            Rule(
                "region",
                context("region", str).equals("EU-secret") & context("price", int).one_of([4711, 4712]),
                agent_text="Not here.",
                remedy=Remedy((STEP,)),
            ),
            Rule("number", context("n", int).equals(context("m", int))),
            Rule("later", predicate("never", lambda _: False), after=["region"]),
        ],
    )
    REQUEST: Final = a_request(context={"region": "canary", "price": 99887766, "n": 1, "m": 1})

    def test_for_agents_holds_what_they_read(self) -> None:
        """And nothing else, unless somebody asks for it."""
        decision = self.POLICY.decide(self.REQUEST)
        expected = {"allowed": False, "reasons": [{"code": "region", "status": "unmet", "agent_text": "Not here."}]}
        assert expected == decision.to_dict() == decision.to_dict("agent") == decision.to_dict(audience="agent")

    def test_for_administrators_adds_what_is_required_and_who_fixes_it(self) -> None:
        """Without what the condition compares with, and without what the request holds."""
        data = self.POLICY.decide(self.REQUEST).to_dict("administrator")
        assert {"allowed", "reasons", "hidden"} == data.keys()
        assert ["later"] == data["hidden"]
        (reason,) = data["reasons"]
        hidden = "(a certain value)"
        assert f"context.region equals {hidden} and context.price is one of {hidden}" == reason["requirement"]
        assert [
            {"fact": "context.region", "required": f"equals {hidden}", "seen": "another value", "compared_with": None},
            {
                "fact": "context.price",
                "required": f"is one of {hidden}",
                "seen": "another value",
                "compared_with": None,
            },
        ] == reason["evidence"]
        assert [{"party": "agent", "text": "Do it."}] == reason["remedy"]
        for text in ("canary", "99887766", "EU-secret", "4711"):
            assert text not in json.dumps(data)

    def test_shows_enum_members_and_bools_but_no_number(self) -> None:
        """Numbers of the request can be prices or ages."""
        condition = ~SAMPLE(lambda r: r.number).equals(1) | SAMPLE(lambda r: r.size).equals(Size.LARGE)
        (reason,) = Policy("p", [Rule("r", condition)]).decide(Sample()).to_dict("administrator")["reasons"]
        assert [("number", "set"), ("size", "small")] == [(each["fact"], each["seen"]) for each in reason["evidence"]]
        assert "number differs from (a certain value) or size equals large" == reason["requirement"]

    def test_is_json_of_any_decision(self) -> None:
        """One that was pickled, one that rests on an error, and one that allows, too."""
        for request in (self.REQUEST, a_request(), cast("Any", None)):
            decision = self.POLICY.decide(request)
            for each in (decision, pickle.loads(pickle.dumps(decision))):
                assert each.to_dict("administrator") == json.loads(json.dumps(decision.to_dict("administrator")))
        assert 16 == len(ESCALATE_TO_VIDEO.decide(ALLOWED).to_dict()["reasons"])

    def test_is_for_no_other_audience(self) -> None:
        """A slip must not show more, or less."""
        nobody: Any = "administrators"
        with pytest.raises(InvalidValueError, match='audience must be "agent" or "administrator", got a str'):
            ESCALATE_TO_VIDEO.decide(ALLOWED).to_dict(nobody)


class TestCaches:
    """Words that were made once are kept, and nothing that is personal."""

    def test_hold_no_personal_data_and_few_reasons(self) -> None:
        """However many requests there are."""
        name, flags = SAMPLE(lambda r: r.name), [SAMPLE.context(f"f{number}", bool) for number in range(10)]
        policy = Policy(
            "p", [Rule("name", name.equals("t")), *(Rule(f"f{n}", each.is_true()) for n, each in enumerate(flags))]
        )
        both = Policy("p", [Rule("all", reduce(lambda left, right: left & right, [each.is_true() for each in flags]))])
        for number in range(600):
            facts = {f"f{bit}": bool(number >> bit & 1) for bit in range(10)}
            assert policy.decide(Sample(name=f"canary{number}", context=facts)).reasons
            assert both.decide(Sample(context=facts)).reasons
        for each in (policy, both):
            caches: list[dict[Any, Any]] = [each._explainer._outcomes, *each._explainer._reasons]
            assert max(len(each) for each in caches) <= 256
            assert "canary" not in repr(caches)

    def test_hold_no_reason_that_shows_a_number(self) -> None:
        """There are too many."""
        policy = Policy("p", [Rule("r", SAMPLE(lambda r: r.number).equals(1))])
        assert ["2", "3"] == [policy.decide(Sample(number=n)).reasons[0].evidence[0].seen for n in (2, 3)]
        assert ([{}], {}) == (policy._explainer._reasons, policy._explainer._outcomes)
