# x87 instructions. See x87.pxd.
#
# What lives here: the register stack, exceptions and their responses, and each instruction's shape.
# Arithmetic is fp/'s exact software. Sources: Intel SDM vol. 1 chapter 8 and vol. 2; where these
# leave bits undefined, what the processor does (tests/isa/x86/test_native_x87.py compares).

from libc.stdint cimport int16_t, int32_t, int64_t
from libc.string cimport memcpy, memset
from engine._core.fp.parts cimport (
    FC_INF, FC_NORMAL, FC_QNAN, FC_SNAN, FC_ZERO, Parts, fp_is_nan, fp_nan1,
    fp_invalid, fp_nan2, fp_note_denormal, fp_pack, fp_unpack,
)
from engine._core.fp.soft cimport (
    FP_EQ, FP_INT_X86, FP_LT, FP_UNORDERED, Float80, soft_convert_to_f80,
    soft_from_int_f80, soft_integral_f80, soft_remainder_f80, soft_to_int_f80,
)
from engine._core.fp.softconv cimport parts_compare
from engine._core.fp.softmath cimport parts_add, parts_div, parts_mul, parts_sqrt
from engine._core.fp.status cimport (
    FP_DE, FP_DZ, FP_F32, FP_F64, FP_F80, FP_NAN_X87, FP_NV, FP_NX, FP_OF, FP_RDN, FP_RNE, FP_RTZ,
    FP_RUP, FP_UF, FPStatus, fp_status_init,
)
from engine._core.isa.x86.simd_fp cimport fp_flags_to_x86
from engine._core.isa.x86.x87_math cimport x87_math1, x87_math2


# Two-operand operations, in the order of ModRM's reg field in D8.
cdef enum:
    A_ADD = 0
    A_MUL = 1
    A_SUB = 4
    A_SUBR = 5
    A_DIV = 6
    A_DIVR = 7
    A_SQRT = 8

cdef enum:
    WRAP = 24576        # the exponent adjustment of unmasked overflow and underflow (SDM 8.5.4)


cdef inline Float80 f80(uint16_t exp, uint64_t sig) noexcept nogil:
    cdef Float80 r
    r.sig = sig
    r.exp = exp
    return r


cdef inline Float80 indefinite() noexcept nogil:
    return f80(0xffff, 0xc000000000000000ULL)


cdef inline uint32_t phys(const X87 *f, uint32_t i) noexcept nogil:
    return ((f.sw >> 11) + i) & 7


cdef inline bint empty(const X87 *f, uint32_t i) noexcept nogil:
    return not (f.valid >> phys(f, i)) & 1


cdef inline void put(X87 *f, uint32_t i, Float80 x) noexcept nogil:
    f.r[phys(f, i)].sig = x.sig
    f.r[phys(f, i)].exp = x.exp
    f.valid |= <uint8_t>(1 << phys(f, i))


cdef inline void set_top(X87 *f, uint32_t top) noexcept nogil:
    f.sw = <uint16_t>((f.sw & ~0x3800u) | ((top & 7) << 11))


cdef inline void pop(X87 *f) noexcept nogil:
    f.valid &= <uint8_t>~(1 << phys(f, 0))
    set_top(f, phys(f, 1))


cdef void x87_update_summary(X87 *f) noexcept nogil:
    if f.sw & ~f.cw & 0x3f:
        f.sw |= X87_ES | X87_B
    else:
        f.sw &= ~(X87_ES | X87_B)


cdef bint signal(X87 *f, uint32_t flags) noexcept nogil:
    """Set exception flags (and SF); is one of them unmasked?"""
    f.sw |= <uint16_t>flags
    if flags & ~f.cw & 0x3f:
        f.sw |= X87_ES | X87_B
        return True
    return False


cdef inline void set_cc(X87 *f, uint32_t bits) noexcept nogil:
    f.sw = <uint16_t>((f.sw & ~<uint32_t>X87_CC) | bits)


cdef bint underflow(X87 *f) noexcept nogil:
    """Stack underflow. True if unmasked: do nothing more."""
    f.sw &= ~X87_C1
    return signal(f, X87_IE | X87_SF)


cdef void push(X87 *f, Float80 x) noexcept nogil:
    if not empty(f, 7):
        f.sw |= X87_C1
        if signal(f, X87_IE | X87_SF):
            return
        x = indefinite()
    else:
        f.sw &= ~X87_C1
    set_top(f, phys(f, 7))
    put(f, 0, x)


cdef void status(const X87 *f, FPStatus *st, bint narrow) noexcept nogil:
    """Rounding control, and precision control if the instruction obeys it (SDM 8.1.5.2)."""
    cdef uint32_t rc = (f.cw >> 10) & 3, pc = (f.cw >> 8) & 3
    fp_status_init(st, FP_NAN_X87)
    st.rounding = FP_RNE if rc == 0 else FP_RDN if rc == 1 else FP_RUP if rc == 2 else FP_RTZ
    if narrow:
        st.x87_precision = 32 if pc == 0 else 64 if pc == 2 else 80


