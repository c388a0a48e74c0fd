"""numpy without a library: forward, backward and rmsprop written out, one batch at a time."""

LABEL = "numpy by hand"
FACE = "program_numpy"
REQUIRES = ()
ENVIRON = {}


def load():
    import numpy

    return numpy


class Job:
    def __init__(self, numpy, workload):
        self.step, self.apply = workload.program_numpy()
        self.x, self.y = (a.astype("float32") for a in workload.data())
        self.size, self.rng = workload.BATCH, numpy.random.default_rng(0)

    def fit(self, epochs, verbose=0):
        for _ in range(epochs):
            order = self.rng.permutation(len(self.x))
            loss = accuracy = 0.0
            for first in range(0, len(order), self.size):
                rows = order[first : first + self.size]
                batch_loss, batch_accuracy = self.step(self.x[rows], self.y[rows])
                loss += batch_loss * len(rows)
                accuracy += batch_accuracy * len(rows)
            scores = {"loss": loss / len(order), "accuracy": accuracy / len(order)}
            if verbose:
                print(scores)
        return scores

    def predict(self, rows):
        return self.apply(rows.astype("float32"))


start = Job
