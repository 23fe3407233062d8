"""Masking: what a record does not show unless somebody asks for it, and what stands there instead."""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from operator import attrgetter
from typing import Any, Final

import attrs
import pytest

from escalation_policy import ESCALATE_TO_VIDEO, Agent, Evidence, Facts, Policy, Rule, context, fact, predicate
from escalation_policy.records import DecisionRecord, record
from escalation_policy.testing import a_request
from support import ALLOWED, SAMPLE, Part, Sample, Size

AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
KEY: Final = b"a key of the host's"
#: All private facts of a request that there are.
PRIVATE: Final = {
    "agent.email": fact(lambda r: r.agent.email),
    "agent.ringcentral.account_id": fact(lambda r: r.agent.ringcentral).then(lambda u: u.account_id),
    "agent.ringcentral.email": fact(lambda r: r.agent.ringcentral).then(lambda u: u.email),
    "agent.ringcentral.extension_id": fact(lambda r: r.agent.ringcentral).then(lambda u: u.extension_id),
    "agent.role.label": fact(lambda r: r.agent.role.label),
    "domain.ringcentral_account_id": fact(lambda r: r.domain.ringcentral_account_id),
}
PRIVATE_POLICY: Final = Policy("p", [Rule(name, each.is_set()) for name, each in PRIVATE.items()])
CANARY: Final = a_request(
    account_id="31415926535",
    ringcentral_account_id="27182818284",
    extension_id="16180339887",
    email="canary@example.com",
    ringcentral_email="other.canary@example.com",
    role_label="Canary",
    context={"s": "canary", "n": 57721566, "b": True},
)


def recorded(policy: Any, request: Any, **arguments: Any) -> DecisionRecord:
    """Decide by a condition or a policy, and record it. Also check that the line is read back as the same record."""
    chosen: Any = policy if type(policy) is Policy else Policy("p", [Rule("r", policy)])
    usual: dict[str, Any] = {"at": AT, "id": "d1"}
    made = record(chosen.decide(request), **usual | arguments)
    assert made == DecisionRecord.from_json(made.to_json())
    return made


def shown_values(made: DecisionRecord) -> list[tuple[str, str]]:
    """Return what the record shows of each fact."""
    return [(each.fact, each.seen) for reason in made.reasons for each in reason.evidence]


def silent(_: object) -> Any:
    """Return no answer."""
    return None


def private_paths(value: Any, way: tuple[str, ...]) -> Iterator[str]:
    """Yield the paths of all private fields of a value and of its parts."""
    kind: Any = value.__class__
    for field in attrs.fields(kind) if attrs.has(kind) else ():
        if field.metadata.get("escalation_policy.private"):
            yield ".".join((*way, field.name))
        yield from private_paths(getattr(value, field.name), (*way, field.name))


@attrs.frozen(kw_only=True)
class Host:
    """A host's own request with ids of a kind, private and public fields."""

    open: bool = attrs.field(default=True, metadata={"escalation_policy.public": True})
    plain: str = "canary-1"
    other: str = "canary-1"
    badge: str = attrs.field(default="canary-2", metadata={"escalation_policy.private": "badge"})
    spare_badge: str = attrs.field(default="canary-2", metadata={"escalation_policy.private": "badge"})
    secret: str = attrs.field(default="canary-2", metadata={"escalation_policy.private": True})
    both: str = attrs.field(
        default="canary-3", metadata={"escalation_policy.private": "badge", "escalation_policy.public": True}
    )
    badges: frozenset[str] = attrs.field(
        default=frozenset({"canary-2", "canary-4"}), metadata={"escalation_policy.private": "badge"}
    )
    #: What is below it is a type of the library's, whose fields say themselves what they are.
    agent: Agent = CANARY.agent
    context: dict[str, Any] = attrs.field(
        factory=lambda: {"s": "canary-5"}, hash=False, metadata={"escalation_policy.public": True}
    )


HOST: Final = Facts(Host)


