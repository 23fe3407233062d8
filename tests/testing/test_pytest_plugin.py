"""The pytest plugin: what it sees, what it explains, and what it reports, in runs of its own."""

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
from escalation_policy.testing._recorder import Recorder, unrecorded
from support import ALLOWED, SAMPLE, Sample

PLUGIN: Final = "escalation_policy.testing.pytest_plugin"
DENIED: Final = a_request(denied_by="video_access")
#: What the tests of a run may need.
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
    """Runs in other processes and folders find the package all the same, and load no plugin that is not asked for."""
    monkeypatch.setenv("PYTHONPATH", str(Path(escalation_policy.__file__).parents[1]))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def ignore(*_: object) -> None:
    """Sees nothing."""


def run(pytester: pytest.Pytester, text: str, *options: str, plugin: bool = True) -> pytest.RunResult:
    """Runs some tests within this process."""
    pytester.makepyfile(HEAD + text)
    return pytester.runpytest_inprocess(*(("-p", PLUGIN) if plugin else ()), "-p", "no:cacheprovider", *options)


def lines_of(result: pytest.RunResult) -> list[str]:
    """Gives what the report says of coverage, line by line, or nothing."""
    lines = [line.rstrip() for line in result.outlines if line]
    start = next((at for at, line in enumerate(lines) if line.strip("= ") == "policy coverage"), len(lines) - 1)
    end = next((at for at, line in enumerate(lines) if at > start and line.startswith("=")), len(lines))
    return lines[start + 1 : end]


class TestRecorder:
    """It stands in front of all policies, and changes nothing."""

    def test_passes_every_answer_on_as_it_is(self) -> None:
        """Whether the policy was made before or meanwhile, whatever it is asked, and however it is called."""
        seen: list[tuple[object, ...]] = []
        before: Any = Policy("p", [Rule("r", SAMPLE(lambda r: r.flag).is_true())])
        remove = Recorder(lambda policy, decision: seen.append((policy, decision))).install()
        try:
            meanwhile: Any = Policy("q", [Rule("r", SAMPLE.predicate("holds", lambda r: r.flag))])
            request = Sample()
            made = [before.decide(request), meanwhile.decide(request=request)]
            asked = [before.allows(request), meanwhile.allows(request=None)]
            with pytest.raises(TypeError):
                before.decide()
        finally:
            remove()
        assert [True, False] == asked
        assert [
            (before, made[0]),
            (meanwhile, made[1]),
            (before, made[0]),
            (meanwhile, unrecorded(meanwhile, "decide")(None)),
        ] == seen
        assert all(told[1] is decision for told, decision in zip(seen, made, strict=False))
        assert meanwhile.decide(request) == made[1]
        assert 4 == len(seen)

    def test_leaves_policies_what_they_are(self) -> None:
        """They are compared, copied and sent as ever, and look as ever when pytest shows them."""
        remove = Recorder(ignore).install()
        try:
            for again in (copy.deepcopy(ESCALATE_TO_VIDEO), pickle.loads(pickle.dumps(ESCALATE_TO_VIDEO))):
                assert ESCALATE_TO_VIDEO == again
                assert hash(ESCALATE_TO_VIDEO) == hash(again)
                assert again.allows(ALLOWED)
            assert "<function decide of policy escalate_to_video>" == repr(ESCALATE_TO_VIDEO.decide)
            assert pickle.loads(pickle.dumps(ESCALATE_TO_VIDEO.decide))(ALLOWED)
            assert 1 == len({ESCALATE_TO_VIDEO.decide, ESCALATE_TO_VIDEO.decide})
            assert cast("object", ESCALATE_TO_VIDEO.decide) != ESCALATE_TO_VIDEO.allows
            assert "<member 'allows' of 'Policy' objects>" == repr(cast("Any", Policy).allows)
            with pytest.raises(AttributeError):
                _ = object.__new__(Policy).decide
        finally:
            remove()

    def test_goes_as_it_came(self) -> None:
        """What stood there before stands there again, another recorder too; one at a time sees."""
        seen: list[str] = []
        untouched = dict(Policy.__dict__)
        remove_outer = Recorder(lambda _, __: seen.append("outer")).install()
        remove_inner = Recorder(lambda _, __: seen.append("inner")).install()
        ESCALATE_TO_VIDEO.allows(ALLOWED)
        remove_inner()
        ESCALATE_TO_VIDEO.allows(ALLOWED)
        remove_outer()
        ESCALATE_TO_VIDEO.allows(ALLOWED)
        assert ["inner", "outer"] == seen
        assert untouched == dict(Policy.__dict__)


