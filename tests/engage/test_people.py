"""Roles and agents are read from Role and User records."""

from typing import Any

import pytest

from escalation_policy import Agent, Permission, RingCentralUser, Role, VideoAccess
from escalation_policy.engage import agent_from_payload, role_from_payload
from escalation_policy.exceptions import Fault, InvalidPayloadError

ROLE = Role(id="r1", domain_id="acme", label="Video agent", permissions={Permission.ESCALATE_TO_VIDEO})


def a_role(**changes: Any) -> dict[str, Any]:
    """A Role record."""
    return {"id": "r1", "label": "Video agent", "created_at": "2024-02-01T08:00:00Z", "updated_at": None} | changes


def a_user(**changes: Any) -> dict[str, Any]:
    """A User record of an agent who is not linked."""
    return {"id": "u1", "enabled": True, "role_id": "r1", "email": "ada@example.com", "rc_user_id": None} | changes


def read_user(payload: dict[str, Any], ringcentral: RingCentralUser | None = None) -> Agent:
    """Reads a user whose role is `ROLE`."""
    return agent_from_payload(payload, domain_id="acme", role=ROLE, ringcentral=ringcentral)


class TestRoleFromPayload:
    """Of a role's fields, exactly the flags that are true are granted."""

    def test_a_role_without_flags_may_do_nothing(self) -> None:
        """A missing flag is not granted."""
        assert Role(id="r1", domain_id="acme", label="Video agent") == role_from_payload(a_role(), domain_id="acme")

    @pytest.mark.parametrize("permission", Permission, ids=str)
    def test_true_grants_each_permission(self, permission: Permission) -> None:
        """Each flag that the API has is one permission."""
        role = role_from_payload(a_role(**{permission.value: True}), domain_id="acme")
        assert frozenset({permission}) == role.permissions
        assert frozenset() == role.unknown_permissions

    def test_false_grants_nothing(self) -> None:
        """A flag that is false is neither granted nor kept."""
        role = role_from_payload(a_role(escalate_to_video=False, brand_new=False), domain_id="acme")
        assert (frozenset(), frozenset()) == (role.permissions, role.unknown_permissions)

    def test_the_label_grants_nothing(self) -> None:
        """Administrators rename roles as they like."""
        role = role_from_payload(a_role(label="escalate_to_video"), domain_id="acme")
        assert frozenset() == role.permissions

    def test_an_unknown_flag_that_is_true_is_kept_and_grants_nothing(self) -> None:
        """A newer API may have flags that no `Permission` has."""
        role = role_from_payload(a_role(fly_to_the_moon=True, use_emoji=True), domain_id="acme")
        assert frozenset({"fly_to_the_moon"}) == role.unknown_permissions
        assert frozenset({Permission.USE_EMOJI}) == role.permissions

    def test_a_flag_without_name_is_refused(self) -> None:
        """It could not be told from other roles' flags."""
        with pytest.raises(InvalidPayloadError, match=r"^Role.unknown_permissions must be "):
            role_from_payload(a_role(**{"": True}), domain_id="acme")

    # What is not a bool is never read as one, under a known key or another.
    @pytest.mark.parametrize("key", ["escalate_to_video", "fly_to_the_moon"])
    @pytest.mark.parametrize(
        ("value", "found"),
        [("true", "a str"), (1, "an int"), (1.0, "a float"), (None, "None"), ([], "an empty list"), ({}, "a dict")],
        ids=["string", "one", "float", "null", "array", "object"],
    )
    def test_a_flag_that_is_no_bool_is_a_fault(self, key: str, value: object, found: str) -> None:
        """Every field apart from the four that are no flags is one."""
        with pytest.raises(InvalidPayloadError) as caught:
            role_from_payload(a_role(**{key: value}), domain_id="acme")
        (fault,) = caught.value.faults
        assert (found, "true or false") == (fault.found, fault.accepted)
        assert {
            "escalate_to_video": f"role.escalate_to_video must be true or false, got {found}",
            "fly_to_the_moon": f"role has a flag of an unknown name, which must be true or false, got {found}",
        }[key] == str(fault)

    @pytest.mark.parametrize(
        "key",
        ["ada@example.com", "hunter2", "\x1b[31m", "k" * 50, 7, ("ada@example.com",)],
        ids=["address", "password", "escape sequence", "long", "number", "tuple"],
    )
    def test_the_name_of_an_unknown_flag_is_not_shown(self, key: Any) -> None:
        """A name that no permission has can be anything, even if it looks like a key."""
        with pytest.raises(InvalidPayloadError) as caught:
            role_from_payload({**a_role(), key: "yes"}, domain_id="acme")
        assert "role has a flag of an unknown name, which must be true or false, got a str" == str(caught.value)

    # A role is identified by its id, and its label is required by the API.
    @pytest.mark.parametrize("field", ["id", "label"])
    @pytest.mark.parametrize(
        ("value", "found"),
        [(None, "None"), ("", "an empty str"), (" \t", "a blank str")],
        ids=["null", "empty", "blank"],
    )
    def test_id_and_label_say_something(self, field: str, value: object, found: str) -> None:
        """Null and blank say nothing."""
        with pytest.raises(InvalidPayloadError) as caught:
            role_from_payload(a_role(**{field: value}), domain_id="acme")
        assert [(f"role.{field}", found)] == [(fault.path, fault.found) for fault in caught.value.faults]

    def test_all_faults_are_reported_together(self) -> None:
        """Whoever mends a record sees all that is wrong with it at once."""
        with pytest.raises(InvalidPayloadError) as caught:
            role_from_payload({"use_emoji": "yes"}, domain_id="acme")
        assert ["role.use_emoji", "role.id", "role.label"] == [fault.path for fault in caught.value.faults]
        assert ["a str", "nothing", "nothing"] == [fault.found for fault in caught.value.faults]

    def test_a_domain_that_cannot_be_is_an_invalid_payload_too(self) -> None:
        """Readers raise one error only."""
        with pytest.raises(InvalidPayloadError, match=r"Role.domain_id must be a non-empty str, got an empty str"):
            role_from_payload(a_role(), domain_id="")

    # A list of roles, the text of one, or none at all is not a role.
    @pytest.mark.parametrize(
        ("payload", "found"),
        [([a_role()], "a list"), ("{}", "a str"), (None, "None"), (True, "a bool")],
        ids=["list", "text", "null", "true"],
    )
    def test_a_payload_is_a_mapping(self, payload: Any, found: str) -> None:
        """Its fields are not said to be missing as well."""
        with pytest.raises(InvalidPayloadError) as caught:
            role_from_payload(payload, domain_id="acme")
        assert (Fault.mismatch("role", found, "a mapping"),) == caught.value.faults


