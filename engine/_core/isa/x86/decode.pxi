# x86: from bytes to an X86Insn: prefixes, REX, VEX, opcode, ModRM, SIB, displacement, immediates.
# Included by x86.pyx; serves translation (bytes from the translator) and text (bytes of a buffer).
# SDM volume 2, chapter 2.

cdef uint32_t next8(X86Insn *i) noexcept nogil:
    cdef uint32_t value
    if i.length >= i.limit:
        i.status = DEC_LONG
        return 0
    if i.dc != NULL:
        value = translator_ld8(<DisasContext *>i.dc, i.pc + i.length)
        if (<DisasContext *>i.dc).fetch_failed:
            i.status = DEC_SHORT
            return 0
    elif i.length < i.avail:
        value = i.code[i.length]
    else:
        i.status = DEC_SHORT
        return 0
    i.length += 1
    return value & 0xff


cdef int64_t next_signed(X86Insn *i, uint32_t size) noexcept nogil:
    """A little-endian number of `size` bytes, sign-extended."""
    cdef uint64_t value = 0
    cdef uint32_t k
    for k in range(size):
        value |= <uint64_t>next8(i) << (8 * k)
    if size == 1:
        return <int8_t>value
    if size == 2:
        return <int16_t>value
    if size == 4:
        return <int32_t>value
    return <int64_t>value


cdef void read_modrm16(X86Insn *i, uint32_t mod) noexcept nogil:
    cdef uint32_t rm = i.modrm & 7
    i.base = REG_NONE
    i.index = REG_NONE
    if rm < 4:
        i.base = R_BX if rm < 2 else R_BP
        i.index = R_SI if rm & 1 == 0 else R_DI
    elif rm == 4:
        i.base = R_SI
    elif rm == 5:
        i.base = R_DI
    elif rm == 7:
        i.base = R_BX
    elif mod:
        i.base = R_BP
    if mod == 1:
        i.disp = next_signed(i, 1)
    elif mod == 2 or rm == 6 and mod == 0:
        i.disp = next_signed(i, 2)


cdef inline bint is_gather(X86Insn *i) noexcept nogil:
    """Its index is a vector."""
    return i.row.flags & ROW_VEX != 0 and i.opcode & 0xfc == 0x90 and i.row.ops[1].kind == X86_M


cdef void read_modrm(X86Insn *i) noexcept nogil:
    cdef uint32_t mod, sib
    mod = i.modrm >> 6
    i.reg = (i.modrm >> 3 & 7) | (8 if i.rex & 4 else 0)
    i.rm = (i.modrm & 7) | (8 if i.rex & 1 else 0)
    i.is_mem = mod != 3
    i.base = REG_NONE
    i.index = REG_NONE
    i.disp = 0
    if mod == 3:
        return
    if i.adsize == 1:
        read_modrm16(i, mod)
        return
    i.base = i.rm
    if i.modrm & 7 == 4:
        sib = next8(i)
        i.scale = <uint8_t>(sib >> 6)
        i.index = <uint8_t>((sib >> 3 & 7) | (8 if i.rex & 2 else 0))
        if i.index == 4 and not is_gather(i):
            i.index = REG_NONE
        i.base = <uint8_t>((sib & 7) | (8 if i.rex & 1 else 0))
        if sib & 7 == 5 and mod == 0:
            i.base = REG_NONE
            i.disp = next_signed(i, 4)
    elif i.modrm & 7 == 5 and mod == 0:
        i.base = REG_NONE
        i.rip = i.mode == X86_MODE_64
        i.disp = next_signed(i, 4)
    if mod == 1:
        i.disp = next_signed(i, 1)
    elif mod == 2:
        i.disp = next_signed(i, 4)


