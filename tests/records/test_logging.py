"""Logging: what a line says, which decisions get one, and that no failure gets out."""

import io
import json
import logging
import pickle
import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import attrs
import pytest

from escalation_policy import ESCALATE_TO_VIDEO, Decision, Domain, Login, Policy, Rule, context, fact, predicate
from escalation_policy.exceptions import ClickError, InvalidValueError, ProviderUnavailableError
from escalation_policy.records import DecisionLogger, DecisionRecord, record
from escalation_policy.records._recording import Recorder
from escalation_policy.testing import a_request
from escalation_policy.video import InMemoryCallLedger, InMemoryVideoProvider, escalate
from support import SAMPLE, Sample

AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
ALLOW: Final = ESCALATE_TO_VIDEO.decide(a_request())
DENY: Final = ESCALATE_TO_VIDEO.decide(a_request(account_id="98765", login=Login.PASSWORD))
BROKEN: Final = ESCALATE_TO_VIDEO.with_rules(Rule("consent", context("consent", bool).is_true())).decide(
    a_request(context={"consent": "yes"})
)
ALLOW_LINE: Final = "allow escalate_to_video agent=u1 message=c1"
DENY_LINE: Final = "deny escalate_to_video agent=u1 message=c1: extension_in_account (unmet), ringcentral_sso (unmet)"
BROKEN_LINE: Final = "deny escalate_to_video agent=u1 message=c1: consent (error)"
#: Each would break a line, hide a part of it or pass for another one.
HOSTILE: Final = {
    "newline": "u1\nallow escalate_to_video agent=u2 message=c2",
    "carriage return": "u1\r\n",
    "line separator": "u1\u2028allow",
    "next line": "u1\x85allow",
    "form feed": "\x0c\x1c\x1e",
    "escape": "\x1b[2K\x1b[31m",
    "null": "\0",
    "delete": "\x7f",
    "space": "u1 message=c9: none",
    "no-break space": "u1\u00a0message=c9",
    "ideographic space": "u1\u3000x",
    "blank letter": "u1\u3164x",
    "right to left": "u1\u202e1c=egassem",
    "isolate": "\u2066u1",
    "letters from right to left": "אבג",
    "lone surrogate": "\udc80",
    "beyond the basic plane": "😀",
    "backslash": "u1\\n",
    "escaped": "u1\\x20message=c9",
    "quotes": "\"'`",
    "format": "%s %(name)s {0}",
}
hostile: Final = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


class Lines(logging.Handler):
    """A handler that keeps what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.records.append(record)

    @property
    def messages(self) -> list[str]:
        """The messages, as a formatter would get them."""
        return [each.getMessage() for each in self.records]

    @property
    def levels(self) -> list[str]:
        """The names of the levels."""
        return [each.levelname for each in self.records]


@pytest.fixture
def lines() -> Lines:
    """Return a handler that keeps what was logged."""
    return Lines()


@pytest.fixture
def logger(lines: Lines) -> logging.Logger:
    """Return a logger that stands alone, so that nothing of one test is left for the next."""
    alone = logging.Logger("alone", logging.DEBUG)  # noqa: LOG001
    alone.addHandler(lines)
    return alone


def extra_of(line: logging.LogRecord) -> dict[str, Any]:
    """Return what a line has beyond the attributes of every line. A formatter may add `message`."""
    plain = {*vars(logging.makeLogRecord({})), "message"}
    return {name: value for name, value in vars(line).items() if name not in plain}


def explode(*_: object) -> Any:
    """Raise, as any function of a host's can."""
    raise RuntimeError("broken")


def always(answer: object) -> Callable[[object], Any]:
    """Return a function that ignores its argument."""

    def answered(_: object) -> object:
        return answer

    return answered


def interrupt(*_: object) -> Any:
    """Raise what Ctrl-C raises. Nothing may swallow it."""
    raise KeyboardInterrupt


