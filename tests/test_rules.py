"""Writing rules: facts, conditions, rules and remedies, in words and in every way to get them wrong."""

import copy
import inspect
import itertools
import pickle
import re
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Final, cast

import attrs
import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    ChannelKind,
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
    context,
    fact,
    predicate,
)
from escalation_policy.exceptions import InvalidPolicyError, InvalidValueError
from support import ALLOWED, SAMPLE, Colour, Part, Sample, Size

FLAG = SAMPLE(lambda r: r.flag).is_true()
kind = fact(lambda r: r.message.channel.kind)


loose_kind: Any = kind


def untyped(way: Callable[[Any], object]) -> Any:
    """Names a fact to which no type checker would let a lambda lead."""
    return fact(way)


#: Lambdas that name no fact, and the message for each.
WAYS: Final[list[tuple[Callable[[Any], object], str]]] = [
    (lambda r: r.agnt, "EscalationRequest has no fact 'agnt', only domain, agent, login"),
    (lambda r: r.agent.ringcentral.extension, "RingCentralUser has no fact 'extension', only extension_id"),
    (lambda r: r.agent.email.lower(), "agent.email, a str, has no fact 'lower'"),
    (lambda r: r.agent.role.permissions.copy, "agent.role.permissions, a frozenset, has no fact 'copy'"),
    (lambda r: r, "must read at least one attribute"),
    (lambda _: 5, "must return an attribute of its argument, got an int"),
    (lambda r: r.agent.enabled == 1, "must return an attribute of its argument, got a bool"),
    (lambda r: r.agent.enabled and r.login, "agent.enabled has no value here: write the test as a condition"),
    (lambda r: r.context["a"], "for a value of the context write context(key, type)"),
    (cast("Any", lambda: 1), "only reads attributes, but this one raised TypeError"),
]


@attrs.frozen
class Odd:
    """A request whose fields are called as the compiled function calls its variables."""

    v1: int
    v2: "Odd | None" = None
    c1: bool = True
    request: bool = True
    decision: bool = True


class TestFacts:
    """A fact is named by a lambda that runs once and is checked against the types."""

    def test_are_named_by_their_dotted_path(self) -> None:
        """Reasons use these names, no matter how the fact was written."""
        extension = fact(lambda r: r.agent.ringcentral).then(lambda u: u.extension_id)
        assert "<fact: agent.ringcentral.extension_id>" == repr(extension)
        assert "<fact: context.after hours>" == repr(context("after hours", bool))

    def test_may_pass_through_what_may_be_absent_in_one_go(self) -> None:
        """`then()` is there for the type checkers, and means the same."""
        video = fact(lambda r: r.agent.ringcentral).then(lambda u: u.video)
        assert video.path == untyped(lambda r: r.agent.ringcentral.video).path

    @pytest.mark.parametrize(("way", "message"), WAYS, ids=[message for _, message in WAYS])
    def test_lead_to_an_attribute_that_the_types_declare(self, way: Any, message: str) -> None:
        """A typo fails when the rule is made, and says what there is."""
        with pytest.raises(InvalidPolicyError, match=re.escape(message)):
            untyped(way)

    def test_are_of_a_frozen_attrs_class(self) -> None:
        """A request that can change while it is decided has no facts."""

        @attrs.define
        class Mutable:
            """A request that somebody could change."""

            flag: bool = True

        mutable = Facts(Mutable)
        with pytest.raises(InvalidPolicyError, match="facts are read from frozen attrs classes, which Mutable is not"):
            mutable(lambda r: r.flag)
        read: Callable[[Any], object] = lambda r: r.flag  # noqa: E731  typed, which an argument would not be
        strangers: list[Any] = [int, type("int", (), {})]
        for cls in strangers:
            facts: Any = Facts(cls)
            with pytest.raises(InvalidPolicyError, match="a request, an int, has no fact 'flag'"):
                facts(read)

    def test_read_annotations_that_are_written_as_strings(self) -> None:
        """Hosts that postpone annotations write all of them so; what may be of several types is a fact too."""

        @attrs.frozen
        class Late:
            """A request with an annotation that is resolved late."""

            part: "Part | None"
            odd: int | str

        late: Any = Late
        assert "Part | None" == Late.__annotations__["part"]
        assert Policy("p", [Rule("r", Facts(late)(lambda r: r.part.text).equals("t"))]).allows(Late(Part(), 1))
        assert Policy("p", [Rule("r", Facts(late)(lambda r: r.odd).is_set())]).allows(Late(None, 1))

    def test_are_named_by_a_function(self) -> None:
        """A path in quotes would be checked by nobody."""
        name: Any = fact
        with pytest.raises(InvalidPolicyError, match=r"lambda r: r\.agent\.enabled, got a str"):
            name("agent.enabled")

    def test_say_which_annotation_cannot_be_read(self) -> None:
        """A class within a function, or an import for type checkers only, leaves names that mean nothing."""

        @attrs.frozen
        class Local:
            other: "Local | None" = None

        with pytest.raises(InvalidPolicyError, match=r"Local\.other is a 'Local \| None', which means nothing"):
            Facts(Local)(lambda r: r.other)

    def test_of_the_context_are_strs_ints_and_bools_under_a_name(self) -> None:
        """Nothing else can be in a context, so that such a fact could never be known."""
        make: Any = context
        for key in ("", 5, None):
            with pytest.raises(InvalidPolicyError, match="a context key must be a non-empty str"):
                make(key, bool)
        for wrong in (float, "bool", None, Size):
            with pytest.raises(InvalidPolicyError, match="a context value is a str, int or bool, not"):
                make("key", wrong)
        with pytest.raises(InvalidPolicyError, match="Part has no fact 'context'"):
            Facts(Part).context("key", bool)

    def test_are_no_truth_values(self) -> None:
        """`if fact(...)` would be true of every request."""
        with pytest.raises(InvalidPolicyError, match="login is a fact, not its value"):
            bool(fact(lambda r: r.login))


