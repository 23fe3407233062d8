"""How much deciding costs, against a hand-written chain of `and` over the same values.

Run it with the interpreter to measure: `python tests/benchmarks/decide.py`. Half of the requests are allowed and the
others are spread over the sixteen rules, each denied by one of them. Every figure is a median, taken in turns with what
it is compared with: on a shared machine only the ratios mean anything.
"""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import attrs

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    Agent,
    Channel,
    ChannelKind,
    Domain,
    EscalationRequest,
    Intervention,
    InterventionState,
    Login,
    Message,
    MessageAuthor,
    Permission,
    RingCentralUser,
    Role,
    Rule,
    VideoAccess,
    context,
    predicate,
)

ROUNDS: Final = 61
REPEATS: Final = 200
IMPORTS: Final = 31

#: A function, and the requests to call it with.
_Timed = tuple[Callable[[EscalationRequest], object], list[EscalationRequest]]

_ALLOWED: Final = EscalationRequest(
    domain=Domain(id="acme", ringcentral_account_id="664287016"),
    agent=Agent(
        id="u1",
        domain_id="acme",
        role=Role(id="r1", domain_id="acme", label="Video", permissions=frozenset(Permission)),
        enabled=True,
        ringcentral=RingCentralUser(extension_id="664307016", account_id="664287016", video=VideoAccess.GRANTED),
    ),
    login=Login.RINGCENTRAL_SSO,
    message=Message(
        id="c1",
        channel=Channel(id="s1", domain_id="acme", kind=ChannelKind.WHATSAPP),
        author=MessageAuthor.CUSTOMER,
        intervention_id="i1",
    ),
    intervention=Intervention(id="i1", agent_id="u1", state=InterventionState.OPEN),
    context={"risk": 1},
)
_DENIALS: Final[dict[str, dict[str, object]]] = {
    "domain_linked": {"domain.ringcentral_account_id": None},
    "agent_enabled": {"agent.enabled": False},
    "agent_in_domain": {"agent.domain_id": "other"},
    "role_in_domain": {"agent.role.domain_id": "other"},
    "channel_in_domain": {"message.channel.domain_id": "other"},
    "role_permits": {"agent.role.permissions": frozenset(Permission) - {Permission.ESCALATE_TO_VIDEO}},
    "extension_linked": {"agent.ringcentral": None},
    "extension_in_account": {"agent.ringcentral.account_id": "1"},
    "video_access": {"agent.ringcentral.video": VideoAccess.DENIED},
    "ringcentral_sso": {"login": Login.PASSWORD},
    "channel_supported": {"message.channel.kind": ChannelKind.EMAIL},
    "twitter_private": {"message.channel.kind": ChannelKind.TWITTER, "message.private": False},
    "customer_message": {"message.author": MessageAuthor.AGENT},
    "agent_engaged": {"intervention": None},
    "message_in_intervention": {"message.intervention_id": "i2"},
    "intervention_owned": {"intervention.agent_id": "u2"},
}
_LISTED: Final = frozenset(
    ChannelKind(key)
    for key in (
        "engage_messaging chat messenger google_business_messages twitter digital_sms apple_business_chat whats_app "
        "viber dimelo_sdk channel_sdk"
    ).split()
)


def hand_written(  # noqa: PLR0913, PLR0917  defaults are locals, the fastest names there are
    request: EscalationRequest,
    permission: Permission = Permission.ESCALATE_TO_VIDEO,
    granted: VideoAccess = VideoAccess.GRANTED,
    sso: Login = Login.RINGCENTRAL_SSO,
    listed: frozenset[ChannelKind] = _LISTED,
    twitter: ChannelKind = ChannelKind.TWITTER,
    customer: MessageAuthor = MessageAuthor.CUSTOMER,
    opened: InterventionState = InterventionState.OPEN,
) -> bool:
    """Decides as tightly as it can be written: every attribute is read once, and only when it is needed."""
    return (
        (account_id := (domain := request.domain).ringcentral_account_id) is not None
        and (agent := request.agent).enabled
        and agent.domain_id == (domain_id := domain.id)
        and (role := agent.role).domain_id == domain_id
        and (channel := (message := request.message).channel).domain_id == domain_id
        and permission in role.permissions
        and (user := agent.ringcentral) is not None
        and user.account_id == account_id
        and user.video is granted
        and request.login is sso
        and (kind := channel.kind) in listed
        and (kind is not twitter or message.private is True)
        and message.author is customer
        and (case := request.intervention) is not None
        and case.state is opened
        and message.intervention_id == case.id
        and case.agent_id == agent.id
    )