cdef bint read_prefixes(X86Insn *i, bint has386) noexcept nogil:
    """Up to the opcode byte, which is answered in i.opcode. False: the bytes end."""
    cdef uint32_t byte
    while True:
        byte = next8(i)
        if i.status:
            return False
        if 0x64 <= byte <= 0x67 and not has386:
            i.opcode = <uint8_t>byte
            return True
        if byte == 0x66:
            i.prefixes |= P_66
        elif byte == 0x67:
            i.prefixes |= P_67
        elif byte == 0xf2:
            i.prefixes = (i.prefixes | P_REPNE) & ~<uint8_t>P_REP
        elif byte == 0xf3:
            i.prefixes = (i.prefixes | P_REP) & ~<uint8_t>P_REPNE
        elif byte == 0xf0:
            i.prefixes |= P_LOCK
        elif byte == 0x26 or byte == 0x2e or byte == 0x36 or byte == 0x3e:
            if i.mode != X86_MODE_64:
                i.seg = <uint8_t>(byte >> 3 & 3)
        elif byte == 0x64 or byte == 0x65:
            i.seg = <uint8_t>(byte - 0x60)
        elif i.mode == X86_MODE_64 and byte & 0xf0 == 0x40:
            i.rex = <uint8_t>(byte & 15)
            i.prefixes |= P_REX
            i.opcode = <uint8_t>next8(i)
            if i.status:
                return False
            byte = i.opcode
            # A prefix behind REX makes it void (SDM 2, 2.2.1).
            if (byte == 0x66 or byte == 0x67 or byte == 0xf0 or byte == 0xf2 or byte == 0xf3
                    or byte & 0xe7 == 0x26 or byte == 0x64 or byte == 0x65 or byte & 0xf0 == 0x40):
                i.length -= 1
                i.rex = 0
                i.prefixes &= ~<uint8_t>P_REX
                continue
            return True
        else:
            i.opcode = <uint8_t>byte
            return True


cdef uint32_t read_vex(X86Insn *i) noexcept nogil:
    """The rest of a C4 or C5 prefix; answers the map, 0 when it is none."""
    cdef uint32_t byte, space = 1
    if i.prefixes & (P_66 | P_REP | P_REPNE | P_LOCK | P_REX):
        i.status = DEC_UNDEFINED
        return 0
    byte = next8(i)
    if i.opcode == 0xc4:
        i.rex = <uint8_t>(~byte >> 5 & 7)
        space = byte & 31
        byte = next8(i)
        if byte & 0x80:
            i.rex |= 8
    else:
        i.rex = 4 if byte & 0x80 == 0 else 0
    i.vvvv = <uint8_t>(~byte >> 3 & 15)
    if i.mode != X86_MODE_64:
        i.rex &= 8
        i.vvvv &= 7
    i.vex_l = byte >> 2 & 1
    i.vex_w = i.rex >> 3
    if byte & 3 == 1:
        i.prefixes |= P_66
    elif byte & 3 == 2:
        i.prefixes |= P_REP
    elif byte & 3 == 3:
        i.prefixes |= P_REPNE
    i.opcode = <uint8_t>next8(i)
    return space if 1 <= space <= 3 else 0


cdef inline bint is_control(uint32_t kind) noexcept nogil:
    """Control and debug registers."""
    return kind == X86_C or kind == X86_D


cdef bint row_fits(const X86Row *row, X86Insn *i, uint64_t features) noexcept nogil:
    cdef uint32_t prefix = (3 if i.prefixes & P_REP else 4 if i.prefixes & P_REPNE else
                            2 if i.prefixes & P_66 else 1)
    if row.prefix and row.prefix != prefix:
        return False
    if row.reg != 255 and row.reg != (i.modrm >> 3 & 7):
        return False
    if row.mod and ((row.mod == 1) != (i.modrm >> 6 != 3)
                    or row.mod > 2 and row.mod - 3 != (i.modrm & 7)):
        return False
    if row.flags & ROW_VEX and (row.vex_l != 2 and row.vex_l != i.vex_l
                                or row.vex_w != 255 and row.vex_w != i.vex_w):
        return False
    if row.flags & (ROW_I64 if i.mode == X86_MODE_64 else ROW_O64):
        return False
    if row.flags & ROW_PM and not i.protected:
        return False
    if row.feature and not features & row.feature:
        return False
    return True


cdef uint32_t operand_log2(X86Insn *i, uint32_t size) noexcept nogil:
    """log2 of the bytes of an operand size X86S_*."""
    if size == X86S_b:
        return 0
    if size == X86S_w:
        return 1
    if size == X86S_d:
        return 2
    if size == X86S_q:
        return 3
    if size == X86S_y:
        return 3 if i.opsize == 3 else 2
    if size == X86S_z:
        return 2 if i.opsize == 3 else i.opsize
    return i.opsize


