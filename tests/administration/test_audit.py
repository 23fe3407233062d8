"""The audit: who of a whole domain is ready, what the others miss, and where the feature can be used."""

import pickle
import tracemalloc
from collections.abc import Iterator
from typing import Any, Final

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
from escalation_policy.administration import AgentAudit, AuditTotals, ChannelUse, Directory, audit
from escalation_policy.exceptions import InvalidPolicyError, InvalidValueError
from escalation_policy.testing import a_channel, a_domain, a_role, an_agent

ROLE: Final = a_role()
PLAIN: Final = a_role(id="r2", permissions={Permission.USE_EMOJI})
BOTH: Final = "extension_in_account video_access"
#: Agents of one domain, what each misses, what is hidden behind it, and what of it is not known.
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
    """Makes a directory of these agents, and of channels of some kinds."""
    return Directory(
        domain=a_domain(**domain),
        roles=[ROLE, PLAIN],
        agents=[agent for agent, *_ in AGENTS],
        channels=[a_channel(id=f"s{number}", kind=kind) for number, kind in enumerate(kinds)],
    )


def explode(agent_id: str) -> bool:
    """Raises."""
    return agent_id[99] == "x"


def forget(_: str) -> Any:
    """Says neither yes nor no."""


class TestAgents:
    """Everybody is ready, or misses something."""

    def test_are_told_what_they_miss_and_what_may_be_behind_it(self) -> None:
        """In the directory's order, and in the policy's."""
        expected = [AgentAudit(agent, *(tuple(codes.split()) for codes in told)) for agent, *told in AGENTS]
        found = [*audit(a_directory()).agents()]
        assert expected == found
        assert ["u1", "u7"] == [row.agent.id for row in found if row.ready]

    def test_of_a_domain_without_an_account_are_not_ready(self) -> None:
        """That one step is everybody's."""
        rows = [*audit(a_directory(ringcentral_account_id=None)).agents()]
        assert {"domain_linked"} == {row.missing[0] for row in rows}
        assert all("extension_in_account" in row.hidden for row in rows)

    def test_are_audited_one_after_the_other(self) -> None:
        """The second one is not looked at before somebody asks for it."""
        asked: list[str] = []

        def note(agent_id: str) -> bool:
            asked.append(agent_id)
            return True

        policy = Policy("p", [Rule("noted", fact(lambda r: r.agent.id).satisfies("noted", note))])
        rows = audit(a_directory(), policy=policy).agents()
        assert (asked, isinstance(rows, Iterator)) == ([], True)
        next(rows)
        assert ["u1"] == asked

    def test_may_be_audited_any_number_of_times(self) -> None:
        """An audit keeps nothing."""
        audited = audit(a_directory())
        assert [*audited.agents()] == [*audited.agents()]

    def test_take_no_more_memory_the_more_they_are(self) -> None:
        """Whoever writes rows to a file needs room for one."""
        peaks: list[int] = []
        for count in (20, 2_000):
            directory = Directory(
                domain=a_domain(), roles=[ROLE], agents=[an_agent(id=f"u{number}") for number in range(count)]
            )
            audited = audit(directory)
            tracemalloc.start()
            for _ in audited.agents():
                pass
            audited.totals()
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        few, many = peaks
        assert many < few + 50_000

    def test_do_not_pass_where_a_rule_fails(self) -> None:
        """A question that raises, or says neither yes nor no, is not answered by yes."""
        for answer in (explode, forget):
            policy = Policy("p", [Rule("r", fact(lambda r: r.agent.id).satisfies("broken", answer))])
            rows = [*audit(a_directory(), policy=policy).agents()]
            assert {(("r",), ())} == {(row.missing, row.unknown) for row in rows}

    def test_are_not_known_where_a_fact_is_that_decides(self) -> None:
        """Whatever else is wrong, a fact that is unknown and does not matter is not to be looked up."""
        disabled = ~fact(lambda r: r.agent.enabled).is_true()
        user = fact(lambda r: r.agent.ringcentral)
        other = user.then(lambda u: u.account_id).equals("1")
        rules = [Rule("both", disabled & other), Rule("either", disabled | other), Rule("one", disabled)]
        audited = audit(a_directory(), policy=Policy("p", rules))
        row = next(row for row in audited.agents() if row.agent.id == "u5")
        assert (("both", "either", "one"), ("either",)) == (row.missing, row.unknown)

    def test_are_asked_about_once(self) -> None:
        """Functions of the host's may take their time."""
        asked: list[VideoAccess] = []

        def note(video: VideoAccess) -> bool:
            asked.append(video)
            return video is VideoAccess.GRANTED

        video = fact(lambda r: r.agent.ringcentral).then(lambda u: u.video)
        audited = audit(a_directory(), policy=Policy("p", [Rule("noted", video.satisfies("noted", note))]))
        assert ["u3", "u5", "u8"] == [row.agent.id for row in audited.agents() if row.missing]
        assert [VideoAccess.DENIED] == [video for video in asked if video is not VideoAccess.GRANTED]
        assert 5 == asked.count(VideoAccess.GRANTED)


