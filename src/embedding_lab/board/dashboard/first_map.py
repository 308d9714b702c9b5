"""A map for vectors that have none yet: principal components, computed when the page asks for its points."""

from __future__ import annotations

import dataclasses

from embedding_lab.board.dashboard.computing import Computing
from embedding_lab.board.dashboard.sample_set import Map, SampleSet

NAME = "pca-3d"
MOST_NUMBERS = 1 << 29
"""Of more vectors nobody waits for the components; they are a job."""

DIMS = 3


def with_first_map(found: SampleSet, computing: Computing | None) -> SampleSet:
    """The set with a first map, where it has no map at all."""
    if found.maps or computing is None or found.rows * found.dims > MOST_NUMBERS:
        return found
    compute, vectors = computing.first_map, found.vectors
    first = Map(
        name=NAME,
        dims=DIMS,
        generation=f"first-{found.facts['generation']}",
        facts={"method": "pca", "state": "complete", "parameters": {}, "seed": None, "quality": {}},
        points=lambda: compute(vectors()),
        unmeasurable=_as_they_are(found.dims) if found.dims <= DIMS else "",
    )
    return dataclasses.replace(found, maps={NAME: first})


def _as_they_are(dims: int) -> str:
    shown = "one number, which it shows as it is" if dims == 1 else f"{dims} numbers, which it shows as they are"
    return f"each vector is {shown}, so there is nothing to compare it with."
