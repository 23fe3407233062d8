"""Check the types of the Python snippets of the pages about calls: `python tests/typing/snippets.py`.

A reader copies the snippets of a page into a module of their own. So the snippets of each page are written into one module,
and checked there by mypy in strict mode and by pyright. Sessions (`pycon`) are not copied.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
#: The pages about calls.
PAGES: Final = [
    "how-to/call-with-ringcentral-video.md",
    "how-to/create-the-call.md",
    "how-to/keep-calls-in-redis.md",
    "how-to/keep-calls-with-django.md",
    "how-to/keep-calls-with-sqlalchemy.md",
    "how-to/use-the-ringcentral-sdk.md",
    "how-to/write-a-video-provider.md",
    "reference/video.md",
]
#: Each is started in the folder of the modules, by the interpreter that has what the pages import.
CHECKERS: Final = [["mypy", "--strict", "."], ["pyright", "--pythonpath", sys.executable]]
_BLOCK: Final = re.compile(r"^( *)```python\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def write_snippets(folder: Path) -> None:
    """Write the snippets of each page into one module."""
    for page in PAGES:
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        module = folder / f"{Path(page).stem.replace('-', '_')}.py"
        module.write_text("\n\n".join(block[2] for block in _BLOCK.finditer(text)), encoding="utf-8")


def main() -> int:
    """Run all checkers. Return 1 if one of them has found an error."""
    with tempfile.TemporaryDirectory() as folder:
        write_snippets(Path(folder))
        # mypy finds the library by a variable, pyright by a file.
        source = str(ROOT / "src")
        (Path(folder) / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [source]}), encoding="utf-8")
        environment = {**os.environ, "MYPYPATH": source}
        statuses = [
            subprocess.run([sys.executable, "-m", *checker], cwd=folder, env=environment, check=False).returncode
            for checker in CHECKERS
        ]
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main())
