"""Text of the pattern matcher: nested switches on the bit runs that split the patterns best.

Lives here: `<guest>_match(insn, length, features)` as Cython text. Does not live here: the calls of
the families and the printer (isa_out.py). Called by isa_out.py.

A test that fails falls out of its block to the patterns that follow, so patterns that leave a
tested bit open simply come later. Cython makes a C switch of an if/elif chain over one variable.
"""

import ast

from .isa import Field


class Unit:
    """Patterns that are tried in order: one pattern, or an ordered group."""

    def __init__(self, patterns):
        self.patterns = patterns
        self.mask = ~0
        for pattern in patterns:
            self.mask &= pattern.mask
        first = patterns[0].value
        for pattern in patterns:
            self.mask &= ~(pattern.value ^ first)
        self.value = first & self.mask


def runs(mask):
    """(lsb, width) of each run of ones."""
    lsb = 0
    while mask >> lsb:
        if mask >> lsb & 1:
            width = 1
            while mask >> (lsb + width) & 1:
                width += 1
            yield lsb, width
            lsb += width
        lsb += 1


def field_expression(source, insn="insn"):
    """Cython expression of type int64_t for a field (or a constant)."""
    if not isinstance(source, Field):
        return str(source)
    terms, at = [], source.width + source.shift
    for lsb, width in source.pieces:
        at -= width
        mask = f"{((1 << width) - 1) << at:#x}"
        if lsb > at:
            term = f"{insn} >> {lsb - at}"
        elif lsb < at:
            term = f"{insn} << {at - lsb}"
        else:
            term = insn
        if at + width > 32:
            term = term.replace(insn, f"<uint64_t>{insn}")
        terms.append(f"(({term}) & {literal(mask)})" if term != insn
                     else f"({insn} & {literal(mask)})")
    text = " | ".join(terms)
    if source.signed:
        sign = literal(1 << (source.width + source.shift - 1))
        text = f"<int64_t>((<uint64_t>({text}) ^ {sign}) - {sign})"
    else:
        text = f"<int64_t>({text})"
    return f"{text} + {source.add}" if source.add else text


def literal(value):
    """A hex literal with ULL where an int would not hold it."""
    value = int(value, 0) if isinstance(value, str) else value
    return f"{value:#x}" + ("ULL" if value > 0x7fffffff else "")


def feature_name(guest, name):
    return f"{guest.name.upper()}_{name}"


class Rename(ast.NodeTransformer):
    """Puts Cython expressions in the place of feature and argument names."""

    def __init__(self, guest, pattern):
        self.guest = guest
        self.args = pattern.sources

    def visit_Name(self, node):
        source = self.args.get(node.id)
        if source is not None:
            return ast.Name(f"({field_expression(source)})", node.ctx)
        return ast.Name(f"(features & {feature_name(self.guest, node.id)} != 0)", node.ctx)


def leaf_test(guest, pattern, tested):
    """Conditions left to check for one pattern."""
    terms = []
    mask = pattern.mask & ~tested
    if mask:
        terms.append(f"insn & {literal(mask)} == {literal(pattern.value & mask)}")
    for condition in (pattern.needs, pattern.condition):
        if condition:
            tree = Rename(guest, pattern).visit(ast.parse(condition.text, mode="eval"))
            text = ast.unparse(tree)
            terms.append(f"({text})" if isinstance(tree.body, ast.BoolOp) else text)
    return terms


class Tree:
    def __init__(self, guest):
        self.guest = guest
        self.lines = []
        self.depth = 0

    def line(self, indent, text):
        self.lines.append("    " * indent + text)

    def leaf(self, unit, tested, indent):
        for pattern in unit.patterns:
            terms = leaf_test(self.guest, pattern, tested)
            answer = f"return {pattern.number}      # {pattern.name}"
            if not terms:
                self.line(indent, answer)
                return
            self.line(indent, "if " + f" \\\n{'    ' * (indent + 2)}and ".join(terms) + ":")
            self.line(indent + 1, answer)

    def build(self, units, tested, indent, level):
        """Text that tries `units`, whose bits in `tested` are known to hold."""
        if len(units) == 1:
            return self.leaf(units[0], tested, indent)
        common = ~tested
        for unit in units:
            common &= unit.mask
        same = common
        for unit in units:
            same &= ~(unit.value ^ units[0].value)
        same &= (1 << 64) - 1
        common &= (1 << 64) - 1
        if same:
            self.line(indent, f"if insn & {literal(same)} == {literal(units[0].value & same)}:")
            return self.build(units, tested | same, indent + 1, level)
        if common:
            return self.switch(units, self.best_run(units, common), tested, indent, level)
        return self.split(units, tested, indent, level)

    def best_run(self, units, common):
        return max(runs(common), key=lambda run: (self.spread(units, run), -run[1]))

    @staticmethod
    def spread(units, run):
        mask = ((1 << run[1]) - 1) << run[0]
        return len({unit.value & mask for unit in units})

    def switch(self, units, run, tested, indent, level):
        lsb, width = run
        ones = (1 << width) - 1
        parts = {}
        for unit in units:
            parts.setdefault(unit.value >> lsb & ones, []).append(unit)
        name = f"v{level}"
        self.depth = max(self.depth, level + 1)
        self.line(indent, f"{name} = {f'insn >> {lsb}' if lsb else 'insn'} & {ones:#x}")
        for n, value in enumerate(sorted(parts)):
            self.line(indent, f"{'elif' if n else 'if'} {name} == {value:#x}:")
            self.build(parts[value], tested | ones << lsb, indent + 1, level + 1)

    def split(self, units, tested, indent, level):
        """No bit is fixed in all: those with the most useful run first, the others after them."""
        best, score = None, 0
        for run in {run for unit in units for run in runs(unit.mask & ~tested & (1 << 64) - 1)}:
            mask = ((1 << run[1]) - 1) << run[0]
            inside = [unit for unit in units if unit.mask & mask == mask]
            worth = (len(inside) - 1) * self.spread(inside, run)
            if worth > score and len(inside) < len(units):
                best, score = mask, worth
        if best is None:
            for unit in units:
                self.leaf(unit, tested, indent)
            return
        inside = [unit for unit in units if unit.mask & best == best]
        self.build(inside, tested, indent, level)
        self.build([unit for unit in units if unit.mask & best != best], tested, indent, level)


def match_text(guest, insn_type):
    """The matcher: pattern number or -1."""
    tree = Tree(guest)
    lengths = sorted({pattern.length for pattern in guest.patterns})
    for n, length in enumerate(lengths):
        tree.line(1, f"{'elif' if n else 'if'} length == {length // 8}:")
        units, groups = [], {}
        for pattern in guest.patterns:
            if pattern.length != length:
                continue
            if pattern.group:
                groups.setdefault(pattern.group, []).append(pattern)
            else:
                units.append(Unit([pattern]))
        units += [Unit(patterns) for patterns in groups.values()]
        tree.build(units, 0, 2, 0)
    head = [f"cdef int32_t {guest.name}_match({insn_type} insn, uint32_t length, "
            "uint64_t features) noexcept nogil:",
            '    """Number of the pattern that an instruction of `length` bytes is, or -1."""']
    if tree.depth:
        head.append(f"    cdef {insn_type} " + ", ".join(f"v{i}" for i in range(tree.depth)))
    return "\n".join(head + tree.lines + ["    return -1", ""])
