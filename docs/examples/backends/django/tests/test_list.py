"""Both lists of messages."""

from collections import Counter
from time import perf_counter

import pytest
from django.test import Client
from fakes import World
from helpdesk.models import Message
from helpdesk.services import services

from escalation_policy import ESCALATE_TO_VIDEO, Login


def test_has_500_messages_with_a_decision_about_each(ada: Client) -> None:
    messages = ada.get("/api/messages").json()["messages"]
    assert Counter(each["decision"]["allowed"] for each in messages) == {True: 180, False: 320}


def test_template_shows_a_button_or_the_reasons(ada: Client) -> None:
    page = ada.get("/messages").content.decode()
    assert (page.count("<button>"), page.count("<button disabled")) == (180, 320)
    assert '<p id="reason-message-26">Video calls are not available on this channel. </p>' in page


def test_deciding_costs_less_than_5_percent_of_the_page(ada: Client) -> None:
    start = perf_counter()
    ada.get("/messages")
    page = perf_counter() - start
    agent, domain = services().agent("ada"), services().domain
    requests = [each.request_of(agent, login=Login.RINGCENTRAL_SSO, domain=domain) for each in Message.newest()]
    start = perf_counter()
    for request in requests:
        ESCALATE_TO_VIDEO.decide(request)
    assert perf_counter() - start < page / 20


def test_is_shown_even_if_ringcentral_is_down(world: World, ada: Client) -> None:
    world.failures.append(("GET", "/restapi", 503, {}))
    messages = ada.get("/api/messages").json()["messages"]
    assert {"extension_in_account", "video_access"} <= {each["code"] for each in messages[-1]["decision"]["reasons"]}


def test_answers_503_if_engage_is_down(world: World, ada: Client) -> None:
    world.failures.append(("GET", "/1.0/users", 500, {}))
    assert ada.get("/messages").status_code == 503


@pytest.mark.usefixtures("ada")
def test_needs_a_login() -> None:
    assert Client().get("/api/messages").status_code == 401
    assert Client().get("/messages").headers["Location"] == "/login?next=/messages"
