"""The base of optimizers: what surrounds the rule, and what users build on it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import optimizers
from lamina.optimizers import SGD, Adam

from .conftest import gradients, keras, pair, start, trajectory


def own_momentum(library):
    """A subclass as Keras' documentation writes it."""

    ops = library.ops

    class Momentum(library.optimizers.Optimizer):
        def __init__(self, learning_rate=0.1, momentum=0.9, **kwargs):
            super().__init__(learning_rate=learning_rate, **kwargs)
            self.momentum = momentum

        def build(self, variables):
            super().build(variables)
            self.momentums = [
                self.add_variable_from_reference(reference_variable=v, name="momentum")
                for v in variables
            ]
            self.counts = self.add_optimizer_variables(
                variables, ["count", "start"], ["zeros", "ones"]
            )
            self.total = self.add_variable((), "ones", name="total")

        def update_step(self, gradient, variable, learning_rate):
            place = self._get_variable_index(variable)
            m = self.momentums[place]
            self.assign(
                m,
                ops.subtract(ops.multiply(m, self.momentum), ops.multiply(gradient, learning_rate)),
            )
            self.assign_add(variable, m)
            self.assign_add(self.counts[0][place], ops.add(ops.multiply(m, 0), 1))
            self.assign_sub(self.total, 0.5)

        def get_config(self):
            return {**super().get_config(), "momentum": self.momentum}

    return Momentum


def test_subclass_in_keras_style():
    ours = own_momentum(lamina)(name="mine", weight_decay=0.01)
    theirs = own_momentum(keras)(name="mine", weight_decay=0.01)
    a, b = start(lamina), start(keras)
    for grads in list(zip(*gradients(), strict=True))[:4]:
        ours.apply(grads, a)
        theirs.apply(list(grads), b)
    for x, y in zip([*a, *ours.variables], [*b, *theirs.variables], strict=True):
        np.testing.assert_allclose(x.numpy(), np.asarray(y.value), rtol=1e-5, atol=1e-6)
        assert x.path == y.path
    assert ours.get_config() == theirs.get_config()


def test_subclass_with_a_rule_is_compiled():
    class Signs(optimizers.Optimizer):
        def slots(self, variable):
            return {"seen": 0.0}

        def rule(self, p, g, slots, lr, t):
            return p - lr * jnp.sign(g), {"seen": slots["seen"] + t}

    model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(2,))])
    model.compile(Signs(0.01), "mse")
    before = [v.numpy() for v in model.variables]
    model.fit(np.ones((8, 2)), np.ones((8, 1)) * 9, batch_size=2, epochs=1, verbose=0)
    np.testing.assert_allclose(model.variables[0].numpy(), before[0] + 0.04, rtol=1e-4)
    assert model.optimizer.variables[-1].numpy().tolist() == [1 + 2 + 3 + 4]


def same(results):
    """Both libraries' trajectories and states are equal."""
    (path, state), (expected_path, expected_state) = results
    for x, y in zip(path + state, expected_path + expected_state, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5)


def test_constraints_come_last():
    results = []
    for library in (lamina, keras):
        variables = start(library)
        variables[0].constraint = library.constraints.MaxNorm(0.5)
        optimizer = library.optimizers.Adam(0.5, use_ema=True, ema_overwrite_frequency=2)
        results.append(trajectory(optimizer, variables))
    same(results)
    assert np.linalg.norm(results[0][0][0], axis=1).max() < 0.5001


@pytest.mark.parametrize("steps", [None, 2])
def test_gradients_that_overwrite(steps):
    results = []
    for library in (lamina, keras):
        variables = start(library)
        variables[1].overwrite_with_gradient = True
        optimizer = library.optimizers.Adam(0.1, use_ema=True, gradient_accumulation_steps=steps)
        results.append(trajectory(optimizer, variables))
    same(results)


