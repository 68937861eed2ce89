"""x86 opcode tables (isa/x86/*.ops) to the decoder's rows, the family calls and the docs page.

Lives here: the tables' syntax and what is generated of it. Does not live here: reading prefixes,
ModRM and SIB (isa/x86/decode.pxi), what instructions do (isa/x86/trans_*.pxi). Called by
generate() and by tests (load, samples).

One row a form, in the notation of the manual (SDM volume 2, 3.1.1 and appendix A.2):

    [prefix] opcode MNEMONIC operands [word ...] [if FEATURE] = family(constants)
    00          ADD   Eb,Gb  lock      = alu(ALU_ADD)
    80/0        ADD   Eb,Ib  lock      = alu(ALU_ADD)
    0F C8+r     BSWAP Zy               = bswap()
    F3 0F B8    POPCNT Gv,Ev  if popcnt = popcnt()
    VEX.LZ.NP.0F38 F2  ANDN Gy,By,Ey   if bmi1 = andn()

prefix: NP 66 F3 F2 are mandatory ones; none: any (66 is the operand size). VEX.<L>.<prefix>.<map>
[.W0|.W1], L: LZ 128 256 LIG. opcode: maps 0F, 0F 38, 0F 3A, then the byte; `/n` the reg field of
ModRM, `mem` or `reg` its mod field, `rm0` .. `rm7` a register as the rm field; `+r`: a register in
the low bits, eight opcodes. Words: lock (LOCK may precede it, with a memory destination), i64 (not
in 64-bit mode), o64 (only there), d64 (operand size 64 by default there), f64 (always), pm (not in
real mode).
"""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from . import GenError

ROOT = Path(__file__).resolve().parents[3]

MAPS = {"": 0, "0F": 1, "0F38": 2, "0F3A": 3}
PREFIXES = {"": 0, "NP": 1, "66": 2, "F3": 3, "F2": 4}
VEX_L = {"LZ": 0, "128": 0, "256": 1, "LIG": 2}
FLAGS = {"lock": 1, "i64": 2, "o64": 4, "d64": 8, "f64": 16, "pm": 32}
FLAG_MODRM, FLAG_VEX, FLAG_PLUS_R = 64, 128, 256
ANY = 255
# Row.mod - 1: a memory operand, a register, the register of this number.
MODS = ("mem", "reg", *(f"rm{n}" for n in range(8)))

# Operands: a kind and a size, X86_<kind> and X86S_<size> in defs.pxd.
KINDS = ("none", "E", "G", "B", "M", "I", "J", "O", "S", "Z", "C", "D", "R", "X", "Y", "reg", "one",
         "A", "V", "W", "H", "L", "P", "Q", "N", "U", "Mp", "ST")
SIZES = ("none", "b", "w", "d", "q", "v", "y", "z", "p", "dq", "x", "bs", "qq", "t")
FIXED = {"AL": (0, "b"), "CL": (1, "b"), "AX": (0, "w"), "DX": (2, "w"), "rAX": (0, "v"),
         "eAX": (0, "z")}
# Kinds whose operand sits in ModRM.
IN_MODRM = {"E", "G", "M", "S", "C", "D", "R", "V", "W", "P", "Q", "N", "U", "Mp"}


class OpsError(GenError):
    """A mistake in a table; the text starts with `file:line:`."""


@dataclass
class Row:
    number: int
    where: str
    name: str
    operands: tuple
    prefix: str = ""
    map: int = 0
    opcode: int = 0
    reg: int = ANY
    mod: int = 0
    vex_l: int = ANY
    vex_w: int = ANY
    flags: int = 0
    words: tuple = ()
    feature: str = ""
    family: str = ""
    consts: tuple = ()
    notation: str = ""
    codes: list = field(default_factory=list)


def operand(text, where):
    """(kind, size or fixed register number, size) of an operand."""
    if text in FIXED:
        return ("reg", *FIXED[text])
    if text == "STi":               # ST0: fixed 0
        return ("ST", 8, "none")
    if text == "1":
        return ("one", 0, "none")
    match = re.match(r"(Mp|ST|[EGBMIJOSZCDRXYAVWHLPQNU])([a-z]*)(\d?)$", text)
    if not match or match[2] not in (*SIZES, ""):
        raise OpsError(f"{where}: unknown operand {text}")
    return match[1], int(match[3] or 0), match[2] or "none"


