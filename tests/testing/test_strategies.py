"""The strategies: their examples are as promised, varied, hardly filtered, and shrink to the defaults of the builders."""

import importlib
import subprocess
import sys
from random import Random
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import StopTest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    ChannelKind,
    EscalationRequest,
    Login,
    Policy,
    Rule,
    context,
    predicate,
)
from escalation_policy.testing import NoSuchRequestError, NoSuchRuleError, a_message, a_request, strategies
from support import SAMPLE, Part, Sample, Size

QUIET = settings(database=None, derandomize=True, max_examples=20)
PATIENT = settings(QUIET, max_examples=400)
HOSTS = ESCALATE_TO_VIDEO.with_rules(
    Rule("region", context("region", str).one_of(["eu", "us"])),
    Rule("low_risk", context("risk", int).satisfies("below 5", lambda risk: risk < 5)),
    Rule("plain", predicate("a plain message", lambda r: r.message == a_message())),
)
SAMPLES = Policy(
    "samples",
    [
        Rule("flag", SAMPLE(lambda r: r.flag).is_true() | SAMPLE(lambda r: r.maybe).is_true()),
        Rule("sizes", SAMPLE(lambda r: r.sizes).contains(SAMPLE(lambda r: r.size))),
        Rule("small", SAMPLE(lambda r: r.sizes).subset_of([Size.SMALL]), after=["sizes"]),
        Rule("number", SAMPLE(lambda r: r.number).equals(7)),
        Rule("spare", SAMPLE(lambda r: r.spare).then(lambda part: part.text).equals("x")),
    ],
)


def draw(strategy: st.SearchStrategy[Any]) -> list[Any]:
    """Draw 20 examples, and check that no filter rejects one."""
    examples: list[Any] = []

    @settings(QUIET, suppress_health_check=[])
    @given(st.data())
    def fill(data: st.DataObject) -> None:
        try:
            examples.append(data.draw(strategy))
        except StopTest:
            # Hypothesis itself gives up examples that become too long.
            assert "OVERRUN" == data.conjecture_data.status.name
            raise

    fill()
    return examples


def codes(request: Any, policy: Policy[Any] = ESCALATE_TO_VIDEO) -> set[str]:
    """Return the codes of the reasons for a denial."""
    decision = policy.decide(request)
    return set() if decision else {reason.code for reason in decision.reasons}


class TestValues:
    """All values of a type."""

    @pytest.mark.parametrize(
        "name",
        "domains roles ringcentral_users agents channels messages interventions requests".split(),
    )
    def test_are_varied_and_never_filtered(self, name: str) -> None:
        """They are made from the keywords of the builders."""
        examples = draw(getattr(strategies, name)())

        assert len(set(examples)) > 1

    def test_of_requests_are_allowed_and_denied_by_nearly_every_rule(self) -> None:
        """A test that needs a denial gets one."""
        examples = draw(strategies.requests())
        reported = [codes(request) for request in examples]

        assert len({code for each in reported for code in each}) > 1
        assert set() in reported

    @pytest.mark.slow
    @pytest.mark.once
    def test_shrink_to_the_necessary_difference_and_are_shown_as_a_call(self) -> None:
        """The call can be copied into a test."""

        @PATIENT
        @given(strategies.requests())
        def fails(request: EscalationRequest) -> None:
            assert request.login is not Login.SAML

        with pytest.raises(AssertionError) as raised:
            fails()

        assert "a_request(login=Login.SAML)" in "".join(raised.value.__notes__)