def test_weight_decay_spares_what_is_excluded():
    results = []
    for library in (lamina, keras):
        variables = start(library)
        optimizer = library.optimizers.AdamW(0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_list=[variables[2]], var_names=["bi.s"])
        results.append(trajectory(optimizer, variables))
    same(results)
    built = SGD()
    built.build(start(lamina))
    with pytest.raises(ValueError, match="before the first step"):
        built.exclude_from_weight_decay(var_names=["bias"])


def test_ema_replaces_the_weights_at_the_end():
    ours, theirs = pair("SGD", learning_rate=0.1, use_ema=True, ema_momentum=0.5)
    a, b = start(lamina), start(keras)
    for grads in list(zip(*gradients(), strict=True))[:3]:
        ours.apply(grads, a)
        theirs.apply(list(grads), b)
    ours.finalize_variable_values(a)
    theirs.finalize_variable_values(b)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x.numpy(), np.asarray(y.value), rtol=1e-5, atol=1e-6)


def test_learning_rate_is_a_variable_that_can_be_set():
    optimizer = SGD(0.5)
    optimizer.learning_rate.assign(0.25)
    optimizer.learning_rate = optimizer.learning_rate * 2
    assert float(optimizer.learning_rate) == 0.5
    assert [v.path for v in optimizer.variables] == [
        f"{optimizer.name}/{n}" for n in ("iteration", "learning_rate")
    ]
    optimizer.learning_rate = optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    w = lamina.Variable([0.0])
    optimizer.apply([[1.0]], [w])
    optimizer.apply([[1.0]], [w])
    assert float(w[0]) == -0.75
    assert [v.name for v in optimizer.variables] == ["iteration"]
    optimizer.learning_rate = 1.0  # Keras refuses this; here the schedule is dropped
    assert [v.name for v in optimizer.variables] == ["iteration", "learning_rate"]
    assert int(optimizer.iterations) == 2
    assert SGD(1).get_config()["learning_rate"] == 1.0


def test_learning_rate_may_be_a_function():
    optimizer, w = SGD(lambda: 0.5), lamina.Variable([0.0])
    optimizer.apply([[1.0]], [w])
    assert float(w[0]) == -0.5


def test_iterations_count_updates():
    optimizer, w = SGD(1.0, gradient_accumulation_steps=2), lamina.Variable([0.0])
    seen = []
    for _ in range(5):
        optimizer.apply([[1.0]], [w])
        seen.append((int(optimizer.iterations), float(w[0])))
    assert seen == [(0, 0.0), (1, -1.0), (1, -1.0), (2, -2.0), (2, -2.0)]


def test_missing_gradients():
    a, b = lamina.Variable([1.0], name="a"), lamina.Variable([1.0], name="b")
    optimizer = SGD(1.0)
    with pytest.warns(UserWarning, match="no gradient, hence no change, for b"):
        optimizer.apply([[1.0], None], [a, b])
    assert (float(a[0]), float(b[0])) == (0.0, 1.0)
    with pytest.raises(ValueError, match="expected a gradient for some variable"):
        optimizer.apply([None, None], [a, b])
    optimizer.apply([])
    assert int(optimizer.iterations) == 1
    assert optimizer.apply_gradients([([2.0], a), ([1.0], b)]) is optimizer.iterations


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SGD("fast"), "expected a number or a schedule as `learning_rate`"),
        (lambda: SGD(momentum=1.5), "expected a fraction from 0 to 1 as `momentum`"),
        (lambda: Adam(clipnorm=1.0, clipvalue=1.0), "expected at most one of"),
        (lambda: Adam(gradient_accumulation_steps=1), "expected an integer of 2 or more"),
        (lambda: Adam(ema_overwrite_frequency=0), "expected an integer of 1 or more"),
        (lambda: Adam(ema_momentum=2), "expected a fraction from 0 to 1 as `ema_momentum`"),
        (lambda: Adam(beta1=0.9), "did you mean `beta_1`?"),
        (lambda: optimizers.AdamW(weight_decay=None), "expected a number as `weight_decay`"),
        (lambda: optimizers.Lion(beta_1=0.0), "expected a number above 0"),
        (lambda: optimizers.Ftrl(learning_rate_power=0.5), "expected a number of 0 or less"),
        (lambda: optimizers.get("adamm"), "did you mean 'adam'?"),
        (lambda: optimizers.get(3), "expected the name of a known optimizer"),
        (lambda: SGD().apply([[1.0]]), "expected the variables beside the gradients"),
        (lambda: SGD().apply([[1.0]], start(lamina)), "expected 3 gradients"),
        (lambda: SGD().stateless_apply([], [], []), "expected a built optimizer"),
        (lambda: optimizers.Optimizer(0.1).apply([1.0], [lamina.Variable(1.0)]), "rule"),
    ],
)
def test_bad_input_is_explained(call, message):
    with pytest.raises((ValueError, NotImplementedError), match=message.replace("?", r"\?")):
        call()


