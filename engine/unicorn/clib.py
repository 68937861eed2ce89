"""The C side of unicorn as some of its Python clients use it: types, and functions by ctypes.

What lives here: the types of C callbacks, structures, and `uclib`, whose functions take a handle
(`Uc._uch`) and ctypes function pointers and answer UC_ERR_*. What does not: the engine. Who calls
it: unicorn_py3/unicorn.py, clients such as Speakeasy 2.
"""

import ctypes
import weakref
from collections.abc import Callable
from typing import Any

from engine._core.api.ucregs import UcError, error_text
from engine.errors import MemoryFault
from engine.unicorn import unicorn_const as const
from engine.unicorn import x86_const as x86

_p, _u32, _u64, _int = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int


class uc_mem_region(ctypes.Structure):
    """A mapped range: first address, last address, permissions."""

    _fields_ = (("begin", _u64), ("end", _u64), ("perms", _u32))


class uc_tb(ctypes.Structure):
    """A basic block: pc, instructions, bytes."""

    _fields_ = (("pc", _u64), ("icount", ctypes.c_uint16), ("size", ctypes.c_uint16))
    pc: int
    icount: int
    size: int

    @classmethod
    def at(cls, uc: Any, address: int, length: int | None = None) -> "uc_tb":
        """The block at an address, as the guest's decoder sees it; length: its bytes, if known."""
        emulator = uc._ready()
        count = size = 0
        while count < 512 and (length is None or size < length):
            try:
                insn = emulator.disassemble(address + size)[0]
            except MemoryFault:
                if length is None and not count:
                    raise
                break                   # the page was unmapped since
            count += 1
            size += insn.size
            if length is None and (_ends_block(insn.mnemonic)
                                   or address + size not in emulator.memory):
                break
        return cls(address, count, size)

    def as_tuple(self) -> tuple[int, int, int]:
        """(pc, icount, size)"""
        return self.pc, self.icount, self.size


def _ends_block(mnemonic: str) -> bool:
    return mnemonic.removeprefix("c.").startswith(_BRANCHES)


# How mnemonics of instructions begin that a block ends with.
_BRANCHES = ("b", "j", "call", "ret", "ecall", "ebreak", "mret", "sret", "wfi", "fence.i", "sfence",
             ".byte", "loop", "int", "sys", "iret", "hlt", "ud2", "csr", "fence")


class uc_tlb_entry(ctypes.Structure):
    """What a TLB_FILL callback fills in."""

    _fields_ = (("paddr", _u64), ("perms", _u32))


HOOK_INTR_CFUNC = ctypes.CFUNCTYPE(None, _p, _u32, _p)
HOOK_CODE_CFUNC = ctypes.CFUNCTYPE(None, _p, _u64, ctypes.c_size_t, _p)
HOOK_MEM_INVALID_CFUNC = ctypes.CFUNCTYPE(ctypes.c_bool, _p, _int, _u64, _int, ctypes.c_int64, _p)
HOOK_MEM_ACCESS_CFUNC = ctypes.CFUNCTYPE(None, _p, _int, _u64, _int, ctypes.c_int64, _p)
HOOK_INSN_INVALID_CFUNC = ctypes.CFUNCTYPE(ctypes.c_bool, _p, _p)
HOOK_EDGE_GEN_CFUNC = ctypes.CFUNCTYPE(None, _p, ctypes.POINTER(uc_tb), ctypes.POINTER(uc_tb), _p)
HOOK_TCG_OPCODE_CFUNC = ctypes.CFUNCTYPE(None, _p, _u64, _u64, _u64, _u32, _p)
HOOK_TLB_FILL_CFUNC = ctypes.CFUNCTYPE(ctypes.c_bool, _p, _u64, _int, ctypes.POINTER(uc_tlb_entry),
                                       _p)
HOOK_INSN_IN_CFUNC = ctypes.CFUNCTYPE(_u32, _p, _u32, _int, _p)
HOOK_INSN_OUT_CFUNC = ctypes.CFUNCTYPE(None, _p, _u32, _int, _u32, _p)
HOOK_INSN_SYSCALL_CFUNC = ctypes.CFUNCTYPE(None, _p, _p)
HOOK_INSN_CPUID_CFUNC = ctypes.CFUNCTYPE(_u32, _p, _p)
MMIO_READ_CFUNC = ctypes.CFUNCTYPE(_u64, _p, _u64, _u32, _p)
MMIO_WRITE_CFUNC = ctypes.CFUNCTYPE(None, _p, _u64, _u32, _u64, _p)

