"""The tables of messages and cases."""