class TestAgentFromPayload:
    """An agent is enabled, has the role it names and is linked by the RingCentral id, or the record is refused."""

    def test_a_record_becomes_an_agent(self) -> None:
        """Every field that the values have is read."""
        agent = read_user(a_user(team_ids=["t1", 2], rc_user_id="664307016"))
        expected = Agent(
            id="u1",
            domain_id="acme",
            role=ROLE,
            enabled=True,
            email="ada@example.com",
            ringcentral=RingCentralUser(extension_id="664307016"),
            team_ids={"t1", "2"},
        )
        assert expected == agent

    def test_what_a_record_leaves_out_is_absent(self) -> None:
        """The least a record may hold."""
        agent = read_user({"id": "u1", "enabled": False, "role_id": "r1"})
        assert Agent(id="u1", domain_id="acme", role=ROLE, enabled=False) == agent

    def test_other_fields_are_ignored(self) -> None:
        """Whatever they hold."""
        assert read_user(a_user()) == read_user(a_user(firstname=3, gender=[], invitation_pending="maybe"))

    # Ids are strings or integers.
    @pytest.mark.parametrize(("given", "read"), [("u1", "u1"), (17, "17"), (0, "0")], ids=["string", "integer", "zero"])
    def test_an_id_becomes_a_string(self, given: object, read: str) -> None:
        """Only so can ids of two sources be compared."""
        assert read == read_user(a_user(id=given)).id

    # Everything else is no id.
    @pytest.mark.parametrize(
        "given",
        [True, 1.0, None, "", " ", [], 10**5000],
        ids=["bool", "float", "null", "empty", "blank", "list", "huge"],
    )
    def test_nothing_else_is_an_id(self, given: object) -> None:
        """Least of all a bool, which Python counts among the integers."""
        with pytest.raises(InvalidPayloadError, match=r"user.id must be an id: a non-blank str or an int, got"):
            read_user(a_user(id=given))

    # Nobody is enabled by omission, nor by anything that is not a bool.
    @pytest.mark.parametrize(
        ("change", "found"),
        [({}, "nothing"), ({"enabled": None}, "None"), ({"enabled": 1}, "an int"), ({"enabled": "true"}, "a str")],
        ids=["missing", "null", "one", "string"],
    )
    def test_enabled_is_told(self, change: dict[str, Any], found: str) -> None:
        """A record that leaves it out is refused."""
        with pytest.raises(InvalidPayloadError) as caught:
            read_user({"id": "u1", "role_id": "r1"} | change)
        (fault,) = caught.value.faults
        assert ("user.enabled", found, "true or false") == (fault.path, fault.found, fault.accepted)

    # The role id is what grants: it is there, and it is that of the role.
    @pytest.mark.parametrize(
        ("role_id", "found"), [("r2", "another id"), (None, "None"), (True, "a bool")], ids=["stale", "null", "bool"]
    )
    def test_the_role_is_the_one_the_record_names(self, role_id: object, found: str) -> None:
        """A role looked up in any other way may be a stale one, or somebody else's."""
        with pytest.raises(InvalidPayloadError) as caught:
            read_user(a_user(role_id=role_id))
        assert [("user.role_id", found)] == [(fault.path, fault.found) for fault in caught.value.faults]

    # Blank is no address.
    @pytest.mark.parametrize("email", [None, "", "  "], ids=["null", "empty", "blank"])
    def test_a_blank_email_is_absent(self, email: object) -> None:
        """Two blanks would be the same person."""
        assert read_user(a_user(email=email)).email is None

    # Teams are lists of ids, or there are none.
    @pytest.mark.parametrize(
        ("teams", "path"),
        [
            ("t1", "user.team_ids"),
            ({"t1": 1}, "user.team_ids"),
            (["t1", None], "user.team_ids[1]"),
            ([""], "user.team_ids[0]"),
        ],
        ids=["string", "object", "null inside", "blank inside"],
    )
    def test_teams_are_a_list_of_ids(self, teams: object, path: str) -> None:
        """The fault says which of them is none."""
        with pytest.raises(InvalidPayloadError) as caught:
            read_user(a_user(team_ids=teams))
        assert [path] == [fault.path for fault in caught.value.faults]

    def test_a_role_record_is_no_role(self) -> None:
        """The value is wanted, and it has been checked."""
        record: Any = {"id": "r1"}
        with pytest.raises(InvalidPayloadError, match=r"^role must be a Role, got a dict$"):
            agent_from_payload(a_user(), domain_id="acme", role=record)


