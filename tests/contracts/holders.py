"""What Python's own things, such as pictures of Pillow, may be held in: each holder takes a list of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


def array_of_objects(things: list[Any]) -> Any:
    """As columns of pandas give it."""
    array = np.empty(len(things), object)
    for place, thing in enumerate(things):  # all at once, numpy would take apart what has a shape
        array[place] = thing
    return array


def column_of_pandas(things: list[Any]) -> Any:
    pandas = pytest.importorskip("pandas", reason="no pandas: pip install pandas")
    return pandas.Series(things, index=range(len(things), 0, -1))


def column_of_polars(things: list[Any]) -> Any:
    polars = pytest.importorskip("polars", reason="no polars: pip install polars")
    return polars.Series(things, dtype=polars.Object)


HOLDERS: dict[str, Callable[[list[Any]], Any]] = {
    "a list": list,
    "a tuple": tuple,
    "an array of objects": array_of_objects,
    "a column of pandas": column_of_pandas,
    "a column of polars": column_of_polars,
}
