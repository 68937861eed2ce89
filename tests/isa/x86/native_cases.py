"""Random instructions with operands worth trying, for the comparison with this machine's processor.

Lives here: which rows of the opcode tables are compared and which are not, and why; code, registers
and memory of a case. Does not live here: running and comparing (native_run.py), the records
(native/). Called by native_run.py and test_native_state.py.
"""

import random
import sys
from collections import namedtuple
from functools import cache
from pathlib import Path

import numpy as np
from isa.make_ins_x86 import CF, UNDEFINED

from engine._core.gen.x86 import load, sample

sys.path[:0] = [str(Path(__file__).resolve().parent / "native")]

import native  # noqa: E402

# ---------------------------------------------------------------- what is not compared

REASONS = {     # family, or a row's name -> why
    "far": "selectors are the kernel's", "load_pointer": "selectors are the kernel's",
    "retf": "selectors are the kernel's", "iret": "selectors are the kernel's",
    "mov_to_segment": "selectors are the kernel's", "pop_segment": "selectors are the kernel's",
    "push_segment": "selectors are the kernel's", "mov_from_segment": "selectors are the kernel's",
    "inspect": "descriptors are the kernel's",
    "syscall": "the kernel's", "int": "the kernel's", "int1": "the kernel's",
    "rdtsc": "time", "cpuid": "the processor's model", "random": "chance",
    "xgetbv": "this processor has more states", "sysret": "AMD: #UD in long mode",
    "store_selector": "the kernel answers in its place (UMIP)", "smsw": "the kernel answers (UMIP)",
    "sgdt": "the kernel answers in its place (UMIP)", "sidt": "the kernel answers (UMIP)",
}
APPROXIMATE = {"rcpps", "rcpss", "rsqrtps", "rsqrtss", "vrcpps", "vrcpss", "vrsqrtps", "vrsqrtss"}
LACKING = {"sha": "sha_ni", "fma": "fma", "f16c": "f16c", "avx2": "avx2", "aes": "aes",
           "bmi1": "bmi1", "bmi2": "bmi2", "adx": "adx", "movbe": "movbe"}
# D9 xx whose last bits the manual leaves open: test_native_x87.py.
TRANSCENDENTAL = {0xF0, 0xF1, 0xF2, 0xF3, 0xF9, 0xFB, 0xFE, 0xFF}
IMAGES = {"image"}
UNKNOWN_IMAGES = {"xsaveopt", "xsaveopt64"}     # may leave out what was not changed since


def why_not(row):
    """Why a row is not compared; "": it is."""
    if row.name in REASONS:
        return REASONS[row.name]
    if row.family in REASONS:
        return REASONS[row.family]
    if row.name in APPROXIMATE:
        return "the manual leaves the last bits open"
    if row.name in UNKNOWN_IMAGES:
        return "what it writes depends on what was written before"
    if row.where.startswith("x87") and row.opcode == 0xD9 and row.mod != 1 and row.reg in (6, 7) \
            and 0xC0 | row.reg << 3 | row.mod - 3 & 7 in TRANSCENDENTAL and row.mod > 2:
        return "the manual leaves the last bits open (test_native_x87.py)"
    if LACKING.get(row.feature, "fpu") not in native.cpu_flags():
        return "not in this processor"
    return ""


@cache
def rows(kind):
    """integer, vector (with MMX), x87, image; or all of them."""
    return [row for row in load() if not why_not(row) and kind in ("all", kind_of(row))]


def kind_of(row):
    if row.family in IMAGES:
        return "image"
    table = row.where.partition(".ops")[0]
    return {"sse": "vector", "vex": "vector", "x87": "x87"}.get(table, "integer")


# ---------------------------------------------------------------- operands

