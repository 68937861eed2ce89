# Emitters of integer ops. Included by x86_64.pyx. Scratch registers: RAX, RDX. Inputs and the
# result may share registers in any way: a result register is written last, or not before its inputs
# were read.

# ---------------------------------------------------------------- operands
cdef inline bint is_const(Gen *g, uint32_t t) noexcept nogil:
    return g.s.temps[t].kind == TEMP_CONST


cdef inline uint32_t home(Gen *g, uint32_t t) noexcept nogil:
    return g.ra.home[t]


cdef inline bint in_reg(Gen *g, uint32_t t) noexcept nogil:
    return g.ra.home[t] != HOME_MEM


cdef inline bint in_mem(Gen *g, uint32_t t) noexcept nogil:
    return g.ra.home[t] == HOME_MEM and g.s.temps[t].kind != TEMP_CONST


cdef inline uint32_t mem_base(Gen *g, uint32_t t) noexcept nogil:
    return RBP if g.s.temps[t].kind == TEMP_GLOBAL else RSP


cdef inline int32_t mem_disp(Gen *g, uint32_t t) noexcept nogil:
    if g.s.temps[t].kind == TEMP_GLOBAL:
        return <int32_t>g.s.temps[t].offset
    return F_SLOTS + 8 * <int32_t>g.ra.slot[t]


# op reg, [home of t]
cdef inline void op_mem(Gen *g, uint32_t opc, uint32_t reg, uint32_t t) noexcept nogil:
    rm(&g.a, opc, reg, mem_base(g, t), mem_disp(g, t))


# d <- a rotated right; with BMI2
cdef inline void rorx(Gen *g, uint32_t d, uint32_t a, uint32_t n) noexcept nogil:
    vrr(&g.a, X_RORX | W, d, 0, a)
    e1(&g.a, n)


# reg <- t, all 64 bits
cdef void load(Gen *g, uint32_t reg, uint32_t t) noexcept nogil:
    if is_const(g, t):
        mov_ri(&g.a, reg, g.s.temps[t].value)
    elif in_reg(g, t):
        mov_rr(&g.a, reg, home(g, t))
    else:
        op_mem(g, X_MOV_LOAD | W, reg, t)


# reg <- low 32 bits of t, zero-extended (w == 0), or all of it
cdef void load_w(Gen *g, uint32_t w, uint32_t reg, uint32_t t) noexcept nogil:
    if w or (in_reg(g, t) and home(g, t) == reg):
        load(g, reg, t)
    elif is_const(g, t):
        mov_ri(&g.a, reg, <uint32_t>g.s.temps[t].value)
    elif in_reg(g, t):
        mov_rr32(&g.a, reg, home(g, t))
    else:
        op_mem(g, X_MOV_LOAD, reg, t)


# The register that holds t; if it has none, scratch, loaded.
cdef uint32_t source(Gen *g, uint32_t t, uint32_t scratch) noexcept nogil:
    if in_reg(g, t):
        return home(g, t)
    load(g, scratch, t)
    return scratch


# Where to compute t: its register, or RAX.
cdef inline uint32_t target(Gen *g, uint32_t t) noexcept nogil:
    return home(g, t) if in_reg(g, t) else RAX


# t <- reg
cdef void finish(Gen *g, uint32_t t, uint32_t reg) noexcept nogil:
    if in_reg(g, t):
        mov_rr(&g.a, home(g, t), reg)
    else:
        op_mem(g, X_MOV_STORE | W, reg, t)


# reg <- reg op t; a large constant goes through RDX
cdef void alu_rx(Gen *g, uint32_t w, uint32_t op, uint32_t reg, uint32_t t) noexcept nogil:
    cdef uint64_t v
    if in_reg(g, t):
        alu_rr(&g.a, w, op, reg, home(g, t))
    elif is_const(g, t):
        v = g.s.temps[t].value
        if not w:
            v = <uint64_t><int64_t><int32_t>v
        if fits32s(v):
            alu_ri(&g.a, w, op, reg, <int32_t>v)
        else:
            mov_ri(&g.a, RDX, v)
            alu_rr(&g.a, w, op, reg, RDX)
    else:
        op_mem(g, (op << 3) | 3 | w, reg, t)


