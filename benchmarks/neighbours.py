"""Times our neighbours and faiss in turn on the same vectors, and counts how many true ones each finds.

    taskset -c 0 python benchmarks/neighbours.py [--rows 70000] [--turns 3] [--json out.json]
    taskset -c 0 python benchmarks/neighbours.py --million

Vectors: MNIST's first 50 principal components where $EMBEDDING_LAB_DATA has it, and clusters made here, a
fifth of them doubled. Seconds of processor time on one thread, the best of the turns, compiled code warm.

With --million only ours, once, of 1,000,000 × 64 vectors in a file, for the memory that takes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from embedding_lab.projection import neighbours
from embedding_lab.projection.pca import fit_pca


def mnist(rows: int) -> np.ndarray | None:
    folder = Path(os.environ.get("EMBEDDING_LAB_DATA", "")) / "mnist"
    if not folder.is_dir():
        return None
    parts = [gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes()) for part in ("train", "t10k")]
    pictures = np.concatenate([np.frombuffer(part, np.uint8, offset=16).reshape(-1, 784) for part in parts])
    return fit_pca(pictures[:rows] / np.float32(255), 50).points


def clusters(rows: int) -> np.ndarray:
    random = np.random.default_rng(0)
    single = rows - rows // 5
    belongs = random.choice(100, single, p=random.dirichlet(np.full(100, 0.5)))
    centres = random.normal(size=(100, 32)) * 8
    points = centres[belongs] + random.normal(size=(single, 32)) * random.lognormal(0, 1, (100, 1))[belongs]
    return np.concatenate([points, points[: rows // 5]]).astype(np.float32)


def ours(vectors: np.ndarray, k: int) -> np.ndarray:
    return neighbours.find(vectors, k, exact=False, threads=1).indices


def faiss_ivf(vectors: np.ndarray, k: int) -> np.ndarray:
    """256 lists of which 12 are searched, as in the project's table of baselines."""
    quantizer = faiss.IndexFlatL2(vectors.shape[1])
    index = faiss.IndexIVFFlat(quantizer, vectors.shape[1], 256)
    index.train(vectors)
    index.add(vectors)
    index.nprobe = 12
    return index.search(vectors, k + 1)[1]


def faiss_exact(vectors: np.ndarray, k: int) -> np.ndarray:
    return faiss.knn(vectors, vectors, k + 1)[1]


def product(vectors: np.ndarray, k: int) -> np.ndarray:
    """The bare matrix product that any exact search needs, in blocks."""
    for start in range(0, len(vectors), 1024):
        vectors[start : start + 1024] @ vectors.T
    return np.empty((len(vectors), 0), dtype=np.int64)


def recall(vectors: np.ndarray, found: np.ndarray, k: int) -> float:
    """The share of the k smallest distances of 1,000 rows that are found; twins are as good as each other."""
    rows = np.random.default_rng(1).choice(len(vectors), 1000, replace=False)
    true = np.sort((faiss.knn(vectors[rows], vectors, k + 1)[0]), axis=1)[:, k]
    shares = []
    for row, limit in zip(rows, true, strict=True):
        own = found[row][(found[row] >= 0) & (found[row] != row)][:k]
        distance = ((vectors[own].astype(np.float64) - vectors[row]) ** 2).sum(axis=1)
        shares.append((distance <= limit * (1 + 1e-4) + 1e-4).sum() / k)
    return float(np.mean(shares))


def million() -> None:
    """Searches a million rows that lie in a file, and says what that took."""
    neighbours.find(clusters(30_000), 15, exact=False, threads=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.f32"
        write_wide_clusters(path, 1_000_000)
        vectors = np.memmap(path, np.float32).reshape(-1, 64)
        before, begin = memory("VmRSS"), time.process_time()
        found = neighbours.find(vectors, 15, exact=False, threads=1)
        seconds, after = time.process_time() - begin, memory("VmHWM")
        true, pages = recall(vectors, found.indices, 15), vectors.nbytes >> 20
        print(f"{len(vectors):,} × 64, k=15: {seconds:.0f} s, recall {true:.4f}, by its sample {found.recall:.4f}")
        print(f"from {before} MB to {after} MB at the peak, {pages} MB of the file's pages among them")


def write_wide_clusters(path: Path, rows: int) -> None:
    """Clusters of 12 intrinsic dimensions in 64, 200 of them, block by block."""
    random = np.random.default_rng(0)
    centres, turns = random.normal(size=(200, 64)) * 3, random.normal(size=(200, 12, 64))
    with path.open("wb") as file:
        for _ in range(0, rows, 10_000):
            belongs = random.integers(0, 200, 10_000)
            block = centres[belongs]
            for cluster in range(200):
                members = belongs == cluster
                block[members] += random.normal(size=(members.sum(), 12)) @ turns[cluster]
            file.write(block.astype(np.float32).tobytes())


def memory(line: str) -> int:
    """A line of this process's state as Linux tells it, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{line}:")[2].split()[0]) >> 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=70_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--million", action="store_true")
    asked = parser.parse_args()
    faiss.omp_set_num_threads(1)
    if asked.million:
        million()
        return
    sets = {"MNIST, 50 components": mnist(asked.rows), "clusters, a fifth doubled": clusters(asked.rows)}
    neighbours.find(clusters(2_000), 5, exact=False, threads=1)
    table = []
    for name, vectors in sets.items():
        if vectors is None:
            print("no MNIST: set EMBEDDING_LAB_DATA to a folder that holds mnist/ with the four IDX files")
            continue
        for k in (15, 90):
            ways: dict[str, Callable[..., Any]] = {"ours": ours, "faiss IVF256": faiss_ivf}
            if k == 15:
                ways |= {"faiss exact": faiss_exact, "bare product": product}
            best = dict.fromkeys(ways, np.inf)
            found = {}
            for turn in range(asked.turns):
                for way, search in ways.items():
                    if turn and way in ("faiss exact", "bare product"):
                        continue
                    begin = time.process_time()
                    found[way] = search(vectors, k)
                    best[way] = min(best[way], time.process_time() - begin)
            for way, seconds in best.items():
                share = recall(vectors, found[way], k) if found[way].shape[1] else None
                table.append({"set": name, "k": k, "way": way, "seconds": round(seconds, 2), "recall": share})
                shown = "" if share is None else f"recall {share:.4f}"
                print(f"{name:28} k={k:<3} {way:14} {seconds:7.2f} s  {shown}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
