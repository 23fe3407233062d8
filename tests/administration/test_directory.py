"""The directory: all roles, agents and channels of one domain, whole and without contradictions."""

import pickle
from typing import Any, Final

import attrs
import pytest

from escalation_policy import Agent, Channel, ChannelKind, Permission, RingCentralUser, Role, VideoAccess
from escalation_policy.administration import Directory
from escalation_policy.exceptions import InvalidPayloadError, InvalidValueError
from escalation_policy.testing import a_channel, a_domain, a_ringcentral_user, a_role, an_agent

DOMAIN: Final = a_domain()


def faults_of(call: Any, *arguments: Any, **fields: Any) -> list[str]:
    """Lists what is wrong, in words."""
    with pytest.raises(InvalidPayloadError) as caught:
        call(*arguments, **fields)
    return [str(fault) for fault in caught.value.faults]


class TestDirectory:
    """Ids are unique, everything is of one domain, and agents have roles that are there."""

    def test_holds_what_it_was_given(self) -> None:
        """In the order given."""
        agents = [an_agent(id="u2"), an_agent(id="u1")]
        directory = Directory(domain=DOMAIN, roles=[a_role(id="r2"), a_role()], agents=agents, channels=[a_channel()])
        assert (DOMAIN, (a_role(id="r2"), a_role()), (*agents,), (a_channel(),)) == attrs.astuple(
            directory, recurse=False
        )

    def test_may_be_empty(self) -> None:
        """A domain that is just being set up has nobody."""
        assert Directory(domain=DOMAIN) == Directory(domain=DOMAIN, roles=(), agents=(), channels=())

    def test_takes_any_collection_and_freezes_it(self) -> None:
        """Which of them can be read only once does not matter."""
        agents = [an_agent()]
        directory = Directory(
            domain=DOMAIN, roles={a_role()}, agents=iter(agents), channels=(each for each in [a_channel()])
        )
        assert ((a_role(),), (an_agent(),), (a_channel(),)) == (directory.roles, directory.agents, directory.channels)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            directory.agents = ()  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]

    def test_survives_pickles_and_shows_no_address_no_label_and_no_id_of_ringcentral(self) -> None:
        """Its repr ends up in logs."""
        directory = Directory(domain=DOMAIN, roles=[a_role(label="Secret")], agents=[an_agent(role_label="Secret")])
        assert directory == pickle.loads(pickle.dumps(directory))
        shown = repr(directory)
        assert [] == [secret for secret in ("ada@", "664307016", "664287016", "Secret") if secret in shown]

    def test_lists_every_fault(self) -> None:
        """In one error: whoever mends them one by one would load everything as many times."""
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

    def test_counts_ids_of_each_kind_for_themselves(self) -> None:
        """An agent and a channel may well have the same number."""
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
        ],
        ids=["domain", "str", "dict", "roles", "one", "None"],
    )
    def test_refuses_what_is_no_collection_of_its_parts(self, fields: dict[str, Any], message: str) -> None:
        """Raw records are read by `from_pages()`."""
        arguments: dict[str, Any] = {"domain": DOMAIN} | fields
        with pytest.raises(InvalidValueError) as caught:
            Directory(**arguments)
        assert message == str(caught.value)


def a_page(records: list[Any], offset: int = 0, count: Any = None) -> dict[str, Any]:
    """Makes a page as the API answers it; the only one, unless it says otherwise."""
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
    """Reads a directory of one page each, but for the fields given."""
    pages: dict[str, Any] = {"roles": [a_page(ROLES)], "users": [a_page(USERS)], "sources": [a_page(SOURCES)]}
    arguments: dict[str, Any] = {"domain": DOMAIN} | pages | fields
    return Directory.from_pages(**arguments)


