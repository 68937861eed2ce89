"""Snapshots: what they give back, what they cost, streams."""

import gc
import pickle
import random
import weakref

import pytest

from engine import ArgumentError, Emulator, EngineBusyError, Snapshot, UnsupportedError, backends
from engine.machine.stream import Section, StreamError, read_stream, write_stream

from .rv import CODE, DATA, addi, code, jal, ld, li, sd

MIB = 1 << 20
# a0 += 1; store it at a1; forever
LOOP = code(addi("a0", "a0", 1), sd("a0", 0, "a1"), jal("zero", -8))


def made(backend=None):
    emu = Emulator("riscv64", backend=backend)
    emu.memory.map(CODE, 0x1000)
    emu.memory.map(DATA, 0x4000, "rw")
    emu.memory.write(CODE, LOOP)
    emu.pc = CODE
    emu.regs.a1 = DATA
    return emu


def state(emu):
    regions = emu.memory.regions()
    return (emu.regs.as_dict("general"), emu.pc, regions,
            [emu.memory.read(r.address, r.size) for r in regions if r.kind != "io"])


def test_restore_gives_back_registers_and_memory():
    emu = made()
    emu.run(count=30)
    before = state(emu)
    snap = emu.snapshot()
    emu.run(count=3000)
    emu.memory.write(DATA + 0x2123, b"host")
    assert state(emu) != before
    emu.restore(snap)
    assert state(emu) == before
    emu.run(count=3)
    assert emu.regs.a0 == 11


def test_instructions_run_again_alike():
    emu = made()
    snap = emu.snapshot()
    emu.run(count=1000)
    end = state(emu)
    for _ in range(3):
        emu.restore(snap)
        emu.run(count=1000)
        assert state(emu) == end


def test_mappings_and_permissions_come_back():
    emu = made()
    emu.memory.write(DATA, b"before")
    before = state(emu)
    snap = emu.snapshot()
    emu.memory.unmap(DATA + 0x1000, 0x1000)
    emu.memory.protect(DATA, 0x800, "r")
    emu.memory.map(0x100000, 0x2000)
    emu.memory.write(0x100000, b"new")
    second = emu.snapshot()
    changed = state(emu)
    emu.memory.unmap(DATA, 0x800)
    emu.memory.unmap(CODE, 0x1000)
    emu.restore(snap)
    assert state(emu) == before
    emu.restore(second)
    assert state(emu) == changed
    emu.restore(snap)
    assert state(emu) == before
    emu.run(count=9)
    assert emu.regs.a0 == 3


def test_unmapped_memory_comes_back_with_its_contents():
    emu = made()
    emu.memory.write(DATA, b"x" * 0x4000)
    snap = emu.snapshot()
    emu.memory.unmap(DATA, 0x4000)
    emu.memory.map(DATA, 0x4000)
    assert emu.memory.read(DATA, 4) == bytes(4)
    emu.restore(snap)
    assert emu.memory.read(DATA, 0x4000) == b"x" * 0x4000


def test_restored_code_is_not_stale():
    emu = made()
    emu.run(count=30)
    snap = emu.snapshot()
    emu.memory.write(CODE, code(addi("a0", "a0", 100)))
    emu.pc = CODE
    emu.run(count=1)
    assert emu.regs.a0 == 110
    emu.restore(snap)
    emu.pc = CODE
    emu.run(count=1)
    assert emu.regs.a0 == 11


def test_code_that_the_guest_wrote_is_not_stale():
    emu = made()
    emu.regs.a1 = CODE + 0x800
    emu.regs.a2 = int.from_bytes(code(addi("a0", "a0", 1), jal("zero", 0)), "little")
    emu.memory.write(CODE + 0x800, code(addi("a0", "a0", 50), jal("zero", 0)))
    emu.memory.write(CODE, code(sd("a2", 0, "a1"), jal("zero", 0x7fc)))
    snap = emu.snapshot()
    emu.run(CODE + 0x800, count=1)
    assert emu.regs.a0 == 50
    emu.restore(snap)
    emu.run(CODE, count=3)
    assert emu.regs.a0 == 1
    emu.restore(snap)
    emu.run(CODE + 0x800, count=1)
    assert emu.regs.a0 == 50


