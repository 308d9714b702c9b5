"""The shared nouns and their store: arrays come in, sets, maps and runs that outlive the process go out."""

from embedding_lab.embeddings.dataset import UNLABELLED, Dataset, as_dataset, label_numbers, numbered_ids
from embedding_lab.embeddings.embedding_set import INPUT_LAYER, EmbeddingSet, Outputs, check_finite
from embedding_lab.embeddings.projection import Projection
from embedding_lab.embeddings.run import LATEST, Latest, Run, create_run, open_run, run_folder

__all__ = [
    "INPUT_LAYER",
    "LATEST",
    "UNLABELLED",
    "Dataset",
    "EmbeddingSet",
    "Latest",
    "Outputs",
    "Projection",
    "Run",
    "as_dataset",
    "check_finite",
    "create_run",
    "label_numbers",
    "numbered_ids",
    "open_run",
    "run_folder",
]
