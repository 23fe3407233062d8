"""`call_for()` and `call_for_async()`: the call that a click would reuse."""

from collections.abc import Callable
from datetime import datetime

from .._calls.entries import LedgerEntry, RecordedCall, call_to_reuse
from .._calls.values import VideoCall, call_request_for
from .._engine.policy import Policy
from .._request import EscalationRequest
from ..escalate_to_video import ESCALATE_TO_VIDEO
from ..typing import AsyncCallLedger, CallLedger
from ._click import Progress, Steps, complete, ledger_error, updater_of
from ._escalate import clock_for, require_asyncio, run, run_in_task


def call_for(
    request: EscalationRequest,
    *,
    ledger: CallLedger,
    policy: Policy[EscalationRequest] = ESCALATE_TO_VIDEO,
    now: datetime | Callable[[], datetime] | None = None,
) -> VideoCall | None:
    """Return the call that a click would reuse now. The provider is not asked, and nothing is claimed.

    It is for the message that an agent has open, with its button "Rejoin". It locks the entry of the case, so it is not for
    lists.

    Args:
        request: The facts at this moment.
        ledger: The ledger of the clicks.
        policy: The policy that decides.
        now: The current time, with a zone, or a function that returns it. By default, the time of the system's clock.

    Returns:
        The call. None if the request is denied, or if the call has lapsed, is being created, is in doubt, or is of another
        host or another agent.

    Raises:
        InvalidValueError: As for `escalate()`.
        LedgerError: The ledger failed.
    """
    return run(_look_up(request, ledger, policy, clock_for(now), "call_for_async()"))


async def call_for_async(
    request: EscalationRequest,
    *,
    ledger: CallLedger | AsyncCallLedger,
    policy: Policy[EscalationRequest] = ESCALATE_TO_VIDEO,
    now: datetime | Callable[[], datetime] | None = None,
) -> VideoCall | None:
    """Do what `call_for()` does, for asyncio. A ledger that is not async works in a thread.

    Raises:
        RuntimeError: The running event loop is not asyncio's.
    """
    require_asyncio("call_for")
    return await run_in_task(_look_up(request, ledger, policy, clock_for(now), None), Progress())


def _look_up(
    request: EscalationRequest,
    ledger: CallLedger | AsyncCallLedger,
    policy: Policy[EscalationRequest],
    clock: Callable[[], datetime],
    async_form: str | None,
) -> Steps[VideoCall | None]:
    decision = policy.decide(request)
    if not decision:
        return None
    call_request, now = call_request_for(request), clock()

    def look(entry: LedgerEntry) -> tuple[LedgerEntry, RecordedCall | None]:
        return entry, call_to_reuse(entry.at(now), call_request)

    update = updater_of(ledger, async_form)
    try:
        recorded = yield update(call_request.key, look, now)
    except Exception as error:  # noqa: BLE001  a ledger may raise anything
        failure = ledger_error(error)
    else:
        return recorded.call if isinstance(recorded, RecordedCall) else None
    complete(failure, call_request.key, decision)
    raise failure
