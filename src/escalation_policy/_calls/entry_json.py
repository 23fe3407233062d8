"""Stored: a case as the text that a ledger keeps in a file or a database, and back."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, cast

import attrs

from .._fields import figure_of, kind_of
from ..exceptions import Fault, InvalidPayloadError, InvalidValueError
from .entries import Attempt, LedgerEntry, RecordedCall
from .values import VideoCall

#: Of the form of the text. In another one nothing else is known to mean what it means here.
_VERSION: Final = 1

#: Reads the value at a path; where it cannot, it adds the fault, and gives None.
_Read = Callable[[Any, str, list[Fault]], Any]


def entry_to_json(case: LedgerEntry) -> str:
    """Makes a text of a case: one line of ASCII, links and all.

    Times keep their microseconds, and their distance from UTC in the place of a named zone.

    Raises:
        InvalidPayloadError: It could not be read again.
    """
    told = {
        "attempts": {key: _told(attempt._asdict()) for key, attempt in case.attempts.items()},
        "recorded": case.recorded and _told(case.recorded._asdict()),
        "version": _VERSION,
    }
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    entry_from_json(text)
    return text


def entry_from_json(text: str | bytes) -> LedgerEntry:
    """Makes the case of such a text again.

    Raises:
        InvalidPayloadError: It is no text of `entry_to_json()`, or one of a version that is not known. No fault shows a
            link or an id.
    """
    faults: list[Fault] = []
    told = _object(_parsed(text), "case", faults)
    if told is not None and _version(told.get("version"), "case.version", faults):
        read = _members(told, "case", faults, {"attempts": _attempts, "recorded": _recorded, "version": _version})
        if read is not None:
            return LedgerEntry(read["recorded"], read["attempts"])
    raise InvalidPayloadError(faults)


def _told(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _told_value(value) for name, value in fields.items()}


def _told_value(value: Any) -> Any:
    if isinstance(value, VideoCall):
        return _told({name: getattr(value, name) for name in _CALL})
    return value.isoformat() if isinstance(value, datetime) else value


def _parsed(text: str | bytes) -> Any:
    """Parses JSON; what is none stays what it is, which is no object."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return text


def _object(value: Any, path: str, faults: list[Fault]) -> dict[str, Any] | None:
    if type(value) is dict:
        return cast("dict[str, Any]", value)
    faults.append(Fault.mismatch(path, kind_of(value), "an object"))
    return None


def _members(value: Any, path: str, faults: list[Fault], reads: Mapping[str, _Read]) -> dict[str, Any] | None:
    """Reads an object that has these members and no others."""
    told, before = _object(value, path, faults), len(faults)
    if told is None:
        return None
    if told.keys() != reads.keys():
        lacking = ", ".join([name for name in reads if name not in told])
        problem = f"lacks {lacking}" if lacking else f"has other members than {', '.join(reads)}"
        faults.append(Fault(path, problem, found="an object of others", accepted=f"an object of {', '.join(reads)}"))
        return None
    read = {name: each(told[name], f"{path}.{name}", faults) for name, each in reads.items()}
    return read if len(faults) == before else None


def _version(value: Any, path: str, faults: list[Fault]) -> int | None:
    if type(value) is int and value == _VERSION:
        return value
    faults.append(Fault.mismatch(path, figure_of(value), f"{_VERSION}, the only version that this release reads"))
    return None


def _attempts(value: Any, path: str, faults: list[Fault]) -> dict[str, Attempt | None]:
    told = _object(value, path, faults) or {}
    # Their keys are ids.
    return {key: _attempt(each, f"{path}[{number}]", faults) for number, (key, each) in enumerate(told.items())}


def _attempt(value: Any, path: str, faults: list[Fault]) -> Attempt | None:
    read = _members(value, path, faults, {"token": _text, "expires_at": _time_or_null, "lapses_at": _time})
    return Attempt(**read) if read else None


def _recorded(value: Any, path: str, faults: list[Fault]) -> RecordedCall | None:
    reads = {"key": _text, "call": _call, "supersedes": _call_or_null, "lapses_at": _time}
    read = None if value is None else _members(value, path, faults, reads)
    return RecordedCall(**read) if read else None


def _call_or_null(value: Any, path: str, faults: list[Fault]) -> VideoCall | None:
    return None if value is None else _call(value, path, faults)


def _call(value: Any, path: str, faults: list[Fault]) -> VideoCall | None:
    read = _members(value, path, faults, _CALL)
    try:
        return VideoCall(**read) if read else None
    except InvalidValueError as error:
        faults.append(attrs.evolve(error.fault, path=f"{path}.{error.fault.path.partition('.')[2]}"))
        return None


def _text(value: Any, path: str, faults: list[Fault]) -> str | None:
    if type(value) is str and value:
        return value
    faults.append(Fault.mismatch(path, kind_of(value), "a non-empty string"))
    return None


def _time_or_null(value: Any, path: str, faults: list[Fault]) -> datetime | None:
    return None if value is None else _time(value, path, faults)


def _time(value: Any, path: str, faults: list[Fault]) -> datetime | None:
    """Reads a time in the one way in which it is written, which every Python reads alike."""
    with suppress(TypeError, ValueError):
        at = datetime.fromisoformat(value)
        if at.tzinfo and at.isoformat() == value:
            return at
    faults.append(Fault.mismatch(path, kind_of(value), "a time with a zone, such as 2026-01-31T09:30:00+00:00"))
    return None


_CALL: Final[Mapping[str, _Read]] = {
    "id": _text,
    "join_url": _text,
    "account_id": _text,
    "extension_id": _text,
    "created_at": _time,
}
