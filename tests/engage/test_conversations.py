"""Channels, messages and cases, read from the payloads Source, Content, Identity and Intervention."""

from typing import Any

import pytest

from escalation_policy import (
    Channel,
    ChannelKind,
    Intervention,
    InterventionState,
    Message,
    MessageAuthor,
)
from escalation_policy.engage import channel_from_payload, intervention_from_payload, message_from_payload
from escalation_policy.exceptions import Fault, InvalidPayloadError

MESSENGER = Channel(id="s1", domain_id="acme", kind=ChannelKind.MESSENGER)
TWITTER = Channel(id="s1", domain_id="acme", kind=ChannelKind.TWITTER)

# Fields that mark a message as automatic, in both spellings.
AUTOMATA = pytest.mark.parametrize(
    "automatic",
    [
        *({"created_from": key} for key in ("auto_survey", "auto_response_trigger", "auto_request_email")),
        *({"createdFrom": key} for key in ("AutoSurvey", "AutoResponseTrigger", "AutoRequestEmail")),
        *({key: True} for key in ("auto_submitted", "autoSubmitted")),
    ],
    ids=str,
)


def classic(**changes: Any) -> dict[str, Any]:
    """Return a Content of the REST API: a customer's private message."""
    return {
        "id": "c1",
        "source_id": "s1",
        "source_type": "messenger",
        "type": "message",
        "status": "assigned",
        "created_from": "synchronizer",
        "author_id": "p1",
        "private_message": True,
        "intervention_id": "i1",
        "thread_id": "t1",
        "body": "my card is 4111",
    } | changes


def resource(prefix: str = "messenger/message", **changes: Any) -> dict[str, Any]:
    """Return the same message as the resource of a webhook event."""
    metadata = {
        "source_id": "s1",
        "status": "assigned",
        "created_from": "synchronizer",
        "author_id": "p1",
        "private": True,
        "intervention_id": "i1",
        "thread_id": "t1",
    }
    return {"id": "c1", "type": prefix, "metadata": metadata | changes}


def platform(**changes: Any) -> dict[str, Any]:
    """Return the same message as a Content of the platform API."""
    return {
        "id": "c1",
        "sourceId": "s1",
        "sourceType": "Messenger",
        "type": "Message",
        "status": "Assigned",
        "createdFrom": "Synchronizer",
        "autoSubmitted": False,
        "authorIdentityId": "p1",
        "public": False,
        "interventionId": "i1",
        "threadId": "t1",
    } | changes


def faults_of_content(payload: Any, **others: Any) -> list[tuple[str, str | None]]:
    """Return the path of each fault of a message on `MESSENGER`, and the kind of value there."""
    with pytest.raises(InvalidPayloadError) as caught:
        message_from_payload(payload, channel=MESSENGER, **others)
    return [(fault.path, fault.found) for fault in caught.value.faults]


