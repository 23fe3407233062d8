"""The documentation: its snippets run, and it names what the library has. The site's build checks links inside it.

Every page is run from top to bottom with one namespace:

- `pycon` blocks are doctests;
- `python` blocks are executed, and the functions called `test_...` that they define are called; one with a
  `parametrize` mark once for each of its values;
- `console` blocks are typed into a shell at the repository's root: what follows a `$ ` line is all that it may print,
  and `$?` is the status of the line before;
- `json` blocks must be JSON;
- `sh`, `text` and `{include}` blocks are not run.
"""

import doctest
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from enum import Enum
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

import attrs
import pytest

import escalation_policy
from escalation_policy import (
    ESCALATE_TO_VIDEO,
    Permission,
    __version__,
    administration,
    analysis,
    engage,
    exceptions,
    records,
    testing,
    video,
)
from escalation_policy import typing as protocols
from escalation_policy.testing import pytest_plugin, strategies
from escalation_policy.testing._builders import PLACES, Places
from postgresql import needs_postgresql
from redis_server import needs_redis

sybil = pytest.importorskip("sybil", reason="needs sybil")
from sybil.evaluators.doctest import DocTestEvaluator  # noqa: E402
from sybil.parsers.abstract.doctest import DocTestStringParser  # noqa: E402
from sybil.parsers.markdown import CodeBlockParser  # noqa: E402

pytestmark = pytest.mark.once

ROOT: Final = Path(__file__).parents[1]
README: Final = ROOT / "README.md"
CHANGELOG: Final = ROOT / "CHANGELOG.md"
DOCS: Final = ROOT / "docs"


def pages(folder: Path) -> list[Path]:
    """Find the pages of a folder, except those that tools leave in their caches."""
    return [page for page in sorted(folder.rglob("*.md")) if "/." not in f"/{page.relative_to(folder).as_posix()}"]


