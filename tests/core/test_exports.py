"""What packages export: loaded when asked for, named after the package, found by records."""

import importlib
import pickle
import pkgutil
import sys
import types

import pytest

import lamina
from lamina import _exports, activations, initializers, layers, losses, ops

# Imported by the package for its own use, or for records: in Keras these are not public either.
UNLISTED = {"lamina.losses": {"LossFunctionWrapper"}, "lamina.models": {"Functional"}}


def lazy_packages() -> list[str]:
    for found in pkgutil.walk_packages(lamina.__path__, "lamina."):
        if found.ispkg or found.name.startswith("lamina.ops."):
            importlib.import_module(found.name)
    return sorted(_exports._places)


def documented(package):
    """The classes and functions that a package exports."""
    items = {name: getattr(package, name) for name in package.__all__}
    return {n: i for n, i in items.items() if isinstance(i, (type, types.FunctionType))}


@pytest.fixture(params=lazy_packages())
def package(request):
    return importlib.import_module(request.param)


def test_what_is_imported_is_listed_and_what_is_listed_loads(package):
    imported = {n for n in _exports._places[package.__name__] if not n.startswith("_")}
    assert imported - set(package.__all__) == UNLISTED.get(package.__name__, set())
    assert len(set(package.__all__)) == len(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is vars(package)[name]  # kept: asked for once only


def test_things_name_a_public_package_where_pickle_finds_them(package):
    for name, item in documented(package).items():
        assert pickle.loads(pickle.dumps(item)) is item, name
        if not package.__name__.startswith("lamina._"):
            assert "._" not in item.__module__, name


def test_other_names_of_a_class_do_not_rename_it():
    assert layers.Convolution2D is layers.Conv2D
    assert repr(layers.Convolution2D) == "<class 'lamina.layers.Conv2D'>"


def test_a_class_that_was_reached_by_its_private_module_has_its_public_name(fresh_python):
    program = "from lamina.layers._dense import Dense; print(Dense)"
    assert fresh_python(program) == "<class 'lamina.layers.Dense'>\n"


def test_a_name_that_is_missing_is_told_with_the_nearest():
    with pytest.raises(AttributeError, match=r"(?s)layers\.Desne: .*Help: did you mean 'Dense'\?$"):
        _ = layers.Desne
    with pytest.raises(AttributeError, match=r"Help: `dir\(lamina\.losses\)` lists"):
        _ = losses.xyzzy
    assert not hasattr(lamina, "__wrapped__")
    with pytest.raises(ImportError, match="cannot import name 'Desne'"):
        from lamina.layers import Desne  # noqa: F401


def test_a_bare_name_means_what_the_first_package_has():
    assert _exports.find("gelu") is activations.gelu
    assert _exports.find("gelu", "ops") is ops.gelu
    assert _exports.find("Identity") is initializers.Identity
    assert _exports.find("Identity", "layers") is layers.Identity
    assert _exports.find("MeanSquaredError") is losses.MeanSquaredError
    assert _exports.find("resize") is None
    assert _exports.find("resize", "ops.image") is ops.image.resize
    assert "logsumexp" not in _exports.names()
    assert {"Dense", "Adam", "mean_squared_error", "ExponentialDecay"} <= set(_exports.names())


def test_what_is_made_from_a_config_and_functions_of_arrays_are_found_by_package_and_name():
    found = set()
    for path in _exports.PACKAGES:
        package = importlib.import_module(f"lamina.{path}")
        for name, item in documented(package).items():
            named = isinstance(item, type) and hasattr(item, "from_config")
            named |= path in ("ops", "ops.image", "activations", "losses", "metrics")
            named &= name not in ("get", "serialize", "deserialize")
            assert _exports.find(name, path) is (item if named else None), f"{path}.{name}"
            found |= {name} if named else set()
    assert {"Dense", "Adam", "relu", "SeedGenerator", "Sequential"} <= found
    assert not {"load_model", "CSVLogger", "get_file", "set_random_seed"} & found


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("antigravity", "fly"),
        ("layers._dense", "Dense"),
        ("alias", "install_as_keras"),
        ("", "Dense"),
        ("layers", "TYPE_CHECKING"),
        ("layers", "_lazy"),
        ("layers", "__getattr__"),
        ("utils", "os"),
    ],
)
def test_records_reach_nothing_else_and_import_nothing(path, name):
    before = set(sys.modules)
    assert _exports.find(name, path) is None
    assert set(sys.modules) == before


def test_import_loads_a_handful_of_modules(fresh_python):
    count = "print(sum(name.split('.')[0] == 'lamina' for name in sys.modules))"
    assert int(fresh_python(f"import sys, lamina; {count}")) <= 20


def test_threads_that_ask_at_once_get_the_same(fresh_python):
    program = """
import sys, threading
import lamina
sys.setswitchinterval(1e-6)
together, seen = threading.Barrier(6), []
names = ["Dense", "LSTM", "Conv2D", "Add", "Embedding", "Dropout"]
def ask(first):
    together.wait()
    found = {name: getattr(lamina.layers, name) for name in names[first:] + names[:first]}
    seen.append(sorted((name, id(item), item.__module__) for name, item in found.items()))
threads = [threading.Thread(target=ask, args=(first,)) for first in range(6)]
[t.start() for t in threads]
[t.join() for t in threads]
print(len(seen), all(s == seen[0] for s in seen), {m for s in seen for _, _, m in s})
"""
    assert fresh_python(program) == "6 True {'lamina.layers'}\n"


def test_a_table_is_a_mapping_that_loads_when_asked(fresh_python):
    program = (
        "import sys\nfrom lamina import losses\n"
        "print(len(losses._NAMES) == len(list(losses._NAMES)), 'mse' in losses._NAMES,\n"
        "    'lamina.losses._ctc' in sys.modules, losses._NAMES['CTC'] is losses.CTC)"
    )
    assert fresh_python(program) == "True True False True\n"
