"""`compare()`, `find()` and `implies()`: what their answers say."""

import re
from typing import Any, Final

import attrs
import pytest
from attrs.validators import matches_re

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind, Facts, Policy, Rule, fact
from escalation_policy.analysis import Relation, compare, examine, find, given, implies
from escalation_policy.exceptions import InvalidValueError
from support import SAMPLE

KIND: Final = fact(lambda r: r.message.channel.kind)
VIBER: Final = KIND.equals(ChannelKind.VIBER)
EITHER: Final = KIND.one_of([ChannelKind.VIBER, ChannelKind.TWITTER])
CASE: Final = fact(lambda r: r.message.intervention_id)
RECENT: Final = CASE.satisfies("recent", lambda text: text > "5")
NAMED: Final = SAMPLE(lambda r: r.name).equals("t")


def check_is_set(_: object, __: "attrs.Attribute[Any]", value: object) -> None:
    """Refuse what is no set. The members may be anything."""
    if not isinstance(value, frozenset):
        raise TypeError


def to_lower(text: str) -> str:
    """Convert a text."""
    return text.lower()


@attrs.frozen(kw_only=True)
class Strict:
    """A request of a host's that validates or converts its fields."""

    count: int = 1
    tags: frozenset[str] = attrs.field(default=frozenset[str](), validator=check_is_set)
    code: str = attrs.field(default="ab", validator=matches_re("[a-z]{2}"))
    text: str = attrs.field(default="", converter=str)
    lower: str = attrs.field(default="", converter=to_lower)


STRICT: Final = Facts(Strict)
COUNTED: Final = Policy("p", [Rule("count", STRICT(lambda r: r.count).is_set())])


class TestCompare:
    """`compare()`."""

    def test_compares_rule_by_rule(self) -> None:
        """Each with the rule of the same code, alone."""
        old = Policy(
            "p", [Rule("same", VIBER | EITHER), Rule("gone", VIBER), Rule("less", EITHER), Rule("more", VIBER)]
        )
        new = Policy(
            "p", [Rule("same", EITHER | VIBER), Rule("new", EITHER), Rule("less", VIBER), Rule("more", EITHER)]
        )

        assert compare(old, new).rules == {
            "same": Relation.SAME,
            "gone": Relation.REMOVED,
            "less": Relation.STRICTER,
            "more": Relation.LOOSER,
            "new": Relation.ADDED,
        }

    def test_prints_what_changes(self) -> None:
        """It shows the differences in both directions."""
        comparison = compare(
            Policy("p", [Rule("r", VIBER)]), Policy("p", [Rule("r", KIND.equals(ChannelKind.TWITTER))])
        )

        assert comparison.relation is Relation.DIFFERENT
        assert repr(comparison) == "<comparison: different, 1 now allowed, 1 now denied>"
        assert str(comparison).splitlines() == [
            "the new policy is different: looser and stricter",
            "  ~ r (different)",
            "now allowed",
            "  r: the typical one, but with message.channel.kind = twitter",
            "now denied",
            "  r: the typical one, but with message.channel.kind = viber",
        ]

    def test_knows_that_a_set_may_hold_members_of_another_type(self) -> None:
        """A class may check that it is a set, and not what it holds."""
        comparison = compare(
            COUNTED, COUNTED.with_rules(Rule("tags", STRICT(lambda r: r.tags).is_set())), like=Strict()
        )

        assert comparison.relation is Relation.STRICTER
        assert [difference.confirmed for difference in comparison.now_denied] == [True]

    def test_tries_no_value_that_a_class_converts(self) -> None:
        """No request holds it."""
        for test in (STRICT(lambda r: r.text).is_set(), ~STRICT(lambda r: r.lower).equals("A")):
            comparison = compare(COUNTED, COUNTED.with_rules(Rule("converted", test)), like=Strict())
            differences = [*comparison.now_allowed, *comparison.now_denied]

            assert all(difference.confirmed for difference in differences)
            assert comparison.partial

    def test_tells_that_values_were_left_out_of_the_comparison_of_rules(self) -> None:
        """Even if no rule is left to ask about."""
        code = STRICT(lambda r: r.code).equals("ab")
        comparison = compare(Policy("p", [Rule("r", code | ~code)]), Policy("p", [Rule("r", code)]), like=Strict())

        assert (comparison.relation, comparison.partial) == (Relation.SAME, True)
        assert str(comparison).endswith("some values were left out")

    def test_refuses_policies_over_different_requests(self) -> None:
        """Arguments of another type, too."""
        with pytest.raises(InvalidValueError, match="new must decide the same type of request as old"):
            compare(ESCALATE_TO_VIDEO, Policy("p", [Rule("r", NAMED)]))  # type: ignore[misc]
        with pytest.raises(InvalidValueError, match="old must be a Policy"):
            compare("p", ESCALATE_TO_VIDEO)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("effort", "found"), [("many", "a str"), (1.5, "1.5"), (True, "a bool"), (0, "0"), (-3, "-3"), (None, "None")]
    )
    def test_refuses_a_limit_that_is_no_positive_int(self, effort: Any, found: str) -> None:
        """Even if the policies are the same; every other question has the same limit."""
        message = f"^effort must be an int of 1 or more, got {re.escape(found)}$"
        for ask in (
            lambda: compare(ESCALATE_TO_VIDEO, ESCALATE_TO_VIDEO, effort=effort),
            lambda: examine(ESCALATE_TO_VIDEO, effort=effort),
            lambda: find(ESCALATE_TO_VIDEO, CASE.equals("3"), effort=effort),
            lambda: implies(VIBER, EITHER, effort=effort),
            lambda: given(ESCALATE_TO_VIDEO, {}, effort=effort),
        ):
            with pytest.raises(InvalidValueError, match=message):
                ask()


class TestFind:
    """`find()`."""

    def test_says_what_a_function_would_have_to_answer(self) -> None:
        """It is possible if the function does not answer so."""
        policy = Policy("p", [Rule("recent", RECENT)])
        possible, confirmed = find(policy, CASE.equals("3")), find(policy, CASE.equals("7"))

        assert possible is not None
        assert confirmed is not None
        assert (possible.confirmed, confirmed.confirmed) == (False, True)
        assert list(possible.assumed.values()) == [True]
        assert str(possible).startswith("possible: the typical one, but with message.intervention_id = another value")

    def test_refuses_conditions_over_other_requests(self) -> None:
        """It names both types."""
        with pytest.raises(InvalidValueError, match="when must be over the same type of request"):
            find(ESCALATE_TO_VIDEO, NAMED)  # type: ignore[misc]


class TestImplies:
    """`implies()`."""

    def test_finds_a_request_that_meets_one_only(self) -> None:
        """None is the proof that no request does."""
        assert implies(VIBER, EITHER) is None
        difference = implies(EITHER, VIBER)
        assert repr(difference) == "<difference: the typical one, but with message.channel.kind = twitter>"
