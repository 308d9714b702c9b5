"""What every extractor must do, whatever the framework: a new one inherits these tests and supplies a case."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embedding_lab.embeddings import EmbeddingSet, as_dataset, create_run, open_run
from embedding_lab.errors import EmptyData, InputError, NotFinite, ShapeMismatch, UnknownName
from embedding_lab.extraction import extract
from embedding_lab.extraction.extractor import EXAMPLES


@dataclass
class Case:
    """A model and what it must give.

    Attributes:
        model: of the framework; dropout and batch normalisation belong in it.
        samples: at least ten, shape (n, ...), float32 or uint8.
        outputs: what layers give in inference mode, computed in another way, shape (n, ...); the first layer lets
            NaN through, which a relu does not.
        channels_first: the layers whose channels are axis 1, rather than the last.
        probabilities: of the classes, shape (n, classes); None where the model is no classifier.
        state: all that extraction must leave as it is: weights, modes, flags, attributes.
        shape_words: words of the message about samples of another shape.
        has_weights: whether the lab sees the model's weights.
    """

    model: Any
    samples: NDArray[Any]
    outputs: dict[str, NDArray[np.float32]]
    probabilities: NDArray[np.float32] | None
    state: Callable[[], Any]
    shape_words: tuple[str, ...] = field(default=())
    channels_first: frozenset[str] = field(default=frozenset())
    has_weights: bool = True

    @property
    def layers(self) -> list[str]:
        return list(self.outputs)

    def vectors(self, layer: str, pooling: str) -> NDArray[np.float32]:
        """What extraction must give, shape (n, dims)."""
        output = self.outputs[layer]
        if output.ndim == 2 or pooling == "flatten":
            return output.reshape(len(output), -1)
        channels = 1 if layer in self.channels_first else output.ndim - 1
        inner = tuple(axis for axis in range(1, output.ndim) if axis != channels)
        return output.mean(axis=inner) if pooling == "mean" else output.max(axis=inner)


class CountedSamples:
    """Samples that count how often each is read."""

    def __init__(self, samples: NDArray[Any]) -> None:
        self._samples = samples
        self.shape, self.dtype, self.ndim = samples.shape, samples.dtype, samples.ndim
        self.reads = np.zeros(len(samples), int)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        self.reads[rows] += 1
        return self._samples[rows]


def interrupt_after(calls: int) -> Callable[[str, int, int | None], None]:
    """A progress that does what Ctrl-C does, after so many calls."""
    told = []

    def progress(stage: str, done: int, total: int | None) -> None:
        told.append(done)
        if len(told) > calls:
            raise KeyboardInterrupt

    return progress


def labelled(case: Case) -> Any:
    classes = 2 if case.probabilities is None else case.probabilities.shape[1]
    labels = np.arange(len(case.samples)) % classes
    labels[-1] = -1
    return as_dataset(case.samples, name="some", labels=labels, class_names=[f"class {i}" for i in range(classes)])


class ExtractorContract:
    """Inherit it and supply the fixture `case`, best of scope "class"."""

    def test_layers_give_what_the_model_computes_in_inference_mode_in_the_order_of_samples(
        self, case: Case
    ) -> None:
        sets = extract(case.model, case.samples, case.layers)
        assert list(sets) == case.layers
        for layer in case.layers:
            np.testing.assert_allclose(sets[layer].vectors, case.vectors(layer, "mean"), rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("pooling", ["mean", "max", "flatten"])
    def test_further_axes_become_one_as_asked(self, case: Case, pooling: Any) -> None:
        sets = extract(case.model, case.samples, case.layers, pooling=pooling)
        for layer, output in case.outputs.items():
            np.testing.assert_allclose(sets[layer].vectors, case.vectors(layer, pooling), rtol=1e-5, atol=1e-5)
            assert sets[layer].pooling == (pooling if output.ndim > 2 else None)

    @pytest.mark.parametrize("batch_size", [1, 3, 7, 1000])
    def test_any_batch_size_gives_the_same_vectors(self, case: Case, batch_size: int) -> None:
        chosen = extract(case.model, case.samples, case.layers)
        given = extract(case.model, case.samples, case.layers, batch_size=batch_size)
        for layer in case.layers:
            np.testing.assert_allclose(given[layer].vectors, chosen[layer].vectors, rtol=1e-6, atol=1e-6)

    def test_all_layers_come_from_one_pass_over_the_samples(self, case: Case) -> None:
        samples = CountedSamples(case.samples)
        data = as_dataset(samples)
        assert data.fingerprint  # which reads them too, once and for all
        samples.reads[:] = 0
        extract(case.model, data, [*case.layers, "input"], batch_size=4)
        samples.reads[:EXAMPLES] -= 1
        assert samples.reads.tolist() == [1] * len(samples)

    def test_the_samples_themselves_count_as_a_layer(self, case: Case) -> None:
        of_input = extract(case.model, case.samples, ["input"], step=3)["input"]
        np.testing.assert_array_equal(of_input.vectors, case.samples.reshape(len(case.samples), -1).astype("f4"))
        assert (of_input.step, of_input.model) == (None, None)
        assert of_input.pooling == ("flatten" if case.samples.ndim > 2 else None)

    def test_unasked_it_takes_the_input_and_the_layers_worth_showing(self, case: Case) -> None:
        sets = extract(case.model, case.samples)
        assert next(iter(sets)) == "input"
        assert len(sets) > 1

    def test_one_name_may_stand_alone(self, case: Case) -> None:
        assert list(extract(case.model, case.samples, case.layers[0])) == case.layers[:1]

    def test_the_model_is_left_as_it_was_found(self, case: Case) -> None:
        before = case.state()
        extract(case.model, case.samples, case.layers)
        assert case.state() == before

    def test_the_model_is_left_as_it_was_found_after_an_error(self, case: Case) -> None:
        before = case.state()
        with pytest.raises(UnknownName):
            extract(case.model, case.samples, ["no such layer"])
        with pytest.raises(KeyboardInterrupt):
            extract(case.model, case.samples, case.layers, batch_size=3, progress=interrupt_after(1))
        assert case.state() == before

    def test_vectors_are_on_disk_as_float32_with_what_is_known_of_them(self, case: Case, tmp_path: Path) -> None:
        data = labelled(case)
        given = extract(case.model, data, case.layers, out=tmp_path, step=7, epoch=2, split="test")
        for layer, read in ((layer, open_run(tmp_path).embeddings(layer)) for layer in case.layers):
            assert isinstance(given[layer].vectors, np.memmap)
            assert given[layer].vectors.dtype == np.float32
            assert given[layer].dataset is data
            np.testing.assert_array_equal(read.vectors, given[layer].vectors)
            np.testing.assert_array_equal(read.ids, data.ids)
            assert facts(read) == facts(given[layer])
            assert (read.step, read.epoch, read.split) == (7, 2, "test")
            assert (read.model is not None) == case.has_weights

    def test_a_classifier_says_its_prediction_confidence_loss_and_probabilities(
        self, case: Case, tmp_path: Path
    ) -> None:
        data = labelled(case)
        sets = extract(case.model, data, case.layers, out=tmp_path, step=7, batch_size=3)
        said = sets[case.layers[0]].outputs
        if case.probabilities is None:
            assert said is None
            return
        assert said is not None
        np.testing.assert_allclose(said.probabilities, case.probabilities, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(said.prediction, case.probabilities.argmax(axis=1))
        np.testing.assert_allclose(said.confidence, case.probabilities.max(axis=1), rtol=1e-5)
        of_label = case.probabilities[np.arange(len(data)), data.labels]
        np.testing.assert_allclose(said.loss[:-1], -np.log(of_label[:-1]), rtol=1e-4, atol=1e-5)
        assert np.isnan(said.loss[-1])
        np.testing.assert_array_equal(open_run(tmp_path).outputs(7).prediction, said.prediction)

    def test_an_unknown_layer_is_answered_with_the_known_ones(self, case: Case) -> None:
        with pytest.raises(UnknownName, match="no such layer") as error:
            extract(case.model, case.samples, [case.layers[0], "no such layer"])
        assert all(layer in str(error.value) for layer in [*case.layers, "input", "embedding-lab layers"])

    def test_samples_of_another_shape_are_refused_with_both_shapes(self, case: Case) -> None:
        other = np.zeros((4, *(size + 1 for size in case.samples.shape[1:])), case.samples.dtype)
        with pytest.raises(ShapeMismatch) as error:
            extract(case.model, other, case.layers)
        assert all(word in str(error.value) for word in (str(other.shape[1:]), *case.shape_words))

    def test_no_samples_are_refused(self, case: Case) -> None:
        with pytest.raises(EmptyData):
            extract(case.model, case.samples[:0], case.layers)

    def test_an_unknown_pooling_is_answered_with_the_known_ones(self, case: Case) -> None:
        with pytest.raises(UnknownName, match="mean, max, flatten"):
            extract(case.model, case.samples, case.layers, pooling="median")  # type: ignore[arg-type]

    @pytest.mark.parametrize("batch_size", [0, -1])
    def test_a_batch_of_nothing_is_refused(self, case: Case, batch_size: int) -> None:
        with pytest.raises(InputError, match="batch size"):
            extract(case.model, case.samples, case.layers, batch_size=batch_size)

    def test_not_finite_vectors_are_refused_with_layer_and_sample_and_leave_nothing(
        self, case: Case, tmp_path: Path
    ) -> None:
        samples = case.samples.astype(np.float32)
        samples[5] = np.nan
        with pytest.raises(NotFinite, match=r"some/00005") as error:
            out = tmp_path / "new" / "run"
            extract(case.model, as_dataset(samples, name="some"), case.layers, out=out, batch_size=4)
        assert repr(case.layers[0]) in str(error.value)
        assert list(tmp_path.iterdir()) == []

    def test_an_interruption_leaves_what_was_complete_and_nothing_else(self, case: Case, tmp_path: Path) -> None:
        whole = extract(case.model, case.samples, case.layers, out=tmp_path, step=1)
        vectors = np.array(whole[case.layers[0]].vectors)
        before = left_behind(tmp_path)
        for step in (1, 2):
            with pytest.raises(KeyboardInterrupt):
                extract(
                    case.model, case.samples, out=tmp_path, step=step, batch_size=3, progress=interrupt_after(2)
                )
        assert left_behind(tmp_path) == before
        np.testing.assert_array_equal(create_run(tmp_path).embeddings(case.layers[0], 1).vectors, vectors)

    def test_a_temporary_run_goes_with_its_last_set(self, case: Case) -> None:
        sets = extract(case.model, case.samples, case.layers)
        files = [Path(str(each.vectors.filename)) for each in sets.values()]
        last = sets.popitem()[1]
        sets.clear()
        gc.collect()
        assert all(file.exists() for file in files)
        assert np.isfinite(last.vectors).all()
        del last
        gc.collect()
        assert not any(file.exists() for file in files)

    def test_a_temporary_run_goes_with_an_error(self, case: Case, monkeypatch: Any, tmp_path: Path) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        with pytest.raises(KeyboardInterrupt):
            extract(case.model, case.samples, batch_size=3, progress=interrupt_after(1))
        assert list(tmp_path.iterdir()) == []


def facts(each: EmbeddingSet) -> tuple[Any, ...]:
    return each.layer, each.step, each.epoch, each.wall_time, each.split, each.pooling, each.model


def left_behind(run: Path) -> list[str]:
    """All files of layers and outputs, also half-written ones."""
    return sorted(str(each) for part in ("layers", "steps") for each in run.rglob(f"{part}/**/*") if each.is_file())
