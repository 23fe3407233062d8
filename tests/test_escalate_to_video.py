"""The built-in policy: each of its sixteen rules, at its limits and in combination."""

from collections.abc import Iterator
from typing import Any, Final

import attrs
import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    ChannelKind,
    EscalationRequest,
    InterventionState,
    Login,
    MessageAuthor,
    Party,
    Permission,
    Policy,
    Rule,
    VideoAccess,
    fact,
)
from escalation_policy._engine.conditions import Condition
from escalation_policy.testing import a_request, an_intervention

LISTED: Final = {
    "engage_messaging",
    "chat",
    "messenger",
    "google_business_messages",
    "twitter",
    "digital_sms",
    "apple_business_chat",
    "whats_app",
    "viber",
    "dimelo_sdk",
    "channel_sdk",
}
UNKNOWN: Final = {"unknown"}


#: The difference from the allowed request, the codes that are reported, and the codes that are hidden.
Row = tuple[dict[str, Any], str, str]
TABLE: Final[dict[str, Row]] = {
    "allowed": ({}, "", ""),
    "unlinked domain": ({"ringcentral_account_id": None}, "domain_linked", "extension_in_account"),
    "disabled agent": ({"enabled": False}, "agent_enabled", ""),
    "agent of another domain": ({"agent_domain_id": "other"}, "agent_in_domain", ""),
    "role of another domain": ({"role_domain_id": "other"}, "role_in_domain", ""),
    "channel of another domain": ({"channel_domain_id": "other"}, "channel_in_domain", ""),
    "default agent role": ({"permissions": {Permission.READ_IDENTITY}}, "role_permits", ""),
    "role with every other permission": (
        {"permissions": set(Permission) - {Permission.ESCALATE_TO_VIDEO}},
        "role_permits",
        "",
    ),
    "role that holds a newer flag only": (
        {"permissions": (), "unknown_permissions": {"switch_to_video"}},
        "role_permits",
        "",
    ),
    "role with everything": ({"permissions": set(Permission)}, "", ""),
    "no extension": ({"ringcentral": None}, "extension_linked", "extension_in_account video_access"),
    "no extension in an unlinked domain": (
        {"ringcentral": None, "ringcentral_account_id": None},
        "domain_linked extension_linked",
        "extension_in_account video_access",
    ),
    "extension of another account": ({"account_id": "1"}, "extension_in_account", ""),
    "extension of nobody knows which account": ({"account_id": None}, "extension_in_account", ""),
    "no video": ({"video": VideoAccess.DENIED}, "video_access", ""),
    "nobody knows whether there is video": ({"video": VideoAccess.UNKNOWN}, "video_access", ""),
    "public tweet": ({"channel": ChannelKind.TWITTER, "private": False}, "twitter_private", ""),
    "tweet of which nobody knows": ({"channel": ChannelKind.TWITTER, "private": None}, "twitter_private", ""),
    "private tweet": ({"channel": ChannelKind.TWITTER, "private": True}, "", ""),
    "search result flagged private": (
        {"channel": ChannelKind.TWITTER_SEARCH, "private": True},
        "channel_supported",
        "",
    ),
    "private message on a page": ({"channel": ChannelKind.FACEBOOK, "private": True}, "channel_supported", ""),
    "instagram direct message": (
        {"channel": ChannelKind.INSTAGRAM_MESSAGING, "private": True},
        "channel_supported",
        "",
    ),
    "e-mail": ({"channel": ChannelKind.EMAIL, "private": True}, "channel_supported", ""),
    "unknown channel": ({"channel": ChannelKind.UNKNOWN}, "channel_supported", "twitter_private"),
    "unknown channel, private message": ({"channel": ChannelKind.UNKNOWN, "private": True}, "channel_supported", ""),
    "public message elsewhere": ({"private": False}, "", ""),
    "not engaged": ({"intervention": None}, "agent_engaged", "message_in_intervention intervention_owned"),
    "not engaged, and the message in no case": (
        {"intervention": None, "intervention_id": None},
        "agent_engaged",
        "message_in_intervention intervention_owned",
    ),
    "deferred case": ({"state": InterventionState.DEFERRED}, "agent_engaged", ""),
    "closed case": ({"state": InterventionState.CLOSED}, "agent_engaged", ""),
    "case of nobody knows which state": ({"state": InterventionState.UNKNOWN}, "agent_engaged", ""),
    "closed case of another agent": (
        {
            "intervention": an_intervention(id="i2", agent_id="u2", state=InterventionState.CLOSED),
            "intervention_id": "i1",
        },
        "agent_engaged",
        "message_in_intervention intervention_owned",
    ),
    "another customer's case": (
        {"intervention": an_intervention(id="i2"), "intervention_id": "i1"},
        "message_in_intervention",
        "",
    ),
    "message in no case that we know of": ({"intervention_id": None}, "message_in_intervention", ""),
    "case of another agent": ({"intervention_agent_id": "u2"}, "intervention_owned", ""),
    "case of nobody": ({"intervention_agent_id": None}, "intervention_owned", ""),
    **{
        f"logged in by {login.value}": ({"login": login}, "ringcentral_sso", "")
        for login in Login
        if login is not Login.RINGCENTRAL_SSO
    },
    **{
        f"written by {author.value}": ({"author": author}, "customer_message", "")
        for author in MessageAuthor
        if author is not MessageAuthor.CUSTOMER
    },
    **{
        f"on {kind.value}": ({"channel": kind, "private": True}, "", "")
        if kind.value in LISTED
        else ({"channel": kind, "private": True}, "channel_supported", "")
        for kind in ChannelKind
    },
}


