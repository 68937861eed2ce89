# The memory system of one engine: its structs, and their life from birth to death.
# Lives here: MemContext, RAMBlock, MemoryRegion, FlatView, AddressSpace, listeners, hooks as
# function pointers. Does not live here: what is done with them (ram, region, topology,
# address_space, dirty, tlb, access: a module each). Called by: exec and api, which own one
# MemContext per engine. No globals: two engines never meet. One thread at a time may change a
# context; dirty bits may be set and cleared from any thread.
from engine._core.base.types cimport (int32_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t,
                                      vaddr_t, hwaddr, ram_addr_t)

cdef enum:
    DIRTY_MEMORY_VGA = 0
    DIRTY_MEMORY_CODE = 1
    DIRTY_MEMORY_MIGRATION = 2
    DIRTY_MEMORY_NUM = 3        # that users of the memory system have
    DIRTY_MEMORY_SNAPSHOT = 3   # of api/snapshot.pyx: every write counts, whatever is logged
    DIRTY_MEMORY_BITMAPS = 4
    DIRTY_CLIENTS_ALL = 15
    DIRTY_CLIENTS_NOCODE = 13

cdef enum:                      # RAMBlock.flags
    RAM_PREALLOC = 1            # the caller's memory: never unmapped here
    RAM_SHARED = 2
    RAM_RESIZEABLE = 4

cdef enum:
    RAM_IDSTR_SIZE = 256
    MEM_MESSAGE_SIZE = 512

cdef enum:                      # MemoryRegionOps.endianness
    DEVICE_NATIVE_ENDIAN = 0    # that of the guest (MemContext.big_endian)
    DEVICE_BIG_ENDIAN = 1
    DEVICE_LITTLE_ENDIAN = 2

cdef extern from *:
    """
    #define ENGINE_MEM_SIZE_MAX 0xffffffffffffffffULL   /* as a region size: all of 2^64 */
    #define ENGINE_RAM_ADDR_NONE 0xffffffffffffffffULL
    """
    const uint64_t MEM_SIZE_MAX "ENGINE_MEM_SIZE_MAX"
    const uint64_t RAM_ADDR_NONE "ENGINE_RAM_ADDR_NONE"

# ---------------------------------------------------------------- RAM
ctypedef void (*ram_resized_fn)(void *opaque, const char *idstr, uint64_t length,
                                void *host) noexcept nogil

ctypedef struct RAMBlock:
    MemContext *ctx
    MemoryRegion *mr
    uint8_t *host
    ram_addr_t offset           # first address in the engine's RAM space
    uint64_t used_length        # PREALLOC blocks: to the byte; others: guest pages
    uint64_t max_length
    uint64_t align              # of host, where it was allocated here
    uint32_t flags
    int32_t fd                  # -1: none
    ram_resized_fn resized
    void *resized_opaque
    char idstr[256]

ctypedef struct RamList:
    RAMBlock **blocks           # sorted: biggest max_length first, then age. The list of the spec
    RAMBlock **by_offset
    uint32_t n
    uint32_t cap
    uint32_t version            # +1 when a block comes or goes
    RAMBlock *mru
    uint64_t gap_bound          # no gap between two blocks is larger

# ---------------------------------------------------------------- dirty pages
# A set bit means *clean*: fresh (zero) words say that every page is dirty, and cost nothing.
cdef enum:
    DIRTY_FIRST_WORDS = 16      # 4 MiB of RAM in 4 KiB pages

ctypedef struct DirtyMemory:
    uint64_t *clean[4]          # a bit a guest page, by client; lazily-zero mappings
    uint64_t pages              # bits each has
    uint64_t limit[4]           # pages at or above were never cleaned
    uint64_t first[4][DIRTY_FIRST_WORDS]    # what clean points to until there is more RAM

