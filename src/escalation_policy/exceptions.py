"""All errors that this library raises on purpose.

    EscalationPolicyError
    ├── InvalidValueError          (ValueError)  an invalid argument
    ├── InvalidPolicyError         (ValueError)  an invalid fact, condition, rule or policy
    ├── InvalidPayloadError        (ValueError)  payloads that cannot be read, with all faults
    ├── UntranslatableError        (ValueError)  policies that have no SQL, with all causes
    ├── EscalationDeniedError                    raised only by `Decision.raise_if_denied()`
    ├── ClickError                               an allowed click did not get its call
    │   ├── ProviderError                        the video provider did not return a usable call
    │   │   ├── ProviderUnavailableError         no call was created; try again
    │   │   ├── ProviderRejectedError            no call was created; do not try again
    │   │   └── ProviderOutcomeUnknownError      nobody knows whether a call was created
    │   ├── CallInProgressError                  another click is creating the same call
    │   ├── CallInDoubtError                     nobody knows whether the same call was created
    │   └── LedgerError                          the ledger failed before the provider was asked
    ├── EngageError                              the Engage API did not return a record or a list
    │   ├── EngageUnavailableError               it did not answer, or asks to wait; try again
    │   └── EngageRefusedError                   it refused; do not try again
    ├── AnalysisLimitError                       a question about all requests needs more effort
    ├── testing.NoSuchRequestError (LookupError) no request has the decision that a test asks for
    └── testing.NoSuchRuleError    (ValueError)  a test names a rule that the policy does not have

Messages show numbers, durations and the library's own names and keys. They never show an id, an address, a token or what
anybody wrote; instead of a wrong string, they show the accepted key that is closest to it.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar, Final, final

import attrs

__all__ = [
    "AnalysisLimitError",
    "CallInDoubtError",
    "CallInProgressError",
    "ClickError",
    "EngageError",
    "EngageRefusedError",
    "EngageUnavailableError",
    "EscalationDeniedError",
    "EscalationPolicyError",
    "Fault",
    "InvalidPayloadError",
    "InvalidPolicyError",
    "InvalidValueError",
    "LedgerError",
    "ProviderError",
    "ProviderOutcomeUnknownError",
    "ProviderRejectedError",
    "ProviderUnavailableError",
    "UntranslatableError",
]


class EscalationPolicyError(Exception):
    """The base class of all errors of this library."""


@final
@attrs.frozen
class Fault:
    """One thing that is wrong with an input.

    Attributes:
        path: The place: the name of an argument, or a path such as `user.enabled`.
        problem: What is wrong and what to do, in words that follow the path.
        found: The actual value: its kind, or a number, a duration or one of the library's own names. None if the problem
            says everything.
        accepted: What is accepted there. None if the problem says everything.
    """

    path: str
    problem: str
    found: str | None = attrs.field(default=None, kw_only=True)
    accepted: str | None = attrs.field(default=None, kw_only=True)

    @classmethod
    def mismatch(cls, path: str, found: str, accepted: str, *, closest: str | None = None) -> "Fault":
        """Return the fault of a value that is not accepted.

        Args:
            path: The place of the value.
            found: The value, in words that do not show a string.
            accepted: What is accepted there.
            closest: The accepted key that a wrong string most likely stands for.
        """
        hint = f" (did you mean {closest}?)" if closest else ""
        return cls(path, f"must be {accepted}, got {found}{hint}", found=found, accepted=accepted)

    def __str__(self) -> str:
        return f"{self.path} {self.problem}"


@final
class InvalidValueError(EscalationPolicyError, ValueError):
    """An argument is invalid. `fault` describes it as data."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


@final
class InvalidPolicyError(EscalationPolicyError, ValueError):
    """A fact, condition, rule or policy is invalid. This is raised when it is made, never when it decides."""


@final
class InvalidPayloadError(EscalationPolicyError, ValueError):
    """Payloads cannot be read, or do not belong together. `faults` lists everything that is wrong."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "; ".join(map(str, self.faults))


@final
class UntranslatableError(EscalationPolicyError, ValueError):
    """A policy cannot be translated to SQL. `faults` lists every fact that has no column or is tested in another way."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "; ".join(map(str, self.faults))


@final
class EscalationDeniedError(EscalationPolicyError):
    """A request was denied, for hosts that prefer an exception. `decision` is the `Decision`."""

    def __init__(self, decision: Any) -> None:
        super().__init__(decision)
        self.decision = decision

    def __str__(self) -> str:
        codes = [f"{reason.code} ({reason.status.value})" for reason in self.decision.reasons]
        return f"{self.decision.effect.value} {self.decision.policy_id}: {', '.join(codes)}"


