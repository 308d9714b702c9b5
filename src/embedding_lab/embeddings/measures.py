"""Measures of a map that were made after it. They lie below the maps, so that a map stays as it was saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedding_lab.embeddings.files import Files
from embedding_lab.embeddings.manifest import Draft, Facts, data_path, read_manifest_of
from embedding_lab.embeddings.names import folder_name
from embedding_lab.errors import BrokenFile

FACTS: Facts = {"name": str, "map": str, "vectors": str, "quality": dict}
"""What the manifest of measures says besides its files."""

KIND = "measures"


@dataclass(frozen=True)
class MeasuresOf:
    """What measures are of. Beside another writing of either they are passed over.

    Attributes:
        name: the map's name.
        map: which writing of the map.
        vectors: which writing of its layer's vectors.
    """

    name: str
    map: str
    vectors: str


@dataclass(frozen=True, eq=False)
class Measures:
    """How far a map may be trusted (`docs/trust.md`).

    Attributes:
        quality: in total.
        per_sample: for every sample, each of shape (n,); NaN where a sample was not looked at or is not on the map.
    """

    quality: Mapping[str, float] = field(default_factory=dict)
    per_sample: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def measures_name(folder: str, map_name: str) -> str:
    """The manifest of a map's measures.

    Args:
        folder: the maps' folder of a layer and step.
        map_name: the map's name.
    """
    return f"{folder}/measures/{folder_name(map_name)}.json"


def save_measures(files: Files, folder: str, of: MeasuresOf, measures: Measures) -> None:
    """Publishes the measures of a map.

    Args:
        files: the run's files.
        folder: the maps' folder of a layer and step.
        of: the map.
        measures: of it.

    Raises:
        StorageError: the disk refuses; what was there before stays.
    """
    stem = folder_name(of.name)
    with Draft(files, f"{folder}/measures", stem, KIND) as draft:
        if measures.per_sample:
            table = pa.table({name: pa.array(values) for name, values in measures.per_sample.items()})
            pq.write_table(table, draft.new_file(stem, ".parquet"), compression="zstd")
        draft.publish({**vars(of), "quality": dict(measures.quality)})


def read_measures(files: Files, folder: str, of: MeasuresOf, rows: int) -> Measures | None:
    """The measures that were kept of a map; None where there are none of this writing of it.

    Args:
        files: the run's files.
        folder: the maps' folder of a layer and step.
        of: the map.
        rows: how many samples there are.

    Raises:
        BrokenFile: what is there cannot be read.
    """
    name = measures_name(folder, of.name)
    manifest = read_manifest_of(files, name, KIND, FACTS, of.vectors)
    if manifest is None or manifest["map"] != of.map:
        return None
    per_sample: dict[str, NDArray[Any]] = {}
    for file in manifest["files"]:
        try:
            table = pq.read_table(data_path(files, name, file))
        except (OSError, pa.ArrowException) as error:
            raise BrokenFile(f"The measures in {files.address(name)} cannot be read.", got=str(error)) from error
        if len(table) != rows:
            raise BrokenFile(
                f"The measures in {files.address(name)} do not fit.", got=f"{len(table):,}", expected=f"{rows:,}"
            )
        per_sample |= {each: table[each].to_numpy() for each in table.column_names}
    return Measures(manifest["quality"], per_sample)
