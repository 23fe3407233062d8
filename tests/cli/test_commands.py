"""Each command answers on standard output, explains failures in one line on standard error, and says by its exit status."""

import io
import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from escalation_policy import ESCALATE_TO_VIDEO, Policy, Rule, predicate
from escalation_policy.cli import main

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
ALLOWED = str(EXAMPLES / "allowed.json")
DENIED = str(EXAMPLES / "extension-in-another-account.json")
POLICY = "escalation_policy.cli._commands.ESCALATE_TO_VIDEO"
VERSION = "escalation_policy.cli._commands.version"
Captured = pytest.CaptureFixture[str]


def fails(arguments: Sequence[str]) -> int | str | None:
    """Gives the status with which the arguments are refused."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code


class Stream(io.TextIOWrapper):
    """A standard output that cannot be written to, or knows few characters."""

    def __init__(self, error: OSError | None = None, encoding: str = "utf-8") -> None:
        """Opens a file that takes anything, so that the test can see what becomes of its descriptor."""
        self.error = error
        super().__init__(io.BytesIO(), encoding=encoding)
        self.replaced = os.open(os.devnull, os.O_WRONLY)

    def fileno(self) -> int:
        """Gives a descriptor of its own."""
        return self.replaced

    def flush(self) -> None:
        """Fails as the system does, until the descriptor leads elsewhere."""
        error, self.error = self.error, None
        if error is not None:
            raise error
        super().flush()


class TestDecide:
    """`escalation-policy decide`."""

    # The exit status is the answer, whatever is printed.
    @pytest.mark.parametrize("options", [[], ["--json"], ["--quiet"], ["--reveal"], ["--json", "--reveal"]])
    def test_exit_status_tells_the_effect(self, options: list[str]) -> None:
        """0 allows, 1 denies."""
        assert main(["decide", *options, ALLOWED]) == 0
        assert main(["decide", *options, DENIED]) == 1

    def test_reads_the_words_of_the_process(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """When no others are given."""
        monkeypatch.setattr(sys, "argv", ["escalation-policy", "decide", DENIED])
        assert main() == 1
        assert capsys.readouterr().out.startswith("DENY escalate_to_video, version 1\n\nextension_in_account: unmet\n")

    def test_quiet_prints_nothing(self, capsys: Captured) -> None:
        """Not a byte."""
        main(["decide", "--quiet", DENIED])
        assert capsys.readouterr() == ("", "")

    def test_a_step_that_several_reasons_ask_for_is_told_once(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        """With the codes of all of them."""
        remedy = ESCALATE_TO_VIDEO["agent_in_domain"].remedy
        rules = [Rule(code, predicate("never", lambda _: False), remedy=remedy) for code in ("first", "second")]
        monkeypatch.setattr(POLICY, Policy("mine", rules))
        main(["decide", ALLOWED])
        printed = capsys.readouterr().out
        assert printed.count("- first, second: Load all records") == 1
        assert printed.count("Load all records") == 1

    def test_a_rule_without_remedy_has_none_who_can_mend_it(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        """Nothing is made up."""
        policy = Policy("mine", [Rule("never", predicate("never", lambda _: False))])
        monkeypatch.setattr(POLICY, policy)
        main(["decide", ALLOWED])
        assert (
            capsys.readouterr().out
            == "DENY mine\n\nnever: unmet\n  Requires that never holds.\n  Seen: never = false.\n"
        )

    def test_an_error_is_told_by_type_and_place(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """In text and in JSON, never by its message."""

        def broken(_: object) -> bool:
            raise RuntimeError("ada@example.com")

        policy = Policy("mine", [Rule("broken", predicate("broken", broken))])
        monkeypatch.setattr(POLICY, policy)
        main(["decide", ALLOWED])
        text = capsys.readouterr().out
        assert "\nbroken: error, RuntimeError at " in text
        main(["decide", "--json", ALLOWED])
        document = capsys.readouterr().out
        assert json.loads(document)["reasons"][0]["error"].startswith("RuntimeError at ")
        assert "ada@example.com" not in text + document

    # Nothing that was masked is shown unless asked for.
    @pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
    def test_ids_are_shown_only_when_revealed(self, options: list[str], capsys: Captured) -> None:
        """Both that are compared, and nothing else."""
        main(["decide", *options, DENIED])
        assert "771300042" not in capsys.readouterr().out
        main(["decide", *options, "--reveal", DENIED])
        printed = capsys.readouterr().out
        assert "771300042" in printed
        assert "664287016" in printed
        assert "ada@example.com" not in printed

    def test_revealed_values_stand_beside_what_was_seen(self, capsys: Captured) -> None:
        """As literals, by fact: the one that is tested, and the one it is compared with."""
        main(["decide", "--json", "--reveal", DENIED])
        (evidence,) = json.loads(capsys.readouterr().out)["reasons"][0]["evidence"]
        assert evidence["seen"] == "another value"
        assert evidence["revealed"] == {
            "agent.ringcentral.account_id": "'771300042'",
            "domain.ringcentral_account_id": "'664287016'",
        }

    def test_nothing_is_revealed_of_what_is_not_masked(self, capsys: Captured) -> None:
        """What was seen says it."""
        main(["decide", "--json", "--reveal", str(EXAMPLES / "video-access-not-looked-up.json")])
        (evidence,) = json.loads(capsys.readouterr().out)["reasons"][0]["evidence"]
        assert evidence["seen"] == "unknown"
        assert evidence["revealed"] == {}

    # What a file says is never obeyed.
    @pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
    def test_hostile_values_are_inert(self, options: list[str], tmp_path: Path, capsys: Captured) -> None:
        """Escaped where a terminal would obey them, as they are where only markup would."""
        case: dict[str, Any] = json.loads(Path(ALLOWED).read_text("utf-8"))
        case["intervention"]["user_id"] = "\x1b[31m[red]\u202e\u2028\n:smile:\ud800"
        path = tmp_path / "case.json"
        path.write_text(json.dumps(case), "utf-8")
        main(["decide", *options, "--reveal", str(path)])
        printed = capsys.readouterr().out
        assert printed.isascii()
        assert "\x1b" not in printed
        assert "[31m[red]" in printed
        assert ":smile:" in printed

    def test_json_is_ascii_and_sorted(self, capsys: Captured) -> None:
        """So that two answers can be compared as text."""
        main(["decide", "--json", DENIED])
        printed = capsys.readouterr().out
        assert printed.isascii()
        assert json.dumps(json.loads(printed), indent=2, sort_keys=True) + "\n" == printed

    # Unusable input is one line, and no answer.
    @pytest.mark.parametrize("options", [[], ["--json"], ["--quiet"]], ids=["text", "json", "quiet"])
    def test_unusable_input_is_told_in_one_line(self, options: list[str], tmp_path: Path, capsys: Captured) -> None:
        """On standard error, with the status 2."""
        path = tmp_path / "none.json"
        assert main(["decide", *options, str(path)]) == 2
        assert capsys.readouterr() == ("", f"escalation-policy: {path}: no such file or directory\n")

    def test_a_hostile_file_name_is_inert(self, capsys: Captured) -> None:
        """As inert as what files hold."""
        assert main(["decide", "\x1b]0;mine\x07[red]\u202e\n"]) == 2
        assert capsys.readouterr().err == (
            "escalation-policy: \\x1b]0;mine\\x07[red]\\u202e\\n: no such file or directory\n"
        )


class TestRules:
    """`escalation-policy rules`."""

    def test_every_rule_is_told_in_the_words_of_its_condition(self, capsys: Captured) -> None:
        """In order."""
        main(["rules"])
        printed = capsys.readouterr().out
        places = [
            printed.index(f"\n{rule.code}\n  requires  {rule.requires.words()}\n") for rule in ESCALATE_TO_VIDEO.rules
        ]
        assert sorted(places) == places

    def test_a_bare_rule_is_told_with_dashes(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """Nothing is made up."""
        policy = Policy("mine", [Rule("open", predicate("open", lambda _: True))], version="7")
        monkeypatch.setattr(POLICY, policy)
        main(["rules"])
        assert capsys.readouterr().out == (
            f"mine, version 7, fingerprint {policy.fingerprint}\n\n"
            "open\n  requires  open holds\n  source    -\n  remedy    -\n  after     -\n"
        )

    def test_wraps_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """To its width."""
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", "40")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        main(["rules"])
        assert max(map(len, capsys.readouterr().out.splitlines())) == 40


class TestArguments:
    """What is asked."""

    # Arguments that make no sense are told in one line, and nothing is guessed from their beginnings.
    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            ([], "escalation-policy: the following arguments are required: COMMAND; see escalation-policy --help\n"),
            (
                ["--vers"],
                "escalation-policy: the following arguments are required: COMMAND; see escalation-policy --help\n",
            ),
            (
                ["decide"],
                (
                    "escalation-policy decide: the following arguments are required: FILE; "
                    "see escalation-policy decide --help\n"
                ),
            ),
            (
                ["decide", "--json", "--quiet", "x"],
                (
                    "escalation-policy decide: argument --quiet: not allowed with argument --json; "
                    "see escalation-policy decide --help\n"
                ),
            ),
            (
                ["decide", "--rev", "x"],
                "escalation-policy: decide takes no such arguments; see escalation-policy --help\n",
            ),
            (
                ["decode", "x"],
                (
                    "escalation-policy: argument COMMAND: must be one of decide, escalate, rules, checklist, audit, log "
                    "(did you mean decide?); see escalation-policy --help\n"
                ),
            ),
            (
                ["audit", "--format", "hunter2-4111", "x"],
                (
                    "escalation-policy audit: argument --format: must be one of table, json, csv, html; "
                    "see escalation-policy audit --help\n"
                ),
            ),
            (
                ["decide", "x", "\x1b[31m\n\u202e"],
                "escalation-policy: decide takes no such arguments; see escalation-policy --help\n",
            ),
        ],
        ids=["nothing", "version", "no file", "both", "abbreviated", "command", "choice", "hostile"],
    )
    def test_refuses_arguments_that_make_no_sense(self, arguments: list[str], line: str, capsys: Captured) -> None:
        """With the status 2."""
        assert fails(arguments) == 2
        assert capsys.readouterr() == ("", line)

    @pytest.mark.parametrize(
        ("command", "name"), [("decide", "FILE"), ("escalate", "FILE"), ("checklist", "FILE"), ("audit", "FILE-OR-DIR")]
    )
    def test_refuses_an_empty_path(self, command: str, name: str, capsys: Captured) -> None:
        """Which a shell makes of a variable that is not set; it would lead to the current folder."""
        assert fails([command, ""]) == 2
        line = f"escalation-policy {command}: argument {name}: must be a path, got an empty one"
        assert capsys.readouterr() == ("", f"{line}; see escalation-policy {command} --help\n")

    def test_refuses_unknown_commands(self, capsys: Captured) -> None:
        """Naming those there are."""
        assert fails(["\x1bexplain"]) == 2
        printed = capsys.readouterr().err
        assert printed.count("\n") == 1
        assert "\x1b" not in printed
        assert "decide" in printed
        assert "rules" in printed

    def test_version_is_the_packages(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """As it was installed."""
        monkeypatch.setattr(VERSION, {"escalation_policy": "4.5.6"}.__getitem__)
        assert fails(["--version"]) == 0
        assert capsys.readouterr() == ("escalation-policy 4.5.6\n", "")

    def test_a_checkout_has_no_version(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """None is made up."""

        def none(name: str) -> str:
            raise PackageNotFoundError(name)

        monkeypatch.setattr(VERSION, none)
        assert fails(["--version"]) == 0
        assert capsys.readouterr().out == "escalation-policy (not installed)\n"

    @pytest.mark.parametrize(
        "arguments", [["--help"], ["decide", "--help"], ["escalate", "--help"], ["rules", "--help"]]
    )
    def test_help_is_no_failure(self, arguments: list[str], capsys: Captured) -> None:
        """It is printed as an answer."""
        assert fails(arguments) == 0
        assert capsys.readouterr().out.startswith("usage: escalation-policy")


class TestStreams:
    """Where answers go."""

    # What standard output cannot take is no reason for another answer, or for a traceback.
    @pytest.mark.parametrize(("file", "status"), [(ALLOWED, 0), (DENIED, 1)], ids=["allowed", "denied"])
    def test_a_reader_that_has_gone_changes_nothing(
        self, file: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        """The exit status still tells the answer."""
        stream = Stream(BrokenPipeError(32, "Broken pipe"))
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["decide", file]) == status
        assert capsys.readouterr().err == ""

    def test_a_full_disk_is_told(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """The answer was not given."""
        monkeypatch.setattr(sys, "stdout", Stream(OSError(28, "No space left on device")))
        assert main(["decide", ALLOWED]) == 2
        assert capsys.readouterr().err == ("escalation-policy: the answer cannot be written: no space left on device\n")

    def test_without_streams_the_status_is_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process can be started without any."""
        monkeypatch.setattr(sys, "stdout", None)
        monkeypatch.setattr(sys, "stderr", None)
        assert main(["decide", DENIED]) == 1
        assert main(["decide", "none.json"]) == 2

    def test_what_the_stream_cannot_encode_is_escaped(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An ASCII one takes every answer."""
        case: dict[str, Any] = json.loads(Path(ALLOWED).read_text("utf-8"))
        case["intervention"]["user_id"] = "é"
        path = tmp_path / "case.json"
        path.write_text(json.dumps(case), "utf-8")
        stream = Stream(encoding="ascii")
        monkeypatch.setattr(sys, "stdout", stream)
        main(["decide", "--reveal", str(path)])
        stream.seek(0)
        assert "intervention.agent_id = '\\xe9'\n" in stream.read()
