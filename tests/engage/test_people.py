"""Roles and agents, read from the payloads Role and User."""

from typing import Any

import pytest

from escalation_policy import Agent, Permission, RingCentralUser, Role, VideoAccess
from escalation_policy.engage import agent_from_payload, role_from_payload
from escalation_policy.exceptions import Fault, InvalidPayloadError

ROLE = Role(id="r1", domain_id="acme", label="Video agent", permissions={Permission.ESCALATE_TO_VIDEO})


def a_role(**changes: Any) -> dict[str, Any]:
    """Return a Role."""
    return {"id": "r1", "label": "Video agent", "created_at": "2024-02-01T08:00:00Z", "updated_at": None} | changes


def a_user(**changes: Any) -> dict[str, Any]:
    """Return a User who is not linked."""
    return {"id": "u1", "enabled": True, "role_id": "r1", "email": "ada@example.com", "rc_user_id": None} | changes


def read_user(payload: dict[str, Any], ringcentral: RingCentralUser | None = None) -> Agent:
    """Read a User whose role is `ROLE`."""
    return agent_from_payload(payload, domain_id="acme", role=ROLE, ringcentral=ringcentral)


class TestRoleFromPayload:
    """Exactly the flags that are true are granted."""

    def test_a_role_without_flags_grants_nothing(self) -> None:
        """A missing flag is not granted."""
        assert Role(id="r1", domain_id="acme", label="Video agent") == role_from_payload(a_role(), domain_id="acme")

    @pytest.mark.parametrize("permission", Permission, ids=str)
    def test_true_grants_each_permission(self, permission: Permission) -> None:
        """Each flag that the API has is one permission."""
        role = role_from_payload(a_role(**{permission.value: True}), domain_id="acme")
        assert frozenset({permission}) == role.permissions
        assert frozenset() == role.unknown_permissions

    def test_false_grants_nothing(self) -> None:
        """A false flag is not one of the unknown permissions either."""
        role = role_from_payload(a_role(escalate_to_video=False, brand_new=False), domain_id="acme")
        assert (frozenset(), frozenset()) == (role.permissions, role.unknown_permissions)

    def test_the_label_grants_nothing(self) -> None:
        """Administrators can rename roles as they like."""
        role = role_from_payload(a_role(label="escalate_to_video"), domain_id="acme")
        assert frozenset() == role.permissions

    def test_an_unknown_flag_that_is_true_is_stored_and_grants_nothing(self) -> None:
        """A newer API may have flags without a `Permission`."""
        role = role_from_payload(a_role(fly_to_the_moon=True, use_emoji=True), domain_id="acme")
        assert frozenset({"fly_to_the_moon"}) == role.unknown_permissions
        assert frozenset({Permission.USE_EMOJI}) == role.permissions

    def test_a_flag_without_name_is_refused(self) -> None:
        """Two such flags could not be distinguished."""
        with pytest.raises(InvalidPayloadError, match=r"^Role.unknown_permissions must be "):
            role_from_payload(a_role(**{"": True}), domain_id="acme")

    # No other value counts as a bool.
    @pytest.mark.parametrize(
        ("value", "actual"),
        [("true", "a str"), (1, "an int"), (1.0, "a float"), (None, "None"), ([], "an empty list"), ({}, "a dict")],
        ids=["string", "one", "float", "null", "array", "object"],
    )
    def test_the_flag_of_a_permission_is_a_bool(self, value: object, actual: str) -> None:
        """Whether it is granted would be a guess."""
        with pytest.raises(InvalidPayloadError) as caught:
            role_from_payload(a_role(escalate_to_video=value), domain_id="acme")
        (fault,) = caught.value.faults
        assert (actual, "true or false") == (fault.found, fault.accepted)
        assert f"role.escalate_to_video must be true or false, got {actual}" == str(fault)

    @pytest.mark.parametrize("value", ["yes", 1, 1.0, None, [True], {"own": True}], ids=str)
    @pytest.mark.parametrize("key", ["description", "users_count", 7, ("x",)], ids=str)
    def test_a_new_field_that_is_no_flag_is_left_out(self, key: Any, value: object) -> None:
        """A newer API may have more than flags. The rest of the role is read."""
        role = role_from_payload({**a_role(use_emoji=True), key: value}, domain_id="acme")
        assert role_from_payload(a_role(use_emoji=True), domain_id="acme") == role

    # The id identifies a role, and the API requires the label.
    @pytest.mark.parametrize("field", ["id", "label"])
    @pytest.mark.parametrize(
        ("value", "actual"),
        [(None, "None"), ("", "an empty str"), (" \t", "a blank str")],
        ids=["null", "empty", "blank"],
    )
    def test_id_and_label_are_not_blank(self, field: str, value: object, actual: str) -> None:
        """Null is as wrong as blank."""
        with pytest.raises(InvalidPayloadError) as caught:
            role_from_payload(a_role(**{field: value}), domain_id="acme")
        assert [(f"role.{field}", actual)] == [(fault.path, fault.found) for fault in caught.value.faults]

    def test_all_faults_are_reported_together(self) -> None:
        """The developer sees everything that is wrong with a payload at once."""
        with pytest.raises(InvalidPayloadError) as caught:
            role_from_payload({"use_emoji": "yes"}, domain_id="acme")
        assert ["role.use_emoji", "role.id", "role.label"] == [fault.path for fault in caught.value.faults]
        assert ["a str", "nothing", "nothing"] == [fault.found for fault in caught.value.faults]

    def test_an_invalid_domain_is_an_invalid_payload_too(self) -> None:
        """Readers raise only one error."""
        with pytest.raises(InvalidPayloadError, match=r"Role.domain_id must be a non-empty str, got an empty str"):
            role_from_payload(a_role(), domain_id="")

    # A list of roles, the text of a role, and null are not roles.
    @pytest.mark.parametrize(
        ("payload", "actual"),
        [([a_role()], "a list"), ("{}", "a str"), (None, "None"), (True, "a bool")],
        ids=["list", "text", "null", "true"],
    )
    def test_a_payload_is_a_mapping(self, payload: Any, actual: str) -> None:
        """Its fields are not reported as missing as well."""
        with pytest.raises(InvalidPayloadError) as caught:
            role_from_payload(payload, domain_id="acme")
        assert (Fault.mismatch("role", actual, "a mapping"),) == caught.value.faults