#: How to make a test that makes no sense, and what is said of it.
NEVER_MEANT: Final[list[tuple[Callable[[], object], str]]] = [
    (lambda: untyped(lambda r: r.login).equals("password"), "login is compared with a Login, got a str"),
    (lambda: untyped(lambda r: r.login).equals(None), "login cannot be compared with None: ask is_set(), or ~ of it"),
    (lambda: untyped(lambda r: r.login).equals(Login.UNKNOWN), "what is unknown equals nothing"),
    (lambda: untyped(lambda r: r.agent.email).equals(None), "agent.email cannot be compared with None: ask is_set()"),
    (
        lambda: untyped(lambda r: r.agent.id).equals(Permission.USE_EMOJI),
        "compared with a str, got a Permission",
    ),
    (lambda: untyped(lambda r: r.agent.enabled).equals(1), "compared with a bool, got an int"),
    (lambda: context("n", int).equals(True), "compared with an int, got a bool"),
    (
        lambda: untyped(lambda r: r.agent).equals(5),
        "agent is an Agent, which cannot be compared with a constant",
    ),
    (lambda: cast("Any", SAMPLE(lambda r: r.ratio)).equals(0.5), "ratio is a float, which cannot be compared"),
    (
        lambda: untyped(lambda r: r.agent.id).equals(context("n", int)),
        "agent.id cannot be compared with context.n",
    ),
    (lambda: kind.one_of([]), "empty"),
    (lambda: kind.one_of([ChannelKind.UNKNOWN]), "what is unknown equals nothing"),
    (lambda: loose_kind.one_of(["viber"]), "compared with a ChannelKind, got a str (did you mean ChannelKind.VIBER?)"),
    (lambda: context("s", str).one_of("abc"), "compared with a collection, got a str"),
    (lambda: loose_kind.one_of(5), "compared with a collection, got an int"),
    (lambda: loose_kind.contains(ChannelKind.VIBER), "message.channel.kind is a ChannelKind, no set"),
    (
        lambda: untyped(lambda r: r.agent.role.permissions).contains("use_emoji"),
        "compared with a Permission, got a str (did you mean Permission.USE_EMOJI?)",
    ),
    (
        lambda: untyped(lambda r: r.agent.team_ids).contains(kind),
        "agent.team_ids cannot be compared with message",
    ),
    (lambda: untyped(lambda r: r.agent.team_ids).subset_of([]), "empty"),
    (lambda: untyped(lambda r: r.agent.team_ids).subset_of("t1"), "compared with a collection, got a str"),
    (
        lambda: untyped(lambda r: r.agent.role.permissions).subset_of(fact(lambda r: r.agent.team_ids)),
        "agent.role.permissions cannot be compared with agent.team_ids: a Permission with a str",
    ),
    (lambda: SAMPLE(lambda r: r.colours).contains(Colour.RED), "may hold Colour.UNKNOWN"),
    (loose_kind.is_true, "message.channel.kind is a ChannelKind, only a bool can be true"),
    (lambda: kind.satisfies("", lambda _: True), "name of a predicate must be a non-empty str"),
    (
        lambda: kind.satisfies("a", lambda _: True, version=cast("Any", 2)),
        "version of a predicate must be a str or None",
    ),
    (lambda: loose_kind.satisfies("a", None), "'a' must be decided by a function, got None"),
    (lambda: predicate("", lambda _: True), "name of a predicate must be a non-empty str"),
    (lambda: cast("Any", predicate)(5, bool), "name of a predicate must be a non-empty str, got an int"),
    (lambda: cast("Any", predicate)("a", True), "'a' must be decided by a function, got a bool"),
]


