"""The builders: allowed defaults, all fields by keyword, consistent ids, and the nearest denied request."""

from collections.abc import Callable
from typing import Any, cast

import attrs
import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
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
    Permission,
    Policy,
    RingCentralUser,
    Role,
    Rule,
    VideoAccess,
    context,
    exceptions,
    fact,
    predicate,
)
from escalation_policy.testing import (
    NoSuchRequestError,
    NoSuchRuleError,
    a_channel,
    a_domain,
    a_message,
    a_request,
    a_ringcentral_user,
    a_role,
    an_agent,
    an_intervention,
)
from escalation_policy.testing._builders import PLACES
from support import SAMPLE

BUILDERS: dict[Callable[..., Any], type] = {
    a_domain: Domain,
    a_role: Role,
    a_ringcentral_user: RingCentralUser,
    an_agent: Agent,
    a_channel: Channel,
    a_message: Message,
    an_intervention: Intervention,
    a_request: EscalationRequest,
}
KIND = fact(lambda r: r.message.channel.kind)
PERMISSIONS = fact(lambda r: r.agent.role.permissions)
NIGHT = Rule(
    "night", ~context("night", bool).is_true() | fact(lambda r: r.message.channel.kind).equals(ChannelKind.CHAT)
)
REGION = Rule("region", context("region", str).one_of(["eu", "us"]))
LOW_RISK = Rule("low_risk", context("risk", int).satisfies("below 5", lambda risk: risk < 5))
VIBER = Rule("viber", fact(lambda r: r.message.channel.kind).equals(ChannelKind.VIBER))
NOT_VIBER = Rule("not_viber", predicate("no Viber", lambda r: r.message.channel.kind is not ChannelKind.VIBER))
HOSTS = ESCALATE_TO_VIDEO.with_rules(REGION, LOW_RISK)


def codes(request: EscalationRequest, policy: Policy = ESCALATE_TO_VIDEO) -> list[str]:
    """Return the codes of the reasons for a denial."""
    decision = policy.decide(request)
    return [] if decision else [reason.code for reason in decision.reasons]


def value_at(value: Any, path: str) -> Any:
    """Return the value at the end of a dotted path."""
    for name in path.split("."):
        value = getattr(value, name)
    return value


class TestDefaults:
    """The value that a builder makes without arguments."""

    def test_are_allowed(self) -> None:
        """All of them together."""
        assert ESCALATE_TO_VIDEO.allows(a_request())

    def test_fit_together(self) -> None:
        """Each builder makes a part of the typical request."""
        parts = EscalationRequest(
            domain=a_domain(),
            agent=an_agent(role=a_role(), ringcentral=a_ringcentral_user()),
            login=Login.RINGCENTRAL_SSO,
            message=a_message(channel=a_channel()),
            intervention=an_intervention(),
        )

        assert a_request() == parts

    def test_are_the_same_every_time(self) -> None:
        """No id is counted or random."""
        assert a_request() == a_request()


#: For each keyword of `a_request()` that sets a single fact, another value than the default.
OTHERS: dict[str, Any] = {
    "domain_id": "globex",
    "ringcentral_account_id": "5",
    "agent_id": "u2",
    "agent_domain_id": "globex",
    "enabled": False,
    "email": None,
    "ringcentral": None,
    "team_ids": frozenset({"t1"}),
    "led_team_ids": frozenset({"t1"}),
    "role_id": "r2",
    "role_domain_id": "globex",
    "role_label": "Chat",
    "permissions": frozenset({Permission.USE_EMOJI}),
    "unknown_permissions": frozenset({"new"}),
    "extension_id": "7",
    "account_id": None,
    "video": VideoAccess.DENIED,
    "ringcentral_email": "ada@example.org",
    "login": Login.PASSWORD,
    "message_id": "c2",
    "author": MessageAuthor.AGENT,
    "private": True,
    "intervention_id": "i2",
    "channel_id": "s2",
    "channel_domain_id": "globex",
    "intervention": None,
    "intervention_agent_id": None,
    "state": InterventionState.CLOSED,
    "context": {"region": "eu"},
}
PARTS: dict[str, Any] = {
    "domain": a_domain(id="globex"),
    "agent": an_agent(id="u2"),
    "role": a_role(id="r2"),
    "message": a_message(id="c2"),
    "channel": a_channel(id="s2"),
}


