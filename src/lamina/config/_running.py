"""How things run and show themselves: the engine, progress, tracebacks, caps for a quick try."""

import os
import warnings
from dataclasses import dataclass

from lamina._core.configurable import is_integer
from lamina._core.errors import describe, explain


@dataclass
class _Running:
    interactive_logging: bool = True
    traceback_filtering: bool = True
    nan_stop: bool = True
    data_notes: bool = True
    length_buckets: bool = True
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None


_running = _Running()


def backend() -> str:
    """Return the name of the engine: always 'jax'.

    Example:
        >>> backend()
        'jax'
    """
    return "jax"


def set_backend(backend: str) -> None:
    """Accept 'jax', the one engine that lamina has.

    Raises:
        ValueError: another name.
    """
    if backend != "jax":
        expected, help = "expected 'jax', the only engine", "leave the call out"
        raise ValueError(explain("set_backend", expected, describe(backend), help))


def is_nnx_enabled() -> bool:
    """Return whether variables are those of Flax: never, lamina has its own."""
    return False


def enable_unsafe_deserialization() -> None:
    """Warn that files cannot bring code along: what they name is looked up, never run.

    Keras runs the byte code of lambdas that a file contains after this call. Here a function has to
    be registered by `register_keras_serializable`, or given as one of `custom_objects`.
    """
    warnings.warn(
        explain(
            "enable_unsafe_deserialization",
            "expected files without code: lamina runs none, whatever is enabled",
            help="register functions with @lamina.utils.register_keras_serializable() and save "
            "again, or pass them as custom_objects",
        ),
        stacklevel=2,
    )


def enable_interactive_logging() -> None:
    """Let progress and messages go to the screen, `sys.stdout` (the default)."""
    _running.interactive_logging = True


def disable_interactive_logging() -> None:
    """Send progress and messages, in whole lines, to the logger 'lamina' at level INFO.

    This suits programs that nobody watches. To see the lines: `logging.basicConfig(level="INFO")`.
    """
    _running.interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Return whether progress and messages go to the screen.

    Example:
        >>> is_interactive_logging_enabled()
        True
    """
    return _running.interactive_logging


def enable_traceback_filtering() -> None:
    """Let the `lamina` command show the script's own lines alone for errors that it explains."""
    _running.traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Show tracebacks whole."""
    _running.traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """Return whether tracebacks leave the library's own lines out.

    Example:
        >>> is_traceback_filtering_enabled()
        True
    """
    return _running.traceback_filtering


def enable_nan_stop() -> None:
    """Let `fit` stop with an error when the loss is NaN or infinite (the default).

    The error names the epoch, the step and the layer where it began, and the weights are those
    before that step. The callback TerminateOnNaN takes the matter over: `fit` then ends without
    an error.
    """
    _running.nan_stop = True


def disable_nan_stop() -> None:
    """Let `fit` go on, whatever the loss is, as Keras does."""
    _running.nan_stop = False


def is_nan_stop_enabled() -> bool:
    """Return whether `fit` stops when the loss is NaN or infinite.

    Example:
        >>> is_nan_stop_enabled()
        True
    """
    return _running.nan_stop


def enable_data_notes() -> None:
    """Let `fit` print a line for each thing in the data that looks like a mistake (the default)."""
    _running.data_notes = True


def disable_data_notes() -> None:
    """Let `fit` say nothing about data that it can work with."""
    _running.data_notes = False


def are_data_notes_enabled() -> bool:
    """Return whether `fit` says what looks like a mistake in the data.

    Example:
        >>> are_data_notes_enabled()
        True
    """
    return _running.data_notes


def enable_length_buckets() -> None:
    """Let batches whose sequences vary in length be padded to few lengths (the default).

    Every length is compiled for. Only models whose results do not change are given padding: those
    that mask it, by `Embedding(mask_zero=True)` or `Masking`, in all layers up to one that has no
    time steps in its output. Dropout on time steps draws other numbers.
    """
    _running.length_buckets = True


def disable_length_buckets() -> None:
    """Let batches keep the lengths that they have."""
    _running.length_buckets = False


def are_length_buckets_enabled() -> bool:
    """Return whether sequences of many lengths are padded to few where that changes no result.

    Example:
        >>> are_length_buckets_enabled()
        True
    """
    return _running.length_buckets


def max_epochs() -> int | None:
    """Return the cap on the epochs of any `fit`, or None."""
    return _running.max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Cap the epochs of any `fit`, for a quick try of a long script.

    The environment variable KERAS_MAX_EPOCHS does the same.

    Args:
        max_epochs: a positive number; None or 0 for no cap.

    Raises:
        ValueError: anything else.
    """
    _running.max_epochs = _cap("set_max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """Return the cap on the steps of any epoch, or None."""
    return _running.max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Cap the steps of any `fit` epoch, `evaluate` and `predict`, for a quick try.

    The environment variable KERAS_MAX_STEPS_PER_EPOCH does the same.

    Args:
        max_steps_per_epoch: a positive number; None or 0 for no cap.

    Raises:
        ValueError: anything else.
    """
    _running.max_steps_per_epoch = _cap("set_max_steps_per_epoch", max_steps_per_epoch)


def _cap(where: str, value: int | None) -> int | None:
    if value is not None and (not is_integer(value) or value < 0):
        expected = "expected a positive integer, or None for no cap"
        raise ValueError(explain(where, expected, describe(value), "use 1 or more"))
    return value or None


def _from_environment(name: str) -> int | None:
    text = os.environ.get(name)
    if not text:
        return None
    return _cap(f"the environment variable {name}", int(text) if text.isdecimal() else text)  # type: ignore[arg-type]


_running.max_epochs = _from_environment("KERAS_MAX_EPOCHS")
_running.max_steps_per_epoch = _from_environment("KERAS_MAX_STEPS_PER_EPOCH")
