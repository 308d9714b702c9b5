"""Extraction in shards: each is computed by whoever has time, and all are published when the last is in place.

Which samples a shard is of depends on them alone, never on the workers. So work that was killed goes on with
the shards that are missing, and the run that comes out is the one that the stream of a single process writes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import Dataset, EmbeddingSet, Run
from embedding_lab.embeddings.dataset import array_parts
from embedding_lab.embeddings.left_out import OnError, tell_left_out
from embedding_lab.embeddings.own_form import batch_of
from embedding_lab.embeddings.places import absolute
from embedding_lab.embeddings.some_rows import SomeRows
from embedding_lab.embeddings.together import Together
from embedding_lab.embeddings.unfinished import Unfinished
from embedding_lab.errors import EmptyData
from embedding_lab.extraction.fitting import check_widths
from embedding_lab.extraction.shards import UNUSABLE, Job, Record, ShardMaker, in_place, unusable
from embedding_lab.extraction.source import ForwardPass, Pooling
from embedding_lab.extraction.streaming import facts_of, published_sets
from embedding_lab.extraction.verdicts import Verdicts
from embedding_lab.progress import Progress

SHARDS = 256
"""So many shards are aimed at: enough for the workers of a cluster, few enough for a reader."""

FEWEST_ROWS = 4096
"""A shard is worth its files."""

SHARD_BYTES = 256 << 20
"""The vectors of a shard, all layers together, are held in memory while it is computed."""

Shards = Mapping[str, range]
"""The rows of each shard, by its name."""

Engine = Callable[[Job, Shards], Iterator[Record]]
"""Computes shards, in any order."""


@dataclass(frozen=True, eq=False)
class Order:
    """What was asked for.

    Attributes:
        run: where it goes.
        names: the layers, perhaps with "input".
        forward: the model, made ready in this process.
        example: a few samples, shape (few, ...).
        identity: of the model: where it is the same, work on the same samples goes on; None where it is not known.
        step, epoch, split, pooling, on_error: as `extract` takes them.
    """

    run: Run
    names: Sequence[str]
    forward: ForwardPass
    example: NDArray[Any]
    identity: str | None
    step: int | None
    epoch: int | None
    split: str | None
    pooling: Pooling
    on_error: OnError

    @property
    def row_bytes(self) -> int:
        """What the vectors of one sample take, all layers together."""
        vectors, last = self.forward.run(self.example)
        blocks = [*vectors.values(), *([] if last is None else [last])]
        return 4 * int(math.prod(self.example.shape[1:]) + sum(block.shape[1] for block in blocks))

    def job(self, samples: str) -> tuple[Job, Unfinished]:
        """The work on these samples, begun or gone on with.

        Args:
            samples: tells them from others.
        """
        asked = (samples, self.identity, *self.names, self.pooling, self.step, self.epoch, self.split)
        same = json.dumps(asked) if self.identity is not None else secrets.token_hex()
        work = Unfinished(self.run.files, hashlib.sha256(same.encode()).hexdigest()[:16])
        job = Job(
            run=absolute(self.run.path),
            key=work.key,
            generation=work.generation,
            layers=tuple(self.names),
            pooling=self.pooling,
            step=self.step,
            batch_size=self.forward.batch_size,
            on_error=self.on_error,
            example=self.example,
        )
        return job, work

    @contextlib.contextmanager
    def kept_to_go_on(self, work: Unfinished) -> Iterator[None]:
        """Keeps what is in place when the work stops, if a later start can know that it is the same."""
        try:
            yield
        except BaseException:
            if self.identity is None:
                work.end()
            raise


def extract_in_shards(order: Order, data: Dataset, engine: Engine, progress: Progress) -> dict[str, EmbeddingSet]:
    """The vectors of a dataset, computed by an engine.

    Args:
        order: what was asked for.
        data: the samples.
        engine: computes the shards that are missing.
        progress: told "extract samples".

    Raises:
        LabError of any kind: a sample cannot be used, and the rest is to stop.
        EmptyData: none can be used.
        StorageError: the disk refuses.
    """
    rows = max(FEWEST_ROWS, -(-len(data) // SHARDS))
    rows = max(1, min(rows, SHARD_BYTES // order.row_bytes))
    starts = range(0, len(data), rows)
    shards = {f"{i:05d}": range(at, min(at + rows, len(data))) for i, at in enumerate(starts)}
    job, work = order.job(f"{_same_samples(data)} in {rows}")
    records = {shard: in_place(order.run, work, job, shard) for shard in shards}
    missing = {shard: shards[shard] for shard, record in records.items() if record is None}
    done = len(data) - sum(map(len, missing.values()))
    progress("extract samples", done, len(data), *_found(len(shards) - len(missing), len(shards)))
    with order.kept_to_go_on(work):
        for record in engine(job, missing) if missing else ():
            if record.left_out and order.on_error == "stop":
                first = record.left_out[0]
                raise unusable(str(data.ids[shards[record.shard].start + first.place]), first)
            records[record.shard] = record
            done += record.samples
            progress("extract samples", done, len(data))
        found = [record for record in records.values() if record is not None]
        left_out = {shards[each.shard].start + bad.place: bad for each in found for bad in each.left_out}
        tell_left_out({str(data.ids[row]): bad.reason for row, bad in left_out.items()}, len(data))
        return publish(order, work, without(data, list(left_out)), found)


def in_this_process(forward: ForwardPass, samples: Any) -> Engine:
    """The engine that computes one shard after the other here."""

    def run(job: Job, shards: Shards) -> Iterator[Record]:
        maker = ShardMaker(job, forward.run)
        for shard, rows in shards.items():
            yield maker.make(shard, samples, rows)

    return run


def publish(order: Order, work: Unfinished, data: Dataset, records: Sequence[Record]) -> dict[str, EmbeddingSet]:
    """Publishes what is in place, and what the model said.

    Args:
        order: what was asked for.
        work: what the shards are part of.
        data: the samples in place.
        records: of all shards, in the order of the samples.
    """
    shards = [record for record in records if record.rows]
    for layer in order.names:
        check_widths(f"Layer {layer!r}", (record.dims[layer] for record in shards))
    facts = facts_of(order.names, order.example.ndim, order.forward, order.step, order.epoch, order.split)
    with Together() as together:
        verdicts = Verdicts(order.run, data, order.forward, order.step, together)
        for record in shards:
            verdicts.append(None if record.said is None else work.kept(record.said))
    for layer, known in facts.items():
        files = [(record.rows, record.files[layer]) for record in shards]
        order.run.publish_shards(work, layer, data, files, shards[0].dims[layer], **known)
    work.end()
    return published_sets(order.run, data, facts, verdicts.published(), order.step)


def without(data: Dataset, rows: Sequence[int]) -> Dataset:
    """The dataset without these rows; its samples stay where they are until they are asked for."""
    if not rows:
        return data
    kept = np.setdiff1d(np.arange(len(data)), rows)
    return replace(replace(data, samples=None).take(kept), samples=SomeRows(data.samples, kept))


def readable_example(samples: Any, count: int) -> Any:
    """The first samples that can be read and are finite, shape (up to count, ...).

    Raises:
        EmptyData: none can be read.
    """
    rows = []
    for row in range(len(samples)):
        with contextlib.suppress(*UNUSABLE):
            sample = np.asarray(samples[row : row + 1])
            if sample.dtype.kind not in "fc" or np.isfinite(sample).all():
                rows.append(row)
        if len(rows) == count:
            break
    if not rows:
        raise EmptyData("None of the samples can be read.", expected="at least one")
    return batch_of(samples, np.array(rows))  # read together, as a loader may pad them to one length


def _same_samples(data: Dataset) -> str:
    """Tells the samples from others: by their fingerprint, or by ids and labels where one cannot be read."""
    try:
        return data.fingerprint
    except UNUSABLE:
        digest = hashlib.sha256()
        for part in [*array_parts(data.ids), *array_parts(data.labels)]:
            digest.update(part)
        return digest.hexdigest()


def _found(shards: int, of: int) -> tuple[str, ...]:
    return (f"{shards:,} of {of:,} shards were in place",) if shards else ()
