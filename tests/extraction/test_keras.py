"""Keras models of every kind keep the extractor's promises, and Keras' own ways are understood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.extractor_contract import Case, ExtractorContract
from contracts.same_weights import NETWORK, SameWeightsContract
from embedding_lab.embeddings import as_dataset
from embedding_lab.errors import InputError, ShapeMismatch, UnknownName
from embedding_lab.extraction import extract, layer_table
from embedding_lab.frameworks.keras import import_keras

PICTURES = np.random.default_rng(0).integers(0, 256, (11, 6, 6, 2), dtype=np.uint8)
ROWS = np.random.default_rng(1).normal(size=(13, 5)).astype(np.float32)


def case_of(model: Any, samples: NDArray[Any], outputs: dict[str, Any], last: Any = None, **more: Any) -> Case:
    """The case of a Keras model whose layers were called one after the other, eagerly."""
    return Case(
        model=model,
        samples=samples,
        outputs={name: as_numpy(output) for name, output in outputs.items()},
        probabilities=None if last is None else as_numpy(last),
        state=lambda: state_of(model),
        **more,
    )


def as_numpy(tensor: Any) -> Any:
    """What numpy makes of a tensor of any backend."""
    return import_keras().ops.convert_to_numpy(tensor)


def state_of(model: Any) -> Any:
    layers = [model, *model._flatten_layers(include_self=False)]
    return {
        "weights": [weight.numpy().tobytes() for weight in model.weights],
        "trainable": [layer.trainable for layer in layers],
        "attributes": [sorted(vars(layer)) for layer in layers],
        "random states": [each.numpy().tobytes() for each in model.non_trainable_variables],
        "mode of PyTorch": getattr(model, "training", None),
        "losses": len(model.losses),
        "optimizer": [each.numpy().tobytes() for each in model.optimizer.variables] if model.compiled else None,
        "compiled": model.compiled,
    }


def awaken(layer: Any) -> None:
    """Gives a batch normalisation statistics that differ from those of any batch."""
    layer.set_weights([np.linspace(0.5, 2, len(each)) for each in layer.get_weights()])


class TestSequential(ExtractorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls, keras: Any) -> Case:
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((6, 6, 2)),
                layers.Rescaling(1 / 255),
                layers.Conv2D(4, 3, activation="tanh", name="conv"),
                layers.BatchNormalization(name="norm"),
                layers.Dropout(0.5, name="drop"),
                layers.Flatten(),
                layers.Dense(3, activation="softmax", name="classes"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        awaken(model.get_layer("norm"))
        rescaling, conv, norm, _, flatten, classes = model.layers
        found = conv(rescaling(PICTURES))
        normed = norm(found, training=False)
        said = classes(flatten(normed))
        outputs = {"norm": normed, "conv": found, "drop": normed, "classes": said}
        return case_of(model, PICTURES, outputs, said, shape_words=("(6, 6, 2)",))


class TestFunctionalWithBranches(ExtractorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls, keras: Any) -> Case:
        layers = keras.layers
        shared, left, right = layers.Dense(5, "tanh", name="shared"), layers.Dense(4, name="left"), layers.Dense(4)
        inputs = keras.Input((5,), name="vectors")
        twice = shared(shared(inputs))
        added = layers.Add(name="added")([left(twice), layers.Dropout(0.3)(right(inputs))])
        model = keras.Model(inputs, layers.Dense(1, activation="sigmoid", name="yes")(added))
        once, again = shared(ROWS), shared(shared(ROWS))
        total = left(again) + right(ROWS)
        yes = model.get_layer("yes")(total)
        outputs = {"shared": once, "shared#2": again, "left": left(again), right.name: right(ROWS), "added": total}
        last = np.concatenate([1 - as_numpy(yes), as_numpy(yes)], axis=1)
        return case_of(model, ROWS, outputs, last, shape_words=("(5,)",))


class TestSubclassedAndNeverCalled(ExtractorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls, keras: Any) -> Case:
        layers = keras.layers

        class Encoder(keras.Model):
            def __init__(self) -> None:
                super().__init__()
                self.first = layers.Dense(6, activation="tanh")
                self.blocks = [layers.Dense(5), layers.Dense(4, name="named")]
                self.normed = layers.LayerNormalization()
                self.dropped = layers.Dropout(0.9)

            def call(self, samples: Any) -> Any:
                hidden = self.dropped(self.first(samples))
                for block in self.blocks:
                    hidden = block(hidden)
                return {"code": self.normed(hidden), "hidden": hidden}

        model = Encoder()
        copy = Encoder()
        extract(model, ROWS[:1], ["first"])  # never called before: this builds it
        copy(ROWS)
        copy.set_weights(model.get_weights())
        first = copy.first(ROWS)
        middle = copy.blocks[0](first)
        named = copy.blocks[1](middle)
        outputs = {"first": first, "blocks[0]": middle, "named": named, "normed": copy.normed(named)}
        return case_of(model, ROWS, outputs, shape_words=("(6,)",))


class TestNested(ExtractorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls, keras: Any) -> Case:
        layers = keras.layers
        block = keras.Sequential(
            [
                keras.Input((6, 6, 2)),
                layers.Conv2D(3, 3, padding="same", name="conv"),
                layers.BatchNormalization(name="norm"),
                layers.Conv2D(2, 1, name="narrow"),
            ],
            name="block",
        )
        awaken(block.get_layer("norm"))
        inputs = keras.Input((6, 6, 2))
        twice = block(block(inputs))
        model = keras.Model(inputs, layers.Dense(4, name="logits")(layers.GlobalMaxPooling2D(name="most")(twice)))
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        conv, norm, narrow = block.layers
        pictures = PICTURES.astype(np.float32) / 255
        once = narrow(norm(conv(pictures), training=False))
        again = conv(once)
        whole = narrow(norm(again, training=False))
        last = keras.ops.softmax(model.get_layer("logits")(keras.ops.max(whole, axis=(1, 2))))
        outputs = {"block/conv": conv(pictures), "block": once, "block/conv#2": again, "block#2": whole}
        return case_of(model, pictures, outputs, last, shape_words=("(6, 6, 2)",))


class TestTheSameWeights(SameWeightsContract):
    SHAPE_WORDS = ("(6, 6, 2)",)

    @staticmethod
    def build(folder: Path, at_most: int | None = None) -> Any:
        keras = import_keras()
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((6, 6, 2)),
                *([] if at_most is None else [refusing(keras, at_most)]),
                layers.Conv2D(4, 3, name="conv"),
                layers.ReLU(name="relu"),
                layers.Flatten(),
                layers.Dense(3, activation="softmax", name="classes"),
            ]
        )
        model.get_layer("conv").set_weights([NETWORK.kernel, NETWORK.shifts])
        model.get_layer("classes").set_weights([NETWORK.matrix, NETWORK.biases])
        return model

    @staticmethod
    def state(model: Any) -> Any:
        return state_of(model)


def refusing(keras: Any, at_most: int) -> Any:
    """A layer that raises, for larger batches, what the backend raises without memory."""

    class Refusing(keras.layers.Layer):  # type: ignore[misc,name-defined]
        def compute_output_spec(self, samples: Any) -> Any:
            return keras.KerasTensor(samples.shape, samples.dtype)

        def call(self, samples: Any) -> Any:
            backend = keras.backend.backend()
            if backend == "tensorflow":
                tensorflow = pytest.importorskip("tensorflow")
                checked = tensorflow.numpy_function(self.check, [samples], tensorflow.float32)
                return tensorflow.ensure_shape(checked, samples.shape)
            if len(samples) > at_most and backend == "jax":
                raise pytest.importorskip("jax").errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
            if len(samples) > at_most:
                raise pytest.importorskip("torch").OutOfMemoryError
            return samples

        def check(self, samples: Any) -> Any:
            if len(samples) > at_most:
                raise MemoryError
            return samples

    return Refusing()


def small(keras: Any, *layers: Any, shape: tuple[int, ...] = (5,)) -> Any:
    return keras.Sequential([keras.Input(shape), *layers])


def names(model: Any) -> list[str]:
    return [row.name for row in layer_table(model)]


def test_the_table_says_name_kind_shape_parameters_and_what_is_worth_showing(keras: Any) -> None:
    layers = keras.layers
    model = small(
        keras,
        layers.Rescaling(2.0, name="scaled"),
        layers.Conv2D(4, 3, name="conv"),
        layers.Flatten(name="flat"),
        layers.Dropout(0.1, name="drop"),
        layers.Dense(2, name="dense"),
        shape=(5, 5, 1),
    )
    rows = [(each.name, each.kind, each.shape, each.parameters, each.worth_showing) for each in layer_table(model)]
    assert rows == [
        ("scaled", "Rescaling", (5, 5, 1), 0, False),
        ("conv", "Conv2D", (3, 3, 4), 40, True),
        ("flat", "Flatten", (36,), 0, False),
        ("drop", "Dropout", (36,), 0, False),
        ("dense", "Dense", (2,), 74, True),
    ]


def test_the_table_of_a_model_without_inputs_lists_its_layers_without_shapes(keras: Any) -> None:
    rows = layer_table(keras.Sequential([keras.layers.Dense(3, name="one"), keras.layers.Dropout(0.5, name="two")]))
    assert [(each.name, each.shape, each.worth_showing) for each in rows] == [
        ("one", None, True),
        ("two", None, False),
    ]


def test_a_layer_of_the_models_own_that_is_called_input_gets_a_number(keras: Any) -> None:
    model = small(keras, keras.layers.Dense(3, name="input"))
    assert names(model) == ["input#2"]
    sets = extract(model, ROWS, ["input", "input#2"])
    assert (sets["input"].dims, sets["input#2"].dims) == (5, 3)


def test_layers_inside_a_loop_over_time_are_not_offered(keras: Any) -> None:
    layers = keras.layers
    model = small(
        keras,
        layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both"),
        layers.TimeDistributed(layers.Dense(2), name="each"),
        shape=(4, 2),
    )
    assert names(model) == ["both/forward_lstm", "both/backward_lstm", "both", "each"]


def test_outputs_of_several_tensors_are_told_apart(keras: Any) -> None:
    inputs = keras.Input((4, 2))
    lstm = keras.layers.LSTM(3, return_sequences=True, return_state=True, name="lstm")
    model = keras.Model(inputs, lstm(inputs))
    assert names(model) == ["lstm[0]", "lstm[1]", "lstm[2]"]
    samples = np.random.default_rng(0).normal(size=(5, 4, 2)).astype(np.float32)
    sequence, state, _ = lstm(samples)
    sets = extract(model, samples, ["lstm[1]", "lstm[0]"])
    np.testing.assert_allclose(sets["lstm[0]"].vectors, as_numpy(sequence).mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(sets["lstm[1]"].vectors, as_numpy(state), atol=1e-6)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_padded_time_steps_do_not_count(keras: Any, pooling: Any) -> None:
    model = small(keras, keras.layers.Embedding(9, 3, mask_zero=True, name="words"), shape=(6,))
    tokens = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 8, 1], [0, 0, 0, 0, 0, 0]])
    words = as_numpy(model.get_layer("words")(tokens))
    vectors = extract(model, tokens, "words", pooling=pooling)["words"].vectors
    reduce = np.mean if pooling == "mean" else np.max
    np.testing.assert_allclose(vectors[0], reduce(words[0, :3], axis=0), atol=1e-6)
    np.testing.assert_allclose(vectors[1], reduce(words[1], axis=0), atol=1e-6)
    np.testing.assert_allclose(vectors[2], 0)


def test_channels_first_is_pooled_over_the_other_axes(keras: Any) -> None:
    layers = keras.layers
    crop = layers.Cropping2D(1, data_format="channels_first", name="crop")  # a convolution needs oneDNN for it
    model = small(keras, crop, layers.ReLU(name="relu"), shape=(2, 6, 6))
    pictures = PICTURES.transpose(0, 3, 1, 2).astype(np.float32) - 128
    sets = extract(model, pictures, ["crop", "relu"])
    found = pictures[:, :, 1:-1, 1:-1]
    np.testing.assert_allclose(sets["crop"].vectors, found.mean(axis=(2, 3)), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(sets["relu"].vectors, found.clip(0).mean(axis=(2, 3)), rtol=1e-5, atol=1e-4)


def test_what_went_wrong_within_the_graph_is_said_without_its_stack(keras: Any) -> None:
    only_on_tensorflow(keras, "errors within a graph")
    model = small(keras, keras.layers.Embedding(3, 2, name="tokens"), shape=(4,))
    with pytest.raises(ShapeMismatch, match=r"the model said: indices\[0,0\] = 7 is not in \[0, 3\)\. Expected"):
        extract(model, np.full((5, 4), 7, np.int32), "tokens")


def test_what_a_function_within_the_graph_raised_is_said(keras: Any) -> None:
    only_on_tensorflow(keras, "errors within a graph")
    import tensorflow as tf

    def refuse(rows: Any) -> Any:
        raise ValueError("too bright")

    class Picky(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return tf.ensure_shape(tf.numpy_function(refuse, [inputs], tf.float32), (None, 5))

    with pytest.raises(ShapeMismatch, match="the model said: ValueError: too bright"):
        extract(small(keras, Picky(name="picky")), ROWS, "picky")


def test_half_precision_comes_out_as_float32(keras: Any) -> None:
    model = small(keras, keras.layers.Dense(3, dtype="float16", name="half"))
    vectors = extract(model, ROWS, "half")["half"].vectors
    np.testing.assert_allclose(vectors, as_numpy(model(ROWS)), rtol=1e-2)


def test_pictures_without_a_channel_axis_suit_a_model_that_wants_one(keras: Any) -> None:
    model = small(keras, keras.layers.Conv2D(2, 3, name="conv"), shape=(6, 6, 1))
    grey = PICTURES[..., 0]
    same = extract(model, grey[..., np.newaxis], "conv")["conv"].vectors
    np.testing.assert_array_equal(extract(model, grey, "conv")["conv"].vectors, same)


def test_logits_of_an_uncompiled_model_are_known_by_the_datasets_classes(keras: Any) -> None:
    model = small(keras, keras.layers.Dense(3, name="last"))
    some = as_dataset(ROWS, labels=np.arange(len(ROWS)) % 3, class_names=["a", "b", "c"])
    said = extract(model, some, "last")["last"].outputs
    assert said is not None
    np.testing.assert_allclose(said.probabilities, as_numpy(keras.ops.softmax(model(ROWS))), atol=1e-6)
    assert extract(model, ROWS, "last")["last"].outputs is None


def test_probabilities_are_known_by_adding_up_to_one(keras: Any) -> None:
    inputs = keras.Input((5,))
    model = keras.Model(inputs, keras.ops.softmax(keras.layers.Dense(3)(inputs)))
    said = extract(model, ROWS, "input")["input"].outputs
    assert said is not None
    np.testing.assert_allclose(said.probabilities, as_numpy(model(ROWS)), atol=1e-6)
    assert said.loss is None


@pytest.mark.parametrize(
    ("activation", "units", "loss"), [("relu", 3, None), ("sigmoid", 3, None), (None, 3, "mse")]
)
def test_what_is_no_classifier_says_nothing(keras: Any, activation: Any, units: int, loss: Any) -> None:
    model = small(keras, keras.layers.Dense(units, activation=activation, name="last"))
    if loss:
        model.compile(loss=loss)
    some = as_dataset(ROWS, labels=np.arange(len(ROWS)) % units, class_names=["a", "b", "c"])
    assert extract(model, some, "last")["last"].outputs is None


def test_the_mean_loss_is_what_keras_itself_says(keras: Any) -> None:
    model = small(keras, keras.layers.Dense(3, activation="softmax", name="last"))
    model.compile(loss="sparse_categorical_crossentropy")
    labels = np.arange(len(ROWS)) % 3
    said = extract(model, as_dataset(ROWS * 50, labels=labels), "last")["last"].outputs
    assert said is not None
    assert np.mean(said.loss) == pytest.approx(model.evaluate(ROWS * 50, labels, verbose=0), rel=1e-5)


def test_labels_the_model_has_no_class_for_give_no_loss(keras: Any) -> None:
    model = small(keras, keras.layers.Dense(3, activation="softmax", name="last"))
    said = extract(model, as_dataset(ROWS, labels=np.full(len(ROWS), 7)), "last")["last"].outputs
    assert said is not None
    assert said.loss is None


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore")  # Keras calls the older format legacy
def test_a_model_file_serves_as_the_model(keras: Any, tmp_path: Path, ending: str) -> None:
    model = small(keras, keras.layers.Dense(3, name="dense"))
    path = tmp_path / f"model{ending}"
    model.save(path)
    expected = extract(model, ROWS, "dense")["dense"]
    given = extract(str(path), ROWS, "dense")["dense"]
    np.testing.assert_array_equal(given.vectors, expected.vectors)
    assert given.model == expected.model
    assert [each.name for each in layer_table(path)] == ["dense"]


def test_the_same_weights_have_the_same_fingerprint_and_others_another(keras: Any) -> None:
    model = small(keras, keras.layers.Dense(3, name="dense"))
    first = extract(model, ROWS, "dense")["dense"].model
    assert extract(model, ROWS, "dense")["dense"].model == first
    model.set_weights([each + 1 for each in model.get_weights()])
    assert extract(model, ROWS, "dense")["dense"].model != first


def test_states_a_layer_keeps_are_not_moved_by_extraction(keras: Any) -> None:
    class Counter(keras.layers.Layer):
        def build(self, shape: Any) -> None:
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

        def call(self, samples: Any) -> Any:
            self.calls.assign_add(1.0)
            return samples * 2.0

    model = small(keras, Counter(name="counter"))
    before = [float(each.numpy()) for each in model.weights]
    extract(model, ROWS, "counter", batch_size=2)
    assert [float(each.numpy()) for each in model.weights] == before


def test_the_model_runs_once_per_batch(keras: Any) -> None:
    only_on_tensorflow(keras, "calls numpy from within a graph")
    tensorflow = pytest.importorskip("tensorflow")
    seen: list[int] = []

    class Watched(keras.layers.Layer):
        def call(self, samples: Any) -> Any:
            def note(batch: Any) -> Any:
                seen.append(len(batch))
                return batch

            output = tensorflow.numpy_function(note, [samples], tensorflow.float32)
            return tensorflow.ensure_shape(output, samples.shape)

    dense = keras.layers.Dense
    model = small(keras, Watched(name="watched"), dense(3, name="a"), dense(2, activation="softmax", name="b"))
    extract(model, ROWS, ["watched", "a", "b", "input"], batch_size=5)
    assert sorted(seen) == [2, 3, 5, 5]  # two samples make the graph ready


def test_an_output_without_a_row_per_sample_is_refused(keras: Any) -> None:
    class Total(keras.layers.Layer):
        def call(self, samples: Any) -> Any:
            return keras.ops.sum(samples, axis=0)

    inputs = keras.Input((5,))
    model = keras.Model(inputs, [keras.layers.Dense(2)(inputs), Total(name="total")(inputs)])
    assert not next(each for each in layer_table(model) if each.name == "total").worth_showing
    with pytest.raises(InputError, match="'total' gives no vectors"):
        extract(model, ROWS, "total")


def test_an_output_with_other_rows_than_samples_is_refused(keras: Any) -> None:
    class Doubled(keras.layers.Layer):
        def call(self, samples: Any) -> Any:
            return keras.ops.repeat(samples, 2, axis=0)

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

    model = small(keras, Doubled(name="doubled"))
    with pytest.raises(ShapeMismatch, match="26 rows for 13 samples"):
        extract(model, ROWS, "doubled")


class TestSeveralInputs:
    """Arrays in a dictionary or tuple; in a list where the model declares that it has several inputs."""

    LEFT, RIGHT = ROWS, np.random.default_rng(4).normal(size=(13, 3)).astype(np.float32)
    BOTH = np.concatenate([LEFT, RIGHT], axis=1)

    @pytest.mark.parametrize("declared", [list, dict])
    @pytest.mark.parametrize(
        "data", [{"right": RIGHT, "left": LEFT}, (LEFT, RIGHT), [LEFT, RIGHT]], ids=["dictionary", "tuple", "list"]
    )
    def test_a_functional_model_takes_them_by_name_or_in_order(self, keras: Any, declared: Any, data: Any) -> None:
        inputs = [keras.Input((5,), name="left"), keras.Input((3,), name="right")]
        joined = keras.layers.Concatenate(name="joined")(inputs)
        given = inputs if declared is list else {"left": inputs[0], "right": inputs[1]}
        model = keras.Model(given, joined)
        assert names(model) == ["joined"]
        assert list(extract(model, data)) == ["joined"]
        np.testing.assert_array_equal(extract(model, data, "joined", batch_size=4)["joined"].vectors, self.BOTH)

    @pytest.mark.parametrize("by_name", [True, False])
    def test_a_subclassed_model_takes_them_as_they_are(self, keras: Any, by_name: bool) -> None:
        class Joining(keras.Model):
            def __init__(self) -> None:
                super().__init__()
                self.joined = keras.layers.Concatenate()

            def call(self, inputs: Any) -> Any:
                left, right = (inputs["left"], inputs["right"]) if by_name else inputs
                return self.joined([left, right])

        data = {"left": self.LEFT, "right": self.RIGHT} if by_name else (self.LEFT, self.RIGHT)
        np.testing.assert_array_equal(extract(Joining(), data, "joined")["joined"].vectors, self.BOTH)

    def test_others_than_the_model_has_are_refused(self, keras: Any) -> None:
        inputs = [keras.Input((5,), name="left"), keras.Input((3,), name="right")]
        model = keras.Model(inputs, keras.layers.Concatenate(name="joined")(inputs))
        with pytest.raises(ShapeMismatch, match=r"inputs of shapes.*5.*3"):
            extract(model, ROWS, "joined")
        with pytest.raises(
            ShapeMismatch, match=r"Got: samples of shape 'left' \(5,\), 'write' \(3,\).*'left', 'right'"
        ):
            extract(model, {"left": self.LEFT, "write": self.RIGHT}, "joined")
        with pytest.raises(ShapeMismatch, match="13 of 'left', 12 of 'right'"):
            extract(model, {"left": self.LEFT, "right": self.RIGHT[1:]}, "joined")
        with pytest.raises(InputError, match="cannot be shown as vectors"):
            extract(model, (self.LEFT, self.RIGHT), "input")


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_comes_out_as_float32(keras: Any, policy: str) -> None:
    layers = keras.layers
    first, last = layers.Dense(4, dtype=policy, name="first"), layers.Dense(3, dtype=policy, name="last")
    model = small(keras, first, layers.LayerNormalization(dtype=policy, name="norm"), last)
    sets = extract(model, ROWS, ["first", "norm", "last"])
    assert {each.vectors.dtype for each in sets.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(sets["first"].vectors, as_numpy(keras.ops.cast(first(ROWS), "float32")))
    np.testing.assert_allclose(sets["last"].vectors, as_numpy(keras.ops.cast(model(ROWS), "float32")), atol=0.02)


def only_on_tensorflow(keras: Any, what: str) -> None:
    if keras.backend.backend() != "tensorflow":
        pytest.skip(f"{what}: only TensorFlow does")


def test_text_is_no_layer_to_show(keras: Any) -> None:
    only_on_tensorflow(keras, "takes text")
    words = keras.layers.TextVectorization(
        max_tokens=5, output_sequence_length=2, vocabulary=["a", "b"], name="words"
    )
    model = keras.Sequential([keras.Input((), dtype="string"), words, keras.layers.Embedding(5, 3, name="meaning")])
    texts = np.array(["a b", "b", "c"])
    assert extract(model, texts, "meaning")["meaning"].vectors.shape == (3, 3)
    assert list(extract(model, texts)) == ["meaning"]
    with pytest.raises(InputError, match="cannot be shown as vectors"):
        extract(model, texts, "input")


def test_a_function_may_give_tensors(keras: Any) -> None:
    vectors = extract(lambda batch: keras.ops.convert_to_tensor(batch) * 2, ROWS)["output"].vectors
    np.testing.assert_array_equal(vectors, ROWS * 2)


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(InputError, match="kind of model is not known"):
        extract(object(), ROWS)


def test_asking_for_no_layer_is_refused(keras: Any) -> None:
    with pytest.raises(InputError, match="No layer was asked for"):
        extract(small(keras, keras.layers.Dense(3)), ROWS, [])


def test_a_dataset_without_its_samples_is_refused(keras: Any, tmp_path: Path) -> None:
    model = small(keras, keras.layers.Dense(3, name="dense"))
    extract(model, ROWS, "dense", out=tmp_path)
    from embedding_lab.embeddings import open_run

    with pytest.raises(InputError, match="holds its table only"):
        extract(model, open_run(tmp_path).embeddings("dense").dataset, "dense")


def test_the_split_is_the_one_all_samples_belong_to(keras: Any) -> None:
    model = small(keras, keras.layers.Dense(3, name="dense"))
    assert extract(model, as_dataset(ROWS, splits="test"), "dense")["dense"].split == "test"
    mixed = as_dataset(ROWS, splits=["train", *["test"] * (len(ROWS) - 1)])
    assert extract(model, mixed, "dense")["dense"].split is None


def test_a_layer_that_is_never_reached_is_unknown(keras: Any) -> None:
    model = small(keras, keras.layers.Dense(3, name="dense"))
    with pytest.raises(UnknownName, match="one of input, dense"):
        extract(model, ROWS, "dense/kernel")
