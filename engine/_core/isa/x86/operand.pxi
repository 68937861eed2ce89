# x86: registers, addresses, operands, the stack. Included by x86.pyx. Values of 8 and 16 bits are
# zero-extended; of a 32-bit register the upper half is whatever is there (ops with w32 do not
# read it), of a 32-bit load it is zero.

cdef inline uint32_t oi(DisasContext *dc, uint32_t memop) noexcept nogil:
    if ctx(dc).align:
        memop |= MO_ALIGN
    return memop << 4 | dc.mmu_idx


cdef bint high_byte(X86Insn *i, uint32_t n) noexcept nogil:
    return 4 <= n < 8 and not i.prefixes & P_REX


cdef uint32_t get_reg(DisasContext *dc, X86Insn *i, uint32_t log2, uint32_t n) noexcept nogil:
    cdef uint32_t t
    if log2 >= 2:
        return n
    t = local(dc)
    if log2 == 1:
        ir_ext16u(dc.ir, t, n)
    elif high_byte(i, n):
        ir_extract(dc.ir, t, n - 4, 8, 8)
    else:
        ir_ext8u(dc.ir, t, n)
    return t


cdef void set_reg(DisasContext *dc, X86Insn *i, uint32_t log2, uint32_t n,
                  uint32_t t) noexcept nogil:
    if log2 == 3:
        ir_mov(dc.ir, n, t)
    elif log2 == 2:
        ir_ext32u(dc.ir, n, t)
    elif log2 == 1:
        ir_deposit(dc.ir, n, n, t, 0, 16)
    elif high_byte(i, n):
        ir_deposit(dc.ir, n - 4, n - 4, t, 8, 8)
    else:
        ir_deposit(dc.ir, n, n, t, 0, 8)


cdef uint32_t narrow(DisasContext *dc, uint32_t log2, uint32_t t) noexcept nogil:
    """A new temp: t zero-extended from its size."""
    cdef uint32_t d
    if log2 == 3:
        return t
    d = local(dc)
    if log2 == 2:
        ir_ext32u(dc.ir, d, t)
    elif log2 == 1:
        ir_ext16u(dc.ir, d, t)
    else:
        ir_ext8u(dc.ir, d, t)
    return d


cdef uint32_t widen_signed(DisasContext *dc, uint32_t log2, uint32_t t) noexcept nogil:
    cdef uint32_t d
    if log2 == 3:
        return t
    d = local(dc)
    if log2 == 2:
        ir_ext32s(dc.ir, d, t)
    elif log2 == 1:
        ir_ext16s(dc.ir, d, t)
    else:
        ir_ext8s(dc.ir, d, t)
    return d


cdef inline bint limited(DisasContext *dc, uint32_t seg) noexcept nogil:
    return ctx(dc).limits if seg < SEG_FS else ctx(dc).fs_limits


cdef inline bint checked(DisasContext *dc, uint32_t seg) noexcept nogil:
    """An offset must be compared. Real mode has limits that code cannot change: they are checked
    without being looked up."""
    return (ctx(dc).mode != X86_MODE_64 and not ctx(dc).no_limits
            and (limited(dc, seg) or not ctx(dc).protected))


cdef void check_limit(DisasContext *dc, uint32_t seg, uint32_t t, uint32_t log2) noexcept nogil:
    """#GP(0), of SS #SS(0), unless all bytes at the offset are in the segment."""
    cdef uint32_t lo, hi, last, index = X86_EXCP_GP
    # The 80286 in real mode has but #GP.
    if seg == SEG_SS and (ctx(dc).protected or ctx(dc).features & X86F_i386):
        index = X86_EXCP_SS
    if not limited(dc, seg):        # real mode: every limit is 64 KiB
        if log2 or ctx(dc).adsize != 1:
            gen_exception_if(dc, COND_gtu, t, const(dc, 0x10000 - (1 << log2)), index, FAULT_TRAP,
                             HINT_LIMIT, t)
        return
    lo = local(dc)
    hi = local(dc)
    last = local(dc)
    ir_ld64(dc.ir, lo, off_seg_lo(seg))
    ir_ld64(dc.ir, hi, off_seg_hi(seg))
    ir_add(dc.ir, last, t, const(dc, (1 << log2) - 1))
    gen_exception_if(dc, COND_ltu, t, lo, index, FAULT_TRAP, HINT_LIMIT, t)
    gen_exception_if(dc, COND_gtu, last, hi, index, FAULT_TRAP, HINT_LIMIT, t)


