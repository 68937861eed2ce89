"""`.ins` lines: instructions with their text, what they start from and what they change.

Lives here: the syntax, and running one line on an engine. Does not live here: which files there
are and what is tested of them (test_ins.py). Called by test_ins.py and make_ins.py.

    riscv64                                  the lines below are for this architecture
    features RV64 I C                        ... with the features of the tables (default: all)
    options user_mode=1 exceptions="guest"   ... and these arguments of Emulator
    given cr4=0x600 [0x8000:8]=0x11          ... and this state before each (until the next `given`)
    0x1000 [b3 00 31 00] "add ra, sp, gp"  x2=1 x3=2 => x1=3

Address, bytes, text (several instructions: joined by `; `, all of them run), state before, `=>`,
the changes. `x2=1` is a register, `[0x2000:8]=0x11` memory (little-endian, maps the page),
`rax~0xffffffff=0` a register whose bits 0xffffffff may be anything. Each line starts from an engine
as it is made; general registers that are not named have arbitrary values; what is not named must
not change; pc must be behind the instructions unless `pc=` is among the changes. Before changes, or
instead: `!load 0x2000`, `!store`, `!fetch`: a memory fault at that address; `!illegal`;
`!exception 8`: another exception, as in `!exception 13 error_code=0x28`. `#` begins a comment.
"""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

LINE = re.compile(r'(0x[0-9a-f]+)\s+\[([0-9a-f ]+)\]\s+"([^"]*)"(.*)$')
MEMORY = re.compile(r"\[(0x[0-9a-f]+):(\d+)\]$")
FAULT = re.compile(r"!(load|store|fetch|illegal|exception)(?:\s+(\w+)(?![\w=~]))?(.*)$")
UNDEFINED = re.compile(r"(\w+)~(\w+)")
ACCESS = {"load": "read", "store": "write", "fetch": "fetch"}
PAGE = 4096


@dataclass
class Line:
    where: str
    arch: str
    features: tuple
    options: dict
    address: int
    code: bytes
    text: str
    before: dict
    after: dict
    fault: tuple = ()
    given: dict = field(default_factory=dict)
    undefined: dict = field(default_factory=dict)   # register: bits that may be anything

    def __str__(self):
        return f"{self.where}: {self.text}"


def assignments(words, where):
    """{name or (address, size): value} of `name=value` words."""
    made = {}
    for word in words:
        key, eq, value = word.partition("=")
        if not eq:
            raise ValueError(f"{where}: `{word}` is not name=value")
        cell = MEMORY.match(key)
        made[(int(cell[1], 16), int(cell[2])) if cell else key] = int(value, 0)
    return made


def parse_line(text, where, arch="", features=(), options=None):
    match = LINE.match(text)
    if not match:
        raise ValueError(f"{where}: expected: address [bytes] \"text\" state => changes")
    before, arrow, after = match[4].partition("=>")
    fault = ()
    if not arrow:
        before, bang, rest = match[4].partition("!")
        found = FAULT.match(bang + rest.strip())
        if not found or (found[1] == "illegal") != (found[2] is None):
            raise ValueError(f"{where}: neither => changes nor a fault")
        fault, after = (found[1], int(found[2], 0) if found[2] else 0), found[3]
    undefined = {name: int(bits, 0) for name, bits in UNDEFINED.findall(after)}
    return Line(where, arch, features, options or {}, int(match[1], 16), bytes.fromhex(match[2]),
                match[3], assignments(before.split(), where),
                assignments(UNDEFINED.sub(r"\1", after).split(), where), fault,
                undefined=undefined)


def read(path):
    """The lines of a file."""
    arch, features, options, given, made = "", (), {}, {}, []
    for n, text in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        text = re.sub(r'("[^"]*")|#.*', lambda m: m[1] or "", text).strip()
        where = f"{path.name}:{n}"
        words = text.split()
        if not words:
            continue
        if words[0] == "features":
            features = tuple(words[1:])
        elif words[0] == "given":
            given = assignments(words[1:], where)
        elif words[0] == "options":
            options = {}
            for word in words[1:]:
                name, _, value = word.partition("=")
                options[name] = ast.literal_eval(value)
        elif len(words) == 1:
            arch, features, options, given = words[0], (), {}, {}
        else:
            made.append(parse_line(text, where, arch, features, options))
            made[-1].given = given
    return made


def backends():
    """Names of the back ends that execute lines."""
    import engine
    return engine.backends() if hasattr(engine, "Emulator") else ("interpreter",)


def observed(guest):
    """Names of the registers that an instruction may change, each once."""
    return [row.name for row in guest.registers
            if not row.alias and row.group in ("general", "float") and row.kind != "pc"
            and row.name not in ("fflags", "frm")]


def arbitrary(n, name):
    """What register number n has unless a line says so."""
    return {"fcsr": 0, "rflags": 0x202, "eflags": 0x202}.get(
        name, 0xA5A5000100000000 + 0x0001000100010001 * n)


