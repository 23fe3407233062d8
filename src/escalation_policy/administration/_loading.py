"""Load a directory from the API page by page. One generator serves sync and async code."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeVar, cast, final

from .._enums import ChannelKind
from .._fields import figure_of, require
from .._reading import Payload, as_id, collect_faults, read_page
from .._values import Domain, RingCentralUser
from ..exceptions import EngageUnavailableError, Fault
from ._directory import Directory, DirectoryReader, RecordKind

_T = TypeVar("_T")
ListName = Literal["roles", "users", "sources"]
#: Called after each page with the list, the number of records so far, and the number of records in the list.
Progress = Callable[[str, int, int], object]

#: The lists, roles first, because users name them.
_LISTS: Final[Mapping[ListName, RecordKind]] = {
    "roles": RecordKind.ROLE,
    "users": RecordKind.USER,
    "sources": RecordKind.SOURCE,
}
#: How often a list that changes is read again.
_REPETITIONS: Final = 3
_PATIENCE: Final = timedelta(minutes=5)
#: The first and the longest wait if the API does not say how long to wait.
_FIRST_WAIT: Final = timedelta(seconds=1)
_LONGEST_WAIT: Final = timedelta(seconds=30)


class _Api(Protocol):
    """What an `EngageApi` has. Its module needs httpx, which this one does not."""

    @property
    def domain(self) -> Domain: ...
    @property
    def kinds(self) -> Mapping[str, ChannelKind]: ...
    def read_page(self, name: ListName, *, offset: int = 0) -> Mapping[str, Any]: ...


class _AsyncApi(Protocol):
    """What an `AsyncEngageApi` has."""

    @property
    def domain(self) -> Domain: ...
    @property
    def kinds(self) -> Mapping[str, ChannelKind]: ...
    def read_page(self, name: ListName, *, offset: int = 0) -> Awaitable[Mapping[str, Any]]: ...


def load_directory(
    api: _Api,
    *,
    ringcentral: Iterable[RingCentralUser] = (),
    progress: Progress | None = None,
    patience: timedelta = _PATIENCE,
) -> Directory:
    """Load the roles, agents and channels of a domain from the API.

    The lists are read in pages of 150 records, and only one page is in memory at a time. A list that changes while it is
    read is read again, up to three times. If the API asks to wait or fails, it is asked again.

    The API silently leaves out what the token may not see: `GET /content_sources` lists only the channels that the token's
    user may read, and with the permission `manage_users_of_my_teams`, `GET /users` lists only the users of the teams that
    this user leads. So use the token of a user who may read all channels and all users.

    Args:
        api: An `EngageApi`.
        ringcentral: As for `Directory.from_pages()`.
        progress: Called after each page with the list (`roles`, `users` or `sources`), the number of records that were
            read, and the number of records in the list.
        patience: How long it waits at most, in all, when the API asks to wait, fails or does not answer. 0: not at all.

    Raises:
        EngageUnavailableError: The API did not answer or asks to wait, for longer than `patience`, or a list changed each
            time it was read.
        EngageRefusedError: The API refused to return a list.
        InvalidPayloadError: A page cannot be read. A record that cannot be read is in `Directory.unreadable` instead.
        InvalidValueError: `patience` or `ringcentral` is invalid.
    """
    loading = _load(api.domain, api.kinds, ringcentral, progress, patience)
    step = _advance(loading)
    while isinstance(step, _Page | _Wait):
        answer: _Answer = None
        if isinstance(step, _Wait):
            time.sleep(step.seconds)
        else:
            try:
                answer = api.read_page(step.name, offset=step.offset)
            except EngageUnavailableError as error:
                answer = error
        step = _advance(loading, answer)
    return step


async def load_directory_async(
    api: _AsyncApi,
    *,
    ringcentral: Iterable[RingCentralUser] = (),
    progress: Progress | None = None,
    patience: timedelta = _PATIENCE,
) -> Directory:
    """Load the roles, agents and channels of a domain with an `AsyncEngageApi`, as `load_directory()` does."""
    loading = _load(api.domain, api.kinds, ringcentral, progress, patience)
    step = _advance(loading)
    while isinstance(step, _Page | _Wait):
        answer: _Answer = None
        if isinstance(step, _Wait):
            await asyncio.sleep(step.seconds)
        else:
            try:
                answer = await api.read_page(step.name, offset=step.offset)
            except EngageUnavailableError as error:
                answer = error
        step = _advance(loading, answer)
    return step


@final
class _Page(NamedTuple):
    """A page to read."""

    name: ListName
    offset: int


@final
class _Wait(NamedTuple):
    """A time to wait."""

    seconds: float


_Answer = Mapping[str, Any] | EngageUnavailableError | None
_Loading = Generator[_Page | _Wait, _Answer, _T]


def _advance(loading: _Loading[_T], answer: _Answer = None) -> _Page | _Wait | _T:
    try:
        return loading.send(answer)
    except StopIteration as end:
        return cast("_T", end.value)


def _load(
    domain: Domain,
    kinds: Mapping[str, ChannelKind],
    ringcentral: Iterable[RingCentralUser],
    progress: Progress | None,
    patience: timedelta,
) -> _Loading[Directory]:
    is_timedelta = isinstance(patience, timedelta)  # pyright: ignore[reportUnnecessaryIsInstance]
    require(
        is_timedelta and patience >= timedelta(0),
        "patience",
        figure_of(patience),
        f"{'' if is_timedelta else 'a timedelta of '}0 or more",
    )
    with collect_faults() as faults:
        reader = DirectoryReader(faults, domain, ringcentral, kinds)
    pages = _Pages(patience)
    for name, kind in _LISTS.items():
        for _ in range(1 + _REPETITIONS):
            reader.forget(kind)
            if (yield from _read_list(pages, name, reader, progress)):
                break
        else:
            problem = f"the {name} changed each of the {1 + _REPETITIONS} times that they were read"
            raise EngageUnavailableError(problem)
    return reader.directory()


def _read_list(pages: "_Pages", name: ListName, reader: DirectoryReader, progress: Progress | None) -> _Loading[bool]:
    """Read a list once. Return whether it did not change in the meantime."""
    total: int | None = None
    offset = 0
    ids: set[str] = set()
    while total is None or offset < total:
        path = f"{name}[{offset}]"
        answer = yield from pages.read(name, offset)
        with collect_faults() as faults:
            page = read_page(faults, path, answer)
            if page is not None and page.offset != offset:
                accepted = "the offset that was asked for"
                faults.append(Fault.mismatch(f"{path}.offset", "another offset", accepted))
            records = [] if page is None else page.records
            for number, record in enumerate(records):
                if not isinstance(record, Mapping):
                    faults.append(Fault.mismatch(f"{path}.records[{number}]", "no object", "a mapping"))
        count = 0 if page is None else page.total
        if total not in (None, count) or (not records and offset < count):
            return False
        total = count
        named = [(f"{path}.records[{at}]", cast("Payload", record)) for at, record in enumerate(records)]
        ids |= {as_id(record.get("id")) or record_path for record_path, record in named}
        offset += len(named)
        # A record is there twice if one before it was deleted or added meanwhile. Then another one may be missing.
        if len(ids) != offset or offset > total:
            return False
        reader.read(_LISTS[name], named)
        if progress is not None:
            progress(name, offset, total)
    return True


@final
class _Pages:
    """Reads pages, and waits as long as there is patience left."""

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience

    def read(self, name: ListName, offset: int) -> _Loading[Mapping[str, Any]]:
        """Read one page.

        Raises:
            EngageUnavailableError: There is no patience left.
        """
        wait = _FIRST_WAIT
        while True:
            answer = yield _Page(name, offset)
            if not isinstance(answer, EngageUnavailableError):
                return cast("Mapping[str, Any]", answer)
            pause = max(wait, answer.retry_after or wait)
            if pause > self._patience:
                raise answer
            self._patience -= pause
            yield _Wait(pause.total_seconds())
            wait = min(2 * wait, _LONGEST_WAIT)
