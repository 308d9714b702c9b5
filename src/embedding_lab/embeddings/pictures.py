"""The pictures of a dataset inside a run: small ones on pages, in the fair order, and the originals where cheap.

They lie beside the table of samples and are named by its content as that is, so that all layers and steps of the
same samples share them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedding_lab.embeddings.dataset import Dataset
from embedding_lab.embeddings.files import Files
from embedding_lab.embeddings.manifest import Draft, Facts, data_path, read_manifest
from embedding_lab.embeddings.sampling import fair_order
from embedding_lab.errors import BrokenFile

PAGE_PIXELS = 1024
"""The width of a page, and its height unless it is the last."""

LARGEST_PIXELS = 64
"""The longer side of a thumbnail; smaller pictures stay as they are."""

ORIGINALS_BYTES = 256 << 20
"""Originals are kept as long as all of them together have no more bytes of pixels."""

_HALVES = 4
"""Cells are a multiple of it, so that they can be halved twice."""

_ROW_GROUP = 64
_LOSSY: dict[str, Any] = {"format": "WEBP", "quality": 85, "method": 0}
_LOSSLESS: dict[str, Any] = {"format": "PNG", "compress_level": 1}

FACTS: Facts = {
    "samples": str,
    "rows": int,
    "cell": list,
    "columns": int,
    "per_page": int,
    "media_type": str,
    "original": (list, NoneType),
    "original_media_type": (str, NoneType),
}
"""What their manifest says besides its files: the pages, then the table of originals if there is one."""


@dataclass(frozen=True)
class PageForm:
    """How thumbnails lie on pages, row by row.

    Attributes:
        size: width and height of a thumbnail, which lies in the middle of its cell.
        cell: width and height of a cell.
        columns: cells in a row.
        per_page: cells on a page.
    """

    size: tuple[int, int]
    cell: tuple[int, int]
    columns: int
    per_page: int

    @classmethod
    def of(cls, width: int, height: int) -> PageForm:
        """The form for pictures of a size."""
        scale = min(1.0, LARGEST_PIXELS / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        cell = -(-size[0] // _HALVES) * _HALVES, -(-size[1] // _HALVES) * _HALVES
        columns = PAGE_PIXELS // cell[0]
        return cls(size, cell, columns, columns * (PAGE_PIXELS // cell[1]))


def pictures_name(samples: str) -> str:
    """The name of the pictures' manifest that belongs to a table of samples."""
    folder, _, file = samples.rpartition("/")
    return f"{folder}/thumbnails/{file.removeprefix('samples-')}"


def save_pictures(files: Files, samples: str, data: Dataset) -> None:
    """Keeps the pictures of a dataset, unless the run holds them already.

    Args:
        files: the run's files.
        samples: the key of their table.
        data: the dataset, whose samples are pictures.

    Raises:
        StorageError: the disk refuses.
    """
    name = pictures_name(samples)
    folder, _, file = name.rpartition("/")
    if file in files.list(folder):
        return
    height, width = (int(side) for side in data.samples.shape[1:3])
    form = PageForm.of(width, height)
    shrunk = form.size != (width, height)
    stem = file.removesuffix(".json")
    with Draft(files, folder, stem, "thumbnails") as draft:
        for number, page in enumerate(_pages(data, form)):
            _save(page, draft.new_file(f"{stem}-{number:05d}", ".webp" if shrunk else ".png"), shrunk)
        originals = shrunk and int(np.prod(data.samples.shape)) <= ORIGINALS_BYTES
        if originals:
            _save_originals(data, draft.new_file(f"{stem}-originals", ".parquet"))
        draft.publish(
            {
                "samples": samples,
                "rows": len(data),
                "cell": list(form.cell),
                "columns": form.columns,
                "per_page": form.per_page,
                "media_type": "image/webp" if shrunk else "image/png",
                "original": [width, height] if originals or not shrunk else None,
                "original_media_type": "image/jpeg" if originals else None,
            }
        )


