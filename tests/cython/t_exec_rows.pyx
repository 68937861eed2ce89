"""Rows of the execution loop, translator and CPU object that nothing above the core can see.

Named after their rows in shared/spec/core-systems.md; the toy guest is that of testguest.pxi.
"""
import errno
import re
import threading
from pathlib import Path

from engine._core.base.types cimport ACCESS_FETCH, ACCESS_READ
from engine._core.cpu.tb_hash cimport tb_jmp_cache_probe
from engine._core.exec.mmaplock cimport have_mmap_lock, mmap_lock, mmap_unlock
from engine._core.exec.spaces cimport (cpu_address_space_init, cpu_asidx_from_attrs,
                                       cpu_set_num_ases)
from engine._core.mem.attrs cimport MEMTXATTRS_SECURE, MEMTXATTRS_USER
from engine._core.mem.tlb cimport tlb_vaddr_to_host
from engine._core.mem.topology cimport address_space_free, address_space_new

include "testguest.pxi"

BASE = 0x10000
DATA = 0x20000


def box(*insns, **how):
    b = Box(**how)
    b.map(BASE, 0x4000)
    b.map(DATA, 0x4000)
    b.code(BASE, *insns)
    return b


def test_row_2_address_spaces_of_a_cpu():
    cdef Box b = Box()
    cdef CPUHead *cpu = b.e.cpu
    cdef MemContext *ctx = <MemContext *>b.e.mem
    cdef MemoryRegion *root = memory_region_new(ctx, b"other", 0xffffffffffffffffULL)
    cdef MemoryRegion *ram
    cdef AddressSpace *other = address_space_new(ctx, root, b"other")
    cdef int err = 0
    assert cpu_set_num_ases(b.e, 2)
    assert cpu_address_space_init(b.e, b.e.system_as, 2) == -errno.EINVAL
    assert cpu_address_space_init(b.e, b.e.system_as, 0) == 0
    assert cpu_address_space_init(b.e, other, 1) == 0
    assert cpu.as0 == b.e.system_as and cpu.ases[0] == cpu.as0 and cpu.ases[1] == other
    assert cpu_asidx_from_attrs(cpu, 0) == 0 and cpu_asidx_from_attrs(cpu, MEMTXATTRS_USER) == 0
    assert cpu_asidx_from_attrs(cpu, MEMTXATTRS_SECURE | MEMTXATTRS_USER) == 1
    for where in (<uintptr_t>root, <uintptr_t>b.e.system_memory):
        flushes = cpu.tlb.flush_count
        ram = memory_region_new_ram(ctx, b"r", 0x1000, &err)
        memory_region_add_subregion(<MemoryRegion *><uintptr_t>where, 0x5000, ram)
        assert cpu.tlb.flush_count > flushes
    # A later call fills its slot anew.
    assert cpu_address_space_init(b.e, b.e.system_as, 1) == 0 and cpu.ases[1] == b.e.system_as
    assert cpu_set_num_ases(b.e, 1) and cpu_asidx_from_attrs(cpu, MEMTXATTRS_SECURE) == 0
    assert cpu_address_space_init(b.e, b.e.system_as, 0) == 0
    address_space_free(other)


def test_row_3_no_address_space_until_one_is_given():
    cdef Box b = Box()
    cdef CPUHead *cpu = b.e.cpu
    assert cpu.num_ases == 1 and cpu.as0 == b.e.system_as       # the machine's, when it is made
    assert cpu_set_num_ases(b.e, 3)
    assert cpu.as0 == NULL and cpu.num_ases == 3
    assert cpu.ases[0] == NULL and cpu.ases[2] == NULL
    assert cpu_set_num_ases(b.e, 0) and cpu.ases == NULL and cpu.num_ases == 0
    assert cpu_set_num_ases(b.e, 1) and cpu_address_space_init(b.e, b.e.system_as, 0) == 0


def test_row_22_a_fault_translates_nothing_again():
    cdef Box b = box(addi(1, 1, 1), addi(2, 2, 2), ld(3, 4), addi(5, 5, 1), jmp(0))
    cdef TB *tb
    b[4] = 0x900000
    assert b.run(BASE) == (STOP_FAULT, BASE + 8, 2)
    translated = b.stats["translated"]
    for _ in range(5):
        assert b.run(BASE) == (STOP_FAULT, BASE + 8, 2)
    assert b.stats["translated"] == translated and (b[1], b[2], b[5]) == (6, 12, 0)
    tb = tb_jmp_cache_probe(b.e.cpu, BASE)
    assert tb != NULL and tb.size == 20 and tb.icount == 5


def test_row_30_mmap_lock():
    cdef Box b = Box()
    cdef Engine *e = b.e
    mmap_lock(e)                                # system mode: no lock, no effect
    mmap_lock(e)
    assert not have_mmap_lock(e) and e.mmap_depth == 0
    mmap_unlock(e)
    e.config.user_mode = True
    mmap_lock(e)
    mmap_lock(e)
    assert have_mmap_lock(e)
    order = []

    def other():
        with nogil:
            mmap_lock(e)
        order.append("other")
        assert have_mmap_lock(e)
        mmap_unlock(e)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(0.05)
    mmap_unlock(e)                              # the inner one: still held
    thread.join(0.05)
    assert order == [] and have_mmap_lock(e)
    order.append("first")
    mmap_unlock(e)
    thread.join(20)
    assert order == ["first", "other"] and not have_mmap_lock(e)
    mmap_unlock(e)                              # of nobody: nothing
    assert e.mmap_depth == 0


