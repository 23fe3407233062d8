"""The table of calls as a Django model."""

from typing import final

from django.db import models


@final
class StoredEntry(models.Model):
    """An entry of the ledger. The fields are those of `Row`."""

    entry_id: "models.CharField[str, str]" = models.CharField(max_length=32, primary_key=True)
    entry: "models.TextField[str, str]" = models.TextField()
    first_lapse: "models.BigIntegerField[int, int]" = models.BigIntegerField(db_index=True)
    last_lapse: "models.BigIntegerField[int, int]" = models.BigIntegerField()

    class Meta:
        """The table has the name and the columns of `ledgers.sqlalchemy`, which may share it."""

        db_table = "escalation_policy_calls"
        verbose_name_plural = "stored entries"

    def __str__(self) -> str:
        return "an entry"  # neither its id nor its links