class TestKeywords:
    """Every field is a keyword."""

    def test_are_all_tested_here(self) -> None:
        """A new keyword makes this test fail."""
        assert PLACES["a_request"].keys() == OTHERS.keys() | PARTS.keys()

    @pytest.mark.parametrize(("keyword", "value"), (OTHERS | PARTS).items(), ids=[*OTHERS, *PARTS])
    def test_set_their_field_and_all_references_to_it(self, keyword: str, value: Any) -> None:
        """To a value that is not the default."""
        request = a_request(**{keyword: value})

        assert request != a_request()
        assert all(value_at(request, path) == value for path in PLACES["a_request"][keyword])

    @pytest.mark.parametrize("builder", [a_domain, a_role, a_ringcentral_user, a_channel, an_intervention])
    def test_of_a_part_are_its_fields(self, builder: Callable[..., Any]) -> None:
        """To pass the defaults changes nothing."""
        fields = {field.name: getattr(builder(), field.name) for field in attrs.fields(BUILDERS[builder])}

        assert builder() == builder(**fields)

    def test_of_an_agent_include_those_of_its_role_and_extension(self) -> None:
        """Its domain is also the domain of its role."""
        agent = an_agent(domain_id="globex", permissions=[], video=VideoAccess.DENIED, role_label="Chat")

        assert (
            an_agent(
                domain_id="globex",
                role=a_role(domain_id="globex", permissions=[], label="Chat"),
                ringcentral=a_ringcentral_user(video=VideoAccess.DENIED),
            )
            == agent
        )

    def test_accept_a_kind_of_channel_for_the_channel(self) -> None:
        """Most tests vary only the kind."""
        assert a_message(channel=a_channel(kind=ChannelKind.CHAT)) == a_message(channel=ChannelKind.CHAT)
        assert ["channel_supported"] == codes(a_request(channel=ChannelKind.INSTAGRAM))

    @pytest.mark.parametrize("builder", BUILDERS, ids=lambda builder: builder.__name__)
    def test_that_do_not_exist_are_rejected(self, builder: Callable[..., Any]) -> None:
        """The message lists the existing keywords."""
        with pytest.raises(TypeError, match=rf"{builder.__name__}\(\) takes no argument of that name, only .*id"):
            builder(nonsense="u2")

    def test_that_nearly_exist_are_suggested(self) -> None:
        """They are probably typos."""
        with pytest.raises(TypeError, match="a_request\\(\\) takes no argument of that name, did you mean channel"):
            a_request(chanel=ChannelKind.CHAT)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]

    def test_for_fields_of_an_absent_part_are_rejected(self) -> None:
        """No argument is ignored."""
        with pytest.raises(TypeError, match=r"got state, but nothing to put it on: intervention is None"):
            a_request(intervention=None, state=InterventionState.OPEN)

    def test_of_the_wrong_type_are_rejected_by_the_value(self) -> None:
        """As if it were made without the builder."""
        with pytest.raises(exceptions.InvalidValueError, match=r"Agent\.enabled must be a bool, got a str"):
            a_request(enabled="yes")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


class TestReferences:
    """Fields with a default refer to the fields that a test passes."""

    @pytest.mark.parametrize(
        "fields",
        [
            {"domain": a_domain(id="globex", ringcentral_account_id="5")},
            {"agent": an_agent(id="u2")},
            {"agent_id": "u2"},
            {"message": a_message(intervention_id="i2")},
            {"intervention": an_intervention(id="i2")},
            {"intervention_id": "i2"},
            {"ringcentral_account_id": "5"},
            {"domain_id": "globex", "agent": an_agent(domain_id="globex"), "channel": a_channel(domain_id="globex")},
        ],
        ids=",".join,
    )
    def test_stay_consistent(self, fields: dict[str, Any]) -> None:
        """The request is allowed if either side is passed."""
        assert [] == codes(a_request(**fields))

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"domain": a_domain(id="globex"), "agent": an_agent()}, ["agent_in_domain", "role_in_domain"]),
            ({"domain_id": "globex", "role": a_role()}, ["role_in_domain"]),
            ({"agent": an_agent(id="u2"), "intervention": an_intervention()}, ["intervention_owned"]),
            ({"message": a_message(), "intervention": an_intervention(id="i2")}, ["message_in_intervention"]),
            ({"ringcentral_account_id": "5", "ringcentral": a_ringcentral_user()}, ["extension_in_account"]),
        ],
        ids=",".join,
    )
    def test_never_change_a_whole_part(self, fields: dict[str, Any], expected: list[str]) -> None:
        """A test that mixes tenants passes both sides."""
        assert expected == codes(a_request(**fields))

    def test_are_not_set_to_none(self) -> None:
        """Other fields cannot refer to an id that is None."""
        request = a_request(intervention_id=None)

        assert (None, "i1") == (request.message.intervention_id, value_at(request, "intervention.id"))
        assert ["domain_linked"] == codes(a_request(ringcentral_account_id=None))
        assert ["agent_engaged"] == codes(a_request(intervention=None, agent_id="u2"))


