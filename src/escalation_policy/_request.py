"""The question: may this agent escalate this message to video, now?"""

from collections.abc import Mapping
from typing import cast

import attrs

from ._enums import Login
from ._fields import FrozenMapping, checked, exact_str, kind_of
from ._values import Agent, Domain, Intervention, Message
from .exceptions import Fault, InvalidValueError

ContextValue = str | int | bool


def _to_context(context: Mapping[str, ContextValue]) -> Mapping[str, ContextValue]:
    if type(cast("object", context)) is FrozenMapping or not isinstance(context, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        return context
    return FrozenMapping({_name(name): _value(value) for name, value in context.items()})


def _refused(found: str) -> InvalidValueError:
    return InvalidValueError(
        Fault.mismatch("EscalationRequest.context", found, "a mapping of non-empty strs to strs, ints and bools")
    )


def _name(name: object) -> str:
    exact = exact_str(name)
    if not isinstance(exact, str) or exact == "":
        raise _refused(f"{kind_of(exact)} as a name")
    return exact


def _value(value: object) -> ContextValue:
    if not isinstance(value, str | int):
        raise _refused(f"{kind_of(value)} as a value")
    return value if isinstance(value, bool) else int.__int__(value) if isinstance(value, int) else exact_str(value)


@attrs.frozen(kw_only=True, field_transformer=checked)
class EscalationRequest:
    """Everything that decides whether the agent may turn the message into a video call.

    Attributes:
        domain: The tenant in which the question is asked.
        agent: Who would escalate.
        login: How that agent's session was opened.
        message: The message they clicked on.
        intervention: The case they are working on. None: they are engaged with nobody.
        context: What the host's own rules need, such as opening hours or consent. Time enters here, never by a clock.
    """

    domain: Domain
    agent: Agent
    login: Login
    message: Message
    intervention: Intervention | None = None
    context: Mapping[str, ContextValue] = attrs.field(factory=lambda: FrozenMapping({}), converter=_to_context)
