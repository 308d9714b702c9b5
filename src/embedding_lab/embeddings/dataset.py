"""The noun everything starts from: samples with stable ids, labels and columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.arrays import as_array
from embedding_lab.embeddings.sampling import fair_sample
from embedding_lab.errors import DuplicateIds, EmptyData, InputError, ShapeMismatch

UNLABELLED = -1
"""The label of a sample that has none."""

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
        """Whether the samples are pictures that can be shown: uint8, (n, height, width[, 1 or 3])."""
        shape: tuple[int, ...] = getattr(self.samples, "shape", ())
        if getattr(self.samples, "dtype", None) != np.uint8:
            return False
        return len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))

    @property
    def label_texts(self) -> NDArray[np.str_] | None:
        """The class name of every sample, shape (n,); empty text where a sample has no label."""
        if self.labels is None:
            return None
        if not self.class_names:
            return np.where(self.labels == UNLABELLED, "", self.labels.astype(np.str_))
        table = np.array([*self.class_names, ""], dtype=np.str_)  # index -1 (no label) reaches the empty text
        return table[self.labels]

    @cached_property
    def id_column(self) -> Any:
        """The ids as an Arrow array of text, made once: every table of every step begins with them."""
        import pyarrow as pa

        return pa.array(self.ids, pa.string())

    @cached_property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of a SHA-256 over ids, labels and some of the samples.

        It answers "are these the same data?", not "is every bit as it was?": of the samples, 1,024
        spread evenly are read, so that it costs the same for a thousand as for a hundred million.
        """
        if self.kept_fingerprint is not None:
            return self.kept_fingerprint
        digest = hashlib.sha256("\n".join(self.ids).encode())
        digest.update(array_bytes(self.labels))
        if self.samples is not None:
            spread = np.unique(np.linspace(0, len(self) - 1, FINGERPRINT_SAMPLES).astype(np.int64))
            for part in _sample_bytes(self.samples, spread):
                digest.update(part)
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
        )

    def fair_sample(self, size: int, seed: int = 0) -> Dataset:
        """A sample in which every class has its share, in the original order; the same for the same seed.

        Raises:
            InputError: size is not 1 to n, or the seed is negative.
        """
        return self.take(fair_sample(len(self), self.labels, size, seed))

    def _check_lengths(self) -> None:
        parts: dict[str, Any] = {"samples": self.samples, "labels": self.labels, "splits": self.splits}
        parts.update({f"column {name!r}": values for name, values in self.columns.items()})
        for part, values in parts.items():
            if values is not None and len(values) != len(self.ids):
                raise ShapeMismatch(
                    f"The {part} of dataset {self.name!r} do not fit its ids.",
                    got=f"{len(values):,} for {len(self.ids):,} ids",
                    expected="one for each sample",
                )

    def _check_ids(self) -> None:
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
    class_names: Sequence[str] | None = None,
    splits: Any = None,
    columns: Mapping[str, Any] | None = None,
) -> Dataset:
    """A Dataset from any array-like; a Dataset comes back as it is.

    Args:
        data: a Dataset, or anything `as_array` can read with n samples on its first axis: arrays, also
            memory-mapped ones, which are kept, not copied; tensors of a framework; tables of pandas, polars, Arrow.
        name: the dataset's name, and the beginning of ids that are numbered here.
        labels: int or text, shape (n,). Text becomes class names in alphabetical order; -1, an empty text
            and None among texts, and NaN among numbers, mean not labelled.
        ids: text, shape (n,); numbered when left out: "<name>/00042".
        class_names: the name of label i at position i.
        splits: text, shape (n,), or one text for all.
        columns: further columns, each of shape (n,).

    Raises:
        InputError and its kinds, as for `Dataset`.
    """
    if isinstance(data, Dataset):
        return data
    samples = as_array(data, "data")
    count = int(samples.shape[0])
    numbers, names = label_numbers(labels, class_names)
    return Dataset(
        name=name,
        samples=samples,
        ids=numbered_ids(name, count) if ids is None else _texts(ids, "ids"),
        labels=numbers,
        class_names=names,
        splits=_text_column(splits, count),
        columns={column: as_array(values, f"column {column!r}") for column, values in (columns or {}).items()},
    )


