# A toy guest for tests of exec: 16 registers, 4-byte instructions, identity MMU, one trap vector.
# Lives here: its GuestOps, an assembler, and Box, an engine with memory for one test.
#
# An instruction: op | d << 8 | s << 12 | imm << 16 (signed). See the table in toy_insn.
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from engine._core.base.types cimport *
from engine._core.cpu.head cimport *
from engine._core.cpu.tb cimport *
from engine._core.ir.ir cimport *
from engine._core.ir.ops_gen cimport *
from engine._core.ir.build_gen cimport *
from engine._core.isa.guest cimport *
from engine._core.isa.translator cimport *
from engine._core.mem.access cimport access_load
from engine._core.mem.context cimport AddressSpace, MemContext, MemoryRegion
from engine._core.mem.tlb cimport tlb_set_page
from engine._core.mem.region cimport *
from engine._core.mem.address_space cimport address_space_read, address_space_write
from engine._core.backend.backend cimport BackendOps
from engine._core.backend.interp.interp cimport interp_ops
from engine._core.backend.x86_64.x86_64 cimport x86_64_ops
from engine._core.exec.engine cimport *
from engine._core.exec.cache cimport TBCache

cdef enum:
    T_ADDI = 1      # d = s + imm
    T_ADD = 2       # d = d + s
    T_LD = 3        # d = 8 bytes at s + imm
    T_ST = 4        # 8 bytes at s + imm = d
    T_ST4 = 5       # 4 bytes
    T_BNE = 6       # if d != s: pc += 4 * imm
    T_JMP = 7       # pc += 4 * imm
    T_JR = 8        # pc = s
    T_TRAP = 9      # exception 5
    T_HALT = 10     # wait for an interrupt
    T_SWAP = 11     # d <-> 8 bytes at s, atomic
    T_LD4 = 12
    T_VEC = 16      # 16 bytes at s + imm to or from vector d; plus VEC_*

cdef enum:
    VEC_STORE = 1
    VEC_BIG = 2     # big-endian
    VEC_ALIGN = 4   # must be aligned

cdef enum:
    X_ILLEGAL = 2
    X_TRAP = 5
    X_FETCH = 12
    X_MEMORY = 13

ctypedef struct ToyCPU:
    CPUHead head
    uint64_t r[16]
    uint64_t vector
    uint64_t epc
    uint64_t cause
    uint64_t irq
    uint64_t vec[8]     # 4 vectors, low halves first

cdef uint64_t R0 = <uint64_t><uintptr_t>&(<ToyCPU *>NULL).r[0]

cdef RegDesc toy_regs[19]
cdef list _names = [f"r{i}".encode() for i in range(16)] + [b"pc", b"vector", b"cause"]
for _i in range(19):
    toy_regs[_i].name = _names[_i]
    toy_regs[_i].group = b"general"
    toy_regs[_i].id = _i
    toy_regs[_i].offset = <uint32_t>(R0 + 8 * _i)
    toy_regs[_i].bits = 64
    toy_regs[_i].kind = REG_PLAIN
toy_regs[16].kind = REG_PC
toy_regs[17].offset = <uint32_t><uintptr_t>&(<ToyCPU *>NULL).vector
toy_regs[18].offset = <uint32_t><uintptr_t>&(<ToyCPU *>NULL).cause
PC = 16
VECTOR = 17
CAUSE = 18


cdef int toy_init(CPUHead *cpu, const CPUConfig *cfg) noexcept nogil:
    return 0


cdef void toy_reset(CPUHead *cpu) noexcept nogil:
    cpu.pc = 0


cdef void toy_set_pc(CPUHead *cpu, uint64_t pc) noexcept nogil:
    cpu.pc = pc


cdef void toy_globals(IR *ir, CPUHead *cpu) noexcept nogil:
    cdef uint32_t i
    for i in range(16):
        ir_global(ir, TYPE_I, <uint32_t>(R0 + 8 * i), toy_regs[i].name)
    for i in range(4):
        ir_global(ir, TYPE_V, <uint32_t><uintptr_t>&(<ToyCPU *>NULL).vec[2 * i], b"q")


cdef uint64_t helper_halt(void *env, uint64_t pc, uint64_t b, uint64_t c,
                          uint64_t d) noexcept nogil:
    (<CPUHead *>env).pc = pc
    (<CPUHead *>env).exception_index = EXCP_HLT
    return ST_NEXT

