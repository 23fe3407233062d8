"""The backend over HTTP."""

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fakes import World
from helpdesk.logs import DECISIONS
from httpx import Client, Response, get
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

CLICK = "/api/messages/message-1/call"


def codes(response: Response) -> list[str]:
    """Return the reasons of a denied click."""
    assert (response.status_code, response.json()["code"]) == (403, "denied")
    return [reason["code"] for reason in response.json()["decision"]["reasons"]]


def test_list_has_500_messages_with_a_decision_about_each(ada: Client) -> None:
    messages = ada.get("/api/messages").json()["messages"]
    reasons = Counter(reason["code"] for each in messages for reason in each["decision"].get("reasons", []))
    assert Counter(each["decision"]["allowed"] for each in messages) == {True: 180, False: 320}
    assert reasons == {
        "agent_engaged": 200,
        "customer_message": 100,
        "channel_supported": 50,
        "twitter_private": 25,
    }


def test_list_says_how_long_the_decisions_took(ada: Client) -> None:
    assert ada.get("/api/messages").headers["Server-Timing"].startswith("decide;dur=")


def test_list_is_shown_even_if_ringcentral_is_down(world: World, ada: Client) -> None:
    world.failures.append(("GET", "/restapi", 503, {}))
    messages = ada.get("/api/messages").json()["messages"]
    assert {"extension_in_account", "video_access"} <= {each["code"] for each in messages[-1]["decision"]["reasons"]}


def test_list_answers_503_if_engage_is_down(world: World, ada: Client) -> None:
    world.failures.append(("GET", "/1.0/contents", 500, {}))
    assert ada.get("/api/messages").status_code == 503


def test_list_needs_a_login(site: str) -> None:
    assert get(f"{site}/api/messages").status_code == 401


def test_click_creates_one_call_and_sends_its_link_once(world: World, ada: Client) -> None:
    first, second = ada.post(CLICK).json(), ada.post("/api/messages/message-51/call").json()
    assert (first["outcome"], first["sent"]) == ("created", True)
    assert second == {"outcome": "reused", "link": first["link"], "sent": False}
    (reply,) = world.replies
    assert reply["body"] == f"Please join me on video: {first['link']}"
    assert (reply["creator_id"], reply["private_message"], reply["thread_id"]) == ("ada", True, "thread-1")


def test_click_creates_another_call_on_demand(world: World, ada: Client) -> None:
    assert ada.post(CLICK).json()["link"] != ada.post(f"{CLICK}?again=true").json()["link"]
    assert len(world.replies) == 2


def test_click_returns_the_link_if_it_could_not_be_sent(world: World, ada: Client) -> None:
    world.failures.append(("POST", "/1.0/contents", 503, {}))
    answer = ada.post(CLICK).json()
    assert answer["link"].startswith("https://")
    assert not answer["sent"]


def test_click_ends_the_room_of_the_agent_who_had_the_case_before(world: World, ada: Client) -> None:
    ada.post(CLICK)
    world.interventions["case-1"]["user_id"] = "dan"
    ada.get("/login?agent=dan")
    assert ada.post(CLICK).json()["outcome"] == "created"
    assert [bridge["host"]["extensionId"] for bridge in world.bridges.values()] == ["664307018"]
    assert [reply["creator_id"] for reply in world.replies] == ["ada", "dan"]


def test_click_is_denied_if_the_facts_have_changed_since_the_list(world: World, ada: Client) -> None:
    ada.get("/api/messages")
    world.defer("case-1")
    world.roles["video-agent"]["escalate_to_video"] = False
    assert codes(ada.post(CLICK)) == ["role_permits", "agent_engaged"]
    assert not world.bridges


@pytest.mark.parametrize(
    ("agent", "reasons"),
    [("ben", ["role_permits", "intervention_owned"]), ("cleo", ["extension_linked", "intervention_owned"])],
)
def test_click_is_denied_for_agents_who_lack_something(agent: str, reasons: list[str], ada: Client) -> None:
    ada.get(f"/login?agent={agent}")
    assert codes(ada.post(CLICK)) == reasons


def test_click_is_denied_if_the_plan_has_no_video(world: World, ada: Client) -> None:
    world.without_video.add("664307016")
    assert codes(ada.post(CLICK)) == ["video_access"]


def test_click_gives_reasons_in_the_language_of_the_agent(world: World, ada: Client) -> None:
    world.defer("case-1")
    (reason,) = ada.post(CLICK, headers={"Accept-Language": "fr-FR,fr"}).json()["decision"]["reasons"]
    assert reason["agent_text"] == "Vous n’êtes pas en conversation avec ce client en ce moment."


def test_click_says_when_to_try_again(world: World, ada: Client) -> None:
    ada.get("/api/messages")
    world.failures.append(("POST", "/rcvideo", 429, {"Retry-After": "7"}))
    answer = ada.post(CLICK)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "unavailable"
    assert ada.post(CLICK).json()["outcome"] == "created"


