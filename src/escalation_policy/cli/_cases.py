"""Case files of requests: records as the API would return them, made from values."""

import json
from pathlib import Path
from typing import Any, Final

from .. import Agent, ChannelKind, EscalationRequest, Intervention, InterventionState, Message, MessageAuthor
from .._fields import dict_of
from ..analysis import Comparison
from ..exceptions import EscalationPolicyError
from ._files import request_of
from ._output import UnusableInputError

_STATUSES: Final = {MessageAuthor.CUSTOMER: "new", MessageAuthor.AUTOMATIC: "new", MessageAuthor.AGENT: "user_reply"}


def case_of(request: EscalationRequest) -> dict[str, Any] | None:
    """Return the data of a case file that is read as a request. None: records of the API cannot say what is in it."""
    agent, message, user = request.agent, request.message, request.agent.ringcentral
    case = {
        "domain": {"id": request.domain.id, "ringcentral_account_id": request.domain.ringcentral_account_id},
        "login": request.login.value,
        "ringcentral": None
        if user is None
        else _present(extension_id=user.extension_id, account_id=user.account_id, video=user.video.value),
        "user": _user_of(agent),
        "role": {
            "id": agent.role.id,
            "label": agent.role.label,
            **dict.fromkeys(sorted({*map(str, agent.role.permissions), *agent.role.unknown_permissions}), True),
        },
        "source": _present(
            id=message.channel.id,
            type=None if message.channel.kind is ChannelKind.UNKNOWN else message.channel.kind.value,
        ),
        "content": _content_of(message),
        "intervention": None if request.intervention is None else _intervention_of(request.intervention),
        "deferred": request.intervention is not None and request.intervention.state is InterventionState.DEFERRED,
        "context": dict_of(request.context),
    }
    try:
        return case if request_of(case) == request else None
    except (EscalationPolicyError, UnusableInputError):
        return None


def _user_of(agent: Agent) -> dict[str, Any]:
    return _present(
        id=agent.id,
        email=agent.email,
        enabled=agent.enabled,
        role_id=agent.role.id,
        rc_user_id=None if agent.ringcentral is None else agent.ringcentral.extension_id,
        team_ids=sorted(agent.team_ids) or None,
    )


def _content_of(message: Message) -> dict[str, Any]:
    return _present(
        id=message.id,
        source_id=message.channel.id,
        status=_STATUSES.get(message.author),
        auto_submitted=True if message.author is MessageAuthor.AUTOMATIC else None,
        private_message=message.private,
        intervention_id=message.intervention_id,
    )


def _intervention_of(intervention: Intervention) -> dict[str, Any]:
    is_unknown = intervention.state is InterventionState.UNKNOWN
    closed = None if is_unknown else intervention.state is InterventionState.CLOSED
    return _present(id=intervention.id, user_id=intervention.agent_id, closed=closed)


def _present(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def write_cases(folder: str, comparison: Comparison) -> dict[int, str]:
    """Write the examples of a comparison into a folder, as case files. It must not have files of these names.

    Returns:
        By the `id()` of a difference, its file. A difference that records of the API cannot show has none.

    Raises:
        UnusableInputError: A file cannot be written, or the requests are of a host's own type.
    """
    files: dict[int, str] = {}
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for change, differences in (("allowed", comparison.now_allowed), ("denied", comparison.now_denied)):
            for number, difference in enumerate(differences, start=1):
                if type(difference.request) is not EscalationRequest:
                    raise UnusableInputError("--cases needs policies over EscalationRequest")
                case = case_of(difference.request)
                if case is not None:
                    path = Path(folder, f"now-{change}-{number}.json")
                    with path.open("x", encoding="ascii") as file:
                        file.write(f"{json.dumps(case, indent=2)}\n")
                    files[id(difference)] = str(path)
    except OSError as error:
        raise UnusableInputError(f"the cases cannot be written: {str(error.strerror).lower()}") from error
    return files
