# The x86-64 host back end: the driver, the common stubs, running and linking.
# Lives here: the frame, stubs at the head of each code buffer, choice of emitter by op. The
# emitters: emit_int.pxi, emit_mem.pxi, emit_fp.pxi, emit_vec.pxi, emit_vecfp.pxi, emit_ctl.pxi;
# encodings: emit.pxd (of vectors: emit_vec*.pxi); registers: ../regalloc. Called by: exec through
# x86_64_ops.
#
# Registers in emitted code: RBP the CPU struct, R15 head.icount_left, RSP the frame; RAX, RDX, XMM0
# and XMM1 scratch; the others are homes of temps (RCX only with BMI2: shifts need it otherwise).
# Between blocks nothing but RBP, RSP and R15 is kept.
from libc.stdlib cimport malloc
from libc.string cimport memcpy, memset
from engine._core.base.bits cimport engine_ctz64, popcnt64
from engine._core.base.codemem cimport codemem_map
from engine._core.base.types cimport *
from engine._core.base.vec128 cimport *
from engine._core.crypto.aes cimport v_aes
from engine._core.fp.host cimport *
from engine._core.fp.lanes cimport *
from engine._core.fp.soft cimport FP_INT_X86, FP_MA_NEG_C, FP_MA_NEG_PRODUCT
from engine._core.fp.status cimport (FP_HOST_FMA, FP_HOST_OK, FP_NAN_CANONICAL, FP_NAN_X86_SSE,
                                     FP_RM_DYN, FP_RTZ, FP_RUP, FPStatus)
from engine._core.mem.tlb cimport CPU_TLB_ENTRY_BITS, CPUTLBDesc
from engine._core.cpu.head cimport RETURN_PC_MASK, CPUHead, return_offset
from engine._core.cpu.tb cimport (EXIT_GOTO, EXIT_HOT, EXIT_ICOUNT, EXIT_LOOKUP, EXIT_STATUS, TB,
                                  TBExit)
from engine._core.cpu.tb_hash cimport (TB_JMP_ADDR_MASK, TB_JMP_PAGE_BITS, TB_JMP_PAGE_MASK,
                                        tb_jmp_cache_hash)
from engine._core.ir.ops_gen cimport *
from engine._core.ir.ir cimport (HF_PURE, HF_STATUS, HelperInfo, IR, IR_NONE, IR_OK, IROp,
                                 TEMP_CONST, TEMP_GLOBAL)
from engine._core.backend.backend cimport (BE_NO_ROOM, BE_OK, BE_TOO_LARGE, CodeBuffer, RuntimeOps)
from engine._core.backend.fp_ops cimport fp_cmp32, fp_cmp64
from engine._core.backend.regalloc cimport (HOME_MEM, RA, RAConfig,
                                            ra_clobbers, ra_run, ra_syncs)
from engine._core.backend.rows cimport rows_write
from engine._core.backend.x86_64.emit cimport *

cdef extern from * nogil:
    """
    #if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__)) && !defined(_WIN32)
    #include <cpuid.h>
    #define ENGINE_X86_64 1
    static int engine_has_bmi1(void) {
        __builtin_cpu_init();
        return !!__builtin_cpu_supports("bmi");
    }
    static int engine_has_bmi2(void) { return !!__builtin_cpu_supports("bmi2"); }
    static int engine_has_fma(void) { return !!__builtin_cpu_supports("fma"); }
    static int engine_has_sse42(void) { return !!__builtin_cpu_supports("sse4.2"); }
    static int engine_has_aes(void) { return !!__builtin_cpu_supports("aes"); }
    static int engine_has_pclmul(void) { return !!__builtin_cpu_supports("pclmul"); }
    static int engine_has_avx(void) { return !!__builtin_cpu_supports("avx"); }
    static int engine_has_popcnt(void) { return !!__builtin_cpu_supports("popcnt"); }
    static int engine_has_lzcnt(void) {
        unsigned a, b, c = 0, d;
        return __get_cpuid(0x80000001u, &a, &b, &c, &d) && (c & 32);
    }
    static int engine_has_lahf(void) {
        unsigned a, b, c = 0, d;
        return __get_cpuid(0x80000001u, &a, &b, &c, &d) && (c & 1);
    }
    #else
    #define ENGINE_X86_64 0
    #define engine_has_bmi1() 0
    #define engine_has_bmi2() 0
    #define engine_has_fma() 0
    #define engine_has_popcnt() 0
    #define engine_has_sse42() 0
    #define engine_has_avx() 0
    #define engine_has_aes() 0
    #define engine_has_pclmul() 0
    #define engine_has_lzcnt() 0
    #define engine_has_lahf() 0
    #endif
    """
    const bint ENGINE_X86_64
    bint engine_has_bmi1()
    bint engine_has_bmi2()
    bint engine_has_fma()
    bint engine_has_popcnt()
    bint engine_has_sse42()
    bint engine_has_avx()
    bint engine_has_aes()
    bint engine_has_pclmul()
    bint engine_has_lzcnt()
    bint engine_has_lahf()

