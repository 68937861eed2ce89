"""Writes `.ins` lines for the rows of int.ops, their results taken from a processor.

Lives here: which operands are worth a line, and the lines' text. Does not live here: rows whose
effect no user program can see (descriptors, flags that the kernel owns, the TLS base): their lines
are written by hand, from the manual. Called by a developer: `python -m tests.isa.make_ins_x86 64`
prints the lines of 64-bit mode, 32 those of 32-bit mode, 16 those of real mode, all of them from
this machine's own processor (x86/stepper.c; needs gcc; real mode: 16-bit code in protected mode,
and what real mode refuses by the manual). What it prints is read and kept, not made by CI.
"""

import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from engine._core.gen.x86 import load, sample

from .ins import arbitrary

HOME = Path(__file__).parent / "x86"
NAMES = {
    64: ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{n}" for n in range(8, 16))],
    32: ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"],
}
NAMES[16] = NAMES[32]
ARCH = {64: "x86_64", 32: "i386", 16: "x86_16"}
CODE = {64: 0x31000, 32: 0x31000, 16: 0x3000}
DATA = {64: 0x20000, 32: 0x20000, 16: 0x2000}
SIZE = 256
RECORD = struct.Struct("<832s 16Q 3Q IIII 16s 1024s")
RESET = struct.pack("<HHBxHQQII", 0x37F, 0, 0, 0, 0, 0, 0x1F80, 0).ljust(832, b"\0")
BY_HAND = {
    "pushf", "popf", "push_segment", "pop_segment", "mov_from_segment", "mov_to_segment",
    "load_pointer", "far", "retf", "iret", "int", "syscall", "rdtsc", "rdtscp", "cpuid",
    "interrupt_flag", "hlt", "segment_base",
}
EDGES = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63,
         (1 << 63) - 1, (1 << 64) - 1]
OF, SF, ZF, AF, PF, CF = 0x800, 0x80, 0x40, 0x10, 4, 1
# Flags that the manual leaves undefined, by mnemonic.
SHIFTS = OF | AF
UNDEFINED = {
    "and": AF, "or": AF, "xor": AF, "test": AF, "andn": AF | PF, "mul": SF | ZF | AF | PF,
    "imul": SF | ZF | AF | PF, "div": 0x8D5, "idiv": 0x8D5, "shl": SHIFTS, "shr": SHIFTS,
    "sal": SHIFTS, "sar": SHIFTS, "rol": OF, "ror": OF, "rcl": OF, "rcr": OF,
    "shld": SHIFTS, "shrd": SHIFTS, "bt": OF | SF | AF | PF, "bts": OF | SF | AF | PF,
    "btr": OF | SF | AF | PF, "btc": OF | SF | AF | PF, "bsf": 0x8D5 & ~ZF, "bsr": 0x8D5 & ~ZF,
    "lzcnt": OF | SF | AF | PF, "tzcnt": OF | SF | AF | PF, "blsr": AF | PF, "blsmsk": AF | PF,
    "blsi": AF | PF, "bextr": AF | PF | SF, "bzhi": AF | PF, "aam": OF | AF | CF,
    "aad": OF | AF | CF,
    "aaa": OF | SF | ZF | PF, "aas": OF | SF | ZF | PF, "daa": OF, "das": OF,
}  # fmt: skip


class Stepper:
    """This machine's processor in 64-, 32- or 16-bit code (protected mode, all of it)."""

    def __init__(self, bits, code=None, data=None):
        self.bits, self.data = bits, data or DATA[bits]
        self.mask = (1 << (64 if bits == 64 else 32)) - 1
        self.folder = tempfile.TemporaryDirectory()
        program = Path(self.folder.name, "stepper")
        subprocess.run(["gcc", "-O1", "-static", "-fno-stack-protector", "-o", program,
                        HOME / "stepper.c"], check=True)
        places = [hex(code or CODE[bits]), hex(data or DATA[bits])]
        self.child = subprocess.Popen([program, str(bits), *places], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)

    def state(self, code, gpr, flags, memory, xsave=RESET):
        """(signal, vector, registers, flags, pc, memory, XSAVE image) after one instruction."""
        values = (list(gpr) + [0] * 16)[:16]
        self.child.stdin.write(RECORD.pack(xsave, *values, flags, 0, 0, 0, 0, 0, 0, code, memory))
        self.child.stdin.flush()
        answer = self.child.stdout.read(RECORD.size)
        if len(answer) != RECORD.size:
            raise ChildProcessError("the stepping child is gone")
        xsave, *answer = RECORD.unpack(answer)
        registers = [value & self.mask for value in answer[:len(gpr)]]
        return (answer[19], answer[20], registers, answer[16], answer[17],
                answer[24][:len(memory)], xsave)

    def step(self, code, gpr, flags, memory):
        """(what came, registers, flags, pc, memory)."""
        signal, trap, registers, flags, pc, memory, _ = self.state(code, gpr, flags, memory)
        fault = None
        if signal:
            fault = {4: "!illegal", 8: "!exception 0"}.get(signal, f"!exception {trap}")
        return fault, registers, flags, pc, memory

    def close(self):
        """Ends the child."""
        self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            pipe.close()
        self.folder.cleanup()


