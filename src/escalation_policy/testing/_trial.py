"""A trial: one policy, the requests that it is tried on, and its response to each of them."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final, NamedTuple, TypeVar, final

import attrs

from .. import Decision, Facts, Policy, Reason, ReasonStatus, Rule
from .._engine.decision import truth_alone
from .._engine.truth import Failure, Truth
from ..analysis.typical import Leaf, describe, leaves_of
from ._requests import make_requests, not_requests

T = TypeVar("T")

#: How many examples an expensive law uses: one for each rule and the first ones, which differ most, and some of the rest.
_FIRST: Final = 20
_SOME: Final = 100
#: The same as in the engine, written a second time so that a mistake there shows.
_STATUSES: Final = {
    Truth.TRUE: ReasonStatus.MET,
    Truth.FALSE: ReasonStatus.UNMET,
    Truth.ABSENT: ReasonStatus.UNMET,
    Truth.UNKNOWN: ReasonStatus.UNKNOWN,
    Truth.ERROR: ReasonStatus.ERROR,
}


@final
class Verdict(NamedTuple):
    """The effect of a decision, the codes and statuses of its reasons, and its hidden codes."""

    allowed: bool
    reasons: tuple[tuple[str, ReasonStatus], ...]
    hidden: tuple[str, ...]

    @classmethod
    def of(cls, decision: Decision[Any]) -> "Verdict":
        """Return the verdict of a decision."""
        return cls(decision.allowed, tuple((each.code, each.status) for each in decision.reasons), decision.hidden)

    @classmethod
    def from_statuses(cls, statuses: Mapping[str, ReasonStatus], after: Mapping[str, frozenset[str]]) -> "Verdict":
        """Return the verdict that follows from the status of each rule, and from the prerequisites of each rule."""
        not_met = {code for code, status in statuses.items() if status is not ReasonStatus.MET}
        hidden = tuple(code for code in statuses if code in not_met and after[code] & not_met)
        reported = [code for code in statuses if code not in hidden and (code in not_met or not not_met)]
        return cls(not not_met, tuple((code, statuses[code]) for code in reported), hidden)

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(code for code, _ in self.reasons)

    def __str__(self) -> str:
        if self.allowed:
            return "allow"
        hidden = f"; hidden: {', '.join(self.hidden)}" if self.hidden else ""
        return f"deny: {', '.join(f'{code} ({status.value})' for code, status in self.reasons)}{hidden}"


@final
class Response(NamedTuple):
    """The answers of `decide()` and `allows()` to one request."""

    verdict: Verdict
    allows: bool
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        contradiction = "" if self.allows is self.verdict.allowed else f"; but allows() is {self.allows}"
        return f"{self.verdict}{contradiction}"


@final
class Example(NamedTuple):
    """A request that a policy is tried on.

    Attributes:
        leaves: The values of the request before it was decided.
        hash: Its hash before it was decided, if it has one.
        response: The first response of the policy.
        truths: The truth of each rule, answered alone.
    """

    request: Any
    leaves: dict[str, Leaf]
    hash: int | None
    response: Response
    truths: dict[str, Truth]

    @property
    def statuses(self) -> dict[str, ReasonStatus]:
        return {code: _STATUSES[truth] for code, truth in self.truths.items()}

    @property
    def met(self) -> frozenset[str]:
        return frozenset(code for code, truth in self.truths.items() if truth is Truth.TRUE)


@final
class RaisedError(Exception):
    """A policy raised something, which it must never do. The message describes the request."""


@final
class Trial:
    """A policy and the examples that it is tried on.

    Args:
        policy: The policy.
        like: A request of its type, from which others are made.

    Attributes:
        after: The prerequisites of each rule.
        examples: All examples.
        first: The first of them, which differ most.
        some: The first ones and some of the rest.
    """

    def __init__(self, policy: Policy[Any], like: Any) -> None:
        self.policy: Final = policy
        self.request_type: Final = policy.request_type
        self.after: Final = {code: policy.prerequisites(code) for code in policy}
        self._like: Final = like
        # It is decided before any other request is made: a predicate that counts its calls is still at its start.
        self.examples: Final = [self._example(like)]
        self.examples.extend(map(self._example, (*not_requests(like), *make_requests(policy, like))))
        first = _FIRST + len(policy.rules)
        self.first: Final = self.examples[:first]
        self.some: Final = [*self.first, *sample(self.examples[first:], _SOME)]

    def _example(self, request: Any) -> Example:
        leaves, hashed = leaves_of(request), hash_of(request)
        response = self.respond(self.policy, request)
        truths = {rule.code: truth_alone(rule, request) for rule in self.policy.rules}
        return Example(request, leaves, hashed, response, truths)

    def is_request(self, example: Example) -> bool:
        """Return whether an example has a request of the policy's type. Some have another object."""
        return issubclass(type(example.request), self.request_type)

    def call(self, function: Callable[[Any], T], request: Any) -> T:
        """Call a function of a policy, which must not raise.

        Raises:
            RaisedError: It raised.
        """
        try:
            return function(request)
        except Exception as error:
            actual = Failure.of_exception(error).error
            raise RaisedError(self.breach("a policy raises", request, "a decision", actual)) from error

    def respond(self, policy: Policy[Any], request: Any) -> Response:
        """Return the response of a policy to a request."""

        def response(request: Any) -> Response:
            decision = policy.decide(request)
            return Response(Verdict.of(decision), policy.allows(request), decision.reasons)

        return self.call(response, request)

    def with_predicate(self, rule: Rule[Any], name: str, function: Callable[[Any], Any]) -> Policy[Any]:
        """Return the same policy with a predicate as the condition of one rule."""
        return self.policy.replace(attrs.evolve(rule, requires=Facts(self.request_type).predicate(name, function)))

    def breach(self, what: str, request: Any, expected: object, actual: object) -> str:
        """Describe how a law is broken."""
        return f"{what}\n  request: {describe(request, self._like)}\n  expected: {expected}\n  actual: {actual}"


def sample(values: Sequence[T], size: int) -> list[T]:
    """Return some of the values in another order; always the same ones."""
    return Random(0).sample(values, min(len(values), size))  # noqa: S311  nothing here is secret


def hash_of(value: object) -> int | None:
    """Return the hash of a request or of a decision about it. None if it has no hash."""
    try:
        return hash(value)
    except Exception:  # noqa: BLE001  a request need not be hashable
        return None
