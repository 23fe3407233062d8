"""Everything that can go wrong with a click has the result that the documentation states."""

from pathlib import Path
from typing import Final

import pytest

from faults import FAULTS, Fault, results_of, table

PAGE: Final = Path(__file__).parents[2] / "docs" / "explanation" / "one-call.md"
ROWS: Final = PAGE.read_text(encoding="utf-8").partition("<!-- faults -->\n")[2].partition("<!-- /faults -->")[0]


class TestFaults:
    """Each fault happens to `escalate()` and to `escalate_async()`, in every way to interrupt them, with every ledger."""

    @pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
    def test_never_create_a_second_call(self, fault: Fault) -> None:
        """Neither in this click nor in the next one."""
        for result in results_of(fault).values():
            assert result.calls <= result.calls_in_the_end <= 1

    def test_have_the_results_in_the_table(self) -> None:
        """`python tests/faults.py` prints it."""
        assert ROWS.splitlines() == table()
