"""Look at a computation: Graph, and what shows it."""

from .record import Graph
from .steps import Applied, Contribution, ModuleCall, Seed, Step, Update, Value
from .tracing import graph, trace

__all__ = [
    "Applied",
    "Contribution",
    "Graph",
    "ModuleCall",
    "Seed",
    "Step",
    "Update",
    "Value",
    "graph",
    "trace",
]
