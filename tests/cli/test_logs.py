"""Logs are explained, counted and decided again. Problems with their lines go to standard error.

After an intended change of texts, write the golden outputs again and review the changes:

    golden=tests/cli/golden_logs log=docs/examples/decisions.log
    python tests/example_log.py > $log
    escalation-policy log why 60a4e1d27c9f5b0022c3d401 $log > $golden/why-denied.txt
    escalation-policy log why d08 $log > $golden/why-allowed.txt
    for format in text json csv; do escalation-policy log summary --format $format $log > $golden/summary.$format; done
    for format in text json; do
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
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from unittest.mock import Mock

import attrs
import pytest

import example_log
import example_policy
from escalation_policy import ESCALATE_TO_VIDEO, Evidence, Login
from escalation_policy.cli import _history, _jobs, _log, _logs, main
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
    """Return the lines of the example log."""
    return Path(LOG).read_text("utf-8").splitlines()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a log and returns its path."""

    def write_log(*lines: str | bytes, name: str = "a.log") -> str:
        path = tmp_path / name
        path.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines))
        return str(path)

    return write_log


def a_line(**fields: Any) -> str:
    """Return the first denial of the example log as a line, with other fields."""
    denial = DecisionRecord.from_json(Path(LOG).read_text("utf-8").splitlines()[2])
    return attrs.evolve(denial, **fields).to_json()


class TestExampleLog:
    """`docs/examples/decisions.log`."""

    def test_is_written_by_the_library(self, lines: list[str]) -> None:
        """Every line is the same."""
        assert example_log.lines() == lines

    def test_holds_ids_only(self) -> None:
        """No name, no address, no text of a message, no id of RingCentral."""
        text = Path(LOG).read_text("utf-8")
        assert not [word for word in ("ada", "example.com", "handle", "664307016", "664287016") if word in text.lower()]


class TestGoldenOutputs:
    """The output, if it does not go to a terminal."""

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("why-denied.txt", ["why", ADA]),
            ("why-allowed.txt", ["why", "d08"]),
            *((f"summary.{name}", ["summary", "--format", name]) for name in ("text", "json", "csv")),
            *((f"replay.{name}", ["replay", *POLICY, "--format", name]) for name in ("text", "json")),
        ],
    )
    def test_is_exactly_the_golden_one(self, name: str, words: list[str], capsys: Captured) -> None:
        """Standard error is empty."""
        assert main(["log", *words, LOG]) == 0
        assert ((GOLDEN / name).read_text("utf-8"), "") == capsys.readouterr()


