"""Settings of the process: default dtypes, image layout, how progress is shown, caps."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina._core.config import (
        disable_flash_attention,
        enable_flash_attention,
        epsilon,
        floatx,
        image_data_format,
        is_flash_attention_enabled,
        set_epsilon,
        set_floatx,
        set_image_data_format,
    )
    from lamina._native.switch import (
        disable_native_steps,
        enable_native_steps,
        is_native_steps_enabled,
    )
    from lamina.config._running import (
        are_data_notes_enabled,
        are_length_buckets_enabled,
        backend,
        disable_data_notes,
        disable_interactive_logging,
        disable_length_buckets,
        disable_nan_stop,
        disable_traceback_filtering,
        enable_data_notes,
        enable_interactive_logging,
        enable_length_buckets,
        enable_nan_stop,
        enable_traceback_filtering,
        enable_unsafe_deserialization,
        is_interactive_logging_enabled,
        is_nan_stop_enabled,
        is_nnx_enabled,
        is_traceback_filtering_enabled,
        max_epochs,
        max_steps_per_epoch,
        set_backend,
        set_max_epochs,
        set_max_steps_per_epoch,
    )
    from lamina.dtype_policies._policy import dtype_policy, set_dtype_policy


__all__ = [
    "are_data_notes_enabled", "are_length_buckets_enabled", "backend", "disable_data_notes",
    "disable_flash_attention", "disable_interactive_logging", "disable_length_buckets",
    "disable_nan_stop", "disable_native_steps", "disable_traceback_filtering", "dtype_policy",
    "enable_data_notes", "enable_flash_attention", "enable_interactive_logging",
    "enable_length_buckets", "enable_nan_stop", "enable_native_steps", "enable_traceback_filtering",
    "enable_unsafe_deserialization", "epsilon", "floatx", "image_data_format",
    "is_flash_attention_enabled", "is_interactive_logging_enabled", "is_nan_stop_enabled",
    "is_native_steps_enabled", "is_nnx_enabled", "is_traceback_filtering_enabled", "max_epochs",
    "max_steps_per_epoch", "set_backend", "set_dtype_policy", "set_epsilon", "set_floatx",
    "set_image_data_format", "set_max_epochs", "set_max_steps_per_epoch",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)
