"""Rows of the core systems that engine.memory shows: regions, spaces, RAM blocks, dirty pages.

Named after their rows in shared/spec/core-systems.md. The same facts below Python: tests/cython.
"""

import gc
import sys
import threading

import numpy as np
import pytest
from api.rv import addi, code, lb, lw, sb, sw

from engine import Emulator, MapError, MemoryFault
from engine.errors import ArgumentError, ArgumentTypeError, DuplicateError, PreconditionError
from engine.memory import (
    AddressSpace,
    DeviceError,
    DirtyClient,
    DirtyMemory,
    Endian,
    MemoryListener,
    MemoryRegion,
    MemTxAttrs,
    MemTxResult,
    cpu_address_space_for,
    cpu_address_spaces,
    global_dirty_log,
    ram_block_by_name,
    ram_block_from_host,
    ram_blocks,
    ram_list_version,
    set_cpu_address_spaces,
    system_memory,
    transaction,
)

PAGE = 0x1000
VGA, CODE, MIGRATION = DirtyClient.VGA, DirtyClient.CODE, DirtyClient.MIGRATION


class Recorder(MemoryListener):
    """Everything that a listener hears."""

    def __init__(self):
        self.heard = []

    def begin(self):
        self.heard.append("begin")

    def commit(self):
        self.heard.append("commit")

    def region_add(self, section):
        self.heard.append(("add", section.name, section.address, section.size))

    def region_del(self, section):
        self.heard.append(("del", section.name, section.address, section.size))

    def region_nop(self, section):
        self.heard.append(("nop", section.name, section.address, section.size))

    def log_start(self, section, old, new):
        self.heard.append(("start", section.name, old, new))

    def log_stop(self, section, old, new):
        self.heard.append(("stop", section.name, old, new))

    def log_sync(self, section):
        self.heard.append(("sync", section.name))

    def log_global_start(self):
        self.heard.append("global start")

    def log_global_stop(self):
        self.heard.append("global stop")


class Owner:
    """Counts the references that the engine takes."""

    def __init__(self):
        self.count = 0

    def ref(self):
        self.count += 1

    def unref(self):
        self.count -= 1


# ---------------------------------------------------------------- 1, 2, 3: the CPU's spaces

def test_row_1_debug_translation_reports_attributes(emu, root):
    """Debug accesses go through the guest's MMU to the space that the attributes choose."""
    secure_root = MemoryRegion.container(emu, "secure", 1 << 64)
    secure = AddressSpace(emu, secure_root, "secure")
    root.add_subregion(PAGE, MemoryRegion.ram(emu, "plain", PAGE))
    secure_root.add_subregion(PAGE, MemoryRegion.ram(emu, "hidden", PAGE))
    plain = cpu_address_spaces(emu)[0]
    set_cpu_address_spaces(emu, [plain, secure])
    plain.write(PAGE, b"plain")
    secure.write(PAGE, b"world")
    # Machine mode is the secure world of this guest, and user mode is not.
    assert emu.memory.read_virtual(PAGE, 5) == b"world"
    emu.regs.priv = 0
    assert emu.memory.read_virtual(PAGE, 5) == b"plain"
    assert emu.memory.translate(PAGE + 5) == PAGE + 5
    # No mapping: none, and nothing is raised, filled or changed.
    fills = emu.stats["tlb_fills"]
    emu.regs.priv = 1
    emu.regs.satp = 8 << 60 | 0x40         # Sv39 with a table where nothing is
    assert emu.memory.translate(PAGE) is None
    assert emu.stats["tlb_fills"] == fills


def test_row_2_several_address_spaces(emu, root, space):
    other = AddressSpace(emu, MemoryRegion.container(emu, "other", 1 << 64), "other")
    set_cpu_address_spaces(emu, [space, other])
    assert cpu_address_spaces(emu) == (space, other)
    assert cpu_address_space_for(emu, 0) == space
    assert cpu_address_space_for(emu, MemTxAttrs.SECURE | MemTxAttrs.USER) == other
    # A change of either flushes the CPU's TLB.
    for where in (root, other.root):
        flushes = emu.stats["tlb_flushes"]
        where.add_subregion(PAGE, MemoryRegion.ram(emu, None, PAGE))
        assert emu.stats["tlb_flushes"] > flushes
    with pytest.raises(PreconditionError):
        set_cpu_address_spaces(emu, [])
    with pytest.raises(ArgumentTypeError):
        set_cpu_address_spaces(emu, [space, None])
    set_cpu_address_spaces(emu, [space])
    assert cpu_address_space_for(emu, MemTxAttrs.SECURE) == space


