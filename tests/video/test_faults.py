"""Everything that can go wrong with a click comes out as the documentation says."""

from pathlib import Path
from typing import Final

import pytest

from faults import FAULTS, Fault, table, try_everywhere

PAGE: Final = Path(__file__).parents[2] / "docs" / "explanation" / "one-call.md"
ROWS: Final = PAGE.read_text(encoding="utf-8").partition("<!-- faults -->\n")[2].partition("<!-- /faults -->")[0]


class TestFaults:
    """Each is tried with `escalate()` and with `escalate_async()`, with every ledger."""

    @pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
    def test_never_make_a_second_call(self, fault: Fault) -> None:
        """Neither this click nor the next one."""
        for tried in try_everywhere(fault).values():
            assert tried.calls <= tried.calls_then <= 1

    def test_come_out_as_the_page_says(self) -> None:
        """All of them; `python tests/faults.py` prints the table."""
        assert ROWS.splitlines() == table()
