# x86: IR forms of lane operations: SIMD_* of simd.pxd and SFP_* of simd_fp.pxd for one half of a
# register at a time. Included by x86.pyx in front of trans_sse.pxi, which knows operands; what has
# no form here is done by helper_vector.


cdef bint lane_form(uint32_t op) noexcept nogil:
    """Is there an IR form of this SIMD_* operation?"""
    cdef uint32_t kind = op & ~3u, n = op & 3
    if op < SIMD_AND:
        if kind == SIMD_MULL:
            return n == 1 or n == 2
        return not SIMD_SLLV <= kind <= SIMD_SRAV
    return (op <= SIMD_SHUFPD or op == SIMD_PERMILPSI
            or op == SIMD_PERMILPDI or SIMD_MOVSLDUP <= op <= SIMD_MOVDDUP)


cdef uint32_t constant128(DisasContext *dc, uint64_t lo, uint64_t hi) noexcept nogil:
    cdef uint32_t t = ir_local(dc.ir, TYPE_V)
    ir_vset(dc.ir, t, const(dc, lo), const(dc, hi))
    return t


cdef uint32_t merged(DisasContext *dc, uint32_t a, uint32_t b, uint32_t mask) noexcept nogil:
    """b where the mask has ones, else a."""
    cdef uint32_t t = ir_local(dc.ir, TYPE_V), u = ir_local(dc.ir, TYPE_V)
    ir_vand(dc.ir, t, b, mask)
    ir_vandc(dc.ir, u, a, mask)
    ir_vor(dc.ir, t, t, u)
    return t


cdef uint32_t blended(DisasContext *dc, uint32_t a, uint32_t b, uint32_t m,
                      uint32_t n) noexcept nogil:
    """b where the top bit of m's lane is set, else a."""
    cdef uint32_t mask = ir_local(dc.ir, TYPE_V)
    if n == 0:
        ir_vcmpgts(dc.ir, mask, zeros(dc), m, 0)
    else:
        ir_vsar(dc.ir, mask, m, const(dc, (8 << n) - 1), n)
    return merged(dc, a, b, mask)


cdef uint64_t lane_mask(uint32_t imm, uint32_t n, uint32_t first) noexcept nogil:
    """Ones in the lanes of 64 bits whose bits of imm, from bit `first` on, are set."""
    cdef uint32_t k, lanes = 8 >> n
    cdef uint64_t mask = 0
    for k in range(lanes):
        if imm >> (first + k) & 1:
            mask |= (~0ULL >> (64 - (8 << n))) << (k * (8 << n))
    return mask


cdef uint64_t word_selectors(uint32_t imm, uint32_t first) noexcept nogil:
    """Byte numbers for vshuf8: four 16-bit lanes by pairs of bits, counted from lane `first`."""
    cdef uint32_t k, at
    cdef uint64_t out = 0
    for k in range(4):
        at = 2 * ((imm >> (2 * k) & 3) + first)
        out |= <uint64_t>(at | (at + 1) << 8) << (16 * k)
    return out


cdef uint32_t pair_selectors(uint32_t imm) noexcept nogil:
    """SHUFPD's immediate as SHUFPS has it."""
    return (0xe if imm & 1 else 4) | (0xe0 if imm & 2 else 0x40)


cdef void gen_align(DisasContext *dc, uint32_t d, uint32_t low, uint32_t high,
                    uint32_t count) noexcept nogil:
    """Bytes count.. of high:low."""
    if count >= 32:
        ir_vmov(dc.ir, d, zeros(dc))
    elif count >= 16:
        ir_valign(dc.ir, d, high, zeros(dc), count - 16)
    else:
        ir_valign(dc.ir, d, low, high, count)


cdef void gen_shift(DisasContext *dc, uint32_t kind, uint32_t d, uint32_t a, uint32_t count,
                    uint32_t n) noexcept nogil:
    """kind: SIMD_SLL and its neighbours."""
    if kind == SIMD_SLL:
        ir_vshl(dc.ir, d, a, count, n)
    elif kind == SIMD_SRL:
        ir_vshr(dc.ir, d, a, count, n)
    else:
        ir_vsar(dc.ir, d, a, count, n)


