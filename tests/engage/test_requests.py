"""The payloads of one click, which are read together or refused together."""

import copy
import string
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy import (
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
    RingCentralUser,
    Role,
)
from escalation_policy.engage import (
    agent_from_payload,
    channel_from_payload,
    intervention_from_payload,
    message_from_payload,
    request_from_payloads,
    role_from_payload,
)
from escalation_policy.exceptions import InvalidPayloadError

DOMAIN = Domain(id="acme", ringcentral_account_id="664287016")
ROLE = Role(id="r1", domain_id="acme", label="Video agent", permissions={Permission.ESCALATE_TO_VIDEO})
CHANNEL = Channel(id="s1", domain_id="acme", kind=ChannelKind.WHATSAPP)

CLASSIC: dict[str, Any] = {
    "user": {
        "id": "u1",
        "enabled": True,
        "role_id": "r1",
        "rc_user_id": "664307016",
        "team_ids": ["t1"],
        "email": None,
    },
    "role": {"id": "r1", "label": "Video agent", "escalate_to_video": True, "use_emoji": False},
    "source": {"id": "s1", "type": "whats_app"},
    "content": {
        "id": "c1",
        "source_id": "s1",
        "source_type": "whats_app",
        "type": "message",
        "status": "assigned",
        "created_from": "synchronizer",
        "auto_submitted": False,
        "author_id": "p1",
        "private_message": True,
        "intervention_id": "i1",
        "thread_id": "t9",
    },
    "identity": {"id": "p1", "user_ids": []},
    "intervention": {
        "id": "i1",
        "user_id": "u1",
        "closed": False,
        "closed_at": None,
        "deferred_at": None,
        "source_id": "s1",
        "thread_id": "t9",
    },
}
WEBHOOK: dict[str, Any] = CLASSIC | {
    "content": {
        "id": "c1",
        "type": "whats_app/message",
        "metadata": {
            "id": "c1",
            "source_id": "s1",
            "status": "new",
            "private": True,
            "author_id": "p1",
            "intervention_id": "i1",
            "thread_id": "t9",
        },
    },
    "intervention": {
        "id": "i1",
        "type": "intervention",
        "metadata": {"user_id": "u1", "deferred_at": None, "source_id": "s1", "thread_id": "t9"},
    },
    "event": "intervention.opened",
}
PLATFORM: dict[str, Any] = CLASSIC | {
    "content": {
        "id": "c1",
        "channelId": "s1",
        "channelType": "WhatsApp",
        "type": "Message",
        "status": "New",
        "createdFrom": "Synchronizer",
        "autoSubmitted": False,
        "authorIdentityId": "p1",
        "public": False,
        "interventionId": "i1",
        "threadId": "t9",
    },
}
SPELLINGS = pytest.mark.parametrize("payloads", [CLASSIC, WEBHOOK, PLATFORM], ids=["classic", "webhook", "platform"])

REQUEST = EscalationRequest(
    domain=DOMAIN,
    agent=Agent(
        id="u1",
        domain_id="acme",
        role=ROLE,
        enabled=True,
        ringcentral=RingCentralUser(extension_id="664307016"),
        team_ids={"t1"},
    ),
    login=Login.RINGCENTRAL_SSO,
    message=Message(id="c1", channel=CHANNEL, author=MessageAuthor.CUSTOMER, private=True, intervention_id="i1"),
    intervention=Intervention(id="i1", agent_id="u1", state=InterventionState.OPEN),
)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def read(payloads: dict[str, Any]) -> EscalationRequest:
    """Read the payloads of an agent who is logged in."""
    arguments: dict[str, Any] = {"domain": DOMAIN, "login": Login.RINGCENTRAL_SSO} | payloads
    return request_from_payloads(**arguments)


