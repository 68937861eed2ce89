"""Random sequences of calls on a package with unicorn's interface: guests, calls, their log.

What lives here: `Session`, one package's side; random programs of each guest; `step`, the next
call. Who calls it: test_random.py, fuzz/test_uc_fuzz.py (the programs).
"""

import importlib

from uc.rv import CODE, DATA, ECALL, ILLEGAL, NOP, addi, bne, load, mul, store, sub

BASES = (DATA, 0x300000, 0x304000)
STACK = 0x700000


class RiscV:
    """The guest of the sequences: registers by number, of which 5 is the base of loads and stores,
    and random programs."""

    arch, mode, module = "RISCV", "RISCV64", "riscv"
    names = [f"X{index}" for index in range(32)]
    pc, watched, writable = "PC", range(1, 32), (1, 2, 3, 4, 6, 7, 8)

    @staticmethod
    def program(rng):
        """Straight code and forward branches over loads and stores; ends of instructions."""
        words = []
        for _ in range(rng.randrange(4, 24)):
            a, b, c = (rng.choice((1, 2, 3, 4, 6, 7, 8)) for _ in range(3))
            offset = rng.randrange(0, 0x200) & ~7
            words.append(rng.choice((
                addi(a, b, rng.randrange(-2048, 2048)), mul(a, b, c), sub(a, b, c), NOP,
                load(rng.choice((1, 2, 4, 8)), a, 5, offset),
                store(rng.choice((1, 2, 4, 8)), a, 5, offset),
                bne(a, b, 8), ECALL if rng.random() < 0.1 else NOP)))
        # Zeros are illegal, and 2 bytes long: unicorn goes 4 on.
        return b"".join(words) + NOP * 2 + ILLEGAL * (1022 - len(words))

    @staticmethod
    def end(rng):
        return 4 * rng.randrange(1, 30)


