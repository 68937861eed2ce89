# AES tables, key schedules and block functions; see aes.pxd. Source: FIPS-197, sections 4.2 (field
# arithmetic), 5.1.1 (S-box), 5.2 (key expansion), 5.3.5 (equivalent inverse cipher).
from libc.string cimport memcpy
from engine._core.base.bits cimport bswap32
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t
from engine._core.base.vec128 cimport V128, v_ext, v_ins, v_xor


cdef inline uint32_t load32(const uint8_t *p) noexcept nogil:
    return ((<uint32_t>p[0] << 24) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 8) |
            <uint32_t>p[3])


cdef inline void store32(uint8_t *p, uint32_t v) noexcept nogil:
    p[0] = <uint8_t>(v >> 24)
    p[1] = <uint8_t>(v >> 16)
    p[2] = <uint8_t>(v >> 8)
    p[3] = <uint8_t>v


cdef inline uint32_t rotr(uint32_t v, int n) noexcept nogil:
    return (v >> n) | (v << (32 - n))


cdef inline uint32_t lanes(uint32_t a, uint32_t b, uint32_t c, uint32_t d) noexcept nogil:
    return (a << 24) | (b << 16) | (c << 8) | d


cdef uint32_t field_mul(uint32_t a, uint32_t b) noexcept nogil:
    # product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 (4.2)
    cdef uint32_t product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 0x100:
            a ^= 0x11b
        b >>= 1
    return product


cdef void make_tables(AESTables *t) noexcept nogil:
    cdef uint32_t x, y, s, i, w, inverse
    for x in range(256):
        inverse = 0
        for y in range(1, 256):
            if field_mul(x, y) == 1:
                inverse = y
                break
        s = 0x63                                    # affine map of 5.1.1
        for i in range(5):
            s ^= (inverse << i) | (inverse >> (8 - i))
        t.sbox[x] = <uint8_t>s
        t.isbox[s & 0xff] = <uint8_t>x
    for i in range(16):
        t.shifts[i] = <uint8_t>((i + 4 * (i % 4)) % 16)
        t.ishifts[i] = <uint8_t>((i + 12 * (i % 4)) % 16)
    for x in range(256):
        s = t.sbox[x]
        w = lanes(field_mul(s, 2), s, s, field_mul(s, 3))
        for i in range(4):
            t.te[i][x] = rotr(w, <int>(8 * i)) if i else w
        t.te[4][x] = lanes(s, s, s, s)
        w = lanes(field_mul(x, 14), field_mul(x, 9), field_mul(x, 13), field_mul(x, 11))
        for i in range(4):
            t.imc[x][i] = rotr(w, <int>(8 * i)) if i else w
    for x in range(256):
        s = t.isbox[x]
        for i in range(4):
            t.td[i][x] = t.imc[s][i]
        t.td[4][x] = lanes(s, s, s, s)


cdef inline uint32_t sub_word(uint32_t w) noexcept nogil:
    return lanes(aes_tables.sbox[w >> 24], aes_tables.sbox[(w >> 16) & 0xff],
                 aes_tables.sbox[(w >> 8) & 0xff], aes_tables.sbox[w & 0xff])


cdef int aes_set_encrypt_key(const uint8_t *key, int bits, AESKey *ctx) noexcept nogil:
    cdef int words, i
    cdef uint32_t temp, rcon = 1
    if key == NULL or ctx == NULL:
        return -1
    if bits != 128 and bits != 192 and bits != 256:
        return -2
    words = bits // 32
    ctx.rounds = words + 6
    for i in range(words):
        ctx.rd_key[i] = load32(key + 4 * i)
    for i in range(words, 4 * (ctx.rounds + 1)):    # 5.2
        temp = ctx.rd_key[i - 1]
        if i % words == 0:
            temp = sub_word((temp << 8) | (temp >> 24)) ^ (rcon << 24)
            rcon = field_mul(rcon, 2)
        elif words > 6 and i % words == 4:
            temp = sub_word(temp)
        ctx.rd_key[i] = ctx.rd_key[i - words] ^ temp
    return 0


cdef int aes_set_decrypt_key(const uint8_t *key, int bits, AESKey *ctx) noexcept nogil:
    cdef int status = aes_set_encrypt_key(key, bits, ctx)
    cdef int i, j, k
    cdef uint32_t w
    if status:
        return status
    i = 0
    j = 4 * ctx.rounds
    while i < j:                                    # round keys in reverse order
        for k in range(4):
            w = ctx.rd_key[i + k]
            ctx.rd_key[i + k] = ctx.rd_key[j + k]
            ctx.rd_key[j + k] = w
        i += 4
        j -= 4
    for i in range(4, 4 * ctx.rounds):              # InvMixColumns of all but the first and last
        w = ctx.rd_key[i]
        ctx.rd_key[i] = (aes_tables.imc[w >> 24][0] ^ aes_tables.imc[(w >> 16) & 0xff][1] ^
                         aes_tables.imc[(w >> 8) & 0xff][2] ^ aes_tables.imc[w & 0xff][3])
    return 0


cdef inline uint32_t mix(uint32_t (*t)[256], uint32_t a, uint32_t b, uint32_t c,
                         uint32_t d) noexcept nogil:
    return t[0][a >> 24] ^ t[1][(b >> 16) & 0xff] ^ t[2][(c >> 8) & 0xff] ^ t[3][d & 0xff]


