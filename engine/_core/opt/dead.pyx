# Dead code: liveness of temps across the whole block, backwards, to a fixed point.
# Lives here: which ops need what, and the removal. Called by: passes.pyx.
#
# All globals are live wherever the outside can see them: at memory accesses and counts (which may
# leave), at calls that read globals or may leave, at ends of the block. Between such points an
# overwritten global is dead like any local. An op is needed if it has an effect or writes something
# live; what only dead ops read is dead (the sets start empty, so dead loops stay dead).
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.ir.ir cimport (HF_NO_READ, HF_PURE, HF_STATUS, IR, IR_NONE, IROp, OP_br, OP_call,
                                 OP_callv, OP_label, OpInfo, OPF_COND, OPF_END, OPF_LOAD, OPF_MEM,
                                 OPF_PURE, ir_remove, op_table)


cdef bint sees_globals(IR *s, IROp *op) noexcept nogil:
    cdef uint32_t flags
    if op.opc == OP_call or op.opc == OP_callv:
        flags = s.helpers[op.args[5 if op.opc == OP_call else 4]].flags
        return flags & HF_STATUS or not flags & (HF_PURE | HF_NO_READ)
    return op.opc != OP_br and op_table[op.opc].flags & (OPF_MEM | OPF_END) != 0


cdef bint droppable(IR *s, IROp *op) noexcept nogil:
    if op.opc == OP_call:
        return s.helpers[op.args[5]].flags & HF_PURE != 0
    return op_table[op.opc].flags & (OPF_PURE | OPF_LOAD) != 0


# One backward walk. Answers whether a label's set grew; removes dead ops if `remove`.
cdef bint walk(IR *s, uint64_t *sets, uint64_t *live, uint32_t words, bint remove) noexcept nogil:
    cdef uint32_t i = s.ops[0].prev, before, k, t, w
    cdef uint64_t *set
    cdef uint64_t more
    cdef const OpInfo *info
    cdef IROp *op
    cdef bint grew = False, needed
    memset(live, 0, words * 8)
    while i:
        op = &s.ops[i]
        before = op.prev
        info = &op_table[op.opc]
        if op.opc == OP_label:
            set = sets + <size_t>op.args[0] * words
            for w in range(words):
                more = live[w] & ~set[w]
                if more:
                    set[w] |= more
                    grew = True
            i = before
            continue
        if info.flags & OPF_END:
            memset(live, 0, words * 8)
        if op.opc == OP_br:
            memcpy(live, sets + <size_t>op.args[0] * words, words * 8)
        elif info.flags & OPF_COND:
            set = sets + <size_t>op.args[info.n_args - 1] * words
            for w in range(words):
                live[w] |= set[w]
        needed = not droppable(s, op)
        for k in range(info.n_outs):
            t = op.args[k]
            if live[t >> 6] >> (t & 63) & 1:
                needed = True
        if not needed:
            if remove:
                ir_remove(s, i)
            i = before
            continue
        for k in range(info.n_outs):
            t = op.args[k]
            live[t >> 6] &= ~(1ULL << (t & 63))
        if sees_globals(s, op):
            for w in range(s.n_globals >> 6):
                live[w] = ~0ULL
            if s.n_globals & 63:
                live[s.n_globals >> 6] |= (1ULL << (s.n_globals & 63)) - 1
        for k in range(info.n_outs, <uint32_t>info.n_outs + info.n_ins):
            t = op.args[k]
            if t != IR_NONE:
                live[t >> 6] |= 1ULL << (t & 63)
        i = before
    return grew


cdef void pass_dead(IR *s) noexcept nogil:
    cdef uint32_t words = (s.n_temps + 63) >> 6
    cdef uint64_t *sets = <uint64_t *>calloc(<size_t>words * (s.n_labels + 1), 8)
    cdef uint64_t *live
    if sets == NULL:
        return                  # out of memory: the block is right as it is, only longer
    live = sets + <size_t>words * s.n_labels
    while walk(s, sets, live, words, False):
        pass
    walk(s, sets, live, words, True)
    free(sets)
