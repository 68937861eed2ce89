"""A client in the style of malware analysis tools: runs a decoding loop of a 32-bit program and
collects what it writes, with limits on count and time.

Run by test_client_scripts.py with unicorn and with engine.unicorn; both print the same.
"""
# ruff: noqa: F403, F405

from unicorn import *
from unicorn.x86_const import *

BASE, STACK = 0x401000, 0x200000
SECRET = bytes(byte ^ 0x5a for byte in b"the decoded text\0")
# mov esi, data; mov ecx, length; L: xor byte [esi], 0x5a; inc esi; loop L; hlt
LOOP = bytes.fromhex("be00204000 b911000000 80365a 46 e2fa f4")


class Unpacker:
    def __init__(self):
        self.written = {}
        self.instructions = 0
        self.uc = Uc(UC_ARCH_X86, UC_MODE_32)
        self.uc.mem_map(BASE & ~0xfff, 0x3000)
        self.uc.mem_map(STACK, 0x1000)
        self.uc.mem_write(BASE, LOOP)
        self.uc.mem_write(0x402000, SECRET)
        for register, value in {UC_X86_REG_ESP: STACK + 0x800, UC_X86_REG_EBP: STACK}.items():
            self.uc.reg_write(register, value)
        self.uc.hook_add(UC_HOOK_MEM_WRITE, self.write, begin=0x402000, end=0x402fff)
        self.uc.hook_add(UC_HOOK_CODE, self.code)
        self.uc.hook_add(UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED
                         | UC_HOOK_MEM_FETCH_UNMAPPED, self.fail)

    def write(self, uc, access, address, size, value, data):
        assert access == UC_MEM_WRITE and size == 1
        self.written[address] = value & 0xff

    def code(self, uc, address, size, data):
        self.instructions += 1
        if self.instructions == 40:
            uc.emu_stop()

    def fail(self, uc, access, address, size, value, data):
        print("bad access", access, hex(address), size)
        return False


unpacker = Unpacker()
uc = unpacker.uc
begin = BASE
for _ in range(3):                      # until the hook stops it, then to the end
    uc.emu_start(begin, BASE + len(LOOP) - 1, timeout=60 * UC_SECOND_SCALE, count=1000)
    begin = uc.reg_read(UC_X86_REG_EIP)
    print(hex(begin), unpacker.instructions, uc.reg_read(UC_X86_REG_ECX))
print(bytes(unpacker.written[address] for address in sorted(unpacker.written)))
print(bytes(uc.mem_read(0x402000, len(SECRET))).rstrip(b"\0").decode())
uc.mem_write(BASE, bytes.fromhex("8b0500007000"))
try:
    uc.emu_start(BASE, BASE + 6)
except UcError as error:
    print(error)
