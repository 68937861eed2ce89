"""Random RISC-V programs that end by themselves and touch only their own memory.

Lives here: the choice of instructions and start values. Does not live here: the engines
(riscv_compare.py).

Rules that make a program comparable anywhere: jumps go forward to an instruction of the program,
but for one loop around all of it, whose count is in s2; s0 and sp point into the data and s1 to an
aligned cell of it; none of these is written otherwise; f8 to f23 hold doubles and the other float
registers boxed singles.
"""

from dataclasses import dataclass, field
from functools import cache

from engine._core.gen.isa import Field
from engine._core.gen.isa_model import encode, load, match, random_bits, text

CODE, DATA, DATA_SIZE = 0x11000, 0x20000, 0x3000
SP, S0, S1, S2 = 2, 8, 9, 18
BASES = {SP: DATA + 0x1000, S0: DATA + 0x1810, S1: DATA + 0x2100, S2: 0}
MEMORY = {"load", "store", "fload", "fstore"}
JUMPS = {"jal", "branch"}
NEVER = {"jalr", "load_reserved", "store_conditional", "ecall", "ebreak", "mret", "sret", "wfi",
         "sfence_vma", "fence_i"}
EDGES = [0, 1, 2, 31, 63, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 32,
         (1 << 63) - 1, 1 << 63, (1 << 64) - 1, (1 << 64) - 2, 0xffffffff80000000]
SINGLES = [0, 0x80000000, 0x3f800000, 0xbf800000, 1, 0x7fffff, 0x800000, 0x7f7fffff, 0x7f800000,
           0xff800000, 0x7fc00000, 0x3eaaaaab, 0x4f000000, 0xcf000000, 0x5f000000, 0x33800001]
DOUBLES = [0, 1 << 63, 0x3ff0000000000000, 0xbff8000000000000, 1, 0xfffffffffffff,
           0x10000000000000, 0x7fefffffffffffff, 0x7ff0000000000000, 0xfff0000000000000,
           0x7ff8000000000000, 0x3fd5555555555555, 0x41dfffffffc00000, 0x43e0000000000000,
           0xc1e0000000200000, 0x380fffffffffffff, 0x47efffffe0000000, 0x3690000000000000]
BOX = 0xffffffff << 32


@dataclass
class Program:
    xlen: int
    code: bytes
    text: list                          # (address, text) of each instruction
    x: list
    f: list
    frm: int
    data: bytes
    features: frozenset = field(default=frozenset())

    @property
    def end(self):
        return CODE + len(self.code)


def is_double(number):
    return 8 <= number < 24


def float_bits(pattern, arg):
    """32 or 64: what a float argument of a pattern holds, None when either."""
    parts = pattern.name.split(".")
    if pattern.family in ("fload", "fstore"):
        return 32 if "w" in parts[-1] else 64
    if parts[0] == "fcvt" and arg == "fd":
        return {"s": 32, "d": 64}[parts[1]]
    if parts[0] == "fmv":
        return {"w": 32, "s": 32, "d": 64, "x": None}[parts[1] if arg == "fd" else parts[-1]]
    return {"s": 32, "d": 64}[parts[-1]]


def usable(guest, pattern, insn):
    """Whether an instruction keeps the rules, but for its jump target."""
    args = {name: source.decode(insn) if isinstance(source, Field) else source
            for name, source in pattern.format.args.items()}
    if args.get("rd") in BASES:
        return False
    if pattern.family in MEMORY and args["rs1"] not in (SP, S0):
        return False
    if pattern.family == "amo" and args["rs1"] != S1:
        return False
    if "csr" in args and args["csr"] != 1:
        return False
    for name, value in args.items():
        if name in ("fd", "fs1", "fs2", "fs3"):
            bits = float_bits(pattern, name)
            if bits is not None and is_double(value) != (bits == 64):
                return False
    return args.get("rm", 0) not in (5, 6) and args.get("rme", 0) not in (5, 6)


