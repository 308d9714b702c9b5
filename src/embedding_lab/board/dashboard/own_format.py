"""Sample sets from runs in our own format (docs/format.md); opening one reads manifests and no data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedding_lab.board.dashboard.columns import (
    MISSING,
    Category,
    Column,
    Source,
    Text,
    Values,
    from_arrow,
    from_classes,
)
from embedding_lab.board.dashboard.manifests import Manifests, files_by_ending
from embedding_lab.board.dashboard.sample_set import Map, SampleSet
from embedding_lab.board.dashboard.stored_pages import StoredPages
from embedding_lab.embeddings import maps as stored_maps
from embedding_lab.embeddings import samples as stored_samples
from embedding_lab.embeddings.files import Stamp
from embedding_lab.embeddings.manifest import data_path
from embedding_lab.embeddings.names import folder_name, step_folder
from embedding_lab.embeddings.pictures import FACTS as PICTURE_FACTS
from embedding_lab.embeddings.pictures import pictures_name, stored_pictures
from embedding_lab.embeddings.run import Run
from embedding_lab.embeddings.stored_media import StoredMedia, read_media
from embedding_lab.embeddings.stored_run import EMBEDDING_FACTS, OUTPUT_FACTS
from embedding_lab.embeddings.vectors import mapped_array, read_vectors
from embedding_lab.errors import BrokenFile, DataMissing, LabError

MAP_FACTS = {**stored_maps.FACTS, "shape": list}
PROOF = "kept_10"
"""A map that was measured has this measure; whatever else its maker says of it may stand there without."""


def open_set(run_name: str, run: Run, layer: str, step: int | None, manifests: Manifests) -> SampleSet:
    """The sample set of a layer at a step.

    Raises:
        DataMissing: there is none.
        BrokenFile: what is there cannot be read.
    """
    folder = f"layers/{folder_name(layer)}/{step_folder(step)}"
    name = f"{folder}/embeddings.json"
    manifest = manifests.read(run.files, name, "embeddings", EMBEDDING_FACTS)
    rows, dims = _shape(manifest["shape"], name)
    samples = manifests.read(run.files, manifest["samples"], "samples", stored_samples.FACTS)
    if samples["rows"] != rows:
        raise BrokenFile(
            f"The vectors of layer {layer!r} do not fit their table of samples.",
            got=f"{rows:,} vectors, {samples['rows']:,} samples",
            expected="one for each",
            remedy="Write this layer again.",
        )
    table = data_path(run.files, manifest["samples"], samples["files"][0])
    media = _media(run, manifest["samples"], rows)
    return SampleSet(
        run=run_name,
        layer=layer,
        step=step,
        key=(str(run.path), layer, step, manifest["generation"], str(table)),
        rows=rows,
        dims=dims,
        facts={
            "epoch": manifest["epoch"],
            "split": manifest["split"],
            "generation": manifest["generation"],
            "samples": manifest["samples"],
            "dataset": samples["dataset"],
        },
        ids=partial(_read, table, "id"),
        columns=tuple(
            replace(each, media=media[each.name].kind) if each.name in media else each
            for each in _columns(run, step, manifest, samples, table, manifests)
        ),
        maps=_maps(run, f"{folder}/maps", rows, str(manifest["generation"]), manifests),
        vectors=partial(read_vectors, run.files, name, manifest),
        pictures=_pictures(run, manifest["samples"], rows, manifests),
        media=media,
    )


def state_of_set(run: Run, layer: str, step: int | None) -> tuple[Stamp | None, ...]:
    """Changes when anything is published for a set: publishing renames a file, which the folder's time tells."""
    folder = f"layers/{folder_name(layer)}/{step_folder(step)}"
    shown = [f"samples/{each}/{part}" for each in run.files.list("samples") for part in ("thumbnails", "media")]
    return tuple(
        _stamp(run, each)
        for each in (f"{folder}/embeddings.json", f"{folder}/maps", f"steps/{step_folder(step)}", *shown)
    )


def _stamp(run: Run, name: str) -> Stamp | None:
    try:
        return run.files.stamp(name)
    except LabError:
        return None


def _shape(shape: list[Any], name: str) -> tuple[int, int]:
    if len(shape) == 2 and all(type(number) is int and number > 0 for number in shape):
        return shape[0], shape[1]
    raise BrokenFile(f"The shape in {name} cannot be trusted.", got=f"{shape}", expected="[rows, dims]")


def _columns(
    run: Run,
    step: int | None,
    manifest: Mapping[str, Any],
    samples: Mapping[str, Any],
    table: Path,
    manifests: Manifests,
) -> Iterator[Column]:
    """The columns of the samples' table and of what the model said at this step, each name once."""
    classes = samples["class_names"]
    names = _names(table)
    if "label" in names:
        yield Column("label", "sample", str(table), partial(_classes, table, "label", classes))
    said = _outputs(run, step, manifest, manifests)
    outputs = set() if said is None else set(_names(said)) & {"prediction", "confidence", "loss"}
    if said is not None and "prediction" in outputs:
        yield Column("prediction", "output", str(said), partial(_classes, said, "prediction", classes))
        if "label" in names:
            key = str(said), str(table)
            yield Column("correct", "output", key, partial(_correct, table, said))
    for name in ("confidence", "loss"):
        if said is not None and name in outputs:
            yield _plain_column(said, name, "output")
    for name in names:
        if name == "id":
            yield Column("id", "sample", str(table), lambda: Text(_read(table, "id")))
        elif name not in {"label", *outputs}:
            yield _plain_column(table, name, "sample")