# ---------------------------------------------------------------- moves and arithmetic
cdef void emit_mov(Gen *g, uint32_t d, uint32_t a) noexcept nogil:
    cdef uint64_t v
    if in_reg(g, d):
        if is_const(g, a) and g.s.temps[a].value == 0:
            rr(&g.a, (ALU_XOR << 3) | 3, home(g, d), home(g, d))
        else:
            load(g, home(g, d), a)
    elif is_const(g, a) and fits32s(g.s.temps[a].value):
        v = g.s.temps[a].value
        op_mem(g, 0xc7 | W, 0, d)
        e4(&g.a, <uint32_t>v)
    elif d != a:
        finish(g, d, source(g, a, RAX))


cdef void emit_alu(Gen *g, uint32_t w, uint32_t op, bint comm, uint32_t d, uint32_t a,
                   uint32_t b) noexcept nogil:
    cdef uint32_t r = target(g, d), t
    cdef uint64_t v
    if comm and (is_const(g, a) or (in_reg(g, b) and home(g, b) == r)):
        t = a
        a = b
        b = t
    # Memory in place: globals without a register, counters and the like.
    if d == a and in_mem(g, d) and w and not in_mem(g, b):
        if is_const(g, b):
            v = g.s.temps[b].value
            if fits32s(v):
                alu_mi(&g.a, W, op, mem_base(g, d), mem_disp(g, d), <int32_t>v)
                return
        else:
            op_mem(g, (op << 3) | 1 | W, home(g, b), d)
            return
    if op == ALU_ADD and in_reg(g, a) and home(g, a) != r:
        if in_reg(g, b):
            rmx(&g.a, X_LEA | w, r, home(g, a), home(g, b), 0, 0)
            if not in_reg(g, d):
                finish(g, d, r)
            return
        if is_const(g, b):
            v = g.s.temps[b].value
            if not w:
                v = <uint64_t><int64_t><int32_t>v
            if fits32s(v):
                rm(&g.a, X_LEA | w, r, home(g, a), <int32_t>v)
                if not in_reg(g, d):
                    finish(g, d, r)
                return
    if in_reg(g, b) and home(g, b) == r and not (in_reg(g, a) and home(g, a) == r):
        r = RAX
    load_w(g, w, r, a)
    alu_rx(g, w, op, r, b)
    if r == RAX:
        finish(g, d, r)


# d = a op ~b; op AND, OR, or XOR
cdef void emit_alu_not(Gen *g, uint32_t op, uint32_t d, uint32_t a, uint32_t b) noexcept nogil:
    cdef uint64_t v
    if is_const(g, b):
        v = ~g.s.temps[b].value
        load(g, RAX, a)
        if fits32s(v):
            alu_ri(&g.a, W, op, RAX, <int32_t>v)
        else:
            mov_ri(&g.a, RDX, v)
            alu_rr(&g.a, W, op, RAX, RDX)
        finish(g, d, RAX)
        return
    if op == ALU_AND and host.bmi1:
        vrr(&g.a, X_ANDN | W, target(g, d), source(g, b, RDX), source(g, a, RAX))
        if not in_reg(g, d):
            finish(g, d, RAX)
        return
    load(g, RAX, b)
    rr(&g.a, X_GROUP3 | W, 2, RAX)
    alu_rx(g, W, op, RAX, a)
    finish(g, d, RAX)


