"""The command `lamina`: run scripts written for Keras, and report on the installation."""

import argparse
import builtins
import importlib.metadata
import os
import platform
import runpy
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import SourceFileLoader
from types import CodeType, ModuleType, TracebackType

import jax

import lamina
from lamina import alias, saving
from lamina._core.errors import explain
from lamina._training.cache import use_persistent_cache
from lamina.config import is_traceback_filtering_enabled

__all__ = ["main"]

_OPTIONAL = """
    matplotlib pillow rich h5py ipython pandas scipy scikit-learn optax orbax-checkpoint
    keras tensorflow torch
"""
_ENVIRONMENT = ("JAX_PLATFORMS", "JAX_COMPILATION_CACHE_DIR", "XLA_FLAGS", "KERAS_BACKEND")

# Frames of these files only lie between a script and its imports.
_OURS = frozenset(
    [
        __file__,
        alias.__file__,
        "<frozen runpy>",
        "<frozen importlib._bootstrap>",
        "<frozen importlib._bootstrap_external>",
    ]
)
# Frames of these folders say nothing that an error in three parts does not say better.
_LIBRARIES = tuple(os.path.join(package.__path__[0], "") for package in (lamina, jax))


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line and return the exit status."""
    _print_whatever_happens()
    parser = argparse.ArgumentParser(
        prog="lamina", description="Keras' API on JAX: run scripts written for Keras unchanged."
    )
    parser.add_argument("--version", action="version", version=f"lamina {lamina.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add in (_add_run, _add_doctor, _add_inspect):
        add(commands)
    options = parser.parse_args(arguments)
    if not hasattr(options, "command"):
        parser.print_help()
        return 0
    return options.command(options)


def _print_whatever_happens() -> None:
    """A console that lacks a character shows its escape: it must not end a training."""
    if sys.stdout is not None and getattr(sys.stdout, "errors", None) == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _complain(text: str) -> int:
    print(text, file=sys.stderr)
    return 2


# lamina run


def _add_run(commands: argparse._SubParsersAction) -> None:
    run = commands.add_parser(
        "run",
        help="run a script in which `keras` and `tensorflow.keras` mean lamina",
        usage="lamina run [-h] (SCRIPT | -m MODULE | -c CODE) [ARGUMENT ...]",
        description="Run a Python script in which `keras` and `tensorflow.keras` mean lamina.",
    )
    # As with python itself, what follows the script, the module or the code belongs to it.
    rest = argparse.REMAINDER
    run.add_argument("script", nargs=rest, help="the file, and its arguments")
    run.add_argument("-m", dest="module", nargs=rest, help="run a module instead of a file")
    run.add_argument("-c", dest="code", nargs=rest, help="run this code instead of a file")
    run.set_defaults(command=_run, usage=run.format_usage())


def _run(options: argparse.Namespace) -> int:
    words = options.module or options.code or options.script
    words = words[words[:1] == ["--"] :]
    if not words:
        return _complain(options.usage.strip())
    prepare = _module if options.module else _code if options.code else _script
    try:
        program = prepare(words[0], list(words[1:]))
        alias.install_as_keras()
    except (OSError, ImportError, RuntimeError) as error:
        return _complain(str(error))
    return _guarded(program)


def _script(path: str, arguments: list[str]) -> Callable[[], object]:
    where = os.path.abspath(path)
    if not os.path.isfile(where):
        what = "a folder" if os.path.isdir(where) else "a name that no file has"
        raise OSError(
            explain(
                "lamina run",
                "expected the path of a Python script",
                f"{path!r}, {what}",
                f"the current folder is {os.getcwd()}",
            )
        )
    if where.endswith(".ipynb"):
        raise OSError(
            explain(
                "lamina run",
                "expected the path of a Python script",
                f"{path!r}, a notebook",
                "open it in Jupyter and run `%load_ext lamina` in its first cell",
            )
        )
    with open(where, "rb") as file:
        source = file.read()
    _set_up([path, *arguments], os.path.dirname(os.path.realpath(where)))
    return lambda: _execute(source, where)


def _code(source: str, arguments: list[str]) -> Callable[[], object]:
    _set_up(["-c", *arguments], "")
    return lambda: _execute(source.encode(), "<string>")


def _module(name: str, arguments: list[str]) -> Callable[[], object]:
    _set_up(["-m", *arguments], os.getcwd())
    return lambda: runpy.run_module(name, run_name="__main__", alter_sys=True)


def _set_up(argv: list[str], folder: str) -> None:
    """Give the program its own `sys.argv`, and its own folder first on `sys.path`."""
    sys.argv[:] = argv
    if not sys.flags.safe_path:
        sys.path[0] = folder


def _execute(source: bytes, filename: str) -> None:
    code: CodeType = compile(source, filename, "exec", dont_inherit=True)
    module = ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    if os.path.isfile(filename):
        module.__file__ = filename
        module.__loader__ = SourceFileLoader("__main__", filename)
    # It stays there: threads, atexit functions and pickle look things up in it to the end.
    sys.modules["__main__"] = module
    exec(code, module.__dict__)


def _guarded(program: Callable[[], object]) -> int:
    """Run `program`; report its errors as Python would, without the frames around it."""
    try:
        program()
    except SystemExit:
        raise
    except KeyboardInterrupt as stop:
        _clean(stop)
        trace = stop.__traceback__
        where = (
            f" at line {trace.tb_lineno} of {trace.tb_frame.f_code.co_filename}" if trace else ""
        )
        print(f"\nInterrupted{where}", file=sys.stderr)
        return 130
    except BaseException as error:
        _clean(error)
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _clean(error: BaseException) -> None:
    """Take our own frames out of the tracebacks of `error` and of those that led to it.

    Of an error that lamina explains, the frames inside lamina go too: what remains are the lines of
    the script. `disable_traceback_filtering()` keeps them. Any other error is shown whole.
    """
    found, seen = [error], set()
    while found:
        one = found.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        explained = is_traceback_filtering_enabled() and _is_explained(one)
        one.__traceback__ = _without_ours(one.__traceback__, _LIBRARIES if explained else ())
        found += [e for e in (one.__cause__, one.__context__) if e is not None]
        found += one.exceptions if isinstance(one, BaseExceptionGroup) else []


def _is_explained(error: BaseException) -> bool:
    """Whether the message has the three parts of `_core.errors.explain`."""
    text = error.args[0] if error.args else None
    return isinstance(text, str) and "\n  Got " in text


def _without_ours(trace: TracebackType | None, folders: tuple[str, ...]) -> TracebackType | None:
    kept = []
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file not in _OURS and not file.startswith(folders):
            kept.append(trace)
        trace = trace.tb_next
    following = None
    for one in reversed(kept):
        following = TracebackType(following, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return following


# lamina doctor


def _add_doctor(commands: argparse._SubParsersAction) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="print a short report on the installation, to paste into a question",
        description="Print a short report on the installation, to paste into a question.",
    )
    doctor.set_defaults(command=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    for name, value in _report().items():
        print(f"{name:<12} {value}")
    return 0


def _report() -> dict[str, str]:
    optional = [f"{name} {v}" for name in _OPTIONAL.split() if (v := _version(name))]
    settings = [f"{name}={os.environ[name]}" for name in _ENVIRONMENT if name in os.environ]
    cache = use_persistent_cache() or jax.config.jax_compilation_cache_dir
    return {
        "lamina": lamina.__version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "jax": f"{_version('jax')}, jaxlib {_version('jaxlib')}",
        "numpy": _version("numpy") or "missing",
        "devices": _devices(),
        "cores": _cores(),
        "cache": _short(str(cache)) if cache else "none (compiled programs are not kept)",
        "console": f"{getattr(sys.stdout, 'encoding', None)}, terminal: {_is_terminal()}",
        "optional": ", ".join(optional) or "none",
        "environment": ", ".join(settings) or "nothing set",
    }


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _devices() -> str:
    try:
        return ", ".join(f"{d.platform}:{d.id} ({d.device_kind})" for d in jax.devices())
    except RuntimeError as error:  # the platform that was asked for is not there
        return f"none: {error}"


def _cores() -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{usable} usable of {os.cpu_count()}"


def _is_terminal() -> str:
    return "yes" if sys.stdout is not None and sys.stdout.isatty() else "no"


def _short(path: str) -> str:
    """A path that can be shown to others: the home folder as ~."""
    home = os.path.expanduser("~")
    return path.replace(home, "~", 1) if path.startswith(home) else path


# lamina inspect


def _add_inspect(commands: argparse._SubParsersAction) -> None:
    inspect_ = commands.add_parser(
        "inspect",
        help="list what a file of a model or of weights holds",
        description="List the classes, arrays, sizes and versions in a .keras, .h5 or .safetensors "
        "file. Nothing of it is made or run.",
    )
    inspect_.add_argument("file", help="the file's path")
    inspect_.set_defaults(command=_inspect)


def _inspect(options: argparse.Namespace) -> int:
    try:
        print(saving.inspect(options.file))
    except (OSError, ValueError, ImportError) as error:
        return _complain(str(error))
    return 0
