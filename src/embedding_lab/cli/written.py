"""Tells what was written into a run: its layers as a table, notes, and how to see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedding_lab.cli.table import size_text, table

if TYPE_CHECKING:
    from embedding_lab.embeddings import EmbeddingSet


def written(run: Path, sets: Iterable[EmbeddingSet], notes: Sequence[str]) -> tuple[dict[str, Any], str]:
    """The result of a command that has filled a run: as an object, and as text."""
    layers: list[dict[str, Any]] = [
        {
            "layer": each.layer,
            "step": each.step,
            "samples": len(each),
            "dims": each.dims,
            "size_bytes": each.size_bytes,
        }
        for each in sets
    ]
    rows = [
        (each["layer"], each["step"], each["samples"], each["dims"], size_text(each["size_bytes"]))
        for each in layers
    ]
    text = [table(("layer", "step", "samples", "dimensions", "size"), rows), *notes]
    text.append(how_to_open(run))
    return {"run": run, "layers": layers, "notes": list(notes)}, "\n".join(text)


def how_to_open(run: Path) -> str:
    """Where a run lies, and the command that shows it."""
    from embedding_lab.embeddings.places import shown
    from embedding_lab.embeddings.remote_files import remote_address

    alone = " --standalone" if remote_address(run) else ""
    return f'In {shown(run)}. Open it with: embedding-lab serve "{shown(run.parent)}"{alone}'
