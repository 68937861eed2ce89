"""cpu/tb_hash: the formulas of spec rows 54 and 55."""
from libc.stdlib cimport calloc, free
from engine._core.base.clock cimport clock_ns
from engine._core.base.types cimport uint64_t
from engine._core.cpu.tb_hash cimport (TB_JMP_ADDR_MASK, TB_JMP_PAGE_BITS, TB_JMP_PAGE_MASK,
                                       TB_JMP_PAGE_SIZE, TB_PHYS_HASH_SIZE, tb_jmp_cache_hash,
                                       tb_jmp_cache_hash_page, tb_jmp_cache_probe, tb_phys_hash)
from engine._core.cpu.head cimport CPUHead
from engine._core.cpu.tb cimport TB, TB_JMP_CACHE_SIZE


def test_row_54_constants():
    assert TB_JMP_CACHE_SIZE == 4096 and TB_JMP_PAGE_BITS == 6 and TB_JMP_PAGE_SIZE == 64
    assert TB_JMP_ADDR_MASK == 0x3f and TB_JMP_PAGE_MASK == 0xfc0 and TB_PHYS_HASH_SIZE == 32768


def test_row_55_values():
    for pc, want in ((0x1000, 0x40), (0x1004, 0x44), (0x10ac, 0x6e), (0x400000, 0x400),
                     (0x400123, 0x427), (0x8048000, 0x240), (0x80481f7, 0x270),
                     (0x7ffff7dd1234, 0x9bc)):
        assert tb_jmp_cache_hash(pc, 12) == want, hex(pc)
    assert tb_jmp_cache_hash(0x1000, 10) == 0x100 and tb_jmp_cache_hash(0x1000, 13) == 0x20
    assert tb_phys_hash(0x10ac) == 0x42b and tb_phys_hash(0x80481f7) == 0x207d


def test_row_54_a_page_is_one_run_of_slots():
    for page in (0, 0x1000, 0x7ffff7dd1000, 0xfffffffffffff000):
        slots = {tb_jmp_cache_hash(<uint64_t>page + off, 12) for off in range(4096)}
        first = tb_jmp_cache_hash_page(page, 12)
        assert first % 64 == 0 and slots == set(range(first, first + 64))


def bench_hash(loops=5_000_000):
    """{what: ns} of the hashes and a jump-cache probe; for tests/bench/bench_core.py."""
    cdef CPUHead *cpu = <CPUHead *>calloc(1, sizeof(CPUHead))
    cdef TB *tbs = <TB *>calloc(64, sizeof(TB))
    cdef uint64_t n = loops, i, began, sum = 0
    cpu.jmp_cache = <TB **>calloc(TB_JMP_CACHE_SIZE, sizeof(TB *))
    cpu.tlb.page_bits = 12
    for i in range(64):
        tbs[i].pc = 0x1000 + 16 * i
        cpu.jmp_cache[tb_jmp_cache_hash(tbs[i].pc, 12)] = &tbs[i]
    began = clock_ns()
    for i in range(n):
        sum += tb_jmp_cache_hash(i << 2, 12)
    jump = <double>(clock_ns() - began) / n
    began = clock_ns()
    for i in range(n):
        sum += tb_phys_hash(i << 2)
    phys = <double>(clock_ns() - began) / n
    began = clock_ns()
    for i in range(n):
        sum += tb_jmp_cache_probe(cpu, 0x1000 + 16 * (i & 63)) != NULL
    probe = <double>(clock_ns() - began) / n
    free(cpu.jmp_cache)
    free(cpu)
    free(tbs)
    return {"jump hash": jump, "physical hash": phys, "jump-cache probe": probe, "_": sum & 1}
