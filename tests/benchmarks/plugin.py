"""Measure the cost of the pytest plugin: for 10,000 tests with one decision each, and for the start of pytest.

Run it with the interpreter to measure: `python tests/benchmarks/plugin.py`. Half of the decisions allow, and the others
have different reasons. No request is decided twice. Each figure is a median of processor time. Runs without and with the
plugin alternate, and each pair is compared: on a shared machine, only differences and ratios are meaningful.
"""

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = 10_000
FILES: Final = 10
ROUNDS: Final = 9
STARTS: Final = 31
PLUGIN: Final[tuple[str, ...]] = ("-p", "escalation_policy.testing.pytest_plugin")

_REQUESTS: Final = """\
import attrs

from decide import requests

KINDS = requests()


def request_for(number):
    request = KINDS[number % len(KINDS)]
    return attrs.evolve(request, message=attrs.evolve(request.message, id=f"c{number}"))
"""
_HEAD: Final = """\
from escalation_policy import ESCALATE_TO_VIDEO

from request_kinds import KINDS, request_for

REQUESTS = {number: request_for(number) for number in range(%d, %d, %d)}


"""
_TEST: Final = """\
def test_%d():
    assert ESCALATE_TO_VIDEO.decide(REQUESTS[%d]).allowed is (%d %% len(KINDS) >= len(KINDS) // 2)


"""


def write_suite(folder: Path) -> None:
    """Write the files of the suite."""
    (folder / "request_kinds.py").write_text(_REQUESTS, encoding="utf-8")
    for file in range(FILES):
        numbers = range(file, TESTS, FILES)
        tests = "".join(_TEST % (number, number, number) for number in numbers)
        (folder / f"test_{file}.py").write_text(_HEAD % (file, TESTS, FILES) + tests, encoding="utf-8")


def write_start(folder: Path) -> None:
    """Write a suite that only imports the package."""
    (folder / "test_nothing.py").write_text("import escalation_policy\n\n\ndef test():\n    pass\n", encoding="utf-8")


def processor_seconds(folder: Path, *options: str) -> float:
    """Run a suite, and return the processor time of its process."""
    # Bytecode is cached, as it is for installed packages.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    paths = [str(Path(__file__).parent), *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    environment |= {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, paths)), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(folder)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pairs(folder: Path, rounds: int) -> list[tuple[float, float]]:
    """Measure a suite without and with the plugin. Each round changes which of them comes first."""
    variants: list[tuple[str, ...]] = [(), PLUGIN]
    for options in variants:
        processor_seconds(folder, *options)
    measured: list[tuple[float, float]] = []
    for number in range(rounds):
        order = variants if number % 2 else variants[::-1]
        seconds = {options: processor_seconds(folder, *options) for options in order}
        measured.append((seconds[()], seconds[PLUGIN]))
    return measured


def main() -> None:
    """Print the table."""
    implementation = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"{implementation}, pytest {pytest.__version__}, medians of processor time")
    with tempfile.TemporaryDirectory() as name:
        write_start(Path(name))
        measured = pairs(Path(name), STARTS)
        without, with_it = (statistics.median(each) * 1e3 for each in zip(*measured, strict=True))
        more = statistics.median(after - before for before, after in measured) * 1e3
        print(f"start of pytest, {STARTS} rounds")
        print(f"  {'without the plugin':<36} {without:8.0f} ms")
        print(f"  {'with the plugin':<36} {with_it:8.0f} ms  {more:+.0f} ms")
    with tempfile.TemporaryDirectory() as name:
        write_suite(Path(name))
        measured = pairs(Path(name), ROUNDS)
        without, with_it = (statistics.median(each) / TESTS * 1e6 for each in zip(*measured, strict=True))
        ratio = statistics.median(after / before for before, after in measured)
        print(f"a suite of {TESTS} tests, {ROUNDS} rounds")
        print(f"  {'without the plugin':<36} {without:8.0f} us a test")
        print(f"  {'with the plugin':<36} {with_it:8.0f} us a test  {ratio:.3f} x")


if __name__ == "__main__":
    main()
