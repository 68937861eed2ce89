"""Random instructions of 32- and 16-bit code: other engines against both back ends.

    python -m tests.isa.x86.others ENGINE [INSTRUCTIONS] [SEED] [BACKEND]

compares with ENGINE: unicorn32, unicorn16 (real mode) or qemu (qemu-i386, stepped through its
debugger port), 8 operand sets an instruction, and prints the rows that differ. Lives here: the
other engines as functions of a record (native.py), the rows where they are wrong (WRONG). Does not
live here: what a processor does (native_run.py, sweep.py). Called by test_other_engines.py.
"""

import random
import struct
import sys
import time
from pathlib import Path

import numpy as np

import engine
from engine._core.gen.x86 import FLAGS as ROWS
from engine._core.gen.x86 import load, sample

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import native_cases  # noqa: E402
import native_run  # noqa: E402
from isa.make_ins_x86 import CF, UNDEFINED, not_real  # noqa: E402
from isa.qemu import Stub, elf32  # noqa: E402
from native_run import native  # noqa: E402

SETS = 8
FLAGS = 0x8D5
NAMES = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"]
# Where the code and the 128 bytes of memory are; 16 bits: offsets.
CODE = {32: native.CODE, 16: native.CODE & 0xFFFF}
DATA = {32: native.MEM_WINDOW, 16: native.MEM_WINDOW & 0xFFFF}


NOT_ALONE = {
    "syscall", "sysenter", "int", "int3", "int1", "hlt", "cli", "sti", "ret", "retf", "iret",
    "call", "callf", "jmp", "jmpf", "cpuid", "rdtsc", "rdtscp", "popf", "pushf", "mov_segment",
    "push_fs", "push_gs", "pop_fs", "pop_gs", "rdfsbase", "rdgsbase", "wrfsbase", "wrgsbase",
    "ud0", "ud1", "ud2", "enter", "lss", "lfs", "lgs", "prefetchw", "xlat", "std",
}


def operands(rng, count):
    edge = np.array([0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000,
                     0xFFFFFFFF, 1 << 63, (1 << 63) - 1, (1 << 64) - 1], np.uint64)
    bits = rng.integers(0, 1 << 64, (count, 16), np.uint64, endpoint=False)
    small = rng.integers(0, 70, (count, 16)).astype(np.uint64)
    kind = rng.random((count, 16))
    return np.where(kind < 0.25, edge[rng.integers(0, len(edge), (count, 16))],
                    np.where(kind < 0.4, small, bits))


