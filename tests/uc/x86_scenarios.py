"""Client code for x86 that runs on unicorn and on engine.unicorn alike, and answers what it saw.

What lives here: functions of (module `unicorn`, module `x86_const`) that return a list of events,
registers, errors. What does not: the comparison (test_compare.py). Who calls it: that.
"""

from uc.scenarios import attempt

CODE, DATA, STACK = 0x10000, 0x20000, 0x31000
SCENARIOS = []
GENERAL = {
    64: ["RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R15", "RIP"],
    32: ["EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI", "EIP"],
    16: ["AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI", "IP", "CS", "DS", "ES", "SS"]}


def scenario(function):
    SCENARIOS.append(function)
    return function


class Machine:
    """A Uc of one package with code, data, stack, and a log."""

    def __init__(self, u, r, bits, code="", **registers):
        self.u, self.r, self.bits = u, r, bits
        self.uc = u.Uc(u.UC_ARCH_X86, getattr(u, f"UC_MODE_{bits}"))
        self.uc.mem_map(CODE, 0x1000)
        self.uc.mem_map(DATA, 0x2000)
        self.uc.mem_map(STACK - 0x1000, 0x1000)
        self.code = bytes.fromhex(code)
        self.uc.mem_write(CODE, self.code)
        self.seen = []
        if bits == 16:
            self.write(CS=CODE >> 4, DS=DATA >> 4, ES=DATA >> 4, SS=STACK - 0x1000 >> 4, SP=0x1000)
        else:
            self.write(**{"RSP" if bits == 64 else "ESP": STACK})
        self.write(**registers)

    def id(self, name):
        return getattr(self.r, "UC_X86_REG_" + name)

    def write(self, **registers):
        for name, value in registers.items():
            self.uc.reg_write(self.id(name), value)

    def read(self, *names):
        return [self.uc.reg_read(self.id(name)) for name in names]

    def pc(self):
        return self.read({64: "RIP", 32: "EIP", 16: "IP"}[self.bits])[0]

    def hook(self, kinds, answer=None, begin=1, end=0, aux1=0):
        """Log every call of a hook with the pc."""
        kind = 0
        for name in kinds.split():
            kind |= getattr(self.u, "UC_HOOK_" + name)

        def called(uc, *args):
            self.seen.append((kinds, *args, self.pc()))
            return answer(uc, *args) if callable(answer) else answer
        return self.uc.hook_add(kind, called, "data", begin, end, aux1)

    def run(self, until=None, **limits):
        try:
            self.uc.emu_start(CODE, CODE + len(self.code) if until is None else until, **limits)
            self.seen.append("ok")
        except self.u.UcError as error:
            self.seen.append((error.errno, str(error), error.args))
        names = GENERAL[self.bits]
        self.seen.append(dict(zip(names, self.read(*names), strict=True)))
        return self.seen


def each(u, r, bits, codes, prepare=lambda m: None, **registers):
    """Run some pieces of code, each alone."""
    seen = []
    for code in codes:
        m = Machine(u, r, bits, code, **registers)
        prepare(m)
        seen.append((code, m.run()))
    return seen


@scenario
def code_and_block_events(u, r):
    seen = []
    # dec ecx; jnz; and a jump that joins, a rep, a call and its return
    for code in ("b903000000 ffc9 75fc 90", "9090 eb00 9090", "7400 90",
                 "90 f3a4 90", "e801000000 90 58 90", "f3c3"):
        m = Machine(u, r, 64, code, RCX=3, RSI=DATA, RDI=DATA + 0x100)
        m.uc.mem_write(STACK, b"") if code != "f3c3" else m.write(RSP=STACK - 8)
        if code == "f3c3":
            m.uc.mem_write(STACK - 8, (CODE + 2).to_bytes(8, "little"))
        m.hook("BLOCK")
        m.hook("CODE")
        m.hook("CODE", begin=CODE + 2, end=CODE + 3)
        seen.append((code, m.run()))
    return seen