cdef void gen_widen(DisasContext *dc, uint32_t d, uint32_t b, uint32_t from_, uint32_t to,
                    bint signed, uint32_t skip) noexcept nogil:
    """The low lanes of 1 << from_ bytes, `skip` bytes left out, to lanes of 1 << to."""
    cdef uint32_t k, t = ir_local(dc.ir, TYPE_V), zero = zeros(dc)
    if skip:
        ir_valign(dc.ir, t, b, zero, skip)
    else:
        ir_vmov(dc.ir, t, b)
    for k in range(from_, to):
        if signed:
            ir_vunpcklo(dc.ir, t, t, t, k)
            ir_vsar(dc.ir, t, t, const(dc, 8 << k), k + 1)
        else:
            ir_vunpcklo(dc.ir, t, t, zero, k)
    ir_vmov(dc.ir, d, t)


cdef void gen_neighbours(DisasContext *dc, uint32_t kind, uint32_t n, uint32_t d, uint32_t a,
                         uint32_t b) noexcept nogil:
    """PHADDx and PHSUBx: even lanes of b:a and odd lanes, words sign-extended on the way."""
    cdef uint32_t even = vlocal(dc), odd = vlocal(dc), t, half = const(dc, 16)
    if n == 2:
        ir_vshuf32(dc.ir, even, a, b, 0x88)
        ir_vshuf32(dc.ir, odd, a, b, 0xdd)
    else:
        t = vlocal(dc)
        ir_vshl(dc.ir, t, a, half, 2)
        ir_vsar(dc.ir, t, t, half, 2)
        ir_vshl(dc.ir, even, b, half, 2)
        ir_vsar(dc.ir, even, even, half, 2)
        ir_vpacks(dc.ir, even, t, even, 2)
        ir_vsar(dc.ir, t, a, half, 2)
        ir_vsar(dc.ir, odd, b, half, 2)
        ir_vpacks(dc.ir, odd, t, odd, 2)
    if kind == SIMD_HADD:
        ir_vadd(dc.ir, d, even, odd, n)
    elif kind == SIMD_HSUB:
        ir_vsub(dc.ir, d, even, odd, n)
    elif kind == SIMD_HADDS:
        ir_vqadds(dc.ir, d, even, odd, n)
    else:
        ir_vqsubs(dc.ir, d, even, odd, n)


cdef void gen_sign(DisasContext *dc, uint32_t n, uint32_t d, uint32_t a, uint32_t b) noexcept nogil:
    """PSIGNx: a, -a or 0 by the sign of b."""
    cdef uint32_t minus = vlocal(dc), none = vlocal(dc), zero = zeros(dc)
    ir_vcmpgts(dc.ir, minus, zero, b, n)
    ir_vcmpeq(dc.ir, none, b, zero, n)
    ir_vxor(dc.ir, d, a, minus)
    ir_vsub(dc.ir, d, d, minus, n)
    ir_vandc(dc.ir, d, d, none)


