"""A trial: one policy, the requests over which its laws are tried, and what the policy said of each of them first."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, NamedTuple, TypeVar, final

import attrs

from .. import Facts, Policy, Reason, ReasonStatus, Rule
from .._engine.truth import Failure, Truth
from ._naive import STATUS, Verdict, answer, prerequisites, verdict_of
from ._pool import Leaf, described, leaves, requests, strangers

T = TypeVar("T")

#: How many cases do where each costs much: beside one per rule the first ones, which differ most; some of the rest.
_FIRST: Final = 20
_SOME: Final = 100


@final
class Told(NamedTuple):
    """All that a policy says of a request."""

    verdict: Verdict
    allows: bool
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        opposite = "" if self.allows is self.verdict.allowed else f"; but allows() is {self.allows}"
        return f"{self.verdict}{opposite}"


@final
class Case(NamedTuple):
    """A request, as it was before it was decided; what the policy said; and how each rule comes out naively."""

    request: Any
    before: dict[str, Leaf]
    hashed: int | None
    told: Told
    truths: dict[str, Truth]

    @property
    def status(self) -> dict[str, ReasonStatus]:
        return {code: STATUS[truth] for code, truth in self.truths.items()}

    @property
    def met(self) -> frozenset[str]:
        return frozenset(code for code, truth in self.truths.items() if truth is Truth.TRUE)


@final
class RaisedError(Exception):
    """Something was raised by a policy, which never raises; says on which request."""


@final
class Trial:
    """A policy on trial.

    Args:
        policy: The policy.
        like: A request of its type, from which others are made.
    """

    def __init__(self, policy: Policy[Any], like: Any) -> None:
        self.policy: Final = policy
        self.asked: Final = policy.request_type
        self.after: Final = prerequisites(policy.rules)
        self._like: Final = like
        # Decided before any other is made: a predicate that counts is still at its beginning.
        self.cases: Final = [self._case(like)]
        self.cases.extend(map(self._case, (*strangers(like), *requests(policy, like))))
        first = _FIRST + len(policy.rules)
        self.first: Final = self.cases[:first]
        self.some: Final = [*self.first, *drawn(self.cases[first:], _SOME)]

    def _case(self, request: Any) -> Case:
        before, hashed = leaves(request), hash_of(request)
        told = self.tell(self.policy, request)
        truths = {rule.code: answer(rule.requires, request) for rule in self.policy.rules}
        return Case(request, before, hashed, told, truths)

    def is_request(self, case: Case) -> bool:
        """Says whether a case is about a request, or about something else that was passed for one."""
        return issubclass(type(case.request), self.asked)

    def ask(self, question: Callable[[Any], T], request: Any) -> T:
        """Asks a policy something, which must not raise."""
        try:
            return question(request)
        except Exception as error:
            raise RaisedError(
                self.breach("a policy raises", request, "a decision", Failure.of_exception(error).error)
            ) from error

    def tell(self, policy: Policy[Any], request: Any) -> Told:
        """Asks a policy all there is to know about a request."""

        def told(request: Any) -> Told:
            decision = policy.decide(request)
            return Told(verdict_of(decision), policy.allows(request), decision.reasons)

        return self.ask(told, request)

    def failing(self, rule: Rule[Any], fault: str, predicate: Callable[[Any], Any]) -> Policy[Any]:
        """Makes the same policy, but for what one rule asks."""
        return self.policy.replace(attrs.evolve(rule, requires=Facts(self.asked).predicate(fault, predicate)))

    def breach(self, what: str, request: Any, expected: object, came: object) -> str:
        """Tells how a law is broken."""
        return f"{what}\n  request: {described(request, self._like)}\n  expected: {expected}\n  came: {came}"


def drawn(values: Sequence[T], most: int) -> list[T]:
    """Draws some, in another order; always the same ones."""
    return Random(0).sample(values, min(len(values), most))  # noqa: S311  nothing here is secret


def hash_of(value: object) -> int | None:
    """Gives the hash of a request, or of what is made of one; None where it has none."""
    try:
        return hash(value)
    except Exception:  # noqa: BLE001  a request need not be hashable
        return None