cdef inline bint larger(Float80 a, Float80 b) noexcept nogil:
    """|a| > |b|"""
    return (a.exp & 0x7fff) > (b.exp & 0x7fff) or \
        ((a.exp & 0x7fff) == (b.exp & 0x7fff) and a.sig > b.sig)


cdef bint deliver(X87 *f, uint32_t i, FPStatus *st, Parts *p) noexcept nogil:
    """Round p into ST(i) after the flags in st: the end of every arithmetic instruction.

    FP_NX in st says that the result counts as inexact even if p is not rounded.
    False: an exception found before computing is unmasked, nothing changed but the flags.
    """
    cdef Float80 x, cut
    cdef uint8_t rm = st.rounding
    cdef uint32_t flags, forced = X87_PE if st.flags & FP_NX else 0
    if signal(f, fp_flags_to_x86(st.flags & ~FP_NX)):
        f.sw &= ~X87_C1
        return False
    st.flags = 0
    x = fp_pack(st, FP_F80, p, rm)
    flags = fp_flags_to_x86(st.flags) | forced
    if p.cls == FC_NORMAL:
        if not f.cw & X87_UE and (x.exp & 0x7fff) == 0:
            flags |= X87_UE             # tiny and exact counts when it is not masked
        if flags & ~f.cw & (X87_OE | X87_UE):
            p.exp += WRAP if flags & X87_UE else -WRAP
            st.flags = 0
            x = fp_pack(st, FP_F80, p, rm)
            flags = (flags & (X87_OE | X87_UE)) | fp_flags_to_x86(st.flags) | forced
            if st.flags & (FP_OF | FP_UF):
                # Too far out even so (FSCALE): infinity or zero.
                x = f80((x.exp & 0x8000) | (0x7fff if flags & X87_OE else 0),
                        0x8000000000000000ULL if flags & X87_OE else 0)
    f.sw &= ~X87_C1
    if flags & X87_PE:
        cut = fp_pack(st, FP_F80, p, FP_RTZ)
        if larger(x, cut):
            f.sw |= X87_C1
    signal(f, flags)
    put(f, i, x)
    return True


cdef bint arith(X87 *f, uint32_t op, uint32_t i, FPStatus *st, const Parts *x,
                const Parts *y) noexcept nogil:
    """ST(i) = x op y. False if nothing was stored."""
    cdef Parts r
    if op == A_ADD:
        parts_add(st, x, y, False, st.rounding, &r)
    elif op == A_MUL:
        parts_mul(st, x, y, &r)
    elif op == A_SUB:
        parts_add(st, x, y, True, st.rounding, &r)
    elif op == A_SUBR:
        parts_add(st, y, x, True, st.rounding, &r)
    elif op == A_DIV:
        parts_div(st, x, y, &r)
    elif op == A_DIVR:
        parts_div(st, y, x, &r)
    else:
        parts_sqrt(st, x, &r)
    return deliver(f, i, st, &r)


cdef bint binary(X87 *f, uint32_t op, uint32_t dst, uint32_t a, uint32_t b) noexcept nogil:
    """ST(dst) = ST(a) op ST(b)."""
    cdef FPStatus st
    cdef Parts x, y
    if empty(f, a) or empty(f, b):
        if underflow(f):
            return False
        put(f, dst, indefinite())
        return True
    status(f, &st, True)
    fp_unpack(&st, FP_F80, f.r[phys(f, a)], &x)
    fp_unpack(&st, FP_F80, f.r[phys(f, b)], &y)
    return arith(f, op, dst, &st, &x, &y)


cdef Float80 loaded(uint32_t kind, const uint8_t *mem, FPStatus *st) noexcept nogil:
    """A memory operand: 0 float, 1 int32, 2 double, 3 int16, 4 int64."""
    cdef uint32_t w = 0
    cdef uint64_t q = 0
    cdef int64_t v
    if kind == 0:
        memcpy(&w, mem, 4)
        return soft_convert_to_f80(st, FP_F32, w, FP_RNE)
    elif kind == 2:
        memcpy(&q, mem, 8)
        return soft_convert_to_f80(st, FP_F64, q, FP_RNE)
    elif kind == 1:
        memcpy(&w, mem, 4)
        v = <int32_t>w
    elif kind == 3:
        memcpy(&w, mem, 2)
        v = <int16_t>w
    else:
        memcpy(&q, mem, 8)
        v = <int64_t>q
    return soft_from_int_f80(st, v < 0, 0 - <uint64_t>v if v < 0 else <uint64_t>v, FP_RNE)


cdef void operand(uint32_t kind, const uint8_t *mem, Parts *p) noexcept nogil:
    """A memory operand of arithmetic: as the instruction sees it, sNaN and denormal included."""
    cdef FPStatus st
    cdef Float80 raw
    fp_status_init(&st, FP_NAN_X87)
    raw = f80(0, 0)
    if kind == 0:
        memcpy(&raw.sig, mem, 4)
        fp_unpack(&st, FP_F32, raw, p)
    elif kind == 2:
        memcpy(&raw.sig, mem, 8)
        fp_unpack(&st, FP_F64, raw, p)
    else:
        raw = loaded(kind, mem, &st)
        fp_unpack(&st, FP_F80, raw, p)


