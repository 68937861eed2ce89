# x86: far transfers: see transfer.pxd.
from engine._core.base.types cimport ST_FAULT, ST_NEXT, ST_OK, uint32_t, uint64_t
from engine._core.cpu.head cimport FAULT_ILLEGAL
from engine._core.isa.x86.defs cimport *
from engine._core.isa.x86.inthelp cimport x86_get_eflags, x86_set_eflags
from engine._core.isa.x86.segment cimport *
from engine._core.isa.x86.state_gen cimport CPUX86State

cdef enum:
    FLAT_DATA = 0xc093              # attributes that SYSCALL and the like load, DPL 0
    FLAT_CODE = 0x809b              # + D or L


# ---------------------------------------------------------------- the stack

cdef void stack_open(Stack *k, CPUX86State *s) noexcept nogil:
    k.s = s
    k.sp = s.gpr[R_SP]
    k.idx = s.head.mmu_idx
    k.selector = 0
    if x86_code64(s):
        k.mask = ~0ULL
        k.base = 0
        k.lo = 0
        k.hi = ~0ULL
        return
    k.mask = 0xffffffffULL if s.seg_attr[SEG_SS] & ATTR_D else 0xffff
    k.base = s.seg_base[SEG_SS]
    k.lo = 0 if s.no_limits else s.seg_lo[SEG_SS]
    k.hi = ~0ULL if s.no_limits else s.seg_hi[SEG_SS]


cdef void stack_open_new(Stack *k, CPUX86State *s, uint64_t sel, const Descriptor *d,
                         uint64_t sp) noexcept nogil:
    k.s = s
    k.sp = sp
    k.idx = x86_system_idx(s) if sel & 3 != 3 else IDX_USER
    k.selector = sel & 0xfffc
    k.mask = 0xffffffffULL if d.attr & ATTR_D else 0xffff
    k.base = d.base
    k.lo = 0
    k.hi = d.limit
    if d.attr & ATTR_DOWN:
        k.lo = d.limit + 1
        k.hi = k.mask


cdef int stack_place(Stack *k, uint64_t at, uint32_t size, uint64_t *linear) noexcept nogil:
    if k.hi != ~0ULL and (at < k.lo or at + size - 1 > k.hi):
        # The 80286 has but #GP for the stack in real mode.
        return x86_raise(k.s, X86_EXCP_SS if k.s.cr0 & (CR0_PE | CR0_ET) else X86_EXCP_GP,
                         k.selector, HINT_SELECTOR)
    linear[0] = k.base + at
    return ST_OK


cdef int stack_push(Stack *k, uint64_t value, uint32_t size) noexcept nogil:
    cdef uint64_t at = (k.sp - size) & k.mask, linear = 0
    cdef int status = stack_place(k, at, size, &linear)
    if status == ST_OK:
        status = x86_write(k.s, linear, size, k.idx, value)
    if status == ST_OK:
        k.sp = (k.sp & ~k.mask) | at
    return status


cdef int stack_pop(Stack *k, uint64_t *value, uint32_t size) noexcept nogil:
    cdef uint64_t at = k.sp & k.mask, linear = 0
    cdef int status = stack_place(k, at, size, &linear)
    if status == ST_OK:
        status = x86_read(k.s, linear, size, k.idx, value)
    if status == ST_OK:
        k.sp = (k.sp & ~k.mask) | ((at + size) & k.mask)
    return status


cdef void stack_commit(Stack *k) noexcept nogil:
    if k.mask == 0xffffffffULL:
        k.s.gpr[R_SP] = k.sp & k.mask
    else:
        k.s.gpr[R_SP] = k.sp


cdef int inner_stack(CPUX86State *s, uint64_t level, uint64_t ext, uint64_t *ss,
                     uint64_t *sp) noexcept nogil:
    """SDM 3A, 7.2.1 and 7.6."""
    cdef bint wide = s.tr_attr & 8 != 0
    cdef uint64_t at = 4 + 8 * level if wide else 2 + 4 * level
    cdef uint32_t size = 4 if wide else 2
    cdef int status
    if s.tr_sel & 0xfffc == 0 or at + size + 1 > s.tr_limit:
        return x86_raise(s, X86_EXCP_TS, (s.tr_sel & 0xfffc) | ext, HINT_SELECTOR)
    status = x86_read(s, s.tr_base + at, size, x86_system_idx(s), sp)
    if status == ST_OK:
        status = x86_read(s, s.tr_base + at + size, 2, x86_system_idx(s), ss)
    return status


