"""`Uc` and `UcContext`: unicorn 2.1.4's Python interface over this engine.

What lives here: the class and what of it is called rarely. What does not: registers, memory, runs
and hooks (_core/api/uc.pyx), what an architecture is (arch.py), the C functions that some clients
call by ctypes (clib.py). Who calls it: users.
"""

import ctypes
import importlib
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

from engine._core.api import Emulator, Memory, Snapshot
from engine._core.api.uc import UcBase
from engine._core.api.uchooks import TlbEntry
from engine._core.api.ucregs import UcContextBase, UcError
from engine.errors import Error, MapError
from engine.unicorn import arch as arches
from engine.unicorn import unicorn_const as const
from engine.unicorn.clib import (
    HOOK_CODE_CFUNC,
    HOOK_EDGE_GEN_CFUNC,
    HOOK_INSN_INVALID_CFUNC,
    HOOK_INTR_CFUNC,
    HOOK_MEM_ACCESS_CFUNC,
    HOOK_MEM_INVALID_CFUNC,
    HOOK_TCG_OPCODE_CFUNC,
    HOOK_TLB_FILL_CFUNC,
    MMIO_READ_CFUNC,
    MMIO_WRITE_CFUNC,
    handle_of,
    uc_mem_region,
    uc_tb,
    uclib,
)
from engine.unicorn.hooks import EdgeHook, SubtractionHook
from engine.unicorn.unicorn_py3.arch.types import (
    UcReg128,
    UcReg256,
    UcReg512,
    uc_context,
    uc_engine,
    uc_err,
    uc_hook_h,
)

__version__ = "2.1.4"
__all__ = [
    "HOOK_CODE_CFUNC", "HOOK_EDGE_GEN_CFUNC", "HOOK_INSN_INVALID_CFUNC", "HOOK_INTR_CFUNC",
    "HOOK_MEM_ACCESS_CFUNC", "HOOK_MEM_INVALID_CFUNC", "HOOK_TCG_OPCODE_CFUNC",
    "HOOK_TLB_FILL_CFUNC", "MMIO_READ_CFUNC", "MMIO_WRITE_CFUNC", "RegStateManager", "Uc",
    "UcContext", "UcError", "UcReg128", "UcReg256", "UcReg512", "check_maxbits", "debug",
    "uc_arch_supported", "uc_context", "uc_engine", "uc_err", "uc_hook_h", "uc_mem_region", "uc_tb",
    "uc_tlb_entry", "uc_version", "uccallback", "uclib", "ucsubclass", "version_bind",
]

uc_tlb_entry = TlbEntry
RegStateManager = UcContextBase

PAGE = 4096
TCG_BUFFER_SIZE_MAX = 1 << 32
_T = TypeVar("_T")


def uc_version() -> tuple[int, int, int]:
    """(major, minor, combined) of the unicorn whose interface this is."""
    return 2, 1, 0x020104ff


def version_bind() -> tuple[int, int, int]:
    """(major, minor, combined), combined being major << 8 | minor."""
    return 2, 1, 2 << 8 | 1


def uc_arch_supported(atype: int) -> bool:
    """Whether this engine has a guest for UC_ARCH_*."""
    arch = arches.ARCHES.get(atype)
    return arch is not None and arch.supported()


def debug() -> str:
    """Which architectures there are, and the versions of interface and engine."""
    names = [arch.module for atype, arch in sorted(arches.ARCHES.items()) if arch.supported()]
    return f"python-{'-'.join(names)}-c2.1-b2.1-<engine>"


def ucsubclass(cls: type[_T]) -> type[_T]:
    """The class as it is: subclasses of `Uc` work without this decorator, too."""
    return cls


def uccallback(uc: "Uc", functype: Callable[[Any], _T]) -> Callable[[Callable[..., Any]], _T]:
    """A decorator that makes a C function of a hook; what it raises comes out of emu_start."""
    def decorate(func: Callable[..., Any]) -> _T:
        def guarded(*args: Any) -> Any:
            try:
                return func(uc, *args[1:])
            except BaseException as error:
                if uc._hook_exception is None:
                    uc._hook_exception = error
                uc.emu_stop()
                return 0
        return functype(guarded)
    return decorate