cdef void read_immediates(X86Insn *i) noexcept nogil:
    cdef uint32_t k, kind, size, n
    for k in range(i.row.n_ops):
        kind = i.row.ops[k].kind
        size = i.row.ops[k].size
        if kind == X86_I or kind == X86_J:
            n = 1 << operand_log2(i, size)
            if size == X86S_bs:
                n = 1
            if kind == X86_J and size == X86S_z and i.mode == X86_MODE_64:
                n = 4
            if i.n_imms < 2:
                i.imm[i.n_imms] = <uint64_t>next_signed(i, n)
                i.n_imms += 1
        elif kind == X86_O:
            i.is_mem = 1
            i.disp = next_signed(i, 1 << i.adsize)
        elif kind == X86_A:
            i.imm[0] = <uint64_t>next_signed(i, 2 if i.opsize == 1 else 4)
            i.imm[1] = <uint64_t>next_signed(i, 2) & 0xffff
            i.n_imms = 2
        elif kind == X86_L:
            i.imm[i.n_imms & 1] = <uint64_t>next_signed(i, 1)
            i.n_imms += 1


cdef uint32_t x86_decode(X86Insn *i, uint64_t features) noexcept nogil:
    """i.dc or i.code, avail, pc and mode are set, the rest is zero. Answers i.status."""
    cdef uint32_t space = 0, k
    cdef const X86Index *index
    cdef const X86Row *row
    cdef bint wide
    i.limit = 15 if features & X86F_i386 else 10
    i.seg = SEG_NONE
    i.base = REG_NONE
    i.index = REG_NONE
    i.addr = IR_NONE
    if not read_prefixes(i, features & X86F_i386 != 0):
        return i.status
    wide = i.mode != X86_MODE_REAL
    i.adsize = 3 if i.mode == X86_MODE_64 else 2 if wide else 1
    if i.prefixes & P_67:
        i.adsize = 2 if i.adsize != 2 else 1
    if i.opcode == 0x0f:
        space = 1
        i.opcode = <uint8_t>next8(i)
        if i.opcode == 0x38 or i.opcode == 0x3a:
            space = 2 if i.opcode == 0x38 else 3
            i.opcode = <uint8_t>next8(i)
    elif i.opcode == 0xc4 or i.opcode == 0xc5:
        k = next8(i)
        if i.status:
            return i.status
        i.length -= 1
        if i.mode == X86_MODE_64 or (k >= 0xc0 and i.protected):
            space = 4 + read_vex(i)
            if space == 4 and not i.status:
                i.status = DEC_UNDEFINED
    if i.status:
        return i.status
    i.opsize = 2 if wide else 1
    if i.prefixes & P_66:
        i.opsize = 1 if i.opsize == 2 else 2
    if i.rex & 8 and i.mode == X86_MODE_64:
        i.opsize = 3
    index = &x86_index[space * 256 + i.opcode]
    if index.count == 0:
        i.status = DEC_UNDEFINED
        return i.status
    if x86_rows[index.first].flags & ROW_MODRM:
        i.modrm = <uint8_t>next8(i)
        if i.status:
            return i.status
    row = &x86_rows[index.first]
    for k in range(index.count):
        if row_fits(row, i, features):
            i.row = row
            break
        row += 1
    if i.row == NULL:
        i.status = DEC_UNDEFINED
        return i.status
    row = i.row
    if row.prefix == 2 and not i.rex & 8 and space:
        i.opsize = 2 if wide else 1     # 66 is part of the opcode
    if i.mode == X86_MODE_64 and row.flags & (ROW_D64 | ROW_F64):
        if row.flags & ROW_F64 or not i.prefixes & P_66:
            i.opsize = 3
    if row.flags & ROW_MODRM:
        if is_control(row.ops[0].kind) or is_control(row.ops[1].kind):
            i.modrm |= 0xc0             # mod is ignored, so is 66 (SDM 2B, MOV)
            i.opsize = 3 if i.mode == X86_MODE_64 else 2
        read_modrm(i)
    read_immediates(i)
    if i.status:
        return i.status
    if i.prefixes & P_LOCK and not (row.flags & ROW_LOCK and i.is_mem):
        if features & X86F_i386:
            i.status = DEC_UNDEFINED
        i.prefixes &= ~<uint8_t>P_LOCK      # the 80286 takes it before any instruction
    if space >= 4 and i.vvvv and not uses_vvvv(row):
        i.status = DEC_UNDEFINED
    return i.status


