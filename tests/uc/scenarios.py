"""Client code that runs on unicorn and on engine.unicorn alike, and answers what it saw.

What lives here: functions of (module `unicorn`, module `riscv_const`) that return a list of events,
registers, errors. What does not: the comparison (test_compare.py). Who calls it: that.
"""

from uc.rv import (
    CODE,
    DATA,
    EBREAK,
    ECALL,
    FADD_D,
    ILLEGAL,
    NOP,
    WFI,
    addi,
    bne,
    jal,
    load,
    mul,
    store,
    sub,
)

SCENARIOS = []


def scenario(function):
    SCENARIOS.append(function)
    return function


def machine(u, code=b"", mode=None, perms=7):
    uc = u.Uc(u.UC_ARCH_RISCV, u.UC_MODE_RISCV64 if mode is None else mode)
    uc.mem_map(CODE, 0x1000, perms)
    uc.mem_map(DATA, 0x2000)
    uc.mem_write(CODE, code)
    return uc


def attempt(seen, what, action):
    """Log what an action answers or raises."""
    try:
        seen.append((what, action()))
    except Exception as error:
        seen.append((what, type(error).__name__, getattr(error, "errno", None), str(error),
                     error.args))


def start(u, uc, seen, code, r, **limits):
    try:
        uc.emu_start(CODE, CODE + len(code), **limits)
        seen.append("ok")
    except u.UcError as error:
        seen.append((error.errno, str(error), error.args))
    seen.append(("pc", uc.reg_read(r.UC_RISCV_REG_PC)))
    seen.append([uc.reg_read(r.UC_RISCV_REG_X0 + index) for index in range(1, 16)])


LOOP = (addi(1, 0, 5) + addi(2, 2, 3) + mul(3, 2, 1) + addi(1, 1, -1) + bne(1, 0, -12)
        + sub(4, 3, 2))


@scenario
def code_and_block_events(u, r):
    uc, seen = machine(u, LOOP), []
    uc.hook_add(u.UC_HOOK_BLOCK, lambda uc, a, n, d: seen.append(("block", a, n, d)), "B")
    uc.hook_add(u.UC_HOOK_CODE, lambda uc, a, n, d: seen.append(
        ("code", a, n, d, uc.reg_read(r.UC_RISCV_REG_PC), uc.reg_read(r.UC_RISCV_REG_X2))), 1)
    uc.hook_add(u.UC_HOOK_CODE, lambda uc, a, n, d: seen.append(("code", a, n, d)), 2,
                CODE + 8, CODE + 12)
    start(u, uc, seen, LOOP, r)
    return seen


@scenario
def count_and_limits(u, r):
    seen = []
    for count in (1, 2, 5, 7, 1000):
        uc = machine(u, LOOP)
        start(u, uc, seen, LOOP, r, count=count)
    uc = machine(u, LOOP)
    uc.emu_start(CODE, CODE)
    seen.append(uc.reg_read(r.UC_RISCV_REG_PC))
    forever = machine(u, jal(0, 0))
    forever.emu_start(CODE, CODE + 4, timeout=20000)
    seen.append((forever.reg_read(r.UC_RISCV_REG_PC), forever.query(u.UC_QUERY_TIMEOUT),
                 forever.ctl_get_timeout()))
    return seen


MEMORY = (store(8, 5, 6) + load(8, 7, 6) + store(1, 5, 6, 9) + load(1, 8, 6, 9) + load(4, 9, 6, 4)
          + store(2, 5, 6, 0x12))


@scenario
def memory_events(u, r):
    uc, seen = machine(u, MEMORY), []
    uc.reg_write(r.UC_RISCV_REG_X5, 0xfedcba9876543210)
    uc.reg_write(r.UC_RISCV_REG_X6, DATA)

    def access(uc, kind, address, size, value, data):
        seen.append((kind, address, size, value, data, uc.reg_read(r.UC_RISCV_REG_PC),
                     bytes(uc.mem_read(DATA, 16))))
    uc.hook_add(u.UC_HOOK_MEM_READ | u.UC_HOOK_MEM_WRITE, access, "all")
    uc.hook_add(u.UC_HOOK_MEM_WRITE, access, "some", DATA + 9, DATA + 9)
    start(u, uc, seen, MEMORY, r)
    return seen