ctypedef struct HostFeatures:
    bint bmi1
    bint bmi2
    bint fma
    bint lzcnt
    bint lahf                   # in 64-bit code
    bint popcnt
    bint sse42
    bint avx
    bint aes
    bint pclmul

# Set once, when the module is imported.
cdef HostFeatures host

# The frame at RSP of emitted code; stubs reached by `call` see it 8 bytes higher.
cdef enum:
    F_A = 0                     # arguments of stubs
    F_B = 8
    F_C = 16                    # the address for unwinding; third argument of stub_soft
    F_OUT = 24                  # results; third argument of stub_rmw
    F_RT = 32                   # RuntimeOps*
    F_SAVE = 40                 # by general register number
    F_TMP = 296
    F_SLOTS = 304               # locals without a register
    F_VEC = 4144                # 4 vectors: result and inputs of vec_op; values of loads and stores
    F_SAVE_X = 4208             # 16 XMM registers
    F_SIZE = 4472               # 8 modulo 16: six pushed registers and a return address above it

cdef enum:
    SLOW_LOAD = 0
    SLOW_STORE = 1
    SLOW_ICOUNT = 2
    SLOW_FP = 3
    SLOW_LANDING = 4
    SLOW_VSTORE = 5

# Code out of line: the jumps to it, where it goes on, where its op began.
ctypedef struct Slow:
    uint8_t *jump[3]
    uint8_t *back
    uint8_t *at
    uint32_t pos
    uint32_t kind

# Working memory of compile, kept with the code buffer.
ctypedef struct Gen:
    Asm a
    IR *s
    TB *tb
    CodeBuffer *buf
    TBExit *exits
    uint8_t *code
    uint64_t page_mask
    uint32_t page_bits
    uint32_t n_slow
    uint32_t unknown            # an op without an emitter
    bint no_de                  # the guest has no denormal-operand flag
    bint bare_fp                # the guest's NaNs and modes are the host's
    uint8_t *stub_load          # [_x]: saves XMM registers, too
    uint8_t *stub_load_x
    uint8_t *stub_store
    uint8_t *stub_store_x
    uint8_t *stub_vstore
    uint8_t *stub_vec
    uint8_t *stub_rmw
    uint8_t *stub_soft
    uint8_t *stub_icount
    uint8_t *stub_goto
    uint8_t *stub_hot
    uint8_t *stub_lookup
    uint8_t *stub_leave
    uint8_t *stub_status
    uint8_t *thunk_load         # of this block: RAX <- TB, then the stub
    uint8_t *thunk_store
    uint8_t *thunk_vstore
    uint8_t *thunk_icount
    uint8_t *label_at[2048]
    uint32_t label_fix[2048]
    uint32_t ends[512]
    RA ra
    Slow slow[16384]

cdef int32_t O_ICOUNT = <int32_t><uintptr_t>&(<CPUHead *>NULL).icount_left
cdef int32_t O_PC = <int32_t><uintptr_t>&(<CPUHead *>NULL).pc
cdef int32_t O_RETURNS = <int32_t><uintptr_t>&(<CPUHead *>NULL).returns
cdef int32_t O_EXIT_REQUEST = <int32_t><uintptr_t>&(<CPUHead *>NULL).exit_request
cdef int32_t O_EXIT_STATUS = <int32_t><uintptr_t>&(<CPUHead *>NULL).exit_status
cdef int32_t O_JMP_CACHE = <int32_t><uintptr_t>&(<CPUHead *>NULL).jmp_cache
cdef int32_t O_LAST_EXIT = <int32_t><uintptr_t>&(<CPUHead *>NULL).last_exit
cdef int32_t O_DESC = <int32_t><uintptr_t>&(<CPUHead *>NULL).tlb.desc[0]
cdef int32_t O_FPST = <int32_t><uintptr_t>&(<CPUHead *>NULL).fpst
cdef int32_t O_HOST_OK = <int32_t><uintptr_t>&(<CPUHead *>NULL).fpst.host_ok
cdef int32_t O_ROUNDING = <int32_t><uintptr_t>&(<CPUHead *>NULL).fpst.rounding
cdef int32_t O_CS_BASE = <int32_t><uintptr_t>&(<CPUHead *>NULL).cs_base
cdef int32_t O_TB_FLAGS = <int32_t><uintptr_t>&(<CPUHead *>NULL).tb_flags
cdef int32_t O_CURRENT_TB = <int32_t><uintptr_t>&(<CPUHead *>NULL).current_tb
cdef int32_t O_UNWIND_RA = <int32_t><uintptr_t>&(<CPUHead *>NULL).unwind_ra
cdef int32_t T_PC = <int32_t><uintptr_t>&(<TB *>NULL).pc
cdef int32_t T_CS_BASE = <int32_t><uintptr_t>&(<TB *>NULL).cs_base
cdef int32_t T_FLAGS = <int32_t><uintptr_t>&(<TB *>NULL).flags
cdef int32_t T_HEAT = <int32_t><uintptr_t>&(<TB *>NULL).heat
cdef int32_t T_CODE = <int32_t><uintptr_t>&(<TB *>NULL).code
cdef int32_t X_OWNER = <int32_t><uintptr_t>&(<TBExit *>NULL).owner
cdef int32_t RT_LOAD = <int32_t><uintptr_t>&(<RuntimeOps *>NULL).load
cdef int32_t RT_STORE = <int32_t><uintptr_t>&(<RuntimeOps *>NULL).store
cdef int32_t RT_STORE128 = <int32_t><uintptr_t>&(<RuntimeOps *>NULL).store128
cdef int32_t RT_RMW = <int32_t><uintptr_t>&(<RuntimeOps *>NULL).rmw
cdef int32_t RT_LOOKUP = <int32_t><uintptr_t>&(<RuntimeOps *>NULL).lookup

