"""Small machines for tests of the x86 system side: assembling by bytes, descriptors, page tables.

Lives here: what those tests share. Does not live here: any test.
"""

import struct

import engine

CODE, DATA, STACK = 0x10000, 0x20000, 0x30000
GDT, IDT, TSS, HANDLERS = 0x40000, 0x41000, 0x42000, 0x43000
BACKENDS = ("interpreter", "jit")


def machine(arch, code=b"", backend="jit", **options):
    """An emulator with a MiB of memory, code at CODE, the stack below STACK."""
    if backend not in engine.backends():
        backend = "interpreter"
    emu = engine.Emulator(arch, backend=backend, **options)
    emu.memory.map(0, 0x100000)
    emu.memory.write(CODE, code)
    emu.pc = CODE
    if arch != "x86_16":
        emu.regs["esp" if arch == "i386" else "rsp"] = STACK
    return emu


def descriptor(base, limit, access, flags):
    """Eight bytes of a segment descriptor; limit as it is stored, flags: G D L AVL."""
    return struct.pack("<HHBBBB", limit & 0xFFFF, base & 0xFFFF, base >> 16 & 0xFF, access,
                       limit >> 16 | flags << 4, base >> 24)


FLAT = [0, descriptor(0, 0xFFFFF, 0x9B, 0xC), descriptor(0, 0xFFFFF, 0x93, 0xC),
        descriptor(0, 0xFFFFF, 0xFB, 0xC), descriptor(0, 0xFFFFF, 0xF3, 0xC)]
# 0x08 kernel code, 0x10 kernel data, 0x18 user code, 0x20 user data
LONG = [0, descriptor(0, 0xFFFFF, 0x9B, 0xA), descriptor(0, 0xFFFFF, 0x93, 0xC),
        descriptor(0, 0xFFFFF, 0xFB, 0xC), descriptor(0, 0xFFFFF, 0xF3, 0xC),
        descriptor(0, 0xFFFFF, 0xFB, 0xA)]


def load_gdt(emu, entries):
    data = b"".join(entry if entry else bytes(8) for entry in entries)
    emu.memory.write(GDT, data)
    emu.regs["gdt_base"] = GDT
    emu.regs["gdt_limit"] = len(data) - 1


def gate32(selector, offset, access=0x8E):
    return struct.pack("<HHBBH", offset & 0xFFFF, selector, 0, access, offset >> 16)


def gate64(selector, offset, access=0x8E, ist=0):
    return struct.pack("<HHBBHII", offset & 0xFFFF, selector, ist, access, offset >> 16 & 0xFFFF,
                       offset >> 32, 0)


def set_gates(emu, gates, long=False):
    """gates: {vector: (selector, offset, access)}."""
    size = 16 if long else 8
    for vector, args in gates.items():
        emu.memory.write(IDT + size * vector, (gate64 if long else gate32)(*args))
    emu.regs["idt_base"] = IDT
    emu.regs["idt_limit"] = 256 * size - 1


def raised(emu, count=1):
    """(vector, error code) of the exception that ends a run of so many instructions, or None."""
    seen, pc = [], emu.pc
    hook = emu.hook_exception(lambda _, number: seen.append(number))
    try:
        emu.run(count=count)
    except engine.Error:
        assert seen
        assert count > 1 or emu.pc == pc
        return seen[-1], emu.regs["error_code"]
    finally:
        hook.remove()
    assert not seen
    return None
