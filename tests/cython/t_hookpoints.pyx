"""exec/hookpoints with the toy guest: what hooks see and may do."""
include "testguest.pxi"

BASE = 0x10000
DATA = 0x20000


def box(*insns, **how):
    b = Box(**how)
    b.map(BASE, 0x4000)
    b.map(DATA, 0x4000)
    b.code(BASE, *insns)
    return b


def test_code_hook_sees_every_instruction():
    b = box(addi(1, 0, 3), addi(2, 2, 1), addi(1, 1, -1), bne(1, 0, -2), jmp(0))
    seen = []
    h = b.hook(HOOK_CODE, lambda bb, ev: seen.append((ev["addr"] - BASE, ev["size"], bb[PC] - BASE,
                                                      bb[2])) and None)
    assert b.run(BASE, until=BASE + 16)[2] == 10
    assert [s[0] for s in seen] == [0, 4, 8, 12, 4, 8, 12, 4, 8, 12]
    assert all(s[1] == 4 and s[2] == s[0] for s in seen)
    assert [s[3] for s in seen] == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3]
    b.unhook(h)
    seen.clear()
    assert b.run(BASE, until=BASE + 16)[2] == 10 and not seen


def test_ranges_and_order():
    b = box(*[addi(1, 1, 1)] * 6, jmp(0))
    seen = []
    b.hook(HOOK_CODE, lambda bb, ev: seen.append(("a", ev["addr"] - BASE)), BASE + 4, BASE + 11)
    b.hook(HOOK_CODE, lambda bb, ev: seen.append(("b", ev["addr"] - BASE)), BASE + 8, BASE + 8)
    b.run(BASE, until=BASE + 24)
    assert seen == [("a", 4), ("a", 8), ("b", 8)]


def test_block_hook():
    b = box(addi(1, 0, 2), addi(2, 2, 1), addi(1, 1, -1), bne(1, 0, -2), jmp(0))
    seen = []
    b.hook(HOOK_BLOCK, lambda bb, ev: seen.append((ev["addr"] - BASE, ev["size"])) and None)
    b.run(BASE, until=BASE + 16)
    assert seen[2] == (4, 12) and [s[0] for s in seen] == [0, 4, 4]


def test_insn_hook():
    b = box(addi(1, 0, 2), add(2, 1), addi(3, 3, 1), add(2, 1), jmp(0))
    seen = []
    b.hook(HOOK_INSN, lambda bb, ev: seen.append(ev["addr"] - BASE), number=T_ADD)
    b.run(BASE, until=BASE + 16)
    assert seen == [4, 12]


def test_stop_in_a_hook_is_before_the_instruction():
    b = box(*[addi(1, 1, 1)] * 6, jmp(0))
    b.hook(HOOK_CODE, lambda bb, ev: HOOK_STOP, BASE + 12, BASE + 12)
    assert b.run(BASE, until=BASE + 24) == (STOP_REQUEST, BASE + 12, 3)
    assert b[1] == 3
    b2 = box(*[addi(1, 1, 1)] * 6, jmp(0))
    b2.hook(HOOK_CODE, lambda bb, ev: bb.stop(), BASE + 12, BASE + 12)
    assert b2.run(BASE, until=BASE + 24) == (STOP_REQUEST, BASE + 12, 3)


def test_pc_written_in_hooks():
    b = box(*[addi(1, 1, 1)] * 6, jmp(0))

    def skip(bb, ev):
        bb[PC] = BASE + 20
    b.hook(HOOK_CODE, skip, BASE + 8, BASE + 8)
    assert b.run(BASE, until=BASE + 24) == (STOP_UNTIL, BASE + 24, 3)
    assert b[1] == 3


def test_registers_written_in_hooks():
    b = box(addi(1, 0, 7), add(2, 1), add(2, 1), jmp(0))

    def change(bb, ev):
        bb[1] = 100
    b.hook(HOOK_CODE, change, BASE + 8, BASE + 8)
    b.run(BASE, until=BASE + 12)
    assert b[2] == 107


def test_error_in_a_hook():
    b = box(*[addi(1, 1, 1)] * 6, jmp(0))

    def bad(bb, ev):
        raise ValueError("mine")
    h = b.hook(HOOK_CODE, bad, BASE + 8, BASE + 8)
    try:
        b.run(BASE, until=BASE + 24)
        assert False
    except ValueError as error:
        assert str(error) == "mine"
    assert b[PC] == BASE + 8 and b[1] == 2
    b.unhook(h)
    assert b.run(until=BASE + 24) == (STOP_UNTIL, BASE + 24, 4)


