"""Decisions: the answer to one request, and the reasons that it rests on."""

from typing import Any, Final, Generic, Literal, NamedTuple, NoReturn, cast, final

import attrs

from .._enums import Effect, Party, ReasonStatus
from .._fields import kind_of, type_name, with_article
from ..exceptions import EscalationDeniedError, Fault, InvalidValueError
from .conditions import R
from .rules import Remedy, Rule, Step, default_explanation
from .tests import Answer, Evidence, Finding, Readings
from .truth import Failure, Truth, has_value

#: By truth. An absent value is known not to be there, and somebody can fix that: unmet.
STATUSES: Final = {
    Truth.FALSE: ReasonStatus.UNMET,
    Truth.TRUE: ReasonStatus.MET,
    Truth.ABSENT: ReasonStatus.UNMET,
    Truth.UNKNOWN: ReasonStatus.UNKNOWN,
    Truth.ERROR: ReasonStatus.ERROR,
}
#: What the agent reads if nobody could check a rule, so that its own text might be untrue.
UNCHECKED: Final = "This could not be checked. Please tell the administrator of this application."

Audience = Literal["agent", "administrator"]


@final
@attrs.frozen(kw_only=True, cache_hash=True)
class Reason:
    """One rule's outcome in one decision.

    Attributes:
        requirement: What the rule requires, in words.
        explanation: For administrators: the rule's own explanation, or its requirement as a sentence.
        agent_text: For the agent's screen: no ids, no addresses, nothing of an exception. The rule's text, or that it
            could not be checked if the status is `unknown` or `error`.
        evidence: What the outcome rests on.
        remedy: Who does what to meet the rule. None for a rule that is met, or that has no remedy.
        source: Where the requirement comes from.
        error: For `ReasonStatus.ERROR`: type, file and line of what failed.
    """

    code: str
    status: ReasonStatus
    requirement: str
    _explanation: str | None = attrs.field(default=None, alias="explanation")
    agent_text: str
    evidence: tuple[Evidence, ...]
    remedy: Remedy | None = None
    source: str | None = None
    error: str | None = None
    #: Requirement and evidence without what the condition compares with.
    _masked: tuple[str, tuple[Evidence, ...]] = attrs.field(default=("", ()), alias="masked", eq=False, repr=False)

    @property
    def explanation(self) -> str:
        """The rule's own explanation, or its requirement as a sentence."""
        return self._explanation or default_explanation(self.requirement)

    def lines(self) -> list[str]:
        """Return the explanation, what is required unless the explanation is just that, and what was seen."""
        required = [f"Required: {self.requirement}."] if self._explanation else []
        values = "; ".join(f"{each.fact} = {each.seen}" for each in self.evidence) or "nothing"
        return [self.explanation, *required, f"Seen: {values}."]

    def _to_dict(self, audience: Audience) -> dict[str, Any]:
        plain = {"code": self.code, "status": self.status.value, "agent_text": self.agent_text}
        if audience == "agent":
            return plain
        requirement, evidence = self._masked
        steps = self.remedy.steps if self.remedy else ()
        return {
            **plain,
            "requirement": requirement,
            "evidence": [each._asdict() for each in evidence],
            "remedy": [{"party": step.party.value, "text": step.text} for step in steps],
        }


@final
class Outcome(NamedTuple):
    """The reasons of a decision, and the codes of the rules that hide behind these."""

    reasons: tuple[Reason, ...]
    hidden: tuple[str, ...]


@final
class PolicyStamp(NamedTuple):
    """What a pickled decision knows of the policy that made it."""

    id: str
    version: str | None
    fingerprint: str


class _Sealed(type):
    """Reserves the making of instances for policies."""

    def __call__(cls, *_: object, **__: object) -> NoReturn:
        raise TypeError("decisions are made by Policy.decide()")


