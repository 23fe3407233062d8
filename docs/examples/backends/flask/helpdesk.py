"""A backend for agents of Engage Digital, with Flask: the list of messages, and the click."""

import json
import os
import ssl
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import attrs
import httpx
import sqlalchemy as sa
from flask import Blueprint, Flask, Response, abort, current_app, jsonify, redirect, request, send_file, session
from werkzeug.wrappers import Response as AnyResponse

from escalation_policy import ESCALATE_TO_VIDEO, Domain, EscalationRequest, Login, RingCentralUser
from escalation_policy.engage import request_from_payloads
from escalation_policy.engage.api import EngageApi
from escalation_policy.exceptions import (
    ClickError,
    EngageRefusedError,
    EngageUnavailableError,
    InvalidPayloadError,
    ProviderError,
    ProviderRejectedError,
)
from escalation_policy.ledgers.sqlalchemy import SQLAlchemyCallLedger
from escalation_policy.providers.ringcentral import RingCentralVideo, ringcentral_user, video_access
from escalation_policy.video import (
    CallRequest,
    EscalationOutcome,
    Problem,
    VideoCall,
    call_for,
    escalate,
    problem,
    reply_payload,
)

routes = Blueprint("helpdesk", __name__)
PAGE = Path(__file__).parents[1] / "frontend" / "index.html"