def parse_row(text, number, where):
    head, eq, call = text.partition("=")
    match = re.match(r"\s*(\w+)\(([^()]*)\)\s*$", call)
    if not eq or not match:
        raise OpsError(f"{where}: expected = family(constants)")
    row = Row(number, where, "", (), family=match[1],
              consts=tuple(word.strip() for word in match[2].split(",") if word.strip()))
    words = head.split()
    start = list(words)
    if words[0].startswith("VEX."):
        parts = words.pop(0).split(".")[1:]
        try:
            row.vex_l = VEX_L[parts[0]]
            row.prefix, row.map = parts[1], MAPS[parts[2]]
            row.vex_w = int(parts[3][1:]) if len(parts) > 3 else ANY
        except (KeyError, IndexError, ValueError):
            raise OpsError(f"{where}: VEX.<L>.<prefix>.<map>[.W0|.W1]") from None
        row.flags |= FLAG_VEX | FLAG_MODRM
    elif words[0] in ("NP", "66", "F3", "F2") and re.match(r"0F$", words[1]):
        row.prefix = words.pop(0)
    if not row.flags & FLAG_VEX and words[0] == "0F" and len(words) > 1:
        words.pop(0)
        row.map = 1
        if words[0] in ("38", "3A") and re.match(r"[0-9A-F]{2}\b", words[1]):
            row.map = MAPS["0F" + words.pop(0)]
    match = re.match(r"([0-9A-F]{2})(\+r)?(?:/(\d))?$", words.pop(0))
    if not match or row.prefix not in PREFIXES:
        raise OpsError(f"{where}: unknown opcode or prefix")
    row.opcode = int(match[1], 16)
    if match[2]:
        row.flags |= FLAG_PLUS_R
    if match[3]:
        row.reg = int(match[3])
        row.flags |= FLAG_MODRM
    if words[0] in MODS:
        row.mod = MODS.index(words.pop(0)) + 1
        row.flags |= FLAG_MODRM
    row.notation = " ".join(start[:len(start) - len(words)])
    row.name = words.pop(0).lower()
    if words and words[0] not in FLAGS and words[0] != "if":
        row.operands = tuple(words.pop(0).split(","))
    row.codes = [operand(text, where) for text in row.operands]
    if any(kind in IN_MODRM for kind, _, _ in row.codes):
        row.flags |= FLAG_MODRM
    elif not row.operands and row.flags & FLAG_VEX:
        row.flags &= ~FLAG_MODRM        # VZEROUPPER
    if "if" in words:
        row.feature = words[words.index("if") + 1]
        del words[words.index("if"):]
    for word in words:
        if word not in FLAGS:
            raise OpsError(f"{where}: unknown word {word}")
        row.flags |= FLAGS[word]
    row.words = tuple(words)
    return row


def check(rows):
    """Two rows that accept the same instruction are a mistake, unless one has a prefix."""
    seen = {}
    for row in rows:
        for code in opcodes(row):
            for old in seen.setdefault((row.map, code, row.flags & FLAG_VEX), []):
                both = (old.prefix == row.prefix
                        and ANY in (old.reg, row.reg) or old.reg == row.reg)
                same = (old.prefix == row.prefix and both
                        and (old.mod == row.mod or 0 in (old.mod, row.mod)
                             or 2 in (old.mod, row.mod) and min(old.mod, row.mod) > 1)
                        and (old.vex_l == row.vex_l or 2 in (old.vex_l, row.vex_l))
                        and (old.vex_w == row.vex_w or ANY in (old.vex_w, row.vex_w))
                        and not {old_new for old_new in ((2, 4), (4, 2))
                                 if old.flags & old_new[0] and row.flags & old_new[1]})
                if same:
                    raise OpsError(f"{row.where}: {row.name} overlaps {old.name} ({old.where})")
            seen[row.map, code, row.flags & FLAG_VEX].append(row)