class Unicorn:
    """unicorn in one of its two modes without paging."""

    def __init__(self, bits):
        import unicorn
        from unicorn import x86_const as u

        self.error, self.code, self.data = unicorn.UcError, CODE[bits], DATA[bits]
        self.uc = unicorn.Uc(unicorn.UC_ARCH_X86,
                             unicorn.UC_MODE_16 if bits == 16 else unicorn.UC_MODE_32)
        self.uc.ctl_set_cpu_model(u.UC_CPU_X86_HASWELL)
        for page in {self.code & ~0xFFF, self.data & ~0xFFF}:
            self.uc.mem_map(page, 0x1000)
        if bits == 16:
            self.uc.reg_write(u.UC_X86_REG_CR4, 0x600)
        self.gpr = [getattr(u, f"UC_X86_REG_{name.upper()}") for name in NAMES]
        self.xmm = [getattr(u, f"UC_X86_REG_XMM{n}") for n in range(8)]
        self.st = [getattr(u, f"UC_X86_REG_FP{n}") for n in range(8)]
        self.fcw, self.fsw = u.UC_X86_REG_FPCW, u.UC_X86_REG_FPSW
        self.ftw, self.mxcsr = u.UC_X86_REG_FPTAG, u.UC_X86_REG_MXCSR
        self.flags = u.UC_X86_REG_EFLAGS

    def step(self, code, record, x87):
        """The record after the instruction; None: an exception. `x87`: it has to do with that
        unit."""
        uc, out = self.uc, record.copy()
        uc.mem_write(self.code, code + b"\x90" * 16)
        uc.mem_write(self.data, record["mem"].tobytes())
        uc.ctl_flush_tb()
        for reg, value in zip(self.gpr, record["gpr"], strict=False):
            uc.reg_write(reg, int(value))
        for reg, value in zip(self.xmm, record["xmm"], strict=False):
            uc.reg_write(reg, int.from_bytes(value.tobytes(), "little"))
        top = int(record["fsw"]) >> 11
        for n in range(8) if x87 else ():
            low, high = struct.unpack("<QH", record["st"][n - top & 7][:10].tobytes())
            uc.reg_write(self.st[n], (low, high))
        uc.reg_write(self.fcw, int(record["fcw"]))
        uc.reg_write(self.fsw, int(record["fsw"]))
        uc.reg_write(self.ftw, sum(3 << 2 * n for n in range(8)
                                   if not int(record["ftw"]) >> n & 1))
        uc.reg_write(self.mxcsr, int(record["mxcsr"]))
        uc.reg_write(self.flags, int(record["rflags"]))
        try:
            uc.emu_start(self.code, self.code + len(code), count=1)
        except self.error:
            return None
        out["gpr"][:8] = [uc.reg_read(reg) for reg in self.gpr]
        for n, reg in enumerate(self.xmm):
            out["xmm"][n] = np.frombuffer(uc.reg_read(reg).to_bytes(16, "little"), "<u8")
        out["rflags"], out["mxcsr"] = uc.reg_read(self.flags), uc.reg_read(self.mxcsr)
        out["mem"] = np.frombuffer(bytes(uc.mem_read(self.data, native.MEM_SIZE)), np.uint8)
        if not x87:
            return out
        out["fcw"], out["fsw"] = uc.reg_read(self.fcw), uc.reg_read(self.fsw)
        tags, top = uc.reg_read(self.ftw), int(out["fsw"]) >> 11
        out["ftw"] = sum(1 << n for n in range(8) if tags >> 2 * n & 3 != 3)
        for n in range(8):
            low, high = uc.reg_read(self.st[n])
            out["st"][n - top & 7][:10] = np.frombuffer(struct.pack("<QH", low, high), np.uint8)
        return out


