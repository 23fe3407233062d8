"""`check_policy()`: the policies that pass, and the messages for broken laws."""

import copy
import itertools
import random
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, cast, final

import attrs
import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    Decision,
    EscalationRequest,
    Facts,
    Login,
    Policy,
    ReasonStatus,
    Rule,
    VideoAccess,
    context,
    fact,
    predicate,
)
from escalation_policy._engine import compiler as _compiler
from escalation_policy._engine import conditions as _conditions
from escalation_policy._engine import decision as _decision
from escalation_policy._engine import explainer as _explainer
from escalation_policy._engine import policy as _policy
from escalation_policy._engine.conditions import Condition
from escalation_policy._engine.decision import Outcome
from escalation_policy._engine.explainer import Explainer
from escalation_policy._engine.operators import OPERATORS
from escalation_policy._engine.tests import Answer, Evidence, Finding, Readings, Test
from escalation_policy._engine.truth import Failure, Truth
from escalation_policy.analysis.typical import describe, leaves_of
from escalation_policy.exceptions import EscalationDeniedError
from escalation_policy.testing import a_request, check_policy
from escalation_policy.testing._laws import LAWS, _pure
from escalation_policy.testing._requests import make_requests, with_canaries
from escalation_policy.testing._trial import Trial
from laws import reference
from support import ALLOWED, PRIVATE, SAMPLE, Colour, Part, Sample, Size

_private: Final = fact(lambda r: r.message.private)
LOGIN: Final = Rule("login", fact(lambda r: r.login).equals(Login.RINGCENTRAL_SSO))
VIDEO: Final = Rule("video", fact(lambda r: r.agent.ringcentral).then(lambda u: u.video).equals(VideoAccess.GRANTED))
HOURS: Final = Rule("hours", ~context("after_hours", bool).is_true())
EMAIL: Final = Rule("email", fact(lambda r: r.agent.email).equals("ada@example.com"))
SMALL: Final = Policy("small", [LOGIN, VIDEO])


ReplacePart = Callable[[object, str, Callable[..., Any]], None]


@pytest.fixture
def replace_part(monkeypatch: pytest.MonkeyPatch) -> ReplacePart:
    """Replace a part of the engine with a faulty one."""

    def put(owner: object, name: str, fault: Callable[..., Any]) -> None:
        monkeypatch.setattr(owner, name, fault)

    return put


def breach_of(policy: Policy[Any], like: Any = None) -> list[str]:
    """Check a policy that breaks a law, and return the lines of the message."""
    with pytest.raises(AssertionError) as caught:
        check_policy(policy, like=like)
    return str(caught.value).splitlines()


def message(law: str, what: str, request: str, expected: str, actual: str) -> list[str]:
    """Return the lines of the message for a broken law."""
    return [
        f"policy 'small' breaks a law: {law}",
        f"  {what}",
        f"  request: {request}",
        f"  expected: {expected}",
        f"  actual: {actual}",
    ]


def with_predicate(fn: Callable[[EscalationRequest], Any], *rules: Rule) -> Policy:
    """Make a policy with one predicate over the whole request."""
    return Policy("small", [*rules, Rule("host", predicate("host", fn))])


def explode(request: EscalationRequest) -> bool:
    """Raise an error with an address in its message."""
    raise ValueError(request.agent.email)


def silent(_: object) -> Any:
    """Return no answer."""
    return None


def count(_: object) -> Any:
    """Return a number instead of True."""
    return 1


def low(risk: int) -> bool:
    """Return whether a risk is low. Unlike a lambda, this function can be pickled."""
    return risk < 5


def listed(_: object, __: object, tags: object) -> None:
    """Reject other values than lists with an unusual error."""
    if not isinstance(tags, list):
        raise RuntimeError  # noqa: TRY004  that is the point


@final
@attrs.frozen(eq=False)
class Closed:
    """A request without a hash that allows no subclass and checks a field."""

    flag: bool = True
    tags: list[str] = attrs.field(factory=list[str], validator=listed)

    def __init_subclass__(cls) -> None:
        """Reject the subclass."""
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Closed) and (self.flag, self.tags) == (other.flag, other.tags)

    __hash__ = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


