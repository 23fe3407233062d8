"""Replay: what is decided again, how it is reported, and what is never guessed."""

import json
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from datetime import UTC, datetime, timedelta
from operator import invert
from typing import Any, Final
from unittest.mock import Mock

import attrs
import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    ChannelKind,
    Effect,
    Evidence,
    Facts,
    Login,
    Permission,
    Policy,
    ReasonStatus,
    Rule,
    context,
    fact,
    predicate,
)
from escalation_policy.exceptions import InvalidValueError
from escalation_policy.records import DecisionRecord, Replay, Replayed, _recorded_policy, record, replay, replay_each
from escalation_policy.records._recorded_policy import RARE
from escalation_policy.testing import a_request
from support import SAMPLE, Colour, Part, Sample, Size

AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
NOT_OWNED: Final = ESCALATE_TO_VIDEO.without("intervention_owned")
#: Some of the facts that the policy reads.
READ: Final = ["agent.enabled", "domain.ringcentral_account_id", "login", "message.author", "message.channel.kind"]
RISK: Final = context("risk", int)
LOW: Final = RISK.satisfies("risk below 5", lambda risk: risk < 5, version="1")


def recorded(request: Any, policy: Policy[Any] = ESCALATE_TO_VIDEO, **options: Any) -> DecisionRecord:
    """Decide and record."""
    return record(policy.decide(request), at=AT, id="d1", **options)


def policy_of(condition: Any) -> Policy[Any]:
    """Return a policy of one rule."""
    return Policy("p", [Rule("r", condition)])


def again(each: DecisionRecord, condition: Any) -> Replayed:
    """Decide a record again, by one rule."""
    *_, replayed = replay_each([each] * RARE, policy_of(condition))
    return replayed


def over(condition: Any, request: Any, *others: Any, **options: Any) -> Replayed:
    """Decide a request by one rule, record it with the facts of other conditions, and decide the record again."""
    rules = [Rule(f"r{number}", each) for number, each in enumerate((condition, *others))]
    return again(recorded(request, Policy("p", rules), **options), condition)


def altered(each: DecisionRecord, **facts: Any) -> DecisionRecord:
    """Return a record with other facts; `__` stands for a dot."""
    changes = {name.replace("__", "."): value for name, value in facts.items()}
    return attrs.evolve(each, facts={**each.facts, **changes})


def hostile_facts(number: int) -> list[str]:
    """Return another choice of facts for each number."""
    return [name for bit, name in enumerate(READ) if number >> bit & 1]


def other_facts(number: int) -> list[str]:
    """Return a fact that no rule reads, another one for each number."""
    return [f"context.{number}"]


