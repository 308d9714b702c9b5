"""PyTorch modules of every kind keep the extractor's promises, and PyTorch's own ways are understood."""

from __future__ import annotations

import functools
import io
import random
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.extractor_contract import Case, ExtractorContract
from contracts.same_weights import SameWeightsContract
from embedding_lab.app.embedding_logger import EmbeddingLogger
from embedding_lab.embeddings import as_dataset, open_run
from embedding_lab.errors import InputError, ShapeMismatch, UnknownName
from embedding_lab.extraction import extract, layer_table

torch = pytest.importorskip("torch", reason='no PyTorch: pip install "embedding-lab[torch]"')
nn = torch.nn

from contracts.same_weights_in_torch import same_weights_module  # noqa: E402 - it needs PyTorch

PICTURES = np.random.default_rng(0).normal(size=(11, 2, 6, 6)).astype(np.float32)
ROWS = np.random.default_rng(1).normal(size=(13, 5)).astype(np.float32)


def case_of(model: Any, samples: NDArray[Any], outputs: dict[str, Any], last: Any = None, **more: Any) -> Case:
    """The case of modules that were called one after the other."""
    return Case(
        model=model,
        samples=samples,
        outputs={name: output.detach().numpy().copy() for name, output in outputs.items()},
        probabilities=None if last is None else last.detach().numpy(),
        state=lambda: state_of(model),
        **more,
    )


def state_of(model: Any) -> Any:
    return {
        "weights": {name: values.numpy().tobytes() for name, values in model.state_dict().items()},
        "modes": [module.training for module in model.modules()],
        "hooks": [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()],
        "attributes": [sorted(vars(module)) for module in model.modules()],
        "gradients": [(each.requires_grad, each.grad is None) for each in model.parameters()],
        "inference tensors": [each.is_inference() for each in (*model.parameters(), *model.buffers())],
        "random state": torch.random.get_rng_state().numpy().tobytes(),
    }


def awake(norm: Any) -> Any:
    """A batch normalisation with statistics that differ from those of any batch."""
    for each in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
        each.copy_(torch.linspace(0.5, 2, len(each)))
    return norm


def evaluated(module: Any, given: Any) -> Any:
    """What a module gives in inference mode, on its own."""
    was = module.training
    module.eval()
    with torch.no_grad():
        output = module(given)
    module.train(was)
    return output


class TestSequentialThatWritesOverItsOutputs(ExtractorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> Case:
        torch.manual_seed(0)
        model = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(2, 4, 3),
                norm=awake(nn.BatchNorm2d(4)),
                relu=nn.ReLU(inplace=True),
                drop=nn.Dropout(0.5, inplace=True),
                flat=nn.Flatten(),
                classes=nn.Linear(64, 3),
                said=nn.Softmax(1),
            )
        )
        model.norm.eval()  # modes differ inside the model
        conv = evaluated(model.conv, torch.tensor(PICTURES))
        norm = evaluated(model.norm, conv)
        drop = norm.clamp(min=0)
        classes = evaluated(model.classes, drop.flatten(1))
        outputs = {"conv": conv, "norm": norm, "relu": drop, "drop": drop, "classes": classes}
        maps = frozenset(["conv", "norm", "relu", "drop"])
        return case_of(model, PICTURES, outputs, classes.softmax(1), channels_first=maps)


