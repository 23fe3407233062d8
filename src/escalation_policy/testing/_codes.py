"""Codes: the rules of a policy that a test names."""

from collections.abc import Iterable
from typing import Any, cast, final

from .. import Policy
from .._fields import closest, kind_of, with_article
from ..exceptions import EscalationPolicyError


@final
class NoSuchRuleError(EscalationPolicyError, ValueError):
    """A test names a rule that the policy does not have, or none at all: it would say nothing about the policy."""


def codes_of(policy: Policy[Any], by: str | Iterable[str]) -> list[str]:
    """Gives the codes that were named, in the policy's order.

    Raises:
        NoSuchRuleError: One of them is not in the policy, or there are none.
    """
    __tracebackhide__ = True
    codes: list[object] = [by] if isinstance(by, str) or not isinstance(by, Iterable) else list(by)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not codes or not all(isinstance(code, str) for code in codes):
        found = ", ".join(sorted({kind_of(code) for code in codes})) or "none"
        raise NoSuchRuleError(f"name at least one rule of policy {policy.id!r}, by its code, got {found}")
    known = list(policy)
    for code in cast("list[str]", codes):
        if code not in known:
            key = closest(code, known)
            meant = f"did you mean {key}?" if key else f"only {', '.join(known)}"
            raise NoSuchRuleError(f"policy {policy.id!r} has no rule of that code, {meant}")
    return [code for code in known if code in codes]


def must_decide(policy: Policy[Any], request: object) -> None:
    """Refuses what is no request of a policy's type: it would be denied, whatever the policy says.

    Raises:
        TypeError: It is none, or the policy is none.
    """
    __tracebackhide__ = True
    if type(policy) is not Policy:
        raise TypeError(f"the first argument must be a Policy, got {kind_of(policy)}")
    asked = policy.request_type
    if not issubclass(type(request), asked):
        raise TypeError(f"policy {policy.id!r} decides about {with_article(asked.__name__)}, got {kind_of(request)}")
