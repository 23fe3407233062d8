"""The example project: as a host runs it, it passes, and with a mistake in the policy it fails and says where."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import escalation_policy

DOCS: Final = Path(__file__).parents[2] / "docs"
PROJECT: Final = DOCS / "examples" / "host_tests"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project in a folder of its own, without what earlier runs have left behind."""
    return shutil.copytree(PROJECT, tmp_path / "host", ignore=shutil.ignore_patterns(".*", "__pycache__"))


def run(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs the tests of a project in a process of their own, with no plugin but the one that it opts into."""
    package = str(Path(escalation_policy.__file__).parents[1])
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=project,
        env=inherited | {"PYTHONPATH": path, "PYTHONUTF8": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


class TestTheProject:
    """The project as it is."""

    def test_passes_with_every_rule_covered(self, copy: Path) -> None:
        """All that its own configuration asks for."""
        ended = run(copy)
        assert "escalate_to_video: 19 of 19 rules covered, 100.0 %" in ended.stdout.splitlines()
        assert 0 == ended.returncode, ended.stdout

    def test_tests_in_fewer_than_40_lines(self) -> None:
        """Blank ones included."""
        assert len((PROJECT / "test_permissions.py").read_text("utf-8").splitlines()) < 40

    def test_is_the_one_that_the_documentation_explains(self) -> None:
        """Its policy stands there whole, and its tests in pieces."""
        page = (DOCS / "test-your-permission-logic.md").read_text("utf-8")
        tests = (PROJECT / "test_permissions.py").read_text("utf-8").partition("DAY = ")[2].splitlines()

        assert (PROJECT / "permissions.py").read_text("utf-8") in page
        assert [] == [line for line in tests if line not in page]


def changed(channel: str, right: str, wrong: str) -> str:
    """Gives what pytest says of a line of the table that differs in the last cell."""
    return " != ".join(f"'| {channel:26} | quiet_hours          | {cell:20} |'" for cell in (right, wrong))


def misjudged(line: int, seen: str) -> str:
    """Gives what is said of `low_risk` where its function fails."""
    requires = 'Requires that context.risk_score satisfies "a score below 5"'
    return f"- low_risk (error TypeError at permissions.py:{line}): {requires}. Seen: context.risk_score = {seen}."


#: What is replaced, by what, and the text that tells.
MISTAKES: Final = {
    "a rule dropped": (
        "with_rules(quiet_hours, of_age, low_risk)",
        "with_rules(quiet_hours, of_age)",
        "policy 'escalate_to_video' has no rule of that code",
    ),
    "a channel more": (
        "[ChannelKind.CHAT, ",
        "[ChannelKind.VIBER, ChannelKind.CHAT, ",
        changed("viber", "quiet_hours", "allow"),
    ),
    "a function that raises": (
        "return score < 5",
        'return score < "5"',
        misjudged(8, "error"),
    ),
    "a function without a return": (
        "return score < 5",
        "score < 5",
        misjudged(6, "None, not a bool"),
    ),
    "a negation lost": (
        '~context("minor", bool)',
        'context("minor", bool)',
        "- of_age (unmet): Requires that context.minor is true. Seen: context.minor = false.",
    ),
    "or instead of and": (
        "in_our_chats & edits_all_cases",
        "in_our_chats | edits_all_cases",
        changed("apple_business_chat", "quiet_hours", "allow"),
    ),
    "another permission": (
        "Permission.UPDATE_INTERVENTION",
        "Permission.UPDATE_OWN_INTERVENTION",
        changed("chat", "allow", "quiet_hours"),
    ),
    "another context key": (
        'context("risk_score", int)',
        'context("risk", int)',
        '- low_risk (unknown): Requires that context.risk satisfies "a score below 5". Seen: context.risk = unknown.',
    ),
    "a rule hidden": (
        'after=["channel_supported"]',
        'after=["channel_supported", "low_risk"]',
        "hidden: quiet_hours (after low_risk)",
    ),
    "a built-in rule missing": (
        "POLICY = ESCALATE_TO_VIDEO.",
        'POLICY = ESCALATE_TO_VIDEO.without("video_access").',
        "policy 'escalate_to_video' has no rule of that code",
    ),
}


class TestMistakes:
    """Mistakes that people make in policies."""

    @pytest.mark.parametrize(("right", "wrong", "told"), MISTAKES.values(), ids=list(MISTAKES))
    def test_fail_a_test_that_names_the_rule(self, right: str, wrong: str, told: str, copy: Path) -> None:
        """Or shows the line of the table in which it comes or goes."""
        policy = copy / "permissions.py"
        text = policy.read_text("utf-8")
        assert 1 == text.count(right)
        policy.write_text(text.replace(right, wrong), encoding="utf-8")

        ended = run(copy, "--exitfirst")

        assert told in ended.stdout.replace(f"{copy}{os.sep}", "")
        assert 1 == ended.returncode
