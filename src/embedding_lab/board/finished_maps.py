"""Brings the finished maps of runs into the lists of TensorBoard's own Projector: the one way they get there.

A map is finished by `lab.project_run`, by the dashboard, or by anyone who calls `Run.save_map`, which knows nothing
of TensorBoard. So what is missing is added whenever we made a map, and for maps that were saved otherwise when
TensorBoard starts with our plugin in it, or by the doctor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from embedding_lab.board.projector_config import digest, listed_files, set_folder
from embedding_lab.embeddings import Projection, Run
from embedding_lab.embeddings.maps import FinishedMap
from embedding_lab.embeddings.names import folder_name
from embedding_lab.embeddings.projection import map_name
from embedding_lab.embeddings.remote_files import remote_address
from embedding_lab.errors import BrokenFile, UnknownName

TITLES = {"pca": "principal components", "tsne": "t-SNE", "umap": "UMAP"}
"""How the list names maps. The page opens with what sorts first: the layer's own tensor, "PCA, euclidean"."""


def list_maps(run: Run, layer: str | None = None) -> tuple[str, ...]:
    """Adds the finished maps of a run, or of one of its layers, that its list does not name yet.

    Those that it names stay as they are, so that doing it again costs only a look. A map that was replaced takes
    the place of the old one.

    Returns:
        Whole sentences on whatever could not be shown as it is.

    Raises:
        BrokenFile: the run's list of tensors cannot be read.
        StorageError: the disk refuses; the list is as it was before.
    """
    notes: dict[str, None] = {}
    for each in list(unlisted_maps(run, layer)):
        from embedding_lab.board.stock_projector import ShownMap, write_map

        try:
            found = run.map(each.layer, each.name, each.step)
            embeddings = run.embeddings(each.layer, each.step)
        except (BrokenFile, UnknownName):  # it cannot be drawn anywhere, or went away meanwhile
            continue
        shown = ShownMap(embeddings, title(each.name, found), found, map_path(each))
        notes |= dict.fromkeys(write_map(run.path, shown).notes)
    return tuple(notes)


def unlisted_maps(run: Run, layer: str | None = None) -> Iterator[FinishedMap]:
    """The finished maps of a run, or of one of its layers, that its list does not name as they are now.

    Raises:
        BrokenFile: the list cannot be read.
    """
    finished = [] if remote_address(run.path) else list(run.finished_maps(layer))  # which the Projector cannot read
    if finished:
        listed = listed_files(run.path)
        yield from (each for each in finished if map_path(each) not in listed)


def title(name: str, projection: Projection) -> str:
    """What the list calls a map: "t-SNE 3-D", and whatever tells it from other maps of its kind."""
    kind = f"{TITLES.get(projection.method, projection.method.lower())} {projection.points.shape[1]}-D"
    usual = map_name(projection.method, projection.points.shape[1])
    told = re.fullmatch(rf"{re.escape(usual)}(-cosine)?((?! \().*)", name)
    if told and told[2][:1] in ("", " "):
        return f"{kind}{', cosine' if told[1] else ''}{told[2]}"
    return f"{kind} ({name})"


def map_path(each: FinishedMap) -> str:
    """Where the tensor of a map lies in a run."""
    folder = f"{set_folder(each.layer, each.step)}/maps/{folder_name(each.name)}"
    return f"{folder}/points-{digest(each.generation.encode())}.f32"
