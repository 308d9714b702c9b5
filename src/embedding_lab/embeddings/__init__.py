"""The shared nouns and their store: arrays come in, sets, maps and runs that outlive the process go out."""

from embedding_lab.embeddings.dataset import Dataset, as_dataset, label_numbers, numbered_ids
from embedding_lab.embeddings.embedding_set import INPUT_LAYER, EmbeddingSet, Outputs, check_finite
from embedding_lab.embeddings.projection import Projection

__all__ = [
    "INPUT_LAYER",
    "Dataset",
    "EmbeddingSet",
    "Outputs",
    "Projection",
    "as_dataset",
    "check_finite",
    "label_numbers",
    "numbered_ids",
]
