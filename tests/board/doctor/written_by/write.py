"""Writes the log directories beside it, each by the library whose name it bears.

    python write.py pytorch FOLDER

They were written with torch 2.13, tensorboardX 2.6, TensorFlow 2.21 and Keras 3.15; then `host` took the place of
the machine's name.
"""

import sys
from pathlib import Path

import numpy as np

RNG = np.random.default_rng(0)
TRIAL = {"learning_rate": 0.1}, {"hparam/acc": 0.9}


def pytorch(folder):
    """All that `SummaryWriter` has for the usual tabs."""
    import torch
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        _usual(writer, torch.from_numpy)
        writer.add_graph(_network(torch), torch.zeros(1, 4))
        writer.add_hparams(*TRIAL, run_name="trial")


def tensorboardx(folder):
    """The same calls, which tensorboardX has too."""
    import torch
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        _usual(writer, lambda values: values)
        writer.add_graph(_network(torch), torch.zeros(1, 4))
        writer.add_hparams(*TRIAL, name="trial")


def tf_summary(folder):
    """What a training loop of one's own writes with `tf.summary`, and a traced function as the docs once had it."""
    import tensorflow as tf
    from tensorboard.plugins.hparams import api as hp

    @tf.function
    def relu(x):
        return tf.nn.relu(tf.matmul(x, x))

    with tf.summary.create_file_writer(str(folder / "train")).as_default():
        for step in range(10):
            tf.summary.scalar("loss", 1 / (step + 1), step=step)
        tf.summary.image("digits", RNG.random((2, 8, 8, 1)), step=0)
        tf.summary.histogram("weights", RNG.normal(size=100), step=0)
        tf.summary.text("model", "two layers", step=0)
        hp.hparams({"learning_rate": 0.1})
        tf.summary.trace_on(graph=True, profiler=False)
        relu(tf.ones((2, 2)))
        tf.summary.trace_export("relu", step=0, profiler_outdir=str(folder))


def keras(folder):
    """Keras' own callback, with the option for embeddings that never shows any."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            keras.layers.Embedding(11, 6, name="words"),
            keras.layers.Flatten(),
            keras.layers.Dense(1, name="dense"),
        ],
        name="sequential",
    )
    model.compile("adam", "mse")
    x, y = RNG.integers(0, 11, (32, 4)), RNG.normal(size=32)
    callback = keras.callbacks.TensorBoard(folder, histogram_freq=1, embeddings_freq=1)
    model.fit(x, y, epochs=2, validation_split=0.25, callbacks=[callback], verbose=0)


def _usual(writer, tensor):
    for step in range(20):
        writer.add_scalar("loss", 1 / (step + 1), step)
    writer.add_histogram("weights", RNG.normal(size=100), 3)
    writer.add_text("note", "all is well", 0)
    writer.add_image("picture", RNG.random((3, 8, 8)), 0)
    writer.add_pr_curve("pr", RNG.integers(0, 2, 50), RNG.random(50), 0)
    labels = [f"class {row % 3}" for row in range(30)]
    pictures = RNG.random((30, 3, 8, 8)).astype(np.float32)
    narrow, wide = (RNG.normal(1, 2, (30, dims)).astype(np.float32) for dims in (8, 64))
    writer.add_embedding(tensor(narrow), labels, tensor(pictures), global_step=1, tag="layer")
    columns = {
        "metadata": [[label, str(row)] for row, label in enumerate(labels)],
        "metadata_header": ["class", "row"],
    }
    writer.add_embedding(tensor(wide), global_step=2, tag="wide", **columns)


def _network(torch):
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))


WRITERS = {each.__name__: each for each in (pytorch, tensorboardx, tf_summary, keras)}

if __name__ == "__main__":
    WRITERS[sys.argv[1]](Path(sys.argv[2]))