class TestChannelFromPayload:
    """The type of a Source is read in every spelling, and an unknown type is unknown."""

    # The keys of the REST API.
    @pytest.mark.parametrize("kind", ChannelKind, ids=str)
    def test_every_key_is_read(self, kind: ChannelKind) -> None:
        """The kinds are named after these keys."""
        channel = channel_from_payload({"id": 5, "type": kind.value}, domain_id="acme")
        assert Channel(id="5", domain_id="acme", kind=kind) == channel

    # Three APIs, three spellings.
    @pytest.mark.parametrize(
        ("spelling", "kind"),
        [
            ("whats_app", ChannelKind.WHATSAPP),
            ("whatsapp", ChannelKind.WHATSAPP),
            ("WhatsApp", ChannelKind.WHATSAPP),
            ("whats_app/message", ChannelKind.WHATSAPP),
            ("AppleMessagesForBusiness", ChannelKind.APPLE_BUSINESS_CHAT),
            ("apple_business_chat/form_response", ChannelKind.APPLE_BUSINESS_CHAT),
            ("answers/private_message", ChannelKind.ANSWERS),
            ("Email", ChannelKind.EMAIL),
            ("emails", ChannelKind.EMAIL),
            ("emails/email", ChannelKind.EMAIL),
            ("twtr", ChannelKind.TWITTER),
            ("twtr/tweet", ChannelKind.TWITTER),
            ("twtr/private_tweet", ChannelKind.TWITTER),
            ("EngageMessaging", ChannelKind.ENGAGE_MESSAGING),
            ("Facebook", ChannelKind.FACEBOOK),
            ("GoogleBusinessMessages", ChannelKind.GOOGLE_BUSINESS_MESSAGES),
            ("GoogleMyBusiness", ChannelKind.GOOGLE_MY_BUSINESS),
            ("Instagram", ChannelKind.INSTAGRAM),
            ("InstagramMessaging", ChannelKind.INSTAGRAM_MESSAGING),
            ("Linkedin", ChannelKind.LINKEDIN),
            ("Messenger", ChannelKind.MESSENGER),
            ("Twitter", ChannelKind.TWITTER),
            ("TwitterSearch", ChannelKind.TWITTER_SEARCH),
            ("Viber", ChannelKind.VIBER),
            ("Youtube", ChannelKind.YOUTUBE),
        ],
    )
    def test_every_spelling_is_read(self, spelling: str, kind: ChannelKind) -> None:
        """Underscores, capitals and the part after a slash do not matter."""
        assert kind is channel_from_payload({"id": "s1", "type": spelling}, domain_id="acme").kind

    # RingCX's own channels, other vendors' SMS, display names and content types are not known sources.
    @pytest.mark.parametrize(
        "spelling",
        [
            *("SMS", "CHAT", "WEB_CHAT", "EMAIL", "VOICE", "VOICEMAIL", "LEGACY", "DEFAULT"),
            *("sms", "web_chat", "nexmo", "default", "mobile_messaging", "apple", "Facebook Messenger"),
            *("message/whats_app", "/viber", "whats-app", "", "  "),
        ],
    )
    def test_other_types_are_unknown(self, spelling: str) -> None:
        """None of them counts as a channel with a similar name."""
        assert ChannelKind.UNKNOWN is channel_from_payload({"id": "s1", "type": spelling}, domain_id="acme").kind

    # The type may be missing.
    @pytest.mark.parametrize("payload", [{"id": "s1"}, {"id": "s1", "type": None}], ids=["missing", "null"])
    def test_a_missing_type_is_unknown(self, payload: dict[str, Any]) -> None:
        """The API requires only the id."""
        assert ChannelKind.UNKNOWN is channel_from_payload(payload, domain_id="acme").kind

    # A host names the types of its domain exactly as the payloads spell them.
    @pytest.mark.parametrize(
        ("spelling", "kind"),
        [
            ("acme_portal", ChannelKind.CHANNEL_SDK),
            ("acme_portal/question", ChannelKind.CHANNEL_SDK),
            ("SMS", ChannelKind.DIGITAL_SMS),
            ("AcmePortal", ChannelKind.UNKNOWN),
            ("email", ChannelKind.EMAIL),
        ],
        ids=["own", "own with content type", "capitals", "another spelling", "not redefined"],
    )
    def test_hosts_name_their_own_types(self, spelling: str, kind: ChannelKind) -> None:
        """A mistake in the mapping cannot turn e-mail into Viber."""
        kinds = {
            "acme_portal": ChannelKind.CHANNEL_SDK,
            "SMS": ChannelKind.DIGITAL_SMS,
            "email": ChannelKind.VIBER,
        }
        assert kind is channel_from_payload({"id": "s1", "type": spelling}, domain_id="acme", kinds=kinds).kind

    # Arguments are checked too.
    @pytest.mark.parametrize("kinds", [["acme"], {"acme": "viber"}, {"acme": None}], ids=["list", "key", "null"])
    def test_kinds_map_types_to_members(self, kinds: Any) -> None:
        """A wrong mapping is refused like a wrong payload."""
        with pytest.raises(InvalidPayloadError):
            channel_from_payload({"id": "s1", "type": "acme"}, domain_id="acme", kinds=kinds)

    def test_all_faults_are_reported_together(self) -> None:
        """In the order of reading."""
        with pytest.raises(InvalidPayloadError) as caught:
            channel_from_payload({"type": 3}, domain_id="acme")
        assert [("source.type", "an int"), ("source.id", "nothing")] == [
            (fault.path, fault.found) for fault in caught.value.faults
        ]