@scenario
def a_read_hook_supplies_the_value(u, r):
    code = load(8, 7, 6)
    uc, seen = machine(u, code), []
    uc.reg_write(r.UC_RISCV_REG_X6, DATA)
    uc.hook_add(u.UC_HOOK_MEM_READ,
                lambda uc, kind, a, n, v, d: uc.mem_write(a, (77).to_bytes(8, "little")))
    start(u, uc, seen, code, r)
    return seen


@scenario
def faults_without_hooks(u, r):
    seen = []
    for code in (load(8, 7, 6), store(4, 7, 6), addi(1, 1, 1) + jal(0, -0x8000)):
        uc = machine(u, addi(2, 2, 1) + code)
        uc.reg_write(r.UC_RISCV_REG_X6, 0x900000)
        start(u, uc, seen, addi(2, 2, 1) + code, r)
    for perms, code in ((u.UC_PROT_WRITE, load(8, 7, 6)), (u.UC_PROT_READ, store(4, 7, 6)),
                        (u.UC_PROT_NONE, load(1, 7, 6))):
        uc = machine(u, addi(2, 2, 1) + code)
        uc.mem_map(0x300000, 0x1000, perms)
        uc.reg_write(r.UC_RISCV_REG_X6, 0x300000)
        start(u, uc, seen, addi(2, 2, 1) + code, r)
    uc = machine(u, NOP, perms=u.UC_PROT_READ | u.UC_PROT_WRITE)
    start(u, uc, seen, NOP, r)
    return seen


@scenario
def fault_hooks_map_and_retry(u, r):
    code = store(8, 5, 6) + load(8, 7, 6) + addi(8, 8, 1)
    uc, seen = machine(u, code), []
    uc.reg_write(r.UC_RISCV_REG_X5, 123)
    uc.reg_write(r.UC_RISCV_REG_X6, 0x900008)

    def unmapped(uc, kind, address, size, value, data):
        seen.append((kind, address, size, value, uc.reg_read(r.UC_RISCV_REG_PC)))
        uc.mem_map(address & ~0xfff, 0x1000)
        return True
    uc.hook_add(u.UC_HOOK_MEM_UNMAPPED, unmapped)
    start(u, uc, seen, code, r)
    return seen


@scenario
def order_of_hooks_at_faults(u, r):
    seen = []
    for code in (load(8, 7, 6), store(8, 5, 6)):
        for perms in (None, u.UC_PROT_NONE):
            for mend in (False, True):
                if mend and perms is not None:
                    continue        # unicorn loses the access, or crashes: test_own.py
                uc = machine(u, code + addi(8, 8, 1))
                if perms is not None:
                    uc.mem_map(0x300000, 0x1000, perms)
                uc.reg_write(r.UC_RISCV_REG_X5, 99)
                uc.reg_write(r.UC_RISCV_REG_X6, 0x300000)

                def fault(uc, *args, mend=mend):
                    seen.append(("fault", *args))
                    if mend:
                        uc.mem_map(0x300000, 0x1000)
                    return mend
                uc.hook_add(u.UC_HOOK_MEM_INVALID, fault)
                uc.hook_add(u.UC_HOOK_MEM_READ | u.UC_HOOK_MEM_WRITE,
                            lambda uc, *args: seen.append(args))
                start(u, uc, seen, NOP * 2, r)
    return seen


