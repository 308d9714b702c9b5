"""Finds the model's file where a run is named, and the run where the file is."""

from __future__ import annotations

from pathlib import Path

from embedding_lab.errors import DataMissing


def model_file(path: Path) -> Path:
    """The file itself, or the one that `embedding-lab train` has put into a run's folder.

    Raises:
        DataMissing: the folder holds none.
    """
    if not path.is_dir():
        return path
    from embedding_lab.model.training import MODEL_FILE

    if (path / MODEL_FILE).is_file():
        return path / MODEL_FILE
    raise DataMissing(
        f"There is no model in the folder {str(path)!r}.",
        expected=f"a file {MODEL_FILE}, as `embedding-lab train` writes it into a run",
        remedy="Name the model's file.",
    )


def own_run(file: Path) -> Path | None:
    """The run in which a trained model lies; None where it lies elsewhere."""
    return file.parent if any(file.parent.glob("*.tfevents.*")) else None
