"""Gives labels in tables of Hugging Face's datasets the names of their classes, which stand in the schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

ABOUT, CLASSES = b"huggingface", "ClassLabel"


def with_class_names(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with text in place of the numbers of classes that have names; nothing where a number has none."""
    for name, names in _class_names(batch.schema):
        at = batch.schema.get_field_index(name)
        if at >= 0 and pa.types.is_integer(batch.schema.field(at).type):
            batch = batch.set_column(at, name, _texts(batch.column(at), names))
    return batch


def _class_names(schema: pa.Schema) -> Iterator[tuple[str, Sequence[str]]]:
    try:
        features = json.loads((schema.metadata or {}).get(ABOUT, b"{}"))["info"]["features"].items()
        for name, feature in features:
            if isinstance(feature, dict) and feature.get("_type") == CLASSES:
                yield name, [str(each) for each in feature["names"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return


def _texts(numbers: pa.Array, names: Sequence[str]) -> pa.Array:
    codes = np.asarray(numbers.fill_null(-1)).astype(np.int64)
    named = (codes >= 0) & (codes < len(names))
    return pa.DictionaryArray.from_arrays(
        pa.array(np.where(named, codes, 0), pa.int32(), mask=~named), pa.array(names)
    )
