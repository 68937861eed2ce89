"""What gdb is told of each architecture: its target description and the order of registers.

Lives here: names, sizes and gdb's features of the registers of each guest (gdb manual, appendix G
"Target Descriptions": G.5 "Standard Target Features"). Does not live here: reading them
(`session`). Called by `session`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from xml.sax.saxutils import quoteattr


@dataclass(frozen=True)
class Reg:
    """A register of a target description: gdb's name, ours, bits, gdb's type and group."""

    name: str
    source: str
    bits: int
    type: str = "int"
    group: str = ""


@dataclass(frozen=True)
class Feature:
    name: str
    regs: tuple[Reg, ...]
    types: str = ""  # XML of vector, union and flags types, before the registers


@dataclass(frozen=True)
class Target:
    """`architecture` is BFD's name. `signals` says which of the engine's guest exceptions (by
    number) stop the program with which signal; others give SIGTRAP. `watch_before`: gdb believes
    that a watchpoint stops before the access, and steps over it
    (have_nonsteppable_watchpoint in "maintenance print architecture")."""

    architecture: str
    features: tuple[Feature, ...]
    byteorder: Literal["little", "big"] = "little"
    signals: dict[int, int] = field(default_factory=dict)
    watch_before: bool = False

    @property
    def regs(self) -> tuple[Reg, ...]:
        return tuple(reg for feature in self.features for reg in feature.regs)

    def xml(self) -> str:
        lines = [
            '<?xml version="1.0"?>',
            '<!DOCTYPE target SYSTEM "gdb-target.dtd">',
            '<target version="1.0">',
            f"<architecture>{self.architecture}</architecture>",
        ]
        number = 0
        for feature in self.features:
            lines.append(f"<feature name={quoteattr(feature.name)}>")
            if feature.types:
                lines.append(feature.types)
            for reg in feature.regs:
                group = f" group={quoteattr(reg.group)}" if reg.group else ""
                lines.append(
                    f'<reg name={quoteattr(reg.name)} bitsize="{reg.bits}"'
                    f' regnum="{number}" type={quoteattr(reg.type)}{group}/>'
                )
                number += 1
            lines.append("</feature>")
        lines.append("</target>")
        return "\n".join(lines) + "\n"


def _words(text: str) -> list[str]:
    return text.split()


# -- RISC-V (G.5.10): SIGILL, SIGTRAP, SIGSEGV by mcause (privileged manual, table 15)
_RISCV_GPR = _words(
    "zero ra sp gp tp t0 t1 t2 fp s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11"
    " t3 t4 t5 t6"
)
_RISCV_FPR = _words(
    "ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5 fa6 fa7 fs2 fs3 fs4 fs5 fs6"
    " fs7 fs8 fs9 fs10 fs11 ft8 ft9 ft10 ft11"
)
_RISCV_CSRS = _words(
    "sstatus sie stvec sscratch sepc scause stval sip satp mstatus misa medeleg mideleg mie mtvec"
    " mscratch mepc mcause mtval mip"
)
_RISCV_DOUBLE = (
    '<union id="riscv_double"><field name="float" type="ieee_single"/>'
    '<field name="double" type="ieee_double"/></union>'
)


def _riscv(bits: int) -> Target:
    gpr = [
        Reg(
            name,
            f"x{i}",
            bits,
            {"ra": "code_ptr", "sp": "data_ptr", "gp": "data_ptr", "tp": "data_ptr"}.get(
                name, "int"
            ),
        )
        for i, name in enumerate(_RISCV_GPR)
    ]
    fpr = [Reg(name, name, 64, "riscv_double") for name in _RISCV_FPR]
    flags = [Reg(name, name, 32, "int", "float") for name in ("fflags", "frm", "fcsr")]
    csr = [Reg(name, name, bits, "int", "system") for name in _RISCV_CSRS]
    return Target(
        f"riscv:rv{bits}",
        (
            Feature("org.gnu.gdb.riscv.cpu", (*gpr, Reg("pc", "pc", bits, "code_ptr"))),
            Feature("org.gnu.gdb.riscv.fpu", (*fpr, *flags), _RISCV_DOUBLE),
            Feature("org.gnu.gdb.riscv.csr", tuple(csr)),
        ),
        signals={0: 7, 1: 11, 2: 4, 3: 5, 4: 7, 5: 11, 6: 7, 7: 11, 12: 11, 13: 11, 15: 11},
        watch_before=True,
    )


# -- x86 (G.5.5). Exceptions by vector: #DE SIGFPE, #UD SIGILL, #GP SIGSEGV ... (Linux' choice)
_X86_SIGNALS = {0: 8, 1: 5, 3: 5, 4: 11, 5: 11, 6: 4, 7: 8, 10: 11, 11: 7, 12: 7, 13: 11, 14: 11,
                16: 8, 17: 7, 19: 8}
_X86_FPU = _words("fctrl fstat ftag fiseg fioff foseg fooff fop")
_X86_FPU_SOURCE = _words("fpcw fpsw fptag fcs fip fds fdp fop")
_X86_EFLAGS = (
    '<flags id="i386_eflags" size="4">'
    + "".join(
        f'<field name="{name}" start="{bit}" end="{bit}"/>'
        for name, bit in (
            ("CF", 0), ("", 1), ("PF", 2), ("AF", 4), ("ZF", 6), ("SF", 7), ("TF", 8), ("IF", 9),
            ("DF", 10), ("OF", 11), ("NT", 14), ("RF", 16), ("VM", 17), ("AC", 18), ("VIF", 19),
            ("VIP", 20), ("ID", 21),
        )
    )
    + "</flags>"
)
_X86_VECTOR = (
    '<vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/>'
    '<vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/>'
    '<vector id="v4i32" type="int32" count="4"/><vector id="v2i64" type="int64" count="2"/>'
    '<union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>'
    '<field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/>'
    '<field name="v4_int32" type="v4i32"/><field name="v2_int64" type="v2i64"/>'
    '<field name="uint128" type="uint128"/></union>'
)


def _x86(bits: int) -> Target:
    if bits == 64:
        names = _words("rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15")
        pc = "rip"
    else:
        names = _words("eax ecx edx ebx esp ebp esi edi")
        pc = "eip"
    stack = {"rsp", "rbp", "esp", "ebp"}
    kind = "int64" if bits == 64 else "int32"
    core = [Reg(n, n, bits, "data_ptr" if n in stack else kind) for n in names]
    core.append(Reg(pc, pc, bits, "code_ptr"))
    core.append(Reg("eflags", "eflags", 32, "i386_eflags"))
    core += [Reg(n, n, 32, "int32") for n in _words("cs ss ds es fs gs")]
    core += [Reg(f"st{i}", f"st{i}", 80, "i387_ext") for i in range(8)]
    core += [
        Reg(n, s, 32, "int", "float") for n, s in zip(_X86_FPU, _X86_FPU_SOURCE, strict=True)
    ]
    sse = [Reg(f"xmm{i}", f"xmm{i}", 128, "vec128") for i in range(16 if bits == 64 else 8)]
    sse.append(Reg("mxcsr", "mxcsr", 32, "int", "vector"))
    features = [
        Feature("org.gnu.gdb.i386.core", tuple(core), _X86_EFLAGS),
        Feature("org.gnu.gdb.i386.sse", tuple(sse), _X86_VECTOR),
    ]
    if bits == 64:
        bases = tuple(Reg(n, n, 64, "int") for n in ("fs_base", "gs_base"))
        features.append(Feature("org.gnu.gdb.i386.segments", bases))
    return Target(
        "i386:x86-64" if bits == 64 else "i386", tuple(features), signals=dict(_X86_SIGNALS)
    )


TARGETS: dict[str, Target] = {
    "riscv64": _riscv(64),
    "riscv32": _riscv(32),
    "x86_64": _x86(64),
    "i386": _x86(32),
}
"""By the engine's architecture name."""