@scenario
def counts(u, r):
    seen = []
    for count in (1, 2, 3, 5, 100):
        m = Machine(u, r, 64, "ffc0 90 f3a4 ffc3 ffc3", RCX=3, RSI=DATA, RDI=DATA + 0x100)
        seen.append(m.run(count=count))
    m = Machine(u, r, 64, "ebfe")
    m.run(until=0, timeout=20000)
    return [*seen, m.seen, m.uc.query(u.UC_QUERY_TIMEOUT)]


@scenario
def memory_events(u, r):
    def hook(m):
        m.uc.mem_write(DATA, bytes(range(64)))
        m.hook("MEM_READ MEM_WRITE")
    return [each(u, r, 64, [
        "488b06", "488906", "8a06", "66ff06", "f00fb10e", "8706", "50 58 9c", "48a5", "aa",
        "ff36", "8f06", "c8100000 c9", "0fb646ff", "4863 06", "018e00010000",
    ], hook, RSI=DATA + 0xffc, RDI=DATA + 0x1001, RAX=0xfedcba9876543210, RCX=0x11),
        each(u, r, 32, ["a100000200", "a300000200", "e800000000 58", "62 06"], hook,
             ESI=DATA, EAX=DATA)]


@scenario
def faults_without_hooks(u, r):
    seen = []
    for bits in (64, 32):
        seen += each(u, r, bits, [
            "ffc0 8b06", "ffc0 8906", "ffc0 ff36", "ffc0 ff26", "ffc0 e9fbff8000",
            "ffc0 0f0b", "ffc0 f7f1", "ffc0 cd80", "ffc0 cc", "ffc0 0fff",
            "ffc0 f3a4", "ffc0 8ec8"], **{"RSI" if bits == 64 else "ESI": 0x900000})
    for perms in (u.UC_PROT_NONE, u.UC_PROT_READ, u.UC_PROT_WRITE):
        for code in ("ffc0 8b06", "ffc0 8906", "ffc0 ffe6"):
            m = Machine(u, r, 64, code, RSI=0x300000)
            m.uc.mem_map(0x300000, 0x1000, perms)
            seen.append(m.run())
    return seen


@scenario
def fault_hooks_map_and_retry(u, r):
    seen = []
    for code in ("48890e 488b16 ffc0", "ff36 58", "48a5 ffc0", "ffe6"):
        m = Machine(u, r, 64, code, RSI=0x900008, RCX=123, RDI=DATA)

        def mend(uc, kind, address, size, value, data):
            uc.mem_map(address & ~0xfff, 0x1000)
            uc.mem_write(0x900008, bytes.fromhex("ffc3ffc3ebfe"))
            return True
        m.hook("MEM_READ_UNMAPPED MEM_WRITE_UNMAPPED MEM_FETCH_UNMAPPED", mend)
        m.hook("MEM_READ MEM_WRITE")
        seen.append(m.run(count=6))
    for answer in (False, True):
        m = Machine(u, r, 64, "488b06", RSI=0x900000)
        m.hook("MEM_READ_UNMAPPED", answer)
        seen.append(m.run())
    return seen


@scenario
def interrupts(u, r):
    seen = []
    for bits in (64, 32):
        for code in ("90 cd80 ffc0", "90 cc ffc0", "90 cd03 ffc0", "90 cd21 cd2e ffc0"):
            for stop in (False, True):
                m = Machine(u, r, bits, code)
                m.hook("INTR", lambda uc, *args, stop=stop: uc.emu_stop() if stop else None)
                m.hook("INTR")
                m.hook("CODE")
                seen.append(m.run())
    # a fault whose hook moves the pc, or stops
    for move in (True, False):
        m = Machine(u, r, 64, "90 f7f1 ffc3")

        def fault(uc, number, data, move=move):
            if move:
                uc.reg_write(r.UC_X86_REG_RIP, CODE + 3)
            else:
                uc.emu_stop()
        m.hook("INTR", fault)
        seen.append(m.run())
    m = Machine(u, r, 32, "b0ff 0401 04 7f ce ffc3", EAX=0)
    m.hook("INTR")
    m.write(EAX=0x7f)
    return [*seen, m.run()]


