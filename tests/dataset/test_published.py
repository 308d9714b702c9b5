"""The facts about the published sets, as far as they can be checked without a network."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from embedding_lab.dataset.idx import read_idx
from embedding_lab.dataset.published import MNIST, SETS, PublishedFile, PublishedSet, bearer, checksum

every_file = pytest.mark.parametrize(
    "file", [pytest.param(file, id=f"{known.name} {file.stem}") for known in SETS.values() for file in known.files]
)


@every_file
def test_checksums_are_well_formed(file: PublishedFile) -> None:
    assert re.fullmatch("[0-9a-f]{64}", file.archive)
    assert re.fullmatch("sha256:[0-9a-f]{64}|git:[0-9a-f]{40}", file.content)


def test_no_two_files_share_a_checksum() -> None:
    sums = Counter(each for known in SETS.values() for file in known.files for each in (file.archive, file.content))
    assert set(sums.values()) == {1}


@pytest.mark.parametrize("known", SETS.values(), ids=SETS)
def test_every_set_has_ten_classes_and_four_files_under_usable_addresses(known: PublishedSet) -> None:
    assert len(known.class_names) == 10
    assert {file.stem for file in known.files} == {
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    }
    assert all(re.fullmatch(r"https?://[^ ]+/", mirror) for mirror in known.mirrors)


@pytest.mark.parametrize("file", MNIST.files, ids=lambda file: file.stem)
def test_the_real_mnist_bears_its_checksums(file: PublishedFile, mnist_dir: Path) -> None:
    array = read_idx(next((mnist_dir / "mnist").glob(f"{file.stem}*")))
    assert file.holds(array)
    assert bearer(array) == f"{file.stem} of mnist"


def test_a_git_checksum_is_what_git_prints() -> None:
    # printf '\0\0\10\1\0\0\0\3\1\2\3' | git hash-object --stdin
    assert checksum(np.array([1, 2, 3], np.uint8), "git") == "git:2f8d7260cf9e8d5e95f51edd94a039c142ed94d3"


def test_other_content_is_nobodys() -> None:
    assert bearer(np.zeros((10_000, 28, 28), np.uint8)) == ""
