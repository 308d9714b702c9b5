"""Extraction on Ray Data: the model as an actor of `map_batches`, as many as there are GPUs or shares of the cores.

What an actor is given is a shard; it puts the vectors in place itself and sends back only what is to be known of
them. So the run must lie where all machines of the cluster see it under the same path, as in an object store.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import mmap
import os
import pickle
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import Dataset, EmbeddingSet, numbered_ids
from embedding_lab.embeddings.dataset import array_parts
from embedding_lab.embeddings.left_out import tell_left_out
from embedding_lab.errors import InputError, LabError, MissingDependency
from embedding_lab.extraction.ray_batches import NAME, beside, dataset_of, samples_in
from embedding_lab.extraction.sharded import SHARD_BYTES, Engine, Order, Shards, publish
from embedding_lab.extraction.shards import Job, LeftOut, Record, ShardMaker, unusable
from embedding_lab.extraction.source import source_of
from embedding_lab.frameworks.quiet import without_lines
from embedding_lab.progress import Progress

CORES_EACH = 4
"""Cores per actor on a large machine: every actor holds the model, and a forward pass uses several cores."""

FOREIGN_ROWS = 4096
"""Samples of a Ray Dataset that an actor is given at once: a shard, where they fit the memory."""

_RAISED = re.compile(r"^[\w.]+(Error|Exception): .*$", re.MULTILINE)
_START_UP_NOISE = re.compile(r"\[\d{4}-\d\d-\d\d [\d:,]+ [IWE] ")


def import_ray() -> Any:
    """The module `ray`.

    Raises:
        MissingDependency: Ray is not installed.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what Ray itself will do soon, and warns of
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise MissingDependency(
            'engine="ray" needs Ray, which is not installed.',
            remedy='Install it with: pip install "embedding-lab[ray]"',
        ) from error
    return ray


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Ray, as the caller has started it; else started, or joined at an address, for as long as it is needed.

    Args:
        address: of a running cluster, as `ray.init` takes it; when left out $RAY_ADDRESS, or this machine alone.

    Raises:
        MissingDependency: Ray is not installed.
        LabError: no cluster answers.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # Ray's core writes past Python's loggers
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    started: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    with _refusals(ray), without_lines(_START_UP_NOISE):
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **started)
    try:
        yield
    finally:
        ray.shutdown()


def check_place(out: Any) -> None:
    """Refuses to write to a temporary run where other machines could not.

    Args:
        out: the run to write to, None for a temporary one of this machine.

    Raises:
        InputError: the cluster has several machines, and no run was named.
    """
    machines = sum(bool(node["Alive"]) for node in import_ray().nodes())
    if out is None and machines > 1:
        raise InputError(
            "The run has no place that all machines see.",
            got=f"{machines} machines and a temporary run on one of them",
            expected="out, a folder that all of them share or an address such as s3://bucket/logs/run",
        )


def is_foreign(data: Any) -> bool:
    """Whether data is a Ray Dataset."""
    return any(each.__module__.startswith("ray.data.") for each in type(data).__mro__)


def model_identity(model: Any) -> str:
    """Tells a model whose weights the lab does not see from others: a SHA-256 of what is sent to the actors."""
    return hashlib.sha256(_sent(import_ray(), model)).hexdigest()


def on_ray(model: Any, data: Dataset) -> Engine:
    """The engine that computes the shards of one of our datasets on Ray.

    Args:
        model: what `extract` takes; each actor gets a copy.
        data: the samples; each actor gets them, or where they lie.
    """

    def run(job: Job, shards: Shards) -> Iterator[Record]:
        ray = import_ray()
        held = [ray.put(_sent(ray, model)), _stored(ray, data.samples)]
        items = [{"shard": shard, "start": rows.start, "stop": rows.stop} for shard, rows in shards.items()]
        wanted = ray.data.from_items(items, override_num_blocks=len(items))
        yield from _records(ray, wanted, OfShards, 1, job, held)

    return run


