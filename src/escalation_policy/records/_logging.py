"""Logging: decisions into the logging of the standard library, one line each."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import Any, Final, final

from .._engine.decision import Decision
from .._engine.policy import Policy
from .._enums import ReasonStatus
from .._fields import dict_of, figure_of, kind_of, require
from ._forms import FactValue
from ._masks import check_key, checked_places
from ._record import ABOUT, DecisionRecord, _text_of
from ._recording import record

_Rate = float | Callable[[DecisionRecord], float]
#: Tells what went wrong as every handler does; it is added to no logger.
_TELLER: Final = logging.NullHandler()
_NAMED: Final = [("agent", "escalation_agent"), ("message", "escalation_message")]
_ABOUT: Final = [(f"escalation_{name}", fact) for name, fact in ABOUT.items()]


@final
class DecisionLogger:
    """Writes decisions to a logger of the standard library: the record, a message, and flat `extra` keys.

    Allow and deny are both logged as INFO: a denial is the answer that was asked for, and comes in bulk wherever a button
    is offered or not; who alerts on WARNING should not hear of it. Only a denial for which a rule broke is an ERROR.

    It configures no logging and adds no handler. Whatever fails in here (a handler, a filter, a predicate, the making of
    the record) is counted and told on stderr as logging itself does, where `logging.raiseExceptions` is set; it never
    raises, and never changes a decision. Any number of threads may share one.

    Args:
        logger: The logger, or its name.
        allow_level: The level of what was allowed.
        deny_level: The level of what was denied.
        error_level: The level of what was denied because a rule could not be decided: it raised, or was given something
            of the wrong type.
        sample_allows: Which part of what was allowed to log, from 0 to 1; or a function that says so for a record. The
            id of the decision alone says whether it is kept, so that all processes keep the same ones.
        drop: Says, for a record, whether to leave it out. What has an error is logged all the same.
        policy: As for `record()`, with `key`, `reveal` and `mask`.

    Raises:
        InvalidValueError: An argument is not what it should be.
    """

    __slots__ = (
        "_allow_level",
        "_deny_level",
        "_drop",
        "_dropped",
        "_error_level",
        "_failed",
        "_lock",
        "_logger",
        "_recording",
        "_sample_allows",
    )

    def __init__(  # noqa: PLR0913  # there is as much to choose
        self,
        logger: str | logging.Logger = "escalation_policy.decisions",
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
        require(
            isinstance(logger, str | logging.Logger), "logger", kind_of(logger), "the name of a logger, or a Logger"
        )  # pyright: ignore[reportUnnecessaryIsInstance]
        self._logger: Final = logging.getLogger(logger) if isinstance(logger, str) else logger
        self._allow_level: Final = _level("allow_level", allow_level)
        self._deny_level: Final = _level("deny_level", deny_level)
        self._error_level: Final = _level("error_level", error_level)
        self._sample_allows: Final = sample_allows if callable(sample_allows) else _rate(sample_allows)
        require(drop is None or callable(drop), "drop", kind_of(drop), "a function of a record, or None")
        self._drop: Final = drop
        require(policy is None or type(policy) is Policy, "policy", kind_of(policy), "a Policy or None")
        check_key(key)
        self._recording: Final[dict[str, Any]] = {
            "policy": policy,
            "key": key,
            "reveal": tuple(checked_places("reveal", reveal)),
            "mask": tuple(checked_places("mask", mask)),
        }
        self._lock: Final = Lock()
        self._dropped = 0
        self._failed = 0

    @property
    def dropped(self) -> int:
        """How many decisions were left out, by `sample_allows` or by `drop`."""
        return self._dropped

    @property
    def failed(self) -> int:
        """How many times something failed. What a handler deals with itself, as those of the library do, is not seen."""
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
        """Makes the record of a decision and logs it.

        Takes what `record()` takes, and never raises: what is wrong with an argument is counted and told.

        Returns:
            The record that the logger was given. None where its level is disabled, where it was left out, or where that
            failed.
        """
        try:
            return self._log(decision, id, at=at, correlation_id=correlation_id, facts_read_at=facts_read_at)
        except Exception:  # noqa: BLE001  no log is worth a decision
            self._fail("a decision was not logged, or not by every handler")
            return None

    def _log(self, decision: Decision[Any], id: str, **given: Any) -> DecisionRecord | None:  # noqa: A002
        allowed = type(decision) is Decision and decision.allowed
        levels = (self._allow_level,) if allowed else (self._deny_level, self._error_level)
        if not any(map(self._logger.isEnabledFor, levels)):
            return None
        if allowed and not callable(self._sample_allows) and not _is_sampled(id, self._sample_allows):
            self._leave_out()
            return None
        made = record(decision, id=id, **given, **self._recording)
        broken = any(reason.status is ReasonStatus.ERROR for reason in made.reasons)
        level = self._error_level if broken else levels[0]
        if not self._logger.isEnabledFor(level):
            return None
        if not broken and self._is_left_out(made):
            self._leave_out()
            return None
        message, extra = _line(made)
        self._logger.log(level, message, extra=extra, stacklevel=3)
        return made

    def _is_left_out(self, made: DecisionRecord) -> bool:
        """Asks the host's functions. What one that fails might have left out is logged."""
        try:
            if self._drop is not None and self._drop(made) is True:
                return True
            if made.reasons or not callable(self._sample_allows):
                return False
            return not _is_sampled(made.id, _rate(self._sample_allows(made)))
        except Exception:  # noqa: BLE001  a host's function may raise anything
            self._fail("a decision was logged, though sample_allows or drop might have left it out")
            return False

    def _leave_out(self) -> None:
        with self._lock:
            self._dropped += 1

    def _fail(self, what: str) -> None:
        with self._lock:
            self._failed += 1
        with suppress(Exception):  # as where stderr is closed
            _TELLER.handleError(logging.makeLogRecord({"msg": what}))


