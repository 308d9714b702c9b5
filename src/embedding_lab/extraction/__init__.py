"""Layer activations: a model and samples come in, one EmbeddingSet per layer goes out, after one forward pass."""

from embedding_lab.extraction.extractor import extract, layer_table
from embedding_lab.extraction.source import LayerInfo, dataset_of

__all__ = ["LayerInfo", "dataset_of", "extract", "layer_table"]
