"""The Engage Digital API: load the records of one click, and read lists page by page. It needs the extra `ringcentral`.

Everything goes through an httpx client of the host's, which has the API's address as `base_url` and the token. Each request
is sent once: nothing waits, and nothing is read again.
"""

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, TypeVar, cast, final

import attrs

try:
    import httpx
except ModuleNotFoundError as error:
    raise ImportError(f"{__name__} needs httpx: pip install 'escalation_policy[ringcentral]'") from error

from .._enums import ChannelKind, Login
from .._fields import ZONED, check_types, checked, closest, figure_of, kind_of, require
from .._http.messages import Delivery, Failure, Request, Response
from .._http.sending import AsyncSender, Deadline, Sender, checked_client, checked_timeout
from .._reading import (
    ID,
    TEXT,
    UNREAD,
    Faults,
    Form,
    JsonError,
    PayloadReader,
    as_id,
    as_ringcentral_id,
    collect_faults,
    parse_json,
    read_page,
)
from .._request import ContextValue, EscalationRequest
from .._values import Domain, RingCentralUser
from ..exceptions import EngageRefusedError, EngageUnavailableError, Fault, InvalidPayloadError, InvalidValueError
from .payloads import Kinds, Payload, check_kinds, request_from_payloads

__all__ = ["AsyncEngageApi", "EngageApi", "Loaded"]

_T = TypeVar("_T")

#: A list of the domain, by its name in directories.
ListName = Literal["roles", "users", "sources"]
_LISTS: Final[Mapping[ListName, str]] = {"roles": "/roles", "users": "/users", "sources": "/content_sources"}

#: The API's highest `limit`.
PAGE_LENGTH: Final = 150
_TIMEOUT: Final = timedelta(seconds=10)
#: The API counts requests per minute, and does not say when the next one is accepted.
_PENALTY: Final = timedelta(minutes=1)
#: A page of 150 users, or an e-mail in HTML, is longer than the answers of other services.
_MOST_BYTES: Final = 16 * 2**20


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Loaded:
    """A request, and how old its facts are.

    Attributes:
        request: The request.
        facts_read_at: The time before the first record was read, in UTC: no fact is older. It fits `facts_read_at` of
            `records.record()`.
    """

    request: EscalationRequest
    facts_read_at: datetime = attrs.field(validator=ZONED)


#: Reads what RingCentral says about an extension, by its id. None: nothing.
LookUp = Callable[[str], RingCentralUser | None]
AsyncLookUp = Callable[[str], Awaitable[RingCentralUser | None] | RingCentralUser | None]


