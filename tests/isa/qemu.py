"""One-instruction oracle: qemu-user (Debian's qemu-user) through its debugger port.

Lives here: tiny ELF files, the remote serial protocol, RISC-V registers by name. Called by
make_ins.py and x86/others.py.
"""

import re
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

STORE = 0x00532023                  # sw t0, 0(t1)
PART = 1024                         # bytes of memory in one packet
BASE, SIZE = 0x10000, 0x20000       # one segment, readable, writable, executable


def elf32(machine, entry, segments, flags=0):
    """A static ELF file of segments (address, bytes) of zeros that may be read, written, run."""
    head = b"\x7fELF" + bytes([1, 1, 1]) + bytes(9) + struct.pack(
        "<HHIIIIIHHHHHH", 2, machine, 1, entry, 52, 0, flags, 52, 32, len(segments), 0, 0, 0)
    table = b"".join(struct.pack("<IIIIIIII", 1, 0, at, at, 0, size, 7, 4096)
                     for at, size in segments)
    return head + table


def elf(xlen):
    """A static RISC-V ELF file of one segment whose first instruction is STORE."""
    machine, header = 243, 64 if xlen == 64 else 52
    ident = b"\x7fELF" + bytes([xlen // 32, 1, 1]) + bytes(9)
    flags = 5                       # RVC, double-float ABI
    if xlen == 64:
        head = ident + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, BASE, header, 0, flags, 64,
                                   56, 1, 0, 0, 0)
        segment = struct.pack("<IIQQQQQQ", 1, 7, 4096, BASE, BASE, 4, SIZE, 4096)
    else:
        head = ident + struct.pack("<HHIIIIIHHHHHH", 2, machine, 1, BASE, header, 0, flags, 52,
                                   32, 1, 0, 0, 0)
        segment = struct.pack("<IIIIIIII", 1, 4096, BASE, BASE, 4, SIZE, 7, 4096)
    return (head + segment).ljust(4096, b"\0") + struct.pack("<I", STORE)


class Stub:
    """A stopped guest process: `command` with its debugger port and a program."""

    def __init__(self, command, program):
        self.folder = tempfile.TemporaryDirectory()
        path, port = Path(self.folder.name, "program"), Path(self.folder.name, "port")
        path.write_bytes(program)
        path.chmod(0o755)
        self.process = subprocess.Popen([*command, "-g", str(port), str(path)],
                                        stderr=subprocess.DEVNULL)
        for _ in range(100):
            time.sleep(0.05)
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(str(port))
                self.socket.settimeout(20)
                break
            except OSError:
                continue
        self.buffer = b""

    def ask(self, text):
        data = text.encode()
        self.socket.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))
        while True:
            start = self.buffer.find(b"$")
            end = self.buffer.find(b"#", start) if start >= 0 else -1
            if 0 <= end <= len(self.buffer) - 3:
                answer = self.buffer[start + 1:end]
                self.buffer = self.buffer[end + 3:]
                self.socket.sendall(b"+")
                return answer.decode("latin1")
            more = self.socket.recv(1 << 16)
            if not more:
                raise ConnectionError("qemu has gone")
            self.buffer += more

    def peek(self, address, size):
        return b"".join(bytes.fromhex(self.ask(f"m{at:x},{min(PART, address + size - at):x}"))
                        for at in range(address, address + size, PART))

    def poke(self, address, data):
        for at in range(0, len(data), PART):
            part = data[at:at + PART]
            assert self.ask(f"M{address + at:x},{len(part):x}:{part.hex()}") == "OK"

    def step(self):
        """The stop reply: T05 after an instruction."""
        return self.ask("s")

    def close(self):
        self.socket.close()
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


class Qemu(Stub):
    """A RISC-V process."""

    def __init__(self, xlen):
        self.xlen, self.bytes = xlen, xlen // 8
        super().__init__([f"qemu-riscv{xlen}", "-cpu", f"rv{xlen}"], elf(xlen))
        self.ask("qSupported:xmlRegisters=riscv")
        self.numbers = self.register_numbers()

    def xml(self, name):
        text = ""
        while True:
            part = self.ask(f"qXfer:features:read:{name}:{len(text):x},ff0")
            text += part[1:]
            if part[0] != "m":
                return text

    def register_numbers(self):
        made, at = {}, 0
        for name in re.findall(r'href="([^"]+)"', self.xml("target.xml")):
            for row in re.finditer(r"<reg ([^>]*)/>", self.xml(name)):
                attributes = dict(re.findall(r'(\w+)="([^"]*)"', row[1]))
                at = int(attributes.get("regnum", at))
                made.setdefault(attributes["name"], (at, int(attributes["bitsize"]) // 8))
                at += 1
        return made

    def read(self, name):
        answer = self.ask(f"p{self.numbers[name][0]:x}")
        return int.from_bytes(bytes.fromhex(answer), "little")

    def write(self, name, value):
        number, size = self.numbers[name]
        data = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        answer = self.ask(f"P{number:x}={data.hex()}")
        assert answer == "OK", (name, answer)

    def integers(self):
        """x0..x31 and pc."""
        data = bytes.fromhex(self.ask("g"))
        return [int.from_bytes(data[i:i + self.bytes], "little")
                for i in range(0, 33 * self.bytes, self.bytes)]

    def set_integers(self, values):
        answer = self.ask("G" + b"".join(value.to_bytes(self.bytes, "little")
                                         for value in values).hex())
        assert answer == "OK", answer

    def go(self, end):
        """Run to an address."""
        assert self.ask(f"Z0,{end:x},2") == "OK"
        reply = self.ask("c")
        assert self.ask(f"z0,{end:x},2") == "OK"
        return reply

    def put_code(self, address, data):
        """Code through a store of the guest: qemu refuses the debugger pages that hold code."""
        for at in range(0, len(data), 4):
            values = [0] * 33
            values[5] = int.from_bytes(data[at:at + 4].ljust(4, b"\0"), "little")
            values[6], values[32] = address + at, BASE
            self.set_integers(values)
            assert self.step().startswith("T05")