class TestByDefault:
    """Private facts, context values, and hosts' own facts are masked."""

    def test_private_facts_of_the_built_in_types_are_masked(self) -> None:
        """E-mail addresses, ids of RingCentral, and names. Tokens show the kind."""
        made = recorded(PRIVATE_POLICY, CANARY)
        assert tuple(sorted(PRIVATE)) == made.masked
        assert {
            "agent.email": "email#1",
            "agent.ringcentral.account_id": "account#2",
            "agent.ringcentral.email": "email#3",
            "agent.ringcentral.extension_id": "extension#4",
            "agent.role.label": "label#5",
            "domain.ringcentral_account_id": "account#6",
        } == {name: made.facts[name] for name in PRIVATE}

    def test_these_are_all_that_the_types_declare_private(self) -> None:
        """A new private field must be added here."""
        assert [*PRIVATE] == sorted(private_paths(ALLOWED, ()))

    def test_the_built_in_policy_shows_nothing_else_but_ids(self) -> None:
        """Ids of agents, messages and cases are pseudonyms, and records are found by them."""
        made = recorded(ESCALATE_TO_VIDEO, CANARY)
        private = ["agent.ringcentral.account_id", "agent.ringcentral.extension_id", "domain.ringcentral_account_id"]
        assert tuple(private) == made.masked
        assert ["account#1", "extension#2", "account#3"] == [made.facts[name] for name in private]

    def test_context_is_masked(self) -> None:
        """The library does not know what a host passes there."""
        made = recorded(context("s", str).is_set() & context("n", int).is_set() & context("b", bool).is_set(), CANARY)
        assert {"context.b": "value:bool#1", "context.n": "value:int#2", "context.s": "value#3"} == {
            name: made.facts[name] for name in made.masked
        }

    def test_fields_of_hosts_own_types_are_masked_unless_they_are_declared_public(self) -> None:
        """Private wins over public. The fields of the library's types declare themselves."""
        names = ["open", "plain", "badge", "secret", "both"]
        facts_: list[Any] = [HOST(attrgetter(name)) for name in names]
        facts_ += [HOST.context("s", str), HOST(lambda r: r.agent.id), HOST(lambda r: r.agent.email)]
        made = recorded(Policy("p", [Rule(str(each.path), each.is_set()) for each in facts_]), Host())
        assert {
            "agent.email": "email#1",
            "agent.id": "u1",
            "badge": "badge#2",
            "both": "badge#3",
            "context.s": "value#4",
            "open": True,
            "plain": "value#5",
            "secret": "value#6",
        } == made.facts
        assert ("agent.email", "badge", "both", "context.s", "plain", "secret") == made.masked

    def test_what_is_not_there_is_not_masked(self) -> None:
        """Rules ask whether there is a value. That is not a secret."""
        made = recorded(PRIVATE_POLICY, a_request(email=None, ringcentral=None, ringcentral_account_id=None))
        assert ("agent.role.label",) == made.masked
        assert dict.fromkeys(PRIVATE) | {"agent.role.label": "label#1"} == {name: made.facts[name] for name in PRIVATE}

    def test_nothing_that_is_masked_is_anywhere_in_the_record(self) -> None:
        """Neither in the line nor in the repr, for allow and deny."""
        for name, private in PRIVATE.items():
            value = private.path.read(CANARY)
            for condition in (private.is_set(), ~private.is_set(), private.equals("1"), ~private.equals(str(value))):
                for key in (None, KEY):
                    made = recorded(condition, CANARY, key=key)
                    for text in (made.to_json(), repr(made)):
                        assert str(value) not in text, name
                        assert "anary" not in text
        condition = context("s", str).equals("x") | context("n", int).equals(1) | ~context("b", bool).is_true()
        made = recorded(condition, CANARY)
        assert "canary" not in made.to_json()
        assert "57721566" not in made.to_json()
        hosts = [HOST(lambda r: r.plain), HOST(lambda r: r.badge), HOST.context("s", str)]
        made = recorded(Policy("p", [Rule(str(each.path), each.equals("x")) for each in hosts]), Host())
        assert "canary" not in made.to_json()


