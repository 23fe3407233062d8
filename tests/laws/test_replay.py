"""What always holds of replays, for all rules, requests and masks. Each class is named after its law."""
# pyright: basic

from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any, Final

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind, Permission, Policy, Rule, context, fact, predicate
from escalation_policy.records import DecisionRecord, Replayed, record, replay_each
from escalation_policy.records._recorded_policy import RARE
from escalation_policy.testing.strategies import requests
from laws.reference import FACTS, PREDICATES, REQUESTS, SETS, rule_sets, rules
from support import Colour, Sample, Size

#: A shared machine is slow at times, which says nothing about a law.
UNHURRIED: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)

_kind = fact(lambda r: r.message.channel.kind)
_risk = context("risk", int)
_account = fact(lambda r: r.agent.ringcentral).then(lambda u: u.account_id)
_calm: Final = Rule("calm", _risk.satisfies("risk below 5", lambda risk: risk < 5, version="1"))
_plain: Final = Rule("plain", predicate("no case, or one", lambda r: r.intervention is None or bool(r.message.id)))
_case: Final = Rule("case", fact(lambda r: r.intervention).satisfies("a case", lambda case: bool(case.agent_id)))
_awake: Final = Rule("awake", ~context("after hours", bool).is_true() | _kind.one_of([ChannelKind.WHATSAPP]))
_alike: Final = Rule(
    "alike", context("a", str).equals(context("b", str)) | ~context("c", str).equals(context("a", str))
)
_apart: Final = Rule("apart", ~_account.equals(fact(lambda r: r.agent.ringcentral).then(lambda u: u.extension_id)))
_team: Final = Rule("team", fact(lambda r: r.agent.led_team_ids).subset_of(fact(lambda r: r.agent.team_ids)))
_led: Final = Rule("led", fact(lambda r: r.agent.led_team_ids).contains(context("a", str)), after=["team"])
_rare: Final = Rule("rare", fact(lambda r: r.agent.role.permissions).subset_of([Permission.ESCALATE_TO_VIDEO]))
_any: Final = Rule("any", predicate("anything", lambda _: True))
POLICIES: Final = [
    Policy("p", [_any]),
    ESCALATE_TO_VIDEO,
    ESCALATE_TO_VIDEO.without("intervention_owned", "domain_linked"),
    ESCALATE_TO_VIDEO.with_rules(_calm, _awake),
    ESCALATE_TO_VIDEO.with_rules(_alike, _apart, _plain),
    Policy("p", [_calm, _awake, _case, _plain]),
    Policy("p", [_team, _led, _rare, _alike]),
    Policy("p", [Rule("a", ~_case.requires | _apart.requires), Rule("b", ~(_alike.requires & _calm.requires))]),
]
#: A policy whose records tell all that the others ask.
CURIOUS: Final = ESCALATE_TO_VIDEO.with_rules(
    *(_calm, _plain, _case, _awake, _alike, _apart, _team, attrs.evolve(_led, after=()), _rare, _any)
)
#: The same for samples.
_facts: Final[list[Any]] = [place.fact for place in (*FACTS.values(), *SETS.values())]
_curious: Final[Rule[Any]] = Rule("curious", reduce(or_, [each.is_set() for each in _facts]))
CONTEXTS: Final = st.fixed_dictionaries(
    {},
    optional={
        "risk": st.integers(0, 9) | st.booleans() | st.just(10**30),
        "after hours": st.booleans() | st.just("yes"),
        **{name: st.sampled_from(["t", "u", ""]) for name in "abc"},
    },
)
NAMES: Final = ["anything", "risk below 5", "no case, or one", "a case"]
PLACES: Final = ["context.risk", "context", "agent", "message.channel.kind", "domain", "context.a", "intervention"]
SAMPLE_PLACES: Final = [*FACTS, *SETS]
#: What a type that checks nothing can hold.
ODD: Final = st.fixed_dictionaries(
    {},
    optional={
        "flag": st.sampled_from([None, 1, "yes"]),
        "number": st.sampled_from([None, True, 10**30, "1"]),
        "colour": st.sampled_from([None, "red", [], Size.SMALL]),
        "sizes": st.sampled_from([None, [Size.SMALL], (Size.SMALL,), frozenset(["small"]), frozenset([Colour.RED])]),
        "name": st.sampled_from([None, 1, [], Size.SMALL]),
        "spare": st.sampled_from(["", 0, Size.SMALL]),
    },
)


def oddly(request: Sample, odd: dict[str, Any]) -> Sample:
    """Return a request with other values in some fields."""
    return attrs.evolve(request, **odd)


