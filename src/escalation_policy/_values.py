"""What Engage Digital and RingCentral know: domains, roles, agents, channels, messages, cases.

Every value is immutable, is valid once it exists, and is never checked again.
"""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Final, TypeVar, cast, final

import attrs

from ._enums import ChannelKind, InterventionState, MessageAuthor, Permission, VideoAccess
from .exceptions import Fault, InvalidValueError

#: Field metadata: None in this field says that we were not told, not that there is none.
UNKNOWN_WHEN_NONE: Final = {"escalation_policy.unknown_when_none": True}
#: Field metadata: an address, a name or an id of RingCentral, shown to nobody who did not ask for it.
PRIVATE: Final = {"escalation_policy.private": True}

_T = TypeVar("_T")
Check = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def a(name: str) -> str:
    """Puts the article before a name."""
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def kind_of(value: object) -> str:
    """Says what kind of thing a value is, and never what it holds."""
    if value is None:
        return "None"
    if type(value) is str and value == "":
        return "an empty str"
    kind = a(type(value).__name__)
    if isinstance(value, frozenset):
        members = sorted({type(member).__name__ for member in cast("frozenset[object]", value)})
        return f"{kind} of {' and '.join(members)}"
    return kind


def plain(value: str) -> str:
    """Turns a `str` of any subclass into a plain one, whose comparisons cannot be overridden."""
    return str.__str__(value) if isinstance(value, str) else value  # pyright: ignore[reportUnnecessaryIsInstance]


def plain_or_none(value: str | None) -> str | None:
    """Does what `plain` does and lets None through."""
    return None if value is None else plain(value)


def _frozen_strs(values: Iterable[str]) -> frozenset[str]:
    """Freezes a collection; a `str`, and what cannot be a set, is left for the validator to refuse."""
    return _frozen(values)


def _frozen_permissions(values: Iterable[Permission]) -> frozenset[Permission]:
    return _frozen(values)


def _frozen(values: Iterable[_T]) -> frozenset[_T]:
    try:
        return frozenset(values) if not isinstance(values, str) else cast("frozenset[_T]", values)
    except TypeError:
        return cast("frozenset[_T]", values)


def _masked(value: object) -> str:
    return "None" if value is None else "<set>"


def must(accepted: str, test: Callable[[Any], bool], *, shown: bool = False, optional: bool = False) -> Check:
    """Makes a validator: a field is accepted when `test` says so (or it is None and `optional`)."""

    def check(instance: object, field: "attrs.Attribute[Any]", value: object) -> None:
        if (optional and value is None) or test(value):
            return
        path = f"{type(instance).__name__}.{field.name}"
        found = repr(value)[:60] if shown and isinstance(value, str) else kind_of(value)
        raise InvalidValueError(Fault(path, found, f"{accepted} or None" if optional else accepted))

    return check


def is_a(cls: type, *, optional: bool = False) -> Check:
    """Accepts instances of `cls`; what merely pretends to be one through `__class__` is refused."""
    return must(
        a(cls.__name__), lambda value: issubclass(type(value), cls), shown=issubclass(cls, Enum), optional=optional
    )


def _is_text(value: object) -> bool:
    return type(value) is str and value != ""


def _is_ringcentral_id(value: object) -> bool:
    return type(value) is str and value.isascii() and value.isdigit() and len(value) <= 20


