"""PyTorch's own ways are understood: what a model calls and gives, how it is wrapped, and what it keeps."""

from __future__ import annotations

import functools
import io
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding_lab.app.embedding_logger import EmbeddingLogger
from embedding_lab.embeddings import as_dataset, open_run
from embedding_lab.errors import InputError, ShapeMismatch, UnknownName
from embedding_lab.extraction import extract, layer_table

torch = pytest.importorskip("torch", reason='no PyTorch: pip install "embedding-lab[torch]"')
nn = torch.nn

from extraction.torch_modules import PICTURES, ROWS, evaluated, state_of  # noqa: E402 - it needs PyTorch


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
