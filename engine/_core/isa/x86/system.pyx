# x86: system registers and instructions: see system.pxd.
from libc.string cimport memset
from engine._core.base.types cimport (ACCESS_WRITE, ST_FAULT, ST_HOOK_ERROR, ST_NEXT, ST_OK,
                                      ST_PC_CHANGED, uint32_t, uint64_t)
from engine._core.cpu.flush cimport cpu_tlb_flush, cpu_tlb_flush_page
from engine._core.cpu.head cimport EXCP_HLT, FAULT_ILLEGAL
from engine._core.isa.x86.defs cimport *
from engine._core.isa.x86.inthelp cimport x86_get_eflags, x86_set_eflags
from engine._core.isa.x86.interrupt cimport helper_watch, x86_has_work
from engine._core.isa.x86.paging cimport x86_load_pdptes
from engine._core.isa.x86.segment cimport *
from engine._core.isa.x86.state_gen cimport CPUX86State
from engine._core.mem.access cimport access_probe
from engine._core.mem.address_space cimport address_space_ld, address_space_st
from engine._core.mem.attrs cimport MEMTX_HOOK_ERROR, MEMTX_OK, MEMTXATTRS_UNSPECIFIED
from engine._core.mem.context cimport AddressSpace

cdef enum:                          # model-specific registers (SDM 4, table 2-2)
    MSR_TSC = 0x10
    MSR_PLATFORM_ID = 0x17
    MSR_APIC_BASE = 0x1b
    MSR_FEATURE_CONTROL = 0x3a
    MSR_TSC_ADJUST = 0x3b
    MSR_BIOS_SIGN = 0x8b
    MSR_MTRR_CAP = 0xfe
    MSR_SYSENTER_CS = 0x174
    MSR_SYSENTER_ESP = 0x175
    MSR_SYSENTER_EIP = 0x176
    MSR_MCG_CAP = 0x179
    MSR_MCG_STATUS = 0x17a
    MSR_MISC_ENABLE = 0x1a0
    MSR_MTRR_PHYS0 = 0x200
    MSR_MTRR_PHYS_END = 0x210
    MSR_MTRR_FIX64 = 0x250
    MSR_MTRR_FIX16 = 0x258
    MSR_MTRR_FIX4 = 0x268
    MSR_PAT = 0x277
    MSR_MTRR_DEF_TYPE = 0x2ff
    # MTRRs in CPUX86State.mtrr: the default type, 11 fixed ones, 16 of the variable ranges
    MTRR_FIX = 1
    MTRR_PHYS = 12

cdef extern from *:
    """
    #define ENGINE_MSR_EFER 0xc0000080U
    #define ENGINE_MSR_STAR 0xc0000081U
    #define ENGINE_MSR_LSTAR 0xc0000082U
    #define ENGINE_MSR_CSTAR 0xc0000083U
    #define ENGINE_MSR_FMASK 0xc0000084U
    #define ENGINE_MSR_FS_BASE 0xc0000100U
    #define ENGINE_MSR_GS_BASE 0xc0000101U
    #define ENGINE_MSR_KERNEL_GS_BASE 0xc0000102U
    #define ENGINE_MSR_TSC_AUX 0xc0000103U
    #define ENGINE_X86_PHYS_MASK 0x0000ffffffffffffULL
    """
    const uint32_t MSR_EFER "ENGINE_MSR_EFER"
    const uint32_t MSR_STAR "ENGINE_MSR_STAR"
    const uint32_t MSR_LSTAR "ENGINE_MSR_LSTAR"
    const uint32_t MSR_CSTAR "ENGINE_MSR_CSTAR"
    const uint32_t MSR_FMASK "ENGINE_MSR_FMASK"
    const uint32_t MSR_FS_BASE "ENGINE_MSR_FS_BASE"
    const uint32_t MSR_GS_BASE "ENGINE_MSR_GS_BASE"
    const uint32_t MSR_KERNEL_GS_BASE "ENGINE_MSR_KERNEL_GS_BASE"
    const uint32_t MSR_TSC_AUX "ENGINE_MSR_TSC_AUX"
    const uint64_t PHYS_MASK "ENGINE_X86_PHYS_MASK"

