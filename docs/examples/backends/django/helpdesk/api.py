"""The API of the page, with Django REST framework."""

from time import perf_counter
from typing import Any

from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpResponse
from django.utils.decorators import method_decorator
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from escalation_policy import ESCALATE_TO_VIDEO, EscalationRequest
from escalation_policy.video import call_for, problem

from .calls import click, facts_about, login_of
from .models import Message
from .problems import respond
from .services import services


class Session(SessionAuthentication):
    """Answers 401 to agents who are not logged in. Without this header, REST framework answers 403."""

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """Return the header `WWW-Authenticate`."""
        return "Session"


class CanEscalate(BasePermission):
    """Allows what the policy allows. The message of a denial is the text for the agent."""

    def has_object_permission(self, request: Request, view: APIView, obj: EscalationRequest) -> bool:  # noqa: ARG002
        """Decide."""
        decision = ESCALATE_TO_VIDEO.decide(obj)
        self.message = " ".join(reason.agent_text for reason in decision.reasons)
        return decision.allowed


class Messages(APIView):
    """`/api/messages`."""

    authentication_classes = (Session,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        """Answer with the newest 500 messages, and a decision about each."""
        messages = list(Message.newest())
        agent, login, domain = services().agent(request.user.get_username()), login_of(request), services().domain
        requests = [message.request_of(agent, login=login, domain=domain) for message in messages]
        start = perf_counter()
        decisions = [ESCALATE_TO_VIDEO.decide(each) for each in requests]
        seconds = perf_counter() - start
        rows = [
            message.row | {"decision": {"allowed": True} if decision else decision.to_dict(audience="agent")}
            for message, decision in zip(messages, decisions, strict=True)
        ]
        return Response({"messages": rows}, headers={"Server-Timing": f"decide;dur={1000 * seconds:.2f}"})


@method_decorator(non_atomic_requests, name="dispatch")
class Call(APIView):
    """`/api/messages/ID/call`."""

    authentication_classes = (Session,)
    permission_classes = (IsAuthenticated, CanEscalate)

    def get(self, request: Request, message_id: str) -> Response:
        """Answer with the call of the open message, for the link "Rejoin"."""
        facts = facts_about(message_id, request)
        self.check_object_permissions(request, facts)
        call = call_for(facts, ledger=services().ledger)
        if call is None:
            raise Http404
        return Response({"link": call.join_url})

    def post(self, request: Request, message_id: str) -> HttpResponse:
        """Answer a click with the link of the one call, or with the reasons of the denial. `escalate()` decides."""
        escalation, sent = click(facts_about(message_id, request), again="again" in request.query_params)
        if escalation.call is None:
            return respond(problem(escalation), decision=escalation.decision.to_dict(audience="agent"))
        body: dict[str, Any] = {"outcome": escalation.outcome, "link": escalation.call.join_url, "sent": sent}
        return Response(body)
