"""Every method of the table keeps the promise of all methods; UMAP does in test_umap.py, where it compiles once."""

from __future__ import annotations

from typing import ClassVar

import pytest

from contracts.projection_contract import ProjectionContract
from embedding_lab.errors import UnknownName
from embedding_lab.projection import method


class TestPCA(ProjectionContract):
    name = "pca"


class TestTSNE(ProjectionContract):
    name = "tsne"
    quick: ClassVar = {"max_iter": 60}


def test_a_method_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(UnknownName, match="pca, tsne, umap"):
        method.method_of("mds")


def test_a_method_tells_its_own_parameters():
    assert method.own_parameters("umap") == {
        "n_neighbors": 15,
        "min_dist": 0.1,
        "spread": 1.0,
        "epochs": None,
    }
    assert method.own_parameters("pca") == {}
