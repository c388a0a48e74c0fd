"""ExportArchive: functions and the variables that they read, collected and written out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lamina._core.errors import describe, explain, nearest
from lamina._core.layer import Layer
from lamina._core.state import Variable, pure
from lamina._core.walk import unique
from lamina.export import _artifact, _onnx
from lamina.export._signature import checked_signature, signature_of

_OTHERS = {
    "litert": "LiteRT", "neptune_model": "AWS Neptune", "openvino": "OpenVINO",
    "saved_model": "TensorFlow", "tf_saved_model": "TensorFlow", "torch": "PyTorch",
}  # fmt: skip


@dataclass
class Endpoint:
    """A function of an artifact.

    Args:
        fn: takes what the signature says, and reads the archive's variables.
        signature: a structure of `InputSpec`s for each argument.
    """

    fn: Any
    signature: list[Any]

    def pure(self, variables: Sequence[Variable]) -> Any:
        """Return the function with the values of `variables` as first argument."""
        fn = pure(self.fn, variables)
        return lambda values, *args: fn(values, *args)[0]


class ExportArchive:
    """Functions of models, collected to be written as one artifact that runs without them.

    Args:
        format: 'stablehlo', a file that `lamina.export.load` and other runtimes of StableHLO read.

    Example:
        >>> import lamina, tempfile, os
        >>> model = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(2)])
        >>> archive = ExportArchive()
        >>> archive.track(model)
        >>> spec = lamina.layers.InputSpec(shape=(None, 3), dtype="float32")
        >>> archive.add_endpoint("serve", model.call, input_signature=[spec])
        >>> path = os.path.join(tempfile.mkdtemp(), "model.stablehlo")
        >>> archive.write_out(path, verbose=False)
        >>> lamina.export.load(path).serve([[1.0, 2.0, 3.0]]).shape
        (1, 2)
    """

    def __init__(self, format: str = "stablehlo") -> None:
        if format != "stablehlo":
            raise ValueError(unknown_format("ExportArchive", format, ("stablehlo",)))
        self._tracked: list[Any] = []
        self.endpoints: dict[str, Endpoint] = {}
        self.collections: dict[str, list[Variable]] = {}

    def track(self, resource: Any) -> None:
        """Keep the variables of a layer or model beside the functions.

        Variables that are not tracked become constants of the functions that read them.
        """
        if not isinstance(resource, Layer):
            raise ValueError(
                explain("ExportArchive.track", "expected a layer or model", describe(resource))
            )
        if not resource.built:
            raise ValueError(
                explain(
                    "ExportArchive.track",
                    "expected a layer that has its weights",
                    describe(resource),
                    "call it on data, or call build(input_shape), first",
                )
            )
        self._tracked.append(resource)

    def add_endpoint(self, name: str, fn: Any, input_signature: Any = None, **kwargs: Any) -> None:
        """Add a function.

        Args:
            name: by which it is called after loading.
            fn: a function of arrays, which may call tracked layers; or a model.
            input_signature: for each argument `InputSpec(shape, dtype)`, or a structure of them;
                None stands for sizes that vary. A model needs none.
            kwargs: `is_static` and `jax2tf_kwargs` are accepted for Keras' sake.

        Raises:
            ValueError: no signature, or a name that is taken or cannot be an attribute.
        """
        where = "ExportArchive.add_endpoint"
        if unknown := sorted(kwargs.keys() - {"is_static", "jax2tf_kwargs"}):
            raise ValueError(explain(where, "expected arguments that it knows", str(unknown)))
        self._check_new(where, name)
        owner = fn if isinstance(fn, Layer) else getattr(fn, "__self__", None)
        if isinstance(owner, Layer) and owner not in self._tracked:
            self.track(owner)
        if isinstance(fn, Layer):
            signature = signature_of(fn) if input_signature is None else input_signature
            fn = _inference(fn)
        elif input_signature is None:
            raise ValueError(
                explain(where, "expected an `input_signature`", "None",
                        "give [InputSpec(shape=(None, 3), dtype='float32')]")
            )  # fmt: skip
        else:
            signature = input_signature
        self.endpoints[name] = Endpoint(fn, checked_signature(where, signature))

    def track_and_add_endpoint(
        self, name: str, resource: Any, input_signature: Any = None, **kwargs: Any
    ) -> None:
        """Track a layer or model, and add its call as a function."""
        self.track(resource)
        self.add_endpoint(name, resource, input_signature, **kwargs)

    def add_variable_collection(self, name: str, variables: Any) -> None:
        """Keep the values of variables under a name of their own.

        Args:
            name: the attribute that has them after loading.
            variables: list of variables.
        """
        where, found = "ExportArchive.add_variable_collection", list(variables)
        self._check_new(where, name)
        for one in found:
            if not isinstance(one, Variable):
                raise ValueError(explain(where, "expected variables", describe(one)))
        self.collections[name] = found

    def _check_new(self, where: str, name: Any) -> None:
        if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
            raise ValueError(explain(where, "expected a name like 'serve'", describe(name)))
        if name in (*self.endpoints, *self.collections, *_artifact.RESERVED):
            raise ValueError(explain(where, "expected a new name", f"{name!r}"))

    @property
    def variables(self) -> list[Variable]:
        """The variables of all that is tracked."""
        return unique(v for layer in self._tracked for v in layer.variables)

    @property
    def trainable_variables(self) -> list[Variable]:
        """Those that training changes."""
        return unique(v for layer in self._tracked for v in layer.trainable_variables)

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """Those that training leaves alone."""
        return unique(v for layer in self._tracked for v in layer.non_trainable_variables)

    def write_out(
        self,
        filepath: Any,
        options: Any = None,
        verbose: bool = True,
        check: bool = True,
        platforms: Sequence[str] = _artifact.PLATFORMS,
    ) -> None:
        """Write the artifact; an old file stays until the new one is complete and checked.

        Args:
            filepath: of the file.
            options: accepted for Keras' sake.
            verbose: whether to print what it offers.
            check: whether to load it and compare its outputs with the model's, on random inputs.
            platforms: what it shall run on.

        Raises:
            ValueError: no endpoint, one that cannot be exported, or outputs that differ.
        """
        del options
        if not self.endpoints:
            raise ValueError(
                explain("ExportArchive.write_out", "expected endpoints", "none",
                        "call add_endpoint first")
            )  # fmt: skip
        _artifact.write(self, filepath, tuple(platforms), check)
        if verbose:
            print(f"Saved artifact at '{filepath}'. It offers:\n{_listed(self.endpoints)}")


def export_model(
    model: Any,
    filepath: Any,
    format: str = "stablehlo",
    verbose: bool | None = None,
    input_signature: Any = None,
    **kwargs: Any,
) -> None:
    """Write a model as an artifact for inference; see `Model.export`."""
    if format == "stablehlo":
        archive = ExportArchive()
        archive.track_and_add_endpoint("serve", model, input_signature)
        archive.write_out(filepath, verbose=verbose is not False, **_known(format, kwargs))
        return
    if format != "onnx":
        raise ValueError(unknown_format(f"{model.name}.export", format, ("stablehlo", "onnx")))
    known = _known(format, kwargs)
    where = f"{model.name}.export"
    given = signature_of(model) if input_signature is None else input_signature
    endpoint = Endpoint(_inference(model), checked_signature(where, given))
    _onnx.write(model, endpoint, filepath, **known)
    if verbose is not False:
        print(f"Saved ONNX model at '{filepath}'.")


def _known(format: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    names = {"stablehlo": ("check", "platforms"), "onnx": ("opset_version", "check")}[format]
    if unknown := sorted(kwargs.keys() - {*names, "is_static", "jax2tf_kwargs"}):
        raise ValueError(
            explain("export", f"expected options of format '{format}'", ", ".join(unknown),
                    f"it takes: {', '.join(names)}")
        )  # fmt: skip
    return {k: v for k, v in kwargs.items() if k in names}


def _inference(layer: Any) -> Any:
    return lambda *args: layer(*args, training=False)


def _listed(endpoints: dict[str, Endpoint]) -> str:
    return "\n".join(f"  {name}{tuple(e.signature)}" for name, e in endpoints.items())


def unknown_format(where: str, format: Any, known: Sequence[str]) -> str:
    """Return the error text for a format that is not written."""
    names = " or ".join(f"'{name}'" for name in known)
    needs = _OTHERS.get(format) if isinstance(format, str) else None
    if needs is not None:
        help = (
            "format='onnx' runs in most servers; or model.save('m.keras'), and export that with "
            f"Keras where {needs} is installed"
        )
        got = f"{format!r}, which needs {needs}"
    else:
        near = nearest(str(format), known)
        got, help = f"{format!r}", f"did you mean '{near}'?" if near else f"write {names}"
    return explain(where, f"expected the format {names}", got, help)
