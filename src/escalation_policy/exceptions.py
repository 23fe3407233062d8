"""Every error this library raises on purpose.

    EscalationPolicyError
    ├── InvalidValueError          (ValueError)  a value that cannot exist
    ├── InvalidPolicyError         (ValueError)  a condition, rule or policy that makes no sense
    ├── InvalidPayloadError        (ValueError)  records that cannot be read, all faults together
    ├── EscalationDeniedError                    raised only by `Decision.raise_if_denied()`
    ├── ProviderError                            a video provider made no call that could be used
    │   ├── ProviderUnavailableError             nothing was made; try again
    │   ├── ProviderRejectedError                nothing was made; trying again is of no use
    │   └── ProviderOutcomeUnknownError          nobody knows whether a call was made
    ├── CallInProgressError                      another click is making this very call
    ├── CallInDoubtError                         nobody knows whether this very call was made
    ├── testing.NoSuchRequestError (LookupError) no request that a policy decides as a test asks
    └── testing.NoSuchRuleError    (ValueError)  a test names a rule that the policy does not have

No message shows an id, an address, a token or what anybody wrote. Numbers, durations and the library's own names and keys are
shown; instead of a wrong string, the message names the accepted key that is closest to it.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, final

import attrs

__all__ = [
    "CallInDoubtError",
    "CallInProgressError",
    "EscalationDeniedError",
    "EscalationPolicyError",
    "Fault",
    "InvalidPayloadError",
    "InvalidPolicyError",
    "InvalidValueError",
    "ProviderError",
    "ProviderOutcomeUnknownError",
    "ProviderRejectedError",
    "ProviderUnavailableError",
]


class EscalationPolicyError(Exception):
    """The base of them all: `except EscalationPolicyError` catches whatever this library raises."""


@final
@attrs.frozen
class Fault:
    """One thing that is wrong with some input.

    Attributes:
        path: Where it is: the name of an argument, or a path such as `user.enabled`.
        problem: What is wrong and what to do, in words that follow the path.
        found: What is there: a kind of value, or a number, a duration or one of the library's own names. None: the problem
            says it all.
        accepted: What is accepted there. None: the problem says it all.
    """

    path: str
    problem: str
    found: str | None = attrs.field(default=None, kw_only=True)
    accepted: str | None = attrs.field(default=None, kw_only=True)

    @classmethod
    def mismatch(cls, path: str, found: str, accepted: str, *, closest: str | None = None) -> "Fault":
        """Return the fault of a value that is not what is accepted.

        Args:
            path: Where it is.
            found: What is there, in words that do not show a string.
            accepted: What is accepted there.
            closest: The accepted key that a wrong string most likely stands for.
        """
        hint = f" (did you mean {closest}?)" if closest else ""
        return cls(path, f"must be {accepted}, got {found}{hint}", found=found, accepted=accepted)

    def __str__(self) -> str:
        return f"{self.path} {self.problem}"


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


class ProviderError(EscalationPolicyError):
    """A video provider made no call that could be used; which of its kinds says what may be done next.

    `key` names the call to the ledger, in an error that comes out of `escalate()`.
    """

    key: str | None = None


class ProviderUnavailableError(ProviderError):
    """The provider made nothing, and may be asked again, `retry_after` from now where it said when."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProviderRejectedError(ProviderError):
    """The provider made nothing, and will not whenever it is asked; `code` is its own word for why, if it said one."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class ProviderOutcomeUnknownError(ProviderError):
    """Nobody knows whether the provider made a call; `call_id` is its id for one that cannot be used, if it said one."""

    def __init__(self, message: str, *, call_id: str | None = None) -> None:
        super().__init__(message)
        self.call_id = call_id


@final
class CallInProgressError(EscalationPolicyError):
    """Another click is making this very call; `key` is what `CallRequest` has. Look again in a moment."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"the call {self.key} is being created"


@final
class CallInDoubtError(EscalationPolicyError):
    """Nobody knows whether this very call was made; `call` is the `VideoCall` where it was, but could not be recorded.

    It is over when the host settles it with `ledger.resolve(key, call_or_none)`, when somebody says `again=True`, or
    when it lapses.
    """

    def __init__(self, key: str, call: Any = None) -> None:
        super().__init__(key, call)
        self.key = key
        self.call = call

    def __str__(self) -> str:
        return f"the call {self.key} was {'created' if self.call else 'possibly created'}, but not recorded"