cdef inline uint32_t last(const uint32_t *t, uint32_t a, uint32_t b, uint32_t c,
                          uint32_t d) noexcept nogil:
    return ((t[a >> 24] & 0xff000000U) ^ (t[(b >> 16) & 0xff] & 0xff0000U) ^
            (t[(c >> 8) & 0xff] & 0xff00U) ^ (t[d & 0xff] & 0xffU))


cdef void aes_encrypt(const uint8_t *src, uint8_t *dst, const AESKey *ctx) noexcept nogil:
    cdef const uint32_t *rk = <const uint32_t *>ctx.rd_key
    cdef uint32_t s0 = load32(src) ^ rk[0]
    cdef uint32_t s1 = load32(src + 4) ^ rk[1]
    cdef uint32_t s2 = load32(src + 8) ^ rk[2]
    cdef uint32_t s3 = load32(src + 12) ^ rk[3]
    cdef uint32_t t0, t1, t2, t3
    cdef int _round
    for _round in range(1, ctx.rounds):
        rk += 4
        t0 = mix(aes_tables.te, s0, s1, s2, s3) ^ rk[0]
        t1 = mix(aes_tables.te, s1, s2, s3, s0) ^ rk[1]
        t2 = mix(aes_tables.te, s2, s3, s0, s1) ^ rk[2]
        t3 = mix(aes_tables.te, s3, s0, s1, s2) ^ rk[3]
        s0 = t0
        s1 = t1
        s2 = t2
        s3 = t3
    rk += 4
    store32(dst, last(aes_tables.te[4], s0, s1, s2, s3) ^ rk[0])
    store32(dst + 4, last(aes_tables.te[4], s1, s2, s3, s0) ^ rk[1])
    store32(dst + 8, last(aes_tables.te[4], s2, s3, s0, s1) ^ rk[2])
    store32(dst + 12, last(aes_tables.te[4], s3, s0, s1, s2) ^ rk[3])


cdef void aes_decrypt(const uint8_t *src, uint8_t *dst, const AESKey *ctx) noexcept nogil:
    cdef const uint32_t *rk = <const uint32_t *>ctx.rd_key
    cdef uint32_t s0 = load32(src) ^ rk[0]
    cdef uint32_t s1 = load32(src + 4) ^ rk[1]
    cdef uint32_t s2 = load32(src + 8) ^ rk[2]
    cdef uint32_t s3 = load32(src + 12) ^ rk[3]
    cdef uint32_t t0, t1, t2, t3
    cdef int _round
    for _round in range(1, ctx.rounds):
        rk += 4
        t0 = mix(aes_tables.td, s0, s3, s2, s1) ^ rk[0]
        t1 = mix(aes_tables.td, s1, s0, s3, s2) ^ rk[1]
        t2 = mix(aes_tables.td, s2, s1, s0, s3) ^ rk[2]
        t3 = mix(aes_tables.td, s3, s2, s1, s0) ^ rk[3]
        s0 = t0
        s1 = t1
        s2 = t2
        s3 = t3
    rk += 4
    store32(dst, last(aes_tables.td[4], s0, s3, s2, s1) ^ rk[0])
    store32(dst + 4, last(aes_tables.td[4], s1, s0, s3, s2) ^ rk[1])
    store32(dst + 8, last(aes_tables.td[4], s2, s1, s0, s3) ^ rk[2])
    store32(dst + 12, last(aes_tables.td[4], s3, s2, s1, s0) ^ rk[3])


cdef inline void xor_block(uint8_t *dst, const uint8_t *a, const uint8_t *b) noexcept nogil:
    cdef uint64_t x[2]
    cdef uint64_t y[2]
    memcpy(x, a, 16)
    memcpy(y, b, 16)
    x[0] ^= y[0]
    x[1] ^= y[1]
    memcpy(dst, x, 16)


cdef void aes_cbc_encrypt(const uint8_t *src, uint8_t *dst, uint64_t length, const AESKey *ctx,
                          uint8_t *iv, bint enc) noexcept nogil:
    cdef uint8_t block[16]
    cdef uint8_t saved[16]
    cdef uint64_t i
    while length >= 16:
        if enc:
            xor_block(block, src, iv)
            aes_encrypt(block, dst, ctx)
            memcpy(iv, dst, 16)
        else:
            memcpy(saved, src, 16)
            aes_decrypt(src, block, ctx)
            xor_block(dst, block, iv)
            memcpy(iv, saved, 16)
        src += 16
        dst += 16
        length -= 16
    if not length:
        return
    if enc:
        for i in range(length):
            iv[i] ^= src[i]
        aes_encrypt(iv, dst, ctx)
        memcpy(iv, dst, 16)
    else:
        memcpy(saved, src, 16)
        aes_decrypt(src, block, ctx)
        xor_block(block, block, iv)
        memcpy(dst, block, length)
        memcpy(iv, saved, 16)


make_tables(&aes_tables)


cdef V128 v_aes(V128 state, V128 key, uint32_t n) noexcept nogil:
    cdef V128 r = state
    cdef uint32_t i, k, w, x
    for i in range(4):
        w = 0
        for k in range(4):
            x = <uint32_t>v_ext(state, aes_tables.ishifts[4 * i + k] if n & 2
                                else aes_tables.shifts[4 * i + k], 0)
            if n & 1:
                w = w << 8 | (aes_tables.isbox[x] if n & 2 else aes_tables.sbox[x])
            else:
                w ^= aes_tables.td[k][x] if n & 2 else aes_tables.te[k][x]
        r = v_ins(r, bswap32(w), i, 2)
    return v_xor(r, key)