def opcodes(row):
    return range(row.opcode, row.opcode + (8 if row.flags & FLAG_PLUS_R else 1))


@cache
def load(root=ROOT):
    """The rows of every table, in order."""
    rows = []
    for path in sorted((Path(root) / "engine/_core/isa/x86").glob("*.ops")):
        for at, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            text = line.split("#")[0].rstrip()
            if text:
                rows.append(parse_row(text, len(rows), f"{path.name}:{at}"))
    check(rows)
    return rows


def features(rows):
    return sorted({row.feature for row in rows if row.feature})


def enum_text():
    """Numbers that decode.pxi and the tables share."""
    out = ["# Generated by engine/_core/gen/x86.py from isa/x86/*.ops: do not edit.",
           "# Operand kinds and sizes, row flags.", "", "cdef enum:"]
    out += [f"    X86_{name} = {i}" for i, name in enumerate(KINDS)]
    out += ["", "cdef enum:"]
    out += [f"    X86S_{name} = {i}" for i, name in enumerate(SIZES)]
    out += ["", "cdef enum:"]
    out += [f"    ROW_{name.upper()} = {bit}" for name, bit in FLAGS.items()]
    out += [f"    ROW_MODRM = {FLAG_MODRM}", f"    ROW_VEX = {FLAG_VEX}", ""]
    return "\n".join(out)


def table_text(rows):
    """rows_gen.pxi: the rows in C, and where those of each opcode begin."""
    groups = {}
    for row in rows:
        for code in opcodes(row):
            groups.setdefault((bool(row.flags & FLAG_VEX) * 4 + row.map, code), []).append(row)
    c, starts, at = [], {}, 0
    for key in sorted(groups):
        starts[key] = at
        for row in sorted(groups[key], key=lambda r: (r.prefix == "", r.number)):
            ops = [f"{KINDS.index(kind)}, {SIZES.index(size)}, {n}" for kind, n, size in row.codes]
            ops += ["0, 0, 0"] * (4 - len(ops))
            feature = f"X86F_{row.feature}" if row.feature else "0"
            c.append(f"    {{{row.number}, {row.flags}, {PREFIXES[row.prefix]}, {row.reg}, "
                     f"{row.mod}, {row.vex_l}, {row.vex_w}, {len(row.codes)}, "
                     f"{{{', '.join('{' + op + '}' for op in ops)}}}, {feature}, "
                     f"\"{row.name}\"}},")
            at += 1
    index = []
    for space in range(8):
        for code in range(256):
            first = starts.get((space, code), 0)
            index.append(f"{{{first}, {len(groups.get((space, code), []))}}}")
    names = [f'"{row.name}"' for row in rows]
    bits = [f"    #define X86F_{name} (1ULL << {i})" for i, name in enumerate(features(rows))]
    lines = [", ".join(index[i:i + 8]) for i in range(0, len(index), 8)]
    return "\n".join([
        "# Generated by engine/_core/gen/x86.py from isa/x86/*.ops: do not edit.",
        "# Rows by opcode map and opcode.", "cdef extern from *:", '    """', *bits,
        "    static const X86Row x86_rows[] = {", *["    " + line for line in c], "    };",
        "    static const X86Index x86_index[] = {",
        *["        " + line + "," for line in lines], "    };",
        "    static const char *const x86_row_names[] = {",
        *["        " + ", ".join(names[i:i + 8]) + "," for i in range(0, len(names), 8)],
        "    };",
        "    static const char *const x86_feature_list[] = {"
        + ", ".join(f'"{name}"' for name in features(rows)) + ", 0};",
        '    """', "    const X86Row x86_rows[]", "    const X86Index x86_index[]",
        "    const char *const x86_row_names[]",
        "    const char *const x86_feature_list[]",
        *[f"    const uint64_t X86F_{name}" for name in features(rows)],
        "", "cdef enum:", f"    X86_N_ROWS = {len(rows)}", ""])


