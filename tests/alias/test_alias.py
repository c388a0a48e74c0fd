"""`import keras` means lamina: every spelling, the same objects, and words for what is missing."""

import importlib
import pickle
import sys
import traceback
import types

import pytest

import lamina
from lamina import alias, legacy

SPELLINGS = {
    "from keras.models import Sequential as x": lamina.models.Sequential,
    "from keras import Sequential as x": lamina.models.Sequential,
    "from keras.layers import Dense as x": lamina.layers.Dense,
    "import keras; x = keras.layers.Dense": lamina.layers.Dense,
    "import keras.layers; x = keras.layers.Dense": lamina.layers.Dense,
    "import keras.layers as L; x = L.Dense": lamina.layers.Dense,
    "from keras import layers; x = layers.Dense": lamina.layers.Dense,
    "from keras.layers import *; x = Dense": lamina.layers.Dense,
    "from keras.layers.core import Dense as x": lamina.layers.Dense,
    "from keras.layers.core import *; x = Activation": lamina.layers.Activation,
    "import keras; x = keras.layers.core.Dropout": lamina.layers.Dropout,
    "from keras.engine import Layer as x": lamina.layers.Layer,
    "from keras.engine import Model as x": lamina.models.Model,
    "from keras.engine.topology import Layer as x": lamina.layers.Layer,
    "from keras.engine.training import Model as x": lamina.models.Model,
    "from keras import utils; x = utils.to_categorical": lamina.utils.to_categorical,
    "from keras.utils import np_utils; x = np_utils.to_categorical": lamina.utils.to_categorical,
    "import keras; x = keras.utils.np_utils.to_categorical": lamina.utils.to_categorical,
    "from keras.utils.np_utils import to_categorical as x": lamina.utils.to_categorical,
    "from keras.utils import np_utils, plot_model as x": lamina.utils.plot_model,
    "from keras.utils.vis_utils import plot_model as x": lamina.utils.plot_model,
    "from keras.utils.visualize_util import plot as x": lamina.utils.plot_model,
    "from keras.optimizers import rmsprop as x": lamina.optimizers.RMSprop,
    "from keras.objectives import mean_squared_error as x": lamina.losses.mean_squared_error,
    "from keras.losses import mse as x": lamina.losses.mean_squared_error,
    "from keras.initializers import normal as x": lamina.initializers.RandomNormal,
    "from keras.constraints import maxnorm as x": lamina.constraints.MaxNorm,
    "import keras.backend as K; x = K.sigmoid": lamina.ops.sigmoid,
    "from keras.backend import tensorflow_backend as K; x = K.sigmoid": lamina.ops.sigmoid,
    "import tensorflow as tf; x = tf.keras.layers.Dense": lamina.layers.Dense,
    "from tensorflow import keras; x = keras.Sequential": lamina.models.Sequential,
    "from tensorflow.keras.models import Sequential as x": lamina.models.Sequential,
    "import tensorflow.keras.layers as L; x = L.Dense": lamina.layers.Dense,
    "from tensorflow.python.keras.layers import Dense as x": lamina.layers.Dense,
    "from tensorflow.contrib.keras import models; x = models.Sequential": lamina.models.Sequential,
    "import tensorflow.compat.v1 as tf; x = tf.keras.Sequential": lamina.models.Sequential,
    "import tensorflow as tf; x = tf.optimizers.Adam": lamina.optimizers.Adam,
    "import tensorflow as tf; x = tf.nn.relu": lamina.ops.relu,
    "import tensorflow as tf; x = tf.float32": "float32",
}


@pytest.mark.parametrize("code", SPELLINGS)
def test_every_spelling_means_the_same_object(as_keras, code):
    names = {}
    exec(code, names)
    assert names["x"] is SPELLINGS[code]


def test_all_that_lamina_exports_is_there(as_keras):
    for name, module in vars(lamina).items():
        if not isinstance(module, types.ModuleType) or name.startswith("_") or name == "legacy":
            continue
        for export in getattr(module, "__all__", ()):
            value = getattr(module, export)
            if not isinstance(value, types.ModuleType) and name not in ("alias", "cli"):
                assert getattr(importlib.import_module(f"keras.{name}"), export) is value


def test_models_made_through_the_alias_are_laminas(as_keras):
    import keras

    layer = keras.layers.Dense(2)
    assert isinstance(layer, lamina.layers.Dense)
    assert isinstance(layer, keras.layers.Layer)
    assert type(layer).__module__ == "lamina.layers"
    assert pickle.loads(pickle.dumps(keras.layers.Dense)) is lamina.layers.Dense


def test_modules_look_like_modules(as_keras):
    import keras
    import tensorflow as tf

    assert keras.__name__ == keras.__spec__.name == "keras"
    assert keras.__file__ == lamina.__file__
    assert keras.layers.__doc__ == lamina.layers.__doc__
    assert keras.layers.__spec__.origin == "lamina.layers"
    assert "Dense" in dir(keras.layers)
    assert "layers" in dir(keras)
    assert not {"alias", "cli", "legacy"} & set(dir(keras))
    assert importlib.reload(keras.layers).Dense is lamina.layers.Dense
    assert int(keras.__version__.split(".")[0]) == 3
    assert tf.__version__.startswith("2.")
    assert keras.__version__.endswith("+lamina")


def test_only_public_names_of_lamina_are_shown(as_keras):
    import keras

    for name in ("jax", "np", "annotations", "_core"):
        assert not hasattr(keras, name)
        assert not hasattr(keras.layers, name)


