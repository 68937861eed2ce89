# The interpreter back end on IR text: every op against a Python big-integer reference.
# Lives here: values, memory, control, instruction counts, rows, limits. Micro benchmark: bench().
import random
import time

include "irbox.pxi"

ref = module_of_tests("ir_reference")


def table():
    from engine._core.gen import ops
    root = next(p for p in (Path.cwd(), *HERE.parents) if (p / "engine/_core/ir/ops.tab").exists())
    # vector ops: t_vector.pyx
    return [op for op in ops.load(root) if "v" not in op.outs + op.ins]


def bench(n=50_000_000):
    """Guest instructions a second of an addi/bne loop; tests/bench/interp_loop.py prints it."""
    box = Box()
    box.parse("""
    L0:
      insn_start 0x1000
      add g1, g1, $0x1
      insn_start 0x1004
      brcond g1, g2, ne, L0
      insn_start 0x1008
      goto_tb 0x1008
    """)
    box.count()
    box.set(g1=0, g2=n)
    start = time.perf_counter()
    box.run()
    return 2 * n / (time.perf_counter() - start)


def bench_memory(n=10_000_000):
    """Guest instructions a second of a loop of load, add, store, addi, bne."""
    box = Box()
    box.parse("""
    L0:
      insn_start 0x1000
      add t0, g3, $0x8
      gld g4, t0, u64@0
      insn_start 0x1004
      add g4, g4, g1
      insn_start 0x1008
      add t1, g3, $0x8
      gst t1, g4, u64@0
      insn_start 0x100c
      add g1, g1, $0x1
      insn_start 0x1010
      brcond g1, g2, ne, L0
      insn_start 0x1014
      goto_tb 0x1014
    """)
    box.count()
    box.set(g1=0, g2=n, g3=BASE)
    start = time.perf_counter()
    box.run()
    return 5 * n / (time.perf_counter() - start)


# ---------------------------------------------------------------- values
def op_text(op, ins, constants, d):
    words = [d, *ins, *(str(constants[kind]) for kind in op.consts)]
    return f"{op.name} {', '.join(words)}"


def constants_of(op, rng):
    made = {}
    for kind in op.consts:
        if kind == "cond":
            made[kind] = rng.choice(list(ref.COND))
        elif kind == "pos":
            made[kind] = rng.randrange(64)
        elif kind == "len":
            made[kind] = rng.randrange(1, 65 - made["pos"])
        else:
            raise AssertionError(f"{op.name}: what is a good '{kind}'?")
    return made


def check_op(box, op, rng, constants, rounds):
    n = len(op.ins)
    names = [f"v{1 + k}" if kind == "f" else f"g{1 + k}" for k, kind in enumerate(op.ins)]
    d = "v0" if op.outs == "f" else "g0"
    for round in range(rounds):
        values = [ref.operand(rng) for _ in range(n)]
        if round % 7 == 0 and n > 1:
            values[1] = values[0]
        want = ref.value(op.name, values, constants)
        # which inputs are constants; -1: the same global twice
        for mask in range(1 << n):
            ins = []
            for k in range(n):
                mark = "$f" if op.ins[k] == "f" else "$"
                ins.append(f"{mark}{values[k]:#x}" if mask >> k & 1 else names[k])
            text = op_text(op, ins, constants, d) + "\n leave 0, 0x0"
            for level in (0, 1):
                box.parse(text)
                box.set(g0=0x5a5a, v0=0x5a5a, **dict(zip(names, values)))
                if level:
                    box.optimise()
                box.run()
                got = box.v(0) if op.outs == "f" else box.g(0)
                assert got == want, (text, [hex(v) for v in values], hex(got), hex(want), level)


def test_every_pure_op_has_a_reference():
    for op in table():
        if "pure" in op.flags:
            assert op.name in ref.INT, op.name
        elif op.name.startswith("f") and "fenv" in op.flags:
            assert op.name in ref.FLOAT, op.name


def test_pure_ops():
    rng = random.Random(1)
    box = Box()
    for op in table():
        if "pure" not in op.flags:
            continue
        if "cond" in op.consts:
            for cond in ref.COND:
                check_op(box, op, rng, {"cond": cond}, 6)
        else:
            for _ in range(10):
                check_op(box, op, rng, constants_of(op, rng), 3)


