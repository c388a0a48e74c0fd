"""llvmlite: from a module's text to machine code, and to functions that Python can call."""

import ctypes
from functools import cache
from itertools import count
from typing import Any

from lamina._native.emit import Machine
from lamina._native.graph import Unsupported

_numbers = count()  # of what is loaded
OLDEST = (0, 44)  # of llvmlite: the first with LLVM's new pass manager alone


@cache
def _binding() -> Any:
    """Return llvmlite's binding, loaded and ready for this machine."""
    try:
        import llvmlite
        import llvmlite.binding as llvm
    except Exception as error:  # not there, or its library cannot be loaded
        raise Unsupported(f"no llvmlite: {error}") from None
    version = tuple(int(n) for n in llvmlite.__version__.split(".")[:2] if n.isdigit())
    if version < OLDEST:
        raise Unsupported(f"llvmlite {llvmlite.__version__} is too old, 0.44 is needed")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@cache
def versions() -> str:
    """Return what machine code depends on: the processor and LLVM."""
    llvm = _binding()
    features = llvm.get_host_cpu_features().flatten()
    return f"{llvm.get_host_cpu_name()} {features} {llvm.llvm_version_info}"


@cache
def host(checked: bool = False) -> Machine:
    """Return what this machine's vectors are like."""
    llvm = _binding()
    features = llvm.get_host_cpu_features()
    family = llvm.get_default_triple().split("-")[0]
    if family in ("x86_64", "i686"):
        if features.get("avx512f") and features.get("avx512vl") and features.get("avx512bw"):
            return Machine("x86", 16, 24, checked)
        return Machine("x86", 8 if features.get("avx2") else 4, 12, checked)
    if family in ("aarch64", "arm64"):
        return Machine("aarch64", 4, 24, checked)
    return Machine(family, 4, 12, checked)


@cache
def _target() -> Any:
    llvm = _binding()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=2,
        reloc="pic",
        codemodel="default",
        jit=True,
    )


def compile_module(text: str) -> bytes:
    """Return the machine code of a module, as an object file."""
    llvm, target = _binding(), _target()
    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = target.triple, str(target.target_data)
    builder = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(speed_level=1))
    # Vectors and unrolled loops are there already: these few passes give code as fast as O1's or
    # O2's, in a third of the time (7 ms instead of 45 for the tutorial's net).
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_dead_store_elimination_pass()
    passes.add_simplify_cfg_pass()
    passes.run(module, builder)
    return target.emit_object(module)


def load(code: bytes, name: str) -> Any:
    """Return a function of an object file; it takes a table of pointers and three numbers."""
    builder = _binding().JITLibraryBuilder().add_object_img(code).add_current_process()
    builder.export_symbol(name)
    tracker = builder.link(_lljit(), f"native{next(_numbers)}")
    function: Any = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 3)(tracker[name])
    function.tracker = tracker  # which keeps the code in memory
    return function


@cache
def _lljit() -> Any:
    # LLVM's newer linker: it puts a program's code and constants side by side. The older one ends
    # the process when they come to lie more than 2 GiB apart, as they do in large processes.
    return _binding().create_lljit_compiler(_target(), use_jit_link=True)
