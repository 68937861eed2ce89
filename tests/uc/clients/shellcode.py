"""A client in the style of exploit tools: runs 64-bit shell code, whose system calls it answers.

Run by test_client_scripts.py with unicorn and with engine.unicorn; both print the same.
"""

import sys

from unicorn import UC_ARCH_X86, UC_HOOK_INSN, UC_MODE_64, UC_PROT_ALL, Uc, UcError
from unicorn.x86_const import (
    UC_X86_INS_SYSCALL,
    UC_X86_REG_RAX,
    UC_X86_REG_RDI,
    UC_X86_REG_RDX,
    UC_X86_REG_RIP,
    UC_X86_REG_RSI,
    UC_X86_REG_RSP,
)

BASE, STACK = 0x400000, 0x7ffff000
# push 'hi\n'; write(1, rsp, 3); exit(7)
CODE = bytes.fromhex("68 68690a00 6a01 58 89c7 4889e6 6a03 5a 0f05 6a3c 58 6a07 5f 0f05 0f0b")


def on_syscall(uc, output):
    number, fd, buffer, size = (uc.reg_read(reg) for reg in (
        UC_X86_REG_RAX, UC_X86_REG_RDI, UC_X86_REG_RSI, UC_X86_REG_RDX))
    if number == 1:
        output.append((fd, bytes(uc.mem_read(buffer, size))))
        uc.reg_write(UC_X86_REG_RAX, size)
    elif number == 60:
        output.append(("exit", fd))
        uc.emu_stop()


emulator = Uc(UC_ARCH_X86, UC_MODE_64)
emulator.mem_map(BASE, 0x1000, UC_PROT_ALL)
emulator.mem_map(STACK - 0x10000, 0x11000)
emulator.mem_write(BASE, CODE)
emulator.reg_write(UC_X86_REG_RSP, STACK)
log = []
emulator.hook_add(UC_HOOK_INSN, on_syscall, log, 1, 0, UC_X86_INS_SYSCALL)
try:
    emulator.emu_start(BASE, BASE + len(CODE))
except UcError as error:
    print("stopped:", error)
print(log, hex(emulator.reg_read(UC_X86_REG_RIP)), sys.argv[1:])