class Maker:
    def __init__(self, bits):
        import capstone

        import engine

        self.bits, self.names = bits, NAMES[bits]
        self.code, self.data = CODE[bits], DATA[bits]
        self.oracle = Stepper(bits)
        mode = {64: capstone.CS_MODE_64, 32: capstone.CS_MODE_32, 16: capstone.CS_MODE_16}[bits]
        self.capstone = capstone.Cs(capstone.CS_ARCH_X86, mode)
        self.capstone.detail = True
        self.emu = engine.Emulator(ARCH[bits])

    def used(self, insn):
        """(numbers of the registers an instruction reads, (base, index, scale, disp) of memory)."""
        from capstone.x86 import X86_OP_MEM

        read, written = insn.regs_access()
        numbers = set()
        for reg in (*read, *written):
            name = insn.reg_name(reg)
            number = register_number(name)
            if number is not None:
                numbers.add(number)
        places = []
        for operand in insn.operands:
            if operand.type == X86_OP_MEM:
                mem = operand.mem
                where = [register_number(insn.reg_name(r)) if r else None
                         for r in (mem.base, mem.index)]
                places.append((*where, mem.scale, mem.disp))
        return numbers, places

    def line(self, rng, row):
        """A line for the row, None where these operands do not make one."""
        bases = [b for b in range(len(self.names)) if b not in (4, 12)]
        if self.bits == 16:
            bases = range(8)
        base = rng.choice(bases)
        index = None
        if self.bits != 16 and rng.random() < 0.3:
            index = rng.choice([b for b in bases if b != base])
        code = sample(row, rng, self.bits, base, index)
        if code is None:
            return None
        if self.bits == 16 and not_real(row):
            return illegal(self.emu, code, self.code)
        if row.family == "string" and rng.random() < 0.4:
            code = rng.choice((b"\xf3", b"\xf2")) + code
        if row.family == "enter":
            code = code[:-3] + struct.pack("<HB", rng.randrange(32), rng.randrange(4))
        if "f64" in row.words and self.bits == 64 and code[0] == 0x66:
            return None                 # AMD takes 16 bits of the address, Intel ignores it
        decoded = list(self.capstone.disasm(code, self.code, 1))
        if not decoded or decoded[0].size != len(code):
            return None
        numbers, places = self.used(decoded[0])
        if row.family in ("enter", "leave"):
            numbers |= {4, 5}
        if row.family == "string" and code[0] & 0xFE == 0xF2:
            numbers.add(1)
        gpr = [arbitrary(n, "") & (1 << (64 if self.bits == 64 else 32)) - 1
               for n in range(len(self.names))]
        for n in numbers:
            gpr[n] = (rng.choice(EDGES) if rng.random() < 0.5 else rng.getrandbits(64)) \
                & (1 << (64 if self.bits == 64 else 32)) - 1
        cells = self.place(rng, row, gpr, numbers, places)
        if cells is None:
            return None
        memory = bytearray(SIZE)
        for at, size in cells:
            memory[at:at + size] = rng.randbytes(size)
        flags = 0x202 | rng.getrandbits(12) & 0x8D5
        if row.family == "string" and rng.random() < 0.3:
            flags |= 0x400
        if row.family in ("ret", "call_indirect", "jmp_indirect") and self.bits == 64:
            for at in (0x26, 0x27, 0x36, 0x37, *range(0x86, 0xA0)):
                memory[at] = 0          # canonical
            for at in range(SIZE):
                if not any(low <= at < low + size for low, size in cells):
                    memory[at] = 0
        return self.execute(row, code, gpr, numbers, bytes(memory), cells, flags)

    def place(self, rng, row, gpr, numbers, places):
        """Sets address registers; the memory cells (offset, size) that may be touched."""
        cells, small = [], self.bits == 16
        if row.name in ("div", "idiv") and rng.random() < 0.7:
            gpr[2] = rng.choice((0, 0, 1))
        if 4 in numbers:
            gpr[4] = self.data + 0x80
            cells.append((0x60, 0x40))
        if row.family in ("leave", "enter"):
            numbers.add(5)
            gpr[5] = self.data + 0x90
        if row.family == "string":
            gpr[1] = rng.choice((0, 1, 2, 5))
        if row.family in ("jcxz", "loop"):
            gpr[1] = rng.choice((0, 1, 2, 1 << 16))
        if row.family == "xlat":        # capstone does not name what it reads
            numbers |= {0, 3}
            gpr[0], gpr[3] = rng.randrange(16), self.data + 0x20
            return [(0x20, 16)]
        for base, index, scale, disp in places:
            if base is None:
                return None if not small else cells
            if base == 4:
                continue
            home = self.data + rng.choice((0x20, 0x30))
            gpr[base] = home
            at = home + disp
            numbers.add(base)
            if index is not None:
                if index == base:
                    return None
                gpr[index] = rng.randrange(4)
                numbers.add(index)
                at += gpr[index] * scale
            at -= self.data
            low, high = (at, at + 16)
            if row.family == "string":
                low = at - 8
            if not 0 <= low < high <= SIZE:
                return None
            cells.append((low, high - low))
        if row.family == "bit_test" and row.codes[1][0] == "G" and places:
            reg = numbers - {places[0][0], places[0][1]}
            for n in reg:
                gpr[n] = rng.randrange(64)
        return merge(cells)

    def execute(self, row, code, gpr, numbers, memory, cells, flags):
        fault, after, now, pc, changed = self.oracle.step(code, gpr, flags, memory)
        if row.family in ("ret", "call_indirect", "jmp_indirect") and fault:
            return None                 # a target that is not canonical
        if fault in ("!exception 13", "!exception 14"):
            return None
        before = [f"{self.names[n]}={gpr[n]:#x}" for n in sorted(numbers)]
        name = "rflags" if self.bits == 64 else "eflags"
        before.append(f"{name}={flags:#x}")
        for at, size in cells:
            before.append(f"[{self.data + at:#x}:{size}]="
                          f"{int.from_bytes(memory[at:at + size], 'little'):#x}")
        changes = []
        for n, value in enumerate(after):
            if value != gpr[n]:
                changes.append(f"{self.names[n]}={value:#x}")
        if fault is None:
            mask = UNDEFINED.get(row.name, 0)
            if row.name in ("shld", "shrd") and (0x66 in code[:2]) != (self.bits == 16):
                mask |= CF
            mark = f"~{mask:#x}" if mask else ""
            if now != flags or mask:
                changes.append(f"{name}{mark}={now:#x}")
            covered = bytearray(memory)
            for at, size in cells:
                covered[at:at + size] = changed[at:at + size]
                if changed[at:at + size] != memory[at:at + size]:
                    value = int.from_bytes(changed[at:at + size], "little")
                    changes.append(f"[{self.data + at:#x}:{size}]={value:#x}")
            if bytes(covered) != changed:
                return None
            if pc != self.code + len(code):
                changes.append(f"pc={pc:#x}")
        (insn,) = self.emu.disassemble(code, 1, address=self.code)
        end = fault if fault else "=> " + " ".join(changes)
        return (f'{self.code:#x} [{code.hex(" ")}] "{insn.text}" {" ".join(before)} '
                f"{end}").rstrip()

    def lines(self, count):
        for row in load():
            if "int.ops:" not in row.where or row.family in BY_HAND:
                continue
            rng = random.Random(f"{row.notation} {row.name} {self.bits}")
            made = []
            for _ in range(60):
                line = self.line(rng, row)
                if line and line not in made:
                    made.append(line)
                if len(made) == count:
                    break
            if not made:
                print(f"# none for {row.notation} {row.name}", file=sys.stderr)
            yield from made


