# The IR's arena, interning and builder.
# Lives here: allocation, temps, labels, exits, list surgery, instruction counting. Does not live
# here: checking (verify.pyx), text (text.pyx), rewriting (opt/). Called by: isa/ (build), opt/,
# backend/.
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset
from engine._core.base.types cimport uint8_t, uint16_t, uint32_t, uint64_t
from engine._core.ir.ops_gen cimport *

cdef enum:
    CONST_HASH_SIZE = 8192          # twice IR_MAX_TEMPS: never full


cdef IR *ir_new() noexcept nogil:
    """An empty IR, or NULL without memory. The arrays have their largest size; the host commits
    only what is used."""
    cdef IR *s = <IR *>calloc(1, sizeof(IR))
    if s == NULL:
        return NULL
    s.temps = <IRTemp *>malloc(IR_MAX_TEMPS * sizeof(IRTemp))
    s.ops = <IROp *>malloc(IR_MAX_OPS * sizeof(IROp))
    s.rows = <uint64_t *>malloc(IR_MAX_ROWS * IR_ROW_WORDS * sizeof(uint64_t))
    s.pcs = <uint64_t *>malloc(IR_MAX_EXITS * sizeof(uint64_t))
    s.exits = <IRExit *>malloc(IR_MAX_EXITS * sizeof(IRExit))
    s.label_op = <uint16_t *>malloc(IR_MAX_LABELS * sizeof(uint16_t))
    s.helpers = <const HelperInfo **>malloc(IR_MAX_HELPERS * sizeof(void *))
    s.const_hash = <uint16_t *>malloc(CONST_HASH_SIZE * sizeof(uint16_t))
    s.const_hash_mask = CONST_HASH_SIZE - 1
    if (s.temps == NULL or s.ops == NULL or s.rows == NULL or s.pcs == NULL or s.exits == NULL
            or s.label_op == NULL or s.helpers == NULL or s.const_hash == NULL):
        ir_free(s)
        return NULL
    memset(s.const_hash, 0, CONST_HASH_SIZE * sizeof(uint16_t))
    ir_reset(s)
    return s


cdef void ir_free(IR *s) noexcept nogil:
    if s == NULL:
        return
    free(s.temps)
    free(s.ops)
    free(s.rows)
    free(s.pcs)
    free(s.exits)
    free(s.label_op)
    free(s.helpers)
    free(s.const_hash)
    free(s)


cdef void ir_reset(IR *s) noexcept nogil:
    if s.n_consts:
        memset(s.const_hash, 0, CONST_HASH_SIZE * sizeof(uint16_t))
    s.n_temps = s.n_globals
    s.n_ops = 1
    s.n_labels = 0
    s.n_rows = 0
    s.n_exits = 0
    s.n_pcs = 0
    s.n_helpers = 0
    s.n_consts = 0
    s.n_locals = 0
    s.status = IR_OK
    s.last_insn_op = 0
    memset(&s.ops[0], 0, sizeof(IROp))


# Temp 0 stands in when a limit was hit: the block is thrown away then (s.status).
cdef uint32_t new_temp(IR *s, uint32_t kind, uint32_t type) noexcept nogil:
    cdef IRTemp *t
    if s.n_temps >= IR_MAX_TEMPS:
        s.status = IR_FULL
        return 0
    t = &s.temps[s.n_temps]
    t.kind = <uint8_t>kind
    t.type = <uint8_t>type
    t.reg = 0
    t.offset = 0
    t.value = 0
    t.name = NULL
    s.n_temps += 1
    return s.n_temps - 1


cdef uint32_t ir_global(IR *s, int type, uint32_t offset, const char *name) noexcept nogil:
    """Declare a global. Before the first local or constant; the name must outlive the IR."""
    cdef uint32_t t = new_temp(s, TEMP_GLOBAL, <uint32_t>type)
    s.temps[t].offset = offset
    s.temps[t].name = name
    s.n_globals = s.n_temps
    return t


cdef uint32_t ir_local(IR *s, int type) noexcept nogil:
    s.n_locals += 1
    return new_temp(s, TEMP_LOCAL, <uint32_t>type)


cdef uint32_t intern(IR *s, uint64_t value, uint32_t type) noexcept nogil:
    cdef uint64_t h = (value ^ (value >> 29) ^ type) * 0x9e3779b97f4a7c15ULL
    cdef uint32_t slot = <uint32_t>(h >> 48) & s.const_hash_mask
    cdef uint32_t t
    while s.const_hash[slot]:
        t = s.const_hash[slot]
        if s.temps[t].value == value and s.temps[t].type == type:
            return t
        slot = (slot + 1) & s.const_hash_mask
    t = new_temp(s, TEMP_CONST, type)
    if s.status != IR_OK:
        return 0
    s.temps[t].value = value
    s.n_consts += 1
    # Temp 0 is "no entry" in the hash: a constant that gets number 0 is not shared, only that.
    s.const_hash[slot] = <uint16_t>t
    return t


cdef uint32_t ir_const(IR *s, uint64_t value) noexcept nogil:
    return intern(s, value, TYPE_I)


cdef uint32_t ir_constf(IR *s, uint64_t bits) noexcept nogil:
    return intern(s, bits, TYPE_F)


cdef uint32_t ir_new_label(IR *s) noexcept nogil:
    if s.n_labels >= IR_MAX_LABELS:
        s.status = IR_FULL
        return 0
    s.label_op[s.n_labels] = 0
    s.n_labels += 1
    return s.n_labels - 1


