"""Files of this machine, and those of a store that fsspec opens."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import embedding_lab as lab
from contracts.files_contract import FilesContract
from embedding_lab.embeddings.copies import BOUND_VARIABLE, copies_folder
from embedding_lab.embeddings.files import STALE_SECONDS, Files, LocalFiles
from embedding_lab.embeddings.places import absolute, files_at, shown
from embedding_lab.embeddings.remote_files import RemoteFiles, remote_address
from embedding_lab.errors import InputError, MissingDependency

FSSPEC = 'no fsspec: pip install "embedding-lab[remote]"'


class TestLocalFiles(FilesContract):
    @pytest.fixture
    def files(self, tmp_path: Path) -> Files:
        return LocalFiles(tmp_path)

    @pytest.fixture
    def again(self, tmp_path: Path) -> Files:
        return LocalFiles(tmp_path)


class TestRemoteFiles(FilesContract):
    @pytest.fixture
    def files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
        pytest.importorskip("fsspec", reason=FSSPEC)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        (tmp_path / "store").mkdir()
        return RemoteFiles(f"file://{tmp_path}/store")

    @pytest.fixture
    def again(self, files: RemoteFiles) -> Files:
        return RemoteFiles(files.root)

    def test_a_large_file_is_fetched_once(self, files: RemoteFiles, tmp_path: Path) -> None:
        (tmp_path / "store" / "vectors.npy").write_bytes(b"numbers")
        first = files.local("vectors.npy")
        (tmp_path / "store" / "vectors.npy").unlink()
        assert files.local("vectors.npy") == first
        assert first.read_bytes() == b"numbers"

    def test_copies_stay_within_bounds_and_what_was_used_last_stays(
        self, files: RemoteFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(BOUND_VARIABLE, "0.0000025")  # 2,500 bytes
        for number, name in enumerate(("one.npy", "two.npy")):
            draft = files.draft(name)
            draft.write_bytes(bytes(1000))
            files.publish_draft(draft, name)
            os.utime(files.local(name), (number, number))
        assert files.local("one.npy").stat().st_mtime > 1  # it was used just now, the other one long ago
        draft = files.draft("three.npy")
        draft.write_bytes(bytes(1000))
        files.publish_draft(draft, "three.npy")
        assert sorted(each.name for each in copies_folder().rglob("*.npy")) == ["one.npy", "three.npy"]
        assert files.local("two.npy").stat().st_size == 1000  # fetched again

    def test_what_a_killed_writer_left_counts_for_nothing_and_goes(
        self, files: RemoteFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(BOUND_VARIABLE, "0.000002")
        left, young = files.draft("left.npy"), files.draft("young.npy")
        for each in (left, young):
            each.write_bytes(bytes(10_000))
        long_ago = time.time() - STALE_SECONDS - 60
        os.utime(left, (long_ago, long_ago))
        files.publish_draft(_written(files.draft("one.npy")), "one.npy")
        files.publish_draft(_written(files.draft("two.npy")), "two.npy")
        assert not left.exists()
        assert young.exists()
        assert sorted(each.name for each in copies_folder().rglob("*.npy")) == ["one.npy", "two.npy"]

    def test_a_bound_that_is_no_number_is_refused(
        self, files: RemoteFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(BOUND_VARIABLE, "much")
        with pytest.raises(InputError, match=BOUND_VARIABLE):
            files.publish_draft(_written(files.draft("one.npy")), "one.npy")


def _written(draft: Path) -> Path:
    draft.write_bytes(b"numbers")
    return draft


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("s3://bucket/logs/run", "s3://bucket/logs/run"),
        (Path("s3://bucket/logs") / "run", "s3://bucket/logs/run"),
        ("gs://bucket", "gs://bucket"),
        ("file:///tmp/logs", "file:///tmp/logs"),
        ("logs/run", None),
        ("/tmp/s3:/logs", None),
        ("c:/logs", None),
    ],
)
def test_an_address_is_told_from_a_path(path: str | Path, address: str | None) -> None:
    assert remote_address(path) == address
    if address is not None:
        assert absolute(path) == Path(path)
        assert shown(path) == address


def test_a_store_whose_part_is_not_installed_names_the_extra() -> None:
    pytest.importorskip("fsspec", reason=FSSPEC)
    with pytest.raises(MissingDependency, match=r"embedding-lab\[remote\]"):
        files_at(Path("adl://somewhere/logs"))  # Azure's is in no extra of ours


@pytest.mark.parametrize(("missing", "store"), [("fsspec", "s3"), ("s3fs", "s3"), ("gcsfs", "gs")])
def test_without_what_reads_a_store_the_install_command_is_said(missing: str, store: str) -> None:
    script = (
        f"import sys; sys.modules[{missing!r}] = None; import embedding_lab as lab; lab.open_run('{store}://a/run')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "MissingDependency" in done.stderr
    assert 'pip install "embedding-lab[remote]"' in done.stderr


def test_an_address_that_nobody_knows_is_refused() -> None:
    pytest.importorskip("fsspec", reason=FSSPEC)
    with pytest.raises(InputError, match="no address"):
        lab.open_run("nowhere://bucket/run")


def test_a_run_in_a_store_reads_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec", reason=FSSPEC)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    vectors = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    told = lab.log_embeddings(f"file://{tmp_path}/logs/run", vectors, layer="mine", labels=np.arange(20) % 3)
    assert "object store" in told.notes[0]
    for run in (lab.open_run(f"file://{tmp_path}/logs/run"), lab.open_run(tmp_path / "logs" / "run")):
        assert run.layers == ["mine"]
        np.testing.assert_array_equal(run.embeddings("mine").vectors, vectors)
    assert any("tfevents" in each.name for each in (tmp_path / "logs" / "run").iterdir())


def test_a_run_in_a_store_is_examined_and_exported_as_one_on_a_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fsspec", reason=FSSPEC)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    address = f"file://{tmp_path}/logs/run"
    lab.log_embeddings(address, np.eye(5, dtype=np.float32), layer="mine")
    command = [
        sys.executable,
        "-m",
        "embedding_lab",
        "export",
        address,
        "--format",
        "parquet",
        "--out",
        "run.parquet",
    ]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    assert (tmp_path / "run.parquet").exists()
    (vectors,) = (tmp_path / "logs").rglob("vectors-*.npy")
    vectors.write_bytes(vectors.read_bytes()[:-4] + b"else")
    shutil.rmtree(tmp_path / "cache")
    for asked in (address, f"file://{tmp_path}/logs"):
        assert [each.name for each in lab.doctor(asked).findings] == ["logdir-remote", "own-file-broken"]
