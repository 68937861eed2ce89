# The IR of a block as text: see dump.pxd.
from libc.string cimport memset
from engine._core.base.types cimport int32_t, uint32_t, uint64_t, ST_OK
from engine._core.cpu.head cimport CPUHead, FaultInfo
from engine._core.cpu.tb cimport TB
from engine._core.ir.ir cimport IR_OK, ir_reset
from engine._core.ir.text cimport ir_print
from engine._core.isa.translator cimport TranslateArgs, Translator, translate_block
from engine._core.opt.passes cimport OPT_DEFAULT, opt_run
from engine._core.exec.engine cimport Engine
from engine._core.exec.lookup cimport prepare_translation


cdef uint32_t dump_block(Engine *e, uint64_t pc, uint32_t stage, char *out,
                         uint32_t size) noexcept nogil:
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
    if stage:
        opt_run(e.ir, OPT_DEFAULT)
    return ir_print(e.ir, out, size)