class TestTests:
    """A test compares a fact with what that fact can be."""

    @pytest.mark.parametrize(("make", "message"), NEVER_MEANT, ids=[message for _, message in NEVER_MEANT])
    def test_refuse_what_could_never_be_meant(self, make: Callable[[], object], message: str) -> None:
        """Constants are of the fact's own type; None and UNKNOWN equal nothing."""
        with pytest.raises(InvalidPolicyError, match=re.escape(message)):
            make()

    def test_show_no_id_that_a_fact_is_compared_with(self) -> None:
        """Neither the refusal nor the repr is for those who may see ids of RingCentral."""
        account = fact(lambda r: r.domain.ringcentral_account_id)
        with pytest.raises(InvalidPolicyError) as caught:
            cast("Any", account).equals(664287016)
        assert "664287016" not in str(caught.value)
        assert "domain.ringcentral_account_id equals (a certain value)" in repr(account.equals("664287016"))

    def test_take_a_str_of_any_subclass(self) -> None:
        """The condition keeps the plain str, and so is the same condition."""
        name = type("Name", (str,), {})("EU")
        condition = context("region", str).equals(name)
        assert context("region", str).equals("EU").identity == condition.identity
        assert str is type(condition.tests[0].operand)


#: Conditions, and the words that they are put in.
IN_WORDS: Final[list[tuple[Any, str]]] = [
    (kind.equals(ChannelKind.VIBER), "message.channel.kind equals viber"),
    (~kind.equals(ChannelKind.VIBER), "message.channel.kind differs from viber"),
    (~~kind.equals(ChannelKind.VIBER), "message.channel.kind equals viber"),
    (kind.one_of([ChannelKind.VIBER, ChannelKind.CHAT]), "message.channel.kind is one of chat, viber"),
    (~kind.one_of([ChannelKind.VIBER]), "message.channel.kind is none of viber"),
    (kind.is_set(), "message.channel.kind is set"),
    (~kind.is_set(), "message.channel.kind is not set"),
    (fact(lambda r: r.agent.enabled).is_true(), "agent.enabled is true"),
    (~fact(lambda r: r.agent.enabled).is_true(), "agent.enabled is false"),
    (fact(lambda r: r.agent.enabled).equals(False), "agent.enabled equals false"),
    (context("n", int).satisfies("n below 5", lambda n: n < 5), 'context.n satisfies "n below 5"'),
    (~context("n", int).satisfies("n below 5", lambda n: n < 5), 'context.n does not satisfy "n below 5"'),
    (context("n", int).one_of([2, 10]), "context.n is one of 10, 2"),
    (context("region", str).equals("EU"), "context.region equals 'EU'"),
    (predicate("open now", lambda _: True), "open now holds"),
    (~predicate("open now", lambda _: True), "open now does not hold"),
    (
        fact(lambda r: r.agent.role.permissions).contains(Permission.USE_EMOJI),
        "agent.role.permissions contains use_emoji",
    ),
    (
        ~fact(lambda r: r.agent.role.permissions).contains(Permission.USE_EMOJI),
        "agent.role.permissions does not contain use_emoji",
    ),
    (fact(lambda r: r.agent.led_team_ids).subset_of(["t1"]), "agent.led_team_ids is within 't1'"),
    (
        ~fact(lambda r: r.agent.led_team_ids).subset_of(fact(lambda r: r.agent.team_ids)),
        "agent.led_team_ids is not within agent.team_ids",
    ),
    (
        fact(lambda r: r.agent.team_ids).contains(context("team", str)),
        "agent.team_ids contains context.team",
    ),
    (
        ~(context("a", bool).is_true() & (context("b", bool).is_true() | context("c", bool).is_true())),
        "context.a is false or (context.b is false and context.c is false)",
    ),
    (
        context("a", bool).is_true() & context("b", bool).is_true() & ~context("c", bool).is_true(),
        "context.a is true and context.b is true and context.c is false",
    ),
]


