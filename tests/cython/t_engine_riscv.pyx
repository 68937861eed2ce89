"""The whole core with RISC-V below the Python API: a loop, its speed, what a new engine costs."""
import os
import time
from libc.string cimport memset
from engine._core.base.types cimport uint64_t
from engine._core.isa.guest cimport CPUConfig
from engine._core.isa.riscv.riscv cimport riscv_ops
from engine._core.mem.context cimport AddressSpace, MemContext, MemoryRegion
from engine._core.mem.region cimport *
from engine._core.mem.address_space cimport address_space_write
from engine._core.backend.interp.interp cimport interp_ops
from engine._core.exec.engine cimport *

# addi x6,x6,3 ; xor x7,x7,x6 ; addi x5,x5,-1 ; bnez x5,-12 ; j .
LOOP = b"".join(w.to_bytes(4, "little") for w in (
    0x00330313, 0x0063c3b3, 0xfff28293, 0xfe029ae3, 0x0000006f))


cdef class Machine:
    cdef Engine *e

    def __cinit__(self):
        cdef CPUConfig cfg
        cdef int err = 0
        cdef MemoryRegion *mr
        memset(&cfg, 0, sizeof(cfg))
        cfg.xlen = 64
        cfg.fp = True
        self.e = engine_new(&riscv_ops, &cfg, &interp_ops, 0)
        assert self.e is not NULL
        mr = memory_region_new_ram(<MemContext *>self.e.mem, b"ram", 0x10000, &err)
        memory_region_add_subregion(<MemoryRegion *>self.e.system_memory, 0x10000, mr)

    def __dealloc__(self):
        engine_free(self.e)

    def load(self, bytes code):
        assert address_space_write(<AddressSpace *>self.e.system_as, 0x10000, 0, <char *>code,
                                   len(code)) == 0

    def reg(self, name, value=None):
        cdef uint32_t i
        cdef uint64_t v = 0
        for i in range(riscv_ops.n_regs):
            if riscv_ops.regs[i].name == name:
                if value is not None:
                    v = value
                    engine_reg_write(self.e, i, &v)
                engine_reg_read(self.e, i, &v)
                return v
        raise KeyError(name)

    def run(self, pc, until=None, count=None, repeat=1):
        cdef RunArgs args
        cdef RunOutcome out
        cdef int _
        cdef int n = repeat
        cdef uint64_t start = pc
        memset(&args, 0, sizeof(args))
        if until is not None:
            args.until = until
            args.has_until = True
        if count is not None:
            args.count = count
            args.has_count = True
        with nogil:
            for _ in range(n):
                self.e.guest.set_pc(self.e.cpu, start)
                engine_run(self.e, &args, &out)
        return out.reason, out.pc, out.icount


def test_loop():
    m = Machine()
    m.load(LOOP)
    m.reg(b"t0", 1000)
    assert m.run(0x10000, 0x10010) == (STOP_UNTIL, 0x10010, 4000)
    assert m.reg(b"t1") == 3000 and m.reg(b"t0") == 0
    want = 0
    for i in range(1, 1001):
        want ^= 3 * i
    assert m.reg(b"t2") == want


def test_counts():
    for count in (1, 2, 3, 4, 5, 100, 3999):
        m = Machine()
        m.load(LOOP)
        m.reg(b"t0", 1000)
        assert m.run(0x10000, 0x10010, count)[2] == count


def timed(fn, n):
    begin = time.perf_counter()
    fn()
    return (time.perf_counter() - begin) / n * 1e9


def test_cost():
    """Far from the real figures (README): only a mistake in kind fails here."""
    m = Machine()
    m.load(LOOP)
    m.reg(b"t0", 2_000_000)
    insn = timed(lambda: m.run(0x10000, 0x10010), 8e6)
    m.load(b"".join(w.to_bytes(4, "little") for w in [0x00330313] * 20) + LOOP[16:])
    m.run(0x10000, 0x10000 + 80)
    short = timed(lambda: m.run(0x10000, 0x10000 + 80, None, 10000), 1e4)
    step = timed(lambda: m.run(0x10000, None, 1, 10000), 1e4)
    engine = timed(lambda: [Machine() for _ in range(100)], 100)

    def first_run():
        for _ in range(100):
            fresh = Machine()
            fresh.load(LOOP)
            fresh.reg(b"t0", 5)
            fresh.run(0x10000, 0x10010)
    first = timed(first_run, 100)
    text = (f"instruction {insn:.1f} ns, run of 20 {short:.0f} ns, step {step:.0f} ns, "
            f"engine {engine / 1e3:.0f} us, with a first run {first / 1e3:.0f} us")
    print(text)
    slow = 1 if os.environ.get("ENGINE_BUILD", "release") == "release" else 20
    assert insn < 50 * slow and short < 5000 * slow and step < 5000 * slow, text
    assert engine < 1e6 * slow and first < 2e6 * slow, text
