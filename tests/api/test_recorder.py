"""Recorders: what they write, filters, what happens when they are full."""

import mmap

import pytest

from engine import ArgumentError, ArgumentTypeError, Emulator, EngineBusyError, StopReason, backends
from engine._core.api.recorder import Coverage, Recorder
from engine.debug.coverage import Module, drcov, report

from .rv import CODE, DATA, addi, bne, code, jal, ld, li, sd

# a0 = 5 turns of: load, store, count
PROGRAM = code(li("a0", 5), ld("a2", 0, "a1"), sd("a0", 8, "a1"), addi("a0", "a0", -1),
               bne("a0", "zero", -12), jal("zero", 8), li("a3", 1), li("a4", 1))
LOOP = CODE + 4
END = CODE + len(PROGRAM)


@pytest.fixture(params=backends())
def emu(request):
    emu = Emulator("riscv64", backend=request.param)
    emu.memory.map(CODE, 0x1000)
    emu.memory.map(DATA, 0x1000)
    emu.memory.write(CODE, PROGRAM)
    emu.memory.write_u64(DATA, 77)
    emu.regs.a1 = DATA
    return emu


def python_events(emu, arm):
    """What a hook sees of a run, for comparison."""
    child = emu.fork()
    seen = []
    arm(child, seen)
    child.run(CODE, END)
    return seen


def test_instructions(emu):
    expected = python_events(
        emu, lambda child, seen: child.hook_code(lambda e, address, size: seen.append(address)))
    recorder = emu.record("instructions")
    emu.run(CODE, END)
    recorder.stop()
    emu.run(CODE, END)
    assert recorder.tolist() == expected
    assert (len(recorder), recorder.total, recorder.lost) == (23, 23, 0)


def test_blocks(emu):
    expected = python_events(
        emu, lambda child, seen: child.hook_block(
            lambda e, address, size: seen.append((address, size))))
    with emu.record("blocks") as recorder:
        emu.run(CODE, END)
    assert recorder.tolist() == expected
    assert not recorder.active


def test_memory(emu):
    with emu.record("memory") as recorder:
        emu.run(CODE, END)
    expected = []
    for turn in range(5, 0, -1):
        expected += [(LOOP, DATA, 77, 8, 0), (LOOP + 4, DATA + 8, turn, 8, 1)]
    assert recorder.tolist() == expected
    with emu.record("memory", begin=DATA + 8, end=DATA + 16, read=False) as recorder:
        emu.run(CODE, END)
    assert [record[2] for record in recorder.tolist()] == [5, 4, 3, 2, 1]


def test_address_filter(emu):
    with emu.record("instructions", begin=LOOP + 4, end=LOOP + 8) as recorder:
        emu.run(CODE, END)
    assert recorder.tolist() == [LOOP + 4] * 5


def test_full(emu):
    with emu.record("instructions", 4) as recorder:
        emu.run(CODE, END)
    assert recorder.tolist() == [CODE, LOOP, LOOP + 4, LOOP + 8]
    assert recorder.lost == 19
    with emu.record("instructions", 4, full="ring") as recorder:
        emu.run(CODE, END)
    assert recorder.tolist() == [LOOP + 8, LOOP + 12, LOOP + 16, LOOP + 24]
    assert (recorder.total, recorder.lost) == (23, 0)
    with emu.record("instructions", 4, full="stop") as recorder:
        result = emu.run(CODE, END)
        assert (result.reason, result.pc, result.count) == (StopReason.STOP, LOOP + 12, 4)
        recorder.clear()
        assert emu.run(count=2).count == 2
    assert recorder.tolist() == [LOOP + 12, LOOP]


def test_start_again(emu):
    recorder = emu.record("blocks")
    emu.run(CODE, CODE + 4)
    recorder.stop()
    emu.run(CODE, CODE + 4)
    recorder.start()
    recorder.start()
    emu.run(CODE, CODE + 4)
    assert len(recorder) == 2


def test_numpy(emu):
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    with emu.record("memory") as recorder:
        emu.run(CODE, END)
    found = recorder.to_numpy()
    assert list(found["value"][found["access"] == 1]) == [5, 4, 3, 2, 1]
    buffer = numpy.zeros(8, dtype="u8")
    with emu.record("instructions", buffer=buffer) as recorder:
        emu.run(CODE, END)
    assert list(buffer) == recorder.tolist()


