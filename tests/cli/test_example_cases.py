"""Every example is decided as its golden decision says, and the command line answers with its golden output, to the letter.

After a change of texts that is meant, write them anew and read what changed:

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
from escalation_policy.cli._case_files import read_case

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in (ROOT / "docs/examples").glob("*.json"))


def example(name: str) -> str:
    """Gives the path of an example."""
    return str(ROOT / f"docs/examples/{name}.json")


class TestExamples:
    """Example cases."""

    def test_each_has_a_golden_decision_and_golden_outputs(self) -> None:
        """Nothing is left out, and nothing is left over."""
        decisions = {path.stem for path in (ROOT / "tests/decisions").glob("*.json")}
        outputs = {path.name for path in GOLDEN.iterdir()}
        assert set(NAMES) == decisions
        assert {f"{name}.{kind}" for name in [*NAMES, "rules"] for kind in ("txt", "json")} == outputs

    def test_there_are_denials_of_every_kind_and_one_that_is_allowed(self) -> None:
        """Ten cases at least; otherwise the others here would say little."""
        assert len(NAMES) >= 10
        assert "allowed" in NAMES

    @pytest.mark.parametrize("name", NAMES)
    def test_each_is_decided_as_expected(self, name: str) -> None:
        """Effect, reasons in order with their status, and what is hidden."""
        expected: dict[str, Any] = json.loads((ROOT / f"tests/decisions/{name}.json").read_text("utf-8"))
        decision = ESCALATE_TO_VIDEO.decide(read_case(str(ROOT / expected.pop("case"))))
        reasons = [{"code": reason.code, "status": reason.status.value} for reason in decision.reasons]
        assert expected == {"effect": decision.effect.value, "reasons": reasons, "hidden": [*decision.hidden]}


class TestGoldenOutputs:
    """What is printed when nobody's terminal is involved."""

    # The answer and the exit status agree.
    @pytest.mark.parametrize("name", NAMES)
    def test_text(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        """The text is the golden one."""
        status = main(["decide", example(name)])
        printed = capsys.readouterr()
        assert (GOLDEN / f"{name}.txt").read_text("utf-8") == printed.out
        assert (0 if printed.out.startswith("ALLOW") else 1) == status
        assert printed.err == ""

    @pytest.mark.parametrize("name", NAMES)
    def test_json(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        """The document is the golden one."""
        status = main(["decide", "--json", example(name)])
        printed = capsys.readouterr()
        assert (GOLDEN / f"{name}.json").read_text("utf-8") == printed.out
        assert {"allow": 0, "deny": 1}[json.loads(printed.out)["effect"]] == status
        assert printed.err == ""

    # The policy itself.
    @pytest.mark.parametrize(("options", "file"), [([], "rules.txt"), (["--json"], "rules.json")], ids=["text", "json"])
    def test_rules(self, options: list[str], file: str, capsys: pytest.CaptureFixture[str]) -> None:
        """The rules are the golden ones."""
        assert main(["rules", *options]) == 0
        assert (GOLDEN / file).read_text("utf-8") == capsys.readouterr().out
