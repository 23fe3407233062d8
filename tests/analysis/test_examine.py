"""`examine()` names the rules and operands that cannot do what somebody may expect of them."""

from typing import Any, Final

import pytest

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind, Policy, Rule, fact
from escalation_policy.analysis import Finding, FindingKind, examine
from escalation_policy.exceptions import InvalidValueError

KIND: Final = fact(lambda r: r.message.channel.kind)
VIBER: Final = KIND.equals(ChannelKind.VIBER)
TWITTER: Final = KIND.equals(ChannelKind.TWITTER)
EITHER: Final = KIND.one_of([ChannelKind.VIBER, ChannelKind.TWITTER])
ENABLED: Final = fact(lambda r: r.agent.enabled).is_true()


def findings(*rules: Rule[Any]) -> tuple[Finding, ...]:
    """Examine a policy of these rules."""
    return examine(Policy("p", rules)).findings


class TestExamine:
    """One finding for each remarkable thing."""

    def test_names_the_rules_of_the_built_in_policy_that_only_explain(self) -> None:
        """They never decide, because a later rule requires more."""
        assert examine(ESCALATE_TO_VIDEO).findings == (
            Finding(FindingKind.ONLY_EXPLAINS, "domain_linked", ("extension_in_account",)),
            Finding(FindingKind.ONLY_EXPLAINS, "extension_linked", ("extension_in_account",)),
        )

    def test_names_rules_that_exclude_each_other(self) -> None:
        """It names no rule that can be left out, and one of those that mean the same."""
        rules = [Rule("e", ENABLED), Rule("v", VIBER), Rule("same", VIBER), Rule("t", TWITTER)]

        assert findings(*rules) == (Finding(FindingKind.NEVER_ALLOWS, because=("v", "t")),)

    def test_names_rules_that_nothing_meets(self) -> None:
        """They exclude all other rules."""
        assert findings(Rule("e", ENABLED), Rule("n", VIBER & TWITTER)) == (
            Finding(FindingKind.NEVER_MET, "n"),
            Finding(FindingKind.NEVER_ALLOWS, because=("n",)),
        )

    def test_names_rules_that_everything_meets(self) -> None:
        """Each agent is enabled or disabled, because nobody leaves that out."""
        assert Finding(FindingKind.ALWAYS_MET, "a") in findings(Rule("a", ENABLED | ~ENABLED), Rule("v", VIBER))
        assert FindingKind.ALWAYS_MET not in [each.kind for each in findings(Rule("k", VIBER | ~VIBER))]

    def test_names_what_a_rule_follows_from(self) -> None:
        """A rule does not follow from itself, also if another one means the same."""
        first, second = Rule("first", VIBER | TWITTER), Rule("second", TWITTER | VIBER)

        assert findings(first, second) == (
            Finding(FindingKind.IMPLIED, "first", ("second",)),
            Finding(FindingKind.IMPLIED, "second", ("first",)),
        )

    def test_names_rules_that_are_always_hidden(self) -> None:
        """They come after a rule that requires more."""
        assert findings(Rule("v", VIBER), Rule("e", EITHER, after=["v"])) == (
            Finding(FindingKind.ALWAYS_HIDDEN, "e", ("v",)),
            Finding(FindingKind.IMPLIED, "e", ("v",)),
        )

    @pytest.mark.parametrize(
        ("condition", "operand"),
        [
            (VIBER & KIND.is_set(), "message.channel.kind is set"),
            (
                ENABLED & (VIBER | (VIBER & TWITTER)),
                "message.channel.kind equals viber and message.channel.kind equals twitter",
            ),
            (
                ENABLED | VIBER | (TWITTER & VIBER),
                "message.channel.kind equals twitter and message.channel.kind equals viber",
            ),
        ],
    )
    def test_names_operands_that_make_no_difference(self, condition: Any, operand: str) -> None:
        """In words, without the values that words hide."""
        assert Finding(FindingKind.NO_DIFFERENCE, "r", operand=operand) in findings(Rule("r", condition))

    def test_prints_a_line_for_each(self) -> None:
        """Or says that there is none."""
        assert str(examine(Policy("p", [Rule("v", VIBER)]))) == "nothing remarkable"
        assert str(examine(Policy("p", [Rule("v", VIBER), Rule("t", TWITTER)]))) == (
            "never allows: no request meets v and t together, so nothing is ever allowed"
        )

    def test_refuses_what_is_no_policy(self) -> None:
        """And says what it got."""
        with pytest.raises(InvalidValueError, match="policy must be a Policy"):
            examine("policy")  # type: ignore[arg-type]
