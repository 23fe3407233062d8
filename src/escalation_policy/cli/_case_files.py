"""Case files: one request written down as JSON, with the records as the API returns them."""

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NoReturn, TypeVar, cast, final

from .. import Domain, EscalationRequest, Login, RingCentralUser, VideoAccess
from .._fields import kind_of
from ..engage import request_from_payloads
from ..exceptions import EscalationPolicyError, InvalidValueError

_E = TypeVar("_E", bound=Enum)
_T = TypeVar("_T")

_REQUIRED: Final = ("domain", "user", "role", "source", "content")
_OPTIONAL: Final = ("login", "ringcentral", "intervention", "identity", "event", "deferred", "context")


@final
class UnusableCaseError(Exception):
    """A case file that cannot be decided, in one line that says why."""


def read_case(file: str) -> EscalationRequest:
    """Reads a case file.

    Args:
        file: Its path; `-` is standard input.

    Raises:
        UnusableCaseError: It cannot be read, is no JSON, has keys that mean nothing, or its records cannot be read
            together.
    """
    try:
        return _request(_parsed(_bytes_of(file)))
    except (UnusableCaseError, EscalationPolicyError) as error:
        raise UnusableCaseError(f"{'standard input' if file == '-' else file}: {error}") from error


def _bytes_of(file: str) -> bytes:
    try:
        with open(0 if file == "-" else file, "rb", closefd=file != "-") as stream:
            return stream.read()
    except OSError as error:
        raise UnusableCaseError(str(error.strerror).lower()) from error
    except ValueError as error:
        raise UnusableCaseError("no file has such a name") from error


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise UnusableCaseError(f"must be UTF-8, got another byte at {error.start}") from error
    except json.JSONDecodeError as error:
        if data.startswith(b"\xef\xbb\xbf"):
            raise UnusableCaseError("must be UTF-8 without a byte order mark") from error
        raise UnusableCaseError(f"must be JSON, got an error in line {error.lineno}, column {error.colno}") from error
    except ValueError as error:  # Python refuses to read integers of thousands of digits
        raise UnusableCaseError("must hold shorter integers, got one of thousands of digits") from error
    except RecursionError as error:
        raise UnusableCaseError("must be less deeply nested") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for key, value in pairs:
        if key in fields:
            raise UnusableCaseError(f"must name each key once, got {_shown(key)} twice in one object")
        fields[key] = value
    return fields


def _constant(name: str) -> NoReturn:
    raise UnusableCaseError(f"must be JSON, got {name}")


def _request(parsed: object) -> EscalationRequest:
    case = _fields("a case", parsed, required=_REQUIRED, optional=_OPTIONAL)
    domain = _fields("domain", case.pop("domain"), required=("id",), optional=("ringcentral_account_id",))
    login = _word("login", Login, case.pop("login", "unknown"))
    user = case.pop("ringcentral", None)
    ringcentral = None if user is None else _ringcentral(user)
    case.setdefault("intervention", None)
    return request_from_payloads(domain=_made("domain", Domain, domain), login=login, ringcentral=ringcentral, **case)


def _ringcentral(given: object) -> RingCentralUser:
    user = _fields("ringcentral", given, required=("extension_id",), optional=("account_id", "video"))
    user["video"] = _word("ringcentral.video", VideoAccess, user.get("video", "unknown"))
    return _made("ringcentral", RingCentralUser, user)


def _fields(path: str, given: object, *, required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, Any]:
    """Checks the keys of an object of ours: one that means nothing is a slip, and would be read as nothing said."""
    if not isinstance(given, dict):
        raise UnusableCaseError(f"{path} must be an object, got {kind_of(given)}")
    fields = cast("dict[str, Any]", given)
    accepted = f"with the keys {', '.join(required)} and, if need be, {', '.join(optional)}"
    if strange := [key for key in fields if key not in required + optional]:
        raise UnusableCaseError(f"{path} must be an object {accepted}, got {_shown(strange[0])} too")
    if missing := [key for key in required if key not in fields]:
        raise UnusableCaseError(f"{path} must be an object {accepted}, got none called {missing[0]}")
    return fields


def _word(path: str, vocabulary: type[_E], given: object) -> _E:
    try:
        return vocabulary(given)
    except ValueError:
        accepted = ", ".join(member.value for member in vocabulary)
        raise UnusableCaseError(f"{path} must be one of {accepted}, got {_shown(given)}") from None


def _made(path: str, kind: type[_T], fields: Mapping[str, Any]) -> _T:
    try:
        return kind(**fields)
    except InvalidValueError as error:
        fault = error.fault
        raise InvalidValueError(fault._replace(path=f"{path}.{fault.path.rpartition('.')[2]}")) from error


def _shown(given: object) -> str:
    """Shows a key or a word, cut; of anything longer-winded only what kind of thing it is."""
    return ascii(given[:40]) if isinstance(given, str) else kind_of(given)
