"""Layer activations: a model and samples come in, one EmbeddingSet per layer goes out, after one forward pass."""

from embedding_lab.extraction.extractor import extract, layer_table
from embedding_lab.extraction.source import LayerInfo

__all__ = ["LayerInfo", "extract", "layer_table"]
