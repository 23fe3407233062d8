"""The Engage API: the records of one click, and what comes out if it fails."""
# pyright: basic

import asyncio
import importlib
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest

from engage.fake_api import ADA, DOMAIN, RECORDS, FakeApi, Load, arguments, load, load_async, page
from escalation_policy import ESCALATE_TO_VIDEO, InterventionState, MessageAuthor, RingCentralUser
from escalation_policy.engage.api import AsyncEngageApi, EngageApi
from escalation_policy.exceptions import (
    EngageRefusedError,
    EngageUnavailableError,
    InvalidPayloadError,
    InvalidValueError,
)

both = pytest.mark.parametrize("loader", [load, load_async], ids=["sync", "async"])


def record(path: str, **changes: Any) -> dict[str, Any]:
    """Return a record of the fake with other fields."""
    fields = RECORDS[path]
    assert isinstance(fields, dict)
    return fields | changes


def assert_silent(error: BaseException) -> None:
    """Check that an error shows no token, no URL, no id and no text."""
    text = f"{error} {error!r} {vars(error)}"
    assert not [secret for secret in ("secret", "ada@", "https:", "/1.0", "c1", "664307016") if secret in text]


@both
class TestARequest:
    """It has the facts of all records."""

    def test_is_allowed(self, loader: Load) -> None:
        """A request is allowed."""
        before = datetime.now(UTC)
        fake = FakeApi()
        loaded = loader(fake)
        assert ESCALATE_TO_VIDEO.allows(loaded.request)
        assert before <= loaded.facts_read_at <= datetime.now(UTC)
        first, then = fake.requests[:2], fake.requests[2:]
        assert sorted(first) == ["/contents/c1", "/users/u1"]
        assert sorted(then) == ["/content_sources/s1", "/identities/p1", "/interventions/i1", "/roles/r1"]

    def test_does_not_read_what_the_host_has(self, loader: Load) -> None:
        """A request does not read what the host has."""
        fake = FakeApi(contents__c1={"id": "c1", "source_id": "s1"})
        loaded = loader(fake, role=RECORDS["/roles/r1"], source=RECORDS["/content_sources/s1"], ringcentral=None)
        assert sorted(fake.requests) == ["/contents/c1", "/users/u1"]
        assert loaded.request.intervention is None

    def test_looks_up_the_extension_that_the_user_has(self, loader: Load) -> None:
        """A request looks up the extension that the user has."""
        ids: list[str] = []

        def look_up(extension_id: str) -> RingCentralUser:
            ids.append(extension_id)
            return ADA

        assert loader(FakeApi(), ringcentral=look_up).request.agent.ringcentral == ADA
        assert ids == ["664307016"]

    def test_looks_up_nothing_if_the_user_has_no_extension(self, loader: Load) -> None:
        """A request looks up nothing if the user has no extension."""
        fake = FakeApi(users__u1=record("/users/u1", rc_user_id=" "))
        assert loader(fake, ringcentral=lambda _: pytest.fail("called")).request.agent.ringcentral is None

    def test_is_not_the_customers_if_the_company_controls_the_author(self, loader: Load) -> None:
        """A request is not the customer's if the company controls the author."""
        fake = FakeApi(identities__p1={"id": "p1", "user_ids": ["u1"]})
        assert loader(fake).request.message.author is MessageAuthor.AGENT

    @pytest.mark.parametrize(
        ("answer", "state"),
        [
            (page(), InterventionState.OPEN),
            (page({"id": "i1"}), InterventionState.DEFERRED),
            (page({"id": "i2"}), InterventionState.OPEN),
            (page({"id": "i2"}, count=151), InterventionState.UNKNOWN),
        ],
        ids=["none", "this", "another", "more"],
    )
    def test_asks_whether_a_case_with_a_date_is_deferred(
        self, loader: Load, answer: dict[str, Any], state: InterventionState
    ) -> None:
        """A request asks whether a case with a date is deferred."""
        case = record("/interventions/i1", deferred_at="2026-01-31T09:30:00Z")
        fake = FakeApi(interventions__i1=case, interventions=answer)
        intervention = loader(fake).request.intervention
        assert intervention is not None
        assert intervention.state is state
        assert fake.requests[-1] == "/interventions?thread_id=t1&status=deferred&limit=150"

    def test_does_not_ask_it_of_a_closed_case(self, loader: Load) -> None:
        """A request does not ask it of a closed case."""
        case = record("/interventions/i1", deferred_at="2026-01-31T09:30:00Z", closed=True)
        fake = FakeApi(interventions__i1=case)
        loader(fake)
        assert len(fake.requests) == 6


