"""Recording: what of a decision goes into its record, and as what."""

import math
import pickle
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

import attrs
import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    ChannelKind,
    Effect,
    Evidence,
    Facts,
    Login,
    Party,
    Permission,
    Policy,
    ReasonStatus,
    Remedy,
    Rule,
    Step,
    VideoAccess,
    predicate,
)
from escalation_policy.exceptions import InvalidValueError
from escalation_policy.records import DecisionRecord, RecordedReason, _recording, record
from escalation_policy.testing import a_request
from support import ALLOWED, SAMPLE, UNKNOWN_WHEN_NONE, Colour, Part, Sample, Size

AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
OTHER_ACCOUNT: Final = a_request(account_id="999")
FLAG: Final = SAMPLE(lambda r: r.flag).is_true()


def recorded(condition: Any, request: Any, **arguments: Any) -> DecisionRecord:
    """Decide by a condition or a policy, and record it. Also check that the line is read back as the same record."""
    policy: Any = condition if type(condition) is Policy else Policy("p", [Rule("r", condition)])
    usual: dict[str, Any] = {"at": AT, "id": "d1"}
    made = record(policy.decide(request), **usual | arguments)
    assert made == DecisionRecord.from_json(made.to_json())
    return made


def facts_of(request: Any, *conditions: Any, **arguments: Any) -> dict[str, Any]:
    """Return the facts of the record of a decision by these conditions."""
    policy = Policy("p", [Rule(f"r{number}", each) for number, each in enumerate(conditions)])
    return dict(recorded(policy, request, **arguments).facts)


class TestRecord:
    """A record says what was decided, by which policy, when and what for."""

    def test_says_who_decided_what_and_when(self) -> None:
        """Ids and times come from the caller: the library has no clock and makes no ids."""
        there = timezone(timedelta(hours=-7))
        made = recorded(
            ESCALATE_TO_VIDEO,
            ALLOWED,
            at=AT.astimezone(there),
            id="d7",
            correlation_id="c7",
            facts_read_at=(AT - timedelta(minutes=5)).astimezone(there),
        )
        assert (AT, "d7", "c7", AT - timedelta(minutes=5)) == (
            made.at,
            made.id,
            made.correlation_id,
            made.facts_read_at,
        )
        assert (UTC, UTC) == (made.at.tzinfo, made.facts_read_at and made.facts_read_at.tzinfo)
        assert ("escalate_to_video", "1") == (made.policy_id, made.policy_version)
        assert (ESCALATE_TO_VIDEO.fingerprint, "1.1") == (made.fingerprint, made.schema_version)

    def test_of_an_allow_names_the_rules_that_were_met(self) -> None:
        """By their codes. There is no next party."""
        made = recorded(ESCALATE_TO_VIDEO, ALLOWED)
        assert (Effect.ALLOW, tuple(ESCALATE_TO_VIDEO)) == (made.effect, made.met)
        assert ((), (), None) == (made.reasons, made.hidden, made.next_party)

    def test_of_a_denial_says_what_stood_in_the_way(self) -> None:
        """With what was required and seen, what is hidden behind it, and who acts next."""
        made = recorded(ESCALATE_TO_VIDEO, a_request(ringcentral_account_id=None, login=Login.UNKNOWN))
        assert Effect.DENY is made.effect
        assert (
            RecordedReason(
                "domain_linked",
                ReasonStatus.UNMET,
                (Evidence("domain.ringcentral_account_id", "is set", "not set"),),
            ),
            RecordedReason(
                "ringcentral_sso", ReasonStatus.UNKNOWN, (Evidence("login", "equals ringcentral_sso", "unknown"),)
            ),
        ) == made.reasons
        assert ((), ("extension_in_account",), Party.ENGAGE_ADMINISTRATOR) == (made.met, made.hidden, made.next_party)

    def test_names_where_a_rule_raised_and_not_what_it_said(self) -> None:
        """The message of an exception can hold anything."""

        def explode(_: object) -> bool:
            raise ValueError("ada@example.com")

        (reason,) = recorded(predicate("explode", explode), ALLOWED).reasons
        assert f"ValueError at {__file__}:{explode.__code__.co_firstlineno + 1}" == reason.error
        assert (ReasonStatus.ERROR, (Evidence("explode", "holds", "error"),)) == (reason.status, reason.evidence)

    def test_says_that_the_developer_acts_next_where_a_fact_is_missing(self) -> None:
        """As the decision's remedies do."""
        assert Party.DEVELOPER is recorded(ESCALATE_TO_VIDEO, a_request(video=VideoAccess.UNKNOWN)).next_party

    def test_says_who_acts_first_of_those_who_can(self) -> None:
        """A rule without a remedy names no party."""
        step = Remedy((Step(Party.NOBODY, "Wait."), Step(Party.AGENT, "Try again.")))
        policy = Policy("p", [Rule("a", FLAG), Rule("b", FLAG, remedy=step)])
        assert Party.NOBODY is recorded(policy, Sample(flag=False)).next_party
        assert None is recorded(policy.without("b"), Sample(flag=False)).next_party

    @pytest.mark.parametrize("request_", [ALLOWED, OTHER_ACCOUNT], ids=["allow", "deny"])
    def test_is_the_same_whether_or_not_somebody_has_read_the_reasons(self, request_: Any) -> None:
        """Both decisions rest on the same facts."""
        read, unread = ESCALATE_TO_VIDEO.decide(request_), ESCALATE_TO_VIDEO.decide(request_)
        assert read.reasons
        assert record(read, at=AT, id="d1") == record(unread, at=AT, id="d1")

    def test_does_not_call_a_predicate_again(self) -> None:
        """Its answer is part of the decision."""
        calls: list[object] = []

        def counts(request: object) -> bool:
            calls.append(request)
            return False

        decision = Policy("p", [Rule("r", predicate("counts", counts))]).decide(ALLOWED)
        record(decision, at=AT, id="d1")
        assert [ALLOWED] == calls


