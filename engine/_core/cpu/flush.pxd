# TLB flushes as guests and exec do them: with what hangs on the TLB.
# Lives here: flushes that also clear the jump cache, which maps virtual addresses to blocks. Does
# not live here: the TLB's own part (mem/tlb). Called by: guests (page-table changes), exec.
# Spec row 36. Always legal: flushing more than needed shows in speed only.
from libc.string cimport memset
from engine._core.base.types cimport uint32_t, uint64_t, vaddr_t
from engine._core.cpu.head cimport CPUHead
from engine._core.cpu.tb cimport TB, TB_JMP_CACHE_SIZE
from engine._core.cpu.tb_hash cimport TB_JMP_PAGE_SIZE, tb_jmp_cache_hash_page
from engine._core.mem.tlb cimport tlb_flush_all, tlb_flush_modes, tlb_flush_page_modes

cdef inline void cpu_clear_jmp_cache(CPUHead *cpu) noexcept nogil:
    if cpu.jmp_cache != NULL:       # a CPU without an engine has none
        memset(cpu.jmp_cache, 0, TB_JMP_CACHE_SIZE * sizeof(TB *))
    memset(cpu.returns, 0, sizeof(cpu.returns))


# Slots of the page of addr and of the page before: a block that begins there may end here.
cdef inline void cpu_clear_jmp_cache_page(CPUHead *cpu, vaddr_t addr) noexcept nogil:
    cdef uint32_t bits = cpu.tlb.page_bits
    if cpu.jmp_cache == NULL:
        return
    memset(&cpu.jmp_cache[tb_jmp_cache_hash_page(addr - (1ULL << bits), bits)], 0,
           TB_JMP_PAGE_SIZE * sizeof(TB *))
    memset(&cpu.jmp_cache[tb_jmp_cache_hash_page(addr, bits)], 0, TB_JMP_PAGE_SIZE * sizeof(TB *))
    memset(cpu.returns, 0, sizeof(cpu.returns))


cdef inline void cpu_tlb_flush(CPUHead *cpu) noexcept nogil:
    tlb_flush_all(&cpu.tlb)
    cpu_clear_jmp_cache(cpu)


# idxmap: bit per MMU mode.
cdef inline void cpu_tlb_flush_modes(CPUHead *cpu, uint32_t idxmap) noexcept nogil:
    tlb_flush_modes(&cpu.tlb, idxmap)
    cpu_clear_jmp_cache(cpu)


cdef inline void cpu_tlb_flush_page(CPUHead *cpu, vaddr_t addr, uint32_t idxmap) noexcept nogil:
    if tlb_flush_page_modes(&cpu.tlb, addr, idxmap):    # inside a large page: all went
        cpu_clear_jmp_cache(cpu)
    else:
        cpu_clear_jmp_cache_page(cpu, addr)
