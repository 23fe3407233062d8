"""Assertions about one decision, with a diagnosis if they fail, and the checks of their arguments."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, cast, final

from .. import Decision, Policy, Reason, ReasonStatus
from .._engine.conditions import R
from .._fields import closest, kind_of, with_article
from ..exceptions import EscalationPolicyError


@final
class NoSuchRuleError(EscalationPolicyError, ValueError):
    """A test names a rule that the policy does not have, or no rule. It would say nothing about the policy."""


def assert_allowed(policy: Policy[R], request: R) -> Decision[R]:
    """Assert that a policy allows a request.

    Returns:
        The decision.

    Raises:
        AssertionError: The policy denies the request. The message names the rules, what each requires and what was seen.
        TypeError: The request is not of the policy's type.
    """
    __tracebackhide__ = True
    check_request(policy, request)
    decision = policy.decide(request)
    if not decision:
        hidden = {"hidden": _with_reasons(policy, decision, decision.hidden)}
        raise AssertionError(_diagnosis("allow", decision, decision.reasons, hidden))
    return decision


def assert_denied(policy: Policy[R], request: R, *, by: str | Iterable[str], among: bool = False) -> Decision[R]:
    """Assert that a policy denies a request for these reasons.

    Args:
        policy: The policy, which decides once.
        request: The request.
        by: The code of a rule, or several codes in any order: exactly those of the decision's reasons.
        among: Whether there may be other reasons, too.

    Returns:
        The decision, for further assertions, such as the status of a reason.

    Raises:
        AssertionError: The policy allows the request, or denies it for other reasons or because a rule raised an
            exception. The message says which codes are missing, not expected or hidden behind others, and what each rule
            in the way requires and saw.
        NoSuchRuleError: `by` names a rule that the policy does not have, or no rule.
        TypeError: The request is not of the policy's type.
    """
    __tracebackhide__ = True
    check_request(policy, request)
    expected = check_codes(policy, by)
    decision = policy.decide(request)
    actual = [] if decision else [reason.code for reason in decision.reasons]
    hidden = [code for code in expected if code in decision.hidden]
    missing = [code for code in expected if code not in (*actual, *hidden)]
    unexpected = [] if among else [code for code in actual if code not in expected]
    raised = [
        reason.code for reason in decision.reasons if reason.code in expected and reason.status is ReasonStatus.ERROR
    ]
    if missing or unexpected or hidden or raised:
        expectation = f"deny by {'at least ' if among else ''}{', '.join(expected)}"
        # If the request is allowed, all rules are reasons. Only the expected ones are of interest.
        reasons = [reason for reason in decision.reasons if not decision or reason.code in expected]
        differences = {
            "missing": [f"{code} (met)" for code in missing],
            "not expected": unexpected,
            "hidden": _with_reasons(policy, decision, hidden),
            "raised, and denied nothing": raised,
        }
        raise AssertionError(_diagnosis(expectation, decision, reasons, differences))
    return decision


def check_codes(policy: Policy[Any], by: str | Iterable[str]) -> list[str]:
    """Check the codes that a test names, and return them in the policy's order.

    Raises:
        NoSuchRuleError: The policy has no such rule, or there are no codes.
    """
    __tracebackhide__ = True
    codes: list[object] = [by] if isinstance(by, str) or not isinstance(by, Iterable) else list(by)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not codes or not all(isinstance(code, str) for code in codes):
        kinds = ", ".join(sorted({kind_of(code) for code in codes})) or "none"
        raise NoSuchRuleError(f"name at least one rule of policy {policy.id!r}, by its code, got {kinds}")
    accepted = list(policy)
    for code in cast("list[str]", codes):
        if code not in accepted:
            key = closest(code, accepted)
            hint = f"did you mean {key}?" if key else f"only {', '.join(accepted)}"
            raise NoSuchRuleError(f"policy {policy.id!r} has no rule of that code, {hint}")
    return [code for code in accepted if code in codes]


def check_request(policy: Policy[Any], request: object) -> None:
    """Check that a request is of a policy's type. Every policy denies an object of another type.

    Raises:
        TypeError: It is not, or the policy is not a policy.
    """
    __tracebackhide__ = True
    if type(policy) is not Policy:
        raise TypeError(f"the first argument must be a Policy, got {kind_of(policy)}")
    if not issubclass(type(request), policy.request_type):
        accepted = with_article(policy.request_type.__name__)
        raise TypeError(f"policy {policy.id!r} decides about {accepted}, got {kind_of(request)}")


def _with_reasons(policy: Policy[R], decision: Decision[R], hidden: Iterable[str]) -> list[str]:
    """Return hidden codes, each with the reasons that hide it."""
    reasons = [reason.code for reason in decision.reasons]
    hiding = {code: [reason for reason in reasons if reason in policy.prerequisites(code)] for code in hidden}
    return [f"{code} (after {', '.join(codes)})" for code, codes in hiding.items()]


def _diagnosis(
    expectation: str, decision: Decision[Any], reasons: Collection[Reason], differences: Mapping[str, list[str]]
) -> str:
    """Return the expected and the actual decision, what these rules saw, and the differences."""
    verdict = "allow" if decision else f"deny by {', '.join(reason.code for reason in reasons)}"
    lines = [f"expected {expectation}; got {verdict}; policy: {decision.policy_id}"]
    for reason in reasons:
        error = f" {reason.error}" if reason.error else ""
        lines.append(f"- {reason.code} ({reason.status.value}{error}): {' '.join(reason.lines())}")
    lines += [f"{name}: {', '.join(codes)}" for name, codes in differences.items() if codes]
    return "\n".join(lines)
