"""Exact answers to questions about all requests, each with a real request as an example."""

from ._compare import Comparison, Difference, Relation, compare, find, implies
from ._examine import Examination, Finding, FindingKind, examine

__all__ = [
    "Comparison",
    "Difference",
    "Examination",
    "Finding",
    "FindingKind",
    "Relation",
    "compare",
    "examine",
    "find",
    "implies",
]