class TestSwitch:
    """Nothing happens until somebody asks for it."""

    def test_is_off_by_default(self, pytester: pytest.Pytester) -> None:
        """The package brings no entry point, and no run is recorded without the plugin."""
        result = run(pytester, TWO, plugin=False)
        result.assert_outcomes(passed=2)
        result.stdout.no_fnmatch_line("*policy coverage*")

    def test_is_on_for_a_conftest_that_names_it(self, pytester: pytest.Pytester) -> None:
        """One line, and no option on the command line; one that imports from it as well is not warned."""
        pytester.makeconftest(f"from {PLUGIN} import Decisions\npytest_plugins = ['{PLUGIN}']")
        result = run(pytester, TWO, "--policy-cov-only=escalate_to_video", plugin=False)
        result.assert_outcomes(passed=2, warnings=0)
        result.stdout.fnmatch_lines(["*= policy coverage =*", "escalate_to_video: 1 of 16 rules covered, 6.2 %"])

    def test_leaves_nothing_behind(self, pytester: pytest.Pytester) -> None:
        """After the run every policy is its own again."""
        untouched = dict(Policy.__dict__)
        run(pytester, TWO).assert_outcomes(passed=2)
        assert untouched == dict(Policy.__dict__)

    def test_costs_a_start_little(self) -> None:
        """Beside the builders and what any run of pytest loads, its own modules are all that is imported."""
        code = """if True:
            import sys
            from _pytest.config import get_config
            get_config()
            import escalation_policy.testing
            before = set(sys.modules)
            import escalation_policy.testing.pytest_plugin
            print(*sorted(set(sys.modules) - before))"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        own = "_comparisons _coverage _coverage_reports pytest_plugin".split()
        assert [f"escalation_policy.testing.{name}" for name in own] == done.stdout.split()


class TestDecisions:
    """The fixture has every decision of its test, and of no other."""

    def test_has_them_in_order_from_the_start_of_the_setup(self, pytester: pytest.Pytester) -> None:
        """Also of fixtures that come before it, and of `allows()`; the next test begins anew."""
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

    def test_has_them_from_any_thread_and_task(self, pytester: pytest.Pytester) -> None:
        """None is lost, whoever decides at the same time."""
        text = """
def decide(times=500):
    for _ in range(times):
        ESCALATE_TO_VIDEO.decide(a_request())