class TestReplay:
    """Replaying a whole log."""

    OWNED: Final = recorded(a_request())
    ANOTHERS: Final = recorded(a_request(intervention_agent_id="u2"))
    PASSWORD: Final = recorded(a_request(login=Login.PASSWORD))

    def test_counts_each_record_once(self) -> None:
        """Things that are not records are counted apart."""
        log = [self.OWNED, self.ANOTHERS, "no record", self.PASSWORD, None, recorded("no request")]
        result = replay(log, NOT_OWNED)
        counts = (result.same, result.changed, result.now_allowed, result.now_denied, result.not_replayable)
        assert (2, 0, 1, 0, 1) == counts
        assert (sum(counts), 2) == (result.records, result.unreadable)

    def test_ignores_the_outcomes_of_clicks(self) -> None:
        """The provider's failure is no decision."""
        failed = attrs.evolve(self.OWNED, outcome="unavailable")
        assert replay([failed], NOT_OWNED).same == replay([self.OWNED], NOT_OWNED).same == 1

    def test_names_the_policy(self) -> None:
        """It may have the same id as the policy of the records."""
        result = replay([], NOT_OWNED)
        assert ("escalate_to_video", NOT_OWNED.version, NOT_OWNED.fingerprint) == (
            result.policy_id,
            result.policy_version,
            result.fingerprint,
        )
        assert (0, (), (), {}) == (result.records, result.flips, result.gaps, result.missing)

    def test_lists_the_flips_with_both_sets_of_reasons(self) -> None:
        """If it is allowed now, the old reasons are in the record."""
        result = replay([self.ANOTHERS, self.OWNED], NOT_OWNED)
        assert [Replayed(self.ANOTHERS, Effect.ALLOW)] == list(result.flips)
        assert ["intervention_owned"] == [reason.code for reason in result.flips[0].record.reasons]

    def test_gives_the_reasons_for_what_is_denied_now(self) -> None:
        """With evidence, and with what is hidden behind them."""
        strict = ESCALATE_TO_VIDEO.replace(
            Rule("channel_supported", ~fact(lambda r: r.message.channel.kind).equals(ChannelKind.WHATSAPP))
        )
        (flip,) = replay([self.OWNED], strict).flips
        assert [("channel_supported", ReasonStatus.UNMET)] == [(each.code, each.status) for each in flip.reasons]
        evidence = Evidence("message.channel.kind", "differs from whats_app", "whats_app")
        assert ((evidence,),) == tuple(each.evidence for each in flip.reasons)
        assert ((), Effect.DENY, ()) == (flip.hidden, flip.effect, flip.missing)

    def test_counts_allows_that_are_denied_now(self) -> None:
        """Apart from denials that are allowed now, in any order."""
        strict = NOT_OWNED.with_rules(Rule("saml", fact(lambda r: r.login).equals(Login.SAML)))
        for log in ([self.OWNED, self.ANOTHERS, self.OWNED], [self.ANOTHERS, self.OWNED, self.OWNED]):
            result = replay(log, strict)
            assert (2, 0, 1, 0) == (result.now_denied, result.now_allowed, result.changed, result.same)
            assert [(Effect.ALLOW, Effect.DENY)] * 2 == [(flip.record.effect, flip.effect) for flip in result.flips]

    def test_distinguishes_denials_for_other_reasons(self) -> None:
        """The order of rules does not count."""
        denied = recorded(a_request(login=Login.PASSWORD, enabled=False))
        lax = ESCALATE_TO_VIDEO.without("agent_enabled")
        turned = Policy("p", ESCALATE_TO_VIDEO.rules[::-1])
        assert [1, 0] == [replay([denied], policy).changed for policy in (lax, turned)]
        assert [0, 1] == [replay([denied], policy).same for policy in (lax, turned)]
        (each,) = replay_each([denied], lax)
        assert (["ringcentral_sso"], True, False) == (
            [reason.code for reason in each.reasons],
            each.changed,
            each.flipped,
        )

    def test_hides_what_the_policy_hides(self) -> None:
        """Even if the record hides nothing."""
        first = attrs.evolve(ESCALATE_TO_VIDEO["video_access"], after=())
        (each,) = replay_each(
            [recorded(a_request(ringcentral=None), ESCALATE_TO_VIDEO.replace(first))], ESCALATE_TO_VIDEO
        )
        assert (("extension_in_account",), ("extension_in_account", "video_access")) == (
            each.record.hidden,
            each.hidden,
        )
        assert (["extension_linked"], True) == ([reason.code for reason in each.reasons], each.changed)

    def test_counts_what_is_missing_the_most_frequent_first(self) -> None:
        """Counted by fact."""
        asking = ESCALATE_TO_VIDEO.with_rules(Rule("calm", LOW), Rule("zone", context("zone", str).is_set()))
        risky = recorded(
            a_request(context={"risk": 1}), ESCALATE_TO_VIDEO.with_rules(Rule("calm", LOW)), reveal=["context"]
        )
        result = replay([self.OWNED, risky], asking)
        assert [("context.zone", 2), ("context.risk", 1)] == list(result.missing.items())
        assert [("context.zone",), ("context.risk", "context.zone")] == [each.missing for each in result.gaps]

    def test_keeps_only_the_first_of_each(self) -> None:
        """But it counts all."""
        result = replay([self.ANOTHERS, recorded("no request")] * 5, NOT_OWNED, keep=2)
        assert (5, 2, 5, 2) == (result.now_allowed, len(result.flips), result.not_replayable, len(result.gaps))

    def test_keeps_the_earliest(self) -> None:
        """By time and then by id, in whatever order they are read."""
        flips = [
            attrs.evolve(self.ANOTHERS, id=f"d{number}", at=AT + timedelta(hours=number // 2)) for number in range(9)
        ]
        for log in (flips, flips[::-1], [*flips[5:], *flips[:5]]):
            assert ["d0", "d1", "d2"] == [flip.record.id for flip in replay(log, NOT_OWNED, keep=3).flips]

    def test_needs_no_more_memory_for_more_records(self) -> None:
        """Even if each of them flips."""

        def log(count: int) -> Iterator[DecisionRecord]:
            line = self.ANOTHERS.to_json()
            return (DecisionRecord.from_json(line.replace('"d1"', f'"d{number}"')) for number in range(count))

        def peak(count: int) -> int:
            tracemalloc.start()
            try:
                assert count == replay(log(count), NOT_OWNED, keep=10).now_allowed
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        peak(10)
        assert peak(2000) < 1.5 * peak(100)

    @pytest.mark.parametrize(
        ("unknown", "compilations"),
        [
            (hostile_facts, 0),
            (other_facts, 1),
        ],
        ids=["hostile", "other facts"],
    )
    def test_compiles_only_for_shapes_that_recur(
        self, unknown: Callable[[int], list[str]], compilations: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """To compile the rules takes a hundred times as long as to decide a record."""
        compiled = Mock(side_effect=_recorded_policy._compile)
        monkeypatch.setattr(_recorded_policy, "_compile", compiled)
        log = [attrs.evolve(self.OWNED, unknown=unknown(number)) for number in range(1, 2 * RARE)]
        assert len(log) == replay(log, NOT_OWNED).records
        assert compilations == compiled.call_count

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"parts": []}, "parts must be one or more Replay values, got none"),
            ({"keep": 3}, "keep must be None or an int from 0 to 2, as many as each part kept, got 3"),
            ({"keep": True}, "keep must be None or an int from 0 to 2, as many as each part kept, got a bool"),
            (
                {"parts": [replay([], NOT_OWNED), replay([], ESCALATE_TO_VIDEO.without("video_access"))]},
                "parts must be one or more Replay values with the same fingerprint, got some that differ in fingerprint",
            ),
        ],
    )
    def test_merges_only_what_adds_up(self, options: dict[str, Any], message: str) -> None:
        """What a part did not keep cannot be among the earliest."""
        arguments: dict[str, Any] = {"parts": [replay([], NOT_OWNED), replay([], NOT_OWNED, keep=2)], **options}
        with pytest.raises(InvalidValueError) as caught:
            Replay.merge(**arguments)
        assert message == str(caught.value)

    def test_notices_parts_that_overlap(self) -> None:
        """If one file is read twice, for example."""
        part = replay([self.OWNED], NOT_OWNED)
        assert [0, 1] == [Replay.merge(parts).repeated for parts in ([part], [part, part])]
        assert "sample" not in repr(part)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"policy": ESCALATE_TO_VIDEO.rules}, "policy must be a Policy, got a tuple of Rule"),
            ({"keep": -1}, "keep must be an int of 0 or more, got -1"),
            ({"keep": True}, "keep must be an int of 0 or more, got a bool"),
        ],
        ids=["policy", "negative", "bool"],
    )
    def test_refuses_wrong_arguments(self, options: dict[str, Any], message: str) -> None:
        """Before it reads anything."""
        arguments: dict[str, Any] = {"policy": ESCALATE_TO_VIDEO, **options}
        with pytest.raises(InvalidValueError) as caught:
            replay(iter([self.OWNED]), **arguments)
        assert message == str(caught.value)