cdef void gen_sized(DisasContext *dc, uint32_t kind, uint32_t n, uint32_t d, uint32_t a, uint32_t b,
                    uint32_t imm, uint32_t half) noexcept nogil:
    cdef uint32_t t
    if kind == SIMD_ADD:
        ir_vadd(dc.ir, d, a, b, n)
    elif kind == SIMD_SUB:
        ir_vsub(dc.ir, d, a, b, n)
    elif kind == SIMD_ADDS:
        ir_vqadds(dc.ir, d, a, b, n)
    elif kind == SIMD_ADDU:
        ir_vqaddu(dc.ir, d, a, b, n)
    elif kind == SIMD_SUBS:
        ir_vqsubs(dc.ir, d, a, b, n)
    elif kind == SIMD_SUBU:
        ir_vqsubu(dc.ir, d, a, b, n)
    elif kind == SIMD_MULL:
        ir_vmul(dc.ir, d, a, b, n)
    elif kind == SIMD_MULH:
        ir_vmulhs(dc.ir, d, a, b, n)
    elif kind == SIMD_MULHU:
        ir_vmulhu(dc.ir, d, a, b, n)
    elif kind == SIMD_AVG:
        ir_vavgu(dc.ir, d, a, b, n)
    elif kind == SIMD_MINS:
        ir_vmins(dc.ir, d, a, b, n)
    elif kind == SIMD_MINU:
        ir_vminu(dc.ir, d, a, b, n)
    elif kind == SIMD_MAXS:
        ir_vmaxs(dc.ir, d, a, b, n)
    elif kind == SIMD_MAXU:
        ir_vmaxu(dc.ir, d, a, b, n)
    elif kind == SIMD_CMPEQ:
        ir_vcmpeq(dc.ir, d, a, b, n)
    elif kind == SIMD_CMPGT:
        ir_vcmpgts(dc.ir, d, a, b, n)
    elif kind == SIMD_SIGN:
        gen_sign(dc, n, d, a, b)
    elif SIMD_HADD <= kind <= SIMD_HSUBS:
        gen_neighbours(dc, kind, n, d, a, b)
    elif kind == SIMD_ABS:
        ir_vabs(dc.ir, d, b, n)
    elif kind == SIMD_SLL or kind == SIMD_SRL or kind == SIMD_SRA:
        t = local(dc)
        ir_vlo(dc.ir, t, b)
        gen_shift(dc, kind, d, a, t, n)
    elif kind == SIMD_SLLI or kind == SIMD_SRLI or kind == SIMD_SRAI:
        gen_shift(dc, kind - SIMD_SLLI + SIMD_SLL, d, b, const(dc, imm & 255), n)
    elif kind == SIMD_PACKS:
        ir_vpacks(dc.ir, d, a, b, n)
    elif kind == SIMD_PACKU:
        ir_vpackus(dc.ir, d, a, b, n)
    elif kind == SIMD_UNPCKL:
        ir_vunpcklo(dc.ir, d, a, b, n)
    elif kind == SIMD_UNPCKH:
        ir_vunpckhi(dc.ir, d, a, b, n)
    elif kind == SIMD_BLENDI:
        t = 0 if n == 1 else half * (16 >> n)
        ir_vmov(dc.ir, d, merged(dc, a, b, constant128(
            dc, lane_mask(imm, n, t), lane_mask(imm, n, t + (8 >> n)))))
    elif kind == SIMD_BROADCAST:
        t = local(dc)
        ir_vext(dc.ir, t, b, 0, n)
        ir_vdup(dc.ir, d, t, n)
    elif kind < SIMD_MOVZX_B:
        t = (kind - SIMD_MOVSX_B) >> 2
        gen_widen(dc, d, b, t, n, True, half * (16 >> (n - t)))
    else:
        t = (kind - SIMD_MOVZX_B) >> 2
        gen_widen(dc, d, b, t, n, False, half * (16 >> (n - t)))


