"""The object tree of a running emulator: walked, printed, edited."""

import gc
import threading
import time
import weakref

import pytest

pytest.importorskip("engine._core.api.emulator", reason="the extension modules are not built")

from engine import (
    ArgumentError,
    ClosedError,
    Emulator,
    EngineBusyError,
    Error,
)
from engine.errors import PermissionDeniedError, RangeError
from engine.memory import MemoryRegion, system_memory
from engine.qom import object_new, object_resolve_path
from engine.qom.emulator import escape_name
from engine.qom.printer import format_tree

CODE = 0x1000
SPIN = bytes.fromhex("6f000000")        # jal x0, 0
NOP = bytes.fromhex("13000000")
ADDI_A0 = bytes.fromhex("13051500")     # addi a0, a0, 1


@pytest.fixture
def emu():
    with Emulator("riscv64") as emu:
        emu.memory.map(CODE, 0x1000, "rx", name="code")
        emu.memory.map(0x8000, 0x2000, "rw")
        emu.memory.map_io(0x10000, 0x100, lambda offset, size: offset, name="uart")
        yield emu


def at(emu, path):
    found, ambiguous = object_resolve_path(path, emu.qom)
    assert found is not None and not ambiguous, path
    return found


def paths(emu):
    return [node.canonical_path() for node in emu.qom.walk()]


def test_tree_is_made_once(emu):
    assert emu.qom is emu.qom
    assert emu.qom.canonical_path() == "/"


def test_walk(emu):
    found = paths(emu)
    for path in ("/machine", "/machine/cpu[0]", "/machine/cpu[0]/general",
                 "/machine/memory/code[0]", "/machine/memory/ram[0]",
                 "/machine/memory/uart[0]", "/machine/devices/uart[0]",
                 "/machine/stats"):
        assert path in found
        assert at(emu, path).canonical_path() == path
    types = {node.canonical_path(): node.type for node in emu.qom.walk()}
    assert types["/machine/cpu[0]"] == "riscv64-cpu"
    assert types["/machine/memory/uart[0]"] == "io-memory-region"
    assert at(emu, "/machine/cpu[0]").is_a("cpu")
    assert at(emu, "/machine/memory/ram[0]").is_a("memory-region")
    assert at(emu, "/machine/devices/uart[0]/memory") is at(emu, "/machine/memory/uart[0]")
    assert at(emu, "/machine/cpu[0]/memory") is at(emu, "/machine/memory")
    # a partial path; the region and the device bear the same name, the type tells them apart
    assert object_resolve_path("uart[0]", emu.qom) == (None, True)
    assert object_resolve_path("uart[0]", emu.qom, "device")[0] is at(
        emu, "/machine/devices/uart[0]")


def test_values(emu):
    assert at(emu, "/machine").get("arch") == "riscv64"
    region = at(emu, "/machine/memory/code[0]")
    assert (region.get("address"), region.get("size"), region.get("perms"), region.get("kind"),
            region.get("name")) == (CODE, 0x1000, "r-x", "ram", "code")
    with pytest.raises(PermissionDeniedError):
        region.set("address", 0)


def test_edit_registers_and_pc(emu):
    cpu, general = at(emu, "/machine/cpu[0]"), at(emu, "/machine/cpu[0]/general")
    emu.regs.a0 = 41
    assert general.get("a0") == 41
    general.set("a0", 2**64 - 1)
    assert emu.regs.a0 == 2**64 - 1
    general.parse("a0", "0x10")
    assert emu.regs.a0 == 16
    cpu.set("pc", CODE)
    assert emu.pc == CODE
    with pytest.raises(RangeError):
        general.set("a0", 2**64)
    with pytest.raises(Error):
        general.set("a0", "ten")


def test_edit_permissions(emu):
    region = at(emu, "/machine/memory/ram[0]")
    region.set("perms", "r")
    assert emu.memory.regions()[1].perms == 1 and region.get("perms") == "r--"
    with pytest.raises(ArgumentError):
        region.set("perms", "q")


def test_tree_follows_the_map(emu):
    before = at(emu, "/machine/memory/ram[0]")
    emu.memory.map(0x20000, 0x1000)
    assert at(emu, "/machine/memory/ram[1]").get("address") == 0x20000
    assert at(emu, "/machine/memory/ram[0]") is before
    before.unmap()
    assert "/machine/memory/ram[0]" not in paths(emu)
    with pytest.raises(ClosedError, match="any more"):
        before.get("perms")
    emu.memory.unmap(0x10000, 0x100)
    assert "/machine/devices/uart[0]" not in paths(emu)
    assert before.refcnt == 0


