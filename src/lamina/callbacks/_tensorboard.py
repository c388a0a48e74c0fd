"""TensorBoard: the course of training as event files."""

import os
import time
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np

from lamina._core.configurable import is_integer
from lamina._core.errors import describe, explain, nearest
from lamina.callbacks._callback import Callback, acts_after
from lamina.callbacks._event_file import EventFile
from lamina.callbacks._learning_rate import learning_rates
from lamina.utils._atomic import atomic_write


class TensorBoard(Callback):
    """Writes what TensorBoard shows: `tensorboard --logdir=log_dir`. TensorFlow is not needed.

    `log_dir/train` has the metrics and the learning rate of every epoch, `log_dir/validation` those
    of validation.

    Args:
        log_dir: folder, used for nothing else.
        histogram_freq: every how many epochs to write histograms of all weights; 0 for never.
        write_graph: whether to write the graph of the layers.
        write_images: whether to write the weights as pictures beside their histograms; their
            smallest value is black, their largest white.
        write_steps_per_second: whether to write how fast training is.
        update_freq: 'epoch', or every how many batches to write the metrics too; 'batch' is 1.
            Between these, batches are run as one program.
        profile_batch: number of the batch, from 1, or pair of the first and the last one, that the
            profiler of JAX records; 0 for none.
        embeddings_freq: every how many epochs to write the tables of embedding layers for the
            projector; 0 for never.
        embeddings_metadata: file with the labels of the rows, in `log_dir`; or a dictionary of
            such by the name of the layer.

    Raises:
        ValueError: `embeddings_metadata` names a layer that is no embedding.

    Example:
        >>> import tempfile, os, numpy as np, lamina
        >>> model = lamina.Sequential([lamina.layers.Dense(1)]); model.compile("sgd", "mse")
        >>> x, folder = np.ones((4, 1)), tempfile.mkdtemp()
        >>> board = TensorBoard(folder)
        >>> _ = model.fit(x, x, verbose=0, validation_split=0.5, callbacks=[board])
        >>> sorted(os.listdir(folder))
        ['train', 'validation']
    """

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq, self.write_graph = histogram_freq, write_graph
        self.write_images, self.write_steps_per_second = write_images, write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        if update_freq != "epoch" and not (is_integer(self.update_freq) and self.update_freq > 0):
            expected = "expected 'epoch', 'batch' or a number of batches as `update_freq`"
            raise ValueError(explain("TensorBoard", expected, describe(update_freq)))
        self.profile_batch = profile_batch
        self._first_profiled, self._last_profiled = _profiled(profile_batch)
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self._files: dict[str, EventFile] = {}
        self._profiling = self._training = False
        self._global_train_batch = 0
        self._last_batch = -1
        self._begun = {"epoch": 0.0, "batch": 0.0}
        self._iterations_before = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the counts of batches; clocks and files are each run's own."""
        return {k: vars(self)[k] for k in ("_global_train_batch", "_last_batch")}

    def _file(self, kind: str) -> EventFile:
        """Return the event file of 'train' or 'validation', made when first asked for."""
        if kind not in self._files or self._files[kind].closed:
            self._files[kind] = EventFile(Path(self.log_dir) / kind)
        return self._files[kind]

    def _flush(self) -> None:
        for file in self._files.values():
            if not file.closed:
                file.flush()

    def _close(self) -> None:
        self._training = False
        self._stop_profiler()
        for file in self._files.values():
            file.close()
        self._files = {}

    # --- training -------------------------------------------------------------------------------

    def on_train_begin(self, logs: Any = None) -> None:
        self._global_train_batch, self._last_batch, self._training = 0, -1, True
        if self.embeddings_freq:
            self._configure_projector()
        if self.write_graph and getattr(self.model, "function", None) is not None:
            try:
                self._file("train").keras_graph("keras", self.model.to_json(), step=0)
            except (TypeError, ValueError) as error:
                reason = str(error).splitlines()[0]
                warnings.warn(f"TensorBoard: the graph is left out: {reason}", stacklevel=2)

    def on_train_end(self, logs: Any = None) -> None:
        self._close()

    def on_interrupt(self) -> None:
        """Called when training ends by an exception."""
        self._close()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._last_batch = -1
        if self.write_steps_per_second:
            self._begun["epoch"] = time.perf_counter()
            self._iterations_before = int(self.model.optimizer.iterations)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        train = {k: v for k, v in logs.items() if not k.startswith("val_")}
        held = {k.removeprefix("val_"): v for k, v in logs.items() if k.startswith("val_")}
        train |= learning_rates(self.model)
        if self.write_steps_per_second:
            steps = int(self.model.optimizer.iterations) - self._iterations_before
            train["steps_per_second"] = steps / (time.perf_counter() - self._begun["epoch"])
        for kind, values in (("train", train), ("validation", held)):
            if values:
                self._scalars(kind, {f"epoch_{k}": v for k, v in values.items()}, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()
        self._flush()

    def _scalars(self, kind: str, values: dict[str, Any], step: int) -> None:
        numbers = {name: value for name, value in values.items() if np.ndim(value) == 0}
        self._file(kind).scalars(numbers, step)

    # --- batches --------------------------------------------------------------------------------

    def _batches_left(self) -> int | None:
        """After how many batches there is something to write, or the profiler to be set."""
        now, waits = self._global_train_batch, []
        if self.update_freq != "epoch":
            waits.append(self.update_freq - now % self.update_freq)
        stops = (self._first_profiled - 1, self._last_profiled)
        waits += [stop - now for stop in stops if stop > now]
        return min(waits, default=None)

    @acts_after("_batches_left")
    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self._global_train_batch + 1 == self._first_profiled and not self._profiling:
            jax.profiler.start_trace(str(Path(self.log_dir) / "train"))
            self._profiling = True
        if self.write_steps_per_second:
            self._begun["batch"] = time.perf_counter()

    @acts_after("_batches_left")
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        steps, self._last_batch = batch - self._last_batch, batch
        self._global_train_batch += steps
        now = self._global_train_batch
        if self.update_freq != "epoch" and now % self.update_freq == 0:
            values = {f"batch_{name}": value for name, value in (logs or {}).items()}
            if self.write_steps_per_second:
                seconds = time.perf_counter() - self._begun["batch"]
                values["batch_steps_per_second"] = steps / max(seconds, 1e-9)
            self._scalars("train", values, now)
        if self._profiling and now >= self._last_profiled:
            self._stop_profiler()

    def _stop_profiler(self) -> None:
        if self._profiling:
            self._profiling = False
            jax.profiler.stop_trace()

    # --- evaluation -----------------------------------------------------------------------------

    def on_test_end(self, logs: Any = None) -> None:
        if getattr(self.model, "optimizer", None) is not None:
            values = {f"evaluation_{k}_vs_iterations": v for k, v in (logs or {}).items()}
            self._scalars("validation", values, int(self.model.optimizer.iterations))
        if self._training:
            self._flush()
        else:
            self._close()

    # --- weights --------------------------------------------------------------------------------

    def _write_weights(self, epoch: int) -> None:
        file = self._file("train")
        for layer in self.model.layers:
            for weight in layer.weights:
                tag, values = weight.path.replace(":", "_"), weight.numpy()
                file.histogram(f"{tag}/histogram", values, epoch)
                images = _as_images(values) if self.write_images else None
                if images is not None:
                    file.images(f"{tag}/image", images, epoch)

    def _embeddings(self) -> dict[str, Any]:
        """The model's embedding layers by name."""
        return {layer.name: layer for layer in self.model.layers if hasattr(layer, "embeddings")}

    def _configure_projector(self) -> None:
        """Write the file by which the projector finds the tables and their labels."""
        found, labels = self._embeddings(), self.embeddings_metadata
        if isinstance(labels, dict):
            for name in labels:
                if name not in found:
                    near = nearest(str(name), found)
                    expected = "expected names of embedding layers in `embeddings_metadata`"
                    help = f"did you mean '{near}'?" if near else None
                    raise ValueError(explain("TensorBoard", expected, repr(name), help))
        text = ""
        for name in found:
            own = labels.get(name) if isinstance(labels, dict) else labels
            text += f'embeddings {{\n  tensor_name: "{name}"\n  tensor_path: "{name}.tsv"\n'
            text += f'  metadata_path: "{own}"\n' * bool(own) + "}\n"
        folder = Path(self.log_dir)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / "projector_config.pbtxt") as temporary:
            temporary.write_text(text, encoding="utf-8")

    def _write_embeddings(self) -> None:
        for name, layer in self._embeddings().items():
            with atomic_write(Path(self.log_dir) / f"{name}.tsv") as temporary:
                table = np.asarray(layer.embeddings, "float32")
                np.savetxt(temporary, table, fmt="%.7g", delimiter="\t")


