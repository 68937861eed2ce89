# Verifier: what every block must satisfy before and after each pass.
# Lives here: checks of one op, of control flow, of locals being written before they are read. Does
# not live here: repair. Called by: tests, and whoever suspects a translator or a pass.
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free
from engine._core.base.types cimport *
from engine._core.ir.ir cimport *

ctypedef struct Check:
    IR *s
    const char *problem
    uint32_t op
    uint32_t row                # the row that comes next


cdef bint check_temp(Check *c, uint32_t t, uint32_t kind, bint out, bint optional) noexcept nogil:
    cdef IRTemp *temp
    if t == IR_NONE and optional:
        return True
    if t >= c.s.n_temps:
        c.problem = "an operand is no temp"
        return False
    temp = &c.s.temps[t]
    if out and temp.kind == TEMP_CONST:
        c.problem = "a constant is written"
        return False
    if temp.type != (TYPE_I if kind == ARG_I else (TYPE_F if kind == ARG_F else TYPE_V)):
        c.problem = "an operand has the wrong type"
        return False
    return True


cdef bint check_const(Check *c, IROp *op, uint32_t kind, uint32_t v) noexcept nogil:
    cdef IR *s = c.s
    if kind == ARG_COND and v >= COND_COUNT:
        c.problem = "no such condition"
    elif kind == ARG_LABEL:
        if v >= s.n_labels:
            c.problem = "no such label"
        elif not s.label_op[v]:
            c.problem = "a branch goes to a label that is not placed"
        elif op.opc == OP_label and s.label_op[v] != c.op:
            c.problem = "a label is placed twice"
    elif kind == ARG_OI and v >= 1 << 13:
        c.problem = "bad access kind"
    elif kind == ARG_OI and (op.opc == OP_vgld or op.opc == OP_vgst):
        if ((v >> 4) & MO_SIZE) < MO_32 or ((v >> 4) & MO_SIZE) > MO_128:
            c.problem = "the access of a vector is not of 4, 8 or 16 bytes"
        elif (v >> 4) & MO_SIGN:
            c.problem = "the access of a vector extends by a sign"
    elif kind == ARG_OI and ((v >> 4) & MO_SIZE) > MO_64:
        c.problem = "an access is larger than 8 bytes"
    elif kind == ARG_POS and v > 63:
        c.problem = "a bit field starts after bit 63"
    elif kind == ARG_LEN and (v == 0 or v + op.args[op_table[op.opc].n_args - 2] > 64):
        c.problem = "a bit field is empty or goes past bit 63"
    elif kind == ARG_RM and v > 5 and v != 7:
        c.problem = "bad rounding mode"
    elif kind == ARG_EXIT and v >= s.n_exits:
        c.problem = "no such exit"
    elif kind == ARG_PC and v >= s.n_pcs:
        c.problem = "no such pc"
    elif kind == ARG_HELPER and v >= s.n_helpers:
        c.problem = "no such helper"
    elif kind == ARG_ROW:
        if v >= s.n_rows or v < c.row:
            c.problem = "rows are out of order"
        c.row = v + 1
    elif kind == ARG_N and op.opc == OP_icount and (v == 0 or v > IR_MAX_ROWS):
        c.problem = "bad instruction count"
    return c.problem == NULL


cdef void check_op(Check *c, IROp *op) noexcept nogil:
    cdef const OpInfo *info
    cdef uint32_t k, kind
    cdef bint is_call = op.opc == OP_call or op.opc == OP_callv
    if op.opc == OP_none or op.opc >= OP_COUNT:
        c.problem = "no such op"
        return
    info = &op_table[op.opc]
    if op.n_args != info.n_args:
        c.problem = "wrong number of operands"
        return
    for k in range(info.n_args):
        kind = info.args[k]
        if kind == ARG_I or kind == ARG_F or kind == ARG_V:
            if not check_temp(c, op.args[k], kind, k < info.n_outs,
                              is_call and k >= info.n_outs):
                return
        elif not check_const(c, op, kind, op.args[k]):
            return
    if op.opc == OP_call and c.s.helpers[op.args[5]].flags & HF_STATUS:
        c.problem = "a helper with a status is called for its value"


# Must-be-written analysis of locals over the whole block: one bit a local, one set a label.
cdef void check_written(Check *c) noexcept nogil:
    cdef IR *s = c.s
    cdef uint32_t words = (s.n_temps + 63) >> 6
    cdef uint64_t *sets = <uint64_t *>calloc(<size_t>words * (s.n_labels + 1), 8)
    cdef uint8_t *known = <uint8_t *>calloc(s.n_labels + 1, 1)
    cdef uint64_t *now
    cdef uint32_t i, k, t, w, label
    cdef bint again = True, alive, report = False
    cdef const OpInfo *info
    cdef IROp *op
    if sets == NULL or known == NULL:
        free(sets)
        free(known)
        return
    now = sets + <size_t>words * s.n_labels
    while again or not report:
        report = not again
        again = False
        alive = True
        for w in range(words):
            now[w] = 0
        i = s.ops[0].next
        while i:
            op = &s.ops[i]
            info = &op_table[op.opc]
            if op.opc == OP_label:
                label = op.args[0]
                if alive:
                    again |= merge(sets + <size_t>words * label, now, words, &known[label])
                for w in range(words):
                    now[w] = sets[<size_t>words * label + w]
                alive = known[label] != 0
            elif alive:
                if report:
                    for k in range(info.n_outs, <uint32_t>info.n_outs + info.n_ins):
                        t = op.args[k]
                        if (t != IR_NONE and s.temps[t].kind == TEMP_LOCAL
                                and not (now[t >> 6] >> (t & 63)) & 1):
                            c.problem = "a local is read before it is written"
                            c.op = i
                for k in range(info.n_outs):
                    t = op.args[k]
                    now[t >> 6] |= 1ULL << (t & 63)
                if op.opc == OP_br or info.flags & OPF_COND:
                    label = op.args[info.n_args - 1]
                    again |= merge(sets + <size_t>words * label, now, words, &known[label])
                if info.flags & OPF_END:
                    alive = False
            i = op.next
    free(sets)
    free(known)


cdef bint merge(uint64_t *into, const uint64_t *now, uint32_t words, uint8_t *known) noexcept nogil:
    cdef bint changed = not known[0]
    cdef uint32_t w
    for w in range(words):
        if not known[0]:
            into[w] = now[w]
        elif into[w] & ~now[w]:
            into[w] &= now[w]
            changed = True
    known[0] = 1
    return changed


cdef const char *ir_verify(IR *s, char *buf, uint32_t size) noexcept nogil:
    cdef Check c
    cdef uint32_t i = s.ops[0].next, before = 0
    cdef bint open = True       # control can reach the end of what was read so far
    c.s = s
    c.problem = NULL
    c.op = 0
    c.row = 0
    if s.status != IR_OK:
        c.problem = "the block is too large"
    while i and c.problem == NULL:
        c.op = i
        if s.ops[i].prev != before:
            c.problem = "the list of ops is broken"
            break
        check_op(&c, &s.ops[i])
        if c.problem != NULL:
            break
        if s.ops[i].opc == OP_label:
            open = True
        elif op_table[s.ops[i].opc].flags & OPF_END:
            open = False
        before = i
        i = s.ops[i].next
    if c.problem == NULL and open:
        c.problem = "control runs off the end of the block"
    if c.problem == NULL:
        check_written(&c)
    if c.problem == NULL:
        return NULL
    i = s.ops[c.op].opc
    snprintf(buf, size, "op %u (%s): %s", c.op, op_table[i if i < OP_COUNT else 0].name, c.problem)
    return buf
