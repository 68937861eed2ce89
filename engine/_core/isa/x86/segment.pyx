# x86: segments: see segment.pxd.
from libc.string cimport memset
from engine._core.base.types cimport (MO_16, MO_32, MO_64, MO_8, ST_FAULT, ST_OK, uint16_t,
                                      uint32_t, uint64_t)
from engine._core.cpu.head cimport CPUHead, FAULT_TRAP
from engine._core.isa.x86.defs cimport *
from engine._core.isa.x86.simd_fp cimport MXCSR_MASKS
from engine._core.isa.x86.state_gen cimport CPUX86State
from engine._core.isa.x86.vechelp cimport TBF_XM
from engine._core.mem.access cimport access_load, access_store


cdef int x86_raise(CPUX86State *s, int number, uint64_t error, uint32_t hint) noexcept nogil:
    memset(&s.head.fault, 0, sizeof(s.head.fault))
    s.head.exception_index = number
    s.head.fault.addr = error
    s.head.fault.reason = FAULT_TRAP
    s.head.fault.hint = <uint16_t>hint
    s.error_code = error
    s.trap_due = 0                  # the instruction has not been done
    return ST_FAULT


cdef uint64_t x86_error_code(const CPUX86State *s) noexcept nogil:
    cdef uint32_t hint = s.head.fault.hint
    if (hint == HINT_NONE or HINT_SELECTOR <= hint <= HINT_NOT_PRESENT or hint == HINT_GATE
            or hint == HINT_TASK or HINT_PAGE_MISSING <= hint <= HINT_PAGE_RESERVED):
        return s.error_code
    return 0


# ---------------------------------------------------------------- modes

cdef void x86_update_tb_flags(CPUHead *head) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>head
    cdef uint32_t flags = 0, idx, k
    cdef uint64_t bases = 0
    if x86_code64(s):
        flags = X86_MODE_64
        if s.cr0 & CR0_PG:
            flags |= TBF_PAGING
    else:
        if s.seg_attr[SEG_CS] & ATTR_D:
            flags = X86_MODE_32
        for k in range(4):
            bases |= s.seg_base[k]
        if bases:
            flags |= TBF_SEGMENTS
        if s.no_limits:
            flags |= 0 if s.cr0 & CR0_PE and not s.eflags & F_VM else TBF_SEGMENTS
        elif s.cr0 & CR0_PE and not s.eflags & F_VM:
            for k in range(6):
                if (s.seg_lo[k] or s.seg_hi[k] != 0xffffffffULL
                        or k != SEG_CS and s.seg_attr[k] & (ATTR_WRITE | ATTR_CODE) != ATTR_WRITE):
                    flags |= TBF_LIMITS if k < SEG_FS else TBF_FS_LIMITS
        else:
            flags |= TBF_SEGMENTS
            for k in range(6):
                if s.seg_lo[k] or s.seg_hi[k] != 0xffff:
                    flags |= TBF_LIMITS if k < SEG_FS else TBF_FS_LIMITS
        if s.seg_attr[SEG_SS] & ATTR_D:
            flags |= TBF_SS32
    if s.cr0 & CR0_PE:
        flags |= TBF_VM if s.eflags & F_VM else TBF_PE
    if s.cpl <= (s.eflags >> 12 & 3):
        flags |= TBF_IOPL
    if s.eflags & F_TF or s.trap_due or s.dr[7] & 0xff:
        flags |= TBF_DEBUG
    if s.inhibit:
        flags |= TBF_SHADOW
    if s.cpl == 3:
        idx = IDX_USER
        if s.cr0 & CR0_AM and s.eflags & F_AC:
            flags |= TBF_ALIGN
    else:
        idx = IDX_SMAP if s.cr4 & CR4_SMAP and not s.eflags & F_AC else IDX_KERNEL
    if s.cr0 & CR0_EM:
        flags |= TBF_EM
    if s.cr0 & CR0_TS:
        flags |= TBF_TS
    if s.cr0 & CR0_MP:
        flags |= TBF_MP
    if s.cr4 & CR4_OSFXSR:
        flags |= TBF_OSFXSR
    if s.cr4 & CR4_OSXSAVE and s.xcr0 & 6 == 6:
        flags |= TBF_AVX
    if s.mxcsr & MXCSR_MASKS != MXCSR_MASKS:
        flags |= TBF_XM
    head.tb_flags = flags | <uint32_t>s.cpl << TBF_CPL_SHIFT | idx << TBF_IDX_SHIFT
    head.cs_base = 0 if flags & TBF_MODE == X86_MODE_64 else s.seg_base[SEG_CS]
    head.mmu_idx = idx


