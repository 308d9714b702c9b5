"""A PyTorch module on a GPU keeps the extractor's promises; where PyTorch sees none, the reason is printed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.same_weights import SameWeightsContract
from embedding_lab.embeddings import as_dataset
from embedding_lab.extraction import extract

torch = pytest.importorskip("torch", reason='no PyTorch: pip install "embedding-lab[torch]"')
nn = torch.nn

from contracts.same_weights_in_torch import same_weights_module  # noqa: E402 - it needs PyTorch

ROWS = np.random.default_rng(1).normal(size=(13, 5)).astype(np.float32)
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch sees")


@pytest.fixture(autouse=True)
def float32_as_it_is() -> Iterator[None]:
    """A GPU rounds convolutions to ten bits unless it is told not to."""
    was = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = was


class TestTheSameWeightsOnAGpu(SameWeightsContract):
    CHANNELS_FIRST = True

    @staticmethod
    def build(folder: Path, at_most: int | None = None) -> Any:
        return same_weights_module(at_most).cuda()

    @staticmethod
    def state(model: Any) -> Any:
        weights = {name: values.cpu().numpy().tobytes() for name, values in model.state_dict().items()}
        devices = {str(values.device) for values in model.state_dict().values()}
        hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]
        random = torch.cuda.get_rng_state().numpy().tobytes()
        return weights, devices, hooks, [module.training for module in model.modules()], random


def test_samples_may_lie_on_the_gpu_or_come_from_a_loader_with_pinned_memory() -> None:
    model = nn.Sequential(nn.Linear(5, 4)).cuda()
    expected = model(torch.tensor(ROWS).cuda()).detach().cpu().numpy()
    pinned = torch.utils.data.DataLoader(torch.tensor(ROWS), batch_size=4, pin_memory=True)
    for samples in (torch.tensor(ROWS).cuda(), pinned):
        np.testing.assert_allclose(extract(model, samples, "0")["0"].vectors, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_of_the_caller_holds_on_the_gpu(dtype: Any) -> None:
    model = nn.Sequential(nn.Linear(5, 4)).cuda()
    plain = extract(model, ROWS, "0")["0"].vectors
    with torch.autocast("cuda", dtype):
        coarse = extract(model, ROWS, "0")["0"].vectors
    assert 0 < np.abs(coarse - plain).max() < 0.05
    np.testing.assert_array_equal(coarse, torch.tensor(coarse).to(dtype).float())


@pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores:UserWarning")  # PyTorch's advice on its own speed
@pytest.mark.parametrize("wrapped", ["compiled", "parallel"])
def test_what_was_compiled_or_runs_in_parallel_gives_the_same_on_the_gpu(wrapped: str) -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)).cuda()
    expected = extract(model, ROWS, ["0", "2"])
    other = torch.compile(model) if wrapped == "compiled" else nn.DataParallel(model)
    other(torch.tensor(ROWS).cuda())
    for layer, each in extract(other, ROWS, ["0", "2"]).items():
        np.testing.assert_allclose(each.vectors, expected[layer].vectors, rtol=1e-5, atol=1e-6)


def test_training_goes_on_with_the_same_random_numbers_of_the_gpu() -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.Dropout(0.5)).cuda().train()
    torch.manual_seed(0)
    undisturbed = [torch.rand(3, device="cuda").cpu() for _ in range(2)][1]
    torch.manual_seed(0)
    torch.rand(3, device="cuda")
    extract(model, ROWS)
    assert torch.equal(torch.rand(3, device="cuda").cpu(), undisturbed)
    assert all(module.training for module in model.modules())


def test_a_batch_that_the_gpu_has_no_room_for_is_halved_and_that_is_said() -> None:
    class Wide(nn.Module):
        def forward(self, given: Any) -> Any:
            return given.repeat(1, 1 << 22).reshape(len(given), 5, -1).amax(2)  # 80 MiB a sample

    model = nn.Sequential(nn.Linear(5, 5), Wide()).cuda()
    samples = np.concatenate([ROWS] * 10)
    torch.cuda.empty_cache()
    room = 2 << 30
    torch.cuda.set_per_process_memory_fraction(room / torch.cuda.get_device_properties(0).total_memory)
    try:
        with pytest.warns(UserWarning, match="memory did not suffice for a batch of") as said:
            found = extract(model, as_dataset(samples, name="wide"), "1", batch_size=128)["1"]
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
    assert "128 samples: going on with 64" in str(said[0].message)
    assert found.vectors.shape == (len(samples), 5)
    np.testing.assert_allclose(found.vectors[:13], found.vectors[13:26], rtol=1e-5)