class TestMessageFromPayload:
    """A message has the same value in each of its three spellings."""

    @pytest.mark.parametrize("payload", [classic(), resource(), platform()], ids=["classic", "webhook", "platform"])
    def test_each_spelling_gives_the_same_message(self, payload: dict[str, Any]) -> None:
        """REST API, webhook and platform API."""
        expected = Message(
            id="c1", channel=MESSENGER, author=MessageAuthor.CUSTOMER, private=True, intervention_id="i1"
        )
        assert expected == message_from_payload(payload, channel=MESSENGER)

    # Webhooks are documented to send integers, to repeat the id, and to need no metadata.
    @pytest.mark.parametrize(
        "payload",
        [
            {"id": 12, "type": "message"},
            {"id": 12, "type": "messenger/message", "metadata": None},
            {"id": 12, "type": "messenger/message", "metadata": {"id": "12"}},
        ],
        ids=["bare type", "null metadata", "id twice"],
    )
    def test_missing_fields_are_unknown(self, payload: dict[str, Any]) -> None:
        """Only the id is required."""
        expected = Message(id="12", channel=MESSENGER, author=MessageAuthor.UNKNOWN)
        assert expected == message_from_payload(payload, channel=MESSENGER)

    # Null, missing and blank fields are unknown.
    @pytest.mark.parametrize("value", [None, "", " "], ids=["null", "empty", "blank"])
    def test_a_missing_intervention_is_unknown(self, value: object) -> None:
        """It is not absent."""
        assert message_from_payload(classic(intervention_id=value), channel=MESSENGER).intervention_id is None

    def test_the_id_is_required(self) -> None:
        """Nothing else identifies a message."""
        assert [("content.id", "nothing")] == faults_of_content({"metadata": {}})

    def test_metadata_is_a_mapping(self) -> None:
        """The fields of the content itself are still read."""
        assert [("content.metadata", "an empty list")] == faults_of_content({"id": "c1", "metadata": []})

    def test_two_spellings_that_differ_are_a_fault(self) -> None:
        """Neither of them counts."""
        faults = faults_of_content(resource(id="c2", status="new") | {"status": "user_reply"})
        assert [("content.metadata.id", "another value"), ("content.metadata.status", "another value")] == faults

    def test_no_string_of_a_payload_is_shown(self) -> None:
        """A message shows the type of a wrong value, and the kind of a wrong channel, which is a word of the library."""
        faults = faults_of_content(classic(id=["4111"], status=["4111"], source_type="viber\x1b[2J", type="viber/4111"))
        expected = [("content.type", "viber"), ("content.id", "a list"), ("content.status", "a list")]
        assert expected == faults

    def test_a_source_is_not_a_channel(self) -> None:
        """The reader needs the value, which was checked."""
        payload: Any = {"id": "s1"}
        with pytest.raises(InvalidPayloadError, match=r"^channel must be a Channel, got a dict$"):
            message_from_payload(classic(), channel=payload)


class TestPrivate:
    """Two APIs have a private flag, one has a public flag, and a missing flag means neither."""

    @pytest.mark.parametrize(
        ("flags", "private"),
        [
            ({"private_message": True}, True),
            ({"private_message": False}, False),
            ({"private": True}, True),
            ({"private": False}, False),
            ({"public": False}, True),
            ({"public": True}, False),
            ({"public": None}, None),
            ({"private_message": None}, None),
            ({}, None),
            ({"type": "private_tweet"}, None),
            ({"private": True, "public": False}, True),
        ],
        ids=str,
    )
    def test_the_flag_is_read(self, flags: dict[str, Any], private: object) -> None:
        """It is never inferred from the content's type."""
        assert private is message_from_payload({"id": "c1", **flags}, channel=TWITTER).private

    # A flag that contradicts another one, or is not a bool.
    @pytest.mark.parametrize(
        ("flags", "fault"),
        [
            ({"private": True, "public": True}, ("content.public", "the same value")),
            ({"private": True, "private_message": False}, ("content.private", "another value")),
            ({"private": "true"}, ("content.private", "a str")),
            ({"private_message": ""}, ("content.private_message", "an empty str")),
            ({"public": 0}, ("content.public", "an int")),
        ],
        ids=str,
    )
    def test_other_flags_are_faults(self, flags: dict[str, Any], fault: tuple[str, str]) -> None:
        """If two flags contradict each other, neither counts."""
        assert [fault] == faults_of_content({"id": "c1", **flags})


