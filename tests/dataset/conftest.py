"""What the dataset tests share: a machine with nothing on it, and files to read."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embedding_lab.dataset.idx import idx_blocks

WriteIdx = Callable[..., Path]


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No data folder, an empty cache, an empty Keras cache, and loopback reached without a proxy."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.delenv("EMBEDDING_LAB_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(home / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(home / "keras"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return home


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for examples that write the same file again and again."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="session")
def write_idx() -> WriteIdx:
    """Writes an array as an IDX file, gzipped where its name says so, and returns the path."""

    def write(path: Path, array: NDArray[Any]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = b"".join(map(bytes, idx_blocks(array)))
        path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
        return path

    return write


@pytest.fixture
def own_idx_folder(tmp_path: Path, write_idx: WriteIdx) -> Path:
    """A small set of the user's own: 6 training and 4 test pictures of 2 × 3 pixels."""
    folder = tmp_path / "marks"
    for prefix, count in (("train", 6), ("t10k", 4)):
        pictures = np.arange(count * 6, dtype=np.uint8).reshape(count, 2, 3)
        write_idx(folder / f"{prefix}-images-idx3-ubyte.gz", pictures)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8) % 3)
    return folder
