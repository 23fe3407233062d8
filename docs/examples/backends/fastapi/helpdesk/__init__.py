"""A backend for agents of Engage Digital, with FastAPI."""

from .app import app

__all__ = ["app"]
