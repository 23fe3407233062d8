"""Threads that a check can give up if the host's code is stuck in them."""

from .._threads import start_in_thread

__all__ = ["start_in_thread"]