class TestReplayEach:
    """Replaying records one by one."""

    def test_gives_all_records_in_order_and_leaves_out_the_rest(self) -> None:
        """Also those with the same decision."""
        log: Iterable[object] = [TestReplay.OWNED, "no record", TestReplay.PASSWORD]
        assert [TestReplay.OWNED, TestReplay.PASSWORD] == [each.record for each in replay_each(log, NOT_OWNED)]

    def test_refuses_what_is_no_policy_at_once(self) -> None:
        """And not when the first record is decided."""
        with pytest.raises(InvalidValueError):
            replay_each([], ESCALATE_TO_VIDEO.decide)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


ACCOUNT: Final = fact(lambda r: r.agent.ringcentral).then(lambda u: u.account_id)
EXTENSION: Final = fact(lambda r: r.agent.ringcentral).then(lambda u: u.extension_id)
DOMAINS: Final = fact(lambda r: r.domain.ringcentral_account_id)
TEXT: Final = context("a", str)
OTHER: Final = context("b", str)
TEXTS: Final = {"a": "t", "b": "t"}
NAME: Final = SAMPLE(lambda r: r.name)
NAMES: Final = SAMPLE(lambda r: r.names)
COLOUR: Final = SAMPLE(lambda r: r.colour)


class TestMaskedFacts:
    """What a replay can answer from tokens, and what it cannot."""

    @pytest.mark.parametrize("key", [None, b"a key of 16 bytes or more"], ids=["numbered", "keyed"])
    @pytest.mark.parametrize(
        ("condition", "request_"),
        [
            (ACCOUNT.equals(DOMAINS), a_request()),
            (ACCOUNT.equals(DOMAINS), a_request(account_id="999")),
            (~ACCOUNT.equals(DOMAINS), a_request(account_id="999")),
            (ACCOUNT.equals(DOMAINS), a_request(account_id=None)),
            (ACCOUNT.equals(DOMAINS), a_request(ringcentral_account_id=None)),
            (~ACCOUNT.equals(DOMAINS), a_request(ringcentral=None)),
            (TEXT.equals(OTHER), a_request(context=TEXTS)),
            (RISK.equals(context("limit", int)), a_request(context={"risk": 5, "limit": 5})),
            (RISK.is_set(), a_request(context={"risk": 5})),
            (NAMES.contains(NAME), Sample(names=frozenset("tu"))),
            (NAMES.contains(NAME), Sample(names=frozenset("vw"))),
            (NAMES.subset_of(NAMES), Sample(names=frozenset())),
            (SAMPLE(lambda r: r.more_sizes).subset_of(SAMPLE(lambda r: r.sizes)), Sample(more_sizes=frozenset(Size))),
            (SAMPLE(lambda r: r.spare).is_set(), Sample(spare=Part())),
            (SAMPLE(lambda r: r.spare).is_set(), Sample()),
            (SAMPLE(lambda r: r.lost).is_set(), Sample()),
        ],
    )
    def test_are_compared_with_their_like(self, condition: Any, request_: Any, key: bytes | None) -> None:
        """By token, if both are of one kind of id. Absent facts have no token."""
        decision = policy_of(condition).decide(request_)
        each = over(condition, request_, key=key)
        assert each.record.masked or "lost" in each.record.unknown or not any(each.record.facts.values())
        assert (decision.effect, ()) == (each.effect, each.missing)
        assert [reason.status for reason in decision.reasons if not decision] == [
            reason.status for reason in each.reasons
        ]

    @pytest.mark.parametrize(
        ("condition", "request_", "missing"),
        [
            (TEXT.equals("t"), a_request(context=TEXTS), ["context.a"]),
            (~TEXT.one_of(["u"]), a_request(context=TEXTS), ["context.a"]),
            (context("yes", bool).is_true(), a_request(context={"yes": True}), ["context.yes"]),
            (LOW, a_request(context={"risk": 1}), ["context.risk"]),
            (NAMES.contains("t"), Sample(names=frozenset("t")), ["names"]),
            (NAMES.subset_of(["t"]), Sample(names=frozenset("t")), ["names"]),
            (~SAMPLE(lambda r: r.size).equals(Size.LARGE), Sample(), ["size"]),
            # A token may stand for the member that says nobody supplied the value.
            (COLOUR.is_set(), Sample(colour=Colour.UNKNOWN), ["colour"]),
            (~COLOUR.equals(COLOUR), Sample(colour=Colour.UNKNOWN), ["colour"]),
            # With a fact that is shown, or of another kind of id.
            (TEXT.equals(fact(lambda r: r.domain.id)), a_request(context=TEXTS), ["context.a"]),
            (fact(lambda r: r.domain.id).equals(TEXT), a_request(context=TEXTS), ["context.a"]),
            (~ACCOUNT.equals(EXTENSION), a_request(), [str(ACCOUNT.path), str(EXTENSION.path)]),
            (~ACCOUNT.equals(TEXT), a_request(context=TEXTS), [str(ACCOUNT.path), "context.a"]),
        ],
    )
    def test_are_not_compared_with_anything_else(self, condition: Any, request_: Any, missing: list[str]) -> None:
        """A replay never guesses."""
        each = over(condition, request_)
        assert (None, missing, (), False) == (each.effect, list(each.missing), each.reasons, each.flipped)

    def test_are_compared_with_anything_where_they_were_revealed(self) -> None:
        """Which is what `reveal` is for."""
        request = a_request(context={**TEXTS, "risk": 5, "yes": False})
        condition = TEXT.equals("t") & (LOW | context("yes", bool).is_true())
        each = over(condition, request, reveal=["context"])
        assert (Effect.DENY, ()) == (each.effect, each.missing)

    def test_need_no_comparison_where_the_other_fact_is_absent(self) -> None:
        """That is the answer then, in the words of the rule."""
        request, condition = (
            a_request(intervention=None, context=TEXTS),
            fact(lambda r: r.intervention).then(lambda i: i.id),
        )
        policy, earlier = policy_of(TEXT.equals(condition)), policy_of(TEXT.equals(condition) | TEXT.is_set())
        (each,) = replay_each([recorded(request, earlier)], policy)
        assert [reason.evidence for reason in policy.decide(request).reasons] == [
            reason.evidence for reason in each.reasons
        ]
        turned = again(each.record, condition.equals(TEXT))
        assert ((Evidence("intervention.id", "equals context.a", "not set", "context.a"),),) == tuple(
            reason.evidence for reason in turned.reasons
        )

    def test_need_no_answer_where_the_rest_of_a_rule_decides(self) -> None:
        """A true operand decides `|`, a false one `&`, in any order."""
        request, private = a_request(context={"risk": 1}), fact(lambda r: r.agent.enabled).is_true()
        for either in (LOW | private, private | LOW):
            assert Effect.ALLOW is over(either, request).effect
        for both in (LOW & ~private, ~private & LOW):
            assert Effect.DENY is over(both, request).effect
            assert over(~both | ~private & LOW, request).effect is Effect.ALLOW
        assert over(LOW & private, request).missing == ("context.risk",)

    def test_of_another_kind_of_id_than_today_are_not_compared(self) -> None:
        """For example in records that an older version of the host made."""
        each = recorded(a_request(), policy_of(ACCOUNT.equals(DOMAINS)))
        other = altered(each, agent__ringcentral__account_id="customer#1")
        assert ("agent.ringcentral.account_id",) == again(other, ~ACCOUNT.equals(DOMAINS)).missing
        several = recorded(Sample(names=frozenset("t")), policy_of(NAMES.contains(NAME)))
        for names in (("name#1",), "value#1", ("value#1", 1)):
            assert ("names",) == again(altered(several, names=names), NAMES.contains(NAME)).missing


