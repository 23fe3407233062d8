"""Policies: what they are made of, what they mean, and how a new one is made from an old one."""

import copy
import inspect
import pickle
import re
from typing import Any, Final

import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    Decision,
    EscalationRequest,
    Login,
    Party,
    Policy,
    Remedy,
    Rule,
    Step,
    Texts,
    context,
    fact,
    predicate,
)
from escalation_policy.exceptions import EscalationPolicyError, InvalidPolicyError
from escalation_policy.testing import a_request
from support import ALLOWED, SAMPLE, Sample, Size

FLAG = SAMPLE(lambda r: r.flag).is_true()
STEP: Final = Step(Party.AGENT, "Do it.")
#: Digests that are fixed for good.
ESCALATE: Final = "df479ab5a3734bc7a251de840d85fcd2"
CONTEXT: Final = "431356e402d722fcb6b583e5b82e1c23"


def rule(code: str, *after: str) -> Rule[Sample]:
    """Make a rule for tests in which only its code and place matter."""
    return Rule(code, FLAG, after=after)


def pure(_: object) -> bool:
    """Answers yes; it stands in a module, so that it can be pickled."""
    return True


def fingerprint(*rules: Rule[Any]) -> str:
    """Return the fingerprint of a policy made of these rules."""
    return Policy("p", rules).fingerprint


class TestPolicy:
    """A policy that exists can decide: everything wrong with it is found when it is made."""

    @pytest.mark.parametrize(
        ("id_", "rules", "message"),
        [
            ("p", [], "policy 'p' must have a non-empty collection of Rules, got an empty list"),
            ("p", "abc", "must have a non-empty collection of Rules, got a str"),
            ("p", None, "must have a non-empty collection of Rules, got None"),
            ("p", [rule("a"), FLAG], "must have a non-empty collection of Rules, got a list"),
            ("p", [rule("a"), rule("b"), rule("a")], "policy 'p' has more than one rule called a"),
            ("p", [rule("a", "b", "c")], "policy 'p': a comes after a rule that the policy does not have"),
            ("p", [rule("a", "a")], "rules come after each other in a circle, among a"),
            ("p", [rule("a", "c"), rule("b", "a"), rule("c", "b"), rule("d")], "in a circle, among a, b, c"),
            ("p", [rule("a", "b"), rule("b", "c"), rule("c", "b"), rule("d")], "in a circle, among a, b, c"),
            ("", [rule("a")], "the id of a policy must be made of ASCII letters, digits and _.:-, got an empty str"),
            (5, [rule("a")], "the id of a policy must be made of"),
            ("a\nb", [rule("a")], "got a str"),
        ],
        ids=[
            "no rules",
            "a str for rules",
            "None for rules",
            "a condition among rules",
            "two of one code",
            "after no rule",
            "after itself",
            "in a circle",
            "after a circle",
            "no id",
            "an int for an id",
            "a line break in the id",
        ],
    )
    def test_refuses_what_makes_no_sense(self, id_: Any, rules: Any, message: str) -> None:
        """A policy without rules would allow everybody, and rules in a circle would hide each other."""
        with pytest.raises(InvalidPolicyError, match=re.escape(message)):
            Policy(id_, rules)

    @pytest.mark.parametrize("version", ["", 1, 1.0], ids=repr)
    def test_refuses_a_version_that_is_no_text(self, version: Any) -> None:
        """None says that there is no version; an empty one would only look like it."""
        with pytest.raises(InvalidPolicyError, match="non-empty str or None as its version"):
            Policy("p", [rule("a")], version=version)

    def test_errors_are_value_errors_of_the_library(self) -> None:
        """Hosts that load rules catch them by either name."""
        with pytest.raises(ValueError, match="non-empty collection") as caught:
            Policy[Sample]("p", [])
        assert isinstance(caught.value, EscalationPolicyError)

    def test_maps_codes_to_rules_in_order(self) -> None:
        """It reads like a dict, and any iterable of rules will do, even one that can be read once."""
        policy = Policy("p", (rule(code) for code in "ba"))
        assert ["b", "a"] == list(policy) == [each.code for each in policy.rules]
        assert policy.rules[1] is policy["a"]
        assert (True, False) == ("a" in policy, "c" in policy)
        with pytest.raises(KeyError, match="c"):
            policy["c"]

    def test_is_a_value(self) -> None:
        """Policies are equal when they are made of the same, wherever they were made."""
        for policy in (ESCALATE_TO_VIDEO, Policy("p", [Rule("r", predicate("pure", pure))], version="2")):
            for same in (copy.copy(policy), copy.deepcopy(policy), pickle.loads(pickle.dumps(policy))):
                assert policy == same
                assert hash(policy) == hash(same)
                assert policy.fingerprint == same.fingerprint
        assert Policy("p", [rule("a")]) != Policy("q", [rule("a")])
        assert Policy("p", [rule("a")]) != Policy("p", [rule("a")], version="1")

    def test_cannot_be_changed(self) -> None:
        """Code that could set `allows` could allow everything."""
        policy: Any = ESCALATE_TO_VIDEO
        for name in ("id", "rules", "allows", "decide", "fingerprint", "more"):
            with pytest.raises(AttributeError):
                setattr(policy, name, pure)

    def test_shows_its_id_version_and_codes(self) -> None:
        """Which is what tells two policies apart in a log."""
        assert "<policy p: a, b>" == repr(Policy("p", [rule("a"), rule("b")]))
        assert "<policy p version 2: a>" == repr(Policy("p", [rule("a")], version="2"))


