"""RISC-V privileged architecture in small programs: traps, interrupts, counters, paging.

Lives here: what takes more than one instruction. Single instructions: the .ins lines.
"""

import pytest
from isa.asm import assemble
from isa.ins import backends

import engine

pytestmark = pytest.mark.skipif(not hasattr(engine, "Emulator"), reason="the engine is not built")
BASE = 0x10000
WIDTHS = ("riscv64", "riscv32")
chosen = {}


@pytest.fixture(autouse=True, params=backends())
def backend(request):
    """Every test runs on every back end: `machine` takes the one of the moment."""
    chosen["backend"] = request.param


def machine(source, arch="riscv64", **options):
    """(emulator, labels) of a program at BASE, guest handles its exceptions, pc at BASE."""
    options.setdefault("exceptions", "guest")
    emu = engine.Emulator(arch, **chosen, **options)
    emu.memory.map(0, 0x200000)
    code, labels = assemble(source, arch, BASE)
    emu.memory.write(BASE, code)
    emu.regs.pc = BASE
    return emu, labels


def run(source, arch="riscv64", until="done", **options):
    emu, labels = machine(source, arch, **options)
    result = emu.run(BASE, labels[until], count=100000)
    assert result.pc == labels[until], f"{result}, mcause {emu.regs.mcause:#x}"
    return emu, labels


# ---------------------------------------------------------------- traps

@pytest.mark.parametrize("arch", WIDTHS)
@pytest.mark.parametrize(("cause", "insn", "value"), [
    (2, "csrrw zero, 0x7c0, a0", 0x7c051073), (3, "ebreak", "here"), (11, "ecall", 0),
    (5, "lw a0, 0(s0)", 0x80000000), (7, "sw a0, 0(s0)", 0x80000000),
    (6, "amoadd.w a0, a0, (s1)", 0x2002), (4, "lr.w a0, (s1)", 0x2002),
    (1, "jalr zero, 0(s0)", 0x80000000), (2, ".word 0", 0)])
def test_exceptions(arch, cause, insn, value):
    emu, labels = run(f"""
        la t0, trap
        csrrw zero, mtvec, t0
        lui s0, 0x80000
        li s1, 0x2002
    here:
        {insn}
    wrong:
        j wrong
        .align 4
    trap:
    done:
        nop
    """, arch)
    epc = 0x80000000 if cause == 1 else labels["here"]
    if arch == "riscv64" and value == 0x80000000:
        value, epc = 0xffffffff80000000, epc if cause != 1 else 0xffffffff80000000
    assert emu.regs.mcause == cause
    assert emu.regs.mepc == epc
    assert emu.regs.mtval == labels.get(value, value)
    assert emu.regs.priv == 3
    assert emu.regs.mstatus >> 11 & 3 == 3


@pytest.mark.parametrize("arch", WIDTHS)
def test_count_is_exact_over_traps(arch):
    """What faults does not retire: mepc + 4, and the handler's instructions are counted."""
    emu, labels = run("""
        la t0, trap
        csrrw zero, mtvec, t0
        csrrs s0, minstret, zero
        ecall
        csrrs s1, minstret, zero
        csrrs s2, minstret, zero
        addi s3, s2, 0
        csrrs s4, minstret, zero
    done:
        nop
        .align 4
    trap:
        csrrs t1, mepc, zero
        addi t1, t1, 4
        csrrw zero, mepc, t1
        mret
    """, arch)
    regs = emu.regs
    assert regs.s0 == 3                 # la is two instructions
    assert regs.s1 - regs.s0 == 1 + 4   # itself, and the handler; ecall not
    assert regs.s2 - regs.s1 == 1
    assert regs.s4 - regs.s2 == 2