class TestReveal:
    """`reveal` shows what would be masked."""

    @pytest.mark.parametrize(
        ("reveal", "shown"),
        [
            ([], []),
            (["agent.email"], ["agent.email"]),
            (["agent.ringcentral"], [name for name in PRIVATE if name.startswith("agent.ringcentral.")]),
            (["agent"], [name for name in PRIVATE if name.startswith("agent.")]),
            (["agent", "domain"], list(PRIVATE)),
            (["agent.ringcentral.e", "ringcentral", "age", "email", ""], []),
            (["agent.email.", "agent.ringcentral.email.x", "Agent.email"], []),
        ],
        ids=repr,
    )
    def test_by_path_with_all_that_is_below_it(self, reveal: list[str], shown: list[str]) -> None:
        """A part of a name is not a path."""
        made = recorded(PRIVATE_POLICY, CANARY, reveal=reveal)
        assert {name: PRIVATE[name].path.read(CANARY) for name in shown} == {
            name: made.facts[name] for name in PRIVATE if name not in made.masked
        }

    def test_of_context_by_key_or_all_of_it(self) -> None:
        """A host knows what it passes there."""
        condition = context("s", str).is_set() & context("n", int).is_set()
        assert ("context.n",) == recorded(condition, CANARY, reveal=["context.s"]).masked
        made = recorded(condition, CANARY, reveal=["context"])
        assert ((), "canary", 57721566) == (made.masked, made.facts["context.s"], made.facts["context.n"])

    def test_shows_what_was_seen_too(self) -> None:
        """Numbers, bools and enum members. Strings are never shown there."""
        condition = context("n", int).equals(1)
        assert [("context.n", "another value")] == shown_values(recorded(condition, CANARY, reveal=["context.n"]))
        assert 57721566 == recorded(condition, CANARY, reveal=["context.n"]).facts["context.n"]


class TestPredicates:
    """The answer of a predicate is recorded if it is revealed by name."""

    @staticmethod
    def predicate_with(answers: Any, *, version: str | None = None) -> Any:
        """Return a predicate that gives these answers, one after the other."""
        remaining = iter(answers)
        return predicate("risky", lambda _: next(remaining), version=version)

    def test_are_not_asked_again_when_they_are_revealed(self) -> None:
        """Their answers are recorded under the identity by which a replay finds them."""
        made = recorded(self.predicate_with([False], version="3"), ALLOWED, reveal=["risky"])
        assert {"predicate(; 'risky'@'3')": False} == made.outputs
        assert ["r"] == [reason.code for reason in made.reasons]

    def test_are_not_asked_otherwise(self) -> None:
        """Nor by another name."""
        assert {} == recorded(self.predicate_with([True]), ALLOWED).outputs
        assert {} == recorded(self.predicate_with([True]), ALLOWED, reveal=["context", "r", "predicate"]).outputs

    def test_are_kept_as_they_answered_though_the_rule_asks_for_the_opposite(self) -> None:
        """One predicate has one answer."""
        for answer in (True, False):
            made = recorded(~self.predicate_with([answer]), ALLOWED, reveal=["risky"])
            assert {"predicate(; 'risky'@None)": answer} == made.outputs

    def test_that_answer_with_no_bool_or_raise_are_left_out(self) -> None:
        """They gave no answer."""
        for answers in ([None], [1], []):
            assert {} == recorded(self.predicate_with(answers), ALLOWED, reveal=["risky"]).outputs

    def test_over_a_fact_are_revealed_too_and_left_out_if_it_is_absent(self) -> None:
        """By the name of the test, not of the fact."""
        condition = context("n", int).satisfies("small", lambda n: n < 5, version="1")
        assert {"satisfies('context.n':int; 'small'@'1')": False} == recorded(
            condition, CANARY, reveal=["small"]
        ).outputs
        assert ("context.n",) == recorded(condition, CANARY, reveal=["small"]).masked
        assert {} == recorded(condition, ALLOWED, reveal=["small"]).outputs
        assert {} == recorded(condition, CANARY, reveal=["context.n"]).outputs

    def test_show_what_was_seen_only_when_they_are_revealed(self) -> None:
        """Their outputs are a host's own facts."""
        denied = predicate("risky", lambda _: False)
        assert [("risky", "masked")] == shown_values(recorded(denied, ALLOWED))
        assert [("risky", "false")] == shown_values(recorded(denied, ALLOWED, reveal=["risky"]))
        assert [("risky", "masked")] == shown_values(recorded(predicate("risky", silent), ALLOWED))
        assert [("risky", "None, not a bool")] == shown_values(
            recorded(predicate("risky", silent), ALLOWED, reveal=["risky"])
        )