@both
class TestAFailure:
    """Only typed errors come out, and they show nothing."""

    @pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 422])
    @pytest.mark.parametrize("path", [path for path in RECORDS if path != "/interventions"])
    def test_is_a_refusal(self, loader: Load, status: int, path: str) -> None:
        """A failure is a refusal."""
        fake = FakeApi(**{path[1:].replace("/", "__"): httpx.Response(status, text="secret")})
        with pytest.raises(EngageRefusedError) as caught:
            loader(fake)
        names = {"contents": "content", "users": "user", "content_sources": "source", "identities": "identity"}
        name = path.split("/")[1]
        assert caught.value.record == names.get(name, name.removesuffix("s"))
        assert caught.value.status == status
        assert_silent(caught.value)

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
    def test_can_be_tried_again(self, loader: Load, status: int) -> None:
        """A failure can be tried again."""
        fake = FakeApi(roles__r1=httpx.Response(status, text="secret"))
        with pytest.raises(EngageUnavailableError) as caught:
            loader(fake)
        assert caught.value.retry_after == (timedelta(minutes=1) if status == 429 else None)
        assert_silent(caught.value)

    def test_says_when_to_try_again(self, loader: Load) -> None:
        """A failure says when to try again."""
        fake = FakeApi(users__u1=httpx.Response(503, headers={"Retry-After": "7"}))
        with pytest.raises(EngageUnavailableError) as caught:
            loader(fake)
        assert caught.value.retry_after == timedelta(seconds=7)

    @pytest.mark.parametrize("error", [httpx.ReadTimeout("secret"), httpx.ConnectError("secret"), ValueError("secret")])
    def test_without_an_answer_can_be_tried_again(self, loader: Load, error: Exception) -> None:
        """A failure without an answer can be tried again."""
        with pytest.raises(EngageUnavailableError) as caught:
            loader(FakeApi(contents__c1=error))
        assert_silent(caught.value)

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (httpx.Response(200, text="<html>secret</html>"), "must be JSON, got an error in line 1, column 1"),
            (httpx.Response(200, text="[]"), "must be a JSON object, got an empty list"),
            (httpx.Response(204), "must be JSON, got an error in line 1, column 1"),
            (
                httpx.Response(200, content=b" " * (2**24 + 1)),
                "must be a body of 16 MiB at most that is not compressed, got another body",
            ),
        ],
        ids=["html", "list", "nothing", "long"],
    )
    def test_is_another_body(self, loader: Load, answer: httpx.Response, words: str) -> None:
        """A failure is another body."""
        with pytest.raises(InvalidPayloadError) as caught:
            loader(FakeApi(contents__c1=answer, users__u1=httpx.Response(200, text="null")))
        assert str(caught.value) == f"content {words}; user must be a JSON object, got None"

    def test_is_another_record(self, loader: Load) -> None:
        """A failure is another record."""
        fake = FakeApi(
            contents__c1=record("/contents/c1", id="c2"),
            users__u1=record("/users/u1", id="u2", enabled="secret"),
            interventions__i1=record("/interventions/i1", id="i2"),
        )
        with pytest.raises(InvalidPayloadError) as caught:
            loader(fake)
        assert [fault.path for fault in caught.value.faults] == [
            "content.id",
            "user.id",
            "intervention.id",
            "user.enabled",
        ]
        assert_silent(caught.value)

    def test_names_all_ids_that_no_url_can_hold(self, loader: Load) -> None:
        """A failure names all ids that no URL can hold."""
        fake = FakeApi(contents__c1={"id": "c1", "source_id": "../users/u1"}, users__u1={"id": "u1"})
        with pytest.raises(InvalidPayloadError) as caught:
            loader(fake)
        assert [fault.path for fault in caught.value.faults] == ["content.source_id", "user.role_id"]

    @pytest.mark.parametrize("wrong", ["", "..", "a/b", "a?b", "\ud800", 1])
    def test_is_an_id_that_no_url_can_hold(self, loader: Load, wrong: Any) -> None:
        """A failure is an id that no URL can hold."""
        fake = FakeApi()
        with pytest.raises(InvalidValueError, match="content_id must be an id of 1 to 128 ASCII letters"):
            loader(fake, content_id=wrong)
        assert fake.requests == []

    def test_is_a_look_up_that_returns_something_else(self, loader: Load) -> None:
        """A failure is a look up that returns something else."""
        with pytest.raises(InvalidValueError, match="ringcentral must be a RingCentralUser, got a str"):
            loader(FakeApi(), ringcentral=lambda _: "secret")

    def test_of_a_look_up_is_the_hosts(self, loader: Load) -> None:
        """A failure of a look up is the host's."""

        def look_up(_: str) -> RingCentralUser:
            raise KeyError

        with pytest.raises(KeyError):
            loader(FakeApi(), ringcentral=look_up)


