"""Records of objects as Keras 2 wrote them."""

from lamina.utils._old_records import deserialize_keras_object, serialize_keras_object

__all__ = ["deserialize_keras_object", "serialize_keras_object"]