class TestMakingANewOne:
    """A policy never changes: each of these makes another one."""

    def test_with_rules_adds_at_the_end_and_keeps_the_rest(self) -> None:
        """A host's rules are reported after ours, and the old policy is still what it was."""
        policy = Policy("p", [rule("a")], version="1")
        more = policy.with_rules(rule("b", "a"), rule("c"))
        assert ["a", "b", "c"] == list(more)
        assert ("p", f"1+{more.fingerprint[:8]}") == (more.id, more.version)
        assert ["a"] == list(policy)

    def test_without_drops_the_code_from_the_others_after_too(self) -> None:
        """A rule cannot come after one that is gone; it is then reported by itself."""
        policy = Policy("p", [rule("a"), rule("b", "a"), rule("c", "a", "b")], version="1").without("a")
        assert [("b", ()), ("c", ("b",))] == [(each.code, each.after) for each in policy.rules]
        assert f"1+{policy.fingerprint[:8]}" == policy.version

    def test_without_what_it_has_not_is_refused(self) -> None:
        """A misspelled code would leave in force what somebody wanted gone."""
        with pytest.raises(
            InvalidPolicyError, match=r"no such rule \(did you mean agent_enabled\?\), only domain_linked"
        ):
            ESCALATE_TO_VIDEO.without("intervention_owned", "agent_enable")

    def test_without_all_its_rules_is_refused(self) -> None:
        """What is left would allow everybody."""
        with pytest.raises(InvalidPolicyError, match="non-empty collection"):
            Policy("p", [rule("a")]).without("a")

    def test_replace_keeps_place_dependents_id_and_version_and_takes_the_new_after(self) -> None:
        """Only the rule itself is another one, and it brings its own `after`."""
        policy = Policy("p", [rule("a"), rule("b", "a"), rule("c", "b")], version="1")
        replaced = policy.replace(Rule("b", ~FLAG))
        assert [("a", ()), ("b", ()), ("c", ("b",))] == [(each.code, each.after) for each in replaced.rules]
        assert "flag is false" == replaced["b"].requires.words()
        assert ("p", f"1+{replaced.fingerprint[:8]}") == (replaced.id, replaced.version)

    def test_replace_takes_a_rule(self) -> None:
        """And says so."""
        condition: Any = FLAG
        with pytest.raises(InvalidPolicyError, match="can only be replaced with a Rule, got a Condition"):
            Policy("p", [rule("a")]).replace(condition)

    def test_replace_what_it_has_not_is_refused(self) -> None:
        """A misspelled code would leave the old rule in force."""
        with pytest.raises(InvalidPolicyError, match="no such rule, only a"):
            Policy("p", [rule("a")]).replace(rule("nope"))

    def test_decides_by_the_new_rules(self) -> None:
        """The function of the old policy is not taken along."""
        request = a_request(intervention_agent_id="u2")
        assert not ESCALATE_TO_VIDEO.allows(request)
        assert ESCALATE_TO_VIDEO.without("intervention_owned").allows(request)
        either = ESCALATE_TO_VIDEO["ringcentral_sso"].requires | fact(lambda r: r.login).equals(Login.SAML)
        assert ESCALATE_TO_VIDEO.replace(Rule("ringcentral_sso", either)).allows(a_request(login=Login.SAML))
        closed = ESCALATE_TO_VIDEO.with_rules(Rule("hours", ~context("after_hours", bool).is_true()))
        assert not closed.allows(ALLOWED)
        assert closed.allows(a_request(context={"after_hours": False}))


