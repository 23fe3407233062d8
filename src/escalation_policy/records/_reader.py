"""The reader: all facts that a policy reads, read at once."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from .._compiler import _Chain
from .._paths import Path


def compile_reader(paths: Iterable[Path]) -> Callable[[Any], list[Any]]:
    """Makes a function that reads these facts of a request, each attribute once; None stands for whatever is missing."""
    chain = _Chain((), Counter())
    values = ", ".join([chain._way(path.hops) for path in paths])
    source = "\n    ".join(["def read(request):", *chain.lines, f"return [{values}]"])
    scope: dict[str, Any] = dict(chain.constants)
    # INVARIANT: as for a policy, only names of attributes that attrs classes declare get into the source.
    exec(compile(source, "<compiled reader>", "exec"), scope)  # noqa: S102
    read: Callable[[Any], list[Any]] = scope["read"]
    return read
