"""Other threads, and signals."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from api.rv import CODE, LOOP, code, loop_code

from engine import Emulator, EngineBusyError, StopReason


@pytest.fixture
def spinning(emu):
    """An emulator that another thread runs in a loop, and the thread's result."""
    emu.memory.write(CODE, code(LOOP))
    results = []

    def work():
        try:
            results.append(emu.run(CODE, timeout=60))
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while not emu.running:
        time.sleep(0.001)
    yield emu, thread, results
    emu.stop()
    thread.join(30)


@pytest.mark.parametrize("hooked", [False, True])
def test_stop_from_another_thread(emu, hooked):
    emu.memory.write(CODE, code(LOOP))
    if hooked:
        emu.hook_code(lambda emu, address, size: None)
    timer = threading.Timer(0.05, emu.stop)
    timer.start()
    result = emu.run(CODE, timeout=30)
    timer.join()
    assert result.reason is StopReason.STOP
    assert result.pc == CODE


def test_busy(spinning):
    emu, thread, results = spinning
    for call in (emu.run, emu.step, emu.close, lambda: emu.pc, lambda: emu.regs.a0,
                 lambda: emu.regs.write_many({"a0": 1}), lambda: emu.memory.map(0, 1),
                 lambda: emu.memory.read(CODE, 4), lambda: emu.memory.write(CODE, b"xxxx"),
                 lambda: emu.hook_code(print), lambda: emu.stats, lambda: emu.memory.regions(),
                 lambda: emu.disassemble(CODE), emu.flush_code):
        with pytest.raises(EngineBusyError, match="another thread"):
            call()
    assert emu.running
    assert "running" in repr(emu)
    emu.stop()
    thread.join(30)
    assert results[0].reason is StopReason.STOP
    assert emu.regs.pc == CODE


def test_hooks_cannot_be_removed_by_another_thread(emu):
    hook = emu.hook_code(lambda emu, address, size: None)
    emu.memory.write(CODE, code(LOOP))
    errors = []

    def remove():
        while not emu.running:
            time.sleep(0.001)
        try:
            hook.remove()
        except EngineBusyError as error:
            errors.append(error)
        emu.stop()

    thread = threading.Thread(target=remove)
    thread.start()
    emu.run(CODE, timeout=30)
    thread.join()
    assert len(errors) == 1
    hook.remove()


def test_stop_without_a_run_is_forgotten(emu):
    emu.stop()
    emu.memory.write(CODE, loop_code(5))
    assert emu.run(CODE, CODE + 12).reason is StopReason.UNTIL


def test_emulators_move_between_threads():
    emu = Emulator("riscv64")
    emu.memory.map(CODE, 0x1000)
    emu.memory.write(CODE, loop_code(100))
    counts = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: counts.append(emu.run(CODE, CODE + 12).count))
        thread.start()
        thread.join()
    assert counts == [201] * 3


def test_many_threads():
    counts = []

    def one(hooked):
        seen = []
        with Emulator("riscv64") as emu:
            emu.memory.map(CODE, 0x1000)
            emu.memory.write(CODE, loop_code(200))
            if hooked:
                emu.hook_code(lambda emu, address, size: seen.append(address))
            counts.append(emu.run(CODE, CODE + 12).count)
        assert len(seen) == (401 if hooked else 0)

    def work(hooked):
        for _ in range(20):
            one(hooked)

    threads = [threading.Thread(target=work, args=(i % 2 == 0,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [401] * 80


def test_other_threads_get_the_gil(emu):
    """A run with hooks hands the GIL over: another thread gets on, and then stops it."""
    def count():
        for _ in range(20):
            time.sleep(0.001)
        emu.stop()

    emu.hook_code(lambda emu, address, size: None)
    emu.memory.write(CODE, code(LOOP))
    thread = threading.Thread(target=count)
    thread.start()
    result = emu.run(CODE, timeout=60)
    thread.join()
    assert result.reason is StopReason.STOP


def child(program, *, send):
    """Run a program that prints one line when ready, send it a signal, return (output, status)."""
    script = textwrap.dedent(program)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True,
                               env=env)
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        process.send_signal(send)
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    return out, process.returncode


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("hook", ["", "emu.hook_code(lambda emu, address, size: None)"])
def test_ctrl_c(hook):
    out, status = child(f"""
        import signal
        from engine import Emulator
        from api.rv import CODE, addi, code, jal
        # A job in the background of a shell is born with SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        emu = Emulator("riscv64")
        emu.memory.map(CODE, 0x1000)
        emu.memory.write(CODE, code(addi("a0", "a0", 1), jal("zero", -4)))
        {hook}
        print("ready", flush=True)
        try:
            emu.run(CODE, timeout=20)
        except KeyboardInterrupt:
            n = emu.stats["instructions"]
            print("exact" if emu.regs.a0 == (n + 1) // 2 and emu.pc == CODE + n % 2 * 4 else "off")
            print(emu.run(count=2).count)
        """, send=signal.SIGINT)
    assert (out, status) == ("exact\n2\n", 0)


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_signal_handlers_run_and_the_run_goes_on():
    out, status = child("""
        import signal
        from engine import Emulator
        from api.rv import CODE, LOOP, code
        emu = Emulator("riscv64")
        emu.memory.map(CODE, 0x1000)
        emu.memory.write(CODE, code(LOOP))
        signal.signal(signal.SIGUSR1, lambda *args: print("handled", flush=True) or emu.stop())
        print("ready", flush=True)
        print(emu.run(CODE, timeout=20).reason.name)
        """, send=signal.SIGUSR1)
    assert (out, status) == ("handled\nSTOP\n", 0)
