"""What is done so that a script starts quickly leaves Python as it was."""

import gc
import importlib.metadata
import inspect
import subprocess
import sys

from lamina import _startup


def test_importing_leaves_the_collector_and_the_search_for_distributions_as_they_were():
    assert gc.isenabled()
    assert importlib.metadata.distributions.__module__ == "importlib.metadata"
    assert "numpy" in {d.name for d in importlib.metadata.distributions()}


def test_jax_finds_the_plug_ins_that_are_installed(tmp_path):
    described, package = tmp_path / "jax_rocm7_plugin-1.0.dist-info", tmp_path / "jax_rocm7_plugin"
    described.mkdir()
    (described / "METADATA").write_text("Name: jax-rocm7-plugin\n")
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "rocm_plugin_extension.py").write_text("print('the plug-in')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import lamina; print('jax')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "the plug-in\njax\n"


def test_a_deep_function_is_the_same_function():
    def function(a, *, b=2):
        return a, b

    signature = inspect.signature(function)
    assert _startup.deep(function) is function
    assert function.__code__.co_stacksize > 10_000
    assert function(1) == (1, 2)
    assert inspect.signature(function) == signature
    assert _startup.deep(len) is len  # not Python's
