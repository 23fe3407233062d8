"""A checklist says of each step whether it is done, and the exit status whether all are.

After a change of texts that is meant, write the golden outputs anew and read what changed:

    for case in allowed extension-in-another-account new-agent no-extension ringcentral-not-asked unlinked-domain; do
        golden=tests/cli/golden_administration/checklist-$case; file=docs/examples/$case.json
        escalation-policy checklist $file > $golden.txt; escalation-policy checklist --json $file > $golden.json
    done
"""

import json
from pathlib import Path
from typing import Any

import pytest

from escalation_policy import ESCALATE_TO_VIDEO, Policy, Rule, fact
from escalation_policy.cli import main

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
GOLDEN = Path(__file__).parent / "golden_administration"
NAMES = sorted(path.stem.removeprefix("checklist-") for path in GOLDEN.glob("checklist-*.json"))
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def case() -> dict[str, Any]:
    """Gives what a checklist needs of a case that is allowed."""
    said: dict[str, Any] = json.loads((EXAMPLES / "allowed.json").read_text("utf-8"))
    return {key: said[key] for key in ("domain", "user", "role", "ringcentral")}


def write(path: Path, said: object) -> str:
    """Writes a case file."""
    path.write_text(json.dumps(said), "utf-8")
    return str(path)


class TestGoldenOutputs:
    """What is printed when nobody's terminal is involved."""

    def test_there_are_some_of_every_kind(self) -> None:
        """Otherwise the others here would say little."""
        assert len(NAMES) >= 6
        assert {"allowed", "new-agent", "ringcentral-not-asked"} <= {*NAMES}

    @pytest.mark.parametrize("name", NAMES)
    def test_text(self, name: str, capsys: Captured) -> None:
        """The text is the golden one, and the exit status agrees."""
        status = main(["checklist", str(EXAMPLES / f"{name}.json")])
        printed = capsys.readouterr()
        assert (GOLDEN / f"checklist-{name}.txt").read_text("utf-8") == printed.out
        assert (0 if printed.out.startswith("READY") else 1) == status
        assert printed.err == ""

    @pytest.mark.parametrize("name", NAMES)
    def test_json(self, name: str, capsys: Captured) -> None:
        """The document is the golden one, and the exit status agrees."""
        status = main(["checklist", "--json", str(EXAMPLES / f"{name}.json")])
        printed = capsys.readouterr()
        assert (GOLDEN / f"checklist-{name}.json").read_text("utf-8") == printed.out
        assert (0 if json.loads(printed.out)["ready"] else 1) == status
        assert printed.err == ""


class TestChecklist:
    """`escalation-policy checklist`."""

    # What happens on a channel is not asked.
    def test_needs_the_domain_the_user_and_the_role(self, case: dict[str, Any], tmp_path: Path) -> None:
        """A case file without a message does."""
        assert main(["checklist", write(tmp_path / "case.json", case)]) == 0

    def test_does_not_look_at_the_message(self, case: dict[str, Any], tmp_path: Path) -> None:
        """A case that cannot be decided can be listed."""
        case["content"], case["source"], case["login"] = None, "whats_app", "sso"
        path = write(tmp_path / "case.json", case)
        assert main(["checklist", path]) == 0
        assert main(["decide", path]) == 2

    def test_quiet_prints_nothing(self, capsys: Captured) -> None:
        """The exit status tells."""
        assert main(["checklist", "--quiet", str(EXAMPLES / "no-extension.json")]) == 1
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
    def test_shows_nothing_private(self, options: list[str], case: dict[str, Any], capsys: Captured) -> None:
        """There is nothing to reveal."""
        main(["checklist", *options, str(EXAMPLES / "extension-in-another-account.json")])
        printed = capsys.readouterr().out
        private = [case["user"]["email"], case["role"]["label"], "664287016", "664307016", "771300042"]
        assert [] == [each for each in private if each in printed]

    def test_faults_of_all_records_are_told_in_one_line(
        self, case: dict[str, Any], tmp_path: Path, capsys: Captured
    ) -> None:
        """With the status 2."""
        case["user"]["enabled"] = "yes"
        case["role"]["label"] = None
        path = write(tmp_path / "case.json", case)
        assert main(["checklist", path]) == 2
        expected = (
            f"escalation-policy: {path}: role.label must be a non-blank str, got None; "
            "user.enabled must be true or false, got a str\n"
        )
        assert capsys.readouterr() == ("", expected)

    @pytest.mark.parametrize("key", ["domain", "user", "role"])
    def test_refuses_a_case_without_what_it_needs(
        self, key: str, case: dict[str, Any], tmp_path: Path, capsys: Captured
    ) -> None:
        """Naming what is missing."""
        del case[key]
        assert main(["checklist", write(tmp_path / "case.json", case)]) == 2
        assert capsys.readouterr().err.endswith(
            f": a case lacks {key}: it needs domain, user, role and can have source, content, login, ringcentral, "
            "intervention, identity, event, deferred, context\n"
        )

    def test_a_file_that_is_not_there_is_told(self, capsys: Captured) -> None:
        """As `decide` tells it."""
        assert main(["checklist", "none.json"]) == 2
        assert capsys.readouterr() == ("", "escalation-policy: none.json: no such file or directory\n")

    def test_tells_nothing_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """A rule without a remedy has no steps, and here no rule asks for anything else."""
        rule = Rule("enabled", ~fact(lambda r: r.agent.enabled).is_true())
        monkeypatch.setattr("escalation_policy.cli._commands.ESCALATE_TO_VIDEO", Policy("mine", [rule]))
        main(["checklist", str(EXAMPLES / "allowed.json")])
        assert capsys.readouterr().out == (
            "NOT READY mine:setup\n\nenabled: to do\n  Requires that agent.enabled is false.\n"
        )

    def test_wraps_and_colours_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """Done is green, to do is red, what is to look out for is yellow."""
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", "60")
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)
        main(["checklist", str(EXAMPLES / "new-agent.json")])
        printed = capsys.readouterr().out
        assert "\x1b[1;31mNOT READY\x1b[0m" in printed
        assert "\x1b[32mdone\x1b[0m" in printed
        assert "\x1b[31mto do\x1b[0m" in printed
        assert "\x1b[33mWatch out: \x1b[0m" in printed
        assert all(step.code in printed for step in ESCALATE_TO_VIDEO.rules)
