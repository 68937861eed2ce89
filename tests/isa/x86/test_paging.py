"""x86 paging: 32-bit, PAE and 4-level walks, rights, error codes, CR2, accessed and dirty bits.

Lives here: expectations from the manual (SDM 3A, chapter 4), and unicorn's answers to random page
tables. Does not live here: the TLB's own tests (tests/cython).
"""

import random
import struct
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from systems import BACKENDS, CODE, STACK, machine, raised  # noqa: E402

TABLES = 0x80000
P, W, U, A, D, PS = 1, 2, 4, 0x20, 0x40, 0x80
NX = 1 << 63
PF_P, PF_W, PF_U, PF_RSVD, PF_I = 1, 2, 4, 8, 16
TARGET = 0x400000                   # where the tests' pages are; the first MiB maps itself
LOAD, STORE = b"\x8B\x07", b"\x89\x07"


class Space:
    """Page tables in guest memory. kind: 32, "pae", 64."""

    def __init__(self, emu, kind):
        self.emu, self.kind, self.next = emu, kind, TABLES
        self.size = 4 if kind == 32 else 8
        self.levels = {32: (22, 12), "pae": (30, 21, 12), 64: (39, 30, 21, 12)}[kind]
        self.root = self.new()
        for page in range(0, 0x100000, 0x1000):
            self.map(page, page | P | W | U)

    def new(self):
        self.next += 0x1000
        self.emu.memory.write(self.next - 0x1000, bytes(0x1000))
        return self.next - 0x1000

    def slot(self, addr, level, flags=P | W | U):
        """Address of the entry of that level; the tables above are made as needed."""
        table = self.root
        for depth, shift in enumerate(self.levels):
            bits = 10 if self.kind == 32 else 2 if shift == 30 and self.kind == "pae" else 9
            at = table + (addr >> shift & (1 << bits) - 1) * self.size
            if depth == level:
                return at
            entry = self.read(at)
            if not entry & P:
                entry = self.new() | (P if shift == 30 and self.kind == "pae" else flags)
                self.write(at, entry)
            table = entry & 0xFFFFFFFFF000
        raise AssertionError

    def read(self, at):
        return int.from_bytes(self.emu.memory.read(at, self.size), "little")

    def write(self, at, entry):
        self.emu.memory.write(at, entry.to_bytes(self.size, "little"))

    def map(self, addr, entry, level=None):
        at = self.slot(addr, len(self.levels) - 1 if level is None else level)
        self.write(at, entry)
        return at

    def turn_on(self, *, wp=True, cr4=0, nx=True):
        regs = self.emu.regs
        if self.kind == "pae":
            regs["cr4"] |= 0x20
        regs["cr4"] |= cr4
        if self.kind != 32 and "efer" in regs:
            regs["efer"] = (regs["efer"] & ~0x800) | (0x800 if nx else 0)
        regs["cr3"] = self.root
        regs["cr0"] |= 1 << 31 | (1 << 16 if wp else 0)


def make(backend, kind, code, user=False, **options):
    emu = machine("x86_64" if kind == 64 else "i386", code, backend, user_mode=user, **options)
    emu.regs["rdi" if kind == 64 else "edi"] = TARGET
    return emu, Space(emu, kind)


def fault(emu):
    """(error code, CR2) of the page fault the next instruction raises, or None."""
    found = raised(emu)
    if found is None:
        return None
    assert found[0] == 14
    return found[1], emu.regs["cr2"]


KINDS = [32, "pae", 64]
pytestmark = pytest.mark.parametrize("backend", BACKENDS)


