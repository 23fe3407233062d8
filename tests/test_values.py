"""Values: what they accept, what they refuse and how, and what nobody sees of them."""

import copy
import pickle
from collections.abc import Callable
from typing import Any, Final
from unittest.mock import Mock

import attrs
import pytest

from escalation_policy import (
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
    Party,
    Permission,
    Remedy,
    RingCentralUser,
    Role,
    Step,
    VideoAccess,
)
from escalation_policy.exceptions import EscalationPolicyError, InvalidValueError
from escalation_policy.testing import (
    a_channel,
    a_domain,
    a_message,
    a_request,
    a_ringcentral_user,
    a_role,
    an_agent,
    an_intervention,
)
from support import ALLOWED

STEP = Step(Party.AGENT, "Try again.")
VALUES = [
    a_domain(),
    a_role(),
    a_ringcentral_user(),
    an_agent(),
    a_channel(),
    a_message(),
    an_intervention(),
    a_request(),
    STEP,
    Remedy((STEP,)),
]


def varied(path: str, value: object, request: Any = ALLOWED) -> Any:
    """Makes a request that differs in one place, named by its dotted path."""
    name, _, rest = path.partition(".")
    return attrs.evolve(request, **{name: varied(rest, value, getattr(request, name)) if rest else value})


class Loud(str):
    """A `str` that equals everything."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class Number(int):
    """An `int` of another type."""


def made(cls: Callable[..., Any], **fields: Any) -> Any:
    """Makes a value from what no type checker would let through."""
    return cls(**fields)


class TestEveryValue:
    """Hosts keep values as keys of caches, send them to other processes and share them among threads."""

    @pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
    def test_is_hashable_and_survives_copies_and_pickles(self, value: Any) -> None:
        """A copy is as good as the original: equal, and under the same key."""
        for same in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
            assert value == same
            assert hash(value) == hash(same)

    @pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
    def test_cannot_be_changed_and_has_no_room_for_more(self, value: Any) -> None:
        """What was valid when it was made stays valid, so that nobody has to check it again."""
        name = attrs.fields(value.__class__)[0].name
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, name, "changed")
        with pytest.raises(AttributeError):
            value.more = 1
        assert not hasattr(value, "__dict__")

    @pytest.mark.parametrize("value", VALUES[:8], ids=lambda value: type(value).__name__)
    def test_takes_its_fields_by_keyword_only(self, value: Any) -> None:
        """Most fields are strs, and two of them in the wrong order would go unnoticed."""
        with pytest.raises(TypeError):
            type(value)("x")


class TestIds:
    """Ids decide by being equal, so an id is a str that says something and compares as strs do."""

    @pytest.mark.parametrize("value", ["", None, 5, b"x", ["x"]], ids=repr)
    def test_are_non_empty_strings(self, value: Any) -> None:
        """Two records without an id would otherwise be the same record."""
        with pytest.raises(InvalidValueError, match=r"^Domain\.id must be a non-empty str, got "):
            Domain(id=value)

    def test_become_plain_strings_whose_comparison_nobody_has_overridden(self) -> None:
        """A subclass of `str` that equals everything would be of every domain at once."""
        assert type(Domain(id=Loud("acme")).id) is str
        assert Domain(id="other") != Domain(id=Loud("acme"))

    @pytest.mark.parametrize("value", ["~", "", "12a", "-1", " 1", "1\n", "\u0661", "1" * 21, 664307016], ids=ascii)
    def test_of_ringcentral_are_one_to_twenty_ascii_digits(self, value: Any) -> None:
        """A path of the RingCentral API reads "~" as whoever owns the token."""
        with pytest.raises(InvalidValueError):
            RingCentralUser(extension_id=value)
        with pytest.raises(InvalidValueError):
            RingCentralUser(extension_id="1", account_id=value)
        with pytest.raises(InvalidValueError):
            Domain(id="acme", ringcentral_account_id=value)

    def test_of_ringcentral_may_have_twenty_digits(self) -> None:
        """The bound itself is accepted."""
        assert "9" * 20 == RingCentralUser(extension_id="9" * 20).extension_id


#: What a field is given, and what is then said of it.
WRONG: Final[list[tuple[str, Any, str]]] = [
    ("agent.enabled", 1, "an int"),
    ("agent.enabled", None, "None"),
    ("message.channel.kind", "viber", r"a str \(did you mean ChannelKind.VIBER\?\)$"),
    ("message.channel.kind", "\x1b[31m" + "x" * 90, "a str$"),
    ("message.channel.kind", "viber" * 100, "a str$"),
    ("message.channel.kind", " ", "a blank str$"),
    ("login", "password", r"a str \(did you mean Login.PASSWORD\?\)$"),
    ("login", "RINGCENTRAL_SSO", r"a str \(did you mean Login.RINGCENTRAL_SSO\?\)$"),
    ("message.author", "ada@example.com", "a str$"),
    ("agent.ringcentral.video", Login.PASSWORD, "a Login"),
    ("message.private", "yes", "a str"),
    ("agent", a_message(), "a Message"),
    (
        "agent.role.permissions",
        {"escalate_to_video"},
        r"a frozenset of str \(did you mean Permission.ESCALATE_TO_VIDEO",
    ),
    ("agent.role.permissions", {"hunter2"}, "a frozenset of str$"),
    ("agent.role.permissions", "escalate_to_video", "a str"),
    ("agent.role.permissions", 5, "an int"),
    ("agent.role.permissions", {Permission.ESCALATE_TO_VIDEO: False}, "a dict"),
    ("agent.team_ids", {"t1": False}, "a dict"),
    ("agent.role.permissions", [[]], "a list"),
    ("agent.role.unknown_permissions", {""}, "a frozenset of str"),
    ("agent.team_ids", "t1", "a str"),
    ("agent.led_team_ids", [1], "a frozenset of int"),
    ("context", {"a": 1.5}, "a float as a value$"),
    ("context", {"": 1}, "an empty str as a name"),
    ("context", {1: 1}, "an int as a name"),
    ("context", {"a": None}, "None as a value$"),
    ("context", [("a", 1)], "a list"),
    ("intervention", "i1", "a str"),
]


class TestFields:
    """Every field is checked against its annotation, when the value is made."""

    @pytest.mark.parametrize(
        ("path", "value", "found"),
        WRONG,
        ids=[f"{path}={value!a:.40}" for path, value, _ in WRONG],
    )
    def test_refuse_what_they_do_not_accept_and_say_what_they_were_given(
        self, path: str, value: Any, found: str
    ) -> None:
        """Bools and enum members are themselves: neither 1 nor "viber" is taken for one."""
        with pytest.raises(InvalidValueError, match=f", got {found}") as caught:
            varied(path, value)
        assert path.rpartition(".")[2] in caught.value.fault.path
        assert f" must be {caught.value.fault.accepted}, got " in str(caught.value)

    def test_refuse_keys_of_permissions_among_those_that_nobody_knows(self) -> None:
        """They would grant nothing there."""
        with pytest.raises(InvalidValueError) as caught:
            a_role(unknown_permissions={"use_emoji", "fly", "escalate_to_video"})
        problem = "names escalate_to_video, use_emoji: keys of a Permission belong in permissions"
        assert f"Role.unknown_permissions {problem}" == str(caught.value)

    @pytest.mark.parametrize(
        ("path", "cls"), [("agent", Agent), ("message", Message), ("agent.role", Role), ("domain", Domain)]
    )
    def test_refuse_mocks(self, path: str, cls: type) -> None:
        """What only says that it is an instance is none."""
        with pytest.raises(InvalidValueError):
            varied(path, Mock(spec=cls))

    def test_errors_are_value_errors_of_the_library_and_can_be_pickled(self) -> None:
        """Hosts catch them by either name, also when they come from a worker process."""
        with pytest.raises(ValueError, match="non-empty") as caught:
            Domain(id="")
        assert isinstance(caught.value, EscalationPolicyError)
        assert str(caught.value) == str(pickle.loads(pickle.dumps(caught.value)))

    def test_take_any_collection_and_freeze_it(self) -> None:
        """A host hands over the list it has read, repeats and all."""
        role = made(Role, id="r", domain_id="d", label="l", permissions=[Permission.USE_EMOJI, Permission.USE_EMOJI])
        assert frozenset({Permission.USE_EMOJI}) == role.permissions

    @pytest.mark.parametrize(
        ("cls", "required"),
        [
            (Domain, {"id"}),
            (Role, {"id", "domain_id", "label"}),
            (RingCentralUser, {"extension_id"}),
            (Agent, {"id", "domain_id", "role", "enabled"}),
            (Channel, {"id", "domain_id", "kind"}),
            (Message, {"id", "channel", "author"}),
            (Intervention, {"id", "agent_id", "state"}),
            (EscalationRequest, {"domain", "agent", "login", "message"}),
        ],
        ids=["domain", "role", "ringcentral user", "agent", "channel", "message", "intervention", "request"],
    )
    def test_have_defaults_only_where_something_may_be_left_out(self, cls: Any, required: set[str]) -> None:
        """Nobody is enabled, or in a case, by omission."""
        assert required == {field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING}

    def test_default_to_nothing_and_to_unknown(self) -> None:
        """What is left out grants nothing, and is not taken for a no either."""
        assert VideoAccess.UNKNOWN is RingCentralUser(extension_id="1").video
        assert frozenset() == Role(id="r", domain_id="d", label="l").permissions
        assert (
            {} == EscalationRequest(domain=a_domain(), agent=an_agent(), login=Login.SAML, message=a_message()).context
        )


class TestRole:
    """A role becomes another one by what it grants, revokes and is called; the old one stays as it was."""

    EMOJI: Final = Permission.USE_EMOJI
    VIDEO: Final = Permission.ESCALATE_TO_VIDEO
    ROLE: Final = a_role(permissions={Permission.ESCALATE_TO_VIDEO}, unknown_permissions={"fly"}, label="Video")

    def test_grants(self) -> None:
        """What it holds, it keeps, and what it holds already, it holds once."""
        assert attrs.evolve(self.ROLE, permissions=[self.VIDEO, self.EMOJI]) == self.ROLE.grant(self.EMOJI, self.VIDEO)
        assert {self.VIDEO} == self.ROLE.permissions

    def test_revokes(self) -> None:
        """What it does not hold, it does not hold afterwards either."""
        assert attrs.evolve(self.ROLE, permissions=[]) == self.ROLE.revoke(self.VIDEO, self.EMOJI)
        assert {self.VIDEO} == self.ROLE.permissions

    def test_relabels_without_the_space_around_it(self) -> None:
        """What identifies it, and what it permits, stays."""
        assert attrs.evolve(self.ROLE, label="Calls") == self.ROLE.relabel("  Calls\n")
        assert "Video" == self.ROLE.label

    def test_may_be_told_nothing(self) -> None:
        """Then it is the role that it was."""
        assert self.ROLE == self.ROLE.grant() == self.ROLE.revoke() == self.ROLE.relabel("Video")

    def test_keeps_flags_that_nobody_knows(self) -> None:
        """They are neither granted nor revoked by name."""
        changed = self.ROLE.grant(self.EMOJI).revoke(self.VIDEO).relabel("Calls")
        assert {"fly"} == changed.unknown_permissions

    @pytest.mark.parametrize("label", ["", " \t\n"], ids=repr)
    def test_is_not_left_without_a_label(self, label: str) -> None:
        """Nobody would find it any more."""
        with pytest.raises(InvalidValueError, match=r"^Role\.label must be a non-empty str, got an empty str$"):
            self.ROLE.relabel(label)

    @pytest.mark.parametrize("permission", ["use_emoji", None, ["use_emoji"], ChannelKind.VIBER], ids=repr)
    def test_grants_permissions_only(self, permission: Any) -> None:
        """A key is none, nor is a list of them."""
        with pytest.raises(InvalidValueError, match=r"^Role\.permissions must be a collection of Permissions, got "):
            self.ROLE.grant(permission)


class TestContext:
    """The context is the one mapping in a request, and as immutable and exact as the rest of it."""

    def test_reads_like_any_mapping(self) -> None:
        """Predicates read it with the operators that they know."""
        context = a_request(context={"a": 1, "b": "x"}).context
        assert (1, 2, ["a", "b"], {"a": 1, "b": "x"}) == (context["a"], len(context), list(context), context)
        assert "nope" not in context

    def test_tells_true_from_one_as_rules_do(self) -> None:
        """Two requests that a rule tells apart are not equal, though `True == 1`."""
        number, yes = a_request(context={"a": 1}), a_request(context={"a": True})
        assert number != yes
        assert a_request(context={"a": 1}) == number
        assert hash(a_request(context={"a": 1})) == hash(number)

    def test_is_no_longer_the_dict_it_was_made_from(self) -> None:
        """A host that goes on filling its dict does not change a request that is being decided."""
        given: dict[str, Any] = {"a": 1}
        request = a_request(context=given)
        given["a"] = 2
        assert 1 == request.context["a"]
        assert request == a_request(context=request.context)
        with pytest.raises(TypeError):
            request.context["a"] = 2  # type: ignore[index] # pyright: ignore[reportIndexIssue]

    def test_turns_subclasses_of_str_and_int_into_the_plain_thing(self) -> None:
        """Rules look at exact types, and a subclass can compare as it likes."""
        context = a_request(context={Loud("a"): Loud("x"), "n": Number(3)}).context
        assert [(str, str), (str, int)] == [(type(key), type(value)) for key, value in context.items()]

    def test_shows_its_names_only(self) -> None:
        """The values can be anything about a customer, and a repr ends up in logs."""
        assert "<mapping of 'a', 'b'>" == repr(a_request(context={"b": "secret", "a": 1}).context)
        assert "<mapping of nothing>" == repr(ALLOWED.context)

    def test_is_equal_in_any_order(self) -> None:
        """And has one hash, as mappings do that are equal."""
        first, second = (attrs.evolve(ALLOWED, context=each) for each in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
        assert (first, hash(first)) == (second, hash(second))
        assert first != attrs.evolve(ALLOWED, context={"a": True, "b": 2})
        assert None is first.context.get("c")


class TestRepr:
    """A repr ends up in logs."""

    @pytest.mark.parametrize("secret", ["ada@example.com", "664287016", "664307016", "Video agent"])
    def test_shows_no_address_no_id_of_ringcentral_and_no_label(self, secret: str) -> None:
        """Ids of Engage Digital remain: without them no log would say what was decided."""
        agent = an_agent(role_label="Video agent")
        request = attrs.evolve(ALLOWED, agent=agent, context={"note": secret})
        assert secret not in repr(request)
        assert "u1" in repr(request)


class TestKeys:
    """The members of the enums carry the keys of the API."""

    def test_of_the_api_are_what_str_and_formatting_give(self) -> None:
        """Hosts put them in URLs and queries, and Pythons differ in how they format an enum that is a str."""
        assert "escalate_to_video" == str(Permission.ESCALATE_TO_VIDEO) == f"{Permission.ESCALATE_TO_VIDEO}"
        assert "whats_app" == str(ChannelKind.WHATSAPP) == "%s" % ChannelKind.WHATSAPP  # noqa: UP031  a way to format
        assert Permission("use_emoji") is Permission.USE_EMOJI

    def test_are_the_members_names_in_lower_case_but_for_whatsapp(self) -> None:
        """A misspelled key would never match, and nothing else would show it."""
        enums = (Permission, ChannelKind, Login, MessageAuthor, InterventionState, VideoAccess, Party)
        odd = {member for enum in enums for member in enum if member.value != member.name.lower()}
        assert {ChannelKind.WHATSAPP} == odd

    def test_are_72_permissions_and_29_kinds_besides_unknown(self) -> None:
        """That is how many keys the API documents; other spellings of them are no kinds."""
        assert (72, 30) == (len(Permission), len(ChannelKind))
        assert not {"default", "SMS", "WEB_CHAT"} & {kind.value for kind in ChannelKind}
