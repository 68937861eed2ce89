"""Every opcode with every prefix in every mode: does the engine refuse what the processor refuses?

    python -m tests.isa.x86.sweep [PART OF]

walks the opcode maps (one, two and three bytes, VEX) with the prefixes that choose rows, all reg
fields, register and memory operands, in 64-, 32- and 16-bit code; each is executed by the engine
and stepped on this machine's processor (stepper.c). Prints where one raises the invalid-opcode
exception or another and the other does not, or the pc, the general registers or the memory differ
behind it, by what is known about it (KNOWN); exit code 1 if there is more. PART OF: only cases
number PART, PART + OF ... Lives here: the walk, the list. Does not live here: operands worth trying
(native_run.py). Called by test_invalid.py with a part.
"""

import re
import sys
from pathlib import Path

import engine

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from isa.make_ins_x86 import CODE, DATA, NAMES, Stepper  # noqa: E402

PREFIXES = (b"", b"\x66", b"\xF3", b"\xF2", b"\xF0", b"\x66\xF3", b"\x66\xF2")
# All 64 register forms are different instructions.
DENSE = {b"\x0F\x00", b"\x0F\x01", b"\x0F\xAE", b"\x0F\xC7",
         *(bytes([n]) for n in range(0xD8, 0xE0))}
# Not for the stepping child: prefixes, escapes, calls of the kernel and of a hypervisor.
SKIP = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x0F, 0x62, 0xC4, 0xC5}
DENIED = re.compile(rb"(\x66|\xF0|[\xF2\xF3])*[\x48]?\x0F(\x05|\x34|\x01[\xC1\xD9])", re.DOTALL)


def opcodes(bits):
    """Opcode bytes without ModRM."""
    for code in range(256):
        if code not in SKIP and not (bits == 64 and code & 0xF0 == 0x40):
            yield bytes([code])
    for code in range(256):
        if code not in (0x38, 0x3A):
            yield bytes([0x0F, code])
    for space in (0x38, 0x3A):
        for code in range(256):
            yield bytes([0x0F, space, code])


def operands(dense, bits):
    """ModRM bytes and displacement: [rbx + 0] or [bx + 0] and registers."""
    memory = 0x47 if bits == 16 else 0x43
    for reg in range(8):
        yield bytes([memory | reg << 3, 0])
        for rm in range(8) if dense else (1,):
            yield bytes([0xC0 | reg << 3 | rm])


def encodings(bits):
    """Every case."""
    rex = (b"", b"\x48") if bits == 64 else (b"",)
    for opcode in opcodes(bits):
        for prefix in PREFIXES:
            for wide in rex:
                for modrm in operands(opcode in DENSE, bits):
                    yield prefix + wide + opcode + modrm
    for space in (1, 2, 3):
        for code in range(256):
            for last in range(8):           # L, pp
                for wide in (0, 0x80):
                    for modrm in operands(False, bits):
                        if modrm[0] & 0x38 in (0, 0x10) or code & 0xFC in (0x70, 0xAC, 0xF0):
                            yield bytes([0xC4, 0xE0 | space, wide | 0x78 | last, code]) + modrm
    for code in (0x58, 0x6F, 0xFE):
        yield bytes([0x62, 0xF1, 0x7C, 0x48, code, 0xC1])


