"""One shard of an extraction: some consecutive samples, computed on their own and put where they will stay.

Samples that cannot be used are found one by one, so that the rest of their batch goes on without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab import errors
from embedding_lab.embeddings import INPUT_LAYER, Run
from embedding_lab.embeddings.left_out import OnError
from embedding_lab.embeddings.own_form import batch_of
from embedding_lab.embeddings.unfinished import Unfinished
from embedding_lab.errors import InputError, LabError
from embedding_lab.extraction.fitting import Fitting, check_widths
from embedding_lab.extraction.source import Activations, Pooling
from embedding_lab.extraction.streaming import layer_block

UNUSABLE = (LabError, ValueError, OSError)
"""What reading a sample raises, or a model that does not take it."""


@dataclass(frozen=True, eq=False)
class Job:
    """What every shard of an extraction has in common.

    Attributes:
        run: the run's folder.
        key: names the work that is not done yet, as `Unfinished` takes it.
        generation: of all shards.
        layers: the layers' names, perhaps with "input".
        pooling: how further axes become one.
        step: the training step the model is at.
        batch_size: samples per call of the model.
        on_error: what becomes of the rest when a sample cannot be used.
        example: a few samples, shape (few, ...).
    """

    run: Path
    key: str
    generation: str
    layers: tuple[str, ...]
    pooling: Pooling
    step: int | None
    batch_size: int
    on_error: OnError
    example: NDArray[Any]

    @property
    def of_model(self) -> list[str]:
        """The layers that the model gives."""
        return [name for name in self.layers if name != INPUT_LAYER]

    def step_of(self, layer: str) -> int | None:
        """Nothing of the input changes with the model."""
        return None if layer == INPUT_LAYER else self.step


@dataclass(frozen=True)
class LeftOut:
    """A sample that could not be used.

    Attributes:
        place: in its shard, from 0.
        kind: the name of the error.
        reason: what is wrong with it.
        id: where the shard's table says it.
    """

    place: int
    kind: str
    reason: str
    id: str = ""


@dataclass(frozen=True)
class Record:
    """What is to be known of a shard.

    Attributes:
        shard: its name.
        samples: how many it is of.
        rows: how many of them are in place.
        dims: of each layer.
        files: of each layer, as the manifest is to list them.
        said: the name under which the model's last numbers are kept; None where it ends in none.
        left_out: the other samples.
        table: what came along with the samples: ids, labels and the like, by name; of those in place only.
    """

    shard: str
    samples: int
    rows: int = 0
    dims: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    said: str | None = None
    left_out: tuple[LeftOut, ...] = ()
    table: Mapping[str, list[Any]] = field(default_factory=dict)


class ShardMaker:
    """Computes shards of a job, in this process.

    Args:
        job: what they are shards of.
        run: takes a batch of samples, shape (b, ...), as `ForwardPass.run` does.
    """

    def __init__(self, job: Job, run: Callable[[NDArray[Any]], Activations]) -> None:
        self._job = job
        self._forward = Fitting(run, job.batch_size)
        self._into = Run(job.run)
        self._work = Unfinished(self._into.files, job.key, job.generation)

    def make(
        self, shard: str, samples: Any, rows: range, table: Mapping[str, NDArray[Any]] | None = None
    ) -> Record:
        """Computes a shard and puts it in place, unless it is there already.

        Args:
            shard: its name.
            samples: gives samples for a slice.
            rows: which of them.
            table: what came along with these samples, each of shape (len(rows),).

        Returns:
            What is to be known of it. Where a sample cannot be used and the rest is to stop, nothing is in place.

        Raises:
            StorageError: the disk refuses.
        """
        done = in_place(self._into, self._work, self._job, shard)
        if done is not None:
            return done
        left_out: dict[int, LeftOut] = {}
        blocks = list(self._blocks(samples, rows, left_out))
        record = Record(shard, len(rows), left_out=_named(left_out, (table or {}).get("id")))
        if left_out and self._job.on_error == "stop":
            return record
        if blocks:
            kept = np.setdiff1d(np.arange(len(rows)), list(left_out))
            record = self._put(record, blocks, {name: of[kept] for name, of in (table or {}).items()})
        self._work.say(shard, asdict(record))
        return record

    def _put(self, record: Record, blocks: list[Activations], table: Mapping[str, NDArray[Any]]) -> Record:
        for layer in self._job.layers:
            check_widths(f"Layer {layer!r}", (block[0][layer].shape[1] for block in blocks))
        vectors = {layer: np.concatenate([block[0][layer] for block in blocks]) for layer in self._job.layers}
        files = {
            layer: self._into.put_shard(self._work, record.shard, layer, self._job.step_of(layer), of_layer)
            for layer, of_layer in vectors.items()
        }
        numbers = [block[1] for block in blocks if block[1] is not None]
        return Record(
            record.shard,
            record.samples,
            rows=sum(len(block[0][self._job.layers[0]]) for block in blocks),
            dims={layer: of_layer.shape[1] for layer, of_layer in vectors.items()},
            files=files,
            said=self._work.keep(record.shard, np.concatenate(numbers)) if numbers else None,
            left_out=record.left_out,
            table={name: values.tolist() for name, values in table.items()},
        )

    def _blocks(self, samples: Any, rows: range, left_out: dict[int, LeftOut]) -> Iterator[Activations]:
        """What the model gives for these samples, without those that cannot be used; it notes them."""
        for begin in range(0, len(rows), self._job.batch_size):
            yield from self._parts(samples, rows, slice(begin, begin + self._job.batch_size), left_out)

    def _parts(self, samples: Any, rows: range, part: slice, left_out: dict[int, LeftOut]) -> Iterator[Activations]:
        """The same for a part of the shard, halved until what cannot be used stands alone."""
        if left_out and self._job.on_error == "stop":
            return
        part = slice(part.start, min(part.stop, len(rows)))
        try:
            block, good = self._usable(batch_of(samples, slice(rows[part].start, rows[part].stop)), part, left_out)
        except UNUSABLE as error:
            if part.stop - part.start == 1:
                left_out[part.start] = _reason(part.start, error)
                return
            middle = (part.start + part.stop) // 2
            yield from self._parts(samples, rows, slice(part.start, middle), left_out)
            yield from self._parts(samples, rows, slice(middle, part.stop), left_out)
            return
        if good:
            yield block

    def _usable(self, samples: NDArray[Any], part: slice, left_out: dict[int, LeftOut]) -> tuple[Activations, bool]:
        """What the model gives for samples, without those that give NaN or infinity; whether any is left."""
        given, numbers = self._forward(samples)
        vectors = {
            layer: layer_block(layer, samples, given).astype(np.float32, copy=False) for layer in self._job.layers
        }
        finite = np.ones(len(samples), bool)
        for layer, block in [*vectors.items(), *([] if numbers is None else [("the last one", numbers)])]:
            of_layer = np.isfinite(block).all(axis=1)
            for row in np.flatnonzero(finite & ~of_layer):
                place = part.start + int(row)
                left_out[place] = LeftOut(place, "NotFinite", f"NaN or infinity in layer {layer!r}")
            finite &= of_layer
        if finite.all():
            return (vectors, numbers), True
        kept = {layer: block[finite] for layer, block in vectors.items()}
        return (kept, None if numbers is None else numbers[finite]), bool(finite.any())


def in_place(run: Run, work: Unfinished, job: Job, shard: str) -> Record | None:
    """What was written down of a shard, if its files are still there and no sample is missing that is asked for."""
    said = work.said(shard)
    if said is None:
        return None
    record = Record(**{**said, "left_out": tuple(LeftOut(**each) for each in said["left_out"])})
    whole = all(run.has_shard(layer, job.step_of(layer), file) for layer, file in record.files.items())
    return record if whole and not (record.left_out and job.on_error == "stop") else None


def unusable(name: str, left_out: LeftOut) -> LabError:
    """The error for a sample that cannot be used, where the rest is to stop.

    Args:
        name: its id.
        left_out: what is wrong with it.
    """
    kind: type[LabError] = getattr(errors, left_out.kind, InputError)
    return kind(
        f"Sample {name!r} cannot be used.",
        got=left_out.reason,
        remedy='Mend it, or leave such samples out with on_error="skip" (--on-error skip).',
    )


def _named(left_out: Mapping[int, LeftOut], ids: NDArray[Any] | None) -> tuple[LeftOut, ...]:
    """In their order, with their ids where those are known, shape (samples of the shard,)."""
    in_order = (left_out[place] for place in sorted(left_out))
    return tuple(each if ids is None else replace(each, id=str(ids[each.place])) for each in in_order)


def _reason(place: int, error: Exception) -> LeftOut:
    if isinstance(error, LabError):
        said = f"{error.happened.rstrip('.')}: {error.got}" if error.got else error.happened.rstrip(".")
        return LeftOut(place, type(error).__name__, said)
    return LeftOut(place, "InputError", " ".join(f"{type(error).__name__}: {error}".split()).rstrip("."))
