"""Keras starts quietly, and a model file that cannot be used is answered with what to do."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding_lab.embeddings.arrays import as_array
from embedding_lab.errors import BrokenFile, DataMissing, InputError, LabError, MissingDependency
from embedding_lab.frameworks.keras import (
    import_keras,
    import_keras_on_tensorflow,
    read_model,
    weights_fingerprint,
)


@pytest.fixture(scope="module")
def keras() -> Any:
    return import_keras()


def python(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=kept | environment, check=False
    )


@pytest.mark.usefixtures("keras")
def test_nothing_of_the_start_reaches_the_terminal_but_what_others_write_does() -> None:
    script = """
import os, threading
from embedding_lab.frameworks.keras import import_keras
threading.Timer(0.5, os.write, (2, b"somebody else\\n")).start()
keras = import_keras()
keras.ops.ones(3)
"""
    assert python(script).stderr == "somebody else\n"


@pytest.mark.long
@pytest.mark.usefixtures("keras")
def test_a_log_level_of_the_users_own_is_respected() -> None:
    done = python(
        "from embedding_lab.frameworks.keras import import_keras; import_keras()", TF_CPP_MIN_LOG_LEVEL="0"
    )
    assert "cpu_feature_guard" in done.stderr


def test_what_needs_tensorflow_says_of_another_backend_that_it_does(keras: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match=r"Got: jax\. Expected: tensorflow\."):
        import_keras_on_tensorflow()


@pytest.mark.parametrize("missing", ["keras", "tensorflow"])
def test_a_missing_package_is_answered_with_the_install_command(monkeypatch: Any, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingDependency, match=r'pip install "embedding-lab\[tensorflow\]"'):
        import_keras()


@pytest.mark.parametrize(("backend", "package"), [("jax", "jax"), ("torch", "embedding-lab[torch]")])
def test_a_backend_that_is_asked_for_and_missing_is_answered_with_its_own_install_command(
    keras: Any, backend: str, package: str
) -> None:
    asks = "from embedding_lab.frameworks.keras import import_keras; import_keras()"
    done = python(f"import sys; sys.modules[{backend!r}] = None; {asks}", KERAS_BACKEND=backend)
    said = f'This needs {backend}, which is not installed. Install it with: pip install "{package}"'
    assert f"MissingDependency: {said}" in done.stderr


def test_a_saved_model_needs_tensorflow_and_says_so_whatever_keras_runs_on(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"never read")
    asks = f"import embedding_lab as lab; lab.layer_table({str(tmp_path)!r})"
    done = python(f"import sys; sys.modules['tensorflow'] = None; {asks}", KERAS_BACKEND="jax")
    said = 'This needs tensorflow, which is not installed. Install it with: pip install "embedding-lab[tensorflow]"'
    assert said in done.stderr


@pytest.mark.parametrize("missing", ["keras", "tensorflow"])
def test_summaries_without_it_are_answered_with_the_install_command_too(missing: str) -> None:
    asks = "import embedding_lab as lab; lab.TrainingSummaries"
    done = python(f"import sys; sys.modules[{missing!r}] = None; {asks}")
    assert 'pip install "embedding-lab[tensorflow]"' in done.stderr


def test_the_fingerprint_is_that_of_the_weights(keras: Any, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    twin = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    assert weights_fingerprint(model) != weights_fingerprint(twin)
    twin.set_weights(model.get_weights())
    assert weights_fingerprint(model) == weights_fingerprint(twin)
    model.save(tmp_path / "model.keras")
    assert weights_fingerprint(read_model(tmp_path / "model.keras")) == weights_fingerprint(model)


def test_a_model_that_was_compiled_and_never_trained_is_read_without_a_word(keras: Any, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.save(tmp_path / "model.keras")
    assert read_model(tmp_path / "model.keras").loss.from_logits


def test_a_model_whose_loss_is_unknown_is_read_all_the_same(keras: Any, tmp_path: Path) -> None:
    @keras.saving.register_keras_serializable("test")
    def of_my_own(wanted: Any, given: Any) -> Any:
        return keras.ops.mean(given)

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(loss=of_my_own)
    model.save(tmp_path / "model.keras")
    keras.saving.get_custom_objects().clear()
    assert len(read_model(tmp_path / "model.keras").layers) == 1


@pytest.mark.filterwarnings("ignore")  # Keras calls the older format legacy
@pytest.mark.parametrize("ending", [".keras", ".h5"])
class TestBothFormats:
    def test_a_whole_model_is_read(self, keras: Any, tmp_path: Path, ending: str) -> None:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="dense")])
        model.save(tmp_path / f"model{ending}")
        assert [layer.name for layer in read_model(tmp_path / f"model{ending}").layers] == ["dense"]

    def test_code_inside_a_file_is_refused(self, keras: Any, tmp_path: Path, ending: str) -> None:
        path = tmp_path / f"model{ending}"
        keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2)]).save(path)
        with pytest.raises(InputError, match=r"Lambda layer.*safe_mode=False"):
            read_model(path)

    def test_an_unknown_class_is_named(self, keras: Any, tmp_path: Path, ending: str) -> None:
        class Strange(keras.layers.Layer):
            def call(self, samples: Any) -> Any:
                return samples

        path = tmp_path / f"model{ending}"
        keras.Sequential([keras.Input((4,)), Strange()]).save(path)
        with pytest.raises(InputError, match=r"does not know.*Strange.*hand the model over"):
            read_model(path)

    def test_a_file_cut_short_is_broken(self, keras: Any, tmp_path: Path, ending: str) -> None:
        path = tmp_path / f"model{ending}"
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save(path)
        path.write_bytes(path.read_bytes()[:2000])
        with pytest.raises(BrokenFile, match=str(path)):
            read_model(path)

    def test_any_other_content_is_broken(self, tmp_path: Path, ending: str) -> None:
        path = tmp_path / f"model{ending}"
        path.write_text("no model")
        with pytest.raises(BrokenFile, match=str(path)):
            read_model(path)


def test_an_archive_without_a_model_is_broken(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("something", "else")
    (tmp_path / "model.keras").write_bytes(content.getvalue())
    with pytest.raises(BrokenFile, match="could not be read"):
        read_model(tmp_path / "model.keras")


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("none.keras", DataMissing, "no file"),
        ("model.weights.h5", InputError, "weights only"),
        ("model.pt", InputError, r"\.keras"),
        ("folder", InputError, "is a folder"),
        ("saved", InputError, "SavedModel"),
    ],
)
def test_what_is_no_model_file_is_refused(tmp_path: Path, name: str, kind: type[LabError], words: str) -> None:
    path = tmp_path / name
    if name in ("folder", "saved"):
        path.mkdir()
    if name == "saved":
        (path / "saved_model.pb").touch()
    if name.startswith("model"):
        path.touch()
    with pytest.raises(kind, match=words):
        read_model(path)


def test_tensors_are_read_as_arrays_also_in_half_precision(keras: Any) -> None:
    vectors = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    import tensorflow

    tensor = tensorflow.constant(vectors)
    np.testing.assert_array_equal(as_array(tensor, "vectors"), vectors)
    np.testing.assert_array_equal(as_array(tensorflow.Variable(vectors), "vectors"), vectors)
    half = as_array(tensorflow.cast(tensor, "bfloat16"), "vectors")
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, vectors, rtol=1e-2)