cdef bint uses_vvvv(const X86Row *row) noexcept nogil:
    cdef uint32_t k
    for k in range(row.n_ops):
        if row.ops[k].kind == X86_B or row.ops[k].kind == X86_H:
            return True
    return False


# ---------------------------------------------------------------- text

cdef extern from *:
    """
    static const char *const x86_reg8[] = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil",
        "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b", "ah", "ch", "dh", "bh"};
    static const char *const x86_reg16[] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di",
        "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w", "r15w"};
    static const char *const x86_reg32[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi",
        "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d"};
    static const char *const x86_reg64[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
        "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
    static const char *const x86_segs[] = {"es", "cs", "ss", "ds", "fs", "gs", "?", "?"};
    static const char *const x86_ptr[] = {"byte", "word", "dword", "qword"};
    """
    const char *const x86_reg8[]
    const char *const x86_reg16[]
    const char *const x86_reg32[]
    const char *const x86_reg64[]
    const char *const x86_segs[]
    const char *const x86_ptr[]


ctypedef struct X86Text:
    char *text
    uint32_t size
    uint32_t used


cdef void put(X86Text *o, const char *text) noexcept nogil:
    while text[0]:
        if o.used + 1 < o.size:
            o.text[o.used] = text[0]
            o.text[o.used + 1] = 0
        o.used += 1
        text += 1


cdef void put_hex(X86Text *o, uint64_t value) noexcept nogil:
    cdef char digits[24]
    snprintf(digits, sizeof(digits), b"0x%llx" if value > 9 else b"%llu",
             <unsigned long long>value)
    put(o, digits)


cdef void put_decimal(X86Text *o, uint64_t value) noexcept nogil:
    cdef char digits[24]
    snprintf(digits, sizeof(digits), b"%llu", <unsigned long long>value)
    put(o, digits)


cdef const char *reg_name(X86Insn *i, uint32_t log2, uint32_t n) noexcept nogil:
    if log2 == 0:
        return x86_reg8[n + 12 if 4 <= n < 8 and not i.prefixes & P_REX else n]
    return x86_reg16[n] if log2 == 1 else x86_reg32[n] if log2 == 2 else x86_reg64[n]


cdef void put_memory(X86Text *o, X86Insn *i, uint32_t log2, bint sized) noexcept nogil:
    cdef bint some = False
    cdef uint64_t mask = 0xffff if i.adsize == 1 else 0xffffffffULL if i.adsize == 2 else ~0ULL
    if sized:
        put(o, x86_ptr[log2])
        put(o, b" ptr ")
    if i.seg != SEG_NONE:
        put(o, x86_segs[i.seg])
        put(o, b":")
    put(o, b"[")
    if i.rip:
        put(o, b"rip")
        some = True
    if i.base != REG_NONE:
        put(o, reg_name(i, i.adsize, i.base))
        some = True
    if i.index != REG_NONE:
        put(o, b" + " if some else b"")
        if is_gather(i):
            put(o, b"ymm" if i.vex_l and (i.opcode & 1 or not i.vex_w) else b"xmm")
            put_decimal(o, i.index)
        else:
            put(o, reg_name(i, i.adsize, i.index))
        if i.scale:
            put(o, b"*")
            put_hex(o, 1ULL << i.scale)
        some = True
    if not some:
        put_hex(o, <uint64_t>i.disp & mask)
    elif i.disp < 0:
        put(o, b" - ")
        put_hex(o, 0 - <uint64_t>i.disp)
    elif i.disp:
        put(o, b" + ")
        put_hex(o, <uint64_t>i.disp)
    put(o, b"]")


