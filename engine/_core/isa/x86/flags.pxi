# x86: lazy flags at translation time. Included by x86.pyx. What cc_op means: defs.pxd; the same at
# run time, for any cc_op: inthelp.pyx. Flags are set behind everything in an instruction that can
# fault, so that a fault finds those from before it (insn_start row word 1, x86_restore_state).

ctypedef struct Cond:
    uint32_t cond
    uint32_t a
    uint32_t b
    bint w32


cdef inline X86DC *ctx(DisasContext *dc) noexcept nogil:
    return <X86DC *>&dc.priv[0]


cdef inline uint32_t local(DisasContext *dc) noexcept nogil:
    return ir_local(dc.ir, TYPE_I)


cdef inline uint32_t const(DisasContext *dc, uint64_t value) noexcept nogil:
    return ir_const(dc.ir, value)


cdef inline uint64_t mask_of(uint32_t log2) noexcept nogil:
    return ~0ULL >> (64 - (8 << log2))


cdef void set_cc(DisasContext *dc, uint32_t op) noexcept nogil:
    """cc_dst, cc_src, cc_src2 now mean `op`."""
    ctx(dc).cc_op = op
    ctx(dc).cc_stored = 0


cdef void set_cc_temp(DisasContext *dc, uint32_t op) noexcept nogil:
    """The same, where only run time knows."""
    ir_mov(dc.ir, T_CC_OP, op)
    ctx(dc).cc_op = CC_DYNAMIC
    ctx(dc).cc_stored = 1


cdef void sync_cc(DisasContext *dc) noexcept nogil:
    """Before anything that leaves the straight line: the global says it too."""
    if not ctx(dc).cc_stored:
        ir_mov(dc.ir, T_CC_OP, const(dc, ctx(dc).cc_op))
        ctx(dc).cc_stored = 1


cdef uint32_t cc_temp(DisasContext *dc) noexcept nogil:
    return const(dc, ctx(dc).cc_op) if ctx(dc).cc_op else T_CC_OP


cdef uint32_t get_flags(DisasContext *dc) noexcept nogil:
    """A temp with OF SF ZF AF PF CF at their places, the rest 0. Not to be written."""
    cdef uint32_t t
    if ctx(dc).cc_op == CC_FLAGS:
        return T_CC_SRC
    t = local(dc)
    ir_call(dc.ir, &flags_info, t, cc_temp(dc), T_CC_DST, T_CC_SRC, T_CC_SRC2)
    return t


cdef void set_flags(DisasContext *dc, uint32_t t) noexcept nogil:
    ir_mov(dc.ir, T_CC_SRC, t)
    set_cc(dc, CC_FLAGS)


cdef void invert(Cond *c) noexcept nogil:
    c.cond = cond_invert(c.cond)


cdef uint32_t signed_value(DisasContext *dc, uint32_t t, uint32_t log2) noexcept nogil:
    """The value as 64 bits where conditions compare 64 bits."""
    cdef uint32_t d
    if log2 >= 2:
        return t
    d = local(dc)
    if log2 == 0:
        ir_ext8s(dc.ir, d, t)
    else:
        ir_ext16s(dc.ir, d, t)
    return d


cdef uint32_t carry_word(DisasContext *dc, uint32_t kind) noexcept nogil:
    """A temp whose top bit, of the operand's size, is CF of ADC or SBB."""
    cdef IR *ir = dc.ir
    cdef uint32_t a = T_CC_SRC2, t = local(dc), u = local(dc)
    if kind == CC_SBB:              # what is subtracted from, inverted: the carry out is the borrow
        a = local(dc)
        ir_not(ir, a, T_CC_SRC2)
    ir_and(ir, u, a, T_CC_SRC)
    ir_or(ir, t, a, T_CC_SRC)
    if kind == CC_SBB:
        ir_and(ir, t, t, T_CC_DST)
    else:
        ir_andc(ir, t, t, T_CC_DST)
    ir_or(ir, t, t, u)
    return t


cdef uint32_t less_word(DisasContext *dc, uint32_t kind) noexcept nogil:
    """A temp whose top bit, of the operand's size, is SF ^ OF of ADC or SBB."""
    cdef IR *ir = dc.ir
    cdef uint32_t t = local(dc), u = local(dc)
    ir_xor(ir, t, T_CC_SRC2, T_CC_DST)
    ir_xor(ir, u, T_CC_SRC2 if kind == CC_SBB else T_CC_DST, T_CC_SRC)
    ir_and(ir, t, t, u)
    ir_xor(ir, t, t, T_CC_DST)
    return t


cdef void carry_cond(DisasContext *dc, Cond *c) noexcept nogil:
    """CF as a condition."""
    cdef uint32_t op = ctx(dc).cc_op, kind = op & ~3, log2 = op & 3, t
    c.w32 = False
    c.cond = COND_tstne
    c.b = const(dc, 1)
    if op == CC_FLAGS:
        c.a = T_CC_SRC
    elif kind == CC_ADD or kind == CC_SUB:
        c.cond = COND_ltu
        c.a = T_CC_DST
        c.b = T_CC_SRC
        c.w32 = log2 == 2
    elif kind == CC_LOGIC:
        c.a = const(dc, 0)
    elif kind == CC_INC or kind == CC_DEC or kind == CC_SHR or kind == CC_SAR:
        c.a = T_CC_SRC
    elif kind == CC_SHL:
        c.a = T_CC_SRC
        c.b = const(dc, 1ULL << ((8 << log2) - 1))
    elif kind == CC_MUL:
        c.cond = COND_ne
        c.a = T_CC_SRC
        c.b = const(dc, 0)
    elif kind == CC_ADC or kind == CC_SBB:
        c.a = carry_word(dc, kind)
        c.b = const(dc, 1ULL << ((8 << log2) - 1))
    else:
        t = get_flags(dc)
        c.a = t


