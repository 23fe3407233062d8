"""Values: what they accept and refuse, and what their reprs show."""

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


def with_value(path: str, value: object, request: Any = ALLOWED) -> Any:
    """Return a request that differs in one place, named by its dotted path."""
    name, _, rest = path.partition(".")
    return attrs.evolve(request, **{name: with_value(rest, value, getattr(request, name)) if rest else value})


class Loud(str):
    """A `str` that equals everything."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class Number(int):
    """An `int` of another type."""


def make(cls: Callable[..., Any], **fields: Any) -> Any:
    """Make a value from arguments that no type checker accepts."""
    return cls(**fields)


class TestEveryValue:
    """Hosts use values as keys of caches, send them to other processes and share them among threads."""

    @pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
    def test_is_hashable_and_survives_copies_and_pickles(self, value: Any) -> None:
        """A copy is equal to the original and has the same hash."""
        for duplicate in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
            assert value == duplicate
            assert hash(value) == hash(duplicate)

    @pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
    def test_is_immutable_and_takes_no_other_attributes(self, value: Any) -> None:
        """A valid value stays valid, so nobody has to check it again."""
        name = attrs.fields(value.__class__)[0].name
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, name, "changed")
        with pytest.raises(AttributeError):
            value.more = 1
        assert not hasattr(value, "__dict__")

    @pytest.mark.parametrize("value", VALUES[:8], ids=lambda value: type(value).__name__)
    def test_takes_its_fields_by_keyword_only(self, value: Any) -> None:
        """Most fields are strs, so nobody would notice two of them in the wrong order."""
        with pytest.raises(TypeError):
            type(value)("x")


class TestIds:
    """Ids are compared, so an id is a non-empty str that compares as strs do."""

    @pytest.mark.parametrize("value", ["", None, 5, b"x", ["x"]], ids=repr)
    def test_are_non_empty_strings(self, value: Any) -> None:
        """Two values without an id would otherwise have the same id."""
        with pytest.raises(InvalidValueError, match=r"^Domain\.id must be a non-empty str, got "):
            Domain(id=value)

    def test_become_exact_strings(self) -> None:
        """A subclass of `str` that equals everything would belong to every domain."""
        assert type(Domain(id=Loud("acme")).id) is str
        assert Domain(id="other") != Domain(id=Loud("acme"))

    @pytest.mark.parametrize("value", ["~", "", "12a", "-1", " 1", "1\n", "\u0661", "1" * 21, 664307016], ids=ascii)
    def test_of_ringcentral_are_one_to_twenty_ascii_digits(self, value: Any) -> None:
        """A path of the RingCentral API reads "~" as the owner of the token."""
        with pytest.raises(InvalidValueError):
            RingCentralUser(extension_id=value)
        with pytest.raises(InvalidValueError):
            RingCentralUser(extension_id="1", account_id=value)
        with pytest.raises(InvalidValueError):
            Domain(id="acme", ringcentral_account_id=value)

    def test_of_ringcentral_may_have_twenty_digits(self) -> None:
        """The limit itself is accepted."""
        assert "9" * 20 == RingCentralUser(extension_id="9" * 20).extension_id


#: For each field, a wrong value and the end of the message about it.
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
    """Every field is checked against its annotation when the value is make."""

    @pytest.mark.parametrize(
        ("path", "value", "actual"),
        WRONG,
        ids=[f"{path}={value!a:.40}" for path, value, _ in WRONG],
    )
    def test_refuse_other_values_and_name_their_kind(self, path: str, value: Any, actual: str) -> None:
        """An int is not a bool, and a text is not an enum member."""
        with pytest.raises(InvalidValueError, match=f", got {actual}") as caught:
            with_value(path, value)
        assert path.rpartition(".")[2] in caught.value.fault.path
        assert f" must be {caught.value.fault.accepted}, got " in str(caught.value)

    def test_refuse_keys_of_permissions_as_unknown_permissions(self) -> None:
        """They would grant nothing there."""
        with pytest.raises(InvalidValueError) as caught:
            a_role(unknown_permissions={"use_emoji", "fly", "escalate_to_video"})
        problem = "names escalate_to_video, use_emoji: keys of a Permission belong in permissions"
        assert f"Role.unknown_permissions {problem}" == str(caught.value)

    @pytest.mark.parametrize(
        ("path", "cls"), [("agent", Agent), ("message", Message), ("agent.role", Role), ("domain", Domain)]
    )
    def test_refuse_mocks(self, path: str, cls: type) -> None:
        """A mock only claims to be an instance."""
        with pytest.raises(InvalidValueError):
            with_value(path, Mock(spec=cls))

    def test_raise_value_errors_of_the_library_that_can_be_pickled(self) -> None:
        """Hosts catch them by either class, also from a worker process."""
        with pytest.raises(ValueError, match="non-empty") as caught:
            Domain(id="")
        assert isinstance(caught.value, EscalationPolicyError)
        assert str(caught.value) == str(pickle.loads(pickle.dumps(caught.value)))

    def test_convert_any_collection_to_a_frozenset(self) -> None:
        """A host passes the list that it has read, with duplicates."""
        role = make(Role, id="r", domain_id="d", label="l", permissions=[Permission.USE_EMOJI, Permission.USE_EMOJI])
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
    def test_have_defaults_only_if_they_are_optional(self, cls: Any, required: set[str]) -> None:
        """Nobody is enabled, or in a case, by omission."""
        assert required == {field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING}

    def test_default_to_empty_or_unknown(self) -> None:
        """A missing argument grants nothing, and is not a no either."""
        assert VideoAccess.UNKNOWN is RingCentralUser(extension_id="1").video
        assert frozenset() == Role(id="r", domain_id="d", label="l").permissions
        assert (
            {} == EscalationRequest(domain=a_domain(), agent=an_agent(), login=Login.SAML, message=a_message()).context
        )


class TestRole:
    """A role is changed by copying it; the original stays as it is."""

    EMOJI: Final = Permission.USE_EMOJI
    VIDEO: Final = Permission.ESCALATE_TO_VIDEO
    ROLE: Final = a_role(permissions={Permission.ESCALATE_TO_VIDEO}, unknown_permissions={"fly"}, label="Video")

    def test_grants(self) -> None:
        """The other permissions stay, and a permission that it has already is not doubled."""
        assert attrs.evolve(self.ROLE, permissions=[self.VIDEO, self.EMOJI]) == self.ROLE.grant(self.EMOJI, self.VIDEO)
        assert {self.VIDEO} == self.ROLE.permissions

    def test_revokes(self) -> None:
        """A permission that it does not have may be revoked too."""
        assert attrs.evolve(self.ROLE, permissions=[]) == self.ROLE.revoke(self.VIDEO, self.EMOJI)
        assert {self.VIDEO} == self.ROLE.permissions

    def test_relabels_without_surrounding_space(self) -> None:
        """Its ids and permissions stay."""
        assert attrs.evolve(self.ROLE, label="Calls") == self.ROLE.relabel("  Calls\n")
        assert "Video" == self.ROLE.label

    def test_is_equal_after_no_change(self) -> None:
        """Without permissions, or with the same label."""
        assert self.ROLE == self.ROLE.grant() == self.ROLE.revoke() == self.ROLE.relabel("Video")

    def test_keeps_unknown_permissions(self) -> None:
        """They are neither granted nor revoked by name."""
        changed = self.ROLE.grant(self.EMOJI).revoke(self.VIDEO).relabel("Calls")
        assert {"fly"} == changed.unknown_permissions

    @pytest.mark.parametrize("label", ["", " \t\n"], ids=repr)
    def test_refuses_an_empty_label(self, label: str) -> None:
        """Nobody would find the role any more."""
        with pytest.raises(InvalidValueError, match=r"^Role\.label must be a non-empty str, got an empty str$"):
            self.ROLE.relabel(label)

    @pytest.mark.parametrize("permission", ["use_emoji", None, ["use_emoji"], ChannelKind.VIBER], ids=repr)
    def test_grants_permissions_only(self, permission: Any) -> None:
        """Neither a key nor a list of keys is a permission."""
        with pytest.raises(InvalidValueError, match=r"^Role\.permissions must be a collection of Permissions, got "):
            self.ROLE.grant(permission)


class TestContext:
    """The context is the only mapping in a request, and as immutable and exact as the other fields."""

    def test_reads_like_any_mapping(self) -> None:
        """Predicates use the usual operators."""
        context = a_request(context={"a": 1, "b": "x"}).context
        assert (1, 2, ["a", "b"], {"a": 1, "b": "x"}) == (context["a"], len(context), list(context), context)
        assert "nope" not in context

    def test_distinguishes_true_from_one_as_rules_do(self) -> None:
        """If a rule distinguishes two requests, they are not equal, although `True == 1`."""
        number, yes = a_request(context={"a": 1}), a_request(context={"a": True})
        assert number != yes
        assert a_request(context={"a": 1}) == number
        assert hash(a_request(context={"a": 1})) == hash(number)

    def test_does_not_change_with_the_hosts_dict(self) -> None:
        """A host may go on filling its dict while the request is decided."""
        values: dict[str, Any] = {"a": 1}
        request = a_request(context=values)
        values["a"] = 2
        assert 1 == request.context["a"]
        assert request == a_request(context=request.context)
        with pytest.raises(TypeError):
            request.context["a"] = 2  # type: ignore[index] # pyright: ignore[reportIndexIssue]

    def test_converts_subclasses_of_str_and_int(self) -> None:
        """Rules look at exact types, and a subclass can override comparisons."""
        context = a_request(context={Loud("a"): Loud("x"), "n": Number(3)}).context
        assert [(str, str), (str, int)] == [(type(key), type(value)) for key, value in context.items()]

    def test_shows_only_its_names(self) -> None:
        """The values can be anything about a customer, and a repr gets into logs."""
        assert "<mapping of 'a', 'b'>" == repr(a_request(context={"b": "secret", "a": 1}).context)
        assert "<mapping of nothing>" == repr(ALLOWED.context)

    def test_is_equal_in_any_order(self) -> None:
        """Equal mappings have the same hash too."""
        first, second = (attrs.evolve(ALLOWED, context=context) for context in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
        assert (first, hash(first)) == (second, hash(second))
        assert first != attrs.evolve(ALLOWED, context={"a": True, "b": 2})
        assert None is first.context.get("c")


class TestRepr:
    """A repr gets into logs."""

    @pytest.mark.parametrize("secret", ["ada@example.com", "664287016", "664307016", "Video agent"])
    def test_shows_no_address_no_id_of_ringcentral_and_no_label(self, secret: str) -> None:
        """It shows ids of Engage Digital: without them, a log would not say what was decided."""
        agent = an_agent(role_label="Video agent")
        request = attrs.evolve(ALLOWED, agent=agent, context={"note": secret})
        assert secret not in repr(request)
        assert "u1" in repr(request)


class TestKeys:
    """The values of the enums are the keys of the API."""

    def test_are_the_result_of_str_and_formatting(self) -> None:
        """Hosts put them into URLs and queries, and versions of Python format str enums differently."""
        assert "escalate_to_video" == str(Permission.ESCALATE_TO_VIDEO) == f"{Permission.ESCALATE_TO_VIDEO}"
        assert "whats_app" == str(ChannelKind.WHATSAPP) == "%s" % ChannelKind.WHATSAPP  # noqa: UP031  a way to format
        assert Permission("use_emoji") is Permission.USE_EMOJI

    def test_are_the_members_names_in_lower_case_except_whatsapp(self) -> None:
        """A misspelled key would never match, and nothing else would show it."""
        enums = (Permission, ChannelKind, Login, MessageAuthor, InterventionState, VideoAccess, Party)
        exceptions = {member for enum in enums for member in enum if member.value != member.name.lower()}
        assert {ChannelKind.WHATSAPP} == exceptions

    def test_are_72_permissions_and_29_kinds_besides_unknown(self) -> None:
        """The API documents so many keys; other spellings are not kinds."""
        assert (72, 30) == (len(Permission), len(ChannelKind))
        assert not {"default", "SMS", "WEB_CHAT"} & {kind.value for kind in ChannelKind}
