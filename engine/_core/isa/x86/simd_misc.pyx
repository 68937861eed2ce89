# AES, PCLMULQDQ, SHA, CRC32 and the string compares of SSE4.2. See simd_misc.pxd.
#
# What lives here: one function an instruction group. Sources: Intel SDM vol. 2; FIPS 197, 180-4.

from libc.stdint cimport int8_t, int16_t
from engine._core.base.vec128 cimport V128, v_clmul, v_set
from engine._core.crypto.aes cimport aes_tables, v_aes


cdef inline uint32_t rol(uint32_t x, uint32_t n) noexcept nogil:
    return (x << n) | (x >> (32 - n))


cdef inline uint32_t ror(uint32_t x, uint32_t n) noexcept nogil:
    return (x >> n) | (x << (32 - n))


# Of each byte: eight steps of division by 0x11EDC6F41, bits reversed. Filled at import.
cdef uint32_t[256] crc_table


cdef void fill_crc_table() noexcept nogil:
    cdef uint32_t i, crc, _bit
    for i in range(256):
        crc = i
        for _bit in range(8):
            crc = (crc >> 1) ^ (0x82f63b78u & (0 - (crc & 1)))
        crc_table[i] = crc


fill_crc_table()


cdef inline uint32_t substitute(uint32_t x) noexcept nogil:
    return aes_tables.sbox[x & 255] | (<uint32_t>aes_tables.sbox[(x >> 8) & 255] << 8) \
        | (<uint32_t>aes_tables.sbox[(x >> 16) & 255] << 16) \
        | (<uint32_t>aes_tables.sbox[x >> 24] << 24)


cdef void put_big_endian(Vec *r, uint32_t column, uint32_t w) noexcept nogil:
    r.b[4 * column] = <uint8_t>(w >> 24)
    r.b[4 * column + 1] = <uint8_t>(w >> 16)
    r.b[4 * column + 2] = <uint8_t>(w >> 8)
    r.b[4 * column + 3] = <uint8_t>w


cdef void sha1_rounds(Vec *r, const Vec *a, const Vec *b, uint32_t which) noexcept nogil:
    """SHA1RNDS4: four rounds; b has the message words with E added to the first."""
    cdef uint32_t i, f, t, e = 0, k
    cdef uint32_t A = a.d[3], B = a.d[2], C = a.d[1], D = a.d[0]
    which &= 3
    k = 0x5a827999u if which == 0 else 0x6ed9eba1u if which == 1 else \
        0x8f1bbcdcu if which == 2 else 0xca62c1d6u
    for i in range(4):
        if which == 0:
            f = (B & C) ^ (~B & D)
        elif which == 2:
            f = (B & C) ^ (B & D) ^ (C & D)
        else:
            f = B ^ C ^ D
        t = f + rol(A, 5) + b.d[3 - i] + e + k
        e = D
        D = C
        C = rol(B, 30)
        B = A
        A = t
    r.d[3] = A
    r.d[2] = B
    r.d[1] = C
    r.d[0] = D


cdef void sha256_rounds(Vec *r, const Vec *a, const Vec *b, const Vec *wk) noexcept nogil:
    """SHA256RNDS2: two rounds; a is CDGH, b is ABEF."""
    cdef uint32_t i, t
    cdef uint32_t A = b.d[3], B = b.d[2], C = a.d[3], D = a.d[2]
    cdef uint32_t E = b.d[1], F = b.d[0], G = a.d[1], H = a.d[0]
    for i in range(2):
        t = ((E & F) ^ (~E & G)) + (ror(E, 6) ^ ror(E, 11) ^ ror(E, 25)) + wk.d[i] + H
        H = G
        G = F
        F = E
        E = t + D
        t += ((A & B) ^ (A & C) ^ (B & C)) + (ror(A, 2) ^ ror(A, 13) ^ ror(A, 22))
        D = C
        C = B
        B = A
        A = t
    r.d[3] = A
    r.d[2] = B
    r.d[1] = E
    r.d[0] = F


cdef inline uint32_t small_sigma0(uint32_t x) noexcept nogil:
    return ror(x, 7) ^ ror(x, 18) ^ (x >> 3)


cdef inline uint32_t small_sigma1(uint32_t x) noexcept nogil:
    return ror(x, 17) ^ ror(x, 19) ^ (x >> 10)