cdef uint32_t x86_system_idx(const CPUX86State *s) noexcept nogil:
    """Of implicit accesses to system structures: never user pages under SMAP (SDM 3A, 4.6.1)."""
    return IDX_SMAP if s.cr4 & CR4_SMAP else IDX_KERNEL


# ---------------------------------------------------------------- guest memory

cdef inline uint32_t memop(uint32_t size) noexcept nogil:
    return MO_8 if size == 1 else MO_16 if size == 2 else MO_32 if size == 4 else MO_64


cdef int x86_read(CPUX86State *s, uint64_t addr, uint32_t size, uint32_t idx,
                  uint64_t *value) noexcept nogil:
    if not x86_long(s):
        addr &= 0xffffffffULL
    return access_load(&s.head.tlb, addr, memop(size) << 4 | idx, 0, value)


cdef int x86_write(CPUX86State *s, uint64_t addr, uint32_t size, uint32_t idx,
                   uint64_t value) noexcept nogil:
    if not x86_long(s):
        addr &= 0xffffffffULL
    return access_store(&s.head.tlb, addr, value, memop(size) << 4 | idx, 0)


# ---------------------------------------------------------------- segment registers

cdef void x86_set_segment(CPUX86State *s, uint32_t seg, uint64_t sel, uint64_t base, uint64_t limit,
                          uint64_t attr) noexcept nogil:
    s.seg_sel[seg] = sel
    s.seg_base[seg] = base
    s.seg_limit[seg] = limit
    s.seg_attr[seg] = attr
    s.seg_lo[seg] = 0
    s.seg_hi[seg] = limit
    if attr & ATTR_UNUSABLE or not attr & ATTR_P or attr & (ATTR_CODE | ATTR_READ) == ATTR_CODE:
        s.seg_lo[seg] = 1
        s.seg_hi[seg] = 0
    elif attr & (ATTR_CODE | ATTR_DOWN) == ATTR_DOWN:
        s.seg_lo[seg] = limit + 1
        s.seg_hi[seg] = 0xffffffffULL if attr & ATTR_D else 0xffff


cdef void x86_set_real_segment(CPUX86State *s, uint32_t seg, uint64_t sel) noexcept nogil:
    """Real mode keeps limit and attributes (SDM 3A, 9.9.2); virtual-8086 mode has its own."""
    if s.eflags & F_VM:
        x86_set_segment(s, seg, sel, sel << 4, 0xffff, 0xf3)
    else:
        s.seg_sel[seg] = sel
        s.seg_base[seg] = sel << 4


cdef bint x86_no_tables(const CPUX86State *s) noexcept nogil:
    return s.gdt_limit == 0 and s.ldt_limit == 0 and s.bits != 16


cdef void x86_split_descriptor(uint64_t raw, Descriptor *d) noexcept nogil:
    d.raw = raw
    d.base = (raw >> 16 & 0xffffff) | (raw >> 32 & 0xff000000ULL)
    d.limit = (raw & 0xffff) | (raw >> 32 & 0xf0000)
    d.attr = raw >> 40 & 0xf0ff
    if d.attr & ATTR_G:
        d.limit = d.limit << 12 | 0xfff


cdef int x86_descriptor(CPUX86State *s, uint64_t sel, int number, uint64_t ext,
                        Descriptor *d) noexcept nogil:
    cdef uint64_t base = s.gdt_base, limit = s.gdt_limit, raw = 0
    cdef int status
    d.raw_hi = 0
    if sel & 4:
        base = s.ldt_base
        limit = s.ldt_limit if s.ldt_attr & ATTR_P else 0
    if (sel | 7) > limit:
        return x86_raise(s, number, (sel & 0xfffc) | ext, HINT_SELECTOR)
    d.at = base + (sel & 0xfff8)
    status = x86_read(s, d.at, 8, x86_system_idx(s), &raw)
    if status != ST_OK:
        return status
    x86_split_descriptor(raw, d)
    # Of a system descriptor of long mode the base goes on in the next 8 bytes (5.8.3.1, 8.2.3).
    if x86_long(s) and not d.attr & ATTR_S and (d.attr & 15 == 2 or d.attr & 15 == 9
                                                or d.attr & 15 == 11 or d.attr & 15 == 12):
        if (sel | 7) + 8 > limit:
            return x86_raise(s, number, (sel & 0xfffc) | ext, HINT_SELECTOR)
        status = x86_read(s, d.at + 8, 8, x86_system_idx(s), &d.raw_hi)
        if status != ST_OK:
            return status
        d.base |= d.raw_hi << 32
    return ST_OK


