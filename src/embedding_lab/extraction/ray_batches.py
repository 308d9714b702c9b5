"""What the batches of a Ray Dataset mean: which columns are the samples, and what came along with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import Dataset, label_numbers, numbered_ids
from embedding_lab.errors import InputError
from embedding_lab.extraction.shards import Record

SAMPLE_COLUMNS = ("samples", "image", "data")
"""Where the samples of a Ray Dataset are looked for; without one, its columns of numbers are the samples."""

KNOWN_COLUMNS = ("id", "label", "split")
"""What other columns of a Ray Dataset mean to the lab."""

NAME = "samples"
"""What its dataset is called, which bears no name."""


def samples_in(batch: Mapping[str, Any]) -> NDArray[Any]:
    """The samples in a batch of a Ray Dataset, shape (b, ...)."""
    name = next((name for name in SAMPLE_COLUMNS if name in batch), None)
    if name is not None:
        samples = np.asarray(batch[name])
        return np.stack(list(samples)) if samples.dtype == object else samples
    numbers = [np.asarray(batch[name]) for name in batch if _is_number(name, batch[name])]
    if not numbers:
        raise InputError(
            "This Ray Dataset has no samples.",
            got=f"the columns {', '.join(batch)}",
            expected=f"a column {' or '.join(SAMPLE_COLUMNS)}, or columns of numbers",
            remedy="Rename the column with ds.rename_columns.",
        )
    return np.stack(numbers, axis=1)


def beside(batch: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """What came along with the samples: one value for each."""
    if any(name in batch for name in SAMPLE_COLUMNS):
        others = [name for name in batch if name not in SAMPLE_COLUMNS]
    else:
        others = [name for name in batch if not _is_number(name, batch[name])]
    return {name: np.asarray(batch[name]) for name in others if np.asarray(batch[name]).ndim == 1}


def _is_number(name: str, values: Any) -> bool:
    values = np.asarray(values)
    return name not in KNOWN_COLUMNS and values.ndim == 1 and values.dtype.kind in "biuf"


def dataset_of(records: list[Record], samples: int) -> Dataset:
    """The dataset of what is in place, without its samples; ids are numbered by the place among all of them."""
    starts = np.cumsum([0, *(record.samples for record in records)])
    missing = [
        int(at) + each.place for at, record in zip(starts, records, strict=False) for each in record.left_out
    ]
    filled = [record for record in records if record.rows]
    columns = {
        name: np.array([each for record in filled for each in record.table[name]]) for name in filled[0].table
    }
    labels, class_names = label_numbers(columns.pop("label", None))
    ids, splits = columns.pop("id", None), columns.pop("split", None)
    return Dataset(
        name=NAME,
        samples=None,
        ids=np.delete(numbered_ids(NAME, samples), missing) if ids is None else ids.astype(np.str_),
        labels=labels,
        class_names=class_names,
        splits=None if splits is None else splits.astype(np.str_),
        columns=columns,
        kept_fingerprint=hashlib.sha256("".join(record.shard for record in records).encode()).hexdigest()[:16],
    )
