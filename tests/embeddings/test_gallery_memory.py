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


def peak_megabytes(pictures: int, folder: Path) -> float:
    """Of a process of its own, in which nothing else has run."""
    command = [sys.executable, "-c", SCRIPT, str(pictures), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout) / (1024 if sys.platform != "darwin" else 1024**2)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module to ask")
def test_ten_times_the_files_need_no_more_memory(tmp_path: Path) -> None:
    few, many = peak_megabytes(4_000, tmp_path / "few"), peak_megabytes(40_000, tmp_path / "many")
    assert many - few < 60, f"{few:.0f} MB, then {many:.0f} MB for 36,000 more: their paths and ids may grow"
