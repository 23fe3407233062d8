"""Files of JSON: read to the letter, or refused in one line that says why."""

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any, TypeVar, cast, final

import attrs

from .. import Domain, RingCentralUser, VideoAccess
from .._fields import closest, kind_of
from .._reading import JsonError, as_id, parse_json
from ..exceptions import EscalationPolicyError, Fault, InvalidValueError

_E = TypeVar("_E", bound=Enum)
_T = TypeVar("_T")


@final
class UnusableInputError(Exception):
    """Input that no command can work on, in one line that says why."""


def read_file(file: str, make: Callable[[object], _T]) -> _T:
    """Reads a file, and makes something of what it says.

    Args:
        file: Its path; `-` is standard input.
        make: Makes it of the JSON.

    Raises:
        UnusableInputError: It cannot be read, is no JSON, or nothing can be made of it.
    """
    try:
        return make(read_json(file))
    except (UnusableInputError, EscalationPolicyError) as error:
        raise UnusableInputError(f"{'standard input' if file == '-' else file}: {error}") from error


def read_json(file: str) -> object:
    """Reads a file as JSON; what is wrong with it is told without its name."""
    return _parsed(_bytes_of(file))


def _bytes_of(file: str) -> bytes:
    try:
        with open(0 if file == "-" else file, "rb", closefd=file != "-") as stream:
            return stream.read()
    except OSError as error:
        raise UnusableInputError(str(error.strerror).lower()) from error
    except ValueError as error:
        raise UnusableInputError("no file has such a name") from error


def _parsed(data: bytes) -> object:
    try:
        return parse_json(data)
    except JsonError as error:
        raise UnusableInputError(str(error)) from error


def fields_of(path: str, given: object, *, required: Collection[str], optional: Collection[str]) -> dict[str, Any]:
    """Checks the keys of an object of ours: one that means nothing is a slip, and would be read as nothing said."""
    if not isinstance(given, dict):
        raise UnusableInputError(f"{path} must be an object, got {kind_of(given)}")
    fields = cast("dict[str, Any]", given)
    check_names(path, "a key", fields, required=required, optional=optional)
    return fields


def check_names(
    path: str, what: str, names: Collection[str], *, required: Collection[str], optional: Collection[str]
) -> None:
    """Refuse names that are missing or not accepted.

    Args:
        path: What has the names.
        what: What a name belongs to: "a key" or "a file".
        names: The names.
        required: The names that must be there.
        optional: The names that may be there too.
    """
    accepted = [*required, *optional]
    sentence = f"it needs {', '.join(required)} and can have {', '.join(optional)}"
    for name in names:
        if name not in accepted:
            key = closest(name, accepted)
            hint = f" (did you mean {key}?)" if key else ""
            raise UnusableInputError(f"{path} has {what} of another name{hint}: {sentence}")
    for name in required:
        if name not in names:
            raise UnusableInputError(f"{path} lacks {name}: {sentence}")


def word(path: str, vocabulary: type[_E], given: object) -> _E:
    """Reads a member of a vocabulary."""
    members = {member.value: member for member in vocabulary}
    if type(given) is str and given in members:
        return members[given]
    fault = Fault.mismatch(path, kind_of(given), f"one of {', '.join(members)}", closest=closest(given, members))
    raise UnusableInputError(str(fault))


def domain_of(given: object) -> Domain:
    """Reads what is said of the domain."""
    fields = fields_of("domain", given, required=("id",), optional=("ringcentral_account_id",))
    return _made("domain", Domain, fields)


def ringcentral_user(path: str, given: object) -> RingCentralUser:
    """Reads what RingCentral says of an extension."""
    user = fields_of(path, given, required=("extension_id",), optional=("account_id", "video"))
    video = word(f"{path}.video", VideoAccess, user.get("video", "unknown"))
    extension_id = as_id(user["extension_id"]) or user["extension_id"]
    return _made(path, RingCentralUser, {**user, "extension_id": extension_id, "video": video})


def _made(path: str, kind: type[_T], fields: Mapping[str, Any]) -> _T:
    try:
        return kind(**fields)
    except InvalidValueError as error:
        fault = error.fault
        raise InvalidValueError(attrs.evolve(fault, path=f"{path}.{fault.path.rpartition('.')[2]}")) from error