class TestFromPages:
    """The API's lists are read as its records are, and put together."""

    def test_reads_roles_users_and_sources(self) -> None:
        """Flags of a newer API, ids that are numbers, and types that the host names included."""
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
        assert expected == read(ringcentral=[user], kinds={"acme_portal": ChannelKind.CHANNEL_SDK})

    def test_knows_of_an_extension_what_ringcentral_told_only(self) -> None:
        """A profile holds the id; neither its account nor its video access is made up."""
        assert RingCentralUser(extension_id="664307016") == read().agents[0].ringcentral
        told = a_ringcentral_user(extension_id="1")
        assert VideoAccess.UNKNOWN is (read(ringcentral=[told]).agents[0].ringcentral or told).video

    def test_lists_all_faults_of_all_records(self) -> None:
        """Where they stand: list, page, record, field."""
        roles = [a_page([{"id": "r1", "label": "", "fly": 1}])]
        users = [
            a_page([{"id": "u1", "enabled": "yes", "role_id": "r9"}], count=2),
            a_page([{"id": "u2", "enabled": True}], 1, 2),
        ]
        sources = [a_page([{"type": 5}, "s1"])]
        assert [
            "roles[0].records[0] has a flag of an unknown name, which must be true or false, got an int",
            "roles[0].records[0].label must be a non-blank str, got an empty str",
            "users[0].records[0].role_id names none of the roles",
            "users[0].records[0].enabled must be true or false, got a str",
            "users[1].records[0].role_id is missing: it must be an id: a non-blank str or an int",
            "sources[0].records[1] must be a mapping, got a str",
            "sources[0].records[0].type must be a non-blank str, got an int",
            "sources[0].records[0].id is missing: it must be an id: a non-blank str or an int",
        ] == faults_of(read, roles=roles, users=users, sources=sources)

    def test_refuses_ids_that_only_look_different(self) -> None:
        """5 and "5" are one id: the second record repeats the first, and differs."""
        roles = [a_page([{"id": 5, "label": "A"}, {"id": "5", "label": "A"}])]
        assert [
            "roles[0].records[1] differs from roles[0].records[0], which has the same id: read all pages again"
        ] == faults_of(read, roles=roles, users=[a_page([])])

    @pytest.mark.parametrize(
        "value",
        [["r1"], {"r": 1}, True, 1.0, None, "", 10**5000],
        ids=["list", "dict", "bool", "float", "None", "empty", "huge"],
    )
    def test_refuses_ids_that_are_none(self, value: Any) -> None:
        """Whatever was sent; two of them are two faults, and no repeat."""
        roles = [a_page([{"id": value, "label": "A"}, {"id": value, "label": "B"}])]
        found = faults_of(read, roles=roles, users=[a_page([])])
        assert all(" must be an id: a non-blank str or an int, got " in fault for fault in found)
        assert {"roles[0].records[0].id", "roles[0].records[1].id"} == {fault.split(" ")[0] for fault in found}

    def test_refuses_a_role_that_is_missing_in_the_list(self) -> None:
        """Without it nobody knows what the agent may do."""
        assert [
            "users[0].records[0].role_id names none of the roles",
            "users[0].records[1].role_id names none of the roles",
        ] == faults_of(read, roles=[a_page([])])

    def test_refuses_a_domain_that_is_none(self) -> None:
        """Together with whatever else is wrong."""
        assert ["domain must be a Domain, got a str"] == faults_of(read, domain="acme")

    def test_refuses_extensions_that_are_none(self) -> None:
        """What RingCentral answered is to be read first."""
        assert ["ringcentral must be a collection of RingCentralUsers, got a str"] == faults_of(read, ringcentral="5")
        assert ["ringcentral[1] must be a RingCentralUser, got a dict"] == faults_of(
            read, ringcentral=[a_ringcentral_user(), {"id": 5}]
        )

    def test_refuses_two_tellings_of_one_extension(self) -> None:
        """Neither is believed; one told twice is."""
        told = a_ringcentral_user()
        assert told == read(ringcentral=[told, told]).agents[0].ringcentral
        others = [told, a_ringcentral_user(extension_id="1"), attrs.evolve(told, video=VideoAccess.DENIED)]
        assert ["ringcentral[2] differs from ringcentral[0], which has the same extension id"] == faults_of(
            read, ringcentral=others
        )

    def test_refuses_what_the_records_do_not_say_of_extensions(self) -> None:
        """An id of RingCentral is never shown."""
        users = [a_page([{"id": "u1", "enabled": True, "role_id": "r1", "rc_user_id": "664 307 016"}])]
        assert ["users[0].records[0].rc_user_id must be an extension id: 1 to 20 ASCII digits, got a str"] == faults_of(
            read, users=users, ringcentral=[a_ringcentral_user()]
        )


#: Five records to cut into pages.
FIVE: Final = [{"id": f"s{number}", "type": "viber"} for number in range(5)]


def ids_of(*pages: Any) -> list[str]:
    """Reads a list of sources, and gives their ids."""
    return [channel.id for channel in read(sources=pages).channels]


class TestPages:
    """Pages are put together in any order, when they are all there."""

    # Each of these is the whole list.
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
    def test_that_are_all_there_make_the_list(self, pages: list[Any]) -> None:
        """Identical repeats merge."""
        assert [each["id"] for each in FIVE] == ids_of(*pages)

    def test_of_an_empty_list_is_one_without_records(self) -> None:
        """That there is nothing is something that the API has to say."""
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
    def test_that_are_not_whole_are_refused(self, pages: list[Any], fault: str) -> None:
        """Who is not in the list would be neither ready nor missing anything."""
        assert [fault] == faults_of(ids_of, *pages)

    def test_lists_all_holes(self) -> None:
        """Each page that is to be loaded again."""
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
                    f"sources[0].offset must be a number from 0 to 2**63 - 1, got {found}",
                )
                for value, found in (
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
    def test_that_are_none_are_refused(self, pages: Any, fault: str) -> None:
        """What is not a page is not taken for an empty one; and no page is missed where one could not be read."""
        assert [fault] == faults_of(read, sources=pages)

    def test_of_every_list_are_checked(self) -> None:
        """All faults come together."""
        pages = {name: [a_page([], 0, 1)] for name in ("roles", "users", "sources")}
        assert [f"{name} lacks record 0: pass every page" for name in pages] == faults_of(read, **pages)

    def test_name_what_is_wrong_as_data(self) -> None:
        """Hosts load again what the path says."""
        with pytest.raises(InvalidPayloadError) as caught:
            ids_of(a_page([], 0, 1))
        (fault,) = caught.value.faults
        expected = ("sources", "no page with record 0", "every page of the list")
        assert expected == (fault.path, fault.found, fault.accepted)