@final
class EngageApi:
    """The Engage Digital API of one domain."""

    def __init__(
        self,
        client: httpx.Client,
        *,
        domain: Domain,
        kinds: Mapping[str, ChannelKind] = {},
        timeout: timedelta = _TIMEOUT,
    ) -> None:
        """Make the API.

        Args:
            client: Has the API's address as `base_url`, such as `https://DOMAIN.api.digital.ringcentral.com/1.0`, and
                sends the token.
            domain: The domain at that address. The API does not say to which RingCentral account it is linked.
            kinds: As for `channel_from_payload()`.
            timeout: How long one call of a method takes at most, apart from a look-up of yours.

        Raises:
            InvalidValueError: `domain`, `kinds` or `timeout` is invalid, or the client's `base_url` begins with http and is
                not on loopback.
            TypeError: The client is not an `httpx.Client`.
        """
        self._sender: Final = Sender(checked_client(client, httpx.Client))
        self._timeout: Final = checked_timeout(timeout)
        check_types(Domain, domain=domain)
        check_kinds(kinds)
        self.domain: Final = domain
        self.kinds: Final = kinds

    def request_for(  # noqa: PLR0913  # one click has as many facts
        self,
        *,
        content_id: str,
        user_id: str,
        login: Login,
        ringcentral: RingCentralUser | LookUp | None,
        role: Payload | None = None,
        source: Payload | None = None,
        context: Mapping[str, ContextValue] = {},
    ) -> Loaded:
        """Load the records of one click, and read them with `request_from_payloads()`.

        Args:
            content_id: The id of the Content that the agent clicked.
            user_id: The id of the agent's User.
            login: How the agent's session was opened; the API does not say it.
            ringcentral: What RingCentral says about the agent's extension, or a function that looks it up. The function is
                called with the id of the extension, if the agent has one. Exceptions of it are not changed.
            role: The agent's Role, if you have it already. Only users that may manage roles can read a role, so with an
                agent's token it is needed.
            source: The Source of the message's channel, if you have it already.
            context: The facts for the host's own rules.

        Raises:
            EngageUnavailableError: The API did not answer, failed or asks to wait.
            EngageRefusedError: The API refused to return a record.
            InvalidPayloadError: A record cannot be read, is not the one that was asked for, or does not belong with the
                others.
            InvalidValueError: An argument is invalid, such as an id that no URL can hold.
        """
        look_up = ringcentral if callable(ringcentral) else None
        loading = _load(self.domain, self.kinds, content_id, user_id, login, ringcentral, role, source, context)
        deadline = Deadline(self._timeout)
        step = _advance(loading)
        while isinstance(step, _Step):
            responses = [_usable(read, self._sender.send(read.request, deadline)) for read in step.reads]
            user = look_up(step.extension_id) if look_up and step.extension_id else None
            step = _advance(loading, _Answers(responses, user))
        return step

    def read_page(self, name: ListName, *, offset: int = 0) -> dict[str, Any]:
        """Read one page of a list: at most 150 records, with the fields `count`, `limit`, `offset` and `records`.

        Args:
            name: The list: `roles`, `users` or `sources`.
            offset: The number of records before the page.

        Raises:
            EngageUnavailableError: The API did not answer, failed or asks to wait.
            EngageRefusedError: The API refused to return the list.
            InvalidPayloadError: The answer is not a JSON object.
            InvalidValueError: There is no such list, or the offset is negative or no number.
        """
        read = _page_of(name, offset)
        return _page(read, _usable(read, self._sender.send(read.request, Deadline(self._timeout))))