class TestFingerprint:
    """A fingerprint says whether two policies mean the same."""

    def test_is_the_same_on_every_python(self) -> None:
        """Hosts store fingerprints and compare them years later; the digests are fixed for good."""
        actual = {
            "escalate_to_video": ESCALATE_TO_VIDEO.fingerprint,
            "context": fingerprint(
                Rule("r", context("caf\u00e9", str).one_of(["\u212a", "b"]) | ~context("n", int).equals(3))
            ),
        }
        assert {"escalate_to_video": ESCALATE, "context": CONTEXT} == actual

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (Rule("r", FLAG), Rule("r", FLAG, explanation="x", agent_text="y", source="z")),
            (Rule("r", FLAG & ~FLAG), Rule("r", ~FLAG & FLAG)),
            (
                Rule("r", FLAG & (SAMPLE(lambda r: r.number).equals(1) & ~FLAG)),
                Rule("r", (~FLAG & FLAG) & SAMPLE(lambda r: r.number).equals(1)),
            ),
            (
                Rule("r", SAMPLE(lambda r: r.size).one_of([Size.LARGE, Size.SMALL])),
                Rule("r", SAMPLE(lambda r: r.size).one_of((Size.SMALL, Size.LARGE))),
            ),
            (
                Rule("r", SAMPLE(lambda r: r.name).equals(SAMPLE(lambda r: r.part.text))),
                Rule("r", SAMPLE(lambda r: r.part.text).equals(SAMPLE(lambda r: r.name))),
            ),
            (Rule("r", SAMPLE.predicate("p", pure)), Rule("r", SAMPLE.predicate("p", lambda _: False))),
            (Rule("r", ~~FLAG), Rule("r", FLAG)),
        ],
        ids=["texts", "operands", "brackets", "constants", "sides", "what a predicate does", "negated twice"],
    )
    def test_ignores_texts_order_and_what_a_predicate_is_made_of(self, one: Rule[Any], other: Rule[Any]) -> None:
        """None of that changes an answer that we can see; a predicate is its name and version."""
        assert fingerprint(one) == fingerprint(other)

    def test_ignores_the_order_of_after_and_of_rules_and_the_policys_name(self) -> None:
        """Order decides the order of reasons, and a name decides nothing."""
        one = Policy("p", [rule("a"), rule("b"), rule("c", "a", "b")])
        assert one.fingerprint == Policy("q", [rule("c", "b", "a"), rule("b"), rule("a")], version="9").fingerprint

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (Rule("r", FLAG), Rule("s", FLAG)),
            (Rule("r", FLAG), Rule("r", ~FLAG)),
            (Rule("r", FLAG & ~FLAG), Rule("r", FLAG | ~FLAG)),
            (Rule("r", FLAG), Rule("r", SAMPLE(lambda r: r.flag).equals(True))),
            (Rule("r", SAMPLE(lambda r: r.number).equals(1)), Rule("r", SAMPLE(lambda r: r.number).equals(2))),
            (Rule("r", context("n", int).is_set()), Rule("r", context("n", bool).is_set())),
            (Rule("r", context("n", str).equals("1")), Rule("r", context("n", int).equals(1))),
            (Rule("r", context("n", int).equals(1)), Rule("r", context("n", bool).equals(True))),
            (Rule("r", SAMPLE.predicate("p", pure)), Rule("r", SAMPLE.predicate("q", pure))),
            (Rule("r", SAMPLE.predicate("p", pure)), Rule("r", SAMPLE.predicate("p", pure, version="2"))),
            (
                Rule("r", SAMPLE(lambda r: r.name).satisfies("p", pure)),
                Rule("r", SAMPLE(lambda r: r.part.text).satisfies("p", pure)),
            ),
            (
                Rule("r", SAMPLE(lambda r: r.sizes).subset_of(SAMPLE(lambda r: r.more_sizes))),
                Rule("r", SAMPLE(lambda r: r.more_sizes).subset_of(SAMPLE(lambda r: r.sizes))),
            ),
            (Rule("r", context("a", str).one_of(["b, 'c'"])), Rule("r", context("a", str).one_of(["b", "c"]))),
        ],
        ids=[
            "code",
            "sense",
            "and for or",
            "is true for equals true",
            "constant",
            "type of a context value",
            "text for a number",
            "number for a bool",
            "name of a predicate",
            "version of a predicate",
            "fact of a predicate",
            "which set is within which",
            "quotes in a constant",
        ],
    )
    def test_tells_apart_what_means_something_else(self, one: Rule[Any], other: Rule[Any]) -> None:
        """Everything that can change an answer changes the fingerprint, even if it looks alike in writing."""
        assert fingerprint(one) != fingerprint(other)

    def test_tells_apart_what_comes_after_what(self) -> None:
        """It decides which reasons are hidden."""
        assert fingerprint(rule("a"), rule("b")) != fingerprint(rule("a"), rule("b", "a"))


