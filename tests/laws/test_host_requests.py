"""The laws for request types of a host, whose fields nobody checks; each class is named after its law."""
# pyright: basic

import copy
import pickle
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from types import SimpleNamespace
from typing import Any, Final

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escalation_policy import Agent, Decision, EscalationRequest, Facts, Policy, ReasonStatus, Rule
from escalation_policy._engine.decision import answer_rule, reason_of
from escalation_policy.exceptions import InvalidPolicyError, InvalidValueError
from escalation_policy.records import DecisionRecord, record, replay_each
from escalation_policy.records._recorded_policy import RARE
from laws.hosts import (
    MAPPINGS,
    ODD_VALUES,
    SUBCLASSES,
    ChangingPart,
    Choice,
    Desk,
    Mood,
    NightRequest,
    OddError,
    OfRaisingMeta,
    OtherStr,
    UnnamedError,
    Visit,
    filled,
)
from laws.reference import (
    ANYTHING,
    CONTEXTS,
    ERROR,
    FIELDS,
    GRAVITY,
    HOSTS,
    PREDICATES,
    STATUS,
    WHOLE_SAMPLES,
    YES,
    Field,
    SetOf,
    Spec,
    Vocabulary,
    answer,
    build,
    every_test_of,
    rule_sets,
    rules,
    specs_of,
    statuses,
    values_of,
    verdict,
)
from support import ALLOWED, SAMPLE, Part, Sample

UNHURRIED: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


class Questions:
    """Rules, and requests to ask them about. Its words ask the requests nothing that could raise."""

    def __init__(
        self, words: Vocabulary, rule_set: tuple[dict[str, Spec], dict[str, list[str]]], *requests: Any
    ) -> None:
        self.words, self.requests = words, requests
        self.specs, self.after = rule_set

    def policy(self, predicates: Mapping[str, Any] = PREDICATES) -> Policy[Any]:
        """Write the rules in the library's words."""
        return Policy("p", rules(self.specs, self.after, self.words, predicates))

    def __repr__(self) -> str:
        return f"<{self.specs}, after {self.after}, about {' and '.join(map(description, self.requests))}>"


def description(value: object) -> str:
    """Describe a request, or a value in it."""
    name = type.__dict__["__name__"].__get__(type(value))
    if type(value) in (bool, int, str, list, tuple) or isinstance(type(value), type(Enum)):
        return repr(value)
    names = next((FIELDS[base] for base in type.mro(type(value)) if base in FIELDS), ())
    values = {each: object.__getattribute__(value, each) for each in names if hasattr(value, each)}
    return f"{name}({', '.join(f'{each}={description(held)}' for each, held in values.items())})"


QUESTIONS: Final = st.sampled_from(sorted(HOSTS)).flatmap(
    lambda name: st.builds(
        Questions, st.just(HOSTS[name][0]), rule_sets(specs_of(HOSTS[name][0], 4)), HOSTS[name][1], HOSTS[name][1]
    )
)


def outcome(decision: Decision[Any]) -> tuple[bool, dict[str, str], set[str]]:
    """Return a decision as the reference evaluator returns its verdict."""
    return decision.allowed, {each.code: each.status.value for each in decision.reasons}, set(decision.hidden)


def kept_record(decision: Decision[Any], policy: Policy[Any]) -> DecisionRecord:
    """Record everything that can be revealed, write it and read it."""
    reveal = [*FIELDS[policy.request_type], *PREDICATES]
    return DecisionRecord.from_json(record(decision, policy=policy, at=AT, id="d1", reveal=reveal).to_json())


def everything_of(decision: Decision[Any], policy: Policy[Any]) -> tuple[object, ...]:
    """Return all that a decision says."""
    return (
        *(outcome(decision), decision.reasons, decision.remedies, repr(decision), decision.explain()),
        *(decision.to_dict(), decision.to_dict("administrator"), kept_record(decision, policy)),
    )


def revealed(decision: Decision[Any]) -> str | None:
    """Explain with all values, unless a value of the host's cannot be put in words."""
    try:
        return decision.explain(reveal=True)
    except Exception:  # noqa: BLE001  what a host's __repr__ raises
        return None


def unpickled(decision: Decision[Any]) -> list[Decision[Any]]:
    """Return the decision out of its pickle, or nothing if its request cannot be pickled."""
    try:
        pickle.dumps(decision.request)
    except Exception:  # noqa: BLE001  some odd values raise whatever is done with them
        return []
    return [pickle.loads(pickle.dumps(decision))]


def crossed(one: Any, two: Any) -> list[Any]:
    """Return requests that differ from the first one in what the second one has in one field."""
    fields = [name for name in FIELDS.get(type(one), ()) if hasattr(one, name) and hasattr(two, name)]
    values = {name: getattr(one, name) for name in fields}
    return [one, two, *(filled(type(one), {**values, name: getattr(two, name)}) for name in fields)]


