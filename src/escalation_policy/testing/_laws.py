"""`check_policy()`: the laws that every policy keeps, checked for a host's own policy with its own predicates."""

import copy
import pickle
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from itertools import chain
from threading import Barrier
from typing import Any, Final, cast

import attrs

from .. import Decision, Policy, Reason, ReasonStatus, Rule
from .._engine.conditions import Condition, Junction, R
from .._engine.decision import truth_alone
from .._engine.tests import Test
from .._engine.truth import Failure, Truth
from ..analysis.typical import differences, leaves_of
from ..exceptions import EscalationDeniedError
from ._builders import start_for
from ._recorder import unseen
from ._requests import CANARIES, with_canaries
from ._trial import Example, RaisedError, Response, Trial, Verdict, hash_of, sample

_THREADS: Final = 4
_COPIERS: Final[dict[str, Callable[[Any], Any]]] = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),  # noqa: S301  pickled just now
    "copy.copy()": copy.copy,
    "copy.deepcopy()": copy.deepcopy,
}


def check_policy(policy: Policy[R], *, like: R | None = None) -> None:
    """Check that a policy keeps the laws, with its predicates, on many requests that make a difference to it.

    The laws: it fails closed, unknown is never a yes, explanations are true, `allows()` and `decide()` agree, order does
    not matter, deciding is pure, copies decide alike, and nothing leaks. A predicate may raise or return something else
    than a bool: its rule is then an error, and not met. It must give the same answer when it is called again, and must
    not change its argument.

    Args:
        policy: The policy; its predicates are called thousands of times.
        like: A request of the policy's type, from which others are made by changing facts. The default for policies over
            `EscalationRequest` is what `a_request()` makes.

    Raises:
        AssertionError: A law is broken. The message names the law, the request, what was expected and the actual result.
        TypeError: `like` is missing, or of another type.
    """
    __tracebackhide__ = True
    start = start_for(policy, like)
    # These decisions are no test of the host's: they would cover all rules.
    with unseen():
        breach = _first_breach(policy, start)
    if breach:
        raise AssertionError(f"policy {policy.id!r} breaks a law: {breach}")


def _first_breach(policy: Policy[Any], like: Any) -> str | None:
    try:
        return next(_breaches(Trial(policy, like)), None)
    except RaisedError as error:
        return f"fail closed\n  {error}"


def _breaches(trial: Trial) -> Iterator[str]:
    """Describe the broken laws. An impure predicate comes first, because it can look like any other breach."""
    for name, law in LAWS.items():
        for breach in law(trial):
            yield from (f"decide() is pure\n  {each}" for each in _pure(trial))
            yield f"{name}\n  {breach}"


def _fail_closed(trial: Trial) -> Iterator[str]:
    """Check undecided rules (not met), objects of another type (errors) and failing rules (which allow nothing)."""
    for example in trial.examples:
        response = example.response
        undecided = [code for code, truth in example.truths.items() if truth not in (Truth.TRUE, Truth.FALSE)]
        if undecided and (response.allows or response.verdict.allowed):
            yield trial.breach(f"rule {', '.join(undecided)} cannot be answered", example.request, "deny", response)
        if not trial.is_request(example) and {status for _, status in response.verdict.reasons} != {ReasonStatus.ERROR}:
            what, expected = "an object of another type is decided", "an error of each rule"
            yield trial.breach(what, example.request, expected, response)
    for rule in trial.policy.rules:
        for fault, predicate in {"raises": _raise, "returns no bool": _return_1}.items():
            policy = trial.with_predicate(rule, fault, predicate)
            for example in trial.first:
                if trial.call(policy.allows, example.request) or trial.call(policy.decide, example.request):
                    yield trial.breach(f"rule {rule.code} {fault} on purpose", example.request, "deny", "allow")


def _unknown(trial: Trial) -> Iterator[str]:
    """Check that an unknown or absent fact meets neither a condition nor its negation."""
    for rule in trial.policy.rules:
        request_type, steps = rule.requires.request_type, rule.requires.steps
        parts = [Condition(request_type, (test,)) for test in rule.requires.tests] if len(steps) > 1 else []
        for condition in (rule.requires, *parts):
            rules = [Rule("alone", each) for each in (condition, ~condition)]
            policies = [Policy("alone", [alone]) for alone in rules]
            for example in trial.examples:
                if truth_alone(rules[0], example.request) not in (Truth.ABSENT, Truth.UNKNOWN):
                    continue
                for alone, policy in zip(rules, policies, strict=True):
                    if trial.call(policy.allows, example.request) or trial.call(policy.decide, example.request):
                        what = f"{alone.requires.words(hidden=True)}, as in rule {rule.code}"
                        yield trial.breach(what, example.request, "not met", "met")