@pytest.mark.parametrize("arch", WIDTHS)
def test_counters_can_be_written(arch):
    emu, _ = run("""
        li t0, 1000
        csrrw zero, minstret, t0
        csrrs s0, minstret, zero
        csrrw s1, mcycle, zero
        csrrs s2, mcycle, zero
        csrrs s3, cycle, zero
    done:
        nop
    """, arch)
    assert (emu.regs.s0, emu.regs.s2, emu.regs.s3) == (1000, 0, 1)


@pytest.mark.parametrize("arch", WIDTHS)
def test_user_mode_and_delegation(arch):
    """M starts U code by mret; its ecall goes to S by medeleg, the illegal CSR read to M."""
    emu, labels = run("""
        la t0, mtrap
        csrrw zero, mtvec, t0
        la t0, strap
        csrrw zero, stvec, t0
        li t0, 0x100            # ECALL from U
        csrrw zero, medeleg, t0
        li t0, 0x1800
        csrrc zero, mstatus, t0 # MPP = U
        la t0, user
        csrrw zero, mepc, t0
        mret
    user:
        ecall
    here:
        csrrs a0, mstatus, zero
    wrong:
        j wrong
        .align 4
    strap:
        csrrs s0, scause, zero
        csrrs s1, sepc, zero
        csrrs s2, sstatus, zero
        addi t1, s1, 4
        csrrw zero, sepc, t1
        sret
        .align 4
    mtrap:
        csrrs s3, mcause, zero
        csrrs s4, mepc, zero
        csrrs s5, mstatus, zero
    done:
        nop
    """, arch)
    regs = emu.regs
    assert (regs.s0, regs.s1) == (8, labels["user"])
    assert regs.s2 & 0x100 == 0         # SPP: came from U
    assert (regs.s3, regs.s4) == (2, labels["here"])
    assert regs.s5 >> 11 & 3 == 0       # MPP = U
    assert regs.mtval == 0x30002573


def test_counter_enables():
    source = """
        la t0, trap
        csrrw zero, mtvec, t0
        li t0, {mask}
        csrrw zero, mcounteren, t0
        csrrw zero, scounteren, t0
        li t0, 0x1800
        csrrc zero, mstatus, t0
        la t0, user
        csrrw zero, mepc, t0
        mret
    user:
        csrrs s0, instret, zero
        ecall
        .align 4
    trap:
    done:
        nop
    """
    emu, _ = run(source.format(mask=4))
    assert emu.regs.mcause == 8 and emu.regs.s0 > 0
    emu, labels = run(source.format(mask=3))
    assert emu.regs.mcause == 2 and emu.regs.mepc == labels["user"]


# ---------------------------------------------------------------- interrupts

LOOP = """
        la t0, trap
        addi t0, t0, {mode}
        csrrw zero, mtvec, t0
        li t0, 0x888
        csrrw zero, mie, t0
        csrrsi zero, mstatus, 8
    loop:
        addi a0, a0, 1
        j loop
        .align 64
    trap:
        j direct
        j trap
        j trap
        j soft
        j trap
        j trap
        j trap
        j timer
        j trap
        j trap
        j trap
        j external
    soft:
        li a1, 3
        j done
    timer:
        li a1, 7
        j done
    external:
        li a1, 11
        j done
    direct:
        li a1, 99
    done:
        nop
"""


@pytest.mark.parametrize("arch", WIDTHS)
@pytest.mark.parametrize(("lines", "taken"), [((3,), 3), ((7,), 7), ((11,), 11), ((3, 7), 3),
                                              ((7, 11, 3), 11)])
def test_vectored_interrupts(arch, lines, taken):
    emu, labels = machine(LOOP.format(mode=1), arch)
    for line in lines:
        emu.raise_irq(line)
    result = emu.run(BASE, labels["done"], count=1000)
    assert result.pc == labels["done"]
    assert emu.regs.a1 == taken
    assert emu.regs.mcause == taken | 1 << (int(arch[-2:]) - 1)
    assert emu.regs.mepc == labels["loop"]
    assert emu.regs.a0 == 0


