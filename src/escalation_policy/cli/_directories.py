"""Directories as input: the API's lists of one domain, in one JSON file or in a folder of JSON files."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast, final

import attrs

from .. import RingCentralUser
from .._reading import Faults, records_in_pages
from ..administration import Directory, UnreadableRecord
from ..exceptions import EscalationPolicyError, Fault, InvalidPayloadError, InvalidValueError
from ._files import (
    check_names,
    fields_of,
    read_domain,
    read_file,
    read_json,
    read_kinds,
    read_ringcentral_user,
)
from ._output import PROGRAM, UnusableInputError, write_messages
from ._progress import ProgressBar

#: The keys of the one file, and the names of the files in a folder.
_REQUIRED: Final = {
    "domain": "domain.json",
    "roles": "roles*.json",
    "users": "users*.json",
    "sources": "sources*.json",
}
_OPTIONAL: Final = {"ringcentral": "ringcentral*.json", "kinds": "kinds.json"}
_FILES: Final = _REQUIRED | _OPTIONAL
#: The keys of lists, which can have pages.
_LISTS: Final = ("roles", "users", "sources", "ringcentral")
#: The path of a page, or of its records, in the faults that the readers report.
_PAGE_PATH: Final = re.compile(rf"\b(?:{'|'.join(_LISTS)})\[\d+\](?:\.records)?")
#: The path of a fault in one of many records: the list, the number of the record, and the field.
_RECORD_PATH: Final = re.compile(r"(?P<list>.+?)(?:\.records)?\[\d+\](?:\.records\[\d+\])?(?:\.(?P<field>.+))?")
#: How many kinds of faults a message lists.
_MAX_FAULTS: Final = 20
#: How many files that are not read a message names.
_MAX_NAMES: Final = 5

#: The JSON data for each key, with its name: one item for the one file, one for each file of a folder.
_Contents = Mapping[str, list[tuple[str, object]]]


@final
class _Page(NamedTuple):
    """One page of a list.

    Attributes:
        name: Its name in messages.
        content: Its JSON data.
        is_bare: Whether the file holds only the list of its records.
    """

    name: str
    content: Any
    is_bare: bool = False


def read_directory(path: str, progress: ProgressBar) -> Directory:
    """Read the roles, agents and channels of one domain.

    Args:
        path: A JSON file, `-` for standard input, or a folder.
        progress: Shows how much was read.

    Raises:
        UnusableInputError: A file cannot be read, is not JSON or has another name, or the records are invalid.
    """
    files = _files_in(path)
    if files is None:
        progress.begin("Reading")
        return read_file(path, lambda content: _directory(_contents_of_file(content), progress))
    try:
        return _directory(_contents_of_files(files, progress), progress)
    except UnusableInputError as error:
        raise error.within(path) from error
    except EscalationPolicyError as error:
        raise UnusableInputError(f"{path}: {error}") from error


def _files_in(path: str) -> list[Path] | None:
    """Return the JSON files in a folder, or None if the path is not a folder."""
    try:
        if path == "-":
            return None
        every = sorted(Path(path).iterdir())
    except (NotADirectoryError, ValueError):
        return None
    except OSError as error:
        raise UnusableInputError(f"{path}: {str(error.strerror).lower()}") from error
    files = [file for file in every if file.suffix == ".json"]
    if others := [file.name for file in every if file not in files and not file.name.startswith(".")]:
        rest = f" and {len(others) - _MAX_NAMES} more" if len(others) > _MAX_NAMES else ""
        write_messages(f"{PROGRAM}: {path}: not read, as only .json files are: {', '.join(others[:_MAX_NAMES])}{rest}")
    return files


def _contents_of_file(content: object) -> _Contents:
    fields = fields_of("a directory", content, required=_REQUIRED, optional=_OPTIONAL)
    return {key: [(key, value)] for key, value in fields.items() if (key, value) != ("ringcentral", None)}


def _contents_of_files(files: list[Path], progress: ProgressBar) -> _Contents:
    keys = [next((key for key, pattern in _FILES.items() if file.match(pattern)), file.name) for file in files]
    names = [_FILES.get(key, key) for key in keys]
    check_names("a folder", "file", names, required=_REQUIRED.values(), optional=_OPTIONAL.values())
    contents: dict[str, list[tuple[str, object]]] = {}
    problems: list[str] = []
    for key, file in progress.track(zip(keys, files, strict=True), "Reading", len(files)):
        try:
            contents.setdefault(key, []).append((file.name, read_json(str(file))))
        except UnusableInputError as error:
            problems.append(f"{file.name}: {error}")
    if problems:
        raise _several(problems)
    return contents


def _directory(contents: _Contents, progress: ProgressBar) -> Directory:
    progress.begin("Checking")
    domain = read_domain(contents["domain"][0][1])
    kinds = read_kinds(contents["kinds"][0][1] if "kinds" in contents else None)
    pages = {key: _pages(contents[key]) for key in _LISTS if key in contents}
    lists = {key: [page.content for page in pages_of_key] for key, pages_of_key in pages.items()}
    users, problems = _ringcentral_users(lists.get("ringcentral"))
    names = _page_names(pages)
    try:
        directory = Directory.from_pages(
            domain,
            roles=lists["roles"],
            users=lists["users"],
            sources=lists["sources"],
            ringcentral=[user for _, user in users],
            kinds=kinds,
        )
    except InvalidPayloadError as error:
        # `from_pages()` got no pages of users of RingCentral, and names them by their number.
        names_of_users = {f"ringcentral[{number}]": _renamed(path, names) for number, (path, _) in enumerate(users)}
        lines = same_faults(_with_file(fault, names) for fault in problems)
        lines += same_faults(_with_file(fault, names | names_of_users) for fault in error.faults)
    else:
        if not problems:
            return attrs.evolve(directory, unreadable=[_with_files(record, names) for record in directory.unreadable])
        lines = same_faults(_with_file(fault, names) for fault in problems)
    raise _several(lines)


def _pages(contents: Iterable[tuple[str, object]]) -> list[_Page]:
    """Return the pages of a list. JSON data can be one page, a list of pages, or a list of all records."""
    pages: list[_Page] = []
    for name, content in contents:
        if not isinstance(content, list):
            pages.append(_Page(name, content))
            continue
        members = cast("list[object]", content)
        if any(isinstance(member, dict) and "records" in member for member in members):
            pages += [_Page(f"{name}[{number}]", member) for number, member in enumerate(members)]
        else:
            pages.append(_Page(name, {"count": len(members), "offset": 0, "records": members}, is_bare=True))
    bare = next((page for page in pages if page.is_bare), None)
    if bare and len(pages) > 1:
        accepted = "a page with count and offset, as there are others"
        raise UnusableInputError(f"{bare.name} must be {accepted}, got a list of records")
    return pages


def _ringcentral_users(pages: list[Any] | None) -> tuple[list[tuple[str, RingCentralUser]], list[Fault]]:
    """Return the users of RingCentral with their paths, and what is wrong with the others."""
    if pages is None:
        return [], []
    faults = Faults()
    users: list[tuple[str, RingCentralUser]] = []
    problems = Faults()
    for path, record in records_in_pages(faults, "ringcentral", pages):
        try:
            users.append((path, read_ringcentral_user(path, record)))
        except InvalidValueError as error:
            problems.append(error.fault)
        except UnusableInputError as error:
            # Its message begins with the path, which a fault has as a field.
            problems.append(Fault(path, str(error).removeprefix(path).lstrip()))
    return users, [*faults, *problems]


def _page_names(pages: Mapping[str, list[_Page]]) -> dict[str, str]:
    """Return the names of pages, and of their records, by the paths that the readers report."""
    return {
        f"{key}[{number}]{records}": page.name + ("" if page.is_bare else records)
        for key, pages_of_key in pages.items()
        for number, page in enumerate(pages_of_key)
        for records in ("", ".records")
    }


def _renamed(problem: str, names: Mapping[str, str]) -> str:
    return _PAGE_PATH.sub(lambda match: names.get(match[0], match[0]), problem)


def _with_files(record: UnreadableRecord, names: Mapping[str, str]) -> UnreadableRecord:
    """Return an unreadable record whose faults name the files."""
    return attrs.evolve(record, faults=[_with_file(fault, names) for fault in record.faults])


def _with_file(fault: Fault, names: Mapping[str, str]) -> Fault:
    """Return a fault that names the file."""
    problem = _renamed(fault.problem, names)
    return attrs.evolve(fault, path=_renamed(fault.path, names), problem=problem)


def same_faults(faults: Iterable[Fault]) -> list[str]:
    """Return one line for each kind of faults. Faults that differ only in the record are of one kind, and are counted."""
    kinds: dict[tuple[str, str, str], list[Fault]] = {}
    for fault in faults:
        place = _RECORD_PATH.fullmatch(fault.path)
        name, field = (place["list"], place["field"] or "") if place else (fault.path, "")
        kinds.setdefault((name, field, fault.problem), []).append(fault)
    return [
        str(same[0]) if len(same) == 1 else f"{len(same):,} records of {name}: {f'{field} {problem}'.strip()}"
        for (name, field, problem), same in kinds.items()
    ]


def _several(problems: list[str]) -> UnusableInputError:
    """Return an error with a line for each problem, and the number of the others."""
    more = [f"and {len(problems) - _MAX_FAULTS} more"] if len(problems) > _MAX_FAULTS else []
    return UnusableInputError(*problems[:_MAX_FAULTS], *more)
