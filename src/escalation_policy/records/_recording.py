"""Recording: from a decision to its record."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, reduce
from typing import Any, Final, cast, final

from .._engine.compiler import compile_reader
from .._engine.decision import Decision, PolicyStamp
from .._engine.paths import Path
from .._engine.policy import Policy
from .._engine.tests import Readings, Test
from .._engine.truth import Missing, has_value
from .._fields import FrozenMapping, kind_of, with_article
from .._request import EscalationRequest
from ..exceptions import Fault, InvalidValueError
from ._forms import FactValue, form_of
from ._masks import check_key, checked_places, mask_of, put_tokens, refuse_unknown
from ._parsing import SCHEMA_VERSION
from ._reasons import Reasons
from ._record import ABOUT, DecisionRecord, to_utc, unchecked

#: How many policies, each with its ways to mask, are kept prepared.
_SHEETS: Final = 256
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
    """Makes the record of a decision.

    Masked are the facts that their types declare private, what is in `context`, and the facts of a host's own types that
    these do not declare public by `metadata={"escalation_policy.public": True}`.

    Args:
        decision: The decision.
        at: When it was made; with a zone.
        id: What to call it.
        policy: The policy that decided; needed for a decision that was pickled, which took none along.
        correlation_id: What ties the record to others of the host.
        facts_read_at: When the facts were read; with a zone.
        key: Makes tokens that are the same in every record. Whoever has it can find out which value a token stands for.
        reveal: Dotted paths of facts to show all the same, each with all that is below it; and names of predicates whose
            answers are kept.
        mask: Dotted paths of facts to mask as well, each with all that is below it.

    Raises:
        InvalidValueError: An argument is not what it should be.
    """
    if type(decision) is not Decision:
        raise InvalidValueError(Fault.mismatch("decision", kind_of(decision), with_article("Decision")))
    check_key(key)
    decided_by = _policy_of(decision, policy)
    sheet = _sheet(_Same(decided_by), checked_places("reveal", reveal), checked_places("mask", mask))
    readings = decision._readings().of(decided_by._explainer.inputs)
    facts, unknown = sheet.facts(readings)
    reasons = () if decision else sheet.reasons.recorded(decision.reasons)
    parties = [each.remedy.steps[0].party for each in (() if decision else decision.reasons) if each.remedy]
    masked = put_tokens(facts, sheet.masks, key)
    return unchecked(
        DecisionRecord,
        id=_text("id", id),
        at=_time("at", at),
        effect=decision.effect,
        policy_id=decision.policy_id,
        policy_version=decision.policy_version,
        fingerprint=decided_by.fingerprint,
        reasons=reasons,
        met=sheet.codes if decision else (),
        hidden=() if decision else decision.hidden,
        next_party=parties[0] if parties else None,
        facts=FrozenMapping(facts),
        unknown=unknown,
        masked=masked,
        outputs=sheet.outputs(readings),
        correlation_id=None if correlation_id is None else _text("correlation_id", correlation_id),
        facts_read_at=None if facts_read_at is None else _time("facts_read_at", facts_read_at),
        schema_version=SCHEMA_VERSION,
    )


def _text(name: str, text: str) -> str:
    if type(text) is not str or text == "":
        raise InvalidValueError(Fault.mismatch(name, kind_of(text), "a non-empty str"))
    return text


def _time(name: str, at: datetime) -> datetime:
    moved = cast("object", to_utc(at))
    if isinstance(moved, datetime) and moved.tzinfo is UTC:
        return moved
    found = "a datetime without one" if isinstance(moved, datetime) else kind_of(moved)
    raise InvalidValueError(Fault.mismatch(name, found, "a datetime with a zone"))


def _policy_of(decision: Decision[Any], policy: Policy[Any] | None) -> Policy[Any]:
    decided_by: Any = decision._policy if policy is None else policy
    accepted = "the policy that made this decision"
    if type(decided_by) is PolicyStamp:
        problem = "is missing: a pickled decision comes without its policy, so pass the policy that made it"
        raise InvalidValueError(Fault("policy", problem, found="None", accepted=accepted))
    if type(decided_by) is not Policy:
        raise InvalidValueError(Fault.mismatch("policy", kind_of(decided_by), "a Policy or None"))
    if decided_by.fingerprint != decision.fingerprint:
        raise InvalidValueError(Fault("policy", f"is not {accepted}", found="another policy", accepted=accepted))
    return decided_by


@final
class _Same:
    """A policy, found again by being the very same."""

    __slots__ = ("policy",)

    def __init__(self, policy: Policy[Any]) -> None:
        self.policy = policy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.policy is self.policy

    def __hash__(self) -> int:
        return id(self.policy)


@final
class _Sheet:
    """What to read and what to mask, for one policy; prepared once."""

    def __init__(self, policy: Policy[Any], reveal: frozenset[str], mask: frozenset[str]) -> None:
        tests = [test for rule in policy.rules for test in rule.requires.tests]
        request_type = policy.request_type
        refuse_unknown(mask, request_type)
        paths = {str(path): path for test in tests for path in test.paths}
        if issubclass(request_type, EscalationRequest):
            for name in ABOUT.values():
                paths.setdefault(name, reduce(Path.then, name.split("."), Path(request_type)))
        self.codes: Final = tuple(policy)
        # A fact that is read as two types has no one value to record.
        unclear = twofold(tests)
        recorded = {name: path for name, path in sorted(paths.items()) if name not in unclear}
        self._lasting: Final = {name: path for name, path in recorded.items() if path.lasting}
        self._others: Final = {name: path for name, path in recorded.items() if not path.lasting}
        self._optional: Final = {name: path for name, path in recorded.items() if _may_be_unknown(path)}
        self._read: Final = compile_reader(self._lasting.values())
        self._encoders: Final = {
            name: form_of(path.kind).told for name, path in recorded.items() if not _is_plain(path)
        }
        self.masks: Final = [(name, kind) for name, path in recorded.items() if (kind := mask_of(path, reveal, mask))]
        self.reasons: Final = Reasons(policy, recorded, dict(self.masks), reveal)
        self._revealed: Final = [test for test in tests if test.opaque and test.name in reveal]

    def facts(self, readings: Readings) -> tuple[dict[str, FactValue], tuple[str, ...]]:
        """Return all facts, and which of these nobody supplied. Facts that could not be read are left out."""
        if readings.failure is not None:
            return {}, ()
        request = readings.request
        values = None if readings.is_complete else self._read(request)
        if values is None:
            facts, unknown = self._slowly(readings, self._lasting)
        else:
            facts = dict(zip(self._lasting, values, strict=True))
            for name, encode in self._encoders.items():
                value = facts.get(name)
                if value is not None:
                    facts[name] = value = encode(value)
                    if value is None:
                        del facts[name]
            optional = self._optional.items()
            missing = [(name, path) for name, path in optional if facts.get(name, "") is None]
            unknown = [name for name, path in missing if path.read(request) is Missing.UNKNOWN]
        if self._others:
            more, also_unknown = self._slowly(readings, self._others)
            facts |= more
            unknown = sorted([*unknown, *also_unknown])
        return facts, tuple(unknown)

    def _slowly(self, readings: Readings, paths: Mapping[str, Path]) -> tuple[dict[str, Any], list[str]]:
        """Read facts one by one; what nobody supplied is named beside them."""
        facts: dict[str, Any] = {}
        unknown: list[str] = []
        for name, path in paths.items():
            value = readings.value(path)
            if value is Missing.UNKNOWN and name not in self._optional:
                value = path.unknown
            if type(value) is Missing:
                facts[name] = None
                if value is Missing.UNKNOWN:
                    unknown.append(name)
            elif has_value(value):
                encoded = self._encode(name, value)
                if encoded is not None:
                    facts[name] = encoded
        return facts, unknown

    def _encode(self, name: str, value: Any) -> FactValue:
        encode = self._encoders.get(name)
        return encode(value) if encode else value

    def outputs(self, readings: Readings) -> FrozenMapping[bool]:
        """Return what revealed predicates answered; answers that are no bool are left out."""
        if not self._revealed or readings.failure is not None:
            return _NO_OUTPUTS
        answers = {
            test.question: readings.answer(test)
            for test in self._revealed
            if all(has_value(readings.value(path)) for path in test.paths)
        }
        return FrozenMapping({question: answer for question, answer in answers.items() if type(answer) is bool})


@lru_cache(_SHEETS)
def _sheet(known: _Same, reveal: frozenset[str], mask: frozenset[str]) -> _Sheet:
    return _Sheet(known.policy, reveal, mask)


def twofold(tests: Iterable[Test]) -> set[str]:
    """Names the facts that are read as more than one type, as values of the context can be."""
    kinds: dict[str, set[Any]] = {}
    for path in [path for test in tests for path in test.paths]:
        kinds.setdefault(str(path), set()).add(path.kind)
    return {name for name, several in kinds.items() if len(several) > 1}


def _is_plain(path: Path) -> bool:
    """Return whether a value can stand in a record as it is."""
    return path.kind in (str, bool)


def _may_be_unknown(path: Path) -> bool:
    """Return whether None at a path can mean that nobody supplied the value."""
    return any(hop.unknown_when_none for hop in path.hops)
