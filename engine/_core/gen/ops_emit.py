"""Texts of the IR layer made from the op table: enums, builders, folder, docs page.

Lives here: Cython and Markdown text only. The table itself and its checks: ops.py.
"""

import re

from .ops import COND_EXPR, CONDS, CONST_KINDS, FLAGS, Op, cond_text

HEADER = "# Generated from ir/ops.tab by gen/ops_emit.py. Do not edit.\n"
HAND_BUILT = ("label", "insn_start", "call", "callv")    # ir.pyx has functions for these


def arg_enum(kind: str) -> str:
    return f"ARG_{kind.upper()}"


def ops_pxd(ops: list[Op]) -> str:
    """ir/ops_gen.pxd: op numbers, conditions, flags, and the op table as constant C data."""
    kinds = ["i", "f", "v", *CONST_KINDS]
    rows = ['    {"none", 0, 0, 0, 0, 0, {0, 0, 0, 0, 0, 0, 0}},']
    for op in ops:
        flags = sum(1 << FLAGS.index(flag) for flag in op.flags)
        args = [1 + kinds.index(kind) for kind in op.arg_kinds()]
        n_args = len(args)
        args += [0] * (7 - len(args))
        rows.append(f'    {{"{op.name}", {len(op.outs)}, {len(op.ins)}, {len(op.consts)}, '
                    f'{n_args}, {flags}, {{{", ".join(map(str, args))}}}}},')
    out = [
        HEADER + "# Op numbers, flags, operand kinds, conditions and the op table. Who uses it:",
        "# every layer that touches the IR, through ir.pxd or by itself.",
        "from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t",
        "",
        "cdef extern from * nogil:",
        '    """',
        "    #ifndef ENGINE_OPS_GEN",
        "    #define ENGINE_OPS_GEN",
        "    #include <stdint.h>",
        "    typedef struct {",
        "        const char *name;",
        "        uint8_t n_outs, n_ins, n_consts, n_args;",
        "        uint32_t flags;",
        "        uint8_t args[7];",
        "    } EngineOpInfo;",
        f"    static const EngineOpInfo engine_ops[{len(ops) + 1}] = {{",
        *rows,
        "    };",
        "    static const char *const engine_conds[] = {"
        + ", ".join(f'"{cond}"' for cond in CONDS) + "};",
        "    #endif",
        '    """',
        '    ctypedef struct OpInfo "EngineOpInfo":',
        "        const char *name",
        "        uint8_t n_outs",
        "        uint8_t n_ins",
        "        uint8_t n_consts",
        "        uint8_t n_args",
        "        uint32_t flags          # OPF_*",
        "        uint8_t args[7]         # ARG_*: outs, ins, constants",
        '    const OpInfo op_table "engine_ops"[]',
        '    const char *const cond_names "engine_conds"[]',
        "",
        "cdef enum:",
        "    OP_none = 0",
        *(f"    OP_{op.name} = {op.number}" for op in ops),
        f"    OP_COUNT = {len(ops) + 1}",
        "",
        "cdef enum:",
        *(f"    OPF_{flag.upper()} = {1 << number}" for number, flag in enumerate(FLAGS)),
        "",
        "cdef enum:                      # kinds of operands: temps by type, then constants",
        "    ARG_NONE = 0",
        *(f"    {arg_enum(kind)} = {1 + number}" for number, kind in enumerate(kinds)),
        "",
        "cdef enum:",
        f"    TYPE_I = {ord('i')}",
        f"    TYPE_F = {ord('f')}",
        f"    TYPE_V = {ord('v')}",
        "",
        "cdef enum:",
        *(f"    COND_{cond} = {number}" for number, cond in enumerate(CONDS)),
        f"    COND_COUNT = {len(CONDS)}",
        "",
        "cdef inline uint32_t cond_invert(uint32_t cond) noexcept nogil:",
        "    return cond ^ 1",
        "",
        "# The condition of (b, a) that says what cond says of (a, b).",
        "cdef inline uint32_t cond_swap(uint32_t cond) noexcept nogil:",
        f"    if cond < {CONDS.index('lt')} or cond >= {CONDS.index('tsteq')}:",
        "        return cond",
        f"    return 7 - cond if cond < {CONDS.index('ltu')} else 15 - cond",
        "",
    ]
    for width, suffix in ((64, ""), (32, "32")):
        out.append(f"cdef inline bint cond_eval{suffix}(uint32_t cond, uint64_t a, uint64_t b) "
                   "noexcept nogil:")
        for number, cond in enumerate(CONDS):
            word = "if" if number == 0 else "elif"
            out += [f"    {word} cond == COND_{cond}:", f"        return {cond_text(cond, width)}"]
        out += ["    return False", ""]
    return "\n".join(out)


