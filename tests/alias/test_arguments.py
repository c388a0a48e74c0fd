"""Scripts of Keras 1 and 2 with their arguments and methods, run as they are."""

import numpy as np
import pytest

import lamina

pytestmark = pytest.mark.usefixtures("as_keras")

RENAMED = [
    ("layers", "Dense", (), {"output_dim": 3, "bias": False}, {"units": 3, "use_bias": False}),
    ("layers", "Convolution1D", (), {"nb_filter": 3, "filter_length": 2, "border_mode": "same",
     "subsample_length": 2}, {"filters": 3, "kernel_size": (2,), "padding": "same",
                              "strides": (2,)}),
    ("layers", "Convolution2D", (), {"nb_filter": 3, "nb_row": 2, "nb_col": 4, "dim_ordering": "tf",
     "atrous_rate": (2, 2)}, {"kernel_size": (2, 4), "data_format": "channels_last",
                              "dilation_rate": (2, 2)}),
    ("layers", "Conv2D", (4, 5, 2), {}, {"kernel_size": (5, 5), "strides": (2, 2)}),
    ("layers", "MaxPooling1D", (), {"pool_length": 3, "stride": 1, "border_mode": "same"},
     {"pool_size": (3,), "strides": (1,), "padding": "same"}),
    ("layers", "LSTM", (), {"output_dim": 3, "inner_activation": "tanh", "dropout_W": 0.1,
     "dropout_U": 0.2, "consume_less": "cpu"}, {"units": 3, "dropout": 0.1,
                                                "recurrent_dropout": 0.2}),
    ("layers", "Dropout", (), {"p": 0.3}, {"rate": 0.3}),
    ("layers", "GaussianNoise", (), {"sigma": 0.3}, {"stddev": 0.3}),
    ("layers", "UpSampling1D", (), {"length": 3}, {"size": 3}),
    ("layers", "BatchNormalization", (), {"mode": 0, "axis": 1}, {"axis": 1}),
    ("regularizers", "l2", (), {"l": 0.5}, {"l2": 0.5}),
    ("constraints", "MaxNorm", (), {"m": 3}, {"max_value": 3}),
    ("optimizers", "Adam", (), {"lr": 0.5, "epsilon": None}, {"learning_rate": 0.5}),
    ("optimizers", "Nadam", (), {"lr": 0.5, "schedule_decay": 0.004}, {"learning_rate": 0.5}),
    ("callbacks", "ReduceLROnPlateau", (), {"epsilon": 0.5}, {"min_delta": 0.5}),
    ("callbacks", "TensorBoard", ("logs",), {"write_grads": True, "batch_size": 3}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "args", "old", "new"), RENAMED)
def test_arguments_of_old(module, name, args, old, new):
    import keras

    made = getattr(getattr(keras, module), name)(*args, **old)
    for attribute, value in new.items():
        found = getattr(made, attribute)
        assert found == value or float(found) == value, attribute


def test_the_sizes_of_a_kernel_one_by_one():
    from keras.layers import Convolution2D

    with pytest.warns(UserWarning, match=r"as in Keras 1, with a kernel of \(3, 3\)"):
        layer = Convolution2D(4, 3, 3, activation="relu")
    assert (layer.kernel_size, layer.strides) == ((3, 3), (1, 1))


def test_decay_slows_down_as_it_did():
    from keras.optimizers import SGD

    rate = SGD(lr=0.1, decay=0.5).learning_rate
    assert float(rate) == pytest.approx(0.1)
    variable = lamina.Variable([0.0])
    optimizer = SGD(lr=0.1, decay=0.5)
    for _ in range(2):
        optimizer.apply([np.ones(1)], [variable])
    assert float(variable.value[0]) == pytest.approx(-0.1 - 0.1 / 1.5)


def test_what_has_no_equal_or_comes_twice_is_refused():
    from keras.layers import BatchNormalization, Dense

    with pytest.raises(ValueError, match="LayerNormalization"):
        BatchNormalization(mode=1)
    with pytest.raises(TypeError, match="leave one of both out"):
        Dense(units=3, output_dim=3)
    with pytest.raises(ValueError, match="only arguments that it knows"):
        Dense(3, output_dims=3)


