"""RingCentral IDs: entered in one agent's profile, or mapped by e-mail for all who are imported."""

import string
from collections.abc import Iterable
from enum import StrEnum, unique
from heapq import nsmallest
from typing import Final, TypeVar, final

import attrs

from .._engine.decision import Decision
from .._enums import VideoAccess
from .._fields import check_types
from .._values import Agent, Domain, RingCentralUser
from ..exceptions import Fault, InvalidValueError
from ._directory import Directory
from ._requests import LINK_RINGCENTRAL, ExtensionEntry
from ._roles import collected, leads, refuse_stale, refuse_stale_copies

T = TypeVar("T", Agent, RingCentralUser)

#: Nothing but the case of ASCII letters: other foldings join people, as "\N{KELVIN SIGN}".lower() == "k" does.
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@final
@attrs.frozen(kw_only=True)
class RingCentralLink:
    """Whether a RingCentral ID may be entered.

    Attributes:
        agent: The agent with the extension; where it may not be entered, as they were.
    """

    decision: Decision[ExtensionEntry]
    agent: Agent


def link_ringcentral(
    editor: Agent, agent: Agent, ringcentral_user: RingCentralUser, *, directory: Directory
) -> RingCentralLink:
    """Decides whether an editor may enter a RingCentral ID in an agent's profile, and enters it.

    Args:
        editor: Who would save it.
        agent: Whose profile it is; one who is not in the directory is about to be created.
        ringcentral_user: The extension. Its account may be unknown: the profile does not ask for it. What is known
            already of the same extension and not told anew, stays.
        directory: The domain, and who else has that extension.

    Raises:
        InvalidValueError: An argument is not what it should be; or what the directory says of the editor, the agent or
            their roles differs: one is out of date.
    """
    check_types(Agent, editor=editor, agent=agent)
    check_types(RingCentralUser, ringcentral_user=ringcentral_user)
    check_types(Directory, directory=directory)
    for name, person in (("editor", editor), ("agent", agent)):
        refuse_stale_copies(name, person, [agent, *directory.agents])
        refuse_stale(f"{name}.role", person.role, agent.role, *directory.roles)
    user = _with_known(ringcentral_user, agent.ringcentral)
    others = [each for each in directory.agents if each.id != agent.id]
    entry = ExtensionEntry(
        domain=directory.domain,
        editor=editor,
        agent=agent,
        ringcentral_user=user,
        creates_agent=len(others) == len(directory.agents),
        leads_agent=leads(editor, agent),
        account_told=user.account_id is not None,
        taken=any(
            each.ringcentral is not None and each.ringcentral.extension_id == user.extension_id for each in others
        ),
    )
    decision = LINK_RINGCENTRAL.decide(entry)
    linked = attrs.evolve(agent, ringcentral=user) if decision else agent
    return RingCentralLink(decision=decision, agent=linked)


@final
@unique
class ConflictKind(StrEnum):
    """Why two that have the same e-mail address are not linked."""

    OTHER_EXTENSION = "other_extension"
    EXTENSION_TAKEN = "extension_taken"
    OTHER_ACCOUNT = "other_account"


@final
@attrs.frozen
class Conflict:
    """An agent and a user of RingCentral with the same e-mail address who cannot be linked.

    Attributes:
        other_agent_id: Of `EXTENSION_TAKEN`: another agent who has the extension, or whom it would be mapped to as well.
    """

    kind: ConflictKind
    agent: Agent
    user: RingCentralUser
    other_agent_id: str | None = None


@final
@attrs.frozen
class Ambiguity:
    """Agents and users of RingCentral with one e-mail address, of whom one side are several."""

    agents: tuple[Agent, ...]
    users: tuple[RingCentralUser, ...]


@final
@attrs.frozen(kw_only=True)
class ImportMapping:
    """What an import maps. On each side everybody stands in exactly one of the places, in the order given.

    Attributes:
        linked: The agents who get an extension, with it.
        already_linked: The agents who have the extension already; where its account was not known, now with it.
        unmatched_agents: The agents whose e-mail address no user has, or who have none.
        unmatched_users: The users whose e-mail address no agent has, or who have none.
        ambiguous: Those who share an address with others on their own side: nobody of them is linked.
        conflicting: Pairs with the same address that cannot be linked.
    """

    linked: tuple[Agent, ...]
    already_linked: tuple[Agent, ...]
    unmatched_agents: tuple[Agent, ...]
    unmatched_users: tuple[RingCentralUser, ...]
    ambiguous: tuple[Ambiguity, ...]
    conflicting: tuple[Conflict, ...]