@scenario
def code_written_by_the_host(u, r):
    code = addi(1, 0, 1) + addi(2, 0, 2)
    uc, seen = machine(u, code), []
    start(u, uc, seen, code, r)
    uc.mem_write(CODE + 4, addi(2, 0, 55))
    start(u, uc, seen, code, r)
    return seen


@scenario
def fault_hooks_that_refuse_or_lie(u, r):
    seen = []
    for answer in (False, True):
        uc = machine(u, load(8, 7, 6))
        uc.reg_write(r.UC_RISCV_REG_X6, 0x900000)

        def unmapped(uc, kind, address, size, value, data, answer=answer):
            seen.append((kind, address, size))
            return answer
        uc.hook_add(u.UC_HOOK_MEM_READ_UNMAPPED, unmapped)
        start(u, uc, seen, load(8, 7, 6), r)
    return seen


@scenario
def stop_and_pc_writes_in_hooks(u, r):
    seen = []
    uc = machine(u, LOOP)

    def stop(uc, address, size, data):
        if address == CODE + 12:
            uc.emu_stop()
    uc.hook_add(u.UC_HOOK_CODE, stop)
    start(u, uc, seen, LOOP, r)
    uc = machine(u, NOP + addi(1, 1, 1) + addi(2, 2, 1) + addi(3, 3, 1))

    def skip(uc, address, size, data):
        seen.append(address)
        if address == CODE + 4:
            uc.reg_write(r.UC_RISCV_REG_PC, CODE + 12)
    uc.hook_add(u.UC_HOOK_CODE, skip)
    start(u, uc, seen, NOP * 4, r)
    return seen


@scenario
def traps(u, r):
    seen = []
    for code in (ECALL, EBREAK, ILLEGAL, WFI, FADD_D):
        for hooked in (False, True):
            uc = machine(u, NOP + code + addi(1, 1, 1))
            if hooked:
                uc.hook_add(u.UC_HOOK_INTR, lambda uc, number, data: seen.append(
                    ("intr", number, data, uc.reg_read(r.UC_RISCV_REG_PC))), "data")
                uc.hook_add(u.UC_HOOK_INTR, lambda uc, number, data: seen.append("second"))
                uc.hook_add(u.UC_HOOK_INSN_INVALID, lambda uc, data: seen.append(
                    ("invalid", uc.reg_read(r.UC_RISCV_REG_PC))) or False)
            start(u, uc, seen, NOP * 3, r)
    return seen


@scenario
def a_system_call_layer(u, r):
    """As emulators of an OS do: an INTR hook that reads and writes registers and memory."""
    code = (addi(17, 0, 64) + addi(10, 0, 1) + ECALL + addi(17, 0, 93) + ECALL + ILLEGAL)
    uc, seen = machine(u, code), []
    uc.reg_write(r.UC_RISCV_REG_A1, DATA)
    uc.reg_write(r.UC_RISCV_REG_A2, 5)
    uc.mem_write(DATA, b"hello")

    def intr(uc, number, data):
        call, *args = uc.reg_read_batch([r.UC_RISCV_REG_A7, r.UC_RISCV_REG_A0,
                                         r.UC_RISCV_REG_A1, r.UC_RISCV_REG_A2])
        if call == 64:
            seen.append((number, bytes(uc.mem_read(args[1], args[2]))))
            uc.reg_write(r.UC_RISCV_REG_A0, args[2])
        else:
            uc.emu_stop()
    uc.hook_add(u.UC_HOOK_INTR, intr)
    start(u, uc, seen, code, r)
    return seen


@scenario
def devices(u, r):
    code = load(4, 7, 6) + load(1, 8, 6, 5) + store(2, 7, 6, 8) + load(8, 9, 6, 16) + store(
        8, 5, 6, 24)
    uc, seen = machine(u, code), []
    uc.reg_write(r.UC_RISCV_REG_X5, 0x1122334455667788)
    uc.reg_write(r.UC_RISCV_REG_X6, 0x400000)

    def read(uc, offset, size, data):
        seen.append(("read", offset, size, data))
        return 0xa5a5a5a500 + offset

    def write(uc, offset, size, value, data):
        seen.append(("write", offset, size, value, data))
    uc.mmio_map(0x400000, 0x1000, read, "r", write, "w")
    start(u, uc, seen, code, r)
    seen.append(list(uc.mem_regions()))
    seen.append(bytes(uc.mem_read(0x400000, 4)))
    return seen


