"""All roles, agents and channels of one domain, and the checks that copies of them agree."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar, final

import attrs

from .._enums import ChannelKind
from .._fields import check_types, checked, is_collection, kind_of, require, to_tuple
from .._reading import ID, UNREAD, Faults, Payload, PayloadReader, collect_faults, records_in_pages
from .._values import Agent, Channel, Domain, RingCentralUser, Role
from ..engage.payloads import read_agent, read_channel, read_role
from ..exceptions import Fault, InvalidPayloadError, InvalidValueError

_T = TypeVar("_T")

#: What to do about two copies that differ.
_LOAD_AGAIN: Final = "one of the two is out of date, so load both again"


# Type checkers take the accepted type of a field from its converter, so each field needs its own.
def _to_roles(values: Iterable[Role]) -> tuple[Role, ...]:
    return to_tuple(values)


def _to_agents(values: Iterable[Agent]) -> tuple[Agent, ...]:
    return to_tuple(values)


def _to_channels(values: Iterable[Channel]) -> tuple[Channel, ...]:
    return to_tuple(values)


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Directory:
    """The roles, agents and channels of one domain.

    Ids are unique, everything belongs to the domain, and the role of each agent is one of the roles.

    Raises:
        InvalidValueError: A part has another type.
        InvalidPayloadError: The parts do not belong together. `faults` lists every contradiction.
    """

    domain: Domain
    roles: tuple[Role, ...] = attrs.field(default=(), converter=_to_roles)
    agents: tuple[Agent, ...] = attrs.field(default=(), converter=_to_agents)
    channels: tuple[Channel, ...] = attrs.field(default=(), converter=_to_channels)

    def __attrs_post_init__(self) -> None:
        faults = [fault for part in ("roles", "agents", "channels") for fault in self._faults(part)]
        roles = {role.id: role for role in self.roles}
        for number, agent in enumerate(self.agents):
            role = roles.get(agent.role.id)
            if role != agent.role:
                faults.append(
                    Fault(f"agents[{number}].role", "is none of the roles", accepted="one of the roles")
                    if role is None
                    else Fault(f"agents[{number}].role", f"differs from its copy in roles: {_LOAD_AGAIN}")
                )
        if faults:
            raise InvalidPayloadError(faults)

    def _faults(self, part: str) -> Iterable[Fault]:
        """Yield a fault for each id that is not unique, and for each value of another domain."""
        first: dict[str, int] = {}
        for number, value in enumerate(getattr(self, part)):
            at = first.setdefault(value.id, number)
            if at != number:
                yield Fault(f"{part}[{number}].id", f"is the id of {part}[{at}] too", accepted="an id of its own")
            if value.domain_id != self.domain.id:
                yield Fault(f"{part}[{number}].domain_id", "names another domain", accepted="the directory's domain")

    @classmethod
    def from_pages(  # noqa: PLR0913  # a domain has as many lists
        cls,
        domain: Domain,
        *,
        roles: Iterable[Payload],
        users: Iterable[Payload],
        sources: Iterable[Payload],
        ringcentral: Iterable[RingCentralUser] = (),
        kinds: Mapping[str, ChannelKind] = {},
    ) -> "Directory":
        """Read the API's lists of roles, users and sources.

        With a token that is restricted to teams, the API returns only the users of its teams, and does not say so.

        Args:
            domain: The domain of the lists.
            roles: The pages of `GET /roles` in any order, each with `count`, `limit`, `offset` and `records`. A record can
                be on two pages, if it moved while they were read, but then both copies must be equal.
            users: The pages of `GET /users`.
            sources: The pages of `GET /content_sources`.
            ringcentral: What RingCentral knows about extensions: account, e-mail and video access.
            kinds: As for `channel_from_payload()`.

        Raises:
            InvalidPayloadError: Records are malformed, differ under one id, or are missing. `faults` lists them all.
        """
        with collect_faults() as faults:
            check_types(Domain, domain=domain)
            extensions = _by_extension_id(faults, list_of(RingCentralUser, "ringcentral", ringcentral))
            role_values = [read_role(record, domain.id) for record in _records(faults, "roles", roles)]
            roles_by_id = {role.id: role for role in role_values}
            agents = [_agent(record, domain, roles_by_id, extensions) for record in _records(faults, "users", users)]
            channels = [read_channel(record, domain.id, kinds) for record in _records(faults, "sources", sources)]
        return cls(domain=domain, roles=role_values, agents=agents, channels=channels)


def _records(faults: Faults, name: str, pages: Iterable[Payload]) -> list[PayloadReader]:
    return [PayloadReader(faults, path, payload) for path, payload in records_in_pages(faults, name, pages)]


def _by_extension_id(faults: Faults, users: Iterable[RingCentralUser]) -> dict[str, RingCentralUser]:
    first: dict[str, tuple[int, RingCentralUser]] = {}
    for number, user in enumerate(users):
        at, first_user = first.setdefault(user.extension_id, (number, user))
        if user != first_user:
            problem = f"differs from ringcentral[{at}], which has the same extension id"
            faults.append(Fault(f"ringcentral[{number}]", problem, accepted="the same user"))
    return {extension_id: user for extension_id, (_, user) in first.items()}


def _agent(
    record: PayloadReader, domain: Domain, roles: Mapping[str, Role], extensions: Mapping[str, RingCentralUser]
) -> Agent:
    role_id = record.required(ID, "role_id", UNREAD)
    role = roles.get(role_id)
    if role is None:
        if role_id != UNREAD:
            path, accepted = f"{record.path}.role_id", "the id of one of the roles"
            record.faults.append(Fault(path, "names none of the roles", found="the id of no role", accepted=accepted))
        role = Role(id=role_id, domain_id=domain.id, label=UNREAD)
    return read_agent(record, domain.id, role, extensions.get(record.optional(ID, "rc_user_id") or ""))


def list_of(cls: type[_T], name: str, values: Iterable[_T]) -> list[_T]:
    """Check that an argument is a collection of values of a class, and return them.

    Raises:
        InvalidValueError: It is not a collection, or one of its members is not of the class.
    """
    require(is_collection(values), name, kind_of(values), f"a collection of {cls.__name__}s")
    members = list(values)
    for number, value in enumerate(members):
        check_types(cls, **{f"{name}[{number}]": value})
    return members


def check_role_copies(name: str, role: Role, *others: Role) -> None:
    """Check that other copies of a role are equal to it.

    Raises:
        InvalidValueError: One differs, so that one of the two must be out of date.
    """
    if any((role.id, role.domain_id) == (other.id, other.domain_id) and role != other for other in others):
        problem = f"differs from another copy of the same role: {_LOAD_AGAIN}"
        raise InvalidValueError(Fault(name, problem, found="another copy of a role"))


def check_agent_copies(name: str, agent: Agent, others: Iterable[Agent]) -> None:
    """Check that other copies of an agent have the same role and are enabled or disabled too.

    Raises:
        InvalidValueError: One differs, so that one of the two must be out of date.
    """
    for other in others:
        is_copy = (agent.id, agent.domain_id) == (other.id, other.domain_id)
        if is_copy and (agent.role, agent.enabled) != (other.role, other.enabled):
            problem = f"differs from another copy of the same agent: {_LOAD_AGAIN}"
            raise InvalidValueError(Fault(name, problem, found="another copy of an agent"))
