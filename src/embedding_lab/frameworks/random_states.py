"""Keeps random states as they were while something else reads samples and runs a model."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator

import numpy as np


@contextlib.contextmanager
def random_states_kept() -> Iterator[None]:
    """Puts the random states of Python, numpy and PyTorch back when the block ends; of Keras nothing draws."""
    with contextlib.ExitStack() as put_back:
        put_back.callback(random.setstate, random.getstate())
        put_back.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002  (it is others who use it)
        if "torch" in sys.modules:
            from embedding_lab.frameworks.torch import random_state_kept

            put_back.enter_context(random_state_kept())
        yield
