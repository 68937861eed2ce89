"""A guest's patterns for tests and documents: match, encode, random instructions, reports.

Lives here: what works on a Guest in Python. Does not live here: reading (isa.py), generated text
(isa_out.py). Called by tests and `python -m engine._core.gen table`.
"""

from functools import cache
from pathlib import Path

from .isa import Field, Style, asm_parts, read_guest, resolve_style

ROOT = Path(__file__).resolve().parents[3]


@cache
def load(name, root=ROOT):
    """The Guest of a folder of engine/_core/isa."""
    return read_guest(Path(root) / "engine/_core/isa" / name, root)


def match(guest, insn, length, features):
    """The Pattern that an instruction of `length` bits is, or None."""
    for pattern in guest.patterns:
        if pattern.length == length and pattern.holds(insn, features):
            return pattern
    return None


def insn_length(guest, insn):
    """Length in bits of the instruction that starts with these (little-endian) bits."""
    for bits, when in guest.lengths:
        if when is None:
            return bits
        source, op, value = when
        if (source.decode(insn) == value) == (op == "=="):
            return bits
    return guest.patterns[0].length


def arguments(pattern, insn):
    """Argument values of an instruction, as its family gets them."""
    return {name: source.decode(insn) if isinstance(source, Field) else source
            for name, source in pattern.format.args.items()}


def build(pattern, features, **args):
    """The instruction of one pattern with these arguments; ValueError when it cannot be.

    Arguments that are left out are taken from fixed bits, else 0."""
    insn, known = pattern.value, pattern.mask
    for name, value in args.items():
        if name not in pattern.format.args:
            raise ValueError(f"{pattern.name} has no argument {name}")
        source = pattern.format.args[name]
        if not isinstance(source, Field):
            if source != value:
                raise ValueError(f"{pattern.name}: {name} is always {source}")
            continue
        bits = source.encode(value)
        if (bits ^ insn) & source.mask & known:
            raise ValueError(f"{pattern.name}: {name} = {value} contradicts other bits")
        insn |= bits
        known |= source.mask
    if not pattern.holds(insn, features):
        raise ValueError(f"{pattern.name}: these arguments belong to another instruction")
    return insn


def encode(guest, mnemonic, features, **args):
    """(instruction, length in bits) of a mnemonic; ValueError says why there is none."""
    reason = f"{guest.name} has no instruction {mnemonic}"
    for pattern in guest.patterns:
        if pattern.name != mnemonic or not pattern.available(features):
            continue
        try:
            return build(pattern, features, **args), pattern.length
        except ValueError as error:
            reason = str(error)
    raise ValueError(reason)


def random_bits(guest, pattern, rng, features):
    """An instruction of the pattern with random open bits, often at the edges; None: none found."""
    open_bits = ~(pattern.mask | pattern.free) & (1 << pattern.length) - 1
    for _ in range(100):
        bits = rng.getrandbits(pattern.length)
        if rng.random() < 0.2:
            for source in pattern.format.args.values():
                if isinstance(source, Field):
                    bits = bits & ~source.mask | rng.choice((0, source.mask))
        insn = pattern.value | bits & open_bits
        if pattern.holds(insn, features) and not (
                pattern.group and match(guest, insn, pattern.length, features) is not pattern):
            return insn
    return None


def random_instruction(guest, rng, features, choose=lambda pattern: True):
    """(pattern, instruction): a pattern picked evenly, then its open bits."""
    patterns = [p for p in guest.patterns if choose(p) and p.available(features)]
    while True:
        pattern = rng.choice(patterns)
        insn = random_bits(guest, pattern, rng, features)
        if insn is not None:
            return pattern, insn


def never_executed(guest, executed, features=None):
    """Lines naming each pattern whose number is not in `executed`."""
    return [f"{p.where}: {p.name}" for p in guest.patterns
            if p.number not in executed and (features is None or p.available(features))]


def style_of(guest, arg, style):
    """How an argument of an asm template prints."""
    return resolve_style(guest, style.split()) if style else guest.renders.get(arg, Style("dec"))


def text(guest, pattern, insn, pc=0, features=()):
    """Assembly text of an instruction: what isa/disas.pyx prints, written again for comparison."""
    out = pattern.name + ("" if not pattern.asm or pattern.asm.startswith("+") else " ")
    values = arguments(pattern, insn)
    for kind, part in asm_parts(pattern.asm.removeprefix("+")):
        if kind == "text":
            out += part
            continue
        style, value = style_of(guest, *part), values[part[0]]
        bits = (value & (1 << 64) - 1) >> style.shift & style.mask
        if style.kind == "table" and guest.tables[style.table].get(value) is not None:
            out += guest.tables[style.table][value]
        elif style.kind == "prefix":
            out += f"{style.text}{bits}"
        elif style.kind == "dec":
            plain = not style.shift and style.mask == (1 << 64) - 1
            out += str(value if plain else bits)
        elif style.kind == "pcrel":
            wide = not guest.word or guest.word in features
            out += hex(pc + value & (1 << (64 if wide else 32)) - 1)
        else:
            out += hex(bits)
    return out


def bit_text(pattern):
    """The pattern's bits: fixed ones as 0 and 1, others as dots."""
    return "".join(str(pattern.value >> bit & 1) if pattern.mask >> bit & 1 else
                   "-" if pattern.free >> bit & 1 else "."
                   for bit in reversed(range(pattern.length)))


def markdown(guest):
    """The page of supported instructions: docs/instructions-<guest>.md."""
    lines = [f"# {guest.name}: supported instructions", "",
             f"{len(guest.patterns)} encodings of {len({p.name for p in guest.patterns})} "
             f"instructions, from `engine/_core/isa/{guest.name}/*.isa`. Bits: most significant "
             "first; a dot belongs to an operand, a dash does not matter."]
    source = None
    for p in guest.patterns:
        if p.where.rpartition(":")[0] != source:
            source = p.where.rpartition(":")[0]
            lines += ["", f"## {source.rpartition('/')[2]}", "",
                      "| instruction | operands | bits | needs |", "|---|---|---|---|"]
        name, asm = p.name, p.asm.replace("|", "\\|")
        if asm.startswith("+"):
            suffix, _, asm = asm[1:].partition(" ")
            name += suffix
        lines.append(f"| {name} | {'`' + asm + '`' if asm else ''} | `{bit_text(p)}` "
                     f"| {p.needs.text} |")
    return "\n".join(lines) + "\n"