cdef RAConfig config


cdef Slow *new_slow(Gen *g, uint32_t kind, IROp *op) noexcept nogil:
    cdef Slow *slow = &g.slow[g.n_slow]
    g.n_slow += 1
    slow.jump[0] = NULL
    slow.jump[1] = NULL
    slow.jump[2] = NULL
    slow.back = NULL
    slow.at = g.a.p
    slow.pos = op.aux
    slow.kind = kind
    return slow


include "fp_calls.pxi"
include "emit_int.pxi"
include "emit_mem.pxi"
include "emit_fp.pxi"
include "vec_gen.pxi"
include "emit_vec.pxi"
include "emit_vecfp.pxi"
include "emit_ctl.pxi"


# ---------------------------------------------------------------- stubs
# All caller-saved homes, in a stub reached by `call`.
cdef void save_all(Asm *a, bint xmms, bint save) noexcept nogil:
    cdef uint32_t r
    for r in range(16):
        if (CALLER_SAVED >> r) & 1:
            rm(a, (X_MOV_STORE if save else X_MOV_LOAD) | W, r, RSP, 8 + F_SAVE + 8 * <int32_t>r)
    if xmms:
        for r in range(2, 16):
            rm(a, X_MOVUPS_STORE if save else X_MOVUPS_LOAD, r, RSP,
               8 + F_SAVE_X + 16 * <int32_t>r)


# RAX: the TB. What exec needs to know when something goes wrong inside.
cdef void publish(Asm *a, uint32_t ra) noexcept nogil:
    rm(a, X_MOV_STORE | W, RAX, RBP, O_CURRENT_TB)
    rm(a, X_MOV_LOAD | W, ra, RSP, 8 + F_C)
    rm(a, X_MOV_STORE | W, ra, RBP, O_UNWIND_RA)
    rm(a, X_MOV_STORE | W, R15, RBP, O_ICOUNT)


# After the call: status in EAX; the result, if it has a place in the frame, to RAX.
cdef void conclude(Gen *g, bint xmms, int32_t result) noexcept nogil:
    cdef Asm *a = &g.a
    cdef uint8_t *fail
    rm(a, X_MOV_LOAD | W, R15, RBP, O_ICOUNT)
    rr(a, X_TEST, RAX, RAX)
    fail = jcc(a, CC_NE)
    save_all(a, xmms, False)
    if result:
        rm(a, X_MOV_LOAD | W, RAX, RSP, 8 + result)
    e1(a, 0xc3)
    patch32(fail, a.p)
    alu_ri(a, W, ALU_ADD, RSP, 8)
    patch32(jmp(a), g.stub_status)


cdef uint8_t *begin_stub(Asm *a) noexcept nogil:
    while <uintptr_t>a.p & 15:
        e1(a, 0xcc)
    return a.p


cdef uint8_t *emit_stub_load(Gen *g, bint xmms) noexcept nogil:
    cdef Asm *a = &g.a
    cdef uint8_t *start = begin_stub(a)
    save_all(a, xmms, True)
    publish(a, RCX)
    rm(a, X_MOV_LOAD | W, RSI, RSP, 8 + F_A)
    rm(a, X_LEA | W, R8, RSP, 8 + F_VEC)
    mov_rr(a, RDI, RBP)
    rm(a, X_MOV_LOAD | W, RAX, RSP, 8 + F_RT)
    alu_ri(a, W, ALU_SUB, RSP, 8)
    rm(a, X_GROUP5, 2, RAX, RT_LOAD)
    alu_ri(a, W, ALU_ADD, RSP, 8)
    conclude(g, xmms, F_VEC)
    return start


# vector: the value is in F_VEC, not in F_B.
cdef uint8_t *emit_stub_store(Gen *g, bint xmms, bint vector) noexcept nogil:
    cdef Asm *a = &g.a
    cdef uint8_t *start = begin_stub(a)
    save_all(a, xmms, True)
    publish(a, R8)
    rm(a, X_MOV_LOAD | W, RSI, RSP, 8 + F_A)
    mov_rr(a, RCX, RDX)
    if vector:
        rm(a, X_LEA | W, RDX, RSP, 8 + F_VEC)
    else:
        rm(a, X_MOV_LOAD | W, RDX, RSP, 8 + F_B)
    mov_rr(a, RDI, RBP)
    rm(a, X_MOV_LOAD | W, RAX, RSP, 8 + F_RT)
    alu_ri(a, W, ALU_SUB, RSP, 8)
    rm(a, X_GROUP5, 2, RAX, RT_STORE128 if vector else RT_STORE)
    alu_ri(a, W, ALU_ADD, RSP, 8)
    conclude(g, xmms, 0)
    return start