cdef void gen_lane(DisasContext *dc, uint32_t op, uint32_t d, uint32_t a, uint32_t b, uint32_t imm,
                   uint32_t half) noexcept nogil:
    """half: 0 the low, 1 the high 16 bytes; the operands are of that half (widening: the whole)."""
    if op < SIMD_AND:
        gen_sized(dc, op & ~3u, op & 3, d, a, b, imm, half)
    elif op == SIMD_AND:
        ir_vand(dc.ir, d, a, b)
    elif op == SIMD_ANDN:
        ir_vandc(dc.ir, d, b, a)
    elif op == SIMD_OR:
        ir_vor(dc.ir, d, a, b)
    elif op == SIMD_XOR:
        if a == b:
            ir_vmov(dc.ir, d, zeros(dc))
        else:
            ir_vxor(dc.ir, d, a, b)
    elif op == SIMD_MULHRSW:
        ir_vmulrs(dc.ir, d, a, b, 1)
    elif op == SIMD_MULUDQ:
        ir_vmulxu(dc.ir, d, a, b, 2)
    elif op == SIMD_MULDQ:
        ir_vmulxs(dc.ir, d, a, b, 2)
    elif op == SIMD_MADDWD:
        ir_vmadds(dc.ir, d, a, b, 1)
    elif op == SIMD_MADDUBSW:
        ir_vmaddus(dc.ir, d, a, b, 0)
    elif op == SIMD_SADBW:
        ir_vsadu(dc.ir, d, a, b)
    elif op == SIMD_SHUFB:
        ir_vshuf8(dc.ir, d, a, b)
    elif op == SIMD_SLLDQ:
        gen_align(dc, d, zeros(dc), b, 16 - (imm & 255) if imm & 255 < 16 else 32)
    elif op == SIMD_SRLDQ:
        gen_align(dc, d, b, zeros(dc), imm & 255)
    elif op == SIMD_ALIGNR:
        gen_align(dc, d, b, a, imm & 255)
    elif op == SIMD_SHUFD or op == SIMD_PERMILPSI:
        ir_vshuf32(dc.ir, d, b, b, imm & 255)
    elif op == SIMD_SHUFLW:
        ir_vshuf8(dc.ir, d, b, constant128(dc, word_selectors(imm, 0), 0x0f0e0d0c0b0a0908ULL))
    elif op == SIMD_SHUFHW:
        ir_vshuf8(dc.ir, d, b, constant128(dc, 0x0706050403020100ULL, word_selectors(imm, 4)))
    elif op == SIMD_SHUFPS:
        ir_vshuf32(dc.ir, d, a, b, imm & 255)
    elif op == SIMD_SHUFPD:
        ir_vshuf32(dc.ir, d, a, b, pair_selectors(imm >> 2 * half))
    elif op == SIMD_PERMILPDI:
        ir_vshuf32(dc.ir, d, b, b, pair_selectors(imm >> 2 * half))
    else:
        ir_vshuf32(dc.ir, d, b, b,
                   0xa0 if op == SIMD_MOVSLDUP else 0xf5 if op == SIMD_MOVSHDUP else 0x44)


cdef bint gen_lanes(DisasContext *dc, X86Insn *i, uint32_t op, uint32_t n,
                    bint whole) noexcept nogil:
    """An operation of lane_form; n: operands; whole: the source has less bytes than the result."""
    cdef uint32_t size = full_bytes(i), d = register_operand(i, 0), t, imm = <uint32_t>i.imm[0]
    cdef uint32_t kind = op & ~3u if op < SIMD_AND else op
    cdef bint both = size == 32, shared
    cdef Wide a, b
    # One operand of both halves: a count, a lane to broadcast, lanes to widen.
    shared = whole or kind == SIMD_BROADCAST or SIMD_SLL <= kind <= SIMD_SRA
    if whole and kind != SIMD_BROADCAST:
        b = operand_wide(dc, i, n - 1, widened(i, operand_bytes(i, n - 1)))
    else:
        b = operand_wide(dc, i, n - 1, operand_bytes(i, n - 1))
    a = wide_register(dc, register_operand(i, 1) if n == 3 else d, both)
    if both:
        t = vlocal(dc)
        gen_lane(dc, op, t, a.hi, b.lo if shared else b.hi, imm, 1)
    gen_lane(dc, op, xmm(d), a.lo, b.lo, imm, 0)
    if both:
        set_upper(dc, d, t)
    else:
        zero_upper(dc, i, d)
    return True


cdef bint gen_across(DisasContext *dc, X86Insn *i, uint32_t op, uint32_t n) noexcept nogil:
    """VPERMQ, VPERM2x128 and the like by immediate; False: another operation."""
    cdef uint32_t imm = <uint32_t>i.imm[0], d, k, s
    cdef uint32_t[2] t
    cdef uint32_t[4] halves
    cdef Wide a, b
    if op != SIMD_PERMQI and op != SIMD_PERM2X128:
        return False
    b = operand_wide(dc, i, n - 1, 32)
    d = register_operand(i, 0)
    halves[0] = halves[2] = b.lo
    halves[1] = halves[3] = b.hi
    if op == SIMD_PERM2X128:
        a = wide_register(dc, register_operand(i, 1), True)
        halves[0] = a.lo
        halves[1] = a.hi
    for k in range(2):
        t[k] = vlocal(dc)
        s = imm >> 4 * k & 15
        if op == SIMD_PERMQI:
            ir_vshuf32(dc.ir, t[k], halves[s >> 1 & 1], halves[s >> 3],
                       (0xe if s & 1 else 4) | (0xe0 if s & 4 else 0x40))
        else:
            ir_vmov(dc.ir, t[k], zeros(dc) if s & 8 else halves[s & 3])
    ir_vmov(dc.ir, xmm(d), t[0])
    set_upper(dc, d, t[1])
    return True