cdef void check_writable(DisasContext *dc, uint32_t seg) noexcept nogil:
    """#GP(0): a store into code or read-only data."""
    cdef uint32_t t
    if seg == SEG_CS and ctx(dc).protected and ctx(dc).mode != X86_MODE_64 and not (
            ctx(dc).no_limits):
        gen_exception_if(dc, COND_eq, const(dc, 0), const(dc, 0), X86_EXCP_GP, FAULT_TRAP,
                         HINT_SEGMENT, const(dc, dc.pc))
    elif limited(dc, seg) and ctx(dc).protected and seg != SEG_SS:
        t = local(dc)
        ir_ld64(dc.ir, t, off_seg_attr(seg))
        ir_and(dc.ir, t, t, const(dc, ATTR_CODE | ATTR_WRITE))
        gen_exception_if(dc, COND_ne, t, const(dc, ATTR_WRITE), X86_EXCP_GP, FAULT_TRAP,
                         HINT_SEGMENT, const(dc, dc.pc))


cdef uint32_t add_segment(DisasContext *dc, uint32_t seg, uint32_t t, uint32_t log2) noexcept nogil:
    """Linear address of an offset. FS and GS have bases in every mode."""
    cdef uint32_t d, base
    if ctx(dc).mode == X86_MODE_64:
        if seg < SEG_FS:
            return t
    elif checked(dc, seg):
        check_limit(dc, seg, t, log2)
    if not ctx(dc).segments and seg < SEG_FS:
        return t
    base = local(dc)
    d = local(dc)
    ir_ld64(dc.ir, base, off_seg_base(seg))
    ir_op2(dc.ir, OP_add if ctx(dc).mode == X86_MODE_64 else OP_add32, d, t, base)
    return d


cdef uint32_t offset_of(DisasContext *dc, X86Insn *i) noexcept nogil:
    """The offset a memory operand names, in its address size."""
    cdef IR *ir = dc.ir
    cdef uint32_t t = IR_NONE, u, add = OP_add if i.adsize == 3 else OP_add32
    cdef uint64_t mask = mask_of(i.adsize)
    if i.rip:
        return const(dc, (i.pc + i.length + <uint64_t>i.disp) & mask)
    if i.index != REG_NONE:
        t = i.index
        if i.scale:
            u = local(dc)
            ir_op2(ir, OP_shl if i.adsize == 3 else OP_shl32, u, t, const(dc, i.scale))
            t = u
    if i.base != REG_NONE:
        if t == IR_NONE:
            t = i.base
        else:
            u = local(dc)
            ir_op2(ir, add, u, i.base, t)
            t = u
    if t == IR_NONE:
        return const(dc, <uint64_t>i.disp & mask)
    if i.disp:
        u = local(dc)
        ir_op2(ir, add, u, t, const(dc, <uint64_t>i.disp))
        t = u
    if i.adsize == 1 or i.adsize == 2 and t < REG_NONE:
        t = narrow(dc, i.adsize, t)
    return t


cdef uint32_t segment_of(X86Insn *i) noexcept nogil:
    if i.seg != SEG_NONE:
        return i.seg
    # BP or SP as base: SS (SDM 1, table 3-5)
    return SEG_SS if i.base == R_BP or i.base == R_SP and i.adsize > 1 else SEG_DS


cdef uint32_t address(DisasContext *dc, X86Insn *i, uint32_t log2) noexcept nogil:
    """Linear address of the memory operand; made once an instruction."""
    if i.addr == IR_NONE:
        i.addr = add_segment(dc, segment_of(i), offset_of(dc, i), log2)
    return i.addr


cdef uint32_t atomic_address(DisasContext *dc, X86Insn *i, uint32_t log2) noexcept nogil:
    """Of a memory operand that is read and written at once."""
    check_writable(dc, segment_of(i))
    return address(dc, i, log2)


cdef uint32_t load(DisasContext *dc, X86Insn *i, uint32_t log2) noexcept nogil:
    cdef uint32_t t = local(dc)
    if i.row.flags & ROW_LOCK:          # its operand is written: #GP before #PF
        check_writable(dc, segment_of(i))
    ir_gld(dc.ir, t, address(dc, i, log2), oi(dc, log2))
    i.loaded = 1
    return t


