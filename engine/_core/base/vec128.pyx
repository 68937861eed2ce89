# 128-bit vectors of integer lanes, see vec128.pxd. Written for being plainly right: back ends have
# instructions for what is frequent.
from engine._core.base.bits cimport mask64, mulhs64, mulhu64, sextract64
from engine._core.base.types cimport int64_t, uint32_t, uint64_t

cdef enum:
    V_ADD = 0
    V_SUB = 1
    V_MUL = 2
    V_MULHS = 3
    V_MULHU = 4
    V_CMPEQ = 5
    V_CMPGTS = 6
    V_MINS = 7
    V_MINU = 8
    V_MAXS = 9
    V_MAXU = 10
    V_QADDS = 11
    V_QADDU = 12
    V_QSUBS = 13
    V_QSUBU = 14
    V_AVGU = 15


cdef inline uint64_t _get(V128 a, uint32_t lane, uint32_t n) noexcept nogil:
    cdef uint32_t at = lane << n
    return ((a.hi if at & 8 else a.lo) >> (8 * (at & 7))) & mask64(8 << n)


cdef inline V128 _put(V128 a, uint32_t lane, uint32_t n, uint64_t v) noexcept nogil:
    cdef uint32_t at = lane << n, shift = 8 * (at & 7)
    cdef uint64_t m = mask64(8 << n) << shift
    v = (v << shift) & m
    return v_set(a.lo, (a.hi & ~m) | v) if at & 8 else v_set((a.lo & ~m) | v, a.hi)


cdef inline int64_t _signed(uint64_t v, uint32_t bits) noexcept nogil:
    return <int64_t>sextract64(v, 0, bits)


cdef uint64_t _sat_signed(int64_t v, uint32_t bits) noexcept nogil:
    cdef int64_t top = <int64_t>mask64(bits - 1)
    return <uint64_t>(top if v > top else (-top - 1 if v < -top - 1 else v))


cdef uint64_t _sat_unsigned(int64_t v, uint32_t bits) noexcept nogil:
    return 0 if v < 0 else (mask64(bits) if <uint64_t>v > mask64(bits) else <uint64_t>v)


# a and b of `bits` bits, zero-extended; the result may have more.
cdef uint64_t _lane(uint32_t op, uint64_t a, uint64_t b, uint32_t bits) noexcept nogil:
    cdef int64_t x = _signed(a, bits), y = _signed(b, bits)
    cdef uint64_t m = mask64(bits), r, sign = 1ULL << (bits - 1)
    if op == V_ADD:
        return a + b
    if op == V_SUB:
        return a - b
    if op == V_MUL:
        return a * b
    if op == V_MULHS:
        if bits == 64:
            return mulhs64(a, b)
        return <uint64_t>(x * y) >> bits
    if op == V_MULHU:
        return mulhu64(a, b) if bits == 64 else (a * b) >> bits
    if op == V_CMPEQ:
        return m if a == b else 0
    if op == V_CMPGTS:
        return m if x > y else 0
    if op == V_MINS:
        return a if x < y else b
    if op == V_MINU:
        return a if a < b else b
    if op == V_MAXS:
        return a if x > y else b
    if op == V_MAXU:
        return a if a > b else b
    if op == V_QADDS:
        r = (a + b) & m         # overflow: both signs differ from that of the sum
        return (m >> 1) + (a >> (bits - 1)) if (a ^ r) & (b ^ r) & sign else r
    if op == V_QADDU:
        r = (a + b) & m
        return m if r < a else r
    if op == V_QSUBS:
        r = (a - b) & m
        return (m >> 1) + (a >> (bits - 1)) if (a ^ b) & (a ^ r) & sign else r
    if op == V_QSUBU:
        return a - b if a > b else 0
    return (a | b) - ((a ^ b) >> 1)     # V_AVGU


cdef V128 _lanes(uint32_t op, V128 a, V128 b, uint32_t n) noexcept nogil:
    cdef V128 d = v_set(0, 0)
    cdef uint32_t i
    n &= 3
    for i in range(16u >> n):
        d = _put(d, i, n, _lane(op, _get(a, i, n), _get(b, i, n), 8u << n))
    return d


cdef uint64_t v_ext(V128 a, uint32_t lane, uint32_t n) noexcept nogil:
    n &= 3
    return _get(a, lane & ((16u >> n) - 1), n)

cdef V128 v_ins(V128 a, uint64_t b, uint32_t lane, uint32_t n) noexcept nogil:
    n &= 3
    return _put(a, lane & ((16u >> n) - 1), n, b)

