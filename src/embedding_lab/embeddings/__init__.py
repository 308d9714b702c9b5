"""The shared nouns and their store: arrays come in, sets, maps and runs that outlive the process go out."""

from embedding_lab.embeddings.dataset import Dataset, as_dataset, numbered_ids
from embedding_lab.embeddings.embedding_set import INPUT_LAYER, EmbeddingSet, Outputs, Place, check_finite
from embedding_lab.embeddings.labels import UNLABELLED, label_numbers
from embedding_lab.embeddings.neighbours import Neighbours
from embedding_lab.embeddings.open_runs import create_run, newest_run, open_run
from embedding_lab.embeddings.projection import Projection
from embedding_lab.embeddings.run import Run
from embedding_lab.embeddings.run_folder import run_folder
from embedding_lab.embeddings.stored_run import LATEST, Latest

__all__ = [
    "INPUT_LAYER",
    "LATEST",
    "UNLABELLED",
    "Dataset",
    "EmbeddingSet",
    "Latest",
    "Neighbours",
    "Outputs",
    "Place",
    "Projection",
    "Run",
    "as_dataset",
    "check_finite",
    "create_run",
    "label_numbers",
    "newest_run",
    "numbered_ids",
    "open_run",
    "run_folder",
]