def call_text(rows):
    """calls_gen.pxi: row number -> family call."""
    out = ["# Generated by engine/_core/gen/x86.py from isa/x86/*.ops: do not edit.",
           "# Family calls.", "cdef bint x86_call(DisasContext *dc, X86Insn *i) noexcept nogil:",
           '    """Translate a decoded instruction; False: not in this mode or form."""',
           "    cdef uint32_t n = i.row.number"]
    groups = {}
    for row in rows:
        groups.setdefault((row.family, row.consts), []).append(row.number)
    for at, ((family, consts), numbers) in enumerate(groups.items()):
        test = " or ".join(f"n == {n}" for n in numbers)
        args = "".join(f", {const}" for const in consts)
        lines, line = [], f"    {'elif' if at else 'if'} ("
        for word in test.split(" or "):
            if len(line) + len(word) > 90:
                lines.append(line.rstrip())
                line = "            "
            line += word + " or "
        lines.append(line.rstrip()[:-3].rstrip() + "):")
        out += [*lines, f"        return trans_{family}(dc, i{args})"]
    out += ["    return False", ""]
    return "\n".join(out)


def markdown(rows):
    """docs/instructions-x86.md."""
    lines = ["# x86: supported instructions", "",
             f"{len(rows)} forms of {len({row.name for row in rows})} instructions, from "
             "`engine/_core/isa/x86/*.ops`, in the notation of Intel's manual (volume 2, appendix "
             "A.2). Everything else raises the invalid-opcode exception.", "",
             "| opcode | instruction | words | needs |", "|---|---|---|---|"]
    lines += [f"| `{row.notation}` | `{row.name} {', '.join(row.operands)}`".replace(" `", "`", 1)
              .replace("|`", "| `") + f" | {' '.join(row.words)} | {row.feature} |" for row in rows]
    return "\n".join(lines) + "\n"


def outputs(root):
    """Every file generated from the opcode tables below the root."""
    root = Path(root)
    home = root / "engine/_core/isa/x86"
    if not any(home.glob("*.ops")):
        return {}
    load.cache_clear()
    rows = load(root)
    page = {root / "docs/instructions-x86.md": markdown(rows)}
    return {**(page if (root / "docs").is_dir() else {}),
            home / "kinds_gen.pxd": enum_text(),
            home / "rows_gen.pxi": table_text(rows),
            home / "calls_gen.pxi": call_text(rows)}


def sample(row, rng, bits=64, base=None, index=None, operand=None):
    """Bytes of a random instruction of the row; memory operands are [base + index * scale + disp8]
    with register numbers of the caller (index None: no SIB index; 16 bits: base is the rm field) or
    `operand`: ModRM with a zero reg field, SIB and displacement. None: not in this mode."""
    if row.flags & FLAGS["o64" if bits != 64 else "i64"]:
        return None
    rex = (rng.getrandbits(4) & 13 if rng.random() < 0.6 else None) if bits == 64 else None
    vex = bool(row.flags & FLAG_VEX)
    plus = rng.randrange(8) if row.flags & FLAG_PLUS_R else 0
    body, wide = b"", bool(rex and rex & 8)
    if vex:
        rex = rng.getrandbits(4) & 13 if bits == 64 else 0
        if row.vex_w != ANY:
            rex = rex & 7 | row.vex_w << 3
        wide = bool(rex & 8)
    use66 = not vex and not row.prefix and rng.random() < 0.25
    memory = row.mod == 1 or (row.mod == 0 and row.flags & FLAG_MODRM and base is not None
                              and rng.random() < 0.5)
    if row.flags & FLAG_MODRM:
        reg = row.reg if row.reg != ANY else rng.randrange(8)
        if any(kind == "S" for kind, _, _ in row.codes):
            reg = rng.randrange(6)
        if memory:
            if base is None:
                return None
            rex = (rex or 0) & 12 | base >> 3 if bits == 64 and (rex is not None or base > 7
                                                                 or index and index > 7) else rex
            disp = bytes([rng.getrandbits(3)])
            if operand is not None:
                body = bytes([operand[0] | reg << 3]) + operand[1:]
            elif index is None:
                body = bytes([0x40 | reg << 3 | base & 7]) + disp
            else:
                if bits == 64 and index > 7:
                    rex |= 2
                body = bytes([0x44 | reg << 3,
                              rng.randrange(4) << 6 | (index & 7) << 3 | base & 7]) + disp
        else:
            body = bytes([0xC0 | reg << 3 | (rng.randrange(8) if row.mod < 3 else row.mod - 3)])
            if rex is not None:
                rex = rex & 13
    for kind, _, size in row.codes:
        if kind in ("I", "J"):
            small = use66 != (bits == 16)
            log = {"b": 1, "bs": 1, "w": 2, "z": 2 if small and not wide else 4,
                   "v": 8 if wide else 2 if small else 4}[size]
            body += rng.getrandbits(8 * log).to_bytes(log, "little")
        elif kind == "L":
            body += rng.getrandbits(8).to_bytes(1, "little")
        elif kind in ("O", "A"):
            return None
    opcode = bytes([row.opcode + plus])
    if vex:
        space, pp = row.map, {"NP": 0, "66": 1, "F3": 2, "F2": 3}[row.prefix]
        vvvv = rng.randrange(16 if bits == 64 else 8) if any(
            kind in ("B", "H") for kind, _, _ in row.codes) else 0
        length = row.vex_l == 1 or row.vex_l == 2 and rng.random() < 0.5
        second = (~rex & 7) << 5 | space
        third = (rex & 8) << 4 | (~vvvv & 15) << 3 | length << 2 | pp
        return bytes([0xC4, second, third]) + opcode + body
    prefix = {"": b"", "NP": b"", "66": b"\x66", "F3": b"\xF3", "F2": b"\xF2"}[row.prefix]
    out = (b"\x66" if use66 else b"") + prefix
    if row.flags & FLAGS["lock"] and memory and rng.random() < 0.3:
        out = b"\xF0" + out
    if rex is not None:
        out += bytes([0x40 | rex])
    return out + (b"", b"\x0F", b"\x0F\x38", b"\x0F\x3A")[row.map] + opcode + body


