"""ir/ops.tab: reading, checking, and everything generated from it.

Lives here: the parser of the table, the checks, the list of outputs. The texts are made in
ops_emit.py (IR layer) and ops_interp.py (interpreter). Called by gen.generate and by tests.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from . import GenError

CONST_KINDS = ("cond", "label", "off", "oi", "n", "pos", "len", "rm", "exit", "row", "helper",
               "status", "pc")
FLAGS = ("comm", "w32", "pure", "fenv", "load", "store", "mem", "call", "cond", "end", "meta")
# cond values: inverse is c ^ 1; swapped operands: see cond_swap in ops_gen.pxd
CONDS = ("eq", "ne", "lt", "ge", "le", "gt", "ltu", "geu", "leu", "gtu", "tsteq", "tstne")
COND_EXPR = {
    "eq": "{a} == {b}", "ne": "{a} != {b}",
    "lt": "<int{w}_t>{a} < <int{w}_t>{b}", "ge": "<int{w}_t>{a} >= <int{w}_t>{b}",
    "le": "<int{w}_t>{a} <= <int{w}_t>{b}", "gt": "<int{w}_t>{a} > <int{w}_t>{b}",
    "ltu": "{a} < {b}", "geu": "{a} >= {b}", "leu": "{a} <= {b}", "gtu": "{a} > {b}",
    "tsteq": "({a} & {b}) == 0", "tstne": "({a} & {b}) != 0",
}
IN_NAMES = "abcx"
# Names a meaning may use besides its operands and constants.
BITS_NAMES = frozenset((
    "rotl64", "rotr64", "rotl32", "rotr32", "mulhu64", "mulhs64", "mulhsu64", "divu64", "divs64",
    "remu64", "rems64", "divu32", "divs32", "remu32", "rems32", "clz64", "ctz64", "popcnt64",
    "clz32", "ctz32", "bswap64", "bswap32", "bswap16", "mask64", "sextract64"))
TYPE_NAMES = frozenset(f"{s}int{w}_t" for s in ("u", "") for w in (8, 16, 32, 64))
KEYWORDS = frozenset(("if", "else", "cond", "cond32", "and", "or", "not", "special"))
PREFIXES = ("fp_", "env_", "v_")


@dataclass
class Op:
    """One row of the table."""

    name: str
    outs: str
    ins: str
    consts: list[str]
    flags: list[str]
    meaning: str
    note: str
    line: int
    section: str
    number: int = 0
    args: list[str] = field(default_factory=list)   # operand names: d e, a b c x, constants

    @property
    def special(self) -> bool:
        return self.meaning == "special"

    def arg_kinds(self) -> list[str]:
        return [*self.outs, *self.ins, *self.consts]


def parse(text: str, file: str) -> list[Op]:
    """The rows of the table, checked; mistakes raise GenError with file and line."""
    ops: list[Op] = []
    by_name: dict[str, Op] = {}
    section = ""
    for number, raw in enumerate(text.splitlines(), 1):
        def bad(message: str, line: int = number):
            raise GenError(f"{file}:{line}: {message}")

        if raw.startswith("# --"):
            section = raw[4:].strip()
            continue
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        head, equals, tail = raw.partition(" = ")
        if not equals:
            bad("no ' = meaning'")
        columns = head.split()
        if len(columns) != 5:
            bad(f"{len(columns)} columns before '=', expected name outs ins consts flags")
        name, outs, ins, consts, flags = ("" if word == "-" else word for word in columns)
        meaning, _, note = (part.strip() for part in tail.partition("#"))
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            bad(f"bad op name '{name}'")
        if name in by_name:
            bad(f"op '{name}' is already defined in line {by_name[name].line}")
        op = Op(name, outs, ins, consts.split(",") if consts else [],
                flags.split(",") if flags else [], meaning, note, number, section, len(ops) + 1)
        check(op, bad)
        op.args = [*"de"[:len(outs)], *IN_NAMES[:len(ins)], *op.consts]
        by_name[name] = op
        ops.append(op)
    if not ops:
        raise GenError(f"{file}:1: no ops")
    return ops


def check(op: Op, bad) -> None:
    """One row by itself."""
    for what, letters, most in (("outs", op.outs, 2), ("ins", op.ins, 4)):
        for letter in letters:
            if letter not in "ifv":
                bad(f"{op.name}: unknown type '{letter}' in {what}")
        if len(letters) > most:
            bad(f"{op.name}: more than {most} {what}")
    for kind in op.consts:
        if kind not in CONST_KINDS:
            bad(f"{op.name}: unknown constant kind '{kind}'")
        if op.consts.count(kind) > 1:
            bad(f"{op.name}: constant kind '{kind}' twice")
    if len(op.outs) + len(op.ins) + len(op.consts) > 7:
        bad(f"{op.name}: more than 7 operands")
    for flag in op.flags:
        if flag not in FLAGS:
            bad(f"{op.name}: unknown flag '{flag}'")
        if op.flags.count(flag) > 1:
            bad(f"{op.name}: flag '{flag}' twice")
    if "comm" in op.flags and (len(op.ins) < 2 or op.ins[0] != op.ins[1]):
        bad(f"{op.name}: comm needs two inputs of one type")
    if "pure" in op.flags and (len(op.outs) != 1 or op.special):
        bad(f"{op.name}: pure needs one result and a meaning")
    if "w32" in op.flags and set("fv") & set(op.outs + op.ins):
        bad(f"{op.name}: w32 is for integers")
    if "cond" in op.flags and ("label" not in op.consts or "cond" not in op.consts):
        bad(f"{op.name}: flag cond needs constants cond and label")
    if op.special:
        return
    if not op.meaning:
        bad(f"{op.name}: empty meaning")
    used = set(re.findall(r"(?<![\w])[A-Za-z_]\w*", op.meaning))
    given = {*IN_NAMES[:len(op.ins)], *op.consts, *(["fpst"] if "fenv" in op.flags else [])}
    for word in sorted(used - given - BITS_NAMES - TYPE_NAMES - KEYWORDS):
        if not word.startswith(PREFIXES):
            bad(f"{op.name}: the meaning uses '{word}', which is no operand, constant or function")
    quiet = {"label", "cond"}
    for word in sorted(given - used - quiet - {"fpst"}):
        bad(f"{op.name}: the meaning does not use operand '{word}'")
    calls = re.findall(r"\bcond(?:32)?\(([^()]*)\)", op.meaning)
    if bool(calls) != ("cond" in op.consts):
        bad(f"{op.name}: cond(a, b) in the meaning and constant cond go together")
    for arguments in calls:
        if [word.strip() for word in arguments.split(",")] != ["a", "b"]:
            bad(f"{op.name}: cond takes (a, b)")
    if op.meaning.count("(") != op.meaning.count(")"):
        bad(f"{op.name}: unbalanced parentheses in the meaning")


def load(root: Path) -> list[Op]:
    path = root / "engine/_core/ir/ops.tab"
    return parse(path.read_text(encoding="utf-8"), str(path.relative_to(root)))


def cond_text(cond: str, width: int, a: str = "a", b: str = "b") -> str:
    """A condition as a Cython expression over two uint64_t operands."""
    if width == 32:
        a, b = f"<uint32_t>{a}", f"<uint32_t>{b}"
    return COND_EXPR[cond].format(a=a, b=b, w=width)


def specialised(op: Op, cond: str) -> str:
    """The meaning with its condition written out."""
    text = op.meaning.replace("cond32(a, b)", f"({cond_text(cond, 32)})")
    return text.replace("cond(a, b)", f"({cond_text(cond, 64)})")


def outputs(root: Path) -> dict[Path, str]:
    """Each generated file and its text."""
    from . import ops_emit, ops_interp
    root = Path(root)
    ops = load(root)
    core = root / "engine/_core"
    (root / "docs").mkdir(exist_ok=True)
    made = {
        core / "ir/ops_gen.pxd": ops_emit.ops_pxd(ops),
        core / "ir/build_gen.pxd": ops_emit.build_pxd(ops),
        core / "opt/fold_gen.pxi": ops_emit.fold_pxi(ops),
        core / "backend/x86_64/vec_gen.pxi": ops_emit.vec_pxi(ops),
        root / "docs/ir.md": ops_emit.docs(ops),
    }
    template = core / "backend/interp/loop.pxi.in"
    if template.exists():
        made.update(ops_interp.outputs(ops, template, root))
    return made
