"""The pages about engines run on the real ones: Dask, Spark, DuckDB and Arrow. `tox -e engines` runs them."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import test_docs

pytestmark = pytest.mark.filterwarnings("default")  # those of the engines are theirs


def has_java() -> bool:
    """Return whether Java is there. Without it, Spark does not start."""
    java = shutil.which("java")
    return java is not None and subprocess.run([java, "-version"], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("page", test_docs.ENGINES, ids=lambda page: page.stem)
def test_an_engine_does_what_its_page_shows(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions travel to other processes as those of a script do, which is called `__main__`."""
    if "spark" in page.stem and not has_java():
        pytest.skip("needs Java, for example the package default-jre-headless")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    test_docs.run_page(page, namespace, {})