def _is_low(risk: int) -> bool:
    return risk < 5


def _is_open(_: EscalationRequest) -> bool:
    return True


#: The same policy with two opaque functions more, and the time that the functions themselves take.
_OPAQUE: Final = ESCALATE_TO_VIDEO.with_rules(
    Rule("risk", context("risk", int).satisfies("below 5", _is_low)), Rule("open", predicate("is open", _is_open))
)


def functions_alone(request: EscalationRequest) -> bool:
    """Call what the opaque policy calls, as directly as it can be called."""
    return _is_low(1) and _is_open(request)


def requests() -> list[EscalationRequest]:
    """Make one request denied by each rule, and as many allowed ones."""
    denied: list[EscalationRequest] = []
    for code, changes in _DENIALS.items():
        request: Any = _ALLOWED
        for path, value in changes.items():
            request = _changed(request, path, value)
        if code not in {reason.code for reason in ESCALATE_TO_VIDEO.decide(request).reasons}:
            raise AssertionError(f"{code} does not deny what it should")
        denied.append(request)
    return denied + [_ALLOWED] * len(denied)


def _changed(value: Any, path: str, new: object) -> Any:
    name, _, rest = path.partition(".")
    return attrs.evolve(value, **{name: _changed(getattr(value, name), rest, new) if rest else new})


def nanoseconds(function: Callable[[EscalationRequest], object], over: list[EscalationRequest]) -> float:
    """Time one call, on average over the requests."""
    started = time.perf_counter()
    for _ in range(REPEATS):
        for request in over:
            function(request)
    return (time.perf_counter() - started) / REPEATS / len(over) * 1e9


def medians(functions: dict[str, _Timed]) -> dict[str, float]:
    """Time all functions in turns."""
    for function, over in functions.values():
        nanoseconds(function, over)
    rounds = [{name: nanoseconds(*each) for name, each in functions.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(each[name] for each in rounds) for name in functions}


def import_milliseconds(statement: str) -> float:
    """Time an import statement in a fresh interpreter."""
    code = f"import time; start = time.perf_counter(); {statement}; print((time.perf_counter() - start) * 1e3)"
    # Bytecode is cached, as it is wherever a package is installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


def main() -> None:
    """Print the table."""
    over = requests()
    denied, allowed = over[: len(_DENIALS)], over[len(_DENIALS) :]
    one_rule = [each for each in denied if len(ESCALATE_TO_VIDEO.decide(each).reasons) == 1]
    costs = medians(
        {
            "hand-written chain": (hand_written, over),
            "Policy.allows()": (ESCALATE_TO_VIDEO.allows, over),
            "Policy.decide()": (ESCALATE_TO_VIDEO.decide, over),
            "two opaque functions alone": (functions_alone, over),
            "Policy.decide() with these": (_OPAQUE.decide, over),
            "decide() and reasons of a denial": (lambda request: ESCALATE_TO_VIDEO.decide(request).reasons, one_rule),
            "decide() and reasons of an allow": (lambda request: ESCALATE_TO_VIDEO.decide(request).reasons, allowed),
        }
    )
    base = costs["hand-written chain"]
    print(f"{platform.python_implementation()} {platform.python_version()}, medians of {ROUNDS} rounds")
    for name, cost in costs.items():
        print(f"  {name:<36} {cost:8.0f} ns  {cost / base:5.2f} x the chain")
    statements = {"import attrs": "import attrs", "import escalation_policy": "import escalation_policy"}
    for each in statements.values():
        import_milliseconds(each)
    rounds = [{name: import_milliseconds(each) for name, each in statements.items()} for _ in range(IMPORTS)]
    bare, ours = (statistics.median(each[name] for each in rounds) for name in statements)
    print(f"imports in fresh interpreters, medians of {IMPORTS}")
    print(f"  {'import attrs':<36} {bare:8.1f} ms")
    print(f"  {'import escalation_policy':<36} {ours:8.1f} ms  {(ours - bare) / bare:5.2f} x as much again")


if __name__ == "__main__":
    main()