def _level(name: str, level: int) -> int:
    require(type(level) is int, name, figure_of(level), "an int, such as logging.INFO")
    return level


def _rate(rate: float) -> float:
    is_number = isinstance(rate, int | float)  # pyright: ignore[reportUnnecessaryIsInstance]
    require(is_number and 0 <= rate <= 1, "sample_allows", figure_of(rate), "a number from 0 to 1")
    return rate


def _is_sampled(id: str, rate: float) -> bool:  # noqa: A002
    """Says whether a decision is among those to keep; whoever keeps more keeps these too."""
    if rate == 1:
        return True
    number = int.from_bytes(sha256(id.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    return number < rate * 2**64


def _escaped(value: FactValue) -> str:
    """Writes a value in ASCII without a space: nothing in it can break a line, or pass for more than one value."""
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    plain = text.isalnum() and text.isascii()
    return text if plain else text.encode("unicode_escape").decode("ascii").replace(" ", "\\x20")


def _line(made: DecisionRecord) -> tuple[str, dict[str, str]]:
    """Makes the message, and the flat keys; one for which there is nothing to say is left out."""
    facts = dict_of(made.facts)
    about = {key: _escaped(facts[fact]) for key, fact in _ABOUT if facts.get(fact) is not None}
    effect, reasons = made.effect.value, [(reason.code, reason.status.value) for reason in made.reasons]
    extra = {
        "escalation_decision_id": _escaped(made.id),
        "escalation_at": _text_of(made.at),
        "escalation_effect": effect,
        "escalation_policy_id": made.policy_id,
        "escalation_policy_fingerprint": made.fingerprint,
        **about,
        "escalation_record": made.to_json(),
    }
    if made.policy_version is not None:
        extra["escalation_policy_version"] = _escaped(made.policy_version)
    if reasons:
        extra["escalation_reasons"] = ",".join([code for code, _ in reasons])
        extra["escalation_statuses"] = ",".join([status for _, status in reasons])
    if made.hidden:
        extra["escalation_hidden"] = ",".join(made.hidden)
    if made.next_party is not None:
        extra["escalation_next_party"] = made.next_party.value
    if made.correlation_id is not None:
        extra["escalation_correlation_id"] = _escaped(made.correlation_id)
    if made.facts_read_at is not None:
        extra["escalation_facts_read_at"] = _text_of(made.facts_read_at)
    named = "".join([f" {word}={about[key]}" for word, key in _NAMED if key in about])
    listed = ", ".join([f"{code} ({status})" for code, status in reasons])
    return f"{effect} {made.policy_id}{named}{': ' if listed else ''}{listed}", extra