cdef void simd_misc(uint32_t op, Vec *d, const Vec *a, const Vec *b, const Vec *c,
                    uint32_t imm) noexcept nogil:
    cdef Vec r
    cdef uint32_t i, k, w
    cdef V128 v
    if op <= SMISC_AESDECLAST or op == SMISC_PCLMULQDQ:
        if op == SMISC_PCLMULQDQ:
            v = v_clmul(v_set(a.q[0], a.q[1]), v_set(b.q[0], b.q[1]), (imm & 1) | (imm >> 3 & 2))
        else:
            v = v_aes(v_set(a.q[0], a.q[1]), v_set(b.q[0], b.q[1]), op)
        r.q[0] = v.lo
        r.q[1] = v.hi
    elif op == SMISC_AESIMC:
        for i in range(4):
            w = 0
            for k in range(4):
                w ^= aes_tables.imc[b.b[4 * i + k]][k]
            put_big_endian(&r, i, w)
    elif op == SMISC_AESKEYGEN:
        for i in range(2):
            r.d[2 * i] = substitute(b.d[2 * i + 1])
            r.d[2 * i + 1] = ror(r.d[2 * i], 8) ^ (imm & 255)
    elif op == SMISC_SHA1RNDS4:
        sha1_rounds(&r, a, b, imm)
    elif op == SMISC_SHA1NEXTE:
        r.q[0] = b.q[0]
        r.q[1] = b.q[1]
        r.d[3] += rol(a.d[3], 30)
    elif op == SMISC_SHA1MSG1:
        r.q[1] = a.q[1] ^ a.q[0]
        r.q[0] = a.q[0] ^ b.q[1]
    elif op == SMISC_SHA1MSG2:
        r.d[3] = rol(a.d[3] ^ b.d[2], 1)
        r.d[2] = rol(a.d[2] ^ b.d[1], 1)
        r.d[1] = rol(a.d[1] ^ b.d[0], 1)
        r.d[0] = rol(a.d[0] ^ r.d[3], 1)
    elif op == SMISC_SHA256RNDS2:
        sha256_rounds(&r, a, b, c)
    elif op == SMISC_SHA256MSG1:
        for i in range(4):
            r.d[i] = a.d[i] + small_sigma0(a.d[i + 1] if i < 3 else b.d[0])
    else:       # SMISC_SHA256MSG2
        r.d[0] = a.d[0] + small_sigma1(b.d[2])
        r.d[1] = a.d[1] + small_sigma1(b.d[3])
        r.d[2] = a.d[2] + small_sigma1(r.d[0])
        r.d[3] = a.d[3] + small_sigma1(r.d[1])
    d.q[0] = r.q[0]
    d.q[1] = r.q[1]


cdef inline int64_t element(const Vec *v, uint32_t i, uint32_t imm) noexcept nogil:
    """imm[1:0]: unsigned bytes, unsigned words, signed bytes, signed words."""
    if imm & 1:
        return <int16_t>v.w[i] if imm & 2 else <int64_t>v.w[i]
    return <int8_t>v.b[i] if imm & 2 else <int64_t>v.b[i]


cdef uint32_t length_of(const Vec *v, int64_t given, uint32_t imm) noexcept nogil:
    cdef uint32_t i, count = 8 if imm & 1 else 16
    if given != SIMD_IMPLICIT:
        given = -given if given < 0 else given
        return <uint32_t>given if 0 <= given < count else count
    for i in range(count):
        if element(v, i, imm) == 0:
            return i
    return count


cdef uint32_t aggregate(const Vec *a, const Vec *b, uint32_t la, uint32_t lb,
                        uint32_t imm) noexcept nogil:
    """IntRes1: imm[3:2] is equal-any, ranges, equal-each or equal-ordered."""
    cdef uint32_t i, j, r = 0, count = 8 if imm & 1 else 16, how = (imm >> 2) & 3
    cdef bint hit
    cdef int64_t x
    for j in range(count):
        hit = False
        if how == 0 and j < lb:
            x = element(b, j, imm)
            for i in range(la):
                hit |= element(a, i, imm) == x
        elif how == 1 and j < lb:
            x = element(b, j, imm)
            for i in range(la >> 1):
                hit |= element(a, 2 * i, imm) <= x <= element(a, 2 * i + 1, imm)
        elif how == 2:
            hit = element(a, j, imm) == element(b, j, imm) if j < la and j < lb else \
                j >= la and j >= lb
        elif how == 3:
            hit = True
            for i in range(la):
                if i + j >= count:
                    break
                hit &= i + j < lb and element(a, i, imm) == element(b, i + j, imm)
        r |= <uint32_t>hit << j
    return r


cdef uint32_t simd_pcmpstr(const Vec *a, const Vec *b, int64_t la, int64_t lb, uint32_t imm,
                           Vec *mask, uint32_t *eflags) noexcept nogil:
    cdef uint32_t i, r, count = 8 if imm & 1 else 16, all_ones = 0xff if imm & 1 else 0xffff
    cdef uint32_t na = length_of(a, la, imm), nb = length_of(b, lb, imm), index = count
    r = aggregate(a, b, na, nb, imm)
    if imm & 0x10:      # negated: all, or where b is valid (imm[5])
        r ^= (<uint32_t>1 << nb) - 1 if imm & 0x20 else all_ones
    for i in range(count):
        if (r >> i) & 1:
            index = i
            if not imm & 0x40:
                break
    mask.q[0] = r
    mask.q[1] = 0
    if imm & 0x40:
        for i in range(count):
            if imm & 1:
                mask.w[i] = 0xffff if (r >> i) & 1 else 0
            else:
                mask.b[i] = 0xff if (r >> i) & 1 else 0
    eflags[0] = (1 if r else 0) | (0x40 if nb < count else 0) | (0x80 if na < count else 0) \
        | (0x800 if r & 1 else 0)
    return index


cdef uint32_t simd_crc32(uint32_t crc, uint64_t value, uint32_t bytes) noexcept nogil:
    cdef uint32_t i
    for i in range(bytes):
        crc = crc_table[(crc ^ <uint32_t>(value >> (8 * i))) & 255] ^ crc >> 8
    return crc
