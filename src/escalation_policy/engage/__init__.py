"""Reads records of the Engage Digital API and of its webhooks into values, or says everything that is wrong with them.

A record that is malformed, or does not belong with the others, is an `InvalidPayloadError`: no reader guesses. What a
record leaves out stays unknown, so nothing is allowed because of it.
"""

from ._conversations import channel_from_payload, intervention_from_payload, message_from_payload
from ._people import agent_from_payload, role_from_payload
from ._requests import request_from_payloads

__all__ = [
    "agent_from_payload",
    "channel_from_payload",
    "intervention_from_payload",
    "message_from_payload",
    "request_from_payloads",
    "role_from_payload",
]
