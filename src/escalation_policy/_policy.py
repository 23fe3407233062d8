"""Policies: ordered sets of rules, every one of which a request has to meet."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from typing import Any, Generic, final

import attrs

from ._compiler import compile_check, compile_policy
from ._conditions import Answer, R, same_request_type
from ._decision import Decision, Outcome, answer_rule, reason_of
from ._enums import ReasonStatus
from ._fields import kind_of, plain
from ._rules import CODE_WORDS, Rule, is_code
from ._truth import Truth
from .exceptions import InvalidPolicyError


@final
@attrs.frozen(init=False, repr=False)
class Policy(Generic[R]):
    """An immutable, ordered, non-empty set of rules. A request is allowed when every rule is met; nothing else allows.

    It maps codes to rules: `policy["video_access"]`, `"video_access" in policy`. Any number of threads may share it.

    Attributes:
        id: What the policy is called in decisions: ASCII letters, digits and `_.:-`.
        rules: The rules, in order.
        version: Whatever the host calls this edition of it.
        fingerprint: 32 hexadecimal digits that identify what the policy means: codes, conditions, `after` and the
            names and versions of predicates; not texts, and not the order of anything.
        allows: Says whether a request is allowed, for when nobody needs the reasons. Nothing it is given makes it raise.
        decide: Decides one request. Nothing it is given makes it raise: what is no request of the right type is denied.

    Raises:
        InvalidPolicyError: No rules, two of one code, an `after` that names no rule or leads in a circle, or rules over
            different types of request.
    """

    id: str
    rules: tuple[Rule[R], ...]
    version: str | None
    fingerprint: str = attrs.field(eq=False)
    allows: Callable[[R], bool] = attrs.field(eq=False)
    decide: Callable[[R], Decision[R]] = attrs.field(eq=False)
    _prerequisites: dict[str, frozenset[str]] = attrs.field(eq=False)

    def __init__(self, id: str, rules: Iterable[Rule[R]], *, version: str | None = None) -> None:  # noqa: A002
        checked = _checked(id, rules, version)
        allows = compile_check(*checked)
        decide = self._decide_now if _asks_once(checked) else compile_policy(checked, self._decide_now, self)
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
            plain(id), checked, version, _fingerprint(checked), allows, decide, _all_prerequisites(checked)
        )

    @cached_property
    def _checks(self) -> list[tuple[Rule[R], Callable[[R], bool]]]:
        """Each rule, with what says quickly whether it is met; where that may be asked only once, it says no."""
        asks_once = _asks_once(self.rules)
        return [(rule, (lambda _: False) if asks_once else compile_check(rule)) for rule in self.rules]

    def _judge(self, request: R) -> Outcome:
        """Answers the rules one by one, and puts in words those to report."""
        shown, hidden = self._answered(request)
        return tuple(reason_of(rule, answer) for rule, answer in shown), hidden

    def _answered(self, request: R) -> tuple[list[tuple[Rule[R], Answer]], tuple[str, ...]]:
        """Answers the rules to report, and says which to hide."""
        answers = {rule.code: answer_rule(rule, request) for rule, is_met in self._checks if not is_met(request)}
        unmet = [code for code, (truth, _) in answers.items() if truth is not Truth.TRUE]
        hidden = tuple([code for code in unmet if not self._prerequisites[code].isdisjoint(unmet)])
        shown = [rule for rule in self.rules if rule.code in unmet and rule.code not in hidden] or self.rules
        return [(rule, answers.get(rule.code) or answer_rule(rule, request)) for rule in shown], hidden

    def _decide_now(self, request: R) -> Decision[R]:
        outcome = self._judge(request)
        allowed = all(reason.status is ReasonStatus.MET for reason in outcome[0])
        return Decision[R]._made(request, allowed, self, outcome)

    def with_rules(self, *rules: Rule[R]) -> "Policy[R]":
        """Makes a policy with these rules added at the end. It never allows more than this one."""
        return Policy(self.id, (*self.rules, *rules), version=self.version)

    def without(self, *codes: str) -> "Policy[R]":
        """Makes a policy without these rules, which the others then no longer come after."""
        dropped = {self[code].code for code in codes}
        rules = [rule for rule in self.rules if rule.code not in dropped]
        kept = [attrs.evolve(rule, after=[each for each in rule.after if each not in dropped]) for rule in rules]
        return Policy(self.id, kept, version=self.version)

    def replace(self, rule: Rule[R]) -> "Policy[R]":
        """Makes a policy with this rule in the place of the one that has its code."""
        replaced = self[rule.code]
        return Policy(self.id, [rule if each is replaced else each for each in self.rules], version=self.version)

    def __getitem__(self, code: str) -> Rule[R]:
        return {rule.code: rule for rule in self.rules}[code]

    def __iter__(self) -> Iterator[str]:
        return (rule.code for rule in self.rules)

    def __repr__(self) -> str:
        version = f" version {self.version}" if self.version else ""
        return f"<policy {self.id}{version}: {', '.join(self)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Policy, version=self.version), (self.id, self.rules)


def _checked(id: str, rules: Iterable[Rule[R]], version: str | None) -> tuple[Rule[R], ...]:  # noqa: A002
    if not isinstance(id, str) or not is_code(id):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidPolicyError(f"the id of a policy must be {CODE_WORDS}, got {id!a:.60}")
    where = f"policy {id!r}"
    if version is not None and (not isinstance(version, str) or version == ""):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidPolicyError(f"{where} must have a non-empty str or None as its version, got {kind_of(version)}")
    checked = tuple(rules) if isinstance(rules, Iterable) else ()  # pyright: ignore[reportUnnecessaryIsInstance]
    if not checked or not all(type(rule) is Rule for rule in checked):
        raise InvalidPolicyError(f"{where} must have a non-empty collection of Rules, got {kind_of(rules)}")
    codes = [rule.code for rule in checked]
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise InvalidPolicyError(f"{where} has more than one rule called {', '.join(twice)}")
    if unknown := sorted({code for rule in checked for code in rule.after}.difference(codes)):
        raise InvalidPolicyError(f"{where} has rules after {', '.join(unknown)}, but no rule called that")
    same_request_type(*(rule.requires for rule in checked))
    return checked


def _asks_once(rules: Iterable[Rule[Any]]) -> bool:
    """Says whether rules ask a predicate, or read a fact that may change: the first answer decides, and is what is told."""
    tests = [test for rule in rules for test in rule.requires.tests()]
    paths = [path for test in tests for path in test.paths]
    return any(test.opaque for test in tests) or any(path.hops[-1].in_mapping and not path.trusted for path in paths)


def _all_prerequisites(rules: Iterable[Rule[Any]]) -> dict[str, frozenset[str]]:
    """Follows `after` to the end: for each code, every rule it comes after, directly or through others."""
    known = {rule.code: frozenset(rule.after) for rule in rules}
    for _ in range(len(known).bit_length()):  # each round goes twice as far
        known = {code: after.union(*(known[each] for each in after)) for code, after in known.items()}
    if circle := [code for code, after in known.items() if any(each in known[each] for each in after)]:
        raise InvalidPolicyError(f"rules come after each other in a circle, among {', '.join(circle)}")
    return known


def _fingerprint(rules: Iterable[Rule[Any]]) -> str:
    return hashlib.sha256("\n".join(sorted(map(_meaning, rules))).encode()).hexdigest()[:32]


def _meaning(rule: Rule[Any]) -> str:
    after = ",".join(sorted(set(rule.after)))
    return f"{rule.code} after {after} requires {rule.requires.request_type.__name__}: {rule.requires.identity()}"
