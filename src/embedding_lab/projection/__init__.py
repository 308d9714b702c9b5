"""Vectors of many dimensions come in; maps in two or three, neighbours, and measures of trust go out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedding_lab.projection.divergence import affinities_of, kl_divergence
    from embedding_lab.projection.method import METHODS, Forming, Method, NeighboursOf, check_parameters
    from embedding_lab.projection.neighbours import Index, Neighbours, find
    from embedding_lab.projection.pca import PCA, fit_pca
    from embedding_lab.projection.quality import Quality, label_agreement, measure
    from embedding_lab.projection.tsne import TSNE

_HOMES = {
    "METHODS": "method",
    "PCA": "pca",
    "TSNE": "tsne",
    "Forming": "method",
    "Index": "neighbours",
    "Method": "method",
    "Neighbours": "neighbours",
    "NeighboursOf": "method",
    "Quality": "quality",
    "affinities_of": "divergence",
    "check_parameters": "method",
    "find": "neighbours",
    "fit_pca": "pca",
    "kl_divergence": "divergence",
    "label_agreement": "quality",
    "measure": "quality",
}

__all__ = [
    "METHODS",
    "PCA",
    "TSNE",
    "Forming",
    "Index",
    "Method",
    "Neighbours",
    "NeighboursOf",
    "Quality",
    "affinities_of",
    "check_parameters",
    "find",
    "fit_pca",
    "kl_divergence",
    "label_agreement",
    "measure",
]


def __getattr__(name: str) -> Any:
    """Loads a public name's file at its first use: numba, faiss and scikit-learn are slow to import."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