# EDX: oi, op number above it.
cdef uint8_t *emit_stub_rmw(Gen *g) noexcept nogil:
    cdef Asm *a = &g.a
    cdef uint8_t *start = begin_stub(a)
    save_all(a, True, True)
    publish(a, R10)
    rr(a, X_MOVZX16, R9, RDX)
    shift_ri(a, 0, SH_SHR, RDX, 16)
    mov_rr(a, RSI, RDX)
    rm(a, X_MOV_LOAD | W, RDX, RSP, 8 + F_A)
    rm(a, X_MOV_LOAD | W, RCX, RSP, 8 + F_B)
    rm(a, X_MOV_LOAD | W, R8, RSP, 8 + F_OUT)
    rm(a, X_LEA | W, R11, RSP, 8 + F_OUT)
    mov_rr(a, RDI, RBP)
    rm(a, X_MOV_LOAD | W, RAX, RSP, 8 + F_RT)
    alu_ri(a, W, ALU_SUB, RSP, 8)
    push_r(a, R11)
    push_r(a, R10)
    rm(a, X_GROUP5, 2, RAX, RT_RMW)
    alu_ri(a, W, ALU_ADD, RSP, 24)
    conclude(g, True, F_OUT)
    return start


# RAX: the function; EDX: rounding mode, constant above it.
cdef uint8_t *emit_stub_soft(Gen *g) noexcept nogil:
    cdef Asm *a = &g.a
    cdef uint8_t *start = begin_stub(a)
    save_all(a, True, True)
    rm(a, X_LEA | W, RDI, RBP, O_FPST)
    rm(a, X_MOV_LOAD | W, RSI, RSP, 8 + F_A)
    rm(a, X_MOV_LOAD | W, RCX, RSP, 8 + F_C)
    rr(a, X_MOVZX8, R8, RDX)
    shift_ri(a, 0, SH_SHR, RDX, 8)
    mov_rr32(a, R9, RDX)
    rm(a, X_MOV_LOAD | W, RDX, RSP, 8 + F_B)
    alu_ri(a, W, ALU_SUB, RSP, 8)
    rr(a, X_GROUP5, 2, RAX)
    alu_ri(a, W, ALU_ADD, RSP, 8)
    save_all(a, True, False)
    e1(a, 0xc3)
    return start


# At the head of a buffer: what its blocks share.
cdef void emit_stubs(Gen *g) noexcept nogil:
    cdef Asm *a = &g.a
    cdef uint8_t *out
    cdef uint8_t *none
    # RAX: TBExit that is not linked
    g.stub_goto = begin_stub(a)
    rm(a, X_MOV_STORE | W, RAX, RBP, O_LAST_EXIT)
    rm(a, X_MOV_LOAD | W, RAX, RAX, X_OWNER)
    rm(a, X_MOV_STORE | W, RAX, RBP, O_CURRENT_TB)
    mov_ri(a, RAX, EXIT_GOTO)
    out = a.p
    rm(a, 0xc7 | W, 0, RBP, O_UNWIND_RA)
    e4(a, 0)
    none = a.p                  # EAX: what run() answers
    rm(a, X_MOV_STORE | W, R15, RBP, O_ICOUNT)
    alu_ri(a, W, ALU_ADD, RSP, F_SIZE)
    pop_r(a, R15)
    pop_r(a, R14)
    pop_r(a, R13)
    pop_r(a, R12)
    pop_r(a, RBP)
    pop_r(a, RBX)
    e1(a, 0xc3)
    # RAX: TB
    g.stub_hot = begin_stub(a)
    rm(a, X_MOV_STORE | W, RAX, RBP, O_CURRENT_TB)
    mov_ri(a, RAX, EXIT_HOT)
    patch32(jmp(a), out)
    g.stub_leave = begin_stub(a)
    mov_ri(a, RAX, EXIT_LOOKUP)
    patch32(jmp(a), out)
    # EAX: status
    g.stub_status = begin_stub(a)
    rm(a, X_MOV_STORE, RAX, RBP, O_EXIT_STATUS)
    mov_ri(a, RAX, EXIT_STATUS)
    patch32(jmp(a), none)
    # RAX: TB, RDX: address for unwinding
    g.stub_icount = begin_stub(a)
    rm(a, X_MOV_STORE | W, RAX, RBP, O_CURRENT_TB)
    rm(a, X_MOV_STORE | W, RDX, RBP, O_UNWIND_RA)
    mov_ri(a, RAX, EXIT_ICOUNT)
    patch32(jmp(a), none)
    # head.pc is set
    g.stub_lookup = begin_stub(a)
    rm(a, X_MOV_STORE | W, R15, RBP, O_ICOUNT)
    rm(a, 0xc7 | W, 0, RBP, O_UNWIND_RA)
    e4(a, 0)
    mov_rr(a, RDI, RBP)
    rm(a, X_MOV_LOAD | W, RAX, RSP, F_RT)
    rm(a, X_GROUP5, 2, RAX, RT_LOOKUP)
    rm(a, X_MOV_LOAD | W, R15, RBP, O_ICOUNT)
    rr(a, X_TEST | W, RAX, RAX)
    patch32(jcc(a, CC_E), g.stub_leave)
    rm(a, X_GROUP5, 4, RAX, T_CODE)
    g.stub_load = emit_stub_load(g, False)
    g.stub_load_x = emit_stub_load(g, True)
    g.stub_store = emit_stub_store(g, False, False)
    g.stub_store_x = emit_stub_store(g, True, False)
    g.stub_vstore = emit_stub_store(g, True, True)
    g.stub_vec = emit_stub_vec(g)
    g.stub_rmw = emit_stub_rmw(g)
    g.stub_soft = emit_stub_soft(g)