@final
class AsyncEngageApi:
    """The same as `EngageApi`, with coroutines. Records that do not depend on each other are read at the same time."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        domain: Domain,
        kinds: Mapping[str, ChannelKind] = {},
        timeout: timedelta = _TIMEOUT,
    ) -> None:
        """Make the API, as `EngageApi` does."""
        self._sender: Final = AsyncSender(checked_client(client, httpx.AsyncClient))
        self._timeout: Final = checked_timeout(timeout)
        check_types(Domain, domain=domain)
        check_kinds(kinds)
        self.domain: Final = domain
        self.kinds: Final = kinds

    async def request_for(  # noqa: PLR0913  # as in the sync class
        self,
        *,
        content_id: str,
        user_id: str,
        login: Login,
        ringcentral: RingCentralUser | AsyncLookUp | None,
        role: Payload | None = None,
        source: Payload | None = None,
        context: Mapping[str, ContextValue] = {},
    ) -> Loaded:
        """Load the records of one click, as `EngageApi.request_for()` does.

        The function in `ringcentral` may be a coroutine function. Any other is called in the event loop.
        """
        look_up = ringcentral if callable(ringcentral) else None
        loading = _load(self.domain, self.kinds, content_id, user_id, login, ringcentral, role, source, context)
        deadline = Deadline(self._timeout)
        step = _advance(loading)
        while isinstance(step, _Step):
            user = _ask(look_up, step.extension_id) if look_up and step.extension_id else _nothing()
            answer, *responses = await _together(user, *(self._send(read, deadline) for read in step.reads))
            step = _advance(loading, _Answers(responses, answer))
        return step

    async def read_page(self, name: ListName, *, offset: int = 0) -> dict[str, Any]:
        """Read one page of a list, as `EngageApi.read_page()` does."""
        read = _page_of(name, offset)
        return _page(read, await self._send(read, Deadline(self._timeout)))

    async def _send(self, read: "_Read", deadline: Deadline) -> Response:
        return _usable(read, await self._sender.send(read.request, deadline))


@final
class _Read(NamedTuple):
    """One record or list to read. `name` is its name in errors."""

    name: str
    path: str

    @property
    def request(self) -> Request:
        """The request for it."""
        return Request("GET", self.path, most_bytes=_MOST_BYTES)


@final
class _Step(NamedTuple):
    """What can be read at the same time.

    Attributes:
        reads: The records.
        extension_id: The extension that is to be looked up too. None: none.
    """

    reads: Sequence[_Read]
    extension_id: str | None = None


@final
class _Answers(NamedTuple):
    """The responses to the reads of a step, and what the look-up returned."""

    responses: Sequence[Response]
    user: object


_Loading = Generator[_Step, _Answers, _T]
_PATH_ID: Final = Form(
    accepted="an id of 1 to 128 ASCII letters, digits, - and _",
    parse=lambda value: text if (text := as_id(value)) and re.fullmatch(r"[A-Za-z0-9_-]{1,128}", text) else None,
    blank_is_nothing=True,
)


def _load(  # noqa: PLR0913, PLR0917  as `request_for()`
    domain: Domain,
    kinds: Kinds,
    content_id: str,
    user_id: str,
    login: Login,
    ringcentral: RingCentralUser | AsyncLookUp | None,
    role: Payload | None,
    source: Payload | None,
    context: Mapping[str, ContextValue],
) -> _Loading[Loaded]:
    """Load the records of one click: first those whose ids are known, then those that they name."""
    read_at = datetime.now(UTC)
    check_types(Login, login=login)
    for name, argument in (("content_id", content_id), ("user_id", user_id)):
        require(_PATH_ID.parse(argument) == argument, name, kind_of(argument), _PATH_ID.accepted)
    first, _ = yield from _read(
        _Step([_Read("content", f"/contents/{content_id}"), _Read("user", f"/users/{user_id}")])
    )
    content, user = first["content"], first["user"]
    extension_id = as_ringcentral_id(user.get("rc_user_id")) if callable(ringcentral) else None
    reads = _named_reads(content, user, has_role=role is not None, has_source=source is not None)
    records, answer = yield from _read(_Step(reads, extension_id))
    if callable(ringcentral):
        if answer is not None:
            check_types(RingCentralUser, ringcentral=answer)
        ringcentral = cast("RingCentralUser | None", answer)
    case = records.get("intervention")
    deferred = None if case is None else (yield from _is_deferred(content, case))
    with collect_faults() as faults:
        _check_ids(faults, {"content": (content, content_id), "user": (user, user_id)})
        if case is not None:
            _check_ids(faults, {"intervention": (case, as_id(content.get("intervention_id")))})
        try:
            request = request_from_payloads(
                domain=domain,
                user=user,
                role=records["role"] if role is None else role,
                source=records["source"] if source is None else source,
                content=content,
                intervention=case,
                login=login,
                ringcentral=ringcentral,
                identity=records.get("identity"),
                kinds=kinds,
                deferred=deferred,
                context=context,
            )
        except InvalidPayloadError as error:
            raise InvalidPayloadError([*faults, *error.faults]) from error
    return Loaded(request=request, facts_read_at=read_at)


def _named_reads(content: Payload, user: Payload, *, has_role: bool, has_source: bool) -> list[_Read]:
    """Return what is to be read next: the records that the content and the user name."""
    with collect_faults() as faults:
        post, agent = PayloadReader(faults, "content", content), PayloadReader(faults, "user", user)
        ids = {
            "content_sources": None if has_source else post.required(_PATH_ID, "source_id", UNREAD),
            "interventions": post.optional(_PATH_ID, "intervention_id"),
            "identities": post.optional(_PATH_ID, "author_id"),
            "roles": None if has_role else agent.required(_PATH_ID, "role_id", UNREAD),
        }
    names = ("source", "intervention", "identity", "role")
    return [_Read(name, f"/{path}/{id_}") for name, (path, id_) in zip(names, ids.items(), strict=True) if id_]


def _is_deferred(content: Payload, case: Payload) -> _Loading[bool | None]:
    """Read whether a case is deferred. None: it needs no answer, or there is none.

    The date in `deferred_at` does not say it. It is documented both as the time of deferral and as the time of return.
    """
    thread_id = _PATH_ID.parse(case.get("thread_id") or content.get("thread_id"))
    if case.get("closed") is not False or TEXT.is_nothing(case.get("deferred_at")) or thread_id is None:
        return None
    path = f"/interventions?thread_id={thread_id}&status=deferred&limit={PAGE_LENGTH}"
    lists, _ = yield from _read(_Step([_Read("interventions", path)]))
    with collect_faults() as faults:
        page = read_page(faults, "interventions", lists["interventions"])
        records = [] if page is None else page.records
        readers = [PayloadReader(faults, f"interventions.records[{at}]", record) for at, record in enumerate(records)]
        ids = {reader.required(ID, "id", UNREAD) for reader in readers}
    if as_id(case.get("id")) in ids:
        return True
    is_complete = page is not None and page.offset == 0 and page.total == len(records)
    return False if is_complete else None


def _check_ids(faults: Faults, records: Mapping[str, tuple[Payload, str | None]]) -> None:
    """Note a fault for each record that is not the one that was asked for."""
    for name, (payload, expected) in records.items():
        PayloadReader(faults, name, payload).check_id(expected, "the id that was asked for", "id")


def _read(step: _Step) -> _Loading[tuple[dict[str, dict[str, Any]], object]]:
    """Read records at the same time, and return them by their names, with the answer of the look-up."""
    responses, user = yield step
    with collect_faults() as faults:
        pairs = zip(step.reads, responses, strict=True)
        return {read.name: _object(faults, read, response) for read, response in pairs}, user


def _advance(loading: _Loading[_T], answers: _Answers | None = None) -> _Step | _T:
    """Return the next step, or the result after the last one."""
    try:
        return next(loading) if answers is None else loading.send(answers)
    except StopIteration as end:
        return cast("_T", end.value)


def _usable(read: _Read, response: Response | Failure) -> Response:
    """Return a response with a body that is worth reading.

    Raises:
        EngageUnavailableError: There is no response, or the API failed or asks to wait.
        EngageRefusedError: The API refuses, or nothing can be sent.
    """
    if isinstance(response, Failure):
        if response.delivery is Delivery.IMPOSSIBLE:
            raise EngageRefusedError(read.name, None)
        raise EngageUnavailableError(f"Engage did not answer for the {read.name} ({response.cause})")
    status = response.status
    if status in (408, 429) or status >= 500:
        penalty = _PENALTY if status == 429 else None
        wait = response.retry_after or penalty
        raise EngageUnavailableError(f"Engage answered {status} for the {read.name}: not now", retry_after=wait)
    if status >= 300:
        raise EngageRefusedError(read.name, status)
    return response


def _object(faults: Faults, read: _Read, response: Response) -> dict[str, Any]:
    """Return the JSON object in a response. If there is none, note a fault."""
    if response.content is None:
        accepted = f"a body of {_MOST_BYTES // 2**20} MiB at most that is not compressed"
        faults.append(Fault.mismatch(read.name, "another body", accepted))
        return {}
    try:
        value = parse_json(response.content)
    except JsonError as error:
        faults.append(Fault(read.name, str(error)))
        return {}
    if not isinstance(value, dict):
        faults.append(Fault.mismatch(read.name, kind_of(value), "a JSON object"))
        return {}
    return cast("dict[str, Any]", value)


def _page_of(name: ListName, offset: int) -> _Read:
    if name not in _LISTS:
        raise InvalidValueError(
            Fault.mismatch("name", kind_of(name), f"one of {', '.join(_LISTS)}", closest=closest(name, _LISTS))
        )
    require(type(offset) is int and 0 <= offset < 2**63, "offset", figure_of(offset), "a number from 0 to 2**63 - 1")
    return _Read(name, f"{_LISTS[name]}?offset={offset}&limit={PAGE_LENGTH}")


def _page(read: _Read, response: Response) -> dict[str, Any]:
    with collect_faults() as faults:
        return _object(faults, read, response)


async def _ask(look_up: AsyncLookUp, extension_id: str) -> RingCentralUser | None:
    answer = look_up(extension_id)
    return await answer if inspect.isawaitable(answer) else answer


async def _nothing() -> None:
    pass


async def _together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Return all results. If one raises, cancel the others, wait for their end and raise the same."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in work]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