# ---------------------------------------------------------------- floating point

cdef inline uint32_t lane_fmt(uint32_t fmt) noexcept nogil:
    return 3 if fmt == FP_F64 else 2


cdef uint32_t rounding_immediate(uint32_t imm) noexcept nogil:
    """ROUNDxx: bit 2 stands for MXCSR's mode."""
    return FP_RM_DYN if imm & 4 else rounding_of(imm)


cdef void gen_horizontal(DisasContext *dc, uint32_t op, uint32_t d, uint32_t a, uint32_t b,
                         uint32_t n) noexcept nogil:
    cdef uint32_t t = ir_local(dc.ir, TYPE_V), u = ir_local(dc.ir, TYPE_V)
    ir_vshuf32(dc.ir, t, a, b, 0x88 if n == 2 else 0x44)
    ir_vshuf32(dc.ir, u, a, b, 0xdd if n == 2 else 0xee)
    if op == SFP_HADD:
        ir_vfadd(dc.ir, d, t, u, n)
    else:
        ir_vfsub(dc.ir, d, t, u, n)


cdef void gen_float(DisasContext *dc, uint32_t op, uint32_t d, uint32_t a, uint32_t b, uint32_t imm,
                    uint32_t n) noexcept nogil:
    """n: as fp/lanes.pxd has it."""
    if op == SFP_ADD:
        ir_vfadd(dc.ir, d, a, b, n)
    elif op == SFP_SUB:
        ir_vfsub(dc.ir, d, a, b, n)
    elif op == SFP_MUL:
        ir_vfmul(dc.ir, d, a, b, n)
    elif op == SFP_DIV:
        ir_vfdiv(dc.ir, d, a, b, n)
    elif op == SFP_MIN:
        ir_vfmin(dc.ir, d, a, b, n)
    elif op == SFP_MAX:
        ir_vfmax(dc.ir, d, a, b, n)
    elif op == SFP_SQRT:
        ir_vfsqrt(dc.ir, d, a, b, n)
    elif op == SFP_CMP:
        ir_vfcmp(dc.ir, d, a, b, n | outcomes(imm) << V_HOW_SHIFT
                 | (V_SIGNALLING if cmp_signals(imm) else 0))
    elif op == SFP_ROUND:
        ir_vfround(dc.ir, d, a, b, rounding_immediate(imm), n | (V_QUIET_NX if imm & 8 else 0))
    elif op == SFP_HADD or op == SFP_HSUB:
        gen_horizontal(dc, op, d, a, b, n)
    elif op == SFP_I32_TO:
        ir_vfromi(dc.ir, d, b, n)
    elif op == SFP_TO_I32:
        ir_vftoi(dc.ir, d, b, FP_RTZ if imm & 1 else FP_RM_DYN, n | FP_INT_X86 << V_HOW_SHIFT)
    elif op == SFP_F32_F64:
        ir_vfcvt(dc.ir, d, a, b, n & V_LANE0 | 2)
    else:
        ir_vfcvt(dc.ir, d, a, b, n & V_LANE0 | 3)


