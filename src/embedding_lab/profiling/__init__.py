"""A function comes in and is run a few times; out comes what it costs, as a table and in TensorBoard's tabs."""

from __future__ import annotations

from embedding_lab.profiling.costs import Cost
from embedding_lab.profiling.report import TraceReport
from embedding_lab.profiling.steps import TracedSteps, traced_steps
from embedding_lab.profiling.trace import trace

__all__ = ["Cost", "TraceReport", "TracedSteps", "trace", "traced_steps"]
