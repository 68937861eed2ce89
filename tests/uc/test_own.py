"""What engine.unicorn has beyond unicorn, and what it does in another way on purpose.

What lives here: one test for each row of "Differences" in docs/unicorn.md. What does not: what both
do alike (test_compare.py), constants and modules (test_layout.py).
"""

import contextlib
import gc
import pickle
import threading
import weakref

import pytest
from uc.rv import CODE, DATA, EBREAK, ECALL, NOP, addi, bne, jal, load, store, sub

import engine.unicorn as u
from engine.unicorn import riscv_const as r
from engine.unicorn.unicorn import UcContext


def machine(code=b"", mode=None, cls=u.Uc):
    uc = cls(u.UC_ARCH_RISCV, u.UC_MODE_RISCV64 if mode is None else mode)
    uc.mem_map(CODE, 0x1000)
    uc.mem_map(DATA, 0x2000)
    uc.mem_write(CODE, code)
    return uc


@pytest.mark.parametrize("kind", ["CODE", "BLOCK", "MEM_READ", "MEM_READ_AFTER", "MEM_UNMAPPED",
                                  "INTR", "INSN_INVALID", "MEM_FETCH", "EDGE_GENERATED"])
def test_exceptions_of_every_hook_come_out_unchanged(kind):
    uc = machine(load(8, 7, 6) + jal(0, 4) + load(8, 7, 0) + EBREAK + ECALL)
    uc.reg_write(r.UC_RISCV_REG_X6, DATA)
    if kind in ("INTR", "INSN_INVALID"):
        uc.hook_add(u.UC_HOOK_MEM_UNMAPPED,
                    lambda uc, access, address, *rest: uc.mem_map(address & ~0xfff, 0x1000) or 1)
    if kind == "INTR":
        uc.mem_write(CODE + 12, ECALL)
    error = LookupError("mine")

    def fail(*args):
        raise error
    uc.hook_add(getattr(u, "UC_HOOK_" + kind), fail)
    with pytest.raises(LookupError) as caught:
        uc.emu_start(CODE, CODE + 20)
    assert caught.value is error


def test_exceptions_of_devices_come_out():
    uc = machine(load(4, 7, 6))
    uc.reg_write(r.UC_RISCV_REG_X6, 0x400000)

    def fail(*args):
        raise LookupError
    uc.mmio_map(0x400000, 0x1000, fail, None, None, None)
    with pytest.raises(LookupError):
        uc.emu_start(CODE, CODE + 4)


def test_read_after_reports_the_value():
    uc, seen = machine(load(4, 7, 6)), []
    uc.mem_write(DATA, b"\xff" * 4)
    uc.reg_write(r.UC_RISCV_REG_X6, DATA)
    uc.hook_add(u.UC_HOOK_MEM_READ_AFTER, lambda uc, *args: seen.append(args))
    uc.emu_start(CODE, CODE + 4)
    assert seen == [(u.UC_MEM_READ_AFTER, DATA, 4, 0xffffffff, None)]


def test_an_access_that_a_hook_permitted_is_done():
    uc = machine(store(8, 5, 6) + load(8, 7, 6))
    uc.mem_map(0x300000, 0x1000, u.UC_PROT_READ)
    uc.reg_write(r.UC_RISCV_REG_X5, 99)
    uc.reg_write(r.UC_RISCV_REG_X6, 0x300000)
    uc.hook_add(u.UC_HOOK_MEM_PROT,
                lambda uc, *args: uc.mem_protect(0x300000, 0x1000) or True)
    uc.emu_start(CODE, CODE + 4)
    assert uc.mem_read(0x300000, 8) == (99).to_bytes(8, "little")
    uc.mem_protect(0x300000, 0x1000, u.UC_PROT_NONE)
    uc.emu_start(CODE + 4, CODE + 8)
    assert uc.reg_read(r.UC_RISCV_REG_X7) == 99


def test_an_invalid_instruction_hook_can_go_on():
    uc = machine(EBREAK + addi(1, 1, 1))
    uc.hook_add(u.UC_HOOK_INSN_INVALID,
                lambda uc, data: uc.reg_write(r.UC_RISCV_REG_PC, CODE + 4) or True)
    uc.emu_start(CODE, CODE + 8)
    assert uc.reg_read(r.UC_RISCV_REG_X1) == 1


