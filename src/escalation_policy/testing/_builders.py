"""Builders: values that are valid and allowed, with what a test is about given by keyword.

Whatever refers to something refers to what was given: an id is the same wherever it stands. A part that is given whole
stays as it is, and what is not given follows it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar, Unpack, cast

import attrs

from .. import (
    ESCALATE_TO_VIDEO,
    Agent,
    Channel,
    ChannelKind,
    Domain,
    EscalationRequest,
    Intervention,
    InterventionState,
    Login,
    Message,
    MessageAuthor,
    Permission,
    Policy,
    RingCentralUser,
    Role,
    VideoAccess,
)
from .._fields import closest, kind_of, with_article
from . import _keywords as keywords
from ._codes import codes_of, must_decide
from ._search import Names, Search

T = TypeVar("T")
Q = TypeVar("Q")

_ROLE: Final = Role(id="r1", domain_id="acme", label="Video agent", permissions={Permission.ESCALATE_TO_VIDEO})
_USER: Final = RingCentralUser(extension_id="664307016", account_id="664287016", video=VideoAccess.GRANTED)
_CHANNEL: Final = Channel(id="s1", domain_id="acme", kind=ChannelKind.WHATSAPP)
_CASE: Final = Intervention(id="i1", agent_id="u1", state=InterventionState.OPEN)
#: What every builder starts from; `ESCALATE_TO_VIDEO` allows it.
TYPICAL: Final = EscalationRequest(
    domain=Domain(id="acme", ringcentral_account_id="664287016"),
    agent=Agent(id="u1", domain_id="acme", role=_ROLE, enabled=True, email="ada@example.com", ringcentral=_USER),
    login=Login.RINGCENTRAL_SSO,
    message=Message(id="c1", channel=_CHANNEL, author=MessageAuthor.CUSTOMER, intervention_id="i1"),
    intervention=_CASE,
)


def a_domain(**fields: Unpack[keywords.DomainFields]) -> Domain:
    """Makes the domain `acme`, which is associated with a RingCentral account."""
    return _built("a_domain", TYPICAL.domain, keywords.DOMAIN, fields)


def a_role(**fields: Unpack[keywords.RoleFields]) -> Role:
    """Makes a role that holds `escalate_to_video` and nothing else."""
    return _built("a_role", _ROLE, keywords.ROLE, fields)


def a_ringcentral_user(**fields: Unpack[keywords.RingCentralUserFields]) -> RingCentralUser:
    """Makes an extension of the domain's RingCentral account that has RingCentral Video."""
    return _built("a_ringcentral_user", _USER, keywords.RINGCENTRAL_USER, fields)


def an_agent(**fields: Unpack[keywords.AgentFields]) -> Agent:
    """Makes an enabled agent of the domain with that role and extension, whose fields it takes too."""
    return _built("an_agent", TYPICAL.agent, keywords.AGENT, fields)


def a_channel(**fields: Unpack[keywords.ChannelFields]) -> Channel:
    """Makes a WhatsApp channel of the domain."""
    return _built("a_channel", _CHANNEL, keywords.CHANNEL, fields)


def a_message(**fields: Unpack[keywords.MessageFields]) -> Message:
    """Makes a customer's message on that channel, whose fields it takes too; `channel` may be a `ChannelKind`."""
    return _built("a_message", TYPICAL.message, keywords.MESSAGE, fields)


def an_intervention(**fields: Unpack[keywords.InterventionFields]) -> Intervention:
    """Makes the open case to which the message belongs, assigned to the agent."""
    return _built("an_intervention", _CASE, keywords.INTERVENTION, fields)


