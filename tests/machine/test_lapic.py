"""The register page of a local APIC: row 26, and what its registers do (Intel SDM volume 3A)."""

import random

import pytest
from api.rv import code, lw, sw

from engine import Emulator
from engine.errors import ArgumentError
from engine.machine import apic, lapic
from engine.machine.lapic import LocalAPIC
from engine.memory import MemoryRegion, cpu_address_spaces, system_memory

KNOWN = {0x20, 0x30, 0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0, 0xe0, 0xf0, 0x280, 0x300, 0x310, 0x380,
         0x390, 0x3e0} | set(range(0x100, 0x280, 16)) | set(range(0x320, 0x380, 16))


@pytest.fixture
def chip():
    made = LocalAPIC(3)
    made.write(lapic.SVR, 4, 0x1ef)
    return made


def errors(chip):
    chip.write(lapic.ESR, 4, 0)
    return chip.read(lapic.ESR)


def test_row_26_reserved_registers_set_the_error_status(chip):
    for offset in range(0, 0x1000, 4):
        want = 0 if offset in KNOWN else apic.APIC_ESR_ILLEGAL_ADDRESS
        if offset != lapic.ESR:
            chip.read(offset)
            assert chip.pending_errors == want, hex(offset)
            assert errors(chip) == want and errors(chip) == 0, hex(offset)
            before = dict(chip._words)
            chip.write(offset, 4, 0x20)     # a legal vector for ICR and LVT
            assert errors(chip) == want, hex(offset)
            if want:
                assert {**before, lapic.ESR: want} == chip._words
        chip.write(lapic.SVR, 4, 0x1ef)


def test_row_26_from_emulated_code():
    """A guest touches a reserved register, and finds the error where the manual says."""
    with Emulator("riscv64") as emu:
        chip = LocalAPIC()
        root = system_memory(emu)
        root.add_subregion(0, MemoryRegion.ram(emu, "ram", 0x1000))
        root.add_subregion(0xfee00000, MemoryRegion.io(emu, "apic", 0x1000, chip.read, chip.write,
                                                       impl=(4, 4, False)))
        (space,) = cpu_address_spaces(emu)
        program = code(lw("a0", 0x40, "a1"), lw("a2", 0x280, "a1"), sw("zero", 0x280, "a1"),
                       lw("a3", 0x280, "a1"), sw("zero", 0x280, "a1"), lw("a4", 0x280, "a1"))
        space.write(0, program)
        emu.regs.write_many({"a0": 1, "a1": 0xfee00000})
        emu.run(0, len(program))
        assert (emu.regs.a0, emu.regs.a2, emu.regs.a3, emu.regs.a4) == (0, 0, 0x80, 0)


def test_row_26_errors_are_an_interrupt_of_their_own(chip):
    chip.write(lapic.LVT + 16 * apic.APIC_LVT_ERROR, 4, 0x33)
    chip.read(0x40)
    chip.read(0x40)                         # the same error: once
    assert chip.pending and chip.acknowledge() == 0x33
    assert not chip.pending
    chip.write(lapic.EOI, 4, 0)
    assert chip.acknowledge() == 0xef       # nothing waits: spurious
    chip.write(lapic.LVT + 16 * apic.APIC_LVT_ERROR, 4, 5)      # itself illegal: it ends
    chip.write(lapic.ESR, 4, 0)
    chip.read(0x40)
    assert errors(chip) == apic.APIC_ESR_ILLEGAL_ADDRESS | apic.APIC_ESR_RECV_ILLEGAL_VECT


def test_illegal_vectors(chip):
    assert not chip.accept(15)
    assert errors(chip) == apic.APIC_ESR_RECV_ILLEGAL_VECT
    chip.write(lapic.ICR_LOW, 4, 0x40000 | 3)
    assert errors(chip) == apic.APIC_ESR_SEND_ILLEGAL_VECT
    for bad in (-1, 256):
        with pytest.raises(ArgumentError):
            chip.accept(bad)
        with pytest.raises(ArgumentError):
            chip.local(bad)
        with pytest.raises(ArgumentError):
            LocalAPIC(bad)


