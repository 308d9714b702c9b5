"""A name or a path comes in; a Dataset of raw samples with labels and stable ids goes out."""

from embedding_lab.dataset.load import NAMES, load_dataset

__all__ = ["NAMES", "load_dataset"]
