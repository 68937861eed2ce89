# RISC-V control and status registers: see csr.pxd.
# Privileged ISA, chapters 2 (listing), 3.1 (machine), 10.1 (supervisor); Unprivileged ISA, "Zicsr",
# "Zicntr", "F". All WARL fields keep to what this hart implements.
from engine._core.base.types cimport ST_OK, uint8_t, uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.fp.host cimport fp_get_flags, fp_set_flags, fp_set_rounding
from engine._core.isa.riscv.defs cimport *
from engine._core.isa.riscv.mmu cimport riscv_flush
from engine._core.isa.riscv.pmp cimport (pmpaddr_read, pmpaddr_write, pmpcfg_read,
                                         pmpcfg_write)
from engine._core.isa.riscv.state_gen cimport (CPURISCVState, RISCV_A, RISCV_C, RISCV_D, RISCV_F,
                                               RISCV_M, RISCV_S, RISCV_U)
from engine._core.isa.riscv.trap cimport (riscv_illegal, riscv_mip, riscv_set_priv,
                                          riscv_update_irq, riscv_update_tb_flags)

cdef enum:
    COUNTERS = 7                    # CY TM IR of the *counteren registers
    ENVCFG_FIOM = 1


# ---------------------------------------------------------------- views

cdef uint64_t word_mask(CPURISCVState *s) noexcept nogil:
    return 0xffffffffULL if s.xlen == 32 else 0xffffffffffffffffULL


cdef uint64_t counter(CPURISCVState *s) noexcept nogil:
    """Instructions retired before the one that asks. It ends its block, so that the budget has been
    charged for it and for nothing behind it; outside of run() both terms are equal."""
    cdef CPUHead *head = &s.head
    cdef uint64_t n = head.icount_total + <uint64_t>(head.icount_slice - head.icount_left)
    return n - 1 if head.in_run and head.current_tb != NULL else n


cdef uint64_t misa(CPURISCVState *s) noexcept nogil:
    cdef uint64_t value = 1 << 8    # I
    if s.features & RISCV_A:
        value |= 1 << 0
    if s.features & RISCV_C:
        value |= 1 << 2
    if s.features & RISCV_D:
        value |= 1 << 3
    if s.features & RISCV_F:
        value |= 1 << 5
    if s.features & RISCV_M:
        value |= 1 << 12
    if s.features & RISCV_S:
        value |= 1 << 18
    if s.features & RISCV_U:
        value |= 1 << 20
    return value | (1ULL << 30 if s.xlen == 32 else 2ULL << 62)


cdef uint64_t mstatus_view(CPURISCVState *s, uint64_t mask) noexcept nogil:
    """mask: which fields. SD sums up FS; UXL and SXL are fixed to XLEN."""
    cdef uint64_t value = s.mstatus & mask
    if s.mstatus & MSTATUS_FS == MSTATUS_FS:
        value |= 1ULL << (s.xlen - 1)
    if s.xlen == 64:
        value |= 2ULL << 32
        if mask == MSTATUS_WRITABLE:
            value |= 2ULL << 34
    return value


