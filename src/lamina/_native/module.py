"""The text of an LLVM module: one function, which runs steps and what follows them."""

from collections.abc import Sequence

from lamina._native.emit import Code, Machine
from lamina._native.part import Part

# Subnormal numbers count as zero, as they do for XLA: bits 6 and 15 of x86's control register.
_FLUSH = {
    "x86": (
        "  %csr = alloca i32\n"
        "  call void @llvm.x86.sse.stmxcsr(ptr %csr)\n"
        "  %csr.old = load i32, ptr %csr\n"
        "  %csr.new = or i32 %csr.old, 32832\n"
        "  store i32 %csr.new, ptr %csr\n"
        "  call void @llvm.x86.sse.ldmxcsr(ptr %csr)\n",
        "  store i32 %csr.old, ptr %csr\n  call void @llvm.x86.sse.ldmxcsr(ptr %csr)\n",
        "declare void @llvm.x86.sse.stmxcsr(ptr)\ndeclare void @llvm.x86.sse.ldmxcsr(ptr)\n",
    ),
    "aarch64": (
        "  %csr.old = call i64 @llvm.aarch64.get.fpcr()\n"
        "  %csr.new = or i64 %csr.old, 16777216\n"
        "  call void @llvm.aarch64.set.fpcr(i64 %csr.new)\n",
        "  call void @llvm.aarch64.set.fpcr(i64 %csr.old)\n",
        "declare i64 @llvm.aarch64.get.fpcr()\ndeclare void @llvm.aarch64.set.fpcr(i64)\n",
    ),
}


def write_module(
    parts: Sequence[Part], pointers: Sequence[str], machine: Machine
) -> tuple[str, int]:
    """Return the text of a module, and the bytes of memory that its function `run` works in.

    That takes a table of pointers, the last row of the data, and the numbers of the first step and
    of the one after the last. The first part is what a step does, others come after the steps.
    """
    code, (steps, *others) = Code(machine), parts
    code.do("%any = icmp slt i64 %start, %stop")
    code.do("br i1 %any, label %steps, label %after")
    code.begin("steps")
    code.loop("%stop", lambda at: steps.write(code, at), first="%start")
    code.do("br label %after")
    code.begin("after")
    for part in others:
        part.write(code)
    begin, end, declared = _FLUSH.get(machine.family, ("", "", ""))
    table = []
    for k, name in enumerate(pointers):
        table.append(f"  %t.{k} = getelementptr ptr, ptr %table, i64 {k}")
        table.append(f"  {name} = load ptr, ptr %t.{k}")
    parameters = ", ".join(f"ptr noalias align 4 {name}" for name in pointers)
    arguments = ", ".join(f"ptr {name}" for name in pointers)
    lines = "\n".join
    widths = [f'"{kind}-vector-width"="{32 * machine.lanes}"' for kind in ("prefer", "min-legal")]
    text = f"""
{lines(sorted(code.declared))}
{declared}
define internal void @body({parameters}, i64 %last, i64 %start, i64 %stop) #0 {{
entry:
{lines(code.entry + code.lines)}
  ret void
}}
define void @run(ptr %table, i64 %last, i64 %start, i64 %stop) #0 {{
{begin}{lines(table)}
  call void @body({arguments}, i64 %last, i64 %start, i64 %stop)
{end}  ret void
}}
attributes #0 = {{ noinline nounwind {" ".join(widths)} }}
"""
    return text, max(part.bytes for part in parts)
