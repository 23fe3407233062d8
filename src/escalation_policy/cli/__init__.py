"""The command line: decides case files, prints the policy, audits the setup, reads logs. It needs the extra `cli`."""

from ._commands import main

__all__ = ["main"]
