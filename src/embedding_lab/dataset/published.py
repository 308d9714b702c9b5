"""The three published sets the lab knows by name: their files, classes, addresses and checksums.

Every file has two checksums, because both kinds of copy are common: `archive` is of the gzipped file as
it was published, `content` of what it unpacks to, which stays the same when someone packs it anew.
They were compared with the publishers' own MD5 lists and with several independent public listings.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.dataset.idx import IdxHeader, idx_blocks

PIXELS = (28, 28)
COUNTS = {"train": 60_000, "test": 10_000}
FILE_PREFIXES = {"train": "train", "test": "t10k"}


@dataclass(frozen=True)
class PublishedFile:
    """One of a set's four files.

    Attributes:
        part: train or test.
        kind: images or labels.
        archive: SHA-256 of the gzipped file as published, hexadecimal.
        content: checksum of what it unpacks to, with its scheme in front: "sha256:…" or "git:…".
    """

    part: str
    kind: str
    archive: str
    content: str

    @property
    def stem(self) -> str:
        """The file's name without .gz."""
        axes = "idx3" if self.kind == "images" else "idx1"
        return f"{FILE_PREFIXES[self.part]}-{self.kind}-{axes}-ubyte"

    @property
    def header(self) -> IdxHeader:
        """What its header must say."""
        pixels = PIXELS if self.kind == "images" else ()
        return IdxHeader(np.dtype(np.uint8), (COUNTS[self.part], *pixels))

    def holds(self, array: NDArray[Any]) -> bool:
        """Whether this array is what the file was published with."""
        return checksum(array, self.content.partition(":")[0]) == self.content


@dataclass(frozen=True)
class PublishedSet:
    """A set known by name.

    Attributes:
        name: what users call it, and the name of its folder.
        class_names: the name of label i at position i.
        mirrors: addresses under which the gzipped files lie, each ending in a slash, best first.
        files: the four files.
    """

    name: str
    class_names: tuple[str, ...]
    mirrors: tuple[str, ...]
    files: tuple[PublishedFile, ...]

    def file(self, part: str, kind: str) -> PublishedFile:
        """The file of a part and a kind."""
        return next(file for file in self.files if (file.part, file.kind) == (part, kind))


def checksum(array: NDArray[Any], scheme: str) -> str:
    """The checksum of the unpacked IDX file that holds this array, with its scheme in front.

    Args:
        array: the file's numbers.
        scheme: "sha256", or "git" for the id that `git hash-object FILE` prints.
    """
    digest = hashlib.sha256() if scheme == "sha256" else hashlib.sha1(usedforsecurity=False)
    if scheme == "git":
        digest.update(b"blob %d\0" % sum(len(block) for block in idx_blocks(array)))
    for block in idx_blocks(array):
        digest.update(block)
    return f"{scheme}:{digest.hexdigest()}"


def bearer(array: NDArray[Any]) -> str:
    """Which published file an array is the content of, in words; empty where it is none of them."""
    sums = {scheme: checksum(array, scheme) for scheme in ("sha256", "git")}
    for known in SETS.values():
        for file in known.files:
            if file.content in sums.values():
                return f"{file.stem} of {known.name}"
    return ""


def _four_files(
    train_images: tuple[str, str],
    train_labels: tuple[str, str],
    test_images: tuple[str, str],
    test_labels: tuple[str, str],
) -> tuple[PublishedFile, ...]:
    return (
        PublishedFile("train", "images", *train_images),
        PublishedFile("train", "labels", *train_labels),
        PublishedFile("test", "images", *test_images),
        PublishedFile("test", "labels", *test_labels),
    )


MNIST = PublishedSet(
    name="mnist",
    class_names=tuple("0123456789"),
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    files=_four_files(
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            "sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
)

FASHION_MNIST = PublishedSet(
    name="fashion-mnist",
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    files=_four_files(
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "sha256:c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "sha256:bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "sha256:5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            "sha256:0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
)

KMNIST = PublishedSet(
    name="kmnist",
    class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    mirrors=(
        "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    ),
    files=_four_files(
        (
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            # no SHA-256 of the unpacked file is publicly listed, but its git id is, wherever it is committed
            "git:3cf037df1ccd08cf71c7e9465ca6bc729e79a251",
        ),
        (
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "sha256:2a16eeae62da984b8bd24fa32e31d47291f01dac3fe84d5594f304f71e7d374b",
        ),
        (
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "sha256:76fbd229ce87db80dd281af5e6670de4ad0e42fb30a7bd643972994c47c1f42e",
        ),
        (
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
            "sha256:a11dc742be8e781a40a92f53d6a4957e7b7d36df2faa097659131ebfd8fd60c6",
        ),
    ),
)

SETS = {known.name: known for known in (MNIST, FASHION_MNIST, KMNIST)}
