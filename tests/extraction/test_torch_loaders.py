"""PyTorch's loaders and datasets serve as samples, with their labels and in their own order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from embedding_lab.errors import InputError, ShapeMismatch
from embedding_lab.extraction import extract

torch = pytest.importorskip("torch", reason='no PyTorch: pip install "embedding-lab[torch]"')
nn = torch.nn

from extraction.torch_modules import ROWS  # noqa: E402 - it needs PyTorch

LABELS = np.arange(len(ROWS)) % 3


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_serves_as_the_samples_in_the_order_of_its_dataset(workers: int) -> None:
    data = torch.utils.data.TensorDataset(torch.tensor(ROWS), torch.tensor(LABELS))
    loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True, num_workers=workers)
    given = extract(nn.Sequential(nn.Linear(5, 4)), loader, ["input"])["input"]
    np.testing.assert_array_equal(given.vectors, ROWS)
    np.testing.assert_array_equal(given.dataset.labels, LABELS)


def test_labels_are_read_where_the_dataset_does_not_hold_them_and_names_where_it_does() -> None:
    class Made(torch.utils.data.Dataset):
        classes = ("a", "b", "c")

        def __len__(self) -> int:
            return len(ROWS)

        def __getitem__(self, row: int) -> Any:
            return ROWS[row], int(LABELS[row])

    given = extract(nn.Linear(5, 4), Made(), "output")["output"]
    np.testing.assert_array_equal(given.dataset.labels, LABELS)
    assert given.dataset.class_names == ("a", "b", "c")


def test_a_part_of_a_dataset_stays_a_part() -> None:
    data = torch.utils.data.TensorDataset(torch.tensor(ROWS), torch.tensor(LABELS))
    sampler = torch.utils.data.SubsetRandomSampler([5, 2, 7])
    for part in (
        torch.utils.data.DataLoader(data, sampler=sampler),
        torch.utils.data.Subset(data, [2, 5, 7]),
    ):
        given = extract(nn.Linear(5, 4), part, "input")["input"]
        np.testing.assert_array_equal(given.vectors, ROWS[[2, 5, 7]])
        np.testing.assert_array_equal(given.dataset.labels, LABELS[[2, 5, 7]])


def test_a_batch_sampler_keeps_the_part_and_the_batches_of_its_loader() -> None:
    def collate(pairs: Any) -> Any:
        return torch.stack([2 * row for row, _ in pairs]), torch.stack([label for _, label in pairs])

    data = torch.utils.data.TensorDataset(torch.tensor(ROWS), torch.tensor(LABELS))
    sampler = torch.utils.data.SubsetRandomSampler([5, 2, 7])
    batches = torch.utils.data.BatchSampler(sampler, 2, drop_last=False)
    loader = torch.utils.data.DataLoader(data, batch_sampler=batches, collate_fn=collate)
    given = extract(nn.Linear(5, 4), loader, "input")["input"]
    np.testing.assert_array_equal(given.vectors, 2 * ROWS[[2, 5, 7]])
    np.testing.assert_array_equal(given.dataset.labels, LABELS[[2, 5, 7]])


class Halves(torch.utils.data.Sampler[int]):
    """Somebody's own sampler of one half of the samples, shuffled by a generator of its own or not at all."""

    def __init__(self, shuffled: bool) -> None:
        self.shuffled, self.generator = shuffled, torch.Generator()

    def __len__(self) -> int:
        return 6

    def __iter__(self) -> Iterator[int]:
        order = torch.randperm(6, generator=self.generator) if self.shuffled else torch.arange(6).flip(0)
        return iter((2 * order).tolist())


@pytest.mark.parametrize(
    ("options", "places"),
    [
        ({"sampler": [5, 2, 7]}, [5, 2, 7]),
        ({"sampler": torch.tensor([5, 2, 7])}, [5, 2, 7]),
        ({"sampler": range(3, 9, 2), "batch_size": 2}, [3, 5, 7]),
        ({"batch_sampler": [[5, 2], [7]]}, [5, 2, 7]),
        ({"sampler": Halves(shuffled=False)}, [10, 8, 6, 4, 2, 0]),
        ({"sampler": Halves(shuffled=True)}, [0, 2, 4, 6, 8, 10]),
        ({"sampler": torch.utils.data.SequentialSampler(ROWS[:4])}, [0, 1, 2, 3]),
        ({"sampler": torch.utils.data.RandomSampler(ROWS, num_samples=20)}, range(13)),
        ({"sampler": torch.utils.data.DistributedSampler(ROWS, 2, 0, shuffle=False)}, [0, 2, 4, 6, 8, 10, 12]),
    ],
)
def test_of_a_sampler_those_samples_are_taken_that_it_gives(options: Any, places: Any) -> None:
    data = torch.utils.data.TensorDataset(torch.tensor(ROWS), torch.tensor(LABELS))
    given = extract(nn.Linear(5, 4), torch.utils.data.DataLoader(data, **options), "input")["input"]
    np.testing.assert_array_equal(given.vectors, ROWS[places])
    np.testing.assert_array_equal(given.dataset.labels, LABELS[places])


