"""Reader of .isa files: fields, formats, renders, patterns and the state block of one guest.

Lives here: the syntax and every check (docs/isa-format.md describes both). Does not live here: the
text that is generated (isa_out.py, isa_tree.py), encoding and random instructions (isa_model.py).
Called by those.
"""

import ast
import re
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path

from . import GenError

BITS = re.compile(r"[01.\-]+$")
IDENT = re.compile(r"[A-Za-z_]\w*$")
PIECE = re.compile(r"(s?)(\d+):(\d+)$")
PROTOTYPE = re.compile(r"^cdef\s+(?:inline\s+)?bint\s+(\w+)\s*\(([^)]*)\)", re.M)
SCALARS = {"u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t",
           "i8": "int8_t", "i16": "int16_t", "i32": "int32_t", "i64": "int64_t",
           "word": "uint64_t"}
ENUMERABLE = 18     # bits up to which `where` conditions are decided by trying every value
NODES = (ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare,
         ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Name, ast.Load, ast.Constant,
         ast.BinOp, ast.BitAnd, ast.Add, ast.Sub, ast.Mod)


@dataclass
class Field:
    """A number in an instruction: pieces (lsb, width), most significant first."""
    name: str
    pieces: list
    signed: bool
    shift: int = 0
    add: int = 0

    @property
    def width(self):
        return sum(width for _, width in self.pieces)

    @property
    def mask(self):
        return sum(((1 << width) - 1) << lsb for lsb, width in self.pieces)

    def decode(self, insn):
        """The field's value in an instruction."""
        value = 0
        for lsb, width in self.pieces:
            value = value << width | insn >> lsb & (1 << width) - 1
        if self.signed and value >> self.width - 1:
            value -= 1 << self.width
        return (value << self.shift) + self.add

    def encode(self, value):
        """The bits of a value in place; ValueError when it does not fit."""
        raw, rest = divmod(value - self.add, 1 << self.shift)
        low = -(1 << self.width - 1) if self.signed else 0
        if rest or not low <= raw < low + (1 << self.width):
            raise ValueError(f"{value} does not fit field {self.name}")
        bits = 0
        for lsb, width in reversed(self.pieces):
            bits |= (raw & (1 << width) - 1) << lsb
            raw >>= width
        return bits


@dataclass
class Format:
    """Arguments of a family call: struct args_<struct>, each from a field or a constant."""
    name: str
    struct: str
    args: dict              # argument -> Field or int
    asm: str
    where: str              # file:line


@dataclass
class Style:
    """How an argument prints."""
    kind: str               # dec hex pcrel prefix table
    text: str = ""          # prefix
    table: str = ""
    shift: int = 0
    mask: int = (1 << 64) - 1


class Condition:
    """A Python expression over features and arguments (`if`, `where`); empty text: always true."""

    def __init__(self, text=""):
        text = re.sub(r"(?<![=!<>])=(?!=)", "==", text.strip())
        self.text = " and ".join(f"({part.strip()})" if " or " in part else part.strip()
                                 for part in text.split(",") if part.strip())
        self.tree = ast.parse(self.text or "True", mode="eval")
        for node in ast.walk(self.tree):
            if not isinstance(node, NODES):
                raise ValueError(f"`{self.text}`: {type(node).__name__} is not allowed")
        self.names = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}
        self.code = compile(self.tree, "<condition>", "eval")

    def __bool__(self):
        return bool(self.text)

    def holds(self, names):
        return not self.text or bool(eval(self.code, {"__builtins__": {}}, names))


@dataclass
class Pattern:
    """One encoding."""
    name: str
    number: int
    length: int             # bits
    mask: int
    value: int
    free: int               # bits that do not matter
    format: Format
    family: str
    consts: list
    needs: Condition        # `if`
    condition: Condition    # `where`
    asm: str
    where: str              # file:line
    features: frozenset     # that the conditions name
    sources: dict           # what else `where` names -> Field or constant
    group: int = 0          # 0: none

    def holds(self, insn, features):
        """Whether bits and conditions accept an instruction."""
        if insn & self.mask != self.value:
            return False
        if not self.needs and not self.condition:
            return True
        names = {name: name in features for name in self.features}
        for name, source in self.sources.items():
            names[name] = source.decode(insn) if isinstance(source, Field) else source
        return self.needs.holds(names) and self.condition.holds(names)

    def available(self, features):
        """Whether `if` accepts these features."""
        return self.needs.holds({name: name in features for name in self.needs.names})

    @property
    def tested(self):
        """Bits that the `where` condition reads."""
        mask = 0
        for source in self.sources.values():
            mask |= source.mask if isinstance(source, Field) else 0
        return mask


