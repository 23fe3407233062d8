"""The migrations of the table of calls."""