cdef bint csr_read(CPURISCVState *s, uint32_t number, uint64_t *value) noexcept nogil:
    cdef bint rv32 = s.xlen == 32
    cdef uint64_t v = 0
    if CSR_PMPADDR0 <= number <= CSR_PMPADDR15:
        v = pmpaddr_read(s, number - CSR_PMPADDR0)
    elif CSR_PMPCFG0 <= number <= CSR_PMPCFG3:
        if not rv32 and number & 1:
            return False
        v = pmpcfg_read(s, number - CSR_PMPCFG0)
    elif (CSR_MHPMCOUNTER3 <= number <= CSR_MHPMCOUNTER31
          or CSR_HPMCOUNTER3 <= number <= CSR_HPMCOUNTER31
          or CSR_MHPMEVENT3 <= number <= CSR_MHPMEVENT31):
        v = 0                       # no events are counted
    elif (CSR_MHPMCOUNTER3H <= number <= CSR_MHPMCOUNTER31H
          or CSR_HPMCOUNTER3H <= number <= CSR_HPMCOUNTER31H):
        if not rv32:
            return False
    elif number == CSR_FFLAGS:
        v = fp_get_flags(&s.head.fpst) & 31
    elif number == CSR_FRM:
        v = s.frm
    elif number == CSR_FCSR:
        v = s.frm << 5 | fp_get_flags(&s.head.fpst) & 31
    elif number == CSR_CYCLE or number == CSR_MCYCLE:
        v = counter(s) + s.cycle_base
    elif number == CSR_INSTRET or number == CSR_MINSTRET:
        v = counter(s) + s.instret_base
    elif number == CSR_TIME:
        v = counter(s)              # one tick an instruction: runs repeat exactly
    elif rv32 and (number == CSR_CYCLEH or number == CSR_MCYCLEH):
        v = (counter(s) + s.cycle_base) >> 32
    elif rv32 and (number == CSR_INSTRETH or number == CSR_MINSTRETH):
        v = (counter(s) + s.instret_base) >> 32
    elif rv32 and number == CSR_TIMEH:
        v = counter(s) >> 32
    elif number == CSR_SSTATUS:
        v = mstatus_view(s, SSTATUS_WRITABLE)
    elif number == CSR_SIE:
        v = s.mie & s.mideleg
    elif number == CSR_SIP:
        v = riscv_mip(s) & s.mideleg
    elif number == CSR_STVEC:
        v = s.stvec
    elif number == CSR_SCOUNTEREN:
        v = s.scounteren
    elif number == CSR_SENVCFG:
        v = s.senvcfg
    elif number == CSR_SSCRATCH:
        v = s.sscratch
    elif number == CSR_SEPC:
        v = s.sepc
    elif number == CSR_SCAUSE:
        v = s.scause
    elif number == CSR_STVAL:
        v = s.stval
    elif number == CSR_SATP:
        v = s.satp
    elif number == CSR_MSTATUS:
        v = mstatus_view(s, MSTATUS_WRITABLE)
    elif number == CSR_MISA:
        v = misa(s)
    elif number == CSR_MEDELEG:
        v = s.medeleg
    elif number == CSR_MIDELEG:
        v = s.mideleg
    elif number == CSR_MIE:
        v = s.mie
    elif number == CSR_MTVEC:
        v = s.mtvec
    elif number == CSR_MCOUNTEREN:
        v = s.mcounteren
    elif number == CSR_MENVCFG:
        v = s.menvcfg
    elif number == CSR_MSCRATCH:
        v = s.mscratch
    elif number == CSR_MEPC:
        v = s.mepc
    elif number == CSR_MCAUSE:
        v = s.mcause
    elif number == CSR_MTVAL:
        v = s.mtval
    elif number == CSR_MIP:
        v = riscv_mip(s)
    elif number == CSR_MHARTID:
        v = s.mhartid
    elif number == CSR_MCOUNTINHIBIT or number == CSR_MVENDORID or number == CSR_MARCHID:
        v = 0
    elif number == CSR_MIMPID or number == CSR_MCONFIGPTR:
        v = 0
    elif rv32 and (number == CSR_MSTATUSH or number == CSR_MENVCFGH):
        v = 0
    else:
        return False
    value[0] = v & word_mask(s)
    return True


# ---------------------------------------------------------------- writes

cdef void write_mstatus(CPURISCVState *s, uint64_t value, uint64_t mask) noexcept nogil:
    cdef uint64_t old = s.mstatus, st
    st = (old & ~mask) | (value & mask)
    if (st >> MSTATUS_MPP_SHIFT) & 3 == 2 or not s.features & RISCV_S and \
            (st >> MSTATUS_MPP_SHIFT) & 3 == PRV_S or not s.features & RISCV_U and \
            (st >> MSTATUS_MPP_SHIFT) & 3 == PRV_U:
        st = (st & ~<uint64_t>MSTATUS_MPP) | (old & MSTATUS_MPP)
    if not s.features & RISCV_F:
        st &= ~<uint64_t>MSTATUS_FS
    s.mstatus = st
    if (old ^ st) & MSTATUS_MXR:
        riscv_flush(s)              # SUM and MPRV choose another MMU index instead
    riscv_update_tb_flags(&s.head)


cdef void write_satp(CPURISCVState *s, uint64_t value) noexcept nogil:
    """A write with an unsupported mode has no effect (10.1.11)."""
    cdef uint64_t mode = value >> 60
    if s.xlen == 64:
        if mode != 0 and (mode < 8 or mode > 10):
            return
        if mode == 0:
            value = 0
    elif not value >> 31:
        value = 0
    if value != s.satp:
        s.satp = value
        riscv_flush(s)


