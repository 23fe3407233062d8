"""The question: may this agent escalate this message to video, now?"""

from collections.abc import Iterator, Mapping
from typing import TypeVar, final

import attrs

from ._enums import Login
from ._fields import checked, kind_of, plain
from ._values import Agent, Domain, Intervention, Message
from .exceptions import Fault, InvalidValueError

ContextValue = str | int | bool
V = TypeVar("V")


@final
@attrs.frozen(eq=False, repr=False)
class FrozenMapping(Mapping[str, V]):
    """An immutable mapping of names to values. `True` and `1` differ in it, as they do to a rule."""

    _values: dict[str, V]

    def __getitem__(self, key: str) -> V:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _typed(self) -> frozenset[tuple[str, type, V]]:
        return frozenset((key, type(value), value) for key, value in self._values.items())

    def __eq__(self, other: object) -> bool:
        return self._typed() == other._typed() if isinstance(other, FrozenMapping) else self._values == other

    def __hash__(self) -> int:
        return hash(self._typed())

    def __repr__(self) -> str:
        return f"<mapping of {', '.join(sorted(map(ascii, self._values))) or 'nothing'}>"


def _to_context(context: Mapping[str, ContextValue]) -> Mapping[str, ContextValue]:
    if isinstance(context, FrozenMapping) or not isinstance(context, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        return context
    return FrozenMapping({_name(name): _value(value) for name, value in context.items()})


def _refused(found: str) -> InvalidValueError:
    return InvalidValueError(
        Fault.mismatch("EscalationRequest.context", found, "a mapping of non-empty strs to strs, ints and bools")
    )


def _name(name: object) -> str:
    exact = plain(name)
    if not isinstance(exact, str) or exact == "":
        raise _refused(f"{kind_of(exact)} as a name")
    return exact


def _value(value: object) -> ContextValue:
    if not isinstance(value, str | int):
        raise _refused(f"{kind_of(value)} as a value")
    return value if isinstance(value, bool) else int.__int__(value) if isinstance(value, int) else plain(value)


@final
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
