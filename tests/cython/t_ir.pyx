# The IR itself: text form, verifier, interning, limits, instruction counts of basic blocks.
# Lives here: what does not need to run. Running: t_interp.pyx; passes: t_opt.pyx.

include "irbox.pxi"

ALL = """global g1:i @{g1:#x}
global g2:i @{g2:#x}
global v1:f @{v1:#x}
  insn_start 0x1000, 0x1, 0x2
L0:
  add t0, g1, $0x10
  fmov f0, v1
  fmov v1, $f0x3ff0000000000000
  gld g2, t0, s32.be.al@1
  gld g2, t0, u64.a16.at@0
  extract t1, g1, 3, 5
  brcond g1, t1, ltu, L0
  call t2, g1, $0x5, -, -, mix
  callv g1, -, -, -, status
  st64 t2, 0x20
  icount 3
  fadd32 v1, f0, v1, 7
  brcond32 g1, g2, tstne, L1
  goto_tb 0x2000
L1:
  leave 2, 0x1234
"""


def offsets():
    cdef Box box = Box()
    return {name: <uintptr_t>p - <uintptr_t>box.cpu for name, p in
            (("g1", <uintptr_t>&box.cpu.g[1]), ("g2", <uintptr_t>&box.cpu.g[2]),
             ("v1", <uintptr_t>&box.cpu.v[1]))}


def test_round_trip():
    text = ALL.format(**offsets())
    box = Box().parse(text)
    assert box.text() == text
    assert Box().parse(box.text()).text() == text


def test_print_into_small_buffers():
    cdef char[64] buf
    cdef Box box = Box().parse("add g1, g2, $0x10\n leave 0, 0x0")
    whole = box.text().encode()
    for size in range(64):
        buf[63] = 0x55
        assert ir_print(box.s, buf, size) == len(whole)
        if size:
            assert (<char *>buf) == whole[:size - 1]


def refused(text, check=True):
    try:
        Box().parse(text, check)
    except ValueError as error:
        return str(error)
    raise AssertionError("accepted: " + text)


def test_parse_errors():
    for text, message in (
            ("frob g1, g2", "line 1: unknown op"),
            ("\n add g1, g2 g3", "line 2: too few operands"),
            ("add g1, g2, g3, g4", "line 1: text after the end of the op"),
            ("add g1, z2, g3", "unknown operand"),
            ("add g1, t9999, g3", "locals go to"),
            ("add g1, $, g3", "a number is expected"),
            ("brcond g1, g2, above, L0", "unknown condition"),
            ("brcond g1, g2, eq, 7", "a label"),
            ("gld g1, g2, x32@0", "an access"),
            ("gld g1, g2, u24@0", "access sizes"),
            ("gld g1, g2, u32", "an access"),
            ("gld g1, g2, u32.a3@0", "alignments"),
            ("call g1, -, -, -, -, nothing", "unknown helper"),
            ("L0:\nL0:", "line 2: the label is placed already"),
            ("L0", "':' is expected"),
            ("global g1:i @0x0", "another offset"),
            ("global nothing:i @0x0", "unknown global"),
            ("label L0", "unknown op")):
        assert message in refused(text), (text, refused(text))


def test_verifier():
    for text, message in (
            ("add g1, g2, g3", "runs off the end"),
            ("br L0", "not placed"),
            ("add v1, g2, g3\n leave 0, 0x0", "wrong type"),
            ("add $0x1, g2, g3\n leave 0, 0x0", "constant is written"),
            ("add g1, t0, g3\n leave 0, 0x0", "read before it is written"),
            ("brcond g1, g2, eq, L0\n mov t0, g1\nL0:\n mov g1, t0\n leave 0, 0x0",
             "read before it is written"),
            ("mov t0, g1\n goto_tb 0x0\nL0:\n mov g1, t0\n br L0\nL1:\n br L0", None),
            ("extract g1, g2, 60, 5\n leave 0, 0x0", "past bit 63"),
            ("extract g1, g2, 0, 0\n leave 0, 0x0", "empty"),
            ("extract g1, g2, 64, 1\n leave 0, 0x0", "after bit 63"),
            ("fadd64 v1, v2, v3, 6\n leave 0, 0x0", "rounding mode"),
            ("icount 0\n leave 0, 0x0", "instruction count"),
            ("gld g1, g2, u128@0\n leave 0, 0x0", "larger than 8"),
            ("call g1, -, -, -, -, status\n leave 0, 0x0", "status is called for its value"),
            ("mov -, g1\n leave 0, 0x0", "no temp")):
        if message is None:
            Box().parse(text)
        else:
            assert message in refused(text), (text, refused(text))