class TestMessage:
    """A message reads well alone."""

    @pytest.mark.parametrize(
        ("decision", "message"), [(ALLOW, ALLOW_LINE), (DENY, DENY_LINE), (BROKEN, BROKEN_LINE)], ids=str
    )
    def test_says_who_may_do_what_and_why_not(
        self, decision: Decision[Any], message: str, logger: logging.Logger, lines: Lines
    ) -> None:
        """The effect, the policy, the agent, the message, and each reason with its status."""
        DecisionLogger(logger).log(decision, id="d1", at=AT)

        assert [message] == lines.messages

    @pytest.mark.parametrize(("flag", "message"), [(True, "allow p"), (False, "deny p: r (unmet)")], ids=str)
    def test_names_no_agent_if_the_request_has_none(
        self,
        flag: bool,  # noqa: FBT001
        message: str,
        logger: logging.Logger,
        lines: Lines,
    ) -> None:
        """Other request types have no agent."""
        policy = Policy("p", [Rule("r", SAMPLE(lambda r: r.flag).is_true())])

        DecisionLogger(logger).log(policy.decide(Sample(flag=flag)), id="d1", at=AT)

        assert [message] == lines.messages

    def test_of_what_was_no_request_names_nobody(self, logger: logging.Logger, lines: Lines) -> None:
        """Nothing could be read of it."""
        nonsense: Any = "nonsense"

        DecisionLogger(logger).log(ESCALATE_TO_VIDEO.decide(nonsense), id="d1", at=AT)

        assert lines.messages[0].startswith("deny escalate_to_video: domain_linked (error), agent_enabled (error), ")

    def test_shows_a_token_where_the_id_is_masked(self, logger: logging.Logger, lines: Lines) -> None:
        """It shows no more than the record."""
        made = DecisionLogger(logger, mask=["agent.id", "message.id"]).log(ALLOW, id="d1", at=AT)

        assert made is not None
        tokens = [made.about["agent"], made.about["message"]]
        assert all(str(token).startswith("value#") for token in tokens)
        assert ["allow escalate_to_video agent={} message={}".format(*tokens)] == lines.messages

    @hostile
    def test_is_one_line_for_any_id(self, text: str, logger: logging.Logger, lines: Lines) -> None:
        """Each id is one word of printable ASCII, which can be decoded again."""
        request = a_request(agent_id=text, message_id=f"c{text}", login=Login.PASSWORD)

        DecisionLogger(logger).log(ESCALATE_TO_VIDEO.decide(request), id="d1", at=AT)

        effect, policy, agent, message, *reasons = lines.messages[0].split(" ")
        assert ["deny", "escalate_to_video", "ringcentral_sso", "(unmet)"] == [effect, policy, *reasons]
        assert lines.messages[0].isascii()
        assert lines.messages[0].isprintable()
        assert agent.removeprefix("agent=").encode().decode("unicode_escape") == text
        assert message.removeprefix("message=").removesuffix(":").encode().decode("unicode_escape") == f"c{text}"

    def test_is_ascribed_to_whoever_asked_for_it(self, logger: logging.Logger, lines: Lines) -> None:
        """File, line and function are those of the caller, not of this library."""
        DecisionLogger(logger).log(ALLOW, id="d1", at=AT)

        line = lines.records[0]
        here = sys._getframe().f_code
        assert (__file__, here.co_name) == (line.pathname, line.funcName)
        assert line.lineno > here.co_firstlineno


class TestExtra:
    """The keys beside the message, for machines."""

    def test_answers_what_support_asks_first_of_a_denial(self, logger: logging.Logger, lines: Lines) -> None:
        """Texts under names that log lines do not use already. Lists are joined by commas."""
        request = a_request(ringcentral=None, login=Login.PASSWORD)

        made = DecisionLogger(logger).log(
            ESCALATE_TO_VIDEO.decide(request),
            id="d1",
            at=AT,
            correlation_id="r7",
            facts_read_at=AT.astimezone(timezone(timedelta(hours=1))) - timedelta(minutes=5),
        )

        assert made is not None
        assert extra_of(lines.records[0]) == {
            "escalation_agent": "u1",
            "escalation_at": "2026-01-31T09:30:00.000000Z",
            "escalation_channel": "whats_app",
            "escalation_correlation_id": "r7",
            "escalation_decision_id": "d1",
            "escalation_domain": "acme",
            "escalation_effect": "deny",
            "escalation_facts_read_at": "2026-01-31T09:25:00.000000Z",
            "escalation_hidden": "extension_in_account,video_access",
            "escalation_intervention": "i1",
            "escalation_login": "password",
            "escalation_message": "c1",
            "escalation_next_party": "ringcentral_administrator",
            "escalation_policy_fingerprint": ESCALATE_TO_VIDEO.fingerprint,
            "escalation_policy_id": "escalate_to_video",
            "escalation_policy_version": "1",
            "escalation_reasons": "extension_linked,ringcentral_sso",
            "escalation_record": made.to_json(),
            "escalation_role": "r1",
            "escalation_state": "open",
            "escalation_statuses": "unmet,unmet",
        }

    def test_leaves_out_what_there_is_not(self, logger: logging.Logger, lines: Lines) -> None:
        """No None, and no empty list."""
        policy = Policy("p", [Rule("r", SAMPLE(lambda r: r.flag).is_true())])

        made = DecisionLogger(logger).log(policy.decide(Sample()), id="d1", at=AT)

        assert made is not None
        assert extra_of(lines.records[0]) == {
            "escalation_at": "2026-01-31T09:30:00.000000Z",
            "escalation_decision_id": "d1",
            "escalation_effect": "allow",
            "escalation_policy_fingerprint": policy.fingerprint,
            "escalation_policy_id": "p",
            "escalation_record": made.to_json(),
        }

    @hostile
    def test_is_printable_ascii_for_all_texts(self, text: str, logger: logging.Logger, lines: Lines) -> None:
        """A formatter can print a key as it is on one line. The record holds the exact text."""
        domain = Domain(id=text, ringcentral_account_id="664287016")
        request = a_request(domain=domain, role_id=text, message_id=text, intervention_id=text)
        policy = Policy(ESCALATE_TO_VIDEO.id, ESCALATE_TO_VIDEO.rules, version=text)

        made = DecisionLogger(logger).log(policy.decide(request), id=text, at=AT, correlation_id=text)

        extra = extra_of(lines.records[0])
        exact = DecisionRecord.from_json(extra["escalation_record"])
        assert made == exact
        assert (text, text, text) == (exact.id, exact.correlation_id, exact.about["domain"])
        assert all(type(value) is str and value.isascii() and value.isprintable() for value in extra.values())
        assert not any(" " in value for name, value in extra.items() if name != "escalation_record")

    def test_replays_from_the_line(self, logger: logging.Logger, lines: Lines) -> None:
        """Its record is the one that `record()` makes."""
        made = DecisionLogger(logger, key=b"k" * 16, reveal=["agent.email"], mask=["login"]).log(DENY, id="d1", at=AT)

        assert made == record(DENY, id="d1", at=AT, key=b"k" * 16, reveal=["agent.email"], mask=["login"])
        assert made == DecisionRecord.from_json(extra_of(lines.records[0])["escalation_record"])

    def test_holds_nothing_that_is_masked(self, logger: logging.Logger, lines: Lines) -> None:
        """Neither the message nor a key does."""
        DecisionLogger(logger).log(DENY, id="d1", at=AT)

        message = str([lines.messages, extra_of(lines.records[0])])
        assert not [each for each in ("664287016", "664307016", "98765", "ada@example.com") if each in message]


