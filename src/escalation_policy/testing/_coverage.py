"""Rule coverage: how the rules of every policy decided came out, and which of them was ever all that was in the way.

A rule is one code with one condition in policies of one id: variants of a policy share the rules that they share. It is
covered when it was met at least once, and decisive at least once: the only reason for a denial.
"""

import sys
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from itertools import chain, count
from operator import itemgetter
from types import ModuleType
from typing import Any, Final, final

import attrs

from .. import ESCALATE_TO_VIDEO, Decision, EscalationRequest, Policy, ReasonStatus
from .._fields import with_article
from ._builders import a_request
from ._search import NoSuchRequestError

OUTCOMES: Final[tuple[str, ...]] = ("met", "unmet", "unknown", "error", "decisive")
#: What a rule needs to have been to be covered.
NEEDED: Final[tuple[str, ...]] = ("met", "decisive")
#: How many answers wait until they are counted, all at once.
_BATCH: Final = 256

#: Each rule that was not met, and how it came out.
_NotMet = tuple[tuple[str, str], ...]
Data = list[tuple[str, list[dict[str, Any]]]]


@final
@attrs.frozen
class Example:
    """How to make a request that is missing, or why there is none to make."""

    call: str | None = None
    why: str | None = None


@final
@attrs.define
class Row:
    """What is known of one rule.

    Attributes:
        identity: What its condition means.
        requires: Its condition, in words.
        counts: How often it came out which way, for each of `OUTCOMES`.
        examples: How to make it what it needs to have been, where it was not.
    """

    code: str
    identity: str
    requires: str
    counts: dict[str, int]
    examples: dict[str, Example] = attrs.field(factory=dict[str, Example])

    @property
    def missing(self) -> dict[str, Example]:
        """What it needs to have been, and never was."""
        return {each: self.examples[each] for each in NEEDED if not self.counts[each]}


@final
class Tally:
    """Counts how often which rules of a policy were not met. Any number of threads may add to it."""

    def __init__(self, policy: Policy[Any]) -> None:
        self.policy: Final = policy
        self._counts: Final[dict[_NotMet, count[int]]] = {}

    def add(self, not_met: _NotMet) -> None:
        """Adds one answer, which this policy gave or another one that means the same."""
        # No other thread comes between a counter's step, nor between looking up and setting a default.
        next(self._counts.setdefault(not_met, count()))

    def rows(self) -> list[Row]:
        """Sums up, in the policy's order. It can be asked once, at the end."""
        counts: dict[str, dict[str, int]] = {code: dict.fromkeys(OUTCOMES, 0) for code in self.policy}
        for not_met, counter in list(self._counts.items()):
            times, statuses = next(counter), dict(not_met)
            shown = statuses.keys() - self.policy.hidden_among(statuses)
            for code, outcomes in counts.items():
                outcomes[statuses.get(code, "met")] += times
            if len(shown) == 1:
                counts[shown.pop()]["decisive"] += times
        return [
            Row(rule.code, rule.requires.identity, _plain(rule.requires.words()), counts[rule.code])
            for rule in self.policy.rules
        ]


def _not_met(decision: Decision[Any]) -> _NotMet:
    reasons = [reason for reason in decision._all_reasons() if reason.status is not ReasonStatus.MET]
    return tuple([(reason.code, reason.status.value) for reason in reasons])


def _plain(text: str) -> str:
    """Escapes what a name of a host's may hold and no file can."""
    return text.encode(errors="backslashreplace").decode()


@final
class Tallies:
    """Counts for every policy that decides.

    Args:
        only: The ids of the policies that count; all, where none is given.
    """

    def __init__(self, only: Iterable[str]) -> None:
        self._only: Final = frozenset(only)
        self._tallies: Final[dict[object, Tally]] = {}
        self._waiting: Final[deque[tuple[Policy[Any], Decision[Any] | None]]] = deque()

    def add(self, policy: Policy[Any], decision: Decision[Any]) -> None:
        """Add one decision."""
        if self._only and policy.id not in self._only:
            return
        self._waiting.append((policy, None if decision else decision))
        if len(self._waiting) >= _BATCH:
            self._catch_up()

    def _catch_up(self) -> None:
        """Count what waits. A test would spend many times as long on each, with all that it has to load first."""
        with suppress(IndexError):
            while True:
                policy, denial = self._waiting.popleft()
                key = policy.id, policy.fingerprint, policy.request_type
                tally = self._tallies.get(key) or self._tallies.setdefault(key, Tally(policy))
                tally.add(() if denial is None else _not_met(denial))

    def data(self) -> Data:
        """Gives, for each policy, its id and its rows, as data that goes to another process. Once, at the end."""
        self._catch_up()
        told = [(tally.policy, tally.rows()) for tally in list(self._tallies.values())]
        keyed = [(policy, row, (policy.id, row.code, row.identity)) for policy, rows in told for row in rows]
        had = {(key, each) for _, row, key in keyed for each in NEEDED if row.counts[each]}
        examples = _Examples()
        for policy, row, key in keyed:
            for each in NEEDED:
                if (key, each) not in had:
                    had.add((key, each))
                    row.examples[each] = examples.of(policy, row, each)
        return [(policy.id, [attrs.asdict(row) for row in rows]) for policy, rows in told]


