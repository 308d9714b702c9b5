"""From a folder's IDX files to parts: which file is which, and whether each is the one it should be."""

from __future__ import annotations

import hashlib
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.dataset.idx import IdxHeader, read_idx
from embedding_lab.dataset.parts import Part, chosen_parts, join_parts
from embedding_lab.dataset.published import FILE_PREFIXES, PublishedFile, PublishedSet, bearer
from embedding_lab.embeddings import Dataset
from embedding_lab.embeddings.files import storage_errors
from embedding_lab.errors import BrokenFile, DataMissing

KINDS = ("images", "labels")


def find_idx(folder: Path, part: str, kind: str) -> Path | None:
    """The file of a part (train, test) and a kind (images, labels) in a folder, if it is there.

    Known by the names they are published under, "t10k-images-idx3-ubyte", also with a dot before idx as
    some archives have it. The gzipped one is taken before the other, since gzip guards its content.
    """
    name = re.compile(rf"{FILE_PREFIXES[part]}-{kind}[-.]idx\d-\w+(\.gz)?")
    found = [path for path in entries(folder) if name.fullmatch(path.name)]
    return max(found, key=lambda path: (path.suffix == ".gz", path.name), default=None)


def entries(folder: Path) -> list[Path]:
    """What lies directly in a folder, by name; nothing where there is no such folder."""
    if not folder.is_dir():
        return []
    with storage_errors(folder):
        return sorted(folder.iterdir())


def parts_in(folder: Path) -> tuple[str, ...]:
    """The parts, train or test, of which a folder has at least one IDX file."""
    return tuple(part for part in FILE_PREFIXES if any(find_idx(folder, part, kind) for kind in KINDS))


def own_idx(folder: Path, split: str) -> Dataset:
    """The user's own set: IDX files under the usual names, of any shape, in a folder of any name.

    Raises:
        BrokenFile: a file is damaged, or images and labels do not belong together.
        DataMissing: a part's images or labels are not there.
        UnknownName: there is no such part.
    """
    name = folder.resolve().name
    chosen = chosen_parts(split, parts_in(folder), name)
    return join_parts(name, {part: _own_part(folder, part) for part in chosen}, class_names=None)


def published_part(folder: Path, known: PublishedSet, part: str) -> Part:
    """A part of a published set from the folder that holds its files, every one checked to be it.

    Raises:
        BrokenFile: a file is damaged, or is not the published one.
        DataMissing: a file is not there.
    """
    images, labels = (read_published(_needed(folder, part, kind), known, known.file(part, kind)) for kind in KINDS)
    return Part(images, labels)


def read_published(path: Path, known: PublishedSet, wanted: PublishedFile) -> NDArray[Any]:
    """The numbers of a file that must be this one of a published set.

    Raises:
        BrokenFile: it is damaged, or is another file.
    """
    array = read_idx(path, check=partial(_check_header, path, known, wanted))
    if not (_archive_checksum(path) == wanted.archive or wanted.holds(array)):
        raise BrokenFile(
            f"{path} is not {wanted.stem} of {known.name}.",
            got=bearer(array) or "content that bears no published checksum",
            expected=f"{wanted.stem} as published, gzipped or not ({wanted.content})",
            remedy=f"Put the published file there. To use a version of your own, give the path of its folder, "
            f"{path.parent}, in place of the name {known.name!r}.",
        )
    return array


def _own_part(folder: Path, part: str) -> Part:
    images_path, labels_path = (_needed(folder, part, kind) for kind in KINDS)
    labels = read_idx(labels_path, check=partial(_check_labels, labels_path))
    images = read_idx(images_path, check=partial(_check_count, images_path, len(labels), labels_path))
    return Part(images, labels)


def _needed(folder: Path, part: str, kind: str) -> Path:
    path = find_idx(folder, part, kind)
    if path is None:
        axes = {"images": "idx3", "labels": "idx1"}[kind]
        stem = f"{FILE_PREFIXES[part]}-{kind}-{axes}-ubyte"
        raise DataMissing(f"There is no {stem} in {folder}.", remedy=f"Put {stem}, gzipped or not, into {folder}.")
    return path


def _archive_checksum(path: Path) -> str:
    with storage_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_header(path: Path, known: PublishedSet, wanted: PublishedFile, header: IdxHeader) -> None:
    if header == wanted.header:
        return
    alike = [file.stem for file in known.files if file.header == header]
    raise BrokenFile(
        f"{path} is not {wanted.stem} of {known.name}.",
        got=f"{header}" + (f", which is what {alike[0]} holds" if alike else ""),
        expected=str(wanted.header),
        remedy="See whether files were swapped or renamed, and put the right one there."
        if alike
        else f"Put the published file there. To use a version of your own, give the path of its folder, "
        f"{path.parent}, in place of the name {known.name!r}.",
    )


def _check_labels(path: Path, header: IdxHeader) -> None:
    if len(header.shape) != 1 or not np.issubdtype(header.dtype, np.integer):
        raise BrokenFile(
            f"{path} does not hold labels.",
            got=str(header),
            expected="whole numbers of shape (n,)",
            remedy="See whether the files of images and labels were swapped.",
        )


def _check_count(path: Path, count: int, labels_path: Path, header: IdxHeader) -> None:
    if len(header.shape) < 2 or header.shape[0] != count:
        raise BrokenFile(
            f"{path} does not belong to {labels_path.name}.",
            got=str(header),
            expected=f"{count:,} samples of two axes or more, one sample for each label",
            remedy="See whether train and t10k files, or files of two datasets, were mixed.",
        )