cdef uint8_t *emit_thunk(Gen *g, const uint8_t *stub) noexcept nogil:
    cdef uint8_t *start = g.a.p
    mov_ri(&g.a, RAX, <uint64_t><uintptr_t>g.tb)
    patch32(jmp(&g.a), stub)
    return start


# ---------------------------------------------------------------- ops
cdef void emit_op(Gen *g, IROp *op) noexcept nogil:
    cdef uint32_t opc = op.opc
    cdef uint32_t d = op.args[0], a = op.args[1], b = op.args[2]
    if opc == OP_mov:
        emit_mov(g, d, a)
    elif opc == OP_add:
        emit_alu(g, W, ALU_ADD, True, d, a, b)
    elif opc == OP_sub:
        emit_alu(g, W, ALU_SUB, False, d, a, b)
    elif opc == OP_and:
        emit_alu(g, W, ALU_AND, True, d, a, b)
    elif opc == OP_or:
        emit_alu(g, W, ALU_OR, True, d, a, b)
    elif opc == OP_xor:
        emit_alu(g, W, ALU_XOR, True, d, a, b)
    elif opc == OP_add32:
        emit_alu(g, 0, ALU_ADD, True, d, a, b)
    elif opc == OP_sub32:
        emit_alu(g, 0, ALU_SUB, False, d, a, b)
    elif opc == OP_andc:
        emit_alu_not(g, ALU_AND, d, a, b)
    elif opc == OP_orc:
        emit_alu_not(g, ALU_OR, d, a, b)
    elif opc == OP_eqv:
        emit_alu_not(g, ALU_XOR, d, a, b)
    elif opc == OP_neg:
        emit_unary(g, W, 3, d, a)
    elif opc == OP_not:
        emit_unary(g, W, 2, d, a)
    elif opc == OP_neg32:
        emit_unary(g, 0, 3, d, a)
    elif opc == OP_not32:
        emit_unary(g, 0, 2, d, a)
    elif opc == OP_shl:
        emit_shift(g, W, SH_SHL, d, a, b)
    elif opc == OP_shr:
        emit_shift(g, W, SH_SHR, d, a, b)
    elif opc == OP_sar:
        emit_shift(g, W, SH_SAR, d, a, b)
    elif opc == OP_rotl:
        emit_shift(g, W, SH_ROL, d, a, b)
    elif opc == OP_rotr:
        emit_shift(g, W, SH_ROR, d, a, b)
    elif opc == OP_shl32:
        emit_shift(g, 0, SH_SHL, d, a, b)
    elif opc == OP_shr32:
        emit_shift(g, 0, SH_SHR, d, a, b)
    elif opc == OP_sar32:
        emit_shift(g, 0, SH_SAR, d, a, b)
    elif opc == OP_rotl32:
        emit_shift(g, 0, SH_ROL, d, a, b)
    elif opc == OP_rotr32:
        emit_shift(g, 0, SH_ROR, d, a, b)
    elif opc == OP_mul:
        emit_mul(g, W, d, a, b)
    elif opc == OP_mul32:
        emit_mul(g, 0, d, a, b)
    elif opc == OP_mulhu or opc == OP_mulhs or opc == OP_mulhsu:
        emit_mulh(g, opc, d, a, b)
    elif opc == OP_mulhu32 or opc == OP_mulhs32 or opc == OP_mulhsu32:
        emit_mulh32(g, opc, d, a, b)
    elif opc == OP_divu:
        emit_div(g, W, False, False, d, a, b)
    elif opc == OP_divs:
        emit_div(g, W, True, False, d, a, b)
    elif opc == OP_remu:
        emit_div(g, W, False, True, d, a, b)
    elif opc == OP_rems:
        emit_div(g, W, True, True, d, a, b)
    elif opc == OP_divu32:
        emit_div(g, 0, False, False, d, a, b)
    elif opc == OP_divs32:
        emit_div(g, 0, True, False, d, a, b)
    elif opc == OP_remu32:
        emit_div(g, 0, False, True, d, a, b)
    elif opc == OP_rems32:
        emit_div(g, 0, True, True, d, a, b)
    elif opc == OP_clz:
        emit_clz(g, W, d, a)
    elif opc == OP_clz32:
        emit_clz(g, 0, d, a)
    elif opc == OP_ctz:
        emit_ctz(g, W, d, a)
    elif opc == OP_ctz32:
        emit_ctz(g, 0, d, a)
    elif opc == OP_popcnt:
        emit_popcnt(g, op, W)
    elif opc == OP_popcnt32:
        emit_popcnt(g, op, 0)
    elif opc == OP_bswap:
        emit_bswap(g, W, False, d, a)
    elif opc == OP_bswap32:
        emit_bswap(g, 0, False, d, a)
    elif opc == OP_bswap16:
        emit_bswap(g, 0, True, d, a)
    elif opc == OP_ext8u:
        emit_ext(g, X_MOVZX8, d, a)
    elif opc == OP_ext16u:
        emit_ext(g, X_MOVZX16, d, a)
    elif opc == OP_ext32u:
        emit_ext(g, X_MOV_LOAD, d, a)
    elif opc == OP_ext8s:
        emit_ext(g, X_MOVSX8, d, a)
    elif opc == OP_ext16s:
        emit_ext(g, X_MOVSX16, d, a)
    elif opc == OP_ext32s:
        emit_ext(g, X_MOVSXD, d, a)
    elif opc == OP_extract:
        emit_extract(g, False, d, a, b, op.args[3])
    elif opc == OP_sextract:
        emit_extract(g, True, d, a, b, op.args[3])
    elif opc == OP_deposit:
        emit_deposit(g, d, a, b, op.args[3], op.args[4])
    elif opc == OP_setcond:
        emit_setcond(g, W, False, d, a, b, op.args[3])
    elif opc == OP_setcond32:
        emit_setcond(g, 0, False, d, a, b, op.args[3])
    elif opc == OP_negsetcond:
        emit_setcond(g, W, True, d, a, b, op.args[3])
    elif opc == OP_movcond:
        emit_movcond(g, W, op)
    elif opc == OP_movcond32:
        emit_movcond(g, 0, op)
    elif opc == OP_ld8u:
        emit_env_load(g, X_MOVZX8, d, a)
    elif opc == OP_ld8s:
        emit_env_load(g, X_MOVSX8, d, a)
    elif opc == OP_ld16u:
        emit_env_load(g, X_MOVZX16, d, a)
    elif opc == OP_ld16s:
        emit_env_load(g, X_MOVSX16, d, a)
    elif opc == OP_ld32u:
        emit_env_load(g, X_MOV_LOAD, d, a)
    elif opc == OP_ld32s:
        emit_env_load(g, X_MOVSXD, d, a)
    elif opc == OP_ld64:
        emit_env_load(g, X_MOV_LOAD | W, d, a)
    elif opc == OP_st8:
        emit_env_store(g, X_MOV_STORE8, d, a)
    elif opc == OP_st16:
        emit_env_store(g, X_MOV_STORE16, d, a)
    elif opc == OP_st32:
        emit_env_store(g, X_MOV_STORE, d, a)
    elif opc == OP_st64:
        emit_env_store(g, X_MOV_STORE | W, d, a)
    elif opc == OP_gld or opc == OP_gldf:
        emit_load(g, op)
    elif opc == OP_gst or opc == OP_gstf:
        emit_store(g, op)
    elif opc >= OP_gcas and opc <= OP_gumax:
        emit_rmw(g, op)
    elif opc == OP_fence:
        opcode(&g.a, 0xae | M_0F, 0, 0, 0)      # mfence
        e1(&g.a, 0xf0)
    elif opc == OP_label:
        place_label(g, d)
    elif opc == OP_br:
        if not falls_through(g, op.aux, d):
            jump_to(g, jmp(&g.a), d)
    elif opc == OP_brcond:
        jump_to(g, jcc(&g.a, emit_compare(g, W, d, a, b)), op.args[3])
    elif opc == OP_brcond32:
        jump_to(g, jcc(&g.a, emit_compare(g, 0, d, a, b)), op.args[3])
    elif opc == OP_icount:
        emit_icount(g, op)
    elif opc == OP_insn_start:
        pass                    # rows: in compile
    elif opc == OP_goto_tb:
        emit_goto_tb(g, op)
    elif opc == OP_goto_ptr:
        emit_goto_ptr(g, op)
    elif opc == OP_goto_ret:
        emit_goto_ret(g, op)
    elif opc == OP_push_ret:
        emit_push_ret(g, op)
    elif opc == OP_leave:
        emit_leave(g, op)
    elif opc == OP_call or opc == OP_callv:
        emit_call(g, op)
    elif opc == OP_fmov:
        emit_fmov(g, d, a)
    elif opc == OP_fmovi:
        finish_x_gpr(g, d, source(g, a, RAX))
    elif opc == OP_fmovr:
        load_x_gpr(g, target(g, d), a)
        if not in_reg(g, d):
            finish(g, d, RAX)
    elif opc == OP_fadd32:
        emit_fp2(g, op, X_ADDSS, False)
    elif opc == OP_fsub32:
        emit_fp2(g, op, X_SUBSS, False)
    elif opc == OP_fmul32:
        emit_fp2(g, op, X_MULSS, False)
    elif opc == OP_fdiv32:
        emit_fp2(g, op, X_DIVSS, False)
    elif opc == OP_fsqrt32:
        emit_fp1(g, op, X_SQRTSS, False, b)
    elif opc == OP_fma32:
        emit_fma(g, op, False)
    elif opc == OP_fadd64:
        emit_fp2(g, op, X_ADDSD, True)
    elif opc == OP_fsub64:
        emit_fp2(g, op, X_SUBSD, True)
    elif opc == OP_fmul64:
        emit_fp2(g, op, X_MULSD, True)
    elif opc == OP_fdiv64:
        emit_fp2(g, op, X_DIVSD, True)
    elif opc == OP_fsqrt64:
        emit_fp1(g, op, X_SQRTSD, True, b)
    elif opc == OP_fma64:
        emit_fma(g, op, True)
    elif opc == OP_fbox32:
        emit_fbox(g, d, a)
    elif opc == OP_funbox32:
        emit_funbox(g, d, a)
    elif opc == OP_fcvt64_32:
        emit_fp1(g, op, X_CVTSD2SS, False, b)
    elif opc == OP_fcvt32_64:
        emit_fp1(g, op, X_CVTSS2SD, True, FP_RM_DYN)
    elif opc == OP_fcmp32:
        emit_fcmp(g, op, X_CMPSS)
    elif opc == OP_fcmp64:
        emit_fcmp(g, op, X_CMPSD)
    elif opc == OP_fi32_32:
        emit_from_int(g, op, X_CVTSI2SS, 0)
    elif opc == OP_fu32_32:
        emit_from_int(g, op, X_CVTSI2SS, 1)
    elif opc == OP_fi64_32:
        emit_from_int(g, op, X_CVTSI2SS, 2)
    elif opc == OP_fu64_32:
        emit_from_int(g, op, X_CVTSI2SS, 3)
    elif opc == OP_fi32_64:
        emit_from_int(g, op, X_CVTSI2SD, 0)
    elif opc == OP_fu32_64:
        emit_from_int(g, op, X_CVTSI2SD, 1)
    elif opc == OP_fi64_64:
        emit_from_int(g, op, X_CVTSI2SD, 2)
    elif opc == OP_fu64_64:
        emit_from_int(g, op, X_CVTSI2SD, 3)
    elif opc >= OP_vmov and opc <= OP_vgst:
        emit_vec(g, op)
    elif opc >= OP_vfadd and opc <= OP_vfget:
        emit_vecfp(g, op)
    else:
        g.unknown = opc


