"""Pictures stream: what hundreds of thousands of files need is what thousands do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import io, resource, sys
from pathlib import Path
import numpy as np
from PIL import Image
import embedding_lab as lab
from embedding_lab.embeddings import create_run

count, folder = int(sys.argv[1]), Path(sys.argv[2])
folder.mkdir()
numbers = np.random.default_rng(0)
for number in range(20):
    size = numbers.integers(70, 130, 2).tolist()
    Image.effect_noise(size, 60).convert("RGB").save(folder / f"{number}.jpg")
paths = [str(folder / f"{row % 20}.jpg") for row in range(count)]
data = lab.as_dataset(np.zeros((count, 1), np.float32), images=paths)
create_run(folder / "run").save_pictures(data)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


SMALL = """
import resource, sys
from pathlib import Path
import numpy as np
import embedding_lab as lab
from embedding_lab.embeddings.pictures import read_pictures

count, folder = int(sys.argv[1]), Path(sys.argv[2])
images = np.random.default_rng(0).integers(0, 256, (count, 20, 20), np.uint8)
lab.log_embeddings(folder / "run", np.zeros((count, 2), np.float32), images=images)
run = lab.open_run(folder / "run")
stored = read_pictures(run.files, run.save_dataset(run.embeddings("embeddings").dataset))
assert stored.manifest["per_page"] * len(stored.pages) >= count
unit = 1024 if sys.platform != "darwin" else 1
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - images.nbytes // unit)
"""


def peak_megabytes(pictures: int, folder: Path, script: str = SCRIPT) -> float:
    """Of a process of its own, in which nothing else has run."""
    command = [sys.executable, "-c", script, str(pictures), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout) / (1024 if sys.platform != "darwin" else 1024**2)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module to ask")
def test_ten_times_the_files_need_no_more_memory(tmp_path: Path) -> None:
    few, many = peak_megabytes(4_000, tmp_path / "few"), peak_megabytes(40_000, tmp_path / "many")
    assert many - few < 60, f"{few:.0f} MB, then {many:.0f} MB for 36,000 more: their paths and ids may grow"


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module to ask")
def test_three_hundred_thousand_small_pictures_are_logged_without_a_copy_of_them(tmp_path: Path) -> None:
    few = peak_megabytes(30_000, tmp_path / "few", SMALL)
    many = peak_megabytes(300_000, tmp_path / "many", SMALL)
    assert many - few < 60, f"{few:.0f} MB, then {many:.0f} MB beside 108 MB more of pictures"
