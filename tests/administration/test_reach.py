"""The reach of a policy: who may escalate on which channels of a domain."""

import pickle
from typing import Any, Final

import attrs
import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    Agent,
    ChannelKind,
    Login,
    Permission,
    Policy,
    Rule,
    context,
    fact,
    predicate,
)
from escalation_policy.administration import Directory, Reach, RecordKind, UnreadableRecord, reach
from escalation_policy.analysis import Outcome
from escalation_policy.exceptions import Fault, InvalidPolicyError, InvalidValueError
from escalation_policy.testing import a_channel, a_domain, a_role, an_agent
from support import SAMPLE

ROLE: Final = a_role()
PLAIN: Final = a_role(id="r2", permissions={Permission.USE_EMOJI})
ANN: Final = an_agent(id="ann")
BEN: Final = an_agent(id="ben", extension_id="7")
CLEO: Final = an_agent(id="cleo", role=PLAIN, ringcentral=None)
DAN: Final = an_agent(id="dan", account_id=None)
EVE: Final = an_agent(id="eve", account_id="1")
CHAT: Final = a_channel(id="chat", kind=ChannelKind.CHAT)
VIBER: Final = a_channel(id="viber", kind=ChannelKind.VIBER)
TWITTER: Final = a_channel(id="twitter", kind=ChannelKind.TWITTER)
EMAIL: Final = a_channel(id="email", kind=ChannelKind.EMAIL)
#: The rules that only a click can meet.
CASE: Final = ("customer_message", "agent_engaged", "message_in_intervention", "intervention_owned")


def a_directory(*agents: Agent, channels: Any = (CHAT, TWITTER, EMAIL, VIBER)) -> Directory:
    """Make a directory of agents and channels."""
    return Directory(domain=a_domain(), roles=[ROLE, PLAIN], agents=agents, channels=channels)


def ids(result: Reach) -> list[tuple[str, str, Outcome, tuple[str, ...]]]:
    """Return the classes by the ids in them."""
    return [
        (
            " ".join(agent.id for agent in each.agents),
            " ".join(channel.id for channel in each.channels),
            each.outcome,
            each.missing or each.open,
        )
        for each in result.classes
    ]


class TestClasses:
    """Agents, and channels, between which the policy cannot distinguish are one class."""

    def test_of_the_built_in_policy(self) -> None:
        """It does not matter who an agent is, which extension they have, and why they are in no account of the domain's."""
        result = reach(a_directory(ANN, CLEO, DAN, BEN, EVE), login=Login.RINGCENTRAL_SSO)
        lacks_role = ("role_permits", "extension_linked")
        assert ids(result) == [
            ("ann ben", "chat viber", Outcome.DEPENDS, CASE),
            ("ann ben", "twitter", Outcome.DEPENDS, ("twitter_private", *CASE)),
            ("ann ben", "email", Outcome.NEVER, ("channel_supported",)),
            ("cleo", "chat viber", Outcome.NEVER, lacks_role),
            ("cleo", "twitter", Outcome.NEVER, lacks_role),
            ("cleo", "email", Outcome.NEVER, (*lacks_role, "channel_supported")),
            ("dan eve", "chat viber", Outcome.NEVER, ("extension_in_account",)),
            ("dan eve", "twitter", Outcome.NEVER, ("extension_in_account",)),
            ("dan eve", "email", Outcome.NEVER, ("extension_in_account", "channel_supported")),
        ]

    @pytest.mark.parametrize(
        ("login", "outcome", "codes"),
        [
            (None, Outcome.DEPENDS, ("ringcentral_sso", *CASE)),
            (Login.RINGCENTRAL_SSO, Outcome.DEPENDS, CASE),
            (Login.PASSWORD, Outcome.NEVER, ("ringcentral_sso",)),
            (Login.UNKNOWN, Outcome.NEVER, ("ringcentral_sso",)),
        ],
    )
    def test_of_logins(self, login: Login | None, outcome: Outcome, codes: tuple[str, ...]) -> None:
        """Without a login, it is open."""
        assert ids(reach(a_directory(ANN, channels=[CHAT]), login=login)) == [("ann", "chat", outcome, codes)]

    def test_of_a_policy_that_asks_nothing_at_the_click(self) -> None:
        """Some may always."""
        policy = ESCALATE_TO_VIDEO.without("ringcentral_sso", *CASE)
        assert ids(reach(a_directory(ANN, channels=[CHAT, EMAIL]), policy=policy)) == [
            ("ann", "chat", Outcome.ALWAYS, ()),
            ("ann", "email", Outcome.NEVER, ("channel_supported",)),
        ]

    def test_of_ids_that_a_policy_names(self) -> None:
        """They make a difference, and so do ids that are compared with each other."""
        identity = fact(lambda r: r.agent.id)
        click = context("agent", str)
        policy = Policy("p", [Rule("a", identity.equals(click)), Rule("b", ~click.equals("ben"))])
        assert ids(reach(a_directory(ANN, BEN, CLEO, channels=[CHAT]), policy=policy)) == [
            ("ann cleo", "chat", Outcome.DEPENDS, ("a", "b")),
            ("ben", "chat", Outcome.NEVER, ("a", "b")),
        ]
        own = Policy("p", [Rule("a", identity.equals(fact(lambda r: r.message.channel.id)))])
        assert ids(reach(a_directory(ANN, attrs.evolve(BEN, id="chat"), channels=[CHAT, EMAIL]), policy=own)) == [
            ("ann", "chat", Outcome.NEVER, ("a",)),
            ("ann", "email", Outcome.NEVER, ("a",)),
            ("chat", "chat", Outcome.ALWAYS, ()),
            ("chat", "email", Outcome.NEVER, ("a",)),
        ]

    def test_of_functions(self) -> None:
        """They are asked about each value once. A predicate reads the click, so it is open."""
        calls: list[str] = []

        def is_short(value: str) -> bool:
            calls.append(value)
            return len(value) == 3

        short = fact(lambda r: r.agent.id).satisfies("is short", is_short)
        whole = fact(lambda r: r.agent).satisfies("is ann", lambda agent: agent.id == "ann")
        policy = Policy("p", [Rule("a", short), Rule("b", whole), Rule("c", predicate("is late", lambda _: True))])
        assert ids(reach(a_directory(ANN, BEN, CLEO, channels=[CHAT]), policy=policy)) == [
            ("ann", "chat", Outcome.DEPENDS, ("c",)),
            ("ben", "chat", Outcome.NEVER, ("b",)),
            ("cleo", "chat", Outcome.NEVER, ("a", "b")),
        ]
        assert {"ann", "ben", "cleo"} == set(calls)

    def test_of_nobody_and_nothing(self) -> None:
        """Then there are no classes."""
        assert reach(a_directory()).classes == reach(a_directory(ANN, channels=[])).classes == ()
        assert reach(a_directory(ANN, channels=[])).channels(ANN) == ()
        assert reach(a_directory()).agents(CHAT) == ()