def test_row_3_default_space_is_system_memory(emu, root, space):
    """The CPU gets the machine's space when it is made; tests/cython shows it without before."""
    assert space.root == root
    assert (root.kind, root.size) == ("system", 1 << 64)
    emu.memory.map(PAGE, PAGE)
    emu.memory.write(PAGE, b"abc")
    assert space.read(PAGE, 3) == b"abc"


# ---------------------------------------------------------------- 5, 6: accesses

class Bytes:
    """A device of bytes that follow from their offset; says what it was asked."""

    def __init__(self):
        self.calls = []

    def read(self, offset, size, attrs):
        self.calls.append(("read", offset, size))
        return int.from_bytes(bytes((offset + i) * 7 & 255 for i in range(size)), "little")

    def write(self, offset, size, value, attrs):
        self.calls.append(("write", offset, size, value))


def test_row_5_short_reads(emu, root, space):
    """Every length at every offset around the boundaries equals a byte-by-byte reference."""
    device = Bytes()
    ram = MemoryRegion.ram(emu, "ram", PAGE)
    root.add_subregion(0, ram)
    root.add_subregion(PAGE, MemoryRegion.io(emu, "dev", 16, device.read, device.write))
    root.add_subregion(PAGE + 32, MemoryRegion.rom(emu, "rom", PAGE))
    pattern = bytes(i * 5 & 255 for i in range(PAGE))
    space.write(0, pattern)
    space.write_rom(PAGE + 32, pattern)
    model = (pattern + bytes(i * 7 & 255 for i in range(16)) + bytes(16) + pattern)
    for start in range(PAGE - 20, PAGE + 60):
        for length in range(65):
            result, data = space.try_read(start, length)
            assert data == model[start:start + length], (start, length)
            hole = range(PAGE + 16, PAGE + 32)
            reaches = start < hole.stop and start + length > hole.start and length
            assert result == (MemTxResult.DECODE_ERROR if reaches else 0)
            if length and not reaches:
                assert space.read(start, length) == data
    calls = len(device.calls)
    assert space.try_read(PAGE, 0) == (0, b"") and len(device.calls) == calls


def test_row_6_a_write_across_ram_device_ram(emu, root, space):
    device = Bytes()
    root.add_subregion(0, MemoryRegion.ram(emu, "low", PAGE))
    root.add_subregion(PAGE, MemoryRegion.io(emu, "dev", 2, device.read, device.write,
                                             impl=(1, 4, False)))
    root.add_subregion(PAGE + 2, MemoryRegion.ram(emu, "high", PAGE))
    assert space.try_write(PAGE - 3, b"abcDEfgh") == MemTxResult.OK
    assert space.read(PAGE - 3, 3) == b"abc" and space.read(PAGE + 2, 3) == b"fgh"
    assert device.calls == [("write", 0, 2, int.from_bytes(b"DE", "little"))]
    device.calls.clear()
    assert space.try_write(PAGE, b"") == MemTxResult.OK and device.calls == []


def test_row_6_sizes_and_results(emu, root, space):
    device = Bytes()
    root.add_subregion(PAGE, MemoryRegion.io(emu, "dev", 16, device.read, device.write,
                                             valid=(1, 4, False), impl=(1, 4, False)))
    space.read(PAGE + 1, 8)     # bounded by the lowest set bit of the address, then by 4
    assert device.calls == [("read", 1, 1), ("read", 2, 2), ("read", 4, 4), ("read", 8, 1)]

    def refuse(offset, size, attrs):
        raise DeviceError("no")

    root.add_subregion(0x2000, MemoryRegion.io(emu, "bad", 4, refuse))
    assert space.try_read(0x2000, 4) == (MemTxResult.ERROR, bytes(4))
    assert space.try_read(0x2002, 4)[0] == MemTxResult.ERROR | MemTxResult.DECODE_ERROR
    assert space.try_write(0x9000, b"x") == MemTxResult.DECODE_ERROR
    with pytest.raises(MemoryFault, match="0x2000"):
        space.read(0x2000, 4)
    with pytest.raises(MemoryFault) as info:
        space.write(0x9000, b"x")
    assert info.value.kind == "unmapped"


