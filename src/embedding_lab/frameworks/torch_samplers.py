"""Which samples of its dataset a DataLoader of PyTorch gives, whatever order it draws them in."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from embedding_lab.errors import InputError


def places_given(loader: DataLoader[Any]) -> Sequence[int]:
    """The places in its dataset of the samples that a loader gives: in its order where that is always the same one,
    and in that of the dataset where it is drawn anew.

    Raises:
        InputError: which samples it gives is drawn anew each time, or cannot be known beforehand.
    """
    batches: Any = loader.batch_sampler
    if batches is not None and type(batches) is not BatchSampler:
        return _seen_in(batches, loader.dataset, in_batches=True)
    sampler: Any = loader.sampler if batches is None else batches.sampler
    if type(sampler) is SequentialSampler or _only_shuffles(sampler):
        return range(len(sampler.data_source))
    if type(sampler) is SubsetRandomSampler:
        return sorted(int(place) for place in sampler.indices)
    if type(sampler) in (RandomSampler, WeightedRandomSampler):
        raise _unknown(sampler)
    return _seen_in(sampler, loader.dataset)


def _only_shuffles(sampler: Any) -> bool:
    """Whether a sampler gives every sample, some perhaps again."""
    return (
        type(sampler) is RandomSampler
        and not sampler.replacement
        and sampler.num_samples >= len(sampler.data_source)
    )


def _seen_in(sampler: Any, dataset: Any, in_batches: bool = False) -> list[int]:
    """The places that a sequence, or anybody's own sampler, gives: it is gone through twice to see what changes."""
    try:
        # a copy, since its own random state may move; the samples that it knows of stay where they are
        copied = copy.deepcopy(sampler, {id(each): each for each in _within(dataset)})
        first, second = (_places(copied, in_batches) for _ in range(2))
    except (TypeError, ValueError, RuntimeError) as error:
        raise _unknown(sampler) from error
    if first == second:
        return first
    if sorted(first) == sorted(second) and len(set(first)) == len(first):
        return sorted(first)
    raise _unknown(sampler)


def _within(dataset: Any) -> Iterator[Any]:
    """A dataset, and those that it is a part of."""
    while dataset is not None:
        yield dataset
        dataset = getattr(dataset, "dataset", None)


def _places(sampler: Any, in_batches: bool) -> list[int]:
    """What a sampler gives in one pass, which may have no end but a length."""
    given = islice(sampler, len(sampler))
    return [int(place) for each in given for place in (each if in_batches else [each])]


def _unknown(sampler: Any) -> InputError:
    return InputError(
        "It cannot be known which samples this loader gives.",
        got=f"a {type(sampler).__name__}",
        expected="a sampler that gives the same samples every time, in whatever order",
        remedy="Hand over the loader's dataset, or a torch.utils.data.Subset of it.",
    )
