"""Readers: every payload that the API's specification permits is a value, or a typed error, and never anything else.

The generated payloads have the fields of the schemas Source, Content, Identity, Intervention, Role and User. No field but
the ids is required, and texts are any texts: the specification has no enum for types, states and origins.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind, Domain, Login, Permission
from escalation_policy.administration import Directory, audit
from escalation_policy.engage import (
    agent_from_payload,
    channel_from_payload,
    intervention_after,
    intervention_from_payload,
    message_from_payload,
    read_webhook,
    request_from_payloads,
    role_from_payload,
)
from escalation_policy.exceptions import InvalidPayloadError

Payload = dict[str, Any]
_T = TypeVar("_T")
DOMAIN: Final = Domain(id="acme", ringcentral_account_id="664287016")

#: Few ids, so that payloads often belong together.
_IDS: Final = st.sampled_from(["1", "2"])
_TEXTS: Final = st.text(max_size=8)
_FLAGS: Final = st.booleans()
_TIMES: Final = st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat())
_LISTS: Final = st.lists(_IDS, max_size=2)
_NUMBERS: Final = st.integers(-(2**31), 2**31 - 1)
_OBJECTS: Final = st.dictionaries(_TEXTS, _TEXTS, max_size=2)


def _keys(*keys: str) -> st.SearchStrategy[str]:
    return st.sampled_from(keys) | _TEXTS


def _objects(
    required: Mapping[str, st.SearchStrategy[Any]], **others: st.SearchStrategy[Any]
) -> st.SearchStrategy[Payload]:
    """Return a strategy for objects. Every field that is not required can be missing, or null."""
    return st.fixed_dictionaries(dict(required), optional={key: st.none() | values for key, values in others.items()})


def _merged(fields: Payload, flags: Payload, new: Payload) -> Payload:
    return new | flags | fields


_PLAIN: Final = {"created_at": _TIMES, "updated_at": _TIMES}
SOURCES: Final = _objects(
    {"id": _IDS},
    type=_keys("whats_app", "twtr", "emails", "acme_portal", *map(str, ChannelKind)),
    name=_TEXTS,
    active=_FLAGS,
    status=_TEXTS,
    color=_NUMBERS,
    signatures=st.lists(_OBJECTS, max_size=1),
    content_languages=st.lists(_TEXTS, max_size=2),
    **_PLAIN,
)
CONTENTS: Final = _objects(
    {"id": _IDS},
    author_id=_IDS,
    auto_submitted=_FLAGS,
    body=_TEXTS,
    context_data=_OBJECTS,
    created_from=_keys("synchronizer", "interface", "api", "auto_survey"),
    creator_id=_IDS,
    intervention_id=_IDS,
    private_message=_FLAGS,
    rating=_NUMBERS,
    source_id=_IDS,
    source_type=_keys("whats_app", "twitter", "twtr"),
    status=_keys("new", "assigned", "replied", "user_reply", "user_initiated", "ignored"),
    thread_id=_IDS,
    type=_keys("message", "twtr/tweet", "video_call_request_message"),
    **_PLAIN,
)
IDENTITIES: Final = _objects({"id": _IDS}, user_ids=_LISTS, display_name=_TEXTS, extra_values=_OBJECTS, **_PLAIN)
INTERVENTIONS: Final = _objects(
    {"id": _IDS},
    closed=_FLAGS,
    closed_at=_TIMES,
    custom_fields=_OBJECTS,
    deferred_at=_TIMES,
    source_id=_IDS,
    status=_TEXTS,
    thread_id=_IDS,
    user_id=_IDS,
    user_replies_count=_NUMBERS,
    **_PLAIN,
)
#: Flags are never null. A newer API may have further fields.
ROLES: Final = st.builds(
    _merged,
    st.fixed_dictionaries({"id": _IDS, "label": _TEXTS, "created_at": _TIMES}),
    st.dictionaries(st.sampled_from([*map(str, Permission)]), _FLAGS, max_size=5),
    st.dictionaries(_TEXTS, st.none() | _TEXTS | _NUMBERS | _FLAGS | _LISTS | _OBJECTS, max_size=2),
)
USERS: Final = _objects(
    {"id": _IDS, "enabled": _FLAGS, "role_id": _IDS},
    email=_TEXTS,
    external_id=_TEXTS,
    no_password=_FLAGS,
    rc_user_id=_keys("664307016", "664 307 016"),
    team_ids=_LISTS,
    **_PLAIN,
)
KINDS: Final = {"acme_portal": ChannelKind.CHANNEL_SDK}
_EVENT_TYPES: Final = _keys("intervention.opened", "intervention.closed", "intervention.canceled", "content.imported")


def _clicks() -> st.SearchStrategy[Payload]:
    return st.fixed_dictionaries(
        {
            "user": USERS,
            "role": ROLES,
            "source": SOURCES,
            "content": CONTENTS,
            "intervention": st.none() | INTERVENTIONS,
            "identity": st.none() | IDENTITIES,
        }
    )


def _id(record: Payload) -> object:
    return record["id"]


def _page(*records: Payload) -> list[Payload]:
    return [{"count": len(records), "offset": 0, "records": [*records]}]


#: A click has six payloads, so the thorough profile reads 2,400.
CLICKS: Final = settings(max_examples=4 * settings().max_examples, suppress_health_check=[HealthCheck.too_slow])


@CLICKS
@given(click=_clicks(), login=st.sampled_from(Login))
def test_a_click_is_decided_or_has_faults(click: Payload, login: Login) -> None:
    """The faults name their payloads, and what was read can be decided about."""
    request = _read(request_from_payloads, domain=DOMAIN, login=login, kinds=KINDS, **click)

    if isinstance(request, InvalidPayloadError):
        # A flag without a name is a fault of the role that is made of the payload.
        assert {fault.path.partition(".")[0] for fault in request.faults} <= {*click, "Role"}
    else:
        assert ESCALATE_TO_VIDEO.decide(request).allowed == ESCALATE_TO_VIDEO.allows(request)


@given(click=_clicks())
def test_every_reader_reads_every_payload_that_belongs_with_no_other(click: Payload) -> None:
    """Only a blank label, a source of another content, or contradictions can be wrong with valid payloads."""
    role = _read(role_from_payload, click["role"], domain_id="acme")
    if not isinstance(role, InvalidPayloadError):
        user = click["user"] | {"role_id": role.id}
        assert role == agent_from_payload(user, domain_id="acme", role=role).role
    channel = channel_from_payload(click["source"], domain_id="acme", kinds=KINDS)
    content = {key: value for key, value in click["content"].items() if key not in ("source_id", "source_type", "type")}
    assert channel == message_from_payload(content, channel=channel).channel
    _read(message_from_payload, click["content"], channel=channel, identity=click["identity"])
    if click["intervention"] is not None:
        assert click["intervention"]["id"] == intervention_from_payload(click["intervention"]).id


@given(
    roles=st.lists(ROLES, max_size=3, unique_by=_id), users=st.lists(USERS, max_size=3, unique_by=_id), data=st.data()
)
def test_a_directory_has_every_record_as_a_value_or_as_unreadable(
    roles: list[Payload], users: list[Payload], data: st.DataObject
) -> None:
    """No record is lost, and none ends the reading."""
    sources = data.draw(st.lists(SOURCES, max_size=2, unique_by=_id))
    directory = Directory.from_pages(
        DOMAIN, roles=_page(*roles), users=_page(*users), sources=_page(*sources), kinds=KINDS
    )
    values = [*directory.roles, *directory.agents, *directory.channels]
    left_out = [record for record in directory.unreadable if not record.in_part]

    assert len(roles) + len(users) + len(sources) == len(values) + len(left_out)
    assert len(directory.unreadable) == audit(directory).totals().unreadable
    assert all(record.faults for record in directory.unreadable)


@given(
    resources=st.lists(st.tuples(_EVENT_TYPES, _TIMES, CONTENTS | INTERVENTIONS), max_size=3),
    user_id=st.none() | _IDS,
)
def test_a_webhook_is_events_or_has_faults(resources: list[tuple[str, str, Payload]], user_id: str | None) -> None:
    """A resource has its fields in `metadata`."""
    events = [
        {"id": "e1", "type": kind, "issued_at": at, "user_id": user_id, "resource": {"id": "1", "metadata": record}}
        for kind, at, record in resources
    ]
    read = _read(read_webhook, {"domain_id": "acme", "events": events})
    if not isinstance(read, InvalidPayloadError):
        assert len(events) == len(read)
        for event in read:
            _read(intervention_after, None, event)


def _read(read: Callable[..., _T], *arguments: object, **options: object) -> _T | InvalidPayloadError:
    """Read payloads, or return the only error that readers raise."""
    try:
        return read(*arguments, **options)
    except InvalidPayloadError as error:
        return error