@pytest.mark.parametrize("seed", range(6))
def test_a_tree_of_snapshots_against_a_model(seed):
    rng = random.Random(seed)
    emu = made()
    view = emu.memory.view(DATA + 0x3000, 0x1000) if seed % 2 else None
    buffer = bytearray(0x2000)
    emu.memory.map_buffer(0x200000, buffer)
    known = [(emu.snapshot(), state(emu))]
    for step in range(120):
        for _ in range(rng.randrange(4)):
            what = rng.randrange(7)
            if what == 0:
                emu.run(count=rng.randrange(200))
            elif what == 1:
                region = rng.choice([r for r in emu.memory.regions() if r.kind != "io"])
                emu.memory.write(region.address + rng.randrange(region.size - 8),
                                 rng.randbytes(rng.randrange(1, 8)))
                emu.memory.write(CODE, LOOP)
            elif what == 2 and view is not None:
                view[rng.randrange(0x1000)] = rng.randrange(256)
            elif what == 3:
                buffer[rng.randrange(0x2000)] = rng.randrange(256)
            elif what == 4:
                at = 0x300000 + 0x1000 * rng.randrange(4)
                if at in emu.memory:
                    emu.memory.unmap(at, 0x1000)
                else:
                    emu.memory.map(at, 0x1000)
                    emu.memory.write(at, rng.randbytes(3))
            elif what == 5:
                emu.memory.protect(DATA + 0x1000, 0x1000, rng.choice(["rw", "rwx"]))
            else:
                emu.regs.a1 = DATA + 8 * rng.randrange(0x600)
        if rng.random() < 0.4 or len(known) < 2:
            known.append((emu.snapshot(), state(emu)))
        else:
            snap, expected = rng.choice(known)
            emu.restore(snap)
            assert state(emu) == expected, step
        if len(known) > 40:
            del known[rng.randrange(len(known))]
        emu.pc = CODE


def test_long_chains_find_old_pages():
    emu = made()
    emu.memory.write(DATA + 0x3000, b"old")
    snaps = []
    for i in range(50):
        emu.memory.write_u32(DATA, i)
        snaps.append(emu.snapshot())
    for i in (0, 49, 17, 33, 16, 15):
        emu.restore(snaps[i])
        assert emu.memory.read_u32(DATA) == i
        assert emu.memory.read(DATA + 0x3000, 3) == b"old"


def test_a_snapshot_holds_what_changed():
    emu = made()
    emu.memory.map(0x4000000, 64 * MIB)
    emu.memory.write(0x4000000 + 5 * MIB, b"1")
    first = emu.snapshot()
    assert first.page_count == 2            # code, one of data
    for i in range(10):
        emu.memory.write(0x4000000 + i * MIB, b"2")
    emu.memory.write(0x4000000 + 20 * MIB, b"")
    assert emu.snapshot().page_count == 10
    assert emu.snapshot().page_count == 0


def test_fork_goes_its_own_way():
    emu = made()
    emu.run(count=30)
    child = emu.fork()
    assert state(child) == state(emu)
    child.run(count=30)
    assert (child.regs.a0, emu.regs.a0) == (20, 10)
    assert child.memory.read_u64(DATA) == 20
    assert emu.memory.read_u64(DATA) == 10
    grandchild = child.fork()
    child.close()
    assert grandchild.regs.a0 == 20


def test_devices_come_back_with_their_functions():
    emu = made()
    emu.memory.map_io(0x50000, 0x1000, lambda offset, size: offset + 7)
    snap = emu.snapshot()
    emu.memory.unmap(0x50000, 0x1000)
    emu.restore(snap)
    assert emu.memory.read_u32(0x50010) == 0x17
    assert emu.fork().memory.read_u32(0x50010) == 0x17
    plain = Snapshot.from_bytes(snap.to_bytes())
    with pytest.raises(UnsupportedError, match="device"):
        Emulator("riscv64").restore(plain)
    other = Emulator("riscv64")
    other.memory.map_io(0x50000, 0x1000, lambda offset, size: 1)
    other.restore(plain)
    assert other.memory.read_u32(0x50010) == 1


