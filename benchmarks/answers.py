"""How long the dashboard's server takes to answer, over vectors that are mapped from disk, in ms.

    python benchmarks/answers.py [--rows 1000000] [--dims 64] [--runs 40] [--json]

The aim is 100 ms for exact neighbours at 1,000,000 × 64. The floor is the product of the matrix with a vector,
which any exact search must at least do. Answers are whole requests, in the order in which the page asks, neighbours
with those on the map compared. The first one also reads what later ones find in memory; median and 95th percentile
are of those after it. What the processor did for one of them, on all cores together, is the last column: it says
more on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from werkzeug.test import Client

from embedding_lab.board.dashboard.application import Dashboard
from embedding_lab.embeddings import Projection, as_dataset, create_run

RESULT = Path(__file__).parent / "results" / "answers.json"
BLOCK = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dims", type=int, default=64)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_run(Path(folder) / "run", options.rows, options.dims)
        result = measured(Path(folder), options.runs)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result) if options.json else table(result, options.rows, options.dims))


def write_run(path: Path, rows: int, dims: int) -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 20, rows)
    centres = 3 * random.normal(size=(20, dims))
    data = as_dataset(np.empty((rows, 0), np.float32), name="made", labels=labels)
    run = create_run(path)
    points = []
    with run.embedding_writer("made", data) as writer:
        for start in range(0, rows, BLOCK):
            some = labels[start : start + BLOCK]
            block = (centres[some] + random.normal(size=(len(some), dims))).astype(np.float32)
            points.append(block[:, :3])
            writer.append(block)
    run.save_map("made", None, "first-3d", Projection(np.concatenate(points), data.ids, "pca"))


def measured(logdir: Path, runs: int) -> dict[str, dict[str, float]]:
    dashboard = Dashboard(logdir)
    client = Client(dashboard)
    asked = {"run": "run", "layer": "made", "map": "first-3d"}
    found = dashboard.library.set("run", "made", None)
    vectors = np.asarray(dashboard.library.vectors(found))
    query = np.array(vectors[0])

    def ask(route: str, **more: Any) -> Callable[[int], object]:
        def once(number: int) -> object:
            answer = client.get(f"/{route}", query_string={**asked, "row": number, **more})
            assert answer.status_code == 200, answer.text
            return answer

        return once

    work: dict[str, Callable[[int], object]] = {
        "floor: matrix × vector": lambda number: vectors @ query,
        "overview": ask("overview"),
        "20,000 points": ask("points", count=20_000),
        "all points, up to 2^20": ask("points"),
        "10 neighbours, euclidean": ask("neighbours", k=10, metric="euclidean"),
        "10 neighbours, cosine": ask("neighbours", k=10, metric="cosine"),
        "filter over a column": ask("search", mode="filter", query="label == 3"),
    }
    return {name: timed(once, runs) for name, once in work.items()}


def timed(once: Callable[[int], object], runs: int) -> dict[str, float]:
    start = time.perf_counter()
    once(0)
    first = time.perf_counter() - start
    seconds, begun = [], time.process_time()
    for number in range(1, runs + 1):
        start = time.perf_counter()
        once(number)
        seconds.append(time.perf_counter() - start)
    worked = (time.process_time() - begun) / runs
    return {
        "first_ms": 1000 * first,
        "median_ms": 1000 * statistics.median(seconds),
        "percentile_95_ms": 1000 * float(np.percentile(seconds, 95)),
        "processor_ms": 1000 * worked,
    }


def table(result: dict[str, dict[str, float]], rows: int, dims: int) -> str:
    lines = [f"{f'answers at {rows:,} × {dims}, ms':<34}{'first':>9}{'median':>9}{'95 %':>9}{'processor':>11}"]
    for name, each in result.items():
        columns = (each["first_ms"], each["median_ms"], each["percentile_95_ms"])
        lines.append(f"{name:<34}" + "".join(f"{ms:>9.1f}" for ms in columns) + f"{each['processor_ms']:>11.1f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
