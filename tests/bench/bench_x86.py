"""Times x86-64 loops of single instruction forms: repeated strings and vectors.

    python tests/bench/bench_x86.py [--only NAME ...] [--backend jit] [--repeat 3]

Each row is a loop in assembly, assembled by gcc, that the host, this engine and unicorn (if
installed) run in turn. Prints nanoseconds a turn of the loop and how many times faster than unicorn
this engine is, with the geometric mean. Results are compared with the host's: a wrong one is
printed as such and ends the command with status 1 if it is this engine's. A row that the host's
processor or unicorn cannot run is left out there ("wrong" or the error's name).

A benchmark, not a test: nothing here fails for being slow.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from elftools.elf.elffile import ELFFile

CODE, DATA, SIZE = 0x10000, 0x40000, 0x40000
STACK = 0x100000

# name: turns, what stands before the loop, one turn. RSI: data, RDI: what is left of the turns,
# R8: data, R9: data + 128 KiB. The result: RAX and XMM0.
STRINGS = {
    "rep movsb 4096": (4000, "", "mov rsi, r8; mov rdi, r9; mov ecx, 4096; rep movsb"),
    "rep movsb 64K": (500, "", "mov rsi, r8; mov rdi, r9; mov ecx, 65536; rep movsb"),
    "rep movsb 100, odd": (40000, "",
                           "lea rsi, [r8+5]; lea rdi, [r9+3]; mov ecx, 100; rep movsb"),
    "rep movsb 16": (100000, "", "mov rsi, r8; mov rdi, r9; mov ecx, 16; rep movsb"),
    "rep movsb 4": (300000, "", "mov rsi, r8; mov rdi, r9; mov ecx, 4; rep movsb"),
    "rep movsb +1 2000": (4000, "", "mov rsi, r8; lea rdi, [r8+1]; mov ecx, 2000; rep movsb"),
    "rep movsq 4096 down": (4000, "",
                            "std; lea rsi, [r8+4088]; lea rdi, [r9+4088]; mov ecx, 512;"
                            "rep movsq; cld"),
    "rep movsq 64K": (500, "", "mov rsi, r8; mov rdi, r9; mov ecx, 8192; rep movsq"),
    "rep stosb 4096": (4000, "mov eax, 7", "mov rdi, r9; mov ecx, 4096; rep stosb"),
    "rep stosd 4096": (4000, "mov eax, 7777", "mov rdi, r9; mov ecx, 1024; rep stosd"),
    "rep stosq 64": (100000, "mov eax, 7777", "mov rdi, r9; mov ecx, 8; rep stosq"),
    "repne scasb 1000": (8000, "mov byte ptr [r8+999], 0; xor eax, eax",
                         "mov rdi, r8; mov rcx, -1; repne scasb"),
    "repe cmpsb 1000": (8000, "mov rsi, r8; mov rdi, r9; mov ecx, 1000; rep movsb",
                        "mov rsi, r8; mov rdi, r9; mov ecx, 1000; repe cmpsb"),
}
# Eight of each, so that the loop does not count.
VECTORS = {
    name: (100000, "movdqu xmm0, [r8]; movdqu xmm1, [r8+16]; movdqu xmm2, [r8+32];"
                   "movdqu xmm3, [r8+48]; " + before, "; ".join(turn for _ in range(8)))
    for name, before, turn in (
        ("pmaddwd", "", "pmaddwd xmm0, xmm1"),
        ("pmaddubsw", "", "pmaddubsw xmm0, xmm1"),
        ("psadbw", "", "psadbw xmm0, xmm1; paddq xmm0, xmm2"),
        ("pshufb", "", "pshufb xmm0, xmm1; pxor xmm0, xmm2"),
        ("palignr", "", "palignr xmm0, xmm1, 5"),
        ("pmovmskb", "", "pmovmskb eax, xmm1; add rdx, rax"),
        ("ptest", "", "ptest xmm0, xmm1; setz al"),
        ("phaddw", "", "phaddw xmm0, xmm1"),
        ("psignb", "", "psignb xmm0, xmm1"),
        ("pmulhrsw", "", "pmulhrsw xmm0, xmm1"),
        ("pblendvb", "movdqa xmm4, xmm0; movdqa xmm0, xmm1", "pblendvb xmm4, xmm2"),
        ("pshufd", "", "pshufd xmm0, xmm1, 0x1b; paddd xmm1, xmm0"),
        ("shufps", "", "shufps xmm0, xmm1, 0x1b"),
        ("psrldq", "", "psrldq xmm0, 3; pxor xmm0, xmm1"),
        ("pslld", "", "pslld xmm0, 3; pxor xmm0, xmm1"),
        ("pslld by xmm", "mov eax, 5; movd xmm4, eax", "pslld xmm0, xmm4; pxor xmm0, xmm1"),
        ("packuswb", "", "packuswb xmm0, xmm1"),
        ("pmovzxbw", "", "pmovzxbw xmm0, xmm1; paddw xmm1, xmm0"),
        ("pinsrw", "", "pinsrw xmm0, eax, 3; pextrw eax, xmm0, 2"),
        ("aesenc", "", "aesenc xmm0, xmm1"),
        ("aesdec", "", "aesdec xmm0, xmm1"),
        ("aeskeygenassist", "", "aeskeygenassist xmm0, xmm1, 1; pxor xmm1, xmm0"),
        ("pclmulqdq", "", "pclmulqdq xmm0, xmm1, 0x10"),
        ("sha256rnds2", "movdqa xmm4, xmm0; movdqa xmm0, xmm1", "sha256rnds2 xmm4, xmm2"),
        ("sha256msg1", "", "sha256msg1 xmm0, xmm1"),
        ("sha1rnds4", "", "sha1rnds4 xmm0, xmm1, 1"),
        ("crc32", "", "crc32 rax, rbx"),
        ("pcmpistri", "", "pcmpistri xmm0, xmm1, 0x18; add rax, rcx"),
        ("pcmpestri", "mov eax, 9; mov edx, 16", "pcmpestri xmm0, xmm1, 0x0c"),
        ("addpd", "mulpd xmm1, xmm3", "addpd xmm0, xmm2"),
        ("mulss", "", "mulss xmm0, xmm2"),
        ("divsd", "", "divsd xmm0, xmm2"),
        ("sqrtpd", "", "sqrtpd xmm0, xmm2"),
        ("cvtdq2ps", "", "cvtdq2ps xmm0, xmm2; paddd xmm2, xmm0"),
        ("cvttsd2si", "", "cvttsd2si rax, xmm2"),
        ("cvtps2pd", "", "cvtps2pd xmm0, xmm2"),
        ("roundsd", "", "roundsd xmm0, xmm2, 3"),
        ("minps", "", "minps xmm0, xmm2"),
        ("haddps", "", "haddps xmm0, xmm2"),
        ("dpps", "", "dpps xmm0, xmm2, 0xff"),
        ("movmskps", "", "movmskps eax, xmm2; add rdx, rax"),
        ("ucomisd", "", "ucomisd xmm0, xmm2; setb al"),
        ("vpaddd ymm", "", "vpaddd ymm0, ymm1, ymm2"),
        ("vpshufb ymm", "", "vpshufb ymm0, ymm1, ymm2"),
        ("vpermd", "", "vpermd ymm0, ymm1, ymm2"),
        ("vpermq", "", "vpermq ymm0, ymm1, 0x1b"),
        ("vperm2i128", "", "vperm2i128 ymm0, ymm1, ymm2, 1"),
        ("vbroadcastss", "", "vbroadcastss ymm0, xmm1"),
        ("vpsrlvd", "", "vpsrlvd ymm0, ymm1, ymm2"),
        ("vfmadd231pd", "vpxor xmm0, xmm0, xmm0; vcvtdq2pd ymm1, xmm1; vcvtdq2pd ymm2, xmm2",
         "vfmadd231pd ymm0, ymm1, ymm2"),
        ("vfmadd231sd", "vpxor xmm0, xmm0, xmm0; vcvtdq2pd ymm1, xmm1; vcvtdq2pd ymm2, xmm2",
         "vfmadd231sd xmm0, xmm1, xmm2"),
        ("vpmaskmovd", "", "vpmaskmovd ymm0, ymm1, [r8]"),
        ("vpgatherdd", "vpxor xmm3, xmm3, xmm3",
         "vpcmpeqd ymm4, ymm4, ymm4; vpgatherdd ymm0, [r8+ymm3*4], ymm4"),
        ("pext", "mov r11, 0x12345678abcd", "pext rax, rbx, r11"),
        ("pdep", "mov r11, 0x12345678abcd", "pdep rax, rbx, r11"),
        ("fld fadd fstp", "", "fld qword ptr [r8]; fadd qword ptr [r8+8]; fstp qword ptr [r9]"),
        ("fild fistp", "", "fild qword ptr [r8]; fistp qword ptr [r9]"),
    )
}
ROWS = {**STRINGS, **VECTORS}


def source() -> str:
    """The host calls with (turns, data); RBX and the vector registers are nobody's here."""
    lines = [".intel_syntax noprefix", '.section .note.GNU-stack,"",@progbits', ".text"]
    for n, (_, before, turn) in enumerate(ROWS.values()):
        lines += [f".globl k{n}", f"k{n}:", "push rbx", "mov rbx, rdi", "mov r8, rsi",
                  "lea r9, [rsi+0x20000]", "xor eax, eax", "xor edx, edx",
                  "pxor xmm0, xmm0", before, f"1: {turn}",
                  "dec rbx", "jnz 1b", "movq rcx, xmm0", "add rax, rcx", "add rax, rdx",
                  "vzeroupper" if "ymm" in before + turn else "", "pop rbx", f"e{n}: ret"]
    return "\n".join(lines) + "\n"


