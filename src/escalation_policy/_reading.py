"""JSON: parse it strictly, and read objects and pages of records while collecting everything that is wrong with them."""

import json
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final, Generic, NamedTuple, NoReturn, TypeVar, cast, final

import attrs

from ._fields import exact_str, figure_of, is_collection, is_digits, kind_of
from .exceptions import Fault, InvalidPayloadError, InvalidValueError

_T = TypeVar("_T")

#: Stands for an id or a text that could not be read. Values that were read are never blank, so none equals it.
UNREAD: Final = " "


@final
class JsonError(ValueError):
    """A text that is not JSON, or ambiguous. The message follows the name of the text and shows nothing of it."""


def parse_json(data: bytes | str) -> object:
    """Parse JSON: UTF-8, no key twice in one object, no NaN or Infinity.

    Raises:
        JsonError: It is not such JSON, or Python cannot read it: too deeply nested, or a number of thousands of digits.
    """
    try:
        text = data if isinstance(data, str) else data.decode()
        return json.loads(text, object_pairs_hook=_object_without_duplicates, parse_constant=_refuse_constant)
    except JsonError:
        raise
    except UnicodeDecodeError as error:
        raise JsonError(f"must be UTF-8, got another byte at {error.start}") from error
    except json.JSONDecodeError as error:
        if data[:3] == b"\xef\xbb\xbf" or data[:1] == "\ufeff":
            raise JsonError("must be UTF-8 without a byte order mark") from error
        raise JsonError(f"must be JSON, got an error in line {error.lineno}, column {error.colno}") from error
    except ValueError as error:  # Python refuses to read integers of thousands of digits
        raise JsonError("must hold shorter integers, got one of thousands of digits") from error
    except RecursionError as error:
        raise JsonError("must be less deeply nested") from error


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        first: dict[str, int] = {}
        positions = next((first[key], at) for at, (key, _) in enumerate(pairs, 1) if first.setdefault(key, at) != at)
        raise JsonError("must name each key once, but keys {} and {} of an object are the same".format(*positions))
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise JsonError(f"must be JSON, got {name}")


def missing_field(path: str, accepted: str) -> Fault:
    """Return the fault of a field that is not there."""
    return Fault(path, f"is missing: it must be {accepted}", found="nothing", accepted=accepted)


@final
@attrs.frozen(kw_only=True)
class Form(Generic[_T]):
    """The form of a field's value.

    Attributes:
        accepted: The form in words.
        parse: Returns the value, or None if it is not of this form.
        blank_is_nothing: Whether a blank string means the same as null.
        describe: Describes a wrong value without showing a string.
    """

    accepted: str
    parse: Callable[[object], _T | None]
    blank_is_nothing: bool = False
    describe: Callable[[object], str] = kind_of

    def is_nothing(self, value: object) -> bool:
        """Return whether a value stands for an empty field: null, or a blank string if the form says so."""
        return value is None or (self.blank_is_nothing and isinstance(value, str) and not value.strip())


def as_id(value: object) -> str | None:
    """Return the id that a JSON value stands for. Webhooks are documented to send integers."""
    # Python refuses to print an integer of thousands of digits.
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 256:
        return int.__repr__(value)
    return exact_str(value) if isinstance(value, str) and value.strip() else None


def as_ringcentral_id(value: object) -> str | None:
    """Return the RingCentral id that a JSON value stands for, or None. RingCentral sends ids as strings or as numbers."""
    text = as_id(value)
    return text if is_digits(text) else None


def value_at(value: object, *keys: str) -> Any:
    """Return the value under nested keys of a JSON object, or None if a key is missing."""
    for key in keys:
        value = cast("Mapping[str, object]", value).get(key) if isinstance(value, Mapping) else None
    return value


def _as_time(value: object) -> datetime | None:
    """Return the moment, in UTC, that a text with a zone names."""
    if type(value) is str:
        with suppress(ValueError, OverflowError):
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo else None
    return None


def _as_list(value: object) -> list[object] | None:
    return cast("list[object]", value) if isinstance(value, list) else None


ID: Final = Form(accepted="an id: a non-blank str or an int", parse=as_id, blank_is_nothing=True)
TEXT: Final = Form(
    accepted="a non-blank str",
    parse=lambda value: exact_str(value) if isinstance(value, str) else None,
    blank_is_nothing=True,
)
FLAG: Final = Form(accepted="true or false", parse=lambda value: value if isinstance(value, bool) else None)
TIME: Final = Form(accepted="a time with a zone, such as 2026-01-31T09:30:00Z", parse=_as_time)
_LIST: Final = Form(accepted="a list of ids", parse=_as_list)


class Faults(list[Fault]):
    """All faults so far, in the order of reading."""

    def parse(self, form: Form[_T], path: str, value: object) -> _T | None:
        """Parse a value of a form. If it is not of that form, note the fault and return None."""
        parsed = form.parse(value)
        if parsed is None:
            self.append(Fault.mismatch(path, form.describe(value), form.accepted))
        return parsed


