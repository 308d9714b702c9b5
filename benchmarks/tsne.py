"""Times our t-SNE and its peers in turn on the same vectors, neighbours and iterations, and judges all maps
alike.

    taskset -c 0 python benchmarks/tsne.py                     the table: MNIST and data made here, three
    seeds taskset -c 0 python benchmarks/tsne.py --growth            seconds for 10, 35, 70 and 140 thousand
    rows taskset -c 0 python benchmarks/tsne.py --first             from 784 columns to the first useful map
    taskset -c 0 python benchmarks/tsne.py --whole 20000       one whole scikit-learn run in 3-D at so many
    rows

    --peers PYTHON   the interpreter that has openTSNE and scikit-learn, if it is not this one
    --threads N      of everyone; --json FILE; --quick: one seed, few rows, for a look

Each run is a process of its own: seconds of processor time for the work itself (neighbours given, code
compiled), and the process's peak memory. Quality is measured by one function for everyone: the share of the
10 nearest neighbours kept, trustworthiness, and the divergence with the exact normaliser.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

PERPLEXITY = 30


# -- one run, in a process of its own; knows nothing of the others


def run_ours(work: Path, dims: int, iterations: int, seed: int, threads: int, **own: Any) -> np.ndarray:
    from embedding_lab.embeddings import Neighbours
    from embedding_lab.projection.tsne import TSNE

    vectors, near = np.load(work / "vectors.npy"), np.load(work / "neighbours.npz")
    neighbours = Neighbours(near["indices"], near["distances"], "euclidean", 1.0)
    noise = np.random.default_rng(0).standard_normal((5_000, 10)).astype(np.float32)
    TSNE(dims, max_iter=300, n_jobs=threads).fit(noise)  # loads or makes the compiled code
    first = np.load(work / f"first-{seed}.npy")[:, :dims]
    begin = time.process_time()
    tsne = TSNE(dims, max_iter=iterations, n_jobs=threads, init=first, **own)
    points = tsne.fit_transform(vectors, neighbours=neighbours)
    print(json.dumps({"seconds": time.process_time() - begin}))
    return points


def run_opentsne(work: Path, dims: int, iterations: int, seed: int, threads: int) -> np.ndarray:
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PrecomputedAffinities
    from scipy.sparse import load_npz

    affinities = PrecomputedAffinities(load_npz(work / "affinities.npz").astype(np.float64), normalize=False)
    first = np.load(work / f"first-{seed}.npy")[:, :dims].astype(np.float64)
    begin = time.process_time()
    embedding = TSNEEmbedding(first, affinities, negative_gradient_method="fft", n_jobs=threads, random_state=0)
    embedding = embedding.optimize(250, exaggeration=12, momentum=0.5)
    embedding = embedding.optimize(iterations - 250, momentum=0.8)
    print(json.dumps({"seconds": time.process_time() - begin}))
    return np.asarray(embedding)


def run_sklearn(work: Path, dims: int, iterations: int, seed: int, threads: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    vectors, first = np.load(work / "vectors.npy"), np.load(work / f"first-{seed}.npy")[:, :dims]
    begin = time.process_time()
    tsne = TSNE(dims, perplexity=PERPLEXITY, max_iter=iterations, init=first.astype(np.float32), n_jobs=threads)
    points = tsne.fit_transform(vectors)
    print(json.dumps({"seconds": time.process_time() - begin}))
    return points


WAYS = {"ours": run_ours, "openTSNE": run_opentsne, "scikit-learn": run_sklearn}


def child(spec: dict[str, Any]) -> None:
    work = Path(spec.pop("work"))
    points = WAYS[spec.pop("way")](work, **spec)
    np.save(work / "points.npy", points.astype(np.float32))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"peak_mb": round(peak / 2**20)}))


# -- the parent: prepares, starts, measures


class Bench:
    """Vectors with their neighbours, affinities and first maps in a folder that every run reads."""

    def __init__(self, name: str, vectors: np.ndarray, seeds: int, asked: argparse.Namespace) -> None:
        from scipy.sparse import csr_matrix, save_npz

        from embedding_lab.projection.divergence import affinities_of
        from embedding_lab.projection.first_map import first_map, narrowed
        from embedding_lab.projection.neighbours import find

        self.name, self.vectors, self.asked = name, vectors, asked
        self.folder = tempfile.TemporaryDirectory()
        self.work = Path(self.folder.name)
        self.near = find(vectors, 3 * PERPLEXITY)
        self.p = affinities_of(self.near, PERPLEXITY)
        table = self.p.values, self.p.columns.astype(np.int32), self.p.starts.astype(np.int64)
        save_npz(self.work / "affinities.npz", csr_matrix(table, shape=(len(vectors),) * 2))
        np.save(self.work / "vectors.npy", vectors)
        np.savez(self.work / "neighbours.npz", indices=self.near.indices, distances=self.near.distances)
        first = first_map(vectors, 3, "pca", 0)
        for seed in range(seeds):  # seeds differ by a tenth of the components' spread
            noise = np.random.default_rng(seed).standard_normal(first.shape) * 0.1 * first.std(axis=0)
            np.save(self.work / f"first-{seed}.npy", narrowed(first + (noise if seed else 0)))

    def run(self, way: str, dims: int, iterations: int, seed: int = 0, **own: Any) -> dict[str, Any]:
        from embedding_lab.projection.quality import measure

        spec = {"work": str(self.work), "way": way, "dims": dims, "iterations": iterations, "seed": seed}
        spec |= {"threads": self.asked.threads, **own}
        python = sys.executable if way == "ours" else self.asked.peers
        environment = {**os.environ, "OMP_NUM_THREADS": str(self.asked.threads)}
        told = subprocess.run(
            [python, __file__, "--child", json.dumps(spec)],
            check=True,
            stdout=subprocess.PIPE,
            env=environment,
        )
        row: dict[str, Any] = {"data": self.name, "rows": len(self.vectors), "dims": dims, "way": way}
        row |= {"iterations": iterations, "seed": seed, **own}
        for line in told.stdout.decode().splitlines():
            row |= json.loads(line) if line.startswith("{") else {}
        points = np.load(self.work / "points.npy")
        totals = measure(self.vectors, points, neighbours=self.near, affinities=self.p).totals
        row |= {"knn10": totals["kept_10"], "trust": totals["trustworthiness"], "kl": totals["kl"]}
        print(
            f"{self.name:8} {row['rows']:7,} × {dims}-D  {way:12} {iterations:5} it  seed {seed}  "
            f"{row['seconds']:8.1f} s  {row['peak_mb']:5} MB  knn10 {row['knn10']:.4f}  "
            f"trust {row['trust']:.4f}  KL {row['kl']:.4f}  {own or ''}",
            flush=True,
        )
        return row


def mnist() -> np.ndarray:
    folder = Path(os.environ["EMBEDDING_LAB_DATA"]) / "mnist"
    parts = [gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes()) for part in ("train", "t10k")]
    pictures = [np.frombuffer(part, np.uint8, offset=16).reshape(-1, 784) for part in parts]
    return np.concatenate(pictures).astype(np.float32)


def made(rows: int) -> np.ndarray:
    """Two hundred curved clusters of very different sizes in 50 columns."""
    rng = np.random.default_rng(7)
    cluster = rng.choice(200, rows, p=rng.dirichlet(np.full(200, 0.7)))
    along = rng.standard_normal((rows, 3))
    bent = np.concatenate([along, along**2 - 1, np.sin(2 * along)], axis=1)
    turns = rng.standard_normal((200, 9, 50)) / 3
    centres = 2 * rng.standard_normal((200, 50))
    vectors = centres[cluster] + np.einsum("rc,rcd->rd", bent, turns[cluster])
    return np.asarray(vectors + 0.3 * rng.standard_normal((rows, 50)), np.float32)


def components(vectors: np.ndarray, rows: int) -> np.ndarray:
    from embedding_lab.projection.pca import fit_pca

    points = fit_pca(vectors, 50).points
    if rows > len(points):  # more than there are: each once more, a little aside
        noise = np.random.default_rng(1).standard_normal(points.shape).astype(np.float32)
        points = np.concatenate([points, points + 0.05 * points.std() * noise])
    return points[np.sort(np.random.default_rng(0).permutation(len(points))[:rows])]


def table(asked: argparse.Namespace) -> list[dict[str, Any]]:
    rows, seeds = (5_000, 1) if asked.quick else (70_000, 3)
    few = min(rows, 10_000)
    found = []
    for name, make in (("mnist", lambda n: components(mnist(), n)), ("made", made)):
        bench = Bench(name, make(rows), seeds, asked)
        for seed in range(seeds):
            found.append(bench.run("openTSNE", 2, 750, seed))
            found += [bench.run("ours", 2, iterations, seed) for iterations in (750, 500)]
        found += [bench.run("ours", 2, 500, affinity="uniform"), bench.run("ours", 3, 600)]
        bench = Bench(name, make(few), seeds, asked)
        for seed in range(seeds):
            found.append(bench.run("scikit-learn", 3, 1_000, seed))
            found += [bench.run("ours", 3, iterations, seed) for iterations in (1_000, 600)]
        found.append(bench.run("ours", 3, 1_000, weighting="gradient"))
    return found


def growth(asked: argparse.Namespace) -> list[dict[str, Any]]:
    pictures = mnist()
    found = []
    for rows in (10_000, 35_000, 70_000, 140_000):
        bench = Bench("mnist", components(pictures, rows), 1, asked)
        found += [bench.run("ours", dims, 600) for dims in (2, 3)]
    return found


def whole(asked: argparse.Namespace) -> list[dict[str, Any]]:
    bench = Bench("mnist", components(mnist(), asked.whole), 1, asked)
    return [bench.run(way, 3, 1_000) for way in ("ours", "scikit-learn")]


def first_useful(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """From pixels to a 2-D map worth looking at, all steps, in this process."""
    from embedding_lab.projection.neighbours import find
    from embedding_lab.projection.pca import fit_pca
    from embedding_lab.projection.quality import measure
    from embedding_lab.projection.tsne import TSNE

    fast = {"affinity": "uniform", "early_exaggeration_iter": 100, "max_iter": 200, "n_jobs": asked.threads}
    noise = np.random.default_rng(0).standard_normal((25_000, 60)).astype(np.float32)
    reduced = fit_pca(noise, 50).points
    TSNE(**fast).fit(reduced, neighbours=find(reduced, 15))
    pictures = mnist()
    begin = time.process_time()
    reduced = fit_pca(pictures, 50).points
    after_pca = time.process_time()
    neighbours = find(reduced, 15, threads=asked.threads)
    after_neighbours = time.process_time()
    points = TSNE(**fast).fit_transform(reduced, neighbours=neighbours)
    end = time.process_time()
    totals = measure(reduced, points).totals
    row = {
        "pca": after_pca - begin,
        "neighbours": after_neighbours - after_pca,
        "map": end - after_neighbours,
    }
    row |= {"in_all": end - begin, "knn10": totals["kept_10"], "trust": totals["trustworthiness"]}
    print("first useful map:", "  ".join(f"{name} {value:.3f}" for name, value in row.items()))
    return [row]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--whole", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child(json.loads(asked.child))
        return
    chosen = whole if asked.whole else growth if asked.growth else first_useful if asked.first else table
    found = chosen(asked)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
