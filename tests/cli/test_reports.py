"""The report is one page that asks for nothing else, runs nothing but its own script, and can be read without that.

What a browser makes of it is tested in a headless Chromium, where there is one on the PATH.
"""

import json
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import attrs
import pytest

from escalation_policy.administration import Directory, audit
from escalation_policy.cli._directories import read_directory
from escalation_policy.cli._findings import Findings
from escalation_policy.cli._progress import Waiting
from escalation_policy.cli._reports import audit_as_html

EXAMPLE = str(Path(__file__).parents[2] / "docs/examples/directory")
Hostile = Callable[..., str]

#: What somebody could call a role who would like to have the administrator's browser.
HOSTILE = (
    "</td></table></script><img src='http://127.0.0.1:{port}/img' onerror=\"document.title='owned'\">"
    "<script>document.title='owned'</script><script src=http://127.0.0.1:{port}/script></script>"
    "<svg/onload=document.title='owned'><style>@import 'http://127.0.0.1:{port}/style'</style>"
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:{port}/refresh'>&lt;b&gt; $script \"'\x1b\u202e中"
)


def report(directory: str | Directory, *, reveal: bool = True) -> str:
    """Audits a directory, and lays the audit out."""
    waiting = Waiting()
    found = read_directory(directory, waiting) if isinstance(directory, str) else directory
    return audit_as_html(Findings.of(audit(found), waiting, reveal=reveal))


class Outline(HTMLParser):
    """What a page consists of: its elements with their attributes, and the rows of its tables as texts."""

    def __init__(self, page: str) -> None:
        """Reads the page."""
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.texts = ""
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes an element; cells begin anew."""
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        """Ends cells."""
        self._in_cell &= tag not in ("th", "td")

    def handle_data(self, data: str) -> None:
        """Adds to the text, and to the cell it stands in."""
        self.texts += data
        if self._in_cell:
            self.rows[-1][-1] += data


class TestPage:
    """`audit_as_html()`, as it is written."""

    def test_holds_no_element_and_no_attribute_that_labels_bring(self, hostile: Hostile) -> None:
        """Whatever they say, the page has the same outline."""
        plain, strange = Outline(report(EXAMPLE)), Outline(report(hostile(label=HOSTILE, email=HOSTILE)))
        assert plain.elements == strange.elements
        shown = HOSTILE.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
        assert [shown, shown] == next(row for row in strange.rows if row[0].endswith("d401"))[2:4]

    def test_hostile_ids_are_text_too(
        self, directory: dict[str, Any], write_directory: Callable[[object], str]
    ) -> None:
        """Of the domain, which the title names too, an agent and a channel."""
        directory["domain"]["id"] = directory["sources"]["records"][0]["id"] = HOSTILE
        directory["users"][0]["records"][0]["id"] = HOSTILE
        strange = Outline(report(write_directory(directory)))
        assert Outline(report(EXAMPLE)).elements == strange.elements
        assert 4 == strange.texts.count("<img")

    def test_refers_to_nothing(self) -> None:
        """No element names an address, and the page forbids to load any."""
        page = report(EXAMPLE)
        names = {name for _, attributes in Outline(page).elements for name in attributes}
        assert set() == names & {"src", "href", "srcset", "data", "action", "style", "background", "poster"}
        assert "http" not in page.replace("http-equiv", "")
        assert "url(" not in page
        assert "@import" not in page

    def test_allows_its_own_style_and_script_and_nothing_else(self) -> None:
        """By their hashes."""
        page = report(EXAMPLE)
        (style,), (script,) = (re.findall(f"<{name}>(.*?)</{name}>", page, re.DOTALL) for name in ("style", "script"))
        assert (
            "default-src 'none'; "
            f"script-src 'sha256-{hash_of(script)}'; style-src 'sha256-{hash_of(style)}'; "
            "base-uri 'none'; form-action 'none'"
        ) == unescape(re.findall('<meta http-equiv="Content-Security-Policy" content="(.*?)">', page)[0])

    def test_is_ascii(self, hostile: Hostile) -> None:
        """No program can take it for another encoding."""
        assert report(hostile(label=HOSTILE)).isascii()

    def test_has_a_bar_for_each_step_that_somebody_misses(self) -> None:
        """As long as there are agents, and filled as far as they miss it; the number is there as text."""
        page = report(EXAMPLE)
        bars = re.findall(r'<svg viewBox="0 0 8 1".*?<rect width="(\d)"', page)
        assert ["2", "1", "2", "2", "2", "2"] == bars
        assert ["1 of 8", *2 * ["2 of 8"], *2 * ["2 of 8 (1 not known)"]] == re.findall(
            '<span class="number">(.*?)<', page
        )
        assert "domain_linked" not in page

    def test_says_what_a_table_is_and_what_its_columns_are(self) -> None:
        """To whoever has it read aloud."""
        elements = Outline(report(EXAMPLE)).elements
        assert 2 == [tag for tag, _ in elements].count("caption")
        assert {"col", "row"} == {attributes.get("scope") for tag, attributes in elements if tag == "th"}
        assert {"lang": "en"} == dict(elements)["html"]

    def test_masks_what_is_not_revealed(self, hostile: Hostile) -> None:
        """The columns are not there."""
        page = report(hostile(label=HOSTILE), reveal=False)
        assert "owned" not in page
        assert "@example.com" not in page
        assert ["Agent", "Role", "Ready", "Missing", "Not known", "Behind that"] == Outline(page).rows[5]


def hash_of(text: str) -> str:
    """Gives the hash by which a page allows a text."""
    return b64encode(sha256(text.encode()).digest()).decode()


def driven(page: str, script: str) -> str:
    """Gives a copy of a page in which another script runs too, after its own."""
    allowed = page.replace("script-src ", f"script-src 'sha256-{hash_of(script)}' ", 1)
    return allowed.replace("</body>", f"<script>{script}</script></body>")


class Trap(BaseHTTPRequestHandler):
    """Notes what is asked for."""

    def do_GET(self) -> None:
        """Has nothing."""
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""


@pytest.fixture(scope="module")
def trap() -> Iterator[HTTPServer]:
    """Gives a server that nobody should ask."""
    with HTTPServer(("127.0.0.1", 0), Trap) as server:
        server.asked = []  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browse(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Gives a function that opens a page in a browser, and gives what has become of it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip(f"no {', '.join(names)} on the PATH")
    folder = tmp_path_factory.mktemp("browser")

    def browsed(page: str, *flags: str) -> str:
        file = folder / "page.html"
        file.write_text(page, "utf-8")
        done = subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
                *("--no-first-run", f"--user-data-dir={folder / 'profile'}", "--window-size=1280,900", *flags),
                *("--dump-dom", file.as_uri()),
            ],
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=True,
        )
        return done.stdout

    return browsed


def title_of(dom: str) -> str:
    """Gives the title that a page has in the end."""
    return unescape(re.findall("<title>(.*?)</title>", dom, re.DOTALL)[0])


#: Sorts and filters, and writes what it sees into the title.
DRIVER = """
const seen = {title: document.title};
const rows = () => Array.from(document.querySelectorAll("#agents tbody tr"))
  .filter(row => !row.hidden).map(row => row.cells[0].textContent.slice(-2));
