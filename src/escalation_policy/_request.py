"""The request that a policy decides: may this agent escalate this message to video, now?"""

from collections.abc import Mapping
from typing import cast

import attrs

from ._enums import Login
from ._fields import FrozenMapping, checked, exact_str, kind_of
from ._values import Agent, Domain, Intervention, Message
from .exceptions import Fault, InvalidValueError

ContextValue = str | int | bool


def _to_context(context: Mapping[str, ContextValue]) -> Mapping[str, ContextValue]:
    # A `FrozenMapping` was converted before. What is not a mapping is returned unchanged; the field's validator rejects it.
    if type(cast("object", context)) is FrozenMapping or not isinstance(context, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        return context
    return FrozenMapping({_name(name): _value(value) for name, value in context.items()})


def _invalid_context(actual: str) -> InvalidValueError:
    accepted = "a mapping of non-empty strs to strs, ints and bools"
    return InvalidValueError(Fault.mismatch("EscalationRequest.context", actual, accepted))


def _name(name: object) -> str:
    exact = exact_str(name)
    if not isinstance(exact, str) or exact == "":
        raise _invalid_context(f"{kind_of(exact)} as a name")
    return exact


def _value(value: object) -> ContextValue:
    if not isinstance(value, str | int):
        raise _invalid_context(f"{kind_of(value)} as a value")
    return value if isinstance(value, bool) else int.__int__(value) if isinstance(value, int) else exact_str(value)


@attrs.frozen(kw_only=True, field_transformer=checked)
class EscalationRequest:
    """Everything that decides whether the agent may turn the message into a video call.

    Attributes:
        domain: The tenant in which the agent works.
        agent: The agent who would escalate.
        login: How the agent's session was opened.
        message: The message that the agent clicked on.
        intervention: The case that the agent is working on. None: the agent is engaged with nobody.
        context: Facts for the host's own rules, such as opening hours or consent. Time is one of them: no rule reads a clock.
    """

    domain: Domain
    agent: Agent
    login: Login
    message: Message
    intervention: Intervention | None = None
    context: Mapping[str, ContextValue] = attrs.field(factory=lambda: FrozenMapping({}), converter=_to_context)
