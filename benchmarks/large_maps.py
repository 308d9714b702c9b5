"""Times maps of millions of rows, made of a sample on whose map all others are placed, with the memory they take.

    python benchmarks/large_maps.py [ROWS ...] [--sample 200000] [--dims 2] [--threads 1] [--json out.json]

Rows are made: MNIST's digits turned by up to 20 degrees, shifted by up to two pixels and mixed with another of
their class, along the first 64 principal components of MNIST; clusters where $EMBEDDING_LAB_DATA has no MNIST. They
lie in a file and are read as the map is made. Each number of rows (one, two and ten million if none is named) has a
process of its own; seconds of processor time, compiled code warm. The measures are of 1,000 rows, each against all
others, with their standard errors.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = 64
BLOCK = 2_000
SIZES = (1_000_000, 2_000_000, 10_000_000)


def digits() -> tuple[np.ndarray, np.ndarray] | None:
    folder = Path(os.environ.get("EMBEDDING_LAB_DATA", "")) / "mnist"
    if not folder.is_dir():
        return None

    def read(kind: str, header: int) -> np.ndarray:
        parts = [gzip.decompress((folder / f"{part}-{kind}.gz").read_bytes()) for part in ("train", "t10k")]
        return np.concatenate([np.frombuffer(part, np.uint8, offset=header) for part in parts])

    return read("images-idx3-ubyte", 16).reshape(-1, 784), read("labels-idx1-ubyte", 8)


def turned_and_shifted(angle: float, down: float, right: float) -> np.ndarray:
    """The 784 × 784 table that takes pictures, as rows, to turned and shifted ones; between pixels it is linear."""
    row, column = np.mgrid[:28, :28] - 13.5
    at = np.stack([np.cos(angle) * row - np.sin(angle) * column, np.sin(angle) * row + np.cos(angle) * column])
    at += np.array([13.5 - down, 13.5 - right])[:, None, None]
    table = np.zeros((784, 784), np.float32)
    whole = np.floor(at).astype(int)
    for i in (0, 1):
        for j in (0, 1):
            source = whole + np.array([i, j])[:, None, None]
            weight = np.prod(1 - np.abs(at - source), axis=0)
            inside = ((source >= 0) & (source < 28)).all(axis=0)
            table[(source[0] * 28 + source[1])[inside], np.flatnonzero(inside)] = weight[inside]
    return table


def write_rows(path: Path, rows: int) -> None:
    """Makes the rows, block by block."""
    from embedding_lab.projection.pca import fit_pca

    random = np.random.default_rng(0)
    vectors = np.lib.format.open_memmap(path, "w+", np.float32, (rows, COLUMNS))
    mnist = digits()
    if mnist is None:
        centres = random.normal(size=(500, COLUMNS)) * 3
        for start in range(0, rows, BLOCK):
            some = vectors[start : start + BLOCK]
            some[:] = centres[random.integers(0, 500, len(some))] + random.normal(size=some.shape)
        return
    pictures, labels = mnist[0].astype(np.float32), mnist[1]
    axes = fit_pca(pictures, COLUMNS)
    by_class, many = np.argsort(labels, kind="stable"), np.bincount(labels)
    begin = np.cumsum(many) - many
    for start in range(0, rows, BLOCK):
        some = vectors[start : start + BLOCK]
        one = random.integers(0, len(pictures), len(some))
        other = by_class[begin[labels[one]] + (random.uniform(size=len(some)) * many[labels[one]]).astype(int)]
        share = random.uniform(0.6, 1, (len(some), 1)).astype(np.float32)
        mixed = share * pictures[one] + (1 - share) * pictures[other]
        angle, shift = random.uniform(-0.35, 0.35), random.uniform(-2, 2, 2)
        some[:] = mixed @ (turned_and_shifted(angle, *shift) @ axes.components.T) - axes.mean @ axes.components.T


class Stages:
    """Processor seconds of each stage of the work, as progress tells them."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since, self._stage = time.process_time(), "begin"

    def __call__(self, stage: str, done: int, total: int | None, note: str = "", /) -> None:
        now = time.process_time()
        self.seconds[self._stage] = self.seconds.get(self._stage, 0) + now - self._since
        self._since, self._stage = now, stage


def one_size(path: Path, dims: int, sample: int, threads: int) -> dict[str, Any]:
    """The work itself, in a process of its own."""
    from embedding_lab.projection import measure_in_part
    from embedding_lab.projection.tsne_method import project

    def made(vectors: Any, size: int, stages: Stages) -> np.ndarray:
        return project(
            vectors,
            dims=dims,
            seed=0,
            metric="euclidean",
            neighbours=lambda k: None,
            forming=lambda *told: None,
            progress=stages,
            threads=threads,
            sample=size,
        )

    few = np.random.default_rng(0).normal(size=(30_000, COLUMNS)).astype(np.float32)
    measure_in_part(few, made(few, 25_000, Stages()), samples=100, threads=threads)  # loads or makes compiled code
    vectors = np.load(path, mmap_mode="r")
    before, stages = memory("VmRSS"), Stages()
    points = made(vectors, sample, stages)
    totals = measure_in_part(vectors, points, threads=threads, progress=stages).totals
    stages("end", 0, None)
    names = ("kept_10", "kept_30", "trustworthiness", "continuity", "rank_correlation")
    return {
        "rows": len(vectors),
        "sample": sample,
        "dims": dims,
        "seconds": {stage: round(seconds, 1) for stage, seconds in stages.seconds.items()},
        "in all": round(sum(stages.seconds.values())),
        "peak_mb": memory("VmHWM"),
        "before_mb": before,
        "file_mb": vectors.nbytes >> 20,
        "quality": {
            name: [round(totals[each], 4) for each in (name, f"{name}_error") if each in totals] for name in names
        },
    }


def memory(line: str) -> int:
    """A line of this process's state as Linux tells it, in MB. Pages of the file that are in memory count."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{line}:")[2].split()[0]) >> 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", type=int)
    parser.add_argument("--sample", type=int, default=200_000)
    parser.add_argument("--dims", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(one_size(Path(asked.child), asked.dims, asked.sample, asked.threads)))
        return
    found = []
    for rows in asked.rows or SIZES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vectors.npy"
            write_rows(path, rows)
            own = ["--sample", str(asked.sample), "--dims", str(asked.dims), "--threads", str(asked.threads)]
            environment = os.environ | {
                f"{each}_NUM_THREADS": str(asked.threads) for each in ("OMP", "OPENBLAS", "MKL")
            }
            command = [sys.executable, __file__, *own, "--child", str(path)]
            heard = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout
        found.append(json.loads(heard))
        print(json.dumps(found[-1], indent=1), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
