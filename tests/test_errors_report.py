"""Rows 35 and 59: collectors, sentinels, place of birth, reports; in child processes where they end
the process."""

import copy
import errno
import os
import pickle
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from engine import errors
from engine.errors import Error, ErrorClass, ErrorSlot

ROOT = Path(errors.__file__).resolve().parent.parent     # of the package under test
CHECKOUT = Path(__file__).resolve().parent.parent        # an installed package has no .pyx


def child(tmp_path, code):
    """Runs a script that finds the engine; CompletedProcess with text."""
    file = tmp_path / "child.py"
    file.write_text("from engine.errors import *\n" + textwrap.dedent(code))
    return subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}), file


def died_by_abort(done):
    if sys.platform == "win32":
        return done.returncode == 3
    return done.returncode == -signal.SIGABRT


def test_row_35_abort_reports_where_the_error_was_born(tmp_path):
    done, file = child(tmp_path, """
        def creator():
            error_setg(error_abort, "the %s of %d", "end", 7)   # line 3
        creator()
        print("not reached")
    """)
    assert died_by_abort(done)
    lines = done.stderr.splitlines()
    assert lines[0] == f"Unexpected error in creator() at {file}:4:"
    assert lines[1] == "child.py: the end of 7"
    assert len(lines) == 2 and done.stdout == ""


def test_row_35_abort_through_propagate_reports_the_creation(tmp_path):
    done, file = child(tmp_path, """
        def creator(errp):
            error_setg_errno(errp, 2, "no such thing")
        def user(errp):
            slot = ErrorSlot()
            creator(slot)
            error_propagate(errp, slot.error)
        user(error_abort)
    """)
    assert died_by_abort(done)
    first, second = done.stderr.splitlines()
    assert first == f"Unexpected error in creator() at {file}:4:"
    assert second == f"child.py: no such thing: {os.strerror(2)}"


def test_row_35_errno_text_is_there_with_the_sentinel(tmp_path):
    # the suffix was added behind the abort in the original
    done, _ = child(tmp_path, f'error_setg_errno(error_abort, {errno.EACCES}, "locked")')
    assert died_by_abort(done)
    assert done.stderr.splitlines()[1].endswith(f"locked: {os.strerror(errno.EACCES)}")


def test_row_35_raised_exception_into_abort(tmp_path):
    done, file = child(tmp_path, """
        def thrower():
            raise MapError("overlap", hint="unmap that first")
        with collect(error_abort):
            thrower()
    """)
    assert died_by_abort(done)
    assert done.stderr.splitlines() == [
        f"Unexpected error in thrower() at {file}:4:", "child.py: overlap", "unmap that first"]


def test_row_35_fatal_reports_and_exits_with_1(tmp_path):
    done, _ = child(tmp_path, """
        error_set_progname("prog")
        error_setg(error_fatal, "cannot go on")
        print("not reached")
    """)
    assert done.returncode == 1
    assert done.stderr == "prog: cannot go on\n" and done.stdout == ""


def test_row_35_fatal_through_propagate_shows_the_hint(tmp_path):
    done, _ = child(tmp_path, """
        slot = ErrorSlot()
        error_setg(slot, "cannot go on")
        error_append_hint(slot, "try %s\\n", "again")
        error_append_hint(slot, "or not\\n")
        error_propagate(error_fatal, slot.error)
    """)
    assert done.returncode == 1
    assert done.stderr == "child.py: cannot go on\ntry again\nor not\n"


def test_row_35_free_or_abort(tmp_path):
    slot = ErrorSlot()
    errors.error_setg(slot, "expected")
    errors.error_free_or_abort(slot)
    assert not slot
    done, _ = child(tmp_path, "error_free_or_abort(ErrorSlot())")
    assert died_by_abort(done)


def test_row_35_hint_of_a_sentinel_is_refused():
    errors.error_append_hint(None, "nobody listens")
    with pytest.raises(AssertionError):
        errors.error_append_hint(errors.error_abort, "x")
    with pytest.raises(AssertionError):
        errors.error_append_hint(ErrorSlot(), "no error yet")


def make(errp, text="made here"):
    errors.error_setg(errp, text)


def test_row_35_creation_fills_a_slot_with_file_line_function():
    slot = ErrorSlot()
    make(slot)
    error = slot.error
    assert (error.message, error.function, error.file) == ("made here", "make", __file__)
    assert error.line == make.__code__.co_firstlineno + 1
    assert errors.error_get_class(error) is ErrorClass.GENERIC_ERROR
    with pytest.raises(AssertionError):
        make(slot, "again")
    make(None)      # nothing is created, nothing happens


def test_row_35_first_error_wins():
    slot, first, second = ErrorSlot(), ErrorSlot(), ErrorSlot()
    make(first, "first")
    make(second, "second")
    errors.error_propagate(slot, None)
    assert not slot
    errors.error_propagate(slot, first.error)
    errors.error_propagate(slot, second.error)
    assert slot.error is first.error and slot.error.message == "first"
    errors.error_propagate(None, second.error)


def test_row_35_errno_and_file_open_forms():
    slot = ErrorSlot()
    errors.error_setg_errno(slot, errno.EINVAL, "bad %s", "size")
    assert slot.error.message == f"bad size: {os.strerror(errno.EINVAL)}"
    assert slot.error.errno == errno.EINVAL
    slot = ErrorSlot()
    errors.error_setg_errno(slot, 0, "plain")
    assert (slot.error.message, slot.error.errno) == ("plain", None)
    slot = ErrorSlot()
    errors.error_setg_file_open(slot, errno.ENOENT, "/no/file")
    assert slot.error.message == f"Could not open '/no/file': {os.strerror(errno.ENOENT)}"
    assert slot.error.function == "test_row_35_errno_and_file_open_forms"


