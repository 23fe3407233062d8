"""The audit: which agents of a domain are ready, what the others lack, and where the feature can be used."""

import pickle
import tracemalloc
from collections.abc import Iterator
from typing import Any, Final

import attrs
import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    Agent,
    ChannelKind,
    Permission,
    Policy,
    Rule,
    VideoAccess,
    context,
    fact,
    predicate,
)
from escalation_policy.administration import (
    AgentAudit,
    AuditTotals,
    ChannelUse,
    Directory,
    SharedField,
    audit,
    setup_actions,
)
from escalation_policy.exceptions import InvalidPolicyError, InvalidValueError
from escalation_policy.testing import a_channel, a_domain, a_role, an_agent

ROLE: Final = a_role()
PLAIN: Final = a_role(id="r2", permissions={Permission.USE_EMOJI})
BOTH: Final = "extension_in_account video_access"
#: Agents of one domain, with the codes that are missing, hidden and unknown.
AGENTS: Final[list[tuple[Agent, str, str, str]]] = [
    (an_agent(id="u1"), "", "", ""),
    (an_agent(id="u2", role=PLAIN), "role_permits", "", ""),
    (an_agent(id="u3", role=PLAIN, ringcentral=None), "role_permits extension_linked", BOTH, ""),
    (an_agent(id="u4", account_id="1"), "extension_in_account", "", ""),
    (an_agent(id="u5", account_id=None, video=VideoAccess.UNKNOWN), BOTH, "", BOTH),
    (an_agent(id="u6", enabled=False), "agent_enabled", "", ""),
    (an_agent(id="u7", extension_id="7"), "", "", ""),
    (an_agent(id="u8", account_id=None, video=VideoAccess.DENIED), BOTH, "", "extension_in_account"),
]


def a_directory(*kinds: ChannelKind, **domain: Any) -> Directory:
    """Make a directory of these agents, with channels of some kinds."""
    return Directory(
        domain=a_domain(**domain),
        roles=[ROLE, PLAIN],
        agents=[agent for agent, *_ in AGENTS],
        channels=[a_channel(id=f"s{number}", kind=kind) for number, kind in enumerate(kinds)],
    )


def explode(agent_id: str) -> bool:
    """Raise an IndexError."""
    return agent_id[99] == "x"


def forget(_: str) -> Any:
    """Return None."""


class TestAgents:
    """`Audit.agents()`: every agent is ready or lacks something."""

    def test_have_their_missing_and_hidden_codes(self) -> None:
        """Agents are in the directory's order, and codes in the policy's."""
        expected = [AgentAudit(agent, *(tuple(codes.split()) for codes in columns)) for agent, *columns in AGENTS]
        rows = [*audit(a_directory()).agents()]
        assert expected == rows
        assert ["u1", "u7"] == [row.agent.id for row in rows if row.ready]

    def test_of_a_domain_without_an_account_are_not_ready(self) -> None:
        """All of them lack this step."""
        rows = [*audit(a_directory(ringcentral_account_id=None)).agents()]
        assert {"domain_linked"} == {row.missing[0] for row in rows}
        assert all("extension_in_account" in row.hidden for row in rows)

    def test_are_audited_lazily(self) -> None:
        """The second agent is audited when its row is read."""
        values: list[str] = []

        def store(agent_id: str) -> bool:
            values.append(agent_id)
            return True

        policy = Policy("p", [Rule("stored", fact(lambda r: r.agent.id).satisfies("stored", store))])
        rows = audit(a_directory(), policy=policy).agents()
        assert (values, isinstance(rows, Iterator)) == ([], True)
        next(rows)
        assert ["u1"] == values

    def test_can_be_audited_again(self) -> None:
        """The result is the same."""
        report = audit(a_directory())
        assert [*report.agents()] == [*report.agents()]

    def test_need_constant_memory(self) -> None:
        """A host can write the rows to a file one by one."""
        peaks: list[int] = []
        for count in (300, 3_000):
            directory = Directory(
                domain=a_domain(), roles=[ROLE], agents=[an_agent(id=f"u{number}") for number in range(count)]
            )
            report = audit(directory)
            tracemalloc.start()
            for _ in report.agents():
                pass
            report.totals()
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        few, many = peaks
        assert many < few + 50_000

    def test_are_not_ready_if_a_rule_raises(self) -> None:
        """The same holds for a function that returns no bool."""
        for answer in (explode, forget):
            policy = Policy("p", [Rule("r", fact(lambda r: r.agent.id).satisfies("broken", answer))])
            rows = [*audit(a_directory(), policy=policy).agents()]
            assert {(("r",), ())} == {(row.missing, row.unknown) for row in rows}

    def test_are_unknown_only_if_the_unknown_fact_decides(self) -> None:
        """An unknown fact that changes nothing does not have to be looked up."""
        disabled = ~fact(lambda r: r.agent.enabled).is_true()
        user = fact(lambda r: r.agent.ringcentral)
        other = user.then(lambda u: u.account_id).equals("1")
        rules = [Rule("both", disabled & other), Rule("either", disabled | other), Rule("one", disabled)]
        report = audit(a_directory(), policy=Policy("p", rules))
        row = next(row for row in report.agents() if row.agent.id == "u5")
        assert (("both", "either", "one"), ("either",)) == (row.missing, row.unknown)

    def test_each_function_is_called_once_per_value(self) -> None:
        """Functions of a host may be slow, and agents whose facts are equal are one class."""
        values: list[VideoAccess] = []

        def store(video: VideoAccess) -> bool:
            values.append(video)
            return video is VideoAccess.GRANTED

        video = fact(lambda r: r.agent.ringcentral).then(lambda u: u.video)
        report = audit(a_directory(), policy=Policy("p", [Rule("stored", video.satisfies("stored", store))]))
        assert ["u3", "u5", "u8"] == [row.agent.id for row in report.agents() if row.missing]
        assert [VideoAccess.GRANTED, VideoAccess.DENIED] == values


