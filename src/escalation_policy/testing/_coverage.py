"""Rule coverage: how often each rule of each policy had which outcome, and the report for the terminal.

A rule is one code with one condition in policies of one id, so variants of a policy share the rules that they have in
common. A rule is covered if it was met at least once and decisive at least once. It is decisive if it is the only reason
for a denial.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final, final

import attrs

from .. import ESCALATE_TO_VIDEO, Decision, EscalationRequest, Policy, ReasonStatus
from .._fields import with_article
from .._locks import ForkSafeLock
from ..exceptions import AnalysisLimitError, InvalidValueError
from ._builders import a_request
from ._obligations import Aim, missing_aims, shown_aims
from ._search import NoSuchRequestError

OUTCOMES: Final[tuple[str, ...]] = ("met", "unmet", "unknown", "error", "decisive")
#: The outcomes that a covered rule has had.
REQUIRED: Final[tuple[str, ...]] = ("met", "decisive")

#: The rules that a decision found not met: code and status of each.
_NotMet = tuple[tuple[str, str], ...]
#: For each policy, its id and the fields of its `RuleCoverage`s.
Data = list[tuple[str, list[dict[str, Any]]]]


@final
@attrs.define
class RuleCoverage:
    """How often one rule had each outcome.

    Attributes:
        code: The rule's code.
        identity: What its condition means, as a text.
        counts: How often it had each of `OUTCOMES`.
        hints: For a missing outcome of `REQUIRED`: the call that makes such a request, or why no call does.
        obligations: For each result with which a test of the rule never decided: the request that is missing.
    """

    code: str
    identity: str
    counts: dict[str, int]
    hints: dict[str, str] = attrs.field(factory=dict[str, str])
    obligations: dict[str, str] = attrs.field(factory=dict[str, str])

    @property
    def missing(self) -> dict[str, str]:
        """The hints for the outcomes of `REQUIRED` that the rule never had."""
        return {outcome: self.hints[outcome] for outcome in REQUIRED if not self.counts[outcome]}


@final
class DecisionCounts:
    """Counts the decisions of one process. Any number of threads may add to it.

    Args:
        only: The ids of the policies to count. Empty: all policies.
        with_obligations: Whether to collect which tests decided, too.
    """

    def __init__(self, only: Iterable[str], *, with_obligations: bool = False) -> None:
        self._only: Final = frozenset(only)
        self._with_obligations: Final = with_obligations
        self._lock: Final = ForkSafeLock()
        self._policies: Final[dict[object, Policy[Any]]] = {}
        self._counts: Final[dict[object, Counter[_NotMet]]] = {}
        self._shown: Final[dict[object, set[Aim]]] = {}
        #: A request of each policy over another type, if possible an allowed one.
        self._typical: Final[dict[object, Decision[Any]]] = {}

    def add(self, policy: Policy[Any], decision: Decision[Any]) -> None:
        """Count one decision."""
        if self._only and policy.id not in self._only:
            return
        not_met = () if decision else _rules_not_met(decision)
        # The fingerprint holds the name of the request type only, and two types may have one name.
        key = policy.id, policy.fingerprint, policy.request_type
        # The decision keeps what functions answered, so that they are not asked again.
        shown = shown_aims(policy, decision._readings()) if self._with_obligations else set[Aim]()
        with self._lock:
            self._policies.setdefault(key, policy)
            self._counts.setdefault(key, Counter())[not_met] += 1
            self._shown.setdefault(key, set()).update(shown)
            if self._with_obligations and (decision or key not in self._typical):
                self._typical[key] = decision

    def to_data(self) -> Data:
        """Return the counts as plain data, which can be sent to another process."""
        rules = [(policy, _count_rules(policy, self._counts[key])) for key, policy in self._policies.items()]
        by_key = [(policy, rule, (policy.id, rule.code, rule.identity)) for policy, each in rules for rule in each]
        settled = {(key, outcome) for _, rule, key in by_key for outcome in REQUIRED if rule.counts[outcome]}
        # A hint takes a search, so that variants of a policy share the hints for the rules that they share.
        for policy, rule, key in by_key:
            for outcome in REQUIRED:
                if (key, outcome) not in settled:
                    settled.add((key, outcome))
                    rule.hints[outcome] = _hint(policy, rule.code, outcome)
        if self._with_obligations:
            for policy_key, (policy, each) in zip(self._policies, rules, strict=True):
                self._add_obligations(policy_key, policy, {rule.code: rule for rule in each})
        return [(policy.id, [attrs.asdict(rule) for rule in each]) for policy, each in rules]

    def _add_obligations(self, key: object, policy: Policy[Any], rules: dict[str, RuleCoverage]) -> None:
        like = None if policy.request_type is EscalationRequest else self._typical[key].request
        try:
            missing = missing_aims(policy, self._shown[key], like=like)
        except (AnalysisLimitError, InvalidValueError) as error:
            next(iter(rules.values())).obligations[""] = f"no analysis of policy {policy.id!r}: {error}"
            return
        for aim, obligation in missing.items():
            rules[aim.code].obligations[f"{aim.key} {aim.truth.name}"] = str(obligation)


def _rules_not_met(decision: Decision[Any]) -> _NotMet:
    reasons = [reason for reason in decision._all_reasons() if reason.status is not ReasonStatus.MET]
    return tuple([(reason.code, reason.status.value) for reason in reasons])


def _count_rules(policy: Policy[Any], counts: Counter[_NotMet]) -> list[RuleCoverage]:
    """Sum up the decisions of a policy for each of its rules, in the policy's order."""
    by_code: dict[str, dict[str, int]] = {code: dict.fromkeys(OUTCOMES, 0) for code in policy}
    for not_met, times in counts.items():
        statuses = dict(not_met)
        for code, outcomes in by_code.items():
            outcomes[statuses.get(code, "met")] += times
        reasons = statuses.keys() - policy.hidden_among(statuses)
        if len(reasons) == 1:
            by_code[reasons.pop()]["decisive"] += times
    return [RuleCoverage(rule.code, rule.requires.identity, by_code[rule.code]) for rule in policy.rules]


