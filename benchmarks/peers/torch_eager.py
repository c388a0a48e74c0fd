"""PyTorch as its own tutorials write it: a Python loop of eager steps."""

from peers._keras_api import PLOTTING

LABEL = "PyTorch, eager"
FACE = "parts_torch"
REQUIRES = ("torch==2.13.0", "keras", *PLOTTING)  # as keras_torch: one environment for both
ENVIRON = {}


def load():
    import torch

    return torch


class Job:
    def __init__(self, torch, workload):
        self.torch, self.size = torch, workload.BATCH
        self.net, self.loss, self.optimizer, self.last = workload.parts_torch(torch)
        self.x, self.y = (torch.from_numpy(a.astype("float32")) for a in workload.data())

    def fit(self, epochs, verbose=0):
        torch, n = self.torch, len(self.x)
        self.net.train()
        for _ in range(epochs):
            loss = accuracy = torch.zeros(())
            for rows in torch.randperm(n).split(self.size):
                x, y = self.x[rows], self.y[rows]
                self.optimizer.zero_grad()
                z = self.net(x)
                value = self.loss(z, y)
                value.backward()
                self.optimizer.step()
                loss = loss + value.detach() * len(rows)
                accuracy = accuracy + (z.argmax(-1) == y.argmax(-1)).sum()
            scores = {"loss": float(loss) / n, "accuracy": float(accuracy) / n}
            if verbose:
                print(scores)
        return scores

    def predict(self, rows):
        self.net.eval()
        with self.torch.no_grad():
            x = self.torch.from_numpy(rows.astype("float32"))
            return self.last(self.net(x)).numpy()


start = Job
