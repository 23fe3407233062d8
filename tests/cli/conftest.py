"""What several tests of the command line start from: the example directory, as one file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "docs/examples/directory"


@pytest.fixture
def directory() -> dict[str, Any]:
    """Gives the example directory: eight agents, of whom two are ready."""
    said: dict[str, Any] = {path.stem: json.loads(path.read_text("utf-8")) for path in EXAMPLE.glob("*.json")}
    return said | {"users": [said.pop("users-1"), said.pop("users-2")]}


@pytest.fixture
def write_directory(tmp_path: Path) -> Callable[[object], str]:
    """Gives a function that writes a directory as one file."""

    def written(said: object) -> str:
        path = tmp_path / "directory.json"
        path.write_text(json.dumps(said), "utf-8")
        return str(path)

    return written


@pytest.fixture
def hostile(directory: dict[str, Any], write_directory: Callable[[object], str]) -> Callable[..., str]:
    """Gives a function that writes the directory with other words: the first role's id and label, its holder's e-mail."""

    def written(*, label: str = "Video agent", email: str = "ada@example.com", role_id: str | None = None) -> str:
        role = directory["roles"]["records"][0]
        role["label"] = label
        directory["users"][0]["records"][0]["email"] = email
        if role_id is not None:
            for page in directory["users"]:
                for user in page["records"]:
                    user["role_id"] = role_id if user["role_id"] == role["id"] else user["role_id"]
            role["id"] = role_id
        return write_directory(directory)

    return written
