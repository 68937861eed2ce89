"""exec/loop with the toy guest: limits, counts, faults, exceptions, interrupts, stop addresses,
one-shot blocks, self-modifying code, invalidation, a code buffer that overflows."""
import threading
import time

include "testguest.pxi"

BASE = 0x10000
DATA = 0x20000


def box(*insns, **how):
    b = Box(**how)
    b.map(BASE, 0x4000)
    b.map(DATA, 0x4000)
    b.code(BASE, *insns)
    return b


def countdown(n=1000):
    """r1 = n; r2 += 3 n times; then a jump to itself at BASE + 0x10"""
    return addi(1, 0, n), addi(2, 2, 3), addi(1, 1, -1), bne(1, 0, -2), jmp(0)


def test_until():
    b = box(*countdown())
    assert b.run(BASE, until=BASE + 16) == (STOP_UNTIL, BASE + 16, 3001)
    assert b[2] == 3000 and b[1] == 0
    assert b.run(BASE + 16, until=BASE + 16) == (STOP_UNTIL, BASE + 16, 0)


def test_every_count_is_exact():
    for optimise in (True, False):
        for count in list(range(0, 40)) + [100, 511, 512, 513, 2999, 3000]:
            b = box(*countdown(), optimise=optimise)
            reason, pc, done = b.run(BASE, count=count)
            assert (reason, done) == (STOP_COUNT, count)
            # replay by hand
            p, r1, r2 = 0, 0, 0
            for _ in range(count):
                if p == 0:
                    r1 = 1000
                elif p == 1:
                    r2 += 3
                elif p == 2:
                    r1 -= 1
                p = 1 if p == 3 and r1 else (4 if p == 4 else p + 1)
            assert (pc, b[1], b[2]) == (BASE + 4 * p, r1, r2), count


def test_single_steps_equal_one_run():
    b = box(*countdown(5))
    seen = []
    while True:
        reason, pc, done = b.run(count=1) if seen else b.run(BASE, count=1)
        assert (reason, done) == (STOP_COUNT, 1)
        seen.append(pc - BASE)
        if pc == BASE + 16:
            break
    assert seen == [4] + [8, 12, 4] * 4 + [8, 12, 16]
    assert b[2] == 15


def test_count_in_parts_over_a_long_run():
    b = box(*countdown(20000))
    total = 0
    for part in (1, 7, 9, 1000, 12345, 2, 30000):
        assert b.run(BASE if total == 0 else None, count=part)[2] == part
        total += part
    assert b.run(until=BASE + 16) == (STOP_UNTIL, BASE + 16, 60001 - total)
    assert b[2] == 60000


def test_timeout_and_self_jump():
    b = box(jmp(0))
    begin = time.monotonic()
    reason, pc, done = b.run(BASE, timeout=20_000_000)
    assert reason == STOP_TIMEOUT and pc == BASE and done > 1000
    assert 0.015 < time.monotonic() - begin < 5


def test_stop_from_another_thread():
    b = box(jmp(0))
    timer = threading.Timer(0.05, b.stop)
    timer.start()
    assert b.run(BASE)[0] == STOP_REQUEST
    timer.join()
    assert b.run(BASE, count=10)[0] == STOP_COUNT       # stop is not sticky


def test_memory_fault():
    b = box(addi(1, 0, 5), addi(2, 0, 0x100), addi(2, 2, 7), ld(3, 2, 0), addi(1, 1, 1))
    out = b.outcome(pc=BASE)
    assert out == {"reason": STOP_FAULT, "pc": BASE + 12, "icount": 3, "exception": X_MEMORY,
                   "addr": 0x107, "size": 8, "access": ACCESS_READ, "fault": FAULT_UNMAPPED}
    assert b[1] == 5
    b.code(BASE + 12, st4(1, 2, 1))
    out = b.outcome(pc=BASE)
    assert (out["access"], out["size"], out["addr"], out["icount"]) == (ACCESS_WRITE, 4, 0x108, 3)
    b[PC] = BASE + 16
    assert b.run(count=1) == (STOP_COUNT, BASE + 20, 1) and b[1] == 6


def test_fault_in_a_loop_iteration():
    # walks off the end of the data: the count and registers are those of that iteration
    b = box(addi(1, 1, 8), ld(2, 1), addi(3, 3, 1), jmp(-3))
    b[1] = DATA + 0x3fc0
    out = b.outcome(pc=BASE)
    assert (out["reason"], out["pc"], out["addr"]) == (STOP_FAULT, BASE + 4, DATA + 0x4000)
    assert b[3] == 7 and out["icount"] == 7 * 4 + 1