class TestAuthor:
    """The status says who wrote a message. Automatic messages and company identities are not the customer."""

    # The documented states, as both APIs spell them.
    @pytest.mark.parametrize(
        ("status", "author"),
        [
            *[(status, MessageAuthor.CUSTOMER) for status in ("new", "assigned", "forwarded", "replied", "ignored")],
            *[(status, MessageAuthor.CUSTOMER) for status in ("New", "Assigned", "Replied", "Ignored")],
            *[
                (status, MessageAuthor.AGENT)
                for status in ("user_reply", "UserReply", "user_initiated", "UserInitiated")
            ],
            *[(status, MessageAuthor.UNKNOWN) for status in ("Nouveau", "Agent reply", "draft", "", None)],
        ],
        ids=str,
    )
    def test_the_status_decides(self, status: object, author: MessageAuthor) -> None:
        """Exports translate it; a translated status is unknown."""
        assert author is message_from_payload(classic(status=status), channel=MESSENGER).author

    # The synchronizer is not the author.
    @pytest.mark.parametrize("creator_id", ["u1", None], ids=["creator", "no creator"])
    @pytest.mark.parametrize("created_from", ["synchronizer", "something_new", None], ids=str)
    @pytest.mark.parametrize(
        ("status", "author"),
        [("new", MessageAuthor.CUSTOMER), ("user_reply", MessageAuthor.AGENT)],
        ids=["new", "reply"],
    )
    def test_who_synchronized_it_does_not_matter(
        self, creator_id: object, created_from: object, status: str, author: MessageAuthor
    ) -> None:
        """The company's own posts are synchronized too."""
        payload = classic(status=status, created_from=created_from, creator_id=creator_id)
        assert author is message_from_payload(payload, channel=MESSENGER).author

    # The interface and the API are tools of the company. A customer uses neither, unless nobody is named as the creator.
    @pytest.mark.parametrize("created_from", ["interface", "Interface", "api", "Api"])
    @pytest.mark.parametrize(
        ("fields", "author"),
        [
            ({"status": "new", "creator_id": "u1"}, MessageAuthor.UNKNOWN),
            ({"status": "replied", "creatorId": 17}, MessageAuthor.UNKNOWN),
            ({"status": "ignored", "metadata": {"creator_id": "u1"}}, MessageAuthor.UNKNOWN),
            ({"status": "new", "creator_id": None}, MessageAuthor.CUSTOMER),
            ({"status": "new", "creator_id": " "}, MessageAuthor.CUSTOMER),
            ({"status": "user_reply", "creator_id": "u1"}, MessageAuthor.AGENT),
            ({"status": "draft", "creator_id": "u1"}, MessageAuthor.UNKNOWN),
        ],
        ids=["new", "platform", "metadata", "no creator", "blank creator", "agent", "unknown"],
    )
    def test_a_message_that_a_user_created_is_not_known_to_be_a_customers(
        self, created_from: str, fields: dict[str, Any], author: MessageAuthor
    ) -> None:
        """The status says one thing, the origin and the creator another."""
        payload = {"id": "c1", "created_from": created_from} | fields
        assert author is message_from_payload(payload, channel=MESSENGER).author

    # Surveys and automatic responses are automatic, regardless of their status.
    @AUTOMATA
    @pytest.mark.parametrize("status", ["new", "user_reply", "user_initiated", "ignored", None], ids=str)
    def test_automatic_messages_are_automatic(self, automatic: dict[str, Any], status: object) -> None:
        """Even a survey that was sent as an agent's reply."""
        message = message_from_payload({"id": "c1", "status": status, **automatic}, channel=MESSENGER)
        assert MessageAuthor.AUTOMATIC is message.author

    # The customer pressed a button for it, so only its form is automatic.
    @AUTOMATA
    @pytest.mark.parametrize(
        "kind", ["video_call_request_message", "VideoCallRequestMessage", "messenger/video_call_request_message"]
    )
    @pytest.mark.parametrize(
        ("status", "author"),
        [
            ("new", MessageAuthor.CUSTOMER),
            ("Assigned", MessageAuthor.CUSTOMER),
            ("user_reply", MessageAuthor.AGENT),
            ("UserInitiated", MessageAuthor.AGENT),
            (None, MessageAuthor.UNKNOWN),
        ],
        ids=str,
    )
    def test_the_status_decides_who_wrote_a_video_call_request(
        self, automatic: dict[str, Any], kind: str, status: object, author: MessageAuthor
    ) -> None:
        """It is not a response to a survey, but exactly the request that the policy decides."""
        payload = {"id": "c1", "type": kind, "status": status, **automatic}
        assert author is message_from_payload(payload, channel=MESSENGER).author

    def test_both_types_must_be_a_video_call_request(self) -> None:
        """The type of a resource and the type in its metadata."""
        payload = resource("video_call_request_message", type="message", auto_submitted=True)
        assert MessageAuthor.AUTOMATIC is message_from_payload(payload, channel=MESSENGER).author

    # An identity that users of the domain control writes for the company.
    @pytest.mark.parametrize("key", ["user_ids", "userIds"])
    @pytest.mark.parametrize(
        ("users", "author"),
        [(["u1"], MessageAuthor.AGENT), ([], MessageAuthor.CUSTOMER), (None, MessageAuthor.CUSTOMER)],
        ids=["controlled", "free", "missing"],
    )
    @pytest.mark.parametrize("payload", [classic(), resource(), platform()], ids=["classic", "webhook", "platform"])
    def test_a_controlled_identity_is_the_agents(
        self, payload: dict[str, Any], users: object, key: str, author: MessageAuthor
    ) -> None:
        """The company's own post can have any status."""
        message = message_from_payload(payload, channel=MESSENGER, identity={"id": "p1", key: users})
        assert author is message.author

    def test_a_video_call_request_of_a_controlled_identity_is_the_agents(self) -> None:
        """Only a customer requests a call."""
        payload = classic(type="video_call_request_message", auto_submitted=True)
        message = message_from_payload(payload, channel=MESSENGER, identity={"id": "p1", "user_ids": ["u1"]})
        assert MessageAuthor.AGENT is message.author

    # An identity must be the author's, and well formed.
    @pytest.mark.parametrize(
        ("identity", "fault"),
        [
            ({"id": "p2"}, ("identity.id", "another id")),
            ({}, ("identity.id", "nothing")),
            ([], ("identity", "an empty list")),
            ({"id": "p1", "user_ids": "u1"}, ("identity.user_ids", "a str")),
            ({"id": "p1", "user_ids": [None]}, ("identity.user_ids[0]", "None")),
        ],
        ids=["another's", "no id", "no payload", "no list", "no ids"],
    )
    def test_another_identity_is_a_fault(self, identity: Any, fault: tuple[str, str]) -> None:
        """It would say nothing about this author."""
        assert [fault] == faults_of_content(classic(), identity=identity)

    def test_an_identity_counts_if_the_content_names_no_author(self) -> None:
        """There is nothing to compare it with."""
        message = message_from_payload({"id": "c1", "status": "new"}, channel=MESSENGER, identity={"id": "p1"})
        assert MessageAuthor.CUSTOMER is message.author

    # All fields that are read are read strictly.
    @pytest.mark.parametrize(
        "change",
        [{"status": 3}, {"created_from": ["api"]}, {"auto_submitted": "true"}, {"type": {}}, {"status": True}],
        ids=str,
    )
    def test_fields_of_another_type_are_faults(self, change: dict[str, Any]) -> None:
        """They are not converted to text."""
        assert [f"content.{key}" for key in change] == [path for path, _ in faults_of_content(classic(**change))]


