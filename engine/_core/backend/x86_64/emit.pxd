# x86-64 machine code, one inline function an instruction form (Intel SDM vol. 2).
# Lives here: encoders over a running pointer, opcode numbers. Does not live here: what to emit and
# in which registers (x86_64.pyx). Called by: x86_64.pyx.
#
# An opcode number holds: bits 0..7 the byte, 8..9 the map (0F, 0F38, 0F3A), 10..11 the mandatory
# prefix (66, F3, F2), both numbered as VEX numbers them; bit 12 REX.W; 13 and 14: the reg or r/m
# operand is a byte register, whose numbers 4..7 need a REX prefix.
from libc.string cimport memcpy
from engine._core.base.types cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

ctypedef struct Asm:
    uint8_t *p

cdef enum:
    RAX = 0
    RCX = 1
    RDX = 2
    RBX = 3
    RSP = 4
    RBP = 5
    RSI = 6
    RDI = 7
    R8 = 8
    R9 = 9
    R10 = 10
    R11 = 11
    R12 = 12
    R13 = 13
    R14 = 14
    R15 = 15

cdef enum:
    M_0F = 0x100
    M_0F38 = 0x200
    M_0F3A = 0x300
    P_66 = 0x400
    P_F3 = 0x800
    P_F2 = 0xc00
    W = 0x1000
    BR = 0x2000                 # reg operand is a byte register
    BM = 0x4000                 # r/m operand is a byte register

cdef enum:                      # the eight of group 1, also `op << 3 | form`
    ALU_ADD = 0
    ALU_OR = 1
    ALU_AND = 4
    ALU_SUB = 5
    ALU_XOR = 6
    ALU_CMP = 7

cdef enum:                      # group 2
    SH_ROL = 0
    SH_ROR = 1
    SH_SHL = 4
    SH_SHR = 5
    SH_SAR = 7

cdef enum:                      # condition codes
    CC_O = 0
    CC_B = 2
    CC_AE = 3
    CC_E = 4
    CC_NE = 5
    CC_BE = 6
    CC_A = 7
    CC_S = 8
    CC_NS = 9
    CC_P = 10
    CC_NP = 11
    CC_L = 12
    CC_GE = 13
    CC_LE = 14
    CC_G = 15

cdef enum:
    X_MOV_LOAD = 0x8b           # reg <- r/m
    X_MOV_STORE = 0x89          # r/m <- reg
    X_MOV_STORE8 = 0x88 | BR
    X_MOV_STORE16 = 0x89 | P_66
    X_LEA = 0x8d
    X_MOVSXD = 0x63 | W
    X_MOVZX8 = 0xb6 | M_0F | BM
    X_MOVZX16 = 0xb7 | M_0F
    X_MOVSX8 = 0xbe | M_0F | BM | W
    X_MOVSX16 = 0xbf | M_0F | W
    X_TEST = 0x85
    X_XCHG = 0x87
    X_IMUL = 0xaf | M_0F
    X_GROUP3 = 0xf7             # /0 test imm, /2 not, /3 neg, /4 mul, /5 imul, /6 div, /7 idiv
    X_GROUP5 = 0xff             # /2 call, /4 jmp
    X_BSR = 0xbd | M_0F
    X_BSF = 0xbc | M_0F
    X_LZCNT = 0xbd | M_0F | P_F3
    X_TZCNT = 0xbc | M_0F | P_F3
    X_POPCNT = 0xb8 | M_0F | P_F3
    X_SHLX = 0xf7 | M_0F38 | P_66
    X_SHRX = 0xf7 | M_0F38 | P_F2
    X_SARX = 0xf7 | M_0F38 | P_F3
    X_RORX = 0xf0 | M_0F3A | P_F2
    X_ANDN = 0xf2 | M_0F38
    # SSE2: xmm <- xmm/m unless named STORE
    X_MOVQ_LOAD = 0x7e | M_0F | P_F3        # upper half zero
    X_MOVQ_STORE = 0xd6 | M_0F | P_66
    X_MOVD_LOAD = 0x6e | M_0F | P_66        # from a GPR or memory; with W 64 bits
    X_MOVD_STORE = 0x7e | M_0F | P_66       # to a GPR or memory
    X_MOVSS = 0x10 | M_0F | P_F3            # reg-reg: low 32 bits only
    X_MOVAPS = 0x28 | M_0F
    X_XORPS = 0x57 | M_0F
    X_POR = 0xeb | M_0F | P_66
    X_PCMPEQD = 0x76 | M_0F | P_66
    X_UCOMISS = 0x2e | M_0F
    X_UCOMISD = 0x2e | M_0F | P_66
    X_ADDSD = 0x58 | M_0F | P_F2
    X_MULSD = 0x59 | M_0F | P_F2
    X_SUBSD = 0x5c | M_0F | P_F2
    X_DIVSD = 0x5e | M_0F | P_F2
    X_SQRTSD = 0x51 | M_0F | P_F2
    X_CMPSD = 0xc2 | M_0F | P_F2
    X_ADDSS = 0x58 | M_0F | P_F3
    X_MULSS = 0x59 | M_0F | P_F3
    X_SUBSS = 0x5c | M_0F | P_F3
    X_DIVSS = 0x5e | M_0F | P_F3
    X_SQRTSS = 0x51 | M_0F | P_F3
    X_CMPSS = 0xc2 | M_0F | P_F3
    X_CVTSD2SS = 0x5a | M_0F | P_F2
    X_CVTSS2SD = 0x5a | M_0F | P_F3
    X_CVTSI2SD = 0x2a | M_0F | P_F2
    X_CVTSI2SS = 0x2a | M_0F | P_F3
    # FMA3, VEX only; 231: reg = v * r/m + reg
    X_VFMADD231 = 0xb9 | M_0F38 | P_66      # W: double
    X_VFMSUB231 = 0xbb | M_0F38 | P_66
    X_VFNMADD231 = 0xbd | M_0F38 | P_66
    X_VFNMSUB231 = 0xbf | M_0F38 | P_66


