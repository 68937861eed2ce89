# Exact arithmetic on unpacked numbers; see softmath.pxd.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from engine._core.base.bits cimport clz64
from engine._core.base.int128 cimport (
    u128, u128_add, u128_clz, u128_div64, u128_lt, u128_make, u128_mul64, u128_shl, u128_shr,
    u128_shr_lost, u128_sub,
)
from engine._core.fp.parts cimport (
    FC_INF, FC_NORMAL, FC_ZERO, Parts, fp_invalid, fp_is_nan, fp_nan1, fp_nan2, fp_nan3,
    fp_note_denormal,
)
from engine._core.fp.soft cimport FP_MA_HALVE, FP_MA_NEG_C, FP_MA_NEG_PRODUCT
from engine._core.fp.status cimport FPStatus, FP_DZ, FP_RDN


cdef void set_special(Parts *r, uint8_t cls, uint8_t sign) noexcept nogil:
    r.cls = cls
    r.sign = sign
    r.sig = u128_make(0, 0)
    r.exp = 0
    r.denormal = 0


cdef void set_normal(Parts *r, uint8_t sign, int32_t exp, u128 sig) noexcept nogil:
    r.cls = FC_NORMAL
    r.sign = sign
    r.exp = exp
    r.sig = sig
    r.denormal = 0


# ---- addition

cdef void add_magnitudes(const Parts *a, const Parts *b, Parts *r) noexcept nogil:
    """Two numbers of equal sign."""
    cdef const Parts *x = a
    cdef const Parts *y = b
    cdef u128 s, t
    cdef uint64_t d
    cdef bint lost
    if a.exp < b.exp:
        x = b
        y = a
    d = <uint64_t>(x.exp - y.exp)
    t = u128_shr(y.sig, d)
    lost = u128_shr_lost(y.sig, d)
    s = u128_add(x.sig, t)
    if u128_lt(s, t):       # carry
        lost = lost or (s.lo & 1)
        s = u128_shr(s, 1)
        s.hi |= 0x8000000000000000ULL
        set_normal(r, x.sign, x.exp + 1, s)
    else:
        set_normal(r, x.sign, x.exp, s)
    r.sig.lo |= 1 if lost else 0


cdef void sub_magnitudes(const Parts *a, const Parts *b, uint8_t sign, uint8_t zero_sign,
                         Parts *r) noexcept nogil:
    """|a| - |b| with a's sign `sign`; an exact zero gets `zero_sign`."""
    cdef const Parts *x = a
    cdef const Parts *y = b
    cdef u128 s, t
    cdef uint64_t d
    cdef int32_t exp
    cdef bint lost
    cdef int n
    if a.exp < b.exp or (a.exp == b.exp and u128_lt(a.sig, b.sig)):
        x = b
        y = a
        sign ^= 1
    d = <uint64_t>(x.exp - y.exp)
    exp = x.exp
    if d == 1:
        # The only distance at which all bits may cancel while one of y is shifted out: take
        # 2 x - y in 129 bits instead.
        t = u128_shl(x.sig, 1)
        s = u128_sub(t, y.sig)
        if u128_lt(t, y.sig):
            exp -= 1        # 2^128 of the doubled x went into the borrow
            lost = False
        else:
            lost = s.lo & 1
            s = u128_shr(s, 1)
            s.hi |= 0x8000000000000000ULL
    else:
        t = u128_shr(y.sig, d)
        lost = u128_shr_lost(y.sig, d)
        s = u128_sub(x.sig, t)
        if lost:
            # The true y is larger: truncate the difference, which stays nonzero (d >= 2).
            s = u128_sub(s, u128_make(0, 1))
    if (s.hi | s.lo) == 0:
        set_special(r, FC_ZERO, zero_sign)
        return
    n = <int>u128_clz(s)
    s = u128_shl(s, n)
    s.lo |= 1 if lost else 0
    set_normal(r, sign, exp - n, s)


