# RISC-V constants: exceptions, CSR bits, CSR numbers, block flags, hints.
# Lives here: numbers only. Privileged ISA, chapters "Machine-Level ISA" and "Supervisor-Level ISA".
# Called by: every module of isa/riscv.

cdef enum:                          # privilege levels (CPURISCVState.cur_priv)
    PRV_U = 0
    PRV_S = 1
    PRV_M = 3

cdef enum:                          # exception_index: mcause of exceptions
    RISCV_EXCP_INST_MISALIGNED = 0
    RISCV_EXCP_INST_ACCESS = 1
    RISCV_EXCP_ILLEGAL = 2
    RISCV_EXCP_BREAKPOINT = 3
    RISCV_EXCP_LOAD_MISALIGNED = 4
    RISCV_EXCP_LOAD_ACCESS = 5
    RISCV_EXCP_STORE_MISALIGNED = 6
    RISCV_EXCP_STORE_ACCESS = 7
    RISCV_EXCP_ECALL_U = 8
    RISCV_EXCP_ECALL_S = 9
    RISCV_EXCP_ECALL_M = 11
    RISCV_EXCP_INST_PAGE = 12
    RISCV_EXCP_LOAD_PAGE = 13
    RISCV_EXCP_STORE_PAGE = 15
    RISCV_EXCP_IRQ = 0x8000         # + interrupt number

cdef enum:                          # interrupts: bits of mip and mie; set_irq lines
    IRQ_SSI = 1
    IRQ_MSI = 3
    IRQ_STI = 5
    IRQ_MTI = 7
    IRQ_SEI = 9
    IRQ_MEI = 11
    MIP_S_BITS = 0x222
    MIP_ALL_BITS = 0xaaa

cdef enum:                          # mstatus
    MSTATUS_SIE = 1 << 1
    MSTATUS_MIE = 1 << 3
    MSTATUS_SPIE = 1 << 5
    MSTATUS_MPIE = 1 << 7
    MSTATUS_SPP = 1 << 8
    MSTATUS_MPP_SHIFT = 11
    MSTATUS_MPP = 3 << 11
    MSTATUS_FS = 3 << 13
    MSTATUS_MPRV = 1 << 17
    MSTATUS_SUM = 1 << 18
    MSTATUS_MXR = 1 << 19
    MSTATUS_TVM = 1 << 20
    MSTATUS_TW = 1 << 21
    MSTATUS_TSR = 1 << 22
    MSTATUS_WRITABLE = 0x007e79aa
    SSTATUS_WRITABLE = 0x000c6122   # SIE SPIE SPP FS SUM MXR

cdef enum:                          # head.tb_flags
    TBF_PRIV = 3
    TBF_FS_ON = 4
    TBF_FS_DIRTY = 8
    TBF_XLEN64 = 16
    TBF_FRM_BAD = 32
    TBF_IDX_SHIFT = 6               # MMU index of data accesses, 2 bits

cdef enum:                          # MMU indexes
    IDX_U = 0
    IDX_S = 1
    IDX_SUM = 2                     # S with mstatus.SUM
    IDX_M = 3

cdef enum:                          # what a CSR instruction does (rv_priv.isa)
    CSR_WRITE = 0
    CSR_SETBITS = 1
    CSR_CLEAR = 2

cdef enum:                          # single-bit instructions (rv_zb.isa)
    BIT_CLEAR = 0
    BIT_EXTRACT = 1
    BIT_INVERT = 2
    BIT_SET = 3

cdef enum:                          # conversions to integers (rv_f.isa, rv_d.isa)
    FCVT_I32 = 0
    FCVT_U32 = 1
    FCVT_I64 = 2
    FCVT_U64 = 3

cdef enum:                          # FaultInfo.hint: index in riscv_hints (riscv.pyx)
    HINT_NONE = 0
    HINT_UNDEFINED = 1
    HINT_FP_OFF = 2
    HINT_FRM = 3
    HINT_CSR_UNKNOWN = 4
    HINT_CSR_PRIV = 5
    HINT_CSR_READONLY = 6
    HINT_CSR_COUNTER = 7
    HINT_PRIV = 8
    HINT_TRAPPED = 9
    HINT_PC = 10
    HINT_PTE = 11
    HINT_PTE_PERM = 12
    HINT_PTE_USER = 13
    HINT_CANONICAL = 14
    HINT_SUPERPAGE = 15
    HINT_ALIGN = 16
    HINT_PMP = 17
    N_HINTS = 17

cdef enum:                          # reg_get, reg_set numbers beyond the CSRs (state.isa)
    REGNO_X0 = 0x1000
    REGNO_PRIV = 0x1001

cdef enum:
    CSR_FFLAGS = 0x001
    CSR_FRM = 0x002
    CSR_FCSR = 0x003
    CSR_SSTATUS = 0x100
    CSR_SIE = 0x104
    CSR_STVEC = 0x105
    CSR_SCOUNTEREN = 0x106
    CSR_SENVCFG = 0x10a
    CSR_SSCRATCH = 0x140
    CSR_SEPC = 0x141
    CSR_SCAUSE = 0x142
    CSR_STVAL = 0x143
    CSR_SIP = 0x144
    CSR_SATP = 0x180
    CSR_MSTATUS = 0x300
    CSR_MISA = 0x301
    CSR_MEDELEG = 0x302
    CSR_MIDELEG = 0x303
    CSR_MIE = 0x304
    CSR_MTVEC = 0x305
    CSR_MCOUNTEREN = 0x306
    CSR_MENVCFG = 0x30a
    CSR_MSTATUSH = 0x310
    CSR_MENVCFGH = 0x31a
    CSR_MCOUNTINHIBIT = 0x320
    CSR_MHPMEVENT3 = 0x323
    CSR_MHPMEVENT31 = 0x33f
    CSR_MSCRATCH = 0x340
    CSR_MEPC = 0x341
    CSR_MCAUSE = 0x342
    CSR_MTVAL = 0x343
    CSR_MIP = 0x344
    CSR_PMPCFG0 = 0x3a0
    CSR_PMPCFG3 = 0x3a3
    CSR_PMPADDR0 = 0x3b0
    CSR_PMPADDR15 = 0x3bf
    CSR_MCYCLE = 0xb00
    CSR_MINSTRET = 0xb02
    CSR_MHPMCOUNTER3 = 0xb03
    CSR_MHPMCOUNTER31 = 0xb1f
    CSR_MCYCLEH = 0xb80
    CSR_MINSTRETH = 0xb82
    CSR_MHPMCOUNTER3H = 0xb83
    CSR_MHPMCOUNTER31H = 0xb9f
    CSR_CYCLE = 0xc00
    CSR_TIME = 0xc01
    CSR_INSTRET = 0xc02
    CSR_HPMCOUNTER3 = 0xc03
    CSR_HPMCOUNTER31 = 0xc1f
    CSR_CYCLEH = 0xc80
    CSR_TIMEH = 0xc81
    CSR_INSTRETH = 0xc82
    CSR_HPMCOUNTER3H = 0xc83
    CSR_HPMCOUNTER31H = 0xc9f
    CSR_MVENDORID = 0xf11
    CSR_MARCHID = 0xf12
    CSR_MIMPID = 0xf13
    CSR_MHARTID = 0xf14
    CSR_MCONFIGPTR = 0xf15
