# The x86-64 back end against the interpreter: random programs, each op by itself, control, faults.
# ENGINE_SEED, ENGINE_ROUNDS: start and length of the random runs.
import os
import random

import pytest

include "irbox.pxi"

ref = module_of_tests("ir_reference")
programs = module_of_tests("ir_programs")
programs.PLAIN = Box().plain_offset(0)

if not x86_64_ops.available():
    pytest.skip("no executable memory, or not an x86-64 host", allow_module_level=True)


def compare(text, seed, level, boxes, icount=200, x86=False):
    plain, jit = (programs.outcome(text, seed, level, box, icount, x86) for box in boxes)
    assert jit == plain, (f"seed {seed} level {level} x86 {x86}\n{text}\n-- compiled\n"
                          f"{boxes[1].text()}\n"
                          + "\n".join(f"interp {a}\njit    {b}"
                                      for a, b in zip(plain, jit) if a != b)[:3000])
    return plain


def fuzz(maker, seed, rounds):
    rng = random.Random(int(os.environ.get("ENGINE_SEED", "7")) + seed)
    boxes = Box(), Box(jit=True)
    kinds = {}
    for _ in range(int(os.environ.get("ENGINE_ROUNDS", rounds))):
        text = maker(rng).block()
        seed = rng.getrandbits(32)
        x86 = seed % 3 == 0
        for level in (0, OPT_DEFAULT):
            left = compare(text, seed, level, boxes, x86=x86)
        kinds[left[0][0]] = kinds.get(left[0][0], 0) + 1
    assert set(kinds) == {"goto", "lookup", "status", "icount"}, kinds


def test_random_programs():
    fuzz(programs.Maker, 0, 1500)


def test_random_programs_with_many_temps():
    fuzz(programs.WideMaker, 1, 1500)


def test_random_programs_with_vectors():
    fuzz(programs.VectorMaker, 2, 1200)


def test_random_programs_for_the_oldest_host():
    x86_64_host(True)
    try:
        fuzz(programs.VectorMaker, 3, 600)
    finally:
        x86_64_host(False)


def test_loop():
    box = Box(jit=True).set(g1=0, g2=10)
    box.parse("""
    L0:
      insn_start 0x1000
      add g1, g1, $0x1
      insn_start 0x1004
      brcond g1, g2, ne, L0
      insn_start 0x1008
      goto_tb 0x1008
    """)
    box.count()
    assert box.run(1000) == ("goto", 0x1008)
    assert box.g(1) == 10


def test_every_op_has_an_emitter():
    """Each op of the table compiles, with globals as operands and with constants as inputs."""
    cdef Box box = Box(jit=True)
    cdef IR *s = box.s
    cdef uint32_t[7] args
    cdef uint32_t opc, k, label, n
    cdef const OpInfo *info
    cdef bint constants
    for constants in (False, True):
        for opc in range(1, <uint32_t>OP_COUNT):
            info = &op_table[opc]
            box.parse("", check=False)
            ir_insn_start(s, 0x1000, 0, 0)
            label = ir_new_label(s)
            n = 0
            for k in range(<uint32_t>info.n_args):
                if info.args[k] == ARG_I or info.args[k] == ARG_F:
                    if constants and k >= info.n_outs:
                        n = (ir_const(s, 0x123456789abcdef0ULL + k) if info.args[k] == ARG_I
                             else ir_constf(s, 0x3ff4000000000000ULL))
                    else:
                        n = k if info.args[k] == ARG_I else N_G + k
                elif info.args[k] == ARG_V:
                    n = N_G + N_V + k
                elif info.args[k] == ARG_LABEL:
                    n = label
                elif info.args[k] == ARG_EXIT:
                    n = ir_exit(s, 0x2000)
                elif info.args[k] == ARG_PC:
                    n = ir_pc(s, 0x2000)
                elif info.args[k] == ARG_LEN or info.args[k] == ARG_POS:
                    n = 8
                elif info.args[k] == ARG_OI:
                    n = (MO_128 if opc == OP_vgld or opc == OP_vgst else MO_64) << 4
                else:
                    n = 0
                args[k] = n
            if opc != OP_label:
                ir_append(s, opc, info.n_args, args)
            ir_place_label(s, label)
            args[0] = ir_exit(s, 0x3000)
            ir_append(s, OP_goto_tb, 1, args)
            assert box.compile() == BE_OK, (<bytes>info.name).decode()


def test_links():
    """A patched jump goes to the other block; unlinked it leaves again, with the globals stored."""
    cdef Box box = Box(jit=True)
    cdef TB first
    box.parse("""
      insn_start 0x1000
      add g1, g1, $0x1
      add g1, g1, g2
      goto_tb 0x2000
    """).count().set(g1=0, g2=10)
    assert box.run() == ("goto", 0x2000) and box.g(1) == 11
    first = box.tb
    first.exits[0].owner = &first
    box.parse("""
      insn_start 0x2000
      mul g1, g1, g1
      goto_tb 0x3000
    """).count()
    memset(&box.tb, 0, sizeof(TB))
    box.tb.pc = 0x2000
    assert box.ops.compile(box.s, &box.tb, &box.buf, box.cpu) == BE_OK
    for linked, pc, value in ((True, 0x3000, 121), (False, 0x2000, 11), (True, 0x3000, 121)):
        box.ops.link(&first.exits[0], &box.tb if linked else NULL)
        box.set(g1=0)
        assert box.ops.run(&box.cpu.head, &first, &box.rt) == EXIT_GOTO
        assert (box.cpu.head.last_exit.pc, box.g(1)) == (pc, value)


def test_no_room_then_room():
    """A block that does not fit says so, leaves the buffer as it was, and fits an empty one."""
    cdef Box box = Box(code_size=1 << 14, jit=True)
    cdef uint8_t *before
    text = ("insn_start 0x1000\n" + "mul g1, g1, g2\nadd g3, g1, g2\n" * 40
            + "goto_tb 0x2000")
    box.parse(text).count()
    assert box.compile() == BE_OK
    for _ in range(1000):
        box.parse(text).count()
        before = box.buf.ptr
        if box.ops.compile(box.s, &box.tb, &box.buf, box.cpu) == BE_NO_ROOM:
            break
    else:
        raise AssertionError("it never filled up")
    assert box.buf.ptr == before
    box.set(g1=3, g2=5)
    assert box.run() == ("goto", 0x2000)


def test_no_page_is_writable_and_executable():
    box = Box(jit=True)
    with open("/proc/self/maps") as maps:
        lines = [line.split() for line in maps if "engine-code" in line]
    assert len(lines) >= 2 and all("w" not in line[1] or "x" not in line[1] for line in lines)
    assert box is not None


def test_row_58_more_than_a_hundred_live_temporaries():
    """Spills have room and keep their values, on both back ends."""
    n = 300
    lines = [f"mul t{k}, g1, ${k + 3:#x}" for k in range(n)]
    uses = [f"add g2, g2, t{k}\n rotl g2, g2, $0x7" for k in reversed(range(n))]
    text = "\n".join(lines + uses) + "\n leave 0, 0x0"
    want = 5
    for k in reversed(range(n)):
        want = want + 0x123456789abcdef * (k + 3) & (1 << 64) - 1
        want = (want << 7 | want >> 57) & (1 << 64) - 1
    for jit in (False, True):
        box = Box(jit=jit).set(g1=0x123456789abcdef, g2=5)
        box.parse(text)
        assert box.run() == ("lookup", 0)
        assert box.g(2) == want