def _outputs(run: Run, step: int | None, manifest: Mapping[str, Any], manifests: Manifests) -> Path | None:
    """The table of what the model said of these samples at this step, where there is one."""
    name = f"steps/{step_folder(step)}/outputs.json"
    try:
        said = manifests.read(run.files, name, "outputs", OUTPUT_FACTS)
    except DataMissing:
        return None
    same = said["samples"] == manifest["samples"] and manifest["model"] in (None, said["model"])
    fits = same and said["rows"] == manifest["shape"][0]
    return data_path(run.files, name, said["files"][0]) if fits else None


def _plain_column(table: Path, name: str, source: Source) -> Column:
    return Column(name, source, str(table), partial(_values, table, name))


def _maps(run: Run, folder: str, rows: int, vectors: str, manifests: Manifests) -> dict[str, Map]:
    """The maps of these vectors that can be read; those that cannot are the doctor's."""
    found = {}
    for file in run.files.list(folder):
        if file.endswith(".json"):
            try:
                made = _map(run, f"{folder}/{file}", rows, vectors, manifests)
            except LabError:
                continue
            if made is not None:
                found[made.name] = made
    return found


def _map(run: Run, manifest_name: str, rows: int, vectors: str, manifests: Manifests) -> Map | None:
    """A map; None where it shows vectors that were replaced since."""
    manifest = manifests.read(run.files, manifest_name, "map", MAP_FACTS)
    if manifest["vectors"] not in (None, vectors):
        return None
    shape = manifest["shape"]
    if len(shape) != 2 or shape[0] != rows or type(shape[1]) is not int or shape[1] < 2:
        raise BrokenFile(
            f"Map {manifest['name']!r} does not fit the samples.", got=f"{shape}", expected=f"[{rows}, 2 or more]"
        )
    paths = files_by_ending(run.files, manifest_name, manifest)
    measures = paths.get("parquet")
    return Map(
        name=manifest["name"],
        dims=min(3, shape[1]),
        generation=manifest["generation"],
        facts={key: manifest[key] for key in ("method", "state", "parameters", "seed", "quality")},
        points=partial(mapped_array, paths["npy"], tuple(shape)),
        columns=() if measures is None else map_columns(measures),
        measured=PROOF in manifest["quality"],
        published=run.files.stamp(manifest_name).when / 1e9,
    )


def map_columns(table: Path) -> tuple[Column, ...]:
    """The columns of a table of measures per sample."""
    return tuple(_plain_column(table, each, "map") for each in _names(table))


def _pictures(run: Run, samples: str, rows: int, manifests: Manifests) -> StoredPages | None:
    name = pictures_name(samples)
    try:
        manifest = manifests.read(run.files, name, "thumbnails", PICTURE_FACTS)
        return StoredPages(stored_pictures(run.files, name, manifest)) if manifest["rows"] == rows else None
    except LabError:
        return None


def _media(run: Run, samples: str, rows: int) -> dict[str, StoredMedia]:
    """The columns of sounds and pictures that can be read."""
    try:
        return {name: each for name, each in read_media(run.files, samples).items() if each.rows == rows}
    except LabError:
        return {}


def _names(table: Path) -> list[str]:
    with _reading(table):
        return list(pq.read_schema(table).names)


def _read(table: Path, name: str) -> pa.Array:
    with _reading(table), pq.ParquetFile(table) as file:
        column = file.read([name])[name].combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        raise BrokenFile(f"Column {name!r} is larger than 2 GiB.", remedy="Log shorter texts.")
    return column


def _values(table: Path, name: str) -> Values:
    return from_arrow(_read(table, name))


def _numbers(table: Path, name: str) -> NDArray[np.int64]:
    return np.asarray(_read(table, name).fill_null(-1), np.int64)


def _classes(table: Path, name: str, classes: list[str] | None) -> Values:
    return from_classes(_numbers(table, name), classes)


def _correct(samples: Path, outputs: Path) -> Category:
    labels, said = _numbers(samples, "label"), _numbers(outputs, "prediction")
    return Category(np.where(labels < 0, MISSING, labels == said).astype(np.uint16), ("no", "yes"))


@contextlib.contextmanager
def _reading(table: Path) -> Iterator[None]:
    """Turns what Arrow says of a table into an error that helps."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataMissing(f"There is no file {table.name} any more.", remedy="Reload the page.") from error
    except (pa.ArrowException, OSError, KeyError) as error:
        raise BrokenFile(f"{table.name} is no table that can be read.", got=str(error)) from error