cdef void add_numbers(const Parts *a, const Parts *b, uint8_t sign_b, uint8_t rm,
                      Parts *r) noexcept nogil:
    """Zeros and normals; b's sign replaced by sign_b."""
    # IEEE 754, 6.3: an exact zero sum of unlike signs is +0, or -0 when rounding down.
    cdef uint8_t zero_sign = 1 if rm == FP_RDN else 0
    if b.cls == FC_ZERO:
        if a.cls == FC_ZERO:
            set_special(r, FC_ZERO, a.sign if a.sign == sign_b else zero_sign)
        else:
            set_normal(r, a.sign, a.exp, a.sig)
    elif a.cls == FC_ZERO:
        set_normal(r, sign_b, b.exp, b.sig)
    elif a.sign == sign_b:
        add_magnitudes(a, b, r)
        r.sign = a.sign
    else:
        sub_magnitudes(a, b, a.sign, zero_sign, r)


cdef void parts_add(FPStatus *st, const Parts *a, const Parts *b, bint subtract, uint8_t rm,
                    Parts *r) noexcept nogil:
    cdef uint8_t sign_b = b.sign ^ <uint8_t>subtract
    if fp_is_nan(a) or fp_is_nan(b):
        fp_nan2(st, a, b, r)
        return
    if a.cls == FC_INF and b.cls == FC_INF and a.sign != sign_b:
        fp_invalid(st, r)
        return
    fp_note_denormal(st, a.denormal | b.denormal)
    if a.cls == FC_INF:
        set_special(r, FC_INF, a.sign)
    elif b.cls == FC_INF:
        set_special(r, FC_INF, sign_b)
    else:
        add_numbers(a, b, sign_b, rm, r)


# ---- multiplication and division

cdef void multiply(const Parts *a, const Parts *b, Parts *r) noexcept nogil:
    """Two normals; their significands are 64 bits, so the product is exact."""
    cdef u128 p = u128_mul64(a.sig.hi, b.sig.hi)
    cdef int32_t exp = a.exp + b.exp + 1
    if not (p.hi >> 63):
        p = u128_shl(p, 1)
        exp -= 1
    set_normal(r, a.sign ^ b.sign, exp, p)


cdef void parts_mul(FPStatus *st, const Parts *a, const Parts *b, Parts *r) noexcept nogil:
    cdef uint8_t sign = a.sign ^ b.sign
    if fp_is_nan(a) or fp_is_nan(b):
        fp_nan2(st, a, b, r)
        return
    if (a.cls == FC_INF and b.cls == FC_ZERO) or (a.cls == FC_ZERO and b.cls == FC_INF):
        fp_invalid(st, r)
        return
    fp_note_denormal(st, a.denormal | b.denormal)
    if a.cls == FC_INF or b.cls == FC_INF:
        set_special(r, FC_INF, sign)
    elif a.cls == FC_ZERO or b.cls == FC_ZERO:
        set_special(r, FC_ZERO, sign)
    else:
        multiply(a, b, r)


cdef void parts_div(FPStatus *st, const Parts *a, const Parts *b, Parts *r) noexcept nogil:
    cdef uint8_t sign = a.sign ^ b.sign
    cdef uint64_t n, n_low = 0, rem
    cdef u128 q
    cdef int32_t exp
    if fp_is_nan(a) or fp_is_nan(b):
        fp_nan2(st, a, b, r)
        return
    if a.cls == b.cls and a.cls != FC_NORMAL:       # 0 / 0, inf / inf
        fp_invalid(st, r)
        return
    if a.cls == FC_NORMAL and b.cls == FC_ZERO:
        # Goes before, and hides, a denormal operand (Intel SDM vol. 1, 4.9.2).
        st.flags |= FP_DZ
        set_special(r, FC_INF, sign)
        return
    fp_note_denormal(st, a.denormal | b.denormal)
    if a.cls == FC_INF:
        set_special(r, FC_INF, sign)
    elif a.cls == FC_ZERO or b.cls == FC_INF:
        set_special(r, FC_ZERO, sign)
    else:
        # A quotient in [1/2, 1) of 128 bits: 64, then 64 more from the remainder.
        n = a.sig.hi
        exp = a.exp - b.exp - 1
        if n >= b.sig.hi:
            n_low = n << 63
            n >>= 1
            exp += 1
        q.hi = u128_div64(n, n_low, b.sig.hi, &rem)
        q.lo = u128_div64(rem, 0, b.sig.hi, &rem)
        q.lo |= 1 if rem else 0
        set_normal(r, sign, exp, q)


