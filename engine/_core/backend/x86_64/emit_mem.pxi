# Emitters of guest memory accesses. Included by x86_64.pyx.
#
# The hit path is tlb_hit_read / tlb_hit_write of mem/tlb.pxd: entry of the page, comparator,
# addend. Nothing is stored on it. RDX holds the entry, then the addend; RAX the comparator, then a
# value to store. Whatever is not a hit goes out of line: dirty globals are stored, the slow path is
# called, and globals still in use are loaded again, since a hook may have changed them.

# reg <- address + add
cdef void load_addr(Gen *g, uint32_t reg, uint32_t t, int32_t add) noexcept nogil:
    if in_reg(g, t):
        if add:
            rm(&g.a, X_LEA | W, reg, home(g, t), add)
        else:
            mov_rr(&g.a, reg, home(g, t))
    elif is_const(g, t):
        mov_ri(&g.a, reg, g.s.temps[t].value + <uint64_t><int64_t>add)
    else:
        op_mem(g, X_MOV_LOAD | W, reg, t)
        if add:
            alu_ri(&g.a, W, ALU_ADD, reg, add)


# Compare; answers the jump taken on a miss. Then RDX is such that [base + RDX] is the host address,
# with base the register of the address; if it has none, [RDX] is.
cdef uint8_t *emit_probe(Gen *g, uint32_t t, uint32_t oi, uint32_t word) noexcept nogil:
    cdef uint32_t memop = oi >> 4, align = memop & MO_AMASK
    cdef uint64_t smask = (1ULL << (memop & MO_SIZE)) - 1, amask = 0
    cdef int32_t desc = O_DESC + <int32_t>((oi & 15) * sizeof(CPUTLBDesc))
    cdef uint8_t *miss
    if align:
        amask = smask if align == MO_ALIGN else (1ULL << (align >> MO_ALIGN_SHIFT)) - 1
    if host.bmi2 and in_reg(g, t):      # what comes round is masked away
        rorx(g, RDX, home(g, t), g.page_bits - CPU_TLB_ENTRY_BITS)
    else:
        load_addr(g, RDX, t, 0)
        shift_ri(&g.a, W, SH_SHR, RDX, g.page_bits - CPU_TLB_ENTRY_BITS)
    rm(&g.a, (ALU_AND << 3) | 3 | W, RDX, RBP, desc)
    rm(&g.a, (ALU_ADD << 3) | 3 | W, RDX, RBP, desc + 8)
    load_addr(g, RAX, t, <int32_t>(smask - amask) if smask > amask else 0)
    alu_ri(&g.a, W, ALU_AND, RAX, <int32_t>(g.page_mask | amask))
    rm(&g.a, (ALU_CMP << 3) | 3 | W, RAX, RDX, <int32_t>(8 * word))
    miss = jcc(&g.a, CC_NE)
    rm(&g.a, X_MOV_LOAD | W, RDX, RDX, 24)
    if is_const(g, t):
        mov_ri(&g.a, RAX, g.s.temps[t].value)
        alu_rr(&g.a, W, ALU_ADD, RDX, RAX)
    elif not in_reg(g, t):
        op_mem(g, (ALU_ADD << 3) | 3 | W, RDX, t)
    return miss


# opc reg, [host address]
cdef void op_host(Gen *g, uint32_t opc, uint32_t reg, uint32_t t) noexcept nogil:
    if in_reg(g, t):
        rmx(&g.a, opc, reg, home(g, t), RDX, 0, 0)
    else:
        rm(&g.a, opc, reg, RDX, 0)


