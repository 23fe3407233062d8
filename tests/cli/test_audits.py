"""An audit is printed as text, JSON, CSV or HTML. Only `--reveal` shows addresses.

After an intended change of texts, write the golden outputs again and review the changes:

    golden=tests/cli/golden_administration
    for format in text json csv; do
        escalation-policy audit --format $format docs/examples/directory > $golden/audit.$format
        escalation-policy audit --format $format --reveal docs/examples/directory > $golden/revealed.$format
    done
"""

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy.administration import audit
from escalation_policy.cli import main
from escalation_policy.cli._audits import AuditResult, add_audit
from escalation_policy.cli._directories import read_directory
from escalation_policy.cli._output import Output
from escalation_policy.cli._progress import ProgressBar
from escalation_policy.testing import an_agent

EXAMPLE = str(Path(__file__).parents[2] / "docs/examples/directory")
GOLDEN = Path(__file__).parent / "golden_administration"
FORMATS = ("text", "json", "csv", "html")
GOLDEN_FORMATS = ("text", "json", "csv")
Captured = pytest.CaptureFixture[str]
Hostile = Callable[..., str]


class TestGoldenOutputs:
    """The output, if it does not go to a terminal."""

    @pytest.mark.parametrize("reveal", [False, True], ids=["masked", "revealed"])
    @pytest.mark.parametrize("name", GOLDEN_FORMATS)
    def test_each_format(self, name: str, reveal: bool, capsys: Captured) -> None:  # noqa: FBT001
        """The exit status is 0, even if agents are not ready."""
        options = ["--reveal"] if reveal else []
        assert main(["audit", "--format", name, *options, EXAMPLE]) == 0
        printed = capsys.readouterr()
        assert (GOLDEN / f"{'revealed' if reveal else 'audit'}.{name}").read_text("utf-8") == printed.out
        assert printed.err == ""

    def test_text_is_the_default_format(self, capsys: Captured) -> None:
        """Without `--format`, the golden text is printed."""
        main(["audit", EXAMPLE])
        assert (GOLDEN / "audit.text").read_text("utf-8") == capsys.readouterr().out


