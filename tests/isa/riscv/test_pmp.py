"""RISC-V physical memory protection (Privileged ISA 3.7), grain 4 KiB."""

import random

import pytest
from isa.asm import assemble
from isa.ins import backends

import engine

WIDTHS = ("riscv64", "riscv32")
PAGE = 0x1000
BASE = 0x10000
PAGES = 64
U, S, M = 0, 1, 3
R, W, X, TOR, NA4, NAPOT, LOCK = 1, 2, 4, 0x08, 0x10, 0x18, 0x80
CODE = """
        lw a1, 0(a0)
        sw a1, 0(a0)
        jalr zero, 0(a0)
"""


@pytest.fixture(params=backends())
def backend(request):
    return request.param


def machine(arch, backend, **options):
    emu = engine.Emulator(arch, backend=backend, **options)
    emu.memory.map(0, PAGES * PAGE)
    emu.memory.write(BASE, assemble(CODE, arch, BASE)[0])
    return emu


def napot(start, size):
    return start >> 2 | (size // 2 - 1) >> 2


def set_entries(emu, entries):
    """entries: (cfg, pmpaddr) by number; addresses first, for the locks."""
    for n, (_, addr) in enumerate(entries):
        emu.regs[f"pmpaddr{n}"] = addr
    wide = emu.arch == "riscv64"
    for n in range(0, len(entries), 8 if wide else 4):
        value = 0
        for k, (cfg, _) in enumerate(entries[n:n + (8 if wide else 4)]):
            value |= cfg << 8 * k
        emu.regs[f"pmpcfg{n // 4}"] = value


def permitted(emu, page, kind, priv):
    """Does an access of this kind work? The code page is left out by the callers."""
    emu.regs.priv = priv
    emu.regs.a0 = page * PAGE
    at = BASE + 4 * (R, W, X).index(kind)
    try:
        emu.run(at, count=2 if kind == X else 1)
    except engine.MemoryFault as fault:
        assert fault.kind == "protected" and fault.address == page * PAGE
        assert "physical memory protection" in str(fault)
        return False
    return True


@pytest.mark.parametrize("arch", WIDTHS)
def test_pmp_random_entries_against_a_model(arch, backend):
    rnd = random.Random(5)
    for _ in range(12):
        emu = machine(arch, backend)
        emu.memory.write(0, bytes(PAGE) * 16)
        for page in range(PAGES):
            if page != BASE // PAGE:
                emu.memory.write(page * PAGE, (0x13).to_bytes(4, "little"))     # nop
        ranges, entries = [(BASE, BASE + PAGE, R | X)], [(NAPOT | R | X, napot(BASE, PAGE))]
        while len(entries) < 16:
            perm = rnd.choice([0, R, R | W, X, R | X, R | W | X]) | rnd.choice([0, 0, LOCK])
            if rnd.random() < 0.5 and len(entries) < 15:
                low, high = sorted(rnd.sample(range(PAGES), 2))
                entries += [(0, low << 10), (TOR | perm, high << 10 | rnd.getrandbits(10))]
                ranges += [(0, 0, 0), (low * PAGE, high * PAGE, perm)]
            else:
                size = rnd.choice([1, 2, 4, 8])
                start = rnd.randrange(0, PAGES, size)
                entries.append((NAPOT | perm, napot(start * PAGE, size * PAGE)))
                ranges.append((start * PAGE, (start + size) * PAGE, perm))
        set_entries(emu, entries)
        for page in rnd.sample([p for p in range(PAGES) if p != BASE // PAGE], 20):
            perm = next((p for lo, hi, p in ranges if lo <= page * PAGE < hi), None)
            for priv in (U, S, M):
                for kind in (R, W, X):
                    if priv == M and (perm is None or not perm & LOCK):
                        expected = True
                    else:
                        expected = perm is not None and bool(perm & kind)
                    # a store changes the nop to what was loaded before: the same
                    emu.regs.a1 = 0x13
                    assert permitted(emu, page, kind, priv) == expected, (page, priv, kind, perm)
        emu.close()


@pytest.mark.parametrize("arch", WIDTHS)
def test_pmp_off_is_open(arch, backend):
    emu = machine(arch, backend)
    for priv in (U, S, M):
        assert permitted(emu, 5, R, priv)
    # the first entry that is on closes what none permits
    set_entries(emu, [(NAPOT | R | X, napot(BASE, PAGE))])
    assert [permitted(emu, 5, R, priv) for priv in (U, S, M)] == [False, False, True]
    set_entries(emu, [(0, 0)])
    assert permitted(emu, 5, R, U)


@pytest.mark.parametrize("arch", WIDTHS)
def test_pmp_registers(arch, backend):
    emu = machine(arch, backend)
    ones = 0xffffffff if arch == "riscv32" else (1 << 54) - 1
    emu.regs.pmpaddr3 = (1 << 64 if arch == "riscv64" else 1 << 32) - 1
    assert emu.regs.pmpaddr3 == ones & ~0x3ff           # this tells the grain, 2 ** (10 + 2)
    emu.regs.pmpaddr2 = 0
    emu.regs.pmpcfg0 = (NAPOT | R) << 16 | (NA4 | R) << 24
    assert emu.regs.pmpcfg0 == (NAPOT | R) << 16 | R << 24      # no NA4 with this grain
    assert emu.regs.pmpaddr2 == 0x1ff
    emu.regs.pmpcfg0 = W | (0x60 | X) << 8
    assert emu.regs.pmpcfg0 == X << 8                   # W without R; bits 5 and 6
    # Locks hold the entry, and the start of a locked range.
    emu.regs.pmpaddr0, emu.regs.pmpaddr1 = 0x4000, 0x8000
    emu.regs.pmpcfg0 = (LOCK | TOR | R | W) << 8
    emu.regs.pmpaddr0, emu.regs.pmpaddr1 = 0, 0
    emu.regs.pmpcfg0 = 0
    assert (emu.regs.pmpaddr0, emu.regs.pmpaddr1) == (0x4000, 0x8000)
    assert emu.regs.pmpcfg0 == (LOCK | TOR | R | W) << 8


@pytest.mark.parametrize("arch", WIDTHS)
def test_pmp_change_inside_a_run(arch, backend):
    """Under MPRV, M-mode loads as U; the entry is closed between two loads of one block."""
    emu = machine(arch, backend, exceptions="guest")
    code, labels = assemble("""
        la t0, trap
        csrrw zero, mtvec, t0
        csrrw zero, mstatus, s1
        lw a1, 0(a0)
        csrrw zero, pmpcfg0, zero
        csrrw zero, pmpcfg0, s2
    here:
        lw a2, 0(a0)
        j done
        .align 4
    trap:
        csrrs s3, mcause, zero
        csrrs s4, mtval, zero
        csrrs s5, mepc, zero
    done:
        nop
    """, arch, BASE)
    emu.memory.write(BASE, code)
    set_entries(emu, [(NAPOT | R, napot(0x5000, PAGE)), (0, 0)])
    emu.regs.write_many({"a0": 0x5000, "s1": 1 << 17, "s2": NAPOT})
    emu.memory.write(0x5000, b"\x07\0\0\0")
    result = emu.run(BASE, labels["done"], count=100)
    assert result.pc == labels["done"] and emu.regs.a1 == 7 and emu.regs.a2 == 0
    assert (emu.regs.s3, emu.regs.s4, emu.regs.s5) == (5, 0x5000, labels["here"])


def test_pmp_of_page_tables(backend):
    """A table that S-mode may not read: an access fault and not a page fault."""
    for cfg, cause in ((0, 5), (R, 5), (R | W, 8)):     # R only: the accessed bit cannot be set
        emu = machine("riscv64", backend, exceptions="guest")
        root, leaf = 0x20000, 0x22000
        emu.memory.write(root, (0x21000 >> 2 | 1).to_bytes(8, "little"))
        emu.memory.write(0x21000, (leaf >> 2 | 1).to_bytes(8, "little"))
        for va, flags in ((BASE, 0xdf), (0x5000, 0x17)):        # the second without A and D
            emu.memory.write(leaf + (va >> 12) * 8, (va >> 2 | flags).to_bytes(8, "little"))
        code, _ = assemble("lw a1, 0(a0)\n ecall", "riscv64", BASE)
        emu.memory.write(BASE, code)
        set_entries(emu, [(NAPOT | R | W | X, napot(0, 1 << 17)),
                          (NAPOT | R | W, napot(root, 0x2000)), (NAPOT | cfg, napot(leaf, PAGE)),
                          (NAPOT | R, napot(leaf + PAGE, PAGE))])
        emu.regs.write_many({"a0": 0x5000, "satp": 8 << 60 | root >> 12, "mtvec": 0x8000,
                             "priv": U})
        emu.run(BASE, 0x8000, count=50)
        expected = 1 if cfg == 0 else cause             # even the fetch walks through the table
        assert emu.regs.mcause == expected, cfg
        emu.close()
