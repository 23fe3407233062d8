"""One click as a sequence of steps, for `escalate()` and `escalate_async()` alike.

`click()` is a generator. It yields each step that waits for a ledger or a provider, and its caller sends back the result of
the step or throws in its error.
"""

import inspect
import logging
from collections.abc import Callable, Generator
from datetime import datetime
from enum import StrEnum, unique
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar, final

from .._calls.entries import (
    ClaimResult,
    LedgerEntry,
    RecordedCall,
    Terms,
    claim,
    mark_doubtful,
    record_call,
    release,
)
from .._calls.values import CallRequest, VideoCall, call_request_for, entry_id_of
from .._engine.decision import Decision
from .._engine.policy import Policy
from .._enums import ChannelKind
from .._fields import kind_of
from .._request import EscalationRequest
from .._values import Message
from ..exceptions import (
    CallInDoubtError,
    CallInProgressError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from ..typing import AsyncCallLedger, AsyncVideoProvider, CallLedger, VideoProvider

T = TypeVar("T")
_log: Final = logging.getLogger("escalation_policy.video")
#: Channels without public messages. On any other, the link goes out privately unless the message is known to be public.
_PRIVATE_ONLY: Final = {
    ChannelKind.APPLE_BUSINESS_CHAT,
    ChannelKind.CHAT,
    ChannelKind.DIGITAL_SMS,
    ChannelKind.EMAIL,
    ChannelKind.ENGAGE_MESSAGING,
    ChannelKind.GOOGLE_BUSINESS_MESSAGES,
    ChannelKind.INSTAGRAM_MESSAGING,
    ChannelKind.MESSENGER,
    ChannelKind.VIBER,
    ChannelKind.WHATSAPP,
}


@final
@unique
class EscalationOutcome(StrEnum):
    """The outcome of a click."""

    CREATED = "created"
    REUSED = "reused"
    DENIED = "denied"


@final
class Escalation(NamedTuple):
    """The result of a click. It is true if there is a call.

    Attributes:
        decision: Whether the click was allowed, and why.
        key: The key of the call, for `ledger.end(key)`. None if the click was denied.
        call: The call. None if the click was denied.
        supersedes: The call that this one replaced, for example that of the agent who had the case before. End it.
        reply_privately: Whether the link must go out as a private message. The API posts publicly by default.
    """

    decision: Decision[EscalationRequest]
    outcome: EscalationOutcome
    key: str | None = None
    call: VideoCall | None = None
    supersedes: VideoCall | None = None
    reply_privately: bool = False

    def __bool__(self) -> bool:
        return self.call is not None


def _must_be_private(message: Message) -> bool:
    if message.private is None:
        return message.channel.kind not in _PRIVATE_ONLY
    return message.private or message.channel.kind is ChannelKind.TWITTER


@final
class LedgerStep(NamedTuple):
    """Work on the ledger. Once it has begun, nothing else of the click may happen before its end.

    Attributes:
        work: Does the work. It blocks.
        is_async: Whether it returns a coroutine instead, which does the work.
    """

    work: Callable[[], Any]
    is_async: bool


@final
class ProviderStep(NamedTuple):
    """A call of a provider's method, which may be a coroutine function."""

    method: Callable[[Any], object]
    argument: object


#: A generator that yields steps, is sent their results, and returns a `T`.
Steps = Generator[LedgerStep | ProviderStep, Any, T]


def click(  # noqa: PLR0913
    request: EscalationRequest,
    *,
    provider: VideoProvider | AsyncVideoProvider,
    ledger: CallLedger | AsyncCallLedger,
    policy: Policy[EscalationRequest],
    terms: Terms,
    title: str,
) -> Steps[Escalation]:
    """Decide. If the answer is yes, reuse the recorded call or create one."""
    decision = policy.decide(request)
    if not decision:
        return Escalation(decision, EscalationOutcome.DENIED)
    if isinstance(provider, type):
        raise TypeError(f"provider must be an object with a method create_call(), got the class {provider.__name__}")
    attempt = _Attempt(
        provider,
        provider.create_call,
        ledger,
        call_request_for(request, title=title, time_limit=terms.claim_timeout),
        terms,
    )
    recorded = yield from attempt.claim()
    if recorded and (yield from attempt.is_closed(recorded.call)):
        attempt = attempt._replace(terms=terms._replace(closed_call=recorded.call))
        recorded = yield from attempt.claim()
    outcome = EscalationOutcome.REUSED if recorded else EscalationOutcome.CREATED
    if recorded is None:
        call = yield from attempt.create_call()
        recorded = yield from attempt.record(call)
    reply_privately = _must_be_private(request.message)
    return Escalation(decision, outcome, attempt.request.key, recorded.call, recorded.supersedes, reply_privately)


@final
class _Attempt(NamedTuple):
    """The attempt to get one call, on certain terms.

    Every error after the claim settles the claim before it is raised, except `GeneratorExit`: then the caller has given up
    the generator, and nobody would run another step.
    """

    provider: object
    method: Callable[[CallRequest], object]
    ledger: CallLedger | AsyncCallLedger
    request: CallRequest
    terms: Terms

    def claim(self) -> Steps[RecordedCall | None]:
        """Claim the call. Return the recorded call instead if it can be reused.

        Raises:
            CallInProgressError: Another click has claimed the call.
            CallInDoubtError: Nobody knows whether the call was created.
            TypeError: The ledger did not return the answer of the change.
        """
        now = self.terms.clock()
        try:
            answer = yield self._update(lambda entry: claim(entry, self.request, self.terms, now), now)
            if not isinstance(answer, RecordedCall | ClaimResult):
                problem = "must return the second value that change() returned"
                raise TypeError(f"update() of the ledger {problem}, got {kind_of(answer)}")  # noqa: TRY301
        except BaseException as error:
            # The claim may be stored nevertheless, and no call will be created under it.
            yield from self._settle(release, error)
            raise
        if answer is ClaimResult.IN_PROGRESS:
            raise CallInProgressError(self.request.key)
        if answer is ClaimResult.IN_DOUBT:
            raise CallInDoubtError(self.request.key)
        return None if answer is ClaimResult.GRANTED else answer

    def is_closed(self, call: VideoCall) -> Steps[bool]:
        """Return whether the provider knows that the room of a call no longer exists."""
        try:
            is_open = getattr(self.provider, "is_open", None)
            answer = (yield ProviderStep(is_open, call)) if is_open else None
        except Exception:  # noqa: BLE001
            return False
        if inspect.iscoroutine(answer):
            answer.close()
        return answer is False

    def create_call(self) -> Steps[VideoCall]:
        """Have the provider create the call.

        Raises:
            ProviderUnavailableError: No call was created. A retry may succeed.
            ProviderRejectedError: No call was created. A retry cannot succeed.
            ProviderOutcomeUnknownError: Nobody knows whether a call was created.
        """
        try:
            answer = yield ProviderStep(self.method, self.request)
            return self._check_call(answer)
        except (ProviderUnavailableError, ProviderRejectedError) as error:
            yield from self._settle(release, error)
            error.key = self.request.key
            raise
        except ProviderOutcomeUnknownError as error:
            yield from self._settle(mark_doubtful, error)
            error.key = self.request.key
            raise
        except Exception as error:
            yield from self._settle(mark_doubtful, error)
            unknown = ProviderOutcomeUnknownError(f"the provider raised {type(error).__name__}")
            unknown.key = self.request.key
            raise unknown from error
        except BaseException as error:
            yield from self._settle(mark_doubtful, error)
            raise

    def _check_call(self, answer: object) -> VideoCall:
        if inspect.iscoroutine(answer):
            answer.close()
            # A coroutine of create_call() itself has not run, so it has created nothing. Any other may have.
            if answer.cr_code is getattr(self.method, "__code__", None):
                problem = "create_call() of the provider is a coroutine function: use escalate_async()"
                raise ProviderRejectedError(problem)
        if not isinstance(answer, VideoCall):
            raise ProviderOutcomeUnknownError(f"the provider must return a VideoCall, got {kind_of(answer)}")
        if not answer.hosted_as(self.request):
            raise ProviderOutcomeUnknownError("the provider returned a call of another host", call_id=answer.id)
        return answer

    def record(self, call: VideoCall) -> Steps[RecordedCall]:
        """Record the call that was created.

        Raises:
            CallInDoubtError: The call could not be recorded, or another click has claimed or recorded one since.
        """
        key = self.request.key
        try:
            now = self.terms.clock()
            recorded: RecordedCall | None = yield self._update(
                lambda entry: record_call(entry, key, call, self.terms, now), now
            )
        except BaseException as error:
            # The call may be recorded nevertheless. Then there is no claim left, and this changes nothing.
            yield from self._settle(mark_doubtful, error)
            if isinstance(error, Exception):
                raise CallInDoubtError(key, call) from error
            raise
        if recorded is None:
            raise CallInDoubtError(key, call)
        return recorded

    def _settle(
        self,
        change: Callable[[LedgerEntry, str, Terms, datetime], tuple[LedgerEntry, None]],
        error: BaseException,
    ) -> Steps[None]:
        """Settle the claim after an error. If the ledger fails too, the claim becomes a doubt when it expires."""
        if isinstance(error, GeneratorExit):
            return
        try:
            now = self.terms.clock()
            yield self._update(lambda entry: change(entry, self.request.key, self.terms, now), now)
        except Exception:  # noqa: BLE001
            _log.warning("the ledger failed, so a claim was not settled: %s", self.request.key, exc_info=True)

    def _update(self, change: Callable[[LedgerEntry], tuple[LedgerEntry, Any]], now: datetime) -> LedgerStep:
        update = self.ledger.update
        return LedgerStep(
            partial(update, entry_id_of(self.request.key), change, now=now), inspect.iscoroutinefunction(update)
        )
