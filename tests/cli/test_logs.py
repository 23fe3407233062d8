"""Logs are explained, counted and decided again; what is wrong with them is told beside the answer.

After a change of texts or pages that is meant, write the golden outputs anew and read what changed:

    golden=tests/cli/golden_logs log=docs/examples/decisions.log
    python tests/example_log.py > $log
    escalation-policy log why 60a4e1d27c9f5b0022c3d401 $log > $golden/why-denied.txt
    escalation-policy log why d08 $log > $golden/why-allowed.txt
    for format in table json csv; do escalation-policy log summary --format $format $log > $golden/summary.$format; done
    for format in table json; do
        PYTHONPATH=tests escalation-policy log replay --policy example_policy:POLICY --format $format $log \
            > $golden/replay.$format
    done
"""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

import example_log
import example_policy
from escalation_policy import Evidence
from escalation_policy.cli import _log_files, _logs, main
from escalation_policy.records import DecisionRecord, RecordedReason, record
from escalation_policy.testing import a_request

ROOT: Final = Path(__file__).parents[2]
LOG: Final = str(ROOT / "docs/examples/decisions.log")
GOLDEN: Final = Path(__file__).parent / "golden_logs"
ADA: Final = "60a4e1d27c9f5b0022c3d401"
POLICY: Final = ["--policy", "example_policy:POLICY"]
OTHER_TEXT: Final = "line does not end with a JSON object"
Captured = pytest.CaptureFixture[str]
Write = Callable[..., str]


@pytest.fixture
def lines() -> list[str]:
    """Gives the lines of the example log."""
    return Path(LOG).read_text("utf-8").splitlines()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Gives a function that writes a log."""

    def written(*lines: str | bytes, name: str = "a.log") -> str:
        path = tmp_path / name
        path.write_bytes(b"".join((each if isinstance(each, bytes) else each.encode()) + b"\n" for each in lines))
        return str(path)

    return written


def a_line(**fields: Any) -> str:
    """Gives the first denial of the example log, with some things different."""
    made = DecisionRecord.from_json(Path(LOG).read_text("utf-8").splitlines()[2])
    return attrs.evolve(made, **fields).to_json()


class TestExampleLog:
    """`docs/examples/decisions.log`."""

    def test_is_what_the_library_writes(self, lines: list[str]) -> None:
        """To the letter."""
        assert example_log.lines() == lines

    def test_holds_ids_only(self) -> None:
        """No name, no address, nothing that somebody wrote, no id of RingCentral."""
        text = Path(LOG).read_text("utf-8")
        assert not [word for word in ("ada", "example.com", "handle", "664307016", "664287016") if word in text.lower()]


class TestGoldenOutputs:
    """What is printed when nobody's terminal is involved."""

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("why-denied.txt", ["why", ADA]),
            ("why-allowed.txt", ["why", "d08"]),
            *((f"summary.{each}", ["summary", "--format", each]) for each in ("table", "json", "csv")),
            *((f"replay.{each}", ["replay", *POLICY, "--format", each]) for each in ("table", "json")),
        ],
    )
    def test_each(self, name: str, words: list[str], capsys: Captured) -> None:
        """To the letter."""
        assert main(["log", *words, LOG]) == 0
        assert ((GOLDEN / name).read_text("utf-8"), "") == capsys.readouterr()