def changed(payloads: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return the payloads with one field, or one whole payload, replaced."""
    payloads = copy.deepcopy(payloads)
    *parents, name = path.split(".")
    place = payloads
    for parent in parents:
        place = place[parent]
    place[name] = value
    return payloads


def faults(payloads: dict[str, Any], **others: Any) -> list[tuple[str, str | None]]:
    """Return the path of each fault, and the kind of value there."""
    with pytest.raises(InvalidPayloadError) as caught:
        read(payloads | others)
    return [(fault.path, fault.found) for fault in caught.value.faults]


def event_with(resource: object) -> dict[str, object]:
    """Return a webhook event."""
    return {"id": "e1", "type": "intervention.opened", "user_id": "u2", "resource": resource}


def body_with(resource: object) -> dict[str, object]:
    """Return the body of a webhook with one event."""
    return {"id": "w1", "domain_id": 5, "events": [event_with(resource)]}


class TestRequestFromPayloads:
    """Payloads that belong together become one request."""

    @SPELLINGS
    def test_each_spelling_makes_the_same_request(self, payloads: dict[str, Any]) -> None:
        """From any API that the content and the intervention come from."""
        assert REQUEST == read(payloads)

    def test_an_agent_may_be_engaged_with_nobody(self) -> None:
        """The case is absent then, not unknown."""
        assert read(CLASSIC | {"intervention": None}).intervention is None

    def test_other_arguments_are_passed_on(self) -> None:
        """No payload has these facts."""
        user = RingCentralUser(extension_id="664307016", account_id="664287016")
        request = read(CLASSIC | {"ringcentral": user, "context": {"consent": True}})
        assert user == request.agent.ringcentral
        assert {"consent": True} == request.context

    def test_identity_and_deferral_are_passed_on(self) -> None:
        """The readers of content and intervention use them."""
        request = read(CLASSIC | {"identity": {"id": "p1", "user_ids": ["u2"]}, "deferred": True})
        assert MessageAuthor.AGENT is request.message.author
        assert request.intervention is not None
        assert InterventionState.DEFERRED is request.intervention.state

    def test_the_hosts_kinds_are_used_for_source_and_content(self) -> None:
        """So a post that moved between two such channels is noticed."""
        payloads = changed(changed(CLASSIC, "source.type", "our_portal"), "content.source_type", "our_portal")
        kinds = {"our_portal": ChannelKind.CHANNEL_SDK, "our_forum": ChannelKind.ANSWERS}
        assert ChannelKind.CHANNEL_SDK is read(payloads | {"kinds": kinds}).message.channel.kind
        moved = changed(payloads, "content.source_type", "our_forum") | {"kinds": kinds}
        assert [("content.source_type", "answers")] == faults(moved)


class TestPayloadsThatDoNotBelongTogether:
    """Payloads are refused if one names another payload than the one beside it."""

    # Each pair of payloads that name each other.
    @pytest.mark.parametrize(
        ("path", "value", "fault"),
        [
            ("user.role_id", "r2", ("user.role_id", "another id")),
            ("user.rc_user_id", "1", ("user.rc_user_id", "another id")),
            ("content.source_id", "s2", ("content.source_id", "another id")),
            ("content.source_type", "twitter", ("content.source_type", "twitter")),
            ("source.type", "twitter", ("content.source_type", "whats_app")),
            ("identity.id", "p2", ("identity.id", "another id")),
            ("intervention.source_id", "s2", ("intervention.source_id", "another id")),
            ("intervention.thread_id", "t8", ("intervention.thread_id", "another id")),
        ],
        ids=["role", "ringcentral", "source", "content type", "source type", "author", "case's source", "thread"],
    )
    def test_another_id_is_a_fault(self, path: str, value: str, fault: tuple[str, str]) -> None:
        """The fault names the payload that differs from the others."""
        user = RingCentralUser(extension_id="664307016")
        assert [fault] == faults(changed(CLASSIC, path, value), ringcentral=user)

    # The webhook and platform spellings name them too.
    @pytest.mark.parametrize(
        ("payloads", "path"),
        [
            (WEBHOOK, "content.metadata.source_id"),
            (WEBHOOK, "intervention.metadata.source_id"),
            (WEBHOOK, "intervention.metadata.thread_id"),
            (PLATFORM, "content.channelId"),
            (PLATFORM, "intervention.thread_id"),
        ],
        ids=[
            "webhook's source",
            "webhook case's source",
            "webhook case's thread",
            "platform's source",
            "platform's thread",
        ],
    )
    def test_another_id_is_a_fault_in_every_spelling(self, payloads: dict[str, Any], path: str) -> None:
        """The fault names the field with the id."""
        assert [(path, "another id")] == faults(changed(payloads, path, "other"))

    # A message without a thread contradicts none.
    @pytest.mark.parametrize("path", ["content.thread_id", "intervention.thread_id", "intervention.source_id"])
    def test_missing_ids_are_not_compared(self, path: str) -> None:
        """On either side."""
        assert REQUEST == read(changed(CLASSIC, path, None))

    def test_another_case_is_left_to_the_policy(self) -> None:
        """A reason of the decision says it; it is not a fault of the payloads."""
        request = read(changed(CLASSIC, "intervention.id", "i2"))
        assert request.intervention is not None
        assert "i1" == request.message.intervention_id


class TestFaultsOfAllPayloads:
    """One error has all faults of all payloads, each once, without faults that only follow from others."""

    def test_all_faults_are_reported_together(self) -> None:
        """In the order of reading, each once."""
        payloads: dict[str, Any] = {
            "user": {"role_id": "r2", "enabled": "yes", "team_ids": "t1"},
            "role": {"id": "r1", "label": 3, "escalate_to_video": 1},
            "source": {"id": "s1", "type": []},
            "content": {"id": 1.0, "source_id": "s2", "status": 1, "thread_id": True},
            "intervention": {"source_id": "s2", "closed": 0},
            "identity": "p1",
            "event": "intervention.canceled",
        }
        expected = [
            "role.escalate_to_video",
            "role.label",
            "user.role_id",
            "user.id",
            "user.enabled",
            "user.team_ids",
            "source.type",
            "identity",
            "content.source_id",
            "content.id",
            "content.status",
            "intervention.id",
            "intervention.closed",
            "event",
            "intervention.source_id",
            "content.thread_id",
        ]
        assert expected == [path for path, _ in faults(payloads)]

    # If a payload has no id, the payloads that name one have no fault.
    @pytest.mark.parametrize("path", ["role.id", "source.id", "identity.id", "content.thread_id"])
    def test_an_id_that_cannot_be_read_is_one_fault(self, path: str) -> None:
        """The fields that name it may be right."""
        assert [(path, "a bool")] == faults(changed(CLASSIC, path, True))

    # If there is no payload at all, there is only this fault.
    @pytest.mark.parametrize("name", ["user", "role", "source", "content", "identity", "intervention"])
    def test_a_payload_that_is_not_a_mapping_is_one_fault(self, name: str) -> None:
        """Its fields are not reported as missing as well."""
        assert [(name, "a list")] == faults(CLASSIC, **{name: ["x"]})

    # The resource of an event is a payload. The event has an id and a `user_id` of its own, which mean something else.
    @pytest.mark.parametrize("name", ["user", "role", "source", "content", "identity", "intervention"])
    @pytest.mark.parametrize(
        ("wrap", "problem"),
        [
            (event_with, "is a webhook event: pass its resource"),
            (
                body_with,
                "is the body of a webhook: read it with read_webhook(), and pass the resource of an event",
            ),
        ],
        ids=["event", "body"],
    )
    def test_the_envelope_of_a_webhook_is_one_fault(
        self, name: str, wrap: Callable[[object], object], problem: str
    ) -> None:
        """It says what to pass instead."""
        with pytest.raises(InvalidPayloadError) as caught:
            read(CLASSIC | {name: wrap(CLASSIC[name])})
        (fault,) = caught.value.faults
        assert f"{name} {problem}" == str(fault)
        assert ("the envelope of a webhook", "the resource of an event") == (fault.found, fault.accepted)

    # Wrong arguments are refused in the same way.
    @pytest.mark.parametrize(
        ("name", "value", "path"),
        [
            ("domain", {"id": "acme"}, "domain"),
            ("login", "ringcentral_sso", "EscalationRequest.login"),
            ("context", {"consent": None}, "EscalationRequest.context"),
            ("ringcentral", {"id": 664307016}, "ringcentral"),
            ("kinds", [], "kinds"),
        ],
        ids=["domain", "login", "context", "ringcentral", "kinds"],
    )
    def test_arguments_are_checked_too(self, name: str, value: object, path: str) -> None:
        """The faults name them as arguments or as fields of the request."""
        assert [path] == [fault_path for fault_path, _ in faults(CLASSIC, **{name: value})]

    def test_arguments_and_payloads_are_refused_together(self) -> None:
        """The faults of the arguments come last."""
        actual = faults(changed(CLASSIC, "user.enabled", None), login="password")
        assert [("user.enabled", "None"), ("EscalationRequest.login", "a str")] == actual


def places(payloads: dict[str, Any]) -> list[str]:
    """Yield the path of every payload and field."""
    paths: list[str] = []
    todo = [(name, payloads[name]) for name in payloads]
    while todo:
        path, value = todo.pop()
        paths.append(path)
        if isinstance(value, dict):
            todo += [(f"{path}.{name}", value[name]) for name in value]  # pyright: ignore[reportUnknownVariableType]
    return sorted(paths)


def error_of(reader: Callable[[], object]) -> InvalidPayloadError | None:
    """Return the error of a reader, or None. Any other error fails the test."""
    try:
        reader()
    except InvalidPayloadError as error:
        return error
    return None


class TestAnyJson:
    """For any JSON in any place, a reader returns a value or raises the one error, and no text leaks."""

    @pytest.mark.parametrize(
        "reader",
        [
            partial(role_from_payload, domain_id="acme"),
            partial(agent_from_payload, domain_id="acme", role=ROLE),
            partial(channel_from_payload, domain_id="acme"),
            partial(message_from_payload, channel=CHANNEL),
            intervention_from_payload,
        ],
        ids=["role", "agent", "channel", "message", "intervention"],
    )
    @given(payload=JSON)
    def test_any_json_is_read_or_refused(self, reader: Callable[[Any], object], payload: Any) -> None:
        """As a whole payload."""
        error = error_of(lambda: reader(payload))
        assert error is None or error.faults

    @SPELLINGS
    @given(data=st.data(), value=JSON)
    def test_any_json_in_any_place_is_read_or_refused(
        self, payloads: dict[str, Any], data: st.DataObject, value: Any
    ) -> None:
        """As any payload or field of a request that is otherwise right."""
        path = data.draw(st.sampled_from(places(payloads)))
        error = error_of(lambda: read(changed(payloads, path, value)))
        assert error is None or all(fault.path and fault.found and fault.accepted for fault in error.faults)

    @given(value=JSON.filter(lambda value: value is not True))
    def test_only_true_grants(self, value: Any) -> None:
        """False does not grant, and other values are refused."""
        try:
            role = role_from_payload({"id": "r1", "label": "x", "escalate_to_video": value}, domain_id="acme")
        except InvalidPayloadError:
            assert value is not False
        else:
            assert frozenset() == role.permissions

    @given(data=st.data(), letters=st.text(string.ascii_letters, min_size=1, max_size=9))
    def test_words_do_not_leak(self, data: st.DataObject, letters: str) -> None:
        """Neither values nor the keys in them."""
        secret = f"~{letters}~"
        enumerated = ("event", "content.source_type", "content.type", "source.type")
        paths = [path for path in places(CLASSIC) if "." in path and path not in enumerated]
        path = data.draw(st.sampled_from(paths))
        value = data.draw(st.sampled_from([secret, [secret], {secret: secret}]))
        error = error_of(lambda: read(changed(CLASSIC, path, value)))
        assert secret not in f"{error} {error!r}"