MISSING = {
    "from keras.layers import Foo": ["keras.layers.Foo", "'Foo'", "dir(keras.layers)"],
    "from keras.layers import Dnse": ["Dnse", "Dense"],
    "from keras.layers import Sequential": ["it is keras.Sequential"],
    "from keras.layers import Merge": ["keras.layers.Merge", "Concatenate"],
    "from keras.layers.core import TimeDistributedDense": ["keras.layers.core", "use `Dense`"],
    "from keras.layers import _secret": ["_secret"],
    "from keras.utils.np_utils import probas_to_classes": ["probas_to_classes", "argmax(axis=-1)"],
    "from keras.wrappers.scikit_learn import KerasClassifier": ["SKLearnClassifier"],
    "from keras.models import model_from_yaml": ["model_from_yaml", "to_json"],
    "from keras.legacy import interfaces": ["keras.legacy"],
    "import keras.rooms": ["keras.rooms"],
    "from tensorflow.examples.tutorials.mnist import input_data": ["keras.datasets.mnist"],
    "from tensorflow.contrib import rnn": ["tensorflow.contrib.rnn", "2.0"],
    "from tensorflow.python.client import device_lib": ["insides"],
}


@pytest.mark.parametrize("code", MISSING)
def test_importing_what_is_missing_says_what_to_use(as_keras, code):
    with pytest.raises(ImportError) as caught:
        exec(code, {})
    assert "\n  Got " in str(caught.value)
    assert "\n  Help: " in str(caught.value)
    for words in MISSING[code]:
        assert words in str(caught.value)


MISSING_ATTRIBUTES = {
    "keras.something": ["keras.something"],
    "keras.layers.Highway": ["subclass"],
    "keras.losses.cosine_proximity": ["cosine_similarity"],
    "keras.backend.get_session": ["JAX manages"],
    "keras.backend.argmax": ["axis=-1"],
    "tf.Session": ["tensorflow.Session", "there are no sessions"],
    "tf.data.TFRecordDataset": ["tf.data.Dataset", "a generator"],
    "tf.train.Saver": ["save_weights"],
    "tf.matrix_of_things": ["keras.ops"],
}


@pytest.mark.parametrize("code", MISSING_ATTRIBUTES)
def test_missing_attributes_say_what_to_use(as_keras, code):
    import keras
    import tensorflow as tf

    with pytest.raises(AttributeError) as caught:
        eval(code, {"keras": keras, "tf": tf})
    for words in (*MISSING_ATTRIBUTES[code], "\n  Got ", "\n  Help: "):
        assert words in str(caught.value)


def test_an_import_error_can_be_handled_as_ever(as_keras):
    names = {}
    exec(
        "try:\n    from keras.layers import Merge\n"
        "except ImportError:\n    from keras.layers import Dense as Merge\n",
        names,
    )
    assert names["Merge"] is lamina.layers.Dense


@pytest.mark.parametrize("root", ["keras", "tensorflow"])
def test_the_real_one_is_never_replaced(no_keras, monkeypatch, root):
    real = types.ModuleType(root)
    real.__version__ = "2.2.0"
    monkeypatch.setitem(sys.modules, root, real)
    with pytest.raises(RuntimeError, match=rf"(?s)nothing has imported {root} .*2\.2\.0.*restart"):
        alias.install_as_keras()
    assert sys.modules[root] is real
    assert not any(isinstance(finder, alias.Alias) for finder in sys.meta_path)


def test_installing_twice_and_removing_leave_nothing_behind(no_keras):
    before = list(sys.meta_path)
    alias.install_as_keras()
    alias.install_as_keras()
    assert len(sys.meta_path) == len(before) + 1
    importlib.import_module("tensorflow.keras.layers")
    alias.uninstall_as_keras()
    assert sys.meta_path == before
    assert not [n for n in sys.modules if n.partition(".")[0] in ("keras", "tensorflow")]


def test_notebooks_load_it_as_an_extension(no_keras):
    from IPython.core.interactiveshell import InteractiveShell

    notebook = InteractiveShell()
    notebook.run_line_magic("load_ext", "lamina")
    assert importlib.import_module("keras").layers.Dense is lamina.layers.Dense
    notebook.run_line_magic("unload_ext", "lamina")
    assert "keras" not in sys.modules


def test_python_does_not_guess_a_second_time_at_a_name_that_is_missing(as_keras):
    keras = importlib.import_module("keras")
    with pytest.raises(AttributeError) as caught:
        _ = keras.layers.Desne
    shown = traceback.format_exception_only(caught.value)
    assert "".join(shown).endswith("names like it: Dense.\n")


def test_other_packages_are_found_as_before(as_keras):
    assert importlib.util.find_spec("keras_preprocessing_of_someone") is None
    assert importlib.util.find_spec("json") is not None


def test_the_tables_list_only_what_lamina_lacks(as_keras):
    """An entry of REMOVED is dead once lamina has the name: take it out then."""
    have = []
    for entry in legacy.REMOVED:
        module, _, name = entry.rpartition(".")
        try:
            value = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
        if not isinstance(value, types.ModuleType):
            have.append(entry)
    assert have == []


def test_new_names_in_the_tables_are_where_they_say(as_keras):
    """Each entry of RENAMED leads to an object, or to a name that lamina does not have yet."""
    for old, new in legacy.RENAMED.items():
        module, _, name = old.rpartition(".")
        if new.startswith("."):
            continue
        assert getattr(importlib.import_module(module), name, "missing") != "missing"


def test_data_sets_of_tensorflow(as_keras):
    import numpy as np
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((np.ones((6, 3)), np.ones((6, 1))))
    data = data.shuffle(10).batch(4).prefetch(tf.data.AUTOTUNE)
    model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert len(model.fit(data, epochs=2, verbose=0).history["loss"]) == 2
