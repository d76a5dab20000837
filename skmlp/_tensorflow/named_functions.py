"""Gives functions of TensorFlow names that do not change from process to process.

TensorFlow numbers the functions that it traces, and finds compiled code by these names. Under a
fixed name, a function can be written to a file, and another process can read the function without
tracing it, and find its compiled code.

This module does not import TensorFlow; the caller passes the private modules.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any


def rename_functions(internals: Any, concrete: Any, name: str) -> bytes:
    """Return a traced function and the functions it calls, with names that begin with `name`.

    Parameters
    ----------
    internals : namespace
        The private modules of TensorFlow; see `kept_programs`.
    concrete : ConcreteFunction
        The function. It must not capture a tensor.
    name : str
        The new name of the function.

    Returns
    -------
    library : bytes
        A serialised `FunctionDefLibrary`, in which the function itself comes first.
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
    for function in reached:  # the list grows in the loop
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
    """Register functions with TensorFlow, and return the first function.

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
        If the bytes are no library.
    """
    context, nest = internals.context, internals.nest
    functions = internals.function_pb2.FunctionDefLibrary.FromString(library).function
    eager = context.context()
    for function in functions:
        if not eager.has_function(function.signature.name):
            eager.add_function_def(function)
    name = functions[0].signature.name.encode()
    n_outputs = len(nest.flatten(structure))
    pack = _packer(structure)

    def call(*args: Any) -> Any:
        outputs = context.context().call_function(name, nest.flatten(args), n_outputs)
        return pack(iter(outputs))

    return call


def _packer(structure: Any) -> Callable[[Iterator[Any]], Any]:
    """Return a function that puts outputs into lists and tuples.

    TensorFlow's own function takes a tenth of a small fit. The structure is looked at only once,
    which spares 5 of 90 us of an evaluation for L-BFGS.
    """
    if not isinstance(structure, list | tuple):
        return next
    kind, packers = type(structure), [_packer(part) for part in structure]
    make = getattr(kind, "_make", kind)  # of a named tuple
    if all(packer is next for packer in packers):
        return lambda outputs: make(islice(outputs, len(packers)))
    return lambda outputs: make([packer(outputs) for packer in packers])


def _references(function: Any) -> list[Any]:
    """Return the messages that name the functions it calls, in the order of its nodes."""
    found = []
    for node in function.node_def:
        for key in sorted(node.attr):
            value = node.attr[key]
            found += [value.func] if value.HasField("func") else list(value.list.func)
    return found
