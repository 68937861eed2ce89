"""The shape of translated blocks: which jumps become labels, which exits, what ends a block."""
import re
from libc.string cimport memcpy, memset
from engine._core.base.types cimport uint32_t, uint64_t, ST_OK
from engine._core.backend.interp.interp cimport interp_ops
from engine._core.cpu.head cimport CPUHead
from engine._core.cpu.tb cimport CF_HOT, CF_NOCACHE, TB
from engine._core.exec.engine cimport Engine, engine_free, engine_new
from engine._core.exec.lookup cimport prepare_translation
from engine._core.ir.ir cimport (HF_STATUS, IR_OK, HelperInfo)
from engine._core.ir.text cimport ir_print
from engine._core.ir.verify cimport ir_verify
from engine._core.isa.guest cimport CPUConfig, DisasContext, GuestOps
from engine._core.isa.riscv.riscv cimport riscv_ops
from engine._core.isa.translator cimport TranslateArgs, Translator, translate_block
from engine._core.mem.address_space cimport address_space_write
from engine._core.mem.context cimport AddressSpace, MemContext, MemoryRegion
from engine._core.mem.region cimport memory_region_add_subregion, memory_region_new_ram

BASE = 0x10000

cdef uint64_t stop_address = 0


cdef bint stop_there(CPUHead *cpu, uint64_t pc) noexcept nogil:
    return pc == stop_address


cdef uint64_t no_hook(void *env, uint64_t a, uint64_t b, uint64_t c, uint64_t d) noexcept nogil:
    return ST_OK


cdef HelperInfo block_info
cdef HelperInfo insn_info
cdef HelperInfo number_info
block_info.fn = insn_info.fn = number_info.fn = no_hook
block_info.flags = insn_info.flags = number_info.flags = HF_STATUS
block_info.name = b"block"
insn_info.name = b"insn"
number_info.name = b"number"
block_info.n_args = insn_info.n_args = 2
number_info.n_args = 3


cdef const HelperInfo *hook_block(CPUHead *cpu, uint64_t pc) noexcept nogil:
    return &block_info


cdef const HelperInfo *hook_insn(CPUHead *cpu, uint64_t pc) noexcept nogil:
    return &insn_info


cdef const HelperInfo *hook_number(CPUHead *cpu, uint64_t pc, uint32_t number) noexcept nogil:
    return &number_info if pc == 0x10004 else NULL


# RISC-V as a guest that keeps translation state between instructions.
cdef GuestOps stateful_ops
cdef uint32_t block_starts = 0


cdef void count_start(DisasContext *dc) noexcept nogil:
    global block_starts
    block_starts += 1


memcpy(&stateful_ops, &riscv_ops, sizeof(GuestOps))
stateful_ops.block_start = count_start


class Block:
    """What a translation gave: text, and the numbers exec needs."""

    def __init__(self, text, size, icount, pages):
        self.text, self.size, self.icount, self.pages = text, size, icount, pages

    def ops(self, name):
        return re.findall(rf"^ *{name}\b *(.*)$", self.text, re.M)

    @property
    def starts(self):
        return [int(row.split(",")[0], 0) for row in self.ops("insn_start")]


