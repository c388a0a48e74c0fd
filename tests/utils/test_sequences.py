"""pad_sequences against real Keras."""

import keras
import numpy as np
import pytest

from lamina.utils import pad_sequences

RAGGED = [[1], [2, 3], [4, 5, 6], []]


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("maxlen", [None, 2, 5])
def test_numbers_are_padded_and_cut_as_in_keras(padding, truncating, maxlen):
    options = {"padding": padding, "truncating": truncating, "maxlen": maxlen, "value": 9}
    ours = pad_sequences(RAGGED, **options)
    theirs = keras.utils.pad_sequences(RAGGED, **options)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_elements_may_be_arrays():
    frames = [np.ones((2, 3)), np.ones((1, 3))]
    ours = pad_sequences(frames, dtype="float32", padding="post")
    np.testing.assert_array_equal(
        ours, keras.utils.pad_sequences(frames, dtype="float32", padding="post")
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1, 2],), "a list of sequences"),
        (([[1], [2]], 2, "int32", "left"), "'pre' or 'post'"),
        (([np.ones((2, 3)), np.ones((1, 2))],), "elements of shape"),
        (([[1]], 2, "int32", "pre", "pre", "x"), "a number as `value`"),
    ],
)
def test_what_cannot_be_padded_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        pad_sequences(*arguments)
