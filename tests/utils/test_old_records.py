"""Records as Keras 2 wrote them."""

import pytest

from lamina import optimizers, regularizers
from lamina.utils import legacy


def test_objects_and_functions_by_name():
    record = legacy.serialize_keras_object(optimizers.SGD(0.5, momentum=0.1, name="s"))
    assert record["class_name"] == "SGD"
    again = legacy.deserialize_keras_object(record)
    assert again.get_config() == optimizers.SGD(0.5, momentum=0.1, name="s").get_config()

    def double(x):
        return 2 * x

    assert legacy.serialize_keras_object(double) == "double"
    assert legacy.deserialize_keras_object("double", {"double": double}) is double
    made = legacy.deserialize_keras_object("L1", module_objects={"L1": regularizers.L1})
    assert isinstance(made, regularizers.L1)
    assert legacy.deserialize_keras_object(None) is legacy.serialize_keras_object(None) is None


def test_what_is_not_known_is_told():
    with pytest.raises(ValueError, match="loss"):
        legacy.deserialize_keras_object("maen", {"mean": len}, printable_module_name="loss")
    with pytest.raises(ValueError, match="'class_name' and 'config'"):
        legacy.deserialize_keras_object(3)
    with pytest.raises(ValueError, match="get_config"):
        legacy.serialize_keras_object(3)
