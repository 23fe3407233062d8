"""The pages, the login and the webhook."""

from hmac import compare_digest
from os import environ
from pathlib import Path

from django.contrib.auth import login as open_session
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.transaction import non_atomic_requests
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie
from django.views.decorators.http import require_POST

from escalation_policy import InterventionState, Login
from escalation_policy.engage import read_webhook
from escalation_policy.exceptions import InvalidPayloadError

from .calls import click, facts_about, login_of
from .models import Case, Message
from .services import services

PAGE = Path(__file__).parents[2] / "frontend" / "index.html"


@ensure_csrf_cookie
def show_page(request: HttpRequest) -> FileResponse:  # noqa: ARG001
    """Answer with the page that all backends share. It uses the API."""
    return FileResponse(PAGE.open("rb"), content_type="text/html")


@login_required
def list_messages(request: HttpRequest) -> HttpResponse:
    """Answer with the list as a template. Its tag `escalation_button` decides."""
    agent = services().agent(request.user.get_username())
    return render(request, "messages.html", {"messages": Message.newest(), "agent": agent, "login": login_of(request)})


@require_POST
@login_required
@non_atomic_requests
def start_call(request: HttpRequest, message_id: str) -> HttpResponse:
    """Answer a click in the template: open the room, or say why not."""
    escalation, _ = click(facts_about(message_id, request), again=False)
    if escalation.call is None:
        reasons = [reason.agent_text for reason in escalation.decision.reasons]
        return render(request, "denied.html", {"reasons": reasons}, status=403)
    return HttpResponseRedirect(escalation.call.join_url)


def log_in(request: HttpRequest) -> HttpResponse:
    """Open a session. This stands for your single sign-on: everybody who can reach this page may be any agent."""
    user, _ = User.objects.get_or_create(username=request.GET.get("agent", "ada"))
    open_session(request, user)
    request.session["login"] = Login.RINGCENTRAL_SSO.value
    return redirect("/")


@csrf_exempt
@non_atomic_requests  # the ledger needs a transaction of its own
def webhook(request: HttpRequest) -> HttpResponse:
    """Fold events into the states of their cases, and forget the calls of cases that are closed."""
    if not compare_digest(request.headers.get("X-Dimelo-Secret", "").encode(), environ["WEBHOOK_SECRET"].encode()):
        raise PermissionDenied
    if request.method == "GET":
        if not compare_digest(request.GET.get("hub.verify_token", "").encode(), environ["WEBHOOK_TOKEN"].encode()):
            raise PermissionDenied
        return HttpResponse(request.GET.get("hub.challenge", ""), content_type="text/plain")
    try:
        events = read_webhook(request.body)
    except InvalidPayloadError as error:
        return HttpResponseBadRequest(str(error), content_type="text/plain")
    for event in events:
        if event.domain_id != services().domain.id:
            continue
        case = Case.fold(event)
        if case and (case.state is InterventionState.CLOSED or case.cancelled_at):
            services().ledger.end_case(domain_id=event.domain_id, intervention_id=case.id)
    return HttpResponse(status=204)