class TestTypes:
    """A token shows the type of its value: a rule over another type has no answer."""

    def test_that_differ_are_missing_and_no_yes(self) -> None:
        """The request was denied for an error, which a token cannot show."""
        policy = Policy("p", [Rule("k", context("k", str).is_set()), Rule("n", context("n", int).is_set())])
        for value in ("x", True):
            request = a_request(context={"k": value, "n": 5})
            as_number = Policy("p", [Rule("a", ~context("k", int).equals(context("n", int)))])
            assert not as_number.allows(request)
            (result,) = replay_each([recorded(request, policy)], as_number)
            assert (None, ("context.k",)) == (result.effect, result.missing)

    def test_of_which_a_policy_reads_two_are_missing(self) -> None:
        """For either type of value."""
        policy = Policy(
            "p",
            [
                Rule("a", ~context("k", int).equals(context("n", int))),
                Rule("b", context("k", str).is_set()),
            ],
        )
        for options in ({}, {"reveal": ["context"]}):
            (result,) = replay_each([recorded(a_request(context={"k": "x", "n": 5}), policy, **options)], policy)
            assert (None, ("context.k",)) == (result.effect, result.missing)


class TestMissingFacts:
    """Facts that a record does not hold."""

    def test_are_named(self) -> None:
        """Each of them, once."""
        condition = TEXT.equals(OTHER) & TEXT.is_set() & fact(lambda r: r.agent.team_ids).contains("t1")
        assert ("context.a", "context.b", "agent.team_ids") == again(recorded(a_request()), condition).missing

    def test_are_those_of_rules_that_have_no_answer(self) -> None:
        """A rule that the rest of its condition decides needs no more facts."""
        enabled, teams = fact(lambda r: r.agent.enabled).is_true(), fact(lambda r: r.agent.team_ids).contains("t1")
        policy = Policy(
            "p", [Rule("a", OTHER.is_set() | enabled), Rule("b", teams), Rule("c", TEXT.equals("t") | teams)]
        )
        result = replay([recorded(a_request())], policy)
        assert {"agent.team_ids": 1, "context.a": 1} == result.missing
        assert [("agent.team_ids", "context.a")] == [gap.missing for gap in result.gaps]

    def test_count_even_if_another_rule_is_not_met(self) -> None:
        """It would be denied, but nobody can say for which reasons."""
        policy = ESCALATE_TO_VIDEO.with_rules(Rule("a", TEXT.is_set()))
        (replayed,) = replay_each([recorded(a_request(login=Login.PASSWORD))], policy)
        assert (None, ("context.a",), ()) == (replayed.effect, replayed.missing, replayed.reasons)

    def test_are_all_where_there_was_no_request(self) -> None:
        """Predicates do not count as answers about it."""
        everything = predicate("anything", lambda _: True)
        each = recorded("no request", policy_of(everything), reveal=["anything"])
        assert ("anything",) == again(each, everything).missing
        assert set(ESCALATE_TO_VIDEO["extension_in_account"].facts) <= set(
            again(recorded("no request"), ESCALATE_TO_VIDEO["extension_in_account"].requires).missing
        )

    def test_are_those_of_another_type_of_request(self) -> None:
        """The policy reads what the record never had."""
        assert ("flag",) == again(recorded(a_request()), SAMPLE(lambda r: r.flag).is_true()).missing

    @pytest.mark.parametrize(
        ("condition", "facts"),
        [
            (ESCALATE_TO_VIDEO["channel_supported"].requires, {"message__channel__kind": "carrier_pigeon"}),
            (~ESCALATE_TO_VIDEO["channel_supported"].requires, {"message__channel__kind": 1}),
            (~ESCALATE_TO_VIDEO["role_permits"].requires, {"agent__role__permissions": ("fly",)}),
            (~ESCALATE_TO_VIDEO["role_permits"].requires, {"agent__role__permissions": "fly"}),
            (~ESCALATE_TO_VIDEO["agent_enabled"].requires, {"agent__enabled": 0}),
            (~ESCALATE_TO_VIDEO["agent_in_domain"].requires, {"agent__domain_id": True}),
        ],
    )
    def test_are_also_those_that_nobody_can_read(self, condition: Any, facts: dict[str, Any]) -> None:
        """A member that this version does not know, or a value that its type never held."""
        (name,) = facts
        assert (name.replace("__", "."),) == again(altered(recorded(a_request()), **facts), condition).missing

    def test_do_not_matter_where_no_rule_asks_for_them(self) -> None:
        """Or if the rest of the rule decides."""
        strange = altered(recorded(a_request()), message__channel__kind="carrier_pigeon", agent__enabled=0)
        assert Effect.ALLOW is again(strange, ESCALATE_TO_VIDEO["role_permits"].requires).effect
        enabled = ESCALATE_TO_VIDEO["agent_enabled"].requires
        assert Effect.ALLOW is again(strange, enabled | ESCALATE_TO_VIDEO["role_permits"].requires).effect

    def test_are_those_that_were_not_what_was_promised(self) -> None:
        """The record leaves them out."""
        each = over(context("yes", bool).is_true(), a_request(context={"yes": "yes"}), reveal=["context"])
        assert (Effect.DENY, None, ("context.yes",)) == (each.record.effect, each.effect, each.missing)

    def test_are_not_those_that_are_unknown(self) -> None:
        """Unknown and absent are answers."""
        each = over(fact(lambda r: r.message.private).is_true(), a_request(private=None))
        assert [ReasonStatus.UNKNOWN] == [reason.status for reason in each.reasons]