class TestModulesUsedTwiceInListsThatGiveDictionaries(ExtractorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> Case:
        class Heads(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.left, self.right = nn.Linear(5, 4), nn.Linear(5, 2)

            def forward(self, given: Any) -> Any:
                return {"left": self.left(given), "both": (self.right(given), given)}

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.shared = nn.Linear(5, 5)
                self.blocks = nn.ModuleList([nn.Linear(5, 5), nn.Dropout(0.5)])
                self.heads = Heads()

            def forward(self, given: Any) -> Any:
                for block in (self.shared, self.shared, *self.blocks):
                    given = block(given).tanh()
                return {"heads": self.heads(given), "last": given}

        torch.manual_seed(0)
        model = Model()
        once = evaluated(model.shared, torch.tensor(ROWS))
        twice = evaluated(model.shared, once.tanh())
        block = evaluated(model.blocks[0], twice.tanh())
        last = block.tanh().tanh()
        left, right = evaluated(model.heads.left, last), evaluated(model.heads.right, last)
        outputs = {
            "shared": once,
            "shared#2": twice,
            "blocks.0": block,
            "blocks.1": block.tanh(),
            "heads.left": left,
            "heads[left]": left,
            "heads[both][0]": right,
            "output[last]": last,
        }
        return case_of(model, ROWS, outputs)


class TestTransformerOnSequences(ExtractorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> Case:
        torch.manual_seed(0)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        model = nn.Sequential(OrderedDict(wider=nn.Linear(3, 8), encoder=nn.TransformerEncoder(layer, 2)))
        samples = np.random.default_rng(2).normal(size=(10, 7, 3)).astype(np.float32)
        wider = evaluated(model.wider, torch.tensor(samples))
        first = evaluated(model.encoder.layers[0], wider)
        encoded = evaluated(model.encoder, wider)
        return case_of(model, samples, {"wider": wider, "encoder.layers.0": first, "encoder": encoded})


class TestTheSameWeights(SameWeightsContract):
    CHANNELS_FIRST = True

    @staticmethod
    def build(folder: Path, at_most: int | None = None) -> Any:
        return same_weights_module(at_most)

    @staticmethod
    def state(model: Any) -> Any:
        return state_of(model)


def layers_worth_showing(model: Any, samples: Any) -> list[str]:
    return list(extract(model, samples))[1:]


def test_the_table_lists_the_modules_with_their_parameters_and_what_is_worth_showing() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(5, 4)
            self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.Dropout()), nn.Identity()])

    rows = [(each.name, each.kind, each.parameters, each.worth_showing) for each in layer_table(Model())]
    assert rows == [
        ("first", "Linear", 24, True),
        ("blocks.0", "Sequential", 20, True),
        ("blocks.0.0", "Linear", 20, False),
        ("blocks.0.1", "Dropout", 0, False),
        ("blocks.1", "Identity", 0, False),
    ]


def test_unasked_it_takes_what_the_model_calls_itself_also_behind_one_module_that_holds_all_others() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(5, 4), nn.Dropout(), nn.Sequential(nn.ReLU(), nn.Linear(4, 2)))

        def forward(self, given: Any) -> Any:
            return self.net(given)

    model = Model()
    assert layers_worth_showing(model, ROWS) == ["net.0", "net.2"]
    assert [each.name for each in layer_table(model) if each.worth_showing] == ["net.0", "net.2"]


def test_a_module_without_others_inside_gives_its_output() -> None:
    model = nn.Linear(5, 4)
    assert layers_worth_showing(model, ROWS) == [each.name for each in layer_table(model)] == ["output"]
    vectors = extract(model, ROWS, "output")["output"].vectors
    np.testing.assert_allclose(vectors, model(torch.tensor(ROWS)).detach(), atol=1e-6)


def test_what_the_model_makes_itself_of_its_last_layer_is_worth_showing() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.code = nn.Linear(5, 4)

        def forward(self, given: Any) -> Any:
            return nn.functional.normalize(self.code(given))

    sets = extract(Model(), ROWS)
    assert list(sets) == ["input", "code", "output"]
    np.testing.assert_allclose(np.linalg.norm(sets["output"].vectors, axis=1), 1, rtol=1e-5)


def test_states_of_a_recurrent_layer_have_a_row_per_sample_wherever_the_samples_stand() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(3, 4, num_layers=2)

        def forward(self, given: Any) -> Any:
            return self.lstm(given.transpose(0, 1))[0][-1]

    torch.manual_seed(0)
    model = Model()
    samples = np.random.default_rng(2).normal(size=(10, 7, 3)).astype(np.float32)
    sets = extract(model, samples, ["lstm[0]", "lstm[1][0]", "output"])
    steps, (states, _) = evaluated(model.lstm, torch.tensor(samples).transpose(0, 1))
    np.testing.assert_allclose(sets["lstm[0]"].vectors, steps.mean(0), atol=1e-6)
    np.testing.assert_allclose(sets["lstm[1][0]"].vectors, states.mean(0), atol=1e-6)
    np.testing.assert_allclose(sets["output"].vectors, steps[-1], atol=1e-6)


