"""Every error this library raises on purpose.

    EscalationPolicyError
    ├── InvalidValueError          (ValueError)  a value that cannot exist
    ├── InvalidPolicyError         (ValueError)  a condition, rule or policy that makes no sense
    ├── InvalidPayloadError        (ValueError)  records that cannot be read, all faults together
    ├── EscalationDeniedError                    raised only by `Decision.raise_if_denied()`
    ├── testing.NoSuchRequestError (LookupError) no request that a policy decides as a test asks
    └── testing.NoSuchRuleError    (ValueError)  a test names a rule that the policy does not have

No message shows an address, an id of RingCentral or what a customer wrote.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, final

__all__ = [
    "EscalationDeniedError",
    "EscalationPolicyError",
    "Fault",
    "InvalidPayloadError",
    "InvalidPolicyError",
    "InvalidValueError",
]


class EscalationPolicyError(Exception):
    """The base of them all: `except EscalationPolicyError` catches whatever this library raises."""


@final
class Fault(NamedTuple):
    """One thing wrong with some input: where, what kind of thing stood there, and what is accepted."""

    path: str
    found: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.path} must be {self.accepted}, got {self.found}"


@final
class InvalidValueError(EscalationPolicyError, ValueError):
    """A value was given something it does not accept; `fault` says what, as data."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


@final
class InvalidPolicyError(EscalationPolicyError, ValueError):
    """A fact, condition, rule or policy that makes no sense; raised when it is made, never when it decides."""


@final
class InvalidPayloadError(EscalationPolicyError, ValueError):
    """Records that cannot be read, or do not belong together; `faults` lists everything that is wrong."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "; ".join(map(str, self.faults))


@final
class EscalationDeniedError(EscalationPolicyError):
    """A denied decision, for hosts that prefer an exception; `decision` is the `Decision`."""

    def __init__(self, decision: Any) -> None:
        super().__init__(decision)
        self.decision = decision

    def __str__(self) -> str:
        codes = [f"{reason.code} ({reason.status.value})" for reason in self.decision.reasons]
        return f"{self.decision.effect.value} {self.decision.policy_id}: {', '.join(codes)}"
