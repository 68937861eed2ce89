"""A client in the style of operating system emulators: segments with permissions, thread-local
data behind FS, interrupts as system calls, pages on demand, snapshots of registers, coverage.

Run by test_client_scripts.py with unicorn and with engine.unicorn; both print the same.
"""

import unicorn
from unicorn import x86_const as x86

TEXT, DATA, TLS, STACK = 0x8048000, 0x804c000, 0x900000, 0xbfff0000


class Machine:
    def __init__(self, code):
        self.uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        for address, size, perms in ((TEXT, 0x1000, 5), (DATA, 0x1000, 3), (TLS, 0x1000, 3)):
            self.uc.mem_map(address, size, perms)
        self.uc.mem_write(TEXT, code)
        self.uc.mem_write(TLS + 0x28, (0x1122334455667788).to_bytes(8, "little"))
        self.uc.reg_write(x86.UC_X86_REG_FS_BASE, TLS)
        self.uc.reg_write(x86.UC_X86_REG_RSP, STACK + 0x800)
        self.blocks, self.pages, self.calls = [], [], []
        self.uc.hook_add(unicorn.UC_HOOK_BLOCK, self.block)
        self.uc.hook_add(unicorn.UC_HOOK_MEM_UNMAPPED, self.unmapped)
        self.uc.hook_add(unicorn.UC_HOOK_INTR, self.interrupt, user_data="linux")

    def block(self, uc, address, size, data):
        self.blocks.append(address - TEXT)

    def unmapped(self, uc, access, address, size, value, data):
        if not STACK <= address < STACK + 0x1000:
            return False
        self.pages.append((access, address & ~0xfff))
        uc.mem_map(address & ~0xfff, 0x1000, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        return True

    def interrupt(self, uc, number, data):
        self.calls.append((number, uc.reg_read(x86.UC_X86_REG_EAX), data))
        if uc.reg_read(x86.UC_X86_REG_EAX) == 1:
            uc.emu_stop()
        uc.reg_write(x86.UC_X86_REG_RAX, 0x55)


# mov rbx, fs:[0x28]; push rbx; mov eax, 4; int 0x80; mov [DATA], al; call over a pop and a ret;
# mov eax, 1; int 0x80
machine = Machine(bytes.fromhex(
    "64488b1c2528000000 53 b804000000 cd80 880425 00c00408 e80a000000 b801000000 cd80 90 90 90"
    "59 51 c3"))
uc = machine.uc
saved = uc.context_save()
for _ in range(2):
    uc.context_restore(saved)
    uc.emu_start(TEXT, TEXT + 0x800)
    print(machine.blocks, machine.pages, machine.calls,
          hex(uc.reg_read(x86.UC_X86_REG_RBX)), uc.mem_read(DATA, 4).hex())
print([(hex(first), hex(last), perms) for first, last, perms in sorted(uc.mem_regions())])
try:
    uc.mem_write(TEXT + 0x400, bytes.fromhex("c7042500800408 01000000"))     # mov dword [TEXT], 1
    uc.emu_start(TEXT + 0x400, TEXT + 0x40b)
except unicorn.UcError as error:
    print(error.errno == unicorn.UC_ERR_WRITE_PROT, error)
