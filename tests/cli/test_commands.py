"""Commands answer on standard output and by their exit status. Failures are one line on standard error."""

import io
import json
import os
import re
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from time import process_time
from types import SimpleNamespace
from typing import Any

import pytest

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind, Policy, Rule, predicate
from escalation_policy.cli import main
from example_policy import NO_WHATSAPP

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
ALLOWED = str(EXAMPLES / "allowed.json")
DENIED = str(EXAMPLES / "extension-in-another-account.json")
POLICY = "escalation_policy.cli._imports.ESCALATE_TO_VIDEO"
DIRECTORY = str(EXAMPLES / "directory")
Captured = pytest.CaptureFixture[str]


def exit_status(arguments: Sequence[str]) -> int | str | None:
    """Return the exit status for invalid arguments."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code


def fail(*_: object) -> None:
    """Stand for a mistake in the program."""
    raise KeyError("hunter2-4111")


class Stream(io.TextIOWrapper):
    """A standard output that cannot be written, or has few characters."""

    def __init__(self, error: OSError | None = None, encoding: str = "utf-8") -> None:
        """Open a file, so that there is a descriptor to replace."""
        self.error = error
        super().__init__(io.BytesIO(), encoding=encoding)
        self.replaced = os.open(os.devnull, os.O_WRONLY)

    def fileno(self) -> int:
        """Return the descriptor of that file."""
        return self.replaced

    def flush(self) -> None:
        """Raise the error once, as the system does until the descriptor is replaced."""
        error, self.error = self.error, None
        if error is not None:
            raise error
        super().flush()


class TestDecide:
    """`escalation-policy decide`."""

    @pytest.mark.parametrize(
        "options", [[], ["--format", "json"], ["--quiet"], ["--reveal"], ["--format", "json", "--reveal"]]
    )
    def test_exit_status_is_the_effect(self, options: list[str]) -> None:
        """0 is allow and 1 is deny, with every option."""
        assert main(["decide", *options, ALLOWED]) == 0
        assert main(["decide", *options, DENIED]) == 1

    def test_reads_the_arguments_of_the_process(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """It does so if `main()` gets none."""
        monkeypatch.setattr(sys, "argv", ["escalation-policy", "decide", DENIED])
        assert main() == 1
        assert capsys.readouterr().out.startswith("DENY escalate_to_video, version 1\n\nextension_in_account: unmet\n")

    def test_quiet_prints_nothing(self, capsys: Captured) -> None:
        """Not on standard error either."""
        main(["decide", "--quiet", DENIED])
        assert capsys.readouterr() == ("", "")

    def test_a_step_of_several_reasons_is_printed_once(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """It has the codes of all of them."""
        remedy = ESCALATE_TO_VIDEO["agent_in_domain"].remedy
        rules = [Rule(code, predicate("never", lambda _: False), remedy=remedy) for code in ("first", "second")]
        monkeypatch.setattr(POLICY, Policy("custom", rules))
        main(["decide", ALLOWED])
        printed = capsys.readouterr().out
        assert printed.count("- first, second: Load all records") == 1
        assert printed.count("Load all records") == 1

    def test_a_rule_without_remedy_has_no_steps(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """The answer ends after the evidence."""
        policy = Policy("custom", [Rule("never", predicate("never", lambda _: False))])
        monkeypatch.setattr(POLICY, policy)
        main(["decide", ALLOWED])
        assert (
            capsys.readouterr().out
            == "DENY custom\n\nnever: unmet\n  Requires that never holds.\n  Seen: never = false.\n"
        )

    def test_shows_type_and_place_of_an_error(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """Text and JSON show them, and never the message of the exception."""

        def broken(_: object) -> bool:
            raise RuntimeError("ada@example.com")

        policy = Policy("custom", [Rule("broken", predicate("broken", broken))])
        monkeypatch.setattr(POLICY, policy)
        main(["decide", ALLOWED])
        text = capsys.readouterr().out
        assert "\nbroken: error, RuntimeError at " in text
        main(["decide", "--format", "json", ALLOWED])
        document = capsys.readouterr().out
        assert json.loads(document)["reasons"][0]["error"].startswith("RuntimeError at ")
        assert "ada@example.com" not in text + document

    @pytest.mark.parametrize("options", [[], ["--format", "json"]], ids=["text", "json"])
    def test_only_reveal_shows_ids(self, options: list[str], capsys: Captured) -> None:
        """It shows the two that were compared, and no other value."""
        main(["decide", *options, DENIED])
        assert "771300042" not in capsys.readouterr().out
        main(["decide", *options, "--reveal", DENIED])
        printed = capsys.readouterr().out
        assert "771300042" in printed
        assert "664287016" in printed
        assert "ada@example.com" not in printed

    def test_revealed_values_are_beside_the_evidence(self, capsys: Captured) -> None:
        """They are Python literals, by fact: the tested one and the one that it is compared with."""
        main(["decide", "--format", "json", "--reveal", DENIED])
        (evidence,) = json.loads(capsys.readouterr().out)["reasons"][0]["evidence"]
        assert evidence["seen"] == "another value"
        assert evidence["revealed"] == {
            "agent.ringcentral.account_id": "'771300042'",
            "domain.ringcentral_account_id": "'664287016'",
        }

    def test_values_that_are_not_masked_are_not_revealed_again(self, capsys: Captured) -> None:
        """The evidence shows them already."""
        main(["decide", "--format", "json", "--reveal", str(EXAMPLES / "video-access-not-looked-up.json")])
        (evidence,) = json.loads(capsys.readouterr().out)["reasons"][0]["evidence"]
        assert evidence["seen"] == "unknown"
        assert evidence["revealed"] == {}

    @pytest.mark.parametrize("options", [[], ["--format", "json"]], ids=["text", "json"])
    def test_hostile_values_are_inert(self, options: list[str], tmp_path: Path, capsys: Captured) -> None:
        """What a terminal would obey is escaped. Markup is printed as it is."""
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
        """Two answers can be compared as text."""
        main(["decide", "--format", "json", DENIED])
        printed = capsys.readouterr().out
        assert printed.isascii()
        assert json.dumps(json.loads(printed), indent=2, sort_keys=True) + "\n" == printed

    @pytest.mark.parametrize("options", [[], ["--format", "json"], ["--quiet"]], ids=["text", "json", "quiet"])
    def test_unusable_input_is_reported_in_one_line(self, options: list[str], tmp_path: Path, capsys: Captured) -> None:
        """It goes to standard error, and the exit status is 2."""
        path = tmp_path / "none.json"
        assert main(["decide", *options, str(path)]) == 2
        assert capsys.readouterr() == ("", f"escalation-policy: {path}: no such file or directory\n")

    def test_a_hostile_file_name_is_inert(self, capsys: Captured) -> None:
        """It is escaped like the content of files."""
        assert main(["decide", "\x1b]0;title\x07[red]\u202e\n"]) == 2
        assert capsys.readouterr().err == (
            "escalation-policy: \\x1b]0;title\\x07[red]\\u202e\\n: no such file or directory\n"
        )


class TestManyCases:
    """`decide` with several files, a folder, or JSON lines."""

    def test_are_a_line_each_and_a_total(self, capsys: Captured) -> None:
        """In the order of the arguments."""
        assert main(["decide", DENIED, ALLOWED]) == 1
        assert capsys.readouterr().out == (
            f"DENY  {DENIED}: extension_in_account\nALLOW {ALLOWED}\n2 cases: 1 allowed, 1 denied\n"
        )

    def test_may_be_unusable(self, tmp_path: Path, capsys: Captured) -> None:
        """The others are decided nevertheless. A folder has the files directly in it."""
        for name in ("b.json", "c.txt", "more/d.json"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("{", encoding="utf-8")
        (tmp_path / "a.json").write_bytes(Path(ALLOWED).read_bytes())
        assert main(["decide", str(tmp_path)]) == 2
        first, second, total = capsys.readouterr().out.splitlines()
        assert first == f"ALLOW {tmp_path / 'a.json'}"
        assert second == f"ERROR {tmp_path / 'b.json'}: must be JSON, got an error in line 1, column 2"
        assert total == "2 cases: 1 allowed, 0 denied, 1 unusable"

    def test_may_be_lines(self, tmp_path: Path, capsys: Captured) -> None:
        """Each is named by its number. 500 take a second or two; measuring lines takes longer."""
        line = json.dumps(json.loads(Path(ALLOWED).read_bytes()))
        file = tmp_path / "cases.jsonl"
        file.write_text(f"{line}\n\n" * 500, encoding="utf-8")
        start = process_time()
        assert main(["decide", "--format", "json", str(file)]) == 0
        assert process_time() - start < 6
        answer = json.loads(capsys.readouterr().out)
        assert {"allowed": 500, "denied": 0, "unusable": 0} == answer["total"]
        assert f"{file}:3" == answer["cases"][1]["case"]
        assert {"allow"} == {case["effect"] for case in answer["cases"]}

    def test_name_what_is_unusable_in_json(self, capsys: Captured) -> None:
        """Beside the decisions."""
        assert main(["decide", "--format", "json", ALLOWED, "missing"]) == 2
        assert {"case": "missing", "error": "missing: no such file or directory"} in json.loads(
            capsys.readouterr().out
        )["cases"]

    def test_are_not_none(self, tmp_path: Path, capsys: Captured) -> None:
        """An empty folder is a typing error."""
        assert main(["decide", str(tmp_path)]) == 2
        assert ": no case is in it: a folder must have .json files" in capsys.readouterr().err
        assert main(["decide", "missing.jsonl"]) == 2
        assert "missing.jsonl: no such file" in capsys.readouterr().err


class TestPolicy:
    """`--policy MODULE:ATTRIBUTE`."""

    @pytest.mark.parametrize("words", [["decide"], ["escalate"]])
    def test_decides(self, words: list[str], capsys: Captured) -> None:
        """The case is allowed by the built-in policy, and not by this one."""
        assert main([*words, "--policy", "example_policy:NO_WHATSAPP", ALLOWED]) == 1
        assert f"escalate_to_video, version {NO_WHATSAPP.version}" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "words", [["rules"], ["channels"], ["checklist", ALLOWED], ["audit", DIRECTORY], ["who-can", DIRECTORY]]
    )
    def test_is_named(self, words: list[str], capsys: Captured) -> None:
        """In the first line."""
        assert main([*words, "--policy", "example_policy:NO_WHATSAPP"]) == 0
        assert f", version {NO_WHATSAPP.version}" in capsys.readouterr().out.splitlines()[0]

    def test_decides_requests_of_case_files(self, capsys: Captured) -> None:
        """No others."""
        assert main(["decide", "--policy", "example_policy:OTHER_REQUESTS", ALLOWED]) == 2
        assert "--policy must decide EscalationRequest, got an Order" in capsys.readouterr().err


class TestChannels:
    """`channels`."""

    def test_are_possible_or_denied_by_rules(self, capsys: Captured) -> None:
        """For private and public messages."""
        assert main(["channels"]) == 0
        rows = {line.split()[0]: " ".join(line.split()[1:]) for line in capsys.readouterr().out.splitlines()[3:]}
        assert {kind.value for kind in ChannelKind} == set(rows)
        assert ("yes yes", "yes no: twitter_private", "no: channel_supported no: channel_supported") == (
            rows["whats_app"],
            rows["twitter"],
            rows["instagram"],
        )

    def test_are_data(self, capsys: Captured) -> None:
        """With the same content."""
        assert main(["channels", "--format", "json"]) == 0
        twitter = next(each for each in json.loads(capsys.readouterr().out)["channels"] if each["kind"] == "twitter")
        assert twitter["private"] == {"possible": True, "codes": []}
        assert twitter["public"] == {"possible": False, "codes": ["twitter_private"]}


class TestCompletion:
    """`completion SHELL`."""

    @pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
    def test_completes_commands_and_options(self, shell: str, capsys: Captured) -> None:
        """The script is read by a shell."""
        assert main(["completion", shell]) == 0
        assert {"who-can", "audit", "reveal"} <= set(
            re.findall(r"[a-z-]+[a-z]", capsys.readouterr().out.replace("--", " "))
        )


class TestFaults:
    """A fault of the program itself."""

    def test_is_one_line(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """Its text, which may hold anything, is not shown."""
        monkeypatch.setattr("escalation_policy.cli._decisions.add_decision", fail)
        assert main(["decide", ALLOWED]) == 2
        printed = capsys.readouterr().err
        assert "escalation-policy: a fault of escalation-policy itself: KeyError at " in printed
        assert (printed.count("\n"), printed.count("hunter2")) == (1, 0)

    def test_is_a_traceback_for_developers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With `python -X dev`."""
        monkeypatch.setattr("escalation_policy.cli._decisions.add_decision", fail)
        monkeypatch.setattr(sys, "flags", SimpleNamespace(dev_mode=True))
        with pytest.raises(KeyError):
            main(["decide", ALLOWED])