def test_direct_interrupt_while_running():
    emu, labels = machine(LOOP.format(mode=0))

    @emu.hook_code(begin=labels["loop"], end=labels["loop"] + 1)
    def tick(emu, address, size):
        if emu.regs.a0 == 500:
            emu.raise_irq(7)
    result = emu.run(BASE, labels["done"], count=100000)
    assert result.pc == labels["done"] and emu.regs.a1 == 99
    assert 500 <= emu.regs.a0 <= 501
    assert emu.regs.mip == 0x80


def test_wfi():
    source = """
        la t0, trap
        csrrw zero, mtvec, t0
        li t0, 0x80
        csrrw zero, mie, t0
        wfi
    after:
        addi a0, a0, 1
    done:
        nop
        .align 4
    trap:
        j trap
    """
    emu, labels = machine(source)
    result = emu.run(BASE, labels["done"])
    assert result.reason.name == "HALT"
    assert result.pc == labels["after"]
    emu.raise_irq(7)                    # ends the wait although mstatus.MIE is off
    result = emu.run(None, labels["done"])
    assert result.pc == labels["done"] and emu.regs.a0 == 1


# ---------------------------------------------------------------- paging

def table_writer(emu, arch, mode=8):
    """map_page(virtual, physical, flags, level): level 0 is 4 KiB; tables from 0x100000 up.

    mode of satp on RV64: 8 Sv39, 9 Sv48, 10 Sv57."""
    wide = arch == "riscv64"
    size, bits, levels = (8, 9, mode - 5) if wide else (4, 10, 2)
    root, used = 0x100000, [1]

    def map_page(virtual, physical, flags, level=0):
        table = root
        for at in range(levels - 1, level - 1, -1):
            entry = table + (virtual >> 12 + at * bits & (1 << bits) - 1) * size
            if at == level:
                emu.memory.write(entry, (physical >> 12 << 10 | flags).to_bytes(size, "little"))
                return entry
            pte = int.from_bytes(emu.memory.read(entry, size), "little")
            if not pte:
                table_at = root + used[0] * 0x1000
                used[0] += 1
                pte = table_at >> 12 << 10 | 1
                emu.memory.write(entry, pte.to_bytes(size, "little"))
            table = pte >> 10 << 12
        raise AssertionError(level)
    satp = (mode << 60 if wide else 1 << 31) | root >> 12
    return map_page, satp


V, R, W, X, U, G, A, D = (1 << bit for bit in range(8))

PAGED = """
        la t0, trap
        csrrw zero, mtvec, t0
        csrrw zero, satp, s0
        sfence.vma zero, zero
        li t0, 0x1800
        csrrc zero, mstatus, t0
        csrrs zero, mstatus, s1
        csrrw zero, mepc, s2
        mret
        .align 4
    trap:
        csrrs s3, mcause, zero
        csrrs s4, mtval, zero
        csrrs s5, mepc, zero
    done:
        nop
        .align 4096
    user:
        lw a1, 0(a0)
        sw a1, 4(a0)
        ecall
"""
USER_VA, DATA_VA, DATA_PA = 0x400000, 0x403000, 0x80000
MPP_S = 0x800


def paged(arch, flags, level=0, pa=DATA_PA, mstatus=0, code_flags=V | R | X | U | A,
          address=DATA_VA):
    emu, labels = machine(PAGED, arch)
    map_page, satp = table_writer(emu, arch)
    map_page(USER_VA, labels["user"], code_flags)
    entry = map_page(address, pa, flags, level) if level else map_page(address, pa, flags)
    emu.memory.write(DATA_PA, (0x1234).to_bytes(4, "little"))
    emu.regs.s0, emu.regs.s1, emu.regs.s2, emu.regs.a0 = satp, mstatus, USER_VA, address
    emu.regs.a1 = 0
    result = emu.run(BASE, labels["done"], count=1000)
    assert result.pc == labels["done"], result
    pte = int.from_bytes(emu.memory.read(entry, 4), "little")
    return emu, pte


