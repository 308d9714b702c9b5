"""The noun of the dashboard: the samples of one layer at one step, with all that can be shown of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedding_lab.board.dashboard.columns import Column
from embedding_lab.errors import one_of


@dataclass(frozen=True)
class Problem:
    """Something that cannot be shown: what happened, what was found, what would be right, what to do now."""

    happened: str
    got: str = ""
    expected: str = ""
    remedy: str = ""


@dataclass(frozen=True, eq=False)
class Map:
    """A map of a sample set, without its points.

    Attributes:
        name: what it is called, such as "tsne-3d".
        dims: dimensions of its points.
        generation: changes with every point.
        facts: what the page is told besides: method, state, parameters, seed, quality.
        points: opens the points, float32, shape (n, dims), NaN where a sample is not on the map.
        columns: its measures per sample.
        measured: whether it was measured, when it was made or since.
        unmeasurable: why it cannot be, to go on after "Not measured:"; empty where it can.
        published: when it was put in place, seconds since 1970; 0 where it lies nowhere.
    """

    name: str
    dims: int
    generation: str
    facts: Mapping[str, Any]
    points: Callable[[], NDArray[np.float32]]
    columns: tuple[Column, ...] = ()
    measured: bool = False
    unmeasurable: str = ""
    published: float = 0.0


class Pictures(Protocol):
    """The pictures of a sample set: thumbnails on pages in the fair order, and originals."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the page is told: cell, per_page, columns, pages, levels, original."""
        ...

    @property
    def key(self) -> Hashable:
        """Says of which generation they are."""
        ...

    @property
    def media_type(self) -> str:
        """What a page is, such as "image/png"."""
        ...

    def page(self, number: int) -> bytes:
        """A page of thumbnails at full size as a file."""
        ...

    def original(self, row: int) -> tuple[bytes, str] | None:
        """A sample's picture as a file, and its media type; None where it is no larger than its thumbnail."""
        ...


class MediaColumn(Protocol):
    """The files of a column of sounds or pictures."""

    @property
    def generation(self) -> str:
        """Says which writing of them it is."""
        ...

    def file(self, row: int) -> tuple[bytes, str] | None:
        """The file of a sample, and its media type; None where there is none."""
        ...


@dataclass(frozen=True, eq=False)
class SampleSet:
    """The samples of one layer at one step.

    Attributes:
        run: the run's name.
        layer: the layer's name.
        step: the training step; None where nothing changes.
        key: says of which generation vectors and table are; its last part is the table's alone.
        rows: how many samples.
        dims: how many numbers describe one.
        facts: what the page is told besides: epoch, split, generation, samples.
        ids: reads the samples' ids, an Arrow array of n texts.
        columns: what is known of every sample.
        maps: the maps by name.
        vectors: opens the vectors: array-like, float32, shape (n, dims).
        pictures: the samples' pictures, where there are any.
        media: the files of columns of sounds and pictures, by the columns' names.
    """

    run: str
    layer: str
    step: int | None
    key: tuple[Hashable, ...]
    rows: int
    dims: int
    facts: Mapping[str, Any]
    ids: Callable[[], pa.Array]
    columns: tuple[Column, ...]
    maps: Mapping[str, Map]
    vectors: Callable[[], Any]
    pictures: Pictures | None = None
    media: Mapping[str, MediaColumn] = field(default_factory=dict)
    problems: tuple[Problem, ...] = field(default=())

    @property
    def name(self) -> str:
        """For messages."""
        return f"layer {self.layer!r}" + ("" if self.step is None else f" at step {self.step}")

    def map(self, name: str) -> Map:
        """The map of a name.

        Raises:
            UnknownName: there is none.
        """
        if name not in self.maps:
            raise one_of(f"Map of {self.name}", name, self.maps)
        return self.maps[name]

    def all_columns(self, map_name: str | None = None) -> tuple[Column, ...]:
        """The columns of the samples, with those of a map where one is named."""
        return self.columns + (self.map(map_name).columns if map_name else ())

    def column(self, name: str, map_name: str | None = None) -> Column:
        """The column of a name.

        Raises:
            UnknownName: there is none.
        """
        columns = {each.name: each for each in self.all_columns(map_name)}
        if name not in columns:
            raise one_of("Column", name, columns)
        return columns[name]
