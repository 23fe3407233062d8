"""What `escalate()` costs on top of deciding and of a provider that does nothing.

Run it with the interpreter to measure: `python tests/benchmarks/escalate.py`. The batches take turns, and every figure is a
median: on a shared machine, only differences within one run mean anything.
"""

import asyncio
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import attrs

from escalation_policy import ESCALATE_TO_VIDEO, EscalationRequest, Login
from escalation_policy.testing import a_request
from escalation_policy.typing import CallLedger
from escalation_policy.video import (
    CallRequest,
    InMemoryCallLedger,
    InMemoryVideoProvider,
    SQLiteCallLedger,
    VideoCall,
    escalate,
    escalate_async,
)

ROUNDS: Final = 101
CASES: Final = 100
_REQUEST: Final = a_request()
_CALL: Final = InMemoryVideoProvider().create_call(
    CallRequest(key="key", account_id="664287016", extension_id="664307016")
)


class _Provider:
    """Returns the same call at once."""

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Return the call."""
        return _CALL


class _AsyncProvider:
    """Returns the same call at once."""

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Return the call."""
        return _CALL


def _in_case(number: int) -> EscalationRequest:
    case_id = f"case {number}"
    message = attrs.evolve(_REQUEST.message, intervention_id=case_id)
    assert _REQUEST.intervention
    return attrs.evolve(_REQUEST, message=message, intervention=attrs.evolve(_REQUEST.intervention, id=case_id))


def medians(batches: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Time batches of clicks in turns. Return microseconds per click."""
    times: dict[str, list[float]] = {name: [] for name in batches}
    for _ in range(rounds):
        for name, batch in batches.items():
            start = time.perf_counter()
            batch()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(batch_times) / CASES * 1e6 for name, batch_times in times.items()}


def main() -> None:
    """Print the figures."""
    requests, provider = [_in_case(number) for number in range(CASES)], _Provider()
    denied = [attrs.evolve(request, login=Login.PASSWORD) for request in requests]
    full_ledger = InMemoryCallLedger()

    def by_hand() -> None:
        for request in requests:
            if ESCALATE_TO_VIDEO.decide(request):
                provider.create_call(_CALL_REQUEST)

    def clicks(ledger: CallLedger, requests: list[EscalationRequest]) -> None:
        for request in requests:
            escalate(request, provider=provider, ledger=ledger)

    async def clicks_async(ledger: CallLedger) -> None:
        asynchronous = _AsyncProvider()
        for request in requests:
            await escalate_async(request, provider=asynchronous, ledger=ledger)

    clicks(full_ledger, requests)
    times = medians(
        {
            "by hand": by_hand,
            "created": lambda: clicks(InMemoryCallLedger(), requests),
            "reused": lambda: clicks(full_ledger, requests),
            "denied": lambda: clicks(full_ledger, denied),
        }
    )
    print(f"CPython {platform.python_version()}, medians of {ROUNDS} rounds of {CASES} clicks")
    print(f"  decide(), and a provider that does nothing {times['by hand']:8.2f} us")
    for outcome in ("created", "reused", "denied"):
        print(f"  escalate(), {outcome:8} InMemoryCallLedger    {times[outcome] - times['by hand']:+8.2f} us")
    with TemporaryDirectory() as folder:
        numbers = iter(range(ROUNDS))
        slow_times = medians(
            {
                "sqlite": lambda: clicks(SQLiteCallLedger(Path(folder) / f"{next(numbers)}.db"), requests),
                "async": lambda: asyncio.run(clicks_async(InMemoryCallLedger())),
            },
            rounds=5,
        )
    print(f"  escalate(), created  SQLiteCallLedger      {slow_times['sqlite']:+8.0f} us")
    print(f"  escalate_async(), created InMemoryCallLedger {slow_times['async']:+6.0f} us")


_CALL_REQUEST: Final = CallRequest(key="key", account_id="664287016", extension_id="664307016")

if __name__ == "__main__":
    main()
