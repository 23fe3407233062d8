"""The command that fetches the lists of a domain from the Engage API."""
# pyright: basic

import importlib
import json
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from escalation_policy.cli import main

pytestmark = pytest.mark.skipif(not find_spec("httpx"), reason="needs httpx")

Run = Callable[..., tuple[int, str, str]]
LISTS: dict[str, list[Any]] = {
    "/1.0/roles": [{"id": "r1", "label": "Agent"}],
    "/1.0/users": [{"id": "u1", "enabled": True, "role_id": "r1"}, {"id": "u2"}],
    "/1.0/content_sources": [{"id": "s1", "type": "chat"}],
}


@pytest.fixture
def answers() -> dict[str, Any]:
    """Return what the API answers: records, or a status."""
    return dict(LISTS)


@pytest.fixture
def run(
    answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Return a function that runs the command, and returns its status and output."""
    import httpx  # noqa: PLC0415  not everybody has it

    importlib.import_module("escalation_policy.engage.api")  # with the real client

    def handle(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        answer = answers[request.url.path]
        if isinstance(answer, int):
            return httpx.Response(answer)
        start = int(request.url.params["offset"])
        page = answer[start : start + 150]
        return httpx.Response(200, json={"count": len(answer), "limit": 150, "offset": start, "records": page})

    class Client(httpx.Client):
        def __init__(self, **options: Any) -> None:
            super().__init__(transport=httpx.MockTransport(handle), **options)

    monkeypatch.setattr("httpx.Client", Client)
    monkeypatch.setenv("ENGAGE_TOKEN", "secret")

    def fetch(*options: str, domain: str = "acme") -> tuple[int, str, str]:
        status = main(["fetch", "--domain", domain, "--out", str(tmp_path / "acme"), *options])
        out, err = capsys.readouterr()
        return status, out, err

    return fetch


def test_writes_a_folder_that_audit_reads(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder holds the domain and every list."""
    status, output, errors = run("--ringcentral-account", "664287016")
    assert (status, errors) == (0, "")
    assert output.splitlines()[:5] == [
        *(f"{name}.json was written" for name in ("domain", "roles", "users", "sources")),
        "1 record cannot be read, or only in part; audit names them",
    ]
    domain = json.loads((tmp_path / "acme/domain.json").read_text("utf-8"))
    assert domain == {"id": "acme", "ringcentral_account_id": "664287016"}
    assert main(["audit", str(tmp_path / "acme")]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_goes_on_where_it_stopped(run: Run, answers: dict[str, Any], tmp_path: Path, status: int) -> None:
    """Finished files are kept, and a half file is never left."""
    answers["/1.0/users"] = status
    assert run()[0] == 2
    assert sorted(file.name for file in (tmp_path / "acme").iterdir()) == ["domain.json", "roles.json"]
    answers |= LISTS | {"/1.0/roles": 500}
    status, output, _ = run()
    assert status == 0
    assert "roles.json was there already, and was kept; remove it to fetch it again" in output


def test_fails_with_one_line(run: Run, answers: dict[str, Any]) -> None:
    """The line shows no token and no address."""
    answers["/1.0/roles"] = 401
    expected = "Engage answered 401 for the roles: the token is not valid; the developer gets a new one"
    assert run() == (2, "", f"escalation-policy: {expected}\n")


def test_needs_a_token(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands in the environment."""
    monkeypatch.setenv("ENGAGE_TOKEN", "")
    assert "set the environment variable ENGAGE_TOKEN" in run()[2]


def test_needs_httpx(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the extra."""
    monkeypatch.setitem(sys.modules, "httpx", None)
    assert run()[2] == "escalation-policy: fetch needs httpx: pip install 'escalation_policy[cli,ringcentral]'\n"


def test_sends_the_token_to_no_other_host(run: Run) -> None:
    """A name is no part of a URL."""
    assert "--domain must be the name of a domain" in run(domain="example.com/")[2]
    assert "client.base_url begins with http" in run("--url", "http://example.com")[2]
    assert "--url is no URL" in run("--url", "https://acme:port")[2]


def test_uses_no_folder_of_another_domain(run: Run, tmp_path: Path) -> None:
    """Its lists would be mixed."""
    run()
    assert "domain.json is of another domain or account" in run(domain="other")[2]
    (tmp_path / "acme/roles.json").write_text("{}", "utf-8")
    assert "roles.json was not written by fetch, or was changed" in run()[2]
    (tmp_path / "acme/roles.json").write_text("[{", "utf-8")
    assert "roles.json: must be JSON" in run()[2]


def test_needs_a_folder(run: Run, tmp_path: Path) -> None:
    """A file of that name is in the way."""
    (tmp_path / "acme").touch()
    assert run()[2].endswith("acme: file exists\n")


def test_keeps_every_page(run: Run, answers: dict[str, Any], tmp_path: Path) -> None:
    """And reads them again from the file. If every record can be read, nothing is said of those."""
    answers["/1.0/roles"] = [{"id": f"r{number}", "label": f"Role {number}"} for number in range(1, 301)]
    answers["/1.0/users"] = LISTS["/1.0/users"][:1]
    assert "cannot be read" not in run()[1]
    pages = json.loads((tmp_path / "acme/roles.json").read_text("utf-8"))
    assert [0, 150] == [page["offset"] for page in pages]
    status, output, _ = run()
    assert status == 0
    assert output.count("was there already") == 4