class Functions(Mapping[str, Any]):
    """The predicates of the reference evaluator, which note what they are asked."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, int]] = Counter()

    def __getitem__(self, name: str) -> Any:
        return partial(self._ask, name)

    def _ask(self, name: str, value: object) -> Any:
        self.calls[name, id(value)] += 1
        return PREDICATES[name](value)

    def __iter__(self) -> Any:
        return iter(PREDICATES)

    def __len__(self) -> int:
        return len(PREDICATES)


def calls_of(specs: Mapping[str, Spec], request: object, words: Vocabulary) -> Counter[tuple[str, int]]:
    """Return how often functions have to be asked about values: once per fact that has one."""
    if not issubclass(type(request), words.request_type):
        return Counter()
    questions, waiting = set[Spec](), list(specs.values())
    while waiting:
        kind, *rest = spec = waiting.pop()
        if kind in ("not", "and", "or"):
            waiting += rest
        elif kind in ("predicate", "satisfies"):
            questions.add(spec)
    calls = [
        (name[-1], words.places[name[0]].read(request) if kind == "satisfies" else request) for kind, *name in questions
    ]
    return Counter((name, id(value)) for name, value in calls if not any(value is each for each in GRAVITY))


class TestAgreementWithTheNaiveEvaluator:
    """Policies decide as a naive reading of their rules does, for all values of all fields."""

    @UNHURRIED
    @given(QUESTIONS)
    def test_over_random_rules_and_requests(self, questions: Questions) -> None:
        """The status of every rule agrees, also of those that are not reported."""
        policy = questions.policy()
        for request in questions.requests:
            decision = policy.decide(request)
            assert verdict(questions.specs, questions.after, request, questions.words) == outcome(decision)
            assert policy.allows(request) is decision.allowed
            every_status = {each.code: each.status.value for each in decision._all_reasons()}
            assert statuses(questions.specs, request, questions.words) == every_status

    @pytest.mark.parametrize("field", FIELDS[Sample])
    def test_over_every_test_of_a_field_and_every_odd_value_in_it(self, field: str) -> None:
        """One at a time, so that nothing depends on what is drawn."""
        paths = WHOLE_SAMPLES.of(lambda place: place.steps[0][0] == field)
        specs = [spec for path in paths for spec in every_test_of(path, WHOLE_SAMPLES, ["is_t"])]
        for spec in [*specs, *(("not", each) for each in specs)]:
            policy = Policy("p", [Rule("r", build(spec, WHOLE_SAMPLES))])
            for value in (None, *(MAPPINGS if field == "context" else ODD_VALUES)):
                request = attrs.evolve(Sample(), **{field: value})
                expected = answer(spec, request, WHOLE_SAMPLES)
                assert STATUS[expected] == policy.decide(request)._all_reasons()[0].status.value, spec
                assert (expected == YES) is policy.allows(request), spec

    @pytest.mark.parametrize("member", [1, OtherStr("t"), OfRaisingMeta()], ids=["int", "subclass", "odd class"])
    def test_over_sets_within_sets(self, member: Any) -> None:
        """All their members are checked, however deep they are."""
        groups = Facts(Visit)(lambda r: r.desk).then(lambda d: d.groups)
        policy = Policy("p", [Rule("r", groups.is_set())])
        desk = filled(Desk, {"groups": frozenset({frozenset({member})})})
        request = filled(Visit, {"desk": desk})
        assert not policy.allows(request)
        assert [ReasonStatus.ERROR] == [each.status for each in policy.decide(request).reasons]

    @UNHURRIED
    @given(QUESTIONS)
    def test_what_is_undecided_is_never_a_yes_and_neither_is_its_negation(self, questions: Questions) -> None:
        """Of a condition and its opposite exactly one allows, and neither if a value is missing or wrong."""
        words, spec = questions.words, next(iter(questions.specs.values()))
        both = [Policy("p", [Rule("r", condition)]) for condition in (build(spec, words), ~build(spec, words))]
        for request in questions.requests:
            undecided = answer(spec, request, words) in GRAVITY
            assert (0 if undecided else 1) == sum(policy.allows(request) for policy in both)


class TestPurity:
    """What a host changes after a decision does not change what the decision says."""

    @UNHURRIED
    @given(QUESTIONS)
    def test_each_function_is_asked_once_and_never_later(self, questions: Questions) -> None:
        """`allows` may stop early; `decide` asks all, and then reasons, records and copies ask none."""
        for request in questions.requests:
            functions = Functions()
            policy, expected = questions.policy(dict(functions)), calls_of(questions.specs, request, questions.words)
            policy.allows(request)
            assert functions.calls <= expected
            functions.calls.clear()
            decision = policy.decide(request)
            assert expected == functions.calls
            assert everything_of(decision, policy) == everything_of(copy.copy(decision), policy)
            assert decision.reasons == decision.reasons
            assert expected == functions.calls

    @UNHURRIED
    @given(QUESTIONS, CONTEXTS)
    def test_a_context_that_changes(self, questions: Questions, context: dict[str, Any]) -> None:
        """Whether or not the reasons were read before."""
        policy = questions.policy()
        for request in questions.requests:
            mapping = getattr(request, "context", None)
            if type(mapping) is not dict:
                continue
            before = dict(mapping)
            read, unread = policy.decide(request), policy.decide(request)
            expected = everything_of(read, policy)
            mapping.clear()
            mapping.update(context)
            assert expected == everything_of(unread, policy) == everything_of(read, policy)
            assert expected == everything_of(copy.copy(unread), policy)
            mapping.clear()
            mapping.update(before)

    @pytest.mark.parametrize("flag", [True, False])
    def test_a_part_that_answers_differently_each_time(self, flag: bool) -> None:  # noqa: FBT001
        """Also if a rule before denies, so that nothing else has to be read to decide."""
        part = filled(ChangingPart, {"absent": None, "unknown": None, "secret": "s"})
        policy = Policy(
            "p",
            [Rule("flag", SAMPLE(lambda r: r.flag).is_true()), Rule("text", SAMPLE(lambda r: r.part.text).equals("t"))],
        )
        decision = policy.decide(Sample(flag=flag, part=part))
        text = ChangingPart.texts
        ChangingPart.texts += 1
        met = {"flag"} if flag else set[str]()
        met |= {"text"} if text % 2 else set()
        assert {"flag", "text"} - met == {each.code for each in decision.reasons if each.status is not ReasonStatus.MET}
        assert everything_of(decision, policy) == everything_of(copy.copy(decision), policy)
        assert text + 1 == ChangingPart.texts

    def test_a_function_with_several_names(self) -> None:
        """It is one function, so it gives one answer."""
        answers = iter([True, False])

        def answer_once(_: object) -> bool:
            return next(answers)

        policy = Policy("p", [Rule(name, SAMPLE.predicate(name, answer_once)) for name in ("a", "b")])
        assert policy.decide(Sample()).allowed
        assert not policy.decide(Sample()).allowed

    def test_an_enum_that_compares_differently_each_time(self) -> None:
        """Effect and reasons come from one comparison."""
        policy = Policy("p", [Rule("r", Facts(Choice)(lambda r: r.mood).equals(Mood.BAD))])
        for _ in range(2):
            decision = policy.decide(Choice())
            assert decision.allowed is (decision.reasons[0].status is ReasonStatus.MET)


class TestReasonsOfOnePolicy:
    """What was explained for one request is not repeated for a request that is different in what the words show."""

    @UNHURRIED
    @given(QUESTIONS)
    def test_are_those_of_each_request_alone(self, questions: Questions) -> None:
        """Requests that differ in one field follow each other, so that each finds the words of the others."""
        policy = questions.policy()
        for request in crossed(*questions.requests):
            decision = policy.decide(request)
            alone = [
                reason_of(rule, answer_rule(rule, decision._readings()), policy.unchecked) for rule in policy.rules
            ]
            reasons = decision._all_reasons()
            assert alone == reasons
            assert [each._masked for each in alone] == [each._masked for each in reasons]


class TestCopies:
    """Decisions survive copy and pickle, with all that they say."""

    @UNHURRIED
    @given(QUESTIONS)
    def test_say_the_same(self, questions: Questions) -> None:
        """Also if all values are revealed."""
        policy = questions.policy()
        for request in questions.requests:
            decision = policy.decide(request)
            copies = [copy.copy(decision), *unpickled(decision)]
            for each in copies:
                assert everything_of(decision, policy) == everything_of(each, policy)
                assert revealed(decision) == revealed(each)


class TestRecords:
    """A record holds no value of another type than declared, and replaying it never contradicts the decision."""

    @UNHURRIED
    @given(QUESTIONS)
    def test_over_random_rules_and_requests(self, questions: Questions) -> None:
        """It may leave open what the record does not hold."""
        policy = questions.policy()
        for request in questions.requests:
            decision = policy.decide(request)
            made = kept_record(decision, policy)
            places = questions.words.places
            assert not [name for name in made.facts if name in places and places[name].read(request) is ERROR]
            (first, *_, each) = replay_each([made] * RARE, policy)
            assert first == each
            if each.effect is None:
                assert each.missing
            else:
                assert (decision.effect, decision.hidden) == (each.effect, each.hidden)
                assert (not decision and outcome(decision)[1]) == (
                    not decision and {reason.code: reason.status.value for reason in each.reasons}
                )


def filled_with(text: str, kind: type) -> Any:
    """Return an instance that holds this text wherever a field can hold one."""
    return filled(kind, {name: _text_in(text, name, field) for name, field in FIELDS[kind].items()})


def _text_in(text: str, name: str, field: Field) -> Any:
    if name == "context":
        return {"b": text, "n": text, "s": text}
    if field.kind in FIELDS:
        return filled_with(text, field.kind)
    special: dict[Any, Any] = {str: text, ANYTHING: text, SetOf(str): frozenset([text])}
    return special.get(field.kind) or values_of(field.kind)[0]


class TestNothingLeaks:
    """No text of a request and none of a foreign exception is shown unless it is revealed."""

    @pytest.mark.parametrize("name", sorted(set(HOSTS) - {"requests of the library"}))
    def test_of_what_a_request_holds(self, name: str) -> None:
        """Every test of every fact, and its negation, over one text in all places."""
        words = HOSTS[name][0]
        tests = [spec for path in words.places for spec in every_test_of(path, words)]
        specs = {f"r{number}": spec for number, spec in enumerate([*tests, *(("not", each) for each in tests)])}
        kind = NightRequest if words.request_type is EscalationRequest else words.request_type
        policy = Policy("p", rules(specs, {code: [] for code in specs}, words))
        decision = policy.decide(filled_with("canary", kind))
        shown = [str(decision.to_dict()), str(decision.to_dict("administrator")), decision.explain(), repr(decision)]
        assert not [text for text in shown if "canary" in text]
        assert "canary" in decision.explain(reveal=True)

    @UNHURRIED
    @given(QUESTIONS)
    def test_of_what_is_raised(self, questions: Questions) -> None:
        """Odd values and functions raise a text that nobody should read."""
        policy = questions.policy()
        for request in questions.requests:
            assert "canary" not in str(everything_of(policy.decide(request), policy))


class TestWhatIsNotCompared:
    """Nothing is compared by an `__eq__` that nobody has checked."""

    def test_parts_with_members_of_a_set(self) -> None:
        """Two parts may be equal by what stands in a field that no rule reads."""
        desk = Facts(Visit)(lambda r: r.desk)
        with pytest.raises(InvalidPolicyError, match="compared part by part"):
            desk.then(lambda d: d.parts).contains(desk.then(lambda d: d.part))

    def test_values_of_the_library_of_a_subclass(self) -> None:
        """Its attributes may be anything, and the library would not look again."""
        with pytest.raises(InvalidValueError, match="must be an Agent, got an OtherAgent"):
            attrs.evolve(ALLOWED, agent=filled(SUBCLASSES[Agent], {}))

    def test_contexts_that_only_claim_to_be_immutable(self) -> None:
        """They are copied, as every other mapping."""
        claiming: Any = type("Claiming", (dict,), {"__class__": property(lambda _: type(ALLOWED.context))})
        context = claiming(b=True)
        request = attrs.evolve(ALLOWED, context=context)
        context.clear()
        assert {"b": True} == request.context


class TestOddClasses:
    """No exception leaves a policy, and the reason still names the error."""

    @pytest.mark.parametrize("error", [OddError, UnnamedError], ids=["OddError", "UnnamedError"])
    def test_of_errors(self, error: Any) -> None:
        """Their names raise, or are texts that raise, and their `__class__` raises."""

        def fail(*_: object) -> Any:
            raise error

        part = filled(type("Part", (Part,), {"__getattribute__": fail}), {})
        policy = Policy(
            "p",
            [
                Rule("function", SAMPLE.predicate("fails", fail)),
                Rule("attribute", SAMPLE(lambda r: r.part.text).is_set()),
                Rule("context", SAMPLE.context("b", bool).is_set()),
                Rule("flag", SAMPLE(lambda r: r.flag).is_true()),
            ],
        )
        mapping: Any = SimpleNamespace(get=fail)
        request = Sample(part=part, context=mapping)
        decision = policy.decide(request)
        assert not policy.allows(request)
        assert ["function", "attribute", "context"] == [reason.code for reason in decision.reasons]
        assert all(str(reason.error).startswith(error.shown_name) for reason in decision.reasons)

    @pytest.mark.parametrize("number", range(len(ODD_VALUES)))
    def test_of_values(self, number: int) -> None:
        """Only the rule that reads such a value is an error, and only if it is of another type."""
        value = ODD_VALUES[number]
        policy = Policy(
            "p", [Rule("odd", SAMPLE.context("b", bool).is_set()), Rule("flag", SAMPLE(lambda r: r.flag).is_true())]
        )
        decision = policy.decide(Sample(context={"b": value}))
        assert decision.allowed is (type(value) is bool)
        assert ([] if decision.allowed else ["odd"]) == [each.code for each in decision.reasons if each.error]