def test_row_6_device_functions(emu, root, space):
    """Byte order, sizes that are split or widened, attributes, single refusals, exceptions."""
    seen = []

    def read(offset, size, attrs):
        seen.append((offset, size, attrs))
        return 0x1234 if size == 2 else 0x12345678

    root.add_subregion(0, MemoryRegion.io(emu, "be", 16, read, endian=Endian.BIG))
    assert space.read(0, 2) == b"\x12\x34"
    root.add_subregion(0x100, MemoryRegion.io(emu, "wide", 16, read, impl=(4, 4, False),
                                              endian=Endian.LITTLE))
    assert space.read(0x101, 1) == b"\x78"      # a word is asked for, and cut
    assert seen[-1] == (1, 4, MemTxAttrs.UNSPECIFIED)
    root.add_subregion(0x200, MemoryRegion.io(
        emu, "picky", 16, read, accepts=lambda offset, size, is_write, attrs: offset != 4))
    assert space.try_read(0x200, 4)[0] == 0
    assert space.try_read(0x204, 4)[0] != 0
    attrs = MemTxAttrs.SECURE | MemTxAttrs(7 << 16)
    space.read(0x200, 4, attrs)
    assert seen[-1] == (0, 4, attrs)

    def fail(offset, size, attrs):
        raise LookupError("broken")

    root.add_subregion(0x300, MemoryRegion.io(emu, "broken", 16, fail))
    with pytest.raises(LookupError, match="broken"):
        space.read(0x300, 4)
    assert space.read(0x200, 4)                 # and nothing is left of it
    for sizes in ((3, 4, False), (8, 4, False), (1, 16, True)):
        with pytest.raises(ArgumentError):
            MemoryRegion.io(emu, "x", 4, read, valid=sizes)
    with pytest.raises(ArgumentTypeError):
        MemoryRegion.io(emu, "x", 4, 5)


# ---------------------------------------------------------------- 7: owners

def test_row_7_owners(emu, root, space):
    owner = Owner()
    region = MemoryRegion.ram(emu, "owned", PAGE, owner=owner)
    assert region.owner is owner
    before = owner.count
    root.add_subregion(PAGE, region)
    space.flat_view()
    placed = owner.count
    assert placed > before
    section = space.find(PAGE + 8)
    assert owner.count == placed + 1
    space.release(section)
    assert owner.count == placed
    with space.map(PAGE, 16) as view:
        assert owner.count == placed + 1
        view.release()
    assert owner.count == placed
    root.del_subregion(region)
    space.flat_view()
    assert owner.count == before
    ownerless = MemoryRegion.ram(emu, "free", PAGE)
    assert ownerless.owner is None
    root.add_subregion(PAGE, ownerless)
    space.release(space.find(PAGE))
    assert owner.count == before


def test_row_7_any_object_may_own(emu, root, space):
    class Plain:
        pass

    owner = Plain()
    region = MemoryRegion.ram(emu, "owned", PAGE, owner=owner)
    before = sys.getrefcount(owner)
    root.add_subregion(PAGE, region)
    section = space.find(PAGE)
    assert sys.getrefcount(owner) > before
    space.release(section)
    root.del_subregion(region)
    space.flat_view()
    assert sys.getrefcount(owner) == before


# ---------------------------------------------------------------- 9, 13, 14, 16: RAM blocks

def test_row_9_a_callers_buffer_stays_his(emu, root):
    buffer = bytearray(b"mine" + bytes(PAGE))
    version, blocks = ram_list_version(emu), len(ram_blocks(emu))
    region = MemoryRegion.ram(emu, "buffer", PAGE, buffer=buffer)
    assert ram_list_version(emu) == version + 1
    (block,) = [b for b in ram_blocks(emu) if b.region == region]
    assert block.preallocated and not block.resizeable and not block.shared
    assert region.read(0, 4) == b"mine"
    del region
    assert len(ram_blocks(emu)) == blocks and ram_list_version(emu) == version + 2
    assert buffer[:4] == b"mine"
    buffer.append(1)                            # nobody holds it
    with pytest.raises(ArgumentError, match="writable"):
        MemoryRegion.ram(emu, "x", 4, buffer=b"four")
    with pytest.raises(ArgumentError, match="the buffer has"):
        MemoryRegion.ram(emu, "x", PAGE, buffer=bytearray(4))