def test_result_may_be_an_operand():
    rng = random.Random(2)
    box = Box()
    for op in table():
        if "pure" not in op.flags or "f" in op.ins + op.outs:
            continue
        for at in range(len(op.ins)):
            constants = constants_of(op, rng)
            values = [ref.operand(rng) for _ in op.ins]
            names = [f"g{1 + k}" for k in range(len(op.ins))]
            box.parse(op_text(op, names, constants, f"g{1 + at}") + "\n leave 0, 0x0")
            box.set(**{f"g{1 + k}": v for k, v in enumerate(values)})
            box.run()
            assert box.g(1 + at) == ref.value(op.name, values, constants), op.name


def test_32_bit_ops_with_sign_extension():
    """The interpreter fuses these pairs."""
    rng = random.Random(3)
    box = Box()
    for name in ("add32", "sub32", "mul32", "shl32", "shr32", "sar32"):
        for _ in range(20):
            a, b = ref.operand(rng), ref.operand(rng)
            want = ref.sext(ref.value(name, [a, b], {}), 32) & MASK64
            for second in ("g2", f"${b:#x}"):
                for level in (0, 1):
                    box.parse(f"{name} t0, g1, {second}\n ext32s g0, t0\n leave 0, 0x0")
                    box.set(g1=a, g2=b)
                    box.optimise(level)
                    box.run()
                    assert box.g(0) == want, (name, hex(a), hex(b))


def test_float_ops():
    box = Box()
    for op in table():
        if op.name not in ref.FLOAT:
            continue
        ins, constants, want = ref.FLOAT[op.name]
        names = [f"v{1 + k}" if kind == "f" else f"g{1 + k}" for k, kind in enumerate(op.ins)]
        d = "v0" if op.outs == "f" else "g0"
        for direct in (True, False):
            given = names
            if not direct:
                given = [f"$f{v:#x}" if kind == "f" else f"${v:#x}"
                         for v, kind in zip(ins, op.ins)]
            box.parse(f"{op.name} {', '.join([d, *given, *map(str, constants)])}\n leave 0, 0x0")
            box.set(v0=0, g0=0, **dict(zip(names, ins)))
            box.optimise()
            box.run()
            got = box.v(0) if op.outs == "f" else box.g(0)
            assert got == want, (op.name, hex(got), hex(want))


def test_float_compare_kinds():
    box = Box()
    one, two, nan = ref.f64(1.0), ref.f64(2.0), 0x7ff8000000000000
    for a, b, want in ((one, two, (0, 1, 1)), (two, one, (0, 0, 0)), (one, one, (1, 0, 1)),
                       (one, nan, (0, 0, 0))):
        for n in range(8):
            if n % 4 == 3:
                continue
            box.parse(f"fcmp64 g0, v1, v2, {n}\n leave 0, 0x0").set(v1=a, v2=b)
            box.cpu.head.fpst.flags = 0
            box.run()
            assert box.g(0) == want[n % 4], (n, a, b)
            invalid = b == nan and (n % 4 != 0) != (n >= 4)
            assert bool(box.cpu.head.fpst.flags & 16) == invalid, (n, hex(b))


# ---------------------------------------------------------------- memory and state
def test_memory_sizes_and_signs():
    box = Box()
    data = bytes(range(0x78, 0x78 + 32))
    for bits in (8, 16, 32, 64):
        for sign in "us":
            for suffix, order in (("", "little"), (".be", "big"), (".al", "little"),
                                  (".be.al", "big"), (".a2", "little")):
                for at in (0, 8, 3):
                    where = BASE + 0x100
                    box.poke(where, data)
                    n = bits // 8
                    text = f"{sign}{bits}{suffix}@0"
                    box.parse(f"add t0, g1, ${at:#x}\n gld g2, t0, {text}\n"
                              f"add t1, g1, $0x40\n gst t1, g2, {text}\n leave 0, 0x0")
                    box.set(g1=where, g2=0)
                    left = box.run()
                    aligned = n if ".al" in suffix else 2 if ".a2" in suffix else 1
                    if at % aligned:
                        if ".al" in suffix:
                            assert left[0] == "status", (text, at)
                        continue
                    want = int.from_bytes(data[at:at + n], order, signed=sign == "s")
                    assert box.g(2) == want & MASK64, (text, at)
                    assert box.peek(where + 0x40, n) == data[at:at + n], (text, at)
    assert box.slow < 100                       # nearly all of that was the inline path


