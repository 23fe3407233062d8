"""`given()`: what remains of a policy if some facts of the request are values."""

from typing import Any, Final

import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    ChannelKind,
    InterventionState,
    Login,
    Permission,
    Policy,
    Rule,
    context,
    fact,
    predicate,
)
from escalation_policy.analysis import Outcome, Residual, given
from escalation_policy.exceptions import InvalidPolicyError, InvalidValueError
from escalation_policy.testing import an_agent
from support import ALLOWED, SAMPLE, Part, Sample, Size

DOMAIN: Final = fact(lambda r: r.domain)
AGENT: Final = fact(lambda r: r.agent)
CHANNEL: Final = fact(lambda r: r.message.channel)
KIND: Final = fact(lambda r: r.message.channel.kind)
PRIVATE: Final = fact(lambda r: r.message.private)
LOGIN: Final = fact(lambda r: r.login)
CASE: Final = fact(lambda r: r.intervention)
TEAMS: Final = fact(lambda r: r.agent.team_ids)
LED: Final = fact(lambda r: r.agent.led_team_ids)
PERMISSIONS: Final = fact(lambda r: r.agent.role.permissions)
EMAIL: Final = fact(lambda r: r.agent.email)
TEAM: Final = context("team", str)


def policy_of(*conditions: Any) -> Policy:
    """Make a policy of these rules, whose codes are letters."""
    return Policy("p", [Rule(code, condition) for code, condition in zip("abcdef", conditions, strict=False)])


def rest_of(condition: Any, values: Any) -> str | bool:
    """Return in words what remains of a condition: True if nothing remains, False if it cannot be met."""
    residual = given(policy_of(condition), values)
    if residual.policy is None:
        return residual.outcome is Outcome.ALWAYS
    return residual.policy["a"].requires.words(hidden=True)