# neg (3) or not (2)
cdef void emit_unary(Gen *g, uint32_t w, uint32_t op, uint32_t d, uint32_t a) noexcept nogil:
    cdef uint32_t r = target(g, d)
    load_w(g, w, r, a)
    rr(&g.a, X_GROUP3 | w, op, r)
    if not in_reg(g, d):
        finish(g, d, r)


cdef void emit_shift(Gen *g, uint32_t w, uint32_t op, uint32_t d, uint32_t a,
                     uint32_t b) noexcept nogil:
    cdef uint32_t r = target(g, d), n, x
    if is_const(g, b):
        n = <uint32_t>g.s.temps[b].value & (63 if w else 31)
        if op == SH_SHL and n == 1 and in_reg(g, a) and home(g, a) != r:
            rmx(&g.a, X_LEA | w, r, home(g, a), home(g, a), 0, 0)
        elif (op == SH_ROR or op == SH_ROL) and n and host.bmi2 and in_reg(g, a):
            vrr(&g.a, X_RORX | w, r, 0, home(g, a))
            e1(&g.a, n if op == SH_ROR else (64 if w else 32) - n)
        else:
            load_w(g, w, r, a)
            shift_ri(&g.a, w, op, r, n)
            if n == 0 and not w:
                mov_rr32(&g.a, r, r)
    elif host.bmi2 and op >= SH_SHL:
        x = X_SHLX if op == SH_SHL else (X_SHRX if op == SH_SHR else X_SARX)
        vrr(&g.a, x | w, r, source(g, b, RDX), source(g, a, RAX))
    else:
        # The count must be in CL. RCX may be the home of something (never on hosts without BMI2).
        load_w(g, w, RAX, a)
        if host.bmi2:
            mov_rr(&g.a, RDX, RCX)
        load(g, RCX, b)
        rr(&g.a, 0xd3 | w, op, RAX)
        if host.bmi2:
            mov_rr(&g.a, RCX, RDX)
        finish(g, d, RAX)
        return
    if not in_reg(g, d):
        finish(g, d, r)


cdef void emit_mul(Gen *g, uint32_t w, uint32_t d, uint32_t a, uint32_t b) noexcept nogil:
    cdef uint32_t r = target(g, d), t
    cdef uint64_t v
    if is_const(g, a) or (in_reg(g, b) and home(g, b) == r):
        t = a
        a = b
        b = t
    if is_const(g, b):
        v = g.s.temps[b].value
        if not w:
            v = <uint64_t><int64_t><int32_t>v
        if fits32s(v) and not is_const(g, a):
            if in_reg(g, a):
                rr(&g.a, 0x69 | w, r, home(g, a))
            else:
                op_mem(g, 0x69 | w, r, a)
            e4(&g.a, <uint32_t>v)
            if not in_reg(g, d):
                finish(g, d, r)
            return
        mov_ri(&g.a, RDX, v)
        load_w(g, w, r, a)
        rr(&g.a, X_IMUL | w, r, RDX)
    else:
        load_w(g, w, r, a)
        if in_reg(g, b):
            rr(&g.a, X_IMUL | w, r, home(g, b))
        else:
            op_mem(g, X_IMUL | w, r, b)
    if not in_reg(g, d):
        finish(g, d, r)


# RDX:RAX <- RAX * b (4 mul, 5 imul), or division of RDX:RAX (6 div, 7 idiv)
cdef void group3(Gen *g, uint32_t w, uint32_t op, uint32_t b) noexcept nogil:
    if in_reg(g, b):
        rr(&g.a, X_GROUP3 | w, op, home(g, b))
    elif is_const(g, b):
        rm(&g.a, X_GROUP3 | w, op, RSP, F_TMP)
    else:
        op_mem(g, X_GROUP3 | w, op, b)


# A constant has to be in memory for group3.
cdef void place_const(Gen *g, uint32_t b) noexcept nogil:
    if is_const(g, b):
        mov_ri(&g.a, RAX, g.s.temps[b].value)
        rm(&g.a, X_MOV_STORE | W, RAX, RSP, F_TMP)


