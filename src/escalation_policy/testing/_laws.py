"""The laws: what always holds, tried on a host's own policy with its own predicates."""

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
from .._engine.tests import Test
from .._engine.truth import Failure, Truth
from ..exceptions import EscalationDeniedError
from ._naive import answer, verdict, verdict_of
from ._pool import CANARIES, differences, leaves, with_canaries
from ._trial import Case, RaisedError, Told, Trial, drawn, hash_of

_THREADS: Final = 4
_COPIERS: Final[dict[str, Callable[[Any], Any]]] = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),  # noqa: S301  pickled just now
    "copy.copy()": copy.copy,
    "copy.deepcopy()": copy.deepcopy,
}


def first_broken(policy: Policy[Any], like: Any) -> str | None:
    """Tells of the first law that is broken, by a request near this one."""
    try:
        return next(_all_broken(Trial(policy, like)), None)
    except RaisedError as error:
        return f"fail closed\n  {error}"


def _all_broken(trial: Trial) -> Iterator[str]:
    """Tells of broken laws; of a predicate that changes its mind first, since that can look like any of them."""
    for name, law in LAWS.items():
        for breach in law(trial):
            yield from (f"decide() is pure\n  {each}" for each in _pure(trial))
            yield f"{name}\n  {breach}"


def _fail_closed(trial: Trial) -> Iterator[str]:
    """A rule that cannot be answered is not met, what is no request is an error, and a rule that fails allows nothing."""
    for case in trial.cases:
        undecided = [code for code, truth in case.truths.items() if truth not in (Truth.TRUE, Truth.FALSE)]
        if undecided and (case.told.allows or case.told.verdict.allowed):
            yield trial.breach(f"rule {', '.join(undecided)} cannot be answered", case.request, "deny", case.told)
        if not trial.is_request(case) and {status for _, status in case.told.verdict.reported} != {ReasonStatus.ERROR}:
            yield trial.breach("what is no request is decided", case.request, "an error of each rule", case.told)
    for rule in trial.policy.rules:
        for fault, predicate in {"raises": _raise, "gives no bool": _count}.items():
            policy = trial.failing(rule, fault, predicate)
            for case in trial.first:
                if trial.ask(policy.allows, case.request) or trial.ask(policy.decide, case.request):
                    yield trial.breach(f"rule {rule.code} {fault}, made to", case.request, "deny", "allow")


def _unknown(trial: Trial) -> Iterator[str]:
    """What is unknown or absent meets no condition, nor its opposite."""
    for rule in trial.policy.rules:
        request_type, steps = rule.requires.request_type, rule.requires.steps
        parts = [Condition(request_type, (test,)) for test in rule.requires.tests] if len(steps) > 1 else []
        for condition in (rule.requires, *parts):
            policies = [Policy("alone", [Rule("alone", each)]) for each in (condition, ~condition)]
            for case in trial.cases:
                if answer(condition, case.request) not in (Truth.ABSENT, Truth.UNKNOWN):
                    continue
                for policy in policies:
                    if trial.ask(policy.allows, case.request) or trial.ask(policy.decide, case.request):
                        words = policy.rules[0].requires.words(hidden=True)
                        yield trial.breach(f"{words}, as in rule {rule.code}", case.request, "not met", "met")


def _explanations(trial: Trial) -> Iterator[str]:
    """Mending all that is reported allows a request, or brings up what comes after it; mending less never allows it."""
    shapes = {(*case.truths.values(), case.told.verdict): case for case in trial.cases}.values()
    cases = [(case.request, case.status, case.met, case.told.verdict) for case in shapes]
    for request, status, _, told in cases:
        if told.allowed:
            continue
        by, words = told.codes, ", ".join(sorted(told.codes))
        if not by:
            yield trial.breach("a denial gives no reason", request, "a reason", "none")
        later = {code for code, after in trial.after.items() if after & by}
        others = [code for code in trial.after if code not in later | by]
        for other, its, met, came in cases:
            if not by <= met:
                if came.allowed:
                    yield trial.breach(f"{words} is not mended", other, "deny", came)
            elif not (came.allowed or came.codes <= later) and all(its[code] is status[code] for code in others):
                yield trial.breach(f"{words} is mended", other, f"allow, or deny by what comes after {words}", came)


def _agreement(trial: Trial) -> Iterator[str]:
    """`allows()` and `decide()` say what the rules say when they are read one by one."""
    for case in trial.cases:
        expected = verdict(trial.after, case.status)
        if case.told.verdict != expected or case.told.allows is not expected.allowed:
            yield trial.breach("the rules, read one by one, say otherwise", case.request, expected, case.told)


def _order(trial: Trial) -> Iterator[str]:
    """The order of rules and of operands changes nothing that counts, and adding a rule never allows more."""
    policy, rules = trial.policy, trial.policy.rules
    orders = {
        "with its rules reversed": rules[::-1],
        "with its rules shuffled": drawn(rules, len(rules)),
        "with operands reversed": [attrs.evolve(rule, requires=_turned(rule.requires)) for rule in rules],
    }
    for what, order in orders.items():
        same = Policy(policy.id, order, version=policy.version)
        for case in trial.some:
            told = trial.tell(same, case.request)
            if (same.fingerprint, *_unordered(told)) != (policy.fingerprint, *_unordered(case.told)):
                yield trial.breach(what, case.request, case.told, told)
    for rule in rules if len(rules) > 1 else ():
        fewer = policy.without(rule.code)
        for case in trial.cases:
            if case.told.allows and not trial.ask(fewer.allows, case.request):
                yield trial.breach(f"without rule {rule.code}", case.request, "allow", "deny")


