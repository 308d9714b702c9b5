"""Checks of the Graphs tab: graphs without a node, and such that TensorBoard cannot draw."""

from __future__ import annotations

from collections.abc import Iterator

from embedding_lab.board.checks.finding import Finding
from embedding_lab.board.checks.logdir import LogDir

MOST_NODES = 50_000


def check_graphs(logdir: LogDir) -> Iterator[Finding]:
    """Graphs that the tab lists but does not show."""
    for run in logdir.runs:
        for scan in run.scans:
            for graph in scan.graphs:
                what = {"graph": "The run's graph", "trace": f"The traced graph {graph.tag!r}"}.get(
                    graph.kind, f"The Keras graph {graph.tag!r}"
                )
                if graph.problem:
                    yield Finding(
                        "graph-unreadable",
                        "error",
                        "Graphs",
                        f"{what} cannot be drawn; the tab shows an error in its place.",
                        run=run.name,
                        file=scan.path,
                        got=graph.problem,
                        remedy="Write it again with today's versions of the framework and TensorBoard.",
                    )
                elif graph.nodes == 0:
                    yield Finding(
                        "graph-empty",
                        "error",
                        "Graphs",
                        f"{what} has no node, so the tab stays empty.",
                        run=run.name,
                        file=scan.path,
                        rule="a model knows its input shape, or was called, before its graph is written",
                        remedy="Begin the model with keras.Input(shape), or trace a function's first call.",
                    )
                elif graph.nodes > MOST_NODES:
                    yield Finding(
                        "graph-large",
                        "note",
                        "Graphs",
                        f"{what} is so large that the page may take minutes to draw it.",
                        run=run.name,
                        file=scan.path,
                        got=f"{graph.nodes:,} nodes",
                    )


def check_no_graph(logdir: LogDir) -> Iterator[Finding]:
    """Runs of Keras or TensorFlow 1 whose graph is nowhere: the model was not built when it was to be written."""
    if any(scan.graphs for run in logdir.runs for scan in run.scans):
        return
    for run in logdir.runs:
        if any(name.startswith("epoch_") for name in run.tags):
            yield Finding(
                "graph-missing",
                "note",
                "Graphs",
                "Keras wrote this run, but no graph: the tab is empty.",
                run=run.name,
                rule="Keras writes a graph where write_graph is on and the model knows its input shape",
                remedy="Begin the model with keras.Input(shape), or record one with embedding_lab.trace.",
            )
            return
