# x86 as a guest: see x86.pxd.
# Lives here: globals, one instruction, reset, registers, the tables. Systems: segment, transfer,
# paging, interrupt, system. Decoder, operands, families: *.pxi, included here so that they
# inline; rows, calls and registers are generated (gen/x86.py, gen/isa_out.py).
from libc.stdio cimport snprintf
from libc.string cimport memcpy, memset, strcmp
from engine._core.base.types cimport (ACCESS_READ, MO_128, MO_16, MO_8, MO_ALIGN, MO_ATOMIC,
                                      MO_SIGN, MO_SIZE, ST_OK, ST_PC_CHANGED, int8_t, int16_t,
                                      int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t,
                                      uintptr_t)
from engine._core.cpu.head cimport CPUHead, FAULT_ILLEGAL, FAULT_TRAP
from engine._core.fp.lanes cimport V_HOW_SHIFT, V_INT64, V_LANE0, V_QUIET_NX, V_SIGNALLING
from engine._core.fp.soft cimport FP_INT_X86
from engine._core.fp.status cimport (FP_F32, FP_F64, FP_NAN_X86_SSE, FP_RM_DYN, FP_RTZ,
                                     fp_status_init)
from engine._core.ir.build_gen cimport *
from engine._core.ir.ir cimport (HF_NO_READ, HF_NO_WRITE, HF_PURE, HF_STATUS, IR, IR_NONE,
                                 IR_ROW_WORDS, HelperInfo, TEMP_CONST, helper_fn, ir_call, ir_const,
                                 ir_global, ir_helper, ir_insert_before, ir_local, ir_new_label,
                                 ir_op1, ir_op2, ir_place_label)
from engine._core.ir.ops_gen cimport *
from engine._core.isa.guest cimport (DISAS_NEXT, DISAS_STOP, REG_PC, REG_PLAIN, REG_SPECIAL,
                                     CPUConfig, DisasContext, ExcpDesc, GuestOps, RegDesc)
from engine._core.isa.translator cimport (gen_branch, gen_exception, gen_exception_if, gen_exit,
                                          gen_jump, gen_jump_indirect, gen_jump_return,
                                          gen_push_return, translator_ld8, translator_visits_end,
                                          translator_watches)
