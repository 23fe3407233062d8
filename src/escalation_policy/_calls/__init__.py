"""Calls and ledger entries: the values that video providers and call ledgers exchange with this library."""