def check_maxbits(value: int, nbits: int) -> bool:
    """Whether an unsigned value fits in so many bits."""
    return value == value & (1 << nbits) - 1


class UcContext(UcContextBase):
    """Saved registers of a `Uc` (and its memory, in memory mode). It can be pickled, and restored
    into another engine of the same architecture and mode."""

    def __init__(self, arch: int, mode: int) -> None:
        """arch, mode: as `Uc` got them. UcError (ERR_ARCH, ERR_MODE): there is no such guest."""
        table, native = _guest_of(arch, mode)
        self.arch = arch
        self.mode = mode
        self._set_up(native, table)

    @property
    def context(self) -> bytes:
        """The saved registers as bytes."""
        return bytes(self)

    def __getstate__(self) -> tuple[bytes, int, int, int, Any]:
        memory = self.memory
        if isinstance(memory, Snapshot):
            memory = _copied(memory, _guest_of(self.arch, self.mode)[1])
        return bytes(self), self.size, self.arch, self.mode, memory

    def __setstate__(self, state: tuple[bytes, int, int, int, Any]) -> None:
        data, _, self.arch, self.mode, self.memory = state
        table, native = _guest_of(self.arch, self.mode)
        self._set_up(native, table)
        self._load(data)

    def __reduce__(self) -> tuple[Any, ...]:
        return UcContext.__new__, (UcContext,), self.__getstate__()


_Region = tuple[int, int, int, bytes]           # address, size, permissions, data


def _regions(memory: Memory) -> list[_Region]:
    """All memory that is no device's."""
    return [(region.address, region.size, int(region.perms),
             bytes(memory.read(region.address, region.size)))
            for region in memory.regions() if region.kind != "io"]


def _copied(snapshot: Snapshot, native: str) -> list[_Region]:
    """The memory in a snapshot, for what is no engine of its own."""
    with Emulator(native, fp=False) as reader:
        reader.restore(snapshot)
        return _regions(reader.memory)


def _guest_of(arch: int, mode: int) -> tuple[arches.Arch, str]:
    """The table and the engine's name of the guest, or UcError."""
    table = arches.ARCHES.get(arch)
    if table is None or not table.supported():
        raise UcError(const.UC_ERR_ARCH)
    bits = table.mode_bits(mode)
    if bits is None or table.natives[bits] not in arches.GUESTS:
        raise UcError(const.UC_ERR_MODE)
    return table, table.natives[bits]


def _check_perms(perms: int) -> None:
    assert perms & ~const.UC_PROT_ALL == 0, "unexpected perms bitmask"


def _check_range(address: int, size: int) -> tuple[int, int]:
    """Whole pages below 2**64, or UcError(UC_ERR_ARG)."""
    address &= 0xffffffffffffffff
    size &= 0xffffffffffffffff
    if size == 0 or address % PAGE or size % PAGE or address + size > 1 << 64:
        raise UcError(const.UC_ERR_ARG)
    return address, size