cdef HelperInfo halt_info
halt_info.fn = helper_halt
halt_info.name = b"halt"
halt_info.flags = HF_STATUS
halt_info.n_args = 1


cdef void toy_insn(DisasContext *dc) noexcept nogil:
    cdef uint32_t w = translator_ld32(dc, dc.pc)
    cdef IR *ir = dc.ir
    cdef uint32_t op = w & 0xff, d = (w >> 8) & 15, s = (w >> 12) & 15, t, oi
    cdef int64_t imm = <int64_t><int32_t>w >> 16
    if dc.fetch_failed:
        return
    dc.pc_next = dc.pc + 4
    dc.insn_number = op
    if op == T_ADDI:
        ir_add(ir, d, s, ir_const(ir, <uint64_t>imm))
    elif op == T_ADD:
        ir_add(ir, d, d, s)
    elif op == T_LD or op == T_LD4 or op == T_ST or op == T_ST4 or op == T_SWAP:
        t = ir_local(ir, TYPE_I)
        ir_add(ir, t, s, ir_const(ir, <uint64_t>imm))
        if op == T_LD:
            ir_gld(ir, d, t, MO_64 << 4)
        elif op == T_LD4:
            ir_gld(ir, d, t, MO_32 << 4)
        elif op == T_SWAP:
            ir_gxchg(ir, d, t, d, MO_64 << 4)
        else:
            ir_gst(ir, t, d, (MO_64 if op == T_ST else MO_32) << 4)
    elif op & ~7 == T_VEC:
        t = ir_local(ir, TYPE_I)
        ir_add(ir, t, s, ir_const(ir, <uint64_t>imm))
        oi = (MO_128 | (MO_BE if op & VEC_BIG else 0) | (MO_ALIGN if op & VEC_ALIGN else 0)) << 4
        if op & VEC_STORE:
            ir_vgst(ir, t, 16 + (d & 3), oi)
        else:
            ir_vgld(ir, 16 + (d & 3), t, oi)
    elif op == T_BNE:
        gen_branch(dc, COND_ne, d, s, False, dc.pc + <uint64_t>(imm * 4))
    elif op == T_JMP:
        gen_jump(dc, dc.pc + <uint64_t>(imm * 4))
    elif op == T_JR:
        gen_jump_indirect(dc, s)
    elif op == T_TRAP:
        gen_exception(dc, X_TRAP, FAULT_TRAP, 0, <uint64_t>imm)
    elif op == T_HALT:
        ir_call(ir, &halt_info, IR_NONE, ir_const(ir, dc.pc_next), IR_NONE, IR_NONE, IR_NONE)
        gen_exit(dc, dc.pc_next)
    else:
        gen_exception(dc, X_ILLEGAL, FAULT_ILLEGAL, 0, w)


cdef void toy_tb_flags(CPUHead *cpu) noexcept nogil:
    cpu.tb_flags = 0
    cpu.mmu_idx = 0


cdef void toy_restore(CPUHead *cpu, const uint64_t *row) noexcept nogil:
    cpu.pc = row[0]


cdef uint32_t toy_mmu_index(CPUHead *cpu, bint ifetch) noexcept nogil:
    return 0


cdef int toy_fill(void *cpu, vaddr_t addr, uint32_t size, int access, int mmu_idx, bint probe,
                  uintptr_t ra) noexcept nogil:
    cdef CPUHead *head = <CPUHead *>cpu
    cdef uint64_t page = addr & head.tlb.page_mask
    return tlb_set_page(&head.tlb, page, page, 0, PROT_ALL, mmu_idx, 4096)


cdef int toy_memory_fault(CPUHead *cpu, int mmu_idx) noexcept nogil:
    cpu.exception_index = X_FETCH if cpu.fault.access == ACCESS_FETCH else X_MEMORY
    return ST_FAULT


cdef hwaddr toy_phys(CPUHead *cpu, vaddr_t addr, uint32_t *attrs) noexcept nogil:
    attrs[0] = 0
    return addr & cpu.tlb.page_mask


cdef bint toy_has_work(CPUHead *cpu) noexcept nogil:
    return (<ToyCPU *>cpu).irq != 0