def test_a_script_from_beginning_to_end():
    import keras.backend as K
    from keras.layers import Dense, Input
    from keras.models import Model, Sequential
    from keras.optimizers import SGD

    x = np.random.default_rng(0).uniform(size=(40, 8))
    y = (x.sum(1) > 4).astype(int)
    model = Sequential()
    model.add(Dense(output_dim=5, input_dim=8, init="uniform", activation="relu"))
    model.add(Dense(1, init="uniform", activation="sigmoid"))
    model.compile(SGD(lr=0.1), "binary_crossentropy", metrics=["acc"], class_mode="binary")
    history = model.fit(x, y, nb_epoch=2, batch_size=10, verbose=0)
    assert {name: len(v) for name, v in history.history.items()} == {"loss": 2, "acc": 2}
    assert np.array_equal(model.predict_classes(x), (model.predict(x, verbose=0) > 0.5) * 1)
    assert model.predict_proba(x).shape == (40, 1)
    K.set_value(model.optimizer.lr, 0.5)
    assert K.get_value(model.optimizer.lr) == 0.5
    assert [layer.output_shape for layer in model.layers] == [(None, 5), (None, 1)]

    def batches():
        while True:
            yield x[:10], y[:10]

    history = model.fit_generator(
        batches(), samples_per_epoch=25, nb_epoch=2, verbose=0, max_q_size=3,
        validation_data=batches(), nb_val_samples=20,
    )  # fmt: skip
    assert int(model.optimizer.iterations) == 2 * 4 + 2 * 3
    assert set(history.history) == {"loss", "acc", "val_loss", "val_acc"}
    assert len(model.evaluate_generator(batches(), val_samples=20)) == 2
    assert model.predict_generator(batches(), val_samples=20).shape == (20, 1)
    inputs = Input(shape=(3,))
    double = Model(input=inputs, output=Dense(2)(inputs))
    assert double.layers[1].get_output_at(0) is double.output


def test_a_compiled_model_is_saved_and_loaded(tmp_path):
    from keras.layers import Dense
    from keras.models import Sequential, load_model

    model = Sequential([Dense(1, input_dim=2)])
    model.compile("sgd", "mse", metrics=["mae"])
    for name in ("model.h5", "model.keras"):
        model.save(tmp_path / name)
        assert load_model(tmp_path / name).compiled  # a warning would be an error here


def test_metrics_that_a_call_adds():
    import keras

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(1, kernel_initializer="ones")

        def call(self, x):
            outputs = self.head(x)
            self.add_metric(keras.ops.max(outputs), name="largest", aggregation="mean")
            return outputs

    model = Own()
    model.compile("sgd", "mse")
    history = model.fit(np.ones((8, 3)), np.full((8, 1), 3.0), batch_size=4, verbose=0).history
    assert history == {"loss": [0.0], "largest": [3.0]}


def test_users_own_classes_keep_their_arguments():
    from keras.layers import Dense

    class Own(Dense):
        def __init__(self, p, init=3, **kwargs):
            super().__init__(output_dim=4, **kwargs)
            self.p, self.init = p, init

    layer = Own(p=2, name="own")
    assert (layer.p, layer.init, layer.units, layer.name) == (2, 3, 4, "own")
    assert {"p": 2, "init": 3}.items() <= layer.get_config().items()


def test_without_the_alias_old_arguments_are_errors():
    from keras.layers import Dense
    from keras.models import Model

    from lamina.alias import uninstall_as_keras

    assert Dense(output_dim=3).units == 3
    assert hasattr(Model, "fit_generator")
    uninstall_as_keras()
    with pytest.raises((TypeError, ValueError)):
        Dense(output_dim=3)
    assert not hasattr(lamina.Model, "fit_generator")
    assert not hasattr(lamina.optimizers.SGD(0.1), "lr")
    assert Dense(3).units == 3