class X86:
    """The same for x86-64: RSI is the base."""

    arch, mode, module = "X86", "64", "x86"
    names = ["RAX", "RCX", "RDX", "RBX", "RBP", "RSI", "RDI", "R8", "R9", "RSP"]
    pc, watched, writable = "RIP", range(10), (0, 1, 2, 3, 4, 6)
    LENGTH = 8                                  # of each piece of code

    # Nothing here tests a flag that the manual leaves undefined.

    @classmethod
    def piece(cls, rng):
        a, b = (rng.choice((0, 1, 2, 3, 5, 7)) for _ in range(2))       # numbers of registers
        wide = rng.choice(("48", ""))
        both = f"{0xc0 | a << 3 | b:02x}"
        memory = f"{0x86 | a << 3:02x}{rng.randrange(0x200):02x}000000"[:10]
        code = rng.choice((
            wide + rng.choice(("01", "29", "31", "21", "09", "39", "85", "89", "11")) + both,
            wide + rng.choice(("8b", "89", "03", "01", "39", "31")) + memory,
            rng.choice(("8a", "88", "00", "02", "38")) + memory,
            rng.choice(("0fb6", "0fbe", "0fb7")) + memory,
            wide + "0f" + f"{0xc8 | b:02x}", "488d" + memory,
            wide + "ff" + f"{0xc0 | b:02x}", wide + "f7" + f"{0xd8 | b:02x}",
            wide + "c1" + f"{rng.choice((0xe0, 0xe8, 0xf8, 0xc0)) | b:02x}{rng.randrange(64):02x}",
            rng.choice(("74", "75", "72", "79", "eb")) + "06",     # over the rest of the piece
            "cd80" if rng.random() < 0.1 else "90", "0f05" if rng.random() < 0.1 else "90",
            f"{0x50 | a:02x}{0x58 | b:02x}"))
        code = bytes.fromhex(code)
        return code + b"\x90" * (cls.LENGTH - len(code))

    @classmethod
    def program(cls, rng):
        pieces = [cls.piece(rng) for _ in range(rng.randrange(4, 24))]
        code = b"".join(pieces) + b"\x90" * 2 * cls.LENGTH
        return code + b"\x0f\x0b" * ((0x1000 - len(code)) // 2)

    @classmethod
    def end(cls, rng):
        return cls.LENGTH * rng.randrange(1, 30)


class Session:
    """One package's side of a sequence."""

    def __init__(self, package, guest):
        self.u = package
        self.uc = package.Uc(getattr(package, "UC_ARCH_" + guest.arch),
                             getattr(package, "UC_MODE_" + guest.mode))
        constants = vars(importlib.import_module(f"{package.__name__}.{guest.module}_const"))
        prefix = f"UC_{guest.module.upper()}_REG_"
        self.ids = [constants[prefix + name] for name in guest.names]
        self.watched = [self.ids[index] for index in guest.watched] + [constants[prefix + guest.pc]]
        self.events = []
        self.hooks = []
        self.contexts = []

    def call(self, name, *args):
        try:
            answer = getattr(self, name)(*args)
        except self.u.UcError as error:
            answer = error.errno, str(error), error.args
        events, self.events = self.events, []
        return answer, events

    def registers(self):
        return self.uc.reg_read_batch(self.watched)

    def map(self, address, size, perms):
        self.uc.mem_map(address, size, perms)

    def unmap(self, address, size):
        self.uc.mem_unmap(address, size)

    def protect(self, address, size, perms):
        self.uc.mem_protect(address, size, perms)

    def regions(self):
        """Neighbours that differ in nothing as one: unicorn keeps them apart, the engine does not
        when they were mapped together."""
        found = []
        for first, last, perms in self.uc.mem_regions():
            if found and found[-1][1] + 1 == first and found[-1][2] == perms:
                first = found.pop()[0]
            found.append((first, last, perms))
        return found

    def read(self, address, size):
        return bytes(self.uc.mem_read(address, size))

    def write(self, address, data):
        self.uc.mem_write(address, data)

    def reg(self, number, value):
        self.uc.reg_write(self.ids[number], value)
        return self.uc.reg_read(self.ids[number])

    def hook(self, kind, begin, end):
        fault = kind.startswith("MEM_") and kind not in ("MEM_READ", "MEM_WRITE")

        def seen(uc, *args):
            if kind == "CODE":      # undefined instructions have no size in unicorn
                args = args[0], args[1] if args[1] < 16 else 2
            # The engine's blocks end where `count` does.
            self.events.append((kind, *(args[:1] if kind == "BLOCK" else args)))
            return False if fault else None
        self.hooks.append(self.uc.hook_add(getattr(self.u, "UC_HOOK_" + kind), seen, None, begin,
                                           end))

    def unhook(self, index):
        if self.hooks:
            self.uc.hook_del(self.hooks.pop(index % len(self.hooks)))

    def save(self):
        self.contexts.append(self.uc.context_save())

    def restore(self, index):
        if self.contexts:
            self.uc.context_restore(self.contexts[index % len(self.contexts)])
        return self.registers()

    def run(self, begin, until, count):
        # Unicorn keeps blocks of code, hooks and ends that were, and permissions.
        self.uc.ctl_flush_tb()
        self.uc.ctl(self.u.UC_CTL_TLB_FLUSH, self.u.UC_CTL_IO_WRITE)
        try:
            self.uc.emu_start(begin, until, count=count)
        finally:
            registers = self.registers()
            # Unicorn tells of the block that `count` lets nothing run of.
            while count and self.events and self.events[-1] == ("BLOCK", registers[-1]):
                self.events.pop()
            self.events.append(registers)


def step(rng, guest):
    base = rng.choice(BASES)
    size = rng.choice((0x1000, 0x1000, 0x2000, 0x3000))
    return rng.choice((
        lambda: ("map", base, size, rng.choice((7, 7, 3, 1, 5, 0))),
        lambda: ("unmap", base + rng.choice((0, 0x1000)), 0x1000),
        lambda: ("protect", base, size, rng.choice((7, 7, 3, 1))),
        lambda: ("regions",),
        lambda: ("read", base + rng.randrange(0x3000), rng.choice((0, 1, 8, 0x1000))),
        lambda: ("write", base + rng.randrange(0x1000), rng.randbytes(rng.randrange(64))),
        lambda: ("write", CODE, guest.program(rng)),
        lambda: ("write", CODE, guest.program(rng)),
        lambda: ("reg", rng.choice(guest.writable), rng.choice((0, 1, -1, 1 << 63,
                                                                rng.getrandbits(70)))),
        lambda: ("reg", 5, base),
        lambda: ("hook", rng.choice(("CODE", "BLOCK", "MEM_READ", "MEM_WRITE", "MEM_UNMAPPED",
                                     "MEM_PROT", "INTR")),
                 *rng.choice(((1, 0), (1, 0), (CODE + 8, CODE + 16), (DATA, DATA + 0xff)))),
        lambda: ("unhook", rng.randrange(100)),
        lambda: ("save",),
        lambda: ("restore", rng.randrange(100)),
        lambda: ("run", CODE, CODE + guest.end(rng), rng.choice((0, 0, 1, 3, 10))),
        lambda: ("run", CODE, CODE + guest.end(rng), rng.choice((0, 0, 1, 3, 10))),
    ))()
