"""What scripts call on `keras.backend` and `tensorflow` beside layers."""

import logging
import random

import numpy as np
import pytest

import lamina
from lamina._core import config


@pytest.fixture
def K(as_keras):
    from keras import backend

    return backend


@pytest.fixture
def tf(as_keras):
    import tensorflow

    return tensorflow


def test_backend_settings_are_laminas(K):
    assert K.backend() == "jax"
    assert K.floatx() == "float32"
    assert K.image_data_format() == "channels_last"
    assert K.image_dim_ordering() == "tf"
    K.set_image_dim_ordering("th")
    assert config.image_data_format() == "channels_first"
    K.set_image_data_format("channels_last")
    with pytest.raises(ValueError, match="'tf'"):
        K.set_image_dim_ordering("tensorflow")


def test_backend_variables(K):
    x = K.variable(np.array([1.0, 2.0]))
    assert not x.trainable
    K.set_value(x, [3.0, 4.0])
    assert K.get_value(x).tolist() == [3.0, 4.0]
    K.update_add(x, 1.0)
    K.update_sub(x, 0.5)
    assert K.eval(x).tolist() == [3.5, 4.5]
    assert K.int_shape(x) == (2,)
    assert (K.ndim(x), K.dtype(x), K.count_params(x)) == (1, "float32", 2)
    K.batch_set_value([(x, [0.0, 0.0])])
    assert K.batch_get_value([x])[0].tolist() == [0.0, 0.0]
    with pytest.raises(TypeError, match="learning_rate"):
        K.set_value(0.1, 0.2)


def test_backend_shapes(K):
    x = np.arange(12.0).reshape(2, 3, 2)
    assert K.batch_flatten(x).shape == (2, 6)
    assert K.flatten(x).shape == (12,)
    assert K.permute_dimensions(x, (0, 2, 1)).shape == (2, 2, 3)
    assert K.cast_to_floatx([1, 2]).dtype == np.float32


def test_seeds_repeat_weights_and_leave_numpy_alone(tf):
    np.random.seed(3)
    expected = np.random.RandomState(3).rand(2)

    def weights():
        dense = lamina.layers.Dense(3)
        dense.build((None, 2))
        return dense.get_weights()[0]

    for set_seed in (tf.random.set_seed, tf.set_random_seed, tf.compat.v1.set_random_seed):
        set_seed(7)
        first = weights()
        set_seed(7)
        assert (weights() == first).all()
    assert (np.random.rand(2) == expected).all()
    random.seed(0)


def test_what_only_switches_tensorflow_does_no_harm(tf):
    tf.compat.v1.disable_eager_execution()
    tf.logging.set_verbosity(tf.logging.ERROR)
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    assert logging.getLogger("lamina").level == logging.ERROR
    logging.getLogger("lamina").setLevel(logging.NOTSET)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    assert tf.test.is_gpu_available() == bool(gpus)
    assert [d.device_type for d in tf.config.list_physical_devices("CPU")][:1] == ["CPU"]
    assert tf.executing_eagerly()


def test_optimizers_of_tf_train(tf):
    adam = tf.train.AdamOptimizer(0.01)
    assert isinstance(adam, lamina.optimizers.Adam)
    assert float(adam.learning_rate) == pytest.approx(0.01)
    assert isinstance(tf.train.GradientDescentOptimizer(0.1), lamina.optimizers.SGD)
    assert isinstance(tf.train.RMSPropOptimizer(0.1), lamina.optimizers.RMSprop)