class TestMask:
    """`mask` masks what would be shown, and wins over `reveal`."""

    @pytest.mark.parametrize("mask", [["login"], ["message.channel"], ["agent", "message.channel.kind"]], ids=repr)
    def test_by_path_with_all_that_is_below_it(self, mask: list[str]) -> None:
        """As `reveal` does."""
        usual, made = recorded(ESCALATE_TO_VIDEO, ALLOWED), recorded(ESCALATE_TO_VIDEO, ALLOWED, mask=mask)
        more = {name for name in made.facts if any(f"{name}.".startswith(f"{place}.") for place in mask)}
        assert more
        assert {*usual.masked} | more == {*made.masked}
        assert all(
            str(made.facts[name]).startswith("value") for name in more - {"agent.role.permissions", *usual.masked}
        )
        assert {name: usual.facts[name] for name in usual.facts.keys() - more - {*usual.masked}} == {
            name: made.facts[name] for name in made.facts.keys() - more - {*usual.masked}
        }

    @pytest.mark.parametrize("reveal", ["agent", "agent.id"])
    @pytest.mark.parametrize("mask", ["agent", "agent.id"])
    def test_wins_over_reveal(self, mask: str, reveal: str) -> None:
        """The longer path does not win."""
        assert "agent.id" in recorded(ESCALATE_TO_VIDEO, ALLOWED, mask=[mask], reveal=[reveal]).masked

    def test_hides_what_was_seen_too(self) -> None:
        """And what support asks first."""
        made = recorded(fact(lambda r: r.agent.enabled).is_true(), a_request(enabled=False), mask=["agent", "login"])
        assert [("agent.enabled", "masked")] == shown_values(made)
        assert ["value#2", "value#3"] == [made.about["agent"], made.about["role"]]
        assert str(made.about["login"]).startswith("value:Login#")

    def test_takes_any_key_of_the_context(self) -> None:
        """No type declares the keys, and other requests have other keys."""
        condition = context("s", str).is_set() & context("n", int).is_set()
        made = recorded(condition, CANARY, mask=["context.s", "context.not.there"], reveal=["context"])
        assert (("context.s",), 57721566) == (made.masked, made.facts["context.n"])
        sample = SAMPLE.context("a.b", str).is_set()
        assert ("context.a.b",) == recorded(
            sample, Sample(context={"a.b": "x"}), mask=["part.text", "spare.text"]
        ).masked


class TestEvidence:
    """Evidence shows no more of a masked fact than the status does."""

    @pytest.mark.parametrize(
        ("condition", "request_", "expected"),
        [
            (SAMPLE(lambda r: r.name).equals("x"), Sample(), "another value"),
            (~SAMPLE(lambda r: r.name).equals("t"), Sample(), "set"),
            (~SAMPLE(lambda r: r.name).is_set(), Sample(), "set"),
            (SAMPLE(lambda r: r.part.absent).is_set(), Sample(), "not set"),
            (SAMPLE(lambda r: r.untold).is_set(), Sample(), "unknown"),
            (SAMPLE(lambda r: r.flag).is_true(), Sample(flag=False), "masked"),
            (SAMPLE(lambda r: r.number).equals(2), Sample(), "masked"),
            (SAMPLE(lambda r: r.size).equals(Size.LARGE), Sample(), "masked"),
            (SAMPLE(lambda r: r.sizes).contains(Size.LARGE), Sample(sizes=frozenset({Size.SMALL})), "masked"),
            (SAMPLE(lambda r: r.sizes).contains(Size.LARGE), Sample(), "masked"),
            (SAMPLE.context("n", int).equals(1), Sample(context={"n": "x"}), "masked"),
            (SAMPLE(lambda r: r.name).satisfies("p", lambda _: 1 / 0 > 1), Sample(), "error"),
        ],
    )
    def test_of_what_is_masked(self, condition: Any, request_: Any, expected: str) -> None:
        """Whether there is a value, and whether it met the rule."""
        assert expected in {value for _, value in shown_values(recorded(condition, request_))}
        assert {expected} == {each for _, each in shown_values(recorded(condition, request_))}

    def test_of_what_is_revealed_is_the_decisions_own(self) -> None:
        """Nothing is changed there."""
        condition = SAMPLE(lambda r: r.sizes).contains(Size.LARGE) | SAMPLE(lambda r: r.number).equals(2)
        decision = Policy("p", [Rule("r", condition)]).decide(Sample(sizes=frozenset({Size.SMALL})))
        made = record(decision, at=AT, id="d1", reveal=["sizes", "number"])
        assert decision.reasons[0].evidence == made.reasons[0].evidence
        assert (Evidence("sizes", "contains large", "small"), Evidence("number", "equals 2", "1")) == made.reasons[
            0
        ].evidence


