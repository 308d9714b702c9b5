"""Where MNIST and its kin are found, in which order, and what is said when they are not."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embedding_lab.dataset import load_dataset
from embedding_lab.dataset.idx import read_idx
from embedding_lab.dataset.published import MNIST, PublishedSet
from embedding_lab.dataset.search import published_set
from embedding_lab.errors import BrokenFile, DataMissing

TEST_FILES = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
ALL_FILES = (*TEST_FILES, "train-images-idx3-ubyte", "train-labels-idx1-ubyte")
WriteIdx = Callable[[Path, NDArray[Any]], Path]

pytestmark = [pytest.mark.mnist, pytest.mark.usefixtures("bare_machine")]
load_mnist = partial(load_dataset, "mnist", download=False)


@pytest.fixture
def mnist(mnist_dir: Path) -> Path:
    """The folder with MNIST's own four files."""
    return mnist_dir / "mnist"


@pytest.fixture
def data(mnist: Path, tmp_path: Path) -> Path:
    """A user's data folder with a copy of MNIST's test part in `mnist/`, gzipped."""
    folder = tmp_path / "data"
    (folder / "mnist").mkdir(parents=True)
    for stem in TEST_FILES:
        shutil.copyfile(mnist / f"{stem}.gz", folder / "mnist" / f"{stem}.gz")
    return folder


def unpack(path: Path) -> Path:
    """Replaces a gzipped file by the unpacked one."""
    plain = path.with_suffix("")
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    path.unlink()
    return plain


# ------------------------------------------------------------------------------------------- what is found


def test_mnist_is_what_the_world_knows(mnist_dir: Path) -> None:
    data = load_mnist(data_dir=mnist_dir, split="all")
    assert data.name == "mnist"
    assert data.samples.shape == (70_000, 28, 28)
    assert data.samples.dtype == np.uint8
    assert data.pictures
    assert data.labels is not None
    assert data.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.labels[60_000:60_005].tolist() == [7, 2, 1, 0, 4]
    assert data.class_names == tuple("0123456789")
    assert data.ids[[0, 59_999, 60_000, 69_999]].tolist() == [
        "mnist/train/00000",
        "mnist/train/59999",
        "mnist/test/00000",
        "mnist/test/09999",
    ]
    assert data.splits is not None
    assert data.splits[[0, -1]].tolist() == ["train", "test"]


def test_an_id_means_the_same_picture_in_every_split_and_sample(mnist_dir: Path) -> None:
    whole = load_mnist(data_dir=mnist_dir, split="all")
    rows = {text: row for row, text in enumerate(whole.ids)}
    assert whole.labels is not None
    for split in ("train", "test", "all"):
        part = load_mnist(data_dir=mnist_dir, split=split, samples=500, seed=3)
        there = [rows[text] for text in part.ids]
        np.testing.assert_array_equal(part.samples, whole.samples[there])
        np.testing.assert_array_equal(part.labels, whole.labels[there])


