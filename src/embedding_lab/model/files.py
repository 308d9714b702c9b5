"""Model files: one `.keras` archive that carries its card inside, so that the two cannot be parted.

A file beside the model is lost with the first copy. Keras reads the members it knows and leaves ours alone; a model
that somebody saves anew with Keras itself loses the card, rightly, since the card describes other weights then.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from embedding_lab.embeddings.files import publish_file, storage_errors
from embedding_lab.errors import BrokenFile, InputError
from embedding_lab.frameworks.keras import read_model, weights_fingerprint
from embedding_lab.model.card import ModelCard

CARD = "embedding_lab.json"
"""The archive member that holds the card."""


def save_model(model: Any, card: ModelCard, path: str | Path) -> None:
    """Saves a Keras model with its card as one file, which is there whole or not at all.

    Raises:
        InputError: the path does not end in `.keras`.
        StorageError: the disk is full, read-only, or refuses; an older file stays.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise InputError(f"{path} is no name for a model.", expected="a name that ends in .keras")
    publish_file(path, _with_card(_archive(model), card))


def load_model(path: str | Path) -> tuple[Any, ModelCard | None]:
    """The Keras model in a file, and its card where it carries one.

    Args:
        path: a `.keras` or `.h5` file, ours or anybody's.

    Returns:
        The model, and None for a model that the lab did not save.

    Raises:
        DataMissing: there is no such file.
        BrokenFile: the file is damaged, or its card describes other weights.
        InputError: Keras cannot or may not rebuild the model from this file alone.
        MissingDependency: Keras is not installed.
    """
    model = read_model(path)
    card = _card(Path(path))
    if card is not None and card.fingerprint != weights_fingerprint(model):
        raise BrokenFile(
            f"The weights in {path} are not those its model card describes.",
            got=f"fingerprint {weights_fingerprint(model)}",
            expected=card.fingerprint,
            remedy="Copy the file again, or train the model again.",
        )
    return model, card


def _archive(model: Any) -> bytes:
    """Keras writes only to names that end in .keras, so it writes aside."""
    with tempfile.TemporaryDirectory(prefix="embedding-lab-") as folder:
        path = Path(folder) / "model.keras"
        with storage_errors(path):
            model.save(path)
            return path.read_bytes()


def _with_card(archive: bytes, card: ModelCard) -> bytes:
    content = io.BytesIO(archive)
    with zipfile.ZipFile(content, "a") as members:
        members.writestr(CARD, card.to_json())
    return content.getvalue()


def _card(path: Path) -> ModelCard | None:
    if not zipfile.is_zipfile(path):
        return None
    with storage_errors(path), zipfile.ZipFile(path) as members:
        return ModelCard.from_json(members.read(CARD), str(path)) if CARD in members.namelist() else None
