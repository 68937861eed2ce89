"""Mapping, bytes, numbers, views, buffers, devices."""

import array
import mmap
import pickle
import threading

import pytest
from api.rv import CODE, DATA, addi, code, jalr, ld, li, lw, sb, sd, sw

from engine import (
    ArgumentError,
    ArgumentTypeError,
    ClosedError,
    Emulator,
    EngineBusyError,
    MapError,
    MemoryFault,
    Prot,
)


@pytest.fixture
def mem():
    with Emulator("riscv64") as emu:
        yield emu.memory


def shown(mem):
    return [(r.address, r.size, r.perms, r.name, r.kind) for r in mem.regions()]


class TestMap:
    def test_fresh_memory_is_empty(self, mem):
        assert mem.regions() == []
        assert 0 not in mem

    def test_map_is_zeroed(self, mem):
        mem.map(0x1000, 0x2000, "rw", name="ram")
        assert shown(mem) == [(0x1000, 0x2000, Prot.RW, "ram", "ram")]
        assert mem.read(0x1000, 0x2000) == bytes(0x2000)
        assert 0x1000 in mem
        assert 0x2fff in mem
        assert 0x3000 not in mem

    def test_any_address_and_size(self, mem):
        mem.map(0x1003, 5)
        mem.write(0x1003, b"hello")
        assert mem.read(0x1003, 5) == b"hello"
        with pytest.raises(MemoryFault) as info:
            mem.read(0x1003, 6)
        assert (info.value.address, info.value.kind) == (0x1008, "unmapped")
        with pytest.raises(MemoryFault):
            mem.read(0x1002, 1)

    def test_last_byte_of_the_address_space(self, mem):
        mem.map((1 << 64) - 0x1000, 0x1000)
        mem.write((1 << 64) - 4, b"last")
        assert mem.read((1 << 64) - 4, 4) == b"last"
        assert mem.regions()[0].end == 1 << 64
        mem.unmap((1 << 64) - 0x1000, 0x1000)
        assert mem.regions() == []

    @pytest.mark.parametrize("perms, prot", [
        ("rwx", 7), ("r", 1), ("", 0), ("r-x", 5), ("---", 0), (Prot.READ | Prot.EXEC, 5), (3, 3)])
    def test_permissions(self, mem, perms, prot):
        mem.map(0, 0x1000, perms)
        assert mem.regions()[0].perms == prot

    def test_neighbours_stay_apart(self, mem):
        mem.map(0x1000, 0x1000)
        mem.map(0x2000, 0x1000)
        assert len(mem.regions()) == 2
        mem.write(0x1ffe, b"span")
        assert mem.read(0x1ffe, 4) == b"span"

    @pytest.mark.parametrize("address, size", [
        (0x2000, 0x1000), (0x1fff, 2), (0x2fff, 0x10), (0x1000, 0x3000), (0x2800, 1)])
    def test_overlap(self, mem, address, size):
        mem.map(0x2000, 0x1000, name="old")
        with pytest.raises(MapError, match="overlaps.*0x2000.*old"):
            mem.map(address, size)
        assert len(mem.regions()) == 1

    @pytest.mark.parametrize("address, size, error, text", [
        (0, 0, ArgumentError, "zero"),
        (-1, 0x1000, ArgumentError, "address must not be negative"),
        (0, -5, ArgumentError, "size must not be negative"),
        (1 << 64, 1, ArgumentError, "64 bits"),
        (0, 1 << 65, ArgumentError, "64 bits"),
        ((1 << 64) - 1, 2, ArgumentError, "beyond"),
        ("0x1000", 1, ArgumentTypeError, "address must be an int, not str"),
        (0, 1.5, ArgumentTypeError, "size must be an int, not float"),
        (None, 1, ArgumentTypeError, "NoneType"),
        (0, 1 << 62, MapError, "no host"),
        (0, 1 << 64, MapError, "no host"),
    ])
    def test_bad_ranges(self, mem, address, size, error, text):
        with pytest.raises(error, match=text):
            mem.map(address, size)
        assert mem.regions() == []
        mem.map(0x1000, 0x1000)

    @pytest.mark.parametrize("perms, error", [
        ("rq", ArgumentError), (8, ArgumentError), (-1, ArgumentError), (None, ArgumentTypeError),
        (1.0, ArgumentTypeError), (b"r", ArgumentTypeError)])
    def test_bad_permissions(self, mem, perms, error):
        with pytest.raises(error):
            mem.map(0, 0x1000, perms)

    @pytest.mark.parametrize("name, error", [
        (5, ArgumentTypeError), ("x" * 300, ArgumentError), ("a\0b", ArgumentError)])
    def test_bad_names(self, mem, name, error):
        with pytest.raises(error):
            mem.map(0, 0x1000, name=name)

    def test_a_terabyte_costs_nothing(self, mem):
        mem.map(0, 1 << 40)
        mem.write((1 << 40) - 8, b"the end.")
        assert mem.read((1 << 40) - 8, 8) == b"the end."
        assert mem.read(1 << 39, 8) == bytes(8)

    def test_ten_thousand_maps(self, mem):
        for i in range(10_000):
            mem.map(i * 0x2000, 0x1000)
        for i in range(0, 10_000, 997):
            mem.write(i * 0x2000, i.to_bytes(4, "little"))
        for i in range(0, 10_000, 997):
            assert mem.read_u32(i * 0x2000) == i
        assert len(mem.regions()) == 10_000
        for i in reversed(range(10_000)):
            mem.unmap(i * 0x2000, 0x1000)
        assert mem.regions() == []


