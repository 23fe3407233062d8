"""Assertions about all requests: they pass only if no request is an exception, and describe one otherwise."""

import pytest

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind, Policy, Rule, fact
from escalation_policy.exceptions import AnalysisLimitError, InvalidValueError
from escalation_policy.testing import assert_never, assert_no_looser, assert_same
from support import SAMPLE, Part, Sample

ENABLED = fact(lambda r: r.agent.enabled).is_true()
VIBER = fact(lambda r: r.message.channel.kind).equals(ChannelKind.VIBER)
LOOSER = ESCALATE_TO_VIDEO.without("agent_enabled")


class TestAssertSame:
    """`assert_same()`."""

    def test_passes_if_only_order_and_words_differ(self) -> None:
        """Codes and operands in another order mean the same."""
        assert_same(Policy("a", [Rule("r", ENABLED & VIBER)]), Policy("b", [Rule("v", VIBER), Rule("e", ENABLED)]))

    def test_describes_what_only_one_allows(self) -> None:
        """It does so in both directions."""
        with pytest.raises(AssertionError) as caught:
            assert_same(Policy("a", [Rule("enabled", ENABLED)]), Policy("b", [Rule("viber", VIBER)]))

        assert str(caught.value).splitlines() == [
            "policies 'a' and 'b' do not allow the same requests",
            "only the first allows:",
            "  viber: the typical one",
            "only the second allows:",
            "  enabled: the typical one, but with agent.enabled = false, message.channel.kind = viber",
        ]

    def test_needs_a_typical_request_of_other_types(self) -> None:
        """It has every part that is read."""
        text = SAMPLE(lambda r: r.spare).then(lambda p: p.text)
        policy = Policy("p", [Rule("r", text.equals("t"))])

        assert_same(policy, Policy("q", [Rule("s", text.one_of(["t"]))]), like=Sample(spare=Part()))
        with pytest.raises(InvalidValueError, match="like must be a Sample"):
            assert_same(policy, policy)


class TestAssertNoLooser:
    """`assert_no_looser()`."""

    def test_passes_if_the_policy_is_stricter(self) -> None:
        """Another rule never allows more."""
        assert_no_looser(ESCALATE_TO_VIDEO, than=LOOSER)
        assert_no_looser(ESCALATE_TO_VIDEO.with_rules(Rule("viber", VIBER)), than=ESCALATE_TO_VIDEO)

    def test_names_the_rule_that_denied(self) -> None:
        """With a request that only the new policy allows."""
        with pytest.raises(AssertionError) as caught:
            assert_no_looser(LOOSER, than=ESCALATE_TO_VIDEO)

        assert str(caught.value).splitlines() == [
            "policy 'escalate_to_video' is looser than 'escalate_to_video'",
            "now allowed, by the rules that denied it:",
            "  agent_enabled: the typical one, but with agent.enabled = false",
        ]

    def test_never_guesses(self) -> None:
        """If the effort is too small, there is no answer."""
        with pytest.raises(AnalysisLimitError):
            assert_no_looser(LOOSER, than=ESCALATE_TO_VIDEO, effort=1)


class TestAssertNever:
    """`assert_never()`."""

    def test_passes_if_no_allowed_request_meets_the_condition(self) -> None:
        """A disabled agent never escalates."""
        assert_never(ESCALATE_TO_VIDEO, ~ENABLED)

    def test_describes_an_allowed_request(self) -> None:
        """And shows no id."""
        email = fact(lambda r: r.agent.email).equals("bob@example.com")
        with pytest.raises(AssertionError) as caught:
            assert_never(LOOSER, ~ENABLED & email)

        assert str(caught.value).splitlines() == [
            "policy 'escalate_to_video' allows what must never be allowed",
            "for example:",
            "  the typical one, but with agent.enabled = false, agent.email = another value",
        ]
