"""Random call graphs, with recursion, over several pages: the back ends agree."""

import random

import pytest
from api.rv import NOP, RET, add, addi, auipc, bne, code, jal, jalr, ld, li, sd

import engine
from engine import Emulator

BASE = 0x10000
STACK = 0x80000
WORK = ("a0", "a1", "a2", "a3", "a4", "a5")


def call(rng, at, target):
    """Instructions at an address that call another one: s1 counts the calls that are left."""
    words = [bne("s1", "zero", 8), None, addi("s1", "s1", -1)]
    here = at + 4 * len(words)
    if rng.random() < 0.5:
        words.append(jal("ra", target - here))
    else:
        low = ((target - here) + 0x800 & 0xFFF) - 0x800
        words += [auipc("ra", target - here - low >> 12), jalr("ra", "ra", low)]
    words[1] = jal("zero", 4 * len(words) - 4)
    return words


def arithmetic(rng):
    d, a, b = (rng.choice(WORK) for _ in range(3))
    return add(d, a, b) if rng.random() < 0.5 else addi(d, a, rng.randrange(-2048, 2048))


def program(rng):
    """(code, address of its end): functions on up to four pages, then a loop that calls them."""
    places = sorted(rng.sample(range(BASE, BASE + 0x4000, 0x100), rng.randrange(1, 9)))
    memory = {}
    for place in places:
        words = [addi("sp", "sp", -16), sd("ra", 0, "sp")]
        for _ in range(rng.randrange(1, 6)):
            words.append(arithmetic(rng))
            if rng.random() < 0.5:
                words += call(rng, place + 4 * len(words), rng.choice(places))
        words += [arithmetic(rng), ld("ra", 0, "sp"), addi("sp", "sp", 16), RET]
        memory[place] = words
    main = BASE + 0x4000 - rng.choice((0, 0x40, 0x100 - 0x10))
    main = max(main, places[-1] + 0x200)
    words = [li("s0", rng.randrange(1, 30))]
    head = main + 4
    words += [li("s1", rng.randrange(1, 200))]
    words += call(rng, main + 4 * len(words), rng.choice(places))
    words += [addi("s0", "s0", -1)]
    words += [bne("s0", "zero", head - (main + 4 * len(words))), NOP]
    memory[main] = words
    return memory, main, main + 4 * len(words) - 4


@pytest.mark.parametrize("seed", range(60))
def test_call_graphs(seed):
    rng = random.Random(seed)
    memory, begin, end = program(rng)
    start = [rng.getrandbits(64) for _ in WORK]
    answers = []
    for backend in engine.backends():
        with Emulator("riscv64", backend=backend) as emu:
            emu.memory.map(BASE, 0x6000, "rwx")
            emu.memory.map(STACK - 0x10000, 0x10000, "rw")
            for place, words in memory.items():
                emu.memory.write(place, code(*words))
            for name, value in zip(WORK, start, strict=True):
                emu.regs[name] = value
            emu.regs["sp"] = STACK
            whole = emu.run(begin, end)
            state = [whole.count, emu.regs["sp"], *(emu.regs[name] for name in WORK)]
            # The same in uneven parts.
            for name, value in zip(WORK, start, strict=True):
                emu.regs[name] = value
            part, emu.regs["pc"] = 0, begin
            while emu.regs["pc"] != end:
                part += emu.run(until=end, count=97).count
            assert [part, emu.regs["sp"], *(emu.regs[name] for name in WORK)] == state
            answers.append(state)
    assert answers.count(answers[0]) == len(answers)