def test_all_of_memory_as_one_device():
    with Emulator("riscv64") as emu:
        emu.memory.map_io(0, 1 << 64, lambda offset, size: 0)
        node = at(emu, "/machine/memory/io[0]")
        assert node.get("size") == 2**64 - 1


def test_names_are_escaped():
    assert escape_name("a/b[1]\\") == r"a\x2fb\x5b1\x5d\x5c"
    with Emulator("riscv64") as emu:
        for address in (0, 0x1000):
            emu.memory.map(address, 0x1000, name="a/b")
        assert r"/machine/memory/a\x2fb[1]" in paths(emu)
        assert at(emu, r"/machine/memory/a\x2fb[1]").get("name") == "a/b"


def test_print(emu):
    emu.regs.a0 = 255
    text = format_tree(emu.qom, properties=True)
    assert "/cpu[0] (riscv64-cpu)" in text and 'perms = "r-x"' in text
    assert "a0 = 255 (0xff)" in text
    short = format_tree(emu.qom)
    assert "a0" not in short and len(short.splitlines()) == len(paths(emu))


def test_walk_and_edit_from_a_hook(emu):
    emu.memory.write(CODE, ADDI_A0 * 3 + SPIN)
    seen = []

    def hook(emu, address, size):
        node = at(emu, "/machine/cpu[0]")
        seen.append((at(emu, "/machine").get("running"), node.get("pc"), len(paths(emu)) > 5))
        at(emu, "/machine/cpu[0]/general").set("a0", 10)

    emu.hook_code(hook, begin=CODE + 4, end=CODE + 8)
    emu.run(CODE, CODE + 12)
    assert seen == [(True, CODE + 4, True)] and emu.regs.a0 == 12
    assert at(emu, "/machine/stats").get("instructions") == 3
    assert at(emu, "/machine").get("running") is False


def test_another_thread_sees_the_map_but_no_values(emu):
    emu.memory.write(CODE, SPIN)
    root = emu.qom
    thread = threading.Thread(target=emu.run, args=(CODE,), daemon=True)
    thread.start()
    try:
        while not emu.running and thread.is_alive():
            time.sleep(0.001)
        assert "/machine/memory/code[0]" in [node.canonical_path() for node in root.walk()]
        with pytest.raises(EngineBusyError):
            at(emu, "/machine/cpu[0]").get("pc")
        assert "another thread" in format_tree(root, properties=True)
    finally:
        while thread.is_alive():        # a stop may come before the run has begun
            emu.stop()
            thread.join(0.01)


def test_the_tree_does_not_keep_the_emulator():
    emu = Emulator("riscv64")
    root, gone = emu.qom, weakref.ref(emu)
    machine = object_resolve_path("/machine", root)[0]
    del emu
    gc.collect()
    assert gone() is None
    with pytest.raises(ClosedError):
        machine.get("arch")
    assert "gone" in format_tree(root, properties=True)


def test_closed_emulators():
    emu = Emulator("riscv64")
    emu.memory.map(0, 0x1000, name="m")
    root = emu.qom
    emu.close()
    assert at(emu, "/machine").get("closed") is True
    with pytest.raises(ClosedError):
        at(emu, "/machine/cpu[0]").get("pc")
    assert "/machine/memory/m[0]" in [node.canonical_path() for node in root.walk()]
    fresh = Emulator("riscv64")
    fresh.close()
    with pytest.raises(ClosedError):
        _ = fresh.qom


def test_row_7_regions_of_engine_memory_are_children(emu):
    """Below the machine, or below their owner; names are escaped and numbered."""
    a = MemoryRegion.ram(emu, "bank/[x]", 0x1000)
    b = MemoryRegion.ram(emu, "bank/[x]", 0x2000)
    owner = object_new("container")
    owned = MemoryRegion.io(emu, "timer", 8, owner=owner)
    MemoryRegion.ram(emu, None, 0x1000)         # without a name: no child
    machine = at(emu, "/machine")
    names = [name for name in machine.children() if name.startswith("bank")]
    assert names == [r"bank\x2f\x5bx\x5d[0]", r"bank\x2f\x5bx\x5d[1]"]
    node = machine.children()[names[1]]
    assert (node.get("size"), node.get("kind"), node.get("container")) == (0x2000, "ram", "")
    system_memory(emu).add_subregion(0x50000, b)
    assert (node.get("address"), node.get("container")) == (0x50000, "system")
    node.set("enabled", False)
    assert not b.enabled
    assert owner.children()["timer[0]"].get("name") == "timer" and owned.owner is owner
    del a
    assert [name for name in machine.children() if name.startswith("bank")] == names[1:]
