"""JSON files as input. A case file holds one request, with the records as the API returns them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import attrs

from .. import Agent, ChannelKind, Domain, EscalationRequest, Login, RingCentralUser, VideoAccess
from .._fields import closest, kind_of
from .._reading import JsonError, PayloadReader, as_id, collect_faults, parse_json
from ..engage import request_from_payloads
from ..engage.payloads import read_agent, read_role
from ..exceptions import EscalationPolicyError, Fault, InvalidValueError
from ._output import UnusableInputError

_E = TypeVar("_E", bound=Enum)
_T = TypeVar("_T")

#: The endings of files with one case in each line.
_LINES: Final = (".jsonl", ".ndjson")
#: No file of cases or of a domain is nearly as large. A larger one would fill the memory.
_MOST_BYTES: Final = 512 * 1024 * 1024
_AGENT_KEYS: Final = ("domain", "user", "role")
_MESSAGE_KEYS: Final = ("source", "content")
_OPTIONAL_KEYS: Final = ("login", "ringcentral", "intervention", "identity", "event", "deferred", "context", "kinds")


def read_case(file: str) -> EscalationRequest:
    """Read the request in a case file.

    Args:
        file: Its path, or `-` for standard input.

    Raises:
        UnusableInputError: The file cannot be read, is not JSON or has unknown keys, or its records are invalid.
    """
    return read_file(file, request_of)


def is_many(file: str) -> bool:
    """Return whether a path may hold many cases: a folder, or a file of JSON lines."""
    return Path(file).suffix in _LINES or Path(file).is_dir()


def read_cases(file: str) -> Iterator[tuple[str, EscalationRequest | UnusableInputError]]:
    """Read many cases: of a file, of each JSON file in a folder, or of each line of a file of JSON lines.

    Yields:
        The name of each case with its request, or with what is wrong with it, which names it too.

    Raises:
        UnusableInputError: The folder or the file of lines cannot be read, or there is no case in it.
    """
    path = Path(file)
    cases: Iterable[tuple[str, Callable[[], object]]]
    try:
        if path.suffix in _LINES:
            lines = path.read_bytes().splitlines()
            texts = [(f"{file}:{number}", line) for number, line in enumerate(lines, start=1) if line.strip()]
            cases = [(name, partial(parse_json, line)) for name, line in texts]
        elif path.is_dir():
            names = [str(each) for each in sorted(path.iterdir()) if each.suffix == ".json"]
            cases = [(name, partial(read_json, name)) for name in names]
        else:
            cases = [(file, partial(read_json, file))]
    except OSError as error:
        raise UnusableInputError(f"{file}: {str(error.strerror).lower()}") from error
    if not cases:
        raise UnusableInputError(f"{file}: no case is in it: a folder must have .json files, and a .jsonl file lines")
    for name, read in cases:
        try:
            yield name, request_of(read())
        except (UnusableInputError, EscalationPolicyError, JsonError) as error:
            yield name, UnusableInputError(f"{name}: {error}")


def read_agent_of_case(file: str) -> tuple[Domain, Agent]:
    """Read the domain and the agent in a case file. The records of the message are optional, and are not read.

    Args:
        file: Its path, or `-` for standard input.

    Raises:
        UnusableInputError: As for `read_case()`.
    """
    return read_file(file, _domain_and_agent)


def request_of(content: object) -> EscalationRequest:
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
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UnusableInputError(str(error.strerror).lower()) from error
    except ValueError as error:
        raise UnusableInputError("no file can have this name") from error
    if len(content) > _MOST_BYTES:
        raise UnusableInputError(f"it is larger than {_MOST_BYTES // 1024**2} MiB: split it")
    try:
        return parse_json(content)
    except JsonError as error:
        raise UnusableInputError(str(error)) from error


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
