"""Loads a dataset by its name or its path: the one public door of this room."""

from __future__ import annotations

import os
from pathlib import Path

from embedding_lab.dataset.digits import NAME as DIGITS
from embedding_lab.dataset.digits import digits
from embedding_lab.dataset.folder import own_pictures, readable
from embedding_lab.dataset.idx_files import own_idx, parts_in
from embedding_lab.dataset.npz import own_npz
from embedding_lab.dataset.parts import check_split
from embedding_lab.dataset.published import SETS
from embedding_lab.dataset.search import published_set
from embedding_lab.embeddings import Dataset
from embedding_lab.embeddings.left_out import OnError, check_on_error
from embedding_lab.embeddings.sampling import fair_sample
from embedding_lab.errors import DataMissing, InputError, one_of
from embedding_lab.progress import Progress, silent

NAMES = (*SETS, DIGITS)
"""The datasets known by name."""


def load_dataset(
    name_or_path: str | os.PathLike[str],
    *,
    split: str = "test",
    samples: int | None = None,
    seed: int = 0,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
    on_error: OnError = "stop",
    progress: Progress = silent,
) -> Dataset:
    """A dataset by its name, or of the user's own from a path.

    Args:
        name_or_path: "mnist", "fashion-mnist", "kmnist" or "digits"; or the path of a folder of pictures
            with a sub-folder per class, of a folder of IDX files, or of an .npz file. A folder that bears
            a known name is reached as "./mnist".
        split: "train", "test" or "all". A dataset that is not divided into parts is all test data.
        samples: how many to draw, each class with its share, in their original order; None for all.
        seed: which draw, 0 or greater; the same seed gives the same samples.
        data_dir: where published files lie, in a folder of the set's name or bare; $EMBEDDING_LAB_DATA
            where left out.
        download: whether a published set that lies nowhere may be fetched from the network.
        on_error: what becomes of the rest when a picture of a folder cannot be read: "stop" raises, "skip" leaves
            it out and warns with its id.
        progress: called with the bytes of each download, or the number of pictures decoded.

    Returns:
        The samples as they are, pictures raw uint8 of shape (n, height, width[, 3]); ids such as
        "mnist/test/00042", the same whatever the split or the sample.

    Raises:
        DataMissing: the dataset cannot be had; says which files to put where.
        BrokenFile: a file does not hold what its header, count or checksum promises.
        UnknownName: there is no such dataset or split.
        InputError: the samples, the seed, or what lies at the path cannot be used.
        StorageError: the disk refuses.
    """
    check_split(split)
    check_on_error(on_error)
    folder = None if data_dir is None else Path(data_dir).expanduser()
    if name_or_path in SETS:
        known = SETS[str(name_or_path)]
        data = published_set(known, split, data_dir=folder, download=download, progress=progress)
    elif name_or_path == DIGITS:
        data = digits(split)
    else:
        data = _own(name_or_path, split, on_error, progress)
    rows = slice(None) if samples is None else fair_sample(len(data), data.labels, samples, seed)
    return readable(data, rows) if on_error == "skip" else data.take(rows)


def _own(name_or_path: str | os.PathLike[str], split: str, on_error: OnError, progress: Progress) -> Dataset:
    """The user's own data, told by what lies at the path."""
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return own_idx(path, split) if parts_in(path) else own_pictures(path, split, progress, on_error)
    if path.suffix.lower() == ".npz":
        return own_npz(path, split)
    if path.is_file():
        raise InputError(
            f"{path} is not a dataset.",
            expected="an .npz file, a folder of pictures, or a folder of IDX files",
            remedy="Save arrays with np.savez(path, x=samples, y=labels).",
        )
    if isinstance(name_or_path, str) and not {"/", "\\", "."} & set(name_or_path):
        raise one_of("Dataset", name_or_path, NAMES, remedy="Or give the path of a folder or of an .npz file.")
    raise DataMissing(f"There is nothing at {path}.", remedy="Check the path.")