def test_hook_that_adds_and_removes_hooks():
    b = box(*[addi(1, 1, 1)] * 8, jmp(0))
    seen = []
    handles = []

    def second(bb, ev):
        seen.append(ev["addr"] - BASE)
        if ev["addr"] == BASE + 16:
            bb.unhook(handles[0])

    def first(bb, ev):
        handles.append(bb.hook(HOOK_CODE, second))
    b.hook(HOOK_CODE, first, BASE + 4, BASE + 4)
    assert b.run(BASE, until=BASE + 32) == (STOP_UNTIL, BASE + 32, 8)
    assert seen == [8, 12, 16] and b[1] == 8


def test_hook_removes_itself_in_a_loop():
    b = box(addi(2, 2, 1), bne(2, 5, -1), jmp(0))
    b[5] = 100
    seen = []

    def once(bb, ev):
        seen.append(bb[2])
        bb.unhook(handle)
    handle = b.hook(HOOK_CODE, once, BASE, BASE)
    assert b.run(BASE, until=BASE + 8) == (STOP_UNTIL, BASE + 8, 200)
    assert seen == [0]


def test_hook_that_writes_the_code_ahead():
    b = box(*[addi(1, 1, 1)] * 6, jmp(0))
    calls = []

    def patch(bb, ev):
        calls.append(ev["addr"])
        bb.code(BASE + 8, addi(1, 1, 100), addi(1, 1, 1000))
    b.hook(HOOK_CODE, patch, BASE + 8, BASE + 8)
    assert b.run(BASE, until=BASE + 24) == (STOP_UNTIL, BASE + 24, 6)
    assert b[1] == 1104 and calls == [BASE + 8]


def test_flush_and_mapping_in_a_hook():
    b = box(*[addi(1, 1, 1)] * 4, ld(2, 3), jmp(0))
    b[3] = 0x50000

    def hook(bb, ev):
        bb.flush()
        bb.map(0x50000, 0x1000)
        bb.write(0x50000, b"\x09")
    b.hook(HOOK_CODE, hook, BASE + 8, BASE + 8)
    assert b.run(BASE, until=BASE + 20) == (STOP_UNTIL, BASE + 20, 5)
    assert (b[1], b[2]) == (4, 9)


# ---------------------------------------------------------------- memory

def test_memory_hooks():
    b = box(ld(2, 1, 8), st4(3, 1, 16), ld4(4, 1, 16), jmp(0))
    b[1] = DATA
    b[3] = 0x1122334455667788
    b.write(DATA + 8, bytes(range(8)))
    seen = []

    def note(kind):
        def hook(bb, ev):
            assert bb[PC] == ev["pc"]
            seen.append((kind, ev["pc"] - BASE, ev["addr"] - DATA, ev["size"], ev["value"]))
        return hook
    b.hook(HOOK_MEM_READ, note("r"))
    b.hook(HOOK_MEM_WRITE, note("w"))
    b.hook(HOOK_MEM_READ_AFTER, note("a"))
    assert b.run(BASE, until=BASE + 12)[2] == 3
    assert seen == [("r", 0, 8, 8, 0), ("a", 0, 8, 8, 0x0706050403020100),
                    ("w", 4, 16, 4, 0x55667788), ("r", 8, 16, 4, 0),
                    ("a", 8, 16, 4, 0x55667788)]


def test_memory_hooks_armed_late_and_removed():
    b = box(ld(2, 1), addi(3, 3, 1), bne(3, 5, -2), jmp(0))
    b[1] = DATA
    b[5] = 10
    b.run(BASE, until=BASE + 12)                # the page is in the TLB, the block known
    seen = []
    h = b.hook(HOOK_MEM_READ, lambda bb, ev: seen.append(ev["addr"]), DATA, DATA + 7)
    b[3] = 0
    b.run(BASE, until=BASE + 12)
    assert len(seen) == 10
    b.unhook(h)
    b[3] = 0
    b.run(BASE, until=BASE + 12)
    assert len(seen) == 10


def test_range_of_a_memory_hook():
    b = box(ld(2, 1, 0), ld(2, 1, 8), ld(2, 1, 16), ld(2, 1, 12), jmp(0))
    b[1] = DATA
    seen = []
    b.hook(HOOK_MEM_READ, lambda bb, ev: seen.append(ev["addr"] - DATA), DATA + 16, DATA + 16)
    b.run(BASE, until=BASE + 16)
    assert seen == [16, 12]                     # the second one reaches into the range


def test_read_hook_supplies_the_value():
    b = box(ld(2, 1), jmp(0))
    b[1] = DATA
    b.hook(HOOK_MEM_READ, lambda bb, ev: bb.write(DATA, b"\x2a"))
    b.run(BASE, until=BASE + 4)
    assert b[2] == 42