class TestWhy:
    """`escalation-policy log why`."""

    def test_explains_the_decision_of_an_id_as_decide_does(self, capsys: Captured) -> None:
        """Of which it tells more: what it was about."""
        main(["decide", str(ROOT / "docs/examples/password-login.json")])
        decided = capsys.readouterr().out
        assert main(["log", "why", "d03", LOG]) == 0
        assert capsys.readouterr().out.startswith(f"{decided}\nWhat it was about\n  decision       d03\n")

    # A complaint names no decision.
    @pytest.mark.parametrize(
        ("name", "note", "decision"),
        [
            (ADA, f"About {ADA}: 6 decided, 3 denied. The latest denial:", "d28"),
            (
                "60a4e1d27c9f5b0022c3d402",
                "About 60a4e1d27c9f5b0022c3d402: 2 decided, 2 denied. The latest denial:",
                "d12",
            ),
            (
                "6421f0b83d7a2e0044f70801",
                "About 6421f0b83d7a2e0044f70801: 1 decided, 0 denied. The latest decision:",
                "d01",
            ),
            (
                "6421f1023d7a2e0066192a03",
                "About 6421f1023d7a2e0066192a03: 1 decided, 1 denied. The latest denial:",
                "d03",
            ),
        ],
        ids=["agent", "another agent", "message", "intervention"],
    )
    def test_finds_the_latest_denial(self, name: str, note: str, decision: str, capsys: Captured) -> None:
        """Of an agent, a message or an intervention; the latest decision, where none is a denial."""
        assert main(["log", "why", name, LOG]) == 0
        printed = capsys.readouterr().out
        assert printed.startswith(f"{note}\n\n")
        assert f"\n  decision       {decision}\n" in printed

    def test_finds_what_ties_it_to_other_records(self, write: Write, capsys: Captured) -> None:
        """Such as the id of a trace."""
        assert main(["log", "why", "trace-7", write(a_line(correlation_id="trace-7"))]) == 0
        assert "\n  correlation    trace-7\n" in capsys.readouterr().out

    def test_the_latest_is_not_the_last(self, lines: list[str], write: Write, capsys: Captured) -> None:
        """Lines of several processes may stand in any order."""
        assert main(["log", "why", ADA, write(*reversed(lines))]) == 0
        assert "decision       d28\n" in capsys.readouterr().out

    def test_looks_no_further_than_the_decision(self, write: Write, capsys: Captured) -> None:
        """There is one of its name."""
        assert main(["log", "why", "d03", write(a_line(), "{")]) == 0
        assert capsys.readouterr().err == ""

    def test_nothing_of_that_name_is_1(self, write: Write, capsys: Captured) -> None:
        """With one line that says so, beside what is wrong with the log."""
        log = write(a_line(), "{")
        assert main(["log", "why", "d99\x1b", log]) == 1
        assert [
            "",
            f"{log}:2: {OTHER_TEXT}\nescalation-policy: no decision in the log has that id, or is about it\n",
        ] == [*capsys.readouterr()]

    def test_tells_when_facts_were_read_afterwards(self, write: Write, capsys: Captured) -> None:
        """Then a clock is wrong."""
        at = DecisionRecord.from_json(a_line()).at
        main(["log", "why", "d03", write(a_line(facts_read_at=at.replace(hour=23)))])
        assert "facts read at  2026-01-30T23:17:00Z, 14:00:00 after\n" in capsys.readouterr().out

    def test_tells_what_was_not_known(self, write: Write, capsys: Captured) -> None:
        """Apart from what there was not."""
        facts = {"agent.id": "u1", "message.id": None, "message.channel.kind": None}
        main(["log", "why", "d03", write(a_line(facts=facts, unknown=["message.id"], facts_read_at=None))])
        printed = capsys.readouterr().out
        assert "\n  message       unknown\n" in printed
        assert "\n  channel       -\n" in printed
        assert "facts read" not in printed

    # The texts are those of the policy that decided, or none.
    def test_a_policy_that_is_not_known_is_explained_by_the_record(self, write: Write, capsys: Captured) -> None:
        """And it says so."""
        log = write(a_line(fingerprint="0", policy_id="mine", policy_version=None))
        assert main(["log", "why", "d03", log]) == 0
        assert capsys.readouterr().out.startswith(
            "DENY mine\n\nringcentral_sso: unmet\n  Requires that login equals ringcentral_sso.\n  Seen: login = password.\n\n"
            "The policy that decided is not known here, so this is what the record alone tells; --policy names one.\n"
            "Who acts first: The agent\n\nWhat it was about\n"
        )

    def test_a_record_may_tell_nothing_of_a_reason(self, write: Write, capsys: Captured) -> None:
        """Nothing is made up."""
        reason = RecordedReason("r", example_reason().status)
        main(["log", "why", "d03", write(a_line(fingerprint="0", reasons=[reason], next_party=None))])
        printed = capsys.readouterr().out
        assert "\nr: unmet\n  Requires that something holds.\n  Seen: nothing.\n" in printed
        assert "Who" not in printed

    def test_a_policy_can_be_named(self, write: Write, capsys: Captured) -> None:
        """By its module; its texts then explain what it decided."""
        main(["log", "why", "d1", write(hosts_decision()), "--policy", "example_policy:HOURS"])
        printed = capsys.readouterr().out
        assert "\nopening_hours: unknown\n  The office must be open.\n" in printed
        assert (
            "developers of the host application\n    - Supply context.open.\n  The agent\n    - Wait for the morning.\n"
            in printed
        )
        main(["log", "why", "d03", LOG, *POLICY])
        assert "Sign in with RingCentral" in capsys.readouterr().out

    def test_an_error_is_told_by_type_and_place(self, write: Write, capsys: Captured) -> None:
        """As the record has it."""
        line = json.loads(a_line())
        line["reasons"][0] |= {"status": "error", "error": "ValueError at rules.py:7"}
        main(["log", "why", "d03", write(json.dumps(line))])
        printed = capsys.readouterr().out
        assert "\nringcentral_sso: error, ValueError at rules.py:7\n" in printed
        assert "Fix rule ringcentral_sso" in printed

    def test_a_code_that_the_policy_lacks_is_explained_by_the_record(self, write: Write, capsys: Captured) -> None:
        """A line can claim anything."""
        main(["log", "why", "d03", write(a_line(reasons=[attrs.evolve(example_reason(), code="other")]))])
        assert "\nother: unmet\n  Requires that login equals ringcentral_sso.\n" in capsys.readouterr().out

    def test_nothing_in_a_record_is_obeyed(self, write: Write, capsys: Captured) -> None:
        """Nor in the name that is asked for."""
        evil = "\x1b[2J\nDENY\u202e"
        shown = [Evidence(evil, evil, evil)]
        reasons = [attrs.evolve(example_reason(), evidence=shown, error=evil)]
        facts = {"agent.id": evil, "login": evil}
        log = write(a_line(id="d1", correlation_id=evil, facts=facts, fingerprint=evil, reasons=reasons))
        for words in (["why", evil, log], ["why", f"{evil}{evil}", log], ["summary", log], ["summary", f"{log}{evil}"]):
            main(["log", *words])
            printed = "".join(capsys.readouterr())
            assert not [letter for letter in printed if not letter.isprintable() and letter != "\n"]
            assert "\nDENY\\u202e" not in printed


