# x86 as a guest: see x86.pxd.
# Lives here: globals, one instruction, reset, registers, memory faults, delivery through the
# real-mode vector table, the tables. Decoder, operands, families: *.pxi, included here so that they
# inline; rows, calls and registers are generated (gen/x86.py, gen/isa_out.py).
from libc.stdio cimport snprintf
from libc.string cimport memcpy, memset, strcmp
from engine._core.base.types cimport (MO_16, MO_8, MO_ATOMIC, MO_SIGN, PROT_EXEC,
                                      PROT_READ, PROT_WRITE, ST_OK, ST_FAULT, hwaddr, int8_t,
                                      int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                                      uint64_t, uintptr_t, vaddr_t)
from engine._core.cpu.head cimport (CPUHead, FAULT_ILLEGAL, FAULT_MISALIGNED, FAULT_TRAP)
from engine._core.fp.status cimport FP_F32, FP_F64, FP_NAN_CANONICAL, fp_status_init
from engine._core.ir.build_gen cimport *
from engine._core.ir.ir cimport (HF_NO_READ, HF_NO_WRITE, HF_PURE, HF_STATUS, IR, IR_NONE,
                                 IR_ROW_WORDS, HelperInfo, TEMP_CONST, helper_fn, ir_call, ir_const,
                                 ir_global, ir_insert_before, ir_local, ir_new_label, ir_op1,
                                 ir_op2, ir_place_label)
from engine._core.ir.ops_gen cimport *
from engine._core.isa.guest cimport (DISAS_STOP, REG_PC, REG_PLAIN, REG_SPECIAL,
                                     CPUConfig, DisasContext, ExcpDesc, GuestOps, RegDesc)
from engine._core.isa.translator cimport (gen_branch, gen_exception, gen_exception_if, gen_exit,
                                          gen_jump, gen_jump_indirect, gen_jump_return,
                                          gen_push_return, translator_ld8, translator_visits_end)
from engine._core.isa.x86.defs cimport *
from engine._core.isa.x86.inthelp cimport *
from engine._core.isa.x86.simd cimport *
from engine._core.isa.x86.simd_fp cimport *
from engine._core.isa.x86.simd_misc cimport *
from engine._core.isa.x86.vechelp cimport *
from engine._core.isa.x86.x87 cimport X87_NO_STORE, x87_operand
from engine._core.isa.x86.kinds_gen cimport *
from engine._core.isa.x86.state_gen cimport *
from engine._core.mem.address_space cimport address_space_ld, address_space_st
from engine._core.mem.attrs cimport MEMTXATTRS_UNSPECIFIED
from engine._core.mem.context cimport AddressSpace
from engine._core.mem.tlb cimport tlb_set_page

cdef extern from *:
    """
    static const char *engine_x86_hints[] = {
        0,
        "not an instruction of this CPU (its model or mode lacks it, or it is data)",
        "the instruction is longer than 15 bytes (80286: 10)",
        "the divisor is 0 or the quotient does not fit",
        "the address is not canonical",
        "the instruction belongs to a more privileged mode",
        "the segment cannot be used like this",
        "the index is out of bounds",
        0,
    };
    static const int engine_x86_excp_numbers[] = {
        0, 1, 3, 4, 5, 6, 7, 12, 13, 14, 16, 17, 19, 0x100, 0x101, -1
    };
    static const char *engine_x86_excp_names[] = {
        "divide error", "debug exception", "breakpoint", "overflow", "bound range exceeded",
        "invalid opcode", "device not available", "stack fault", "general protection", "page fault",
        "x87 floating-point error", "alignment check", "SIMD floating-point exception",
        "SYSCALL", "SYSENTER", 0,
    };
    static char engine_x86_int_names[256][12];
    """
    const char *engine_x86_hints[]
    const int engine_x86_excp_numbers[]
    const char *engine_x86_excp_names[]
    char engine_x86_int_names[256][12]


cdef void set_helper(HelperInfo *h, helper_fn fn, const char *name, uint32_t flags,
                     uint32_t n_args) noexcept nogil:
    h.fn = fn
    h.name = name
    h.flags = flags
    h.n_args = n_args


