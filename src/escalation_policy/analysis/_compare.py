"""Comparing policies and conditions: what one allows that another does not, with requests as examples."""

from collections.abc import Mapping
from enum import StrEnum, unique
from typing import Any, Final, TypeVar, final

import attrs

from .._engine.conditions import Condition
from .._engine.policy import Policy
from .._engine.rules import Rule
from .._fields import FrozenMapping, check_types
from ..exceptions import Fault, InvalidValueError
from ._solver import check_effort
from .model import EFFORT, Model, Solution
from .typical import describe, start_for

Q = TypeVar("Q")


@final
@unique
class Relation(StrEnum):
    """How a new policy, or a rule of it, relates to the old one."""

    SAME = "same"
    STRICTER = "stricter"
    LOOSER = "looser"
    DIFFERENT = (
        "different"  #: It allows some requests that the old one denies, and denies some that the old one allows.
    )
    ADDED = "added"
    REMOVED = "removed"


@final
@attrs.frozen(repr=False)
class Difference:
    """A request on which two policies, or two conditions, differ.

    Attributes:
        codes: The rules that the request does not meet, of the policy that denies it, in its order; hidden ones too.
        request: A request near the typical one.
        assumed: What functions of the host's would have to answer, by the words of their tests. None: raise.
        confirmed: Whether the policies themselves, asked about the request, differ as told.
        changes: What distinguishes the request from the typical one, in words that show nothing private.
    """

    codes: tuple[str, ...]
    request: Any
    assumed: Mapping[str, bool | None]
    confirmed: bool
    changes: str

    def __str__(self) -> str:
        answers = {True: "holds", False: "does not hold", None: "raises"}
        assumed = " and ".join(f"{words}: {answers[answer]}" for words, answer in self.assumed.items())
        possible = "" if self.confirmed else "possible: "
        codes = f"{', '.join(self.codes)}: " if self.codes else ""
        return f"{possible}{codes}{self.changes}{f' (assumed: {assumed})' if assumed else ''}"

    def __repr__(self) -> str:
        return f"<difference: {self}>"


@final
@attrs.frozen(repr=False)
class Comparison:
    """How a new policy differs from an old one, for all requests.

    Attributes:
        relation: How it relates to the old one.
        now_allowed: Requests that only the new policy allows, one for each combination of rules that stood in their way.
        now_denied: Requests that only the old policy allows, one for each combination of rules that stand in their way.
        rules: How each rule relates to the old one of the same code, alone.
        partial: Whether some values were left out, because a class of the host's refuses them.
    """

    relation: Relation
    now_allowed: tuple[Difference, ...]
    now_denied: tuple[Difference, ...]
    rules: Mapping[str, Relation]
    partial: bool

    def __str__(self) -> str:
        lines = [f"the new policy is {_WORDS[self.relation]}"]
        lines += [
            f"  {_SIGNS[relation]} {code} ({relation})" for code, relation in self.rules.items() if relation in _SIGNS
        ]
        for what, differences in (("now allowed", self.now_allowed), ("now denied", self.now_denied)):
            lines += [what, *(f"  {each}" for each in differences)] if differences else []
        return "\n".join([*lines, *(["some values were left out"] if self.partial else [])])

    def __repr__(self) -> str:
        return f"<comparison: {self.relation}, {len(self.now_allowed)} now allowed, {len(self.now_denied)} now denied>"


_WORDS: Final = {
    Relation.SAME: "the same",
    Relation.STRICTER: "stricter",
    Relation.LOOSER: "looser",
    Relation.DIFFERENT: "different: looser and stricter",
}
_SIGNS: Final = {
    Relation.STRICTER: "-",
    Relation.LOOSER: "+",
    Relation.DIFFERENT: "~",
    Relation.ADDED: "+",
    Relation.REMOVED: "-",
}


def compare(old: Policy[Q], new: Policy[Q], *, like: Q | None = None, effort: int = EFFORT) -> Comparison:
    """Compare two policies for all requests.

    Args:
        old: The policy that decides today.
        new: The policy that shall replace it.
        like: A typical request: examples are near it, and it has every part that the policies read. The default for policies
            over `EscalationRequest` is what `testing.a_request()` makes.
        effort: How many clauses may be looked at.

    Raises:
        InvalidValueError: An argument is invalid, or `like` lacks a part.
        AnalysisLimitError: The answer needs more effort.
    """
    _check_policies(old=old, new=new)
    check_effort(effort)  # policies that are the same need no solver
    like = start_for(old.request_type, like)
    alone = {code: _compare_rules(old, new, code, like, effort) for code in dict.fromkeys([*old, *new])}
    rules = {code: relation for code, (relation, _) in alone.items()}
    partial = any(is_partial for _, is_partial in alone.values())
    looser_in = _suspects(old, new, rules, innocent=Relation.STRICTER)
    stricter_in = _suspects(new, old, rules, innocent=Relation.LOOSER)
    if not (looser_in or stricter_in):
        return Comparison(Relation.SAME, (), (), FrozenMapping(rules), partial)
    model = Model([rule.requires for rule in (*old.rules, *new.rules)], like=like, effort=effort)
    now_allowed = _differences(model, old, new, looser_in)
    now_denied = _differences(model, new, old, stricter_in)
    relation = _relation(looser=bool(now_allowed), stricter=bool(now_denied))
    return Comparison(relation, now_allowed, now_denied, FrozenMapping(rules), partial or model.is_partial)