def test_threads(decisions):
    threads = [threading.Thread(target=decide) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
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

    def test_has_what_predicates_said_at_the_time(self, pytester: pytest.Pytester) -> None:
        """They are asked once, by `allows()` too."""
        text = """
def test_predicate(decisions):
    asked = []
    policy = Policy("p", [Rule("r", predicate("asks", lambda request: bool(asked.append(request))))])
    policy.decide(a_request())
    assert 1 == len(asked)
    policy.allows(a_request())
    assert 2 == len(asked)
    assert ["r", "r"] == [each.reasons[0].code for each in decisions]
"""
        run(pytester, text).assert_outcomes(passed=1)


class TestSection:
    """A test that fails shows what was decided in it."""

    def test_explains_the_decision(self, pytester: pytest.Pytester) -> None:
        """As `explain()` does, and without what that masks."""
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
        """The very last one at the end, and how many there were before; another test's are not among them."""
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

    def test_is_left_out_where_there_is_nothing_to_say(self, pytester: pytest.Pytester) -> None:
        """No decision, no failure, or only one after the test."""
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

    def test_is_there_where_a_fixture_failed(self, pytester: pytest.Pytester) -> None:
        """Fixtures that log somebody in call `raise_if_denied()`."""
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
    """What pytest says where a decision was compared."""

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
                "SMALL.decide(a_request()) == SMALL.replace(TOLD).decide(a_request())",
                ["assert allow == allow", "ringcentral_sso: the texts differ"],
            ),
            (
                "Policy('p', ESCALATE_TO_VIDEO.rules[::-1]).decide(a_request()) == decide(a_request())",
                ["assert allow == allow", "the reasons come in another order"],
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
                ["assert allow == True", "a decision equals nothing but decisions: compare decision.allowed"],
            ),
            (
                "False is decide(DENIED)",
                [
                    "assert False is deny (video_access)",
                    "a decision equals nothing but decisions: compare decision.allowed",
                ],
            ),
            (
                "decide(DENIED) == Effect.DENY",
                [
                    "assert deny (video_access) == <Effect.DENY: 'deny'>",
                    "a decision equals nothing but decisions: compare decision.effect",
                ],
            ),
            (
                "decide(DENIED) == 'video_access'",
                [
                    "assert deny (video_access) == 'video_access'",
                    "a decision equals nothing but decisions: compare the codes of decision.reasons",
                ],
            ),
            (
                "[] == decide(DENIED)",
                [
                    "assert [[]] == deny (video_access)",
                    "a decision equals nothing but decisions: compare decision.effect or decision.reasons",
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
            "strangers",
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
    def test_say_what_differs(self, pytester: pytest.Pytester, compared: str, expected: list[str]) -> None:
        """What differs, or what to compare instead, or what pytest says by itself."""
        text = f"""
DENIED = a_request(video=VideoAccess.DENIED)
TOLD = Rule("ringcentral_sso", fact(lambda r: r.login).equals(Login.RINGCENTRAL_SSO), explanation="Told.")
decide = ESCALATE_TO_VIDEO.decide
{SMALL}
def test():
    assert {compared}
"""
        result = run(pytester, text, "-vv", "--policy-cov-report=none", "--show-capture=no", "--tb=short")
        result.assert_outcomes(failed=1)
        said = [line[1:].strip() for line in result.outlines if line.startswith("E ")]
        assert len(expected) <= len(said)
        result.stdout.fnmatch_lines([f"E * {line}" for line in expected])


class TestReports:
    """Where the figures go."""

    def test_are_a_table_by_default(self, pytester: pytest.Pytester) -> None:
        """Each rule in order, and below what is missing."""
        lines = lines_of(run(pytester, TWO))
        assert "escalate_to_video: 1 of 16 rules covered, 6.2 %" == lines[0]
        assert "  rule                     met  unmet  unknown  error  decisive" == lines[1]
        assert "  video_access               1      1        0      0         1" == lines[10]
        assert '  domain_linked was never decisive: a_request(denied_by="domain_linked")' == lines[18]
        assert 1 + 1 + 16 + 15 == len(lines)

    def test_are_files_where_they_are_asked_for(self, pytester: pytest.Pytester) -> None:
        """Once each, beside no table; folders are made."""
        result = run(
            pytester,
            TWO,
            "--policy-cov-report=json",
            "--policy-cov-report=markdown:out/new/c.md",
            "--policy-cov-report=json:d",
        )
        assert 0 == result.ret
        assert [] == lines_of(result)
        written = (pytester.path / "policy-coverage.json").read_bytes()
        assert written == (pytester.path / "d").read_bytes()
        assert written.endswith(b"}\n")
        assert 1 == json.loads(written)["covered"]
        assert json.loads(written)["complete"]
        assert (pytester.path / "out/new/c.md").read_text(encoding="utf-8").startswith("# Policy coverage\n\n1 of 16 ")

    def test_are_a_table_and_a_file(self, pytester: pytest.Pytester) -> None:
        """Each one is asked for by itself."""
        assert lines_of(run(pytester, TWO, "--policy-cov-report=markdown", "--policy-cov-report=term"))
        assert (pytester.path / "policy-coverage.md").exists()

    def test_are_none_where_none_is_asked_for(self, pytester: pytest.Pytester) -> None:
        """It takes back what was asked for before, as in the configuration."""
        pytester.makeini("[pytest]\naddopts = --policy-cov-report=term --policy-cov-report=json")
        assert [] == lines_of(run(pytester, TWO, "--policy-cov-report=none"))
        assert not (pytester.path / "policy-coverage.json").exists()

    def test_fail_a_run_that_cannot_write_them(self, pytester: pytest.Pytester) -> None:
        """Nobody should look at the file of the run before."""
        pytester.mkdir("taken")
        result = run(pytester, TWO, "--policy-cov-report=json:taken")
        assert pytest.ExitCode.TESTS_FAILED == result.ret
        assert ["cannot write taken: is a directory"] == lines_of(result)

    def test_say_that_there_was_nothing(self, pytester: pytest.Pytester) -> None:
        """In one line, and as a file with nothing in it."""
        result = run(pytester, "def test(): pass", "--policy-cov-report=term", "--policy-cov-report=json")
        assert 0 == result.ret
        assert ["no decision of any policy was recorded"] == lines_of(result)
        assert [] == json.loads((pytester.path / "policy-coverage.json").read_text(encoding="utf-8"))["policies"]

    def test_are_left_out_where_no_test_runs(self, pytester: pytest.Pytester) -> None:
        """A list of tests has decided nothing, and fails nothing."""
        result = run(pytester, TWO, "--collect-only", "--policy-cov-fail-under=100")
        assert 0 == result.ret
        assert [] == lines_of(result)

    @pytest.mark.parametrize("given", ["html", "", "term:path", "none:", "json:", "Markdown"])
    def test_are_refused_where_they_mean_nothing(self, pytester: pytest.Pytester, given: str) -> None:
        """Before any test runs."""
        result = run(pytester, TWO, f"--policy-cov-report={given}")
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        accepted = "must be term, json[[]:PATH], markdown[[]:PATH] or none"
        result.stderr.fnmatch_lines([f"*argument --policy-cov-report: {accepted}"])


class TestOnly:
    """Policies that count, by id."""

    TEXT: Final = f"""{SMALL}
def test():
    assert SMALL.decide(a_request())
    assert not SMALL.decide(a_request(login=Login.PASSWORD))
    assert Policy("other", SMALL.rules).decide(a_request())
"""

    def test_count_alone(self, pytester: pytest.Pytester) -> None:
        """What tests throw away does not spoil the figure."""
        lines = lines_of(run(pytester, self.TEXT, "--policy-cov-only=small", "--policy-cov-fail-under=100"))
        assert ["small: 1 of 1 rules covered, 100.0 %"] == lines[:1]
        assert 3 == len(lines)

    def test_are_missed(self, pytester: pytest.Pytester) -> None:
        """A slip in an id would make every figure right."""
        options = "--policy-cov-only=small", "--policy-cov-only=smal"
        assert "no decision of smal was recorded" == lines_of(run(pytester, self.TEXT, *options))[-1]
        result = run(pytester, self.TEXT, *options, "--policy-cov-fail-under=1")
        assert pytest.ExitCode.TESTS_FAILED == result.ret
        assert "no decision of smal was recorded, and --policy-cov-fail-under asks for 1 %" == lines_of(result)[-1]


class TestFailUnder:
    """A share of rules that the run has to reach."""

    HALF: Final = """
P = ESCALATE_TO_VIDEO.without(*[code for code in ESCALATE_TO_VIDEO if code not in ("agent_enabled", "ringcentral_sso")])
def test():
    assert P.decide(a_request())
    assert not P.decide(a_request(enabled=False))
"""

    @pytest.mark.parametrize(("limit", "status"), [("0", 0), ("50", 0), ("5e1", 0), ("50.1", 1), ("100", 1)])
    def test_fails_a_run_that_falls_short(self, pytester: pytest.Pytester, limit: str, status: int) -> None:
        """What is reached exactly is reached."""
        assert status == run(pytester, self.HALF, f"--policy-cov-fail-under={limit}").ret

    def test_says_the_figure_and_the_limit(self, pytester: pytest.Pytester) -> None:
        """In one line, and where the table was switched off too."""
        result = run(pytester, self.HALF, "--policy-cov-fail-under=75.50", "--policy-cov-report=none")
        assert ["50.0 % of the rules are covered, and --policy-cov-fail-under asks for 75.5 %"] == lines_of(result)

    def test_fails_a_run_without_decisions(self, pytester: pytest.Pytester) -> None:
        """A plugin that sees nothing is no reason to pass."""
        result = run(pytester, "def test(): pass", "--policy-cov-fail-under=1")
        assert pytest.ExitCode.TESTS_FAILED == result.ret
        said = "no decision of any policy was recorded"
        assert [said, f"{said}, and --policy-cov-fail-under asks for 1 %"] == lines_of(result)

    def test_does_not_count_what_is_decided_while_modules_are_imported(self, pytester: pytest.Pytester) -> None:
        """No test has decided it, and with workers each of them would count it."""
        result = run(pytester, "ESCALATE_TO_VIDEO.decide(a_request())\n\ndef test():\n    pass\n")
        result.assert_outcomes(passed=1)
        assert ["no decision of any policy was recorded"] == lines_of(result)

    def test_does_not_count_what_the_laws_ask(self, pytester: pytest.Pytester) -> None:
        """They ask every rule everything; a suite would be covered by them alone."""
        text = """def test(decisions):
    from escalation_policy.testing import check_policy
    check_policy(ESCALATE_TO_VIDEO)
    assert decisions == []
"""
        result = run(pytester, text)
        result.assert_outcomes(passed=1)
        assert ["no decision of any policy was recorded"] == lines_of(result)

    def test_fails_nothing_at_0(self, pytester: pytest.Pytester) -> None:
        """That is how a single test is run in a project that asks for more."""
        result = run(pytester, "def test(): pass", "--policy-cov-fail-under=0")
        assert pytest.ExitCode.OK == result.ret

    def test_leaves_another_failure_what_it_is(self, pytester: pytest.Pytester) -> None:
        """A run without tests says so."""
        assert pytest.ExitCode.NO_TESTS_COLLECTED == run(pytester, "", "--policy-cov-fail-under=100").ret

    @pytest.mark.parametrize("given", ["101", "-1", "nan", "inf", "many", ""])
    def test_refuses_what_is_no_share(self, pytester: pytest.Pytester, given: str) -> None:
        """Before any test runs."""
        result = run(pytester, TWO, f"--policy-cov-fail-under={given}")
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        expected = "*argument --policy-cov-fail-under: must be a number from 0 to 100"
        result.stderr.fnmatch_lines([expected])


class TestWorkers:
    """Several processes, one report."""

    TEXT: Final = """
@pytest.mark.parametrize("code", [*ESCALATE_TO_VIDEO][:8] * 4)
def test(code):
    assert not ESCALATE_TO_VIDEO.allows(a_request(denied_by=code))

def test_policy():
    assert Policy("own", [Rule("open", context("open", bool).is_true())]).decide(a_request(context={"open": True}))
"""

    @pytest.mark.parametrize("options", [["-n2"], ["-n2", "--dist=loadfile"], ["-n0"]], ids=" ".join)
    def test_report_what_one_process_would(self, pytester: pytest.Pytester, options: list[str]) -> None:
        """Files, table and verdict."""
        pytest.importorskip("xdist", reason="needs pytest-xdist")
        asked = "--policy-cov-report=json", "--policy-cov-report=term", "--policy-cov-fail-under=90"
        alone = run(pytester, self.TEXT, *asked)
        written = (pytester.path / "policy-coverage.json").read_bytes()
        (pytester.path / "policy-coverage.json").unlink()
        together = run(pytester, self.TEXT, *asked, "-p", "xdist", *options)
        assert written == (pytester.path / "policy-coverage.json").read_bytes()
        assert lines_of(alone) == lines_of(together)
        assert 17 == json.loads(written)["rules"]
        assert pytest.ExitCode.TESTS_FAILED == alone.ret == together.ret

    def test_share_no_fixture(self, pytester: pytest.Pytester) -> None:
        """Each test has its own decisions, and a failure its section."""
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

    def test_are_not_taken_for_the_controller(self, pytester: pytest.Pytester) -> None:
        """What that one has decided by itself is of no test."""
        pytest.importorskip("xdist", reason="needs pytest-xdist")
        pytester.makeconftest(HEAD + "def pytest_sessionstart():\n    ESCALATE_TO_VIDEO.decide(a_request())\n")
        result = run(pytester, "def test():\n    assert False\n", "-p", "xdist", "-n1")
        result.assert_outcomes(failed=1)
        result.stdout.no_fnmatch_line("*- decisions -*")

    def test_are_missed(self, pytester: pytest.Pytester) -> None:
        """What a worker takes along when it dies is not passed over in silence."""
        pytest.importorskip("xdist", reason="needs pytest-xdist")
        text = f"""{TWO}
import os
def test_dies():
    os._exit(1)
"""
        result = run(pytester, text, "-p", "xdist", "-n1", "--policy-cov-report=json", "--policy-cov-report=term")
        assert "incomplete: a worker stopped, and what it had decided is not counted" == lines_of(result)[-1]
        assert not json.loads((pytester.path / "policy-coverage.json").read_text(encoding="utf-8"))["complete"]

    def test_hand_over_plain_data_and_report_nothing(self, pytester: pytest.Pytester) -> None:
        """As a process does that was given something to put it into."""
        pytester.makeconftest("""
import json

def pytest_configure(config):
    config.workeroutput = {}

def pytest_unconfigure(config):
    print(json.dumps(config.workeroutput))
""")
        result = run(pytester, TWO, "--policy-cov-fail-under=100", "--policy-cov-report=json")
        assert 0 == result.ret
        assert [] == lines_of(result)
        assert not (pytester.path / "policy-coverage.json").exists()
        ((key, ((policy_id, rows),)),) = json.loads(result.outlines[-1]).items()
        assert ("escalation_policy.policy_coverage", "escalate_to_video", 16) == (key, policy_id, len(rows))


class TestBesidePytestCov:
    """Both kinds of coverage in one run."""

    def test_leaves_lines_of_the_host_covered(self, pytester: pytest.Pytester) -> None:
        """What runs while the host's modules are imported is counted: the plugin imports none of them."""
        pytest.importorskip("pytest_cov", reason="needs pytest-cov")
        pytester.makepyfile(host="from escalation_policy import ESCALATE_TO_VIDEO\n\nPOLICY = ESCALATE_TO_VIDEO\n")
        pytester.makepyfile(HEAD + "from host import POLICY\n\ndef test():\n    assert POLICY.decide(a_request())\n")
        result = pytester.runpytest_subprocess("-p", PLUGIN, "-p", "pytest_cov", "--cov=host", "-p", "no:cacheprovider")
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["host.py * 100%"])
        result.stdout.fnmatch_lines(["escalate_to_video: 0 of 16 rules covered, 0.0 %"])
