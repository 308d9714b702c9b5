"""Logging embeddings from wherever they come: into our format and into the stock Projector at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedding_lab.app.plain_vectors import plain_sets
from embedding_lab.app.shown import write_for_viewers
from embedding_lab.board.stock_projector import ProjectorExport
from embedding_lab.embeddings import EmbeddingSet, Run
from embedding_lab.embeddings.names import step_number
from embedding_lab.errors import EmptyData, InputError
from embedding_lab.progress import Progress, silent


def log_embeddings(
    run: str | Path,
    embeddings: Any,
    *,
    layer: str = "embeddings",
    step: int | None = None,
    labels: Any = None,
    class_names: Sequence[str] | Mapping[int, str] | None = None,
    ids: Any = None,
    images: Any = None,
    columns: Any = None,
    dataset: str = "samples",
    progress: Progress = silent,
) -> ProjectorExport:
    """Writes embeddings into a run, for the lab and for TensorBoard's own Projector.

    Logging again adds: other layers, steps and runs stay; the same layer at the same step is replaced.

    Args:
        run: the run's folder, one level below the log directory; made where it does not exist.
        embeddings: what `extract` gave, one EmbeddingSet, or vectors of shape (n, dims): an array, a tensor of any
            framework on any device, or a table or a column of lists of pandas, polars, Arrow or Hugging Face's
            datasets; or a mapping of several layers' vectors of the same samples, by the layers' names.
        layer: a name for plain vectors that are not in a mapping.
        step: the training step; for embedding sets, their own step when left out.
        labels: for plain vectors, int or text of shape (n,), from any of these libraries as all that follows.
        class_names: for plain vectors, the name of label i at position i, or a mapping {i: name}.
        ids: for plain vectors, unique text of shape (n,); numbered when left out.
        images: for plain vectors, n pictures of any kind: an array or tensor (n, height, width), or with channels
            first or last, of any range; or paths, bytes of files, pictures of Pillow, of mixed sizes.
        columns: for plain vectors, further columns of shape (n,) each, by name, or a table of them.
        dataset: for plain vectors, a name for their samples.
        progress: told how far the writing is.

    Returns:
        What the Projector got, with notes on anything that could not be shown as it is.

    Raises:
        InputError and its kinds: something does not fit together, or values are not finite; nothing is kept then.
        StorageError: the disk refuses; what was complete before is still there.
    """
    described = {
        "labels": labels,
        "class_names": class_names,
        "ids": ids,
        "columns": columns,
        "images": images,
    }
    sets = _embedding_sets(embeddings)
    if sets is None:
        layers = embeddings if _by_name(embeddings) else {layer: embeddings}
        sets = plain_sets(layers, dataset, **described)
    else:
        _refuse_second_description(described)
    if step is not None:
        sets = [replace(each, step=step_number(step)) for each in sets]
    into = Run(Path(run))
    into.save_embeddings(*sets, progress=progress)
    return write_for_viewers(into.path, sets, progress=progress)


def _embedding_sets(embeddings: Any) -> list[EmbeddingSet] | None:
    """The sets in what was handed in; None where it is plain vectors."""
    if isinstance(embeddings, EmbeddingSet):
        return [embeddings]
    if not _by_name(embeddings):
        return None
    if not embeddings:
        raise EmptyData("There are no embeddings.", got="an empty mapping", expected="at least one layer")
    are_sets = {layer: isinstance(each, EmbeddingSet) for layer, each in embeddings.items()}
    if any(are_sets.values()) and not all(are_sets.values()):
        layer = next(layer for layer, is_set in are_sets.items() if not is_set)
        raise InputError(
            f"What stands under {layer!r} is no embedding set.",
            got=type(embeddings[layer]).__name__,
            expected="embedding sets, as `extract` gives them, or plain vectors in all",
            remedy="Log them one after the other: logging again adds.",
        )
    return list(embeddings.values()) if all(are_sets.values()) else None


def _by_name(embeddings: Any) -> bool:
    """Whether they are several layers; some matrices of scipy are mappings too."""
    return isinstance(embeddings, Mapping) and not hasattr(embeddings, "nnz")


def _refuse_second_description(described: Mapping[str, Any]) -> None:
    given = [name for name, value in described.items() if value is not None]
    if given:
        raise InputError(
            "Embedding sets bring their own samples.",
            got=f"{', '.join(given)} beside them",
            expected="these only with plain vectors",
            remedy="Put them into the dataset before extracting: lab.as_dataset(samples, labels=…, columns=…).",
        )