class TestLevels:
    """Which level a decision has, and that nothing is made for one that is disabled."""

    def test_are_info_but_for_a_rule_that_broke(self, logger: logging.Logger, lines: Lines) -> None:
        """A denial is an ordinary answer."""
        decisions = DecisionLogger(logger)

        for decision in (ALLOW, DENY, BROKEN):
            decisions.log(decision, id="d1", at=AT)

        assert ["INFO", "INFO", "ERROR"] == lines.levels

    def test_are_chosen_by_the_host(self, logger: logging.Logger, lines: Lines) -> None:
        """Each of the three."""
        decisions = DecisionLogger(
            logger, allow_level=logging.DEBUG, deny_level=logging.WARNING, error_level=logging.CRITICAL
        )

        for decision in (ALLOW, DENY, BROKEN):
            decisions.log(decision, id="d1", at=AT)

        assert ["DEBUG", "WARNING", "CRITICAL"] == lines.levels

    @pytest.mark.parametrize(
        ("level", "logged", "made"),
        [(logging.INFO, [ALLOW_LINE, DENY_LINE, BROKEN_LINE], 3), (logging.ERROR, [BROKEN_LINE], 2), (60, [], 0)],
        ids=["info", "error", "none"],
    )
    def test_that_are_disabled_get_no_record(  # noqa: PLR0913, PLR0917
        self,
        level: int,
        logged: list[str],
        made: int,
        logger: logging.Logger,
        lines: Lines,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Unless errors are logged: only the record of a denial shows whether it is an error."""
        calls: list[object] = []

        make = Recorder.record

        def counting(self: Recorder, decision: Any, **arguments: Any) -> DecisionRecord:
            calls.append(decision)
            return make(self, decision, **arguments)

        monkeypatch.setattr(Recorder, "record", counting)
        logger.setLevel(level)
        decisions = DecisionLogger(logger)

        answers = [decisions.log(decision, id="d1", at=AT) for decision in (ALLOW, DENY, BROKEN)]

        assert logged == lines.messages
        assert len(logged) == len([each for each in answers if each is not None])
        assert made == len(calls)
        assert (0, 0) == (decisions.dropped, decisions.failed)

    def test_of_errors_may_be_disabled_alone(self, logger: logging.Logger, lines: Lines) -> None:
        """A level that the logger does not take is the host's decision."""
        logger.setLevel(logging.INFO)

        answer = DecisionLogger(logger, error_level=logging.DEBUG).log(BROKEN, id="d1", at=AT)

        assert (None, []) == (answer, lines.records)


def result(outcome: str, decision: Decision[Any] = ALLOW) -> Any:
    """Return the result of a click."""
    return SimpleNamespace(decision=decision, outcome=outcome)


class TestClick:
    """The decision of a click is logged with the outcome."""

    def test_logs_what_a_click_returns_or_raises(self, logger: logging.Logger, lines: Lines) -> None:
        """It fits `on_end`."""
        log = DecisionLogger(logger)
        request = a_request()
        provider = InMemoryVideoProvider(errors=[ProviderUnavailableError("busy"), ValueError("lost")])
        ledger = InMemoryCallLedger()
        for again in (False, False, False, True, False):
            with suppress(ClickError):
                escalate(
                    request,
                    provider=provider,
                    ledger=ledger,
                    again=again,
                    on_end=lambda result: log.click(result, id="d1", at=AT),
                )
        outcomes = ["unavailable", "unknown", "in_doubt", "created", "reused"]
        assert [f"{ALLOW_LINE} outcome={outcome}" for outcome in outcomes] == lines.messages
        assert outcomes == [extra_of(line)["escalation_outcome"] for line in lines.records]
        records = [DecisionRecord.from_json(extra_of(line)["escalation_record"]) for line in lines.records]
        assert outcomes == [each.outcome for each in records]

    def test_makes_the_record_of_the_decision(self, logger: logging.Logger) -> None:
        """With the outcome."""
        options: dict[str, Any] = {"id": "d1", "at": AT, "correlation_id": "c1", "facts_read_at": AT}
        made = DecisionLogger(logger).click(result("denied", DENY), **options)
        assert made == attrs.evolve(record(DENY, **options), outcome="denied")

    @pytest.mark.parametrize(
        ("outcome", "level"),
        [
            ("created", "INFO"),
            ("reused", "INFO"),
            ("in_progress", "INFO"),
            *[(each, "ERROR") for each in ("in_doubt", "unavailable", "rejected", "unknown", "ledger")],
        ],
    )
    def test_is_an_error_if_the_click_failed(
        self, outcome: str, level: str, logger: logging.Logger, lines: Lines
    ) -> None:
        """To click twice is none."""
        DecisionLogger(logger).click(result(outcome), id="d1", at=AT)
        assert [level] == lines.levels

    @pytest.mark.parametrize("is_function", [False, True], ids=["rate", "function"])
    def test_is_never_left_out_if_there_is_no_call(
        self, *, is_function: bool, logger: logging.Logger, lines: Lines
    ) -> None:
        """Neither by sampling nor by a function."""
        log = DecisionLogger(logger, sample_allows=(lambda _: 0) if is_function else 0, drop=lambda _: True)
        for outcome in ("created", "reused", "in_progress", "in_doubt", "unavailable", "rejected", "unknown", "ledger"):
            log.click(result(outcome), id="d1", at=AT)
        assert (6, 2) == (len(lines.records), log.dropped)

    def test_reports_a_result_without_a_decision(
        self, logger: logging.Logger, lines: Lines, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It raises nothing."""
        log = DecisionLogger(logger)
        assert None is log.click(ValueError("secret"), id="d1", at=AT)
        assert (1, []) == (log.failed, lines.records)
        assert "the decision of a click was not logged" in capsys.readouterr().err


class TestSampling:
    """Leaving out a part of the allowed decisions."""

    @staticmethod
    def logged_ids(decisions: DecisionLogger, ids: list[str]) -> list[str]:
        """Log an allowed decision for each id, and return the ids that were logged."""
        return [each for each in ids if decisions.log(ALLOW, id=each, at=AT) is not None]

    IDS: Final = [f"d{number}" for number in range(300)]

    def test_keeps_everything_by_default(self, logger: logging.Logger) -> None:
        """Sampling is off."""
        decisions = DecisionLogger(logger)

        assert self.IDS == self.logged_ids(decisions, self.IDS)
        assert 0 == decisions.dropped

    def test_keeps_nothing_at_zero(self, logger: logging.Logger, lines: Lines) -> None:
        """And counts it all."""
        decisions = DecisionLogger(logger, sample_allows=0)

        assert [] == self.logged_ids(decisions, self.IDS)
        assert ([], 300, 0) == (lines.records, decisions.dropped, decisions.failed)

    def test_depends_only_on_the_id(self, logger: logging.Logger) -> None:
        """So that every process keeps the same ones, on every machine and every Python."""
        decisions = DecisionLogger(logger, sample_allows=0.5)

        assert ["d0", "d5", "d6", "d8"] == self.logged_ids(decisions, self.IDS[:10])
        assert ["d0", "d5", "d6", "d8"] == self.logged_ids(decisions, self.IDS[:10])
        assert 12 == decisions.dropped

    def test_keeps_about_as_many_as_it_should(self, logger: logging.Logger) -> None:
        """Numbered ids are spread evenly too."""
        assert 15 < len(self.logged_ids(DecisionLogger(logger, sample_allows=0.1), self.IDS)) < 45

    def test_keeps_what_a_lower_rate_keeps(self, logger: logging.Logger) -> None:
        """A higher rate logs the same decisions and more."""
        some, more = (set(self.logged_ids(DecisionLogger(logger, sample_allows=each), self.IDS)) for each in (0.1, 0.3))

        assert some < more

    def test_takes_any_id(self, logger: logging.Logger) -> None:
        """One that cannot be encoded too."""
        decisions = DecisionLogger(logger, sample_allows=0.999999)

        assert list(HOSTILE.values()) == self.logged_ids(decisions, list(HOSTILE.values()))

    def test_leaves_denials_alone(self, logger: logging.Logger, lines: Lines) -> None:
        """Denials are what support is asked about."""
        for rate in (0, always(0)):
            decisions = DecisionLogger(logger, sample_allows=rate)
            for decision in (DENY, BROKEN):
                decisions.log(decision, id="d1", at=AT)
            assert 0 == decisions.dropped

        assert [DENY_LINE, BROKEN_LINE] * 2 == lines.messages

    def test_makes_no_record_of_what_it_leaves_out(
        self, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """That would be most of the cost."""
        monkeypatch.setattr(Recorder, "record", explode)
        decisions = DecisionLogger(logger, sample_allows=0)

        decisions.log(ALLOW, id="d1", at=AT)

        assert (1, 0) == (decisions.dropped, decisions.failed)

    def test_may_differ_from_record_to_record(self, logger: logging.Logger) -> None:
        """A function gives the rate, or a bool."""
        candidates: list[DecisionRecord] = []

        def rate(made: DecisionRecord) -> float:
            candidates.append(made)
            return {"d0": True, "d5": True, "d9": 0.0}.get(made.id, 0.5)

        decisions = DecisionLogger(logger, sample_allows=rate)

        assert ["d0", "d5", "d6", "d8"] == self.logged_ids(decisions, self.IDS[:10])
        assert (6, 0) == (decisions.dropped, decisions.failed)
        assert self.IDS[:10] == [each.id for each in candidates]

    @pytest.mark.parametrize(
        "rate",
        [explode, *map(always, ("half", 1.5, float("nan"), None))],
        ids=["raises", "text", "too much", "nan", "none"],
    )
    def test_keeps_what_a_broken_function_is_asked_about(
        self, rate: Callable[[DecisionRecord], Any], logger: logging.Logger, lines: Lines
    ) -> None:
        """A bug in the function must not cost the log too."""
        decisions = DecisionLogger(logger, sample_allows=rate)

        answer = decisions.log(ALLOW, id="d1", at=AT)

        assert answer is not None
        assert ([ALLOW_LINE], 0, 1) == (lines.messages, decisions.dropped, decisions.failed)


class Slow(int):
    """A number that lets other threads go first while it is added to."""

    def __add__(self, other: int) -> "Slow":
        time.sleep(0.001)
        return Slow(int(self) + other)


class TestDrop:
    """Leaving out what a predicate selects."""

    def test_is_by_the_record(self, logger: logging.Logger, lines: Lines) -> None:
        """For allow and deny."""
        candidates: list[DecisionRecord] = []

        def other_domain(made: DecisionRecord) -> bool:
            candidates.append(made)
            return made.about["domain"] != "acme"

        decisions = DecisionLogger(logger, drop=other_domain)
        elsewhere = ESCALATE_TO_VIDEO.decide(a_request(domain_id="demo", login=Login.PASSWORD))

        answers = [decisions.log(each, id=f"d{at}", at=AT) for at, each in enumerate((ALLOW, elsewhere, DENY))]

        assert [ALLOW_LINE, DENY_LINE] == lines.messages
        assert [candidates[0], None, candidates[2]] == answers
        assert (1, 0) == (decisions.dropped, decisions.failed)

    def test_spares_errors(self, logger: logging.Logger, lines: Lines) -> None:
        """They are always logged."""
        decisions = DecisionLogger(logger, drop=always(True))

        decisions.log(BROKEN, id="d1", at=AT)

        assert ([BROKEN_LINE], 0) == (lines.messages, decisions.dropped)

    @pytest.mark.parametrize(
        ("drop", "failed"), [(explode, 1), (always(None), 0), (always("yes"), 0)], ids=["raises", "none", "text"]
    )
    def test_needs_a_clear_yes(
        self, drop: Callable[[DecisionRecord], Any], failed: int, logger: logging.Logger, lines: Lines
    ) -> None:
        """If the predicate fails, the decision is logged."""
        decisions = DecisionLogger(logger, drop=drop)

        answer = decisions.log(DENY, id="d1", at=AT)

        assert answer is not None
        assert ([DENY_LINE], 0, failed) == (lines.messages, decisions.dropped, decisions.failed)

    def test_comes_with_sampling(self, logger: logging.Logger, lines: Lines) -> None:
        """Each decision is counted once, by either option."""
        for rate in (0.5, always(0.5)):
            decisions = DecisionLogger(logger, sample_allows=rate, drop=lambda made: made.id in ("d5", "d9"))
            for number in range(10):
                decisions.log(ALLOW, id=f"d{number}", at=AT)
            assert (7, 0) == (decisions.dropped, decisions.failed)

        assert 6 == len(lines.records)

    def test_is_counted_by_threads_together(self, logger: logging.Logger) -> None:
        """None is lost between reading the number and writing it."""
        decisions, failing = DecisionLogger(logger, sample_allows=0), DecisionLogger(logger, drop=explode)
        decisions._dropped, failing._failed = Slow(), Slow()
        together = threading.Barrier(4)

        def log() -> None:
            together.wait()
            for _ in range(20):
                decisions.log(ALLOW, id="d1", at=AT)
                failing.log(ALLOW, id="d1", at=AT)

        threads = [threading.Thread(target=log) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (80, 80) == (decisions.dropped, failing.failed)

    @pytest.fixture(autouse=True)
    def _quiet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(logging, "raiseExceptions", False)


class Failing(logging.Handler):
    """A handler that does not catch what it raises, as `handle()` expects of it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raise."""
        explode(record)


def add_handler(logger: logging.Logger, broken: Callable[..., Any]) -> dict[str, Any]:
    """Add a handler that fails."""
    handler = Failing()
    handler.emit = broken  # type: ignore[method-assign]
    logger.addHandler(handler)
    return {}


def add_filter(logger: logging.Logger, broken: Callable[..., Any]) -> dict[str, Any]:
    """Add a filter that fails."""
    logger.addFilter(broken)
    return {}


def make_line(logger: logging.Logger, broken: Callable[..., Any]) -> dict[str, Any]:
    """Make the logger fail to make a line."""
    logger.makeRecord = broken  # type: ignore[method-assign]
    return {}


def drop(_: logging.Logger, broken: Callable[..., Any]) -> dict[str, Any]:
    """Return options with a predicate that fails."""
    return {"drop": broken}


def sample(_: logging.Logger, broken: Callable[..., Any]) -> dict[str, Any]:
    """Return options with a rate that fails."""
    return {"sample_allows": broken}


class TestFailures:
    """If something fails, the decision is unchanged and the caller goes on."""

    @pytest.mark.parametrize("way", [add_handler, add_filter, make_line, drop, sample], ids=lambda way: way.__name__)
    def test_are_counted_and_reported(
        self,
        way: Callable[[logging.Logger, Callable[..., Any]], dict[str, Any]],
        logger: logging.Logger,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """On stderr, as logging itself does: what failed, where, and the caller."""
        decisions = DecisionLogger(logger, **way(logger, explode))
        decision = ESCALATE_TO_VIDEO.decide(a_request())

        answer = decisions.log(decision, id="d1", at=AT)

        assert ALLOW == decision
        assert (0, 1) == (decisions.dropped, decisions.failed)
        assert (way in (drop, sample)) is (answer is not None)
        message = capsys.readouterr().err
        assert message.startswith("--- Logging error ---\nTraceback")
        assert "RuntimeError: broken\nCall stack:\n" in message
        assert "test_are_counted_and_reported" in message
        assert "Message: 'a decision was " in message

    @pytest.mark.parametrize("way", [add_handler, add_filter, make_line, drop, sample], ids=lambda way: way.__name__)
    def test_are_not_reported_in_production(
        self,
        way: Callable[[logging.Logger, Callable[..., Any]], dict[str, Any]],
        logger: logging.Logger,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """If `logging.raiseExceptions` is off. They are counted anyway."""
        monkeypatch.setattr(logging, "raiseExceptions", False)
        decisions = DecisionLogger(logger, **way(logger, explode))

        decisions.log(ALLOW, id="d1", at=AT)

        assert (1, "") == (decisions.failed, capsys.readouterr().err)

    @pytest.mark.parametrize("way", [add_handler, add_filter, make_line, drop, sample], ids=lambda way: way.__name__)
    def test_are_no_interruptions(
        self, way: Callable[[logging.Logger, Callable[..., Any]], dict[str, Any]], logger: logging.Logger
    ) -> None:
        """Ctrl-C gets through."""
        decisions = DecisionLogger(logger, **way(logger, interrupt))

        with pytest.raises(KeyboardInterrupt):
            decisions.log(ALLOW, id="d1", at=AT)

        assert 0 == decisions.failed

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"at": datetime(2026, 1, 31)}, "at must be a datetime with a zone, got a datetime without one"),  # noqa: DTZ001
            ({"id": ""}, "id must be a non-empty str, got an empty str"),
            ({"id": 7}, "id must be a non-empty str, got an int"),
            ({"decision": "yes"}, "decision must be a Decision, got a str"),
            ({"correlation_id": 7}, "correlation_id must be a non-empty str, got an int"),
        ],
        ids=["time", "empty", "number", "decision", "correlation"],
    )
    def test_of_arguments_are_reported_too(
        self,
        arguments: dict[str, Any],
        message: str,
        logger: logging.Logger,
        lines: Lines,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """A host that passes an invalid argument gets a report, and goes on."""
        decisions = DecisionLogger(logger)

        call: dict[str, Any] = {"decision": ALLOW, "id": "d1", "at": AT, **arguments}
        answer = decisions.log(**call)

        assert (None, [], 1) == (answer, lines.records, decisions.failed)
        assert f"InvalidValueError: {message}\n" in capsys.readouterr().err

    def test_that_a_handler_deals_with_are_its_own(
        self, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Handlers of the standard library report failures themselves, so nothing is visible from outside."""
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("%(no_such_key)s"))
        logger.addHandler(handler)
        decisions = DecisionLogger(logger)

        answer = decisions.log(ALLOW, id="d1", at=AT)

        assert answer is not None
        assert ("", 0) == (stream.getvalue(), decisions.failed)
        assert "no_such_key" in capsys.readouterr().err

    @pytest.mark.parametrize("there", [True, False], ids=["closed", "none"])
    def test_do_not_raise_if_they_cannot_be_reported(
        self,
        there: bool,  # noqa: FBT001
        logger: logging.Logger,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Without a usable stderr, it still does not raise."""
        closed = io.StringIO()
        closed.close()
        monkeypatch.setattr(sys, "stderr", closed if there else None)
        decisions = DecisionLogger(logger, drop=explode)

        decisions.log(ALLOW, id="d1", at=AT)

        assert 1 == decisions.failed


class TestConfiguration:
    """The library configures no logging."""

    def test_takes_a_logger_by_its_name(self) -> None:
        """Its own by default."""
        name = "escalation_policy.decisions"

        assert logging.getLogger(name) is DecisionLogger()._logger
        assert logging.getLogger(f"{name}.web") is DecisionLogger(f"{name}.web")._logger

    def test_changes_nothing_of_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        """No handler, no level, no filter, no switch; neither of it nor of the root."""
        name = "escalation_policy.decisions.untouched"
        root, logger = logging.getLogger(), logging.getLogger(name)
        states = [(vars(each) | {"handlers": [*each.handlers], "_cache": None}) for each in (root, logger)]

        decisions = DecisionLogger(name)
        for decision in (ALLOW, DENY, BROKEN):
            decisions.log(decision, id="d1", at=AT)

        assert states == [(vars(each) | {"handlers": [*each.handlers], "_cache": None}) for each in (root, logger)]
        assert (logging.NOTSET, True, False, []) == (logger.level, logger.propagate, logger.disabled, logger.handlers)
        assert 0 == decisions.failed
        assert "" == capsys.readouterr().err

    def test_of_a_pickled_decision_needs_its_policy(self, logger: logging.Logger, lines: Lines) -> None:
        """A pickle leaves the policy behind."""
        decision = pickle.loads(pickle.dumps(DENY))

        DecisionLogger(logger, policy=ESCALATE_TO_VIDEO).log(decision, id="d1", at=AT)

        assert [DENY_LINE] == lines.messages

    def test_masks_facts_of_another_type_of_request(self, logger: logging.Logger, lines: Lines) -> None:
        """They are checked against the policy's."""
        policy = Policy("p", [Rule("named", SAMPLE(lambda r: r.name).equals("t"))])
        decisions = DecisionLogger(logger, policy=policy, mask=["name"])

        decisions.log(policy.decide(Sample()), id="d1", at=AT)

        assert (1, 0) == (len(lines.records), decisions.failed)

    def test_accepts_an_adapter(self, logger: logging.Logger, lines: Lines) -> None:
        """The keys of the host are added, those of the record win, and the caller is found."""

        class Prefix(logging.LoggerAdapter[Any]):
            """Changes the message."""

            def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
                """Put a word before it."""
                return f"video: {msg}", kwargs

        inner = logging.LoggerAdapter(logger, {"tenant": "t1", "host": "inner", "escalation_effect": "?"})
        adapter = Prefix(logging.LoggerAdapter(inner, {"host": "outer"}), None)

        DecisionLogger(adapter).log(ALLOW, id="d1", at=AT)

        (line,) = lines.records
        values = [getattr(line, name) for name in ("tenant", "host", "escalation_effect", "escalation_decision_id")]
        assert ["t1", "outer", "allow", "d1"] == values
        assert f"video: {ALLOW_LINE}" == line.getMessage()
        assert Path(__file__).name == line.filename

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"logger": 7}, "logger must be the name of a logger, a Logger or a LoggerAdapter, got an int"),
            ({"allow_level": "INFO"}, "allow_level must be an int, such as logging.INFO, got a str"),
            ({"deny_level": True}, "deny_level must be an int, such as logging.INFO, got a bool"),
            ({"error_level": None}, "error_level must be an int, such as logging.INFO, got None"),
            ({"sample_allows": 1.1}, "sample_allows must be a number from 0 to 1, got 1.1"),
            ({"sample_allows": -1}, "sample_allows must be a number from 0 to 1, got -1"),
            ({"sample_allows": float("nan")}, "sample_allows must be a number from 0 to 1, got nan"),
            ({"sample_allows": "1"}, "sample_allows must be a number from 0 to 1, got a str"),
            ({"drop": True}, "drop must be a function of a record, or None, got a bool"),
            ({"policy": "p"}, "policy must be a Policy or None, got a str"),
            ({"key": "k"}, "key must be at least 16 bytes, or None, got a str"),
            ({"key": b""}, "key must be at least 16 bytes, or None, got 0 of them"),
            ({"reveal": "agent.email"}, "reveal must be a collection of dotted paths, got a str"),
            ({"mask": 1}, "mask must be a collection of dotted paths, got an int"),
            (
                {"mask": ["agent.ids"]},
                "mask names no fact of EscalationRequest (did you mean agent.id?); for another type of request, pass its policy",
            ),
            (
                {"mask": ["agent.ids"], "policy": ESCALATE_TO_VIDEO},
                "mask names no fact of EscalationRequest (did you mean agent.id?)",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else next(iter(value)),
    )
    def test_is_refused_where_it_makes_no_sense(self, arguments: dict[str, Any], message: str) -> None:
        """At once, and not with the first decision."""
        with pytest.raises(InvalidValueError) as caught:
            DecisionLogger(**arguments)

        assert message == str(caught.value)