cdef int x86_mark_accessed(CPUX86State *s, Descriptor *d) noexcept nogil:
    cdef uint64_t attr = d.attr | ATTR_ACCESSED
    if d.attr & ATTR_ACCESSED:
        return ST_OK
    d.attr = attr
    return x86_write(s, d.at + 5, 1, x86_system_idx(s), attr & 0xff)


cdef int x86_stack_segment(CPUX86State *s, uint64_t sel, uint64_t cpl, int number, uint64_t ext,
                           Descriptor *d) noexcept nogil:
    cdef int status
    if sel & 0xfffc == 0:
        return x86_raise(s, number, ext if number == X86_EXCP_TS else 0, HINT_SEGMENT
                         if number == X86_EXCP_GP else HINT_SELECTOR)
    status = x86_descriptor(s, sel, number, ext, d)
    if status != ST_OK:
        return status
    if (sel & 3 != cpl or (d.attr >> ATTR_DPL_SHIFT & 3) != cpl
            or d.attr & (ATTR_S | ATTR_CODE | ATTR_WRITE) != (ATTR_S | ATTR_WRITE)):
        return x86_raise(s, number, (sel & 0xfffc) | ext, HINT_SELECTOR)
    if not d.attr & ATTR_P:
        return x86_raise(s, X86_EXCP_SS, (sel & 0xfffc) | ext, HINT_NOT_PRESENT)
    return x86_mark_accessed(s, d)


cdef int x86_load_segment(CPUX86State *s, uint32_t seg, uint64_t sel) noexcept nogil:
    """SDM 2B, MOV: "loading a segment register while in protected mode"."""
    cdef Descriptor d
    cdef uint64_t dpl
    cdef int status
    sel &= 0xffff
    if not x86_protected(s):
        x86_set_real_segment(s, seg, sel)
        return ST_OK
    if x86_no_tables(s):
        s.seg_sel[seg] = sel
        return ST_OK
    if sel & 0xfffc == 0:
        if seg == SEG_SS:
            if not x86_code64(s) or s.cpl == 3 or sel != s.cpl:
                return x86_raise(s, X86_EXCP_GP, 0, HINT_SEGMENT)
        x86_set_segment(s, seg, sel, 0, 0, ATTR_UNUSABLE | s.cpl << ATTR_DPL_SHIFT)
        return ST_OK
    if seg == SEG_SS:
        status = x86_stack_segment(s, sel, s.cpl, X86_EXCP_GP, 0, &d)
        if status != ST_OK:
            return status
    else:
        status = x86_descriptor(s, sel, X86_EXCP_GP, 0, &d)
        if status != ST_OK:
            return status
        dpl = d.attr >> ATTR_DPL_SHIFT & 3
        if (not d.attr & ATTR_S or d.attr & (ATTR_CODE | ATTR_READ) == ATTR_CODE
                or d.attr & (ATTR_CODE | ATTR_CONFORMING) != (ATTR_CODE | ATTR_CONFORMING)
                and (sel & 3 > dpl or s.cpl > dpl)):
            return x86_raise(s, X86_EXCP_GP, sel & 0xfffc, HINT_SELECTOR)
        if not d.attr & ATTR_P:
            return x86_raise(s, X86_EXCP_NP, sel & 0xfffc, HINT_NOT_PRESENT)
        status = x86_mark_accessed(s, &d)
        if status != ST_OK:
            return status
    x86_set_segment(s, seg, sel, d.base, d.limit, d.attr)
    return ST_OK


