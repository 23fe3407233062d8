"""A checklist shows for each step whether it is done. The exit status is 0 if all are.

After an intended change of texts, write the golden outputs again and review the changes:

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
    """Return the part of an allowed case that a checklist needs."""
    data: dict[str, Any] = json.loads((EXAMPLES / "allowed.json").read_text("utf-8"))
    return {key: data[key] for key in ("domain", "user", "role", "ringcentral")}


def write(path: Path, data: object) -> str:
    """Write a case file and return its path."""
    path.write_text(json.dumps(data), "utf-8")
    return str(path)


class TestGoldenOutputs:
    """The output, if it does not go to a terminal."""

    def test_exist_for_every_kind_of_case(self) -> None:
        """Otherwise the other tests here would prove little."""
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
        status = main(["checklist", "--format", "json", str(EXAMPLES / f"{name}.json")])
        printed = capsys.readouterr()
        assert (GOLDEN / f"checklist-{name}.json").read_text("utf-8") == printed.out
        assert (0 if json.loads(printed.out)["ready"] else 1) == status
        assert printed.err == ""


class TestChecklist:
    """`escalation-policy checklist`."""

    def test_needs_only_the_domain_the_user_and_the_role(self, case: dict[str, Any], tmp_path: Path) -> None:
        """The case file can be without a message."""
        assert main(["checklist", write(tmp_path / "case.json", case)]) == 0

    def test_does_not_read_the_message(self, case: dict[str, Any], tmp_path: Path) -> None:
        """A case that cannot be decided can still have a checklist."""
        case["content"], case["source"], case["login"] = None, "whats_app", "sso"
        path = write(tmp_path / "case.json", case)
        assert main(["checklist", path]) == 0
        assert main(["decide", path]) == 2

    def test_quiet_prints_nothing(self, capsys: Captured) -> None:
        """The exit status is the answer."""
        assert main(["checklist", "--quiet", str(EXAMPLES / "no-extension.json")]) == 1
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize("options", [[], ["--format", "json"]], ids=["text", "json"])
    def test_shows_nothing_private(self, options: list[str], case: dict[str, Any], capsys: Captured) -> None:
        """There is no `--reveal`."""
        main(["checklist", *options, str(EXAMPLES / "extension-in-another-account.json")])
        printed = capsys.readouterr().out
        private = [case["user"]["email"], case["role"]["label"], "664287016", "664307016", "771300042"]
        assert [] == [text for text in private if text in printed]

    def test_reports_the_faults_of_all_records_in_one_line(
        self, case: dict[str, Any], tmp_path: Path, capsys: Captured
    ) -> None:
        """The exit status is 2."""
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
    def test_rejects_a_case_without_a_required_record(
        self, key: str, case: dict[str, Any], tmp_path: Path, capsys: Captured
    ) -> None:
        """The message names the missing key."""
        del case[key]
        assert main(["checklist", write(tmp_path / "case.json", case)]) == 2
        assert capsys.readouterr().err.endswith(
            f": a case lacks {key}: it needs domain, user, role and can have source, content, login, ringcentral, "
            "intervention, identity, event, deferred, context, kinds\n"
        )

    def test_reports_a_missing_file(self, capsys: Captured) -> None:
        """The message is the same as that of `decide`."""
        assert main(["checklist", "none.json"]) == 2
        assert capsys.readouterr() == ("", "escalation-policy: none.json: no such file or directory\n")

    def test_leaves_out_empty_parts(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """Here the rule has no remedy, and no rule decides at the click."""
        rule = Rule("enabled", ~fact(lambda r: r.agent.enabled).is_true())
        monkeypatch.setattr("escalation_policy.cli._imports.ESCALATE_TO_VIDEO", Policy("custom", [rule]))
        main(["checklist", str(EXAMPLES / "allowed.json")])
        assert capsys.readouterr().out == (
            "NOT READY custom:setup\n\nenabled: to do\n  Requires that agent.enabled is false.\n"
        )

    def test_wraps_and_colors_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """Done is green, to do is red, and warnings are yellow."""
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
