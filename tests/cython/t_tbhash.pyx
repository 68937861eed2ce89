"""cpu/tb_hash: the formulas of spec rows 54 and 55."""
from engine._core.base.types cimport uint64_t
from engine._core.cpu.tb_hash cimport (TB_JMP_ADDR_MASK, TB_JMP_PAGE_BITS, TB_JMP_PAGE_MASK,
                                       TB_JMP_PAGE_SIZE, TB_PHYS_HASH_SIZE, tb_jmp_cache_hash,
                                       tb_jmp_cache_hash_page, tb_phys_hash)
from engine._core.cpu.tb cimport TB_JMP_CACHE_SIZE


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