from engine._core.isa.x86.defs cimport *
from engine._core.isa.x86.inthelp cimport *
from engine._core.isa.x86.interrupt cimport *
from engine._core.isa.x86.simd cimport *
from engine._core.isa.x86.simd_fp cimport *
from engine._core.isa.x86.simd_misc cimport *
from engine._core.isa.x86.vechelp cimport *
from engine._core.isa.x86.vecmem cimport *
from engine._core.isa.x86.x87 cimport X87_ES, X87_NO_STORE, x87_operand
from engine._core.isa.x86.kinds_gen cimport *
from engine._core.isa.x86.paging cimport *
from engine._core.isa.x86.segment cimport *
from engine._core.isa.x86.state_gen cimport *
from engine._core.isa.x86.strings cimport *
from engine._core.isa.x86.system cimport *
from engine._core.isa.x86.transfer cimport *

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
        "the selector is none for this (error code: the selector)",
        "the segment is not present (error code: the selector)",
        "the offset is beyond the limit of the segment",
        "reserved bits are set",
        "there is no such model-specific register, or the value is not for it",
        "the page is not present",
        "the page may not be used like this",
        "reserved bits are set in an entry of the page tables",
        "task switches and task gates are not emulated",
        "single step (EFLAGS.TF)",
        "a debug register matches",
        "IOPL and the I/O permission bitmap forbid the port",
        "the gate of the interrupt table is none for this (error code: the gate)",
        "the operand is not aligned as the instruction wants",
        "an unmasked floating-point exception: the flags say which",
        "the target of the branch is not canonical",
        0,
    };
    static const int engine_x86_excp_numbers[] = {
        0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 19, 0x100, 0x101, -1
    };
    static const char *engine_x86_excp_names[] = {
        "divide error", "debug exception", "NMI", "breakpoint", "overflow", "bound range exceeded",
        "invalid opcode", "device not available", "double fault", "invalid TSS",
        "segment not present", "stack fault", "general protection", "page fault",
        "x87 floating-point error", "alignment check", "SIMD floating-point exception",
        "SYSCALL", "SYSENTER", 0,
    };
    static char engine_x86_int_names[512][12];
    static const char *engine_x86_xmm_names[] = {
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
    };
    """
    const char *engine_x86_hints[]
    const int engine_x86_excp_numbers[]
    const char *engine_x86_excp_names[]
    char engine_x86_int_names[512][12]
    const char *x86_xmm_names "engine_x86_xmm_names" []


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
cdef HelperInfo cpuid_info
cdef HelperInfo vector_info
cdef HelperInfo x87_info
cdef HelperInfo memory_info
cdef HelperInfo mxcsr_info
cdef HelperInfo strings_info
set_helper(&flags_info, helper_flags, b"flags", PURE, 4)
set_helper(&rotate_info, helper_rotate, b"rotate", PURE, 3)
set_helper(&rotate_flags_info, helper_rotate_flags, b"rotate_flags", PURE, 3)
set_helper(&div64_info, helper_div64, b"div64", HF_STATUS, 3)
set_helper(&bcd_info, helper_bcd, b"bcd", PURE, 3)
set_helper(&pdep_info, helper_pdep, b"pdep", PURE, 2)
set_helper(&pext_info, helper_pext, b"pext", PURE, 2)
set_helper(&bextr_info, helper_bextr, b"bextr", PURE, 2)
set_helper(&crc32_info, helper_crc32, b"crc32", PURE, 3)
set_helper(&cpuid_info, helper_cpuid, b"cpuid", HF_STATUS, 0)
set_helper(&vector_info, helper_vector, b"vector", HF_STATUS, 4)
set_helper(&x87_info, helper_x87, b"x87", HF_STATUS, 3)
set_helper(&memory_info, helper_memory, b"memory", HF_STATUS, 4)
set_helper(&mxcsr_info, helper_mxcsr, b"mxcsr", HF_NO_WRITE, 0)
set_helper(&strings_info, helper_strings, b"strings", 0, 1)


cdef uint32_t off_seg_base(uint32_t seg) noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPUX86State *>NULL).seg_base[seg]


cdef uint32_t off_seg_sel(uint32_t seg) noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPUX86State *>NULL).seg_sel[seg]


cdef uint32_t off_seg_attr(uint32_t seg) noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPUX86State *>NULL).seg_attr[seg]


cdef uint32_t off_seg_lo(uint32_t seg) noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPUX86State *>NULL).seg_lo[seg]


cdef uint32_t off_seg_hi(uint32_t seg) noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPUX86State *>NULL).seg_hi[seg]


cdef uint32_t off_eflags() noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPUX86State *>NULL).eflags


include "rows_gen.pxi"
include "regs_gen.pxi"
include "cpuid.pxi"
include "decode.pxi"
include "flags.pxi"
include "operand.pxi"
include "trans_alu.pxi"
include "trans_move.pxi"
include "trans_bits.pxi"
include "trans_ctl.pxi"
include "trans_sys.pxi"
include "trans_lane.pxi"
include "trans_sse.pxi"
include "trans_x87.pxi"
include "calls_gen.pxi"


# ---------------------------------------------------------------- translation

cdef void x86_declare_globals(IR *ir, CPUHead *head) noexcept nogil:
    """Registers are temps 0..15, then the lazy flags: T_CC_*."""
    cdef uint32_t n
    for n in range(16):
        ir_global(ir, TYPE_I, <uint32_t><uintptr_t>&(<CPUX86State *>NULL).gpr[n], x86_reg64[n])
    ir_global(ir, TYPE_I, <uint32_t><uintptr_t>&(<CPUX86State *>NULL).cc_op, b"cc_op")
    ir_global(ir, TYPE_I, <uint32_t><uintptr_t>&(<CPUX86State *>NULL).cc_dst, b"cc_dst")
    ir_global(ir, TYPE_I, <uint32_t><uintptr_t>&(<CPUX86State *>NULL).cc_src, b"cc_src")
    ir_global(ir, TYPE_I, <uint32_t><uintptr_t>&(<CPUX86State *>NULL).cc_src2, b"cc_src2")
    for n in range(16):
        ir_global(ir, TYPE_V, <uint32_t><uintptr_t>&(<CPUX86State *>NULL).vec[4 * n],
                  x86_xmm_names[n])


cdef void x86_tb_start(DisasContext *dc) noexcept nogil:
    cdef X86DC *x = ctx(dc)
    x.features = (<CPUX86State *>dc.cpu).features
    x.no_limits = (<CPUX86State *>dc.cpu).no_limits
    x.mode = <uint8_t>(dc.tb_flags & TBF_MODE)
    x.segments = dc.tb_flags & TBF_SEGMENTS != 0
    x.limits = dc.tb_flags & TBF_LIMITS != 0
    x.fs_limits = dc.tb_flags & TBF_FS_LIMITS != 0
    x.protected = dc.tb_flags & TBF_PE != 0
    x.cpl = <uint8_t>(dc.tb_flags >> TBF_CPL_SHIFT & 3)
    x.stack = 3 if x.mode == X86_MODE_64 else 2 if dc.tb_flags & TBF_SS32 else 1
    x.align = dc.tb_flags & TBF_ALIGN != 0
    x.cc_op = CC_DYNAMIC
    x.cc_stored = 1
    dc.mmu_idx = dc.tb_flags >> TBF_IDX_SHIFT & 3


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


cdef void check_fetch(DisasContext *dc) noexcept nogil:
    """#GP(0) for an instruction that reaches over the limit of CS."""
    cdef uint64_t last = dc.pc_next - 1 - dc.cs_base
    cdef uint32_t t
    if ctx(dc).limits:
        t = local(dc)
        ir_ld64(dc.ir, t, off(&(<CPUX86State *>NULL).seg_limit[SEG_CS]))
        gen_exception_if(dc, COND_ltu, t, const(dc, last & 0xffffffffULL), X86_EXCP_GP, FAULT_TRAP,
                         HINT_LIMIT, const(dc, dc.pc))
    elif last & 0xffffffffULL > 0xffff:
        gen_exception(dc, X86_EXCP_GP, FAULT_TRAP, HINT_LIMIT, dc.pc)


