"""What extraction costs past one process: the stream of one process beside shards on Ray, with one worker and two.

    python benchmarks/scale.py [--samples 60000 600000] [--json]

Each row is a process of its own: `dense16`, not trained, gives the vectors of MNIST's training samples, repeated as
often as needed, into a new run. Seconds are of the clock, from the call of `extract` until all is published; Ray is
connected before, its workers are not started yet. Processor seconds and peak memory are those of the process and
its children, looked at five times a second; a page that several of them share counts once (PSS).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil

import embedding_lab as lab
from embedding_lab.model import build

RESULT = Path(__file__).parent / "results" / "scale.json"
WORKERS = (0, 1, 2)
LAYERS = ("embed_layer", "output")
HEAD = "".join(f"{each:>12}" for each in ("samples", "workers", "seconds", "processor s", "peak MB", "written MB"))


@dataclass
class Row:
    """One way: workers is 0 for the process alone."""

    samples: int
    workers: int
    seconds: float
    processor_seconds: float
    peak_mb: float
    written_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, nargs="+", default=[60_000, 600_000])
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(asdict(measure(options.samples[0], options.one))))
        return
    try:
        import ray  # noqa: F401

        ways = WORKERS
    except ModuleNotFoundError:
        print('Without Ray: pip install "ray[data]" to measure it too.', file=sys.stderr)
        ways = WORKERS[:1]
    rows = []
    for samples in options.samples:
        for workers in ways:
            rows.append(alone(samples, workers))
            print(line(rows[-1]), file=sys.stderr, flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(json.dumps([asdict(row) for row in rows]) if options.json else "\n".join([HEAD, *map(line, rows)]))


def alone(samples: int, workers: int) -> Row:
    command = [sys.executable, __file__, "--samples", str(samples), "--one", str(workers)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return Row(**json.loads(printed.splitlines()[-1]))


def measure(samples: int, workers: int) -> Row:
    pictures = lab.load_dataset("mnist", split="train").samples
    data = lab.as_dataset(np.concatenate([pictures] * -(-samples // len(pictures)))[:samples], name="mnist")
    model = build("dense16", shape=(28, 28), classes=10)
    assert data.fingerprint
    if workers:
        import ray

        ray.init(
            num_cpus=workers,
            object_store_memory=max(200_000_000, 2 * data.samples.nbytes),
            include_dashboard=False,
            log_to_driver=False,
        )
    with tempfile.TemporaryDirectory() as folder, Watched() as watched:
        begun = time.perf_counter()
        lab.extract(model, data, LAYERS, out=folder, step=0, engine="ray" if workers else "local")
        seconds = time.perf_counter() - begun
        written = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return Row(samples, workers, seconds, watched.processor_seconds, watched.peak / 1e6, written / 1e6)


class Watched:
    """Looks at this process and its children until it is closed."""

    def __init__(self) -> None:
        self.peak = 0
        self.processor_seconds = 0.0
        self._seen: dict[int, float] = {}
        self._before = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watched:
        self._look()
        self._before = sum(self._seen.values())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._look()
        self.processor_seconds = sum(self._seen.values()) - self._before

    def _watch(self) -> None:
        while not self._end.wait(0.2):
            self._look()

    def _look(self) -> None:
        me = psutil.Process()
        held = 0
        for process in [me, *me.children(recursive=True)]:
            try:
                held += process.memory_full_info().pss
                times = process.cpu_times()
                self._seen[process.pid] = times.user + times.system
            except psutil.Error:
                continue  # it has just ended
        self.peak = max(self.peak, held)


def line(row: Row) -> str:
    return (
        f"{row.samples:>12,}{row.workers or 'none':>12}{row.seconds:>12.2f}{row.processor_seconds:>12.2f}"
        f"{row.peak_mb:>12,.0f}{row.written_mb:>12,.1f}"
    )


if __name__ == "__main__":
    main()
