"""The model of all requests: what it does with odd request types. That it is exact is a law."""

from enum import Enum
from typing import Any, Final

import attrs
import pytest

from escalation_policy import ESCALATE_TO_VIDEO, Facts, Policy, Rule, fact
from escalation_policy.analysis import Relation, compare, find
from escalation_policy.exceptions import InvalidValueError
from escalation_policy.testing import NoSuchRequestError, a_request, an_agent, strategies
from support import SAMPLE, Part, Sample


@attrs.frozen(kw_only=True)
class Range:
    """A request whose fields must fit each other."""

    low: int = 1
    high: int = 2

    def __attrs_post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError


RANGE: Final = Facts(Range)


class Tired(Enum):
    """An enum that cannot be compared."""

    YES = "yes"
    NO = "no"

    def __eq__(self, other: object) -> bool:
        raise TypeError

    __hash__ = Enum.__hash__


@attrs.frozen
class Raising:
    """A request with such an enum."""

    mood: Tired = Tired.YES


def policy_of(*conditions: Any) -> Policy[Any]:
    """Make a policy with a rule for each condition."""
    return Policy("p", [Rule(f"r{number}", condition) for number, condition in enumerate(conditions)])


class TestLike:
    """The typical request has every part that the policies read."""

    def test_is_refused_if_it_lacks_a_part(self) -> None:
        """Nothing else can make one."""
        policy = policy_of(SAMPLE(lambda r: r.spare).then(lambda part: part.text).equals("x"))
        with pytest.raises(InvalidValueError, match=r"^like has no spare, but the analysis varies it"):
            compare(policy, policy_of(SAMPLE(lambda r: r.spare).is_set()), like=Sample())

    def test_may_lack_parts_in_tests(self) -> None:
        """Then no request that is made has them."""
        policy = policy_of(SAMPLE(lambda r: r.lost).is_set())
        with pytest.raises(NoSuchRequestError, match="nothing suits r0"):
            strategies.allowed_requests(policy, like=Sample())

    def test_may_hold_values_of_another_type(self) -> None:
        """Nobody checks the fields of a host's type."""
        like: Any = Sample(number="many")  # type: ignore[arg-type]
        found = find(policy_of(SAMPLE(lambda r: r.flag).is_true()), SAMPLE(lambda r: r.number).equals(3), like=like)
        assert found is not None
        assert 3 == found.request.number

    def test_lends_parts_to_requests_that_lack_them(self) -> None:
        """The parts that a test passes as a whole may change."""
        linked = Rule("linked", fact(lambda r: r.agent.ringcentral).is_set())
        policy = Policy("p", [linked, ESCALATE_TO_VIDEO["ringcentral_sso"]])
        request = a_request(policy=policy, denied_by="ringcentral_sso", agent=an_agent(ringcentral=None))
        assert a_request().agent.ringcentral == request.agent.ringcentral

    def test_gives_parts_that_a_request_lacks(self) -> None:
        """Parts without facts of their own are taken as they are."""
        policy = policy_of(SAMPLE(lambda r: r.spare).is_set(), SAMPLE(lambda r: r.ratio).is_set())
        found = find(policy, SAMPLE(lambda r: r.flag).is_true(), like=Sample(spare=Part(), flag=False, ratio=2.5))
        assert found is not None
        assert (Part(), 2.5) == (found.request.spare, found.request.ratio)


class TestRefusedValues:
    """Classes of a host's may refuse values."""

    def test_are_left_out_together(self) -> None:
        """If each would be accepted alone."""
        low, high = RANGE(lambda r: r.low), RANGE(lambda r: r.high)
        policy = policy_of(low.one_of([2, 3]))
        found = find(policy, ~high.equals(2), like=Range())
        assert found is None or found.request.low <= found.request.high
        assert compare(policy, policy_of(low.equals(2)), like=Range()).partial


class TestFunctionsOfAHost:
    """A function may answer anything."""

    def test_answer_alike_for_equal_values(self) -> None:
        """Whichever fact has the value."""
        name, text = SAMPLE(lambda r: r.name), SAMPLE(lambda r: r.part.text)
        asked = [each.satisfies("odd", lambda value: value == "odd") for each in (name, text)]
        policy = policy_of(asked[0], ~asked[1])

        assert find(policy, name.equals(text), like=Sample()) is None
        assert find(policy, ~name.equals(text), like=Sample()) is not None


class TestEqualityOfAHost:
    """An enum of the host's may compare as it likes."""

    def test_is_never_relied_on(self) -> None:
        """Whatever raises is not met."""
        mood = Facts(Raising)(lambda r: r.mood).equals(Tired.YES)
        assert compare(policy_of(mood), policy_of(mood | ~mood), like=Raising()).relation is Relation.LOOSER
        assert find(policy_of(mood), mood, like=Raising()) is None
