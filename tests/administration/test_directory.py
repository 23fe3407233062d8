"""The directory: all roles, agents and channels of one domain, complete and without contradictions."""

import pickle
from typing import Any, Final

import attrs
import pytest

from escalation_policy import Agent, Channel, ChannelKind, Permission, RingCentralUser, Role, VideoAccess
from escalation_policy.administration import Directory, RecordKind, UnreadableRecord, audit
from escalation_policy.exceptions import Fault, InvalidPayloadError, InvalidValueError
from escalation_policy.testing import a_channel, a_domain, a_ringcentral_user, a_role, an_agent

DOMAIN: Final = a_domain()


def faults_of(call: Any, *arguments: Any, **fields: Any) -> list[str]:
    """Return the faults of a call as texts."""
    with pytest.raises(InvalidPayloadError) as caught:
        call(*arguments, **fields)
    return [str(fault) for fault in caught.value.faults]


class TestDirectory:
    """`Directory`: ids are unique, everything belongs to one domain, and the roles of agents are there."""

    def test_has_its_parts_in_order(self) -> None:
        """Nothing is sorted."""
        agents = [an_agent(id="u2"), an_agent(id="u1")]
        directory = Directory(domain=DOMAIN, roles=[a_role(id="r2"), a_role()], agents=agents, channels=[a_channel()])
        assert (DOMAIN, (a_role(id="r2"), a_role()), (*agents,), (a_channel(),), {}, frozenset(), {}, ()) == (
            attrs.astuple(directory, recurse=False)
        )

    def test_may_be_empty(self) -> None:
        """A new domain has no agents."""
        assert Directory(domain=DOMAIN) == Directory(domain=DOMAIN, roles=(), agents=(), channels=())

    def test_accepts_any_collection_and_stores_tuples(self) -> None:
        """An iterator is read once."""
        agents = [an_agent()]
        directory = Directory(
            domain=DOMAIN, roles={a_role()}, agents=iter(agents), channels=(channel for channel in [a_channel()])
        )
        assert ((a_role(),), (an_agent(),), (a_channel(),)) == (directory.roles, directory.agents, directory.channels)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            directory.agents = ()  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]

    def test_survives_pickles_and_shows_no_address_no_label_and_no_id_of_ringcentral(self) -> None:
        """Its repr may be logged."""
        directory = Directory(domain=DOMAIN, roles=[a_role(label="Secret")], agents=[an_agent(role_label="Secret")])
        assert directory == pickle.loads(pickle.dumps(directory))
        text = repr(directory)
        assert [] == [secret for secret in ("ada@", "664307016", "664287016", "Secret") if secret in text]

    def test_lists_every_fault(self) -> None:
        """One error has all of them. Otherwise a host would have to load everything again for each fault."""
        roles = [a_role(), a_role(id="r2", domain_id="other"), a_role(id="r3"), a_role(id="r3", label="X")]
        agents = [
            an_agent(),
            an_agent(permissions={Permission.USE_EMOJI}),
            an_agent(id="u2", role_id="r9"),
            an_agent(id="u3", domain_id="other", role_domain_id="acme"),
            an_agent(id="u4", role_domain_id="other"),
        ]
        channels = [a_channel(), a_channel(id="s2", domain_id="other"), a_channel()]
        assert [
            "roles[1].domain_id names another domain",
            "roles[3].id is the id of roles[2] too",
            "agents[1].id is the id of agents[0] too",
            "agents[3].domain_id names another domain",
            "channels[1].domain_id names another domain",
            "channels[2].id is the id of channels[0] too",
            "agents[1].role differs from its copy in roles: one of the two is out of date, so load both again",
            "agents[2].role is none of the roles",
            "agents[4].role differs from its copy in roles: one of the two is out of date, so load both again",
        ] == faults_of(Directory, domain=DOMAIN, roles=roles, agents=agents, channels=channels)

    @pytest.mark.parametrize(
        "fields", [{"labels": {"s2": "X"}}, {"inactive": ["s2"]}, {"types": {"s2": "chat"}}], ids=list
    )
    def test_names_only_channels_that_it_has(self, fields: dict[str, Any]) -> None:
        """What is about another channel is about another directory."""
        name = next(iter(fields))
        assert [f"{name} names none of the channels"] == faults_of(
            Directory, domain=DOMAIN, channels=[a_channel()], **fields
        )

    def test_is_hashable_with_all_its_parts(self) -> None:
        """A frozen value stores what it was made of, whatever the host changes later."""
        labels = {"s1": "Support"}
        fault = Fault("users[0].records[0].enabled", "is missing")
        record = UnreadableRecord(kind=RecordKind.USER, id=None, in_part=False, faults=[fault])
        parts: dict[str, Any] = {"channels": [a_channel()], "labels": labels, "unreadable": [record]}
        directory = Directory(domain=DOMAIN, **parts)
        assert hash(directory) == hash(Directory(domain=DOMAIN, **parts))
        labels["s1"] = "changed"
        assert {"s1": "Support"} == directory.labels
        assert "Support" not in repr(directory)

    def test_ids_are_unique_per_kind(self) -> None:
        """An agent and a channel can have the same id."""
        directory = Directory(
            domain=DOMAIN, roles=[a_role(id="1")], agents=[an_agent(id="1", role_id="1")], channels=[a_channel(id="1")]
        )
        assert 1 == len(directory.agents)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"domain": "acme"}, "Directory.domain must be a Domain, got a str"),
            ({"roles": "r1"}, "Directory.roles must be a collection of Roles, got a str"),
            ({"agents": {"u1": an_agent()}}, "Directory.agents must be a collection of Agents, got a dict"),
            ({"agents": [a_role()]}, "Directory.agents must be a collection of Agents, got a tuple of Role"),
            ({"agents": an_agent()}, "Directory.agents must be a collection of Agents, got an Agent"),
            ({"channels": None}, "Directory.channels must be a collection of Channels, got None"),
            ({"labels": ["s1"]}, "Directory.labels must be a Mapping, got a list"),
            ({"types": {"s1": 5}}, "Directory.types must be a mapping of ids to strs, got an int as a value"),
            ({"inactive": "s1"}, "Directory.inactive must be a collection of non-empty strs, got a str"),
            ({"unreadable": [5]}, "Directory.unreadable must be a collection of UnreadableRecords, got a tuple of int"),
        ],
        ids=["domain", "str", "dict", "roles", "one", "None", "labels", "types", "inactive", "unreadable"],
    )
    def test_rejects_other_values_than_collections_of_its_parts(self, fields: dict[str, Any], message: str) -> None:
        """`from_pages()` reads raw records."""
        arguments: dict[str, Any] = {"domain": DOMAIN} | fields
        with pytest.raises(InvalidValueError) as caught:
            Directory(**arguments)
        assert message == str(caught.value)