def _hint(policy: Policy[Any], code: str, outcome: str) -> str:
    """Return the call of `a_request()` that gives a rule this outcome, or why no call does."""
    request_type = policy.request_type
    if request_type is not EscalationRequest:
        purpose = "meets this rule" if outcome == "met" else "is denied by this rule alone"
        return f"{with_article(request_type.__name__)} that {purpose} is missing"
    arguments: dict[str, Any] = {"denied_by": code} if outcome == "decisive" else {}
    words = [f'{name}="{value}"' for name, value in arguments.items()]
    if (policy.id, policy.fingerprint) != (ESCALATE_TO_VIDEO.id, ESCALATE_TO_VIDEO.fingerprint):
        arguments["policy"] = policy
        words.append("policy=policy")
    try:
        a_request(**arguments)
    except NoSuchRequestError as error:
        return str(error)
    return f"a_request({', '.join(words)})"


@final
@attrs.frozen
class PolicyCoverage:
    """The rules of the policies of one id.

    Attributes:
        id: The id.
        rules: By label: the rule's code, numbered if several conditions have that code.
    """

    id: str
    rules: dict[str, RuleCoverage]

    @property
    def covered(self) -> int:
        """How many of the rules are covered."""
        return sum(not rule.missing for rule in self.rules.values())


@final
class Coverage:
    """The sum of what several processes counted. The order in which they are added does not matter."""

    def __init__(self) -> None:
        self._rules: Final[dict[str, dict[tuple[str, str], RuleCoverage]]] = {}
        self._orders: Final[dict[str, set[tuple[str, ...]]]] = {}

    def add(self, data: Data) -> None:
        """Add the `DecisionCounts` of one process."""
        for policy_id, fields in data:
            rules = [RuleCoverage(**each) for each in fields]
            self._orders.setdefault(policy_id, set()).add(tuple(rule.code for rule in rules))
            by_key = self._rules.setdefault(policy_id, {})
            for rule in rules:
                # If nobody had an outcome, the first rule of a key has the hint for it.
                total = by_key.setdefault((rule.code, rule.identity), rule)
                if total is not rule:
                    total.counts = {outcome: times + rule.counts[outcome] for outcome, times in total.counts.items()}
                    # What one process or one variant of a policy has shown, or cannot show, the others need not show.
                    total.obligations = {
                        each: words for each, words in total.obligations.items() if each in rule.obligations
                    }

    def policies(self) -> list[PolicyCoverage]:
        """Return the policies by id, each with its rules in the order of its longest variant."""
        return [PolicyCoverage(policy_id, self._labelled(policy_id)) for policy_id in sorted(self._rules)]

    def _labelled(self, policy_id: str) -> dict[str, RuleCoverage]:
        orders = sorted(self._orders[policy_id], key=lambda codes: (-len(codes), codes))
        labelled: dict[str, RuleCoverage] = {}
        for code in dict.fromkeys(chain.from_iterable(orders)):
            rules = [rule for rule in self._rules[policy_id].values() if rule.code == code]
            for number, rule in enumerate(sorted(rules, key=lambda rule: rule.identity), start=1):
                labelled[code if number == 1 else f"{code} ({number})"] = rule
        return labelled


def count_covered(policies: Sequence[PolicyCoverage]) -> tuple[int, int]:
    """Return how many rules are covered, and how many rules there are."""
    return sum(policy.covered for policy in policies), sum(len(policy.rules) for policy in policies)


def percent(policies: Sequence[PolicyCoverage]) -> float:
    """Return the share of covered rules, rounded down to a tenth, so that only full coverage is 100."""
    covered, rules = count_covered(policies)
    return 1000 * covered // rules / 10 if rules else 0.0


def report(policies: Sequence[PolicyCoverage]) -> list[str]:
    """Return the lines for the terminal: a table for each policy, and what is missing."""
    lines: list[str] = []
    for policy in policies:
        lines += [f"{policy.id}: {_summary(policy)}", *_table(policy)]
        for label, rule in policy.rules.items():
            lines += [f"  {label} was never {outcome}: {hint}" for outcome, hint in rule.missing.items()]
    return [*lines, f"all policies: {_summary(*policies)}"] if len(policies) > 1 else lines


def report_obligations(policies: Sequence[PolicyCoverage]) -> list[str]:
    """Return the lines for the terminal: the requests that each policy still needs so that each test of it decides."""
    lines: list[str] = []
    for policy in policies:
        missing: dict[str, None] = {
            words: None for rule in policy.rules.values() for words in rule.obligations.values()
        }
        total = "each test decided, met and not met" if not missing else "requests in which a test decides are missing"
        lines += [f"{policy.id}: {total}", *(f"  {words}" for words in missing)]
    return lines


def _summary(*policies: PolicyCoverage) -> str:
    covered, rules = count_covered(policies)
    return f"{covered} of {rules} rules covered, {percent(policies)} %"


def _table(policy: PolicyCoverage) -> list[str]:
    counts = [[label, *(str(rule.counts[outcome]) for outcome in OUTCOMES)] for label, rule in policy.rules.items()]
    cells = [["rule", *OUTCOMES], *counts]
    first, *others = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(["", label.ljust(first), *(cell.rjust(width) for cell, width in zip(row, others, strict=True))])
        for label, *row in cells
    ]