def test_a_samplers_own_random_state_stays() -> None:
    sampler = Halves(shuffled=True)
    before = sampler.generator.get_state()
    extract(nn.Linear(5, 4), torch.utils.data.DataLoader(ROWS, sampler=sampler), "input")
    assert torch.equal(sampler.generator.get_state(), before)


@pytest.mark.parametrize(
    "options",
    [
        {"sampler": torch.utils.data.WeightedRandomSampler([1.0] * 13, 13)},
        {"sampler": torch.utils.data.RandomSampler(ROWS, replacement=True)},
        {"sampler": torch.utils.data.RandomSampler(ROWS, num_samples=3)},
        {"sampler": iter([5, 2, 7])},
        {"sampler": (row for row in range(13))},
        {"batch_sampler": iter([[5, 2], [7]])},
    ],
)
def test_a_sampler_that_draws_which_samples_it_gives_is_refused(options: Any) -> None:
    with pytest.raises(InputError, match=r"cannot be known.*a \w*(Sampler|iterator|generator)\..*Subset"):
        extract(nn.Linear(5, 4), torch.utils.data.DataLoader(ROWS, **options), "output")


@pytest.mark.parametrize("workers", [0, 2])
def test_no_random_state_moves_whatever_reading_draws(workers: int) -> None:
    class Shaky(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(ROWS)

        def __getitem__(self, row: int) -> Any:
            drawn = float(torch.rand(1)) + np.random.rand() + random.random()  # noqa: NPY002
            return ROWS[row] + np.float32(drawn), int(LABELS[row])

    def states() -> tuple[Any, ...]:
        numbers = np.random.get_state()  # noqa: NPY002
        return torch.get_rng_state().tolist(), numbers[1].tolist(), numbers[2], random.getstate()

    model = nn.Linear(5, 4)
    loader = torch.utils.data.DataLoader(Shaky(), batch_size=4, shuffle=True, num_workers=workers)
    before = states()
    extract(model, loader, ["input", "output"])
    assert states() == before


@pytest.mark.parametrize("in_a_tuple", [False, True])
def test_batches_that_are_dictionaries_are_named_inputs_and_labels(in_a_tuple: bool) -> None:
    class Difference(nn.Module):
        def forward(self, left: Any, right: Any) -> Any:
            return left - right

    rows = zip(ROWS, LABELS.tolist(), strict=True)
    data: list[Any] = [{"right": 2 * row, "left": row, "label": label} for row, label in rows]
    if in_a_tuple:
        data = [({"right": each["right"], "left": each["left"]}, each["label"]) for each in data]
    loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True)
    given = extract(Difference(), loader, "output", batch_size=5)["output"]
    np.testing.assert_allclose(given.vectors, -ROWS)
    np.testing.assert_array_equal(given.dataset.labels, LABELS)


@pytest.mark.parametrize("on_error", ["stop", "skip"])
def test_sequences_may_be_padded_batch_by_batch(on_error: Any) -> None:
    class Total(nn.Module):
        def forward(self, tokens: Any, mask: Any) -> Any:
            return (tokens * mask).sum(1, keepdim=True).float()

    def padded(sequences: Any) -> Any:
        tokens = nn.utils.rnn.pad_sequence(sequences, batch_first=True, padding_value=9)
        return {"tokens": tokens, "mask": (tokens != 9).long()}

    data = [torch.arange(1 + row % 4) for row in range(13)]
    loader = torch.utils.data.DataLoader(data, collate_fn=padded)
    vectors = extract(Total(), loader, "output", batch_size=3, on_error=on_error)["output"].vectors
    np.testing.assert_array_equal(vectors[:, 0], [each.sum() for each in data])


def test_a_stream_without_an_end_and_batches_that_are_lists_of_samples_are_refused() -> None:
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self) -> Any:
            return iter(ROWS)

    with pytest.raises(InputError, match="does not say how many"):
        extract(nn.Linear(5, 4), torch.utils.data.DataLoader(Stream()), "output")
    loader = torch.utils.data.DataLoader([{"input": each} for each in ROWS], collate_fn=list)
    with pytest.raises(ShapeMismatch, match=r"one row per sample\. Got: 5 rows of 1 samples.*collate_fn"):
        extract(nn.Linear(5, 4), loader, "output")
