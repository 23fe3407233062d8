"""All roles, agents and channels of one domain, and the checks that copies of them agree."""

import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum, unique
from typing import Final, NamedTuple, TypeVar, final

import attrs

from .._enums import ChannelKind
from .._fields import FrozenMapping, check_types, checked, is_collection, kind_of, require, to_frozenset, to_tuple
from .._reading import (
    FLAG,
    ID,
    TEXT,
    UNREAD,
    Faults,
    Payload,
    PayloadReader,
    as_id,
    collect_faults,
    records_in_pages,
)
from .._values import Agent, Channel, Domain, RingCentralUser, Role
from ..engage.payloads import check_kinds, read_agent, read_channel, read_role
from ..exceptions import Fault, InvalidPayloadError, InvalidValueError

_T = TypeVar("_T")

#: Lower case for ASCII letters only. More would mix up people: "\N{KELVIN SIGN}".lower() == "k".
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
#: What to do about two copies that differ.
_LOAD_AGAIN: Final = "one of the two is out of date, so load both again"


# Type checkers take the accepted type of a field from its converter, so each field needs its own.
def _to_roles(values: Iterable[Role]) -> tuple[Role, ...]:
    return to_tuple(values)


def _to_agents(values: Iterable[Agent]) -> tuple[Agent, ...]:
    return to_tuple(values)


def _to_channels(values: Iterable[Channel]) -> tuple[Channel, ...]:
    return to_tuple(values)


def _to_faults(values: Iterable[Fault]) -> tuple[Fault, ...]:
    return to_tuple(values)


def _to_unreadable(values: "Iterable[UnreadableRecord]") -> "tuple[UnreadableRecord, ...]":
    return to_tuple(values)


def _to_ids(values: Iterable[str]) -> frozenset[str]:
    return to_frozenset(values)


def _to_texts(texts: Mapping[str, str]) -> Mapping[str, str]:
    return FrozenMapping(dict(texts)) if isinstance(texts, Mapping) else texts  # pyright: ignore[reportUnnecessaryIsInstance]


def _check_texts(_: object, field: "attrs.Attribute[Mapping[str, str]]", texts: Mapping[str, str]) -> None:
    for text in texts.values():
        require(
            isinstance(text, str),  # pyright: ignore[reportUnnecessaryIsInstance]
            f"Directory.{field.name}",
            f"{kind_of(text)} as a value",
            "a mapping of ids to strs",
        )