def test_fetch_fault_and_illegal():
    b = box(jr(1))
    b[1] = 0x900000
    out = b.outcome(pc=BASE)
    assert (out["reason"], out["pc"], out["icount"]) == (STOP_FAULT, 0x900000, 1)
    assert (out["access"], out["fault"]) == (ACCESS_FETCH, FAULT_UNMAPPED)
    b.code(BASE, addi(1, 0, 1), word(0xee), addi(1, 0, 2))
    out = b.outcome(pc=BASE)
    assert (out["reason"], out["pc"], out["icount"]) == (STOP_FAULT, BASE + 4, 1)
    assert (out["exception"], out["fault"], b[1]) == (X_ILLEGAL, FAULT_ILLEGAL, 1)


def test_running_off_a_page_into_nothing():
    b = box()
    b.code(BASE + 0x3ff8, addi(1, 1, 1), addi(1, 1, 1))
    out = b.outcome(pc=BASE + 0x3ff8)
    assert (out["reason"], out["pc"], out["icount"]) == (STOP_FAULT, BASE + 0x4000, 2)
    assert b[1] == 2


def test_trap_is_reported_or_delivered():
    b = box(addi(1, 1, 1), trap(9), addi(1, 1, 1))
    out = b.outcome(pc=BASE)
    assert (out["reason"], out["pc"], out["exception"], out["icount"]) == (
        STOP_EXCEPTION, BASE + 4, X_TRAP, 1)
    b = box(addi(1, 1, 1), trap(9), addi(1, 1, 1), deliver=True)
    b.code(BASE + 0x100, addi(5, 0, 77), jmp(0))
    b[VECTOR] = BASE + 0x100
    assert b.run(BASE, until=BASE + 0x104) == (STOP_UNTIL, BASE + 0x104, 2)
    assert b[5] == 77 and b[CAUSE] == X_TRAP


def test_endless_traps_end():
    b = box(trap(), deliver=True)
    b[VECTOR] = BASE
    assert b.run(BASE, count=100)[0] == STOP_COUNT
    assert b.run(BASE, timeout=5_000_000)[0] == STOP_TIMEOUT
    timer = threading.Timer(0.03, b.stop)
    timer.start()
    assert b.run(BASE)[0] == STOP_REQUEST
    timer.join()


def test_row_56_interrupt_and_halt():
    b = box(addi(1, 1, 1), halt(), addi(1, 1, 1), jmp(0), deliver=True)
    b.code(BASE + 0x100, addi(6, 6, 1), jr(15))
    b[VECTOR] = BASE + 0x100
    b[15] = BASE + 8
    assert b.run(BASE) == (STOP_HALT, BASE + 8, 2)
    b.irq()
    assert b.run(BASE, until=BASE + 12)[0] == STOP_UNTIL
    assert b[6] == 1 and b[CAUSE] == 7
    b.code(BASE, jmp(0))
    timer = threading.Timer(0.03, b.irq)       # noticed at the next slice at the latest
    timer.start()
    assert b.run(BASE, until=BASE + 0x104, timeout=5_000_000_000)[0] == STOP_UNTIL
    timer.join()
    assert b[6] == 2


def test_exits_and_until_together():
    b = box(*countdown(3))
    b.exits([BASE + 8, BASE + 0x80])
    assert b.run(BASE, until=BASE + 16) == (STOP_UNTIL, BASE + 8, 2)
    b.exits([])
    assert b.run(until=BASE + 16) == (STOP_UNTIL, BASE + 16, 8)


def test_row_17_breakpoint():
    b = box(*countdown(3))
    b.run(BASE, until=BASE + 16)                # blocks exist already
    b.breakpoint(BASE + 12)
    b[2] = 0
    assert b.run(BASE, until=BASE + 16) == (STOP_BREAKPOINT, BASE + 12, 3)
    assert b.run(until=BASE + 16) == (STOP_BREAKPOINT, BASE + 12, 3)
    assert b.run(until=BASE + 16) == (STOP_BREAKPOINT, BASE + 12, 3)
    assert b.run(until=BASE + 16) == (STOP_UNTIL, BASE + 16, 1)
    assert b.unbreak(BASE + 12) == 0 and b.unbreak(BASE + 12) < 0
    assert b.run(BASE, until=BASE + 16) == (STOP_UNTIL, BASE + 16, 10)


def test_breakpoint_on_a_loop_head_stops_each_time():
    b = box(addi(1, 1, 1), jmp(-1))
    b.run(BASE, count=100)
    b.breakpoint(BASE)
    for _ in range(5):
        assert b.run(BASE, count=100) == (STOP_BREAKPOINT, BASE, 2)


def test_until_in_the_middle_of_known_blocks():
    b = box(*[addi(1, 1, 1)] * 20, jmp(0))
    for stop in list(range(0, 20)) + [7, 3, 3, 19]:
        assert b.run(BASE, until=BASE + 4 * stop) == (STOP_UNTIL, BASE + 4 * stop, stop)
    translated = b.stats["translated"]
    for _ in range(5):
        b.run(BASE, until=BASE + 76)
    assert b.stats["translated"] == translated      # the same `until` costs nothing


