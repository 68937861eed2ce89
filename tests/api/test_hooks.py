"""Hooks: what they are told, what they may do, and how they fail."""

import gc
import traceback

import pytest
from api.rv import (
    CODE,
    DATA,
    ECALL,
    ILLEGAL,
    LOOP,
    NOP,
    addi,
    bne,
    code,
    jal,
    jalr,
    lb,
    ld,
    li,
    loop_code,
    lw,
    mul,
    sb,
    sd,
    sw,
)

from engine import (
    Access,
    ArgumentError,
    ArgumentTypeError,
    Emulator,
    EngineBusyError,
    GuestException,
    Hook,
    InstructionFault,
    MemoryFault,
    StopReason,
)


class Boom(Exception):
    pass


class TestHandle:
    def test_call_and_decorator(self, emu, run):
        seen = []
        one = emu.hook_code(lambda emu, address, size: seen.append("one"))

        @emu.hook_code
        def two(emu, address, size):
            seen.append("two")

        @emu.hook_code(begin=CODE + 4)
        def three(emu, address, size):
            seen.append("three")

        assert all(isinstance(hook, Hook) for hook in (one, two, three))
        run(NOP, NOP)
        assert seen == ["one", "two", "one", "two", "three"]
        two(emu, 0, 0)
        assert seen[-1] == "two"
        assert two.kind == "code"
        assert "armed" in repr(two)

    def test_remove(self, emu, run):
        seen = []
        hook = emu.hook_code(lambda emu, address, size: seen.append(address))
        run(NOP)
        hook.remove()
        hook.remove()
        run(NOP)
        assert seen == [CODE]
        assert not hook.enabled
        with pytest.raises(ArgumentError, match="removed"):
            hook.enabled = True

    def test_enabled(self, emu, run):
        seen = []
        hook = emu.hook_code(lambda emu, address, size: seen.append(address))
        hook.enabled = False
        run(NOP)
        assert seen == []
        hook.enabled = True
        hook.enabled = True
        run(NOP)
        assert seen == [CODE]

    def test_with(self, emu, run):
        seen = []
        with emu.hook_code(lambda emu, address, size: seen.append(address)):
            run(NOP)
        run(NOP)
        assert seen == [CODE]

    def test_stays_without_its_handle(self, emu, run):
        seen = []
        emu.hook_code(lambda emu, address, size: seen.append(address))
        gc.collect()
        run(NOP)
        assert seen == [CODE]

    def test_handle_outlives_emulator(self):
        emu = Emulator("riscv64")
        hook = emu.hook_code(print)
        emu.close()
        assert not hook.enabled
        hook.remove()
        del emu
        repr(hook)

    @pytest.mark.parametrize("kind", ["code", "block", "memory", "fault", "exception", "invalid"])
    def test_not_callable(self, emu, kind):
        with pytest.raises(ArgumentTypeError, match="callable"):
            getattr(emu, "hook_" + kind)(5)
        with pytest.raises(TypeError):
            getattr(emu, "hook_" + kind)()(5)

    @pytest.mark.parametrize("begin, end, error", [
        (-1, None, ArgumentError), (0, -1, ArgumentError), (5, 5, ArgumentError),
        (6, 5, ArgumentError), ("a", None, ArgumentTypeError), (0, 1.5, ArgumentTypeError),
        (1 << 64, None, ArgumentError), (0, (1 << 64) + 1, ArgumentError)])
    def test_bad_ranges(self, emu, begin, end, error):
        with pytest.raises(error):
            emu.hook_code(print, begin, end)

    def test_whole_range(self, emu, run):
        seen = []
        emu.hook_code(lambda *args: seen.append(args[1]), 0, 1 << 64)
        run(NOP)
        assert seen == [CODE]


