"""`python -m engine._core.gen`: run the generators, or print the instruction table of a guest.

Usage: python -m engine._core.gen [generate | table GUEST]
"""

import sys
from pathlib import Path

from . import GenError, generate

ROOT = Path(__file__).resolve().parents[3]


def main(words):
    if words in ([], ["generate"]):
        for path in generate(ROOT):
            print(path.relative_to(ROOT).as_posix())
        return 0
    if len(words) == 2 and words[0] == "table":
        from .isa_model import load, markdown
        print(markdown(load(words[1], ROOT)), end="")
        return 0
    print(__doc__.strip().splitlines()[-1], file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except GenError as error:
        sys.exit(str(error))