const form = document.querySelector("#agents form");
const [agent, , email, , ready, missing] = document.querySelectorAll("#agents thead button");
const fill = (name, value) => {
  form.elements[name].value = value;
  form.elements[name].dispatchEvent(new Event("input", {bubbles: true}));
  return [rows(), form.querySelector("output").value];
};
seen.start = rows();
email.click(); seen.up = rows(); seen.sorted = email.parentNode.getAttribute("aria-sort");
email.click(); seen.down = rows(); seen.reversed = email.parentNode.getAttribute("aria-sort");
ready.click(); seen.stable = rows(); seen.forgotten = email.parentNode.hasAttribute("aria-sort");
agent.click();
seen.words = fill("words", "SUPERVISOR");
fill("words", "");
seen.ready = fill("wanted", "yes");
seen.code = fill("wanted", "extension_in_account");
seen.both = fill("words", "donald");
fill("words", "");
seen.unknown = fill("wanted", "?");
fill("wanted", ""); seen.all = fill("words", "");
seen.fetched = performance.getEntriesByType("resource").length;
seen.foreign = document.querySelectorAll("img, #agents script, #agents style, td *").length;
seen.paper = getComputedStyle(document.body).backgroundColor;
seen.clipped = Array.from(document.querySelectorAll("tbody :is(th, td)"))
  .every(cell => getComputedStyle(cell).overflow === "hidden");
