# x86: state images, masked and gathered lanes: see vecmem.pxd. SDM 1, 8.1 (x87), 10.5 (FXSAVE),
# 13 (XSAVE); volume 2, each instruction.
from libc.string cimport memcpy, memset
from engine._core.base.types cimport (ACCESS_WRITE, ST_OK, int32_t, int64_t, uint8_t,
                                      uint16_t, uint32_t, uint64_t)
from engine._core.fp.host cimport (fp_get_flags, fp_host_enter, fp_host_leave, fp_host_sync,
                                   fp_set_flags, fp_set_rounding)
from engine._core.isa.x86.defs cimport *
from engine._core.isa.x86.segment cimport x86_code64
from engine._core.isa.x86.simd_fp cimport (MXCSR_MASKS, MXCSR_RESET, MXCSR_VALID, fp_flags_to_x86,
                                           simd_status)
from engine._core.fp.status cimport FPStatus
from engine._core.isa.x86.vechelp cimport TBF_XM, x86_fault
from engine._core.isa.x86.x87 cimport (X87, X87_ES, x87_init, x87_set_tag_word, x87_tag_word,
                                       x87_update_summary)
from engine._core.mem.access cimport access_load, access_probe, access_store

cdef enum:
    LEGACY = 512            # bytes of FXSAVE's image
    AVX_AT = 576            # of the upper halves in XSAVE's, standard and compacted
    IMAGE = 832


# ---------------------------------------------------------------- MXCSR

cdef uint32_t x86_mxcsr(CPUX86State *s) noexcept nogil:
    return <uint32_t>s.mxcsr | fp_flags_to_x86(fp_get_flags(&s.head.fpst))


cdef void x86_set_mxcsr(CPUX86State *s, uint32_t value) noexcept nogil:
    cdef FPStatus st
    s.mxcsr = value
    simd_status(&st, value)
    s.head.fpst.flush_to_zero = st.flush_to_zero
    s.head.fpst.flush_inputs = st.flush_inputs
    fp_set_rounding(&s.head.fpst, st.rounding)
    fp_host_sync(&s.head.fpst)
    fp_set_flags(&s.head.fpst, 0)
    s.head.tb_flags &= ~<uint32_t>TBF_XM
    if value & MXCSR_MASKS != MXCSR_MASKS:
        s.head.tb_flags |= TBF_XM


cdef uint64_t helper_mxcsr(void *env, uint64_t a, uint64_t b, uint64_t c,
                           uint64_t d) noexcept nogil:
    return x86_mxcsr(<CPUX86State *>env)


# ---------------------------------------------------------------- guest memory, as programs see it

cdef int copy_in(CPUX86State *s, uint64_t addr, uint8_t *to, uint32_t size) noexcept nogil:
    cdef uint32_t at = 0, log2 = 3 if size & 7 == 0 else 2 if size & 3 == 0 else 1
    cdef uint64_t value = 0
    cdef int status
    while at < size:
        status = access_load(&s.head.tlb, addr + at, log2 << 4 | s.head.mmu_idx, 0, &value)
        if status != ST_OK:
            return status
        memcpy(to + at, &value, 1 << log2)
        at += 1 << log2
    return ST_OK


cdef int copy_out(CPUX86State *s, uint64_t addr, const uint8_t *from_,
                  uint32_t size) noexcept nogil:
    """Nothing is written if some byte cannot be."""
    cdef uint32_t at = 0, log2 = 3 if size & 7 == 0 else 2 if size & 3 == 0 else 1
    cdef uint64_t value = 0
    cdef int status = access_probe(&s.head.tlb, addr, size, ACCESS_WRITE, <int>s.head.mmu_idx, 0)
    while status == ST_OK and at < size:
        memcpy(&value, from_ + at, 1 << log2)
        status = access_store(&s.head.tlb, addr + at, value, log2 << 4 | s.head.mmu_idx, 0)
        at += 1 << log2
    return status


# ---------------------------------------------------------------- x87 environments