class Host:
    name = "host"

    def __init__(self, where: Path, data: bytes) -> None:
        self.library = ctypes.CDLL(str(where / "k.so"))
        self.buffer = ctypes.create_string_buffer(SIZE + 4096)
        self.address = ctypes.addressof(self.buffer) + 4095 & ~4095
        self.data = data

    def call(self, n: int, turns: int) -> tuple[float, int]:
        ctypes.memmove(self.address, self.data, SIZE)
        function = self.library[f"k{n}"]
        function.restype = ctypes.c_uint64
        began = time.perf_counter()
        value = function(ctypes.c_uint64(turns), ctypes.c_void_p(self.address))
        return time.perf_counter() - began, value


class Engine:
    name = "engine"

    def __init__(self, text: bytes, symbols: dict[str, int], data: bytes, backend: str) -> None:
        import engine

        options = {"backend": backend} if backend else {}
        self.emu = emu = engine.Emulator("x86_64", **options)
        emu.memory.map(CODE, 0x20000, "rx")
        emu.memory.write(CODE, text)
        emu.memory.map(DATA, SIZE, "rw")
        emu.memory.map(STACK, 0x1000, "rw")
        self.symbols, self.data = symbols, data

    def call(self, n: int, turns: int) -> tuple[float, int]:
        emu = self.emu
        emu.memory.write(DATA, self.data)
        emu.regs.write_many({"rdi": turns, "rsi": DATA, "rsp": STACK + 0x800})
        begin, end = self.symbols[f"k{n}"], self.symbols[f"e{n}"]
        began = time.perf_counter()
        emu.run(begin, end)
        return time.perf_counter() - began, emu.regs["rax"]


