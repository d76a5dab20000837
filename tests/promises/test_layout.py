"""The order of the folders: imports go one way, and two rules limit them further."""

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import skmlp
from tests.helpers import run_python

ROOT = Path(skmlp.__file__).parent

ORDER = [
    {"exceptions", "_blas", "_extras", "_sklearn", "_tensorflow", "_threads", "_version", "_warn"},
    {"_lines"},
    {"_model", "preprocessing"},
    {"_data"},
    {"_program"},
    {"_engine"},
    {"_cluster"},
    {"_training"},
    {"_estimators"},
    {"callbacks", "dask", "data", "datasets", "onnx", "plotting", "ray", "saved", "_show_versions"},
    {"skmlp"},  # __init__
    {"__main__"},
]
"""The rooms by floors, lowest first: each imports from itself and from lower floors only."""


def name_of(path):
    parts = ["skmlp", *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def room_of(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def floor_of(module):
    return next(floor for floor, rooms in enumerate(ORDER) if room_of(module) in rooms)


@cache
def tree_of(module):
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports_of(module, node=None):
    """Return the modules that a module imports, also within functions and for types."""
    found = set()
    for each in ast.walk(node or tree_of(module)):
        if isinstance(each, ast.Import):
            found |= {alias.name for alias in each.names}
        elif isinstance(each, ast.ImportFrom):
            for alias in each.names:
                full = f"{each.module}.{alias.name}"
                found.add(full if full in MODULES else each.module)
    return found


def imports_when_imported(module):
    """Return the modules that importing a module imports: not in functions, nor for types."""
    found = set()
    for node in tree_of(module).body:
        if not isinstance(node, ast.If | ast.FunctionDef | ast.ClassDef):
            found |= imports_of(module, node)
    return {name for name in found if name in MODULES}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    """Check that a module imports from its own room and from lower floors only."""
    for imported in imports_of(module) & MODULES.keys():
        is_own = room_of(imported) == room_of(module)
        assert is_own or floor_of(imported) < floor_of(module), imported


def test_every_room_has_a_floor():
    """Check that each file has a room in the plan, and each room a file."""
    assert {room_of(module) for module in MODULES} == set().union(*ORDER)


def test_no_circle():
    """Check the imports of all modules, within functions too."""
    graph = {module: imports_of(module) & MODULES.keys() - {module} for module in MODULES}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)


PREDICTING = {"_data", "_estimators", "_extras", "_model", "_sklearn", "_version", "_warn"}
PREDICTING |= {"_lines", "_threads", "exceptions", "preprocessing", "saved", "skmlp"}


def test_predicting_needs_few_rooms():
    """Check, by reading, the modules that importing an estimator imports."""
    reached, left = set(), {"skmlp"}
    while left:
        module = left.pop()
        reached.add(module)
        parents = {module.rpartition(".")[0]} & MODULES.keys()
        left |= (imports_when_imported(module) | parents) - reached
    others = {module for module in reached if room_of(module) not in PREDICTING}
    assert others <= {"skmlp._tensorflow", "skmlp._tensorflow.forks"}


def test_predicting_imports_few_rooms():
    """Check the same in a process that unpickles and predicts."""
    code = """
import pickle, sys
from pathlib import Path
model = pickle.loads(Path("tests/data/1/classifier.pkl").read_bytes())
model.predict([[5.0, 3.0, 1.5, 0.2]])
model.predict_proba([[5.0, 3.0, 1.5, 0.2]])
print(*{name.split(".")[1] for name in sys.modules if name.startswith("skmlp._")})
assert "tensorflow" not in sys.modules
"""
    done = run_python("import warnings; warnings.simplefilter('ignore')" + code)
    assert done.returncode == 0, done.stderr
    old = set(skmlp.saved.MODULES_OF_0_1_0)
    assert set(done.stdout.split()) <= PREDICTING | {"_tensorflow"} | old


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_pandas_or_polars(module):
    """Check that only the methods of DataFrames are used, never their library."""
    assert not {"pandas", "polars"} & {name.split(".")[0] for name in imports_of(module)}


def attributes_of(node):
    """Return the names in a chain of attributes, the first one first, or []."""
    names = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) else []


PARTS_OF_TENSORFLOW = ("tensorflow.python", "tensorflow.core", "tensorflow.compiler", "xla_cpu_")


@pytest.mark.parametrize(
    "module", [name for name in MODULES if room_of(name) not in ("_tensorflow", "_show_versions")]
)
def test_one_room_names_the_private_parts_of_tensorflow(module):
    """Check imports, attributes of ``tf`` and strings; no other room imports it."""
    assert not {name for name in imports_of(module) if name.split(".")[0] == "tensorflow"}
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_text = "\n" in node.value or " " in node.value
            assert is_text or not any(part in node.value for part in PARTS_OF_TENSORFLOW)
        if isinstance(node, ast.Attribute):
            names = attributes_of(node)
            if names and names[0] in ("tf", "tensorflow", "_tf"):
                assert not any(name.startswith("_") or name == "python" for name in names[1:])


@pytest.mark.parametrize("module", [name for name in MODULES if name != "skmlp._sklearn"])
def test_one_module_names_the_private_parts_of_scikit_learn(module):
    """Check imports, and the experimental callbacks."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sklearn"):
            names = [*node.module.split("."), *(alias.name for alias in node.names)]
            assert not any(name.startswith("_") for name in names), names
            assert node.module != "sklearn.callback"