class TestUnmapAndProtect:
    def test_unmap_cuts(self, mem):
        mem.map(0x1000, 0x3000, "rw", name="x")
        mem.fill(0x1000, 0x3000, 0x55)
        mem.unmap(0x1800, 0x1000)
        assert shown(mem) == [(0x1000, 0x800, 3, "x", "ram"), (0x2800, 0x1800, 3, "x", "ram")]
        assert mem.read(0x17ff, 1) == b"\x55"
        assert mem.read(0x2800, 1) == b"\x55"
        with pytest.raises(MemoryFault):
            mem.read(0x1800, 1)

    def test_unmap_across_mappings(self, mem):
        mem.map(0x1000, 0x1000)
        mem.map(0x2000, 0x1000)
        mem.unmap(0x1800, 0x1000)
        assert [(r.address, r.size) for r in mem.regions()] == [(0x1000, 0x800), (0x2800, 0x800)]

    def test_unmap_needs_all_of_it(self, mem):
        mem.map(0x1000, 0x1000)
        mem.map(0x3000, 0x1000)
        with pytest.raises(MapError, match="0x2000"):
            mem.unmap(0x1000, 0x3000)
        assert len(mem.regions()) == 2

    def test_remap_is_zero_again(self, mem):
        mem.map(0x1000, 0x1000)
        mem.write(0x1000, b"old")
        mem.unmap(0x1000, 0x1000)
        mem.map(0x1000, 0x1000)
        assert mem.read(0x1000, 3) == bytes(3)

    def test_protect_cuts_and_joins(self, mem):
        mem.map(0x1000, 0x3000, "rw")
        mem.protect(0x2000, 0x10, "r")
        assert [(r.address, r.size, r.perms) for r in mem.regions()] == [
            (0x1000, 0x1000, 3), (0x2000, 0x10, 1), (0x2010, 0x1ff0, 3)]
        mem.protect(0x2000, 0x10, "rw")
        assert [(r.address, r.size) for r in mem.regions()] == [(0x1000, 0x3000)]

    def test_protect_needs_a_mapping(self, mem):
        with pytest.raises(MapError, match="nothing is mapped at 0x5000"):
            mem.protect(0x5000, 1, "r")

    def test_host_goes_past_permissions(self, mem):
        mem.map(0x1000, 0x1000, "")
        mem.write(0x1000, b"x")
        assert mem.read(0x1000, 1) == b"x"

    def test_guest_does_not(self, emu, run):
        emu.memory.protect(DATA + 0x100, 0x10, "r")
        emu.regs.a1 = DATA
        run(sd("a0", 0xf8, "a1"), ld("a2", 0x100, "a1"), sd("a0", 0x110, "a1"))
        with pytest.raises(MemoryFault) as info:
            run(sb("a0", 0x100, "a1"))
        assert (info.value.kind, info.value.address, info.value.access) == (
            "protected", DATA + 0x100, "write")
        with pytest.raises(MemoryFault):
            run(sd("a0", 0xfc, "a1"))
        assert emu.memory.read(DATA + 0xf8, 8) == bytes(8)

    def test_no_exec(self, emu):
        emu.memory.write(DATA, code(li("a0", 1)))
        with pytest.raises(MemoryFault) as info:
            emu.run(DATA, DATA + 4)
        assert (info.value.kind, info.value.access, info.value.pc) == ("protected", "fetch", DATA)


