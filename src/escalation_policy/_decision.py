"""Decisions: the answer to one request, and the reasons it rests on."""

from collections.abc import Mapping
from typing import Any, Final, Generic, NamedTuple, cast, final

import attrs

from ._conditions import Answer, R
from ._enums import Effect, Party, ReasonStatus
from ._fields import a, kind_of
from ._rules import Remedy, Rule, Step
from ._truth import Finding, Truth
from .exceptions import EscalationDeniedError

#: In the order of `Truth`. What is absent is simply not there, which somebody can mend: unmet.
STATUSES: Final = tuple(map(ReasonStatus, ("unmet", "met", "unmet", "unknown", "error")))
#: What the agent reads where a rule's own text might be untrue.
_UNCHECKED: Final = "This could not be checked. Please tell whoever looks after this application."


@final
class Evidence(NamedTuple):
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


@final
@attrs.frozen
class Reason:
    """One rule's outcome in one decision.

    Attributes:
        explanation: For administrators: the rule's explanation, what it requires, and what was seen of each fact.
        agent_text: For the agent's screen: no ids, no addresses, nothing of an exception. The rule's text, or where its
            outcome is unknown or an error, that it could not be checked.
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


@final
class Judge(NamedTuple):
    """What a decision that was pickled knows of the policy that made it; otherwise it knows the policy itself."""

    id: str
    version: str | None
    fingerprint: str


@final
class Decision(Generic[R]):
    """The answer to one request. It is true when the request is allowed, and immutable.

    Policies make decisions. Two are equal when effect, reasons, request and fingerprint are.
    """

    __slots__ = ("_allowed", "_judge", "_outcome", "_request")
    _allowed: bool
    _judge: Judge
    _outcome: Outcome
    _request: R

    def __new__(cls) -> "Decision[R]":
        raise TypeError("decisions are made by Policy.decide()")

    @classmethod
    def _made(cls, request: R, allowed: bool, judge: Any, outcome: Outcome) -> "Decision[R]":  # noqa: FBT001  a pickle has no keywords
        """Makes a decision of which all is known: predicates are asked only once, and a pickle takes no policy along."""
        decision = object.__new__(cls)
        decision._request = request
        decision._allowed = allowed
        decision._judge = judge
        decision._outcome = outcome
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
        if not hasattr(self, "_outcome"):  # nobody has asked yet
            policy: Any = self._judge
            self._outcome = policy._judge(self._request)
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
            for each in reason.evidence if reveal else ():
                lines += [f"    {fact} = {value}" for fact, value in unmasked(self._request, each).items()]
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
        judge = Judge(self.policy_id, self.policy_version, self.fingerprint)
        return Decision._made, (self._request, self._allowed, judge, self._judged())


def answer_rule(rule: Rule[R], request: R) -> Answer:
    """Answers a rule's condition for one request, alone. What is no such request does not reach the condition."""
    expected = rule.requires.request_type
    if issubclass(type(request), expected):
        return rule.requires.answer(request)
    refusal = Finding("request", f"is {a(expected.__name__)}", kind_of(request), Truth.ERROR, "TypeError")
    return Truth.ERROR, (refusal,)


def reason_of(rule: Rule[Any], answer: Answer) -> Reason:
    """Puts in words how a rule was answered."""
    truth, evidence = answer[0], evidence_of(answer)
    seen = "; ".join(f"{each.fact} = {each.seen}" for each in evidence)
    required = rule.requires.words()
    told = rule.explanation if required in rule.explanation else f"{rule.explanation} Required: {required}."
    agent_text = rule.agent_text if truth <= Truth.ABSENT else _UNCHECKED
    explanation, remedy, error = f"{told} Seen: {seen}.", remedy_of(rule, answer), error_of(answer)
    return Reason(rule.code, STATUSES[truth], explanation, agent_text, evidence, remedy, rule.source, error)


def evidence_of(answer: Answer) -> tuple[Evidence, ...]:
    """Says what was required and seen, without repeats."""
    return tuple(dict.fromkeys([Evidence(each.fact, each.required, each.seen) for each in answer[1]]))


def error_of(answer: Answer) -> str | None:
    """Says what raised, where that made the answer an error."""
    return next((each.error for each in answer[1] if answer[0] is each.truth is Truth.ERROR), None)


def remedy_of(rule: Rule[Any], answer: Answer) -> Remedy | None:
    """Says who mends what came out so; what is unknown or an error, the developer does first."""
    truth, findings = answer
    if truth <= Truth.ABSENT:
        return None if truth is Truth.TRUE else rule.remedy
    missing = dict.fromkeys(each.fact for each in findings if truth is each.truth is Truth.UNKNOWN)
    first = f"Supply {', '.join(missing)}." if missing else f"Mend rule {rule.code}, or what it is given."
    return Remedy((Step(Party.DEVELOPER, first), *(rule.remedy.steps if rule.remedy else ())))


def unmasked(request: object, evidence: Evidence) -> dict[str, str]:
    """Shows what evidence masks: the value of its fact and, where that is compared with another fact, of that one."""
    # What is required of a fact ends with the other fact.
    other = evidence.required.rpartition(" ")[2]
    facts = [evidence.fact, *([other] if "." in other else [])] if evidence.seen in ("set", "another value") else []
    values = {fact: _read(request, fact) for fact in facts}
    return {fact: repr(value) for fact, value in values.items() if value is not None}


def _read(owner: object, fact: str) -> object:
    if isinstance(owner, Mapping):
        return cast("Mapping[str, object]", owner).get(fact)
    name, _, rest = fact.partition(".")
    value = getattr(owner, name, None)
    return _read(value, rest) if rest else value
