"""What always holds of records. Each class is named after its law."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any, Final

import attrs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    Decision,
    Effect,
    EscalationRequest,
    Evidence,
    Facts,
    Party,
    Policy,
    ReasonStatus,
    Rule,
    context,
    fact,
)
from escalation_policy.exceptions import InvalidPayloadError
from escalation_policy.records import DecisionRecord, RecordedReason, record
from escalation_policy.testing import a_request
from escalation_policy.testing.strategies import requests
from laws.reference import REQUESTS, every_test, rule_sets, rules
from support import SAMPLE, VALIDATOR, Sample, needs_validator

UNHURRIED: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
KEY: Final = b"a key of 16 bytes or more"

#: Any text at all: lone surrogates, controls and separators too, and what looks like JSON.
TEXTS: Final = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(
    ["\n", "\r\n", "\x85", "\N{LINE SEPARATOR}", "\ud800", '"', "\\", '"}\n{"effect":"allow"}', "null", "\x00\x1b"]
)
SOME_TEXT: Final = TEXTS.filter(bool)
CODES: Final = st.text("abcXYZ019_.:-", min_size=1, max_size=5)
TIMES: Final = st.datetimes(
    min_value=datetime.min + timedelta(days=2),  # noqa: DTZ901
    max_value=datetime.max - timedelta(days=2),  # noqa: DTZ901
    timezones=st.timezones() | st.just(UTC),
).filter(lambda at: at.utcoffset() is not None)
SCALARS: Final = (
    SOME_TEXT
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(-(2**63), 2**63, exclude_max=True, allow_nan=False)
)
FACTS: Final = st.dictionaries(SOME_TEXT, st.none() | SCALARS | st.lists(SCALARS, max_size=3).map(tuple), max_size=4)
REASONS: Final = st.builds(
    RecordedReason,
    code=CODES,
    status=st.sampled_from([ReasonStatus.UNMET, ReasonStatus.UNKNOWN, ReasonStatus.ERROR]),
    evidence=st.lists(st.builds(Evidence, TEXTS, TEXTS, TEXTS), max_size=2),
    error=st.none() | SOME_TEXT,
)
COMMON: Final[dict[str, st.SearchStrategy[Any]]] = {
    "id": SOME_TEXT,
    "at": TIMES,
    "policy_id": CODES,
    "policy_version": st.none() | SOME_TEXT,
    "fingerprint": SOME_TEXT,
    "met": st.lists(CODES, max_size=3),
    "next_party": st.none() | st.sampled_from(Party),
    "facts": FACTS,
    "unknown": st.lists(SOME_TEXT, max_size=2),
    "masked": st.lists(SOME_TEXT, max_size=2),
    "outputs": st.dictionaries(TEXTS, st.booleans(), max_size=2),
    "correlation_id": st.none() | SOME_TEXT,
    "facts_read_at": st.none() | TIMES,
    "schema_version": st.sampled_from(["1.0", "1.3"]),
}
RECORDS: Final = st.builds(DecisionRecord, effect=st.just(Effect.ALLOW), **COMMON) | st.builds(
    DecisionRecord,
    effect=st.just(Effect.DENY),
    reasons=st.lists(REASONS, min_size=1, max_size=3),
    hidden=st.lists(CODES, max_size=2),
    **COMMON,
)

#: The columns of rows that may be empty.
NULLABLE: Final = set(
    "domain agent role channel login message intervention state"
    " policy_version next_party outcome correlation_id facts_read_at".split()
)
#: All private facts, and what a host may pass in its context.
USER: Final = fact(lambda r: r.agent.ringcentral)
ADDRESS: Final = fact(lambda r: r.agent.email)
PRIVATE: Final = [
    fact(lambda r: r.domain.ringcentral_account_id),
    ADDRESS,
    fact(lambda r: r.agent.role.label),
    USER.then(lambda u: u.account_id),
    USER.then(lambda u: u.extension_id),
    USER.then(lambda u: u.email),
]
NAMES: Final = ["other", "another", "third"]
NOSY: Final = ESCALATE_TO_VIDEO.with_rules(
    *(Rule(f"set:{each.path}", each.is_set()) for each in PRIVATE),
    Rule("same_address", ADDRESS.equals(USER.then(lambda u: u.email))),
    Rule("one_address", ADDRESS.one_of(["ada@example.com", "0@0.com"])),
    *(Rule(f"context:{name}", context(name, str).equals("t") | ~context(name, str).is_set()) for name in NAMES),
    Rule("teams", fact(lambda r: r.agent.team_ids).is_set()),
)
POLICIES: Final = {"built in": ESCALATE_TO_VIDEO, "nosy": NOSY}


def recorded(policy: Policy[Any], request: Any, **arguments: Any) -> DecisionRecord:
    """Decide, and record it."""
    usual: dict[str, Any] = {"at": AT, "id": "d1"}
    return record(policy.decide(request), **usual | arguments)


def is_sound(made: DecisionRecord) -> bool:
    """Check the line of a record: one line of sorted ASCII, valid under the schema, and read back as the same record."""
    line = made.to_json()
    payload = json.loads(line)
    if VALIDATOR is not None:
        VALIDATOR.validate(payload)
    assert line.isascii()
    assert [line] == line.splitlines()
    assert line == json.dumps(payload, sort_keys=True, separators=(",", ":"))
    again = DecisionRecord.from_json(line)
    assert made == again == DecisionRecord.from_payload(payload)
    assert line == again.to_json()
    assert hash(made) == hash(again)
    return True


class TestWrittenAndReadWithoutLoss:
    """`from_json(to_json(x)) == x`, and every line is valid under the schema."""

    @UNHURRIED
    @given(RECORDS)
    def test_for_all_records(self, made: DecisionRecord) -> None:
        """Also for records that no policy makes."""
        assert is_sound(made)
        assert repr(made).isprintable()
        row = made.to_row()
        texts = {name: getattr(made, name) for name in ("id", "policy_version", "fingerprint", "correlation_id")}
        # No table can hold half a surrogate pair.
        escaped = {name: text and text.encode("utf-8", "backslashreplace").decode() for name, text in texts.items()}
        assert attrs.evolve(made, **escaped) == DecisionRecord.from_row(row)
        assert {name for name, value in row.items() if value is None} <= NULLABLE

    @UNHURRIED
    @given(
        requests(),
        st.sampled_from(sorted(POLICIES)),
        st.none() | st.just(KEY),
        st.lists(st.sampled_from(["agent", "context", "domain.ringcentral_account_id", "message"]), unique=True),
        st.lists(st.sampled_from(["agent.role", "context", "login", "message.channel"]), unique=True),
    )
    def test_for_all_decisions(
        self, request: EscalationRequest, name: str, key: bytes | None, reveal: list[str], mask: list[str]
    ) -> None:
        """With every mask."""
        assert is_sound(recorded(POLICIES[name], request, key=key, reveal=reveal, mask=mask))

    @UNHURRIED
    @given(rule_sets(), REQUESTS, st.booleans())
    def test_for_all_rules_over_other_requests(self, drawn: Any, request: Sample, shown: bool) -> None:  # noqa: FBT001
        """Predicates that raise, sets, parts, and context values of other types than declared."""
        names = [field.name for field in attrs.fields(Sample)] if shown else []
        reveal = [*names, "truth", "lie", "boom", "none"] if shown else []
        assert is_sound(recorded(Policy("p", rules(*drawn)), request, reveal=reveal))


def mutations(payload: Any) -> st.SearchStrategy[Any]:
    """Draw a place in the JSON of a record, and another value for it, or `...` to remove it."""
    junk = st.none() | st.booleans() | st.integers(-1, 2) | st.text("a.1 \n", max_size=3) | st.just(2**64)
    things = junk | st.lists(junk, max_size=2) | st.dictionaries(st.sampled_from(["code", "a"]), junk, max_size=2)
    places: list[tuple[Any, ...]] = [(key,) for key in payload] + [("reasons", 0, key) for key in payload["reasons"][0]]
    places += [("reasons", 0, "evidence", 0, key) for key in payload["reasons"][0]["evidence"][0]]
    places += [("facts", key) for key in payload["facts"]]
    return st.tuples(st.sampled_from(places), st.just(...) | things)


FULL: Final = DecisionRecord(
    id="d1",
    at=AT,
    effect=Effect.DENY,
    policy_id="p",
    fingerprint="f",
    reasons=[RecordedReason("r", ReasonStatus.UNMET, [Evidence("a", "is set", "not set")])],
    facts={"a": None, "b": ("x",), "c": "x"},
)


def changed(place: tuple[Any, ...], thing: object) -> Any:
    """Return the JSON of a record with another value in one place. `...` removes the value."""
    payload: Any = json.loads(FULL.to_json())
    owner = payload
    for step in place[:-1]:
        owner = owner[step]
    if thing is ...:
        del owner[place[-1]]
    else:
        owner[place[-1]] = thing
    return payload


class TestTheSchemaAndTheReaderAgree:
    """A record is read exactly if the schema allows it, except for the ways to write a time."""

    @needs_validator
    @settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
    @given(mutations(json.loads(FULL.to_json())))
    def test_over_records_that_somebody_has_tampered_with(self, change: tuple[tuple[Any, ...], object]) -> None:
        """Nullable keys may also be missing, which the schema does not express."""
        payload = changed(*change)
        nullable = {"policy_version", "next_party", "correlation_id", "facts_read_at"}
        complete: Any = {**dict.fromkeys(nullable), **payload}
        for reason in complete["reasons"] if type(complete.get("reasons")) is list else ():
            if type(reason) is dict:
                complete["reasons"] = [{"error": None, **reason}]
        try:
            DecisionRecord.from_payload(payload)
        except InvalidPayloadError:
            assert not VALIDATOR.is_valid(complete)
        else:
            assert VALIDATOR.is_valid(complete)


#: Another value for each that is masked, so that no two become one and none stays what it was.
RENAMINGS: Final = st.permutations("0123456789")


def renamed(value: str, digits: list[str]) -> str:
    """Return a number with other digits. Different numbers stay different."""
    return "".join(digits[int(each)] for each in value)


def disguised(request: EscalationRequest, digits: list[str], mark: str) -> EscalationRequest:
    """Return a request that differs from another one only in what is masked."""

    def number(value: str | None) -> str | None:
        return value and renamed(value, digits)

    def text(value: str | None) -> str | None:
        return value and f"{mark}{value}"

    agent, domain, user = request.agent, request.domain, request.agent.ringcentral
    if user is not None:
        user = attrs.evolve(
            user,
            extension_id=renamed(user.extension_id, digits),
            account_id=number(user.account_id),
            email=text(user.email),
        )
    agent = attrs.evolve(
        agent,
        ringcentral=user,
        email=text(agent.email),
        role=attrs.evolve(agent.role, label=f"{mark}{agent.role.label}"),
    )
    values: Mapping[str, Any] = request.context
    return attrs.evolve(
        request,
        agent=agent,
        domain=attrs.evolve(domain, ringcentral_account_id=number(domain.ringcentral_account_id)),
        context={name: f"{mark}{value}" if isinstance(value, str) else value for name, value in values.items()},
    )


def outcome(decision: Decision[Any]) -> list[tuple[object, ...]]:
    """Return the rules that stand in the way, and the facts in their evidence."""
    return [
        (each.code, each.status, each.error, tuple((evidence.fact, evidence.required) for evidence in each.evidence))
        for each in decision.reasons
    ]


@attrs.frozen
class Sets:
    """A request that is made of sets."""

    left: frozenset[str]
    right: frozenset[str]
    name: str


SETS: Final = Facts(Sets)
SETS_POLICY: Final = Policy(
    "p",
    [
        Rule("left", SETS(lambda r: r.left).is_set()),
        Rule("right", SETS(lambda r: r.right).is_set()),
        Rule("name", SETS(lambda r: r.name).is_set()),
    ],
)


class TestWhatIsMaskedLeavesNoTrace:
    """Two requests that differ only in masked values, and are decided alike, have the same record."""

    @UNHURRIED
    @given(requests(), RENAMINGS, st.sampled_from(["x", "~", "\n"]), st.sampled_from(sorted(POLICIES)))
    def test_in_the_built_in_types_and_the_context(
        self, request: EscalationRequest, digits: list[str], mark: str, name: str
    ) -> None:
        """Ids of accounts and extensions, e-mail addresses, labels, and context values."""
        other, policy = disguised(request, digits, mark), POLICIES[name]
        assume(outcome(policy.decide(request)) == outcome(policy.decide(other)))
        assert recorded(policy, request).to_json() == recorded(policy, other).to_json()
        masked = recorded(policy, request).masked
        assert masked == recorded(policy, other).masked

    @UNHURRIED
    @given(requests(), RENAMINGS)
    def test_which_is_not_so_of_what_is_shown(self, request: EscalationRequest, digits: list[str]) -> None:
        """Otherwise the law would hold for records that show nothing."""
        other = disguised(request, digits, "x")
        reveal = ["agent", "domain", "context"]
        alike = recorded(NOSY, request, reveal=reveal).facts == recorded(NOSY, other, reveal=reveal).facts
        assert not alike
        assert recorded(NOSY, request, key=KEY).facts != recorded(NOSY, other, key=KEY).facts

    @UNHURRIED
    @given(
        st.lists(st.frozensets(st.integers(0, 5), max_size=4), min_size=2, max_size=2),
        st.integers(0, 5),
        st.permutations(range(6)),
    )
    def test_in_the_members_of_sets(self, sets: list[frozenset[int]], single: int, order: list[int]) -> None:
        """Neither their values nor their order show. Equal members of two sets do."""

        def facts_with(numbers: Mapping[int, int]) -> Any:
            left, right = (frozenset(f"m{numbers[each]}" for each in members) for members in sets)
            return recorded(SETS_POLICY, Sets(left, right, f"m{numbers[single]}")).facts

        assert facts_with(dict(enumerate(range(6)))) == facts_with(dict(enumerate(order)))


class TestTokens:
    """Equal masked values of one kind have equal tokens, and different ones different tokens."""

    @UNHURRIED
    @given(requests(), st.none() | st.just(KEY))
    def test_within_a_record(self, request: EscalationRequest, key: bytes | None) -> None:
        """With a key and without. Tokens of different kinds differ."""
        made = recorded(NOSY, request, key=key)
        values = {
            str(each.path): each.path.read(request)
            for each in [*PRIVATE, *(context(n, str) for n in NAMES)]
            if str(each.path) in made.masked
        }
        kinds = {name: str(made.facts[name]).partition("#")[0] for name in values}
        for one, first in values.items():
            for two, second in values.items():
                alike = kinds[one] == kinds[two] and first == second
                assert alike is (made.facts[one] == made.facts[two])

    @UNHURRIED
    @given(requests(), requests())
    def test_across_records_with_a_key(self, one: EscalationRequest, two: EscalationRequest) -> None:
        """A value has the same token in every place and record, and another one with another key."""
        first, second, other = (
            recorded(NOSY, one, key=KEY),
            recorded(NOSY, two, key=KEY),
            recorded(NOSY, one, key=b"another key of 16 bytes or more"),
        )
        tokens = {(kind_of(each, first), each.path.read(one)): first.facts[str(each.path)] for each in shown(first)}
        for each in shown(second):
            token = second.facts[str(each.path)]
            assert tokens.get((kind_of(each, second), each.path.read(two)), token) == token
        assert {first.facts[name] for name in first.masked}.isdisjoint(other.facts[name] for name in other.masked)


def shown(made: DecisionRecord) -> list[Any]:
    """Return the private facts that a record shows as tokens."""
    return [each for each in PRIVATE if str(each.path) in made.masked]


def kind_of(each: Any, made: DecisionRecord) -> str:
    """Return the kind of id of a token."""
    return str(made.facts[str(each.path)]).partition("#")[0]


class TestNothingLeaks:
    """No masked value is anywhere in the line of a record, nor in its repr."""

    @UNHURRIED
    @given(requests(), st.none() | st.just(KEY), st.sampled_from(["é", '"', "\n", "\ud800", ""]))
    def test_of_what_is_private(self, request: EscalationRequest, key: bytes | None, odd: str) -> None:
        """A mark in each value makes it easy to find."""
        made = recorded(NOSY, disguised(request, list("0123456789"), f"canary{odd}"), key=key)
        assert "canary" not in made.to_json()
        assert "canary" not in repr(made)

    @UNHURRIED
    @given(st.integers(10**12, 10**18).map(str), st.integers(10**12, 10**18).map(str), st.booleans())
    def test_of_numbers(self, account: str, extension: str, linked: bool) -> None:  # noqa: FBT001
        """Accounts and extensions are all digits."""
        domain = account if linked else "1"
        made = recorded(
            NOSY, a_request(account_id=account, extension_id=extension, ringcentral_account_id=domain)
        ).to_json()
        assert account not in made
        assert extension not in made


class TestNothingForges:
    """No value changes the keys or the effect of a line."""

    @UNHURRIED
    @given(SOME_TEXT, SOME_TEXT, SOME_TEXT, st.booleans())
    def test_in_ids_and_context(self, one: str, two: str, three: str, allow: bool) -> None:  # noqa: FBT001
        """They come from outside, and are shown."""
        request = a_request(
            agent_id=one, message_id=two, domain_id=three, intervention_agent_id=one, context={three: one}
        )
        policy = NOSY if not allow else ESCALATE_TO_VIDEO
        made = recorded(policy, request, id=one, correlation_id=two, reveal=["context"])
        assert is_sound(made)
        payload = json.loads(made.to_json())
        assert ("allow" if allow else "deny") == payload["effect"]
        assert (one, two, three) == (payload["facts"]["agent.id"], payload["facts"]["message.id"], made.about["domain"])
        assert (one, two) == (payload["id"], payload["correlation_id"])

    @UNHURRIED
    @given(SOME_TEXT, SOME_TEXT)
    def test_in_names_of_facts_and_predicates(self, name: str, text: str) -> None:
        """A host may call them anything."""
        condition = SAMPLE.context(name, str).equals(text) & SAMPLE.predicate(text, lambda _: False, version=name)
        request = Sample(context={name: text})
        made = recorded(Policy("p", [Rule("r", condition)]), request, reveal=["context", text])
        assert is_sound(made)
        assert {f"context.{name}": text} == made.facts
        assert [False] == list(made.outputs.values())


#: Tests with the same answer if their facts are the same: none is opaque, and nothing may change.
PURE_FACTS: Final = frozenset(
    {"flag", "untold", "colour", "number", "name", "spare.unknown", "lost.absent", "more_sizes"}
)
PURE_TESTS: Final = [
    spec
    for spec in every_test()
    if spec[0] not in ("satisfies", "predicate")
    and PURE_FACTS.issuperset(spec[1:3] if spec[0] in ("same", "within") else spec[1:2])
]
PURE: Final[st.SearchStrategy[Any]] = st.recursive(
    st.sampled_from(PURE_TESTS),
    lambda specs: st.tuples(st.just("not"), specs) | st.tuples(st.sampled_from(["and", "or"]), specs, specs),
    max_leaves=3,
)
FLAG: Final = context(NAMES[0], bool)
NUMBER: Final = context(NAMES[1], int)
TEXT: Final = context(NAMES[2], str)
CONTEXT_TESTS: Final[list[Any]] = [
    *(FLAG.is_set(), FLAG.is_true(), NUMBER.is_set(), NUMBER.equals(1), NUMBER.one_of([1, 2])),
    *(TEXT.is_set(), TEXT.equals("t"), TEXT.equals(ADDRESS)),
]
CONTEXTS: Final = st.dictionaries(
    st.sampled_from(NAMES), st.booleans() | st.integers(0, 3) | st.sampled_from(["t", "u"]), max_size=3
)


def varied(one: Sample, two: Sample) -> list[Sample]:
    """Return requests that differ from the first in one field, which has the value of the second."""
    names = [field.name for field in attrs.fields(Sample)]
    return [one, *(attrs.evolve(one, **{name: getattr(two, name)}) for name in names), two]


class TestRecordsAgreeWithDecisions:
    """A record agrees with its decision, whether or not the decision's reasons were read before."""

    @staticmethod
    def agree(decide: Callable[[], Decision[Any]], policy: Policy[Any]) -> None:
        """Check that the records of two equal decisions agree with the decisions, though the reasons of only one were read."""
        read, unread = decide(), decide()
        reasons, hidden = read.reasons, read.hidden
        reveal = ["context", "agent", "domain", *(field.name for field in attrs.fields(Sample))]
        ways: list[dict[str, Any]] = [{}, {"reveal": reveal}, {"policy": policy}]
        for arguments in ways:
            one, two = (record(each, at=AT, id="d1", **arguments) for each in (read, unread))
            assert one == two
            assert read.effect is one.effect
            denied = [] if read else list(reasons)
            assert [(each.code, each.status, each.error) for each in denied] == [
                (each.code, each.status, each.error) for each in one.reasons
            ]
            assert (() if read else hidden) == one.hidden
            assert (tuple(policy) if read else ()) == one.met
            first = read.remedies[:1]
            assert (first[0].steps[0].party if first else None) is one.next_party
            for recorded_reason, reason in zip(one.reasons, denied, strict=True):
                assert [each.fact for each in reason.evidence] == [each.fact for each in recorded_reason.evidence]
                assert all(
                    a.required == b.required or a.required.endswith(" (a certain value)")
                    for a, b in zip(recorded_reason.evidence, reason.evidence, strict=True)
                )
                assert all(
                    a.seen in (b.seen, "masked") for a, b in zip(recorded_reason.evidence, reason.evidence, strict=True)
                )

    @UNHURRIED
    @given(requests(), st.sampled_from(sorted(POLICIES)))
    def test_about_escalations(self, request: EscalationRequest, name: str) -> None:
        """By the built-in policy, and by one that asks more."""
        self.agree(lambda: POLICIES[name].decide(request), POLICIES[name])

    @UNHURRIED
    @given(rule_sets(), REQUESTS)
    def test_about_other_requests(self, drawn: Any, request: Sample) -> None:
        """With predicates, unknown and absent facts, errors, and rules behind rules."""
        policy = Policy("p", rules(*drawn))
        self.agree(lambda: policy.decide(request), policy)

    @UNHURRIED
    @given(rule_sets(PURE), REQUESTS, REQUESTS)
    def test_about_requests_that_follow_each_other(self, drawn: Any, one: Sample, two: Sample) -> None:
        """The requests differ in a single fact, so a reason that was kept must not be used for another request."""
        policy = Policy("p", rules(*drawn))
        for request in varied(one, two):
            self.agree(partial(policy.decide, request), policy)

    @UNHURRIED
    @given(st.tuples(*[st.sampled_from(CONTEXT_TESTS)] * 2), st.booleans(), CONTEXTS, CONTEXTS)
    def test_about_contexts_that_follow_each_other(
        self,
        tests: tuple[Any, Any],
        joined: bool,  # noqa: FBT001
        one: dict[str, Any],
        two: dict[str, Any],
    ) -> None:
        """Their values may have other types than a rule asks for."""
        condition = tests[0] & ~tests[1] if joined else tests[0] | ~tests[1]
        policy = Policy("p", [Rule("r", condition)])
        for name in NAMES:
            for values in (one, two, {**one, name: two.get(name, "")}, {**two, name: one.get(name, "")}, one):
                self.agree(partial(policy.decide, a_request(context=values)), policy)

    @pytest.mark.parametrize("thing", [None, "request", object(), Sample()], ids=lambda thing: type(thing).__name__)
    def test_about_what_is_no_request(self, thing: Any) -> None:
        """Every rule without prerequisites is an error."""
        self.agree(lambda: ESCALATE_TO_VIDEO.decide(thing), ESCALATE_TO_VIDEO)

    @UNHURRIED
    @given(requests(), st.timedeltas(timedelta(days=-9999), timedelta(days=9999)), st.integers(-14, 14))
    def test_is_the_same_each_time_in_every_zone(
        self, request: EscalationRequest, later: timedelta, hours: int
    ) -> None:
        """Only the arguments go into a record."""
        at = AT + later
        one = recorded(NOSY, request, at=at, facts_read_at=at)
        there = at.astimezone(timezone(timedelta(hours=hours)))
        assert one.to_json() == recorded(NOSY, request, at=there, facts_read_at=there).to_json()