class TestBytes:
    @pytest.mark.parametrize("data", [
        b"abcd", bytearray(b"abcd"), memoryview(b"abcd"), array.array("I", [1, 2])])
    def test_write_any_buffer(self, mem, data):
        mem.map(0, 0x1000)
        mem.write(1, data)
        assert mem.read(1, len(bytes(data))) == bytes(data)

    def test_empty(self, mem):
        assert mem.read(0x1000, 0) == b""
        mem.write(0x1000, b"")

    @pytest.mark.parametrize("data", ["text", 5, None, [1, 2]])
    def test_write_wrong_type(self, mem, data):
        mem.map(0, 0x1000)
        with pytest.raises(ArgumentTypeError):
            mem.write(0, data)

    def test_failed_write_writes_nothing(self, mem):
        mem.map(0, 0x10)
        with pytest.raises(MemoryFault) as info:
            mem.write(8, b"0123456789")
        assert (info.value.address, info.value.access) == (0x10, "write")
        assert mem.read(0, 0x10) == bytes(0x10)

    def test_huge_read(self, mem):
        mem.map(0, 0x1000)
        for size in (1 << 40, 1 << 63, (1 << 64) - 1):
            with pytest.raises(MemoryFault):
                mem.read(0, size)
        with pytest.raises(ArgumentError):
            mem.read(5, (1 << 64) - 1)

    def test_fill(self, mem):
        mem.map(0, 0x300000)
        mem.fill(1, 0x200001, 7)
        assert mem.read(0, 3) == b"\0\7\7"
        assert mem.read(0x200001, 2) == b"\7\0"
        with pytest.raises(ArgumentError):
            mem.fill(0, 1, 256)
        with pytest.raises(MemoryFault):
            mem.fill(0, 0x300001)

    def test_search(self, mem):
        mem.map(0x1000, 0x200000)
        mem.map(0x201000, 0x1000)
        places = [0x1000, 0x1003, 0x100ffe, 0x200ffe, 0x201ffc]
        for place in places:
            mem.write(place, b"nee!")
        mem.write(0x1003, b"need")
        assert list(mem.search(b"nee")) == places
        assert list(mem.search(b"nee", begin=0x1001, end=0x200ffe)) == [0x1003, 0x100ffe]
        assert list(mem.search(b"nee", end=0x201000)) == places[:3]
        assert list(mem.search(b"absent")) == []
        with pytest.raises(ArgumentError):
            mem.search(b"")
        with pytest.raises(ArgumentTypeError):
            mem.search("nee")


class TestNumbers:
    @pytest.mark.parametrize("size", [1, 2, 4, 8])
    def test_round_trip(self, mem, size):
        mem.map(0, 0x1000)
        read = getattr(mem, f"read_u{8 * size}")
        write = getattr(mem, f"write_u{8 * size}")
        value = int.from_bytes(bytes(range(0xf1, 0xf1 + size)), "little")
        write(3, value)
        assert mem.read(3, size) == value.to_bytes(size, "little")
        assert read(3) == value
        write(3, -1)
        assert read(3) == (1 << 8 * size) - 1
        with pytest.raises(ArgumentError):
            write(3, 1 << 8 * size)
        with pytest.raises(ArgumentError):
            write(3, -(1 << 8 * size - 1) - 1)
        with pytest.raises(ArgumentTypeError):
            write(3, "1")
        with pytest.raises(MemoryFault):
            read(0x1001 - size)
        with pytest.raises(ArgumentError):
            read(-1)


