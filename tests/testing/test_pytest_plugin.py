"""The pytest plugin in runs of its own: what it records, explains and reports."""

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, cast

import pytest

import escalation_policy
from escalation_policy import ESCALATE_TO_VIDEO, Policy, Rule
from escalation_policy.testing import a_request
from escalation_policy.testing._recorder import Recorder, original_function
from support import ALLOWED, SAMPLE, Sample

PLUGIN: Final = "escalation_policy.testing.pytest_plugin"
DENIED: Final = a_request(denied_by="video_access")
#: The imports of each run.
HEAD: Final = """
import asyncio, threading
import pytest
from escalation_policy import *
from escalation_policy.testing import a_request

"""
#: One test whose only decision is a denial, and one whose only decision allows.
TWO: Final = """
def test_denied():
    assert not ESCALATE_TO_VIDEO.decide(a_request(denied_by="video_access"))

def test_allowed():
    assert ESCALATE_TO_VIDEO.allows(a_request())
"""
SMALL: Final = """
SMALL = Policy("small", [ESCALATE_TO_VIDEO["ringcentral_sso"]])
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs in other processes and folders find the package, and load no other plugin."""
    monkeypatch.setenv("PYTHONPATH", str(Path(escalation_policy.__file__).parents[1]))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def ignore(*_: object) -> None:
    """Do nothing."""


def run(pytester: pytest.Pytester, text: str, *options: str, plugin: bool = True) -> pytest.RunResult:
    """Run some tests within this process."""
    pytester.makepyfile(HEAD + text)
    return pytester.runpytest_inprocess(*(("-p", PLUGIN) if plugin else ()), "-p", "no:cacheprovider", *options)


def coverage_lines(result: pytest.RunResult) -> list[str]:
    """Return the lines of the section on policy coverage."""
    lines = [line.rstrip() for line in result.outlines if line]
    start = next((at for at, line in enumerate(lines) if line.strip("= ") == "policy coverage"), len(lines) - 1)
    end = next((at for at, line in enumerate(lines) if at > start and line.startswith("=")), len(lines))
    return lines[start + 1 : end]


class TestRecorder:
    """It stands in front of all policies, and changes no answer."""

    def test_passes_every_answer_on_unchanged(self) -> None:
        """For policies made before and after, for any argument, and however the function is called."""
        reports: list[tuple[object, ...]] = []
        before: Any = Policy("p", [Rule("r", SAMPLE(lambda r: r.flag).is_true())])
        remove = Recorder(lambda policy, decision: reports.append((policy, decision))).install()
        try:
            after: Any = Policy("q", [Rule("r", SAMPLE.predicate("holds", lambda r: r.flag))])
            request = Sample()
            decisions = [before.decide(request), after.decide(request=request)]
            answers = [before.allows(request), after.allows(request=None)]
            with pytest.raises(TypeError):
                before.decide()
        finally:
            remove()
        assert [True, False] == answers
        assert [
            (before, decisions[0]),
            (after, decisions[1]),
            (before, decisions[0]),
            (after, original_function(after, "decide")(None)),
        ] == reports
        assert all(report[1] is decision for report, decision in zip(reports, decisions, strict=False))
        assert after.decide(request) == decisions[1]
        assert 4 == len(reports)

    def test_leaves_policies_as_they_are(self) -> None:
        """They can be compared, copied, pickled and shown as usual."""
        remove = Recorder(ignore).install()
        try:
            for copied in (copy.deepcopy(ESCALATE_TO_VIDEO), pickle.loads(pickle.dumps(ESCALATE_TO_VIDEO))):
                assert ESCALATE_TO_VIDEO == copied
                assert hash(ESCALATE_TO_VIDEO) == hash(copied)
                assert copied.allows(ALLOWED)
            assert "<function decide of policy escalate_to_video>" == repr(ESCALATE_TO_VIDEO.decide)
            assert pickle.loads(pickle.dumps(ESCALATE_TO_VIDEO.decide))(ALLOWED)
            assert 1 == len({ESCALATE_TO_VIDEO.decide, ESCALATE_TO_VIDEO.decide})
            assert cast("object", ESCALATE_TO_VIDEO.decide) != ESCALATE_TO_VIDEO.allows
            assert "<member 'allows' of 'Policy' objects>" == repr(cast("Any", Policy).allows)
            with pytest.raises(AttributeError):
                _ = object.__new__(Policy).decide
        finally:
            remove()

    def test_restores_what_was_there_before(self) -> None:
        """Also another recorder. Only one of them records at a time."""
        reports: list[str] = []
        attributes = dict(Policy.__dict__)
        remove_outer = Recorder(lambda _, __: reports.append("outer")).install()
        remove_inner = Recorder(lambda _, __: reports.append("inner")).install()
        ESCALATE_TO_VIDEO.allows(ALLOWED)
        remove_inner()
        ESCALATE_TO_VIDEO.allows(ALLOWED)
        remove_outer()
        ESCALATE_TO_VIDEO.allows(ALLOWED)
        assert ["inner", "outer"] == reports
        assert attributes == dict(Policy.__dict__)


