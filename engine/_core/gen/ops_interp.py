"""The interpreter made from the op table and the template backend/interp/loop.pxi.in.

Lives here: the cases of ops that have a meaning, the expansion of the template's `@each` blocks,
the numbers of the interpreter's instructions and the tables that map IR ops to them. The
hand-written cases are in the template, the choice of instructions in backend/interp/compile.pxi.

Template: `# @cases` is replaced by the generated cases; the lines between `# @each A B = 1 x; 2 y`
and `# @end` are repeated for each list of words, with @A@ and @B@ replaced. Every name IOP_... in
the result becomes an instruction number.
"""

import re
from pathlib import Path

from . import GenError
from .ops import CONDS, IN_NAMES, Op, specialised

# w32 ops that guests like to sign-extend at once: fused with a following ext32s.
SIGNED = ("add32", "sub32", "mul32", "shl32", "shr32", "sar32")


def outputs(ops: list[Op], template: Path, root: Path) -> dict[Path, str]:
    folder = template.parent
    where = str(template.relative_to(root))
    made = cases(ops)
    text = expand(template.read_text(encoding="utf-8"), made, where)
    check_complete(ops, text, (folder / "compile.pxi").read_text(encoding="utf-8"), where)
    return {
        folder / "exec_gen.pxi": text,
        folder / "interp_gen.pxd": numbers(ops, text),
    }


def check_complete(ops: list[Op], text: str, compiler: str, where: str) -> None:
    """Every op is generated or chosen by hand in compile.pxi."""
    for op in ops:
        if op.special and not re.search(rf"\bOP_{op.name}\b", compiler):
            raise GenError(f"{where}:1: op '{op.name}' (ops.tab line {op.line}) has no meaning and "
                           "compile.pxi does not mention it")


def const_texts(op: Op) -> dict[str, str]:
    """Where constants are in an instruction: the high half of imm."""
    plain = [kind for kind in op.consts if kind not in ("cond", "label")]
    if len(plain) == 1:
        return {plain[0]: "<uint32_t>(o.imm >> 32)"}
    places = ("<uint16_t>(o.imm >> 32)", "<uint16_t>(o.imm >> 48)")
    if len(plain) > 2:
        raise GenError(f"ops.tab:{op.line}: {op.name}: the interpreter packs two constants at most")
    return dict(zip(plain, places, strict=False))


def vector(word: str) -> str:
    """The 16 bytes from a word on."""
    return f"(<V128 *>&{word})[0]"


def body(op: Op, meaning: str, immediate: bool) -> str:
    """A meaning with operands in their places."""
    places = {"a": "r[o.a]", "b": "o.imm" if immediate else "r[o.b]",
              "c": "r[<uint16_t>o.imm]", "x": "r[<uint16_t>(o.imm >> 16)]"}
    for name, letter in zip(IN_NAMES, op.ins, strict=False):
        if letter == "v":
            places[name] = vector(places[name])
    places.update(const_texts(op))
    text = re.sub(r"\benv_(\w+)\(", r"env_\1(cpu, ", meaning)
    # The address of an operand's value is never needed: plain textual replacement by whole words.
    return re.sub(r"(?<![\w.])(" + "|".join(places) + r")(?!\w)", lambda m: places[m[1]], text)


def cases(ops: list[Op]) -> list[tuple[str, list[str]]]:
    """(instruction, statements) of every op with a meaning."""
    made = []

    def add(name: str, op: Op, meaning: str, immediate: bool, wrap: str = "{}") -> None:
        text = wrap.format(body(op, meaning, immediate))
        if "cond" in op.flags:
            lines = [f"if {text}:", "    ip += <int16_t>o.d"]
        elif op.outs:
            lines = [f"{vector('r[o.d]') if op.outs == 'v' else 'r[o.d]'} = {text}"]
        else:
            lines = [text]
        made.append((f"IOP_{name}{'_i' if immediate else ''}", lines))

    for op in ops:
        if op.special:
            continue
        forms = [False, True] if op.ins == "ii" and not const_texts(op) else [False]
        for cond in CONDS if "cond" in op.consts else [""]:
            name = op.name + ("_" + cond if cond else "")
            for immediate in forms:
                add(name, op, specialised(op, cond) if cond else op.meaning, immediate)
                if op.name in SIGNED:
                    add(name + "_s", op, op.meaning, immediate,
                        "<uint64_t><int64_t><int32_t>({})")
    return made