class TestTotals:
    """`Audit.totals()`."""

    def test_count_ready_agents_and_missing_steps(self) -> None:
        """Steps that nobody lacks are there too. Hidden steps are not counted."""
        totals = audit(a_directory()).totals()
        assert (8, 2) == (totals.agents, totals.ready)
        assert [
            *(("domain_linked", 0), ("agent_enabled", 1), ("agent_in_domain", 0), ("role_in_domain", 0)),
            *(("role_permits", 2), ("extension_linked", 1), ("extension_in_account", 3), ("video_access", 2)),
        ] == [*totals.missing.items()]

    def test_count_unknown_steps(self) -> None:
        """The codes and their order are the same."""
        totals = audit(a_directory()).totals()
        assert [*totals.missing] == [*totals.unknown]
        assert {"extension_in_account": 2, "video_access": 1} == {code: n for code, n in totals.unknown.items() if n}

    def test_are_hashable(self) -> None:
        """Equal totals are one member of a set."""
        report = audit(a_directory())
        assert 2 == len({report.totals(), report.totals(), report.totals([])})

    def test_can_count_some_rows(self) -> None:
        """A host that has the rows already saves a second audit."""
        report = audit(a_directory())
        rows = [row for row in report.agents() if row.agent.role is PLAIN]
        totals = report.totals(iter(rows))
        assert (2, 0, 2, 1) == (
            totals.agents,
            totals.ready,
            *(totals.missing[code] for code in ("role_permits", "extension_linked")),
        )

    def test_of_no_rows_are_zero(self) -> None:
        """An empty list of rows does not mean all rows."""
        report = audit(a_directory())
        none = dict.fromkeys(report.totals().missing, 0)
        nobody = AuditTotals(0, 0, none, none, fingerprint=ESCALATE_TO_VIDEO.fingerprint, sample={})
        assert nobody == report.totals([])
        assert nobody == audit(Directory(domain=a_domain())).totals()


class TestMerge:
    """`AuditTotals.merge()`."""

    def test_adds_domains_up(self) -> None:
        """Codes stay in the policy's order."""
        one = audit(a_directory()).totals()
        both = AuditTotals.merge([one, one])
        assert (16, 4) == (both.agents, both.ready)
        assert [(code, 2 * number) for code, number in one.missing.items()] == [*both.missing.items()]
        assert {code: 2 * number for code, number in one.unknown.items()} == both.unknown

    def test_notices_agents_that_were_counted_twice(self) -> None:
        """Agents of different domains may have one id."""
        one = audit(a_directory()).totals()
        role = a_role(domain_id="other")
        agents = [attrs.evolve(agent, domain_id="other", role=role) for agent, *_ in AGENTS]
        other = audit(Directory(domain=a_domain(id="other"), roles=[role], agents=agents)).totals()
        assert [0, 8] == [AuditTotals.merge([one, part]).repeated for part in (other, one)]

    def test_refuses_totals_of_another_policy(self) -> None:
        """They count other steps."""
        other = audit(a_directory(), policy=ESCALATE_TO_VIDEO.without("video_access")).totals()
        with pytest.raises(InvalidValueError) as caught:
            AuditTotals.merge([audit(a_directory()).totals(), other])
        assert (
            "parts must be one or more AuditTotals values with the same fingerprint, got some that differ in fingerprint"
            == str(caught.value)
        )


