"""Encodings of vector instructions with the helper operation that each must equal.

What lives here: tables. What does not: decoding (engine/_core/isa/x86). Who calls it:
test_native_simd.py.
"""

from collections.abc import Iterator
from typing import NamedTuple


class Row(NamedTuple):
    """pp: 0 none, 1 66, 2 F3, 3 F2. space: 1 0F, 2 0F38, 3 0F3A. forms: letters m(mx) s(se)
    v(ex 128) y(mm 256); `one` for operations with no vvvv operand."""
    name: str
    pp: int
    space: int
    opcode: int
    op: str
    n: int
    forms: str
    one: bool = False
    imm: bool = False
    w: int = 0
    digit: int = -1


def _lanes(text: str) -> Iterator[Row]:
    for line in text.strip().splitlines():
        name, where, op, forms, *rest = line.split()
        space, code = {"0F38": 2, "0F3A": 3}.get(where[:4], 1), where
        code = where[4:] if space > 1 else where[2:]
        digit = -1
        if "/" in code:
            code, _, number = code.partition("/")
            digit = int(number)
        op, _, n = op.partition(".")
        yield Row(name, 1, space, int(code, 16), op, int(n or 0), forms, "one" in rest,
                  "imm" in rest, 1 if "w1" in rest else 0, digit)


