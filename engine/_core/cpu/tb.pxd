# Translation blocks as every layer below exec sees them.
# Lives here: the TB struct, exit records, compile flags. The cache that owns them: exec/.
from engine._core.base.types cimport (int32_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t,
                                      ram_addr_t)

cdef enum:
    # cflags (spec, shared constants)
    CF_COUNT_MASK = 0x7fff      # at most so many instructions (0: the translator's maximum)
    CF_LAST_IO = 0x8000
    CF_NOCACHE = 0x10000        # one-shot block: not entered in any cache, dropped after its run
    CF_USE_ICOUNT = 0x20000
    CF_HOT = 0x40000            # retranslation of a hot block: follow more jumps
    CF_SMC = 0x80000            # redo of an instruction that writes its own block: writes allowed
    TB_MAX_INSNS = 512
    TB_JMP_CACHE_BITS = 12
    TB_JMP_CACHE_SIZE = 1 << 12

# What a run of emitted code answers (low byte); above ST_* so that both share one word.
cdef enum:
    EXIT_GOTO = 32              # *out_exit is a TBExit that is not linked: look its pc up
    EXIT_LOOKUP = 33            # head.pc is set: look it up
    EXIT_ICOUNT = 34            # budget or exit request; unwind from head.unwind_ra gives the pc
    EXIT_HOT = 36               # current_tb was entered often (TB.heat) and did not run this time
    EXIT_STATUS = 35            # a status helper or slow path answered head.exit_status

ctypedef struct TBExit:
    uint64_t pc                 # guest address of a direct jump
    TB *to                      # linked block, or NULL
    TB *owner
    TBExit *next_incoming       # next exit that is linked to the same block
    uintptr_t patch             # JIT: writable address of the patchable jump's distance
    uintptr_t patch_rx          # JIT: the executable address of the same

ctypedef struct TB:
    uint64_t pc
    uint64_t cs_base
    uint32_t flags
    uint32_t cflags
    uint32_t size               # guest bytes from the lowest to the end of the highest instruction
    uint32_t icount             # guest instructions
    void *code                  # entry
    uint32_t code_size
    uint32_t n_exits
    TBExit *exits
    TBExit *incoming
    uint8_t *rows               # search table: LEB128 deltas (row 24), n_rows rows
    uint32_t n_rows
    bint invalid
    ram_addr_t page_addr[2]     # RAM pages it was translated from; all ones: none
    TB *page_next[2]
    TB *hash_next
    uint64_t phys_pc
    uint64_t lo                 # lowest guest address translated
    uint32_t traffic            # estimate of a host back end: loads and stores of temps per 256 ops
    int32_t heat                # entries left until EXIT_HOT; 0 when the block is compiled: never