class Uc(UcBase):
    """A CPU with its memory, with the interface of unicorn 2.1.4.

    arch, mode: UC_ARCH_*, UC_MODE_*. cpu: UC_CPU_* of the architecture, or None for its default.

    It makes its engine when that is first needed. Plain subclasses work. What this engine has
    besides is in `emulator`, the native `engine.Emulator` under it.
    """

    def __init__(self, arch: int, mode: int, cpu: int | None = None) -> None:
        if arch not in arches.KNOWN:
            raise UcError(const.UC_ERR_ARCH)
        self._arch = arch
        self._mode = mode
        self._table, self._native = _guest_of(arch, mode)
        self._cpu: int | None = None
        self._buffer_size: int | None = None
        self._exits: list[int] = []
        self._use_exits = False
        self._tlb_mode: int = const.UC_TLB_CPU
        if arch in _CLASSES:
            self.__class__ = _mixed(type(self), arch)
        if cpu is not None:
            self.ctl_set_cpu_model(cpu)

    def _open(self) -> tuple[Emulator, arches.Arch]:
        if not hasattr(self, "_table"):
            raise UcError(const.UC_ERR_HANDLE)      # __init__ has not been called
        options = {} if self._cpu is None else self._cpus().get(self._cpu, {})
        emulator = Emulator(self._native, fp=False, segment_limits=False,
                            code_buffer=self._buffer_size, **options)
        for name, value in self._table.reset:
            emulator.reg_write(name, value)
        return emulator, self._table

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, '_native', 'not initialised')}>"

    @property
    def _uch(self) -> ctypes.c_void_p:
        """The handle that `uclib` knows this engine by."""
        return handle_of(self)

    @staticmethod
    def release_handle(uch: ctypes.c_void_p) -> None:
        """Nothing: an engine goes with its last reference."""

    # -- memory

    def mem_map(self, address: int, size: int, perms: int = const.UC_PROT_ALL) -> None:
        """Map zeroed memory, in whole pages of 4 KiB.

        UcError: UC_ERR_ARG for what is not whole pages, UC_ERR_MAP when something is there already,
        UC_ERR_NOMEM when the host refuses."""
        _check_perms(perms)
        address, size = _check_range(address, size)
        self._map(lambda: self._ready().memory.map(address, size, perms))

    def mem_map_ptr(self, address: int, size: int, perms: int, ptr: int) -> None:
        """Map host memory at `ptr` (an address), which must stay valid while it is mapped."""
        _check_perms(perms)
        address, size = _check_range(address, size)
        where = ptr.value if isinstance(ptr, ctypes.c_void_p) else ptr
        if not where:
            raise UcError(const.UC_ERR_ARG)
        buffer = (ctypes.c_ubyte * size).from_address(where)
        self._map(lambda: self._ready().memory.map_buffer(address, buffer, perms))

    def mmio_map(self, address: int, size: int,
                 read_cb: Callable[["Uc", int, int, Any], int] | None, read_ud: Any,
                 write_cb: Callable[["Uc", int, int, int, Any], None] | None,
                 write_ud: Any) -> None:
        """Map a device: loads call read_cb(uc, offset, size, read_ud), stores write_cb(uc, offset,
        size, value, write_ud). Accesses of 8 bytes are two of 4."""
        address, size = _check_range(address, size)
        self._map(lambda: self._mmio_map(address, size, read_cb, read_ud, write_cb, write_ud))

    def _map(self, action: Callable[[], None]) -> None:
        try:
            action()
        except MapError as error:
            refused = "no host" in str(error) or "refuses" in str(error)
            raise UcError(const.UC_ERR_NOMEM if refused else const.UC_ERR_MAP) from error

    def mem_unmap(self, address: int, size: int) -> None:
        """Unmap whole pages, all of which must be mapped (else UC_ERR_NOMEM)."""
        address, size = _check_range(address, size)
        try:
            self._ready().memory.unmap(address, size)
        except MapError as error:
            raise UcError(const.UC_ERR_NOMEM) from error

    def mem_protect(self, address: int, size: int, perms: int = const.UC_PROT_ALL) -> None:
        """Change the permissions of whole pages, all of which must be mapped (else ERR_NOMEM)."""
        _check_perms(perms)
        address, size = _check_range(address, size)
        try:
            self._ready().memory.protect(address, size, perms)
        except MapError as error:
            raise UcError(const.UC_ERR_NOMEM) from error

    def mem_regions(self) -> Iterator[tuple[int, int, int]]:
        """Iterate over (first address, last address, permissions) of what is mapped."""
        for region in self._ready().memory.regions():
            yield region.address, region.end - 1, int(region.perms)

    def vmem_read(self, address: int, size: int, prot: int = const.UC_PROT_READ) -> bytearray:
        """The bytes at a virtual address, through the MMU state of now."""
        return self._virtual(lambda: bytearray(self._ready().memory.read_virtual(address, size)),
                             const.UC_ERR_READ_UNMAPPED)

    def vmem_write(self, address: int, data: bytes, prot: int = const.UC_PROT_WRITE) -> None:
        """Write bytes at a virtual address, through the MMU state of now."""
        self._virtual(lambda: self._ready().memory.write_virtual(address, data),
                      const.UC_ERR_WRITE_UNMAPPED)

    def vmem_translate(self, address: int, prot: int = const.UC_PROT_READ) -> int:
        """The physical address of a virtual one."""
        found = self._ready().memory.translate(address)
        if found is None:
            raise UcError(const.UC_ERR_READ_UNMAPPED)
        return found

    @staticmethod
    def _virtual(action: Callable[[], _T], errno: int) -> _T:
        try:
            return action()
        except Error as error:
            raise UcError(errno) from error

    # -- hooks that are made of others

    def _special_hook(self, htype: int, callback: Callable[..., Any], aux1: int,
                      aux2: int) -> tuple[Callable[..., Any], int, Any]:
        if htype == const.UC_HOOK_EDGE_GENERATED:
            return EdgeHook(callback), arches.ON_BLOCK, None
        if htype == const.UC_HOOK_TCG_OPCODE and aux1 == const.UC_TCG_OP_SUB:
            wanted = () if aux2 & const.UC_TCG_OP_FLAG_CMP else self._table.subtractions
            return SubtractionHook(callback), arches.BEFORE, wanted
        if htype == const.UC_HOOK_INSN and aux1 in self._table.insns:
            if aux1 in (arches.IN, arches.OUT):
                self._claim_ports()
            return callback, *self._table.insns[aux1]
        raise UcError(const.UC_ERR_ARG)

    def _claim_ports(self) -> None:
        """All I/O ports call the hooks of IN and OUT."""
        ports = self._ready().ports
        if not len(ports):
            alive = weakref.ref(self)           # the ports must not keep the engine alive

            def read(port: int, size: int) -> int:
                uc = alive()
                return uc._port_in(port, size) if uc is not None else 0

            def write(port: int, size: int, value: int) -> None:
                uc = alive()
                if uc is not None:
                    uc._port_out(port, size, value)
            ports.map_io(0, 1 << 16, read, write)

    # -- contexts

    def context_save(self) -> UcContext:
        """A context with the registers of now (and memory, in memory mode)."""
        context = UcContext(self._arch, self._mode)
        self.context_update(context)
        return context

    def _can_snapshot(self) -> bool:
        """Devices and memory of others are not in contexts; in hooks there are no snapshots."""
        emulator = self._ready()
        return not emulator.running and all(region.kind == "ram"
                                            for region in emulator.memory.regions())

    def _memory(self) -> Snapshot | list[_Region]:
        if self._can_snapshot():
            return self._ready().snapshot()
        memory = self._ready().memory
        return self._virtual(lambda: _regions(memory), const.UC_ERR_READ_UNMAPPED)

    def _restore_memory(self, saved: Snapshot | list[_Region]) -> None:
        if isinstance(saved, Snapshot):
            if self._can_snapshot():
                self._ready().restore(saved)
                return
            saved = _copied(saved, self._native)
        memory = self._ready().memory
        wanted = {(address, size): perms for address, size, perms, _ in saved}
        for region in memory.regions():
            if region.kind != "io" and (region.address, region.size) not in wanted:
                memory.unmap(region.address, region.size)
        have = {(region.address, region.size): int(region.perms) for region in memory.regions()
                if region.kind != "io"}
        try:
            for address, size, perms, data in saved:
                if (address, size) not in have:
                    memory.map(address, size, perms)
                elif have[address, size] != perms:
                    memory.protect(address, size, perms)
                memory.write(address, data)
        except Error as error:          # a device is there now
            raise UcError(const.UC_ERR_MAP) from error

    # -- controls

    def query(self, prop: int) -> int:
        """UC_QUERY_MODE, PAGE_SIZE, ARCH, or TIMEOUT (whether the last run timed out)."""
        if prop == const.UC_QUERY_MODE:
            return self._mode
        if prop == const.UC_QUERY_PAGE_SIZE:
            return PAGE
        if prop == const.UC_QUERY_ARCH:
            return self._arch
        if prop == const.UC_QUERY_TIMEOUT:
            return int(self._timeout()[0])
        raise UcError(const.UC_ERR_ARG, prop)

    def ctl_get_mode(self) -> int:
        """The mode that the constructor got."""
        return self._mode

    def ctl_get_page_size(self) -> int:
        """Bytes a page: 4096."""
        return PAGE

    def ctl_set_page_size(self, val: int) -> None:
        """UcError(UC_ERR_ARG): no architecture here has another page size than its own."""
        raise UcError(const.UC_ERR_ARG)

    def ctl_get_arch(self) -> int:
        """UC_ARCH_*"""
        return self._arch

    def ctl_get_timeout(self) -> int:
        """The timeout of the last run in nanoseconds."""
        return self._timeout()[1]

    def ctl_exits_enabled(self, enable: bool) -> None:
        """Whether runs end at the addresses of ctl_set_exits instead of `until`."""
        self._use_exits = bool(enable)
        if not enable:
            self._exits = []
        self._set_exits(self._exits, self._use_exits)

    def _need_exits(self) -> None:
        if not self._use_exits:
            raise UcError(const.UC_ERR_ARG)

    def ctl_get_exits_cnt(self) -> int:
        """How many exits there are. UcError(UC_ERR_ARG): they are not enabled; so the next two."""
        self._need_exits()
        return len(self._exits)

    def ctl_get_exits(self) -> tuple[int, ...]:
        """The exits, sorted."""
        self._need_exits()
        return tuple(self._exits)

    def ctl_set_exits(self, exits: Sequence[int]) -> None:
        """Set the addresses where runs end."""
        self._need_exits()
        self._exits = sorted({value & 0xffffffffffffffff for value in exits})
        self._set_exits(self._exits, True)

    def ctl_get_cpu_model(self) -> int:
        """UC_CPU_* of the architecture."""
        if self._cpu is not None:
            return self._cpu
        return self._table.default_model[cast(int, self._table.mode_bits(self._mode))]

    def ctl_set_cpu_model(self, model: int) -> None:
        """Choose the model before the engine is first used: what it lacks is no instruction.

        Without a choice there is everything, as with models that the engine does not have
        (docs/unicorn.md). UcError(UC_ERR_ARG): too late, or unicorn has no such model."""
        if self.emulator is not None or not 0 <= model < self._table.n_cpus:
            raise UcError(const.UC_ERR_ARG)
        self._cpu = model

    def _cpus(self) -> dict[int, dict[str, Any]]:
        """UC_CPU_* -> options of the native engine."""
        return self._table.cpus[cast(int, self._table.mode_bits(self._mode))]

    def ctl_remove_cache(self, lbound: int, ubound: int) -> None:
        """Drop translated code. Never needed: writes to code are noticed."""
        self._ready().flush_code()

    def ctl_request_cache(self, addr: int) -> tuple[int, int, int]:
        """(pc, instructions, bytes) of the basic block at an address."""
        try:
            return uc_tb.at(self, addr).as_tuple()
        except Error as error:
            raise UcError(const.UC_ERR_FETCH_UNMAPPED) from error

    def ctl_flush_tb(self) -> None:
        """Drop all translated code."""
        self._ready().flush_code()

    def ctl_flush_tlb(self) -> None:
        """Forget all translations of addresses."""
        self._flush_tlb()

    def ctl_set_tlb_mode(self, mode: int) -> None:
        """UC_TLB_CPU: the guest's page tables translate; UC_TLB_VIRTUAL: TLB_FILL hooks do."""
        if mode not in (const.UC_TLB_CPU, const.UC_TLB_VIRTUAL):
            raise UcError(const.UC_ERR_ARG)
        self._tlb_mode = mode
        self._set_virtual_tlb(mode == const.UC_TLB_VIRTUAL)

    def ctl_tlb_mode(self, mode: int) -> None:
        """The old name of ctl_set_tlb_mode."""
        warnings.warn("ctl_tlb_mode is called ctl_set_tlb_mode now", DeprecationWarning,
                      stacklevel=2)
        self.ctl_set_tlb_mode(mode)

    def ctl_get_tcg_buffer_size(self) -> int:
        """Bytes of address space for translated code."""
        return self._code_buffer_size()

    def ctl_set_tcg_buffer_size(self, size: int) -> None:
        """Set that before the engine is first used."""
        if self.emulator is not None or not 1 << 16 <= size <= TCG_BUFFER_SIZE_MAX:
            raise UcError(const.UC_ERR_ARG)
        self._buffer_size = size

    def ctl_context_mode(self, mode: int) -> None:
        """What contexts hold: UC_CTL_CONTEXT_CPU, UC_CTL_CONTEXT_MEMORY, or both."""
        if not 1 <= mode <= 3:
            raise UcError(const.UC_ERR_ARG)
        self._context_mode = mode

    def ctl(self, ctl: int, op: int, *args: Any) -> None:
        """A control by number. op: UC_CTL_IO_WRITE takes values, UC_CTL_IO_READ ctypes pointers to
        write to, UC_CTL_IO_READ_WRITE values and then pointers."""
        values = [arg.value if isinstance(arg, ctypes._SimpleCData) else arg for arg in args]
        action = _CONTROLS.get((ctl, op))
        if action is None:
            raise UcError(const.UC_ERR_ARG)
        name, n_values = action
        if len(args) < n_values:
            raise UcError(const.UC_ERR_ARG)
        if ctl == const.UC_CTL_UC_EXITS:
            count = values[1]
            if op == const.UC_CTL_IO_WRITE:
                self.ctl_set_exits([values[0][index] for index in range(count)])
                return
            for index, value in enumerate(self.ctl_get_exits()[:count]):
                args[0][index] = value
            return
        answer = getattr(self, name)(*values[:n_values])
        for pointer in args[n_values:]:
            place = pointer._obj if hasattr(pointer, "_obj") else pointer.contents
            if isinstance(place, uc_tb):
                place.pc, place.icount, place.size = answer
            else:
                place.value = answer


