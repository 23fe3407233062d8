"""A policy of another edition of its module, imported by a process of its own.

The process sends the policy back without functions, and each fact as names. So facts are read again from the classes of
this process, and of a function only the name and version count.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterable
from functools import reduce
from io import BytesIO
from pathlib import Path as FilePath
from typing import Any, BinaryIO, Final, final

import attrs

from .. import Policy
from .._engine.conditions import Condition
from .._engine.paths import Path, name_of
from .._engine.tests import Test
from .._engine.truth import Failure
from .._fields import with_article
from ..exceptions import InvalidPolicyError
from ._imports import import_policy
from ._output import UnusableInputError

_ARGUMENT: Final = "OLD"
#: What the module prints must not get into the answer.
_PROGRAM: Final = """
import os
from {module} import send
with os.fdopen(os.dup(1), "wb") as answers:
    os.dup2(2, 1)
    send(answers)
"""


def import_edition(name: str, folder: str, new: Policy[Any]) -> Policy[Any]:
    """Import a policy by module and attribute from a folder that comes first on the path.

    Args:
        name: The module and the attribute.
        folder: Where the other edition of the module is.
        new: The policy of this edition. Functions of the other edition are answered by its functions of the same name and
            version; those that it does not have raise.

    Raises:
        UnusableInputError: The module cannot be imported there, the attribute is not a policy, or the policy reads facts that
            the classes of this edition do not have.
    """
    if not FilePath(folder).is_dir():
        raise UnusableInputError("--old-from must name a folder")
    command = [sys.executable, "-c", _PROGRAM.format(module=__name__), folder, name]
    child = subprocess.run(command, stdout=subprocess.PIPE, check=False, env=_environment())  # noqa: S603
    try:
        kind, value = pickle.loads(child.stdout)  # noqa: S301  from the process that was started here
    except InvalidPolicyError as error:
        raise UnusableInputError(f"{_ARGUMENT} cannot be compared with this edition: {error}") from error
    except Exception as error:
        problem = (
            Failure.of_exception(error).error if child.stdout else f"the import ended with status {child.returncode}"
        )
        raise UnusableInputError(f"{_ARGUMENT} cannot be read from its folder: {problem}") from error
    if kind != "policy":
        raise UnusableInputError(str(value))
    return _with_functions(value, new)


def _environment() -> dict[str, str]:
    """Return an environment in which this package is found where this process found it."""
    root = str(FilePath(__file__).resolve().parents[2])
    others = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": os.pathsep.join([*([others] if others else []), root])}


def _with_functions(policy: Policy[Any], new: Policy[Any]) -> Policy[Any]:
    functions = {
        (test.name, test.version): test.operand for rule in new.rules for test in rule.requires.tests if test.opaque
    }

    def with_function(step: Any) -> Any:
        is_opaque = type(step) is Test and step.opaque
        return attrs.evolve(step, operand=functions.get((step.name, step.version), _missing)) if is_opaque else step

    return Policy(
        policy.id,
        [
            attrs.evolve(
                rule, requires=Condition(rule.requires.request_type, tuple(map(with_function, rule.requires.steps)))
            )
            for rule in policy.rules
        ],
        version=policy.version,
    )


def _missing(_: object) -> bool:
    raise NotImplementedError("this edition has no such function")


def _path(request_type: type, names: Iterable[tuple[str, type | None]], kind: Any) -> Path:
    """Read a fact from the classes of this process."""
    path = reduce(
        lambda path, hop: path.then(hop[0]) if hop[1] is None else path.into(hop[0], hop[1]), names, Path(request_type)
    )
    if path.kind != kind:
        raise InvalidPolicyError(
            f"{path} was {with_article(name_of(kind))} and is now {with_article(name_of(path.kind))}"
        )
    return path


@final
class _Pickler(pickle.Pickler):
    """Writes facts as names, and no functions."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is Path:
            names = tuple([(hop.name, hop.kind if hop.in_mapping else None) for hop in obj.hops])
            return _path, (obj.request_type, names, obj.kind)
        if type(obj) is Test and obj.opaque:
            return Test, (obj.kind, obj.paths, None, obj.name, obj.version, obj.negated)
        return NotImplemented


def send(answers: BinaryIO) -> None:
    """Import a policy and write it, or what is wrong: what the other process runs."""
    folder, name = sys.argv[1:]
    sys.path.insert(0, folder)
    try:
        answer: tuple[str, object] = "policy", import_policy(name, _ARGUMENT)
    except UnusableInputError as error:
        answer = "error", str(error)
    buffer = BytesIO()
    _Pickler(buffer).dump(answer)
    answers.write(buffer.getvalue())
