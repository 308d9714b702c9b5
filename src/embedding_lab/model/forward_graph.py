"""A model's forward pass as a graph to read in the Graphs tab: a scope per layer, its weights inside it.

In the graphs that Keras compiles for itself, variables are inputs that all lie at the top under long names, and
scopes bear the number of their compilation. Here the model runs once in a graph of its own, in which each variable
is a placeholder in the scope of its layer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from embedding_lab.frameworks.keras import import_keras
from embedding_lab.frameworks.keras_calls import layer_tree
from embedding_lab.frameworks.tensorflow import tf

VARIABLE = "embedding_lab_variable_"
"""How variables are called until their users are known: a name in a layer's scope would take that scope."""


def forward_graph(model: Any, sample: Any, targets: Any) -> bytes:
    """The serialised GraphDef of one call as in training, with the loss where there are targets.

    Args:
        model: a built Keras model.
        sample: samples as the model takes them, shape (n, ...).
        targets: as the loss takes them, shape (n, ...), or None.
    """
    keras = import_keras()
    variables = _variables(model)
    graph = tf.Graph()
    with graph.as_default():
        inputs = _open_batch(sample, "input")
        mapping = [
            (each, tf.compat.v1.placeholder(each.dtype, each.shape, name=f"{VARIABLE}{number}"))
            for number, each in enumerate(variables)
        ]
        with keras.StatelessScope(state_mapping=mapping):
            outputs = model(inputs, training=True)
            if targets is not None and getattr(model, "loss", None) is not None:
                model.compute_loss(inputs, _open_batch(targets, "target"), outputs)
    definition = graph.as_graph_def(add_shapes=True)
    own_names = {f"{VARIABLE}{number}": each.name for number, each in enumerate(variables)}
    layers = {model.name, *(layer.name for _, layer in layer_tree(keras, model))}
    _rename(definition, _readable_names(definition, own_names, layers))
    return bytes(definition.SerializeToString())


def _variables(model: Any) -> list[Any]:
    """Weights and the states of random numbers, each once."""
    return list({id(each): each for each in [*model.weights, *model.variables]}.values())


def _open_batch(values: Any, name: str) -> Any:
    return tf.compat.v1.placeholder(values.dtype, (None, *values.shape[1:]), name=name)


def _readable_names(graph: Any, variables: Mapping[str, str], layers: Collection[str]) -> dict[str, str]:
    """For every operation its name with plain scopes; variables lie where they are used first."""
    # Keras numbers the scope of every layer once a model has been called before: "hidden_1" is the layer "hidden"
    numbered = {f"{layer}_1": layer for layer in layers}
    parts = {part for node in graph.node for part in node.name.split("/")[:-1]}
    plain = numbered if parts & set(numbered) and not parts & (set(layers) - set(numbered)) else {}
    names: dict[str, str] = {}
    taken: set[str] = set()
    for node in graph.node:
        if node.name in variables:
            continue
        *scopes, own = node.name.split("/")
        scopes = [plain.get(scope, scope) for scope in scopes]
        names[node.name] = _free("/".join([*scopes, own]), taken)
        for mention in node.input:
            if mention in variables and mention not in names:
                names[mention] = _free("/".join([*scopes, variables[mention]]), taken)
    return names


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    """Gives operations their names wherever they are mentioned, and drops those that get none."""
    kept = [type(node).FromString(node.SerializeToString()) for node in graph.node if node.name in names]
    for node in kept:
        node.name = names[node.name]
        for at, mention in enumerate(node.input):
            control, source, output = re.fullmatch(r"(\^?)([^:]+)(:\d+)?", mention).groups("")  # type: ignore[union-attr]
            node.input[at] = f"{control}{names[source]}{output}"
    del graph.node[:]
    graph.node.extend(kept)


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free
