"""What the entries of the Projector's lists mean, also where TensorBoard cannot follow them yet.

So a check can name what lies behind the first fault: the table that will not fit once its path is right.
"""

from __future__ import annotations

from collections.abc import Iterator

from embedding_lab.board.checks.checkpoints import source_of
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.projector_files import Entry
from embedding_lab.board.checks.tensor_files import read_tensor


def points_of_entries(logdir: LogDir) -> Iterator[tuple[Entry, int]]:
    """Every entry of which it is known how many points it has, with their number."""
    for file in logdir.projector_files:
        for entry in file.entries:
            points = _points(logdir, entry)
            if points:
                yield entry, points


def _points(logdir: LogDir, entry: Entry) -> int:
    if not entry.proto.tensor_path:
        source = source_of(logdir, entry)
        return source.shape[0] if source else 0
    path = entry.meant("tensor")
    tensor = entry.tensor or (read_tensor(path, entry.shape) if path else None)
    if tensor is None:
        return 0
    if tensor.shape:
        return tensor.shape[0]
    return len(tensor.load()) if tensor.load else 0
