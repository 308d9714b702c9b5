"""What people said of samples, as columns like all others: to colour by, filter by, sort by and take away."""

from __future__ import annotations

import dataclasses
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from embedding_lab.board.dashboard.cache import Cache
from embedding_lab.board.dashboard.columns import Category, Column, Values, from_texts
from embedding_lab.board.dashboard.sample_set import SampleSet
from embedding_lab.embeddings.run import Run
from embedding_lab.embeddings.standing import Standing, standing


def with_notes(found: SampleSet, run: Run, cache: Cache) -> SampleSet:
    """The set with a column for each kind of thing that was said of its run's samples, as it stands now.

    Args:
        found: the samples.
        run: the run they lie in.
        cache: keeps what was read, until more is said.
    """
    length = run.annotations_bytes
    if length == 0:
        return found
    state = ("said", str(run.path), length)
    said = cache.get(state, lambda: standing(run.annotations), _size)
    taken = {each.name for each in found.columns}
    columns = tuple(
        Column(_free(name, taken), "note", (state, found.key[-1]), partial(_values, name, said, found, cache))
        for name in said.columns
    )
    return dataclasses.replace(found, columns=(*found.columns, *columns))


def _values(name: str, said: Standing, found: SampleSet, cache: Cache) -> Values:
    """A column by rows; null where nothing stands of a sample."""
    texts = said.texts(name, _class_names(found, cache))
    ids = cache.get(("ids", found.key[-1]), found.ids, lambda ids: int(ids.nbytes))
    at = pc.index_in(ids, value_set=pa.array(list(texts), ids.type))
    return from_texts(pa.array(list(texts.values()), pa.string()).take(at))


def _free(name: str, taken: set[str]) -> str:
    """The name, with something at its end where the user has such a column."""
    while name in taken:
        name += "_noted"
    return name


def _class_names(found: SampleSet, cache: Cache) -> tuple[str, ...]:
    for each in found.columns:
        if each.name == "label" and isinstance(values := each.values(cache), Category):
            return values.names
    return ()


def _size(said: Standing) -> int:
    return 300 * sum(len(each) for each in (said.labels, said.tags, said.reasons))