class TestComparisons:
    """Two facts, or a fact and a collection."""

    def test_are_of_plain_values_and_of_sets_that_can_be_known(self) -> None:
        """Anything else could equal itself and still hold something unknown."""
        part, colours = SAMPLE(lambda r: r.part), SAMPLE(lambda r: r.colours)
        with pytest.raises(InvalidPolicyError, match="part is a Part, which is compared part by part"):
            part.equals(SAMPLE(lambda r: r.spare))
        with pytest.raises(InvalidPolicyError, match=r"colours may hold Colour\.UNKNOWN"):
            colours.equals(colours)
        same = SAMPLE(lambda r: r.sizes).equals(SAMPLE(lambda r: r.more_sizes))
        assert Policy("p", [Rule("r", same)]).allows(Sample(more_sizes=frozenset()))

    def test_are_not_with_a_mapping(self) -> None:
        """Its values would be lost: a flag that is off would count as one that is on."""
        flags: Any = {ChannelKind.VIBER: False}
        with pytest.raises(InvalidPolicyError, match="compared with a collection, got a dict"):
            kind.one_of(flags)
        with pytest.raises(InvalidPolicyError, match=r"Rule\.after must be a collection of non-empty strs, got a dict"):
            Rule("r", FLAG, after=flags)


class TestConditions:
    """Conditions are tests and what `&`, `|` and `~` make of them."""

    @pytest.mark.parametrize(("condition", "words"), IN_WORDS, ids=[words for _, words in IN_WORDS])
    def test_are_put_in_words(self, condition: Any, words: str) -> None:
        """Negation reaches down to the tests, so that nobody has to read "not (... or ...)"."""
        assert words == condition.words()
        assert f"<condition: {words}>" == repr(condition)

    def test_can_hide_their_strings_and_numbers(self) -> None:
        """These can be ids, addresses or prices; bools and members of enums are the same everywhere."""
        region = context("region", str)
        assert "context.region equals (a certain value)" == region.equals("EU").words(hidden=True)
        assert "context.region is one of (a certain value)" == region.one_of(["EU", "US"]).words(hidden=True)
        assert "context.price equals (a certain value)" == context("price", int).equals(7).words(hidden=True)
        assert "context.b equals true" == context("b", bool).equals(True).words(hidden=True)
        assert "message.channel.kind equals viber" == kind.equals(ChannelKind.VIBER).words(hidden=True)

    def test_are_joined_by_operators_and_not_by_words(self) -> None:
        """Python gives `and` and `not` a bool to work on, and half of the condition would be lost."""
        joins: list[Callable[[Any], object]] = [bool, lambda c: c and FLAG, lambda c: not c]
        for join in joins:
            with pytest.raises(InvalidPolicyError, match=r"join conditions with &, \| and ~$"):
                join(FLAG)

    def test_are_joined_with_conditions_over_the_same_type_of_request(self) -> None:
        """No request could ever meet both halves."""
        others: list[tuple[Any, str]] = [
            (True, "got a bool"),
            (kind, "got a Fact"),
            (kind.is_set(), "Sample and EscalationRequest"),
        ]
        for other, message in others:
            with pytest.raises(InvalidPolicyError, match=message):
                _ = FLAG & other
            with pytest.raises(InvalidPolicyError, match=message):
                _ = FLAG | other

    def test_of_facts_of_two_requests_are_refused(self) -> None:
        """A condition is given one request, and the other fact would have nothing to read."""
        with pytest.raises(InvalidPolicyError, match="cannot be mixed with another's"):
            SAMPLE(lambda r: r.name).equals(cast("Any", fact(lambda r: r.agent.id)))

    def test_are_values(self) -> None:
        """Rules that hold them are compared, hashed and sent to other processes."""
        condition = kind.equals(ChannelKind.VIBER) | ~context("a", bool).is_true()
        for same in (copy.copy(condition), copy.deepcopy(condition), pickle.loads(pickle.dumps(condition))):
            assert condition == same
            assert hash(condition) == hash(same)


