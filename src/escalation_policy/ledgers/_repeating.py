"""When an update that a database has rolled back is repeated."""

from random import uniform
from typing import Final

#: Serialization failures and deadlocks. The database has rolled back the transaction, so nothing was stored.
_ROLLED_BACK: Final = frozenset({"40001", "40P01"})
#: How long to wait before each repetition, in seconds.
_PAUSES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


def pause_after(error: Exception, cause: object, attempt: int) -> float:
    """Return how long to wait before an update is repeated, in seconds.

    Args:
        error: The error of the update.
        cause: The driver's error, which has the SQLSTATE.
        attempt: The number of the attempt that has failed, from 0 on.

    Raises:
        Exception: The error, if the update may have been stored, would fail again, or was repeated often enough.
    """
    if getattr(cause, "sqlstate", None) not in _ROLLED_BACK or attempt >= len(_PAUSES):
        raise error
    # Two updates that fail because of each other must not meet again.
    return _PAUSES[attempt] * uniform(0.5, 1)  # noqa: S311  not a secret
