"""The HTML of an audit is one page. It loads nothing else, runs only its own script, and can be read without it.

A headless Chromium tests the page, if there is one on the PATH.
"""

import json
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
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
from escalation_policy.cli._audits import AuditResult
from escalation_policy.cli._directories import read_directory
from escalation_policy.cli._output import Output
from escalation_policy.cli._progress import ProgressBar
from escalation_policy.cli._reports import add_page

EXAMPLE = str(Path(__file__).parents[2] / "docs/examples/directory")
Hostile = Callable[..., str]

#: A label that attacks the browser of an administrator.
HOSTILE = (
    "</td></table></script><img src='http://127.0.0.1:{port}/img' onerror=\"document.title='owned'\">"
    "<script>document.title='owned'</script><script src=http://127.0.0.1:{port}/script></script>"
    "<svg/onload=document.title='owned'><style>@import 'http://127.0.0.1:{port}/style'</style>"
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:{port}/refresh'>&lt;b&gt; $script \"'\x1b\u202e中"
)


def report(directory: str | Directory, *, reveal: bool = True) -> str:
    """Return the HTML of an audit of a directory, or of the directory in a file."""
    progress = ProgressBar()
    value = read_directory(directory, progress) if isinstance(directory, str) else directory
    output = Output("html", reveal=reveal)
    add_page(output, AuditResult.of(audit(value), progress), made_at=datetime(2026, 1, 31, 9, 30, tzinfo=UTC))
    return str(output)


class Outline(HTMLParser):
    """The elements of a page with their attributes, the rows of its tables, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.texts = ""
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Store an element. It may begin a row or a cell."""
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        """End a cell."""
        self._in_cell &= tag not in ("th", "td")

    def handle_data(self, data: str) -> None:
        """Add to the text, and to the current cell."""
        self.texts += data
        if self._in_cell:
            self.rows[-1][-1] += data


class TestPage:
    """The page as text."""

    def test_labels_add_no_element_and_no_attribute(self, hostile: Hostile) -> None:
        """The page has the same outline for every label, and shows it as text."""
        plain, attacked = Outline(report(EXAMPLE)), Outline(report(hostile(label=HOSTILE, email=HOSTILE)))
        # The value of an option is its label, as an attribute.
        assert plain.elements == [
            (tag, {"value": "Video agent"}) if str(attributes.get("value")).startswith("</td>") else (tag, attributes)
            for tag, attributes in attacked.elements
        ]
        text = HOSTILE.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
        assert [text, text] == next(row for row in attacked.rows if row[-1].endswith("d401"))[:2]

    def test_ids_add_no_element(self, directory: dict[str, Any], write_directory: Callable[[object], str]) -> None:
        """Not those of the domain (which the title names too), of an agent or of a channel."""
        directory["domain"]["id"] = directory["sources"]["records"][0]["id"] = HOSTILE
        directory["users"][0]["records"][0]["id"] = HOSTILE
        attacked = Outline(report(write_directory(directory)))
        assert Outline(report(EXAMPLE)).elements == attacked.elements
        assert 4 == attacked.texts.count("<img")

    def test_links_to_nothing(self) -> None:
        """No element has a URL, and the style loads nothing."""
        page = report(EXAMPLE)
        names = {name for _, attributes in Outline(page).elements for name in attributes}
        assert set() == names & {"src", "href", "srcset", "data", "action", "style", "background", "poster"}
        assert "http" not in page.replace("http-equiv", "")
        assert "url(" not in page
        assert "@import" not in page

    def test_allows_only_its_own_style_and_script(self) -> None:
        """The security policy names their hashes."""
        page = report(EXAMPLE)
        (style,), (script,) = (re.findall(f"<{name}>(.*?)</{name}>", page, re.DOTALL) for name in ("style", "script"))
        assert (
            "default-src 'none'; "
            f"script-src 'sha256-{hash_of(script)}'; style-src 'sha256-{hash_of(style)}'; "
            "base-uri 'none'; form-action 'none'"
        ) == unescape(re.findall('<meta http-equiv="Content-Security-Policy" content="(.*?)">', page)[0])

    def test_is_ascii(self, hostile: Hostile) -> None:
        """It means the same in every encoding."""
        assert report(hostile(label=HOSTILE)).isascii()

    def test_has_a_bar_for_each_action(self) -> None:
        """The bar shows the share of agents whom it makes ready. The number is there as text."""
        page = report(EXAMPLE)
        bars = re.findall(r'<svg viewBox="0 0 8 1".*?<rect width="(\d)"', page)
        assert ["2", "1", "1", "1", "1", "0", "0"] == bars
        assert "1 more agent is ready; 2 need it" == re.findall('<span class="number">(.*?)<', page)[0]
        assert "2 agents need several of these." in page

    def test_tables_have_captions_and_headings(self) -> None:
        """Screen readers need them."""
        elements = Outline(report(EXAMPLE)).elements
        assert 3 == [tag for tag, _ in elements].count("caption")
        assert {"col", "row"} == {attributes.get("scope") for tag, attributes in elements if tag == "th"}
        assert {"lang": "en"} == dict(elements)["html"]

    def test_names_the_time_of_the_audit(self) -> None:
        """In UTC, and only if it is an argument."""
        assert 'Made on <time datetime="2026-01-31T09:30Z">2026-01-31 at 09:30 UTC</time>.' in report(EXAMPLE)
        output = Output("html")
        add_page(output, AuditResult.of(audit(read_directory(EXAMPLE, ProgressBar())), ProgressBar()))
        assert "<time" not in str(output)

    def test_shows_a_thousand_agents_without_its_script(self) -> None:
        """All are in its data."""
        example = read_directory(EXAMPLE, ProgressBar())
        agents = [attrs.evolve(example.agents[0], id=f"u{number}") for number in range(1_001)]
        page = report(attrs.evolve(example, agents=agents))
        assert 1_000 == sum(row[-1].startswith("u") for row in Outline(page).rows)
        assert "1,000 of 1,001 agents shown." in page
        assert '"u1000"' in page

    def test_masks_addresses_by_default(self) -> None:
        """Their column is left out."""
        page = report(EXAMPLE, reveal=False)
        assert "@example.com" not in page
        assert ["Role", "Ready", "Missing", "Behind that", "Agent"] in Outline(page).rows