class TestArguments:
    """Invalid arguments are refused, with the reason."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"decision": None}, "decision must be a Decision, got None"),
            ({"decision": ESCALATE_TO_VIDEO}, "decision must be a Decision, got a Policy"),
            ({"decision": True}, "decision must be a Decision, got a bool"),
            ({"id": ""}, "id must be a non-empty str, got an empty str"),
            ({"id": 5}, "id must be a non-empty str, got an int"),
            ({"id": None}, "id must be a non-empty str, got None"),
            ({"at": "2026-01-31T09:30:00Z"}, "at must be a datetime with a zone, got a str"),
            ({"at": AT.date()}, "at must be a datetime with a zone, got a date"),
            ({"at": AT.replace(tzinfo=None)}, "at must be a datetime with a zone, got a datetime without one"),
            ({"facts_read_at": 5}, "facts_read_at must be a datetime with a zone, got an int"),
            (
                {"at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))},
                "at must be a datetime with a zone, got a time outside of the years 1 to 9999 in UTC",
            ),
            (
                {"facts_read_at": AT.replace(tzinfo=None)},
                "facts_read_at must be a datetime with a zone, got a datetime without one",
            ),
            ({"correlation_id": ""}, "correlation_id must be a non-empty str, got an empty str"),
            ({"correlation_id": 5}, "correlation_id must be a non-empty str, got an int"),
            ({"key": "secret"}, "key must be at least 16 bytes, or None, got a str"),
            ({"key": bytearray(b"k")}, "key must be at least 16 bytes, or None, got a bytearray"),
            ({"policy": "escalate_to_video"}, "policy must be a Policy or None, got a str"),
            (
                {"policy": ESCALATE_TO_VIDEO.without("intervention_owned")},
                "policy is not the policy that made this decision",
            ),
            ({"reveal": "agent.email"}, "reveal must be a collection of dotted paths, got a str"),
            ({"reveal": 5}, "reveal must be a collection of dotted paths, got an int"),
            ({"reveal": [5]}, "reveal must be a collection of dotted paths, got a tuple of int"),
            ({"reveal": [["a"]]}, "reveal must be a collection of dotted paths, got a tuple of list"),
            ({"mask": {"agent": 1}}, "mask must be a collection of dotted paths, got a dict"),
            ({"mask": "agent"}, "mask must be a collection of dotted paths, got a str"),
            ({"mask": ["agent", None]}, "mask must be a collection of dotted paths, got a tuple of NoneType and str"),
            ({"mask": ["agent.mail"]}, "mask names no fact of EscalationRequest (did you mean agent.email?)"),
            (
                {"mask": ["agent."]},
                (
                    "mask names no fact of EscalationRequest: agent has id, domain_id, role, enabled, email, ringcentral, "
                    "team_ids, led_team_ids"
                ),
            ),
            (
                {"mask": [""]},
                "mask names no fact of EscalationRequest: it has domain, agent, login, message, intervention, context",
            ),
            (
                {"mask": ["agent.email.domain"]},
                "mask names no fact of EscalationRequest: agent.email has no facts",
            ),
            (
                {"mask": ["intervention.idd"]},
                "mask names no fact of EscalationRequest (did you mean intervention.id?)",
            ),
        ],
    )
    def test_that_are_wrong_are_refused(self, arguments: dict[str, Any], message: str) -> None:
        """Whether or not the record would need them."""
        call: dict[str, Any] = {"decision": ESCALATE_TO_VIDEO.decide(ALLOWED), "at": AT, "id": "d1"} | arguments
        with pytest.raises(InvalidValueError) as caught:
            record(call.pop("decision"), **call)
        assert message == str(caught.value)

    @pytest.mark.parametrize("length", [0, 1, 15])
    def test_refuse_a_key_that_is_short(self, length: int) -> None:
        """Somebody could try all of them."""
        with pytest.raises(InvalidValueError, match=rf"^key must be at least 16 bytes, or None, got {length} of them$"):
            record(ESCALATE_TO_VIDEO.decide(ALLOWED), at=AT, id="d1", key=b"k" * length)
        assert record(ESCALATE_TO_VIDEO.decide(ALLOWED), at=AT, id="d1", key=b"k" * 16).masked

    def test_take_any_collection(self) -> None:
        """An iterator too, once."""
        for places in (["agent"], {"agent"}, ("agent",), iter(["agent"]), MappingProxyType({"agent": 1}).keys()):
            assert "agent.id" in recorded(ESCALATE_TO_VIDEO, ALLOWED, mask=places).masked


class TestPolicies:
    """The policy is the decision's own, unless the decision was pickled."""

    def test_of_a_decision_that_was_pickled_must_be_given(self) -> None:
        """A pickle leaves the policy behind."""
        decision = pickle.loads(pickle.dumps(ESCALATE_TO_VIDEO.decide(OTHER_ACCOUNT)))
        with pytest.raises(InvalidValueError) as caught:
            record(decision, at=AT, id="d1")
        assert "policy is missing: a pickled decision comes without its policy, so pass the policy that made it" == str(
            caught.value
        )
        assert recorded(ESCALATE_TO_VIDEO, OTHER_ACCOUNT) == record(decision, at=AT, id="d1", policy=ESCALATE_TO_VIDEO)

    def test_may_be_another_edition_that_means_the_same(self) -> None:
        """The record names the policy that decided."""
        same = Policy("other", reversed(ESCALATE_TO_VIDEO.rules), version="9")
        made = record(ESCALATE_TO_VIDEO.decide(OTHER_ACCOUNT), at=AT, id="d1", policy=same)
        assert recorded(ESCALATE_TO_VIDEO, OTHER_ACCOUNT) == made

    def test_with_equal_meaning_keep_their_own_remedies(self) -> None:
        """The fingerprint covers neither remedies nor the policy's name."""
        step = Remedy((Step(Party.AGENT, "Do it."),))
        for remedy, party in ((None, None), (step, Party.AGENT)):
            made = recorded(Policy("p", [Rule("r", FLAG, remedy=remedy)]), Sample(flag=False))
            assert party is made.next_party


