"""What always holds of policies of any size, at any depth of the stack; each class is named after its law."""
# pyright: basic

import pickle
import sys
from collections.abc import Callable
from functools import reduce
from operator import and_, or_
from time import perf_counter
from typing import Any, Final

import attrs
import pytest

from escalation_policy import ESCALATE_TO_VIDEO, Effect, Facts, Policy, Rule
from escalation_policy.exceptions import InvalidPolicyError
from laws.hosts import SUBCLASSES, filled
from support import ALLOWED, SAMPLE, Part, Sample

#: In seconds, per step. On an idle machine, none takes half of it.
LIMIT: Final = 30  # seconds; quadratic costs are minutes, and machines may be busy


def within_limit(step: Callable[[], Any]) -> Any:
    """Return what a step returns, if it did not take too long."""
    start = perf_counter()
    result = step()
    assert perf_counter() - start < LIMIT
    return result


def many_operands() -> Policy[Sample]:
    """Make a policy with 10,000 conditions joined by `|`."""
    conditions = [SAMPLE.context("n", int).equals(number) for number in range(10_000)]
    return Policy("p", [Rule("r", reduce(or_, conditions))])


def long_chain() -> Policy[Sample]:
    """Make a policy with 2,000 rules that come after each other."""
    flag = SAMPLE(lambda r: r.flag).is_true()
    return Policy(
        "p", [Rule(f"r{number}", flag, after=[f"r{number - 1}"] if number else []) for number in range(2_000)]
    )


def deep_nesting() -> Policy[Sample]:
    """Make a policy with a condition that is nested 1,000 deep, by `&` and `|` in turns."""
    condition = SAMPLE(lambda r: r.flag).is_true()
    for number in range(1_000):
        condition = (and_, or_)[number % 2](condition, SAMPLE.context("n", int).equals(number))
    return Policy("p", [Rule("r", condition)])


class TestSize:
    """Neither breadth nor depth nor length is too much."""

    @pytest.mark.slow
    @pytest.mark.parametrize("make", [many_operands, long_chain, deep_nesting])
    def test_large_policies_do_all_that_small_ones_do(self, make: Callable[[], Policy[Sample]]) -> None:
        """And not much slower."""
        policy = within_limit(make)
        decision = within_limit(lambda: policy.decide(Sample(flag=False)))
        assert not within_limit(lambda: policy.allows(Sample(flag=False)))
        assert [Effect.DENY, 1] == [decision.effect, len(within_limit(lambda: decision.reasons))]
        assert within_limit(lambda: decision.explain(reveal=True))
        assert within_limit(lambda: decision.to_dict("administrator"))
        assert within_limit(lambda: repr(policy))
        same = within_limit(lambda: pickle.loads(pickle.dumps(policy)))
        assert within_limit(lambda: policy == same)
        assert within_limit(lambda: policy.fingerprint == same.fingerprint)
        assert within_limit(lambda: decision == pickle.loads(pickle.dumps(decision)))


def call_at(depth: int, function: Callable[[Any], Any], request: Any) -> Any:
    """Call a function at a depth of the stack.

    Returns:
        What it returns; None if there was no room for the call itself.
    """
    here, frame = 0, sys._getframe()
    while frame is not None:
        here, frame = here + 1, frame.f_back  # type: ignore[assignment]
    try:
        result = _call_below(depth - here, function, request)
    except RecursionError:  # not even this much room
        return None
    if type(result) is RecursionError:
        assert result.__traceback__ is not None
        assert result.__traceback__.tb_next is None, "it was raised within the function"
        return None
    return result


def _call_below(levels: int, function: Callable[[Any], Any], request: Any) -> Any:
    if levels > 0:
        return _call_below(levels - 1, function, request)
    try:
        return function(request)
    except RecursionError as error:
        return error


def _raise(_: object) -> bool:
    raise ValueError


_part: Final = filled(SUBCLASSES[Part], {"text": "t", "absent": None, "unknown": None, "secret": "s"})
_text: Final = Rule("text", SAMPLE(lambda r: r.part.text).equals("t"))
_b: Final = SAMPLE.context("b", bool)
#: Policies, each with a request that it denies and one that it allows.
DEPTHS: Final[dict[str, tuple[Policy[Any], Any, Any]]] = {
    "the built-in policy": (ESCALATE_TO_VIDEO, attrs.evolve(ALLOWED, intervention=None), ALLOWED),
    "a part of a subclass": (
        Policy("p", [_text, Rule("flag", SAMPLE(lambda r: r.flag).is_true())]),
        Sample(part=_part, flag=False),
        Sample(part=_part),
    ),
    "a context": (Policy("p", [Rule("b", ~_b.is_true())]), Sample(context={"b": True}), Sample(context={"b": False})),
    "a function": (
        Policy("p", [Rule("b", ~_b.satisfies("itself", bool))]),
        Sample(context={"b": True}),
        Sample(context={"b": False}),
    ),
    "a function that raises": (Policy("p", [Rule("b", ~SAMPLE.predicate("raises", _raise))]), Sample(), None),
    "something else": (Policy("p", [_text]), object(), None),
}


class TestStack:
    """At the end of the stack a request is denied. Nothing is raised but what the call itself raises, without room."""

    @pytest.mark.parametrize("name", DEPTHS)
    def test_near_the_limit_nothing_is_allowed_that_should_be_denied(self, name: str) -> None:
        """Nor is anything raised by the policy."""
        policy, denied, allowed = DEPTHS[name]
        answers = set[bool]()
        for depth in range(sys.getrecursionlimit() - 60, sys.getrecursionlimit() + 1):
            assert call_at(depth, policy.allows, denied) in (False, None)
            answers.add(call_at(depth, policy.allows, allowed))
            for request in (denied, allowed):
                decision = call_at(depth, policy.decide, request)
                assert decision is None or not decision.allowed or request is allowed
                assert decision is None or decision.allowed is all(
                    each.status.value == "met" for each in decision.reasons
                )
        assert allowed is None or True in answers


class TestNamesOfAttributes:
    """Generated source holds only names that mean themselves."""

    @pytest.mark.parametrize(
        "name", ["class", "None", "\N{LATIN SMALL LIGATURE FI}", "two words", "a.b", "1", "a\n", ""]
    )
    def test_other_names_are_refused(self, name: str) -> None:
        """Keywords, names that Python reads in another form, and strings that are not names."""
        try:
            odd = attrs.make_class("Odd", {name: attrs.field(type=str, init=False)}, frozen=True, repr=False, eq=False)
        except (SyntaxError, NameError):
            pytest.skip("this version of attrs makes no such class")
        with pytest.raises(InvalidPolicyError, match="plain identifier"):
            Facts(odd)(lambda request: getattr(request, name))