cdef void emit_load(Gen *g, IROp *op) noexcept nogil:
    cdef uint32_t d = op.args[0], t = op.args[1], oi = op.args[2], memop = oi >> 4
    cdef uint32_t size = memop & MO_SIZE, r, opc
    cdef bint signed = memop & MO_SIGN, swap = memop & MO_BE and size != MO_8
    cdef Slow *slow = new_slow(g, SLOW_LOAD, op)
    slow.jump[0] = emit_probe(g, t, oi, 0)
    if op.opc == OP_gldf:
        if swap:
            op_host(g, X_MOV_LOAD | (W if size == MO_64 else 0), RAX, t)
            bswap_r(&g.a, W if size == MO_64 else 0, RAX)
            finish_x_gpr(g, d, RAX)
        else:
            r = target_x(g, d)
            op_host(g, X_MOVQ_LOAD if size == MO_64 else X_MOVSS, r, t)
            if not in_reg(g, d):
                finish_x(g, d, r)
    else:
        r = target(g, d)
        if size == MO_64:
            op_host(g, X_MOV_LOAD | W, r, t)
            if swap:
                bswap_r(&g.a, W, r)
        elif size == MO_32:
            op_host(g, X_MOVSXD if signed and not swap else X_MOV_LOAD, r, t)
            if swap:
                bswap_r(&g.a, 0, r)
                if signed:
                    rr(&g.a, X_MOVSXD, r, r)
        elif size == MO_16:
            op_host(g, X_MOVSX16 if signed and not swap else X_MOVZX16, r, t)
            if swap:
                bswap_r(&g.a, 0, r)
                shift_ri(&g.a, 0, SH_SHR, r, 16)
                if signed:
                    rr(&g.a, X_MOVSX16, r, r)
        else:
            op_host(g, X_MOVSX8 if signed else X_MOVZX8, r, t)
        if not in_reg(g, d):
            finish(g, d, r)
    slow.back = g.a.p


cdef void emit_store(Gen *g, IROp *op) noexcept nogil:
    cdef uint32_t t = op.args[0], v = op.args[1], oi = op.args[2], memop = oi >> 4
    cdef uint32_t size = memop & MO_SIZE, r
    cdef uint32_t w = W if size == MO_64 else 0
    cdef bint swap = memop & MO_BE and size != MO_8
    cdef Slow *slow = new_slow(g, SLOW_STORE, op)
    slow.jump[0] = emit_probe(g, t, oi, 1)
    if op.opc == OP_gstf:
        if swap or is_const(g, v):
            load_x_gpr(g, RAX, v)
            r = RAX
        else:
            r = source_x(g, v, 0)
            op_host(g, X_MOVQ_STORE if size == MO_64 else X_MOVD_STORE, r, t)
            slow.back = g.a.p
            return
    elif swap:
        load(g, RAX, v)
        r = RAX
    else:
        r = source(g, v, RAX)
    if swap:
        bswap_r(&g.a, w, r)
        if size == MO_16:
            shift_ri(&g.a, 0, SH_SHR, r, 16)
    if size == MO_64:
        op_host(g, X_MOV_STORE | W, r, t)
    elif size == MO_32:
        op_host(g, X_MOV_STORE, r, t)
    elif size == MO_16:
        op_host(g, X_MOV_STORE16, r, t)
    else:
        op_host(g, X_MOV_STORE8, r, t)
    slow.back = g.a.p


# [stack + disp] <- t
cdef void store_arg(Gen *g, int32_t disp, uint32_t t) noexcept nogil:
    cdef uint64_t v
    if in_reg(g, t) and g.s.temps[t].type != TYPE_I:
        rm(&g.a, X_MOVQ_STORE, home(g, t) - 16, RSP, disp)
    elif is_const(g, t) and fits32s(g.s.temps[t].value):
        v = g.s.temps[t].value
        rm(&g.a, 0xc7 | W, 0, RSP, disp)
        e4(&g.a, <uint32_t>v)
    else:
        rm(&g.a, X_MOV_STORE | W, source(g, t, RAX), RSP, disp)


# Fields <- registers of globals
cdef void store_globals(Gen *g, uint32_t mask) noexcept nogil:
    cdef uint32_t r
    while mask:
        r = <uint32_t>engine_ctz64(mask)
        mask &= mask - 1
        if r < 16:
            rm(&g.a, X_MOV_STORE | W, r, RBP, <int32_t>g.s.temps[g.ra.owner[r]].offset)
        else:
            rm(&g.a, X_MOVUPS_STORE if g.s.temps[g.ra.owner[r]].type == TYPE_V else X_MOVQ_STORE,
               r - 16, RBP, <int32_t>g.s.temps[g.ra.owner[r]].offset)


