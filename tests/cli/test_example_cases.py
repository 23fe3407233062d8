"""Every example has a golden decision and golden outputs of the command line.

After an intended change of texts, write the golden outputs again and review the changes:

    for case in docs/examples/*.json; do
        golden=tests/cli/golden/$(basename $case .json)
        escalation-policy decide $case > $golden.txt; escalation-policy decide --json $case > $golden.json
    done
    escalation-policy rules > tests/cli/golden/rules.txt; escalation-policy rules --json > tests/cli/golden/rules.json
"""

import json
from pathlib import Path
from typing import Any

import pytest

from escalation_policy import ESCALATE_TO_VIDEO
from escalation_policy.cli import main
from escalation_policy.cli._files import read_case

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in (ROOT / "docs/examples").glob("*.json"))


def example(name: str) -> str:
    """Return the path of an example."""
    return str(ROOT / f"docs/examples/{name}.json")


class TestExamples:
    """Example cases."""

    def test_each_has_a_golden_decision_and_golden_outputs(self) -> None:
        """None is missing, and none is left over."""
        decisions = {path.stem for path in (ROOT / "tests/decisions").glob("*.json")}
        outputs = {path.name for path in GOLDEN.iterdir()}
        assert set(NAMES) == decisions
        assert {f"{name}.{kind}" for name in [*NAMES, "rules"] for kind in ("txt", "json")} == outputs

    def test_there_are_many_denials_and_an_allowed_case(self) -> None:
        """With few examples, the other tests here would prove little."""
        assert len(NAMES) >= 10
        assert "allowed" in NAMES

    @pytest.mark.parametrize("name", NAMES)
    def test_each_is_decided_as_expected(self, name: str) -> None:
        """Effect, reasons with their status in order, and hidden rules are compared."""
        expected: dict[str, Any] = json.loads((ROOT / f"tests/decisions/{name}.json").read_text("utf-8"))
        decision = ESCALATE_TO_VIDEO.decide(read_case(str(ROOT / expected.pop("case"))))
        reasons = [{"code": reason.code, "status": reason.status.value} for reason in decision.reasons]
        assert expected == {"effect": decision.effect.value, "reasons": reasons, "hidden": [*decision.hidden]}


class TestGoldenOutputs:
    """The output, if it does not go to a terminal."""

    @pytest.mark.parametrize("name", NAMES)
    def test_text(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        """It is the golden one, and the exit status agrees."""
        status = main(["decide", example(name)])
        printed = capsys.readouterr()
        assert (GOLDEN / f"{name}.txt").read_text("utf-8") == printed.out
        assert (0 if printed.out.startswith("ALLOW") else 1) == status
        assert printed.err == ""

    @pytest.mark.parametrize("name", NAMES)
    def test_json(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        """It is the golden one, and the exit status agrees."""
        status = main(["decide", "--format", "json", example(name)])
        printed = capsys.readouterr()
        assert (GOLDEN / f"{name}.json").read_text("utf-8") == printed.out
        assert {"allow": 0, "deny": 1}[json.loads(printed.out)["effect"]] == status
        assert printed.err == ""

    @pytest.mark.parametrize(
        ("options", "file"), [([], "rules.txt"), (["--format", "json"], "rules.json")], ids=["text", "json"]
    )
    def test_rules(self, options: list[str], file: str, capsys: pytest.CaptureFixture[str]) -> None:
        """They are the golden ones."""
        assert main(["rules", *options]) == 0
        assert (GOLDEN / file).read_text("utf-8") == capsys.readouterr().out
