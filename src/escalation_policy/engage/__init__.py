"""Read payloads of the Engage Digital API and its webhooks into values, or report everything that is wrong with them.

A payload that is malformed, or does not belong with the others, raises `InvalidPayloadError`: no reader guesses. What a
payload leaves out stays unknown, so nothing is allowed because of it. Events of webhooks are folded into the state of a
case, in any order.
"""

from .payloads import (
    agent_from_payload,
    channel_from_payload,
    intervention_from_payload,
    message_from_payload,
    request_from_payloads,
    role_from_payload,
)
from .webhooks import CaseState, WebhookEvent, intervention_after, read_webhook

__all__ = [
    "CaseState",
    "WebhookEvent",
    "agent_from_payload",
    "channel_from_payload",
    "intervention_after",
    "intervention_from_payload",
    "message_from_payload",
    "read_webhook",
    "request_from_payloads",
    "role_from_payload",
]