class ClickError(EscalationPolicyError):
    """An allowed click did not get its call. The subclass tells you why.

    Attributes:
        outcome: The code of the outcome, as in records and in `Problem.code`.
        key: The key of the call in the ledger. None until `escalate()` raises the error.
        decision: The `Decision` of the click. None until `escalate()` raises the error.
    """

    outcome: ClassVar[str] = "unknown"
    key: str | None = None
    decision: Any = None


class ProviderError(ClickError):
    """The video provider did not return a usable call. The subclass tells you whether to try again."""


class ProviderUnavailableError(ProviderError):
    """The provider created no call. Try again, after `retry_after` if it is not None."""

    outcome = "unavailable"

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProviderRejectedError(ProviderError):
    """The provider created no call, and trying again does not help. `code` is its own error code, or None."""

    outcome = "rejected"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class ProviderOutcomeUnknownError(ProviderError):
    """Nobody knows whether the provider created a call. `call_id` is its id of a call that must not be used, or None."""

    def __init__(self, message: str, *, call_id: str | None = None) -> None:
        super().__init__(message)
        self.call_id = call_id


@final
class CallInProgressError(ClickError):
    """Another click is creating the same call. Look again in a moment, or pass `wait` to `escalate()`."""

    outcome = "in_progress"
    key: str

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key  # pyright: ignore[reportIncompatibleVariableOverride]  # never None here

    def __str__(self) -> str:
        return f"the call {self.key} is being created"


@final
class CallInDoubtError(ClickError):
    """Nobody knows whether the same call was created, or it was created but not recorded: then `call` is the `VideoCall`.

    The doubt ends when the host settles it with `ledger.resolve(key, call_or_none)`, when a click has `again=True`, or
    when the doubt lapses.
    """

    outcome = "in_doubt"
    key: str

    def __init__(self, key: str, call: Any = None) -> None:
        super().__init__(key, call)
        self.key = key  # pyright: ignore[reportIncompatibleVariableOverride]  # never None here
        self.call = call

    def __str__(self) -> str:
        return f"the call {self.key} was {'created' if self.call else 'possibly created'}, but not recorded"


@final
class LedgerError(ClickError):
    """The ledger failed before the provider was asked. No call was created; when the ledger works again, try again.

    `escalate()` raises it for any exception of a ledger, with the type, the file and the line of that exception. It drops the
    exception itself, whose words can hold links. A ledger may raise a `LedgerError` with a message of its own, which is kept.
    """

    outcome = "ledger"


class EngageError(EscalationPolicyError):
    """The Engage API did not return a record or a list. The subclass tells you whether to try again."""


@final
class EngageUnavailableError(EngageError):
    """The Engage API did not answer, failed or asks to wait. Try again, after `retry_after` if it is not None."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


#: Why the Engage API most likely refuses, by the status of its response. None: nothing could be sent.
_REFUSALS: Final = {
    None: "the client is closed, or the developer must fix its base_url or its headers",
    400: "the request is invalid; the developer fixes it",
    401: "the token is not valid; the developer gets a new one",
    403: "the token's user lacks a permission; an administrator grants it",
    404: "it does not exist, or the token's user may not read it, or the client's base_url is another service's",
}


@final
class EngageRefusedError(EngageError):
    """The Engage API refused to return a record or a list. Trying again does not help.

    Attributes:
        record: What was asked for: `content`, `user`, `source`, `intervention`, `identity` or `role`, or one of the lists
            `interventions`, `roles`, `users` and `sources`.
        status: The status of the response: 401 and 403 are about the token and its user's rights, 404 about a record that
            does not exist or that the token's user may not read. None: the client could not send the request.
    """

    def __init__(self, record: str, status: int | None) -> None:
        super().__init__(record, status)
        self.record = record
        self.status = status

    def __str__(self) -> str:
        action = "nothing could be sent to Engage" if self.status is None else f"Engage answered {self.status}"
        cause = _REFUSALS.get(self.status, "it refuses this request")
        if self.status is not None and 300 <= self.status < 400:
            cause = "it redirects to another address, which is not followed; the developer fixes the client's base_url"
        if self.record == "role" and self.status in (403, 404):
            cause = "only users that may manage roles can read one, so pass role= or use the token of such a user"
        return f"{action} for the {self.record}: {cause}"


@final
class AnalysisLimitError(EscalationPolicyError):
    """A question about all requests was given up after `effort` clauses. It has an answer, but nobody knows which."""

    def __init__(self, effort: int) -> None:
        super().__init__(effort)
        self.effort = effort

    def __str__(self) -> str:
        return f"no answer within an effort of {self.effort:,} clauses: pass a higher effort, or ask about fewer rules"
