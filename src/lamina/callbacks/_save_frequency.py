"""When callbacks that save do so: after each epoch, or every so many batches."""

from typing import Any

from lamina._core.configurable import is_integer
from lamina._core.errors import describe, explain


class SaveFrequency:
    """Counts batches for a callback whose `save_freq` is 'epoch' or a number of batches."""

    save_freq: Any
    _batches_seen_since_last_saving = 0
    _last_batch_seen: int | None = None

    def _check_save_freq(self) -> None:
        freq = self.save_freq
        if freq != "epoch" and not (is_integer(freq) and freq > 0):
            raise ValueError(
                explain(
                    type(self).__name__,
                    "expected 'epoch' or a number of batches as `save_freq`",
                    describe(freq),
                    "save_freq=100 saves every 100 batches",
                )
            )

    def _batches_left(self) -> int | None:
        """After how many batches the next saving is due; None if batches do not matter."""
        if not is_integer(self.save_freq):
            return None
        return self.save_freq - self._batches_seen_since_last_saving

    def _should_save_on_batch(self, batch: int) -> bool:
        """Count up to this batch of the epoch; return whether `save_freq` batches have passed."""
        if not is_integer(self.save_freq):
            return False
        last = -1 if self._last_batch_seen is None or batch <= self._last_batch_seen else (
            self._last_batch_seen)  # fmt: skip
        self._batches_seen_since_last_saving += batch - last
        self._last_batch_seen = batch
        if self._batches_seen_since_last_saving < self.save_freq:
            return False
        self._batches_seen_since_last_saving = 0
        return True