def test_until_is_no_stop_without_being_asked():
    b = box(*[addi(1, 1, 1)] * 4, jmp(0))
    assert b.run(BASE, until=BASE + 8)[2] == 2
    assert b.run(BASE, count=10) == (STOP_COUNT, BASE + 16, 10)


def test_row_23_one_shot_block_that_faults_leaves_nothing():
    b = box(*[addi(1, 1, 1)] * 90, ld(2, 0), *[addi(1, 1, 1)] * 60, jmp(0))
    b.run(BASE, count=80)
    tbs = b.stats["tbs"]
    shots = b.stats["one_shots"]
    assert shots == 1                           # more than a few: a block for this run only
    reason, pc, done = b.run(BASE, count=100)
    assert (reason, pc, done) == (STOP_FAULT, BASE + 360, 90)
    assert b.stats["one_shots"] == shots + 1 and b.stats["tbs"] == tbs


def test_row_21_overflow_of_the_code_buffer_changes_nothing():
    # Far more code than fits: 60 pages of it, run three times.
    pages = 60
    results = []
    for size in (1 << 15, 0):
        b = Box(code_size=size)
        b.map(BASE, pages << 12)
        body = []
        for i in range(pages * 1024):
            if i % 16 == 15:
                body.append(jmp(1))
            else:
                body.append(addi(i % 8, (i + 3) % 8, i % 100))
        body[len(body) - 1] = jmp(0)
        b.code(BASE, *body)
        end = BASE + (pages << 12) - 4
        outcomes = [b.run(BASE, until=end) for _ in range(3)]
        results.append((outcomes, [b[i] for i in range(8)]))
        flushes = b.stats["flushes"]
        assert (flushes > 3) == (size != 0)
    assert results[0] == results[1]


def test_row_20_max_blocks():
    for size in (1 << 20, 8 << 20, 32 << 20):
        assert Box(code_size=size).stats["max"] == size // 400


def test_row_48_flush_drops_everything():
    b = box(*countdown(5))
    first = b.run(BASE, until=BASE + 16)
    assert b.stats["tbs"] > 0
    flushes = b.stats["flushes"]
    b.flush()
    b[2] = 0
    assert b.run(BASE, until=BASE + 16) == first and b[2] == 15
    assert b.stats["flushes"] == flushes + 1


def test_write_from_outside_is_seen():
    b = box(*countdown(5))
    for step in (3, 10, -4, 9):
        b.code(BASE + 4, addi(2, 2, step))
        b[2] = 1000
        assert b.run(BASE, until=BASE + 16) == (STOP_UNTIL, BASE + 16, 16)
        assert b[2] == 1000 + 5 * step


def test_unmapped_code_is_not_run_again():
    b = Box()
    b.map(DATA, 0x1000)
    cdef int err = 0
    cdef MemoryRegion *root = <MemoryRegion *>b.e.system_memory
    cdef MemoryRegion *one = memory_region_new_ram(<MemContext *>b.e.mem, b"1", 4096, &err)
    cdef MemoryRegion *two = memory_region_new_ram(<MemContext *>b.e.mem, b"2", 4096, &err)
    memory_region_add_subregion(root, BASE, one)
    b.code(BASE, addi(1, 0, 1), jmp(0))
    assert b.run(BASE, until=BASE + 4)[0] == STOP_UNTIL and b[1] == 1
    memory_region_del_subregion(root, one)
    assert b.outcome(pc=BASE)["fault"] == FAULT_UNMAPPED
    memory_region_add_subregion(root, BASE, two)
    b.code(BASE, addi(1, 0, 2), jmp(0))
    assert b.run(BASE, until=BASE + 4)[0] == STOP_UNTIL and b[1] == 2
    memory_region_del_subregion(root, two)
    memory_region_add_subregion(root, BASE, one)
    assert b.run(BASE, until=BASE + 4)[0] == STOP_UNTIL and b[1] == 1


# ---------------------------------------------------------------- self-modifying code

def test_row_73_store_into_the_next_instruction():
    # r1 holds the address, r2 the new instruction, at several distances
    for distance in (1, 2, 5):
        b = box(st4(2, 1), *[addi(3, 3, 1)] * 8, jmp(0))
        b[1] = BASE + 4 * distance
        b[2] = int.from_bytes(addi(4, 4, 50), "little")
        assert b.run(BASE, until=BASE + 36) == (STOP_UNTIL, BASE + 36, 9)
        assert (b[3], b[4]) == (7, 50)
        assert b.stats["smc"] >= 1