class Services:
    """What all threads of a worker share: clients, database and ledger."""

    def __init__(self) -> None:
        tls = ssl.create_default_context()  # all clients share it, as it takes about 40 ms to make

        def client(url: str, token: str) -> httpx.Client:
            return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, verify=tls)

        tokens = json.loads(os.environ["RINGCENTRAL_TOKENS"])
        self.ringcentral = {key: client(os.environ["RINGCENTRAL_URL"], tokens[key]) for key in tokens}
        self.client = client(os.environ["ENGAGE_URL"], os.environ["ENGAGE_TOKEN"])
        self.domain = Domain(
            id=os.environ["ENGAGE_DOMAIN"], ringcentral_account_id=os.environ["RINGCENTRAL_ACCOUNT_ID"]
        )
        self.engage = EngageApi(self.client, domain=self.domain)
        self.database = sa.create_engine(os.environ.get("DATABASE_URL", "sqlite:///helpdesk.db"))
        self.ledger = SQLAlchemyCallLedger(self.database)

    def close(self) -> None:
        """Close everything."""
        for client in (self.client, *self.ringcentral.values()):
            client.close()
        self.database.dispose()

    def get(self, path: str, **parameters: str | int) -> Any:
        """Read a record or a list of Engage Digital."""
        return self.client.get(path, params=parameters).raise_for_status().json()

    def list(self, path: str, **filters: str) -> dict[str, dict[str, Any]]:
        """Read the newest 150 records of a list, which is the API's maximum, by their ids."""
        return {record["id"]: record for record in self.get(path, limit=150, **filters)["records"]}

    def user(self, extension_id: str) -> RingCentralUser:
        """Ask RingCentral about an agent. Only an agent's own token gets an answer."""
        user = ringcentral_user(self._client_of(extension_id))
        return attrs.evolve(user, video=video_access(self._client_of(extension_id), user))

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Create a call, as `escalate()` asks for it, with the token of its host."""
        return RingCentralVideo(self._client_of(call.extension_id), password=True).create_call(call)

    def is_open(self, call: VideoCall, /) -> bool | None:
        """Return whether the room of a call still exists."""
        return RingCentralVideo(self._client_of(call.extension_id)).is_open(call)

    def _client_of(self, extension_id: str) -> httpx.Client:
        if extension_id not in self.ringcentral:
            raise ProviderRejectedError("the agent has not logged in at RingCentral; the agent logs in once")
        return self.ringcentral[extension_id]


def rows_for(user_id: str, login: Login, services: Services) -> list[dict[str, Any]]:
    """Return the newest messages as an agent sees them. A click reads all facts again."""
    user = services.get(f"users/{user_id}")
    role = services.get(f"roles/{user['role_id']}")
    sources = services.list("content_sources")
    cases = services.list("interventions", user_id=user_id, status="active")  # open, and not deferred
    ringcentral = None
    with suppress(ProviderError):  # without RingCentral, the agent still sees the messages
        ringcentral = services.user(user["rc_user_id"]) if user.get("rc_user_id") else None
    rows = []
    for content in services.list("contents").values():
        source = sources[content["source_id"]]
        facts = request_from_payloads(
            domain=services.domain,
            user=user,
            role=role,
            source=source,
            content=content,
            intervention=cases.get(content["intervention_id"]),
            deferred=False,
            login=login,
            ringcentral=ringcentral,
        )
        decision = ESCALATE_TO_VIDEO.decide(facts).to_dict(audience="agent")
        row = {
            "id": content["id"],
            "customer": content["author_id"],
            "channel": source["name"],
            "text": content["body"],
        }
        rows.append(row | {"decision": decision})
    return rows


def respond(details: Problem, **more: Any) -> AnyResponse:
    """Answer with problem details, as in RFC 9457."""
    body = {**details.to_dict(), **more}
    response = jsonify(body)
    response.status_code, response.mimetype = details.status, "application/problem+json"
    if "retry_after" in body:
        response.headers["Retry-After"] = str(body["retry_after"])
    return response


def shared() -> Services:
    """Return what the threads share."""
    services: Services = current_app.extensions["services"]
    return services


def facts_about(message_id: str) -> EscalationRequest:
    """Load all facts about a message and the agent from the APIs, at this moment."""
    if "user_id" not in session:
        abort(HTTPStatus.UNAUTHORIZED)
    user_id, login = session["user_id"], Login(session["login"])
    loaded = shared().engage.request_for(content_id=message_id, user_id=user_id, login=login, ringcentral=shared().user)
    return loaded.request


@routes.get("/")
def show_page() -> Response:
    """Answer with the page for agents."""
    return send_file(PAGE)


@routes.get("/login")
def log_in() -> AnyResponse:
    """Open a session. This stands for your single sign-on: everybody who can reach it may be any agent."""
    session.update(user_id=request.args.get("agent", "ada"), login=Login.RINGCENTRAL_SSO.value)
    return redirect("/")


@routes.get("/api/messages")
def list_messages() -> dict[str, Any]:
    """Answer with the newest messages, and a decision about each."""
    if "user_id" not in session:
        abort(HTTPStatus.UNAUTHORIZED)
    return {"messages": rows_for(session["user_id"], Login(session["login"]), shared())}


@routes.post("/api/messages/<message_id>/call")
def click(message_id: str) -> AnyResponse | dict[str, Any]:
    """Answer a click with the link of the one call, or with the reasons of the denial."""
    facts, again = facts_about(message_id), "again" in request.args
    wait = timedelta(seconds=2)
    escalation = escalate(facts, provider=shared(), ledger=shared().ledger, again=again, wait=wait)
    if escalation.call is None:
        return respond(problem(escalation), decision=escalation.decision.to_dict(audience="agent"))
    sent = False
    if escalation.outcome is EscalationOutcome.CREATED:
        reply = reply_payload(escalation, text="Please join me on video: {link}")
        with suppress(httpx.HTTPError):  # then the agent sends the link
            form = {**reply, "impersonated_user_id": facts.agent.id}
            sent = shared().client.post("contents", data=form).is_success
    return {"outcome": escalation.outcome, "link": escalation.call.join_url, "sent": sent}


@routes.get("/api/messages/<message_id>/call")
def show_call(message_id: str) -> dict[str, str]:
    """Answer with the call of the open message, for the link "Rejoin"."""
    call = call_for(facts_about(message_id), ledger=shared().ledger)
    if call is None:
        abort(HTTPStatus.NOT_FOUND)
    return {"link": call.join_url}


@routes.app_errorhandler(ClickError)
def answer_click(error: ClickError) -> AnyResponse:
    """Answer a click that got no call."""
    return respond(problem(error))


@routes.app_errorhandler(EngageUnavailableError)
@routes.app_errorhandler(httpx.HTTPError)
def answer_unavailable(error: EngageUnavailableError | httpx.HTTPError) -> AnyResponse:
    """Answer a request for which Engage Digital had no answer."""
    current_app.logger.error("Engage Digital did not answer: %s", type(error).__name__)
    status, retry_after = HTTPStatus.SERVICE_UNAVAILABLE, getattr(error, "retry_after", None)
    return respond(Problem(status=status, title=status.phrase, code="engage", retry_after=retry_after))


@routes.app_errorhandler(EngageRefusedError)
@routes.app_errorhandler(InvalidPayloadError)
def answer_refused(error: EngageRefusedError | InvalidPayloadError) -> AnyResponse:
    """Answer a request for which Engage Digital had no facts. The log says which, and who can fix it."""
    current_app.logger.error("no facts: %s", error)
    is_missing = isinstance(error, EngageRefusedError) and (error.record, error.status) == ("content", 404)
    status = HTTPStatus.NOT_FOUND if is_missing else HTTPStatus.BAD_GATEWAY
    return respond(Problem(status=status, title=status.phrase, code="facts"))


def create_app() -> Flask:
    """Make the application. Each worker makes its own: processes must not share connections."""
    app = Flask(__name__)
    app.secret_key = os.environ["SESSION_SECRET"]
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"  # another site cannot click
    app.extensions["services"] = Services()
    app.register_blueprint(routes)
    return app