# ---------------------------------------------------------------- regions
# data: the register value, zero-extended. Answers MEMTX_* bits.
ctypedef uint32_t (*mr_read_fn)(void *opaque, hwaddr addr, uint64_t *data, uint32_t size,
                                uint32_t attrs) noexcept nogil
ctypedef uint32_t (*mr_write_fn)(void *opaque, hwaddr addr, uint64_t data, uint32_t size,
                                 uint32_t attrs) noexcept nogil
ctypedef bint (*mr_accepts_fn)(void *opaque, hwaddr addr, uint32_t size, bint is_write,
                               uint32_t attrs) noexcept nogil

ctypedef struct MemoryRegionOps:
    mr_read_fn read             # NULL: reads are a decode error
    mr_write_fn write
    mr_accepts_fn accepts       # NULL: all
    uint32_t endianness
    uint8_t valid_min           # what the guest may do; 0: 1 and 4
    uint8_t valid_max
    uint8_t valid_unaligned
    uint8_t impl_min            # what the functions understand; 0: 1 and 4
    uint8_t impl_max
    uint8_t impl_unaligned

ctypedef struct IOMMUTLBEntry:
    AddressSpace *target_as     # NULL: no translation
    hwaddr translated_addr
    hwaddr addr_mask            # page size - 1
    uint32_t perm               # PROT_READ | PROT_WRITE

ctypedef struct MemoryRegionIOMMUOps:
    void (*translate)(MemoryRegion *mr, hwaddr addr, bint is_write,
                      IOMMUTLBEntry *out) noexcept nogil
    void *opaque

ctypedef struct MemoryRegion:
    # -- what an access needs, within 64 bytes (row 8)
    uint8_t romd_mode           # ROM device: reads are direct
    uint8_t ram                 # plain memory (ROM too)
    uint8_t subpage
    uint8_t readonly
    uint8_t rom_device
    uint8_t flush_coalesced
    uint8_t global_locking
    uint8_t dirty_log_mask      # bit per dirty client
    ram_addr_t ram_addr
    const MemoryRegionIOMMUOps *iommu_ops
    void *owner                 # exactly as given; NULL: promised never to disappear
    uint8_t *host               # RAM and ROM devices
    const MemoryRegionOps *ops
    void *opaque
    uint8_t prot                # PROT_* for the guest's accesses; AND-ed along an alias chain
    uint8_t terminates
    uint8_t enabled
    uint8_t vga_logging         # nesting count of memory_region_set_log
    uint32_t n_aliases          # aliases that point here
    # -- the tree
    MemContext *ctx
    RAMBlock *block
    MemoryRegion *container
    hwaddr addr                 # in the container
    hwaddr size                 # MEM_SIZE_MAX: 2^64
    int32_t priority
    uint32_t n_children
    MemoryRegion *first_child   # highest priority first, then newest
    MemoryRegion *next_sibling
    MemoryRegion *prev_sibling
    MemoryRegion *alias
    hwaddr alias_offset
    uint32_t n_roots            # address spaces that have it as root
    char *name                  # own copy, or NULL
    MemoryRegion *next_region   # all regions of the context
    MemoryRegion *prev_region

# ---------------------------------------------------------------- flat views
ctypedef struct FlatRange:
    hwaddr lo
    hwaddr last                 # inclusive: 2^64 needs no wider type
    hwaddr offset               # of lo in mr
    MemoryRegion *mr
    uint8_t dirty_log_mask
    uint8_t romd_mode
    uint8_t readonly
    uint8_t prot

ctypedef struct FlatView:
    FlatRange *ranges           # sorted, disjoint
    uint32_t nr
    uint32_t mru
    uint8_t disjoint            # no region hides a part of another
    FlatRange *store            # ranges lies in [store, store + cap)
    uint32_t cap

