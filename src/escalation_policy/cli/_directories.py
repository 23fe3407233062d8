"""Directories: what the API's lists answered about one domain, as one file or as a folder of files."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast, final

from .. import RingCentralUser
from .._reading import Faults
from ..administration import Directory
from ..administration._pages import records_of
from ..exceptions import EscalationPolicyError, Fault, InvalidPayloadError
from ._files import UnusableInputError, check_names, domain_of, fields_of, read_file, read_json, ringcentral_user
from ._progress import Waiting

#: The keys of the one file, and what the files of a folder are called.
_FILES: Final = {
    "domain": "domain.json",
    "roles": "roles*.json",
    "users": "users*.json",
    "sources": "sources*.json",
    "ringcentral": "ringcentral*.json",
}
_KEYS: Final = tuple(_FILES)
_NAMES: Final = tuple(_FILES.values())
#: What the readers call a page, or the records in it.
_PAGE: Final = re.compile(rf"\b(?:{'|'.join(_KEYS[1:])})\[\d+\](?:\.records)?")
#: How many faults are told; who mends these will see the others.
_TOLD: Final = 20

#: What is said under each key: one thing by the one file, one by each file of a folder, with what to call it.
_Parts = Mapping[str, list[tuple[str, object]]]


@final
class _Page(NamedTuple):
    """One page of a list, and what to call it; it is bare where it was given as nothing but its records."""

    name: str
    said: Any
    is_bare: bool = False


def read_directory(path: str, waiting: Waiting) -> Directory:
    """Reads the roles, agents and channels of one domain.

    Args:
        path: A JSON file, `-` for standard input, or a folder.
        waiting: Whom to tell how far it has come.

    Raises:
        UnusableInputError: A file cannot be read, is no JSON or means nothing, or the records do not belong together.
    """
    files = _files_in(path)
    if files is None:
        waiting.begin("Reading")
        return read_file(path, lambda said: _directory(_said_by_file(said), waiting))
    try:
        return _directory(_said_by_files(files, waiting), waiting)
    except (UnusableInputError, EscalationPolicyError) as error:
        raise UnusableInputError(f"{path}: {error}") from error


def _files_in(path: str) -> list[Path] | None:
    """Lists the JSON files of a folder; None where the path is of no folder."""
    try:
        return None if path == "-" else sorted(file for file in Path(path).iterdir() if file.suffix == ".json")
    except (NotADirectoryError, ValueError):
        return None
    except OSError as error:
        raise UnusableInputError(f"{path}: {str(error.strerror).lower()}") from error


def _said_by_file(said: object) -> _Parts:
    fields = fields_of("a directory", said, required=_KEYS[:-1], optional=_KEYS[-1:])
    return {key: [(key, value)] for key, value in fields.items() if (key, value) != (_KEYS[-1], None)}


def _said_by_files(files: list[Path], waiting: Waiting) -> _Parts:
    keys = [next((key for key, name in _FILES.items() if file.match(name)), file.name) for file in files]
    names = [_FILES.get(key, key) for key in keys]
    check_names("a folder", "a file", names, required=_NAMES[:-1], optional=_NAMES[-1:])
    parts: dict[str, list[tuple[str, object]]] = {}
    wrong: list[str] = []
    for key, file in waiting.over(zip(keys, files, strict=True), "Reading", len(files)):
        try:
            parts.setdefault(key, []).append((file.name, read_json(str(file))))
        except UnusableInputError as error:
            wrong.append(f"{file.name}: {error}")
    if wrong:
        raise UnusableInputError(_told(wrong))
    return parts


def _directory(parts: _Parts, waiting: Waiting) -> Directory:
    waiting.begin("Checking")
    domain = domain_of(parts["domain"][0][1])
    pages = {key: _pages(parts[key]) for key in _KEYS[1:] if key in parts}
    said = {key: [page.said for page in each] for key, each in pages.items()}
    users, wrong = _ringcentral_users(said.get("ringcentral"))
    faults: Iterable[Fault] = ()
    try:
        directory = Directory.from_pages(
            domain,
            roles=said["roles"],
            users=said["users"],
            sources=said["sources"],
            ringcentral=[user for _, user in users],
        )
    except InvalidPayloadError as error:
        faults = error.faults
    else:
        if not wrong:
            return directory
    names = _names(pages)
    told = [_renamed(each, names) for each in wrong]
    names |= {f"ringcentral[{number}]": _renamed(where, names) for number, (where, _) in enumerate(users)}
    raise UnusableInputError(_told([*told, *(_renamed(str(fault), names) for fault in faults)]))


def _pages(parts: Iterable[tuple[str, object]]) -> list[_Page]:
    """Tells one page, several pages and a bare list of records apart."""
    pages: list[_Page] = []
    for name, said in parts:
        if not isinstance(said, list):
            pages.append(_Page(name, said))
            continue
        members = cast("list[object]", said)
        if any(isinstance(each, dict) and "records" in each for each in members):
            pages += [_Page(f"{name}[{number}]", each) for number, each in enumerate(members)]
        else:
            pages.append(_Page(name, {"count": len(members), "offset": 0, "records": members}, is_bare=True))
    bare = next((page for page in pages if page.is_bare), None)
    if bare and len(pages) > 1:
        accepted = "a page with count and offset, as there are others"
        raise UnusableInputError(f"{bare.name} must be {accepted}, got a list of records")
    return pages


def _ringcentral_users(pages: list[Any] | None) -> tuple[list[tuple[str, RingCentralUser]], list[str]]:
    """Reads what RingCentral says of extensions, each with where it stands; and tells what is wrong with it."""
    if pages is None:
        return [], []
    faults = Faults()
    users: list[tuple[str, RingCentralUser]] = []
    wrong: list[str] = []
    for where, entry in records_of(faults, "ringcentral", pages):
        try:
            users.append((where, ringcentral_user(where, entry)))
        except (UnusableInputError, EscalationPolicyError) as error:
            wrong.append(str(error))
    return users, [*map(str, faults), *wrong]


def _names(pages: Mapping[str, list[_Page]]) -> dict[str, str]:
    """Says where the pages stand, and their records, under what the readers call them."""
    return {
        f"{key}[{number}]{records}": page.name + ("" if page.is_bare else records)
        for key, each in pages.items()
        for number, page in enumerate(each)
        for records in ("", ".records")
    }


def _renamed(told: str, names: Mapping[str, str]) -> str:
    return _PAGE.sub(lambda found: names.get(found[0], found[0]), told)


def _told(wrong: list[str]) -> str:
    more = [f"and {len(wrong) - _TOLD} more"] if len(wrong) > _TOLD else []
    return "; ".join([*wrong[:_TOLD], *more])
