"""Logging: write decisions to the logging of the standard library, one line each."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Protocol, cast, final

from .._engine.decision import Decision
from .._engine.policy import Policy
from .._enums import ReasonStatus
from .._fields import dict_of, figure_of, kind_of, require
from .._locks import ForkSafeLock
from .._request import EscalationRequest
from ._facts import FactValue
from ._masking import check_key, check_mask, to_places
from ._record import ABOUT, DecisionRecord, time_text
from ._recording import recorder_of

#: The outcomes of clicks that worked. None: there was no click.
_SUCCESSES: Final = frozenset({None, "created", "reused", "denied"})
#: The outcomes that are no errors. A second click on the same button is an ordinary event.
_ORDINARY: Final = _SUCCESSES | {"in_progress"}
_Rate = float | Callable[[DecisionRecord], float]
#: Reports failures as every handler does. It is added to no logger.
_REPORTER: Final = logging.NullHandler()
_ABOUT_KEYS: Final = [(f"escalation_{name}", fact) for name, fact in ABOUT.items()]
#: What a message names, with the key that holds it.
_MESSAGE_PARTS: Final = [("agent", "escalation_agent"), ("message", "escalation_message")]


class ClickResult(Protocol):
    """The result of a click: an `Escalation` or a `ClickError`."""

    @property
    def decision(self) -> Any:
        """The decision of the click."""
        ...

    @property
    def outcome(self) -> str:
        """The code of the outcome."""
        ...


@final
class DecisionLogger:
    """Writes decisions to a logger of the standard library: the record, a message, and flat `extra` keys.

    Allow and deny are both logged as INFO. A denial is an ordinary answer, and hosts that decide whether to show a button
    get many of them, so an alert on WARNING should not fire. Only a denial in which a rule failed is an ERROR.

    It configures no logging and adds no handler. It never raises and never changes a decision. If something fails (a
    handler, a filter, a predicate, making the record), it counts the failure and, if `logging.raiseExceptions` is set,
    reports it on stderr as logging does. Threads may share one.

    Args:
        logger: The logger, or its name; or an adapter, whose keys are added to those of the record.
        allow_level: The level of allowed decisions.
        deny_level: The level of denied decisions.
        error_level: The level of denials in which a rule could not be decided, because it raised or read a value of a
            wrong type; and of clicks that failed, unless another click was creating the call.
        sample_allows: The share of allowed decisions to log, from 0 to 1; or a function that returns it for a record.
            Only the id decides whether a decision is logged, so all processes log the same ones.
        drop: Returns whether to leave out a record. Records with an error, and those of clicks that got no call, are logged
            anyway, whatever `sample_allows` says.
        policy: As for `record()`; so are `key`, `reveal` and `mask`. If the decisions are about a request type of your own,
            `mask` is checked against the policy's.

    Raises:
        InvalidValueError: An argument is not accepted.
    """

    __slots__ = (
        "_allow_level",
        "_deny_level",
        "_drop",
        "_dropped",
        "_error_level",
        "_failed",
        "_key",
        "_lock",
        "_logger",
        "_mask",
        "_policy",
        "_reveal",
        "_sample_allows",
    )

    def __init__(  # noqa: PLR0913  # there is as much to choose
        self,
        logger: str | logging.Logger | logging.LoggerAdapter[Any] = "escalation_policy.decisions",
        *,
        allow_level: int = logging.INFO,
        deny_level: int = logging.INFO,
        error_level: int = logging.ERROR,
        sample_allows: _Rate = 1.0,
        drop: Callable[[DecisionRecord], bool] | None = None,
        policy: Policy[Any] | None = None,
        key: bytes | None = None,
        reveal: Iterable[str] = (),
        mask: Iterable[str] = (),
    ) -> None:
        is_logger = isinstance(logger, str | logging.Logger | logging.LoggerAdapter)  # pyright: ignore[reportUnnecessaryIsInstance]
        require(is_logger, "logger", kind_of(logger), "the name of a logger, a Logger or a LoggerAdapter")
        self._logger: Final = logging.getLogger(logger) if isinstance(logger, str) else logger
        self._allow_level: Final = _level("allow_level", allow_level)
        self._deny_level: Final = _level("deny_level", deny_level)
        self._error_level: Final = _level("error_level", error_level)
        self._sample_allows: Final = sample_allows if callable(sample_allows) else _rate(sample_allows)
        require(drop is None or callable(drop), "drop", kind_of(drop), "a function of a record, or None")
        self._drop: Final = drop
        require(policy is None or type(policy) is Policy, "policy", kind_of(policy), "a Policy or None")
        self._policy: Final = policy
        check_key(key)
        self._key: Final = key
        self._reveal: Final = to_places("reveal", reveal)
        self._mask: Final = to_places("mask", mask)
        if policy is None:
            check_mask(self._mask, EscalationRequest, "; for another type of request, pass its policy")
        else:
            check_mask(self._mask, policy.request_type)
        self._lock: Final = ForkSafeLock()
        self._dropped = 0
        self._failed = 0

    @property
    def dropped(self) -> int:
        """How many decisions `sample_allows` or `drop` left out."""
        return self._dropped

    @property
    def failed(self) -> int:
        """How often something failed. Failures that a handler deals with itself, as the library's do, are not counted."""
        return self._failed

    def log(
        self,
        decision: Decision[Any],
        *,
        id: str,  # noqa: A002
        at: datetime,
        correlation_id: str | None = None,
        facts_read_at: datetime | None = None,
    ) -> DecisionRecord | None:
        """Make the record of a decision and log it. It never raises: an invalid argument is counted and reported.

        The arguments are those of `record()`.

        Returns:
            The record that the logger got. None if its level is disabled, it was left out, or something failed.
        """
        try:
            return self._log(decision, id, at=at, correlation_id=correlation_id, facts_read_at=facts_read_at)
        except Exception:  # noqa: BLE001  no log is worth a decision
            self._report("a decision was not logged, or not by every handler")
            return None

    def click(
        self,
        result: ClickResult | Exception,
        *,
        id: str,  # noqa: A002
        at: datetime,
        correlation_id: str | None = None,
        facts_read_at: datetime | None = None,
    ) -> DecisionRecord | None:
        """Log the decision of a click with its outcome. It never raises: a result without a decision is counted and reported.

        It fits `escalate(…, on_end=…)`: `lambda result: logger.click(result, id=…, at=…)`.

        Args:
            result: The `Escalation`, or the error of the click.
            id: As in `record()`; so are the others.
            at: When the decision was made.
            correlation_id: Connects the record to other records.
            facts_read_at: When the facts were read.

        Returns:
            As `log()` does.
        """
        decision, outcome = getattr(result, "decision", None), getattr(result, "outcome", None)
        try:
            code = None if outcome is None else str(outcome)
            context: dict[str, Any] = {"correlation_id": correlation_id, "facts_read_at": facts_read_at}
            return self._log(cast("Decision[Any]", decision), id, code, at=at, **context)
        except Exception:  # noqa: BLE001  no log is worth a click
            self._report("the decision of a click was not logged, or not by every handler")
            return None

    def _log(
        self,
        decision: Decision[Any],
        id: str,  # noqa: A002
        outcome: str | None = None,
        **context: Any,
    ) -> DecisionRecord | None:
        is_allowed = type(decision) is Decision and decision.allowed
        level = self._allow_level if is_allowed else self._deny_level
        has_failed, has_call = outcome not in _ORDINARY, outcome in _SUCCESSES
        levels = (level,) if is_allowed and not has_failed else (level, self._error_level)
        if not any(map(self._logger.isEnabledFor, levels)):
            return None
        if is_allowed and has_call and not callable(self._sample_allows) and not _is_sampled(id, self._sample_allows):
            self._count_dropped()
            return None
        recorder = recorder_of(decision, self._policy, self._reveal, self._mask)
        record = recorder.record(decision, id=id, key=self._key, outcome=outcome, **context)
        is_error = has_failed or any(reason.status is ReasonStatus.ERROR for reason in record.reasons)
        level = self._error_level if is_error else level
        if not self._logger.isEnabledFor(level):
            return None
        if has_call and not is_error and self._is_left_out(record):
            self._count_dropped()
            return None
        message, extra = _message_and_extra(record)
        logger: Any = self._logger
        arguments: Any = {"extra": extra, "stacklevel": 3}
        while isinstance(logger, logging.LoggerAdapter):
            # An adapter replaces the keys that it gets with its own.
            adapter = cast("Any", logger)
            message, arguments = adapter.process(message, arguments)
            arguments["extra"] = {**(arguments.get("extra") or {}), **extra}
            logger, extra = adapter.logger, arguments["extra"]
        logger.log(level, message, **arguments)
        return record

    def _is_left_out(self, record: DecisionRecord) -> bool:
        """Ask the host's functions whether to leave a record out. If one of them fails, the record is logged."""
        try:
            if self._drop is not None and self._drop(record) is True:
                return True
            if record.reasons or not callable(self._sample_allows):
                return False
            return not _is_sampled(record.id, _rate(self._sample_allows(record)))
        except Exception:  # noqa: BLE001  a host's function may raise anything
            self._report("a decision was logged, though sample_allows or drop might have left it out")
            return False

    def _count_dropped(self) -> None:
        with self._lock:
            self._dropped += 1

    def _report(self, failure: str) -> None:
        with self._lock:
            self._failed += 1
        with suppress(Exception):  # stderr may be closed
            _REPORTER.handleError(logging.makeLogRecord({"msg": failure}))


