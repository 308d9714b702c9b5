"""The network of `same_weights.py` as a PyTorch module."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from torch import nn

from contracts.same_weights import NETWORK


def same_weights_module(at_most: int | None = None) -> nn.Module:
    """The network with the same weights, channels first; larger batches than `at_most` do not fit its memory."""

    class Refusing(nn.Module):
        def forward(self, given: Any) -> Any:
            if at_most is not None and len(given) > at_most:
                raise torch.OutOfMemoryError
            return given

    class FlatWithChannelsLast(nn.Module):
        def forward(self, given: Any) -> Any:
            return given.movedim(1, -1).flatten(1)

    model = nn.Sequential(
        OrderedDict(
            refusing=Refusing(),
            conv=nn.Conv2d(2, 4, 3),
            relu=nn.ReLU(inplace=True),
            flat=FlatWithChannelsLast(),
            logits=nn.Linear(64, 3),
            classes=nn.Softmax(1),
        )
    )
    weights = (NETWORK.kernel.transpose(3, 2, 0, 1), NETWORK.shifts, NETWORK.matrix.T, NETWORK.biases)
    for parameter, values in zip(model.parameters(), weights, strict=True):
        parameter.data.copy_(torch.tensor(np.ascontiguousarray(values)))
    return model