class TestView:
    def test_shared_with_the_guest(self, emu, run):
        view = emu.memory.view(DATA, 0x1000)
        assert len(view) == 0x1000
        assert not view.readonly
        view[8] = 0x2a
        emu.regs.a1 = DATA
        run(ld("a0", 8, "a1"), sd("a0", 16, "a1"))
        assert emu.regs.a0 == 0x2a
        assert view[16] == 0x2a

    def test_outlives_unmap_and_close(self):
        with Emulator("riscv64") as emu:
            emu.memory.map(0x1000, 0x1000)
            view = emu.memory.view(0x1800, 0x10)
            view[:4] = b"kept"
            emu.memory.unmap(0x1000, 0x1000)
            assert bytes(view[:4]) == b"kept"
        del emu
        view[4:8] = b"more"
        assert bytes(view[:8]) == b"keptmore"

    def test_code_through_a_view(self, emu):
        view = emu.memory.view(CODE, 0x100)
        view[:4] = code(li("a0", 1))
        emu.run(CODE, CODE + 4)
        assert emu.regs.a0 == 1
        view[:4] = code(li("a0", 2))
        emu.run(CODE, CODE + 4)
        assert emu.regs.a0 == 2

    def test_code_through_a_view_in_a_hook(self, emu):
        view = emu.memory.view(CODE, 0x100)
        view[:12] = code(li("a0", 1), li("a0", 1), li("a1", 1))
        emu.run(CODE, CODE + 12)

        @emu.hook_code(begin=CODE, end=CODE + 4)
        def patch(emu, address, size):
            view[8:12] = code(li("a1", 2))
        emu.run(CODE, CODE + 12)
        assert emu.regs.a1 == 2

    def test_views_that_are_gone_cost_nothing(self, emu):
        import tracemalloc
        emu.memory.view(DATA, 8)
        tracemalloc.start()
        try:
            for _ in range(20_000):
                emu.memory.view(DATA, 8)
            assert tracemalloc.get_traced_memory()[0] < 200_000
        finally:
            tracemalloc.stop()

    def test_another_mapping_at_the_place_of_a_view(self, emu):
        """Its RAM may be what the old mapping's was, and its code what the old code was."""
        for value in (1, 2, 1, 2):
            emu.memory.map(0x50000, 0x1000)
            view = emu.memory.view(0x50000, 0x1000)
            for number in (value, 3 - value):
                view[:4] = code(li("a0", number))
                emu.run(0x50000, 0x50004)
                assert emu.regs.a0 == number
            emu.memory.unmap(0x50000, 0x1000)

    def test_must_be_one_mapping(self, mem):
        mem.map(0x1000, 0x1000)
        mem.map(0x2000, 0x1000)
        with pytest.raises(MapError, match="0x2000"):
            mem.view(0x1800, 0x1000)
        with pytest.raises(MapError):
            mem.view(0x2800, 0x1000)
        mem.protect(0x1800, 0x100, "r")
        assert len(mem.view(0x1000, 0x1000)) == 0x1000

    def test_not_of_a_device(self, mem):
        mem.map_io(0x1000, 0x1000, read=lambda offset, size: 0)
        with pytest.raises(MapError, match="device"):
            mem.view(0x1000, 4)


class TestBuffer:
    @pytest.mark.parametrize("make", [
        lambda: bytearray(0x1000), lambda: mmap.mmap(-1, 0x1000),
        lambda: array.array("Q", [0] * 0x200)])
    def test_shared(self, emu, run, make):
        buffer = make()
        emu.memory.map_buffer(0x20000, buffer, "rw", name="mine")
        assert emu.memory.regions()[-1].kind == "buffer"
        emu.regs.a1 = 0x20000
        emu.regs.a0 = 0x1234
        run(sd("a0", 0x10, "a1"))
        assert bytes(memoryview(buffer).cast("B")[0x10:0x12]) == b"\x34\x12"
        memoryview(buffer).cast("B")[0x18] = 9
        run(ld("a0", 0x18, "a1"))
        assert emu.regs.a0 == 9

    def test_held_until_unmapped(self, mem):
        buffer = bytearray(100)
        mem.map_buffer(0x1001, buffer)
        with pytest.raises(BufferError):
            buffer.append(1)
        mem.write(0x1001, b"x" * 100)
        mem.unmap(0x1001, 100)
        buffer.append(1)
        assert buffer[:100] == b"x" * 100

    def test_code_in_a_buffer(self, emu):
        buffer = bytearray(code(li("a0", 1)))
        emu.memory.map_buffer(0x20000, buffer)
        emu.run(0x20000, 0x20004)
        buffer[:] = code(li("a0", 2))
        emu.run(0x20000, 0x20004)
        assert emu.regs.a0 == 2

    @pytest.mark.parametrize("buffer, error", [
        (b"constant", ArgumentError), (bytearray(), ArgumentError), ("text", ArgumentTypeError),
        (None, ArgumentTypeError), (memoryview(bytearray(8))[::2], ArgumentError)])
    def test_bad_buffers(self, mem, buffer, error):
        with pytest.raises(error):
            mem.map_buffer(0, buffer)
        assert mem.regions() == []