cdef void write_frm(CPURISCVState *s, uint64_t value) noexcept nogil:
    s.frm = value & 7
    if s.frm <= 4:
        fp_set_rounding(&s.head.fpst, <uint8_t>s.frm)
    riscv_update_tb_flags(&s.head)


cdef uint64_t write_half(CPURISCVState *s, uint64_t old, uint64_t value, bint high) noexcept nogil:
    """A 64-bit counter from one write: all of it, or one half on RV32."""
    if high:
        return old & 0xffffffffULL | value << 32
    if s.xlen == 32:
        return old & ~0xffffffffULL | value
    return value


cdef uint64_t legal_tvec(uint64_t value) noexcept nogil:
    return value & ~3ULL if value & 2 else value


cdef bint csr_write(CPURISCVState *s, uint32_t number, uint64_t value) noexcept nogil:
    cdef uint64_t dummy = 0, now
    cdef uint64_t align = ~1ULL if s.features & RISCV_C else ~3ULL
    value &= word_mask(s)
    if not csr_read(s, number, &dummy):
        return False
    if CSR_PMPADDR0 <= number <= CSR_PMPADDR15:
        if pmpaddr_write(s, number - CSR_PMPADDR0, value):
            riscv_flush(s)
    elif CSR_PMPCFG0 <= number <= CSR_PMPCFG3:
        if pmpcfg_write(s, number - CSR_PMPCFG0, value):
            riscv_flush(s)
    elif number == CSR_FFLAGS:
        fp_set_flags(&s.head.fpst, <uint8_t>(value & 31))
    elif number == CSR_FRM:
        write_frm(s, value)
    elif number == CSR_FCSR:
        fp_set_flags(&s.head.fpst, <uint8_t>(value & 31))
        write_frm(s, value >> 5)
    elif number == CSR_MCYCLE or number == CSR_MCYCLEH:
        now = counter(s)
        s.cycle_base = write_half(s, now + s.cycle_base, value, number == CSR_MCYCLEH) - now
        if s.head.in_run and s.head.current_tb != NULL:
            s.cycle_base -= 1       # the write itself does not count on top (3.1.10)
    elif number == CSR_MINSTRET or number == CSR_MINSTRETH:
        now = counter(s)
        s.instret_base = write_half(s, now + s.instret_base, value, number == CSR_MINSTRETH) - now
        if s.head.in_run and s.head.current_tb != NULL:
            s.instret_base -= 1
    elif number == CSR_SSTATUS:
        write_mstatus(s, value, SSTATUS_WRITABLE)
    elif number == CSR_SIE:
        s.mie = (s.mie & ~s.mideleg) | (value & s.mideleg)
        riscv_update_irq(s)
    elif number == CSR_SIP:         # of the delegated ones only SSIP is writable (10.1.3)
        s.mip = (s.mip & ~(s.mideleg & 2)) | (value & s.mideleg & 2)
        riscv_update_irq(s)
    elif number == CSR_STVEC:
        s.stvec = legal_tvec(value)
    elif number == CSR_SCOUNTEREN:
        s.scounteren = value & COUNTERS
    elif number == CSR_SENVCFG:
        s.senvcfg = value & ENVCFG_FIOM
    elif number == CSR_SSCRATCH:
        s.sscratch = value
    elif number == CSR_SEPC:
        s.sepc = value & align
    elif number == CSR_SCAUSE:
        s.scause = value
    elif number == CSR_STVAL:
        s.stval = value
    elif number == CSR_SATP:
        write_satp(s, value)
    elif number == CSR_MSTATUS:
        write_mstatus(s, value, MSTATUS_WRITABLE)
    elif number == CSR_MEDELEG:
        s.medeleg = value & 0xb3ff  # all synchronous ones but ECALL from M
    elif number == CSR_MIDELEG:
        s.mideleg = value & MIP_S_BITS
    elif number == CSR_MIE:
        s.mie = value & MIP_ALL_BITS
        riscv_update_irq(s)
    elif number == CSR_MTVEC:
        s.mtvec = legal_tvec(value)
    elif number == CSR_MCOUNTEREN:
        s.mcounteren = value & COUNTERS
    elif number == CSR_MENVCFG:
        s.menvcfg = value & ENVCFG_FIOM
    elif number == CSR_MSCRATCH:
        s.mscratch = value
    elif number == CSR_MEPC:
        s.mepc = value & align
    elif number == CSR_MCAUSE:
        s.mcause = value
    elif number == CSR_MTVAL:
        s.mtval = value
    elif number == CSR_MIP:         # M-level bits come from the lines alone (3.1.9)
        s.mip = value & MIP_S_BITS
        riscv_update_irq(s)
    return True                     # the rest has no writable bit