class TestPolicy:
    """With a policy, the defaults are such that this policy allows the request."""

    def test_is_allowed(self) -> None:
        """The search finds the facts that its own rules require."""
        request = a_request(policy=HOSTS)

        assert [] == codes(request, HOSTS)
        assert {"region": "eu", "risk": 1} == request.context

    def test_leaves_passed_fields(self) -> None:
        """Rules that read them may deny; all others are met."""
        assert {"region": "eu", "risk": 3} == a_request(policy=HOSTS, context={"risk": 3}).context
        assert ["ringcentral_sso"] == codes(a_request(policy=HOSTS, login=Login.PASSWORD), HOSTS)
        assert ["agent_enabled"] == codes(a_request(policy=HOSTS, agent=an_agent(enabled=False)), HOSTS)

    def test_is_allowed_with_passed_fields_if_possible(self) -> None:
        """The search changes another fact of the rule."""
        policy = ESCALATE_TO_VIDEO.with_rules(NIGHT)

        assert [] == codes(a_request(policy=policy, channel=ChannelKind.VIBER), policy)
        assert [] == codes(a_request(policy=policy, channel=ChannelKind.VIBER, agent=an_agent(id="u2")), policy)
        assert ["night"] == codes(a_request(policy=policy, channel=ChannelKind.VIBER, context={"night": True}), policy)

    def test_of_another_type_of_request_is_rejected(self) -> None:
        """The builders make `EscalationRequest` only."""
        with pytest.raises(TypeError, match="policy 'samples' decides about a Sample, got an EscalationRequest"):
            a_request(policy=cast("Any", Policy("samples", [Rule("flag", SAMPLE(lambda r: r.flag).is_true())])))

    def test_changes_nothing_if_it_allows_the_default(self) -> None:
        """As the built-in policy does."""
        assert a_request() == a_request(policy=ESCALATE_TO_VIDEO)


