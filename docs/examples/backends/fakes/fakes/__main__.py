"""Serve the fakes beside a Python command: `python -m fakes -m uvicorn helpdesk.app:app`.

The command finds the fakes by environment variables, and ends them with itself.
"""

import signal
import subprocess
import sys

from .serving import environment, running
from .world import World


def main() -> int:
    """Run the command, and return its status."""
    if len(sys.argv) == 1:
        sys.exit(__doc__)
    world = World()
    with running(world) as address:
        print(f"Fakes of Engage Digital and RingCentral: {address}", flush=True)  # noqa: T201  for a person
        command = subprocess.Popen([sys.executable, *sys.argv[1:]], env=environment(world, address))  # noqa: S603
        # Control-C reaches the command too, which ends by itself.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda _signal, _frame: command.terminate())
        return command.wait()


if __name__ == "__main__":
    sys.exit(main())