cdef uint64_t helper_load_segment(void *env, uint64_t seg, uint64_t sel, uint64_t c,
                                  uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    cdef int status = x86_load_segment(s, <uint32_t>seg, sel)
    if status == ST_OK:
        if seg == SEG_SS:
            s.inhibit = 1           # MOV SS, POP SS (SDM 3A, 6.8.3)
        x86_update_tb_flags(&s.head)
    return status


# ---------------------------------------------------------------- LDT, task register

cdef uint64_t helper_load_table(void *env, uint64_t what, uint64_t sel, uint64_t c,
                                uint64_t d) noexcept nogil:
    """LLDT 2, LTR 3 (the reg field)."""
    cdef CPUX86State *s = <CPUX86State *>env
    cdef Descriptor found
    cdef int status
    cdef uint64_t kind
    sel &= 0xffff
    if sel & 0xfffc == 0:
        if what == 3:
            return x86_raise(s, X86_EXCP_GP, 0, HINT_SEGMENT)
        s.ldt_sel = sel
        s.ldt_base = 0
        s.ldt_limit = 0
        s.ldt_attr = 0
        return ST_OK
    if sel & 4:
        return x86_raise(s, X86_EXCP_GP, sel & 0xfffc, HINT_SELECTOR)
    status = x86_descriptor(s, sel, X86_EXCP_GP, 0, &found)
    if status != ST_OK:
        return status
    kind = found.attr & (ATTR_S | ATTR_TYPE)
    if what == 2:
        if kind != 2:
            return x86_raise(s, X86_EXCP_GP, sel & 0xfffc, HINT_SELECTOR)
    elif kind != 9 and (kind != 1 or x86_long(s)):      # an available TSS
        return x86_raise(s, X86_EXCP_GP, sel & 0xfffc, HINT_SELECTOR)
    if not found.attr & ATTR_P:
        return x86_raise(s, X86_EXCP_NP, sel & 0xfffc, HINT_NOT_PRESENT)
    if what == 2:
        s.ldt_sel = sel
        s.ldt_base = found.base
        s.ldt_limit = found.limit
        s.ldt_attr = found.attr
        return ST_OK
    found.attr |= 2                                     # busy
    status = x86_write(s, found.at + 5, 1, x86_system_idx(s), found.attr & 0xff)
    if status != ST_OK:
        return status
    s.tr_sel = sel
    s.tr_base = found.base
    s.tr_limit = found.limit
    s.tr_attr = found.attr
    return ST_OK


# ---------------------------------------------------------------- LAR, LSL, VERR, VERW

cdef bint visible(CPUX86State *s, uint64_t sel, Descriptor *d) noexcept nogil:
    cdef uint64_t dpl = d.attr >> ATTR_DPL_SHIFT & 3
    if d.attr & (ATTR_S | ATTR_CODE | ATTR_CONFORMING) == (ATTR_S | ATTR_CODE | ATTR_CONFORMING):
        return True
    return s.cpl <= dpl and sel & 3 <= dpl


cdef bint known_system(CPUX86State *s, uint64_t kind, bint limit) noexcept nogil:
    """Types that LAR (limit: LSL) takes (SDM 2A, tables 3-51 and 3-57)."""
    if x86_long(s):
        return kind == 2 or kind == 9 or kind == 11 or kind == 12 and not limit
    if kind == 1 or kind == 2 or kind == 3 or kind == 9 or kind == 11:
        return True
    return not limit and (kind == 4 or kind == 5 or kind == 12)


cdef uint64_t helper_inspect(void *env, uint64_t what, uint64_t sel, uint64_t c,
                             uint64_t d) noexcept nogil:
    """LAR 0, LSL 1, VERR 2, VERW 3: head.helper_ret is what it says, F_ZF in bit 63 if it may."""
    cdef CPUX86State *s = <CPUX86State *>env
    cdef Descriptor found
    cdef int status
    cdef bint ok
    cdef uint64_t last = s.error_code
    s.head.helper_ret = 0
    sel &= 0xffff
    if sel & 0xfffc == 0:
        return ST_OK
    status = x86_descriptor(s, sel, X86_EXCP_GP, 0, &found)
    if status != ST_OK:
        if s.head.exception_index == X86_EXCP_GP and s.head.fault.hint == HINT_SELECTOR:
            s.head.exception_index = -1
            s.head.fault.reason = 0
            s.error_code = last         # there was no exception
            return ST_OK
        return status
    ok = visible(s, sel, &found)
    if found.attr & ATTR_S:
        if what == 2 and found.attr & (ATTR_CODE | ATTR_READ) == ATTR_CODE:
            ok = False
        if what == 3 and found.attr & (ATTR_CODE | ATTR_WRITE) != ATTR_WRITE:
            ok = False
    else:
        ok = ok and what < 2 and known_system(s, found.attr & 15, what == 1)
    if ok:
        s.head.helper_ret = (found.limit if what == 1 else found.raw >> 32 & 0xf0ff00) | 1ULL << 63
    return ST_OK
