"""Real digits in a run, with all that the dashboard shows of samples: what several tests of the page look at."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.metrics import pairwise_distances

import embedding_lab as lab
from browser.dashboard import Dashboard
from browser.small_run import save_map
from embedding_lab.embeddings import EmbeddingSet, Outputs, Run, as_dataset, create_run
from embedding_lab.projection.pca import points_of

SAMPLES = 500
LAYER = "embed/layer"
NAMES = [*map(str, range(9)), "<b>nine</b>"]
PAGE = "https://example.org/a?b=<c>"
STORY = "Once upon a time. " * 40


def tone() -> bytes:
    """A quarter of a second."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 8000, 0, "NONE", ""))
        writer.writeframes((8000 * np.sin(np.arange(2000) / 3)).astype("<i2").tobytes())
    return file.getvalue()


def drawing() -> bytes:
    """A picture of thirty by twenty pixels."""
    file = io.BytesIO()
    Image.new("RGB", (30, 20), "teal").save(file, "PNG")
    return file.getvalue()


def digits_of(mnist_dir: Path) -> EmbeddingSet:
    """Real digits, their first twelve principal components, and what a nearest-mean model says of them."""
    data = lab.load_dataset("mnist", split="test", samples=SAMPLES, data_dir=mnist_dir)
    told = {
        "tone": [tone()] * SAMPLES,
        "drawing": [drawing()] * SAMPLES,
        "page": [PAGE] * SAMPLES,
        "story": [STORY] * SAMPLES,
    }
    data = as_dataset(data.samples, name="mnist", labels=data.labels, class_names=NAMES, ids=data.ids, columns=told)
    vectors = points_of(data.samples.reshape(SAMPLES, -1).astype(np.float32) / 255, 12)
    means = np.stack([vectors[data.labels == number].mean(axis=0) for number in range(10)])
    near = np.exp(-(pairwise_distances(vectors, means) ** 2) / 8)
    near /= near.sum(axis=1, keepdims=True)
    outputs = Outputs(near.argmax(axis=1), near.max(axis=1).astype(np.float32))
    return EmbeddingSet(vectors, data, LAYER, step=7, outputs=outputs)


def log_digits(path: Path, embeddings: EmbeddingSet) -> Run:
    """A run with the digits, their pictures, sounds and two measured maps."""
    run = create_run(path)
    run.save_embeddings(embeddings)
    run.save_pictures(embeddings.dataset)
    run.save_media(embeddings.dataset)
    for dims in (2, 3):
        save_map(run, embeddings, f"pca-{dims}d", points_of(embeddings.vectors, dims))
    return run


@contextmanager
def dashboard_on(run: Run, browser: Any) -> Iterator[Dashboard]:
    """The page on a run's flat map, in TensorBoard."""
    with lab.launch(run.path.parent, port=0) as board:
        opened = Dashboard(browser, f"{board.url}#embedding_lab&p.embedding_lab.map=pca-2d")
        yield opened
        opened.page.close()
