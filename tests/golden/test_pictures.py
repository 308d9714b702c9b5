"""The kept pictures of a run are read for ever, and their places are still the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from embedding_lab.embeddings import Run, as_dataset, create_run, open_run
from embedding_lab.embeddings.pictures import read_pictures
from embedding_lab.embeddings.sampling import fair_order

GOLDEN = Path(__file__).parent / "pictures-v1"
ROWS = 7


def write_golden_run(path: Path) -> Run:
    """The run that the kept files are of; `python tests/golden/test_pictures.py` keeps it anew."""
    run = create_run(path)
    small = np.arange(ROWS * 3 * 5, dtype=np.uint8).reshape(ROWS, 3, 5)
    large = np.repeat(np.arange(ROWS, dtype=np.uint8) * 30, 80 * 100 * 3).reshape(ROWS, 80, 100, 3)
    for name, pictures in (("small", small), ("large", large)):
        run.save_pictures(as_dataset(pictures, name=name))
    return run


def key_of(run: Run, name: str) -> str:
    manifest = next((run.files.root / "samples" / name).glob("*.json"))
    return f"samples/{name}/{manifest.name}"


def test_the_kept_small_pictures_read_as_they_were_written() -> None:
    run = open_run(GOLDEN)
    stored = read_pictures(run.files, key_of(run, "small"))
    assert stored.manifest["cell"] == [8, 4]
    assert stored.manifest["original"] == [5, 3]
    (page,) = (np.asarray(Image.open(path)) for path in stored.pages)
    for place, row in enumerate([3, 2, 1, 6, 0, 4, 5]):
        found = page[0:3, place * 8 + 1 : place * 8 + 6]
        assert np.array_equal(found, np.arange(row * 15, row * 15 + 15).reshape(3, 5))


def test_the_kept_large_pictures_read_as_they_were_written() -> None:
    run = open_run(GOLDEN)
    stored = read_pictures(run.files, key_of(run, "large"))
    assert stored.manifest["cell"] == [64, 52]
    assert stored.original(3).startswith(b"\xff\xd8")
    (page,) = (np.asarray(Image.open(path)) for path in stored.pages)
    for place, row in enumerate(fair_order(ROWS)):
        assert abs(int(page[20:30, place * 64 + 20 : place * 64 + 40].mean()) - int(row) * 30) <= 2


def test_the_fair_order_is_the_same_for_ever() -> None:
    assert fair_order(ROWS).tolist() == [3, 2, 1, 6, 0, 4, 5]
    assert fair_order(1_000_000)[:5].tolist() == [150050, 78538, 238149, 743558, 300025]


def test_pictures_are_still_written_as_the_kept_ones(tmp_path: Path) -> None:
    written = write_golden_run(tmp_path / "run")
    for name in ("small", "large"):
        ours, kept = (said(run, name) for run in (written, open_run(GOLDEN)))
        assert ours == kept


def said(run: Run, name: str) -> dict[str, object]:
    """What the manifest says besides names, times and sums."""
    manifest = json.loads(
        next((run.files.root / "samples" / name / "thumbnails").glob("*.json")).read_text("utf-8")
    )
    return {
        key: value for key, value in manifest.items() if key not in ("version", "generation", "written", "files")
    }


if __name__ == "__main__":
    shutil.rmtree(GOLDEN, ignore_errors=True)
    write_golden_run(GOLDEN)
    for event_file in GOLDEN.glob("events.*"):
        event_file.unlink()