class TestTotals:
    """How many miss what."""

    def test_count_who_is_ready_and_who_misses_what(self) -> None:
        """Steps that nobody misses are there too; what is hidden is not counted."""
        totals = audit(a_directory()).totals()
        assert (8, 2) == (totals.agents, totals.ready)
        assert [
            *(("domain_linked", 0), ("agent_enabled", 1), ("agent_in_domain", 0), ("role_in_domain", 0)),
            *(("role_permits", 2), ("extension_linked", 1), ("extension_in_account", 3), ("video_access", 2)),
        ] == [*totals.missing.items()]

    def test_count_of_how_many_it_is_not_known(self) -> None:
        """Under the same codes, in the same order."""
        totals = audit(a_directory()).totals()
        assert [*totals.missing] == [*totals.unknown]
        assert {"extension_in_account": 2, "video_access": 1} == {code: n for code, n in totals.unknown.items() if n}

    def test_can_be_told_apart_in_a_set(self) -> None:
        """Equal ones are one."""
        audited = audit(a_directory())
        assert 2 == len({audited.totals(), audited.totals(), audited.totals([])})

    def test_count_the_rows_given(self) -> None:
        """Whoever shows the rows does not have everybody audited again."""
        audited = audit(a_directory())
        rows = [row for row in audited.agents() if row.agent.role is PLAIN]
        totals = audited.totals(iter(rows))
        assert (2, 0, 2, 1) == (
            totals.agents,
            totals.ready,
            *(totals.missing[code] for code in ("role_permits", "extension_linked")),
        )

    def test_of_nobody_are_zero(self) -> None:
        """Given no rows, they do not take all of them."""
        audited = audit(a_directory())
        nobody = AuditTotals(0, 0, *2 * (dict.fromkeys(audited.totals().missing, 0),))
        assert nobody == audited.totals([])
        assert nobody == audit(Directory(domain=a_domain())).totals()


#: What can be made of each kind of channel.
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
    """Whether the feature can be used on a channel at all."""

    @pytest.mark.parametrize("kind", ChannelKind, ids=str)
    def test_of_each_kind_are_usable_or_not(self, kind: ChannelKind) -> None:
        """As the product page lists them; one that is listed is closed by now, and one is for private messages only."""
        (row,) = audit(a_directory(kind)).channels()
        assert (kind, USES[kind]) == (row.channel.kind, row.use)

    def test_do_not_depend_on_anything_else(self) -> None:
        """Neither on who is ready nor on the domain's account; in the directory's order."""
        kinds = (ChannelKind.TWITTER, ChannelKind.EMAIL, ChannelKind.VIBER)
        rows = audit(a_directory(*kinds, ringcentral_account_id=None)).channels()
        assert [("s0", "private_only"), ("s1", "unsupported"), ("s2", "usable")] == [
            (row.channel.id, row.use.value) for row in rows
        ]

    def test_follow_the_policy(self) -> None:
        """A host's rule over the channel counts; one over the click cannot be asked yet."""
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

    def test_of_a_policy_that_asks_nothing_of_them_are_all_usable(self) -> None:
        """Whether an agent is ready is another question; what is closed stays closed."""
        policy = Policy("p", [Rule("r", fact(lambda r: r.agent.enabled).is_true())])
        rows = audit(a_directory(ChannelKind.EMAIL, ChannelKind.GOOGLE_BUSINESS_MESSAGES), policy=policy).channels()
        assert ["usable", "retired"] == [row.use.value for row in rows]


class TestAudit:
    """An audit is a question that is answered when it is asked."""

    def test_names_its_directory_and_its_policy(self) -> None:
        """It can be sent to a worker process too."""
        audited = audit(a_directory())
        assert (a_directory(), ESCALATE_TO_VIDEO) == (audited.directory, audited.policy)
        assert audited.totals() == pickle.loads(pickle.dumps(audited)).totals()

    def test_shows_no_address_no_label_and_no_id_of_ringcentral(self) -> None:
        """Neither its own repr nor that of a row."""
        role = a_role(label="Secret")
        audited = audit(Directory(domain=a_domain(), roles=[role], agents=[an_agent(role=role)]))
        shown = f"{audited!r} {[*audited.agents()]!r} {audited.totals()!r}"
        assert [] == [secret for secret in ("ada@", "664307016", "664287016", "Secret") if secret in shown]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"directory": [an_agent()]}, "directory must be a Directory, got a list"),
            ({"policy": None}, "policy must be a Policy, got None"),
        ],
        ids=["directory", "policy"],
    )
    def test_refuses_what_is_not_what_it_should_be(self, changes: dict[str, Any], message: str) -> None:
        """Before anybody is audited."""
        arguments: dict[str, Any] = {"directory": a_directory()} | changes
        with pytest.raises(InvalidValueError) as caught:
            audit(**arguments)
        assert message == str(caught.value)

    def test_needs_a_policy_that_asks_something_of_agents(self) -> None:
        """Otherwise everybody would be ready."""
        policy = Policy("p", [Rule("r", context("on_call", bool).is_true())])
        with pytest.raises(
            InvalidPolicyError, match=r"^policy 'p' has no rule that reads only the domain and the agent$"
        ):
            audit(a_directory(), policy=policy)
