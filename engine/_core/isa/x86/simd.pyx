# Integer lane operations of MMX, SSE and AVX2. See simd.pxd.
#
# What lives here: one function a shape of operation. Sources: Intel SDM vol. 2, the "Operation"
# section of each instruction.

from libc.string cimport memcpy


cdef inline uint64_t get(const Vec *v, uint32_t n, uint32_t i) noexcept nogil:
    """Lane i of 1 << n bytes, zero-extended."""
    if n == 0:
        return v.b[i]
    elif n == 1:
        return v.w[i]
    elif n == 2:
        return v.d[i]
    return v.q[i]


cdef inline int64_t gets(const Vec *v, uint32_t n, uint32_t i) noexcept nogil:
    """Lane i of 1 << n bytes, sign-extended."""
    if n == 0:
        return <int8_t>v.b[i]
    elif n == 1:
        return <int16_t>v.w[i]
    elif n == 2:
        return <int32_t>v.d[i]
    return <int64_t>v.q[i]


cdef inline void put(Vec *v, uint32_t n, uint32_t i, uint64_t value) noexcept nogil:
    if n == 0:
        v.b[i] = <uint8_t>value
    elif n == 1:
        v.w[i] = <uint16_t>value
    elif n == 2:
        v.d[i] = <uint32_t>value
    else:
        v.q[i] = value


cdef inline int64_t clamp_s(int64_t x, uint32_t bits) noexcept nogil:
    cdef int64_t top = (<int64_t>1 << (bits - 1)) - 1
    return top if x > top else -top - 1 if x < -top - 1 else x


cdef inline int64_t clamp_u(int64_t x, uint32_t bits) noexcept nogil:
    cdef int64_t top = (<int64_t>1 << bits) - 1
    return top if x > top else 0 if x < 0 else x


cdef inline uint64_t shift(uint32_t kind, uint64_t x, int64_t s, uint64_t count,
                           uint32_t bits) noexcept nogil:
    """kind 0 left, 1 right, 2 right arithmetic; x and s the lane zero- and sign-extended."""
    if kind == 2:
        return <uint64_t>(s >> (count if count < bits else bits - 1))
    if count >= bits:
        return 0
    return x << count if kind == 0 else x >> count


cdef uint64_t lane2(uint32_t kind, uint32_t bits, uint64_t x, uint64_t y, int64_t s,
                    int64_t t) noexcept nogil:
    """One lane of an operation whose lanes are independent: x, y zero-, s, t sign-extended."""
    if kind == SIMD_ADD:
        return x + y
    elif kind == SIMD_SUB:
        return x - y
    elif kind == SIMD_ADDS:
        return <uint64_t>clamp_s(s + t, bits)
    elif kind == SIMD_ADDU:
        return <uint64_t>clamp_u(<int64_t>(x + y), bits)
    elif kind == SIMD_SUBS:
        return <uint64_t>clamp_s(s - t, bits)
    elif kind == SIMD_SUBU:
        return <uint64_t>clamp_u(<int64_t>(x - y), bits)
    elif kind == SIMD_MULL:
        return x * y
    elif kind == SIMD_MULH:
        return <uint64_t>((s * t) >> bits)
    elif kind == SIMD_MULHU:
        return (x * y) >> bits
    elif kind == SIMD_AVG:
        return (x + y + 1) >> 1
    elif kind == SIMD_MINS:
        return x if s < t else y
    elif kind == SIMD_MINU:
        return x if x < y else y
    elif kind == SIMD_MAXS:
        return x if s > t else y
    elif kind == SIMD_MAXU:
        return x if x > y else y
    elif kind == SIMD_CMPEQ:
        return 0 - <uint64_t>(x == y)
    elif kind == SIMD_CMPGT:
        return 0 - <uint64_t>(s > t)
    elif kind == SIMD_SIGN:
        return 0 - x if t < 0 else x if t else 0
    elif kind == SIMD_ABS:
        return 0 - y if t < 0 else y
    elif kind == SIMD_SLLV:
        return shift(0, x, s, y, bits)
    elif kind == SIMD_SRLV:
        return shift(1, x, s, y, bits)
    return shift(2, x, s, y, bits)      # SIMD_SRAV


cdef void shift_all(uint32_t kind, uint32_t n, Vec *d, const Vec *x, uint64_t count,
                    uint32_t bytes) noexcept nogil:
    cdef uint32_t i
    for i in range(bytes >> n):
        put(d, n, i, shift(kind, get(x, n, i), gets(x, n, i), count, 8u << n))