# All with prefix 66 (MMX: none). After the map and opcode: operation.lane-size, forms.
INT = list(_lanes("""
paddb 0FFC ADD.0 msvy
paddw 0FFD ADD.1 msvy
paddd 0FFE ADD.2 msvy
paddq 0FD4 ADD.3 msvy
psubb 0FF8 SUB.0 msvy
psubw 0FF9 SUB.1 msvy
psubd 0FFA SUB.2 msvy
psubq 0FFB SUB.3 msvy
paddsb 0FEC ADDS.0 msvy
paddsw 0FED ADDS.1 msvy
paddusb 0FDC ADDU.0 msvy
paddusw 0FDD ADDU.1 msvy
psubsb 0FE8 SUBS.0 msvy
psubsw 0FE9 SUBS.1 msvy
psubusb 0FD8 SUBU.0 msvy
psubusw 0FD9 SUBU.1 msvy
pmullw 0FD5 MULL.1 msvy
pmulld 0F3840 MULL.2 svy
pmulhw 0FE5 MULH.1 msvy
pmulhuw 0FE4 MULHU.1 msvy
pavgb 0FE0 AVG.0 msvy
pavgw 0FE3 AVG.1 msvy
pminub 0FDA MINU.0 msvy
pmaxub 0FDE MAXU.0 msvy
pminsw 0FEA MINS.1 msvy
pmaxsw 0FEE MAXS.1 msvy
pminsb 0F3838 MINS.0 svy
pminsd 0F3839 MINS.2 svy
pminuw 0F383A MINU.1 svy
pminud 0F383B MINU.2 svy
pmaxsb 0F383C MAXS.0 svy
pmaxsd 0F383D MAXS.2 svy
pmaxuw 0F383E MAXU.1 svy
pmaxud 0F383F MAXU.2 svy
pcmpeqb 0F74 CMPEQ.0 msvy
pcmpeqw 0F75 CMPEQ.1 msvy
pcmpeqd 0F76 CMPEQ.2 msvy
pcmpeqq 0F3829 CMPEQ.3 svy
pcmpgtb 0F64 CMPGT.0 msvy
pcmpgtw 0F65 CMPGT.1 msvy
pcmpgtd 0F66 CMPGT.2 msvy
pcmpgtq 0F3837 CMPGT.3 svy
psignb 0F3808 SIGN.0 msvy
psignw 0F3809 SIGN.1 msvy
psignd 0F380A SIGN.2 msvy
pabsb 0F381C ABS.0 msvy one
pabsw 0F381D ABS.1 msvy one
pabsd 0F381E ABS.2 msvy one
vpsllvd 0F3847 SLLV.2 vy
vpsllvq 0F3847 SLLV.3 vy w1
vpsrlvd 0F3845 SRLV.2 vy
vpsrlvq 0F3845 SRLV.3 vy w1
vpsravd 0F3846 SRAV.2 vy
psllw 0FF1 SLL.1 msvy
pslld 0FF2 SLL.2 msvy
psllq 0FF3 SLL.3 msvy
psrlw 0FD1 SRL.1 msvy
psrld 0FD2 SRL.2 msvy
psrlq 0FD3 SRL.3 msvy
psraw 0FE1 SRA.1 msvy
psrad 0FE2 SRA.2 msvy
psllw-i 0F71/6 SLLI.1 msvy imm
pslld-i 0F72/6 SLLI.2 msvy imm
psllq-i 0F73/6 SLLI.3 msvy imm
psrlw-i 0F71/2 SRLI.1 msvy imm
psrld-i 0F72/2 SRLI.2 msvy imm
psrlq-i 0F73/2 SRLI.3 msvy imm
psraw-i 0F71/4 SRAI.1 msvy imm
psrad-i 0F72/4 SRAI.2 msvy imm
pslldq 0F73/7 SLLDQ svy imm
psrldq 0F73/3 SRLDQ svy imm
packsswb 0F63 PACKS.1 msvy
packssdw 0F6B PACKS.2 msvy
packuswb 0F67 PACKU.1 msvy
packusdw 0F382B PACKU.2 svy
punpcklbw 0F60 UNPCKL.0 msvy
punpcklwd 0F61 UNPCKL.1 msvy
punpckldq 0F62 UNPCKL.2 msvy
punpcklqdq 0F6C UNPCKL.3 svy
punpckhbw 0F68 UNPCKH.0 msvy
punpckhwd 0F69 UNPCKH.1 msvy
punpckhdq 0F6A UNPCKH.2 msvy
punpckhqdq 0F6D UNPCKH.3 svy
unpcklpd 0F14 UNPCKL.3 svy
unpckhpd 0F15 UNPCKH.3 svy
phaddw 0F3801 HADD.1 msvy
phaddd 0F3802 HADD.2 msvy
phaddsw 0F3803 HADDS.1 msvy
phsubw 0F3805 HSUB.1 msvy
phsubd 0F3806 HSUB.2 msvy
phsubsw 0F3807 HSUBS.1 msvy
blendps 0F3A0C BLENDI.2 svy imm
blendpd 0F3A0D BLENDI.3 svy imm
pblendw 0F3A0E BLENDI.1 svy imm
vpblendd 0F3A02 BLENDI.2 vy imm
vpbroadcastb 0F3878 BROADCAST.0 vy one
vpbroadcastw 0F3879 BROADCAST.1 vy one
vpbroadcastd 0F3858 BROADCAST.2 vy one
vpbroadcastq 0F3859 BROADCAST.3 vy one
vbroadcastss 0F3818 BROADCAST.2 vy one
vbroadcastsd 0F3819 BROADCAST.3 y one
pmovsxbw 0F3820 MOVSX_B.1 svy one
pmovsxbd 0F3821 MOVSX_B.2 svy one
pmovsxbq 0F3822 MOVSX_B.3 svy one
pmovsxwd 0F3823 MOVSX_W.2 svy one
pmovsxwq 0F3824 MOVSX_W.3 svy one
pmovsxdq 0F3825 MOVSX_D.3 svy one
pmovzxbw 0F3830 MOVZX_B.1 svy one
pmovzxbd 0F3831 MOVZX_B.2 svy one
pmovzxbq 0F3832 MOVZX_B.3 svy one
pmovzxwd 0F3833 MOVZX_W.2 svy one
pmovzxwq 0F3834 MOVZX_W.3 svy one
pmovzxdq 0F3835 MOVZX_D.3 svy one
pand 0FDB AND msvy
pandn 0FDF ANDN msvy
por 0FEB OR msvy
pxor 0FEF XOR msvy
andpd 0F54 AND svy
andnpd 0F55 ANDN svy
orpd 0F56 OR svy
xorpd 0F57 XOR svy
pmulhrsw 0F380B MULHRSW msvy
pmuludq 0FF4 MULUDQ msvy
pmuldq 0F3828 MULDQ svy
pmaddwd 0FF5 MADDWD msvy
pmaddubsw 0F3804 MADDUBSW msvy
psadbw 0FF6 SADBW msvy
pshufb 0F3800 SHUFB msvy
palignr 0F3A0F ALIGNR msvy imm
pshufd 0F70 SHUFD svy one imm
shufpd 0FC6 SHUFPD svy imm
vpermilps 0F380C PERMILPS vy
vpermilpd 0F380D PERMILPD vy
vpermilps-i 0F3A04 PERMILPSI vy one imm
vpermilpd-i 0F3A05 PERMILPDI vy one imm
mpsadbw 0F3A42 MPSADBW svy imm
phminposuw 0F3841 PHMINPOSUW sv one
vpermd 0F3836 PERMD y
vpermps 0F3816 PERMD y
vpermq 0F3A00 PERMQI y one imm w1
vpermpd 0F3A01 PERMQI y one imm w1
vperm2i128 0F3A46 PERM2X128 y imm
vperm2f128 0F3A06 PERM2X128 y imm
insertps 0F3A21 INSERTPS sv imm
""")) + [
    Row("pshufw", 0, 1, 0x70, "SHUFLW", 0, "m", True, True),
    Row("pshuflw", 3, 1, 0x70, "SHUFLW", 0, "svy", True, True),
    Row("pshufhw", 2, 1, 0x70, "SHUFHW", 0, "svy", True, True),
    Row("shufps", 0, 1, 0xC6, "SHUFPS", 0, "svy", False, True),
    Row("unpcklps", 0, 1, 0x14, "UNPCKL", 2, "svy"),
    Row("unpckhps", 0, 1, 0x15, "UNPCKH", 2, "svy"),
    Row("movsldup", 2, 1, 0x12, "MOVSLDUP", 0, "svy", True),
    Row("movshdup", 2, 1, 0x16, "MOVSHDUP", 0, "svy", True),
    Row("movddup", 3, 1, 0x12, "MOVDDUP", 0, "svy", True),
]


