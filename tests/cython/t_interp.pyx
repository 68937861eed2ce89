# The interpreter back end on IR text: every op against a Python big-integer reference.
# Lives here: values, memory, control, instruction counts, rows. Micro benchmark: bench().
import random
import time

include "irbox.pxi"


def bench(n=50_000_000):
    """Guest instructions a second of an addi/bne loop; tests/bench/interp_loop.py prints it."""
    box = Box()
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
    box.set(g1=0, g2=n)
    start = time.perf_counter()
    box.run()
    return 2 * n / (time.perf_counter() - start)


def test_loop():
    box = Box().set(g1=0, g2=10)
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
