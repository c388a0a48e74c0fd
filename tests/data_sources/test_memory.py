"""Memory that is used again: never while somebody reads it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import _data as data
from lamina._data.memory import Pool, empty, on_device
from lamina._data.ring import END, MORE, Ring


class Reader:
    urgent = False


def pool_of(*shape):
    return Pool(lambda: ([empty(shape, np.dtype("float32"))], "more"))


def place(array):
    return array.ctypes.data


def test_memory_is_given_out_again_when_its_views_are_gone():
    pool = pool_of(4, 3)
    (first,), more = pool.take()
    (second,), _ = pool.take()
    assert more == "more"
    assert place(first) != place(second)
    held, at = first[1:3].reshape(-1), place(first)
    del first
    (third,), _ = pool.take()
    assert place(third) not in (at, place(second))
    del held
    (fourth,), _ = pool.take()
    assert place(fourth) == at


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="elsewhere arrays are copied")
def test_memory_is_not_given_out_while_a_program_reads_it():
    @jax.jit
    def slow(x, w):
        return jax.lax.fori_loop(0, 200, lambda i, w: jnp.tanh(w @ w), w).sum() * 0 + x.sum()

    w, pool = jnp.ones((256, 256)), pool_of(256, 256)
    jax.block_until_ready(slow(np.zeros((256, 256), "float32"), w))  # compiled
    for _ in range(3):
        (x,), _ = pool.take()
        x[:] = 1
        at = place(x)
        total = slow(on_device({"x": x})["x"], w)
        del x
        running = not total.is_ready()
        (other,), _ = pool.take()
        assert not running or total.is_ready() or place(other) != at
        other[:] = np.nan
        assert float(total) == 256 * 256
        del other


def test_a_ring_takes_what_looks_like_its_batches():
    x, y = np.ones((2, 3), "float32"), np.ones((2, 1), "float32")
    ring = Ring((x, y, None), together=2)
    assert ring.fill(iter([(x, y)]), Reader) == (x, y)  # it does not know yet
    assert ring.put((x, y, None))
    ring.expect((x, y))
    for odd in ((x[:1], y[:1]), (x.astype("float64"), y), (x, y.astype("int32")), (x, y, y), x):
        assert ring.fill(iter([odd, (x, y)]), Reader) is odd
    assert ring.fill(iter([(2 * x, y), [3 * x, y], None, (x, y)]), Reader) is None
    assert ring.count == 3
    assert ring.fill(iter([]), Reader) is END

    wanted = type("Wanted", (), {"urgent": True})
    left = iter([(4 * x, y), (x, y)])
    assert ring.fill(left, wanted) is MORE  # at a multiple of two
    assert ring.count == 4
    assert len(list(left)) == 1
    np.testing.assert_array_equal(ring.data[0][:8, 0], [1, 1, 2, 2, 3, 3, 4, 4])
    assert not ring.put((x.astype("int32"), y, None))

    endless = iter(partial(tuple, (x, y)), None)
    fresh = ring.fresh()
    assert fresh.fill(endless, Reader) is MORE
    assert fresh.full
    assert fresh.count == fresh.room


def test_where_nan_is_in_a_ring():
    x, y = np.ones((2, 3), "float32"), np.ones((2, 1), "float32")
    ring = Ring((x, y, None))
    ring.put((x, y, None))
    assert ring.nan is None
    ring = ring.fresh()
    for bad in (y, y, y * np.nan, y * np.nan):
        ring.put((x, bad, None))
    assert ring.nan == ("y", 2)


def test_pieces_use_few_places(monkeypatch):
    monkeypatch.setenv("LAMINA_DATA_BUDGET", "100")
    monkeypatch.setattr(data.pieces, "PIECE", 160)
    x = np.arange(600, dtype="float32").reshape(200, 3)
    source = data.source_of("fit", x, x[:, 0], batch_size=5, shuffle=True)
    for _ in range(2):
        seen, places = [], set()
        for block in source.blocks():
            rows = np.asarray(block.order)[: block.stop * block.batch]
            seen.extend(np.asarray(block.data[1])[rows].tolist())
            places.add(place(np.asarray(block.data[0])))
        assert sorted(seen) == x[:, 0].tolist()
        assert len(places) <= 6


def test_batches_of_alternating_shapes_use_few_places():
    batches = [(np.full((2, n), i, "float32"), np.ones((2, 1))) for i, n in enumerate((3, 5) * 20)]
    source = data.source_of("fit", iter(batches), batch_size=2)
    seen, places = [], set()
    for block in source.blocks():
        if block is not None:
            seen.append(float(np.asarray(block.data[0])[0, 0]))
            places.add(place(np.asarray(block.data[0])))
    assert seen == list(range(40))
    assert len(places) <= 12
