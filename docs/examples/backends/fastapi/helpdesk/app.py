"""The backend: which messages may become a video call, the call, and the end of a case."""

import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any
from uuid import uuid4

import httpx
import structlog
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.middleware.base import RequestResponseEndpoint
from starlette.middleware.sessions import SessionMiddleware

from escalation_policy import InterventionState
from escalation_policy.engage import read_webhook
from escalation_policy.engage.api import Loaded
from escalation_policy.exceptions import (
    ClickError,
    EngageRefusedError,
    EngageUnavailableError,
    InvalidPayloadError,
    InvalidValueError,
)
from escalation_policy.video import (
    Escalation,
    EscalationOutcome,
    Problem,
    call_for_async,
    escalate_async,
    problem,
    reply_payload,
)

from .cases import fold
from .logs import configure
from .messages import rows_for
from .services import Services, open_services
from .single_sign_on import CurrentSession, router

PAGE = Path(__file__).parents[2] / "frontend" / "index.html"
WAIT = timedelta(seconds=2)
log = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncGenerator[dict[str, Services]]:
    """Open the services for all requests."""
    configure()
    async with open_services() as services:
        yield {"services": services}


app = FastAPI(lifespan=lifespan)
app.add_middleware(SessionMiddleware, secret_key=os.environ["SESSION_SECRET"])
app.include_router(router)