class TestAudit:
    """`escalation-policy audit`."""

    @pytest.mark.parametrize("name", FORMATS)
    def test_addresses_are_shown_only_when_revealed(self, name: str, capsys: Captured) -> None:
        """Data of RingCentral is never shown."""
        main(["audit", "--agents", "--details", "--format", name, EXAMPLE])
        masked = capsys.readouterr().out
        main(["audit", "--agents", "--details", "--format", name, "--reveal", EXAMPLE])
        revealed = capsys.readouterr().out
        for private in ("ada@example.com", "@example"):
            assert private not in masked
            assert private in revealed
        assert not any(secret in revealed for secret in ("664307016", "664287016", "771300042"))

    def test_unusable_input_is_reported_in_one_line(self, capsys: Captured) -> None:
        """The exit status is 2."""
        assert main(["audit", "none"]) == 2
        assert capsys.readouterr() == ("", "escalation-policy: none: no such file or directory\n")

    def test_an_unknown_format_is_rejected(self, capsys: Captured) -> None:
        """The message lists the formats."""
        with pytest.raises(SystemExit) as caught:
            main(["audit", "--format", "xlsx", EXAMPLE])
        assert caught.value.code == 2
        printed = capsys.readouterr()
        assert ("", 1) == (printed.out, printed.err.count("\n"))
        assert all(name in printed.err for name in FORMATS)

    def test_works_without_standard_streams(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process can be started without them. The exit status is the answer."""
        monkeypatch.setattr(sys, "stdout", None)
        monkeypatch.setattr(sys, "stderr", None)
        assert main(["audit", "--format", "csv", EXAMPLE]) == 0
        assert main(["audit", "none"]) == 2

    def test_a_domain_without_agents_is_audited(
        self, directory: dict[str, Any], write_directory: Callable[[object], str], capsys: Captured
    ) -> None:
        """Nothing is missing in it."""
        directory["users"] = directory["sources"] = []
        path = write_directory(directory)
        for name in FORMATS:
            assert main(["audit", "--format", name, path]) == 0
        printed = capsys.readouterr().out
        assert "Ready: 0 of 0 agents.\n" in printed
        assert "<li>Nothing.</li>" in printed

    def test_unreadable_records_are_counted_in_text_and_json_and_html(
        self, directory: dict[str, Any], write_directory: Callable[[object], str], capsys: Captured
    ) -> None:
        """One typing error in a profile does not hide the rest of the domain."""
        directory["users"][0]["records"][0]["rc_user_id"] = "664 307 016"
        fault = "users[0].records[0].rc_user_id must be an extension id: 1 to 20 ASCII digits, got a str"
        path = write_directory(directory)
        assert main(["audit", path]) == 0
        assert "\n  Unreadable  1 record not read, or only in part\n" in capsys.readouterr().out
        main(["audit", "--details", path])
        assert f"Could not be read\n  {fault}\n" in capsys.readouterr().out
        directory["sources"]["records"][0]["id"] = None
        path = write_directory(directory)
        main(["audit", "--format", "json", path])
        data = json.loads(capsys.readouterr().out)
        user = {"kind": "user", "id": "60a4e1d27c9f5b0022c3d401", "in_part": True, "faults": [fault]}
        assert (2, user, None) == (data["totals"]["unreadable"], data["unreadable"][0], data["unreadable"][1]["id"])
        main(["audit", "--format", "html", path])
        assert "Records that could not be read, or only in part" in capsys.readouterr().out

    def test_no_note_says_not_known_if_everything_is_known(
        self, directory: dict[str, Any], write_directory: Callable[[object], str], capsys: Captured
    ) -> None:
        """Not in the text, and not in HTML."""
        directory["ringcentral"].append({"extension_id": "664307067", "account_id": "664287016", "video": "granted"})
        path = write_directory(directory)
        for name in ("text", "html"):
            main(["audit", "--details", "--agents", "--format", name, path])
        assert " (not known)<" not in (printed := capsys.readouterr().out.partition("<script")[0])
        assert "look up" not in printed.lower()

    @pytest.mark.parametrize(
        ("fields", "unknown"),
        [
            ({"video": "granted"}, ["extension_in_account"]),
            ({"account_id": "664287016"}, ["video_access"]),
            ({}, ["extension_in_account", "video_access"]),
        ],
        ids=["account", "video", "both"],
    )
    def test_unknown_facts_are_counted_and_their_first_step_is_to_look_them_up(
        self,
        fields: dict[str, str],
        unknown: list[str],
        directory: dict[str, Any],
        write_directory: Callable[[object], str],
        capsys: Captured,
    ) -> None:
        """Nobody should fix what may be in order. About the other agents who lack the same step, it is known."""
        directory["ringcentral"].append({"extension_id": "664307067", **fields})
        main(["audit", "--format", "json", write_directory(directory)])
        document = json.loads(capsys.readouterr().out)
        assert 1 == document["totals"]["unknown"]
        assert [[], [], [], [], [], [], unknown, []] == [agent["unknown"] for agent in document["agents"]]
        assert unknown == [step["code"] for step in document["steps"] if step["unknown"]]
        supplied = [step["code"] for step in document["steps"] if step["remedy"][0]["text"].startswith("Supply ")]
        assert unknown == supplied

    def test_hidden_steps_are_not_unknown(
        self, directory: dict[str, Any], write_directory: Callable[[object], str], capsys: Captured
    ) -> None:
        """In a domain without an account, only what is not hidden behind that has to be looked up."""
        directory["domain"] = {"id": "acme"}
        main(["audit", "--format", "json", write_directory(directory)])
        agent = json.loads(capsys.readouterr().out)["agents"][6]
        assert ["domain_linked", "role_permits", "video_access"] == agent["missing"]
        assert (["video_access"], ["extension_in_account"]) == (agent["unknown"], agent["hidden"])


class TestFilters:
    """`--role`, `--missing` and `--not-ready`."""

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--role", "Agnt"], "--role names no role (did you mean Agent?): there are "),
            (["--missing", "role_permit"], " (did you mean role_permits?)"),
            (["--missing", "zzz"], "--missing must be one of domain_linked, "),
        ],
    )
    def test_name_what_is_there(self, words: list[str], message: str, capsys: Captured) -> None:
        """The exit status is 2, and the line shows nothing of what was typed."""
        assert main(["audit", *words, EXAMPLE]) == 2
        printed = capsys.readouterr().err
        assert message in printed
        assert words[1] not in printed.replace("role_permits", "")


class TestTheSummary:
    """What an administrator meets first."""

    def test_tells_of_shared_ids_and_unknown_types(
        self, directory: dict[str, Any], write_directory: Callable[[object], str], capsys: Captured
    ) -> None:
        """A type of no known kind is told as it stands in the file."""
        user = directory["users"][0]["records"][0]
        directory["users"] = [{**user, "id": number} for number in "12"]
        directory["sources"]["records"][0]["type"] = "whatsapp_cloud_2027"
        path = write_directory(directory)
        main(["audit", path])
        printed = capsys.readouterr().out
        assert "Of these, 2 share a RingCentral ID with another agent." in printed
        assert "  Conflicts  1 RingCentral ID and 1 e-mail address on several agents\n" in printed
        main(["audit", "--details", path])
        printed = capsys.readouterr().out
        assert "whatsapp_cloud_2027" in printed
        assert "of an unknown type" in printed
        assert "\nConflicts\n" in printed

    def test_needs_no_more_if_one_action_is_all(
        self, directory: dict[str, Any], write_directory: Callable[[object], str], capsys: Captured
    ) -> None:
        """Here one agent is not enabled."""
        user = directory["users"][0]["records"][0]
        directory["users"] = [user, {**user, "id": "2", "enabled": False}]
        main(["audit", write_directory(directory)])
        printed = capsys.readouterr().out
        assert " 1. " in printed
        assert " 2. " not in printed
        assert "more action" not in printed
        assert "several of them" not in printed

    def test_names_a_few_roles_and_counts_the_others(
        self, directory: dict[str, Any], write_directory: Callable[[object], str], capsys: Captured
    ) -> None:
        """Of many roles that lack the permission."""
        user, role = directory["users"][0]["records"][0], directory["roles"]["records"][0]
        roles = [
            {**role, "id": f"r{number}", "label": f"Team {number}", "escalate_to_video": False} for number in range(5)
        ]
        directory["roles"] = roles
        directory["users"] = [{**user, "id": f"u{number}", "role_id": f"r{number}"} for number in range(5)]
        main(["audit", write_directory(directory)])
        assert "on roles Team 0 (1), Team 1 (1), Team 2 (1) and 2 more" in capsys.readouterr().out

    def test_has_the_words_of_a_rule_of_the_host(
        self, directory: dict[str, Any], write_directory: Callable[[object], str], capsys: Captured
    ) -> None:
        """With its first step, and the one who takes it; a rule without a remedy has dashes."""
        user = directory["users"][0]["records"][0]
        directory["users"] = [{**user, "id": "2", "email": None, "team_ids": []}]
        main(["audit", "--policy", "example_policy:SETUP", "--details", write_directory(directory)])
        printed = capsys.readouterr().out
        assert "Meet has_email: The agent needs an address" in printed
        assert "    The agent: Enter it.\n" in printed
        assert "Meet in_team: " in printed
        assert "    -: -.\n" in printed


class TestText:
    """`--format text`."""

    @pytest.mark.parametrize("is_terminal", [False, True], ids=["file", "terminal"])
    def test_is_escaped(
        self,
        is_terminal: bool,  # noqa: FBT001
        hostile: Hostile,
        monkeypatch: pytest.MonkeyPatch,
        capsys: Captured,
    ) -> None:
        """Escape sequences, line breaks and bidi marks of labels, addresses and ids are shown, not obeyed."""
        monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "400")
        path = hostile(label="\x1b[31m[red]a\r\nb\u202e", email="\x9b2J@example.com", role_id="\x07\u2066r\ud800")
        main(["audit", "--agents", "--details", "--reveal", path])
        printed = capsys.readouterr().out
        assert "\x1b" not in printed.replace("\x1b[1m", "").replace("\x1b[0m", "")
        assert "\\x1b[31m[red]a\\r\\nb\\u202e" in printed
        assert "\\x9b2J@example.com" in printed
        assert printed.isascii()

    def test_columns_are_aligned(self, hostile: Hostile, capsys: Captured) -> None:
        """Wide characters count as two columns and escapes as their text. A cell of more than 40 shifts only its line."""
        main(["audit", "--agents", "--reveal", hostile(label="中\x1b", email=f"{'a' * 60}@example.com")])
        lines = capsys.readouterr().out.splitlines()
        first, second, third = lines[lines.index("Agents: 8") + 1 :][:3]
        assert 2 + 40 + 2 == second.index("Agent") == third.index("中")
        assert third.index("60a4e1d2") + 1 == second.index("60a4e1d2")
        assert first == f"  {'a' * 60}@example.com  中\\x1b      60a4e1d27c9f5b0022c3d401  ready"

    def test_wraps_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        """Lines are as wide as the terminal at most."""
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", "60")
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("NO_COLOR", "1")
        main(["audit", EXAMPLE])
        lines = capsys.readouterr().out.splitlines()
        assert 50 < max(map(len, lines)) <= 60


class TestJson:
    """`--format json`."""

    def test_is_ascii_and_sorted(self, hostile: Hostile, capsys: Captured) -> None:
        """Two answers can be compared as text."""
        main(["audit", "--format", "json", "--reveal", hostile(label="é\x1b\u202e")])
        printed = capsys.readouterr().out
        assert printed.isascii()
        assert "\x1b" not in printed
        assert json.dumps(json.loads(printed), indent=2, sort_keys=True) + "\n" == printed
        assert "é\x1b\u202e" == json.loads(printed)["agents"][0]["role_label"]

    def test_a_missing_address_is_null(self) -> None:
        """An empty string would be an address."""
        document = json.loads(audit_of_one("json", None, "Video agent"))
        assert document["agents"][0]["email"] is None


RESULT: Final = AuditResult.of(audit(read_directory(EXAMPLE, ProgressBar())), ProgressBar())


def audit_of_one(name: str, email: str | None, label: str) -> str:
    """Return the audit of a domain with one agent, in a format that reveals."""
    row = attrs.evolve(RESULT.rows[0], agent=an_agent(email=email, role_label=label))
    output = Output(name, reveal=True)
    add_audit(output, attrs.evolve(RESULT, rows=[row]))
    return str(output)


def csv_cells(email: str | None, label: str) -> list[str]:
    """Return the cells of an agent's line, as a reader of CSV reads them."""
    text = audit_of_one("csv", email, label)
    assert 2 == text.count("\n")
    return list(csv.reader(io.StringIO(text)))[1]


class TestCsv:
    """`--format csv`."""

    @pytest.mark.parametrize(
        ("label", "cell"),
        [
            ('=HYPERLINK("http://example.com","x")', '\'=HYPERLINK("http://example.com","x")'),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("  =1", "'  =1"),
            ("\t=1", "\\t=1"),
            ("\r=1", "\\r=1"),
            ("\n=1", "\\n=1"),
            ("\uff1d1", "'\uff1d1"),
            ("a;=1;+2; -3", "a;'=1;'+2;' -3"),
            ("a,=1,+2, -3", "a,'=1,'+2,' -3"),
            ('foo;"=1+1;x', "foo;\"'=1+1;x"),
            ("a=1", "a=1"),
        ],
        ids=[
            *("equals", "plus", "minus", "at", "space", "tab", "CR", "LF", "wide"),
            *("semicolon", "comma", "quote", "inside"),
        ],
    )
    def test_no_cell_is_a_formula(self, label: str, cell: str) -> None:
        """An apostrophe precedes what a spreadsheet could compute. Readers of the file see it."""
        assert [cell, cell] == csv_cells(label, label)[2:4]

    def test_a_missing_address_is_empty(self) -> None:
        """Any other text could be an address."""
        assert "" == csv_cells(None, "Video agent")[3]

    @given(st.text(min_size=1))
    def test_no_cell_starts_a_formula_or_contains_control_characters(self, label: str) -> None:
        """For any label."""
        cell = csv_cells(None, label)[2]
        assert cell.isprintable()
        assert not cell.lstrip(" ").startswith(("=", "+", "-", "@"))

    @given(st.text(alphabet="a;\"= ,'+-@\uff1d\t\n"))
    def test_no_cell_is_a_formula_at_any_delimiter(self, label: str) -> None:
        """The delimiter of a spreadsheet depends on the country and on its user, and some ignore quotes."""
        lines = audit_of_one("csv", label or None, label or "Agent").splitlines()
        for delimiter in ";,\t":
            for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
                cells = [cell for row in csv.reader(lines, delimiter=delimiter, quoting=quoting) for cell in row]
                assert [] == [cell for cell in cells if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\uff1d"))]

    def test_is_utf_8_in_a_file(self, hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
        """A CSV file cannot name its encoding. A byte order mark does it for spreadsheets."""
        stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
        monkeypatch.setattr(sys, "stdout", stream)
        main(["audit", "--format", "csv", "--reveal", hostile(label="é中")])
        written = stream.buffer.getvalue()
        assert written.startswith(b"\xef\xbb\xbfid,")
        assert "é中,ada@example.com,yes,,,\n".encode() in written

    def test_keeps_the_encoding_of_a_terminal(self, hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
        """A terminal understands only its own."""
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(stream, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdout", stream)
        main(["audit", "--format", "csv", "--reveal", hostile(label="é")])
        assert b"\\xe9,ada@example.com,yes,,,\n" in stream.buffer.getvalue()
