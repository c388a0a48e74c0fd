"""Dataset, and what makes one of arrays."""

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.utils import split_dataset, timeseries_dataset_from_array
from lamina.utils._dataset import Dataset, slices


def numbers(n=10):
    return Dataset(lambda: iter(np.arange(n)), n, class_names=["a", "b"])


def listed(dataset):
    return [np.asarray(e).tolist() for e in dataset]


def test_methods():
    ds = numbers()
    assert listed(ds.take(3)) == [0, 1, 2]
    assert listed(ds.skip(8)) == [8, 9]
    assert listed(ds.map(lambda x: x * 2, num_parallel_calls=-1).take(2)) == [0, 2]
    assert listed(ds.filter(lambda x: x % 2)) == [1, 3, 5, 7, 9]
    assert listed(ds.batch(4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert listed(ds.batch(4, drop_remainder=True)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert listed(ds.batch(4).unbatch()) == list(range(10))
    assert listed(ds.repeat(2)) == 2 * list(range(10))
    assert listed(ds.repeat().take(25))[-1] == 4
    assert listed(ds.take(2).concatenate(ds.skip(9))) == [0, 1, 9]
    assert listed(ds.prefetch(-1).cache()) == list(range(10))
    lengths = [
        len(d) for d in (ds.take(3), ds.skip(8), ds.batch(4), ds.batch(4, True), ds.repeat(2))
    ]
    assert lengths == [3, 2, 3, 2, 20]
    for unknown in (ds.filter(bool), ds.repeat(), ds.batch(4).unbatch()):
        assert unknown.cardinality() == -2
        with pytest.raises(TypeError, match="expected a data set of known length"):
            len(unknown)
    assert ds.batch(4).map(abs).class_names == ["a", "b"]
    assert ds.batch(4).element_spec.shape == (4,)
    with pytest.raises(ValueError, match="integer of 1 or more as `batch_size`"):
        ds.batch(0)


def test_elements_are_tensors_with_the_method_numpy():
    pairs = slices((np.zeros((4, 2)), np.array([3, 1, 2, 0]))).batch(2)
    x, y = next(iter(pairs))
    assert type(x.numpy()) is np.ndarray
    assert "abcd"[y[0]] == "d"
    assert y[0].numpy() == 3
    assert type(next(pairs.as_numpy_iterator())[0]) is np.ndarray
    assert listed(pairs.map(lambda x, y: y)) == [[3, 1], [2, 0]]


def test_shuffle():
    lamina.utils.set_random_seed(0)
    ds = numbers().shuffle(10)
    first, second = listed(ds), listed(ds)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    lamina.utils.set_random_seed(0)
    again = numbers().shuffle(10)
    assert [listed(again), listed(again)] == [first, second]
    same = numbers().shuffle(10, seed=1, reshuffle_each_iteration=False)
    assert listed(same) == listed(same)
    near = listed(numbers(100).shuffle(5, seed=1))
    assert max(place - value for place, value in enumerate(near)) < 60
    assert min(place - value for place, value in enumerate(near)) > -5


def test_cache_reads_once():
    reads = []

    def open():
        reads.append(1)
        return iter(range(3))

    ds = Dataset(open, 3).cache()
    assert listed(ds.take(1)) == [0]  # not all of it: not kept
    assert listed(ds) == listed(ds) == [0, 1, 2]
    assert len(reads) == 2


def test_it_trains():
    x, y = np.random.rand(10, 3), np.random.rand(10, 1)
    ds = slices((x, y)).batch(4).map(lambda x, y: (x * 2, y))
    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(ds.shuffle(3), epochs=2, validation_data=ds, verbose=0).history
    np.testing.assert_allclose(
        history["val_loss"][-1], model.evaluate(2 * x, y, verbose=0), rtol=1e-5
    )
    assert model.predict(ds, verbose=0).shape == (10, 1)


def test_windows():
    series, targets = np.arange(20).reshape(20, 1), np.arange(100, 120)
    x, y = next(iter(timeseries_dataset_from_array(series, targets, 3, 2, 4)))
    assert y.tolist() == [100, 102, 104, 106, 108, 110]
    assert x[..., 0].tolist()[1] == [2, 6, 10]
    assert x.shape == (6, 3, 1)
    used = timeseries_dataset_from_array(series, None, 3, start_index=5, end_index=12, batch_size=2)
    assert [e[:, 0, 0].tolist() for e in used] == [[5, 6], [7, 8], [9]]
    assert len(used) == 3
    single = timeseries_dataset_from_array(series, targets, 3, batch_size=None)
    assert next(iter(single))[0].shape == (3, 1)
    mixed = timeseries_dataset_from_array(
        series, targets[3:], 3, batch_size=50, shuffle=True, seed=1
    )
    (x, y), (x2, _) = next(iter(mixed)), next(iter(mixed))
    assert (x[:, 0, 0] + 103 == y).all()
    assert x[:, 0, 0].tolist() != x2[:, 0, 0].tolist()
    for wrong, says in (
        ({"sampling_rate": 0}, "`sampling_rate`"),
        ({"start_index": 30}, "start_index=30"),
        ({"end_index": 2}, "at least one window"),
    ):
        with pytest.raises(ValueError, match=says):
            timeseries_dataset_from_array(series, None, 3, **wrong)


def test_split_dataset():
    x, y = np.arange(10), np.arange(10, 20)
    left, right = split_dataset((x, y), left_size=0.7)
    assert listed(left.map(lambda x, y: x)) == list(range(7))
    assert listed(right.map(lambda x, y: y)) == [17, 18, 19]
    named, _ = split_dataset({"x": x}, right_size=4)
    assert [int(e["x"]) for e in named] == list(range(6))
    batched, rest = split_dataset(slices(x).batch(4), left_size=5, right_size=0.2)
    assert listed(batched) == [[0, 1, 2, 3], [4]]
    assert listed(rest) == [[8, 9]]
    mixed, _ = split_dataset(x, 0.5, shuffle=True, seed=3)
    again, _ = split_dataset(x, 0.5, shuffle=True, seed=3)
    assert listed(mixed) == listed(again) != [0, 1, 2, 3, 4]

    class Samples:
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return x[i], y[i]

    assert len(split_dataset(Samples(), 3)[1]) == 1
    for sizes in ((0.9, 0.5), (10, None), (None, None), (0, None), (0.01, None), ("a", None)):
        with pytest.raises(ValueError, match="split_dataset: expected"):
            split_dataset(x, *sizes)
    with pytest.raises(TypeError, match="expected arrays of one length, or a data set"):
        split_dataset(3)


def test_made_of_arrays_and_functions():
    assert listed(Dataset.from_tensor_slices([1, 2])) == [1, 2]
    pairs = Dataset.from_tensor_slices(({"a": [1, 2]}, np.array([3, 4])))
    assert [(int(x["a"]), int(y)) for x, y in pairs] == [(1, 3), (2, 4)]
    assert listed(Dataset.from_tensors([1, 2])) == [[1, 2]]
    assert listed(Dataset.range(2, 8, 3)) == [2, 5]
    both = Dataset.zip((Dataset.range(3), Dataset.range(10, 12)))
    assert [(int(a), int(b)) for a, b in both] == [(0, 10), (1, 11)]
    assert len(both) == 2
    made = Dataset.from_generator(
        lambda n: ((i, [i]) for i in range(n)), ("float32", "int64"), args=(2,)
    )
    assert [(a.dtype, b.dtype) for a, b in made] == [("float32", "int64")] * 2
    assert len(list(made)) == 2  # a second pass
    assert made.cardinality() == -2


def test_elements_of_different_lengths():
    ragged = Dataset.from_generator(lambda: ((np.arange(n), n) for n in (3, 1, 5, 2, 4)))
    x, n = next(iter(ragged.padded_batch(2)))
    assert x.tolist() == [[0, 1, 2], [0, 0, 0]]
    assert n.tolist() == [3, 1]
    x, _ = next(iter(ragged.padded_batch(2, ([4], []), (9, 0))))
    assert x.tolist() == [[0, 1, 2, 9], [0, 9, 9, 9]]
    only = ragged.map(lambda x, n: x)
    assert listed(only.padded_batch(3, drop_remainder=True))[0][1] == [0, 0, 0, 0, 0]
    buckets = only.bucket_by_sequence_length(len, [3, 6], [2, 2, 1], pad_to_bucket_boundary=True)
    assert sorted(b.shape for b in buckets) == [(1, 5), (2, 2), (2, 5)]
    loose = only.bucket_by_sequence_length(len, [3], [2, 5])
    assert [b.shape for b in loose] == [(2, 2), (3, 5)]
    with pytest.raises(ValueError, match="expected 2 batch sizes for 1 boundaries"):
        only.bucket_by_sequence_length(len, [3], [2])
    with pytest.raises(ValueError, match="shorter than 3"):
        list(only.bucket_by_sequence_length(len, [3], [2, 1], pad_to_bucket_boundary=True))