cdef void emit_mulh(Gen *g, uint32_t op, uint32_t d, uint32_t a, uint32_t b) noexcept nogil:
    place_const(g, b)
    load(g, RAX, a)
    group3(g, W, 5 if op == OP_mulhs else 4, b)
    if op == OP_mulhsu:         # a negative: its unsigned value was 2^64 too large
        load(g, RAX, a)
        shift_ri(&g.a, W, SH_SAR, RAX, 63)
        if is_const(g, b):
            rm(&g.a, (ALU_AND << 3) | 3 | W, RAX, RSP, F_TMP)
        elif in_reg(g, b):
            alu_rr(&g.a, W, ALU_AND, RAX, home(g, b))
        else:
            op_mem(g, (ALU_AND << 3) | 3 | W, RAX, b)
        alu_rr(&g.a, W, ALU_SUB, RDX, RAX)
    finish(g, d, RDX)


cdef void load_s32(Gen *g, uint32_t reg, uint32_t t) noexcept nogil:
    if in_reg(g, t):
        rr(&g.a, X_MOVSXD, reg, home(g, t))
    elif is_const(g, t):
        mov_ri(&g.a, reg, <uint64_t><int64_t><int32_t>g.s.temps[t].value)
    else:
        op_mem(g, X_MOVSXD, reg, t)


cdef void emit_mulh32(Gen *g, uint32_t op, uint32_t d, uint32_t a, uint32_t b) noexcept nogil:
    if op == OP_mulhu32:
        load_low32(g, RAX, a)
    else:
        load_s32(g, RAX, a)
    if op == OP_mulhs32:
        load_s32(g, RDX, b)
    else:
        load_low32(g, RDX, b)
    rr(&g.a, X_IMUL | W, RAX, RDX)
    shift_ri(&g.a, W, SH_SHR, RAX, 32)
    finish(g, d, RAX)


# Division that never traps (base/bits.pxd): by 0 and, signed, by -1 go around the instruction.
cdef void emit_div(Gen *g, uint32_t w, bint signed, bint rem, uint32_t d, uint32_t a,
                   uint32_t b) noexcept nogil:
    cdef uint8_t *zero
    cdef uint8_t *minus = NULL
    cdef uint8_t *done0 = NULL
    cdef uint8_t *done
    place_const(g, b)
    if is_const(g, b):
        rm(&g.a, 0x83 | w, ALU_CMP, RSP, F_TMP)
        e1(&g.a, 0)
    elif in_reg(g, b):
        rr(&g.a, X_TEST | w, home(g, b), home(g, b))
    else:
        op_mem(g, 0x83 | w, ALU_CMP, b)
        e1(&g.a, 0)
    load_w(g, w, RAX, a)
    zero = jcc8(&g.a, CC_E)
    if signed:
        if is_const(g, b):
            rm(&g.a, 0x83 | w, ALU_CMP, RSP, F_TMP)
        elif in_reg(g, b):
            rr(&g.a, 0x83 | w, ALU_CMP, home(g, b))
        else:
            op_mem(g, 0x83 | w, ALU_CMP, b)
        e1(&g.a, 0xff)
        minus = jcc8(&g.a, CC_E)
        opcode(&g.a, 0x99 | w, 0, 0, 0)         # sign of RAX to RDX
        group3(g, w, 7, b)
    else:
        rr(&g.a, (ALU_XOR << 3) | 3, RDX, RDX)
        group3(g, w, 6, b)
    done = jmp8(&g.a)
    if signed:
        patch8(minus, g.a.p)
        if rem:
            rr(&g.a, (ALU_XOR << 3) | 3, RDX, RDX)
        else:
            rr(&g.a, X_GROUP3 | w, 3, RAX)
        done0 = jmp8(&g.a)
    patch8(zero, g.a.p)
    if rem:
        rr(&g.a, X_MOV_LOAD | w, RDX, RAX)
    else:
        mov_ri(&g.a, RAX, 0xffffffffffffffffULL if w else 0xffffffffULL)
    patch8(done, g.a.p)
    if signed:
        patch8(done0, g.a.p)
    finish(g, d, RDX if rem else RAX)


