"""Every optimizer against real Keras: 20 steps on fixed gradients, compiled, and step by step."""

import jax
import numpy as np
import pytest

import lamina

from .conftest import gradients, keras, pair, start, trajectory

NAMES = [
    "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "Muon",
    "Nadam", "RMSprop", "SGD", "ScheduleFreeAdamW",
]  # fmt: skip

OWN_OPTIONS = {
    "sgd momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    "sgd nesterov": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    "rmsprop centered": ("RMSprop", {"centered": True, "momentum": 0.5, "rho": 0.8}),
    "adam amsgrad": ("Adam", {"amsgrad": True, "beta_1": 0.8, "epsilon": 1e-3}),
    "adamw": ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.1, "amsgrad": True}),
    "adagrad": ("Adagrad", {"initial_accumulator_value": 0.0, "learning_rate": 0.1}),
    "adafactor": (
        "Adafactor", {"learning_rate": 0.5, "relative_step": False, "clip_threshold": 0.5},
    ),
    "ftrl": (
        "Ftrl",
        {
            "learning_rate": 0.1, "learning_rate_power": -0.7, "beta": 0.1,
            "l1_regularization_strength": 0.05, "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.1,
        },
    ),
    "muon plain": (
        "Muon", {"rms_rate": None, "nesterov": False, "ns_steps": 3, "adam_lr_ratio": 2.0},
    ),
    "muon excludes": (
        "Muon", {"exclude_layers": ["ker"], "exclude_embeddings": False, "weight_decay": None},
    ),
    "schedule free warm-up": (
        "ScheduleFreeAdamW", {"warmup_steps": 7, "weight_decay": 0.01, "beta_1": 0.8},
    ),
}  # fmt: skip

SHARED_OPTIONS = {
    "clipnorm": {"clipnorm": 0.5},
    "clipvalue": {"clipvalue": 0.1},
    "global_clipnorm": {"global_clipnorm": 0.5},
    "weight_decay": {"weight_decay": 0.1},
    "loss_scale": {"loss_scale_factor": 8.0},
    "ema": {"use_ema": True, "ema_momentum": 0.9},
    "ema overwrites": {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 3},
    "accumulation": {"gradient_accumulation_steps": 3},
    "accumulation and all": {
        "gradient_accumulation_steps": 3, "use_ema": True, "ema_overwrite_frequency": 2,
        "clipnorm": 1.0, "weight_decay": 0.1,
    },
    "schedule": {"learning_rate": lambda k: k.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)},
    "schedule and accumulation": {
        "learning_rate": lambda k: k.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5),
        "gradient_accumulation_steps": 2,
    },
}  # fmt: skip

CASES = (
    [pytest.param(name, {}, id=name) for name in NAMES]
    + [pytest.param(*case, id=case_id) for case_id, case in OWN_OPTIONS.items()]
    + [
        pytest.param("Adam", options, id=f"Adam {case_id}")
        for case_id, options in SHARED_OPTIONS.items()
    ]
    + [
        pytest.param(name, SHARED_OPTIONS[case_id], id=f"{name} {case_id}")
        for case_id, names in {
            "accumulation and all": [n for n in NAMES if n != "Adam"],
            "schedule and accumulation": ["Nadam", "RMSprop", "Muon", "Ftrl", "Adafactor"],
        }.items()
        for name in names
    ]
)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_twenty_compiled_steps_are_keras(name, options):
    ours, theirs = pair(name, **options)
    path, state = trajectory(ours, start(lamina))
    expected_path, expected_state = trajectory(theirs, start(keras))
    for variable, a, b in zip(("kernel", "bias", "embeddings"), path, expected_path, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=variable)
    assert [s.shape for s in state] == [s.shape for s in expected_state]
    assert [s.dtype for s in state] == [s.dtype for s in expected_state]
    for variable, a, b in zip(ours.variables, state, expected_state, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5, err_msg=variable.path)


@pytest.mark.parametrize("name", NAMES)
def test_step_by_step_is_the_compiled_loop(name):
    variables = start(lamina)
    optimizer = getattr(lamina.optimizers, name)()
    for grads in zip(*gradients(), strict=True):
        optimizer.apply(grads, variables)
    path, _ = trajectory(getattr(lamina.optimizers, name)(), start(lamina))
    for variable, values in zip(variables, path, strict=True):
        np.testing.assert_allclose(variable.numpy(), values[-1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_names_and_config_are_keras(name):
    ours, theirs = pair(name, name="named", weight_decay=0.1, clipnorm=1.0)
    assert ours.get_config() == theirs.get_config()
    assert list(ours.get_config())[:11] == list(theirs.get_config())[:11]
    again = lamina.optimizers.deserialize(lamina.optimizers.serialize(ours))
    assert again.get_config() == ours.get_config()
    assert lamina.optimizers.serialize(ours)["module"] == "keras.optimizers"
    ours.build(start(lamina))
    theirs.build(start(keras))
    if name not in ("Adafactor", "Nadam"):  # whose own slots Keras leaves without a name
        assert [v.path for v in ours.variables] == [v.path for v in theirs.variables]
    assert (
        type(lamina.optimizers.get(name)) is type(lamina.optimizers.get(name.lower())) is type(ours)
    )
    assert type(ours)().name.startswith(type(theirs)().name.rstrip("_0123456789"))


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_variables_learn_and_keep_their_dtype(name):
    """Close to float32; Keras, which computes 0.999**t in bfloat16, gets 0 or NaN."""
    moved = []
    for dtype in ("bfloat16", "float32"):
        value = np.linspace(-1, 1, 12).reshape(3, 4)
        variable = lamina.Variable(value, dtype=dtype, name="kernel")
        optimizer = getattr(lamina.optimizers, name)(0.25, weight_decay=0.1)
        apply = jax.jit(optimizer.stateless_apply)
        optimizer.build([variable])
        trained, own = [variable.value], [v.value for v in optimizer.variables]
        for _ in range(3):
            trained, own = apply(own, [np.asarray(value, "float32")], trained)
        moved.append(np.asarray(trained[0], "float32") - value)
        assert trained[0].dtype == dtype
        assert {str(x.dtype) for x in own[2:]} <= {dtype}
    np.testing.assert_allclose(moved[0], moved[1], rtol=0.1, atol=0.05)
    assert np.abs(moved[1]).max() > 1e-3