def test_edges(emu):
    with mmap.mmap(-1, 1 << 16) as shared:
        with emu.record_edges(shared) as recorder:
            emu.run(CODE, END)
            first = bytes(shared)
            recorder.clear()
            emu.run(CODE, END)
            assert bytes(shared) == first
        # entry, entry -> loop, loop -> loop (4 times), loop -> jump, jump -> end
        assert sorted(count for count in first if count) == [1, 1, 1, 1, 4]
        del recorder
        emu.flush_code()
        emu.run(CODE, END)
        emu.close()


def test_coverage(emu):
    with emu.record_coverage() as coverage:
        emu.run(CODE, END)
    assert coverage.blocks() == [(CODE, 4), (LOOP, 16), (LOOP + 16, 4), (LOOP + 24, 4)]
    assert LOOP + 8 in coverage
    assert LOOP + 20 not in coverage
    coverage.clear()
    emu.run(CODE, END)
    assert coverage.blocks() == []          # stopped


def test_coverage_of_a_run_that_ends_early(emu):
    coverage = emu.record_coverage()
    emu.run(CODE, count=6)
    # The second turn was cut short by the count: a block of its own.
    assert coverage.blocks() == [(CODE, 4), (LOOP, 4), (LOOP, 16)]
    coverage.clear()
    emu.run(count=100_000, until=END)
    assert [address for address, _ in coverage.blocks()][-1] == LOOP + 24
    second = emu.record_coverage(begin=LOOP, end=LOOP + 4)
    emu.run(CODE, END)
    assert (coverage.blocks(), second.blocks()) == ([], [(LOOP, 16)])


def test_coverage_goes_on_in_hot_blocks(emu):
    emu.memory.write(CODE, code(li("a0", 2000), addi("a0", "a0", -1), bne("a0", "zero", -4),
                                jal("zero", -12)))
    coverage = emu.record_coverage()
    emu.run(CODE, count=100_000)
    assert {address for address, _ in coverage.blocks()} == {CODE, CODE + 4, CODE + 12}
    coverage.clear()
    emu.run(CODE, count=100_000)
    assert {address for address, _ in coverage.blocks()} == {CODE, CODE + 4, CODE + 12}


def test_drcov_and_report(emu):
    with emu.record_coverage() as coverage:
        emu.run(CODE, END)
    data = drcov(coverage, [Module("other", 0x100, 0x200), Module("program", CODE, CODE + 0x100)])
    head, _, table = data.partition(b"BB Table: 4 bbs\n")
    assert head.startswith(b"DRCOV VERSION: 2\nDRCOV FLAVOR: drcov\n"
                           b"Module Table: version 2, count 2")
    assert table == b"".join(
        (offset.to_bytes(4, "little") + size.to_bytes(2, "little") + b"\1\0")
        for offset, size in [(0, 4), (4, 16), (20, 4), (28, 4)])
    emu.symbols["loop"] = LOOP
    text = report(emu, coverage, CODE, END).splitlines()
    assert text[1] == "loop:"
    assert text[-1] == "7 of 8 instructions, 88%"
    assert [line[0] for line in text if "0x" in line] == [*"++++++ +"]
    with pytest.raises(ArgumentError):
        drcov(coverage, [Module("empty", 5, 5)])
    with pytest.raises(ArgumentError):
        report(emu, coverage, END, CODE)


def test_wrong_arguments(emu):
    for call in (lambda: emu.record("everything"), lambda: emu.record("blocks", 0),
                 lambda: emu.record("blocks", full="burn"),
                 lambda: emu.record("blocks", begin=8, end=8),
                 lambda: emu.record("blocks", buffer=bytearray(3)),
                 lambda: emu.record("memory", read=False, write=False),
                 lambda: emu.record_edges(bytearray(1000))):
        with pytest.raises(ArgumentError):
            call()
    with pytest.raises(ArgumentError, match="writable"):
        emu.record("blocks", buffer=bytes(64))
    with pytest.raises(ArgumentTypeError):
        emu.record_edges(5)
    for cls in (Recorder, Coverage):
        with pytest.raises(ArgumentTypeError):
            cls()


def test_in_hooks_and_after_close(emu):
    made = []

    def hook(e, address, size):
        if address == LOOP and not made:
            made.append(e.record("instructions"))
            with pytest.raises(EngineBusyError):
                e.record_coverage()
        if address == LOOP + 12 and made:
            made[0].stop()

    emu.hook_code(hook)
    emu.run(CODE, END)
    assert made[0].tolist() == [LOOP + 4, LOOP + 8]
    recorder = emu.record("blocks")
    coverage = emu.record_coverage()
    emu.close()
    recorder.stop()
    coverage.stop()
    assert recorder.tolist() == []
