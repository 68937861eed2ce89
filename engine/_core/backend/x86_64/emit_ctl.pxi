# Emitters of control: branches, exits, instruction counting, helper calls. Included by x86_64.pyx.

# ---------------------------------------------------------------- labels
# A forward jump's field holds the offset of the one before it that goes to the same label.
cdef void jump_to(Gen *g, uint8_t *field, uint32_t label) noexcept nogil:
    cdef uint32_t before
    if g.label_at[label] != NULL:
        patch32(field, g.label_at[label])
        return
    before = g.label_fix[label]
    memcpy(field, &before, 4)
    g.label_fix[label] = <uint32_t>(field - g.code)


cdef void place_label(Gen *g, uint32_t label) noexcept nogil:
    cdef uint32_t at = g.label_fix[label], before
    cdef uint8_t *field
    g.label_at[label] = g.a.p
    while at:
        field = g.code + at
        memcpy(&before, field, 4)
        patch32(field, g.a.p)
        at = before


# Does the jump go to a label right behind it?
cdef bint falls_through(Gen *g, uint32_t pos, uint32_t label) noexcept nogil:
    cdef IROp *op
    pos += 1
    while pos < g.ra.n:
        op = &g.s.ops[g.ra.order[pos]]
        if op.opc != OP_label:
            return False
        if op.args[0] == label:
            return True
        pos += 1
    return False


# ---------------------------------------------------------------- exits
# `sub` and a sign test, and a look at the exit request: what a device function or helper asks for
# takes effect at the next block head, as in the interpreter.
cdef void emit_icount(Gen *g, IROp *op) noexcept nogil:
    cdef Slow *slow = new_slow(g, SLOW_ICOUNT, op)
    alu_ri(&g.a, W, ALU_SUB, R15, <int32_t>op.args[0])
    slow.jump[0] = jcc(&g.a, CC_S)
    alu_mi(&g.a, 0, ALU_CMP, RBP, O_EXIT_REQUEST, 0)
    slow.jump[1] = jcc(&g.a, CC_NE)


cdef void slow_icount(Gen *g, Slow *slow) noexcept nogil:
    patch32(slow.jump[0], g.a.p)
    patch32(slow.jump[1], g.a.p)
    store_globals(g, g.ra.dirty[slow.pos])
    lea_rip(&g.a, RDX, slow.at)
    patch32(jmp(&g.a), g.thunk_icount)


# At the entry, before anything is loaded: how often the block is entered.
cdef void emit_heat(Gen *g) noexcept nogil:
    mov_ri(&g.a, RAX, <uint64_t><uintptr_t>g.tb)
    alu_mi(&g.a, 0, ALU_SUB, RAX, T_HEAT, 1)
    patch32(jcc(&g.a, CC_S), g.stub_hot)


# A direct jump: `jmp` to the next instruction until it is linked.
cdef void emit_goto_tb(Gen *g, IROp *op) noexcept nogil:
    cdef TBExit *x = &g.exits[op.args[0]]
    store_globals(g, g.ra.dirty[op.aux])
    x.patch = <uintptr_t>jmp(&g.a)
    x.patch_rx = x.patch + <uintptr_t>g.buf.rx_delta
    mov_ri(&g.a, RAX, <uint64_t><uintptr_t>x)
    patch32(jmp(&g.a), g.stub_goto)


# A return slot: the pc, and a landing place for it (slow_landing). Nothing is linked across pages.
cdef void emit_push_ret(Gen *g, IROp *op) noexcept nogil:
    cdef uint64_t pc = g.exits[op.args[0]].pc
    cdef int32_t at = O_RETURNS + <int32_t>return_offset(pc)
    cdef Slow *slow
    if (pc ^ g.tb.pc) & g.page_mask:
        return
    slow = new_slow(g, SLOW_LANDING, op)
    lea_rip(&g.a, RAX, slow.at)
    slow.jump[0] = g.a.p - 4
    rm(&g.a, X_MOV_STORE | W, RAX, RBP, at + 8)
    if fits32s(pc):
        rm(&g.a, 0xc7 | W, 0, RBP, at)
        e4(&g.a, <uint32_t>pc)
    else:
        mov_ri(&g.a, RAX, pc)
        rm(&g.a, X_MOV_STORE | W, RAX, RBP, at)


# Where a return lands: a direct jump, if the state is still that of the block that called.
cdef void slow_landing(Gen *g, Slow *slow) noexcept nogil:
    cdef IROp *op = &g.s.ops[g.ra.order[slow.pos]]
    cdef TBExit *x = &g.exits[op.args[0]]
    cdef uint8_t *flags
    cdef uint8_t *base
    patch32(slow.jump[0], g.a.p)
    rm(&g.a, 0x81, ALU_CMP, RBP, O_TB_FLAGS)
    e4(&g.a, g.tb.flags)
    flags = jcc8(&g.a, CC_NE)
    mov_ri(&g.a, RAX, g.tb.cs_base)
    rm(&g.a, (ALU_CMP << 3) | 3 | W, RAX, RBP, O_CS_BASE)
    base = jcc8(&g.a, CC_NE)
    x.patch = <uintptr_t>jmp(&g.a)
    x.patch_rx = x.patch + <uintptr_t>g.buf.rx_delta
    patch8(flags, g.a.p)
    patch8(base, g.a.p)
    mov_ri(&g.a, RAX, <uint64_t><uintptr_t>x)
    patch32(jmp(&g.a), g.stub_goto)


