"""Pictures of samples: on pages in the fair order, small where they are large, and given back as they were."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedding_lab.embeddings import Run, as_dataset
from embedding_lab.embeddings.pictures import PAGES_WAITING, PageForm, read_pictures
from embedding_lab.embeddings.sampling import fair_order
from embedding_lab.errors import BrokenFile, DataMissing


def noise(*shape: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def opened(path: Path) -> Any:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("shape", [(40, 8, 8), (40, 28, 28, 1), (3000, 12, 20), (40, 30, 9, 3)])
def test_small_pictures_lie_on_pages_at_their_places_bit_by_bit(run: Run, shape: tuple[int, ...]) -> None:
    pictures = noise(*shape)
    data = as_dataset(pictures)
    run.save_pictures(data)
    stored = read_pictures(run.files, run.save_dataset(data))
    (width, height), columns = stored.manifest["cell"], stored.manifest["columns"]
    top, left = (height - shape[1]) // 2, (width - shape[2]) // 2
    pages = [opened(path) for path in stored.pages]
    for place, row in enumerate(fair_order(len(data))):
        number, cell = divmod(place, stored.manifest["per_page"])
        y, x = cell // columns * height + top, cell % columns * width + left
        found = pages[number][y : y + shape[1], x : x + shape[2]]
        assert np.array_equal(found, pictures[row].reshape(found.shape))
    assert stored.originals is None
    assert stored.manifest["original"] == [shape[2], shape[1]]


def test_large_pictures_are_shrunk_and_their_originals_kept(run: Run) -> None:
    pictures = np.zeros((70, 90, 180, 3), np.uint8) + np.arange(70, dtype=np.uint8)[:, None, None, None] * 3
    data = as_dataset(pictures)
    run.save_pictures(data)
    stored = read_pictures(run.files, run.save_dataset(data))
    assert stored.manifest["cell"] == [64, 32]
    assert opened(stored.pages[0]).shape == (5 * 32, 16 * 64, 3)
    for row in (0, 63, 64, 69):
        original = np.asarray(Image.open(io.BytesIO(stored.original(row))))
        assert original.shape == (90, 180, 3)
        assert abs(int(original.mean()) - 3 * row) <= 1


def test_originals_beyond_the_limit_are_not_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedding_lab.embeddings.pictures.ORIGINALS_BYTES", 1000)
    data = as_dataset(noise(5, 100, 100))
    run.save_pictures(data)
    stored = read_pictures(run.files, run.save_dataset(data))
    assert stored.originals is None
    assert stored.manifest["original"] is None


def test_the_same_pictures_are_written_once(run: Run) -> None:
    data = as_dataset(noise(5, 8, 8))
    run.save_pictures(data)
    before = sorted(run.files.root.rglob("*"))
    Run(run.path).save_pictures(as_dataset(noise(5, 8, 8)))
    assert sorted(run.files.root.rglob("*")) == before


def test_pictures_on_more_pages_than_may_wait_are_all_at_their_places(run: Run) -> None:
    form = PageForm.of(64, 64)
    pictures = np.zeros(((PAGES_WAITING + 3) * form.per_page, 64, 64), np.uint8)
    pictures[:, 0, :2] = np.arange(len(pictures), dtype="<u2").view(np.uint8).reshape(-1, 2)
    data = as_dataset(pictures)
    run.save_pictures(data)
    stored = read_pictures(run.files, run.save_dataset(data))
    assert (stored.thumbnails() == pictures).all()


def test_pictures_are_kept_whole_where_what_was_done_meanwhile_fails(run: Run) -> None:
    pictures = noise(40, 8, 8)
    data = as_dataset(pictures)
    with pytest.raises(OSError, match="of something else"), run.saving_pictures(data):
        raise OSError("of something else")
    assert (read_pictures(run.files, run.save_dataset(data)).thumbnails() == pictures).all()


def test_samples_that_are_no_pictures_leave_nothing_behind(run: Run) -> None:
    data = as_dataset(np.zeros((5, 8)))
    run.save_pictures(data)
    with pytest.raises(DataMissing):
        read_pictures(run.files, run.save_dataset(data))


def test_a_manifest_that_promises_more_pages_than_it_lists_is_refused(run: Run) -> None:
    data = as_dataset(noise(5, 8, 8))
    run.save_pictures(data)
    manifest = next(run.files.root.glob("samples/*/thumbnails/*.json"))
    manifest.write_text(manifest.read_text("utf-8").replace('"per_page": 16384', '"per_page": 1'), "utf-8")
    with pytest.raises(BrokenFile, match="do not add up"):
        read_pictures(run.files, run.save_dataset(data))


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (28, 28), (64, 64), (65, 64), (1000, 2)])
def test_cells_halve_twice_and_fit_a_page(size: tuple[int, int]) -> None:
    form = PageForm.of(*size)
    assert all(side % 4 == 0 and side <= 64 for side in form.cell)
    assert form.columns * form.cell[0] <= 1024
    assert form.per_page >= 256