seen.bars = Array.from(document.querySelectorAll("rect"), bar =>
  Math.round(8 * bar.getBoundingClientRect().width / bar.parentNode.getBoundingClientRect().width));
document.title = JSON.stringify(seen);
form.requestSubmit();
"""


@pytest.fixture(scope="module")
def seen(browse: Callable[..., str], trap: HTTPServer) -> Any:
    """Drives a page that is full of hostile labels, and gives what was seen."""
    found = read_directory(EXAMPLE, Waiting())
    role = attrs.evolve(found.roles[0], label=HOSTILE.replace("{port}", str(trap.server_port)))
    agents = [attrs.evolve(agent, role=role) if agent.role.id == role.id else agent for agent in found.agents]
    strange = attrs.evolve(found, roles=[role, *found.roles[1:]], agents=agents)
    return json.loads(title_of(browse(driven(report(strange), DRIVER))))


class TestBrowser:
    """The page in a browser."""

    def test_the_trap_works(self, browse: Callable[..., str], trap: HTTPServer) -> None:
        """A page that does not care is caught: labels run, and ask."""
        label = HOSTILE.replace("{port}", str(trap.server_port)).replace("refresh", "")  # which would lead away
        dom = browse(f"<!DOCTYPE html><title>Audit</title><table><tr><td>{label}")
        assert "owned" == title_of(dom)
        assert "/img" in trap.asked  # type: ignore[attr-defined]
        trap.asked.clear()  # type: ignore[attr-defined]

    def test_labels_do_not_run_and_ask_for_nothing(self, seen: Any, trap: HTTPServer) -> None:
        """They are text."""
        assert "Audit of acme by escalate_to_video, version 1" == seen["title"]
        assert (0, 0) == (seen["foreign"], seen["fetched"])
        assert [] == trap.asked  # type: ignore[attr-defined]

    def test_a_click_on_a_column_sorts_and_another_one_reverses(self, seen: Any) -> None:
        """What was sorted before stays in that order where it is equal."""
        assert ["01", "02", "03", "04", "05", "06", "07", "08"] == seen["start"]
        assert ["01", "03", "06", "07", "05", "02", "04", "08"] == seen["up"]
        assert ["08", "04", "02", "05", "07", "06", "03", "01"] == seen["down"]
        assert ["08", "04", "02", "05", "07", "03", "06", "01"] == seen["stable"]
        assert ("ascending", "descending", False) == (seen["sorted"], seen["reversed"], seen["forgotten"])

    def test_the_form_filters_by_words_and_by_what_is_missing(self, seen: Any) -> None:
        """And says how many are shown."""
        assert [["06"], "1 of 8 shown"] == seen["words"]
        assert [["01", "06"], "2 of 8 shown"] == seen["ready"]
        assert [["03", "07"], "2 of 8 shown"] == seen["code"]
        assert [["07"], "1 of 8 shown"] == seen["both"]
        assert [["07"], "1 of 8 shown"] == seen["unknown"]
        assert [seen["start"], "8 of 8 shown"] == seen["all"]

    def test_its_style_is_obeyed(self, seen: Any) -> None:
        """Bars are as long as their numbers, and paper is white by day."""
        assert [2, 1, 2, 2, 2, 2] == seen["bars"]
        assert "rgb(255, 255, 255)" == seen["paper"]

    def test_no_cell_draws_over_others(self, seen: Any) -> None:
        """A letter can bear hundreds of accents."""
        assert seen["clipped"]

    def test_it_is_dark_where_that_is_wanted(self, browse: Callable[..., str]) -> None:
        """As the system says."""
        script = "document.title = getComputedStyle(document.body).backgroundColor"
        assert "rgb(13, 17, 23)" == title_of(browse(driven(report(EXAMPLE), script), "--force-dark-mode"))

    def test_it_can_be_read_without_its_script(self, browse: Callable[..., str]) -> None:
        """All rows are there, and nothing that would not work."""
        page = report(EXAMPLE)
        without = Outline(browse(page.replace("script-src 'sha256-", "script-src 'sha256-x")))
        assert Outline(page).rows == without.rows
        assert {"hidden": ""} == next(attributes for tag, attributes in without.elements if tag == "form")
        assert "button" not in dict(without.elements)
        with_script = Outline(browse(page))
        assert {} == next(attributes for tag, attributes in with_script.elements if tag == "form")
        assert "button" in dict(with_script.elements)
