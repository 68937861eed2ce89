# Vector ops on IR text, interpreter and JIT, against a Python big-integer reference; 16-byte
# accesses to guest memory. Random programs with vectors: t_x86_64.pyx.
import random

import pytest

include "irbox.pxi"

ref = module_of_tests("ir_reference")
BOXES = [Box()] + ([Box(jit=True)] if x86_64_ops.available() else [])


def table():
    from engine._core.gen import ops
    root = next(p for p in (Path.cwd(), *HERE.parents) if (p / "engine/_core/ir/ops.tab").exists())
    return [op for op in ops.load(root) if "v" in op.outs + op.ins]


def test_every_op_has_a_reference():
    for op in table():
        if {"pure", "fenv"} & set(op.flags) and op.name != "vmov":
            outs, ins, consts, _ = (ref.VECTOR if "pure" in op.flags else ref.LANES)[op.name]
            assert (op.outs, op.ins, op.consts) == (outs, ins, consts), op.name


def value_of(letter, rng, lanes):
    if letter == "v":
        return ref.lane_operand(rng) if lanes else ref.vector_operand(rng)
    return rng.choice((ref.operand(rng), rng.randrange(70)))


def run_op(box, name, text, setup, values, outs, level):
    box.parse(text)
    box.set(**setup)
    if level:
        box.optimise()
    box.run()
    return box.q(0) if outs == "v" else box.g(0)


def check_op(box, name, rounds=60, x86=None):
    """Operands as globals, as locals, as constants where they are integers; the result in a place
    of its own and over an operand. x86: whose NaNs, of ops with floating-point lanes."""
    rng = random.Random(name)
    lanes = name in ref.LANES
    outs, ins, consts, function = (ref.LANES if lanes else ref.VECTOR)[name]
    d = "q0" if outs == "v" else "g0"
    for round in range(rounds):
        constants = (ref.lane_constants(name, rng) if lanes
                     else [ref.vector_constant(name, kind, rng) for kind in consts])
        values = [value_of(letter, rng, lanes) for letter in ins]
        if round % 6 == 0 and ins == "vv":
            values[1] = values[0]
        want = (function(*values, *constants, x86=x86) if lanes
                else function(*values, *constants))
        names = [f"{'q' if letter == 'v' else 'g'}{k + 1}" for k, letter in enumerate(ins)]
        lines = []
        form = round % 5
        if form == 1:                       # locals
            for k, letter in enumerate(ins):
                kind = "w" if letter == "v" else "t"
                lines.append(f"{'vmov' if letter == 'v' else 'mov'} {kind}{k}, {names[k]}")
            used = [f"{'w' if letter == 'v' else 't'}{k}" for k, letter in enumerate(ins)]
        elif form == 2:                     # constants
            used = [f"${v:#x}" if letter == "i" else n
                    for v, letter, n in zip(values, ins, names, strict=True)]
        else:
            used = names
        setup = dict(zip(names, values, strict=True))
        if form >= 3 and outs in ins:       # the result over an operand
            at = ins.index(outs) if form == 3 else ins.rindex(outs)
            setup[d] = setup[names[at]]
            used = [d if k == at or (values[k] == values[at] and ins[k] == outs) else n
                    for k, n in enumerate(names)]
        lines.append(f"{name} {', '.join([d, *used, *map(str, constants)])}")
        text = "\n".join([*lines, "leave 0, 0x0"])
        for level in (0, 1):
            got = run_op(box, name, text, setup, values, outs, level)
            assert got == want, (text, [hex(v) for v in values], hex(got), hex(want), level)


def check_state_by_offset(box):
    off = box.plain_offset(1)
    box.set(q1=(5 << 64) | 7, q2=0)
    box.parse(f"vst q1, {off:#x}\nvld q2, {off + 8:#x}\nleave 0, 0x0")
    box.plain(3, 9)
    box.run()
    assert (box.plain(1), box.plain(2), box.q(2)) == (7, 5, (9 << 64) | 5)


