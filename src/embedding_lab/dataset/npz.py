"""Reads datasets kept as .npz files: finds samples and labels by their usual names, and trusts no claim."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedding_lab.dataset.idx import DEFLATE_BEST_RATIO
from embedding_lab.dataset.parts import PART_NAMES, Part, check_whole, chosen_parts, join_parts
from embedding_lab.embeddings import Dataset, as_dataset, label_numbers
from embedding_lab.embeddings.files import storage_errors
from embedding_lab.errors import BrokenFile, InputError, LabError

SAMPLES = ("x", "samples", "images", "pictures", "data", "arr_0")
LABELS = ("y", "labels", "label", "targets", "target", "arr_1")
CLASS_NAMES = ("class_names", "label_names")
"""Names that arrays go by, in any letter case; a part's have its name behind or in front: x_train, train_images."""

RESAVE = "Save the file again with np.savez(path, x=samples, y=labels)."


class ArrayHeader(NamedTuple):
    """What an array inside the file says it holds."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class PartKeys(NamedTuple):
    """Under which keys a part's arrays lie."""

    samples: str
    labels: str | None


def own_npz(path: Path, split: str) -> Dataset:
    """The user's own samples from an .npz file, in parts (x_train, y_train, x_test …) or whole (x, y).

    Arrays stay as they are: of any shape and number type, raw. Labels are whole numbers or text, of shape
    (n,) or (n, 1).

    Raises:
        BrokenFile: the file is damaged, or its samples and labels differ in number.
        InputError: no array, or more than one, can be the samples; or there is no training part to train on.
        UnknownName: there is no such part.
    """
    headers = array_headers(path)
    parts = {part: _part_keys(path, headers, part) for part in PART_NAMES}
    found = {part: keys for part, keys in parts.items() if keys is not None}
    name = path.stem
    if found:
        return _in_parts(path, headers, found, chosen_parts(split, found, name))
    check_whole(split, name)
    samples, labels = _whole_keys(path, headers)
    _check_counts(path, headers, PartKeys(samples, labels))
    return as_dataset(
        read_array(path, samples),
        name=name,
        labels=None if labels is None else _flat(read_array(path, labels)),
        class_names=_class_names(path, headers),
    )


def array_headers(path: Path) -> dict[str, ArrayHeader]:
    """What every array in the file is, by key, with no array read.

    Raises:
        BrokenFile: the file is damaged, or claims more than it can hold.
        InputError: an array holds Python objects, which could run any code when loaded.
    """
    with _opened(path) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        return {info.filename.removesuffix(".npy"): _header(archive, info, path) for info in members}


def read_array(path: Path, key: str) -> NDArray[Any]:
    """The array under a key, checked by its header first.

    Raises:
        BrokenFile: the file is damaged, lacks the key, or claims more than it can hold.
        InputError: the array holds Python objects.
    """
    with _opened(path) as archive:
        _header(archive, archive.getinfo(f"{key}.npy"), path)
        with archive.open(f"{key}.npy") as file:
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
            file.read()  # to the end, which is what makes zip check its checksum
        return array


def _in_parts(
    path: Path, headers: Mapping[str, ArrayHeader], found: Mapping[str, PartKeys], chosen: tuple[str, ...]
) -> Dataset:
    for keys in found.values():
        _check_counts(path, headers, keys)
    labels, class_names = _labels_of_parts(path, found, _class_names(path, headers))
    contents = {part: Part(read_array(path, found[part].samples), labels.get(part)) for part in chosen}
    return join_parts(path.stem, contents, class_names)


def _labels_of_parts(
    path: Path, found: Mapping[str, PartKeys], class_names: tuple[str, ...] | None
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...] | None]:
    """The labels of all parts, also of those not asked for, so that a class has one number in all."""
    given = {part: _flat(read_array(path, keys.labels)) for part, keys in found.items() if keys.labels is not None}
    if not given:
        return {}, class_names
    numbers, names = label_numbers(np.concatenate(list(given.values())), class_names)
    ends = np.cumsum([len(labels) for labels in given.values()])
    return dict(zip(given, np.split(np.asarray(numbers), ends[:-1]), strict=True)), names


