"""PyTorch and Lightning are logged while they train, and train as they would without."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedding_lab as lab

torch = pytest.importorskip("torch", reason='no PyTorch: pip install "embedding-lab[torch]"')
nn = torch.nn

SAMPLES = torch.randn(64, 3, 8, 8, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(64) % 4


def model() -> Any:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 4)
    )


def shuffled() -> Any:
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(SAMPLES, LABELS), batch_size=16, shuffle=True)


def states() -> tuple[Any, ...]:
    numbers = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().tolist(), numbers[1].tolist(), numbers[2], random.getstate()


class Shaky(torch.utils.data.Dataset[Any]):
    """Samples that are changed at random each time they are read, as for training."""

    def __len__(self) -> int:
        return len(SAMPLES)

    def __getitem__(self, row: int) -> Any:
        changed = SAMPLES[row] + torch.randn(1) + np.random.rand() + random.random()  # noqa: NPY002
        return changed, LABELS[row]


def trained(logger: lab.EmbeddingLogger | None) -> Any:
    """A loop of two epochs, as anybody writes it."""
    made = model()
    optimizer = torch.optim.SGD(made.parameters(), 0.1)
    step = 0
    for _ in range(2):
        for samples, labels in shuffled():
            step += 1
            optimizer.zero_grad()
            nn.functional.cross_entropy(made(samples), labels).backward()
            optimizer.step()
            if logger is not None:
                logger.step(made, step)
    return made


def test_a_loop_trains_as_it_would_without(tmp_path: Path) -> None:
    watched = trained(lab.EmbeddingLogger(tmp_path / "run", (SAMPLES), layers=["0", "5"], every=3))
    assert lab.open_run(tmp_path / "run").steps("0") == [1, 3, 6]
    assert all(module.training for module in watched.modules())
    for ours, theirs in zip(watched.state_dict().values(), trained(None).state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_no_random_state_moves_whatever_the_samples_draw(tmp_path: Path) -> None:
    made = model().eval()
    before = states()
    loader = torch.utils.data.DataLoader(Shaky(), batch_size=16, shuffle=True)
    logger = lab.EmbeddingLogger(tmp_path / "run", loader, layers="5", samples=20)
    logger.log(made, 1)
    logger.log(made, 2)
    assert states() == before
    assert not any(module.training for module in made.modules())
    run = lab.open_run(tmp_path / "run")
    np.testing.assert_array_equal(
        run.embeddings("5", 1).vectors, run.embeddings("5", 2).vectors
    )  # one fixed sample


def test_a_model_that_keeps_a_tensor_trains_on(tmp_path: Path) -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = model()
            self.mask = None

        def forward(self, samples: Any) -> Any:
            if self.mask is None or len(self.mask) != len(samples):
                self.mask = torch.ones(len(samples), 1, 1, 1)
            return self.body(samples * self.mask) * self.mask[:, 0, 0]

    made = Masked()
    logger = lab.EmbeddingLogger(tmp_path / "run", SAMPLES, layers=["body.0"])
    for step in range(2):
        logger.log(made, step)
        made(SAMPLES).sum().backward()


@pytest.mark.filterwarnings("ignore")  # Lightning's own, on processes that would read the samples faster
def test_lightning_logs_before_the_first_step_in_between_and_after_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lightning = pytest.importorskip("lightning.pytorch", reason="no Lightning: pip install lightning")
    monkeypatch.chdir(tmp_path)

    class Net(lightning.LightningModule):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.body = model()

        def forward(self, samples: Any) -> Any:
            return self.body(samples)

        def training_step(self, batch: Any, _: int) -> Any:
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    def fit(callbacks: list[Any]) -> Any:
        net = Net()
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
        trainer = lightning.Trainer(max_epochs=2, callbacks=callbacks, enable_checkpointing=False, **quiet)
        trainer.fit(net, shuffled())
        return net

    logger = lab.EmbeddingLogger(tmp_path / "run", SAMPLES, layers=["body.0"], every=3)
    watched = fit([logger.lightning()])
    run = lab.open_run(tmp_path / "run")
    assert run.steps("body.0") == [0, 3, 6, 8]
    assert [run.embeddings("body.0", step).epoch for step in (0, 3, 6, 8)] == [0, 0, 1, 1]
    for ours, theirs in zip(watched.state_dict().values(), fit([]).state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)
    by_epoch = lab.EmbeddingLogger(tmp_path / "epochs", SAMPLES, layers=["body.0"], every="epoch")
    fit([by_epoch.lightning()])
    assert lab.open_run(tmp_path / "epochs").steps("body.0") == [0, 4, 8]