cdef void get_x87(const CPUX86State *s, X87 *f) noexcept nogil:
    memcpy(f.r, s.x87, sizeof(f.r))
    f.cw = <uint16_t>s.fcw
    f.sw = <uint16_t>s.fsw
    x87_set_tag_word(f, <uint16_t>s.ftw)


cdef void put_x87(CPUX86State *s, X87 *f) noexcept nogil:
    memcpy(s.x87, f.r, sizeof(f.r))
    s.fcw = f.cw
    s.fsw = f.sw
    s.ftw = x87_tag_word(f)


cdef uint32_t x86_tags(CPUX86State *s) noexcept nogil:
    cdef X87 f
    get_x87(s, &f)
    return x87_tag_word(&f)


cdef inline void word16(uint8_t *image, uint32_t at, uint64_t value) noexcept nogil:
    cdef uint16_t v = <uint16_t>value
    memcpy(image + at, &v, 2)


cdef inline uint64_t number(const uint8_t *image, uint32_t at, uint32_t size) noexcept nogil:
    cdef uint64_t v = 0
    memcpy(&v, image + at, size)
    return v


cdef uint32_t put_environment(CPUX86State *s, uint8_t *image, bint small,
                              bint real) noexcept nogil:
    """Answers its bytes: 14 or 28 (SDM 1, figures 8-9 to 8-12)."""
    cdef uint32_t step = 2 if small else 4, size = 14 if small else 28
    memset(image, 0, size)
    if not small:
        memset(image, 0xff, 12)
        word16(image, 26, 0xffff)
    word16(image, 0, s.fcw)
    word16(image, step, s.fsw)
    word16(image, 2 * step, x86_tags(s))
    word16(image, 3 * step, s.fip)
    word16(image, 5 * step, s.fdp)
    if real and small:
        word16(image, 8, (s.fip >> 4 & 0xf000) | s.fop & 0x7ff)
        word16(image, 12, s.fdp >> 4 & 0xf000)
    elif real:
        word16(image, 14, 0xffff)
        word16(image, 22, 0xffff)
        word16(image, 16, (s.fip >> 4 & 0xf000) | s.fop & 0x7ff)
        word16(image, 18, s.fip >> 20 & 0xfff)
        word16(image, 24, s.fdp >> 4 & 0xf000)
        word16(image, 26, s.fdp >> 20 & 0xfff)
    elif not small:
        word16(image, 14, s.fip >> 16)
        word16(image, 18, s.fop & 0x7ff)
        word16(image, 22, s.fdp >> 16)
    return size


cdef void get_environment(CPUX86State *s, const uint8_t *image, bint small,
                          bint real) noexcept nogil:
    cdef uint32_t step = 2 if small else 4
    cdef X87 f
    s.fcw = number(image, 0, 2) & 0x1f3f | 0x40
    s.fsw = number(image, step, 2)
    s.ftw = number(image, 2 * step, 2)
    s.fip = number(image, 3 * step, step)
    s.fdp = number(image, 5 * step, step)
    if real and small:
        s.fop = number(image, 8, 2) & 0x7ff
        s.fip |= (number(image, 8, 2) & 0xf000) << 4
        s.fdp |= (number(image, 12, 2) & 0xf000) << 4
    elif real:
        s.fop = number(image, 16, 2) & 0x7ff
        s.fip = s.fip & 0xffff | (number(image, 16, 4) & 0x0ffff000) << 4
        s.fdp = s.fdp & 0xffff | (number(image, 24, 4) & 0x0ffff000) << 4
    elif not small:
        s.fop = number(image, 18, 2) & 0x7ff
    get_x87(s, &f)
    x87_update_summary(&f)
    put_x87(s, &f)


