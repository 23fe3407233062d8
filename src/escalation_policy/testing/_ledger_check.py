"""The check that a host's ledger keeps what a `CallLedger` promises."""

from collections.abc import Callable

from ..typing import CallLedger
from ._recorder import unseen


def check_call_ledger(make: Callable[[], CallLedger]) -> None:
    """Checks that a ledger keeps its promises.

    It stores every case exactly, and keeps cases apart; updates of one case come one after the other, those of others
    undo nothing, and one that raises changes nothing; doubts stay until they are settled or lapse; nothing is forgotten
    before it lapses, and nothing by the clock; `end()` and `resolve()` do what they say, and no more. It takes about a
    second.

    Args:
        make: Makes a ledger: each time one of its own, or each time another handle of the same one. Of the same one the
            promises are checked across two handles as well. It may hold anything; nothing of that is touched.

    Raises:
        AssertionError: A promise is broken; says which, by what, what was expected and what came.
    """
    __tracebackhide__ = True
    # It escalates, and pytest need not import all that this takes when it starts.
    from ._ledger_promises import first_broken  # noqa: PLC0415

    with unseen():
        broken = first_broken(make)
    if broken:
        raise AssertionError(broken.told) from broken.error
