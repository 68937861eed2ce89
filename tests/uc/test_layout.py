"""Modules, names and numbers of unicorn's package; scripts that import it.

What lives here: constants against the installed package, `install`, `python -m engine.unicorn`, the
internals that some clients use. What does not: behaviour (test_compare.py, test_own.py).
"""

import ctypes
import importlib
import re
import subprocess
import sys

import pytest
from uc.rv import CODE, DATA, NOP, load

import engine.unicorn as u
from engine.errors import UnsupportedError
from engine.unicorn import arch as arches
from engine.unicorn import clib, riscv_const, tables, x86_const
from engine.unicorn.unicorn_py3 import unicorn as internals
from engine.unicorn.unicorn_py3.arch import arm, arm64, intel, types

MODULES = sorted(tables.TEXTS)


@pytest.mark.parametrize("module", MODULES)
def test_constants_are_those_of_the_package(module):
    pytest.importorskip("unicorn", reason="the package unicorn is not installed")
    theirs = vars(importlib.import_module(f"unicorn.{module}_const"))
    ours = vars(importlib.import_module(f"engine.unicorn.{module}_const"))
    wanted = {name: value for name, value in theirs.items() if name.startswith("UC_")}
    assert {name: value for name, value in ours.items() if name.startswith("UC_")} == wanted
    assert len(wanted) > 40


def test_public_names_are_those_of_the_package():
    theirs = pytest.importorskip("unicorn", reason="the package unicorn is not installed")
    missing = {name for name in vars(theirs) if not name.startswith("__")} - set(vars(u))
    assert missing <= {"sys"}
    for module in ("unicorn", "unicorn_py3.unicorn", "unicorn_py3.arch.types",
                   "unicorn_py3.arch.intel", "unicorn_py3.arch.arm", "unicorn_py3.arch.arm64"):
        their_names = {name for name, value in vars(importlib.import_module(
            "unicorn." + module)).items() if getattr(value, "__module__", "").startswith("unicorn")
            and not name.startswith("_")}
        assert their_names - set(vars(importlib.import_module("engine.unicorn." + module))) <= {
            "Arg", "UcLargeReg", "UcReg", "UcTupledReg", "UcTupledStruct", "VT",    # inner bases
            "UcError", "UcReg128", "UcReg256", "UcReg512", "uccallback"}            # imports


def test_methods_take_the_same_parameters():
    theirs = pytest.importorskip("unicorn", reason="the package unicorn is not installed")
    names = {name for name in dir(theirs.Uc) if not name.startswith("_")}
    assert names - set(dir(u.Uc)) <= {"Arg", "RegStateManager", "VT"}
    context = importlib.import_module("unicorn.unicorn").UcContext
    assert {name for name in dir(context) if not name.startswith("_")} - set(
        dir(internals.UcContext(u.UC_ARCH_RISCV, u.UC_MODE_RISCV64))) <= {"Arg", "VT"}


def test_words_of_the_table():
    assert tables.constants("riscv")["UC_RISCV_REG_X31"] == 32
    assert riscv_const.UC_RISCV_REG_A0 == riscv_const.UC_RISCV_REG_X10
    assert tables.constants("x86")["UC_X86_INS_SYSCALL"] == 699


def test_every_row_of_an_architecture_is_a_register_id():
    for arch in arches.ARCHES.values():
        ids = {number for name, number in tables.constants(arch.module).items() if "_REG_" in name}
        rows = arch.rows(next(iter(arch.natives.values())))
        assert set(rows) <= ids and len(rows) > 100
    x86 = tables.constants("x86")
    for native, count in (("x86_64", 160), ("i386", 90), ("x86_16", 90)):
        rows = arches.ARCHES[u.UC_ARCH_X86].rows(native)
        assert len(rows) > count
        assert rows[x86["UC_X86_REG_AH"]] == (arches.PART, ("rax",), 8, 8)
    rows = arches.ARCHES[u.UC_ARCH_X86].rows("x86_64")
    missing = {name[11:] for name, number in x86.items() if name.startswith("UC_X86_REG_")
               and number not in rows and not name.endswith(("_INVALID", "_ENDING"))}
    assert {re.sub(r"\d+", "", name) for name in missing} == {"K", "ZMM", "XMM", "YMM"}


SCRIPT = f"""
import sys
from unicorn import *
from unicorn.riscv_const import *
from unicorn.unicorn import UcContext
uc = Uc(UC_ARCH_RISCV, UC_MODE_RISCV64)
uc.mem_map({CODE}, 0x1000)
uc.mem_write({CODE}, {NOP!r})
uc.hook_add(UC_HOOK_CODE, lambda uc, address, size, data: print(hex(address), size))
uc.emu_start({CODE}, {CODE + 4})
print(sys.argv[1:], sys.modules["unicorn"].__file__.endswith("engine/unicorn/__init__.py"))
print(unicorn.__name__, type(uc).__module__)
import unicorn.x86_const, unicorn.unicorn_py3.arch.intel
import helper_beside
"""