@dataclass
class Register:
    """A row of the register table."""
    name: str
    group: str
    kind: str               # plain special pc
    bits: int               # 0: the guest's word
    place: str = ""         # C expression inside the struct
    number: int = 0
    alias: bool = False


@dataclass
class Guest:
    name: str
    folder: Path
    features: dict = field(default_factory=dict)      # name -> bit
    exclusive: list = field(default_factory=list)
    fields: dict = field(default_factory=dict)
    formats: dict = field(default_factory=dict)
    styles: dict = field(default_factory=dict)
    renders: dict = field(default_factory=dict)
    tables: dict = field(default_factory=dict)      # name -> {value: text}
    patterns: list = field(default_factory=list)
    lengths: list = field(default_factory=list)     # (bits, (Field, op, value) or None)
    word: str = ""                                  # feature without which words have 32 bits
    state: str = ""
    state_fields: list = field(default_factory=list)  # (C type, name, count)
    state_imports: list = field(default_factory=list)
    registers: list = field(default_factory=list)

    @property
    def structs(self):
        """Name -> argument names of each args struct."""
        made = {}
        for fmt in self.formats.values():
            made.setdefault(fmt.struct, list(fmt.args))
        return made


def number(text):
    """An integer literal, or None."""
    try:
        return int(text, 0)
    except ValueError:
        return None


def logical_lines(path):
    """(line number, text) without comments and with continuations joined."""
    joined, first = "", 0
    for n, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = re.sub(r'("[^"]*")|#.*', lambda m: m.group(1) or "", raw).rstrip()
        first = first or n
        if text.endswith("\\"):
            joined += text[:-1] + " "
            continue
        if (joined + text).strip():
            yield first, (joined + text).strip()
        joined, first = "", 0
    if joined.strip():
        yield first, joined.strip()