def example_reason() -> RecordedReason:
    """Gives the reason of the first denial."""
    return DecisionRecord.from_json(a_line()).reasons[0]


def hosts_decision() -> str:
    """Gives the record of a decision by a policy of a host's own."""
    decision = example_policy.HOURS.decide(a_request())
    return record(decision, at=DecisionRecord.from_json(a_line()).at, id="d1").to_json()


class TestSummary:
    """`escalation-policy log summary`."""

    def test_a_table_that_is_asked_for_is_whole(self, write: Write, capsys: Captured) -> None:
        """Of the others the first rows are shown."""
        log = write(*(a_line(id=f"d{number}", facts={"agent.id": f"u{number:02}"}) for number in range(23)))
        main(["log", "summary", log])
        printed = capsys.readouterr().out
        assert "\n  u19   1 denied   0 allowed\n" in printed
        assert "\n  and 3 more: --by agent shows all\n" in printed
        main(["log", "summary", "--by", "agent", "--by", "reason", "--by", "agent", log])
        printed = capsys.readouterr().out
        assert "u22" in printed
        assert "more" not in printed
        assert ["Agents", "Reasons"] == [line for line in printed.splitlines() if line and line[0].isupper()][2:]

    @pytest.mark.parametrize(
        ("every", "times"),
        [
            ("hour", {"2026-01-30T09:00:00Z", "2026-01-31T09:00:00Z"}),
            ("day", {"2026-01-30T00:00:00Z", "2026-01-31T00:00:00Z"}),
            ("week", {"2026-01-26T00:00:00Z"}),
        ],
    )
    def test_times_are_as_long_as_asked(self, every: str, times: set[str], capsys: Captured) -> None:
        """A day, where nobody asks."""
        main(["log", "summary", "--every", every, "--by", "time", "--format", "json", LOG])
        assert times <= {row["key"] for row in json.loads(capsys.readouterr().out)["times"]}

    # A time without a zone is one in UTC.
    @pytest.mark.parametrize(
        ("since", "decisions"),
        [
            ("2026-01-31", 7),
            ("2026-01-31T08:47", 6),
            ("2026-01-31T08:47:00Z", 6),
            ("2026-01-31T09:47:01+01:00", 5),
            ("2027-01-01", 0),
        ],
    )
    def test_leaves_out_what_was_decided_before(self, since: str, decisions: int, capsys: Captured) -> None:
        """And nothing that was decided then."""
        assert main(["log", "summary", "--since", since, LOG]) == 0
        assert capsys.readouterr().out.startswith(f"Decisions: {decisions}. ")

    def test_counts_what_could_not_be_read(self, lines: list[str], write: Write, capsys: Captured) -> None:
        """In each format; it is told on standard error."""
        log = write(*lines, b"\xff", lines[0][:-1])
        wrong = f"{log}:31: line must be UTF-8, got another byte at 0\n{log}:32: {OTHER_TEXT}\n"
        assert main(["log", "summary", log]) == 0
        printed = capsys.readouterr()
        assert "\nLines that could not be read: 2\n" in printed.out
        assert wrong == printed.err
        main(["log", "summary", "--format", "json", log])
        assert json.loads(capsys.readouterr().out)["broken"] == 2
        main(["log", "replay", *POLICY, log])
        assert "\nLines that could not be read: 2\n" in capsys.readouterr().out

    def test_tells_the_first_broken_lines(self, write: Write, capsys: Captured) -> None:
        """And how many more there are."""
        log = write(a_line(), *["{"] * 1021)
        assert main(["log", "summary", log]) == 0
        told = capsys.readouterr().err.splitlines()
        assert (21, "and 1,001 more") == (len(told), told[-1])
        assert told[19].startswith(f"{log}:21: ")

    def test_no_cell_is_a_formula(self, write: Write, capsys: Captured) -> None:
        """As in an audit; and what is not told is left empty."""
        log = write(a_line(facts={"agent.id": "=1+1"}), a_line(id="d9", facts={}))
        main(["log", "summary", "--by", "agent", "--format", "csv", log])
        rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
        assert [
            ["by", "key", "status", "denied", "allowed"],
            ["agent", "", "", "1", "0"],
            ["agent", "'=1+1", "", "1", "0"],
        ] == rows

    def test_of_nothing_there_is_nothing_to_tell(self, write: Write, capsys: Captured) -> None:
        """But when, if all of it was left out."""
        main(["log", "summary", "--since", "2027-01-01", write(a_line())])
        assert capsys.readouterr().out == "Decisions: 0. Denied: 0. Allowed: 0.\n"

    @pytest.mark.parametrize(
        "words",
        [
            ["--since", "yesterday"],
            ["--since", "0001-01-01T00:00:00+23:00"],
            ["--by", "role"],
            ["--every", "year"],
            ["--format", "html"],
            ["--within", ""],
        ],
    )
    def test_refuses_what_makes_no_sense(self, words: list[str], capsys: Captured) -> None:
        """With one line and the status 2."""
        with pytest.raises(SystemExit) as caught:
            main(["log", "summary", *words, LOG])
        assert caught.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


