"""A pytest plugin: it explains and records decisions, and reports which rules the tests covered.

Switch it on with `-p escalation_policy.testing.pytest_plugin`, or in the top `conftest.py` with
`pytest_plugins = ["escalation_policy.testing.pytest_plugin"]`. It sees the decisions of this process, in any thread or
task. It does not see the decisions of other processes, nor those of a function that a `conftest.py` took from its policy
while it was imported (`decide = POLICY.decide`). No answer changes.

PYTEST_DONT_REWRITE
"""

import reprlib
from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard, final

import attrs
import pytest

from .. import Decision, Effect, Policy, Reason
from ._coverage import Coverage, DecisionCounts, count_covered, percent, report, report_obligations
from ._recorder import Recorder

Decisions = list[Decision[Any]]

#: The key under which a worker of pytest-xdist sends its counts to the controller.
_OUTPUT: Final = "escalation_policy.policy_coverage"
_INCOMPLETE: Final = "incomplete: a worker stopped, and its decisions are not counted"
#: What to compare instead of a decision, by the type of the other side.
_ALTERNATIVES: Final[dict[type, str]] = {
    bool: "decision.allowed",
    Effect: "decision.effect",
    str: "the codes of decision.reasons",
}


def _percentage(text: str) -> float:
    try:
        percentage = float(text)
    except ValueError:
        percentage = -1.0
    if not 0 <= percentage <= 100:
        raise ArgumentTypeError("must be a number from 0 to 100")
    return percentage


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("policy coverage")
    group.addoption(
        "--policy-cov-report",
        choices=["term", "none"],
        default="term",
        help="whether to report which rules decided: term (the default) or none",
    )
    group.addoption(
        "--policy-cov-fail-under",
        metavar="N",
        type=_percentage,
        help="fail if less than N percent of the rules were met at least once and decisive at least once",
    )
    group.addoption(
        "--policy-cov-only",
        action="append",
        default=[],
        metavar="ID",
        help="count the rules of policies with this id only (repeatable)",
    )
    group.addoption(
        "--policy-cov-missing",
        action="store_true",
        help="print the requests that are missing so that each test of each rule decides once met and once not met",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start to record."""
    plugin = _PolicyPlugin(config)
    config.pluginmanager.register(plugin)
    config.add_cleanup(plugin.recorder.install())


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain a failed comparison: how two decisions differ, or what to compare instead. None if pytest says enough."""
    headline = f"{_verdict(left)} {op} {_verdict(right)}"
    if _is_decision(left) and _is_decision(right):
        if op == "!=":
            return [headline, "effect, reasons, request and policy are the same"]
        differences = list(_differences(left, right)) or ["the reasons are in another order"]
        return [headline, *differences] if op == "==" else None
    if op in ("==", "is") and (_is_decision(left) or _is_decision(right)):
        other = right if _is_decision(left) else left
        alternative = _ALTERNATIVES.get(type(other), "decision.effect or decision.reasons")
        return [headline, f"a decision only equals another decision: compare {alternative}"]
    return None


@final
class _PolicyPlugin:
    """The hooks and the state of one run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config: Final = config
        self._only: Final = frozenset[str](config.option.policy_cov_only)
        self._counts: Final = DecisionCounts(self._only, with_obligations=config.option.policy_cov_missing)
        self.recorder: Final = Recorder(self._count)
        self._coverage: Final = Coverage()
        self._test = ""
        self._unfinished_workers = 0
        self._is_run = False
        self._lines: list[str] = []
        self._shortfall: str | None = None

    def _count(self, policy: Policy[Any], decision: Decision[Any]) -> None:
        """Count the decisions of tests and fixtures, but not those that are made while modules are imported."""
        if self._test:
            self._counts.add(policy, decision)

    @pytest.fixture
    def decisions(self) -> Decisions:
        """All decisions of this test, in order, from the start of its setup. The list grows while the test runs.

        If `allows()` was called, it holds the decision that `decide()` makes. A test that calls
        `request.getfixturevalue()` gets the decisions from then on.
        """
        return self.recorder.keep()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._test = item.nodeid
        self.recorder.begin()
        if "decisions" in getattr(item, "fixturenames", ()):
            self.recorder.keep()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # The controller of pytest-xdist logs failures of other processes, too.
        failed_here = report.failed and report.when != "teardown" and report.nodeid == self._test
        if failed_here and (explanation := self.recorder.explain()):
            report.sections.append(("decisions", explanation))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        self._is_run = not session.config.option.collectonly

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self) -> None:
        self._unfinished_workers += 1

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output = getattr(node, "workeroutput", {})
        if _OUTPUT in output:
            self._coverage.add(output[_OUTPUT])
            self._unfinished_workers -= 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT] = self._counts.to_data()
        elif self._is_run:
            self._coverage.add(self._counts.to_data())
            self._report()
            if self._shortfall and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:  # pytest 8.2 exports no type for it
        if self._lines or self._shortfall:
            terminalreporter.section("policy coverage")
        for line in self._lines:
            terminalreporter.line(line)
        if self._shortfall:
            terminalreporter.line(self._shortfall, red=True)

    def _report(self) -> None:
        policies = self._coverage.policies()
        absent = sorted(self._only.difference(policy.id for policy in policies)) or ([] if policies else ["any policy"])
        notes = [f"no decision of {name} was recorded" for name in absent]
        if self._config.option.policy_cov_report == "term":
            self._lines = [*report(policies), *notes, *([_INCOMPLETE] if self._unfinished_workers else [])]
        if self._config.option.policy_cov_missing:
            self._lines += report_obligations(policies)
        covered, rules = count_covered(policies)
        limit: float | None = self._config.option.policy_cov_fail_under
        if limit and (notes or 100 * covered < limit * rules):
            result = notes[0] if notes else f"{percent(policies)} % of the rules are covered"
            self._shortfall = f"{result}, and --policy-cov-fail-under asks for {limit:g} %"


def _is_decision(value: object) -> TypeGuard[Decision[Any]]:
    return isinstance(value, Decision)


def _verdict(value: object) -> str:
    if not _is_decision(value):
        return reprlib.repr(value)
    return "allow" if value.allowed else f"deny ({', '.join(reason.code for reason in value.reasons)})"


def _differences(left: Decision[Any], right: Decision[Any]) -> Iterator[str]:
    left_reasons, right_reasons = _relevant_reasons(left, right), _relevant_reasons(right, left)
    for code in dict.fromkeys([*left_reasons, *right_reasons]):
        if code not in right_reasons:
            yield f"only left: {code}, {_outcome(left_reasons[code])}"
        elif code not in left_reasons:
            yield f"only right: {code}, {_outcome(right_reasons[code])}"
        elif left_reasons[code] != right_reasons[code]:
            left_words, right_words = _outcome(left_reasons[code]), _outcome(right_reasons[code])
            differ = left_words != right_words
            yield f"{code}: left {left_words}; right {right_words}" if differ else f"{code}: the texts differ"
    if left.fingerprint != right.fingerprint:
        yield f"the policies differ in what they mean: {left.policy_id}, {right.policy_id}"
    if left.request != right.request:
        places = ", ".join(_different_fields(left.request, right.request, ""))
        yield f"the requests differ{' in ' if places else ''}{places}"


def _relevant_reasons(decision: Decision[Any], other: Decision[Any]) -> dict[str, Reason]:
    """Return the reasons by code. Met rules are only relevant if both decisions allow."""
    return {reason.code: reason for reason in decision.reasons if other.allowed or not decision.allowed}


def _outcome(reason: Reason) -> str:
    evidence = "; ".join(f"{each.fact} {each.required}, seen {each.seen}" for each in reason.evidence)
    return f"{reason.status.value}: {evidence}"


def _different_fields(left: Any, right: Any, path: str) -> Iterator[str]:
    """Yield the paths of the fields that differ, as deep as possible, without their values."""
    if type(left) is type(right) and attrs.has(left.__class__) and not isinstance(left, Mapping):
        for name in attrs.fields_dict(left.__class__):
            yield from _different_fields(getattr(left, name), getattr(right, name), f"{path}.{name}" if path else name)
    elif left != right:
        yield path
