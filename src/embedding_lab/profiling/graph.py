"""Makes the graph of a compiled function readable in the Graphs tab; only names change, never what is connected.

Variables enter a compiled function as inputs with long names, all at the top; here each moves to its first user.
The layers of a Keras model lose the number of their compilation (`mlp_1/hidden_1` becomes `mlp/hidden`), and what
is neither layer, loss, gradient nor optimiser gathers under `metrics`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from embedding_lab.profiling.layers import GRADIENT, common_end, layer_names, other_scopes

BIGGEST_ATTRIBUTE_BYTES = 4096
"""Constants larger than this are left out: the Graphs tab does not show them anyway."""

REST = "metrics"
_RESOURCE = 20  # DT_RESOURCE, the handle of a variable
_INPUTS = ("_Arg", "Placeholder")


def readable_graph(graph: Any, model: Any = None) -> bytes:
    """The serialised GraphDef with names to read by.

    Args:
        graph: a GraphDef message; it is changed.
        model: the Keras model that it came from; None for any other function.
    """
    _leave_out_large_constants(graph)
    _rename(graph, _beside_first_use(graph))
    if model is not None:
        _rename(graph, _in_layers(graph, {model.name, *layer_names(model)}, other_scopes(model)))
    return bytes(graph.SerializeToString())


def function_graph(function: Any, around: Any) -> Any:
    """The inside of a function as a graph of its own.

    Args:
        function: a FunctionDef message.
        around: the GraphDef message whose library holds it; what it calls in turn is in there too.
    """
    graph = type(around)(library=around.library)
    for argument in function.signature.input_arg:
        graph.node.add(name=argument.name, op="_Arg").attr["T"].type = argument.type
    graph.node.extend(function.node_def)
    for node in graph.node:
        for at, mention in enumerate(node.input):
            if not mention.startswith("^"):  # inside a function outputs have names, "node:output:0"
                node.input[at] = _source(mention)
    return graph


def _leave_out_large_constants(graph: Any) -> None:
    for node in [*graph.node, *(node for function in graph.library.function for node in function.node_def)]:
        for name in [name for name in node.attr if node.attr[name].ByteSize() > BIGGEST_ATTRIBUTE_BYTES]:
            del node.attr[name]


def _beside_first_use(graph: Any) -> dict[str, str]:
    """For every variable that comes in as an input a name in the scope of its first user."""
    variables = {
        node.name
        for node in graph.node
        if node.op in _INPUTS and _RESOURCE in (node.attr["T"].type, node.attr["dtype"].type)
    }
    first_use: dict[str, str] = {}
    for node in graph.node:
        for source in map(_source, node.input):
            if source in variables:
                first_use.setdefault(source, node.name)
    return {
        variable: f"{user.rpartition('/')[0]}/{_told_apart(variable, user)}"
        for variable, user in first_use.items()
        if "/" in user
    }


def _told_apart(variable: str, user: str) -> str:
    """A variable's name without the scopes that stand before it anyway."""
    return variable.removeprefix(user.rpartition("/")[0].replace("/", "_").lower()).strip("_") or "variable"


def _in_layers(graph: Any, scopes: Collection[str], others: Collection[str]) -> dict[str, str]:
    """For every node its name with plain scopes, and all that lies in none of them under `REST`."""
    parts = {part for node in graph.node for part in node.name.split("/")[:-1]}
    end = common_end(scopes, parts)
    plain = {f"{scope}{end}": scope for scope in scopes} if end else {}
    kept = {*scopes, *plain, *others, GRADIENT}
    inputs = {node.name for node in graph.node if node.op in _INPUTS and "/" not in node.name}
    names = {}
    for node in graph.node:
        *above, own = node.name.split("/")
        if above and above[0] in kept:
            names[node.name] = "/".join([*(plain.get(each, each) for each in above), own])
        elif node.name not in inputs:
            names[node.name] = f"{REST}/{node.name}"
    return names


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    """Gives nodes their new names wherever they are mentioned; a name that is taken is not given."""
    taken = {node.name for node in graph.node} - set(names)
    given: dict[str, str] = {}
    for old, new in names.items():
        given[old] = old if new in taken else new
        taken.add(given[old])
    for node in graph.node:
        node.name = given.get(node.name, node.name)
        for at, mention in enumerate(node.input):
            source = _source(mention)
            if source in given:
                node.input[at] = mention.replace(source, given[source], 1)


def _source(mention: str) -> str:
    """The node in an input such as "^node" or "node:1"."""
    return mention.removeprefix("^").partition(":")[0]