#: The use of each kind of channel.
USES: Final = {
    **dict.fromkeys(ChannelKind, ChannelUse.UNSUPPORTED),
    **dict.fromkeys(
        (
            ChannelKind.ENGAGE_MESSAGING,
            ChannelKind.CHAT,
            ChannelKind.MESSENGER,
            ChannelKind.DIGITAL_SMS,
            ChannelKind.APPLE_BUSINESS_CHAT,
            ChannelKind.WHATSAPP,
            ChannelKind.VIBER,
            ChannelKind.DIMELO_SDK,
            ChannelKind.CHANNEL_SDK,
        ),
        ChannelUse.USABLE,
    ),
    ChannelKind.TWITTER: ChannelUse.PRIVATE_ONLY,
    ChannelKind.GOOGLE_BUSINESS_MESSAGES: ChannelUse.RETIRED,
}


class TestChannels:
    """`Audit.channels()`."""

    @pytest.mark.parametrize("kind", ChannelKind, ids=str)
    def test_of_each_kind_have_their_use(self, kind: ChannelKind) -> None:
        """It is that of the product page. One listed service has closed, and one is for private messages only."""
        (row,) = audit(a_directory(kind)).channels()
        assert (kind, USES[kind]) == (row.channel.kind, row.use)

    def test_do_not_depend_on_anything_else(self) -> None:
        """Agents and the domain's account do not matter. Rows are in the directory's order."""
        kinds = (ChannelKind.TWITTER, ChannelKind.EMAIL, ChannelKind.VIBER)
        rows = audit(a_directory(*kinds, ringcentral_account_id=None)).channels()
        assert [("s0", "private_only"), ("s1", "unsupported"), ("s2", "usable")] == [
            (row.channel.id, row.use.value) for row in rows
        ]

    def test_follow_the_policy(self) -> None:
        """A rule about the channel counts. A rule about the click cannot be decided yet."""
        kind = fact(lambda r: r.message.channel.kind)
        private = fact(lambda r: r.message.private).is_true()
        policy = ESCALATE_TO_VIDEO.with_rules(
            Rule("not_viber", ~kind.equals(ChannelKind.VIBER)),
            Rule("private_chat", ~kind.equals(ChannelKind.CHAT) | private),
            Rule("not_google", ~kind.equals(ChannelKind.GOOGLE_BUSINESS_MESSAGES)),
            Rule("on_call", kind.equals(ChannelKind.EMAIL) | context("on_call", bool).is_true()),
            Rule("opaque", predicate("never", lambda _: False)),
        )
        kinds = (ChannelKind.VIBER, ChannelKind.CHAT, ChannelKind.GOOGLE_BUSINESS_MESSAGES, ChannelKind.WHATSAPP)
        rows = audit(a_directory(*kinds), policy=policy).channels()
        assert ["unsupported", "private_only", "unsupported", "usable"] == [row.use.value for row in rows]

    def test_are_usable_if_no_rule_is_about_channels(self) -> None:
        """Only a closed service is still retired."""
        policy = Policy("p", [Rule("r", fact(lambda r: r.agent.enabled).is_true())])
        rows = audit(a_directory(ChannelKind.EMAIL, ChannelKind.GOOGLE_BUSINESS_MESSAGES), policy=policy).channels()
        assert ["usable", "retired"] == [row.use.value for row in rows]


class TestAudit:
    """`audit()` and `Audit`."""

    def test_has_its_directory_and_policy(self) -> None:
        """It can be pickled for a worker process."""
        report = audit(a_directory())
        assert (a_directory(), ESCALATE_TO_VIDEO) == (report.directory, report.policy)
        assert report.totals() == pickle.loads(pickle.dumps(report)).totals()

    def test_shows_no_address_no_label_and_no_id_of_ringcentral(self) -> None:
        """The reprs of audit, rows and totals may be logged."""
        role = a_role(label="Secret")
        report = audit(Directory(domain=a_domain(), roles=[role], agents=[an_agent(role=role)]))
        text = f"{report!r} {[*report.agents()]!r} {report.totals()!r}"
        assert [] == [secret for secret in ("ada@", "664307016", "664287016", "Secret") if secret in text]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"directory": [an_agent()]}, "directory must be a Directory, got a list"),
            ({"policy": None}, "policy must be a Policy, got None"),
        ],
        ids=["directory", "policy"],
    )
    def test_rejects_arguments_of_another_type(self, changes: dict[str, Any], message: str) -> None:
        """It raises before the first agent is audited."""
        arguments: dict[str, Any] = {"directory": a_directory()} | changes
        with pytest.raises(InvalidValueError) as caught:
            audit(**arguments)
        assert message == str(caught.value)

    def test_needs_a_policy_with_a_rule_about_agents(self) -> None:
        """Otherwise every agent would be ready."""
        policy = Policy("p", [Rule("r", context("on_call", bool).is_true())])
        with pytest.raises(
            InvalidPolicyError, match=r"^policy 'p' has no rule that reads only the domain and the agent$"
        ):
            audit(a_directory(), policy=policy)


