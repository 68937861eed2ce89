"""Life cycle, run, limits, results, faults, disassembly."""

import gc
import pickle
import time
import weakref

import pytest
from api.rv import (
    CODE,
    DATA,
    EBREAK,
    ECALL,
    ILLEGAL,
    LOOP,
    NOP,
    add,
    addi,
    code,
    jal,
    lb,
    ld,
    li,
    loop_code,
    mul,
)

import engine
from engine import (
    ArgumentError,
    ArgumentTypeError,
    ClosedError,
    Emulator,
    EngineBusyError,
    GuestException,
    InstructionFault,
    MemoryFault,
    StopReason,
    UnsupportedError,
)


class TestLife:
    def test_context_manager(self):
        with Emulator("riscv64") as emu:
            assert not emu.closed
            assert emu.arch == "riscv64"
        assert emu.closed
        emu.close()
        for call in (emu.run, emu.step, lambda: emu.pc, lambda: emu.stats, emu.__enter__,
                     lambda: emu.hook_code(print), lambda: emu.disassemble(0)):
            with pytest.raises(ClosedError):
                call()
        emu.stop()
        assert "closed" in repr(emu)

    def test_goes_with_its_last_reference(self):
        emu = Emulator("riscv64")
        emu.memory.map(0, 0x1000)
        emu.hook_code(lambda emu, address, size: None)
        ref = weakref.ref(emu)
        del emu
        assert ref() is None

    def test_a_cycle_through_a_hook_is_collected(self):
        def make():
            emu = Emulator("riscv64")
            emu.memory.map_io(0, 8, read=lambda offset, size: emu.pc)
            emu.hook_code(lambda *args: emu.stop())
            return weakref.ref(emu)

        ref = make()
        gc.collect()
        assert ref() is None

    @pytest.mark.parametrize("arch, error", [
        ("vax", UnsupportedError), ("", UnsupportedError), (None, ArgumentTypeError),
        (5, ArgumentTypeError), (b"riscv64", ArgumentTypeError)])
    def test_bad_arch(self, arch, error):
        with pytest.raises(error, match="arch"):
            Emulator(arch)

    @pytest.mark.parametrize("options, error", [
        ({"backend": "magic"}, UnsupportedError), ({"backend": 5}, ArgumentTypeError),
        ({"exceptions": "both"}, ArgumentError), ({"model": 5}, ArgumentTypeError),
        ({"model": "6502"}, UnsupportedError),
        ({"features": ["warp"]}, ArgumentError), ({"features": 1.5}, ArgumentTypeError),
        ({"big_endian": True}, UnsupportedError),
        ({"code_buffer": -1}, ArgumentError), ({"code_buffer": 10}, ArgumentError),
        ({"code_buffer": "big"}, ArgumentTypeError), ({"colour": "red"}, TypeError)])
    def test_bad_options(self, options, error):
        with pytest.raises(error):
            Emulator("riscv64", **options)

    def test_subclass_without_init(self):
        class Broken(Emulator):
            def __init__(self):
                pass

        broken = Broken()
        for call in (broken.run, lambda: broken.regs["a0"], lambda: broken.memory.map(0, 1)):
            with pytest.raises(ClosedError):
                call()

    def test_subclass(self):
        class Mine(Emulator):
            def __init__(self, label):
                super().__init__("riscv64")
                self.label = label

        with Mine("x") as emu:
            seen = []
            emu.memory.map(CODE, 0x1000)
            emu.memory.write(CODE, code(NOP))
            emu.hook_code(lambda emu, address, size: seen.append(emu.label))
            emu.run(CODE, CODE + 4)
            assert seen == ["x"]

    def test_init_twice(self):
        with Emulator("riscv64") as emu, pytest.raises(EngineBusyError):
            emu.__init__("riscv64")

    def test_many_small_ones(self):
        for i in range(200):
            emu = Emulator("riscv64")
            emu.memory.map(CODE, 0x1000)
            emu.memory.write(CODE, code(li("a0", i)))
            assert emu.run(CODE, CODE + 4).count == 1
            assert emu.regs.a0 == i

    def test_module(self):
        assert "riscv64" in engine.architectures()
        assert "riscv32" in engine.architectures()
        assert "interpreter" in engine.backends()
        assert engine.__version__.count(".") == 2
        assert set(engine.__all__) <= set(dir(engine))
        with pytest.raises(AttributeError):
            engine.nonsense  # noqa: B018


