"""The reply that carries the link to the customer."""

from typing import Final

from .._fields import check_types, require
from ..exceptions import Fault, InvalidValueError
from ._click import Escalation

_PLACE: Final = "{link}"


def reply_payload(escalation: Escalation, *, text: str) -> dict[str, str]:
    """Return the parameters of `POST /contents` for the reply that carries the link of a call.

    The API's specification puts them in the query, where the link would stand in access logs: send them as the form of the
    body. Without `author_id`, the user of the token is the author, so use the agent's token, or add `impersonated_user_id`.

    Args:
        escalation: The result of the click. It must have a call.
        text: What to write to the customer, with `{link}` exactly once. The link takes its place; nothing else is replaced.

    Returns:
        `body`, `in_reply_to_id` and, if the reply must be private, `private`.

    Raises:
        InvalidValueError: The click was denied, or the text does not have `{link}` exactly once.
    """
    check_types(Escalation, escalation=escalation)
    check_types(str, text=text)
    number = text.count(_PLACE)
    require(number == 1, "text", f"a text with it {number} times", f"a text with {_PLACE} exactly once")
    if escalation.call is None:
        problem = "was denied, so there is no link to send"
        raise InvalidValueError(Fault("escalation", problem, found="a denied escalation", accepted="one with a call"))
    message_id = escalation.decision.request.message.id
    payload = {"body": text.replace(_PLACE, escalation.call.join_url), "in_reply_to_id": message_id}
    return payload | {"private": "true"} if escalation.reply_privately else payload