def steer(pattern, insn, rng):
    """Bases of memory accesses and float registers moved to where the rules want them."""
    for name, source in pattern.format.args.items():
        if not isinstance(source, Field):
            continue
        wanted = None
        if name == "rs1" and pattern.family in MEMORY:
            wanted = S0 if source.add else rng.choice((SP, S0))
        elif name == "rs1" and pattern.family == "amo":
            wanted = S1
        elif name == "csr":
            wanted = 1
        elif name in ("fd", "fs1", "fs2", "fs3") and not source.add:
            bits = float_bits(pattern, name) or rng.choice((32, 64))
            wanted = rng.randrange(8, 24) if bits == 64 else rng.choice((*range(8), *range(24, 32)))
        if wanted is not None:
            insn = insn & ~source.mask | source.encode(wanted)
    return insn


def features_of(xlen):
    return frozenset(load("riscv").features) - {"RV32", "RV64"} | {f"RV{xlen}"}


@cache
def candidates(xlen, skip):
    """The patterns that programs are made of."""
    return [pattern for pattern in load("riscv").patterns
            if pattern.family not in NEVER and not skip(pattern)
            and pattern.available(features_of(xlen))]


def nothing(pattern):
    return False


def make(rng, xlen, count, skip=nothing):
    """A program of about `count` instructions."""
    guest = load("riscv")
    features = features_of(xlen)
    patterns, chosen = candidates(xlen, skip), []
    while len(chosen) < count:
        pattern = rng.choice(patterns)
        insn = random_bits(guest, pattern, rng, features)
        if insn is None:
            continue
        insn = steer(pattern, insn, rng)
        if pattern.holds(insn, features) and usable(guest, pattern, insn):
            chosen.append([pattern, insn])
    loop = rng.random() < 0.5
    if loop:
        chosen.insert(0, known("addi", features, rd=S2, rs1=0, imm=rng.randrange(2, 6)))
        chosen.append(known("addi", features, rd=S2, rs1=S2, imm=-1))
    at, places = CODE, []
    for pattern, _ in chosen:
        places.append(at)
        at += pattern.length // 8
    places.append(at)
    for n, (pattern, insn) in enumerate(chosen):
        if pattern.family in JUMPS:
            (arg, source), = [(name, source) for name, source in pattern.format.args.items()
                              if isinstance(source, Field) and source.shift == 1]
            target = places[min(n + rng.randrange(1, 6), len(chosen) - loop)]
            chosen[n][1] = insn & ~source.mask | source.encode(target - places[n])
    if loop:
        chosen.append(known("bne", features, rs1=S2, rs2=0, bimm=places[1] - places[-1]))
    code = b"".join(insn.to_bytes(p.length // 8, "little") for p, insn in chosen)
    said = [(place, text(guest, p, insn, place, features))
            for place, (p, insn) in zip(places, chosen, strict=False)]
    mask = (1 << xlen) - 1

    def word():
        return (rng.choice(EDGES) if rng.random() < 0.5 else rng.getrandbits(64)) & mask

    x = [0] + [word() for _ in range(31)]
    for number, value in BASES.items():
        x[number] = value
    f = []
    for number in range(32):
        if is_double(number):
            f.append(rng.choice(DOUBLES) if rng.random() < 0.6 else finite64(rng))
        else:
            f.append(BOX | (rng.choice(SINGLES) if rng.random() < 0.6 else finite32(rng)))
    return Program(xlen, code, said, x, f, rng.randrange(5), memory(rng), features)


def known(name, features, **args):
    """[pattern, instruction] of a mnemonic."""
    guest = load("riscv")
    insn, length = encode(guest, name, features, **args)
    return [match(guest, insn, length, features), insn]


def finite32(rng):
    return rng.getrandbits(1) << 31 | rng.randrange(0x60, 0xa0) << 23 | rng.getrandbits(23)


def finite64(rng):
    return rng.getrandbits(1) << 63 | rng.randrange(0x380, 0x480) << 52 | rng.getrandbits(52)


def memory(rng):
    """Data whose every aligned word and double is a number, not a signalling NaN."""
    return b"".join((finite32(rng) | finite32(rng) << 32).to_bytes(8, "little")
                    for _ in range(64)) * (DATA_SIZE // 512)

