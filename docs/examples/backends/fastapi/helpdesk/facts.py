"""Load the facts about one message and one agent from the API of Engage Digital."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from escalation_policy import Domain, EscalationRequest, RingCentralUser
from escalation_policy.engage import request_from_payloads

from .single_sign_on import Session

Payload = Mapping[str, Any]


class Loaded(NamedTuple):
    """A request, and when its facts were read."""

    request: EscalationRequest
    facts_read_at: datetime


async def load_facts(
    client: httpx.AsyncClient,
    domain: Domain,
    message_id: str,
    session: Session,
    ringcentral: Callable[[str], Awaitable[RingCentralUser]],
) -> Loaded:
    """Read the message and the agent, and then everything that they name."""
    facts_read_at = datetime.now(UTC)
    content, user = await asyncio.gather(
        get(client, f"contents/{quote(message_id, safe='')}"), get(client, f"users/{session.user_id}")
    )
    case_id, extension_id = content.get("intervention_id"), user.get("rc_user_id")
    source, role, identity, case, owner = await asyncio.gather(
        get(client, f"content_sources/{content['source_id']}"),
        get(client, f"roles/{user['role_id']}"),
        get(client, f"identities/{content['author_id']}"),
        get(client, f"interventions/{case_id}") if case_id else _nothing(),
        ringcentral(extension_id) if extension_id else _nothing(),
    )
    request = request_from_payloads(
        domain=domain,
        user=user,
        role=role,
        source=source,
        content=content,
        identity=identity,
        intervention=case,
        deferred=await _is_deferred(client, case),
        login=session.login,
        ringcentral=owner,
    )
    return Loaded(request, facts_read_at)


async def _is_deferred(client: httpx.AsyncClient, case: Payload | None) -> bool | None:
    """Return whether a case is deferred. Its date does not say it, but the filter of the list does."""
    if case is None or not case.get("deferred_at"):
        return None
    page = await get(client, "interventions", thread_id=case["thread_id"], status="deferred")
    return any(record["id"] == case["id"] for record in page["records"])


async def get(client: httpx.AsyncClient, path: str, **parameters: str | int) -> Payload:
    """Read one record or one page."""
    response = await client.get(path, params=parameters)
    payload: Payload = response.raise_for_status().json()
    return payload


async def _nothing() -> None:
    return None