cdef bint on_stack(X86Insn *i) noexcept nogil:
    """Is an address that is not canonical #SS, not #GP (SDM 3, 6.15, vector 12)?"""
    if i.is_mem:
        return segment_of(i) == SEG_SS
    return i.status == DEC_OK and i.row.flags & (ROW_D64 | ROW_F64) != 0


cdef void x86_translate_insn(DisasContext *dc) noexcept nogil:
    cdef X86Insn i
    memset(&i, 0, sizeof(i))
    i.dc = dc
    i.pc = dc.pc
    i.mode = ctx(dc).mode
    i.protected = ctx(dc).protected
    if dc.ir.n_rows:
        dc.ir.rows[(dc.ir.n_rows - 1) * IR_ROW_WORDS + 1] = ctx(dc).cc_op
    x86_decode(&i, ctx(dc).features)
    if i.status == DEC_SHORT:
        return
    if i.mode == X86_MODE_64 and dc.ir.n_rows and on_stack(&i):
        dc.ir.rows[(dc.ir.n_rows - 1) * IR_ROW_WORDS + 2] |= ROW_STACK
    dc.pc_next = dc.pc + i.length
    ctx(dc).adsize = i.adsize
    if dc.tb_flags & (TBF_DEBUG | TBF_SHADOW):
        before_insn(dc)
    if checked(dc, SEG_CS):
        check_fetch(dc)
        if dc.is_jmp != DISAS_NEXT:
            return
    if i.status == DEC_LONG:
        gen_exception(dc, X86_EXCP_GP, FAULT_ILLEGAL, HINT_LONG, dc.pc)
        return
    if i.status == DEC_OK:
        dc.insn_number = i.row.number
    if i.status != DEC_OK or not unit_ready(dc, &i) or (dc.is_jmp == DISAS_NEXT
                                                         and not x86_call(dc, &i)):
        raise_undefined(dc, &i)
    if dc.tb_flags & (TBF_DEBUG | TBF_SHADOW):
        after_insn(dc)