cdef enum:
    CR4_KNOWN = (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE
                 | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_OSXSAVE
                 | CR4_SMEP | CR4_SMAP)
    EFER_KNOWN = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE
    CR0_TLB = 0x80010001            # PG WP PE
    CR4_TLB = CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP | CR4_SMAP


cdef void x86_reset_system(CPUX86State *s) noexcept nogil:
    """SDM 3A, table 9-1, but for a start in flat 32- or 64-bit code what its firmware and loader
    would have done: segments flat, SSE and AVX on, no paging. 64-bit code without paging is no
    state of a real CPU: addresses are physical until CR0.PG is set."""
    cdef uint32_t k
    cdef uint64_t dpl = 3 if s.user_mode else 0
    cdef uint64_t access = 0x93 | dpl << ATTR_DPL_SHIFT, code = access | ATTR_CODE
    s.cr0 = CR0_ET if s.is386 else 0
    s.cr2 = 0
    s.cr3 = 0
    s.cr4 = 0
    s.cr8 = 0
    s.efer = 0
    s.xcr0 = 1
    s.cpl = 0
    s.gdt_base = 0
    s.gdt_limit = 0
    s.idt_base = 0
    s.idt_limit = 0x3ff
    s.ldt_sel = 0
    s.ldt_base = 0
    s.ldt_limit = 0
    s.ldt_attr = 0
    s.tr_sel = 0
    s.tr_base = 0
    s.tr_limit = 0xffff
    s.tr_attr = 0x8b
    memset(s.pdpte, 0, sizeof(s.pdpte))
    memset(s.dr, 0, sizeof(s.dr))
    s.dr[6] = <uint32_t>DR6_FIXED
    s.dr[7] = DR7_FIXED
    memset(s.mtrr, 0, sizeof(s.mtrr))
    memset(s.irq, 0, sizeof(s.irq))
    s.star = 0
    s.lstar = 0
    s.cstar = 0
    s.fmask = 0
    s.kernel_gs_base = 0
    s.sysenter_cs = 0
    s.sysenter_esp = 0
    s.sysenter_eip = 0
    s.tsc_offset = 0
    s.tsc_aux = 0
    s.pat = 0x0007040600070406ULL
    s.apic_base = 0xfee00900ULL     # the boot processor's, enabled
    s.misc_enable = 1               # fast strings
    s.error_code = 0
    s.inhibit = 0
    s.trap_due = 0
    s.nmi_masked = 0
    s.shutdown = 0
    if s.bits == 16:
        for k in range(6):
            x86_set_segment(s, k, 0, 0, 0xffff, 0x93)
        return
    s.cr0 |= CR0_PE | CR0_MP | CR0_NE
    s.xcr0 = 7
    s.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE
    s.cpl = dpl
    if s.bits == 64:
        s.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE
        s.cr4 |= CR4_PAE
        x86_set_segment(s, SEG_CS, 0x33 if dpl else 8, 0, 0xffffffffULL, code | ATTR_L | ATTR_G)
    else:
        x86_set_segment(s, SEG_CS, 0x23 if dpl else 8, 0, 0xffffffffULL, code | ATTR_D | ATTR_G)
    for k in range(6):
        if k != SEG_CS:
            x86_set_segment(s, k, 0, 0, 0xffffffffULL, access | ATTR_D | ATTR_G)
    s.seg_sel[SEG_SS] = 0x2b if dpl else 0x10
    if s.bits == 32:
        s.seg_sel[SEG_DS] = s.seg_sel[SEG_SS]
        s.seg_sel[SEG_ES] = s.seg_sel[SEG_SS]


