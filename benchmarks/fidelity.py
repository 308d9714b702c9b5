"""How true the stock Projector is: neighbours and variance it shows of raw vectors, and of what the lab exports.

    python benchmarks/fidelity.py [--json]

MNIST's pixels and the relu layers of a small model trained on it, and scikit-learn's digits; 10,000 samples or all.
"page" is what the page makes of vectors as they come; "lab" is what it makes of the lab's two tensors. "euclidean",
"cosine" and "t-SNE" count how many of a sample's ten true nearest neighbours are among its ten nearest there (t-SNE
and UMAP go by cosine). "variance" is what the page says its first three components describe, beside the truth.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

import embedding_lab as lab
from embedding_lab.board.projector_tensors import LayerVectors, cosine_tensor, pca_tensor
from embedding_lab.errors import DataMissing
from embedding_lab.frameworks.keras import import_keras

RESULT = Path(__file__).parent / "results" / "fidelity.json"
NEIGHBOURS = 10
QUERIES = 1000
SPHERIZED_FROM = 50
Floats = NDArray[np.float32]


@dataclass
class Fidelity:
    """How true the page is for one layer; neighbours 0 to 10, variance in percent."""

    layer: str
    dims: int
    shown: str
    euclidean: float
    cosine: float
    tsne: float
    variance: float
    true_variance: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    options = parser.parse_args()
    result = [each for name, vectors in layers().items() for each in measured(name, vectors)]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([asdict(each) for each in result], indent=2) + "\n")
    print(json.dumps([asdict(each) for each in result]) if options.json else table(result))


def layers() -> dict[str, Floats]:
    digits = {"digits": load_digits().data.astype(np.float32)}
    try:
        train, test = (lab.load_dataset("mnist", split=split, download=False) for split in ("train", "test"))
    except DataMissing:
        return digits
    keras = import_keras()
    keras.utils.set_random_seed(0)
    units = {500: "relu 500", 128: "relu 128", 16: "relu 16"}
    dense = [keras.layers.Dense(count, activation="relu", name=f"relu_{count}") for count in units]
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            *dense,
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(train.samples, train.labels, epochs=3, batch_size=128, verbose=0)
    sets = lab.extract(model, test, layers=[layer.name for layer in dense])
    hidden = {units[each.dims]: np.array(each.vectors) for each in sets.values()}
    return {"pixels": test.samples.reshape(len(test), -1).astype(np.float32), **hidden, **digits}


def measured(name: str, vectors: Floats) -> list[Fidelity]:
    layer, dims = LayerVectors(vectors), vectors.shape[1]
    rows = np.unique(np.linspace(0, len(vectors) - 1, QUERIES).astype(int))
    by_distance, by_cosine = nearest(vectors, rows, "euclidean"), nearest(vectors, rows, "cosine")
    truth = 100 * float(PCA(3).fit(vectors).explained_variance_ratio_.sum())
    found = []
    for shown, for_pca, for_cosine in (
        ("page", vectors, vectors),
        ("lab", pca_tensor(layer).values, cosine_tensor(layer).values),
    ):
        pca, cosine = on_the_page(for_pca), on_the_page(for_cosine)
        found.append(
            Fidelity(
                name,
                dims,
                shown,
                shared(by_distance, nearest(pca, rows, "euclidean")),
                shared(by_cosine, nearest(cosine, rows, "cosine")),
                shared(by_cosine, nearest(cosine, rows, "t-SNE")),
                described(pca),
                truth,
            )
        )
    return found


def on_the_page(vectors: Floats) -> Floats:
    """Vectors as the page works with them: spherized from 50 dimensions on."""
    if vectors.shape[1] < SPHERIZED_FROM:
        return vectors
    centred = vectors - vectors.mean(axis=0)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-30)


def described(vectors: Floats) -> float:
    """The page does not subtract the mean; above 200 dimensions it guesses, around this value."""
    spread = np.linalg.svd(vectors.T.astype(np.float64) @ vectors, compute_uv=False)
    return 100 * float(spread[:3].sum() / spread.sum())


def nearest(vectors: Floats, rows: NDArray[np.intp], metric: str) -> NDArray[np.intp]:
    """The nearest ten of each row, -1 where the page drops one."""
    vectors = vectors.astype(np.float64)
    if metric == "cosine":
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    distances = 1 - vectors[rows] @ vectors.T
    if metric == "euclidean":
        squares = (vectors**2).sum(axis=1)
        distances = squares[rows, None] + squares + 2 * (distances - 1)
    dropped = distances < 0 if metric == "t-SNE" else np.zeros_like(distances, bool)
    distances[dropped] = np.inf
    distances[np.arange(len(rows)), rows] = np.inf
    best = np.argpartition(distances, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    return np.where(np.isinf(np.take_along_axis(distances, best, 1)), -1, best)


def shared(true: NDArray[np.intp], found: NDArray[np.intp]) -> float:
    return float(np.mean([len(np.intersect1d(*pair)) for pair in zip(true, found, strict=True)]))


def table(result: list[Fidelity]) -> str:
    columns = ("dims", "", "euclidean", "cosine", "t-SNE", "variance", "truth")
    lines = [f"{'of 10 neighbours':<18}" + "".join(f"{each:>11}" for each in columns)]
    lines += [
        f"{each.layer:<18}{each.dims:>11}{each.shown:>11}{each.euclidean:>11.1f}{each.cosine:>11.1f}"
        f"{each.tsne:>11.1f}{each.variance:>10.1f}%{each.true_variance:>10.1f}%"
        for each in result
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