@contextmanager
def collect_faults() -> Generator[Faults]:
    """Collect faults while values are read and made, and raise them together.

    Raises:
        InvalidPayloadError: There were faults.
    """
    faults = Faults()
    try:
        yield faults
    except InvalidValueError as error:
        raise InvalidPayloadError([*dict.fromkeys(faults), error.fault]) from error
    if faults:
        raise InvalidPayloadError(dict.fromkeys(faults))


def _envelope_problem(payload: object) -> str | None:
    """Return what is wrong with the event or the body of a webhook, if a payload is one. No record has these fields."""
    if isinstance(value_at(payload, "resource"), Mapping):
        return "is a webhook event: pass its resource"
    if isinstance(value_at(payload, "events"), list):
        return "is the body of a webhook: read it with read_webhook(), and pass the resource of an event"
    return None


@final
class PayloadReader:
    """One JSON object and, for the resource of a webhook, the `metadata` in it.

    A field may have several names and stand in both places, but then its values must be equal. Faults are noted in
    `faults` and reading goes on with a placeholder: what is made of the payload is only valid if there are no faults.
    Values that can be left out safely are noted in `findings`: what is made of the rest of the payload is valid.
    """

    def __init__(
        self, faults: Faults, path: str, payload: object, *, resource: bool = False, envelope: bool = False
    ) -> None:
        """Begin to read.

        Args:
            faults: Where faults are noted.
            path: The place of the payload.
            payload: The object.
            resource: Whether it may be the resource of a webhook event, with fields in `metadata`.
            envelope: Whether it may be the event or the body of a webhook. Instead of a record, that is a fault: its id and
                its user are not those of the record inside.
        """
        self.faults = faults
        self.findings = Faults()
        self.path = path
        self._objects: dict[str, Mapping[object, object]] = {}
        if not envelope and (problem := _envelope_problem(payload)):
            faults.append(Fault(path, problem, found="the envelope of a webhook", accepted="the resource of an event"))
            return
        self._add_object(path, payload)
        if resource and (metadata := self._objects.get(path, {}).get("metadata")) is not None:
            self._add_object(f"{path}.metadata", metadata)

    def _add_object(self, path: str, payload: object) -> None:
        if isinstance(payload, Mapping):
            self._objects[path] = cast("Mapping[object, object]", payload)
        else:
            self.faults.append(Fault.mismatch(path, kind_of(payload), "a mapping"))

    def values(self, form: Form[_T], *names: str) -> list[tuple[str, _T]]:
        """Return path and value of every field of these names that has a value."""
        fields = [
            (f"{path}.{name}", object_[name])
            for path, object_ in self._objects.items()
            for name in names
            if name in object_ and not form.is_nothing(object_[name])
        ]
        parsed = [(path, self.faults.parse(form, path, value)) for path, value in fields]
        return [(path, value) for path, value in parsed if value is not None]

    def optional(self, form: Form[_T], *names: str) -> _T | None:
        """Return the value of the fields of these names, or None if they are empty."""
        values = self.values(form, *names)
        for path, value in values[1:]:
            if value != values[0][1]:
                problem = f"differs from {values[0][0]}, which must say the same"
                self.faults.append(Fault(path, problem, found="another value", accepted=f"what {values[0][0]} is"))
        return values[0][1] if values else None

    def lenient(self, form: Form[_T], name: str) -> _T | None:
        """Return the value of a field, or None if it is empty. A value of another form is a finding, and None."""
        value = self._objects.get(self.path, {}).get(name)
        return None if form.is_nothing(value) else self.findings.parse(form, f"{self.path}.{name}", value)

    def required(self, form: Form[_T], name: str, placeholder: _T) -> _T:
        """Return the value of a field. If the field is empty, note a fault and return the placeholder."""
        value = self.optional(form, name)
        fields = self._objects.get(self.path)
        if value is None and fields is not None:
            path = f"{self.path}.{name}"
            self.faults.append(
                Fault.mismatch(path, kind_of(fields[name]), form.accepted)
                if name in fields
                else missing_field(path, form.accepted)
            )
        return placeholder if value is None else value

    def ids(self, *names: str) -> frozenset[str]:
        """Return the ids in the lists of these names."""
        parsed = [
            self.faults.parse(ID, f"{path}[{index}]", value)
            for path, values in self.values(_LIST, *names)
            for index, value in enumerate(values)
        ]
        return frozenset(value for value in parsed if value is not None)

    def flags(self, *, keys: Collection[str], apart_from: frozenset[str]) -> frozenset[str]:
        """Return the names of all flags that are true.

        Args:
            keys: The flags that are known by name. Another field that is neither true nor false is no flag, but a finding.
                Its name can be anything, so the finding does not show it.
            apart_from: The fields that are not flags.
        """
        true: set[str] = set()
        for key, value in self._objects.get(self.path, {}).items():
            name = exact_str(key) if isinstance(key, str) else repr(key)
            if name in apart_from:
                continue
            if name in keys or isinstance(value, bool):
                true |= {name} if self.faults.parse(FLAG, f"{self.path}.{name}", value) else set()
            else:
                kind = kind_of(value)
                problem = f"has a field of an unknown name that is no flag, but {kind}: it was left out"
                self.findings.append(Fault(self.path, problem, found=kind, accepted=FLAG.accepted))
        return frozenset(true)

    def check_id(self, expected: str | None, accepted: str, *names: str) -> None:
        """Note a fault for each field of these names with another id than expected. None: no id is expected."""
        if expected is None or (expected == UNREAD and self.faults):
            return
        for path, value in self.values(ID, *names):
            if value != expected:
                self.faults.append(Fault.mismatch(path, "another id", accepted))


