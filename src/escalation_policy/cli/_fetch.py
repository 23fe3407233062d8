"""Fetch the lists of a domain from the Engage API into the files of a folder, which `audit` and `who-can` read."""

import argparse
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast, final

from .. import ChannelKind, Domain
from ..administration import load_directory
from ..exceptions import EscalationPolicyError
from ._files import read_domain, read_json
from ._output import Output, UnusableInputError, count_of
from ._parser import YES
from ._progress import ProgressBar

ListName = Literal["roles", "users", "sources"]
#: The environment variable with the token.
TOKEN_VARIABLE: Final = "ENGAGE_TOKEN"  # noqa: S105  its name
_HOST: Final = "https://{}.api.digital.ringcentral.com/1.0"


@final
class FetchResult(NamedTuple):
    """What was done: the names of files that were written, of files that were there, and the number of bad records."""

    written: list[str]
    kept: list[str]
    unreadable: int


def run_fetch(arguments: argparse.Namespace, output: Output) -> int:
    """Fetch the lists of a domain."""
    with ProgressBar() as progress:
        result = fetch(
            arguments.domain, arguments.out, progress, account=arguments.ringcentral_account, url=arguments.url
        )
    for name in result.written:
        output.add("", f"{name} was written")
    for name in result.kept:
        output.add("", f"{name} was there already, and was kept; remove it to fetch it again")
    if result.unreadable:
        output.add("", f"{count_of(result.unreadable, 'record')} cannot be read, or only in part; audit names them")
    output.add("", "Users and channels that the token may not read are missing, and the API does not say so.")
    return YES


def fetch(domain: str, folder: str, progress: ProgressBar, *, account: str | None, url: str | None) -> FetchResult:
    """Fetch the lists that a folder lacks.

    Args:
        domain: The name of the domain.
        folder: The folder. It is made if it does not exist.
        progress: Shows how much of a list was read.
        account: The RingCentral account of the domain. None: it is not linked, or `domain.json` is there already.
        url: The address of the API. None: that of the domain at RingCentral.

    Raises:
        UnusableInputError: The token or the extra is missing, the API does not answer or refuses, or the folder cannot be
            used.
    """
    if url is None and not re.fullmatch(r"[A-Za-z0-9-]{1,63}", domain):
        raise UnusableInputError("--domain must be the name of a domain: letters, digits and -")
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not re.fullmatch(r"[!-~]+", token):
        raise UnusableInputError(f"set the environment variable {TOKEN_VARIABLE} to a token of the Engage API")
    try:
        import httpx  # noqa: PLC0415  only this command needs it

        from ..engage.api import EngageApi  # noqa: PLC0415  as well
    except ImportError as error:
        raise UnusableInputError("fetch needs httpx: pip install 'escalation_policy[cli,ringcentral]'") from error
    files = _Folder(Path(folder))
    try:
        value = files.domain(domain, account)
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=_HOST.format(domain) if url is None else url, headers=headers) as client:
            pages = _KeptPages(EngageApi(client, domain=value), files)
            directory = load_directory(pages, progress=_shown_on(progress))
        pages.finish()
    except OSError as error:
        raise UnusableInputError(f"{folder}: {str(error.strerror).lower()}") from error
    except (EscalationPolicyError, httpx.InvalidURL) as error:
        raise UnusableInputError(
            str(error) if isinstance(error, EscalationPolicyError) else "--url is no URL"
        ) from error
    return FetchResult(files.written, files.kept, len(directory.unreadable))


def _shown_on(progress: ProgressBar) -> Any:
    def show(name: str, completed: int, total: int) -> None:
        progress.begin(f"Fetching {name}", total)
        progress.move_to(completed)

    return show


@final
class _Folder:
    """The files of a folder. A file is there as a whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self.written: Final[list[str]] = []
        self.kept: Final[list[str]] = []

    def read(self, name: str) -> Any:
        """Return the data of a file, or None if there is none."""
        file = self._path / name
        if not file.exists():
            return None
        try:
            data = read_json(str(file))
        except UnusableInputError as error:
            raise UnusableInputError(f"{file}: {error}") from error
        self.kept.append(name)
        return data

    def write(self, name: str, data: object) -> None:
        """Write a file. If that fails half-way, it is not written."""
        part = self._path / f"{name}.part"
        try:
            part.unlink(missing_ok=True)
            part.touch(mode=0o600)  # addresses of agents stand in it
            part.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
            part.replace(self._path / name)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        self.written.append(name)

    def domain(self, domain_id: str, account: str | None) -> Domain:
        """Return the domain of the folder. If it has none, write it."""
        self._path.mkdir(parents=True, exist_ok=True)
        data = self.read("domain.json")
        if data is None:
            data = {"id": domain_id} | ({} if account is None else {"ringcentral_account_id": account})
            domain = read_domain(data)
            self.write("domain.json", data)
            return domain
        domain = read_domain(data)
        if domain.id != domain_id or account not in (None, domain.ringcentral_account_id):
            raise UnusableInputError(f"{self._path}: domain.json is of another domain or account: use another folder")
        return domain


@final
class _KeptPages:
    """An API whose pages are kept in a folder: lists that are there already are not read again."""

    def __init__(self, api: Any, folder: _Folder) -> None:
        self.domain: Final[Domain] = api.domain
        self.kinds: Final[Mapping[str, ChannelKind]] = api.kinds
        self._api: Final = api
        self._folder: Final = folder
        self._name: ListName | None = None
        self._pages: list[Mapping[str, Any]] = []
        self._is_kept = False

    def read_page(self, name: ListName, *, offset: int = 0) -> Mapping[str, Any]:
        """Return a page of a file, or else of the API."""
        if name != self._name:
            self.finish()
            self._name = name
            data = self._folder.read(f"{name}.json")
            self._is_kept = data is not None
            self._pages = cast("list[Mapping[str, Any]]", data if isinstance(data, list) else [])
        if self._is_kept:
            for page in self._pages:
                if isinstance(page, dict) and page.get("offset") == offset:
                    return cast("Mapping[str, Any]", page)
            raise UnusableInputError(
                f"{name}.json was not written by fetch, or was changed: remove it, and fetch again"
            )
        if offset == 0:
            self._pages = []
        page = self._api.read_page(name, offset=offset)
        self._pages.append(page)
        return cast("Mapping[str, Any]", page)

    def finish(self) -> None:
        """Write the list that was read last."""
        if self._name is not None and not self._is_kept:
            self._folder.write(f"{self._name}.json", self._pages)
