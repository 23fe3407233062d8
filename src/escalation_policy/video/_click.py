"""The parts of a click that work on the ledger, and what comes of a click."""

import inspect
import logging
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum, unique
from typing import Final, NamedTuple, final

from .._calls.entries import ClaimState, LedgerEntry, RecordedCall, Terms, claimed, doubted, recorded, released
from .._calls.values import CallRequest, VideoCall, case_of
from .._engine.decision import Decision
from .._enums import ChannelKind
from .._fields import kind_of
from .._request import EscalationRequest
from .._values import Message
from ..exceptions import (
    CallInDoubtError,
    CallInProgressError,
    ProviderError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from ..typing import CallLedger

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
#: What a provider raises only if there is no call.
_NOTHING_WAS_MADE: Final = (ProviderUnavailableError, ProviderRejectedError)


@final
@unique
class EscalationOutcome(StrEnum):
    """What came of a click."""

    CREATED = "created"
    REUSED = "reused"
    DENIED = "denied"


@final
class Escalation(NamedTuple):
    """What came of a click; true where there is a call.

    Attributes:
        decision: Whether it was allowed, and why.
        key: Names the call to the ledger: `ledger.end(key)`. None where it was denied.
        call: The call. None where it was denied.
        supersedes: The call whose place this one has taken, that of the agent who had the case before among them: end it.
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


def escalation_of(
    request: EscalationRequest,
    decision: Decision[EscalationRequest],
    outcome: EscalationOutcome,
    wanted: CallRequest,
    known: RecordedCall,
) -> Escalation:
    """Puts together what came of a click that was allowed."""
    privately = _goes_out_privately(request.message)
    return Escalation(decision, outcome, wanted.key, known.call, known.supersedes, privately)


def _goes_out_privately(message: Message) -> bool:
    if message.private is None:
        return message.channel.kind not in _PRIVATE_ONLY
    return message.private or message.channel.kind is ChannelKind.TWITTER


def claim(ledger: CallLedger, wanted: CallRequest, terms: Terms) -> RecordedCall | None:
    """Claims a call; gives the one that is recorded, or None where it is ours to create.

    Raises:
        CallInProgressError: Somebody else has claimed it.
        CallInDoubtError: It is in doubt.
        TypeError: The ledger does not answer as it has to.
    """
    now = terms.clock()
    try:
        answer = ledger.update(case_of(wanted.key), lambda case: claimed(case, wanted, terms, now), now=now)
        if answer is not ClaimState.GRANTED:
            _check_answer(answer)
    except BaseException:
        # The claim may stand all the same, and nothing will be created under it.
        release(ledger, wanted, terms)
        raise
    if answer is ClaimState.GRANTED:
        return None
    if answer is ClaimState.IN_PROGRESS:
        raise CallInProgressError(wanted.key)
    if answer is ClaimState.IN_DOUBT:
        raise CallInDoubtError(wanted.key)
    return answer


def _check_answer(answer: RecordedCall | ClaimState) -> None:
    if not isinstance(answer, (RecordedCall, ClaimState)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"update() of the ledger must return the second value that change() returned, got {kind_of(answer)}"
        )


def release(ledger: CallLedger, wanted: CallRequest, terms: Terms) -> None:
    """Gives up a claim under which nothing was created."""
    _settle(ledger, wanted, terms, released)


def checked(call: VideoCall, wanted: CallRequest, create_call: object) -> VideoCall:
    """Refuses what a provider must not answer.

    Raises:
        ProviderOutcomeUnknownError: It is no call, or that of another host. Whether there is a call is not known.
        ProviderRejectedError: It is the coroutine that `create_call` itself is: nothing has been done in it.
    """
    if not isinstance(call, VideoCall):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _no_call(call, create_call)
    if not call.hosted_as(wanted):
        raise ProviderOutcomeUnknownError("the provider returned a call of another host", call_id=call.id)
    return call


def _no_call(answer: object, create_call: object) -> ProviderError:
    if inspect.iscoroutine(answer):
        answer.close()
        if answer.cr_code is getattr(create_call, "__code__", None):
            return ProviderRejectedError("create_call() of the provider is a coroutine function: use escalate_async()")
    return ProviderOutcomeUnknownError(f"the provider must return a VideoCall, got {kind_of(answer)}")


def failure_of(ledger: CallLedger, wanted: CallRequest, terms: Terms, error: BaseException) -> BaseException:
    """Brings a claim to the end that a provider's failure calls for, and gives what to raise."""
    _settle(ledger, wanted, terms, released if isinstance(error, _NOTHING_WAS_MADE) else doubted)
    if isinstance(error, (*_NOTHING_WAS_MADE, ProviderOutcomeUnknownError)):
        failure: ProviderError = error
    elif isinstance(error, Exception):
        failure = ProviderOutcomeUnknownError(f"the provider raised {type(error).__name__}")
        failure.__cause__ = error
    else:
        return error
    failure.key = wanted.key
    return failure


def record(ledger: CallLedger, wanted: CallRequest, terms: Terms, call: VideoCall) -> RecordedCall:
    """Records a call that was created.

    Raises:
        CallInDoubtError: It could not be recorded, or somebody else has claimed or recorded another one since.
    """
    try:
        now = terms.clock()
        known = ledger.update(case_of(wanted.key), lambda case: recorded(case, wanted.key, call, terms, now), now=now)
    except BaseException as error:
        # It may be recorded all the same; then there is no claim to doubt.
        _settle(ledger, wanted, terms, doubted)
        if not isinstance(error, Exception):
            raise
        raise CallInDoubtError(wanted.key, call) from error
    if known is None:
        raise CallInDoubtError(wanted.key, call)
    return known


def _settle(
    ledger: CallLedger,
    wanted: CallRequest,
    terms: Terms,
    change: Callable[[LedgerEntry, str, Terms, datetime], tuple[LedgerEntry, None]],
) -> None:
    """Brings a claim to an end after something failed. Where the ledger fails too, it is in doubt when its time is out."""
    try:
        now = terms.clock()
        ledger.update(case_of(wanted.key), lambda case: change(case, wanted.key, terms, now), now=now)
    except Exception:  # noqa: BLE001
        _log.warning("the ledger did not take that a call is %s: %s", change.__name__, wanted.key, exc_info=True)
