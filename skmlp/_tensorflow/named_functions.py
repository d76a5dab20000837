"""Functions of TensorFlow under names that do not change from process to process.

TensorFlow numbers the functions that it traces, and finds compiled code again by these names. Under
a name of its own a function can be written to a file, read by another process without being traced
again, and found there with the code that was compiled for it.

Nothing here imports TensorFlow; its private modules are given.
"""

from collections.abc import Callable, Iterator
from typing import Any


def rename_functions(internals: Any, concrete: Any, name: str) -> bytes:
    """Return a traced function and those that it calls, with names that begin with this one.

    Parameters
    ----------
    internals : namespace
        The private modules of TensorFlow; see `kept_programs`.
    concrete : ConcreteFunction
        The function. It may capture nothing.
    name : str
        Its new name.

    Returns
    -------
    library : bytes
        A `FunctionDefLibrary`; the function itself comes first.
    """
    assert not concrete.captured_inputs
    known = {f.signature.name: f for f in concrete.graph.as_graph_def().library.function}
    library = internals.function_pb2.FunctionDefLibrary()
    main = library.function.add()
    main.CopyFrom(concrete.function_def)
    main.signature.name = name
    main.attr["_XlaMustCompile"].b = True
    names: dict[str, str] = {}
    reached = [main]
    for function in reached:  # which grows
        for reference in _references(function):
            if reference.name not in names:
                names[reference.name] = f"{name}_{len(names)}"
                called = library.function.add()
                called.CopyFrom(known[reference.name])
                called.signature.name = names[reference.name]
                reached.append(called)
            reference.name = names[reference.name]
    return bytes(library.SerializeToString(deterministic=True))


def define(internals: Any, library: bytes, structure: Any) -> Callable[..., list[Any]]:
    """Make functions known to TensorFlow, and return the first of them.

    Parameters
    ----------
    internals : namespace
        The private modules of TensorFlow; see `kept_programs`.
    library : bytes
        Functions as `rename_functions` returns them.
    structure : nested tensors
        The results of the function.

    Raises
    ------
    google.protobuf.message.DecodeError
        If the bytes are something else.
    """
    context, nest = internals.context, internals.nest
    functions = internals.function_pb2.FunctionDefLibrary.FromString(library).function
    eager = context.context()
    for function in functions:
        if not eager.has_function(function.signature.name):
            eager.add_function_def(function)
    name = functions[0].signature.name.encode()
    n_outputs = len(nest.flatten(structure))

    def call(*args: Any) -> Any:
        outputs = context.context().call_function(name, nest.flatten(args), n_outputs)
        return _pack(structure, iter(outputs))

    return call


def _pack(structure: Any, outputs: Iterator[Any]) -> Any:
    """Return outputs in a structure of lists and tuples: TensorFlow's takes a tenth of a fit."""
    if not isinstance(structure, list | tuple):
        return next(outputs)
    parts = [_pack(part, outputs) for part in structure]
    if hasattr(structure, "_fields"):  # a named tuple
        return type(structure)(*parts)
    return type(structure)(parts)


def _references(function: Any) -> list[Any]:
    """Return the messages in which a function names those it calls, in the order of its nodes."""
    found = []
    for node in function.node_def:
        for key in sorted(node.attr):
            value = node.attr[key]
            found += [value.func] if value.HasField("func") else list(value.list.func)
    return found