def test_streams_are_equal_across_back_ends():
    found = set()
    for backend in backends():
        emu = made(backend)
        emu.run(count=30)
        emu.snapshot()                      # a history must not show
        emu.memory.write(DATA + 0x100, b"zero")
        emu.snapshot()
        emu.memory.fill(DATA + 0x100, 4)
        emu.run(count=3)
        found.add(emu.snapshot().to_bytes())
    assert len(found) == 1
    emu = Emulator("riscv64")
    snap = Snapshot.from_bytes(found.pop())
    for _ in range(2):
        emu.restore(snap)
        emu.run(count=3)
        assert emu.regs.a0 == 12
    assert pickle.loads(pickle.dumps(snap)).to_bytes() == snap.to_bytes()


def test_streams_say_what_is_wrong():
    data = made().snapshot().to_bytes()
    sections = read_stream(data)
    assert [section.name for section in sections] == ["cpu", "memory", "pages"]
    extra = write_stream([*sections, Section("optional/colour", 9, b"blue")])
    assert Snapshot.from_bytes(extra).to_bytes() == data
    for wrong, word in [
            (write_stream([*sections, Section("disk", 1)]), "disk"),
            (write_stream([*sections, sections[0]]), "twice"),
            (write_stream(sections[:2]), "pages"),
            (write_stream([sections[0], Section("memory", 2, sections[1].fields), sections[2]]),
             "version 2"),
            (data[:-1], "ends"), (b"nothing", "stream")]:
        with pytest.raises(StreamError, match=word):
            Snapshot.from_bytes(wrong)
    with pytest.raises(ArgumentError, match="CPU"):
        Emulator("riscv32").restore(Snapshot.from_bytes(data))


def test_damaged_streams_never_crash():
    emu = made()
    emu.memory.map(0x10000, 0x1800)
    emu.memory.write(0x10000, b"y" * 0x1800)
    data = bytearray(emu.snapshot().to_bytes())
    rng = random.Random(7)
    head = sum(len(section.fields) for section in read_stream(bytes(data))[:2]) + 200
    target = made()
    taken = 0
    for _ in range(400):
        broken = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            broken[rng.randrange(head)] = rng.choice([0, 1, 0x7f, 0xff, rng.randrange(256)])
        try:
            target.restore(Snapshot.from_bytes(broken))
        except (StreamError, ArgumentError, UnsupportedError, ValueError, MemoryError):
            continue
        taken += 1
    assert taken
    target.restore(Snapshot.from_bytes(data))
    assert target.memory.read(0x10000, 0x1800) == b"y" * 0x1800


def test_not_from_hooks_and_not_of_others():
    emu = made()
    snap = emu.snapshot()
    seen = []

    def hook(emu, address, size):
        for call in (emu.snapshot, lambda: emu.restore(snap), emu.fork):
            with pytest.raises(EngineBusyError):
                call()
            seen.append(address)

    emu.hook_code(hook)
    emu.run(count=1)
    assert len(seen) == 3
    with pytest.raises(TypeError):
        emu.restore(b"")
    with pytest.raises(TypeError):
        Snapshot()


def test_loads_after_restore_see_restored_memory():
    emu = made()
    emu.memory.write_u64(DATA, 1)
    emu.memory.write(CODE, code(ld("a2", 0, "a1"), li("a0", 5), sd("a0", 0, "a1"),
                                ld("a3", 0, "a1")))
    snap = emu.snapshot()
    for _ in range(3):
        emu.run(CODE, CODE + 16)
        assert (emu.regs.a2, emu.regs.a3) == (1, 5)
        emu.restore(snap)


def test_an_emulator_goes_while_its_snapshots_live():
    emu = made()
    snap = emu.snapshot()
    gone = weakref.ref(emu)
    del emu
    gc.collect()
    assert gone() is None
    other = Emulator("riscv64")
    other.restore(snap)
    assert other.memory.read(CODE, len(LOOP)) == LOOP


def test_huge_mappings_are_refused_and_nothing_is_read():
    emu = made()
    snap = emu.snapshot()
    emu.memory.map(1 << 40, 1 << 40)
    with pytest.raises(UnsupportedError, match="GiB"):
        emu.snapshot()
    emu.restore(snap)
    assert 1 << 40 not in emu.memory
    assert emu.snapshot().page_count == 0
