"""The reader of ir/ops.tab: the table as it is, and mistakes in it.

What lives here: one bad row a mistake, each refused with file and line; completeness checks of the
interpreter's generator.
"""

from pathlib import Path

import pytest

from engine._core.gen import GenError, ops, ops_emit, ops_interp

ROOT = Path(__file__).resolve().parents[2]
GOOD = "add  i  ii  -  pure,comm  = a + b"


def test_the_table():
    table = ops.load(ROOT)
    assert len(table) > 100
    assert [op.number for op in table] == list(range(1, len(table) + 1))
    by_name = {op.name: op for op in table}
    assert by_name["deposit"].args == ["d", "a", "b", "pos", "len"]
    assert by_name["movcond"].args == ["d", "a", "b", "c", "x", "cond"]


@pytest.mark.parametrize(("row", "message"), [
    ("add  i  iq  -  pure  = a + b", "unknown type 'q' in ins"),
    ("add  z  ii  -  pure  = a + b", "unknown type 'z' in outs"),
    ("add  i  iiiii  -  pure  = a + b + c", "more than 4 ins"),
    ("add  i  ii  shift  pure  = a + b", "unknown constant kind 'shift'"),
    ("add  i  ii  pos,pos  pure  = a + (b << pos)", "constant kind 'pos' twice"),
    ("add  i  ii  -  pure,fast  = a + b", "unknown flag 'fast'"),
    ("add  i  ii  -  pure,pure  = a + b", "flag 'pure' twice"),
    ("add  i  ii  -  pure  = a + c", "the meaning uses 'c'"),
    ("add  i  ii  -  pure  = a", "does not use operand 'b'"),
    ("add  i  ii  -  pure  = a + b + frob(a)", "the meaning uses 'frob'"),
    ("add  i  ii  -  pure  = (a + b", "unbalanced parentheses"),
    ("add  i  ii  -  pure  = special", "pure needs one result and a meaning"),
    ("add  -  ii  -  pure  = a + b", "pure needs one result and a meaning"),
    ("add  i  i  -  pure,comm  = a", "comm needs two inputs"),
    ("add  f  ff  -  pure,w32  = a + b", "w32 is for integers"),
    ("add  i  ii  cond  pure  = a + b", "go together"),
    ("add  i  ii  -  pure  = cond(a, b)", "go together"),
    ("add  i  iii  cond  pure  = cond(a, c) + b", "cond takes (a, b)"),
    ("add  -  ii  cond  cond  = cond(a, b)", "flag cond needs"),
    ("add  i  ii  -  = a + b", "4 columns"),
    ("add  i  ii  -  pure", "no ' = meaning'"),
    ("Add  i  ii  -  pure  = a + b", "bad op name"),
    ("sub  i  ii  -  pure  = a - b", "already defined in line 2"),
])
def test_mistakes(row, message):
    text = f"# table\nsub  i  ii  -  pure  = a - b\n{row}\n"
    with pytest.raises(GenError) as caught:
        ops.parse(text, "x.tab")
    assert str(caught.value).startswith("x.tab:3: ")
    assert message in str(caught.value)


def test_empty_table():
    with pytest.raises(GenError, match=r"x\.tab:1: no ops"):
        ops.parse("# nothing\n", "x.tab")


def test_every_special_op_needs_a_case():
    table = ops.parse(GOOD + "\njump  -  -  label  end  = special", "x.tab")
    ops_interp.check_complete(table, "", "if opc == OP_jump:", "loop")
    with pytest.raises(GenError, match="op 'jump'"):
        ops_interp.check_complete(table, "", "if opc == OP_jumps:", "loop")


def test_template_mistakes():
    table = ops.parse(GOOD, "x.tab")
    made = ops_interp.cases(table)
    assert [name for name, _ in made] == ["IOP_add", "IOP_add_i"]
    for template, message in (("", "must occur once"), ("# @cases\n# @end", "@end without @each"),
                              ("# @cases\n# @each A = 1\nx", "@each without @end"),
                              ("# @cases\n# @each A B = 1\n# @end", "each list needs 2 words")):
        with pytest.raises(GenError, match=message):
            ops_interp.expand(template, made, "t")
    text = ops_interp.expand("  # @cases\n# @each A = 1; 2\nif opc == IOP_x@A@: pass\n# @end",
                             made, "t")
    assert "  elif opc == IOP_add_i:\n      r[o.d] = r[o.a] + o.imm\n" in text
    assert "IOP_x1" in text and "IOP_x2" in text


def test_outputs_are_stable_and_whole():
    made = ops.outputs(ROOT)
    names = {path.name for path in made}
    assert names == {"ops_gen.pxd", "build_gen.pxd", "fold_gen.pxi", "ir.md", "exec_gen.pxi",
                     "interp_gen.pxd", "vec_gen.pxi"}
    page = ops_emit.docs(ops.load(ROOT))
    for op in ops.load(ROOT):
        assert f"| `{op.name}` |" in page
