"""Directories that are loaded from the API, page by page."""
# pyright: basic

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import pytest

from escalation_policy import ChannelKind, Domain
from escalation_policy.administration import Directory, load_directory, load_directory_async
from escalation_policy.exceptions import (
    EngageRefusedError,
    EngageUnavailableError,
    InvalidPayloadError,
    InvalidValueError,
)

Answer = Mapping[str, Any] | Exception


def users(first: int, end: int, count: int) -> dict[str, Any]:
    """Return a page of users."""
    records = [{"id": f"u{number}", "enabled": True, "role_id": "r1"} for number in range(first, end)]
    return {"count": count, "limit": 2, "offset": first, "records": records}


class Pages:
    """An API with prepared pages of users: what each request gets, one by one."""

    domain = Domain(id="acme")
    kinds: Mapping[str, ChannelKind] = {}

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.offsets: list[int] = []

    def read_page(self, name: Literal["roles", "users", "sources"], *, offset: int = 0) -> Mapping[str, Any]:
        """Return the next page."""
        if name != "users":
            record = {"id": "r1", "label": "Agent"} if name == "roles" else {"id": "s1", "type": "chat"}
            return {"count": 1, "offset": 0, "records": [record]}
        self.offsets.append(offset)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class AsyncPages:
    """The same for async code."""

    domain = Pages.domain
    kinds = Pages.kinds

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def read_page(self, name: Literal["roles", "users", "sources"], *, offset: int = 0) -> Mapping[str, Any]:
        """Return the next page."""
        await asyncio.sleep(0)
        return self._pages.read_page(name, offset=offset)


def _load(pages: Pages, **options: Any) -> Directory:
    return load_directory(pages, **options)


def _load_async(pages: Pages, **options: Any) -> Directory:
    return asyncio.run(load_directory_async(AsyncPages(pages), **options))


@pytest.fixture(params=[_load, _load_async], ids=["sync", "async"])
def load(request: pytest.FixtureRequest) -> Any:
    """Return sync or async code that loads a directory."""
    return request.param


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the waits, which take no time."""
    seconds: list[float] = []

    async def sleep(delay: float) -> None:
        if delay:
            seconds.append(delay)

    monkeypatch.setattr("time.sleep", seconds.append)
    monkeypatch.setattr("asyncio.sleep", sleep)
    return seconds


def test_all_pages_are_read(load: Any) -> None:
    """All pages are read."""
    steps: list[tuple[str, int, int]] = []
    pages = Pages(users(0, 2, 3), users(2, 3, 3))
    directory = load(pages, progress=lambda *step: steps.append(step))
    assert [agent.id for agent in directory.agents] == ["u0", "u1", "u2"]
    assert [channel.kind for channel in directory.channels] == [ChannelKind.CHAT]
    assert pages.offsets == [0, 2]
    assert steps == [("roles", 1, 1), ("users", 2, 3), ("users", 3, 3), ("sources", 1, 1)]


def test_a_list_can_be_empty(load: Any) -> None:
    """A list can be empty."""
    assert load(Pages(users(0, 0, 0))).agents == ()


CHANGED = {
    "count": [users(0, 2, 3), users(2, 3, 4)],
    "a record on two pages": [users(0, 2, 3), users(0, 2, 3) | {"offset": 2}],
    "fewer records": [users(0, 2, 3), users(2, 2, 3)],
    "more records": [users(0, 2, 1)],
}


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_a_list_that_changes_is_read_again(load: Any, changed: list[Answer]) -> None:
    """A list that changes is read again."""
    assert len(load(Pages(*changed, *changed, *changed, users(0, 1, 1))).agents) == 1


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_a_list_that_always_changes_is_given_up(load: Any, changed: list[Answer]) -> None:
    """A list that always changes is given up."""
    with pytest.raises(EngageUnavailableError, match="the users changed each of the 4 times that they were read"):
        load(Pages(*changed, *changed, *changed, *changed))


def test_it_waits_if_the_api_asks_to(load: Any, pauses: list[float]) -> None:
    """It waits if the API asks to."""
    busy = EngageUnavailableError("busy", retry_after=timedelta(seconds=60))
    down = EngageUnavailableError("down")
    assert len(load(Pages(busy, down, down, users(0, 1, 1))).agents) == 1
    assert pauses == [60, 2, 4]


def test_it_waits_no_longer_than_its_patience(load: Any, pauses: list[float]) -> None:
    """It waits no longer than its patience."""
    down = EngageUnavailableError("down")
    with pytest.raises(EngageUnavailableError, match="down"):
        load(Pages(*[down] * 3), patience=timedelta(seconds=6))
    assert pauses == [1, 2]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_refusal_comes_out(load: Any, status: int) -> None:
    """A refusal comes out."""
    with pytest.raises(EngageRefusedError):
        load(Pages(EngageRefusedError("users", status)))


def test_a_page_that_was_not_asked_for_is_an_error(load: Any) -> None:
    """A page that was not asked for is an error."""
    with pytest.raises(InvalidPayloadError, match=r"users\[2\].offset must be the offset that was asked for"):
        load(Pages(users(0, 2, 3), users(0, 2, 3)))


def test_a_malformed_page_is_an_error(load: Any) -> None:
    """A malformed page is an error."""
    with pytest.raises(InvalidPayloadError, match=r"users\[0\].records\[0\] must be a mapping"):
        load(Pages({"count": 1, "offset": 0, "records": ["secret"]}))
    with pytest.raises(InvalidPayloadError, match=r"users\[0\].count must be a number"):
        load(Pages({"count": "1", "offset": 0, "records": []}))


def test_an_unreadable_record_is_noted_once(load: Any) -> None:
    """An unreadable record is noted once."""
    broken = {"count": 1, "offset": 0, "records": [{"id": "u1"}]}
    (record,) = load(Pages(*CHANGED["count"], broken)).unreadable
    assert record.id == "u1"


@pytest.mark.parametrize("patience", [timedelta(seconds=-1), 5])
def test_patience_is_a_time(load: Any, patience: Any) -> None:
    """Patience is a time."""
    with pytest.raises(InvalidValueError, match=r"patience must be (a timedelta of )?0 or more"):
        load(Pages(), patience=patience)
