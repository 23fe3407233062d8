"""Everything that can go wrong with a click has the result that the documentation states."""

from itertools import groupby
from pathlib import Path
from typing import Final

import pytest

from faults import FAULTS, HEADER, results_of, rows_of

PAGE: Final = Path(__file__).parents[2] / "docs" / "explanation" / "one-call.md"
TABLE: Final = PAGE.read_text(encoding="utf-8").partition("<!-- faults -->\n")[2].partition("<!-- /faults -->")[0]
#: The rows of the table, fault by fault.
ROWS: Final = [list(rows) for _, rows in groupby(TABLE.splitlines()[2:], lambda row: row.split(" | ")[0])]


class TestFaults:
    """Each fault happens to `escalate()` and to `escalate_async()`, in every way to interrupt them, with every ledger."""

    @pytest.mark.parametrize("number", range(len(FAULTS)), ids=[fault.name for fault in FAULTS])
    def test_have_the_results_in_the_table_and_never_create_a_second_call(self, number: int) -> None:
        """`python tests/faults.py` prints the table. Neither this click nor the next one creates a second call."""
        fault = FAULTS[number]
        results = results_of(fault)
        assert ROWS[number] == rows_of(fault, results)
        assert all(result.calls <= result.calls_in_the_end <= 1 for result in results.values())

    def test_are_all_in_the_table(self) -> None:
        """And nothing else is, except its header."""
        assert (HEADER, len(FAULTS)) == (TABLE.splitlines()[:2], len(ROWS))