def a_request(
    *,
    policy: Policy[EscalationRequest] | None = None,
    denied_by: str | Iterable[str] = (),
    **fields: Unpack[keywords.RequestFields],
) -> EscalationRequest:
    """Makes a request that `ESCALATE_TO_VIDEO` allows, but for the fields given.

    Args:
        policy: Another policy that is to allow it. Where the fields given stand in the way, they stay, and it is denied.
        denied_by: The code of a rule, or several: makes the nearest request that the policy (`ESCALATE_TO_VIDEO` if
            none is given) denies for exactly that. Facts that were given one by one stay; parts given whole may change.
        fields: Fields of the request and of all its parts; those that several parts have are called after the part,
            as in `agent_id`. An id is set wherever it stands, but not in parts that are given whole.

    Raises:
        TypeError: There is no such field.
        InvalidValueError: A field does not take what it was given.
        NoSuchRequestError: No such request was found; it says which rules or predicates are in the way.
        NoSuchRuleError: The policy has no rule of that code.
    """
    request = _built("a_request", TYPICAL, keywords.REQUEST, fields)
    judging = ESCALATE_TO_VIDEO if policy is None else policy
    must_decide(judging, request)
    if denied_by != ():
        given = {keyword: value for keyword, value in fields.items() if value is None or not _is_whole(keyword, value)}
        return Search(judging, TYPICAL).denied(request, codes_of(judging, denied_by), given=_facts_of(given))
    if policy is not None:
        return Search(policy, TYPICAL).allowed(request, given=_facts_of(fields))
    return request


def search_for(policy: Policy[Q], like: Q | None) -> Search[Q]:
    """Prepares to search near a request."""
    return Search(policy, start_for(policy, like))


def start_for(policy: Policy[Q], like: Q | None) -> Q:
    """Gives the request from which others are made: the typical one, where the policy decides about such.

    Raises:
        TypeError: The policy is over another type than `EscalationRequest` and needs one of its own.
    """
    __tracebackhide__ = True
    asked = policy.request_type
    start: Any = TYPICAL if like is None else like
    if not issubclass(type(start), asked):
        raise TypeError(
            f"policy {policy.id!r} decides about {with_article(asked.__name__)}: pass one as like, got {kind_of(like)}"
        )
    return cast("Q", start)


def _facts_of(given: Mapping[str, Any]) -> list[Names]:
    """Names the facts that were settled by keyword."""
    context = [("context", name) for name in given.get("context", ())]
    places = [(place, value) for keyword, value in given.items() for place in keywords.REQUEST[keyword]]
    return context + [tuple(_main(place, value).split(".")) for place, value in places if place != "context"]


def _built(builder: str, typical: T, places: keywords.Places, fields: Mapping[str, Any]) -> T:
    """Puts everything that was given where it goes, whole parts first."""
    for keyword in fields:
        if keyword not in places:
            key = closest(keyword, places)
            known = f"did you mean {key}?" if key else f"only {', '.join(places)}"
            raise TypeError(f"{builder}() takes no argument of that name, {known}")
    wholes = [places[keyword][0] for keyword, value in fields.items() if _is_whole(keyword, value)]
    order = sorted(fields, key=lambda keyword: (places[keyword][0] not in wholes, list(places).index(keyword)))
    built: Any = typical
    for keyword in order:
        value, main = fields[keyword], places[keyword][0]
        if _owner(built, main) is None:
            raise TypeError(f"{builder}() got {keyword}, but nothing to put it on: {main.rpartition('.')[0]} is None")
        built = _with(built, _main(main, value), value)
        for place, reference in _references(keyword, value, places[keyword][1:]):
            in_whole = any(place.startswith(f"{whole}.") for whole in wholes)
            if reference is not None and not in_whole and _owner(built, place) is not None:
                built = _with(built, place, reference)
    return cast("T", built)


def _references(keyword: str, value: object, places: Iterable[str]) -> list[tuple[str, object]]:
    """Lists where else something stands: what was given, or what a part that was given holds."""
    parts = [] if value is None or keyword not in keywords.FOLLOWING else list(keywords.FOLLOWING[keyword].items())
    held = [(place, getattr(value, name)) for name, elsewhere in parts for place in elsewhere]
    return held + [(place, value) for place in places]


def _is_whole(keyword: str, value: object) -> bool:
    is_part = attrs.has(type(value)) and not isinstance(value, Mapping)
    return is_part or (value is None and keyword in ("intervention", "ringcentral"))


def _main(place: str, value: object) -> str:
    """A kind of channel is given as if it were the channel."""
    return f"{place}.kind" if isinstance(value, ChannelKind) and place.endswith("channel") else place


def _owner(built: Any, place: str) -> object:
    """Finds what a place belongs to; None where that is not there."""
    for name in place.split(".")[:-1]:
        built = getattr(built, name)
        if built is None:
            return None
    return built


def _with(part: Any, place: str, value: object) -> Any:
    name, _, rest = place.partition(".")
    return attrs.evolve(part, **{name: _with(getattr(part, name), rest, value) if rest else value})
