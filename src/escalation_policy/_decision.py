"""Decisions: the answer to one request, and the reasons it rests on."""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Any, Final, Generic, Protocol, TypeVar, cast, final

import attrs

from ._conditions import R, Truth
from ._rules import Party, Remedy, Rule, Step
from ._values import a, kind_of
from .exceptions import EscalationDeniedError

_R_contra = TypeVar("_R_contra", contravariant=True)


@final
@unique
class Effect(Enum):
    """What a decision says. There is no third: what is not known to be allowed is denied."""

    ALLOW = "allow"
    DENY = "deny"


@final
@unique
class ReasonStatus(Enum):
    """How one rule came out: only `MET` lets anybody through."""

    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "unknown"  #: The host did not supply a fact that it hangs on.
    ERROR = "error"  #: Something it hangs on raised, or was not of the type it was promised to be.


_STATUS: Final = {
    Truth.TRUE: ReasonStatus.MET,
    Truth.FALSE: ReasonStatus.UNMET,
    Truth.ABSENT: ReasonStatus.UNMET,
    Truth.UNKNOWN: ReasonStatus.UNKNOWN,
    Truth.ERROR: ReasonStatus.ERROR,
}

#: What stands for a value that is shown only when revealed.
_MASKS: Final = frozenset({"set", "another value"})


@final
@attrs.frozen
class Evidence:
    """One fact that a reason rests on.

    Attributes:
        fact: Its dotted path, or the name of a predicate.
        required: What is asked of it, in words.
        seen: What stood there: enum members, bools and numbers themselves; otherwise `set`, `not set`,
            `another value`, `unknown`, `error`, or what kind of thing it was.
    """

    fact: str
    required: str
    seen: str

    def __str__(self) -> str:
        return f"{self.fact} {self.required} (seen: {self.seen})"


@final
@attrs.frozen
class Reason:
    """One rule's outcome in one decision.

    Attributes:
        explanation: For administrators: the requirement, and each fact with what was required and seen.
        agent_text: For the agent's screen: no ids, no addresses, nothing of an exception.
        remedy: Who does what to mend it. None for a met rule, or where a host's rule has no remedy.
        source: Where the requirement comes from.
        error: For `ReasonStatus.ERROR`: type, file and line of what raised.
    """

    code: str
    status: ReasonStatus
    explanation: str
    agent_text: str
    evidence: tuple[Evidence, ...]
    remedy: Remedy | None = None
    source: str | None = None
    error: str | None = None


Outcome = tuple[tuple[Reason, ...], tuple[str, ...]]