def shown(value: Any) -> str:
    """Return a name for a value that is the same in every process."""
    if type(value) in (set, frozenset):
        return f"{type(value).__name__} of {' and '.join(sorted(map(ascii, value)))}"
    return hex(value) if isinstance(value, int) else f"{value!a:.30}"


class Text(str):
    """A str of a host's own."""

    __slots__ = ()


class TestFacts:
    """Facts are what the rules read, in a form that can be read again."""

    def test_are_what_the_rules_read_and_what_support_asks_first(self) -> None:
        """Those of met rules too, and nothing else."""
        read = {each for rule in ESCALATE_TO_VIDEO.rules for each in rule.facts}
        about = {"agent.id", "agent.role.id", "domain.id", "intervention.id", "message.id"}
        for request in (ALLOWED, OTHER_ACCOUNT):
            assert sorted(read | about) == list(recorded(ESCALATE_TO_VIDEO, request).facts)
        assert {"agent.team_ids", "agent.role.label"}.isdisjoint(read)

    def test_of_another_type_of_request_are_what_the_rules_read(self) -> None:
        """The library does not know what support asks first of other requests."""
        assert {"flag": True} == facts_of(Sample(), FLAG, reveal=["flag"])
        assert dict.fromkeys(recorded(FLAG, Sample()).about) == recorded(FLAG, Sample()).about

    def test_stand_for_what_they_are(self) -> None:
        """Enum members as their values, sets in order, None if there is no value."""
        request = Sample(
            size=Size.LARGE,
            colour=Colour.UNKNOWN,
            sizes=frozenset(Size),
            names=frozenset("cab"),
            number=-5,
            context={"s": "x", "n": 7, "b": False},
        )
        conditions = [
            *(SAMPLE(lambda r: r.size).equals(Size.SMALL), SAMPLE(lambda r: r.colour).equals(Colour.RED)),
            *(SAMPLE(lambda r: r.sizes).contains(Size.SMALL), SAMPLE(lambda r: r.names).contains("a")),
            *(SAMPLE(lambda r: r.number).equals(1), SAMPLE(lambda r: r.ratio).is_set()),
            *(
                SAMPLE(lambda r: r.maybe).is_true(),
                SAMPLE(lambda r: r.flag).is_true(),
                SAMPLE(lambda r: r.name).is_set(),
            ),
            *(SAMPLE.context("s", str).is_set(), SAMPLE.context("n", int).is_set(), SAMPLE.context("b", bool).is_set()),
        ]
        names = ["size", "colour", "sizes", "names", "number", "ratio", "maybe", "flag", "name", "context"]
        assert {
            "size": "large",
            "colour": "unknown",
            "sizes": ("large", "small"),
            "names": ("a", "b", "c"),
            "number": -5,
            "ratio": 0.5,
            "maybe": None,
            "flag": True,
            "name": "t",
            "context.s": "x",
            "context.n": 7,
            "context.b": False,
        } == facts_of(request, *conditions, reveal=names)

    def test_of_other_types_show_only_that_there_is_a_value(self) -> None:
        """A part is not a scalar: a rule can only ask whether it is set."""
        condition = SAMPLE(lambda r: r.spare).is_set() | SAMPLE(lambda r: r.part).is_set()
        assert {"part": True, "spare": None} == facts_of(Sample(), condition, reveal=["part", "spare"])
        assert {"part": True, "spare": True} == facts_of(Sample(spare=Part()), condition, reveal=["part", "spare"])

    def test_that_are_none_are_absent_or_unknown(self) -> None:
        """Absent and unknown differ, also for facts of an absent or unknown part."""
        lost, spare = SAMPLE(lambda r: r.lost), SAMPLE(lambda r: r.spare)
        facts = [lost.then(lambda p: p.absent), spare.then(lambda p: p.unknown), SAMPLE(lambda r: r.part.unknown)]
        facts += [SAMPLE(lambda r: r.part.absent), SAMPLE.context("s", str), SAMPLE.context("n", str)]
        policy = Policy("p", [Rule(f"r{number}", each.is_set()) for number, each in enumerate(facts)])
        made = recorded(policy, Sample(context={"n": "x"}), reveal=["context"])
        assert {str(each.path): None for each in facts} | {"context.n": "x"} == made.facts
        assert ("context.s", "lost.absent", "part.unknown") == made.unknown
        made = recorded(policy, Sample(lost=Part(), spare=Part()))
        assert ("context.n", "context.s", "part.unknown", "spare.unknown") == made.unknown

    def test_of_the_built_in_policy_are_absent_or_unknown(self) -> None:
        """Nobody asked RingCentral, and nobody said whether the message is private."""
        assert ("message.private",) == recorded(ESCALATE_TO_VIDEO, ALLOWED).unknown
        assert ("agent.ringcentral.account_id", "message.intervention_id", "message.private") == recorded(
            ESCALATE_TO_VIDEO, a_request(account_id=None, message=attrs.evolve(ALLOWED.message, intervention_id=None))
        ).unknown
        made = recorded(ESCALATE_TO_VIDEO, a_request(ringcentral=None, private=True))
        assert ((), None) == (made.unknown, made.facts["agent.ringcentral.account_id"])

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("name", 5),
            ("name", Text("t")),
            ("name", Colour.RED),
            ("number", True),
            ("number", "1"),
            ("number", 0.5),
            ("number", 2**63),
            ("number", -(2**63) - 1),
            ("number", 10**5000),
            ("ratio", math.nan),
            ("ratio", math.inf),
            ("ratio", 1e19),
            ("ratio", 1),
            ("flag", 1),
            ("flag", "true"),
            ("maybe", 0),
            ("colour", "red"),
            ("colour", Size.SMALL),
            ("colour", []),
            ("sizes", [Size.SMALL]),
            ("sizes", {Size.SMALL}),
            ("sizes", (Size.SMALL,)),
            ("sizes", "small"),
            ("sizes", frozenset({"small"})),
            ("sizes", frozenset({Size.SMALL, None})),
            ("names", frozenset({1, "a"})),
            ("names", frozenset({Text("a")})),
        ],
        ids=shown,
    )
    def test_that_are_not_what_was_promised_are_left_out(self, name: str, value: Any) -> None:
        """A host's own type checks nothing, and a guess would be replayed wrongly."""
        condition = SAMPLE(attrgetter(name)).is_set() & SAMPLE(lambda r: r.size).is_set()
        assert {name, "size"} == facts_of(Sample(), condition).keys()
        assert {"size": "small"} == facts_of(Sample(**{name: value}), condition, reveal=[name, "size"])

    def test_do_not_depend_on_what_was_recorded_before(self) -> None:
        """1 equals True and 1.0, which no fact does."""

        @attrs.frozen
        class Counted:
            numbers: frozenset[int]

        policy = Policy("p", [Rule("r", Facts(Counted)(lambda r: r.numbers).is_set())])
        odd: Any
        for odd in (frozenset({True}), frozenset({1.0})):
            for numbers, facts in ((odd, {}), (frozenset({1}), {"numbers": (1,)}), (odd, {})):
                assert facts == recorded(policy, Counted(numbers), reveal=["numbers"]).facts

    def test_of_a_str_that_only_equals_a_member_are_left_out(self) -> None:
        """The rule took it for an error, so the record must not show it as the member."""

        @attrs.frozen
        class Loose:
            kind: ChannelKind

        policy = Policy("p", [Rule("r", Facts(Loose)(lambda r: r.kind).equals(ChannelKind.VIBER))])
        loose: Any = "viber"
        assert {"kind": "viber"} == recorded(policy, Loose(ChannelKind.VIBER), reveal=["kind"]).facts
        made = recorded(policy, Loose(loose), reveal=["kind"])
        assert ({}, ReasonStatus.ERROR) == (made.facts, made.reasons[0].status)

    @pytest.mark.parametrize("thing", [None, 5, "request", object(), Sample, Part(), ALLOWED, {"flag": True}])
    def test_of_other_things_than_requests_are_empty(self, thing: Any) -> None:
        """It reached no condition, so there is nothing to record, even if a predicate is revealed."""
        policy = Policy("p", [Rule("r", FLAG), Rule("q", SAMPLE.predicate("yes", lambda _: True))])
        made = recorded(policy, thing, reveal=["flag", "yes"])
        assert ({}, {}, (), ()) == (made.facts, made.outputs, made.unknown, made.masked)
        assert [ReasonStatus.ERROR] * 2 == [reason.status for reason in made.reasons]
        assert {Evidence("request", "is a Sample", made.reasons[0].evidence[0].seen)} == {
            each for reason in made.reasons for each in reason.evidence
        }

    def test_of_other_things_than_escalation_requests_are_empty(self) -> None:
        """The built-in policy accepts any argument."""
        made = recorded(ESCALATE_TO_VIDEO, {"agent": "u1"})
        assert ({}, ()) == (made.facts, made.masked)
        assert dict.fromkeys(made.about) == made.about
        assert {Evidence("request", "is an EscalationRequest", "a dict")} == {
            each for reason in made.reasons for each in reason.evidence
        }

    def test_of_a_subclass_are_read(self) -> None:
        """It is a request."""

        @attrs.frozen(kw_only=True)
        class Special(Sample):
            pass

        assert {"flag": True} == facts_of(Special(), FLAG, reveal=["flag"])