def a_page(records: list[Any], offset: int = 0, count: Any = None) -> dict[str, Any]:
    """Make a page of the API; by default the only one."""
    return {"count": len(records) if count is None else count, "limit": 50, "offset": offset, "records": records}


ROLES: Final = [{"id": "r1", "label": "Video agent", "escalate_to_video": True, "use_emoji": False, "fly": True}]
USERS: Final[list[dict[str, Any]]] = [
    {
        "id": "u1",
        "enabled": True,
        "role_id": "r1",
        "email": "ada@example.com",
        "rc_user_id": "664307016",
        "team_ids": ["t1"],
    },
    {"id": 2, "enabled": False, "role_id": "r1", "rc_user_id": None},
]
SOURCES: Final = [{"id": "s1", "type": "whats_app"}, {"id": "s2", "type": "acme_portal"}]


def read(**fields: Any) -> Directory:
    """Read a directory with one page of each list, or with other arguments."""
    pages: dict[str, Any] = {"roles": [a_page(ROLES)], "users": [a_page(USERS)], "sources": [a_page(SOURCES)]}
    arguments: dict[str, Any] = {"domain": DOMAIN} | pages | fields
    return Directory.from_pages(**arguments)


class TestFromPages:
    """`Directory.from_pages()`: records are read like single ones, and put together."""

    def test_reads_roles_users_and_sources(self) -> None:
        """There can be flags of a newer API, ids that are numbers, and types that the host defines."""
        role = Role(
            id="r1",
            domain_id="acme",
            label="Video agent",
            permissions={Permission.ESCALATE_TO_VIDEO},
            unknown_permissions={"fly"},
        )
        user = a_ringcentral_user(email="ada@example.com")
        expected = Directory(
            domain=DOMAIN,
            roles=[role],
            agents=[
                Agent(
                    id="u1",
                    domain_id="acme",
                    role=role,
                    enabled=True,
                    email="ada@example.com",
                    ringcentral=user,
                    team_ids=["t1"],
                ),
                Agent(id="2", domain_id="acme", role=role, enabled=False),
            ],
            channels=[
                Channel(id="s1", domain_id="acme", kind=ChannelKind.WHATSAPP),
                Channel(id="s2", domain_id="acme", kind=ChannelKind.CHANNEL_SDK),
            ],
        )
        directory = read(ringcentral=[user], kinds={"acme_portal": ChannelKind.CHANNEL_SDK})
        assert attrs.evolve(expected, types={"s1": "whats_app", "s2": "acme_portal"}) == directory

    def test_extensions_are_unknown_without_data_of_ringcentral(self) -> None:
        """A profile has only the id, so account and video access stay unknown."""
        assert RingCentralUser(extension_id="664307016") == read().agents[0].ringcentral
        other = a_ringcentral_user(extension_id="1")
        assert VideoAccess.UNKNOWN is (read(ringcentral=[other]).agents[0].ringcentral or other).video

    def test_reads_names_activity_and_types_of_channels(self) -> None:
        """They are beside the values, as no rule reads them."""
        sources = [
            {"id": "s1", "name": "Support", "active": True, "type": "twtr"},
            {"id": "s2", "name": "Old", "active": False, "type": "acme_portal"},
            {"id": 3, "name": " "},
        ]
        directory = read(sources=[a_page(sources)])
        assert {"s1": "Support", "s2": "Old"} == directory.labels
        assert {"s2"} == directory.inactive
        assert {"s1": "twtr", "s2": "acme_portal"} == directory.types
        assert [ChannelKind.TWITTER, ChannelKind.UNKNOWN, ChannelKind.UNKNOWN] == [
            channel.kind for channel in directory.channels
        ]

    def test_rejects_kinds_that_are_no_mapping_of_kinds(self) -> None:
        """It is an argument, so no record is to blame."""
        assert ["kinds must be a Mapping, got an empty list"] == faults_of(read, kinds=[])
        assert ["kinds[0] must be a ChannelKind, got a str (did you mean ChannelKind.CHAT?)"] == faults_of(
            read, kinds={"acme_portal": "chat"}
        )

    def test_lists_all_faults_of_all_records(self) -> None:
        """Their paths have list, page, record and field."""
        roles = [a_page([{"id": "r1", "label": "", "fly": 1}])]
        users = [
            a_page([{"id": "u1", "enabled": "yes", "role_id": "r9"}], count=2),
            a_page([{"id": "u2", "enabled": True}], 1, 2),
        ]
        sources = [a_page([{"type": 5}])]
        directory = read(roles=roles, users=users, sources=sources)
        assert ((), (), ()) == (directory.roles, directory.agents, directory.channels)
        assert [
            (RecordKind.ROLE, "r1", ["roles[0].records[0].label must be a non-blank str, got an empty str"]),
            (
                RecordKind.USER,
                "u1",
                [
                    "users[0].records[0].role_id names none of the roles",
                    "users[0].records[0].enabled must be true or false, got a str",
                ],
            ),
            (
                RecordKind.USER,
                "u2",
                ["users[1].records[0].role_id is missing: it must be an id: a non-blank str or an int"],
            ),
            (
                RecordKind.SOURCE,
                None,
                [
                    "sources[0].records[0].type must be a non-blank str, got an int",
                    "sources[0].records[0].id is missing: it must be an id: a non-blank str or an int",
                ],
            ),
        ] == [(record.kind, record.id, [*map(str, record.faults)]) for record in directory.unreadable]
        assert not any(record.in_part for record in directory.unreadable)

    def test_one_unreadable_record_does_not_hide_the_others(self) -> None:
        """It is left out, and the audit counts it."""
        users = [*USERS, {"id": "u3", "enabled": True, "role_id": "r1", "team_ids": "t1"}]
        directory = read(users=[a_page(users)])
        assert read().agents == directory.agents
        assert ["u3"] == [record.id for record in directory.unreadable]
        assert (2, 1) == (audit(directory).totals().agents, audit(directory).totals().unreadable)

    @pytest.mark.parametrize(
        ("name", "records", "change", "fault"),
        [
            (
                "roles",
                ROLES,
                {"users_count": 3, "rank": 1},
                "roles[0].records[0] has a field of an unknown name that is no flag, but an int: it was left out",
            ),
            (
                "users",
                USERS,
                {"rc_user_id": "664 307 016"},
                "users[0].records[0].rc_user_id must be an extension id: 1 to 20 ASCII digits, got a str",
            ),
            (
                "sources",
                SOURCES,
                {"name": 5},
                "sources[0].records[0].name must be a non-blank str, got an int",
            ),
            (
                "sources",
                SOURCES,
                {"active": "no"},
                "sources[0].records[0].active must be true or false, got a str",
            ),
        ],
        ids=["role", "user", "name", "active"],
    )
    def test_reads_the_rest_of_a_record_if_a_part_can_be_left_out(
        self, name: str, records: list[dict[str, Any]], change: dict[str, Any], fault: str
    ) -> None:
        """Nothing is allowed because of the part that is left out."""
        directory = read(**{name: [a_page([records[0] | change, *records[1:]])]})
        ((record),) = directory.unreadable
        assert (records[0]["id"], True, [fault]) == (record.id, record.in_part, [*map(str, record.faults)])
        assert read().roles == directory.roles
        assert read().channels == directory.channels
        # A profile with an invalid id links no extension. The remedy of the audit says where to enter it.
        agents = read().agents
        unlinked = attrs.evolve(agents[0], ringcentral=None)
        assert ((unlinked, *agents[1:]) if name == "users" else agents) == directory.agents

    def test_rejects_records_that_are_no_objects(self) -> None:
        """Such a page is none of the API."""
        assert ["sources[0].records[1] must be a mapping, got a str"] == faults_of(
            read, sources=[a_page([SOURCES[0], "s1"])]
        )

    def test_rejects_the_same_id_as_number_and_text(self) -> None:
        """5 and "5" are one id, so these are two different records of one role."""
        roles = [a_page([{"id": 5, "label": "A"}, {"id": "5", "label": "A"}])]
        assert [
            "roles[0].records[1] differs from roles[0].records[0], which has the same id: read all pages again"
        ] == faults_of(read, roles=roles, users=[a_page([])])

    @pytest.mark.parametrize(
        "value",
        [["r1"], {"r": 1}, True, 1.0, None, "", 10**5000],
        ids=["list", "dict", "bool", "float", "None", "empty", "huge"],
    )
    def test_leaves_out_records_with_invalid_ids(self, value: Any) -> None:
        """Two records with the same invalid id have two faults, and are not compared."""
        roles = [a_page([{"id": value, "label": "A"}, {"id": value, "label": "B"}])]
        directory = read(roles=roles, users=[a_page([])])
        faults = [str(fault) for record in directory.unreadable for fault in record.faults]
        assert ((), {None}) == (directory.roles, {record.id for record in directory.unreadable})
        assert all(" must be an id: a non-blank str or an int, got " in fault for fault in faults)
        assert ["roles[0].records[0].id", "roles[0].records[1].id"] == [fault.split(" ")[0] for fault in faults]

    def test_leaves_out_agents_whose_role_is_missing(self) -> None:
        """Without the role, the permissions of the agent are not known."""
        directory = read(roles=[a_page([])])
        assert () == directory.agents
        assert [
            "users[0].records[0].role_id names none of the roles",
            "users[0].records[1].role_id names none of the roles",
        ] == [str(fault) for record in directory.unreadable for fault in record.faults]

    def test_rejects_a_domain_of_another_type(self) -> None:
        """It is a fault like any other."""
        assert ["domain must be a Domain, got a str"] == faults_of(read, domain="acme")

    def test_rejects_raw_data_of_ringcentral(self) -> None:
        """The host has to make `RingCentralUser`s of it first."""
        assert ["ringcentral must be a collection of RingCentralUsers, got a str"] == faults_of(read, ringcentral="5")
        assert ["ringcentral[1] must be a RingCentralUser, got a dict"] == faults_of(
            read, ringcentral=[a_ringcentral_user(), {"id": 5}]
        )

    def test_rejects_contradictory_data_of_one_extension(self) -> None:
        """Two equal values are accepted."""
        user = a_ringcentral_user()
        assert user == read(ringcentral=[user, user]).agents[0].ringcentral
        others = [user, a_ringcentral_user(extension_id="1"), attrs.evolve(user, video=VideoAccess.DENIED)]
        assert ["ringcentral[2] differs from ringcentral[0], which has the same extension id"] == faults_of(
            read, ringcentral=others
        )