def test_store_into_the_own_instruction():
    # the store overwrites itself; the second time round the new one runs
    b = box(st4(2, 1), addi(3, 3, 1), bne(3, 5, -2), jmp(0))
    b[1] = BASE
    b[5] = 3
    b[2] = int.from_bytes(addi(4, 4, 1), "little")
    assert b.run(BASE, until=BASE + 12) == (STOP_UNTIL, BASE + 12, 9)
    assert (b[3], b[4]) == (3, 2)


def test_loop_that_patches_itself():
    # each turn adds 1 to the immediate of an addi ahead in the same block
    b = box(ld4(2, 1), add(2, 6), st4(2, 1), addi(3, 3, 0), addi(7, 7, 1), bne(7, 5, -5), jmp(0))
    b[1] = BASE + 12
    b[6] = 1 << 16
    b[5] = 20
    assert b.run(BASE, until=BASE + 24) == (STOP_UNTIL, BASE + 24, 120)
    assert b[3] == sum(range(1, 21))


def test_patching_under_a_count():
    for count in range(1, 40):
        b = box(ld4(2, 1), add(2, 6), st4(2, 1), addi(3, 3, 0), addi(7, 7, 1), bne(7, 5, -5),
                jmp(0))
        b[1] = BASE + 12
        b[6] = 1 << 16
        b[5] = 20
        assert b.run(BASE, count=count)[2] == count
        turns, rest = divmod(count, 6)
        assert b[3] == sum(range(1, turns + 1 + (rest > 3)))


def test_data_next_to_code():
    # counters on the code page: after ten writes the bitmap spares the blocks
    b = box(ld(2, 1), addi(2, 2, 1), st(2, 1), bne(2, 5, -3), jmp(0))
    b[1] = BASE + 0x800
    b[5] = 3000
    assert b.run(BASE, until=BASE + 16) == (STOP_UNTIL, BASE + 16, 12000)
    assert b.read(BASE + 0x800, 8) == (3000).to_bytes(8, "little")
    assert b.stats["translated"] < 50 and b.stats["smc"] == 0


def test_data_page_stays_fast():
    b = box(ld(2, 1), addi(2, 2, 1), st(2, 1), bne(2, 5, -3), jmp(0))
    b[1] = DATA
    b[5] = 3000
    b.run(BASE, until=BASE + 16)
    assert b.stats["notdirty"] <= 2


def test_row_72_store_to_a_page_whose_blocks_are_gone_traps_once():
    b = box(*countdown(3))
    b.code(DATA, addi(9, 9, 1), jmp(0))
    b.run(DATA, until=DATA + 4)                 # code in DATA
    b.code(BASE, st4(2, 1), st4(2, 1), st4(2, 1), st4(2, 1), jmp(0))
    b[1] = DATA
    before = b.stats["notdirty"]
    b.run(BASE, until=BASE + 16)
    assert b.stats["notdirty"] - before <= 2


def test_atomic_on_code():
    b = box(swap(2, 1), addi(3, 3, 1), addi(3, 3, 1), jmp(0))
    b[1] = BASE + 8
    b[2] = int.from_bytes(addi(4, 4, 7) + jmp(0), "little")
    assert b.run(BASE, until=BASE + 12) == (STOP_UNTIL, BASE + 12, 3)
    assert (b[3], b[4]) == (1, 7)
    assert b[2] == int.from_bytes(addi(3, 3, 1) + jmp(0), "little")


# ---------------------------------------------------------------- chaining

def test_chains_and_the_jump_cache():
    # two pages calling each other through a register and directly
    b = box(addi(1, 1, 1), jmp(0x400 - 1))
    b.code(BASE + 0x1000, addi(2, 2, 1), bne(2, 5, 2), jmp(0), jr(6))
    b[5] = 5000
    b[6] = BASE
    assert b.run(BASE, until=BASE + 0x1008) == (STOP_UNTIL, BASE + 0x1008, 5 * 5000 - 1)
    assert b[1] == 5000
    assert b.stats["lookups"] < 50


def test_internal_refusal_is_an_answer():
    b = Box(code_size=1 << 14)
    b.map(BASE, 0x1000)
    b.code(BASE, *[addi(1, 1, 1)] * 1000, jmp(0))
    assert b.run(BASE, until=BASE + 4000) == (STOP_UNTIL, BASE + 4000, 1000)


def test_nested_run_is_refused():
    b = box(*countdown(3))
    seen = []

    def hook(bb, ev):
        seen.append(inner(bb))
    b.hook(HOOK_CODE, hook, BASE, BASE)
    assert b.run(BASE, until=BASE + 16)[0] == STOP_UNTIL
    assert seen == [STOP_INTERNAL]


def inner(Box b):
    cdef RunArgs args
    cdef RunOutcome out
    memset(&args, 0, sizeof(args))
    engine_run(b.e, &args, &out)
    return out.reason