cdef void x86_restore_state(CPUHead *head, const uint64_t *row) noexcept nogil:
    head.pc = row[0]
    if row[1] != CC_DYNAMIC:
        (<CPUX86State *>head).cc_op = row[1]
    if (row[2] & ROW_STACK and head.exception_index == X86_EXCP_GP
            and head.fault.hint == HINT_CANONICAL):         # x86_tlb_fill cannot know
        head.exception_index = X86_EXCP_SS
    if (row[2] & ROW_WRITES_BACK and head.exception_index == X86_EXCP_PF
            and head.fault.access == ACCESS_READ):
        (<CPUX86State *>head).error_code |= PF_W


# ---------------------------------------------------------------- life cycle

cdef void x86_set_pc(CPUHead *head, uint64_t pc) noexcept nogil:
    """Linear. Real and virtual-8086 mode: outside CS, CS becomes the 64 KiB around it."""
    cdef CPUX86State *s = <CPUX86State *>head
    if not x86_code64(s):
        pc &= 0xffffffffULL
    head.pc = pc
    s.inhibit = 0
    if not x86_protected(s) and (pc - s.seg_base[SEG_CS]) >> 16:
        x86_set_real_segment(s, SEG_CS, pc >> 4 & 0xf000)
    x86_update_tb_flags(head)


cdef int x86_init(CPUHead *head, const CPUConfig *cfg) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>head
    cdef int model = model_number(cfg.model)
    if cfg.big_endian or model < 0:
        return -1
    s.bits = cfg.xlen
    s.model = <uint64_t>model
    s.features = x86_models[model].features
    if s.bits == 64 and not s.features & X86F_sse2:
        return -1
    if s.bits == 32 and not s.features & X86F_i386:
        return -1
    if cfg.features:
        s.features = cfg.features
    s.is386 = s.features & X86F_i386 != 0
    s.user_mode = cfg.user_mode
    s.deliver = cfg.deliver
    s.no_limits = cfg.no_limits
    return 0


cdef void x86_reset(CPUHead *head) noexcept nogil:
    """General registers 0; the rest: x86_reset_system."""
    cdef CPUX86State *s = <CPUX86State *>head
    memset(s.gpr, 0, sizeof(s.gpr))
    memset(s.vec, 0, sizeof(s.vec))
    memset(s.x87, 0, sizeof(s.x87))
    s.cc_dst = 0
    s.cc_src2 = 0
    x86_set_eflags(s, F_IF if s.bits != 16 and s.user_mode else 0)
    x86_reset_system(s)
    s.fcw = 0x37f
    s.fsw = 0
    s.ftw = 0xffff
    s.fop = 0
    s.fip = 0
    s.fdp = 0
    fp_status_init(&head.fpst, FP_NAN_X86_SSE)
    x86_set_mxcsr(s, MXCSR_RESET)
    head.pc = 0
    head.halted = 0
    head.exception_index = -1
    x86_update_tb_flags(head)