class TestSwitch:
    """The plugin is off until somebody switches it on."""

    def test_is_off_by_default(self, pytester: pytest.Pytester) -> None:
        """The package has no entry point for pytest."""
        result = run(pytester, TWO, plugin=False)
        result.assert_outcomes(passed=2)
        result.stdout.no_fnmatch_line("*policy coverage*")

    def test_is_on_if_the_conftest_names_it(self, pytester: pytest.Pytester) -> None:
        """Without an option on the command line. To import from the plugin as well causes no warning."""
        pytester.makeconftest(f"from {PLUGIN} import Decisions\npytest_plugins = ['{PLUGIN}']")
        result = run(pytester, TWO, "--policy-cov-only=escalate_to_video", plugin=False)
        result.assert_outcomes(passed=2, warnings=0)
        result.stdout.fnmatch_lines(["*= policy coverage =*", "escalate_to_video: 1 of 16 rules covered, 6.2 %"])

    def test_removes_the_recorder_after_the_run(self, pytester: pytest.Pytester) -> None:
        """Policies are as they were before."""
        attributes = dict(Policy.__dict__)
        run(pytester, TWO).assert_outcomes(passed=2)
        assert attributes == dict(Policy.__dict__)

    def test_imports_little(self) -> None:
        """Only its own modules, beside the builders and the modules that any run of pytest imports."""
        code = """if True:
            import sys
            from _pytest.config import get_config
            get_config()
            import escalation_policy.testing
            before = set(sys.modules)
            import escalation_policy.testing.pytest_plugin
            print(*sorted(set(sys.modules) - before))"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        own = "_locks testing._coverage testing.pytest_plugin".split()
        assert [f"escalation_policy.{name}" for name in own] == done.stdout.split()


class TestDecisions:
    """The fixture holds every decision of its test, and no other decision."""

    def test_holds_them_in_order_from_the_start_of_the_setup(self, pytester: pytest.Pytester) -> None:
        """Also decisions of earlier fixtures and of `allows()`, but not those of the test before."""
        text = """
@pytest.fixture
def early():
    assert ESCALATE_TO_VIDEO.decide(a_request())

def test_some(early, decisions):
    first, = decisions
    denied = ESCALATE_TO_VIDEO.decide(a_request(denied_by="video_access"))
    assert not ESCALATE_TO_VIDEO.allows(a_request(denied_by="video_access"))
    assert [first, denied, denied] == decisions
    assert first.allowed and denied is decisions[1]

def test_none(decisions):
    assert [] == decisions

def test_late(request):
    ESCALATE_TO_VIDEO.decide(a_request())
    decisions = request.getfixturevalue("decisions")
    assert [] == decisions
    assert [ESCALATE_TO_VIDEO.decide(a_request())] == decisions
"""
        run(pytester, text).assert_outcomes(passed=3)

    def test_holds_them_from_any_thread_and_task(self, pytester: pytest.Pytester) -> None:
        """None is lost if several decide at the same time."""
        text = """