@final
@unique
class RecordKind(StrEnum):
    """The kind of a record in a directory, by its name in the API."""

    ROLE = "role"
    USER = "user"
    SOURCE = "source"


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class UnreadableRecord:
    """A record of a directory that could not be read, or only in part.

    Attributes:
        kind: What it is a record of.
        id: The id of the role, agent or channel. None: it has no valid id.
        in_part: Whether the rest of it was read, so that the directory has the role, agent or channel. False: it has not.
        faults: What is wrong with it. They show no text of the record.
    """

    kind: RecordKind
    id: str | None
    in_part: bool
    faults: tuple[Fault, ...] = attrs.field(converter=_to_faults)


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Directory:
    """The roles, agents and channels of one domain.

    Ids are unique, everything belongs to the domain, and the role of each agent is one of the roles.

    Attributes:
        labels: The names of channels, by their ids.
        inactive: The ids of the channels that are switched off.
        types: The types of channels as the API writes them, by their ids.
        unreadable: The records that could not be read, or only in part.

    Raises:
        InvalidValueError: A part has another type.
        InvalidPayloadError: The parts do not belong together. `faults` lists every contradiction.
    """

    domain: Domain
    roles: tuple[Role, ...] = attrs.field(default=(), converter=_to_roles)
    agents: tuple[Agent, ...] = attrs.field(default=(), converter=_to_agents)
    channels: tuple[Channel, ...] = attrs.field(default=(), converter=_to_channels)
    labels: Mapping[str, str] = attrs.field(factory=dict[str, str], converter=_to_texts, validator=_check_texts)
    inactive: frozenset[str] = attrs.field(default=frozenset[str](), converter=_to_ids)
    types: Mapping[str, str] = attrs.field(factory=dict[str, str], converter=_to_texts, validator=_check_texts)
    unreadable: tuple[UnreadableRecord, ...] = attrs.field(default=(), converter=_to_unreadable)

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
        channel_ids = {channel.id for channel in self.channels}
        faults += [
            Fault(name, "names none of the channels", accepted="ids of the channels")
            for name in ("labels", "inactive", "types")
            if not channel_ids.issuperset(getattr(self, name))
        ]
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

        A record that cannot be read is left out, and is in `unreadable` instead. So is a user whose role is not in `roles`.
        If only a part of a record cannot be read and can be left out safely, such as a new field of a role or an invalid
        RingCentral ID, the directory has the rest of it.

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
            InvalidPayloadError: Pages are malformed or missing, or records differ under one id. `faults` lists them all.
        """
        with collect_faults() as faults:
            reader = DirectoryReader(faults, domain, ringcentral, kinds)
            lists = {
                RecordKind.ROLE: records_in_pages(faults, "roles", roles),
                RecordKind.USER: records_in_pages(faults, "users", users),
                RecordKind.SOURCE: records_in_pages(faults, "sources", sources),
            }
        for kind, records in lists.items():
            reader.read(kind, records)
        return reader.directory()


@final
class DirectoryReader:
    """Reads the records of a domain into the parts of a directory: all roles first, because users name them."""

    def __init__(
        self,
        faults: Faults,
        domain: Domain,
        ringcentral: Iterable[RingCentralUser],
        kinds: Mapping[str, ChannelKind],
    ) -> None:
        """Check what was passed, and note users of RingCentral that contradict each other in `faults`."""
        check_types(Domain, domain=domain)
        check_kinds(kinds)
        self._domain: Final = domain
        self._kinds: Final = kinds
        self._extensions: Final = _by_extension_id(faults, list_of(RingCentralUser, "ringcentral", ringcentral))
        self._unreadable: dict[RecordKind, list[UnreadableRecord]] = {}
        self._roles: dict[str, Role] = {}
        self._agents: list[Agent] = []
        self._sources: list[_Source] = []

    def forget(self, kind: RecordKind) -> None:
        """Forget all records of a kind, because they are read again."""
        if kind is RecordKind.ROLE:
            self._roles.clear()
        elif kind is RecordKind.USER:
            self._agents.clear()
        else:
            self._sources.clear()
        self._unreadable.pop(kind, None)

    def read(self, kind: RecordKind, records: Iterable[tuple[str, Payload]]) -> None:
        """Read records of a kind, with their paths."""
        domain, kinds, unreadable = self._domain, self._kinds, self._unreadable.setdefault(kind, [])
        if kind is RecordKind.ROLE:
            roles = _read_records(kind, records, lambda record: read_role(record, domain.id), unreadable)
            self._roles.update((role.id, role) for role in roles)
        elif kind is RecordKind.USER:
            roles_by_id, extensions = self._roles, self._extensions
            self._agents += _read_records(
                kind, records, lambda record: _agent(record, domain, roles_by_id, extensions), unreadable
            )
        else:
            self._sources += _read_records(kind, records, lambda record: _source(record, domain, kinds), unreadable)

    def directory(self) -> Directory:
        """Return the directory."""
        sources = self._sources
        return Directory(
            domain=self._domain,
            roles=self._roles.values(),
            agents=self._agents,
            channels=[source.channel for source in sources],
            labels={source.channel.id: source.label for source in sources if source.label is not None},
            inactive=[source.channel.id for source in sources if source.is_active is False],
            types={source.channel.id: source.type for source in sources if source.type is not None},
            unreadable=[record for kind in RecordKind for record in self._unreadable.get(kind, [])],
        )


def _read_records(
    kind: RecordKind,
    records: Iterable[tuple[str, Payload]],
    make: Callable[[PayloadReader], _T],
    unreadable: list[UnreadableRecord],
) -> Iterator[_T]:
    """Yield what each record holds, and add those that could not be read, or only in part, to `unreadable`."""
    for path, payload in records:
        try:
            with collect_faults() as faults:
                record = PayloadReader(faults, path, payload)
                value = make(record)
        except InvalidPayloadError as error:
            record_id = as_id(payload.get("id"))
            unreadable.append(UnreadableRecord(kind=kind, id=record_id, in_part=False, faults=error.faults))
            continue
        if record.findings:
            findings = list(dict.fromkeys(record.findings))
            record_id = as_id(payload.get("id"))
            unreadable.append(UnreadableRecord(kind=kind, id=record_id, in_part=True, faults=findings))
        yield value


@final
class _Source(NamedTuple):
    channel: Channel
    label: str | None
    is_active: bool | None
    type: str | None


def _source(record: PayloadReader, domain: Domain, kinds: Mapping[str, ChannelKind]) -> _Source:
    channel = read_channel(record, domain.id, kinds)
    return _Source(channel, record.lenient(TEXT, "name"), record.lenient(FLAG, "active"), record.optional(TEXT, "type"))


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
    agent = read_agent(record, domain.id, role, None)
    user = extensions.get(agent.ringcentral.extension_id) if agent.ringcentral else None
    return attrs.evolve(agent, ringcentral=user) if user else agent


def comparable_address(person: Agent | RingCentralUser) -> str | None:
    """Return the e-mail address of a person, without spaces around it and with ASCII letters in lower case."""
    return None if person.email is None else person.email.strip(string.whitespace).translate(_LOWER)


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