def test_code_that_writes_its_next_instruction():
    uc = machine(store(4, 5, 6, 4) + addi(1, 0, 1))
    uc.reg_write(r.UC_RISCV_REG_X5, int.from_bytes(addi(1, 0, 99), "little"))
    uc.reg_write(r.UC_RISCV_REG_X6, CODE)
    uc.emu_start(CODE, CODE + 8)
    assert uc.reg_read(r.UC_RISCV_REG_X1) == 99


def test_hooks_count_from_the_next_instruction_on():
    uc, seen, handles = machine(NOP * 5), [], {}

    def late(uc, address, size, data):
        seen.append(("late", address - CODE))

    def first(uc, address, size, data):
        seen.append(("first", address - CODE))
        if address == CODE + 8:
            uc.hook_del(handles["first"])
            uc.hook_add(u.UC_HOOK_CODE, late)
    handles["first"] = uc.hook_add(u.UC_HOOK_CODE, first)
    uc.emu_start(CODE, CODE + 20)
    assert seen == [("first", 0), ("first", 4), ("first", 8), ("late", 12), ("late", 16)]


def test_plain_subclasses():
    class Mine(u.Uc):
        def __init__(self, extra):
            super().__init__(u.UC_ARCH_RISCV, u.UC_MODE_RISCV64)
            self.extra = extra

        def mem_read(self, address, size):
            return b"mine" + super().mem_read(address, size)

    @u.ucsubclass
    class Decorated(Mine):
        pass
    for cls in (Mine, Decorated):
        uc = cls(5)
        uc.mem_map(CODE, 0x1000)
        assert type(uc) is cls and uc.extra == 5
        assert uc.mem_read(CODE, 1) == b"mine\0"
    with pytest.raises(u.UcError, match="UC_ERR_HANDLE"):
        Decorated.__new__(Decorated).mem_read(0, 1)


def test_unknown_architectures_are_unsupported():
    for arch in (u.UC_ARCH_SPARC, 0, 99):
        with pytest.raises(u.UcError, match="UC_ERR_ARCH"):
            u.Uc(arch, 4)
    assert not u.uc_arch_supported(u.UC_ARCH_SPARC)


def test_bytes_like_data_can_be_written():
    uc = machine()
    for data in (bytearray(b"ab"), memoryview(b"cd")):
        uc.mem_write(DATA, data)
        assert uc.mem_read(DATA, 2) == bytes(data)
    assert type(uc.mem_read(DATA, 2)) is bytearray


def test_errors_have_the_reason():
    uc = machine(load(8, 7, 6))
    uc.reg_write(r.UC_RISCV_REG_X6, 0x900000)
    with pytest.raises(u.UcError) as caught:
        uc.emu_start(CODE, CODE + 4)
    cause = caught.value.__cause__
    assert (cause.address, cause.access, cause.size, cause.pc) == (0x900000, "read", 8, CODE)
    assert pickle.loads(pickle.dumps(caught.value)).errno == u.UC_ERR_READ_UNMAPPED
    assert uc.errno == u.UC_ERR_READ_UNMAPPED


def test_edges_and_subtractions():
    uc, edges, operands = machine(sub(3, 1, 2) + jal(0, 4) + NOP), [], []
    uc.reg_write(r.UC_RISCV_REG_X1, 10)
    uc.reg_write(r.UC_RISCV_REG_X2, 3)
    uc.hook_add(u.UC_HOOK_EDGE_GENERATED, lambda uc, now, before, data: edges.append(
        (now.pc, now.icount, now.size, before.pc, before.icount, before.size, data)), "d")
    uc.hook_add(u.UC_HOOK_TCG_OPCODE, lambda uc, *args: operands.append(args), "d",
                aux1=u.UC_TCG_OP_SUB, aux2=u.UC_TCG_OP_FLAG_DIRECT)
    uc.emu_start(CODE, CODE + 12)
    assert edges == [(CODE + 8, 1, 4, CODE, 2, 8, "d")]
    assert operands == [(CODE, 10, 3, 64, "d")]
    with pytest.raises(u.UcError, match="UC_ERR_ARG"):
        uc.hook_add(u.UC_HOOK_TCG_OPCODE, print, aux1=7)


