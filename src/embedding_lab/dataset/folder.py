"""Makes a dataset of a folder of pictures: a sub-folder per class, in train/ and test/ where there are parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from embedding_lab.dataset.parts import PART_NAMES, check_whole, chosen_parts
from embedding_lab.dataset.pictures import PictureFiles, common_form, pictures_below
from embedding_lab.embeddings import UNLABELLED, Dataset
from embedding_lab.embeddings.left_out import OnError, tell_left_out
from embedding_lab.errors import EmptyData, InputError
from embedding_lab.progress import Progress, silent

WHOLE = ""
"""The part's name where a folder is not divided into parts."""


class Picture(NamedTuple):
    """A picture file, the part it belongs to, and its class; empty text where it has none."""

    path: Path
    part: str
    class_name: str


def own_pictures(folder: Path, split: str, progress: Progress = silent, on_error: OnError = "stop") -> Dataset:
    """The pictures of a folder, decoded only when rows of the samples are taken.

    A sub-folder is a class, numbered in alphabetical order, with all pictures below it. Pictures that lie
    beside the sub-folders have no label. Where every sub-folder is named train, test or val, they are
    parts and the classes lie in them. A picture's id is its path: "pets/test/cat/tom.jpg".

    Args:
        folder: the folder.
        split: train, test or all.
        progress: called with the number of pictures decoded.
        on_error: "skip" to keep files that are no pictures until `readable` leaves them out.

    Raises:
        BrokenFile: a file is not a picture.
        EmptyData: there is no picture.
        InputError: there is no training part, or a file's name is not text.
        UnknownName: there is no such part.
    """
    name = folder.resolve().name or "pictures"
    pictures = _pictures_in(folder)
    if not pictures:
        raise EmptyData(
            f"There is no picture in {folder}.",
            expected="a sub-folder for each class, with .png, .jpg or other picture files in it",
            remedy="Check the path.",
        )
    chosen = _chosen(pictures, split, name)
    class_names = tuple(sorted({picture.class_name for picture in pictures} - {""}))
    number = {class_name: i for i, class_name in enumerate(class_names)} | {"": UNLABELLED}
    paths = np.array([picture.path for picture in chosen], dtype=object)
    return Dataset(
        name=name,
        # the form is that of all parts, so that a model trained on one takes the other
        samples=PictureFiles(paths, common_form([picture.path for picture in pictures], on_error), progress),
        ids=np.array([_id(name, picture.path.relative_to(folder)) for picture in chosen]),
        labels=np.array([number[picture.class_name] for picture in chosen]) if class_names else None,
        class_names=class_names or None,
        splits=None if chosen[0].part == WHOLE else np.array([picture.part for picture in chosen]),
    )


def readable(data: Dataset, rows: Any) -> Dataset:
    """The dataset of those rows that can be read, with a warning of the others.

    Args:
        data: of any kind; only files of pictures are read one by one.
        rows: a slice, or positions of shape (m,).

    Raises:
        EmptyData: none can be read.
    """
    if not isinstance(data.samples, PictureFiles):
        return data.take(rows)
    places = np.arange(len(data))[rows]
    pictures, unreadable = data.samples.readable(places)
    tell_left_out({str(data.ids[row]): reason for row, reason in unreadable.items()}, len(places))
    kept = places[~np.isin(places, list(unreadable))]
    return replace(replace(data, samples=None).take(kept), samples=pictures)


def _pictures_in(folder: Path) -> list[Picture]:
    """All pictures with their parts and classes, parts in their order, pictures by path."""
    return [
        Picture(path, part, _class_of(path.relative_to(root)))
        for part, root in _parts(folder).items()
        for path in pictures_below(root)
    ]


def _parts(folder: Path) -> dict[str, Path]:
    inside = [path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    if inside and set(inside) <= set(PART_NAMES):
        return {part: folder / part for part in PART_NAMES if part in inside}
    return {WHOLE: folder}


def _class_of(path: Path) -> str:
    return path.parts[0] if len(path.parts) > 1 else ""


def _chosen(pictures: Sequence[Picture], split: str, name: str) -> list[Picture]:
    parts = {picture.part for picture in pictures}
    if parts == {WHOLE}:
        check_whole(split, name)
        return list(pictures)
    chosen = chosen_parts(split, parts, name)
    return [picture for picture in pictures if picture.part in chosen]


def _id(name: str, path: Path) -> str:
    text = f"{name}/{path.as_posix()}"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"The name of the file {str(path)!a} is not text.", remedy="Rename the file.") from error
    return text
