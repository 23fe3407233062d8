"""`escalation-policy who-can`.

After an intended change of texts, write the golden outputs again and review the changes:

    golden=tests/cli/golden_administration
    for format in text json; do
        escalation-policy who-can --format $format docs/examples/directory > $golden/who-can.$format
    done
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from escalation_policy.cli import main

EXAMPLE = str(Path(__file__).parents[2] / "docs/examples/directory")
GOLDEN = Path(__file__).parent / "golden_administration"
Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("name", ["text", "json"])
def test_each_format(name: str, capsys: Captured) -> None:
    """The exit status is 0, even if agents cannot escalate."""
    assert main(["who-can", "--format", name, EXAMPLE]) == 0
    assert (GOLDEN / f"who-can.{name}").read_text("utf-8") == capsys.readouterr().out


def test_a_login(capsys: Captured) -> None:
    """Of everybody who is logged in so."""
    assert main(["who-can", "--login", "saml", EXAMPLE]) == 0
    printed = capsys.readouterr().out
    assert "0 of 8 agents can, on 0 of 4 channels.\n" in printed
    assert "whats_app                 nobody  ringcentral_sso\n" in printed
    main(["who-can", "--login", "ringcentral_sso", "--format", "json", EXAMPLE])
    answer = json.loads(capsys.readouterr().out)
    assert answer["login"] == "ringcentral_sso"
    assert "ringcentral_sso" not in answer["at_the_click"]


def test_more_agents_than_a_line_holds(
    directory: dict[str, Any], write_directory: Callable[[object], str], capsys: Captured
) -> None:
    """The text counts them; the JSON document lists them all."""
    user = directory["users"][0]["records"][0]
    directory["users"] = [{**user, "id": str(number)} for number in range(1_007)]
    path = write_directory(directory)
    main(["who-can", path])
    assert "  1,007 agents  on 3 channels  0, 1, 2, 3, 4, and 1,002 more\n" in capsys.readouterr().out
    main(["who-can", "--format", "json", path])
    assert len(json.loads(capsys.readouterr().out)["classes"][0]["agents"]) == 1_007


def test_agents_that_cannot_be_read(
    directory: dict[str, Any], write_directory: Callable[[object], str], capsys: Captured
) -> None:
    """They are a class of their own, of which nobody knows the answer."""
    users = directory["users"][0]["records"]
    del users[2]["enabled"]
    path = write_directory(directory)
    main(["who-can", path])
    printed = capsys.readouterr().out
    assert "2 of 7 agents can" in printed
    assert f"  1 agent   unknown: the records cannot be read       {users[2]['id']}\n" in printed
    main(["who-can", "--format", "json", path])
    (unreadable,) = json.loads(capsys.readouterr().out)["unreadable"]
    assert (users[2]["id"], 1) == (unreadable["id"], len(unreadable["faults"]))


def test_a_domain_without_agents(
    directory: dict[str, Any], write_directory: Callable[[object], str], capsys: Captured
) -> None:
    """There is nobody to list."""
    directory["users"] = []
    assert main(["who-can", write_directory(directory)]) == 0
    assert capsys.readouterr().out.endswith("\n0 of 0 agents can, on 0 of 4 channels.\n")


def test_bad_input_is_reported_in_one_line(capsys: Captured) -> None:
    """The exit status is 2."""
    assert main(["who-can", "none"]) == 2
    assert capsys.readouterr() == ("", "escalation-policy: none: no such file or directory\n")
    with pytest.raises(SystemExit) as caught:
        main(["who-can", "--login", "passwort", EXAMPLE])
    assert caught.value.code == 2
    assert "argument --login: must be one of ringcentral_sso" in capsys.readouterr().err
