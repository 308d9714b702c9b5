"""Samples that cannot be used are named; whether the rest goes on without them is the user's choice."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embedding_lab.embeddings import as_dataset, open_run
from embedding_lab.errors import EmptyData, InputError, MissingDependency, NotFinite, ShapeMismatch, UnknownName
from embedding_lab.extraction import extract, sharded

ROWS = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
WEIGHTS = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)


def model(samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
    hidden = samples @ WEIGHTS
    return {"hidden": hidden, "logits": 2 * hidden}


class Torn:
    """Samples of which some cannot be read."""

    def __init__(self, torn: set[int]) -> None:
        self._torn = torn
        self.shape, self.dtype, self.ndim = ROWS.shape, ROWS.dtype, ROWS.ndim

    def __len__(self) -> int:
        return len(ROWS)

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        for row in np.atleast_1d(np.arange(len(ROWS))[rows]):
            if row in self._torn:
                raise OSError(f"row {row} is torn")
        return ROWS[rows]


def spoiled(*rows: int) -> NDArray[np.float32]:
    samples = ROWS.copy()
    samples[list(rows), 0] = np.nan
    return samples


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharded, "FEWEST_ROWS", 16)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("samples", [spoiled(0, 17, 39), Torn({0, 17, 39})], ids=["NaN", "unreadable"])
def test_what_cannot_be_used_is_left_out_of_every_layer_and_named(samples: Any, tmp_path: Path) -> None:
    labels = np.arange(len(ROWS)) % 3
    data = as_dataset(samples, name="some", labels=labels, class_names=["a", "b", "c"], columns={"at": labels * 2})
    with pytest.warns(UserWarning, match=r"3 of 40 samples left out: 'some/00000' .*'some/00017' .*'some/00039' "):
        sets = extract(model, data, out=tmp_path, step=4, on_error="skip", batch_size=7)
    rest = np.delete(np.arange(len(ROWS)), [0, 17, 39])
    alone = extract(model, as_dataset(ROWS[rest], labels=labels[rest], class_names=["a", "b", "c"]), step=4)
    for layer, each in sets.items():
        read = open_run(tmp_path).embeddings(layer)
        np.testing.assert_allclose(read.vectors[:], alone[layer].vectors, rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(read.vectors[:], each.vectors[:])
        assert read.ids.tolist() == each.ids.tolist() == data.ids[rest].tolist()
        np.testing.assert_array_equal(read.dataset.columns["at"], labels[rest] * 2)
    said, expected = sets["hidden"].outputs, alone["hidden"].outputs
    assert said is not None
    assert expected is not None
    np.testing.assert_array_equal(said.prediction, expected.prediction)
    np.testing.assert_allclose(said.loss, expected.loss, rtol=1e-5)
    assert not (tmp_path / "plugins" / "embedding_lab" / "unfinished").exists()


@pytest.mark.usefixtures("small_shards")
def test_without_anything_to_leave_out_the_run_is_the_one_that_the_stream_writes(tmp_path: Path) -> None:
    data = as_dataset(ROWS)
    sets = extract(model, data, out=tmp_path, on_error="skip", batch_size=7)
    streamed = extract(model, data)
    for layer, each in sets.items():
        np.testing.assert_allclose(each.vectors[:], streamed[layer].vectors, rtol=1e-6, atol=1e-6)
        assert each.dataset is data
        assert each.pooling == streamed[layer].pooling


def test_what_stops_names_the_sample_and_a_choice_that_is_not_known_is_answered() -> None:
    with pytest.raises(NotFinite, match="some/00017"):
        extract(model, as_dataset(spoiled(17), name="some"))
    with pytest.raises(UnknownName, match="stop, skip"):
        extract(model, ROWS, on_error="ignore")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="local, ray"):
        extract(model, ROWS, engine="spark")  # type: ignore[arg-type]


def test_where_nothing_can_be_used_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(EmptyData, match="None of the samples can be read"):
        extract(model, as_dataset(spoiled(*range(40))), out=tmp_path / "run", on_error="skip")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_refuses_one_sample_gives_the_others() -> None:
    def choosy(samples: NDArray[Any]) -> NDArray[Any]:
        if (samples[:, 0] == ROWS[17, 0]).any():
            raise ValueError("not this one")
        return samples

    with pytest.warns(UserWarning, match="'samples/00017' .*not this one"):
        sets = extract(choosy, ROWS, "output", on_error="skip")
    np.testing.assert_array_equal(sets["output"].vectors, np.delete(ROWS, 17, axis=0))


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("batch_size", [8, 16], ids=["in a shard", "between shards"])
def test_vectors_of_several_widths_are_refused(batch_size: int, tmp_path: Path) -> None:
    def uneven(samples: NDArray[Any]) -> NDArray[Any]:
        return samples[:, : 2 if (samples[:, 0] == ROWS[39, 0]).any() else 3]

    with pytest.raises(ShapeMismatch, match=r"'output' does not give vectors of one width. Got: 2 and 3"):
        extract(uneven, ROWS, "output", out=tmp_path, on_error="skip", batch_size=batch_size)
    assert not list(tmp_path.rglob("embeddings.json"))


def test_without_ray_the_install_command_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependency, match=r'pip install "embedding-lab\[ray\]"'):
        extract(model, ROWS, engine="ray")


def test_a_batch_of_nothing_is_refused_whatever_computes() -> None:
    with pytest.raises(InputError, match="batch size"):
        extract(model, ROWS, batch_size=0, on_error="skip")