def hash_of(text: str) -> str:
    """Return the hash of a style or script, as the security policy writes it."""
    return b64encode(sha256(text.encode()).digest()).decode()


def with_script(page: str, script: str) -> str:
    """Return a page that allows and runs another script after its own."""
    allowed = page.replace("script-src ", f"script-src 'sha256-{hash_of(script)}' ", 1)
    return allowed.replace("</body>", f"<script>{script}</script></body>")


class Trap(BaseHTTPRequestHandler):
    """A handler that stores the path of every request."""

    def do_GET(self) -> None:
        """Store the path, and return an error."""
        self.server.paths.append(self.path)  # type: ignore[attr-defined]
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Write no log."""


@pytest.fixture(scope="module")
def trap() -> Iterator[HTTPServer]:
    """Return a server that should get no request."""
    with HTTPServer(("127.0.0.1", 0), Trap) as server:
        server.paths = []  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browse(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Return a function that opens a page in a browser and returns its DOM as HTML."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip(f"no {', '.join(names)} on the PATH")
    folder = tmp_path_factory.mktemp("browser")

    def browse(page: str, *flags: str) -> str:
        file = folder / "page.html"
        file.write_text(page, "utf-8")
        process = subprocess.run(
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
        return process.stdout

    return browse


def title_of(dom: str) -> str:
    """Return the title in a DOM."""
    return unescape(re.findall("<title>(.*?)</title>", dom, re.DOTALL)[0])


#: A script that sorts and filters, and writes its observations into the title.
DRIVER = """
const results = {title: document.title};
const rows = () => Array.from(document.querySelectorAll("#agents tbody tr"))
  .map(row => Array.from(row.cells).at(-1).textContent.slice(-2));
const form = document.querySelector("#agents form");
const [email, , ready, , , agent] = document.querySelectorAll("#agents thead button");
const fill = (name, value) => {
  form.elements[name].value = value;
  form.elements[name].dispatchEvent(new Event("input", {bubbles: true}));
  return [rows(), document.querySelector("#count").textContent];
};
results.start = rows();
email.click(); results.up = rows(); results.sorted = email.parentNode.getAttribute("aria-sort");
email.click(); results.down = rows(); results.reversed = email.parentNode.getAttribute("aria-sort");
ready.click(); results.stable = rows(); results.forgotten = email.parentNode.hasAttribute("aria-sort");
agent.click();
results.text = fill("text", "SUPERVISOR");
fill("text", "");
results.ready = fill("state", "yes");
results.code = fill("state", "extension_in_account");
results.both = fill("text", "donald");
fill("text", "");
results.unknown = fill("state", "?");
fill("state", ""); results.all = fill("text", "");
results.fetched = performance.getEntriesByType("resource").length;
results.foreign = document.querySelectorAll("img, #agents script, #agents style, td *").length;
results.paper = getComputedStyle(document.body).backgroundColor;
results.clipped = Array.from(document.querySelectorAll("tbody :is(th, td)"))
  .every(cell => getComputedStyle(cell).overflow === "hidden");
