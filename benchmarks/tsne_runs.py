"""One run of `tsne.py`, ours or a peer's, in a process of its own that knows nothing of the others.

    python benchmarks/tsne_runs.py '{"work": "FOLDER", "way": "ours", "dims": 2, …}'

FOLDER holds what all runs read: vectors, neighbours, affinities and first maps; the map is written there too. A
peer needs an interpreter that has it, and nothing of the lab. What is printed are lines of JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

PERPLEXITY = 30


def main() -> None:
    spec: dict[str, Any] = json.loads(sys.argv[1])
    work = Path(spec.pop("work"))
    points = WAYS[spec.pop("way")](work, **spec)
    np.save(work / "points.npy", points.astype(np.float32))
    print(json.dumps({"peak_mb": peak_mb()}))


def told(begin: float, clock: float) -> None:
    print(json.dumps({"seconds": time.process_time() - begin, "clock": time.perf_counter() - clock}))


def run_ours(
    work: Path, dims: int, iterations: int, seed: int, threads: int, search: bool, **own: Any
) -> np.ndarray:
    from embedding_lab.embeddings import Neighbours
    from embedding_lab.projection.tsne import TSNE

    vectors, near = np.load(work / "vectors.npy"), np.load(work / "neighbours.npz")
    neighbours = None if search else Neighbours(near["indices"], near["distances"], "euclidean", 1.0)
    noise = np.random.default_rng(0).standard_normal((5_000, 10)).astype(np.float32)
    TSNE(dims, max_iter=200, n_jobs=threads).fit(noise)  # loads or makes the compiled code
    first = np.load(work / f"first-{seed}.npy")[:, :dims]
    begin, clock = time.process_time(), time.perf_counter()
    tsne = TSNE(dims, max_iter=iterations, n_jobs=threads, init=first, **own)
    points = tsne.fit_transform(vectors, neighbours=neighbours)
    told(begin, clock)
    return points


def run_whole(work: Path, dims: int, iterations: int, seed: int, threads: int, search: bool) -> np.ndarray:
    """`lab.TSNE` as anyone calls it, on vectors in a file."""
    from embedding_lab.projection.tsne import TSNE

    noise = np.random.default_rng(0).standard_normal((25_000, 64)).astype(np.float32)
    TSNE(dims, max_iter=60, n_jobs=threads).fit(noise)  # loads or makes the compiled code
    vectors = np.load(work / "vectors.npy", mmap_mode="r")
    begin, clock = time.process_time(), time.perf_counter()
    tsne = TSNE(dims, max_iter=iterations, n_jobs=threads, random_state=seed).fit(vectors)
    told(begin, clock)
    print(json.dumps({"kl": tsne.kl_divergence_}))
    return tsne.embedding_


def run_opentsne(work: Path, dims: int, iterations: int, seed: int, threads: int, search: bool) -> np.ndarray:
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PrecomputedAffinities
    from scipy.sparse import load_npz

    affinities = PrecomputedAffinities(load_npz(work / "affinities.npz").astype(np.float64), normalize=False)
    first = np.load(work / f"first-{seed}.npy")[:, :dims].astype(np.float64)
    begin, clock = time.process_time(), time.perf_counter()
    embedding = TSNEEmbedding(first, affinities, negative_gradient_method="fft", n_jobs=threads, random_state=0)
    embedding = embedding.optimize(250, exaggeration=12, momentum=0.5)
    embedding = embedding.optimize(iterations - 250, momentum=0.8)
    told(begin, clock)
    return np.asarray(embedding)


def run_sklearn(work: Path, dims: int, iterations: int, seed: int, threads: int, search: bool) -> np.ndarray:
    from sklearn.manifold import TSNE

    vectors, first = np.load(work / "vectors.npy"), np.load(work / f"first-{seed}.npy")[:, :dims]
    begin, clock = time.process_time(), time.perf_counter()
    tsne = TSNE(dims, perplexity=PERPLEXITY, max_iter=iterations, init=first.astype(np.float32), n_jobs=threads)
    points = tsne.fit_transform(vectors)
    told(begin, clock)
    return points


WAYS = {
    "ours": run_ours,
    "ours, neighbours and all": run_whole,
    "openTSNE": run_opentsne,
    "scikit-learn": run_sklearn,
}


def peak_mb() -> int:
    """The most memory this process ever held; on Linux `getrusage` would count the parent's too."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
