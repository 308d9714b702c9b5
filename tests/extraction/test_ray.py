"""Extraction on Ray Data, two workers on this machine: the same run as the local engine's, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from embedding_lab.dataset import load_dataset
from embedding_lab.embeddings import EmbeddingSet, as_dataset, open_run
from embedding_lab.errors import InputError, LabError, NotFinite
from embedding_lab.extraction import extract, sharded

# Ray warns of its own settings while it copies them
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

STARTED = {"num_cpus": 2, "object_store_memory": 200_000_000, "include_dashboard": False, "log_to_driver": False}
ROWS = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
LABELS = np.arange(len(ROWS)) % 3
SHARD = 16


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    module = pytest.importorskip("ray", reason='no Ray: pip install "ray[data]"')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        module.init(logging_level="ERROR", **STARTED)
        yield module
        module.shutdown()


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharded, "FEWEST_ROWS", SHARD)
    monkeypatch.setattr("embedding_lab.extraction.ray.FOREIGN_ROWS", SHARD)


def labelled(samples: Any) -> Any:
    return as_dataset(samples, name="some", labels=LABELS, class_names=["a", "b", "c"])


def plain(samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
    hidden = samples[:, :3] * 2 + samples[:, 2:]
    return {"hidden": hidden, "logits": hidden * 2}


def assert_same(given: dict[str, EmbeddingSet], expected: dict[str, EmbeddingSet]) -> None:
    assert list(given) == list(expected)
    for layer, each in given.items():
        np.testing.assert_allclose(each.vectors[:], expected[layer].vectors[:], rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(each.ids, expected[layer].ids)
        assert (each.step, each.pooling, each.split) == (
            expected[layer].step,
            expected[layer].pooling,
            expected[layer].split,
        )
        said, known = each.outputs, expected[layer].outputs
        assert (said is None) == (known is None)
        if said is not None and known is not None:
            np.testing.assert_array_equal(said.prediction, known.prediction)
            np.testing.assert_allclose(said.probabilities, known.probabilities, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(said.loss, known.loss, rtol=1e-5, atol=1e-6)


def test_a_keras_model_gives_what_it_gives_here(ray: Any, keras: Any, tmp_path: Path, capfd: Any) -> None:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Rescaling(1 / 16), keras.layers.Flatten(), keras.layers.Dense(16, "relu", name="hidden")]
    model = keras.Sequential([keras.Input((8, 8)), *layers, keras.layers.Dense(10, "softmax", name="output")])
    data = load_dataset("digits", samples=100)
    told: list[tuple[str, int, int | None]] = []
    capfd.readouterr()
    sets = extract(model, data, out=tmp_path, step=5, engine="ray", progress=lambda *said: told.append(said))
    assert capfd.readouterr().out == ""
    assert_same(sets, extract(model, data, step=5))
    read = open_run(tmp_path).embeddings("hidden", 5)
    assert read.model == sets["hidden"].model is not None
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[0] == ("extract samples", 0, 100)
    assert told[-1] == ("extract samples", 100, 100)
    assert not (tmp_path / "plugins" / "embedding_lab" / "unfinished").exists()


def test_a_pytorch_module_gives_what_it_gives_here(ray: Any) -> None:
    torch = pytest.importorskip("torch", reason="no PyTorch: pip install torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 3))
    assert_same(extract(model, labelled(ROWS), engine="ray"), extract(model, labelled(ROWS)))


def test_a_function_of_jax_gives_what_it_gives_here(ray: Any) -> None:
    jax = pytest.importorskip("jax", reason='no jax: pip install "jax[cpu]"')
    matrix = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)

    @jax.jit
    def model(rows: Any) -> Any:
        hidden = jax.nn.relu(rows @ matrix)
        return {"hidden": hidden, "probabilities": jax.nn.softmax(hidden)}

    assert_same(extract(model, labelled(ROWS), engine="ray"), extract(model, labelled(ROWS)))


def test_an_onnx_file_gives_what_it_gives_here(ray: Any, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason='no onnxruntime: pip install "embedding-lab[onnx]"')
    onnx = pytest.importorskip("onnx", reason='no onnx: pip install "embedding-lab[onnx]"')
    rows, said = (
        onnx.helper.make_tensor_value_info(*each) for each in (("rows", 1, ["n", 5]), ("said", 1, ["n", 3]))
    )
    matrix = onnx.numpy_helper.from_array(np.ones((5, 3), np.float32), "matrix")
    nodes = [
        onnx.helper.make_node("MatMul", ["rows", "matrix"], ["inside"]),
        onnx.helper.make_node("Softmax", ["inside"], ["said"]),
    ]
    graph = onnx.helper.make_graph(nodes, "graph", [rows], [said], [matrix])
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "model.onnx")
    model, layers = str(tmp_path / "model.onnx"), ["inside", "said"]
    assert_same(extract(model, labelled(ROWS), layers, engine="ray"), extract(model, labelled(ROWS), layers))


def test_a_saved_model_gives_what_it_gives_here(ray: Any, keras: Any, tmp_path: Path) -> None:
    if keras.backend.backend() != "tensorflow":
        pytest.skip("a SavedModel is made and read by TensorFlow")
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)]).export(tmp_path / "model", verbose=False)
    model = str(tmp_path / "model")
    assert_same(extract(model, labelled(ROWS), engine="ray"), extract(model, labelled(ROWS)))


def test_an_estimator_gives_what_it_gives_here(ray: Any) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model", reason="no scikit-learn: pip install scikit-learn")
    model = linear_model.LogisticRegression().fit(ROWS, LABELS)
    assert_same(extract(model, labelled(ROWS), engine="ray"), extract(model, labelled(ROWS)))


def test_a_temporary_run_is_refused_where_other_machines_could_not_write_it() -> None:
    pytest.importorskip("ray", reason='no Ray: pip install "ray[data]"')
    from ray.cluster_utils import Cluster

    started = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}
    code = (
        "import sys, ray; from embedding_lab.extraction import extract\n"
        "extract(lambda batch: batch, [[1.0]] * 4, engine='ray', address=sys.argv[1])"
    )
    cluster = Cluster(initialize_head=True, head_node_args=started)
    try:
        cluster.add_node(**started)
        cluster.wait_for_nodes()
        command = [sys.executable, "-c", code, cluster.address]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    finally:
        cluster.shutdown()
    assert ended.returncode == 1
    assert "2 machines and a temporary run" in ended.stderr


def test_a_worker_that_is_killed_in_mid_batch_costs_no_sample(ray: Any, tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    at = float(ROWS[100, 0])

    def deadly(samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
        if at in samples[:, 0].tolist() and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(samples)

    sets = extract(deadly, labelled(ROWS), engine="ray", out=tmp_path / "run")
    assert killed.exists()
    assert_same(sets, extract(plain, labelled(ROWS)))


DRIVER = """
import os, signal, sys
import ray
import test_ray as here
from embedding_lab.extraction import extract, sharded

