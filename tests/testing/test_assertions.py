"""The assertions: they pass for the expected reasons only, and their failures say what was wrong."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    EscalationRequest,
    InterventionState,
    Login,
    Policy,
    ReasonStatus,
    Rule,
    VideoAccess,
    context,
    fact,
    predicate,
)
from escalation_policy.exceptions import EscalationPolicyError
from escalation_policy.testing import NoSuchRuleError, a_request, assert_allowed, assert_denied
from support import SAMPLE, Sample

NO_EXTENSION: Final = a_request(ringcentral=None, login=Login.PASSWORD)
#: The lines about the two rules in its way.
NO_EXTENSION_REASONS: Final = """\
- extension_linked (unmet): The agent's profile must hold a RingCentral ID (the RingEX extension ID). \
Required: agent.ringcentral.extension_id is set. Seen: agent.ringcentral.extension_id = not set.
- ringcentral_sso (unmet): The agent must be logged in with RingCentral SSO. \
Required: login equals ringcentral_sso. Seen: login = password.
"""
TWO_IN_THE_WAY: Final = a_request(video=VideoAccess.DENIED, state=InterventionState.CLOSED)
TWO: Final = ("video_access", "agent_engaged")


def failure_of(policy: Policy[EscalationRequest], request: EscalationRequest, **expected: Any) -> str:
    """Return the message of a failing assertion."""
    with pytest.raises(AssertionError) as caught:
        assert_denied(policy, request, **expected) if expected else assert_allowed(policy, request)
    return str(caught.value)


def counted(*, answer: bool) -> tuple[Policy[EscalationRequest], list[object]]:
    """Make a policy that always gives the same answer, and the list of its requests."""
    requests: list[object] = []

    def answer_request(request: object) -> bool:
        requests.append(request)
        return answer

    return Policy("counted", [Rule("asked", predicate("asked", answer_request))]), requests


class TestAssertAllowed:
    """`assert_allowed()`."""

    def test_returns_the_decision(self) -> None:
        """For further assertions."""
        request = a_request()
        assert ESCALATE_TO_VIDEO.decide(request) == assert_allowed(ESCALATE_TO_VIDEO, request)

    def test_names_the_rules_in_the_way(self) -> None:
        """The first line, which summaries show, has the codes. The others say what each rule required and saw."""
        expected = (
            "expected allow; got deny by extension_linked, ringcentral_sso; policy: escalate_to_video\n"
            f"{NO_EXTENSION_REASONS}"
            "hidden: extension_in_account (after extension_linked), video_access (after extension_linked)"
        )
        assert expected == failure_of(ESCALATE_TO_VIDEO, NO_EXTENSION)

    def test_says_where_a_rule_raised(self) -> None:
        """Type, file and line, but not the message."""

        def explode(_: object) -> bool:
            raise ValueError("ada@example.com")

        policy = Policy("p", [Rule("boom", predicate("explode", explode))])
        where = f"{Path(__file__)}:{explode.__code__.co_firstlineno + 1}"
        expected = (
            "expected allow; got deny by boom; policy: p\n"
            f"- boom (error ValueError at {where}): Requires that explode holds. Seen: explode = error."
        )
        assert expected == failure_of(policy, a_request())

    def test_shows_no_ids_and_addresses(self) -> None:
        """Test logs are read by many."""
        policy = ESCALATE_TO_VIDEO.with_rules(Rule("region", context("region", str).equals("EU")))
        request = a_request(domain=NO_EXTENSION.domain, account_id="999", context={"region": "secret"})
        message = failure_of(policy, request)
        assert "Seen: context.region = another value." in message
        assert not [value for value in ("999", "664287016", "secret") if value in message]

    def test_decides_once(self) -> None:
        """A predicate may be expensive."""
        yes, allowed_requests = counted(answer=True)
        no, denied_requests = counted(answer=False)
        assert_allowed(yes, a_request())
        failure_of(no, a_request())
        assert (1, 1) == (len(allowed_requests), len(denied_requests))

    def test_accepts_policies_over_other_requests(self) -> None:
        """Hosts have their own request types."""
        assert_allowed(Policy("p", [Rule("flag", SAMPLE(lambda r: r.flag).is_true())]), Sample())


class TestAssertDenied:
    """`assert_denied()`."""

    # The order of codes does not matter, nor do repeated codes.
    @pytest.mark.parametrize(
        "by", [TWO, TWO[::-1], {*TWO}, [*TWO, TWO[0]], iter(TWO)], ids=lambda by: type(by).__name__
    )
    def test_accepts_exactly_the_codes_in_the_way(self, by: Any) -> None:
        """And it returns the decision."""
        decision = assert_denied(ESCALATE_TO_VIDEO, TWO_IN_THE_WAY, by=by)
        assert ESCALATE_TO_VIDEO.decide(TWO_IN_THE_WAY) == decision

    def test_accepts_one_code_alone(self) -> None:
        """A str is a code, not a collection of letters. The decision shows whether the fact was unknown."""
        decision = assert_denied(ESCALATE_TO_VIDEO, a_request(video=VideoAccess.UNKNOWN), by="video_access")
        assert [ReasonStatus.UNKNOWN] == [reason.status for reason in decision.reasons]

    @pytest.mark.parametrize("by", [*TWO, TWO])
    def test_accepts_some_of_the_codes_with_among(self, by: Any) -> None:
        """Other rules may be in the way too."""
        assert_denied(ESCALATE_TO_VIDEO, TWO_IN_THE_WAY, by=by, among=True)

    def test_fails_for_a_code_that_is_not_expected(self) -> None:
        """Otherwise the test would not notice a new reason."""
        expected = (
            "expected deny by ringcentral_sso; got deny by extension_linked, ringcentral_sso; policy: escalate_to_video\n"
            f"{NO_EXTENSION_REASONS}"
            "not expected: extension_linked"
        )
        assert expected == failure_of(ESCALATE_TO_VIDEO, NO_EXTENSION, by="ringcentral_sso")

    def test_names_the_differences_between_the_codes(self) -> None:
        """A missing code is met or hidden. If it is hidden, the reasons that hide it are named."""
        expected = (
            "expected deny by role_permits, video_access; got deny by extension_linked, ringcentral_sso; "
            "policy: escalate_to_video\n"
            f"{NO_EXTENSION_REASONS}"
            "missing: role_permits (met)\n"
            "not expected: extension_linked, ringcentral_sso\n"
            "hidden: video_access (after extension_linked)"
        )
        assert expected == failure_of(ESCALATE_TO_VIDEO, NO_EXTENSION, by=["video_access", "role_permits"])

    def test_names_all_reasons_that_hide_a_code(self) -> None:
        """All of them must be fixed before the hidden rule is reported, also if it comes after another hidden rule."""
        no = predicate("no", lambda _: False)
        rules = [
            Rule("a", no),
            Rule("b", no),
            Rule("c", no, after=["a", "b"]),
            Rule("d", no, after=["c"]),
            Rule("e", no),
        ]
        message = failure_of(Policy("p", rules), a_request(), by=["d", "a", "b", "e"])
        assert ["hidden: d (after a, b)"] == [
            line for line in message.splitlines() if not line.startswith(("-", "expected"))
        ]

    # One code is missing, and one is hidden.
    @pytest.mark.parametrize(
        ("code", "difference"),
        [
            ("role_permits", "missing: role_permits (met)"),
            ("video_access", "hidden: video_access (after extension_linked)"),
        ],
    )
    def test_fails_with_among_for_each_code_that_is_not_in_the_way(self, code: str, difference: str) -> None:
        """But not for other codes that are in the way."""
        expected = (
            f"expected deny by at least {code}, ringcentral_sso; got deny by extension_linked, ringcentral_sso; "
            "policy: escalate_to_video\n"
            f"{NO_EXTENSION_REASONS}"
            f"{difference}"
        )
        assert expected == failure_of(ESCALATE_TO_VIDEO, NO_EXTENSION, by=[code, "ringcentral_sso"], among=True)

    @pytest.mark.parametrize("among", [False, True], ids=["exactly", "among"])
    def test_fails_for_an_allowed_request(self, *, among: bool) -> None:
        """The message shows only the rule that was expected to deny."""
        expected = (
            f"expected deny by {'at least ' * among}video_access; got allow; policy: escalate_to_video\n"
            "- video_access (met): The agent's extension must have access to RingCentral Video. "
            "Required: agent.ringcentral.video equals granted. Seen: agent.ringcentral.video = granted.\n"
            "missing: video_access (met)"
        )
        assert expected == failure_of(ESCALATE_TO_VIDEO, a_request(), by="video_access", among=among)

    # A rule was renamed, or there is a typo. The test would say nothing about the policy.
    @pytest.mark.parametrize("among", [False, True], ids=["exactly", "among"])
    @pytest.mark.parametrize("by", ["vidio_access", ["vidio_access"], [*TWO, "vidio_access"]])
    def test_rejects_a_code_that_the_policy_does_not_have(self, by: Any, *, among: bool) -> None:
        """It is an error of the test, which `pytest.raises(AssertionError)` does not catch."""
        for request in (a_request(), TWO_IN_THE_WAY):
            with pytest.raises(NoSuchRuleError) as caught:
                assert_denied(ESCALATE_TO_VIDEO, request, by=by, among=among)
            expected = "policy 'escalate_to_video' has no rule of that code, did you mean video_access?"
            assert expected == str(caught.value)
            assert isinstance(caught.value, EscalationPolicyError)
            assert isinstance(caught.value, ValueError)

    def test_names_all_codes_if_none_is_similar(self) -> None:
        """There are only a few."""
        policy = ESCALATE_TO_VIDEO.without(*list(ESCALATE_TO_VIDEO)[2:])
        with pytest.raises(NoSuchRuleError) as caught:
            assert_denied(policy, a_request(), by="")
        assert "policy 'escalate_to_video' has no rule of that code, only domain_linked, agent_enabled" == str(
            caught.value
        )

    @pytest.mark.parametrize("among", [False, True], ids=["exactly", "among"])
    @pytest.mark.parametrize("by", [[], (), {}, iter(())], ids=lambda by: type(by).__name__)
    def test_rejects_an_empty_collection_of_codes(self, by: Any, *, among: bool) -> None:
        """Every denial has a reason."""
        with pytest.raises(NoSuchRuleError) as caught:
            assert_denied(ESCALATE_TO_VIDEO, TWO_IN_THE_WAY, by=by, among=among)
        assert "name at least one rule of policy 'escalate_to_video', by its code, got none" == str(caught.value)

    @pytest.mark.parametrize("among", [False, True], ids=["exactly", "among"])
    def test_decides_once(self, *, among: bool) -> None:
        """If it passes and if it fails."""
        yes, allowed_requests = counted(answer=True)
        no, denied_requests = counted(answer=False)
        assert_denied(no, a_request(), by="asked", among=among)
        failure_of(yes, a_request(), by="asked", among=among)
        assert (1, 1) == (len(allowed_requests), len(denied_requests))


class TestRaisingRules:
    """A rule that raises is in the way, but it denied nothing."""

    POLICY: Final = Policy("p", [Rule("asked", context("n", int).satisfies("below 5", lambda n: [True][n]))])

    def test_fail_a_test_that_names_them(self) -> None:
        """Otherwise a test would pass with a predicate that never worked."""
        message = failure_of(self.POLICY, a_request(context={"n": 7}), by="asked")
        assert message.startswith("expected deny by asked; got deny by asked; policy: p\n- asked (error IndexError at ")
        assert message.endswith("\nraised, and denied nothing: asked")

    def test_are_ignored_with_among(self) -> None:
        """If another rule is named."""
        policy = self.POLICY.with_rules(Rule("enabled", fact(lambda r: r.agent.enabled).is_true()))
        assert assert_denied(policy, a_request(context={"n": 7}, enabled=False), by="enabled", among=True) is not None


class TestMistakes:
    """Objects that are no policy or no request are rejected."""

    @pytest.mark.parametrize("check", [assert_allowed, partial(assert_denied, by="video_access", among=True)])
    @pytest.mark.parametrize(
        ("policy", "request_", "message"),
        [
            (
                ESCALATE_TO_VIDEO,
                a_request,
                "policy 'escalate_to_video' decides about an EscalationRequest, got a function",
            ),
            (ESCALATE_TO_VIDEO, None, "policy 'escalate_to_video' decides about an EscalationRequest, got None"),
            (a_request(), ESCALATE_TO_VIDEO, "the first argument must be a Policy, got an EscalationRequest"),
        ],
        ids=["forgotten parentheses", "None", "the wrong way round"],
    )
    def test_are_type_errors(self, check: Any, policy: Any, request_: Any, message: str) -> None:
        """Every policy would deny them."""
        with pytest.raises(TypeError) as caught:
            check(policy, request_)
        assert message == str(caught.value)

    @pytest.mark.parametrize("by", [None, 1, [ESCALATE_TO_VIDEO["video_access"]]], ids=["None", "a number", "a rule"])
    def test_in_codes_are_described(self, by: Any) -> None:
        """A rule is named by its code."""
        with pytest.raises(NoSuchRuleError, match=r"by its code, got (None|an int|a Rule)$"):
            assert_denied(ESCALATE_TO_VIDEO, a_request(), by=by)


#: Tests of a host that fail in different ways.
HOST: Final = """
from escalation_policy import ESCALATE_TO_VIDEO, VideoAccess
from escalation_policy.testing import a_request, assert_allowed, assert_denied