@attrs.frozen
class Hostile:
    """A host's request that refuses to be read, in some places."""

    refused: frozenset[str] = frozenset()
    text: str = "t"
    size: Size = Size.SMALL
    colour: Colour = Colour.UNKNOWN
    unsupplied: str | None = attrs.field(default=None, metadata=UNKNOWN_WHEN_NONE)
    absent: str | None = None
    part: Part = Part()  # noqa: RUF009  it is frozen
    context: Mapping[str, Any] = attrs.field(factory=dict[str, Any], hash=False)

    def __getattribute__(self, name: str) -> Any:
        if name in object.__getattribute__(self, "refused"):
            raise RuntimeError("ada@example.com")
        return object.__getattribute__(self, name)


class Refusing(dict[str, Any]):
    """A mapping that refuses some keys."""

    def get(self, key: str, default: Any = None) -> Any:
        """Raise for the key `no`."""
        if key == "no":
            raise RuntimeError
        return super().get(key, default)


HOSTILE: Final = Facts(Hostile)
HOSTILE_FACTS: Final[dict[str, Any]] = {
    "text": HOSTILE(lambda r: r.text),
    "size": HOSTILE(lambda r: r.size),
    "colour": HOSTILE(lambda r: r.colour),
    "unsupplied": HOSTILE(lambda r: r.unsupplied),
    "absent": HOSTILE(lambda r: r.absent),
    "part.text": HOSTILE(lambda r: r.part.text),
    "context.yes": HOSTILE.context("yes", str),
    "context.no": HOSTILE.context("no", str),
}
HOSTILE_POLICY: Final = Policy("p", [Rule(name, each.is_set()) for name, each in HOSTILE_FACTS.items()])
SHOWN: Final = ["text", "size", "colour", "unsupplied", "absent", "part", "context"]