class TestBelongsToChannel:
    """A message that names another channel was moved, and is refused."""

    # Under every name of the source id and of its type.
    @pytest.mark.parametrize(
        ("payload", "fault"),
        [
            (classic(source_id="s2"), ("content.source_id", "another id")),
            (resource(source_id="s2"), ("content.metadata.source_id", "another id")),
            (platform(sourceId="s2"), ("content.sourceId", "another id")),
            (platform(channelId=2), ("content.channelId", "another id")),
            (classic(source_id=False), ("content.source_id", "a bool")),
            (classic(source_type="twitter_search"), ("content.source_type", "twitter_search")),
            (resource(source_type="facebook"), ("content.metadata.source_type", "facebook")),
            (resource("facebook/message"), ("content.type", "facebook")),
            (platform(sourceType="Facebook"), ("content.sourceType", "facebook")),
            (platform(channelType="Facebook"), ("content.channelType", "facebook")),
        ],
        ids=[
            *("source_id", "metadata.source_id", "sourceId", "channelId", "no id"),
            *("source_type", "metadata.source_type", "prefix", "sourceType", "channelType"),
        ],
    )
    def test_another_channel_is_a_fault(self, payload: dict[str, Any], fault: tuple[str, str]) -> None:
        """A post is moved if somebody finds that its channel is wrong."""
        assert [fault] == faults_of_content(payload)

    # An unknown type does not prove that the channel is another one.
    @pytest.mark.parametrize(
        "payload", [classic(source_type="acme"), resource("acme/message"), classic(type="email")], ids=str
    )
    def test_an_unknown_type_contradicts_nothing(self, payload: dict[str, Any]) -> None:
        """The channel's id still has to be the same."""
        assert MESSENGER == message_from_payload(payload, channel=MESSENGER).channel

    def test_no_type_contradicts_an_unknown_channel(self) -> None:
        """Nothing is allowed on it anyway."""
        channel = Channel(id="s1", domain_id="acme", kind=ChannelKind.UNKNOWN)
        assert channel == message_from_payload(classic(), channel=channel).channel