sharded.FEWEST_ROWS = here.SHARD
_, log, out, deadly = sys.argv

def progress(stage, done, total, note=""):
    print(note)
    if deadly == "deadly" and done > total // 3:
        os.kill(os.getpid(), signal.SIGKILL)

ray.init(logging_level="ERROR", **here.STARTED)
extract(here.Counting(log), here.labelled(here.ROWS), engine="ray", out=out, progress=progress)
"""


def drive(*words: object) -> subprocess.CompletedProcess[str]:
    """Runs a driver of its own, with its own two workers."""
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    return subprocess.run(
        [sys.executable, "-c", DRIVER, *map(str, words)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


class Counting:
    """A model that writes down for which samples it was asked."""

    def __init__(self, log: str) -> None:
        self._log = log

    def __call__(self, samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
        with Path(self._log).open("ab") as log:
            log.write(np.ascontiguousarray(samples[:, 0]).tobytes())
        return plain(samples)


@pytest.mark.usefixtures("ray")
def test_a_driver_that_is_killed_goes_on_with_the_missing_shards_only(tmp_path: Path) -> None:
    log, out = tmp_path / "asked", tmp_path / "run"
    ended = drive(log, out, "deadly")
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    # its workers may live for a moment yet, and put one more in place
    in_place = {path.stem for path in out.rglob("unfinished/*/*.json") if path.stem.isdigit()}
    files = [path for path in out.rglob("layers/**/*.npy") if path.name.split("-")[1] in in_place]
    done = {path: path.stat().st_mtime_ns for path in files}
    assert done
    assert not list(out.rglob("embeddings.json"))
    log.unlink()
    ended = drive(log, out, "")
    assert ended.returncode == 0, ended.stderr
    assert "shards were in place" in ended.stdout
    asked = np.frombuffer(log.read_bytes(), np.float32)
    computed = {f"{row // SHARD:05d}" for row in np.flatnonzero(np.isin(ROWS[:, 0], asked))}
    assert not (computed - {"00000"}) & in_place  # 0: the example
    assert len(computed) > 1
    assert {path: path.stat().st_mtime_ns for path in done} == done
    run, expected = open_run(out), extract(plain, labelled(ROWS))
    assert_same({layer: run.embeddings(layer) for layer in expected}, expected)


@pytest.mark.usefixtures("ray")
def test_a_killed_driver_goes_on_in_an_object_store_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why = 'no S3 store: pip install "embedding-lab[remote]" "moto[server]"'
    s3fs = pytest.importorskip("s3fs", reason=why)
    server = pytest.importorskip("moto.server", reason=why)
    store = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{store.get_host_and_port()[1]}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    try:
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("pictures")
        out = "s3://pictures/logs/run"
        ended = drive(tmp_path / "asked", out, "deadly")
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        ended = drive(tmp_path / "asked", out, "")
        assert ended.returncode == 0, ended.stderr
        assert "shards were in place" in ended.stdout
        run, expected = open_run(out), extract(plain, labelled(ROWS))
        assert_same({layer: run.embeddings(layer) for layer in expected}, expected)
    finally:
        store.stop()


def test_what_cannot_be_used_is_named_and_left_out_or_stops_the_rest(ray: Any, tmp_path: Path) -> None:
    class Spoiled:
        """Of its samples one is NaN and one cannot be read."""

        shape, dtype, ndim = ROWS.shape, ROWS.dtype, ROWS.ndim

        def __len__(self) -> int:
            return len(ROWS)

        def __getitem__(self, rows: Any) -> NDArray[Any]:
            if 100 in np.arange(len(ROWS))[rows]:
                raise OSError("a torn page")
            samples = ROWS.copy()
            samples[7] = np.nan
            return samples[rows]

    named = r"2 of 200 samples left out: 'some/00007' \(NaN.*'some/00100' \(OSError: a torn page\)"
    with pytest.warns(UserWarning, match=named):
        sets = extract(plain, labelled(Spoiled()), engine="ray", on_error="skip", out=tmp_path / "skipped")
    rest = np.delete(np.arange(len(ROWS)), [7, 100])
    expected = extract(plain, labelled(ROWS).take(rest))
    assert_same(sets, expected)
    read = open_run(tmp_path / "skipped").embeddings("hidden")
    np.testing.assert_array_equal(read.ids, expected["hidden"].ids)
    with pytest.raises(InputError, match=r"Sample 'some/00(007|100)' cannot be used"):
        extract(plain, labelled(Spoiled()), engine="ray", out=tmp_path / "stopped")
    assert not list((tmp_path / "stopped").rglob("embeddings.json"))


def test_what_a_model_raises_in_a_worker_is_told(ray: Any) -> None:
    def broken(samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
        return plain(samples) if len(samples) == 2 else {}["no such key"]

    with pytest.raises(LabError, match=r"Ray could not go on.*KeyError: 'no such key'"):
        extract(broken, labelled(ROWS), engine="ray")


def test_a_batch_that_a_worker_cannot_hold_is_halved_and_that_is_said(ray: Any) -> None:
    def greedy(samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
        if len(samples) > 10:
            raise MemoryError
        return plain(samples)

    with pytest.warns(UserWarning, match="did not suffice for a batch of 16 samples: going on with 8"):
        sets = extract(greedy, labelled(ROWS), engine="ray")
    assert_same(sets, extract(plain, labelled(ROWS)))


def test_a_ray_dataset_keeps_its_order_its_ids_and_its_columns(ray: Any, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = [f"bird {row}" for row in range(len(ROWS))]
    table = {
        "id": ids,
        "data": ROWS.tolist(),
        "label": [["a", "b", "c"][label] for label in LABELS],
        "weight": ROWS[:, 1],
    }
    for part, rows in enumerate((slice(0, 70), slice(70, 200))):
        pq.write_table(
            pa.table({name: values[rows] for name, values in table.items()}), tmp_path / f"{part}.parquet"
        )
    birds = ray.data.read_parquet([str(tmp_path / "0.parquet"), str(tmp_path / "1.parquet")])
    samples = ROWS.copy()
    sets = extract(plain, birds, engine="ray", out=tmp_path / "run", step=3)
    expected = extract(plain, as_dataset(samples, ids=ids, labels=LABELS, class_names=["a", "b", "c"]), step=3)
    assert_same(sets, expected)
    read = open_run(tmp_path / "run").embeddings("hidden", 3)
    np.testing.assert_allclose(read.dataset.columns["weight"], ROWS[:, 1])
    with pytest.raises(InputError, match='engine="ray"'):
        extract(plain, birds)


def test_pictures_that_ray_reads_keep_their_order_and_their_paths(ray: Any, tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (40, 4, 5, 3), dtype=np.uint8)
    for row, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"{row:02d}.png")
    read = ray.data.read_images(str(tmp_path), include_paths=True)
    sets = extract(lambda batch: batch.mean(axis=(1, 2)), read, engine="ray")
    rows = [int(Path(path).stem) for path in sets["output"].dataset.columns["path"]]
    assert sorted(rows) == list(range(40))
    np.testing.assert_allclose(sets["output"].vectors[:], pictures[rows].mean(axis=(1, 2)), rtol=1e-5)


def test_arrays_in_a_ray_dataset_are_numbered_and_computed_once(ray: Any, tmp_path: Path) -> None:
    samples = ROWS.copy()
    samples[150] = np.inf
    log = tmp_path / "asked"
    with pytest.raises(NotFinite, match="samples/00150"):
        extract(Counting(str(log)), ray.data.from_numpy(samples), engine="ray", out=tmp_path / "run")
    log.unlink()
    with pytest.warns(UserWarning, match="1 of 200 samples left out: 'samples/00150'"):
        sets = extract(
            Counting(str(log)), ray.data.from_numpy(samples), engine="ray", out=tmp_path / "run", on_error="skip"
        )
    asked = np.frombuffer(log.read_bytes(), np.float32)
    assert np.isin(ROWS[SHARD : 3 * SHARD, 0], asked).sum() == 0
    np.testing.assert_allclose(sets["hidden"].vectors[:], plain(np.delete(ROWS, 150, axis=0))["hidden"], rtol=1e-6)
    assert sets["hidden"].ids[149:151].tolist() == ["samples/00149", "samples/00151"]