@pytest.mark.parametrize("kind", KINDS)
def test_accessed_and_dirty(backend, kind):
    emu, space = make(backend, kind, LOAD + LOAD + STORE + STORE)
    at = space.map(TARGET, 0x20000 | P | W)
    above = space.slot(TARGET, len(space.levels) - 2)
    space.turn_on()
    emu.memory.write(0x20000, b"\x78\x56\x34\x12")
    assert fault(emu) is None
    assert emu.regs["eax"] == 0x12345678
    assert space.read(at) & (A | D) == A
    assert space.read(above) & (A | D) == A
    emu.regs["eax"] = 7
    emu.pc += 2
    assert fault(emu) is None
    assert space.read(at) & (A | D) == A | D
    assert emu.memory.read(0x20000, 4) == b"\7\0\0\0"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("user", [False, True])
@pytest.mark.parametrize("wp", [False, True])
def test_rights(backend, kind, user, wp):
    for entry in (0, P, P | W, P | U, P | W | U):
        for code, write in ((LOAD, 0), (STORE, PF_W)):
            emu, space = make(backend, kind, code, user)
            space.map(TARGET, 0x20000 | entry)
            space.turn_on(wp=wp)
            allowed = entry & P and (entry & U or not user) and (
                not write or entry & W or not user and not wp)
            want = None if allowed else ((entry & P) | write | (PF_U if user else 0), TARGET)
            assert fault(emu) == want, (entry, write)


@pytest.mark.parametrize("kind", KINDS)
def test_rights_of_upper_levels(backend, kind):
    emu, space = make(backend, kind, STORE, True)
    at = space.slot(TARGET, len(space.levels) - 1)
    space.write(at, 0x20000 | P | W | U)
    above = space.slot(TARGET, len(space.levels) - 2)
    space.write(above, space.read(above) & ~W)
    space.turn_on()
    assert fault(emu) == (PF_P | PF_W | PF_U, TARGET)
    space.write(above, space.read(above) & ~U | W)
    emu.regs["cr3"] = space.root
    assert fault(emu) == (PF_P | PF_W | PF_U, TARGET)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("user", [False, True])
def test_fetch(backend, kind, user):
    emu, space = make(backend, kind, b"", user)
    entry = 0x20000 | P | W | U
    space.map(TARGET, entry)
    space.turn_on()
    emu.memory.write(0x20000, b"\x90\x90")
    emu.pc = TARGET
    assert fault(emu) is None
    code = PF_P | (PF_U if user else 0)
    if kind == 64:
        space.map(TARGET, entry | NX)
        emu.regs["cr3"] = space.root
        assert fault(emu) == (code | PF_I, TARGET + 1)
        emu.regs["efer"] &= ~0x800              # the bit is reserved then
        assert fault(emu) == (code | PF_RSVD, TARGET + 1)
        emu.regs["efer"] |= 0x800
    space.map(TARGET, 0)
    emu.regs["cr3"] = space.root
    assert fault(emu) == (code & ~PF_P | (PF_I if kind != 32 else 0), TARGET + 1)


@pytest.mark.parametrize("kind", KINDS)
def test_smep_and_smap(backend, kind):
    stac, clac = b"\x0F\x01\xCB", b"\x0F\x01\xCA"
    emu, space = make(backend, kind, LOAD + STORE + stac + STORE + clac + LOAD)
    space.map(TARGET, 0x20000 | P | W | U)
    kernel = space.slot(CODE, len(space.levels) - 1)
    space.write(kernel, CODE | P | W)
    space.turn_on(cr4=1 << 20 | 1 << 21)
    assert fault(emu) == (PF_P, TARGET)                 # SMAP
    emu.pc += 2
    assert fault(emu) == (PF_P | PF_W, TARGET)
    emu.pc += 2
    assert fault(emu) is None                           # STAC
    assert fault(emu) is None
    assert fault(emu) is None                           # CLAC
    assert fault(emu) == (PF_P, TARGET)
    emu.pc = TARGET
    assert fault(emu) == (PF_P | PF_I, TARGET)          # SMEP


