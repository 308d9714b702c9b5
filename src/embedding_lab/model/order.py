"""Which samples each step of a training takes: a function of seed and step.

So a training can be repeated, or taken up again after a kill, without touching anybody's global random state.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import Dataset


class Order:
    """The order of a dataset's samples, another one in each epoch.

    The few at the end of an epoch that fill no batch are left out.

    Args:
        data: samples of shape (n, ...) with labels.
        rows: those that take part, shape (m,).
        batch_size: samples per step, m at most.
        seed: 0 or more.

    Attributes:
        steps_per_epoch: how many whole batches the samples fill.
    """

    def __init__(self, data: Dataset, rows: NDArray[np.intp], batch_size: int, seed: int) -> None:
        self.batch_size = batch_size
        self.steps_per_epoch = len(rows) // batch_size
        self._data, self._rows, self._seed = data, rows, seed
        self._epoch, self._shuffled = -1, rows

    def batches(self, first: int, last: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """What the steps from `first` to before `last` take, which lie in one epoch.

        Returns:
            Samples of shape (steps, batch, ...) and labels of shape (steps, batch).
        """
        epoch, offset = divmod(first, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch = epoch
            self._shuffled = np.random.default_rng([self._seed, epoch]).permutation(self._rows)
        rows = self._shuffled[offset * self.batch_size : (offset + last - first) * self.batch_size]
        assert self._data.labels is not None
        samples = np.asarray(self._data.samples[rows])
        shape = (last - first, self.batch_size)
        return samples.reshape(*shape, *samples.shape[1:]), self._data.labels[rows].reshape(shape)
