# The neutral translation loop and its services for guests.
# Lives here: TranslateArgs (what exec hands in), Translator (working memory), translate_block,
# code fetch, direct and indirect jumps, exceptions. Does not live here: any guest (isa/<guest>/),
# the block cache (exec/). Called by: exec/ (translate_block), guests (the rest).
#
# A block is a control-flow graph over the straight line of code from tb.pc to the end of its page:
# the line goes on through conditional branches; branches to instructions of the line are labels, so
# loops close inside the block; everything else is an exit. Only a block's first instruction may
# reach into a second page; such a block has one instruction.
from engine._core.base.types cimport uint8_t, uint16_t, uint32_t, uint64_t, ram_addr_t
from engine._core.cpu.head cimport CPUHead
from engine._core.cpu.tb cimport TB, TB_MAX_INSNS
from engine._core.ir.ir cimport IR, HelperInfo
from engine._core.isa.guest cimport DisasContext, GuestOps

cdef enum:
    TRANSLATE_FIRST_RUN = 128       # instructions of a block that is not CF_HOT
    TRANSLATE_TARGETS = 1024        # branch targets that are not translated yet, and exits

ctypedef struct TransInsn:          # one translated instruction
    uint64_t pc
    uint32_t op                     # its insn_start
    uint32_t label                  # IR_NONE: nothing jumps here
    uint32_t number                 # pattern
    uint16_t size
    uint8_t first                   # begins a basic block
    uint8_t last                    # may jump
    uint8_t pinned                  # relies on the instruction before: no label in between

ctypedef struct TransTarget:        # a label that is not placed yet
    uint64_t pc
    uint32_t label
    uint8_t inside                  # may still be reached by the line
    uint8_t placed

# Working memory, one per engine. Between two translate_block calls nothing in it matters.
ctypedef struct Translator:
    const GuestOps *guest
    uint32_t n_slots                # page size / shortest instruction
    uint16_t *insn_at               # [n_slots] instruction that starts there, + 1
    uint16_t *target_at             # [n_slots] pending target, + 1
    uint8_t *leader                 # [n_slots] known before: its label is there from the start
    TransInsn insns[TB_MAX_INSNS]
    TransTarget targets[TRANSLATE_TARGETS]
    uint32_t n_insns
    uint32_t n_targets
    # of the block in hand
    const TranslateArgs *args
    TB *tb
    uint64_t page_mask
    uint64_t word_mask              # of guest addresses
    uint64_t limit                  # end of the line: page or mapping
    uint8_t *host                   # code at tb.pc; NULL: not plain memory
    uint8_t *host2                  # code at page 2, when the first instruction reaches there
    uint64_t page2
    ram_addr_t ram_addr2
    bint no_loops                   # exact count or one-shot: every jump is an exit
    bint restart                    # a leader was found too late
    bint jumped                     # the instruction ended the line, or may jump
    uint64_t follow                 # where a hot line goes on
    bint has_follow
    int status                      # ST_* of a failed fetch

cdef enum:                          # TranslateArgs.straight, Engine.straight
    STRAIGHT_BLOCKS = 1             # every jump is an exit: no label begins a basic block (Engine:
                                    # while BLOCK hooks are armed)
    STRAIGHT_REPEATS = 2            # a repeated instruction is visited once more to find its end

# What exec hands in. The functions may be NULL: none of that sort are armed.
ctypedef struct TranslateArgs:
    CPUHead *cpu
    Translator *tr
    uint32_t max_insns              # 0: the default; less after IR_FULL or BE_TOO_LARGE
    uint32_t straight               # STRAIGHT_*
    # A block ends before such an address, and leaves to the loop when it jumps to one.
    bint (*stop_at)(CPUHead *cpu, uint64_t pc) noexcept nogil
    # Status helpers (HF_STATUS) called before an instruction, or NULL for this one:
    #   block(env, pc, bytes of the basic block), insn(env, pc, bytes),
    #   number(env, pc, bytes, pattern number)
    const HelperInfo *(*hook_block)(CPUHead *cpu, uint64_t pc) noexcept nogil
    const HelperInfo *(*hook_insn)(CPUHead *cpu, uint64_t pc) noexcept nogil
    const HelperInfo *(*hook_number)(CPUHead *cpu, uint64_t pc, uint32_t number) noexcept nogil
    # Where in the CPU struct a block says that it was executed (a byte becomes 1), or 0: nowhere.
    uint32_t (*cover)(CPUHead *cpu, uint64_t pc, uint64_t size) noexcept nogil