cdef int inner_stack64(CPUX86State *s, uint64_t level, uint64_t ist, uint64_t ext,
                       uint64_t *sp) noexcept nogil:
    cdef uint64_t at = 0x1c + 8 * ist if ist else 4 + 8 * level
    cdef int status
    if s.tr_sel & 0xfffc == 0 or at + 7 > s.tr_limit:
        return x86_raise(s, X86_EXCP_TS, (s.tr_sel & 0xfffc) | ext, HINT_SELECTOR)
    status = x86_read(s, s.tr_base + at, 8, x86_system_idx(s), sp)
    if status == ST_OK and not x86_canonical(sp[0]):
        return x86_raise(s, X86_EXCP_SS, ext, HINT_SELECTOR)
    return status


cdef void stack_widen(Stack *k, uint64_t sp, uint64_t level) noexcept nogil:
    k.sp = sp
    k.mask = ~0ULL
    k.base = 0
    k.lo = 0
    k.hi = ~0ULL
    k.idx = IDX_USER if level == 3 else x86_system_idx(k.s)


cdef int stack_open_inner(Stack *k, CPUX86State *s, uint64_t level, uint64_t ist, uint64_t ext,
                          InnerStack *inner) noexcept nogil:
    cdef int status
    if x86_long(s):
        status = inner_stack64(s, level, ist, ext, &inner.sp)
        if status == ST_OK:
            k.s = s
            k.selector = 0
            stack_widen(k, inner.sp, level)
        return status
    status = inner_stack(s, level, ext, &inner.ss, &inner.sp)
    if status == ST_OK:
        status = x86_stack_segment(s, inner.ss, level, X86_EXCP_TS, ext, &inner.d)
    if status == ST_OK:
        stack_open_new(k, s, inner.ss, &inner.d, inner.sp)
    return status


cdef void stack_enter_inner(CPUX86State *s, uint64_t level, const InnerStack *inner) noexcept nogil:
    if x86_long(s):
        x86_set_segment(s, SEG_SS, level, 0, 0, ATTR_UNUSABLE | level << ATTR_DPL_SHIFT)
    else:
        x86_set_segment(s, SEG_SS, inner.ss, inner.d.base, inner.d.limit, inner.d.attr)


# ---------------------------------------------------------------- code segments

cdef int x86_code_target(CPUX86State *s, const Descriptor *d, uint64_t ip) noexcept nogil:
    if x86_long(s) and d.attr & ATTR_L:
        if not x86_canonical(ip):
            return x86_raise(s, X86_EXCP_GP, 0, HINT_TARGET)
    elif ip > d.limit:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_LIMIT)
    return ST_OK


cdef void x86_enter_code(CPUX86State *s, uint64_t sel, const Descriptor *d, uint64_t cpl,
                         uint64_t ip) noexcept nogil:
    x86_set_segment(s, SEG_CS, (sel & 0xfffc) | cpl, d.base, d.limit, d.attr)
    s.cpl = cpl
    x86_update_tb_flags(&s.head)
    s.head.pc = s.head.cs_base + ip
    if not x86_code64(s):
        s.head.pc &= 0xffffffffULL


cdef int check_code(CPUX86State *s, uint64_t sel, uint64_t rpl, const Descriptor *d) noexcept nogil:
    """Of a direct JMP or CALL: type, privilege, presence (SDM 2A, CALL: "same privilege")."""
    cdef uint64_t dpl = d.attr >> ATTR_DPL_SHIFT & 3
    if (not d.attr & ATTR_S or not d.attr & ATTR_CODE
            or (dpl > s.cpl if d.attr & ATTR_CONFORMING else rpl > s.cpl or dpl != s.cpl)
            or x86_long(s) and d.attr & (ATTR_L | ATTR_D) == (ATTR_L | ATTR_D)):
        return x86_raise(s, X86_EXCP_GP, sel & 0xfffc, HINT_SELECTOR)
    if not d.attr & ATTR_P:
        return x86_raise(s, X86_EXCP_NP, sel & 0xfffc, HINT_NOT_PRESENT)
    return ST_OK


cdef int push_return(CPUX86State *s, Stack *k, uint32_t size, uint64_t next_ip) noexcept nogil:
    cdef int status = stack_push(k, s.seg_sel[SEG_CS], size)
    if status == ST_OK:
        status = stack_push(k, next_ip, size)
    return status


