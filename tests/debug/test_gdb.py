"""The gdb stub: by hand, packet by packet, and with a real gdb."""

import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from api.rv import CODE, DATA, addi, bne, code, jal, lw, sw

from engine import Emulator, Error
from engine.debug.gdb import Control, GdbServer, history
from engine.debug.gdb.packets import escape, frame, unescape
from engine.debug.gdb.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
GDB = shutil.which("gdb-multiarch")
needs_gdb = pytest.mark.skipif(not GDB, reason="needs Debian's gdb-multiarch")

# a0 counts to 10; each turn stores it at a1 and reads it back into a2.
LOOP = (addi("a0", "a0", 1), sw("a0", 0, "a1"), lw("a2", 0, "a1"), bne("a0", "a3", -12),
        jal("zero", 0))


@pytest.fixture
def emu():
    with Emulator("riscv64") as emu:
        emu.memory.map(CODE, 0x1000)
        emu.memory.map(DATA, 0x1000)
        emu.memory.write(CODE, code(*LOOP))
        emu.regs.write_many({"a1": DATA, "a3": 10, "pc": CODE})
        yield emu


@contextmanager
def serving(emu):
    """A server on a thread of its own; yields (port, list that gets what serve() answered, the
    thread)."""
    answers = []
    with GdbServer(emu) as server:
        thread = threading.Thread(target=lambda: answers.append(server.serve()), daemon=True)
        thread.start()
        yield server.port, answers, thread
        thread.join(20)
        assert not thread.is_alive()


