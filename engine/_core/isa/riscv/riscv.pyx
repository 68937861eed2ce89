# RISC-V as a guest: see riscv.pxd.
# Lives here: globals, one instruction, block flags in use, reset, the tables. The families are in
# trans_*.pxi, included here so that they inline; decoder, printer and registers are generated.
#
# dc.priv[0]: feature bits (base.isa); dc.priv[1]: bits of the instruction, for mtval.
from libc.string cimport memcpy, memset
from engine._core.base.types cimport (ACCESS_WRITE, MO_16, MO_32, MO_64, MO_8, MO_ALIGN, MO_ATOMIC,
                                      MO_SIGN, MO_SIZE, ST_FAULT, ST_OK, int32_t, int64_t, uint8_t,
                                      uint16_t, uint32_t, uint64_t, uintptr_t)
from engine._core.cpu.head cimport (CPUHead, FAULT_ILLEGAL, FAULT_MISALIGNED, FAULT_TRAP)
from engine._core.fp.status cimport FP_NAN_CANONICAL, fp_status_init
from engine._core.ir.build_gen cimport *
from engine._core.ir.ir cimport (HF_FENV, HF_NO_READ, HF_NO_WRITE, HF_PURE, HF_STATUS, IR, IR_NONE,
                                 HelperInfo, helper_fn, ir_append, ir_call, ir_const, ir_global,
                                 ir_local, ir_new_label, ir_op1, ir_op2, ir_place_label)
from engine._core.ir.ops_gen cimport *
from engine._core.isa.disas cimport *
from engine._core.isa.guest cimport (DISAS_NEXT, DISAS_STOP, REG_PC, REG_PLAIN, REG_SPECIAL,
                                     CPUConfig, DisasContext, ExcpDesc, GuestOps, RegDesc)
from engine._core.isa.translator cimport (
    gen_branch, gen_exception, gen_exception_if, gen_exit, gen_jump, gen_jump_indirect,
    gen_jump_return, gen_push_return, translator_known, translator_ld16)
from engine._core.isa.riscv.args_gen cimport *
from engine._core.isa.riscv.csr cimport (csr_counts, csr_write_ends_block, helper_csr,
                                         riscv_reg_get, riscv_reg_set)
from engine._core.isa.riscv.defs cimport *
from engine._core.isa.riscv.fphelp cimport *
from engine._core.isa.riscv.mmu cimport (helper_sfence_vma, riscv_memory_fault, riscv_mmu_index,
                                         riscv_phys_page_attrs_debug, riscv_tlb_fill)
from engine._core.isa.riscv.state_gen cimport *
from engine._core.isa.riscv.trap cimport (helper_mret, helper_sret, helper_wfi, riscv_do_interrupt,
                                          riscv_has_work, riscv_pending_interrupt, riscv_set_irq,
                                          riscv_update_irq, riscv_update_tb_flags)

cdef extern from *:
    """
    static const char *engine_riscv_hints[] = {
        0,
        "not an instruction of this CPU (an extension that is off, a reserved encoding, or data)",
        "floating point is off (mstatus.FS is 0)",
        "frm holds a reserved rounding mode",
        "there is no such control and status register",
        "the control and status register belongs to a more privileged mode",
        "the control and status register is read-only",
        "the counter is not enabled for this mode (mcounteren, scounteren)",
        "the instruction belongs to a more privileged mode",
        "the more privileged mode traps this (mstatus.TVM, TW or TSR)",
        "the jump target is not aligned to an instruction",
        "no valid page-table entry",
        "the page-table entry does not permit this access",
        "the page belongs to the other mode (U bit, mstatus.SUM)",
        "the upper bits of the address do not repeat its sign bit",
        "a superpage entry whose address is not aligned to it",
        "atomic accesses must be aligned",
        "physical memory protection (pmpcfg, pmpaddr) does not permit this access",
    };
    static const char *engine_riscv_models[] = {"max", 0};
    static const char *engine_riscv_features[] = {
        "m", "a", "f", "d", "c", "zicsr", "zifencei", "zba", "zbb", "zbs", "s", "u", 0,
    };
    static const int engine_riscv_excp_numbers[] = {
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15,
        0x8001, 0x8003, 0x8005, 0x8007, 0x8009, 0x800b, -1
    };
    static const char *engine_riscv_excp_names[] = {
        "instruction address misaligned",
        "instruction access fault",
        "illegal instruction",
        "breakpoint",
        "load address misaligned",
        "load access fault",
        "store/AMO address misaligned",
        "store/AMO access fault",
        "environment call from U-mode",
        "environment call from S-mode",
        "environment call from M-mode",
        "instruction page fault",
        "load page fault",
        "store/AMO page fault",
        "supervisor software interrupt",
        "machine software interrupt",
        "supervisor timer interrupt",
        "machine timer interrupt",
        "supervisor external interrupt",
        "machine external interrupt",
        0,
    };
    """
    const char *engine_riscv_hints[]
    const char *engine_riscv_models[]
    const char *engine_riscv_features[]
    const int engine_riscv_excp_numbers[]
    const char *engine_riscv_excp_names[]


