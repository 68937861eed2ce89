# What a host back end is to the rest: a table of functions.
# Lives here: BackendOps, RuntimeOps (function pointers that upper layers hand down). Back ends:
# interp/, x86_64/. Caller: exec/. A back end knows no guest.
from engine._core.base.types cimport (int64_t, uint8_t, uint32_t, uint64_t, uintptr_t,
                                      vaddr_t)
from engine._core.cpu.head cimport CPUHead
from engine._core.cpu.tb cimport TB, TBExit
from engine._core.ir.ir cimport IR

cdef enum:
    BE_OK = 0
    BE_NO_ROOM = 1              # past the high-water mark (row 21): flush and retry
    BE_TOO_LARGE = 2            # cannot be encoded: translate fewer instructions

    CODE_MARGIN = 1024          # bytes behind the high-water mark

# Code memory of one engine. Bump allocation; a flush rewinds it. Addresses are those of the
# writable view; TB.code and what CPUHead.unwind_ra holds are executable ones. Get and free:
# codebuf.pxd.
ctypedef struct CodeBuffer:
    uint8_t *base
    uint8_t *ptr                # next free byte, 16-aligned
    uint8_t *high_water         # base + usable size - CODE_MARGIN
    uint64_t size
    int64_t rx_delta            # executable address = writable address + rx_delta
    bint executable             # mapped twice (base/codemem)
    void *scratch               # the back end's working memory for compile, malloc'ed by it

# Where emitted code turns for what it cannot do itself; set up by exec, the functions live in mem/
# (slow paths) and exec/ (lookup).
ctypedef struct RuntimeOps:
    # Slow path of gld/gst/atomics: TLB miss, I/O, unaligned, crossing, watched. Answers ST_*.
    int (*load)(CPUHead *cpu, vaddr_t addr, uint32_t oi, uintptr_t ra,
                uint64_t *out) noexcept nogil
    int (*store)(CPUHead *cpu, vaddr_t addr, uint64_t value, uint32_t oi,
                 uintptr_t ra) noexcept nogil
    # The same of 16 bytes, two words, low half first (load writes two words then).
    int (*store128)(CPUHead *cpu, vaddr_t addr, const uint64_t *value, uint32_t oi,
                    uintptr_t ra) noexcept nogil
    # rmw: OP_gcas .. OP_gumax; a, b as the op has them (gcas: a expected, b new)
    int (*rmw)(CPUHead *cpu, uint32_t opc, vaddr_t addr, uint64_t a, uint64_t b, uint32_t oi,
               uintptr_t ra, uint64_t *old) noexcept nogil
    # Jump-cache miss on goto_ptr: the block for head.pc, or NULL: leave with EXIT_LOOKUP.
    TB *(*lookup)(CPUHead *cpu) noexcept nogil

ctypedef struct BackendOps:
    const char *name
    # IR -> code at buf.ptr; fills tb.code, code_size, rows, exits. Rows: LEB128 deltas of
    # (IR row words, code offset) as row 24 of the spec says; backend/rows.pxd does it for all.
    # guest_const: the CPUHead that the code will run on, for what never changes (page size).
    int (*compile)(IR *ir, TB *tb, CodeBuffer *buf, void *guest_const) noexcept nogil
    # Run from tb until something leaves; answers EXIT_*. EXIT_GOTO sets cpu.last_exit; EXIT_HOT
    # (from back ends that count TB.heat down) cpu.current_tb; all others but EXIT_LOOKUP set
    # cpu.unwind_ra (a code address inside cpu.current_tb).
    uint32_t (*run)(CPUHead *cpu, TB *tb, const RuntimeOps *rt) noexcept nogil
    # Link or unlink (to == NULL) a direct jump.
    void (*link)(TBExit *x, TB *to) noexcept nogil
    bint (*available)() noexcept nogil
    bint executable             # the code buffer must be executable
