"""The package: its public names, and what a first import loads. import-linter checks the layers."""

import ast
import inspect
import subprocess
import sys
import typing
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

import escalation_policy
from escalation_policy import administration, analysis, engage, exceptions, records, testing, video

PACKAGE: Final = Path(escalation_policy.__file__).parent
PUBLIC_MODULES: Final = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.name != "__main__.py"
    and not any(part.startswith("_") and part != "__init__.py" for part in path.relative_to(PACKAGE).parts)
    # Of the Django app, only the package is for hosts. Django imports the rest.
    and (path.parent.name != "django" or path.name == "__init__.py")
    and path.parent.name != "migrations"
]
HAS_HTTPX: Final = find_spec("httpx") is not None
needs_httpx: Final = pytest.mark.skipif(not HAS_HTTPX, reason="needs httpx")

pytestmark = pytest.mark.once


def name_of(path: Path) -> str:
    """Return the name by which a module is imported."""
    return ".".join(("escalation_policy", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


class TestFace:
    """What the package shows."""

    @pytest.mark.parametrize(
        "module",
        [escalation_policy, administration, analysis, engage, exceptions, records, testing, video],
        ids=lambda module: module.__name__,
    )
    def test_lists_all_its_names_in_order(self, module: typing.Any) -> None:
        """Upper case first, as ruff sorts it, and nothing twice."""
        assert len(set(module.__all__)) == len(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)
        if module is not exceptions:
            path = Path(module.__file__)
            tree = ast.parse(path.read_text(encoding="utf-8"))
            imported = {
                alias.asname or alias.name
                for node in tree.body
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            }
            assert imported == set(module.__all__)

    def test_is_the_contract(self) -> None:
        """A name that goes, or comes, is noticed."""
        assert set(escalation_policy.__all__) == set(
            (
                "Agent Channel ChannelKind Domain Intervention InterventionState Login Message MessageAuthor Permission "
                "RingCentralUser Role VideoAccess EscalationRequest Facts Party Policy Remedy Rule Step Texts context "
                "fact predicate Decision Effect Evidence Reason ReasonStatus ESCALATE_TO_VIDEO exceptions"
            ).split()
        )

    @pytest.mark.parametrize("name", [name for name in escalation_policy.__all__ if name[0].isupper()])
    def test_has_hints_that_resolve_and_docstrings(self, name: str) -> None:
        """Frameworks read hints at run time; people read the rest."""
        value = getattr(escalation_policy, name)
        if inspect.isclass(value):
            assert inspect.getdoc(value)
            assert typing.get_type_hints(value) is not None
            for member, function in inspect.getmembers(value, inspect.isfunction):
                if not member.startswith("_"):
                    assert typing.get_type_hints(function)
                    assert inspect.getdoc(function)

    def test_signatures_show_the_types_of_fields(self) -> None:
        """Editors and the documentation show what a value takes."""
        parameters = inspect.signature(escalation_policy.Agent).parameters

        assert [str, str | None] == [parameters[name].annotation for name in ("id", "email")]

    def test_raises_its_own_errors_only(self) -> None:
        """They all come from one base, and say in their docstring what they are for."""
        errors = [getattr(exceptions, name) for name in exceptions.__all__ if name.endswith("Error")]
        assert all(issubclass(error, exceptions.EscalationPolicyError) for error in errors)
        assert all(inspect.getdoc(error) for error in errors)
        drawn = inspect.getdoc(exceptions) or ""
        assert all(error.__name__ in drawn for error in errors)


def modules_after(statement: str) -> set[str]:
    """List the modules that a fresh interpreter has loaded after a statement."""
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


class TestImport:
    """What a first import brings along."""

    LOADED: Final = modules_after("import escalation_policy")

    def test_is_light(self) -> None:
        """No extra, no test tool, no reader, no command line, nothing that opens sockets or parses."""
        unwanted = (
            "rich httpx pytest hypothesis escalation_policy.cli escalation_policy.engage escalation_policy.testing "
            "escalation_policy.administration escalation_policy.records escalation_policy.video escalation_policy.providers "
            "escalation_policy.analysis "
            "argparse json asyncio logging"
        )
        assert not set(unwanted.split()) & self.LOADED

    def test_of_the_readers_needs_no_extra(self) -> None:
        """They are part of the plain library."""
        assert not {"rich", "escalation_policy.cli"} & modules_after("import escalation_policy.engage")

    def test_of_administration_needs_no_extra(self) -> None:
        """It is part of the plain library too."""
        assert not {"rich", "escalation_policy.cli"} & modules_after("import escalation_policy.administration")

    def test_of_records_needs_no_extra(self) -> None:
        """Nor does it bring along what only tests of it use."""
        unwanted = {"rich", "escalation_policy.cli", "jsonschema", "structlog", "opentelemetry"}
        assert not unwanted & modules_after("import escalation_policy.records")

    @needs_httpx
    def test_of_a_provider_brings_along_only_what_it_needs(self) -> None:
        """What httpx brings along for a command line of its own is not counted."""
        loaded = modules_after("import escalation_policy.providers.ringcentral") - modules_after("import httpx")
        unwanted = {"hypothesis", "escalation_policy.cli", "escalation_policy.records", "escalation_policy.video"}
        assert not unwanted & loaded

    def test_of_a_provider_without_httpx_names_the_extra(self) -> None:
        """In one sentence, however it is imported."""
        code = (
            "import sys; sys.modules['httpx'] = None; from escalation_policy.providers.ringcentral import video_access"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.stderr.splitlines()[-1] == (
            "ImportError: escalation_policy.providers.ringcentral needs httpx: "
            "pip install 'escalation_policy[ringcentral]'"
        )

    def test_of_the_kit_for_tests_needs_no_extra(self) -> None:
        """Only the strategies and the pytest plugin do, which are imported by name."""
        assert not {"pytest", "hypothesis"} & modules_after("import escalation_policy.testing")

    def test_of_the_kit_for_tests_does_not_slow_down_pytest(self) -> None:
        """What only one check needs comes with that check."""
        assert not {"asyncio", "escalation_policy.video"} & modules_after("import escalation_policy.testing")

    @pytest.mark.parametrize("path", PUBLIC_MODULES, ids=name_of)
    def test_of_every_public_module_works_first(self, path: Path) -> None:
        """No module depends on another import before it: each is the first one of a fresh interpreter."""
        needs = {"providers": "httpx", "api": "httpx", "sqlalchemy": "sqlalchemy", "django": "django"}
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if all(find_spec(extra) for part, extra in needs.items() if part in parts):
            assert name_of(path) in modules_after(f"import {name_of(path)}")

    def test_marks_the_package_as_typed(self) -> None:
        """Type checkers look for this file."""
        assert (PACKAGE / "py.typed").exists()