def check_guest_memory(box, order):
    """Both byte orders; the page boundary by the slow path, everything inside a page without."""
    data = bytes(range(64))
    for at, slow in ((BASE, 0), (BASE + 5, 0), (BASE + 0xff0, 0), (BASE + 0xff1, 2),
                     (BASE + 0xfff, 2), (BASE + 0x3ff0, 0)):
        box.poke(at, data[3:19])
        box.set(g1=at, g2=BASE + 0x2000, q1=0)
        box.parse(f"""
          vgld q1, g1, u128{order}@0
          vnot w0, q1
          vgst g1, w0, u128{order}@0
          vgst g2, q1, u128@0
          leave 0, 0x0
        """)
        before = box.slow
        box.run()
        want = int.from_bytes(data[3:19], "big" if order else "little")
        assert box.q(1) == want, hex(at)
        assert box.slow - before == slow, hex(at)
        assert box.peek(at, 16) == bytes(v ^ 0xff for v in data[3:19])
        assert int.from_bytes(box.peek(BASE + 0x2000, 16), "little") == want


def check_small_accesses(box, order, size):
    """4 and 8 bytes: zeros above a load; a store leaves the bytes behind it."""
    data = bytes(range(0x91, 0xa1))
    for at, slow in ((BASE, 0), (BASE + 0xffc, 0 if size == 4 else 2), (BASE + 0xfff, 2)):
        box.poke(at, data)
        box.poke(BASE + 0x2000, bytes(16))
        box.poke(BASE + 0x2ffd, bytes(16))
        box.set(g1=at, g2=BASE + 0x2000, g3=BASE + 0x2ffd, q1=(1 << 128) - 1, q2=0)
        box.parse(f"""
          vgld q1, g1, u{8 * size}{order}@0
          vgld w0, g1, u{8 * size}@0
          vmov q2, w0
          vnot q3, w0
          vgst g2, q3, u{8 * size}@0
          vgst g3, w0, u{8 * size}{order}@0
          leave 0, 0x0
        """)
        before = box.slow
        box.run()
        assert box.slow - before == slow + 1, hex(at)
        assert box.q(1) == int.from_bytes(data[:size], "big" if order else "little")
        assert box.q(2) == int.from_bytes(data[:size], "little")
        inverse = bytes(v ^ 0xff for v in data[:size])
        assert box.peek(BASE + 0x2000, 16) == inverse + bytes(16 - size)
        want = data[:size][::-1] if order else data[:size]
        assert box.peek(BASE + 0x2ffd, 16) == want + bytes(16 - size)


def check_faults(box, text):
    """At the end of memory, and where alignment is asked for: nothing moved, globals are stored."""
    for kind, at in (("", BASE + 0x3ff1), (".al", BASE + 8), (".al", BASE + 1), ("", 0)):
        box.set(g1=at, g2=0, q1=77, q2=3)
        before = box.peek(BASE, 0x4000)
        box.parse(f"""
          insn_start 0x1000
          vadd q2, q2, q2, 3
          mov g2, $0x5
          insn_start 0x1004
          {text.format(kind)}
          mov g2, $0x6
          insn_start 0x1008
          goto_tb 0x2000
        """).count()
        left = box.run()
        assert left[0] == "status" and left[2] == 0x1004, (kind, left)
        assert (box.g(2), box.q(1), box.q(2)) == (5, 77, 6)
        assert box.peek(BASE, 0x4000) == before
    box.set(g1=BASE + 16, g2=0)
    box.parse(f"{text.format('.al')}\nleave 0, 0x0")
    assert box.run()[0] == "lookup"


def test_pure_ops():
    for box in BOXES:
        for name in ref.VECTOR:
            check_op(box, name)


def test_floating_point_lanes():
    """Rounding to nearest, and NaNs; flags and modes: test_flags_and_modes."""
    for box in BOXES:
        for x86 in (False, True):
            box.rule(x86)
            for name in ref.LANES:
                check_op(box, name, 200, x86)
        box.rule(False)


