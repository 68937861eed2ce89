# A block at each stage of its translation: see dump.pxd.
from libc.string cimport memcpy, memset
from engine._core.base.types cimport int32_t, uint8_t, uint32_t, uint64_t, ST_OK
from engine._core.cpu.head cimport CPUHead, FaultInfo
from engine._core.cpu.tb cimport TB
from engine._core.ir.ir cimport IR_OK, ir_reset
from engine._core.ir.text cimport ir_print
from engine._core.isa.translator cimport TranslateArgs, Translator, translate_block
from engine._core.opt.passes cimport OPT_DEFAULT, OPT_STEPS, opt_run_steps
from engine._core.backend.backend cimport BE_OK
from engine._core.exec.engine cimport Engine
from engine._core.exec.lookup cimport prepare_translation


cdef uint32_t dump_code(Engine *e, TB *tb, char *out, uint32_t size, uint64_t *base) noexcept nogil:
    """The code is made behind all others and forgotten at once."""
    cdef uint8_t *start = e.code.ptr
    cdef uint32_t length = 0
    if not e.backend.executable:
        return 0
    if e.backend.compile(e.ir, tb, &e.code, e.cpu) == BE_OK:
        length = tb.code_size
        base[0] = <uint64_t>tb.code
        if size:
            memcpy(out, <uint8_t *>tb.code - e.code.rx_delta, length if length < size else size)
    e.code.ptr = start
    return length


cdef uint32_t dump_block(Engine *e, uint64_t pc, uint32_t stage, char *out, uint32_t size,
                         uint64_t *base) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef TranslateArgs args
    cdef TB tb
    cdef int status
    cdef uint64_t saved_pc = cpu.pc, saved_excp_pc = cpu.exception_pc
    cdef int32_t saved_index = cpu.exception_index
    cdef FaultInfo saved_fault = cpu.fault
    if size:
        out[0] = 0
    if e.running or not prepare_translation(e):
        return 0
    memset(&args, 0, sizeof(args))
    memset(&tb, 0, sizeof(tb))
    args.cpu = cpu
    args.tr = <Translator *>e.translator
    e.guest.update_tb_flags(cpu)
    cpu.pc = pc
    tb.pc = pc
    tb.cs_base = cpu.cs_base
    tb.flags = cpu.tb_flags
    tb.cflags = 0               # as the loop would have it: with its inner loops and chained exits
    ir_reset(e.ir)
    status = translate_block(&args, &tb, e.ir)
    cpu.pc = saved_pc               # a failed fetch may have left an exception: it never happened
    cpu.exception_pc = saved_excp_pc
    cpu.exception_index = saved_index
    cpu.fault = saved_fault
    if status != ST_OK or e.ir.status != IR_OK:
        return 0
    if stage == DUMP_CODE:
        opt_run_steps(e.ir, OPT_DEFAULT, OPT_STEPS)
        return dump_code(e, &tb, out, size, base)
    opt_run_steps(e.ir, OPT_DEFAULT, stage)
    return ir_print(e.ir, out, size)