cdef inline void e1(Asm *s, uint32_t b) noexcept nogil:
    s.p[0] = <uint8_t>b
    s.p += 1


cdef inline void e4(Asm *s, uint32_t v) noexcept nogil:
    memcpy(s.p, &v, 4)
    s.p += 4


cdef inline void e8(Asm *s, uint64_t v) noexcept nogil:
    memcpy(s.p, &v, 8)
    s.p += 8


cdef inline bint fits8(int64_t v) noexcept nogil:
    return -128 <= v <= 127


cdef inline bint fits32s(uint64_t v) noexcept nogil:
    return v + 0x80000000ULL <= 0xffffffffULL


cdef inline void opcode(Asm *s, uint32_t opc, uint32_t reg, uint32_t index,
                        uint32_t base) noexcept nogil:
    cdef uint32_t pfx = (opc >> 10) & 3
    cdef uint32_t rex = ((opc >> 9) & 8) | ((reg >> 1) & 4) | ((index >> 2) & 2) | ((base >> 3) & 1)
    cdef uint32_t map = (opc >> 8) & 3
    if pfx:
        e1(s, 0x66 if pfx == 1 else (0xf3 if pfx == 2 else 0xf2))
    if rex or (opc & BR and reg >= 4) or (opc & BM and base >= 4):
        e1(s, 0x40 | rex)
    if map:
        e1(s, 0x0f)
        if map == 2:
            e1(s, 0x38)
        elif map == 3:
            e1(s, 0x3a)
    e1(s, opc & 0xff)


# VEX prefix, three-byte form, 128 bits wide (scalar ops ignore the width).
cdef inline void vex(Asm *s, uint32_t opc, uint32_t reg, uint32_t v, uint32_t base) noexcept nogil:
    e1(s, 0xc4)
    e1(s, (0 if reg & 8 else 0x80) | 0x40 | (0 if base & 8 else 0x20) | ((opc >> 8) & 3))
    e1(s, ((opc >> 5) & 0x80) | ((v ^ 15) << 3) | ((opc >> 10) & 3))
    e1(s, opc & 0xff)


cdef inline void modrm_mem(Asm *s, uint32_t reg, uint32_t base, int32_t disp) noexcept nogil:
    cdef uint32_t mod = 2
    if disp == 0 and (base & 7) != RBP:
        mod = 0
    elif fits8(disp):
        mod = 1
    e1(s, (mod << 6) | ((reg & 7) << 3) | (base & 7))
    if (base & 7) == RSP:
        e1(s, 0x24)
    if mod == 1:
        e1(s, <uint32_t>disp)
    elif mod == 2:
        e4(s, <uint32_t>disp)


# op reg, rm
cdef inline void rr(Asm *s, uint32_t opc, uint32_t reg, uint32_t rm) noexcept nogil:
    opcode(s, opc, reg, 0, rm)
    e1(s, 0xc0 | ((reg & 7) << 3) | (rm & 7))


# op reg, [base + disp]
cdef inline void rm(Asm *s, uint32_t opc, uint32_t reg, uint32_t base, int32_t disp) noexcept nogil:
    opcode(s, opc & ~<uint32_t>BM, reg, 0, base)
    modrm_mem(s, reg, base, disp)


# op reg, [base + (index << scale) + disp]; index is not rsp
cdef inline void rmx(Asm *s, uint32_t opc, uint32_t reg, uint32_t base, uint32_t index,
                     uint32_t scale, int32_t disp) noexcept nogil:
    cdef uint32_t mod = 2
    opcode(s, opc & ~<uint32_t>BM, reg, index, base)
    if disp == 0 and (base & 7) != RBP:
        mod = 0
    elif fits8(disp):
        mod = 1
    e1(s, (mod << 6) | ((reg & 7) << 3) | 4)
    e1(s, (scale << 6) | ((index & 7) << 3) | (base & 7))
    if mod == 1:
        e1(s, <uint32_t>disp)
    elif mod == 2:
        e4(s, <uint32_t>disp)