class TestReach:
    """Who, and where."""

    RESULT: Final = reach(a_directory(CLEO, ANN, DAN, BEN))

    def test_of_a_channel_and_of_an_agent(self) -> None:
        """Those who may, always or sometimes."""
        assert (ANN, BEN) == self.RESULT.agents(CHAT) == self.RESULT.agents(TWITTER)
        assert () == self.RESULT.agents(EMAIL)
        assert (CHAT, TWITTER, VIBER) == self.RESULT.channels(BEN)
        assert () == self.RESULT.channels(CLEO)

    def test_of_both(self) -> None:
        """Their class says why."""
        assert self.RESULT.of(DAN, VIBER).missing == ("extension_in_account",)
        assert self.RESULT.of(BEN, TWITTER).open == ("ringcentral_sso", "twitter_private", *CASE)

    def test_knows_who_could_not_be_read(self) -> None:
        """Not who was read in part, nor what is no agent."""
        records = [
            UnreadableRecord(
                kind=RecordKind.USER, id="u9", in_part=False, faults=[Fault("user.enabled", "is missing")]
            ),
            UnreadableRecord(
                kind=RecordKind.USER, id=ANN.id, in_part=True, faults=[Fault("user.rc_user_id", "is wrong")]
            ),
            UnreadableRecord(kind=RecordKind.SOURCE, id="s9", in_part=False, faults=[Fault("source.type", "is wrong")]),
        ]
        assert reach(attrs.evolve(a_directory(ANN), unreadable=records)).unreadable == tuple(records[:1])

    @pytest.mark.parametrize(
        ("agent", "channel", "message"),
        [
            (EVE, CHAT, "agent must be one of the directory's agents, got another one"),
            (
                attrs.evolve(ANN, enabled=False),
                CHAT,
                "agent must be one of the directory's agents, got a copy that differs",
            ),
            (ANN, a_channel(id="fax"), "channel must be one of the directory's channels, got another one"),
            ("ann", CHAT, "agent must be an Agent, got a str"),
            (ANN, ANN, "channel must be a Channel, got an Agent"),
        ],
    )
    def test_of_others(self, agent: Any, channel: Any, message: str) -> None:
        """They are not in the directory."""
        with pytest.raises(InvalidValueError) as caught:
            self.RESULT.of(agent, channel)
        assert str(caught.value) == message

    def test_is_a_value(self) -> None:
        """It can be compared, and pickled."""
        assert self.RESULT == reach(self.RESULT.directory) == pickle.loads(pickle.dumps(self.RESULT))


class TestBadInput:
    """Arguments that are not accepted."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"directory": 1}, "directory must be a Directory, got an int"),
            ({"policy": 1}, "policy must be a Policy, got an int"),
            ({"login": "passwort"}, r"login must be a Login, got a str \(did you mean Login.PASSWORD\?\)"),
        ],
    )
    def test_of_another_type(self, arguments: Any, message: str) -> None:
        """A wrong type."""
        wrong: dict[str, Any] = {"directory": a_directory(ANN), **arguments}
        with pytest.raises(InvalidValueError, match=message):
            reach(**wrong)

    def test_of_a_policy_over_other_requests(self) -> None:
        """A directory holds facts of an `EscalationRequest`."""
        policy: Any = Policy("p", [Rule("a", SAMPLE(lambda s: s.flag).is_true())])
        with pytest.raises(InvalidPolicyError, match="got EscalationRequest and Sample"):
            reach(a_directory(ANN), policy=policy)