@scenario
def a_32_bit_system_call_layer(u, r):
    """As emulators of an OS do: int 0x80, registers and memory in the hook."""
    m = Machine(u, r, 32, "b804000000 bb01000000 b900000200 ba05000000 cd80 b801000000 cd80 0f0b")
    m.uc.mem_write(DATA, b"hello")

    def call(uc, number, data):
        eax, ecx, edx = m.read("EAX", "ECX", "EDX")
        if eax == 4:
            m.seen.append(bytes(uc.mem_read(ecx, edx)))
            m.write(EAX=edx)
        else:
            uc.emu_stop()
    m.hook("INTR", call)
    return m.run()


@scenario
def system_calls(u, r):
    seen = []
    for insn, code in (("SYSCALL", "90 0f05 ffc3"), ("SYSENTER", "90 0f34 ffc3")):
        number = getattr(r, "UC_X86_INS_" + insn)
        for hooks in (0, 1, 2) if insn == "SYSCALL" else (1, 2):     # none: unicorn stays inside it
            m = Machine(u, r, 64, code, RAX=7)
            for _ in range(hooks):
                m.hook("INSN", lambda uc, data: uc.reg_write(r.UC_X86_REG_RAX, 99), aux1=number)
            m.hook("INTR")
            seen.append(m.run())
        if insn == "SYSCALL":
            m = Machine(u, r, 64, code + "ffc3 ffc3")
            m.hook("INSN", lambda uc, data: uc.reg_write(r.UC_X86_REG_RIP, CODE + 5), aux1=number)
            seen.append(m.run())
        m = Machine(u, r, 64, code)
        handle = m.hook("INSN", lambda uc, data: uc.emu_stop(), aux1=number)
        seen.append(m.run())
        if insn == "SYSCALL":
            m.uc.hook_del(handle)
            seen.append(m.run())
        m = Machine(u, r, 64, code * 2)
        m.hook("INSN", aux1=number)
        seen.append(m.run(count=2))
    return seen


@scenario
def cpuid_hooks(u, r):
    m = Machine(u, r, 64, "0fa2 ffc3", RAX=1)

    def leaf(uc, data):
        m.write(RAX=0x11, RBX=0x22, RCX=0x33, RDX=0x44)
        return 1
    m.hook("INSN", leaf, aux1=r.UC_X86_INS_CPUID)
    seen = [m.run(), m.run()]
    m = Machine(u, r, 64, "0fa2")
    m.hook("INSN", lambda uc, data: 0, aux1=r.UC_X86_INS_CPUID)
    m.uc.emu_start(CODE, CODE + 2)
    return [*seen, m.seen, m.read("EBX", "EDX", "ECX")]


@scenario
def invalid_instructions(u, r):
    seen = []
    for code in ("90 0f0b ffc0", "90 06 ffc0", "90 0fff ffc0"):
        m = Machine(u, r, 64, code)
        m.hook("INSN_INVALID", False)
        m.hook("INTR")
        seen.append(m.run())
        m = Machine(u, r, 64, code)
        m.hook("INSN_INVALID", lambda uc, data: uc.reg_write(
            r.UC_X86_REG_RIP, CODE + 3) or True)
        seen.append(m.run())
    return seen


@scenario
def stops_and_pc_writes(u, r):
    seen = []
    for kind, at in (("CODE", CODE + 4), ("BLOCK", CODE), ("MEM_WRITE", None)):
        for act in ("stop", "move"):
            m = Machine(u, r, 64, "ffc0 ffc0 4889 06 ffc0 ffc0", RSI=DATA)

            def called(uc, address, *args, at=at, act=act):
                if at is None or address == at:
                    if act == "stop":
                        uc.emu_stop()
                    else:
                        uc.reg_write(r.UC_X86_REG_RIP, CODE + 9)
            m.hook(kind, called)
            if kind != "BLOCK" or act != "move":
                seen.append((kind, act, m.run()))
    return seen