class TestVersions:
    """A derived policy is another edition, and says so."""

    POLICY: Final = Policy("p", [rule("a"), rule("b")], version="7")

    def test_end_with_digits_of_the_new_fingerprint(self) -> None:
        """Two editions of one version would be mixed up in a log."""
        derived = self.POLICY.without("b")
        assert f"7+{derived.fingerprint[:8]}" == derived.version

    def test_have_one_such_suffix(self) -> None:
        """However often a policy is derived; what the host wrote stays, a plus included."""
        policy = Policy("p", [rule("a"), rule("b")], version="7+host")
        twice = policy.without("b").with_rules(rule("c"))
        assert f"7+host+{twice.fingerprint[:8]}" == twice.version

    def test_stay_where_the_meaning_stays(self) -> None:
        """Texts and order mean nothing."""
        reordered = self.POLICY.without("a", version="7").with_rules(rule("a"), version=None)
        assert "7" == self.POLICY.replace(Rule("a", FLAG, explanation="Other words.")).version
        assert self.POLICY.fingerprint == reordered.fingerprint

    def test_can_be_given(self) -> None:
        """By hosts that number their editions."""
        derived = [
            self.POLICY.with_rules(rule("c"), version="8"),
            self.POLICY.without("b", version="8"),
            self.POLICY.replace(Rule("a", ~FLAG), version="8"),
        ]
        assert ["8"] * 3 == [policy.version for policy in derived]

    def test_are_none_if_there_was_none(self) -> None:
        """A host that names no versions does not want to see them."""
        assert Policy("p", [rule("a")]).with_rules(rule("b")).version is None