class TestRest:
    """The rest of one condition."""

    @pytest.mark.parametrize(
        ("condition", "values", "rest"),
        [
            (LOGIN.equals(Login.RINGCENTRAL_SSO), {LOGIN: Login.RINGCENTRAL_SSO}, True),
            (LOGIN.equals(Login.RINGCENTRAL_SSO), {LOGIN: Login.PASSWORD}, False),
            (LOGIN.equals(Login.RINGCENTRAL_SSO), {LOGIN: Login.UNKNOWN}, False),
            (~LOGIN.equals(Login.RINGCENTRAL_SSO), {LOGIN: Login.UNKNOWN}, False),
            (LOGIN.equals(Login.RINGCENTRAL_SSO) & PRIVATE.is_true(), {PRIVATE: True}, "login equals ringcentral_sso"),
            (LOGIN.equals(Login.RINGCENTRAL_SSO) & PRIVATE.is_true(), {PRIVATE: None}, False),
            (LOGIN.equals(Login.RINGCENTRAL_SSO) | PRIVATE.is_true(), {PRIVATE: None}, "login equals ringcentral_sso"),
            (LOGIN.equals(Login.RINGCENTRAL_SSO) | PRIVATE.is_true(), {PRIVATE: True}, True),
            (~(LOGIN.equals(Login.PASSWORD) & PRIVATE.is_true()), {PRIVATE: True}, "login differs from password"),
            (PERMISSIONS.contains(Permission.USE_EMOJI), {PERMISSIONS: [Permission.USE_EMOJI]}, True),
            (EMAIL.is_set(), {EMAIL: None}, False),
            (~EMAIL.is_set(), {EMAIL: None}, True),
            (~PRIVATE.is_set(), {PRIVATE: None}, False),
            (~context("open", bool).is_set(), {context("open", bool): None}, False),
            (context("n", int).is_set(), {context("n", str): "1"}, False),
            (context("n", int).equals(1), {fact(lambda r: r.context): {"n": 1}}, True),
            (context("n", int).equals(1), {fact(lambda r: r.context): {}}, False),
        ],
    )
    def test_of_tests_of_one_fact(self, condition: Any, values: Any, rest: object) -> None:
        """What is unknown or absent is never met, nor is its negation, except for `is_set()`."""
        assert rest_of(condition, values) == rest

    def test_of_facts_of_a_part(self) -> None:
        """A part decides all of them, whether it is there or not."""
        is_open = CASE.then(lambda case: case.state).equals(InterventionState.OPEN)
        assert rest_of(is_open, {CASE: ALLOWED.intervention}) is True
        assert rest_of(is_open, {CASE: None}) is False
        assert rest_of(~CASE.then(lambda case: case.agent_id).is_set(), {CASE: None}) is True

    def test_of_a_part_with_a_known_fact(self) -> None:
        """If the fact has a value or is unknown, the part is there. If it is absent, nothing is known of the part."""
        case_id, assignee = CASE.then(lambda case: case.id), CASE.then(lambda case: case.agent_id)
        assert rest_of(CASE.is_set(), {case_id: "1"}) is True
        assert rest_of(~CASE.is_set(), {case_id: "1"}) is False
        assert rest_of(CASE.is_set(), {assignee: None}) == "intervention is set"
        user = fact(lambda r: r.agent.ringcentral)
        assert rest_of(user.is_set(), {user.then(lambda u: u.account_id): None}) is True

    def test_of_other_facts_of_that_part(self) -> None:
        """What is not there has no facts, so a part with a fact does not lack the others because it is not there."""
        user = fact(lambda r: r.agent.ringcentral)
        lacks_account = ~user.then(lambda u: u.account_id).is_set()
        assert rest_of(lacks_account, {user.then(lambda u: u.extension_id): "1"}) is False
        assert rest_of(lacks_account, {user.then(lambda u: u.email): None}) is not False

    def test_of_a_part_that_would_be_unknown(self) -> None:
        """If a fact is absent, nothing above it is unknown."""
        lost = SAMPLE(lambda s: s.lost)
        policy = Policy("p", [Rule("a", lost.is_set())])
        values = {lost.then(lambda part: part.absent): None}
        assert given(policy, values, like=Sample(lost=Part())).outcome is Outcome.ALWAYS

    @pytest.mark.parametrize(
        ("condition", "values", "rest"),
        [
            (CASE.then(lambda c: c.agent_id).equals(fact(lambda r: r.agent.id)), {AGENT: an_agent()}, "equals one"),
            (fact(lambda r: r.agent.id).equals(CASE.then(lambda c: c.agent_id)), {AGENT: an_agent()}, "equals one"),
            (~fact(lambda r: r.agent.id).equals(TEAM), {AGENT: an_agent()}, "differs from one"),
            (fact(lambda r: r.agent.id).equals(TEAM), {TEAM: None}, False),
            (~fact(lambda r: r.agent.id).equals(TEAM), {TEAM: None}, False),
            (TEAMS.contains(TEAM), {TEAM: "1"}, "contains one"),
            (~TEAMS.contains(TEAM), {TEAM: "1"}, "does not contain one"),
            (TEAMS.contains(TEAM), {TEAMS: {"1", "2"}}, "is one of one"),
            (~TEAMS.contains(TEAM), {TEAMS: {"1", "2"}}, "is none of one"),
            (TEAMS.contains(TEAM), {TEAMS: []}, False),
            (~TEAMS.contains(TEAM), {TEAMS: []}, "is set"),
            (TEAMS.subset_of(LED), {LED: {"1"}}, "is within one"),
            (TEAMS.subset_of(LED), {LED: []}, "is within nothing"),
            (~TEAMS.subset_of(LED), {LED: []}, "is not within nothing"),
            (TEAMS.subset_of(LED), {TEAMS: {"1", "2"}}, "contains one and contains one"),
            (~TEAMS.subset_of(LED), {TEAMS: {"1", "2"}}, "does not contain one or does not contain one"),
            (TEAMS.subset_of(LED), {TEAMS: []}, True),
            (~TEAMS.subset_of(LED), {TEAMS: []}, False),
            (TEAMS.equals(LED), {LED: {"1"}}, "is within one and contains one"),
            (~TEAMS.equals(LED), {LED: {"1"}}, "is not within one or does not contain one"),
            (TEAMS.equals(LED), {TEAMS: []}, "is within nothing"),
        ],
    )
    def test_of_tests_of_two_facts(self, condition: Any, values: Any, rest: object) -> None:
        """The known value becomes a constant, which words do not show."""
        words = rest_of(condition, values)
        if isinstance(words, str):
            for name in ("agent.id", "intervention.agent_id", "context.team", "agent.team_ids", "agent.led_team_ids"):
                words = words.replace(f"{name} ", "")
            words = words.replace("(a certain value)", "one")
        assert words == rest

    def test_shows_what_is_known_only_if_anybody_may_see_it(self) -> None:
        """Enum members are shown, strings are not."""
        condition = SAMPLE(lambda s: s.name).equals(SAMPLE(lambda s: s.part.text))
        policy = Policy("p", [Rule("a", condition & SAMPLE(lambda s: s.sizes).contains(SAMPLE(lambda s: s.size)))])
        rest = given(
            policy, {SAMPLE(lambda s: s.name): "canary", SAMPLE(lambda s: s.size): Size.LARGE}, like=Sample()
        ).policy
        assert rest is not None
        assert repr(rest["a"].requires) == ("<condition: part.text equals (a certain value) and sizes contains large>")
        denial = rest.decide(Sample(sizes=frozenset({Size.LARGE})))
        assert "canary" not in denial.explain(reveal=True)

    def test_of_a_function_of_a_known_fact(self) -> None:
        """It is asked once, and what it raises is an error."""
        calls: list[str] = []

        def is_short(value: str) -> bool:
            calls.append(value)
            return len(value) == 1

        question = fact(lambda r: r.agent.id).satisfies("is short", is_short)
        values = {fact(lambda r: r.agent.id): "1"}
        assert given(policy_of(question, question | LOGIN.is_set()), values) == Residual(Outcome.ALWAYS)
        assert calls == ["1"]
        assert rest_of(fact(lambda r: r.agent.id).satisfies("fails", lambda _: 1 / 0 > 1), values) is False

    def test_of_a_predicate(self) -> None:
        """It reads the whole request, so it stays."""
        assert rest_of(predicate("is late", lambda _: True), {AGENT: an_agent()}) == "is late holds"