class TestDevices:
    def test_accesses(self, emu, run):
        log = []

        def read(offset, size):
            log.append(("read", offset, size))
            return 0x11223344

        def write(offset, size, value):
            log.append(("write", offset, size, value))

        emu.memory.map_io(0x40000, 0x100, read, write, name="uart")
        region = emu.memory.regions()[-1]
        assert (region.kind, region.name, region.perms) == ("io", "uart", Prot.RW)
        emu.regs.a1 = 0x40000
        run(lw("a0", 8, "a1"), sb("a0", 3, "a1"), sw("a0", 4, "a1"), sd("a0", 16, "a1"))
        assert emu.regs.a0 == 0x11223344
        assert log == [("read", 8, 4), ("write", 3, 1, 0x44), ("write", 4, 4, 0x11223344),
                       ("write", 16, 8, 0x11223344)]

    def test_a_function_writes_registers(self, emu, run):
        """What a device function writes counts, whatever the block knew of the registers before."""
        def read(offset, size):
            emu.regs.a2 = 100
            emu.regs.a3 += 1
            return 7

        def write(offset, size, value):
            emu.regs.a2 = value
            emu.regs.a0 = 55

        emu.memory.map_io(0x40000, 0x100, read, write)
        emu.regs.write_many({"a1": 0x40000, "a3": 20})
        run(li("a2", 5), addi("a3", "a3", 1), lw("a0", 0, "a1"), addi("a4", "a2", 1),
            addi("a5", "a3", 0), addi("a6", "a0", 0), li("a0", 9), sw("a4", 0, "a1"),
            addi("a7", "a2", 1), addi("a1", "a0", 1))
        assert emu.regs.read_many(["a4", "a5", "a6", "a7", "a1"]) == (101, 22, 7, 102, 56)

    def test_from_the_host(self, mem):
        log = []
        mem.map_io(0x1000, 8, lambda offset, size: 0xa0 + offset,
                   lambda offset, size, value: log.append((offset, size, value)))
        assert mem.read_u8(0x1003) == 0xa3
        assert mem.read_u32(0x1004) == 0xa4
        mem.write_u16(0x1002, 0x1234)
        assert log == [(2, 2, 0x1234)]

    def test_missing_function_is_a_fault(self, emu, run):
        emu.memory.map_io(0x40000, 0x100, read=lambda offset, size: 5)
        emu.regs.a1 = 0x40000
        run(lw("a0", 0, "a1"))
        assert emu.regs.a0 == 5
        with pytest.raises(MemoryFault) as info:
            run(sw("a0", 0, "a1"))
        assert (info.value.kind, info.value.address, info.value.access) == ("io", 0x40000, "write")
        with pytest.raises(MemoryFault):
            emu.memory.write_u8(0x40000, 1)

    def test_raise(self, emu, run):
        def read(offset, size):
            raise LookupError("no such register")

        emu.memory.map_io(0x40000, 0x100, read)
        emu.regs.a1 = 0x40000
        with pytest.raises(LookupError, match="no such register"):
            run(li("a2", 3), lw("a0", 0, "a1"), li("a2", 4))
        assert emu.regs.pc == CODE + 4
        assert emu.regs.a2 == 3
        with pytest.raises(LookupError):
            emu.memory.read_u32(0x40000)
        run(li("a0", 1))

    def test_an_exception_ends_a_transfer(self, mem):
        calls = []

        def touch(offset, size, value=0):
            calls.append(offset)
            if offset >= 8:
                raise LookupError
            return 0

        mem.map_io(0x1000, 0x1000, touch, touch)
        with pytest.raises(LookupError):
            mem.read(0x1000, 0x1000)
        with pytest.raises(LookupError):
            mem.write(0x1000, bytes(0x1000))
        assert calls == [0, 8] * 2

    def test_a_function_unmaps_its_device(self, emu):
        def read(offset, size):
            emu.memory.unmap(0x40000, 0x100)
            emu.run(CODE, count=0)
            return 5

        emu.memory.map_io(0x40000, 0x100, read)
        assert emu.memory.read(0x40000, 8) == b"\5" + bytes(7)
        assert 0x40000 not in emu.memory

    def test_no_other_thread_under_an_access(self, emu):
        refused = []

        def use():
            for action in (lambda: emu.run(CODE, count=1), lambda: emu.memory.unmap(0x40000, 8),
                           lambda: emu.memory.read(0x40000, 8), lambda: emu.regs.a0):
                with pytest.raises(EngineBusyError) as info:
                    action()
                refused.append(info.value)

        def read(offset, size):
            thread = threading.Thread(target=use)
            thread.start()
            thread.join()
            return 5

        emu.memory.map_io(0x40000, 0x100, read)
        assert emu.memory.read_u8(0x40000) == emu.memory.read(0x40000, 1)[0] == 5
        assert len(refused) == 8
        assert emu.run(CODE, count=0).count == 0

    def test_no_closing_under_an_access(self, emu):
        emu.memory.map_io(0x40000, 0x100, lambda offset, size: emu.close() or 0)
        for access in (lambda: emu.memory.read(0x40000, 8), lambda: emu.memory.read_u32(0x40000)):
            with pytest.raises(EngineBusyError, match="device function"):
                access()

    @pytest.mark.parametrize("answer, error", [
        ("5", ArgumentTypeError), (None, ArgumentTypeError), (1.0, ArgumentTypeError),
        (-1, ArgumentError), (1 << 32, ArgumentError), (1 << 70, ArgumentError)])
    def test_nonsense(self, emu, run, answer, error):
        emu.memory.map_io(0x40000, 0x100, lambda offset, size: answer)
        emu.regs.a1 = 0x40000
        with pytest.raises(error, match="I/O region"):
            run(lw("a0", 0, "a1"))
        run(li("a0", 1))

    def test_cut_device_keeps_its_offsets(self, mem):
        mem.map_io(0x1000, 0x100, lambda offset, size: offset)
        mem.unmap(0x1010, 0x10)
        assert mem.read_u8(0x100f) == 0x0f
        assert mem.read_u8(0x1020) == 0x20

    def test_functions_must_be_callable(self, mem):
        with pytest.raises(ArgumentTypeError):
            mem.map_io(0, 1, read=5)