class TestInterventionFromPayload:
    """`closed` decides, dates do not, and a case that contradicts itself is not open."""

    def test_a_payload_becomes_an_intervention(self) -> None:
        """All fields of the value are read."""
        expected = Intervention(id="i1", agent_id="7", state=InterventionState.OPEN)
        assert expected == intervention_from_payload({"id": "i1", "user_id": 7, "closed": False})

    def test_a_resource_becomes_an_intervention(self) -> None:
        """It has no closed flag: the event says it."""
        payload = {"id": "i1", "type": "intervention", "metadata": {"user_id": "u1", "deferred_at": None}}
        expected = Intervention(id="i1", agent_id="u1", state=InterventionState.OPEN)
        assert expected == intervention_from_payload(payload, event="intervention.opened")

    # Each way to say that it is assigned to nobody.
    @pytest.mark.parametrize("payload", [{}, {"user_id": None}, {"user_id": ""}], ids=["missing", "null", "blank"])
    def test_an_intervention_may_be_unassigned(self, payload: dict[str, Any]) -> None:
        """Then it is not this agent's either."""
        assert intervention_from_payload({"id": "i1", **payload}).agent_id is None

    # The status is localized, and the closing date is the date of the last reply.
    @pytest.mark.parametrize(
        "noise", [{"status": "Fermée"}, {"closed_at": "2024-02-01T09:00:00Z"}, {"status": 4}], ids=str
    )
    @pytest.mark.parametrize(
        ("closed", "state"), [(False, InterventionState.OPEN), (True, InterventionState.CLOSED)], ids=["open", "closed"]
    )
    def test_closed_decides(self, closed: object, state: InterventionState, noise: dict[str, Any]) -> None:
        """Regardless of the other fields."""
        assert state is intervention_from_payload({"id": "i1", "closed": closed, **noise}).state

    DATE = "2024-02-01T09:00:00Z"

    # Every combination of facts, and the state that follows.
    @pytest.mark.parametrize(
        ("closed", "date", "event", "deferred", "state"),
        [
            # Nothing says whether it is closed.
            (None, None, None, None, InterventionState.UNKNOWN),
            (None, None, None, False, InterventionState.UNKNOWN),
            (None, None, None, True, InterventionState.UNKNOWN),
            (None, None, "assigned", None, InterventionState.UNKNOWN),
            (None, None, "custom_fields_updated", None, InterventionState.UNKNOWN),
            (None, None, "recategorized", False, InterventionState.UNKNOWN),
            (None, None, "user_updated", None, InterventionState.UNKNOWN),
            # The event says it.
            (None, None, "opened", None, InterventionState.OPEN),
            (None, DATE, "reopened", None, InterventionState.OPEN),
            (None, DATE, "reactivated", None, InterventionState.OPEN),
            (None, DATE, "deferred", None, InterventionState.DEFERRED),
            (None, DATE, "closed", None, InterventionState.CLOSED),
            # The payload says it, except for a date.
            (False, None, None, None, InterventionState.OPEN),
            (False, " ", None, None, InterventionState.OPEN),
            (False, DATE, None, None, InterventionState.UNKNOWN),
            (False, DATE, "assigned", None, InterventionState.UNKNOWN),
            (False, DATE, "reactivated", None, InterventionState.OPEN),
            (False, DATE, None, False, InterventionState.OPEN),
            (False, DATE, None, True, InterventionState.DEFERRED),
            (False, None, None, True, InterventionState.DEFERRED),
            (True, DATE, None, False, InterventionState.CLOSED),
            # They contradict each other: the case is not open.
            (True, None, "opened", False, InterventionState.CLOSED),
            (True, None, "deferred", True, InterventionState.CLOSED),
            (False, None, "closed", False, InterventionState.CLOSED),
            (False, None, "deferred", False, InterventionState.DEFERRED),
            (None, None, "opened", True, InterventionState.DEFERRED),
            (False, None, "reactivated", True, InterventionState.DEFERRED),
        ],
        ids=str,
    )
    def test_the_state_is_open_only_if_all_facts_agree(
        self,
        closed: object,
        date: object,
        event: str | None,
        deferred: Any,
        state: InterventionState,
    ) -> None:
        """In the payload itself and in its metadata."""
        name = event and f"intervention.{event}"
        flat = {"id": "i1", "closed": closed, "deferred_at": date}
        nested = {"id": "i1", "closed": closed, "metadata": {"deferred_at": date}}
        assert state is intervention_from_payload(flat, event=name, deferred=deferred).state
        assert state is intervention_from_payload(nested, event=name, deferred=deferred).state

    # Only events after which the case still exists, in their exact spelling.
    @pytest.mark.parametrize(
        ("event", "actual"),
        [
            ("intervention.canceled", "a str"),
            ("content.imported", "a str"),
            ("opened", "a str"),
            ("", "an empty str"),
            ("\x1b]0;x\x07", "a str"),
            ("ada@example.com", "a str"),
            (["intervention.opened"], "a list"),
            (True, "a bool"),
        ],
        ids=["canceled", "of a content", "no prefix", "empty", "escape sequence", "address", "list", "bool"],
    )
    def test_any_other_event_is_a_fault(self, event: Any, actual: str) -> None:
        """After a cancellation there is no case."""
        with pytest.raises(InvalidPayloadError) as caught:
            intervention_from_payload({"id": "i1", "closed": False}, event=event)
        assert [("event", actual)] == [(fault.path, fault.found) for fault in caught.value.faults]
        accepted = caught.value.faults[0].accepted or ""
        assert "intervention.reactivated" in accepted
        assert "intervention.canceled" not in accepted

    # All fields that are read are read strictly, and faults are reported together.
    @pytest.mark.parametrize("value", [0, "false", []], ids=str)
    def test_other_fields_are_faults(self, value: Any) -> None:
        """A date is a text, and a flag is a bool."""
        payload = {"user_id": 1.5, "closed": value, "deferred_at": False}
        with pytest.raises(InvalidPayloadError) as caught:
            intervention_from_payload(payload, deferred=value)
        expected = [
            "intervention.id",
            "intervention.user_id",
            "intervention.closed",
            "intervention.deferred_at",
            "deferred",
        ]
        assert expected == [fault.path for fault in caught.value.faults]

    def test_a_fault_says_what_is_accepted(self) -> None:
        """As data and in words."""
        with pytest.raises(InvalidPayloadError) as caught:
            intervention_from_payload({"id": "i1", "closed": "no"})
        assert (Fault.mismatch("intervention.closed", "a str", "true or false"),) == caught.value.faults
        assert "intervention.closed must be true or false, got a str" == str(caught.value)
