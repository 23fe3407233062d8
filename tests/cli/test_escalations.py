"""`escalate` shows the call that a case would lead to, and for a denial the same as `decide`.

After an intended change of texts, write the golden outputs again and review the changes:

    golden=tests/cli/golden_escalations
    for case in allowed webhook-message; do
        file=docs/examples/$case.json
        escalation-policy escalate $file > $golden/$case.txt; escalation-policy escalate --json $file > $golden/$case.json
    done
    escalation-policy escalate --reveal $file > $golden/revealed.txt
    escalation-policy escalate --reveal --json $file > $golden/revealed.json
"""

import json
from pathlib import Path
from typing import Any

import pytest

from escalation_policy import ESCALATE_TO_VIDEO
from escalation_policy.cli import main
from escalation_policy.cli._files import read_case
from escalation_policy.video import EscalationOutcome, InMemoryCallLedger, InMemoryVideoProvider, escalate

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
DECISIONS = Path(__file__).parent / "golden"
GOLDEN = Path(__file__).parent / "golden_escalations"
OF_GOLDEN = {path.stem: "webhook-message" if path.stem == "revealed" else path.stem for path in GOLDEN.glob("*.json")}
ALLOWED = [name for name in OF_GOLDEN if name != "revealed"]
DENIED = sorted(path.stem for path in EXAMPLES.glob("*.json") if path.stem not in ALLOWED)
Captured = pytest.CaptureFixture[str]


def example(name: str) -> str:
    """Return the path of an example."""
    return str(EXAMPLES / f"{name}.json")


def allowed() -> dict[str, Any]:
    """Return a case that is allowed."""
    case: dict[str, Any] = json.loads((EXAMPLES / "allowed.json").read_text("utf-8"))
    return case


class TestGoldenOutputs:
    """The output, if it does not go to a terminal."""

    def test_exist_for_every_case_that_is_allowed(self) -> None:
        """There is also one with `--reveal`."""
        assert {name for name in ALLOWED if ESCALATE_TO_VIDEO.allows(read_case(example(name)))} == set(ALLOWED)
        assert not [name for name in DENIED if ESCALATE_TO_VIDEO.allows(read_case(example(name)))]
        assert {"allowed", "webhook-message", "revealed"} == set(OF_GOLDEN)

    @pytest.mark.parametrize(("name", "case"), OF_GOLDEN.items(), ids=list(OF_GOLDEN))
    @pytest.mark.parametrize(("kind", "options"), [("txt", []), ("json", ["--format", "json"])], ids=["text", "json"])
    def test_of_an_allow(self, name: str, case: str, kind: str, options: list[str], capsys: Captured) -> None:
        """It shows the call."""
        options = [*options, "--reveal"] if name == "revealed" else options
        assert 0 == main(["escalate", *options, example(case)])
        assert ((GOLDEN / f"{name}.{kind}").read_text("utf-8"), "") == capsys.readouterr()

    @pytest.mark.parametrize("name", DENIED)
    def test_of_a_denial(self, name: str, capsys: Captured) -> None:
        """It is the output of `decide`. JSON has also a null for the call."""
        assert 1 == main(["escalate", example(name)])
        assert ((DECISIONS / f"{name}.txt").read_text("utf-8"), "") == capsys.readouterr()
        assert 1 == main(["escalate", "--format", "json", example(name)])
        decision: dict[str, Any] = json.loads((DECISIONS / f"{name}.json").read_text("utf-8"))
        assert decision | {"call": None} == json.loads(capsys.readouterr().out)


class TestEscalate:
    """`escalation-policy escalate`."""

    def test_shows_the_result_of_escalate(self, capsys: Captured) -> None:
        """The key is that of a ledger, and a second click gets the same call."""
        request = read_case(example("allowed"))
        ledger = InMemoryCallLedger()
        first, second = (escalate(request, provider=InMemoryVideoProvider(), ledger=ledger) for _ in range(2))
        main(["escalate", "--format", "json", example("allowed")])
        call = json.loads(capsys.readouterr().out)["call"]
        assert first.key == call["key"]
        assert EscalationOutcome(call["second_click"]) is second.outcome is EscalationOutcome.REUSED

    @pytest.mark.parametrize("options", [[], ["--format", "json"]], ids=["text", "json"])
    def test_only_reveal_shows_ids(self, options: list[str], capsys: Captured) -> None:
        """Here, those of the host of the call."""
        user = allowed()["ringcentral"]
        for reveal in (False, True):
            main(["escalate", *options, *["--reveal"] * reveal, example("allowed")])
            printed = capsys.readouterr().out
            assert [reveal, reveal] == [f"{user[name]}" in printed for name in ("account_id", "extension_id")]

    @pytest.mark.parametrize(("private", "text"), [(True, "yes, the API posts publicly by default"), (False, "no")])
    def test_shows_how_to_reply(self, private: bool, text: str, tmp_path: Path, capsys: Captured) -> None:  # noqa: FBT001
        """The link is sent privately if the message was private."""
        path = tmp_path / "case.json"
        case = allowed()
        case["content"]["private_message"] = private
        path.write_text(json.dumps(case), "utf-8")
        main(["escalate", str(path)])
        assert f"  reply privately  {text}\n" in capsys.readouterr().out

    def test_says_that_the_link_is_made_up(self, capsys: Captured) -> None:
        """Nobody should send it to a customer."""
        main(["escalate", example("allowed")])
        assert "https://video.example/join/1, made up: there is no such call\n" in capsys.readouterr().out

    @pytest.mark.parametrize(("name", "status"), [("allowed", 0), ("public-tweet", 1)])
    def test_quiet_prints_nothing(self, name: str, status: int, capsys: Captured) -> None:
        """The exit status is the answer."""
        assert status == main(["escalate", "--quiet", example(name)])
        assert ("", "") == capsys.readouterr()

    def test_unusable_input_is_reported_in_one_line(self, tmp_path: Path, capsys: Captured) -> None:
        """It goes to standard error, and the exit status is 2."""
        path = tmp_path / "none.json"
        assert 2 == main(["escalate", str(path)])
        assert ("", f"escalation-policy: {path}: no such file or directory\n") == capsys.readouterr()