def test_row_35_internal_forms_take_the_location():
    for set_it in (
            lambda slot: errors.error_setg_internal(slot, "f.c", 12, "fn", "m %d", 1),
            lambda slot: errors.error_setg_errno_internal(slot, "f.c", 12, "fn", 0, "m 1"),
            lambda slot: errors.error_set_internal(slot, "f.c", 12, "fn",
                                                   ErrorClass.GENERIC_ERROR, "m 1")):
        slot = ErrorSlot()
        set_it(slot)
        error = slot.error
        assert (error.file, error.line, error.function, error.message) == ("f.c", 12, "fn", "m 1")
    slot = ErrorSlot()
    errors.error_setg_file_open_internal(slot, "g.c", 1, "o", errno.ENOENT, "n")
    assert (slot.error.file, slot.error.line, slot.error.function) == ("g.c", 1, "o")


def test_row_35_classes_and_copies():
    slot = ErrorSlot()
    errors.error_set(slot, ErrorClass.DEVICE_NOT_FOUND, "Device '%s' not found", "d")
    assert isinstance(slot.error, errors.DeviceNotFoundError)
    assert errors.error_get_class(slot.error) is ErrorClass.DEVICE_NOT_FOUND
    slot2 = ErrorSlot()
    errors.error_set(slot2, ErrorClass.COMMAND_NOT_FOUND, "which")
    assert errors.error_get_class(slot2.error) is ErrorClass.COMMAND_NOT_FOUND
    assert errors.error_get_class(Error("x")) is ErrorClass.GENERIC_ERROR
    errors.error_append_hint(slot, "look elsewhere")
    twin = errors.error_copy(slot.error)
    assert twin is not slot.error and type(twin) is type(slot.error)
    assert errors.error_get_pretty(twin) == "Device 'd' not found"
    assert (twin.hint, twin.file, twin.line, twin.function) == (
        slot.error.hint, slot.error.file, slot.error.line, slot.error.function)
    errors.error_free(twin)
    errors.error_free(None)


def test_row_35_report_prints_program_and_message(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/tool.py"])
    errors.error_report_err(Error("it broke", hint="mend it"))
    assert capsys.readouterr().err == "tool.py: it broke\nmend it\n"


def test_row_35_collect_hands_on_engine_errors_only():
    slot = ErrorSlot()
    with errors.collect(slot):
        raise errors.MapError("kept")
    assert slot.error.message == "kept"
    with errors.collect(slot):
        raise errors.MapError("dropped: the first wins")
    assert slot.error.message == "kept"
    with pytest.raises(ZeroDivisionError), errors.collect(slot):
        _ = 1 // 0


# ---------------------------------------------------------------- errors of compiled modules

def raise_in_cython():
    from engine.crypto.aes import AESKey
    AESKey().block(b"", bytearray(16), False)


def pyx_line(file, text):
    lines = (CHECKOUT / file).read_text(encoding="utf-8").splitlines()
    return [number for number, line in enumerate(lines, 1) if text in line]


def test_row_35_errors_of_cython_point_at_the_pyx_line():
    pytest.importorskip("engine._core.api")
    with pytest.raises(Error, match="a block is 16 bytes") as caught:
        raise_in_cython()
    error = caught.value
    assert error.file.endswith("engine/_core/api/crypto.pyx")
    assert error.function == "AESContext.block"
    assert error.line in pyx_line("engine/_core/api/crypto.pyx", '"a block is 16 bytes"')
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error)), errors.error_copy(error)):
        assert (twin.file, twin.line, twin.function) == (error.file, error.line, error.function)
    slot = ErrorSlot()
    with errors.collect(slot):
        raise_in_cython()
    assert (slot.error.file, slot.error.line) == (error.file, error.line)


def test_row_35_error_of_a_callback_keeps_its_python_birthplace():
    # sorted() stands for compiled code between the creator and the handler
    def key(_):
        raise Error("from the callback")

    with pytest.raises(Error) as caught:
        sorted([1, 2], key=key)
    assert (caught.value.function, caught.value.file) == ("key", __file__)


# ---------------------------------------------------------------- row 59

def test_row_59_qerror_objects_are_gone():
    from engine import qobject
    gone = ("qerror_report", "qerror_report_err", "qerror_human", "QError", "qerror_from_info",
            "qobject_to_qerror")
    for module in (errors, qobject):
        assert not [name for name in gone if hasattr(module, name)]
    from engine.qom import messages
    assert not [name for name in gone if hasattr(messages, name)]
    assert "obsolete" in messages.__doc__
    error = Error(messages.QERR_MISSING_PARAMETER % "id")
    assert "id" in error.message and error.error_class is ErrorClass.GENERIC_ERROR


def test_row_59_every_raise_in_the_engine_is_an_engine_error():
    """No module raises a bare builtin where a caller would look for `errors.Error`."""
    builtin = re.compile(
        r"^\s*raise (ValueError|TypeError|KeyError|RuntimeError|MemoryError|AttributeError|"
        r"BufferError|OSError|IndexError|OverflowError|LookupError|NotImplementedError|Exception)"
        r"\b(?!.*# protocol)")
    wrong = []
    for path in sorted((CHECKOUT / "engine").rglob("*.py*")):
        if path.suffix not in (".py", ".pyx", ".pxi") or "gen" in path.parts:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if builtin.match(line):
                wrong.append(f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()}")
    assert not wrong, "\n".join(wrong)