def build_pxd(ops: list[Op]) -> str:
    """ir/build_gen.pxd: one inline builder an op."""
    out = [
        HEADER + "# Inline builders, one an op: ir_<op>(s, outs, ins, constants), over ir_append.",
        "# By hand in ir.pyx: " + ", ".join(HAND_BUILT) + ". Called by: isa/.",
        "from engine._core.base.types cimport uint32_t",
        "from engine._core.ir.ir cimport IR, ir_append",
        "from engine._core.ir.ops_gen cimport *",
        "",
    ]
    for op in ops:
        if op.name in HAND_BUILT:
            continue
        names = ["length" if name == "len" else name for name in op.args]
        params = "".join(f", uint32_t {name}" for name in names)
        out += [f"cdef inline void ir_{op.name}(IR *s{params}) noexcept nogil:"]
        if op.note:
            out.insert(len(out) - 1, f"# {op.note}")
        if names:
            out.append(f"    cdef uint32_t[{len(names)}] v")
            out += [f"    v[{number}] = {name}" for number, name in enumerate(names)]
            out.append(f"    ir_append(s, OP_{op.name}, {len(names)}, &v[0])")
        else:
            out.append(f"    ir_append(s, OP_{op.name}, 0, NULL)")
        out.append("")
    return "\n".join(out)


def fold_pxi(ops: list[Op]) -> str:
    """opt/fold_gen.pxi: value of a pure op over constants."""
    out = [
        HEADER + "# Constant folder. Included by opt/fold.pyx.",
        "",
        "# Value of op `opc` over constant inputs v[0..3] and constant operands k[0..]; False: not",
        "# a pure op.",
        "cdef bint fold_op(uint32_t opc, const uint64_t *v, const uint32_t *k, "
        "uint64_t *out) noexcept nogil:",
        "    cdef uint64_t a = v[0]",
        "    cdef uint64_t b = v[1]",
        "    cdef uint64_t c = v[2]",
        "    cdef uint64_t x = v[3]",
    ]
    word = "if"
    for op in ops:
        if "pure" not in op.flags or "v" in op.outs + op.ins:
            continue            # no constants of 128 bits
        text = op.meaning.replace("cond32(a, b)", "cond_eval32(k[0], a, b)")
        text = text.replace("cond(a, b)", "cond_eval(k[0], a, b)")
        for number, kind in enumerate(op.consts):
            if kind != "cond":
                text = replace_word(text, kind, f"k[{number}]")
        out += [f"    {word} opc == OP_{op.name}:", f"        out[0] = {text}"]
        word = "elif"
    out += ["    else:", "        return False", "    return True", ""]
    return "\n".join(out)


def vec_pxi(ops: list[Op]) -> str:
    """backend/x86_64/vec_gen.pxi: the vector ops with a meaning by number, operands in memory."""
    out = [
        HEADER + "# Vector ops by number. Included by x86_64.pyx.",
        "",
        "# v[0]: result, v[1..]: inputs (integers in the low half); k0, k1: constants.",
        "cdef void vec_op(V128 *v, uint32_t opc, uint32_t k0, uint32_t k1, "
        "FPStatus *fpst) noexcept nogil:",
    ]
    word = "if"
    for op in ops:
        if not {"pure", "fenv"} & set(op.flags) or "v" not in op.outs + op.ins:
            continue
        text = op.meaning
        for number, (name, letter) in enumerate(zip("abcx", op.ins, strict=False), 1):
            text = replace_word(text, name, f"v[{number}]" + ("" if letter == "v" else ".lo"))
        for number, kind in enumerate(op.consts):
            text = replace_word(text, kind, f"k{number}")
        out += [f"    {word} opc == OP_{op.name}:",
                f"        v[0]{'' if op.outs == 'v' else '.lo'} = {text}"]
        word = "elif"
    return "\n".join(out) + "\n"


def replace_word(text: str, word: str, by: str) -> str:
    return re.sub(rf"(?<!\w){word}(?!\w)", by, text)


def docs(ops: list[Op]) -> str:
    """docs/ir.md."""
    out = [
        "# The intermediate representation",
        "",
        "Generated from `engine/_core/ir/ops.tab`. One row an op. Types: `i` 64-bit integer, `f` "
        "scalar float as bits (binary32 in the low half), `v` vector of 128 bits. "
        "Results are `d`, inputs `a b c x`.",
        "Every op is total: shift counts are taken modulo the width, division by zero and overflow "
        "have the results given. Ops with flag `w32` read the low halves of their inputs and "
        "zero-extend the result.",
        "",
        "Conditions: " + ", ".join(f"`{name}` ({COND_EXPR[name].format(a='a', b='b', w=64)})"
                                    for name in CONDS) + ".",
    ]
    section = None
    for op in ops:
        if op.section != section:
            section = op.section
            out += ["", f"## {section[0].upper() + section[1:] if section else 'Ops'}", "",
                    "| op | outs | ins | constants | flags | meaning |",
                    "|---|---|---|---|---|---|"]
        meaning = "" if op.special else "`" + op.meaning.replace("|", "\\|") + "`"
        note = op.note.replace("|", "\\|")
        out.append(f"| `{op.name}` | {op.outs or '-'} | {op.ins or '-'} | "
                   f"{', '.join(op.consts) or '-'} | {', '.join(op.flags) or '-'} | "
                   f"{'; '.join(part for part in (meaning, note) if part)} |")
    return "\n".join(out) + "\n"
