"""A small run whose map is measured already, so that no server computes anything while a page is tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import embedding_lab as lab
from embedding_lab.embeddings import EmbeddingSet, Projection, Run
from embedding_lab.projection.quality import measure

SAMPLES = 60


def log_small_run(path: Path, seed: int = 0) -> Run:
    """Sixty samples of three classes, and a flat map of them."""
    vectors = np.random.default_rng(seed).normal(size=(SAMPLES, 4)).astype(np.float32)
    lab.log_embeddings(path, vectors, layer="mine", labels=np.arange(SAMPLES) % 3)
    run = lab.open_run(path)
    save_map(run, run.embeddings("mine"), "pca-2d", vectors[:, :2])
    return run


def save_map(run: Any, embeddings: EmbeddingSet, name: str, points: Any, method: str = "pca") -> None:
    """Saves a map with its measures."""
    quality = measure(embeddings.vectors, points, labels=embeddings.dataset.labels)
    told = {"quality": dict(quality.totals), "per_sample": dict(quality.per_sample)}
    projection = Projection(points, embeddings.ids, method, {}, 0, **told)
    run.save_map(embeddings.layer, embeddings.step, name, projection)
