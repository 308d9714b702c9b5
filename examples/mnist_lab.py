"""The first tutorial, from an empty folder to a profile, as a script: `python examples/mnist_lab.py`.

`examples/mnist_lab.ipynb` is the same as a notebook. It is made from this file by `examples/as_notebook.py`.
"""

# %% [markdown]
# # What does a layer learn?
#
# We train a small Keras model on MNIST, take what its hidden layer makes of digits it has never seen, look at that
# in TensorBoard's Projector with labels and thumbnails, and see where the time of a training step goes. Ten minutes
# to read, about one to run on two cores.
#
# ## The environment
#
# In a copy of the project, with Python 3.11 to 3.13:
#
#     pip install -c constraints.txt -e ".[tensorflow]" jupyterlab
#
# In Colab, upload the wheel that `make wheel` writes, and leave `constraints.txt` out, so that nothing that is
# there already is taken back to an older version:
#
#     %pip install --quiet "embedding_lab-0.1.0-py3-none-any.whl[tensorflow]"
#
# Everything is written to a folder `logs` beside this one. Delete it to begin anew.

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow has much to say when it starts

import keras
import tensorboard

import embedding_lab as lab

print("embedding-lab", lab.__version__)
print("keras", keras.__version__, "on", keras.backend.backend())
print("tensorboard", tensorboard.__version__)

# %% [markdown]
# **You should see** three versions, TensorBoard's at least 2.21, and `tensorflow` as Keras' backend.
#
# ## The data
#
# MNIST is looked for in `$EMBEDDING_LAB_DATA`, then in the caches, and downloaded if need be. `samples` takes a
# fair sample: of each class its share, always the same ones. 5,000 are as many as the Projector lays out with UMAP.

# %%
train = lab.load_dataset("mnist", split="train")
test = lab.load_dataset("mnist", split="test", samples=5_000)

print("to train on", train.samples.shape, train.samples.dtype)
print("to look at ", test.samples.shape, "of the classes", *test.class_names)

# %% [markdown]
# **You should see** `(60000, 28, 28) uint8` and `(5000, 28, 28)`, with the classes 0 to 9. The pictures are raw;
# the model rescales them itself, so that nobody can feed it the wrong range.
#
# ## The model
#
# Any Keras model will do. This one has a hidden layer of 16 units with a name, `embed_layer`. The callback writes
# all that TensorBoard can show of a training.

# %%
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((28, 28)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Flatten(),
        keras.layers.Dense(16, activation="relu", name="embed_layer"),
        keras.layers.Dense(10, activation="softmax", name="digit"),
    ],
    name="small",
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
summaries = lab.TrainingSummaries("logs/small", test)
history = model.fit(train.samples, train.labels, batch_size=128, epochs=3, callbacks=[summaries], verbose=0)

loss, accuracy = model.evaluate(test.samples, test.labels, verbose=0)
print(f"{accuracy:.1%} of the test digits are read rightly")

# %% [markdown]
# **You should see** an accuracy above 90 %.
#
# ## The embeddings
#
# An embedding is what a layer makes of a sample: here 16 numbers for each digit. `input` is the pictures
# themselves, for comparison. One forward pass gives all layers, and what the model said of each sample.

# %%
sets = lab.extract(model, test, layers=["input", "embed_layer"])
hidden = sets["embed_layer"]

print("embed_layer", hidden.vectors.shape, hidden.vectors.dtype)
print(f"{(hidden.outputs.confidence > 0.99).mean():.0%} of the digits are read with a confidence above 99 %")

# %% [markdown]
# **You should see** `(5000, 16) float32`, and that a third of the digits or more are read with a confidence above
# 99 %.

# %%
step = int(model.optimizer.iterations)
lab.log_embeddings("logs/small", sets, step=step)

print(lab.doctor("logs"))

# %% [markdown]
# **You should see** what each tab of TensorBoard will show, run by run. Under *Projector* each layer is listed more
# than once: the page's own arithmetic comes out right for one pair of views at a time, and the names say for which.
# At the end, *Nothing to complain of*, or notes. An **error** here would be the reason for an empty tab, with how
# to mend it.
#
# ## The Projector

# %%
board = lab.launch("logs")
board  # noqa: B018  (a notebook shows it)

# %% [markdown]
# **You should see** TensorBoard in a frame, open at our own tab ([docs/dashboard.md](../docs/dashboard.md)). Choose
# **PROJECTOR** in its bar (the arrow in it brings the rest of the names into view), then on the left
#
# 1. the tensor `embed_layer · step 01407 · t-SNE, UMAP, cosine`,
# 2. **Color by** `label`,
# 3. **T-SNE** at the bottom, and wait for some hundred iterations.
#
# Ten clouds appear, one for each digit; fours and nines touch. Click a point between two clouds: the list on the
# right shows its nearest neighbours, and you will mostly agree that it is hard to read. Now take `input · t-SNE,
# UMAP, cosine`: the raw pixels. The clouds are less tidy; the difference is what the layer learned.
#
# For **PCA** take the tensor that ends in `PCA, euclidean`: there "total variance described" is true.
# [docs/projector.md](../docs/projector.md) says what else the page can and cannot do.
#
# In a notebook `%load_ext tensorboard` and `%tensorboard --logdir logs` show the same, as long as no older
# TensorBoard is about that they would reuse. In Colab `lab.launch` shows itself by Colab's own frame.
#
# ## Trace and profile
#
# Where does the time of a training step go? One call runs it four times, the first one apart, and writes its graph
# and its profile. It does train: call it after what should be shown of the model.

# %%
report = lab.trace(model.train_on_batch, train.samples[:128], train.labels[:128], logdir="logs", run="step")
print(report)

# %% [markdown]
# **You should see** that the first call took many times as long as each step, since it compiles; then the
# operations that take the most time, each with its layer. Some form of `MatMul` in `embed_layer`, forward and
# backward, is among them.

# %%
board  # noqa: B018  (the same TensorBoard, which finds new runs within some seconds)

# %% [markdown]
# **You should see** two more tabs at work:
#
# * **GRAPHS**, with the run `step`: one box for each layer. Double-click `small` to open it.
# * **PROFILE**: the overview adds up where a step's time went; *Trace Viewer* is the timeline. If the tab is
#   missing, xprof is: `pip install xprof`.
#
# ## Where to go from here
#
# Put your own model in place of `small` and your own samples in place of `test`; nothing else changes.
# [docs/tabs](../docs/tabs/README.md) has a page for each tab, [docs/doctor.md](../docs/doctor.md) the reasons why a
# tab may be empty. TensorBoard ends with this notebook, or with `board.close()`.

# %% [script]
print(f"TensorBoard: {board.dashboard_url}  (Ctrl-C ends it)", flush=True)
try:
    board.wait()
except KeyboardInterrupt:
    board.close()