def _set_of(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda values: type(values) is frozenset and all(map(test, cast("frozenset[object]", values)))


TEXT: Final = must("a non-empty str", _is_text)
TEXT_OR_NONE: Final = must("a non-empty str", _is_text, optional=True)
BOOL: Final = must("True or False", lambda value: type(value) is bool, shown=True)
BOOL_OR_NONE: Final = must("True, False", lambda value: type(value) is bool, shown=True, optional=True)
TEXTS: Final = must("a collection of non-empty strs", _set_of(_is_text))
# A path of the RingCentral API reads "~" as "whoever owns the token": only digits are an id.
_RINGCENTRAL_ID: Final = must("1 to 20 ASCII digits", _is_ringcentral_id)
_RINGCENTRAL_ID_OR_NONE: Final = must("1 to 20 ASCII digits", _is_ringcentral_id, optional=True)
_PERMISSIONS: Final = must("a collection of Permission members", _set_of(lambda p: type(p) is Permission))
_KEYS: Final = frozenset(permission.value for permission in Permission)
_NEW_FLAGS: Final = must(
    "a collection of keys that are no Permission", _set_of(lambda key: _is_text(key) and key not in _KEYS)
)


@final
@attrs.frozen(kw_only=True)
class Domain:
    """A tenant of Engage Digital.

    Attributes:
        id: The domain's id or name; only compared.
        ringcentral_account_id: The RingCentral account it is associated with, 1 to 20 ASCII digits. None: with none.
    """

    id: str = attrs.field(converter=plain, validator=TEXT)
    ringcentral_account_id: str | None = attrs.field(
        default=None, converter=plain_or_none, validator=_RINGCENTRAL_ID_OR_NONE, metadata=PRIVATE, repr=_masked
    )


@final
@attrs.frozen(kw_only=True)
class Role:
    """What its holders may do. A new role may nothing: all permissions are unchecked.

    Attributes:
        label: What administrators call it. They rename even the default roles: it identifies nothing.
        unknown_permissions: Flags of a newer API that are on; they grant nothing, but they are not nothing.
    """

    id: str = attrs.field(converter=plain, validator=TEXT)
    domain_id: str = attrs.field(converter=plain, validator=TEXT)
    label: str = attrs.field(converter=plain, validator=TEXT, metadata=PRIVATE, repr=_masked)
    permissions: frozenset[Permission] = attrs.field(
        default=frozenset[Permission](), converter=_frozen_permissions, validator=_PERMISSIONS
    )
    unknown_permissions: frozenset[str] = attrs.field(
        default=frozenset[str](), converter=_frozen_strs, validator=_NEW_FLAGS
    )


@final
@attrs.frozen(kw_only=True)
class RingCentralUser:
    """The RingEX extension behind an agent.

    Attributes:
        extension_id: The "RingCentral ID" of the agent's profile, 1 to 20 ASCII digits.
        account_id: The RingCentral account it belongs to, 1 to 20 ASCII digits. None: we were not told.
        video: Whether it has RingCentral Video.
    """

    extension_id: str = attrs.field(converter=plain, validator=_RINGCENTRAL_ID, metadata=PRIVATE, repr=_masked)
    account_id: str | None = attrs.field(
        default=None,
        converter=plain_or_none,
        validator=_RINGCENTRAL_ID_OR_NONE,
        metadata={**PRIVATE, **UNKNOWN_WHEN_NONE},
        repr=_masked,
    )
    video: VideoAccess = attrs.field(default=VideoAccess.UNKNOWN, validator=is_a(VideoAccess))
    email: str | None = attrs.field(
        default=None, converter=plain_or_none, validator=TEXT_OR_NONE, metadata=PRIVATE, repr=_masked
    )


@final
@attrs.frozen(kw_only=True)
class Agent:
    """A user of Engage Digital who answers customers.

    Attributes:
        enabled: Whether the account may be used at all. It has no default: nobody is enabled by omission.
        ringcentral: The linked RingEX extension. None: the profile holds no RingCentral ID.
        team_ids: The teams the agent is in.
        led_team_ids: The teams the agent leads.
    """

    id: str = attrs.field(converter=plain, validator=TEXT)
    domain_id: str = attrs.field(converter=plain, validator=TEXT)
    role: Role = attrs.field(validator=is_a(Role))
    enabled: bool = attrs.field(validator=BOOL)
    email: str | None = attrs.field(
        default=None, converter=plain_or_none, validator=TEXT_OR_NONE, metadata=PRIVATE, repr=_masked
    )
    ringcentral: RingCentralUser | None = attrs.field(default=None, validator=is_a(RingCentralUser, optional=True))
    team_ids: frozenset[str] = attrs.field(default=frozenset[str](), converter=_frozen_strs, validator=TEXTS)
    led_team_ids: frozenset[str] = attrs.field(default=frozenset[str](), converter=_frozen_strs, validator=TEXTS)


@final
@attrs.frozen(kw_only=True)
class Channel:
    """One account on one medium: a *source* of the Engage Digital API."""

    id: str = attrs.field(converter=plain, validator=TEXT)
    domain_id: str = attrs.field(converter=plain, validator=TEXT)
    kind: ChannelKind = attrs.field(validator=is_a(ChannelKind))


@final
@attrs.frozen(kw_only=True)
class Message:
    """One message on a channel: a *content* of the Engage Digital API.

    Attributes:
        private: Whether only the customer and the company see it. None: we were not told.
        intervention_id: The case it belongs to. None: we were not told of any.
    """

    id: str = attrs.field(converter=plain, validator=TEXT)
    channel: Channel = attrs.field(validator=is_a(Channel))
    author: MessageAuthor = attrs.field(validator=is_a(MessageAuthor))
    private: bool | None = attrs.field(default=None, validator=BOOL_OR_NONE, metadata=UNKNOWN_WHEN_NONE)
    intervention_id: str | None = attrs.field(
        default=None, converter=plain_or_none, validator=TEXT_OR_NONE, metadata=UNKNOWN_WHEN_NONE
    )


@final
@attrs.frozen(kw_only=True)
class Intervention:
    """The case that makes an agent engaged with a customer.

    Attributes:
        agent_id: The agent it is assigned to. None: nobody.
    """

    id: str = attrs.field(converter=plain, validator=TEXT)
    agent_id: str | None = attrs.field(converter=plain_or_none, validator=TEXT_OR_NONE)
    state: InterventionState = attrs.field(validator=is_a(InterventionState))