class TestRules:
    """`escalation-policy rules`."""

    def test_every_rule_has_the_words_of_its_condition(self, capsys: Captured) -> None:
        """Rules are in the order of the policy."""
        main(["rules"])
        printed = capsys.readouterr().out
        places = [
            printed.index(f"\n{rule.code}\n  {rule.explanation}\n  requires  {rule.requires.words()}\n")
            for rule in ESCALATE_TO_VIDEO.rules
        ]
        assert sorted(places) == places

    def test_prints_one_rule(self, capsys: Captured) -> None:
        """By its code."""
        assert main(["rules", "role_permits"]) == 0
        assert [line for line in capsys.readouterr().out.splitlines() if line in ESCALATE_TO_VIDEO] == ["role_permits"]
        assert main(["rules", "role_permit"]) == 2
        assert " has no such rule (did you mean role_permits?): domain_linked, " in capsys.readouterr().err

    def test_missing_texts_of_a_rule_are_dashes(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """There is no source, no remedy and no prerequisite."""
        policy = Policy("custom", [Rule("open", predicate("open", lambda _: True))], version="7")
        monkeypatch.setattr(POLICY, policy)
        main(["rules"])
        assert capsys.readouterr().out == (
            f"custom, version 7, fingerprint {policy.fingerprint}\n\n"
            "open\n  Requires that open holds.\n  requires  open holds\n  source    -\n  remedy    -\n  after     -\n"
        )

    def test_wraps_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """Lines are as wide as the terminal."""
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", "40")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        main(["rules"])
        assert max(map(len, capsys.readouterr().out.splitlines())) == 40


class TestArguments:
    """The arguments of the command line."""

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
                ["decide", "--format", "json", "--quiet", "x"],
                (
                    "escalation-policy decide: argument --quiet: not allowed with argument --format; "
                    "see escalation-policy decide --help\n"
                ),
            ),
            (
                ["decide", "--rev", "x"],
                (
                    "escalation-policy decide: it does not accept all of these arguments (did you mean --reveal?); "
                    "see escalation-policy decide --help\n"
                ),
            ),
            (
                ["decode", "x"],
                (
                    "escalation-policy: argument COMMAND: must be one of decide, escalate, rules, channels, checklist, audit, fetch, who-can, compare, examine, log, completion "
                    "(did you mean decide?); see escalation-policy --help\n"
                ),
            ),
            (
                ["audit", "--format", "hunter2-4111", "x"],
                (
                    "escalation-policy audit: argument --format: must be one of text, json, csv, html; "
                    "see escalation-policy audit --help\n"
                ),
            ),
            (
                ["log", "summary", "x", "--untill=hunter2"],
                (
                    "escalation-policy log summary: it does not accept all of these arguments (did you mean --until?); "
                    "see escalation-policy log summary --help\n"
                ),
            ),
            (
                ["checklist", "x", "\x1b[31m\n\u202e"],
                (
                    "escalation-policy checklist: it does not accept all of these arguments; "
                    "see escalation-policy checklist --help\n"
                ),
            ),
        ],
        ids=["nothing", "version", "no file", "both", "abbreviated", "command", "choice", "question", "hostile"],
    )
    def test_rejects_invalid_arguments(self, arguments: list[str], line: str, capsys: Captured) -> None:
        """The message is one line, and options cannot be abbreviated."""
        assert exit_status(arguments) == 2
        assert capsys.readouterr() == ("", line)

    @pytest.mark.parametrize(
        ("command", "name"),
        [
            ("decide", "FILE"),
            ("escalate", "FILE"),
            ("checklist", "FILE"),
            ("audit", "FILE-OR-DIR"),
            ("who-can", "FILE-OR-DIR"),
        ],
    )
    def test_rejects_an_empty_path(self, command: str, name: str, capsys: Captured) -> None:
        """A shell makes it from a variable that is not set. It would mean the current folder."""
        assert exit_status([command, ""]) == 2
        line = f"escalation-policy {command}: argument {name}: must be a path, got an empty one"
        assert capsys.readouterr() == ("", f"{line}; see escalation-policy {command} --help\n")

    def test_rejects_unknown_commands(self, capsys: Captured) -> None:
        """The message lists the commands."""
        assert exit_status(["\x1bexplain"]) == 2
        printed = capsys.readouterr().err
        assert printed.count("\n") == 1
        assert "\x1b" not in printed
        assert "decide" in printed
        assert "rules" in printed

    def test_prints_the_version_of_the_package(self, capsys: Captured) -> None:
        """It is the installed one."""
        assert exit_status(["--version"]) == 0
        assert capsys.readouterr() == (f"escalation-policy {version('escalation_policy')}\n", "")

    @pytest.mark.parametrize(
        "arguments", [["--help"], ["decide", "--help"], ["escalate", "--help"], ["rules", "--help"]]
    )
    def test_prints_help(self, arguments: list[str], capsys: Captured) -> None:
        """The exit status is 0."""
        assert exit_status(arguments) == 0
        assert capsys.readouterr().out.startswith("usage: escalation-policy")


