"""Reasons: what stood in the way of a decision, as far as a record tells it."""

from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Final, final

from .._conditions import Answer, Condition, Junction
from .._decision import STATUSES, Decision, Evidence, error_of, evidence_of, remedy_of
from .._enums import Party, ReasonStatus
from .._operators import OPERATORS
from .._paths import Path, is_scalar
from .._policy import Policy
from .._rules import Remedy
from ._forms import FactValue
from ._record import RecordedReason, unchecked

#: What evidence may say of a fact that is masked: it tells nothing of the value that the status does not tell.
_TELLS_NOTHING: Final = frozenset({"set", "not set", "another value", "unknown", "error"})
#: How many different reasons of a policy are kept: they come again and again.
_REASONS: Final = 1024

#: A reason, and who acts first to mend it.
_Recorded = tuple[RecordedReason, Party | None]
InTheWay = tuple[tuple[RecordedReason, ...], tuple[str, ...], Party | None]


@final
class Reasons:
    """The reasons of one policy.

    Args:
        policy: The policy.
        paths: The facts that records hold, by name.
        masked: Which of them are masked.
        reveal: The names of predicates whose answers are shown.
    """

    def __init__(
        self, policy: Policy[Any], paths: Mapping[str, Path], masked: Collection[str], reveal: Collection[str]
    ) -> None:
        self._policy: Final = policy
        tests = [test for rule in policy.rules for test in rule.requires.tests()]
        asked = {test.name for test in tests if not test.paths}
        # A predicate may be called as a fact is.
        self._shown: Final = ({"request", *paths} - asked | asked.intersection(reveal)).difference(masked)
        # A negated test that is not met would tell the value, by what it asks.
        self._words: Final = {
            (test._subject, test._required): f"{OPERATORS[test.kind].words[True]} (a certain value)"
            for test in tests
            if test.negated and test.operand is not None and not test.opaque and str(test.paths[0]) in masked
        }
        self._ambiguous: Final = {name for name, path in paths.items() if _is_ambiguous(path)}
        #: By code: what the reason of a rule follows from, and of what only whether it is there.
        self._telling: Final = {
            rule.code: [(str(path), path.kind is str) for test in rule.requires.tests() for path in test.paths]
            for rule in policy.rules
            if _is_told_by_facts(rule.requires)
        }
        self._of_answer: Final = lru_cache(_REASONS)(self._made)
        self._known: Final = dict[tuple[object, ...], InTheWay]()

    def in_the_way(self, decision: Decision[Any], facts: Mapping[str, FactValue], unknown: tuple[str, ...]) -> InTheWay:
        """Says what stands in the way, what is hidden behind that, and who acts next.

        Args:
            decision: The decision.
            facts: The facts of its request, not masked yet.
            unknown: Which of these we were not told.
        """
        if hasattr(decision, "_outcome"):
            told = [
                self._recorded(each.code, each.status, each.evidence, each.error, each.remedy)
                for each in decision.reasons
            ]
            return _in_the_way(told, decision.hidden)
        request = decision.request
        codes = tuple([rule.code for rule, is_met in self._policy._checks if not is_met(request)])
        try:
            seen = [
                facts[name] is None if is_text else facts[name]
                for code in codes
                for name, is_text in self._telling[code]
            ]
        except KeyError:
            return self._answered(request)
        # INVARIANT: what these have in common, the answers to all rules that are not met have in common.
        key = (codes, unknown, *seen)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _REASONS:
                self._known.clear()
            known = self._known[key] = self._answered(request)
        return known

    def _answered(self, request: Any) -> InTheWay:
        """Asks one by one. A record holds none of the reasons' texts, which take as long to make as the rest of it."""
        shown, hidden = self._policy._answered(request)
        return _in_the_way([self._of_answer(rule.code, answer) for rule, answer in shown], hidden)

    def _made(self, code: str, answer: Answer) -> _Recorded:
        remedy = remedy_of(self._policy[code], answer)
        return self._recorded(code, STATUSES[answer[0]], evidence_of(answer), error_of(answer), remedy)

    def _recorded(
        self, code: str, status: ReasonStatus, evidence: Iterable[Evidence], error: str | None, remedy: Remedy | None
    ) -> _Recorded:
        """Makes a reason; masks what was seen of facts that are masked, and what predicates said that are not revealed."""
        masked = tuple([self._masked(each) for each in evidence])
        reason = unchecked(RecordedReason, code=code, status=status, evidence=masked, error=error)
        return reason, remedy.steps[0].party if remedy else None

    def _masked(self, evidence: Evidence) -> Evidence:
        fact, required, seen = evidence
        if fact in self._shown:
            return evidence
        tells_nothing = seen in _TELLS_NOTHING and fact not in self._ambiguous
        return Evidence(fact, self._words.get((fact, required), required), seen if tells_nothing else "masked")


def _in_the_way(told: list[_Recorded], hidden: tuple[str, ...]) -> InTheWay:
    return tuple([reason for reason, _ in told]), hidden, next((party for _, party in told if party), None)


def _is_told_by_facts(condition: Condition[Any]) -> bool:
    """Says whether the answer of a condition that is not met follows from its facts, and of strs from their being there.

    Of tests that are joined by `or` none is met. Which are, where some are joined by `and`, only the strs themselves tell.
    What is opaque does not come here: it was answered when the decision was made.
    """
    kinds = [path.member or path.kind for test in condition.tests() for path in test.paths]
    return all(map(is_scalar, kinds)) and not (str in kinds and _joins_by_and(condition))


def _joins_by_and(condition: Condition[Any]) -> bool:
    return isinstance(condition, Junction) and (condition.word == "and" or any(map(_joins_by_and, condition.operands)))


def _is_ambiguous(path: Path) -> bool:
    """Says whether what is seen of a fact may be the value of a member, though it reads as if it told nothing."""
    kind = path.member or path.kind
    return isinstance(kind, type(Enum)) and not _TELLS_NOTHING.isdisjoint(
        {str(member.value) for member in kind} - {"unknown"}
    )
