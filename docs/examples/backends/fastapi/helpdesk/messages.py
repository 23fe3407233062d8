"""The list of messages, with a decision about each."""

import asyncio
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import httpx

from escalation_policy import EscalationRequest, Intervention, InterventionState, RingCentralUser
from escalation_policy.engage import (
    agent_from_payload,
    channel_from_payload,
    message_from_payload,
    role_from_payload,
)
from escalation_policy.exceptions import ProviderError

from .services import Services
from .single_sign_on import Session

Payload = Mapping[str, Any]


async def rows_for(session: Session, services: Services) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Return the newest 500 messages as an agent sees them, and how many seconds the decisions and their texts took.

    The agent and the role are the same in all rows, so they are read once. A click reads all facts again.
    """
    contents, sources, cases, user = await asyncio.gather(
        _newest(services.client, "contents", 500),
        _newest(services.client, "content_sources", 150),
        _newest(
            services.client, "interventions", 150, user_id=session.user_id, status="active"
        ),  # open, and not deferred
        _get(services.client, f"users/{session.user_id}"),
    )
    role = await _get(services.client, f"roles/{user['role_id']}")
    agent = agent_from_payload(
        user,
        domain_id=services.domain.id,
        role=role_from_payload(role, domain_id=services.domain.id),
        ringcentral=await _ringcentral_user(user.get("rc_user_id"), services),
    )
    channels = {source["id"]: channel_from_payload(source, domain_id=services.domain.id) for source in sources}
    names = {source["id"]: source["name"] for source in sources}
    contents = [content for content in contents if content["source_id"] in channels]
    engaged = {
        case["id"]: Intervention(id=case["id"], agent_id=session.user_id, state=InterventionState.OPEN)
        for case in cases
    }
    requests = [
        EscalationRequest(
            domain=services.domain,
            agent=agent,
            login=session.login,
            message=message_from_payload(content, channel=channels[content["source_id"]]),
            intervention=engaged.get(content.get("intervention_id")),
        )
        for content in contents
    ]
    start = perf_counter()
    decisions = [session.policy.decide(request) for request in requests]
    decided = perf_counter()
    shown = [{"allowed": True} if decision else decision.to_dict(audience="agent") for decision in decisions]
    times = {"decide": decided - start, "texts": perf_counter() - decided}
    rows = [
        {
            "id": content["id"],
            "customer": content["author_id"],
            "channel": names[content["source_id"]],
            "text": content["body"],
            "decision": decision,
        }
        for content, decision in zip(contents, shown, strict=True)
    ]
    return rows, times


async def _ringcentral_user(extension_id: str | None, services: Services) -> RingCentralUser | None:
    if extension_id is None:
        return None
    try:
        return await services.ringcentral.user(extension_id)
    except ProviderError:  # without RingCentral, the agent still sees the messages
        return RingCentralUser(extension_id=extension_id)


async def _newest(client: httpx.AsyncClient, path: str, number: int, **filters: str) -> list[Payload]:
    """Read the newest records of a list, in pages of 150, which is the API's maximum."""
    offsets = range(0, number, 150)
    pages = [_get(client, path, offset=offset, limit=min(150, number - offset), **filters) for offset in offsets]
    records = [record for page in await asyncio.gather(*pages) for record in page["records"]]
    return list({record["id"]: record for record in records}.values())  # a new record shifts the pages


async def _get(client: httpx.AsyncClient, path: str, **parameters: str | int) -> Payload:
    response = await client.get(path, params=parameters)
    payload: Payload = response.raise_for_status().json()
    return payload