@scenario
def partial_registers(u, r):
    m = Machine(u, r, 64)
    seen = m.seen
    m.write(RAX=0x1122334455667788)
    for name, value in (("EAX", 0xaabbccdd), ("AX", 0x1234), ("AH", 0x99), ("AL", 0x77),
                        ("AL", -1), ("R9D", 5), ("R9", -1), ("R9D", 5), ("R9W", 6), ("R9B", 7),
                        ("SIL", 0x55), ("SPL", 0x44), ("BPL", 3), ("DIL", 2), ("RSI", 1 << 70)):
        m.write(**{name: value})
        seen.append((name, m.read("RAX", "EAX", "AX", "AH", "AL", "R9", "R9D", "R9W", "R9B", "RSI",
                                  "RSP", "RBP", "RDI")))
    for name in ("EFLAGS", "RFLAGS"):
        m.write(**{name: 0x8d5})
        seen.append(m.read("EFLAGS", "RFLAGS", "FLAGS"))
    m.write(EIP=0x1234)
    seen.append(m.read("RIP", "EIP", "IP"))
    seen.append(m.uc.reg_read_batch([m.id("EAX"), m.id("AH"), m.id("XMM1"), m.id("RIP")]))
    m.uc.reg_write_batch([(m.id("EAX"), 4), (m.id("XMM1"), 5 << 64)])
    seen.append(m.uc.reg_read_batch([m.id("EAX"), m.id("XMM1")]))
    for bits in (16, 32):
        m = Machine(u, r, bits)
        for name in ("RAX", "R8", "XMM8", "RIP", "CR8", "SPL", "ZMM0", "K1"):
            attempt(seen, name, lambda m=m, name=name: m.read(name))
            attempt(seen, name, lambda m=m, name=name: m.write(**{name: 1}))
    return seen


@scenario
def vector_and_x87_registers(u, r):
    m = Machine(u, r, 64)
    seen = m.seen
    m.write(XMM3=1 << 127 | 5, YMM3=1 << 255 | 7)
    seen.append(m.read("XMM3", "YMM3"))
    m.write(XMM3=9, YMM15=-1, XMM2=1 << 200 | 3)
    seen.append(m.read("XMM3", "YMM3", "YMM15", "XMM2", "YMM2"))
    m.write(FP1=(1 << 63, 0x3fff), FP7=(5, 6))
    seen.append(m.read("FP1", "FP7", "FP0"))
    seen.append(m.read("ST1", "ST7"))
    m.write(FPSW=0x3800)
    seen.append(m.read("ST0", "ST2", "FPSW"))
    m.write(ST0=77)
    seen.append(m.read("FP7", "FP0"))
    m.write(FPCW=0x27f, MXCSR=0x1fa0)
    seen.append(m.read("FPCW", "MXCSR"))
    return seen


@scenario
def segments_and_bases(u, r):
    m = Machine(u, r, 64, "64488b0425 10000000 65488b1c25 08000000 64ff0425 10000000",
                FS_BASE=DATA, GS_BASE=DATA + 0x100)
    m.uc.mem_write(DATA + 0x10, b"fs-fs-fs")
    m.uc.mem_write(DATA + 0x108, b"gs-gs-gs")
    m.hook("MEM_READ MEM_WRITE")
    m.run()
    m.seen.append(m.read("FS_BASE", "GS_BASE", "CS", "DS", "SS", "FS"))
    m.uc.msr_write(0xc0000100, 0x7fff12345678)
    m.seen.append((m.uc.msr_read(0xc0000100), m.read("FS_BASE"), m.uc.msr_read(0x12345678),
                   m.uc.reg_read(r.UC_X86_REG_MSR, 0xc0000101)))
    m.uc.reg_write(r.UC_X86_REG_MSR, (0xc0000101, 0x1000))
    return [*m.seen, m.read("GS_BASE")]


@scenario
def real_mode(u, r):
    seen = []
    for code in ("b83412 90", "50 c8000000", "a11000", "8e d8 a10000", "e80000 58", "66b878563412",
                 "ea0800 0010 90 90 90 90", "f3a4", "26 8b07"):
        m = Machine(u, r, 16, code, AX=0x2000, CX=2, SI=0x10, DI=0x20)
        m.uc.mem_write(DATA + 0x10, b"abcdef")
        m.hook("CODE")
        m.hook("MEM_READ MEM_WRITE")
        seen.append((code, m.run(count=5)))
    for begin, cs in ((0x7c00, 0), (0x10010, 0x1000)):
        uc = u.Uc(u.UC_ARCH_X86, u.UC_MODE_16)
        uc.mem_map(0, 0x20000)
        uc.reg_write(r.UC_X86_REG_CS, cs)
        uc.mem_write(begin, bytes.fromhex("b83412"))
        uc.emu_start(begin, begin + 3)
        seen.append([uc.reg_read(getattr(r, "UC_X86_REG_" + name)) for name in (
            "IP", "EIP", "CS", "AX")])
    return seen


