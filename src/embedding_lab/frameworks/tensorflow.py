"""TensorFlow as the lab trains and records with it: started without noise, and missed with the install command."""

from embedding_lab.frameworks.keras import import_keras_on_tensorflow

keras = import_keras_on_tensorflow()

import tensorflow as tf  # noqa: E402 - which would be loud, or missed without a word of help

__all__ = ["keras", "tf"]
