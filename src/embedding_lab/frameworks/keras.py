"""Keras as the lab uses it: imported without noise, model files read safely, weights fingerprinted."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.errors import BrokenFile, InputError, LabError, MissingDependency
from embedding_lab.frameworks.quiet import without_lines

LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
QUIET = "3"
INSTALLED_BY = {"torch": "embedding-lab[torch]", "jax": "jax"}
"""What brings the backends of Keras that are not the usual one."""

MODEL_FILES = (".keras", ".h5", ".hdf5")
_START_UP_NOISE = re.compile(
    r"[IWE]\d{4} \d\d:|WARNING: All log messages before absl|To enable the following instr"
)


def import_keras() -> Any:
    """The module `keras`, on the backend that the user chose: TensorFlow unless `KERAS_BACKEND` says otherwise.

    The first import hides what TensorFlow logs while it starts, unless the user chose a log level. No other
    framework than that of the backend is imported.

    Raises:
        MissingDependency: Keras or its backend is not installed.
    """
    with _imported_quietly():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow  # noqa: F401  (Keras would load it later, outside the quiet)
    return keras


def import_tensorflow() -> Any:
    """The module `tensorflow`, whatever Keras runs on; its start is as quiet.

    Raises:
        MissingDependency: it is not installed.
    """
    with _imported_quietly():
        import tensorflow
    return tensorflow


def import_keras_on_tensorflow() -> Any:
    """The module `keras`, for what trains and records with TensorFlow itself.

    Raises:
        MissingDependency: Keras or its backend is not installed.
        InputError: Keras is set to another backend.
    """
    keras = import_keras()
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            "Keras runs on another backend.",
            got=keras.backend.backend(),
            expected="tensorflow",
            remedy="Set the environment variable KERAS_BACKEND=tensorflow before Python starts.",
        )
    return keras


def read_model(path: str | Path) -> Any:
    """The Keras model in a file, with safe mode on: no code from the file is run.

    Args:
        path: a `.keras` file, or an `.h5` or `.hdf5` file of a whole model.

    Raises:
        DataMissing: there is no such file.
        BrokenFile: the file is damaged or holds no model.
        InputError: Keras cannot or may not rebuild the model from this file alone.
    """
    path = Path(path)
    _check_is_model_file(path)
    keras = import_keras()
    try:
        return _load(keras, path)
    except LabError:
        raise
    except Exception as error:
        raise _explained(error, path) from error


def weights_fingerprint(model: Any) -> str:
    """The first 16 hexadecimal digits of a SHA-256 over all weights of a model, in their order."""
    digest = hashlib.sha256()
    for weight in model.weights:
        values = weight.numpy()
        digest.update(f"{values.dtype}{values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()[:16]


def _load(keras: Any, path: Path) -> Any:
    """Compiled where possible, since the loss tells whether a model gives logits."""
    with warnings.catch_warnings():
        # an optimizer that never took a step was saved without its state, which nobody misses
        warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
        try:
            return keras.saving.load_model(path, safe_mode=True)
        except Exception:  # a loss or metric of the user's own must not hide a model that is fine without it
            return keras.saving.load_model(path, safe_mode=True, compile=False)


def _check_is_model_file(path: Path) -> None:
    with storage_errors(path):
        path.stat()
    if path.is_dir():
        raise InputError(
            f"{path} is a folder.",
            got="a SavedModel, whose layers Keras 3 cannot load" if (path / "saved_model.pb").exists() else "",
            expected="a .keras or .h5 file",
            remedy="Load the model in Python and hand it over, or save it with model.save('model.keras').",
        )
    if path.name.endswith(".weights.h5"):
        raise InputError(
            f"{path} holds weights only.",
            expected="a file with the whole model",
            remedy="Save it with model.save('model.keras'), or load the weights into the model and hand that over.",
        )
    if path.suffix not in MODEL_FILES:
        raise InputError(
            f"{path} does not look like a Keras model.",
            got=f"a file ending in {path.suffix!r}",
            expected=".keras, .h5 or .hdf5",
        )
    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        raise BrokenFile(
            f"{path} is no .keras file.",
            got="something other than a whole zip archive",
            remedy="Copy or save it again: it may be cut short.",
        )


def _explained(error: Exception, path: Path) -> LabError:
    said = str(error).strip()
    first_line = said.splitlines()[0] if said else type(error).__name__
    if "ambda" in said and ("safe" in said or "unsafe" in said):
        return InputError(
            f"{path} holds a Lambda layer: loading it would run code from the file.",
            expected="a model without Python code inside",
            remedy="If you trust the file, load it with keras.saving.load_model(path, safe_mode=False) and hand "
            "the model over instead of the path.",
        )
    unknown = re.search(r"(?:Could not locate class|Unknown \w+:) '([^']+)'", said)
    if unknown:
        return InputError(
            f"{path} holds a class that Keras does not know.",
            got=unknown[1],
            remedy="Load the model where that class is defined and hand the model over instead of the path, or "
            "register the class with @keras.saving.register_keras_serializable().",
        )
    return BrokenFile(
        f"{path} could not be read as a Keras model.",
        got=f"{type(error).__name__}: {first_line:.200}",
        remedy="Save it again with model.save('model.keras'), with this or a newer version of Keras.",
    )


@contextlib.contextmanager
def _imported_quietly() -> Iterator[None]:
    """Hides what TensorFlow logs in the block, and answers what is missing with the command that installs it."""
    try:
        with _quiet_start():
            yield
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        package = INSTALLED_BY.get(missing, "embedding-lab[tensorflow]")
        raise MissingDependency(
            f"This needs {missing}, which is not installed.",
            remedy=f'Install it with: pip install "{package}"',
        ) from error


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Keeps TensorFlow's start-up lines off the terminal, unless the user chose a log level."""
    if "tensorflow" in sys.modules or os.environ.setdefault(LOG_LEVEL, QUIET) != QUIET:
        yield
        return
    with without_lines(_START_UP_NOISE):
        yield
