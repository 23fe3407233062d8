"""Request types as hosts write them, and what can stand in their fields: attrs checks no annotation."""
# pyright: basic

import itertools
from collections.abc import Iterator, Mapping
from enum import Enum
from types import SimpleNamespace
from typing import Any, Final, Literal, Protocol

import attrs

from escalation_policy import (
    Agent,
    Channel,
    ChannelKind,
    Domain,
    EscalationRequest,
    Intervention,
    Message,
    Permission,
    RingCentralUser,
    Role,
)
from support import UNKNOWN_WHEN_NONE, Colour, Part, Sample, Size


class Shape(Protocol):
    """A type that no value can be held against."""

    @property
    def sides(self) -> int:  # pyright: ignore[reportReturnType]
        """How many sides it has."""


@attrs.frozen(kw_only=True)
class Desk:
    """A part of a visit, which holds another part, values of the library, and values of types that cannot be checked."""

    name: str
    part: Part
    domain: Domain
    agent: Agent | None
    colour: Colour
    ratio: float
    ids: frozenset[int]
    sizes: frozenset[Size]
    groups: frozenset[frozenset[str]]
    more_groups: frozenset[frozenset[str]]
    group: frozenset[str]
    parts: frozenset[Part]
    anything: Any
    either: str | int
    either_or_none: str | int | None
    choice: Literal["t", "u"]
    names: tuple[str, ...]
    shape: Shape


@attrs.frozen(kw_only=True, slots=False)
class Visit:
    """A request with nested parts."""

    number: int
    desk: Desk
    spare: Desk | None
    lost: Desk | None = attrs.field(metadata=UNKNOWN_WHEN_NONE)
    context: Mapping[str, Any] = attrs.field(hash=False)


@attrs.frozen(kw_only=True)
class NightRequest(EscalationRequest):
    """A request of the host's that is also one of the library's, with fields of its own."""

    night: bool = False
    desk: Desk | None = None


class AnyEqual:
    """Equals everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("t")


class Raising:
    """Raises if it is compared, hashed, tested or put in words."""

    def _raise(self, *_: object) -> Any:
        raise ValueError("canary")

    __eq__ = __hash__ = __bool__ = __len__ = __iter__ = __le__ = __contains__ = __repr__ = _raise


class SecretiveAttributes:
    """Raises if any attribute is read, `__class__` too."""

    def __getattribute__(self, name: str) -> Any:
        raise ValueError("canary")


class NoAttributes:
    """Raises something else than `AttributeError` if an attribute is missing."""

    def __getattr__(self, name: str) -> Any:
        raise KeyError("canary")


class RaisingClass:
    """Raises if it is asked for its class, as an unbound proxy does."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("canary")


class _AnyEqualMeta(type):
    def __eq__(cls, other: object) -> bool:
        return True

    def __hash__(cls) -> int:
        return hash(str)


class _RaisingMeta(type):
    def __eq__(cls, other: object) -> bool:
        raise ValueError("canary")

    def __hash__(cls) -> int:
        raise ValueError("canary")

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise ValueError("canary")


class OfAnyEqualMeta(metaclass=_AnyEqualMeta):
    """Has a class that equals every class."""


class OfRaisingMeta(metaclass=_RaisingMeta):
    """Has a class that cannot be compared, hashed or named."""


class RaisingName(str):
    """A name of a class that raises if anything is done with it."""

    __slots__ = ()

    def _raise(self, *_: object) -> Any:
        raise ValueError("canary")

    __eq__ = __hash__ = __format__ = __str__ = __lt__ = __getitem__ = __add__ = _raise  # pyright: ignore[reportAssignmentType]


class OtherStr(str):
    """A `str` that equals everything."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("t")


class OtherInt(int):
    """An `int` that equals everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class OtherSet(frozenset[Any]):
    """A set that contains everything and is within everything."""

    def __contains__(self, _: object) -> bool:
        return True

    def __le__(self, _: object) -> bool:
        return True


class OddError(Exception, metaclass=_RaisingMeta):
    """An exception whose class cannot be named, and which raises if it is asked for its class."""

    shown_name = "OddError"

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("canary")


UnnamedError: Final[Any] = type(RaisingName("UnnamedError"), (OddError,), {"shown_name": "UnnamedError"})


class ChangingPart(Part):
    """A part whose text is another one each time it is read."""

    texts = 0

    @property
    def text(self) -> str:
        """Return one text, then the other one."""
        ChangingPart.texts += 1
        return "t" if ChangingPart.texts % 2 else "u"