@final
class Decision(Generic[R], metaclass=_Sealed):
    """The answer to one request: immutable, and true if the request is allowed.

    Policies make decisions. Two are equal if effect, reasons, request and fingerprint are.
    """

    # `_notes` is what may change later, as it was when the decision was made: a tuple in the order of `Inputs.noted`, or
    # complete `Readings`. A decision that rests on nothing of that kind has none. `_outcome` is made when it is first read.
    __slots__ = ("_allowed", "_notes", "_outcome", "_policy", "_request")
    _allowed: bool
    _notes: tuple[object, ...] | Readings
    _outcome: Outcome
    _policy: PolicyStamp  # or the policy itself
    _request: R

    @classmethod
    def _make(cls, request: R, allowed: bool, policy: Any, notes: Readings) -> "Decision[R]":  # noqa: FBT001
        decision = NEW_DECISION()
        decision._request, decision._allowed, decision._policy, decision._notes = request, allowed, policy, notes
        return decision

    @classmethod
    def _restore(cls, allowed: bool, stamp: PolicyStamp, outcome: Outcome, readings: Readings) -> "Decision[R]":  # noqa: FBT001
        """Make a decision again from its pickle."""
        decision = cls._make(cast("R", readings.request), allowed, stamp, readings)
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
        return self._policy.id

    @property
    def policy_version(self) -> str | None:
        """The version of the policy that decided, if it has one."""
        return self._policy.version

    @property
    def fingerprint(self) -> str:
        """What the policy means, as 32 hexadecimal digits; the same in every process."""
        return self._policy.fingerprint

    @property
    def _explainer(self) -> Any:
        policy: Any = self._policy
        return policy._explainer

    def _readings(self) -> Readings:
        """Return what the decision rests on. Records, `explain()` and pickle read requests through this, and only this.

        It asks no opaque function, and reads nothing again that may have changed since.
        """
        notes = getattr(self, "_notes", ())
        return notes if type(notes) is Readings else self._explainer.readings(self._request, notes)

    def _all_reasons(self) -> list[Reason]:
        """Return the reasons of all rules, in order, whether they are met or hidden; a pickled decision cannot."""
        reasons: list[Reason] = self._explainer.each(self._request, getattr(self, "_notes", ()))
        return reasons

    def _explained(self) -> Outcome:
        if not hasattr(self, "_outcome"):  # nobody has read the reasons yet
            self._outcome = self._explainer.outcome(self._request, getattr(self, "_notes", ()))
        return self._outcome

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """For a denial the rules that stand in the way, otherwise all rules. In the policy's order, and never empty."""
        return self._explained().reasons

    @property
    def hidden(self) -> tuple[str, ...]:
        """Codes of rules that are not met either, and are left out because they come after one of the reasons."""
        return self._explained().hidden

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """The remedies of the reasons, in order, without repeats."""
        return tuple(dict.fromkeys(reason.remedy for reason in self.reasons if reason.remedy is not None))

    def reason(self, code: str) -> Reason | None:
        """Return the reason of one rule. None if that rule is hidden, met in a denial, or not in the policy."""
        return next((reason for reason in self.reasons if reason.code == code), None)

    def explain(self, *, reveal: bool = False) -> str:
        """Explain the decision to an administrator, in lines.

        Args:
            reveal: Also show ids, addresses, and strings and numbers of the context. Keep these out of logs.
        """
        lines = [f"{self.effect.value} {self.policy_id}"]
        for reason in self.reasons:
            error = f" {reason.error}" if reason.error else ""
            lines.append(f"- {reason.code} ({reason.status.value}{error}): {' '.join(reason.lines())}")
            for evidence in reason.evidence if reveal else ():
                lines += [f"    {fact} = {value}" for fact, value in self._revealed(evidence).items()]
            lines += [f"    {step.party.value}: {step.text}" for step in (reason.remedy.steps if reason.remedy else ())]
        if self.hidden:
            lines.append(f"Hidden until these are fixed: {', '.join(self.hidden)}")
        return "\n".join(lines)

    def _revealed(self, evidence: Evidence) -> dict[str, str]:
        """Return what evidence does not show: the value of its fact and of the fact that it is compared with."""
        readings = self._readings()
        paths = [
            path for path in readings.inputs.paths.values() if str(path) in (evidence.fact, evidence.compared_with)
        ]
        hidden = [path for path in paths if str(path) != evidence.fact or not (path.shows_value or path.shows_number)]
        in_order = sorted(hidden, key=lambda path: str(path) != evidence.fact)
        return {str(path): repr(value) for path in in_order if has_value(value := readings.value(path))}

    def to_dict(self, audience: Audience = "agent") -> dict[str, Any]:
        """Return the decision as plain data for JSON. It holds no id and no text of the request.

        Args:
            audience: "agent" for the agent's screen: whether it is allowed, and per reason `code`, `status` and
                `agent_text`. "administrator" adds `hidden` and per reason `requirement`, `evidence` and `remedy`, with
                `(a certain value)` for strings and numbers that a condition compares with.

        Raises:
            InvalidValueError: There is no such audience.
        """
        if audience not in ("agent", "administrator"):
            raise InvalidValueError(Fault.mismatch("audience", kind_of(audience), '"agent" or "administrator"'))
        data = {"allowed": self._allowed, "reasons": [reason._to_dict(audience) for reason in self.reasons]}
        return data if audience == "agent" else {**data, "hidden": list(self.hidden)}

    def raise_if_denied(self) -> None:
        """Do nothing if the request is allowed.

        Raises:
            EscalationDeniedError: It is denied. The error's `decision` is this one.
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
        # Predicates may be functions that no pickle can hold, so the policy stays behind and everything it read comes along.
        stamp = PolicyStamp(self.policy_id, self.policy_version, self.fingerprint)
        return Decision._restore, (self._allowed, stamp, self._explained(), self._readings().complete())


#: Makes an empty decision, past the metaclass. It is faster than `object.__new__`.
NEW_DECISION: Final = cast("type[Decision[Any]]", type.__call__.__get__(Decision))


def answer_rule(rule: Rule[Any], readings: Readings) -> Answer:
    """Answer a rule's condition, alone."""
    failure = readings.failure
    if failure is None:
        return rule.requires.answer(readings)
    evidence = Evidence("request", f"is {with_article(type_name(rule.requires.request_type))}", failure.shown)
    return Truth.ERROR, (Finding(evidence, evidence, Truth.ERROR, failure.error),)


