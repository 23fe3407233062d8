"""The state behind both fakes. Tests change it as they like: a role, the state of a case, the next answer."""

import threading
from dataclasses import dataclass, field
from typing import Any

Payload = dict[str, Any]

ACCOUNT_ID = "664287016"
TIME = "2026-01-31T09:30:00Z"
#: The channels of the domain. Video calls start from the first two, and from private messages of the third.
SOURCES = {
    "whatsapp": ("WhatsApp", "whats_app"),
    "messaging": ("Chat on our site", "engage_messaging"),
    "twitter": ("Twitter", "twitter"),
    "instagram": ("Instagram", "instagram_messaging"),
}
#: What each role grants.
ROLES: dict[str, set[str]] = {
    "video-agent": {"escalate_to_video"},
    "agent": set(),
    "administrator": {"manage_roles", "impersonate_user"},
}
#: The agents: the role and the RingCentral extension. Cleo is not linked to an extension.
USERS = {
    "ada": ("video-agent", "664307016"),
    "ben": ("agent", "664307017"),
    "cleo": ("video-agent", None),
    "dan": ("video-agent", "664307018"),
    "backend": ("administrator", None),
}
SENTENCES = (
    "The handle still turns the wrong way. Can I show you?",
    "Thank you. Is there a manual for it?",
    "It makes a noise now, too.",
    "Please look at the photo again.",
)


def _roles() -> dict[str, Payload]:
    flags = sorted({flag for granted in ROLES.values() for flag in granted})
    return {
        role: {"id": role, "label": role.capitalize(), "created_at": TIME, **{flag: flag in granted for flag in flags}}
        for role, granted in ROLES.items()
    }


def _users() -> dict[str, Payload]:
    return {
        user: {"id": user, "firstname": user.capitalize(), "enabled": True, "role_id": role, "rc_user_id": extension}
        for user, (role, extension) in USERS.items()
    }


def _identities() -> dict[str, Payload]:
    customers: dict[str, Payload] = {
        f"customer-{number}": {"id": f"customer-{number}", "display_name": f"Customer {number}", "user_ids": []}
        for number in range(1, 51)
    }
    return customers | {"company": {"id": "company", "display_name": "Our company", "user_ids": ["ada", "dan"]}}


def _case(number: int) -> Payload:
    """Make a case: 1 to 30 are open and Ada's, 31 to 35 are Dan's, 36 to 40 are deferred, and 41 to 50 are closed."""
    source = (
        "twitter" if 20 < number <= 25 else "instagram" if 25 < number <= 30 else ("whatsapp", "messaging")[number % 2]
    )
    is_deferred = 35 < number <= 40
    return {
        "id": f"case-{number}",
        "source_id": source,
        "thread_id": f"thread-{number}",
        "identity_id": f"customer-{number}",
        "user_id": "dan" if 30 < number <= 35 else "ada",
        "closed": number > 40,
        "deferred_at": TIME if is_deferred else None,
        "_deferred": is_deferred,  # not a field of the API: only its filter `status` says it
    }


def _content(number: int, case: Payload) -> Payload:
    """Make a message: 1 is the newest. Every fifth one of a case is the agent's answer, and every second tweet is public."""
    turn = (number - 1) // 50
    is_answer = turn % 5 == 4
    return {
        "id": f"message-{number}",
        "source_id": case["source_id"],
        "source_type": SOURCES[case["source_id"]][1],
        "type": "message",
        "thread_id": case["thread_id"],
        "intervention_id": case["id"],
        "author_id": "company" if is_answer else case["identity_id"],
        "creator_id": case["user_id"] if is_answer else None,
        "created_from": "interface" if is_answer else "synchronizer",
        "status": "userreply" if is_answer else "assigned",
        "private_message": case["source_id"] != "twitter" or turn % 2 == 0,
        "body": "I will have a look." if is_answer else SENTENCES[turn % 4],
        "created_at": f"2026-01-31T{9 - number // 60:02}:{59 - number % 60:02}:00Z",
    }


def _contents() -> dict[str, Payload]:
    return {f"message-{number}": _content(number, _case((number - 1) % 50 + 1)) for number in range(1, 501)}


@dataclass
class World:
    """What both APIs hold: 500 messages in 50 cases, and five users.

    Attributes:
        tokens: The tokens of Engage Digital, with the user of each.
        ringcentral_tokens: The tokens of RingCentral, with the extension of each.
        without_video: Extensions whose plan has no video.
        bridges: The rooms that RingCentral has created.
        replies: The messages that somebody sent through the API.
        failures: Answers for the next requests of a method and a path: `("POST", "/rcvideo", 429, {"Retry-After": "7"})`.
            Each one is used once, for the first request whose path begins so.
        creation: While it is not set, RingCentral does not answer to the creation of a room.
        requests: Method and path of all requests.
        wrong_requests: What was wrong with requests that the APIs do not document.
    """

    roles: dict[str, Payload] = field(default_factory=_roles)
    users: dict[str, Payload] = field(default_factory=_users)
    identities: dict[str, Payload] = field(default_factory=_identities)
    content_sources: dict[str, Payload] = field(
        default_factory=lambda: {key: {"id": key, "name": name, "type": kind} for key, (name, kind) in SOURCES.items()}
    )
    interventions: dict[str, Payload] = field(default_factory=lambda: {f"case-{n}": _case(n) for n in range(1, 51)})
    contents: dict[str, Payload] = field(default_factory=_contents)
    tokens: dict[str, str] = field(default_factory=lambda: {"engage-token-of-the-backend": "backend"})
    ringcentral_tokens: dict[str, str] = field(
        default_factory=lambda: {
            f"ringcentral-token-of-{user}": of for user, (_, of) in USERS.items() if of is not None
        }
    )
    without_video: set[str] = field(default_factory=set[str])
    bridges: dict[str, Payload] = field(default_factory=dict[str, Payload])
    replies: list[Payload] = field(default_factory=list[Payload])
    failures: list[tuple[str, str, int, dict[str, str]]] = field(
        default_factory=list[tuple[str, str, int, dict[str, str]]]
    )
    creation: threading.Event = field(default_factory=threading.Event)
    requests: list[str] = field(default_factory=list[str])
    wrong_requests: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.creation.set()

    def defer(self, case_id: str) -> None:
        """Defer a case."""
        self.interventions[case_id] |= {"deferred_at": TIME, "_deferred": True}
