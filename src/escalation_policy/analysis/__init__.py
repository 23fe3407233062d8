"""Exact answers to questions about all requests."""