def test_the_data_folder_may_be_named_by_the_environment(mnist_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDDING_LAB_DATA", str(mnist_dir))
    assert len(load_mnist()) == 10_000


def test_a_folder_that_is_passed_comes_before_the_environments(
    mnist_dir: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack(data / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"broken")
    monkeypatch.setenv("EMBEDDING_LAB_DATA", str(mnist_dir))
    with pytest.raises(BrokenFile):
        load_mnist(data_dir=data)


def test_files_may_be_unpacked_or_packed_anew(data: Path) -> None:
    unpack(data / "mnist" / "t10k-images-idx3-ubyte.gz")
    labels = data / "mnist" / "t10k-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(gzip.decompress(labels.read_bytes()), compresslevel=1))
    assert len(load_mnist(data_dir=data)) == 10_000


def test_the_name_with_a_dot_is_known_too(data: Path) -> None:
    images = data / "mnist" / "t10k-images-idx3-ubyte.gz"
    images.rename(images.with_name("t10k-images.idx3-ubyte.gz"))
    assert len(load_mnist(data_dir=data)) == 10_000


def test_a_split_needs_only_its_own_files(data: Path) -> None:
    assert len(load_mnist(data_dir=data, split="test")) == 10_000
    with pytest.raises(DataMissing, match="train-images-idx3-ubyte"):
        load_mnist(data_dir=data, split="all")


def test_bare_files_count_as_the_set_whose_checksum_they_bear(data: Path) -> None:
    for path in (data / "mnist").iterdir():
        path.rename(data / f"digits-{path.name}")  # under whatever name
    (data / "mnist").rmdir()
    assert len(load_mnist(data_dir=data)) == 10_000
    with pytest.raises(DataMissing, match="bears the checksum"):
        load_dataset("kmnist", data_dir=data, download=False)


def test_our_own_cache_comes_next(data: Path, bare_machine: Path) -> None:
    shutil.copytree(data / "mnist", bare_machine / "cache" / "embedding-lab" / "mnist")
    assert len(load_mnist()) == 10_000


def test_then_what_keras_has_kept(mnist: Path, bare_machine: Path) -> None:
    write_keras_mnist(bare_machine, mnist)
    assert len(load_mnist()) == 10_000
    assert len(load_mnist(split="train")) == 60_000


def test_a_keras_cache_with_other_content_is_passed_over(mnist: Path, bare_machine: Path) -> None:
    write_keras_mnist(bare_machine, mnist, flip=True)
    with pytest.raises(DataMissing, match=r"mnist\.npz does not hold MNIST as it was published"):
        load_mnist()


def test_keras_keeps_fashion_as_published_files(data: Path, bare_machine: Path) -> None:
    # real Fashion-MNIST is not at hand: MNIST's files in its place must be looked at, told apart and refused
    shutil.copytree(data / "mnist", bare_machine / "keras" / "datasets" / "fashion-mnist")
    with pytest.raises(DataMissing, match="t10k-images-idx3-ubyte of fashion-mnist"):
        load_dataset("fashion-mnist", download=False)


def write_keras_mnist(home: Path, mnist: Path, *, flip: bool = False) -> None:
    arrays = {
        f"{axis}_{part}": read_idx(mnist / f"{prefix}-{kind}-ubyte.gz")
        for part, prefix in (("train", "train"), ("test", "t10k"))
        for axis, kind in (("x", "images-idx3"), ("y", "labels-idx1"))
    }
    if flip:
        arrays["x_test"][0, 0, 0] ^= 1
    path = home / "keras" / "datasets" / "mnist.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, **arrays)


# ---------------------------------------------------------------------------------------------- what is not


def test_when_it_lies_nowhere_the_error_says_which_four_files_to_put_where() -> None:
    with pytest.raises(DataMissing) as caught:
        load_mnist()
    said = str(caught.value)
    for stem in ALL_FILES:
        assert f"{stem}.gz" in said
    for word in ("FOLDER/mnist/", "--data-dir", "EMBEDDING_LAB_DATA", "'digits'", "switched off"):
        assert word in said


def test_a_data_folder_that_does_not_exist_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="nowhere does not exist"):
        load_mnist(data_dir=tmp_path / "nowhere")


def test_a_damaged_file_in_a_cache_is_passed_over(data: Path, mnist: Path, bare_machine: Path) -> None:
    cached = bare_machine / "cache" / "embedding-lab" / "mnist"
    shutil.copytree(data / "mnist", cached)
    damage(cached / "t10k-images-idx3-ubyte.gz")
    with pytest.raises(DataMissing, match=r"embedding-lab/mnist/t10k-images-idx3-ubyte\.gz"):
        load_mnist()
    write_keras_mnist(bare_machine, mnist)
    assert len(load_mnist()) == 10_000


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


# ------------------------------------------------------------------------- broken files in the user's folder


def test_a_cut_file_is_named(data: Path) -> None:
    path = unpack(data / "mnist" / "t10k-images-idx3-ubyte.gz")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BrokenFile, match=r"t10k-images-idx3-ubyte is cut off.*7,839,999.*7,840,000"):
        load_mnist(data_dir=data)


def test_a_damaged_gzip_is_named(data: Path) -> None:
    damage(data / "mnist" / "t10k-images-idx3-ubyte.gz")
    with pytest.raises(BrokenFile, match=r"t10k-images-idx3-ubyte\.gz"):
        load_mnist(data_dir=data)


