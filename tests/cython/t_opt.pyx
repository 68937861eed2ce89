# The optimiser: golden files tests/ir/*.ir, and random programs with and without it.
# Golden file: cases "=== title", a line "passes: ...", the block, "---", the block expected (its
# text form without `global` lines). ENGINE_BLESS=1 rewrites the expectations.
import os
import random

include "irbox.pxi"

ref = module_of_tests("ir_reference")


def body_of(box):
    return "".join(line + "\n" for line in box.text().splitlines()
                   if not line.startswith("global "))


def cases_of(text):
    for part in text.split("=== ")[1:]:
        title, _, rest = part.partition("\n")
        head, _, rest = rest.partition("\n")
        block, _, want = rest.partition("---\n")
        yield title, head.removeprefix("passes:").split(), block, want


def check_golden(file):
    text = file.read_text()
    made = [text.split("=== ")[0]]
    failures = []
    for title, passes, block, want in cases_of(text):
        box = Box().parse(block)
        for name in passes:
            box.run_pass(name)
        got = body_of(box)
        if got.strip() != want.strip():
            failures.append(f"{file.name}: {title}\n{got}expected\n{want}")
        made.append(f"=== {title}\npasses: {' '.join(passes)}\n{block}---\n{got}\n")
    if os.environ.get("ENGINE_BLESS") == "1":
        file.write_text("".join(made).rstrip() + "\n")
    return failures


def test_golden_files():
    root = next(p for p in (Path.cwd(), *HERE.parents) if (p / "tests/ir").is_dir())
    files = sorted((root / "tests/ir").glob("*.ir"))
    assert len(files) >= 3
    failures = [text for file in files for text in check_golden(file)]
    assert not failures, "\n".join(failures)


# ---------------------------------------------------------------- random programs
programs = module_of_tests("ir_programs")
programs.PLAIN = Box().plain_offset(0)


def test_random_programs():
    rng = random.Random(int(os.environ.get("ENGINE_SEED", "7")))
    box = Box()
    kinds = {}
    shorter = 0
    for number in range(int(os.environ.get("ENGINE_ROUNDS", "1500"))):
        text = programs.Maker(rng).block()
        seed = rng.getrandbits(32)
        plain = programs.outcome(text, seed, 0, box)
        before = len(box.text().splitlines())
        for level in (OPT_DEFAULT, OPT_DEFAULT | OPT_MEM_CLOBBERS):
            better = programs.outcome(text, seed, level, box)
            assert better == plain, (
                f"number {number} level {level}\n{text}\n-- optimised\n{box.text()}\n"
                + "\n".join(f"{a}\n{b}" for a, b in zip(plain, better) if a != b)[:3000])
        shorter += len(box.text().splitlines()) < before
        kinds[plain[0][0]] = kinds.get(plain[0][0], 0) + 1
    # The programs do different things: all ways out occur, and the optimiser has work.
    assert set(kinds) == {"goto", "lookup", "status", "icount"} and shorter > 100, (kinds, shorter)


def test_optimising_twice_changes_nothing_more_than_once_could():
    """Idempotent in effect: a second run gives a block with the same results."""
    rng = random.Random(11)
    box = Box()
    for _ in range(100):
        text = programs.Maker(rng).block()
        seed = rng.getrandbits(32)
        plain = programs.outcome(text, seed, 0, box)
        once = programs.outcome(text, seed, 1, box)
        again = box.text()
        box.optimise(1)
        assert len(box.text().splitlines()) <= len(again.splitlines())
        assert once == plain