cdef V128 v_dup(uint64_t a, uint32_t n) noexcept nogil:
    n &= 3
    # all ones over a lane's ones: a one in each lane
    a = (a & mask64(8 << n)) * (0xffffffffffffffffULL // mask64(8 << n))
    return v_set(a, a)

cdef V128 v_add(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_ADD, a, b, n)

cdef V128 v_sub(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_SUB, a, b, n)

cdef V128 v_mul(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_MUL, a, b, n)

cdef V128 v_mulhs(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_MULHS, a, b, n)

cdef V128 v_mulhu(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_MULHU, a, b, n)

cdef V128 v_cmpeq(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_CMPEQ, a, b, n)

cdef V128 v_cmpgts(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_CMPGTS, a, b, n)

cdef V128 v_mins(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_MINS, a, b, n)

cdef V128 v_minu(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_MINU, a, b, n)

cdef V128 v_maxs(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_MAXS, a, b, n)

cdef V128 v_maxu(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_MAXU, a, b, n)

cdef V128 v_qadds(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_QADDS, a, b, n)

cdef V128 v_qaddu(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_QADDU, a, b, n)

cdef V128 v_qsubs(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_QSUBS, a, b, n)

cdef V128 v_qsubu(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_QSUBU, a, b, n)

cdef V128 v_avgu(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _lanes(V_AVGU, a, b, n)

cdef V128 v_abs(V128 a, uint32_t n) noexcept nogil:
    cdef V128 negative = _lanes(V_CMPGTS, v_set(0, 0), a, n)
    return _lanes(V_SUB, v_xor(a, negative), negative, n)


cdef V128 v_shl(V128 a, uint64_t count, uint32_t n) noexcept nogil:
    cdef V128 d = v_set(0, 0)
    cdef uint32_t i
    n &= 3
    if count < 8u << n:
        for i in range(16u >> n):
            d = _put(d, i, n, _get(a, i, n) << count)
    return d

cdef V128 v_shr(V128 a, uint64_t count, uint32_t n) noexcept nogil:
    cdef V128 d = v_set(0, 0)
    cdef uint32_t i
    n &= 3
    if count < 8u << n:
        for i in range(16u >> n):
            d = _put(d, i, n, _get(a, i, n) >> count)
    return d

cdef V128 v_sar(V128 a, uint64_t count, uint32_t n) noexcept nogil:
    cdef V128 d = v_set(0, 0)
    cdef uint32_t i, bits
    n &= 3
    bits = 8u << n
    if count >= bits:
        count = bits - 1
    for i in range(16u >> n):
        d = _put(d, i, n, <uint64_t>(_signed(_get(a, i, n), bits) >> count))
    return d


cdef V128 _mulx(V128 a, V128 b, uint32_t n, bint signed) noexcept nogil:
    cdef V128 d = v_set(0, 0)
    cdef uint32_t i, bits
    cdef uint64_t x, y
    n = n & 3 if n & 3 < 3 else 2
    bits = 8u << n
    for i in range(8u >> n):
        x = _get(a, 2 * i, n)
        y = _get(b, 2 * i, n)
        if signed:
            x = sextract64(x, 0, bits)
            y = sextract64(y, 0, bits)
        d = _put(d, i, n + 1, x * y)
    return d

cdef V128 v_mulxs(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _mulx(a, b, n, True)

cdef V128 v_mulxu(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _mulx(a, b, n, False)

cdef V128 v_madds(V128 a, V128 b, uint32_t n) noexcept nogil:
    cdef uint32_t wide, bits
    n = n & 3 if n & 3 < 3 else 2
    wide = n + 1
    bits = 8u << n
    return _lanes(V_ADD, _mulx(a, b, n, True),
                  _mulx(v_shr(a, bits, wide), v_shr(b, bits, wide), n, True), wide)

cdef V128 v_maddus(V128 a, V128 b, uint32_t n) noexcept nogil:
    cdef V128 d = v_set(0, 0)
    cdef uint32_t i, bits
    cdef int64_t sum_
    n = 1 if n & 3 else 0
    bits = 8u << n
    for i in range(8u >> n):
        sum_ = (<int64_t>_get(a, 2 * i, n) * _signed(_get(b, 2 * i, n), bits)
                + <int64_t>_get(a, 2 * i + 1, n) * _signed(_get(b, 2 * i + 1, n), bits))
        d = _put(d, i, n + 1, _sat_signed(sum_, 2 * bits))
    return d

cdef V128 v_mulrs(V128 a, V128 b, uint32_t n) noexcept nogil:
    cdef V128 d = v_set(0, 0)
    cdef uint32_t i, bits
    cdef int64_t product
    n = n & 3 if n & 3 < 3 else 2
    bits = 8u << n
    for i in range(16u >> n):
        product = _signed(_get(a, i, n), bits) * _signed(_get(b, i, n), bits)
        d = _put(d, i, n, <uint64_t>(((product >> (bits - 2)) + 1) >> 1))
    return d

cdef V128 v_clmul(V128 a, V128 b, uint32_t how) noexcept nogil:
    cdef uint64_t x = a.hi if how & 1 else a.lo, y = b.hi if how & 2 else b.lo
    cdef V128 d = v_set(0, 0)
    cdef uint32_t i
    for i in range(64):
        if (y >> i) & 1:
            d = v_set(d.lo ^ x << i, d.hi ^ (x >> (64 - i) if i else 0))
    return d

cdef V128 v_sadu(V128 a, V128 b) noexcept nogil:
    cdef V128 d = v_sub(v_maxu(a, b, 0), v_minu(a, b, 0), 0), sums = v_set(0, 0)
    cdef uint32_t i
    for i in range(8):
        sums = v_set(sums.lo + _get(d, i, 0), sums.hi + _get(d, i + 8, 0))
    return sums


cdef V128 v_packs(V128 a, V128 b, uint32_t n) noexcept nogil:
    cdef V128 d = v_set(0, 0)
    cdef uint32_t i, lanes
    n = n & 3 if n & 3 else 1
    lanes = 16u >> n
    for i in range(lanes):
        d = _put(d, i, n - 1, _sat_signed(_signed(_get(a, i, n), 8u << n), 4u << n))
        d = _put(d, lanes + i, n - 1, _sat_signed(_signed(_get(b, i, n), 8u << n), 4u << n))
    return d

cdef V128 v_packu(V128 a, V128 b, uint32_t n) noexcept nogil:
    cdef V128 d = v_set(0, 0)
    cdef uint32_t i, lanes
    n = n & 3 if n & 3 else 1
    lanes = 16u >> n
    for i in range(lanes):
        d = _put(d, i, n - 1, _sat_unsigned(_signed(_get(a, i, n), 8u << n), 4u << n))
        d = _put(d, lanes + i, n - 1, _sat_unsigned(_signed(_get(b, i, n), 8u << n), 4u << n))
    return d


cdef V128 _unpack(V128 a, V128 b, uint32_t n, uint32_t half) noexcept nogil:
    cdef V128 d = v_set(0, 0)
    cdef uint32_t i, from_lane
    n &= 3
    for i in range(8u >> n):
        from_lane = i + half * (8u >> n)
        d = _put(d, 2 * i, n, _get(a, from_lane, n))
        d = _put(d, 2 * i + 1, n, _get(b, from_lane, n))
    return d

cdef V128 v_unpacklo(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _unpack(a, b, n, 0)

cdef V128 v_unpackhi(V128 a, V128 b, uint32_t n) noexcept nogil:
    return _unpack(a, b, n, 1)

cdef V128 v_shuf8(V128 a, V128 b) noexcept nogil:
    cdef V128 d = v_set(0, 0)
    cdef uint32_t i, at
    for i in range(16):
        at = <uint32_t>_get(b, i, 0)
        if not at & 0x80:
            d = _put(d, i, 0, _get(a, at & 15, 0))
    return d

cdef V128 v_shuf32(V128 a, V128 b, uint32_t how) noexcept nogil:
    return v_set(_get(a, how & 3, 2) | (_get(a, (how >> 2) & 3, 2) << 32),
                 _get(b, (how >> 4) & 3, 2) | (_get(b, (how >> 6) & 3, 2) << 32))

cdef V128 v_shuf16(V128 a, uint32_t how) noexcept nogil:
    cdef uint32_t base = 4 if how & 0x100 else 0, i
    cdef V128 d = a
    for i in range(4):
        d = _put(d, base + i, 1, _get(a, base + ((how >> (2 * i)) & 3), 1))
    return d

cdef V128 v_align(V128 a, V128 b, uint32_t bytes) noexcept nogil:
    cdef V128 d = v_set(0, 0)
    cdef uint32_t i, at
    for i in range(16):
        at = i + bytes
        if at < 16:
            d = _put(d, i, 0, _get(a, at, 0))
        elif at < 32:
            d = _put(d, i, 0, _get(b, at - 16, 0))
    return d

cdef uint64_t v_movmask(V128 a, uint32_t n) noexcept nogil:
    cdef uint64_t d = 0
    cdef uint32_t i
    n &= 3
    for i in range(16u >> n):
        d |= (_get(a, i, n) >> ((8u << n) - 1)) << i
    return d
