"""Mends of an entry in the Projector's lists: each writes what it needs, then puts a changed entry in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.checks.finding import Mend
from embedding_lab.board.checks.mender import Mender
from embedding_lab.board.checks.projector_files import AssetKind, Entry, set_asset_path
from embedding_lab.board.checks.sheets import square_sheet
from embedding_lab.board.projector_config import raw_tensor

Change = Callable[[Mender, Any], Sequence[Any] | None]
"""Changes a copy of an entry, or gives the entries that take its place."""


def entry_mend(entry: Entry, said: str, change: Change) -> Mend:
    """A mend that changes an entry.

    Args:
        entry: the entry as it was found.
        said: what was done to it, without its name and a final stop.
        change: does it to a copy.
    """

    def mend(mender: Mender) -> str:
        mender.check(entry)
        new = copy_of(entry)
        others = change(mender, new)
        mender.replace(entry, [new] if others is None else others)
        return f"{entry.name!r}: {said}."

    return mend


def take_out(entry: Entry) -> Mend:
    """Takes an entry out of its list."""
    return entry_mend(entry, "took it out of the list", lambda mender, new: [])


def take_file_out(entry: Entry, kind: AssetKind) -> Mend:
    """Takes a file out of an entry, so that the points are shown without it."""
    return entry_mend(entry, f"took its {kind} out", lambda mender, new: set_asset_path(new, kind, ""))


def write_tensor(entry: Entry, said: str, values: Callable[[], NDArray[Any]]) -> Mend:
    """Gives an entry other vectors, written as raw float32."""
    return entry_mend(entry, said, lambda mender, new: put_tensor(mender, entry, new, values()))


def write_metadata(entry: Entry, lines: Iterable[str]) -> Mend:
    """Gives an entry another table of samples."""
    return entry_mend(
        entry, "wrote its table of samples anew", lambda mender, new: put_metadata(mender, entry, new, lines)
    )


def put_tensor(mender: Mender, entry: Entry, new: Any, values: NDArray[Any]) -> None:
    """Writes vectors beside the list and names them in a new entry."""
    plain = np.ascontiguousarray(values, np.float32)
    new.tensor_path = mender.put(entry, f"{new.tensor_name or entry.name}.f32", raw_tensor(plain))
    set_numbers(new.tensor_shape, plain.shape)


def put_metadata(mender: Mender, entry: Entry, new: Any, lines: Iterable[str]) -> None:
    """Writes a table of samples beside the list and names it in a new entry."""
    content = "".join(f"{line}\n" for line in lines).encode()
    new.metadata_path = mender.put(entry, f"{entry.name}-metadata.tsv", content)


def put_thumbnails(mender: Mender, entry: Entry, new: Any, sheet: Path, pictures: Sequence[int]) -> None:
    """Lays pictures of an entry's sheet out on a square one beside the list and names it in a new entry."""
    width, height = entry.proto.sprite.single_image_dim
    content, cell = square_sheet(sheet, (width, height), pictures)
    new.sprite.image_path = mender.put(entry, f"{entry.name}-thumbnails.png", content)
    set_numbers(new.sprite.single_image_dim, cell)


def set_numbers(field: Any, numbers: Sequence[int]) -> None:
    """Gives a repeated field other numbers."""
    del field[:]
    field.extend(numbers)


def copy_of(entry: Entry) -> Any:
    """A copy of what the list says of an entry, to be changed."""
    new = type(entry.proto)()
    new.CopyFrom(entry.proto)
    return new
