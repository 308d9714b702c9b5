"""Functions and scikit-learn pipelines keep the extractor's promises too, and too large batches are halved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from PIL import Image
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from contracts.extractor_contract import Case, ExtractorContract, left_behind
from contracts.holders import HOLDERS
from embedding_lab.embeddings import as_dataset
from embedding_lab.errors import InputError, NotFinite, ShapeMismatch, UnknownName
from embedding_lab.extraction import extract, layer_table
from embedding_lab.extraction.classifier import in_order_of
from embedding_lab.extraction.estimator import EstimatorSource

NUMBERS = np.random.default_rng(0)
ROWS = NUMBERS.normal(size=(13, 5)).astype(np.float32)
WEIGHTS = NUMBERS.normal(size=(5, 3)).astype(np.float32)
TEXTS = np.array(["a cat", "a dog", "cats and dogs", "no one", "a cat and a dog"])


def softmax(numbers: np.ndarray) -> np.ndarray:
    powers = np.exp(numbers - numbers.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


class TestFunction(ExtractorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> Case:
        def model(samples: np.ndarray) -> dict[str, np.ndarray]:
            hidden = samples @ WEIGHTS
            return {"hidden": hidden, "over time": hidden[:, None, :] * np.arange(4)[:, None], "logits": hidden * 2}

        hidden = ROWS @ WEIGHTS
        outputs = {"hidden": hidden, "over time": hidden[:, None, :] * np.arange(4)[:, None]}
        return Case(model, ROWS, outputs, softmax(hidden * 2), state=lambda: None, has_weights=False)


class TestPipeline(ExtractorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> Case:
        model = make_pipeline(StandardScaler(), PCA(3, random_state=0), LogisticRegression())
        labels = np.arange(len(ROWS)) % 3
        model.fit(ROWS, labels)
        scaled = model[0].transform(ROWS)
        outputs = {"standardscaler": scaled, "pca": model[1].transform(scaled)}
        return Case(
            model,
            ROWS,
            outputs,
            model.predict_proba(ROWS),
            state=lambda: str(vars(model)),
            shape_words=("5 numbers for step 'standardscaler'",),
            has_weights=False,
        )

    def test_not_finite_vectors_are_refused_with_layer_and_sample_and_leave_nothing(
        self, case: Case, tmp_path: Path
    ) -> None:
        samples = case.samples.copy()
        samples[5] = np.nan
        with pytest.raises(NotFinite, match="Step 'pca' takes no NaN"):  # what scikit-learn itself refuses
            extract(case.model, samples, case.layers, out=tmp_path)
        assert left_behind(tmp_path) == []


def test_several_inputs_come_as_they_were_handed_in() -> None:
    named = extract(lambda batch: batch["left"] - batch["right"], {"left": ROWS, "right": 2 * ROWS}, batch_size=4)
    np.testing.assert_array_equal(named["output"].vectors, -ROWS)
    in_order = extract(lambda batch: batch[0] * batch[1], (ROWS, ROWS))
    np.testing.assert_array_equal(in_order["output"].vectors, ROWS**2)


@pytest.mark.parametrize("held", HOLDERS)
@pytest.mark.parametrize("on_error", ["stop", "skip"])
@pytest.mark.parametrize("widths", [[20, 30, 40, 50, 60], [20] * 5], ids=["several sizes", "one size"])
def test_pictures_of_pillow_come_to_a_function_as_such_and_their_thumbnails_go_along(
    tmp_path: Path, widths: list[int], on_error: Any, held: str
) -> None:
    pictures = HOLDERS[held]([Image.new("RGB", (width, 20), (50 * at, 0, 0)) for at, width in enumerate(widths)])

    def encode(batch: list[Image.Image]) -> np.ndarray:
        assert isinstance(batch, list)
        return np.array([[each.width, each.getpixel((0, 0))[0]] for each in batch])  # type: ignore[index]

    given = extract(encode, pictures, "output", out=tmp_path, batch_size=2, on_error=on_error)["output"]
    assert given.vectors.tolist() == [[width, 50 * at] for at, width in enumerate(widths)]
    assert given.dataset.shown[:].max((1, 2, 3)).tolist() == [0, 50, 100, 150, 200]
    again = extract(encode, pictures, "output", out=tmp_path, step=1)["output"]
    assert again.dataset.fingerprint == given.dataset.fingerprint


def test_pictures_of_pillow_of_one_size_are_the_input_and_for_an_estimator_an_array() -> None:
    pictures = [Image.fromarray(np.full((2, 2), at, np.uint8)) for at in range(5)]
    rows = np.repeat(np.arange(5.0)[:, None], 4, axis=1)
    np.testing.assert_array_equal(
        extract(lambda batch: rows[: len(batch)], pictures, "input")["input"].vectors, rows
    )
    scaler = StandardScaler().fit(rows)
    given = extract(scaler, pictures, "standardscaler")["standardscaler"].vectors
    np.testing.assert_allclose(given, scaler.transform(rows), rtol=1e-6)
    with pytest.raises(InputError, match="cannot be read as an array"):
        extract(scaler, [*pictures, Image.new("L", (3, 2))])


def test_a_single_array_is_called_output_and_text_goes_in_as_it_is() -> None:
    def encode(texts: np.ndarray) -> list[list[int]]:
        return [[len(text), text.count("a")] for text in texts]

    sets = extract(encode, TEXTS)
    assert list(sets) == ["output"]
    assert sets["output"].vectors.tolist() == encode(TEXTS)
    assert layer_table(encode) == []


def test_a_function_that_gives_other_rows_or_layers_or_no_numbers_is_refused() -> None:
    with pytest.raises(ShapeMismatch, match="one row per sample"):
        extract(lambda batch: batch[:1], ROWS)
    with pytest.raises(InputError, match="gives no numbers"):
        extract(lambda batch: np.array(["a"] * len(batch)), ROWS)
    with pytest.raises(InputError, match="not give the same layers"):
        extract(lambda batch: {"a" if len(batch) < 3 else "b": batch}, ROWS)


@pytest.mark.parametrize(
    ("model_of", "layer"),
    [(lambda function: function, "output"), (FunctionTransformer, "functiontransformer")],
    ids=["function", "estimator"],
)
def test_a_batch_that_does_not_fit_is_halved_and_that_is_said(model_of: Any, layer: str) -> None:
    asked: list[int] = []

    def greedy(batch: np.ndarray) -> np.ndarray:
        asked.append(len(batch))
        if len(batch) > 6:
            raise MemoryError
        return batch * 2

    with pytest.warns(UserWarning, match="did not suffice for a batch of 13 samples: going on with 6"):
        doubled = extract(model_of(greedy), ROWS)[layer].vectors
    np.testing.assert_array_equal(doubled, ROWS * 2)
    assert asked[1:] == [13, 6, 6, 1]


@pytest.mark.parametrize("fits", [0, 1])
@pytest.mark.filterwarnings("ignore:The memory did not suffice")
def test_a_single_sample_that_does_not_fit_is_refused_also_while_the_model_is_looked_at(fits: int) -> None:
    asked: list[int] = []

    def full(batch: np.ndarray) -> np.ndarray:
        asked.append(len(batch))
        if len(asked) > fits:
            raise MemoryError
        return batch

    with pytest.raises(InputError, match="does not suffice for a single sample"):
        extract(full, ROWS)


def test_a_pipeline_on_text_gives_its_dense_steps_unasked_and_the_sparse_ones_by_name() -> None:
    model = make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0)).fit(TEXTS)
    assert list(extract(model, TEXTS)) == ["truncatedsvd"]
    words = extract(model, TEXTS, "tfidfvectorizer")["tfidfvectorizer"].vectors
    np.testing.assert_allclose(words, model[0].transform(TEXTS).toarray(), rtol=1e-6)


def test_a_single_estimator_is_a_layer_and_pictures_are_flattened_for_it() -> None:
    pictures = ROWS.reshape(13, 5, 1)
    model = KMeans(2, n_init=1, random_state=0).fit(ROWS)
    given = extract(model, pictures, ["kmeans"])["kmeans"].vectors
    np.testing.assert_allclose(given, model.transform(ROWS), rtol=1e-5)
    assert [each.name for each in layer_table(model)] == ["kmeans"]


def test_a_classifier_that_also_transforms_says_what_it_takes_the_samples_for() -> None:
    labels = np.arange(len(ROWS)) % 3
    model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()).fit(ROWS, labels)
    given = extract(model, as_dataset(ROWS, labels=labels))["lineardiscriminantanalysis"]
    np.testing.assert_allclose(given.vectors, model.transform(ROWS), rtol=1e-5)
    assert given.outputs is not None
    np.testing.assert_array_equal(given.outputs.prediction, model.predict(ROWS))


def test_a_mixture_has_probabilities_but_no_classes() -> None:
    model = GaussianMixture(2, random_state=0).fit(ROWS)
    given = extract(model, ROWS, "gaussianmixture")["gaussianmixture"]
    np.testing.assert_allclose(given.vectors, model.predict_proba(ROWS), atol=1e-6)
    assert given.outputs is None


def test_a_class_that_is_no_whole_number_is_not_cut() -> None:
    model = LogisticRegression().fit(ROWS, np.arange(len(ROWS)) % 2)
    model.classes_ = np.array([1.0, 1.5])
    with EstimatorSource(model).forward_pass(ROWS[:2], None, "mean") as forward:
        assert forward.classes == (1, "1.5")


def test_classes_are_those_of_the_dataset_by_name() -> None:
    texts = np.array(["zebra", "ant", "cat"])[np.arange(len(ROWS)) % 3]
    model = LogisticRegression().fit(ROWS, texts)
    data = as_dataset(ROWS, labels=texts, class_names=["zebra", "ant", "unicorn", "cat"])
    said = extract(model, data, "input")["input"].outputs
    assert said is not None
    assert [data.class_names[each] for each in said.prediction] == model.predict(ROWS).tolist()  # type: ignore[index]
    assert extract(model, as_dataset(ROWS), "input")["input"].outputs is None


def test_classes_that_are_keys_of_something_else_say_nothing() -> None:
    assert in_order_of(None, (3, 5_000_000), np.ones((2, 2), np.float32)) is None
    assert in_order_of(["a"], (0, 1), np.ones((2, 2), np.float32)) is None


def customers() -> tuple[Any, list[str], Any]:
    """A table of mixed columns, something missing among them, labels, and a pipeline that was fitted to it."""
    pd = pytest.importorskip("pandas", reason="no pandas: pip install pandas")
    frame = pd.DataFrame(
        {
            "age": [22.0, 38, None, 35, 54, 2],
            "city": ["Bern", "Rome", None, "Bern", "Oslo", "Rome"],
            "plan": pd.Categorical(["a", "b", "a", "b", "a", "b"]),
        }
    )
    labels = ["no", "yes", "yes", "no", "no", "yes"]
    numbers, texts = make_pipeline(SimpleImputer(), StandardScaler()), OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("n", numbers, ["age"]), ("t", texts, ["city", "plan"])], sparse_threshold=0)
    return frame, labels, make_pipeline(columns, LogisticRegression()).fit(frame, labels)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("on_error", ["stop", "skip"])
def test_what_was_fitted_to_a_data_frame_is_handed_its_rows(on_error: Any) -> None:
    frame, labels, model = customers()
    sets = extract(model, as_dataset(frame, labels=labels), batch_size=4, on_error=on_error)
    assert list(sets) == ["columntransformer", "logisticregression"]
    given = sets["columntransformer"]
    np.testing.assert_allclose(given.vectors, model[0].transform(frame), rtol=1e-6)
    assert given.outputs is not None
    assert [given.dataset.class_names[each] for each in given.outputs.prediction] == model.predict(frame).tolist()  # type: ignore[index]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_frame_of_numbers_is_a_layer_too_and_steps_that_give_frames_are_handed_on(kind: str) -> None:
    numbers = ROWS[:, :2].astype(np.float64)
    library = pytest.importorskip(kind, reason=f"no {kind}: pip install {kind}")
    frame = library.DataFrame({"a": numbers[:, 0], "b": numbers[:, 1]})
    model = make_pipeline(StandardScaler(), PCA(2, random_state=0)).set_output(transform=kind).fit(frame)
    sets = extract(model, frame, batch_size=4)
    np.testing.assert_allclose(sets["input"].vectors, numbers, rtol=1e-6)
    np.testing.assert_allclose(sets["pca"].vectors, np.asarray(model.transform(frame)), rtol=1e-4, atol=1e-6)
    only = PCA(2, random_state=0).fit(numbers)
    np.testing.assert_allclose(extract(only, frame)["pca"].vectors, only.transform(numbers), rtol=1e-4, atol=1e-6)


def test_what_was_fitted_to_a_data_frame_and_gets_none_says_which_it_wants() -> None:
    frame, _, model = customers()
    for other in (np.ones((6, 3)), frame[["age", "city"]]):
        with pytest.raises(ShapeMismatch, match=r"a data frame with the columns 'age', 'city', 'plan'\. Hand over"):
            extract(model, other)
    with pytest.raises(InputError, match="column 'city' of the table holds no numbers"):
        extract(lambda batch: batch, frame)


def test_an_estimator_that_is_not_fitted_and_a_step_that_is_not_there_are_said() -> None:
    with pytest.raises(InputError, match=r"'pca' is not fitted.*Call fit first"):
        extract(PCA(2), ROWS)
    with pytest.raises(UnknownName, match="input, pca"):
        extract(PCA(2).fit(ROWS), ROWS, "svd")


@pytest.mark.parametrize("batch_size", [np.uint8(128), np.int64(7), np.array(64)])
def test_a_batch_size_of_any_whole_kind_stays_what_it_is(batch_size: Any) -> None:
    seen: list[int] = []

    def noting(batch: np.ndarray) -> np.ndarray:
        seen.append(len(batch))
        return batch

    before = int(batch_size)
    assert len(extract(noting, np.ones((3_000, 2), np.float32), batch_size=batch_size)["output"]) == 3_000
    assert max(seen[1:]) == before == batch_size


def test_what_is_no_model_no_samples_or_no_batch_size_is_said() -> None:
    refused: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "A class is no model. Got: PCA": (PCA, ROWS, {}),
        r"Samples that are sparse .*toarray": (len, scipy.sparse.eye(3).tocsr(), {}),
        "batch size is out of range. Got: 2.5": (lambda batch: batch, ROWS, {"batch_size": 2.5}),
        "batch size is out of range. Got: '4'": (lambda batch: batch, ROWS, {"batch_size": "4"}),
        "no axis of samples in the data": (lambda batch: batch, None, {}),
    }
    for said, (model, samples, more) in refused.items():
        with pytest.raises(InputError, match=said):
            extract(model, samples, **more)
