"""`python -m engine.unicorn script.py [arguments]`: run a script whose `unicorn` is this engine."""

import os
import runpy
import sys

from engine.unicorn import install


def main(args: list[str]) -> int:
    """Run the script that is args[0] with the other arguments; 2: there is none."""
    if not args or args[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if args else 2
    install()
    sys.argv = args
    sys.path.insert(0, os.path.dirname(os.path.abspath(args[0])))
    runpy.run_path(args[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
