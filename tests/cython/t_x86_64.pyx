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


def compare(text, seed, level, boxes, icount=200):
    plain, jit = (programs.outcome(text, seed, level, box, icount) for box in boxes)
    assert jit == plain, (f"seed {seed} level {level}\n{text}\n-- compiled\n{boxes[1].text()}\n"
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
        for level in (0, OPT_DEFAULT):
            left = compare(text, seed, level, boxes)
        kinds[left[0][0]] = kinds.get(left[0][0], 0) + 1
    assert set(kinds) == {"goto", "lookup", "status", "icount"}, kinds


def test_random_programs():
    fuzz(programs.Maker, 0, 1500)


def test_random_programs_with_many_temps():
    fuzz(programs.WideMaker, 1, 1500)


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