cdef int environment(CPUX86State *s, uint32_t op, uint64_t addr, uint64_t what) noexcept nogil:
    """FNSTENV, FLDENV, FNSAVE, FRSTOR."""
    cdef bint small = what & 0x200 != 0, real = what & 0x400 != 0
    cdef uint8_t image[108]
    cdef uint32_t k, size, top = <uint32_t>(s.fsw >> 11), head = 14 if small else 28
    cdef X87 f
    cdef int status
    size = head + 80 if op == VM_SAVE or op == VM_RSTOR else head
    if op == VM_LDENV or op == VM_RSTOR:
        if s.fsw & X87_ES:
            return <int>x86_fault(s, X86_EXCP_MF)
        status = copy_in(s, addr, image, size)
        if status != ST_OK:
            return status
        get_environment(s, image, small, real)
        if op == VM_RSTOR:
            top = <uint32_t>(s.fsw >> 11)
            for k in range(8):
                memcpy(&s.x87[2 * ((top + k) & 7)], image + head + 10 * k, 10)
            get_x87(s, &f)
            put_x87(s, &f)
        return ST_OK
    put_environment(s, image, small, real)
    for k in range(8 if size > head else 0):
        memcpy(image + head + 10 * k, &s.x87[2 * ((top + k) & 7)], 10)
    status = copy_out(s, addr, image, size)
    if status != ST_OK:
        return status
    if op == VM_STENV:
        s.fcw |= 0x3f
        s.fsw &= ~<uint64_t>(X87_ES | 0x8000)
        return ST_OK
    get_x87(s, &f)
    x87_init(&f)
    put_x87(s, &f)
    s.fop = s.fip = s.fdp = 0
    return ST_OK


# ---------------------------------------------------------------- FXSAVE and XSAVE

cdef inline uint32_t n_vectors(const CPUX86State *s) noexcept nogil:
    return 16 if x86_code64(s) else 8


cdef void put_legacy(CPUX86State *s, uint8_t *image, uint64_t which, bint wide) noexcept nogil:
    """which: 1 x87, 2 XMM, 4 MXCSR."""
    cdef uint32_t k, top = <uint32_t>(s.fsw >> 11), mxcsr = x86_mxcsr(s), mask = MXCSR_VALID
    cdef X87 f
    if which & 1:
        get_x87(s, &f)
        memset(image, 0, 24)
        word16(image, 0, s.fcw)
        word16(image, 2, s.fsw)
        image[4] = f.valid
        word16(image, 6, s.fop & 0x7ff)
        memcpy(image + 8, &s.fip, 8 if wide else 4)
        memcpy(image + 16, &s.fdp, 8 if wide else 4)
        for k in range(8):
            memset(image + 32 + 16 * k, 0, 16)
            memcpy(image + 32 + 16 * k, &s.x87[2 * ((top + k) & 7)], 10)
    if which & 4:
        memcpy(image + 24, &mxcsr, 4)
        memcpy(image + 28, &mask, 4)
    if which & 2:
        for k in range(n_vectors(s)):
            memcpy(image + 160 + 16 * k, &s.vec[4 * k], 16)


cdef void get_x87_image(CPUX86State *s, const uint8_t *image, bint wide) noexcept nogil:
    cdef uint32_t k, top
    cdef X87 f
    s.fcw = number(image, 0, 2) & 0x1f3f | 0x40
    s.fsw = number(image, 2, 2)
    s.fop = number(image, 6, 2) & 0x7ff
    s.fip = number(image, 8, 8 if wide else 4)
    s.fdp = number(image, 16, 8 if wide else 4)
    top = <uint32_t>(s.fsw >> 11)
    for k in range(8):
        memcpy(&s.x87[2 * ((top + k) & 7)], image + 32 + 16 * k, 10)
    get_x87(s, &f)
    f.valid = image[4]
    x87_update_summary(&f)
    put_x87(s, &f)


cdef void init_x87(CPUX86State *s) noexcept nogil:
    cdef X87 f
    memset(&f, 0, sizeof(f))
    x87_init(&f)
    put_x87(s, &f)
    s.fop = s.fip = s.fdp = 0


