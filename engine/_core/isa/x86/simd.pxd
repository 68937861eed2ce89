# Vector values of x86 and the integer lane operations on them.
#
# What lives here: the Vec union (one YMM register), the numbers of the integer operations, and
# simd_int, which does any of them. What does not: floating point (simd_fp), strings, AES, SHA and
# the like (simd_misc), x87 (x87.pxd), operands and exceptions (trans_*.pxi). Who calls it: the
# helpers of the x86 guest; tests/cython/t_x86_simd.pyx.
#
# Conventions of all operations: d = op(a, b); a is the destination operand of the legacy form and
# vvvv of the VEX form, b is the r/m operand. d may be a or b. `bytes` is 8 (MMX), 16 or 32; a
# 32-byte operation is two independent 16-byte ones unless the name says otherwise, and bytes of d
# from `bytes` on are not written.

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


ctypedef union Vec:
    uint8_t b[32]
    uint16_t w[16]
    uint32_t d[8]
    uint64_t q[4]


# With a lane size: operation number = SIMD_x | n, n = 0..3 for lanes of 1, 2, 4, 8 bytes.
cdef enum:
    SIMD_ADD = 0
    SIMD_SUB = 4
    SIMD_ADDS = 8       # saturating, signed
    SIMD_ADDU = 12      # saturating, unsigned
    SIMD_SUBS = 16
    SIMD_SUBU = 20
    SIMD_MULL = 24      # low half of the product
    SIMD_MULH = 28      # high half, signed (lanes up to 4 bytes)
    SIMD_MULHU = 32
    SIMD_AVG = 36
    SIMD_MINS = 40
    SIMD_MINU = 44
    SIMD_MAXS = 48
    SIMD_MAXU = 52
    SIMD_CMPEQ = 56
    SIMD_CMPGT = 60
    SIMD_SIGN = 64
    SIMD_ABS = 68       # of b
    SIMD_SLLV = 72      # each lane by its own count
    SIMD_SRLV = 76
    SIMD_SRAV = 80
    SIMD_SLL = 84       # all lanes by b's low quadword
    SIMD_SRL = 88
    SIMD_SRA = 92
    SIMD_SLLI = 96      # all lanes of b by imm
    SIMD_SRLI = 100
    SIMD_SRAI = 104
    SIMD_PACKS = 108    # lanes of size n narrowed with signed saturation, a's then b's
    SIMD_PACKU = 112
    SIMD_UNPCKL = 116
    SIMD_UNPCKH = 120
    SIMD_HADD = 124     # neighbours: a's sums, then b's
    SIMD_HSUB = 128
    SIMD_HADDS = 132
    SIMD_HSUBS = 136
    SIMD_BLENDI = 140   # bit i of imm (i modulo 8 for 2-byte lanes): b's lane, else a's
    SIMD_BROADCAST = 144    # b's lowest lane, to all `bytes`
    SIMD_MOVSX_B = 148  # widen b's low bytes to lanes of size n (crosses 16-byte halves)
    SIMD_MOVSX_W = 152
    SIMD_MOVSX_D = 156
    SIMD_MOVZX_B = 160
    SIMD_MOVZX_W = 164
    SIMD_MOVZX_D = 168
    # Without a lane size.
    SIMD_AND = 172
    SIMD_ANDN
    SIMD_OR
    SIMD_XOR
    SIMD_MULHRSW
    SIMD_MULUDQ
    SIMD_MULDQ
    SIMD_MADDWD
    SIMD_MADDUBSW
    SIMD_SADBW
    SIMD_SHUFB
    SIMD_SLLDQ          # b by imm bytes
    SIMD_SRLDQ
    SIMD_ALIGNR
    SIMD_SHUFD          # of b by imm
    SIMD_SHUFLW         # of b; also MMX's PSHUFW
    SIMD_SHUFHW
    SIMD_SHUFPS
    SIMD_SHUFPD
    SIMD_PERMILPS       # a's lanes by b's selectors
    SIMD_PERMILPD
    SIMD_PERMILPSI      # b's lanes by imm
    SIMD_PERMILPDI
    SIMD_MPSADBW
    SIMD_PHMINPOSUW     # of b
    SIMD_MOVSLDUP       # of b
    SIMD_MOVSHDUP
    SIMD_MOVDDUP
    SIMD_PERMD          # across halves: b's lanes by a's selectors (VPERMD, VPERMPS)
    SIMD_PERMQI         # across halves: b's lanes by imm (VPERMQ, VPERMPD)
    SIMD_PERM2X128      # across halves
    SIMD_INSERTPS       # b's lane imm[7:6] (b's lane 0 from memory with imm[7:6] = 0)
    SIMD_INT_END

# Any of the operations above.
cdef void simd_int(uint32_t op, Vec *d, const Vec *a, const Vec *b, uint32_t imm,
                   uint32_t bytes) noexcept nogil
# d = b where the top bit of the lane of m is set, else a (BLENDV*). n = 0, 2 or 3.
cdef void simd_blendv(Vec *d, const Vec *a, const Vec *b, const Vec *m, uint32_t n,
                      uint32_t bytes) noexcept nogil
# The top bits of the lanes as a number (MOVMSK*, PMOVMSKB).
cdef uint32_t simd_movmask(const Vec *b, uint32_t n, uint32_t bytes) noexcept nogil
# EFLAGS.ZF and CF (bits 6 and 0) of PTEST (n = 4: all bits) or VTESTPS/PD (n = 2, 3: top bits).
cdef uint32_t simd_test(const Vec *a, const Vec *b, uint32_t n, uint32_t bytes) noexcept nogil