ctypedef struct AddressSpace:
    MemContext *ctx
    MemoryRegion *root
    FlatView *view              # NULL: stale, rendered at the next use
    FlatView *old               # inside a transaction: what listeners were told last
    uint8_t held                # view is of before the transaction, the tree has changed since
    FlatView empty              # stands in when there is no memory to render
    uint64_t generation         # +1 at every change of the view
    AddressSpace *next
    char name[64]

# ---------------------------------------------------------------- listeners
ctypedef struct MemoryRegionSection:
    MemoryRegion *mr
    AddressSpace *space
    hwaddr offset_within_region
    hwaddr offset_within_address_space
    hwaddr last_within_address_space
    uint8_t readonly

ctypedef void (*listener_fn)(MemoryListener *l) noexcept nogil
ctypedef void (*listener_section_fn)(MemoryListener *l, MemoryRegionSection *s) noexcept nogil
ctypedef void (*listener_log_fn)(MemoryListener *l, MemoryRegionSection *s, uint32_t old,
                                 uint32_t new) noexcept nogil

ctypedef struct MemoryListener:     # the caller's; zeroed, then filled, then registered
    listener_fn begin
    listener_fn commit
    listener_section_fn region_add
    listener_section_fn region_del
    listener_section_fn region_nop
    listener_log_fn log_start
    listener_log_fn log_stop
    listener_section_fn log_sync
    listener_fn log_global_start
    listener_fn log_global_stop
    int32_t priority
    AddressSpace *address_space     # only this one; NULL: all
    void *opaque
    MemoryListener *next            # ascending priority
    MemoryListener *prev

# ---------------------------------------------------------------- the context
ctypedef struct MemContext:
    uint32_t page_bits
    # of the guest: DEVICE_NATIVE_ENDIAN, address_space_rw of devices
    uint8_t big_endian
    uint8_t global_dirty_log
    # blocks are translated: RAM regions start with CODE in their mask
    uint8_t code_logging
    uint32_t page_size
    RamList ram
    DirtyMemory dirty
    # topology
    MemoryRegion *unassigned        # answers for holes
    MemoryRegion *regions           # all of them, newest first
    MemoryRegion *dying             # freed, but in a view that is still held or to be told of
    AddressSpace *spaces
    MemoryListener *listeners       # ascending priority
    MemoryListener *listeners_last
    uint32_t transactions           # begun and not committed
    uint32_t transaction_depth      # those and the changes inside
    uint8_t update_pending
    # TLBs whose entries point into this context's RAM
    void **tlbs                     # CPUTLB*[n_tlbs]
    uint32_t n_tlbs
    # address_space_map's only bounce buffer
    uint8_t *bounce
    uint64_t bounce_len
    hwaddr bounce_addr
    AddressSpace *bounce_space
    uint8_t bounce_in_use
    # back edges, up: set by exec and api; NULL: not there
    void (*tb_invalidate_range)(void *opaque, ram_addr_t addr, uint64_t length) noexcept nogil
    void *tb_opaque
    void (*owner_ref)(void *owner) noexcept nogil
    void (*owner_unref)(void *owner) noexcept nogil
    bint (*lock_held)(void *opaque) noexcept nogil      # the embedder's big lock (row 53)
    void (*lock)(void *opaque) noexcept nogil
    void (*unlock)(void *opaque) noexcept nogil
    void *lock_opaque
    # back edges inside mem/ (so that lower modules do not import higher ones)
    void (*tlb_reset_dirty)(MemContext *ctx, ram_addr_t start, uint64_t length) noexcept nogil
    void (*region_set_size)(MemoryRegion *mr, hwaddr size) noexcept nogil
    void (*region_end)(MemoryRegion *mr) noexcept nogil
    char message[512]               # what the last refused call says

# NULL: out of memory. page_bits: the guest's smallest page.
cdef MemContext *mem_context_new(uint32_t page_bits, bint big_endian) noexcept nogil
# Frees all of it: address spaces, regions, RAM blocks. TLBs and listeners are gone before.
cdef void mem_context_free(MemContext *ctx) noexcept nogil