@pytest.mark.parametrize("arch", WIDTHS)
def test_paging_reads_writes_and_sets_a_and_d(arch):
    emu, pte = paged(arch, V | R | W | U)
    assert emu.regs.s3 == 8 and emu.regs.a1 == 0x1234
    assert int.from_bytes(emu.memory.read(DATA_PA + 4, 4), "little") == 0x1234
    assert pte & (A | D) == A | D
    emu, pte = paged(arch, V | R | U)
    assert emu.regs.s3 == 15 and pte & (A | D) == A


@pytest.mark.parametrize("arch", WIDTHS)
@pytest.mark.parametrize(("flags", "cause", "at"), [
    (R | W | U, 13, 0),                 # not valid
    (V | W | U, 13, 0),                 # reserved: W without R
    (V | X | U, 13, 0),                 # execute only, no MXR
    (V | R | W, 13, 0),                 # supervisor page from U
    (V | R | U, 15, 4),
])
def test_page_faults(arch, flags, cause, at):
    emu, _ = paged(arch, flags)
    assert emu.regs.s3 == cause
    assert emu.regs.s4 == DATA_VA + at
    assert emu.regs.s5 == USER_VA + at


@pytest.mark.parametrize("arch", WIDTHS)
def test_fetch_page_fault(arch):
    emu, _ = paged(arch, V | R | W | U, code_flags=V | R | U | A)
    assert (emu.regs.s3, emu.regs.s4, emu.regs.s5) == (12, USER_VA, USER_VA)


@pytest.mark.parametrize("arch", WIDTHS)
def test_sum_and_mxr(arch):
    supervisor = {"code_flags": V | R | X | A}
    emu, _ = paged(arch, V | R | W | U, mstatus=MPP_S, **supervisor)
    assert emu.regs.s3 == 13            # S does not read U pages
    emu, _ = paged(arch, V | R | W | U, mstatus=MPP_S | 1 << 18, **supervisor)
    assert emu.regs.s3 == 9 and emu.regs.a1 == 0x1234
    emu, _ = paged(arch, V | X | U, mstatus=1 << 19)
    assert emu.regs.s3 == 15 and emu.regs.a1 == 0x1234
    emu, _ = paged(arch, V | R | W, mstatus=MPP_S, **supervisor)
    assert emu.regs.s3 == 9
    emu, _ = paged(arch, V | R | W, mstatus=MPP_S)
    assert emu.regs.s3 == 12            # S never fetches from U pages, SUM or not
    emu, _ = paged(arch, V | R | W, mstatus=MPP_S | 1 << 18)
    assert emu.regs.s3 == 12


@pytest.mark.parametrize("arch", WIDTHS)
def test_superpages(arch):
    big = 0x200000 if arch == "riscv64" else 0x400000
    emu, _ = paged(arch, V | R | W | U, 1, 0, address=4 * big + DATA_PA)
    assert emu.regs.s3 == 8 and emu.regs.a1 == 0x1234
    emu, _ = paged(arch, V | R | W | U, 1, 0x1000, address=4 * big + DATA_PA)
    assert emu.regs.s3 == 13            # its address is not a multiple of its size


@pytest.mark.parametrize(("mode", "bits"), [(8, 39), (9, 48), (10, 57)])
def test_modes_and_sign_extension(mode, bits):
    """The upper half of the address space, and addresses in neither half."""
    top = (1 << 64) - (1 << bits - 1)
    for address, cause in ((DATA_VA, 8), (top | DATA_VA, 8), (1 << bits | DATA_VA, 13),
                           (1 << bits - 1 | DATA_VA, 13)):
        emu, labels = machine(PAGED)
        map_page, satp = table_writer(emu, "riscv64", mode)
        map_page(USER_VA, labels["user"], V | R | X | U | A)
        map_page(address & (1 << bits) - 1, DATA_PA, V | R | W | U)
        emu.memory.write(DATA_PA, (0x4321).to_bytes(4, "little"))
        regs = emu.regs
        regs.s0, regs.s1, regs.s2, regs.a0, regs.a1 = satp, 0, USER_VA, address, 0
        assert emu.run(BASE, labels["done"], count=1000).pc == labels["done"]
        assert regs.s3 == cause
        assert regs.a1 == 0x4321 if cause == 8 else regs.s4 == address