class TestHostileRequests:
    """A request that raises when it is read is recorded too."""

    READ: Final = {
        "absent": None,
        "colour": "unknown",
        "context.no": None,
        "context.yes": None,
        "part.text": "t",
        "size": "small",
        "text": "t",
        "unsupplied": None,
    }

    def test_are_read_as_others_are_while_they_behave(self) -> None:
        """The other tests compare with this."""
        made = recorded(HOSTILE_POLICY, Hostile(), reveal=SHOWN)
        assert self.READ == made.facts
        assert ("context.no", "context.yes", "unsupplied") == made.unknown

    @pytest.mark.parametrize("name", ["text", "size", "colour", "unsupplied", "absent", "part", "context"])
    def test_lose_what_cannot_be_read_and_nothing_else(self, name: str) -> None:
        """The other facts stay the same, also unknown ones."""
        made = recorded(HOSTILE_POLICY, Hostile(frozenset({name})), reveal=SHOWN)
        rest = {name_: value for name_, value in self.READ.items() if name_.partition(".")[0] != name}
        assert rest == made.facts
        assert tuple(each for each in ("context.no", "context.yes", "unsupplied") if each in rest) == made.unknown
        assert "ada" not in made.to_json()

    def test_may_refuse_one_key_of_a_mapping(self) -> None:
        """Or all of them."""
        mapping: Any = Refusing(yes="x", no="y")
        made = recorded(HOSTILE_POLICY, Hostile(context=mapping), reveal=SHOWN)
        assert self.READ.keys() - {"context.no"} == made.facts.keys()
        assert ("x", ("unsupplied",)) == (made.facts["context.yes"], made.unknown)
        nothing: Any = ["no", "mapping"]
        made = recorded(HOSTILE_POLICY, Hostile(context=nothing), reveal=SHOWN)
        assert self.READ.keys() - {"context.no", "context.yes"} == made.facts.keys()

    def test_may_have_nothing_where_something_was_promised(self) -> None:
        """It is absent, as it was for the rules."""
        nothing: Any = None
        made = recorded(HOSTILE_POLICY, Hostile(part=nothing, text=nothing), reveal=SHOWN)
        assert (None, None) == (made.facts["part.text"], made.facts["text"])
        assert ("context.no", "context.yes", "unsupplied") == made.unknown
        assert {"text", "absent", "part.text"} <= {
            each.code for each in made.reasons if each.status is ReasonStatus.UNMET
        }

    def test_do_not_stop_what_stops_a_program(self) -> None:
        """Ctrl-C is not swallowed."""

        @attrs.frozen
        class Stopping:
            armed: list[bool]
            text: str = "t"

            def __getattribute__(self, name: str) -> Any:
                if name == "text" and object.__getattribute__(self, "armed"):
                    raise KeyboardInterrupt
                return object.__getattribute__(self, name)

        armed: list[bool] = []
        decision = Policy("p", [Rule("r", Facts(Stopping)(lambda r: r.text).is_set())]).decide(Stopping(armed))
        armed.append(True)
        with pytest.raises(KeyboardInterrupt):
            record(decision, at=AT, id="d1")