cdef int x86_compile(IR *s, TB *tb, CodeBuffer *buf, void *guest_const) noexcept nogil:
    cdef CPUHead *cpu = <CPUHead *>guest_const
    cdef Gen *g = <Gen *>buf.scratch
    cdef uint8_t *start = buf.ptr
    cdef uint64_t size = (s.n_exits * sizeof(TBExit) + 15) & ~15ULL
    cdef uint32_t i, p, row = 0
    cdef IROp *op
    if s.status != IR_OK or cpu == NULL:
        return BE_TOO_LARGE
    if g == NULL:
        g = <Gen *>malloc(sizeof(Gen))
        if g == NULL:
            return BE_NO_ROOM
        buf.scratch = g
    if not ra_run(&g.ra, s, &config):
        return BE_TOO_LARGE
    if buf.ptr == buf.base:
        g.a.p = buf.ptr
        emit_stubs(g)
        buf.ptr = begin_stub(&g.a)
    if buf.ptr > buf.high_water or size > <uint64_t>(buf.high_water - buf.ptr):
        buf.ptr = start
        return BE_NO_ROOM
    g.s = s
    g.tb = tb
    g.buf = buf
    g.exits = <TBExit *>buf.ptr
    memset(g.exits, 0, size)
    for i in range(s.n_exits):
        g.exits[i].pc = s.exits[i].pc
        g.exits[i].owner = tb
    g.code = buf.ptr + size
    g.a.p = g.code
    g.page_bits = cpu.tlb.page_bits
    g.page_mask = cpu.tlb.page_mask
    g.no_de = cpu.fpst.nan_rule == FP_NAN_CANONICAL
    g.bare_fp = cpu.fpst.nan_rule == FP_NAN_X86_SSE
    g.n_slow = 0
    g.unknown = 0
    memset(g.label_at, 0, s.n_labels * sizeof(uint8_t *))
    memset(g.label_fix, 0, s.n_labels * sizeof(uint32_t))
    if tb.heat:
        emit_heat(g)
    load_globals(g, g.ra.entry)
    for p in range(g.ra.n):
        op = &s.ops[g.ra.order[p]]
        if op.opc == OP_insn_start:
            while row < op.args[0]:
                g.ends[row] = <uint32_t>(g.a.p - g.code)
                row += 1
        emit_op(g, op)
        if g.a.p >= buf.high_water:
            buf.ptr = start
            return BE_NO_ROOM
    e1(&g.a, 0xcc)              # never reached: the verifier wants an end
    while row < s.n_rows:
        g.ends[row] = <uint32_t>(g.a.p - g.code)
        row += 1
    g.thunk_load = emit_thunk(g, g.stub_load_x if g.ra.n_float else g.stub_load)
    g.thunk_store = emit_thunk(g, g.stub_store_x if g.ra.n_float else g.stub_store)
    if g.ra.n_float:
        g.thunk_vstore = emit_thunk(g, g.stub_vstore)
    g.thunk_icount = emit_thunk(g, g.stub_icount)
    for i in range(g.n_slow):
        if g.slow[i].kind == SLOW_FP:
            slow_fp(g, &g.slow[i])
        elif g.slow[i].kind == SLOW_ICOUNT:
            slow_icount(g, &g.slow[i])
        elif g.slow[i].kind == SLOW_LANDING:
            slow_landing(g, &g.slow[i])
        else:
            slow_access(g, &g.slow[i])
        if g.a.p >= buf.high_water:
            buf.ptr = start
            return BE_NO_ROOM
    if g.unknown:
        buf.ptr = start
        return BE_TOO_LARGE
    tb.code = g.code + buf.rx_delta
    tb.code_size = <uint32_t>(g.a.p - g.code)
    tb.exits = g.exits
    tb.traffic = g.ra.traffic
    tb.n_exits = s.n_exits
    buf.ptr = g.a.p
    if not rows_write(tb, buf, s.rows, g.ends, s.n_rows):
        buf.ptr = start
        return BE_NO_ROOM
    return BE_OK