# ---------------------------------------------------------------- what families share

cdef void set_helper(HelperInfo *h, helper_fn fn, const char *name, uint32_t flags,
                     uint32_t n_args) noexcept nogil:
    h.fn = fn
    h.name = name
    h.flags = flags
    h.n_args = n_args


cdef HelperInfo fcvt_info[8]        # by FCVT_* and width
cdef HelperInfo fminmax32_info
cdef HelperInfo fminmax64_info
cdef HelperInfo fclass32_info
cdef HelperInfo fclass64_info
set_helper(&fcvt_info[0], helper_f32_to_i32, b"f32_to_i32", HF_FENV | HF_NO_READ | HF_NO_WRITE, 2)
set_helper(&fcvt_info[1], helper_f32_to_u32, b"f32_to_u32", HF_FENV | HF_NO_READ | HF_NO_WRITE, 2)
set_helper(&fcvt_info[2], helper_f32_to_i64, b"f32_to_i64", HF_FENV | HF_NO_READ | HF_NO_WRITE, 2)
set_helper(&fcvt_info[3], helper_f32_to_u64, b"f32_to_u64", HF_FENV | HF_NO_READ | HF_NO_WRITE, 2)
set_helper(&fcvt_info[4], helper_f64_to_i32, b"f64_to_i32", HF_FENV | HF_NO_READ | HF_NO_WRITE, 2)
set_helper(&fcvt_info[5], helper_f64_to_u32, b"f64_to_u32", HF_FENV | HF_NO_READ | HF_NO_WRITE, 2)
set_helper(&fcvt_info[6], helper_f64_to_i64, b"f64_to_i64", HF_FENV | HF_NO_READ | HF_NO_WRITE, 2)
set_helper(&fcvt_info[7], helper_f64_to_u64, b"f64_to_u64", HF_FENV | HF_NO_READ | HF_NO_WRITE, 2)
set_helper(&fminmax32_info, helper_fminmax32, b"fminmax32", HF_FENV | HF_NO_READ | HF_NO_WRITE, 3)
set_helper(&fminmax64_info, helper_fminmax64, b"fminmax64", HF_FENV | HF_NO_READ | HF_NO_WRITE, 3)
set_helper(&fclass32_info, helper_fclass32, b"fclass32", HF_PURE | HF_NO_READ | HF_NO_WRITE, 1)
set_helper(&fclass64_info, helper_fclass64, b"fclass64", HF_PURE | HF_NO_READ | HF_NO_WRITE, 1)


cdef uint32_t off_reservation() noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPURISCVState *>NULL).reservation


cdef uint32_t off_reservation_value() noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPURISCVState *>NULL).reservation_value


cdef uint32_t off_mstatus() noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPURISCVState *>NULL).mstatus


cdef uint32_t off_tb_flags() noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPURISCVState *>NULL).head.tb_flags


cdef uint32_t off_helper_ret() noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPURISCVState *>NULL).head.helper_ret


cdef void gen_illegal(DisasContext *dc, uint32_t hint) noexcept nogil:
    gen_exception(dc, RISCV_EXCP_ILLEGAL, FAULT_ILLEGAL, hint, dc.priv[1])


include "trans_rvi.pxi"
include "trans_rva.pxi"
include "trans_rvf.pxi"
include "trans_priv.pxi"
include "match_gen.pxi"
include "decode_gen.pxi"
include "disas_gen.pxi"
include "regs_gen.pxi"


# ---------------------------------------------------------------- translation

cdef void riscv_declare_globals(IR *ir, CPUHead *head) noexcept nogil:
    """x1..x31 are temps 0..30, f0..f31 temps 31..62: get_gpr and fpr count on it."""
    cdef uint32_t i
    for i in range(1, 32):
        ir_global(ir, TYPE_I, <uint32_t><uintptr_t>&(<CPURISCVState *>NULL).gpr[i], global_names[i])
    for i in range(32):
        ir_global(ir, TYPE_F, <uint32_t><uintptr_t>&(<CPURISCVState *>NULL).fpr[i],
                  global_names[32 + i])


cdef void riscv_tb_start(DisasContext *dc) noexcept nogil:
    dc.priv[0] = (<CPURISCVState *>dc.cpu).features
    dc.mmu_idx = (dc.tb_flags >> TBF_IDX_SHIFT) & 3