class Engine:
    """One engine in user mode; 16 bits: a segment of such code in protected mode."""

    def __init__(self, bits, backend="interpreter"):
        self.bits, self.code, self.data = bits, CODE[bits], DATA[bits]
        self.emu = engine.Emulator("x86_64" if bits == 64 else "i386", backend=backend,
                                   user_mode=True)
        for page in {self.code & ~0xFFF, self.data & ~0xFFF}:
            self.emu.memory.map(page, 0x1000)
        self.emu.regs.write_many(dict.fromkeys(NAMES[bits], self.data + 0x80))
        if bits == 16:
            self.emu.regs["cs_attr"] &= ~0x4000
            self.emu.regs["ss_attr"] &= ~0x4000
        self.seen = []
        self.emu.hook_exception(lambda _, cause: self.seen.append(cause))
        self.start = self.emu.snapshot()

    def outcome(self, code):
        """"refused" (an invalid-opcode exception), "fault" (another), or what it did; "bad error":
        one that does not tell where and which bytes."""
        self.seen.clear()
        self.emu.memory.write(self.code, code.ljust(15, b"\0"))
        try:
            self.emu.run(self.code, count=1)
        except engine.InstructionFault as error:
            good = (error.bytes and code.ljust(15, b"\0").startswith(error.bytes)
                    and f"bytes {error.bytes.hex(' ')} ({error.disassembly})" in str(error)
                    and error.pc == self.code)
            return ("refused" if self.seen[-1:] == [6] else "fault") if good else "bad error"
        except engine.Error:
            return "fault"
        else:
            return (self.emu.pc, self.emu.regs.read_many(NAMES[self.bits]),
                    self.emu.memory.read(self.data, 1024))
        finally:
            self.emu.restore(self.start)


def processor(stepper, code):
    """The same of this machine's processor; None: it was not asked."""
    if DENIED.match(code):
        return None
    values = [stepper.data + 0x80] * len(NAMES[stepper.bits])
    signal, _, registers, _, pc, memory, _ = stepper.state(code, values, 0x202, bytes(1024))
    if signal:
        return "refused" if signal == 4 else "fault"
    return pc, tuple(registers), memory


ANY, LEGACY = (64, 32, 16), (32, 16)
AMD = "AMD's, not Intel's"
LATER = "an extension that no model of the engine has"
OURS = "state that the stepping child has otherwise"
# Prefixes that matter, opcode and ModRM, modes, what the engine and the processor did, why.
KNOWN = [
    ("", rb"\x0F\x01[\xD8-\xDF\xFA-\xFF]", ANY, "refused",
     f"SVM, MONITORX, CLZERO, RDPRU, PVALIDATE: {AMD}"),
    ("F0", rb"\x0F[\x20\x22]", ANY, "refused", f"LOCK MOV CR0 as CR8: {AMD}"),
    ("F2 F3", rb"\x0F\x2B", ANY, "refused", f"MOVNTSS, MOVNTSD: {AMD}"),
    ("66 F2", rb"\x0F[\x78\x79]", ANY, "refused", f"EXTRQ, INSERTQ: {AMD}"),
    ("", rb"\x0F\x07", LEGACY, "refused", f"SYSRET outside of 64-bit mode: {AMD}"),
    ("", rb"\xC4\xE3.[\x00\x01]", ANY, "refused", f"VPERMQ, VPERMPD with W0: {AMD}"),
    ("", rb"\x0F\x0D[\xC0-\xFF]", ANY, "runs/refused",
     "PREFETCHW of a register: a NOP to Intel (SDM 2D, A-3), undefined to AMD"),
    ("", rb"\xC4\xE3[\x80-\xFF][\x16\x22]", LEGACY, "runs/refused",
     "VPEXTRQ, VPINSRQ outside of 64-bit mode: W is ignored (SDM 2B, PEXTRD), undefined to AMD"),
    ("66", rb"[\x70-\x7F\xC2\xC3\xE0-\xE3\xE8\xE9\xEB]|\x0F[\x80-\x8F]"
     rb"|\xFF[\x50-\x67\xD0-\xE7]", (64,), "runs/runs",
     "near branches with 66: 16 bits to AMD, ignored by Intel (SDM 2A, CALL)"),
    ("F2 F3", rb"[\xE0\xE1]", ANY, "runs/runs",
     "LOOPE, LOOPNE with a repeat prefix (reserved, SDM 2A, 2.1.1): AMD takes it as the condition"),
    ("66", rb"\x0F\xAE[\x70-\x7F]", ANY, "refused", f"CLWB, CLFLUSHOPT: {LATER}"),
    ("", rb"\x0F\xC7[\x58-\x5F\x68-\x6F]", ANY, "refused", f"XSAVES, XRSTORS: {LATER}"),
    ("F3", rb"\x0F\xC7[\xF8-\xFF]", ANY, "refused", f"RDPID: {LATER}"),
    ("", rb"\x0F(\x38[\x82\xCF\xF8\xF9]|\x3A[\xCE\xCF])", ANY, "refused",
     f"INVPCID, GFNI, MOVDIRI, MOVDIR64B: {LATER}"),
    ("", rb"\x62|\xC4\xE1.[\x41-\x4B\x90-\x99]|\xC4\xE3.[\x30-\x33]", ANY, "refused",
     f"AVX-512: {LATER}"),
    ("", rb"\xC4\xE2.[\x50-\x53\xCF\xDC-\xDF]|\xC4\xE3.[\x44\xCE\xCF]", ANY, "refused",
     f"AVX-VNNI, GFNI, VAES, VPCLMULQDQ of 256 bits: {LATER}"),
    ("", rb"[\x07\x17\x1F\x8E]|\x0F[\xA1\xA9\xB2\xB4\xB5]|[\xC4\xC5]", ANY, "runs/fault",
     f"selectors: {OURS}"),
    ("", rb"[\x06\x0E\x16\x1E\x8C]|\x0F[\xA0\xA8]", ANY, "runs/runs", f"selectors: {OURS}"),
    ("", rb"\x0F\x00[\x40-\x4F\xC0-\xCF]|\x0F\x01[\x40-\x4F\x60-\x67\xE0-\xE7]", ANY,
     "runs/runs runs/fault", f"CR4.UMIP: {OURS}"),
    ("", rb"\x9C", ANY, "runs/runs", f"TF: {OURS}"),
    ("", rb"[\xCC\xF1]", ANY, "fault/runs", f"debug exceptions: {OURS}"),
    ("", rb"\x0F\xAE[\x40-\x47\x60-\x67\x70-\x77]|\x0F\xC7[\x60-\x67]", ANY, "runs/runs",
     f"XINUSE, MXCSR_MASK: {OURS}"),
    ("F3", rb"\x0F\xAE[\xC0-\xC7]", (64,), "runs/runs", f"the base of FS: {OURS}"),
    ("", rb"\x0F(\x31|\x01\xF9|\xC7[\xF0-\xFF])", ANY, "runs/runs", "time and chance"),
]


