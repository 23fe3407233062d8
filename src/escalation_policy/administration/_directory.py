"""The directory: all roles, agents and channels of one domain, whole and without contradictions."""

from collections.abc import Iterable, Mapping
from typing import final

import attrs

from .._enums import ChannelKind
from .._fields import check_types, checked, to_tuple
from .._reading import ID, UNREAD, Faults, PayloadReader, collect_faults
from .._values import Agent, Channel, Domain, RingCentralUser, Role
from ..engage.payloads import read_agent, read_channel, read_role
from ..exceptions import Fault, InvalidPayloadError
from ._pages import Payload, records_of
from ._roles import LOAD_AGAIN, collected


# The type checkers read what a field accepts from its converter, and want it spelled out.
def _to_roles(values: Iterable[Role]) -> tuple[Role, ...]:
    return to_tuple(values)


def _to_agents(values: Iterable[Agent]) -> tuple[Agent, ...]:
    return to_tuple(values)


def _to_channels(values: Iterable[Channel]) -> tuple[Channel, ...]:
    return to_tuple(values)


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Directory:
    """One domain's roles, agents and channels.

    Ids are unique, everything belongs to the domain, and each agent has one of the roles as it is here.

    Raises:
        InvalidValueError: A part is not of the type that it should be.
        InvalidPayloadError: The parts do not belong together; `faults` lists every place where they do not.
    """

    domain: Domain
    roles: tuple[Role, ...] = attrs.field(default=(), converter=_to_roles)
    agents: tuple[Agent, ...] = attrs.field(default=(), converter=_to_agents)
    channels: tuple[Channel, ...] = attrs.field(default=(), converter=_to_channels)

    def __attrs_post_init__(self) -> None:
        faults = [fault for part in ("roles", "agents", "channels") for fault in self._faults(part)]
        known = {role.id: role for role in self.roles}
        for number, agent in enumerate(self.agents):
            role = known.get(agent.role.id)
            if role != agent.role:
                faults.append(
                    Fault(f"agents[{number}].role", "is none of the roles", accepted="one of the roles")
                    if role is None
                    else Fault(f"agents[{number}].role", f"differs from its copy in roles: {LOAD_AGAIN}")
                )
        if faults:
            raise InvalidPayloadError(faults)

    def _faults(self, part: str) -> Iterable[Fault]:
        """Looks for ids that come twice, and for what belongs to another domain."""
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
        """Reads what the API's lists of roles, users and sources answered.

        A token that is restricted to teams is shown the users of its teams only, without a word about the others.

        Args:
            domain: The domain they were read from.
            roles: The pages of `GET /roles`, each with `count`, `limit`, `offset` and `records`, in any order. A record
                may come twice, when it moved from one page to the next while they were read, if it is the same.
            users: The pages of `GET /users`.
            sources: The pages of `GET /content_sources`.
            ringcentral: What RingCentral told of extensions: account, e-mail and video access.
            kinds: As for `channel_from_payload()`.

        Raises:
            InvalidPayloadError: Records are malformed, differ under one id, or are missing; `faults` lists them all.
        """
        with collect_faults() as faults:
            check_types(Domain, domain=domain)
            extensions = _extensions(faults, collected("ringcentral", RingCentralUser, ringcentral))
            held = [read_role(each, domain.id) for each in _records(faults, "roles", roles)]
            by_id = {role.id: role for role in held}
            agents = [_agent(each, domain, by_id, extensions) for each in _records(faults, "users", users)]
            channels = [read_channel(each, domain.id, kinds) for each in _records(faults, "sources", sources)]
        return cls(domain=domain, roles=held, agents=agents, channels=channels)


def _records(faults: Faults, name: str, pages: Iterable[Payload]) -> list[PayloadReader]:
    return [PayloadReader(faults, where, payload) for where, payload in records_of(faults, name, pages)]


def _extensions(faults: Faults, users: Iterable[RingCentralUser]) -> dict[str, RingCentralUser]:
    first: dict[str, tuple[int, RingCentralUser]] = {}
    for number, user in enumerate(users):
        at, known = first.setdefault(user.extension_id, (number, user))
        if user != known:
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