class Reader:
    """Reads the .isa files of one folder into a Guest."""

    def __init__(self, folder, root):
        self.folder = folder
        self.root = root
        self.guest = Guest(folder.name, folder)
        self.place = ""
        self.length = 0
        self.group = 0
        self.groups = 0
        self.in_state = False
        self.group_name = "general"

    def error(self, message, place=None):
        return GenError(f"{place or self.place}: {message}")

    def read(self):
        """Definitions of all files first, patterns second: files may be in any order."""
        pattern_lines = []
        for path in sorted(self.folder.glob("*.isa")):
            inside = self.root in path.parents
            shown = path.relative_to(self.root).as_posix() if inside else path.name
            self.length = 0
            for n, text in logical_lines(path):
                self.place = f"{shown}:{n}"
                words = text.split()
                is_pattern = text in "{}" or len(words) > 1 and (
                    BITS.match(words[1]) and not self.in_state)
                if words[0] == "length" or is_pattern:
                    pattern_lines.append((self.place, shown, text))
                else:
                    self.definition(words, text)
            if self.in_state:
                raise self.error("state block without end")
        self.finish_definitions()
        file = None
        for self.place, shown, text in pattern_lines:
            if shown != file:
                if self.group:
                    raise self.error("ordered group left open in the file before")
                file, self.length = shown, 0
            self.pattern_line(text)
        if self.group:
            raise self.error("ordered group left open")
        self.check_overlaps()
        self.check_families()
        return self.guest

    # -- definitions
    def definition(self, words, text):
        if self.in_state:
            return self.state_line(words, text)
        if words[0] == "guest":
            if words[1:] != [self.folder.name]:
                raise self.error(f"{text} in folder {self.folder.name}")
            return None
        handler = getattr(self, "define_" + words[0], None)
        if handler is None:
            raise self.error(f"unknown directive {words[0]} (a pattern is: name bits FORMAT ...)")
        return handler(words, text)

    def define_feature(self, words, text):
        for name in words[1:]:
            if not IDENT.match(name) or len(self.guest.features) == 64:
                raise self.error(f"feature {name}: not a name, or more than 64 features")
            if name in self.guest.features:
                raise self.error(f"feature {name} is declared twice")
            self.guest.features[name] = len(self.guest.features)

    def define_exclusive(self, words, text):
        self.guest.exclusive.append((words[1:], self.place))

    def define_word(self, words, text):
        self.guest.word = words[1]

    def define_field(self, words, text):
        name = words[1]
        if name in self.guest.fields:
            raise self.error(f"field {name} is declared twice")
        made = Field(name, [], False)
        for word in words[2:]:
            piece = PIECE.match(word)
            if piece:
                if piece[1] and made.pieces:
                    raise self.error("only the first piece of a field carries the sign")
                made.signed |= bool(piece[1])
                if int(piece[3]) == 0:
                    raise self.error("a piece of no bits")
                made.pieces.append((int(piece[2]), int(piece[3])))
            elif re.match(r"<<\d+$", word):
                made.shift = int(word[2:])
            elif re.match(r"[+-]\d+$", word):
                made.add = int(word)
            else:
                raise self.error(f"field piece {word}: expected lsb:width, <<n or +n")
        if not made.pieces:
            raise self.error(f"field {name} has no bits")
        if sum(width for _, width in made.pieces) != bin(made.mask).count("1"):
            raise self.error(f"field {name}: pieces overlap")
        self.guest.fields[name] = made

    def define_format(self, words, text):
        self.guest.formats.setdefault("", []).append((self.place, text))

    def define_style(self, words, text):
        match = re.match(r"style\s+(\w+)\s*=\s*(.+)$", text)
        if not match:
            raise self.error("expected: style NAME = KIND ...")
        self.guest.styles[match[1]] = self.style(match[2].split())

    def define_render(self, words, text):
        match = re.match(r"render\s+([\w\s]+?)\s*=\s*(.+)$", text)
        if not match:
            raise self.error("expected: render ARGUMENT ... = STYLE")
        for name in match[1].split():
            self.guest.renders[name] = (match[2].split(), self.place)

    def define_table(self, words, text):
        match = re.match(r"table\s+(\w+)\s*=\s*(.+)$", text)
        if not match:
            raise self.error("expected: table NAME = word ... or value=word ...")
        table = self.guest.tables.setdefault(match[1], {})
        for word in re.findall(r'(?:\w+=)?(?:"[^"]*"|\S+)', match[2]):
            key, eq, value = word.partition("=")
            index = number(key) if eq else None
            if index is None:
                index, value = (max(table) + 1 if table else 0), word
            if index in table:
                raise self.error(f"table {match[1]}: {index} twice")
            table[index] = None if value == "-" else value.strip('"')

    def define_lengths(self, words, text):
        body = text.split(None, 1)[1]
        for part in re.split(r"\s+else\s+", body):
            match = re.match(r"(\d+)(?:\s+when\s+bits\s+(\d+):(\d+)\s*([!=]?=)\s*(\w+))?$", part)
            if not match:
                raise self.error("expected: lengths N when bits HIGH:LOW != VALUE else N ...")
            when = None
            if match[2]:
                high, low = int(match[2]), int(match[3])
                when = (Field("bits", [(low, high - low + 1)], False), match[4].rjust(2, "="),
                        int(match[5], 0))
            self.guest.lengths.append((int(match[1]), when))

    def define_state(self, words, text):
        if self.guest.state:
            raise self.error("a second state block")
        self.guest.state = words[1]
        self.in_state = True

    def style(self, words):
        try:
            return resolve_style(self.guest, words)
        except ValueError as error:
            raise self.error(str(error)) from None

    # -- state block
    def state_line(self, words, text):
        guest = self.guest
        if words == ["end"]:
            self.in_state = False
            return
        if words[0] in ("from", "cimport"):
            guest.state_imports.append(text)
            return
        if words[0] == "alias":
            match = re.match(r"alias\s+(\S+)\s*=\s*(\S+)$", text)
            old = match and next((r for r in guest.registers if r.name == match[2]), None)
            if not old:
                raise self.error("expected: alias NEW = OLD, OLD being a register above")
            self.register(Register(match[1], old.group, old.kind, old.bits, old.place,
                                   old.number, True))
            return
        if words[0] == "special":
            options = self.options(words[2:])
            try:
                bits = 0 if options["bits"] == "word" else int(options["bits"], 0)
                self.register(Register(words[1], options["group"], "special", bits, "",
                                       int(options["number"], 0)))
            except (KeyError, ValueError):
                raise self.error("expected: special NAME bits N|word number N group G") from None
            return
        if words[0] == "pc":
            options = self.options(words[2:])
            self.register(Register(words[1], options.get("group", "general"), "pc", 0))
            return
        hidden = words[0] == "hidden"
        words = words[hidden:]
        match = len(words) > 1 and re.match(r"(\w+)(?:\[(\d+)\])?$", words[1])
        if not match:
            raise self.error("expected: [hidden] TYPE NAME[COUNT] ...")
        kind, name, count = words[0], match[1], int(match[2] or 0)
        if kind not in SCALARS and not hidden:
            raise self.error(f"unknown type {kind}")
        guest.state_fields.append((SCALARS.get(kind, kind), name, count))
        if not hidden:
            if kind not in ("u64", "word"):
                raise self.error("registers are 8-byte slots: u64 or word (or hidden)")
            self.slot_registers(kind, name, count, self.options(words[2:]))

    def options(self, words):
        """`key value ...` pairs; `names` takes all words up to the next key."""
        keys = ("group", "names", "numbered", "bits", "number", "special")
        made, key = {}, None
        for word in words:
            if word in keys and key != word:
                key = word
                made[key] = "" if key != "names" else []
            elif key == "names":
                made[key].append(word)
            elif key and not made[key]:
                made[key] = word
            else:
                raise self.error(f"unexpected word {word}")
        return made

    def slot_registers(self, kind, name, count, options):
        names = options.get("names", [])
        prefix = options.get("numbered", "")
        if not names and not prefix:
            names = [name] if not count else [f"{name}{i}" for i in range(count)]
        if names and len(names) != max(count, 1):
            raise self.error(f"{len(names)} names for {max(count, 1)} registers of {name}")
        bits = int(options.get("bits", 0 if kind == "word" else 64))
        special = dict(pair.split(":") for pair in options.get("special", "").split(",") if pair)
        group = options.get("group", "general")
        numbered = [f"{prefix}{i}" for i in range(max(count, 1))] if prefix else []
        for turn, row in enumerate([row for row in (numbered, names) if row]):
            for i, text in enumerate(row):
                place = f"{name}[{i}]" if count else name
                if str(i) in special:
                    made = Register(text, group, "special", bits, "", int(special[str(i)], 0))
                else:
                    made = Register(text, group, "plain", bits, place)
                made.alias = turn > 0
                self.register(made)
        self.guest.tables.setdefault(name, dict(enumerate(names or numbered)))
        self.guest.tables.setdefault(f"{name}_numbered", dict(enumerate(numbered or names)))

    def register(self, made):
        if any(old.name == made.name for old in self.guest.registers):
            raise self.error(f"register {made.name} is declared twice")
        self.guest.registers.append(made)

    # -- formats and patterns
    def finish_definitions(self):
        guest = self.guest
        for name in [guest.word] if guest.word else []:
            self.feature(name)
        for names, self.place in guest.exclusive:
            for name in names:
                self.feature(name)
        guest.exclusive = [names for names, _ in guest.exclusive]
        formats = guest.formats.pop("", [])
        for self.place, text in formats:
            self.format(text)
        for name, (words, self.place) in guest.renders.items():
            guest.renders[name] = self.style(words)
        for fmt in guest.formats.values():
            self.place = fmt.where
            parent = guest.structs[fmt.struct]
            if set(parent) != set(fmt.args):
                raise self.error(f"format {fmt.name}: struct args_{fmt.struct} has "
                                 f"{' '.join(parent)}, not {' '.join(fmt.args)}")

    def format(self, text):
        match = re.match(r'format\s+(\w+)(?:\s*:\s*(\w+))?((?:\s+(?!asm\b)\w+(?:=-?\w+)?)*)'
                         r'(?:\s+asm\s+"([^"]*)")?$', text)
        if not match:
            raise self.error("expected: format NAME [: STRUCT] argument[=field|=number] ... "
                             '[asm "..."]')
        name = match[1]
        if name in self.guest.formats:
            raise self.error(f"format {name} is declared twice")
        args = {}
        for word in match[3].split():
            arg, _, source = word.partition("=")
            value = number(source) if source else None
            if value is None:
                value = self.guest.fields.get(source or arg)
                if value is None:
                    raise self.error(f"format {name}: no field {source or arg}")
            if arg in args:
                raise self.error(f"format {name}: argument {arg} twice")
            args[arg] = value
        asm = match[4] or ""
        self.guest.formats[name] = Format(name, match[2] or name, args, asm, self.place)

    def feature(self, name):
        if name not in self.guest.features:
            raise self.error(f"unknown feature {name}")
        return name

    def pattern_line(self, text):
        words = text.split()
        if words[0] == "length":
            self.length = number(words[1]) or 0
            if self.length not in (8, 16, 32, 64):
                raise self.error(f"length {words[1]}: expected 8, 16, 32 or 64")
        elif text == "{":
            if self.group:
                raise self.error("ordered groups do not nest")
            self.groups += 1
            self.group = self.groups
        elif text == "}":
            if not self.group:
                raise self.error("no ordered group is open")
            self.group = 0
        else:
            self.pattern(text)

    def pattern(self, text):
        words = text.split()
        name, at = words[0], 1
        while at < len(words) and BITS.match(words[at]):
            at += 1
        bits = "".join(words[1:at])
        if not self.length:
            raise self.error("pattern before any `length` line of its file")
        if len(bits) != self.length:
            raise self.error(f"{name}: {len(bits)} bits, expected {self.length}")
        rest = text
        for _ in range(at):
            rest = rest.split(None, 1)[1] if len(rest.split(None, 1)) > 1 else ""
        match = re.match(r'(\w+)\s*(?:=\s*(\w+)\s*\(((?:[^()]|\([^()]*\))*)\))?\s*(.*)$', rest)
        if not match:
            raise self.error(f"{name}: expected FORMAT = family(...)")
        fmt = self.guest.formats.get(match[1])
        if fmt is None:
            raise self.error(f"{name}: unknown format {match[1]}")
        family = match[2] or "trans_" + re.sub(r"\W", "_", name)
        consts = split_commas(match[3] or "")
        clauses = self.clauses(name, match[4])
        needs = self.condition(name, clauses["if"], ())
        known = {**self.guest.fields, **fmt.args}
        condition = self.condition(name, clauses["where"], known)
        made = Pattern(
            name, len(self.guest.patterns), self.length,
            mask=int("".join("1" if c in "01" else "0" for c in bits), 2),
            value=int("".join("1" if c == "1" else "0" for c in bits), 2),
            free=int("".join("1" if c == "-" else "0" for c in bits), 2),
            format=fmt, family=family, consts=consts, needs=needs, condition=condition,
            features=frozenset((needs.names | condition.names) - set(known)),
            sources={word: known[word] for word in condition.names if word in known},
            asm=fmt.asm if clauses["asm"] is None else clauses["asm"],
            where=self.place, group=self.group)
        self.check_bits(made)
        self.check_asm(made)
        self.guest.patterns.append(made)

    def clauses(self, name, text):
        made = {"if": "", "where": "", "asm": None}
        while text:
            match = re.match(r'(if|where)\s+((?:(?!\b(?:if|where|asm)\b).)+)(.*)$', text)
            if match:
                made[match[1]] += " " + match[2].strip()
            else:
                match = re.match(r'(asm)\s+"([^"]*)"()(.*)$', text)
                if not match:
                    raise self.error(f"{name}: cannot read `{text}`")
                made["asm"] = match[2]
            text = match[match.lastindex].strip()
        return made

    def condition(self, name, text, args):
        try:
            made = Condition(text)
        except (SyntaxError, ValueError) as error:
            raise self.error(f"{name}: condition: {error}") from None
        for word in sorted(made.names):
            if word not in args and word not in self.guest.features:
                raise self.error(f"{name}: `{word}` is no feature"
                                 + (", field or argument" if args else ""))
        return made

    def check_bits(self, made):
        read = made.free | made.mask
        for source in [*made.format.args.values(), *made.sources.values()]:
            if isinstance(source, Field):
                read |= source.mask
        if read >> made.length:
            raise self.error(f"{made.name}: format {made.format.name} reads bits beyond "
                             f"{made.length}")
        missing = ((1 << made.length) - 1) & ~read
        if missing:
            raise self.error(f"{made.name}: bit {missing.bit_length() - 1} is open but format "
                             f"{made.format.name} does not read it (a bit that does not matter "
                             "is written -)")

    def check_asm(self, made):
        for kind, value in asm_parts(made.asm):
            if kind == "bad":
                raise self.error(f"{made.name}: cannot read asm text at `{value}`")
            if kind != "arg":
                continue
            arg, style = value
            if arg not in made.format.args:
                raise self.error(f"{made.name}: asm names {arg}, which format "
                                 f"{made.format.name} does not have")
            self.style_of(arg, style)

    def style_of(self, arg, style):
        made = self.style(style.split()) if style else self.guest.renders.get(arg) or Style("dec")
        if made.kind == "table" and made.table not in self.guest.tables:
            raise self.error(f"unknown table {made.table}")
        return made

    # -- checks over all patterns
    def check_overlaps(self):
        by_length = {}
        for pattern in self.guest.patterns:
            by_length.setdefault(pattern.length, []).append(pattern)
        for patterns in by_length.values():
            for a, b in combinations(patterns, 2):
                if (a.value ^ b.value) & a.mask & b.mask or a.group and a.group == b.group:
                    continue
                witness = overlap(a, b, self.guest.exclusive)
                if witness:
                    insn, features = witness
                    raise self.error(f"{b.name} overlaps {a.name} ({a.where}): both accept "
                                     f"{insn:#x}" + (f" with {' '.join(features)}"
                                                     if features else ""), b.where)

    def check_families(self):
        if not any('include "decode_gen.pxi"' in path.read_text(encoding="utf-8")
                   for path in self.folder.glob("*.pyx")):
            return              # nothing calls families yet
        known = prototypes(self.folder)
        for made in self.guest.patterns:
            if made.family not in known:
                raise self.error(f"{made.name}: no family function {made.family} in "
                                 f"{self.folder.name}/*.pxd, *.pxi or *.pyx", made.where)
            params = known[made.family]
            struct = f"args_{made.format.struct}"
            if len(params) < 2 or struct not in params[1].replace("*", " ").split():
                raise self.error(f"{made.name}: {made.family} takes "
                                 f"`{params[1] if len(params) > 1 else ''}`, format "
                                 f"{made.format.name} gives const {struct} *", made.where)
            if len(params) - 2 != len(made.consts):
                raise self.error(f"{made.name}: {made.family} takes {len(params) - 2} constants, "
                                 f"{len(made.consts)} are given", made.where)