class TestStreams:
    """The standard streams."""

    @pytest.mark.parametrize(("file", "status"), [(ALLOWED, 0), (DENIED, 1)], ids=["allowed", "denied"])
    def test_a_reader_that_has_gone_away_changes_nothing(
        self, file: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        """The exit status is still the answer."""
        stream = Stream(BrokenPipeError(32, "Broken pipe"))
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["decide", file]) == status
        assert capsys.readouterr().err == ""

    def test_a_full_disk_is_reported(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """The answer could not be written."""
        monkeypatch.setattr(sys, "stdout", Stream(OSError(28, "No space left on device")))
        assert main(["decide", ALLOWED]) == 2
        assert capsys.readouterr().err == ("escalation-policy: the answer cannot be written: no space left on device\n")

    def test_works_without_standard_streams(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process can be started without them. The exit status is the answer."""
        monkeypatch.setattr(sys, "stdout", None)
        monkeypatch.setattr(sys, "stderr", None)
        assert main(["decide", DENIED]) == 1
        assert main(["decide", "none.json"]) == 2

    def test_characters_that_the_stream_cannot_encode_are_escaped(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every answer can be written to an ASCII stream."""
        case: dict[str, Any] = json.loads(Path(ALLOWED).read_text("utf-8"))
        case["intervention"]["user_id"] = "é"
        path = tmp_path / "case.json"
        path.write_text(json.dumps(case), "utf-8")
        stream = Stream(encoding="ascii")
        monkeypatch.setattr(sys, "stdout", stream)
        main(["decide", "--reveal", str(path)])
        stream.seek(0)
        assert "intervention.agent_id = '\\xe9'\n" in stream.read()
