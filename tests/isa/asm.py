"""A small assembler over the pattern tables, for tests that need programs and no tool chain.

Lives here: two passes, labels, a few directives. Does not live here: encoding (gen/isa_model).
Called by tests/isa/<guest>/test_*.py.

    assemble(source, "riscv64", base) -> (bytes, {label: address})

One instruction a line as the disassembler prints it (numbers may be labels or `label - .`),
`label:`, `.dword n ...`, `.word n ...`, `.align n` (bytes), `.space n`, `#` comments.
RISC-V: `li rd, n` (32 bits, two instructions), `la rd, label`, `j label`, `nop`.
"""

import re
from functools import cache

from engine._core.gen.isa_model import asm_parts, build, load, style_of

NUMBER = r"%\w+\([^)]*\)|[^,()\s]*(?: - \.)?"


class AsmError(Exception):
    """The source cannot be assembled; the text says which line and why."""


@cache
def guest_of(arch):
    guest = load(arch[:-2])
    return guest, frozenset(guest.features) - {"RV32", "RV64"} | {f"RV{arch[-2:]}"}


def operand(guest, style):
    """Regular expression of one operand."""
    texts = guest.tables[style.table].values() if style.kind == "table" else ()
    names = sorted((re.escape(text) for text in texts if text is not None), key=len, reverse=True)
    return f"({'|'.join([*names, NUMBER])})"


@cache
def forms(arch):
    """mnemonic -> [(pattern, regular expression of its operands, [(argument, style)])]"""
    guest, features = guest_of(arch)
    made = {}
    for pattern in guest.patterns:
        if not pattern.available(features):
            continue
        name, joined = pattern.name, pattern.asm.startswith("+")
        regex, args = re.escape(name) + ("" if joined or not pattern.asm else r"\s+"), []
        for kind, part in asm_parts(pattern.asm.removeprefix("+")):
            if kind == "text":
                regex += re.escape(part).replace(r"\ ", r"\s*")
            else:
                style = style_of(guest, *part)
                regex += operand(guest, style)
                args.append((part[0], style))
        made.setdefault(name.split(".")[0], []).append((pattern, re.compile(regex + "$"), args))
    return made


def expand(line, word):
    """Pseudo-instructions of RISC-V as real ones, of a length that does not depend on labels."""
    words = re.split(r"[\s,]+", line)
    if words[0] == "nop":
        return ["addi zero, zero, 0"]
    if words[0] == "j":
        return [f"jal zero, {words[1]}"]
    if words[0] in ("li", "la"):
        low = "addiw" if word == 64 else "addi"
        return [f"lui {words[1]}, %hi({words[2]})",
                f"{low} {words[1]}, {words[1]}, %lo({words[2]})"]
    return [line]


class Assembler:
    def __init__(self, source, arch, base):
        self.arch, self.base, self.labels = arch, base, {}
        self.lines = []
        for number, raw in enumerate(source.splitlines(), 1):
            text = raw.split("#")[0].strip()
            while match := re.match(r"(\w+):\s*", text):
                self.lines.append((number, match[0].strip()))
                text = text[match.end():]
            if text:
                parts = [text] if text[0] == "." else expand(text, int(arch[-2:]))
                self.lines += [(number, part) for part in parts]

    def number(self, text, pc):
        match = re.match(r"%(hi|lo)\((.+)\)$", text)
        if match:
            value = self.number(match[2], pc)
            low = (value & 0xfff) - ((value & 0x800) << 1)
            return low if match[1] == "lo" else (value - low) >> 12 & 0xfffff
        if text.endswith(" - ."):
            return self.number(text[:-4], pc) - pc
        if text in self.labels:
            return self.labels[text]
        try:
            return int(text, 0)
        except ValueError:
            if self.final:
                raise AsmError(f"{text} is neither a number nor a label") from None
            return pc

    def argument(self, text, style, pc):
        if style.kind == "table":
            for value, name in guest_of(self.arch)[0].tables[style.table].items():
                if name == text:
                    return value
            return self.number(text, pc)
        value = self.number(text, pc)
        return value - pc if style.kind == "pcrel" else value

    def instruction(self, text, pc):
        _, features = guest_of(self.arch)
        reason = "no such instruction"
        for pattern, regex, args in forms(self.arch).get(text.split()[0].split(".")[0], ()):
            match = regex.match(text)
            if not match:
                continue
            try:
                values = {name: self.argument(given, style, pc)
                          for (name, style), given in zip(args, match.groups(), strict=True)}
                return build(pattern, features, **values), pattern.length // 8
            except (ValueError, AsmError) as error:
                reason = str(error)
                if not self.final:
                    return 0, pattern.length // 8
        raise AsmError(f"{text}: {reason}")

    def piece(self, text, pc):
        words = text.replace(",", " ").split()
        if words[0] in (".word", ".dword"):
            size = 4 if words[0] == ".word" else 8
            return b"".join((self.number(word, pc) & (1 << 8 * size) - 1).to_bytes(size, "little")
                            for word in words[1:])
        if words[0] == ".align":
            return bytes(-pc % int(words[1], 0))
        if words[0] == ".space":
            return bytes(int(words[1], 0))
        insn, size = self.instruction(text, pc)
        return insn.to_bytes(size, "little")

    def run(self):
        for self.final in (False, True):
            out = b""
            for number, text in self.lines:
                pc = self.base + len(out)
                if text.endswith(":"):
                    self.labels[text[:-1]] = pc
                    continue
                try:
                    out += self.piece(text, pc)
                except AsmError as error:
                    raise AsmError(f"line {number}: {error}") from None
        return out, self.labels


def assemble(source, arch="riscv64", base=0):
    """Code of a program, and where its labels are."""
    return Assembler(source, arch, base).run()
