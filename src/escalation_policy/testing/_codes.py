"""Codes: the rules of a policy that a test names."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, final

from .. import Policy
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
    codes = [by] if isinstance(by, str) else list(by)
    if not codes:
        raise NoSuchRuleError(f"name at least one rule of policy {policy.id!r}, got none")
    known = list(policy)
    for code in codes:
        if code not in known:
            close = get_close_matches(code, known, 1)
            meant = f"did you mean {close[0]!r}?" if close else f"only {', '.join(known)}"
            raise NoSuchRuleError(f"policy {policy.id!r} has no rule {code!r}, {meant}")
    return [code for code in known if code in codes]
