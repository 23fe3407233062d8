"""The example directory as one file, for tests of the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "docs/examples/directory"


@pytest.fixture
def directory() -> dict[str, Any]:
    """Return the data of the example directory: eight agents, two of them ready."""
    data: dict[str, Any] = {path.stem: json.loads(path.read_text("utf-8")) for path in EXAMPLE.glob("*.json")}
    return data | {"users": [data.pop("users-1"), data.pop("users-2")]}


@pytest.fixture
def write_directory(tmp_path: Path) -> Callable[[object], str]:
    """Return a function that writes a directory to a file and returns its path."""

    def write(data: object) -> str:
        path = tmp_path / "directory.json"
        path.write_text(json.dumps(data), "utf-8")
        return str(path)

    return write


@pytest.fixture
def hostile(directory: dict[str, Any], write_directory: Callable[[object], str]) -> Callable[..., str]:
    """Return a function that writes the directory with another id and label of the first role, and its holder's e-mail."""

    def write(*, label: str = "Video agent", email: str = "ada@example.com", role_id: str | None = None) -> str:
        role = directory["roles"]["records"][0]
        role["label"] = label
        directory["users"][0]["records"][0]["email"] = email
        if role_id is not None:
            for page in directory["users"]:
                for user in page["records"]:
                    user["role_id"] = role_id if user["role_id"] == role["id"] else user["role_id"]
            role["id"] = role_id
        return write_directory(directory)

    return write