cdef void store(DisasContext *dc, X86Insn *i, uint32_t log2, uint32_t t) noexcept nogil:
    check_writable(dc, segment_of(i))
    ir_gst(dc.ir, address(dc, i, log2), t, oi(dc, log2))
    if i.loaded:
        dc.ir.rows[(dc.ir.n_rows - 1) * IR_ROW_WORDS + 2] |= ROW_WRITES_BACK


cdef uint32_t op_log2(X86Insn *i, uint32_t k) noexcept nogil:
    return operand_log2(i, i.row.ops[k].size)


cdef uint32_t get_op(DisasContext *dc, X86Insn *i, uint32_t k) noexcept nogil:
    """Value of operand k; an immediate as wide as operand 0."""
    cdef const X86Operand *op = &i.row.ops[k]
    cdef uint32_t log2 = operand_log2(i, op.size)
    if op.kind == X86_I:
        return const(dc, i.imm[0] & mask_of(op_log2(i, 0) if k else log2))
    if op.kind == X86_G:
        return get_reg(dc, i, log2, i.reg)
    if op.kind == X86_Z:
        return get_reg(dc, i, log2, (i.opcode & 7) | (8 if i.rex & 1 else 0))
    if op.kind == X86_reg:
        return get_reg(dc, i, log2, op.fixed) if log2 or op.fixed < 4 else op.fixed
    if op.kind == X86_B:
        return get_reg(dc, i, log2, i.vvvv)
    if op.kind == X86_one:
        return const(dc, 1)
    if i.is_mem:
        return load(dc, i, log2)
    return get_reg(dc, i, log2, i.rm)


cdef uint32_t reg_of(X86Insn *i, uint32_t k) noexcept nogil:
    """Register number of operand k; IR_NONE: it is memory."""
    cdef const X86Operand *op = &i.row.ops[k]
    if op.kind == X86_G:
        return i.reg
    if op.kind == X86_Z:
        return (i.opcode & 7) | (8 if i.rex & 1 else 0)
    if op.kind == X86_reg:
        return op.fixed
    if op.kind == X86_B:
        return i.vvvv
    if i.is_mem:
        return IR_NONE
    return i.rm


cdef void put_op(DisasContext *dc, X86Insn *i, uint32_t k, uint32_t t) noexcept nogil:
    cdef uint32_t n = reg_of(i, k)
    if n == IR_NONE:
        store(dc, i, op_log2(i, k), t)
    else:
        set_reg(dc, i, op_log2(i, k), n, t)


# ---------------------------------------------------------------- the stack

cdef inline uint32_t stack_log2(DisasContext *dc) noexcept nogil:
    """Width of the stack pointer."""
    return ctx(dc).stack


cdef uint32_t stack_at(DisasContext *dc, uint32_t sp, int64_t offset) noexcept nogil:
    """sp + offset, in the width of the stack pointer."""
    cdef uint32_t log2 = stack_log2(dc), t
    if offset == 0 and log2 == 3:
        return sp
    t = local(dc)
    ir_op2(dc.ir, OP_add if log2 == 3 else OP_add32, t, sp, const(dc, <uint64_t>offset))
    if log2 == 1:
        ir_ext16u(dc.ir, t, t)
    return t


cdef void set_sp(DisasContext *dc, uint32_t t) noexcept nogil:
    if stack_log2(dc) == 1:
        ir_deposit(dc.ir, R_SP, R_SP, t, 0, 16)
    else:
        ir_mov(dc.ir, R_SP, t)


cdef void push(DisasContext *dc, uint32_t log2, uint32_t value) noexcept nogil:
    cdef uint32_t sp = stack_at(dc, R_SP, -(1 << log2))
    ir_gst(dc.ir, add_segment(dc, SEG_SS, sp, log2), value, oi(dc, log2))
    set_sp(dc, sp)


cdef uint32_t top(DisasContext *dc, uint32_t log2, int64_t offset) noexcept nogil:
    """What is on the stack there; nothing is popped."""
    cdef uint32_t t = local(dc)
    ir_gld(dc.ir, t, add_segment(dc, SEG_SS, stack_at(dc, R_SP, offset), log2), oi(dc, log2))
    return t


cdef void drop(DisasContext *dc, int64_t bytes_) noexcept nogil:
    set_sp(dc, stack_at(dc, R_SP, bytes_))