def test_allowed():
    assert_allowed(ESCALATE_TO_VIDEO, a_request(video=VideoAccess.DENIED))

def test_denied():
    assert_denied(ESCALATE_TO_VIDEO, a_request(), by="video_access")

def test_misspelt():
    assert_denied(ESCALATE_TO_VIDEO, a_request(), by="vidio_access")
"""


class TestTraceback:
    """The traceback that pytest shows."""

    @pytest.mark.slow
    def test_ends_at_the_hosts_own_line(self, tmp_path: Path) -> None:
        """It does not show the code of the assertion."""
        (tmp_path / "test_host.py").write_text(HOST, encoding="utf-8")
        options = "--color=no -p no:cacheprovider --rootdir".split()
        command = [sys.executable, "-m", "pytest", *options, str(tmp_path), str(tmp_path)]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"}
        output = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path, env=env, text=True).stdout
        allowed, denied, misspelt = output.split("\n____")[1:]
        assert '>       assert_denied(ESCALATE_TO_VIDEO, a_request(), by="video_access")\n' in denied
        assert "\nE       AssertionError: expected deny by video_access; got allow; policy:" in denied
        assert "\nE       - video_access (met): The agent's extension must have" in denied
        assert ">       assert_allowed(ESCALATE_TO_VIDEO, a_request(video=VideoAccess.DENIED))\n" in allowed
        assert '>       assert_denied(ESCALATE_TO_VIDEO, a_request(), by="vidio_access")\n' in misspelt
        assert (
            "NoSuchRuleError: policy 'escalate_to_video' has no rule of that code, did you mean video_access?"
            in misspelt
        )
        assert "_assertions.py" not in output