@app.middleware("http")
async def name_request(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Give the request an id, which connects its lines in the log."""
    request.state.id = str(uuid4())
    with structlog.contextvars.bound_contextvars(request_id=request.state.id):
        return await call_next(request)


def current_services(request: Request) -> Services:
    """Return what `lifespan()` has opened."""
    services: Services = request.state.services
    return services


CurrentServices = Annotated[Services, Depends(current_services)]


async def current_facts(message_id: str, services: CurrentServices, session: CurrentSession) -> Loaded:
    """Load the facts about a message and the agent, at this moment."""
    try:
        return await services.engage.request_for(
            content_id=message_id, user_id=session.user_id, login=session.login, ringcentral=services.ringcentral.user
        )
    except InvalidValueError as error:  # no message has such an id
        raise HTTPException(HTTPStatus.NOT_FOUND) from error


CurrentFacts = Annotated[Loaded, Depends(current_facts)]


@app.get("/")
def show_page() -> FileResponse:
    """Answer with the page for agents."""
    return FileResponse(PAGE)


@app.get("/api/messages")
async def list_messages(services: CurrentServices, session: CurrentSession) -> Response:
    """Answer with the newest 500 messages, and a decision about each."""
    start = perf_counter()
    rows, times = await rows_for(session, services)
    response = JSONResponse({"messages": rows})
    times["page"] = perf_counter() - start
    response.headers["Server-Timing"] = ", ".join(f"{name};dur={1000 * time:.2f}" for name, time in times.items())
    return response


@app.post("/api/messages/{message_id}/call")
async def click(
    request: Request, facts: CurrentFacts, services: CurrentServices, session: CurrentSession, *, again: bool = False
) -> Response:
    """Answer a click with the link of the one call, or with the reasons of the denial."""

    def log_click(result: Escalation | Exception) -> None:
        services.decisions.click(
            result,
            id=str(uuid4()),
            at=datetime.now(UTC),
            correlation_id=request.state.id,
            facts_read_at=facts.facts_read_at,
        )

    escalation = await escalate_async(
        facts.request,
        provider=services.ringcentral,
        ledger=services.ledger,
        policy=session.policy,
        again=again,
        wait=WAIT,
        on_end=log_click,
    )
    if escalation.call is None:
        return respond(problem(escalation), decision=escalation.decision.to_dict())
    is_new = escalation.outcome is EscalationOutcome.CREATED
    sent = is_new and await send_link(escalation, services.client, session.user_id)
    if escalation.supersedes:
        await services.ringcentral.end(escalation.supersedes)
    return JSONResponse({"outcome": escalation.outcome, "link": escalation.call.join_url, "sent": sent})


async def send_link(escalation: Escalation, client: httpx.AsyncClient, user_id: str) -> bool:
    """Send the link to the customer, and return whether that worked. The call exists in any case."""
    reply = reply_payload(escalation, text="Please join me on video: {link}")
    try:
        response = await client.post("contents", data={**reply, "impersonated_user_id": user_id})
        response.raise_for_status()
    except httpx.HTTPError as error:
        log.error("the link was not sent: %s", type(error).__name__)  # noqa: TRY400  its words hold ids
        return False
    return True


@app.get("/api/messages/{message_id}/call")
async def show_call(facts: CurrentFacts, services: CurrentServices) -> dict[str, str]:
    """Answer with the call of the open message, for the link "Rejoin"."""
    call = await call_for_async(facts.request, ledger=services.ledger)
    if call is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return {"link": call.join_url}


def check_secret(x_dimelo_secret: Annotated[str, Header()] = "") -> None:
    """Refuse a webhook that does not know the secret."""
    if not compare_digest(x_dimelo_secret.encode(), os.environ["WEBHOOK_SECRET"].encode()):
        raise HTTPException(HTTPStatus.FORBIDDEN)


@app.get("/webhook", dependencies=[Depends(check_secret)])
def validate_webhook(
    token: Annotated[str, Query(alias="hub.verify_token")], challenge: Annotated[str, Query(alias="hub.challenge")]
) -> PlainTextResponse:
    """Answer the validation of the webhook with its challenge."""
    if not compare_digest(token.encode(), os.environ["WEBHOOK_TOKEN"].encode()):
        raise HTTPException(HTTPStatus.FORBIDDEN)
    return PlainTextResponse(challenge)


@app.post("/webhook", dependencies=[Depends(check_secret)])
async def receive_events(request: Request, services: CurrentServices) -> Response:
    """Fold events into the states of their cases, and forget the calls of cases that are closed."""
    try:
        events = read_webhook(await request.body())
    except InvalidPayloadError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from error
    for event in events:
        if event.domain_id != services.domain.id:
            continue
        case = await fold(services.database, event)
        if case and (case.state is InterventionState.CLOSED or case.cancelled_at):
            await services.ledger.end_case(domain_id=event.domain_id, intervention_id=case.id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def respond(details: Problem, **more: Any) -> JSONResponse:
    """Answer with problem details, as in RFC 9457."""
    body = {**details.to_dict(), **more}
    headers = {"Retry-After": str(body["retry_after"])} if "retry_after" in body else {}
    return JSONResponse(body, details.status, headers, media_type="application/problem+json")


@app.exception_handler(ClickError)
async def answer_click(_request: Request, error: ClickError) -> JSONResponse:
    """Answer a click that got no call."""
    return respond(problem(error))


@app.exception_handler(EngageUnavailableError)
@app.exception_handler(httpx.HTTPError)
async def answer_unavailable(_request: Request, error: EngageUnavailableError | httpx.HTTPError) -> JSONResponse:
    """Answer a request for which Engage Digital had no answer."""
    log.error("Engage Digital did not answer: %s", type(error).__name__)
    status, retry_after = HTTPStatus.SERVICE_UNAVAILABLE, getattr(error, "retry_after", None)
    return respond(Problem(status=status, title=status.phrase, code="engage", retry_after=retry_after))


@app.exception_handler(EngageRefusedError)
@app.exception_handler(InvalidPayloadError)
async def answer_refused(_request: Request, error: EngageRefusedError | InvalidPayloadError) -> JSONResponse:
    """Answer a request for which Engage Digital had no facts. The log says which, and who can fix it."""
    log.error("no facts: %s", error)
    is_missing = isinstance(error, EngageRefusedError) and (error.record, error.status) == ("content", 404)
    status = HTTPStatus.NOT_FOUND if is_missing else HTTPStatus.BAD_GATEWAY
    return respond(Problem(status=status, title=status.phrase, code="facts"))