@dataclass(frozen=True, eq=False)
class StoredPictures:
    """The pictures of a run, as their manifest tells.

    Attributes:
        manifest: what it says.
        paths: the pages, and the table of originals where there is one.
    """

    manifest: dict[str, Any]
    paths: list[Path]

    @property
    def pages(self) -> list[Path]:
        """The pages, in the fair order."""
        return self.paths[: -(-self.manifest["rows"] // self.manifest["per_page"])]

    @property
    def originals(self) -> Path | None:
        """The table of originals, row by row."""
        return self.paths[len(self.pages)] if self.manifest["original_media_type"] else None

    def original(self, row: int) -> bytes:
        """The original of a sample as a file. Raises BrokenFile where it cannot be read."""
        assert self.originals is not None
        try:
            with pq.ParquetFile(self.originals) as table:
                group = table.read_row_group(row // _ROW_GROUP, columns=["picture"])
                return bytes(group["picture"][row % _ROW_GROUP].as_py())
        except (pa.ArrowException, OSError, IndexError, KeyError) as error:
            raise BrokenFile(f"{self.originals.name} is no table of pictures.", got=str(error)) from error


def read_pictures(files: Files, samples: str) -> StoredPictures:
    """The pictures that belong to a table of samples.

    Raises:
        DataMissing: there are none.
        BrokenFile: what is there cannot be read.
    """
    name = pictures_name(samples)
    return stored_pictures(files, name, read_manifest(files, name, "thumbnails", FACTS))


def stored_pictures(files: Files, name: str, manifest: dict[str, Any]) -> StoredPictures:
    """The pictures of a manifest that was read already. Raises BrokenFile where it cannot be trusted."""
    numbers = [manifest["rows"], manifest["columns"], manifest["per_page"], *manifest["cell"]]
    if len(numbers) != 5 or not all(type(number) is int and number > 0 for number in numbers):
        raise BrokenFile(f"The sizes in {name} cannot be trusted.", got=f"{numbers}")
    pages = -(-manifest["rows"] // manifest["per_page"])
    if len(manifest["files"]) != pages + (manifest["original_media_type"] is not None):
        raise BrokenFile(
            f"The pages of {name} do not add up.", got=f"{len(manifest['files'])} files", expected=f"{pages}"
        )
    return StoredPictures(manifest, [data_path(files, name, each) for each in manifest["files"]])


def _pages(data: Dataset, form: PageForm) -> Iterator[NDArray[np.uint8]]:
    """The pages, each uint8 of shape (height, width[, 3]); the last is only as high as it must be."""
    order = fair_order(len(data))
    for start in range(0, len(order), form.per_page):
        yield page_of(_taken(data.samples, order[start : start + form.per_page]), form)


def page_of(pictures: NDArray[np.uint8], form: PageForm) -> NDArray[np.uint8]:
    """A page of pictures, uint8 of shape (m, height, width[, 3]), in this order."""
    cells = _in_cells(pictures, form)
    lines = -(-len(cells) // form.columns)
    page = np.zeros((lines * form.columns, *cells.shape[1:]), np.uint8)
    page[: len(cells)] = cells
    (width, height), colours = form.cell, cells.shape[3:]
    page = page.reshape(lines, form.columns, height, width, *colours).swapaxes(1, 2)
    return page.reshape(lines * height, form.columns * width, *colours)


def _taken(samples: Any, rows: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Some pictures, (m, height, width[, 3]); asked for in their own order, which disks read faster."""
    inverse = np.argsort(np.argsort(rows))
    pictures = np.asarray(samples[np.sort(rows).astype(np.intp)])[inverse]
    return pictures[..., 0] if pictures.shape[3:] == (1,) else pictures


def _in_cells(pictures: NDArray[np.uint8], form: PageForm) -> NDArray[np.uint8]:
    """Pictures scaled and laid in the middle of their cells, the rest black."""
    (width, height), (cell_width, cell_height) = form.size, form.cell
    if pictures.shape[1:3] != (height, width):
        pictures = np.stack([_shrunk(each, form.size) for each in pictures])
    if form.size == form.cell:
        return pictures
    cells = np.zeros((len(pictures), cell_height, cell_width, *pictures.shape[3:]), np.uint8)
    top, left = (cell_height - height) // 2, (cell_width - width) // 2
    cells[:, top : top + height, left : left + width] = pictures
    return cells


def _shrunk(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    from PIL import Image

    small = Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(small, np.uint8)


def _save(page: NDArray[np.uint8], path: Path, lossy: bool) -> None:
    from PIL import Image

    with path.open("wb") as file:
        Image.fromarray(page).save(file, **(_LOSSY if lossy else _LOSSLESS))


def _save_originals(data: Dataset, path: Path) -> None:
    schema = pa.schema([("picture", pa.binary())])
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for start in range(0, len(data), _ROW_GROUP):
            pictures = _taken(data.samples, np.arange(start, min(start + _ROW_GROUP, len(data)), dtype=np.uint32))
            writer.write_table(pa.table({"picture": [_jpeg(each) for each in pictures]}, schema))


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=92)
    return file.getvalue()