# By the return slot of the pc, else like any indirect jump.
cdef void emit_goto_ret(Gen *g, IROp *op) noexcept nogil:
    cdef uint8_t *wrong
    cdef uint8_t *unknown
    load(g, RAX, op.args[0])
    store_globals(g, g.ra.dirty[op.aux])
    mov_rr32(&g.a, RCX, RAX)
    alu_ri(&g.a, 0, ALU_AND, RCX, RETURN_PC_MASK)
    rmx(&g.a, (ALU_CMP << 3) | 3 | W, RAX, RBP, RCX, 3, O_RETURNS)
    wrong = jcc8(&g.a, CC_NE)
    rmx(&g.a, X_MOV_LOAD | W, RDX, RBP, RCX, 3, O_RETURNS + 8)
    rr(&g.a, X_TEST | W, RDX, RDX)
    unknown = jcc8(&g.a, CC_E)
    rr(&g.a, X_GROUP5, 4, RDX)
    patch8(wrong, g.a.p)
    patch8(unknown, g.a.p)
    emit_probe_jump(g)


cdef void emit_goto_ptr(Gen *g, IROp *op) noexcept nogil:
    if is_const(g, op.args[0]):
        store_globals(g, g.ra.dirty[op.aux])
        emit_far_jump(g, g.s.temps[op.args[0]].value)
        return
    load(g, RAX, op.args[0])
    store_globals(g, g.ra.dirty[op.aux])
    emit_probe_jump(g)


# To a fixed address on another page: its place in the jump cache is known.
cdef void emit_far_jump(Gen *g, uint64_t pc) noexcept nogil:
    mov_ri(&g.a, RAX, pc)
    rm(&g.a, X_MOV_STORE | W, RAX, RBP, O_PC)
    rm(&g.a, X_MOV_LOAD | W, RDX, RBP, O_JMP_CACHE)
    rm(&g.a, X_MOV_LOAD | W, RDX, RDX, 8 * <int32_t>tb_jmp_cache_hash(pc, g.page_bits))
    emit_checked_jump(g)


# Jump cache, to RAX: tb_jmp_cache_probe of cpu/tb_hash.pxd. All registers but RBP, RSP, R15 are
# free here.
cdef void emit_probe_jump(Gen *g) noexcept nogil:
    cdef uint32_t shift = g.page_bits - TB_JMP_PAGE_BITS
    rm(&g.a, X_MOV_STORE | W, RAX, RBP, O_PC)
    if host.bmi2:               # what comes round is masked away
        rorx(g, RCX, RAX, shift)
        alu_rr(&g.a, W, ALU_XOR, RCX, RAX)
        rorx(g, RDX, RCX, shift)
    else:
        mov_rr(&g.a, RCX, RAX)
        shift_ri(&g.a, W, SH_SHR, RCX, shift)
        alu_rr(&g.a, W, ALU_XOR, RCX, RAX)
        mov_rr(&g.a, RDX, RCX)
        shift_ri(&g.a, W, SH_SHR, RDX, shift)
    alu_ri(&g.a, 0, ALU_AND, RCX, TB_JMP_ADDR_MASK)
    alu_ri(&g.a, 0, ALU_AND, RDX, TB_JMP_PAGE_MASK)
    alu_rr(&g.a, 0, ALU_OR, RCX, RDX)
    rm(&g.a, X_MOV_LOAD | W, RDX, RBP, O_JMP_CACHE)
    rmx(&g.a, X_MOV_LOAD | W, RDX, RDX, RCX, 3, 0)
    emit_checked_jump(g)


# RDX: the block that the jump cache has, or NULL; RAX: pc.
cdef void emit_checked_jump(Gen *g) noexcept nogil:
    rr(&g.a, X_TEST | W, RDX, RDX)
    patch32(jcc(&g.a, CC_E), g.stub_lookup)
    rm(&g.a, (ALU_CMP << 3) | 3 | W, RAX, RDX, T_PC)
    patch32(jcc(&g.a, CC_NE), g.stub_lookup)
    rm(&g.a, X_MOV_LOAD, RCX, RDX, T_FLAGS)
    rm(&g.a, (ALU_CMP << 3) | 3, RCX, RBP, O_TB_FLAGS)
    patch32(jcc(&g.a, CC_NE), g.stub_lookup)
    rm(&g.a, X_MOV_LOAD | W, RCX, RDX, T_CS_BASE)
    rm(&g.a, (ALU_CMP << 3) | 3 | W, RCX, RBP, O_CS_BASE)
    patch32(jcc(&g.a, CC_NE), g.stub_lookup)
    rm(&g.a, X_GROUP5, 4, RDX, T_CODE)


