"""The tag that decides."""

from typing import Any

from django import template
from django.template.context import Context

from escalation_policy import ESCALATE_TO_VIDEO

from ..models import Message
from ..services import services

register = template.Library()


@register.inclusion_tag("escalation_button.html", takes_context=True)
def escalation_button(context: Context, message: Message) -> dict[str, Any]:
    """Show a button that starts a call, or the reasons why the agent of the context cannot."""
    request = message.request_of(context["agent"], login=context["login"], domain=services().domain)
    return {"message": message, "decision": ESCALATE_TO_VIDEO.decide(request)}
