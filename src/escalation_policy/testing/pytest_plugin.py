"""A pytest plugin: explains decisions, records them, and tells which rules the tests have seen decide.

Switch it on with `-p escalation_policy.testing.pytest_plugin`, or in the top `conftest.py` with
`pytest_plugins = ["escalation_policy.testing.pytest_plugin"]`. It sees what policies decide in this process, in any
thread or task: not what other processes decide, nor what a function decides that a `conftest.py` took out of its policy
while it was imported (`decide = POLICY.decide`). No answer changes; but where `allows()` says no, predicates are asked
once more.

PYTEST_DONT_REWRITE
"""

from argparse import ArgumentTypeError
from typing import Any, Final, final

import pytest

from .. import Decision, Policy
from ._comparisons import compared
from ._coverage import Coverage, Figures, Tallies
from ._coverage_reports import INCOMPLETE, as_json, as_lines, as_markdown, counted, percent
from ._recorder import Recorder

Decisions = list[Decision[Any]]

_WRITERS: Final = {"json": as_json, "markdown": as_markdown}
_PATHS: Final = {"json": "policy-coverage.json", "markdown": "policy-coverage.md"}
#: Under which name a worker hands its data to the controller.
_OUTPUT: Final = "escalation_policy.policy_coverage"


def _report(text: str) -> tuple[str, str]:
    kind, colon, path = text.partition(":")
    if kind not in ("term", "none", *_WRITERS) or (colon and (kind not in _WRITERS or not path)):
        raise ArgumentTypeError("must be term, json[:PATH], markdown[:PATH] or none")
    return kind, path or _PATHS.get(kind, "")


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 100:
        raise ArgumentTypeError("must be a number from 0 to 100")
    return share


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options."""
    group = parser.getgroup("policy coverage")
    group.addoption(
        "--policy-cov-report",
        action="append",
        metavar="TYPE[:PATH]",
        type=_report,
        help="how to report which rules decided: term (the default), json[:PATH], markdown[:PATH], or none, which takes "
        "back what was asked for before it (repeatable)",
    )
    group.addoption(
        "--policy-cov-fail-under",
        metavar="N",
        type=_share,
        help="fail where less than N percent of the rules were met at least once and decisive at least once",
    )
    group.addoption(
        "--policy-cov-only",
        action="append",
        default=[],
        metavar="ID",
        help="count the rules of policies with this id only (repeatable)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begins to record."""
    plugin = _PolicyPlugin(config)
    config.pluginmanager.register(plugin)
    config.add_cleanup(plugin.recorder.install())


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explains comparisons with decisions that failed."""
    return compared(op, left, right)


@final
class _PolicyPlugin:
    """The hooks of one run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config: Final = config
        self._only: Final = frozenset[str](config.option.policy_cov_only)
        self._tallies: Final = Tallies(self._only)
        self.recorder: Final = Recorder(self._count)
        self._coverage: Final = Coverage()
        self._test = ""
        self._workers = 0
        self._ran = False
        self._reports: list[tuple[str, str]] = []
        for kind, path in config.option.policy_cov_report or [("term", "")]:
            self._reports = [] if kind == "none" else [*self._reports, (kind, path)]
        self._lines: list[str] = []
        self._troubles: list[str] = []

    def _count(self, policy: Policy[Any], decision: Decision[Any]) -> None:
        """Count what tests decide, fixtures included, but not what is decided while modules are imported."""
        if self._test:
            self._tallies.add(policy, decision)

    @pytest.fixture
    def decisions(self) -> Decisions:
        """Every decision of this test, in order, from the start of its setup; it grows while the test runs.

        Of what `allows()` was asked, it has the decision that `decide()` makes. A test that gets it by
        `request.getfixturevalue()` gets what is decided from then on.
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
        # A controller logs what failed elsewhere, too.
        failed_here = report.failed and report.when != "teardown" and report.nodeid == self._test
        if failed_here and (explained := self.recorder.explained()):
            report.sections.append(("decisions", explained))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        self._ran = not session.config.option.collectonly

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self) -> None:
        self._workers += 1

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output = getattr(node, "workeroutput", {})
        if _OUTPUT in output:
            self._coverage.add(output[_OUTPUT])
            self._workers -= 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT] = self._tallies.data()
        elif self._ran:
            self._coverage.add(self._tallies.data())
            self._tell(self._coverage.figures())
            if self._troubles and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:  # pytest 8.2 shows no type for it
        if self._lines or self._troubles:
            terminalreporter.section("policy coverage")
        for line in self._lines:
            terminalreporter.line(line)
        for line in self._troubles:
            terminalreporter.line(line, red=True)

    def _tell(self, figures: list[Figures]) -> None:
        unseen = sorted(self._only.difference(each.id for each in figures)) or ([] if figures else ["any policy"])
        notes = [f"no decision of {each} was recorded" for each in unseen] + ([INCOMPLETE] if self._workers else [])
        for kind, path in self._reports:
            if kind == "term":
                self._lines = [*as_lines(figures), *notes]
            else:
                self._write(path, _WRITERS[kind](figures, complete=not self._workers))
        covered, rules = counted(figures)
        limit: float | None = self._config.option.policy_cov_fail_under
        if limit and (unseen or 100 * covered < limit * rules):
            found = (
                f"no decision of {unseen[0]} was recorded"
                if unseen
                else f"{percent(figures)} % of the rules are covered"
            )
            self._troubles.append(f"{found}, and --policy-cov-fail-under asks for {limit:g} %")

    def _write(self, path: str, text: str) -> None:
        file = self._config.invocation_params.dir / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            self._troubles.append(f"cannot write {path}: {str(error.strerror).lower()}")