def reason(code, bits, mine, real):
    """Why they differ, None: not known."""
    at = 0
    while code[at] in b"\x66\xF0\xF2\xF3":
        at += 1
    prefixes = code[:at].hex(" ").upper().split()
    if bits == 64 and code[at] == 0x48:
        at += 1
    for needed, pattern, modes, what, why in KNOWN:
        if (bits in modes and re.match(pattern, code[at:], re.DOTALL)
                and (f"{mine}/{real}" in what.split() or what == mine)
                and (not needed or set(needed.split()) & set(prefixes))):
            return why
    return None


def compare(bits, part=0, of=1, backend="interpreter"):
    """(cases, {reason: [text of a case]}) where the engine and the processor differ."""
    emu, stepper = Engine(bits, backend), Stepper(bits)
    found, count = {}, 0
    try:
        for n, code in enumerate(encodings(bits)):
            if n % of != part:
                continue
            mine, real = emu.outcome(code), processor(stepper, code)
            count += 1
            if real is None and mine != "bad error" or mine == real:
                continue
            mine, real = (what if isinstance(what, str) else "runs" for what in (mine, real))
            why = reason(code, bits, mine, real)
            found.setdefault(why, []).append(f"{code.hex()}: {mine}, processor {real}")
    finally:
        stepper.close()
    return count, found


def main(words):
    part, of = (int(words[0]), int(words[1])) if len(words) > 1 else (0, 1)
    bad = False
    for bits in (64, 32, 16):
        count, found = compare(bits, part, of)
        print(f"{bits}-bit code: {count} encodings")
        for why, cases in found.items():
            print(f"  {why or 'NOT KNOWN'}: {len(cases)}, as {cases[0]}")
            if why is None:
                bad = True
                print(*(f"    {case}" for case in cases), sep="\n")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
