"""A few RISC-V encodings, enough for the programs of these tests. By the unprivileged manual's
instruction formats; the engine's own tables are not used."""

import struct
import threading
import time

_NAMES = """
    zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4
    t5 t6"""
REGS = {name: i for i, name in enumerate(_NAMES.split())}

CODE = 0x1000
DATA = 0x8000


def i_type(opcode, funct3, rd, rs1, imm):
    return (imm & 0xfff) << 20 | REGS[rs1] << 15 | funct3 << 12 | REGS[rd] << 7 | opcode


def s_type(funct3, rs2, rs1, imm):
    return ((imm >> 5 & 0x7f) << 25 | REGS[rs2] << 20 | REGS[rs1] << 15 | funct3 << 12
            | (imm & 0x1f) << 7 | 0x23)


def addi(rd, rs1, imm):
    return i_type(0x13, 0, rd, rs1, imm)


def li(rd, imm):
    return addi(rd, "zero", imm)


def lui(rd, imm20):
    return (imm20 & 0xfffff) << 12 | REGS[rd] << 7 | 0x37


def auipc(rd, imm20):
    return (imm20 & 0xfffff) << 12 | REGS[rd] << 7 | 0x17


def add(rd, rs1, rs2):
    return REGS[rs2] << 20 | REGS[rs1] << 15 | REGS[rd] << 7 | 0x33


def mul(rd, rs1, rs2):
    return 1 << 25 | add(rd, rs1, rs2)


def lb(rd, imm, rs1):
    return i_type(0x03, 0, rd, rs1, imm)


def lw(rd, imm, rs1):
    return i_type(0x03, 2, rd, rs1, imm)


def ld(rd, imm, rs1):
    return i_type(0x03, 3, rd, rs1, imm)


def sb(rs2, imm, rs1):
    return s_type(0, rs2, rs1, imm)


def sw(rs2, imm, rs1):
    return s_type(2, rs2, rs1, imm)


def sd(rs2, imm, rs1):
    return s_type(3, rs2, rs1, imm)


def bne(rs1, rs2, offset):
    return ((offset >> 12 & 1) << 31 | (offset >> 5 & 0x3f) << 25 | REGS[rs2] << 20
            | REGS[rs1] << 15 | 1 << 12 | (offset >> 1 & 0xf) << 8 | (offset >> 11 & 1) << 7 | 0x63)


def jal(rd, offset):
    return ((offset >> 20 & 1) << 31 | (offset >> 1 & 0x3ff) << 21 | (offset >> 11 & 1) << 20
            | (offset >> 12 & 0xff) << 12 | REGS[rd] << 7 | 0x6f)


def jalr(rd, rs1, imm=0):
    return i_type(0x67, 0, rd, rs1, imm)


NOP = li("zero", 0)
RET = jalr("zero", "ra")
ECALL = 0x00000073
EBREAK = 0x00100073
ILLEGAL = 0x00000000
LOOP = jal("zero", 0)           # jumps to itself


def code(*words):
    return b"".join(struct.pack("<I", word) for word in words)

# Endless loops, with a data pointer in sp: offset from CODE -> instructions
LOOPS = {
    "jump to itself": {0: [LOOP]},
    "two pages": {0: [jal("zero", 0x1000)], 0x1000: [jal("zero", -0x1000)]},
    "calls": {0: [jal("ra", 0x100), jal("zero", -4)], 0x100: [jalr("zero", "ra")]},
    "stores": {0: [li("a1", 1), sd("a1", 0, "sp"), bne("a1", "zero", -4)]},
}


def loop_code(count):
    """a0 counts down from count (at most 2047); 1 + 2 * count instructions."""
    return code(li("a0", count), addi("a0", "a0", -1), bne("a0", "zero", -4))


def stop_later(emu, delay=0.05):
    """A thread, started, that stops the emulator, and the list to which it puts when."""
    asked = []

    def stop():
        time.sleep(delay)
        asked.append(time.monotonic())
        emu.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    return thread, asked