_SHAPES: tuple[tuple[int, Any], ...] = (
    (const.UC_HOOK_INTR, HOOK_INTR_CFUNC),
    (int(const.UC_HOOK_CODE) | int(const.UC_HOOK_BLOCK), HOOK_CODE_CFUNC),
    (const.UC_HOOK_MEM_INVALID, HOOK_MEM_INVALID_CFUNC),
    (int(const.UC_HOOK_MEM_VALID) | int(const.UC_HOOK_MEM_READ_AFTER), HOOK_MEM_ACCESS_CFUNC),
    (const.UC_HOOK_INSN_INVALID, HOOK_INSN_INVALID_CFUNC),
)

# By instruction, the first of the further arguments. All others: as CPUID.
_INSN_SHAPES: dict[int, Any] = {x86.UC_X86_INS_IN: HOOK_INSN_IN_CFUNC,
                                x86.UC_X86_INS_OUT: HOOK_INSN_OUT_CFUNC,
                                x86.UC_X86_INS_SYSCALL: HOOK_INSN_SYSCALL_CFUNC,
                                x86.UC_X86_INS_SYSENTER: HOOK_INSN_SYSCALL_CFUNC}

_engines: "weakref.WeakValueDictionary[int, Any]" = weakref.WeakValueDictionary()


def handle_of(uc: Any) -> ctypes.c_void_p:
    """The handle of an engine, which stays its own while it lives: C functions get its address."""
    _engines[id(uc)] = uc
    return ctypes.c_void_p(id(uc))


def engine_of(handle: Any) -> Any:
    """The engine of a handle. UcError(UC_ERR_HANDLE): it has none, or is gone."""
    number = getattr(handle, "value", handle)
    found = _engines.get(number) if isinstance(number, int) else None
    if found is None:
        raise UcError(const.UC_ERR_HANDLE)
    return found


def _number(value: Any) -> int:
    return int(getattr(value, "value", value) or 0)


def _guarded(function: Callable[..., None]) -> Callable[..., int]:
    """A function that answers UC_ERR_* instead of raising UcError."""
    def call(*args: Any) -> int:
        try:
            function(*args)
        except UcError as error:
            return error.errno
        except KeyError:
            return int(const.UC_ERR_ARG)
        return int(const.UC_ERR_OK)
    return call


def _hook_add(handle: Any, out: Any, htype: Any, callback: Any, user_data: Any, begin: Any,
              end: Any, *args: Any) -> None:
    uc = engine_of(handle)
    kind = _number(htype)
    shape = next((shape for bits, shape in _SHAPES if kind and not kind & ~bits), None)
    if kind == const.UC_HOOK_INSN and args:
        shape = _INSN_SHAPES.get(_number(args[0]), HOOK_INSN_CPUID_CFUNC)
    if shape is None:
        raise UcError(const.UC_ERR_ARG)
    function = ctypes.cast(callback, shape)
    data = ctypes.cast(user_data, _p).value if user_data is not None else None
    number = handle_of(uc).value

    def call(_: Any, *rest: Any) -> Any:
        return function(number, *rest[:-1], data)

    call.keep = callback                        # type: ignore[attr-defined]
    place = out._obj if hasattr(out, "_obj") else out.contents
    place.value = uc.hook_add(kind, call, None, _number(begin), _number(end),
                              *(_number(arg) for arg in args))
    if shape in (HOOK_CODE_CFUNC, HOOK_MEM_ACCESS_CFUNC):
        # The hot ones are called as what they are.
        uc._hook_pointer(place.value, ctypes.cast(callback, _p).value, data or 0)


def _hook_del(handle: Any, hook: Any) -> None:
    engine_of(handle).hook_del(_number(hook))


def _strerror(errno: Any) -> bytes:
    return error_text(_number(errno)).encode()


def _emu_stop(handle: Any) -> None:
    engine_of(handle).emu_stop()


def _mem_read(handle: Any, address: Any, out: Any, size: Any) -> None:
    data = engine_of(handle).mem_read(_number(address), _number(size))
    ctypes.memmove(ctypes.cast(out, _p), bytes(data), len(data))


def _mem_write(handle: Any, address: Any, data: Any, size: Any) -> None:
    engine_of(handle).mem_write(_number(address),
                                ctypes.string_at(ctypes.cast(data, _p), _number(size)))


class _Library:
    """The functions of unicorn's C library that have a meaning without its C engine."""

    uc_hook_add = staticmethod(_guarded(_hook_add))
    uc_hook_del = staticmethod(_guarded(_hook_del))
    uc_emu_stop = staticmethod(_guarded(_emu_stop))
    uc_mem_read = staticmethod(_guarded(_mem_read))
    uc_mem_write = staticmethod(_guarded(_mem_write))
    uc_strerror = staticmethod(_strerror)

    def __repr__(self) -> str:
        return "<uclib of engine.unicorn>"


uclib = _Library()