class Qemu:
    """qemu-i386 at its debugger port, which knows neither the status nor the tags of the x87 unit:
    FRSTOR and FNSAVE of the guest set and read it."""

    # General, eip, eflags, segments, bases and control registers, x87, its control, xmm, mxcsr.
    LAYOUT = struct.Struct("<8I I I 6I 9I 80s 8I 128s I")
    PAGE = 0x40000000           # code; the page behind it: an image
    # mov [edi], eax (qemu refuses the debugger pages that hold code); frstor [edi]; fnsave [edi]
    STORE, FRSTOR, FNSAVE, IMAGE = PAGE, PAGE + 16, PAGE + 32, PAGE + 0x1000

    def __init__(self, bits=32):
        self.code, self.data = CODE[bits], DATA[bits]
        segments = [(self.code & ~0xFFF, 0x1000), (self.data & ~0xFFF, 0x1000),
                    (self.PAGE, 0x2000)]
        self.stub = Stub(["qemu-i386", "-cpu", "max"], elf32(3, self.code, segments))
        self.stub.ask("qSupported:xmlRegisters=i386")
        self.start = bytes.fromhex(self.stub.ask("g"))
        self.stub.poke(self.STORE, b"\x89\x07")
        self.stub.poke(self.FRSTOR, b"\xDD\x27")
        self.stub.poke(self.FNSAVE, b"\xDD\x37")
        self.last = b""

    def small_step(self, pc, eax, edi, state=None):
        """An instruction of ours, in the state that `g` gave."""
        values = struct.pack("<9I", eax, 0, 0, 0, 0, 0, 0, edi, pc)
        values += (state or self.start)[len(values):]
        assert self.stub.ask("G" + values.hex()) == "OK"
        self.stub.step()

    def step(self, code, record, x87):
        """As of Unicorn."""
        if code != self.last:
            for at, word in enumerate(struct.unpack("<4I", code.ljust(16, b"\x90"))):
                self.small_step(self.STORE, word, self.code + 4 * at)
            self.last = code
        loaded = self.start
        if x87:
            ftw = sum(3 << 2 * n for n in range(8) if not int(record["ftw"]) >> n & 1)
            stack = b"".join(record["st"][n][:10].tobytes() for n in range(8))
            self.stub.poke(self.IMAGE, struct.pack("<7I", int(record["fcw"]), int(record["fsw"]),
                                                   ftw, 0, 0, 0, 0) + stack)
            self.small_step(self.FRSTOR, 0, self.IMAGE)
            loaded = bytes.fromhex(self.stub.ask("g"))
        self.stub.poke(self.data, record["mem"].tobytes())
        old = self.LAYOUT.unpack_from(loaded)
        values = self.LAYOUT.pack(
            *(int(value) & 0xFFFFFFFF for value in record["gpr"][:8]), self.code,
            int(record["rflags"]), *old[10:34], record["xmm"][:8].tobytes(), int(record["mxcsr"]))
        assert self.stub.ask("G" + (values + loaded[len(values):]).hex()) == "OK"
        if not self.stub.step().startswith("T05"):
            return None
        state = bytes.fromhex(self.stub.ask("g"))
        got = self.LAYOUT.unpack_from(state)
        out = record.copy()
        out["gpr"][:8], out["rflags"] = got[:8], got[9]
        out["xmm"][:8] = np.frombuffer(got[34], "<u8").reshape(8, 2)
        out["mxcsr"] = got[35]
        out["mem"] = np.frombuffer(self.stub.peek(self.data, native.MEM_SIZE), np.uint8)
        if not x87:
            return out
        self.small_step(self.FNSAVE, 0, self.IMAGE, state)
        image = self.stub.peek(self.IMAGE, 108)
        out["fcw"], out["fsw"], tags = (int.from_bytes(image[at:at + 2], "little")
                                        for at in (0, 4, 8))
        out["ftw"] = sum(1 << n for n in range(8) if tags >> 2 * n & 3 != 3)
        for n in range(8):
            out["st"][n][:10] = np.frombuffer(image[28 + 10 * n:38 + 10 * n], np.uint8)
        return out

    def close(self):
        self.stub.close()


