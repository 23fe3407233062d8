"""The documentation site: `tox run -e docs` builds it.

GitHub shows the same pages. So the list of pages for the site's navigation is here, and not in a page.
"""

from importlib.metadata import version as installed_version
from typing import Any, Final

project = "escalation_policy"
author = "escalation_policy maintainers"
copyright = f"2026, {author}"  # noqa: A001  Sphinx reads this name
release = version = installed_version("escalation_policy")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
default_role = "code"  # docstrings use single backticks
html_theme = "furo"
html_title = f"escalation_policy {release}"
html_copy_source = False

myst_heading_anchors = 4  # GitHub makes anchors for headings too

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_use_ivar = True

#: The parts of the navigation, with the pages of each.
NAVIGATION: Final = {
    "Start": ["tutorial", "test-your-permission-logic", "set-up-a-domain"],
    "Administration": ["administration/*", "glossary"],
    "How to": ["how-to/*"],
    "Frameworks": ["guides/*"],
    "Explanation": ["explanation/*"],
    "Reference": ["reference/*", "api/index"],
    "Project": ["benchmarks", "contributing", "changelog"],
    "Examples": ["examples/backends/README", "examples/host_tests/README"],
}


def add_navigation(_app: Any, docname: str, source: list[str]) -> None:
    """Append the navigation to the index page, and leave out of it a table that a test compares."""
    if docname == "examples/host_tests/night":
        source[0] = f"---\norphan: true\n---\n{source[0]}"
    if docname == "index":
        for caption, pages in NAVIGATION.items():
            source[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {caption}\n\n{chr(10).join(pages)}\n```\n"


def setup(app: Any) -> None:
    """Connect the hook with Sphinx."""
    app.connect("source-read", add_navigation)