def test_memory_slow_path():
    box = Box()
    # the last byte on the next page
    box.parse("gst g1, g2, u64@0\n gld g3, g1, s32@0\n leave 0, 0x0")
    box.set(g1=BASE + 0xffc, g2=0x8877665544332211)
    box.run()
    assert box.peek(BASE + 0xffc, 8) == bytes.fromhex("1122334455667788")
    assert box.g(3) == 0x44332211 and box.slow == 1
    box.parse("insn_start 0x40\n add g5, g5, $0x1\n insn_start 0x44\n gld g3, g1, u32@0\n"
              "insn_start 0x48\n leave 0, 0x0").count()
    box.set(g1=0x5000, g3=7, g5=0)
    left = box.run(100)
    assert left == ("status", 1, 0x44, 2)
    assert box.g(3) == 7 and box.g(5) == 1 and box.icount_left == 97
    assert box.cpu.head.exit_status == ST_FAULT and box.cpu.head.fault.addr == 0x5000
    box.parse("gst g1, g3, u8@0\n leave 0, 0x0")
    assert box.run()[0] == "status"
    box.parse("gldf v1, g1, u32@0\n leave 0, 0x0")
    assert box.run()[0] == "status"


def test_float_memory():
    box = Box().set(g1=BASE + 8, v1=0x1122334455667788, v2=MASK64)
    box.parse("gstf g1, v1, u64@0\n gldf v2, g1, u32@0\n leave 0, 0x0")
    box.run()
    assert box.peek(BASE + 8, 8)[::-1].hex() == "1122334455667788" and box.v(2) == 0x55667788


def test_atomics_reach_the_runtime():
    for op in table():
        if not op.name.startswith("g") or op.name in ("gld", "gst", "gldf", "gstf", "goto_tb",
                                                      "goto_ptr", "goto_ret"):
            continue
        box = Box().set(g1=BASE + 16, g2=0x1234, g3=0x77)
        box.poke(BASE + 16, (0x99).to_bytes(8, "little"))
        text = "g0, g1, g2, g3, u64.al@0" if op.name == "gcas" else "g0, g1, g2, u64.al@0"
        box.parse(f"{op.name} {text}\n leave 0, 0x0").run()
        b = 0x77 if op.name == "gcas" else 0
        want = (0x1234 ^ (b << 8)) + op.number
        assert box.g(0) == 0x99
        assert int.from_bytes(box.peek(BASE + 16, 8), "little") == want, op.name
        box.set(g1=0x10)
        assert box.run()[0] == "status"
    Box().parse("fence\n leave 0, 0x0").run()


def test_state_by_offset():
    box = Box()
    value = 0x8182838485868788
    for bits in (8, 16, 32, 64):
        for sign in "us" if bits < 64 else [""]:
            off = box.plain_offset(2)
            box.plain(2, value)
            box.plain(1, 0)
            box.parse(f"ld{bits}{sign} g0, {off:#x}\n st{bits} g0, {box.plain_offset(1):#x}\n"
                      "leave 0, 0x0").run()
            want = value & ((1 << bits) - 1)
            assert box.plain(1) == want
            assert box.g(0) == (ref.sext(want, bits) & MASK64 if sign == "s" else want)


# ---------------------------------------------------------------- control
def test_conditions_of_branches():
    rng = random.Random(4)
    box = Box()
    for name in ("brcond", "brcond32"):
        how = ref.cond if name == "brcond" else ref.cond32
        for cond in ref.COND:
            for round in range(12):
                a, b = ref.operand(rng), ref.operand(rng)
                if round % 4 == 0:
                    b = a
                for left, right in (("g1", "g2"), ("g1", f"${b:#x}"), (f"${a:#x}", "g2"),
                                    (f"${a:#x}", f"${b:#x}")):
                    for level in (0, 1):
                        box.parse(f"{name} {left}, {right}, {cond}, L0\n leave 0, 0x10\n"
                                  "L0:\n leave 0, 0x20")
                        box.set(g1=a, g2=b).optimise(level)
                        want = 0x20 if how(cond, a, b) else 0x10
                        assert box.run() == ("lookup", want), (name, cond, hex(a), hex(b))


