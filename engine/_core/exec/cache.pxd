# The block cache: translated blocks by physical page, physical hash and jump cache.
# Lives here: allocation of TBs, lookup tables, page lists with code bitmaps, links between blocks,
# invalidation and flush. Does not live here: translation (lookup.pyx), when to look up (loop.pyx),
# dirty bits (mem/dirty). Called by: exec only. Spec rows 20, 48, 54, 55, 67, 72, 73.
from engine._core.base.types cimport (uint8_t, uint32_t, uint64_t, uintptr_t, ram_addr_t, vaddr_t)
from engine._core.cpu.head cimport CPUHead, ReturnEntry
from engine._core.cpu.tb cimport TB, TBExit
from engine._core.backend.backend cimport BackendOps, CodeBuffer

cdef enum:
    TB_AVERAGE_SIZE = 400           # host bytes a block, estimate (row 20)
    TB_CODE_WRITES = 10             # code writes to a page before it gets a bitmap (row 67)

cdef inline ram_addr_t no_page() noexcept nogil:
    return 0xffffffffffffffffULL

ctypedef struct PageDesc:           # a RAM page that blocks were translated from
    ram_addr_t page
    uintptr_t first                 # TB* | n: this is the block's page n; 0 ends the list
    PageDesc *next                  # hash chain, or free list
    uint8_t *bitmap                 # a bit per byte: covered by a block; NULL: not made
    uint32_t code_writes

# First block on a page (protect), or last one gone (unprotect): rows 65 and 72.
ctypedef void (*page_fn)(void *opaque, ram_addr_t page) noexcept nogil

ctypedef struct TBCache:
    TB **jmp_cache                  # [TB_JMP_CACHE_SIZE]
    ReturnEntry *returns            # the CPU's return slots, cleared with the jump cache; or NULL
    TB **phys_hash                  # [TB_PHYS_HASH_SIZE]
    PageDesc **page_hash
    PageDesc *pages                 # pool
    PageDesc *free_pages
    TB *tbs                         # [max_tbs], by ascending code address
    uint32_t n_tbs
    uint32_t max_tbs
    uint32_t n_pages                # of the pool, ever used since the last flush
    uint32_t page_bits
    bint jmp_used                   # the jump cache may hold something
    uint64_t page_mask
    uint8_t *newest_start           # code.ptr before the newest block; NULL: it cannot be freed
    CodeBuffer *code
    const BackendOps *backend
    page_fn protect
    page_fn unprotect
    void *opaque
    uint64_t invalidated            # blocks dropped by invalidation
    uint64_t flushes
    uint64_t code_most              # most bytes of code and blocks at a flush
    uint32_t tbs_most
    void *memory
    uint64_t memory_size

# NULL: out of memory.
cdef TBCache *cache_new(CodeBuffer *code, const BackendOps *backend, uint32_t page_bits,
                        page_fn protect, page_fn unprotect, void *opaque) noexcept nogil
cdef void cache_free(TBCache *c) noexcept nogil
# A zeroed block, or NULL: all are taken, flush.
cdef TB *cache_alloc_tb(TBCache *c) noexcept nogil
# Give a block back that is in no table; its code is reclaimed if it is the newest (row 23).
cdef void cache_drop_tb(TBCache *c, TB *tb) noexcept nogil
# Enter a finished block in its pages' lists and (findable) the physical hash.
cdef void cache_enter_tb(TBCache *c, TB *tb, bint findable) noexcept nogil
# Physical lookup; page1 is asked only for a block that spans two pages.
ctypedef ram_addr_t (*page1_fn)(void *opaque, vaddr_t addr) noexcept nogil
cdef TB *cache_lookup(TBCache *c, uint64_t pc, uint64_t phys_pc, uint64_t cs_base, uint32_t flags,
                      uint32_t cflags, page1_fn page1, void *opaque) noexcept nogil
cdef void cache_invalidate_tb(TBCache *c, TB *tb) noexcept nogil
# Drop the blocks with bytes in [start, end); answers whether `running` is one of them.
cdef bint cache_invalidate_range(TBCache *c, ram_addr_t start, ram_addr_t end,
                                 TB *running) noexcept nogil
# The same for a write of a few bytes: the page's code bitmap spares data next to code.
cdef bint cache_code_write(TBCache *c, ram_addr_t start, uint64_t length,
                           TB *running) noexcept nogil
# Drop the blocks that contain the guest address pc, which is at ram address phys_pc.
cdef void cache_invalidate_pc(TBCache *c, uint64_t pc, ram_addr_t phys_pc) noexcept nogil
cdef void cache_flush(TBCache *c) noexcept nogil
# A flushed cache for a new engine.
cdef void cache_again(TBCache *c) noexcept nogil
cdef void cache_link(TBCache *c, TBExit *x, TB *to) noexcept nogil
cdef TB *cache_find_code(TBCache *c, uintptr_t code) noexcept nogil
# Into the jump cache, where back ends find it without asking.
cdef void cache_enter_jmp(TBCache *c, TB *tb) noexcept nogil
cdef void cache_clear_jmp(TBCache *c) noexcept nogil
cdef PageDesc *cache_find_page(TBCache *c, ram_addr_t page) noexcept nogil