cdef uint32_t cond_value(DisasContext *dc, const Cond *c) noexcept nogil:
    """0 or 1."""
    cdef uint32_t t = local(dc)
    if c.w32:
        ir_setcond32(dc.ir, t, c.a, c.b, c.cond)
    else:
        ir_setcond(dc.ir, t, c.a, c.b, c.cond)
    return t


cdef uint32_t get_cf(DisasContext *dc) noexcept nogil:
    """A new temp that is CF."""
    cdef Cond c
    carry_cond(dc, &c)
    return cond_value(dc, &c)


cdef void sign_cond(DisasContext *dc, Cond *c, uint32_t t, uint32_t log2) noexcept nogil:
    c.a = t
    c.b = const(dc, 0)
    c.cond = COND_lt
    c.w32 = log2 == 2
    if log2 < 2:
        c.cond = COND_tstne
        c.b = const(dc, 1ULL << ((8 << log2) - 1))


cdef bint sub_cond(DisasContext *dc, uint32_t what, uint32_t log2, Cond *c) noexcept nogil:
    cdef uint32_t t
    c.a = T_CC_DST
    c.b = T_CC_SRC
    c.w32 = log2 == 2
    if what == 4:
        t = local(dc)
        ir_op2(dc.ir, OP_sub32 if log2 == 2 else OP_sub, t, T_CC_DST, T_CC_SRC)
        sign_cond(dc, c, t, log2)
        return True
    c.cond = (COND_ltu if what == 1 else COND_eq if what == 2 else COND_leu if what == 3 else
              COND_lt if what == 6 else COND_le)
    if what >= 6:
        c.a = signed_value(dc, c.a, log2)
        c.b = signed_value(dc, c.b, log2)
    return what != 0 and what != 5


cdef bint result_cond(DisasContext *dc, uint32_t what, uint32_t kind, uint32_t log2,
                      Cond *c) noexcept nogil:
    """Conditions that only need the result, or little more."""
    if what == 2 or what == 3 and kind == CC_LOGIC:
        c.a = T_CC_DST
        c.b = const(dc, 0)
        c.cond = COND_eq
        c.w32 = log2 == 2
        return True
    if what == 4 or what == 6 and kind == CC_LOGIC:
        sign_cond(dc, c, T_CC_DST, log2)
        return True
    if what == 6 and (kind == CC_ADC or kind == CC_SBB):
        c.a = less_word(dc, kind)
        c.b = const(dc, 1ULL << ((8 << log2) - 1))
        c.cond = COND_tstne
        c.w32 = False
        return True
    if what == 7 and kind == CC_LOGIC:
        c.a = signed_value(dc, T_CC_DST, log2)
        c.b = const(dc, 0)
        c.cond = COND_le
        c.w32 = log2 == 2
        return True
    return False


cdef void flags_cond(DisasContext *dc, uint32_t what, Cond *c) noexcept nogil:
    """From the flags as bits."""
    cdef uint32_t f = get_flags(dc), t
    c.w32 = False
    c.cond = COND_tstne
    c.a = f
    if what < 6:
        c.b = const(dc, F_OF if what == 0 else F_CF if what == 1 else F_ZF if what == 2 else
                    F_CF | F_ZF if what == 3 else F_SF if what == 4 else F_PF)
        return
    t = local(dc)                   # bit 7: SF ^ OF
    ir_shr(dc.ir, t, f, const(dc, 4))
    ir_xor(dc.ir, t, t, f)
    if what == 7:
        ir_and(dc.ir, t, t, const(dc, F_SF))
        c.a = local(dc)
        ir_and(dc.ir, c.a, f, const(dc, F_ZF))
        ir_or(dc.ir, t, t, c.a)
    c.a = t
    c.b = const(dc, F_SF | F_ZF if what == 7 else F_SF)


cdef void gen_cond(DisasContext *dc, uint32_t code, Cond *c) noexcept nogil:
    """Condition `code` of Jcc, SETcc, CMOVcc (SDM 1, appendix B)."""
    cdef uint32_t op = ctx(dc).cc_op, kind = op & ~3, what = code >> 1
    cdef bint done = False
    if kind == CC_SUB:
        done = sub_cond(dc, what, op & 3, c)
    elif kind >= CC_ADD and kind != CC_MUL:
        done = result_cond(dc, what, kind, op & 3, c)
    if not done and what == 1:
        carry_cond(dc, c)
        done = True
    if not done:
        flags_cond(dc, what, c)
    if code & 1:
        invert(c)


cdef void move_if(DisasContext *dc, uint32_t d, const Cond *c, uint32_t yes,
                  uint32_t no) noexcept nogil:
    if c.w32:
        ir_movcond32(dc.ir, d, c.a, c.b, yes, no, c.cond)
    else:
        ir_movcond(dc.ir, d, c.a, c.b, yes, no, c.cond)