def test_unknown_variables_are_named():
    optimizer = SGD()
    optimizer.build(start(lamina))
    with pytest.raises(
        ValueError, match=r"expected variables that it was built for[^.]*\.\n  Got new"
    ):
        optimizer.apply([[1.0]], [lamina.Variable([1.0], name="new")])


def test_old_decay_is_ignored_aloud():
    with pytest.warns(UserWarning, match="`decay` is ignored"):
        SGD(0.1, decay=1e-6)


def test_state_is_saved_and_restored_in_order():
    first, second = Adam(0.1), Adam(0.3)
    a, b = start(lamina), start(lamina)
    second.build(b)
    for grads in list(zip(*gradients(), strict=True))[:2]:
        first.apply(grads, a)
    store = {}
    first.save_own_variables(store)
    assert list(store) == [str(i) for i in range(len(first.variables))]
    second.load_own_variables(store)
    assert float(second.learning_rate) == float(first.learning_rate)
    for x, y in zip(first.variables, second.variables, strict=True):
        assert np.array_equal(x.numpy(), y.numpy())
    with pytest.warns(UserWarning, match="expected 8 arrays of state"):
        second.load_own_variables({"0": 1})
    with pytest.raises(ValueError, match="expected 8 arrays as `weights`"):
        second.set_weights([1])


def test_stateless_apply_changes_nothing():
    optimizer, variables = Adam(0.1), start(lamina)
    optimizer.build(variables)
    grads = [g[0] for g in gradients()]
    before = [v.numpy() for v in [*variables, *optimizer.variables]]
    own = [v.value for v in optimizer.variables]
    trained, own = jax.jit(optimizer.stateless_apply)(own, grads, [v.value for v in variables])
    assert all(
        np.array_equal(x, v.numpy())
        for x, v in zip(before, [*variables, *optimizer.variables], strict=True)
    )
    optimizer.apply(grads)
    for x, v in zip([*trained, *own], [*variables, *optimizer.variables], strict=True):
        np.testing.assert_allclose(x, v.numpy(), rtol=1e-6, atol=1e-7)
    with pytest.raises(ValueError, match="expected 8 arrays as `optimizer_variables`"):
        optimizer.stateless_apply(own[1:], grads, trained)


def test_extreme_gradients_do_not_make_nan():
    for options in ({"clipnorm": 1.0}, {"global_clipnorm": 1.0}, {"clipvalue": 1.0}):
        w = lamina.Variable([1.0, 1.0])
        SGD(0.1, **options).apply([[0.0, 0.0]], [w])
        SGD(0.1, **options).apply([[1e-40, 1e18]], [w])
        assert np.isfinite(w.numpy()).all(), options


def test_legacy_names_are_todays():
    assert optimizers.legacy.Adam is Adam
    assert optimizers.legacy.Optimizer is optimizers.Optimizer