class TestCheckPolicy:
    """A policy that keeps the laws passes. Its predicates may do anything but change their answers."""

    def test_passes_the_built_in_policy(self) -> None:
        """To check it is allowed, but not necessary."""
        check_policy(ESCALATE_TO_VIDEO)

    @pytest.mark.slow
    def test_passes_variants_of_it(self) -> None:
        """A policy for supervisors, with rules of a host."""
        supervisors = ESCALATE_TO_VIDEO.without("intervention_owned")
        check_policy(supervisors.with_rules(HOURS, attrs.evolve(EMAIL, after=["hours", "ringcentral_sso"])))

    @pytest.mark.parametrize(
        "requires",
        [
            predicate("explodes", explode),
            ~predicate("silent", silent),
            predicate("counts", count),
            predicate("enabled", lambda r: r.agent.enabled),
            predicate("consents", lambda r: r.context["consent"] is True),
            context("risk", int).satisfies("low", low, version="1"),
            ~context("name", str).satisfies("long", lambda name: len(name) > 3) | _private.is_true(),
            fact(lambda r: r.agent.email).satisfies("ours", lambda email: email.encode().endswith(b"example.com")),
            predicate("explodes", explode) | fact(lambda r: r.login).equals(Login.PASSWORD),
        ],
        ids=repr,
    )
    def test_passes_every_predicate_that_keeps_its_answer(self, requires: Condition) -> None:
        """It may raise or return nothing: the rule is then an error, and not met."""
        check_policy(Policy("p", [LOGIN, Rule("host", requires, after=["login"])]), like=a_request(context={"risk": 1}))

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "like",
        [Sample(), Sample(context={"n": 1, "b": "x"}, spare=Part(), lost=Part(absent="u"))],
        ids=["plain", "full"],
    )
    def test_passes_policies_over_other_requests(self, like: Sample) -> None:
        """With every kind of test, over all kinds of unchecked fields."""
        specs: list[reference.Spec] = [
            ("or", ("same", "part.text", "spare.text"), ("is_set", "lost.absent")),
            ("and", ("not", ("subset_of", "sizes", frozenset({Size.SMALL}))), ("within", "more_sizes", "sizes")),
            ("or", ("one_of", "context.n", (0, 1)), ("holds", "sizes", "size")),
            ("or", ("satisfies", "number", "truth"), ("and", ("predicate", "none"), ("contains", "sizes", Size.LARGE))),
            ("or", ("equals", "colour", Colour.BLUE), ("is_true", "untold")),
            ("predicate", "boom"),
        ]
        rules = [Rule(f"r{number}", reference.build(spec)) for number, spec in enumerate(specs)]
        names = Rule("names", SAMPLE(lambda r: r.names).contains("x"), after=["r0"])
        check_policy(Policy("p", [*rules, names]), like=like)

    def test_passes_a_policy_that_never_allows_anything(self) -> None:
        """It is useless, but it keeps the laws."""
        check_policy(Policy("p", [LOGIN, Rule("opposite", ~LOGIN.requires)]))

    def test_passes_a_request_type_that_cannot_be_pickled(self) -> None:
        """A local class cannot be pickled, and that is no fault of the policy."""

        @attrs.frozen
        class Local:
            flag: bool = True

        check_policy(Policy("p", [Rule("flag", Facts(Local)(lambda r: r.flag).is_true())]), like=Local())

    def test_passes_a_request_type_without_hash_and_subclasses(self) -> None:
        """No law requires these."""
        flag = Rule("flag", Facts(Closed)(lambda r: r.flag).is_true())
        check_policy(
            Policy("p", [flag, Rule("host", Facts(Closed).predicate("tags", lambda r: not r.tags))]), like=Closed()
        )

    def test_starts_with_the_request_of_the_host(self) -> None:
        """A host's own typical request has the facts that the predicates of the policy need."""
        for like in (None, a_request(context={"region": "EU"})):
            decided: list[EscalationRequest] = []
            check_policy(with_predicate(decided.append), like=like)
            assert (like or ALLOWED) == decided[0]

    @pytest.mark.parametrize(
        ("like", "kind"), [(None, "None"), (ALLOWED, "an EscalationRequest")], ids=["none", "another"]
    )
    def test_requires_a_request_of_the_policys_type(self, like: Any, kind: str) -> None:
        """`check_policy()` cannot invent one."""
        with pytest.raises(TypeError) as caught:
            check_policy(Policy("p", [Rule("flag", SAMPLE(lambda r: r.flag).is_true())]), like=like)
        assert f"policy 'p' decides about a Sample: pass one as like, got {kind}" == str(caught.value)

    def test_names_the_broken_law_at_the_hosts_own_line(self) -> None:
        """The traceback ends in the test."""
        calls = itertools.count()
        with pytest.raises(AssertionError) as caught:
            check_policy(with_predicate(lambda _: next(calls) < 3))
        expected = (
            "policy 'small' breaks a law: decide() is pure\n"
            "  rule host gives another answer when called again\n"
            "  request: the typical one\n"
            "  expected: allow\n"
            "  actual: deny: host (unmet)"
        )
        assert expected == str(caught.value)
        assert [__file__] == [str(entry.path) for entry in caught.traceback.filter(caught)]

    def test_runs_every_law(self) -> None:
        """All laws are in the table."""
        assert [
            "fail closed",
            "unknown is never a yes",
            "explanations are true",
            "allows() and decide() agree",
            "order does not matter",
            "decide() is pure",
            "policies, requests and decisions survive pickle and copy",
            "nothing leaks",
        ] == list(LAWS)


