"""The record of a decision: what it was, what it rests on, and what it takes to decide it again, as one line of JSON."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import MemberDescriptorType
from typing import Any, Final, TypeVar, final

import attrs
from attrs.converters import optional

from .._engine.rules import CODE_WORDS, is_code
from .._engine.tests import Evidence
from .._enums import Effect, Party, ReasonStatus
from .._fields import FrozenMapping, checked, dict_of, kind_of, to_tuple, validator
from ..exceptions import Fault, InvalidPayloadError, InvalidValueError
from ._forms import FactValue, is_fact
from ._parsing import SCHEMA, SCHEMA_VERSION, VERSIONS, contradiction, fields_of, is_version

#: What support asks first, by the fact that tells it.
ABOUT: Final = {
    "domain": "domain.id",
    "agent": "agent.id",
    "role": "agent.role.id",
    "channel": "message.channel.kind",
    "login": "login",
    "message": "message.id",
    "intervention": "intervention.id",
    "state": "intervention.state",
}
_T = TypeVar("_T")
_V = TypeVar("_V")
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False)


def to_utc(at: datetime) -> datetime:
    """Moves a time to UTC; what has no zone, or would be in no year there, is left without one, to be refused."""
    zoned = isinstance(at, datetime) and at.utcoffset() is not None  # pyright: ignore[reportUnnecessaryIsInstance]
    try:
        return at.astimezone(UTC) if zoned else at
    except OverflowError:
        return at.replace(tzinfo=None)


def _to_evidence(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return to_tuple(evidence)


def _to_codes(codes: Iterable[str]) -> tuple[str, ...]:
    return to_tuple(codes)


def _to_reasons(reasons: Iterable["RecordedReason"]) -> tuple["RecordedReason", ...]:
    return to_tuple(reasons)


def _to_facts(facts: Mapping[str, FactValue]) -> Mapping[str, FactValue]:
    return _frozen(facts)


def _to_outputs(outputs: Mapping[str, bool]) -> Mapping[str, bool]:
    return _frozen(outputs)


def _frozen(values: Mapping[str, _V]) -> Mapping[str, _V]:
    """Freezes a mapping; what is none is left to be refused."""
    copied = isinstance(values, Mapping) and not isinstance(values, FrozenMapping)  # pyright: ignore[reportUnnecessaryIsInstance]
    return FrozenMapping(dict(values)) if copied else values


def unchecked(cls: type[_T], **fields: object) -> _T:
    """Makes a value of fields that need no check, in a fifth of the time."""
    made = object.__new__(cls)
    known: Any = cls
    puts = puts_of(known)
    for name, value in fields.items():
        puts[name](made, value)
    return made


@lru_cache
def puts_of(cls: type) -> dict[str, Callable[[object, object], None]]:
    """Finds what fills the slots of a class whose values let nobody do that."""
    return {name: slot.__set__ for name, slot in vars(cls).items() if isinstance(slot, MemberDescriptorType)}


# What comes again and again is encoded once.
_encoded: Final = lru_cache(1024)(_ENCODER.encode)
_CODE: Final = validator(CODE_WORDS, is_code)
_CODES: Final = validator(f"a collection of codes {CODE_WORDS}", lambda codes: all(map(is_code, codes)))
_FACTS: Final = validator(
    "a mapping of strs to strs, numbers of 64 bits, bools, None and tuples of these",
    lambda facts: all(type(name) is str and is_fact(fact) for name, fact in facts.items()),
)
_OUTPUTS: Final = validator(
    "a mapping of strs to bools",
    lambda outputs: all(type(name) is str and type(output) is bool for name, output in outputs.items()),
)
_WORDS: Final = validator(
    "a collection of Evidences, each of three strs",
    lambda evidence: all(type(words) is str for each in evidence for words in (*each[:3], each[3] or "")),
)
_VERSION: Final = validator(VERSIONS, is_version)
_ZONED: Final = validator(
    "a datetime with a zone", lambda at: at.utcoffset() is not None, found="a datetime without one"
)


@final
@attrs.frozen(field_transformer=checked)
class RecordedReason:
    """One rule that stood in the way.

    Attributes:
        evidence: What was required of each fact and what was seen; what is masked shows as `masked`.
        error: For `ReasonStatus.ERROR`: type, file and line of what raised.
    """

    code: str = attrs.field(validator=_CODE)
    status: ReasonStatus
    evidence: tuple[Evidence, ...] = attrs.field(default=(), converter=_to_evidence, validator=_WORDS)
    error: str | None = None


@final
@attrs.frozen(kw_only=True, repr=False, field_transformer=checked)
class DecisionRecord:
    """What is kept of one decision.

    Attributes:
        id: Whatever the host calls this decision.
        at: When it was made, in UTC; time comes from the caller.
        reasons: The rules that stood in the way; none where it was allowed.
        met: The codes of the rules that were met, as far as the decision's reasons are these: on allow all of them.
        hidden: The codes of rules that were not met either, behind one of the reasons.
        next_party: Who acts next: the party of the first step of the first remedy.
        facts: What the rules read, by dotted path, and what support asks first. None where there was nothing. An enum
            stands as its value, a set as a tuple of its members in order, anything else that was there as True.
        unknown: Which of the facts that are None we were not told, in order.
        masked: Which of the facts hold tokens in the place of values, in order.
        outputs: What predicates said that were revealed, by their identity.
        correlation_id: What ties it to other records of the host.
        facts_read_at: When the facts were read from where they come from.
        schema_version: The version of the record that this was read from.

    Raises:
        InvalidValueError: A field does not take what it was given, or the reasons contradict the effect.
    """

    id: str
    at: datetime = attrs.field(converter=to_utc, validator=_ZONED)
    effect: Effect
    policy_id: str = attrs.field(validator=_CODE)
    policy_version: str | None = None
    fingerprint: str
    reasons: tuple[RecordedReason, ...] = attrs.field(default=(), converter=_to_reasons)
    met: tuple[str, ...] = attrs.field(default=(), converter=_to_codes, validator=_CODES)
    hidden: tuple[str, ...] = attrs.field(default=(), converter=_to_codes, validator=_CODES)
    next_party: Party | None = None
    facts: Mapping[str, FactValue] = attrs.field(
        factory=lambda: FrozenMapping[FactValue]({}), converter=_to_facts, validator=_FACTS
    )
    unknown: tuple[str, ...] = attrs.field(default=(), converter=_to_codes)
    masked: tuple[str, ...] = attrs.field(default=(), converter=_to_codes)
    outputs: Mapping[str, bool] = attrs.field(
        factory=lambda: FrozenMapping[bool]({}), converter=_to_outputs, validator=_OUTPUTS
    )
    correlation_id: str | None = None
    facts_read_at: datetime | None = attrs.field(default=None, converter=optional(to_utc), validator=_ZONED)
    schema_version: str = attrs.field(default=SCHEMA_VERSION, validator=_VERSION)

    def __attrs_post_init__(self) -> None:
        statuses = [reason.status for reason in self.reasons]
        if fault := contradiction(self.effect, statuses, self.hidden):
            raise InvalidValueError(fault)

    @classmethod
    def from_json(cls, text: str | bytes) -> "DecisionRecord":
        """Reads what `to_json()` made; a newer minor version too.

        Raises:
            InvalidPayloadError: It is no JSON, no record, one of another major version, or a record whose fields are not
                what they should be or contradict each other; `faults` lists all that is wrong.
        """
        try:
            payload = json.loads(text if isinstance(text, str) else str(text, "utf-8"))
        except TypeError as error:
            raise InvalidPayloadError([Fault.mismatch("record", kind_of(text), "a str or bytes of JSON")]) from error
        except (ValueError, RecursionError) as error:
            found = type(error).__name__
            raise InvalidPayloadError(
                [Fault("record", f"is no JSON ({found})", found=found, accepted="JSON")]
            ) from error
        return cls.from_payload(payload)

    @classmethod
    def from_payload(cls, payload: object) -> "DecisionRecord":
        """Reads a record that was parsed from JSON already, perhaps as a part of something else.

        Raises:
            InvalidPayloadError: As for `from_json()`.
        """
        fields, reasons = fields_of(payload)
        return unchecked(cls, **fields, reasons=tuple([unchecked(RecordedReason, **each) for each in reasons]))

    @property
    def about(self) -> dict[str, FactValue]:
        """What support asks first: domain, agent, role, channel, login, message, intervention and its state."""
        return {name: self.facts.get(fact) for name, fact in ABOUT.items()}

    def to_json(self) -> str:
        """Makes one line of ASCII, with sorted keys; nothing that a value holds can break it or begin another one."""
        facts = _ENCODER.encode(dict_of(self.facts))
        outputs = _ENCODER.encode(dict_of(self.outputs)) if self.outputs else "{}"
        correlation_id = "null" if self.correlation_id is None else _ENCODER.encode(self.correlation_id)
        facts_read_at = f'"{_text_of(self.facts_read_at)}"' if self.facts_read_at else "null"
        end = _end(
            self.masked,
            self.met,
            self.next_party,
            outputs,
            self.policy_id,
            self.policy_version,
            self.reasons,
            self.schema_version,
            self.unknown,
        )
        return (
            f'{{"at":"{_text_of(self.at)}"'
            f',"correlation_id":{correlation_id}'
            f',"effect":"{self.effect.value}"'
            f',"facts":{facts}'
            f',"facts_read_at":{facts_read_at}'
            f',"fingerprint":{_encoded(self.fingerprint)}'
            f',"hidden":{_encoded(self.hidden)}'
            f',"id":{_ENCODER.encode(self.id)}'
            f"{end}}}"
        )

    def __repr__(self) -> str:
        codes = ", ".join(reason.code for reason in self.reasons)
        return f"<record: {self.effect.value} {self.policy_id}{f', {codes}' if codes else ''}>"


@lru_cache(1024)
def _encoded_reason(reason: RecordedReason) -> str:
    evidence = [{name: text for name, text in each._asdict().items() if text is not None} for each in reason.evidence]
    parts = {"code": reason.code, "status": reason.status.value, "evidence": evidence, "error": reason.error}
    return _ENCODER.encode(parts)


@lru_cache(1024)
def _end(  # noqa: PLR0913, PLR0917  # as many as there are
    masked: tuple[str, ...],
    met: tuple[str, ...],
    next_party: Party | None,
    outputs: str,
    policy_id: str,
    policy_version: str | None,
    reasons: tuple[RecordedReason, ...],
    schema_version: str,
    unknown: tuple[str, ...],
) -> str:
    """Encodes what stands from `masked` on, which comes again and again."""
    return (
        f',"masked":{_encoded(masked)}'
        f',"met":{_encoded(met)}'
        f',"next_party":{_encoded(next_party and next_party.value)}'
        f',"outputs":{outputs}'
        f',"policy_id":{_encoded(policy_id)}'
        f',"policy_version":{_encoded(policy_version)}'
        f',"reasons":[{",".join(map(_encoded_reason, reasons))}]'
        f',"schema":{_encoded(SCHEMA)}'
        f',"schema_version":{_encoded(schema_version)}'
        f',"unknown":{_encoded(unknown)}'
    )


def _text_of(at: datetime) -> str:
    return f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
