"""Single instructions recorded from a real 80286 in real mode (SingleStepTests/80286, MIT).

Lives here: reading the MOO chunks, running a case, undefined flags by the set's own metadata.
All 26,000 cases run. ENGINE_DATA names the folder that holds sst-80286-sample; skipped where the
data is not.
"""

import gzip
import json
import os
import struct
from pathlib import Path

import pytest

import engine

HOME = Path(os.environ.get("ENGINE_DATA", "/work/shared/data")) / "sst-80286-sample"
NAMES = ("ax", "bx", "cx", "dx", "cs", "ss", "ds", "es", "sp", "bp", "si", "di", "ip", "flags")
pytestmark = pytest.mark.skipif(not HOME.is_dir(), reason="no sst-80286-sample here (ENGINE_DATA)")


def chunks(data, at, end):
    while at < end:
        size = struct.unpack_from("<I", data, at + 4)[0]
        yield data[at:at + 4], at + 8, at + 8 + size
        at += 8 + size


def state(data, start, end):
    regs, ram = {}, []
    for name, at, _ in chunks(data, start, end):
        if name == b"REGS":
            mask = struct.unpack_from("<H", data, at)[0]
            at += 2
            for bit, reg in enumerate(NAMES):
                if mask >> bit & 1:
                    regs[reg] = struct.unpack_from("<H", data, at)[0]
                    at += 2
        elif name == b"RAM ":
            count = struct.unpack_from("<I", data, at)[0]
            ram = [struct.unpack_from("<IB", data, at + 4 + 5 * n) for n in range(count)]
    return regs, ram


def cases(path):
    data = gzip.decompress(path.read_bytes())
    for name, start, end in chunks(data, 0, len(data)):
        if name != b"TEST":
            continue
        case = {"name": "", "exception": None}
        for part, at, stop in chunks(data, start + 4, end):
            if part == b"NAME":
                case["name"] = data[at + 4:stop].decode()
            elif part == b"BYTS":
                case["bytes"] = data[at + 4:stop]
            elif part == b"INIT":
                case["before"] = state(data, at, stop)
            elif part == b"FINA":
                case["after"] = state(data, at, stop)
            elif part == b"EXCP":
                case["exception"] = struct.unpack_from("<BI", data, at)
        yield case


def flag_mask(path):
    opcode, _, reg = path.name.removesuffix(".MOO.gz").partition(".")
    row = METADATA[opcode]
    if reg:
        row = row["reg"][reg]
    return row.get("flags-mask", 0xFFFF) & 0x0FFF


METADATA = json.loads((HOME / "metadata.json").read_text())["opcodes"] if HOME.is_dir() else {}
FILES = sorted(HOME.glob("*.MOO.gz"))


def difference(emu, case, mask):
    regs, ram = case["before"]
    for addr, byte in ram:
        emu.memory.write(addr, bytes([byte]))
    regs = dict(regs)
    regs["flags"] &= 0x0FFF
    ip, cs = regs.pop("ip"), regs.pop("cs")
    emu.regs.write_many({"cs": cs})
    emu.regs.write_many(regs)
    emu.regs["ip"] = ip
    try:
        emu.run(emu.regs["rip"], count=100_000)
    except engine.Error as error:
        return f"{type(error).__name__}: {error}"
    want = {**regs, "cs": cs, **case["after"][0]}
    have = {name: emu.regs[name] for name in NAMES}
    if "ip" not in want:
        want["ip"] = ip
    for name in NAMES:
        wrong = want[name] ^ have[name]
        if name == "flags":
            wrong &= mask & 0x0FFF
        if wrong:
            return f"{name} is {have[name]:#x}, silicon {want[name]:#x}"
    pushed = None
    if case["exception"]:         # where FLAGS are on the stack
        pushed = (want["ss"] << 4) + (want["sp"] + 4 & 0xFFFF)
    for addr, byte in case["after"][1]:
        got, ok = emu.memory.read(addr, 1)[0], 0xFF
        if pushed is not None and addr in (pushed, pushed + 1):
            ok = (mask if addr == pushed else mask >> 8) & (0x0F if addr == pushed + 1 else 0xFF)
        if (got ^ byte) & ok:
            return f"memory at {addr:#x} is {got:#x}, silicon {byte:#x}"
    return None


def test_cases():
    emu = engine.Emulator("x86_16", model="80286", exceptions="guest")
    emu.memory.map(0, 1 << 24)
    wrong, count = {}, 0
    for path in FILES:
        mask = flag_mask(path)
        for case in cases(path):
            count += 1
            bad = difference(emu, case, mask)
            if bad:
                wrong.setdefault(path.name, []).append(f"{case['name']}: {bad}")
    lines = [f"{name} ({len(bad)}): {bad[0]}" for name, bad in wrong.items()]
    assert not lines, f"of {count}: {sum(map(len, wrong.values()))}\n" + "\n".join(lines)