cdef int far_real(CPUX86State *s, uint64_t sel, uint64_t ip, uint64_t how,
                  uint64_t next_ip) noexcept nogil:
    cdef Stack k
    cdef int status
    if ip > s.seg_limit[SEG_CS]:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_LIMIT)
    stack_open(&k, s)
    if how & 16:
        status = push_return(s, &k, how & 15, next_ip)
        if status != ST_OK:
            return status
        stack_commit(&k)
    x86_set_real_segment(s, SEG_CS, sel)
    x86_update_tb_flags(&s.head)
    s.head.pc = (s.head.cs_base + ip) & 0xffffffffULL
    return ST_NEXT


cdef int through_gate(CPUX86State *s, uint64_t sel, Descriptor *gate, bint call,
                      uint64_t next_ip) noexcept nogil:
    """A call gate (SDM 3A, 5.8.3): to code of this privilege level or, by CALL, of an inner one."""
    cdef Descriptor d
    cdef InnerStack inner
    cdef Stack k, old
    cdef uint64_t kind = gate.attr & 15, dpl = gate.attr >> ATTR_DPL_SHIFT & 3, args, n, value = 0
    cdef uint64_t target = gate.raw >> 16 & 0xffff, ip = gate.raw & 0xffff, cpl
    cdef uint32_t size = 2 if kind == 4 else 8 if x86_long(s) else 4
    cdef int status
    if dpl < s.cpl or dpl < sel & 3:
        return x86_raise(s, X86_EXCP_GP, sel & 0xfffc, HINT_SELECTOR)
    if not gate.attr & ATTR_P:
        return x86_raise(s, X86_EXCP_NP, sel & 0xfffc, HINT_NOT_PRESENT)
    if kind != 4:
        ip |= gate.raw >> 32 & 0xffff0000ULL
    if size == 8:
        ip |= gate.raw_hi << 32
    if target & 0xfffc == 0:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_SEGMENT)
    status = x86_descriptor(s, target, X86_EXCP_GP, 0, &d)
    if status != ST_OK:
        return status
    dpl = d.attr >> ATTR_DPL_SHIFT & 3
    if (not d.attr & ATTR_S or not d.attr & ATTR_CODE or dpl > s.cpl
            or x86_long(s) and d.attr & (ATTR_L | ATTR_D) != ATTR_L
            or not call and not d.attr & ATTR_CONFORMING and dpl != s.cpl):
        return x86_raise(s, X86_EXCP_GP, target & 0xfffc, HINT_SELECTOR)
    if not d.attr & ATTR_P:
        return x86_raise(s, X86_EXCP_NP, target & 0xfffc, HINT_NOT_PRESENT)
    status = x86_code_target(s, &d, ip)
    if status != ST_OK:
        return status
    cpl = s.cpl
    stack_open(&k, s)
    if call and not d.attr & ATTR_CONFORMING and dpl < s.cpl:
        old = k
        cpl = dpl
        status = stack_open_inner(&k, s, dpl, 0, 0, &inner)
        if status == ST_OK:
            status = stack_push(&k, s.seg_sel[SEG_SS], size)
        if status == ST_OK:
            status = stack_push(&k, old.sp & old.mask, size)
        args = 0 if size == 8 else gate.raw >> 32 & 31
        for n in range(args):
            if status == ST_OK:
                old.sp = s.gpr[R_SP] + (args - 1 - n) * size
                status = stack_pop(&old, &value, size)
            if status == ST_OK:
                status = stack_push(&k, value, size)
    elif size == 8:
        stack_widen(&k, k.sp, s.cpl)
    if status == ST_OK and call:
        status = push_return(s, &k, size, next_ip)
    if status == ST_OK:
        status = x86_mark_accessed(s, &d)
    if status != ST_OK:
        return status
    if cpl != s.cpl:
        stack_enter_inner(s, cpl, &inner)
    if call:
        stack_commit(&k)
    x86_enter_code(s, target, &d, cpl, ip)
    return ST_NEXT


