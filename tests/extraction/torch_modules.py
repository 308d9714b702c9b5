"""What tests of PyTorch's modules share: samples, a module's own output, and all that must stay as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

PICTURES = np.random.default_rng(0).normal(size=(11, 2, 6, 6)).astype(np.float32)
ROWS = np.random.default_rng(1).normal(size=(13, 5)).astype(np.float32)


def state_of(model: Any) -> Any:
    """What extraction must leave as it found it."""
    return {
        "weights": {name: values.numpy().tobytes() for name, values in model.state_dict().items()},
        "modes": [module.training for module in model.modules()],
        "hooks": [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()],
        "attributes": [sorted(vars(module)) for module in model.modules()],
        "gradients": [(each.requires_grad, each.grad is None) for each in model.parameters()],
        "inference tensors": [each.is_inference() for each in (*model.parameters(), *model.buffers())],
        "random state": torch.random.get_rng_state().numpy().tobytes(),
    }


def evaluated(module: Any, given: Any) -> Any:
    """What a module gives in inference mode, on its own."""
    was = module.training
    module.eval()
    with torch.no_grad():
        output = module(given)
    module.train(was)
    return output