def match(rows, code, bits):
    """The row of the instruction in the bytes as the decoder finds it, without regard to features;
    None: there is none. `rows`: of load()."""
    at, small, rep, vex, space = 0, bits == 16, "", None, 0
    while code[at] in b"\x26\x2E\x36\x3E\x64\x65\x66\x67\xF0\xF2\xF3":
        if code[at] == 0x66:
            small = bits != 16
        elif code[at] in (0xF2, 0xF3):
            rep = {0xF2: "F2", 0xF3: "F3"}[code[at]]
        at += 1
    operand = "66" if small != (bits == 16) else ""
    if bits == 64 and code[at] & 0xF0 == 0x40:
        at += 1
    if code[at] in (0xC4, 0xC5) and (bits == 64 or code[at + 1] >= 0xC0):
        short = code[at] == 0xC5
        last = code[at + 1 if short else at + 2]
        vex = (last >> 2 & 1, 0 if short else last >> 7)
        space = 1 if short else code[at + 1] & 31
        rep, operand = (("", ""), ("", "66"), ("F3", ""), ("F2", ""))[last & 3]
        at += 2 if short else 3
    elif code[at] == 0x0F:
        space = {0x38: 2, 0x3A: 3}.get(code[at + 1], 1)
        at += 1 if space == 1 else 2
    opcode, modrm = code[at], code[at + 1] if at + 1 < len(code) else 0
    found = [row for row in rows if row.map == space and bool(row.flags & FLAG_VEX) == bool(vex)
             and (opcode & 0xF8 if row.flags & FLAG_PLUS_R else opcode) == row.opcode]
    for row in sorted(found, key=lambda row: (row.prefix == "", row.number)):
        if row.flags & FLAGS["o64" if bits != 64 else "i64"]:
            continue
        if row.prefix and row.prefix != (rep or operand or "NP"):
            continue
        if row.reg not in (ANY, modrm >> 3 & 7) or row.mod == 1 and modrm >= 0xC0 \
                or row.mod > 1 and modrm < 0xC0 or row.mod > 2 and modrm & 7 != row.mod - 3:
            continue
        if vex and (row.vex_l not in (VEX_L["LIG"], vex[0]) or row.vex_w not in (ANY, vex[1])):
            continue
        return row
    return None