# ---------------------------------------------------------------- bits
cdef inline void load_low32(Gen *g, uint32_t reg, uint32_t t) noexcept nogil:
    if in_reg(g, t):
        mov_rr32(&g.a, reg, home(g, t))
    elif is_const(g, t):
        mov_ri(&g.a, reg, <uint32_t>g.s.temps[t].value)
    else:
        op_mem(g, X_MOV_LOAD, reg, t)


cdef void emit_clz(Gen *g, uint32_t w, uint32_t d, uint32_t a) noexcept nogil:
    cdef uint32_t x = source(g, a, RAX), r = target(g, d)
    if host.lzcnt:
        rr(&g.a, X_LZCNT | w, r, x)
        if not in_reg(g, d):
            finish(g, d, r)
        return
    mov_ri(&g.a, RDX, 127 if w else 63)
    rr(&g.a, X_BSR | w, RAX, x)
    rr(&g.a, 0x40 | CC_E | M_0F | w, RAX, RDX)
    alu_ri(&g.a, w, ALU_XOR, RAX, 63 if w else 31)
    finish(g, d, RAX)


cdef void emit_ctz(Gen *g, uint32_t w, uint32_t d, uint32_t a) noexcept nogil:
    cdef uint32_t x = source(g, a, RAX), r = target(g, d)
    if host.bmi1:
        rr(&g.a, X_TZCNT | w, r, x)
        if not in_reg(g, d):
            finish(g, d, r)
        return
    mov_ri(&g.a, RDX, 64 if w else 32)
    rr(&g.a, X_BSF | w, RAX, x)
    rr(&g.a, 0x40 | CC_E | M_0F | w, RAX, RDX)
    finish(g, d, RAX)


cdef void emit_popcnt(Gen *g, IROp *op, uint32_t w) noexcept nogil:
    cdef uint32_t x, r
    if not host.popcnt:
        emit_soft(g, op)
        return
    x = source(g, op.args[1], RAX)
    r = target(g, op.args[0])
    rr(&g.a, X_POPCNT | w, r, x)
    if not in_reg(g, op.args[0]):
        finish(g, op.args[0], r)


cdef void emit_bswap(Gen *g, uint32_t w, bint half, uint32_t d, uint32_t a) noexcept nogil:
    cdef uint32_t r = target(g, d)
    load_w(g, w, r, a)
    bswap_r(&g.a, w, r)
    if half:
        shift_ri(&g.a, 0, SH_SHR, r, 16)
    if not in_reg(g, d):
        finish(g, d, r)


# Extensions: opc with a register or memory source.
cdef void emit_ext(Gen *g, uint32_t opc, uint32_t d, uint32_t a) noexcept nogil:
    cdef uint32_t r = target(g, d)
    if is_const(g, a):
        mov_ri(&g.a, RAX, g.s.temps[a].value)
        rr(&g.a, opc, r, RAX)
    elif in_reg(g, a):
        rr(&g.a, opc, r, home(g, a))
    else:
        op_mem(g, opc, r, a)
    if not in_reg(g, d):
        finish(g, d, r)