cdef int undefined(CPUX86State *s) noexcept nogil:
    x86_raise(s, X86_EXCP_UD, 0, HINT_UNDEFINED)
    s.head.fault.reason = FAULT_ILLEGAL
    return ST_FAULT


# ---------------------------------------------------------------- control registers

cdef bint write_cr0(CPUX86State *s, uint64_t value) noexcept nogil:
    cdef uint64_t old = s.cr0, changed
    if value >> 32 or value & CR0_PG and not value & CR0_PE:
        return False
    if value & CR0_NW and not value & CR0_CD:
        return False
    value = (value & 0xe005003fULL) | (CR0_ET if s.is386 else 0)
    changed = old ^ value
    if changed & CR0_PG and value & CR0_PG:
        if s.efer & EFER_LME and not s.efer & EFER_LMA:
            if not s.cr4 & CR4_PAE or s.seg_attr[SEG_CS] & ATTR_L:
                return False
            s.efer |= EFER_LMA
        elif not x86_long(s) and s.cr4 & CR4_PAE and x86_load_pdptes(s, s.cr3) != ST_OK:
            return False
    elif changed & CR0_PG:
        if x86_code64(s):
            return False
        s.efer &= ~<uint64_t>EFER_LMA
    s.cr0 = value
    if changed & CR0_PE and not value & CR0_PE:
        s.cpl = 0
    if changed & CR0_TLB:
        cpu_tlb_flush(&s.head)
    return True


cdef bint write_cr4(CPUX86State *s, uint64_t value) noexcept nogil:
    cdef uint64_t changed = s.cr4 ^ value
    if value & ~<uint64_t>CR4_KNOWN or x86_long(s) and not value & CR4_PAE:
        return False
    if (changed & (CR4_PSE | CR4_PAE | CR4_PGE) and s.cr0 & CR0_PG and value & CR4_PAE
            and not x86_long(s) and x86_load_pdptes(s, s.cr3) != ST_OK):
        return False
    s.cr4 = value
    if changed & CR4_TLB:
        cpu_tlb_flush(&s.head)
    return True


cdef bint x86_write_cr(CPUX86State *s, uint32_t n, uint64_t value) noexcept nogil:
    cdef bint ok = True
    if n == 0:
        ok = write_cr0(s, value)
    elif n == 2:
        s.cr2 = value
    elif n == 3:
        if x86_long(s):
            if value & ~PHYS_MASK:
                return False
        else:
            value &= 0xffffffffULL
            if s.cr0 & CR0_PG and s.cr4 & CR4_PAE and x86_load_pdptes(s, value) != ST_OK:
                return False
        s.cr3 = value
        cpu_tlb_flush(&s.head)      # global pages too, which is allowed (4.10.2.2)
    elif n == 4:
        ok = write_cr4(s, value)
    else:
        ok = value < 16
        if ok:
            s.cr8 = value
    x86_update_tb_flags(&s.head)
    return ok