def verdicts(policy: Policy) -> dict[str, tuple[list[str], list[str]]]:
    """Decide the whole table with one policy."""
    decisions = {name: policy.decide(a_request(**fields)) for name, (fields, _, _) in TABLE.items()}
    return {
        name: ([] if decision else [reason.code for reason in decision.reasons], list(decision.hidden))
        for name, decision in decisions.items()
    }


class TestEveryRule:
    """Each rule decides as the page says. If the page says nothing, the table is careful."""

    @pytest.mark.parametrize("name", TABLE)
    def test_decides_as_the_table_says(self, name: str) -> None:
        """`decide()` and `allows()` agree, and only the listed codes are reported or hidden."""
        fields, codes, hidden = TABLE[name]
        decision = ESCALATE_TO_VIDEO.decide(a_request(**fields))
        reported = [] if decision else [reason.code for reason in decision.reasons]
        assert (codes.split(), hidden.split()) == (reported, list(decision.hidden))
        assert ESCALATE_TO_VIDEO.allows(a_request(**fields)) is decision.allowed is (not codes)

    def test_is_in_the_table_as_the_only_reason(self) -> None:
        """If a rule were never the only reason, nobody would notice that it is missing."""
        assert set(ESCALATE_TO_VIDEO) == {codes for _, codes, _ in TABLE.values() if codes and " " not in codes}

    def test_is_in_the_documented_order(self) -> None:
        """Reasons have this order, and hosts show the first one."""
        expected = (
            "domain_linked agent_enabled agent_in_domain role_in_domain channel_in_domain role_permits extension_linked "
            "extension_in_account video_access ringcentral_sso channel_supported twitter_private customer_message "
            "agent_engaged message_in_intervention intervention_owned"
        )
        assert expected.split() == list(ESCALATE_TO_VIDEO)

    def test_is_unknown_if_its_facts_are_unknown(self) -> None:
        """An unknown fact is neither allowed nor the agent's fault: the developer has to supply it."""
        request = a_request(
            account_id=None,
            video=VideoAccess.UNKNOWN,
            login=Login.UNKNOWN,
            channel=ChannelKind.UNKNOWN,
            author=MessageAuthor.UNKNOWN,
            state=InterventionState.UNKNOWN,
        )
        reasons = ESCALATE_TO_VIDEO.decide(request).reasons
        assert UNKNOWN == {reason.status.value for reason in reasons}
        steps = [reason.remedy.steps[0] for reason in reasons if reason.remedy]
        assert {Party.DEVELOPER} == {step.party for step in steps}
        assert [
            "Supply agent.ringcentral.account_id.",
            "Supply agent.ringcentral.video.",
            "Supply login.",
            "Supply message.channel.kind.",
            "Supply message.author.",
            "Supply intervention.state.",
        ] == [step.text for step in steps]