def map_imported_users(
    agents: Iterable[Agent], ringcentral_users: Iterable[RingCentralUser], *, domain: Domain
) -> ImportMapping:
    """Maps users who are imported from RingCentral to agents, by e-mail address.

    Addresses are equal when they are but for space around them and the case of ASCII letters. A user who comes twice is
    two. Linear in the inputs.

    Args:
        agents: The agents of the domain.
        ringcentral_users: The users of RingCentral, with their addresses.
        domain: The domain; it must be associated with a RingCentral account before users can be imported.

    Raises:
        InvalidValueError: An address has no `@`, an agent is of another domain or comes twice, or the domain is
            associated with no account.
    """
    check_types(Domain, domain=domain)
    if domain.ringcentral_account_id is None:
        problem = "is None: associate the domain with a RingCentral account before users are imported"
        raise InvalidValueError(
            Fault("domain.ringcentral_account_id", problem, found="None", accepted="an account's id")
        )
    people = _checked("agents", Agent, agents)
    users = _checked("ringcentral_users", RingCentralUser, ringcentral_users)
    _check_belonging(people, domain)
    agents_at, users_at = _by_address(people), _by_address(users)
    shared = agents_at.keys() & users_at.keys()
    groups = [(mine, users_at[address]) for address, mine in agents_at.items() if address in shared]
    pairs = [(mine[0], theirs[0]) for mine, theirs in groups if len(mine) == len(theirs) == 1]
    holders: dict[str, set[str]] = {}
    for agent in people:
        if agent.ringcentral is not None:
            holders.setdefault(agent.ringcentral.extension_id, set()).add(agent.id)
    for agent, user in pairs:
        holders.setdefault(user.extension_id, set()).add(agent.id)
    # Two are enough to name one who is not oneself; always the same ones, in whatever order people were given.
    first_holders = {extension_id: nsmallest(2, ids) for extension_id, ids in holders.items()}
    conflicts = [
        (agent, user, _conflict(agent, user, domain, first_holders[user.extension_id])) for agent, user in pairs
    ]
    agreed = [(agent, user) for agent, user, conflict in conflicts if conflict is None]
    return ImportMapping(
        linked=tuple(attrs.evolve(agent, ringcentral=user) for agent, user in agreed if agent.ringcentral is None),
        already_linked=tuple(_completed(agent, user) for agent, user in agreed if agent.ringcentral is not None),
        unmatched_agents=tuple(agent for agent in people if _address(agent) not in shared),
        unmatched_users=tuple(user for user in users if _address(user) not in shared),
        ambiguous=tuple(
            Ambiguity(tuple(mine), tuple(theirs)) for mine, theirs in groups if len(mine) + len(theirs) > 2
        ),
        conflicting=tuple(conflict for _, _, conflict in conflicts if conflict is not None),
    )


def _checked(name: str, cls: type[T], values: Iterable[T]) -> list[T]:
    checked = collected(name, cls, values)
    for number, value in enumerate(checked):
        email = value.email
        if email is not None and "@" not in email:
            raise InvalidValueError(
                Fault.mismatch(f"{name}[{number}].email", "a str without @", "an e-mail address or None")
            )
    return checked


def _check_belonging(agents: list[Agent], domain: Domain) -> None:
    first: dict[str, int] = {}
    for number, agent in enumerate(agents):
        if agent.domain_id != domain.id:
            raise InvalidValueError(
                Fault(f"agents[{number}].domain_id", "names another domain", accepted="the id of the domain")
            )
        at = first.setdefault(agent.id, number)
        if at != number:
            raise InvalidValueError(
                Fault(f"agents[{number}].id", f"is the id of agents[{at}] too", accepted="an id of its own")
            )


def _address(person: Agent | RingCentralUser) -> str | None:
    return None if person.email is None else person.email.strip(string.whitespace).translate(_LOWER)


def _by_address(people: Iterable[T]) -> dict[str, list[T]]:
    at: dict[str, list[T]] = {}
    for person in people:
        address = _address(person)
        if address is not None:
            at.setdefault(address, []).append(person)
    return at


def _conflict(agent: Agent, user: RingCentralUser, domain: Domain, holders: Iterable[str]) -> Conflict | None:
    """Says what keeps two who have the same address apart."""
    held = agent.ringcentral
    if held is not None and held.extension_id != user.extension_id:
        return Conflict(ConflictKind.OTHER_EXTENSION, agent, user)
    other = next((each for each in holders if each != agent.id), None)
    if other is not None:
        return Conflict(ConflictKind.EXTENSION_TAKEN, agent, user, other)
    accounts = {None if each is None else each.account_id for each in (held, user)}
    if not accounts <= {None, domain.ringcentral_account_id}:
        return Conflict(ConflictKind.OTHER_ACCOUNT, agent, user)
    return None


def _with_known(user: RingCentralUser, known: RingCentralUser | None) -> RingCentralUser:
    """Adds to what is told of an extension what is known of the same one."""
    if known is None or known.extension_id != user.extension_id:
        return user
    return attrs.evolve(
        user,
        account_id=user.account_id or known.account_id,
        video=known.video if user.video is VideoAccess.UNKNOWN else user.video,
        email=user.email or known.email,
    )


def _completed(agent: Agent, user: RingCentralUser) -> Agent:
    """Adds the account, where the agent's extension lacks it and the user's does not."""
    held = agent.ringcentral
    if held is None or held.account_id is not None or user.account_id is None:
        return agent
    return attrs.evolve(agent, ringcentral=attrs.evolve(held, account_id=user.account_id))
