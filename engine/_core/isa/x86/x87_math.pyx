# Transcendental x87 functions. See x87_math.pxd.
#
# What lives here: 128-bit floating arithmetic (w_*, on Parts without special values), series, and
# the special cases of the manual's tables. Method: each function is x * g(x * x) with g near 1, and
# g is summed in fixed point by Horner's rule.

from libc.stdint cimport int32_t, uint8_t, uint64_t
from engine._core.base.int128 cimport (
    u128, u128_add, u128_clz, u128_div64, u128_is_zero, u128_lt, u128_make, u128_mul64, u128_shl,
    u128_shr, u128_sub,
)
from engine._core.fp.parts cimport (
    FC_INF, FC_NORMAL, FC_ZERO, fp_invalid, fp_is_nan, fp_nan1, fp_nan2, fp_note_denormal,
)
from engine._core.fp.status cimport FP_DZ, FP_NX


cdef inline u128 one() noexcept nogil:
    """1.0 in fixed point: all fixed-point numbers here are below 2, in units of 2^-127."""
    return u128_make(<uint64_t>1 << 63, 0)


cdef u128 multiply(u128 a, u128 b) noexcept nogil:
    """The high 128 bits of the product of two 128-bit numbers (less than 4 too small)."""
    cdef u128 high = u128_mul64(a.hi, b.hi), x = u128_mul64(a.hi, b.lo), y = u128_mul64(a.lo, b.hi)
    high = u128_add(high, u128_make(0, x.hi))
    high = u128_add(high, u128_make(0, y.hi))
    if x.lo + y.lo < x.lo:
        high = u128_add(high, u128_make(0, 1))
    return high


cdef inline u128 fx_mul(u128 a, u128 b) noexcept nogil:
    return u128_shl(multiply(a, b), 1)


