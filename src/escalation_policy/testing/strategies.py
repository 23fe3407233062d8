"""Strategies for Hypothesis: values, requests, and requests that a policy allows or denies.

They shrink to what the builders make, so that a falsifying example shows only the necessary differences.
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
from ..analysis.typical import TYPICAL
from . import _builders as builders
from ._assertions import check_codes
from ._search import Search

T = TypeVar("T")
Q = TypeVar("Q")


def _sets_of(members: st.SearchStrategy[T]) -> st.SearchStrategy[frozenset[T]]:
    """Draw sets. Repeated members are not filtered."""
    return st.lists(members, max_size=8).map(frozenset)


_IDS: Final = st.sampled_from(["other", "another"]) | st.text(min_size=1, max_size=8)
_ID_OR_NONE: Final = st.none() | _IDS
_DIGITS: Final = st.integers(0, 10**20 - 1).map(str)
_ID_SETS: Final = _sets_of(_IDS)
#: The values of each keyword of the builders. Enums shrink in their order.
_VALUES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "ringcentral_account_id": st.none() | _DIGITS,
    "label": _IDS,
    "role_label": _IDS,
    "permissions": _sets_of(st.sampled_from(Permission)),
    "unknown_permissions": _sets_of(st.sampled_from(["manage_something_new", "use_something_new"])),
    "extension_id": _DIGITS,
    "account_id": st.none() | _DIGITS,
    "video": st.sampled_from(VideoAccess),
    "email": st.none() | st.emails(),
    "ringcentral_email": st.none() | st.emails(),
    "enabled": st.booleans(),
    "ringcentral": st.none(),
    "team_ids": _ID_SETS,
    "led_team_ids": _ID_SETS,
    "kind": st.sampled_from(ChannelKind),
    "channel": st.sampled_from(ChannelKind),
    "author": st.sampled_from(MessageAuthor),
    "private": st.none() | st.booleans(),
    "login": st.sampled_from(Login),
    "intervention": st.none(),
    "intervention_id": _ID_OR_NONE,
    "intervention_agent_id": _ID_OR_NONE,
    "state": st.sampled_from(InterventionState),
    "context": st.dictionaries(_IDS, st.booleans() | st.integers() | st.text(), max_size=3),
}
#: Parts that are not drawn as a whole. Their fields are.
_PARTS: Final = {"domain", "agent", "role", "message"}
#: The fields that cannot be set if a part is None.
_FIELDS_OF_PART: Final = {
    "ringcentral": {"extension_id", "account_id", "video", "ringcentral_email"},
    "intervention": {"state", "intervention_agent_id"},
}


def domains() -> st.SearchStrategy[Domain]:
    """Draw domains, with and without a RingCentral account."""
    return _built(builders.a_domain)


def roles() -> st.SearchStrategy[Role]:
    """Draw roles with any permissions, including unknown ones."""
    return _built(builders.a_role)


def ringcentral_users() -> st.SearchStrategy[RingCentralUser]:
    """Draw extensions of any account, including an unknown one."""
    return _built(builders.a_ringcentral_user)


def agents() -> st.SearchStrategy[Agent]:
    """Draw agents with any role, with and without an extension."""
    return _built(builders.an_agent)


def channels() -> st.SearchStrategy[Channel]:
    """Draw channels of every kind."""
    return _built(builders.a_channel)


def messages() -> st.SearchStrategy[Message]:
    """Draw messages on channels of every kind."""
    return _built(builders.a_message)


def interventions() -> st.SearchStrategy[Intervention]:
    """Draw cases in every state, assigned to an agent or to nobody."""
    return _built(builders.an_intervention, agent_id=_ID_OR_NONE)


def requests() -> st.SearchStrategy[EscalationRequest]:
    """Draw requests of every kind, allowed or not. Ids that refer to each other are mostly, but not always, consistent."""
    return _built(builders.a_request)


@overload
def allowed_requests(
    policy: Policy[EscalationRequest] = ..., *, like: EscalationRequest | None = ...
) -> st.SearchStrategy[EscalationRequest]: ...
@overload
def allowed_requests(policy: Policy[Q], *, like: Q) -> st.SearchStrategy[Q]: ...
def allowed_requests(policy: Policy[Any] = ESCALATE_TO_VIDEO, *, like: Any = None) -> st.SearchStrategy[Any]:
    """Draw requests that a policy allows.

    Args:
        policy: The policy. Its conditions determine what to draw; nothing is filtered.
        like: A request whose values are tried first. It is required for a policy over another type than
            `EscalationRequest`, and for a policy whose predicates the typical request does not satisfy.

    Raises:
        NoSuchRequestError: The policy allows no request near that one.
        TypeError: `like` is missing, or of another type.
    """
    search = Search(policy, builders.start_for(policy, like))
    usual = search.allowed(search.like)
    return _near(search, lambda start: search.adjusted(start, usual), search.matches)


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
    """Draw requests that a policy denies.

    Args:
        policy: The policy. Its conditions determine what to draw; nothing is filtered.
        by: The code of a rule, or several codes: the requests are denied for exactly these. None: for any reason.
        like: As for `allowed_requests()`.

    Raises:
        NoSuchRequestError: The policy denies no request near that one for these reasons.
        NoSuchRuleError: The policy has no rule with that code.
        TypeError: `like` is missing, or of another type.
    """
    search = Search(policy, builders.start_for(policy, like))
    if by is not None:
        codes = check_codes(policy, by)
        wanted = search.denied(search.like, codes)
        return _near(
            search,
            lambda start: search.adjusted(start, wanted, codes),
            lambda request: search.matches(request, codes),
        )
    usual = search.denied_by_any_rule()
    return _near(
        search, lambda start: usual if search.matches(start) else start, lambda request: not search.matches(request)
    )


def _near(search: Search[Q], adjust: Callable[[Q], Q], is_wanted: Callable[[Q], bool]) -> st.SearchStrategy[Q]:
    """Draw any request, adjust it to what is wanted, and vary it without losing that."""
    starts: st.SearchStrategy[Any] = st.just(search.like)
    if isinstance(search.like, EscalationRequest):
        starts = requests() if search.like == TYPICAL else starts | requests()

    def near(changes: Iterable[tuple[Any, int]], start: Q) -> Q:
        return search.varied(adjust(start), changes, is_wanted)

    changes = st.lists(st.tuples(st.sampled_from(search.facts), st.integers(0, 99)), max_size=8)
    # The start comes last. What is drawn before it does not depend on it, and so shrinks faster.
    return st.builds(near, changes, starts)


def _built(builder: Callable[..., T], **others: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """Draw some keywords of a builder and their values."""
    keywords = [keyword for keyword in builders.PLACES[builder.__name__] if keyword not in _PARTS]
    values = {keyword: _VALUES.get(keyword, _IDS) for keyword in keywords} | others
    pairs = {keyword: st.tuples(st.just(keyword), values[keyword]) for keyword in values}
    for strategy in pairs.values():
        strategy.validate()  # it is prepared now, because Hypothesis limits the time of a draw
    fields = st.lists(st.sampled_from(list(values)).flatmap(pairs.__getitem__), max_size=8).map(dict)

    @st.composite
    def built(draw: st.DrawFn) -> T:
        drawn: dict[str, Any] = draw(fields)
        useless = {field for part in drawn for field in _FIELDS_OF_PART.get(part, ())}
        arguments = {keyword: st.just(value) for keyword, value in drawn.items() if keyword not in useless}
        # `st.builds` makes Hypothesis show the value as the call that made it.
        return draw(st.builds(builder, **arguments))

    return built()