@scenario
def half_devices(u, r):
    seen = []
    for read, write in ((None, None), (lambda *args: 5, None), (None, lambda *args: None)):
        uc = machine(u, b"")
        uc.mmio_map(0x400000, 0x1000, read, None, write, None)
        seen.append(list(uc.mem_regions()))
        for code in (load(4, 7, 6), store(4, 7, 6)):
            uc.mem_write(CODE, code)
            uc.reg_write(r.UC_RISCV_REG_X6, 0x400000)
            start(u, uc, seen, code, r)
    return seen


@scenario
def exits(u, r):
    uc, seen = machine(u, NOP * 8), []
    attempt(seen, "cnt", uc.ctl_get_exits_cnt)
    uc.ctl_exits_enabled(True)
    uc.ctl_set_exits([CODE + 24, CODE + 12])
    seen.append((uc.ctl_get_exits(), uc.ctl_get_exits_cnt()))
    uc.emu_start(CODE, CODE + 4)
    seen.append(uc.reg_read(r.UC_RISCV_REG_PC))
    uc.emu_start(CODE + 16, 0)
    seen.append(uc.reg_read(r.UC_RISCV_REG_PC))
    uc.ctl_exits_enabled(False)
    uc.emu_start(CODE, CODE + 4)
    seen.append(uc.reg_read(r.UC_RISCV_REG_PC))
    return seen


@scenario
def contexts(u, r):
    import pickle
    uc, seen = machine(u, LOOP), []
    uc.reg_write(r.UC_RISCV_REG_SP, 0x1234)
    context = uc.context_save()
    uc.reg_write(r.UC_RISCV_REG_SP, 0)
    other = machine(u, LOOP)
    other.context_restore(pickle.loads(pickle.dumps(context)))
    seen.append(other.reg_read(r.UC_RISCV_REG_SP))
    context.reg_write(r.UC_RISCV_REG_A0, 7)
    seen.append((context.reg_read(r.UC_RISCV_REG_A0), context.reg_read(r.UC_RISCV_REG_SP),
                 context.reg_read_batch([r.UC_RISCV_REG_SP, r.UC_RISCV_REG_A0]),
                 context.arch, context.mode, len(bytes(context)) == context.size))
    context.reg_write_batch([(r.UC_RISCV_REG_A1, 1 << 64 | 8), (r.UC_RISCV_REG_A2, -1)])
    uc.context_restore(context)
    seen.append(uc.reg_read_batch([r.UC_RISCV_REG_A0, r.UC_RISCV_REG_A1, r.UC_RISCV_REG_A2]))
    uc.emu_start(CODE, CODE + len(LOOP))
    uc.context_update(context)
    seen.append(context.reg_read(r.UC_RISCV_REG_X3))
    return seen


@scenario
def nested_runs(u, r):
    uc, seen = machine(u, addi(1, 1, 1) * 4), []
    uc.mem_write(CODE + 0x100, addi(2, 2, 1) * 4 + load(8, 3, 0))

    def code(uc, address, size, data):
        seen.append((address, uc.reg_read(r.UC_RISCV_REG_X1), uc.reg_read(r.UC_RISCV_REG_X2)))
        if address == CODE + 8:
            uc.emu_start(CODE + 0x100, CODE + 0x110)
            seen.append(("back", uc.reg_read(r.UC_RISCV_REG_PC)))
            attempt(seen, "fault", lambda: uc.emu_start(CODE + 0x10c, CODE + 0x200))
            uc.emu_start(CODE + 0x100, CODE + 0x200, count=2)
    uc.hook_add(u.UC_HOOK_CODE, code)
    start(u, uc, seen, NOP * 4, r)
    return seen


