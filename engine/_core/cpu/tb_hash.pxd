# Hashing of translation blocks: the per-CPU jump cache and the physical hash.
# Lives here: the formulas of spec rows 54 and 55 with the guest's page bits as a parameter, and the
# inline probe of the jump cache. Does not live here: who fills and clears the tables (exec/cache).
# Called by: exec, and back ends, which probe the jump cache for indirect jumps.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.cpu.tb cimport TB, TB_JMP_CACHE_BITS

cdef enum:
    # All addresses of one page share the upper half of the hash, so the slots of a page are one
    # contiguous run, which a page flush clears.
    TB_JMP_PAGE_BITS = TB_JMP_CACHE_BITS // 2
    TB_JMP_PAGE_SIZE = 1 << (TB_JMP_CACHE_BITS // 2)
    TB_JMP_ADDR_MASK = (1 << (TB_JMP_CACHE_BITS // 2)) - 1
    TB_JMP_PAGE_MASK = (1 << TB_JMP_CACHE_BITS) - (1 << (TB_JMP_CACHE_BITS // 2))
    TB_PHYS_HASH_BITS = 15
    TB_PHYS_HASH_SIZE = 1 << 15


# First jump-cache slot of the page of pc.
cdef inline uint32_t tb_jmp_cache_hash_page(uint64_t pc, uint32_t page_bits) noexcept nogil:
    cdef uint32_t shift = page_bits - TB_JMP_PAGE_BITS
    cdef uint64_t t = pc ^ (pc >> shift)
    return <uint32_t>(t >> shift) & TB_JMP_PAGE_MASK


cdef inline uint32_t tb_jmp_cache_hash(uint64_t pc, uint32_t page_bits) noexcept nogil:
    cdef uint32_t shift = page_bits - TB_JMP_PAGE_BITS
    cdef uint64_t t = pc ^ (pc >> shift)
    return (<uint32_t>(t >> shift) & TB_JMP_PAGE_MASK) | (<uint32_t>t & TB_JMP_ADDR_MASK)


cdef inline uint32_t tb_phys_hash(uint64_t phys_pc) noexcept nogil:
    return <uint32_t>(phys_pc >> 2) & (TB_PHYS_HASH_SIZE - 1)


# The block for the CPU's state at pc if the jump cache has it, else NULL. Invalidation and TLB
# flushes take blocks out of the cache, so a hit needs no look at physical pages.
cdef inline TB *tb_jmp_cache_probe(CPUHead *cpu, uint64_t pc) noexcept nogil:
    cdef TB *tb = cpu.jmp_cache[tb_jmp_cache_hash(pc, cpu.tlb.page_bits)]
    if (tb != NULL and tb.pc == pc and tb.flags == cpu.tb_flags and tb.cs_base == cpu.cs_base):
        return tb
    return NULL
