"""The pictures of a dataset inside a run: small ones on pages, in the fair order, and the originals where cheap.

They lie beside the table of samples and are named by its content as that is, so that all layers and steps of the
same samples share them.
"""

from __future__ import annotations

import contextlib
import io
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedding_lab.cores import cores
from embedding_lab.embeddings.dataset import Dataset
from embedding_lab.embeddings.files import Files, storage_errors
from embedding_lab.embeddings.gallery import THUMBNAIL_PIXELS, Gallery
from embedding_lab.embeddings.large import temporary_array
from embedding_lab.embeddings.manifest import DataFile, Draft, Facts, data_path, read_manifest
from embedding_lab.embeddings.png import as_png
from embedding_lab.embeddings.sampling import fair_order
from embedding_lab.errors import BrokenFile

PAGE_PIXELS = 1024
"""The width of a page, and its height unless it is the last."""

ORIGINALS_BYTES = 256 << 20
"""Originals are kept as long as all of them together have no more bytes of pixels."""

PAGES_WAITING = 16
"""So many pages may wait to be compressed: 48 MB at most."""

_HALVES = 4
"""Cells are a multiple of it, so that they can be halved twice."""

_ROW_GROUP = 64

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
        scale = min(1.0, THUMBNAIL_PIXELS / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        cell = -(-size[0] // _HALVES) * _HALVES, -(-size[1] // _HALVES) * _HALVES
        columns = PAGE_PIXELS // cell[0]
        return cls(size, cell, columns, columns * (PAGE_PIXELS // cell[1]))


def pictures_name(samples: str) -> str:
    """The name of the pictures' manifest that belongs to a table of samples."""
    folder, _, file = samples.rpartition("/")
    return f"{folder}/thumbnails/{file.removeprefix('samples-')}"


@contextlib.contextmanager
def saving_pictures(files: Files, samples: str, data: Dataset) -> Iterator[None]:
    """Keeps the pictures of a dataset, unless the run holds them already.

    They are read before the block begins, compressed while it runs, and published when it ends, also by an error.

    Args:
        files: the run's files.
        samples: the key of their table.
        data: the dataset, which has pictures.

    Raises:
        StorageError: the disk refuses.
    """
    name = pictures_name(samples)
    folder, _, file = name.rpartition("/")
    if file in files.list(folder):
        yield
        return
    pictures = data.shown
    height, width = (int(side) for side in pictures.shape[1:3])
    form = PageForm.of(width, height)
    size, pixels, shrunk = (width, height), int(np.prod(pictures.shape)), form.size != (width, height)
    if isinstance(pictures, Gallery) and pictures.shrunk:
        size, pixels, shrunk = pictures.original_size, 3 * pictures.pixels, True
    stem = file.removesuffix(".json")
    originals = shrunk and pixels <= ORIGINALS_BYTES
    with contextlib.ExitStack() as begun:
        draft = begun.enter_context(Draft(files, folder, stem, "thumbnails"))
        pages = begun.enter_context(_Pages(lossy=shrunk))
        for number, page in enumerate(_pages(pictures, form)):
            pages.save(page, draft.stream(f"{stem}-{number:05d}", ".webp" if shrunk else ".png"))
        if originals:
            _save_originals(pictures, draft.new_file(f"{stem}-originals", ".parquet"))
        finishing = begun.pop_all()
    try:
        yield
    finally:
        with finishing:
            pages.finish()
            draft.publish(
                {
                    "samples": samples,
                    "rows": len(data),
                    "cell": list(form.cell),
                    "columns": form.columns,
                    "per_page": form.per_page,
                    "media_type": "image/webp" if shrunk else "image/png",
                    "original": list(size) if originals or not shrunk else None,
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

    def thumbnails(self) -> NDArray[np.uint8]:
        """All thumbnails, row by row; those as large as the pictures have no borders.

        Returns:
            uint8, shape (n, height, width[, 3]).

        Raises:
            BrokenFile: a page cannot be read.
            StorageError: the disk for temporary files refuses.
        """
        said = self.manifest
        exact = said["media_type"] == "image/png" and said["original"]
        (width, height), (cell_width, cell_height) = said["original"] if exact else said["cell"], said["cell"]
        top, left = (cell_height - height) // 2, (cell_width - width) // 2
        order = fair_order(said["rows"])
        found: Any = None
        for number, path in enumerate(self.pages):
            page = _opened_page(path)
            rows = order[number * said["per_page"] :][: said["per_page"]]
            try:
                lines = page.shape[0] // cell_height
                cells = page.reshape(lines, cell_height, said["columns"], cell_width, *page.shape[2:]).swapaxes(
                    1, 2
                )
                cells = cells.reshape(-1, *cells.shape[2:])[:, top : top + height, left : left + width]
                if found is None:
                    found = temporary_array((said["rows"], *cells.shape[1:]), np.uint8)
                found[rows] = cells[: len(rows)]
            except (ValueError, ZeroDivisionError) as error:
                raise BrokenFile(f"{path.name} does not fit its manifest.", got=f"{page.shape} pixels") from error
        if found is None:
            raise BrokenFile("A manifest of thumbnails names no pages.", expected="a page for every so many rows")
        return np.asanyarray(found)

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


def _opened_page(path: Path) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with storage_errors(path), Image.open(path, formats=["PNG", "WEBP"]) as image:
            return np.asarray(image)
    except (ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BrokenFile(f"{path} is no page of thumbnails.", got=str(error)[:200]) from error


def _pages(pictures: Any, form: PageForm) -> Iterator[NDArray[np.uint8]]:
    """The pages, each uint8 of shape (height, width[, 3]); the last is only as high as it must be."""
    order = fair_order(len(pictures))
    for start in range(0, len(order), form.per_page):
        yield page_of(_taken(pictures, order[start : start + form.per_page]), form)


def page_of(pictures: NDArray[np.uint8], form: PageForm) -> NDArray[np.uint8]:
    """A page of pictures, uint8 of shape (m, height, width[, 3]), in this order."""
    cells = _in_cells(pictures, form)
    lines = -(-len(cells) // form.columns)
    (width, height), colours = form.cell, cells.shape[3:]
    page = np.zeros((lines * height, form.columns * width, *colours), np.uint8)
    places = page.reshape(lines, height, form.columns, width, *colours).swapaxes(1, 2)
    for line in range(lines):
        few = cells[line * form.columns : (line + 1) * form.columns]
        places[line, : len(few)] = few
    return page


def _taken(samples: Any, rows: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Some pictures, (m, height, width[, 3]); asked for in their own order, which disks read faster."""
    if type(samples) is np.ndarray:  # in memory any order is as fast
        pictures = samples[rows]
    else:
        pictures = np.asarray(samples[np.sort(rows).astype(np.intp)])[np.argsort(np.argsort(rows))]
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


class _Pages:
    """Compresses pages beside this thread, which helps where too many of them wait.

    Leaving it waits for what has begun.
    """

    def __init__(self, *, lossy: bool) -> None:
        self._lossy = lossy
        self._threads = ThreadPoolExecutor(max(1, cores() - 1), "embedding-lab-pages")
        self._saved: deque[Future[None]] = deque()

    def __enter__(self) -> _Pages:
        return self

    def __exit__(self, *error: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def save(self, page: NDArray[np.uint8], file: DataFile) -> None:
        """Writes a page to a file, now or later."""
        while self._saved and self._saved[0].done():
            self._saved.popleft().result()
        if len(self._saved) < PAGES_WAITING:
            self._saved.append(self._threads.submit(_save, page, file, self._lossy))
        else:
            _save(page, file, self._lossy)

    def finish(self) -> None:
        """Waits for all pages; raises what went wrong with them."""
        for each in self._saved:
            each.result()


def _save(page: NDArray[np.uint8], file: DataFile, lossy: bool) -> None:
    with file:
        file.write(_as_webp(page) if lossy else as_png(page))


def _as_webp(page: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(page).save(file, "WEBP", quality=85, method=0)
    return file.getvalue()


def _save_originals(pictures: Any, path: Path) -> None:
    schema = pa.schema([("picture", pa.binary())])
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for start in range(0, len(pictures), _ROW_GROUP):
            rows = np.arange(start, min(start + _ROW_GROUP, len(pictures)), dtype=np.uint32)
            group = [_jpeg(each) for each in _whole(pictures, rows)]
            writer.write_table(pa.table({"picture": group}, schema))


def _whole(pictures: Any, rows: NDArray[np.uint32]) -> Any:
    """Some pictures at their own size."""
    return map(pictures.original, rows.tolist()) if isinstance(pictures, Gallery) else _taken(pictures, rows)


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=92)
    return file.getvalue()
