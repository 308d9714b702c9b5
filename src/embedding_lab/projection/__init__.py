"""Vectors of many dimensions come in; maps in two or three, neighbours, and measures of trust go out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedding_lab.projection.divergence import affinities_of, kl_divergence
    from embedding_lab.projection.file_index import FileIndex, build_index, fits_in_memory
    from embedding_lab.projection.method import (
        METHODS,
        Forming,
        Method,
        NeighboursOf,
        Stopped,
        check_parameters,
        method_of,
        own_parameters,
    )
    from embedding_lab.projection.neighbours import Index, find
    from embedding_lab.projection.pca import PCA, fit_pca
    from embedding_lab.projection.quality import WIDE, Quality, label_agreement, measure
    from embedding_lab.projection.quality_in_part import measure_in_part
    from embedding_lab.projection.tsne import TSNE
    from embedding_lab.projection.tsne_method import MOST_SAMPLES

_HOMES = {
    "METHODS": "method",
    "MOST_SAMPLES": "tsne_method",
    "PCA": "pca",
    "TSNE": "tsne",
    "FileIndex": "file_index",
    "Forming": "method",
    "Index": "neighbours",
    "Method": "method",
    "NeighboursOf": "method",
    "Quality": "quality",
    "Stopped": "method",
    "WIDE": "quality",
    "affinities_of": "divergence",
    "build_index": "file_index",
    "check_parameters": "method",
    "find": "neighbours",
    "fit_pca": "pca",
    "fits_in_memory": "file_index",
    "kl_divergence": "divergence",
    "label_agreement": "quality",
    "measure": "quality",
    "measure_in_part": "quality_in_part",
    "method_of": "method",
    "own_parameters": "method",
}

__all__ = [
    "METHODS",
    "MOST_SAMPLES",
    "PCA",
    "TSNE",
    "WIDE",
    "FileIndex",
    "Forming",
    "Index",
    "Method",
    "NeighboursOf",
    "Quality",
    "Stopped",
    "affinities_of",
    "build_index",
    "check_parameters",
    "find",
    "fit_pca",
    "fits_in_memory",
    "kl_divergence",
    "label_agreement",
    "measure",
    "measure_in_part",
    "method_of",
    "own_parameters",
]


def __getattr__(name: str) -> Any:
    """Loads a public name's file at its first use: numba, faiss and scikit-learn are slow to import."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
