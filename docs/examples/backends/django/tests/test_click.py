"""The click, over the API and on the page."""

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.test import Client
from fakes import World

from conftest import logged_in
from escalation_policy.ledgers.django import DjangoCallLedger
from escalation_policy.testing import check_call_ledger

CLICK = "/api/messages/message-1/call"


def test_creates_one_call_and_sends_its_link_once(world: World, ada: Client) -> None:
    first, second = ada.post(CLICK).json(), ada.post("/api/messages/message-51/call").json()
    assert (first["outcome"], first["sent"]) == ("created", True)
    assert second == {"outcome": "reused", "link": first["link"], "sent": False}
    (reply,) = world.replies
    assert reply["body"] == f"Please join me on video: {first['link']}"
    assert (reply["creator_id"], reply["private_message"], reply["thread_id"]) == ("ada", True, "thread-1")


def test_creates_another_call_on_demand(ada: Client) -> None:
    assert ada.post(CLICK).json()["link"] != ada.post(f"{CLICK}?again=true").json()["link"]


def test_opens_the_room_from_the_template(ada: Client) -> None:
    answer = ada.post("/messages/message-1/call")
    assert (answer.status_code, answer["Location"]) == (302, ada.post(CLICK).json()["link"])


def test_ends_the_room_of_the_agent_who_had_the_case_before(world: World, ada: Client) -> None:
    ada.post(CLICK)
    world.interventions["case-1"]["user_id"] = "dan"
    assert logged_in("dan").post(CLICK).json()["outcome"] == "created"
    assert [bridge["host"]["extensionId"] for bridge in world.bridges.values()] == ["664307018"]


def test_returns_the_link_if_it_could_not_be_sent(world: World, ada: Client) -> None:
    world.failures.append(("POST", "/1.0/contents", 503, {}))
    answer = ada.post(CLICK).json()
    assert answer["link"].startswith("https://")
    assert not answer["sent"]


def test_is_denied_if_the_facts_have_changed_since_the_list(world: World, ada: Client) -> None:
    world.defer("case-1")
    answer = ada.post(CLICK)
    assert (answer.status_code, answer.json()["code"]) == (403, "denied")
    assert [reason["code"] for reason in answer.json()["decision"]["reasons"]] == ["agent_engaged"]
    page = ada.post("/messages/message-1/call")
    assert page.status_code == 403
    assert b"You are not engaged with this customer right now." in page.content
    assert not world.bridges


@pytest.mark.usefixtures("ada")
def test_is_denied_for_a_superuser_whose_role_has_no_video_calls() -> None:
    User.objects.create_superuser("ben")
    answer = logged_in("ben").post(CLICK)
    assert User.objects.get(username="ben").has_perm("helpdesk.escalate")
    assert answer.json()["decision"]["reasons"][0]["code"] == "role_permits"


def test_says_when_to_try_again(world: World, ada: Client) -> None:
    ada.get("/api/messages")
    world.failures.append(("POST", "/rcvideo", 429, {"Retry-After": "7"}))
    answer = ada.post(CLICK)
    assert (answer.status_code, answer["Retry-After"]) == (503, "7")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "unavailable"


def test_is_in_doubt_if_nobody_knows(world: World, ada: Client) -> None:
    world.failures.append(("POST", "/rcvideo", 500, {}))
    answers = [ada.post(CLICK), ada.post(CLICK), ada.post(f"{CLICK}?again=true")]
    assert [answer.status_code for answer in answers] == [504, 409, 200]


@pytest.mark.parametrize(
    ("path", "status", "answered"),
    [("/1.0/contents/", 404, 404), ("/1.0/users/", 404, 502), ("/1.0/contents/", 429, 503), ("/1.0/users/", 500, 503)],
)
def test_answers_with_a_problem_if_engage_has_no_facts(
    path: str, status: int, answered: int, world: World, ada: Client
) -> None:
    world.failures.append(("GET", path, status, {}))
    answer = ada.post(CLICK)
    assert (answer.status_code, answer.json()["code"]) == (answered, "engage")


def test_answers_with_a_problem_if_the_records_do_not_belong_together(world: World, ada: Client) -> None:
    world.interventions["case-1"]["thread_id"] = "thread-2"
    assert ada.post(CLICK).status_code == 502


def test_needs_a_login_and_the_token_against_forgery(ada: Client) -> None:
    assert Client().post(CLICK).status_code == 401
    ada.handler.enforce_csrf_checks = True
    assert ada.post(CLICK).status_code == 403
    assert ada.post(CLICK, headers={"X-CSRFToken": ada.cookies["csrftoken"].value}).status_code == 200


def test_permission_denies_with_the_text_for_the_agent(world: World, ada: Client) -> None:
    assert ada.get(CLICK).status_code == 404
    link = ada.post(CLICK).json()["link"]
    assert ada.get(CLICK).json() == {"link": link}
    world.roles["video-agent"]["escalate_to_video"] = False
    answer = ada.get(CLICK)
    assert (answer.status_code, answer.json()) == (403, {"detail": "Your role does not include video calls."})


@pytest.mark.django_db(transaction=True)
def test_the_ledger_keeps_its_promises() -> None:
    check_call_ledger(DjangoCallLedger, inside=transaction.atomic, thread_ends=connections.close_all)
