"""Examining one policy: rules and operands that cannot do what somebody may expect of them."""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum, unique
from itertools import pairwise
from typing import Any, Final, TypeVar, final

import attrs

from .._engine.conditions import Condition, Junction
from .._engine.policy import Policy
from .._engine.rules import Rule
from .._engine.tests import Test
from .._fields import check_types
from .model import EFFORT, Model
from .typical import start_for

Q = TypeVar("Q")


@final
@unique
class FindingKind(StrEnum):
    """What is remarkable about a policy or a rule."""

    NEVER_ALLOWS = "never allows"  #: No request meets all rules.
    ALWAYS_MET = "always met"  #: Every request meets the rule.
    NEVER_MET = "never met"  #: No request meets the rule.
    IMPLIED = "implied"  #: Who meets other rules meets this one. Without it, the policy decides the same.
    ONLY_EXPLAINS = (
        "only explains"  #: Implied by rules that come after it: it never decides, but it explains denials better.
    )
    ALWAYS_HIDDEN = "always hidden"  #: If it is not met, a rule that it comes after is not met either.
    NO_DIFFERENCE = "no difference"  #: Without the operand, the policy decides the same.


_WORDS: Final = {
    FindingKind.NEVER_ALLOWS: "no request meets {because} together, so nothing is ever allowed",
    FindingKind.ALWAYS_MET: "{code} is met by every request, so it never denies",
    FindingKind.NEVER_MET: "{code} is met by no request",
    FindingKind.IMPLIED: "{code} follows from {because}, so the policy decides the same without it",
    FindingKind.ONLY_EXPLAINS: "{code} never decides, since {because} requires more; keep it, because it explains denials better",
    FindingKind.ALWAYS_HIDDEN: "{code} is never a reason, since it is only unmet if {because} is not met either",
    FindingKind.NO_DIFFERENCE: "in {code}, the policy decides the same without: {operand}",
}


@final
@attrs.frozen
class Finding:
    """One remarkable thing about a policy.

    Attributes:
        code: The rule. None for the whole policy.
        because: The rules that cause it; none of them can be left out.
        operand: The operand that makes no difference, in words.
    """

    kind: FindingKind
    code: str | None = None
    because: tuple[str, ...] = ()
    operand: str | None = None

    def __str__(self) -> str:
        because = " and ".join(self.because)
        return f"{self.kind}: {_WORDS[self.kind].format(code=self.code, because=because, operand=self.operand)}"


@final
@attrs.frozen
class Examination:
    """What is remarkable about a policy.

    Attributes:
        findings: All findings, in the order of the rules.
        partial: Whether some values were left out, because a class of the host's refuses them.
    """

    findings: tuple[Finding, ...]
    partial: bool

    def __str__(self) -> str:
        lines = [str(finding) for finding in self.findings] or ["nothing remarkable"]
        return "\n".join([*lines, *(["some values were left out"] if self.partial else [])])


def examine(policy: Policy[Q], *, like: Q | None = None, effort: int = EFFORT) -> Examination:
    """Find rules and operands of a policy that cannot do what somebody may expect of them.

    If the policy never allows anything, nothing else is reported about it than the rules that cause this.

    Args:
        policy: The policy.
        like: A typical request, see `compare()`.
        effort: How many clauses may be looked at.

    Raises:
        InvalidValueError: An argument is invalid, or `like` lacks a part.
        AnalysisLimitError: The answer needs more effort.
    """
    check_types(Policy, policy=policy)
    start = start_for(policy.request_type, like)
    model = Model([rule.requires for rule in policy.rules], like=start, effort=effort)
    met = {rule.code: model.met(rule.requires) for rule in policy.rules}
    if not model.is_possible(met.values()):
        core = model.smallest_core(met.values())
        clash = _codes(met, core)
        never = [Finding(FindingKind.NEVER_MET, code) for code in policy if not model.is_possible([met[code]])]
        return Examination((*never, Finding(FindingKind.NEVER_ALLOWS, because=clash)), model.is_partial)
    findings = [
        finding
        for rule in policy.rules
        for finding in (*_of_rule(policy, rule.code, model, met), *_of_operands(rule, model, met))
    ]
    return Examination(tuple(findings), model.is_partial)


def _of_operands(rule: Rule[Any], model: Model, met: dict[str, int]) -> Iterator[Finding]:
    others = [literal for code, literal in met.items() if code != rule.code]
    for words, smaller in _without_one_operand(rule.requires):
        literals = met[rule.code], -model.met(smaller)
        if not any(model.is_possible([*others, *each]) for each in (literals, [-literal for literal in literals])):
            yield Finding(FindingKind.NO_DIFFERENCE, rule.code, operand=words)


def _of_rule(policy: Policy[Any], code: str, model: Model, met: dict[str, int]) -> Iterator[Finding]:
    if not model.is_possible([-met[code]]):
        yield Finding(FindingKind.ALWAYS_MET, code)
        return

    def causes(codes: Collection[str]) -> tuple[str, ...]:
        """Return rules without which this one is met too; empty if these rules do not make sure of that."""
        literals = [-met[code], *(met[each] for each in codes)]
        core = [] if model.is_possible(literals) else model.smallest_core(literals)
        return _codes({each: met[each] for each in policy if each in codes}, core)

    if because := causes(policy.prerequisites(code)):
        yield Finding(FindingKind.ALWAYS_HIDDEN, code, because)
    others = [each for each in policy if each != code]
    unrelated = [each for each in others if code not in policy.prerequisites(each)]
    if because := causes(unrelated):
        yield Finding(FindingKind.IMPLIED, code, because)
    elif because := causes(others):
        yield Finding(FindingKind.ONLY_EXPLAINS, code, because)


def _codes(met: Mapping[str, int], core: Collection[int]) -> tuple[str, ...]:
    """Return the rules of a core. Rules that mean the same have one literal, and one of them is enough."""
    first: dict[int, str] = {}
    for code, literal in met.items():
        first.setdefault(literal, code)
    return tuple(code for literal, code in first.items() if literal in core)


def _without_one_operand(condition: Condition[Any]) -> Iterator[tuple[str, Condition[Any]]]:
    """Yield the words of each operand of a condition, and the condition without it."""
    steps = condition.steps
    # Where the operands of each junction begin, by the place of the junction.
    stack: list[int] = []
    for place, step in enumerate(steps):
        if type(step) is Junction:
            starts = stack[-step.size :]
            for start, end in pairwise([*starts, place]):
                operand = Condition(condition.request_type, steps[start:end])
                joined: tuple[Test | Junction, ...] = (Junction(step.word, step.size - 1),) if step.size > 2 else ()
                rest = (*steps[:start], *steps[end:place], *joined, *steps[place + 1 :])
                yield operand.words(hidden=True), Condition(condition.request_type, rest)
            del stack[-step.size :]
            stack.append(starts[0])
        else:
            stack.append(place)
