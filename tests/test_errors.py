"""Errors: what they carry, what they say, where they were born."""

import copy
import inspect
import pickle

import pytest

from engine import errors


def test_error_carries_message_hint_and_class():
    error = errors.Error("it broke", hint="mend it")
    assert (error.cls, error.message, error.hint) == ("Error", "it broke", "mend it")
    assert str(error) == "it broke\nmend it"
    assert str(errors.Error("it broke")) == "it broke"
    assert error.args == ("it broke",)


def create_error():
    return errors.MapError("overlap"), inspect.currentframe().f_lineno


def test_error_knows_its_birthplace_not_where_it_is_raised():
    error, line = create_error()
    with pytest.raises(errors.MapError) as caught:
        raise error
    assert caught.value.file == __file__
    assert caught.value.line == line
    assert caught.value.function == "create_error"


def test_birthplace_is_outside_the_constructors_of_subclasses():
    class Local(errors.MemoryFault):
        def __init__(self):
            super().__init__("unmapped", address=0, access="read", size=1, pc=0)

    error = Local()
    assert error.function == "test_birthplace_is_outside_the_constructors_of_subclasses"
    assert error.cls == "Local"


def test_birthplace_inside_the_constructor_of_another_object():
    class Owner:
        def __init__(self):
            self.error = errors.Error("inside")

    assert Owner().error.function == "__init__"


@pytest.mark.parametrize(("cls", "builtin"), [
    (errors.ArgumentError, ValueError), (errors.ArgumentTypeError, TypeError),
    (errors.MapError, ValueError), (errors.EngineBusyError, RuntimeError),
    (errors.UnsupportedError, NotImplementedError)])
def test_errors_are_caught_as_their_builtin_kind(cls, builtin):
    with pytest.raises(builtin):
        raise cls("x")
    assert issubclass(cls, errors.Error)


@pytest.mark.parametrize(("kind", "words"), [
    ("unmapped", "nothing is mapped there"), ("protected", "permissions"),
    ("misaligned", "not aligned"), ("page", "page tables"), ("io", "device")])
def test_memory_fault_says_access_size_address_pc_and_reason(kind, words):
    fault = errors.MemoryFault(kind, address=0xdead0000, access="write", size=8, pc=0x1004)
    assert isinstance(fault, errors.GuestFault)
    assert (fault.address, fault.access, fault.size, fault.pc) == (0xdead0000, "write", 8, 0x1004)
    assert fault.kind == kind
    assert words in fault.reason
    for part in ("write of 8 bytes", "0xdead0000", "0x1004", fault.reason):
        assert part in fault.message


def test_memory_fault_of_one_byte_and_of_a_fetch():
    assert "read of 1 byte at" in errors.MemoryFault(
        "unmapped", address=1, access="read", size=1, pc=2).message
    assert "instruction fetch of 4 bytes" in errors.MemoryFault(
        "protected", address=1, access="fetch", size=4, pc=2).message


def test_memory_fault_own_reason_and_hint():
    fault = errors.MemoryFault("page", address=1, access="read", size=2, pc=3,
                               reason="the page is for the supervisor", hint="set sstatus.SUM")
    assert "the page is for the supervisor" in str(fault)
    assert str(fault).endswith("set sstatus.SUM")


def test_faults_refuse_nonsense():
    with pytest.raises(errors.ArgumentError, match="access must be"):
        errors.MemoryFault("unmapped", address=0, access="jump", size=1, pc=0)
    with pytest.raises(errors.ArgumentError, match="kind of memory fault"):
        errors.MemoryFault("strange", address=0, access="read", size=1, pc=0)


def test_instruction_fault_shows_bytes_and_disassembly():
    fault = errors.InstructionFault(b"\xff\xff\xff\xff", pc=0x2000, disassembly=".word 0xffffffff")
    assert fault.bytes == b"\xff" * 4
    assert (fault.address, fault.access, fault.size, fault.pc) == (0x2000, "fetch", 4, 0x2000)
    assert fault.message == (
        "undefined instruction at pc 0x2000: bytes ff ff ff ff (.word 0xffffffff)")
    assert "bytes none" in errors.InstructionFault(b"", pc=0).message


def test_guest_exception_names_the_cause():
    error = errors.GuestException(8, "environment call from U-mode", pc=0x100)
    assert error.message == "guest exception 8 (environment call from U-mode) at pc 0x100"
    assert (error.cause, error.name, error.tval, error.pc) == (
        8, "environment call from U-mode", 0, 0x100)
    assert "value 0x44" in errors.GuestException(3, "breakpoint", pc=0, tval=0x44).message


@pytest.mark.parametrize("error", [
    errors.Error("a", hint="b"), errors.LoaderError("c"),
    errors.MemoryFault("io", address=1, access="read", size=2, pc=3),
    errors.InstructionFault(b"\x00", pc=4), errors.GuestException(1, "n", pc=2, tval=3)])
def test_errors_survive_copy_and_pickle_with_their_birthplace(error):
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)