class TestTexts:
    """A policy in other words decides as before."""

    POLICY: Final = Policy(
        "p",
        [
            Rule("a", FLAG, explanation="It must be on.", agent_text="It is off.", remedy=Remedy((STEP,))),
            Rule("b", SAMPLE(lambda r: r.untold).is_true(), after=["a"]),
        ],
        version="1",
    )
    FRENCH: Final = {"a": Texts(explanation="Il doit être allumé.", agent_text="Il est éteint.")}

    def test_replace_the_words_of_a_rule(self) -> None:
        """What is not translated stays, and so do requirement and what was seen."""
        decision = self.POLICY.with_texts(self.FRENCH).decide(Sample(flag=False))
        (reason,) = decision.reasons
        assert ("Il doit être allumé.", "Il est éteint.") == (reason.explanation, reason.agent_text)
        assert ("flag is true", Remedy((STEP,))) == (reason.requirement, reason.remedy)
        step = Step(Party.AGENT, "Allumez-le.")
        texts = {"a": Texts(remedy=Remedy((step,)))}
        assert Remedy((step,)) == self.POLICY.with_texts(texts).decide(Sample(flag=False)).reasons[0].remedy

    def test_keep_meaning_version_and_fingerprint(self) -> None:
        """But the policy is another one: it says other things."""
        translated = self.POLICY.with_texts(self.FRENCH)
        assert (self.POLICY.fingerprint, "1") == (translated.fingerprint, translated.version)
        assert translated != self.POLICY

    def test_include_the_sentence_for_what_could_not_be_checked(self) -> None:
        """Derived policies, copies and pickles keep it."""
        translated = self.POLICY.with_texts({}, unchecked="Vérification impossible.")
        assert "Vérification impossible." == translated.unchecked
        assert translated != self.POLICY
        for policy in (
            translated,
            translated.without("a"),
            translated.with_rules(rule("c")),
            translated.with_texts(self.FRENCH),
            pickle.loads(pickle.dumps(translated)),
        ):
            reason = policy.decide(Sample()).reason("b")
            assert reason is not None
            assert "Vérification impossible." == reason.agent_text

    @pytest.mark.parametrize(
        ("texts", "unchecked", "message"),
        [
            ({"c": Texts()}, None, "policy p has no such rule, only a, b"),
            ({"a": "text"}, None, "texts must map codes of rules to Texts"),
            (["a"], None, "texts must map codes of rules to Texts, got a list"),
            ({}, "", "unchecked must be a non-empty str or None, got an empty str"),
            ({}, 5, "unchecked must be a non-empty str or None, got an int"),
        ],
        ids=["code", "str", "list", "empty", "int"],
    )
    def test_are_refused_if_they_make_no_sense(self, texts: Any, unchecked: Any, message: str) -> None:
        """A text that nobody would ever read is a mistake."""
        with pytest.raises(InvalidPolicyError, match=re.escape(message)):
            self.POLICY.with_texts(texts, unchecked=unchecked)

    def test_are_passed_by_keyword(self) -> None:
        """Two texts in a row would be mixed up."""
        positional: Any = Texts
        with pytest.raises(TypeError, match="positional"):
            positional("It must be on.", "It is off.")

    def test_are_strings_that_are_not_empty(self) -> None:
        """None keeps the rule's own."""
        wrong: Any = 5
        for text in ("", wrong):
            with pytest.raises(InvalidPolicyError, match=re.escape("Texts.agent_text must be a non-empty str or None")):
                Texts(agent_text=text)


class TestPrerequisites:
    """What hides behind what."""

    POLICY: Final = Policy("p", [rule("d", "c"), rule("c", "b"), rule("b", "a"), rule("a"), rule("e")])

    def test_are_direct_and_indirect(self) -> None:
        """For every order of the rules."""
        expected = {"a": set[str](), "b": {"a"}, "c": {"a", "b"}, "d": {"a", "b", "c"}, "e": set[str]()}
        assert expected == {code: self.POLICY.prerequisites(code) for code in self.POLICY}
        with pytest.raises(KeyError, match="nope"):
            self.POLICY.prerequisites("nope")

    @pytest.mark.parametrize(
        ("codes", "hidden"), [("", ""), ("d", ""), ("da", "d"), ("db", "d"), ("edcba", "dcb"), ("ce", ""), ("ea", "")]
    )
    def test_hide_rules(self, codes: str, hidden: str) -> None:
        """A rule hides behind any that comes before it, in the policy's order."""
        assert tuple(hidden) == self.POLICY.hidden_among(codes)

    def test_refuse_what_is_no_rule(self) -> None:
        """A misspelled code would hide nothing."""
        with pytest.raises(InvalidPolicyError, match="policy p has no such rule, only d, c"):
            self.POLICY.hidden_among(["a", "nope"])


class TestFunctions:
    """`allows` and `decide` are compiled, and look like methods."""

    def test_show_their_signature_and_docstring(self) -> None:
        """As `help()` and editors do."""
        assert ["request"] == list(inspect.signature(ESCALATE_TO_VIDEO.decide).parameters)
        assert (Decision, EscalationRequest) == (
            inspect.signature(ESCALATE_TO_VIDEO.decide).return_annotation,
            ESCALATE_TO_VIDEO.decide.__annotations__["request"],
        )
        assert bool is inspect.signature(ESCALATE_TO_VIDEO.allows).return_annotation
        assert "Policy.allows" == ESCALATE_TO_VIDEO.allows.__qualname__
        assert (ESCALATE_TO_VIDEO.allows.__doc__ or "").startswith("Return whether a request is allowed")
        assert (ESCALATE_TO_VIDEO.decide.__doc__ or "").startswith("Decide one request")

    def test_know_their_type_of_request(self) -> None:
        """Others are denied."""
        assert (EscalationRequest, Sample) == (ESCALATE_TO_VIDEO.request_type, Policy("p", [rule("a")]).request_type)
