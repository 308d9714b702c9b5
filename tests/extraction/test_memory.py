"""Extraction streams: what it needs does not grow with the samples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import resource, sys
import numpy as np
from embedding_lab.extraction import extract
from embedding_lab.frameworks.keras import import_keras

class Made:
    '''Samples made when they are read, so that only what extraction keeps can count.'''
    def __init__(self, count):
        self.shape, self.dtype, self.ndim = (count, 28, 28), np.dtype(np.uint8), 3
    def __len__(self):
        return self.shape[0]
    def __getitem__(self, rows):
        count = len(np.arange(len(self))[rows])
        return np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype=np.uint8)

keras = import_keras()
model = keras.Sequential([
    keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(256, name="wide"),
    keras.layers.Dense(10, activation="softmax", name="classes"),
])
sets = extract(model, Made(int(sys.argv[1])), ["input", "wide", "classes"], out=sys.argv[2])
assert len(sets["wide"]) == int(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_megabytes(samples: int, run: Path) -> float:
    """Of a process of its own, in which nothing else has run."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(samples), str(run)], capture_output=True, text=True, check=True
    )
    return int(done.stdout) / (1024 if sys.platform != "darwin" else 1024**2)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module to ask")
def test_ten_times_the_samples_need_no_more_memory(tmp_path: Path) -> None:
    few, many = peak_megabytes(20_000, tmp_path / "few"), peak_megabytes(200_000, tmp_path / "many")
    assert many - few < 60, f"{few:.0f} MB, then {many:.0f} MB, for 840 MB of vectors: ids and outputs may grow"
