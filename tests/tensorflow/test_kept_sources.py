"""The sources in the name of a kept program: all that can change it, and no others."""

import ast
from pathlib import Path

import skmlp
from skmlp._tensorflow import cache_directory

PACKAGE = Path(skmlp.__file__).parent

CHANGE_NO_PROGRAM = {
    "_sklearn.py": "the rules for parameters, which stand with the solvers",
    "_engine/memory.py": "memory of the arguments; the same values at any place",
    "_tensorflow/kept_programs.py": "calls named_functions; its settings are a part of the name",
    "_tensorflow/cache_directory.py": "finds, keeps and removes files",
    "_tensorflow/flags.py": "the flags themselves are a part of the name",
    "_tensorflow/releases.py": "the release is a part of the name, and so are the flags",
    "_tensorflow/forks.py": "the name of a module",
    "_tensorflow/quiet.py": "standard error",
    "_tensorflow/sharing.py": "memory of the arguments",
}
"""Files that `compiling` imports, directly or not, and why no program depends on them."""


def file_of(name):
    """Return the path of a module of this package within the package, or None."""
    *packages, last = name.split(".")[1:] or [""]
    for path in (Path(*packages, last + ".py"), Path(*packages, last, "__init__.py")):
        if last and (PACKAGE / path).is_file():
            return path.as_posix()
    return None


def imports_of(path):
    """Yield the files of this package that a file imports, at its head or in a function."""
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (
            file
            for name in names
            if name.startswith("skmlp.") and (file := file_of(name)) is not None
        )


def reached_from(path):
    reached, waiting = set(), [path]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += imports_of(path)
    return {path for path in reached if not path.endswith("__init__.py")}


def hashed():
    files = [
        f for name in cache_directory.SOURCES for f in cache_directory._python_files(PACKAGE / name)
    ]
    return {file.relative_to(PACKAGE).as_posix() for file in files}


def test_all_that_makes_a_program_is_a_part_of_its_name():
    reached = reached_from("_engine/compiling.py")
    assert {"_program/epochs.py", "_model/network.py"} <= reached  # `reached_from` works
    assert reached - hashed() == CHANGE_NO_PROGRAM.keys()


def test_a_change_elsewhere_leaves_programs_where_they_are():
    """Check that a few files that change often are not in the name."""
    others = {"_version.py", "__init__.py", "_engine/program_cache.py", "_tensorflow/loading.py"}
    assert not hashed() & others


def test_sources_are_told_apart_by_their_names_too():
    """Check that the names of the files, and all of their contents, are in the key."""
    parts = cache_directory._sources()
    assert {part.partition("\n")[0] for part in parts} == hashed()
    texts = {part.partition("\n")[2] for part in parts}
    assert texts == {(PACKAGE / file).read_text(encoding="utf-8") for file in hashed()}
