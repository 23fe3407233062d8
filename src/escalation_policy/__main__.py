"""The entry point of the command line: `escalation-policy`, or `python -m escalation_policy`."""

import sys
from typing import NoReturn


def run() -> NoReturn:
    """Run one command and end the process: 0 allowed, 1 denied, 2 unusable input, 130 interrupted."""
    try:
        from .cli import main  # noqa: PLC0415  needs the extra

        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in ("rich", "shtab"):
            raise
        sys.stderr.write("escalation-policy: the command line needs the extra: pip install 'escalation_policy[cli]'\n")
        sys.exit(2)


if __name__ == "__main__":
    run()
