"""See what every layer of your model learned: the public names, each loaded when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedding_lab.app.embedding_logger import EmbeddingLogger
    from embedding_lab.app.loggers import log_embeddings
    from embedding_lab.app.maps import project
    from embedding_lab.app.run_maps import project_run
    from embedding_lab.board.doctor import doctor
    from embedding_lab.board.launch import launch
    from embedding_lab.dataset import load_dataset
    from embedding_lab.embeddings import Dataset, EmbeddingSet, Outputs, Projection, Run, as_dataset, open_run
    from embedding_lab.errors import LabError
    from embedding_lab.extraction import extract, layer_table
    from embedding_lab.model import load_model, train
    from embedding_lab.model.summaries import TrainingSummaries
    from embedding_lab.profiling import TraceReport, trace
    from embedding_lab.projection import TSNE

__version__ = "0.1.0"

_HOMES = {
    "Dataset": "embeddings",
    "EmbeddingLogger": "app.embedding_logger",
    "EmbeddingSet": "embeddings",
    "LabError": "errors",
    "Outputs": "embeddings",
    "Projection": "embeddings",
    "Run": "embeddings",
    "TraceReport": "profiling",
    "TSNE": "projection",
    "TrainingSummaries": "model.summaries",
    "as_dataset": "embeddings",
    "doctor": "board.doctor",
    "extract": "extraction",
    "launch": "board.launch",
    "layer_table": "extraction",
    "load_dataset": "dataset",
    "load_model": "model",
    "log_embeddings": "app.loggers",
    "open_run": "embeddings",
    "project": "app.maps",
    "project_run": "app.run_maps",
    "trace": "profiling",
    "train": "model",
}

__all__ = [
    "TSNE",
    "Dataset",
    "EmbeddingLogger",
    "EmbeddingSet",
    "LabError",
    "Outputs",
    "Projection",
    "Run",
    "TraceReport",
    "TrainingSummaries",
    "__version__",
    "as_dataset",
    "doctor",
    "extract",
    "launch",
    "layer_table",
    "load_dataset",
    "load_model",
    "log_embeddings",
    "open_run",
    "project",
    "project_run",
    "trace",
    "train",
]


def __getattr__(name: str) -> Any:
    """Loads a public name's room at its first use, so that importing the lab costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