class Machine:
    """Engines by architecture and options, reused for many lines."""

    def __init__(self, backend):
        self.backend = backend
        self.engines = {}
        self.seen = []          # causes of exceptions

    def engine_for(self, line):
        """An emulator as it is made."""
        import engine
        key = line.arch, line.features, repr(line.options)
        if key not in self.engines:
            options = {"user_mode": line.arch in ("x86_64", "i386"), **line.options}
            emu = engine.Emulator(line.arch, backend=self.backend,
                                  features=line.features or None, **options)
            self.engines[key] = emu, emu.snapshot()
            emu.hook_exception(lambda _, cause: self.seen.append(cause))
        emu, made = self.engines[key]
        emu.restore(made)
        self.seen.clear()
        return emu

    @staticmethod
    def map(emu, places):
        pages = {page for at, size in places
                 for page in range(at // PAGE, (at + max(size, 1) - 1) // PAGE + 1)}
        for page in pages:
            emu.memory.map(page * PAGE, PAGE)

    def prepare(self, emu, line, registers):
        """Code, memory and registers as the line says; the rest arbitrary."""
        before = {**line.given, **line.before}
        self.map(emu, [(line.address, len(line.code)),
                       *(key for key in [*before, *line.after] if isinstance(key, tuple))])
        emu.memory.write(line.address, line.code)
        xlen = 32 if line.arch in ("i386", "x86_16") else int(line.arch[-2:])
        for n, name in enumerate(registers):
            wide = {"f": 64, "e": 32}.get(name[0], xlen)       # eax on x86_64: compatibility mode
            emu.regs[name] = arbitrary(n, name) & (1 << wide) - 1
        # Memory first: a selector's descriptor may be there.
        for key, value in sorted(before.items(), key=lambda item: isinstance(item[0], str)):
            if isinstance(key, tuple):
                emu.memory.write(key[0], little(value, key[1]))
            else:
                emu.regs[key] = value

    def run(self, line, registers, watched=()):
        """Runs a line; answers what is not as it says, as texts.

        `registers`: names of the general registers; `watched`: of others that must not change
        unless the line says so."""
        import engine
        emu = self.engine_for(line)
        self.prepare(emu, line, registers)
        watched = [*registers, *watched]
        memory = {key: emu.memory.read(*key) for key in line.before if isinstance(key, tuple)}
        memory.update({key: little(value, key[1]) for key, value in line.after.items()
                       if isinstance(key, tuple)})
        named = {key: value for key, value in line.after.items()
                 if not isinstance(key, tuple) and key != "pc"}
        start = emu.snapshot()
        # Parts of registers: what the whole then is.
        for name, value in named.items():
            if name not in watched:
                emu.regs[name] = value
        wanted = dict(zip(watched, emu.regs.read_many(watched), strict=True))
        wanted.update(named)
        emu.restore(start)
        count = line.text.count("; ") + 1
        wrong = []
        try:
            result = emu.run(line.address, count=count)
            if line.fault:
                wrong.append(f"no fault, wanted {line.fault}")
            elif result.count != count:
                wrong.append(f"{result.count} instructions ran, wanted {count} ({result.reason})")
        except engine.Error as error:
            wrong += compare_fault(line, error, self.seen)
        pc = line.after.get("pc", line.address + (0 if line.fault else len(line.code)))
        if emu.pc != pc:
            wrong.append(f"pc is {emu.pc:#x}, wanted {pc:#x}")
        wrong += [f"{name} is {value:#x}, wanted {wanted[name]:#x}"
                  for name, value in zip(wanted, emu.regs.read_many(wanted), strict=True)
                  if (value ^ wanted[name]) & ~line.undefined.get(name, 0)]
        wrong += [f"[{at:#x}:{size}] is {emu.memory.read(at, size)[::-1].hex()}, wanted "
                  f"{value[::-1].hex()}"
                  for (at, size), value in memory.items() if emu.memory.read(at, size) != value]
        return wrong


def little(value, size):
    return (value % (1 << 8 * size)).to_bytes(size, "little")


def compare_fault(line, error, seen):
    """What differs between the fault that a line announces and the one that came."""
    import engine
    kind, value = line.fault or ("none", 0)
    if isinstance(error, engine.MemoryFault):
        same = ACCESS.get(kind) == error.access and error.address == value
    elif isinstance(error, engine.InstructionFault):
        # Undefined or privileged: the cause tells.
        cause = {"illegal": 2 if line.arch.startswith("riscv") else 6, "exception": value}.get(kind)
        same = seen[-1:] == [cause]
    else:
        same = (isinstance(error, engine.GuestException) and kind == "exception"
                and error.cause == value)
    return [] if same else [f"{type(error).__name__}: {error}; wanted {line.fault or 'none'}"]
