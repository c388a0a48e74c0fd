"""fit, evaluate and predict on what gives batches: they see what arrays would have shown them."""

import os
import signal
import threading
import time
from itertools import cycle

import numpy as np
import pytest

import lamina
from lamina import callbacks, layers
from lamina.utils import PyDataset


class Numbered(PyDataset):
    def __init__(self, batches, **options):
        super().__init__(**options)
        self.batches, self.calls = batches, []

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]

    def on_epoch_begin(self):
        self.calls.append("begin")

    def on_epoch_end(self):
        self.calls.append("end")


class Loader:
    """Read from its beginning by every `for`, like the loaders of other libraries."""

    def __init__(self, batches, sized=True):
        self.batches = batches
        if sized:
            self.__class__ = SizedLoader

    def __iter__(self):
        return iter(self.batches)


class SizedLoader(Loader):
    def __len__(self):
        return len(self.batches)


def endless(batches):
    yield from cycle(batches)


SOURCES = {
    "generator": (endless, {"steps_per_epoch": 5}),
    "loader": (Loader, {}),
    "loader by steps": (Loader, {"steps_per_epoch": 5}),
    "loader without a length": (lambda b: Loader(b, sized=False), {}),
    "lists": (lambda b: Loader([[a.tolist() for a in pair] for pair in b]), {}),
    "numbered": (Numbered, {}),
    "threads": (lambda b: Numbered(b, workers=3), {}),
    "processes": (lambda b: Numbered(b, workers=2, use_multiprocessing=True), {}),
}


