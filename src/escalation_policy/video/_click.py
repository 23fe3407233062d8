"""One click as a sequence of steps, for `escalate()` and `escalate_async()` alike.

`click()` is a generator. It yields each step that waits, and its caller sends back the result of the step or throws in its
error. The errors of a click have no cause and no context: the words of a ledger or a provider can hold links and passwords.
"""

import inspect
import logging
import random
from collections.abc import Callable, Generator
from datetime import datetime
from enum import StrEnum, unique
from functools import partial
from time import monotonic
from typing import Any, Final, NamedTuple, TypeVar, cast, final

import attrs

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
from .._engine.truth import Failure
from .._enums import ChannelKind
from .._fields import kind_of, type_name
from .._request import EscalationRequest
from .._values import Message
from ..exceptions import (
    CallInDoubtError,
    CallInProgressError,
    ClickError,
    Fault,
    InvalidValueError,
    LedgerError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from ..typing import AsyncCallLedger, AsyncVideoProvider, CallLedger, VideoProvider

T = TypeVar("T")
log: Final = logging.getLogger("escalation_policy.video")
_CLAIM_ANSWERS: Final = (RecordedCall, ClaimResult)
#: The first pause of a click that waits, and the longest one, in seconds.
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 0.5
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
    """A call of a provider's method, which may be a coroutine function.

    Attributes:
        method: The method.
        argument: Its argument.
        creates: Whether it creates the call. Then the claim was granted, and the click goes on even if nobody waits for it.
    """

    method: Callable[[Any], Any]
    argument: object
    creates: bool


@final
class PauseStep(NamedTuple):
    """A pause of some seconds."""

    seconds: float


Step = LedgerStep | ProviderStep | PauseStep
#: A generator that yields steps, is sent their results, and returns a `T`.
Steps = Generator[Step, Any, T]


@final
@attrs.define
class Progress:
    """How far a click has come.

    Attributes:
        key: The key of its call, when it is known.
        is_granted: Whether its claim was granted, so that the provider was asked.
        interruption: What interrupted it after its claim was granted: KeyboardInterrupt, or the cancellation of its task. The
            click settles its call first.
    """

    key: str | None = None
    is_granted: bool = False
    interruption: BaseException | None = None


@final
class Options(NamedTuple):
    """How one click differs from others, besides its terms.

    Attributes:
        title: The title of the call.
        wait: How long to wait for another click, in seconds.
        on_end: Receives the result.
        async_form: The function that takes an asynchronous ledger, if it is another one.
    """

    title: str
    wait: float
    on_end: Callable[[Escalation | Exception], object] | None
    async_form: str | None


def click(  # noqa: PLR0913
    request: EscalationRequest,
    *,
    provider: VideoProvider | AsyncVideoProvider,
    ledger: CallLedger | AsyncCallLedger,
    policy: Policy[EscalationRequest],
    terms: Terms,
    options: Options,
    progress: Progress,
) -> Steps[Escalation]:
    """Decide. If the answer is yes, reuse the recorded call or create one."""
    decision = policy.decide(request)
    result: Escalation | Exception
    if not decision:
        result = Escalation(decision, EscalationOutcome.DENIED)
    else:
        try:
            result = yield from _allowed_click(decision, provider, ledger, terms, options, progress)
        except Exception as error:  # noqa: BLE001  it is raised below, where it gets no context
            result = error
    if isinstance(result, ClickError):
        complete(result, progress.key, decision)
    if options.on_end is not None:
        try:
            options.on_end(result)
        except Exception as error:  # noqa: BLE001  the call exists, whatever the host does with the news
            log.warning("on_end raised an exception: %s (%s)", progress.key, Failure.of_exception(error).error)
    try:
        if progress.interruption:
            if isinstance(result, Exception):
                log.warning("a click was interrupted and failed: %s (%s)", progress.key, type_name(type(result)))
            raise progress.interruption
        if isinstance(result, Exception):
            raise result
        return result
    finally:
        del result  # an exception that refers to this frame, which refers to it, is freed late


def complete(error: ClickError, key: str | None, decision: Decision[EscalationRequest]) -> None:
    """Set what every error of a click holds, and drop the exceptions behind it."""
    error.key, error.decision, error.__cause__, error.__context__ = key, decision, None, None


def _allowed_click(  # noqa: PLR0913, PLR0917
    decision: Decision[EscalationRequest],
    provider: VideoProvider | AsyncVideoProvider,
    ledger: CallLedger | AsyncCallLedger,
    terms: Terms,
    options: Options,
    progress: Progress,
) -> Steps[Escalation]:
    if isinstance(provider, type):
        raise TypeError(f"provider must be an object with a method create_call(), got the class {provider.__name__}")
    request = decision.request
    call_request = call_request_for(request, title=options.title, time_limit=terms.claim_timeout)
    progress.key = call_request.key
    update, give_up_at = updater_of(ledger, options.async_form), monotonic() + options.wait
    attempt = _Attempt(provider, provider.create_call, update, call_request, terms, progress, give_up_at)
    recorded = yield from attempt.claim()
    if recorded and (yield from attempt.is_closed(recorded.call)):
        attempt = attempt._replace(terms=terms._replace(closed_call=recorded.call))
        recorded = yield from attempt.claim()
    outcome = EscalationOutcome.REUSED if recorded else EscalationOutcome.CREATED
    if recorded is None:
        call = yield from attempt.create_call()
        recorded = yield from attempt.record(call)
    reply_privately = _must_be_private(request.message)
    return Escalation(decision, outcome, call_request.key, recorded.call, recorded.supersedes, reply_privately)


_TimedChange = Callable[[LedgerEntry, datetime], tuple[LedgerEntry, Any]]
#: Makes the step that changes the entry for a key.
Updater = Callable[[str, Callable[[LedgerEntry], tuple[LedgerEntry, Any]], datetime], LedgerStep]


def updater_of(ledger: CallLedger | AsyncCallLedger, async_form: str | None) -> Updater:
    """Return the function that makes the steps of a ledger.

    Args:
        ledger: The ledger.
        async_form: The function that takes an asynchronous ledger, if it is another one.

    Raises:
        InvalidValueError: The ledger is asynchronous, and another function takes it.
    """
    update = ledger.update
    is_async = inspect.iscoroutinefunction(update)
    if is_async and async_form:
        problem = f"is an AsyncCallLedger: use {async_form}"
        raise InvalidValueError(Fault("ledger", problem, found="an AsyncCallLedger", accepted="a CallLedger"))
    return lambda key, change, now: LedgerStep(partial(update, entry_id_of(key), change, now=now), is_async)


def ledger_error(error: Exception) -> LedgerError:
    """Return the error for an exception of a ledger that is being handled: without its words, unless they are for this."""
    if isinstance(error, LedgerError):
        return error
    return LedgerError(f"the ledger failed: {Failure.of_exception(error).error}")


@final
class _Attempt(NamedTuple):
    """The attempt to get one call, on certain terms.

    Every error after the claim settles the claim before it is raised, except `GeneratorExit`: then the caller has given up
    the generator, and nobody would run another step.
    """

    provider: object
    method: Callable[[CallRequest], object]
    update: Updater
    request: CallRequest
    terms: Terms
    progress: Progress
    give_up_at: float

    def claim(self) -> Steps[RecordedCall | None]:
        """Claim the call. Return the recorded call instead if it can be reused. Wait for another click that has the claim.

        Raises:
            CallInProgressError: Another click has claimed the call.
            CallInDoubtError: Nobody knows whether the call was created.
            LedgerError: The ledger failed.
        """
        pause = _FIRST_PAUSE
        while (answer := (yield from self._try_to_claim())) is ClaimResult.IN_PROGRESS:
            seconds = self.give_up_at - monotonic()
            if self.terms.force_new or seconds <= 0:
                raise CallInProgressError(self.request.key)
            # Less by chance, so that clicks that meet do not meet again.
            yield PauseStep(min(pause * random.uniform(0.5, 1), seconds))  # noqa: S311  nothing here is secret
            pause = min(2 * pause, _LONGEST_PAUSE)
        if answer is ClaimResult.IN_DOUBT:
            raise CallInDoubtError(self.request.key)
        return answer if isinstance(answer, RecordedCall) else None

    def _try_to_claim(self) -> Steps[RecordedCall | ClaimResult]:
        now = self.terms.clock()
        try:
            answer = yield self.update(self.request.key, lambda entry: claim(entry, self.request, self.terms, now), now)
            if type(answer) in _CLAIM_ANSWERS:
                return cast("RecordedCall | ClaimResult", answer)
            problem = "must return the second value that change() returned"
            failure = LedgerError(f"update() of the ledger {problem}, got {kind_of(answer)}")
        except Exception as error:  # noqa: BLE001  a ledger may raise anything
            failure = ledger_error(error)
        except GeneratorExit:
            raise
        except BaseException:
            yield from self._settle(release)
            raise
        # The claim may be stored nevertheless, and no call will be created under it.
        yield from self._settle(release)
        raise failure

    def is_closed(self, call: VideoCall) -> Steps[bool]:
        """Return whether the provider knows that the room of a call no longer exists."""
        try:
            is_open = getattr(self.provider, "is_open", None)
            answer = (yield ProviderStep(is_open, call, creates=False)) if is_open else None
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
        change = mark_doubtful
        failure: Exception
        try:
            answer = yield ProviderStep(self.method, self.request, creates=True)
            return self._check_call(answer)
        except (ProviderUnavailableError, ProviderRejectedError) as error:
            failure, change = error, release
        except ProviderOutcomeUnknownError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  a provider may raise anything
            failure = ProviderOutcomeUnknownError(f"the provider raised {Failure.of_exception(error).error}")
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001  `click()` raises it in the end
            self.progress.interruption = error
            failure = ProviderOutcomeUnknownError(f"the click was interrupted by {type_name(type(error))}")
        yield from self._settle(change)
        raise failure

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
        key, recorded = self.request.key, None
        try:
            recorded = yield from self._through_interruption(
                lambda entry, now: record_call(entry, key, call, self.terms, now)
            )
        except Exception:  # noqa: BLE001  a ledger may raise anything
            # The call may be recorded nevertheless. Then there is no claim left, and this changes nothing.
            yield from self._settle(mark_doubtful)
        if not isinstance(recorded, RecordedCall):
            raise CallInDoubtError(key, call)
        return recorded

    def _settle(self, change: Callable[[LedgerEntry, str, Terms, datetime], tuple[LedgerEntry, None]]) -> Steps[None]:
        """Settle the claim after an error. If the ledger fails too, the claim becomes a doubt when it expires."""
        key = self.request.key
        try:
            yield from self._through_interruption(lambda entry, now: change(entry, key, self.terms, now))
        except Exception as error:  # noqa: BLE001  a ledger may raise anything
            described = Failure.of_exception(error).error
            log.warning("the ledger failed, so a claim was not settled: %s (%s)", key, described)

    def _through_interruption(self, change: _TimedChange) -> Steps[Any]:
        """Change the entry. If the update is interrupted, repeat it once: if it was stored, that changes nothing."""
        try:
            return (yield self._step(change))
        except (Exception, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001  `click()` raises it in the end
            self.progress.interruption = error
        return (yield self._step(change))

    def _step(self, change: _TimedChange) -> LedgerStep:
        now = self.terms.clock()
        return self.update(self.request.key, lambda entry: change(entry, now), now)