def test_loop_and_count():
    text = """
    L0:
      insn_start 0x1000
      add g1, g1, $0x1
      insn_start 0x1004
      brcond g1, g2, ne, L0
      insn_start 0x1008
      goto_tb 0x100c
    """
    box = Box().parse(text).count().set(g2=10)
    assert box.run(1000) == ("goto", 0x100c)
    assert box.g(1) == 10 and box.icount_left == 1000 - 21
    # The budget ends in the loop: the block head is where it stops, nothing of it done.
    for budget in range(1, 22):
        box.parse(text).count().set(g1=0, g2=10)
        left = box.run(budget)
        if budget == 21:
            assert left == ("goto", 0x100c)
            continue
        kind, row, pc, give_back = left
        assert kind == "icount" and pc == (0x1008 if budget == 20 else 0x1000)
        assert row == (2 if budget == 20 else 0)
        assert box.g(1) == budget // 2
        assert box.icount_left + give_back == budget - 2 * (budget // 2)


def test_exit_request_stops_at_a_block_head():
    cdef Box box = Box().parse("L0:\n insn_start 0x1000\n mov g1, g2\n br L0").count()
    box.cpu.head.exit_request = 1
    assert box.run(1000) == ("icount", 0, 0x1000, 1)
    assert box.icount_left == 999


def test_count_rides_on_the_next_op():
    """Fused or not, the state is that before the instruction."""
    for first in ("mov g1, g2", "mov g1, $0x5", "add g1, g2, g3", "add g1, g2, $0x5",
                  "add g1, $0x5, g2", "sub g1, g2, g3", "gld g1, g4, u32@0", "gld g1, g4, s16@0",
                  "gst g4, g2, u16@0", "add t0, g4, $0x8\n gld g1, t0, u8@0",
                  "add t0, g4, $0x8\n gst t0, g2, u8@0", "gld g1, g4, u32.al@0",
                  "add t0, g4, $0x8\n gld g1, t0, u32.be@0", "fmov v1, v2"):
        results = []
        for counted in (True, False):
            box = Box().set(g1=1, g2=22, g3=33, g4=BASE, v2=5)
            box.poke(BASE, bytes(range(200, 216)))
            box.parse(f"insn_start 0x10\n {first}\n insn_start 0x14\n leave 0, 0x18")
            if counted:
                box.count()
            assert box.run(10) == ("lookup", 0x18)
            assert box.icount_left == (8 if counted else 10)
            results.append(box.state())
        assert results[0] == results[1], first
        box = Box().set(g1=1, g2=22, g3=33, g4=BASE, v2=5)
        before = box.state()
        box.parse(f"insn_start 0x10\n {first}\n insn_start 0x14\n leave 0, 0x18").count()
        assert box.run(1) == ("icount", 0, 0x10, 2)
        assert box.state() == before, first


def test_chaining():
    cdef CPUHead *head
    a, b = Box(), Box()
    a.parse("insn_start 0x1000\n add g1, g1, $0x1\n goto_tb 0x2000").count().compile()
    b.parse("insn_start 0x2000\n goto_tb 0x1000").count().compile()
    first = <Box>a
    second = <Box>b
    head = &first.cpu.head
    interp_ops.link(&first.tb.exits[0], &second.tb)
    head.icount_left = 1
    assert interp_ops.run(head, &first.tb, &first.rt) == EXIT_ICOUNT
    assert head.current_tb == &second.tb and a.g(1) == 1
    head.icount_left = 2
    assert interp_ops.run(head, &first.tb, &first.rt) == EXIT_GOTO
    assert head.last_exit == &second.tb.exits[0] and head.unwind_ra == 0 and a.g(1) == 2
    interp_ops.link(&second.tb.exits[0], &first.tb)
    head.icount_left = 9
    assert interp_ops.run(head, &first.tb, &first.rt) == EXIT_ICOUNT
    assert a.g(1) == 7 and head.current_tb == &second.tb
    interp_ops.link(&first.tb.exits[0], NULL)
    head.icount_left = 9
    assert interp_ops.run(head, &first.tb, &first.rt) == EXIT_GOTO
    assert head.last_exit == &first.tb.exits[0] and head.last_exit.pc == 0x2000


def test_indirect_jump():
    cdef CPUHead *head
    box = Box().set(g1=0x2000)
    box.parse("goto_ptr g1")
    assert box.run() == ("lookup", 0x2000)
    # found in the jump cache
    other = Box().parse("leave 0, 0x3000")
    other.compile()
    one = <Box>box
    two = <Box>other
    head = &one.cpu.head
    two.tb.pc = 0x2000
    from_hash = 0x80                            # spec row 55: t = pc ^ (pc >> 6)
    t = 0x2000 ^ (0x2000 >> 6)
    from_hash = ((t >> 6) & 0xfc0) | (t & 0x3f)
    head.jmp_cache[<int>from_hash] = &two.tb
    assert box.run() == ("lookup", 0x3000)
    assert head.current_tb == &two.tb
    two.tb.flags = 1                            # other flags: not this block
    assert box.run() == ("lookup", 0x2000)


def test_leave_status():
    cdef Box box = Box().parse("leave 5, 0x1234")
    assert box.run() == ("lookup", 0x1234)
    assert box.cpu.head.exit_status == 5 and box.cpu.head.unwind_ra == 0


def test_helpers():
    cdef Box box = Box().set(g1=1, g2=10, g3=100, g4=1000)
    box.parse("call g0, g1, g2, g3, g4, mix\n leave 0, 0x0").run()
    assert box.g(0) == 1 + 20 + 300 + 5000
    box.parse("call g0, g1, $0x7, -, -, mix\n call t0, $0x1, -, $0x2, -, mix\n"
              "add g5, t0, g0\n leave 0, 0x0").run()
    assert box.g(0) == 15 and box.g(5) == 22
    box.parse("callv $0x6, $0x2, $0x2, -, write\n leave 0, 0x0").run()
    assert box.g(6) == 12
    text = ("insn_start 0x8\n mov g1, $0x3\n insn_start 0xc\n callv g7, -, -, -, status\n"
            "leave 0, 0x0")
    box.parse(text).set(g7=0).count()
    assert box.run() == ("lookup", 0)
    box.set(g7=3)
    assert box.run() == ("status", 1, 0xc, 1)
    assert box.cpu.head.exit_status == 3 and box.calls == 3


# ---------------------------------------------------------------- limits
def test_no_room():
    """Past the high-water mark at every size: BE_NO_ROOM, and nothing is written behind the end."""
    cdef uint32_t size
    cdef size_t whole = 1 << 16
    cdef Box box = Box(whole)
    text = "L0:\n" + "".join(f"insn_start {0x1000 + 4 * i:#x}\n add g{i % 16}, g1, $0x123\n"
                             for i in range(64)) + "brcond g1, g2, eq, L0\n goto_tb 0x5000"
    good = 0
    for size in range(1024, 4096, 48):
        memset(box.buf.base, 0x5a, whole)
        box.buf.size = size
        box.buf.high_water = box.buf.base + (size - 1024)
        code = box.parse(text).count().compile()
        assert code in (BE_OK, BE_NO_ROOM)
        assert box.buf.ptr <= box.buf.base + size
        assert (<char *>box.buf.base)[size:whole] == b"\x5a" * (whole - size)
        good += code == BE_OK
    box.buf.size = whole                        # what it was made with
    assert 0 < good < 60


def test_many_locals_share_slots():
    """Ten times more locals than frame slots, none of them alive for long."""
    lines = ["mov t0, g1"]
    for _ in range(40):
        lines += [f"add t{k + 1}, g1, ${k:#x}\n add g2, g2, t{k + 1}" for k in range(100)]
    box = Box().set(g1=1, g2=0)
    box.parse("\n".join(lines) + "\n leave 0, 0x0")
    assert box.run() == ("lookup", 0)
    assert box.g(2) == 40 * sum(k + 1 for k in range(100))


def test_too_many_live_locals():
    lines = [f"add {kind}{k}, g1, ${k:#x}" if kind == "t" else f"fmovi f{k}, g1"
             for kind in "tf" for k in range(512)]
    uses = [f"add g2, g2, t{k}" for k in range(512)] + [f"fmov v1, f{k}" for k in range(512)]
    box = Box().parse("\n".join(lines + uses) + "\n leave 0, 0x0")
    assert box.compile() == BE_TOO_LARGE


def test_rows():
    cdef uint64_t[4] words
    box = Box()
    n = 200
    text = "".join(f"insn_start {0x10000 + (i * 7919 % 4096):#x}, {i * i % 977:#x}, {i % 3}\n"
                   + "add g1, g1, g2\n" * (i % 3) for i in range(n)) + "leave 0, 0x0"
    one = <Box>box
    box.parse(text).compile()
    assert one.tb.n_rows == n
    at = <uintptr_t>one.tb.code
    for i in range(n):
        for _ in range(i % 3):
            assert rows_lookup(&one.tb, at, words) == i
            assert (words[0], words[1], words[2]) == (0x10000 + (i * 7919 % 4096), i * i % 977,
                                                      i % 3)
            at += 16
    assert rows_lookup(&one.tb, <uintptr_t>one.tb.code - 1, words) == -1
    assert rows_lookup(&one.tb, <uintptr_t>one.tb.code + one.tb.code_size, words) == -1
