"""Exact answers to questions about all requests, each with a real request as an example, and policies as SQL."""

from ._compare import Comparison, Difference, Relation, compare, find, implies
from ._examine import Examination, Finding, FindingKind, examine
from ._given import Outcome, Residual, given
from ._where import Column, Where, where

__all__ = [
    "Column",
    "Comparison",
    "Difference",
    "Examination",
    "Finding",
    "FindingKind",
    "Outcome",
    "Relation",
    "Residual",
    "Where",
    "compare",
    "examine",
    "find",
    "given",
    "implies",
    "where",
]
