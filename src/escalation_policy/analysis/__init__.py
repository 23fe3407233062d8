"""Exact answers to questions about all requests."""

from ._given import Outcome, Residual, given

__all__ = ["Outcome", "Residual", "given"]
