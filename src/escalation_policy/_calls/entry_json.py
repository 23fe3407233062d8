"""Ledger entries as JSON: the text that a ledger stores in a file or a database."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import attrs

from .._fields import DIGITS_WORDS, FrozenMapping, figure_of, is_digits, kind_of
from .._reading import Faults, Form, JsonError, collect_faults, parse_json
from ..exceptions import Fault
from .entries import EMPTY, Claim, LedgerEntry, RecordedCall
from .values import SAFE_URL_WORDS, VideoCall, is_safe_url

#: The version of the format. A text of an unknown version is refused: its fields may mean something else.
_VERSION: Final = 2
#: Version 1 has no `supersedes_until`.
_VERSIONS: Final = (1, _VERSION)


def entry_to_json(entry: LedgerEntry) -> str:
    """Return an entry as one line of ASCII with sorted keys. It contains the links.

    Times keep their microseconds and their offset from UTC, but not the name of their zone.

    Raises:
        InvalidPayloadError: `entry_from_json()` could not read the text.
    """
    fields = {
        "attempts": {key: claim._asdict() for key, claim in entry.claims.items()},
        "recorded": entry.recorded and entry.recorded._asdict(),
        "version": _VERSION,
    }
    text = json.dumps(fields, default=_encode, sort_keys=True, separators=(",", ":"))
    # An entry that cannot be read again would block every later click on its case.
    entry_from_json(text)
    return text


def _encode(value: Any) -> object:
    return value.isoformat() if isinstance(value, datetime) else attrs.asdict(value)


def entry_from_json(text: str | bytes) -> LedgerEntry:
    """Read an entry from a text of `entry_to_json()`.

    Raises:
        InvalidPayloadError: It is not such a text, or its version is unknown. No fault shows a link or an id.
    """
    with collect_faults() as faults:
        return _parse_entry(faults, text)


# These functions note what is wrong in `faults`. What they return is only valid if there are no faults.


def _parse_entry(faults: Faults, text: object) -> LedgerEntry:
    if isinstance(text, bytearray):  # the type of texts in some database drivers
        text = bytes(text)
    if not isinstance(text, str | bytes):
        faults.append(Fault.mismatch("entry", kind_of(text), "JSON as a str or bytes"))
        return EMPTY
    try:
        payload = parse_json(text)
    except JsonError as error:
        faults.append(Fault("entry", str(error)))
        return EMPTY
    fields = faults.parse(_OBJECT, "entry", payload)
    if fields is None or faults.parse(_VERSION_FORM, "entry.version", fields.get("version")) is None:
        return EMPTY
    forms = _RECORDED if fields["version"] == _VERSION else _RECORDED_1
    fields = _parse_fields(faults, "entry", fields, _ENTRY)
    attempts: dict[str, Any] = fields["attempts"] or {}
    claims = {
        # The key is derived from ids, so the path of a fault has a number instead.
        key: Claim(**_parse_fields(faults, f"entry.attempts[{number}]", claim, _CLAIM))
        for number, (key, claim) in enumerate(attempts.items())
    }
    return LedgerEntry(_parse_recorded(faults, fields["recorded"], forms), FrozenMapping(claims))


def _parse_recorded(faults: Faults, value: object, forms: Mapping[str, Form[Any]]) -> RecordedCall | None:
    if value is None:
        return None
    fields = _parse_fields(faults, "entry.recorded", value, forms)
    for name in ("call", "supersedes"):
        fields[name] = _parse_call(faults, f"entry.recorded.{name}", fields[name])
    return RecordedCall(**fields)


def _parse_call(faults: Faults, path: str, value: object) -> VideoCall | None:
    if value is None:
        return None
    fields = _parse_fields(faults, path, value, _CALL)
    return None if None in fields.values() else VideoCall(**fields)


def _parse_fields(faults: Faults, path: str, value: object, forms: Mapping[str, Form[Any]]) -> dict[str, Any]:
    """Read an object with exactly the fields of `forms`. A field with a fault becomes None."""
    fields = faults.parse(_OBJECT, path, value)
    if fields is None:
        return dict.fromkeys(forms)
    if fields.keys() != forms.keys():
        missing = ", ".join(name for name in forms if name not in fields)
        problem = f"lacks {missing}" if missing else f"has other fields than {', '.join(forms)}"
        faults.append(Fault(path, problem, found="other fields", accepted=f"an object of {', '.join(forms)}"))
        return dict.fromkeys(forms)
    return {
        name: None if fields[name] is None and name in _NULLABLE else faults.parse(form, f"{path}.{name}", fields[name])
        for name, form in forms.items()
    }


def _parse_time(value: object) -> datetime | None:
    """Read a time as `isoformat()` writes it. Different versions of Python read other forms differently."""
    if type(value) is str:
        with suppress(ValueError):
            at = datetime.fromisoformat(value)
            return at if at.tzinfo and at.isoformat() == value else None
    return None


def _form(accepted: str, test: Callable[[Any], bool]) -> Form[Any]:
    """Return the form of the values that pass a test."""
    return Form(accepted=accepted, parse=lambda value: value if test(value) else None)


_VERSION_FORM: Final = Form(
    accepted="1 or 2, the only versions that this release reads",
    parse=lambda value: value if type(value) is int and value in _VERSIONS else None,
    describe=figure_of,
)
_OBJECT: Final = _form("an object", lambda value: type(value) is dict)
_TEXT: Final = _form("a non-empty string", lambda value: type(value) is str and value != "")
_DIGITS: Final = _form(DIGITS_WORDS, is_digits)
_URL: Final = _form(SAFE_URL_WORDS, lambda value: type(value) is str and is_safe_url(value))
_TIME: Final = Form(accepted="a time with a zone, such as 2026-01-31T09:30:00+00:00", parse=_parse_time)

_ENTRY: Final = {"attempts": _OBJECT, "recorded": _OBJECT, "version": _VERSION_FORM}
_CLAIM: Final = {"token": _TEXT, "expires_at": _TIME, "lapses_at": _TIME}
_RECORDED_1: Final = {"key": _TEXT, "call": _OBJECT, "supersedes": _OBJECT, "lapses_at": _TIME}
_RECORDED: Final = {**_RECORDED_1, "supersedes_until": _TIME}
_CALL: Final = {"id": _TEXT, "join_url": _URL, "account_id": _DIGITS, "extension_id": _DIGITS, "created_at": _TIME}
_NULLABLE: Final = frozenset({"recorded", "expires_at", "supersedes", "supersedes_until"})