@scenario
def bios_calls(u, r):
    """A boot sector's teletype output by INT 10h, as samples of the field have it."""
    m = Machine(u, r, 16, "b40e b048 cd10 b069 cd10 f4")

    def call(uc, number, data):
        m.seen.append((number, m.read("AX")))
        if number == 0x10 and m.read("AL") == [0x69]:
            uc.emu_stop()
    m.hook("INTR", call)
    return m.run()


@scenario
def contexts(u, r):
    import pickle
    m = Machine(u, r, 64, "ffc0 0fa2", RAX=0x1122334455667788, RBX=3, XMM4=1 << 100, EFLAGS=0x8d7,
                FS_BASE=0x1234, FP2=(9, 10))
    context = m.uc.context_save()
    m.write(RAX=0, RBX=0, XMM4=0, EFLAGS=2, FS_BASE=0, FP2=(0, 0))
    other = Machine(u, r, 64)
    other.uc.context_restore(pickle.loads(pickle.dumps(context)))
    names = ("RAX", "RBX", "XMM4", "EFLAGS", "FS_BASE", "FP2")
    seen = [other.read(*names)]
    context.reg_write(r.UC_X86_REG_EAX, 0xdeadbeef)
    context.reg_write(r.UC_X86_REG_AH, 1)
    context.reg_write(r.UC_X86_REG_RIP, 0x4711)
    seen.append([context.reg_read(m.id(name)) for name in ("RAX", "EAX", "AL", "AH", "RIP", "RBX",
                                                           "EFLAGS")])
    m.uc.context_restore(context)
    seen.append(m.read(*names, "RIP", "EAX"))
    m.uc.context_update(context)
    return [*seen, context.reg_read_batch([m.id("RAX"), m.id("RIP")])]


@scenario
def nested_runs(u, r):
    m = Machine(u, r, 64, "ffc0 0f05 ffc0 488b06 ffc0", RSI=DATA)
    m.uc.mem_write(CODE + 0x100, bytes.fromhex("ffc3 ffc3 ffc3"))
    m.hook("CODE", lambda uc, *args: uc.emu_start(CODE + 0x100, CODE + 0x104), begin=CODE + 2,
           end=CODE + 2)
    m.hook("MEM_READ", lambda uc, *args: uc.emu_start(CODE + 0x104, CODE + 0x106))
    return m.run()


@scenario
def devices(u, r):
    m = Machine(u, r, 64, "8b06 8a4e05 66895608 4889 4618 488b5e10 ff4620", RSI=0x400000,
                RAX=0x1122334455667788)
    m.uc.mmio_map(0x400000, 0x1000,
                  lambda uc, offset, size, data: m.seen.append(("r", offset, size, data)) or 0x77
                  + offset, "read",
                  lambda uc, offset, size, value, data: m.seen.append(("w", offset, size, value,
                                                                       data)), "write")
    m.run()
    return [*m.seen, list(m.uc.mem_regions())]


@scenario
def code_that_changes(u, r):
    """The guest writes its next instruction; the host writes code in a hook."""
    m = Machine(u, r, 64, "66c70500000000ffc3 ffc0")
    m.run()
    n = Machine(u, r, 64, "ffc0 9090 ffc0")
    n.uc.emu_start(CODE, CODE + 6)
    n.uc.mem_write(CODE + 2, bytes.fromhex("ffc3"))
    return [m.seen, n.run()]


@scenario
def exceptions_of_hooks(u, r):
    seen = []
    for kind, aux1 in (("CODE", 0), ("BLOCK", 0), ("MEM_READ", 0), ("INTR", 0),
                       ("INSN", r.UC_X86_INS_SYSCALL)):
        m = Machine(u, r, 64, "488b06 0f05 cd80", RSI=DATA)

        def fail(uc, *args, kind=kind):
            raise LookupError(kind)
        m.hook(kind, fail, aux1=aux1)
        attempt(seen, kind, lambda m=m: m.uc.emu_start(CODE, CODE + 7))
    return seen