def test_satp_ignores_modes_that_are_not_there():
    emu, _ = run("""
        li t0, 1
        slli t0, t0, 0x3f
        csrrw zero, satp, t0
        csrrs s0, satp, zero
        li t1, 1
        slli t1, t1, 0x3e
        csrrw zero, satp, t1
        csrrs s1, satp, zero
        csrrw zero, satp, zero
        csrrs s2, satp, zero
    done:
        nop
    """)
    assert (emu.regs.s0, emu.regs.s1, emu.regs.s2) == (8 << 60, 8 << 60, 0)


@pytest.mark.parametrize(("features", "misa"), [
    (["d"], 1 << 8 | 1 << 3 | 1 << 5), (["m"], 1 << 8 | 1 << 12),
    (["s"], 1 << 8 | 1 << 18 | 1 << 20)])
def test_features_imply_others(features, misa):
    emu = engine.Emulator("riscv64", features=features, **chosen)
    assert emu.regs.misa == misa | 2 << 62


def test_mprv_uses_the_other_modes_translation():
    emu, labels = machine("""
        csrrw zero, satp, s0
        csrrs zero, mstatus, s1
        lw a1, 0(a0)
        csrrc zero, mstatus, s1
        lw a2, 0(a0)
    done:
        nop
    """)
    map_page, satp = table_writer(emu, "riscv64")
    map_page(0x30000, DATA_PA, V | R | W | U)
    emu.memory.write(DATA_PA, (77).to_bytes(4, "little"))
    emu.memory.write(0x30000, (88).to_bytes(4, "little"))
    emu.regs.mstatus &= ~0x1800
    emu.regs.s0, emu.regs.s1, emu.regs.a0 = satp, 1 << 17, 0x30000
    assert emu.run(BASE, labels["done"], count=100).pc == labels["done"]
    assert (emu.regs.a1, emu.regs.a2) == (77, 88)


def test_remap_needs_the_fence_and_gets_it():
    """One virtual page of code shows two physical ones in turn; blocks must not be mixed up."""
    emu, labels = machine("""
        csrrw zero, satp, s0
        csrrs zero, mstatus, s1     # MPP = S, for mret below
        la t0, trap
        csrrw zero, mtvec, t0
        li s6, 4
    again:
        csrrw zero, mepc, s2
        csrrs zero, mstatus, s1
        mret
        .align 4
    trap:
        lw t1, 0(s3)                # swap the two leaf entries
        lw t2, 0(s4)
        sw t2, 0(s3)
        sw t1, 0(s4)
        sfence.vma zero, zero
        addi s6, s6, -1
        bne s6, zero, again
    done:
        nop
        .align 4096
    one:
        addi a0, a0, 1
        ecall
        .align 4096
    two:
        addi a0, a0, 100
        ecall
    """)
    map_page, satp = table_writer(emu, "riscv64")
    regs = emu.regs
    regs.s3 = map_page(USER_VA, labels["one"], V | R | X | A)
    regs.s4 = map_page(USER_VA + 0x1000, labels["two"], V | R | X | A)
    regs.s0, regs.s1, regs.s2, regs.a0 = satp, MPP_S, USER_VA, 0
    regs.mstatus &= ~0x1800
    assert emu.run(BASE, labels["done"], count=1000).pc == labels["done"]
    assert regs.a0 == 202


# ---------------------------------------------------------------- floating-point state