class Unicorn:
    name = "unicorn"

    def __init__(self, text: bytes, symbols: dict[str, int], data: bytes) -> None:
        import unicorn
        from unicorn import x86_const

        self.regs = x86_const
        self.uc = uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        uc.mem_map(CODE, 0x20000)
        uc.mem_write(CODE, text)
        uc.mem_map(DATA, SIZE)
        uc.mem_map(STACK, 0x1000)
        self.symbols, self.data = symbols, data

    def call(self, n: int, turns: int) -> tuple[float, int]:
        uc, regs = self.uc, self.regs
        uc.mem_write(DATA, self.data)
        for reg, value in ((regs.UC_X86_REG_RDI, turns), (regs.UC_X86_REG_RSI, DATA),
                           (regs.UC_X86_REG_RSP, STACK + 0x800)):
            uc.reg_write(reg, value)
        begin, end = self.symbols[f"k{n}"], self.symbols[f"e{n}"]
        began = time.perf_counter()
        uc.emu_start(begin, end)
        return time.perf_counter() - began, uc.reg_read(regs.UC_X86_REG_RAX)


def build(where: Path) -> tuple[bytes, dict[str, int]]:
    (where / "k.s").write_text(source())
    subprocess.run(["gcc", "-shared", "-o", where / "k.so", where / "k.s"], check=True)
    subprocess.run(["gcc", "-c", "-o", where / "k.o", where / "k.s"], check=True)
    with (where / "k.o").open("rb") as file:
        elf = ELFFile(file)
        text = elf.get_section_by_name(".text").data()
        symbols = {s.name: CODE + s["st_value"]
                   for s in elf.get_section_by_name(".symtab").iter_symbols()}
    return text, symbols


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="multiply the turns")
    parser.add_argument("--only", nargs="*", default=[], help="rows with these words in their name")
    parser.add_argument("--backend", default=None)
    parser.add_argument("--without", nargs="*", default=[], help="engines to leave out")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        where = Path(name)
        text, symbols = build(where)
        data = random.Random(1).randbytes(SIZE)
        engines = [Host(where, data), Engine(text, symbols, data, args.backend)]
        if "unicorn" not in args.without:
            try:
                engines.append(Unicorn(text, symbols, data))
            except ImportError as error:
                print(f"unicorn is not installed ({error})")
        return report(args, engines)


def report(args: argparse.Namespace, engines: list) -> int:
    known = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []
    sha = not known or "sha_ni" in known
    wrong, ratios = 0, []
    print(f"{'ns a turn':<22}" + "".join(f"{e.name:>12}" for e in engines) + f"{'':>12}")
    for n, (row, (turns, _, _)) in enumerate(ROWS.items()):
        if args.only and not any(word in row for word in args.only):
            continue
        turns = max(1, int(turns * args.scale))
        best, notes, truth = {e.name: math.inf for e in engines}, {}, None
        for _ in range(args.repeat):
            for one in engines:
                if one.name in notes:
                    continue
                if one.name == "host" and row.startswith("sha") and not sha:
                    notes["host"] = "-"
                    continue
                try:
                    seconds, value = one.call(n, turns)
                except Exception as error:
                    notes[one.name] = type(error).__name__
                    continue
                if truth is None:
                    truth = value
                elif value != truth:
                    notes[one.name] = "wrong"
                best[one.name] = min(best[one.name], seconds)
        wrong += "engine" in notes
        cells = [notes.get(e.name, f"{best[e.name] / turns * 1e9:.1f}") for e in engines]
        if len(engines) == 3 and "unicorn" not in notes and "engine" not in notes:
            ratios.append(best["unicorn"] / best["engine"])
            cells.append(f"{ratios[-1]:.2f}x")
        print(f"{row:<22}" + "".join(f"{cell:>12}" for cell in cells), flush=True)
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f"geometric mean against unicorn: {mean:.2f}x")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