class TestTexts:
    """The texts are written for their readers, and are not the generated defaults."""

    @pytest.mark.parametrize("rule", ESCALATE_TO_VIDEO.rules, ids=lambda rule: rule.code)
    def test_are_complete(self, rule: Rule) -> None:
        """Every rule names its source, and has a remedy."""
        assert rule.source
        assert rule.remedy
        plain = Rule(rule.code, rule.requires)
        assert plain.explanation != rule.explanation
        assert plain.agent_text != rule.agent_text
        assert not rule.explanation.startswith("Requires that")
        assert not rule.agent_text.startswith("This needs to hold first")

    def test_quote_the_page_or_say_safety(self) -> None:
        """These five rules are the library's own; all others can be looked up."""
        safety_codes = {rule.code for rule in ESCALATE_TO_VIDEO.rules if rule.source == "safety"}
        assert {
            "agent_enabled",
            "agent_in_domain",
            "role_in_domain",
            "channel_in_domain",
            "intervention_owned",
        } == safety_codes

    @pytest.mark.parametrize(
        ("code", "party", "words"),
        [
            ("domain_linked", Party.RINGCENTRAL, "Associate the Engage Digital domain"),
            ("role_permits", Party.ENGAGE_ADMINISTRATOR, "Use Escalate to Video"),
            ("role_permits", Party.ENGAGE_ADMINISTRATOR, "Use Switch to Video"),
            ("role_permits", Party.ENGAGE_ADMINISTRATOR, "Users > Roles & permissions > Add: enter a Label"),
            ("role_permits", Party.ENGAGE_ADMINISTRATOR, "Either for everybody who has the agent's role"),
            ("role_permits", Party.ENGAGE_ADMINISTRATOR, "in Settings select the new Role, click Save"),
            ("extension_linked", Party.RINGCENTRAL_ADMINISTRATOR, "Either import the users"),
            ("extension_linked", Party.ENGAGE_ADMINISTRATOR, "in Personal Infos enter the RingCentral ID"),
            ("extension_linked", Party.ENGAGE_ADMINISTRATOR, "when creating the user"),
            ("video_access", Party.RINGCENTRAL_ADMINISTRATOR, "RingCentral Meetings is not enough"),
            ("ringcentral_sso", Party.AGENT, "Sign in with RingCentral"),
            ("channel_supported", Party.NOBODY, "Google closed it in July 2024"),
            ("customer_message", Party.AGENT, "Escalate to Video (Switch to Video)"),
        ],
    )
    def test_say_who_can_fix_it_and_where_to_click(self, code: str, party: Party, words: str) -> None:
        """Administrators search for either name of the feature. A step names the clicks, in both ways if there are two."""
        remedy = ESCALATE_TO_VIDEO[code].remedy
        assert remedy
        assert [step for step in remedy.steps if step.party is party and words in step.text]


def mutants() -> Iterator[tuple[str, Policy]]:
    """Yield every policy that lacks something of the built-in one: a rule, its sense, an `after`, a limit."""
    for rule in ESCALATE_TO_VIDEO.rules:
        code = rule.code
        yield f"{code} dropped", ESCALATE_TO_VIDEO.without(code)
        yield f"{code} negated", ESCALATE_TO_VIDEO.replace(attrs.evolve(rule, requires=~rule.requires))
        for prerequisite in rule.after:
            others = [code for code in rule.after if code != prerequisite]
            yield f"{code} no longer after {prerequisite}", ESCALATE_TO_VIDEO.replace(attrs.evolve(rule, after=others))
        for test in rule.requires.tests:
            for wider in widened(test):
                requires = wider if len(rule.requires.tests) == 1 else rule.requires | wider
                yield (
                    f"{code} widened to {wider.words()}",
                    ESCALATE_TO_VIDEO.replace(attrs.evolve(rule, requires=requires)),
                )


def alone(test: Any) -> Any:
    """Return a condition that is only this test."""
    return Condition(EscalationRequest, (test,))


def widened(test: Any) -> Iterator[Any]:
    """Yield tests that are true for more values: for any value, for one more constant, for one more permission."""
    if test.kind != "is_set":
        yield alone(attrs.evolve(test, kind="is_set", paths=test.paths[:1], operand=None, negated=False))
    if test.kind in ("equals", "one_of") and len(test.paths) == 1 and not test.negated:
        constants: frozenset[Any] = test.operand if test.kind == "one_of" else frozenset({test.operand})
        more = (member for member in test.paths[0].kind if member not in constants | {test.paths[0].unknown})
        for member in more:
            yield alone(attrs.evolve(test, kind="one_of", operand=constants | {member}))
    if test.kind == "contains":
        for permission in sorted(set(Permission) - {test.operand}):
            yield alone(test) | fact(lambda r: r.agent.role.permissions).contains(permission)


class TestTable:
    """The table notices every change of the policy."""

    EXPECTED: Final = verdicts(ESCALATE_TO_VIDEO)

    @pytest.mark.parametrize(("name", "policy"), [pytest.param(*mutant, id=mutant[0]) for mutant in mutants()])
    def test_notices_a_changed_policy(self, name: str, policy: Policy) -> None:
        """For every change there is a row with another decision."""
        assert self.EXPECTED != verdicts(policy), name