cdef uint64_t helper_read_cr(void *env, uint64_t n, uint64_t b, uint64_t c,
                             uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    return (s.cr0 if n == 0 else s.cr2 if n == 2 else s.cr3 if n == 3 else s.cr4 if n == 4
            else s.cr8)


cdef uint64_t helper_write_cr(void *env, uint64_t n, uint64_t value, uint64_t c,
                              uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    if not x86_write_cr(s, <uint32_t>n, value):
        return x86_raise(s, X86_EXCP_GP, 0, HINT_RESERVED)
    return ST_OK


cdef uint64_t helper_lmsw(void *env, uint64_t value, uint64_t b, uint64_t c,
                          uint64_t d) noexcept nogil:
    """LMSW cannot clear PE."""
    cdef CPUX86State *s = <CPUX86State *>env
    s.cr0 = (s.cr0 & ~14ULL) | (value & 15)
    x86_update_tb_flags(&s.head)
    return ST_OK


# ---------------------------------------------------------------- debug registers

cdef uint64_t helper_dr(void *env, uint64_t n, uint64_t value, uint64_t write,
                        uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    if n == 4 or n == 5:
        if s.cr4 & CR4_DE:
            return undefined(s)
        n += 2
    if s.dr[7] & DR7_GD:
        s.dr[6] |= DR6_BD
        s.dr[7] &= ~<uint64_t>DR7_GD
        return x86_raise(s, X86_EXCP_DB, 0, HINT_DEBUG_REGISTER)
    if not write:
        s.head.helper_ret = s.dr[n]
        return ST_OK
    if n >= 6 and value >> 32:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_RESERVED)
    if n == 6:
        value = (value & 0xe00f) | <uint32_t>DR6_FIXED
    elif n == 7:
        value = (value & 0xffff2bffULL) | DR7_FIXED
    s.dr[n] = value
    x86_update_tb_flags(&s.head)
    return ST_OK


# ---------------------------------------------------------------- model-specific registers

cdef uint64_t x86_tsc(CPUX86State *s) noexcept nogil:
    """One tick an instruction: runs repeat exactly."""
    return (s.head.icount_total + <uint64_t>(s.head.icount_slice - s.head.icount_left)
            + s.tsc_offset)


cdef uint64_t *mtrr_slot(CPUX86State *s, uint32_t n) noexcept nogil:
    if n == MSR_MTRR_DEF_TYPE:
        return &s.mtrr[0]
    if n == MSR_MTRR_FIX64:
        return &s.mtrr[MTRR_FIX]
    if n == MSR_MTRR_FIX16 or n == MSR_MTRR_FIX16 + 1:
        return &s.mtrr[MTRR_FIX + 1 + n - MSR_MTRR_FIX16]
    if MSR_MTRR_FIX4 <= n < MSR_MTRR_FIX4 + 8:
        return &s.mtrr[MTRR_FIX + 3 + n - MSR_MTRR_FIX4]
    if MSR_MTRR_PHYS0 <= n < MSR_MTRR_PHYS_END:
        return &s.mtrr[MTRR_PHYS + n - MSR_MTRR_PHYS0]
    return NULL


cdef uint64_t *msr_slot(CPUX86State *s, uint32_t n, bint *canonical) noexcept nogil:
    """Registers that are words; canonical: they hold addresses."""
    canonical[0] = True
    if n == MSR_SYSENTER_ESP:
        return &s.sysenter_esp
    if n == MSR_SYSENTER_EIP:
        return &s.sysenter_eip
    if s.bits == 64:
        if n == MSR_LSTAR:
            return &s.lstar
        if n == MSR_CSTAR:
            return &s.cstar
        if n == MSR_FS_BASE:
            return &s.seg_base[SEG_FS]
        if n == MSR_GS_BASE:
            return &s.seg_base[SEG_GS]
        if n == MSR_KERNEL_GS_BASE:
            return &s.kernel_gs_base
    canonical[0] = False
    if n == MSR_STAR and s.bits == 64:
        return &s.star
    if n == MSR_FMASK and s.bits == 64:
        return &s.fmask
    if n == MSR_SYSENTER_CS:
        return &s.sysenter_cs
    if n == MSR_PAT:
        return &s.pat
    if n == MSR_APIC_BASE:
        return &s.apic_base
    if n == MSR_MISC_ENABLE:
        return &s.misc_enable
    if n == MSR_TSC_AUX:
        return &s.tsc_aux
    if n == MSR_TSC_ADJUST:
        return &s.tsc_offset
    return mtrr_slot(s, n)


cdef bint x86_read_msr(CPUX86State *s, uint32_t n, uint64_t *value) noexcept nogil:
    cdef bint canonical = False
    cdef uint64_t *slot = msr_slot(s, n, &canonical)
    if slot != NULL:
        value[0] = slot[0]
    elif n == MSR_TSC:
        value[0] = x86_tsc(s)
    elif n == MSR_EFER:
        value[0] = s.efer
    elif n == MSR_MTRR_CAP:
        value[0] = 0x508                # 8 variable ranges, fixed ranges, write-combining
    elif n == MSR_FEATURE_CONTROL:
        value[0] = 1                    # locked, no VMX
    elif (n == MSR_PLATFORM_ID or n == MSR_BIOS_SIGN or n == MSR_MCG_CAP
            or n == MSR_MCG_STATUS):
        value[0] = 0
    else:
        return False
    return True


cdef bint pat_ok(uint64_t value) noexcept nogil:
    cdef uint32_t k, kind
    for k in range(8):
        kind = <uint32_t>(value >> (8 * k)) & 255
        if kind > 7 or kind == 2 or kind == 3:
            return False
    return True


cdef bint x86_write_msr(CPUX86State *s, uint32_t n, uint64_t value) noexcept nogil:
    cdef bint canonical = False
    cdef uint64_t *slot = msr_slot(s, n, &canonical)
    if slot != NULL:
        if (canonical and s.bits == 64 and not x86_canonical(value)
                or (n == MSR_TSC_AUX or n == MSR_FMASK) and value >> 32
                or n == MSR_PAT and not pat_ok(value)
                or n == MSR_APIC_BASE and value & (0xffff0000000006ffULL)):
            return False
        slot[0] = value
    elif n == MSR_TSC:
        s.tsc_offset += value - x86_tsc(s)
    elif n == MSR_EFER:
        if value & ~<uint64_t>(EFER_KNOWN if s.bits == 64 else EFER_NXE):
            return False
        if (value ^ s.efer) & EFER_LME and s.cr0 & CR0_PG:
            return False
        s.efer = (value & ~<uint64_t>EFER_LMA) | (s.efer & EFER_LMA)
        cpu_tlb_flush(&s.head)
        x86_update_tb_flags(&s.head)
    else:
        return n == MSR_BIOS_SIGN or n == MSR_MCG_STATUS and value == 0
    return True


cdef uint64_t helper_msr(void *env, uint64_t write, uint64_t b, uint64_t c,
                         uint64_t d) noexcept nogil:
    """RDMSR, WRMSR."""
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint32_t n = <uint32_t>s.gpr[R_CX]
    cdef uint64_t value = 0
    if write:
        value = (s.gpr[R_AX] & 0xffffffffULL) | s.gpr[R_DX] << 32
        if not x86_write_msr(s, n, value):
            return x86_raise(s, X86_EXCP_GP, 0, HINT_MSR)
        return ST_OK
    if not x86_read_msr(s, n, &value):
        return x86_raise(s, X86_EXCP_GP, 0, HINT_MSR)
    s.gpr[R_AX] = value & 0xffffffffULL
    s.gpr[R_DX] = value >> 32
    return ST_OK


cdef bint x86_xcr0_ok(uint64_t value) noexcept nogil:
    """x87 always, AVX not without SSE (SDM 1, 13.3)."""
    return not value & ~7ULL and value & 1 and value & 6 != 4


cdef uint64_t helper_xsetbv(void *env, uint64_t a, uint64_t b, uint64_t c,
                            uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint64_t value = (s.gpr[R_AX] & 0xffffffffULL) | s.gpr[R_DX] << 32
    if not s.cr4 & CR4_OSXSAVE:
        return undefined(s)
    if s.gpr[R_CX] & 0xffffffffULL or not x86_xcr0_ok(value):
        return x86_raise(s, X86_EXCP_GP, 0, HINT_RESERVED)
    s.xcr0 = value
    x86_update_tb_flags(&s.head)
    return ST_OK


cdef uint64_t helper_swapgs(void *env, uint64_t a, uint64_t b, uint64_t c,
                            uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint64_t base = s.seg_base[SEG_GS]
    s.seg_base[SEG_GS] = s.kernel_gs_base
    s.kernel_gs_base = base
    return ST_OK


# ---------------------------------------------------------------- tables, translations

cdef uint64_t helper_table(void *env, uint64_t which, uint64_t base, uint64_t limit,
                           uint64_t d) noexcept nogil:
    """LGDT 2, LIDT 3 (the reg field)."""
    cdef CPUX86State *s = <CPUX86State *>env
    if x86_code64(s) and not x86_canonical(base):
        return x86_raise(s, X86_EXCP_GP, 0, HINT_CANONICAL)
    if which == 2:
        s.gdt_base = base
        s.gdt_limit = limit & 0xffff
    else:
        s.idt_base = base
        s.idt_limit = limit & 0xffff
    return ST_OK


cdef uint64_t helper_invlpg(void *env, uint64_t addr, uint64_t b, uint64_t c,
                            uint64_t d) noexcept nogil:
    cpu_tlb_flush_page(&(<CPUX86State *>env).head, addr & ~0xfffULL, (1 << N_IDX) - 1)
    return ST_OK


# ---------------------------------------------------------------- flags

cdef uint64_t helper_flags_write(void *env, uint64_t value, uint64_t how, uint64_t c,
                                 uint64_t d) noexcept nogil:
    """POPF, CLI, STI (SDM 2B, POPF table 4-16; CLI, STI; without VME and PVI)."""
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint64_t iopl = s.eflags >> 12 & 3, which, old = s.eflags
    cdef uint32_t size = how & FLAGS_SIZE
    if not size:
        if s.cr0 & CR0_PE and s.cpl > iopl:
            return x86_raise(s, X86_EXCP_GP, 0, HINT_PRIVILEGED)
        if how & FLAGS_STI:
            s.inhibit = 0 if old & F_IF else 1
            s.eflags |= F_IF
        else:
            s.eflags &= ~<uint64_t>F_IF
        x86_update_tb_flags(&s.head)
        return ST_OK
    which = F_USER | F_RF
    if s.eflags & F_VM:                 # IOPL is 3: trans_popf
        which |= F_IF
    else:
        if s.cpl <= iopl:
            which |= F_IF
        if s.cpl == 0:
            which |= F_IOPL
    value &= ~<uint64_t>F_RF            # POPF clears it
    if size == 2:
        which &= 0xffff
    if not s.is386 and not s.cr0 & CR0_PE:
        which &= 0xfff                  # IOPL and NT stay 0 in real mode
    x86_set_eflags(s, (x86_get_eflags(s) & ~which) | (value & which))
    x86_update_tb_flags(&s.head)
    return ST_OK


cdef uint64_t helper_smap(void *env, uint64_t on, uint64_t b, uint64_t c,
                          uint64_t d) noexcept nogil:
    """CLAC, STAC."""
    cdef CPUX86State *s = <CPUX86State *>env
    if on:
        s.eflags |= F_AC
    else:
        s.eflags &= ~<uint64_t>F_AC
    x86_update_tb_flags(&s.head)
    return ST_OK


cdef uint64_t helper_hlt(void *env, uint64_t next_pc, uint64_t b, uint64_t c,
                         uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    s.inhibit = 0
    x86_update_tb_flags(&s.head)
    s.head.pc = next_pc
    if not x86_has_work(&s.head):
        s.head.halted = 1
        s.head.exception_index = EXCP_HLT
    return ST_NEXT


# ---------------------------------------------------------------- ports

cdef int port_allowed(CPUX86State *s, uint64_t port, uint64_t size) noexcept nogil:
    """CPL against IOPL, then the bitmap of the task state segment (SDM 1, 19.5.2)."""
    cdef uint64_t at = 0, bits = 0
    cdef int status
    if not s.cr0 & CR0_PE or not s.eflags & F_VM and s.cpl <= (s.eflags >> 12 & 3):
        return ST_OK
    if s.tr_sel & 0xfffc == 0 or not s.tr_attr & 8 or s.tr_limit < 103:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_PORT)
    status = x86_read(s, s.tr_base + 102, 2, x86_system_idx(s), &at)
    if status != ST_OK:
        return status
    at += port >> 3
    if at + 1 > s.tr_limit:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_PORT)
    status = x86_read(s, s.tr_base + at, 2, x86_system_idx(s), &bits)
    if status == ST_OK and bits >> (port & 7) & ((1 << size) - 1):
        return x86_raise(s, X86_EXCP_GP, 0, HINT_PORT)
    return status


cdef int port_done(CPUX86State *s, uint32_t result, uint64_t pc) noexcept nogil:
    if result & MEMTX_HOOK_ERROR:
        return ST_HOOK_ERROR
    if s.head.unwind_ra == 0 and s.head.pc != pc:   # the function has set pc
        return ST_PC_CHANGED
    return ST_OK


cdef uint64_t helper_in(void *env, uint64_t port, uint64_t size, uint64_t pc,
                        uint64_t d) noexcept nogil:
    """The value in head.helper_ret; a port that nobody claims reads all ones."""
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint64_t ones = 0xffffffffULL >> (32 - 8 * size), value
    cdef uint32_t result = MEMTX_OK
    cdef int status = port_allowed(s, port, size)
    if status != ST_OK:
        return status
    if s.dr[7] & 0xff:
        helper_watch(env, port, size | 512, 0, 0)
    s.head.helper_ret = ones
    if s.head.io == NULL:
        return ST_OK
    value = address_space_ld(<AddressSpace *>s.head.io, port, <uint32_t>size, False,
                             MEMTXATTRS_UNSPECIFIED, &result)
    if result == MEMTX_OK:
        s.head.helper_ret = value & ones
    return port_done(s, result, pc)


cdef uint64_t helper_out(void *env, uint64_t port, uint64_t size, uint64_t pc,
                         uint64_t value) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint32_t result = MEMTX_OK
    cdef int status = port_allowed(s, port, size)
    if status == ST_OK and s.dr[7] & 0xff:
        helper_watch(env, port, size | 512, 0, 0)
    if status != ST_OK or s.head.io == NULL:
        return status
    address_space_st(<AddressSpace *>s.head.io, port, value & (0xffffffffULL >> (32 - 8 * size)),
                     <uint32_t>size, False, MEMTXATTRS_UNSPECIFIED, &result)
    return port_done(s, result, pc)


cdef uint64_t helper_ports(void *env, uint64_t addr, uint64_t size, uint64_t port,
                           uint64_t out) noexcept nogil:
    """What comes before the memory operand of INS and OUTS: the permission; INS can write."""
    cdef CPUX86State *s = <CPUX86State *>env
    cdef int status = port_allowed(s, port, size)
    if out or status != ST_OK:
        return status
    return access_probe(&s.head.tlb, addr, <uint32_t>size, ACCESS_WRITE, <int>s.head.mmu_idx, 0)


# ---------------------------------------------------------------- time, chance

cdef uint64_t helper_rdtsc(void *env, uint64_t a, uint64_t b, uint64_t c,
                           uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    if s.cr4 & CR4_TSD and s.cpl and s.cr0 & CR0_PE:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_PRIVILEGED)
    s.head.helper_ret = x86_tsc(s)
    return ST_OK


cdef uint64_t helper_random(void *env, uint64_t a, uint64_t b, uint64_t c,
                            uint64_t d) noexcept nogil:
    """splitmix64 (Steele, Lea, Flood 2014): the same numbers in each run, from the seed that the
    register `random_seed` is."""
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint64_t z
    s.random += 0x9e3779b97f4a7c15ULL
    z = s.random
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL
    return z ^ z >> 31
