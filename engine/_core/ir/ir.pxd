# The intermediate representation of one translation block: temps, ops, labels, exits.
# Lives here: the structs, the arena handling, the builder's prototypes. The op table: ops.tab.
# Passes: opt/. Who calls: isa/ builds, opt/ rewrites, backend/ consumes.
#
# A block is a list of ops with labels: control flow inside it is free, loops included. Temps are
# mutable variables. Kinds: GLOBAL (a field of the CPU struct of 8 bytes, type v: 16; exact at every
# `mem` op and status call), LOCAL (lives to the end of the block, across labels), CONST (interned
# value; not of type v). Globals do not overlap.
# A 32-bit quantity lives zero-extended in its 64-bit temp; ops with flag w32 read low halves only.
from engine._core.base.types cimport (uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t)
from engine._core.ir.ops_gen cimport *

cdef enum:
    IR_MAX_TEMPS = 4096
    IR_MAX_OPS = 16384
    IR_MAX_LABELS = 2048
    IR_MAX_ROWS = 512           # instructions
    IR_ROW_WORDS = 4            # pc, up to two guest words, instructions left in its basic block
    IR_MAX_EXITS = 512
    IR_MAX_ARGS = 7
    IR_MAX_HELPERS = 512

cdef enum:
    TEMP_GLOBAL = 0
    TEMP_LOCAL = 1
    TEMP_CONST = 2

cdef enum:
    IR_OK = 0
    IR_FULL = 1                 # a limit was hit: the block must be translated again, shorter

# Helper call flags (they drive what must be synchronised; cf. ops.tab flag call)
cdef enum:
    HF_PURE = 1                 # no side effect, does not read globals: may be dropped/merged
    HF_NO_READ = 2              # does not read globals
    HF_NO_WRITE = 4             # does not write globals
    HF_STATUS = 8               # callv: answers ST_*; not ST_OK leaves the block (unwinding)
    HF_FENV = 16                # touches the FP environment

ctypedef uint64_t (*helper_fn)(void *env, uint64_t a, uint64_t b, uint64_t c,
                               uint64_t d) noexcept nogil

ctypedef struct HelperInfo:
    helper_fn fn
    const char *name
    uint32_t flags              # HF_*
    uint32_t n_args             # 0..4 after env

ctypedef struct IRTemp:
    uint8_t kind                # TEMP_*
    uint8_t type                # 'i', 'f' or 'v' (ops_gen: TYPE_I, TYPE_F, TYPE_V)
    uint16_t reg                # scratch for back ends
    uint32_t offset             # GLOBAL: byte offset in the CPU struct, multiple of 8
    uint64_t value              # CONST
    const char *name            # GLOBAL: for the printer

ctypedef struct IROp:
    uint16_t opc                # OP_*
    uint16_t n_args
    uint16_t prev               # 0 = none: op 0 is the list head
    uint16_t next
    uint32_t args[7]            # outs, ins (temp indexes), then constants, in table order
    uint32_t aux                # scratch for passes

ctypedef struct IRExit:
    uint64_t pc

ctypedef struct IR:
    IRTemp *temps               # globals first: [0, n_globals)
    IROp *ops                   # ops[0] is the list head (prev = last, next = first)
    uint32_t n_temps
    uint32_t n_globals
    uint32_t n_ops
    uint32_t n_labels
    uint32_t n_rows
    uint32_t n_exits
    uint32_t n_pcs
    uint32_t n_helpers
    uint32_t status             # IR_OK or IR_FULL (sticky)
    uint64_t *rows              # [n_rows][IR_ROW_WORDS]; the last word is filled by ir_count_blocks
    uint64_t *pcs               # operands of kind pc (64-bit constants)
    IRExit *exits
    uint16_t *label_op          # label -> its op, 0 when not placed
    const HelperInfo **helpers
    uint16_t *const_hash        # interning of constants
    uint32_t const_hash_mask
    uint32_t last_insn_op       # op index of the newest insn_start
    uint32_t n_consts
    uint32_t n_locals

cdef IR *ir_new() noexcept nogil
cdef void ir_free(IR *s) noexcept nogil
# Forget everything but the globals, which a guest declares once.
cdef void ir_reset(IR *s) noexcept nogil
cdef uint32_t ir_global(IR *s, int type, uint32_t offset, const char *name) noexcept nogil
cdef uint32_t ir_local(IR *s, int type) noexcept nogil
cdef uint32_t ir_const(IR *s, uint64_t value) noexcept nogil
cdef uint32_t ir_constf(IR *s, uint64_t bits) noexcept nogil
cdef uint32_t ir_new_label(IR *s) noexcept nogil
cdef void ir_place_label(IR *s, uint32_t label) noexcept nogil
cdef uint32_t ir_exit(IR *s, uint64_t pc) noexcept nogil            # exit number of a direct jump
cdef uint32_t ir_pc(IR *s, uint64_t pc) noexcept nogil              # operand of kind pc
cdef void ir_insn_start(IR *s, uint64_t pc, uint64_t w1, uint64_t w2) noexcept nogil
cdef uint32_t ir_helper(IR *s, const HelperInfo *h) noexcept nogil
cdef void ir_call(IR *s, const HelperInfo *h, uint32_t out, uint32_t a, uint32_t b, uint32_t c,
                  uint32_t d) noexcept nogil          # out == IR_NONE: callv; unused args: IR_NONE
cdef uint32_t ir_append(IR *s, uint32_t opc, uint32_t n_args, const uint32_t *args) noexcept nogil
cdef uint32_t ir_insert_before(IR *s, uint32_t where, uint32_t opc, uint32_t n_args,
                               const uint32_t *args) noexcept nogil
# Unlink an op (an op removed twice, or the list head, is left alone). Its label is not placed any
# more.
cdef void ir_remove(IR *s, uint32_t op) noexcept nogil
# Puts an `icount` op at the head of each basic block that starts an instruction and fills the last
# word of each row: how many instructions of the basic block, this one included, were not done yet.
cdef void ir_count_blocks(IR *s) noexcept nogil
# Generic forms for code that picks the op by width or table:
cdef void ir_op1(IR *s, uint32_t opc, uint32_t d, uint32_t a) noexcept nogil
cdef void ir_op2(IR *s, uint32_t opc, uint32_t d, uint32_t a, uint32_t b) noexcept nogil

cdef enum:
    IR_NONE = 0xffffffff

# One builder per op follows the table: ir_add(s, d, a, b), ir_setcond(s, d, a, b, cond),
# ir_gld(s, d, a, oi), ir_brcond(s, a, b, cond, label), ir_goto_tb(s, exit), ir_leave(s, status,
# pc): ir/build_gen.pxd, inline functions over ir_append, cimported as
# `from engine._core.ir.build_gen cimport *`. Labels, insn_start and calls: the functions above.
# Verifier: verify.pxd. Text form, printing and parsing: text.pxd.
