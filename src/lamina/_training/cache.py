"""The folder in which compiled programs outlive the process: a second run starts at once.

Set `LAMINA_CACHE` to a folder of your choice, or to 'off'. Nothing is touched if jax's own cache
is set.
"""

import hashlib
import os
import platform
import sys
import time
from functools import cache
from pathlib import Path

import jax

LIMIT = 512 * 1024**2  # bytes; the oldest files go first
_DAY = (
    24 * 3600
)  # seconds; looking through thousands of files takes 0.2 s, so it is done once a day
_SECONDS = 0.05  # compilations that take less are not worth a file


@cache
def use_persistent_cache() -> Path | None:
    """Turn jax's persistent cache on, once per process; return its folder, or None if it is off."""
    wanted = os.environ.get("LAMINA_CACHE", "")
    if wanted.lower() in ("off", "0", "no", "false") or jax.config.values.get(
        "jax_compilation_cache_dir"
    ):
        return None
    folder = (Path(wanted) if wanted else _user_cache() / "lamina") / f"xla-{_machine()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _trim(folder)
    except OSError:  # a read-only home is no reason to fail
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _SECONDS)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    return folder


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _machine() -> str:
    """Return a short name for this kind of processor: code for another may not run here."""
    text = f"{jax.__version__} {platform.machine()} "
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        text += next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        text += platform.processor()  # not Linux, where this starts a program
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _trim(folder: Path) -> None:
    stamp = folder / "trimmed"
    if stamp.exists() and time.time() - stamp.stat().st_mtime < _DAY:
        return
    stamp.touch()
    files = sorted((e for e in os.scandir(folder) if e.is_file()), key=lambda e: e.stat().st_mtime)
    total = sum(e.stat().st_size for e in files)
    for entry in files:
        if total <= LIMIT:
            break
        total -= entry.stat().st_size
        os.unlink(entry.path)
