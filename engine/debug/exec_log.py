"""What an emulator does, as lines of the log (`engine.util.log`), by category.

What lives here: the hooks that a category needs, the text of the lines. What does not: categories,
mask and sink (`engine.util.log`). Who calls it: `engine run -d`, users:

    log.set_stream(); log.set_level(log.mask_from_text("int,mmu"))
    with ExecLog(emu):
        emu.run()

Hooks are armed for the chosen categories only, so the others cost nothing; with an empty mask
nothing is armed at all. The mask is looked at when the ExecLog is made.

Lines: in_asm the code of each block when it is first met; op, op_opt and out_asm the intermediate
and host code of these blocks, written when the log is closed (a block cannot be translated for show
in mid-run);
exec each block; cpu the registers before each block; cpu_reset the registers of an emulator that
has not run yet; int exceptions and interrupts; mmu pages that enter the TLB and
accesses that fail, with the physical address and the permissions there; guest_errors bytes that are
no instruction. The rest has no source of lines yet: `SILENT`.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from ..errors import Error
from ..util import log
from ..util.log import Category
from .dump import host_lines

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._core.api import Access, Emulator, Fault, Hook, Prot

__all__ = [
    "ExecLog",
    "SILENT",
]

SILENT: Category = (Category.PCALL | Category.IOPORT | Category.UNIMP
                    | Category.NOCHAIN)
"""Categories that this module knows no source of lines for. Other modules may write them; `nochain`
needs none, because every block is seen while a block hook is armed."""

_TRANSLATION = Category.OP | Category.OP_OPT | Category.OUT_ASM
_BLOCK = Category.IN_ASM | _TRANSLATION | Category.EXEC | Category.CPU
_PERMS = ((1, "r"), (2, "w"), (4, "x"))


def _letters(perms: Prot) -> str:
    return "".join(name if perms & bit else "-" for bit, name in _PERMS)


class ExecLog:
    """Writes the chosen categories' lines about one emulator until it is closed."""

    def __init__(self, emu: Emulator, mask: int | None = None) -> None:
        self.emu = emu
        self.mask = Category(log.level if mask is None else mask)
        self.hooks: list[Hook] = []
        self.met: dict[int, bytes] = {}     # block -> its code as shown
        if self.mask & _BLOCK:
            self.hooks.append(emu.hook_block(self._block))
        if self.mask & Category.INT:
            self.hooks.append(emu.hook_exception(self._exception))
        if self.mask & Category.MMU:
            self.hooks.append(emu.hook_translation(self._translation))
            self.hooks.append(emu.hook_fault(self._fault))
        if self.mask & Category.GUEST_ERRORS:
            self.hooks.append(emu.hook_invalid(self._invalid))
        if self.mask & Category.CPU_RESET and emu.stats["instructions"] == 0:
            log.log(f"CPU reset ({emu.arch})\n{self._registers()}")

    def close(self) -> None:
        """Takes the hooks away and writes what is written at the end."""
        for hook in self.hooks:
            hook.remove()
        self.hooks = []
        if self.mask & _TRANSLATION and not self.emu.closed:
            for pc in self.met:
                self._translation_of(pc)
        self.mask = Category(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    # -- what hooks call

    def _block(self, emu: Emulator, address: int, size: int) -> None:
        if self.mask & (Category.IN_ASM | _TRANSLATION):
            self._first_met(address, size)
        if self.mask & Category.EXEC:
            log.log(f"exec {address:#018x} +{size}")
        if self.mask & Category.CPU:
            log.log(self._registers())

    def _first_met(self, address: int, size: int) -> None:
        try:
            code = self.emu.memory.read_virtual(address, size) if size else b""
        except Error:
            code = b""
        if self.met.get(address) == code:
            return
        self.met[address] = code
        if self.mask & Category.IN_ASM:
            lines = [f"IN: {address:#x}"]
            lines += [f"{insn.address:#018x}:  {insn.bytes.hex():<16}  {insn.text}"
                      for insn in self.emu.disassemble(code, address=address)]
            log.log("\n".join(lines))

    def _exception(self, emu: Emulator, number: int) -> None:
        log.log(f"int: exception {number} at pc {emu.pc:#x}")

    def _translation(self, emu: Emulator, access: Access, address: int, size: int, physical: int,
                     perms: Prot) -> None:
        log.log(f"mmu: {access.name.lower()} of {size} at {address:#x} pc {emu.pc:#x}: "
                f"ok, physical {physical:#x}, protection {_letters(perms)}")

    def _fault(self, emu: Emulator, fault: Fault) -> None:
        access = fault.access.name.lower()
        log.log(f"mmu: {access} of {fault.size} at {fault.address:#x} pc {fault.pc:#x}: "
                f"{fault.kind}, {self._where(fault.address)}")

    def _where(self, address: int) -> str:
        try:
            physical = self.emu.memory.translate(address)
        except Error:
            physical = None
        if physical is None:
            return "no physical address"
        for region in self.emu.memory.regions():
            if region.address <= physical < region.end:
                return f"physical {physical:#x}, protection {_letters(region.perms)}"
        return f"physical {physical:#x}, nothing mapped"

    def _invalid(self, emu: Emulator, address: int) -> None:
        try:
            code = emu.memory.read_virtual(address, 4).hex(" ")
        except Error:
            code = "unreadable"
        log.log(f"guest error: no instruction at {address:#x}: {code}")

    # -- text

    def _registers(self) -> str:
        regs = self.emu.regs
        lines = [f"pc {self.emu.pc:#018x}"]
        names = [name for name in regs.groups.get("general", regs.names) if name != "pc"]
        for at in range(0, len(names), 4):
            row = zip(names[at:at + 4], regs.read_many(names[at:at + 4]), strict=True)
            lines.append(" ".join(f"{name:>5}={value:016x}" for name, value in row))
        return "\n".join(lines)

    def _translation_of(self, pc: int) -> None:
        stages = self.emu.dump_stages
        for category, stage, title in ((Category.OP, stages[0], "OP"),
                                       (Category.OP_OPT, stages[-1], "OP after optimisation")):
            text = self.emu.dump_block(pc, stage) if self.mask & category else ""
            if text:
                log.log(f"{title}: {pc:#x}\n{text}")
        if self.mask & Category.OUT_ASM:
            address, code = self.emu.dump_code(pc)
            if code:
                log.log("\n".join([f"OUT: {pc:#x} [size={len(code)}]", *host_lines(code, address)]))