@attrs.frozen
class Loose:
    """A request with a field that may be anything."""

    thing: object = None
    ratio: float = 0.5


LOOSE: Final = Facts(Loose)


def interpreted(policy: Policy[Any], request: Any) -> tuple[RecordedReason, ...]:
    """Return the recorded reasons of a decision whose reasons were read before."""
    decision = policy.decide(request)
    assert decision.reasons
    return record(decision, at=AT, id="d1").reasons


def policy_of(*conditions: Any) -> Policy[Any]:
    """Return a policy with a rule for each condition."""
    return Policy("p", [Rule(f"r{number}", each) for number, each in enumerate(conditions)])


NONE: Final = frozenset[str]()
NAME: Final = SAMPLE(lambda r: r.name)
TEXT: Final = SAMPLE(lambda r: r.part.text)
SIZE: Final = SAMPLE(lambda r: r.size)
COLOUR: Final = SAMPLE(lambda r: r.colour)
NUMBER: Final = SAMPLE(lambda r: r.number)
LOST: Final = SAMPLE(lambda r: r.lost).then(lambda part: part.absent)


class TestReasonsThatComeAgain:
    """Denials for the same reasons share the same values."""

    @pytest.mark.parametrize(
        ("policy", "one", "two"),
        [
            (ESCALATE_TO_VIDEO, a_request(account_id="998"), a_request(account_id="999")),
            (ESCALATE_TO_VIDEO, a_request(login=Login.SAML), a_request(login=Login.SAML, agent_id="u9")),
            (policy_of(NAME.equals("t") | FLAG), Sample(name="u", flag=False), Sample(name="v", flag=False)),
            (policy_of(FLAG & NUMBER.equals(1)), Sample(flag=False), Sample(flag=False, name="u")),
        ],
        ids=["facts that are compared", "a fact that is shown", "joined by or", "joined by and"],
    )
    def test_if_requests_differ_in_what_no_reason_shows(self, policy: Any, one: Any, two: Any) -> None:
        """They are not made again."""
        assert recorded(policy, one).reasons[0] is recorded(policy, two).reasons[0]

    def test_but_not_where_they_are_masked_otherwise(self) -> None:
        """Each choice of what to mask has its own reasons."""
        policy, request = policy_of(NUMBER.equals(2)), Sample()
        masked, shown = (recorded(policy, request, reveal=reveal) for reveal in ([], ["number"]))
        assert ["masked", "1"] == [made.reasons[0].evidence[0].seen for made in (masked, shown)]


