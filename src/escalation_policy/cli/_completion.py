"""`completion`: a script that completes commands and options in a shell."""

import argparse

import shtab

from ._output import Output
from ._parser import YES, make_parser


def run_completion(arguments: argparse.Namespace, output: Output) -> int:
    """Print the script."""
    output.add_raw(shtab.complete(make_parser(), shell=arguments.shell))
    return YES