cdef void load_globals(Gen *g, uint32_t mask) noexcept nogil:
    cdef uint32_t r
    while mask:
        r = <uint32_t>engine_ctz64(mask)
        mask &= mask - 1
        if r < 16:
            rm(&g.a, X_MOV_LOAD | W, r, RBP, <int32_t>g.s.temps[g.ra.owner[r]].offset)
        else:
            rm(&g.a, X_MOVUPS_LOAD if g.s.temps[g.ra.owner[r]].type == TYPE_V else X_MOVQ_LOAD,
               r - 16, RBP, <int32_t>g.s.temps[g.ra.owner[r]].offset)


# RAX with the result of a call -> d, and the globals that are used later.
cdef void reload(Gen *g, IROp *op) noexcept nogil:
    cdef uint32_t mask = g.ra.live[op.aux] & g.ra.global_mask, d
    if op_table[op.opc].n_outs:
        d = op.args[0]
        if in_reg(g, d):
            mask &= ~(1u << home(g, d))
        if g.s.temps[d].type == TYPE_V:
            take_vector(g, d)
        elif g.s.temps[d].type == TYPE_F:
            finish_x_gpr(g, d, RAX)
        else:
            finish(g, d, RAX)
    load_globals(g, mask)


# RDX <- the address that stands for op when unwinding, to the argument slot of the stubs
cdef void pass_ra(Gen *g, const uint8_t *at) noexcept nogil:
    lea_rip(&g.a, RDX, at)
    rm(&g.a, X_MOV_STORE | W, RDX, RSP, F_C)


cdef void slow_access(Gen *g, Slow *slow) noexcept nogil:
    cdef IROp *op = &g.s.ops[g.ra.order[slow.pos]]
    patch32(slow.jump[0], g.a.p)
    if slow.kind == SLOW_LOAD:
        store_arg(g, F_A, op.args[1])
        if op.opc == OP_vgld:
            rm(&g.a, 0xc7 | W, 0, RSP, F_VEC + 8)       # not written if less than 16 bytes are read
            e4(&g.a, 0)
    else:
        store_arg(g, F_A, op.args[0])
        if slow.kind == SLOW_VSTORE:
            rm(&g.a, X_MOVUPS_STORE, source_v(g, op.args[1], 0), RSP, F_VEC)
        else:
            store_arg(g, F_B, op.args[1])
    store_globals(g, g.ra.dirty[slow.pos])
    pass_ra(g, slow.at)
    mov_ri(&g.a, RDX, op.args[2])
    if slow.kind == SLOW_VSTORE:
        patch32(call(&g.a), g.thunk_vstore)
    else:
        patch32(call(&g.a), g.thunk_load if slow.kind == SLOW_LOAD else g.thunk_store)
    reload(g, op)
    patch32(jmp(&g.a), slow.back)


# Atomics: always by call.
cdef void emit_rmw(Gen *g, IROp *op) noexcept nogil:
    cdef const uint8_t *at = g.a.p
    cdef uint32_t oi = op.args[3]
    store_arg(g, F_A, op.args[1])
    store_arg(g, F_B, op.args[2])
    if op.opc == OP_gcas:
        store_arg(g, F_OUT, op.args[3])
        oi = op.args[4]
    else:
        rm(&g.a, 0xc7 | W, 0, RSP, F_OUT)
        e4(&g.a, 0)
    store_globals(g, g.ra.dirty[op.aux])
    pass_ra(g, at)
    mov_ri(&g.a, RDX, oi | (<uint32_t>op.opc << 16))
    mov_ri(&g.a, RAX, <uint64_t><uintptr_t>g.tb)
    patch32(call(&g.a), g.stub_rmw)
    reload(g, op)
