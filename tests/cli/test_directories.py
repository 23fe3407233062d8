"""A directory is read strictly, from one file or from a folder. If it is invalid, one line says what is wrong and where."""

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
from escalation_policy.cli._directories import _files_in, read_directory
from escalation_policy.cli._output import UnusableInputError
from escalation_policy.cli._progress import ProgressBar

EXAMPLE = Path(__file__).parents[2] / "docs/examples/directory"
Data = dict[str, Any]
WriteDirectory = Callable[[object], str]


def read(path: str | Path) -> Directory:
    """Read a directory."""
    return read_directory(str(path), ProgressBar())


def refusal(path: str | Path) -> str:
    """Return the message about an invalid directory, without its name."""
    with pytest.raises(UnusableInputError) as caught:
        read(path)
    before, _, message = str(caught.value).partition(": ")
    assert str(path) == before
    return message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the example folder for changes."""
    folder = tmp_path / "directory"
    folder.mkdir()
    for file in EXAMPLE.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def change(file: Path, **fields: object) -> None:
    """Change fields of the object in a file."""
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | fields), "utf-8")


def records(file: Path) -> list[dict[str, Any]]:
    """Return the records of the page in a file."""
    data: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["records"]
    return data


class TestReading:
    """`read_directory()`, if the directory is valid."""

    def test_reads_a_folder(self) -> None:
        """Roles, the agents of both pages, channels, and their data of RingCentral are read."""
        directory = read(EXAMPLE)
        assert "664287016" == directory.domain.ringcentral_account_id
        assert ["Video agent", "Agent", "Supervisor"] == [role.label for role in directory.roles]
        assert 8 == len(directory.agents)
        assert ChannelKind.TWITTER is directory.channels[1].kind
        video = [agent.ringcentral.video for agent in directory.agents if agent.ringcentral]
        assert VideoAccess.DENIED is video[2]
        assert VideoAccess.UNKNOWN is video[5]

    def test_reads_one_file(self, directory: Data, write_directory: WriteDirectory) -> None:
        """Its keys are the names of a folder's files."""
        assert read(EXAMPLE) == read(write_directory(directory))

    def test_kinds_name_the_types_of_the_domain(
        self, directory: Data, write_directory: WriteDirectory, folder: Path
    ) -> None:
        """They are a key of the one file, or a file of the folder."""
        directory["sources"]["records"][0]["type"] = "acme_portal"
        change(folder / "sources.json", records=directory["sources"]["records"])
        assert ChannelKind.UNKNOWN is read(folder).channels[0].kind
        kinds = {"acme_portal": "channel_sdk"}
        (folder / "kinds.json").write_text(json.dumps(kinds), "utf-8")
        for path in (folder, write_directory(directory | {"kinds": kinds})):
            assert ChannelKind.CHANNEL_SDK is read(path).channels[0].kind

    def test_a_list_can_be_one_page_several_pages_or_only_records(
        self, directory: Data, write_directory: WriteDirectory
    ) -> None:
        """A list of records counts as complete."""
        expected = read(EXAMPLE)
        directory["roles"] = [directory["roles"]]
        directory["users"] = [user for page in directory["users"] for user in page["records"]]
        directory["ringcentral"] = {"count": 5, "offset": 0, "records": directory["ringcentral"]}
        assert expected == read(write_directory(directory))

    def test_a_file_of_a_folder_can_be_several_pages_or_only_records(self, folder: Path) -> None:
        """Each key of the one file can be so too."""
        users = [json.loads((folder / f"users-{number}.json").read_text("utf-8")) for number in (1, 2)]
        (folder / "users-2.json").unlink()
        (folder / "users-1.json").write_text(json.dumps(users), "utf-8")
        (folder / "roles.json").write_text(json.dumps(records(folder / "roles.json")), "utf-8")
        assert read(EXAMPLE) == read(folder)

    @pytest.mark.parametrize(
        "data", [{}, {"ringcentral": None}, {"ringcentral": []}], ids=["left out", "null", "empty"]
    )
    def test_data_of_ringcentral_is_optional(
        self, data: Data, directory: Data, write_directory: WriteDirectory
    ) -> None:
        """Without it, accounts and video access are unknown."""
        del directory["ringcentral"]
        users = [agent.ringcentral for agent in read(write_directory(directory | data)).agents if agent.ringcentral]
        assert {(None, VideoAccess.UNKNOWN)} == {(user.account_id, user.video) for user in users}

    def test_extension_ids_can_be_numbers(self, directory: Data, write_directory: WriteDirectory) -> None:
        """RingCentral and Engage may both write numbers."""
        directory["ringcentral"][0]["extension_id"] = 664307016
        directory["users"][0]["records"][0]["rc_user_id"] = 664307016
        directory["domain"]["ringcentral_account_id"] = 664287016
        directory["ringcentral"][0]["account_id"] = 664287016
        assert read(EXAMPLE) == read(write_directory(directory))

    def test_standard_input_is_read_as_one_file(self, directory: Data) -> None:
        """Its path is `-`."""
        process = subprocess.run(
            [sys.executable, "-m", "escalation_policy", "audit", "-"],
            input=json.dumps(directory),
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert process.stdout.startswith("Audit of acme by escalate_to_video, version 1\n")
        assert "" == process.stderr

    def test_names_files_that_are_not_read(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Notes and reports can be in the same folder, but an export in another format is not left out in silence."""
        (folder / "ringcentral.csv").write_text("", "utf-8")
        (folder / ".hidden").write_text("", "utf-8")
        assert read(EXAMPLE) == read(folder)
        note = f"escalation-policy: {folder}: not read, as only .json files are: ringcentral.csv"
        assert f"{note}\n" == capsys.readouterr().err
        for number in range(6):
            (folder / f"note-{number}.txt").write_text("", "utf-8")
        read(folder)
        assert capsys.readouterr().err.endswith("note-4.txt and 2 more\n")


class TestRefusal:
    """The messages about invalid directories."""

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
    def test_rejects_unknown_json_files(self, name: str, hint: str, folder: Path) -> None:
        """The message lists the accepted names."""
        (folder / name).write_text("{}", "utf-8")
        assert refusal(folder) == (
            f"a folder has an unknown file{hint}: "
            "it needs domain.json, roles*.json, users*.json, sources*.json and can have ringcentral*.json, kinds.json"
        )

    @pytest.mark.parametrize("name", ["domain", "roles", "sources"])
    def test_rejects_a_folder_without_a_required_file(self, name: str, folder: Path) -> None:
        """Only the data of RingCentral is optional."""
        (folder / f"{name}.json").unlink()
        pattern = "domain.json" if name == "domain" else f"{name}*.json"
        assert refusal(folder).startswith(f"a folder lacks {pattern}: it needs domain.json, roles*.json, ")

    def test_rejects_unknown_keys(self, directory: Data, write_directory: WriteDirectory) -> None:
        """The message lists the accepted keys."""
        directory["channels"] = directory.pop("sources")
        assert refusal(write_directory(directory)) == (
            "a directory has an unknown key: it needs domain, roles, users, sources and can have ringcentral, kinds"
        )

    def test_reports_all_files_that_cannot_be_read(self, folder: Path) -> None:
        """Each has its name."""
        (folder / "roles.json").write_text("{", "utf-8")
        (folder / "users-2.json").write_bytes(b'"\xff"')
        assert refusal(folder) == (
            "roles.json: must be JSON, got an error in line 1, column 2\n  "
            "users-2.json: must be UTF-8, got another byte at 1"
        )

    def test_reports_invalid_records_of_all_files(self, folder: Path) -> None:
        """One message has the faults of all lists, with their files and places."""
        users = records(folder / "users-2.json")
        users[0]["role_id"], users[1]["enabled"] = "none", "yes"
        change(folder / "users-2.json", records=users)
        sources = records(folder / "sources.json")
        sources[3]["id"] = None
        (folder / "sources.json").write_text(json.dumps([{"count": 4, "offset": 0, "records": sources}]), "utf-8")
        data = json.loads((folder / "ringcentral.json").read_text("utf-8"))
        data[1]["video"] = "yes"
        data[2]["extension_id"] = "~"
        data[3]["extension_id"] = data[0]["extension_id"]
        (folder / "ringcentral.json").write_text(json.dumps(data), "utf-8")
        assert refusal(folder).split("\n  ") == [
            "ringcentral.json[1].video must be one of granted, denied, unknown, got a str",
            "ringcentral.json[2].extension_id must be 1 to 20 ASCII digits, got a str",
        ]
        (folder / "ringcentral.json").unlink()
        assert [str(fault) for record in read(folder).unreadable for fault in record.faults] == [
            *(
                f"users-2.json.records[{at}].{must}"
                for at, must in [
                    (0, "role_id names none of the roles"),
                    (1, "enabled must be true or false, got a str"),
                ]
            ),
            "sources.json[0].records[3].id must be an id: a non-blank str or an int, got None",
        ]

    def test_rejects_contradictory_data_of_ringcentral(self, folder: Path) -> None:
        """Otherwise the answer that allows more might win."""
        data = json.loads((folder / "ringcentral.json").read_text("utf-8"))
        data[3]["extension_id"] = data[0]["extension_id"]
        data[0]["video"] = "denied"
        (folder / "ringcentral.json").write_text(json.dumps(data), "utf-8")
        assert refusal(folder) == (
            "ringcentral.json[3] differs from ringcentral.json[0], which has the same extension id"
        )

    def test_reports_missing_pages(self, folder: Path) -> None:
        """An incomplete audit would be wrong."""
        (folder / "users-2.json").unlink()
        assert refusal(folder) == "users lacks records 5 to 7: pass every page"

    def test_reports_contradictory_pages(self, folder: Path) -> None:
        """The message has both file names."""
        change(folder / "users-2.json", count=9)
        assert refusal(folder) == "users-2.json.count is 9, but users-1.json.count is 8: read all pages again"

    def test_rejects_a_list_of_records_beside_pages(self, folder: Path) -> None:
        """The list cannot be complete then."""
        (folder / "users-2.json").write_text(json.dumps(records(folder / "users-2.json")), "utf-8")
        assert refusal(folder) == (
            "users-2.json must be a page with count and offset, as there are others, got a list of records"
        )

    def test_paths_in_one_file_begin_with_its_keys(self, directory: Data, write_directory: WriteDirectory) -> None:
        """They follow the structure of the file."""
        directory["users"][1]["records"][2]["id"] = ""
        directory["roles"] = directory["roles"]["records"]
        directory["roles"][1]["label"] = 7
        directory["sources"]["count"] = "4"
        directory["ringcentral"] = {"count": 1, "offset": 0, "records": ["664307016"]}
        assert refusal(write_directory(directory)).split("\n  ") == [
            "ringcentral.records[0] must be a mapping, got a str",
            "sources.count must be a number from 0 to 2**63 - 1, got a str",
        ]
        directory["sources"]["count"] = 4
        del directory["ringcentral"]
        faults = [str(fault) for record in read(write_directory(directory)).unreadable for fault in record.faults]
        assert "roles[1].label must be a non-blank str, got an int" in faults
        assert "users[1].records[2].id must be an id: a non-blank str or an int, got an empty str" in faults

    @pytest.mark.parametrize("name", ["users[99]", "ada@example.com"], ids=["place", "address"])
    def test_messages_do_not_show_names_of_unknown_fields(
        self, name: str, directory: Data, write_directory: WriteDirectory
    ) -> None:
        """They can be any text."""
        directory["roles"]["records"][0][name] = "yes"
        directory["ringcentral"][0][name] = "yes"
        message = refusal(write_directory(directory))
        assert "ringcentral[0] has an unknown key: it needs extension_id and can have account_id, video" in message
        assert name not in message
        del directory["ringcentral"]
        ((record),) = read(write_directory(directory)).unreadable
        assert ["roles.records[0] has a field of an unknown name that is no flag, but a str: it was left out"] == [
            str(fault) for fault in record.faults
        ]

    def test_reports_an_invalid_domain(self, folder: Path) -> None:
        """It is read first."""
        change(folder / "domain.json", ringcentral_account_id=True)
        assert refusal(folder) == "domain.ringcentral_account_id must be a non-empty str or None, got a bool"

    def test_counts_the_same_faults(self, folder: Path) -> None:
        """They differ only in the record."""
        data: list[object] = [{"extension_id": str(number), "video": True} for number in range(180)]
        data += [{"extension_id": "x"}, {"extension_id": "1", "vidio": True}, {"extension_id": "2", "vidio": True}]
        (folder / "ringcentral.json").write_text(json.dumps(data), "utf-8")
        words = "has an unknown key: it needs extension_id and can have account_id, video"
        assert refusal(folder).split("\n  ") == [
            "180 records of ringcentral.json: video must be one of granted, denied, unknown, got a bool",
            "ringcentral.json[180].extension_id must be 1 to 20 ASCII digits, got a str",
            f"2 records of ringcentral.json: {words.replace('key:', 'key (did you mean video?):')}",
        ]

    def test_reports_at_most_twenty_files(self, folder: Path) -> None:
        """The end of the message is the number of the others."""
        for number in range(30):
            (folder / f"users-{number}.json").write_text("{", "utf-8")
        message = refusal(folder)
        assert 20 == message.count("must be JSON")
        assert message.endswith("\n  and 10 more")

    def test_reports_a_missing_path(self, tmp_path: Path) -> None:
        """The message is that of the system."""
        assert refusal(tmp_path / "none") == "no such file or directory"

    def test_reports_a_name_that_no_file_can_have(self) -> None:
        """Python raises before it asks the system."""
        assert refusal("a\0b") == "no file can have this name"

    def test_reports_a_folder_without_read_permission(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The error is simulated, because the user who runs the tests may be allowed to read every folder."""

        def refuse(_: Path) -> Iterator[Path]:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "iterdir", refuse)
        assert refusal(tmp_path) == "permission denied"

    @pytest.mark.skipif(sys.platform == "win32", reason="names of Unix")
    def test_reports_a_folder_among_the_files(self, folder: Path) -> None:
        """Its name is that of a page."""
        (folder / "users-3.json").mkdir()
        assert refusal(folder) == "users-3.json: is a directory"


def test_standard_input_is_no_folder() -> None:
    """It is one file."""
    assert _files_in("-") is None