class TestCode:
    def test_addresses_and_sizes(self, emu, run):
        seen = []
        emu.hook_code(lambda emu_, address, size: seen.append((emu_ is emu, address, size)))
        emu.memory.write(CODE, code(NOP) + b"\x01\x00" + code(NOP))     # c.nop between
        emu.run(CODE, CODE + 10)
        assert seen == [(True, CODE, 4), (True, CODE + 4, 2), (True, CODE + 6, 4)]

    def test_pc_and_registers_are_exact(self, emu, run):
        seen = []
        emu.hook_code(lambda emu, address, size: seen.append((emu.pc - address, emu.regs.a0)))
        run(li("a0", 1), addi("a0", "a0", 1), addi("a0", "a0", 1))
        assert seen == [(0, 0), (0, 1), (0, 2)]

    def test_every_instruction_of_a_loop(self, emu):
        count = 0

        @emu.hook_code
        def hook(emu, address, size):
            nonlocal count
            count += 1

        emu.memory.write(CODE, loop_code(300))
        result = emu.run(CODE, CODE + 12)
        assert count == result.count == 601

    def test_added_after_the_code_ran(self, emu):
        emu.memory.write(CODE, loop_code(10))
        emu.run(CODE, CODE + 12)
        seen = []
        hook = emu.hook_code(lambda emu, address, size: seen.append(address))
        emu.run(CODE, CODE + 12)
        assert len(seen) == 21
        hook.remove()
        emu.run(CODE, CODE + 12)
        assert len(seen) == 21

    def test_range(self, emu):
        seen = []
        emu.hook_code(lambda emu, address, size: seen.append(address), CODE + 4, CODE + 8)
        emu.memory.write(CODE, loop_code(3))
        emu.run(CODE, CODE + 12)
        assert seen == [CODE + 4] * 3

    def test_writes_registers(self, emu, run):
        @emu.hook_code(begin=CODE + 4)
        def hook(emu, address, size):
            emu.regs.a0 = 40

        run(li("a0", 1), addi("a0", "a0", 2))
        assert emu.regs.a0 == 42

    def test_writes_pc(self, emu, run):
        @emu.hook_code(begin=CODE + 4, end=CODE + 8)
        def skip(emu, address, size):
            emu.regs.pc = address + size

        result = run(li("a0", 1), li("a0", 2), li("a1", 3))
        assert (emu.regs.a0, emu.regs.a1) == (1, 3)
        assert result.count == 2

    def test_writes_code_ahead(self, emu, run):
        @emu.hook_code(end=CODE + 4)
        def patch(emu, address, size):
            emu.memory.write(CODE + 8, code(li("a1", 2)))

        run(NOP, NOP, li("a1", 1))
        assert emu.regs.a1 == 2

    def test_writes_the_hooked_instruction(self, emu, run):
        @emu.hook_code(end=CODE + 4)
        def patch(emu, address, size):
            emu.memory.write(CODE, code(li("a1", 2)))

        emu.memory.write(CODE, code(li("a1", 1)))
        emu.run(CODE, CODE + 4)
        assert emu.regs.a1 == 2

    def test_stop(self, emu, run):
        @emu.hook_code(begin=CODE + 8)
        def stop(emu, address, size):
            emu.stop()

        result = run(li("a0", 1), li("a0", 2), li("a0", 3))
        assert result.reason is StopReason.STOP
        assert (result.pc, result.count, emu.regs.a0) == (CODE + 8, 2, 2)

    def test_two_hooks_one_stops(self, emu, run):
        seen = []
        emu.hook_code(lambda emu, address, size: emu.stop())
        emu.hook_code(lambda emu, address, size: seen.append(address))
        result = run(NOP)
        assert (result.count, seen) == (0, [])

    def test_what_it_returns_does_not_count(self, emu, run):
        emu.hook_code(lambda emu, address, size: "whatever")
        assert run(NOP).count == 1

    def test_wrong_signature(self, emu, run):
        emu.hook_code(lambda: None)
        with pytest.raises(TypeError, match="positional"):
            run(NOP)


