"""A directory is read to the letter, from one file or from a folder, or refused in one line that says what is where."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from escalation_policy import ChannelKind, VideoAccess
from escalation_policy.administration import Directory
from escalation_policy.cli._directories import read_directory
from escalation_policy.cli._files import UnusableInputError
from escalation_policy.cli._progress import Waiting

EXAMPLE = Path(__file__).parents[2] / "docs/examples/directory"
Said = dict[str, Any]
WriteDirectory = Callable[[object], str]


def read(path: str | Path) -> Directory:
    """Reads a directory."""
    return read_directory(str(path), Waiting())


def refusal(path: str | Path) -> str:
    """Gives what is said of a directory that is refused, after its name."""
    with pytest.raises(UnusableInputError) as caught:
        read(path)
    before, _, message = str(caught.value).partition(": ")
    assert str(path) == before
    assert "\n" not in message
    return message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Gives a copy of the example, to be changed."""
    copied = tmp_path / "directory"
    copied.mkdir()
    for file in EXAMPLE.iterdir():
        (copied / file.name).write_bytes(file.read_bytes())
    return copied


def change(file: Path, **fields: object) -> None:
    """Changes fields of an object in a file."""
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | fields), "utf-8")


def records(file: Path) -> list[dict[str, Any]]:
    """Gives the records of a page."""
    found: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["records"]
    return found


