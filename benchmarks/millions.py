"""What each step takes from millions of samples to their map in the dashboard: processor time, memory, bytes.

    python benchmarks/millions.py [ROWS ...] [--sample 60000] [--dims 2] [--folder DIR] [--results FILE]
    python benchmarks/millions.py --model [--results FILE]

Samples are made of MNIST's as they are asked for (made_pictures.py); a network of 64 units, trained on MNIST, gives
their vectors. Each step is a process of its own that uses one thread, compiled code warm, and begins with none of
the run's files in memory. A step that is done is written down at once, and not done again while the run is there.
Bytes are those that went from and to the disk.

`--model` fits the cost of each step to the sizes 70,000 and 1,000,000, prints what that foretells of the others
beside what was measured, and what it foretells of sizes that nobody has measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SIZES = (70_000, 1_000_000, 2_000_000)
LAYER, STEP = "embed_layer", 0
STEPS = ("extract", "index", "map", "page")
FIRST, PART = 1 << 14, 1 << 20
"""Places that the page asks for at first, and then at a time."""

RESULTS = Path(__file__).parent / "results" / "millions.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", type=int)
    parser.add_argument("--sample", type=int, default=60_000)
    parser.add_argument("--dims", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where runs are made, and stay; a temporary one when left out")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--model", action="store_true", help="fit and foretell from the results that are there")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one_step(asked.one[0], Path(asked.one[1]), asked.rows[0], asked.sample, asked.dims)))
        return
    if asked.model:
        from cost_model import told

        print(told([json.loads(line) for line in asked.results.read_text().splitlines()]))
        return
    asked.results.parent.mkdir(exist_ok=True)
    for rows in asked.rows or SIZES:
        with tempfile.TemporaryDirectory() as aside:
            run = (asked.folder or Path(aside)) / str(rows) / "made"
            for step in STEPS:
                if (run / f"{step}.done").exists():
                    continue
                own = [str(rows), "--sample", str(asked.sample), "--dims", str(asked.dims)]
                found = alone([*own, "--one", step, str(run)])
                with asked.results.open("a") as file:
                    file.write(json.dumps(found) + "\n")
                (run / f"{step}.done").touch()
                print(json.dumps(found), flush=True)


def alone(arguments: list[str]) -> dict[str, Any]:
    """A step in a process of its own that uses one thread."""
    one = {f"{each}_NUM_THREADS": "1" for each in ("OMP", "OPENBLAS", "MKL", "TF")} | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, *arguments]
    heard = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | one).stdout
    return dict(json.loads(heard.splitlines()[-1]))


def one_step(step: str, run: Path, rows: int, sample: int, dims: int) -> dict[str, Any]:
    """The step itself."""
    forget(run)
    before = disk_bytes()
    with Watched() as watched:
        found = {"extract": extract, "index": index, "map": make_map, "page": page}[step](
            run, rows, watched, sample, dims
        )
    read, written = (after - begin for after, begin in zip(disk_bytes(), before, strict=True))
    stages = {name: {"seconds": round(s, 2), "own_mb": watched.peaks[name]} for name, s in watched.seconds.items()}
    return {
        "rows": rows,
        "step": step,
        "sample": sample,
        "dims": dims,
        "seconds": round(sum(watched.seconds.values()), 2),
        "clock_seconds": round(watched.clock, 1),
        "own_mb": max(watched.peaks.values()),
        "with_mapped_mb": memory("VmHWM"),
        "read_mb": read >> 20,
        "written_mb": written >> 20,
        "stages": stages,
        **found,
    }


def extract(run: Path, rows: int, watched: Watched, sample: int, dims: int) -> dict[str, Any]:
    """Vectors of pictures that are made on the way, with what the network said of them."""
    from made_pictures import MadePictures

    import embedding_lab as lab
    from embedding_lab.frameworks.keras import import_keras_on_tensorflow

    mnist = lab.load_dataset("mnist", split="all")
    keras = import_keras_on_tensorflow()
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(64, activation="relu", name=LAYER),
            layers.Dense(10, activation="softmax", name="output"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(mnist.samples, mnist.labels, batch_size=128, epochs=2, verbose=0)
    lab.extract(model, mnist.samples[:5_000], [LAYER])
    watched.begin("name the samples")
    pictures = Timed(MadePictures(mnist.samples, mnist.labels, rows))
    labels = pictures.within.labels()
    data = lab.as_dataset(pictures, name="made", labels=labels, class_names=[str(each) for each in range(10)])
    watched.begin("extract")
    lab.extract(model, data, [LAYER], out=run, step=STEP)
    watched.end()
    watched.seconds["extract"] -= pictures.seconds
    watched.seconds["make pictures"], watched.peaks["make pictures"] = pictures.seconds, 0
    return {"run_mb": size_mb(run)}


def index(run: Path, rows: int, watched: Watched, sample: int, dims: int) -> dict[str, Any]:
    """The index in files, also of few samples, which would do without."""
    import embedding_lab as lab
    from embedding_lab.app.kept_index import made_index

    watched.begin("open the run")
    each = lab.open_run(run).embeddings(LAYER, STEP, outputs=False)
    made = made_index(each, "euclidean", threads=1, progress=watched.stage)
    watched.end()
    asked = np.random.default_rng(0).integers(0, rows, 1_000)
    begun = time.process_time()
    made.neighbours_of(asked, 10)
    return {"recall": made.recall, "query_ms": round(time.process_time() - begun, 3), "run_mb": size_mb(run)}


def make_map(run: Path, rows: int, watched: Watched, sample: int, dims: int) -> dict[str, Any]:
    """A map of a sample, all others placed on it, and how far to trust it: as `embedding-lab project` does."""
    import embedding_lab as lab
    from embedding_lab.projection import measure_in_part, method_of

    def made(vectors: Any, size: int, progress: Callable[..., None]) -> np.ndarray:
        return method_of("tsne")(
            vectors,
            dims=dims,
            seed=0,
            metric="euclidean",
            neighbours=lambda k: None,
            forming=lambda *told: None,
            progress=progress,
            threads=1,
            sample=size,
        )

    few = np.random.default_rng(0).normal(size=(30_000, 64)).astype(np.float32)
    measure_in_part(few, made(few, 25_000, lambda *told: None), samples=100, threads=1)  # compiled code is made
    watched.begin("open the run")
    each = lab.open_run(run).embeddings(LAYER, STEP, outputs=False)
    watched.begin("choose samples")
    points = made(each.vectors, sample, watched.stage)
    watched.begin("measure trust")
    totals = measure_in_part(each.vectors, points, labels=each.dataset.labels, threads=1).totals
    watched.begin("keep the map")
    kept = lab.Projection(
        points, each.ids, "tsne", {"sample": sample}, 0, quality=totals, vectors=each.place.generation
    )
    lab.open_run(run).save_map(LAYER, STEP, f"tsne-{dims}d", kept)
    watched.end()
    return {"trust": {name: round(value, 4) for name, value in totals.items()}}


def page(run: Path, rows: int, watched: Watched, sample: int, dims: int) -> dict[str, Any]:
    """What the page asks for when it opens, and neighbours, of a server in this process."""
    from embedding_lab.app.plugin import dashboard_of
    from embedding_lab.board.dashboard.standalone import Standalone

    shown = f"tsne-{dims}d"
    where = {"run": run.name, "layer": LAYER, "step": STEP}
    took: dict[str, float] = {}

    def ask(url: str, stage: str, route: str, /, **more: Any) -> bytes:
        watched.begin(stage)
        begun = time.perf_counter()
        with urllib.request.urlopen(f"{url}{route}?{urllib.parse.urlencode({**where, **more})}") as answer:
            heard: bytes = answer.read()
        took[stage] = took.get(stage, 0.0) + time.perf_counter() - begun
        return heard

    sent = 0
    with Standalone(dashboard_of(run.parent), port=0) as board:
        watched.begin("overview")
        ask(board.url, "overview", "overview")
        ask(board.url, "columns", "columns", map=shown)
        for start in (0, *range(FIRST, rows, PART)):
            stage, count = ("first points", FIRST) if start == 0 else ("other points", PART)
            for route, more in (("order", {}), ("points", {"map": shown}), ("column", {"name": "label"})):
                part = {"from": start, "count": min(count, rows - start)}
                sent += len(ask(board.url, stage, route, **more, **part))
        asked = np.random.default_rng(0).integers(0, rows, 20)
        for row in asked:
            recall = json.loads(ask(board.url, "neighbours", "neighbours", row=row, k=10, map=f"tsne-{dims}d"))[
                "recall"
            ]
        watched.end()
    took["neighbours"] /= len(asked)
    return {
        "sent_mb": round(sent / 1e6, 1),
        "clock": {name: round(each, 3) for name, each in took.items()},
        "recall": recall,
    }


class Timed:
    """Pictures that say how much processor time it took to make them."""

    def __init__(self, within: Any) -> None:
        self.within, self.seconds = within, 0.0
        self.shape, self.dtype, self.ndim = within.shape, within.dtype, within.ndim

    def __len__(self) -> int:
        return len(self.within)

    def __getitem__(self, rows: Any) -> Any:
        begun = time.thread_time()
        made = self.within[rows]
        self.seconds += time.thread_time() - begun
        return made


class Watched:
    """Processor seconds of each stage, and the most memory of this process's own, looked at ten times a second."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peaks: dict[str, int] = {}
        self.clock = 0.0
        self._stage, self._since, self._begun = "", 0.0, 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def begin(self, stage: str) -> None:
        """A stage begins, and the one before it ends."""
        now = time.process_time()
        self._begun = self._begun or time.perf_counter()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        if stage:
            self.peaks[stage] = max(self.peaks.get(stage, 0), memory("RssAnon"))
        self._stage, self._since = stage, now

    def end(self) -> None:
        """The last stage ends."""
        self.begin("")
        self.clock = time.perf_counter() - self._begun

    def stage(self, stage: str, done: int, total: int | None, note: str = "", /) -> None:
        """The same, as progress tells it."""
        if stage != self._stage:
            self.begin(stage)

    def _look(self) -> None:
        while not self._end.wait(0.1):
            stage = self._stage
            if stage:
                self.peaks[stage] = max(self.peaks[stage], memory("RssAnon"))


def memory(line: str) -> int:
    """A line of this process's state as Linux tells it, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{line}:")[2].split()[0]) >> 10


def disk_bytes() -> tuple[int, int]:
    """What this process has read from the disk and written to it."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["read_bytes"]), int(lines["write_bytes"])


def forget(run: Path) -> None:
    """Takes a run's files out of memory, so that reading them is reading the disk."""
    for path in run.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def size_mb(run: Path) -> int:
    return sum(path.stat().st_size for path in run.rglob("*") if path.is_file()) >> 20


if __name__ == "__main__":
    main()
