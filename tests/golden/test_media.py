"""The kept sounds and pictures in columns of a run are read for ever."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from embedding_lab.embeddings import Run, as_dataset, create_run, open_run
from embedding_lab.embeddings.stored_media import read_media

GOLDEN = Path(__file__).parent / "media-v1"
TONE = b"RIFF" + (36 + 4).to_bytes(4, "little") + b"WAVEfmt " + bytes(28)
PICTURE = b"GIF89a" + bytes(20)


def write_golden_run(path: Path) -> Run:
    """The run that the kept files are of; `python tests/golden/test_media.py` keeps it anew."""
    run = create_run(path)
    columns = {"a Tone": [TONE, None, TONE + b"x"], "picture": [PICTURE] * 3}
    run.save_media(as_dataset(np.zeros((3, 1)), name="tiny", columns=columns))
    return run


def test_the_kept_sounds_and_pictures_read_as_they_were_written(tmp_path: Path) -> None:
    for run in (open_run(GOLDEN), write_golden_run(tmp_path / "run")):
        (manifest,) = (run.files.root / "samples" / "tiny").glob("samples-*.json")
        media = read_media(run.files, f"samples/tiny/{manifest.name}")
        assert {name: each.kind for name, each in media.items()} == {"a Tone": "audio", "picture": "image"}
        tones = [media["a Tone"].file(row) for row in range(3)]
        assert tones == [(TONE, "audio/wav"), None, (TONE + b"x", "audio/wav")]
        assert media["picture"].file(2) == (PICTURE, "image/gif")


def test_their_manifests_are_still_written_as_the_kept_ones(tmp_path: Path) -> None:
    ours, kept = (
        {
            path.name: {
                key: value
                for key, value in json.loads(path.read_text("utf-8")).items()
                if key not in ("version", "generation", "written", "files")
            }
            for path in (run.files.root / "samples" / "tiny" / "media").glob("*.json")
        }
        for run in (write_golden_run(tmp_path / "run"), open_run(GOLDEN))
    )
    assert ours == kept


if __name__ == "__main__":
    shutil.rmtree(GOLDEN, ignore_errors=True)
    write_golden_run(GOLDEN)
    for event_file in GOLDEN.glob("events.*"):
        event_file.unlink()