RUN: Final = [README, *pages(DOCS)]
#: Each quotes the code of a project in `docs/examples/backends/` that has the name of the page.
GUIDES: Final = pages(DOCS / "guides")
#: They need a server, which not everybody has.
SQLALCHEMY: Final = DOCS / "how-to" / "keep-calls-with-sqlalchemy.md"
DJANGO: Final = DOCS / "how-to" / "keep-calls-with-django.md"
REDIS: Final = DOCS / "how-to" / "keep-calls-in-redis.md"
#: Needs RingCentral's SDK and a server that gives it tokens; see `tests/providers/test_sdk.py`.
SDK: Final = DOCS / "how-to" / "use-the-ringcentral-sdk.md"
#: They need engines, which are large; see `tests/engines/test_pages.py`.
ENGINES: Final = [
    DOCS / "how-to" / f"{name}.md"
    for name in ("query-decisions-in-duckdb", "summarize-logs-on-many-cores", "summarize-logs-on-spark")
]
#: The parts of the library that need httpx; nothing if that is not installed.
HTTP_MODULES: Final = ("escalation_policy.engage.api", "escalation_policy.providers.ringcentral")
PROVIDERS: Final = [import_module(name) for name in HTTP_MODULES if find_spec("httpx")]
#: Those that need SQLAlchemy or Django.
LEDGERS: Final = [
    import_module(f"escalation_policy.ledgers.{name}") for name in ("django", "sqlalchemy") if find_spec(name)
]
LANGUAGES: Final = {"console", "json", "pycon", "python", "sh", "text", "{include}"}

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\S*).*?\n(?P<source>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_HEADING = re.compile(r"^(#+) +(.*)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_NAME = re.compile(r"`(?:\w+\.)*(\w+)")


def languages(page: Path) -> list[str]:
    """Return the language of each fenced block of a page."""
    return [match["language"] for match in _FENCE.finditer(page.read_text(encoding="utf-8"))]


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def sections(page: Path) -> list[tuple[str, str]]:
    """Return each heading with the text under it, subsections included."""
    text = prose(page)
    headings = list(_HEADING.finditer(text))
    ends = [
        next((later.start() for later in headings[index:] if len(later[1]) <= len(match[1])), len(text))
        for index, match in enumerate(headings, start=1)
    ]
    return [(match[2], text[match.end() : end]) for match, end in zip(headings, ends, strict=True)]


def name_of(page: Path) -> str:
    """Return the name of a page as seen from the repository's root."""
    return page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name


def pycon_blocks(document: Any) -> Iterable[Any]:
    """Find the doctests in `pycon` blocks."""
    for block in CodeBlockParser("pycon", print)(document):
        assert block.parsed.startswith(">>>"), f"{name_of(Path(document.path))}: a pycon block starts with >>>"
        parse = DocTestStringParser(DocTestEvaluator(doctest.ELLIPSIS))  # with an output of its own
        for region in parse(block.parsed, document.path):
            region.adjust(block, block.parsed)
            yield region


def run_python(example: Any) -> None:
    """Execute a block, and the tests in it, so that a traceback shows the page and the line."""
    source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
    before = dict(example.namespace)
    exec(compile(source, example.path, "exec"), example.namespace)  # noqa: S102  our own documentation
    for name in [name for name in example.namespace if name.startswith("test_") and name not in before]:
        for arguments in arguments_of(example.namespace[name]):
            example.namespace[name](**arguments)


def arguments_of(test: Any) -> list[dict[str, object]]:
    """Return the arguments of each call of a test. Only marks with one name are supported."""
    marks = [mark.args for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    return [{name: value} for name, values in marks for value in values] or [{}]


def run_console(example: Any) -> None:
    """Type the commands of a console block, one after the other, and compare what they print."""
    lines = example.parsed.splitlines(keepends=True)
    starts = [index for index, line in enumerate(lines) if line.startswith("$ ")]
    place = f"{name_of(Path(example.path))}:{{}}"
    first = example.line + example.parsed.line_offset + 1
    assert starts[:1] == [0], f"{place.format(first)}: a console block starts with a command"
    status = 0
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        command = lines[start].removeprefix("$ ").rstrip("\n")
        done = subprocess.run(
            ["bash", "-c", f"(exit {status}); {command}"],  # noqa: S607  the first bash on the PATH
            cwd=ROOT,
            env=example.namespace["environment_of_the_shell"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        status = done.returncode
        assert "".join(lines[start + 1 : end]) == done.stdout, f"{place.format(first + start)}: $ {command}"


SYBIL: Final = sybil.Sybil(
    [
        pycon_blocks,
        CodeBlockParser("python", run_python),
        CodeBlockParser("console", run_console),
        CodeBlockParser("json", lambda example: json.loads(example.parsed) and None),
    ]
)


def run_page(page: Path, namespace: dict[str, Any], environment: dict[str, str]) -> None:
    """Run all snippets of a page, in order."""
    document = SYBIL.parse(page)
    document.namespace = namespace
    namespace["environment_of_the_shell"] = environment
    for example in document.examples():
        example.evaluate()


@pytest.fixture
def namespace(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Make a module for the snippets of one page."""
    module = ModuleType("snippets_of_a_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.__dict__


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Make an environment in which `escalation-policy` is the library under test, installed with its script or not.

    Pythons that are run in it leave nothing behind in the documentation.
    """
    scripts = Path(sys.executable).parent
    if not (scripts / "escalation-policy").exists():
        shim = tmp_path / "escalation-policy"
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m escalation_policy "$@"\n', encoding="utf-8")
        shim.chmod(0o755)
    package = str(Path(escalation_policy.__file__).parents[1])
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    return inherited | {
        "PATH": os.pathsep.join([str(tmp_path), str(scripts), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")])),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
    }


class TestPages:
    """What is written in a page is so."""

    @pytest.mark.parametrize(
        "page",
        [
            pytest.param(page, marks=[pytest.mark.slow] if "console" in languages(page) else [], id=name_of(page))
            for page in RUN
            if page not in (SQLALCHEMY, DJANGO, REDIS, SDK, *GUIDES, *ENGINES)
        ],
    )
    def test_snippets_run_and_print_what_the_page_shows(
        self, page: Path, namespace: dict[str, Any], environment: dict[str, str]
    ) -> None:
        """A page that promises another output than the library's is out of date."""
        if not PROVIDERS and "import httpx" in page.read_text(encoding="utf-8"):
            pytest.skip("needs httpx")
        run_page(page, namespace, environment)

    @pytest.mark.slow
    @needs_postgresql
    def test_the_ledger_with_sqlalchemy_works_with_a_real_server(
        self,
        namespace: dict[str, Any],
        environment: dict[str, str],
        postgresql: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The page is run as any other."""
        pytest.importorskip("sqlalchemy")
        for name, value in postgresql.items():
            monkeypatch.setenv(name, value)
        run_page(SQLALCHEMY, namespace, environment)
        namespace["engine"].dispose()

    @needs_postgresql
    def test_the_ledger_with_django_works_in_a_project(
        self, namespace: dict[str, Any], environment: dict[str, str], request: pytest.FixtureRequest
    ) -> None:
        """The page is run as any other, in a project with the app."""
        pytest.importorskip("django")
        request.getfixturevalue("django")
        run_page(DJANGO, namespace, environment)

    @pytest.mark.slow
    @needs_redis
    def test_the_ledgers_in_redis_work_with_a_real_server(
        self,
        namespace: dict[str, Any],
        environment: dict[str, str],
        redis: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The page is run as any other."""
        for name, value in redis.items():
            monkeypatch.setenv(name, value)
        run_page(REDIS, namespace, environment)

    @pytest.mark.parametrize("page", GUIDES, ids=name_of)
    def test_guides_quote_the_code_of_their_projects(self, page: Path) -> None:
        """The tests of the projects run it: `tox run -e examples`."""
        project = DOCS / "examples" / "backends" / page.stem
        files = [file for file in project.rglob("*.py") if "/." not in f"/{file.relative_to(project).as_posix()}"]
        code = [file.read_text(encoding="utf-8") for file in files]
        quotes = [
            block["source"]
            for block in _FENCE.finditer(page.read_text(encoding="utf-8"))
            if block["language"] == "python"
        ]

        assert quotes
        assert [] == [quote for quote in quotes if not any(quote in text for text in code)]

    @pytest.mark.parametrize("page", [*RUN, CHANGELOG], ids=name_of)
    def test_every_fence_is_closed_and_of_a_language_that_is_looked_at(self, page: Path) -> None:
        """A block that nobody looks at could say anything."""
        assert LANGUAGES >= set(languages(page))
        assert "```" not in prose(page)

    @pytest.mark.parametrize("page", [README, CHANGELOG], ids=name_of)
    def test_links_of_pages_outside_the_site_lead_to_files(self, page: Path) -> None:
        """The site's build checks the links of all other pages."""
        targets = [target for target in _LINK.findall(prose(page)) if not re.match(r"\w+:", target)]

        assert [] == [target for target in targets if not (ROOT / target).is_file()]

    def test_the_map_links_every_page(self) -> None:
        """A page that nobody can find need not have been written."""
        index = DOCS / "index.md"
        linked = {(DOCS / target.partition("#")[0]).resolve() for target in _LINK.findall(prose(index))}

        assert set() == {page.resolve() for page in RUN if page not in (README, index)} - linked


def shell_blocks() -> list[list[str]]:
    """Return the lines of the README's `sh` blocks."""
    blocks = _FENCE.finditer(README.read_text(encoding="utf-8"))
    return [block["source"].splitlines() for block in blocks if block["language"] == "sh"]


class TestReadme:
    """The README is short, and its first two `sh` blocks work on a bare machine."""

    def test_is_shorter_than_120_lines(self) -> None:
        """It shows the job being done; the rest is in the documentation."""
        assert len(README.read_text(encoding="utf-8").splitlines()) < 120

    @pytest.mark.parametrize("at", [0, 1], ids=["first", "second"])
    def test_each_block_makes_its_own_environment_and_installs_the_checkout(self, at: int) -> None:
        """Nothing but Python, git and a package index can be taken for granted."""
        made, installed, *_ = shell_blocks()[at]

        assert made == "python3 -m venv .venv"
        assert re.fullmatch(r"\.venv/bin/pip install --quiet (--editable )?'\.\[[a-z,]+\]'( pytest-xdist)?", installed)

    def test_the_first_block_decides_about_examples_that_exist(self) -> None:
        """The main job, on files that everybody who has the checkout has."""
        decided = [re.match(r"\.venv/bin/escalation-policy decide (\S+)", line) for line in shell_blocks()[0][2:]]

        assert decided
        assert all(match and (ROOT / match[1]).is_file() for match in decided)

    def test_the_second_block_runs_the_tests(self) -> None:
        """All but the slow ones, and nothing after them that could hide a failure."""
        assert shell_blocks()[1][2:] == ['.venv/bin/python -m pytest -n auto --dist worksteal -m "not slow"']


def members(cls: type) -> set[str]:
    """Return the public names of a class: arguments, fields, enum members, methods and properties."""
    fields = {field.name for field in attrs.fields(cls)} if attrs.has(cls) else set[str]()
    arguments = set(inspect.signature(cls).parameters) if attrs.has(cls) else set[str]()
    kinds = (FunctionType, classmethod, staticmethod, property)
    methods = {name for name, value in vars(cls).items() if isinstance(value, kinds)}
    # The keys of all 72 permissions are the API's business.
    names = set(cls.__members__) if issubclass(cls, Enum) and cls is not Permission else set[str]()
    return {name for name in fields | arguments | methods | names if not name.startswith("_")}


def reference() -> list[tuple[str, str]]:
    """Return all sections of the reference."""
    return [section for page in sorted((DOCS / "reference").glob("*.md")) for section in sections(page)]


def told_of(name: str) -> set[str]:
    """Return the words in backticks in the sections whose heading names something."""
    return {
        word
        for heading, text in reference()
        if name in _NAME.findall(heading)
        for word in re.findall(r"\w+", " ".join(re.findall(r"`[^`]+`", heading + text)))
    }


_PUBLIC = [
    (module.__name__, name)
    for module in (
        escalation_policy,
        administration,
        analysis,
        exceptions,
        engage,
        records,
        testing,
        video,
        protocols,
        *PROVIDERS,
        *LEDGERS,
    )
    for name in sorted(module.__all__)
] + [
    (strategies.__name__, name)
    for name, value in vars(strategies).items()
    if isinstance(value, FunctionType) and value.__module__ == strategies.__name__ and not name.startswith("_")
]
_CLASSES = [
    value
    for module in (escalation_policy, analysis, records, video, protocols, *PROVIDERS, *LEDGERS)
    for name in module.__all__
    if isinstance(value := getattr(module, name), type)
]


class TestReference:
    """The reference knows every public name."""

    @pytest.mark.parametrize(("module", "name"), _PUBLIC, ids=[f"{module}.{name}" for module, name in _PUBLIC])
    def test_names_every_public_name_in_a_heading(self, module: str, name: str) -> None:
        """In backticks, alone or with its arguments."""
        assert name in {each for heading, _ in reference() for each in _NAME.findall(heading)}, module

    @pytest.mark.parametrize("cls", _CLASSES, ids=[cls.__name__ for cls in _CLASSES])
    def test_names_every_public_member_of_a_class_in_its_section(self, cls: type) -> None:
        """In backticks, anywhere under the heading that names the class."""
        assert set() == members(cls) - told_of(cls.__name__)

    @pytest.mark.parametrize(("builder", "places"), PLACES.items(), ids=list(PLACES))
    def test_names_every_keyword_of_a_builder_in_its_section(self, builder: str, places: Places) -> None:
        """In backticks, anywhere under the heading that names the builder."""
        assert set() == set(places) - told_of(builder)

    def test_names_every_option_of_the_plugin(self) -> None:
        """In backticks, with what it takes."""
        options = re.findall(r'"(--policy-cov-[\w-]+)"', Path(pytest_plugin.__file__).read_text(encoding="utf-8"))
        assert options
        assert set(options) == set(re.findall(r"`(--policy-cov-[\w-]+)[=`]", dict(reference())["Options"]))


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _requirements() -> str:
    return _table(
        ["code", "required", "after", "from"],
        [
            [
                f"`{rule.code}`",
                rule.requires.words(),
                ", ".join(f"`{code}`" for code in rule.after),
                rule.source if rule.source == "safety" else f'"{rule.source}"',
            ]
            for rule in ESCALATE_TO_VIDEO.rules
        ],
    )


def _remedies() -> str:
    return _table(
        ["code", "who", "step"],
        [
            [f"`{rule.code}`" if at == 0 else "", f"`{step.party.value}`", step.text]
            for rule in ESCALATE_TO_VIDEO.rules
            for at, step in enumerate(rule.remedy.steps if rule.remedy else ())
        ],
    )


def _agent_texts() -> str:
    return _table(
        ["code", "the agent reads"], [[f"`{rule.code}`", rule.agent_text] for rule in ESCALATE_TO_VIDEO.rules]
    )


class TestTheSixteenRules:
    """The page about `ESCALATE_TO_VIDEO` shows the policy that is shipped."""

    @pytest.mark.parametrize("table", [_requirements, _remedies, _agent_texts])
    def test_the_tables_are_those_of_the_policy(self, table: Callable[[], str]) -> None:
        """The rest of the page is written by hand."""
        text = (DOCS / "reference" / "escalate_to_video.md").read_text(encoding="utf-8")

        assert table() in text, f"the table is now:\n{table()}"

    def test_there_are_sixteen(self) -> None:
        """The number is in the texts of many pages."""
        assert 16 == len(ESCALATE_TO_VIDEO.rules)


class TestChangelog:
    """The changelog knows the version that is built."""

    def test_its_newest_version_is_that_of_the_project(self) -> None:
        """A change of one needs a change of the other."""
        newest = re.search(r"^## \[(\d.*)\] - \d{4}-\d\d-\d\d$", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)

        assert newest is not None
        assert newest[1] == __version__ == version("escalation_policy")


class TestTheHarness:
    """A snippet that is wrong fails, and the failure says where it stands."""

    @pytest.mark.parametrize(
        ("block", "message"),
        [
            (
                "```pycon\n>>> 1 + 1\n2\n>>> 1 + 1\n3\n```\n",
                r"page.md, line 5, (.|\n)*Expected:\n +3\n *Got:\n +2",
            ),
            ("```pycon\n1 + 1\n```\n", r"page.md: a pycon block starts with >>>"),
            ("```console\n$ echo a\na\n$ echo b\na\n```\n", r"page.md:5: \$ echo b"),
            ("```console\n$ (exit 3)\n$ echo $?\n0\n```\n", r"page.md:4: \$ echo \$\?"),
            ("```console\necho a\n```\n", r"page.md:3: a console block starts with a command"),
        ],
        ids=["pycon", "no session", "console", "exit status", "no command"],
    )
    def test_names_the_line(
        self, block: str, message: str, tmp_path: Path, namespace: dict[str, Any], environment: dict[str, str]
    ) -> None:
        """The line of the command or the example, counted in the page."""
        page = tmp_path / "page.md"
        page.write_text(f"# Page\n{block}", encoding="utf-8")

        with pytest.raises(AssertionError, match=message):
            run_page(page, namespace, environment)

    @pytest.mark.parametrize("block", ["x = 1\nx / 0\n", "def test_x():\n    1 / 0\n"], ids=["statement", "test"])
    def test_shows_the_line_of_a_python_block_that_raises(
        self, block: str, tmp_path: Path, namespace: dict[str, Any], environment: dict[str, str]
    ) -> None:
        """The traceback ends in the page."""
        page = tmp_path / "page.md"
        page.write_text(f"# Page\n\n```python\n{block}```\n", encoding="utf-8")

        with pytest.raises(ZeroDivisionError) as caught:
            run_page(page, namespace, environment)

        assert (str(page), 5) == (caught.traceback[-1].frame.code.raw.co_filename, caught.traceback[-1].lineno + 1)

    def test_takes_no_page_from_a_cache(self, tmp_path: Path) -> None:
        """Such as pytest's own, which has a README."""
        for name in ("page.md", "folder/page.md", ".cache/README.md", "folder/.cache/README.md"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()

        assert [tmp_path / "folder/page.md", tmp_path / "page.md"] == pages(tmp_path)

    def test_calls_a_parametrised_test_with_each_of_its_values(
        self, tmp_path: Path, namespace: dict[str, Any], environment: dict[str, str]
    ) -> None:
        """As pytest would."""
        page = tmp_path / "page.md"
        mark = '@pytest.mark.parametrize("x", [1, 2])'
        block = f"import pytest\ncalled = []\n{mark}\ndef test_x(x):\n    called.append(x)\n"
        page.write_text(f"```python\n{block}```\n", encoding="utf-8")

        run_page(page, namespace, environment)

        assert [1, 2] == namespace["called"]

    def test_refuses_json_that_is_none(
        self, tmp_path: Path, namespace: dict[str, Any], environment: dict[str, str]
    ) -> None:
        """Python's notation is no JSON."""
        page = tmp_path / "page.md"
        page.write_text("```json\n{'a': 1}\n```\n", encoding="utf-8")

        with pytest.raises(json.JSONDecodeError):
            run_page(page, namespace, environment)

    def test_blocks_of_a_page_share_one_namespace_in_order(
        self, tmp_path: Path, namespace: dict[str, Any], environment: dict[str, str]
    ) -> None:
        """Also blocks that are indented, as in a list."""
        page = tmp_path / "page.md"
        page.write_text("```python\nx = 1\n```\n\n- item:\n\n  ```pycon\n  >>> x\n  1\n  ```\n", encoding="utf-8")

        run_page(page, namespace, environment)


class TestAdministration:
    """The pages for administrators and support."""

    @pytest.mark.parametrize("page", pages(DOCS / "administration"), ids=name_of)
    def test_nobody_is_asked_to_write_python(self, page: Path) -> None:
        """Its readers click, and type commands."""
        assert {"console", "json", "sh"} >= set(languages(page))

    def test_each_sentence_of_the_agent_leads_to_a_cause(self) -> None:
        """Support looks up what the agent reads; a text that was changed has to be changed there."""
        page = (DOCS / "administration" / "explain-a-missing-button.md").read_text(encoding="utf-8")
        rows = [f"| {rule.agent_text} | `{rule.code}` |" for rule in ESCALATE_TO_VIDEO.rules]

        assert [] == [row for row in rows if row not in page]
        assert f"| {ESCALATE_TO_VIDEO.unchecked} |" in page
