"""Measures that were made of a map after it was saved, laid over it: whoever reads the set finds a measured map."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

from embedding_lab.board.dashboard.cache import Cache
from embedding_lab.board.dashboard.manifests import Manifests, files_by_ending
from embedding_lab.board.dashboard.own_format import map_columns
from embedding_lab.board.dashboard.sample_set import Map, SampleSet
from embedding_lab.embeddings import Run
from embedding_lab.embeddings.measures import FACTS, KIND, MeasuresOf, measures_name
from embedding_lab.embeddings.names import folder_name, step_folder
from embedding_lab.errors import LabError


def with_measures(found: SampleSet, places: Sequence[Run], manifests: Manifests, cache: Cache) -> SampleSet:
    """The set, each of whose maps has measures where any were made.

    Args:
        found: the set.
        places: where measures may lie: its run, and what lies aside.
        manifests: reads them.
        cache: keeps the names of columns.
    """
    if all(each.measured for each in found.maps.values()):
        return found
    maps = {
        name: each if each.measured else _measured(found, each, places, manifests, cache)
        for name, each in found.maps.items()
    }
    return dataclasses.replace(found, maps=maps)


def measures_wanted(found: SampleSet, shown: Map) -> MeasuresOf:
    """What the measures of a map must be of."""
    return MeasuresOf(shown.name, shown.generation, str(found.facts["generation"]))


def _measured(found: SampleSet, shown: Map, places: Sequence[Run], manifests: Manifests, cache: Cache) -> Map:
    folder = f"layers/{folder_name(found.layer)}/{step_folder(found.step)}/maps"
    wanted = measures_wanted(found, shown)
    for place in places:
        name = measures_name(folder, shown.name)
        try:
            manifest = manifests.read(place.files, name, KIND, FACTS)
            if (manifest["map"], manifest["vectors"]) != (wanted.map, wanted.vectors):
                continue
            table = files_by_ending(place.files, name, manifest).get("parquet")
            columns = () if table is None else cache.get(("measures", table), partial(map_columns, table), _size)
        except LabError:  # none there, or none that can be read
            continue
        own = {each.name for each in shown.columns}
        return dataclasses.replace(
            shown,
            facts={**shown.facts, "quality": {**manifest["quality"], **shown.facts["quality"]}},
            columns=(*shown.columns, *(each for each in columns if each.name not in own)),
            measured=True,
        )
    return shown


def _size(columns: tuple[Any, ...]) -> int:
    return 500 * len(columns)
