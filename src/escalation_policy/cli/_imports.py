"""Policies and requests of the host's, by module and attribute."""

import argparse
import sys
from importlib import import_module
from typing import Any, cast

from .. import ESCALATE_TO_VIDEO, EscalationRequest, Policy
from .._engine.truth import Failure
from .._fields import kind_of, with_article
from ._output import UnusableInputError


def chosen_policy(arguments: argparse.Namespace) -> Policy[EscalationRequest]:
    """Return the policy that `--policy` names, or the built-in one.

    Raises:
        UnusableInputError: It cannot be imported, or decides other requests than those of case files and directories.
    """
    if arguments.policy is None:
        return ESCALATE_TO_VIDEO
    policy = import_policy(arguments.policy)
    if policy.request_type is not EscalationRequest:
        raise UnusableInputError(
            f"--policy must decide EscalationRequest, got {with_article(policy.request_type.__name__)}"
        )
    return policy


def import_policy(name: str, argument: str = "--policy") -> Policy[Any]:
    """Import a policy by module and attribute. The module may be in the current folder.

    Raises:
        UnusableInputError: The module cannot be imported, or the attribute is not a policy.
    """
    value = import_value(name, argument)
    if type(value) is not Policy:
        raise UnusableInputError(f"{argument} must name a Policy, got {kind_of(value)}")
    policy: Policy[Any] = value
    return policy


def import_value(name: str, argument: str) -> Any:
    """Import anything by module and attribute. The module may be in the current folder.

    Raises:
        UnusableInputError: The module cannot be imported, or it has no such attribute.
    """
    module_name, _, path = name.partition(":")
    if not module_name or not path:
        raise UnusableInputError(f"{argument} must be MODULE:ATTRIBUTE")
    if "" not in sys.path:
        sys.path.insert(0, "")
    # A module can raise anything, and the text of its error can contain anything.
    try:
        value: Any = import_module(module_name)
    except (Exception, SystemExit) as error:
        is_missing = isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}.")
        problem = (
            "is neither in this folder nor installed"
            if is_missing
            else f"cannot be imported: {Failure.of_exception(error).error}"
        )
        raise UnusableInputError(f"{argument} names a module that {problem}") from error
    members = cast("dict[str, object]", vars(value))
    policies = ", ".join(name for name, member in members.items() if type(member) is Policy) or "none"
    try:
        for attribute in path.split("."):
            value = getattr(value, attribute)
    except Exception as error:
        raise UnusableInputError(f"{argument} names no attribute of its module; its policies: {policies}") from error
    return value