def not_real(row):
    """Whether a row is undefined in real mode (SDM 2A, 2.3.1: VEX; the rows' pages: `pm`)."""
    return "pm" in row.words or row.notation.startswith("VEX")


def illegal(emu, code, address):
    """The line of an instruction that is undefined here."""
    (insn,) = emu.disassemble(code, 1, address=address)
    return f'{address:#x} [{code.hex(" ")}] "{insn.text}" !illegal'


def processor():
    """What /proc/cpuinfo calls it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return "processor"


def register_number(name):
    """Number of the general register that a name is or is part of; None: another register."""
    if not name:
        return None
    plain = name.lower()
    for bits in (64, 32):
        if plain in NAMES[bits]:
            return NAMES[bits].index(plain)
    if plain[0] == "r" and plain[1:].rstrip("bwd").isdigit():
        return int(plain[1:].rstrip("bwd"))
    short = {"a": 0, "c": 1, "d": 2, "b": 3}
    if len(plain) == 2 and plain[0] in short and plain[1] in "lhx":
        return short[plain[0]]
    tail = {"sp": 4, "bp": 5, "si": 6, "di": 7}
    return tail.get(plain[:2]) if len(plain) in (2, 3) else None


def merge(cells):
    """Overlapping cells as one."""
    out = []
    for at, size in sorted(cells):
        if out and at <= out[-1][0] + out[-1][1]:
            low = out[-1][0]
            out[-1] = (low, max(low + out[-1][1], at + size) - low)
        else:
            out.append((at, size))
    return out


def main(words):
    bits, count = int(words[0]), int(words[1]) if len(words) > 1 else 2
    print(f"# int.ops in {bits}-bit mode: results of this machine's {processor()} "
          "(tests/isa/make_ins_x86.py).")
    print(ARCH[bits])
    for line in Maker(bits).lines(count):
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