# ---------------------------------------------------------------- running
ctypedef uint32_t (*enter_fn)(CPUHead *cpu, void *code, const RuntimeOps *rt) noexcept nogil

# Emitted once for the process: saves the host's registers and jumps into a block.
cdef enter_fn enter_code = NULL
cdef uint8_t *enter_top = NULL      # end of it


cdef enter_fn emit_enter() noexcept nogil:
    cdef Asm a
    global enter_top
    cdef int64_t delta = 0
    cdef uint8_t *start = codemem_map(4096, &enter_top, &delta)
    if start == NULL:
        return NULL
    a.p = start
    push_r(&a, RBX)
    push_r(&a, RBP)
    push_r(&a, R12)
    push_r(&a, R13)
    push_r(&a, R14)
    push_r(&a, R15)
    alu_ri(&a, W, ALU_SUB, RSP, F_SIZE)
    mov_rr(&a, RBP, RDI)
    rm(&a, X_MOV_STORE | W, RDX, RSP, F_RT)
    rm(&a, X_MOV_LOAD | W, R15, RBP, O_ICOUNT)
    rr(&a, X_GROUP5, 4, RSI)
    enter_top = a.p
    return <enter_fn><void *>(start + delta)


cdef uint32_t x86_run(CPUHead *cpu, TB *tb, const RuntimeOps *rt) noexcept nogil:
    cpu.current_tb = tb
    return enter_code(cpu, tb.code, rt)


