"""PyTorch as the lab uses it: weights fingerprinted, and the samples of a DataLoader as a dataset."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Subset, TensorDataset

from embedding_lab.embeddings import Dataset, as_dataset
from embedding_lab.embeddings.arrays import as_array
from embedding_lab.embeddings.inputs import SeveralInputs
from embedding_lab.errors import InputError, ShapeMismatch
from embedding_lab.frameworks.torch_samplers import places_given

LABELS = ("labels", "label")
"""What dictionaries of samples call their labels, as Hugging Face's do; these are no inputs."""


def weights_fingerprint(model: torch.nn.Module) -> str:
    """The first 16 hexadecimal digits of a SHA-256 over all parameters and buffers of a model, in their order."""
    digest = hashlib.sha256()
    for weight in (*model.parameters(), *model.buffers()):
        values = weight.detach().cpu().contiguous()
        digest.update(f"{values.dtype}{tuple(values.shape)}".encode())
        digest.update(values.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def random_state_kept() -> Iterator[None]:
    """Puts the random states of the processor and of all CUDA devices in use back when the block ends."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices):
        yield


def loaded_dataset(data: Any) -> Dataset:
    """The samples that a DataLoader gives, in the order in which its dataset holds them where it shuffles.

    Beforehand the labels are read: they are taken from the dataset where it holds them as `targets` or as a tensor,
    and by one pass over the samples where not. The samples stay where they are until they are asked for, as by the
    fingerprint, which reads 1,024 of them at most.

    Args:
        data: a DataLoader over a dataset that has a length, or such a dataset. Its batches are tensors,
            dictionaries of several inputs and labels, or tuples of either, the labels and anything else. The
            samples are those that its sampler gives.

    Raises:
        InputError: the dataset has no length, or gives something else; which samples the loader gives is drawn
            anew each time.
    """
    loader = data if isinstance(data, DataLoader) else DataLoader(data)
    if not hasattr(loader.dataset, "__getitem__") or not hasattr(loader.dataset, "__len__"):
        raise InputError(
            "This loader does not say how many samples it has.",
            got=type(loader.dataset).__name__,
            expected="a dataset with __len__ and __getitem__",
            remedy="Collect the samples into one tensor and hand that over.",
        )
    samples = LoadedSamples(loader)
    labels = samples.labels()
    return as_dataset(
        samples, labels=labels, class_names=None if labels is None else _held(loader.dataset, "classes")
    )


class LoadedSamples:
    """The samples of a dataset of PyTorch as an array that is read when it is asked for.

    Args:
        loader: says how samples become batches, and how many processes read them.
    """

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loader = loader
        self._dataset: Any = loader.dataset
        places = places_given(loader)
        if places != range(len(self._dataset)):
            self._dataset = Subset(self._dataset, places)
        in_batches = loader.batch_sampler is not None  # else its collate_fn takes a sample alone
        self._collate = loader.collate_fn if in_batches else torch.utils.data.default_collate
        count = len(self._dataset)
        first = self[:1] if count else np.empty((0, 0))
        self.shape = (count, *first.shape[1:])
        self.dtype, self.ndim = first.dtype, first.ndim

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        places = np.atleast_1d(np.arange(len(self))[rows])
        block = _samples(self._collate([self._dataset[int(place)] for place in places]))
        if len(block) != len(places):
            raise ShapeMismatch(
                "The loader's batches do not have one row per sample.",
                got=f"{len(block):,} rows of {len(places):,} samples",
                expected="a tensor of samples, a dictionary of such, or a tuple that begins with either",
                remedy="Give the DataLoader a collate_fn that returns (samples, labels).",
            )
        return block

    def in_batches(self, rows: int) -> Iterator[NDArray[Any]]:
        """The samples in blocks of so many rows, read ahead by the loader's own number of processes."""
        return map(_samples, self._batches(rows))

    def labels(self) -> Any:
        """The labels, shape (n,); None where the samples come alone."""
        if len(self) == 0:
            return None
        held = _held(self._dataset, "targets")
        if held is not None:
            return _as_labels(held)
        if _label_part(self._collate([self._dataset[0]])) is None:
            return None
        return np.concatenate([_label_part(batch) for batch in self._batches(self._loader.batch_size or 1)])

    def _batches(self, rows: int) -> Iterator[Any]:
        return iter(
            DataLoader(
                self._dataset,
                batch_size=rows,
                collate_fn=self._collate,
                num_workers=self._loader.num_workers,
                worker_init_fn=self._loader.worker_init_fn,
            )
        )


def _samples(batch: Any) -> NDArray[Any]:
    first = batch[0] if isinstance(batch, tuple | list) and not isinstance(batch[0], str) else batch
    if isinstance(first, Mapping):
        return SeveralInputs({name: each for name, each in first.items() if name not in LABELS})[:]
    return np.asarray(as_array(first, "batch"))


def _label_part(batch: Any) -> Any:
    """What stands beside the samples, where it can be a label: whole numbers or text, shape (b,)."""
    if isinstance(batch, Mapping):
        return next((_as_labels(batch[name]) for name in LABELS if name in batch), None)
    if not isinstance(batch, tuple | list) or len(batch) < 2 or isinstance(batch[0], str):
        return None
    return _as_labels(batch[1])


def _as_labels(values: Any) -> Any:
    labels = np.asarray(as_array(values, "labels"))
    return labels if labels.ndim == 1 and labels.dtype.kind in "iubU" else None


def _held(dataset: Any, name: str) -> Any:
    """What a dataset keeps under a name, as those of torchvision do; of a part, its share."""
    if isinstance(dataset, Subset):
        whole = _held(dataset.dataset, name)
        return whole if whole is None or name == "classes" else np.asarray(whole)[list(dataset.indices)]
    if isinstance(dataset, TensorDataset) and name == "targets":
        return _label_part([each[:] for each in dataset.tensors])
    return getattr(dataset, name, None)
