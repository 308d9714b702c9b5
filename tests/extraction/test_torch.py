"""PyTorch modules of every kind keep the extractor's promises."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.extractor_contract import Case, ExtractorContract
from contracts.same_weights import SameWeightsContract

torch = pytest.importorskip("torch", reason='no PyTorch: pip install "embedding-lab[torch]"')
nn = torch.nn

from contracts.same_weights_in_torch import same_weights_module  # noqa: E402 - they need PyTorch
from extraction.torch_modules import PICTURES, ROWS, evaluated, state_of  # noqa: E402


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


def awake(norm: Any) -> Any:
    """A batch normalisation with statistics that differ from those of any batch."""
    for each in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
        each.copy_(torch.linspace(0.5, 2, len(each)))
    return norm


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
