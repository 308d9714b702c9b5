"""The card a model carries in its own file: what it was trained on and how, so that it can be used again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, get_type_hints

from embedding_lab.errors import BrokenFile, UnknownVersion

VERSION = 1


@dataclass(frozen=True)
class ModelCard:
    """What is needed to use a trained model again.

    Attributes:
        model: the name of the reference model, such as "dense16".
        fingerprint: of its weights, see `frameworks.keras.weights_fingerprint`.
        class_names: the name of class i at position i.
        dataset: the name of the dataset it was trained on.
        dataset_fingerprint: of that dataset's content, see `Dataset.fingerprint`.
        seed: of the first weights and of the order of the samples.
        epochs: how often every sample was seen.
        batch_size: samples per step.
        learning_rate: of Adam.
        lab_version: the Embedding Lab that trained it.
    """

    model: str
    fingerprint: str
    class_names: tuple[str, ...]
    dataset: str
    dataset_fingerprint: str
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    lab_version: str

    def to_json(self) -> str:
        """The card as one JSON object."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes, source: str) -> ModelCard:
        """The card in a JSON object; keys it does not know are left aside.

        Args:
            text: the JSON.
            source: where it stands, for messages.

        Raises:
            BrokenFile: it is no card.
            UnknownVersion: a newer Embedding Lab wrote it.
        """
        try:
            said: dict[str, Any] = json.loads(text)
            version = int(said["version"])
        except (ValueError, KeyError, TypeError) as error:
            raise _broken(source, f"{type(error).__name__}: {error}") from error
        if version > VERSION:
            raise UnknownVersion(
                f"The model card in {source} was written by a newer Embedding Lab.",
                got=f"version {version}",
                expected=f"version {VERSION}",
                remedy="Update with: pip install --upgrade embedding-lab",
            )
        return cls(**{name: _fact(said, name, kind, source) for name, kind in get_type_hints(cls).items()})


def _fact(said: dict[str, Any], name: str, kind: Any, source: str) -> Any:
    value = said.get(name)
    if name == "class_names" and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    if kind in (str, int, float) and isinstance(value, (int, float) if kind is float else kind):
        return value
    raise _broken(source, f"{name} = {value!r:.80}")


def _broken(source: str, got: str) -> BrokenFile:
    return BrokenFile(
        f"The model card in {source} cannot be read.", got=got, remedy="Train or save the model again."
    )