cdef enum:
    PURE = HF_PURE | HF_NO_READ | HF_NO_WRITE

cdef HelperInfo flags_info
cdef HelperInfo rotate_info
cdef HelperInfo rotate_flags_info
cdef HelperInfo div64_info
cdef HelperInfo bcd_info
cdef HelperInfo pdep_info
cdef HelperInfo pext_info
cdef HelperInfo bextr_info
cdef HelperInfo crc32_info
cdef HelperInfo tsc_info
cdef HelperInfo far_info
cdef HelperInfo hlt_info
cdef HelperInfo cpuid_info
cdef HelperInfo vector_info
cdef HelperInfo x87_info
set_helper(&flags_info, helper_flags, b"flags", PURE, 4)
set_helper(&rotate_info, helper_rotate, b"rotate", PURE, 3)
set_helper(&rotate_flags_info, helper_rotate_flags, b"rotate_flags", PURE, 3)
set_helper(&div64_info, helper_div64, b"div64", HF_STATUS, 3)
set_helper(&bcd_info, helper_bcd, b"bcd", PURE, 3)
set_helper(&pdep_info, helper_pdep, b"pdep", PURE, 2)
set_helper(&pext_info, helper_pext, b"pext", PURE, 2)
set_helper(&bextr_info, helper_bextr, b"bextr", PURE, 2)
set_helper(&crc32_info, helper_crc32, b"crc32", PURE, 3)
set_helper(&tsc_info, helper_tsc, b"tsc", HF_NO_READ | HF_NO_WRITE, 0)
set_helper(&far_info, helper_far, b"far", HF_STATUS, 2)
set_helper(&hlt_info, helper_hlt, b"hlt", HF_STATUS, 1)
set_helper(&cpuid_info, helper_cpuid, b"cpuid", HF_STATUS, 0)
set_helper(&vector_info, helper_vector, b"vector", HF_STATUS, 4)
set_helper(&x87_info, helper_x87, b"x87", HF_STATUS, 2)


cdef uint32_t off_seg_base(uint32_t seg) noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPUX86State *>NULL).seg_base[seg]


cdef uint32_t off_seg_sel(uint32_t seg) noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPUX86State *>NULL).seg_sel[seg]


cdef uint32_t off_eflags() noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPUX86State *>NULL).eflags


include "rows_gen.pxi"
include "regs_gen.pxi"
include "cpuid.pxi"
include "decode.pxi"
include "flags.pxi"
include "operand.pxi"
include "trans_int.pxi"
include "trans_ctl.pxi"
include "trans_sse.pxi"
include "calls_gen.pxi"


# ---------------------------------------------------------------- translation

cdef void x86_declare_globals(IR *ir, CPUHead *head) noexcept nogil:
    """Registers are temps 0..15, then the lazy flags: T_CC_*."""
    cdef CPUX86State *s = NULL
    cdef uint32_t n
    for n in range(16):
        ir_global(ir, TYPE_I, <uint32_t><uintptr_t>&s.gpr[n], x86_reg64[n])
    ir_global(ir, TYPE_I, <uint32_t><uintptr_t>&s.cc_op, b"cc_op")
    ir_global(ir, TYPE_I, <uint32_t><uintptr_t>&s.cc_dst, b"cc_dst")
    ir_global(ir, TYPE_I, <uint32_t><uintptr_t>&s.cc_src, b"cc_src")
    ir_global(ir, TYPE_I, <uint32_t><uintptr_t>&s.cc_src2, b"cc_src2")


cdef void x86_tb_start(DisasContext *dc) noexcept nogil:
    cdef X86DC *x = ctx(dc)
    x.features = (<CPUX86State *>dc.cpu).features
    x.mode = <uint8_t>(dc.tb_flags & TBF_MODE)
    x.segments = dc.tb_flags & TBF_SEGMENTS != 0
    x.cc_op = CC_DYNAMIC
    x.cc_stored = 1
    dc.mmu_idx = IDX_DATA


