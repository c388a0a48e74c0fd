"""scikit-learn's MLPClassifier, which also counts its loss but no accuracy while it trains."""

LABEL = "scikit-learn MLP"
FACE = "settings_sklearn"
REQUIRES = ("scikit-learn",)
ENVIRON = {"PYTHONWARNINGS": "ignore"}  # it warns that it has not converged


def load():
    import sklearn.neural_network

    return sklearn


class Job:
    def __init__(self, sklearn, workload):
        self.x, y = workload.data()
        self.labels = y.argmax(-1)
        self.net = sklearn.neural_network.MLPClassifier(
            **workload.settings_sklearn(),
            batch_size=workload.BATCH,
            warm_start=True,
            n_iter_no_change=10**6,  # train the epochs that were asked for
        )

    def fit(self, epochs, verbose=0):
        self.net.set_params(max_iter=epochs, verbose=bool(verbose)).fit(self.x, self.labels)
        return {"loss": float(self.net.loss_)}

    def predict(self, rows):
        return self.net.predict_proba(rows)


start = Job