class TestAllowedRequests:
    """Requests that a policy allows."""

    @pytest.mark.parametrize(
        ("policy", "like"),
        [
            (ESCALATE_TO_VIDEO, None),
            (HOSTS, None),
            (HOSTS, a_request(context={"risk": 2})),
            (SAMPLES, Sample(spare=Part())),
        ],
        ids=["built-in", "host", "host with a start", "other type"],
    )
    def test_are_all_allowed_varied_and_never_filtered(self, policy: Policy[Any], like: Any) -> None:
        """Also with predicates."""
        examples = draw(strategies.allowed_requests(policy, like=like))

        assert all(policy.allows(request) for request in examples)
        assert any(request != examples[0] for request in examples)

    @pytest.mark.slow
    @pytest.mark.once
    def test_shrink_to_the_typical_request(self) -> None:
        """Except for what matters, here the kind of channel. Hypothesis does not guarantee the smallest example, but finds it nearly always."""
        smallest = (
            find(
                strategies.allowed_requests(),
                lambda r: r.message.channel.kind is ChannelKind.VIBER,
                settings=PATIENT,
                random=Random(seed),  # noqa: S311  nothing here is secret
            )
            for seed in range(4)
        )

        assert a_request(channel=ChannelKind.VIBER) in smallest

    def test_cannot_be_drawn_if_nothing_is_allowed(self) -> None:
        """The error is raised before the first draw."""
        never = ESCALATE_TO_VIDEO.with_rules(Rule("never", predicate("never", lambda _: False)))

        with pytest.raises(NoSuchRequestError, match="nothing can see into 'never'"):
            strategies.allowed_requests(never)


class TestDeniedRequests:
    """Requests that a policy denies."""

    @pytest.mark.parametrize("code", list(ESCALATE_TO_VIDEO))
    def test_by_a_rule_are_denied_by_exactly_that_rule(self, code: str) -> None:
        """For every rule."""
        examples = draw(strategies.denied_requests(by=code))

        assert [{code}] * len(examples) == [codes(request) for request in examples]
        assert len(set(examples)) > 1

    def test_by_several_rules_are_denied_by_exactly_these(self) -> None:
        """In any order."""
        examples = draw(strategies.denied_requests(by=["video_access", "channel_supported"]))

        assert all({"video_access", "channel_supported"} == codes(request) for request in examples)

    @pytest.mark.parametrize(
        ("policy", "like"),
        [(ESCALATE_TO_VIDEO, None), (HOSTS, None), (SAMPLES, Sample(spare=Part()))],
        ids=lambda value: repr(value)[:20],
    )
    def test_for_any_reason_are_denied_for_many_reasons(self, policy: Policy[Any], like: Any) -> None:
        """By one rule or several."""
        examples = draw(strategies.denied_requests(policy, like=like))
        reported = [codes(request, policy) for request in examples]

        assert set() not in reported
        assert len({code for each in reported for code in each}) > 1

    def test_cannot_be_drawn_if_nothing_is_denied(self) -> None:
        """Because the predicate of the only rule is always true, or because there is no such rule."""
        always = Policy("always", [Rule("always", predicate("always", lambda _: True))])

        with pytest.raises(NoSuchRequestError, match="no rule of policy 'always' was found to deny anything by itself"):
            strategies.denied_requests(always)
        with pytest.raises(NoSuchRuleError, match="has no rule of that code, did you mean video_access"):
            strategies.denied_requests(by="vidio_access")


class TestOtherTypes:
    """Policies over a host's own request type."""

    def test_require_a_request_to_start_from(self) -> None:
        """The strategy cannot invent one."""
        untyped: Policy[Any] = SAMPLES
        with pytest.raises(TypeError, match="policy 'samples' decides about a Sample: pass one as like, got None"):
            strategies.allowed_requests(untyped)
        with pytest.raises(TypeError, match="decides about a Sample: pass one as like, got an EscalationRequest"):
            strategies.denied_requests(untyped, like=a_request())


class TestExtra:
    """Hypothesis is installed by an extra."""

    def test_is_named_if_it_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In one sentence."""
        monkeypatch.setitem(sys.modules, "hypothesis", None)

        with pytest.raises(
            ImportError, match=r"^escalation_policy\.testing\.strategies needs Hypothesis: pip install '"
        ):
            importlib.reload(strategies)

    def test_is_not_required_by_other_modules(self) -> None:
        """The builders work without Hypothesis."""
        code = (
            "import sys; sys.modules['hypothesis'] = None\n"
            "from escalation_policy.testing import a_request\n"
            "a_request(denied_by='video_access')\n"
            "import escalation_policy.testing.strategies"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

        assert 1 == done.returncode
        assert (
            "ImportError: escalation_policy.testing.strategies needs Hypothesis: pip install 'escalation_policy[testing]'"
            == done.stderr.splitlines()[-1]
        )
