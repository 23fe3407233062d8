"""The backend against the fakes."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from fakes import World, running, variables
from flask import Flask
from flask.testing import FlaskClient
from helpdesk import create_app

from escalation_policy.ledgers.sqlalchemy import SQLAlchemyCallLedger
from escalation_policy.testing import check_call_ledger

CLICK = "/api/messages/message-1/call"


@pytest.fixture
def world() -> Iterator[World]:
    """Make the state behind the fakes. A request that the APIs do not document fails the test."""
    world = World()
    yield world
    assert world.wrong_requests == []


@pytest.fixture
def app(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """Make the backend, which finds the fakes and a database of its own."""
    with running(world) as address:
        for name, value in variables(world, address).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/helpdesk.db")
        app = create_app()
        yield app
        app.extensions["services"].close()


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    """Return a client that is logged in as Ada."""
    return logged_in(app, "ada")


def logged_in(app: Flask, agent: str) -> FlaskClient:
    """Return a client that is logged in."""
    client = app.test_client()
    client.get("/login", query_string={"agent": agent})
    return client


def test_page_is_shown(ada: FlaskClient) -> None:
    with ada.get("/") as answer:
        assert answer.mimetype == "text/html"


def test_list_has_a_decision_about_each_message(ada: FlaskClient) -> None:
    messages = ada.get("/api/messages").json["messages"]
    assert Counter(each["decision"]["allowed"] for each in messages) == {True: 70, False: 80}


def test_list_is_shown_even_if_ringcentral_is_down(world: World, ada: FlaskClient) -> None:
    world.failures.append(("GET", "/restapi", 503, {}))
    messages = ada.get("/api/messages").json["messages"]
    assert "extension_in_account" in {reason["code"] for reason in messages[0]["decision"]["reasons"]}


def test_list_and_click_need_a_login(app: Flask) -> None:
    client = app.test_client()
    assert [client.get("/api/messages").status_code, client.post(CLICK).status_code] == [401, 401]


def test_clicks_at_once_create_one_call_and_send_its_link_once(world: World, app: Flask) -> None:
    clients = [logged_in(app, "ada") for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda client: client.post(CLICK).json, clients))
    assert Counter(answer["outcome"] for answer in answers) == {"created": 1, "reused": 7}
    assert len(world.bridges) == len(world.replies) == len({answer["link"] for answer in answers}) == 1
    assert clients[0].get(CLICK).json == {"link": answers[0]["link"]}


def test_click_creates_another_call_on_demand(ada: FlaskClient) -> None:
    assert ada.post(CLICK).json["link"] != ada.post(f"{CLICK}?again=true").json["link"]


def test_click_returns_the_link_if_it_could_not_be_sent(world: World, ada: FlaskClient) -> None:
    world.failures.append(("POST", "/1.0/contents", 503, {}))
    assert ada.post(CLICK).json["sent"] is False


def test_click_is_denied_if_the_facts_have_changed_since_the_list(world: World, ada: FlaskClient) -> None:
    world.defer("case-1")
    answer = ada.post(CLICK)
    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")
    assert [reason["code"] for reason in answer.json["decision"]["reasons"]] == ["agent_engaged"]
    assert ada.get(CLICK).status_code == 404


def test_click_says_when_to_try_again(world: World, ada: FlaskClient) -> None:
    world.failures.append(("POST", "/rcvideo", 429, {"Retry-After": "7"}))
    answer = ada.post(CLICK)
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (503, "unavailable", "7")


@pytest.mark.parametrize(
    ("path", "status", "answered"),
    [("/1.0/contents/", 404, 404), ("/1.0/users/", 404, 502), ("/1.0/contents/", 429, 503)],
)
def test_click_answers_with_a_problem_if_engage_has_no_facts(
    path: str, status: int, answered: int, world: World, ada: FlaskClient
) -> None:
    world.failures.append(("GET", path, status, {}))
    assert ada.post(CLICK).status_code == answered


def test_click_answers_with_a_problem_if_the_records_do_not_belong_together(world: World, ada: FlaskClient) -> None:
    world.interventions["case-1"]["thread_id"] = "thread-2"
    assert ada.post(CLICK).status_code == 502


def test_the_ledger_keeps_its_promises(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/calls.db")
    check_call_ledger(lambda: SQLAlchemyCallLedger(engine), inside=engine.begin)
    engine.dispose()
