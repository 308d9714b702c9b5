"""The index in files of a set whose vectors do not fit in memory: made once, and kept beside them."""

from __future__ import annotations

import contextlib
from typing import Any

from embedding_lab.embeddings import EmbeddingSet, Run, open_run
from embedding_lab.errors import BrokenFile, DataMissing
from embedding_lab.progress import Progress, silent
from embedding_lab.projection import FileIndex, build_index


def kept_index(
    run: Run, layer: str, step: int | None, vectors: Any, generation: str, metric: str, threads: int | None = None
) -> FileIndex | None:
    """The index that was kept of these vectors, opened; None where there is none.

    Args:
        run: where they lie.
        layer: the layer's name.
        step: the training step; None where nothing changes.
        vectors: shape (n, dims), memory-mapped.
        generation: which writing of them it is.
        metric: "euclidean" or "cosine".
        threads: how many search; None for one on every core.

    Raises:
        BrokenFile: what is there cannot be read.
    """
    found = run.index(layer, step, metric, vectors=generation)
    return None if found is None else FileIndex(vectors, found.files, found.how, threads)


def made_index(
    embeddings: EmbeddingSet, metric: str, *, threads: int | None = None, progress: Progress = silent
) -> FileIndex:
    """The index of a set that lies in a run; made and kept there where there is none.

    Args:
        embeddings: the set.
        metric: "euclidean" or "cosine".
        threads: how many work; None for one on every core.
        progress: told of the stages of `build_index`, where it is made.

    Raises:
        DataMissing: the set lies in no run.
        StorageError: the disk refuses.
    """
    place = embeddings.place
    if place is None:
        raise DataMissing("The set lies in no run.", expected="a set as `run.embeddings` gives it")
    run, of = open_run(place.run), (embeddings.layer, embeddings.step, embeddings.vectors, place.generation)
    found = None
    with contextlib.suppress(BrokenFile):  # as good as none: it is made anew
        found = kept_index(run, *of, metric, threads)
    if found is None:
        how: dict[str, Any] = {"metric": metric, "threads": threads, "progress": progress}
        run.save_index(embeddings, metric, lambda new_file: build_index(embeddings.vectors, new_file, **how))
        found = kept_index(run, *of, metric, threads)
    assert found is not None
    return found