def test_row_31_leaving_restores_the_state():
    # Whatever leaves in mid-block, the pc is that of its instruction and no block is current.
    cdef Box b = box(addi(1, 1, 1), ld(3, 4), addi(1, 1, 1), trap(7), jmp(0))
    b[4] = DATA
    for bad, pc, done in ((0x900000, BASE + 4, 1), (DATA, BASE + 12, 3)):
        b[1], b[4] = 0, bad
        _, at, count = b.run(BASE)
        assert (at, count) == (pc, done) and b[1] == (1 if bad != DATA else 2)
        assert b.e.cpu.current_tb == NULL and b.e.cpu.unwind_ra == 0


def test_row_32_every_accessor_carries_the_return_address():
    import engine
    header = Path(engine.__file__).parent / "_core/mem/access.pxd"
    prototypes = re.findall(r"cdef int (access_\w+)\(([^)]*)\)", header.read_text())
    assert len(prototypes) >= 6
    for name, arguments in prototypes:
        assert "uintptr_t ra" in arguments, name


# A guest that keeps loads and fetches apart (row 34).
cdef uint32_t two_index(CPUHead *cpu, bint ifetch) noexcept nogil:
    return 1 if ifetch else 0


cdef int two_fill(void *cpu, vaddr_t addr, uint32_t size, int access, int mmu_idx, bint probe,
                  uintptr_t ra) noexcept nogil:
    cdef CPUHead *head = <CPUHead *>cpu
    cdef uint64_t page = addr & head.tlb.page_mask
    return tlb_set_page(&head.tlb, page, page, 0, 4 if mmu_idx else 1, mmu_idx, 4096)


def test_row_34_loads_and_fetches_use_their_own_index():
    cdef GuestOps ops = toy_ops
    cdef CPUConfig cfg
    cdef Engine *e
    cdef RunArgs args
    cdef RunOutcome out
    cdef MemoryRegion *mr
    cdef int err = 0
    cdef uint64_t value = 0
    memset(&cfg, 0, sizeof(cfg))
    memset(&args, 0, sizeof(args))
    ops.n_mmu_modes = 2
    ops.mmu_index = two_index
    ops.tlb_fill = two_fill
    e = engine_new(&ops, &cfg, chosen_backend(), 0)
    mr = memory_region_new_ram(<MemContext *>e.mem, b"ram", 0x4000, &err)
    memory_region_add_subregion(<MemoryRegion *>e.system_memory, BASE, mr)
    program = ld4(1, 2) + jmp(0)
    assert address_space_write(<AddressSpace *>e.system_as, BASE, 0, <char *>program, 8) == 0
    value = BASE
    assert engine_reg_write(e, 2, &value) == 0 and engine_reg_write(e, PC, &value) == 0
    args.has_count, args.count = True, 2
    engine_run(e, &args, &out)
    assert out.reason == STOP_COUNT and out.icount == 2
    assert engine_reg_read(e, 1, &value) == 0
    assert value == int.from_bytes(program[:4], "little")
    assert tlb_vaddr_to_host(&e.cpu.tlb, BASE, ACCESS_READ, 0) != NULL
    assert tlb_vaddr_to_host(&e.cpu.tlb, BASE, ACCESS_READ, 1) == NULL
    assert tlb_vaddr_to_host(&e.cpu.tlb, BASE, ACCESS_FETCH, 1) != NULL
    assert tlb_vaddr_to_host(&e.cpu.tlb, BASE, ACCESS_FETCH, 0) == NULL
    engine_free(e)


def test_row_47_engine_and_cpu_know_each_other():
    cdef Box b = Box()
    assert b.e.cpu.cpu_index == 0 and b.e.cpu.engine == b.e and b.e.cpu.guest == b.e.guest


def test_row_48_single_step_flushes_on_a_change_only():
    cdef Box b = box(addi(1, 1, 1), addi(1, 1, 1), jmp(0))
    assert b.run(BASE, until=BASE + 8)[2] == 2
    flushes = b.stats["flushes"]
    engine_single_step(b.e, True)
    engine_single_step(b.e, True)
    assert b.run(BASE) == (STOP_BREAKPOINT, BASE + 4, 1)
    assert b.stats["flushes"] == flushes + 1
    assert b.run() == (STOP_BREAKPOINT, BASE + 8, 1)
    engine_single_step(b.e, False)
    engine_single_step(b.e, False)
    assert b.run(BASE, until=BASE + 8) == (STOP_UNTIL, BASE + 8, 2)
    assert b.stats["flushes"] == flushes + 2


def test_row_56_numbers_of_the_generic_exceptions():
    from engine._core.api.kinds import StopReason
    assert (EXCP_NONE, EXCP_INTERRUPT, EXCP_HLT, EXCP_DEBUG, EXCP_HALTED, EXCP_YIELD) == (
        -1, 0x10000, 0x10001, 0x10002, 0x10003, 0x10004)
    # What comes back to the caller, and what goes to the guest.
    b = box(halt(), addi(1, 1, 1), jmp(0), deliver=True)
    assert b.run(BASE)[0] == STOP_HALT == StopReason.HALT
    b.code(BASE, trap(3), jmp(0))
    b.code(BASE + 0x100, addi(6, 6, 1), jmp(0))
    b[VECTOR] = BASE + 0x100
    assert b.run(BASE, until=BASE + 0x104)[0] == STOP_UNTIL and b[6] == 1
    b.breakpoint(BASE + 0x104)
    assert b.run(BASE)[0] == STOP_BREAKPOINT == StopReason.BREAKPOINT


def test_row_73_invalidation_is_private():
    """None of the functions that drop blocks can be reached from the public package."""
    import engine
    names = {name for module in (engine, engine._core.api) for name in dir(module)}
    assert not [name for name in names if "invalidate" in name or "unprotect" in name]