class Client:
    """A gdb that speaks by hand."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.settimeout(20)
        self.file = self.sock.makefile("rb")

    def receive(self):
        while self.file.read(1) != b"$":
            pass
        body = b""
        while (byte := self.file.read(1)) != b"#":
            body += byte
        assert int(self.file.read(2), 16) == sum(body) & 0xff
        self.sock.sendall(b"+")
        return body.decode("latin-1")

    def ask(self, text):
        self.sock.sendall(frame(text if isinstance(text, bytes) else text.encode()))
        return self.receive()

    def close(self):
        self.file.close()
        self.sock.close()


@pytest.fixture
def client(emu):
    with serving(emu) as (port, answers, thread):
        client = Client(port)
        client.answers, client.thread = answers, thread
        yield client
        if not answers:
            client.sock.sendall(frame(b"k"))
        client.close()


def reg(value, size=8):
    return value.to_bytes(size, "little").hex()


def test_escapes():
    data = bytes(range(256))
    assert unescape(escape(data)) == data
    assert escape(b"#$}*") == b"}\x03}\x04}]}\x0a"
    assert frame(b"OK") == b"$OK#9a"


@pytest.mark.parametrize("arch", sorted(TARGETS))
def test_target_descriptions(arch):
    from xml.etree import ElementTree
    root = ElementTree.fromstring(TARGETS[arch].xml().split("\n", 2)[2])
    numbers = [int(reg.get("regnum")) for reg in root.iter("reg")]
    assert numbers == list(range(len(TARGETS[arch].regs)))
    names = [reg.get("name") for reg in root.iter("reg")]
    assert len(set(names)) == len(names)


def test_registers_of_the_descriptions_exist():
    """Those that a guest does not have (yet) are sent as unavailable."""
    from engine import architectures
    missing = {arch: {reg.source for reg in TARGETS[arch].regs if reg.source not in
                      Emulator(arch).regs} for arch in TARGETS if arch in architectures()}
    x87 = {"fpcw", "fpsw", "fptag", "fcs", "fip", "fds", "fdp", "fop"}
    assert missing["riscv64"] == missing["riscv32"] == set()
    assert all(names <= x87 for names in missing.values())


def test_registers_and_memory(emu, client):
    assert "qXfer:features:read+" in client.ask("qSupported:swbreak+;multiprocess+")
    assert client.ask("?") == "T05thread:1;"
    assert client.ask("p20") == reg(CODE)           # pc is register 32
    assert client.ask("Pa=" + reg(0x1234)) == "OK"
    assert emu.regs.a0 == 0x1234
    everything = client.ask("g")
    assert everything[16 * 10:16 * 11] == reg(0x1234)
    assert client.ask("p999") == "E16"
    assert client.ask("pzz") == "E16"
    assert client.ask("Pa=12") == "E16"
    assert client.ask(f"M{DATA:x},4:01020304") == "OK"
    assert client.ask(f"m{DATA:x},4") == "01020304"
    assert client.ask(f"X{DATA:x},2:".encode() + escape(b"#}")) == "OK"
    assert emu.memory.read(DATA, 4) == b"#}\x03\x04"
    assert client.ask(f"m{DATA + 0x1000:x},4") == "E0e"
    assert client.ask(f"M{DATA + 0x1000:x},1:00") == "E0e"
    assert client.ask(f"M{DATA:x},4:00") == "E16"
    assert client.ask("vMustReplyEmpty") == ""
    assert client.ask("Qnonsense") == ""


def test_changed_code_runs(emu, client):
    assert client.ask("s") == "T05thread:1;"
    client.ask(f"M{CODE + 4:x},4:" + code(addi("a4", "zero", 77)).hex())
    client.ask("s")
    assert emu.regs.a4 == 77


def test_breakpoints(emu, client):
    client.ask("qSupported:swbreak+")
    assert client.ask(f"Z0,{CODE + 8:x},4") == "OK"
    assert client.ask("c") == "T05thread:1;swbreak:;"
    assert (emu.pc, emu.regs.a0) == (CODE + 8, 1)
    assert client.ask("c") == "T05thread:1;swbreak:;"
    assert (emu.pc, emu.regs.a0) == (CODE + 8, 2)
    assert client.ask(f"z0,{CODE + 8:x},4") == "OK"
    assert client.ask(f"Z1,{CODE + 16:x},4") == "OK"
    assert client.ask("vCont;c:1") == "T05thread:1;swbreak:;"
    assert (emu.pc, emu.regs.a0) == (CODE + 16, 10)


def test_watchpoints(emu, client):
    assert client.ask(f"Z2,{DATA:x},4") == "OK"
    assert client.ask("c") == f"T05thread:1;watch:{DATA:x};"
    assert (emu.pc, emu.regs.a0, emu.memory.read_u32(DATA)) == (CODE + 4, 1, 0)
    assert client.ask(f"z2,{DATA:x},4") == "OK"
    assert client.ask(f"Z3,{DATA:x},4") == "OK"
    assert client.ask("c") == f"T05thread:1;rwatch:{DATA:x};"
    assert emu.pc == CODE + 8
    assert client.ask(f"z3,{DATA:x},4") == "OK"


def test_fault(emu, client):
    emu.regs.a1 = 0xdead0000
    assert client.ask("c") == "T0bthread:1;"
    assert emu.pc == CODE + 4
    out = bytes.fromhex(client.ask("qRcmd," + b"why".hex())).decode()
    assert "0xdead0000" in out
    assert "0x8000" in bytes.fromhex(client.ask("qRcmd," + b"regions".hex())).decode()


def test_interrupt(emu, client):
    emu.memory.write(CODE, code(jal("zero", 0)))
    client.sock.sendall(frame(b"c"))
    threading.Timer(0.2, lambda: client.sock.sendall(b"\x03")).start()
    assert client.receive() == "T02thread:1;"
    assert emu.pc == CODE


def test_bad_checksum_is_asked_for_again(client):
    client.sock.sendall(b"$?#00")
    assert client.file.read(1) == b"-"
    assert client.ask("?") == "T05thread:1;"


def test_detach_removes_breakpoints(emu, client):
    client.ask(f"Z0,{CODE + 8:x},4")
    assert client.ask("D") == "OK"
    client.sock.settimeout(5)
    assert client.file.read(2) in (b"", b"+")
    client.thread.join(20)
    result = emu.run(CODE, CODE + 16)
    assert (result.pc, emu.regs.a0) == (CODE + 16, 10)
    assert client.answers == [True]


def test_disconnect_and_come_back(emu):
    with serving(emu) as (port, answers, _):
        first = Client(port)
        first.ask("s")
        first.close()
        second = Client(port)
        assert second.ask("p20") == reg(CODE + 4)
        assert second.ask("vKill;1") == "OK"
        second.close()
    assert answers == [False]


def test_emulator_gdb(emu):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    answers = []
    thread = threading.Thread(target=lambda: answers.append(emu.gdb(port)), daemon=True)
    thread.start()
    for _ in range(200):
        try:
            client = Client(port)
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    client.ask("s")
    client.ask("bs")
    client.ask("D")
    thread.join(20)
    assert answers == [True]
    client.close()


def test_port_in_use(emu):
    with GdbServer(emu) as server, pytest.raises(Error, match="cannot listen"):
        GdbServer(emu, server.port)


def gdb(port, *commands):
    words = [GDB, "-nx", "-batch", "-ex", "set pagination off"]
    for command in (f"target remote 127.0.0.1:{port}", *commands):
        words += ["-ex", command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@needs_gdb
def test_real_gdb(emu):
    with serving(emu) as (port, *_):
        out = gdb(port, f"break *{CODE + 8:#x}", "continue", "continue", "print $a0",
                  "info registers pc", "x/2i $pc", f"print *(int*){DATA:#x}", "set $a0 = 8",
                  "delete", f"watch *(int*){DATA:#x}",
                  "continue", "print $a0", "print $ft0", "kill")
    assert re.search(r"Breakpoint 1, 0x0*1008", out)
    assert "$1 = 2" in out
    assert re.search(r"pc +0x1008", out)
    assert re.search(r"=> 0x1008:\s+lw\s+a2,0\(a1\)", out)
    assert "$2 = 2" in out
    assert re.search(r"Old value = 2\nNew value = 9", out)
    assert "$3 = 9" in out
    assert "$4 = {float = 0, double = 0}" in out


# ---------------------------------------------------------------- back

def test_step_back(emu, client):
    for _ in range(7):
        client.ask("vCont;s:1")
    assert (emu.pc, emu.regs.a0) == (CODE + 12, 2)
    for pc, a0 in ((8, 2), (4, 2), (0, 1), (12, 1), (8, 1), (4, 1), (0, 0)):
        assert client.ask("bs") == "T05thread:1;"
        assert (emu.pc, emu.regs.a0) == (CODE + pc, a0)
    assert emu.memory.read_u32(DATA) == 0
    assert client.ask("bs") == "T05thread:1;replaylog:begin;"
    assert emu.pc == CODE
    client.ask("vCont;s:1")
    assert (emu.pc, emu.regs.a0) == (CODE + 4, 1)


def test_continue_back(emu, client):
    assert "ReverseStep+;ReverseContinue+" in client.ask("qSupported:swbreak+")
    client.ask(f"Z0,{CODE + 16:x},4")
    assert client.ask("c") == "T05thread:1;swbreak:;"
    client.ask(f"z0,{CODE + 16:x},4")
    client.ask(f"Z0,{CODE + 4:x},4")
    for a0 in range(10, 0, -1):
        assert client.ask("bc") == "T05thread:1;swbreak:;"
        assert (emu.pc, emu.regs.a0, emu.memory.read_u32(DATA)) == (CODE + 4, a0, a0 - 1)
    assert client.ask("bc") == "T05thread:1;replaylog:begin;"
    assert (emu.pc, emu.regs.a0) == (CODE, 0)
    assert client.ask("c") == "T05thread:1;swbreak:;"
    assert emu.regs.a0 == 1


def test_watchpoint_back(emu, client):
    client.ask(f"Z0,{CODE + 16:x},4")
    client.ask("c")
    client.ask(f"Z2,{DATA:x},4")
    for value in (10, 9):           # gdb believes that RISC-V stops before the access
        assert client.ask("bc") == f"T05thread:1;watch:{DATA:x};"
        assert (emu.pc, emu.memory.read_u32(DATA)) == (CODE + 8, value)
        client.ask("bs")
    assert client.ask("c") == f"T05thread:1;watch:{DATA:x};"
    assert (emu.pc, emu.memory.read_u32(DATA)) == (CODE + 4, 8)
    client.ask("s")
    assert emu.memory.read_u32(DATA) == 9


def test_watchpoint_of_x86_back():
    with Emulator("x86_64") as emu:
        emu.memory.map(CODE, 0x1000)
        emu.memory.map(DATA, 0x1000)
        # inc eax; mov [rdi], eax; nop; jmp back
        emu.memory.write(CODE, bytes.fromhex("ffc0 8907 90 ebf9"))
        emu.regs.write_many({"rdi": DATA, "rip": CODE})
        control = Control(emu)
        control.advance(count=42)
        emu.watchpoints.add(DATA, 4)
        for value in (10, 9, 8):
            assert control.run_back(lambda: False).kind == "watch"
            assert (emu.pc, emu.memory.read_u32(DATA)) == (CODE + 2, value)
            assert emu.regs.rax == value + 1


def test_back_over_what_the_debugger_changed(emu, client):
    for _ in range(4):
        client.ask("s")
    index = [reg.name for reg in TARGETS["riscv64"].regs].index("a0")
    assert client.ask(f"P{index:x}={(5).to_bytes(8, 'little').hex()}") == "OK"
    for _ in range(2):
        client.ask("s")
    assert (emu.regs.a0, emu.memory.read_u32(DATA)) == (6, 6)
    for a0 in (6, 5, 1, 1):
        client.ask("bs")
        assert emu.regs.a0 == a0
    for _ in range(3):              # the change is not made again, but what came of it is gone, too
        client.ask("s")
    assert emu.regs.a0 == 2


def test_back_after_a_fault(emu, client):
    emu.regs.a1 = 0x666000
    assert client.ask("c").startswith("T0b")
    assert emu.pc == CODE + 4
    assert client.ask("bs") == "T05thread:1;"
    assert (emu.pc, emu.regs.a0) == (CODE, 0)
    assert client.ask("c").startswith("T0b")


def test_history_is_thinned_out(monkeypatch):
    monkeypatch.setattr(history, "SPACING", 50)
    with Emulator("riscv64") as emu:
        emu.memory.map(CODE, 0x1000)
        emu.memory.map(DATA, 0x1000)
        emu.memory.write(CODE, code(*LOOP))
        emu.regs.write_many({"a1": DATA, "a3": 0x1000000, "pc": CODE})
        control = Control(emu)
        for _ in range(10_000):
            control.advance(count=7)
        assert control.history.spacing > 50
        assert len(control.history.moments) <= history.MOST
        assert control.icount == 70_000
        for moment in (69_999, 69_998, 69_997):
            control.step_back()
            assert (control.icount, emu.regs.a0) == (moment, (moment + 3) // 4)
        emu.breakpoints.add(CODE + 8)
        assert control.run_back(lambda: False).kind == "break"
        assert (emu.pc, control.icount % 4) == (CODE + 8, 2)
        assert emu.memory.read_u32(DATA) == emu.regs.a0 == control.icount // 4 + 1


def test_no_way_back():
    """User mode: the emulator's state is not all."""
    with Emulator("riscv64") as emu:
        assert Control(emu, emu.run).history is None
        with GdbServer(emu, reverse=False) as server:
            assert server.control.history is None