# lea reg, [rip + disp] of an address of the same buffer (in the view that s.p points to)
cdef inline void lea_rip(Asm *s, uint32_t reg, const uint8_t *to) noexcept nogil:
    opcode(s, X_LEA | W, reg, 0, 0)
    e1(s, ((reg & 7) << 3) | 5)
    e4(s, <uint32_t>(to - (s.p + 4)))


cdef inline void vrr(Asm *s, uint32_t opc, uint32_t reg, uint32_t v, uint32_t rm) noexcept nogil:
    vex(s, opc, reg, v, rm)
    e1(s, 0xc0 | ((reg & 7) << 3) | (rm & 7))


cdef inline void vrm(Asm *s, uint32_t opc, uint32_t reg, uint32_t v, uint32_t base,
                     int32_t disp) noexcept nogil:
    vex(s, opc, reg, v, base)
    modrm_mem(s, reg, base, disp)


# group 1 with an immediate; w: 0 or W
cdef inline void alu_ri(Asm *s, uint32_t w, uint32_t op, uint32_t r, int32_t imm) noexcept nogil:
    if fits8(imm):
        rr(s, 0x83 | w, op, r)
        e1(s, <uint32_t>imm)
    elif r == RAX:
        opcode(s, (op << 3) | 5 | w, 0, 0, 0)
        e4(s, <uint32_t>imm)
    else:
        rr(s, 0x81 | w, op, r)
        e4(s, <uint32_t>imm)


cdef inline void alu_mi(Asm *s, uint32_t w, uint32_t op, uint32_t base, int32_t disp,
                        int32_t imm) noexcept nogil:
    if fits8(imm):
        rm(s, 0x83 | w, op, base, disp)
        e1(s, <uint32_t>imm)
    else:
        rm(s, 0x81 | w, op, base, disp)
        e4(s, <uint32_t>imm)


cdef inline void alu_rr(Asm *s, uint32_t w, uint32_t op, uint32_t d, uint32_t b) noexcept nogil:
    rr(s, (op << 3) | 3 | w, d, b)


cdef inline void mov_rr(Asm *s, uint32_t d, uint32_t a) noexcept nogil:
    if d != a:
        rr(s, X_MOV_LOAD | W, d, a)


cdef inline void mov_rr32(Asm *s, uint32_t d, uint32_t a) noexcept nogil:
    rr(s, X_MOV_LOAD, d, a)


# Shortest constant load. Leaves the flags alone.
cdef inline void mov_ri(Asm *s, uint32_t d, uint64_t v) noexcept nogil:
    if v <= 0xffffffffULL:
        opcode(s, 0xb8 | (d & 7), 0, 0, d)
        e4(s, <uint32_t>v)
    elif fits32s(v):
        rr(s, 0xc7 | W, 0, d)
        e4(s, <uint32_t>v)
    else:
        opcode(s, 0xb8 | (d & 7) | W, 0, 0, d)
        e8(s, v)


cdef inline void shift_ri(Asm *s, uint32_t w, uint32_t op, uint32_t r, uint32_t n) noexcept nogil:
    if n == 0:
        return
    if n == 1:
        rr(s, 0xd1 | w, op, r)
        return
    rr(s, 0xc1 | w, op, r)
    e1(s, n)


cdef inline void bswap_r(Asm *s, uint32_t w, uint32_t r) noexcept nogil:
    opcode(s, 0xc8 | (r & 7) | M_0F | w, 0, 0, r)


cdef inline void push_r(Asm *s, uint32_t r) noexcept nogil:
    opcode(s, 0x50 | (r & 7), 0, 0, r)


cdef inline void pop_r(Asm *s, uint32_t r) noexcept nogil:
    opcode(s, 0x58 | (r & 7), 0, 0, r)


# Jumps: the rel32 field is left for patch32; a rel8 for patch8. They answer the field's address.
cdef inline uint8_t *jcc(Asm *s, uint32_t cc) noexcept nogil:
    e1(s, 0x0f)
    e1(s, 0x80 | cc)
    e4(s, 0)
    return s.p - 4


cdef inline uint8_t *jmp(Asm *s) noexcept nogil:
    e1(s, 0xe9)
    e4(s, 0)
    return s.p - 4


cdef inline uint8_t *call(Asm *s) noexcept nogil:
    e1(s, 0xe8)
    e4(s, 0)
    return s.p - 4


cdef inline uint8_t *jcc8(Asm *s, uint32_t cc) noexcept nogil:
    e1(s, 0x70 | cc)
    e1(s, 0)
    return s.p - 1


cdef inline uint8_t *jmp8(Asm *s) noexcept nogil:
    e1(s, 0xeb)
    e1(s, 0)
    return s.p - 1


cdef inline void patch32(uint8_t *field, const uint8_t *to) noexcept nogil:
    cdef int32_t rel = <int32_t>(to - (field + 4))
    memcpy(field, &rel, 4)


cdef inline void patch8(uint8_t *field, const uint8_t *to) noexcept nogil:
    field[0] = <uint8_t><uint64_t>(to - (field + 1))