cdef void put_operand(X86Text *o, X86Insn *i, const X86Operand *op, uint32_t *imm) noexcept nogil:
    cdef uint32_t log2 = operand_log2(i, op.size)
    cdef uint64_t value, mask
    cdef char number[8]
    mask = ~0ULL >> (64 - (8 << log2))
    if op.size == X86S_bs:
        mask = ~0ULL >> (64 - (8 << i.opsize))
    if op.kind == X86_E or op.kind == X86_M or op.kind == X86_R or op.kind == X86_Mp:
        if i.is_mem:
            if op.size == X86S_t:
                put(o, b"tbyte ptr ")
            put_memory(o, i, log2, op.size != X86S_none and op.size != X86S_t
                       and op.kind != X86_Mp)
        else:
            put(o, reg_name(i, log2, i.rm))
    elif op.kind == X86_G:
        put(o, reg_name(i, log2, i.reg))
    elif op.kind == X86_V or op.kind == X86_H or op.kind == X86_U or op.kind == X86_L or (
            op.kind == X86_W and not i.is_mem):
        put(o, b"ymm" if i.row.flags & ROW_VEX and i.vex_l and op.size == X86S_x else b"xmm")
        put_decimal(o, i.reg if op.kind == X86_V else i.vvvv if op.kind == X86_H else
                    i.imm[0] >> 4 & 15 if op.kind == X86_L else i.rm)
    elif op.kind == X86_P or op.kind == X86_N or (op.kind == X86_Q and not i.is_mem):
        put(o, b"mm")
        put_decimal(o, (i.reg if op.kind == X86_P else i.rm) & 7)
    elif op.kind == X86_W or op.kind == X86_Q:
        if op.size == X86S_x or op.size == X86S_dq:
            put(o, b"ymmword ptr " if i.row.flags & ROW_VEX and i.vex_l and op.size == X86S_x else
                b"xmmword ptr ")
        put_memory(o, i, log2, op.size != X86S_x and op.size != X86S_dq)
    elif op.kind == X86_ST:
        put(o, b"st(")
        put_decimal(o, op.fixed if op.fixed < 8 else i.modrm & 7)
        put(o, b")")
    elif op.kind == X86_B:
        put(o, reg_name(i, log2, i.vvvv))
    elif op.kind == X86_Z:
        put(o, reg_name(i, log2, (i.opcode & 7) | (8 if i.rex & 1 else 0)))
    elif op.kind == X86_reg:
        put(o, reg_name(i, log2, op.fixed))
    elif op.kind == X86_S:
        put(o, x86_segs[i.reg & 7])
    elif op.kind == X86_C or op.kind == X86_D:
        snprintf(number, sizeof(number), b"cr%u" if op.kind == X86_C else b"dr%u",
                 <unsigned>i.reg)
        put(o, number)
    elif op.kind == X86_one:
        put(o, b"1")
    elif op.kind == X86_I:
        put_hex(o, i.imm[imm[0]] & mask)
        imm[0] += 1
    elif op.kind == X86_J:
        value = i.pc + i.length + i.imm[imm[0]]
        if i.mode != X86_MODE_64:
            value &= 0xffffffffULL
        put_hex(o, value)
        imm[0] += 1
    elif op.kind == X86_A:
        put_hex(o, i.imm[1])
        put(o, b":")
        put_hex(o, i.imm[0] & (0xffff if i.opsize == 1 else 0xffffffffULL))
    elif op.kind == X86_O:
        put_memory(o, i, log2, True)
    elif op.kind == X86_X or op.kind == X86_Y:
        put(o, x86_ptr[log2])
        put(o, b" ptr [" if op.kind == X86_X or i.mode == X86_MODE_64 else b" ptr es:[")
        put(o, reg_name(i, i.adsize, R_SI if op.kind == X86_X else R_DI))
        put(o, b"]")


cdef uint32_t x86_text(X86Insn *i, char *out, uint32_t out_size) noexcept nogil:
    cdef X86Text o
    cdef uint32_t k, imm = 0
    o.text = out
    o.size = out_size
    o.used = 0
    if out_size:
        out[0] = 0
    if i.prefixes & P_LOCK:
        put(&o, b"lock ")
    for k in range(i.row.n_ops):
        if i.row.ops[k].kind == X86_X or i.row.ops[k].kind == X86_Y:
            if i.prefixes & P_REP:
                put(&o, b"rep ")
            elif i.prefixes & P_REPNE:
                put(&o, b"repne ")
            break
    put(&o, i.row.name)
    for k in range(i.row.n_ops):
        put(&o, b", " if k else b" ")
        put_operand(&o, i, &i.row.ops[k], &imm)
    return o.used
