"""The reference models: a dataset comes in, a trained model that knows its classes and origin goes out.

`summaries.TrainingSummaries` shows in TensorBoard how a training went, the user's own too.
"""

from embedding_lab.model.card import ModelCard
from embedding_lab.model.files import load_model, save_model
from embedding_lab.model.reference import MODELS, build
from embedding_lab.model.training import TrainedModel, train

__all__ = ["MODELS", "ModelCard", "TrainedModel", "build", "load_model", "save_model", "train"]