def truth_of_rule(rule: Rule[Any], readings: Readings) -> Truth:
    """Answer a rule's condition, alone, without findings."""
    return rule.requires.truth(readings) if readings.failure is None else Truth.ERROR


def truth_alone(rule: Rule[Any], request: object) -> Truth:
    """Answer a rule's condition for a request that no policy has read."""
    failure = refusal(request, rule.requires.request_type)
    return truth_of_rule(rule, Readings(rule.requires.inputs, request, {}, failure))


def refusal(request: object, request_type: type) -> Failure | None:
    """Return why something cannot be decided at all: it is no request of the type."""
    return None if issubclass(type(request), request_type) else Failure(kind_of(request), "TypeError")


def reason_of(rule: Rule[Any], answer: Answer, unchecked: str = UNCHECKED) -> Reason:
    """Put in words how a rule was answered."""
    truth, findings = answer
    missing = [each.evidence.fact for each in findings if truth is each.truth is Truth.UNKNOWN]
    return make_reason(
        rule,
        STATUSES[truth],
        tuple(dict.fromkeys(each.evidence for each in findings)),
        masked=tuple(dict.fromkeys(each.masked for each in findings)),
        missing=missing,
        error=error_of(answer),
        unchecked=unchecked,
    )


def error_of(answer: Answer) -> str | None:
    """Return type, file and line of what failed, if that made the answer an error."""
    return next((each.error for each in answer[1] if answer[0] is each.truth is Truth.ERROR), None)


def make_reason(  # noqa: PLR0913  a reason has as many parts
    rule: Rule[Any],
    status: ReasonStatus,
    evidence: tuple[Evidence, ...],
    *,
    masked: tuple[Evidence, ...] = (),
    missing: Any = (),
    error: str | None = None,
    unchecked: str = UNCHECKED,
) -> Reason:
    """Make the reason of a rule from its parts.

    Args:
        rule: The rule.
        status: Its outcome.
        evidence: What the outcome rests on.
        masked: The same for `Decision.to_dict()`.
        missing: The facts that nobody supplied.
        error: What failed.
        unchecked: What the agent reads if the rule could not be checked.
    """
    is_checked = status in (ReasonStatus.MET, ReasonStatus.UNMET)
    return Reason(
        code=rule.code,
        status=status,
        requirement=rule.requires.words(),
        explanation=rule._explanation,
        agent_text=rule.agent_text if is_checked else unchecked,
        evidence=evidence,
        remedy=_remedy(rule, status, missing),
        source=rule.source,
        error=error,
        masked=(rule.requires.words(hidden=True), masked),
    )


def _remedy(rule: Rule[Any], status: ReasonStatus, missing: Any) -> Remedy | None:
    """Return the remedy for this outcome. For an unknown or an error, the developer's step comes first."""
    if status is ReasonStatus.MET:
        return None
    if status is ReasonStatus.UNMET:
        return rule.remedy
    facts = ", ".join(dict.fromkeys(missing))
    first = f"Supply {facts}." if facts else f"Fix rule {rule.code}, or what it is given."
    return Remedy((Step(Party.DEVELOPER, first), *(rule.remedy.steps if rule.remedy else ())))