Payload = Mapping[str, object]

# Python refuses to print an integer of thousands of digits.
_NUMBER: Final = Form(
    accepted="a number from 0 to 2**63 - 1",
    parse=lambda value: value if type(value) is int and 0 <= value < 2**63 else None,
    describe=figure_of,
)
_RECORDS: Final = Form(accepted="a list of records", parse=_as_list)
_ALL_PAGES: Final = "every page of the list"


@final
class Page(NamedTuple):
    """One page of a list.

    Attributes:
        path: Its place.
        total: The number of records in the whole list.
        offset: The number of records before its first one.
    """

    path: str
    total: int
    offset: int
    records: list[object]


def records_in_pages(faults: Faults, name: str, pages: Iterable[Payload]) -> list[tuple[str, Payload]]:
    """Return path and payload of every record of a list, once, in the order of the list.

    Args:
        faults: Where faults of the pages are noted.
        name: The name of the list.
        pages: Its pages in any order, each with `count` (records in the whole list), `offset` and `records`.
    """
    if not is_collection(pages):
        faults.append(Fault.mismatch(name, kind_of(pages), "a collection of pages"))
        return []
    earlier_faults = len(faults)
    read = [page for number, data in enumerate(pages) if (page := read_page(faults, f"{name}[{number}]", data))]
    read.sort(key=lambda page: page.offset)
    if len(faults) == earlier_faults:
        _check_complete(faults, name, read)
    first: dict[str, tuple[str, Payload]] = {}
    for page in read:
        for number, record in enumerate(page.records):
            path = f"{page.path}.records[{number}]"
            if not isinstance(record, Mapping):
                faults.append(Fault.mismatch(path, kind_of(record), "a mapping"))
                continue
            payload = cast("Payload", record)
            first_path, first_payload = first.setdefault(as_id(payload.get("id")) or path, (path, payload))
            if payload != first_payload:
                problem = f"differs from {first_path}, which has the same id: read all pages again"
                faults.append(Fault(path, problem, found="another record", accepted="the same record"))
    # A record moves to another page if one before it is deleted while the pages are read. If all pages are there and one
    # record is there twice, another record is missing.
    if len(faults) == earlier_faults and len(first) != read[0].total:
        total, count = read[0].total, len(first)
        problem = f"holds {count:,} different records, but each page counts {total:,}: read all pages again"
        faults.append(Fault(name, problem, found=f"{count:,} records", accepted=f"{total:,} records"))
    return list(first.values())


def read_page(faults: Faults, path: str, page: object) -> Page | None:
    """Return a page of a list. If it is not one, note the faults and return None."""
    if not isinstance(page, Mapping):
        faults.append(Fault.mismatch(path, kind_of(page), "a mapping"))
        return None
    fields = cast("Payload", page)
    count = faults.parse(_NUMBER, f"{path}.count", fields.get("count"))
    offset = faults.parse(_NUMBER, f"{path}.offset", fields.get("offset"))
    records = faults.parse(_RECORDS, f"{path}.records", fields.get("records"))
    return None if count is None or offset is None or records is None else Page(path, count, offset, records)


def _check_complete(faults: Faults, name: str, pages: list[Page]) -> None:
    """Note a fault for records that are on no page. If the pages differ about their number, note only that."""
    if not pages:
        problem = "has no page: pass every page, an empty one too"
        faults.append(Fault(name, problem, found="no page", accepted=_ALL_PAGES))
        return
    total = pages[0].total
    for page in pages[1:]:
        if page.total != total:
            problem = f"is {page.total:,}, but {pages[0].path}.count is {total:,}: read all pages again"
            faults.append(Fault(f"{page.path}.count", problem, found=f"{page.total:,}", accepted=f"{total:,}"))
            return
    end = 0
    for page in [*pages, Page(name, total, total, [])]:
        start = min(page.offset, total)
        if start > end:
            records = f"record {end}" if start == end + 1 else f"records {end} to {start - 1}"
            problem = f"lacks {records}: pass every page"
            faults.append(Fault(name, problem, found=f"no page with {records}", accepted=_ALL_PAGES))
        end = max(end, page.offset + len(page.records))
