"""`plot_activation` and `plot_history`: the numbers on the lines, and files."""

import pickle
import types

import jax.numpy as jnp
import numpy as np
import pytest

from lamina.callbacks import History
from lamina.visualization import plot_activation, plot_history


def curves(axes):
    return {
        line.get_label(): line.get_xydata()
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


def test_activations_and_their_derivatives(tmp_path):
    figure = plot_activation("sigmoid", "tanh", to_file=tmp_path / "images" / "curves.png")
    assert (tmp_path / "images" / "curves.png").read_bytes().startswith(b"\x89PNG")
    for axes, f, slope in zip(
        figure.axes,
        (lambda x: 1 / (1 + np.exp(-x)), np.tanh),
        (lambda y: y * (1 - y), lambda y: 1 - y**2),
        strict=True,
    ):
        drawn = curves(axes)
        x, y = drawn["f(x)"].T
        assert (x[0], x[-1]) == (-6, 6)
        np.testing.assert_allclose(y, f(x), atol=1e-6)
        np.testing.assert_allclose(drawn["f\u2032(x)"][:, 1], slope(y), atol=1e-6)


def test_functions_without_derivative_in_another_range():
    def cube(x):
        return x**3

    (axes,) = plot_activation(cube, derivative=False, x_range=(0, 2)).axes
    assert axes.get_title() == "cube"
    drawn = curves(axes)
    assert list(drawn) == ["f(x)"]
    assert drawn["f(x)"][-1].tolist() == [2, 8]


@pytest.mark.parametrize("function", ["softmax", "log_softmax", lambda x: x / jnp.sum(x), len])
def test_functions_of_vectors_are_refused(function):
    with pytest.raises(ValueError, match="functions of one number"):
        plot_activation(function)


def test_bad_names_and_ranges():
    with pytest.raises(ValueError, match="did you mean 'sigmoid'"):
        plot_activation("sigmoyd")
    with pytest.raises(ValueError, match="at least one"):
        plot_activation()
    for x_range in ((1, 1), (0, np.inf), 3, ("a", "b")):
        with pytest.raises(ValueError, match="x_range"):
            plot_activation("relu", x_range=x_range)


LOGS = {
    "accuracy": [0.5, 0.7, 0.8],
    "loss": [0.9, 0.6, 0.5],
    "val_accuracy": [0.4, 0.6, 0.7],
    "val_loss": [1.0, 0.8, 0.7],
    "$lr_<b>": [0.1, 0.1, 0.1],
}


@pytest.mark.parametrize("ending", ["png", "svg", "pdf", "jpg"])
def test_history_shows_validation_beside_training(tmp_path, ending):
    file = tmp_path / "images" / f"history.{ending}"
    figure = plot_history(LOGS, to_file=file)
    assert file.stat().st_size > 1000
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy", "$lr_<b>"]
    drawn = curves(figure.axes[0])
    assert drawn["training"].tolist() == [[1, 0.9], [2, 0.6], [3, 0.5]]
    assert drawn["validation"].tolist() == [[1, 1.0], [2, 0.8], [3, 0.7]]
    assert figure.axes[2].get_legend() is None


def test_history_objects_with_their_own_epochs():
    history = types.SimpleNamespace(history={"loss": [3.0, 2.0]}, epoch=[10, 11])
    assert curves(plot_history(history).axes[0])["training"].tolist() == [[11, 3], [12, 2]]


def test_validation_in_every_second_epoch():
    figure = plot_history({"loss": [4, 3, 2, 1], "val_loss": [5, 4]})
    assert curves(figure.axes[0])["validation"].tolist() == [[2, 5], [4, 4]]


def test_the_history_of_fit_plots_itself():
    history = History()
    for epoch in range(2):
        history.on_epoch_end(epoch, {"loss": 1.0 - epoch / 4})
    assert curves(history.plot().axes[0])["training"].tolist() == [[1, 1.0], [2, 0.75]]


def test_one_epoch_and_gaps_can_be_drawn():
    plot_history({"loss": [0.5]})._repr_png_()
    plot_history({"loss": [0.5, float("nan"), 0.4]})._repr_png_()


def test_what_is_no_history():
    with pytest.raises(ValueError, match="at least one finished epoch"):
        plot_history({})
    with pytest.raises(ValueError, match="at least one finished epoch"):
        plot_history(History())
    with pytest.raises(ValueError, match="a list of numbers"):
        plot_history({"loss": [[1, 2]]})
    with pytest.raises(TypeError, match="expected a History"):
        plot_history([1, 2])


def test_figures_show_themselves_leave_pyplot_alone_and_can_be_pickled():
    import matplotlib

    before = matplotlib.get_backend()
    figure = plot_history(LOGS)
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert pickle.loads(pickle.dumps(figure))._repr_png_().startswith(b"\x89PNG")
    assert matplotlib.get_backend() == before
