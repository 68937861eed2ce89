"""Hostile use for a given time: random calls of both APIs, hooks that do the same, threads.

    python -m tests.fuzz.hostile [MINUTES [SEED]]           default: 60 minutes, a random seed

One process does all of it, so that what leaks is seen. A round is a test of test_api_fuzz.py or
test_uc_fuzz.py with one seed. A round that takes longer than LONGEST ends the process with the
stacks of all threads; a crash shows them, too; the seed of the round is in the file that is named
at the beginning. Lives here: the loop and its report.
"""

import faulthandler
import io
import os
import random
import sys
import tempfile
import time
from contextlib import redirect_stderr
from pathlib import Path

LONGEST = 300           # seconds


def resident():
    """MiB of this process in memory; 0: this system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def main(args):
    minutes = float(args[0]) if args else 60
    first = int(args[1]) if len(args) > 1 else random.SystemRandom().getrandbits(32)
    sys.path.insert(0, str(Path(__file__).parents[1]))
    os.environ.setdefault("ENGINE_HEAT", "3")
    from . import test_api_fuzz as native
    from . import test_uc_fuzz as unicorn
    rounds = [unicorn.test_random_calls, unicorn.test_random_calls, unicorn.test_threads,
              native.test_random_calls, native.test_threads, native.test_memory_model]
    at, name = tempfile.mkstemp(prefix="hostile-", suffix=".seed")
    print(f"{minutes:g} minutes from seed {first} on; the seed of each round: {name}", flush=True)
    faulthandler.enable()
    stderr = sys.__stderr__.fileno()
    begun = said = time.monotonic()
    counts = dict.fromkeys((test.__module__ + "." + test.__name__ for test in rounds), 0)
    longest = seed = before = 0
    while time.monotonic() - begun < 60 * minutes:
        for test in rounds:
            title = test.__module__ + "." + test.__name__
            os.pwrite(at, f"{first + seed} {title}\n".ljust(100).encode(), 0)
            faulthandler.dump_traceback_later(LONGEST, exit=True, file=stderr)
            # Threads that take turns all the time meet in other places than those that seldom do.
            sys.setswitchinterval((0.005, 1e-5)[seed // len(rounds) % 2])
            start = time.monotonic()
            with redirect_stderr(io.StringIO()):        # warnings of ids that name no register
                test(first + seed)
            longest = max(longest, time.monotonic() - start)
            counts[title] += 1
            seed += 1
        before = before or (resident() if seed > 2000 else 0)
        if time.monotonic() - said > 300:
            said = time.monotonic()
            print(f"{(said - begun) / 60:5.1f} minutes: {seed} rounds, {resident()} MiB",
                  flush=True)
    faulthandler.cancel_dump_traceback_later()
    os.close(at)
    os.unlink(name)
    for title, count in counts.items():
        print(f"{count:8} {title}")
    print(f"no crash, no hang, nothing unexpected; the longest round took {longest:.1f} s;"
          f" {before} MiB after 2000 rounds, {resident()} at the end")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
