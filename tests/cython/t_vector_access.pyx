"""16-byte guest accesses through the whole engine, with the toy guest, on both back ends: pages,
devices, permissions, alignment, code that is written over, hooks."""
include "testguest.pxi"

CODE = 0x10000
DATA = 0x20000          # two pages, writable
READ_ONLY = 0x22000     # behind them
DEVICE = 0x30000
HIGH = 0x40000          # a page with nothing behind it

ENGINES = [False] + ([True] if x86_64_ops.available() else [])

cdef list device_log = []


cdef uint32_t device_read(void *opaque, hwaddr addr, uint64_t *data, uint32_t size,
                          uint32_t attrs) noexcept nogil:
    with gil:
        device_log.append(("read", addr, size))
    data[0] = 0x0101010101010101ULL * (addr + 1)
    return 0


cdef uint32_t device_write(void *opaque, hwaddr addr, uint64_t data, uint32_t size,
                           uint32_t attrs) noexcept nogil:
    with gil:
        device_log.append(("write", addr, size, data))
    return 0


cdef MemoryRegionOps device_ops
memset(&device_ops, 0, sizeof(device_ops))
device_ops.read = device_read
device_ops.write = device_write
device_ops.valid_min = device_ops.impl_min = 1
device_ops.valid_max = device_ops.impl_max = 8
device_ops.valid_unaligned = device_ops.impl_unaligned = 1


cdef class VectorBox(Box):
    def device(self, addr, size):
        cdef MemoryRegion *mr = memory_region_new_io(<MemContext *>self.e.mem, &device_ops, NULL,
                                                     b"device", size)
        assert memory_region_add_subregion(<MemoryRegion *>self.e.system_memory, addr, mr) == 0


def box(jit, *insns):
    b = VectorBox(jit=jit)
    b.map(CODE, 0x1000)
    b.map(DATA, 0x2000)
    b.map(READ_ONLY, 0x1000, PROT_READ)
    b.map(HIGH, 0x1000)
    b.device(DEVICE, 0x1000)
    b.code(CODE, *insns)
    device_log.clear()
    return b


def run(b, n):
    return b.run(CODE, until=CODE + 4 * n)


def number(data, big=False):
    return int.from_bytes(data, "big" if big else "little")


def test_pages_and_byte_orders():
    """Every offset around a page boundary, and twice: the first access fills the TLB."""
    data = bytes(range(0x80, 0xc0))
    for jit in ENGINES:
        for how in (0, VEC_BIG):
            b = box(jit, vld(0, 1, 0, how), vst(0, 2, 0, how), vld(1, 2), jmp(0))
            for offset in (0, 1, 15, 16, 0xff0 - 32, *range(0xfec, 0x1004), 0x1ff0):
                b.write(DATA, bytes(0x2000))
                b.write(DATA + offset, data[:16])
                b[1] = DATA + offset
                for target in (HIGH + 0xff0, DATA + 0x1000 - offset % 16):
                    b[2] = target
                    for again in range(2):
                        b.vector(0, 0)
                        b.write(target, bytes(16))
                        b.write(DATA + offset, data[again:again + 16])
                        run(b, 3)
                        want = data[again:again + 16]
                        assert b.vector(0) == number(want, how), (jit, how, hex(offset))
                        assert b.read(target, 16) == want, (jit, how, hex(offset))
                        assert b.vector(1) == number(want)


def test_devices_get_pieces_in_address_order():
    for jit in ENGINES:
        b = box(jit, vld(0, 1), vst(0, 2), jmp(0))
        b[1] = DEVICE + 0x10
        b[2] = DEVICE + 0x20
        run(b, 2)
        assert b.vector(0) == number(bytes([0x11] * 8 + [0x19] * 8))
        assert device_log == [("read", 0x10, 8), ("read", 0x18, 8),
                              ("write", 0x20, 8, 0x1111111111111111),
                              ("write", 0x28, 8, 0x1919191919191919)]


def fault(b, **want):
    got = b.outcome(pc=CODE)
    assert {k: got[k] for k in want} == want, got


def test_faults():
    """Nothing is moved, not even the half that could be; the pc is that of the access."""
    for jit in ENGINES:
        for how in (0, VEC_BIG):
            b = box(jit, addi(3, 3, 1), vld(0, 1, 0, how), addi(3, 3, 1), jmp(0))
            b.vector(0, 77)
            b[1] = HIGH + 0xff8
            fault(b, pc=CODE + 4, addr=HIGH + 0x1000, access=ACCESS_READ, fault=FAULT_UNMAPPED)
            b[1] = 0x5000
            fault(b, pc=CODE + 4, addr=0x5000, access=ACCESS_READ, fault=FAULT_UNMAPPED)
            assert (b.vector(0), b[3]) == (77, 2)
            b = box(jit, addi(3, 3, 1), vst(0, 1, 0, how), addi(3, 3, 1), jmp(0))
            b.vector(0, (0x1234 << 64) | 0x5678)
            b[1] = READ_ONLY + 8
            fault(b, pc=CODE + 4, addr=READ_ONLY + 8, access=ACCESS_WRITE, fault=FAULT_PROT)
            for back in (1, 8, 15):
                b[1] = READ_ONLY - back
                fault(b, pc=CODE + 4, addr=READ_ONLY, access=ACCESS_WRITE, fault=FAULT_PROT)
                assert b.read(READ_ONLY - 16, 32) == bytes(32)
            assert b[3] == 4


