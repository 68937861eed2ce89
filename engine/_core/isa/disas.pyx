# The printer of instructions: walks a guest's template and operand tables.
# Lives here: operands, styles, writing within the caller's buffer. Does not live here: which
# pattern an instruction is (match_gen.pxi). Called by the generated <guest>_disas functions.

ctypedef struct Out:
    char *text
    uint32_t size
    uint32_t used               # characters the whole text needs so far


cdef inline void put(Out *o, char c) noexcept nogil:
    if o.used + 1 < o.size:
        o.text[o.used] = c
    o.used += 1


cdef void put_text(Out *o, const char *text) noexcept nogil:
    while text[0]:
        put(o, text[0])
        text += 1


cdef void put_number(Out *o, uint64_t value, uint32_t base) noexcept nogil:
    cdef char digits[24]
    cdef int n = 0
    cdef uint32_t digit
    while True:
        digit = <uint32_t>(value % base)
        digits[n] = <char>((48 if digit < 10 else 87) + digit)
        n += 1
        value = value / base
        if value == 0:
            break
    while n > 0:
        n -= 1
        put(o, digits[n])


cdef int64_t operand_value(const DisasTables *t, const DisasOperand *row,
                           uint64_t insn) noexcept nogil:
    cdef uint64_t value = 0
    cdef uint32_t i, piece, width, total = 0
    for i in range(row.count):
        piece = t.pieces[row.first + i]
        width = piece >> 8
        value = value << width | insn >> (piece & 0xff) & ((1ULL << width) - 1)
        total += width
    if row.is_signed and value >> (total - 1) & 1:
        value -= 1ULL << total
    return <int64_t>((value << row.shift) + <uint64_t><int64_t>row.add)


cdef void put_operand(Out *o, const DisasTables *t, const DisasOperand *row, uint64_t insn,
                      uint64_t pc) noexcept nogil:
    cdef int64_t value = operand_value(t, row, insn)
    cdef uint64_t bits = <uint64_t>value >> row.rshift & row.mask
    cdef uint32_t i
    cdef const DisasTable *table
    if row.kind == DISAS_TABLE:
        table = &t.tables[row.param]
        for i in range(table.first, <uint32_t>table.first + table.count):
            if t.words[i].value == value:
                put_text(o, t.texts[t.words[i].text])
                return
    if row.kind == DISAS_PREFIX:
        put_text(o, t.texts[row.param])
        put_number(o, bits, 10)
    elif row.kind == DISAS_DEC:
        if row.rshift == 0 and row.mask == 0xffffffffffffffffULL and value < 0:
            put(o, 45)
            bits = 0 - bits
        put_number(o, bits, 10)
    else:
        put(o, 48)
        put(o, 120)
        put_number(o, (pc + <uint64_t>value) & t.word_mask if row.kind == DISAS_PCREL else bits, 16)


cdef uint32_t disas_print(const DisasTables *t, uint64_t insn, uint64_t pc, char *out,
                          uint32_t size) noexcept nogil:
    cdef Out o
    cdef const unsigned char *code = t.code
    o.text = out
    o.size = size
    o.used = 0
    while code[0]:
        if code[0] == DISAS_ARG:
            put_operand(&o, t, &t.operands[code[1] | <uint32_t>code[2] << 8], insn, pc)
            code += 3
        else:
            put(&o, <char>code[0])
            code += 1
    if size:
        out[o.used if o.used < size else size - 1] = 0
    return o.used
