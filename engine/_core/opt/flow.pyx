# Control-flow cleanup: see flow.pxd.
from libc.string cimport memset
from engine._core.base.types cimport uint8_t, uint32_t
from engine._core.ir.ir cimport (IR, IROp, OP_br, OP_brcond, OP_brcond32, OP_label, OPF_COND,
                                 OPF_END, cond_invert, ir_remove, op_table)

cdef enum:
    MAX_HOPS = 8                # branches to branches followed at once; a loop of them ends here


cdef inline uint32_t *label_arg(IROp *op) noexcept nogil:
    """The label a branch goes to, or NULL."""
    if op.opc == OP_br or op_table[op.opc].flags & OPF_COND:
        return &op.args[op_table[op.opc].n_args - 1]
    return NULL


cdef inline uint32_t after_label(IR *s, uint32_t label) noexcept nogil:
    """The first op at a label that is not a label itself."""
    cdef uint32_t i = s.ops[s.label_op[label]].next
    while i and s.ops[i].opc == OP_label:
        i = s.ops[i].next
    return i


cdef inline bint leads_to(IR *s, uint32_t i, uint32_t label) noexcept nogil:
    """Whether control from op i on reaches the label before any other op."""
    while i and s.ops[i].opc == OP_label:
        if s.ops[i].args[0] == label:
            return True
        i = s.ops[i].next
    return False


# One walk in order: marks the labels that reachable branches go to. True: a new one was found.
cdef bint mark(IR *s, uint8_t *used) noexcept nogil:
    cdef uint32_t i = s.ops[0].next
    cdef uint32_t *label
    cdef bint found = False, open = True
    while i:
        if s.ops[i].opc == OP_label:
            open = open or used[s.ops[i].args[0]] != 0
        elif open:
            label = label_arg(&s.ops[i])
            if label != NULL and not used[label[0]]:
                used[label[0]] = 1
                found = True
            open = not op_table[s.ops[i].opc].flags & OPF_END
        i = s.ops[i].next
    return found


cdef bint unreachable_ops(IR *s) noexcept nogil:
    cdef uint8_t[2048] used     # IR_MAX_LABELS
    cdef uint32_t i, j
    cdef bint changed = False, open = True
    memset(used, 0, s.n_labels)
    while mark(s, used):
        pass
    i = s.ops[0].next
    while i:
        j = s.ops[i].next
        if s.ops[i].opc == OP_label:
            if used[s.ops[i].args[0]]:
                open = True
            else:
                ir_remove(s, i)
                changed = True
        elif not open:
            ir_remove(s, i)
            changed = True
        elif op_table[s.ops[i].opc].flags & OPF_END:
            open = False
        i = j
    return changed


cdef bint branches(IR *s) noexcept nogil:
    cdef uint32_t i = s.ops[0].next, j, k, hops
    cdef uint32_t *label
    cdef IROp *op
    cdef bint changed = False
    while i:
        op = &s.ops[i]
        j = op.next
        label = label_arg(op)
        if label != NULL:
            hops = 0
            k = after_label(s, label[0])
            while hops < MAX_HOPS and s.ops[k].opc == OP_br and s.ops[k].args[0] != label[0]:
                label[0] = s.ops[k].args[0]
                k = after_label(s, label[0])
                hops += 1
                changed = True
            if leads_to(s, j, label[0]):
                ir_remove(s, i)
                changed = True
            elif ((op.opc == OP_brcond or op.opc == OP_brcond32) and s.ops[j].opc == OP_br
                  and leads_to(s, s.ops[j].next, label[0])):
                # brcond over a br: the inverse branch alone
                op.args[2] = cond_invert(op.args[2])
                label[0] = s.ops[j].args[0]
                k = j
                j = i               # look at the new branch again
                ir_remove(s, k)
                changed = True
        i = j
    return changed


cdef bint pass_flow(IR *s) noexcept nogil:
    cdef bint changed = unreachable_ops(s)
    cdef uint32_t round = 0
    while round < 4 and branches(s):
        unreachable_ops(s)
        changed = True
        round += 1
    return changed
