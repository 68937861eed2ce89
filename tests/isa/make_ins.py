"""Writes `.ins` lines for RISC-V patterns, their results taken from qemu-user.

Lives here: which operands are worth a line, and the lines' text. Does not live here: lines that
need more than one instruction, traps, machine state: those files are written by hand. Called by a
developer: `python -m tests.isa.make_ins 64 rv_m [COUNT]` prints the lines for the patterns of
rv_m.isa on RV64 (needs Debian's qemu-user). What it prints is read and kept, not made by CI.
"""

import random
import sys

from engine._core.gen.isa_model import build, load, text
from tests.isa.qemu import Qemu

CODE, DATA = 0x11000, 0x20000
MEMORY = {"load", "store", "fload", "fstore", "amo"}
BY_HAND = {"load_reserved", "store_conditional", "ecall", "ebreak", "mret", "sret", "wfi",
           "sfence_vma"}
INTS = [0, 1, 2, 31, 32, 63, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff,
        0x100000000, 0x123456789abcdef0, 0x7fffffffffffffff, 1 << 63, (1 << 64) - 1,
        (1 << 64) - 2, 0xffffffff80000000, 0xff00ff0000ff00ff, 0x00ff000100200000]
PAIRS = [(0, 0), (1, (1 << 64) - 1), (1 << 63, (1 << 64) - 1), ((1 << 63) - 1, 1), (7, 0),
         (0xffffffff80000000, (1 << 64) - 1), ((1 << 64) - 7, 2), (5, 5),
         (0x123456789abcdef0, 0x0fedcba987654321), (0x80000000, 31), (0x8000000080000001, 33)]
F32 = [0, 0x80000000, 0x3f800000, 0xbf800000, 0x3fc00000, 0x00000001, 0x007fffff, 0x00800000,
       0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffc00001, 0x3eaaaaab,
       0x40200000, 0xc0200000, 0x4f000000, 0x4f7fffff, 0x5f000000, 0xcf000000, 0xcf000001,
       0x3f000000, 0x33800001]
F64 = [0, 1 << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x3ff8000000000000, 1,
       0x000fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0x7ff0000000000000,
       0xfff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001, 0xfff8000000000001,
       0x3fd5555555555555, 0x4004000000000000, 0xc004000000000000, 0x41dfffffffc00000,
       0x41e0000000000000, 0x41f0000000000000, 0x43e0000000000000, 0xc1e0000000200000,
       0x380fffffffffffff, 0x47efffffe0000000, 0x3690000000000000, 0x3fe0000000000000]
BOX = 0xffffffff << 32


def value_of(rng, pattern, name, n, turn):
    """A start value for source register argument `name` in the pattern's line number n."""
    if name.startswith("fs"):
        last = pattern.name.split(".")[-1]
        single = last in ("s", "w") or pattern.name.endswith(("fsw", "fswsp"))
        if n == 3 and single:
            return F64[2]               # not a boxed single: counts as a NaN
        value = rng.choice(F32 if single else F64)
        return BOX | value if single else value
    if n < len(PAIRS):
        return PAIRS[n][turn % 2]
    return rng.choice(INTS) if rng.random() < 0.8 else rng.getrandbits(64)


def arguments(rng, guest, pattern, features, n):
    """Argument values of one line."""
    for _ in range(2000):
        args = {}
        for name, source in pattern.format.args.items():
            if isinstance(source, int):
                args[name] = source
            elif name in ("rd", "rs1", "rs2", "fd", "fs1", "fs2", "fs3"):
                low = 8 if source.add else 0
                args[name] = rng.randrange(max(low, 1), 16 if source.add else 32)
                if name == "rd" and n == 1 and not source.add:
                    args[name] = 0
            elif name == "csr":
                args[name] = rng.choice((1, 2, 3))
            elif n == 0:
                args[name] = source.decode(0)
            else:
                bits = (1 << 32) - 1 if n == 2 else rng.getrandbits(32)
                args[name] = source.decode(bits)
        if n == 4 and "rd" in args and args.get("rs1"):
            args["rd"] = args["rs1"]
        registers = [args[name] for name in ("rs1", "rs2") if name in args]
        if pattern.family in MEMORY and (args["rs1"] == 0 or len(set(registers)) != len(registers)):
            continue
        # Arguments of one field have one value.
        for name, source in pattern.format.args.items():
            for other, same in pattern.format.args.items():
                if source is same and not isinstance(source, int):
                    args[other] = args[name]
        try:
            return args, build(pattern, features, **args)
        except ValueError:
            if n in (0, 1, 2, 4):
                n = 99                  # this edge does not exist here: any operands
    return None


def size_of(pattern):
    for size, name in ((1, "MO_8"), (2, "MO_16"), (4, "MO_32"), (8, "MO_64")):
        if any(name in const.split("|") for const in pattern.consts):
            return size
    return 8