cdef void x86_block_start(DisasContext *dc) noexcept nogil:
    """A label was placed: what came here by falling through stores cc_op in front of it."""
    cdef uint32_t label = dc.ir.ops[0].prev
    cdef uint32_t v[2]
    if not ctx(dc).cc_stored:
        v[0] = T_CC_OP
        v[1] = const(dc, ctx(dc).cc_op)
        ir_insert_before(dc.ir, label, OP_mov, 2, &v[0])
    ctx(dc).cc_op = CC_DYNAMIC
    ctx(dc).cc_stored = 1


cdef void x86_tb_stop(DisasContext *dc) noexcept nogil:
    sync_cc(dc)


cdef void raise_undefined(DisasContext *dc, X86Insn *i) noexcept nogil:
    """The first eight bytes go along: fault.addr, as FAULT_ILLEGAL has it."""
    cdef uint64_t bits = 0
    cdef uint32_t k, n = i.length if i.length < 8 else 8
    for k in range(n):
        bits |= <uint64_t>translator_ld8(dc, dc.pc + k) << (8 * k)
    dc.is_jmp = 0
    gen_exception(dc, X86_EXCP_UD, FAULT_ILLEGAL, HINT_UNDEFINED, bits)


cdef void x86_translate_insn(DisasContext *dc) noexcept nogil:
    cdef X86Insn i
    memset(&i, 0, sizeof(i))
    i.dc = dc
    i.pc = dc.pc
    i.mode = ctx(dc).mode
    if dc.ir.n_rows:
        dc.ir.rows[(dc.ir.n_rows - 1) * IR_ROW_WORDS + 1] = ctx(dc).cc_op
    x86_decode(&i, ctx(dc).features)
    if i.status == DEC_SHORT:
        return
    dc.pc_next = dc.pc + i.length
    if i.status == DEC_LONG:
        gen_exception(dc, X86_EXCP_GP, FAULT_ILLEGAL, HINT_LONG, dc.pc)
        return
    if i.status == DEC_OK:
        dc.insn_number = i.row.number
    if i.status != DEC_OK or not x86_call(dc, &i):
        raise_undefined(dc, &i)


cdef void x86_restore_state(CPUHead *head, const uint64_t *row) noexcept nogil:
    head.pc = row[0]
    if row[1] != CC_DYNAMIC:
        (<CPUX86State *>head).cc_op = row[1]


# ---------------------------------------------------------------- life cycle

cdef void x86_update_tb_flags(CPUHead *head) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>head
    head.tb_flags = <uint32_t>s.mode
    if s.mode == X86_MODE_REAL or s.mode == X86_MODE_32 and (
            s.seg_base[SEG_ES] | s.seg_base[SEG_SS] | s.seg_base[SEG_DS]):
        head.tb_flags |= TBF_SEGMENTS
    head.cs_base = s.seg_base[SEG_CS] if s.mode == X86_MODE_REAL else 0
    head.mmu_idx = IDX_DATA


cdef void x86_set_pc(CPUHead *head, uint64_t pc) noexcept nogil:
    """Linear. Real mode: outside CS, CS becomes the 64 KiB around it."""
    cdef CPUX86State *s = <CPUX86State *>head
    if s.mode != X86_MODE_64:
        pc &= 0xffffffffULL
    head.pc = pc
    if s.mode == X86_MODE_REAL and (pc - s.seg_base[SEG_CS]) >> 16:
        s.seg_sel[SEG_CS] = pc >> 4 & 0xf000
        s.seg_base[SEG_CS] = s.seg_sel[SEG_CS] << 4
        x86_update_tb_flags(head)


cdef int x86_init(CPUHead *head, const CPUConfig *cfg) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>head
    cdef int model = model_number(cfg.model)
    if cfg.big_endian or model < 0:
        return -1
    s.mode = X86_MODE_64 if cfg.xlen == 64 else X86_MODE_32 if cfg.xlen == 32 else X86_MODE_REAL
    s.model = <uint64_t>model
    s.features = x86_models[model].features
    if s.mode == X86_MODE_64 and not s.features & X86F_sse2:
        return -1
    if s.mode == X86_MODE_32 and not s.features & X86F_i386:
        return -1
    if cfg.features:
        s.features = cfg.features
    s.deliver = cfg.deliver
    return -1 if s.deliver and s.mode != X86_MODE_REAL else 0