def _explanations(trial: Trial) -> Iterator[str]:
    """Check that to fix all reasons allows a request, or leads to rules after them, and that to fix less never allows it."""
    distinct = {(*each.truths.values(), each.response.verdict): each for each in trial.examples}.values()
    examples = [(each.request, each.statuses, each.met, each.response.verdict) for each in distinct]
    for request, statuses, _, verdict in examples:
        if verdict.allowed:
            continue
        reported, names = verdict.codes, ", ".join(sorted(verdict.codes))
        if not reported:
            yield trial.breach("a denial gives no reason", request, "a reason", "none")
        later = {code for code, after in trial.after.items() if after & reported}
        unrelated = [code for code in trial.after if code not in later | reported]
        # Another request may have fixed the reasons, and left the unrelated rules as they were.
        for other_request, other_statuses, other_met, other in examples:
            if not reported <= other_met:
                if other.allowed:
                    yield trial.breach(f"{names} is not fixed", other_request, "deny", other)
            elif other.allowed or other.codes <= later:
                continue
            elif all(other_statuses[code] is statuses[code] for code in unrelated):
                expected = f"allow, or deny by rules after {names}"
                yield trial.breach(f"{names} is fixed", other_request, expected, other)


def _agreement(trial: Trial) -> Iterator[str]:
    """Check that `allows()` and `decide()` give the answer that follows from the rules, each answered alone."""
    for example in trial.examples:
        expected, response = Verdict.from_statuses(example.statuses, trial.after), example.response
        if response.verdict != expected or response.allows is not expected.allowed:
            yield trial.breach("each rule alone leads to another answer", example.request, expected, response)


def _order(trial: Trial) -> Iterator[str]:
    """Check that the order of rules and operands changes nothing that counts, and that another rule never allows more."""
    policy, rules = trial.policy, trial.policy.rules
    orders = {
        "with its rules reversed": rules[::-1],
        "with its rules shuffled": sample(rules, len(rules)),
        "with operands reversed": [attrs.evolve(rule, requires=_reverse_operands(rule.requires)) for rule in rules],
    }
    for what, order in orders.items():
        reordered = Policy(policy.id, order, version=policy.version)
        for example in trial.some:
            response = trial.respond(reordered, example.request)
            expected = policy.fingerprint, *_without_order(example.response)
            if (reordered.fingerprint, *_without_order(response)) != expected:
                yield trial.breach(what, example.request, example.response, response)
    for rule in rules if len(rules) > 1 else ():
        smaller = policy.without(rule.code)
        for example in trial.examples:
            if example.response.allows and not trial.call(smaller.allows, example.request):
                yield trial.breach(f"without rule {rule.code}", example.request, "allow", "deny")


