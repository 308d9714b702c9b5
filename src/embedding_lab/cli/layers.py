"""`embedding-lab layers`: lists what can be extracted from a model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from embedding_lab.cli.model_file import model_file
from embedding_lab.cli.options import Debug, Json, Model
from embedding_lab.cli.output import show
from embedding_lab.cli.table import table

if TYPE_CHECKING:
    from embedding_lab.extraction import LayerInfo


def layers(model: Model, as_json: Json = False, debug: Debug = False) -> None:
    """List the layers of a model that can be extracted."""
    from embedding_lab.extraction import layer_table

    found = layer_table(model_file(model))
    rows = [(each.name, each.kind, _shape(each), each.parameters, _taken(each)) for each in found]
    text = table(("layer", "kind", "output", "parameters", "by default"), rows)
    show({"layers": [asdict(each) for each in found]}, text, as_json)


def _shape(layer: LayerInfo) -> str:
    """A layer's output for one sample: "28 × 28", with "?" where it varies."""
    if layer.shape is None:
        return "?"
    return " × ".join("?" if axis is None else str(axis) for axis in layer.shape)


def _taken(layer: LayerInfo) -> str:
    return "yes" if layer.worth_showing else ""
