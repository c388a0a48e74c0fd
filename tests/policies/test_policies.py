"""Dtype policies and the names of mixed precision."""

import numpy as np
import pytest

import lamina
from lamina import dtype_policies, mixed_precision
from lamina.dtype_policies import DTypePolicy, DTypePolicyMap

keras = pytest.importorskip("keras")


@pytest.fixture(autouse=True)
def _same_policy_afterwards():
    yield
    mixed_precision.set_global_policy(None)
    keras.config.set_dtype_policy("float32")


NAMES = [
    "float32", "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16",
    "int8_from_float32", "int8_from_mixed_bfloat16", "int4_from_float32", "int4/64_from_float32",
    "float8_from_mixed_bfloat16", "gptq/4/128_from_mixed_bfloat16", "gptq/2/-1_from_float32",
    "awq/4/128_from_float32",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_policies_by_name_are_keras(name):
    ours, theirs = dtype_policies.get(name), keras.dtype_policies.get(name)
    for attribute in ("name", "compute_dtype", "variable_dtype", "quantization_mode"):
        assert getattr(ours, attribute) == getattr(theirs, attribute), attribute
    assert type(ours).__name__ == type(theirs).__name__
    assert ours.get_config() == theirs.get_config()
    assert dtype_policies.serialize(ours) == keras.dtype_policies.serialize(theirs)
    assert repr(ours) == repr(theirs)
    again = dtype_policies.deserialize(dtype_policies.serialize(ours))
    assert again == ours
    assert hash(again) == hash(ours)
    assert again != dtype_policies.get("float8_from_float32")


def test_quantized_classes():
    p = dtype_policies.GPTQDTypePolicy("gptq/8/32", "float32")
    assert (p.mode, p.weight_bits, p.group_size) == ("gptq", 8, 32)
    p = dtype_policies.Int4DTypePolicy("int4/16", "float32")
    assert (p.mode, p.block_size, p.quantization_mode) == ("int4", 16, "int4")
    p = dtype_policies.AWQDTypePolicy("awq/4/-1")
    assert (p.group_size, p.get_config()) == (-1, {"mode": "awq/4/-1", "source_name": "float32"})
    p = dtype_policies.QuantizedFloat8DTypePolicy("float8", "float32", amax_history_length=16)
    assert dtype_policies.deserialize(dtype_policies.serialize(p)).amax_history_length == 16
    p = dtype_policies.get("ternary_from_mixed_bfloat16")
    assert type(p) is dtype_policies.TernaryDTypePolicy
    assert p.get_config() == {"mode": "ternary", "source_name": "mixed_bfloat16"}
    assert lamina.layers.Dense(2, dtype="int8_from_mixed_bfloat16").compute_dtype == "bfloat16"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DTypePolicy("mixed_float17"), "did you mean 'mixed_float16'"),
        (
            lambda: dtype_policies.get("int9_from_float32"),
            "expected the name of a known quantization mode",
        ),
        (
            lambda: dtype_policies.QuantizedDTypePolicy("int9"),
            "expected the name of a known quantization mode",
        ),
        (
            lambda: dtype_policies.QuantizedDTypePolicy("int8", "mixed_float16"),
            "another source than float16",
        ),
        (lambda: dtype_policies.GPTQDTypePolicy("gptq/5/128"), "weight_bits one of 2, 3, 4, 8"),
        (lambda: dtype_policies.GPTQDTypePolicy("gptq/4/0"), "expected a mode like 'gptq/4/128'"),
        (lambda: dtype_policies.AWQDTypePolicy("awq/8/128"), "weight_bits one of 4"),
        (lambda: dtype_policies.Int4DTypePolicy("int4"), "expected a mode like 'int4/128'"),
        (lambda: dtype_policies.get({"name": 3}), "expected a policy's record"),
        (lambda: DTypePolicyMap(DTypePolicyMap()), "expected a single policy"),
        (
            lambda: mixed_precision.set_global_policy("half"),
            "expected the name of a known dtype policy",
        ),
    ],
)
def test_bad_input_is_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_map_of_policies_is_keras():
    maps = []
    for library in (lamina, keras):
        d = library.dtype_policies
        policies = d.DTypePolicyMap("bfloat16", {"encoder/dense": d.DTypePolicy("mixed_bfloat16")})
        policies["decoder/.*"] = "int8_from_float32"
        maps.append(policies)
    ours, theirs = maps
    for path in ("encoder/dense", "encoder/dense_1", "decoder/layer/query"):
        assert ours[path].name == theirs[path].name
    assert (ours.name, ours.compute_dtype, len(ours)) == (
        theirs.name,
        theirs.compute_dtype,
        len(theirs),
    )
    assert list(ours) == list(theirs)
    assert ours.get_config() == theirs.get_config()
    again = dtype_policies.deserialize(dtype_policies.serialize(ours))
    assert again == ours
    assert dtype_policies.get(ours) is ours
    ours["decoder/lay.*"] = "float32"
    with pytest.raises(ValueError, match="at most one pattern"):
        ours["decoder/layer/query"]
    with pytest.raises(ValueError, match="again"):
        ours["decoder/.*"] = "float32"
    with pytest.raises(TypeError, match="expected a dictionary"):
        DTypePolicyMap(policy_map=["a"])
    del ours["decoder/lay.*"]
    assert "decoder/lay.*" not in ours


def test_map_without_default_follows_the_global_policy():
    policies = DTypePolicyMap(None, {"a": DTypePolicy("float16")})
    mixed_precision.set_global_policy("mixed_bfloat16")
    assert (policies["b"].name, policies.name) == ("mixed_bfloat16", "map_mixed_bfloat16")
    keras.config.set_dtype_policy("mixed_bfloat16")
    theirs = keras.dtype_policies.DTypePolicyMap(None, {"a": keras.DTypePolicy("float16")})
    assert policies.get_config() == theirs.get_config()
    assert policies["a"].name == "float16", "writing a config changes nothing"


def test_global_policy_reaches_layers():
    mixed_precision.set_global_policy("mixed_bfloat16")
    assert mixed_precision.global_policy().name == "mixed_bfloat16"
    assert mixed_precision.Policy() == mixed_precision.Policy("mixed_bfloat16")
    layer = lamina.layers.Dense(2)
    y = layer(np.ones((1, 3), "float32"))
    assert (str(y.dtype), layer.kernel.dtype) == ("bfloat16", "float32")
    mixed_precision.set_global_policy(mixed_precision.Policy("float32"))
    assert lamina.layers.Dense(2).compute_dtype == "float32"
    assert layer.compute_dtype == "bfloat16"
    assert mixed_precision.LossScaleOptimizer is lamina.optimizers.LossScaleOptimizer


def test_bfloat16_training_keeps_float32_state():
    mixed_precision.set_global_policy("mixed_bfloat16")
    model = lamina.Sequential(
        [lamina.layers.Dense(4, input_shape=(3,), activation="relu"), lamina.layers.Dense(1)]
    )
    model.compile("adam", "mse")
    losses = model.fit(
        np.ones((64, 3)), np.ones((64, 1)), batch_size=8, epochs=3, verbose=0
    ).history["loss"]
    assert losses[-1] < losses[0]
    assert {v.dtype for v in [*model.variables, *model.optimizer.variables[1:]]} == {"float32"}