def test_registers_written_in_a_memory_hook():
    b = box(addi(4, 0, 1), addi(4, 4, 1), ld(2, 1), addi(4, 4, 1), jmp(0))
    b[1] = DATA

    def change(bb, ev):
        assert bb[4] == 2
        bb[4] = 100
    b.hook(HOOK_MEM_READ, change)
    b.run(BASE, until=BASE + 16)
    assert b[4] == 101


def test_stop_and_pc_in_a_memory_hook():
    b = box(addi(4, 4, 1), st(4, 1), addi(4, 4, 1), addi(4, 4, 1), jmp(0))
    b[1] = DATA
    h = b.hook(HOOK_MEM_WRITE, lambda bb, ev: HOOK_STOP)
    assert b.run(BASE, until=BASE + 16) == (STOP_REQUEST, BASE + 4, 1)
    assert b.read(DATA, 8) == bytes(8)
    b.unhook(h)

    def skip(bb, ev):
        bb[PC] = BASE + 12
    b.hook(HOOK_MEM_WRITE, skip)
    assert b.run(BASE, until=BASE + 16) == (STOP_UNTIL, BASE + 16, 2)
    assert b.read(DATA, 8) == bytes(8) and b[4] == 3


def test_memory_hook_that_adds_a_code_hook():
    b = box(addi(4, 4, 1), st(4, 1), addi(4, 4, 1), addi(4, 4, 1), jmp(0))
    b[1] = DATA
    seen = []

    def late(bb, ev):
        seen.append(ev["addr"] - BASE)

    def hook(bb, ev):
        seen.append("w")
        bb.hook(HOOK_CODE, late)
    b.hook(HOOK_MEM_WRITE, hook)
    assert b.run(BASE, until=BASE + 16) == (STOP_UNTIL, BASE + 16, 4)
    assert seen == ["w", 8, 12]
    assert b.read(DATA, 1) == b"\x01"


def test_write_hook_on_the_running_block():
    b = box(st4(2, 1), addi(3, 3, 1), jmp(0))
    b[1] = BASE + 4
    b[2] = int.from_bytes(addi(4, 4, 50), "little")
    seen = []
    b.hook(HOOK_MEM_WRITE, lambda bb, ev: seen.append(ev["pc"] - BASE))
    assert b.run(BASE, until=BASE + 8) == (STOP_UNTIL, BASE + 8, 2)
    assert (b[3], b[4], seen) == (0, 50, [0])


def test_swap_has_one_event_of_each_kind():
    b = box(swap(2, 1), addi(3, 3, 1), jmp(0))
    b[1] = DATA
    b[2] = 5
    seen = []
    late = []

    def read(bb, ev):
        seen.append("r")
        if not late:
            late.append(bb.hook(HOOK_CODE, lambda bb, ev: seen.append(ev["addr"] - BASE)))

    b.hook(HOOK_MEM_READ, read)
    b.hook(HOOK_MEM_WRITE, lambda bb, ev: seen.append("w"))
    assert b.run(BASE, until=BASE + 8) == (STOP_UNTIL, BASE + 8, 2)
    assert seen == ["r", "w", 4]
    assert b.read(DATA, 1) == b"\x05" and b[2] == 0


def test_invalid_memory_is_mapped_and_retried():
    b = box(ld(2, 1), st(2, 3), jmp(0))
    b[1] = 0x70008
    b[3] = 0x80010
    seen = []

    def hook(bb, ev):
        seen.append((ev["addr"], ev["access"], ev["size"], ev["reason"], ev["pc"] - BASE))
        bb.map(ev["addr"] & ~0xfff, 0x1000)
        bb.write(ev["addr"], b"\x33")
        return HOOK_HANDLED
    b.hook(HOOK_MEM_INVALID, hook)
    assert b.run(BASE, until=BASE + 8) == (STOP_UNTIL, BASE + 8, 2)
    assert seen == [(0x70008, ACCESS_READ, 8, FAULT_UNMAPPED, 0),
                    (0x80010, ACCESS_WRITE, 8, FAULT_UNMAPPED, 4)]
    assert b.read(0x80010, 1) == b"\x33"


def written_while_mapping(target):
    b = box(addi(4, 0, 1), addi(4, 4, 1), ld(2, 1), add(5, 4), add(6, 1), jmp(0))
    b[1] = 0x70008
    calls = []

    def hook(bb, ev):
        calls.append(bb[4])
        bb.map(0x70000, 0x1000)
        bb.write(0x70000, bytes(range(32)))
        bb[target] = 0x70010
        return HOOK_HANDLED
    b.hook(HOOK_MEM_INVALID, hook)
    assert b.run(BASE, until=BASE + 20) == (STOP_UNTIL, BASE + 20, 5)
    assert calls == [2]
    return b[2] & 0xff, b[5], b[6]