cdef bint x86_state_ok(const CPUHead *cpu, const CPUHead *before) noexcept nogil:
    """What the CPU is does not change with its state."""
    cdef const CPUX86State *s = <const CPUX86State *>cpu
    cdef const CPUX86State *old = <const CPUX86State *>before
    return (s.bits == old.bits and s.is386 == old.is386 and s.user_mode == old.user_mode
            and s.cpl < 4 and s.features == old.features and s.model == old.model
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
    if number == 0x251:
        return &s.fcw
    if number == 0x252:
        return &s.fsw
    return system_place(s, number)


cdef void *system_place(CPUX86State *s, uint32_t number) noexcept nogil:
    cdef uint32_t n = number & 7
    if 0x20 <= number < 0x26:
        return &s.seg_sel[n]
    if 0x30 <= number < 0x36:
        return &s.seg_base[n]
    if 0x40 <= number < 0x46:
        return &s.seg_limit[n]
    if 0x48 <= number < 0x4e:
        return &s.seg_attr[n]
    if 0x60 <= number < 0x68:
        return &s.dr[n]
    if number == 0x50:
        return &s.cr0
    if number == 0x52:
        return &s.cr2
    if number == 0x53:
        return &s.cr3
    if number == 0x54:
        return &s.cr4
    if number == 0x58:
        return &s.cr8
    if number == 0x70:
        return &s.efer
    if number == 0x71:
        return &s.xcr0
    if number == 0x72:
        return &s.cpl
    if number == 0x78:
        return &s.gdt_base
    if number == 0x79:
        return &s.gdt_limit
    if number == 0x7a:
        return &s.idt_base
    if number == 0x7b:
        return &s.idt_limit
    if number == 0x80:
        return &s.ldt_sel
    if number == 0x81:
        return &s.ldt_base
    if number == 0x82:
        return &s.ldt_limit
    if number == 0x84:
        return &s.tr_sel
    if number == 0x85:
        return &s.tr_base
    if number == 0x86:
        return &s.tr_limit
    if number == 0x90:
        return &s.star
    if number == 0x91:
        return &s.lstar
    if number == 0x92:
        return &s.cstar
    if number == 0x93:
        return &s.fmask
    if number == 0x94:
        return &s.kernel_gs_base
    if number == 0x95:
        return &s.sysenter_cs
    if number == 0x96:
        return &s.sysenter_esp
    if number == 0x97:
        return &s.sysenter_eip
    if number == 0x99:
        return &s.tsc_aux
    if number == 0x9a:
        return &s.pat
    if number == 0x9b:
        return &s.apic_base
    if number == 0x9c:
        return &s.misc_enable
    if number == 0x9d:
        return &s.random
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
    elif number == 0x250:
        value[0] = x86_mxcsr(s)
    elif number == 0x253:
        value[0] = x86_tags(s)
    elif 0x12 <= number <= 0x14:
        value[0] = x86_get_eflags(s)
        if number == 0x14:
            value[0] &= 0xffff
    elif number == 0x98:
        value[0] = x86_tsc(s)
    elif number == 0x73:
        value[0] = x86_error_code(s)
    return ST_OK


cdef void set_cs_pc(CPUHead *head, uint64_t ip) noexcept nogil:
    """Block flags of a CS that was changed from outside; the instruction pointer stays."""
    cdef CPUX86State *s = <CPUX86State *>head
    x86_update_tb_flags(head)
    head.pc = head.cs_base + ip
    if not x86_code64(s):
        head.pc &= 0xffffffffULL


cdef void set_selector(CPUX86State *s, uint32_t seg, uint64_t sel) noexcept nogil:
    """From outside: no right is asked for; a descriptor that is there is loaded. That of SS says
    the privilege level (SDM 3C, 25.4.1: the DPL of SS is the CPL). Without limits, 64-bit code
    goes on as it is: what flat tables made for a loader of 32-bit programs say is not asked."""
    cdef Descriptor d
    cdef int32_t index = s.head.exception_index
    sel &= 0xffff
    if not x86_protected(s):
        x86_set_real_segment(s, seg, sel)
    elif (x86_no_tables(s) or sel & 0xfffc == 0 and seg == SEG_CS
          or s.no_limits and s.bits == 64 and seg < SEG_FS):
        s.seg_sel[seg] = sel
    elif sel & 0xfffc == 0:
        x86_set_segment(s, seg, sel, 0, 0, ATTR_UNUSABLE)
    elif x86_descriptor(s, sel, X86_EXCP_GP, 0, &d) == ST_OK and d.attr & ATTR_S:
        x86_set_segment(s, seg, sel, d.base, d.limit, d.attr)
        if seg == SEG_SS:
            s.cpl = d.attr >> ATTR_DPL_SHIFT & 3
    else:
        s.seg_sel[seg] = sel
    s.head.exception_index = index


cdef int x86_reg_set(CPUHead *head, uint32_t number, const uint64_t *value) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>head
    cdef uint32_t size = 0, seg = number & 7
    cdef void *place
    cdef uint64_t ip = head.pc - head.cs_base
    if number == 0x10 or number == 0x11:
        head.pc = head.cs_base + (value[0] & (0xffffffffULL if number == 0x10 else 0xffff))
        if not x86_code64(s):
            head.pc &= 0xffffffffULL
        return ST_PC_CHANGED
    elif number == 0x253:
        s.ftw = value[0] & 0xffff
    elif number == 0x250:
        x86_set_mxcsr(s, <uint32_t>value[0] & MXCSR_VALID)
    elif 0x12 <= number <= 0x14:
        x86_set_eflags(s, value[0] if number != 0x14 else
                       (x86_get_eflags(s) & ~0xffffULL) | (value[0] & 0xffff))
        if s.eflags & F_VM and s.cr0 & CR0_PE:
            s.cpl = 3
        x86_update_tb_flags(head)
    elif 0x20 <= number < 0x26:
        set_selector(s, seg, value[0])
        set_cs_pc(head, ip)
    elif 0x50 <= number <= 0x58:
        return ST_OK if x86_write_cr(s, number - 0x50, value[0]) else -1
    elif number == 0x70:
        s.efer = value[0] & 0xd01
        set_cs_pc(head, ip)
    elif number == 0x71:
        if not x86_xcr0_ok(value[0]):
            return -1
        s.xcr0 = value[0]
        x86_update_tb_flags(head)
    elif number == 0x72:
        if value[0] > 3:
            return -1
        s.cpl = value[0]
        x86_update_tb_flags(head)
    elif number == 0x73:
        s.error_code = value[0]
    elif number == 0x98:
        s.tsc_offset += value[0] - x86_tsc(s)
    else:
        place = special_place(s, number, &size)
        if place == NULL:
            return -1
        memcpy(place, value, size)
        if 0x30 <= number < 0x4e:
            if s.bits != 64:
                s.seg_base[seg] &= 0xffffffffULL
            x86_set_segment(s, seg, s.seg_sel[seg], s.seg_base[seg], s.seg_limit[seg],
                            s.seg_attr[seg])
            set_cs_pc(head, ip if seg == SEG_CS else head.pc - head.cs_base)
        elif 0x60 <= number < 0x68:
            s.dr[6] = (s.dr[6] & 0xe00f) | <uint32_t>DR6_FIXED
            s.dr[7] = (s.dr[7] & 0xffff2bffULL) | DR7_FIXED
            x86_update_tb_flags(head)
    return ST_OK


# ---------------------------------------------------------------- text

cdef uint32_t x86_disassemble(const uint8_t *code, uint32_t size, uint64_t pc, const CPUConfig *cfg,
                              char *out, uint32_t out_size) noexcept nogil:
    cdef X86Insn i
    memset(&i, 0, sizeof(i))
    i.code = code
    i.avail = size
    i.pc = pc
    i.mode = X86_MODE_64 if cfg.xlen == 64 else X86_MODE_32 if cfg.xlen == 32 else X86_MODE_REAL
    i.protected = i.mode != X86_MODE_REAL
    if x86_decode(&i, ~0ULL) != DEC_OK:
        return 0
    x86_text(&i, out, out_size)
    return i.length


# ---------------------------------------------------------------- tables, filled at import

cdef ExcpDesc x86_excps[19 + 512 + 1]


cdef void fill_tables() noexcept nogil:
    cdef uint32_t n = 0, k
    while engine_x86_excp_names[n] != NULL:
        x86_excps[n].number = engine_x86_excp_numbers[n]
        x86_excps[n].name = engine_x86_excp_names[n]
        n += 1
    for k in range(512):
        snprintf(engine_x86_int_names[k], 12, b"INT 0x%02x" if k < 256 else b"IRQ 0x%02x", k & 255)
        x86_excps[n + k].number = X86_EXCP_INT + k
        x86_excps[n + k].name = engine_x86_int_names[k]
    x86_64_guest.name = b"x86_64"
    x86_64_guest.state_size = sizeof(CPUX86State)
    x86_64_guest.page_bits = 12
    x86_64_guest.n_mmu_modes = N_IDX
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
    x86_64_guest.model_names = engine_x86_model_names
    memcpy(&i386_guest, &x86_64_guest, sizeof(GuestOps))
    i386_guest.name = b"i386"
    i386_guest.word_bits = 32
    i386_guest.regs = x86_regs32
    memcpy(&x86_16_guest, &i386_guest, sizeof(GuestOps))
    x86_16_guest.name = b"x86_16"


fill_models()
fill_tables()