def resolve_style(guest, words):
    """A Style from its words: a kind, a style name, or a table name."""
    kind, rest = words[0], words[1:]
    if kind in guest.styles and not rest:
        return guest.styles[kind]
    if kind in guest.tables and not rest:
        return Style("table", table=kind)
    if kind in ("dec", "hex", "pcrel"):
        made = Style(kind)
        for word in rest:
            if word.startswith(">>"):
                made.shift = int(word[2:])
            elif word.startswith("&"):
                made.mask = int(word[1:], 0)
            else:
                raise ValueError(f"style {kind}: {word} is neither >>n nor &mask")
        return made
    if kind == "prefix" and len(rest) == 1:
        return Style("prefix", text=rest[0])
    if kind == "table" and len(rest) == 1:
        return Style("table", table=rest[0])
    raise ValueError(f"unknown style {' '.join(words)}")


def asm_parts(text):
    """('text', str), ('arg', (name, style)) and ('bad', str) parts of an asm template."""
    at = 0
    while at < len(text):
        match = re.compile(r"[^{}]+").match(text, at)
        if match:
            yield "text", match[0]
        else:
            match = re.compile(r"\{(\w+)(?::([^{}]+))?\}").match(text, at)
            if not match:
                yield "bad", text[at:]
                return
            yield "arg", (match[1], match[2] or "")
        at = match.end()