def test_alignment():
    for jit in ENGINES:
        for insn, access in ((vld(0, 1, 0, VEC_ALIGN), ACCESS_READ),
                             (vst(0, 1, 0, VEC_ALIGN), ACCESS_WRITE)):
            b = box(jit, insn, addi(3, 3, 1), jmp(0))
            for offset in (1, 8, 15, 0xff8):
                b[1] = DATA + offset
                fault(b, pc=CODE, addr=DATA + offset, access=access, fault=FAULT_MISALIGNED)
            b[1] = DATA + 0xff0
            run(b, 2)
            assert b[3] == 1


def test_a_store_over_code_that_runs():
    """The second half of the 16 bytes changes the next instruction, and another block."""
    for jit in ENGINES:
        b = box(jit, vst(0, 1), addi(3, 3, 1), jmp(0))
        for value in (5, 9):
            new = [addi(4, 4, 1), addi(4, 4, 1), vst(0, 1), addi(3, 3, value)]
            b.vector(0, number(b"".join(new)))
            b[1] = CODE - 8 + 0x100
            b[3] = 0
            b.code(CODE + 0x100, vst(0, 1), addi(3, 3, 1), jmp(0))
            b.run(CODE + 0x100, until=CODE + 0x108)
            assert b[3] == value, (jit, value)
        assert b.stats["smc"] >= 1
        # Code in a page of its own: no trap before, one after it was translated.
        b.code(DATA + 0x1000, addi(5, 5, 1), jmp(0))
        b.run(DATA + 0x1000, until=DATA + 0x1004)
        b.code(CODE, vst(1, 1), jmp(0))
        b.vector(1, number(addi(5, 5, 7)) << 96)
        b[1] = DATA + 0x1000 - 12
        run(b, 1)
        b.run(DATA + 0x1000, until=DATA + 0x1004)
        assert b[5] == 8


def test_hooks_see_one_event():
    for jit in ENGINES:
        for how in (0, VEC_BIG):
            b = box(jit, vld(0, 1, 0, how), vst(0, 2, 0, how), jmp(0))
            seen = []
            for kind in (HOOK_MEM_READ, HOOK_MEM_READ_AFTER, HOOK_MEM_WRITE):
                b.hook(kind, lambda bb, ev, kind=kind: seen.append(
                    (kind, ev["pc"], ev["addr"], ev["size"], ev["high"] << 64 | ev["value"])))
            data = bytes(range(1, 17))
            for source in (DATA, DATA + 0xff9):
                b.write(source, data)
                b[1] = source
                b[2] = DATA + 0x1100
                seen.clear()
                run(b, 2)
                value = number(data, how)
                assert seen == [(HOOK_MEM_READ, CODE, source, 16, 0),
                                (HOOK_MEM_READ_AFTER, CODE, source, 16, value),
                                (HOOK_MEM_WRITE, CODE + 4, DATA + 0x1100, 16, value)], (jit, seen)
                assert b.read(DATA + 0x1100, 16) == data


def test_a_hook_on_the_second_page_alone():
    for jit in ENGINES:
        b = box(jit, vst(0, 1), jmp(0))
        seen = []
        b.hook(HOOK_MEM_WRITE, lambda bb, ev: seen.append((ev["addr"], ev["size"])) and None,
               DATA + 0x1000, DATA + 0x1fff)
        b[1] = DATA + 0xff8
        run(b, 1)
        b[1] = DATA + 0xff0
        run(b, 1)
        assert seen == [(DATA + 0xff8, 16)]


def test_a_hook_may_stop_before_a_store_and_it_is_not_done():
    for jit in ENGINES:
        b = box(jit, addi(3, 3, 1), vst(0, 1), addi(3, 3, 1), jmp(0))
        b.vector(0, 1 << 127)
        b[1] = DATA + 0xffc
        h = b.hook(HOOK_MEM_WRITE, lambda bb, ev: HOOK_STOP)
        assert run(b, 3)[:2] == (STOP_REQUEST, CODE + 4)
        assert b.read(DATA + 0xffc, 16) == bytes(16) and b[3] == 1
        b.unhook(h)
        b.run(CODE + 4, until=CODE + 12)
        assert b.read(DATA + 0xffc, 16) == bytes(15) + b"\x80" and b[3] == 2