class TestRun:
    def test_until(self, emu, run):
        result = run(li("a0", 1), addi("a0", "a0", 2))
        assert result.reason is StopReason.UNTIL
        assert (result.pc, result.count) == (CODE + 8, 2)
        assert emu.regs.a0 == 3
        assert repr(result) == "RunResult(UNTIL, pc=0x1008, count=2)"

    def test_until_at_once(self, emu):
        emu.memory.write(CODE, code(NOP))
        assert emu.run(CODE, CODE).count == 0

    def test_goes_on_from_the_pc(self, emu):
        emu.memory.write(CODE, code(li("a0", 1), li("a1", 2), LOOP))
        emu.run(CODE, CODE + 4)
        result = emu.run(until=CODE + 8)
        assert (emu.regs.a0, emu.regs.a1, result.count) == (1, 2, 1)

    @pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 100, 513, 1000, 1999])
    def test_count_is_exact(self, emu, count):
        emu.memory.write(CODE, loop_code(1000))
        result = emu.run(CODE, count=count)
        assert result.reason is StopReason.COUNT
        assert result.count == count
        # 1 li, then addi and bne by turns
        assert emu.regs.a0 == (1000 - count // 2 if count else 0)
        assert result.pc == (CODE if count == 0 else CODE + (4 if count % 2 else 8))

    def test_counts_add_up(self, emu):
        emu.memory.write(CODE, loop_code(500))
        total = emu.run(CODE, count=333).count + emu.run(until=CODE + 12).count
        assert total == 1001
        assert emu.stats["instructions"] == 1001

    def test_until_inside_a_block(self, emu):
        emu.memory.write(CODE, code(li("a0", 1), li("a0", 2), li("a0", 3), LOOP))
        emu.run(CODE, CODE + 12)
        for at, value in ((8, 2), (4, 1)):
            result = emu.run(CODE, CODE + at)
            assert (result.reason, result.count, emu.regs.a0) == (StopReason.UNTIL, at // 4, value)

    def test_step(self, emu):
        emu.memory.write(CODE, code(li("a0", 1), li("a0", 2), li("a0", 3)))
        emu.pc = CODE
        assert emu.step().pc == CODE + 4
        assert emu.regs.a0 == 1
        assert emu.step(2).count == 2
        assert emu.regs.a0 == 3

    def test_timeout(self, emu):
        emu.memory.write(CODE, code(LOOP))
        began = time.monotonic()
        result = emu.run(CODE, timeout=0.05)
        assert result.reason is StopReason.TIMEOUT
        assert result.pc == CODE
        assert 0.04 < time.monotonic() - began < 5
        assert result.count > 0

    def test_timeout_not_reached(self, run):
        assert run(NOP, timeout=60).reason is StopReason.UNTIL

    @pytest.mark.parametrize("options, error", [
        ({"begin": -4}, ArgumentError), ({"begin": 1 << 64}, ArgumentError),
        ({"begin": "start"}, ArgumentTypeError), ({"begin": CODE + 1}, ArgumentError),
        ({"until": -1}, ArgumentError), ({"until": 1.0}, ArgumentTypeError),
        ({"count": -1}, ArgumentError), ({"count": "many"}, ArgumentTypeError),
        ({"timeout": -1}, ArgumentError), ({"timeout": float("nan")}, ArgumentError),
        ({"timeout": "soon"}, ArgumentTypeError)])
    def test_bad_arguments(self, emu, options, error):
        emu.memory.write(CODE, code(NOP))
        with pytest.raises(error):
            emu.run(**{"begin": CODE, "count": 1, **options})
        assert emu.run(CODE, count=1).count == 1

    def test_far_timeout(self, run):
        assert run(NOP, timeout=float("inf")).count == 1

    def test_riscv32(self):
        with Emulator("riscv32") as emu:
            emu.memory.map(CODE, 0x1000)
            emu.memory.write(CODE, code(li("a0", -1), add("a0", "a0", "a0")))
            emu.run(CODE, CODE + 8)
            assert emu.regs.a0 == 0xfffffffe
            with pytest.raises(ArgumentError, match="32"):
                emu.run(1 << 32)

    def test_two_emulators_do_not_meet(self):
        with Emulator("riscv64") as one, Emulator("riscv64") as two:
            for emu, value in ((one, 1), (two, 2)):
                emu.memory.map(CODE, 0x1000)
                emu.memory.write(CODE, code(li("a0", value)))
            one.run(CODE, CODE + 4)
            two.run(CODE, CODE + 4)
            assert (one.regs.a0, two.regs.a0) == (1, 2)

    def test_small_code_buffer(self):
        with Emulator("riscv64", code_buffer=1 << 16) as emu:
            emu.memory.map(0x10000, 0x40000)
            words = []
            for i in range(0x8000):
                words.append(addi("a0", "a0", 1) if i % 8 else jal("zero", 4))
            emu.memory.write(0x10000, code(*words))
            for _ in range(2):
                emu.regs.a0 = 0
                emu.run(0x10000, 0x10000 + 4 * len(words))
                assert emu.regs.a0 == 0x7000


class TestFaults:
    def test_unmapped_load(self, emu, run):
        emu.regs.a1 = 0x123450
        emu.regs.a0 = 77
        with pytest.raises(MemoryFault) as info:
            run(li("a2", 1), ld("a0", 8, "a1"), li("a2", 2))
        fault = info.value
        assert (fault.kind, fault.address, fault.access, fault.size, fault.pc) == (
            "unmapped", 0x123458, "read", 8, CODE + 4)
        assert fault.result.count == 1
        assert fault.instruction.text.startswith("ld")
        assert "0x123458" in str(fault)
        assert fault.instruction.text in str(fault)
        assert fault.hint
        assert (emu.regs.a0, emu.regs.a2, emu.pc) == (77, 1, CODE + 4)

    def test_repeat_after_mapping(self, emu, run):
        emu.regs.a1 = 0x123000
        with pytest.raises(MemoryFault):
            run(li("a2", 1), lb("a0", 0, "a1"), li("a2", 2))
        emu.memory.map(0x123000, 0x1000)
        assert emu.run(until=CODE + 12).count == 2
        assert emu.regs.a2 == 2

    def test_illegal_instruction(self, emu, run):
        with pytest.raises(InstructionFault) as info:
            run(li("a0", 1), ILLEGAL)
        assert info.value.pc == emu.pc == CODE + 4
        assert info.value.bytes[:2] == b"\0\0"
        assert info.value.result.count == 1

    def test_not_in_the_model(self, emu):
        with Emulator("riscv64", features=["c"]) as small:
            small.memory.map(CODE, 0x1000)
            small.memory.write(CODE, code(mul("a0", "a0", "a0")))
            with pytest.raises(InstructionFault):
                small.run(CODE, CODE + 4)

    def test_ecall(self, emu, run):
        with pytest.raises(GuestException) as info:
            run(li("a0", 1), ECALL)
        assert info.value.cause in (8, 11)
        assert info.value.pc == emu.pc == CODE + 4
        assert info.value.result.reason is StopReason.EXCEPTION

    def test_ecall_of_user_mode(self):
        with Emulator("riscv64", user_mode=True) as emu:
            emu.memory.map(CODE, 0x1000)
            emu.memory.write(CODE, code(ECALL))
            with pytest.raises(GuestException) as info:
                emu.run(CODE)
            assert info.value.cause == 8

    def test_ebreak(self, emu, run):
        with pytest.raises(GuestException) as info:
            run(EBREAK)
        assert info.value.cause == 3

    def test_runs_into_nothing(self, emu):
        emu.memory.write(CODE + 0xffc, code(NOP))
        with pytest.raises(MemoryFault) as info:
            emu.run(CODE + 0xffc)
        assert (info.value.access, info.value.pc, info.value.address) == (
            "fetch", CODE + 0x1000, CODE + 0x1000)
        assert info.value.result.count == 1

    def test_fetch_across_the_end(self, emu):
        emu.memory.write(CODE + 0xffe, code(NOP)[:2])
        with pytest.raises(MemoryFault) as info:
            emu.run(CODE + 0xffe)
        assert (info.value.access, info.value.pc, info.value.address) == (
            "fetch", CODE + 0xffe, CODE + 0x1000)

    def test_fault_deep_in_a_loop(self, emu):
        emu.regs.a1 = DATA
        emu.memory.write(CODE, code(lb("a0", 0, "a1"), addi("a1", "a1", 1), jal("zero", -8)))
        with pytest.raises(MemoryFault) as info:
            emu.run(CODE)
        assert info.value.address == emu.regs.a1 == DATA + 0x1000
        assert info.value.result.count == 3 * 0x1000

    def test_guest_handles(self):
        with Emulator("riscv64", exceptions="guest") as emu:
            emu.memory.map(CODE, 0x1000)
            emu.memory.write(CODE, code(ECALL))
            emu.memory.write(CODE + 0x100, code(li("a0", 9)))
            emu.regs.mtvec = CODE + 0x100
            emu.run(CODE, CODE + 0x104)
            assert emu.regs.a0 == 9
            assert emu.regs.mepc == CODE
            assert emu.regs.mcause == 11

    def test_pickle(self, run):
        with pytest.raises(GuestException) as info:
            run(ECALL)
        error = info.value
        del error.result, error.instruction
        assert pickle.loads(pickle.dumps(error)).cause == error.cause


class TestDisassembly:
    def test_memory(self, emu):
        emu.memory.write(CODE, code(li("a0", 1), add("a0", "a0", "a1")))
        one, two = emu.disassemble(CODE, 2)
        assert (one.address, one.size, one.mnemonic) == (CODE, 4, "addi")
        assert (two.mnemonic, two.operands) == ("add", "a0, a0, a1")
        assert str(two) == "add a0, a0, a1"
        assert two.bytes == code(add("a0", "a0", "a1"))
        assert len(emu.disassemble(CODE)) == 1

    def test_bytes(self, emu):
        found = emu.disassemble(code(NOP, NOP) + b"\x01", address=0x40)
        assert [i.address for i in found] == [0x40, 0x44, 0x48]
        assert found[-1].text == ".byte 0x01"
        assert emu.disassemble(b"") == []
        assert len(emu.disassemble(bytearray(code(NOP, NOP)), 1)) == 1

    def test_not_an_instruction(self, emu):
        assert emu.disassemble(bytes(4))[0].text.startswith(".byte")

    def test_unmapped(self, emu):
        with pytest.raises(MemoryFault):
            emu.disassemble(0x5550000)
        emu.memory.write(CODE + 0xffc, code(NOP))
        assert len(emu.disassemble(CODE + 0xffc, 5)) == 1

    @pytest.mark.parametrize("what, error", [
        ("text", ArgumentTypeError), (None, ArgumentTypeError), (-1, ArgumentError)])
    def test_bad_arguments(self, emu, what, error):
        with pytest.raises(error):
            emu.disassemble(what)


def test_flush_and_stats(emu, run):
    run(NOP)
    before = emu.stats
    emu.flush_code()
    run(NOP)
    after = emu.stats
    assert after["blocks_translated"] > before["blocks_translated"]
    assert after["block_flushes"] > before["block_flushes"]
    assert after["instructions"] == before["instructions"] + 1


def test_irq(emu):
    with pytest.raises(ArgumentTypeError):
        emu.raise_irq("timer")
    with pytest.raises(ArgumentError):
        emu.raise_irq(-1)


def test_an_engine_reserves_little_address_space():
    """Far from the GiB that others take: code buffer (twice for a JIT) and tables."""
    import sys

    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc/self/statm")
    from engine import Emulator

    def reserved() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * 4096

    engines = []
    before = reserved()
    for _ in range(10):
        emu = Emulator("riscv64")
        emu.memory.map(CODE, 0x1000)
        emu.memory.write(CODE, code(addi("a0", "a0", 1)))
        emu.run(CODE, count=1)
        engines.append(emu)
    assert (reserved() - before) / 10 < (1 << 30) / 25
    for emu in engines:
        emu.close()


@pytest.mark.parametrize(("arch", "step"), [
    ("riscv64", addi("a0", "a0", 1).to_bytes(4, "little")), ("x86_64", bytes.fromhex("fec0"))])
@pytest.mark.parametrize("first_page", [True, False])
def test_the_topmost_page(arch, step, first_page):
    """The end of its code is address 0."""
    top = (1 << 64) - 0x1000
    crossing = {"riscv64": step, "x86_64": bytes.fromhex("050a000000")}[arch]     # add eax, 10
    with Emulator(arch) as emu:
        emu.memory.map(top, 0x1000)
        code = step * (0xff0 // len(step))
        emu.memory.write(top, code)
        emu.memory.write(top + len(code), step * (14 // len(step)))
        emu.memory.write((1 << 64) - 2, crossing[:2])
        if first_page:
            emu.memory.map(0, 0x1000)
            emu.memory.write(0, crossing[2:] + step * 3)
        name = "a0" if arch == "riscv64" else "rax"
        emu.run(top, count=100)
        assert emu.regs[name] == 100
        emu.regs[name] = 0
        if first_page:
            emu.run((1 << 64) - 2, count=4)
            assert emu.regs[name] == (4 if arch == "riscv64" else 13)
        else:
            with pytest.raises(MemoryFault) as info:
                emu.run((1 << 64) - 2, count=4)
            assert info.value.address == 0
