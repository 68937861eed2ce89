"""RISC-V machine code for the tests of engine.unicorn: registers by number, instructions as bytes.

What lives here: that form of the encodings of api/rv.py. Who calls it: the tests of this folder.
"""

from api import rv

CODE, DATA = 0x10000, 0x200000
NAMES = list(rv.REGS)

NOP = rv.code(rv.NOP)
ECALL = rv.code(rv.ECALL)
EBREAK = rv.code(rv.EBREAK)
WFI = rv.code(0x10500073)
ILLEGAL = rv.code(0xffffffff)
FADD_D = rv.code(0x02007053)        # fadd.d f0, f0, f0


def addi(rd, rs, imm):
    return rv.code(rv.addi(NAMES[rd], NAMES[rs], imm))


def mul(rd, rs1, rs2):
    return rv.code(rv.mul(NAMES[rd], NAMES[rs1], NAMES[rs2]))


def sub(rd, rs1, rs2):
    return rv.code(rv.add(NAMES[rd], NAMES[rs1], NAMES[rs2]) | 1 << 30)


def load(size, rd, base, offset=0):
    return rv.code(rv.i_type(0x03, size.bit_length() - 1, NAMES[rd], NAMES[base], offset))


def store(size, rs, base, offset=0):
    return rv.code(rv.s_type(size.bit_length() - 1, NAMES[rs], NAMES[base], offset))


def bne(rs1, rs2, offset):
    return rv.code(rv.bne(NAMES[rs1], NAMES[rs2], offset))


def jal(rd, offset):
    return rv.code(rv.jal(NAMES[rd], offset))
