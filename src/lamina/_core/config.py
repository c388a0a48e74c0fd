"""Settings of the process that the engine and the ops read; `lamina.config` has them all."""

from dataclasses import dataclass

from lamina._core.errors import describe, explain


@dataclass
class _Settings:
    floatx: str = "float32"
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"
    flash_attention: bool | None = None


_settings = _Settings()


def _one_of(where: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(explain(where, f"expected one of {', '.join(allowed)}", describe(value)))


def floatx() -> str:
    """Return the default float dtype.

    Example:
        >>> floatx()
        'float32'
    """
    return _settings.floatx


def set_floatx(value: str) -> None:
    """Set the default float dtype: 'bfloat16', 'float16', 'float32' or 'float64'."""
    _one_of("set_floatx", value, ("bfloat16", "float16", "float32", "float64"))
    _settings.floatx = value


def epsilon() -> float:
    """Return the fuzz factor that keeps logarithms and divisions finite.

    Example:
        >>> epsilon()
        1e-07
    """
    return _settings.epsilon


def set_epsilon(value: float) -> None:
    """Set the fuzz factor."""
    _settings.epsilon = float(value)


def image_data_format() -> str:
    """Return the default layout of images: 'channels_last' or 'channels_first'."""
    return _settings.image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the layout of images: 'channels_last' (N, H, W, C) or 'channels_first' (N, C, H, W)."""
    data_format = str(data_format).lower()
    _one_of("set_image_data_format", data_format, ("channels_last", "channels_first"))
    _settings.image_data_format = data_format


def standardize_data_format(data_format: str | None) -> str:
    """Return `data_format`, or the default one for None."""
    if data_format is None:
        return _settings.image_data_format
    data_format = str(data_format).lower()
    _one_of("data_format", data_format, ("channels_last", "channels_first"))
    return data_format


def enable_flash_attention() -> None:
    """Let attention use cuDNN's fused kernel where it can be had: on a GPU, in short floats."""
    _settings.flash_attention = True


def disable_flash_attention() -> None:
    """Keep attention from using the fused kernel."""
    _settings.flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """Return whether attention may use the fused kernel; None if nobody said (it does not then)."""
    return _settings.flash_attention