def everything(logger: logging.Logger) -> list[DecisionRecord]:
    """Log decisions of each sort, with every optional argument."""
    decisions = DecisionLogger(logger)
    odd = predicate("odd", lambda _: False)
    policy = Policy("p", [Rule("odd", odd), Rule("later", fact(lambda r: r.agent.enabled).is_true(), after=["odd"])])
    hostile = a_request(agent_id=HOSTILE["newline"], message_id=HOSTILE["lone surrogate"])
    others = [policy.decide(a_request(enabled=False)), ESCALATE_TO_VIDEO.decide(hostile)]
    made = [
        decisions.log(decision, id=f"d{number}", at=AT, correlation_id="r1", facts_read_at=AT)
        for number, decision in enumerate((ALLOW, DENY, BROKEN, *others))
    ]
    return [each for each in made if each is not None]


class TestFormatters:
    """Common formatters keep the keys as they are."""

    def expected(self, lines: Lines) -> list[dict[str, Any]]:
        """Return what the logger handed over."""
        return [extra_of(line) | {"said": line.getMessage()} for line in lines.records]

    def test_json(self, logger: logging.Logger, lines: Lines) -> None:
        """python-json-logger writes each line as one object."""
        formatter = pytest.importorskip("pythonjsonlogger.json", reason="needs python-json-logger")
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter.JsonFormatter(rename_fields={"message": "said"}))
        logger.addHandler(handler)

        made = everything(logger)

        written = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert self.expected(lines) == written
        assert made == [DecisionRecord.from_json(each["escalation_record"]) for each in written]

    def test_structlog(self, logger: logging.Logger, lines: Lines) -> None:
        """Its ExtraAdder lifts the keys into the event."""
        structlog: Any = pytest.importorskip("structlog", reason="needs structlog")
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.EventRenamer("said"),
                    structlog.processors.JSONRenderer(),
                ],
            )
        )
        logger.addHandler(handler)

        made = everything(logger)

        written = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert self.expected(lines) == written
        assert made == [DecisionRecord.from_json(each["escalation_record"]) for each in written]

    def test_opentelemetry(self, logger: logging.Logger, lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
        """Its handler makes them attributes; it takes only some types, and warns of others."""
        handlers: Any = pytest.importorskip(
            "opentelemetry.instrumentation.logging.handler", reason="needs OpenTelemetry"
        )
        logs: Any = pytest.importorskip("opentelemetry.sdk._logs", reason="needs OpenTelemetry")
        export: Any = pytest.importorskip("opentelemetry.sdk._logs.export", reason="needs OpenTelemetry")
        exporter, provider = export.InMemoryLogRecordExporter(), logs.LoggerProvider()
        provider.add_log_record_processor(export.SimpleLogRecordProcessor(exporter))
        logger.addHandler(handlers.LoggingHandler(logger_provider=provider))

        made = everything(logger)

        written = [each.log_record for each in exporter.get_finished_logs()]
        assert self.expected(lines) == [{**each.attributes, "said": each.body} for each in written]
        assert ["INFO", "INFO", "ERROR", "INFO", "INFO"] == [each.severity_text for each in written]
        assert made == [DecisionRecord.from_json(each.attributes["escalation_record"]) for each in written]
        assert "" == capsys.readouterr().err
        provider.shutdown()

    def test_opentelemetry_events(self, logger: logging.Logger, lines: Lines) -> None:
        """The how-to's mapping, before the real handler, makes an event with a name and attributes."""
        handlers: Any = pytest.importorskip(
            "opentelemetry.instrumentation.logging.handler", reason="needs OpenTelemetry"
        )
        logs: Any = pytest.importorskip("opentelemetry.sdk._logs", reason="needs OpenTelemetry")
        export: Any = pytest.importorskip("opentelemetry.sdk._logs.export", reason="needs OpenTelemetry")
        page: dict[str, Any] = {}
        text = (Path(__file__).parents[2] / "docs/how-to/ecs-and-opentelemetry.md").read_text(encoding="utf-8")
        exec("\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[:-1]), page)  # noqa: S102
        exporter, provider = export.InMemoryLogRecordExporter(), logs.LoggerProvider()
        provider.add_log_record_processor(export.SimpleLogRecordProcessor(exporter))
        logger.addHandler(page["Events"](handlers.LoggingHandler(logger_provider=provider)))

        made = everything(logger)

        written = [each.log_record for each in exporter.get_finished_logs()]
        assert {"escalation_policy.decision"} == {each.event_name for each in written}
        assert lines.messages == [each.body for each in written]
        assert [page["event_attributes"](each) for each in made] == [
            json.loads(json.dumps({**each.attributes, "otel.event.name": each.event_name})) for each in written
        ]
        provider.shutdown()
