"""Serve the fakes beside a Python command: `python -m fakes -m uvicorn helpdesk.app:app`.

The command finds the fakes by environment variables, and ends them with itself.
"""

import os
import signal
import subprocess
import sys

from .serving import running, variables
from .world import World


def main() -> int:
    """Run the command, and return its status."""
    world = World()
    with running(world) as address:
        print(f"Fakes of Engage Digital and RingCentral: {address}", flush=True)  # noqa: T201  for a person
        environment = {**os.environ, **variables(world, address)}
        command = subprocess.Popen([sys.executable, *sys.argv[1:]], env=environment)  # noqa: S603  the user's own
        # Control-C reaches the command too, which ends by itself.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: command.terminate())
        return command.wait()


if __name__ == "__main__":
    sys.exit(main())
