"""JSON files as input. A case file holds one request, with the records as the API returns them."""

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any, Final, TypeVar, cast, final

import attrs

from .. import Agent, ChannelKind, Domain, EscalationRequest, Login, RingCentralUser, VideoAccess
from .._fields import closest, kind_of
from .._reading import JsonError, PayloadReader, as_id, collect_faults, parse_json
from ..engage import request_from_payloads
from ..engage.payloads import read_agent, read_role
from ..exceptions import EscalationPolicyError, Fault, InvalidValueError

_E = TypeVar("_E", bound=Enum)
_T = TypeVar("_T")

_AGENT_KEYS: Final = ("domain", "user", "role")
_MESSAGE_KEYS: Final = ("source", "content")
_OPTIONAL_KEYS: Final = ("login", "ringcentral", "intervention", "identity", "event", "deferred", "context", "kinds")


@final
class UnusableInputError(Exception):
    """Input that the command cannot use.

    Args:
        message: One line.
        others: Further lines, if there are several faults.
    """

    def __init__(self, message: str, *others: str) -> None:
        super().__init__(message, *others)
        self.message = message
        self.others = others

    def __str__(self) -> str:
        return "\n  ".join([self.message, *self.others])

    def within(self, name: str) -> "UnusableInputError":
        """Return the error with the name of what holds the input."""
        return UnusableInputError(f"{name}: {self.message}", *self.others)


def read_case(file: str) -> EscalationRequest:
    """Read the request in a case file.

    Args:
        file: Its path, or `-` for standard input.

    Raises:
        UnusableInputError: The file cannot be read, is not JSON or has unknown keys, or its records are invalid.
    """
    return read_file(file, _request)


def read_agent_of_case(file: str) -> tuple[Domain, Agent]:
    """Read the domain and the agent in a case file. The records of the message are optional, and are not read.

    Args:
        file: Its path, or `-` for standard input.

    Raises:
        UnusableInputError: As for `read_case()`.
    """
    return read_file(file, _domain_and_agent)


def _request(content: object) -> EscalationRequest:
    case = _case(content, (*_AGENT_KEYS, *_MESSAGE_KEYS), _OPTIONAL_KEYS)
    case["login"] = _member("login", Login, case.get("login", "unknown"))
    case.setdefault("intervention", None)
    return request_from_payloads(**case)


def _domain_and_agent(content: object) -> tuple[Domain, Agent]:
    case = _case(content, _AGENT_KEYS, (*_MESSAGE_KEYS, *_OPTIONAL_KEYS))
    domain: Domain = case["domain"]
    with collect_faults() as faults:
        role = read_role(PayloadReader(faults, "role", case["role"]), domain.id)
        return domain, read_agent(PayloadReader(faults, "user", case["user"]), domain.id, role, case["ringcentral"])


def _case(content: object, required: Collection[str], optional: Collection[str]) -> dict[str, Any]:
    """Check the keys of a case, and read the values that are not records."""
    case = fields_of("a case", content, required=required, optional=optional)
    user = case.get("ringcentral")
    return case | {
        "domain": read_domain(case["domain"]),
        "ringcentral": None if user is None else read_ringcentral_user("ringcentral", user),
        "kinds": read_kinds(case.get("kinds")),
    }


def read_file(file: str, read: Callable[[object], _T]) -> _T:
    """Read a JSON file.

    Args:
        file: Its path, or `-` for standard input.
        read: Converts the JSON data.

    Raises:
        UnusableInputError: The file cannot be read, is not JSON, or its data cannot be converted.
    """
    name = "standard input" if file == "-" else file
    try:
        return read(read_json(file))
    except UnusableInputError as error:
        raise error.within(name) from error
    except EscalationPolicyError as error:
        raise UnusableInputError(f"{name}: {error}") from error


def read_json(file: str) -> object:
    """Read the data of a JSON file. Errors do not name the file."""
    try:
        with open(0 if file == "-" else file, "rb", closefd=file != "-") as stream:
            return parse_json(stream.read())
    except OSError as error:
        raise UnusableInputError(str(error.strerror).lower()) from error
    except JsonError as error:
        raise UnusableInputError(str(error)) from error
    except ValueError as error:
        raise UnusableInputError("no file can have this name") from error


def fields_of(path: str, value: object, *, required: Collection[str], optional: Collection[str]) -> dict[str, Any]:
    """Return the fields of an object. An unknown key is an error: if it is a typing error, its value would be ignored."""
    if not isinstance(value, dict):
        raise UnusableInputError(f"{path} must be an object, got {kind_of(value)}")
    fields = cast("dict[str, Any]", value)
    check_names(path, "key", fields, required=required, optional=optional)
    return fields


def check_names(
    path: str, kind: str, names: Collection[str], *, required: Collection[str], optional: Collection[str]
) -> None:
    """Check that all required names are there, and no unknown ones.

    Args:
        path: What has the names.
        kind: What has a name: "key" or "file".
        names: The names.
        required: The names that must be there.
        optional: The names that may be there too.

    Raises:
        UnusableInputError: A name is missing or unknown.
    """
    accepted = [*required, *optional]
    sentence = f"it needs {', '.join(required)} and can have {', '.join(optional)}"
    for name in names:
        if name not in accepted:
            key = closest(name, accepted)
            hint = f" (did you mean {key}?)" if key else ""
            raise UnusableInputError(f"{path} has an unknown {kind}{hint}: {sentence}")
    for name in required:
        if name not in names:
            raise UnusableInputError(f"{path} lacks {name}: {sentence}")


def read_domain(value: object) -> Domain:
    """Read an object with the fields of a `Domain`."""
    fields = fields_of("domain", value, required=("id",), optional=("ringcentral_account_id",))
    account_id = fields.get("ringcentral_account_id")
    return _build("domain", Domain, {**fields, "ringcentral_account_id": as_id(account_id) or account_id})


def read_ringcentral_user(path: str, value: object) -> RingCentralUser:
    """Read an object with the account and the video access of an extension."""
    fields = fields_of(path, value, required=("extension_id",), optional=("account_id", "video"))
    video = _member(f"{path}.video", VideoAccess, fields.get("video", "unknown"))
    extension_id = as_id(fields["extension_id"]) or fields["extension_id"]
    account_id = as_id(fields.get("account_id")) or fields.get("account_id")
    ids = {"extension_id": extension_id, "account_id": account_id}
    return _build(path, RingCentralUser, {**fields, **ids, "video": video})


def read_kinds(value: object) -> Mapping[str, ChannelKind]:
    """Read an object with the kinds of further types of channels. None: there are no further types."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnusableInputError(f"kinds must be an object, got {kind_of(value)}")
    kinds = cast("dict[str, object]", value)
    return {key: _member(f"kinds[{number}]", ChannelKind, kind) for number, (key, kind) in enumerate(kinds.items())}


def _member(path: str, enum: type[_E], value: object) -> _E:
    members = {member.value: member for member in enum}
    if type(value) is str and value in members:
        return members[value]
    accepted = f"one of {', '.join(members)}"
    raise InvalidValueError(Fault.mismatch(path, kind_of(value), accepted, closest=closest(value, members)))


def _build(path: str, cls: type[_T], fields: dict[str, Any]) -> _T:
    """Make a value. If a field is invalid, name it by its place in the file."""
    try:
        return cls(**fields)
    except InvalidValueError as error:
        field = error.fault.path.rpartition(".")[2]
        raise InvalidValueError(attrs.evolve(error.fault, path=f"{path}.{field}")) from error