cdef void pack(bint is_signed, uint32_t n, Vec *d, const Vec *a, const Vec *b,
               uint32_t bytes) noexcept nogil:
    cdef uint32_t i, u, base, unit = bytes if bytes < 16 else 16, count = unit >> n
    cdef uint32_t bits = 8u << (n - 1)
    cdef int64_t x
    for u in range(bytes // unit):
        base = u * unit
        for i in range(2 * count):
            x = gets(a if i < count else b, n, (base >> n) + (i if i < count else i - count))
            x = clamp_s(x, bits) if is_signed else clamp_u(x, bits)
            put(d, n - 1, (base >> (n - 1)) + i, <uint64_t>x)


cdef void unpack(bint high, uint32_t n, Vec *d, const Vec *a, const Vec *b,
                 uint32_t bytes) noexcept nogil:
    cdef uint32_t i, u, base, unit = bytes if bytes < 16 else 16, half = unit >> n >> 1, at
    for u in range(bytes // unit):
        base = u * unit
        for i in range(half):
            at = (base >> n) + i + (half if high else 0)
            put(d, n, (base >> n) + 2 * i, get(a, n, at))
            put(d, n, (base >> n) + 2 * i + 1, get(b, n, at))


cdef void horizontal(uint32_t kind, uint32_t n, Vec *d, const Vec *a, const Vec *b,
                     uint32_t bytes) noexcept nogil:
    cdef uint32_t i, u, base, unit = bytes if bytes < 16 else 16, half = unit >> n >> 1, at
    cdef int64_t x, y
    cdef const Vec *src
    for u in range(bytes // unit):
        base = u * unit
        for i in range(2 * half):
            src = a if i < half else b
            at = (base >> n) + 2 * (i if i < half else i - half)
            x = gets(src, n, at)
            y = gets(src, n, at + 1)
            x = x + y if kind == SIMD_HADD or kind == SIMD_HADDS else x - y
            if kind >= SIMD_HADDS:
                x = clamp_s(x, 8u << n)
            put(d, n, (base >> n) + i, <uint64_t>x)


cdef void multiply_add(uint32_t op, Vec *d, const Vec *a, const Vec *b,
                       uint32_t bytes) noexcept nogil:
    cdef uint32_t i, k, sum
    cdef int64_t x
    if op == SIMD_MULHRSW:
        for i in range(bytes >> 1):
            d.w[i] = <uint16_t>((((gets(a, 1, i) * gets(b, 1, i)) >> 14) + 1) >> 1)
    elif op == SIMD_MULUDQ:
        for i in range(bytes >> 3):
            d.q[i] = <uint64_t>a.d[2 * i] * b.d[2 * i]
    elif op == SIMD_MULDQ:
        for i in range(bytes >> 3):
            d.q[i] = <uint64_t>(gets(a, 2, 2 * i) * gets(b, 2, 2 * i))
    elif op == SIMD_MADDWD:
        for i in range(bytes >> 2):
            d.d[i] = <uint32_t>(gets(a, 1, 2 * i) * gets(b, 1, 2 * i)
                                + gets(a, 1, 2 * i + 1) * gets(b, 1, 2 * i + 1))
    elif op == SIMD_MADDUBSW:
        for i in range(bytes >> 1):
            x = <int64_t>a.b[2 * i] * gets(b, 0, 2 * i) \
                + <int64_t>a.b[2 * i + 1] * gets(b, 0, 2 * i + 1)
            d.w[i] = <uint16_t>clamp_s(x, 16)
    else:       # SIMD_SADBW
        for i in range(bytes >> 3):
            sum = 0
            for k in range(8 * i, 8 * i + 8):
                sum += a.b[k] - b.b[k] if a.b[k] > b.b[k] else b.b[k] - a.b[k]
            d.q[i] = sum


cdef void shuffle(uint32_t op, Vec *d, const Vec *a, const Vec *b, uint32_t imm,
                  uint32_t bytes) noexcept nogil:
    """Shuffles inside units of 16 (MMX: 8) bytes."""
    cdef uint32_t i, k, u, base, unit = bytes if bytes < 16 else 16
    for u in range(bytes // unit):
        base = u * unit
        if op == SIMD_SHUFB:
            for i in range(base, base + unit):
                d.b[i] = 0 if b.b[i] & 0x80 else a.b[base + (b.b[i] & (unit - 1))]
        elif op == SIMD_SLLDQ:
            for i in range(unit):
                d.b[base + i] = b.b[base + i - imm] if i >= imm else 0
        elif op == SIMD_SRLDQ:
            for i in range(unit):
                d.b[base + i] = b.b[base + i + imm] if imm < unit - i else 0
        elif op == SIMD_ALIGNR:
            for i in range(unit):
                k = i + imm
                d.b[base + i] = b.b[base + k] if k < unit else \
                    a.b[base + k - unit] if k < 2 * unit else 0
        elif op == SIMD_SHUFLW or op == SIMD_SHUFHW:
            k = base >> 1
            if unit == 16:
                d.q[base >> 3] = b.q[base >> 3]
                d.q[(base >> 3) + 1] = b.q[(base >> 3) + 1]
            if op == SIMD_SHUFHW:
                k += 4
            for i in range(4):
                d.w[k + i] = b.w[k + ((imm >> (2 * i)) & 3)]
        elif op == SIMD_SHUFD or op == SIMD_PERMILPSI:
            for i in range(4):
                d.d[(base >> 2) + i] = b.d[(base >> 2) + ((imm >> (2 * i)) & 3)]
        elif op == SIMD_SHUFPS:
            for i in range(4):
                d.d[(base >> 2) + i] = (a if i < 2 else b).d[(base >> 2) + ((imm >> (2 * i)) & 3)]
        elif op == SIMD_PERMILPS:
            for i in range(base >> 2, (base >> 2) + 4):
                d.d[i] = a.d[(base >> 2) + (b.d[i] & 3)]
        else:
            k = base >> 3
            if op == SIMD_SHUFPD:       # imm has a bit a lane over all 32 bytes
                d.q[k] = a.q[k + ((imm >> k) & 1)]
                d.q[k + 1] = b.q[k + ((imm >> (k + 1)) & 1)]
            elif op == SIMD_PERMILPDI:
                d.q[k] = b.q[k + ((imm >> k) & 1)]
                d.q[k + 1] = b.q[k + ((imm >> (k + 1)) & 1)]
            elif op == SIMD_PERMILPD:
                d.q[k] = a.q[k + ((b.q[k] >> 1) & 1)]
                d.q[k + 1] = a.q[k + ((b.q[k + 1] >> 1) & 1)]
            elif op == SIMD_MOVDDUP:
                d.q[k] = d.q[k + 1] = b.q[k]
            else:                       # SIMD_MOVSLDUP, SIMD_MOVSHDUP
                for i in range(base >> 2, (base >> 2) + 4, 2):
                    d.d[i] = d.d[i + 1] = b.d[i + (1 if op == SIMD_MOVSHDUP else 0)]


cdef void sums_of_differences(Vec *d, const Vec *a, const Vec *b, uint32_t imm,
                              uint32_t bytes) noexcept nogil:
    """MPSADBW: imm[2:0] for the low half, imm[5:3] for the high one."""
    cdef uint32_t i, k, u, base, from_a, from_b, sum
    cdef uint8_t x, y
    for u in range(bytes // 16):
        base = 16 * u
        from_a = base + (imm & 4)
        from_b = base + 4 * (imm & 3)
        for i in range(8):
            sum = 0
            for k in range(4):
                x = a.b[from_a + i + k]
                y = b.b[from_b + k]
                sum += x - y if x > y else y - x
            d.w[(base >> 1) + i] = <uint16_t>sum
        imm >>= 3


cdef void across(uint32_t op, Vec *d, const Vec *a, const Vec *b, uint32_t imm,
                 uint32_t bytes) noexcept nogil:
    """Operations whose lanes move between the halves, and those of one half only."""
    cdef uint32_t i, k, at
    if op == SIMD_PERMD:
        for i in range(8):
            d.d[i] = b.d[a.d[i] & 7]
    elif op == SIMD_PERMQI:
        for i in range(4):
            d.q[i] = b.q[(imm >> (2 * i)) & 3]
    elif op == SIMD_PERM2X128:
        for i in range(2):
            k = imm >> (4 * i)
            at = 2 * (k & 1)
            d.q[2 * i] = 0 if k & 8 else (b if k & 2 else a).q[at]
            d.q[2 * i + 1] = 0 if k & 8 else (b if k & 2 else a).q[at + 1]
    elif op == SIMD_PHMINPOSUW:
        k = 0
        for i in range(1, 8):
            if b.w[i] < b.w[k]:
                k = i
        d.q[0] = b.w[k] | (k << 16)
        d.q[1] = 0
    else:       # SIMD_INSERTPS
        d.q[0] = a.q[0]
        d.q[1] = a.q[1]
        d.d[(imm >> 4) & 3] = b.d[(imm >> 6) & 3]
        for i in range(4):
            if (imm >> i) & 1:
                d.d[i] = 0


cdef void simd_int(uint32_t op, Vec *d, const Vec *a, const Vec *b, uint32_t imm,
                   uint32_t bytes) noexcept nogil:
    cdef Vec r
    cdef uint32_t i, n = op & 3, kind = op & ~3u
    if op < SIMD_SLL:
        for i in range(bytes >> n):
            put(&r, n, i, lane2(kind, 8u << n, get(a, n, i), get(b, n, i), gets(a, n, i),
                                gets(b, n, i)))
    elif op < SIMD_SLLI:
        shift_all((kind - SIMD_SLL) >> 2, n, &r, a, b.q[0], bytes)
    elif op < SIMD_PACKS:
        shift_all((kind - SIMD_SLLI) >> 2, n, &r, b, imm, bytes)
    elif op < SIMD_UNPCKL:
        pack(kind == SIMD_PACKS, n, &r, a, b, bytes)
    elif op < SIMD_HADD:
        unpack(kind == SIMD_UNPCKH, n, &r, a, b, bytes)
    elif op < SIMD_BLENDI:
        horizontal(kind, n, &r, a, b, bytes)
    elif op < SIMD_BROADCAST:
        for i in range(bytes >> n):
            put(&r, n, i, get(b if (imm >> (i & 7)) & 1 else a, n, i))
    elif op < SIMD_MOVSX_B:
        for i in range(bytes >> n):
            put(&r, n, i, get(b, n, 0))
    elif op < SIMD_MOVZX_B:
        for i in range(bytes >> n):
            put(&r, n, i, <uint64_t>gets(b, (kind - SIMD_MOVSX_B) >> 2, i))
    elif op < SIMD_AND:
        for i in range(bytes >> n):
            put(&r, n, i, get(b, (kind - SIMD_MOVZX_B) >> 2, i))
    elif op <= SIMD_XOR:
        for i in range(bytes >> 3):
            if op == SIMD_AND:
                r.q[i] = a.q[i] & b.q[i]
            elif op == SIMD_ANDN:
                r.q[i] = ~a.q[i] & b.q[i]
            elif op == SIMD_OR:
                r.q[i] = a.q[i] | b.q[i]
            else:
                r.q[i] = a.q[i] ^ b.q[i]
    elif op <= SIMD_SADBW:
        multiply_add(op, &r, a, b, bytes)
    elif op == SIMD_MPSADBW:
        sums_of_differences(&r, a, b, imm, bytes)
    elif op == SIMD_PHMINPOSUW or op >= SIMD_PERMD:
        across(op, &r, a, b, imm, bytes)
    else:
        shuffle(op, &r, a, b, imm, bytes)
    memcpy(d, &r, bytes)


cdef void simd_blendv(Vec *d, const Vec *a, const Vec *b, const Vec *m, uint32_t n,
                      uint32_t bytes) noexcept nogil:
    cdef Vec r
    cdef uint32_t i
    for i in range(bytes >> n):
        put(&r, n, i, get(b if gets(m, n, i) < 0 else a, n, i))
    memcpy(d, &r, bytes)


cdef uint32_t simd_movmask(const Vec *b, uint32_t n, uint32_t bytes) noexcept nogil:
    cdef uint32_t i, r = 0
    for i in range(bytes >> n):
        r |= <uint32_t>(gets(b, n, i) < 0) << i
    return r


cdef uint32_t simd_test(const Vec *a, const Vec *b, uint32_t n, uint32_t bytes) noexcept nogil:
    cdef uint32_t i
    cdef uint64_t mask = 0xffffffffffffffffULL, both = 0, only = 0
    if n == 2:
        mask = 0x8000000080000000ULL
    elif n == 3:
        mask = 0x8000000000000000ULL
    for i in range(bytes >> 3):
        both |= a.q[i] & b.q[i] & mask
        only |= ~a.q[i] & b.q[i] & mask
    return (0u if both else 0x40u) | (0u if only else 1u)