# Rows whose instructions end a run, belong to the system or do more than one step (repeated strings
# are in the `.ins` lines).
APART = NOT_ALONE | {"pusha", "popa", "bound", "les", "lds", "into", "clflush", "leave"}
# Where the others are wrong (unicorn 2.1.4, of QEMU 5; qemu-i386 7.2), by mnemonic or kind of row,
# with the sections of the manual that say so; processors agree with those (native_run.py, the
# `.ins` lines).
COMMON = {
    "frndint": "rounds to the precision control, which is not for it (SDM 1, 8.1.5.2)",
    "mmx": "bits 79 to 64 of the register do not become ones (SDM 1, 9.6.2)",
    "fldcw": "bits 6, 7 and 13 to 15 do not read as they must (SDM 1, 8.1.5)",
    "fucomi": "OF, SF and AF are not cleared (SDM 2A, FCOMI)",
    "fprem": "PE is set though the remainder is exact (SDM 2A, FPREM)",
    **dict.fromkeys(("fincstp", "fdecstp", "fsqrt"), "C0, C2 and C3, which are undefined, change"),
    "precision": "operands in memory are rounded as PC says, which is for results (SDM 1, 8.1.5.2)",
    "shld": "results of counts beyond 16 bits are undefined (SDM 2B, SHLD)",
    "bswap": "of 16 bits: undefined (SDM 2A, BSWAP)",
    "alias": "F6/1 and F7/1 are not there (SDM 2D, A.4: as F6/0 and F7/0)",
    "blsi": "CF (SDM 2A, BLSI)",
}
UNICORN = {
    **COMMON,
    "vex": "VEX.vvvv, the upper halves and W are not heeded (SDM 2A, 2.3)",
    "sha": "not there, or other instructions instead",
    **dict.fromkeys(("adcx", "adox", "bzhi"), "wrong operands or flags (SDM 2A)"),
    **dict.fromkeys(("phaddsw", "phaddw", "phaddd"), "adds of other lanes (SDM 2B, PHADDW)"),
    **dict.fromkeys(("pcmpestri", "pcmpestrm"), "lengths are not limited: a crash (SDM 1, 12.11)"),
    "cmp": "bits 7 to 3 of the predicate are not ignored (SDM 2A, CMPPS)",
    "dpps": "the products are added in another order (SDM 2A, DPPS)",
    "cvtpd2ps": "a NaN's payload, or the upper half (SDM 2A, CVTPD2PS)",
    "constant": "are not rounded as RC says (SDM 2A, FLD1)",
    "fxtract": "of zero, infinities and denormals (SDM 2A, FXTRACT)",
    "fscale": "of a NaN or a denormal (SDM 2A, FSCALE)",
    "f0 neg": "the flags are those of the new value (SDM 2B, NEG)",
}
UNICORN16 = {
    **UNICORN,
    **dict.fromkeys(("popcnt", "movbe", "crc32"), "the operand size is turned round (SDM 2)"),
}
QEMU = {
    **COMMON,
    "vex 256": "the debugger port does not set the upper halves; L of scalars is not ignored",
    "sha": "not there",
    "nop": "0F 18 with a register is refused (SDM 2D, A-3: hint NOP)",
}
WRONG = {"unicorn32": UNICORN, "unicorn16": UNICORN16, "qemu": QEMU}
OTHER_NAMES = {"fucomip": "fucomi", "fcomi": "fucomi", "fcomip": "fucomi", "fprem1": "fprem",
               "shrd": "shld"}


def kind_of(row, code, bits):
    """What WRONG may call an instruction."""
    kinds = {kind for kind, _, _ in row.codes}
    name = OTHER_NAMES.get(row.name, row.name)
    if name not in ("shld", "bswap") or (code[0] == 0x66) != (bits == 16):
        yield name
    if row.notation in ("F6/1", "F7/1"):
        yield "alias"
    if row.name.startswith("cmp") and row.where.startswith("sse"):
        yield "cmp"
    if row.name in ("fldl2t", "fldl2e", "fldpi", "fldlg2", "fldln2"):
        yield "constant"
    if kinds & {"P", "Q", "N"}:
        yield "mmx"
    if row.feature == "sha":
        yield "sha"
    if row.where.startswith("vex"):
        yield "vex"
        if code[0] == 0xC4 and code[2] & 4 or code[0] == 0xC5 and code[1] & 4:
            yield "vex 256"
    if code[0] == 0xF0:
        yield f"f0 {row.name}"
    if row.where.startswith("x87") and "M" in kinds or row.family == "x87" and code[-2] < 0xC0:
        yield "precision"


def alone(row, bits):
    kinds = {kind for kind, _, _ in row.codes}
    return not (row.name in APART or kinds & {"S", "J", "X", "Y", "O", "A"}
                or row.family in ("fence", "push_segment", "pop_segment", "image", "xgetbv",
                                  "maskmov", "vgather")
                or row.name in native_cases.APPROXIMATE
                or row.name in ("fnstenv", "fnsave", "fldenv", "frstor")
                or row.where.startswith("sys.ops") or row.flags & ROWS["o64"]
                or bits == 16 and not_real(row))