@needs_gdb
def test_real_gdb_goes_back(emu):
    with serving(emu) as (port, *_):
        out = gdb(port, f"break *{CODE + 16:#x}", "continue", "print $a0", "delete",
                  "reverse-stepi", "info registers pc", f"break *{CODE + 4:#x}",
                  "reverse-continue", "reverse-continue", "print $a0", "delete",
                  f"watch *(int*){DATA:#x}", "reverse-continue", "reverse-continue", "print $a0",
                  "delete", "reverse-continue", "print $a0", "kill")
    assert "$1 = 10" in out
    assert re.search(r"pc +0x100c", out)
    assert "$2 = 9" in out
    assert re.search(r"Old value = 8\nNew value = 7", out)
    assert re.search(r"Old value = 7\nNew value = 6", out)
    assert "$3 = 7" in out
    assert "reverse-execution history" in out
    assert "$4 = 0" in out


@needs_gdb
def test_real_gdb_on_a_linux_program(tmp_path):
    pytest.importorskip("elftools", reason="needs pyelftools (extra: linux)")
    pytest.importorskip("click", reason="needs click (extra: linux)")
    program = ROOT / "examples/riscv64/sha256sum"
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "run", "--gdb", "0", program, ROOT / "LICENSE"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        port = re.search(r":(\d+)$", line)[1]
        out = gdb(port, f"file {program}", "info registers pc", "stepi 5", "continue")
        assert "exited normally" in out
        assert process.stdout.read().split()[0] == subprocess.run(
            ["sha256sum", ROOT / "LICENSE"], capture_output=True, text=True, check=True
        ).stdout.split()[0]
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()