class TestRule:
    """A rule is a condition with a code, and with words for those whom it stops."""

    def test_texts_default_to_words_made_from_the_condition(self) -> None:
        """A host can write a rule first and its texts later; the agent learns nothing of its insides."""
        rule = Rule("region", context("region", str).equals("EU"))
        assert "Requires that context.region equals 'EU'." == rule.explanation
        assert "A requirement of this application is not met." == rule.agent_text
        assert (None, None, ()) == (rule.remedy, rule.source, rule.after)

    def test_takes_everything_else_by_keyword(self) -> None:
        """Two texts in a row would be mixed up."""
        parameters = list(inspect.signature(Rule).parameters.values())
        assert ["code", "requires"] == [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
        assert ["after", "explanation", "agent_text", "remedy", "source"] == [
            each.name for each in parameters if each.kind is each.KEYWORD_ONLY
        ]

    def test_texts_follow_the_condition_when_it_is_replaced(self) -> None:
        """Words made from the old condition would explain a rule that is gone."""
        rule = attrs.evolve(Rule("r", FLAG), requires=~FLAG)
        assert "Requires that flag is false." == rule.explanation

    def test_names_the_facts_it_reads_once_and_none_for_a_predicate(self) -> None:
        """Hosts read from this what they have to load, and nobody can see into a predicate."""
        assert ("message.channel.kind", "message.private") == ESCALATE_TO_VIDEO["twitter_private"].facts
        assert ("login",) == Rule("r", fact(lambda r: r.login).is_set() & ~fact(lambda r: r.login).is_set()).facts
        assert () == Rule("r", predicate("p", lambda _: True)).facts
        assert ("context.n",) == Rule("r", context("n", int).satisfies("p", lambda _: True)).facts

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"code": ""}, "Rule.code must be a non-empty str, got an empty str"),
            ({"code": 5}, "Rule.code must be a non-empty str, got an int"),
            ({"code": "two words"}, "Rule.code must be made of ASCII letters, digits and _.:-, got a str"),
            ({"code": "line\nbreak"}, "Rule.code must be made of ASCII"),
            ({"code": "caf\u00e9"}, "Rule.code must be made of ASCII"),
            (
                {"requires": True},
                "Rule.requires must be a condition, as equals() or is_true() make one, not ==, got a bool",
            ),
            (
                {"requires": kind},
                "Rule.requires must be a condition, as equals() or is_true() make one, not ==, got a Fact",
            ),
            (
                {"requires": None},
                "Rule.requires must be a condition, as equals() or is_true() make one, not ==, got None",
            ),
            ({"after": "domain_linked"}, "Rule.after must be a collection of non-empty strs, got a str"),
            ({"after": [5]}, "Rule.after must be a collection of non-empty strs, got a tuple of int"),
            ({"after": None}, "Rule.after must be a collection of non-empty strs, got None"),
            ({"explanation": ""}, "Rule.explanation must be a non-empty str or None, got an empty str"),
            ({"agent_text": 5}, "Rule.agent_text must be a non-empty str or None, got an int"),
            ({"source": ["a"]}, "Rule.source must be a non-empty str or None, got a list"),
            ({"remedy": "Try again."}, "Rule.remedy must be a Remedy or None, got a str"),
        ],
        ids=repr,
    )
    def test_refuses_what_makes_no_sense(self, arguments: dict[str, Any], message: str) -> None:
        """The message names the argument and what it accepts."""
        make: Any = Rule
        with pytest.raises(InvalidPolicyError, match=re.escape(message)):
            make(**{"code": "r", "requires": FLAG, **arguments})

    def test_shows_its_code_its_condition_and_what_it_comes_after(self) -> None:
        """That is what it does; texts and remedy would bury it."""
        assert "Rule('r', <condition: flag is true>)" == repr(Rule("r", FLAG))
        assert "Rule('r', <condition: flag is true>, after=('a', 'b'))" == repr(Rule("r", FLAG, after=["a", "b"]))


