"""A map for vectors that have none yet: principal components, computed when the page asks for its points."""

from __future__ import annotations

import dataclasses

from embedding_lab.board.dashboard.computing import Computing
from embedding_lab.board.dashboard.sample_set import Map, SampleSet

NAME = "pca-3d"
MOST_NUMBERS = 1 << 29
"""Of more vectors nobody waits for the components; they are a job."""


def with_first_map(found: SampleSet, computing: Computing | None) -> SampleSet:
    """The set with a first map, where it has no map at all."""
    if found.maps or computing is None or found.rows * found.dims > MOST_NUMBERS:
        return found
    compute, vectors = computing.first_map, found.vectors
    first = Map(
        name=NAME,
        dims=3,
        generation=f"first-{found.facts['generation']}",
        facts={"method": "pca", "state": "complete", "parameters": {}, "seed": None, "quality": {}},
        points=lambda: compute(vectors()),
    )
    return dataclasses.replace(found, maps={NAME: first})