def test_a_tlb_that_hooks_fill():
    uc, seen = machine(load(8, 7, 6) + store(8, 7, 6, 8)), []
    uc.mem_write(DATA + 0x1000, (4711).to_bytes(8, "little"))
    uc.reg_write(r.UC_RISCV_REG_X6, 0x7000000)

    def fill(uc, address, access, entry, data):
        seen.append((address, access, data))
        if address == CODE:
            entry.paddr, entry.perms = CODE, u.UC_PROT_EXEC | u.UC_PROT_READ
            return True
        entry.paddr, entry.perms = DATA + 0x1000, u.UC_PROT_READ
        return address == 0x7000000
    uc.ctl_set_tlb_mode(u.UC_TLB_VIRTUAL)
    uc.hook_add(u.UC_HOOK_TLB_FILL, fill, "d")
    with pytest.raises(u.UcError, match="UC_ERR_WRITE_PROT"):
        uc.emu_start(CODE, CODE + 8)
    assert uc.reg_read(r.UC_RISCV_REG_X7) == 4711
    assert seen[:2] == [(CODE, u.UC_MEM_FETCH, "d"), (0x7000000, u.UC_MEM_READ, "d")]
    uc.reg_write(r.UC_RISCV_REG_X6, 0x8000000)
    with pytest.raises(u.UcError, match="UC_ERR_READ_UNMAPPED"):
        uc.emu_start(CODE, CODE + 4)
    uc.ctl_set_tlb_mode(u.UC_TLB_CPU)
    uc.reg_write(r.UC_RISCV_REG_X6, DATA)
    uc.emu_start(CODE, CODE + 8)


def test_a_fill_hook_that_raises():
    uc = machine(NOP)

    def fail(*args):
        raise LookupError
    uc.ctl_set_tlb_mode(u.UC_TLB_VIRTUAL)
    uc.hook_add(u.UC_HOOK_TLB_FILL, fail)
    with pytest.raises(LookupError):
        uc.emu_start(CODE, CODE + 4)


def test_memory_contexts():
    uc = machine()
    uc.mem_write(DATA, b"before")
    uc.ctl_context_mode(u.UC_CTL_CONTEXT_MEMORY | u.UC_CTL_CONTEXT_CPU)
    context = pickle.loads(pickle.dumps(uc.context_save()))
    uc.mem_write(DATA, b"behind")
    uc.mem_protect(DATA, 0x1000, u.UC_PROT_READ)
    uc.mem_unmap(DATA + 0x1000, 0x1000)
    uc.mem_map(0x900000, 0x1000)
    uc.reg_write(r.UC_RISCV_REG_A0, 5)
    uc.context_restore(context)
    assert uc.mem_read(DATA, 6) == b"before"
    assert list(uc.mem_regions()) == [(CODE, CODE + 0xfff, 7), (DATA, DATA + 0x1fff, 7)]
    assert uc.reg_read(r.UC_RISCV_REG_A0) == 0


def test_contexts_are_whole():
    uc = machine(addi(7, 7, 1) + NOP + addi(8, 8, 1))
    uc.reg_write_batch([(r.UC_RISCV_REG_X7, 5), (r.UC_RISCV_REG_PC, CODE + 4)])
    again = [uc.context_save()]
    uc.hook_add(u.UC_HOOK_CODE, lambda *args: again and uc.context_restore(again.pop()), None,
                CODE + 8, CODE + 8)
    uc.emu_start(CODE, CODE + 12)       # in the hook back to the second instruction, and X7 to 5
    assert uc.reg_read_batch([r.UC_RISCV_REG_X7, r.UC_RISCV_REG_X8]) == (5, 1) and not again


def test_contexts_of_one_engine_in_another():
    uc = machine(mode=u.UC_MODE_RISCV64)
    uc.reg_write_batch([(r.UC_RISCV_REG_X7, 5), (r.UC_RISCV_REG_F3, 9)])
    context = uc.context_save()
    context.reg_write(r.UC_RISCV_REG_X8, 6)         # what was changed in it goes back, too
    uc.reg_write_batch([(r.UC_RISCV_REG_X7, 0), (r.UC_RISCV_REG_F3, 0)])
    del uc
    other = machine()
    untouched = machine().context_save()
    for _ in range(2):
        other.context_restore(context)
        ids = [r.UC_RISCV_REG_X7, r.UC_RISCV_REG_X8, r.UC_RISCV_REG_F3]
        assert other.reg_read_batch(ids) == context.reg_read_batch(ids) == (5, 6, 9)
        other.context_restore(untouched)
        assert other.reg_read_batch(ids) == (0, 0, 0)