cdef int fx_image(CPUX86State *s, uint32_t op, uint64_t addr, bint wide) noexcept nogil:
    cdef uint8_t image[LEGACY]
    cdef int status
    cdef uint32_t k
    if addr & 15:
        return <int>x86_fault(s, X86_EXCP_GP)
    status = copy_in(s, addr, image, LEGACY)        # bytes that have no meaning stay
    if status != ST_OK:
        return status
    if op == VM_FXSAVE:
        put_legacy(s, image, 7, wide)
        return copy_out(s, addr, image, LEGACY)
    if number(image, 24, 4) > MXCSR_VALID:
        return <int>x86_fault(s, X86_EXCP_GP)
    get_x87_image(s, image, wide)
    x86_set_mxcsr(s, <uint32_t>number(image, 24, 4))
    for k in range(n_vectors(s)):
        memcpy(&s.vec[4 * k], image + 160 + 16 * k, 16)
    return ST_OK


cdef uint64_t in_use(CPUX86State *s) noexcept nogil:
    """XINUSE: which components are not as after reset (SDM 1, 13.6)."""
    cdef uint32_t k, n = n_vectors(s)
    cdef uint64_t low = 0, high = 0, st = 0
    for k in range(n):
        low |= s.vec[4 * k] | s.vec[4 * k + 1]
        high |= s.vec[4 * k + 2] | s.vec[4 * k + 3]
    for k in range(8):
        st |= s.x87[2 * k] | s.x87[2 * k + 1] & 0xffff
    st |= s.fcw ^ 0x37f | s.fsw | s.ftw ^ 0xffff | s.fop | s.fip | s.fdp
    return (1 if st else 0) | (2 if low else 0) | (4 if high else 0)


cdef int xsave(CPUX86State *s, uint64_t addr, uint64_t what) noexcept nogil:
    cdef uint8_t image[IMAGE]
    cdef uint64_t rfbm = (s.gpr[R_DX] << 32 | s.gpr[R_AX] & 0xffffffffULL) & s.xcr0
    cdef uint64_t used = in_use(s), bv, legacy, written = rfbm
    cdef bint compact = what & 0x200 != 0
    cdef uint32_t k, size = IMAGE if rfbm & 4 else AVX_AT
    cdef int status
    if addr & 63:
        return <int>x86_fault(s, X86_EXCP_GP)
    status = copy_in(s, addr, image, size)
    if status != ST_OK:
        return status
    if compact and x86_mxcsr(s) != MXCSR_RESET:
        used |= 2
    if what & 0x600:
        written = rfbm & used
    # MXCSR is part of SSE, and of AVX unless compacted; only XSAVEC leaves it out when SSE is not
    # in use (SDM 1, 13.9, 13.10).
    legacy = written & 3
    if (written & 2 if compact else rfbm & 6):
        legacy |= 4
    put_legacy(s, image, legacy, what & 0x100 != 0)
    for k in range(n_vectors(s) if written & 4 else 0):
        memcpy(image + AVX_AT + 16 * k, &s.vec[4 * k + 2], 16)
    bv = number(image, LEGACY, 8) & ~rfbm | rfbm & used
    if compact:
        bv = rfbm & used
        memset(image + LEGACY, 0, 64)
        rfbm |= 1ULL << 63
        memcpy(image + LEGACY + 8, &rfbm, 8)
    memcpy(image + LEGACY, &bv, 8)
    return copy_out(s, addr, image, size)