class TestChangesFromHooks:
    def test_removes_itself(self, emu, run):
        seen = []

        @emu.hook_code
        def once(emu, address, size):
            seen.append(address)
            once.remove()

        run(NOP, NOP, NOP)
        assert seen == [CODE]

    def test_removes_the_next(self, emu, run):
        seen = []

        @emu.hook_code
        def first(emu, address, size):
            seen.append("first")
            second.remove()

        second = emu.hook_code(lambda emu, address, size: seen.append("second"))
        run(NOP, NOP)
        assert seen == ["first", "first"]

    def test_adds(self, emu, run):
        seen = []

        @emu.hook_code(end=CODE + 4)
        def first(emu, address, size):
            emu.hook_code(lambda emu, address, size: seen.append(address), begin=CODE + 4)

        run(NOP, NOP, NOP)
        assert seen == [CODE + 4, CODE + 8]

    def test_adds_from_a_device_of_a_run_without_hooks(self, emu, run):
        seen = []

        def read(offset, size):
            if not seen:
                seen.append("armed")
                emu.hook_code(lambda emu, address, size: seen.append(address))
            return 1

        emu.memory.map_io(0x40000, 8, read)
        emu.regs.a1 = 0x40000
        run(li("a0", 2), lw("a2", 0, "a1"), addi("a0", "a0", -1), bne("a0", "zero", -8))
        assert seen == ["armed", CODE + 4, CODE + 8, CODE + 12]     # from the next turn on

    def test_maps_and_unmaps(self, emu, run):
        @emu.hook_code(begin=CODE, end=CODE + 4)
        def add(emu, address, size):
            emu.memory.map(0x50000, 0x1000)
            emu.memory.write_u64(0x50000, 99)

        @emu.hook_code(begin=CODE + 4)
        def take(emu, address, size):
            emu.memory.unmap(0x50000, 0x1000)

        emu.regs.a1 = 0x50000
        with pytest.raises(MemoryFault) as info:
            run(ld("a0", 0, "a1"), ld("a2", 0, "a1"))
        assert emu.regs.a0 == 99
        assert info.value.pc == CODE + 4

    def test_unmaps_the_running_code(self, emu, run):
        @emu.hook_code(end=CODE + 4)
        def take(emu, address, size):
            emu.memory.unmap(CODE, 0x1000)

        with pytest.raises(MemoryFault) as info:
            run(NOP, NOP)
        assert info.value.access == "fetch"

    def test_flushes(self, emu):
        emu.hook_code(lambda emu, address, size: emu.flush_code())
        emu.memory.write(CODE, loop_code(20))
        assert emu.run(CODE, CODE + 12).count == 41

    def test_runs(self, emu, run):
        emu.hook_code(lambda emu, address, size: emu.run(count=1))
        with pytest.raises(EngineBusyError):
            run(NOP)

    def test_closes(self, emu, run):
        emu.hook_code(lambda emu, address, size: emu.close())
        with pytest.raises(EngineBusyError):
            run(NOP)

    def test_drops_every_reference(self):
        emus = [Emulator("riscv64")]
        emus[0].memory.map(CODE, 0x1000)
        emus[0].memory.write(CODE, loop_code(5))

        @emus[0].hook_code
        def hook(emu, address, size):
            emus.clear()
            gc.collect()

        assert emus[0].run(CODE, CODE + 12).count == 11


class TestBlock:
    def test_blocks(self, emu):
        seen = []
        emu.hook_block(lambda emu, address, size: seen.append(address))
        emu.memory.write(CODE, loop_code(3))
        emu.run(CODE, CODE + 12)
        assert seen[0] == CODE
        assert seen.count(CODE + 4) in (2, 3)   # the first turn may belong to the first block

    def test_sizes(self, emu):
        seen = []
        emu.hook_block(lambda emu, address, size: seen.append((address, size)))
        emu.memory.write(CODE, code(NOP, NOP, jal("zero", 8), NOP, NOP))
        emu.run(CODE, CODE + 20)
        assert seen[0] == (CODE, 12)
        assert seen[1][0] == CODE + 16

    def test_stop(self, emu):
        emu.memory.write(CODE, code(NOP, jal("zero", 8), NOP, NOP, LOOP))

        @emu.hook_block(begin=CODE + 12)
        def stop(emu, address, size):
            emu.stop()

        result = emu.run(CODE, count=100)
        assert (result.reason, result.pc, result.count) == (StopReason.STOP, CODE + 12, 2)