@pytest.mark.parametrize("source", SOURCES)
def test_batches_train_like_arrays(net, rows, batches, source):
    make, options = SOURCES[source]
    by_arrays, by_batches = net(), net()
    told = by_arrays.fit(*rows, batch_size=5, epochs=3, shuffle=False, verbose=0).history
    got = by_batches.fit(make(batches), epochs=3, shuffle=False, verbose=0, **options).history
    assert got.keys() == told.keys()
    for name in told:
        np.testing.assert_allclose(got[name], told[name], rtol=1e-5)
    for a, b in zip(by_arrays.get_weights(), by_batches.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("kind", ["generator", "loader", "numbered", "arrays"])
def test_validation_and_evaluation(net, rows, batches, kind):
    model = net()
    told = model.evaluate(*rows, batch_size=5, verbose=0)
    make = {"generator": iter, "loader": Loader, "numbered": Numbered, "arrays": lambda b: rows}
    held = make[kind](batches)
    arguments = held if kind == "arrays" else (held,)
    np.testing.assert_allclose(model.evaluate(*arguments, batch_size=5, verbose=0), told, rtol=1e-5)
    logs = model.fit(
        Loader(batches), verbose=0, validation_data=make[kind](batches), validation_batch_size=5
    ).history
    np.testing.assert_allclose(
        [logs["val_loss"][0], logs["val_accuracy"][0]],
        model.evaluate(*rows, batch_size=5, verbose=0), rtol=1e-5,
    )  # fmt: skip
    two = model.evaluate(make["loader"](batches), steps=2, verbose=0)
    np.testing.assert_allclose(
        two, model.evaluate(rows[0][:10], rows[1][:10], batch_size=5, verbose=0), rtol=1e-5
    )


def test_a_generator_is_asked_for_no_more_than_is_used(net, batches):
    given = []

    def counted():
        for i, batch in enumerate(endless(batches)):
            given.append(i)
            yield batch

    model, generator = net(), counted()
    model.fit(generator, steps_per_epoch=7, epochs=2, verbose=0)
    assert len(given) == 14
    model.evaluate(generator, steps=3, verbose=0)
    model.predict(generator, steps=1, verbose=0)
    assert len(given) == 18
    assert next(generator) is batches[18 % 5]


def reusing(batches):
    """A generator that writes each batch over the one before."""
    x, y = batches[0][0].copy(), batches[0][1].copy()
    for given in batches:
        n = len(given[0])
        x[:n], y[:n] = given
        yield x[:n], y[:n]
        x[:], y[:] = 1e6, 1e6


def of_many_looks(batches):
    """The same numbers in every form that a batch may have."""
    for i, (x, y) in enumerate(batches):
        wide = (x.astype("float64"), y.astype("int64"))
        yield [(x, y), [x, y], wide, (lamina.ops.array(x), y), (x.tolist(), y.tolist())][i % 5]


@pytest.mark.parametrize("make", [reusing, of_many_looks])
@pytest.mark.parametrize("form", ["pairs", "names", "weights"])
def test_batches_are_copied_as_they_come(net, batches, make, form):
    def formed(given):
        for x, y in given:
            yield {"pairs": (x, y), "names": ({"a": x}, y), "weights": (x, y, y)}[form]

    def trained(given):
        if form != "names":
            model = net()
        else:
            x = lamina.Input((3,), name="a")
            ones = layers.Dense(1, activation="sigmoid", kernel_initializer="ones")
            model = lamina.Model({"a": x}, ones(x))
            model.compile(lamina.optimizers.SGD(0.5), "binary_crossentropy", metrics=["accuracy"])
        model.fit(given, verbose=0)
        return model.get_weights()[0]

    many = batches[:-1] * 40
    told = trained(iter(list(formed(many))))
    np.testing.assert_array_equal(trained(formed(make(many))), told)


def test_a_slow_generator_is_followed_batch_by_batch(net, batches):
    class Following(callbacks.Callback):
        def on_dispatch_end(self, done, logs=None):
            self.done.append(done)

    def slow():
        for i in range(12):
            seen.append(following.done[-1] if following.done else 0)
            time.sleep(0.06)
            yield batches[i % 4]

    following, seen = Following(), []
    following.done = []
    model = net()
    model.fit(iter(batches), verbose=0)  # compiled for
    model.fit(slow(), steps_per_epoch=12, verbose=0, callbacks=[following])
    assert following.done[-1] == 12
    # When a batch is asked for, all but the last two or so are trained on.
    assert all(trained >= asked - 3 for asked, trained in enumerate(seen))
    assert len(following.done) >= 9


class Watcher(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(batch)

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(self.params["steps"])


@pytest.mark.parametrize(("together", "ends"), [(1, [0, 1, 2, 3, 4]), (3, [2, 3, 4])])
def test_batch_hooks_and_steps_per_execution(net, batches, together, ends):
    watcher = Watcher()
    model = net(steps_per_execution=together)
    model.fit(Loader(batches, sized=False), epochs=2, verbose=0, callbacks=[watcher])
    # The steps of the first epoch are counted, those of the second known.
    assert watcher.seen == [*ends, 5, *ends, 5]


def test_numbered_batches_are_told_of_epochs_and_shuffled(net, batches):
    data = Numbered(batches)
    seen = []
    data.batches = [(x, np.full_like(y, i)) for i, (x, y) in enumerate(batches)]

    fetch = Numbered.__getitem__
    data.__class__ = type(
        "Noting", (Numbered,), {"__getitem__": lambda s, i: seen.append(i) or fetch(s, i)}
    )
    model = net()
    model.compile("sgd", "mse")
    model.fit(data, epochs=4, verbose=0)
    assert data.calls == ["begin", "end"] * 4
    assert seen[:2] == [0, 1]  # what the model is built for
    epochs = [seen[i : i + 5] for i in range(2, 22, 5)]
    assert all(sorted(e) == [0, 1, 2, 3, 4] for e in epochs)
    assert any(e != [0, 1, 2, 3, 4] for e in epochs)


def test_one_that_does_not_end(net, batches):
    class Endless(Numbered):
        num_batches = None

        def __getitem__(self, index):
            return self.batches[index % 5]

    model, other = net(), net()
    model.fit(Endless(batches, workers=2), steps_per_epoch=5, epochs=2, verbose=0)
    other.fit(Loader(batches), epochs=2, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], other.get_weights()[0], rtol=1e-5)


def test_class_weight_and_sample_weight(net, rows, batches):
    weights = {0: 1.0, 1: 3.0}
    models = [net() for _ in range(3)]
    models[0].fit(*rows, batch_size=5, shuffle=False, class_weight=weights, verbose=0)
    models[1].fit(iter(batches), class_weight=weights, verbose=0)
    models[2].fit(iter([(x, y, (1 + 2 * y)[:, 0]) for x, y in batches]), verbose=0)
    for model in models[1:]:
        np.testing.assert_allclose(model.get_weights()[0], models[0].get_weights()[0], rtol=1e-5)


def test_named_inputs(rows, batches):
    a, b = lamina.Input((3,), name="a"), lamina.Input((1,), name="b")
    joined = layers.Concatenate()([a, b])
    model = lamina.Model({"a": a, "b": b}, layers.Dense(1)(joined))
    model.compile("sgd", "mse")
    x, y = rows
    named = [({"a": x, "b": y}, y) for x, y in batches]
    assert len(model.fit(iter(named), verbose=0).history["loss"]) == 1
    got = model.predict(Loader(named), verbose=0)
    np.testing.assert_allclose(got, model.predict({"a": x, "b": y}, verbose=0), rtol=1e-5)


def test_lengths_that_vary_between_batches(rows):
    draw = np.random.default_rng(0)
    batches = [(draw.integers(0, 9, (4, n)), np.ones((4, 1))) for n in (3, 6, 3, 6)]
    model = lamina.Sequential(
        [layers.Embedding(9, 2), layers.GlobalAveragePooling1D(), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.fit(iter(batches), verbose=0)
    got = model.predict(Loader([x for x, _ in batches]), verbose=0)
    assert got.shape == (16, 1)
    np.testing.assert_allclose(got[4:8], model.predict(batches[1][0], verbose=0), rtol=1e-5)
    many = [(draw.integers(0, 9, (4, n)), np.ones((4, 1))) for n in range(1, 9)]
    with pytest.warns(UserWarning, match="few shapes"):
        model.evaluate(iter(many), verbose=0)


def test_predict(net, rows, batches):
    model = net()
    told = model.predict(rows[0], verbose=0)
    for source in (iter(batches), Loader(batches), Numbered(batches, workers=2)):
        np.testing.assert_allclose(model.predict(source, verbose=0), told, rtol=1e-6)
    by_x = model.predict(iter([x for x, _ in batches]), verbose=0)
    np.testing.assert_allclose(by_x, told, rtol=1e-6)
    assert len(model.predict(Loader(batches), steps=2, verbose=0)) == 10


def test_predict_compiles_for_few_of_many_lengths(net):
    x = np.random.rand(2000, 3).astype("float32")
    lengths = range(1, 2000, 40)
    streamed, one_by_one = net(), net()
    assert len(streamed.predict((x[:n] for n in lengths), verbose=0)) == sum(lengths)
    for n in lengths:
        assert len(one_by_one.predict(x[:n], verbose=0)) == n
    for model in (streamed, one_by_one):
        forward = model._programs["predict"]._forward
        assert forward._once._cache_size() + forward._many._cache_size() <= 12


# --- what goes wrong ------------------------------------------------------------------------------


def test_running_out(net, batches):
    model = net()
    with pytest.warns(UserWarning, match="ran out of data"):
        history = model.fit(iter(batches), epochs=3, verbose=0)
    assert history.epoch == [0]
    with pytest.warns(UserWarning, match=r"expected 9 batches in an epoch(.|\n)*Got 5"):
        model.fit(iter(batches), steps_per_epoch=9, verbose=0)
    with pytest.raises(ValueError, match=r"fit: expected at least one batch(.|\n)*make a new one"):
        model.fit(iter([]), verbose=0)
    with pytest.raises(ValueError, match="evaluate: expected at least one batch"):
        model.evaluate(iter([]), verbose=0)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_keeps_what_was_learned(net, rows, batches, workers):
    class Breaking(Numbered):
        def __getitem__(self, index):
            if index == 3:
                raise OSError("no such picture")
            return self.batches[index]

    model, told = net(), net()
    with pytest.raises(OSError, match="no such picture") as caught:
        model.fit(Breaking(batches, workers=workers), shuffle=False, verbose=0)
    assert "asked for batch 4" in caught.value.__notes__[0]
    told.fit(iter(batches[:3]), verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], told.get_weights()[0])
    model.fit(*rows, verbose=0)  # as if nothing had been


def test_a_worker_that_dies(net, batches):
    class Dying(Numbered):
        def __getitem__(self, index):
            if index == 2:
                os._exit(1)
            return self.batches[index]

    with pytest.raises(RuntimeError, match=r"expected its worker processes to live(.|\n)*memory"):
        net().fit(Dying(batches, workers=2, use_multiprocessing=True), shuffle=False, verbose=0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda x, y: (x, y, y), "like the first one.*Got.*as batch 3 of the list_iterator"),
        (lambda x, y: ({"a": x}, y), "like the first one"),
        (lambda x, y: (x * np.nan, y), "numbers in `x`.*NaN in batch 3"),
        (lambda x, y: (x[:4], y), "same number of samples"),
        (lambda x, y: (x, y, None, None), "Got 4 parts"),
        (lambda x, y: (x[:, :2], y), "size 3|shape"),
        (lambda x, y: None, "expected data as `x`"),
    ],
)
def test_batches_that_do_not_fit(net, batches, wrong, says):
    given = [*batches[:2], wrong(*batches[2]), *batches[3:]]
    model, told = net(), net()
    with pytest.raises(ValueError, match=f"(?s){says}"):
        model.fit(iter(given), verbose=0)
    told.fit(iter(batches[:2]), verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], told.get_weights()[0])


