"""Recording: from a decision to its record."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from functools import lru_cache, partial, reduce
from typing import Any, Final, final

from .._engine.compiler import compile_reader
from .._engine.decision import Decision, PolicyStamp, Reason
from .._engine.operators import OPERATORS
from .._engine.paths import Path
from .._engine.policy import Policy
from .._engine.tests import Evidence, Readings, Test
from .._engine.truth import Missing, has_value
from .._fields import FrozenMapping, kind_of, to_utc, with_article
from .._request import EscalationRequest
from ..exceptions import Fault, InvalidValueError
from ._facts import FactValue, codec_of
from ._masking import check_key, check_mask, mask_of, put_tokens, to_places
from ._parsing import SCHEMA_VERSION
from ._record import ABOUT, DecisionRecord, RecordedReason, unchecked

#: How many recorders one policy keeps.
_RECORDERS: Final = 64
#: How many reasons one recorder keeps.
_REASONS: Final = 256
#: What evidence may show of a masked fact: it says no more about the value than the status does.
_SHOWS_NO_VALUE: Final = frozenset({"set", "not set", "another value", "unknown", "error"})
_NO_OUTPUTS: Final = FrozenMapping[bool]({})


def record(  # noqa: PLR0913  # a record has as many sides
    decision: Decision[Any],
    *,
    at: datetime,
    id: str,  # noqa: A002
    policy: Policy[Any] | None = None,
    correlation_id: str | None = None,
    facts_read_at: datetime | None = None,
    key: bytes | None = None,
    reveal: Iterable[str] = (),
    mask: Iterable[str] = (),
) -> DecisionRecord:
    """Return the record of a decision.

    By default, the record masks private facts, context values, and facts of your own request types unless you mark them
    public with `metadata={"escalation_policy.public": True}`.

    Args:
        decision: The decision.
        at: When it was made, with a zone.
        id: Your id of the decision.
        policy: The policy that decided. Needed if the decision was pickled, because a pickle leaves the policy behind.
        correlation_id: Connects the record to other records of yours.
        facts_read_at: When the facts were read, with a zone.
        key: Makes tokens that are the same in every record. Anyone who has the key can find the value behind a token.
        reveal: Dotted paths of facts to show although they are masked by default, each with everything below it; and
            names of predicates whose answers are recorded.
        mask: Dotted paths of facts to mask as well, each with everything below it. It wins over `reveal`.

    Raises:
        InvalidValueError: An argument is not accepted.
    """
    recorder = recorder_of(decision, policy, to_places("reveal", reveal), to_places("mask", mask))
    check_key(key)
    return recorder.record(decision, at=at, id=id, correlation_id=correlation_id, facts_read_at=facts_read_at, key=key)


def recorder_of(
    decision: Decision[Any], policy: Policy[Any] | None, reveal: frozenset[str], mask: frozenset[str]
) -> "Recorder":
    """Return the recorder for a decision, which belongs to the policy that made the decision.

    Raises:
        InvalidValueError: The decision is not a `Decision`, its policy is missing, or `policy` is another one.
    """
    if type(decision) is not Decision:
        raise InvalidValueError(Fault.mismatch("decision", kind_of(decision), with_article("Decision")))
    return _policy_of(decision, policy)._derive_once(_recorders)(reveal, mask)


def _recorders(policy: Policy[Any]) -> Callable[[frozenset[str], frozenset[str]], "Recorder"]:
    """Return the function that makes and keeps the recorders of a policy."""
    return lru_cache(_RECORDERS)(partial(Recorder, policy))


def _policy_of(decision: Decision[Any], policy: Policy[Any] | None) -> Policy[Any]:
    decider: Any = decision._policy if policy is None else policy
    accepted = "the policy that made this decision"
    if type(decider) is PolicyStamp:
        problem = "is missing: a pickled decision comes without its policy, so pass the policy that made it"
        raise InvalidValueError(Fault("policy", problem, found="None", accepted=accepted))
    if type(decider) is not Policy:
        raise InvalidValueError(Fault.mismatch("policy", kind_of(decider), "a Policy or None"))
    if decider.fingerprint != decision.fingerprint:
        raise InvalidValueError(Fault("policy", f"is not {accepted}", found="another policy", accepted=accepted))
    return decider


@final
class Recorder:
    """Makes the records of one policy's decisions with one choice of what to mask.

    What to read, to encode and to mask depends only on the policy and that choice, so it is prepared once.
    """

    def __init__(self, policy: Policy[Any], reveal: frozenset[str], mask: frozenset[str]) -> None:
        tests = [test for rule in policy.rules for test in rule.requires.tests]
        request_type = policy.request_type
        check_mask(mask, request_type)
        paths = {str(path): path for test in tests for path in test.paths}
        if issubclass(request_type, EscalationRequest):
            for name in ABOUT.values():
                paths.setdefault(name, reduce(Path.then, name.split("."), Path(request_type)))
        ambiguous = facts_of_several_types(tests)
        recorded = {name: path for name, path in sorted(paths.items()) if name not in ambiguous}
        self._policy: Final = policy
        self._codes: Final = tuple(policy)
        self._masks: Final = [(name, kind) for name, path in recorded.items() if (kind := mask_of(path, reveal, mask))]

        # Facts that stay as they were read come from one compiled function, the others from what the decision noted.
        self._lasting: Final = {name: path for name, path in recorded.items() if path.lasting}
        self._noted: Final = {name: path for name, path in recorded.items() if not path.lasting}
        self._read: Final = compile_reader(self._lasting.values())
        self._may_be_unknown: Final = {
            name: path for name, path in recorded.items() if any(hop.unknown_when_none for hop in path.hops)
        }
        # Strings and bools are stored as they are.
        self._encoders: Final = {
            name: codec_of(path.kind).encode for name, path in recorded.items() if path.kind not in (str, bool)
        }

        self._revealed_tests: Final = [test for test in tests if test.opaque and test.name in reveal]
        predicates = {test.name for test in tests if not test.paths}
        masked = dict(self._masks)
        # A predicate may have the name of a fact.
        shown = ({"request", *recorded} - predicates) | (predicates & reveal)
        self._shown: Final = frozenset(shown.difference(masked))
        # If a negated test is not met, the value is what the test compares with.
        self._hidden_requirements: Final = {
            (test.subject, test.requirement()): f"{OPERATORS[test.kind].words[True]} (a certain value)"
            for test in tests
            if test.negated and test.operand is not None and not test.opaque and str(test.paths[0]) in masked
        }
        #: Reasons that recur. Those that show a number are not kept: it may be personal.
        self._reasons: Final[dict[Reason, RecordedReason]] = {}
        self._numbers: Final = {str(path) for test in tests for path in test.paths if path.shows_number}
        self._revealing_words: Final = {name for name, path in recorded.items() if _has_revealing_word(path)}

    def record(  # noqa: PLR0913  as `record()`
        self,
        decision: Decision[Any],
        *,
        at: datetime,
        id: str,  # noqa: A002
        correlation_id: str | None,
        facts_read_at: datetime | None,
        key: bytes | None,
        outcome: str | None = None,
    ) -> DecisionRecord:
        """Return the record of a decision of this policy, perhaps of a click with an outcome. The rest is as in `record()`.

        Raises:
            InvalidValueError: An id is not a non-empty string, or a time has no zone.
        """
        readings = decision._readings().of(self._policy._explainer.inputs)
        facts, unknown = self._facts_of(readings)
        masked = put_tokens(facts, self._masks, key)
        is_allowed = decision.allowed
        reasons = () if is_allowed else decision.reasons
        parties = [reason.remedy.steps[0].party for reason in reasons if reason.remedy]
        fields = {
            "id": _text("id", id),
            "at": to_utc("at", at),
            "effect": decision.effect,
            "policy_id": decision.policy_id,
            "policy_version": decision.policy_version,
            "fingerprint": self._policy.fingerprint,
            "reasons": tuple([self._recorded(reason) for reason in reasons]),
            "met": self._codes if is_allowed else (),
            "hidden": () if is_allowed else decision.hidden,
            "next_party": parties[0] if parties else None,
            "facts": FrozenMapping(facts),
            "unknown": unknown,
            "masked": masked,
            "outputs": self._outputs_of(readings),
            "correlation_id": None if correlation_id is None else _text("correlation_id", correlation_id),
            "facts_read_at": None if facts_read_at is None else to_utc("facts_read_at", facts_read_at),
            "outcome": outcome,
            "schema_version": SCHEMA_VERSION,
        }
        return unchecked(DecisionRecord, fields)

    def _facts_of(self, readings: Readings) -> tuple[dict[str, FactValue], tuple[str, ...]]:
        """Return all facts, and the names of those that nobody supplied. Facts that could not be read are left out."""
        if readings.failure is not None:
            return {}, ()
        request = readings.request
        values = None if readings.is_complete else self._read(request)
        if values is None:
            facts, unknown = self._read_each(readings, self._lasting)
        else:
            facts = dict(zip(self._lasting, values, strict=True))
            for name, encode in self._encoders.items():
                value = facts.get(name)
                if value is not None:
                    facts[name] = value = encode(value)
                    if value is None:
                        del facts[name]
            # None of these is either absent or unknown. The compiled function does not tell which.
            nothing = [(name, path) for name, path in self._may_be_unknown.items() if facts.get(name, "") is None]
            unknown = [name for name, path in nothing if path.read(request) is Missing.UNKNOWN]
        if self._noted:
            noted, also_unknown = self._read_each(readings, self._noted)
            facts |= noted
            unknown = sorted([*unknown, *also_unknown])
        return facts, tuple(unknown)

    def _read_each(self, readings: Readings, paths: Mapping[str, Path]) -> tuple[dict[str, Any], list[str]]:
        """Read facts one by one. Return them, and the names of those that nobody supplied."""
        facts: dict[str, Any] = {}
        unknown: list[str] = []
        for name, path in paths.items():
            value = readings.value(path)
            if value is Missing.UNKNOWN and name not in self._may_be_unknown:
                value = path.unknown
            if type(value) is Missing:
                facts[name] = None
                if value is Missing.UNKNOWN:
                    unknown.append(name)
            elif has_value(value):
                encode = self._encoders.get(name)
                encoded = encode(value) if encode else value
                if encoded is not None:
                    facts[name] = encoded
        return facts, unknown

    def _outputs_of(self, readings: Readings) -> FrozenMapping[bool]:
        """Return the answers of revealed predicates. Answers that are not bools are left out."""
        if not self._revealed_tests or readings.failure is not None:
            return _NO_OUTPUTS
        answers = {
            test.question: readings.answer(test)
            for test in self._revealed_tests
            if all(has_value(readings.value(path)) for path in test.paths)
        }
        return FrozenMapping({question: answer for question, answer in answers.items() if type(answer) is bool})

    def _recorded(self, reason: Reason) -> RecordedReason:
        """Return a reason of a denial, without what was seen of masked facts and answered by hidden predicates."""
        recorded = self._reasons.get(reason)
        if recorded is None:
            evidence = tuple([each if each.fact in self._shown else self._masked(each) for each in reason.evidence])
            fields = {"code": reason.code, "status": reason.status, "evidence": evidence, "error": reason.error}
            recorded = unchecked(RecordedReason, fields)
            if self._numbers.isdisjoint([each.fact for each in evidence]):
                if len(self._reasons) >= _REASONS:
                    self._reasons.clear()
                self._reasons[reason] = recorded
        return recorded

    def _masked(self, evidence: Evidence) -> Evidence:
        fact, required = evidence.fact, evidence.required
        shows_no_value = evidence.seen in _SHOWS_NO_VALUE and fact not in self._revealing_words
        return evidence._replace(
            required=self._hidden_requirements.get((fact, required), required),
            seen=evidence.seen if shows_no_value else "masked",
        )


def _has_revealing_word(path: Path) -> bool:
    """Return whether a word such as `set` can be the value of an enum member, so that it would reveal the member."""
    kind = path.member or path.kind
    return isinstance(kind, type(Enum)) and not _SHOWS_NO_VALUE.isdisjoint(
        {str(member.value) for member in kind} - {"unknown"}
    )


def facts_of_several_types(tests: Iterable[Test]) -> set[str]:
    """Return the facts that are read as more than one type, as context values can be. No one value can be recorded."""
    kinds: dict[str, set[Any]] = {}
    for path in [path for test in tests for path in test.paths]:
        kinds.setdefault(str(path), set()).add(path.kind)
    return {name for name, several in kinds.items() if len(several) > 1}


def _text(name: str, text: str) -> str:
    if type(text) is not str or text == "":
        raise InvalidValueError(Fault.mismatch(name, kind_of(text), "a non-empty str"))
    return text