@pytest.mark.parametrize("where", ["idle", "hook", "device"])
@pytest.mark.parametrize("mode", [2, 3])
def test_memory_contexts_everywhere(mode, where):
    """As snapshots, as copies in hooks and beside devices; registers stay in mode 2."""
    uc = machine(NOP * 2)
    if where == "device":
        uc.mmio_map(DATA + 0x2000, 0x1000, lambda *args: 7, None, None, None)
    uc.mem_write(DATA, b"before")
    uc.ctl_context_mode(mode)
    saved = []

    def save(*args):
        saved[:] = [uc.context_save()]
        saved.append(pickle.loads(pickle.dumps(saved[0])))

    def restore(*args):
        uc.context_restore(saved[0])

    def change():
        uc.mem_write(DATA, b"after!")
        uc.mem_protect(DATA + 0x1000, 0x1000, 1)
        uc.mem_map(0x900000, 0x1000)
        uc.reg_write(r.UC_RISCV_REG_X9, 4)

    if where == "hook":
        uc.hook_add(u.UC_HOOK_CODE, save, None, CODE, CODE)
        uc.emu_start(CODE, CODE + 4)
    else:
        save()
    for _ in range(2):
        change()
        if where == "hook":
            hook = uc.hook_add(u.UC_HOOK_CODE, restore, None, CODE + 4, CODE + 4)
            uc.emu_start(CODE + 4, CODE + 8, count=1)
            uc.hook_del(hook)
        else:
            restore()
        assert uc.mem_read(DATA, 6) == b"before"
        regions = [(DATA, DATA + 0x1fff, 7)]
        assert [region for region in uc.mem_regions() if region[0] in range(DATA, DATA + 0x2000)
                or region[0] == 0x900000] == regions
        assert uc.reg_read(r.UC_RISCV_REG_X9) == (4 if mode == 2 else 0)
        saved.reverse()


def test_contexts_of_other_guests_are_refused():
    narrow = u.Uc(u.UC_ARCH_RISCV, u.UC_MODE_RISCV32)
    with pytest.raises(u.UcError, match="UC_ERR_ARG"):
        narrow.context_restore(machine().context_save())
    with pytest.raises(u.UcError, match="UC_ERR_HANDLE"):
        UcContext.__new__(UcContext).reg_read(1)
    context = machine().context_save()
    with pytest.raises(u.UcError, match="UC_ERR_ARG"):
        UcContext.__new__(UcContext).__setstate__((b"short", 5, context.arch, context.mode, None))


def test_cpu_models():
    mul = bytes.fromhex("b303b502")         # mul x7, x10, x11
    for model, has in ((None, True), (0, True), (1, False), (2, True), (3, True)):
        uc = u.Uc(u.UC_ARCH_RISCV, u.UC_MODE_RISCV64, model)
        uc.mem_map(CODE, 0x1000)
        uc.mem_write(CODE, mul)
        uc.reg_write_batch([(r.UC_RISCV_REG_X10, 6), (r.UC_RISCV_REG_X11, 7)])
        with contextlib.nullcontext() if has else pytest.raises(u.UcError):
            uc.emu_start(CODE, CODE + 4)
        assert uc.reg_read(r.UC_RISCV_REG_X7) == 42 * has
        assert uc.ctl_get_cpu_model() == (3 if model is None else model)
        # Another's context, and one whose registers are read, are those of the model.
        context = uc.context_save()
        assert context.reg_read(r.UC_RISCV_REG_X10) == 6
    for model in (4, -1, 1 << 40):
        with pytest.raises(u.UcError, match="UC_ERR_ARG"):
            u.Uc(u.UC_ARCH_RISCV, u.UC_MODE_RISCV64, model)