class TestReplay:
    """`escalation-policy log replay`."""

    def test_tells_what_records_do_not_tell(self, capsys: Captured) -> None:
        """Which fact, for how many; then the first of them."""
        assert main(["log", "replay", "--policy", "example_policy:HOURS", LOG]) == 0
        printed = capsys.readouterr().out
        assert "\n  not replayable                       30\n" in printed
        assert "\nWhat records do not tell\n  context.open  30\n\nNot replayable\n  d01  context.open\n" in printed
        assert printed.endswith("\n  d20  context.open\n  and 10 more\n")
        main(["log", "replay", "--policy", "example_policy:HOURS", "--format", "json", LOG])
        document = json.loads(capsys.readouterr().out)
        assert ({"context.open": 30}, 30) == (document["missing"], document["not_replayable"])
        assert {"id": "d30", "missing": ["context.open"]} == document["gaps"][-1]

    def test_tells_what_is_denied_now(self, capsys: Captured) -> None:
        """With the reasons of now."""
        main(["log", "replay", "--policy", "example_policy:NO_WHATSAPP", "--since", "2026-01-31", LOG])
        assert "\nWhat would change\n  d24  denied now  no_whats_app (unmet)\n" in capsys.readouterr().out
        main(["log", "replay", "--policy", "example_policy:NO_WHATSAPP", "--format", "json", LOG])
        flip = json.loads(capsys.readouterr().out)["flips"][0]
        now = [{"code": "no_whats_app", "status": "unmet"}]
        assert {"id": "d01", "effect": "deny", "then": [], "now": now} == flip

    # A policy is named by its module and its name there.
    @pytest.mark.parametrize(
        ("named", "told"),
        [
            ("example_policy", "--policy must be MODULE:ATTRIBUTE"),
            (
                "example_policy:NONE",
                "names nothing in its module, whose policies are ESCALATE_TO_VIDEO, POLICY, HOURS, NO_WHATSAPP",
            ),
            ("example_policy:NO_POLICY", "--policy must name a Policy, got a str"),
            ("no_such_module:POLICY", "names a module that is neither in this folder nor installed"),
            ("json.no_such_module:POLICY", "names a module that is neither in this folder nor installed"),
            ("json.decoder:POLICY", "names nothing in its module, whose policies are none"),
            ("", "--policy must be MODULE:ATTRIBUTE"),
        ],
    )
    def test_refuses_what_is_no_policy(self, named: str, told: str, capsys: Captured) -> None:
        """With one line and the status 2, before anything is read."""
        assert main(["log", "replay", "--policy", named, "none.log"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("escalation-policy: --policy ")
        assert err.endswith(f"{told}\n")

    def test_finds_a_policy_in_the_current_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        """However the command line was started."""
        (tmp_path / "rules_of_the_house.py").write_text(
            "from escalation_policy import ESCALATE_TO_VIDEO as HERE\n", "utf-8"
        )
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
        assert main(["log", "replay", "--policy", "rules_of_the_house:HERE", LOG]) == 0
        assert "\n  as before                            30\n" in capsys.readouterr().out


class TestFiles:
    """What a log is read from."""

    def test_several_files_are_one_log(self, lines: list[str], write: Write, capsys: Captured) -> None:
        """Packed or not; a broken line is told with its file."""
        packed = write(name="b.log.gz")
        Path(packed).write_bytes(gzip.compress("\n".join([*lines[10:], "{"]).encode()))
        assert main(["log", "summary", write(*lines[:10]), packed]) == 0
        printed = capsys.readouterr()
        assert printed.out.startswith("Decisions: 30. ")
        assert f"{packed}:21: {OTHER_TEXT}\n" == printed.err

    @pytest.mark.parametrize("question", [["why", "d03"], ["summary"], ["replay", *POLICY]])
    def test_records_are_found_inside_other_json(self, question: list[str], write: Write, capsys: Captured) -> None:
        """At a path."""
        log = write('{"message": "started"}', json.dumps({"log": {"record": a_line()}}))
        assert main(["log", *question, "--within", "log.record", log]) == 0
        assert capsys.readouterr().err == ""

    def test_what_cannot_be_opened_is_told(self, write: Write, tmp_path: Path, capsys: Captured) -> None:
        """The rest is read."""
        assert main(["log", "summary", "none.log", str(tmp_path), "a\0b", write(a_line())]) == 0
        printed = capsys.readouterr()
        assert printed.out.startswith("Decisions: 1. Denied: 1.")
        assert [
            "none.log: no such file or directory",
            f"{tmp_path}: is a directory",
            "a\\x00b: no file has such a name",
        ] == printed.err.splitlines()

    # 2 where nothing was readable.
    @pytest.mark.parametrize("question", [["why", "d03"], ["summary"], ["replay", *POLICY]])
    def test_nothing_readable_is_2(self, question: list[str], write: Write, capsys: Captured) -> None:
        """Whatever was asked."""
        empty, broken = write(name="empty.log"), write("{", name="broken.log")
        for files, told in (([empty], 1), ([broken], 2), (["none.log"], 2), (["none.log", empty, broken], 3)):
            assert main(["log", *question, *files]) == 2
            out, err = capsys.readouterr()
            assert ("", told) == (out, err.count("\n"))
            assert (
                "escalation-policy: no record of a decision could be read; where records stand in other JSON, --within"
                in err
            )

    def test_tells_how_far_it_has_come(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        """In bytes of all files, where that can be known."""
        told: list[tuple[str, Any]] = []
        monkeypatch.setattr(_logs, "Waiting", lambda: Watch(told))
        monkeypatch.setattr(_log_files, "_STEP", 1)
        first, second = write(a_line(), name="a.log"), write(a_line(), name="b.log")
        size = Path(first).stat().st_size
        main(["log", "summary", first, second])
        assert [("Reading", 2 * size), ("reached", size), ("reached", 2 * size)] == told
        told.clear()
        main(["log", "summary", first, "none.log"])
        assert [("Reading", None)] == told


class Watch:
    """Keeps what it is told."""

    def __init__(self, told: list[tuple[str, Any]]) -> None:
        """Has been told nothing yet."""
        self.told = told

    def __enter__(self) -> Any:
        """Begins."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends."""

    def begin(self, what: str, total: int | None) -> None:
        """Is told what is being done."""
        self.told.append((what, total))

    def reached(self, completed: int) -> None:
        """Is told how far it has come."""
        self.told.append(("reached", completed))


class TestProcess:
    """As a part of a pipe."""

    ENVIRONMENT: Final = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PATH": os.defpath}

    def run(self, command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Types a command, in which `log` stands for the command line."""
        words = f"{sys.executable} -m escalation_policy log"
        return subprocess.run(
            ["/bin/sh", "-c", command.replace("log", words, 1)],
            input=stdin,
            capture_output=True,
            cwd=ROOT,
            env=self.ENVIRONMENT,
            timeout=60,
            check=False,
        )

    def test_reads_standard_input(self, lines: list[str]) -> None:
        """After other text, and packed."""
        data = "".join(f"2026-01-31 INFO {line}\n" for line in lines).encode()
        expected = (GOLDEN / "summary.table").read_bytes()
        for stdin in (data, gzip.compress(data)):
            ended = self.run("log summary -", stdin)
            assert (expected, b"", 0) == (ended.stdout, ended.stderr, ended.returncode)

    def test_names_standard_input(self) -> None:
        """In what it says of a line."""
        ended = self.run("log summary -", b"{\n")
        assert ended.stderr.startswith(b"standard input:1: line does not end with a JSON object\n")
        assert ended.returncode == 2

    def test_a_reader_that_goes_away_is_no_error(self) -> None:
        """Nobody is told anything."""
        ended = self.run(f"(log summary --format csv {LOG}; echo $? >&2) | true")
        assert (b"", b"0\n") == (ended.stdout, ended.stderr)
