"""Laws of the reach: it says of each agent on each channel what the policy says. Each class is named after its law."""
# pyright: basic

from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escalation_policy import (
    Agent,
    Channel,
    ChannelKind,
    Domain,
    Login,
    Permission,
    Policy,
    RingCentralUser,
    Role,
    VideoAccess,
    fact,
)
from escalation_policy.administration import Directory, reach
from escalation_policy.analysis import Outcome
from escalation_policy.analysis import given as given_facts
from laws.reference import ESCALATIONS, rule_sets, rules, specs_of, vocabulary

UNHURRIED: Final = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=20
)
#: Facts of agents, of channels and of the click, which are compared with each other.
WORDS: Final = vocabulary(
    ESCALATIONS.request_type,
    f"{' '.join(ESCALATIONS.places)} agent agent.domain_id agent.role agent.role.id message.channel message.channel.id"
    " message.channel.domain_id",
)
IDS: Final = ("t", "u", "v", "w")
ROLES: Final = [Role(id=f"r{size}", domain_id="t", label="R", permissions=list(Permission)[:size]) for size in range(3)]
USERS: Final = st.builds(
    RingCentralUser,
    extension_id=st.sampled_from(["1", "2", "3"]),
    account_id=st.sampled_from([None, "1", "2", "3"]),
    video=st.sampled_from(VideoAccess),
)
TEAMS: Final = st.frozensets(st.sampled_from(IDS), max_size=2)


def agents_of(identity: str) -> st.SearchStrategy[Agent]:
    """Draw an agent."""
    return st.builds(
        Agent,
        id=st.just(identity),
        domain_id=st.just("t"),
        role=st.sampled_from(ROLES),
        enabled=st.booleans(),
        email=st.sampled_from([None, *IDS]),
        ringcentral=st.none() | USERS,
        team_ids=TEAMS,
        led_team_ids=TEAMS,
    )


def channels_of(identity: str) -> st.SearchStrategy[Channel]:
    """Draw a channel."""
    kinds = st.sampled_from([ChannelKind.WHATSAPP, ChannelKind.TWITTER, ChannelKind.EMAIL, ChannelKind.UNKNOWN])
    return st.builds(Channel, id=st.just(identity), domain_id=st.just("t"), kind=kinds)


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    """Draw a directory."""
    domain = Domain(id="t", ringcentral_account_id=draw(st.sampled_from([None, "1", "2"])))
    agents = [draw(agents_of(identity)) for identity in IDS]
    return Directory(domain=domain, roles=ROLES, agents=agents, channels=[draw(channels_of(each)) for each in IDS[:3]])


class TestClassesAreRight:
    """Deciding pair by pair says the same."""

    @UNHURRIED
    @given(rule_sets(specs_of(WORDS, 4)), directories(), st.none() | st.sampled_from(Login))
    def test_for_random_rules_and_directories(self, rule_set: Any, directory: Directory, login: Login | None) -> None:
        """What is known of a pair leaves as much of the policy as its class says."""
        policy = Policy("p", rules(rule_set[0], rule_set[1], WORDS))
        result = reach(directory, policy=policy, login=login)
        for agent in directory.agents:
            for channel in directory.channels:
                values: dict[Any, Any] = {
                    fact(lambda r: r.domain): directory.domain,
                    fact(lambda r: r.agent): agent,
                    fact(lambda r: r.message.channel): channel,
                }
                if login is not None:
                    values[fact(lambda r: r.login)] = login
                residual, answer = given_facts(policy, values), result.of(agent, channel)
                assert (residual.outcome, residual.codes) == (answer.outcome, answer.missing)
                assert tuple(residual.policy or ()) == answer.open
                may = answer.outcome is not Outcome.NEVER
                assert may is (agent in result.agents(channel)) is (channel in result.channels(agent))
