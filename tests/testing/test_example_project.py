"""The example project: its tests pass, and with a mistake in the policy they fail and name the rule."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import escalation_policy

pytestmark = pytest.mark.once

DOCS: Final = Path(__file__).parents[2] / "docs"
PROJECT: Final = DOCS / "examples" / "host_tests"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the project to a folder of its own, without the files of earlier runs."""
    return shutil.copytree(PROJECT, tmp_path / "host", ignore=shutil.ignore_patterns(".*", "__pycache__"))


def run(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a project in a process of their own, with no plugin but the one that it switches on."""
    package = str(Path(escalation_policy.__file__).parents[1])
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=project,
        env=variables | {"PYTHONPATH": path, "PYTHONUTF8": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


class TestTheProject:
    """The project without a mistake."""

    @pytest.mark.slow
    def test_passes_with_every_rule_covered(self, copy: Path) -> None:
        """Its own configuration requires that."""
        result = run(copy)
        assert "escalate_to_video: 19 of 19 rules covered, 100.0 %" in result.stdout.splitlines()
        assert 0 == result.returncode, result.stdout

    def test_has_a_suite_of_fewer_than_40_lines(self) -> None:
        """Including blank lines."""
        assert len((PROJECT / "test_permissions.py").read_text("utf-8").splitlines()) < 40

    def test_is_the_project_of_the_documentation(self) -> None:
        """The page holds the whole policy, and all lines of the tests."""
        page = (DOCS / "test-your-permission-logic.md").read_text("utf-8")
        tests = (PROJECT / "test_permissions.py").read_text("utf-8").partition("DAY = ")[2].splitlines()

        assert (PROJECT / "permissions.py").read_text("utf-8") in page
        assert [] == [line for line in tests if line not in page]


def changed_line(channel: str, right: str, wrong: str) -> str:
    """Return the text of pytest for a line of the table that differs in the last cell."""
    return " != ".join(f"'| {channel:26} | quiet_hours          | {cell:20} |'" for cell in (right, wrong))


def failed_function(line: int, value: str) -> str:
    """Return the text for `low_risk` if its function fails."""
    requires = 'Requires that context.risk_score satisfies "a score below 5"'
    return f"- low_risk (error TypeError at permissions.py:{line}): {requires}. Seen: context.risk_score = {value}."


#: The text to replace, its replacement, and the text of the failure.
MISTAKES: Final = {
    "a rule is dropped": (
        "with_rules(quiet_hours, of_age, low_risk)",
        "with_rules(quiet_hours, of_age)",
        "policy 'escalate_to_video' has no rule of that code",
    ),
    "one more channel": (
        "[ChannelKind.CHAT, ",
        "[ChannelKind.VIBER, ChannelKind.CHAT, ",
        changed_line("viber", "quiet_hours", "allow"),
    ),
    "a function that raises": (
        "return score < 5",
        'return score < "5"',
        failed_function(8, "error"),
    ),
    "a function without a return": (
        "return score < 5",
        "score < 5",
        failed_function(6, "None, not a bool"),
    ),
    "a negation is lost": (
        '~context("minor", bool)',
        'context("minor", bool)',
        "- of_age (unmet): Requires that context.minor is true. Seen: context.minor = false.",
    ),
    "or instead of and": (
        "in_our_chats & edits_all_cases",
        "in_our_chats | edits_all_cases",
        changed_line("apple_business_chat", "quiet_hours", "allow"),
    ),
    "another permission": (
        "Permission.UPDATE_INTERVENTION",
        "Permission.UPDATE_OWN_INTERVENTION",
        changed_line("chat", "allow", "quiet_hours"),
    ),
    "another context key": (
        'context("risk_score", int)',
        'context("risk", int)',
        '- low_risk (unknown): Requires that context.risk satisfies "a score below 5". Seen: context.risk = unknown.',
    ),
    "a rule is hidden": (
        'after=["channel_supported"]',
        'after=["channel_supported", "low_risk"]',
        "hidden: quiet_hours (after low_risk)",
    ),
    "a built-in rule is missing": (
        "POLICY = ESCALATE_TO_VIDEO.",
        'POLICY = ESCALATE_TO_VIDEO.without("video_access").',
        "policy 'escalate_to_video' has no rule of that code",
    ),
}


class TestMistakes:
    """Typical mistakes in policies."""

    @pytest.mark.slow
    @pytest.mark.parametrize(("right", "wrong", "failure"), MISTAKES.values(), ids=list(MISTAKES))
    def test_fail_a_test_that_names_the_rule(self, right: str, wrong: str, failure: str, copy: Path) -> None:
        """Or shows the changed_line line of the table."""
        policy = copy / "permissions.py"
        text = policy.read_text("utf-8")
        assert 1 == text.count(right)
        policy.write_text(text.replace(right, wrong), encoding="utf-8")

        result = run(copy, "--exitfirst")

        assert failure in result.stdout.replace(f"{copy}{os.sep}", "")
        assert 1 == result.returncode