_answers = itertools.cycle([True, False])


class Mood(Enum):
    """An enum that compares differently each time."""

    GOOD = "good"
    BAD = "bad"

    def __eq__(self, other: object) -> bool:
        return next(_answers)

    __hash__ = Enum.__hash__


@attrs.frozen
class Choice:
    """A request with such an enum."""

    mood: Mood = Mood.GOOD


class RaisingMapping(Mapping[str, Any]):
    """A mapping that cannot be read."""

    def __getitem__(self, key: str) -> Any:
        raise OddError

    def get(self, key: str, default: object = None) -> Any:
        """Raise for every attribute."""
        raise OddError

    def __iter__(self) -> Iterator[str]:
        raise OddError

    def __len__(self) -> int:
        raise OddError


def pretender(kind: type) -> Any:
    """Return an object whose `__class__` is another type than its own."""
    return type("Pretender", (), {"__class__": property(lambda _: kind)})()


def unnamed() -> Any:
    """Return an object whose class has a hostile name."""
    return type(RaisingName("Unnamed"), (), {})()


#: Values that may be of the type that a field declares, or of any other.
ODD_VALUES: Final[tuple[Any, ...]] = (
    *(0, 1, True, False, 0.5, "t", "u", "", b"t", object(), str, Sample),
    *(Size.SMALL, Colour.RED, Colour.UNKNOWN, "small", "red", "whatsapp", ChannelKind.WHATSAPP),
    *(Permission.ESCALATE_TO_VIDEO, "escalate_to_video"),
    *([], ["t"], set[str](), {"t"}, (), ("t",), {"t": "t"}, frozenset[Any](), frozenset({"t"}), frozenset({"t", 1})),
    *(frozenset({1}), frozenset({True}), frozenset({1.0}), frozenset({Size.SMALL}), frozenset({Size.SMALL, "t"})),
    *(frozenset({"small"}), frozenset({"escalate_to_video"}), frozenset({frozenset({"t"})})),
    *(frozenset({frozenset({1})}), frozenset({frozenset({"t", OtherStr("u")})}), frozenset({AnyEqual()})),
    *(frozenset({OfAnyEqualMeta()}), frozenset({OfRaisingMeta()}), frozenset({OtherStr("t")}), OtherSet(["t"])),
    *(AnyEqual(), Raising(), SecretiveAttributes(), NoAttributes(), RaisingClass(), OfAnyEqualMeta(), OfRaisingMeta()),
    *(OtherStr("t"), OtherInt(1), pretender(str), pretender(bool), pretender(frozenset), pretender(Part), unnamed()),
    *(pretender(Agent), pretender(Desk), Part(), SimpleNamespace(text="t", absent="t", unknown="t")),
    *(Part(text=1), Part(absent=1, unknown=[]), object.__new__(Part), object.__new__(Agent), Domain(id="t")),  # type: ignore[arg-type]
    *(OddError(), OddError, RaisingMapping()),
)

#: Values that can stand where a mapping is expected.
MAPPINGS: Final[tuple[Any, ...]] = (
    *({}, {"b": True, "n": 1, "s": "t"}, {"b": False, "n": 0, "s": "u"}, {"b": 1, "n": True, "s": 1}),
    *({"b": None, "n": OtherInt(1), "s": OtherStr("t")}, {"b": "t", "n": 1.0, "s": AnyEqual()}, {"b": True}),
    *({"s": "t", "n": 1}, {"b": OfRaisingMeta(), "n": Raising(), "s": RaisingClass()}),
    *(RaisingMapping(), [], "t", 1, SimpleNamespace(get=lambda _: "t"), SecretiveAttributes(), object()),
)


def _subclass(kind: type) -> type:
    """Make a subclass that adds nothing."""
    return type(f"Other{kind.__name__}", (kind,), {"__slots__": ()})


#: By class, a subclass. The library's own classes are marked as final, but nobody stops a host.
SUBCLASSES: Final = {
    kind: _subclass(kind)
    for kind in (
        *(Sample, Part, Visit, Desk, NightRequest, EscalationRequest),
        *(Agent, Channel, Domain, Intervention, Message, RingCentralUser, Role),
    )
}
globals().update({kind.__name__: kind for kind in SUBCLASSES.values()})  # pickle looks for them here


def filled(kind: Any, values: Mapping[str, Any]) -> Any:
    """Make an instance that holds these values, past everything that a constructor may check."""
    made: Any = kind.__new__(kind)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made
