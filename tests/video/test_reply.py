"""The reply that carries the link to the customer."""

from typing import Any

import pytest

from escalation_policy import ChannelKind, Login
from escalation_policy.exceptions import InvalidValueError
from escalation_policy.testing import a_request
from escalation_policy.video import Escalation, InMemoryCallLedger, InMemoryVideoProvider, escalate, reply_payload

TEXT = "Your call: {link}"


def escalated(**changes: Any) -> Escalation:
    """Click on a message."""
    return escalate(a_request(**changes), provider=InMemoryVideoProvider(), ledger=InMemoryCallLedger())


class TestReplyPayload:
    """`reply_payload()`: the parameters of `POST /contents`."""

    def test_a_private_message_is_answered_privately(self) -> None:
        """The API takes the flag as a text, and posts publicly by default."""
        escalation = escalated(message_id="c7", channel=ChannelKind.TWITTER, private=True)
        expected = {
            "body": f"Your call: {escalation.call and escalation.call.join_url}",
            "in_reply_to_id": "c7",
            "private": "true",
        }
        assert expected == reply_payload(escalation, text=TEXT)

    def test_other_messages_are_not_marked(self) -> None:
        """Not every channel supports the parameter."""
        escalation = escalated(channel=ChannelKind.CHANNEL_SDK, private=False)
        assert {"body", "in_reply_to_id"} == reply_payload(escalation, text=TEXT).keys()

    @pytest.mark.parametrize(
        "text",
        ["{link}", "{{link}}", "100 % {of} it: {link}!", "\\g<0> {link} {0}", "{link.__class__} {link}"],
        ids=ascii,
    )
    def test_only_the_place_of_the_link_is_replaced(self, text: str) -> None:
        """A text is no template: nothing else in it is looked up."""
        escalation = escalated()
        assert escalation.call is not None
        before, after = text.split("{link}")
        assert f"{before}{escalation.call.join_url}{after}" == reply_payload(escalation, text=text)["body"]

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("Your call", "text must be a text with {link} exactly once, got a text with it 0 times"),
            ("{link} {link}", "text must be a text with {link} exactly once, got a text with it 2 times"),
            ("", "text must be a non-empty str, got an empty str"),
            (b"{link}", "text must be a non-empty str, got a bytes"),
        ],
        ids=["none", "twice", "empty", "bytes"],
    )
    def test_a_text_has_one_place_for_the_link(self, text: Any, fault: str) -> None:
        """A reply without the link would not be noticed."""
        with pytest.raises(InvalidValueError) as caught:
            reply_payload(escalated(), text=text)
        assert fault == str(caught.value)

    def test_a_denied_escalation_has_no_link(self) -> None:
        """No customer is promised a call that does not exist."""
        with pytest.raises(InvalidValueError, match=r"^escalation was denied, so there is no link to send$"):
            reply_payload(escalated(login=Login.PASSWORD), text=TEXT)

    def test_a_decision_is_not_an_escalation(self) -> None:
        """It has no call."""
        wrong: Any = escalated().decision
        with pytest.raises(InvalidValueError, match=r"^escalation must be an Escalation, got a Decision$"):
            reply_payload(wrong, text=TEXT)