cdef void emit_extract(Gen *g, bint signed, uint32_t d, uint32_t a, uint32_t pos,
                       uint32_t n) noexcept nogil:
    cdef uint32_t r
    if n == 0 or pos > 63:
        mov_ri(&g.a, RAX, 0)
        finish(g, d, RAX)
        return
    if pos == 0 and (n == 8 or n == 16 or n == 32):
        if n == 8:
            emit_ext(g, X_MOVSX8 if signed else X_MOVZX8, d, a)
        elif n == 16:
            emit_ext(g, X_MOVSX16 if signed else X_MOVZX16, d, a)
        else:
            emit_ext(g, X_MOVSXD if signed else X_MOV_LOAD, d, a)
        return
    r = target(g, d)
    load(g, r, a)
    if pos + n >= 64:
        shift_ri(&g.a, W, SH_SAR if signed else SH_SHR, r, pos)
    elif not signed and n < 32:
        shift_ri(&g.a, W, SH_SHR, r, pos)
        alu_ri(&g.a, 0, ALU_AND, r, (1 << n) - 1)
    else:
        shift_ri(&g.a, W, SH_SHL, r, 64 - n - pos)
        shift_ri(&g.a, W, SH_SAR if signed else SH_SHR, r, 64 - n)
    if not in_reg(g, d):
        finish(g, d, r)


cdef void emit_deposit(Gen *g, uint32_t d, uint32_t a, uint32_t b, uint32_t pos,
                       uint32_t n) noexcept nogil:
    if n == 0 or pos > 63:
        emit_mov(g, d, a)
        return
    if pos + n > 64:
        n = 64 - pos
    if n == 64:
        emit_mov(g, d, b)
        return
    load(g, RDX, b)
    shift_ri(&g.a, W, SH_SHL, RDX, 64 - n)
    shift_ri(&g.a, W, SH_SHR, RDX, 64 - n - pos)
    load(g, RAX, a)
    # The field is rotated down, shifted out and rotated back: no mask constant.
    shift_ri(&g.a, W, SH_ROR, RAX, pos)
    shift_ri(&g.a, W, SH_SHR, RAX, n)
    shift_ri(&g.a, W, SH_ROL, RAX, n + pos if n + pos < 64 else n + pos - 64)
    alu_rr(&g.a, W, ALU_OR, RAX, RDX)
    finish(g, d, RAX)


# ---------------------------------------------------------------- conditions
cdef uint8_t[12] CC_OF = [CC_E, CC_NE, CC_L, CC_GE, CC_LE, CC_G, CC_B, CC_AE, CC_BE, CC_A, CC_E,
                          CC_NE]


# Compare and answer the condition code. Uses RDX, and RAX if a is a constant.
cdef uint32_t emit_compare(Gen *g, uint32_t w, uint32_t a, uint32_t b,
                           uint32_t cond) noexcept nogil:
    cdef uint32_t t, ra
    cdef uint64_t v
    cdef bint test = cond == COND_tsteq or cond == COND_tstne
    if is_const(g, a) and not is_const(g, b):
        t = a
        a = b
        b = t
        cond = cond_swap(cond)
    if is_const(g, b):
        v = g.s.temps[b].value
        if not w:
            v = <uint64_t><int64_t><int32_t>v
        if fits32s(v):
            if test:
                ra = source(g, a, RAX)
                if v == 0xff and ra < 4:
                    rr(&g.a, 0xf6 | BM, 0, ra)
                    e1(&g.a, 0xff)
                elif v < 0x80000000ULL:
                    rr(&g.a, 0xf7, 0, ra)
                    e4(&g.a, <uint32_t>v)
                else:
                    rr(&g.a, 0xf7 | w, 0, ra)
                    e4(&g.a, <uint32_t>v)
            elif v == 0 and in_reg(g, a):
                rr(&g.a, X_TEST | w, home(g, a), home(g, a))
            elif in_mem(g, a):
                alu_mi(&g.a, w, ALU_CMP, mem_base(g, a), mem_disp(g, a), <int32_t>v)
            else:
                alu_ri(&g.a, w, ALU_CMP, source(g, a, RAX), <int32_t>v)
            return CC_OF[cond]
        mov_ri(&g.a, RDX, v)
        ra = source(g, a, RAX) if not in_mem(g, a) else HOME_MEM
        if ra == HOME_MEM:
            op_mem(g, (X_TEST if test else 0x39) | w, RDX, a)
        elif test:
            rr(&g.a, X_TEST | w, RDX, ra)
        else:
            alu_rr(&g.a, w, ALU_CMP, ra, RDX)
        return CC_OF[cond]
    if in_reg(g, b):
        if in_reg(g, a):
            if test:
                rr(&g.a, X_TEST | w, home(g, b), home(g, a))
            else:
                alu_rr(&g.a, w, ALU_CMP, home(g, a), home(g, b))
        else:
            op_mem(g, (X_TEST if test else 0x39) | w, home(g, b), a)
        return CC_OF[cond]
    ra = source(g, a, RDX)
    op_mem(g, (X_TEST if test else 0x3b) | w, ra, b)
    return CC_OF[cond]


