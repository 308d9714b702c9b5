"""The noun everything starts from: samples with stable ids, labels and columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedding_lab.embeddings.arrays import (
    as_array,
    class_names_of,
    gathered,
    named_columns,
    readable,
    text_array,
)
from embedding_lab.embeddings.gallery import as_pictures, looks_like_pictures
from embedding_lab.embeddings.inputs import SeveralInputs
from embedding_lab.embeddings.labels import UNLABELLED, label_numbers
from embedding_lab.embeddings.large import temporary_array
from embedding_lab.embeddings.media import Media, as_media
from embedding_lab.embeddings.own_form import PictureRows, as_samples
from embedding_lab.embeddings.sampling import fair_sample
from embedding_lab.embeddings.streams import landed
from embedding_lab.errors import DuplicateIds, EmptyData, InputError, ShapeMismatch

ID_BLOCK = 1 << 16
"""So many ids are Python's own texts at once."""

FINGERPRINT_SAMPLES = 1024
FINGERPRINT_BLOCK = 64
"""So many of them are held at once: samples that are read when they are asked for may be large."""


TEXT = "OUT"
"""The kinds of arrays that hold text, however they hold it."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples in a fixed order, each with an id that ties it across layers, steps and runs.

    Attributes:
        name: short and stable, such as "mnist".
        samples: array-like, first axis n. Pictures are raw uint8, shape (n, height, width) or
            (n, height, width, 1 or 3). None where only the table was kept.
        ids: text, shape (n,), unique, such as "mnist/test/00042".
        labels: int64, shape (n,), -1 where a sample has no label; None where none has.
        class_names: the name of label i at position i; None where there are no labels or no names.
        splits: text, shape (n,), the part each sample belongs to; None where there are no parts.
        columns: further columns of the user's, each of shape (n,).
        images: what is shown of the samples, where that is something else: uint8, (n, height, width[, 1 or 3]).
        media: columns of sounds and further pictures; each is in `columns` too, as the names of its files.
        kept_fingerprint: the fingerprint of the samples that only the table was kept of.

    Raises:
        EmptyData: there are no samples.
        ShapeMismatch: two parts have different lengths.
        DuplicateIds: two samples bear one id.
        InputError: a label is outside the class names.
    """

    name: str
    samples: Any
    ids: NDArray[np.str_]
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] | None = None
    splits: NDArray[np.str_] | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    images: Any = None
    media: Mapping[str, Media] = field(default_factory=dict)
    kept_fingerprint: str | None = None

    def __post_init__(self) -> None:
        if len(self.ids) == 0:
            raise EmptyData(
                f"Dataset {self.name!r} has no samples.",
                expected="at least one",
                remedy="Check the path, the split and the number of samples asked for.",
            )
        self._check_lengths()
        self._check_ids()
        self._check_labels()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def pictures(self) -> bool:
        """Whether there are pictures of the samples that can be shown."""
        return self.shown is not None

    @cached_property
    def shown(self) -> Any:
        """The pictures of the samples: array-like, uint8, (n, height, width[, 1 or 3]), or None.

        They are the `images`, else the samples where these are raw pictures, or numbers of shape (n, height, width,
        channels) or (n, channels, height, width) with 1, 3 or 4 channels.
        """
        if self.images is not None:
            return self.images
        shape: tuple[int, ...] = getattr(self.samples, "shape", ())
        if getattr(self.samples, "dtype", None) == np.uint8 and len(shape) == 3:
            return self.samples
        return as_pictures(self.samples, "samples") if looks_like_pictures(self.samples) else None

    @property
    def label_texts(self) -> NDArray[np.str_] | None:
        """The class name of every sample, shape (n,); empty text where a sample has no label."""
        return self.label_texts_of(slice(None))

    def label_texts_of(self, rows: Any) -> NDArray[np.str_] | None:
        """The class names of some samples, as of all in `label_texts`."""
        if self.labels is None:
            return None
        labels = self.labels[rows]
        if not self.class_names:
            numbers, places = np.unique(labels, return_inverse=True)
            return np.where(numbers == UNLABELLED, "", numbers.astype(np.str_))[places]
        table: NDArray[np.str_] = np.array([*self.class_names, ""], dtype=np.str_)  # -1, no label, is the empty one
        return np.asarray(table[labels])

    @cached_property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of a SHA-256 over ids, labels and some of the samples.

        It answers "are these the same data?", not "is every bit as it was?": of the samples, 1,024
        spread evenly are read, so that it costs the same for a thousand as for a hundred million.
        """
        if self.kept_fingerprint is not None:
            return self.kept_fingerprint
        digest = hashlib.sha256()
        for part in _joined(self.ids):
            digest.update(part)
        for part in array_parts(self.labels):
            digest.update(part)
        spread = np.unique(np.linspace(0, len(self) - 1, FINGERPRINT_SAMPLES).astype(np.int64))
        for each in (self.samples, self.images):
            for part in () if each is None else _sample_bytes(each, spread):
                digest.update(part)
        for media in self.media.values():
            digest.update(media.fingerprint())
        return digest.hexdigest()[:16]

    def take(self, rows: Any) -> Dataset:
        """The dataset of these rows only.

        Args:
            rows: a slice, positions of shape (m,), or a mask of shape (n,).
        """
        return Dataset(
            name=self.name,
            samples=None if self.samples is None else self.samples[rows],
            ids=self.ids[rows],
            labels=None if self.labels is None else self.labels[rows],
            class_names=self.class_names,
            splits=None if self.splits is None else self.splits[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
            images=self._images_of(rows),
            media={name: values[rows] for name, values in self.media.items()},
        )

    def _images_of(self, rows: Any) -> Any:
        """The pictures of some rows; those that are still to be read are so in the part too."""
        if hasattr(self.images, "some_rows"):
            return self.images.some_rows(np.arange(len(self))[rows])
        return None if self.images is None else self.images[rows]

    def fair_sample(self, size: int, seed: int = 0) -> Dataset:
        """A sample in which every class has its share, in the original order; the same for the same seed.

        Raises:
            InputError: size is not 1 to n, or the seed is negative.
        """
        return self.take(fair_sample(len(self), self.labels, size, seed))

    def _check_lengths(self) -> None:
        parts = {"samples": self.samples, "labels": self.labels, "splits": self.splits, "images": self.images}
        parts.update({f"column {name!r}": values for name, values in self.columns.items()})
        for part, values in parts.items():
            if values is not None and len(values) != len(self.ids):
                raise ShapeMismatch(
                    f"Of dataset {self.name!r} the {part} and the ids differ in number.",
                    got=f"{len(values):,} for {len(self.ids):,} ids",
                    expected="one for each sample",
                )

    def _check_ids(self) -> None:
        if not _may_repeat(self.ids):
            return
        ordered = np.sort(self.ids)
        repeated = ordered[1:][ordered[1:] == ordered[:-1]]
        if len(repeated):
            raise DuplicateIds(
                f"Ids repeat in dataset {self.name!r}.",
                got=f"{str(repeated[0])!r} twice or more, {len(repeated):,} repeats in all",
                expected="every id once, since ids tie a sample across layers, steps and runs",
                remedy="Give each sample an id of its own, or leave the ids out to have them numbered.",
            )

    def _check_labels(self) -> None:
        if self.labels is None:
            return
        low, high = int(self.labels.min()), int(self.labels.max())
        classes = len(self.class_names) if self.class_names else high + 1
        if low < UNLABELLED or high >= classes:
            raise InputError(
                f"Labels of dataset {self.name!r} are outside its classes.",
                got=f"labels from {low} to {high}",
                expected=f"0 to {classes - 1}, or -1 for a sample without a label",
            )


def as_dataset(
    data: Any,
    *,
    name: str = "samples",
    labels: Any = None,
    ids: Any = None,
    class_names: Sequence[str] | Mapping[Any, str] | None = None,
    splits: Any = None,
    columns: Any = None,
    images: Any = None,
) -> Dataset:
    """A Dataset from any array-like; a Dataset comes back as it is.

    Args:
        data: a Dataset, or anything `as_array` can read with n samples on its first axis: arrays, also
            memory-mapped ones, which are kept, not copied; tensors of a framework; tables of pandas, polars, Arrow
            and Hugging Face's datasets. A dictionary of such is samples of several inputs. Pictures of
            Pillow, n in a list, a tuple, an array of objects or a column of pandas or polars, may be of several
            sizes, and a data frame hold more than numbers, for models that take them.
        name: the dataset's name, and the beginning of ids that are numbered here.
        labels: int or text, shape (n,). Text becomes class names in alphabetical order; -1, an empty text
            and None among texts, and NaN among numbers, mean not labelled.
        ids: text, shape (n,); numbered when left out: "<name>/00042".
        class_names: the name of label i at position i, or a mapping {i: name}.
        splits: text, shape (n,), or one text for all.
        columns: further columns by name, or a table of them, each of shape (n,): numbers, text, dates, links; or
            sounds and pictures, as paths of files that are there, bytes of files, or columns of Hugging Face's
            datasets.
        images: what is shown of the samples, n pictures of any kind that `as_pictures` knows: arrays, paths,
            bytes of files, pictures of Pillow.

    Raises:
        InputError and its kinds, as for `Dataset`.
    """
    if isinstance(data, Dataset):
        return data
    samples = SeveralInputs(data) if isinstance(data, Mapping) else as_samples(gathered(data))
    if hasattr(samples, "nnz"):
        raise InputError(
            "Samples that are sparse cannot be taken as they are.",
            got=f"{type(samples).__name__} of shape {samples.shape}",
            expected="an array of n samples",
            remedy="Hand in .toarray().",
        )
    count = int(samples.shape[0])
    if images is None and isinstance(samples, PictureRows):
        images = samples.own
    columns = {name: gathered(landed(values)) for name, values in named_columns(columns).items()}
    media = {name: found for name, values in columns.items() if (found := as_media(values)) is not None}
    numbers, names = label_numbers(landed(labels), class_names_of(labels) if class_names is None else class_names)
    return Dataset(
        name=name,
        samples=samples,
        ids=numbered_ids(name, count) if ids is None else _texts(landed(ids), "ids"),
        labels=numbers,
        class_names=names,
        splits=_text_column(landed(splits), count),
        columns={
            name: media[name].names() if name in media else readable(as_array(values, f"column {name!r}"))
            for name, values in columns.items()
        },
        images=None if images is None else as_pictures(gathered(landed(images))),
        media=media,
    )


def array_parts(values: Any) -> Iterator[Any]:
    """Any array as bytes in parts, which differ when the values, the type or the shape do; of None, nothing."""
    if values is None:
        return
    array = np.ascontiguousarray(values)
    if array.dtype.kind in TEXT:
        yield f"{array.shape}{array.tolist()!r}".encode(errors="surrogatepass")
        return
    yield f"{array.dtype.kind}{array.dtype.itemsize}{array.shape}".encode()
    yield array.reshape(-1).view(np.uint8).data


def _sample_bytes(samples: Any, rows: NDArray[np.int64]) -> Iterator[bytes]:
    """What `array_parts` makes of these rows; numbers are read in blocks."""
    first = np.ascontiguousarray(samples[rows[:FINGERPRINT_BLOCK]])
    if first.dtype.kind in TEXT:
        yield from array_parts(samples[rows])
        return
    yield f"{first.dtype.kind}{first.dtype.itemsize}{(len(rows), *first.shape[1:])}".encode()
    yield first.tobytes()
    for begin in range(FINGERPRINT_BLOCK, len(rows), FINGERPRINT_BLOCK):
        yield np.ascontiguousarray(samples[rows[begin : begin + FINGERPRINT_BLOCK]]).tobytes()


def numbered_ids(prefix: str, count: int, start: int = 0) -> NDArray[np.str_]:
    """The ids "<prefix>/00000", "<prefix>/00001", …: shape (count,), five digits or more."""
    head = np.array(list(f"{prefix}/"), "U1").view(np.uint32)
    digits = len(f"{max(0, start + count - 1):05d}")
    ids = temporary_array((count,), f"U{len(head) + digits}")
    characters = ids.view(np.uint32).reshape(count, len(head) + digits)
    characters[:, : len(head)] = head
    begin = 0
    while begin < count:
        digits = len(f"{start + begin:05d}")  # of all up to the end of this part
        end = min(count, begin + ID_BLOCK, 10**digits - start)
        numbers = np.arange(start + begin, start + end)
        for place in range(digits):
            characters[begin:end, len(head) + digits - 1 - place] = ord("0") + numbers // 10**place % 10
        begin = end
    return ids


def _joined(ids: NDArray[np.str_]) -> Iterator[bytes]:
    """The ids with line ends between them, in parts: of millions the whole would be large."""
    for begin in range(0, len(ids), ID_BLOCK):
        text = "\n" * (begin > 0) + "\n".join(ids[begin : begin + ID_BLOCK].tolist())
        try:
            yield text.encode()
        except UnicodeEncodeError as error:
            got = f"{text[max(0, error.start - 20) : error.end + 20]!r}"
            raise InputError("An id is no valid text.", got=got, expected="text that UTF-8 can hold") from error


def _may_repeat(ids: NDArray[np.str_]) -> bool:
    """Whether two ids may be the same: no two of their hashes are where not, and those sort fast and are small."""
    characters = ids.dtype.itemsize // 4
    if ids.dtype.kind != "U" or not characters:
        return True
    weights = np.random.default_rng(0).integers(0, 1 << 64, characters, np.uint64)
    hashes = np.empty(len(ids), np.uint64)
    for begin in range(0, len(ids), ID_BLOCK):
        block = np.ascontiguousarray(ids[begin : begin + ID_BLOCK])
        codes = block.view(np.uint32).reshape(len(block), characters)
        hashes[begin : begin + len(block)] = codes @ weights
    hashes.sort()
    return bool((hashes[1:] == hashes[:-1]).any())


def _text_column(values: Any, count: int) -> NDArray[np.str_] | None:
    if values is None:
        return None
    if isinstance(values, str):
        return np.full(count, values)
    return _texts(values, "splits")


def _texts(values: Any, what: str) -> NDArray[np.str_]:
    if isinstance(values, pa.Array | pa.ChunkedArray) and pa.types.is_string(values.type) and not values.null_count:
        return text_array(values)
    array = readable(as_array(values, what))
    if array.ndim != 1:
        raise ShapeMismatch(
            f"The {what} must be one per sample.",
            got=f"shape {tuple(array.shape)}",
            expected="shape (n,)",
            remedy="Join the parts of each to one text first.",
        )
    if array.dtype.kind == "U":
        return np.array(array)
    texts = np.asarray(array).tolist()
    missing = next((row for row, text in enumerate(texts) if text is None or text != text), None)
    if missing is not None:
        raise InputError(
            f"The {what} are not whole.", got=f"{texts[missing]} for sample {missing:,}", expected="text"
        )
    return np.array([str(each) for each in array], dtype=np.str_)