@scenario
def arguments(u, r):
    seen = []
    m = Machine(u, r, 64)
    for insn in (1, 5, 2000):
        attempt(seen, insn, lambda insn=insn: m.uc.hook_add(u.UC_HOOK_INSN, print, aux1=insn))
    for what, action in {
        "mode": lambda: u.Uc(u.UC_ARCH_X86, 1),
        "models": lambda: [u.Uc(u.UC_ARCH_X86, u.UC_MODE_32, model).ctl_get_cpu_model()
                           for model in range(38)],
        "no model": lambda: u.Uc(u.UC_ARCH_X86, u.UC_MODE_32, 38),
        "default": lambda: u.Uc(u.UC_ARCH_X86, u.UC_MODE_64).ctl_get_cpu_model(),
        "query": lambda: [u.Uc(u.UC_ARCH_X86, mode).query(u.UC_QUERY_MODE) for mode in (2, 4, 8)],
        "class": lambda: type(m.uc).__name__,
        "supported": lambda: u.uc_arch_supported(u.UC_ARCH_X86),
    }.items():
        attempt(seen, what, action)
    return seen


@scenario
def ports(u, r):
    seen = []
    for bits in (64, 32, 16):
        for code in ("90 e460", "66e560", "ed", "e660", "66ef", "6c 90", "f36c 90", "f36f 90"):
            m = Machine(u, r, bits, code)
            m.write(DI=DATA & 0xffff if bits == 16 else 0, SI=0)
            if bits != 16:
                m.write(EDI=DATA, ESI=DATA)
            m.write(EAX=0x11223344, DX=0x77, CX=2)
            m.hook("INSN", 0xdeadbe77, aux1=r.UC_X86_INS_IN)
            m.hook("INSN", aux1=r.UC_X86_INS_OUT)
            seen.append((code, m.run(), bytes(m.uc.mem_read(DATA, 8))))
    return seen


@scenario
def privileged_instructions(u, r):
    return [each(u, r, bits, ["90 f4 90", "90 fa 90", "90 fb 90", "90 0f09 90", "0f22d8 90",
                              "0f20d0 90", "0f06 90"])
            for bits in (64, 32)]


@scenario
def descriptor_tables(u, r):
    def descriptor(base, limit, access, flags):
        return (limit & 0xffff | (base & 0xffffff) << 16 | access << 40 | (limit >> 16) << 48
                | flags << 52 | (base >> 24) << 56).to_bytes(8, "little")
    seen = []
    for bits in (32, 64):
        m = Machine(u, r, bits, "64a1 10000000 90" if bits == 32 else "64488b0425 10000000")
        m.uc.mem_map(0x1000, 0x1000)
        m.uc.mem_write(0x1000, bytes(8) + descriptor(0, 0xfffff, 0x9b, 0xc if bits == 32 else 0xa)
                       + descriptor(0, 0xfffff, 0x93, 0xc) + descriptor(DATA, 0xfff, 0x93, 4)
                       + descriptor(DATA + 0x1000, 0xfff, 0xf3, 4))
        m.uc.mem_write(DATA + 0x10, b"teb-teb-")
        m.write(GDTR=(0, 0x1000, 0x27, 0))
        m.write(CS=8, SS=0x10, DS=0x10, ES=0x10, FS=0x18, GS=0x23)
        m.run()
        seen.append((m.seen, m.read("CS", "SS", "DS", "FS", "GS", "FS_BASE")))
        table = m.read("GDTR")[0]
        seen.append(table[1:3])
        m.write(IDTR=(0, 0x1234, 0x7ff, 0))
        seen.append(m.read("IDTR")[0][1:3])
    return seen