class TestReasonsThatDiffer:
    """A reason never shows anything of another request."""

    @pytest.mark.parametrize(
        ("condition", "requests"),
        [
            (
                SAMPLE(lambda r: r.size).equals(Size.SMALL) & FLAG,
                [Sample(size=Size.LARGE), Sample(flag=False)],
            ),
            (
                SAMPLE(lambda r: r.colour).equals(Colour.RED),
                [Sample(colour=Colour.BLUE), Sample(colour=Colour.UNKNOWN)],
            ),
            (LOST.equals("t"), [Sample(), Sample(lost=Part()), Sample(lost=Part(absent="u"))]),
            (~LOST.is_set(), [Sample(), Sample(lost=Part(absent="u"))]),
            (NUMBER.one_of([0]), [Sample(), Sample(number=2), Sample(number=-(2**63)), Sample(number=2**63)]),
            (NAME.equals("t") & TEXT.equals("t"), [Sample(name="u"), Sample(part=Part(text="u"))]),
            ((NAME.equals("t") & TEXT.equals("t")) | ~FLAG, [Sample(name="u"), Sample(part=Part(text="u"))]),
            (~SAMPLE(lambda r: r.names).is_set(), [Sample(), Sample(names=frozenset({"a"}))]),
            (~SAMPLE(lambda r: r.sizes).is_set(), [Sample(), Sample(sizes=frozenset(Size))]),
            (~LOOSE(lambda r: r.ratio).is_set(), [Loose(), Loose(ratio=0.0), Loose(ratio=-0.0)]),
            (~LOOSE(lambda r: r.thing).is_set(), [Loose(1), Loose(True), Loose(Size.SMALL), Loose("1")]),
            (LOOSE(lambda r: r.thing).satisfies("no", lambda _: False), [Loose(1), Loose(2), Loose("1")]),
        ],
        ids=["which", "unknown", "missing", "there", "ints", "and", "deep", "strs", "sizes", "ratio", "any", "opaque"],
    )
    def test_if_requests_differ_in_what_it_shows(self, condition: Any, requests: Iterable[Any]) -> None:
        """In any order of requests."""
        policy, in_order = policy_of(condition), [*requests]
        for request in (*in_order, *reversed(in_order)):
            assert interpreted(policy, request) == recorded(policy, request).reasons

    def test_where_another_rule_is_not_met_either(self) -> None:
        """Hidden rules and the next party differ too."""
        requests = [
            a_request(account_id="999"),
            a_request(intervention_agent_id="u9"),
            a_request(login=Login.SAML),
            a_request(login=Login.SAML, ringcentral=None),
            a_request(login=Login.SAML, ringcentral=None, ringcentral_account_id=None),
            a_request(permissions=()),
            a_request(permissions=[Permission.USE_EMOJI]),
            a_request(video=VideoAccess.UNKNOWN),
        ]
        for request in (*requests, *reversed(requests)):
            read = ESCALATE_TO_VIDEO.decide(request)
            assert read.reasons
            assert record(read, at=AT, id="d1") == recorded(ESCALATE_TO_VIDEO, request)


