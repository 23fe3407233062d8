"""The command line: decides case files, prints the policy, lists and audits the setup. It needs the extra `cli`."""

from ._commands import main

__all__ = ["main"]