def _profiled(given: Any) -> tuple[int, int]:
    """The first and the last batch that `profile_batch` names: 5, (10, 20) or '10,20'."""
    pair = [int(x) for x in given.split(",")] if isinstance(given, str) else given
    pair = [pair] if is_integer(pair) else list(pair) if isinstance(pair, (list, tuple)) else []
    if not (0 < len(pair) <= 2 and all(map(is_integer, pair)) and 0 <= pair[0] <= pair[-1]):
        expected = "expected a number of a batch, or the first and the last one, as `profile_batch`"
        raise ValueError(explain("TensorBoard", expected, describe(given), "use 0 for none"))
    return pair[0], pair[-1]


def _as_images(weight: np.ndarray) -> np.ndarray | None:
    """Return a weight as pictures (N, H, W, C), uint8, or None if it is none."""
    values = np.squeeze(weight).astype("float32")
    if values.ndim == 1:
        values = values[None, :, None, None]  # (n,) -> (1, n, 1, 1)
    elif values.ndim == 2:
        values = values.T if values.shape[0] > values.shape[1] else values
        values = values[None, ..., None]  # (h, w) -> (1, h, w, 1)
    elif values.ndim == 3:
        values = np.moveaxis(values, -1, 0)[..., None]  # (h, w, n) -> (n, h, w, 1)
    if values.ndim != 4 or values.shape[-1] not in (1, 3, 4) or not np.isfinite(values).all():
        return None
    low, high = values.min(), values.max()
    return np.uint8((values - low) * (255 / (high - low) if high > low else 0))
