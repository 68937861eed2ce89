# x87 instructions. See x87.pxd.
#
# What lives here: which instruction a byte pair is, and its shape. What it does to the register
# stack and its exceptions: x87_ops.pxi, included here.
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


include "x87_ops.pxi"


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
