"""Where a published set is looked for: the user's folder, our cache, Keras's cache, and then the network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from embedding_lab.dataset.download import fetch
from embedding_lab.dataset.idx_files import KINDS, entries, published_part, read_published
from embedding_lab.dataset.npz import read_array
from embedding_lab.dataset.parts import Part, chosen_parts, join_parts
from embedding_lab.dataset.published import FILE_PREFIXES, MNIST, PublishedFile, PublishedSet
from embedding_lab.embeddings import Dataset
from embedding_lab.errors import BrokenFile, DataMissing, StorageError
from embedding_lab.progress import Progress, silent

DATA_VARIABLE = "EMBEDDING_LAB_DATA"

Place = Callable[[PublishedSet, str], Part]
"""Gives a part of a set, or raises DataMissing with the reason why this place cannot."""


def published_set(
    known: PublishedSet,
    split: str,
    *,
    data_dir: Path | None = None,
    download: bool = True,
    progress: Progress = silent,
) -> Dataset:
    """A published set from the first place that has all of the split.

    Args:
        known: the set.
        split: train, test or all.
        data_dir: the user's folder; None for the one that $EMBEDDING_LAB_DATA names.
        download: whether the network may be asked at the end.
        progress: called with the bytes of each download.

    Raises:
        DataMissing: no place has it; says which files to put where.
        BrokenFile: a file in the user's own folder is damaged or not the published one.
        StorageError: a file cannot be read, or a download cannot be written.
    """
    parts = chosen_parts(split, FILE_PREFIXES, known.name)
    reasons = []
    for place in _places(known, data_dir, download, progress):
        try:
            contents = {part: place(known, part) for part in parts}
        except DataMissing as missing:
            reasons.append(missing)
        else:
            return join_parts(known.name, contents, known.class_names)
    raise _nowhere(known, reasons, download)


def _places(known: PublishedSet, data_dir: Path | None, download: bool, progress: Progress) -> Iterator[Place]:
    """The places in the order in which they are asked.

    What lies in the user's own folder was put there on purpose, so a broken file there is an error.
    A broken file in a cache is as good as none: the next place is asked.
    """
    folder = _users_folder(data_dir)
    if folder is not None:
        yield partial(published_part, folder / known.name)
        yield partial(_among_bare_files, folder)
    cache = _cache_folder() / known.name
    yield partial(_unless_broken, partial(published_part, cache))
    yield partial(_unless_broken, _in_keras_cache)
    if download:
        yield partial(_from_network, cache, progress)


def _users_folder(data_dir: Path | None) -> Path | None:
    if data_dir is None:
        named = os.environ.get(DATA_VARIABLE)
        return Path(named).expanduser() if named else None
    if not data_dir.is_dir():
        raise DataMissing(f"The data folder {data_dir} does not exist.", remedy="Check the path.")
    return data_dir


def _cache_folder() -> Path:
    import pooch  # here, because the folders above are reached without it

    return Path(pooch.os_cache("embedding-lab"))


def _among_bare_files(folder: Path, known: PublishedSet, part: str) -> Part:
    images, labels = (_bare_file(folder, known, known.file(part, kind)) for kind in KINDS)
    return Part(images, labels)


def _bare_file(folder: Path, known: PublishedSet, wanted: PublishedFile) -> NDArray[Any]:
    """The one IDX file directly in the folder, of whatever name, that bears the published checksum."""
    for path in entries(folder):
        if "idx" in path.name and path.is_file():
            try:
                return read_published(path, known, wanted)
            except BrokenFile:
                continue
    raise DataMissing(f"No file directly in {folder} bears the checksum of {wanted.stem} of {known.name}.")


def _unless_broken(place: Place, known: PublishedSet, part: str) -> Part:
    try:
        return place(known, part)
    except (BrokenFile, StorageError) as error:
        raise DataMissing(error.happened) from error


def _in_keras_cache(known: PublishedSet, part: str) -> Part:
    """Keras keeps MNIST as one .npz, Fashion-MNIST as the published files, and Kuzushiji-MNIST not at all."""
    datasets = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"
    if known is not MNIST:
        return published_part(datasets / known.name, known, part)
    path = datasets / "mnist.npz"
    if not path.is_file():
        raise DataMissing(f"There is no {path}.")
    images, labels = read_array(path, f"x_{part}"), read_array(path, f"y_{part}")
    if not (known.file(part, "images").holds(images) and known.file(part, "labels").holds(labels)):
        raise BrokenFile(f"{path} does not hold MNIST as it was published.")
    return Part(images, labels)


def _from_network(cache: Path, progress: Progress, known: PublishedSet, part: str) -> Part:
    fetch([known.file(part, kind) for kind in KINDS], known.mirrors, cache, progress=progress)
    return published_part(cache, known, part)


def _nowhere(known: PublishedSet, reasons: list[DataMissing], download: bool) -> DataMissing:
    said = [reason.happened.rstrip(".") + (f" ({reason.got})" if reason.got else "") for reason in reasons]
    if not download:
        said.append("Downloading was switched off")
    return DataMissing(
        f"Dataset {known.name!r} cannot be had.",
        got="; ".join(said),
        expected="the four files " + ", ".join(f"{file.stem}.gz" for file in known.files),
        remedy=f"Put these, gzipped or not, into a folder FOLDER/{known.name}/ and name FOLDER as the data "
        f"folder (data_dir=, --data-dir or ${DATA_VARIABLE}), or go on with the dataset 'digits', which needs "
        "no files.",
    )
