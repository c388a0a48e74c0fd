"""The walls of the house: floors, sizes, docstrings, and what `import lamina` may load."""

import ast
import importlib
import inspect
import pkgutil
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

import lamina

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "lamina"

# Imports go down only, or stay on a floor; on floor 4 they stay in their own package.
FLOORS = {
    "_core": {
        0: "errors naming config dtypes tree context",
        1: "state random tensor graph masks policy configurable input_spec serialize signature "
        "walk",
        3: "layer __init__",
    },
    "": {
        0: "_exports _startup",
        2: "ops random tree _native",
        3: "_measures initializers activations regularizers constraints dtype_policies config "
        "backend "
        "utils visualization preprocessing",
        4: "_data layers losses metrics optimizers callbacks saving",
        5: "_training export",
        6: "models",
        7: "__init__ __main__ cli alias legacy applications datasets wrappers distribution "
        "mixed_precision",
    },
}
FLOOR_OF = {
    tuple(part for part in (package, name) if part): floor
    for package, floors in FLOORS.items()
    for floor, names in floors.items()
    for name in names.split()
}
SIBLINGS = 4

# Slow to import or not always there: these alone may be imported inside a function.
LATE = {"h5py", "IPython", "llvmlite", "matplotlib", "optax", "pandas", "PIL", "rich", "scipy"}
LATE |= {"flatbuffers", "jax2onnx", "narwhals", "onnxruntime", "orbax", "safetensors"}
LATE |= {"concurrent", "multiprocessing", "tensorflow", "torch"}

FILE_LINES, FUNCTION_LINES, CORE_LINES = 800, 60, 3000


def python_files(*folders: str) -> list[Path]:
    """The files under `folders`, those in hidden folders left out."""
    patterns = ("*.py", "[!.]*/**/*.py")
    return sorted({f for folder in folders for p in patterns for f in (ROOT / folder).glob(p)})


def at(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def module_of(path: Path) -> tuple[str, ...]:
    """src/lamina/ops/_nn.py -> ("ops", "_nn"); a package is known by its `__init__`."""
    return path.relative_to(SOURCE).with_suffix("").parts


def room_of(module: tuple[str, ...]) -> tuple[str, ...]:
    """The entry of FLOORS that `module` lives in."""
    return module[:2] if module[0] == "_core" else module[:1]


def imports(tree: ast.AST, inside: str | None = None) -> Iterator[tuple[ast.stmt, str | None]]:
    """Every import with the name of the function around it; those for types alone left out.

    In a module that ends with `lazy(__name__)` those under TYPE_CHECKING are made when needed.
    """
    exports = isinstance(tree, ast.Module) and "lazy(" in ast.unparse(tree.body[-1:])
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, inside
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from ((n, inside) for n in node.body if exports)
        else:
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from imports(node, node.name if function else inside)


def imported_names(node: ast.stmt, importer: tuple[str, ...]) -> list[str]:
    """The dotted names that an import statement reaches for, relative ones resolved."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    package = ["lamina", *importer[: len(importer) - node.level]] if node.level else []
    source = ".".join([*package, *filter(None, [node.module])])
    return [f"{source}.{alias.name}" for alias in node.names]


def lamina_module(name: str) -> tuple[str, ...] | None:
    """The module of this package that a dotted name lies in, or None for other packages."""
    first, *parts = name.split(".")
    if first != "lamina":
        return None
    while parts and not (SOURCE.joinpath(*parts)).with_suffix(".py").exists():
        if SOURCE.joinpath(*parts, "__init__.py").exists():
            return (*parts, "__init__")
        parts.pop()
    return tuple(parts) or ("__init__",)


def test_every_module_has_a_floor():
    homeless = {at(f, 1) for f in python_files("src") if room_of(module_of(f)) not in FLOOR_OF}
    assert not homeless, f"enter these in FLOORS, and in ARCHITECTURE.md: {sorted(homeless)}"


def test_imports_go_down_only():
    wrong = []
    for path in python_files("src"):
        here = room_of(module_of(path))
        for node, _ in imports(ast.parse(path.read_text("utf-8"))):
            for name in imported_names(node, module_of(path)):
                target = lamina_module(name)
                if target is None or (there := room_of(target)) == here:
                    continue
                ours, theirs = FLOOR_OF.get(here, 7), FLOOR_OF.get(there, 0)
                if theirs > ours or theirs == ours == SIBLINGS:
                    wrong.append(
                        f"{at(path, node.lineno)}: {'.'.join(here)} (floor {ours}) "
                        f"imports {name} (floor {theirs})"
                    )
    assert not wrong, "imports go down only:\n" + "\n".join(wrong)


def test_functions_import_heavy_packages_only():
    wrong = []
    for path in python_files("src"):
        for node, function in imports(ast.parse(path.read_text("utf-8"))):
            names = imported_names(node, module_of(path))
            if function and any(name.split(".")[0] not in LATE for name in names):
                wrong.append(f"{at(path, node.lineno)}: {function} imports {', '.join(names)}")
    assert not wrong, "imports belong to the top of a module:\n" + "\n".join(wrong)


def test_files_are_short():
    files = python_files("src", "tests", "benchmarks", "examples")
    lengths = {f: len(f.read_text("utf-8").splitlines()) for f in files}
    long = {at(f, n) for f, n in lengths.items() if n > FILE_LINES}
    assert not long, f"more than {FILE_LINES} lines: {sorted(long)}"


def test_functions_are_short():
    long = []
    for path in python_files("src", "benchmarks"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                doc = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) else 0
                length = node.end_lineno - node.lineno + 1 - doc
                if length > FUNCTION_LINES:
                    long.append(f"{at(path, node.lineno)}: {node.name} has {length} lines")
    assert not long, f"more than {FUNCTION_LINES} lines without docstring:\n" + "\n".join(long)


def test_engine_fits_in_an_hour():
    lines = sum(len(f.read_text("utf-8").splitlines()) for f in python_files("src/lamina/_core"))
    assert 0 < lines <= CORE_LINES, f"_core has {lines} lines, {CORE_LINES} at most"


def test_import_is_light(fresh_python):
    program = "import sys, {}; print(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = {name: set(fresh_python(program.format(name)).split()) for name in ("jax", "lamina")}
    heavy = LATE | {"keras", "pydot"}
    added = (loaded["lamina"] - loaded["jax"]) & heavy
    assert not added, f"`import lamina` loads {sorted(added)}; import them where they are used"


def public_modules() -> list[str]:
    found = pkgutil.walk_packages(lamina.__path__, "lamina.")
    names = [m.name for m in found if not any(part.startswith("_") for part in m.name.split("."))]
    return ["lamina", *names]


@pytest.mark.parametrize("name", public_modules())
def test_public_names_have_docstrings(name):
    module = importlib.import_module(name)
    assert inspect.getdoc(module), f"{name} says nothing about itself"
    exports = [n for n in getattr(module, "__all__", vars(module)) if not n.startswith("_")]
    documented = (type, types.FunctionType)
    mute = [n for n in exports if isinstance(o := getattr(module, n), documented) and not o.__doc__]
    assert not mute, f"no docstring in {name}: {mute}"