def integer_case(seed, rows, bits):
    """(code, records) of a row of int.ops."""
    rng, state = random.Random(seed), np.random.default_rng(seed)
    row = rows[seed % len(rows)]
    base = rng.choice([4, 5, 6, 7] if bits == 16 else [0, 1, 2, 3, 5, 6, 7])
    index = None
    if bits == 32:
        index = rng.choice([None, *(x for x in range(8) if x not in (4, base))])
    code = sample(row, rng, bits, base, index)
    if code is None:
        return None
    cases = native.cases(SETS)
    cases["gpr"][:, :8] = operands(state, SETS)[:, :8] & np.uint64(0xFFFFFFFF)
    register = {4: 6, 5: 7, 6: 5, 7: 3}[base] if bits == 16 else base
    if index is not None:
        cases["gpr"][:, index] &= np.uint64(3)
    if row.family == "bit_test" and row.codes[1][0] == "G":
        cases["gpr"] &= np.uint64(31)
    cases["gpr"][:, 4] = cases["gpr"][:, register] = DATA[bits] + 0x40
    cases["mem"] = state.integers(0, 256, (SETS, 128), np.uint8)
    cases["rflags"] = 2 | state.integers(0, 1 << 12, SETS).astype(np.uint64) & np.uint64(FLAGS)
    return code, cases


def case(seed, rows, bits):
    row = rows[seed % len(rows)]
    if row.where.startswith("int"):
        return integer_case(seed, rows, bits)
    made = native_cases.vector_case(seed, rows, bits, 16)
    if made is None:
        return None
    _, code, cases = made
    cases = cases[:SETS].copy()
    cases["gpr"] &= np.uint64(0xFFFFFFFF)
    cases["gpr"][:, 8:] = cases["ymmh"] = cases["xmm"][:, 8:] = 0
    cases["rflags"] &= ~np.uint64(0x200)        # real mode has IF as it is
    # Exceptions stay masked; none is pending.
    # Neither DAZ nor FTZ, no encodings that only the 8087 made.
    cases["mxcsr"] = cases["mxcsr"] & 0x6000 | 0x1F80
    if row.family in ("vfloat", "vfma"):
        # No NaNs: of two both choose as the x87 unit does (SDM 1, table 4-7).
        for words in (cases["xmm"].view("<u4"), cases["mem"].view("<u4")):
            single = (words & 0x7F800000 == 0x7F800000) & (words & 0x7FFFFF != 0)
            words ^= np.where(single | (words & 0x7FF00000 == 0x7FF00000), 0x40000000,
                              0).astype("<u4")
    exponents = cases["st"][:, :, 8] | cases["st"][:, :, 9] & 0x7F
    cases["st"][:, :, 7] |= np.where(exponents, 0x80, 0).astype(np.uint8)
    cases["st"][:, :, 7] &= np.where(exponents, 0xFF, 0x7F).astype(np.uint8)
    cases["fcw"] |= 0x3F
    cases["fsw"] &= 0x7F00
    # No stack faults, which neither engine knows: one place is free, and not an operand.
    cases["ftw"] = [0xFF & ~(1 << ((int(top) >> 11) + 7 & 7)) for top in cases["fsw"]]
    if row.where.startswith("x87") and any(kind == "ST" and n == 8 for kind, n, _ in row.codes) \
            and code[-1] & 7 == 7:
        return None
    return code, cases


def difference(row, mine, real, fields, masks):
    """The first field that differs in a record of the engine and of the other, as text."""
    mask = FLAGS & ~UNDEFINED.get(row.name, 0) & ~(CF if row.name in ("shld", "shrd") else 0)
    masks = {**masks, "rflags": mask}
    for field in fields:
        a, b = mine[field], real[field]
        if field == "st":
            a, b = a[:, :10], b[:, :10]
        if field in masks:
            a, b = int(a) & masks[field], int(b) & masks[field]
        if np.any(a != b):
            where = np.argwhere(np.atleast_1d(a != b))[0]
            return f"{field}{list(where)}: engine {a!r}, other {b!r}".replace("\n", " ")
    return None