class TestTokens:
    """Equal values of one kind have equal tokens, different ones different tokens."""

    def test_are_numbered_from_one_in_the_order_of_facts(self) -> None:
        """They are numbered, not derived from the value."""
        same = recorded(ESCALATE_TO_VIDEO, ALLOWED)
        assert ["account#1", "extension#2", "account#1"] == [same.facts[name] for name in same.masked]
        for account in ("1", "99999999999"):
            made = recorded(ESCALATE_TO_VIDEO, a_request(account_id=account))
            assert ["account#1", "extension#2", "account#3"] == [made.facts[name] for name in made.masked]

    def test_of_another_kind_differ_though_the_values_are_equal(self) -> None:
        """An account and an extension are never compared."""
        made = recorded(ESCALATE_TO_VIDEO, a_request(account_id="7", extension_id="7", ringcentral_account_id="7"))
        assert ["account#1", "extension#2", "account#1"] == [made.facts[name] for name in made.masked]

    def test_of_another_type_differ_though_the_values_are_equal(self) -> None:
        """As `True` and 1 do for a rule."""
        request = Sample(flag=True, number=1, ratio=1.0, context={"n": 1, "s": "1", "b": True})
        facts_: list[Any] = [SAMPLE(lambda r: r.flag), SAMPLE(lambda r: r.number), SAMPLE(lambda r: r.ratio)]
        facts_ += [SAMPLE.context("n", int), SAMPLE.context("s", str), SAMPLE.context("b", bool)]
        policy = Policy("p", [Rule(str(each.path), each.is_set()) for each in facts_])
        for key in (None, KEY):
            facts = recorded(policy, request, key=key).facts
            assert facts["flag"] == facts["context.b"]
            assert facts["number"] == facts["context.n"]
            assert 4 == len({facts[name] for name in ("flag", "number", "ratio", "context.s")})

    def test_of_a_kind_that_a_host_declares_are_compared_with_each_other(self) -> None:
        """The same holds for values that are not ids."""
        names = ["plain", "other", "badge", "spare_badge", "secret", "badges"]
        facts_: list[Any] = [HOST(attrgetter(name)) for name in names]
        facts = recorded(Policy("p", [Rule(str(each.path), each.is_set()) for each in facts_]), Host()).facts
        assert facts["plain"] == facts["other"] != facts["secret"]
        assert facts["badge"] == facts["spare_badge"] != facts["secret"]
        assert facts["badge"] in set(facts["badges"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    def test_of_the_members_of_a_set_stand_in_their_own_order(self) -> None:
        """The order of the values would reveal something about them."""
        names = SAMPLE(lambda r: r.names).is_set() & SAMPLE(lambda r: r.name).is_set()
        for members in (["a", "t", "z"], ["t", "u", "v"], ["a", "b", "t"]):
            made = recorded(names, Sample(names=frozenset(members)))
            assert {"name": "value#1", "names": ("value#1", "value#2", "value#3")} == made.facts
        assert {"name": "value#1", "names": ()} == recorded(names, Sample()).facts

    def test_of_parts_say_that_they_are_there(self) -> None:
        """An absent value is not masked."""
        condition = SAMPLE(lambda r: r.spare).is_set()
        assert {"spare": "value:Part#1"} == recorded(condition, Sample(spare=Part())).facts
        assert {"spare": None} == recorded(condition, Sample()).facts


class TestKeyedTokens:
    """With a key a token is an HMAC, and stays the same from record to record."""

    def test_stay_the_same_across_records(self) -> None:
        """In every fact and in every record."""
        made = recorded(PRIVATE_POLICY, CANARY, key=KEY)
        moved = a_request(ringcentral_account_id="31415926535", email="other.canary@example.com", ringcentral=None)
        other = recorded(PRIVATE_POLICY, moved, key=KEY)
        assert made.facts["agent.ringcentral.account_id"] == other.facts["domain.ringcentral_account_id"]
        assert made.facts["agent.ringcentral.email"] == other.facts["agent.email"]
        assert made.facts["agent.email"] != other.facts["agent.email"]

    def test_are_what_the_reference_says(self) -> None:
        """With the key, you can find a customer's records again, by 16 digits of HMAC-SHA-256."""
        digest = hmac.new(KEY, b"email\0str\0canary@example.com", hashlib.sha256).hexdigest()
        assert f"email#{digest[:16]}" == recorded(PRIVATE_POLICY, CANARY, key=KEY).facts["agent.email"]
        number = hmac.new(KEY, b"value\0int\x0057721566", hashlib.sha256).hexdigest()
        made = recorded(context("n", int).is_set(), CANARY, key=KEY)
        assert f"value:int#{number[:16]}" == made.facts["context.n"]

    def test_differ_by_kind_and_by_key(self) -> None:
        """Records of two hosts cannot be joined."""
        request = a_request(account_id="7", extension_id="7", ringcentral_account_id="7")
        tokens = [
            str(recorded(ESCALATE_TO_VIDEO, request, key=key).facts[name]).partition("#")[2]
            for key in (KEY, b"another key of the host's")
            for name in ("agent.ringcentral.account_id", "agent.ringcentral.extension_id")
        ]
        assert 4 == len({*tokens})
        assert {16} == {len(token) for token in tokens}

    @pytest.mark.parametrize("text", ["\ud800", "\udfff\n", "\N{PILE OF POO}", "", "\0"], ids=ascii)
    def test_are_made_of_any_text(self, text: str) -> None:
        """A lone surrogate is not UTF-8, and is masked like other text."""
        condition = SAMPLE(lambda r: r.name).is_set()
        token = str(recorded(condition, Sample(name=text), key=KEY).facts["name"])
        assert (token, 22) == (str(recorded(condition, Sample(name=text), key=KEY).facts["name"]), len(token))

    def test_of_equal_numbers_are_equal(self) -> None:
        """Rules do not distinguish the signs of zero."""
        condition = SAMPLE(lambda r: r.ratio).is_set()
        plus, minus = (recorded(condition, Sample(ratio=zero), key=KEY).facts["ratio"] for zero in (0.0, -0.0))
        assert plus == minus

    def test_of_a_set_are_in_order(self) -> None:
        """In the order of the tokens, which does not depend on the order of the values."""
        tokens: Any = recorded(SAMPLE(lambda r: r.names).is_set(), Sample(names=frozenset("abcdef")), key=KEY).facts[
            "names"
        ]
        assert sorted(tokens) == list(tokens)
        assert 6 == len({*tokens})


class Health(Enum):
    """An enum of a host's own."""

    GOOD = "good"
    BAD = "bad"


class TestEnums:
    """Enum members of a host's own are masked by tokens too."""

    def test_masks_members_alike(self) -> None:
        """Equal members have equal tokens."""

        @attrs.frozen
        class Checked:
            left: Health
            yours: Health

        checked = Facts(Checked)
        policy = Policy("p", [Rule("r", checked(lambda r: r.left).equals(checked(lambda r: r.yours)))])
        good, bad = Health
        assert {"left": "value:Health#1", "yours": "value:Health#1"} == recorded(policy, Checked(good, good)).facts
        made = recorded(policy, Checked(good, bad))
        assert {"left": "value:Health#1", "yours": "value:Health#2"} == made.facts
        assert "good" not in made.to_json()

    def test_masks_a_member_whose_value_is_a_word_of_evidence(self) -> None:
        """Another member would show as `masked`."""

        class Outcome(Enum):
            """An enum whose member is called as what is seen of a rule that raises."""

            FINE = "fine"
            ERROR = "error"

        @attrs.frozen
        class Checked:
            outcome: Outcome
            all_outcomes: frozenset[Outcome] = frozenset()

        checked = Facts(Checked)
        one = checked(lambda r: r.outcome).is_set()
        policy = Policy("p", [Rule("r", ~one), Rule("s", ~checked(lambda r: r.all_outcomes).is_set())])
        for outcome in Outcome:
            made = recorded(policy, Checked(outcome, frozenset([outcome])))
            assert [("outcome", "masked"), ("all_outcomes", "masked")] == shown_values(made)

    def test_masks_what_a_negated_test_would_reveal(self) -> None:
        """If it is not met, the fact has the value that the test names."""
        condition: Any
        for condition, value in (
            (~context("k", str).equals("secret"), "secret"),
            (~context("k", str).one_of(["secret"]), "secret"),
            (~context("k", int).equals(7654321), 7654321),
        ):
            made = recorded(condition, a_request(context={"k": value}))
            assert made.reasons[0].evidence[0].required.endswith(" (a certain value)")
            assert str(value) not in made.to_json()
            assert str(value) in recorded(condition, a_request(context={"k": value}), reveal=["context"]).to_json()
        plain = recorded(context("k", str).equals("gold"), a_request(context={"k": "secret"}))
        assert "equals 'gold'" == plain.reasons[0].evidence[0].required

    def test_leaves_out_a_fact_that_is_read_as_two_types(self) -> None:
        """Its token would stand for both, and one of them is an error."""
        policy = Policy("p", [Rule("a", context("k", str).is_set()), Rule("b", context("k", int).is_set())])
        for arguments in ({}, {"reveal": ["context"]}):
            assert "context.k" not in recorded(policy, a_request(context={"k": 5}), **arguments).facts