def _level(name: str, level: int) -> int:
    require(type(level) is int, name, figure_of(level), "an int, such as logging.INFO")
    return level


def _rate(rate: float) -> float:
    is_number = isinstance(rate, int | float)  # pyright: ignore[reportUnnecessaryIsInstance]
    require(is_number and 0 <= rate <= 1, "sample_allows", figure_of(rate), "a number from 0 to 1")
    return rate


def _is_sampled(id: str, rate: float) -> bool:  # noqa: A002
    """Return whether a decision is among those to log. A higher rate logs the same decisions and more."""
    if rate == 1:
        return True
    number = int.from_bytes(sha256(id.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    return number < rate * 2**64


def _escaped(value: FactValue) -> str:
    """Return a value in ASCII without spaces. It cannot break a line, or look like more than one value."""
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    needs_no_escape = text.isalnum() and text.isascii()
    return text if needs_no_escape else text.encode("unicode_escape").decode("ascii").replace(" ", "\\x20")


def _message_and_extra(record: DecisionRecord) -> tuple[str, dict[str, str]]:
    """Return the message and the flat keys. Keys without a value are left out."""
    facts = dict_of(record.facts)
    about = {key: _escaped(facts[fact]) for key, fact in _ABOUT_KEYS if facts.get(fact) is not None}
    effect, reasons = record.effect.value, [(reason.code, reason.status.value) for reason in record.reasons]
    extra = {
        "escalation_decision_id": _escaped(record.id),
        "escalation_at": time_text(record.at),
        "escalation_effect": effect,
        "escalation_policy_id": record.policy_id,
        "escalation_policy_fingerprint": record.fingerprint,
        **about,
        "escalation_record": record.to_json(),
    }
    if record.outcome is not None:
        extra["escalation_outcome"] = record.outcome
    if record.policy_version is not None:
        extra["escalation_policy_version"] = _escaped(record.policy_version)
    if reasons:
        extra["escalation_reasons"] = ",".join([code for code, _ in reasons])
        extra["escalation_statuses"] = ",".join([status for _, status in reasons])
    if record.hidden:
        extra["escalation_hidden"] = ",".join(record.hidden)
    if record.next_party is not None:
        extra["escalation_next_party"] = record.next_party.value
    if record.correlation_id is not None:
        extra["escalation_correlation_id"] = _escaped(record.correlation_id)
    if record.facts_read_at is not None:
        extra["escalation_facts_read_at"] = time_text(record.facts_read_at)
    names = "".join([f" {name}={about[key]}" for name, key in _MESSAGE_PARTS if key in about])
    if record.outcome is not None:
        names += f" outcome={record.outcome}"
    listed = ", ".join([f"{code} ({status})" for code, status in reasons])
    return f"{effect} {record.policy_id}{names}{': ' if listed else ''}{listed}", extra