cdef uint64_t helper_far(void *env, uint64_t sel, uint64_t ip, uint64_t how,
                         uint64_t next_ip) noexcept nogil:
    """how: bytes of the operand size, 16: CALL."""
    cdef CPUX86State *s = <CPUX86State *>env
    cdef Descriptor d
    cdef Stack k
    cdef int status
    sel &= 0xffff
    if not x86_protected(s):
        return far_real(s, sel, ip, how, next_ip)
    if sel & 0xfffc == 0:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_SEGMENT)
    status = x86_descriptor(s, sel, X86_EXCP_GP, 0, &d)
    if status != ST_OK:
        return status
    if not d.attr & ATTR_S:
        if d.attr & 15 == 12 or d.attr & 15 == 4 and not x86_long(s):
            return through_gate(s, sel, &d, how & 16 != 0, next_ip)
        return x86_raise(s, X86_EXCP_GP, sel & 0xfffc,
                         HINT_TASK if not x86_long(s) and (d.attr & 15 == 1 or d.attr & 15 == 5
                                                           or d.attr & 15 == 9)
                         else HINT_SELECTOR)
    status = check_code(s, sel, sel & 3, &d)
    if status != ST_OK:
        return status
    stack_open(&k, s)
    if how & 16:
        status = push_return(s, &k, how & 15, next_ip)
    if status == ST_OK:
        status = x86_code_target(s, &d, ip)
    if status == ST_OK:
        status = x86_mark_accessed(s, &d)
    if status != ST_OK:
        return status
    if how & 16:
        stack_commit(&k)
    x86_enter_code(s, sel, &d, s.cpl, ip)
    return ST_NEXT


# ---------------------------------------------------------------- returns

cdef void drop_inner_segments(CPUX86State *s) noexcept nogil:
    """Data segments that the outer level may not use become null (SDM 2B, RET)."""
    cdef uint32_t seg
    cdef uint64_t attr
    for seg in range(6):
        if seg == SEG_CS or seg == SEG_SS:
            continue
        attr = s.seg_attr[seg]
        if attr & (ATTR_CODE | ATTR_CONFORMING) == (ATTR_CODE | ATTR_CONFORMING):
            continue
        if (attr >> ATTR_DPL_SHIFT & 3) < s.cpl:
            x86_set_segment(s, seg, 0, 0, 0, ATTR_UNUSABLE)


cdef int return_to(CPUX86State *s, Stack *k, uint64_t sel, uint64_t ip, uint32_t size,
                   uint64_t drop, bint stack_too) noexcept nogil:
    """The rest of RETF and IRET in protected mode; stack_too: SS:SP were pushed in any case."""
    cdef Descriptor d, ss_desc
    cdef uint64_t rpl = sel & 3, dpl, ss = 0, sp = 0
    cdef bint outer = rpl > s.cpl, null_ss = False
    cdef int status
    if sel & 0xfffc == 0:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_SEGMENT)
    status = x86_descriptor(s, sel, X86_EXCP_GP, 0, &d)
    if status != ST_OK:
        return status
    dpl = d.attr >> ATTR_DPL_SHIFT & 3
    if (rpl < s.cpl or not d.attr & ATTR_S or not d.attr & ATTR_CODE
            or (dpl > rpl if d.attr & ATTR_CONFORMING else dpl != rpl)
            or x86_long(s) and d.attr & (ATTR_L | ATTR_D) == (ATTR_L | ATTR_D)):
        return x86_raise(s, X86_EXCP_GP, sel & 0xfffc, HINT_SELECTOR)
    if not d.attr & ATTR_P:
        return x86_raise(s, X86_EXCP_NP, sel & 0xfffc, HINT_NOT_PRESENT)
    k.sp = (k.sp & ~k.mask) | ((k.sp + drop) & k.mask)
    if outer or stack_too:
        status = stack_pop(k, &sp, size)
        if status == ST_OK:
            status = stack_pop(k, &ss, size)
        if status != ST_OK:
            return status
        ss &= 0xffff
        if ss & 0xfffc == 0 and x86_long(s) and d.attr & ATTR_L and rpl != 3 and ss & 3 == rpl:
            null_ss = True
        else:
            status = x86_stack_segment(s, ss, rpl, X86_EXCP_GP, 0, &ss_desc)
            if status != ST_OK:
                return status
    status = x86_code_target(s, &d, ip)
    if status == ST_OK:
        status = x86_mark_accessed(s, &d)
    if status != ST_OK:
        return status
    x86_enter_code(s, sel, &d, rpl, ip)
    if outer or stack_too:
        if null_ss:
            x86_set_segment(s, SEG_SS, ss, 0, 0, ATTR_UNUSABLE | rpl << ATTR_DPL_SHIFT)
        else:
            x86_set_segment(s, SEG_SS, ss, ss_desc.base, ss_desc.limit, ss_desc.attr)
        sp += drop if outer and not stack_too else 0
        if x86_code64(s):
            s.gpr[R_SP] = sp
        elif s.seg_attr[SEG_SS] & ATTR_D:
            s.gpr[R_SP] = sp & 0xffffffffULL
        else:
            s.gpr[R_SP] = (s.gpr[R_SP] & ~0xffffULL) | (sp & 0xffff)
        if outer:
            drop_inner_segments(s)
        x86_update_tb_flags(&s.head)
    else:
        stack_commit(k)
    return ST_NEXT