def test_arguments_that_do_not_fit(net, rows, batches):
    model = net()
    with pytest.raises(ValueError, match="expected no `y` beside a generator"):
        model.fit(endless(batches), rows[1], verbose=0)
    with pytest.raises(ValueError, match="expected no `sample_weight` beside"):
        model.evaluate(Loader(batches), sample_weight=rows[1], verbose=0)
    with pytest.raises(ValueError, match="expected arrays, whose last rows can be kept"):
        model.fit(Loader(batches), validation_split=0.2, verbose=0)
    with pytest.raises(ValueError, match="expected labels `y`"):
        model.fit(iter([batches[0][0]]), verbose=0)
    with pytest.raises(TypeError, match=r"expected a generator(.|\n)*call it: endless\(\)"):
        model.fit(endless, verbose=0)

    class Samples:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return batches[index]

    with pytest.raises(TypeError, match=r"single samples(.|\n)*DataLoader"):
        model.fit(Samples(), verbose=0)
    assert model.predict(np.ones((2, 3)).tolist(), verbose=0).shape == (2, 1)
    with pytest.raises(ValueError, match="expected an integer of 0 or more as `workers`"):
        Numbered(batches, workers=-1)
    with pytest.raises(NotImplementedError, match="expected a method `__getitem__`"):
        PyDataset()[0]
    with pytest.raises(NotImplementedError, match="expected a method `__len__`"):
        list(PyDataset())