class TestDeniedBy:
    """The nearest request that is denied by exactly the rules named."""

    @pytest.mark.parametrize("code", list(ESCALATE_TO_VIDEO))
    def test_denies_by_each_rule_alone(self, code: str) -> None:
        """Because the rule is unmet, and not unknown."""
        decision = ESCALATE_TO_VIDEO.decide(a_request(denied_by=code))

        assert [(code, "unmet")] == [(reason.code, reason.status.value) for reason in decision.reasons]

    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("video_access", a_request(video=VideoAccess.DENIED)),
            ("role_permits", a_request(permissions=[])),
            ("extension_linked", a_request(ringcentral=None)),
            ("twitter_private", a_request(channel=ChannelKind.TWITTER, private=False)),
            ("agent_engaged", a_request(state=InterventionState.DEFERRED)),
        ],
    )
    def test_changes_as_little_as_it_can(self, code: str, expected: EscalationRequest) -> None:
        """One fact, or two if one is not enough."""
        assert expected == a_request(denied_by=code)

    def test_accepts_several_rules(self) -> None:
        """The request is denied by all of them, and by no other rule."""
        assert ["video_access", "channel_supported"] == codes(
            a_request(denied_by=["channel_supported", "video_access"])
        )

    def test_keeps_single_facts(self) -> None:
        """The test is about them."""
        request = a_request(denied_by="twitter_private", channel=ChannelKind.TWITTER)

        assert ["twitter_private"] == codes(request)
        assert ["region"] == codes(a_request(policy=HOSTS, denied_by="region", context={"risk": 3}), HOSTS)
        assert 3 == a_request(policy=HOSTS, denied_by="region", context={"risk": 3}).context["risk"]

    def test_changes_whole_parts_if_necessary(self) -> None:
        """The search starts from them."""
        request = a_request(denied_by="video_access", agent=an_agent(id="u2", enabled=False))

        assert a_request(agent_id="u2", video=VideoAccess.DENIED) == request

    def test_keeps_a_part_that_is_none(self) -> None:
        """None counts as a single fact."""
        with pytest.raises(NoSuchRequestError, match=r"nothing suits agent_engaged, with intervention\.state as given"):
            a_request(denied_by="video_access", intervention=None)

    def test_keeps_each_value_of_a_context(self) -> None:
        """Also if it is not a dict but the context of another request."""
        policy = Policy("consent", [Rule("consent", context("consent", bool).is_true())])
        context_of_request = a_request(context={"consent": True}).context

        with pytest.raises(NoSuchRequestError, match=r"with context\.consent as given"):
            a_request(policy=policy, denied_by="consent", context=context_of_request)

    # Each id names what makes the search difficult.
    @pytest.mark.parametrize(
        ("rules", "code", "fields"),
        [
            (
                [Rule("r", PERMISSIONS.subset_of([Permission.ACCESS_HELP_CENTER, Permission.ESCALATE_TO_VIDEO]))],
                "r",
                {},
            ),
            (
                [
                    Rule("team", fact(lambda r: r.agent.team_ids).contains(context("team", str))),
                    Rule("consent", context("consent", bool).is_true()),
                ],
                "consent",
                {"team_ids": {"t1"}},
            ),
            (
                [
                    Rule("ab", context("a", str).equals(context("b", str))),
                    Rule("bc", context("b", str).equals(context("c", str))),
                    Rule("cx", context("c", str).equals("x")),
                    Rule("enabled", fact(lambda r: r.agent.enabled).is_true()),
                ],
                "enabled",
                {},
            ),
            (
                [
                    Rule(f"exception{number}", KIND.equals(ChannelKind.EMAIL) | context(f"on{number}", bool).is_true())
                    for number in range(6)
                ]
                + list(ESCALATE_TO_VIDEO.rules),
                "video_access",
                {},
            ),
            (
                [
                    Rule("dots", context("risk.score", bool).is_true()),
                    Rule("enabled", fact(lambda r: r.agent.enabled).is_true()),
                ],
                "enabled",
                {"context": {"risk": 1}},
            ),
        ],
        ids=["another permission", "a member of a set", "a chain of facts", "many exceptions", "dots"],
    )
    def test_is_found(self, rules: list[Rule], code: str, fields: dict[str, Any]) -> None:
        """Also if several facts depend on each other, or if fields are fixed."""
        policy = Policy("p", rules)

        assert [code] == codes(a_request(policy=policy, denied_by=code, **fields), policy)
        assert [] == codes(a_request(policy=policy, **fields), policy)

    def test_uses_an_unknown_fact_if_the_rule_cannot_be_unmet(self) -> None:
        """Both are denials."""
        account = Policy(
            "account", [Rule("account", fact(lambda r: r.agent.ringcentral).then(lambda u: u.account_id).is_set())]
        )
        linked = account.with_rules(Rule("linked", fact(lambda r: r.agent.ringcentral).is_set()))

        (reason,) = linked.decide(a_request(policy=linked, denied_by="account")).reasons

        assert ("account", "unknown") == (reason.code, reason.status.value)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            (
                {"policy": Policy("hosts", [NOT_VIBER, VIBER])},
                "no request that policy 'hosts' allows: found nothing that suits not_viber, viber; nothing can see into 'no Viber': give the facts it reads",
            ),
            (
                {"denied_by": ["extension_linked", "video_access"]},
                (
                    "no request that policy 'escalate_to_video' denies by exactly extension_linked, video_access: "
                    "video_access would be hidden, as it comes after another of them"
                ),
            ),
            (
                {"denied_by": "video_access", "login": Login.SAML},
                (
                    "no request that policy 'escalate_to_video' denies by exactly video_access: "
                    "nothing suits ringcentral_sso, with login as given"
                ),
            ),
            (
                {"denied_by": "low_risk", "policy": ESCALATE_TO_VIDEO.with_rules(LOW_RISK)},
                (
                    "no request that policy 'escalate_to_video' denies by exactly low_risk: "
                    "found nothing that suits low_risk; nothing can see into 'below 5': give the facts it reads"
                ),
            ),
        ],
        ids=["contradiction", "hidden", "fixed", "opaque"],
    )
    def test_says_why_there_is_no_such_request(self, fields: dict[str, Any], message: str) -> None:
        """It names rules, facts and predicates."""
        with pytest.raises(NoSuchRequestError) as raised:
            a_request(**fields)

        assert message == str(raised.value)

    def test_rejects_a_code_that_the_policy_does_not_have(self) -> None:
        """And an empty list of codes."""
        with pytest.raises(NoSuchRuleError, match="policy 'hosts' has no rule of that code, only region"):
            a_request(denied_by="vidio_access", policy=Policy("hosts", [REGION]))
        with pytest.raises(
            NoSuchRuleError, match="name at least one rule of policy 'escalate_to_video', by its code, got none"
        ):
            a_request(denied_by=[])