results.bars = Array.from(document.querySelectorAll("rect"), bar =>
  Math.round(8 * bar.getBoundingClientRect().width / bar.parentNode.getBoundingClientRect().width));
document.title = JSON.stringify(results);
form.requestSubmit();
"""


@pytest.fixture(scope="module")
def results(browse: Callable[..., str], trap: HTTPServer) -> Any:
    """Return the observations of the script in a page that is full of hostile labels."""
    example = read_directory(EXAMPLE, ProgressBar())
    role = attrs.evolve(example.roles[0], label=HOSTILE.replace("{port}", str(trap.server_port)))
    agents = [attrs.evolve(agent, role=role) if agent.role.id == role.id else agent for agent in example.agents]
    attacked = attrs.evolve(example, roles=[role, *example.roles[1:]], agents=agents)
    return json.loads(title_of(browse(with_script(report(attacked), DRIVER))))


class TestBrowser:
    """The page in a browser."""

    @pytest.mark.slow
    def test_the_trap_works(self, browse: Callable[..., str], trap: HTTPServer) -> None:
        """In a page without protection, the label runs and sends requests."""
        label = HOSTILE.replace("{port}", str(trap.server_port)).replace("refresh", "")  # which would lead away
        dom = browse(f"<!DOCTYPE html><title>Audit</title><table><tr><td>{label}")
        assert "owned" == title_of(dom)
        assert "/img" in trap.paths  # type: ignore[attr-defined]
        trap.paths.clear()  # type: ignore[attr-defined]

    def test_labels_do_not_run_and_load_nothing(self, results: Any, trap: HTTPServer) -> None:
        """They are only text."""
        assert "Audit of acme by escalate_to_video, version 1" == results["title"]
        assert (0, 0) == (results["foreign"], results["fetched"])
        assert [] == trap.paths  # type: ignore[attr-defined]

    def test_a_click_on_a_column_sorts_and_a_second_click_reverses(self, results: Any) -> None:
        """Equal rows keep their earlier order."""
        assert ["01", "02", "03", "04", "05", "06", "07", "08"] == results["start"]
        assert ["01", "03", "06", "07", "05", "02", "04", "08"] == results["up"]
        assert ["08", "04", "02", "05", "07", "06", "03", "01"] == results["down"]
        assert ["08", "04", "02", "05", "07", "03", "06", "01"] == results["stable"]
        assert ("ascending", "descending", False) == (results["sorted"], results["reversed"], results["forgotten"])

    def test_the_form_filters_by_text_and_by_missing_step(self, results: Any) -> None:
        """It shows how many rows are left."""
        assert [["06"], "1 of 1 agents found of 8 shown."] == results["text"]
        assert [["01", "06"], "2 of 2 agents found of 8 shown."] == results["ready"]
        assert [["03", "07"], "2 of 2 agents found of 8 shown."] == results["code"]
        assert [["07"], "1 of 1 agents found of 8 shown."] == results["both"]
        assert [["07"], "1 of 1 agents found of 8 shown."] == results["unknown"]
        assert [results["start"], "8 of 8 agents shown."] == results["all"]

    def test_its_style_applies(self, results: Any) -> None:
        """The length of a bar is its number, and the background is white."""
        assert [2, 1, 1, 1, 1, 0, 0] == results["bars"]
        assert "rgb(255, 255, 255)" == results["paper"]

    def test_cells_do_not_overlap(self, results: Any) -> None:
        """A letter can have hundreds of accents."""
        assert results["clipped"]

    def test_it_follows_dark_mode(self, browse: Callable[..., str]) -> None:
        """The background is dark then."""
        script = "document.title = getComputedStyle(document.body).backgroundColor"
        assert "rgb(13, 17, 23)" == title_of(browse(with_script(report(EXAMPLE), script), "--force-dark-mode"))

    @pytest.mark.slow
    def test_it_can_be_read_without_its_script(self, browse: Callable[..., str]) -> None:
        """All rows are shown, and the form and the buttons, which need the script, are not."""
        page = report(EXAMPLE)
        without = Outline(browse(page.replace("script-src 'sha256-", "script-src 'sha256-x")))
        assert Outline(page).rows == without.rows
        assert {"hidden": ""} == next(attributes for tag, attributes in without.elements if tag == "form")
        assert 1 == [tag for tag, _ in without.elements].count("button")
        scripted = Outline(browse(page))
        assert {} == next(attributes for tag, attributes in scripted.elements if tag == "form")
        assert 7 == [tag for tag, _ in scripted.elements].count("button")