cdef void emit_leave(Gen *g, IROp *op) noexcept nogil:
    store_globals(g, g.ra.dirty[op.aux])
    mov_ri(&g.a, RAX, g.s.pcs[op.args[1]])
    rm(&g.a, X_MOV_STORE | W, RAX, RBP, O_PC)
    rm(&g.a, 0xc7, 0, RBP, O_EXIT_STATUS)
    e4(&g.a, op.args[0])
    patch32(jmp(&g.a), g.stub_leave)


# ---------------------------------------------------------------- helper calls (System V AMD64 ABI)
cdef enum:
    CALLER_SAVED = ((1 << RCX) | (1 << RSI) | (1 << RDI) | (1 << R8) | (1 << R9) | (1 << R10)
                    | (1 << R11))

cdef uint8_t[4] ARG_REG = [RSI, RDX, RCX, R8]


# Argument registers <- temps, whatever registers those are in. RAX breaks cycles.
cdef void load_args(Gen *g, const uint32_t *args) noexcept nogil:
    cdef uint8_t[4] src
    cdef uint32_t k, j, todo = 0
    cdef bint blocked, moved
    for k in range(4):
        src[k] = HOME_MEM
        if args[k] != IR_NONE and in_reg(g, args[k]) and home(g, args[k]) < 16:
            src[k] = <uint8_t>home(g, args[k])
            todo |= 1u << k
    while todo:
        moved = False
        for k in range(4):
            if not (todo >> k) & 1:
                continue
            blocked = False
            for j in range(4):
                if j != k and (todo >> j) & 1 and src[j] == ARG_REG[k]:
                    blocked = True
            if not blocked:
                mov_rr(&g.a, ARG_REG[k], src[k])
                todo &= ~(1u << k)
                moved = True
        if not moved:
            k = <uint32_t>engine_ctz64(todo)
            mov_rr(&g.a, RAX, src[k])
            j = src[k]
            for k in range(4):
                if src[k] == j:
                    src[k] = RAX
    for k in range(4):
        if args[k] == IR_NONE:
            rr(&g.a, (ALU_XOR << 3) | 3, ARG_REG[k], ARG_REG[k])
        elif src[k] == HOME_MEM:
            if g.s.temps[args[k]].type == TYPE_F:
                load_x_gpr(g, ARG_REG[k], args[k])
            else:
                load(g, ARG_REG[k], args[k])


cdef void save_or_restore(Gen *g, uint32_t mask, bint save) noexcept nogil:
    cdef uint32_t r
    while mask:
        r = <uint32_t>engine_ctz64(mask)
        mask &= mask - 1
        if r < 16:
            rm(&g.a, (X_MOV_STORE if save else X_MOV_LOAD) | W, r, RSP, F_SAVE + 8 * <int32_t>r)
        else:
            rm(&g.a, X_MOVUPS_STORE if save else X_MOVUPS_LOAD, r - 16, RSP,
               F_SAVE_X + 16 * <int32_t>(r - 16))


cdef void emit_call(Gen *g, IROp *op) noexcept nogil:
    cdef const HelperInfo *h = g.s.helpers[op.args[op.n_args - 1]]
    cdef uint32_t at = 1 if op.opc == OP_call else 0
    cdef bint syncs = ra_syncs(g.s, op), clobbers = ra_clobbers(g.s, op)
    cdef uint32_t live = g.ra.live[op.aux], again = 0, kept, d
    cdef const uint8_t *here = g.a.p
    if op.opc == OP_call and in_reg(g, op.args[0]):
        live &= ~(1u << home(g, op.args[0]))
    kept = live & (CALLER_SAVED | 0xffff0000u)
    if clobbers:
        again = live & g.ra.global_mask
    elif syncs:
        again = kept & g.ra.global_mask
    kept &= ~again
    if syncs:
        store_globals(g, g.ra.dirty[op.aux])
    save_or_restore(g, kept, True)
    load_args(g, &op.args[at])
    if not h.flags & HF_PURE:
        lea_rip(&g.a, RAX, here)
        rm(&g.a, X_MOV_STORE | W, RAX, RBP, O_UNWIND_RA)
        mov_ri(&g.a, RAX, <uint64_t><uintptr_t>g.tb)
        rm(&g.a, X_MOV_STORE | W, RAX, RBP, O_CURRENT_TB)
        rm(&g.a, X_MOV_STORE | W, R15, RBP, O_ICOUNT)
    mov_rr(&g.a, RDI, RBP)
    mov_ri(&g.a, RAX, <uint64_t><uintptr_t><void *>h.fn)
    rr(&g.a, X_GROUP5, 2, RAX)
    if not h.flags & HF_PURE:
        rm(&g.a, X_MOV_LOAD | W, R15, RBP, O_ICOUNT)
    if op.opc == OP_callv and h.flags & HF_STATUS:
        rr(&g.a, X_TEST | W, RAX, RAX)
        patch32(jcc(&g.a, CC_NE), g.stub_status)
    if op.opc == OP_call:
        d = op.args[0]
        if g.s.temps[d].type == TYPE_F:
            finish_x_gpr(g, d, RAX)
        else:
            finish(g, d, RAX)
    load_globals(g, again)
    save_or_restore(g, kept, False)