class TestChanges:
    def test_code_written_by_the_host(self, emu, run):
        run(li("a0", 1))
        run(li("a0", 2))
        assert emu.regs.a0 == 2

    def test_remapped_code(self, emu):
        emu.memory.write(CODE, code(li("a0", 1)))
        emu.run(CODE, CODE + 4)
        emu.memory.unmap(CODE, 0x1000)
        with pytest.raises(MemoryFault) as info:
            emu.run(CODE, CODE + 4)
        assert info.value.access == "fetch"
        emu.memory.map(CODE, 0x1000, "rx")
        emu.memory.write(CODE, code(li("a0", 7)))
        emu.run(CODE, CODE + 4)
        assert emu.regs.a0 == 7

    def test_exec_taken_away(self, emu, run):
        run(li("a0", 1))
        emu.memory.protect(CODE, 0x1000, "rw")
        with pytest.raises(MemoryFault):
            emu.run(CODE, CODE + 4)

    def test_guest_writes_code(self, emu):
        emu.memory.protect(CODE, 0x1000, "rwx")
        emu.regs.a1 = CODE
        emu.regs.a0 = int.from_bytes(code(li("a2", 2)), "little")
        emu.memory.write(CODE, code(sw("a0", 4, "a1"), li("a2", 1)))
        emu.run(CODE, CODE + 8)
        assert emu.regs.a2 == 2


def test_load(emu):
    end = emu.load(code(li("a0", 5)), 0x30010, name="flat")
    assert end == 0x30014
    region = emu.memory.regions()[-1]
    assert (region.address, region.size) == (0x30000, 0x1000)
    emu.run(0x30010, end)
    assert emu.regs.a0 == 5


def test_virtual_without_paging(emu):
    assert emu.memory.translate(DATA + 5) == DATA + 5
    emu.memory.write_virtual(DATA + 0xff0, b"0123")
    assert emu.memory.read_virtual(DATA + 0xff0, 4) == b"0123"


def test_closed():
    emu = Emulator("riscv64")
    mem = emu.memory
    mem.map(0, 0x1000)
    emu.close()
    for call in (lambda: mem.map(0, 1), lambda: mem.read(0, 1), lambda: mem.write(0, b"x"),
                 lambda: mem.unmap(0, 1), lambda: mem.regions(), lambda: mem.read_u8(0),
                 lambda: mem.view(0, 1), lambda: mem.translate(0), lambda: mem.search(b"x"),
                 lambda: 0 in mem):
        with pytest.raises(ClosedError):
            call()


def test_memory_fault_pickles(mem):
    with pytest.raises(MemoryFault) as info:
        mem.read(0x1234, 4)
    copy = pickle.loads(pickle.dumps(info.value))
    assert (copy.address, str(copy)) == (0x1234, str(info.value))


def test_jump_to_nowhere(emu, run):
    emu.regs.a1 = 0x666000
    with pytest.raises(MemoryFault) as info:
        run(jalr("zero", "a1"))
    assert (info.value.access, info.value.pc, info.value.kind) == ("fetch", 0x666000, "unmapped")