cdef void emit_setcond(Gen *g, uint32_t w, bint negate, uint32_t d, uint32_t a, uint32_t b,
                       uint32_t cond) noexcept nogil:
    cdef uint32_t r = target(g, d), cc
    cc = emit_compare(g, w, a, b, cond)
    rr(&g.a, 0x90 | cc | M_0F | BM, 0, RAX)
    rr(&g.a, X_MOVZX8, r, RAX)
    if negate:
        rr(&g.a, X_GROUP3 | W, 3, r)
    if not in_reg(g, d):
        finish(g, d, r)


cdef void emit_movcond(Gen *g, uint32_t w, IROp *op) noexcept nogil:
    cdef uint32_t d = op.args[0], a = op.args[1], b = op.args[2], c = op.args[3], x = op.args[4]
    cdef uint32_t cond = op.args[5], r, cc
    cdef uint64_t va, vb
    if is_const(g, a) and is_const(g, b):
        va = g.s.temps[a].value
        vb = g.s.temps[b].value
        emit_mov(g, d, c if (cond_eval(cond, va, vb) if w else cond_eval32(cond, va, vb)) else x)
        return
    if in_reg(g, d) and d == c and d != x:
        # What is there stays unless the opposite holds.
        c = x
        x = d
        cond = cond_invert(cond)
    r = target(g, d)
    if x != d and ((in_reg(g, a) and home(g, a) == r) or (in_reg(g, b) and home(g, b) == r)
                   or (in_reg(g, c) and home(g, c) == r)):
        r = RAX
    load(g, r, x)
    if r == RAX and ((in_mem(g, a) and is_const(g, b)) or (is_const(g, a) and in_mem(g, b))) \
            and (cond == COND_tsteq or cond == COND_tstne):
        # The compare would need RAX for its operand.
        rm(&g.a, X_MOV_STORE | W, RAX, RSP, F_TMP)
        cc = emit_compare(g, w, a, b, cond)
        rm(&g.a, X_MOV_LOAD | W, RAX, RSP, F_TMP)
    else:
        cc = emit_compare(g, w, a, b, cond)
    if in_reg(g, c):
        rr(&g.a, 0x40 | cc | M_0F | W, r, home(g, c))
    elif is_const(g, c):
        mov_ri(&g.a, RDX, g.s.temps[c].value)
        rr(&g.a, 0x40 | cc | M_0F | W, r, RDX)
    else:
        op_mem(g, 0x40 | cc | M_0F | W, r, c)
    if r == RAX:
        finish(g, d, r)


# ---------------------------------------------------------------- CPU state by offset
cdef void emit_env_load(Gen *g, uint32_t opc, uint32_t d, uint32_t off) noexcept nogil:
    cdef uint32_t r = target(g, d)
    rm(&g.a, opc, r, RBP, <int32_t>off)
    if not in_reg(g, d):
        finish(g, d, r)


cdef void emit_env_store(Gen *g, uint32_t opc, uint32_t a, uint32_t off) noexcept nogil:
    rm(&g.a, opc, source(g, a, RAX), RBP, <int32_t>off)
