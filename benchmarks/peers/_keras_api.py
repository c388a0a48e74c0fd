"""What every library with Keras' API has in common: lamina and the three backends of Keras."""

from pathlib import Path
from shutil import which

# Keras draws with Graphviz; without it on the machine its pictures are left out.
PLOTTING = ("pydot",) if which("dot") else ()


class Job:
    """A compiled model of the workload, its data, and how to train it."""

    def __init__(self, keras, workload, draws=True):
        self.keras, self.workload, self.draws = keras, workload, draws
        self.x, self.y = workload.data()
        self.model = workload.model_keras(keras)

    def fit(self, epochs, verbose=0):
        size = self.workload.BATCH
        history = self.model.fit(self.x, self.y, epochs=epochs, batch_size=size, verbose=verbose)
        return {name: values[-1] for name, values in history.history.items()}

    def predict(self, rows):
        return self.model.predict(rows, verbose=0)

    def draw(self, folder):
        """Draw the workload's pictures and return how many."""
        extra = getattr(self.workload, "pictures_keras", None)
        models = [*extra(self.keras), self.model] if extra and self.draws else []
        for model in models:
            self.keras.utils.plot_model(model, to_file=str(Path(folder, f"{model.name}.png")))
        return len(models)
