"""Vectors from elsewhere: a file of any kind comes in, its vectors, labels, ids and columns go out; and back."""

from embedding_lab.tables.arrays import read_array, read_column
from embedding_lab.tables.batches import parts_of
from embedding_lab.tables.found import Choice, Found
from embedding_lab.tables.names import free_name
from embedding_lab.tables.packed import PACKED, bare_stem
from embedding_lab.tables.read import SUFFIXES, open_vectors
from embedding_lab.tables.write import WRITERS

__all__ = [
    "PACKED",
    "SUFFIXES",
    "WRITERS",
    "Choice",
    "Found",
    "bare_stem",
    "free_name",
    "open_vectors",
    "parts_of",
    "read_array",
    "read_column",
]
