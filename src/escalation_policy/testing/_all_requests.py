"""Assertions about all requests, not only those that a test tries."""

from typing import NoReturn

from .. import Policy
from .._engine.conditions import Condition, R
from ..analysis import Difference, Relation, compare, find
from ..analysis.model import EFFORT


def assert_same(one: Policy[R], other: Policy[R], *, like: R | None = None, effort: int = EFFORT) -> None:
    """Assert that two policies allow the same requests, of all that there can be.

    Args:
        one: A policy.
        other: Another policy over the same type of request.
        like: A typical request with every part that the policies read. It may be left out for `EscalationRequest`.
        effort: How many clauses may be looked at.

    Raises:
        AssertionError: A request is allowed by one of them only. The message describes requests, and shows nothing private.
        InvalidValueError: An argument is invalid, or `like` lacks a part.
        AnalysisLimitError: The answer needs more effort.
    """
    __tracebackhide__ = True
    comparison = compare(one, other, like=like, effort=effort)
    if comparison.relation is not Relation.SAME:
        _fail(
            f"policies {one.id!r} and {other.id!r} do not allow the same requests",
            {"only the first allows": comparison.now_denied, "only the second allows": comparison.now_allowed},
        )


def assert_no_looser(new: Policy[R], *, than: Policy[R], like: R | None = None, effort: int = EFFORT) -> None:
    """Assert that a policy allows no request that another one denies, of all that there can be.

    Args:
        new: The policy.
        than: The policy that denies.
        like: See `assert_same()`.
        effort: See `assert_same()`.

    Raises:
        AssertionError: It allows one. The message names the rules that denied it, and shows nothing private.
        InvalidValueError: An argument is invalid, or `like` lacks a part.
        AnalysisLimitError: The answer needs more effort.
    """
    __tracebackhide__ = True
    comparison = compare(than, new, like=like, effort=effort)
    if comparison.now_allowed:
        problem = f"policy {new.id!r} is looser than {than.id!r}"
        _fail(problem, {"now allowed, by the rules that denied it": comparison.now_allowed})


def assert_never(policy: Policy[R], condition: Condition[R], *, like: R | None = None, effort: int = EFFORT) -> None:
    """Assert that a policy allows no request that meets a condition, of all that there can be.

    Args:
        policy: The policy.
        condition: What must never be allowed.
        like: See `assert_same()`.
        effort: See `assert_same()`.

    Raises:
        AssertionError: It allows one. The message describes it, and shows nothing private.
        InvalidValueError: An argument is invalid, or `like` lacks a part.
        AnalysisLimitError: The answer needs more effort.
    """
    __tracebackhide__ = True
    difference = find(policy, condition, like=like, effort=effort)
    if difference is not None:
        _fail(f"policy {policy.id!r} allows what must never be allowed", {"for example": (difference,)})


def _fail(problem: str, differences: dict[str, tuple[Difference, ...]]) -> NoReturn:
    __tracebackhide__ = True
    lines = [
        line
        for title, examples in differences.items()
        if examples
        for line in (f"{title}:", *(f"  {each}" for each in examples))
    ]
    raise AssertionError("\n".join([problem, *lines]))