cdef void riscv_translate_insn(DisasContext *dc) noexcept nogil:
    cdef uint32_t insn, length
    if dc.pc & 1 or (dc.pc & 2 and not dc.priv[0] & RISCV_C):
        dc.pc_next = dc.pc
        gen_exception(dc, RISCV_EXCP_INST_MISALIGNED, FAULT_MISALIGNED, HINT_PC, dc.pc)
        return
    insn = translator_ld16(dc, dc.pc)
    length = riscv_insn_bytes(insn)
    if length == 4 and not dc.fetch_failed:
        insn |= translator_ld16(dc, dc.pc + 2) << 16
    if dc.fetch_failed:
        return
    dc.pc_next = dc.pc + length
    dc.priv[1] = insn
    if not riscv_decode(dc, insn, length):
        gen_illegal(dc, HINT_UNDEFINED)


cdef void riscv_restore_state(CPUHead *head, const uint64_t *row) noexcept nogil:
    head.pc = row[0]


# ---------------------------------------------------------------- life cycle

cdef void riscv_set_pc(CPUHead *head, uint64_t pc) noexcept nogil:
    """Bit 0 stays: running there is a misaligned fetch, not something else."""
    head.pc = pc & 0xffffffffULL if (<CPURISCVState *>head).xlen == 32 else pc


cdef int riscv_init(CPUHead *head, const CPUConfig *cfg) noexcept nogil:
    cdef CPURISCVState *s = <CPURISCVState *>head
    cdef uint64_t both = RISCV_RV32 | RISCV_RV64
    if cfg.big_endian or (cfg.xlen != 0 and cfg.xlen != 32 and cfg.xlen != 64):
        return -1
    s.xlen = cfg.xlen if cfg.xlen else (<const GuestOps *>head.guest).word_bits
    s.features = cfg.features & ~both
    if s.features == 0:
        s.features = (RISCV_M | RISCV_A | RISCV_F | RISCV_D | RISCV_C | RISCV_Zicsr
                      | RISCV_Zifencei | RISCV_Zba | RISCV_Zbb | RISCV_Zbs | RISCV_S | RISCV_U)
    if cfg.user_mode:
        s.features |= RISCV_U
    if s.features & RISCV_D:        # each needs the one below it
        s.features |= RISCV_F
    if s.features & (RISCV_F | RISCV_S | RISCV_U):
        s.features |= RISCV_Zicsr
    if s.features & RISCV_S:
        s.features |= RISCV_U
    s.features |= RISCV_RV32 if s.xlen == 32 else RISCV_RV64
    s.user_mode = cfg.user_mode
    s.fp_at_reset = cfg.fp or cfg.user_mode
    return 0


cdef void riscv_reset(CPUHead *head) noexcept nogil:
    """Privileged ISA 3.4; what it leaves open is zero. pc is 0."""
    cdef CPURISCVState *s = <CPURISCVState *>head
    memset(s.gpr, 0, sizeof(s.gpr))
    memset(s.fpr, 0, sizeof(s.fpr))
    memset(s.pmpaddr, 0, sizeof(s.pmpaddr))
    memset(s.pmpcfg, 0, sizeof(s.pmpcfg))
    fp_status_init(&head.fpst, FP_NAN_CANONICAL)
    s.frm = 0
    s.mstatus = 0
    s.mie = 0
    s.mip = 0
    s.irq_lines = 0
    s.mideleg = 0
    s.medeleg = 0
    s.mtvec = 0
    s.stvec = 0
    s.mscratch = 0
    s.sscratch = 0
    s.mepc = 0
    s.sepc = 0
    s.mcause = 0
    s.scause = 0
    s.mtval = 0
    s.stval = 0
    s.satp = 0
    s.mcounteren = 0
    s.scounteren = 0
    s.menvcfg = 0
    s.senvcfg = 0
    s.cycle_base = 0
    s.instret_base = 0
    s.reservation = 0xffffffffffffffffULL
    s.reservation_value = 0
    s.cur_priv = PRV_M
    if s.fp_at_reset and s.features & RISCV_F:
        s.mstatus = MSTATUS_FS
    if s.user_mode:
        s.cur_priv = PRV_U
        s.mcounteren = 7
        s.scounteren = 7
    elif s.features & RISCV_U == 0:
        s.mstatus |= MSTATUS_MPP
    head.pc = 0
    head.halted = 0
    head.exception_index = -1
    riscv_update_irq(s)
    riscv_update_tb_flags(head)


# ---------------------------------------------------------------- text

