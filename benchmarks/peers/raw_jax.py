"""jax without a library: one compiled `fori_loop` an epoch, shuffled, with loss and accuracy."""

LABEL = "jax by hand"
FACE = "program_jax"
REQUIRES = ()
ENVIRON = {}


def load():
    import jax

    return jax


class Job:
    def __init__(self, jax, workload):
        import numpy as np

        self.as_numpy = np.asarray
        self.state, step, apply = workload.program_jax(jax)
        self.data = [jax.device_put(a.astype("float32")) for a in workload.data()]
        self.rows, self.size = len(self.data[0]), workload.BATCH
        self.steps, rest = divmod(self.rows, self.size)
        assert rest == 0, "this peer knows full batches only"
        self.rng = np.random.default_rng(0)
        self.apply = jax.jit(apply)

        def epoch(state, data, order):
            def body(i, state):
                rows = jax.lax.dynamic_slice(order, (i * self.size,), (self.size,))
                return step(state, *(a[rows] for a in data))

            state = state | {"loss": 0.0, "accuracy": 0.0}
            return jax.lax.fori_loop(0, self.steps, body, state)

        self.epoch = jax.jit(epoch, donate_argnums=0)

    def fit(self, epochs, verbose=0):
        for _ in range(epochs):
            order = self.rng.permutation(self.rows).astype("int32")
            self.state = self.epoch(self.state, self.data, order)
            scores = {n: float(self.state[n]) / self.steps for n in ("loss", "accuracy")}
            if verbose:
                print(scores)
        return scores

    def predict(self, rows):
        return self.as_numpy(self.apply(self.state, rows.astype("float32")))


start = Job