def test_controls():
    uc = u.Uc(u.UC_ARCH_RISCV, u.UC_MODE_RISCV64, 1)
    assert uc.ctl_get_cpu_model() == 1
    uc.ctl_set_tcg_buffer_size(1 << 20)
    assert uc.ctl_get_tcg_buffer_size() == 1 << 20
    uc.mem_map(CODE, 0x1000)
    uc.mem_write(CODE, NOP + jal(0, 8))
    assert uc.ctl_request_cache(CODE) == (CODE, 2, 8)
    for action in (uc.ctl_flush_tb, uc.ctl_flush_tlb, lambda: uc.ctl_remove_cache(CODE, CODE + 8)):
        action()
        uc.emu_start(CODE, CODE + 4)
    with pytest.raises(u.UcError, match="UC_ERR_FETCH_UNMAPPED"):
        uc.ctl_request_cache(0x900000)
    with pytest.raises(u.UcError, match="UC_ERR_ARG"):
        u.Uc(u.UC_ARCH_RISCV, u.UC_MODE_RISCV64, 99)


def test_virtual_memory_methods():
    uc = machine()
    uc.vmem_write(DATA, b"abc")
    assert uc.vmem_read(DATA, 3) == b"abc" and uc.vmem_translate(DATA + 1) == DATA + 1
    with pytest.raises(u.UcError, match="UC_ERR_READ_UNMAPPED"):
        uc.vmem_read(0x900000, 1)


def test_runs_in_runs_have_an_end():
    uc = machine(NOP * 2)

    def again(uc, address, size, data):
        uc.emu_start(CODE, CODE + 8)
    uc.hook_add(u.UC_HOOK_CODE, again)
    with pytest.raises(u.UcError, match="UC_ERR_ARG"):
        uc.emu_start(CODE, CODE + 8)
    uc.mmio_map(0x400000, 0x1000, lambda uc, *args: uc.emu_start(CODE, CODE + 4) or 0, None, None,
                None)
    for handle in list(uc._callbacks):
        uc.hook_del(handle)
    uc.mem_write(CODE, load(4, 7, 6))
    uc.reg_write(r.UC_RISCV_REG_X6, 0x400000)
    with pytest.raises(u.UcError, match="UC_ERR_ARG"):      # a device is no hook
        uc.emu_start(CODE, CODE + 4)
    uc.emu_start(CODE + 4, CODE + 4)


def test_a_run_in_a_hook_that_changes_everything():
    uc = machine(addi(1, 0, 1) + addi(2, 1, 1) + addi(3, 2, 1))
    uc.mem_write(CODE + 0x100, addi(1, 0, 100))
    done = []

    def hook(uc, address, size, data):
        if address == CODE + 4 and not done:
            done.append(uc.emu_start(CODE + 0x100, CODE + 0x104))
            uc.mem_write(CODE + 8, addi(3, 2, 10))
    uc.hook_add(u.UC_HOOK_CODE, hook)
    uc.emu_start(CODE, CODE + 12)
    assert uc.reg_read_batch([2, 3, 4]) == (100, 101, 111)      # ids: x1 is 2


def test_devices_that_are_read_by_the_host():
    uc = machine(NOP)
    calls = []

    def read(uc, offset, size, data):
        calls.append(offset)
        if offset == 0x100:
            raise LookupError
        if data and offset == 0:
            uc.mem_unmap(DATA + 0x2000, 0x1000)
            uc.emu_start(CODE, CODE + 4)
        return 7

    uc.mmio_map(DATA + 0x2000, 0x1000, read, True, None, None)
    # One access of two calls: the device stays until it is done.
    assert uc.mem_read(DATA + 0x2000, 8) == b"\7\0\0\0" * 2
    uc.mmio_map(DATA + 0x2000, 0x1000, read, False, None, None)
    with pytest.raises(LookupError):
        uc.mem_read(DATA + 0x2000, 0x1000)
    assert calls[-1] == 0x100                   # none after the one that raised


