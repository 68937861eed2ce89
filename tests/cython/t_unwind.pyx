"""exec/unwind, registers, debugmem, dump and cpu/breakpoint, with the toy guest."""
include "testguest.pxi"
from engine._core.cpu.breakpoint cimport (cpu_breakpoint_insert, cpu_breakpoint_remove,
                                          cpu_breakpoint_test, cpu_breakpoints_free)
from engine._core.opt.passes cimport OPT_STEPS
from engine._core.exec.debugmem cimport engine_vm_read, engine_vm_write

BASE = 0x10000
DATA = 0x20000


def box(*insns, **how):
    b = Box(**how)
    b.map(BASE, 0x4000)
    b.map(DATA, 0x4000)
    b.code(BASE, *insns)
    return b


cdef list left = []


cdef int sync_twice(CPUHead *cpu, Hook *hook, HookEvent *ev) noexcept nogil:
    cdef Engine *e = <Engine *>cpu.engine
    cdef int64_t before = cpu.icount_left
    cdef bint same
    engine_sync(e)
    same = cpu.pc == ev.pc and cpu.icount_left == before and cpu.unwind_ra == 0
    cpu.pc = 0x1234                 # a second sync of the same visit must not restore again
    engine_sync(e)
    same = same and cpu.pc == 0x1234 and cpu.icount_left == before
    cpu.pc = ev.pc
    with gil:
        left.append((ev.pc - BASE, bool(same)))
    return HOOK_CONTINUE


def test_sync_in_hooks_gives_nothing_back_and_happens_once():
    cdef Box b = box(addi(2, 2, 1), ld(3, 1), bne(2, 5, -2), jmp(0))
    b[1] = DATA
    b[5] = 3
    del left[:]
    for kind in (HOOK_CODE, HOOK_MEM_READ):
        assert engine_hook_add(b.e, kind, 1, 0, sync_twice, NULL, False, 0, 0) is not NULL
    assert b.run(BASE, until=BASE + 12) == (STOP_UNTIL, BASE + 12, 9)
    assert [pc for pc, _ in left] == [0, 4, 4, 8] * 3
    assert all(good for _, good in left)


def test_row_24_31_faults_at_every_place_of_a_block():
    for n in range(0, 40):
        for optimise in (True, False):
            b = box(*[addi(1, 1, 1)] * n, ld(2, 0, 8), *[addi(1, 1, 1)] * 3, jmp(0),
                    optimise=optimise)
            out = b.outcome(pc=BASE)
            assert (out["pc"], out["icount"], b[1]) == (BASE + 4 * n, n, n)


def test_registers():
    cdef Box b = box()
    cdef uint64_t v = 5
    b[3] = 1 << 63
    assert b[3] == 1 << 63
    assert engine_reg_read(b.e, 99, &v) < 0 and engine_reg_write(b.e, 99, &v) < 0


def test_virtual_memory():
    cdef Box b = box()
    cdef bytearray out = bytearray(64)
    b.map(0x30000, 0x1000)
    b.write(0x30ff0, bytes(range(16)))
    assert engine_vm_read(b.e, 0x30ff0, <char *>out, 64) == 16 and out[:16] == bytes(range(16))
    assert engine_vm_read(b.e, 0x31000, <char *>out, 1) == 0
    assert engine_vm_read(b.e, 0xfffffffffffffff0ULL, <char *>out, 64) == 0
    b.code(BASE, addi(1, 1, 1), jmp(0))
    b.run(BASE, until=BASE + 4)
    patch = addi(1, 1, 100)
    assert engine_vm_write(b.e, BASE, <char *>patch, 4) == 4
    b.run(BASE, until=BASE + 4)
    assert b[1] == 101


def test_dump():
    cdef Box b = box(addi(1, 1, 7), ld(2, 1), jmp(0))
    cdef char[8192] text
    cdef uint64_t base = 0
    pc = b[PC]
    for stage in range(OPT_STEPS + 1):
        n = engine_dump_tb(b.e, BASE, stage, text, sizeof(text), &base)
        out = (<bytes>text).decode()
        assert n == len(out) and "gld" in out and "r1" in out, out
    assert engine_dump_tb(b.e, 0x900000, 0, text, sizeof(text), &base) == 0
    assert b[PC] == pc and b.e.cpu.exception_index == EXCP_NONE and b.stats["tbs"] == 0
    assert engine_dump_tb(b.e, BASE, 0, NULL, 0, &base) > 0
    assert b.run(BASE, until=BASE + 4)[2] == 1


def test_row_17_breakpoint_list():
    cdef CPUHead *cpu = <CPUHead *>calloc(1, sizeof(CPUHead))
    for i in range(20):
        assert cpu_breakpoint_insert(cpu, 0x1000 + 4 * i, BP_CPU if i % 2 else BP_GDB) == 0
    kinds = [cpu.breakpoints[i].flags for i in range(20)]
    assert kinds == [BP_GDB] * 10 + [BP_CPU] * 10
    assert cpu_breakpoint_test(cpu, 0x1004, BP_CPU) and cpu_breakpoint_test(cpu, 0x1004, BP_ANY)
    assert not cpu_breakpoint_test(cpu, 0x1004, BP_GDB)
    assert not cpu_breakpoint_test(cpu, 0x1002, BP_ANY)
    assert cpu_breakpoint_remove(cpu, 0x1004, BP_GDB) == -2         # ENOENT
    assert cpu_breakpoint_remove(cpu, 0x1004, BP_CPU) == 0
    assert not cpu_breakpoint_test(cpu, 0x1004, BP_ANY) and cpu.n_breakpoints == 19
    cpu_breakpoints_free(cpu)
    assert not cpu_breakpoint_test(cpu, 0x1000, BP_ANY)
    free(cpu)