class TestMemory:
    def test_events(self, emu, run):
        seen = []
        emu.hook_memory(lambda emu, *event: seen.append(event))
        emu.regs.a1 = DATA
        emu.regs.a2 = 0x1122334455667788
        run(sd("a2", 8, "a1"), lw("a3", 8, "a1"), sb("a2", 1, "a1"))
        assert seen == [(Access.WRITE, DATA + 8, 8, 0x1122334455667788),
                        (Access.READ, DATA + 8, 4, None), (Access.WRITE, DATA + 1, 1, 0x88)]

    def test_kinds(self, emu, run):
        reads, writes = [], []
        emu.hook_memory(lambda emu, *event: reads.append(event), write=False)
        emu.hook_memory(lambda emu, *event: writes.append(event), read=False)
        emu.regs.a1 = DATA
        run(sd("a1", 0, "a1"), ld("a3", 0, "a1"), ld("a3", 0, "a1"))
        assert (len(reads), len(writes)) == (2, 1)
        with pytest.raises(ArgumentError):
            emu.hook_memory(print, read=False, write=False)

    def test_range(self, emu, run):
        seen = []
        emu.hook_memory(lambda emu, access, address, *rest: seen.append(address),
                        begin=DATA + 8, end=DATA + 16)
        emu.regs.a1 = DATA
        run(sd("a1", 0, "a1"), sd("a1", 8, "a1"), sd("a1", 16, "a1"), sb("a1", 15, "a1"),
            sb("a1", 7, "a1"))
        assert seen == [DATA + 8, DATA + 15]

    def test_added_when_the_page_is_hot(self, emu):
        emu.regs.a1 = DATA
        emu.memory.write(CODE, code(sd("a1", 0, "a1"), ld("a2", 0, "a1")))
        emu.run(CODE, CODE + 8)
        seen = []
        hook = emu.hook_memory(lambda emu, access, *rest: seen.append(access))
        emu.run(CODE, CODE + 8)
        hook.remove()
        emu.run(CODE, CODE + 8)
        assert seen == [Access.WRITE, Access.READ]

    def test_read_hook_may_change_what_is_read(self, emu, run):
        @emu.hook_memory(write=False)
        def feed(emu, access, address, size, value):
            emu.memory.write_u64(address, 55)

        emu.regs.a1 = DATA
        run(ld("a0", 0, "a1"))
        assert emu.regs.a0 == 55

    def test_before_a_store(self, emu, run):
        seen = []
        emu.hook_memory(lambda emu, access, address, size, value:
                        seen.append(emu.memory.read_u64(address)), read=False)
        emu.regs.a1 = DATA
        run(li("a0", 3), sd("a0", 0, "a1"))
        assert seen == [0]
        assert emu.memory.read_u64(DATA) == 3

    def test_after(self, emu, run):
        seen = []
        emu.hook_memory(lambda emu, *event: seen.append(event), write=False, after=True)
        emu.memory.write_u64(DATA, 0x1234)
        emu.regs.a1 = DATA
        run(ld("a0", 0, "a1"), lb("a0", 1, "a1"))
        assert seen == [(Access.READ, DATA, 8, 0x1234), (Access.READ, DATA + 1, 1, 0x12)]

    def test_pc_is_exact(self, emu):
        seen = []
        emu.hook_memory(lambda emu, *event: seen.append(emu.pc))
        emu.regs.a1 = DATA
        emu.memory.write(CODE, code(li("a0", 3), sd("a0", 0, "a1"), addi("a0", "a0", -1),
                                    ld("a2", 0, "a1"), bne("a0", "zero", -12)))
        emu.run(CODE, CODE + 20)
        assert seen == [CODE + 4, CODE + 12] * 3

    def test_stop(self, emu, run):
        emu.hook_memory(lambda emu, *event: emu.stop())
        emu.regs.a1 = DATA
        result = run(li("a0", 3), sd("a0", 0, "a1"), li("a0", 4))
        assert (result.reason, result.pc, result.count) == (StopReason.STOP, CODE + 4, 1)
        assert emu.memory.read_u64(DATA) == 0

    def test_unaligned_over_a_page_is_one_event(self, emu, run):
        emu.memory.map(DATA + 0x1000, 0x1000)
        seen = []
        emu.hook_memory(lambda emu, *event: seen.append(event))
        emu.regs.a1 = DATA + 0xffc
        emu.regs.a0 = 0x1122334455667788
        run(sd("a0", 0, "a1"))
        assert seen == [(Access.WRITE, DATA + 0xffc, 8, 0x1122334455667788)]
        assert emu.memory.read_u64(DATA + 0xffc) == 0x1122334455667788

    def test_fetch(self, emu, run):
        seen = []
        emu.hook_memory(lambda emu, access, address, size, value: seen.append((access, address)),
                        read=False, write=False, fetch=True)
        run(NOP)
        assert (Access.FETCH, CODE) in seen


