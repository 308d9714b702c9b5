"""A full or read-only disk and a killed writer cost nothing that was complete before."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from embedding_lab.embeddings import Projection, Run, as_dataset, create_run, open_run
from embedding_lab.embeddings.files import LocalFiles, publish_file
from embedding_lab.embeddings.manifest import Draft, read_manifest, verify
from embedding_lab.embeddings.stored_run import PLUGIN_FOLDER
from embedding_lab.errors import StorageError


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small file system to fill: mount says {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    if sys.platform != "linux":
        pytest.skip("a small file system is mounted on Linux only")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "none", str(disk))
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def write(run: Run, rows: int, value: float) -> None:
    with run.embedding_writer("layer", as_dataset(np.zeros((rows, 1)))) as writer:
        for _ in range(rows // 100):
            writer.append(np.full((100, 64), value))


def test_a_full_disk_is_said_and_the_last_complete_state_stays(small_disk: Path) -> None:
    run = create_run(small_disk / "run")
    write(run, 100, 1.0)
    with pytest.raises(StorageError, match="disk is full"):
        write(run, 10_000, 2.0)
    assert float(run.embeddings("layer").vectors[0, 0]) == 1.0
    assert not list(small_disk.rglob("*.partial")), "what could not be finished takes no room"
    write(run, 100, 3.0)
    assert float(run.embeddings("layer").vectors[0, 0]) == 3.0


def test_a_full_disk_is_said_when_samples_maps_or_notes_do_not_fit(small_disk: Path) -> None:
    run = create_run(small_disk / "run")
    with (small_disk / "ballast").open("wb", buffering=0) as ballast, pytest.raises(OSError, match="space"):
        while True:
            ballast.write(bytes(4096))
    data = as_dataset(np.zeros((10_000, 1)), columns={"noise": np.random.default_rng(0).normal(size=10_000)})
    with pytest.raises(StorageError, match="disk is full"):
        run.save_dataset(data)
    with pytest.raises(StorageError, match="disk is full"):
        run.save_map("layer", None, "map", Projection(np.zeros((10_000, 3), np.float32), data.ids, "pca"))
    with pytest.raises(StorageError, match="disk is full"):
        run.save_selection("all", [f"sample/{number}" for number in range(10_000)])
    with pytest.raises(StorageError, match="disk is full"):
        run.annotate("sample/1", reason="x" * 100_000)


def test_a_read_only_folder_is_said(small_disk: Path) -> None:
    run = create_run(small_disk / "run")
    write(run, 100, 1.0)
    mount("-o", "remount,ro", str(small_disk))
    with pytest.raises(StorageError, match="Choose another folder"):
        write(run, 100, 2.0)
    with pytest.raises(StorageError, match="Choose another folder"):
        create_run(small_disk / "second")
    assert float(open_run(run.path).embeddings("layer").vectors[0, 0]) == 1.0


def test_a_run_inside_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        create_run(tmp_path / "file" / "run")


class InterruptedAsItPublishes(LocalFiles):
    """Ctrl-C in the moment in which a manifest is in place and the writer has not heard of it yet."""

    def publish(self, name: str, data: bytes) -> None:
        super().publish(name, data)
        raise KeyboardInterrupt


class RefusesManifests(LocalFiles):
    """A disk on which the data files found room and the manifest does not."""

    def publish(self, name: str, data: bytes) -> None:
        raise StorageError("The disk is full.")


def publish_one(files: LocalFiles) -> None:
    with Draft(files, "things", "thing", "thing") as draft:
        draft.stream("thing", ".bin").write(b"all of it")
        draft.publish({})


def test_whoever_is_interrupted_as_a_thing_appears_leaves_it_whole(tmp_path: Path) -> None:
    files = InterruptedAsItPublishes(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        publish_one(files)
    verify(files, "things/thing.json", read_manifest(files, "things/thing.json", "thing"))


def test_where_the_manifest_is_refused_the_files_it_would_name_take_no_room(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        publish_one(RefusesManifests(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_what_a_writer_killed_days_ago_left_behind_is_swept(tmp_path: Path) -> None:
    old, new = tmp_path / "model.keras.1.partial", tmp_path / "model.keras.2.partial"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    publish_file(tmp_path / "model.keras", b"whole")
    assert not old.exists()
    assert new.exists(), "it may be at work still"


WRITER = """
import itertools, sys
import numpy as np
from embedding_lab.embeddings import Outputs, Projection, as_dataset, create_run
run, data = create_run(sys.argv[1]), as_dataset(np.zeros((500, 1)))
print("ready", flush=True)
for value in itertools.count():
    with run.embedding_writer("layer", data, shard_bytes=20_000) as writer:
        for _ in range(5):
            writer.append(np.full((100, 64), value))
    with run.outputs_writer(data) as writer:
        writer.append(Outputs(np.full(500, value), np.ones(500, np.float32)))
    points = np.full((500, 3), value, np.float32)
    run.save_map("layer", None, "map", Projection(points, data.ids, "pca", state="forming"))
    run.save_selection("chosen", [str(value)] * 50)
    run.annotate(str(value))
"""


def killed_while_writing(run: Path, moment: float) -> None:
    """Starts a writer that writes for ever and kills it at a moment of its work, in seconds."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(run)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + moment
        while time.monotonic() < deadline:
            pass
        writer.send_signal(signal.SIGKILL)


def check_complete(path: Path) -> None:
    """Whatever is there is whole: one value throughout, checksums right."""
    run = open_run(path)
    for layer in run.layers:
        vectors = np.asarray(run.embeddings(layer).vectors)
        assert vectors.shape == (500, 64)
        assert len(np.unique(vectors)) == 1
        for name in run.maps(layer):
            assert len(np.unique(run.map(layer, name).points)) == 1
    for kind, name in (
        ("embeddings", "layers/layer/static/embeddings.json"),
        ("outputs", "steps/static/outputs.json"),
    ):
        if (run.files.root / name).exists():
            verify(run.files, name, read_manifest(run.files, name, kind))
    for selection in run.selections:
        assert run.selection(selection)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
@pytest.mark.parametrize("rounds", [5, pytest.param(100, marks=pytest.mark.long)])
def test_whenever_a_writer_is_killed_the_last_complete_state_opens(tmp_path: Path, rounds: int) -> None:
    moments = random.Random(rounds)
    for _ in range(rounds):
        killed_while_writing(tmp_path / "run", moments.uniform(0, 0.3))
        if (tmp_path / "run" / PLUGIN_FOLDER).is_dir():
            check_complete(tmp_path / "run")