cdef void memory_arith(X87 *f, uint32_t op, uint32_t kind, const uint8_t *mem) noexcept nogil:
    """ST(0) = ST(0) op memory."""
    cdef FPStatus st
    cdef Parts x, y
    if empty(f, 0):
        if not underflow(f):
            put(f, 0, indefinite())
        return
    status(f, &st, True)
    fp_unpack(&st, FP_F80, f.r[phys(f, 0)], &x)
    operand(kind, mem, &y)
    arith(f, op, 0, &st, &x, &y)


cdef bint compare(X87 *f, const Parts *x, const Parts *y, bint quiet,
                  uint32_t *eflags) noexcept nogil:
    """Condition codes (eflags NULL) or ZF, PF, CF. False: unmasked exception, do not pop."""
    cdef FPStatus st
    cdef int r
    cdef uint32_t bits
    cdef bint done
    status(f, &st, False)
    r = parts_compare(&st, x, y, not quiet)
    if eflags == NULL:
        f.sw &= ~X87_C1
    done = not signal(f, fp_flags_to_x86(st.flags))
    if eflags != NULL:
        bits = 0x45 if r == FP_UNORDERED else 1 if r == FP_LT else 0x40 if r == FP_EQ else 0
        eflags[0] = (eflags[0] & ~<uint32_t>0x8d5) | bits
    else:
        set_cc(f, (X87_C3 | X87_C2 | X87_C0) if r == FP_UNORDERED else X87_C0 if r == FP_LT else
               X87_C3 if r == FP_EQ else 0)
    return done


cdef bint compare_st(X87 *f, uint32_t i, bint quiet, uint32_t *eflags) noexcept nogil:
    cdef FPStatus st
    cdef Parts x, y
    if empty(f, 0) or empty(f, i):
        return compare_empty(f, eflags)
    status(f, &st, False)
    fp_unpack(&st, FP_F80, f.r[phys(f, 0)], &x)
    fp_unpack(&st, FP_F80, f.r[phys(f, i)], &y)
    return compare(f, &x, &y, quiet, eflags)


cdef bint compare_empty(X87 *f, uint32_t *eflags) noexcept nogil:
    cdef bint done = not underflow(f)
    if eflags != NULL:
        eflags[0] = (eflags[0] & ~<uint32_t>0x8d5) | 0x45
    else:
        set_cc(f, X87_C3 | X87_C2 | X87_C0)
    return done


cdef bint memory_compare(X87 *f, uint32_t kind, const uint8_t *mem) noexcept nogil:
    cdef FPStatus st
    cdef Parts x, y
    if empty(f, 0):
        return compare_empty(f, NULL)
    status(f, &st, False)
    fp_unpack(&st, FP_F80, f.r[phys(f, 0)], &x)
    operand(kind, mem, &y)
    return compare(f, &x, &y, False, NULL)


cdef void load(X87 *f, uint32_t kind, const uint8_t *mem) noexcept nogil:
    """FLD m32/m64 and FILD."""
    cdef FPStatus st
    cdef Float80 x
    status(f, &st, False)
    if not empty(f, 7):
        push(f, indefinite())       # stack overflow comes before what is wrong with the operand
        return
    x = loaded(kind, mem, &st)
    f.sw &= ~X87_C1
    if signal(f, fp_flags_to_x86(st.flags)) and st.flags & FP_NV:
        return
    push(f, x)      # a denormal is loaded even if it raises an unmasked exception


cdef bint store_float(X87 *f, uint8_t fmt, uint8_t *mem) noexcept nogil:
    """FST m32/m64. False: not stored."""
    cdef FPStatus st
    cdef Parts p, q
    cdef Float80 x, cut
    cdef uint32_t flags, size = 4 if fmt == FP_F32 else 8
    cdef uint64_t tiny = 0x7f800000u if fmt == FP_F32 else 0x7ff0000000000000ULL
    f.sw &= ~X87_C1
    status(f, &st, False)
    if empty(f, 0):
        if underflow(f):
            return False
        x.sig = 0xffc00000u if fmt == FP_F32 else 0xfff8000000000000ULL
        memcpy(mem, &x.sig, size)
        return True
    fp_unpack(&st, FP_F80, f.r[phys(f, 0)], &p)
    if fp_is_nan(&p):
        fp_nan1(&st, &p, &q)
        p = q
    x = fp_pack(&st, fmt, &p, st.rounding)
    flags = fp_flags_to_x86(st.flags)
    if p.cls == FC_NORMAL and not f.cw & X87_UE and (x.sig & tiny) == 0:
        flags |= X87_UE
    if flags & ~f.cw & (X87_IE | X87_OE | X87_UE):
        signal(f, flags & (X87_IE | X87_OE | X87_UE))
        return False
    if flags & X87_PE:
        cut = fp_pack(&st, fmt, &p, FP_RTZ)
        if x.sig > cut.sig:
            f.sw |= X87_C1
    signal(f, flags)
    memcpy(mem, &x.sig, size)
    return True