cdef void x86_reset(CPUHead *head) noexcept nogil:
    """Registers 0, selectors as Linux gives them to programs; real mode: all 0."""
    cdef CPUX86State *s = <CPUX86State *>head
    memset(s.gpr, 0, sizeof(s.gpr))
    memset(s.seg_base, 0, sizeof(s.seg_base))
    memset(s.seg_sel, 0, sizeof(s.seg_sel))
    memset(s.vec, 0, sizeof(s.vec))
    memset(s.x87, 0, sizeof(s.x87))
    s.cc_dst = 0
    s.cc_src2 = 0
    x86_set_eflags(s, 0 if s.mode == X86_MODE_REAL else F_IF)
    if s.mode != X86_MODE_REAL:
        s.seg_sel[SEG_CS] = 0x33 if s.mode == X86_MODE_64 else 0x23
        s.seg_sel[SEG_SS] = 0x2b
    if s.mode == X86_MODE_32:
        s.seg_sel[SEG_DS] = 0x2b
        s.seg_sel[SEG_ES] = 0x2b
    s.mxcsr = 0x1f80
    s.fcw = 0x37f
    s.fsw = 0
    s.ftw = 0xffff
    s.fop = 0
    s.fip = 0
    s.fdp = 0
    fp_status_init(&head.fpst, FP_NAN_CANONICAL)
    head.pc = 0
    head.halted = 0
    head.exception_index = -1
    x86_update_tb_flags(head)


cdef bint x86_state_ok(const CPUHead *cpu, const CPUHead *before) noexcept nogil:
    """What the CPU is does not change with its state."""
    cdef const CPUX86State *s = <const CPUX86State *>cpu
    cdef const CPUX86State *old = <const CPUX86State *>before
    return (s.mode == old.mode and s.features == old.features and s.model == old.model
            and s.deliver == old.deliver and s.cc_op < CC_MUL + 4)


# ---------------------------------------------------------------- registers (numbers: state.isa)

cdef void *special_place(CPUX86State *s, uint32_t number, uint32_t *size) noexcept nogil:
    """Where a register's bytes are; NULL: it needs code."""
    size[0] = 8
    if 0x100 <= number < 0x184:
        size[0] = 1 << ((number >> 5) & 3) if number < 0x180 and number >= 0x100 else 1
        if number >= 0x180:
            return <uint8_t *>&s.gpr[number & 3] + 1
        return &s.gpr[number & 15]
    if 0x30 <= number < 0x36:
        return &s.seg_base[number - 0x30]
    if 0x200 <= number < 0x220:
        size[0] = 16
        return &s.vec[4 * (number & 15)]
    if 0x220 <= number < 0x240:
        size[0] = 32
        return &s.vec[4 * (number & 15)]
    if 0x240 <= number < 0x248:
        size[0] = 10
        return &s.x87[2 * ((number + (s.fsw >> 11)) & 7)]
    if 0x260 <= number < 0x268:         # whatever is at the top of the stack
        size[0] = 10
        return &s.x87[2 * (number - 0x260)]
    if number == 0x250:
        return &s.mxcsr
    if number == 0x251:
        return &s.fcw
    if number == 0x252:
        return &s.fsw
    if number == 0x253:
        return &s.ftw
    return NULL


cdef int x86_reg_get(CPUHead *head, uint32_t number, uint64_t *value) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>head
    cdef uint32_t size = 0
    cdef void *place = special_place(s, number, &size)
    value[0] = 0
    if place != NULL:
        if size == 10:
            value[1] = 0
        memcpy(value, place, size)
    elif number == 0x10 or number == 0x11:
        value[0] = (head.pc - head.cs_base) & (0xffffffffULL if number == 0x10 else 0xffff)
    elif 0x12 <= number <= 0x14:
        value[0] = x86_get_eflags(s)
        if number == 0x14:
            value[0] &= 0xffff
    elif 0x20 <= number < 0x26:
        value[0] = s.seg_sel[number - 0x20]
    return ST_OK