def _part_keys(path: Path, headers: Mapping[str, ArrayHeader], part: str) -> PartKeys | None:
    samples = _find(path, headers, SAMPLES, part)
    return None if samples is None else PartKeys(samples, _find(path, headers, LABELS, part))


def _whole_keys(path: Path, headers: Mapping[str, ArrayHeader]) -> PartKeys:
    samples, labels = _find(path, headers, SAMPLES), _find(path, headers, LABELS)
    others = [key for key in headers if key != labels]
    if samples is None and len(others) == 1:
        samples = others[0]
    if samples is None:
        raise InputError(
            f"{path} has no array that can be told to be the samples.",
            got=", ".join(f"{key} of shape {header.shape}" for key, header in headers.items()) or "no arrays",
            expected=f"one of the keys {', '.join(SAMPLES)}, or x_train and x_test",
            remedy=RESAVE,
        )
    return PartKeys(samples, labels)


def _find(path: Path, headers: Mapping[str, ArrayHeader], names: tuple[str, ...], part: str = "") -> str | None:
    """The one key that is among the names, in the form that a part's keys have."""
    wanted = {f"{name}_{part}" for name in names} | {f"{part}_{name}" for name in names} if part else {*names}
    found = [key for key in headers if key.lower() in wanted]
    if len(found) > 1:
        raise InputError(
            f"{path} has several arrays that could be the same thing.",
            got=" and ".join(found),
            expected=f"only one of {', '.join(sorted(wanted))}",
            remedy=RESAVE,
        )
    return found[0] if found else None


def _class_names(path: Path, headers: Mapping[str, ArrayHeader]) -> tuple[str, ...] | None:
    key = _find(path, headers, CLASS_NAMES)
    return None if key is None else tuple(map(str, np.ravel(read_array(path, key))))


def _check_counts(path: Path, headers: Mapping[str, ArrayHeader], keys: PartKeys) -> None:
    if keys.labels is None:
        return
    samples, labels = headers[keys.samples].shape, headers[keys.labels].shape
    if samples[:1] != labels[:1]:
        raise BrokenFile(
            f"In {path} the samples and their labels differ in number.",
            got=f"{keys.samples} of shape {samples}, {keys.labels} of shape {labels}",
            expected="one label for each sample",
        )


def _flat(labels: NDArray[Any]) -> NDArray[Any]:
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    with storage_errors(path), path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                yield archive
        except (LabError, MemoryError):
            raise
        except Exception as error:  # zip, deflate and npy each have their own ways to say that they are broken
            raise BrokenFile(
                f"{path} is not a whole .npz file.",
                got=f"{type(error).__name__}: {error}".rstrip(". "),
                expected="a zip file of .npy arrays, as np.savez writes it",
                remedy="Copy or save the file again.",
            ) from error


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> ArrayHeader:
    with archive.open(info) as file:
        shape, dtype = _read_header(file)
        numbers_start = file.tell()
    if dtype.hasobject:
        raise InputError(
            f"{path} keeps {info.filename} as Python objects, which could run any code when loaded.",
            expected="numbers or text",
            remedy="Save it again as a plain array: text with dtype=str, samples of one shape stacked.",
        )
    claimed = numbers_start + int(np.prod(shape, dtype=object)) * dtype.itemsize
    size_on_disk = path.stat().st_size
    possible = min(info.compress_size, size_on_disk) * DEFLATE_BEST_RATIO
    if claimed != info.file_size or claimed > possible:
        raise BrokenFile(
            f"In {path} the array {info.filename} is not what its header says.",
            got=f"room for {min(info.file_size, possible):,} bytes",
            expected=f"{claimed:,} bytes for {dtype} of shape {shape}",
            remedy="Copy or save the file again.",
        )
    return ArrayHeader(shape, dtype)


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in read:
        raise ValueError(f"its arrays are of npy version {version}, known are 1.0 and 2.0")
    shape, _, dtype = read[version](file)
    return shape, dtype
