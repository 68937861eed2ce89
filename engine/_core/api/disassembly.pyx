"""Instructions and translated blocks as text and bytes: what Emulator's methods answer.

Lives here: Instruction, disassembly of guest code, dumps of a block's stages. Does not live here:
the disassemblers (isa/), the text of the IR (ir/text), the pages of `engine.debug.dump`. Caller:
emulator.pyx.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from engine._core.isa.guest cimport GuestOps
from engine._core.exec.engine cimport engine_dump_tb
from engine._core.opt.passes cimport opt_step_names
from engine._core.api.core cimport u64_arg
from engine._core.api.registers cimport reg_find, reg_get

from engine.errors import MemoryFault


cdef class Instruction:
    """One disassembled instruction: `address`, `bytes`, `text`."""
    @property
    def size(self):
        """Length in bytes."""
        return len(self.bytes)

    @property
    def mnemonic(self):
        """First word of the text."""
        return self.text.partition(" ")[0]

    @property
    def operands(self):
        """The text after the mnemonic."""
        return self.text.partition(" ")[2].strip()

    def __str__(self):
        return self.text

    def __repr__(self):
        return f"<instruction {self.address:#x}: {self.bytes.hex(' ')}  {self.text}>"


cdef Instruction decode_one(Core core, bytes code, uint64_t pc):
    cdef char text[256]
    cdef uint32_t length
    cdef const GuestOps *guest = core.st.engine.guest
    cdef Instruction insn
    text[0] = 0
    length = guest.disassemble(<const unsigned char *>code, len(code), pc,
                               &core.st.engine.config, text, sizeof(text))
    if length == 0 or length > <uint32_t>len(code):
        return None
    insn = Instruction.__new__(Instruction)
    insn.address = pc
    insn.bytes = code[:length]
    insn.text = (<bytes>text).decode("ascii", "replace")
    return insn


cdef Instruction raw_bytes(bytes data, uint64_t pc):
    cdef Instruction insn = Instruction.__new__(Instruction)
    insn.address = pc
    insn.bytes = data
    insn.text = ".byte " + ", ".join([f"{byte:#04x}" for byte in data])
    return insn


cdef list instructions(Core core, Memory memory, object code, object count, object address):
    cdef const GuestOps *guest = core.st.engine.guest
    cdef Instruction insn
    cdef uint64_t pc
    limit = None if count is None else u64_arg(count, "count")
    found = []
    if isinstance(code, (bytes, bytearray, memoryview)):
        data = bytes(code)
        pc = u64_arg(address, "address")
        at = 0
        while at < len(data) and (limit is None or len(found) < limit):
            insn = decode_one(core, data[at:at + guest.max_insn], pc)
            if insn is None:
                insn = raw_bytes(data[at:at + guest.min_insn], pc)
            found.append(insn)
            at += len(insn.bytes)
            pc += len(insn.bytes)
        return found
    pc = u64_arg(code, "address")
    limit = 1 if limit is None else limit
    while len(found) < limit:
        data = memory.peek_virtual(pc, guest.max_insn)
        if not data:
            if not found:
                raise MemoryFault("unmapped", address=pc, access="fetch", size=guest.min_insn,
                                  pc=reg_get(core, reg_find(core, "pc")))
            break
        insn = decode_one(core, data, pc)
        if insn is None:
            insn = raw_bytes(data[:guest.min_insn], pc)
        found.append(insn)
        pc += len(insn.bytes)
    return found


cdef tuple dump_stage_names():
    cdef const char **names = opt_step_names()
    found = ["ir"]
    while names[len(found) - 1] is not NULL:
        found.append((<bytes>names[len(found) - 1]).decode("ascii"))
    return tuple(found)


cdef bytes dump(Core core, uint64_t pc, uint32_t stage, uint64_t *base):
    cdef uint32_t size = engine_dump_tb(core.st.engine, pc, stage, NULL, 0, base)
    cdef bytes out
    if size == 0:
        return b""
    out = PyBytes_FromStringAndSize(NULL, size + 1)
    size = engine_dump_tb(core.st.engine, pc, stage, PyBytes_AS_STRING(out), size + 1, base)
    return out[:size]