def test_channels_are_followed_where_they_are_moved() -> None:
    class Permute(nn.Module):
        def __init__(self, *axes: int) -> None:
            super().__init__()
            self.axes = axes

        def forward(self, given: Any) -> Any:
            return given.permute(self.axes)

    model = nn.Sequential(
        nn.Conv2d(2, 4, 3), Permute(0, 2, 3, 1), nn.LayerNorm(4), nn.Linear(4, 9), Permute(0, 3, 1, 2), nn.GELU()
    )
    sets = extract(model, PICTURES, [str(number) for number in range(6)])
    assert [each.dims for each in sets.values()] == [4, 4, 4, 9, 9, 9]


def test_a_module_that_inherits_from_one_of_pytorchs_may_turn_its_axes_round() -> None:
    class MapNorm(nn.LayerNorm):
        def forward(self, given: Any) -> Any:
            return super().forward(given.movedim(1, -1)).movedim(-1, 1)

    model = nn.Sequential(nn.Conv2d(2, 5, 3), MapNorm(5))
    assert [each.dims for each in extract(model, PICTURES, ["0", "1"]).values()] == [5, 5]


def test_an_embedding_logger_leaves_a_training_as_it_would_be(tmp_path: Path) -> None:
    logged, alone = (nn.Sequential(nn.Linear(5, 4), nn.Dropout(0.5), nn.Linear(4, 3)) for _ in range(2))
    alone.load_state_dict(logged.state_dict())
    logger = EmbeddingLogger(tmp_path / "run", ROWS, layers=["0"])
    for model in (logged, alone):
        torch.manual_seed(0)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        for step in range(3):
            if model is logged:
                logger.log(model, step)
            optimiser.zero_grad()
            model(torch.tensor(ROWS)).square().sum().backward()
            optimiser.step()
    assert state_of(logged)["weights"] == state_of(alone)["weights"]
    assert open_run(tmp_path / "run").steps("0") == [0, 1, 2]


def test_a_convolution_over_time_is_pooled_over_time() -> None:
    model = nn.Sequential(nn.Conv1d(2, 5, 3), nn.ReLU())
    sets = extract(model, PICTURES[:, :, 0], ["0", "1"])
    assert [each.dims for each in sets.values()] == [5, 5]


def test_an_output_without_a_row_per_sample_is_refused() -> None:
    class Total(nn.Module):
        def forward(self, given: Any) -> Any:
            return given.sum(0), given.repeat(2, 1), given

    model = nn.Sequential(Total())
    for name in ("0[0]", "0[1]"):
        with pytest.raises(InputError, match="gives no vectors"):
            extract(model, ROWS, name)
    assert layers_worth_showing(model, ROWS) == ["0[2]"]


def test_a_layer_that_is_not_called_for_every_batch_is_refused() -> None:
    class Sometimes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.much = nn.Linear(5, 5)

        def forward(self, given: Any) -> Any:
            return self.much(given) if given[0, 0] > 0 else given

    rows = np.ones((9, 5), np.float32)
    rows[4:] = -1
    with pytest.raises(InputError, match="'much' gave nothing for some samples"):
        extract(Sometimes(), rows, "much", batch_size=4)


def test_a_model_that_fails_on_the_way_is_left_as_it_was_found() -> None:
    class FailsLater(nn.Module):
        def forward(self, given: Any) -> Any:
            if given.max() > 4:
                raise LookupError("too much")
            return given

    model = nn.Sequential(nn.Linear(5, 4), nn.Sequential(nn.Dropout(), FailsLater()))
    model[1][0].eval()
    before = state_of(model)
    rows = np.concatenate([ROWS * 0, ROWS * 1e3])
    with pytest.raises(LookupError, match="too much"):
        extract(model, rows, ["0", "1.0"], batch_size=5)
    assert state_of(model) == before