# NULL: out of memory.
cdef Translator *translator_new(const GuestOps *guest) noexcept nogil
cdef void translator_free(Translator *tr) noexcept nogil

# Translate the block of tb.pc, tb.flags, tb.cflags, tb.cs_base into ir (its globals are declared)
# and fill tb.size, icount, lo, page_addr, phys_pc. ST_OK, or what the code fetch answered (an
# exception is pending). Code that is not in plain memory: page_addr[0] is all ones and the block
# has one instruction; it must not be kept.
cdef int translate_block(const TranslateArgs *args, TB *tb, IR *ir) noexcept nogil

# -- services for guests
# Code bytes at addr (dc.pc ..): little-endian; a failed fetch sets dc.fetch_failed and answers 0.
cdef uint32_t translator_ld8(DisasContext *dc, uint64_t addr) noexcept nogil
cdef uint32_t translator_ld16(DisasContext *dc, uint64_t addr) noexcept nogil
cdef uint32_t translator_ld32(DisasContext *dc, uint64_t addr) noexcept nogil
# Unconditional direct jump: a label inside the block where possible, else a chained exit.
# Sets dc.is_jmp, as do gen_jump_indirect, gen_exit and gen_exception.
cdef void gen_jump(DisasContext *dc, uint64_t target) noexcept nogil
# if (a cond b) jump to target; else fall through to dc.pc_next. w32: compare 32 bits.
cdef void gen_branch(DisasContext *dc, uint32_t cond, uint32_t a, uint32_t b, bint w32,
                     uint64_t target) noexcept nogil
# Indirect jump to the address in temp a (already masked).
cdef void gen_jump_indirect(DisasContext *dc, uint32_t a) noexcept nogil
# The jump that comes next is a call that returns to pc: before gen_jump or gen_jump_indirect.
cdef void gen_push_return(DisasContext *dc, uint64_t pc) noexcept nogil
# gen_jump_indirect for a return: most likely to where a gen_push_return said.
cdef void gen_jump_return(DisasContext *dc, uint32_t a) noexcept nogil
# Is a repeated instruction visited once more to find that it has ended? (STRAIGHT_REPEATS)
cdef bint translator_visits_end(DisasContext *dc) noexcept nogil
# Must each iteration of this instruction be an execution of its own: for a hook, a stop address, a
# single step?
cdef bint translator_watches(DisasContext *dc) noexcept nogil
# Did the instruction before this one set the temp to a constant, with no other way to here? For
# pairs of instructions that make one address.
cdef bint translator_known(DisasContext *dc, uint32_t temp, uint64_t *value) noexcept nogil
# Leave to the exec loop, going on at pc (status ST_OK), e.g. after a change of what blocks are
# specialised on.
cdef void gen_exit(DisasContext *dc, uint64_t pc) noexcept nogil
# Raise guest exception `index` at this instruction; reason FAULT_*; value goes to fault.addr.
cdef void gen_exception(DisasContext *dc, uint32_t index, uint32_t reason, uint32_t hint,
                        uint64_t value) noexcept nogil
# The same under a condition (a cond b), the flow goes on otherwise. value is a temp here.
cdef void gen_exception_if(DisasContext *dc, uint32_t cond, uint32_t a, uint32_t b, uint32_t index,
                           uint32_t reason, uint32_t hint, uint32_t value) noexcept nogil
