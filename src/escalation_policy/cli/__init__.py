"""The command line: decides case files, and prints the policy. It needs the extra `cli`."""

from ._commands import main

__all__ = ["main"]
