"""Kinds of regions of engine.memory besides RAM and devices, from the host and from a guest."""

import sys

import pytest
from api.rv import code, lw, sw

from engine import MemoryFault
from engine.errors import PreconditionError
from engine.memory import (
    AddressSpace,
    MemoryListener,
    MemoryRegion,
    MemTxResult,
)

PAGE = 0x1000


def run(emu, space, *program):
    """Execute at 0x40000, where memory is mapped when it is not yet."""
    if not space.access_valid(0x40000, PAGE):
        emu.memory.map(0x40000, PAGE)
    space.write(0x40000, code(*program))
    emu.run(0x40000, 0x40000 + 4 * len(program))


def test_iommu(emu, root, space):
    """Pages that it translates, one that it refuses to write, and one without translation."""
    memory = MemoryRegion.ram(emu, "memory", 16 * PAGE)
    behind_root = MemoryRegion.container(emu, "behind", 1 << 64)
    behind_root.add_subregion(0, memory)
    behind = AddressSpace(emu, behind_root, "behind")
    asked = []

    def translate(address, is_write):
        asked.append((address, is_write))
        page = address // PAGE
        if page == 3:
            return None
        return behind, (7 - page) * PAGE, PAGE - 1, "r" if page == 2 else "rw"

    root.add_subregion(0x10000, MemoryRegion.iommu(emu, "iommu", 4 * PAGE, translate))
    behind.write(7 * PAGE + 8, b"seven")
    behind.write(6 * PAGE - 2, b"..six!")
    assert space.read(0x10008, 5) == b"seven"
    assert space.read(0x11000, 4) == b"six!"
    section = space.translate(0x11000, 4)
    assert (section.region, section.offset) == (memory, 6 * PAGE)
    assert space.try_write(0x12000, b"no") != MemTxResult.OK
    assert behind.read(5 * PAGE, 2) == bytes(2)
    assert space.try_read(0x13000, 4) == (MemTxResult.DECODE_ERROR, bytes(4))
    # One access over two pages that lie apart behind it.
    space.write(0x10ffe, b"abcd")
    assert behind.read(8 * PAGE - 2, 2) == b"ab" and behind.read(6 * PAGE, 2) == b"cd"
    assert asked[0] == (8, False) and all(address < 4 * PAGE for address, _ in asked)
    # A guest sees the same.
    emu.regs.write_many({"a0": 0x10010, "a2": 0x12345678})
    run(emu, space, sw("a2", 0, "a0"), lw("a3", 0, "a0"))
    assert emu.regs.a3 == 0x12345678
    assert behind.load(7 * PAGE + 16, 4) == 0x12345678


def test_what_an_iommu_gets_wrong_comes_out(emu, root, space):
    wrong = [5, ("space", 0, 0, "rw"), (space, -1, 0, "rw")]
    answers = []

    def translate(address, is_write):
        if not answers:
            raise LookupError("broken")
        return answers[-1]

    root.add_subregion(0x10000, MemoryRegion.iommu(emu, "iommu", PAGE, translate))
    with pytest.raises(LookupError, match="broken"):
        space.read(0x10000, 4)
    for answer in wrong:
        answers.append(answer)
        with pytest.raises(Exception) as info:      # of the kind that the mistake is
            space.read(0x10000, 4)
        assert not isinstance(info.value, (MemoryFault, SystemError))


def test_rom_device(emu, root, space):
    """A flash: memory that programs read and run, commands that they write."""
    seen = []
    flash = MemoryRegion.rom_device(emu, "flash", PAGE,
                                    read=lambda offset, size, attrs: 0x80,
                                    write=lambda *access: seen.append(access[:3]),
                                    impl=(1, 4, False))
    root.add_subregion(0x20000, flash)
    assert flash.romd_mode
    space.write_rom(0x20000, code(lw("a3", 0, "a0"), sw("a2", 64, "a0"), lw("a4", 64, "a0")))
    emu.regs.write_many({"a0": 0x20000, "a2": 0x90})
    emu.run(0x20000, 0x2000c)
    assert emu.regs.a3 == space.load(0x20000, 4) and seen == [(64, 4, 0x90)]
    assert emu.regs.a4 == 0                         # a command, no data
    flash.romd_mode = False
    run(emu, space, lw("a3", 0, "a0"), lw("a4", 8, "a0"))
    assert (emu.regs.a3, emu.regs.a4) == (0x80, 0x80)
    flash.romd_mode = True
    run(emu, space, lw("a3", 0, "a0"))
    assert emu.regs.a3 == space.load(0x20000, 4) != 0x80


def test_reservation(emu, root, space):
    ram = MemoryRegion.ram(emu, "ram", 4 * PAGE)
    hole = MemoryRegion.reservation(emu, "hole", PAGE)
    root.add_subregion(0x10000, ram)
    root.add_subregion(0x11000, hole, 1)
    assert space.try_read(0x10ffe, 4)[0] != MemTxResult.OK
    assert space.try_read(0x10ffc, 4)[0] == space.try_read(0x12000, 4)[0] == MemTxResult.OK
    hole.enabled = False
    assert space.try_read(0x10ffe, 4)[0] == MemTxResult.OK


def test_log_sync_of_logged_ranges(emu, root, space):
    class Display(MemoryListener):
        heard = []

        def log_sync(self, section):
            self.heard.append((section.name, section.address, section.size))

    display = Display()
    ram = MemoryRegion.ram(emu, "fb", 2 * PAGE)
    ram.set_log(True)
    root.add_subregion(0x10000, ram)
    display.register(emu, space)
    space.sync_dirty_bitmap()
    assert ("fb", 0x10000, 2 * PAGE) in display.heard
    display.unregister()
    heard = len(display.heard)
    space.sync_dirty_bitmap()
    assert len(display.heard) == heard


def test_a_section_is_released_once(emu, root, space):
    """More releases than find gave would take references that others hold."""
    class Plain:
        pass

    owner = Plain()
    region = MemoryRegion.ram(emu, "owned", PAGE, owner=owner)
    root.add_subregion(0x10000, region)
    space.flat_view()
    before = sys.getrefcount(owner)
    first, second = space.find(0x10000), space.find(0x10010)
    space.release(first)
    space.release(second)
    for section in (first, space.translate(0x10000)):
        with pytest.raises(PreconditionError, match="released once"):
            space.release(section)
    assert sys.getrefcount(owner) == before
