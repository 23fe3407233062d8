"""An allowed request to vary, and a second type of request, for the tests of the core."""

from enum import Enum
from typing import Any, Final

import attrs

from escalation_policy import (
    Agent,
    Channel,
    ChannelKind,
    Domain,
    EscalationRequest,
    Facts,
    Intervention,
    InterventionState,
    Login,
    Message,
    MessageAuthor,
    Permission,
    RingCentralUser,
    Role,
    VideoAccess,
)

DOMAIN: Final = Domain(id="acme", ringcentral_account_id="664287016")
ROLE: Final = Role(id="r1", domain_id="acme", label="Video", permissions={Permission.ESCALATE_TO_VIDEO})
USER: Final = RingCentralUser(extension_id="664307016", account_id="664287016", video=VideoAccess.GRANTED)
AGENT: Final = Agent(id="u1", domain_id="acme", role=ROLE, enabled=True, email="ada@example.com", ringcentral=USER)
CHANNEL: Final = Channel(id="s1", domain_id="acme", kind=ChannelKind.WHATSAPP)
MESSAGE: Final = Message(id="c1", channel=CHANNEL, author=MessageAuthor.CUSTOMER, intervention_id="i1")
CASE: Final = Intervention(id="i1", agent_id="u1", state=InterventionState.OPEN)
ALLOWED: Final = EscalationRequest(
    domain=DOMAIN, agent=AGENT, login=Login.RINGCENTRAL_SSO, message=MESSAGE, intervention=CASE
)


def varied(path: str, value: object, request: Any = ALLOWED) -> Any:
    """Makes a request that differs in one place, named by its dotted path."""
    name, _, rest = path.partition(".")
    return attrs.evolve(request, **{name: varied(rest, value, getattr(request, name)) if rest else value})


class Colour(Enum):
    """An enum with an unknown member."""

    RED = "red"
    BLUE = "blue"
    UNKNOWN = "unknown"


class Size(Enum):
    """An enum without one."""

    SMALL = "small"
    LARGE = "large"


#: What a host writes on a field of its own request where None says "we were not told".
UNKNOWN_WHEN_NONE: Final = {"escalation_policy.unknown_when_none": True}
PRIVATE: Final = {"escalation_policy.private": True}


@attrs.frozen(kw_only=True)
class Part:
    """A part of a sample."""

    text: str = "t"
    absent: str | None = None
    unknown: str | None = attrs.field(default=None, metadata=UNKNOWN_WHEN_NONE)
    secret: str = attrs.field(default="s", metadata=PRIVATE)


@attrs.frozen(kw_only=True)
class Sample:
    """Another type of request, with a field of each sort; nothing in it is checked."""

    flag: bool = True
    maybe: bool | None = None
    untold: bool | None = attrs.field(default=None, metadata=UNKNOWN_WHEN_NONE)
    number: int = 1
    ratio: float = 0.5
    colour: Colour = Colour.RED
    size: Size = Size.SMALL
    name: str = "t"
    names: frozenset[str] = frozenset()
    sizes: frozenset[Size] = frozenset()
    more_sizes: frozenset[Size] | None = None
    colours: frozenset[Colour] = frozenset()
    part: Part = Part()
    spare: Part | None = None
    lost: Part | None = attrs.field(default=None, metadata=UNKNOWN_WHEN_NONE)
    context: dict[str, Any] = attrs.field(factory=dict[str, Any], hash=False)


SAMPLE: Final = Facts(Sample)