def test_row_13_block_by_name(emu):
    regions = [MemoryRegion.ram(emu, None, size * PAGE) for size in (1, 2)]
    small, large = (next(b for b in ram_blocks(emu) if b.region == r) for r in regions)
    assert ram_block_by_name(emu, "") == large          # unnamed, and the biggest first
    small.idstr, large.idstr = "pc.ram", "vga"
    assert ram_block_by_name(emu, "pc.ram") == small and ram_block_by_name(emu, "vga") == large
    assert ram_block_by_name(emu, "PC.RAM") is None and ram_block_by_name(emu, "x") is None
    with pytest.raises(DuplicateError):
        large.idstr = "pc.ram"
    small.idstr = None
    assert ram_block_by_name(emu, "pc.ram") is None and small.idstr == ""
    with pytest.raises(ArgumentError):
        small.idstr = "x" * 256
    with pytest.raises(ArgumentError):
        small.idstr = "a\0b"


def test_row_14_block_from_host(emu):
    region = MemoryRegion.ram(emu, "r", 4 * PAGE)
    (block,) = ram_blocks(emu)
    place = ram_block_from_host(emu, block.host + 0x1234, True)
    assert place == (block, block.offset + 0x1000, 0x1000)
    assert ram_block_from_host(emu, block.host + 0x1234) == (block, block.offset + 0x1234, 0x1234)
    assert ram_block_from_host(emu, block.host + 4 * PAGE) is None
    assert region.ram_address == block.offset


def test_row_16_resizeable(emu, root, space):
    told = []
    region = MemoryRegion.resizeable_ram(emu, "r", PAGE, 4 * PAGE,
                                         lambda name, size: told.append((name, size)))
    (block,) = ram_blocks(emu)
    block.idstr = "acpi"
    dirty = DirtyMemory(emu)
    for client in DirtyClient:
        dirty.test_and_clear(0, 4 * PAGE, client)
    root.add_subregion(0x10000, region)
    assert not space.access_valid(0x10000 + 2 * PAGE, 1)
    region.resize(3 * PAGE)
    assert region.size == 3 * PAGE and told == [("acpi", 3 * PAGE)]
    assert (block.used_length, block.max_length, block.resizeable) == (3 * PAGE, 4 * PAGE, True)
    assert space.access_valid(0x10000 + 2 * PAGE, PAGE)
    for client in DirtyClient:
        assert dirty.all_dirty(block.offset, 3 * PAGE, client)
    region.resize(3 * PAGE)
    assert len(told) == 1                       # the same size: no call
    with pytest.raises(MapError, match="Length too large: acpi: 0x5000 > 0x4000: Invalid argument"):
        region.resize(5 * PAGE)
    fixed = MemoryRegion.ram(emu, "f", PAGE)
    with pytest.raises(MapError, match="Length mismatch: : 0x2000 in != 0x1000: Invalid argument"):
        fixed.resize(2 * PAGE)

    def fail(name, size):
        raise LookupError("too late")

    late = MemoryRegion.resizeable_ram(emu, "late", PAGE, 2 * PAGE, fail)
    with pytest.raises(LookupError, match="too late"):
        late.resize(2 * PAGE)


# ---------------------------------------------------------------- 53: the big lock