cdef void x86_link(TBExit *x, TB *to) noexcept nogil:
    cdef int32_t distance = 0
    x.to = to
    if to != NULL:
        distance = <int32_t>(<intptr_t>to.code - <intptr_t>(x.patch_rx + 4))
    memcpy(<void *>x.patch, &distance, 4)


cdef bint x86_available() noexcept nogil:
    return enter_code != NULL


# ---------------------------------------------------------------- set-up at import
cdef void x86_64_host(bint oldest) noexcept nogil:
    host.bmi1 = not oldest and engine_has_bmi1()
    host.bmi2 = not oldest and engine_has_bmi2()
    host.fma = not oldest and engine_has_fma()
    host.lzcnt = not oldest and engine_has_lzcnt()
    host.lahf = not oldest and engine_has_lahf()
    host.popcnt = not oldest and engine_has_popcnt()
    host.sse42 = not oldest and engine_has_sse42()
    host.avx = not oldest and engine_has_avx()
    host.aes = not oldest and engine_has_aes()
    host.pclmul = not oldest and engine_has_pclmul()
    config.n_regs[0] = 11 if host.bmi2 else 10


cdef void init() noexcept nogil:
    cdef uint8_t[11] gprs = [RBX, R12, R13, R14, RSI, RDI, R8, R9, R10, R11, RCX]
    cdef uint32_t i
    x86_64_host(False)
    vec_table()
    for i in range(11):
        config.regs[0][i] = gprs[i]
    config.n_regs[1] = 14
    for i in range(14):
        config.regs[1][i] = <uint8_t>(16 + 2 + i)
    x86_64_ops.name = "x86_64"
    x86_64_ops.compile = x86_compile
    x86_64_ops.run = x86_run
    x86_64_ops.link = x86_link
    x86_64_ops.available = x86_available
    x86_64_ops.executable = True


init()
if ENGINE_X86_64:
    enter_code = emit_enter()
