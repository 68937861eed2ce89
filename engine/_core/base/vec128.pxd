# 128-bit vectors of integer lanes: what each vector op of the IR means.
# Lives here: V128 and one function an op. Does not live here: machine code (backend/x86_64/
# emit_vec.pxi), lanes of floating-point numbers. Called by: interp/ for every vector op, host back
# ends for what they have no instructions for, tests.
#
# Lane i of 2^n bytes is bits [8 * 2^n * i, 8 * 2^n * (i + 1)) of the 128-bit number hi:lo; n is
# 0..3 and lane numbers are taken modulo the number of lanes, so that every function is total.
from engine._core.base.types cimport uint32_t, uint64_t

ctypedef struct V128:
    uint64_t lo
    uint64_t hi

cdef inline V128 v_set(uint64_t lo, uint64_t hi) noexcept nogil:
    cdef V128 v
    v.lo = lo
    v.hi = hi
    return v

cdef inline uint64_t v_lo(V128 a) noexcept nogil:
    return a.lo

cdef inline uint64_t v_hi(V128 a) noexcept nogil:
    return a.hi

cdef inline V128 v_and(V128 a, V128 b) noexcept nogil:
    return v_set(a.lo & b.lo, a.hi & b.hi)

cdef inline V128 v_or(V128 a, V128 b) noexcept nogil:
    return v_set(a.lo | b.lo, a.hi | b.hi)

cdef inline V128 v_xor(V128 a, V128 b) noexcept nogil:
    return v_set(a.lo ^ b.lo, a.hi ^ b.hi)

cdef inline V128 v_andc(V128 a, V128 b) noexcept nogil:
    return v_set(a.lo & ~b.lo, a.hi & ~b.hi)

cdef inline V128 v_not(V128 a) noexcept nogil:
    return v_set(~a.lo, ~a.hi)

cdef inline uint64_t v_any(V128 a) noexcept nogil:
    return (a.lo | a.hi) != 0

# One lane: read, zero-extended; replaced; in all places.
cdef uint64_t v_ext(V128 a, uint32_t lane, uint32_t n) noexcept nogil
cdef V128 v_ins(V128 a, uint64_t b, uint32_t lane, uint32_t n) noexcept nogil
cdef V128 v_dup(uint64_t a, uint32_t n) noexcept nogil

# Lane by lane. mulhs and mulhu: the high half of the product; qadd, qsub: saturating, signed or
# unsigned; avgu: (a + b + 1) >> 1 without overflow; comparisons: all ones or zero.
cdef V128 v_add(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_sub(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_mul(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_mulhs(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_mulhu(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_cmpeq(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_cmpgts(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_mins(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_minu(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_maxs(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_maxu(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_qadds(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_qaddu(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_qsubs(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_qsubu(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_avgu(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_abs(V128 a, uint32_t n) noexcept nogil
# All lanes by one count; from the width on: 0, or the sign.
cdef V128 v_shl(V128 a, uint64_t count, uint32_t n) noexcept nogil
cdef V128 v_shr(V128 a, uint64_t count, uint32_t n) noexcept nogil
cdef V128 v_sar(V128 a, uint64_t count, uint32_t n) noexcept nogil

# Lanes twice as wide from lanes of 2^n bytes, n = 0..2. mulx: products of the even lanes; madds:
# sums of the products of signed neighbours; maddus (n = 0, 1): of unsigned a and signed b,
# saturated. sadu: in each half the sum of |a - b| over its bytes. clmul: the carry-less product of
# half how & 1 of a and half how >> 1 & 1 of b.
cdef V128 v_mulxs(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_mulxu(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_madds(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_maddus(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_sadu(V128 a, V128 b) noexcept nogil
cdef V128 v_clmul(V128 a, V128 b, uint32_t how) noexcept nogil
# In lanes of 2^n bytes, n = 0..2: (a * b + 2^(w-2)) >> (w-1), its low w bits.
cdef V128 v_mulrs(V128 a, V128 b, uint32_t n) noexcept nogil

# Moving lanes. pack: lanes of a, then of b, as signed numbers saturated to half their width (packs
# to signed, packu to unsigned numbers; n = 1..3 is that of the sources). unpack: lanes of a and b
# in turn, from the low or the high halves. shuf8: byte i is byte b[i] & 15 of a, or 0 if b[i] has
# bit 7. shuf32: lane i is lane (how >> 2i) & 3 of a for i = 0, 1 and of b for i = 2, 3. shuf16: the
# same within one half of a, the high one if how & 0x100, the other half as it is. align: 16 bytes
# of the 32 of b:a from byte `bytes` on, zero past the end.
cdef V128 v_packs(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_packu(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_unpacklo(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_unpackhi(V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_shuf8(V128 a, V128 b) noexcept nogil
cdef V128 v_shuf32(V128 a, V128 b, uint32_t how) noexcept nogil
cdef V128 v_shuf16(V128 a, uint32_t how) noexcept nogil
cdef V128 v_align(V128 a, V128 b, uint32_t bytes) noexcept nogil
# Bit i: the top bit of lane i.
cdef uint64_t v_movmask(V128 a, uint32_t n) noexcept nogil