@pytest.mark.parametrize("locking", [True, False])
def test_row_53_global_locking(emu, root, space, locking):
    """With it one thread is in the device at a time, without it both are."""
    inside, together = [], threading.Barrier(2)
    most = []

    def read(offset, size, attrs):
        inside.append(1)
        if locking:
            threading.Event().wait(0.02)
            most.append(len(inside))
        else:
            together.wait(20)                   # ends only when the other thread is in here, too
        inside.pop()
        return 0

    region = MemoryRegion.io(emu, "dev", 16, read)
    assert region.global_locking                # the default
    root.add_subregion(PAGE, region)
    listener = Recorder()
    listener.register(emu, space)
    listener.heard.clear()
    region.global_locking = False
    region.global_locking = locking
    assert listener.heard == []                 # no topology change
    threads = [threading.Thread(target=space.read, args=(PAGE, 4)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    if locking:
        assert most == [1, 1]


# ---------------------------------------------------------------- 65 to 71: dirty pages

@pytest.fixture
def ram(emu, root):
    region = MemoryRegion.ram(emu, "ram", 64 * PAGE)
    root.add_subregion(0, region)
    return region


def test_row_65_test_and_clear(emu, ram, space):
    dirty = DirtyMemory(emu)
    base = ram.ram_address
    assert dirty.test_and_clear(base, 4 * PAGE, MIGRATION)      # fresh RAM is dirty
    assert not dirty.test_and_clear(base, 4 * PAGE, MIGRATION)
    assert not dirty.test_and_clear(base, 0, MIGRATION)
    global_dirty_log(emu, True)
    # A guest's write is noticed although the page was in the TLB for writing before.
    program = code(sb("a0", 0, "a1"), sb("a0", 0, "a2"))
    space.write(8 * PAGE, program)
    emu.regs.write_many({"a1": PAGE, "a2": 3 * PAGE})
    emu.run(8 * PAGE, 8 * PAGE + 8)
    assert dirty.test_and_clear(base + PAGE, PAGE, MIGRATION)
    emu.run(8 * PAGE, 8 * PAGE + 8)
    assert list(dirty.dirty_pages(MIGRATION, clear=False)[:2]) == [1, 3]
    assert ram.test_and_clear_dirty(PAGE, 1, MIGRATION)
    assert not ram.get_dirty(PAGE, PAGE, MIGRATION) and ram.get_dirty(3 * PAGE, 1, MIGRATION)


def test_row_66_threads_lose_nothing(emu, ram):
    dirty = DirtyMemory(emu)
    dirty.test_and_clear(ram.ram_address, 64 * PAGE, VGA)

    def setter(lane):
        for _ in range(50):
            for page in range(lane, 64, 4):
                dirty.set_dirty(ram.ram_address + page * PAGE, 1, 1 << VGA)

    threads = [threading.Thread(target=setter, args=(lane,)) for lane in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dirty.all_dirty(ram.ram_address, 64 * PAGE, VGA)


def test_row_67_code_is_never_stale(emu, ram, space):
    """Who writes over executed code: the host, the guest, a transfer, the ROM loader."""
    at = 16 * PAGE
    write = [
        lambda new: space.write(at, new),
        lambda new: emu.memory.write_virtual(at, new),
        lambda new: space.write_rom(at, new),
        lambda new: mapped(space, at, new),
        lambda new: stored(emu, space, at, new),
    ]
    for number, way in enumerate(write):
        space.write(at, code(addi("a0", "zero", 1)))
        emu.run(at, at + 4)
        assert emu.regs.a0 == 1
        way(code(addi("a0", "zero", 100 + number)))
        emu.run(at, at + 4)
        assert emu.regs.a0 == 100 + number, number
    # A write to a page of data drops no block.
    blocks = emu.stats["blocks_invalidated"]
    space.write(40 * PAGE, b"data")
    assert emu.stats["blocks_invalidated"] == blocks


def mapped(space, at, new):
    with space.map(at, len(new), True) as view:
        view[:] = new
        view.release()


def stored(emu, space, at, new):
    space.write(20 * PAGE, code(sw("a0", 0, "a1")))
    emu.regs.write_many({"a0": int.from_bytes(new, "little"), "a1": at})
    emu.run(20 * PAGE, 20 * PAGE + 4)


def test_row_68_import_of_a_foreign_bitmap(emu, ram):
    dirty = DirtyMemory(emu)
    base = ram.ram_address
    for client in DirtyClient:
        dirty.test_and_clear(base, 64 * PAGE, client)
    dirty.import_bitmap(np.array([0x8000000000000005], np.uint64), base)
    for client in DirtyClient:
        assert list(dirty.dirty_pages(client)) == [0, 2, 63]
    with pytest.raises(ArgumentError):
        dirty.import_bitmap([1], base + 1)
    with pytest.raises(ArgumentError):
        dirty.import_bitmap([1] * 5, base)


def test_row_69_test_and_clear_answers_each_page_once(emu, ram):
    dirty = DirtyMemory(emu)
    base = ram.ram_address
    dirty.test_and_clear(base, 64 * PAGE, VGA)
    dirty.set_dirty(base + 5 * PAGE, 3 * PAGE, 1 << VGA)
    words = dirty.bitmap(VGA, base)
    assert words.dtype == np.uint64 and list(words) == [0b11100000]
    assert list(dirty.test_and_clear_bitmap(VGA, base)) == [0b11100000]
    assert list(dirty.test_and_clear_bitmap(VGA, base)) == [0]
    assert dirty.dirty_pages(MIGRATION).size == 64      # other clients keep theirs
    with pytest.raises(ArgumentError, match="64 pages"):
        dirty.bitmap(VGA, base + PAGE)
    with pytest.raises(ArgumentError, match="do not lie"):
        dirty.get_dirty(1 << 40, 1, VGA)


def test_row_71_get_dirty_and_all_dirty(emu, ram):
    dirty = DirtyMemory(emu)
    base = ram.ram_address
    three = (base, 3 * PAGE, MIGRATION)
    assert dirty.get_dirty(*three) and dirty.all_dirty(*three)
    dirty.test_and_clear(base + PAGE, PAGE, MIGRATION)
    assert dirty.get_dirty(*three) and not dirty.all_dirty(*three)
    dirty.set_dirty(base + PAGE, 1)
    assert dirty.all_dirty(*three)
    dirty.test_and_clear(*three)
    assert not dirty.get_dirty(*three) and not dirty.all_dirty(*three)
    assert not dirty.get_dirty(base, 0, VGA) and dirty.all_dirty(base, 0, VGA)
    for client in (3, -1, "VGA"):
        with pytest.raises(ArgumentError, match="client"):
            dirty.get_dirty(base, 1, client)


# ---------------------------------------------------------------- 74 to 76: logging

def test_row_74_log_masks_of_new_regions(emu):
    assert MemoryRegion.ram(emu, "r", PAGE).dirty_log_mask == 1 << CODE
    assert MemoryRegion.ram(emu, "b", 8, buffer=bytearray(8)).dirty_log_mask == 1 << CODE
    assert MemoryRegion.resizeable_ram(emu, "s", PAGE, PAGE).dirty_log_mask == 1 << CODE
    assert MemoryRegion.rom_device(emu, "d", PAGE).dirty_log_mask == 1 << CODE
    for region in (MemoryRegion.io(emu, "i", PAGE), MemoryRegion.container(emu, "c", PAGE),
                   MemoryRegion.alias(emu, "a", MemoryRegion.ram(emu, "t", PAGE), 0, PAGE)):
        assert region.dirty_log_mask == 0


def test_row_75_log_start_and_stop_get_old_and_new(emu, root, ram, space):
    listener = Recorder()
    listener.register(emu, space)
    listener.heard.clear()
    ram.set_log(True)
    assert [h for h in listener.heard if h[0] in ("start", "stop")] == [("start", "ram", 2, 3)]
    listener.heard.clear()
    ram.set_log(True)                           # nested: no change
    ram.set_log(False)
    assert [h for h in listener.heard if h[0] in ("start", "stop")] == []
    listener.heard.clear()
    ram.set_log(False)
    assert [h for h in listener.heard if h[0] in ("start", "stop")] == [("stop", "ram", 3, 2)]


def test_row_76_is_logging_and_mask(emu, ram, space):
    ram.set_log(True, VGA)
    assert ram.is_logging(VGA) and not ram.is_logging(MIGRATION)
    assert ram.dirty_log_mask == 0b011
    listener = Recorder()
    listener.register(emu, space)
    global_dirty_log(emu, True)
    assert "global start" in listener.heard
    assert ram.dirty_log_mask == 0b111
    late = Recorder()
    late.register(emu, space)
    assert late.heard[0] == "global start"      # before anything else
    global_dirty_log(emu, False)
    assert ram.dirty_log_mask == 0b011 and "global stop" in listener.heard
    for client in (CODE, MIGRATION):
        with pytest.raises(PreconditionError) as info:
            ram.set_log(True, client)
        assert isinstance(info.value, AssertionError)
    ram.set_log(False)
    with pytest.raises(PreconditionError):
        ram.set_log(False)


# ---------------------------------------------------------------- cross-cutting

def test_rule_one_commit_a_transaction_nest(emu, root, space):
    listener = Recorder()
    listener.register(emu, space)
    listener.heard.clear()
    flushes = emu.stats["tlb_flushes"]
    with transaction(emu):
        root.add_subregion(0, MemoryRegion.ram(emu, "a", PAGE))
        with transaction(emu):
            root.add_subregion(PAGE, MemoryRegion.ram(emu, "b", PAGE))
        assert "commit" not in listener.heard
    assert listener.heard.count("begin") == listener.heard.count("commit") == 1
    assert emu.stats["tlb_flushes"] == flushes + 1
    assert {h[1] for h in listener.heard if h[0] == "add"} == {"a", "b"}


def test_row_75_accesses_in_a_transaction_see_the_tree_of_before(emu, root, space):
    asked = []
    root.add_subregion(0x8000, MemoryRegion.io(emu, "device", 8,
                                               read=lambda at, size, attrs: asked.append(at) or 7))
    emu.memory.map(0x1000, PAGE)
    emu.memory.write(0x1000, b"abcd")
    with transaction(emu):
        emu.memory.unmap(0x1000, PAGE)
        emu.memory.map(0x3000, PAGE)
        (device,) = root.subregions
        root.del_subregion(device)
        del device
        gc.collect()                        # nobody has it any more but the view
        assert space.read(0x1000, 4) == b"abcd" and space.read(0x8000, 4) == bytes([7, 0, 0, 0])
        with pytest.raises(MemoryFault, match="0x3000"):
            space.read(0x3000, 4)
    assert asked == [0]
    for gone in (0x1000, 0x8000):
        with pytest.raises(MemoryFault, match=hex(gone)):
            space.read(gone, 4)
    assert space.read(0x3000, 4) == bytes(4)


def test_unmapping_frees_the_memory_while_somebody_listens(emu):
    before = len(ram_blocks(emu))
    Recorder().register(emu)
    for _ in range(3):
        emu.memory.map(0x1000, PAGE)
        emu.memory.unmap(0x1000, PAGE)
    assert len(ram_blocks(emu)) == before


def test_rule_clearing_re_arms_the_write_trap(emu, ram, space):
    """A dirty bit that was cleared comes back with the very next write, TLB hit or not."""
    dirty = DirtyMemory(emu)
    global_dirty_log(emu, True)
    space.write(8 * PAGE, code(sb("a0", 0, "a1"), lb("a2", 0, "a1"), lw("a3", 0, "a1")))
    emu.regs.a1 = 5 * PAGE
    for _ in range(5):
        emu.run(8 * PAGE, 8 * PAGE + 12)
        assert dirty.test_and_clear(ram.ram_address + 5 * PAGE, PAGE, MIGRATION)
        assert not dirty.get_dirty(ram.ram_address + 5 * PAGE, PAGE, MIGRATION)


def test_rule_flushing_more_changes_nothing(emu, root, space):
    """TLB and block cache are invisible: flushes at any place leave the same results."""
    root.add_subregion(0, MemoryRegion.ram(emu, "ram", 16 * PAGE))
    body = code(addi("a0", "a0", 3), sw("a0", 0, "a1"), lw("a2", 0, "a1"), addi("a1", "a1", 4))
    space.write(PAGE, body * 32)
    results = []
    for often in (0, 1, 7):
        emu.regs.write_many({"a0": 0, "a1": 4 * PAGE, "a2": 0})
        emu.pc = PAGE
        for n in range(128):
            if often and n % often == 0:
                emu.flush_code()
                with transaction(emu):          # an empty change flushes the TLB
                    root.enabled = True
            emu.step()
        results.append((emu.regs.a0, emu.regs.a2, space.read(4 * PAGE, 128)))
    assert results[0] == results[1] == results[2]


def test_emulators_go_with_all_that_hangs_on_them():
    """Regions, devices and listeners in cycles through the emulator: collected, no crash."""
    dead = []

    class Witness(Recorder):
        def __del__(self):
            dead.append(1)

    def make():
        emu = Emulator("riscv64")
        listener = Witness()
        listener.register(emu)
        root = system_memory(emu)
        region = MemoryRegion.io(emu, "dev", 8, read=lambda *access: emu.pc, owner=Owner())
        root.add_subregion(0x1000, region)
        ring = [emu, listener, region, root, cpu_address_spaces(emu), DirtyMemory(emu)]
        ring.append(ring)
        emu.breakpoints.add(0x1000)
        emu.watchpoints.add(0x1000)
        emu.hook_code(lambda *where: ring)

    for turn in range(20):
        make()
        if turn % 3 == 0:
            gc.collect()
    gc.collect()
    gc.collect()
    assert len(dead) == 20
