"""A table of four pets as a text of columns, in any delimiter, and what a file of them holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from embedding_lab.tables import Choice, Found, open_vectors

VECTORS = np.array([[0.5, -1.25], [2.0, 0.125], [3.5, 0.75], [4.5, -2.5]])
NAMES = ["Ada", "Bär", 'Cy, "the\nsecond"', "Di"]
KINDS = ["cat", "dog"] * 2


def read(path: Path, **choice: Any) -> Found:
    with open_vectors(path, Choice(**choice)) as found:
        np.array(found.vectors)
        return found


def cell(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if set(text) & set('\n";,|\t') else text


def written(delimiter: str = ",", point: str = ".", end: str = "\n", header: str = "name,kind,x,y") -> str:
    rows = [
        [cell(name), kind, *(cell(str(number).replace(".", point)) for number in vector)]
        for name, kind, vector in zip(NAMES, KINDS, VECTORS.tolist(), strict=True)
    ]
    lines = [header.replace(",", delimiter)] if header else []
    return end.join([*lines, *(delimiter.join(row) for row in rows), ""])