cdef bint toy_pending(CPUHead *cpu) noexcept nogil:
    if (<ToyCPU *>cpu).irq == 0:
        return False
    (<ToyCPU *>cpu).irq = 0
    cpu.interrupt_request = 0
    cpu.exception_index = 7
    return True


cdef void toy_deliver(CPUHead *cpu) noexcept nogil:
    (<ToyCPU *>cpu).epc = cpu.pc
    (<ToyCPU *>cpu).cause = <uint64_t>cpu.exception_index
    cpu.pc = (<ToyCPU *>cpu).vector


cdef GuestOps toy_ops
memset(&toy_ops, 0, sizeof(toy_ops))
toy_ops.name = b"toy"
toy_ops.state_size = sizeof(ToyCPU)
toy_ops.page_bits = 12
toy_ops.n_mmu_modes = 1
toy_ops.min_insn = 4
toy_ops.max_insn = 4
toy_ops.row_words = 1
toy_ops.word_bits = 64
toy_ops.regs = toy_regs
toy_ops.n_regs = 19
toy_ops.init = toy_init
toy_ops.reset = toy_reset
toy_ops.set_pc = toy_set_pc
toy_ops.declare_globals = toy_globals
toy_ops.translate_insn = toy_insn
toy_ops.update_tb_flags = toy_tb_flags
toy_ops.restore_state = toy_restore
toy_ops.mmu_index = toy_mmu_index
toy_ops.tlb_fill = toy_fill
toy_ops.memory_fault = toy_memory_fault
toy_ops.phys_page_attrs_debug = toy_phys
toy_ops.has_work = toy_has_work
toy_ops.pending_interrupt = toy_pending
toy_ops.do_interrupt = toy_deliver


def word(op, d=0, s=0, imm=0):
    return (op | d << 8 | s << 12 | (imm & 0xffff) << 16).to_bytes(4, "little")


def addi(d, s, imm): return word(T_ADDI, d, s, imm)
def add(d, s): return word(T_ADD, d, s)
def ld(d, s, imm=0): return word(T_LD, d, s, imm)
def ld4(d, s, imm=0): return word(T_LD4, d, s, imm)
def st(d, s, imm=0): return word(T_ST, d, s, imm)
def st4(d, s, imm=0): return word(T_ST4, d, s, imm)
def bne(d, s, imm): return word(T_BNE, d, s, imm)
def jmp(imm): return word(T_JMP, 0, 0, imm)
def jr(s): return word(T_JR, 0, s)
def trap(imm=0): return word(T_TRAP, 0, 0, imm)
def halt(): return word(T_HALT)
def swap(d, s): return word(T_SWAP, d, s)
def vld(d, s, imm=0, how=0): return word(T_VEC | how, d, s, imm)
def vst(d, s, imm=0, how=0): return word(T_VEC | VEC_STORE | how, d, s, imm)


# That of ENGINE_BACKEND, as in Emulator().
cdef const BackendOps *chosen_backend():
    import os
    return &x86_64_ops if os.environ.get("ENGINE_BACKEND") == "jit" else &interp_ops


# Python functions as C hooks: fn(box, event dict) -> HOOK_* or None
cdef int call_python(CPUHead *cpu, Hook *hook, HookEvent *ev) noexcept nogil:
    with gil:
        return (<Box>(<Engine *>cpu.engine).owner).called(<object>hook.opaque, ev)