class TestFailClosed:
    """A rule without an answer, an object of another type and a failing rule are denied."""

    LAW: Final = "fail closed"

    def test_finds_an_allow_that_depends_on_an_unknown_fact(self, replace_part: ReplacePart) -> None:
        """The compiled function treats an unknown fact as false."""
        replace_part(_compiler.Statements, "guards", lambda *_: list[str]())
        policy = Policy("small", [Rule("public", ~fact(lambda r: r.message.intervention_id).equals("i2"))])
        what = "rule public cannot be answered"
        request = "the typical one, but with message.intervention_id = None"
        assert message(self.LAW, what, request, "deny", "allow") == breach_of(policy)

    def test_finds_an_unknown_fact_that_allows_ignores(self, replace_part: ReplacePart) -> None:
        """Only `allows()` is wrong."""

        def allows(request: object) -> bool:
            """Allow every request."""
            return isinstance(request, EscalationRequest)

        compile_policy = _compiler.compile_policy
        replace_part(_policy, "compile_policy", lambda *parts, **scope: (allows, compile_policy(*parts, **scope)[1]))
        what, actual = "rule hours cannot be answered", "deny: hours (unknown); but allows() is True"
        assert message(self.LAW, what, "the typical one", "deny", actual) == breach_of(Policy("small", [HOURS]))

    def test_finds_a_policy_that_raises(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The message says where, but not with which text."""
        monkeypatch.setattr(_decision, "STATUSES", {})
        *lines, actual = breach_of(SMALL)
        assert message(self.LAW, "a policy raises", "the typical one", "a decision", "")[:-1] == lines
        assert actual.startswith(f"  actual: KeyError at {_decision.__file__}:")

    def test_finds_an_object_of_another_type_that_is_allowed(self, replace_part: ReplacePart) -> None:
        """It has the same attributes as a request."""
        replace_part(_policy, "refusal", lambda *_: None)
        what = "rule login, video cannot be answered"
        assert message(self.LAW, what, "no request, but a SimpleNamespace", "deny", "allow") == breach_of(SMALL)

    def test_finds_an_object_of_another_type_that_is_no_error(self, replace_part: ReplacePart) -> None:
        """Its author would look for the mistake in the data."""

        def answer_rule(rule: Rule[Any], readings: Readings) -> Answer:
            """Answer no for an object of another type."""
            evidence = Evidence("a", "b", "c")
            no = Truth.FALSE, (Finding(evidence, evidence, Truth.FALSE),)
            return no if readings.failure else rule.requires.answer(readings)

        replace_part(_explainer, "answer_rule", answer_rule)
        what, actual = "an object of another type is decided", "deny: login (unmet), video (unmet)"
        assert message(self.LAW, what, "no request, but None", "an error of each rule", actual) == breach_of(SMALL)

    def test_finds_an_allow_by_a_rule_that_raises(self, replace_part: ReplacePart) -> None:
        """No request makes the rule raise, so that `check_policy()` must make it raise."""
        decide_slowly = Policy[Any]._decide_slowly

        def forgive(
            self: Policy[Any], request: Any, noted: tuple[object, ...] = (), error: Any = None
        ) -> Decision[Any]:
            """Ignore errors."""
            decision = decide_slowly(self, request, noted, error)
            return Decision._make(request, decision.allowed or error is not None, self, decision._readings())

        replace_part(Policy, "_decide_slowly", forgive)
        policy = Policy("small", SMALL.rules)
        assert message(self.LAW, "rule login raises on purpose", "the typical one", "deny", "allow") == breach_of(
            policy
        )

    def test_finds_an_allow_by_a_predicate_that_returns_no_bool(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Any value that is not empty is true in Python, even an error message."""
        lax = attrs.evolve(OPERATORS["predicate"], code=("{x}", "not {x}"))
        monkeypatch.setitem(OPERATORS, "predicate", lax)
        assert message(
            self.LAW, "rule login returns no bool on purpose", "the typical one", "deny", "allow"
        ) == breach_of(SMALL)


class TestUnknownIsNeverAYes:
    """Nor is its negation, even if no rule negates it."""

    def test_finds_the_negation_of_an_absent_fact_that_is_met(self, replace_part: ReplacePart) -> None:
        """The rule itself is right, but `~` of it would allow an agent without an address."""
        replace_part(_compiler.Statements, "guards", lambda *_: list[str]())
        what = "agent.email differs from (a certain value), as in rule email"
        request = "the typical one, but with agent.email = None"
        assert message("unknown is never a yes", what, request, "not met", "met") == breach_of(Policy("small", [EMAIL]))


class TestExplanationsAreTrue:
    """The reasons of a denial are all that is in the way."""

    LAW: Final = "explanations are true"

    def test_finds_a_reason_that_is_not_reported(self, replace_part: ReplacePart) -> None:
        """An administrator who fixes the first reason would only then learn of the second."""
        outcome = Explainer.outcome

        def first_only(self: Explainer, request: Any, notes: Any) -> Outcome:
            """Report one rule, and hide all others."""
            (first, *rest), hidden = outcome(self, request, notes)
            met = first.status is ReasonStatus.MET or not isinstance(request, EscalationRequest)
            codes = (*(each.code for each in rest), *hidden)
            return Outcome((first, *rest), hidden) if met else Outcome((first,), codes)

        replace_part(Explainer, "outcome", first_only)
        lines = breach_of(Policy("small", SMALL.rules))
        assert f"policy 'small' breaks a law: {self.LAW}" == lines[0]
        assert ["  login is fixed", "  expected: allow, or deny by rules after login"] == [lines[1], lines[3]]
        assert lines[4].startswith("  actual: deny: video (")

    def test_finds_a_denial_without_reasons(self, replace_part: ReplacePart) -> None:
        """Nobody could fix it."""
        outcome = Explainer.outcome

        def silent(self: Explainer, request: Any, notes: Any) -> Outcome:
            """Return no reasons for denied requests."""
            reasons, hidden = outcome(self, request, notes)
            statuses = {reason.status for reason in reasons}
            return Outcome(reasons if statuses & {ReasonStatus.MET, ReasonStatus.ERROR} else (), hidden)

        replace_part(Explainer, "outcome", silent)
        lines = breach_of(Policy("small", SMALL.rules))
        assert [f"policy 'small' breaks a law: {self.LAW}", "  a denial gives no reason"] == lines[:2]

    def test_finds_a_reason_that_was_not_in_the_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The request is allowed although the reported rule is not fixed."""
        monkeypatch.setitem(
            OPERATORS, "one_of", attrs.evolve(OPERATORS["one_of"], code=("{x} in {y} or True", "False"))
        )
        policy = Policy("small", [LOGIN, Rule("one", fact(lambda r: r.agent.id).one_of(["u1"]))])
        request = "the typical one, but with agent.id = another value"
        lines = breach_of(policy)
        assert message(self.LAW, "login, one is not fixed", request, "deny", "allow") == lines


class TestAgreement:
    """Both functions of a policy give the answer that follows from its rules."""

    LAW: Final = "allows() and decide() agree"
    WHAT: Final = "each rule alone leads to another answer"

    def test_finds_a_contradiction_between_allows_and_decide(self, replace_part: ReplacePart) -> None:
        """Hosts call one for the button and the other for the click."""
        compile_policy = _compiler.compile_policy
        replace_part(_policy, "compile_policy", lambda *parts, **scope: (never, compile_policy(*parts, **scope)[1]))
        actual = "allow; but allows() is False"
        assert message(self.LAW, self.WHAT, "the typical one", "allow", actual) == breach_of(
            Policy("small", SMALL.rules)
        )

    def test_finds_a_wrong_status(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An unknown fact must be supplied by the developer, and is no fault of the agent."""
        monkeypatch.setitem(_decision.STATUSES, Truth.UNKNOWN, ReasonStatus.UNMET)
        request = "the typical one, but with login = unknown"
        expected, actual = "deny: login (unknown)", "deny: login (unmet)"
        assert message(self.LAW, self.WHAT, request, expected, actual) == breach_of(Policy("small", SMALL.rules))

    def test_finds_reasons_that_are_not_in_the_policys_order(self, replace_part: ReplacePart) -> None:
        """People read them from the top."""
        outcome = Explainer.outcome
        replace_part(
            Explainer,
            "outcome",
            lambda *arguments: outcome(*arguments)._replace(reasons=outcome(*arguments).reasons[::-1]),
        )
        assert [f"policy 'small' breaks a law: {self.LAW}", f"  {self.WHAT}"] == breach_of(SMALL)[:2]

    def test_finds_a_rule_that_is_not_hidden(self, replace_part: ReplacePart) -> None:
        """It is of no use before the other rule is fixed."""
        replace_part(Policy, "hidden_among", lambda *_: ())
        policy = Policy("small", [VIDEO, attrs.evolve(LOGIN, after=["video"])])
        *lines, expected, actual = breach_of(policy)
        assert [f"policy 'small' breaks a law: {self.LAW}", f"  {self.WHAT}"] == lines[:2]
        assert "  expected: deny: video (error); hidden: login" == expected
        assert "  actual: deny: video (error), login (error)" == actual


class TestOrderDoesNotMatter:
    """The order of rules and of operands does not matter."""

    LAW: Final = "order does not matter"
    EITHER: Final = Policy("small", [LOGIN, Rule("either", VIDEO.requires | EMAIL.requires)])

    def test_finds_a_fingerprint_that_depends_on_the_order_of_rules(self, replace_part: ReplacePart) -> None:
        """The same policy would look like another one."""
        replace_part(_policy, "_fingerprint", repr)
        expected = message(self.LAW, "with its rules reversed", "the typical one", "allow", "allow")
        assert expected == breach_of(Policy("small", SMALL.rules))

    def test_finds_a_fingerprint_that_depends_on_the_order_of_operands(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nobody can see the difference."""
        monkeypatch.setattr(Condition, "identity", property(Condition.__repr__))
        expected = message(self.LAW, "with operands reversed", "the typical one", "allow", "allow")
        assert expected == breach_of(Policy("small", self.EITHER.rules))

    def test_finds_evidence_that_depends_on_the_order_of_operands(self, replace_part: ReplacePart) -> None:
        """Half of the reasons would be found later."""
        joined_answer = _conditions.joined_answer

        def first_only(word: str, answers: list[Answer]) -> Answer:
            """Return only the first finding."""
            truth, findings = joined_answer(word, answers)
            return truth, findings[:1]

        replace_part(_conditions, "joined_answer", first_only)
        assert [f"policy 'small' breaks a law: {self.LAW}", "  with operands reversed"] == breach_of(
            Policy("small", self.EITHER.rules)
        )[:2]

    def test_finds_a_policy_that_allows_less_without_a_rule(self, replace_part: ReplacePart) -> None:
        """Another rule can only deny more."""
        replace_part(Policy, "without", lambda *_: Policy("none", [Rule("no", ~LOGIN.requires)]))
        assert message(self.LAW, "without rule login", "the typical one", "allow", "deny") == breach_of(SMALL)


def alternating() -> Callable[[object], bool]:
    """Make a predicate that alternates."""
    calls = itertools.count()
    return lambda _: next(calls) % 2 == 0


def alternating_by_request() -> Callable[[object], bool]:
    """Make a predicate that alternates for each request separately."""
    calls = defaultdict[int, Any](itertools.count)
    return lambda request: next(calls[id(request)]) % 2 == 0


def limited() -> Callable[[object], bool]:
    """Make a predicate that says no after 500 calls."""
    calls = itertools.count()
    return lambda _: next(calls) < 500


def once() -> Callable[[EscalationRequest], bool]:
    """Make a predicate that remembers the requests it has allowed."""

    def is_new(request: EscalationRequest, earlier: set[EscalationRequest] = set()) -> bool:  # noqa: B006  as hosts write it
        """Return True once for each request."""
        is_known = request in earlier
        earlier.add(request)
        return not is_known

    return is_new


def dice() -> Callable[[object], bool]:
    """Make a random predicate."""
    chance = random.Random(1)  # noqa: S311  nothing here is secret
    return lambda _: chance.random() < 0.9


def at_home() -> Callable[[object], bool]:
    """Make a predicate that works in one thread only."""
    home = threading.get_ident()
    return lambda _: threading.get_ident() == home


class TestPurity:
    """A predicate gives the same answer for the same request, and does not change it."""

    LAW: Final = "decide() is pure"

    @pytest.mark.parametrize(
        "make", [alternating, alternating_by_request, limited, once, dice, at_home], ids=lambda make: make.__name__
    )
    def test_finds_a_predicate_that_changes_its_answer(self, make: Callable[[], Callable[[Any], bool]]) -> None:
        """Even if it seems to break another law as well."""
        lines = breach_of(with_predicate(make()))
        assert f"policy 'small' breaks a law: {self.LAW}" == lines[0]
        assert lines[1].endswith(" gives another answer when called again")

    def test_decides_every_request_again(self) -> None:
        """Expensive laws use only some examples, but this one uses all."""
        rare: list[EscalationRequest] = []
        policy = ESCALATE_TO_VIDEO.with_rules(Rule("host", predicate("host", lambda r: r not in rare)))
        trial = Trial(policy, ALLOWED)
        often = [example.request for example in trial.some]
        rare += [example.request for example in trial.examples if example.request not in often][-1:]
        assert [] != [*_pure(trial)]

    def test_finds_an_allows_that_changes_its_answer(self, replace_part: ReplacePart) -> None:
        """The reasons stay the same."""
        compile_policy = _compiler.compile_policy

        def wrong_second_answer(*parts: Any, **scope: Any) -> Any:
            """Compile an `allows` that says no at the second call."""
            calls, (allows, decide) = itertools.count(), compile_policy(*parts, **scope)

            def allows_once(request: Any) -> bool:
                return allows(request) and (request != ALLOWED or next(calls) != 1)

            return allows_once, decide

        replace_part(_policy, "compile_policy", wrong_second_answer)
        expected, actual = "allow", "allow; but allows() is False"
        what = "the policy gives another answer when called again"
        assert message(self.LAW, what, "the typical one", expected, actual) == breach_of(Policy("small", [LOGIN]))

    def test_finds_a_predicate_that_changes_the_request(self) -> None:
        """A frozen class does not prevent that."""

        def enable(request: EscalationRequest) -> bool:
            """Set the fact that it tests."""
            object.__setattr__(request, "login", Login.RINGCENTRAL_SSO)
            object.__setattr__(request.agent, "email", "eve@example.com")
            return True

        # A copy: the parts of what the builders make are the same for all tests.
        like = copy.deepcopy(a_request(login=Login.PASSWORD))
        actual = "agent.email = another value, login = ringcentral_sso"
        assert message(self.LAW, "a request is changed", "the typical one", "as before", actual) == breach_of(
            with_predicate(enable), like
        )

    def test_finds_a_predicate_that_changes_a_part_of_the_request(self) -> None:
        """A frozen request may hold a dict or a list."""

        def add_to_context(request: Sample) -> bool:
            """Write into the context."""
            return bool(request.context.setdefault("note", True))

        def tag(request: Closed) -> bool:
            """Write into a list."""
            request.tags.append("note")
            return True

        policies: list[tuple[Policy[Any], Any, str]] = [
            (
                Policy("small", [Rule("host", SAMPLE.predicate("host", add_to_context))]),
                Sample(),
                "context.note = true",
            ),
            (Policy("small", [Rule("host", Facts(Closed).predicate("host", tag))]), Closed(), "tags.0 = a str"),
        ]
        for policy, like, actual in policies:
            *lines, last = breach_of(policy, like)
            assert message(self.LAW, "a request is changed", "the typical one", "as before", "")[:-1] == lines
            assert last.startswith(f"  actual: {actual}")

    def test_finds_a_request_whose_hash_changes(self) -> None:
        """Sets and dicts cannot find such a request again."""
        calls = itertools.count()

        @attrs.frozen
        class Restless:
            flag: bool = True

            def __hash__(self) -> int:
                """Return another hash each time."""
                return next(calls)

        policy = Policy("small", [Rule("flag", Facts(Restless)(lambda r: r.flag).is_true())])
        expected = message(self.LAW, "a request is changed", "the typical one", "as before", "another hash")
        assert expected == breach_of(policy, Restless())


class Forgetful:
    """A predicate whose limit is lost in a pickle."""

    limit = 5

    def __call__(self, risk: int) -> bool:
        """Return whether a risk is below the limit."""
        return risk < self.limit

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out the limit."""
        return Forgetful, ()


@attrs.frozen(eq=False)
class Alone:
    """A request that equals only itself."""

    flag: bool = True

    def __hash__(self) -> int:
        """Return the same hash for all."""
        return 1


@attrs.frozen
class Numbered:
    """A request whose hash is its address."""

    flag: bool = True

    def __hash__(self) -> int:
        """Return different hashes for equal requests."""
        return id(self)


@attrs.frozen
class Held:
    """A request with a part that cannot be copied."""

    flag: bool = True
    lock: Any = attrs.field(factory=threading.Lock)


class TestCopies:
    """Policies, requests and decisions survive pickle and copy."""

    LAW: Final = "policies, requests and decisions survive pickle and copy"

    def test_finds_a_predicate_that_a_pickle_changes(self) -> None:
        """A worker process would decide differently."""
        strict = Forgetful()
        strict.limit = 2
        policy = Policy("small", [Rule("risk", context("risk", int).satisfies("low", strict))])
        request = "the typical one, but with context.risk = 2"
        expected = message(self.LAW, "a policy through pickle", request, "deny: risk (unmet)", "allow")
        assert expected == breach_of(policy, a_request(context={"risk": 1}))

    @pytest.mark.parametrize(
        ("arguments", "actual"), [(("small", [LOGIN]), "another one"), ((), "TypeError at ")], ids=["less", "nothing"]
    )
    def test_finds_a_policy_whose_copy_differs(
        self, arguments: tuple[Any, ...], actual: str, replace_part: ReplacePart
    ) -> None:
        """Its fingerprint differs, or it cannot be restored."""
        replace_part(Policy, "__reduce__", lambda *_: (Policy, arguments))
        *lines, last = breach_of(SMALL)
        assert message(self.LAW, "a policy through pickle", "the typical one", "the same policy", "")[:-1] == lines
        assert last.startswith(f"  actual: {actual}")

    def test_finds_a_decision_whose_copy_differs(self, replace_part: ReplacePart) -> None:
        """Hidden codes count, although equal decisions may differ in them."""
        reduce: Any = Decision.__reduce__

        def forget(self: Decision[Any]) -> Any:
            """Leave out the hidden codes."""
            restore, (allowed, stamp, outcome, readings) = reduce(self)
            return restore, (allowed, stamp, outcome._replace(hidden=()), readings)

        replace_part(Decision, "__reduce__", forget)
        policy = Policy("small", [VIDEO, attrs.evolve(LOGIN, after=["video"])])
        *lines, expected, actual = breach_of(policy)
        assert [f"policy 'small' breaks a law: {self.LAW}", "  a decision through pickle"] == lines[:2]
        assert ["  expected: the same decision", "  actual: another one"] == [expected, actual]

    @pytest.mark.parametrize("kind", [Alone, Numbered], ids=["equality", "hash"])
    def test_finds_a_request_that_does_not_equal_its_copy(self, kind: type[Any]) -> None:
        """A stored decision could not be compared with a new one."""
        policy = Policy("small", [Rule("flag", Facts(kind)(lambda r: r.flag).is_true())])
        what = "a decision through pickle"
        assert message(self.LAW, what, "the typical one", "the same decision", "another one") == breach_of(
            policy, kind()
        )

    def test_finds_a_request_that_cannot_be_pickled(self) -> None:
        """The message says what was raised, and where."""
        policy = Policy("small", [Rule("flag", Facts(Held)(lambda r: r.flag).is_true())])
        *lines, last = breach_of(policy, Held())
        what = "a decision through pickle"
        assert message(self.LAW, what, "the typical one", "the same decision", "")[:-1] == lines
        assert last.startswith("  actual: TypeError at ")


@attrs.frozen
class Secretive:
    """A request with private fields."""

    number: int = attrs.field(default=7, metadata=PRIVATE)
    plain: int = 7
    part: Part = attrs.field(default=Part(), metadata=PRIVATE)
    names: frozenset[str] = frozenset({"t", "5"})
    digits: str = attrs.field(default="5", validator=attrs.validators.matches_re("[0-9]+"))
    strict: str = attrs.field(default="x", validator=attrs.validators.in_(["x"]))
    context: dict[str, Any] = attrs.field(factory=lambda: {"a": "t", "b": 7})


def never(_: object) -> bool:
    """Deny everything."""
    return False


def message_of(error: Exception) -> Failure:
    """Show the message of an exception."""
    return Failure("error", repr(error))


class TestNothingLeaks:
    """No text shows a private value, wherever it comes from."""

    LAW: Final = "nothing leaks"

    def test_finds_an_address_in_a_reason(self, replace_part: ReplacePart) -> None:
        """It would be in every log. The message for the broken law does not show it, either."""
        replace_part(Test, "_shown", lambda *arguments, **_: str(arguments[1:]))
        what = "evidence of rule email shows a private value"
        # The words for the typical request are cached before it holds a canary.
        expected = message(self.LAW, what, "the typical one, of a subclass", "no such value", "a value")
        assert expected == breach_of(Policy("small", [EMAIL]))

    def test_finds_the_message_of_an_exception(self, replace_part: ReplacePart) -> None:
        """The message may contain anything."""
        replace_part(Failure, "of_exception", message_of)
        expected = message(
            self.LAW, "error of rule login shows a private value", "the typical one", "no such value", "a value"
        )
        assert expected == breach_of(Policy("small", [LOGIN]))

    @pytest.mark.parametrize(
        ("name", "what"), [("__repr__", "the decision's repr()"), ("explain", "explain()")], ids=["repr", "explain"]
    )
    def test_finds_a_value_in_a_text_for_logs(self, name: str, what: str, replace_part: ReplacePart) -> None:
        """Even if the reasons do not show it."""
        replace_part(Decision, name, lambda *arguments: arguments[0].request.agent.email)
        assert f"  {what} shows a private value" == breach_of(Policy("small", [EMAIL]))[1]

    def test_finds_a_value_in_an_error(self, replace_part: ReplacePart) -> None:
        """Errors are logged, too."""
        replace_part(EscalationDeniedError, "__str__", lambda *arguments: arguments[0].decision.request.agent.email)
        assert "  EscalationDeniedError shows a private value" == breach_of(Policy("small", [EMAIL]))[1]

    def test_replaces_all_private_values_with_canaries(self) -> None:
        """Equal values stay equal, including numbers and the members of sets. Public values do not change."""
        request = with_canaries(Secretive(), {})
        assert request.part.text == request.context["a"] != "t"
        assert {request.part.text, request.digits} == request.names
        assert (7, "x", 7) == (request.plain, request.strict, request.context["b"])
        assert request.number > 7
        assert request.digits.isdigit()


class TestRequests:
    """The requests that a policy is tried on."""

    POLICY: Final = ESCALATE_TO_VIDEO.with_rules(HOURS)

    def test_are_allowed_or_denied_by_each_rule_alone(self) -> None:
        """One request is allowed, and each rule is the only reason once."""
        decisions = [self.POLICY.decide(each) for each in make_requests(self.POLICY, ALLOWED)]
        alone = {each.reasons[0].code for each in decisions if not each.allowed and len(each.reasons) == 1}
        assert set(self.POLICY) == alone
        assert any(each.allowed for each in decisions)
        assert len({each.request for each in decisions}) > 300
        assert any(type(each.request) is not EscalationRequest for each in decisions)

    def test_include_those_that_need_several_changes_at_once(self) -> None:
        """Random changes would not find them."""
        a, b, c, d, e, f, g, h = (context(name, int).equals(7) for name in "abcdefgh")
        policy = Policy("p", [Rule("all", a & b & c & d), Rule("any", ~(e & f & g & h))])
        decisions = [policy.decide(each) for each in make_requests(policy, ALLOWED)]
        assert any([("any", ReasonStatus.UNMET)] == [(r.code, r.status) for r in each.reasons] for each in decisions)
        all_ = policy.without("any")
        assert any(all_.allows(each) for each in make_requests(all_, ALLOWED) if type(each) is EscalationRequest)

    def test_have_context_values_of_every_wrong_type(self) -> None:
        """`1` is no bool, and a key may be missing."""
        policy = Policy("p", [HOURS])
        kinds = {type(cast("object", each.context.get("after_hours"))) for each in make_requests(policy, ALLOWED)}
        assert {bool, int, str, type(None)} == kinds

    def test_differ_in_all_facts_that_a_predicate_may_read(self) -> None:
        """`check_policy()` cannot see what the predicate reads."""
        like = a_request(context={"region": "EU"}, team_ids={"t1"})
        requests = make_requests(with_predicate(explode), like)
        facts = [
            "login",
            "agent.email",
            "agent.ringcentral",
            "message.channel.kind",
            "agent.role.permissions",
            "agent.enabled",
        ]
        changed = {
            name for each in requests for name, leaf in leaves_of(each).items() if leaf != leaves_of(like).get(name)
        }
        assert {*facts, "context.region", "agent.team_ids"} <= changed

    def test_are_described_by_their_differences(self) -> None:
        """Masked as in evidence: no value identifies a person."""
        like = a_request(context={"a": "x", "b": 1, "c": True})
        other = a_request(
            context={"a": "y", "b": "1"},
            login=Login.SAML,
            permissions=(),
            intervention=None,
            ringcentral_email="b@example.com",
            private=True,
            team_ids={"t"},
        )
        expected = (
            "the typical one, but with agent.role.permissions = nothing, agent.ringcentral.email = a str, "
            "agent.team_ids = another value, login = saml, message.private = true, intervention = None, "
            "context.a = another value, context.b = a str, no context.c"
        )
        assert expected == describe(other, like)

    def test_do_not_show_a_private_number(self) -> None:
        """Nor the parts of a private field."""
        expected = "the typical one, but with number = another value, plain = 8, part.text = another value"
        assert expected == describe(Secretive(8, 8, Part(text="u")), Secretive())

    def test_with_huge_values_are_described_briefly(self) -> None:
        """Nobody reads a number with thousands of digits."""
        expected = "the typical one, but with context.n = " + f"{10**5000:#x}"[:60]
        assert expected == describe(a_request(context={"n": 10**5000}), ALLOWED)