cdef bint store_int(X87 *f, uint32_t bits, bint truncate, uint8_t *mem) noexcept nogil:
    """FIST, FISTTP."""
    cdef FPStatus st
    cdef uint64_t r, cut
    cdef uint32_t flags
    cdef Float80 x = f.r[phys(f, 0)]
    f.sw &= ~X87_C1
    status(f, &st, False)
    r = <uint64_t>1 << (bits - 1)
    if empty(f, 0):
        if underflow(f):
            return False
        memcpy(mem, &r, bits >> 3)
        return True
    r = soft_to_int_f80(&st, x, True, bits, FP_RTZ if truncate else st.rounding, FP_INT_X86)
    flags = fp_flags_to_x86(st.flags & ~FP_DE)
    if flags & ~f.cw & X87_IE:
        signal(f, X87_IE)
        return False
    if flags & X87_PE:
        cut = soft_to_int_f80(&st, x, True, bits, FP_RTZ, FP_INT_X86)
        if r != cut:
            f.sw |= X87_C1
    signal(f, flags)
    memcpy(mem, &r, bits >> 3)
    return True


cdef void load_bcd(X87 *f, const uint8_t *mem) noexcept nogil:
    cdef FPStatus st
    cdef uint64_t v = 0
    cdef int i
    cdef Float80 x
    for i in range(8, -1, -1):
        v = v * 100 + (mem[i] >> 4) * 10 + (mem[i] & 15)
    status(f, &st, False)
    x = soft_from_int_f80(&st, False, v, FP_RNE)
    if mem[9] & 0x80:
        x.exp |= 0x8000
    push(f, x)