# ---- remainder

cdef void parts_rem(FPStatus *st, const Parts *a, const Parts *b, bint truncate,
                    uint64_t *quotient, Parts *r) noexcept nogil:
    cdef uint64_t m, d, q
    cdef int32_t k, step
    cdef uint8_t sign = a.sign
    cdef bint up
    cdef int n
    if quotient != NULL:
        quotient[0] = 0
    if fp_is_nan(a) or fp_is_nan(b):
        fp_nan2(st, a, b, r)
        return
    if a.cls == FC_INF or b.cls == FC_ZERO:
        fp_invalid(st, r)
        return
    fp_note_denormal(st, a.denormal | b.denormal)
    if a.cls == FC_ZERO or b.cls == FC_INF:
        r[0] = a[0]
        r.denormal = 0
        return
    m = a.sig.hi
    d = b.sig.hi
    k = a.exp - b.exp       # a = m 2^k and b = d in units of b's last bit
    q = 0
    if k < -1 or (k < 0 and truncate):
        r[0] = a[0]         # |a| < |b| / 2, or |a| < |b|
        r.denormal = 0
        return
    if k >= 0:
        if m >= d:
            m -= d
            q = 1
        while k > 0:
            # Here m < d. Up to 64 quotient bits a step.
            step = 64 if k > 64 else k
            if step == 64:
                q = u128_div64(m, 0, d, &m)
            else:
                q = (q << step) + u128_div64(m >> (64 - step), m << step, d, &m)
            k -= step
        if not truncate:
            up = m > d - m or (m == d - m and (q & 1) != 0)
            if up:
                m = d - m
                sign ^= 1
                q += 1
        k = 0
    elif m > d:
        # k = -1: a lies in (b/2, b): q = 1, |a - b| = 2 d - m in units of half of b's last bit,
        # below 2^64 since m > d.
        m = d - (m - d)
        sign ^= 1
        q = 1
    if quotient != NULL:
        quotient[0] = q
    if m == 0:
        set_special(r, FC_ZERO, a.sign)
        return
    n = <int>clz64(m)
    set_normal(r, sign, b.exp + k - n, u128_make(m << n, 0))


# ---- square root

cdef uint64_t root32(uint64_t x, uint64_t *rem) noexcept nogil:
    """Floor of the square root of a 32-bit number, digit by digit."""
    cdef uint64_t root = 0, bit = 1 << 30
    while bit:
        if x >= root + bit:
            x -= root + bit
            root = (root >> 1) + bit
        else:
            root >>= 1
        bit >>= 2
    rem[0] = x
    return root


cdef uint64_t root64(uint64_t x, uint64_t *rem) noexcept nogil:
    """Floor of the square root of x >= 2^62, from that of its upper half (schoolbook long root in
    base 2^16: the next digit is the remainder divided by twice the root)."""
    cdef uint64_t r, s = root32(x >> 32, &r), q, u
    cdef int64_t left
    r = (r << 16) | ((x >> 16) & 0xffff)
    q = r // (2 * s)
    u = r % (2 * s)
    s = (s << 16) + q
    left = <int64_t>((u << 16) | (x & 0xffff)) - <int64_t>(q * q)
    if left < 0:
        left += <int64_t>(2 * s - 1)
        s -= 1
    rem[0] = <uint64_t>left
    return s


