"""Random programs of the toy guest against a plain Python machine: any count, stop address, pieces,
code buffer, optimiser level and hooks must give the same registers, memory, pc and count."""
import random

include "testguest.pxi"

BASE = 0x10000
DATA = 0x20000
M64 = (1 << 64) - 1
INSNS = 48


class Model:
    """What the toy guest is, one instruction at a time."""

    def __init__(self, code):
        self.mem = {BASE: bytearray(0x1000), DATA: bytearray(0x1000)}
        self.mem[BASE][:len(code)] = code
        self.r = [0] * 16
        self.pc = BASE
        self.count = 0

    def place(self, addr, size):
        for base, data in self.mem.items():
            if base <= addr and addr + size <= base + len(data):
                return data, addr - base
        return None, 0

    def step(self):
        """None, or why it cannot go on."""
        data, at = self.place(self.pc, 4)
        if data is None:
            return "fetch"
        w = int.from_bytes(data[at:at + 4], "little")
        op, d, s = w & 0xff, w >> 8 & 15, w >> 12 & 15
        imm = (w >> 16) - ((w >> 15) & 0x10000)
        r, following = self.r, self.pc + 4
        if op == T_ADDI:
            r[d] = (r[s] + imm) & M64
        elif op == T_ADD:
            r[d] = (r[d] + r[s]) & M64
        elif op in (T_LD, T_LD4, T_ST, T_ST4):
            size = 8 if op in (T_LD, T_ST) else 4
            data, at = self.place((r[s] + imm) & M64, size)
            if data is None:
                return "memory"
            if op in (T_LD, T_LD4):
                r[d] = int.from_bytes(data[at:at + size], "little")
            else:
                data[at:at + size] = (r[d] & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        elif op == T_BNE:
            if r[d] != r[s]:
                following = self.pc + 4 * imm
        elif op == T_JMP:
            following = self.pc + 4 * imm
        elif op == T_JR:
            following = r[s]
        elif op == T_SWAP:
            data, at = self.place(r[s], 8)
            if data is None:
                return "memory"
            old = int.from_bytes(data[at:at + 8], "little")
            data[at:at + 8] = r[d].to_bytes(8, "little")
            r[d] = old
        else:
            return "illegal" if op != T_TRAP else "trap"
        self.pc = following & M64
        self.count += 1
        return None

    def run(self, count, until):
        while True:
            if self.pc == until:
                return STOP_UNTIL
            if self.count == count:
                return STOP_COUNT
            why = self.step()
            if why:
                return STOP_EXCEPTION if why == "trap" else STOP_FAULT


def program(rnd):
    """r8 code base, r9 data base, r10 a patch word; self-modifying now and then."""
    out = []
    for i in range(INSNS):
        what = rnd.random()
        d, s = rnd.randrange(8), rnd.randrange(8)
        if what < 0.4:
            out.append(addi(d, s, rnd.randrange(-5, 100)))
        elif what < 0.55:
            out.append(add(d, s))
        elif what < 0.65:
            out.append(rnd.choice((ld, ld4))(d, 9, rnd.randrange(0, 256)))
        elif what < 0.75:
            out.append(rnd.choice((st, st4))(d, 9, rnd.randrange(0, 256)))
        elif what < 0.80:
            out.append(st4(10, 8, 4 * rnd.randrange(INSNS)))            # patches code
        elif what < 0.82:
            out.append(ld4(10, 8, 4 * rnd.randrange(INSNS)))    # the next patch
        elif what < 0.83:
            out.append(st(d, 8, 0x400 + rnd.randrange(64)))             # data on the code page
        elif what < 0.93:
            out.append(bne(d, s, rnd.randrange(-i, INSNS - i)))
        elif what < 0.96:
            out.append(jmp(rnd.randrange(-i, INSNS - i)))
        elif what < 0.98:
            out.append(swap(d, 9))
        elif what < 0.99:
            out.append(jr(8))
        else:
            out.append(rnd.choice((trap(), word(0xee), ld(d, 0, 3))))
    return b"".join(out) + jmp(0)


def compare(seed):
    rnd = random.Random(seed)
    code = program(rnd)
    model = Model(code)
    b = Box(code_size=rnd.choice((0, 0, 1 << 14)), optimise=rnd.random() < 0.7)
    for base in (BASE, DATA):
        b.map(base, 0x1000)
    b.write(BASE, code)
    start = [rnd.randrange(1000) for _ in range(8)] + [
        BASE, DATA, int.from_bytes(addi(1, 1, 9), "little")] + [0] * 5
    start[10] = rnd.choice((start[10], int.from_bytes(bne(1, 2, -3), "little"),
                            int.from_bytes(jmp(2), "little")))
    for i, v in enumerate(start):
        b[i] = v
        model.r[i] = v
    b[PC] = BASE
    seen = [0]
    reads = [0]
    kinds = rnd.random()
    if kinds < 0.3:
        def code_hook(bb, ev):
            seen[0] += 1
        b.hook(HOOK_CODE, code_hook)
    if 0.2 < kinds < 0.4:
        def memory_hook(bb, ev):
            assert ev["pc"] == bb[PC]
            reads[0] += 1
            if rnd.random() < 0.05:
                bb.flush()
        b.hook(HOOK_MEM_READ, memory_hook)
        b.hook(HOOK_MEM_WRITE, memory_hook)
    for _ in range(12):
        until = BASE + 4 * rnd.randrange(INSNS + 1) if rnd.random() < 0.4 else None
        count = model.count + rnd.choice((1, 2, 3, 7, 9, 30, 200, 1500))
        if rnd.random() < 0.1:
            patch = word(rnd.choice((T_ADDI, T_ADD)), rnd.randrange(8), rnd.randrange(8), 5)
            at = BASE + 4 * rnd.randrange(INSNS)
            b.write(at, patch)
            model.mem[BASE][at - BASE:at - BASE + 4] = patch
        before = model.count
        want = model.run(count, until)
        got, pc, done = b.run(until=until, count=count - before)
        state = f"seed {seed}: {got} pc {pc:#x} count {done}"
        assert (got, pc, done) == (want, model.pc, model.count - before), (
            state, want, hex(model.pc), model.count - before)
        assert [b[i] for i in range(16)] == model.r, state
        assert b.read(BASE, 0x1000) == model.mem[BASE] and b.read(DATA, 0x1000) == model.mem[DATA]
        if kinds < 0.3:
            # once an instruction, and once for what then failed
            assert model.count <= seen[0] <= model.count + 12, state
        if want in (STOP_FAULT, STOP_EXCEPTION):
            break


def test_random_programs():
    for seed in range(600):
        compare(seed)


def test_given_seed():
    import os
    for seed in map(int, os.environ.get("EXEC_SEEDS", "").split()):
        compare(seed)
