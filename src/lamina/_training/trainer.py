"""fit, evaluate, predict and their one-batch siblings: the shell around the programs."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import jax

from lamina import _data as data
from lamina import config, metrics, optimizers
from lamina._core import tree
from lamina._core.context import using
from lamina._core.errors import describe, explain
from lamina._core.serialize import deserialize_keras_object
from lamina._core.state import Scope, Variable
from lamina._training import checks
from lamina._training.buckets import Buckets
from lamina._training.class_weight import weigh_classes
from lamina._training.compile import Compiled
from lamina._training.garbage import make_room
from lamina._training.loop import PROGRAMS_KEPT, Loop
from lamina._training.notes import notes
from lamina._training.one_batch import OneBatch
from lamina._training.predict import Predictor
from lamina._training.program import EagerProgram, Program
from lamina._training.stateless import stateful, takes_state
from lamina._training.steps import Steps, in_order
from lamina._training.watch import Tracked
from lamina.callbacks import BackupAndRestore, CallbackList, History
from lamina.callbacks._progress import say
from lamina.utils import pack_x_y_sample_weight, unpack_x_y_sample_weight


class Trainer(Steps):
    """The training side of a model; the layer side gives it what is declared here."""

    built: bool
    function: Any
    output_names: list[str]
    dtype_policy: Any
    _computes: bool
    _build_for: Callable[[Any], Any]

    def __init__(self) -> None:
        Steps.__init__(self)
        self.stop_training = False
        self.history: Any = None
        self.run_eagerly = False
        self.jit_compile = True
        self.steps_per_execution = 1
        self._noted: set[str] = set()
        self._programs: dict[Any, Any] = {}
        self._prepared: set[Any] = set()  # kinds of data that everything is built for

    # --- compile --------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how to train: by which optimizer, on which loss, watching which metrics.

        Args:
            optimizer: name or object.
            loss: name, function or object; with several outputs also a list, or a dictionary by
                name.
            loss_weights: factors of the outputs' losses, as a list or dictionary.
            metrics: list of names, functions or objects; with several outputs also a list or
                dictionary of such lists.
            weighted_metrics: likewise; these see `sample_weight`.
            run_eagerly: whether every step is run by Python, to look inside with a debugger.
            steps_per_execution: steps between two calls of the callbacks that want to see batches.
            jit_compile: False means `run_eagerly`; anything else compiles.
            auto_scale_loss: whether float16 policies get a loss scale.

        Raises:
            ValueError: a name that nothing has; the message gives the nearest.
        """
        compiled = Compiled(loss, loss_weights, metrics, weighted_metrics)
        chosen = optimizers.get(optimizer)
        if not isinstance(chosen, optimizers.Optimizer):
            raise ValueError(
                explain(
                    "compile",
                    "expected an optimizer",
                    describe(optimizer),
                    "write its name, as 'adam', or make one, as Adam(0.01)",
                )
            )
        steps_per_execution = checks.whole("compile", 1, steps_per_execution=steps_per_execution)
        self.optimizer = chosen
        self.run_eagerly = bool(run_eagerly)
        self.jit_compile = jit_compile
        self.steps_per_execution = steps_per_execution
        self.auto_scale_loss = auto_scale_loss
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
            self.optimizer = _with_loss_scale(chosen)
        self.stop_training = False
        self._compiled = compiled
        self._loss_tracker = _mean("loss")
        self._forget_programs()

    @property
    def compiled(self) -> bool:
        return self._compiled is not None

    @property
    def loss(self) -> Any:
        return None if self._compiled is None else self._compiled.loss

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return the arguments of `compile`, serialized; None, with a warning, if one has no name.

        A model trained on a `lambda` is saved all the same; it is not compiled when loaded.
        """
        if self._compiled is None:
            return None
        given = self._compiled
        try:
            records = {
                "optimizer": optimizers.serialize(self.optimizer),
                "loss": optimizers.serialize(given.loss),
                "loss_weights": given.loss_weights,
                "metrics": optimizers.serialize(given.metrics),
                "weighted_metrics": optimizers.serialize(given.weighted_metrics),
            }
        except ValueError as error:
            warnings.warn(f"what compile() was given is not saved. {error}", stacklevel=2)
            return None
        return {
            **records,
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
            "jit_compile": self.jit_compile,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Call `compile` with what `get_compile_config` returned, and make the optimizer's state.

        A class that overrides `compile` has to override this too: else it stays uncompiled, with
        a warning.
        """
        if type(self).compile is not Trainer.compile:
            warnings.warn(
                f"{type(self).__name__} overrides compile(), hence was not compiled: call "
                "compile() yourself, or override get_compile_config and compile_from_config",
                stacklevel=2,
            )
            return
        optimizer = optimizers.deserialize(config.get("optimizer", "rmsprop"))
        rest = {k: deserialize_keras_object(v) for k, v in config.items() if k != "optimizer"}
        self.compile(optimizer, **rest)
        if self.built and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    # --- fit ------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        resume: Any = None,
    ) -> History:
        """Train for a number of epochs.

        Args:
            x: data with a row per sample: an array, nested lists of numbers, a data frame; for
                several inputs a list or dictionary of such. Or what gives batches (x, y) or
                (x, y, sample_weight): a generator, a `PyDataset`, a loader or data set of
                another library, read ahead in a thread.
            y: labels, likewise; None if x gives batches.
            batch_size: rows per step (default: 32).
            epochs: number of the last epoch.
            verbose: 0 silent, 1 progress bar, 2 a line per epoch; 'auto' is 1.
            callbacks: list of callbacks.
            validation_split: fraction of the rows, the last ones, that is kept for validation.
            validation_data: (x, y) or (x, y, sample_weight) for validation, or what gives batches.
            shuffle: whether each epoch sees the rows in an order of its own.
            class_weight: {class number: weight of its samples}; with several outputs
                {name of output: such a dictionary}.
            sample_weight: weight per sample.
            initial_epoch: number of the first epoch, from 0.
            steps_per_epoch: steps of an epoch (default: all rows once).
            validation_steps, validation_batch_size: the same for validation.
            validation_freq: every how many epochs to validate, or a list of epochs, from 1.
            resume: folder in which the state of the run is kept after every epoch, and from which
                the same call goes on when the run was cut off; see `callbacks.BackupAndRestore`.

        Returns:
            The History: `.history` has a list per metric, `.plot()` draws them.

        Raises:
            ValueError: data that cannot work, before anything is changed.
            FloatingPointError: the loss is NaN or infinite; see `config.enable_nan_stop`.
        """
        self._require_compiled("fit")
        batch_size = checks.batch_size("fit", batch_size)
        checks.whole("fit", 0, epochs=epochs)
        checks.whole("fit", 0, initial_epoch=initial_epoch)
        checks.counts(
            "fit", steps_per_epoch=steps_per_epoch, validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
        )  # fmt: skip
        checks.frequency(validation_freq)
        read = {"batch_size": batch_size, "shuffle": bool(shuffle), "steps": steps_per_epoch}
        held_read = {"batch_size": validation_batch_size or batch_size, "steps": validation_steps}
        with ExitStack() as opened:
            source, held = self._fit_data(
                opened, (x, y, sample_weight), read, class_weight,
                validation_split, validation_data, held_read,
            )  # fmt: skip
            callbacks = self._callbacks(
                callbacks, verbose, add_history=True, steps=_steps(source, steps_per_epoch),
                epochs=_capped(epochs, None, config.max_epochs()),
            )  # fmt: skip
            if resume is not None:
                callbacks.append(BackupAndRestore(resume, double_checkpoint=True,
                                                  delete_checkpoint=False))  # fmt: skip
            if callbacks.params["verbose"]:
                self._say_notes(source, held if validation_data is None else None)
            self._fit(
                source, held, callbacks, initial_epoch, steps_per_epoch, validation_steps,
                validation_freq,
            )  # fmt: skip
            if callbacks.params["verbose"] and isinstance(source, data.StreamSource):
                self._say([self._buckets("train").note])
        return self.history

    def _fit(
        self, source: data.Source, held: data.Source | None, callbacks: CallbackList,
        initial_epoch: int, steps_per_epoch: int | None, validation_steps: int | None,
        validation_freq: Any,
    ) -> None:  # fmt: skip
        """Train on a source, and validate on another one."""
        epochs = callbacks.params["epochs"]
        self.history = callbacks.history
        self.stop_training, self._validates = False, held is not None
        with Loop(self, callbacks, "train") as loop:
            for epoch in loop.epochs(initial_epoch, epochs):
                loop.epoch("train", source, _steps(source, steps_per_epoch))
                # An unknown number of steps has been counted now.
                callbacks.params["steps"] = _steps(source, steps_per_epoch)
                if held is not None and _due(epoch, validation_freq):
                    loop.validate(held, _steps(held, validation_steps))
                if epoch + 1 < epochs and not source.more():
                    self.stop_training = True

    def _fit_data(
        self, opened: ExitStack, given: Any, read: dict[str, Any], class_weight: Any,
        validation_split: float, validation_data: Any, held_read: dict[str, Any],
    ) -> tuple[data.Source, data.Source | None]:  # fmt: skip
        """Return sources for training and validation, checked; the model is then ready for them."""
        resume = read["steps"] is not None
        source = data.source_of("fit", *given, **read, resume=resume)
        opened.enter_context(closing(source))
        sources = {"train": source}
        if validation_data is not None:
            parts = unpack_x_y_sample_weight(validation_data)
            sources["test"] = data.source_of("validation_data", *parts, **held_read)
            opened.enter_context(closing(sources["test"]))
        elif validation_split:
            split = data.split_validation(source, validation_split, held_read["batch_size"])
            sources["train"], sources["test"] = split
        for kind, each in sources.items():
            checks.require_labels("fit", self, each.sample[1], plain=self._is_plain(kind))
        train = sources["train"]
        self._prepare(train.sample, "train", train.batch, train.spec)
        for kind, each in sources.items():
            checks.check_labels("fit", self, each.sample)
            self._pad(kind, each)
        if class_weight is not None:
            train.weigh(lambda batch: self._weighed(batch, class_weight))
        return train, sources.get("test")

    def _say_notes(self, source: data.Source, held: data.Source | None) -> None:
        """Say what looks like a mistake, in the data or in how loss and model go together."""
        if config.are_data_notes_enabled():
            whole = isinstance(source, data.ArraySource)
            self._say(notes(self, source.sample, None if held is None else held.sample, whole))

    def _say(self, texts: Iterable[str | None]) -> None:
        """Say notes, each once."""
        for text in texts:
            if text is not None and text not in self._noted and config.are_data_notes_enabled():
                self._noted.add(text)
                say(f"Note: {text}.")

    def _buckets(self, kind: str) -> Buckets:
        buckets: Buckets = self._kept(("buckets", kind), lambda: Buckets(self, kind), Buckets.fits)
        return buckets

    def _pad(self, kind: str, source: data.Source) -> None:
        """Let a source pad sequences that vary in length, if the model takes no notice of it."""
        if not isinstance(source, data.StreamSource):  # arrays, whose rows have one length
            return
        buckets = self._buckets(kind)
        if buckets.used:
            buckets.begin(source.sample[0])
            source.pad(buckets.pad)

    def _weighed(self, packed: Any, class_weight: Any) -> Any:
        """Return data, for which the model is ready, with the classes' weights in it."""
        if class_weight is None:
            return packed
        compiled = self._require_compiled("fit")
        return weigh_classes(packed, class_weight, compiled.keys, self._output_spec)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return the loss and metrics on data, without learning from it.

        Args:
            x, y, batch_size, verbose, sample_weight, callbacks: see `fit`.
            steps: steps to take (default: all rows once).
            return_dict: whether to return a dictionary instead of a list.

        Returns:
            The loss alone if there are no metrics; else a list in the order of `metrics_names`.
        """
        if kwargs:
            raise ValueError(
                explain(
                    "evaluate",
                    "expected only arguments that it knows",
                    ", ".join(kwargs),
                    "it takes: x, y, batch_size, verbose, sample_weight, steps, callbacks, "
                    "return_dict",
                )
            )
        self._require_compiled("evaluate")
        batch_size = checks.batch_size("evaluate", batch_size)
        checks.counts("evaluate", steps=steps)
        source = data.source_of("evaluate", x, y, sample_weight, batch_size=batch_size, steps=steps)
        with closing(source):
            checks.require_labels("evaluate", self, source.sample[1], plain=self._is_plain("test"))
            self._prepare(source.sample, "test", source.batch, source.spec)
            checks.check_labels("evaluate", self, source.sample)
            self._pad("test", source)
            steps = _steps(source, steps)
            callbacks = self._callbacks(callbacks, verbose, steps=steps)
            with Loop(self, callbacks, "test") as loop:
                logs = loop.epoch("test", source, steps)
        if return_dict:
            return dict(logs)
        return _unnamed([logs[name] for name in in_order(logs, loop.metric_names)])

    # --- single batches -------------------------------------------------------------------------

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:  # fmt: skip
        """Learn from one batch; return its loss and metrics, as `evaluate` does."""
        self._require_compiled("train_on_batch")
        batch = data.pack(x, y, sample_weight)
        return self._on_batch("train", batch, return_dict, class_weight)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return the loss and metrics of one batch, without learning from it."""
        self._require_compiled("test_on_batch")
        return self._on_batch("test", data.pack(x, y, sample_weight), return_dict)

    def _on_batch(self, kind: str, batch: Any, return_dict: bool, class_weight: Any = None) -> Any:
        where = f"{kind}_on_batch"
        checks.require_labels(where, self, batch[1], plain=self._is_plain(kind))
        self._prepare(batch, kind, data.rows(batch))
        checks.check_labels(where, self, batch)
        batch = self._weighed(batch, class_weight)
        key = ("once", kind, data.rows(batch), _spec(batch), self._eager())
        step = self._kept(key, lambda: OneBatch(self, kind, batch), OneBatch.holds)
        logs = step(batch)
        return logs if return_dict else _unnamed(list(logs.values()))

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch, as numpy arrays."""
        return self.predict(x, batch_size=data.rows(data.as_arrays("x", x)), verbose=0)

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: Any = "auto",
        steps: int | None = None, callbacks: Any = None,
    ) -> Any:  # fmt: skip
        """Return the outputs for data, as numpy arrays.

        Args:
            x: data, as in `fit`.
            batch_size: rows per step (default: 32); the outputs do not depend on it.
            verbose: 1 shows a progress bar; 'auto' shows one only for what takes a while.
            steps: number of batches (default: all).
            callbacks: list of callbacks.
        """
        predictor, batch_size, steps = self._predictor("predict", batch_size, steps)
        return predictor(x, batch_size, verbose, steps, callbacks)

    def predict_batches(
        self, x: Any, batch_size: int | None = None, steps: int | None = None
    ) -> Iterator[Any]:
        """Yield, batch by batch, the outputs that `predict` returns at once.

        For outputs, and inputs, that are larger than memory: only a few batches are held at a time,
        64 at most and 64 MiB if a batch has no more. The numbers are those of `predict` to the last
        bit.

        Args:
            x: data, as in `fit`.
            batch_size: rows of each piece (default: 32), for what does not come in batches.
            steps: number of batches (default: all).

        Example:
            >>> model = lamina.Sequential([lamina.Input((2,)), lamina.layers.Dense(1)])
            >>> [y.shape for y in model.predict_batches(np.ones((5, 2)), batch_size=2)]
            [(2, 1), (2, 1), (1, 1)]
        """
        predictor, batch_size, steps = self._predictor("predict_batches", batch_size, steps)
        return predictor.batches(x, batch_size, steps)

    def _predictor(self, where: str, batch_size: Any, steps: Any) -> tuple[Predictor, int, Any]:
        """Return what predicts, and the arguments checked."""
        batch_size = checks.batch_size(where, batch_size)
        checks.counts(where, steps=steps)
        steps = _capped(None, steps, config.max_steps_per_epoch())
        return self._kept("predict", lambda: Predictor(self), Predictor.fits), batch_size, steps

    # --- preparation ----------------------------------------------------------------------------

    def _prepare(self, packed: Any, kind: str, batch: int, like: Any = None) -> None:
        """Build the model, the losses and metrics, and the optimizer for data of this kind.

        Args:
            packed: (x, y, sample_weight).
            kind: 'train' or 'test'.
            batch: rows per step.
            like: symbolic tensors for all such data; by default what `packed` says.
        """
        compiled = self._require_compiled(kind)
        like = packed if like is None else like
        spec = (_spec(like), self._rehearses(kind))
        if spec in self._prepared:
            return
        x, y, _ = like
        if spec[1]:
            self._rehearse(kind, packed, min(batch, data.rows(packed)))
        elif self._computes:
            y_pred = self._build_for(tree.map_structure(data.symbolic, x))
            if not compiled.settled:  # labels that were refused leave no trace
                names = self.output_names if self.function is not None else None
                labels = None if y is None else tree.map_structure(data.symbolic, y)
                compiled.resolve(labels, y_pred, names)
            self._output_spec = y_pred
        if not self.optimizer.built and len(self._optimizers()) == 1:
            self.optimizer.build(self.trainable_variables)
        self._prepared = {*self._prepared, spec}

    def _rehearses(self, kind: str) -> bool:
        """Return whether a subclass's step, not `call`, shows what there is to build."""
        step = f"{kind}_step"
        return (
            getattr(type(self), step) is not getattr(Steps, step)
            and not takes_state(getattr(self, step))
            and (self.function is None or len(self._optimizers()) > 1)
            and (not self._eager() or not self._computes)
        )

    def _rehearse(self, kind: str, packed: Any, batch: int) -> None:
        """Trace a subclass's step on shapes alone: what it uses is built on the way.

        A step may ask for weights before it calls the layer that makes them. It then fails, but
        finds them there the next time; so it is tried as long as it makes something.
        """
        step = getattr(self, f"{kind}_step")
        rows = jax.tree.map(lambda a: jax.ShapeDtypeStruct((batch, *a.shape[1:]), a.dtype), packed)
        made = -1
        while not self._eager() and self._lacks_parts() and made < len(self._state()):
            made = len(self._state())
            try:
                with Scope():
                    jax.eval_shape(
                        lambda given: step(pack_x_y_sample_weight(*given)) and None, rows
                    )
                return
            except Exception:
                if made == len(self._state()):
                    raise

    def _eager(self) -> bool:
        return self.run_eagerly or self.jit_compile is False

    def _settle(self) -> None:
        """Keep the losses and metrics that were chosen for the labels: a step has used them."""
        if self._compiled is not None:
            self._compiled.settled = True

    _validates = False  # whether the fit that runs, or ran last, has validation data
    _output_spec: Any = None

    def _callbacks(self, callbacks: Any, verbose: Any, **params: Any) -> CallbackList:
        verbose = checks.verbosity(verbose)
        return CallbackList(
            callbacks, add_progbar=verbose != 0, model=self, verbose=verbose, **params
        )

    def _program(
        self, kind: str, arrays: Any, batch: int, tracked: Tracked, single: bool = False
    ) -> Program | EagerProgram:
        """Return the compiled loop for this kind of step, these arrays and this batch size."""
        variables = tracked.variables
        flags = tuple(v.trainable for v in variables)
        key = (
            kind, _spec(arrays), batch, tuple(map(id, variables)), flags, self._eager(),
            tracked.edition, single,
        )  # fmt: skip
        return self._kept(key, lambda: self._make_program(kind, arrays, batch, variables, single))

    def _make_program(
        self, kind: str, arrays: Any, batch: int, variables: list[Variable], single: bool
    ) -> Program | EagerProgram:
        make = EagerProgram if self._eager() else Program
        with using(scope=None):
            return make(*self._step_of(kind), variables, arrays, batch, single)

    def engines(self) -> dict[str, str]:
        """Return what runs the steps compiled so far: 'native', or 'XLA' and the reason why.

        Example:
            >>> from lamina.layers import Dense, Input
            >>> model = lamina.Sequential([Input((3,)), Dense(1)])
            >>> model.compile("sgd", "mse")
            >>> _ = model.fit(np.ones((8, 3)), np.ones((8, 1)), verbose=0)
            >>> model.engines()
            {'train, 8 rows': '...'}
        """
        compiled = [(k, p) for k, p in self._programs.items() if getattr(p, "ready", False)]
        return {f"{key[0]}, {program.batch} rows": program.engine for key, program in compiled}

    def _step_of(self, kind: str) -> tuple[Callable[[Any], Any], Callable[[], Any] | None]:
        """Return a step as a function of (x, y, sample_weight), and what makes its logs later."""
        name, quick = ("train_step", self._learn) if kind == "train" else ("test_step", self._judge)
        default = getattr(type(self), name) is getattr(Steps, name)
        if default and type(self).compute_metrics is Steps.compute_metrics:
            return quick, self.get_metrics_result
        whole = stateful(self, kind, getattr(self, name))
        return lambda batch: whole(pack_x_y_sample_weight(*batch)), None

    def _kept(
        self, key: Any, make: Callable[[], Any], fits: Callable[[Any], bool] | None = None
    ) -> Any:
        """Return the program of this key, made if there is none that still fits.

        The programs used last are kept. They are attributes of the model, and end with it.
        """
        program = self._programs.pop(key, None)
        if program is None or (fits is not None and not fits(program)):
            make_room(self)
            program = make()
        while len(self._programs) >= PROGRAMS_KEPT:
            self._programs.pop(next(iter(self._programs)))
        self._programs[key] = program
        return program

    def _tracked(self) -> Tracked:
        """Return what steps may touch; the metrics begin afresh."""
        if type(self).reset_metrics is not Steps.reset_metrics:
            self.reset_metrics()  # which may do more than its like here
        tracked: Tracked = self._kept("tracked", lambda: Tracked(self), Tracked.holds)
        return tracked

    def _forget_programs(self) -> None:
        self._programs.clear()
        self._prepared = set()


def _with_loss_scale(optimizer: Any) -> Any:
    """Return the optimizer with a dynamic loss scale: float16 has too few small numbers."""
    if isinstance(optimizer, optimizers.LossScaleOptimizer):
        return optimizer
    return optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")


def _mean(name: str) -> Any:
    return metrics.Mean(name=name)


def _capped(given: int | None, asked: int | None, cap: int | None) -> Any:
    return min((x for x in (given, asked, cap) if x is not None), default=None)


def _steps(source: data.Source, asked: int | None) -> int | None:
    """Return the steps of an epoch, None if that is unknown."""
    steps: int | None = _capped(source.steps, asked, config.max_steps_per_epoch())
    return steps


def _unnamed(values: list[Any]) -> Any:
    """Return logs as `evaluate` does without `return_dict`: the loss alone if there is only it."""
    return values[0] if len(values) == 1 else values


def _due(epoch: int, frequency: Any) -> bool:
    if isinstance(frequency, (list, tuple, set)):
        return epoch + 1 in frequency
    return (epoch + 1) % frequency == 0


def _spec(structure: Any) -> Any:
    leaves, form = jax.tree.flatten(structure)
    return form, tuple((a.shape[1:], str(a.dtype)) for a in leaves)