def test_a_script_that_imports_unicorn(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    (tmp_path / "helper_beside.py").write_text("print('beside')")
    done = subprocess.run([sys.executable, "-m", "engine.unicorn", str(script), "a", "b"],
                          capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        hex(CODE) + " 4", "['a', 'b'] True",
        "engine.unicorn.unicorn engine.unicorn.unicorn_py3.unicorn", "beside"], done.stderr


def test_no_script():
    run = [sys.executable, "-m", "engine.unicorn"]
    assert subprocess.run(run, capture_output=True, check=False).returncode == 2


def test_install_refuses_when_the_other_one_is_loaded(monkeypatch):
    monkeypatch.setitem(sys.modules, "unicorn", types)
    with pytest.raises(UnsupportedError, match="another unicorn"):
        u.install()


def test_hooks_by_ctypes_as_speakeasy_adds_them():
    uc, seen = u.Uc(u.UC_ARCH_RISCV, u.UC_MODE_RISCV64), []
    uc.mem_map(CODE, 0x1000)
    uc.mem_map(DATA, 0x1000)
    uc.mem_write(CODE, load(8, 7, 6) + load(8, 7, 0))
    uc.reg_write(riscv_const.UC_RISCV_REG_X6, DATA)

    def code(handle, address, size, data):
        seen.append((handle == uc._uch.value, address, size, data))

    def invalid(handle, access, address, size, value, data):
        seen.append((access, address, size, value))
        return False
    keep = [internals.HOOK_CODE_CFUNC(code), internals.HOOK_MEM_INVALID_CFUNC(invalid)]
    handles = []
    for kind, function in zip((u.UC_HOOK_CODE, u.UC_HOOK_MEM_UNMAPPED), keep, strict=True):
        handle = types.uc_hook_h()
        status = internals.uclib.uc_hook_add(
            uc._uch, ctypes.byref(handle), kind, function, ctypes.cast(None, ctypes.c_void_p),
            ctypes.c_uint64(1), ctypes.c_uint64(0))
        assert status == u.UC_ERR_OK
        handles.append(handle)
    with pytest.raises(u.UcError, match="UC_ERR_READ_UNMAPPED"):
        uc.emu_start(CODE, CODE + 8)
    assert seen == [(True, CODE, 4, None), (True, CODE + 4, 4, None), (19, 0, 8, 0)]
    assert internals.uclib.uc_hook_del(uc._uch, handles[0]) == u.UC_ERR_OK
    assert internals.uclib.uc_hook_del(uc._uch, handles[0]) == u.UC_ERR_ARG
    seen.clear()
    uc.emu_start(CODE, CODE + 4)
    assert seen == []
    assert internals.uclib.uc_strerror(6) == b"Invalid memory read (UC_ERR_READ_UNMAPPED)"
    assert internals.uclib.uc_hook_add(ctypes.c_void_p(5), None, 4, None, None, 1, 0) \
        == u.UC_ERR_HANDLE
    buffer = ctypes.create_string_buffer(4)
    assert internals.uclib.uc_mem_write(uc._uch, DATA, b"abcd", 4) == u.UC_ERR_OK
    assert internals.uclib.uc_mem_read(uc._uch, DATA, buffer, 4) == u.UC_ERR_OK
    assert buffer.raw == b"abcd"
    with pytest.raises(u.UcError, match="UC_ERR_HANDLE"):
        clib.engine_of(None)


def test_hooks_of_x86_by_ctypes_as_speakeasy_adds_them():
    """INSN hooks get their instruction as one more argument; each kind has its own C type."""
    uc, seen = u.Uc(u.UC_ARCH_X86, u.UC_MODE_32), []
    uc.mem_map(CODE, 0x1000)
    uc.mem_map(DATA, 0x1000)
    # mov [DATA], ecx; int 0x2e; sysenter; mov eax, [0]
    uc.mem_write(CODE, bytes.fromhex("890d00002000 cd2e 0f34 a100000000"))
    uc.reg_write(x86_const.UC_X86_REG_ECX, 0xfffffffe)

    def write(handle, access, address, size, value, data):
        seen.append(("write", access, address, size, value, data))

    def interrupt(handle, number, data):
        seen.append(("interrupt", number, engine_of(handle) is uc))

    def call(handle, data):
        seen.append(("call", uc.reg_read(x86_const.UC_X86_REG_EIP)))
        uc.emu_stop()
    engine_of = clib.engine_of
    keep = [internals.HOOK_MEM_ACCESS_CFUNC(write), internals.HOOK_INTR_CFUNC(interrupt),
            intel.HOOK_INSN_SYSCALL_CFUNC(call)]
    for kind, function, args in ((u.UC_HOOK_MEM_WRITE, keep[0], ()), (u.UC_HOOK_INTR, keep[1], ()),
                                 (u.UC_HOOK_INSN, keep[2],
                                  (ctypes.c_int(x86_const.UC_X86_INS_SYSENTER),))):
        handle = types.uc_hook_h()
        assert internals.uclib.uc_hook_add(
            uc._uch, ctypes.byref(handle), kind, ctypes.cast(function, ctypes.c_void_p),
            ctypes.c_void_p(5), ctypes.c_uint64(1), ctypes.c_uint64(0), *args) == u.UC_ERR_OK
    uc.emu_start(CODE, CODE + 0x100)
    assert seen == [("write", 17, DATA, 4, 0xfffffffe, 5), ("interrupt", 0x2e, True),
                    ("call", CODE + 8)]


def test_structures_and_helpers():
    assert types.UcReg128.from_value(1 << 64 | 5).value == 1 << 64 | 5
    assert types.UcReg256.from_value(-1).value == (1 << 256) - 1
    assert ctypes.sizeof(types.UcReg512) == 64
    with pytest.raises(TypeError):
        types.UcReg128.from_value(1.5)
    assert internals.check_maxbits(7, 3) and not internals.check_maxbits(8, 3)
    assert intel.UcRegMMR(1, 2, 3, 4).limit == 3 and intel.UcRegMSR(1, 2).val == 2
    assert intel.UcRegFPR(1, 2).exponent == 2
    assert arm.UcRegCP(val=5).val == 5 and arm64.UcRegCP64(op2=5).op2 == 5
    assert arm64.CpReg(1, 2, 3, 4, 5, 6).val == 6
    assert "riscv" in u.debug()


def test_uccallback_keeps_the_exception():
    uc = u.Uc(u.UC_ARCH_RISCV, u.UC_MODE_RISCV64)

    @internals.uccallback(uc, internals.HOOK_INSN_INVALID_CFUNC)
    def fail(uc, data):
        raise LookupError("kept")
    fail(uc._uch, None)
    assert isinstance(uc._hook_exception, LookupError)


def hooks_of_c(package, internals, types, constants):
    """Code and memory hooks that are C functions: what they are told."""
    uc, seen = package.Uc(package.UC_ARCH_X86, package.UC_MODE_64), []
    uc.mem_map(CODE, 0x1000)
    uc.mem_map(DATA, 0x1000)
    # mov [rdi], eax; movups xmm0, [rdi]; movups [rdi+16], xmm0; mov ax, [rdi+2]; mov [rsi], al
    uc.mem_write(CODE, bytes.fromhex("8907 0f1007 0f114710 668b4702 8806"))
    uc.reg_write(constants.UC_X86_REG_RDI, DATA)
    uc.reg_write(constants.UC_X86_REG_RAX, 0x8182838485868788)
    handles = {}

    def code(handle, address, size, data):
        seen.append((handle == uc._uch.value, address, size, data))
        if address == CODE + 13:
            internals.uclib.uc_hook_del(uc._uch, handles["code"])

    def access(handle, access, address, size, value, data):
        seen.append((access, address, size, value & 0xFFFFFFFF if access == 17 else None, data))

    keep = {"code": (package.UC_HOOK_CODE, internals.HOOK_CODE_CFUNC(code), 5),
            "access": (package.UC_HOOK_MEM_READ | package.UC_HOOK_MEM_WRITE,
                       internals.HOOK_MEM_ACCESS_CFUNC(access), 1 << 40)}
    for name, (kind, function, data) in keep.items():
        handles[name] = types.uc_hook_h()
        assert internals.uclib.uc_hook_add(
            uc._uch, ctypes.byref(handles[name]), kind, function, ctypes.c_void_p(data),
            ctypes.c_uint64(1), ctypes.c_uint64(0)) == package.UC_ERR_OK
    with pytest.raises(package.UcError, match="UC_ERR_WRITE_UNMAPPED"):
        uc.emu_start(CODE, CODE + 15)
    return seen


def test_hooks_of_c_are_told_the_same():
    theirs = pytest.importorskip("unicorn", reason="needs unicorn (pip install unicorn)")
    import unicorn.unicorn_py3.unicorn as their_internals
    from unicorn import x86_const as their_constants
    from unicorn.unicorn_py3.arch import types as their_types

    ours = hooks_of_c(u, internals, types, importlib.import_module("engine.unicorn.x86_const"))
    assert ours == hooks_of_c(theirs, their_internals, their_types, their_constants)
    assert len(ours) > 8