def array_bytes(values: Any) -> bytes:
    """Any array as bytes that differ when the values, the type or the shape do; of None, nothing."""
    if values is None:
        return b""
    array = np.ascontiguousarray(values)
    if array.dtype.kind in TEXT:
        return f"{array.shape}{array.tolist()!r}".encode(errors="surrogatepass")
    return f"{array.dtype.kind}{array.dtype.itemsize}{array.shape}".encode() + array.tobytes()


def _sample_bytes(samples: Any, rows: NDArray[np.int64]) -> Iterator[bytes]:
    """What `array_bytes` makes of these rows, in parts; numbers are read in blocks."""
    first = np.ascontiguousarray(samples[rows[:FINGERPRINT_BLOCK]])
    if first.dtype.kind in TEXT:
        yield array_bytes(samples[rows])
        return
    yield f"{first.dtype.kind}{first.dtype.itemsize}{(len(rows), *first.shape[1:])}".encode()
    yield first.tobytes()
    for begin in range(FINGERPRINT_BLOCK, len(rows), FINGERPRINT_BLOCK):
        yield np.ascontiguousarray(samples[rows[begin : begin + FINGERPRINT_BLOCK]]).tobytes()


def numbered_ids(prefix: str, count: int, start: int = 0) -> NDArray[np.str_]:
    """The ids "<prefix>/00000", "<prefix>/00001", …: shape (count,), five digits or more."""
    return np.array([f"{prefix}/{i:05d}" for i in range(start, start + count)], dtype=np.str_)


def label_numbers(
    labels: Any, class_names: Sequence[str] | None = None
) -> tuple[NDArray[np.int64] | None, tuple[str, ...] | None]:
    """Labels as int64 (n,) with their class names, from numbers or from text.

    Text labels are looked up in `class_names` where given and numbered alphabetically otherwise;
    an empty text, None among texts and NaN among numbers mean not labelled.

    Raises:
        InputError: labels are neither whole numbers nor text, or name an unknown class.
    """
    names = None if class_names is None else tuple(str(name) for name in class_names)
    if labels is None:
        return None, names
    values = np.asarray(as_array(labels, "labels"))
    if values.ndim != 1:
        raise ShapeMismatch("Labels must be one per sample.", got=f"shape {values.shape}", expected="shape (n,)")
    if values.dtype.kind in "iub":
        return values.astype(np.int64), names
    if values.dtype.kind == "f" and np.all((values == np.floor(values)) | np.isnan(values)):
        return np.where(np.isnan(values), UNLABELLED, values).astype(np.int64), names
    if values.dtype.kind not in "UOT":
        raise InputError(
            "Labels are neither whole numbers nor text.", got=f"dtype {values.dtype}", expected="int or text"
        )
    texts = ["" if value is None else str(value) for value in values.tolist()]
    known = names if names is not None else tuple(sorted({*texts} - {""}))
    position = {text: number for number, text in enumerate(known)} | {"": UNLABELLED}
    unknown = sorted({*texts} - position.keys())
    if unknown:
        raise InputError(
            "Labels name classes that are not among the class names.",
            got=", ".join(map(repr, unknown[:5])),
            expected=f"one of {', '.join(map(repr, known[:20]))}",
        )
    return np.array([position[text] for text in texts], dtype=np.int64), known


def _text_column(values: Any, count: int) -> NDArray[np.str_] | None:
    if values is None:
        return None
    if isinstance(values, str):
        return np.full(count, values)
    return _texts(values, "splits")


def _texts(values: Any, what: str) -> NDArray[np.str_]:
    if not hasattr(values, "__len__"):
        values = list(values)
    return np.array([str(each) for each in as_array(values, what)], dtype=np.str_)