def translate(words, pc=BASE, cflags=0, max_insns=0, stop=None, hooks=False, at=BASE,
              stateful=False):
    """The block at pc of 32-bit instructions (ints) or bytes placed at `at`."""
    global stop_address
    cdef CPUConfig cfg
    cdef TranslateArgs args
    cdef TB tb
    cdef int err = 0
    cdef char text[65536]
    cdef char problem[256]
    cdef const char *bad
    cdef MemoryRegion *mr
    cdef Engine *e
    cdef bytes code = b"".join(w if isinstance(w, bytes) else w.to_bytes(4, "little")
                               for w in words)
    memset(&cfg, 0, sizeof(cfg))
    memset(&args, 0, sizeof(args))
    memset(&tb, 0, sizeof(tb))
    cfg.xlen = 64
    cfg.fp = True
    e = engine_new(&stateful_ops if stateful else &riscv_ops, &cfg, &interp_ops, 0)
    assert e is not NULL
    try:
        mr = memory_region_new_ram(<MemContext *>e.mem, b"ram", 0x10000, &err)
        memory_region_add_subregion(<MemoryRegion *>e.system_memory, 0x10000, mr)
        assert address_space_write(<AddressSpace *>e.system_as, at, 0, <char *>code,
                                   len(code)) == 0
        assert prepare_translation(e)
        e.guest.update_tb_flags(e.cpu)
        args.cpu = e.cpu
        args.tr = <Translator *>e.translator
        args.max_insns = max_insns
        if stop is not None:
            stop_address = stop
            args.stop_at = stop_there
        if hooks:
            args.hook_block = hook_block
            args.hook_insn = hook_insn
            args.hook_number = hook_number
        tb.pc = pc
        e.cpu.pc = pc
        tb.flags = e.cpu.tb_flags
        tb.cflags = cflags
        status = translate_block(&args, &tb, e.ir)
        if status != ST_OK:
            return status, e.cpu.exception_index, e.cpu.fault.addr
        assert e.ir.status == IR_OK
        bad = ir_verify(e.ir, problem, sizeof(problem))
        assert bad is NULL, bad
        ir_print(e.ir, text, sizeof(text))
        assert tb.lo == pc and tb.phys_pc == pc - 0x10000
        return Block((<bytes>text).decode(), tb.size, tb.icount,
                     [tb.page_addr[0], tb.page_addr[1]])
    finally:
        engine_free(e)


NOP, EBREAK, RET = 0x00000013, 0x00100073, 0x00008067


def jal(offset):
    return (0x6f | (offset >> 20 & 1) << 31 | (offset >> 1 & 0x3ff) << 21
            | (offset >> 11 & 1) << 20 | (offset >> 12 & 0xff) << 12)


def bne(offset):
    """bne a0, zero, offset"""
    return (0x51063 | (offset >> 12 & 1) << 31 | (offset >> 5 & 0x3f) << 25
            | (offset >> 1 & 15) << 8 | (offset >> 11 & 1) << 7)


def test_loop_closes_inside():
    block = translate([NOP, NOP, bne(-4), EBREAK])
    assert block.icount == 4 and block.size == 16
    assert len(block.ops("brcond")) == 1 and block.ops("goto_tb") == []
    # The label stands before the second instruction.
    assert re.search(r"L0:\s+insn_start 0x10004", block.text)
    assert [int(n) for n in block.ops("icount")] == [1, 2, 1]


def test_loop_to_itself_and_to_the_first():
    for offset in (0, -4):
        block = translate([NOP, bne(offset), EBREAK])
        assert block.ops("goto_tb") == []
    block = translate([jal(0)])
    assert len(block.ops("br")) == 1 and block.icount == 1


def test_leaders_found_late():
    """A guest with state gets its leaders' labels by translating again."""
    global block_starts
    block_starts = 0
    block = translate([NOP, NOP, bne(-4), NOP, bne(-4), EBREAK], stateful=True)
    assert block.ops("goto_tb") == [] and len(block.ops("brcond")) == 2
    assert block_starts == 2 and len(re.findall(r"^L", block.text, re.M)) == 2
    assert block.icount == 6


def test_forward_branch_joins_the_line():
    block = translate([bne(12), NOP, NOP, NOP, EBREAK])
    assert block.icount == 5 and block.ops("goto_tb") == []
    assert re.search(r"L0:\s+insn_start 0x1000c", block.text)


def test_if_else():
    """if: bne else; a; j end; else: b; end: c -- all five in one block."""
    block = translate([bne(12), NOP, jal(12), NOP, NOP, EBREAK])
    assert block.starts == [0x10000, 0x10004, 0x10008, 0x1000c, 0x10010, 0x10014]
    # The jump's own target was not asked for by a branch: it is an exit to the same page.
    assert len(block.ops("goto_tb")) == 1
    hot = translate([bne(12), NOP, jal(12), NOP, NOP, EBREAK], cflags=CF_HOT)
    assert sorted(hot.starts) == block.starts and hot.ops("goto_tb") == []