#: Five records to put on pages.
FIVE: Final = [{"id": f"s{number}", "type": "viber"} for number in range(5)]


def ids_of(*pages: Any) -> list[str]:
    """Read the pages of sources and return the ids of the channels."""
    return [channel.id for channel in read(sources=pages).channels]


class TestPages:
    """Pages are accepted in any order if they are complete."""

    @pytest.mark.parametrize(
        "pages",
        [
            [a_page(FIVE)],
            [a_page(FIVE[:2], 0, 5), a_page(FIVE[2:4], 2, 5), a_page(FIVE[4:], 4, 5)],
            [a_page(FIVE[4:], 4, 5), a_page(FIVE[:2], 0, 5), a_page(FIVE[2:4], 2, 5)],
            [a_page(FIVE[:2], 0, 5), a_page(FIVE[:2], 0, 5), a_page(FIVE[2:], 2, 5)],
            [a_page(FIVE[:3], 0, 5), a_page(FIVE[2:], 2, 5)],
            [a_page(FIVE[:4], 0, 5), a_page(FIVE[1:3], 1, 5), a_page(FIVE[4:], 4, 5)],
            [a_page(FIVE[:4], 0, 5), a_page(FIVE[3:], 4, 5)],
            [a_page(FIVE), a_page([], 5, 5)],
            [a_page(FIVE), a_page([], 50, 5)],
            [a_page(FIVE), a_page([], 0, 5)],
        ],
        ids=[
            *("one", "three", "any order", "page twice", "overlap", "page within another", "record moved on"),
            *("empty page at the end", "empty page beyond the end", "empty page at the start"),
        ],
    )
    def test_that_are_complete_make_the_list(self, pages: list[Any]) -> None:
        """A record that is there twice counts once."""
        assert [record["id"] for record in FIVE] == ids_of(*pages)

    def test_can_be_one_page_without_records(self) -> None:
        """The list is empty only if a page says so."""
        assert [] == ids_of(a_page([]))

    @pytest.mark.parametrize(
        ("pages", "fault"),
        [
            ([], "sources has no page: pass every page, an empty one too"),
            ([a_page([], 0, 5)], "sources lacks records 0 to 4: pass every page"),
            ([a_page(FIVE[:4], 0, 5)], "sources lacks record 4: pass every page"),
            ([a_page(FIVE[1:], 1, 5)], "sources lacks record 0: pass every page"),
            (
                [a_page(FIVE[:2], 0, 5), a_page([], 50, 5)],
                "sources lacks records 2 to 4: pass every page",
            ),
            (
                [a_page(FIVE[:2], 0, 5), a_page([FIVE[4]], 4, 5)],
                "sources lacks records 2 to 3: pass every page",
            ),
            (
                [a_page(FIVE[:2], 0, 5), a_page(FIVE[1:4], 2, 5)],
                "sources holds 4 different records, but each page counts 5: read all pages again",
            ),
            ([a_page(FIVE, 0, 4)], "sources holds 5 different records, but each page counts 4: read all pages again"),
            (
                [a_page(FIVE[:2], 0, 2), a_page(FIVE[2:], 50, 2)],
                "sources holds 5 different records, but each page counts 2: read all pages again",
            ),
            (
                [a_page(FIVE[:2], 0, 5), a_page(FIVE[2:], 2, 6)],
                "sources[1].count is 6, but sources[0].count is 5: read all pages again",
            ),
            (
                [a_page([FIVE[0], FIVE[0] | {"type": "chat"}])],
                "sources[0].records[1] differs from sources[0].records[0], which has the same id: read all pages again",
            ),
        ],
        ids=[
            *("none", "empty", "last", "first", "last, and one beyond the end", "middle", "slipped through", "more"),
            *("more beyond the end", "count", "differing repeat"),
        ],
    )
    def test_that_are_incomplete_are_rejected(self, pages: list[Any], fault: str) -> None:
        """An audit would not have the agents on a missing page."""
        assert [fault] == faults_of(ids_of, *pages)

    def test_have_a_fault_for_each_gap(self) -> None:
        """Each gap is a page to load again."""
        assert [
            "sources lacks record 0: pass every page",
            "sources lacks record 2: pass every page",
            "sources lacks record 4: pass every page",
        ] == faults_of(ids_of, a_page(FIVE[1:2], 1, 5), a_page(FIVE[3:4], 3, 5))

    @pytest.mark.parametrize(
        ("pages", "fault"),
        [
            ("[]", "sources must be a collection of pages, got a str"),
            (a_page(FIVE), "sources must be a collection of pages, got a dict"),
            (None, "sources must be a collection of pages, got None"),
            ([FIVE], "sources[0] must be a mapping, got a list"),
            ([a_page(FIVE) | {"records": None}], "sources[0].records must be a list of records, got None"),
            (
                [a_page(FIVE) | {"records": (*FIVE,)}],
                "sources[0].records must be a list of records, got a tuple of dict",
            ),
            ([a_page(FIVE) | {"records": "[]"}], "sources[0].records must be a list of records, got a str"),
            *(
                (
                    [a_page(FIVE) | {"offset": value}],
                    f"sources[0].offset must be a number from 0 to 2**63 - 1, got {kind}",
                )
                for value, kind in (
                    (None, "None"),
                    ("0", "a str"),
                    (-1, "-1"),
                    (2**63, "9223372036854775808"),
                    (10**5000, "an int"),
                    (0.0, "0.0"),
                    (False, "a bool"),
                )
            ),
            ([a_page(FIVE) | {"count": True}], "sources[0].count must be a number from 0 to 2**63 - 1, got a bool"),
        ],
        ids=[
            *(
                "str",
                "dict",
                "None",
                "list",
                "no records",
                "tuple of records",
                "str of records",
                "no offset",
                "str offset",
            ),
            *("negative offset", "large offset", "huge offset", "float offset", "bool offset", "bool count"),
        ],
    )
    def test_that_are_invalid_are_rejected(self, pages: Any, fault: str) -> None:
        """An invalid page does not count as empty. There is no second fault that its records are missing."""
        assert [fault] == faults_of(read, sources=pages)

    def test_are_checked_in_every_list(self) -> None:
        """One error has the faults of all lists."""
        pages = {name: [a_page([], 0, 1)] for name in ("roles", "users", "sources")}
        assert [f"{name} lacks record 0: pass every page" for name in pages] == faults_of(read, **pages)

    def test_have_faults_with_data(self) -> None:
        """A host can load the list in the path again."""
        with pytest.raises(InvalidPayloadError) as caught:
            ids_of(a_page([], 0, 1))
        (fault,) = caught.value.faults
        expected = ("sources", "no page with record 0", "every page of the list")
        assert expected == (fault.path, fault.found, fault.accepted)