cdef uint64_t helper_retf(void *env, uint64_t size, uint64_t drop, uint64_t c,
                          uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    cdef Stack k
    cdef uint64_t ip = 0, sel = 0
    cdef int status
    stack_open(&k, s)
    status = stack_pop(&k, &ip, <uint32_t>size)
    if status == ST_OK:
        status = stack_pop(&k, &sel, <uint32_t>size)
    if status != ST_OK:
        return status
    sel &= 0xffff
    if x86_protected(s):
        return return_to(s, &k, sel, ip, <uint32_t>size, drop, False)
    if ip > s.seg_limit[SEG_CS]:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_LIMIT)
    k.sp = (k.sp & ~k.mask) | ((k.sp + drop) & k.mask)
    stack_commit(&k)
    x86_set_real_segment(s, SEG_CS, sel)
    x86_update_tb_flags(&s.head)
    s.head.pc = (s.head.cs_base + ip) & 0xffffffffULL
    return ST_NEXT


cdef void put_flags(CPUX86State *s, uint64_t value, uint64_t which) noexcept nogil:
    if not s.cr0 & CR0_PE and not s.cr0 & CR0_ET:
        which &= 0xfff              # the 80286 in real mode
    x86_set_eflags(s, (x86_get_eflags(s) & ~which) | (value & which))


cdef int iret_vm86(CPUX86State *s, Stack *k, uint64_t sel, uint64_t ip,
                   uint64_t flags) noexcept nogil:
    """From CPL 0 to virtual-8086 mode (SDM 3A, 21.2.5)."""
    cdef uint64_t value[6]
    cdef uint32_t n
    cdef int status
    if ip > 0xffff:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_LIMIT)
    for n in range(6):              # ESP SS ES DS FS GS
        value[n] = 0
        status = stack_pop(k, &value[n], 4)
        if status != ST_OK:
            return status
    put_flags(s, flags, F_ALL)
    s.gpr[R_SP] = value[0] & 0xffffffffULL
    x86_set_real_segment(s, SEG_CS, sel)
    x86_set_real_segment(s, SEG_SS, value[1] & 0xffff)
    x86_set_real_segment(s, SEG_ES, value[2] & 0xffff)
    x86_set_real_segment(s, SEG_DS, value[3] & 0xffff)
    x86_set_real_segment(s, SEG_FS, value[4] & 0xffff)
    x86_set_real_segment(s, SEG_GS, value[5] & 0xffff)
    s.cpl = 3
    x86_update_tb_flags(&s.head)
    s.head.pc = (s.head.cs_base + ip) & 0xffffffffULL
    return ST_NEXT


cdef uint64_t helper_iret(void *env, uint64_t size, uint64_t next_ip, uint64_t c,
                          uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    cdef Stack k
    cdef uint64_t ip = 0, sel = 0, flags = 0, which
    cdef uint64_t cpl = s.cpl, iopl = s.eflags >> 12 & 3
    cdef int status
    if s.eflags & F_VM and iopl < 3:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_PRIVILEGED)
    if x86_protected(s) and s.eflags & F_NT:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_TASK)
    stack_open(&k, s)
    status = stack_pop(&k, &ip, <uint32_t>size)
    if status == ST_OK:
        status = stack_pop(&k, &sel, <uint32_t>size)
    if status == ST_OK:
        status = stack_pop(&k, &flags, <uint32_t>size)
    if status != ST_OK:
        return status
    sel &= 0xffff
    which = F_USER | (F_RF if size > 2 else 0)
    if not x86_protected(s):
        if ip > s.seg_limit[SEG_CS]:
            return x86_raise(s, X86_EXCP_GP, 0, HINT_LIMIT)
        stack_commit(&k)
        put_flags(s, flags, (which | F_IF | (0 if s.eflags & F_VM else F_IOPL))
                  & (0xffff if size == 2 else F_ALL))
        x86_set_real_segment(s, SEG_CS, sel)
        x86_update_tb_flags(&s.head)
        s.head.pc = (s.head.cs_base + ip) & 0xffffffffULL
        s.nmi_masked = 0
        return ST_NEXT
    if flags & F_VM and size == 4 and cpl == 0 and not x86_long(s):
        status = iret_vm86(s, &k, sel, ip, flags)
    else:
        status = return_to(s, &k, sel, ip, <uint32_t>size, 0, size == 8 or x86_code64(s))
        if status == ST_NEXT:
            if cpl <= iopl:
                which |= F_IF
            if cpl == 0:
                which |= F_IOPL
            put_flags(s, flags, which & (0xffff if size == 2 else ~<uint64_t>F_VM))
            x86_update_tb_flags(&s.head)
    if status == ST_NEXT:
        s.nmi_masked = 0
    return status