class TestRingCentralLink:
    """Only the RingCentral id links an agent; what RingCentral told only adds to it."""

    TOLD = RingCentralUser(
        extension_id="664307016", account_id="664287016", video=VideoAccess.GRANTED, email="ada@example.com"
    )

    # Neither the domain's own single sign-on nor what RingCentral told makes a link.
    @pytest.mark.parametrize("told", [None, TOLD], ids=["alone", "with ringcentral"])
    @pytest.mark.parametrize(
        "change",
        [
            {"rc_user_id": None},
            {"rc_user_id": ""},
            {"rc_user_id": " "},
            {"external_id": "664307016"},
            {"no_password": True},
        ],
        ids=["null", "empty", "blank", "external id", "no password"],
    )
    def test_an_agent_without_ringcentral_id_is_not_linked(
        self, change: dict[str, Any], told: RingCentralUser | None
    ) -> None:
        """`external_id` and `no_password` belong to other ways to log in."""
        assert read_user(a_user(**change), told).ringcentral is None

    def test_a_missing_ringcentral_id_links_nothing(self) -> None:
        """Whatever else is passed."""
        assert read_user({"id": "u1", "enabled": True, "role_id": "r1"}, self.TOLD).ringcentral is None

    # The platform writes ids as strings and as numbers.
    @pytest.mark.parametrize("given", ["664307016", 664307016], ids=["string", "integer"])
    def test_what_ringcentral_told_is_added(self, given: object) -> None:
        """Account, e-mail and video access come from RingCentral alone."""
        assert self.TOLD == read_user(a_user(rc_user_id=given), self.TOLD).ringcentral

    def test_ids_that_disagree_are_a_fault(self) -> None:
        """What was told is about somebody else."""
        with pytest.raises(InvalidPayloadError) as caught:
            read_user(a_user(rc_user_id="1"), self.TOLD)
        expected = Fault.mismatch("user.rc_user_id", "another id", "the extension id that RingCentral told")
        assert (expected,) == caught.value.faults

    # "~" in a path would be whoever owns the token.
    @pytest.mark.parametrize(
        "given",
        ["~", "12a", "1" * 21, -5, True, 1.5, ["1"]],
        ids=["tilde", "letter", "long", "minus", "bool", "float", "list"],
    )
    def test_an_extension_id_is_digits(self, given: object) -> None:
        """Nothing else may ever stand in a path of the RingCentral API."""
        with pytest.raises(
            InvalidPayloadError, match=r"user.rc_user_id must be an extension id: 1 to 20 ASCII digits, got"
        ):
            read_user(a_user(rc_user_id=given))

    def test_a_raw_record_is_not_what_ringcentral_told(self) -> None:
        """The value is wanted, and it has been checked."""
        record: Any = {"id": 664307016}
        with pytest.raises(InvalidPayloadError, match=r"^ringcentral must be a RingCentralUser, got a dict$"):
            read_user(a_user(rc_user_id="664307016"), record)
