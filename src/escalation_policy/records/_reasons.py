"""Reasons: what stood in the way of a decision, as far as a record tells it."""

from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Final, final

from .._engine.decision import Reason
from .._engine.operators import OPERATORS
from .._engine.paths import Path
from .._engine.policy import Policy
from .._engine.tests import Evidence
from ._record import RecordedReason, unchecked

#: What evidence may say of a fact that is masked: it tells nothing of the value that the status does not tell.
_SHOWS_NOTHING: Final = frozenset({"set", "not set", "another value", "unknown", "error"})
#: How many different reasons of a policy are kept: they come again and again.
_REASONS: Final = 1024


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
        tests = [test for rule in policy.rules for test in rule.requires.tests]
        asked = {test.name for test in tests if not test.paths}
        # A predicate may be called as a fact is.
        self._shown: Final = ({"request", *paths} - asked | asked.intersection(reveal)).difference(masked)
        # A negated test that is not met would tell the value, by what it asks.
        self._words: Final = {
            (test.subject, test.requirement()): f"{OPERATORS[test.kind].words[True]} (a certain value)"
            for test in tests
            if test.negated and test.operand is not None and not test.opaque and str(test.paths[0]) in masked
        }
        self._ambiguous: Final = {name for name, path in paths.items() if _is_ambiguous(path)}
        self._recorded: Final = lru_cache(_REASONS)(self._make)

    def recorded(self, reasons: Iterable[Reason]) -> tuple[RecordedReason, ...]:
        """Return the reasons of a denial as they stand in its record."""
        return tuple(map(self._recorded, reasons))

    def _make(self, reason: Reason) -> RecordedReason:
        """Mask what was seen of facts that are masked, and what predicates answered that are not revealed."""
        evidence = tuple([self._masked(each) for each in reason.evidence])
        return unchecked(RecordedReason, code=reason.code, status=reason.status, evidence=evidence, error=reason.error)

    def _masked(self, evidence: Evidence) -> Evidence:
        fact, required, seen, compared_with = evidence
        if fact in self._shown:
            return evidence
        shows_nothing = seen in _SHOWS_NOTHING and fact not in self._ambiguous
        required = self._words.get((fact, required), required)
        return Evidence(fact, required, seen if shows_nothing else "masked", compared_with)


def _is_ambiguous(path: Path) -> bool:
    """Says whether what is seen of a fact may be the value of a member, though it reads as if it told nothing."""
    kind = path.member or path.kind
    return isinstance(kind, type(Enum)) and not _SHOWS_NOTHING.isdisjoint(
        {str(member.value) for member in kind} - {"unknown"}
    )