cdef int xrstor(CPUX86State *s, uint64_t addr, uint64_t what) noexcept nogil:
    cdef uint8_t image[IMAGE]
    cdef uint64_t rfbm = (s.gpr[R_DX] << 32 | s.gpr[R_AX] & 0xffffffffULL) & s.xcr0
    cdef uint64_t bv, form, load, others = 0
    cdef uint32_t k, mxcsr
    cdef int status
    if addr & 63:
        return <int>x86_fault(s, X86_EXCP_GP)
    status = copy_in(s, addr, image, AVX_AT)
    if status != ST_OK:
        return status
    bv = number(image, LEGACY, 8)
    form = number(image, LEGACY + 8, 8)
    for k in range(2, 8 if form >> 63 else 3):
        others |= number(image, LEGACY + 8 * k, 8)
    if form >> 63:
        if (form & ~(1ULL << 63)) & ~s.xcr0 or bv & ~form or others:
            return <int>x86_fault(s, X86_EXCP_GP)
    elif form or others or bv & ~s.xcr0:
        return <int>x86_fault(s, X86_EXCP_GP)
    load = rfbm & bv
    if load & 4:
        status = copy_in(s, addr + AVX_AT, image + AVX_AT, IMAGE - AVX_AT)
        if status != ST_OK:
            return status
    # Standard: MXCSR comes along with SSE or AVX; compacted: with SSE, or it is reset.
    mxcsr = <uint32_t>number(image, 24, 4)
    if form >> 63 and rfbm & 2 and not bv & 2:
        mxcsr = MXCSR_RESET
    if rfbm & (2 if form >> 63 else 6):
        if mxcsr > MXCSR_VALID:
            return <int>x86_fault(s, X86_EXCP_GP)
        x86_set_mxcsr(s, mxcsr)
    if load & 1:
        get_x87_image(s, image, what & 0x100 != 0)
    elif rfbm & 1:
        init_x87(s)
    for k in range(n_vectors(s)):
        if load & 2:
            memcpy(&s.vec[4 * k], image + 160 + 16 * k, 16)
        elif rfbm & 2:
            memset(&s.vec[4 * k], 0, 16)
        if load & 4:
            memcpy(&s.vec[4 * k + 2], image + AVX_AT + 16 * k, 16)
        elif rfbm & 4:
            memset(&s.vec[4 * k + 2], 0, 16)
    return ST_OK


cdef int xgetbv(CPUX86State *s) noexcept nogil:
    cdef uint32_t which = <uint32_t>s.gpr[R_CX]
    cdef uint64_t value = s.xcr0
    if not s.cr4 & CR4_OSXSAVE:
        return <int>x86_fault(s, X86_EXCP_UD)
    if which > 1:
        return <int>x86_fault(s, X86_EXCP_GP)
    if which == 1:
        value &= in_use(s) | (2 if x86_mxcsr(s) != MXCSR_RESET else 0)
    s.gpr[R_AX] = value & 0xffffffffULL
    s.gpr[R_DX] = value >> 32
    return ST_OK


# ---------------------------------------------------------------- masks and gathers

cdef inline uint8_t *register_bytes(CPUX86State *s, uint64_t n) noexcept nogil:
    return <uint8_t *>&s.x87[2 * (n & 7)] if n & 32 else <uint8_t *>&s.vec[4 * (n & 15)]


cdef inline bint chosen(const uint8_t *mask, uint32_t k, uint32_t log2) noexcept nogil:
    return mask[((k + 1) << log2) - 1] >> 7


cdef int masked(CPUX86State *s, uint32_t op, uint64_t addr, uint64_t lanes) noexcept nogil:
    """Lanes whose mask is clear are neither touched nor do they fault."""
    cdef uint8_t *data = register_bytes(s, lanes & 255)
    cdef const uint8_t *mask = register_bytes(s, lanes >> 8 & 255)
    cdef uint32_t k, log2 = lanes >> 16 & 3, bytes_ = lanes >> 32 & 63, n = bytes_ >> log2
    cdef uint8_t result[32]
    cdef uint64_t value = 0, memop = <uint64_t>log2 << 4 | s.head.mmu_idx
    cdef int status = ST_OK
    memset(result, 0, 32)
    for k in range(n):
        if not chosen(mask, k, log2):
            continue
        if op == VM_MASK_LOAD:
            status = access_load(&s.head.tlb, addr + (k << log2), <uint32_t>memop, 0, &value)
            memcpy(result + (k << log2), &value, 1 << log2)
        else:
            status = access_probe(&s.head.tlb, addr + (k << log2), 1 << log2, ACCESS_WRITE,
                                  <int>s.head.mmu_idx, 0)
        if status != ST_OK:
            return status
    if op == VM_MASK_LOAD:
        memcpy(data, result, 32)
        return ST_OK
    for k in range(n):
        if status == ST_OK and chosen(mask, k, log2):
            value = 0
            memcpy(&value, data + (k << log2), 1 << log2)
            status = access_store(&s.head.tlb, addr + (k << log2), value, <uint32_t>memop, 0)
    return status