class TestPredicates:
    """Opaque tests are called again if the fact is recorded. Otherwise their recorded answer counts."""

    def test_over_facts_that_are_shown_are_asked_again(self) -> None:
        """A new one, too."""
        kind = fact(lambda r: r.message.channel.kind)
        supported = ESCALATE_TO_VIDEO["channel_supported"]
        each = again(
            recorded(a_request(), Policy("p", [supported])), kind.satisfies("short", lambda each: len(each.value) < 5)
        )
        assert (Effect.DENY, [Evidence("message.channel.kind", 'satisfies "short"', "whats_app")]) == (
            each.effect,
            list(each.reasons[0].evidence),
        )

    def test_that_raise_are_errors_as_ever(self) -> None:
        """An error is an outcome, not a gap."""

        def explode(_: object) -> bool:
            raise KeyError("ada@example.com")

        each = again(recorded(a_request()), fact(lambda r: r.agent.id).satisfies("explodes", explode))
        assert [ReasonStatus.ERROR] == [reason.status for reason in each.reasons]
        assert f"KeyError at {__file__}:{explode.__code__.co_firstlineno + 1}" == each.reasons[0].error
        assert (
            Effect.ALLOW
            is again(
                recorded(a_request()),
                fact(lambda r: r.agent.id).satisfies("explodes", explode) | fact(lambda r: r.agent.enabled).is_true(),
            ).effect
        )

    @pytest.mark.parametrize("turn", [copy, invert], ids=["as it is", "negated"])
    @pytest.mark.parametrize("answer", [False, True], ids=["no", "yes"])
    def test_that_were_revealed_say_what_they_said(self, *, answer: bool, turn: Callable[[Any], Any]) -> None:
        """About the whole request, a masked fact, a fact that could not be recorded, and a part."""
        conditions: list[tuple[Any, Any]] = [
            (predicate("it", lambda _: answer), a_request()),
            (RISK.satisfies("it", lambda _: answer), a_request(context={"risk": 1})),
            (RISK.satisfies("it", lambda _: answer), a_request(context={"risk": 10**30})),
            (SAMPLE(lambda r: r.part).satisfies("it", lambda _: answer), Sample()),
        ]
        for condition, request in conditions:
            each = over(turn(condition), request, reveal=["it"])
            assert (each.record.effect, ()) == (each.effect, each.missing)

    @pytest.mark.parametrize(
        ("condition", "request_", "missing"),
        [
            (predicate("it", lambda _: True), a_request(), "it"),
            (~RISK.satisfies("it", lambda _: False), a_request(context={"risk": 1}), "context.risk"),
            (SAMPLE(lambda r: r.part).satisfies("it", lambda _: True), Sample(), "part"),
        ],
        ids=["of the whole request", "of a masked fact", "of what is no value"],
    )
    def test_that_were_not_are_missing(self, condition: Any, request_: Any, missing: str) -> None:
        """Also where another one was revealed."""
        assert (missing,) == over(condition, request_, reveal=["another"]).missing

    def test_of_another_version_say_nothing(self) -> None:
        """They are identified by name and version."""
        first, second = (predicate("it", lambda _: True, version=version) for version in "12")
        each = recorded(a_request(), policy_of(first), reveal=["it"])
        assert (Effect.ALLOW, None) == (again(each, first).effect, again(each, second).effect)

    def test_over_what_is_not_there_need_not_be_asked(self) -> None:
        """Absence is the answer."""
        condition = SAMPLE(lambda r: r.spare).satisfies("it", lambda _: True)
        each = over(condition, Sample())
        assert [Evidence("spare", 'satisfies "it"', "not set")] == list(each.reasons[0].evidence)
        assert (Effect.DENY, ReasonStatus.UNMET) == (each.effect, each.reasons[0].status)

    def test_that_change_their_mind_do_not_make_a_denial_without_reasons(self) -> None:
        """They should not. But effect and reasons always come from one answer."""
        answers = iter([*[True] * (RARE - 1), False])

        def fickle(_: object) -> bool:
            return next(answers, True)

        each = again(recorded(a_request()), fact(lambda r: r.agent.id).satisfies("fickle", fickle))
        assert (Effect.DENY, ["r"]) == (each.effect, [reason.code for reason in each.reasons])