def test_verifier_on_broken_lists():
    cdef char[256] err
    cdef Box box = Box().parse("add g1, g2, g3\n leave 0, 0x0")
    box.s.ops[1].args[1] = 5000
    assert ir_verify(box.s, err, sizeof(err)) != NULL
    box.parse("add g1, g2, g3\n leave 0, 0x0")
    box.s.ops[1].opc = OP_COUNT
    assert ir_verify(box.s, err, sizeof(err)) != NULL
    box.parse("add g1, g2, g3\n leave 0, 0x0")
    box.s.ops[2].prev = 0
    assert ir_verify(box.s, err, sizeof(err)) != NULL
    box.parse("add g1, g2, g3\n leave 0, 0x0")
    box.s.ops[1].n_args = 2
    assert ir_verify(box.s, err, sizeof(err)) != NULL


def test_constants_are_shared():
    cdef Box box = Box()
    one, again = ir_const(box.s, 1), ir_const(box.s, 1)
    assert one == again and ir_constf(box.s, 1) != one
    ir_reset(box.s)
    assert box.s.n_temps == box.s.n_globals
    assert ir_const(box.s, 1) == box.s.n_globals


def test_limits_are_reported():
    cdef Box box = Box()
    cdef uint32_t i, many = 20000
    cdef uint32_t[3] v
    v[0] = v[1] = v[2] = 0
    for kind in range(8):
        ir_reset(box.s)
        for i in range(many):
            if kind == 0:
                ir_local(box.s, TYPE_I)
            elif kind == 1:
                ir_const(box.s, i)
            elif kind == 2:
                ir_append(box.s, OP_add, 3, v)
            elif kind == 3:
                ir_new_label(box.s)
            elif kind == 4:
                ir_exit(box.s, i)
            elif kind == 5:
                ir_pc(box.s, i)
            elif kind == 6:
                ir_insn_start(box.s, i, 0, 0)
            else:
                ir_place_label(box.s, ir_new_label(box.s))
        assert box.s.status == IR_FULL, kind
        assert box.compile() == BE_TOO_LARGE
    ir_reset(box.s)
    assert box.s.status == IR_OK


def test_remove_is_idempotent():
    cdef Box box = Box().parse("add g1, g2, g3\nL0:\n br L0")
    ir_remove(box.s, 1)
    ir_remove(box.s, 1)
    ir_remove(box.s, 0)
    ir_remove(box.s, 2)
    assert box.s.label_op[0] == 0
    assert box.text() == "  br L0\n"


def counts(text):
    """(instructions counted where, give-back of each row)"""
    cdef Box box = Box().parse(text).count()
    lines = [line.strip() for line in box.text().splitlines()]
    return ([(before.split()[1].rstrip(":,"), int(line.split()[1]))
             for before, line in zip(lines, lines[1:]) if line.startswith("icount")],
            [box.s.rows[4 * <int>i + 3] for i in range(box.s.n_rows)])


def test_count_blocks():
    assert counts("insn_start 0x0\n add g1, g1, g1\n insn_start 0x4\n leave 0, 0x0") == (
        [("0x0", 2)], [2, 1])
    # a label and a branch both start a block; the code before 0x4 belongs to 0x0, counted before
    assert counts("insn_start 0x0\n brcond g1, g2, eq, L0\n add g1, g1, g1\nL0:\n mov g2, g2\n"
                  "insn_start 0x4\n insn_start 0x8\n goto_tb 0x0") == (
        [("0x0", 1), ("0x4", 2)], [1, 2, 1])
    assert counts("L0:\n insn_start 0x0\n insn_start 0x4\n br L0") == ([("0x0", 2)], [2, 1])
    assert counts("mov g1, g2\n leave 0, 0x0") == ([], [])


def test_conditions():
    for c in range(<int>COND_COUNT):
        for a in (0, 1, 5, MASK64, 1 << 63, 0x80000000):
            for b in (0, 1, 5, MASK64, 1 << 63, 0x80000000):
                assert cond_eval(c, a, b) != cond_eval(cond_invert(c), a, b)
                assert cond_eval(c, a, b) == cond_eval(cond_swap(c), b, a)
                assert cond_eval32(c, a, b) != cond_eval32(cond_invert(c), a, b)
                assert cond_eval32(c, a, b) == cond_eval32(cond_swap(c), b, a)