def test_a_look_up_can_be_a_coroutine_function() -> None:
    """A look up can be a coroutine function."""

    async def look_up(_: str) -> RingCentralUser:
        await asyncio.sleep(0)
        return ADA

    assert load_async(FakeApi(), ringcentral=look_up).request.agent.ringcentral == ADA


def test_async_code_reads_records_at_the_same_time() -> None:
    """Async code reads records at the same time."""
    barriers = {"/contents/c1": asyncio.Barrier(2), "/content_sources/s1": asyncio.Barrier(4)}
    barriers["/users/u1"] = barriers["/contents/c1"]
    fake = FakeApi()

    async def handle(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/1.0")
        await barriers.get(path, barriers["/content_sources/s1"]).wait()
        return fake(request)

    async def run() -> bool:
        async with httpx.AsyncClient(
            **cast("Any", fake.options | {"transport": httpx.MockTransport(handle)})
        ) as client:
            loaded = await AsyncEngageApi(client, domain=DOMAIN).request_for(**arguments())
            return ESCALATE_TO_VIDEO.allows(loaded.request)

    assert asyncio.run(run())


def test_a_client_that_is_closed_refuses() -> None:
    """A client that is closed refuses."""
    client = httpx.Client(**FakeApi().options)
    client.close()
    with pytest.raises(
        EngageRefusedError, match="nothing could be sent to Engage for the content: the client is closed"
    ):
        EngageApi(client, domain=DOMAIN).request_for(**arguments())


@pytest.mark.parametrize(
    ("name", "offset", "words"),
    [
        ("user", 0, r"name must be one of roles, users, sources, got a str \(did you mean users\?\)"),
        ("users", -1, "offset must be"),
    ],
)
def test_a_page_needs_a_list_and_an_offset(name: Any, offset: int, words: str) -> None:
    """A page needs a list and an offset."""
    with httpx.Client(**FakeApi().options) as client, pytest.raises(InvalidValueError, match=words):
        EngageApi(client, domain=DOMAIN).read_page(name, offset=offset)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (EngageRefusedError("users", 302), "Engage answered 302 for the users: it redirects to another address"),
        (
            EngageRefusedError("role", 404),
            "Engage answered 404 for the role: only users that may manage roles can read one",
        ),
        (EngageRefusedError("source", 409), "Engage answered 409 for the source: it refuses this request"),
    ],
)
def test_a_refusal_says_who_fixes_it(error: EngageRefusedError, words: str) -> None:
    """A refusal says who fixes it."""
    assert str(error).startswith(words)


def test_lists_are_read_by_coroutines_too() -> None:
    """A page at a time."""
    fake = FakeApi(roles=page({"id": "r2"}, count=151, offset=150))

    async def run() -> dict[str, Any]:
        async with httpx.AsyncClient(**cast("Any", fake.options)) as client:
            return await AsyncEngageApi(client, domain=DOMAIN).read_page("roles", offset=150)

    assert asyncio.run(run()) == page({"id": "r2"}, count=151, offset=150)
    assert fake.requests == ["/roles?offset=150&limit=150"]


def test_the_extra_is_named_if_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence."""
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ImportError, match=r"^escalation_policy\.engage\.api needs httpx: pip install "):
        importlib.reload(importlib.import_module("escalation_policy.engage.api"))