class TestReading:
    """What is in the files is in the directory."""

    def test_a_folder_is_read_whole(self) -> None:
        """Roles, agents of both pages, channels, and what RingCentral says of them."""
        directory = read(EXAMPLE)
        assert "664287016" == directory.domain.ringcentral_account_id
        assert ["Video agent", "Agent", "Supervisor"] == [role.label for role in directory.roles]
        assert 8 == len(directory.agents)
        assert ChannelKind.TWITTER is directory.channels[1].kind
        told = [agent.ringcentral.video for agent in directory.agents if agent.ringcentral]
        assert VideoAccess.DENIED is told[2]
        assert VideoAccess.UNKNOWN is told[5]

    def test_one_file_is_as_good_as_a_folder(self, directory: Said, write_directory: WriteDirectory) -> None:
        """The same pages under the names of the files."""
        assert read(EXAMPLE) == read(write_directory(directory))

    def test_a_list_may_be_one_page_several_or_nothing_but_records(
        self, directory: Said, write_directory: WriteDirectory
    ) -> None:
        """Records alone are taken for all there are."""
        expected = read(EXAMPLE)
        directory["roles"] = [directory["roles"]]
        directory["users"] = [user for page in directory["users"] for user in page["records"]]
        directory["ringcentral"] = {"count": 5, "offset": 0, "records": directory["ringcentral"]}
        assert expected == read(write_directory(directory))

    def test_a_file_of_a_folder_may_hold_several_pages_or_nothing_but_records(self, folder: Path) -> None:
        """As a key of the one file may."""
        users = [json.loads((folder / f"users-{number}.json").read_text("utf-8")) for number in (1, 2)]
        (folder / "users-2.json").unlink()
        (folder / "users-1.json").write_text(json.dumps(users), "utf-8")
        (folder / "roles.json").write_text(json.dumps(records(folder / "roles.json")), "utf-8")
        assert read(EXAMPLE) == read(folder)

    @pytest.mark.parametrize(
        "said", [{}, {"ringcentral": None}, {"ringcentral": []}], ids=["left out", "null", "empty"]
    )
    def test_ringcentral_need_not_have_been_asked(
        self, said: Said, directory: Said, write_directory: WriteDirectory
    ) -> None:
        """Accounts and video access are unknown then."""
        del directory["ringcentral"]
        users = [agent.ringcentral for agent in read(write_directory(directory | said)).agents if agent.ringcentral]
        assert {(None, VideoAccess.UNKNOWN)} == {(user.account_id, user.video) for user in users}

    def test_ringcentral_may_write_extension_ids_as_numbers(
        self, directory: Said, write_directory: WriteDirectory
    ) -> None:
        """As the API may in users."""
        directory["ringcentral"][0]["extension_id"] = 664307016
        directory["users"][0]["records"][0]["rc_user_id"] = 664307016
        assert read(EXAMPLE) == read(write_directory(directory))

    def test_standard_input_is_read_as_one_file(self, directory: Said) -> None:
        """The path is a dash."""
        ended = subprocess.run(
            [sys.executable, "-m", "escalation_policy", "audit", "-"],
            input=json.dumps(directory),
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ended.stdout.startswith("Audit of acme by escalate_to_video, version 1\n\nReady: 2 of 8 agents.\n")
        assert "" == ended.stderr

    def test_what_is_no_json_file_does_not_matter(self, folder: Path) -> None:
        """Notes and reports may lie beside them."""
        (folder / "audit.html").write_text("<p>", "utf-8")
        assert read(EXAMPLE) == read(folder)


class TestRefusal:
    """What is wrong is told by file and place."""

    # Nothing that could have been meant is passed over.
    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("rolls.json", " (did you mean roles*.json?)"),
            ("domain-2.json", " (did you mean domain.json?)"),
            ("\x1b[31m.json", ""),
            ("ada@example.com.json", ""),
        ],
        ids=["slip", "second domain", "escape", "address"],
    )
    def test_a_folder_holds_nothing_else(self, name: str, hint: str, folder: Path) -> None:
        """Naming what it may hold."""
        (folder / name).write_text("{}", "utf-8")
        assert refusal(folder) == (
            f"a folder has a file of another name{hint}: "
            "it needs domain.json, roles*.json, users*.json, sources*.json and can have ringcentral*.json"
        )

    @pytest.mark.parametrize("name", ["domain", "roles", "sources"])
    def test_a_folder_holds_everything(self, name: str, folder: Path) -> None:
        """But what RingCentral says."""
        (folder / f"{name}.json").unlink()
        pattern = "domain.json" if name == "domain" else f"{name}*.json"
        assert refusal(folder).startswith(f"a folder lacks {pattern}: it needs domain.json, roles*.json, ")

    def test_a_file_has_no_other_keys(self, directory: Said, write_directory: WriteDirectory) -> None:
        """Naming those it takes."""
        directory["channels"] = directory.pop("sources")
        assert refusal(write_directory(directory)) == (
            "a directory has a key of another name: it needs domain, roles, users, sources and can have ringcentral"
        )

    def test_files_that_cannot_be_read_are_told_together(self, folder: Path) -> None:
        """Each by its name."""
        (folder / "roles.json").write_text("{", "utf-8")
        (folder / "users-2.json").write_bytes(b'"\xff"')
        assert refusal(folder) == (
            "roles.json: must be JSON, got an error in line 1, column 2; "
            "users-2.json: must be UTF-8, got another byte at 1"
        )

    def test_records_are_told_together_with_their_files(self, folder: Path) -> None:
        """Of all lists at once, RingCentral's included."""
        users = records(folder / "users-2.json")
        users[0]["role_id"], users[1]["enabled"] = "none", "yes"
        change(folder / "users-2.json", records=users)
        sources = records(folder / "sources.json")
        sources[3]["id"] = None
        (folder / "sources.json").write_text(json.dumps([{"count": 4, "offset": 0, "records": sources}]), "utf-8")
        told = json.loads((folder / "ringcentral.json").read_text("utf-8"))
        told[1]["video"] = "yes"
        told[2]["extension_id"] = "~"
        told[3]["extension_id"] = told[0]["extension_id"]
        (folder / "ringcentral.json").write_text(json.dumps(told), "utf-8")
        assert refusal(folder).split("; ") == [
            "ringcentral.json[1].video must be one of granted, denied, unknown, got a str",
            "ringcentral.json[2].extension_id must be 1 to 20 ASCII digits, got a str",
            *(
                f"users-2.json.records[{at}].{must}"
                for at, must in [
                    (0, "role_id names none of the roles"),
                    (1, "enabled must be true or false, got a str"),
                ]
            ),
            "sources.json[0].records[3].id must be an id: a non-blank str or an int, got None",
        ]

    def test_what_ringcentral_says_twice_must_agree(self, folder: Path) -> None:
        """Otherwise the better answer might win."""
        told = json.loads((folder / "ringcentral.json").read_text("utf-8"))
        told[3]["extension_id"] = told[0]["extension_id"]
        told[0]["video"] = "denied"
        (folder / "ringcentral.json").write_text(json.dumps(told), "utf-8")
        assert refusal(folder) == (
            "ringcentral.json[3] differs from ringcentral.json[0], which has the same extension id"
        )

    def test_pages_that_are_missing_are_told(self, folder: Path) -> None:
        """Nobody is ready by omission."""
        (folder / "users-2.json").unlink()
        assert refusal(folder) == "users lacks records 5 to 7: pass every page"

    def test_pages_that_contradict_each_other_are_told(self, folder: Path) -> None:
        """By both names."""
        change(folder / "users-2.json", count=9)
        assert refusal(folder) == "users-2.json.count is 9, but users-1.json.count is 8: read all pages again"

    def test_records_alone_are_no_page_among_others(self, folder: Path) -> None:
        """Whether they are all there are would be a guess."""
        (folder / "users-2.json").write_text(json.dumps(records(folder / "users-2.json")), "utf-8")
        assert refusal(folder) == (
            "users-2.json must be a page with count and offset, as there are others, got a list of records"
        )

    def test_places_in_one_file_are_told_by_key(self, directory: Said, write_directory: WriteDirectory) -> None:
        """As its pages are written."""
        directory["users"][1]["records"][2]["id"] = ""
        directory["roles"] = directory["roles"]["records"]
        directory["roles"][1]["label"] = 7
        directory["sources"]["count"] = "4"
        directory["ringcentral"] = {"count": 1, "offset": 0, "records": ["664307016"]}
        assert refusal(write_directory(directory)).split("; ") == [
            "ringcentral.records[0] must be a mapping, got a str",
            "roles[1].label must be a non-blank str, got an int",
            "users[1].records[2].id must be an id: a non-blank str or an int, got an empty str",
            "sources.count must be a number from 0 to 2**63 - 1, got a str",
        ]

    @pytest.mark.parametrize("name", ["users[99]", "ada@example.com"], ids=["place", "address"])
    def test_names_that_do_not_look_like_names_are_not_told(
        self, name: str, directory: Said, write_directory: WriteDirectory
    ) -> None:
        """A field can be called anything."""
        directory["roles"]["records"][0][name] = "yes"
        directory["ringcentral"][0][name] = "yes"
        told = refusal(write_directory(directory))
        assert "roles.records[0] has a flag of an unknown name, which must be true or false, got a str" in told
        assert "ringcentral[0] has a key of another name: it needs extension_id and can have account_id, video" in told
        assert name not in told

    def test_the_domain_is_told(self, folder: Path) -> None:
        """It is the first that is needed."""
        change(folder / "domain.json", ringcentral_account_id=664287016)
        assert refusal(folder) == "domain.ringcentral_account_id must be a non-empty str or None, got an int"

    def test_of_many_faults_twenty_are_told(self, folder: Path) -> None:
        """And how many more there are."""
        told = [{"extension_id": str(number), "video": "yes"} for number in range(30)]
        (folder / "ringcentral.json").write_text(json.dumps(told), "utf-8")
        message = refusal(folder)
        assert 20 == message.count("must be one of")
        assert message.endswith("; and 10 more")

    # What cannot be read is told as the system tells it.
    def test_a_missing_path_is_told(self, tmp_path: Path) -> None:
        """There is none."""
        assert refusal(tmp_path / "none") == "no such file or directory"

    def test_a_name_that_no_file_can_have_is_told(self) -> None:
        """The system is not even asked."""
        assert refusal("a\0b") == "no file has such a name"

    def test_a_folder_that_may_not_be_read_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever runs this may be allowed to read everything, so it is acted."""

        def refuse(_: Path) -> Iterator[Path]:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "iterdir", refuse)
        assert refusal(tmp_path) == "permission denied"

    @pytest.mark.skipif(sys.platform == "win32", reason="names of Unix")
    def test_a_folder_among_the_files_is_told(self, folder: Path) -> None:
        """It is no page."""
        (folder / "users-3.json").mkdir()
        assert refusal(folder) == "users-3.json: is a directory"