@pytest.mark.parametrize("kind", KINDS)
def test_large_pages(backend, kind):
    emu, space = make(backend, kind, LOAD + STORE)
    level = len(space.levels) - 2
    size = 1 << space.levels[level]
    where = 0x10000000
    emu.memory.map(where, size)
    emu.memory.write(where + size - 4, b"\1\2\3\4")
    at = space.map(0x40000000, where | P | W | U | PS, level)
    space.turn_on(cr4=0x10)
    emu.regs["rdi" if kind == 64 else "edi"] = 0x40000000 + size - 4
    assert fault(emu) is None
    assert emu.regs["eax"] == 0x04030201
    assert fault(emu) is None
    assert space.read(at) & (A | D) == A | D
    # a reserved bit below the address
    space.write(at, where | P | W | U | PS | 1 << (21 if kind == 32 else 13))
    emu.regs["cr3"] = space.root
    emu.pc = CODE
    assert fault(emu)[0] == PF_P | PF_RSVD


def test_one_gigabyte(backend):
    emu, space = make(backend, 64, LOAD)
    emu.memory.map(0x40000000, 0x1000)
    emu.memory.write(0x40000000, b"\1\2\3\4")
    space.map(0x8000000000, 0x40000000 | P | PS, 1)
    space.turn_on()
    emu.regs["rdi"] = 0x8000000000
    assert fault(emu) is None
    assert emu.regs["eax"] == 0x04030201


def test_pse36(backend):
    emu, space = make(backend, 32, LOAD)
    emu.memory.map(0x300000000, 0x1000)
    emu.memory.write(0x300000000, b"\1\2\3\4")
    space.map(0x40000000, P | PS | 3 << 13, 0)
    space.turn_on(cr4=0x10)
    emu.regs["edi"] = 0x40000000
    assert fault(emu) is None
    assert emu.regs["eax"] == 0x04030201


def test_not_canonical(backend):
    emu, space = make(backend, 64, LOAD)
    space.turn_on()
    emu.regs["rdi"] = 1 << 47
    assert raised(emu) == (13, 0)