class TestWhy:
    """`escalation-policy log why`."""

    def test_explains_the_decision_of_an_id_as_decide_does(self, capsys: Captured) -> None:
        """What the decision was about follows."""
        main(["decide", str(ROOT / "docs/examples/password-login.json")])
        decided = capsys.readouterr().out
        assert main(["log", "why", "d03", LOG]) == 0
        assert capsys.readouterr().out.startswith(f"{decided}\nWhat it was about\n  decision       d03\n")

    @pytest.mark.parametrize(
        ("name", "verdict", "decision"),
        [
            (ADA, "denied since 2026-01-31 (twice) for role_permits; before that allowed once", "d28"),
            ("6421f0b83d7a2e0044f70801", "allowed since 2026-01-30 (once)", "d01"),
            ("6421f1023d7a2e0066192a03", "denied since 2026-01-30 (once) for ringcentral_sso", "d03"),
        ],
        ids=["agent", "message", "intervention"],
    )
    def test_begins_with_the_newest_decision(self, name: str, verdict: str, decision: str, capsys: Captured) -> None:
        """A complaint names an agent, a message or a case, not a decision."""
        assert main(["log", "why", name, LOG]) == 0
        printed = capsys.readouterr().out
        assert printed.startswith(f"{name}: {verdict}\n")
        assert f"\n  decision       {decision}\n" in printed

    def test_an_old_denial_is_not_the_answer(self, write: Write, capsys: Captured) -> None:
        """It is told as what was before, with the id to ask for."""
        assert main(["log", "why", "u1", write(*eight_days())]) == 0
        printed = capsys.readouterr().out
        assert printed.startswith(
            "u1: allowed since 2026-01-03 (6 times); before that denied twice for ringcentral_sso\n"
            "Decided: 8. Denied: 2.\n"
            "The last denial was d1. To explain it, ask for this id.\n\n"
            "The newest decision, 2026-01-08T00:00:00Z:\n\nALLOW "
        )
        assert (
            "Timeline, the newest first\n"
            "  2026-01-03T00:00Z to 2026-01-08T00:00Z  allowed 6 times\n"
            "  2026-01-01T00:00Z to 2026-01-02T00:00Z  denied twice for ringcentral_sso\n\n"
            "Reasons of all denials\n  ringcentral_sso  unmet  2\n\n"
            "What it was about\n"
        ) in printed

    @pytest.mark.parametrize(
        ("words", "verdict"),
        [
            (["--until", "2026-01-03"], "denied since 2026-01-01 (twice) for ringcentral_sso"),
            (["--since", "2026-01-07"], "allowed since 2026-01-07 (twice)"),
            (["--code", "ringcentral_sso"], "denied since 2026-01-01 (twice) for ringcentral_sso"),
            (["--channel", "whats_app", "--until", "2026-01-02"], "denied since 2026-01-01 (once) for ringcentral_sso"),
        ],
    )
    def test_options_leave_decisions_out(self, words: list[str], verdict: str, write: Write, capsys: Captured) -> None:
        """The answer says that there may be newer ones."""
        assert main(["log", "why", "u1", write(*eight_days()), *words]) == 0
        first, _, note, *_ = capsys.readouterr().out.splitlines()
        assert (f"u1: {verdict}", "The options left out other decisions. There may be newer ones.") == (first, note)

    @pytest.mark.parametrize("words", [["--code", "role_permits"], ["--channel", "twitter"], ["--since", "24h"]])
    def test_options_can_leave_out_all(self, words: list[str], write: Write, capsys: Captured) -> None:
        """Then the exit status is 1. A number of minutes, hours, days or weeks counts back from now."""
        assert main(["log", "why", "u1", write(*eight_days()), *words]) == 1
        assert capsys.readouterr().out == ""

    def test_a_timeline_is_short(self, write: Write, capsys: Captured) -> None:
        """It has eight rows, four of them denials like the one that the first line names, and says that there was more."""
        main(["log", "why", "u1", write(*days_of([Login.PASSWORD, Login.RINGCENTRAL_SSO] * 5))])
        printed = capsys.readouterr().out
        assert printed.count(" denied once for ringcentral_sso\n") == 1 + 4
        assert "\n  and what was before: --until shows it\n" in printed

    def test_only_the_newest_decisions_are_kept(
        self, write: Write, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        """All are counted. Of a run whose beginning is not kept, the answer says so."""
        monkeypatch.setattr(_history, "_KEPT", 3)
        assert main(["log", "why", "u1", write(*reversed(eight_days()))]) == 0
        printed = capsys.readouterr().out
        assert printed.startswith(
            "u1: allowed since 2026-01-06 or earlier (at least 3 times)\nDecided: 8. Denied: 2.\n"
        )
        assert "\n  and what was before: --until shows it\n" in printed

    def test_answers_as_json(self, write: Write, capsys: Captured) -> None:
        """The document has the counts, the timeline and the newest decision."""
        assert main(["log", "why", "u1", "--format", "json", write(*eight_days())]) == 0
        document = json.loads(capsys.readouterr().out)
        assert (8, 6, 2) == (document["decided"], document["allowed"], document["denied"])
        assert [{"key": "ringcentral_sso", "status": "unmet", "denied": 2}] == document["reasons"]
        assert ["allow", "deny"] == [run["effect"] for run in document["timeline"]]
        assert ("d7", "whats_app") == (document["latest"]["id"], document["latest"]["about"]["channel"])

    def test_finds_a_correlation_id(self, write: Write, capsys: Captured) -> None:
        """It can be the id of a trace."""
        assert main(["log", "why", "trace-7", write(a_line(correlation_id="trace-7"))]) == 0
        assert "\n  correlation    trace-7\n" in capsys.readouterr().out

    def test_the_newest_decision_can_be_in_any_line(self, lines: list[str], write: Write, capsys: Captured) -> None:
        """Lines of several processes can be in any order."""
        assert main(["log", "why", ADA, write(*reversed(lines))]) == 0
        assert "decision       d28\n" in capsys.readouterr().out

    def test_stops_at_the_decision_with_the_id(self, write: Write, capsys: Captured) -> None:
        """There is only one, so a broken line after it is not read."""
        assert main(["log", "why", "d03", write(a_line(), "{")]) == 0
        assert capsys.readouterr().err == ""

    def test_exit_status_is_1_if_nothing_has_the_id(self, write: Write, capsys: Captured) -> None:
        """One line says so, after the problems of the log."""
        log = write(a_line(), "{")
        assert main(["log", "why", "d99\x1b", log]) == 1
        assert [
            "",
            f"{log}:2: {OTHER_TEXT}\nescalation-policy: no decision in the log has that id, or is about it\n",
        ] == [*capsys.readouterr()]

    def test_shows_if_facts_were_read_after_the_decision(self, write: Write, capsys: Captured) -> None:
        """That is a sign of a wrong clock."""
        at = DecisionRecord.from_json(a_line()).at
        main(["log", "why", "d03", write(a_line(facts_read_at=at.replace(hour=23)))])
        assert "facts read at  2026-01-30T23:17:00Z, 14:00:00 after\n" in capsys.readouterr().out

    def test_shows_unknown_facts(self, write: Write, capsys: Captured) -> None:
        """An absent fact looks different."""
        facts = {"agent.id": "u1", "message.id": None, "message.channel.kind": None}
        main(["log", "why", "d03", write(a_line(facts=facts, unknown=["message.id"], facts_read_at=None))])
        printed = capsys.readouterr().out
        assert "\n  message       unknown\n" in printed
        assert "\n  channel       -\n" in printed
        assert "facts read" not in printed

    def test_explains_an_unknown_policy_from_the_record_alone(self, write: Write, capsys: Captured) -> None:
        """The answer says so."""
        log = write(a_line(fingerprint="0", policy_id="mine", policy_version=None))
        assert main(["log", "why", "d03", log]) == 0
        assert capsys.readouterr().out.startswith(
            "DENY mine\n\nringcentral_sso: unmet\n  Requires that login equals ringcentral_sso.\n  Seen: login = password.\n\n"
            "The policy that decided is not known here, so the record alone explains the decision. --policy can name it.\n"
            "Who acts first: The agent\n\nWhat it was about\n"
        )

    def test_explains_a_reason_without_evidence(self, write: Write, capsys: Captured) -> None:
        """The record has only its code and status."""
        reason = RecordedReason("r", example_reason().status)
        main(["log", "why", "d03", write(a_line(fingerprint="0", reasons=[reason], next_party=None))])
        printed = capsys.readouterr().out
        assert "\nr: unmet\n  Requires that something holds.\n  Seen: nothing.\n" in printed
        assert "Who" not in printed

    def test_a_policy_can_be_named(self, write: Write, capsys: Captured) -> None:
        """`--policy` names it by module and attribute. The reasons are then in its words."""
        main(["log", "why", "d1", write(hosts_decision()), "--policy", "example_policy:HOURS"])
        printed = capsys.readouterr().out
        assert "\nopening_hours: unknown\n  The office must be open.\n" in printed
        assert (
            "developers of the host application\n    - Supply context.open.\n  The agent\n    - Wait for the morning.\n"
            in printed
        )
        main(["log", "why", "d03", LOG, *POLICY])
        assert "Sign in with RingCentral" in capsys.readouterr().out

    def test_shows_type_and_place_of_an_error(self, write: Write, capsys: Captured) -> None:
        """The record has no more of it."""
        line = json.loads(a_line())
        line["reasons"][0] |= {"status": "error", "error": "ValueError at rules.py:7"}
        main(["log", "why", "d03", write(json.dumps(line))])
        printed = capsys.readouterr().out
        assert "\nringcentral_sso: error, ValueError at rules.py:7\n" in printed
        assert "Fix rule ringcentral_sso" in printed

    def test_explains_a_code_that_the_policy_lacks_from_the_record(self, write: Write, capsys: Captured) -> None:
        """A line with the fingerprint of a policy can still have any code."""
        main(["log", "why", "d03", write(a_line(reasons=[attrs.evolve(example_reason(), code="other")]))])
        assert "\nother: unmet\n  Requires that login equals ringcentral_sso.\n" in capsys.readouterr().out

    def test_escapes_every_text_of_a_record(self, write: Write, capsys: Captured) -> None:
        """The id in the arguments is escaped too."""
        evil = "\x1b[2J\nDENY\u202e"
        reasons = [attrs.evolve(example_reason(), evidence=[Evidence(evil, evil, evil)], error=evil)]
        facts = {"agent.id": evil, "login": evil}
        log = write(a_line(id="d1", correlation_id=evil, facts=facts, fingerprint=evil, reasons=reasons))
        for words in (["why", evil, log], ["why", f"{evil}{evil}", log], ["summary", log], ["summary", f"{log}{evil}"]):
            main(["log", *words])
            printed = "".join(capsys.readouterr())
            assert not [letter for letter in printed if not letter.isprintable() and letter != "\n"]
            assert "\nDENY\\u202e" not in printed


def eight_days() -> list[str]:
    """Return the decisions about one agent, one a day: two denials, and six that were allowed, as lines."""
    return days_of([Login.PASSWORD] * 2 + [Login.RINGCENTRAL_SSO] * 6)


def days_of(logins: Iterable[Login]) -> list[str]:
    """Return decisions about one agent, one a day from the first of January, as lines."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    decisions = [ESCALATE_TO_VIDEO.decide(a_request(login=login)) for login in logins]
    return [
        record(decision, at=start + timedelta(days=day), id=f"d{day}").to_json()
        for day, decision in enumerate(decisions)
    ]


def example_reason() -> RecordedReason:
    """Return the reason of the first denial."""
    return DecisionRecord.from_json(a_line()).reasons[0]


def hosts_decision() -> str:
    """Return the record of a decision by another policy than the built-in one, as a line."""
    decision = example_policy.HOURS.decide(a_request())
    return record(decision, at=DecisionRecord.from_json(a_line()).at, id="d1").to_json()


class TestSummary:
    """`escalation-policy log summary`."""

    def test_a_selected_table_is_complete(self, write: Write, capsys: Captured) -> None:
        """Without `--by`, each table shows its first rows."""
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
    def test_every_sets_the_length_of_the_times(self, every: str, times: set[str], capsys: Captured) -> None:
        """Weeks begin on Monday."""
        main(["log", "summary", "--every", every, "--by", "time", "--format", "json", LOG])
        assert times <= {row["key"] for row in json.loads(capsys.readouterr().out)["times"]}

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
    def test_since_leaves_out_earlier_decisions(self, since: str, decisions: int, capsys: Captured) -> None:
        """A decision at that time is counted. A time without a zone is in UTC."""
        assert main(["log", "summary", "--since", since, LOG]) == 0
        assert capsys.readouterr().out.startswith(f"Decisions: {decisions}. ")

    def test_counts_broken_lines(self, lines: list[str], write: Write, capsys: Captured) -> None:
        """Every format has the number, and standard error has the problems."""
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

    def test_reports_the_first_broken_lines(self, write: Write, capsys: Captured) -> None:
        """The last message is the number of the others."""
        log = write(a_line(), *["{"] * 1021)
        assert main(["log", "summary", log]) == 0
        lines = capsys.readouterr().err.splitlines()
        assert (21, "and 1,001 more") == (len(lines), lines[-1])
        assert lines[19].startswith(f"{log}:21: ")

    def test_no_cell_is_a_formula(self, write: Write, capsys: Captured) -> None:
        """As in an audit. A missing key is an empty cell."""
        log = write(a_line(facts={"agent.id": "=1+1"}), a_line(id="d9", facts={}))
        main(["log", "summary", "--by", "agent", "--format", "csv", log])
        rows = list(csv.reader(io.StringIO(capsys.readouterr().out.removeprefix("\ufeff"))))
        assert [
            ["by", "key", "status", "denied", "allowed"],
            ["agent", "", "", "1", "0"],
            ["agent", "'=1+1", "", "1", "0"],
        ] == rows

    def test_has_no_tables_without_decisions(self, write: Write, capsys: Captured) -> None:
        """It has no times either."""
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
    def test_rejects_invalid_options(self, words: list[str], capsys: Captured) -> None:
        """The message is one line, and the exit status is 2."""
        with pytest.raises(SystemExit) as caught:
            main(["log", "summary", *words, LOG])
        assert caught.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


class TestReplay:
    """`escalation-policy log replay`."""

    def test_lists_the_facts_that_records_lack(self, capsys: Captured) -> None:
        """Each fact has the number of records. The first records follow."""
        assert main(["log", "replay", "--policy", "example_policy:HOURS", LOG]) == 0
        printed = capsys.readouterr().out
        assert "\n  not replayable                       30\n" in printed
        assert "\nFacts that records lack\n  context.open  30\n\nNot replayable\n  d01  context.open\n" in printed
        assert printed.endswith("\n  d20  context.open\n  and 10 more\n")
        main(["log", "replay", "--policy", "example_policy:HOURS", "--format", "json", LOG])
        document = json.loads(capsys.readouterr().out)
        assert ({"context.open": 30}, 30) == (document["missing"], document["not_replayable"])
        assert {"id": "d30", "missing": ["context.open"]} == document["gaps"][-1]

    def test_lists_decisions_that_would_be_denied(self, capsys: Captured) -> None:
        """The reasons are those of the new decision."""
        main(["log", "replay", "--policy", "example_policy:NO_WHATSAPP", "--since", "2026-01-31", LOG])
        assert "\nWhat would change\n  d24  denied now  no_whats_app (unmet)\n" in capsys.readouterr().out
        main(["log", "replay", "--policy", "example_policy:NO_WHATSAPP", "--format", "json", LOG])
        flip = json.loads(capsys.readouterr().out)["flips"][0]
        now = [{"code": "no_whats_app", "status": "unmet"}]
        assert {"id": "d01", "effect": "deny", "then": [], "now": now} == flip

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("example_policy", "--policy must be MODULE:ATTRIBUTE"),
            (
                "example_policy:NONE",
                "names no attribute of its module; its policies: ESCALATE_TO_VIDEO, POLICY, HOURS, NO_WHATSAPP, SETUP, OTHER_REQUESTS",
            ),
            ("example_policy:NO_POLICY", "--policy must name a Policy, got a str"),
            ("no_such_module:POLICY", "names a module that is neither in this folder nor installed"),
            ("json.no_such_module:POLICY", "names a module that is neither in this folder nor installed"),
            ("json.decoder:POLICY", "names no attribute of its module; its policies: none"),
            ("", "--policy must be MODULE:ATTRIBUTE"),
        ],
    )
    def test_rejects_names_that_are_no_policy(self, name: str, message: str, capsys: Captured) -> None:
        """The message is one line, the exit status is 2, and no log is read."""
        assert main(["log", "replay", "--policy", name, "none.log"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("escalation-policy: --policy ")
        assert err.endswith(f"{message}\n")

    def test_finds_a_policy_in_the_current_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        """That does not depend on how the process was started."""
        (tmp_path / "rules_of_the_house.py").write_text(
            "from escalation_policy import ESCALATE_TO_VIDEO as HERE\n", "utf-8"
        )
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder])
        assert main(["log", "replay", "--policy", "rules_of_the_house:HERE", LOG]) == 0
        assert "\n  as before                            30\n" in capsys.readouterr().out


class TestFiles:
    """The files of a log."""

    def test_several_files_are_one_log(self, lines: list[str], write: Write, capsys: Captured) -> None:
        """They can be compressed. The message about a broken line names its file."""
        packed = write(name="b.log.gz")
        Path(packed).write_bytes(gzip.compress("\n".join([*lines[10:], "{"]).encode()))
        assert main(["log", "summary", write(*lines[:10]), packed]) == 0
        printed = capsys.readouterr()
        assert printed.out.startswith("Decisions: 30. ")
        assert f"{packed}:21: {OTHER_TEXT}\n" == printed.err

    @pytest.mark.parametrize("question", [["why", "d03"], ["summary"], ["replay", *POLICY]])
    def test_records_are_found_inside_other_json(self, question: list[str], write: Write, capsys: Captured) -> None:
        """`--within` is the path of the record. JSON without it is skipped."""
        log = write('{"message": "started"}', json.dumps({"log": {"record": a_line()}}))
        assert main(["log", *question, "--within", "log.record", log]) == 0
        assert capsys.readouterr().err == ""

    def test_folders_and_patterns_name_files(self, write: Write, tmp_path: Path, capsys: Captured) -> None:
        """A file that is named twice is read once. Hidden files of a folder are not read."""
        write(a_line(), name="a.log")
        log = write(a_line(id="d9"), name="b.log")
        write(a_line(id="d10"), name=".b.log.swp")
        assert main(["log", "summary", str(tmp_path), log, str(tmp_path / "*.log")]) == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        assert printed.out.startswith("Decisions: 2. ")

    def test_reports_a_folder_that_cannot_be_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        """The message is one line."""

        def refuse(_: Path) -> Any:
            raise PermissionError

        monkeypatch.setattr(Path, "iterdir", refuse)
        assert main(["log", "summary", str(tmp_path), LOG]) == 0
        assert capsys.readouterr().err == f"{tmp_path}: is a folder without files that can be read\n"

    def test_reports_files_that_cannot_be_opened(self, write: Write, tmp_path: Path, capsys: Captured) -> None:
        """The other files are read. An empty folder holds no log."""
        folder = tmp_path / "empty"
        folder.mkdir()
        assert main(["log", "summary", "none.log", str(folder), "a\0b", write(a_line())]) == 0
        printed = capsys.readouterr()
        assert printed.out.startswith("Decisions: 1. Denied: 1.")
        assert [
            "none.log: no such file or directory",
            f"{folder}: is a folder without files that can be read",
            "a\\x00b: no file can have this name",
        ] == printed.err.splitlines()

    @pytest.mark.parametrize("question", [["why", "d03"], ["summary"], ["replay", *POLICY]])
    def test_exit_status_is_2_if_no_record_can_be_read(
        self, question: list[str], write: Write, capsys: Captured
    ) -> None:
        """That holds for every question."""
        empty, broken = write(name="empty.log"), write("{", name="broken.log")
        for files, count in (([empty], 1), ([broken], 2), (["none.log"], 2), (["none.log", empty, broken], 3)):
            assert main(["log", *question, *files]) == 2
            out, err = capsys.readouterr()
            assert ("", count) == (out, err.count("\n"))
            assert (
                "escalation-policy: no record of a decision could be read; if records are inside other JSON, name the key with --within"
                in err
            )

    def test_shows_its_progress(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        """The bar counts the bytes of all files, if their sizes are known."""
        calls: list[tuple[str, Any]] = []
        monkeypatch.setattr(_log, "ProgressBar", lambda: FakeProgressBar(calls))
        monkeypatch.setattr(_logs, "_PROGRESS_STEP", 1)
        first, second = write(a_line(), name="a.log"), write(a_line(), name="b.log")
        size = Path(first).stat().st_size
        main(["log", "summary", first, second])
        assert [("Reading", 2 * size), ("move_to", size), ("move_to", 2 * size)] == calls
        calls.clear()
        main(["log", "summary", first, "none.log"])
        assert [("Reading", None)] == calls


class FakePool:
    """Runs everything in this process."""

    def __init__(self, max_workers: int, mp_context: object) -> None:
        """Take what a pool takes."""

    def __enter__(self) -> Any:
        """Start."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Call it for each item."""
        return map(function, items)


class DyingPool(FakePool):
    """Its processes are killed."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Raise what a pool raises."""
        raise BrokenProcessPool


class TestJobs:
    """`--jobs`: several processes read one log."""

    QUESTIONS: Final = ["summary", f"replay {' '.join(POLICY)}"]

    @pytest.fixture(autouse=True)
    def small_ranges(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Divide also small files."""
        monkeypatch.setattr(_jobs, "_SHORTEST", 1 << 10)

    @pytest.fixture
    def in_this_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Start no processes."""
        monkeypatch.setattr("concurrent.futures.process.ProcessPoolExecutor", FakePool)

    def test_processes_give_the_same_answer(self, capsys: Captured) -> None:
        """With a real pool."""
        main(["log", "summary", LOG])
        expected = capsys.readouterr()
        main(["log", "summary", "--jobs", "2", LOG])
        assert expected == capsys.readouterr()

    @pytest.mark.usefixtures("in_this_process")
    @pytest.mark.parametrize("question", QUESTIONS)
    def test_each_question_has_the_same_answer(
        self, question: str, lines: list[str], tmp_path: Path, capsys: Captured
    ) -> None:
        """For ranges of plain files, and for packed ones."""
        packed = tmp_path / "a.gz"
        packed.write_bytes(gzip.compress("\n".join(lines).replace('"id":"d', '"id":"e').encode()))
        answers: list[str] = []
        for jobs in ("1", "3"):
            assert 0 == main(["log", *question.split(), "--jobs", jobs, LOG, str(packed)])
            answers.append(capsys.readouterr().out)
        assert answers[0] == answers[1]

    @pytest.mark.usefixtures("in_this_process")
    def test_problems_of_all_parts_are_reported(self, lines: list[str], write: Write, capsys: Captured) -> None:
        """In a range, the place is a byte, because nobody counted the lines before it."""
        log = write("x", *lines, "y", name="a.log")
        assert 0 == main(["log", "summary", "--by", "domain", "--jobs", "2", log, f"{log}.none"])
        captured = capsys.readouterr()
        offset = Path(log).read_bytes().rindex(b"y")
        assert [
            f"{log}:1: line does not end with a JSON object",
            f"{log} at byte {offset:,}: line does not end with a JSON object",
            f"{log}.none: no such file or directory",
        ] == captured.err.splitlines()
        assert "Lines that could not be read: 2" in captured.out

    @pytest.mark.usefixtures("in_this_process")
    def test_a_file_that_cannot_be_opened_is_reported_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        """However large it is."""
        monkeypatch.setattr(_jobs, "size_of", Mock(return_value=1_000_000))
        missing = str(tmp_path / "none.log")
        assert 2 == main(["log", "summary", "--jobs", "2", missing])
        assert f"{missing}: no such file or directory" == capsys.readouterr().err.splitlines()[0]

    @pytest.mark.usefixtures("in_this_process")
    def test_files_that_overlap_are_reported(self, lines: list[str], write: Write, capsys: Captured) -> None:
        """Each process refuses only what it reads twice itself."""
        assert 0 == main(["log", "summary", "--jobs", "2", LOG, write(*lines)])
        captured = capsys.readouterr()
        assert "the files overlap: of 30 decisions, 30 were read more than once\n" == captured.err
        assert "Decisions: 60." in captured.out

    @pytest.mark.parametrize(
        ("pool", "file", "message"),
        [
            (FakePool, "-", "--jobs reads files, and not standard input"),
            (DyingPool, LOG, "a process ended before it had read its part; try fewer --jobs"),
        ],
    )
    def test_what_cannot_be_read_is_an_error(
        self, pool: type[FakePool], file: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        """The exit status is 2."""
        monkeypatch.setattr("concurrent.futures.process.ProcessPoolExecutor", pool)
        assert 2 == main(["log", "summary", "--jobs", "2", file])
        assert f"escalation-policy: {message}\n" == capsys.readouterr().err

    @pytest.mark.parametrize("jobs", ["0", "-1", "x", "1000", "²", ""])
    def test_rejects_other_numbers(self, jobs: str, capsys: Captured) -> None:
        """A thousand processes would only be a mistake."""
        with pytest.raises(SystemExit):
            main(["log", "summary", f"--jobs={jobs}", LOG])
        assert "must be a number from 1 to 999" in capsys.readouterr().err


class FakeProgressBar:
    """A progress bar that stores its calls."""

    def __init__(self, calls: list[tuple[str, Any]]) -> None:
        self.calls = calls

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, description: str, total: int | None) -> None:
        """Store the part of the work and its total."""
        self.calls.append((description, total))

    def move_to(self, completed: int) -> None:
        """Store how much is completed."""
        self.calls.append(("move_to", completed))


class TestProcess:
    """`escalation-policy log` in a pipe."""

    ENVIRONMENT: Final = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PATH": os.defpath}

    def run(self, command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a shell command, in which `log` stands for `escalation-policy log`."""
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
        """Other text can precede a record, and the log can be compressed."""
        data = "".join(f"2026-01-31 INFO {line}\n" for line in lines).encode()
        expected = (GOLDEN / "summary.text").read_bytes()
        for stdin in (data, gzip.compress(data)):
            process = self.run("log summary -", stdin)
            assert (expected, b"", 0) == (process.stdout, process.stderr, process.returncode)

    def test_messages_name_standard_input(self) -> None:
        """It has no file name."""
        process = self.run("log summary -", b"{\n")
        assert process.stderr.startswith(b"standard input:1: line does not end with a JSON object\n")
        assert process.returncode == 2

    def test_a_reader_that_goes_away_is_not_an_error(self) -> None:
        """Nothing is printed, and the exit status is 0."""
        process = self.run(f"(log summary --format csv {LOG}; echo $? >&2) | true")
        assert (b"", b"0\n") == (process.stdout, process.stderr)
