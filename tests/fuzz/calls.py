"""What the random-call tests of both APIs share.

What lives here: odd arguments, `Caller` (a session that makes random calls, also from callbacks),
threads. What does not: the calls themselves (test_api_fuzz.py, test_uc_fuzz.py).
"""

import os
import threading

ROUNDS = int(os.environ.get("ENGINE_FUZZ", "1"))
SEED = os.environ.get("ENGINE_FUZZ_SEED")
SEEDS = [int(SEED)] if SEED else list(range(20 * ROUNDS))
TOP = 1 << 64


class HookError(Exception):
    """Raised by callbacks."""


def odd_number(rng):
    return rng.choice([
        0, 1, 2, 3, 7, 8, 0xfff, 0x1000, 0x1001, 0x2000, 0x7fffffff, 1 << 31, 1 << 32, 1 << 47,
        (1 << 63) - 1, 1 << 63, TOP - 0x1000, TOP - 1, TOP, TOP + 5, -1, -0x1000, 1.5, "x", None,
        b"12", rng.randrange(0x20000), rng.randrange(0x20000), rng.getrandbits(64)])


class Caller:
    """One engine, thrown calls at: those of the methods do_*. Subclasses have `stop()` and
    `refused`, the exceptions that a call may end with."""

    refused = ()

    def __init__(self, rng):
        self.rng = rng
        self.calls = [getattr(self, name) for name in dir(self) if name.startswith("do_")]

    def address(self):
        return self.rng.randrange(0x20) << 12 | self.rng.choice([0, 0, 0, 1, 8, 0xffe, 0x801])

    def number(self):
        return odd_number(self.rng) if self.rng.random() < 0.2 else self.address()

    def size(self):
        if self.rng.random() < 0.15:
            return odd_number(self.rng)
        return self.rng.choice([1, 2, 4, 8, 16, 100, 0x800, 0x1000, 0x1000, 0x3000])

    def touched_size(self):
        """A size whose every byte may be touched: huge mappings are lazy, using them is not."""
        size = self.size()
        return 0x5000 if isinstance(size, int) and 1 << 20 < size < 1 << 48 else size

    def take(self, items):
        """Remove one of the items. KeyError: there is none, other threads take them, too."""
        try:
            return items.pop(self.rng.randrange(len(items)))
        except (IndexError, ValueError):
            raise KeyError from None

    def anything(self):
        """What a callback does: one call, or an exception of its own, or mostly nothing."""
        chance = self.rng.random()
        if chance < 0.03:
            raise HookError
        if chance < 0.06:
            self.stop()
        elif chance < 0.4:
            self.call()

    def call(self):
        try:
            self.rng.choice(self.calls)()
        except (HookError, *self.refused):
            pass


def in_threads(callers, rng):
    """Three threads that use all of them and stop each other's runs."""
    errors = []

    def work():
        try:
            for _ in range(100):
                caller = rng.choice(callers)
                if rng.random() < 0.2:
                    caller.stop()
                caller.call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    if errors:
        raise errors[0]