def test_target_that_is_never_reached_is_an_exit():
    block = translate([bne(0x100), EBREAK])
    assert block.icount == 2
    assert len(block.ops("goto_tb")) == 1 and "0x10100" in block.text


def test_backward_out_of_the_block():
    block = translate([NOP] * 4 + [bne(-8), EBREAK], pc=BASE + 12)
    assert len(block.ops("goto_tb")) == 1 and "0x10008" in block.text


def test_other_pages_are_looked_up():
    block = translate([bne(0x7fe), jal(0x2000)])
    assert len(block.ops("goto_tb")) == 1
    assert len(block.ops("goto_ptr")) == 1


def test_exact_counts_have_no_loops():
    block = translate([NOP, NOP, bne(-4), EBREAK], cflags=3 | CF_NOCACHE)
    assert block.icount == 3
    assert block.ops("br") == [] and block.ops("goto_tb") == [] and len(block.ops("leave")) == 2


def test_limits():
    assert translate([NOP] * 600, max_insns=5).icount == 5
    assert translate([NOP] * 600).icount == 128
    assert translate([NOP] * 600, cflags=CF_HOT).icount == 512
    block = translate([NOP] * 8, pc=BASE + 0xff0, at=BASE + 0xff0)
    assert block.icount == 4 and block.size == 16       # the page's end


def test_stop_addresses():
    block = translate([NOP, NOP, NOP, EBREAK], stop=BASE + 8)
    assert block.icount == 2 and len(block.ops("leave")) == 1
    # A loop back to the block's own first instruction leaves when that is a stop address.
    block = translate([NOP, NOP, bne(-8), EBREAK], stop=BASE)
    assert block.icount == 4 and len(block.ops("leave")) >= 1
    assert "L0:\n  leave" in block.text


def test_instruction_over_the_page_end():
    block = translate([NOP, NOP, EBREAK], pc=BASE + 0xffe, at=BASE + 0xffe)
    assert block.icount == 1 and block.size == 4
    assert block.pages == [0, 0x1000]
    # As a later instruction it is left to the next block.
    block = translate([b"\x01\x00", NOP, EBREAK], pc=BASE + 0xffc, at=BASE + 0xffc)
    assert block.icount == 1 and block.size == 2
    assert len(block.ops("goto_tb")) == 1
    assert block.pages[1] == 0xffffffffffffffff


def test_fetch_faults():
    assert translate([NOP], pc=0x80000000)[1:] == (1, 0x80000000)
    # The second half is on a page that is not there.
    assert translate([b"\x13\x00"], pc=0x1fffe, at=0x1fffe)[1:] == (1, 0x20000)


def test_hooks():
    block = translate([NOP, NOP, bne(-4), EBREAK], hooks=True)
    calls = block.ops("callv")
    hooked = [row for row in calls if "raise" not in row]
    assert sum("insn" in row for row in hooked) == 4
    assert sum("number" in row for row in hooked) == 1
    blocks = [[int(n, 0) for n in re.findall(r"0x[0-9a-f]+", row)] for row in hooked
              if "block" in row]
    assert blocks == [[0x10000, 4], [0x10004, 8], [0x1000c, 4]]


def test_common_instructions_are_one_to_three_ops():
    """addi, ld, sd, a branch, jal and jalr as the design wants them."""
    wanted = {0x00150513: ["add"], 0x00853503: ["add", "gld"], 0x00053503: ["gld"],
              0x00a5b423: ["add", "gst"], 0x40b50533: ["sub"], 0x00b5053b: ["add32", "ext32s"],
              0x00000517: ["mov"], 0x12345537: ["mov"], 0x00058513: ["mov"],
              0x00b53533: ["setcond"], RET: ["and", "goto_ret"],
              RET | 0x80: ["and", "mov", "goto_ptr"],
              0x02b50533: ["mul"], 0x00000013: []}
    for word, ops in wanted.items():
        block = translate([word], cflags=1)
        found = re.findall(r"^  (\w+)", block.text.split("icount 1\n")[1], re.M)
        assert [op for op in found if op != "leave"] == ops, hex(word)