cdef int x86_reg_set(CPUHead *head, uint32_t number, const uint64_t *value) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>head
    cdef uint32_t size = 0, seg
    cdef void *place = special_place(s, number, &size)
    cdef uint64_t ip = head.pc - head.cs_base
    if place != NULL:
        memcpy(place, value, size)
        if 0x30 <= number < 0x36:
            if s.mode != X86_MODE_64:
                s.seg_base[number - 0x30] &= 0xffffffffULL
            x86_update_tb_flags(head)
    elif number == 0x10 or number == 0x11:
        head.pc = head.cs_base + (value[0] & (0xffffffffULL if number == 0x10 else 0xffff))
    elif 0x12 <= number <= 0x14:
        x86_set_eflags(s, value[0] if number != 0x14 else
                       (x86_get_eflags(s) & ~0xffffULL) | (value[0] & 0xffff))
    elif 0x20 <= number < 0x26:
        seg = number - 0x20
        s.seg_sel[seg] = value[0] & 0xffff
        if s.mode == X86_MODE_REAL:
            s.seg_base[seg] = s.seg_sel[seg] << 4
            x86_update_tb_flags(head)
            head.pc = (head.cs_base + ip) & 0xffffffffULL
    return ST_OK


# ---------------------------------------------------------------- memory: addresses are physical

cdef uint32_t x86_mmu_index(CPUHead *head, bint ifetch) noexcept nogil:
    return IDX_DATA


cdef int x86_tlb_fill(void *cpu, vaddr_t addr, uint32_t size, int access, int mmu_idx, bint probe,
                      uintptr_t ra) noexcept nogil:
    cdef CPUHead *head = <CPUHead *>cpu
    return tlb_set_page(&head.tlb, addr & ~0xfffULL, addr & ~0xfffULL, MEMTXATTRS_UNSPECIFIED,
                        PROT_READ | PROT_WRITE | PROT_EXEC, mmu_idx, 4096)


cdef int x86_memory_fault(CPUHead *head, int mmu_idx) noexcept nogil:
    head.exception_index = (X86_EXCP_AC if head.fault.reason == FAULT_MISALIGNED else X86_EXCP_PF)
    return ST_FAULT


cdef hwaddr x86_phys_page_attrs_debug(CPUHead *head, vaddr_t addr, uint32_t *attrs) noexcept nogil:
    attrs[0] = MEMTXATTRS_UNSPECIFIED
    return addr & ~0xfffULL


# ---------------------------------------------------------------- exceptions

cdef bint x86_has_work(CPUHead *head) noexcept nogil:
    return False


cdef bint x86_pending_interrupt(CPUHead *head) noexcept nogil:
    return False


cdef void x86_set_irq(CPUHead *head, uint32_t line, bint level) noexcept nogil:
    """There is no interrupt controller yet."""
    return


cdef void real_push(CPUX86State *s, uint64_t value) noexcept nogil:
    cdef uint32_t result = 0
    cdef uint64_t sp = (s.gpr[R_SP] - 2) & 0xffff
    s.gpr[R_SP] = (s.gpr[R_SP] & ~0xffffULL) | sp
    address_space_st(<AddressSpace *>s.head.as0, s.seg_base[SEG_SS] + sp, value & 0xffff, 2, False,
                     MEMTXATTRS_UNSPECIFIED, &result)


cdef void x86_do_interrupt(CPUHead *head) noexcept nogil:
    """Real mode: through the vector table at 0 (SDM 3, 20.1.4). Traps go on behind the
    instruction, faults at it."""
    cdef CPUX86State *s = <CPUX86State *>head
    cdef uint32_t number = <uint32_t>head.exception_index, vector = number & 0xff, result = 0
    cdef uint64_t ip = head.pc - head.cs_base, entry
    if s.mode != X86_MODE_REAL:
        return
    if number >= X86_EXCP_INT or number == X86_EXCP_BP or number == X86_EXCP_OF:
        ip += head.fault.size
    head.exception_index = -1
    real_push(s, x86_get_eflags(s))
    real_push(s, s.seg_sel[SEG_CS])
    real_push(s, ip)
    s.eflags &= ~<uint64_t>(F_IF | F_TF)
    entry = address_space_ld(<AddressSpace *>head.as0, 4 * vector, 4, False, MEMTXATTRS_UNSPECIFIED,
                             &result)
    s.seg_sel[SEG_CS] = entry >> 16 & 0xffff
    s.seg_base[SEG_CS] = s.seg_sel[SEG_CS] << 4
    x86_update_tb_flags(head)
    head.pc = head.cs_base + (entry & 0xffff)


