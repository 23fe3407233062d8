"""The typical request, and what distinguishes other requests from it, in words that show nothing private."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple, cast, final

import attrs

from .._engine.operators import words_of
from .._enums import ChannelKind, InterventionState, Login, MessageAuthor, Permission, VideoAccess
from .._fields import PRIVATE, kind_of, with_article
from .._request import EscalationRequest
from .._values import Agent, Channel, Domain, Intervention, Message, RingCentralUser, Role
from ..exceptions import Fault, InvalidValueError

_ROLE: Final = Role(id="r1", domain_id="acme", label="Video agent", permissions={Permission.ESCALATE_TO_VIDEO})
RINGCENTRAL_USER: Final = RingCentralUser(extension_id="664307016", account_id="664287016", video=VideoAccess.GRANTED)
_CHANNEL: Final = Channel(id="s1", domain_id="acme", kind=ChannelKind.WHATSAPP)
INTERVENTION: Final = Intervention(id="i1", agent_id="u1", state=InterventionState.OPEN)
#: The request that all builders start from. `ESCALATE_TO_VIDEO` allows it.
TYPICAL: Final = EscalationRequest(
    domain=Domain(id="acme", ringcentral_account_id="664287016"),
    agent=Agent(
        id="u1", domain_id="acme", role=_ROLE, enabled=True, email="ada@example.com", ringcentral=RINGCENTRAL_USER
    ),
    login=Login.RINGCENTRAL_SSO,
    message=Message(id="c1", channel=_CHANNEL, author=MessageAuthor.CUSTOMER, intervention_id="i1"),
    intervention=INTERVENTION,
)


@final
class Leaf(NamedTuple):
    """One value in a request."""

    type: type
    value: object
    private: bool


def start_for(request_type: type, like: Any) -> Any:
    """Return the request that others are compared with: `like` or, for `EscalationRequest`, the typical one.

    Raises:
        InvalidValueError: It is not of the type.
    """
    start = TYPICAL if like is None else like
    if not issubclass(type(start), request_type):
        accepted = f"{with_article(request_type.__name__)}, the type of request that is decided"
        raise InvalidValueError(Fault.mismatch("like", kind_of(like), accepted))
    return start


def fields_of(value: object) -> "tuple[attrs.Attribute[Any], ...]":
    """Return the fields of a part of a request; a mapping has none."""
    kind: Any = type(value)
    return attrs.fields(kind) if attrs.has(kind) and not issubclass(kind, Mapping) else ()


def leaves_of(value: Any, path: str = "", *, private: bool = False) -> dict[str, Leaf]:
    """Return the values in a request by their dotted paths. It compares nothing, and so calls no `__eq__` of a host."""
    parts: dict[str, tuple[Any, bool]] = {}
    if fields := fields_of(value):
        parts = {each.name: (getattr(value, each.name), private or bool(each.metadata.get(PRIVATE))) for each in fields}
    elif isinstance(value, Mapping):
        parts = {key: (each, private) for key, each in cast("Mapping[str, object]", value).items()}
    elif isinstance(value, list | tuple):
        parts = {str(number): (each, private) for number, each in enumerate(cast("list[object]", value))}
    else:
        return {path: Leaf(type(cast("object", value)), value, private)}
    return {
        leaf_path: leaf
        for key, (part, is_private) in parts.items()
        for leaf_path, leaf in leaves_of(part, f"{path}.{key}".lstrip("."), private=is_private).items()
    }


def describe(request: Any, like: Any) -> str:
    """Describe a request by its differences from the typical one, masked as evidence is."""
    if not issubclass(type(request), type(like)):
        return f"no request, but {kind_of(request)}"
    subclass = "" if type(request) is type(like) else ", of a subclass"
    changes = differences(leaves_of(request), leaves_of(like))
    return f"the typical one{subclass}{', but with ' if changes else ''}{changes}"


def differences(leaves: Mapping[str, Leaf], typical: Mapping[str, Leaf]) -> str:
    """Describe the differences of a request from another one."""
    changes = [
        f"{path} = {_masked(leaf, typical.get(path))}" for path, leaf in leaves.items() if leaf != typical.get(path)
    ]
    parents = tuple(f"{path}." for path in leaves)
    changes += [f"no {path}" for path in typical if path not in leaves and not path.startswith(parents)]
    return ", ".join(changes)


def _masked(leaf: Leaf, typical: Leaf | None) -> str:
    value = leaf.value
    if isinstance(value, bool | int | float | Enum) and not leaf.private:
        return words_of(value)[:60]
    if isinstance(value, frozenset) and all(isinstance(each, Enum) for each in cast("frozenset[object]", value)):
        return words_of(value, most=8) or "nothing"
    return "another value" if typical and leaf.type is typical.type else kind_of(leaf.value)
