"""A client in the style of symbolic execution tools: one instruction at a time, registers in
and out in batches, exits, memory given in when it is first touched.

Run by test_client_scripts.py with unicorn and with engine.unicorn; both print the same.
"""

import unicorn
import unicorn.x86_const as uc_x86

NAMES = ["rax", "rbx", "rcx", "rsp", "rip", "eflags"]
IDS = [getattr(uc_x86, "UC_X86_REG_" + name.upper()) for name in NAMES]
PAGE = 0x1000
# add rax, 5; cmp rax, rbx; jne over an inc ecx; mov rcx, [rsp + 8]; dec rcx; ret
CODE = bytes.fromhex("4883c005 4839d8 7502 ffc1 488b4c2408 48ffc9 c3")
STATE = {0x7000: bytes(0x7f8) + (0x10100).to_bytes(8, "little") + (9).to_bytes(8, "little")
         + bytes(PAGE - 0x808)}

uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
touched = []


def give(uc, access, address, size, value, data):
    page = address & -PAGE
    if page not in STATE:
        return False
    touched.append((access, page))
    uc.mem_map(page, PAGE)
    uc.mem_write(page, STATE[page])
    return True


def told(uc, access, address, size, value, data):
    touched.append(("read" if access == unicorn.UC_MEM_READ else "write", address, size))


uc.mem_map(0x10000, PAGE)
uc.mem_write(0x10000, CODE)
uc.hook_add(unicorn.UC_HOOK_MEM_UNMAPPED, give)
uc.hook_add(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, told)
uc.reg_write_batch([(IDS[0], 3), (IDS[1], 8), (IDS[3], 0x77f8)])
pc, trace = 0x10000, []
while pc != 0x10100 and len(trace) < 20:
    uc.emu_start(pc, 0, count=1)
    values = uc.reg_read_batch(IDS)
    pc = values[4]
    trace.append([hex(value) for value in values[:5]])
print(trace)
print(touched)
print("ZF" if uc.reg_read(IDS[5]) & 0x40 else "not ZF", uc.query(unicorn.UC_QUERY_MODE))
uc.ctl_exits_enabled(True)
uc.ctl_set_exits([0x10004, 0x10009])
uc.reg_write_batch([(IDS[0], 3), (IDS[1], 1)])
uc.emu_start(0x10000, 0)
print(hex(uc.reg_read(IDS[4])), uc.ctl_get_exits_cnt())