class TestMemory:
    """What a policy keeps for its records stays small."""

    def test_of_reasons_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A recorder forgets reasons if there are too many."""
        monkeypatch.setattr(_recording, "_REASONS", 2)
        policy = policy_of(SIZE.equals(Size.SMALL), COLOUR.equals(Colour.RED), SAMPLE(lambda r: r.maybe).is_true())
        recorder = _recording.recorder_of(policy.decide(Sample()), None, NONE, NONE)
        for maybe in (None, False):
            for colour in Colour:
                request = Sample(size=Size.LARGE, colour=colour, maybe=maybe)
                reasons = {reason.code: reason.status for reason in policy.decide(request).reasons}
                assert reasons == {reason.code: reason.status for reason in recorded(policy, request).reasons}
                assert 1 <= len(recorder._reasons) <= 2

    def test_holds_no_reason_that_shows_a_number(self) -> None:
        """A number can be personal."""
        policy = policy_of(NUMBER.equals(0))
        recorder = _recording.recorder_of(policy.decide(Sample()), None, frozenset(["number"]), NONE)
        (reason,) = recorded(policy, Sample(number=5), reveal=["number"]).reasons
        assert ("5", {}) == (reason.evidence[0].seen, recorder._reasons)

    def test_of_recorders_belongs_to_the_policy(self) -> None:
        """Equal policies have recorders of their own, and a policy has one for each choice of what to mask."""
        policy, equal = policy_of(FLAG), policy_of(FLAG)
        recorders = [
            _recording.recorder_of(one.decide(Sample()), None, reveal, NONE)
            for one in (policy, policy, equal)
            for reveal in (NONE, frozenset(["flag"]))
        ]
        assert recorders[:2] == recorders[2:4]
        assert 4 == len(set(recorders))