# (control, direction) -> method, how many values it takes.
_CONTROLS = {
    (const.UC_CTL_UC_MODE, 2): ("ctl_get_mode", 0),
    (const.UC_CTL_UC_PAGE_SIZE, 1): ("ctl_set_page_size", 1),
    (const.UC_CTL_UC_PAGE_SIZE, 2): ("ctl_get_page_size", 0),
    (const.UC_CTL_UC_ARCH, 2): ("ctl_get_arch", 0),
    (const.UC_CTL_UC_TIMEOUT, 2): ("ctl_get_timeout", 0),
    (const.UC_CTL_UC_USE_EXITS, 1): ("ctl_exits_enabled", 1),
    (const.UC_CTL_UC_EXITS_CNT, 2): ("ctl_get_exits_cnt", 0),
    (const.UC_CTL_UC_EXITS, 1): ("ctl_set_exits", 2),
    (const.UC_CTL_UC_EXITS, 2): ("ctl_get_exits", 2),
    (const.UC_CTL_CPU_MODEL, 1): ("ctl_set_cpu_model", 1),
    (const.UC_CTL_CPU_MODEL, 2): ("ctl_get_cpu_model", 0),
    (const.UC_CTL_TB_REQUEST_CACHE, 3): ("ctl_request_cache", 1),
    (const.UC_CTL_TB_REMOVE_CACHE, 1): ("ctl_remove_cache", 2),
    (const.UC_CTL_TB_FLUSH, 1): ("ctl_flush_tb", 0),
    (const.UC_CTL_TLB_FLUSH, 1): ("ctl_flush_tlb", 0),
    (const.UC_CTL_TLB_TYPE, 1): ("ctl_set_tlb_mode", 1),
    (const.UC_CTL_TCG_BUFFER_SIZE, 1): ("ctl_set_tcg_buffer_size", 1),
    (const.UC_CTL_TCG_BUFFER_SIZE, 2): ("ctl_get_tcg_buffer_size", 0),
    (const.UC_CTL_CONTEXT_MODE, 1): ("ctl_context_mode", 1),
}


# UC_ARCH_* -> module and class with the methods of that architecture alone.
_CLASSES = {const.UC_ARCH_X86: ("intel", "UcIntel"), const.UC_ARCH_ARM: ("arm", "UcAArch32"),
            const.UC_ARCH_ARM64: ("arm64", "UcAArch64")}
_mixtures: dict[tuple[type, int], type] = {}


def _mixed(cls: type[Uc], arch: int) -> type[Uc]:
    """A class, or a subclass of a user's class, that has an architecture's methods, too."""
    key = cls, arch
    if key not in _mixtures:
        module, name = _CLASSES[arch]
        extra = getattr(importlib.import_module("engine.unicorn.unicorn_py3.arch." + module), name)
        _mixtures[key] = (extra if cls is Uc else cls if issubclass(cls, extra) else
                          type(cls.__name__, (cls, extra), {"__module__": cls.__module__}))
    return _mixtures[key]
