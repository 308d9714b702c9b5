"""Finds the model's file where a run is named, and the run where the file is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedding_lab.errors import DataMissing

if TYPE_CHECKING:
    from embedding_lab.model import ModelCard


def model_file(path: Path) -> Path:
    """The file itself, or the one that `embedding-lab train` has put into a run's folder; a SavedModel is a folder.

    Raises:
        DataMissing: the folder holds none.
    """
    if not path.is_dir() or (path / "saved_model.pb").exists():
        return path
    from embedding_lab.model.training import MODEL_FILE

    if (path / MODEL_FILE).is_file():
        return path / MODEL_FILE
    raise DataMissing(
        f"There is no model in the folder {str(path)!r}.",
        expected=f"a file {MODEL_FILE}, as `embedding-lab train` writes it into a run",
        remedy="Name the model's file.",
    )


def opened(file: Path) -> tuple[Any, ModelCard | None]:
    """What `extract` takes of a model's file, and the card that a model of ours carries.

    Raises:
        LabError and its kinds: a file of Keras cannot be read.
    """
    if file.is_dir() or file.suffix == ".onnx":
        return file, None
    from embedding_lab.model import load_model

    return load_model(file)


def own_run(file: Path) -> Path | None:
    """The run in which a trained model lies; None where it lies elsewhere."""
    return file.parent if any(file.parent.glob("*.tfevents.*")) else None