class TestFault:
    def test_map_and_retry(self, emu, run):
        seen = []

        @emu.hook_fault
        def fix(emu, fault):
            seen.append((fault.kind, fault.access, fault.address, fault.size, fault.pc))
            emu.memory.map(fault.address & ~0xfff, 0x1000, "rw")
            return True

        emu.regs.a1 = 0x77000
        result = run(li("a0", 5), sd("a0", 8, "a1"), ld("a2", 8, "a1"))
        assert seen == [("unmapped", Access.WRITE, 0x77008, 8, CODE + 4)]
        assert (emu.regs.a2, result.count) == (5, 3)

    def test_protection(self, emu, run):
        emu.memory.protect(DATA, 0x1000, "r")

        @emu.hook_fault
        def fix(emu, fault):
            assert (fault.kind, fault.access) == ("protected", Access.WRITE)
            emu.memory.protect(DATA, 0x1000, "rw")
            return True

        emu.regs.a1 = DATA
        run(li("a0", 5), sd("a0", 8, "a1"))
        assert emu.memory.read_u64(DATA + 8) == 5

    def test_fetch(self, emu, run):
        @emu.hook_fault(fetch=True, read=False, write=False)
        def fix(emu, fault):
            assert fault.access == Access.FETCH
            emu.memory.map(0x66000, 0x1000, "rx")
            emu.memory.write(0x66000, code(li("a0", 6), LOOP))
            return True

        emu.memory.write(CODE, code(jalr("zero", "a1")))
        emu.regs.a1 = 0x66000
        emu.run(CODE, 0x66004)
        assert emu.regs.a0 == 6

    @pytest.mark.parametrize("answer", [False, None])
    def test_not_handled(self, emu, run, answer):
        emu.hook_fault(lambda emu, fault: answer)
        emu.regs.a1 = 0x77000
        with pytest.raises(MemoryFault) as info:
            run(ld("a2", 8, "a1"))
        assert info.value.address == 0x77008

    @pytest.mark.parametrize("answer", [1, 0, "yes", 1.5, []])
    def test_nonsense(self, emu, run, answer):
        emu.hook_fault(lambda emu, fault: answer)
        emu.regs.a1 = 0x77000
        with pytest.raises(ArgumentTypeError, match="fault must return True"):
            run(ld("a2", 8, "a1"))

    def test_retry_without_a_cure_is_a_fault(self, emu, run):
        calls = []

        @emu.hook_fault
        def lie(emu, fault):
            calls.append(1)
            if len(calls) > 1000:
                raise Boom
            return True

        emu.regs.a1 = 0x77000
        with pytest.raises(MemoryFault):
            run(ld("a2", 8, "a1"))

    def test_skips_by_pc(self, emu, run):
        @emu.hook_fault
        def skip(emu, fault):
            emu.regs.a2 = 123
            emu.regs.pc += 4
            return True

        emu.regs.a1 = 0x77000
        run(ld("a2", 8, "a1"), li("a3", 1))
        assert (emu.regs.a2, emu.regs.a3) == (123, 1)

    def test_masks(self, emu, run):
        seen = []
        emu.hook_fault(lambda emu, fault: seen.append("read"), write=False, fetch=False)
        emu.hook_fault(lambda emu, fault: seen.append("write"), read=False, fetch=False)
        emu.regs.a1 = 0x77000
        for insn in (ld("a2", 8, "a1"), sd("a2", 8, "a1")):
            with pytest.raises(MemoryFault):
                run(insn)
        assert seen == ["read", "write"]
        with pytest.raises(ArgumentError):
            emu.hook_fault(print, read=False, write=False, fetch=False)


class TestException:
    def test_ecall(self, emu, run):
        seen = []

        @emu.hook_exception
        def syscall(emu, number):
            seen.append((number, emu.pc))
            emu.regs.a0 = 42
            emu.regs.pc += 4
            return True

        result = run(li("a7", 1), ECALL, addi("a0", "a0", 1))
        assert seen == [(11, CODE + 4)]
        assert emu.regs.a0 == 43
        assert result.count == 2            # what traps is not retired

    def test_not_handled(self, emu, run):
        seen = []
        emu.hook_exception(lambda emu, number: seen.append(number))
        with pytest.raises(GuestException):
            run(ECALL)
        assert seen == [11]

    def test_nonsense(self, emu, run):
        emu.hook_exception(lambda emu, number: 1)
        with pytest.raises(ArgumentTypeError, match="exception must return"):
            run(ECALL)

    def test_stop(self, emu, run):
        @emu.hook_exception
        def stop(emu, number):
            emu.regs.pc += 4
            emu.stop()
            return True

        result = run(ECALL, li("a0", 1))
        assert (result.reason, result.pc) == (StopReason.STOP, CODE + 4)


