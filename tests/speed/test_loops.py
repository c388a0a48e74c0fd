"""Layers inside a loop over training steps: as fast as alone."""

import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers

from .loops import slowdown

LINE, IMAGE, VOLUME = (16, 64, 16), (16, 16, 16, 16), (8, 8, 8, 8, 8)
FAMILIES = {
    "Conv1D": (lambda: layers.Conv1D(16, 3), LINE),
    "Conv1D, causal and dilated": (
        lambda: layers.Conv1D(16, 3, padding="causal", dilation_rate=2),
        LINE,
    ),
    "Conv2D": (lambda: layers.Conv2D(16, 3), IMAGE),
    "Conv2D, same": (lambda: layers.Conv2D(16, 3, padding="same"), IMAGE),
    "Conv2D, strided": (lambda: layers.Conv2D(16, 3, strides=2, padding="same"), IMAGE),
    "Conv2D, dilated": (lambda: layers.Conv2D(16, 3, dilation_rate=2), IMAGE),
    "Conv2D, grouped": (lambda: layers.Conv2D(16, 3, groups=4), IMAGE),
    "Conv2D, channels first": (lambda: layers.Conv2D(16, 3, data_format="channels_first"), IMAGE),
    "Conv3D": (lambda: layers.Conv3D(8, 3), VOLUME),
    "Conv1DTranspose": (lambda: layers.Conv1DTranspose(16, 3, strides=2), LINE),
    "Conv2DTranspose": (lambda: layers.Conv2DTranspose(16, 3, strides=2), IMAGE),
    "Conv3DTranspose": (lambda: layers.Conv3DTranspose(8, 3), VOLUME),
    "DepthwiseConv1D": (lambda: layers.DepthwiseConv1D(3), LINE),
    "DepthwiseConv2D": (lambda: layers.DepthwiseConv2D(3), IMAGE),
    "SeparableConv2D": (lambda: layers.SeparableConv2D(16, 3), IMAGE),
    "MaxPooling1D": (lambda: layers.MaxPooling1D(2), LINE),
    "MaxPooling2D": (lambda: layers.MaxPooling2D(2), IMAGE),
    "MaxPooling2D, overlapping": (lambda: layers.MaxPooling2D(3, 2, "same"), IMAGE),
    "MaxPooling3D": (lambda: layers.MaxPooling3D(2), VOLUME),
    "AveragePooling1D": (lambda: layers.AveragePooling1D(2), LINE),
    "AveragePooling2D": (lambda: layers.AveragePooling2D(3, 2, "same"), IMAGE),
    "AveragePooling3D": (lambda: layers.AveragePooling3D(2), VOLUME),
    "GlobalMaxPooling2D": (layers.GlobalMaxPooling2D, IMAGE),
    "GlobalAveragePooling2D": (layers.GlobalAveragePooling2D, IMAGE),
    "AdaptiveMaxPooling2D": (lambda: layers.AdaptiveMaxPooling2D(5), IMAGE),
    "AdaptiveAveragePooling2D": (lambda: layers.AdaptiveAveragePooling2D(5), IMAGE),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_in_a_loop_takes_no_longer_than_alone(family):
    make, shape = FAMILIES[family]
    layer = make()
    layer.build(shape)
    assert slowdown(layer, jnp.asarray(np.random.normal(size=shape), "float32")) < 2.0