class TestAgentFromPayload:
    """An agent is enabled, has the role of its `role_id`, and is linked by its RingCentral id. Other payloads are refused."""

    def test_a_payload_becomes_an_agent(self) -> None:
        """All fields of the value are read."""
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

    def test_missing_fields_are_absent(self) -> None:
        """This is the smallest payload."""
        agent = read_user({"id": "u1", "enabled": False, "role_id": "r1"})
        assert Agent(id="u1", domain_id="acme", role=ROLE, enabled=False) == agent

    def test_other_fields_are_ignored(self) -> None:
        """Whether they are set or not."""
        assert read_user(a_user()) == read_user(a_user(firstname=3, gender=[], invitation_pending="maybe"))

    # Ids are strings or integers.
    @pytest.mark.parametrize(
        ("value", "expected"), [("u1", "u1"), (17, "17"), (0, "0")], ids=["string", "integer", "zero"]
    )
    def test_an_id_becomes_a_string(self, value: object, expected: str) -> None:
        """Only so can ids of two sources be compared."""
        assert expected == read_user(a_user(id=value)).id

    # Other values are not ids.
    @pytest.mark.parametrize(
        "value",
        [True, 1.0, None, "", " ", [], 10**5000],
        ids=["bool", "float", "null", "empty", "blank", "list", "huge"],
    )
    def test_nothing_else_is_an_id(self, value: object) -> None:
        """Not even a bool, although Python counts it as an integer."""
        with pytest.raises(InvalidPayloadError, match=r"user.id must be an id: a non-blank str or an int, got"):
            read_user(a_user(id=value))

    # Nobody is enabled by omission, or by a value that is not a bool.
    @pytest.mark.parametrize(
        ("change", "actual"),
        [({}, "nothing"), ({"enabled": None}, "None"), ({"enabled": 1}, "an int"), ({"enabled": "true"}, "a str")],
        ids=["missing", "null", "one", "string"],
    )
    def test_enabled_is_required(self, change: dict[str, Any], actual: str) -> None:
        """A payload without it is refused."""
        with pytest.raises(InvalidPayloadError) as caught:
            read_user({"id": "u1", "role_id": "r1"} | change)
        (fault,) = caught.value.faults
        assert ("user.enabled", actual, "true or false") == (fault.path, fault.found, fault.accepted)

    # The role id grants permissions, so it must be there and must be the id of the role.
    @pytest.mark.parametrize(
        ("role_id", "actual"), [("r2", "another id"), (None, "None"), (True, "a bool")], ids=["stale", "null", "bool"]
    )
    def test_the_role_is_the_one_that_the_user_names(self, role_id: object, actual: str) -> None:
        """A role from elsewhere may be outdated, or somebody else's."""
        with pytest.raises(InvalidPayloadError) as caught:
            read_user(a_user(role_id=role_id))
        assert [("user.role_id", actual)] == [(fault.path, fault.found) for fault in caught.value.faults]

    # A blank text is not an address.
    @pytest.mark.parametrize("email", [None, "", "  "], ids=["null", "empty", "blank"])
    def test_a_blank_email_is_absent(self, email: object) -> None:
        """Two blank addresses would be the same person."""
        assert read_user(a_user(email=email)).email is None

    # Teams are a list of ids, or empty.
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
        """The fault says which member is wrong."""
        with pytest.raises(InvalidPayloadError) as caught:
            read_user(a_user(team_ids=teams))
        assert [path] == [fault.path for fault in caught.value.faults]

    def test_a_role_payload_is_not_a_role(self) -> None:
        """The reader needs the value, which was checked."""
        payload: Any = {"id": "r1"}
        with pytest.raises(InvalidPayloadError, match=r"^role must be a Role, got a dict$"):
            agent_from_payload(a_user(), domain_id="acme", role=payload)