class TestClasses:
    """`Audit.classes()` and `Audit.of()`."""

    def test_hold_each_agent_once_with_the_audit_of_each(self) -> None:
        """They are in the directory's order."""
        report = audit(a_directory())
        rows = {each.agent.id: each for each in report.agents()}
        ids = [agent.id for each in report.classes() for agent in each.agents]
        assert sorted(rows) == sorted(ids)
        for each in report.classes():
            for agent in each.agents:
                assert rows[agent.id] == AgentAudit(agent, each.missing, each.hidden, each.unknown) == report.of(agent)
        assert ["u1", "u7"] == [agent.id for agent in report.classes()[0].agents]


class TestShared:
    """`Audit.shared()`: what only one agent should have."""

    def test_has_ringcentral_ids_and_then_addresses(self) -> None:
        """Addresses are compared as by the import of users. An agent without one shares none."""
        agents = [
            an_agent(id="a", extension_id="1", email="Ada@example.com"),
            an_agent(id="b", extension_id="2", email=" ada@example.COM "),
            an_agent(id="c", extension_id="1", email=None),
            an_agent(id="d", ringcentral=None, email=None),
        ]
        shared = audit(Directory(domain=a_domain(), roles=[ROLE], agents=agents)).shared()
        assert [(SharedField.RINGCENTRAL_ID, ["a", "c"]), (SharedField.EMAIL, ["a", "b"])] == [
            (value.field, [agent.id for agent in value.agents]) for value in shared
        ]


class TestSetupActions:
    """`setup_actions()`: what makes agents ready."""

    def test_begin_with_the_greatest_effect(self) -> None:
        """An agent who needs several actions is ready after none of them."""
        actions = setup_actions(audit(a_directory()))
        assert [
            (("role_permits",), False, 2, 1),
            (("extension_in_account", "video_access"), True, 2, 1),
            (("extension_in_account",), False, 1, 1),
            (("agent_enabled",), False, 1, 1),
            (("extension_linked",), False, 1, 0),
            (("video_access",), False, 1, 0),
        ] == [(action.codes, action.is_lookup, action.agents, action.ready) for action in actions]
        assert ((PLAIN, 1),) == actions[0].roles

    def test_that_are_done_make_so_many_agents_ready(self) -> None:
        """The same audit of edited records has the same result."""
        directory = a_directory()
        before = audit(directory).totals().ready
        permits = attrs.evolve(PLAIN, permissions=[*PLAIN.permissions, Permission.ESCALATE_TO_VIDEO])
        agents = [attrs.evolve(each, role=permits) if each.role == PLAIN else each for each in directory.agents]
        edited = attrs.evolve(directory, roles=[ROLE, permits], agents=agents)
        action = next(each for each in setup_actions(audit(directory)) if each.codes == ("role_permits",))
        assert before + action.ready == audit(edited).totals().ready

    def test_of_a_domain_without_an_account_begin_with_the_account(self) -> None:
        """All agents need it, and it makes nobody ready by itself."""
        actions = setup_actions(audit(a_directory(ringcentral_account_id=None)))
        assert (("domain_linked",), 8, 0) == (actions[0].codes, actions[0].agents, actions[0].ready)

    def test_take_a_rule_of_the_host_as_met(self) -> None:
        """Its meaning is not known, so nothing can be changed for it."""
        rules = [Rule("known", fact(lambda r: r.agent.id).one_of(["u1", "u2"]))]
        (action,) = setup_actions(audit(a_directory(), policy=Policy("p", rules)))
        assert (("known",), 6, 6) == (action.codes, action.agents, action.ready)

    def test_are_none_if_everybody_is_ready(self) -> None:
        """There is nothing to do."""
        assert () == setup_actions(audit(Directory(domain=a_domain(), roles=[ROLE], agents=[an_agent()])))