def test_fs_becomes_dirty():
    emu, _ = run("""
        csrrs s0, mstatus, zero
        fmv.d.x fa0, a0
        csrrs s1, mstatus, zero
        li t0, 0x6000
        csrrc zero, mstatus, t0
        li t0, 0x2000
        csrrs zero, mstatus, t0
        flw fa1, 0(a0)
        csrrs s2, mstatus, zero
        csrrc zero, mstatus, t0
        li t0, 0x4000
        csrrc zero, mstatus, t0
        li t0, 0x2000
        csrrs zero, mstatus, t0
        csrrwi zero, fflags, 1
        csrrs s3, mstatus, zero
    done:
        nop
    """)
    for value in (emu.regs.s1, emu.regs.s2, emu.regs.s3):
        assert value >> 13 & 3 == 3 and value >> 63 == 1


def test_fp_off_is_illegal():
    emu, labels = machine("""
        fadd.d fa0, fa1, fa2
    done:
        nop
    """, fp=False, exceptions="host")
    with pytest.raises(engine.Error) as caught:
        emu.run(BASE, labels["done"])
    assert "mstatus.FS" in str(caught.value)


def test_reserved_rounding_mode():
    emu, labels = machine("""
        csrrwi zero, frm, 5
        fadd.d fa0, fa1, fa2, rtz
    here:
        fadd.d fa0, fa1, fa2
    done:
        nop
    """, exceptions="host")
    with pytest.raises(engine.Error) as caught:
        emu.run(BASE, labels["done"])
    assert emu.regs.pc == labels["here"] and "frm" in str(caught.value)
    assert emu.regs.frm == 5


# ---------------------------------------------------------------- code that is odd

def test_instruction_across_two_pages():
    emu, labels = machine("""
        j over
        .align 4096
        .space 0xffe
    over:
        addi a0, a0, 7
    done:
        nop
    """)
    emu.regs.a0 = 1
    assert emu.run(BASE, labels["done"]).count == 2
    assert emu.regs.a0 == 8


def test_jumps_without_c_must_be_aligned():
    features = ["m", "a", "zicsr", "s", "u"]
    for arch in WIDTHS:
        for jump in ("jal zero, target", "beq zero, zero, target", "jalr zero, 2(s0)"):
            emu, labels = machine(f"""
                la t0, trap
                csrrw zero, mtvec, t0
                la s0, base
            base:
                {jump}
                nop
                .align 4
            trap:
            done:
                nop
                .align 4
                .space 2
            target:
                nop
            """, arch, features=features)
            assert emu.run(BASE, labels["done"], count=100).pc == labels["done"]
            assert (emu.regs.mcause, emu.regs.mepc) == (0, labels["base"]), jump


def test_misaligned_loads_and_stores_work():
    emu, _ = run("""
        li a0, 0x20ffd
        li a1, 0x12345678
        sw a1, 0(a0)
        lw a2, 0(a0)
        lhu a3, 1(a0)
    done:
        nop
    """)
    assert (emu.regs.a2, emu.regs.a3) == (0x12345678, 0x3456)


def test_loops_inside_a_block_count_exactly():
    """Forward and backward branches, entered at each count: the same path as step by step."""
    source = """
        li a0, 5
    outer:
        li a1, 3
    inner:
        andi t0, a1, 1
        beq t0, zero, even
        addi a2, a2, 10
        j next
    even:
        addi a2, a2, 1
    next:
        addi a1, a1, -1
        bne a1, zero, inner
        addi a0, a0, -1
        bne a0, zero, outer
    done:
        nop
    """
    emu, labels = machine(source)
    whole = emu.run(BASE, labels["done"])
    trace = []
    emu, labels = machine(source)
    emu.regs.pc = BASE
    while emu.regs.pc != labels["done"]:
        trace.append((emu.regs.pc, emu.regs.a2))
        assert emu.step().count == 1
    assert len(trace) == whole.count
    for count in range(0, len(trace), 7):
        emu, labels = machine(source)
        emu.run(BASE, labels["done"], count=count)
        assert (emu.regs.pc, emu.regs.a2) == trace[count], count