def test_a_device_that_is_called_all_the_time_shares_the_gil():
    """The run keeps the GIL then; others get it nevertheless, runs inside and reads work."""
    uc = machine(load(4, 7, 6) + addi(5, 5, -1) + bne(5, 0, -8))
    uc.mem_write(CODE + 0x100, load(4, 8, 6) * 200)
    calls = turns = inside = 0
    hooks = []
    done = threading.Event()

    def run_inside(uc, *args):
        nonlocal inside
        before = calls
        uc.emu_start(CODE + 0x100, CODE + 0x100 + 800)
        inside += calls - before
        uc.hook_del(hooks.pop())

    def read(uc, offset, size, data):
        nonlocal calls
        calls += 1
        if calls == 2000:
            assert uc.mem_read(DATA + 0x2000, 4) == b"\7\0\0\0"
            hooks.append(uc.hook_add(u.UC_HOOK_CODE, run_inside, None, CODE + 4, CODE + 4))
        return 7

    def count():
        nonlocal turns
        while not done.wait(1e-4):
            turns += 1

    uc.mmio_map(DATA + 0x2000, 0x1000, read, None, None, None)
    uc.reg_write(r.UC_RISCV_REG_X6, DATA + 0x2000)
    uc.reg_write(r.UC_RISCV_REG_X5, 1000000)
    thread = threading.Thread(target=count)
    thread.start()
    try:
        uc.emu_start(CODE, CODE + 12)
        meanwhile = turns
    finally:
        done.set()
        thread.join()
    assert (calls, inside, hooks) == (1000201, 200, [])
    assert meanwhile and uc.reg_read(r.UC_RISCV_REG_X7) == uc.reg_read(r.UC_RISCV_REG_X8) == 7


def test_threads_that_need_the_engine_first():
    both = threading.Barrier(2)

    class Slow(u.Uc):
        def _open(self):
            both.wait(60)
            return super()._open()

    uc = Slow(u.UC_ARCH_RISCV, u.UC_MODE_RISCV64)
    threads = [threading.Thread(target=uc.mem_map, args=(address, 0x1000))
               for address in (CODE, DATA)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [first for first, _, _ in uc.mem_regions()] == [CODE, DATA]


def test_stop_from_another_thread():
    uc = machine(jal(0, 0))
    timer = threading.Timer(0.05, uc.emu_stop)
    timer.start()
    uc.emu_start(CODE, CODE + 4)
    timer.join()
    assert uc.reg_read(r.UC_RISCV_REG_PC) == CODE


def test_engines_go_with_their_last_reference():
    class Owner(u.Uc):
        def on_code(self, uc, address, size, data):
            pass
    uc = machine(NOP, cls=Owner)
    uc.hook_add(u.UC_HOOK_CODE, uc.on_code)         # a cycle: for the collector
    uc.mmio_map(0x400000, 0x1000, lambda *args: 0, uc, None, None)
    uc.emu_start(CODE, CODE + 4)
    gone = weakref.ref(uc)
    del uc
    gc.collect()
    assert gone() is None
    plain = machine(NOP)
    plain.emu_start(CODE, CODE + 4)
    gone = weakref.ref(plain)
    del plain
    assert gone() is None


def test_a_device_outlives_its_engine():
    uc = machine()
    uc.mmio_map(0x400000, 0x1000, lambda uc, *args: 7, None, None, None)
    emulator = uc.emulator
    assert emulator.memory.read(0x400000, 4) == b"\x07\0\0\0"
    del uc
    assert emulator.memory.read(0x400000, 4) == bytes(4)


def test_register_ids_without_a_register(capfd, monkeypatch):
    monkeypatch.delenv("UC_IGNORE_REG_BREAK", raising=False)
    uc = machine()
    assert uc.reg_read(5000) == 0
    assert "5000" in capfd.readouterr().err
    uc.reg_write(5000, 1)
    assert uc.reg_read_batch([5000, r.UC_RISCV_REG_X0]) == (0, 0)
    monkeypatch.setenv("UC_IGNORE_REG_BREAK", "1")
    capfd.readouterr()
    assert uc.reg_read(r.UC_RISCV_REG_HSTATUS) == 0
    for action in (lambda: uc.reg_read(5000), lambda: uc.reg_write(5000, 1),
                   lambda: uc.reg_read_batch([5000])):
        with pytest.raises(u.UcError, match="UC_ERR_ARG"):
            action()
    assert capfd.readouterr().err == ""


def test_hooks_that_delete_themselves():
    uc = machine(load(4, 7, 6) * 3)
    uc.reg_write(r.UC_RISCV_REG_X6, DATA)
    kinds = [u.UC_HOOK_CODE, u.UC_HOOK_BLOCK, u.UC_HOOK_MEM_READ, u.UC_HOOK_MEM_READ_AFTER]
    handles = []

    def clear(uc, *args):
        while handles:
            uc.hook_del(handles.pop())
        gc.collect()
    handles += [uc.hook_add(kind, clear) for kind in kinds]
    uc.emu_start(CODE, CODE + 12)
    assert handles == []
    with pytest.raises(KeyError):
        uc.hook_del(1)