def _pure(trial: Trial) -> Iterator[str]:
    """Check that a request gets the same decision at any time and from any thread, and is not changed."""
    for example in trial.examples:
        changes = differences(leaves_of(example.request), example.leaves)
        if changes or example.hash != hash_of(example.request):
            yield trial.breach("a request is changed", example.request, "as before", changes or "another hash")
    yield from _different_responses(trial, sample(trial.examples, len(trial.examples)))
    barrier = Barrier(_THREADS)

    def work(start: int) -> list[str]:
        barrier.wait()
        return list(_different_responses(trial, trial.some[start:] + trial.some[:start]))

    with ThreadPoolExecutor(_THREADS) as threads:
        starts = [len(trial.some) * number // _THREADS for number in range(_THREADS)]
        jobs = [threads.submit(copy_context().run, work, start) for start in starts]
    for job in jobs:
        yield from job.result()


def _different_responses(trial: Trial, examples: Iterable[Example]) -> Iterator[str]:
    for example in examples:
        response = trial.respond(trial.policy, example.request)
        # With three calls in all, a predicate that alternates gets out of step.
        again = response._replace(allows=trial.call(trial.policy.allows, example.request))
        for each in (response, again):
            if each != example.response:
                changes = {*each.reasons} ^ {*example.response.reasons}
                codes = sorted({reason.code for reason in changes if reason.status is not ReasonStatus.MET})
                subject = f"rule {', '.join(codes)}" if codes else "the policy"
                what = f"{subject} gives another answer when called again"
                yield trial.breach(what, example.request, example.response, each)


def _copies(trial: Trial) -> Iterator[str]:
    """Check that policies, requests and decisions survive pickle and copy, unless a part of them never does."""
    policy = trial.policy
    tests = [test for rule in policy.rules for test in rule.requires.tests]
    parts = [(policy.request_type, test.operand, [path.kind for path in test.paths]) for test in tests]
    for name, copier in _COPIERS.items():
        if not _survives(copier, parts):
            continue
        fault = _fault_of_copy(copier, policy, lambda copied: bool(copied.fingerprint == policy.fingerprint))
        if fault:
            yield trial.breach(f"a policy through {name}", trial.examples[0].request, "the same policy", fault)
        else:
            copied = copier(policy)
            for example in trial.some:
                response = trial.respond(copied, example.request)
                if response != example.response:
                    yield trial.breach(f"a policy through {name}", example.request, example.response, response)
    for example in filter(trial.is_request, trial.some):
        decision, request_type = policy.decide(example.request), type(cast("object", example.request))
        for name, copier in _COPIERS.items():
            if _survives(copier, request_type):
                fault = _fault_of_copy(copier, decision, partial(_is_same, decision))
                if fault:
                    yield trial.breach(f"a decision through {name}", example.request, "the same decision", fault)


def _leaks(trial: Trial) -> Iterator[str]:
    """Check that logs and agents see no id, no address and no text of a request, and no text of an exception."""
    decided = [(trial.policy, example) for example in trial.some]
    decided += [(trial.with_predicate(rule, "raises", _raise), trial.examples[0]) for rule in trial.policy.rules]
    canaries: dict[object, Any] = {}
    for policy, example in decided:
        decision = trial.call(policy.decide, with_canaries(example.request, canaries))
        for place, text in _texts(decision):
            if any(canary in text for canary in CANARIES):
                yield trial.breach(f"{place} shows a private value", example.request, "no such value", "a value")


def _fault_of_copy(copier: Callable[[Any], Any], value: object, is_same: Callable[[Any], bool]) -> str:
    """Return what is wrong with the copy of a value; empty if it is the same."""
    try:
        return "" if is_same(copier(value)) else "another one"
    except Exception as error:  # noqa: BLE001  a value that cannot be copied may raise anything
        return Failure.of_exception(error).error


def _is_same(decision: Decision[Any], copied: Decision[Any]) -> bool:
    same_reasons = Verdict.of(copied) == Verdict.of(decision) and copied.reasons == decision.reasons
    return same_reasons and copied == decision and hash_of(copied) == hash_of(decision)


def _survives(copier: Callable[[Any], Any], value: object) -> bool:
    return not _fault_of_copy(copier, value, lambda _: True)


def _texts(decision: Decision[Any]) -> Iterator[tuple[str, str]]:
    """Yield all texts of a decision that reveal nothing, and where they come from."""
    for reason in decision.reasons:
        for field in attrs.fields(Reason):
            yield f"{field.name} of rule {reason.code}", str(getattr(reason, field.name))
    yield "the decision's repr()", repr(decision)
    yield "explain()", decision.explain()
    yield "EscalationDeniedError", str(EscalationDeniedError(decision))


def _reverse_operands(condition: Condition[R]) -> Condition[R]:
    def reverse(word: str, parts: list[list[Test | Junction]]) -> list[Test | Junction]:
        return [*chain.from_iterable(reversed(parts)), Junction(word, len(parts))]

    steps = condition.fold(_steps_of_test, reverse)
    return Condition(condition.request_type, tuple(steps))


def _steps_of_test(test: Test) -> list[Test | Junction]:
    return [test]


def _without_order(response: Response) -> tuple[object, ...]:
    """Return the parts of a response that must not depend on the order of rules and operands."""
    evidence = {reason.code: (reason.status, frozenset(reason.evidence)) for reason in response.reasons}
    return response.verdict.allowed, response.allows, frozenset(response.verdict.hidden), evidence


def _raise(_: object) -> bool:
    raise ValueError(CANARIES[0])


def _return_1(_: object) -> int:
    return 1


LAWS: Final[dict[str, Callable[[Trial], Iterator[str]]]] = {
    "fail closed": _fail_closed,
    "unknown is never a yes": _unknown,
    "explanations are true": _explanations,
    "allows() and decide() agree": _agreement,
    "order does not matter": _order,
    "decide() is pure": _pure,
    "policies, requests and decisions survive pickle and copy": _copies,
    "nothing leaks": _leaks,
}