class Judge(Protocol[_R_contra]):
    """What a decision has to know of the policy that made it."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> str | None: ...
    @property
    def fingerprint(self) -> str: ...
    def judge(self, request: _R_contra, /) -> Outcome:
        """Gives the reasons and the hidden codes."""
        ...


@final
@attrs.frozen
class Judged:
    """Stands for the policy where the reasons are already known: predicates are asked once, a pickle has no policy."""

    id: str
    version: str | None
    fingerprint: str
    outcome: Outcome

    def judge(self, _request: object, /) -> Outcome:
        return self.outcome


@final
class Decision(Generic[R]):
    """The answer to one request. It is true when the request is allowed, and immutable.

    Policies make decisions. Two are equal when effect, reasons, request and fingerprint are.
    """

    __slots__ = ("_allowed", "_judge", "_outcome", "_request")
    _allowed: bool
    _judge: Judge[R]
    _outcome: Outcome
    _request: R

    def __new__(cls) -> "Decision[R]":
        raise TypeError("decisions are made by Policy.decide()")

    @classmethod
    def made(cls, request: R, allowed: bool, judge: Judge[R]) -> "Decision[R]":  # noqa: FBT001  a pickle has no keywords
        """Makes a decision, as a policy's compiled function does it statement by statement."""
        decision = object.__new__(cls)
        decision._request = request
        decision._allowed = allowed
        decision._judge = judge
        return decision

    @property
    def allowed(self) -> bool:
        """Whether the request is allowed."""
        return self._allowed

    def __bool__(self) -> bool:
        return self._allowed

    @property
    def effect(self) -> Effect:
        """`Effect.ALLOW` or `Effect.DENY`."""
        return Effect.ALLOW if self._allowed else Effect.DENY

    @property
    def request(self) -> R:
        """The request that was decided, as it was passed."""
        return self._request

    @property
    def policy_id(self) -> str:
        """The id of the policy that decided."""
        return self._judge.id

    @property
    def policy_version(self) -> str | None:
        """The version that the policy was given, if any."""
        return self._judge.version

    @property
    def fingerprint(self) -> str:
        """What the policy means, as 32 hexadecimal digits; the same in every process."""
        return self._judge.fingerprint

    def _judged(self) -> Outcome:
        try:
            return self._outcome
        except AttributeError:  # nobody has asked yet
            self._outcome = self._judge.judge(self._request)
            return self._outcome

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """In the policy's order: on deny the rules that stand in the way, on allow all rules. Never empty."""
        return self._judged()[0]

    @property
    def hidden(self) -> tuple[str, ...]:
        """Codes of rules that are not met either, and are left out because they come after one of the reasons."""
        return self._judged()[1]

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """The remedies of the reasons, in order, without repeats."""
        return tuple(dict.fromkeys(reason.remedy for reason in self.reasons if reason.remedy is not None))

    def reason(self, code: str) -> Reason | None:
        """Finds the reason of one rule; None where that rule is hidden, met in a denial, or not in the policy."""
        return next((reason for reason in self.reasons if reason.code == code), None)

    def explain(self, *, reveal: bool = False) -> str:
        """Explains the decision to an administrator, in lines.

        Args:
            reveal: Also show the values of ids, addresses and context strings. Keep that out of logs.
        """
        lines = [f"{self.effect.value} {self.policy_id}"]
        for reason in self.reasons:
            error = f" {reason.error}" if reason.error else ""
            lines.append(f"- {reason.code} ({reason.status.value}{error}): {reason.explanation}")
            if reveal:
                masked = [each.fact for each in reason.evidence if each.seen in _MASKS]
                lines += [f"    {fact} = {revealed(self._request, fact)}" for fact in masked]
            lines += [f"    {step.party.value}: {step.text}" for step in (reason.remedy.steps if reason.remedy else ())]
        if self.hidden:
            lines.append(f"Hidden until these are mended: {', '.join(self.hidden)}")
        return "\n".join(lines)

    def raise_if_denied(self) -> None:
        """Does nothing when the request is allowed.

        Raises:
            EscalationDeniedError: It is denied; the error's `decision` is this one.
        """
        if not self._allowed:
            raise EscalationDeniedError(self)

    def __eq__(self, other: object) -> bool:
        return self._compared() == other._compared() if isinstance(other, Decision) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._compared())

    def _compared(self) -> tuple[object, ...]:
        return self._allowed, self.fingerprint, self._request, self.reasons

    def __repr__(self) -> str:
        codes = ", ".join(reason.code for reason in self.reasons)
        hidden = f"; hidden: {', '.join(self.hidden)}" if self.hidden else ""
        return f"<{self.effect.value}: {codes}{hidden}; policy: {self.policy_id}>"

    def __reduce__(self) -> tuple[Any, ...]:
        judge = Judged(self.policy_id, self.policy_version, self.fingerprint, self._judged())
        return Decision.made, (self._request, self._allowed, judge)


def judge_rule(rule: Rule[R], request: R) -> Reason:
    """Answers a rule's condition for one request, alone."""
    truth, findings = rule.requires.answer(request)
    evidence = tuple(dict.fromkeys(Evidence(each.fact, each.required, each.seen) for each in findings))
    error = next((each.error for each in findings if truth is each.truth is Truth.ERROR), None)
    missing = dict.fromkeys(each.fact for each in findings if truth is each.truth is Truth.UNKNOWN)
    developer = (
        f"Supply {', '.join(missing)}." if missing else f"Mend rule {rule.code}, or what it was given." if error else ""
    )
    return _reason(rule, _STATUS[truth], evidence, error, developer)


def refuse(rule: Rule[R], request: object) -> Reason:
    """Answers a rule for something that is not a request of the policy's type, without asking its condition."""
    expected = a(rule.requires.request_type.__name__)
    evidence = (Evidence("request", f"is {expected}", kind_of(request)),)
    return _reason(rule, ReasonStatus.ERROR, evidence, "TypeError", f"Pass {expected}.")


def _reason(
    rule: Rule[Any], status: ReasonStatus, evidence: tuple[Evidence, ...], error: str | None, developer: str
) -> Reason:
    steps = [Step(Party.DEVELOPER, developer)] if developer else []
    if rule.remedy is not None and status is not ReasonStatus.MET:
        steps += rule.remedy.steps
    return Reason(
        code=rule.code,
        status=status,
        explanation=f"{rule.explanation} Required: {_in_words(evidence)}.",
        agent_text=rule.agent_text,
        evidence=evidence,
        remedy=Remedy(steps) if steps else None,
        source=rule.source,
        error=error,
    )


def _in_words(evidence: tuple[Evidence, ...]) -> str:
    """Puts evidence in words, once where the same was seen of two facts that are compared with each other."""
    before = (None, *evidence)
    told = [
        each
        for each, last in zip(evidence, before, strict=False)
        if last is None or each.seen != last.seen or not last.required.endswith(f" {each.fact}")
    ]
    return "; ".join(map(str, told))


def revealed(request: object, fact: str) -> str:
    """Shows the value at a fact's path."""
    value: Any = request
    for name in fact.split("."):
        if isinstance(value, Mapping):
            return repr(cast("Mapping[str, object]", value).get(fact.partition(".")[2]))
        value = getattr(value, name, None)
    return repr(value)