cdef int gather(CPUX86State *s, uint64_t offset, uint64_t lanes) noexcept nogil:
    """Lane by lane; a fault leaves what is done, with its mask lanes clear (SDM 2, VGATHERDPS)."""
    cdef uint8_t *data = register_bytes(s, lanes & 255)
    cdef uint8_t *mask = register_bytes(s, lanes >> 8 & 255)
    cdef const uint8_t *index = register_bytes(s, lanes >> 24 & 255)
    cdef uint32_t k, log2 = lanes >> 16 & 3, wide = lanes >> 18 & 3, scale = lanes >> 20 & 3
    cdef uint32_t bytes_ = lanes >> 32 & 63, n = bytes_ >> log2
    cdef uint64_t at, value = 0, base = s.seg_base[lanes >> 40 & 7]
    cdef bint small = lanes >> 43 & 1
    cdef int64_t x
    cdef int32_t x32
    cdef int status
    if x86_code64(s) and lanes >> 40 & 7 < SEG_FS:
        base = 0
    for k in range(n):
        if not chosen(mask, k, log2):
            memset(mask + (k << log2), 0, 1 << log2)
            continue
        if wide == 3:
            memcpy(&x, index + 8 * k, 8)
        else:
            memcpy(&x32, index + 4 * k, 4)
            x = x32
        at = offset + (<uint64_t>x << scale)
        if small:
            at &= 0xffffffffULL
        at += base
        if not x86_code64(s):
            at &= 0xffffffffULL
        status = access_load(&s.head.tlb, at, log2 << 4 | s.head.mmu_idx, 0, &value)
        if status != ST_OK:
            return status
        memcpy(data + (k << log2), &value, 1 << log2)
        memset(mask + (k << log2), 0, 1 << log2)
    memset(mask, 0, 32)
    memset(data + (n << log2), 0, 32 - (n << log2))
    return ST_OK


cdef int memory_op(CPUX86State *s, uint32_t op, uint64_t what, uint64_t addr,
                   uint64_t lanes) noexcept nogil:
    if op == VM_PROBE:
        return access_probe(&s.head.tlb, addr, <uint32_t>lanes, ACCESS_WRITE,
                            <int>s.head.mmu_idx, 0)
    elif (op == VM_XSAVE or op == VM_XRSTOR) and not s.cr4 & CR4_OSXSAVE:
        return <int>x86_fault(s, X86_EXCP_UD)
    elif (op <= VM_XRSTOR and s.cr0 & CR0_TS
          or (op == VM_FXSAVE or op == VM_FXRSTOR) and s.cr0 & CR0_EM):
        return <int>x86_fault(s, X86_EXCP_NM)
    elif op == VM_FXSAVE or op == VM_FXRSTOR:
        return fx_image(s, op, addr, what & 0x100 != 0)
    elif op == VM_XSAVE:
        return xsave(s, addr, what)
    elif op == VM_XRSTOR:
        return xrstor(s, addr, what)
    elif op == VM_MASK_LOAD or op == VM_MASK_STORE:
        return masked(s, op, addr, lanes)
    elif op == VM_GATHER:
        return gather(s, addr, lanes)
    elif op == VM_XGETBV:
        return xgetbv(s)
    elif op == VM_LDMXCSR:
        if addr > MXCSR_VALID:
            return <int>x86_fault(s, X86_EXCP_GP)
        x86_set_mxcsr(s, <uint32_t>addr)
        return ST_OK
    return environment(s, op, addr, what)


cdef uint64_t helper_memory(void *env, uint64_t what, uint64_t addr, uint64_t lanes,
                            uint64_t pc) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    # Devices may run: not in the guest's floating-point mode.
    cdef bint entered = s.head.fpst.entered
    cdef int status
    s.head.exception_pc = pc
    if entered:
        fp_host_leave(&s.head.fpst)
    status = memory_op(s, what & 255, what, addr, lanes)
    if entered:
        fp_host_enter(&s.head.fpst)
    return status