cdef bint gen_floats(DisasContext *dc, X86Insn *i, uint32_t op, uint32_t fmt, uint32_t imm,
                     bint scalar, uint32_t n, bint half) noexcept nogil:
    """False: no IR form."""
    cdef uint32_t d, bytes_, size = full_bytes(i), code = lane_fmt(fmt) | (V_LANE0 if scalar else 0)
    cdef uint32_t t = IR_NONE, u
    cdef bint both = size == 32 and not scalar, narrows
    cdef Wide a, b
    if (op == SFP_ADDSUB or op == SFP_DP or op == SFP_FMA or op == SFP_RCP or op == SFP_RSQRT
            or op == SFP_F16_F32 or op == SFP_F32_F16):
        return False
    bytes_ = operand_bytes(i, n - 1)
    if half:
        bytes_ = widened(i, bytes_)
    b = operand_wide(dc, i, n - 1, bytes_)
    d = register_operand(i, 0)
    a = wide_register(dc, register_operand(i, 1) if n == 3 else d, both)
    narrows = not scalar and (op == SFP_F64_F32 or op == SFP_TO_I32 and fmt == FP_F64)
    if both:
        t = vlocal(dc)
        if half:                # the upper result is of the upper 8 of 16 bytes
            u = vlocal(dc)
            ir_vshuf32(dc.ir, u, b.lo, b.lo, 0xee)
            gen_float(dc, op, t, a.hi, u, imm, code)
        else:
            gen_float(dc, op, t, a.hi, b.hi, imm, code)
    gen_float(dc, op, xmm(d), a.lo, b.lo, imm, code)
    if narrows and both:
        ir_vunpcklo(dc.ir, xmm(d), xmm(d), t, 3)
        zero_upper(dc, i, d)
    elif both:
        set_upper(dc, d, t)
    else:
        zero_upper(dc, i, d)
    return True


cdef uint32_t scalar_bits(DisasContext *dc, uint32_t v, uint32_t fmt) noexcept nogil:
    """Lane 0 as an operand of the scalar operations."""
    cdef uint32_t t = local(dc), f = ir_local(dc.ir, TYPE_F)
    ir_vext(dc.ir, t, v, 0, lane_fmt(fmt))
    ir_fmovi(dc.ir, f, t)
    return f


cdef void gen_fma(DisasContext *dc, X86Insn *i, uint32_t fmt, uint32_t how,
                  uint32_t order) noexcept nogil:
    """The scalar ones; how: SFMA_*, which are FP_MA_*."""
    cdef uint32_t src = operand_wide(dc, i, 2, operand_bytes(i, 2)).lo, t = local(dc)
    cdef uint32_t b = scalar_bits(dc, src, fmt), d = scalar_bits(dc, xmm(i.reg), fmt)
    cdef uint32_t h = scalar_bits(dc, xmm(i.vvvv), fmt), f = ir_local(dc.ir, TYPE_F)
    cdef uint32_t x = d if order == 0 else h, y = d if order == 1 else b
    cdef uint32_t z = h if order == 0 else b if order == 1 else d
    if fmt == FP_F64:
        ir_fma64(dc.ir, f, x, y, z, FP_RM_DYN, how)
    else:
        ir_fma32(dc.ir, f, x, y, z, FP_RM_DYN, how)
    ir_fmovr(dc.ir, t, f)
    ir_vins(dc.ir, xmm(i.reg), xmm(i.reg), t, 0, lane_fmt(fmt))
    zero_upper(dc, i, i.reg)


cdef void gen_fma_lanes(DisasContext *dc, X86Insn *i, uint32_t fmt, uint32_t how,
                        uint32_t order) noexcept nogil:
    """The packed ones without alternating signs."""
    cdef bint both = full_bytes(i) == 32
    cdef Wide b = operand_wide(dc, i, 2, full_bytes(i))
    cdef Wide d = wide_register(dc, i.reg, both), h = wide_register(dc, i.vvvv, both)
    cdef Wide x = d if order == 0 else h, y = d if order == 1 else b
    cdef Wide z = h if order == 0 else b if order == 1 else d
    cdef uint32_t n = lane_fmt(fmt) | how << V_HOW_SHIFT, t
    if both:
        t = vlocal(dc)
        ir_vfma(dc.ir, t, x.hi, y.hi, z.hi, n)
    ir_vfma(dc.ir, xmm(i.reg), x.lo, y.lo, z.lo, n)
    if both:
        set_upper(dc, i.reg, t)
    else:
        zero_upper(dc, i, i.reg)
