"""Data of other libraries; those that are not among the tests' are tested where they are."""

import datetime

import h5py
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from lamina import _data as data


def kinds(x):
    columns = {f"c{i}": x[:, i] for i in range(x.shape[1])}
    return {
        "pandas": pd.DataFrame(columns),
        "pandas, nullable": pd.DataFrame(columns).astype("Float32"),
        "polars": pl.DataFrame(columns),
        "polars, lazy": pl.LazyFrame(columns),
        "pyarrow": pa.table(columns),
    }


def columns_of(y):
    return {
        "pandas": pd.Series(y),
        "polars": pl.Series(y),
        "pyarrow": pa.array(y),
        "pyarrow, chunked": pa.chunked_array([y[:4], y[4:]]),
    }


def test_frames_and_columns(rows):
    x, y = rows
    for frame in kinds(x).values():
        got, _, _ = data.pack(frame, None, None)
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, x)
    for column in columns_of(y[:, 0]).values():
        _, got, _ = data.pack(x, column, None)
        np.testing.assert_array_equal(got, y[:, 0])
    mixed = pd.DataFrame({"a": [1, 2], "b": [True, False], "c": [0.5, 1.5]})
    np.testing.assert_array_equal(data.as_arrays("x", mixed), [[1, 1, 0.5], [2, 0, 1.5]])
    for columns in ([0, 1], ["a", "a"], pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])):
        got = data.as_arrays("x", pd.DataFrame(x[:, :2], columns=columns))
        np.testing.assert_array_equal(got, x[:, :2])
    named = data.as_arrays("x", dict(mixed))
    assert named["a"].dtype == np.int32
    assert list(named["a"]) == [1, 2]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_columns_that_hold_no_numbers_are_named(make):
    frame = make(
        {"age": [1.0, 2.0], "city": ["Ulm", "Bonn"], "day": [datetime.date(2020, 1, 1)] * 2}
    )
    with pytest.raises(TypeError, match=r"(?s)columns of numbers in `x`.*'city' .*'day'.*StringLo"):
        data.as_arrays("x", frame)
    with pytest.raises(ValueError, match=r"(?s)missing values in `x`.*1 in 'b'"):
        data.as_arrays("x", make({"a": [1, 2], "b": [1, None]}))


def test_frames_train(net, rows):
    x, y = rows
    model, told = net(), net()
    told.fit(x, y, shuffle=False, verbose=0)
    model.fit(kinds(x)["polars"], pl.DataFrame({"y": y[:, 0]}), shuffle=False, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], told.get_weights()[0])
    np.testing.assert_array_equal(
        model.predict(kinds(x)["pandas"], verbose=0), told.predict(x, verbose=0)
    )


# --- arrays over the budget -----------------------------------------------------------------------


@pytest.fixture
def small_budget(monkeypatch):
    monkeypatch.setenv("LAMINA_DATA_BUDGET", "100")
    monkeypatch.setattr(data.pieces, "PIECE", 160)  # two batches


def in_files(folder, name, array):
    with h5py.File(folder / "data.h5", "a") as file:
        file[name] = array
    np.save(folder / f"{name}.npy", array)
    return {
        "memory": array,
        "float64": array.astype("float64"),
        "memory-mapped": np.load(folder / f"{name}.npy", mmap_mode="r"),
        "HDF5": h5py.File(folder / "data.h5")[name],
    }


@pytest.mark.usefixtures("small_budget")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("memory", {"shuffle": False}),
        ("float64", {"steps_per_epoch": 3}),
        ("memory-mapped", {}),
        ("HDF5", {"validation_split": 0.3}),
    ],
)
def test_large_arrays_train_like_small_ones(net, rows, tmp_path, monkeypatch, kind, options):
    x, y = rows
    large = in_files(tmp_path, "x", x)[kind]
    assert type(data.source_of("fit", large, y, batch_size=5)).__name__ == "Pieces"
    model, told = net(), net()
    options = {"batch_size": 5, "epochs": 3, "verbose": 0} | options
    np.random.seed(1)
    got = model.fit(large, y, **options).history
    monkeypatch.setenv("LAMINA_DATA_BUDGET", "1e6")
    np.random.seed(1)
    wanted = told.fit(x, y, **options).history
    assert got.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-5)
    np.testing.assert_array_equal(model.get_weights()[0], told.get_weights()[0])
    monkeypatch.setenv("LAMINA_DATA_BUDGET", "100")
    np.testing.assert_allclose(model.predict(large, verbose=0), model.predict(x, verbose=0))


@pytest.mark.usefixtures("small_budget")
def test_nan_in_a_file(net, rows, tmp_path):
    x, y = rows
    x = x.copy()
    x[20, 0] = np.nan
    with pytest.raises(ValueError, match="NaN in an array of shape \\(22, 3\\) that is read from"):
        net().fit(in_files(tmp_path, "x", x)["memory-mapped"], y, batch_size=5, verbose=0)


def test_the_budget_can_be_known(monkeypatch):
    monkeypatch.delenv("LAMINA_DATA_BUDGET", raising=False)
    assert data.budget.budget() > 1 << 20


# --- libraries that are not installed with the tests ----------------------------------------------


def told_by_arrays(net, rows):
    model = net()
    model.fit(*rows, batch_size=5, epochs=2, shuffle=False, verbose=0)
    return model.get_weights()[0]


def test_torch(net, rows):
    torch = pytest.importorskip("torch")
    tensors = [torch.from_numpy(a) for a in rows]
    loaded = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*tensors), batch_size=5)
    model = net()
    model.fit(loaded, epochs=2, verbose=0, validation_data=loaded)
    np.testing.assert_allclose(model.get_weights()[0], told_by_arrays(net, rows), rtol=1e-5)
    assert model.predict(loaded, verbose=0).shape == (22, 1)
    assert data.as_arrays("x", tensors[0]).shape == (22, 3)


def test_grain(net, rows):
    grain = pytest.importorskip("grain")
    x, y = rows
    mapped = grain.MapDataset.range(22).map(lambda i: (x[i], y[i])).batch(5)
    for given, steps in ((mapped, None), (mapped.to_iter_dataset(), None), (mapped.repeat(), 5)):
        model = net()
        model.fit(given, epochs=2, steps_per_epoch=steps, verbose=0)
        np.testing.assert_allclose(model.get_weights()[0], told_by_arrays(net, rows), rtol=1e-5)


def test_hugging_face(net, rows):
    datasets = pytest.importorskip("datasets")
    x, y = rows
    table = datasets.Dataset.from_dict({"x": x.tolist(), "label": y.tolist()})
    for given in (table, table.to_iterable_dataset()):
        model = net()
        model.fit(given, batch_size=5, epochs=2, shuffle=False, verbose=0)
        np.testing.assert_allclose(model.get_weights()[0], told_by_arrays(net, rows), rtol=1e-5)
    assert model.predict(table, verbose=0).shape == (22, 1)


def test_tensorflow(net, rows):
    tf = pytest.importorskip("tensorflow")
    given = tf.data.Dataset.from_tensor_slices(rows).batch(5)
    for source, steps in ((given, None), (given.repeat(), 5)):
        model = net()
        model.fit(source, epochs=2, steps_per_epoch=steps, verbose=0)
        np.testing.assert_allclose(model.get_weights()[0], told_by_arrays(net, rows), rtol=1e-5)