def decide(times=500):
    for _ in range(times):
        ESCALATE_TO_VIDEO.decide(a_request())

def test_threads(decisions):
    threads = [threading.Thread(target=decide) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 4000 == len(decisions)

def test_tasks(decisions):
    async def task(policy):
        await asyncio.sleep(0)
        return policy.decide(a_request())

    async def tasks():
        return await asyncio.gather(*(task(ESCALATE_TO_VIDEO) for _ in range(20)), asyncio.to_thread(decide, 3))

    asyncio.run(tasks())
    assert 23 == len(decisions)
"""
        run(pytester, text).assert_outcomes(passed=2)

    def test_keeps_the_answers_of_predicates(self, pytester: pytest.Pytester) -> None:
        """They are called once, by `allows()` too."""
        text = """
def test_predicate(decisions):
    calls = []
    policy = Policy("p", [Rule("r", predicate("calls", lambda request: bool(calls.append(request))))])
    policy.decide(a_request())
    assert 1 == len(calls)
    policy.allows(a_request())
    assert 2 == len(calls)
    assert ["r", "r"] == [decision.reasons[0].code for decision in decisions]
"""
        run(pytester, text).assert_outcomes(passed=1)


class TestSection:
    """A failed test shows its decisions."""

    def test_explains_the_decision(self, pytester: pytest.Pytester) -> None:
        """As `explain()` does, with the same values masked."""
        text = """
def test():
    assert ESCALATE_TO_VIDEO.allows(a_request(denied_by="extension_in_account"))
"""
        result = run(pytester, text)
        result.stdout.fnmatch_lines(
            [
                "*- decisions -*",
                "deny escalate_to_video",
                "- extension_in_account (unmet): * Seen: agent.ringcentral.account_id = another value.",
                "    ringcentral_administrator: *",
                "*= policy coverage =*",
            ]
        )
        section = result.stdout.str().partition(" decisions -")[2]
        assert ALLOWED.domain.ringcentral_account_id is not None
        assert ALLOWED.domain.ringcentral_account_id not in section

    def test_explains_the_last_five(self, pytester: pytest.Pytester) -> None:
        """The latest one at the end, and the number of earlier ones; none of another test."""
        text = """
def test_first():
    ESCALATE_TO_VIDEO.decide(a_request())

@pytest.mark.parametrize("times", [5, 7])
def test(times):
    for number in range(times):
        Policy(f"p{number}", [Rule("r", fact(lambda r: r.agent.enabled).is_true())]).decide(a_request(enabled=False))
    assert times == 0
"""
        result = run(pytester, text, "--policy-cov-report=none")
        lines = [line for line in result.outlines if line.startswith(("deny ", "and "))]
        expected = [f"deny p{number}" for number in (0, 1, 2, 3, 4, 2, 3, 4, 5, 6)]
        assert [*expected, "and 2 earlier"] == lines

    def test_is_omitted_without_a_decision_or_a_failure(self, pytester: pytest.Pytester) -> None:
        """Or if the failure comes after the test."""
        text = """
def test_no_decision():
    assert False

def test_no_failure():
    ESCALATE_TO_VIDEO.decide(a_request())

@pytest.fixture
def broken():
    yield
    ESCALATE_TO_VIDEO.decide(a_request())
    assert False

def test_no_call(broken):
    pass
"""
        result = run(pytester, text, "-rA")
        result.assert_outcomes(passed=2, failed=1, errors=1)
        result.stdout.no_fnmatch_line("*- decisions -*")

    def test_explains_the_failure_of_a_fixture(self, pytester: pytest.Pytester) -> None:
        """Fixtures may call `raise_if_denied()`."""
        text = """
@pytest.fixture
def call():
    ESCALATE_TO_VIDEO.decide(a_request(enabled=False)).raise_if_denied()

def test_call(call):
    pass
"""
        result = run(pytester, text)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*- decisions -*", "deny escalate_to_video", "- agent_enabled (unmet): *"])


class TestComparisons:
    """The explanation of a failed comparison with a decision."""

    @pytest.mark.parametrize(
        ("compared", "expected"),
        [
            (
                "decide(DENIED) == decide(a_request())",
                [
                    "assert deny (video_access) == allow",
                    "only left: video_access, unmet: agent.ringcentral.video equals granted, seen denied",
                    "the requests differ in agent.ringcentral.video",
                ],
            ),
            (
                "decide(a_request(login=Login.UNKNOWN)) == decide(a_request(login=Login.PASSWORD, enabled=False))",
                [
                    "assert deny (ringcentral_sso) == deny (agent_enabled, ringcentral_sso)",
                    "ringcentral_sso: left unknown: login equals ringcentral_sso, seen unknown; right unmet: * seen password",
                    "only right: agent_enabled, unmet: agent.enabled is true, seen false",
                    "the requests differ in agent.enabled, login",
                ],
            ),
            (
                "decide(a_request()) == decide(a_request(message_id='c2', context={'open': True}))",
                ["assert allow == allow", "the requests differ in message.id, context"],
            ),
            (
                "decide(a_request()) == decide(a_request(channel=ChannelKind.VIBER))",
                [
                    "assert allow == allow",
                    "channel_supported: left met: message.channel.kind is one of *, seen whats_app; right met: *",
                    "twitter_private: left met: message.channel.kind differs from twitter, seen whats_app; right met: *",
                    "the requests differ in message.channel.kind",
                ],
            ),
            (
                "decide(DENIED) == ESCALATE_TO_VIDEO.without('agent_enabled').decide(DENIED)",
                [
                    "assert deny (video_access) == deny (video_access)",
                    "the policies differ in what they mean: escalate_to_video, escalate_to_video",
                ],
            ),
            (
                "decide(a_request()) == SMALL.decide(a_request())",
                [
                    "assert allow == allow",
                    "only left: domain_linked, met: domain.ringcentral_account_id is set, seen set",
                    "*",
                    "the policies differ in what they mean: escalate_to_video, small",
                ],
            ),
            (
                "decide(1) == decide('1')",
                [
                    "*",
                    "domain_linked: left error: request is an EscalationRequest, seen an int; *",
                    "*",
                    "the requests differ",
                ],
            ),
            (
                "SMALL.decide(a_request()) == SMALL.replace(OTHER_TEXT).decide(a_request())",
                ["assert allow == allow", "ringcentral_sso: the texts differ"],
            ),
            (
                "Policy('p', ESCALATE_TO_VIDEO.rules[::-1]).decide(a_request()) == decide(a_request())",
                ["assert allow == allow", "the reasons are in another order"],
            ),
            (
                "decide(DENIED) != decide(DENIED)",
                [
                    "assert deny (video_access) != deny (video_access)",
                    "effect, reasons, request and policy are the same",
                ],
            ),
            (
                "decide(a_request()) == True",
                ["assert allow == True", "a decision only equals another decision: compare decision.allowed"],
            ),
            (
                "False is decide(DENIED)",
                [
                    "assert False is deny (video_access)",
                    "a decision only equals another decision: compare decision.allowed",
                ],
            ),
            (
                "decide(DENIED) == Effect.DENY",
                [
                    "assert deny (video_access) == <Effect.DENY: 'deny'>",
                    "a decision only equals another decision: compare decision.effect",
                ],
            ),
            (
                "decide(DENIED) == 'video_access'",
                [
                    "assert deny (video_access) == 'video_access'",
                    "a decision only equals another decision: compare the codes of decision.reasons",
                ],
            ),
            (
                "[] == decide(DENIED)",
                [
                    "assert [[]] == deny (video_access)",
                    "a decision only equals another decision: compare decision.effect or decision.reasons",
                ],
            ),
            ("decide(DENIED) is decide(DENIED)", ["assert <deny: video_access; *> is <deny: video_access; *>"]),
            ("decide(DENIED) in []", ["assert <deny: video_access; *> in [[]]"]),
            ("'a' == 'b'", ["AssertionError: assert 'a' == 'b'"]),
        ],
        ids=[
            "effects",
            "reasons",
            "requests",
            "evidence",
            "policies",
            "rules",
            "no requests",
            "texts",
            "order",
            "same",
            "bool",
            "identity with a bool",
            "effect",
            "code",
            "anything else",
            "identity",
            "membership",
            "no decision",
        ],
    )
    def test_names_the_difference(self, pytester: pytest.Pytester, compared: str, expected: list[str]) -> None:
        """Or what to compare instead, or what pytest says by itself."""
        text = f"""
DENIED = a_request(video=VideoAccess.DENIED)
OTHER_TEXT = Rule("ringcentral_sso", fact(lambda r: r.login).equals(Login.RINGCENTRAL_SSO), explanation="Other.")
decide = ESCALATE_TO_VIDEO.decide
{SMALL}
def test():
    assert {compared}
"""
        result = run(pytester, text, "-vv", "--policy-cov-report=none", "--show-capture=no", "--tb=short")
        result.assert_outcomes(failed=1)
        lines = [line[1:].strip() for line in result.outlines if line.startswith("E ")]
        assert len(expected) <= len(lines)
        result.stdout.fnmatch_lines([f"E * {line}" for line in expected])


class TestReport:
    """The report on the terminal."""

    def test_is_a_table_by_default(self, pytester: pytest.Pytester) -> None:
        """Each rule in order, and below it what is missing."""
        lines = coverage_lines(run(pytester, TWO))
        assert "escalate_to_video: 1 of 16 rules covered, 6.2 %" == lines[0]
        assert "  rule                     met  unmet  unknown  error  decisive" == lines[1]
        assert "  video_access               1      1        0      0         1" == lines[10]
        assert '  domain_linked was never decisive: a_request(denied_by="domain_linked")' == lines[18]
        assert 1 + 1 + 16 + 15 == len(lines)

    def test_can_be_switched_off(self, pytester: pytest.Pytester) -> None:
        """Also if the configuration asks for it: the last option counts."""
        pytester.makeini("[pytest]\naddopts = --policy-cov-report=term")
        assert [] == coverage_lines(run(pytester, TWO, "--policy-cov-report=none"))

    def test_says_if_no_decision_was_recorded(self, pytester: pytest.Pytester) -> None:
        """In one line."""
        result = run(pytester, "def test(): pass")
        assert 0 == result.ret
        assert ["no decision of any policy was recorded"] == coverage_lines(result)

    def test_is_omitted_if_no_test_runs(self, pytester: pytest.Pytester) -> None:
        """A list of tests decides nothing, and fails nothing."""
        result = run(pytester, TWO, "--collect-only", "--policy-cov-fail-under=100")
        assert 0 == result.ret
        assert [] == coverage_lines(result)

    @pytest.mark.parametrize("value", ["html", "", "term:path", "json", "markdown"])
    def test_has_no_other_type(self, pytester: pytest.Pytester, value: str) -> None:
        """The error is raised before any test runs."""
        result = run(pytester, TWO, f"--policy-cov-report={value}")
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        result.stderr.fnmatch_lines([f"*argument --policy-cov-report: invalid choice: '{value}'*"])


class TestOnly:
    """The policies to count, by id."""

    TEXT: Final = f"""{SMALL}
def test():
    assert SMALL.decide(a_request())
    assert not SMALL.decide(a_request(login=Login.PASSWORD))
    assert Policy("other", SMALL.rules).decide(a_request())
"""

    def test_counts_no_other_policy(self, pytester: pytest.Pytester) -> None:
        """Policies that a test makes for itself do not change the share."""
        lines = coverage_lines(run(pytester, self.TEXT, "--policy-cov-only=small", "--policy-cov-fail-under=100"))
        assert ["small: 1 of 1 rules covered, 100.0 %"] == lines[:1]
        assert 3 == len(lines)

    def test_reports_an_id_without_decisions(self, pytester: pytest.Pytester) -> None:
        """With a typo in an id, nothing would be counted, and nothing would be missing."""
        options = "--policy-cov-only=small", "--policy-cov-only=smal"
        assert "no decision of smal was recorded" == coverage_lines(run(pytester, self.TEXT, *options))[-1]
        result = run(pytester, self.TEXT, *options, "--policy-cov-fail-under=1")
        assert pytest.ExitCode.TESTS_FAILED == result.ret
        assert (
            "no decision of smal was recorded, and --policy-cov-fail-under asks for 1 %" == coverage_lines(result)[-1]
        )


class TestMissing:
    """The requests that are missing so that each test decides."""

    OPTIONS: Final = "--policy-cov-missing", "--policy-cov-report=none"

    def test_are_printed_for_each_policy(self, pytester: pytest.Pytester) -> None:
        """A variant of a policy need not show again what its rules share."""
        text = f"""{SMALL}
OTHER = SMALL.with_rules(Rule("tweet", ESCALATE_TO_VIDEO["twitter_private"].requires))
PRIVATE = Policy("private", [Rule("p", fact(lambda r: r.message.private).is_true())])
def test():
    assert SMALL.decide(a_request())
    assert not SMALL.decide(a_request(login=Login.PASSWORD))
    assert OTHER.allows(a_request())
    assert PRIVATE.allows(a_request(private=True))
    assert not PRIVATE.allows(a_request(private=False))
"""
        assert [
            "private: each test decided, met and not met",
            "small: requests in which a test decides are missing",
            "  a_request(channel=ChannelKind.TWITTER, private=False)",
            "  a_request(channel=ChannelKind.TWITTER, private=True)",
        ] == coverage_lines(run(pytester, text, *self.OPTIONS))

    def test_are_omitted_without_the_option(self, pytester: pytest.Pytester) -> None:
        """The table stays as it is."""
        assert not [line for line in coverage_lines(run(pytester, TWO)) if "decides" in line]

    def test_of_other_types_are_near_an_allowed_request(self, pytester: pytest.Pytester) -> None:
        """If that lacks a part, a line names it."""
        text = """
import attrs
@attrs.frozen
class Ticket:
    urgent: bool = True
    owner: str | None = None
    note: Role | None = None
URGENT = Policy("urgent", [Rule("urgent", Facts(Ticket)(lambda t: t.urgent).is_true())])
NOTED = Policy("noted", [Rule("noted", Facts(Ticket)(lambda t: t.note).then(lambda n: n.label).equals("x"))])
def test():
    assert not URGENT.decide(None)
    assert URGENT.decide(Ticket())
    assert not NOTED.decide(Ticket())
"""
        assert [
            "noted: requests in which a test decides are missing",
            "  no analysis of policy 'noted': like has no note, but the analysis varies it: pass a request that has one",
            "urgent: requests in which a test decides are missing",
            "  a Ticket: the typical one, but with urgent = false",
        ] == coverage_lines(run(pytester, text, *self.OPTIONS))

    def test_ask_no_function_again_about_a_request(self, pytester: pytest.Pytester) -> None:
        """What it answered is in the decision."""
        text = """
calls = []
ODD = Policy("odd", [Rule("r", context("n", int).satisfies("odd", lambda n: not calls.append(n) and n % 2 == 1))])
def test():
    assert not ODD.decide(a_request(context={"n": 9000}))
    assert [9000] == calls
"""
        run(pytester, text, *self.OPTIONS).assert_outcomes(passed=1)


class TestFailUnder:
    """The share of rules that a run has to cover."""

    HALF: Final = """
P = ESCALATE_TO_VIDEO.without(*[code for code in ESCALATE_TO_VIDEO if code not in ("agent_enabled", "ringcentral_sso")])
def test():
    assert P.decide(a_request())
    assert not P.decide(a_request(enabled=False))
"""

    @pytest.mark.parametrize(("limit", "status"), [("0", 0), ("50", 0), ("5e1", 0), ("50.1", 1), ("100", 1)])
    def test_fails_a_run_below_the_limit(self, pytester: pytest.Pytester, limit: str, status: int) -> None:
        """Exactly the limit is enough."""
        assert status == run(pytester, self.HALF, f"--policy-cov-fail-under={limit}").ret

    def test_names_the_share_and_the_limit(self, pytester: pytest.Pytester) -> None:
        """In one line, also if the table is switched off."""
        result = run(pytester, self.HALF, "--policy-cov-fail-under=75.50", "--policy-cov-report=none")
        assert ["50.0 % of the rules are covered, and --policy-cov-fail-under asks for 75.5 %"] == coverage_lines(
            result
        )

    def test_fails_a_run_without_decisions(self, pytester: pytest.Pytester) -> None:
        """A plugin that sees nothing must not let a run pass."""
        result = run(pytester, "def test(): pass", "--policy-cov-fail-under=1")
        assert pytest.ExitCode.TESTS_FAILED == result.ret
        note = "no decision of any policy was recorded"
        assert [note, f"{note}, and --policy-cov-fail-under asks for 1 %"] == coverage_lines(result)

    def test_does_not_count_decisions_during_imports(self, pytester: pytest.Pytester) -> None:
        """No test made them, and each worker would count them."""
        result = run(pytester, "ESCALATE_TO_VIDEO.decide(a_request())\n\ndef test():\n    pass\n")
        result.assert_outcomes(passed=1)
        assert ["no decision of any policy was recorded"] == coverage_lines(result)

    @pytest.mark.parametrize(
        "check",
        [
            "check_policy(ENABLED)",
            "check_where(ENABLED, {AGENT: 'enabled'}, select=lambda _: {1: 1}, request_of=lambda _: a_request())",
        ],
    )
    def test_does_not_count_the_decisions_of_a_check(self, pytester: pytest.Pytester, check: str) -> None:
        """They alone would cover all rules."""
        text = f"""def test(decisions):
    from escalation_policy.testing import check_policy, check_where
    AGENT = fact(lambda r: r.agent.enabled)
    ENABLED = Policy("enabled", [Rule("enabled", AGENT.is_true())])
    {check}
    assert decisions == []
"""
        result = run(pytester, text)
        result.assert_outcomes(passed=1)
        assert ["no decision of any policy was recorded"] == coverage_lines(result)

    def test_fails_nothing_at_0(self, pytester: pytest.Pytester) -> None:
        """A single test can be run in a project with a higher limit."""
        result = run(pytester, "def test(): pass", "--policy-cov-fail-under=0")
        assert pytest.ExitCode.OK == result.ret

    def test_keeps_another_exit_status(self, pytester: pytest.Pytester) -> None:
        """Such as that of a run without tests."""
        assert pytest.ExitCode.NO_TESTS_COLLECTED == run(pytester, "", "--policy-cov-fail-under=100").ret

    @pytest.mark.parametrize("value", ["101", "-1", "nan", "inf", "many", ""])
    def test_rejects_anything_but_a_percentage(self, pytester: pytest.Pytester, value: str) -> None:
        """The error is raised before any test runs."""
        result = run(pytester, TWO, f"--policy-cov-fail-under={value}")
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        expected = "*argument --policy-cov-fail-under: must be a number from 0 to 100"
        result.stderr.fnmatch_lines([expected])


class TestWorkers:
    """Several processes with one report."""

    TEXT: Final = """
@pytest.mark.parametrize("code", [*ESCALATE_TO_VIDEO][:8] * 4)
def test(code):
    assert not ESCALATE_TO_VIDEO.allows(a_request(denied_by=code))

def test_policy():
    assert Policy("own", [Rule("open", context("open", bool).is_true())]).decide(a_request(context={"open": True}))
"""

    @pytest.mark.slow
    @pytest.mark.parametrize("options", [["-n2"], ["-n2", "--dist=loadfile"], ["-n0"]], ids=" ".join)
    def test_report_the_same_as_one_process(self, pytester: pytest.Pytester, options: list[str]) -> None:
        """The same table and the same exit status."""
        pytest.importorskip("xdist", reason="needs pytest-xdist")
        alone = run(pytester, self.TEXT, "--policy-cov-fail-under=90")
        together = run(pytester, self.TEXT, "--policy-cov-fail-under=90", "-p", "xdist", *options)
        assert coverage_lines(alone) == coverage_lines(together)
        assert "all policies: 8 of 17 rules covered, 47.0 %" in coverage_lines(alone)
        assert pytest.ExitCode.TESTS_FAILED == alone.ret == together.ret

    @pytest.mark.slow
    def test_share_no_fixture(self, pytester: pytest.Pytester) -> None:
        """Each test has its own decisions, and each failure its section."""
        pytest.importorskip("xdist", reason="needs pytest-xdist")
        text = """
@pytest.mark.parametrize("number", range(20))
def test(decisions, number):
    assert [ESCALATE_TO_VIDEO.decide(a_request(message_id=str(number)))] == decisions

def test_fails():
    assert ESCALATE_TO_VIDEO.allows(a_request(enabled=False))
"""
        result = run(pytester, text, "-p", "xdist", "-n2")
        result.assert_outcomes(passed=20, failed=1)
        result.stdout.fnmatch_lines(["*- decisions -*", "deny escalate_to_video", "- agent_enabled (unmet): *"])

    def test_do_not_show_decisions_of_the_controller(self, pytester: pytest.Pytester) -> None:
        """They belong to no test."""
        pytest.importorskip("xdist", reason="needs pytest-xdist")
        pytester.makeconftest(HEAD + "def pytest_sessionstart():\n    ESCALATE_TO_VIDEO.decide(a_request())\n")
        result = run(pytester, "def test():\n    assert False\n", "-p", "xdist", "-n1")
        result.assert_outcomes(failed=1)
        result.stdout.no_fnmatch_line("*- decisions -*")

    def test_are_reported_if_they_stop(self, pytester: pytest.Pytester) -> None:
        """The decisions of a worker that crashed are lost, and the report says so."""
        pytest.importorskip("xdist", reason="needs pytest-xdist")
        text = f"""{TWO}
import os
def test_dies():
    os._exit(1)
"""
        result = run(pytester, text, "-p", "xdist", "-n1")
        assert "incomplete: a worker stopped, and its decisions are not counted" == coverage_lines(result)[-1]

    def test_send_plain_data_and_report_nothing(self, pytester: pytest.Pytester) -> None:
        """A process with a `workeroutput` is a worker."""
        pytester.makeconftest("""
import json

def pytest_configure(config):
    config.workeroutput = {}

def pytest_unconfigure(config):
    print(json.dumps(config.workeroutput))
""")
        result = run(pytester, TWO, "--policy-cov-fail-under=100")
        assert 0 == result.ret
        assert [] == coverage_lines(result)
        ((key, ((policy_id, rows),)),) = json.loads(result.outlines[-1]).items()
        assert ("escalation_policy.policy_coverage", "escalate_to_video", 16) == (key, policy_id, len(rows))


class TestBesidePytestCov:
    """Both kinds of coverage in one run."""

    def test_counts_the_lines_of_the_host(self, pytester: pytest.Pytester) -> None:
        """Also those that run during imports: the plugin imports no module of the host."""
        pytest.importorskip("pytest_cov", reason="needs pytest-cov")
        pytester.makepyfile(host="from escalation_policy import ESCALATE_TO_VIDEO\n\nPOLICY = ESCALATE_TO_VIDEO\n")
        pytester.makepyfile(HEAD + "from host import POLICY\n\ndef test():\n    assert POLICY.decide(a_request())\n")
        result = pytester.runpytest_subprocess("-p", PLUGIN, "-p", "pytest_cov", "--cov=host", "-p", "no:cacheprovider")
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["host.py * 100%"])
        result.stdout.fnmatch_lines(["escalate_to_video: 0 of 16 rules covered, 0.0 %"])
