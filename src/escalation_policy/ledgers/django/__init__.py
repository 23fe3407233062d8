"""A call ledger in PostgreSQL or SQLite through Django, and the Django app that has its table. It needs the extra `django`."""

from ._ledger import DjangoCallLedger

__all__ = ["DjangoCallLedger"]