class TestResidual:
    """The outcome, the rules in the way, and the rest."""

    def test_of_the_built_in_policy(self) -> None:
        """What is left depends on the login, the message and the case."""
        values: dict[Any, Any] = {DOMAIN: ALLOWED.domain, AGENT: ALLOWED.agent, CHANNEL: ALLOWED.message.channel}
        residual = given(ESCALATE_TO_VIDEO, values)
        assert residual.policy is not None
        assert (residual.outcome, residual.codes) == (Outcome.DEPENDS, ())
        assert tuple(residual.policy) == (
            *("ringcentral_sso", "customer_message"),
            *("agent_engaged", "message_in_intervention", "intervention_owned"),
        )
        assert residual.policy.decide(ALLOWED).allowed
        case = fact(lambda r: r.message)
        assert given(residual.policy, {LOGIN: ALLOWED.login, case: ALLOWED.message, CASE: ALLOWED.intervention}) == (
            Residual(Outcome.ALWAYS)
        )

    def test_of_rules_in_the_way(self) -> None:
        """Of those that come after another one in the way, nobody needs to know."""
        values: dict[Any, Any] = {fact(lambda r: r.agent.ringcentral): None, KIND: ChannelKind.EMAIL}
        assert given(ESCALATE_TO_VIDEO, values) == Residual(Outcome.NEVER, ("extension_linked", "channel_supported"))

    def test_of_nothing(self) -> None:
        """It is the policy itself."""
        assert given(ESCALATE_TO_VIDEO, {}).policy is ESCALATE_TO_VIDEO

    def test_keeps_what_rules_come_after(self) -> None:
        """If one in between is always met, they come after those before it."""
        linked, video = fact(lambda r: r.agent.ringcentral).is_set(), PRIVATE.is_true()
        policy = Policy(
            "p",
            [
                Rule("a", LOGIN.is_set(), explanation="Log in.", agent_text="Log in!"),
                Rule("b", linked, after=["a"]),
                Rule("c", video, after=["b"]),
            ],
            version="7",
        )
        rest = given(policy, {fact(lambda r: r.agent.ringcentral): ALLOWED.agent.ringcentral}).policy
        assert rest is not None
        assert [rule.after for rule in rest.rules] == [(), ("a",)]
        assert (rest.id, rest["a"], rest.version) == ("p", policy["a"], f"7+{rest.fingerprint[:8]}")


class TestBadInput:
    """Errors name the fact, and never its value."""

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({LOGIN: "canary"}, "login must be a Login, got a str"),
            ({LOGIN: "passwort"}, "login must be a Login, got a str (did you mean Login.PASSWORD?)"),
            ({LOGIN: None}, "login must be a Login, got None"),
            ({EMAIL: 1}, "agent.email must be a str or None, got an int"),
            ({TEAMS: "canary"}, "agent.team_ids must be a frozenset of str, got a str"),
            ({TEAMS: [1]}, "agent.team_ids must be a frozenset of str, got a frozenset of int"),
            ({AGENT: ALLOWED.domain}, "agent must be an Agent, got a Domain"),
            ({context("n", int): True}, "context.n must be an int or None, got a bool"),
            ({fact(lambda r: r.context): 1}, "context must be a Mapping, got an int"),
            ({LOGIN: Login.SAML, fact(lambda r: r.login): Login.SAML}, "login has two values: pass each fact once"),
            ({context("n", int): 1, context("n", str): "1"}, "context.n has two values: pass each fact once"),
            (
                {EMAIL: None, AGENT: ALLOWED.agent},
                "agent.email has two values: agent holds it too, so pass one of them",
            ),
            ({"login": Login.SAML}, "values must be a mapping of facts to their values, got a str as a fact"),
            ([LOGIN], "values must be a mapping of facts to their values, got a list"),
        ],
    )
    def test_in_facts(self, values: Any, message: str) -> None:
        """A wrong type, a fact twice, or a fact and the part that holds it."""
        with pytest.raises(InvalidValueError) as caught:
            given(ESCALATE_TO_VIDEO, values)
        assert str(caught.value) == message

    def test_in_the_policy(self) -> None:
        """It must be a policy over the same type of request."""
        with pytest.raises(InvalidValueError, match="policy must be a Policy, got a str"):
            given("canary", {})  # type: ignore[arg-type]
        with pytest.raises(InvalidPolicyError, match="got EscalationRequest and Sample"):
            given(ESCALATE_TO_VIDEO, {SAMPLE(lambda s: s.flag): True})  # type: ignore[misc]