def test_click_is_in_doubt_if_nobody_knows(world: World, ada: Client) -> None:
    world.failures.append(("POST", "/rcvideo", 500, {}))
    answers = [ada.post(CLICK), ada.post(CLICK), ada.post(f"{CLICK}?again=true")]
    assert [answer.status_code for answer in answers] == [504, 409, 200]


def test_click_is_in_progress_while_another_click_creates_the_call(
    world: World, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpdesk.app.WAIT", timedelta(0))
    world.creation.clear()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(ada.post, CLICK)
        while not any(request.startswith("POST /rcvideo") for request in world.requests):
            pass
        second = ada.post(CLICK)
        world.creation.set()
    assert (second.status_code, second.json()["code"], second.headers["Retry-After"]) == (409, "in_progress", "1")
    assert first.result().json()["outcome"] == "created"
    assert ada.post(CLICK).json()["outcome"] == "reused"


@pytest.mark.parametrize("message", ["nothing", "message-1%3Flimit=1", "message-1%3Fimpersonated_user_id=dan"])
def test_click_answers_404_about_a_message_that_is_not_there(message: str, ada: Client) -> None:
    assert ada.post(f"/api/messages/{message}/call").status_code == 404


def test_click_answers_502_if_engage_refuses(world: World, ada: Client) -> None:
    del world.tokens["engage-token-of-the-backend"]
    assert ada.post(CLICK).status_code == 502


def test_click_answers_502_if_the_records_do_not_belong_together(world: World, ada: Client) -> None:
    world.interventions["case-1"]["thread_id"] = "thread-2"
    assert ada.post(CLICK).status_code == 502


def test_click_answers_503_if_engage_is_down(world: World, ada: Client) -> None:
    world.failures.append(("GET", "/1.0/contents/", 429, {}))
    answer = ada.post(CLICK)
    assert (answer.status_code, answer.json()["code"]) == (503, "engage")


def test_click_is_logged_with_its_outcome(ada: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    exporter, provider = InMemoryLogRecordExporter(), LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    handler = LoggingHandler(logger_provider=provider)
    DECISIONS.addHandler(handler)
    ada.post(CLICK)
    DECISIONS.removeHandler(handler)
    (line,) = [each.log_record for each in exporter.get_finished_logs()]
    assert line.body == "allow escalate_to_video agent=ada message=message-1 outcome=created"
    assert {"escalation_correlation_id", "escalation_facts_read_at"} <= set(line.attributes or {})


def test_open_message_shows_the_call_again(world: World, ada: Client) -> None:
    assert ada.get(CLICK).status_code == 404
    link = ada.post(CLICK).json()["link"]
    assert ada.get(CLICK).json() == {"link": link}
    world.roles["video-agent"]["escalate_to_video"] = False
    assert ada.get(CLICK).status_code == 404


SECRET = {"X-Dimelo-Secret": "a secret of the webhook"}


def body_of(kind: str, minute: int, domain_id: str = "acme") -> dict[str, Any]:
    """Make the body of a request, as the documentation of webhooks shows it."""
    resource = {"type": "intervention", "id": "case-1", "metadata": {"user_id": "ada", "thread_id": "thread-1"}}
    at = f"2026-01-31T10:{minute:02}:00Z"
    event = {"id": f"event-{minute}", "type": f"intervention.{kind}", "issued_at": at, "resource": resource}
    return {"id": f"request-{minute}", "domain_id": domain_id, "events": [event]}


def send(ada: Client, *bodies: dict[str, Any]) -> None:
    """Send webhooks."""
    for body in bodies:
        assert ada.post("/webhook", json=body, headers=SECRET).status_code == 204


def test_webhook_forgets_the_call_of_a_closed_case(ada: Client) -> None:
    ada.post(CLICK)
    send(ada, body_of("opened", 1), body_of("closed", 2), body_of("closed", 2))
    assert ada.get(CLICK).status_code == 404


def test_webhook_keeps_the_call_if_an_old_event_comes_late(ada: Client) -> None:
    ada.post(CLICK)
    send(ada, body_of("reopened", 3), body_of("closed", 2), body_of("closed", 4, domain_id="other"))
    assert ada.get(CLICK).status_code == 200


def test_webhook_ignores_events_about_other_things(ada: Client) -> None:
    body = body_of("closed", 1)
    body["events"][0]["type"] = "content.imported"
    send(ada, body)


def test_webhook_refuses_a_body_that_it_cannot_read(ada: Client) -> None:
    assert ada.post("/webhook", json={}, headers=SECRET).status_code == 400


def test_webhook_answers_the_challenge(ada: Client) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "a token of the webhook", "hub.challenge": "5f2c"}
    answer = ada.get("/webhook", params=query, headers=SECRET)
    assert (answer.text, answer.headers["Content-Type"]) == ("5f2c", "text/plain; charset=utf-8")
    wrong = {**query, "hub.verify_token": "another"}
    assert ada.get("/webhook", params=wrong, headers=SECRET).status_code == 403


def test_webhook_needs_the_secret(ada: Client) -> None:
    assert ada.post("/webhook", json=body_of("closed", 1)).status_code == 403


def test_the_log_holds_no_link(ada: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    link = ada.post(CLICK).json()["link"]
    assert link not in caplog.text
