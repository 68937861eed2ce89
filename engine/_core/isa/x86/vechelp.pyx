# x86: vector and x87 helpers of emitted code: see vechelp.pxd.
from libc.string cimport memcpy, memset
from engine._core.base.types cimport (ST_FAULT, ST_OK, int32_t, int64_t, uint16_t, uint32_t,
                                      uint64_t, uint8_t)
from engine._core.cpu.head cimport FAULT_ILLEGAL, FAULT_TRAP
from engine._core.fp.status cimport FP_F32, FP_F64
from engine._core.isa.x86.defs cimport *
from engine._core.isa.x86.simd cimport Vec, simd_blendv, simd_int, simd_movmask, simd_test
from engine._core.isa.x86.simd_fp cimport simd_comi, simd_fp
from engine._core.isa.x86.simd_misc cimport SIMD_IMPLICIT, simd_misc, simd_pcmpstr
from engine._core.isa.x86.state_gen cimport CPUX86State
from engine._core.isa.x86.x87 cimport *


cdef uint64_t x86_fault(CPUX86State *s, int number) noexcept nogil:
    memset(&s.head.fault, 0, sizeof(s.head.fault))
    s.head.exception_index = number
    s.head.fault.addr = s.head.exception_pc
    s.head.fault.reason = FAULT_ILLEGAL if number == X86_EXCP_UD else FAULT_TRAP
    s.head.fault.hint = HINT_UNDEFINED if number == X86_EXCP_UD else HINT_NONE
    return ST_FAULT


cdef inline Vec *slot(CPUX86State *s, uint64_t n) noexcept nogil:
    n &= 255
    if n >= 32:
        return <Vec *>&s.x87[2 * (n & 7)]
    return <Vec *>&s.vec[4 * n]


cdef bint is_mmx(uint64_t slots) noexcept nogil:
    return (slots & 0x20202020) != 0


cdef uint64_t helper_vector(void *env, uint64_t what, uint64_t slots, uint64_t how,
                            uint64_t pc) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint32_t op = what & 0xffff, family = <uint32_t>(what >> 16), eflags = 0, bad = 0
    cdef uint32_t imm = how & 255, size = how >> 8 & 255, keep = how >> 16 & 255
    cdef uint32_t zero = how >> 24 & 255, mxcsr = <uint32_t>s.mxcsr
    cdef Vec *d = slot(s, slots)
    cdef Vec *a = slot(s, slots >> 8)
    cdef Vec *b = slot(s, slots >> 16)
    cdef Vec *c = slot(s, slots >> 24)
    cdef Vec r
    cdef int64_t la = SIMD_IMPLICIT, lb = SIMD_IMPLICIT
    s.head.exception_pc = pc
    if is_mmx(slots):
        if s.fsw & X87_ES:
            return x86_fault(s, X86_EXCP_MF)
    if family == VH_INT:
        simd_int(op, d, a, b, imm, size)
    elif family == VH_F32 or family == VH_F64:
        # Into a copy: a lane of an unmasked exception changes nothing.
        memcpy(&r, d, 8 if slots & 0x20 else 32)
        memcpy(&r, a, keep)
        bad = simd_fp(&mxcsr, op, FP_F32 if family == VH_F32 else FP_F64, &r, a, b, c, imm, size)
        if not bad:
            memcpy(d, &r, 8 if slots & 0x20 else 32)
    elif family == VH_MISC:
        simd_misc(op, d, a, b, c, imm)
    elif family == VH_BLEND:
        simd_blendv(d, a, b, c, op, size)
    elif family == VH_MASK:
        d.q[0] = simd_movmask(b, op, size)
    elif family == VH_TEST:
        d.q[0] = simd_test(a, b, op, size)
    elif family == VH_COMI:
        bad = simd_comi(&mxcsr, op & 7, a.q[0] if op & 7 == FP_F64 else a.d[0],
                        b.q[0] if op & 7 == FP_F64 else b.d[0], op >> 3, &eflags)
        if not bad:
            d.q[0] = eflags
    elif family == VH_STRING:
        if op & 1:
            la = <int64_t>s.gpr[R_AX] if op & 4 else <int32_t>s.gpr[R_AX]
            lb = <int64_t>s.gpr[R_DX] if op & 4 else <int32_t>s.gpr[R_DX]
        bad = simd_pcmpstr(a, b, la, lb, imm, &r, &eflags)
        if op & 2:
            s.vec[0] = r.q[0]
            s.vec[1] = r.q[1]
        d.q[0] = eflags
        d.q[1] = bad
        bad = 0
    s.mxcsr = mxcsr
    if bad:
        return x86_fault(s, X86_EXCP_XM)
    if is_mmx(slots):
        s.fsw &= ~0x3800ULL
        s.ftw = 0
        if slots & 0x20:
            (<uint16_t *>d)[4] = 0xffff
    if zero == ZERO_HIGH:
        d.q[1] = 0
    elif zero < 32:
        memset(&d.b[zero], 0, 32 - zero)
    return ST_OK


cdef uint64_t helper_x87(void *env, uint64_t op, uint64_t pc, uint64_t c,
                         uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    cdef X87 f
    cdef uint32_t result, eflags = <uint32_t>s.vec[66]
    s.head.exception_pc = pc
    if op == X87_WAIT:
        return x86_fault(s, X86_EXCP_MF) if s.fsw & X87_ES else <uint64_t>ST_OK
    memcpy(f.r, s.x87, sizeof(f.r))
    f.cw = <uint16_t>s.fcw
    f.sw = <uint16_t>s.fsw
    x87_set_tag_word(&f, <uint16_t>s.ftw)
    result = x87_execute(&f, <uint32_t>op, <uint8_t *>&s.vec[64], &eflags)
    if result == X87_INVALID:
        return x86_fault(s, X86_EXCP_UD)
    if result == X87_FAULT:
        return x86_fault(s, X86_EXCP_MF)
    memcpy(s.x87, f.r, sizeof(f.r))
    s.fcw = f.cw
    s.fsw = f.sw
    s.ftw = x87_tag_word(&f)
    s.vec[66] = eflags
    s.vec[67] = result
    if not x87_control(<uint32_t>op):
        s.fop = op & 0x7ff
        s.fip = pc
        if op & 0xff < 0xc0:
            s.fdp = c
    elif op == 0x3e3:
        s.fop = s.fip = s.fdp = 0
    return ST_OK
