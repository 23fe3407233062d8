"""Strategies: values and requests for Hypothesis, and requests that a policy allows or denies.

They shrink to what the builders make: a falsifying example shows what had to be different from that.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar, overload

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as error:
    raise ImportError(f"{__name__} needs Hypothesis: pip install 'escalation_policy[testing]'") from error

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
from . import _builders as builders
from . import _keywords as keywords
from ._codes import codes_of
from ._search import NoSuchRequestError, Search

T = TypeVar("T")
Q = TypeVar("Q")


def _several(members: st.SearchStrategy[T]) -> st.SearchStrategy[frozenset[T]]:
    """Draws sets, without throwing away what comes twice."""
    return st.lists(members, max_size=8).map(frozenset)


_IDS: Final = st.sampled_from(["other", "another"]) | st.text(min_size=1, max_size=8)
_OR_NONE: Final = st.none() | _IDS
_DIGITS: Final = st.integers(0, 10**20 - 1).map(str)
_NAMES: Final = _several(_IDS)
#: What is drawn for each keyword of the builders. The order of enums is that in which they shrink.
_DRAWN: Final[dict[str, st.SearchStrategy[Any]]] = {
    "ringcentral_account_id": st.none() | _DIGITS,
    "label": _IDS,
    "role_label": _IDS,
    "permissions": _several(st.sampled_from(Permission)),
    "unknown_permissions": _several(st.sampled_from(["manage_something_new", "use_something_new"])),
    "extension_id": _DIGITS,
    "account_id": st.none() | _DIGITS,
    "video": st.sampled_from(VideoAccess),
    "email": st.none() | st.emails(),
    "ringcentral_email": st.none() | st.emails(),
    "enabled": st.booleans(),
    "ringcentral": st.none(),
    "team_ids": _NAMES,
    "led_team_ids": _NAMES,
    "kind": st.sampled_from(ChannelKind),
    "channel": st.sampled_from(ChannelKind),
    "author": st.sampled_from(MessageAuthor),
    "private": st.none() | st.booleans(),
    "login": st.sampled_from(Login),
    "intervention": st.none(),
    "intervention_id": _OR_NONE,
    "intervention_agent_id": _OR_NONE,
    "state": st.sampled_from(InterventionState),
    "context": st.dictionaries(_IDS, st.booleans() | st.integers() | st.text(), max_size=3),
}
#: These are given by their fields.
_PARTS: Final = {"domain", "agent", "role", "message"}
#: What cannot be set where a part is absent.
_NEEDS: Final = {
    "ringcentral": {"extension_id", "account_id", "video", "ringcentral_email"},
    "intervention": {"state", "intervention_agent_id"},
}


def domains() -> st.SearchStrategy[Domain]:
    """Draws domains, with and without a RingCentral account."""
    return _built(builders.a_domain, keywords.DOMAIN)


def roles() -> st.SearchStrategy[Role]:
    """Draws roles with any permissions, unknown ones too."""
    return _built(builders.a_role, keywords.ROLE)


def ringcentral_users() -> st.SearchStrategy[RingCentralUser]:
    """Draws extensions of any account, and of one that we were not told."""
    return _built(builders.a_ringcentral_user, keywords.RINGCENTRAL_USER)


def agents() -> st.SearchStrategy[Agent]:
    """Draws agents with any role, with and without an extension."""
    return _built(builders.an_agent, keywords.AGENT)


def channels() -> st.SearchStrategy[Channel]:
    """Draws channels of every kind."""
    return _built(builders.a_channel, keywords.CHANNEL)


def messages() -> st.SearchStrategy[Message]:
    """Draws messages on channels of every kind."""
    return _built(builders.a_message, keywords.MESSAGE)


def interventions() -> st.SearchStrategy[Intervention]:
    """Draws cases in every state, assigned to somebody or nobody."""
    return _built(builders.an_intervention, keywords.INTERVENTION, agent_id=_OR_NONE)


def requests() -> st.SearchStrategy[EscalationRequest]:
    """Draws requests of every kind, allowed or not; an id is mostly the same wherever it stands, and sometimes not."""
    return _built(builders.a_request, keywords.REQUEST)


@overload
def allowed_requests(
    policy: Policy[EscalationRequest] = ..., *, like: EscalationRequest | None = ...
) -> st.SearchStrategy[EscalationRequest]: ...
@overload
def allowed_requests(policy: Policy[Q], *, like: Q) -> st.SearchStrategy[Q]: ...
def allowed_requests(policy: Policy[Any] = ESCALATE_TO_VIDEO, *, like: Any = None) -> st.SearchStrategy[Any]:
    """Draws requests that a policy allows.

    Args:
        policy: The policy; nothing is filtered, its conditions say what to draw.
        like: A request whose values are tried first. A policy over another type than `EscalationRequest` needs one, and
            so does one whose predicates the typical request does not satisfy.

    Raises:
        NoSuchRequestError: The policy allows nothing near that request.
        TypeError: The policy needs a request to start from.
    """
    search = builders.search_for(policy, like)
    return _near(search, search.allowed, search.suits)


@overload
def denied_requests(
    policy: Policy[EscalationRequest] = ...,
    *,
    by: str | Iterable[str] | None = ...,
    like: EscalationRequest | None = ...,
) -> st.SearchStrategy[EscalationRequest]: ...
@overload
def denied_requests(policy: Policy[Q], *, by: str | Iterable[str] | None = ..., like: Q) -> st.SearchStrategy[Q]: ...
def denied_requests(
    policy: Policy[Any] = ESCALATE_TO_VIDEO, *, by: str | Iterable[str] | None = None, like: Any = None
) -> st.SearchStrategy[Any]:
    """Draws requests that a policy denies.

    Args:
        policy: The policy; nothing is filtered, its conditions say what to draw.
        by: The code of a rule, or several: they are denied for exactly that. None: for anything.
        like: As for `allowed_requests()`.

    Raises:
        NoSuchRequestError: The policy denies nothing near that request in this way.
        NoSuchRuleError: The policy has no rule of that code.
        TypeError: The policy needs a request to start from.
    """
    search = builders.search_for(policy, like)
    if by is not None:
        codes = codes_of(policy, by)
        return _near(search, lambda start: search.denied(start, codes), lambda found: search.suits(found, codes))
    first = search.denied_somehow()
    return _near(search, lambda start: first if search.suits(start) else start, lambda found: not search.suits(found))


def _near(search: Search[Q], mended: Callable[[Q], Q], keep: Callable[[Q], bool]) -> st.SearchStrategy[Q]:
    """Draws any request, mends it, and varies it."""
    usual = mended(search.like)
    starts: st.SearchStrategy[Any] = st.just(search.like)
    if isinstance(search.like, EscalationRequest):
        starts = requests() if search.like == builders.TYPICAL else starts | requests()

    def near(changes: Iterable[tuple[Any, int]], start: Q) -> Q:
        try:
            found = mended(start)
        except NoSuchRequestError:
            found = usual
        return search.varied(found, changes, keep)

    changes = st.lists(st.tuples(st.sampled_from(search.facts), st.integers(0, 99)), max_size=8)
    # The start comes last: what comes before it means the same without it, and so it shrinks faster.
    return st.builds(near, changes, starts)


def _built(
    builder: Callable[..., T], places: keywords.Places, **others: st.SearchStrategy[Any]
) -> st.SearchStrategy[T]:
    """Draws which keywords of a builder to give, and what."""
    drawn = {keyword: _DRAWN.get(keyword, _IDS) for keyword in places if keyword not in _PARTS} | others

    pairs = {keyword: st.tuples(st.just(keyword), drawn[keyword]) for keyword in drawn}
    for each in pairs.values():
        each.validate()  # builds what it needs now, and not while Hypothesis takes the time of a draw
    given = st.lists(st.sampled_from(list(drawn)).flatmap(pairs.__getitem__), max_size=8).map(dict)

    @st.composite
    def built(draw: st.DrawFn) -> T:
        chosen: dict[str, Any] = draw(given)
        useless = {each for part in chosen for each in _NEEDS.get(part, ())}
        fields = {keyword: st.just(value) for keyword, value in chosen.items() if keyword not in useless}
        # Hypothesis shows what was drawn as the call that made it.
        return draw(st.builds(builder, **fields))

    return built()