ANY_REQUESTS: Final = REQUESTS | st.builds(oddly, REQUESTS, ODD)


def masks(places: list[str], names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw how to mask: by default, with a key, with facts revealed and others masked."""
    some = st.lists(st.sampled_from(places), max_size=4)
    all_of_them = [*places, *names]
    revealed: st.SearchStrategy[list[str]] = st.just(all_of_them) | st.just([]) | st.lists(st.sampled_from(all_of_them))
    return st.fixed_dictionaries(
        {"reveal": revealed}, optional={"key": st.just(b"a key of 16 bytes or more"), "mask": some}
    )


def read_back(policy: Policy[Any], request: Any, **options: Any) -> DecisionRecord:
    """Decide, record, write and read."""
    return DecisionRecord.from_json(record(policy.decide(request), at=AT, id="d1", **options).to_json())


def replayed(recorded: DecisionRecord, policy: Policy[Any]) -> Replayed:
    """Decide one record again, by interpreted rules and by compiled ones."""
    (first, *_, last) = replay_each([recorded] * RARE, policy)
    assert first == last
    return last


def contradicts(each: Replayed, policy: Policy[Any], request: Any) -> bool:
    """Return whether a replay differs from what the policy decides."""
    if each.effect is None:
        return not each.missing
    decision = policy.decide(request)
    standing = {} if decision else {reason.code: reason.status for reason in decision.reasons}
    statuses = {reason.code: reason.status for reason in each.reasons}
    return (each.effect, statuses, set(each.hidden)) != (decision.effect, standing, set(decision.hidden))


class TestReplayUnderTheSamePolicy:
    """It never flips, and never tells other reasons."""

    @given(requests(), CONTEXTS, st.sampled_from(POLICIES), masks(PLACES, NAMES))
    @UNHURRIED
    def test_over_requests(
        self, request: Any, values: dict[str, Any], policy: Policy[Any], mask: dict[str, Any]
    ) -> None:
        """However the record was masked."""
        recorded = read_back(policy, attrs.evolve(request, context=values), **mask)
        each = replayed(recorded, policy)
        assert (False, False) == (each.flipped, each.changed)
        assert each.hidden == recorded.hidden or each.effect is None

    @given(requests())
    @UNHURRIED
    def test_of_the_page_is_never_in_doubt(self, request: Any) -> None:
        """By default nothing is masked that its rules need, but what they compare with each other."""
        recorded = read_back(ESCALATE_TO_VIDEO, request)
        assert replayed(recorded, ESCALATE_TO_VIDEO).effect is recorded.effect

    @given(rule_sets(), ANY_REQUESTS, masks(SAMPLE_PLACES, sorted(PREDICATES)))
    @UNHURRIED
    def test_over_random_rules(self, drawn: Any, request: Sample, mask: dict[str, Any]) -> None:
        """Of another type of request, with predicates that raise or forget to answer."""
        policy = Policy("p", rules(*drawn))
        each = replayed(read_back(policy, request, **mask), policy)
        assert (False, False) == (each.flipped, each.changed)


class TestReplayUnderAnotherPolicy:
    """It never contradicts what that policy decides."""

    @given(
        requests(),
        CONTEXTS,
        st.just(CURIOUS) | st.sampled_from(POLICIES),
        st.sampled_from(POLICIES),
        masks(PLACES, NAMES),
    )
    @UNHURRIED
    def test_over_requests(
        self, request: Any, values: dict[str, Any], then: Policy[Any], now: Policy[Any], mask: dict[str, Any]
    ) -> None:
        """However the record was masked."""
        with_context = attrs.evolve(request, context=values)
        assert not contradicts(replayed(read_back(then, with_context, **mask), now), now, with_context)

    @given(rule_sets(), rule_sets(), ANY_REQUESTS, masks(SAMPLE_PLACES, sorted(PREDICATES)))
    @UNHURRIED
    def test_over_random_rules(self, then: Any, now: Any, request: Sample, mask: dict[str, Any]) -> None:
        """Of another type of request."""
        before, after = Policy("p", [*rules(*then), _curious]), Policy("q", rules(*now))
        assert not contradicts(replayed(read_back(before, request, **mask), after), after, request)

    def test_over_what_is_no_request(self) -> None:
        """It is denied, and nothing is known of it."""
        for policy in POLICIES:
            for other in POLICIES:
                each = replayed(read_back(policy, "no request", reveal=NAMES), other)
                assert not contradicts(each, other, "no request"), (policy, other)
