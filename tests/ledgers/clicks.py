"""A process that clicks in a database until it is killed: `clicks.py ledger|provider sqlalchemy|django FOLDER DATABASE LOG`.

FOLDER is that of the server's socket. The process prints `c` and holds: in the middle of the update that claims the call, or
when the provider has created it.
"""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar, final

from escalation_policy.typing import CallLedger
from escalation_policy.video import LedgerEntry, escalate
from video.clicks import AT, Log, Provider, print_step, request_of

T = TypeVar("T")


def ledger_of(kind: str, folder: str, database: str) -> CallLedger:
    """Return a ledger in a database of the server."""
    if kind == "django":
        import django  # noqa: PLC0415
        from django.conf import settings  # noqa: PLC0415

        from escalation_policy.ledgers.django import DjangoCallLedger  # noqa: PLC0415

        settings.configure(**django_settings(folder, database))
        django.setup()
        return DjangoCallLedger()
    import sqlalchemy  # noqa: PLC0415

    from escalation_policy.ledgers.sqlalchemy import SQLAlchemyCallLedger  # noqa: PLC0415

    return SQLAlchemyCallLedger(sqlalchemy.create_engine(f"postgresql+psycopg://postgres@/{database}?host={folder}"))


def django_settings(folder: str, database: str) -> dict[str, object]:
    """Return Django's settings for a database of the server."""
    default = {"ENGINE": "django.db.backends.postgresql", "HOST": folder, "USER": "postgres", "NAME": database}
    return {"DATABASES": {"default": default}, "INSTALLED_APPS": ["escalation_policy.ledgers.django"]}


@final
class Holding(CallLedger):
    """A ledger that never ends its first update."""

    def __init__(self, inner: CallLedger) -> None:
        self._inner: Final = inner

    def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Hold in the transaction."""

        def hold(entry: LedgerEntry) -> tuple[LedgerEntry, T]:
            print_step("c")
            sys.stdin.read()
            return change(entry)

        return self._inner.update(entry_id, hold, now=now)


def main(where: str, kind: str, folder: str, database: str, log: str) -> None:
    """Click once."""
    ledger = ledger_of(kind, folder, database)
    provider = Provider(Log(Path(log)), hold=True)
    escalate(request_of(1), provider=provider, ledger=Holding(ledger) if where == "ledger" else ledger, now=AT)


if __name__ == "__main__":
    main(*sys.argv[1:])