def test_one_flipped_pixel_is_noticed(data: Path) -> None:
    damage(unpack(data / "mnist" / "t10k-images-idx3-ubyte.gz"))
    with pytest.raises(BrokenFile, match="bears no published checksum"):
        load_mnist(data_dir=data)


def test_images_in_place_of_labels_are_noticed(data: Path) -> None:
    images, labels = (data / "mnist" / f"{stem}.gz" for stem in TEST_FILES)
    shutil.copyfile(images, labels)
    with pytest.raises(BrokenFile, match=r"labels.*which is what t10k-images-idx3-ubyte holds.*swapped"):
        load_mnist(data_dir=data)


def test_train_in_place_of_test_is_noticed(data: Path, mnist: Path) -> None:
    shutil.copyfile(mnist / "train-labels-idx1-ubyte.gz", data / "mnist" / "t10k-labels-idx1-ubyte.gz")
    with pytest.raises(BrokenFile, match="which is what train-labels-idx1-ubyte holds"):
        load_mnist(data_dir=data)


def test_the_files_of_another_set_are_told_by_name(data: Path) -> None:
    (data / "mnist").rename(data / "kmnist")
    with pytest.raises(BrokenFile, match="Got: t10k-images-idx3-ubyte of mnist"):
        load_dataset("kmnist", data_dir=data)


def test_what_is_not_idx_is_named(data: Path) -> None:
    (data / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"<html>Not found</html>")
    with pytest.raises(BrokenFile, match=r"t10k-labels-idx1-ubyte\.gz is not an IDX file"):
        load_mnist(data_dir=data)


def test_a_version_of_ones_own_is_refused_by_name_and_taken_by_path(data: Path, write_idx: WriteIdx) -> None:
    folder = data / "mnist"
    images = 255 - read_idx(folder / "t10k-images-idx3-ubyte.gz")
    write_idx(folder / "t10k-images-idx3-ubyte.gz", images)
    with pytest.raises(BrokenFile, match="give the path of its folder"):
        load_mnist(data_dir=data)
    np.testing.assert_array_equal(load_dataset(folder).samples, images)


# ------------------------------------------------------------------------------------------------ the network


@pytest.fixture
def on_a_mirror(mnist: Path) -> Iterator[PublishedSet]:
    """MNIST as a server on loopback publishes it, with the checksums of the archives at hand."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(mnist)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    files = tuple(
        replace(file, archive=hashlib.sha256((mnist / f"{file.stem}.gz").read_bytes()).hexdigest())
        for file in MNIST.files
    )
    yield replace(MNIST, files=files, mirrors=(f"http://127.0.0.1:{server.server_port}/",))
    server.shutdown()
    server.server_close()
    thread.join()


def test_at_last_it_is_downloaded_once_and_kept(on_a_mirror: PublishedSet, bare_machine: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    data = published_set(on_a_mirror, "test", progress=lambda *each: told.append(each))
    assert len(data) == 10_000
    assert {stage for stage, _, _ in told} == {f"download {stem}.gz bytes" for stem in TEST_FILES}
    again = published_set(on_a_mirror, "test", download=False)
    assert again.fingerprint == data.fingerprint


def test_a_download_replaces_what_is_broken_in_the_cache(
    on_a_mirror: PublishedSet, data: Path, bare_machine: Path
) -> None:
    cached = bare_machine / "cache" / "embedding-lab" / "mnist"
    shutil.copytree(data / "mnist", cached)
    damage(cached / "t10k-images-idx3-ubyte.gz")
    assert len(published_set(on_a_mirror, "test")) == 10_000
    assert len(published_set(on_a_mirror, "test", download=False)) == 10_000


def test_what_the_network_said_is_passed_on(on_a_mirror: PublishedSet) -> None:
    elsewhere = replace(on_a_mirror, mirrors=(on_a_mirror.mirrors[0] + "nothing-here/",))
    with pytest.raises(
        DataMissing, match=r"t10k-images-idx3-ubyte\.gz could not be downloaded.*404.*FOLDER/mnist/"
    ):
        published_set(elsewhere, "test")
