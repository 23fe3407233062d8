"""A link that is not for everybody must be sent privately, on every kind of channel."""

from typing import Final

import pytest

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind
from escalation_policy.testing import a_request
from escalation_policy.video import InMemoryCallLedger, InMemoryVideoProvider, escalate

#: Kinds of channels that have only private messages. An answer to them is private without a flag.
PRIVATE_KINDS: Final = frozenset(
    {
        ChannelKind.APPLE_BUSINESS_CHAT,
        ChannelKind.CHAT,
        ChannelKind.DIGITAL_SMS,
        ChannelKind.EMAIL,
        ChannelKind.ENGAGE_MESSAGING,
        ChannelKind.GOOGLE_BUSINESS_MESSAGES,
        ChannelKind.INSTAGRAM_MESSAGING,
        ChannelKind.MESSENGER,
        ChannelKind.VIBER,
        ChannelKind.WHATSAPP,
    }
)


def reply_privately(kind: ChannelKind, private: bool | None) -> bool:  # noqa: FBT001
    """Return whether the link must be sent privately, if the call is allowed."""
    request = a_request(channel=kind, private=private)
    policy = ESCALATE_TO_VIDEO.without("channel_supported", "twitter_private")
    escalation = escalate(request, provider=InMemoryVideoProvider(), ledger=InMemoryCallLedger(), policy=policy)
    assert escalation.call is not None
    return escalation.reply_privately


@pytest.mark.parametrize("kind", ChannelKind, ids=str)
class TestReplyPrivately:
    """`Escalation.reply_privately`."""

    def test_a_private_message_gets_a_private_reply(self, kind: ChannelKind) -> None:
        """That holds on every kind of channel."""
        assert reply_privately(kind, True)

    def test_an_unknown_message_gets_a_private_reply_if_public_messages_exist(self, kind: ChannelKind) -> None:
        """On any channel that could have public messages, a link must not be posted by mistake."""
        assert (kind not in PRIVATE_KINDS) is reply_privately(kind, None)

    def test_a_public_message_gets_a_public_reply_except_on_twitter(self, kind: ChannelKind) -> None:
        """The product page allows calls on Twitter only for private messages."""
        assert (kind is ChannelKind.TWITTER) is reply_privately(kind, False)
