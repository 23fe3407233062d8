"""Time and memory of administration in a large domain.

Run it with the interpreter to measure: `python tests/benchmarks/administration.py`. Each line is a process of its own, so
that it has its own memory peak, which includes the interpreter, the library and the input. Seconds are processor time,
which is more reliable on a shared machine than the clock. Some inputs are made to slow it down.
"""

import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

import attrs

from escalation_policy import Agent, Channel, ChannelKind, Domain, Permission, RingCentralUser, Role, VideoAccess
from escalation_policy.administration import Directory, audit, map_imported_users, reach

COUNT: Final = 100_000
_DOMAIN: Final = Domain(id="acme", ringcentral_account_id="664287016")
_ROLES: Final = [
    Role(id="r0", domain_id="acme", label="Agent"),
    Role(id="r1", domain_id="acme", label="Video", permissions={Permission.ESCALATE_TO_VIDEO}),
]
_USER: Final = RingCentralUser(extension_id="1", account_id="664287016", video=VideoAccess.GRANTED)
_UNKNOWN_USER: Final = RingCentralUser(extension_id="1")
_Text = Callable[[int], str]


def _own(number: int) -> str:
    return f"agent{number}@example.com"


def _upper_case(number: int) -> str:
    return f" AGENT{number}@EXAMPLE.COM"


def _same(_: int) -> str:
    return "5"


def _shared(_: int) -> str:
    return "all@example.com"


def agents(email: _Text, extension: _Text | None, user: RingCentralUser = _USER) -> list[Agent]:
    """Make the agents. Every second one has a role with the permission, and every third one is disabled."""
    return [
        Agent(
            id=f"u{number}",
            domain_id="acme",
            role=_ROLES[number % 2],
            enabled=number % 3 > 0,
            email=email(number),
            ringcentral=None if extension is None else attrs.evolve(user, extension_id=extension(number)),
        )
        for number in range(COUNT)
    ]


def users(email: _Text, extension: _Text) -> list[RingCentralUser]:
    """Make the users of RingCentral, in reverse order."""
    return [
        attrs.evolve(_USER, extension_id=extension(number), email=email(number)) for number in reversed(range(COUNT))
    ]


def mapping(email: _Text, present: _Text | None, address: _Text, extension: _Text) -> float:
    """Return the seconds to map users to agents."""
    people, imported = agents(email, present), users(address, extension)
    start = time.process_time()
    map_imported_users(people, imported, domain=_DOMAIN)
    return time.process_time() - start


def auditing(present: _Text | None, user: RingCentralUser = _USER) -> float:
    """Return the seconds to audit all agents without storing rows."""
    directory = Directory(domain=_DOMAIN, roles=_ROLES, agents=agents(_own, present, user))
    start = time.process_time()
    totals = audit(directory).totals()
    if totals.agents != COUNT:
        raise AssertionError(totals)
    return time.process_time() - start


def reaching(present: _Text | None, user: RingCentralUser = _USER) -> float:
    """Return the seconds to answer for all agents on 30 channels of all kinds."""
    kinds = [*ChannelKind, *ChannelKind][:30]
    channels = [Channel(id=f"s{number}", domain_id="acme", kind=kind) for number, kind in enumerate(kinds)]
    directory = Directory(domain=_DOMAIN, roles=_ROLES, agents=agents(_own, present, user), channels=channels)
    start = time.process_time()
    classes = reach(directory).classes
    if sum(len(each.agents) * len(each.channels) for each in classes) != COUNT * len(channels):
        raise AssertionError(classes)
    return time.process_time() - start


def reading() -> float:
    """Return the seconds to read all agents from pages of the API and audit them."""
    records = [
        {"id": number, "enabled": True, "role_id": "r1", "rc_user_id": str(number), "email": _own(number)}
        for number in range(COUNT)
    ]
    users = [
        {"count": COUNT, "limit": 50, "offset": at, "records": records[at : at + 50]} for at in range(0, COUNT, 50)
    ]
    roles = [{"count": 1, "limit": 50, "offset": 0, "records": [{"id": "r1", "label": "Agent"}]}]
    sources: list[dict[str, object]] = [{"count": 0, "limit": 50, "offset": 0, "records": []}]
    start = time.process_time()
    audit(Directory.from_pages(_DOMAIN, roles=roles, users=users, sources=sources)).totals()
    return time.process_time() - start


MEASURES: Final[dict[str, Callable[[], float]]] = {
    "map: all agents are linked": lambda: mapping(_own, None, _upper_case, str),
    "map: all agents are already linked": lambda: mapping(_own, str, _upper_case, str),
    "map: no agent has a match": lambda: mapping(_own, str, lambda number: f"x{number}@example.com", str),
    "map: all have one address": lambda: mapping(_shared, None, _shared, str),
    "map: all would get one extension": lambda: mapping(_own, None, _own, _same),
    "map: all have one extension": lambda: mapping(_own, _same, _own, _same),
    "audit: all have an extension": lambda: auditing(str),
    "audit: none has an extension": lambda: auditing(None),
    "audit: all extensions are unknown": lambda: auditing(str, _UNKNOWN_USER),
    "reach: all have an extension": lambda: reaching(str),
    "reach: none has an extension": lambda: reaching(None),
    "reach: all extensions are unknown": lambda: reaching(str, _UNKNOWN_USER),
    "read 2,000 pages, then audit": reading,
}


def main() -> None:
    """Print the table, or if the name of a measure is the argument, only its figures."""
    if len(sys.argv) > 1:
        duration, memory = MEASURES[sys.argv[1]](), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(duration, memory / (1024**2 if sys.platform == "darwin" else 1024))
        return
    print(f"{platform.python_implementation()} {platform.python_version()}, {COUNT:,} agents and as many users")
    for name in MEASURES:
        command = [sys.executable, __file__, name]
        process = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, peak = map(float, process.stdout.split())
        print(f"  {name:<36} {seconds:6.2f} s  {peak:6.0f} MB")


if __name__ == "__main__":
    main()