cdef void ir_place_label(IR *s, uint32_t label) noexcept nogil:
    s.label_op[label] = <uint16_t>ir_append(s, OP_label, 1, &label)


cdef uint32_t ir_exit(IR *s, uint64_t pc) noexcept nogil:
    if s.n_exits >= IR_MAX_EXITS:
        s.status = IR_FULL
        return 0
    s.exits[s.n_exits].pc = pc
    s.n_exits += 1
    return s.n_exits - 1


cdef uint32_t ir_pc(IR *s, uint64_t pc) noexcept nogil:
    if s.n_pcs and s.pcs[s.n_pcs - 1] == pc:
        return s.n_pcs - 1
    if s.n_pcs >= IR_MAX_EXITS:
        s.status = IR_FULL
        return 0
    s.pcs[s.n_pcs] = pc
    s.n_pcs += 1
    return s.n_pcs - 1


cdef void ir_insn_start(IR *s, uint64_t pc, uint64_t w1, uint64_t w2) noexcept nogil:
    cdef uint32_t row = s.n_rows
    cdef uint64_t *words = &s.rows[row * IR_ROW_WORDS]
    if row >= IR_MAX_ROWS:
        s.status = IR_FULL
        return
    words[0] = pc
    words[1] = w1
    words[2] = w2
    words[3] = 0
    s.n_rows += 1
    s.last_insn_op = ir_append(s, OP_insn_start, 1, &row)


cdef uint32_t ir_helper(IR *s, const HelperInfo *h) noexcept nogil:
    cdef uint32_t number = s.n_helpers
    while number:
        number -= 1
        if s.helpers[number] == h:
            return number
    if s.n_helpers >= IR_MAX_HELPERS:
        s.status = IR_FULL
        return 0
    s.helpers[s.n_helpers] = h
    s.n_helpers += 1
    return s.n_helpers - 1


cdef void ir_call(IR *s, const HelperInfo *h, uint32_t out, uint32_t a, uint32_t b, uint32_t c,
                  uint32_t d) noexcept nogil:
    cdef uint32_t[6] v
    v[0] = out
    v[1] = a
    v[2] = b
    v[3] = c
    v[4] = d
    v[5] = ir_helper(s, h)
    if out == IR_NONE:
        ir_append(s, OP_callv, 5, &v[1])
    else:
        ir_append(s, OP_call, 6, &v[0])


cdef uint32_t ir_append(IR *s, uint32_t opc, uint32_t n_args, const uint32_t *args) noexcept nogil:
    return ir_insert_before(s, 0, opc, n_args, args)


cdef uint32_t ir_insert_before(IR *s, uint32_t where, uint32_t opc, uint32_t n_args,
                               const uint32_t *args) noexcept nogil:
    """Answers the new op's index, 0 when the block is full."""
    cdef IROp *op
    cdef uint32_t number, i
    cdef uint32_t prev = s.ops[where].prev
    if s.n_ops >= IR_MAX_OPS or n_args > IR_MAX_ARGS:
        s.status = IR_FULL
        return 0
    number = s.n_ops
    s.n_ops += 1
    op = &s.ops[number]
    op.opc = <uint16_t>opc
    op.n_args = <uint16_t>n_args
    op.prev = <uint16_t>prev
    op.next = <uint16_t>where
    op.aux = 0
    for i in range(n_args):
        op.args[i] = args[i]
    s.ops[prev].next = <uint16_t>number
    s.ops[where].prev = <uint16_t>number
    return number


cdef void ir_remove(IR *s, uint32_t op) noexcept nogil:
    cdef IROp *o = &s.ops[op]
    if op == 0 or o.opc == OP_none:
        return
    if o.opc == OP_label and s.label_op[o.args[0]] == op:
        s.label_op[o.args[0]] = 0
    s.ops[o.prev].next = o.next
    s.ops[o.next].prev = o.prev
    o.opc = OP_none


cdef void ir_op1(IR *s, uint32_t opc, uint32_t d, uint32_t a) noexcept nogil:
    cdef uint32_t[2] v
    v[0] = d
    v[1] = a
    ir_append(s, opc, 2, &v[0])


cdef void ir_op2(IR *s, uint32_t opc, uint32_t d, uint32_t a, uint32_t b) noexcept nogil:
    cdef uint32_t[3] v
    v[0] = d
    v[1] = a
    v[2] = b
    ir_append(s, opc, 3, &v[0])


cdef void ir_count_blocks(IR *s) noexcept nogil:
    """Instructions are counted where a basic block starts its first one: `icount n` follows that
    insn_start, so that a stop there unwinds to that instruction. What comes before it in the basic
    block belongs to an instruction counted earlier. Row word 3 says how much of the count an unwind
    from that instruction gives back."""
    cdef uint32_t i = s.ops[0].next, first = 0, count = 0, j, row, n
    cdef uint32_t flags
    while True:
        flags = OPF_END if i == 0 else op_table[s.ops[i].opc].flags
        if i == 0 or s.ops[i].opc == OP_label or flags & (OPF_END | OPF_COND):
            if count:
                n = count
                j = first
                while count:
                    if s.ops[j].opc == OP_insn_start:
                        row = s.ops[j].args[0]
                        s.rows[row * IR_ROW_WORDS + 3] = count
                        count -= 1
                    j = s.ops[j].next
                ir_insert_before(s, s.ops[first].next, OP_icount, 1, &n)
            first = 0
        elif s.ops[i].opc == OP_insn_start:
            if count == 0:
                first = i
            count += 1
        if i == 0:
            return
        i = s.ops[i].next
