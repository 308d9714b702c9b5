"""Times our principal components, the bare matrix product and scikit-learn in turn on the same vectors.

    taskset -c 0 python benchmarks/pca.py [--json out.json]

Real MNIST where $EMBEDDING_LAB_DATA has it, else noise of the same shape. Seconds of processor time, the best
of five; the error is the largest distance of a point from where float64 puts it, over the first component's
spread.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA

from embedding_lab.projection.pca import fit_pca

COMPONENTS = 50
TURNS = 5


def pictures() -> np.ndarray:
    folder = Path(os.environ.get("EMBEDDING_LAB_DATA", "")) / "mnist"
    if not folder.is_dir():
        print("no MNIST: noise of its shape")
        return np.random.default_rng(0).random((70_000, 784), dtype=np.float32)
    parts = [gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes()) for part in ("train", "t10k")]
    return np.concatenate(
        [np.frombuffer(part, np.uint8, offset=16).reshape(-1, 784) for part in parts]
    ) / np.float32(255)


def reference(vectors: np.ndarray) -> np.ndarray:
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    components = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :COMPONENTS]
    return centred @ components


def error(points: np.ndarray, true: np.ndarray) -> float:
    signs = np.sign((points * true).sum(axis=0))
    return float(np.abs(points - true * signs).max() / true[:, 0].std())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    vectors = pictures()
    true = reference(vectors)
    ways = {
        "bare product XᵀX": lambda: vectors.T @ vectors,
        "ours": lambda: fit_pca(vectors, COMPONENTS).points,
        "scikit-learn, covariance": lambda: PCA(COMPONENTS, svd_solver="covariance_eigh").fit_transform(vectors),
        "scikit-learn, randomized": lambda: PCA(COMPONENTS, svd_solver="randomized", random_state=0).fit_transform(
            vectors
        ),
    }
    best = dict.fromkeys(ways, np.inf)
    found = {}
    for _ in range(TURNS):
        for way, compute in ways.items():
            begin = time.process_time()
            found[way] = compute()
            best[way] = min(best[way], time.process_time() - begin)
    table = []
    for way, seconds in best.items():
        wrong = error(found[way], true) if found[way].shape == true.shape else None
        ratio = seconds / best["bare product XᵀX"]
        table.append({"way": way, "seconds": round(seconds, 3), "ratio": round(ratio, 2), "error": wrong})
        print(f"{way:26} {seconds:6.3f} s  {ratio:5.2f} ×  {'' if wrong is None else f'error {wrong:.1e}'}")
    if asked.json:
        asked.json.write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