class FloatRow(NamedTuple):
    """forms as in Row. lanes: results in 16 bytes when that is not 16 bytes of the format; result:
    bytes of the result in the 16-byte form when less than 16; width: of the operands' lanes."""
    name: str
    pp: int
    space: int
    opcode: int
    op: str
    double: bool
    forms: str = "svy"
    scalar: bool = False
    one: bool = False
    lanes: int = 0
    result: int = 0
    width: int = 32
    w: int = 0
    extra: int = 0
    order: int = 0
    unmasked: bool = True


def _float() -> Iterator[FloatRow]:
    """The four forms (ps pd ss sd) of the regular operations, then conversions, then FMA."""
    for op, opcode in (("ADD", 0x58), ("MUL", 0x59), ("SUB", 0x5C), ("MIN", 0x5D), ("DIV", 0x5E),
                       ("MAX", 0x5F), ("SQRT", 0x51), ("CMP", 0xC2)):
        for pp, suffix in enumerate(("ps", "pd", "ss", "sd")):
            scalar, double = pp > 1, suffix[1] == "d"
            yield FloatRow(op.lower() + suffix, pp, 1, opcode, op, double,
                           "sv" if scalar else "svy", scalar, op == "SQRT" and not scalar,
                           width=64 if double else 32)
    for op, opcode in (("RCP", 0x53), ("RSQRT", 0x52)):
        yield FloatRow(op.lower() + "ps", 0, 1, opcode, op, False, "svy", False, True)
        yield FloatRow(op.lower() + "ss", 2, 1, opcode, op, False, "sv", True)
    for op, opcode in (("ADDSUB", 0xD0), ("HADD", 0x7C), ("HSUB", 0x7D)):
        yield FloatRow(op.lower() + "ps", 3, 1, opcode, op, False)
        yield FloatRow(op.lower() + "pd", 1, 1, opcode, op, True, width=64)
    for number, suffix in enumerate(("ps", "pd", "ss", "sd")):
        scalar, double = number > 1, suffix[1] == "d"
        yield FloatRow("round" + suffix, 1, 3, 0x08 | (number & 1) | (2 if scalar else 0), "ROUND",
                       double, "sv" if scalar else "svy", scalar, not scalar,
                       width=64 if double else 32)
    yield FloatRow("dpps", 1, 3, 0x40, "DP", False)
    yield FloatRow("dppd", 1, 3, 0x41, "DP", True, "sv", width=64)
    yield FloatRow("cvtdq2ps", 0, 1, 0x5B, "I32_TO", False, one=True)
    yield FloatRow("cvtdq2pd", 2, 1, 0xE6, "I32_TO", True, one=True)
    yield FloatRow("cvtps2dq", 1, 1, 0x5B, "TO_I32", False, one=True)
    yield FloatRow("cvttps2dq", 2, 1, 0x5B, "TO_I32", False, one=True, extra=1)
    yield FloatRow("cvtpd2dq", 3, 1, 0xE6, "TO_I32", True, one=True, lanes=2, result=8, width=64)
    yield FloatRow("cvttpd2dq", 1, 1, 0xE6, "TO_I32", True, one=True, lanes=2, result=8, width=64,
                   extra=1)
    yield FloatRow("cvtps2pd", 0, 1, 0x5A, "F32_F64", True, one=True)
    yield FloatRow("cvtpd2ps", 1, 1, 0x5A, "F64_F32", True, one=True, lanes=2, result=8, width=64)
    yield FloatRow("cvtss2sd", 2, 1, 0x5A, "F32_F64", True, "sv", True)
    yield FloatRow("cvtsd2ss", 3, 1, 0x5A, "F64_F32", True, "sv", True, width=64)
    yield FloatRow("vcvtph2ps", 1, 2, 0x13, "F16_F32", False, "vy", one=True, width=16)
    yield FloatRow("vcvtps2ph", 1, 3, 0x1D, "F32_F16", False, "vy", one=True, lanes=4, result=8)
    for base, order in ((0x90, 132), (0xA0, 213), (0xB0, 231)):
        for low, name, extra in ((8, "vfmadd", 0), (0xA, "vfmsub", 2), (0xC, "vfnmadd", 1),
                                 (0xE, "vfnmsub", 3), (6, "vfmaddsub", 4), (7, "vfmsubadd", 8)):
            for w in (0, 1):
                for scalar in ((0, 1) if low >= 8 else (0,)):
                    yield FloatRow(f"{name}{order}{'sp'[not scalar]}{'sd'[w]}", 1, 2,
                                   base | low | scalar, "FMA", bool(w), "v" if scalar else "vy",
                                   bool(scalar), width=64 if w else 32, w=w, extra=extra,
                                   order=order)


FLOAT = list(_float())


def legacy(pp: int, space: int, opcode: int, reg: int, rm: int, imm: int | None = None,
           w: int = 0) -> bytes:
    """A legacy encoding of two registers below 8."""
    prefix = [b"", b"\x66", b"\xf3", b"\xf2"][pp] + (b"\x48" if w else b"")
    escape = [b"", b"\x0f", b"\x0f\x38", b"\x0f\x3a"][space]
    tail = b"" if imm is None else bytes([imm])
    return prefix + escape + bytes([opcode, 0xC0 | reg << 3 | rm]) + tail


def vex(pp: int, space: int, opcode: int, reg: int, vvvv: int, rm: int, *, size: int = 0,
        w: int = 0, imm: int | None = None) -> bytes:
    """A three-byte VEX encoding of registers below 8; vvvv 15 stands for "none" as 1111b does."""
    inverted = 15 - vvvv if vvvv >= 0 else 15
    tail = b"" if imm is None else bytes([imm])
    return bytes([0xC4, 0xE0 | space, w << 7 | inverted << 3 | size << 2 | pp, opcode,
                  0xC0 | reg << 3 | rm]) + tail