class Pool:
    """Numbers worth trying, made once: cases choose of them."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        size = 1 << 15
        self.lanes = {width: native.lanes(rng, (size,), width) for width in (8, 16, 32, 64)}
        sig, exp = native.numbers(rng, size)
        self.numbers = np.zeros((size, 16), np.uint8)
        self.numbers[:, :8] = sig.view(np.uint8).reshape(size, 8)
        self.numbers[:, 8:10] = exp.view(np.uint8).reshape(size, 2)
        edge = np.array([0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000,
                         0xFFFFFFFF, 1 << 63, (1 << 63) - 1, (1 << 64) - 1], np.uint64)
        bits = rng.integers(0, 1 << 64, size, np.uint64, endpoint=False)
        kind = rng.random(size)
        self.integers = np.where(kind < 0.25, edge[rng.integers(0, len(edge), size)], np.where(
            kind < 0.4, rng.integers(0, 70, size).astype(np.uint64), bits))

    @staticmethod
    def pick(values, state, shape):
        return values[state.integers(0, len(values), shape, np.uint32)]


@cache
def pool():
    return Pool(1)


FLAGS = 0x8D5
PARTS = {"maskmov", "image", "fnsave", "fldenv", "fnstenv", "frstor"}
MARK = bytes.fromhex("a75b1ce3")
Case = namedtuple("Case", "name group code records count ignore image parts branches")
# count: instructions of the engine's run (0: until the end of the code); ignore: undefined flags;
# image: where in the image's memory it is, None: there is none; parts: its access is not one.


def flags(state, count, more=0):
    return 0x202 | state.integers(0, 1 << 12, count).astype(np.uint64) & np.uint64(FLAGS | more)


def x87_state(state, cases):
    """Random numbers on a stack that is mostly full; pending exceptions now and then."""
    count = len(cases)
    cases["st"] = Pool.pick(pool().numbers, state, (count, 8))
    cases["fcw"] = 0x7F | state.choice([0, 2, 3, 3, 3], count) << 8
    cases["fcw"] |= state.integers(0, 4, count).astype(np.uint16) << 10
    cases["fcw"] &= ~np.where(state.random(count) < 0.2, state.integers(0, 64, count),
                              0).astype(np.uint16)
    cases["fsw"] = state.integers(0, 8, count) << 11 | state.integers(0, 8, count) << 8
    raised = np.where(state.random(count) < 0.1, state.integers(0, 128, count), 0).astype(np.uint16)
    cases["fsw"] |= raised
    cases["fsw"] |= np.where(raised & ~cases["fcw"] & 0x3F, 0x8080, 0).astype(np.uint16)
    cases["ftw"] = np.where(state.random(count) < 0.8, 0xFF, state.integers(0, 256, count))


def memory_operand(rng, bits, target, base):
    """(operand of sample(), prefix, value of the base register less the target, base of FS and GS):
    a random addressing form."""
    low, mask = base & 7, (1 << bits) - 1
    forms = ["disp32", "none", "absolute", "segment"]
    forms += ["rip", "rip", "fs", "gs", "address32"] if bits == 64 else ["address16"]
    form = rng.choice(forms)
    if form == "none" and low not in (4, 5):
        return bytes([low]), b"", 0, 0
    if form == "rip":
        return b"\x05" + MARK, b"", 0, 0
    if form == "absolute":
        where = target.to_bytes(4, "little")
        return (b"\x04\x25" if bits == 64 else b"\x05") + where, b"", 0, 0
    disp = rng.randrange(-128, 128)
    small = bytes([0x40 | low, disp & 0xFF])
    if form == "segment":
        return small, bytes([rng.choice((0x26, 0x2E, 0x36, 0x3E))]), -disp, 0
    if form in ("fs", "gs"):
        at = rng.choice((0x1000, 0x20000000, 0x7FFF00000000, -0x10000000)) & mask
        return small, b"\x64" if form == "fs" else b"\x65", -disp - at, at
    if form == "address32":
        return small, b"\x67", -disp + (rng.getrandbits(32) << 32), 0
    if form == "address16":
        rm, mod = rng.randrange(8), rng.randrange(3)
        size = (2 if rm == 6 else 0, 1, 2)[mod]
        return bytes([mod << 6 | rm]) + rng.randbytes(size), b"\x67", 0, 0
    disp = rng.getrandbits(32)
    disp = disp - (1 << 32) if disp >> 31 else disp
    return bytes([0x80 | low]) + (disp & 0xFFFFFFFF).to_bytes(4, "little"), b"", -disp, 0


def place(rng, wide):
    """Where a memory operand is: mostly inside of the window, aligned or not; over its end."""
    kind = rng.random()
    if kind < 0.45:
        return native.MEM_WINDOW + rng.choice((0, 32, 64))
    if kind < 0.9:
        return native.MEM_WINDOW + rng.randrange(0, 120 - wide)
    if kind < 0.97:
        return native.MEM_WINDOW + 128 - rng.randrange(1, wide + 1)
    return native.MEM_WINDOW + 128 + rng.randrange(0, 64)


BRANCHES = {"jcc", "loop", "jcxz", "call", "jmp"}


def branch_code(rng, row, code, bits):
    """A displacement that lands outside of the instruction, in its page. None: a prefix 66 in
    64-bit code, which Intel's processors ignore and AMD's obey."""
    small = b"\x66" in code[:4].partition(bytes([row.opcode]))[0]
    if small and bits == 64:
        return None
    if not any(kind == "J" for kind, _, _ in row.codes):
        return code
    size = {"b": 1, "bs": 1, "z": 2 if small else 4}[row.codes[0][2]]
    away = rng.choice((-128, -100, -50, 20, 60, 100, 127)) if size == 1 else \
        rng.randrange(60, 0x700) * rng.choice((1, -1))
    return code[:-size] + (away & (1 << 8 * size) - 1).to_bytes(size, "little")


def make(seed, kind, bits=64, sets=32):
    """A Case, None where the row does not make one. `kind`: as of rows(), or "pairs"."""
    rng, state = random.Random(f"{seed} {kind}"), np.random.default_rng(seed)
    if kind == "pairs":
        return make_pair(rng, state, bits, sets)
    row = rows(kind)[seed % len(rows(kind))]
    made = MAKERS.get(row.family, make_row)(rng, state, row, bits, sets)
    if made is None or len(made[0]) > 15:
        return None
    code, records, count = made
    native.set_code(records, code)
    image = None
    if kind == "image":
        base = next(b for b in range(16) if int(records["gpr"][0, b]) - native.IMAGE in IMAGE_AT)
        image = int(records["gpr"][0, base]) - native.IMAGE
    return Case(f"{row.notation} {row.name}", group(row), code, records, count,
                undefined(row, code), image, row.family in PARTS or row.name in PARTS,
                row.family in BRANCHES | ENDS)


def group(row):
    kind = kind_of(row)
    return kind if kind in ("x87", "image") or kind == "integer" and row.feature not in (
        "bmi1", "bmi2", "adx", "movbe", "crc32", "popcnt", "lzcnt") else row.feature


def undefined(row, code):
    """Flags that a row leaves undefined."""
    bits = UNDEFINED.get(row.name, 0)
    if row.name in ("shld", "shrd") and b"\x66" in code:
        bits |= CF                  # of 16 bits by more than 16
    return bits


def make_row(rng, state, row, bits, sets):
    kind = kind_of(row)
    base = rng.choice([b for b in range(bits // 4) if b not in (4, 12)])
    if row.family == "vgather":
        return make_gather(rng, state, row, bits, sets, base)
    target = place(rng, 16 if kind == "integer" else 32)
    index, operand, prefix, delta, segment_base = None, None, b"", 0, 0
    if rng.random() < 0.6 or kind == "image":
        if rng.random() < 0.6:
            index = rng.choice([x for x in range(bits // 4) if x not in (4, base)])
    else:
        operand, prefix, delta, segment_base = memory_operand(rng, bits, target, base)
    code = sample(row, rng, bits, base, index, operand)
    if code is None:
        return None
    if bits == 32 and any(k == "L" for k, _, _ in row.codes):
        code = code[:-1] + bytes([code[-1] & 0x7F])     # the bit is ignored in 32-bit mode
    if row.family == "maskmov" or row.family in ("vmaskmov", "pop") and prefix == b"\x2E":
        prefix = b""    # a store of nothing to where it may not be; which fault is first
    code = prefix + code
    at = code.find(MARK)
    if at >= 0:
        away = target - native.CODE - len(code) & 0xFFFFFFFF
        code = code[:at] + away.to_bytes(4, "little") + code[at + 4:]
    if row.family in BRANCHES | ENDS:
        code = branch_code(rng, row, code, bits)
        if code is None:
            return None
    records = native.cases(sets, bits=bits)
    gpr = records["gpr"]
    gpr[:] = Pool.pick(pool().integers, state, (sets, 16))
    if bits == 32:
        gpr &= np.uint64(0xFFFFFFFF)
        gpr[:, 8:] = 0
    words = pool().lanes[rng.choice([8, 16, 32, 64])]
    records["mem"] = Pool.pick(words, state, (sets, 16)).view(np.uint8)
    gpr[:, 4] = native.MEM_WINDOW + 64
    gpr[:, base] = (target + delta - (code[-1] & 7 if operand is None and rng.random() < 0.5 else 0)
                    ) & (1 << bits) - 1
    if index is not None and rng.random() < 0.95:
        gpr[:, index] = state.integers(0, 4, sets)
    elif index is not None:         # where this process has nothing either
        gpr[:, index] = state.integers(-1 << 20, 1 << 20, sets).astype(np.uint64)
        if bits == 32:
            gpr[:, index] &= np.uint64(0xFFFFFFFF)
        else:
            gpr[::5, index] = 1 << 60
    if prefix in (b"\x64", b"\x65"):
        records["fsbase" if prefix == b"\x64" else "gsbase"] = segment_base
    records["rflags"] = flags(state, sets)
    if kind == "integer":
        arrange(rng, state, row, records, base, code)
    else:
        vectors(rng, state, row, records)
    return code, records, 1 if row.family in BRANCHES | ENDS else rng.choice((0, 1))


ENDS = {"ret", "call_indirect", "jmp_indirect"}


def arrange(rng, state, row, records, base, code):
    """What single families need of registers and memory."""
    sets, gpr, bits = len(records), records["gpr"], records["bits"][0]
    if row.name == "leave":
        gpr[:, 5] = native.MEM_WINDOW + rng.choice((64, 120, 126))
    elif row.name in ("div", "idiv"):       # half of them with a quotient that fits
        gpr[::2, 2] = np.where(state.random(len(gpr[::2])) < 0.5, 0, 1)
    elif row.family == "bit_test" and row.codes[1][0] == "G":
        near = gpr & np.uint64(63)
        if rng.random() < 0.2:
            near = near - np.uint64(200)
        gpr[:] = np.where(np.arange(16) == base, gpr, near)
        if bits == 32:
            gpr &= np.uint64(0xFFFFFFFF)
        gpr[:, 4] = native.MEM_WINDOW + 64
    elif row.family == "cmpxchg2":
        records["mem"][::2, :] = np.tile(gpr[::2, [0, 2]].copy().view(np.uint8), 8)
    elif row.family == "cmpxchg" and rng.random() < 0.5:
        records["mem"][::2, :] = np.tile(gpr[::2, [0]].copy().view(np.uint8), 16)
    elif row.family in ("jcxz", "loop"):
        gpr[::2, 1] &= np.uint64(0xFFFFFFFF00000001)
    elif row.family in ENDS:
        where = native.CODE + state.integers(64, 0x700, (sets, 16)).astype(np.uint64)
        if row.family == "ret":
            records["mem"][:] = where.view(np.uint8)
        else:
            memory = code[code.index(0xFF) + 1] < 0xC0
            gpr[:] = np.where(np.isin(np.arange(16), (4, base) if memory else (4,)), gpr, where)
            records["mem"][:] = where.view(np.uint8)
    elif row.family == "popf":
        records["mem"].view("<u8")[:] &= np.uint64(0x200CD5)
        records["mem"].view("<u8")[:] |= np.uint64(0x202)
    elif row.family == "xlat":
        gpr[:, 3] = native.MEM_WINDOW - state.integers(0, 128, sets).astype(np.uint64)
        gpr[:, 0] = state.integers(0, 256, sets)
        records["fsbase"] = records["gsbase"] = 0
    elif row.family == "enter":
        gpr[:, 5] = native.MEM_WINDOW + 96
        gpr[:, 4] = native.MEM_WINDOW + 100
    elif row.family == "segment_base":
        gpr[:] &= np.uint64(0x7FFFFFFFFFFF)
        records["fsbase"], records["gsbase"] = gpr[:, 0], gpr[:, 1]
    if row.family == "popf":            # aligned: flags as chosen above
        gpr[:, 4] = native.MEM_WINDOW + rng.choice((64, 96, 120, 128))
    elif row.family in ("push", "pop", "pusha", "pushf", "call", "ret") \
            and rng.random() < 0.15:
        gpr[:, 4] = native.MEM_WINDOW + rng.choice((-1, 1, 3, 96, 123, 125, 127, 128, 129, 132,
                                                    200))


def vectors(rng, state, row, records):
    """The registers of vector and x87 rows."""
    sets, kinds = len(records), {kind for kind, _, _ in row.codes}
    width = {"D": 64}.get(row.name[-1:].upper(), 32)
    if kind_of(row) != "x87":
        for name in ("xmm", "ymmh"):
            words = pool().lanes[rng.choice([8, 16, width, 32, 64])]
            records[name] = Pool.pick(words, state, (sets, 16, 2))
        records["mxcsr"] = 0x1F80 | state.integers(0, 4, sets) << 13
        if rng.random() < 0.3:
            records["mxcsr"] ^= state.integers(0, 1 << 16, sets).astype(np.uint32)
        if records["bits"][0] == 32:
            records["xmm"][:, 8:] = records["ymmh"][:, 8:] = 0
    if kind_of(row) == "x87" or kinds & {"P", "Q", "N"}:
        x87_state(state, records)
    if row.family == "maskmov":
        records["gpr"][:, 7] = native.MEM_WINDOW + rng.choice([0, 3, 16, 112])
        records["fsbase"] = records["gsbase"] = 0
    if row.name.endswith("ldmxcsr"):
        records["mem"] &= 0xFD          # without AMD's bit 17
        records["mem"].view("<u4")[:] &= np.where(state.random((sets, 32)) < 0.9, 0xFFFF,
                                                 0xFFFFFFFF).astype(np.uint32)
    if kind_of(row) == "x87" and rng.random() < 0.5:
        records["mem"][:, :] = np.tile(Pool.pick(pool().numbers, state, sets), 8)


def make_gather(rng, state, row, bits, sets, base):
    index = rng.choice([n for n in range(bits // 4) if n != base])
    code = sample(row, rng, bits, base, index)
    if code is None:
        return None
    records = native.cases(sets, bits=bits)
    vectors(rng, state, row, records)
    records["mem"] = Pool.pick(pool().lanes[32], state, (sets, 16)).view(np.uint8)
    records["rflags"] = flags(state, sets)
    records["gpr"][:, base] = native.MEM_WINDOW + rng.choice((32, 32, 32, 100))
    dwords = row.notation.split()[-3 if "mem" in row.notation else -1] in ("90", "92")
    for name in ("xmm", "ymmh"):
        small = state.integers(0, 8, records[name][:, index].shape).astype(np.uint64)
        if dwords:
            small |= small << np.uint64(32)
        records[name][:, index] = small
    return code, records, rng.choice((0, 1))


def make_string(rng, state, row, bits, sets):
    """Counts from 0 to 6 with each REP, both directions, up to the end of what is mapped."""
    code = sample(row, rng, bits)
    code = rng.choice((b"", b"\xF2", b"\xF3")) + code
    if rng.random() < 0.15 and bits == 64:
        code = b"\x67" + code
    records = native.cases(sets, bits=bits)
    gpr = records["gpr"]
    gpr[:] = Pool.pick(pool().integers, state, (sets, 16)) & np.uint64((1 << bits) - 1)
    gpr[:, 8:] = 0
    gpr[:, 4] = native.MEM_WINDOW + 64
    gpr[:, 1] = state.integers(0, 7, sets)
    end = 128 if rng.random() < 0.3 else 72
    for n in (6, 7):
        gpr[:, n] = native.MEM_WINDOW + state.integers(48, end, sets)
    if rng.random() < 0.7:              # equal runs for CMPS and SCAS
        records["mem"] = state.integers(0, 2, (sets, 128)) * 0x41
        gpr[::2, 0] = 0x4141414141414141 & (1 << bits) - 1
    else:
        records["mem"] = Pool.pick(pool().lanes[8], state, (sets, 16)).view(np.uint8)
    records["rflags"] = flags(state, sets, 0x400)
    return code, records, 0


def make_offset(rng, state, row, bits, sets):
    """MOV with an absolute address in the instruction."""
    at = native.MEM_WINDOW + rng.choice((0, 5, 64, 120, 124, 125, 127, 128))
    prefix, width = rng.choice((b"", b"\x66")), bits // 8
    if bits == 64 and rng.random() < 0.3:
        prefix, width = prefix + b"\x67", 4
    elif bits == 64 and rng.random() < 0.5:
        prefix += b"\x48"
    code = prefix + bytes([row.opcode]) + at.to_bytes(width, "little")
    records = native.cases(sets, bits=bits)
    records["gpr"] = Pool.pick(pool().integers, state, (sets, 16)) & np.uint64((1 << bits) - 1)
    records["gpr"][:, 4] = native.MEM_WINDOW + 64
    records["mem"] = Pool.pick(pool().lanes[8], state, (sets, 16)).view(np.uint8)
    records["rflags"] = flags(state, sets)
    if bits == 32:
        records["gpr"][:, 8:] = 0
    return code, records, 1


def make_image(rng, state, row, bits, sets):
    """FXSAVE, XSAVE and their kin with an image of a random state; EDX:EAX of this model."""
    base = rng.choice([b for b in range(bits // 4) if b not in (4, 12, 0, 2)])
    code = sample(row, rng, bits, base, None, bytes([0x80 | base & 7]) + bytes(4))
    if code is None:
        return None
    records = native.cases(sets, native.WITH_IMAGE, bits)
    other = native.cases(sets)
    for cases in (records, other):
        x87_state(state, cases)
        cases["fsw"] &= np.uint16(0x7F00)           # no exception waits
        for name in ("xmm", "ymmh"):
            cases[name] = Pool.pick(pool().lanes[64], state, (sets, 16, 2))
        cases["mxcsr"] = 0x1F80 ^ state.integers(0, 1 << 16, sets).astype(np.uint32)
    if bits == 32:
        records["xmm"][:, 8:] = records["ymmh"][:, 8:] = 0
    records["gpr"] = Pool.pick(pool().integers, state, (sets, 16)) & np.uint64((1 << bits) - 1)
    if bits == 32:
        records["gpr"][:, 8:] = 0
    records["gpr"][:, 4] = native.MEM_WINDOW + 64
    records["gpr"][:, 0] = state.integers(0, 8, sets)
    records["gpr"][:, 2] = 0
    off = rng.choice(IMAGE_AT)
    records["gpr"][:, base] = native.IMAGE + off
    if "rstor" in row.name:
        other["fx_rest"] = other["fx_rest2"] = 0
        raw = other.view(np.uint8).reshape(sets, -1)[:, :832]
        raw[:, 6:24] = 0
        raw[:, 28:32] = 0
        raw[:, 512:] *= np.where(np.arange(320) >= 8, np.arange(320) >= 64, 1).astype(np.uint8)
        raw[:, 512] = state.integers(0, 8, sets)
        if rng.random() < 0.2:                      # a reserved bit: #GP
            at = rng.choice((512, 520, 527, 530, 575, 26, 27))
            raw[::2, at] |= 0x08 if at == 512 else 0x80     # bit 3: MPX
        room = native.IMAGE_SIZE - off
        records["image"][:, off:off + 832] = raw[:, :room]
    else:
        records["image"] = 0xEE
        if row.name.startswith("xsave"):
            records["image"][:, off + 512:off + 576] = 0
    records["rflags"] = flags(state, sets)
    return code, records, 1


IMAGE_AT = (0, 0, 0, 0, 64, 128, 16, 8)         # two of them are not aligned
MAKERS = {"string": make_string, "mov_offset": make_offset, "image": make_image}

# ---------------------------------------------------------------- one instruction after another

CONDITIONS = [0x800, 1, 0x40, 0x41, 0x80, 4, 0x880, 0x8C0]     # SDM 1, appendix B
READERS = {"lahf": 0xD5, "adc": 1, "sbb": 1, "rcl": 1, "rcr": 1, "cmc": 1, "adcx": 1, "adox": 0x800,
           "pushf": 0x8D5, "aaa": 0x10, "aas": 0x10, "daa": 0x11, "das": 0x11, "salc": 1}
NOT_IN_PAIRS = BRANCHES | ENDS | {"leave", "push", "pop", "pushf", "popf", "pusha", "popa", "enter",
                                  "string", "mov_offset", "undefined", "xlat", "bound", "into",
                                  "int", "int3", "segment_base", "div", "hlt", "fence"}


def flags_read(row):
    if row.family in ("setcc", "cmov"):
        return CONDITIONS[(row.opcode & 15) >> 1]
    return READERS.get(row.name, 0)


@cache
def pair_rows(reading):
    return [row for row in rows("integer") if row.where.startswith("int.ops") and row.mod != 1
            and row.family not in NOT_IN_PAIRS and row.name not in NOT_IN_PAIRS
            and "interrupt" not in row.family and "direction" not in row.family
            and (not reading or flags_read(row))]


def make_pair(rng, state, bits, sets):
    """Two or three instructions on registers: what one leaves of the flags, the next one reads."""
    chosen = [rng.choice(pair_rows(False)) for _ in range(rng.choice((1, 2)))]
    chosen.append(rng.choice(pair_rows(True)))
    codes = [sample(row, rng, bits) for row in chosen]
    if None in codes or len(b"".join(codes)) > 15 or any(c[0] == 0xF0 for c in codes):
        return None
    left = 0
    for row, code in zip(chosen, codes, strict=True):
        if left & flags_read(row):
            return None
        left |= undefined(row, code)
    records = native.cases(sets, bits=bits)
    records["gpr"] = Pool.pick(pool().integers, state, (sets, 16))
    if bits == 32:
        records["gpr"] &= np.uint64(0xFFFFFFFF)
        records["gpr"][:, 8:] = 0
    records["rflags"] = flags(state, sets)
    code = b"".join(codes)
    native.set_code(records, code)
    return Case(" ".join(row.name for row in chosen), "pairs", code, records, 0, left, None, False,
                False)


# ---------------------------------------------------------------- for lines and other engines

def vector_rows():
    """Rows that this processor has too and whose results are fixed."""
    have = native.cpu_flags()
    return [row for row in load() if row.where.startswith(("sse.ops", "vex.ops", "x87.ops"))
            and row.name not in APPROXIMATE and row.family not in ("image", "xgetbv")
            and LACKING.get(row.feature, "sse2") in have]


def vector_case(seed, rows, bits, sets):
    """(row, code, records) for one instruction, None where the row does not make one.

    bits 32, 16: of such code (32: bytes that mean the same in 64-bit code)."""
    rng, state = random.Random(seed), np.random.default_rng(seed)
    row = rows[seed % len(rows)]
    base = rng.choice([b for b in range(bits // 4) if b not in (4, 12)])
    if bits == 16:
        base = rng.choice([4, 5, 6, 7])         # rm: [si] [di] [bp] [bx]
    gather = row.family == "vgather"
    index = rng.choice([n for n in range(bits // 4) if n != base]) if gather else None
    code = sample(row, rng, bits, base, index)
    if bits == 16:
        base = {4: 6, 5: 7, 6: 5, 7: 3}[base]
    if code and bits < 64 and any(kind == "L" for kind, _, _ in row.codes):
        code = code[:-1] + bytes([code[-1] & 0x7F])     # the bit is ignored in 32-bit mode
    x87 = row.where.startswith("x87")
    if code is None or x87 and b"\xd9" in code[:3] and code[-1] in TRANSCENDENTAL:
        return None
    cases = native.cases(sets)
    width = {"D": 64}.get(row.name[-1:].upper(), 32)
    for field in ("xmm", "ymmh"):
        cases[field] = native.lanes(state, cases[field].shape, rng.choice([8, 16, width, 32, 64]))
    cases["gpr"] = native.lanes(state, cases["gpr"].shape, 32)
    cases["gpr"][:, 4] = native.MEM_WINDOW + 64
    # Aligned once the displacement of sample() is added, mostly.
    place = 0 if x87 else 32
    cases["gpr"][:, base] = native.MEM_WINDOW + place - (code[-1] & 7 if rng.random() < 0.5 else 0)
    if x87 and rng.random() < 0.1:
        cases["gpr"][:, base] += 100
    if row.family == "maskmov":
        cases["gpr"][:, 7] = native.MEM_WINDOW + rng.choice([0, 3, 16, 112])
    if gather:
        for field in ("xmm", "ymmh"):
            small = state.integers(0, 8, cases[field][:, index].shape).astype(np.uint64)
            if row.notation.split()[-3 if "mem" in row.notation else -1] in ("90", "92"):
                small |= small << np.uint64(32)
            cases[field][:, index] = small
    cases["mem"] = native.lanes(state, (sets, 16), rng.choice([8, 16, 32, 64])).view(np.uint8)
    if row.name.endswith("ldmxcsr"):
        cases["mem"] &= 0x7D            # without AMD's bit 17
        for at in range(2, 128, 1):
            if rng.random() < 0.9:
                cases["mem"][:, at] = 0
    cases["rflags"] = 0x202 | state.integers(0, 1 << 12, sets).astype(np.uint64) & np.uint64(FLAGS)
    cases["mxcsr"] = 0x1F80 | state.integers(0, 4, sets) << 13
    if rng.random() < 0.2:
        cases["mxcsr"] ^= state.integers(0, 1 << 16, sets).astype(np.uint32)
    if x87 or {kind for kind, _, _ in row.codes} & {"P", "Q", "N"}:
        x87_state(state, cases)
    native.set_code(cases, code)
    return row, code, cases