def find(policy: Policy[Q], when: Condition[Q], *, like: Q | None = None, effort: int = EFFORT) -> Difference | None:
    """Find a request that a policy allows although a condition holds. None proves that there is none.

    Args:
        policy: The policy.
        when: The condition, for example that the agent's account is disabled.
        like: See `compare()`.
        effort: See `compare()`.

    Raises:
        InvalidValueError: An argument is invalid, or `like` lacks a part.
        AnalysisLimitError: The answer needs more effort.
    """
    _check_policies(policy=policy)
    _check_condition("when", when, policy.request_type)
    like = start_for(policy.request_type, like)
    model = Model([when, *(rule.requires for rule in policy.rules)], like=like, effort=effort)
    solution = model.nearest([model.met(when), *(model.met(rule.requires) for rule in policy.rules)])
    if solution is None:
        return None
    request = solution.request
    return _difference(solution, (), policy.allows(request) and _is_met(when, request), like)


def implies(
    condition: Condition[Q], other: Condition[Q], *, like: Q | None = None, effort: int = EFFORT
) -> Difference | None:
    """Find a request that meets a condition and not the other one. None proves that the other one follows.

    Args:
        condition: The condition that is met.
        other: The condition that should follow from it.
        like: See `compare()`.
        effort: See `compare()`.

    Raises:
        InvalidValueError: An argument is invalid, or `like` lacks a part.
        AnalysisLimitError: The answer needs more effort.
    """
    _check_condition("condition", condition)
    _check_condition("other", other, condition.request_type)
    like = start_for(condition.request_type, like)
    model = Model([condition, other], like=like, effort=effort)
    solution = model.nearest([model.met(condition), -model.met(other)])
    if solution is None:
        return None
    request = solution.request
    return _difference(solution, (), _is_met(condition, request) and not _is_met(other, request), like)


def _differences(
    model: Model, denying: Policy[Any], allowing: Policy[Any], suspects: list[str]
) -> tuple[Difference, ...]:
    """Return requests that one policy denies and the other one allows, one for each combination of rules not met."""
    if not suspects:
        return ()
    allowed = [model.met(rule.requires) for rule in allowing.rules]
    met = {rule.code: model.met(rule.requires) for rule in denying.rules}
    differences: dict[tuple[str, ...], Difference] = {}
    for suspect in suspects:
        solution = model.nearest([*allowed, -met[suspect]])
        if solution is not None:
            codes = tuple(code for code, literal in met.items() if not model.solver.value(literal))
            confirmed = allowing.allows(solution.request) and not denying.allows(solution.request)
            differences.setdefault(codes, _difference(solution, codes, confirmed, model.like))
    return tuple(differences.values())


def _suspects(
    denying: Policy[Any], allowing: Policy[Any], rules: Mapping[str, Relation], *, innocent: Relation
) -> list[str]:
    """Return the rules that may deny what the other policy allows: not those that it has too, or that allow as much."""
    shared = {rule.requires.identity for rule in allowing.rules}
    return [
        rule.code
        for rule in denying.rules
        if rule.requires.identity not in shared and rules[rule.code] not in (Relation.SAME, innocent)
    ]


def _compare_rules(old: Policy[Any], new: Policy[Any], code: str, like: Any, effort: int) -> tuple[Relation, bool]:
    """Return how a rule relates to the old one of its code, and whether values were left out."""
    if code not in old or code not in new:
        return (Relation.REMOVED if code in old else Relation.ADDED), False
    before, after = old[code], new[code]
    if before.requires.identity == after.requires.identity:
        return Relation.SAME, False
    model = Model([before.requires, after.requires], like=like, effort=effort)
    was_met, is_met = model.met(before.requires), model.met(after.requires)
    looser, stricter = model.is_possible([is_met, -was_met]), model.is_possible([was_met, -is_met])
    return _relation(looser=looser, stricter=stricter), model.is_partial


def _relation(*, looser: bool, stricter: bool) -> Relation:
    if looser:
        return Relation.DIFFERENT if stricter else Relation.LOOSER
    return Relation.STRICTER if stricter else Relation.SAME


def _difference(solution: Solution, codes: tuple[str, ...], confirmed: bool, like: Any) -> Difference:  # noqa: FBT001
    return Difference(
        codes, solution.request, FrozenMapping(dict(solution.assumed)), confirmed, describe(solution.request, like)
    )


def _is_met(condition: Condition[Any], request: Any) -> bool:
    return Policy("alone", [Rule("alone", condition)]).allows(request)


def _check_policies(**policies: Policy[Any]) -> None:
    check_types(Policy, **policies)
    first, *others = policies.values()
    for other in others:
        if other.request_type is not first.request_type:
            names = f"{first.request_type.__name__} and {other.request_type.__name__}"
            raise InvalidValueError(Fault("new", f"must decide the same type of request as old, got {names}"))


def _check_condition(name: str, condition: Condition[Any], request_type: type | None = None) -> None:
    check_types(Condition, **{name: condition})
    if request_type not in (None, condition.request_type):
        names = f"{request_type.__name__} and {condition.request_type.__name__}"
        raise InvalidValueError(Fault(name, f"must be over the same type of request, got {names}"))