class TestInstruction:
    def test_by_name(self, emu, run):
        seen = []
        emu.hook_insn("mul", lambda emu, address, size: seen.append((address, size)))
        run(NOP, mul("a0", "a0", "a0"), NOP, mul("a0", "a0", "a0"))
        assert seen == [(CODE + 4, 4), (CODE + 12, 4)]

    def test_several_as_decorator(self, emu, run):
        seen = []

        @emu.hook_insn(["mul", "lw"])
        def hook(emu, address, size):
            seen.append(address)

        emu.regs.a1 = DATA
        run(lw("a0", 0, "a1"), mul("a0", "a0", "a0"), NOP)
        assert seen == [CODE, CODE + 4]
        hook.remove()
        run(lw("a0", 0, "a1"))
        assert len(seen) == 2

    def test_replace(self, emu, run):
        @emu.hook_insn("mul")
        def replace(emu, address, size):
            emu.regs.a0 = 1000
            emu.regs.pc = address + size

        run(mul("a0", "a0", "a0"), NOP)
        assert emu.regs.a0 == 1000

    @pytest.mark.parametrize("name, error", [
        ("vmovaps", ArgumentError), ("", ArgumentError), (5, TypeError), ([], ArgumentError),
        ([5], ArgumentTypeError)])
    def test_bad_names(self, emu, name, error):
        with pytest.raises(error):
            emu.hook_insn(name, print)


class TestInvalid:
    def test_handled(self, emu, run):
        @emu.hook_invalid
        def emulate(emu, address):
            emu.regs.a0 = 7
            emu.regs.pc = address + 4
            return True

        run(ILLEGAL, addi("a0", "a0", 1))
        assert emu.regs.a0 == 8

    def test_not_handled(self, emu, run):
        seen = []
        emu.hook_invalid(lambda emu, address: seen.append(address))
        with pytest.raises(InstructionFault):
            run(NOP, ILLEGAL)
        assert seen == [CODE + 4]

    def test_nonsense(self, emu, run):
        emu.hook_invalid(lambda emu, address: "skip")
        with pytest.raises(ArgumentTypeError, match="invalid must return"):
            run(ILLEGAL)


ARMS = {
    "code": lambda emu, fn: emu.hook_code(fn),
    "block": lambda emu, fn: emu.hook_block(fn),
    "read": lambda emu, fn: emu.hook_memory(fn, write=False),
    "write": lambda emu, fn: emu.hook_memory(fn, read=False),
    "after": lambda emu, fn: emu.hook_memory(fn, write=False, after=True),
    "fault": lambda emu, fn: emu.hook_fault(fn),
    "exception": lambda emu, fn: emu.hook_exception(fn),
    "insn": lambda emu, fn: emu.hook_insn("mul", fn),
    "invalid": lambda emu, fn: emu.hook_invalid(fn),
}


@pytest.mark.parametrize("kind", ARMS)
def test_exceptions_come_out_of_run(emu, kind):
    def raises(*args):
        raise Boom(kind)

    emu.regs.a1 = DATA
    emu.regs.a2 = 0x77000
    program = {"fault": ld("a0", 0, "a2"), "exception": ECALL, "invalid": ILLEGAL,
               "insn": mul("a0", "a0", "a0"), "write": sw("a0", 0, "a1")}
    data = code(program.get(kind, ld("a0", 0, "a1")), NOP)
    emu.memory.write(CODE, data)
    hook = ARMS[kind](emu, raises)
    with pytest.raises(Boom, match=kind) as info:
        emu.run(CODE, CODE + 8)
    assert any(frame.name == "raises" for frame in traceback.extract_tb(info.value.__traceback__))
    assert emu.pc == CODE
    hook.remove()
    emu.memory.write(CODE, code(NOP, NOP))
    assert emu.run(CODE, CODE + 8).count == 2


def test_the_first_exception_wins(emu, run):
    def first(emu, address, size):
        raise Boom("first")

    def second(emu, address, size):
        raise Boom("second")

    emu.hook_code(first)
    emu.hook_code(second)
    with pytest.raises(Boom, match="first"):
        run(NOP)


def test_base_exceptions_too(emu, run):
    def leave(emu, address, size):
        raise SystemExit(3)

    emu.hook_code(leave)
    with pytest.raises(SystemExit):
        run(NOP)
