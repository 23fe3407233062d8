"""From a decision to exactly one video call."""

from .._seam._calls import CallRequest, VideoCall
from .._seam._claims import Case
from .._seam._stored import case_from_json, case_to_json
from ._click import Escalation, EscalationOutcome
from ._escalate import escalate, escalate_async
from ._in_memory import InMemoryCallLedger, InMemoryVideoProvider
from ._sqlite import SQLiteCallLedger

__all__ = [
    "CallRequest",
    "Case",
    "Escalation",
    "EscalationOutcome",
    "InMemoryCallLedger",
    "InMemoryVideoProvider",
    "SQLiteCallLedger",
    "VideoCall",
    "case_from_json",
    "case_to_json",
    "escalate",
    "escalate_async",
]
