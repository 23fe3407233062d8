"""Questions about all requests, and about all rows of a database."""

from ._where import Column, Where, where

__all__ = ["Column", "Where", "where"]