def test_registers_written_while_mapping():
    assert written_while_mapping(4) == (8, 0x70010, 0x70008)
    assert written_while_mapping(1) == (16, 2, 0x70010)     # done again with the new base


def test_invalid_fetch():
    b = box(jr(1))
    b[1] = 0x70000

    def hook(bb, ev):
        assert ev["access"] == ACCESS_FETCH
        bb.map(0x70000, 0x1000)
        bb.code(0x70000, addi(2, 0, 9), jmp(0))
        return HOOK_HANDLED
    b.hook(HOOK_MEM_INVALID, hook, mask=1 << ACCESS_FETCH)
    assert b.run(BASE, until=0x70004) == (STOP_UNTIL, 0x70004, 2)
    assert b[2] == 9


def test_invalid_not_handled_or_moved():
    b = box(ld(2, 1), addi(3, 3, 1), jmp(0))
    b[1] = 0x70008
    h = b.hook(HOOK_MEM_INVALID, lambda bb, ev: None)
    assert b.run(BASE, until=BASE + 8)[:2] == (STOP_FAULT, BASE)
    b.unhook(h)

    def move(bb, ev):
        bb[PC] = BASE + 4
    b.hook(HOOK_MEM_INVALID, move)
    assert b.run(BASE, until=BASE + 8) == (STOP_UNTIL, BASE + 8, 1)


def test_invalid_hook_that_lies():
    b = box(ld(2, 1), jmp(0))
    b[1] = 0x70008
    b.hook(HOOK_MEM_INVALID, lambda bb, ev: HOOK_HANDLED)
    assert b.run(BASE, until=BASE + 4)[:2] == (STOP_FAULT, BASE)


def test_fetch_hook():
    b = box(addi(1, 1, 1), jmp(3), addi(1, 1, 1), addi(1, 1, 1), addi(1, 1, 1), jmp(0))
    seen = []
    b.hook(HOOK_MEM_FETCH, lambda bb, ev: seen.append((ev["addr"] - BASE, ev["size"])))
    b.run(BASE, until=BASE + 20)
    b.run(BASE, until=BASE + 20)
    assert seen == [(0, 8), (16, 4)]


# ---------------------------------------------------------------- exceptions

def test_exception_hook():
    b = box(addi(1, 1, 1), trap(3), addi(1, 1, 1), jmp(0))
    seen = []

    def syscall(bb, ev):
        seen.append((ev["exception"], ev["pc"] - BASE, ev["reason"]))
        bb[2] = 5
        bb[PC] = ev["pc"] + 4
        return HOOK_HANDLED
    h = b.hook(HOOK_EXCEPTION, syscall)
    assert b.run(BASE, until=BASE + 12) == (STOP_UNTIL, BASE + 12, 2)
    assert seen == [(X_TRAP, 4, FAULT_TRAP)] and (b[1], b[2]) == (2, 5)
    b.unhook(h)
    b.hook(HOOK_EXCEPTION, lambda bb, ev: HOOK_STOP)
    assert b.run(BASE, until=BASE + 12)[:2] == (STOP_REQUEST, BASE + 4)


def test_exception_hook_before_delivery():
    b = box(trap(3), deliver=True)
    b.code(BASE + 0x100, jmp(0))
    b[VECTOR] = BASE + 0x100
    seen = []
    b.hook(HOOK_EXCEPTION, lambda bb, ev: seen.append(ev["exception"]))
    assert b.run(BASE, until=BASE + 0x100)[0] == STOP_UNTIL
    assert seen == [X_TRAP]


def test_invalid_instruction_hook():
    b = box(addi(1, 1, 1), word(0xee), addi(1, 1, 1), jmp(0))

    def emulate(bb, ev):
        bb[3] = 99
        bb[PC] = ev["pc"] + 4
        return HOOK_HANDLED
    b.hook(HOOK_INSN_INVALID, emulate)
    assert b.run(BASE, until=BASE + 12) == (STOP_UNTIL, BASE + 12, 2)
    assert (b[1], b[3]) == (2, 99)


def test_failing_callback_without_a_status():
    b = box(*[addi(1, 1, 1)] * 4, jmp(0))

    def hook(bb, ev):
        bb.fail()
    b.hook(HOOK_CODE, hook, BASE + 8, BASE + 8)
    assert b.run(BASE, until=BASE + 16) == (STOP_ERROR, BASE + 8, 2)
