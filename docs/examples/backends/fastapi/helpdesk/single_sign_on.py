"""The agent who is logged in. The login stands for your single sign-on: replace it before you go on."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.responses import RedirectResponse

from escalation_policy import ESCALATE_TO_VIDEO, EscalationRequest, Login, Policy

from .french import FRENCH

router = APIRouter()


class Session(NamedTuple):
    """Who the agent is, how the agent logged in, and the policy with its texts in the agent's language."""

    user_id: str
    login: Login
    policy: Policy[EscalationRequest]


def current_session(request: Request, accept_language: Annotated[str, Header()] = "en") -> Session:
    """Return the session of the agent who sent the request, or answer 401."""
    if "user_id" not in request.session:
        raise HTTPException(401)
    policy = FRENCH if accept_language.startswith("fr") else ESCALATE_TO_VIDEO
    return Session(request.session["user_id"], Login(request.session["login"]), policy)


CurrentSession = Annotated[Session, Depends(current_session)]


@router.get("/login")
def log_in(request: Request, agent: str = "ada") -> RedirectResponse:
    """Open a session, as a login through RingCentral would. Everybody who can reach this page may be any agent."""
    request.session.update(user_id=agent, login=Login.RINGCENTRAL_SSO.value)
    return RedirectResponse("/")
