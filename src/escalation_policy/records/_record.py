"""The record of a decision: a value that is written as one line of JSON, and the JSON Schema of that line."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from importlib.resources import files
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Final, TypeVar, cast, final

import attrs
from attrs.converters import optional

from .._engine.rules import CODE_WORDS, is_code
from .._engine.tests import Evidence
from .._enums import Effect, Party, ReasonStatus
from .._fields import ZONED, FrozenMapping, checked, dict_of, kind_of, to_tuple, validator
from ..exceptions import Fault, InvalidPayloadError, InvalidValueError
from ._facts import FactValue, is_fact
from ._parsing import SCHEMA, SCHEMA_VERSION, VERSIONS, contradiction, is_version, parse_record

#: What support asks first, with the fact that answers it.
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


def _in_utc(at: datetime) -> datetime:
    """Convert a time to UTC. Other values are returned without a zone; the field's validator rejects them."""
    has_zone = isinstance(at, datetime) and at.utcoffset() is not None  # pyright: ignore[reportUnnecessaryIsInstance]
    try:
        return at.astimezone(UTC) if has_zone else at
    except OverflowError:
        return at.replace(tzinfo=None)


# attrs takes the type of an argument from its converter's annotations, so each needs a converter of its own.


def _to_evidence(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return to_tuple(evidence)


def _to_strings(strings: Iterable[str]) -> tuple[str, ...]:
    return to_tuple(strings)


def _to_reasons(reasons: Iterable["RecordedReason"]) -> tuple["RecordedReason", ...]:
    return to_tuple(reasons)


def _to_facts(facts: Mapping[str, FactValue]) -> Mapping[str, FactValue]:
    return _frozen(facts)


def _to_outputs(outputs: Mapping[str, bool]) -> Mapping[str, bool]:
    return _frozen(outputs)


def _frozen(values: Mapping[str, _V]) -> Mapping[str, _V]:
    """Freeze a mapping. Other values are returned unchanged; the field's validator rejects them."""
    is_open = isinstance(values, Mapping) and not isinstance(values, FrozenMapping)  # pyright: ignore[reportUnnecessaryIsInstance]
    return FrozenMapping(dict(values)) if is_open else values


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


@final
@attrs.frozen(field_transformer=checked)
class RecordedReason:
    """One rule that stood in the way.

    Attributes:
        evidence: What the rule required of each fact and what was seen. A masked fact shows as `masked`.
        error: For `ReasonStatus.ERROR`: type, file and line of what raised.
    """

    code: str = attrs.field(validator=_CODE)
    status: ReasonStatus
    evidence: tuple[Evidence, ...] = attrs.field(default=(), converter=_to_evidence, validator=_WORDS)
    error: str | None = None

    @cached_property
    def _json(self) -> str:
        # A recorder makes one value of reasons that recur, so they are written once.
        evidence = ",".join(map(_evidence_json, self.evidence))
        error = _json_or_null(self.error)
        return f'{{"code":{quote(self.code)},"error":{error},"evidence":[{evidence}],"status":"{self.status.value}"}}'


@final
@attrs.frozen(kw_only=True, repr=False, field_transformer=checked)
class DecisionRecord:
    """A decision as it is kept in a log.

    Attributes:
        id: The host's id of this decision.
        at: When the decision was made, in UTC. The caller supplies the time.
        reasons: The rules that stood in the way. Empty for an allow.
        met: The codes of the rules that were met, as far as they are the decision's reasons: for an allow, all rules.
        hidden: The codes of rules that were not met either, and are hidden by one of the reasons.
        next_party: The party that acts next: the one of the first step of the first remedy.
        facts: The facts that the rules read and that support asks for first, by dotted path. None means that there was no
            value. An enum member is stored as its value, a set as a tuple of its members in order, and any other value
            as True.
        unknown: The facts that are None because nobody supplied them, in order.
        masked: The facts that hold tokens instead of values, in order.
        outputs: The answers of revealed predicates, by the identity of the test.
        correlation_id: Connects the record to other records of the host.
        facts_read_at: When the facts were read at their sources.
        outcome: The code of the outcome of the click that made the decision, such as `created` or `in_doubt`. None if there was
            no click.
        schema_version: The schema version of the line that the record was read from.

    Raises:
        InvalidValueError: A field has a value that it does not accept, or the reasons contradict the effect.
    """

    id: str
    at: datetime = attrs.field(converter=_in_utc, validator=ZONED)
    effect: Effect
    policy_id: str = attrs.field(validator=_CODE)
    policy_version: str | None = None
    fingerprint: str
    reasons: tuple[RecordedReason, ...] = attrs.field(default=(), converter=_to_reasons)
    met: tuple[str, ...] = attrs.field(default=(), converter=_to_strings, validator=_CODES)
    hidden: tuple[str, ...] = attrs.field(default=(), converter=_to_strings, validator=_CODES)
    next_party: Party | None = None
    facts: Mapping[str, FactValue] = attrs.field(
        factory=lambda: FrozenMapping[FactValue]({}), converter=_to_facts, validator=_FACTS
    )
    unknown: tuple[str, ...] = attrs.field(default=(), converter=_to_strings)
    masked: tuple[str, ...] = attrs.field(default=(), converter=_to_strings)
    outputs: Mapping[str, bool] = attrs.field(
        factory=lambda: FrozenMapping[bool]({}), converter=_to_outputs, validator=_OUTPUTS
    )
    correlation_id: str | None = None
    facts_read_at: datetime | None = attrs.field(default=None, converter=optional(_in_utc), validator=ZONED)
    outcome: str | None = attrs.field(default=None, validator=_CODE)
    schema_version: str = attrs.field(default=SCHEMA_VERSION, validator=_VERSION)

    def __attrs_post_init__(self) -> None:
        statuses = [reason.status for reason in self.reasons]
        if fault := contradiction(self.effect, statuses, self.hidden):
            raise InvalidValueError(fault)

    @classmethod
    def from_json(cls, text: str | bytes) -> "DecisionRecord":
        """Read what `to_json()` wrote, also of a newer minor version.

        Raises:
            InvalidPayloadError: The text is not JSON or not a record, the record has another major version, or its fields
                are wrong or contradict each other. `faults` lists everything that is wrong.
        """
        try:
            payload = json.loads(text if isinstance(text, str) else str(text, "utf-8"))
        except TypeError as error:
            raise InvalidPayloadError([Fault.mismatch("record", kind_of(text), "a str or bytes of JSON")]) from error
        except (ValueError, RecursionError) as error:
            name = type(error).__name__
            raise InvalidPayloadError([Fault("record", f"is no JSON ({name})", found=name, accepted="JSON")]) from error
        return cls.from_payload(payload)

    @classmethod
    def from_payload(cls, payload: object) -> "DecisionRecord":
        """Read a record from parsed JSON, for example from a part of a larger object.

        Raises:
            InvalidPayloadError: As for `from_json()`.
        """
        fields, reasons = parse_record(payload)
        recorded = tuple([unchecked(RecordedReason, reason) for reason in reasons])
        return unchecked(cls, fields, {"reasons": recorded})

    @classmethod
    def from_row(cls, row: Mapping[str, object]) -> "DecisionRecord":
        """Read what `to_row()` returned, as a table gives it back: also of a newer minor version, and with more columns.

        Args:
            row: The columns by name. NaN, NaT and NA are None. Times have a zone, or are texts as in JSON.

        Raises:
            InvalidPayloadError: As for `from_json()`.
        """
        if not isinstance(row, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidPayloadError([Fault.mismatch("record", kind_of(row), "a mapping of columns")])
        payload: dict[str, object] = {"schema": SCHEMA}
        for name, value in row.items():
            # Faults name what is wrong with a value that cannot be converted.
            payload[name] = None if _is_null(value) else _FROM_COLUMN.get(name, _unchanged)(value)
        return cls.from_payload(payload)

    @property
    def about(self) -> dict[str, FactValue]:
        """What support asks first: domain, agent, role, channel, login, message, intervention and its state."""
        return {name: self.facts.get(fact) for name, fact in ABOUT.items()}

    def to_json(self) -> str:
        """Return one line of ASCII with sorted keys. No value can break the line or begin another one."""
        # It is put together by hand: to encode one dict of everything takes half as long again.
        facts_read_at = f'"{time_text(self.facts_read_at)}"' if self.facts_read_at else "null"
        # Most decisions are made without a click, and their lines stay as short as before.
        outcome = "" if self.outcome is None else f',"outcome":"{self.outcome}"'
        outputs = _ENCODER.encode(dict_of(self.outputs)) if self.outputs else "{}"
        return (
            f'{{"at":"{time_text(self.at)}"'
            f',"correlation_id":{_json_or_null(self.correlation_id)}'
            f',"effect":"{self.effect.value}"'
            f',"facts":{_ENCODER.encode(dict_of(self.facts))}'
            f',"facts_read_at":{facts_read_at}'
            f',"fingerprint":{quote(self.fingerprint)}'
            f',"hidden":{_codes_json(self.hidden)}'
            f',"id":{quote(self.id)}'
            f',"masked":[{",".join(map(quote, self.masked))}]'
            f',"met":{_codes_json(self.met)}'
            f',"next_party":{_json_or_null(self.next_party and self.next_party.value)}'
            f"{outcome}"
            f',"outputs":{outputs}'
            f',"policy_id":"{self.policy_id}"'
            f',"policy_version":{_json_or_null(self.policy_version)}'
            f',"reasons":[{",".join([reason._json for reason in self.reasons])}]'
            f',"schema":"{SCHEMA}"'
            f',"schema_version":{quote(self.schema_version)}'
            f',"unknown":[{",".join(map(quote, self.unknown))}]}}'
        )

    def to_row(self) -> dict[str, str | datetime | None]:
        """Return the record as a row of a table. All rows have the same columns, and each column has one type.

        The schema is that of `arrow_schema()`. `from_row()` reads all columns but those of `about` and `reason_…`, which are
        there for queries.
        """
        facts = self.facts
        row = {
            "schema_version": self.schema_version,
            "id": self.id,
            "at": self.at,
            "effect": self.effect.value,
            "policy_id": self.policy_id,
            "policy_version": self.policy_version,
            "fingerprint": self.fingerprint,
            **{name: fact if type(fact := facts.get(path)) is str else None for name, path in ABOUT.items()},
            "reason_codes": ",".join([reason.code for reason in self.reasons]),
            "reason_statuses": ",".join([reason.status.value for reason in self.reasons]),
            "reasons": f"[{','.join([reason._json for reason in self.reasons])}]",
            "met": ",".join(self.met),
            "hidden": ",".join(self.hidden),
            "next_party": self.next_party and self.next_party.value,
            "outcome": self.outcome,
            "correlation_id": self.correlation_id,
            "facts_read_at": self.facts_read_at,
            "facts": _ENCODER.encode(dict_of(facts)),
            "unknown": _ENCODER.encode(self.unknown),
            "masked": _ENCODER.encode(self.masked),
            "outputs": _ENCODER.encode(dict_of(self.outputs)),
        }
        return {name: _storable(value) for name, value in row.items()}

    def __repr__(self) -> str:
        codes = ", ".join(reason.code for reason in self.reasons)
        return f"<record: {self.effect.value} {self.policy_id}{f', {codes}' if codes else ''}>"


def _json_or_null(text: str | None) -> str:
    return "null" if text is None else quote(text)


def _codes_json(codes: tuple[str, ...]) -> str:
    """Return codes as JSON. They are ASCII without quotes, so there is nothing to escape."""
    joined = '","'.join(codes)
    return f'["{joined}"]' if codes else "[]"


def _evidence_json(evidence: Evidence) -> str:
    other = evidence.compared_with
    compared_with = "" if other is None else f'"compared_with":{quote(other)},'
    fact, required = quote(evidence.fact), quote(evidence.required)
    return f'{{{compared_with}"fact":{fact},"required":{required},"seen":{quote(evidence.seen)}}}'


def _storable(value: Any) -> Any:
    """Return a value of a column. Half a surrogate pair, which no table can hold, is escaped."""
    if type(value) is not str or value.isascii():
        return value
    return value.encode("utf-8", "backslashreplace").decode()


def _is_null(value: Any) -> bool:
    """Return whether a table means None. NaN and NaT differ from themselves, and NA does not answer."""
    try:
        return value is None or bool(value != value)  # noqa: PLR0124
    except TypeError:
        return True


def _unchanged(value: object) -> object:
    return value


def _codes_of(value: object) -> object:
    return (value.split(",") if value else []) if isinstance(value, str) else value


def _json_of(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def _time_of(value: object) -> object:
    try:
        return time_text(value.astimezone(UTC)) if isinstance(value, datetime) and value.tzinfo else value
    except OverflowError:
        return value


#: What converts columns to parsed JSON.
_FROM_COLUMN: Final[dict[str, Callable[[object], object]]] = {
    **dict.fromkeys(("at", "facts_read_at"), _time_of),
    **dict.fromkeys(("met", "hidden"), _codes_of),
    **dict.fromkeys(("reasons", "facts", "unknown", "masked", "outputs"), _json_of),
}


def time_text(at: datetime) -> str:
    """Return a time in UTC as it is written in records, with microseconds, so that lines sort by time."""
    return f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


#: The functions that set the fields of a frozen value.
_SETTERS: Final[dict[type, dict[str, Callable[[object, object], None]]]] = {
    cls: {field.name: vars(cls)[field.name].__set__ for field in attrs.fields(cls)}
    for cls in (RecordedReason, DecisionRecord)
}


def unchecked(cls: type[_T], *parts: Mapping[str, object]) -> _T:
    """Make a record or a reason without checks, from all its fields.

    It is for fields that were just parsed strictly or made by a `Recorder`. With checks, `record()` would take more than
    twice as long (see `tests/benchmarks/records.py`).
    """
    value, setters = object.__new__(cls), _SETTERS[cls]
    for fields in parts:
        for name, field in fields.items():
            setters[name](value, field)
    return value


def arrow_schema() -> Any:
    """Return the Arrow schema of rows, a `pyarrow.Schema`. It needs pyarrow, which the rest of the library does not.

    It is in the package as `decision-record.arrow`, beside this module: one schema message of Arrow's IPC format.
    """
    pyarrow: Any = import_module("pyarrow")  # large, and only needed here
    message = files("escalation_policy.records").joinpath("decision-record.arrow").read_bytes()
    return pyarrow.ipc.read_schema(pyarrow.py_buffer(message))


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of records, a new copy each time.

    It is in the package as `decision-record.schema.json`, beside this module.
    """
    text = files("escalation_policy.records").joinpath("decision-record.schema.json").read_text("utf-8")
    return cast("dict[str, Any]", json.loads(text))