cdef uint32_t riscv_disassemble(const uint8_t *code, uint32_t size, uint64_t pc,
                                const CPUConfig *cfg, char *out, uint32_t out_size) noexcept nogil:
    cdef uint32_t insn, length
    cdef uint64_t features = cfg.features & ~<uint64_t>(RISCV_RV32 | RISCV_RV64)
    if features == 0:
        features = ~<uint64_t>(RISCV_RV32 | RISCV_RV64)
    features |= RISCV_RV32 if cfg.xlen == 32 else RISCV_RV64
    if size < 2:
        return 0
    insn = code[0] | <uint32_t>code[1] << 8
    length = riscv_insn_bytes(insn)
    if length > size:
        return 0
    if length == 4:
        insn |= <uint32_t>code[2] << 16 | <uint32_t>code[3] << 24
    if riscv_disas(insn, length, pc, features, out, out_size) == 0:
        return 0
    return length


# ---------------------------------------------------------------- tables, filled at import

cdef const char *global_names[64]
cdef ExcpDesc riscv_excps[32]       # the last has no name


cdef bint riscv_state_ok(const CPUHead *cpu, const CPUHead *before) noexcept nogil:
    """What the CPU is does not change with its state, and the privilege mode exists."""
    cdef const CPURISCVState *s = <const CPURISCVState *>cpu
    cdef const CPURISCVState *old = <const CPURISCVState *>before
    return (s.xlen == old.xlen and s.features == old.features and s.user_mode == old.user_mode
            and (s.cur_priv == PRV_U or s.cur_priv == PRV_S or s.cur_priv == PRV_M)
            and (s.mstatus >> 11 & 3) != 2)


cdef void fill_tables() noexcept nogil:
    cdef uint32_t gpr = <uint32_t><uintptr_t>&(<CPURISCVState *>NULL).gpr[0]
    cdef uint32_t i, slot
    # In the text form of the IR: ABI names, which are the aliases of the rows x0.., f0...
    for i in range(<uint32_t>RISCV_N_REGS):
        if riscv_regs[i].kind == REG_PLAIN and riscv_regs[i].flags & 1:
            slot = (riscv_regs[i].offset - gpr) // 8
            if slot < 64 and global_names[slot] == NULL:
                global_names[slot] = riscv_regs[i].name
    i = 0
    while engine_riscv_excp_names[i] != NULL:
        riscv_excps[i].number = engine_riscv_excp_numbers[i]
        riscv_excps[i].name = engine_riscv_excp_names[i]
        i += 1
    riscv_ops.name = b"riscv64"
    riscv_ops.state_size = sizeof(CPURISCVState)
    riscv_ops.page_bits = 12
    riscv_ops.n_mmu_modes = 4
    riscv_ops.min_insn = 2
    riscv_ops.max_insn = 4
    riscv_ops.row_words = 1
    riscv_ops.word_bits = 64
    riscv_ops.regs = riscv_regs
    riscv_ops.n_regs = RISCV_N_REGS
    riscv_ops.excps = riscv_excps
    riscv_ops.hints = engine_riscv_hints
    riscv_ops.insn_names = riscv_insn_names
    riscv_ops.n_insns = RISCV_N_INSNS
    riscv_ops.init = riscv_init
    riscv_ops.reset = riscv_reset
    riscv_ops.reg_get = riscv_reg_get
    riscv_ops.reg_set = riscv_reg_set
    riscv_ops.set_pc = riscv_set_pc
    riscv_ops.declare_globals = riscv_declare_globals
    riscv_ops.tb_start = riscv_tb_start
    riscv_ops.block_start = NULL
    riscv_ops.translate_insn = riscv_translate_insn
    riscv_ops.tb_stop = NULL
    riscv_ops.update_tb_flags = riscv_update_tb_flags
    riscv_ops.restore_state = riscv_restore_state
    riscv_ops.mmu_index = riscv_mmu_index
    riscv_ops.tlb_fill = riscv_tlb_fill
    riscv_ops.memory_fault = riscv_memory_fault
    riscv_ops.phys_page_attrs_debug = riscv_phys_page_attrs_debug
    riscv_ops.state_ok = riscv_state_ok
    riscv_ops.has_work = riscv_has_work
    riscv_ops.pending_interrupt = riscv_pending_interrupt
    riscv_ops.do_interrupt = riscv_do_interrupt
    riscv_ops.set_irq = riscv_set_irq
    riscv_ops.disassemble = riscv_disassemble
    riscv_ops.feature_names = engine_riscv_features
    riscv_ops.model_names = engine_riscv_models
    memcpy(&riscv32_ops, &riscv_ops, sizeof(GuestOps))
    riscv32_ops.name = b"riscv32"
    riscv32_ops.word_bits = 32
    riscv32_ops.regs = riscv_regs32


fill_tables()
