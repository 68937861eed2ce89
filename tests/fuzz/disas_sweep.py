"""The disassembler against Debian's riscv64-linux-gnu-objdump.

Lives here: running objdump over instruction words, and the comparison. Called by
test_disas_sweep.py and as `python -m tests.fuzz.disas_sweep [COUNT [SEED]]`.
"""

import random
import re
import subprocess
import sys
import tempfile
from functools import cache, partial
from pathlib import Path

from engine._core.gen.isa_model import load, match, random_instruction, text

PREFIX = "riscv64-linux-gnu-"
BASE = frozenset(load("riscv").features) - {"RV32", "RV64"}
LINE = re.compile(r"\s*([0-9a-f]+):\s+([0-9a-f]+)\s+(.*)$")


def features(xlen):
    return BASE | {f"RV{xlen}"}


def objdump(words, length, xlen):
    """objdump's text of each word, all of them `length` bytes long; None where it knows none.

    The words get into an object file whose attributes name the extensions; in a raw file objdump
    assumes rv64gc."""
    with tempfile.TemporaryDirectory() as home:
        Path(home, "empty.s").write_text("")
        Path(home, "words").write_bytes(b"".join(word.to_bytes(length, "little")
                                                 for word in words))
        run = partial(subprocess.run, cwd=home, capture_output=True, text=True, check=True)
        run([f"{PREFIX}as", f"-march=rv{xlen}gc_zba_zbb_zbs", "empty.s", "-o", "empty.o",
             f"-mabi={'lp64d' if xlen == 64 else 'ilp32d'}"])
        run([f"{PREFIX}ld", "-m", f"elf{xlen}lriscv", "-r", "empty.o", "-b", "binary", "words",
             "-o", "words.o"])
        done = run([f"{PREFIX}objdump", "-D", "-z", "-j", ".data", "-M", "no-aliases", "words.o"])
    answers = {}
    for line in done.stdout.splitlines():
        match_ = LINE.match(line)
        if match_:
            said = re.sub(r"\b([0-9a-f]+) <.*>$", r"0x\1", match_[3].split("#")[0].strip())
            unknown = (not said or said.startswith((".", "c.unimp", "unimp"))
                       or said.endswith("unknown") and not said.startswith("fence"))
            answers[int(match_[1], 16) // length] = None if unknown else said
    return [answers.get(i) for i in range(len(words))]


def normal(said):
    """One spelling: no blanks after commas, numbers in decimal."""
    # A compressed shift by 0 is a hint on RV64; only RV128 gives it a name of its own.
    said = re.sub(r"^(c\.s[lr][la]i)64\s+(\w+)$", r"\1 \2,0", said)
    said = re.sub(r"\s*,\s*", ",", " ".join(said.split()))
    return re.sub(r"\b0x[0-9a-f]+\b", lambda m: str(int(m[0], 16)), said)


def excused(word, mine, theirs, xlen):
    """Whether the words of the manual are on our side where objdump (2.40) is lax or strict."""
    if mine is None:
        return (theirs.startswith("c.addi16sp") and theirs.endswith("sp,0")  # reserved
                # RV32: shift amounts above 31 are reserved for custom extensions.
                or xlen == 32 and re.search(r"i\s.*,0x[23][0-9a-f]$", theirs) is not None)
    # objdump names CSRs that we do not have.
    csr = re.compile(r"(csr\w+ \w+,)(\w+)(,\w+)$")
    if theirs and csr.match(normal(mine)) and csr.match(normal(mine))[2].isdigit():
        return csr.sub(r"\1\3", normal(mine)) == csr.sub(r"\1\3", normal(theirs))
    # The unused fields of fences "shall be ignored"; other fm values are fences all the same.
    if mine.startswith("fence") and (theirs is None or theirs.startswith("fence.tso")):
        return True
    # Conversions that are always exact take any rounding mode, unused as it is.
    return mine == "pause" or theirs is None and mine.startswith(("fcvt.d.w", "fcvt.d.s"))


def differences(words, length, xlen, disassemble):
    """(word, ours, objdump's) where they differ. `disassemble(word, length, pc, xlen)` may answer
    None; objdump knows more extensions, which only counts for mnemonics that we have."""
    guest = load("riscv")
    ours = {pattern.name for pattern in guest.patterns}
    found = []
    for at, (word, theirs) in enumerate(zip(words, objdump(words, length, xlen), strict=True)):
        mine = disassemble(word, length, at * length, xlen)
        if mine is None:
            bad = theirs is not None and theirs.split()[0] in ours
        else:
            bad = theirs is None or normal(mine) != normal(theirs)
        if bad and not excused(word, mine, theirs, xlen):
            found.append((word, mine, theirs))
    return found


def model(word, length, pc, xlen):
    """The pattern tables' text."""
    guest = load("riscv")
    pattern = match(guest, word, length * 8, features(xlen))
    return pattern and text(guest, pattern, word, pc, features(xlen))


@cache
def engine_of(xlen):
    import engine
    return engine.Emulator(f"riscv{xlen}")


def compiled(word, length, pc, xlen):
    """The engine's text."""
    found = engine_of(xlen).disassemble(word.to_bytes(length, "little"), 1, address=pc)
    said = next(iter(found)).text
    return None if said.startswith(".byte") else said


def half_words():
    return [word for word in range(0x10000) if word & 3 != 3]


def random_words(rng, count, xlen):
    """Half of them instructions that we know, half any 32-bit word with the right length bits."""
    guest = load("riscv")
    known = [random_instruction(guest, rng, features(xlen), lambda p: p.length == 32)[1]
             for _ in range(count // 2)]
    # Bits 4:2 all set announce a longer instruction.
    return known + [rng.getrandbits(27) << 5 | rng.randrange(7) << 2 | 3
                    for _ in range(count - count // 2)]


def main(words):
    count = int(words[0]) if words else 100_000
    seed = int(words[1]) if len(words) > 1 else random.randrange(1 << 32)
    print(f"seed {seed}")
    rng, bad = random.Random(seed), 0
    for xlen in (64, 32):
        for sample, length in ((half_words(), 2), (random_words(rng, count, xlen), 4)):
            found = differences(sample, length, xlen, compiled)
            bad += len(found)
            print(f"rv{xlen}: {len(sample)} words of {length} bytes, {len(found)} differences")
            for word, mine, theirs in found[:20]:
                print(f"  {word:#x}: {mine} | {theirs}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
