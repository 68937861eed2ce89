"""Speed of the interpreter back end on IR loops built by hand: guest instructions a second.

    python tests/bench/interp_loop.py

Needs the compiled tests (ENGINE_TESTS=1 python setup.py build_ext --inplace). The loops are in
tests/cython/t_interp.pyx: addi/bne (one IR op an instruction), and load, add, store, addi, bne.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/cython")]


def main() -> None:
    import t_interp
    for name in ("bench", "bench_memory"):
        best = max(getattr(t_interp, name)() for _ in range(5))
        print(f"{name:14} {best / 1e6:8.1f} million instructions/s")


if __name__ == "__main__":
    main()