class Maker:
    def __init__(self, xlen):
        self.guest = load("riscv")
        self.xlen = xlen
        self.features = frozenset(self.guest.features) - {"RV32", "RV64"} | {f"RV{xlen}"}
        self.qemu = Qemu(xlen)
        self.gpr, self.fpr = self.guest.tables["gpr"], self.guest.tables["fpr"]
        self.mask = (1 << xlen) - 1

    def line(self, rng, pattern, n):
        made = arguments(rng, self.guest, pattern, self.features, n)
        if made is None:
            return None
        args, insn = made
        x, f, cells, frm = {}, {}, {}, 0
        for turn, name in enumerate(sorted(args)):
            if name.startswith("fs"):
                f[args[name]] = value_of(rng, pattern, name, n, turn)
            elif name in ("rs1", "rs2") and args[name]:
                x[args[name]] = value_of(rng, pattern, name, n, 0 if name == "rs1" else 1) \
                    & self.mask
        if pattern.family in MEMORY:
            size = size_of(pattern)
            at = DATA + 0x40 + (rng.randrange(8 // size) * size)
            if n == 3 and pattern.family != "amo":
                at = DATA + 0x41
            x[args["rs1"]] = at - args.get("imm", 0) & self.mask
            cells[DATA + 0x40] = rng.getrandbits(128) | 0x80808080 << 8 * (at - DATA - 0x40)
        if pattern.family == "jalr":
            x[args["rs1"]] = 0x12344 + n
        if "rm" in args and args["rm"] == 7 or "rme" in args and args["rme"] == 7:
            frm = rng.randrange(5)
        return self.execute(pattern, insn, x, f, cells, frm, args)

    def execute(self, pattern, insn, x, f, cells, frm, args):
        q, code = self.qemu, insn.to_bytes(pattern.length // 8, "little")
        q.put_code(CODE, code)
        values = [0] * 33
        for number, value in x.items():
            values[number] = value
        values[32] = CODE
        csr = pattern.family.startswith("csr")
        flags = 0x15 if csr else 0
        fp = bool(f) or "fd" in args or csr
        floats = [0] * 32
        for number, value in f.items():
            floats[number] = value
        if fp:
            for number in range(32):
                q.write(self.fpr[number], floats[number])
            q.write("fcsr", frm << 5 | flags)
        q.set_integers(values)
        for address, value in cells.items():
            q.poke(address, value.to_bytes(16, "little"))
        reply = q.step()
        if not reply.startswith("T05"):
            raise ValueError(f"{pattern.name}: {reply}")
        after = q.integers()
        before = [f"{self.gpr[k]}={v:#x}" for k, v in x.items()]
        before += [f"{self.fpr[k]}={v:#x}" for k, v in f.items()]
        changes = []
        rd = args.get("rd", 0)
        for number in range(1, 32):
            if number == rd or after[number] != values[number]:
                assert number == rd, pattern.name
                changes.append(f"{self.gpr[number]}={after[number]:#x}")
        if after[32] != CODE + len(code):
            changes.append(f"pc={after[32]:#x}")
        if fp:
            for number in range(32):
                now = q.read(self.fpr[number])
                if number == args.get("fd", -1) or now != floats[number]:
                    changes.append(f"{self.fpr[number]}={now:#x}")
            if frm or csr:
                before.append(f"fcsr={frm << 5 | flags:#x}")
            now = q.read("fcsr")
            if now != frm << 5 | flags:
                changes.append(f"fcsr={now:#x}")
        for address, value in cells.items():
            before.append(f"[{address:#x}:16]={value:#x}")
            now = int.from_bytes(q.peek(address, 16), "little")
            if now != value:
                changes.append(f"[{address:#x}:16]={now:#x}")
        said = text(self.guest, pattern, insn, CODE, self.features)
        return (f'{CODE:#x} [{code.hex(" ")}] "{said}"  {" ".join(before)} => '
                f'{" ".join(changes)}').rstrip().replace("  =>", " =>")

    def lines(self, source, count):
        for pattern in self.guest.patterns:
            if f"/{source}.isa:" not in pattern.where or pattern.family in BY_HAND \
                    or not pattern.available(self.features):
                continue
            rng = random.Random(f"{pattern.name}{self.xlen}")
            made = []
            fp = any(name.startswith("f") for name in pattern.format.args)
            plain = not pattern.format.args or pattern.family in ("fence", "fence_i")
            for n in range(1 if plain else count * 2 if fp and "rm" in pattern.format.args
                           else count):
                line = self.line(rng, pattern, n)
                if line and line not in made:
                    made.append(line)
            yield from made


def main(words):
    xlen, source = int(words[0]), words[1]
    maker = Maker(xlen)
    print(f"# {source}.isa on RV{xlen}: results computed by qemu-user 7.2 (tests/isa/make_ins.py).")
    print(f"riscv{xlen}")
    for line in maker.lines(source, int(words[2]) if len(words) > 2 else 6):
        print(line)
    maker.qemu.close()


if __name__ == "__main__":
    main(sys.argv[1:])
