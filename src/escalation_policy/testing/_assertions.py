"""Assertions: what a policy must say to a request, with a diagnosis where it says something else."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .. import Decision, Policy, Reason, ReasonStatus
from .._engine.conditions import R
from ._codes import codes_of, must_decide


def assert_allowed(policy: Policy[R], request: R) -> Decision[R]:
    """Asserts that a policy allows a request.

    Returns:
        The decision.

    Raises:
        AssertionError: It is denied; the message says by which rules, what each requires and what was seen.
        TypeError: It is no request of the policy's type.
    """
    __tracebackhide__ = True
    must_decide(policy, request)
    decision = policy.decide(request)
    if not decision:
        hidden = {"hidden": _behind(policy, decision, decision.hidden)}
        raise AssertionError(_diagnosis("allow", decision, decision.reasons, hidden))
    return decision


def assert_denied(policy: Policy[R], request: R, *, by: str | Iterable[str], among: bool = False) -> Decision[R]:
    """Asserts that a policy denies a request for these reasons.

    Args:
        policy: The policy that decides, once.
        request: What it decides.
        by: The code of a rule, or several in any order: exactly those of the decision's reasons.
        among: Whether there may be other reasons too.

    Returns:
        The decision, for whatever else is to hold of it, such as the status of a reason.

    Raises:
        AssertionError: It is allowed, or denied for other reasons, or because a rule raised; the message says which
            codes are missing, not expected or hidden behind others, what each rule in the way requires and what was
            seen.
        NoSuchRuleError: `by` names a rule that the policy does not have, or none.
        TypeError: It is no request of the policy's type.
    """
    __tracebackhide__ = True
    must_decide(policy, request)
    wanted = codes_of(policy, by)
    decision = policy.decide(request)
    found = [] if decision else [reason.code for reason in decision.reasons]
    hidden = [code for code in wanted if code in decision.hidden]
    missing = [code for code in wanted if code not in (*found, *hidden)]
    more = [] if among else [code for code in found if code not in wanted]
    failed = [
        reason.code for reason in decision.reasons if reason.code in wanted and reason.status is ReasonStatus.ERROR
    ]
    if missing or more or hidden or failed:
        expected = f"deny by {'at least ' if among else ''}{', '.join(wanted)}"
        # An allowed decision has all rules as its reasons; of interest are those that should have stopped it.
        reasons = [reason for reason in decision.reasons if not decision or reason.code in wanted]
        met, behind = [f"{code} (met)" for code in missing], _behind(policy, decision, hidden)
        differences = {"missing": met, "not expected": more, "hidden": behind, "raised, and denied nothing": failed}
        raise AssertionError(_diagnosis(expected, decision, reasons, differences))
    return decision


def _behind(policy: Policy[R], decision: Decision[R], hidden: Iterable[str]) -> list[str]:
    """Says of hidden codes which reasons hide them."""
    codes = [reason.code for reason in decision.reasons]
    others = {code: [each for each in codes if each in policy.prerequisites(code)] for code in hidden}
    return [f"{code} (after {', '.join(each)})" for code, each in others.items()]


def _diagnosis(
    expected: str, decision: Decision[Any], reasons: Collection[Reason], differences: Mapping[str, list[str]]
) -> str:
    """Says what was expected and what came, what each of these rules saw, and in which codes the two differ."""
    verdict = "allow" if decision else f"deny by {', '.join(reason.code for reason in reasons)}"
    lines = [f"expected {expected}; got {verdict}; policy: {decision.policy_id}"]
    for reason in reasons:
        error = f" {reason.error}" if reason.error else ""
        lines.append(f"- {reason.code} ({reason.status.value}{error}): {' '.join(reason.lines())}")
    lines += [f"{name}: {', '.join(codes)}" for name, codes in differences.items() if codes]
    return "\n".join(lines)