def test_reset_and_software_disable(chip):
    chip.write(lapic.LVT, 4, 0x40)
    assert chip.read(lapic.LVT) == 0x40
    chip.write(lapic.SVR, 4, 0xff)
    assert chip.read(lapic.LVT) == 0x10040 and not chip.accept(0x50)
    chip.write(lapic.LVT, 4, 0x40)          # the mask stays while it is off
    assert chip.read(lapic.LVT) == 0x10040
    chip.reset()
    assert (chip.read(lapic.ID), chip.read(lapic.SVR), chip.read(lapic.DFR)) == (
        3 << 24, 0xff, 0xffffffff)
    assert chip.read(lapic.VERSION) == 0x50014
    chip.write(lapic.VERSION, 4, 0)
    assert chip.read(lapic.VERSION) == 0x50014 and errors(chip) == 0


def test_commands(chip):
    sent, signals = [], []
    made = LocalAPIC(deliver=sent.append, signal=lambda: signals.append(made.pending))
    made.write(lapic.SVR, 4, 0x1ff)
    made.write(lapic.ICR_HIGH, 4, 7 << 24)
    made.write(lapic.ICR_LOW, 4, 0x4045)
    assert (sent[0].dest, sent[0].vector, sent[0].level) == (7, 0x45, 1) and not made.pending
    made.write(lapic.ICR_LOW, 4, 0x40046)   # to itself
    assert len(sent) == 1 and signals[-1] is True and made.acknowledge() == 0x46
    made.write(lapic.ICR_LOW, 4, 0x80047)   # to all
    assert len(sent) == 2 and made.read(lapic.IRR + 0x20) == 1 << 7


def test_priorities_against_a_model(chip):
    """Random arrivals, acknowledges, ends and task priorities against sets of vectors."""
    rng = random.Random(26)
    waiting, served, level, tpr = set(), set(), set(), 0
    for _ in range(3000):
        what = rng.randrange(4)
        ppr = max(tpr >> 4, max(served, default=0) >> 4)
        ready = [v for v in waiting if v >> 4 > ppr]
        assert chip.pending == bool(ready)
        assert chip.read(lapic.PPR) >> 4 == ppr
        if what == 0:
            vector, is_level = rng.randrange(16, 256), rng.random() < 0.3
            assert chip.accept(vector, level=is_level)
            waiting.add(vector)
            (level.add if is_level else level.discard)(vector)
        elif what == 1:
            want = max(ready) if ready else 0xef
            assert chip.acknowledge() == want
            if ready:
                waiting.remove(want)
                served.add(want)
        elif what == 2:
            chip.write(lapic.EOI, 4, 0)
            served.discard(max(served, default=None))
        else:
            tpr = rng.choice([0, 0, rng.randrange(256)])
            chip.write(lapic.TPR, 4, tpr)
        for base, model in ((lapic.ISR, served), (lapic.TMR, level), (lapic.IRR, waiting)):
            word = rng.randrange(8)
            assert chip.read(base + 16 * word) == sum(1 << v % 32 for v in model if v // 32 == word)


@pytest.mark.parametrize(("dcr", "divisor"), [(0, 2), (1, 4), (2, 8), (3, 16), (8, 32), (9, 64),
                                              (10, 128), (11, 1)])
def test_timer(chip, dcr, divisor):
    chip.write(lapic.DCR, 4, dcr)
    chip.write(lapic.LVT, 4, 0x60)
    chip.write(lapic.INITIAL_COUNT, 4, 10)
    assert chip.timer_divisor == divisor
    assert chip.advance(3 * divisor + divisor - 1) == 0 and chip.read(lapic.CURRENT_COUNT) == 7
    assert chip.advance(1) == 0 and chip.read(lapic.CURRENT_COUNT) == 6
    assert chip.advance(6 * divisor) == 1 and chip.read(lapic.CURRENT_COUNT) == 0
    assert chip.acknowledge() == 0x60
    chip.write(lapic.EOI, 4, 0)
    assert chip.advance(100 * divisor) == 0 and not chip.pending        # one shot
    chip.write(lapic.LVT, 4, 0x20061)
    chip.write(lapic.INITIAL_COUNT, 4, 10)
    assert chip.advance(35 * divisor) == 3 and chip.read(lapic.CURRENT_COUNT) == 5
    assert chip.acknowledge() == 0x61
    with pytest.raises(ArgumentError):
        chip.advance(-1)