def run_lanes(box, text, values, modes):
    box.rule(True, **modes)
    box.clear_flags()
    box.parse(text)
    box.set(**values)
    box.run()
    out = box.q(0), box.g(0), box.flags()
    box.rule(False)
    return out


def test_flags_and_modes():
    """All six flags, rounding modes, flush-to-zero and denormals-are-zero as x86 has them: the bare
    instructions against the functions, which tests/fp compares with the processor."""
    rng = random.Random(5)
    seen = 0
    for _ in range(4000 if len(BOXES) == 2 else 0):
        name = rng.choice(list(ref.LANES))
        outs, ins, _, _ = ref.LANES[name]
        words = ["q0" if outs == "v" else "g0",
                 *(f"{'q' if letter == 'v' else 'g'}{k + 1}" for k, letter in enumerate(ins)),
                 *map(str, ref.lane_constants(name, rng))]
        values = {"q0": 0, "g0": 0, "q1": ref.lane_operand(rng), "q2": ref.lane_operand(rng),
                  "q3": ref.lane_operand(rng), "g2": ref.operand(rng)}
        text = f"{name} {', '.join(words)}\nleave 0, 0x0"
        modes = {"rounding": rng.randrange(4), "flush": rng.random() < .3, "daz": rng.random() < .3}
        got = [run_lanes(box, text, values, modes) for box in BOXES]
        assert got[0] == got[1], (text, modes, values, got)
        seen |= got[0][2]
    assert seen == 63 or len(BOXES) == 1


def test_scalar_ops_with_the_hosts_nans():
    """What emitted code does bare for an x86 guest, against the interpreter."""
    rng = random.Random(6)
    forms = [f"{name}{{0}} v0, v1, v2, 7" for name in ("fadd", "fsub", "fmul", "fdiv")]
    forms += ["fsqrt{0} v0, v1, 7", "fma{0} v0, v1, v2, v3, 7, 0", "fcmp{0} g0, v1, v2, 0",
              "fcmp{0} g0, v1, v2, 1", "fi64_{0} v0, g1, 7", "fi32_{0} v0, g1, 7",
              "fu64_{0} v0, g1, 7", "fcvt64_32 v0, v1, 7", "fcvt32_64 v0, v1"]
    for _ in range(2000 if len(BOXES) == 2 else 0):
        text = rng.choice(forms).format(rng.choice((32, 64))) + "\nleave 0, 0x0"
        values = {f"v{k}": ref.lane_operand(rng) for k in (1, 2, 3)}
        values |= {"v0": 0, "g0": 0, "g1": ref.operand(rng)}
        modes = {"rounding": rng.randrange(4), "flush": rng.random() < .3, "daz": rng.random() < .3}
        got = []
        for box in BOXES:
            got.append((*run_lanes(box, text, values, modes), box.v(0)))
        assert got[0] == got[1], (text, modes, values, got)


def test_without_instructions_behind_sse2():
    x86_64_host(True)
    try:
        box = Box(jit=True)
        for name in ref.VECTOR if x86_64_ops.available() else ():
            check_op(box, name)
        box.rule(True)
        for name in ref.LANES if x86_64_ops.available() else ():
            check_op(box, name, 200, True)
    finally:
        x86_64_host(False)


def test_memory():
    for box in BOXES:
        check_state_by_offset(box)
        for order in ("", ".be"):
            check_guest_memory(box, order)
            check_small_accesses(box, order, 4)
            check_small_accesses(box, order, 8)


def test_faults_are_exact():
    for box in BOXES:
        for text in ("vgld q1, g1, u128{}@0", "vgst g1, q1, u128{}@0"):
            check_faults(box, text)


def test_the_verifier_looks_at_sizes():
    for text in ("vgld q1, g1, u16@0", "vgld q1, g1, s32@0", "gld g2, g1, u128@0"):
        with pytest.raises(ValueError):
            Box().parse(text + "\nleave 0, 0x0")
    with pytest.raises(ValueError, match="wrong type"):
        Box().parse("vadd q1, q1, g1, 0\nleave 0, 0x0")
