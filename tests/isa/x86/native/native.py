"""Cases for this machine's own processor: records as a numpy array, and the child that runs them.

What lives here: the record's layout, random operands worth trying, the child process. What does
not: what an instruction should do; the C half is runner.c. Who calls it: tests/isa/x86.

    with native.Processor() as cpu:
        cases = native.cases(1000)            # zeroed state, MXCSR and FCW at their reset values
        native.set_code(cases, bytes.fromhex("0f58c1"))
        result = cpu.run(cases)               # a new array; result["signal"] is 0 where it ran
"""

import mmap
import platform
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
MEM_WINDOW = 0x20000F80   # 128 bytes of memory; the page after them is not mapped
MEM_SIZE = 128
IMAGE = 0x20000400        # more memory in the page before, for records that have an image
IMAGE_SIZE = 1024
CODE = 0x30000800

RECORD = np.dtype([
    ("fcw", "<u2"), ("fsw", "<u2"), ("ftw", "u1"), ("fx_reserved", "u1"), ("fop", "<u2"),
    ("fip", "<u8"), ("fdp", "<u8"), ("mxcsr", "<u4"), ("mxcsr_mask", "<u4"),
    ("st", "u1", (8, 16)),           # st(0) first, 10 bytes each
    ("xmm", "<u8", (16, 2)), ("fx_rest", "u1", 48),
    ("fsbase", "<u8"), ("gsbase", "<u8"), ("fx_rest2", "u1", 32),    # bytes left to software
    ("xstate_bv", "<u8"), ("xheader", "u1", 56),
    ("ymmh", "<u8", (16, 2)),
    ("gpr", "<u8", 16), ("rflags", "<u8"), ("code", "u1", 16), ("mem", "u1", MEM_SIZE),
    ("signal", "<u4"), ("size", "<u4"), ("fault_addr", "<u8"), ("rip", "<u8"),
    ("trap", "<u4"), ("error", "<u4"), ("bits", "<u4"), ("pad", "u1", 4),
])
assert RECORD.itemsize == 1152
WITH_IMAGE = np.dtype([*((name, *RECORD.fields[name][:1]) for name in RECORD.names),
                       ("image", "u1", IMAGE_SIZE)])

# What single numbers are worth trying, by the width of a lane.
SPECIAL = {
    8: [0, 1, 0x7F, 0x80, 0xFF],
    16: [0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x3C00, 0x7C00, 0x7E00, 0x7D00, 0x0001, 0x0400, 0x7BFF],
    32: [0, 0x80000000, 1, 0x80000001, 0x007FFFFF, 0x00800000, 0x3F800000, 0xBF800000, 0x7F7FFFFF,
         0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001, 0x7F800001, 0xFFBFFFFF, 0x4F000000,
         0xCF000000, 0x4EFFFFFF, 0x3F000000, 0x3FC00000, 0x7FFFFFFF, 0xFFFFFFFF, 0x33800000],
    64: [0, 1 << 63, 1, (1 << 63) | 1, (1 << 52) - 1, 1 << 52, 0x3FF0 << 48, 0xBFF0 << 48,
         0x7FEFFFFFFFFFFFFF, 0x7FF0 << 48, 0xFFF0 << 48, 0x7FF8 << 48, 0xFFF8000000000001,
         0x7FF0000000000001, 0xFFF7FFFFFFFFFFFF, 0x41E0 << 48, 0xC1E0 << 48, 0x43E0 << 48,
         0x41DFFFFFFFC00000, 0x3FE0 << 48, 0x3FF8 << 48, 0x36A0 << 48, 0x380F << 48],
}


def why_not() -> str | None:
    """The reason why this machine cannot run cases, or None."""
    if not (sys.platform.startswith("linux") and platform.machine() == "x86_64"):
        return "the native comparison needs an x86-64 Linux host"
    if shutil.which("gcc") is None:
        return "the native comparison needs gcc (Debian package gcc)"
    if not {"xsave", "fsgsbase"} <= cpu_flags():
        return "the native comparison needs a processor with XSAVE and FSGSBASE"
    return None


