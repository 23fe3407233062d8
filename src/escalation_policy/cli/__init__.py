"""The command line: decide cases, show their calls, print the policy, audit setups, read logs. It needs the extra `cli`."""

from ._commands import main

__all__ = ["main"]