def expand(template: str, made: list[tuple[str, list[str]]], where: str) -> str:
    out = ["# Generated from ir/ops.tab and loop.pxi.in by gen/ops_interp.py. Do not edit."]
    block: list[str] | None = None
    names: list[str] = []
    rows: list[list[str]] = []
    seen = 0
    for number, line in enumerate(template.splitlines(), 1):
        word = line.strip()
        if word == "# @cases":
            pad = line[:len(line) - len(line.lstrip())]
            for name, lines in made:
                out.append(f"{pad}elif opc == {name}:")
                out += [f"{pad}    {text}" for text in lines]
            seen += 1
        elif word.startswith("# @each "):
            if block is not None:
                raise GenError(f"{where}:{number}: @each inside @each")
            left, _, right = word[8:].partition("=")
            names, block = left.split(), []
            rows = [part.split() for part in right.split(";")]
            if any(len(row) != len(names) for row in rows):
                raise GenError(f"{where}:{number}: each list needs {len(names)} words")
        elif word == "# @end":
            if block is None:
                raise GenError(f"{where}:{number}: @end without @each")
            for row in rows:
                for text in block:
                    for name, value in zip(names, row, strict=True):
                        text = text.replace(f"@{name}@", value)
                    out.append(text)
            block = None
        elif block is not None:
            block.append(line)
        else:
            out.append(line)
    if block is not None:
        raise GenError(f"{where}:{len(template.splitlines())}: @each without @end")
    if seen != 1:
        raise GenError(f"{where}:1: '# @cases' must occur once")
    return "\n".join(out) + "\n"


def numbers(ops: list[Op], text: str) -> str:
    """backend/interp/interp_gen.pxd: instruction numbers and the tables of the compiler."""
    names = list(dict.fromkeys(re.findall(r"\bopc == (IOP_\w+)", text)))
    known = set(names)
    for name in re.findall(r"\bopc == (IOP_\w+)", text):
        if name not in known:
            raise GenError(f"exec_gen.pxi:1: {name} twice")
        known.discard(name)
    order = {name: number for number, name in enumerate(names)}
    plain = {}
    for form in ("", "_i", "_s", "_s_i"):
        plain[form] = [0] * (ops[-1].number + 1)
    by_cond = {form: {} for form in ("", "_i")}
    for op in ops:
        if op.special:
            continue
        if "cond" in op.consts:
            for form in ("", "_i"):
                numbers = [order.get(f"IOP_{op.name}_{cond}{form}", 0) for cond in CONDS]
                plain[form][op.number] = numbers[0]
                by_cond[form][op.name] = numbers
            continue
        for form, row in plain.items():
            row[op.number] = order.get(f"IOP_{op.name}{form}", 0)
    # Conditions of one op and form are numbered with a fixed step: base + step * cond.
    steps = {}
    for form, found in by_cond.items():
        for name, row in found.items():
            if not row[0]:
                continue
            step = row[1] - row[0]
            if any(b - a != step for a, b in zip(row, row[1:], strict=False)):
                raise GenError(f"exec_gen.pxi:1: conditions of {name}{form}: uneven numbers")
            steps[name] = step
    step_row = [0] * (ops[-1].number + 1)
    for op in ops:
        step_row[op.number] = steps.get(op.name, 0)

    def array(name: str, row: list[int]) -> list[str]:
        lines = [f"    static const uint16_t {name}[] = {{"]
        lines += ["        " + ", ".join(map(str, row[at:at + 16])) + ","
                  for at in range(0, len(row), 16)]
        return [*lines, "    };"]

    return "\n".join([
        "# Generated from ir/ops.tab and loop.pxi.in by gen/ops_interp.py. Do not edit.",
        "# Instruction numbers of the interpreter, and which of them an IR op becomes.",
        "# Called by: interp.pyx alone.",
        "from libc.stdint cimport uint16_t",
        "",
        "cdef extern from * nogil:",
        '    """',
        "    #include <stdint.h>",
        *array("engine_iop_rr", plain[""]),
        *array("engine_iop_ri", plain["_i"]),
        *array("engine_iop_rr_s", plain["_s"]),
        *array("engine_iop_ri_s", plain["_s_i"]),
        *array("engine_iop_step", step_row),
        '    """',
        "    # IR op -> instruction with register operands, with b immediate; the same fused with",
        "    # ext32s; step from one condition to the next. 0: none.",
        '    const uint16_t iop_rr "engine_iop_rr"[]',
        '    const uint16_t iop_ri "engine_iop_ri"[]',
        '    const uint16_t iop_rr_s "engine_iop_rr_s"[]',
        '    const uint16_t iop_ri_s "engine_iop_ri_s"[]',
        '    const uint16_t iop_step "engine_iop_step"[]',
        "",
        "cdef enum:",
        *(f"    {name} = {number}" for name, number in order.items()),
        f"    IOP_COUNT = {len(names)}",
        "",
    ])