def _pure(trial: Trial) -> Iterator[str]:
    """The same request gets the same decision, whenever and from whichever thread it is asked, and stays as it was."""
    for case in trial.cases:
        changes = differences(leaves(case.request), case.before)
        if changes or case.hashed != hash_of(case.request):
            yield trial.breach("a request is changed", case.request, "as before", changes or "another hash")
    yield from _decided_again(trial, drawn(trial.cases, len(trial.cases)))
    barrier = Barrier(_THREADS)

    def work(start: int) -> list[str]:
        barrier.wait()
        return list(_decided_again(trial, trial.some[start:] + trial.some[:start]))

    with ThreadPoolExecutor(_THREADS) as threads:
        starts = [len(trial.some) * number // _THREADS for number in range(_THREADS)]
        jobs = [threads.submit(copy_context().run, work, start) for start in starts]
    for job in jobs:
        yield from job.result()


def _decided_again(trial: Trial, cases: Iterable[Case]) -> Iterator[str]:
    for case in cases:
        told = trial.tell(trial.policy, case.request)
        # Asked three times in all, a predicate that alternates falls out of step.
        for each in (told, told._replace(allows=trial.ask(trial.policy.allows, case.request))):
            if each != case.told:
                apart = {*each.reasons} ^ {*case.told.reasons}
                codes = sorted({reason.code for reason in apart if reason.status is not ReasonStatus.MET})
                what = f"rule {', '.join(codes)}" if codes else "the policy"
                yield trial.breach(f"{what} answers otherwise when asked again", case.request, case.told, each)


def _copies(trial: Trial) -> Iterator[str]:
    """Policies, requests and decisions survive pickle and copy; what does not by itself is left out."""
    policy = trial.policy
    tests = [test for rule in policy.rules for test in rule.requires.tests]
    parts = [(policy.request_type, test.operand, [path.kind for path in test.paths]) for test in tests]
    for name, way in _COPIERS.items():
        if not _survives(way, parts):
            continue
        came = _copied(way, policy, lambda twin: bool(twin.fingerprint == policy.fingerprint))
        if came:
            yield trial.breach(f"a policy through {name}", trial.cases[0].request, "the same policy", came)
        else:
            twin = way(policy)
            for case in trial.some:
                told = trial.tell(twin, case.request)
                if told != case.told:
                    yield trial.breach(f"a policy through {name}", case.request, case.told, told)
    for case in filter(trial.is_request, trial.some):
        decision, kind = policy.decide(case.request), type(cast("object", case.request))
        for name, way in _COPIERS.items():
            if _survives(way, kind):
                came = _copied(way, decision, partial(_alike, decision))
                if came:
                    yield trial.breach(f"a decision through {name}", case.request, "the same decision", came)


def _leaks(trial: Trial) -> Iterator[str]:
    """What is logged, or read by agents, shows no id, no address and no text of a request, and nothing of an exception."""
    asked = [(trial.policy, case) for case in trial.some]
    asked += [(trial.failing(rule, "raises", _raise), trial.cases[0]) for rule in trial.policy.rules]
    known: dict[object, Any] = {}
    for policy, case in asked:
        decision = trial.ask(policy.decide, with_canaries(case.request, known))
        for place, text in _texts(decision):
            if any(canary in text for canary in CANARIES):
                yield trial.breach(f"{place} shows what is private", case.request, "nothing of it", "a value")


def _copied(way: Callable[[Any], Any], value: object, alike: Callable[[Any], bool]) -> str:
    """Says what came instead of a copy; nothing where it is one."""
    try:
        return "" if alike(way(value)) else "another one"
    except Exception as error:  # noqa: BLE001  whatever was raised, there is no copy
        return Failure.of_exception(error).error


def _alike(decision: Decision[Any], twin: Decision[Any]) -> bool:
    same = verdict_of(twin) == verdict_of(decision) and twin.reasons == decision.reasons
    return same and twin == decision and hash_of(twin) == hash_of(decision)


def _survives(way: Callable[[Any], Any], value: object) -> bool:
    return not _copied(way, value, lambda _: True)


def _texts(decision: Decision[Any]) -> Iterator[tuple[str, str]]:
    """Lists all that a decision says to those who have not asked it to reveal anything."""
    for reason in decision.reasons:
        for field in attrs.fields(Reason):
            yield f"{field.name} of rule {reason.code}", str(getattr(reason, field.name))
    yield "the decision's repr()", repr(decision)
    yield "explain()", decision.explain()
    yield "EscalationDeniedError", str(EscalationDeniedError(decision))


def _turned(condition: Condition[R]) -> Condition[R]:
    def reverse(word: str, parts: list[list[Test | Junction]]) -> list[Test | Junction]:
        return [*chain.from_iterable(reversed(parts)), Junction(word, len(parts))]

    steps = condition.fold(_alone, reverse)
    return Condition(condition.request_type, tuple(steps))


def _alone(test: Test) -> list[Test | Junction]:
    return [test]


def _unordered(told: Told) -> tuple[object, ...]:
    """Takes out of an answer what depends on the order."""
    evidence = {reason.code: (reason.status, frozenset(reason.evidence)) for reason in told.reasons}
    return told.verdict.allowed, told.allows, frozenset(told.verdict.hidden), evidence


def _raise(_: object) -> bool:
    raise ValueError(CANARIES[0])


def _count(_: object) -> int:
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