@scenario
def nested_run_in_a_memory_hook(u, r):
    code = store(8, 5, 6) + load(8, 7, 6) + addi(8, 7, 1)
    uc, seen = machine(u, code), []
    uc.mem_write(CODE + 0x100, addi(2, 2, 1) + store(8, 2, 6, 8))
    uc.reg_write(r.UC_RISCV_REG_X5, 41)
    uc.reg_write(r.UC_RISCV_REG_X6, DATA)
    inside = []

    def access(uc, kind, address, size, value, data):
        seen.append((kind, address, value))
        if not inside:
            inside.append(True)
            uc.emu_start(CODE + 0x100, CODE + 0x108)
            inside.pop()
    uc.hook_add(u.UC_HOOK_MEM_READ | u.UC_HOOK_MEM_WRITE, access)
    start(u, uc, seen, code, r)
    return seen


@scenario
def exceptions_of_hooks(u, r):
    seen = []
    for kind in ("CODE", "BLOCK", "MEM_READ", "INTR"):
        uc = machine(u, load(8, 7, 6) + ECALL)
        uc.reg_write(r.UC_RISCV_REG_X6, DATA)

        def fail(uc, *args, kind=kind):
            raise LookupError(kind)
        uc.hook_add(getattr(u, "UC_HOOK_" + kind), fail)
        attempt(seen, kind, lambda uc=uc: uc.emu_start(CODE, CODE + 8))
    return seen


@scenario
def host_memory(u, r):
    import ctypes
    uc, seen = machine(u, load(8, 7, 6) + store(8, 5, 6, 8)), []
    raw = ctypes.create_string_buffer(0x3000)
    where = (ctypes.addressof(raw) + 0xfff) & ~0xfff
    ctypes.memmove(where, b"ABCDEFGH", 8)
    uc.mem_map_ptr(0x500000, 0x1000, 3, where)
    uc.reg_write(r.UC_RISCV_REG_X5, 0x41)
    uc.reg_write(r.UC_RISCV_REG_X6, 0x500000)
    start(u, uc, seen, NOP * 2, r)
    seen.append(ctypes.string_at(where, 16))
    uc.mem_unmap(0x500000, 0x1000)
    return seen


@scenario
def splits_of_mappings(u, r):
    uc, seen = machine(u), []
    uc.mem_map(0x600000, 0x5000, 3)
    uc.mem_protect(0x601000, 0x1000, 1)
    seen.append(list(uc.mem_regions()))
    uc.mem_unmap(0x603000, 0x1000)
    seen.append(list(uc.mem_regions()))
    attempt(seen, "read", lambda: uc.mem_read(0x602ff8, 16))
    attempt(seen, "protect", lambda: uc.mem_protect(0x602000, 0x2000, 7))
    attempt(seen, "unmap", lambda: uc.mem_unmap(0x600000, 0x10000))
    attempt(seen, "map", lambda: uc.mem_map(0x603000, 0x2000))
    seen.append(list(uc.mem_regions()))
    return seen


