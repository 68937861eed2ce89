"""What engine.unicorn does for x86 that unicorn does not, or does in another way.

What lives here: one test for each row of "Differences" in docs/unicorn.md that is about x86. What
does not: what both do alike (x86_scenarios.py).
"""

import contextlib

import pytest
from uc.x86_scenarios import CODE, DATA, Machine

import engine.unicorn as u
from engine.unicorn import x86_const as r


def machine(bits, code="", **registers):
    return Machine(u, r, bits, code, **registers)


@pytest.mark.parametrize(("insn", "code"), [("RDTSC", "0f31"), ("RDTSCP", "0f01f9")])
def test_time_stamp_hooks(insn, code):
    m = machine(64, code + "ffc3")

    def stamp(uc, data):
        m.write(EAX=0x1234, EDX=0x5678)
        return 1
    handle = m.hook("INSN", stamp, aux1=getattr(r, "UC_X86_INS_" + insn))
    m.run()
    assert m.read("RAX", "RDX", "RBX") == [0x1234, 0x5678, 1]
    m.uc.hook_del(handle)
    m.run()
    assert m.read("RAX") != [0x1234]


def test_hooks_that_do_the_instruction_may_move_and_stop():
    m = machine(64, "0fa2 ffc3 ffc3 ffc3")

    def move(uc, data):
        m.write(RIP=CODE + 6)
        return 1
    handle = m.hook("INSN", move, aux1=r.UC_X86_INS_CPUID)
    m.run()
    assert m.read("RBX", "RIP") == [1, CODE + 8]
    m.uc.hook_del(handle)
    m.hook("INSN", lambda uc, data: uc.emu_stop() or 1, aux1=r.UC_X86_INS_CPUID)
    m.run()
    assert m.read("RIP")[0] in (CODE, CODE + 2)


def test_a_fault_that_no_hook_mends_ends_the_run():
    m = machine(64, "90 f7f1 90")
    m.hook("INTR")
    m.run()
    assert [event[1] for event in m.seen[:-2]] == [0, 0]
    assert m.seen[-2:-1] == ["ok"] and m.read("RIP") == [CODE + 1]


def test_mmx_registers():
    m = machine(64, MM3=0x1122334455667788)
    assert m.read("MM3", "FP3")[0] == 0x1122334455667788
    m.write(FP3=(5, 6))
    assert m.read("MM3") == [5]


@pytest.mark.parametrize("model, has", [
    (7, ""), (8, "rdtsc"), (9, "rdtsc cmov"), (10, "rdtsc cmov"), (2, "rdtsc cmov sse"),
    (15, "rdtsc cmov sse popcnt"), (19, "rdtsc cmov sse popcnt avx"),
    (None, "rdtsc cmov sse popcnt avx")])
def test_cpu_models(model, has):
    codes = {"rdtsc": "0f31", "cmov": "0f44c3", "sse": "0f58c1", "popcnt": "f30fb8c3",
             "avx": "c5fc58c1"}
    found = []
    for name, code in codes.items():
        uc = u.Uc(u.UC_ARCH_X86, u.UC_MODE_32, model)
        uc.mem_map(0x10000, 0x1000)
        uc.mem_write(0x10000, bytes.fromhex(code))
        with contextlib.suppress(u.UcError):
            uc.emu_start(0x10000, 0x10000 + len(code) // 2)
            found.append(name)
    assert found == has.split()


def test_models_that_the_engine_does_not_have():
    for mode in (u.UC_MODE_64, u.UC_MODE_32, u.UC_MODE_16):
        for model in (0, 1, 7, 10, 37):
            uc = u.Uc(u.UC_ARCH_X86, mode, model)
            uc.mem_map(0x1000, 0x1000)
            assert uc.ctl_get_cpu_model() == model
        for model in (-1, 38):
            with pytest.raises(u.UcError, match="UC_ERR_ARG"):
                u.Uc(u.UC_ARCH_X86, mode, model)


def test_wide_registers_of_contexts():
    m = machine(64, YMM2=1 << 255 | 5, FP6=(7, 8), FPSW=0x3000)
    context = m.uc.context_save()
    assert context.reg_read(r.UC_X86_REG_YMM2) == 1 << 255 | 5
    assert context.reg_read(r.UC_X86_REG_XMM2) == 5
    assert context.reg_read(r.UC_X86_REG_ST0) == 7
    context.reg_write(r.UC_X86_REG_ST1, 99)
    context.reg_write(r.UC_X86_REG_XMM2, 6)
    context.reg_write(r.UC_X86_REG_FP0, (1, 2))
    m.uc.context_restore(context)
    assert m.read("FP7", "FP0", "YMM2") == [(99, 0), (1, 2), 1 << 255 | 6]


def test_wrong_values_of_registers():
    m = machine(64)
    for name, value in (("FP1", 5), ("XMM1", 1.5), ("RAX", "x"), ("FP1", (1, 2, 3))):
        with pytest.raises(TypeError):
            m.write(**{name: value})


def test_a_call_that_a_nested_run_answers():
    m = machine(64, "ffc0 0f05 ffc0")
    m.uc.mem_write(CODE + 0x100, bytes.fromhex("ffc3 ffc3"))
    m.hook("INSN", lambda uc, data: uc.emu_start(CODE + 0x100, CODE + 0x104),
           aux1=r.UC_X86_INS_SYSCALL)
    m.run()
    assert m.read("RAX", "RBX", "RIP") == [2, 2, CODE + 6]


def test_the_tag_word_is_the_hardware_s():
    m = machine(64)
    assert m.read("FPTAG", "FPCW", "MXCSR") == [0xffff, 0x37f, 0x1f80]


def test_real_mode_follows_linear_addresses():
    """unicorn wraps `begin` within the segment that CS had."""
    uc = u.Uc(u.UC_ARCH_X86, u.UC_MODE_16)
    uc.mem_map(0, 0x40000)
    uc.mem_write(0x23450, bytes.fromhex("b83412"))
    uc.emu_start(0x23450, 0x23453)
    assert [uc.reg_read(getattr(r, "UC_X86_REG_" + name)) for name in ("AX", "CS", "IP")] == [
        0x1234, 0x2000, 0x3453]


def test_subtractions():
    m = machine(64, "29d8 39d8", RAX=9, RBX=4)
    operands = []
    m.uc.hook_add(u.UC_HOOK_TCG_OPCODE, lambda uc, *args: operands.append(args), "d",
                  aux1=u.UC_TCG_OP_SUB, aux2=u.UC_TCG_OP_FLAG_DIRECT)
    m.run()
    assert operands == [(CODE, 9, 4, 32, "d")]
    assert m.read("RIP") == [CODE + 4] and DATA


def test_subtractions_of_memory_and_numbers():
    # sub eax, 5; sub qword [rdi + rcx*8 - 8], rbx; sub rsp, -8; sub cl, [0x66666000]
    m = machine(64, "83e805 48295ccff8 4883ecf8 2a0c2500606666", RAX=9, RBX=4, RCX=3, RDI=DATA,
                RSP=DATA + 0x80)
    m.uc.mem_write(DATA + 16, (77).to_bytes(8, "little"))
    operands = []
    m.uc.hook_add(u.UC_HOOK_TCG_OPCODE, lambda uc, *args: operands.append(args[1:4]), None,
                  aux1=u.UC_TCG_OP_SUB, aux2=u.UC_TCG_OP_FLAG_DIRECT)
    m.run()
    assert operands == [(9, 5, 32), (77, 4, 64), (DATA + 0x80, (1 << 64) - 8, 64), (3, 0, 8)]