@attrs.frozen(kw_only=True)
class Crowd:
    """A request with parts. A record only holds that they were set."""

    parts: frozenset[Part] | None = None
    part: Part | None = None
    numbers: frozenset[int] = frozenset([1])


class TestThings:
    """Of some facts, a record holds only that there was a value."""

    CROWD: Final = Facts(Crowd)
    PARTS: Final = CROWD(lambda r: r.parts)
    PART: Final = CROWD(lambda r: r.part)

    @pytest.mark.parametrize("reveal", [[], ["parts", "part"]], ids=["masked", "shown"])
    def test_are_there_or_not(self, reveal: list[str]) -> None:
        """A replay can ask nothing else of them."""
        request = Crowd(parts=frozenset([Part()]), part=Part(text="other"))
        both = self.PARTS.is_set() & self.PART.is_set()
        assert Effect.ALLOW is over(both, request, reveal=reveal).effect
        assert Effect.DENY is over(both, Crowd(), reveal=reveal).effect

    def test_differ_from_numbers_that_equal_them(self) -> None:
        """Somebody has altered the record: `True` equals 1, but is not a number."""
        numbers = self.CROWD(lambda r: r.numbers)
        policy = policy_of(numbers.subset_of([1]))
        each = recorded(Crowd(), policy, reveal=["numbers"])
        replayed = list(replay_each([each, altered(each, numbers=(True,))], policy))
        assert [(Effect.ALLOW, ()), (None, ("numbers",))] == [(result.effect, result.missing) for result in replayed]

    def test_are_nothing_else(self) -> None:
        """Somebody has altered the record."""
        each = recorded(Crowd(part=Part()), policy_of(self.PART.is_set()), reveal=["part"])
        assert ("part",) == again(altered(each, part="there"), self.PART.is_set()).missing


class TestLines:
    """Records that were written and read."""

    def test_are_replayed_as_the_records_they_were(self) -> None:
        """Including sets of permissions, which recur."""
        policy = Policy(
            "p", [Rule("r", fact(lambda r: r.agent.role.permissions).subset_of([Permission.ESCALATE_TO_VIDEO]))]
        )
        more = a_request(permissions=[Permission.ESCALATE_TO_VIDEO, Permission.UPDATE_USER])
        lines = [recorded(each).to_json() for each in (a_request(), more, a_request(), more)]
        assert all(json.loads(line) for line in lines)
        read = map(DecisionRecord.from_json, lines)
        assert [Effect.ALLOW, Effect.DENY] * 2 == [each.effect for each in replay_each(read, policy)]