def extract_foreign(order: Order, model: Any, data: Any, progress: Progress) -> dict[str, EmbeddingSet]:
    """The vectors of a Ray Dataset, in its order.

    Shards are known by their content: after a kill all is read again, but what is in place is not computed again.

    Args:
        order: what was asked for.
        model: what `extract` takes.
        data: the Ray Dataset.
        progress: told "extract samples"; how many there are is not known before the end.

    Raises:
        LabError of any kind, as `extract_in_shards`.
    """
    ray = import_ray()
    rows = max(1, min(FOREIGN_ROWS, SHARD_BYTES // (order.row_bytes + order.example[:1].nbytes)))
    job, work = order.job(f"a Ray Dataset in {rows}")
    records: list[Record] = []
    left_out: dict[str, LeftOut] = {}
    done = 0
    for record in _records(ray, data, OfContent, rows, job, [ray.put(_sent(ray, model))], in_order=True):
        named = {each.id or str(numbered_ids(NAME, 1, done + each.place)[0]): each for each in record.left_out}
        if named and order.on_error == "stop":
            raise unusable(*next(iter(named.items())))
        left_out.update(named)
        records.append(record)
        done += record.samples
        progress("extract samples", done, None)
    progress("extract samples", done, done)
    tell_left_out({name: each.reason for name, each in left_out.items()}, done)
    return publish(order, work, dataset_of(records, done), records)


def foreign_example(data: Any, count: int) -> NDArray[Any]:
    """The first samples of a Ray Dataset, shape (up to count, ...)."""
    with _quiet(data.context, in_order=True), _refusals(import_ray()):
        return samples_in(data.take_batch(count, batch_format="numpy"))


class Actor:
    """A model in a process of Ray's.

    Args:
        job: what its shards are shards of.
        held: the model, and what else it needs, in Ray's store.
        threads: how many the model may use.
    """

    def __init__(self, job: Job, held: list[Any], threads: int) -> None:
        for each in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ[each] = str(threads)
        model, *self.others = import_ray().get(held)
        self._open = contextlib.ExitStack()
        source = source_of(pickle.loads(model))
        forward = self._open.enter_context(source.forward_pass(job.example, job.of_model, job.pooling))
        self.maker = ShardMaker(job, forward.run)


class OfShards(Actor):
    """Computes the shards whose rows it is told."""

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[bytes]]:
        """Their replies, as bytes that only we read."""
        asked = zip(batch["shard"], batch["start"], batch["stop"], strict=True)
        return {
            "reply": [
                _reply(lambda: self.maker.make(str(shard), self.others[0], range(int(start), int(stop))))  # noqa: B023
                for shard, start, stop in asked
            ]
        }


class OfContent(Actor):
    """Computes a batch of a Ray Dataset as a shard, named by what is in it."""

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[bytes]]:
        """Its reply, as bytes that only we read."""

        def make() -> Record:
            samples = samples_in(batch)
            digest = hashlib.sha256()
            for name, values in batch.items():
                for part in [name.encode(), *array_parts(np.asarray(values))]:
                    digest.update(part)
            return self.maker.make(digest.hexdigest()[:20], samples, range(len(samples)), beside(batch))

        return {"reply": [_reply(make)]}