cdef class Box:
    cdef Engine *e
    cdef list keep
    cdef list regions
    cdef readonly list errors

    def __cinit__(self, code_size=0, deliver=False, optimise=True, jit=None):
        cdef CPUConfig cfg
        cdef const BackendOps *backend = chosen_backend()
        if jit is not None:
            backend = &x86_64_ops if jit else &interp_ops
        memset(&cfg, 0, sizeof(cfg))
        cfg.deliver = deliver
        self.keep = []
        self.errors = []
        self.e = engine_new(&toy_ops, &cfg, backend, code_size)
        assert self.e is not NULL
        self.e.optimise = optimise
        self.e.owner = <void *>self

    def __dealloc__(self):
        engine_free(self.e)

    def vector(self, i, value=None):
        cdef ToyCPU *cpu = <ToyCPU *>self.e.cpu
        if value is not None:
            cpu.vec[2 * <int>i] = value & 0xffffffffffffffff
            cpu.vec[2 * <int>i + 1] = value >> 64
        return <object>cpu.vec[2 * <int>i + 1] << 64 | cpu.vec[2 * <int>i]

    def map(self, addr, size, prot=PROT_ALL):
        cdef int err = 0
        cdef MemoryRegion *mr = memory_region_new_ram(<MemContext *>self.e.mem, b"ram", size, &err)
        assert mr is not NULL
        memory_region_set_prot(mr, prot)
        assert memory_region_add_subregion(<MemoryRegion *>self.e.system_memory, addr, mr) == 0

    def write(self, addr, data):
        data = bytes(data)
        assert address_space_write(<AddressSpace *>self.e.system_as, addr, 0,
                                   <char *>data, len(data)) == 0

    def read(self, addr, size):
        cdef bytearray out = bytearray(size)
        assert address_space_read(<AddressSpace *>self.e.system_as, addr, 0,
                                  <char *>out, size) == 0
        return bytes(out)

    def code(self, addr, *insns):
        self.write(addr, b"".join(insns))

    def __getitem__(self, reg):
        cdef uint64_t v = 0
        assert engine_reg_read(self.e, reg, &v) == 0
        return v

    def __setitem__(self, reg, value):
        cdef uint64_t v = value
        assert engine_reg_write(self.e, reg, &v) == 0

    def run(self, pc=None, until=None, count=None, timeout=0):
        cdef RunArgs args
        cdef RunOutcome out
        memset(&args, 0, sizeof(args))
        if pc is not None:
            self[PC] = pc
        if until is not None:
            args.until = until
            args.has_until = True
        if count is not None:
            args.count = count
            args.has_count = True
        args.timeout_ns = timeout
        with nogil:
            engine_run(self.e, &args, &out)
        if self.errors:
            raise self.errors.pop()
        assert out.pc == self[PC]
        assert self.e.cpu.current_tb is NULL
        return out.reason, out.pc, out.icount

    def outcome(self, **how):
        "run, and the fault too"
        cdef RunArgs args
        cdef RunOutcome out
        memset(&args, 0, sizeof(args))
        self[PC] = how["pc"]
        engine_run(self.e, &args, &out)
        return {"reason": out.reason, "pc": out.pc, "icount": out.icount,
                "exception": out.exception, "addr": out.fault.addr, "size": out.fault.size,
                "access": out.fault.access, "fault": out.fault.reason}

    def hook(self, kind, fn, begin=1, end=0, number=0, mask=0):
        self.keep.append(fn)
        cdef Hook *h = engine_hook_add(self.e, kind, begin, end, call_python, <void *>fn, True,
                                       number, mask)
        assert h is not NULL
        return <uintptr_t>h

    def unhook(self, uintptr_t h):
        engine_hook_del(self.e, <Hook *>h)

    cdef int called(self, fn, HookEvent *ev) noexcept:
        try:
            answer = fn(self, {"pc": ev.pc, "addr": ev.addr, "value": ev.value,
                               "high": ev.value_hi, "size": ev.size, "access": ev.access,
                               "exception": ev.exception, "reason": ev.reason})
            return HOOK_CONTINUE if answer is None else answer
        except BaseException as error:
            self.errors.append(error)
            return HOOK_ERROR

    def stop(self): engine_stop(self.e)

    def fail(self): engine_fail(self.e)

    def flush(self): engine_tb_flush(self.e)

    def exits(self, pcs):
        cdef uint64_t[16] a
        for i, pc in enumerate(pcs):
            a[i] = pc
        assert engine_exits_set(self.e, a, len(pcs)) == 0

    def breakpoint(self, pc): assert engine_breakpoint_insert(self.e, pc, BP_GDB) == 0

    def unbreak(self, pc): return engine_breakpoint_remove(self.e, pc, BP_GDB)

    def irq(self):
        (<ToyCPU *>self.e.cpu).irq = 1
        self.e.cpu.interrupt_request = CPU_INTERRUPT_HARD

    @property
    def stats(self):
        cdef TBCache *c = <TBCache *>self.e.cache
        return {"tbs": c.n_tbs, "max": c.max_tbs, "flushes": self.e.stats.tb_flushes,
                "translated": self.e.stats.tb_translated, "lookups": self.e.stats.tb_lookups,
                "smc": self.e.stats.smc_retries, "one_shots": self.e.stats.one_shots,
                "invalidated": c.invalidated, "notdirty": self.e.cpu.tlb.notdirty_count}
