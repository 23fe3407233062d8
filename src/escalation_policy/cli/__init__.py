"""The command line: decides cases, shows their calls, prints the policy, audits setups, reads logs. It needs the extra `cli`."""

from ._commands import main

__all__ = ["main"]