cdef uint64_t root128(u128 x, u128 *rem) noexcept nogil:
    """The same for x >= 2^126 in base 2^32; the remainder has up to 65 bits."""
    cdef uint64_t r, s = root64(x.hi, &r), q, u, digit
    cdef u128 left
    digit = x.lo >> 32
    q = u128_div64(r >> 32, (r << 32) | digit, 2 * s, &u)
    if q >> 32:
        q -= 1              # no digit: the root would not fit
        u += 2 * s
    left = u128_make(u >> 32, (u << 32) | (x.lo & 0xffffffffULL))
    left = u128_sub(left, u128_mul64(q, q))
    s = (s << 32) + q
    if left.hi >> 63:
        left = u128_add(left, u128_sub(u128_shl(u128_make(0, s), 1), u128_make(0, 1)))
        s -= 1
    rem[0] = left
    return s


cdef void parts_sqrt(FPStatus *st, const Parts *a, Parts *r) noexcept nogil:
    cdef u128 x, rem, root
    cdef int32_t exp
    if fp_is_nan(a):
        fp_nan1(st, a, r)
        return
    if a.cls == FC_ZERO:
        r[0] = a[0]
        return
    if a.sign:
        fp_invalid(st, r)
        return
    fp_note_denormal(st, a.denormal)
    if a.cls == FC_INF:
        set_special(r, FC_INF, 0)
        return
    # An even exponent leaves the significand in [1, 4), in [2^126, 2^128) as an integer; the root
    # of that is 64 bits with the integer bit on top.
    if a.exp & 1:
        x = a.sig
        exp = (a.exp - 1) // 2
    else:
        x = u128_shr(a.sig, 1)
        exp = a.exp // 2
    root.hi = root128(x, &rem)
    # The next bit of the root is 1 if (2 root + 1)^2 <= 4 x, that is, if rem > root. It is never
    # exact then: a square cannot end in an odd multiple of a quarter.
    root.lo = 0
    if rem.hi or rem.lo > root.hi:
        root.lo = 0x8000000000000001ULL
    elif rem.lo:
        root.lo = 1
    set_normal(r, 0, exp, root)


# ---- fused multiply-add

cdef void parts_muladd(FPStatus *st, const Parts *a, const Parts *b, const Parts *c, uint8_t how,
                       uint8_t rm, Parts *r) noexcept nogil:
    cdef uint8_t sign_p = a.sign ^ b.sign ^ (1 if how & FP_MA_NEG_PRODUCT else 0)
    cdef uint8_t sign_c = c.sign ^ (1 if how & FP_MA_NEG_C else 0)
    cdef bint inf_zero = ((a.cls == FC_INF and b.cls == FC_ZERO)
                          or (a.cls == FC_ZERO and b.cls == FC_INF))
    cdef Parts p
    if fp_is_nan(a) or fp_is_nan(b) or fp_is_nan(c):
        fp_nan3(st, a, b, c, inf_zero, r)
        return
    if inf_zero:
        fp_invalid(st, r)
        return
    if a.cls == FC_INF or b.cls == FC_INF:
        set_special(&p, FC_INF, sign_p)
    elif a.cls == FC_ZERO or b.cls == FC_ZERO:
        set_special(&p, FC_ZERO, sign_p)
    else:
        multiply(a, b, &p)
        p.sign = sign_p
    if p.cls == FC_INF and c.cls == FC_INF and sign_p != sign_c:
        fp_invalid(st, r)
        return
    fp_note_denormal(st, a.denormal | b.denormal | c.denormal)
    if p.cls == FC_INF:
        r[0] = p
    elif c.cls == FC_INF:
        set_special(r, FC_INF, sign_c)
    else:
        add_numbers(&p, c, sign_c, rm, r)
        if how & FP_MA_HALVE:
            r.exp -= 1