@scenario
def segments_whose_limits_nobody_asks_for(u, r):
    """The table that clients copy from each other has expand-down data: all offsets work."""
    def entry(base, access, flags=0xF, limit=0xFF000):
        return (limit & 0xFFFF | (base & 0xFFFFFF) << 16 | access << 40
                | (limit >> 16 & 15 | flags << 4) << 48 | (base >> 24) << 56).to_bytes(8, "little")
    seen = []
    for code in ("55 8b4500 894500 5d", "c745000a000000", "2ec70700200000 2eff37", "65a1 f0ffffff",
                 "e800000000 59", "fa", "f390 cd80"):
        m = Machine(u, r, 32, code, EBP=DATA, EDI=DATA, EAX=0x93)
        m.uc.mem_map(0x1000, 0x1000)
        m.uc.mem_write(0x1000 + 8 * 15, entry(DATA + 0x20, 0xF7, 4, 0x10) + entry(0, 0xF7)
                       + entry(0, 0xFF) + entry(0, 0x97) + entry(DATA, 0xF7))
        m.write(GDTR=(0, 0x1000, 31 * 8 - 1, 0))
        m.write(DS=0x83, CS=0x8B, SS=0x90, FS=0x9B, GS=0x7B)
        m.hook("INTR")
        seen.append(m.run())
    return seen


@scenario
def selectors_of_64_bit_code(u, r):
    """Whatever descriptors say, code stays what it is."""
    seen = []
    for register in ("CS", "SS", "DS", "ES"):
        for selector in (0, 8, 0x13, 0x1b, 0x23, 0x38, 0x100):
            m = Machine(u, r, 64, "48ffc8 fa 50 58", RAX=1 << 32)
            m.uc.mem_map(0x1000, 0x1000)
            m.uc.mem_write(0x1008, b"".join(
                (0x00CF00000000FFFF | access << 40).to_bytes(8, "little")
                for access in (0x9B, 0x93, 0xFB, 0xF3)))
            m.write(GDTR=(0, 0x1000, 0x27, 0))
            m.write(**{register: selector})
            seen.append((m.run(), m.read("CS", "SS", "DS", "ES")))
    return seen


@scenario
def hooks_that_return_from_functions(u, r):
    """What emulators of an API do: a code hook gives the answer, pops the stack, moves the pc."""
    seen = []
    for bits, ip, sp, word in ((64, "RIP", "RSP", 8), (32, "EIP", "ESP", 4), (16, "IP", "SP", 2)):
        m = Machine(u, r, bits, "e87d00 41 e87900 42 e87500 43" if bits == 16 else
                    "e87b000000 83c101 e873000000 83c201 e86b000000 83c301")
        m.uc.mem_write(CODE + 0x80, b"\x90\x90\x40\xf4")

        def leave(uc, address, size, data, m=m, ip=ip, sp=sp, word=word):
            stack = m.read(sp)[0]
            linear = stack + (STACK - 0x1000 if m.bits == 16 else 0)
            back = int.from_bytes(uc.mem_read(linear, word), "little")
            m.write(**{"AX" if word == 2 else "EAX": 7, sp: stack + word, ip: back})
        m.hook("CODE", leave, CODE + 0x80, CODE + 0x80)
        m.hook("CODE")
        m.hook("CODE", begin=CODE + 0x80, end=CODE + 0x80)
        seen.append(m.run())
    return seen


@scenario
def model_specific_registers(u, r):
    m = Machine(u, r, 64)
    seen = []
    for number in (0xc0000081, 0xc0000082, 0xc0000084, 0xc0000102, 0x175, 0x176):
        m.uc.msr_write(number, 0x7fff12345678)
        seen.append((number, m.uc.msr_read(number)))
    m.write(DR0=0x1234, CR2=0x5678)
    return [*seen, m.read("DR0", "CR2", "CR3", "DR7")]


@scenario
def vectors_in_memory(u, r):
    def hook(m):
        m.uc.mem_write(DATA, bytes(range(64)))
        m.hook("MEM_READ MEM_WRITE")
    seen = each(u, r, 64, ["660f6f06", "660f7f06", "0f1006", "f20f1006 f20f1146 10", "0f1046 0d",
                           "660fefc0 660fd4ca"], hook, RSI=DATA, XMM0=1 << 127 | 5)
    m = Machine(u, r, 64, "660fefc0 660fd4ca f20f58da", XMM1=5, XMM2=7, XMM3=0)
    m.run()
    return [*seen, m.read("XMM0", "XMM1", "XMM2", "XMM3")]