def split_commas(text):
    """Arguments of a call, split at commas outside of brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([") - (char in ")]")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip()]


def prototypes(folder):
    """Name -> parameters of every `cdef bint name(DisasContext *dc, ...)` written in the folder."""
    known = {}
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".pxd", ".pxi", ".pyx") or "_gen" in path.stem:
            continue
        text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        for match in PROTOTYPE.finditer(text):
            params = split_commas(" ".join(match[2].split()))
            if params and params[0].startswith("DisasContext"):
                known[match[1]] = params
    return known


def overlap(a, b, exclusive=()):
    """(instruction, features) that both patterns accept, or None when there is none."""
    base = a.value | b.value
    touched = (a.tested | b.tested) & ~(a.mask | b.mask)
    names = sorted(a.features | b.features)
    if bin(touched).count("1") > ENUMERABLE:
        return base, names      # not decided: the writer must make it obvious
    for wanted in product((True, False), repeat=len(names)):
        features = [name for name, on in zip(names, wanted, strict=True) if on]
        if any(sum(name in features for name in group) > 1 for group in exclusive):
            continue
        if not (a.available(features) and b.available(features)):
            continue
        trial = 0
        while True:             # every subset of the touched bits
            if a.holds(base | trial, features) and b.holds(base | trial, features):
                return base | trial, features
            trial = (trial - touched) & touched
            if trial == 0:
                break
    return None


def read_guest(folder, root=None):
    """The Guest described by the .isa files of a folder."""
    folder = Path(folder)
    return Reader(folder, Path(root) if root else folder.parents[3]).read()