@final
class _Examples:
    """Writes calls of `a_request()` down, and tries them."""

    @cached_property
    def _names(self) -> dict[tuple[str, str], str]:
        """What modules call their policies, by id and fingerprint."""
        modules = [module for module in list(sys.modules.values()) if type(module) is ModuleType]
        found = [pair for module in modules for pair in list(vars(module).items()) if type(pair[1]) is Policy]
        # Of several names the first in the alphabet, which is the same one in every process.
        return {
            (policy.id, policy.fingerprint): name for name, policy in sorted(found, key=itemgetter(0), reverse=True)
        }

    def of(self, policy: Policy[Any], row: Row, outcome: str) -> Example:
        """Says how to make a row's rule what it never was."""
        asked = policy.request_type
        if asked is not EscalationRequest:
            wanted = "meets this rule" if outcome == "met" else "is denied by this rule alone"
            return Example(why=f"{with_article(asked.__name__)} that {wanted} is missing")
        given: dict[str, Any] = {"denied_by": row.code} if outcome == "decisive" else {}
        words = [f'{name}="{code}"' for name, code in given.items()]
        if (policy.id, policy.fingerprint) != (ESCALATE_TO_VIDEO.id, ESCALATE_TO_VIDEO.fingerprint):
            given["policy"] = policy
            words.append(f"policy={self._names.get((policy.id, policy.fingerprint), 'policy')}")
        try:
            a_request(**given)
        except NoSuchRequestError as error:
            return Example(why=_plain(str(error)))
        return Example(call=f"a_request({', '.join(words)})")


@final
@attrs.frozen
class Figures:
    """What is known of the policies of one id.

    Attributes:
        rows: By label: the code, numbered where there are several conditions under it.
    """

    id: str
    rows: dict[str, Row]

    @property
    def covered(self) -> int:
        """How many of the rules are covered."""
        return sum(not row.missing for row in self.rows.values())


@final
class Coverage:
    """Sums up what processes told, whatever order they told it in."""

    def __init__(self) -> None:
        self._rows: Final[dict[str, dict[tuple[str, str], Row]]] = {}
        self._orders: Final[dict[str, set[tuple[str, ...]]]] = {}

    def add(self, data: Data) -> None:
        """Adds what the `Tallies` of one process gave."""
        for policy_id, told in data:
            rows = [_row(**each) for each in told]
            self._orders.setdefault(policy_id, set()).add(tuple(row.code for row in rows))
            known = self._rows.setdefault(policy_id, {})
            for row in rows:
                # The first row that another joins has the examples: what nobody has seen, it has not seen.
                same = known.setdefault((row.code, row.identity), row)
                if same is not row:
                    same.counts = {each: times + row.counts[each] for each, times in same.counts.items()}

    def figures(self) -> list[Figures]:
        """Lists the policies by id, each with its rules in the order of its longest variant."""
        return [Figures(policy_id, self._labelled(policy_id)) for policy_id in sorted(self._rows)]

    def _labelled(self, policy_id: str) -> dict[str, Row]:
        orders = sorted(self._orders[policy_id], key=lambda codes: (-len(codes), codes))
        labelled: dict[str, Row] = {}
        for code in dict.fromkeys(chain.from_iterable(orders)):
            rows = [row for row in self._rows[policy_id].values() if row.code == code]
            for number, row in enumerate(sorted(rows, key=lambda row: row.identity), start=1):
                labelled[code if number == 1 else f"{code} ({number})"] = row
        return labelled


def _row(examples: Mapping[str, Mapping[str, Any]], **fields: Any) -> Row:
    return Row(**fields, examples={outcome: Example(**example) for outcome, example in examples.items()})