def test_ctrl_c_while_the_generator_is_slow(net, batches):
    def slow():
        yield from batches
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        for _ in range(20):
            time.sleep(0.05)
        yield batches[0]

    model, told = net(), net()
    with pytest.raises(KeyboardInterrupt):
        model.fit(slow(), steps_per_epoch=9, verbose=0)
    learned = [told.get_weights()[0].tolist()]
    for batch in batches:
        told.fit(iter([batch]), verbose=0)
        learned.append(told.get_weights()[0].tolist())
    assert model.get_weights()[0].tolist() in learned


@pytest.mark.parametrize(
    "options", [{}, {"workers": 2}, {"workers": 2, "use_multiprocessing": True}]
)
def test_a_callback_that_raises_while_batches_are_fetched(net, batches, options):
    class Slow(Numbered):
        def __getitem__(self, index):
            time.sleep(0.02)
            return self.batches[index]

    class Raises(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise OSError("a full disk")

    data = Slow(batches * 20, **options)
    with pytest.raises(OSError, match="a full disk"):
        net().fit(data, callbacks=[Raises()], verbose=0)
    assert data.calls == ["begin", "end"]


def test_a_first_batch_is_not_taken_for_all_data(capsys):
    x, y = np.ones((30, 3), "float32"), np.ones((30, 1))
    x[:, 0] = np.arange(30)
    for given in (iter([(x, y)]), (x, y)):
        model = lamina.Sequential([lamina.Input((3,)), layers.Dense(1, activation="sigmoid")])
        model.compile("sgd", "binary_crossentropy")
        model.fit(*(given if isinstance(given, tuple) else (given,)), verbose=2)
        notes = capsys.readouterr().out
        assert ("one value only" in notes) == ("all labels are" in notes) == (given == (x, y))


def test_stop_training_inside_an_epoch(net, batches):
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    model = net()
    history = model.fit(
        endless(batches), steps_per_epoch=50, epochs=5, callbacks=[Stop()], verbose=0
    )
    assert history.epoch == [0]


class CutOff(callbacks.Callback):
    """Breaks off in the third epoch, after three steps."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations.numpy() == 13:
            raise RuntimeError("cut off")


@pytest.mark.parametrize("kind", ["shuffled", "generator"])
def test_a_run_that_was_cut_off_goes_on_as_if_it_had_not(net, batches, tmp_path, kind):
    def run(model, *more, **options):
        lamina.utils.set_random_seed(4)
        if kind == "shuffled":
            given = Numbered(batches)
        else:
            given, options["steps_per_epoch"] = endless(batches[:3]), 5
        model.fit(given, epochs=4, verbose=0, callbacks=list(more), **options)

    told, broken, model = net(), net(), net()
    run(told)
    backup = callbacks.BackupAndRestore(tmp_path, save_freq=1)
    with pytest.raises(RuntimeError, match="cut off"):
        run(broken, backup, CutOff())
    run(model, callbacks.BackupAndRestore(tmp_path, save_freq=1))
    np.testing.assert_array_equal(model.get_weights()[0], told.get_weights()[0])