cdef bint store_bcd(X87 *f, uint8_t *mem) noexcept nogil:
    cdef FPStatus st
    cdef uint64_t v, cut
    cdef uint32_t i, flags
    cdef Float80 x = f.r[phys(f, 0)]
    cdef bint bad = empty(f, 0)
    f.sw &= ~X87_C1
    status(f, &st, False)
    v = 0
    if bad:
        if underflow(f):
            return False
    else:
        v = soft_to_int_f80(&st, x, True, 64, st.rounding, FP_INT_X86)
        if <int64_t>v < 0:
            v = 0 - v
        flags = fp_flags_to_x86(st.flags & ~FP_DE)
        if flags & X87_IE or v > 999999999999999999ULL:
            bad = True
            if signal(f, X87_IE):
                return False
        else:
            if flags & X87_PE:
                cut = soft_to_int_f80(&st, x, True, 64, FP_RTZ, FP_INT_X86)
                if <int64_t>cut < 0:
                    cut = 0 - cut
                if v != cut:
                    f.sw |= X87_C1
            signal(f, flags)
    if bad:
        memset(mem, 0, 7)
        mem[7] = 0xc0
        mem[8] = mem[9] = 0xff
        return True
    for i in range(9):
        mem[i] = <uint8_t>((v % 10) | (v // 10 % 10) << 4)
        v //= 100
    mem[9] = 0x80 if x.exp & 0x8000 else 0
    return True


cdef void examine(X87 *f) noexcept nogil:
    """FXAM."""
    cdef FPStatus st
    cdef Parts p
    cdef Float80 x = f.r[phys(f, 0)]
    cdef uint32_t cc = X87_C1 if x.exp & 0x8000 else 0
    status(f, &st, False)
    fp_unpack(&st, FP_F80, x, &p)
    if empty(f, 0):
        cc |= X87_C3 | X87_C0
    elif p.cls == FC_ZERO:
        cc |= X87_C3
    elif p.cls == FC_INF:
        cc |= X87_C2 | X87_C0
    elif p.cls == FC_QNAN or p.cls == FC_SNAN:
        cc |= X87_C0
    elif p.cls == FC_NORMAL:
        cc |= (X87_C3 | X87_C2) if (x.exp & 0x7fff) == 0 else X87_C2
    set_cc(f, cc)


cdef void remainder(X87 *f, bint truncate) noexcept nogil:
    """FPREM, FPREM1: always complete below an exponent difference of 64, else one step (SDM)."""
    cdef FPStatus st
    cdef Float80 a = f.r[phys(f, 0)], b = f.r[phys(f, 1)], c, r
    cdef Parts x, y
    cdef uint64_t q = 0
    cdef int32_t difference, n
    cdef uint32_t cc = 0
    f.sw &= ~X87_C2
    if empty(f, 0) or empty(f, 1):
        if not underflow(f):
            put(f, 0, indefinite())
        return
    status(f, &st, False)
    fp_unpack(&st, FP_F80, a, &x)
    fp_unpack(&st, FP_F80, b, &y)
    difference = x.exp - y.exp
    if x.cls == FC_NORMAL and y.cls == FC_NORMAL and difference >= 64:
        # A multiple of b that leaves an exponent smaller by n (32 to 63): FPREM's partial step.
        n = (difference & 31) | 32
        fp_note_denormal(&st, x.denormal | y.denormal)
        if signal(f, fp_flags_to_x86(st.flags)):
            f.sw &= ~X87_C1
            return
        y.exp += difference - n
        c = fp_pack(&st, FP_F80, &y, FP_RNE)
        r = soft_remainder_f80(&st, a, c, True, &q)
        cc = X87_C2
    else:
        r = soft_remainder_f80(&st, a, b, truncate, &q)
        cc = (X87_C0 if q & 4 else 0) | (X87_C3 if q & 2 else 0) | (X87_C1 if q & 1 else 0)
        if signal(f, fp_flags_to_x86(st.flags & ~(FP_UF | FP_NX))):
            f.sw &= ~X87_C1
            return
        if st.flags & FP_NV or fp_is_nan(&x) or fp_is_nan(&y):
            cc = f.sw & (X87_C0 | X87_C2 | X87_C3)
    if (r.exp & 0x7fff) == 0 and r.sig and not f.cw & X87_UE:
        fp_unpack(&st, FP_F80, r, &x)
        x.exp += WRAP
        r = fp_pack(&st, FP_F80, &x, FP_RNE)
        signal(f, X87_UE)
    set_cc(f, cc)
    put(f, 0, r)


cdef void round_to_integer(X87 *f) noexcept nogil:
    cdef FPStatus st
    cdef Float80 a = f.r[phys(f, 0)], r
    if empty(f, 0):
        if not underflow(f):
            put(f, 0, indefinite())
        return
    status(f, &st, False)
    r = soft_integral_f80(&st, a, st.rounding, True)
    f.sw &= ~X87_C1
    if signal(f, fp_flags_to_x86(st.flags & ~FP_NX)):
        return
    if st.flags & FP_NX:
        if larger(r, a):
            f.sw |= X87_C1
        signal(f, X87_PE)
    put(f, 0, r)


cdef void scale(X87 *f) noexcept nogil:
    """FSCALE: ST(0) times 2 to the power of ST(1) truncated."""
    cdef FPStatus st
    cdef Parts x, y, r
    cdef int64_t n
    if empty(f, 0) or empty(f, 1):
        if not underflow(f):
            put(f, 0, indefinite())
        return
    status(f, &st, False)
    fp_unpack(&st, FP_F80, f.r[phys(f, 0)], &x)
    fp_unpack(&st, FP_F80, f.r[phys(f, 1)], &y)
    if fp_is_nan(&x) or fp_is_nan(&y):
        fp_nan2(&st, &x, &y, &r)
    else:
        r = x
        r.denormal = 0
        if y.cls == FC_INF:
            if x.cls == (FC_INF if y.sign else FC_ZERO):
                fp_invalid(&st, &r)
            else:
                fp_note_denormal(&st, x.denormal)
                r.cls = FC_ZERO if y.sign else FC_INF
                if x.cls == FC_INF or x.cls == FC_ZERO:
                    r.cls = x.cls
        else:
            fp_note_denormal(&st, x.denormal | y.denormal)
            if x.cls == FC_NORMAL and y.cls == FC_NORMAL:
                n = 0
                if y.exp >= 17:
                    n = 0x20000
                elif y.exp >= 0:
                    n = <int64_t>(y.sig.hi >> (63 - y.exp))
                r.exp += <int32_t>(-n if y.sign else n)
    deliver(f, 0, &st, &r)


cdef void extract(X87 *f) noexcept nogil:
    """FXTRACT: the exponent to ST(0), the significand pushed."""
    cdef FPStatus st
    cdef Parts x, r
    cdef Float80 e, s
    if empty(f, 0) or not empty(f, 7):
        if empty(f, 0):
            f.sw &= ~X87_C1
        else:
            f.sw |= X87_C1
        if not signal(f, X87_IE | X87_SF):
            put(f, 0, indefinite())
            set_top(f, phys(f, 7))
            put(f, 0, indefinite())
        return
    status(f, &st, False)
    fp_unpack(&st, FP_F80, f.r[phys(f, 0)], &x)
    if fp_is_nan(&x):
        fp_nan1(&st, &x, &r)
        e = s = fp_pack(&st, FP_F80, &r, FP_RNE)
    elif x.cls == FC_INF:
        s = f.r[phys(f, 0)]
        e = f80(0x7fff, 0x8000000000000000ULL)
    elif x.cls == FC_ZERO:
        st.flags |= FP_DZ
        s = f.r[phys(f, 0)]
        e = f80(0xffff, 0x8000000000000000ULL)
    else:
        fp_note_denormal(&st, x.denormal)
        e = soft_from_int_f80(&st, x.exp < 0, <uint64_t>(-x.exp if x.exp < 0 else x.exp), FP_RNE)
        x.exp = 0
        s = fp_pack(&st, FP_F80, &x, FP_RNE)
    f.sw &= ~X87_C1
    if signal(f, fp_flags_to_x86(st.flags)):
        return
    put(f, 0, e)
    set_top(f, phys(f, 7))
    put(f, 0, s)


cdef void load_constant(X87 *f, uint32_t which) noexcept nogil:
    """FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ, rounded as RC says (SDM 8.3.8)."""
    cdef uint32_t rc = (f.cw >> 10) & 3
    cdef uint64_t down = 1 if rc == 1 or rc == 3 else 0, up = 1 if rc == 2 else 0
    if which == 0:
        push(f, f80(0x3fff, 0x8000000000000000ULL))
    elif which == 1:
        push(f, f80(0x4000, 0xd49a784bcd1b8afeULL + up))
    elif which == 2:
        push(f, f80(0x3fff, 0xb8aa3b295c17f0bcULL - down))
    elif which == 3:
        push(f, f80(0x4000, 0xc90fdaa22168c235ULL - down))
    elif which == 4:
        push(f, f80(0x3ffd, 0x9a209a84fbcff799ULL - down))
    elif which == 5:
        push(f, f80(0x3ffe, 0xb17217f7d1cf79acULL - down))
    else:
        push(f, f80(0, 0))


cdef void change_sign(X87 *f, bint absolute) noexcept nogil:
    cdef Float80 x = f.r[phys(f, 0)]
    if empty(f, 0):
        if not underflow(f):
            put(f, 0, indefinite())
        return
    f.sw &= ~X87_C1
    x.exp = x.exp & 0x7fff if absolute else x.exp ^ 0x8000
    put(f, 0, x)


cdef void exchange(X87 *f, uint32_t i) noexcept nogil:
    cdef Float80 x = f.r[phys(f, 0)], y = f.r[phys(f, i)]
    f.sw &= ~X87_C1
    if empty(f, 0) or empty(f, i):
        if underflow(f):
            return
        if empty(f, 0):
            x = indefinite()
        if empty(f, i):
            y = indefinite()
    put(f, 0, y)
    put(f, i, x)


cdef void move_if(X87 *f, uint32_t i, bint condition) noexcept nogil:
    """FCMOVcc."""
    if empty(f, 0) or empty(f, i):
        if not underflow(f):
            put(f, 0, indefinite())
        return
    if condition:
        put(f, 0, f.r[phys(f, i)])


cdef bint store_register(X87 *f, uint32_t i) noexcept nogil:
    """FST ST(i)."""
    f.sw &= ~X87_C1
    if empty(f, 0):
        if underflow(f):
            return False
        put(f, i, indefinite())
        return True
    put(f, i, f.r[phys(f, 0)])
    return True


cdef void no_operand(X87 *f, uint32_t modrm) noexcept nogil:
    """D9 D0 (nothing to do), D9 E0..FF."""
    if modrm == 0xe0 or modrm == 0xe1:
        change_sign(f, modrm == 0xe1)
    elif modrm == 0xe4:
        if empty(f, 0):
            compare_empty(f, NULL)
        else:
            test_zero(f)
    elif modrm == 0xe5:
        examine(f)
    elif 0xe8 <= modrm <= 0xee:
        load_constant(f, modrm - 0xe8)
    elif modrm == 0xf4:
        extract(f)
    elif modrm == 0xf5 or modrm == 0xf8:
        remainder(f, modrm == 0xf8)
    elif modrm == 0xf6 or modrm == 0xf7:
        f.sw &= ~X87_C1
        set_top(f, phys(f, 7 if modrm == 0xf6 else 1))
    elif modrm == 0xfa:
        binary(f, A_SQRT, 0, 0, 0)
    elif modrm == 0xfc:
        round_to_integer(f)
    elif modrm == 0xfd:
        scale(f)
    elif modrm >= 0xf0:
        transcendental(f, modrm)


cdef void test_zero(X87 *f) noexcept nogil:
    cdef FPStatus st
    cdef Parts x, y
    status(f, &st, False)
    fp_unpack(&st, FP_F80, f.r[phys(f, 0)], &x)
    fp_unpack(&st, FP_F80, f80(0, 0), &y)
    compare(f, &x, &y, False, NULL)


cdef void transcendental(X87 *f, uint32_t modrm) noexcept nogil:
    """F2XM1, FYL2X, FPTAN, FPATAN, FYL2XP1, FSINCOS, FSIN, FCOS."""
    cdef FPStatus st
    cdef Parts x, y, r, s
    cdef bint two = modrm == 0xf1 or modrm == 0xf3 or modrm == 0xf9
    cdef bint pushes = modrm == 0xf2 or modrm == 0xfb
    if not two and modrm != 0xf0:
        f.sw &= ~X87_C2
    if empty(f, 0) or (two and empty(f, 1)):
        if not underflow(f):
            put(f, 1 if two else 0, indefinite())
            if two:
                pop(f)
            elif pushes:
                set_top(f, phys(f, 7))
                put(f, 0, indefinite())
        return
    if pushes and not empty(f, 7):
        f.sw |= X87_C1
        if not signal(f, X87_IE | X87_SF):
            put(f, 0, indefinite())
            set_top(f, phys(f, 7))
            put(f, 0, indefinite())
        return
    status(f, &st, False)
    fp_unpack(&st, FP_F80, f.r[phys(f, 0)], &x)
    if two:
        fp_unpack(&st, FP_F80, f.r[phys(f, 1)], &y)
        x87_math2(&st, modrm, &x, &y, &r)
        if deliver(f, 1, &st, &r):
            pop(f)
        return
    if not x87_math1(&st, modrm, &x, &r, &s):
        f.sw = <uint16_t>((f.sw & ~<uint32_t>X87_C1) | X87_C2)      # |x| >= 2^63
        return
    if not deliver(f, 0, &st, &r):
        return
    if pushes:
        set_top(f, phys(f, 7))
        st.flags = 0
        deliver(f, 0, &st, &s)
    return


cdef int x87_operand(uint32_t op) noexcept nogil:
    cdef uint32_t reg = (op >> 3) & 7, esc = op >> 8
    if (op & 0xff) >= 0xc0:
        return 0
    if esc == 0 or esc == 2:
        return 4
    elif esc == 4:
        return 8
    elif esc == 6:
        return 2
    elif esc == 1:
        return 4 if reg == 0 else -4 if reg == 2 or reg == 3 else 2 if reg == 5 else \
            -2 if reg == 7 else 0
    elif esc == 3:
        return 4 if reg == 0 else -4 if reg < 4 else 10 if reg == 5 else -10 if reg == 7 else 0
    elif esc == 5:
        return 8 if reg == 0 else -8 if reg < 4 else -2 if reg == 7 else 0
    return 2 if reg == 0 else -2 if reg < 4 else 10 if reg == 4 else 8 if reg == 5 else \
        -10 if reg == 6 else -8


cdef uint32_t memory_form(X87 *f, uint32_t esc, uint32_t reg, uint8_t *mem) noexcept nogil:
    cdef uint32_t kind = esc >> 1
    cdef bint stored = True, keep = reg == 2
    cdef Float80 x
    if not esc & 1:         # arithmetic
        if reg == 2 or reg == 3:
            if memory_compare(f, kind, mem) and reg == 3:
                pop(f)
        else:
            memory_arith(f, reg, kind, mem)
        return X87_DONE
    if esc == 1 and reg >= 4 or esc == 5 and reg >= 4:
        return control_form(f, esc, reg, mem)
    if (esc == 3 and reg == 5) or (esc == 3 and reg == 7):
        if reg == 5:
            memcpy(&x.sig, mem, 8)
            memcpy(&x.exp, mem + 8, 2)
            push(f, x)
            return X87_DONE
        f.sw &= ~X87_C1
        x = f.r[phys(f, 0)]
        if empty(f, 0):
            if underflow(f):
                return X87_NO_STORE
            x = indefinite()
        memcpy(mem, &x.sig, 8)
        memcpy(mem + 8, &x.exp, 2)
        pop(f)
        return X87_DONE
    if reg == 0:
        load(f, kind, mem)
        return X87_DONE
    if esc == 7 and reg == 4:
        load_bcd(f, mem)
        return X87_DONE
    if esc == 7 and reg == 5:
        load(f, 4, mem)
        return X87_DONE
    if esc == 7 and reg == 6:
        stored = store_bcd(f, mem)
    elif esc == 7 and reg == 7:
        stored = store_int(f, 64, False, mem)
    elif reg == 1:
        stored = store_int(f, 32 if esc == 3 else 64 if esc == 5 else 16, True, mem)
    elif esc == 1 or esc == 5:
        stored = store_float(f, FP_F32 if esc == 1 else FP_F64, mem)
    else:
        stored = store_int(f, 32 if esc == 3 else 16, False, mem)
    if not stored:
        return X87_NO_STORE
    if not keep:
        pop(f)
    return X87_DONE


cdef uint32_t control_form(X87 *f, uint32_t esc, uint32_t reg, uint8_t *mem) noexcept nogil:
    """FLDCW, FNSTCW, FNSTSW m16."""
    if esc == 1 and reg == 5:
        memcpy(&f.cw, mem, 2)
        f.cw = (f.cw & 0x1f3f) | 0x40
        x87_update_summary(f)
    elif esc == 1 and reg == 7:
        memcpy(mem, &f.cw, 2)
    else:
        memcpy(mem, &f.sw, 2)
    return X87_DONE


cdef void register_form(X87 *f, uint32_t esc, uint32_t modrm, uint8_t *mem,
                        uint32_t *eflags) noexcept nogil:
    cdef uint32_t reg = (modrm >> 3) & 7, i = modrm & 7, e = eflags[0]
    cdef bint c
    if esc == 0 or esc == 4 or esc == 6:
        if reg == 2 or reg == 3:
            # DC D0, DC D8 and DE D0 are aliases of FCOM and FCOMP; DE D9 is FCOMPP.
            if compare_st(f, i, False, NULL) and (reg == 3 or esc == 6):
                pop(f)
                if esc == 6 and reg == 3:
                    pop(f)
        elif esc == 0:
            binary(f, reg, 0, 0, i)
        else:
            # In DC and DE, E0 is FSUBR and E8 FSUB: ST(i) is the destination and stands first.
            if binary(f, reg, i, 0, i) and esc == 6:
                pop(f)
    elif esc == 1:
        if reg == 0:
            if empty(f, i):
                if not underflow(f):
                    set_top(f, phys(f, 7))
                    put(f, 0, indefinite())
            else:
                push(f, f.r[phys(f, i)])
        elif reg == 1:
            exchange(f, i)
        elif reg == 3:
            # FSTPNCE (undocumented): FSTP without a stack fault.
            if not empty(f, 0):
                store_register(f, i)
            f.sw &= ~X87_C1
            pop(f)
        else:
            no_operand(f, modrm)
    elif (esc == 2 or esc == 3) and reg < 4:
        c = (e & (1 if reg == 0 else 0x40 if reg == 1 else 0x41 if reg == 2 else 4)) != 0
        move_if(f, i, c != (esc == 3))
    elif esc == 2 and modrm == 0xe9:
        if compare_st(f, 1, True, NULL):
            pop(f)
            pop(f)
    elif (esc == 3 or esc == 7) and (reg == 5 or reg == 6):
        if compare_st(f, i, reg == 5, eflags) and esc == 7:
            pop(f)
    elif esc == 5 and reg < 6 or esc == 7 and reg < 4:
        if reg == 0:
            f.sw &= ~X87_C1
            f.valid &= <uint8_t>~(1 << phys(f, i))
            if esc == 7:
                pop(f)          # FFREEP
        elif reg == 1:
            exchange(f, i)
        elif reg == 2 or esc == 7:
            if store_register(f, i) and (esc == 7):
                pop(f)
        elif reg == 3:
            if store_register(f, i):
                pop(f)
        elif compare_st(f, i, True, NULL) and reg == 5:
            pop(f)


cdef void x87_init(X87 *f) noexcept nogil:
    f.cw = 0x37f
    f.sw = 0
    f.valid = 0
    f.fop = 0
    f.fip = f.fdp = 0
    f.fcs = f.fds = 0


cdef bint exists(uint32_t esc, uint32_t modrm) noexcept nogil:
    """Is this an instruction that x87_execute knows?"""
    cdef uint32_t reg = (modrm >> 3) & 7
    if modrm < 0xc0:
        return not esc & 1 or x87_operand(esc << 8 | modrm) != 0
    if esc == 1:
        if modrm < 0xe0:
            return reg != 2 or modrm == 0xd0
        return modrm != 0xe2 and modrm != 0xe3 and modrm != 0xe6 and modrm != 0xe7 \
            and modrm != 0xef
    elif esc == 2:
        return reg < 4 or modrm == 0xe9
    elif esc == 3:
        return reg < 4 or reg == 5 or reg == 6 or (reg == 4 and modrm < 0xe5)
    elif esc == 5:
        return reg < 6
    elif esc == 6:
        return reg != 3 or modrm == 0xd9
    elif esc == 7:
        return reg < 4 or reg == 5 or reg == 6 or modrm == 0xe0
    return True


cdef bint x87_control(uint32_t op) noexcept nogil:
    cdef uint32_t esc = op >> 8, reg = (op >> 3) & 7
    if (op & 0xff) < 0xc0:
        return reg >= 4 and (esc == 1 or esc == 5)
    return (op & ~7u) == 0x3e0 or op == 0x7e0


cdef uint32_t x87_execute(X87 *f, uint32_t op, uint8_t *mem, uint32_t *eflags) noexcept nogil:
    cdef uint32_t esc = op >> 8, modrm = op & 0xff, reg = (op >> 3) & 7
    if not exists(esc, modrm):
        return X87_INVALID
    if modrm < 0xc0:
        # FNSTCW and FNSTSW do not wait; FLDCW does.
        if f.sw & X87_ES and not (reg == 7 and (esc == 1 or esc == 5)):
            return X87_FAULT
        return memory_form(f, esc, reg, mem)
    if op == 0x3e2:         # FNCLEX
        f.sw &= 0x7f00
    elif op == 0x3e3:       # FNINIT
        x87_init(f)
    elif op == 0x7e0:       # FNSTSW AX
        memcpy(mem, &f.sw, 2)
    elif op == 0x3e0 or op == 0x3e1 or op == 0x3e4:
        return X87_DONE     # FNENI, FNDISI, FNSETPM: nothing since the 80387
    elif f.sw & X87_ES:
        return X87_FAULT
    else:
        register_form(f, esc, modrm, mem, eflags)
    return X87_DONE


cdef uint16_t x87_tag_word(const X87 *f) noexcept nogil:
    cdef uint32_t i, tag, tags = 0, exp
    for i in range(8):
        exp = f.r[i].exp & 0x7fff
        if not (f.valid >> i) & 1:
            tag = 3
        elif exp == 0 and f.r[i].sig == 0:
            tag = 1
        elif exp == 0 or exp == 0x7fff or not f.r[i].sig >> 63:
            tag = 2
        else:
            tag = 0
        tags |= tag << (2 * i)
    return <uint16_t>tags


cdef void x87_set_tag_word(X87 *f, uint16_t tags) noexcept nogil:
    cdef uint32_t i
    f.valid = 0
    for i in range(8):
        if ((tags >> (2 * i)) & 3) != 3:
            f.valid |= <uint8_t>(1 << i)