def test_a_model_of_several_inputs_takes_them_by_name_or_in_order() -> None:
    class Difference(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Identity()

        def forward(self, left: Any, right: Any) -> Any:
            return self.last(left - right)

    for data in ({"right": 2 * ROWS, "left": ROWS}, (torch.tensor(ROWS), 2 * ROWS)):
        np.testing.assert_allclose(extract(Difference(), data, "last", batch_size=4)["last"].vectors, -ROWS)
    with pytest.raises(ShapeMismatch, match=r"'left' \(5,\), 'write' \(5,\).*unexpected keyword"):
        extract(Difference(), {"left": ROWS, "write": ROWS}, "last")


@pytest.fixture
def one_process(tmp_path: Path) -> Iterator[None]:
    """What PyTorch calls a group of processes: of this one alone."""
    torch.distributed.init_process_group("gloo", f"file://{tmp_path / 'group'}", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("wrapped", ["compiled", "inside compiled", "parallel", "distributed"])
def test_a_wrapped_model_is_the_model_within(wrapped: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(OrderedDict(one=nn.Linear(5, 4), two=nn.Sequential(nn.Linear(4, 3))))
    expected = extract(model, ROWS, ["one", "two.0"])
    if wrapped == "inside compiled":
        model.two = torch.compile(model.two, backend="eager")
    if wrapped == "compiled":
        model = torch.compile(model, backend="eager")
    if wrapped == "parallel":
        model = nn.DataParallel(model)
    if wrapped == "distributed":
        model = nn.parallel.DistributedDataParallel(model)
    sets = extract(model, ROWS, ["one", "two.0"])
    for layer, each in sets.items():
        np.testing.assert_array_equal(each.vectors, expected[layer].vectors)
        assert each.model == expected[layer].model
    assert "two.0" in [each.name for each in layer_table(model)]


@pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:DeprecationWarning")  # but used
@pytest.mark.parametrize("made", ["scripted", "traced", "loaded", "frozen"])
def test_torchscript_gives_its_output_alone_and_says_why(made: str) -> None:
    module = nn.Sequential(nn.Linear(5, 4), nn.Dropout(0.5), nn.BatchNorm1d(4)).eval()
    expected = evaluated(module, torch.tensor(ROWS))
    script = torch.jit.trace(module, torch.tensor(ROWS)) if made == "traced" else torch.jit.script(module)
    if made == "loaded":
        file = io.BytesIO()
        torch.jit.save(script, file)
        file.seek(0)
        script = torch.jit.load(file)
    if made == "frozen":
        script = torch.jit.freeze(script)
    else:
        script.train()
    before = getattr(script, "training", None), set(vars(script))  # a frozen one has no mode
    assert layers_worth_showing(script, ROWS) == [each.name for each in layer_table(script)] == ["output"]
    np.testing.assert_allclose(extract(script, ROWS, "output")["output"].vectors, expected, atol=1e-6)
    with pytest.raises(UnknownName, match=r"one of input, output\. TorchScript lets nobody listen"):
        extract(script, ROWS, "0")
    assert (getattr(script, "training", None), set(vars(script))) == before


@pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:DeprecationWarning")  # but used
def test_a_script_inside_a_model_is_one_layer() -> None:
    model = nn.Sequential(torch.jit.script(nn.Sequential(nn.Linear(5, 4), nn.ReLU())))
    assert [(each.name, each.worth_showing) for each in layer_table(model)] == [("0", True)]
    assert layers_worth_showing(model, ROWS) == ["0"]
    with pytest.raises(UnknownName, match="TorchScript"):
        extract(model, ROWS, "0.0")


def test_autocast_of_the_caller_holds_for_the_model() -> None:
    model = nn.Sequential(nn.Linear(5, 4))
    plain = extract(model, ROWS, "0")["0"].vectors
    with torch.autocast("cpu", torch.bfloat16):
        coarse = extract(model, ROWS, "0")["0"].vectors
    assert 0 < np.abs(coarse - plain).max() < 0.05
    as_bfloat16 = torch.tensor(coarse).to(torch.bfloat16).float()
    np.testing.assert_array_equal(coarse, as_bfloat16)


def test_half_precision_comes_out_as_float32() -> None:
    model = nn.Sequential(nn.Linear(5, 4)).to(torch.bfloat16)
    vectors = extract(model, ROWS, "0")["0"].vectors
    np.testing.assert_allclose(vectors, model(torch.tensor(ROWS).bfloat16()).float().detach(), rtol=1e-2)
    assert extract(model, ROWS.astype(np.float64), "0")["0"].dims == 4


def test_a_model_that_was_never_called_is_built_and_can_be_trained() -> None:
    model = nn.Sequential(nn.LazyLinear(4))
    assert layer_table(model)[0].parameters == 0
    assert extract(model, ROWS, "0")["0"].dims == 4
    model(torch.tensor(ROWS)).sum().backward()
    assert model[0].weight.grad is not None


def test_states_and_random_states_are_not_moved() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(1))
            self.register_buffer("seen", torch.zeros(1))

        def forward(self, given: Any) -> Any:
            self.calls += 1
            self.seen = self.seen + len(given)
            return given + torch.randn_like(given)

    model = nn.Sequential(Noisy())
    before = state_of(model)
    extract(model, ROWS, "0", batch_size=2)
    assert state_of(model) == before


class Masked(nn.Module):
    """Keeps a mask for as many samples as came last, and a note of every call."""

    def __init__(self) -> None:
        super().__init__()
        self.code = nn.Linear(5, 4)
        self.rows, self.kept, self.calls = 0, {"mask": None}, []

    def forward(self, given: Any) -> Any:
        if len(given) != self.rows:
            self.rows, self.kept["mask"], self.last = len(given), torch.ones(len(given), 1), torch.ones(())
        self.calls.append(len(given))
        return self.code(given * self.last) * self.kept["mask"]


def trained_on(model: Any) -> None:
    """One step of a training."""
    model(torch.tensor(ROWS)).sum().backward()
    assert all(each.grad is not None for each in model.parameters())


def test_a_model_that_keeps_tensors_can_be_trained_on_and_keeps_those_it_had() -> None:
    model = Masked()
    extract(model, ROWS, "code")
    assert (model.rows, model.kept, model.calls, hasattr(model, "last")) == (0, {"mask": None}, [], False)
    trained_on(model)
    mask = model.kept["mask"]
    extract(model, ROWS, "code", batch_size=4)
    assert model.kept["mask"] is mask
    assert (model.rows, model.calls) == (len(ROWS), [len(ROWS)])
    trained_on(model)


def test_a_tensor_that_is_kept_beside_the_model_can_be_trained_with() -> None:
    @functools.lru_cache
    def mask(rows: int) -> Any:
        return torch.ones(rows, 1)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.code = nn.Linear(5, 4)

        def forward(self, given: Any) -> Any:
            return self.code(given * mask(len(given))) * mask(len(given))

    model = Model()
    extract(model, ROWS, "code", batch_size=len(ROWS))
    trained_on(model)


def test_a_plain_tensor_that_is_written_over_is_put_back_and_a_sparse_one_does_no_harm() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.total = torch.zeros(5)
            self.edges = torch.eye(5).to_sparse()

        def forward(self, given: Any) -> Any:
            self.total += given.sum(0)
            return given @ self.edges

    model = Model()
    total = model.total
    np.testing.assert_allclose(extract(model, ROWS, "output")["output"].vectors, ROWS)
    assert model.total is total
    assert not total.any()


def test_a_module_that_builds_itself_at_its_first_call_stays_built() -> None:
    class Builds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks, self.built = nn.ModuleList(), False

        def forward(self, given: Any) -> Any:
            if not self.built:
                self.blocks.append(nn.Linear(given.shape[1], 4))
                self.built = True
            return self.blocks[0](given)

    model = Builds()
    extract(model, ROWS, "output")
    assert model.built
    assert model.training
    trained_on(model)
    assert len(model.blocks) == 1


def test_tokens_go_in_as_whole_numbers() -> None:
    model = nn.Sequential(nn.Embedding(9, 3), nn.Linear(3, 2))
    tokens = np.arange(12).reshape(4, 3) % 9
    sets = extract(model, tokens, ["0", "1"])
    np.testing.assert_allclose(sets["0"].vectors, model[0](torch.tensor(tokens)).mean(1).detach(), atol=1e-6)
    with pytest.raises(ShapeMismatch, match="index out of range"):
        extract(model, tokens + 5, "0")


def test_raw_pictures_that_a_model_does_not_take_are_answered_with_what_it_takes() -> None:
    with pytest.raises(ShapeMismatch, match=r"uint8.*floats of shape \(n, channels, height, width\)"):
        extract(nn.Conv2d(1, 2, 3), np.zeros((4, 6, 6, 1), np.uint8), "output")


def test_text_is_refused() -> None:
    with pytest.raises(InputError, match="PyTorch cannot take these samples"):
        extract(nn.Linear(5, 4), np.array(["a", "b"]), "output")


def test_a_single_sigmoid_says_yes_or_no_and_several_say_nothing() -> None:
    for units, says in ((1, True), (3, False)):
        model = nn.Sequential(nn.Linear(5, units), nn.Sigmoid())
        some = as_dataset(ROWS, labels=np.arange(len(ROWS)) % 2, class_names=["no", "yes", "other"])
        assert (extract(model, some, "0")["0"].outputs is not None) == says


def test_the_mean_loss_is_the_frameworks_own() -> None:
    model = nn.Sequential(nn.Linear(5, 3), nn.LogSoftmax(1))
    labels = np.arange(len(ROWS)) % 3
    said = extract(model, as_dataset(ROWS, labels=labels), "0")["0"].outputs
    assert said is not None
    expected = nn.functional.nll_loss(evaluated(model, torch.tensor(ROWS)), torch.tensor(labels))
    assert np.mean(said.loss) == pytest.approx(expected.item(), rel=1e-5)


def test_a_tensor_serves_as_the_samples() -> None:
    model = nn.Sequential(nn.Linear(5, 4))
    given = extract(model, torch.tensor(ROWS), ["0", "input"])
    np.testing.assert_array_equal(given["input"].vectors, ROWS)


class TestLoader:
    LABELS = np.arange(len(ROWS)) % 3

    @pytest.mark.parametrize("workers", [0, 2])
    def test_a_loader_serves_as_the_samples_in_the_order_of_its_dataset(self, workers: int) -> None:
        data = torch.utils.data.TensorDataset(torch.tensor(ROWS), torch.tensor(self.LABELS))
        loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True, num_workers=workers)
        given = extract(nn.Sequential(nn.Linear(5, 4)), loader, ["input"])["input"]
        np.testing.assert_array_equal(given.vectors, ROWS)
        np.testing.assert_array_equal(given.dataset.labels, self.LABELS)

    def test_labels_are_read_where_the_dataset_does_not_hold_them_and_names_where_it_does(self) -> None:
        class Made(torch.utils.data.Dataset):
            classes = ("a", "b", "c")

            def __len__(self) -> int:
                return len(ROWS)

            def __getitem__(self, row: int) -> Any:
                return ROWS[row], int(TestLoader.LABELS[row])

        given = extract(nn.Linear(5, 4), Made(), "output")["output"]
        np.testing.assert_array_equal(given.dataset.labels, self.LABELS)
        assert given.dataset.class_names == ("a", "b", "c")

    def test_a_part_of_a_dataset_stays_a_part(self) -> None:
        data = torch.utils.data.TensorDataset(torch.tensor(ROWS), torch.tensor(self.LABELS))
        sampler = torch.utils.data.SubsetRandomSampler([5, 2, 7])
        for part in (
            torch.utils.data.DataLoader(data, sampler=sampler),
            torch.utils.data.Subset(data, [2, 5, 7]),
        ):
            given = extract(nn.Linear(5, 4), part, "input")["input"]
            np.testing.assert_array_equal(given.vectors, ROWS[[2, 5, 7]])
            np.testing.assert_array_equal(given.dataset.labels, self.LABELS[[2, 5, 7]])

    def test_a_batch_sampler_keeps_the_part_and_the_batches_of_its_loader(self) -> None:
        def collate(pairs: Any) -> Any:
            return torch.stack([2 * row for row, _ in pairs]), torch.stack([label for _, label in pairs])

        data = torch.utils.data.TensorDataset(torch.tensor(ROWS), torch.tensor(self.LABELS))
        sampler = torch.utils.data.SubsetRandomSampler([5, 2, 7])
        batches = torch.utils.data.BatchSampler(sampler, 2, drop_last=False)
        loader = torch.utils.data.DataLoader(data, batch_sampler=batches, collate_fn=collate)
        given = extract(nn.Linear(5, 4), loader, "input")["input"]
        np.testing.assert_array_equal(given.vectors, 2 * ROWS[[2, 5, 7]])
        np.testing.assert_array_equal(given.dataset.labels, self.LABELS[[2, 5, 7]])

    class Halves(torch.utils.data.Sampler[int]):
        """Somebody's own sampler of one half of the samples, shuffled by a generator of its own or not at all."""

        def __init__(self, shuffled: bool) -> None:
            self.shuffled, self.generator = shuffled, torch.Generator()

        def __len__(self) -> int:
            return 6

        def __iter__(self) -> Iterator[int]:
            order = torch.randperm(6, generator=self.generator) if self.shuffled else torch.arange(6).flip(0)
            return iter((2 * order).tolist())

    @pytest.mark.parametrize(
        ("options", "places"),
        [
            ({"sampler": [5, 2, 7]}, [5, 2, 7]),
            ({"sampler": torch.tensor([5, 2, 7])}, [5, 2, 7]),
            ({"sampler": range(3, 9, 2), "batch_size": 2}, [3, 5, 7]),
            ({"batch_sampler": [[5, 2], [7]]}, [5, 2, 7]),
            ({"sampler": Halves(shuffled=False)}, [10, 8, 6, 4, 2, 0]),
            ({"sampler": Halves(shuffled=True)}, [0, 2, 4, 6, 8, 10]),
            ({"sampler": torch.utils.data.SequentialSampler(ROWS[:4])}, [0, 1, 2, 3]),
            ({"sampler": torch.utils.data.RandomSampler(ROWS, num_samples=20)}, range(13)),
            ({"sampler": torch.utils.data.DistributedSampler(ROWS, 2, 0, shuffle=False)}, [0, 2, 4, 6, 8, 10, 12]),
        ],
    )
    def test_of_a_sampler_those_samples_are_taken_that_it_gives(self, options: Any, places: Any) -> None:
        data = torch.utils.data.TensorDataset(torch.tensor(ROWS), torch.tensor(self.LABELS))
        given = extract(nn.Linear(5, 4), torch.utils.data.DataLoader(data, **options), "input")["input"]
        np.testing.assert_array_equal(given.vectors, ROWS[places])
        np.testing.assert_array_equal(given.dataset.labels, self.LABELS[places])

    def test_a_samplers_own_random_state_stays(self) -> None:
        sampler = self.Halves(shuffled=True)
        before = sampler.generator.get_state()
        extract(nn.Linear(5, 4), torch.utils.data.DataLoader(ROWS, sampler=sampler), "input")
        assert torch.equal(sampler.generator.get_state(), before)

    @pytest.mark.parametrize(
        "options",
        [
            {"sampler": torch.utils.data.WeightedRandomSampler([1.0] * 13, 13)},
            {"sampler": torch.utils.data.RandomSampler(ROWS, replacement=True)},
            {"sampler": torch.utils.data.RandomSampler(ROWS, num_samples=3)},
            {"sampler": iter([5, 2, 7])},
            {"sampler": (row for row in range(13))},
            {"batch_sampler": iter([[5, 2], [7]])},
        ],
    )
    def test_a_sampler_that_draws_which_samples_it_gives_is_refused(self, options: Any) -> None:
        with pytest.raises(InputError, match=r"cannot be known.*a \w*(Sampler|iterator|generator)\..*Subset"):
            extract(nn.Linear(5, 4), torch.utils.data.DataLoader(ROWS, **options), "output")

    @pytest.mark.parametrize("workers", [0, 2])
    def test_no_random_state_moves_whatever_reading_draws(self, workers: int) -> None:
        class Shaky(torch.utils.data.Dataset):
            def __len__(self) -> int:
                return len(ROWS)

            def __getitem__(self, row: int) -> Any:
                drawn = float(torch.rand(1)) + np.random.rand() + random.random()  # noqa: NPY002
                return ROWS[row] + np.float32(drawn), int(TestLoader.LABELS[row])

        def states() -> tuple[Any, ...]:
            numbers = np.random.get_state()  # noqa: NPY002
            return torch.get_rng_state().tolist(), numbers[1].tolist(), numbers[2], random.getstate()

        model = nn.Linear(5, 4)
        loader = torch.utils.data.DataLoader(Shaky(), batch_size=4, shuffle=True, num_workers=workers)
        before = states()
        extract(model, loader, ["input", "output"])
        assert states() == before

    @pytest.mark.parametrize("in_a_tuple", [False, True])
    def test_batches_that_are_dictionaries_are_named_inputs_and_labels(self, in_a_tuple: bool) -> None:
        class Difference(nn.Module):
            def forward(self, left: Any, right: Any) -> Any:
                return left - right

        rows = zip(ROWS, self.LABELS.tolist(), strict=True)
        data: list[Any] = [{"right": 2 * row, "left": row, "label": label} for row, label in rows]
        if in_a_tuple:
            data = [({"right": each["right"], "left": each["left"]}, each["label"]) for each in data]
        loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True)
        given = extract(Difference(), loader, "output", batch_size=5)["output"]
        np.testing.assert_allclose(given.vectors, -ROWS)
        np.testing.assert_array_equal(given.dataset.labels, self.LABELS)

    @pytest.mark.parametrize("on_error", ["stop", "skip"])
    def test_sequences_may_be_padded_batch_by_batch(self, on_error: Any) -> None:
        class Total(nn.Module):
            def forward(self, tokens: Any, mask: Any) -> Any:
                return (tokens * mask).sum(1, keepdim=True).float()

        def padded(sequences: Any) -> Any:
            tokens = nn.utils.rnn.pad_sequence(sequences, batch_first=True, padding_value=9)
            return {"tokens": tokens, "mask": (tokens != 9).long()}

        data = [torch.arange(1 + row % 4) for row in range(13)]
        loader = torch.utils.data.DataLoader(data, collate_fn=padded)
        vectors = extract(Total(), loader, "output", batch_size=3, on_error=on_error)["output"].vectors
        np.testing.assert_array_equal(vectors[:, 0], [each.sum() for each in data])

    def test_a_stream_without_an_end_and_batches_that_are_lists_of_samples_are_refused(self) -> None:
        class Stream(torch.utils.data.IterableDataset):
            def __iter__(self) -> Any:
                return iter(ROWS)

        with pytest.raises(InputError, match="does not say how many"):
            extract(nn.Linear(5, 4), torch.utils.data.DataLoader(Stream()), "output")
        loader = torch.utils.data.DataLoader([{"input": each} for each in ROWS], collate_fn=list)
        with pytest.raises(ShapeMismatch, match=r"one row per sample\. Got: 5 rows of 1 samples.*collate_fn"):
            extract(nn.Linear(5, 4), loader, "output")


def test_tensorflow_is_not_loaded(tmp_path: Path) -> None:
    script = (
        "import sys, numpy, torch, embedding_lab as lab\n"
        f"lab.extract(torch.nn.Linear(5, 4), numpy.zeros((3, 5), 'f4'), out={str(tmp_path)!r})\n"
        "print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_module_may_write_over_what_it_gave_before() -> None:
    class Refilled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.classes = nn.Linear(5, 3)
            self.given = torch.zeros(8, 3)

        def forward(self, rows: Any) -> Any:
            self.given[: len(rows)] = self.classes(rows)
            return self.given[: len(rows)]

    model = Refilled().eval()
    rows = np.random.default_rng(2).normal(size=(640, 5)).astype(np.float32)
    labels = np.zeros(len(rows), np.int64)
    data = as_dataset(rows, name="rows", labels=labels, class_names=["one", "two", "three"])
    with torch.no_grad():
        expected = model.classes(torch.from_numpy(rows)).numpy()
    outputs = extract(model, data, ["classes"], batch_size=8)["classes"].outputs
    assert outputs is not None
    assert (outputs.prediction == expected.argmax(axis=1)).all()