cdef inline u128 fx_div(u128 a, uint64_t d) noexcept nogil:
    cdef uint64_t rest = a.hi % d
    return u128_make(a.hi // d, u128_div64(rest, a.lo, d, &rest))


cdef Parts w_make(uint32_t sign, int32_t exp, u128 sig) noexcept nogil:
    """sig / 2^127 * 2^exp, normalised."""
    cdef Parts r
    cdef uint64_t n
    r.sign = <uint8_t>sign
    r.denormal = 0
    r.cls = FC_ZERO if u128_is_zero(sig) else FC_NORMAL
    r.exp = 0
    r.sig = sig
    if r.cls == FC_NORMAL:
        n = u128_clz(sig)
        r.sig = u128_shl(sig, n)
        r.exp = exp - <int32_t>n
    return r


cdef Parts w_mul(const Parts *a, const Parts *b) noexcept nogil:
    return w_make(a.sign ^ b.sign, a.exp + b.exp + 1, multiply(a.sig, b.sig))


cdef Parts w_div(const Parts *a, const Parts *b) noexcept nogil:
    cdef u128 rest = a.sig, q = u128_make(0, 0)
    cdef bint carry = False
    cdef int _bit
    for _bit in range(128):
        q = u128_shl(q, 1)
        if carry or not u128_lt(rest, b.sig):
            rest = u128_sub(rest, b.sig)
            q.lo |= 1
        carry = (rest.hi >> 63) != 0
        rest = u128_shl(rest, 1)
    return w_make(a.sign ^ b.sign, a.exp - b.exp, q)


cdef Parts w_add(const Parts *a, const Parts *b, bint negate_b) noexcept nogil:
    """Loses up to a unit in the last of 127 bits; exact cancellation gives +0."""
    cdef const Parts *big = a
    cdef const Parts *small = b
    cdef uint32_t sign_a = a.sign, sign_b = b.sign ^ negate_b, sign
    cdef u128 x, y
    cdef uint64_t shift
    if a.cls == FC_ZERO:
        return w_make(sign_b, b.exp, b.sig)
    if b.cls == FC_ZERO:
        return w_make(sign_a, a.exp, a.sig)
    sign = sign_a
    if a.exp < b.exp or (a.exp == b.exp and u128_lt(a.sig, b.sig)):
        big = b
        small = a
        sign = sign_b
    shift = <uint64_t>(big.exp - small.exp)
    x = u128_shr(big.sig, 1)
    y = u128_shr(small.sig, shift + 1) if shift < 126 else u128_make(0, 0)
    x = u128_add(x, y) if sign_a == sign_b else u128_sub(x, y)
    return w_make(sign, big.exp + 1, x)


cdef inline Parts w_one() noexcept nogil:
    return w_make(0, 0, one())


cdef u128 w_fixed(const Parts *a) noexcept nogil:
    """|a| < 2 in fixed point."""
    if a.cls == FC_ZERO or a.exp < -126:
        return u128_make(0, 0)
    return u128_shr(a.sig, <uint64_t>(-a.exp))


cdef inline Parts w_pi_by(int32_t shift) noexcept nogil:
    """pi / 2^shift"""
    return w_make(0, 1 - shift, u128_make(0xc90fdaa22168c234ULL, 0xc4c6628b80dc1cd1ULL))


cdef void inexact(FPStatus *st, Parts *r) noexcept nogil:
    """A number that is not the exact value: let rounding see that."""
    st.flags |= FP_NX
    if r.cls == FC_NORMAL:
        r.sig.lo |= 1


cdef Parts times_series(const Parts *x, u128 g) noexcept nogil:
    cdef Parts factor = w_make(0, 0, g)
    return w_mul(x, &factor)


# ---- sine, cosine

cdef u128 square(const Parts *x) noexcept nogil:
    cdef u128 f = w_fixed(x)
    return fx_mul(f, f)


cdef inline u128 below_one(u128 p) noexcept nogil:
    """A factor that is less than 1 even where 128 bits cannot tell: directed rounding can."""
    return u128_sub(p, u128_make(0, 1)) if p.hi >> 63 else p


cdef Parts sine(const Parts *x) noexcept nogil:
    """|x| <= pi / 4"""
    cdef u128 z = square(x), p = one()
    cdef uint64_t k
    for k in range(28, 0, -2):
        p = u128_sub(one(), fx_div(fx_mul(z, p), k * (k + 1)))
    return times_series(x, below_one(p))


cdef Parts cosine(const Parts *x) noexcept nogil:
    cdef u128 z = square(x), p = one()
    cdef uint64_t k
    for k in range(27, 0, -2):
        p = u128_sub(one(), fx_div(fx_mul(z, p), k * (k + 1)))
    return w_make(0, 0, below_one(p))


cdef uint32_t reduce(const Parts *x, Parts *r) noexcept nogil:
    """r = |x| - n * pi / 2 with the 66-bit pi (Intel SDM vol. 1, 8.3.8), |r| <= pi / 4; n mod 4."""
    cdef u128 half_pi = u128_make(3, 0x243f6a8885a308d3ULL)     # in units of 2^-65
    cdef u128 rest = u128_make(0, 0)
    cdef int32_t i, count = x.exp + 66
    cdef uint32_t n = 0
    for i in range(count):
        rest = u128_shl(rest, 1)
        if i < 64 and (x.sig.hi >> (63 - i)) & 1:
            rest.lo |= 1
        n <<= 1
        if not u128_lt(rest, half_pi):
            rest = u128_sub(rest, half_pi)
            n |= 1
    if u128_lt(half_pi, u128_shl(rest, 1)):
        r[0] = w_make(1, 62, u128_sub(half_pi, rest))
        n += 1
    else:
        r[0] = w_make(0, 62, rest)
    return n & 3


cdef void sine_cosine(const Parts *x, Parts *s, Parts *c) noexcept nogil:
    cdef Parts r
    cdef uint32_t n = 0
    if x.exp < -1:
        r = x[0]
        r.sign = 0
    else:
        n = reduce(x, &r)
    s[0] = cosine(&r) if n & 1 else sine(&r)
    c[0] = sine(&r) if n & 1 else cosine(&r)
    if n & 2:
        s.sign ^= 1
    if n == 1 or n == 2:
        c.sign ^= 1
    s.sign ^= x.sign


# ---- logarithm, exponential, arc tangent

cdef Parts log2_of_ratio(const Parts *s) noexcept nogil:
    """2 / ln 2 * artanh(s), |s| <= 0.172"""
    cdef u128 z = square(s), p = u128_make(0, 0)
    cdef uint64_t k
    cdef Parts r, factor
    for k in range(61, 0, -2):
        p = u128_add(fx_div(one(), k), fx_mul(z, p))
    r = times_series(s, p)
    factor = w_make(0, 1, u128_make(0xb8aa3b295c17f0bbULL, 0xbe87fed0691d3e89ULL))
    return w_mul(&r, &factor)


cdef Parts logarithm(const Parts *x) noexcept nogil:
    """log2(x), x > 0"""
    cdef Parts m = x[0], lesser, greater, unit = w_one(), e
    cdef int32_t exp = x.exp
    m.sign = 0
    m.exp = 0
    if m.sig.hi > 0xb504f333f9de6484ULL:        # above the root of 2
        m.exp = -1
        exp += 1
    lesser = w_add(&m, &unit, True)
    e = w_make(exp < 0, 127, u128_make(0, <uint64_t>(-exp if exp < 0 else exp)))
    if lesser.cls == FC_ZERO:
        return e
    greater = w_add(&m, &unit, False)
    m = w_div(&lesser, &greater)
    m = log2_of_ratio(&m)
    return w_add(&e, &m, False)


cdef Parts logarithm_plus_one(const Parts *x) noexcept nogil:
    """log2(1 + x), x > -1"""
    cdef Parts two = w_make(0, 1, one()), s
    if x.exp >= -2:
        s = w_one()
        s = w_add(&s, x, False)
        return logarithm(&s)
    s = w_add(&two, x, False)
    s = w_div(x, &s)
    return log2_of_ratio(&s)


cdef Parts power_minus_one(const Parts *x) noexcept nogil:
    """2^x - 1, |x| <= 1"""
    cdef Parts y = w_make(0, -1, u128_make(0xb17217f7d1cf79abULL, 0xc9e3b39803f2f6afULL))
    cdef u128 f, p = one()
    cdef uint64_t k
    y = w_mul(x, &y)
    f = w_fixed(&y)
    for k in range(34, 1, -1):
        p = u128_sub(one(), fx_div(fx_mul(f, p), k)) if y.sign else \
            u128_add(one(), fx_div(fx_mul(f, p), k))
    return times_series(&y, p)


cdef Parts arc_tangent(const Parts *t) noexcept nogil:
    """0 < t <= 1"""
    cdef Parts x = t[0], half = w_make(0, -1, one()), a, b, unit = w_one()
    cdef u128 z, p = u128_make(0, 0)
    cdef uint64_t k
    cdef bint shifted = t.exp >= -2
    if shifted:         # arctan(1/2) + arctan((t - 1/2) / (1 + t/2))
        a = w_add(&x, &half, True)
        b = w_mul(&x, &half)
        b = w_add(&b, &unit, False)
        if a.cls == FC_ZERO:
            x = a
        else:
            x = w_div(&a, &b)
    z = square(&x)
    for k in range(67, 0, -2):
        p = u128_sub(fx_div(one(), k), fx_mul(z, p))
    if x.cls != FC_ZERO:
        x = times_series(&x, p if shifted else below_one(p))
    if shifted:
        a = w_make(0, -2, u128_make(0xed63382b0dda7b45ULL, 0x6fe445ecbc3a8d03ULL))
        x = w_add(&a, &x, False)
    return x


# ---- the instructions

cdef bint x87_math1(FPStatus *st, uint32_t which, const Parts *x, Parts *r,
                    Parts *s) noexcept nogil:
    cdef Parts c
    if fp_is_nan(x):
        fp_nan1(st, x, r)
        s[0] = r[0]
        return True
    if which == 0xf0:
        fp_note_denormal(st, x.denormal)
        r[0] = x[0]
        r.denormal = 0
        if x.cls == FC_INF:
            if x.sign:
                r[0] = w_make(1, 0, one())
        elif x.cls == FC_NORMAL and x.exp < 0:
            r[0] = power_minus_one(x)
            inexact(st, r)
        elif x.cls == FC_NORMAL:
            st.flags |= FP_NX
            if x.exp == 0 and x.sign and x.sig.hi == <uint64_t>1 << 63:
                r.exp = -1      # -1 gives -1/2; above 1 in magnitude the result is undefined
        return True
    if x.cls == FC_INF:
        fp_invalid(st, r)
        s[0] = r[0]
        return True
    if x.cls == FC_ZERO:
        s[0] = w_one()
        r[0] = x[0]
        if which == 0xff:
            r[0] = s[0]
        return True
    if x.exp >= 63:
        return False
    fp_note_denormal(st, x.denormal)
    sine_cosine(x, r, &c)
    inexact(st, r)
    inexact(st, &c)
    if which == 0xff:
        r[0] = c
    elif which == 0xfb:
        s[0] = c
    elif which == 0xf2:
        r[0] = w_div(r, &c)
        inexact(st, r)
        s[0] = w_one()
    return True


cdef void log_times(FPStatus *st, uint32_t which, const Parts *x, const Parts *y,
                    Parts *r) noexcept nogil:
    cdef bint plus_one = which == 0xf9
    cdef Parts log
    # The logarithm first: zero, infinite, or a number.
    if plus_one:
        log = x[0]
        if x.cls == FC_INF and x.sign:
            fp_invalid(st, r)
            return
    else:
        if x.sign and x.cls != FC_ZERO:
            fp_invalid(st, r)
            return
        log = x[0]
        if x.cls == FC_ZERO:
            if y.cls == FC_ZERO:
                fp_invalid(st, r)
                return
            log.cls = FC_INF
            log.sign = 1
            if y.cls == FC_NORMAL:
                st.flags |= FP_DZ
                r[0] = log
                r.sign = y.sign ^ 1
                return
        elif x.cls == FC_NORMAL:
            log = logarithm(x)
            log.sign = log.sign if log.cls == FC_NORMAL else 0
    if (log.cls == FC_INF and y.cls == FC_ZERO) or (log.cls == FC_ZERO and y.cls == FC_INF):
        fp_invalid(st, r)
        return
    fp_note_denormal(st, x.denormal | y.denormal)
    if log.cls == FC_NORMAL and y.cls == FC_NORMAL:
        if plus_one and x.sign and x.exp >= 0:
            r[0] = x[0]         # undefined; this is what AMD's processors give
            r.denormal = 0
            st.flags |= FP_NX
            return
        if plus_one:
            log = logarithm_plus_one(x)
        r[0] = w_mul(y, &log)
        st.flags |= FP_NX       # even where the value is exact
        if plus_one or x.sig.hi != <uint64_t>1 << 63:
            inexact(st, r)
        return
    r[0] = log if log.cls == FC_INF or log.cls == FC_ZERO else y[0]
    if y.cls == FC_INF or (y.cls == FC_ZERO and log.cls == FC_NORMAL):
        r[0] = y[0]
    r.sign = log.sign ^ y.sign
    r.denormal = 0


cdef void x87_math2(FPStatus *st, uint32_t which, const Parts *x, const Parts *y,
                    Parts *r) noexcept nogil:
    cdef Parts t, corner
    if fp_is_nan(x) or fp_is_nan(y):
        fp_nan2(st, x, y, r)
        return
    if which != 0xf3:
        log_times(st, which, x, y, r)
        return
    fp_note_denormal(st, x.denormal | y.denormal)
    if y.cls == FC_ZERO or (x.cls == FC_INF and y.cls != FC_INF):
        if x.sign:
            r[0] = w_pi_by(0)
            inexact(st, r)
        else:
            r[0] = w_make(0, 0, u128_make(0, 0))
    elif y.cls == FC_INF and x.cls == FC_INF:
        r[0] = w_pi_by(2)
        if x.sign:
            corner = w_pi_by(1)
            r[0] = w_add(r, &corner, False)
        inexact(st, r)
    elif y.cls == FC_INF or x.cls == FC_ZERO:
        r[0] = w_pi_by(1)
        inexact(st, r)
    else:
        t = w_div(y, x) if y.exp < x.exp or (y.exp == x.exp and not u128_lt(x.sig, y.sig)) \
            else w_div(x, y)
        t.sign = 0
        t = arc_tangent(&t)
        if y.exp > x.exp or (y.exp == x.exp and u128_lt(x.sig, y.sig)):
            corner = w_pi_by(1)
            t = w_add(&corner, &t, not x.sign)
        elif x.sign:
            corner = w_pi_by(0)
            t = w_add(&corner, &t, True)
        r[0] = t
        inexact(st, r)
    r.sign = y.sign