def cpu_flags() -> frozenset[str]:
    """Feature names of /proc/cpuinfo."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def cases(count: int, kind: np.dtype = RECORD, bits: int = 64) -> np.ndarray:
    """`count` records: zero registers, empty x87 stack, all exceptions masked, IF and bit 1 set."""
    out = np.zeros(count, kind)
    out["bits"] = bits
    out["fcw"] = 0x37F
    out["mxcsr"] = 0x1F80
    out["xstate_bv"] = 7
    out["rflags"] = 0x202
    return out


def set_code(records: np.ndarray, code: bytes) -> None:
    """The same instruction for each record."""
    records["code"] = 0
    records["code"][:, :len(code)] = np.frombuffer(code, np.uint8)
    records["size"] = len(code)


def lanes(rng: np.random.Generator, shape: tuple[int, ...], width: int) -> np.ndarray:
    """64-bit words of lanes of `width` bits: specials, numbers near each other, random bits."""
    special = np.array(SPECIAL[width], np.uint64)
    mask = np.uint64((1 << width) - 1)
    word = np.zeros(shape, np.uint64)
    for at in range(0, 64, width):
        bits = rng.integers(0, 1 << 64, shape, np.uint64, endpoint=False) & mask
        if width >= 32:   # an exponent near the middle, so that sums and products do something
            half = np.uint64(1 << (width - 2))
            near = (bits & np.uint64((1 << (width - 4)) - 1)) | np.uint64(0x3 << (width - 4))
            near |= (bits & np.uint64(1 << (width - 1)))
            near ^= np.where(rng.random(shape) < 0.3, half, np.uint64(0))
        else:
            near = bits & np.uint64(0x0F)
        kind = rng.random(shape)
        lane = np.where(kind < 0.35, special[rng.integers(0, len(special), shape)],
                        np.where(kind < 0.7, near, bits)) & mask
        word |= lane << np.uint64(at)
    return word


def numbers(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """80-bit numbers as (significands, exponents): all classes, many of them close together."""
    sig = rng.integers(0, 1 << 64, count, np.uint64, endpoint=False) | np.uint64(1 << 63)
    kind = rng.random(count)
    sig = np.where(kind < 0.3, sig & ~np.uint64(0xFFFFFFFFFF), sig)     # short ones
    sig = np.where(kind < 0.12, np.uint64(1 << 63), sig)
    near = 0x3FFF + rng.integers(-5, 6, count)
    middle = 0x3FFF + rng.integers(-70, 70, count)
    anywhere = rng.integers(0, 0x8000, count)
    edge = rng.choice([0, 1, 2, 0x7FFE, 0x7FFF, 0x7FFF, 0x3FFF, 0x403E, 0x403D, 0x3FFF - 16], count)
    pick = rng.random(count)
    exp = np.where(pick < 0.4, near, np.where(pick < 0.65, middle,
                                              np.where(pick < 0.8, anywhere, edge)))
    special = rng.random(count)
    sig = np.where(special < 0.06, rng.choice(np.array(
        [0, 1 << 63, 1, (1 << 63) | 1, 0xC << 60, (0xC << 60) | 1, 1 << 62, (1 << 64) - 1,
         (1 << 63) - 1], np.uint64), count), sig)
    zero = rng.random(count) < 0.06
    sig = np.where(zero, np.uint64(0), sig)
    exp = np.where(zero, 0, exp)
    exp = exp | np.where(rng.random(count) < 0.5, 0x8000, 0)
    return sig, exp.astype(np.uint16)


class Processor:
    """The child process that runs records of one kind. Close it, or use it in a `with`."""

    def __init__(self, capacity: int = 1 << 14, kind: np.dtype = RECORD) -> None:
        reason = why_not()
        if reason:
            raise RuntimeError(reason)
        self.capacity = capacity
        self.home = tempfile.TemporaryDirectory(prefix="engine-native-")
        home = Path(self.home.name)
        subprocess.run(["gcc", "-O2", "-no-pie", "-fno-stack-protector", "-mgeneral-regs-only",
                        "-o", home / "runner", HERE / "runner.c"], check=True)
        path = home / "records"
        with open(path, "wb") as file:
            file.truncate(capacity * kind.itemsize)
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self.shared = np.frombuffer(self.map, kind)
        self.child = subprocess.Popen([home / "runner", path,
                                       str(kind.itemsize - RECORD.itemsize)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)

    def run(self, records: np.ndarray) -> np.ndarray:
        """The state after each record's instruction. RuntimeError: the child died."""
        assert self.child.stdin is not None and self.child.stdout is not None
        out = np.empty_like(records)
        for start in range(0, len(records), self.capacity):
            part = records[start:start + self.capacity]
            self.shared[:len(part)] = part
            try:
                self.child.stdin.write(b"%d\n" % len(part))
                self.child.stdin.flush()
                ready, _, _ = select.select([self.child.stdout], [], [], 120)
                answer = self.child.stdout.readline() if ready else b"nothing in 120 seconds"
                if not ready:
                    self.child.kill()
            except BrokenPipeError:
                answer = b""
            if answer != b"%d\n" % len(part):
                raise RuntimeError(f"the runner ended with status {self.child.wait()}; records "
                                   f"{start} to {start + len(part)}: a state it cannot load?")
            out[start:start + len(part)] = self.shared[:len(part)]
        return out

    def close(self) -> None:
        if self.child.stdin is not None:
            self.child.stdin.close()
        self.child.wait()
        if self.child.stdout is not None:
            self.child.stdout.close()
        del self.shared
        self.map.close()
        self.home.cleanup()

    def __enter__(self) -> "Processor":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