class TestRemedy:
    """A remedy that says nothing would be worse than none."""

    @pytest.mark.parametrize("steps", [(), [], "abc", None, [Party.AGENT], 5], ids=repr)
    def test_has_at_least_one_step(self, steps: Any) -> None:
        """If there is nothing to do, a step of `Party.NOBODY` says so."""
        with pytest.raises(InvalidValueError, match=r"Remedy\.steps must be a collection of"):
            Remedy(steps)

    def test_keeps_its_steps_in_order(self) -> None:
        """The second step may only be possible after the first."""
        steps = [Step(Party.AGENT, "b"), Step(Party.NOBODY, "a")]
        assert tuple(steps) == Remedy(steps).steps

    @pytest.mark.parametrize(
        ("party", "text"), [("agent", "x"), (Party.AGENT, ""), (Party.AGENT, None), (None, "x")], ids=repr
    )
    def test_steps_say_who_and_what(self, party: Any, text: Any) -> None:
        """Half of a step sends nobody, or sends somebody to do nothing."""
        with pytest.raises(InvalidValueError):
            Step(party, text)


class TestOtherRequests:
    """Nothing in the machine knows what an escalation is."""

    def test_are_served_by_the_same_machine(self) -> None:
        """A host's own request is decided and explained as ours are."""
        policy = Policy("p", [Rule("flag", FLAG), Rule("size", SAMPLE(lambda r: r.size).equals(Size.SMALL))])
        assert policy.decide(Sample())
        decision = policy.decide(Sample(size=Size.LARGE))
        assert (Evidence("size", "equals small", "large"),) == decision.reasons[0].evidence

    def test_of_a_subclass_are_requests_too(self) -> None:
        """It has all the facts; the compiled function just leaves it to the slow path."""

        class Sub(Sample):
            """A sample, and nothing more."""

        policy = Policy("p", [Rule("flag", FLAG)])
        assert policy.allows(Sub())
        assert policy.decide(Sub())
        assert not policy.decide(Sub(flag=False))

    def test_hold_what_was_promised_or_are_an_error(self) -> None:
        """A host's own request checks nothing, so each value is checked when it is read; both ways to answer agree."""
        wrong: Any = {
            "flag": "yes",
            "number": True,
            "size": "small",
            "name": 5,
            "sizes": {Size.SMALL},
            "colour": Size.SMALL,
        }
        conditions: dict[str, Any] = {
            "flag": SAMPLE(lambda r: r.flag).equals(True),
            "number": SAMPLE(lambda r: r.number).equals(1),
            "size": SAMPLE(lambda r: r.size).equals(Size.SMALL),
            "name": SAMPLE(lambda r: r.name).is_set(),
            "sizes": SAMPLE(lambda r: r.sizes).contains(Size.SMALL),
            "colour": SAMPLE(lambda r: r.colour).one_of([Colour.RED]),
        }
        for name, condition in conditions.items():
            request = Sample(**{name: wrong[name]})
            for each in (condition, ~condition):
                decision = Policy("p", [Rule("r", each)]).decide(request)
                assert not Policy("p", [Rule("r", each)]).allows(request)
                assert ["error"] == [reason.status.value for reason in decision.reasons]
        for each in (conditions["flag"], ~conditions["flag"]):
            nothing: Any = None
            assert not Policy("p", [Rule("r", each)]).allows(Sample(flag=nothing))

    def test_that_can_change_are_answered_at_once(self) -> None:
        """A dict in a frozen class may hold something else when somebody reads the reasons."""
        request = Sample(context={"b": True})
        decision = Policy("p", [Rule("r", SAMPLE.context("b", bool).is_true())]).decide(request)
        request.context["b"] = False
        assert decision.allowed
        assert ["met"] == [reason.status.value for reason in decision.reasons]

    def test_may_call_their_fields_what_they_like(self) -> None:
        """The compiled function has names of its own, and none of them is taken for a field."""
        odd = Facts(Odd)
        rules = [
            Rule("v1", odd(lambda r: r.v1).equals(1) & odd(lambda r: r.c1).is_true()),
            Rule("v2", odd(lambda r: r.v2).then(lambda v: v.v1).equals(2)),
            Rule("v2.v2", odd(lambda r: r.v2).then(lambda v: v.v2).then(lambda v: v.v1).equals(3)),
            Rule("request", odd(lambda r: r.request).is_true() & odd(lambda r: r.decision).is_true()),
        ]
        policy = Policy("p", rules)
        assert policy.allows(Odd(1, Odd(2, Odd(3))))
        assert policy.decide(Odd(1, Odd(2, Odd(3))))
        for wrong in (Odd(2, Odd(2, Odd(3))), Odd(1, Odd(1, Odd(3))), Odd(1, Odd(2, Odd(2))), Odd(1, Odd(2)), Odd(1)):
            assert not policy.allows(wrong)

    def test_are_not_mixed_with_these(self) -> None:
        """Not in one policy, and not by asking a policy about somebody else's request."""
        make: Any = Policy
        with pytest.raises(InvalidPolicyError, match="EscalationRequest and Sample"):
            make("p", [Rule("a", kind.is_set()), Rule("b", FLAG)])
        assert not make("p", [Rule("b", FLAG)]).allows(ALLOWED)