@scenario
def arguments(u, r):
    uc, seen = machine(u), []
    a0 = r.UC_RISCV_REG_A0
    for what, action in {
        "unaligned": lambda: uc.mem_map(0x1001, 0x1000),
        "size": lambda: uc.mem_map(0x9000, 0x10),
        "zero": lambda: uc.mem_map(0x9000, 0),
        "beyond": lambda: uc.mem_map((1 << 64) - 0x1000, 0x2000),
        "overlap": lambda: uc.mem_map(CODE, 0x1000),
        "perms": lambda: uc.mem_map(0x9000, 0x1000, 8),
        "unmap": lambda: uc.mem_unmap(0x900000, 0x1000),
        "read": lambda: uc.mem_read(0x900000, 4),
        "read across": lambda: uc.mem_read(CODE + 0xffc, 8),
        "read nothing": lambda: uc.mem_read(0x900000, 0),
        "write": lambda: uc.mem_write(0x900000, b"abc"),
        "negative": lambda: (uc.reg_write(a0, -1), uc.reg_read(a0)),
        "large": lambda: (uc.reg_write(a0, 1 << 70), uc.reg_read(a0)),
        "float": lambda: uc.reg_write(a0, 1.5),
        "hooks": lambda: uc.hook_add(u.UC_HOOK_CODE | u.UC_HOOK_INTR, print),
        "no hook": lambda: uc.hook_add(0, print),
        "unknown hook": lambda: uc.hook_add(1 << 20, print),
        "instruction": lambda: uc.hook_add(u.UC_HOOK_INSN, print, aux1=5),
        "handle": lambda: uc.hook_del(1),
        "query": lambda: [uc.query(prop) for prop in (1, 2, 3, 4)],
        "no query": lambda: uc.query(9),
        "model late": lambda: uc.ctl_set_cpu_model(1),
        "page size": lambda: uc.ctl_set_page_size(4096),
        "tlb": lambda: uc.ctl_set_tlb_mode(5),
        "mode": lambda: u.Uc(u.UC_ARCH_RISCV, 1),
        "endian": lambda: u.Uc(u.UC_ARCH_RISCV, u.UC_MODE_RISCV64 | u.UC_MODE_BIG_ENDIAN),
        "supported": lambda: (u.uc_arch_supported(8), u.uc_arch_supported(99)),
        "version": lambda: (u.uc_version(), u.version_bind(), u.__version__),
        "model": lambda: uc.ctl_get_cpu_model(),
        "modes": lambda: (uc.ctl_get_mode(), uc.ctl_get_arch(), uc.ctl_get_page_size()),
        "raw": lambda: uc.ctl(u.UC_CTL_CONTEXT_MODE, 1, 3),
        "raw wrong": lambda: uc.ctl(99, 1, 3),
        "attributes": lambda: (uc._arch, uc._mode, uc._hook_exception, uc.errno),
    }.items():
        attempt(seen, what, action)
    return seen


@scenario
def texts_of_errors(u, r):
    return [(str(u.UcError(number)), u.UcError(number, 1, 2).args) for number in range(25)]


@scenario
def raw_controls(u, r):
    import ctypes
    uc, seen = machine(u, NOP + jal(0, 8)), []
    for control in (u.UC_CTL_UC_MODE, u.UC_CTL_UC_ARCH, u.UC_CTL_UC_PAGE_SIZE,
                    u.UC_CTL_CPU_MODEL):
        out = ctypes.c_int()
        uc.ctl(control, u.UC_CTL_IO_READ, ctypes.byref(out))
        seen.append((control, out.value))
    seen.append(tuple(uc.ctl_request_cache(CODE)))
    return seen


@scenario
def floating_point(u, r):
    code = FADD_D
    uc, seen = machine(u, code), []
    uc.reg_write(r.UC_RISCV_REG_MSTATUS, 0x6000)
    uc.reg_write(r.UC_RISCV_REG_F0, 0x3ff8000000000000)
    start(u, uc, seen, code, r)
    seen.append(uc.reg_read(r.UC_RISCV_REG_F0))
    return seen


@scenario
def thirty_two_bits(u, r):
    code = addi(1, 0, -1) + store(4, 1, 6) + load(4, 7, 6)
    uc, seen = machine(u, code, u.UC_MODE_RISCV32), []
    uc.reg_write(r.UC_RISCV_REG_X6, DATA)
    uc.hook_add(u.UC_HOOK_MEM_WRITE, lambda uc, *args: seen.append(args))
    start(u, uc, seen, code, r)
    seen.append((uc.query(1), uc.ctl_get_mode()))
    return seen