# ---------------------------------------------------------------- text

cdef uint32_t x86_disassemble(const uint8_t *code, uint32_t size, uint64_t pc, const CPUConfig *cfg,
                              char *out, uint32_t out_size) noexcept nogil:
    cdef X86Insn i
    memset(&i, 0, sizeof(i))
    i.code = code
    i.avail = size
    i.pc = pc
    i.mode = X86_MODE_64 if cfg.xlen == 64 else X86_MODE_32 if cfg.xlen == 32 else X86_MODE_REAL
    if x86_decode(&i, ~0ULL) != DEC_OK:
        return 0
    x86_text(&i, out, out_size)
    return i.length


# ---------------------------------------------------------------- tables, filled at import

cdef ExcpDesc x86_excps[15 + 256 + 1]


cdef void fill_tables() noexcept nogil:
    cdef uint32_t n = 0, k
    while engine_x86_excp_names[n] != NULL:
        x86_excps[n].number = engine_x86_excp_numbers[n]
        x86_excps[n].name = engine_x86_excp_names[n]
        n += 1
    for k in range(256):
        snprintf(engine_x86_int_names[k], 12, b"INT 0x%02x", k)
        x86_excps[n + k].number = X86_EXCP_INT + k
        x86_excps[n + k].name = engine_x86_int_names[k]
    x86_64_guest.name = b"x86_64"
    x86_64_guest.state_size = sizeof(CPUX86State)
    x86_64_guest.page_bits = 12
    x86_64_guest.n_mmu_modes = 1
    x86_64_guest.min_insn = 1
    x86_64_guest.max_insn = 15
    x86_64_guest.row_words = 2
    x86_64_guest.word_bits = 64
    x86_64_guest.regs = x86_regs
    x86_64_guest.n_regs = X86_N_REGS
    x86_64_guest.excps = x86_excps
    x86_64_guest.hints = engine_x86_hints
    x86_64_guest.insn_names = <const char **>x86_row_names
    x86_64_guest.n_insns = X86_N_ROWS
    x86_64_guest.init = x86_init
    x86_64_guest.reset = x86_reset
    x86_64_guest.reg_get = x86_reg_get
    x86_64_guest.reg_set = x86_reg_set
    x86_64_guest.set_pc = x86_set_pc
    x86_64_guest.state_ok = x86_state_ok
    x86_64_guest.declare_globals = x86_declare_globals
    x86_64_guest.tb_start = x86_tb_start
    x86_64_guest.block_start = x86_block_start
    x86_64_guest.translate_insn = x86_translate_insn
    x86_64_guest.tb_stop = x86_tb_stop
    x86_64_guest.update_tb_flags = x86_update_tb_flags
    x86_64_guest.restore_state = x86_restore_state
    x86_64_guest.mmu_index = x86_mmu_index
    x86_64_guest.tlb_fill = x86_tlb_fill
    x86_64_guest.memory_fault = x86_memory_fault
    x86_64_guest.phys_page_attrs_debug = x86_phys_page_attrs_debug
    x86_64_guest.has_work = x86_has_work
    x86_64_guest.pending_interrupt = x86_pending_interrupt
    x86_64_guest.do_interrupt = x86_do_interrupt
    x86_64_guest.set_irq = x86_set_irq
    x86_64_guest.disassemble = x86_disassemble
    x86_64_guest.feature_names = <const char **>x86_feature_list
    memcpy(&i386_guest, &x86_64_guest, sizeof(GuestOps))
    i386_guest.name = b"i386"
    i386_guest.word_bits = 32
    i386_guest.regs = x86_regs32
    memcpy(&x86_16_guest, &i386_guest, sizeof(GuestOps))
    x86_16_guest.name = b"x86_16"


fill_models()
x86_model_names = engine_x86_model_names
fill_tables()
