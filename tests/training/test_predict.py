"""predict and predict_batches: the same outputs, at once or piece by piece."""

import threading

import numpy as np
import pytest

import lamina
from lamina import Input, layers
from lamina.utils import PyDataset

ROWS = 1000
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")


class OwnCall(lamina.Model):
    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(2)

    def call(self, x):
        return {"a": self.inner(x), "b": [x]}


class OwnStep(lamina.Model):
    def predict_step(self, data):
        return super().predict_step(data) + 1.0


def plain():
    return lamina.Sequential([Input((3,)), layers.Dense(4, "tanh"), layers.Dense(2)])


def own_step():
    model = plain()
    return OwnStep(model.inputs, model.outputs)


def two_outputs():
    x = Input((3,))
    return lamina.Model(x, [layers.Dense(2)(x), layers.Dense(1)(x)])


class Numbered(PyDataset):
    def __init__(self, **options):
        super().__init__(**options)
        self.asked = []

    def __len__(self):
        return 40

    def __getitem__(self, i):
        self.asked.append(i)
        return (X[i * 25 : i * 25 + 25],)


def generator():
    return (X[i : i + 25] for i in range(0, ROWS, 25))


KINDS = {
    "arrays": lambda folder: X,
    "lists": lambda folder: X.tolist(),
    "float64": lambda folder: X.astype("float64"),
    "a file": lambda folder: in_file(folder),
    "a generator": lambda folder: generator(),
    "numbered": lambda folder: Numbered(),
    "threads": lambda folder: Numbered(workers=2),
}


def in_file(folder):
    np.save(folder / "x.npy", X.astype("float64"))
    return np.load(folder / "x.npy", mmap_mode="r")


def leaves(structure):
    return lamina.tree.flatten(structure)


def check_pieces(model, make, **options):
    whole = model.predict(make(), verbose=0, **options)
    parts = list(model.predict_batches(make(), **options))
    assert lamina.tree.map_structure(type, parts[0]) == lamina.tree.map_structure(type, whole)
    for i, wanted in enumerate(leaves(whole)):
        np.testing.assert_array_equal(np.concatenate([leaves(part)[i] for part in parts]), wanted)
    return [len(leaves(part)[0]) for part in parts]


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_of_data_of_any_kind(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("LAMINA_DATA_BUDGET", "1000")  # files stay files
    sizes = check_pieces(plain(), lambda: KINDS[kind](tmp_path), batch_size=7)
    streams = kind in ("a generator", "numbered", "threads")
    assert sizes == ([25] * 40 if streams else [7] * 142 + [6])


@pytest.mark.parametrize("make", [OwnCall, own_step, two_outputs])
def test_pieces_of_any_model(make):
    model = make()
    assert check_pieces(model, lambda: X, batch_size=7, steps=100) == [7] * 100
    assert check_pieces(model, generator, steps=3) == [25] * 3


def test_eager_models_give_pieces_too():
    model = plain()
    model.compile(run_eagerly=True)
    assert check_pieces(model, lambda: X[:20], batch_size=8) == [8, 8, 4]


def test_data_is_read_as_far_as_it_is_used():
    source = generator()
    pieces = plain().predict_batches(source)
    next(pieces), next(pieces)
    pieces.close()
    np.testing.assert_array_equal(next(source), X[50:75])


def test_breaking_off_leaves_no_thread():
    data = Numbered(workers=2, max_queue_size=3)
    before = threading.active_count()
    for i, _ in enumerate(plain().predict_batches(data)):
        assert threading.active_count() > before
        if i == 2:
            break
    assert threading.active_count() == before
    assert len(data.asked) < 20


def test_a_dispatch_is_small_when_rows_are_large():
    """Else 64 batches are computed ahead."""
    x = Input((1,))
    model = lamina.Model(x, layers.RepeatVector(1 << 20)(x))
    rows = np.zeros((24, 1), "float32")
    assert sum(y.nbytes for y in model.predict_batches(rows, batch_size=2)) == 24 << 22
    predictor = model._programs["predict"]
    assert predictor._batches_at_once(2) == 4
    assert predictor._batches_at_once(100) == 1


def test_many_shapes_are_forgotten(monkeypatch):
    monkeypatch.setattr("lamina._training.predict._SHAPES_KEPT", 2)
    x = Input((None, 1))
    model = lamina.Model(x, layers.GlobalMaxPooling1D()(x))
    batches = [np.arange(n, dtype="float32").reshape(1, n, 1) for n in (1, 2, 3, 2, 4)]
    assert model.predict(iter(batches), verbose=0)[:, 0].tolist() == [0, 1, 2, 1, 3]
    assert len(model._programs["predict"]._shapes) <= 2


def test_a_model_may_learn_between_pieces():
    model = plain()
    pieces = model.predict_batches(generator())
    before = next(pieces)
    model.set_weights([w * 0.0 for w in model.get_weights()])
    assert np.abs(before).max() > 0
    assert np.abs(next(pieces)).max() == 0
    pieces.close()


def test_wrong_arguments_are_refused_at_once():
    with pytest.raises(ValueError, match="predict_batches: expected an integer of 1 or more"):
        plain().predict_batches(X, batch_size=0)
    with pytest.raises(ValueError, match=r"shape \(None, 3\)"):
        plain().predict_batches(X[:, :2])
