"""Fixtures for tests that ask for them."""

import os
import subprocess
import sys

import jax
import pytest


@pytest.fixture
def no_leaks():
    """Traced values that outlive their trace become errors; slow, so for tests that ask."""
    with jax.checking_leaks():
        yield


@pytest.fixture
def fresh_python(tmp_path):
    """Run a program in a new process, in an empty folder; returns what it printed.

    `devices=2` gives the process two virtual CPU devices: jax settles their number once a
    process, so a test that wants several cannot share this one.
    """

    def run(program: str, *arguments: str, devices: int = 1) -> str:
        flags = f"--xla_force_host_platform_device_count={devices}" if devices > 1 else ""
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=tmp_path,
            env=os.environ | {"XLA_FLAGS": flags, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, f"exit {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    return run