def test_reserved_pdpte(backend):
    emu, space = make(backend, "pae", b"")
    emu.memory.write(space.root, struct.pack("<Q", space.read(space.root) | 2))
    emu.regs["cr4"] |= 0x20
    emu.regs["cr3"] = space.root
    emu.memory.write(CODE, bytes.fromhex("0f22c0"))     # mov cr0, eax
    emu.regs["eax"] = emu.regs["cr0"] | 1 << 31
    assert raised(emu) == (13, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_flushes(backend, kind):
    """A stale translation may stay until INVLPG or a write of CR3."""
    # mov eax, [edi]; invlpg [edi]; mov eax, [edi]; mov cr3, ebx; mov eax, [edi]
    emu, space = make(backend, kind, LOAD + b"\x0F\x01\x3F" + LOAD + b"\x0F\x22\xDB" + LOAD)
    for page, value in ((0x20000, 1), (0x21000, 2), (0x22000, 3)):
        emu.memory.write(page, struct.pack("<I", value))
    space.map(TARGET, 0x20000 | P | W)
    space.turn_on()
    emu.regs["ebx" if kind != 64 else "rbx"] = space.root
    emu.run(count=1)
    assert emu.regs["eax"] == 1
    space.map(TARGET, 0x21000 | P | W)
    emu.run(count=2)
    assert emu.regs["eax"] == 2
    space.map(TARGET, 0x22000 | P | W)
    emu.run(count=2)
    assert emu.regs["eax"] == 3


def test_code_moves(backend):
    """Blocks are found by physical page: another mapping runs other code."""
    emu, space = make(backend, 64, b"")
    emu.memory.write(0x20000, b"\xB8\1\0\0\0\xC3")      # mov eax, 1; ret
    emu.memory.write(0x21000, b"\xB8\2\0\0\0\xC3")
    # call rdi; mov ebx, eax; mov cr3, rdx; call rdi
    emu.memory.write(CODE, bytes.fromhex("ffd7 89c3 0f22da ffd7"))
    space.map(TARGET, 0x20000 | P)
    space.turn_on()
    root = space.new()
    emu.memory.write(root, emu.memory.read(space.root, 0x1000))
    emu.regs["rdx"] = space.root
    emu.run(count=4)
    assert emu.regs["ebx"] == 1
    space.map(TARGET, 0x21000 | P)
    emu.run(count=4)
    assert emu.regs["eax"] == 2


@pytest.mark.parametrize("kind", KINDS)
def test_debugger_reads_through(backend, kind):
    emu, space = make(backend, kind, LOAD)
    emu.memory.write(0x20000, b"\1\2\3\4")
    at = space.map(TARGET, 0x20000 | P)
    space.turn_on()
    assert emu.memory.read_virtual(TARGET, 4) == b"\1\2\3\4"
    assert not space.read(at) & A


@pytest.mark.parametrize("kind", [32, "pae"])       # unicorn's 64-bit mode has no way to paging
def test_unicorn(backend, kind):
    """Random entries: the same accesses fault, the same bits are set."""
    unicorn = pytest.importorskip("unicorn", reason="needs unicorn (extra: test)")
    rng = random.Random(kind)
    for _ in range(60):
        write, wp = rng.random() < 0.5, rng.random() < 0.5
        code = STORE if write else LOAD
        emu, space = make(backend, kind, code)
        at = space.map(TARGET, 0x20000 | rng.getrandbits(9) & ~PS)
        above = space.slot(TARGET, len(space.levels) - 2)
        space.write(above, space.read(above) & ~7 | rng.choice((1, 3, 7, 7, 7)))
        uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_32)
        uc.mem_map(0, 0x100000)
        uc.mem_write(0, emu.memory.read(0, 0x100000))
        u = unicorn.x86_const
        uc.reg_write(u.UC_X86_REG_CR4, 0x20 if kind == "pae" else 0)
        uc.reg_write(u.UC_X86_REG_CR3, space.root)
        uc.reg_write(u.UC_X86_REG_CR0, 0x80000011 | wp << 16)
        uc.reg_write(u.UC_X86_REG_EDI, TARGET)
        uc.reg_write(u.UC_X86_REG_ESP, STACK)
        try:
            uc.emu_start(CODE, CODE + 2, count=1)
            want = True
        except unicorn.UcError:
            want = False
        space.turn_on(wp=wp)
        assert (fault(emu) is None) == want, (hex(space.read(at)), write, wp)
        if want:
            assert struct.pack("<Q", space.read(at))[:space.size] == bytes(
                uc.mem_read(at, space.size))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", ["0107", "ff07", "f00107", "d127", "8707", "0fb10f", "f717"])
def test_reading_to_write_is_writing(backend, kind, code):
    """A page fault of an instruction that writes back what it reads says so at once."""
    emu, space = make(backend, kind, bytes.fromhex(code), True)
    space.turn_on()
    assert fault(emu) == (PF_W | PF_U, TARGET)
    emu, space = make(backend, kind, b"\x39\x07", True)      # CMP does not
    space.turn_on()
    assert fault(emu) == (PF_U, TARGET)


@pytest.mark.parametrize("code", ["ffe0", "ffd0", "c3", "c21000", "ff27"])
def test_branch_to_no_address(backend, code):
    """#GP(0) of the branch, which changes nothing (as an EPYC does; SDM 2, JMP, CALL, RET)."""
    emu, space = make(backend, 64, bytes.fromhex(code), True)
    space.map(TARGET, 0x20000 | P | W | U)
    emu.memory.write(0x20000, (1 << 47).to_bytes(8, "little"))
    emu.memory.write(STACK, (1 << 47).to_bytes(8, "little"))
    emu.regs["rax"] = 1 << 47
    space.turn_on()
    assert raised(emu) == (13, 0)
    assert (emu.pc, emu.regs["rsp"]) == (CODE, STACK)
    for address in (0x20000, STACK):
        emu.memory.write(address, (CODE + 0x80).to_bytes(8, "little"))
    emu.regs["rax"] = CODE + 0x80
    assert raised(emu) is None or emu.pc == CODE + 0x80
