"""Names and signatures against the committed list of Keras' public API.

`data/missing_names.json` lists what is not there yet. It can only shrink: a name that arrived must
be taken off, and `python tests/test_public_api.py` does so.
"""

import importlib
import inspect
import json
from pathlib import Path

import pytest

import lamina

DATA = Path(__file__).parent / "data"
KERAS = json.loads((DATA / "keras_api.json").read_text(encoding="utf-8"))
MISSING_FILE = DATA / "missing_names.json"
DIFFERENT = json.loads((DATA / "different_signatures.json").read_text(encoding="utf-8"))


def namespace(name: str):
    """lamina's module for one of Keras', or None."""
    try:
        return importlib.import_module(name.replace("keras", "lamina", 1))
    except ModuleNotFoundError:
        return None


def missing_names() -> dict[str, list[str]]:
    found = {}
    for name, names in KERAS.items():
        module = namespace(name)
        absent = [n for n in names if not hasattr(module, n)]
        if absent:
            found[name] = absent
    return found


def parameters(signature: str) -> list[tuple[str, str]]:
    """(name, default) pairs of a signature written as text; ** and * as their own names."""
    function = eval(f"lambda {_readable(signature)}: None", {})
    return [_pair(p) for p in inspect.signature(function).parameters.values()]


def _readable(signature: str) -> str:
    """The text without annotations, with defaults that only Keras' modules know as strings."""
    parts, depth, quoted, text = [], 0, False, ""
    for c in signature + ",":
        depth += (c in "([{") - (c in ")]}")
        quoted ^= c == "'"
        if c == "," and depth == 0 and not quoted:
            parts.append(text.strip())
            text = ""
        else:
            text += c
    fixed = []
    for part in parts:
        name, equals, default = part.partition("=")
        if equals:
            try:
                eval(default, {})
            except (NameError, SyntaxError):
                default = repr(default.strip())
        fixed.append(name.partition(":")[0] + equals + default)
    return ", ".join(fixed)


def _pair(p: inspect.Parameter) -> tuple[str, str]:
    prefix = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
    return prefix + p.name, "" if p.default is p.empty else repr(p.default)


def test_names_that_are_missing_are_those_listed():
    assert missing_names() == json.loads(MISSING_FILE.read_text(encoding="utf-8")), (
        "names came or went: run python tests/test_public_api.py"
    )


PRESENT = [
    (ns, name)
    for ns, names in KERAS.items()
    for name, signature in names.items()
    if signature is not None and callable(getattr(namespace(ns), name, None))
]


@pytest.mark.parametrize("ns", sorted({ns for ns, _ in PRESENT}))
def test_signatures_are_keras(ns):
    wrong = []
    for name in (n for space, n in PRESENT if space == ns):
        if f"{ns}.{name}" in DIFFERENT:
            continue
        item = getattr(namespace(ns), name)
        ours = [_pair(p) for p in inspect.signature(item).parameters.values()]
        theirs = parameters(KERAS[ns][name])
        if _bare(ours) != _bare(theirs):
            wrong.append(f"{name}: ours {ours}, Keras' {theirs}")
    assert not wrong, "\n".join(wrong)


def _bare(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without **kwargs, which says nothing, and with 1 and 1.0 alike."""
    return [(n, d.removesuffix(".0")) for n, d in pairs if not n.startswith("**")]


def test_all_lists_only_what_is_there():
    for name in lamina.__all__:
        assert hasattr(lamina, name), name
    for ns in KERAS:
        module = namespace(ns)
        for name in getattr(module, "__all__", ()):
            assert hasattr(module, name), f"{module.__name__}.{name}"


if __name__ == "__main__":
    MISSING_FILE.write_text(json.dumps(missing_names(), indent=0) + "\n", encoding="utf-8")
    print(sum(map(len, missing_names().values())), "names missing")
