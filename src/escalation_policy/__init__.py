"""May this agent escalate this message to video, and if not, why, and who can fix it?"""

from . import exceptions
from ._engine.decision import Decision, Reason
from ._engine.facts import Facts, context, fact, predicate
from ._engine.policy import Policy
from ._engine.rules import Remedy, Rule, Step, Texts
from ._engine.tests import Evidence
from ._enums import (
    ChannelKind,
    Effect,
    InterventionState,
    Login,
    MessageAuthor,
    Party,
    Permission,
    ReasonStatus,
    VideoAccess,
)
from ._request import EscalationRequest
from ._values import Agent, Channel, Domain, Intervention, Message, RingCentralUser, Role
from .escalate_to_video import ESCALATE_TO_VIDEO

#: The version of this package; the build reads it here.
__version__ = "0.2.0"

__all__ = [
    "ESCALATE_TO_VIDEO",
    "Agent",
    "Channel",
    "ChannelKind",
    "Decision",
    "Domain",
    "Effect",
    "EscalationRequest",
    "Evidence",
    "Facts",
    "Intervention",
    "InterventionState",
    "Login",
    "Message",
    "MessageAuthor",
    "Party",
    "Permission",
    "Policy",
    "Reason",
    "ReasonStatus",
    "Remedy",
    "RingCentralUser",
    "Role",
    "Rule",
    "Step",
    "Texts",
    "VideoAccess",
    "context",
    "exceptions",
    "fact",
    "predicate",
]