class TestEnumsOfOnesOwn:
    """An enum may compare and hash its members in its own way, which may be wrong."""

    def test_that_raise_when_they_are_hashed_can_be_shown(self) -> None:
        """A test that does not compare them calls none of their code, and neither do the reasons."""

        class Moody(Enum):
            GOOD = "good"
            BAD = "bad"

            def __hash__(self) -> int:
                raise ValueError

        @attrs.frozen(unsafe_hash=False)
        class Day:
            mood: Moody

        policy = Policy("p", [Rule("r", ~Facts(Day)(lambda day: day.mood).is_set())])
        for mood in (Moody.GOOD, Moody.BAD, Moody.GOOD):
            assert [mood.value] == [each.seen for each in policy.decide(Day(mood)).reasons[0].evidence]

    @pytest.mark.parametrize("negate", [False, True])
    def test_that_raise_or_answer_with_no_bool_are_errors(self, *, negate: bool) -> None:
        """Neither is a yes, nor is its negation."""

        class Broken(Enum):
            ONE = "one"
            __hash__ = Enum.__hash__

            def __eq__(self, other: object) -> Any:
                return next(answers)()

        @attrs.frozen
        class Day:
            mood: Broken

        answers: Any = itertools.cycle([lambda: 1, lambda: 1 // 0])
        condition = Facts(Day)(lambda day: day.mood).equals(Broken.ONE)
        policy = Policy("p", [Rule("r", ~condition if negate else condition)])
        for words in ("an int, not a bool", "error"):
            decision = policy.decide(Day(Broken.ONE))
            assert (False, words) == (decision.allowed, decision.reasons[0].evidence[0].seen)

    def test_that_change_their_mind_are_asked_once(self) -> None:
        """The reasons follow from what decided."""

        class Fickle(Enum):
            ONE = "one"
            __hash__ = Enum.__hash__

            def __eq__(self, other: object) -> bool:
                return next(answers)

        @attrs.frozen
        class Day:
            mood: Fickle

        answers = iter([True, False, False, True])
        policy = Policy("p", [Rule("r", Facts(Day)(lambda day: day.mood).equals(Fickle.ONE))])
        allowed, denied = policy.decide(Day(Fickle.ONE)), policy.decide(Day(Fickle.ONE))
        assert (True, False) == (allowed.allowed, denied.allowed)
        assert [ReasonStatus.MET] == [reason.status for reason in allowed.reasons]


@attrs.frozen
class Tagged:
    """A request with annotations that say more than a type."""

    name: Annotated[str, "shown"] = "t"
    alias: Annotated[str, "shown"] | None = None
    things: frozenset[Any] = frozenset()


class TestAnnotations:
    """What is checked, and compared, is what an annotation says of the type."""

    def test_may_be_annotated(self) -> None:
        """`Annotated` counts as what it annotates, also beside None."""
        tagged = Facts(Tagged)
        for fact_ in (tagged(lambda r: r.name), tagged(lambda r: r.alias)):
            policy = Policy("p", [Rule("r", fact_.equals("t"))])
            assert [True, False] == [policy.allows(Tagged(alias="t")), policy.allows(Tagged("u", "u"))]
        wrong: Any = 5
        assert not Policy("p", [Rule("r", tagged(lambda r: r.name).is_set())]).allows(Tagged(wrong))

    def test_of_a_set_of_anything_check_the_set(self) -> None:
        """Its members may be anything."""
        policy = Policy("p", [Rule("r", Facts(Tagged)(lambda r: r.things).is_set())])
        wrong: Any = [1]
        assert policy.allows(Tagged(things=frozenset([1, "a"])))
        assert not policy.allows(Tagged(things=wrong))
        assert "a list, not a frozenset of Any" == policy.decide(Tagged(things=wrong)).reasons[0].evidence[0].seen