class TestRingCentralLink:
    """Only the RingCentral id links an agent; facts from RingCentral only add to it."""

    USER = RingCentralUser(
        extension_id="664307016", account_id="664287016", video=VideoAccess.GRANTED, email="ada@example.com"
    )

    # Neither the domain's own single sign-on nor facts from RingCentral link an agent.
    @pytest.mark.parametrize("ringcentral", [None, USER], ids=["alone", "with ringcentral"])
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
        self, change: dict[str, Any], ringcentral: RingCentralUser | None
    ) -> None:
        """`external_id` and `no_password` belong to other ways to log in."""
        assert read_user(a_user(**change), ringcentral).ringcentral is None

    def test_a_missing_ringcentral_id_links_nothing(self) -> None:
        """Regardless of the other arguments."""
        assert read_user({"id": "u1", "enabled": True, "role_id": "r1"}, self.USER).ringcentral is None

    # The platform sends ids as strings or as numbers.
    @pytest.mark.parametrize("value", ["664307016", 664307016], ids=["string", "integer"])
    def test_facts_from_ringcentral_are_added(self, value: object) -> None:
        """Account, e-mail and video access come only from RingCentral."""
        assert self.USER == read_user(a_user(rc_user_id=value), self.USER).ringcentral

    def test_ids_that_disagree_are_a_fault(self) -> None:
        """The facts are about somebody else."""
        with pytest.raises(InvalidPayloadError) as caught:
            read_user(a_user(rc_user_id="1"), self.USER)
        expected = Fault.mismatch("user.rc_user_id", "another id", "the extension id from RingCentral")
        assert (expected,) == caught.value.faults

    # Administrators type it by hand, and "~" in a path means the owner of the token.
    @pytest.mark.parametrize(
        "value",
        ["~", "12a", "1" * 21, -5, True, 1.5, ["1"]],
        ids=["tilde", "letter", "long", "minus", "bool", "float", "list"],
    )
    @pytest.mark.parametrize("ringcentral", [None, USER], ids=["alone", "with ringcentral"])
    def test_an_agent_with_an_invalid_ringcentral_id_is_not_linked(
        self, value: object, ringcentral: RingCentralUser | None
    ) -> None:
        """Nothing else than digits may stand in a path of the RingCentral API."""
        assert read_user(a_user(), ringcentral) == read_user(a_user(rc_user_id=value), ringcentral)

    def test_a_payload_is_not_a_ringcentral_user(self) -> None:
        """The reader needs the value, which was checked."""
        payload: Any = {"id": 664307016}
        with pytest.raises(InvalidPayloadError, match=r"^ringcentral must be a RingCentralUser, got a dict$"):
            read_user(a_user(rc_user_id="664307016"), payload)