def _reply(make: Callable[[], Record]) -> bytes:
    """A record, or the error in its place, with the warnings that came meanwhile."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", UserWarning)
        try:
            told: Record | LabError = make()
        except LabError as error:
            told = error
    return pickle.dumps((told, [str(each.message) for each in heard if each.category is UserWarning]))


def _records(
    ray: Any, wanted: Any, actor: type[Actor], rows: int, job: Job, held: list[Any], in_order: bool = False
) -> Iterator[Record]:
    """What the actors say of the shards, as they come or in order. What a killed one had to do, Ray does again."""
    workers, threads, needs = _shares(ray.cluster_resources())
    computed = wanted.map_batches(
        actor,
        batch_size=rows,
        batch_format="numpy",
        fn_constructor_kwargs={"job": job, "held": held, "threads": threads},
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, initial_size=workers),
        **needs,
    )
    said: set[str] = set()
    with _quiet(computed.context, in_order), _refusals(ray):
        for row in computed.iter_rows():
            told, heard = pickle.loads(row["reply"])
            for warning in set(heard) - said:
                said.add(warning)
                warnings.warn(warning, stacklevel=2)
            if isinstance(told, LabError):
                raise told
            yield told


def _shares(resources: Mapping[str, float]) -> tuple[int, int, dict[str, float]]:
    """How many actors, how many threads each, and what each asks of Ray.

    They ask for less than they use, so that there is room for who reads the data.
    """
    cores, gpus = max(1, int(resources.get("CPU", 1))), int(resources.get("GPU", 0))
    workers = gpus or max(min(cores, 2), cores // CORES_EACH)
    threads = max(1, cores // workers)
    asked = 0.5 if threads == 1 else threads // 2
    return workers, threads, {"num_cpus": asked, **({"num_gpus": 1} if gpus else {})}


@contextlib.contextmanager
def _quiet(context: Any, in_order: bool) -> Iterator[None]:
    """Ray Data without a word of its own, and with the order of rows where that is asked for."""
    wanted = {"enable_progress_bars": False, "print_on_execution_start": False}
    before = {name: getattr(context, name) for name in wanted}
    order, context.execution_options.preserve_order = context.execution_options.preserve_order, in_order
    loggers = [logging.getLogger(name) for name in ("ray", "ray.data")]
    levels = [logger.level for logger in loggers]
    for name, value in wanted.items():
        setattr(context, name, value)
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        context.execution_options.preserve_order = order
        for name, value in before.items():
            setattr(context, name, value)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def _refusals(ray: Any) -> Iterator[None]:
    """Turns what Ray says when it cannot go on into an error that helps."""
    try:
        yield
    except LabError:
        raise
    except (ray.exceptions.RayError, ConnectionError) as error:
        first = _RAISED.search(str(error))  # of the tracebacks of all processes it went through
        raise LabError(
            "Ray could not go on.",
            got=(first[0] if first else f"{type(error).__name__}: {error}").rstrip("."),
            remedy="What is in place is kept: mend it and begin again, and only the rest is computed.",
        ) from error


def _sent(ray: Any, model: Any) -> bytes:
    """A model as it goes to the actors; its file by a path that holds everywhere."""
    with _sendable(model):
        return bytes(ray.cloudpickle.dumps(Path(model).absolute() if isinstance(model, str | Path) else model))


def _stored(ray: Any, samples: Any) -> Any:
    """Samples in Ray's store, where all actors of a machine read one copy; a whole mapped file by its path."""
    under: Any = getattr(samples, "base", None)  # a part of a mapped file is one too, but does not say which
    whole = isinstance(samples, np.memmap) and samples.flags.c_contiguous and isinstance(under, mmap.mmap)
    with _sendable(samples):
        return ray.put(Mapped(samples) if whole else samples)


@contextlib.contextmanager
def _sendable(thing: Any) -> Iterator[None]:
    """Says what cannot be sent."""
    try:
        yield
    except (TypeError, pickle.PicklingError, AttributeError, ValueError) as error:
        raise InputError(
            f"This {type(thing).__name__} cannot be sent to other processes.",
            got=" ".join(str(error).split())[:300],
            remedy="Hand over the path of a Keras model's file, or samples as an array.",
        ) from error


class Mapped:
    """A memory-mapped array that is sent by the path of its file, and mapped again by who gets it."""

    def __init__(self, array: np.memmap[Any, Any]) -> None:
        self._how = (str(array.filename), array.dtype, array.offset, array.shape)

    def __reduce__(self) -> Any:
        return _mapped, self._how


def _mapped(path: str, dtype: Any, offset: int, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.memmap(path, dtype, "r", offset, shape)