# ---------------------------------------------------------------- SYSCALL, SYSENTER

cdef void flat_segments(CPUX86State *s, uint64_t cs, uint64_t ss, uint64_t cpl,
                        uint64_t width) noexcept nogil:
    x86_set_segment(s, SEG_CS, (cs & 0xfffc) | cpl, 0, 0xffffffffULL,
                    FLAT_CODE | width | cpl << ATTR_DPL_SHIFT)
    x86_set_segment(s, SEG_SS, (ss & 0xfffc) | cpl, 0, 0xffffffffULL,
                    FLAT_DATA | cpl << ATTR_DPL_SHIFT)
    s.cpl = cpl


cdef int undefined(CPUX86State *s) noexcept nogil:
    x86_raise(s, X86_EXCP_UD, 0, HINT_UNDEFINED)
    s.head.fault.reason = FAULT_ILLEGAL
    return ST_FAULT


cdef uint64_t helper_syscall(void *env, uint64_t next_pc, uint64_t b, uint64_t c,
                             uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    if not s.efer & EFER_SCE:
        return undefined(s)
    s.gpr[R_CX] = next_pc
    s.gpr[11] = x86_get_eflags(s) & ~<uint64_t>F_RF
    x86_set_eflags(s, s.gpr[11] & ~s.fmask)
    flat_segments(s, s.star >> 32 & 0xfffc, (s.star >> 32 & 0xfffc) + 8, 0, ATTR_L)
    x86_update_tb_flags(&s.head)
    s.head.pc = s.lstar
    return ST_NEXT


cdef uint64_t helper_sysret(void *env, uint64_t wide, uint64_t b, uint64_t c,
                            uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint64_t pc = s.gpr[R_CX]
    if not s.efer & EFER_SCE:
        return undefined(s)
    if s.cpl:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_PRIVILEGED)
    if wide and not x86_canonical(pc):
        return x86_raise(s, X86_EXCP_GP, 0, HINT_CANONICAL)
    if not wide:
        pc &= 0xffffffffULL
    x86_set_eflags(s, (s.gpr[11] & 0x3c7fd7) | 2)
    flat_segments(s, (s.star >> 48) + (16 if wide else 0), (s.star >> 48) + 8, 3,
                  ATTR_L if wide else ATTR_D)
    x86_update_tb_flags(&s.head)
    s.head.pc = pc
    return ST_NEXT


cdef uint64_t helper_sysenter(void *env, uint64_t a, uint64_t b, uint64_t c,
                              uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    if s.sysenter_cs & 0xfffc == 0:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_MSR)
    s.eflags &= ~<uint64_t>(F_VM | F_IF | F_RF)
    flat_segments(s, s.sysenter_cs, (s.sysenter_cs & 0xfffc) + 8, 0,
                  ATTR_L if x86_long(s) else ATTR_D)
    x86_update_tb_flags(&s.head)
    s.gpr[R_SP] = s.sysenter_esp
    s.head.pc = s.sysenter_eip
    if not x86_long(s):
        s.gpr[R_SP] &= 0xffffffffULL
        s.head.pc &= 0xffffffffULL
    return ST_NEXT


cdef uint64_t helper_sysexit(void *env, uint64_t wide, uint64_t b, uint64_t c,
                             uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint64_t sp = s.gpr[R_CX], pc = s.gpr[R_DX], cs = s.sysenter_cs & 0xfffc
    if cs == 0 or s.cpl:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_PRIVILEGED if s.cpl else HINT_MSR)
    if wide:
        if not x86_canonical(sp) or not x86_canonical(pc):
            return x86_raise(s, X86_EXCP_GP, 0, HINT_CANONICAL)
    else:
        sp &= 0xffffffffULL
        pc &= 0xffffffffULL
    flat_segments(s, cs + (32 if wide else 16), cs + (40 if wide else 24), 3,
                  ATTR_L if wide else ATTR_D)
    x86_update_tb_flags(&s.head)
    s.gpr[R_SP] = sp
    s.head.pc = pc
    return ST_NEXT