class Comparison:
    """Rows against one other engine; `wrong`: the first difference of each mnemonic."""

    def __init__(self, name, runner, backend, sets=SETS):
        self.name, self.runner, self.sets = name, runner, sets
        self.bits = 16 if name == "unicorn16" else 32
        self.other = Qemu() if name == "qemu" else Unicorn(self.bits)
        self.rows = [row for row in load() if alone(row, self.bits)]
        self.fields = ["gpr", "xmm", "mem", "rflags", "mxcsr", "fcw", "fsw", "ftw", "st"]
        # Neither has C1 of x87 instructions (SDM 1, 8.1.3.3) nor DE (8.5.2, 11.5.2.2), unicorn no
        # exception flags at all.
        self.masks = {"fsw": 0x7DFD if name == "qemu" else 0x7D00, "mxcsr": 0xFFFD}
        if name != "qemu":
            self.fields.remove("mxcsr")
        self.emu = engine.Emulator("x86_16" if self.bits == 16 else "i386", backend=backend)
        for page in {CODE[self.bits] & ~0xFFF, DATA[self.bits] & ~0xFFF}:
            self.emu.memory.map(page, 0x1000)
        self.emu.regs["cr4"] = self.emu.regs["cr4"] | 0x600
        self.wrong, self.seen, self.cases = {}, set(), 0

    def one(self, seed):
        row = self.rows[seed % len(self.rows)]
        made = case(seed, self.rows, self.bits)
        if made is None:
            return
        code, cases = made
        if not WRONG[self.name].keys().isdisjoint(kind_of(row, code, self.bits)):
            return
        cases = cases[:self.sets]
        self.emu.memory.write(CODE[self.bits], code + b"\xF4" * 8)
        mine = cases.copy()
        self.runner.run(self.emu, mine.view(np.uint8).reshape(len(mine), -1), CODE[self.bits],
                        DATA[self.bits])
        x87 = row.where.startswith("x87") or {kind for kind, _, _ in row.codes} & {"P", "Q", "N"}
        fields = [f for f in self.fields if x87 or f not in ("fcw", "fsw", "ftw", "st")]
        for n, before in enumerate(cases):
            real = self.other.step(code, before, bool(x87))
            self.cases += 1
            self.seen.add(row.number)
            if mine[n]["signal"] == 11 and real is not None and not row.where.startswith("int"):
                continue                # neither knows #GP for operands that are not aligned
            if mine[n]["signal"] == 8 and real is not None and self.name != "qemu":
                continue                # unicorn goes on behind #DE
            if (real is None) != bool(mine[n]["signal"]):
                bad = f"signal {mine[n]['signal']}, other {'faults' if real is None else 'runs'}"
            elif real is None:
                continue
            else:
                bad = difference(row, mine[n], real, fields, self.masks)
            if bad:
                self.wrong.setdefault(
                    row.name, f"{code.hex()} {row.notation} {row.name} seed {seed}: {bad}")

    def close(self):
        if self.name == "qemu":
            self.other.close()


def main(words):
    name, count, first = words[0], *(int(words[k]) if len(words) > k else default
                                     for k, default in ((1, 5000), (2, 0)))
    began, run = time.time(), Comparison(name, native_run.compiled(), (words[3:] or [None])[0])
    for seed in range(first * count, (first + 1) * count):
        run.one(seed)
    run.close()
    print(f"{name}: {run.cases} cases of {len(run.seen)} of {len(run.rows)} rows in "
          f"{time.time() - began:.0f} s, {len(run.wrong)} differ")
    print("\n".join(run.wrong.values()))
    return int(bool(run.wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
