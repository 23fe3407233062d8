"""`audit`: which agents of a domain are ready, and what makes the others ready."""

import argparse
from datetime import UTC, datetime

from ..administration import audit
from ._audits import AgentFilter, AuditResult, add_audit
from ._directories import read_directory
from ._imports import chosen_policy
from ._output import Output
from ._parser import YES
from ._progress import ProgressBar


def run_audit(arguments: argparse.Namespace, output: Output) -> int:
    """Audit a domain."""
    policy, agents = chosen_policy(arguments), AgentFilter(arguments.role, arguments.missing, arguments.not_ready)
    with ProgressBar() as progress:
        directory = read_directory(arguments.path, progress)
        result = AuditResult.of(audit(directory, policy=policy), progress, agents)
        progress.begin("Writing")
        if output.format == "html":
            from ._reports import add_page  # noqa: PLC0415  only this format needs it

            add_page(output, result, made_at=datetime.now(UTC))
        else:
            lists_agents = arguments.agents or agents != AgentFilter()
            add_audit(output, result, lists_agents=lists_agents, has_details=arguments.details)
    return YES