# ---------------------------------------------------------------- instructions

cdef bint csr_counts(uint32_t number) noexcept nogil:
    return number >> 8 == 0xb or number >> 8 == 0xc


cdef bint csr_write_ends_block(uint32_t number) noexcept nogil:
    return not (CSR_SSCRATCH <= number <= CSR_STVAL or CSR_MSCRATCH <= number <= CSR_MTVAL
                or number == CSR_FFLAGS)


cdef uint32_t csr_refusal(CPURISCVState *s, uint32_t number, bint writes) noexcept nogil:
    """Why an instruction may not touch a CSR: a HINT_*, or HINT_NONE."""
    cdef uint64_t bit
    if (number >> 8) & 3 > s.cur_priv:
        return HINT_CSR_PRIV
    if writes and number >> 10 == 3:
        return HINT_CSR_READONLY
    if number <= CSR_FCSR:
        if not s.features & RISCV_F:
            return HINT_CSR_UNKNOWN
        if not s.mstatus & MSTATUS_FS:
            return HINT_FP_OFF
    elif number >> 8 == 0xc:
        # Counters of the less privileged: 3.1.11, 10.1.5.
        bit = 1ULL << (number & 31)
        if (s.cur_priv < PRV_M and not s.mcounteren & bit
                or s.cur_priv == PRV_U and s.features & RISCV_S and not s.scounteren & bit):
            return HINT_CSR_COUNTER
    elif number == CSR_SATP and s.cur_priv == PRV_S and s.mstatus & MSTATUS_TVM:
        return HINT_TRAPPED
    elif (number >> 8) & 3 == PRV_S and not s.features & RISCV_S:
        return HINT_CSR_UNKNOWN
    return HINT_NONE


cdef uint64_t helper_csr(void *env, uint64_t how, uint64_t value, uint64_t insn,
                         uint64_t d) noexcept nogil:
    cdef CPURISCVState *s = <CPURISCVState *>env
    cdef uint32_t number = <uint32_t>how & 0xfff, op = <uint32_t>(how >> 12) & 3
    cdef bint writes = (how >> 14) & 1
    cdef uint32_t hint = csr_refusal(s, number, writes)
    cdef uint64_t old = 0, base
    if hint != HINT_NONE:
        return riscv_illegal(s, insn, hint)
    if not csr_read(s, number, &old):
        return riscv_illegal(s, insn, HINT_CSR_UNKNOWN)
    s.head.helper_ret = old
    if writes:
        # Read-modify-write of mip works on what software wrote, not on the lines (3.1.9).
        base = s.mip if number == CSR_MIP else s.mip & s.mideleg if number == CSR_SIP else old
        if op == CSR_SETBITS:
            value |= base
        elif op == CSR_CLEAR:
            value = base & ~value
        csr_write(s, number, value)
        if number <= CSR_FCSR and s.mstatus & MSTATUS_FS != MSTATUS_FS:
            s.mstatus |= MSTATUS_FS
            riscv_update_tb_flags(&s.head)
    return ST_OK


# ---------------------------------------------------------------- registers by number

cdef int riscv_reg_get(CPUHead *head, uint32_t number, uint64_t *value) noexcept nogil:
    cdef CPURISCVState *s = <CPURISCVState *>head
    value[0] = 0
    if number == REGNO_X0:
        return 0
    if number == REGNO_PRIV:
        value[0] = s.cur_priv
        return 0
    return 0 if csr_read(s, number, value) else -1


cdef int riscv_reg_set(CPUHead *head, uint32_t number, const uint64_t *value) noexcept nogil:
    cdef CPURISCVState *s = <CPURISCVState *>head
    if number == REGNO_X0:
        return 0
    if number == REGNO_PRIV:
        if value[0] > PRV_M or value[0] == 2:
            return -1
        if (value[0] == PRV_S and not s.features & RISCV_S
                or value[0] == PRV_U and not s.features & RISCV_U):
            return -1
        riscv_set_priv(s, value[0])
        return 0
    if number >> 10 == 3 and number < 0x1000:
        return -1                   # read-only
    return 0 if csr_write(s, number, value[0]) else -1
