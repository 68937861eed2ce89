# Register allocation, see regalloc.pxd. Every step is linear in the size of the block but for the
# choice of globals, which is a few passes over the temps.
from libc.string cimport memset
from engine._core.base.bits cimport popcnt64
from engine._core.base.types cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from engine._core.ir.ops_gen cimport *
from engine._core.ir.ir cimport (HF_NO_READ, HF_NO_WRITE, HF_PURE, HF_STATUS, IR, IR_NONE, IROp,
                                 IRTemp, TEMP_CONST, TEMP_GLOBAL, TEMP_LOCAL, ir_remove)


cdef enum:                      # how far fold_moves looks
    FOLD_BACK = 6
    FOLD_AHEAD = 48


cdef uint32_t call_flags(IR *s, const IROp *op) noexcept nogil:
    return s.helpers[op.args[op.n_args - 1]].flags


cdef bint ra_syncs(IR *s, const IROp *op) noexcept nogil:
    cdef uint32_t opc = op.opc, flags
    if opc == OP_call or opc == OP_callv:
        flags = call_flags(s, op)
        if flags & HF_STATUS:
            return True
        # One that only writes needs it as well: what it does not write is reloaded, too.
        return not (flags & HF_PURE or (flags & HF_NO_READ and flags & HF_NO_WRITE))
    return (op_table[opc].flags & OPF_MEM or opc == OP_goto_tb or opc == OP_goto_ptr
            or opc == OP_goto_ret or opc == OP_leave)


cdef bint ra_clobbers(IR *s, const IROp *op) noexcept nogil:
    if op.opc == OP_call or op.opc == OP_callv:
        return not call_flags(s, op) & (HF_PURE | HF_NO_WRITE)
    return False


# Order, labels, loops. A mov that takes over the only use of the result before it is folded into
# it.
cdef void survey_order(RA *r) noexcept nogil:
    cdef IR *s = r.s
    cdef uint32_t i = s.ops[0].next, n = 0, label, from_pos, p, depth
    cdef IROp *op
    r.has_back_edge = False
    memset(r.label_pos, 0, s.n_labels * sizeof(uint16_t))
    memset(r.label_back, 0, s.n_labels)
    while i:
        op = &s.ops[i]
        r.order[n] = <uint16_t>i
        r.depth[n] = 0
        op.aux = n
        if op.opc == OP_label:
            r.label_pos[op.args[0]] = <uint16_t>(n + 1)
        elif op.opc == OP_br or op_table[op.opc].flags & OPF_COND:
            label = op.args[op.n_args - 1]
            if r.label_pos[label]:
                r.label_back[label] = True
                r.has_back_edge = True
        n += 1
        i = op.next
    r.n = n
    if not r.has_back_edge:
        return
    for p in range(n):
        op = &s.ops[r.order[p]]
        if op.opc == OP_br or op_table[op.opc].flags & OPF_COND:
            label = op.args[op.n_args - 1]
            from_pos = r.label_pos[label]
            if from_pos and from_pos - 1 <= p:
                for depth in range(from_pos - 1, p + 1):
                    r.depth[depth] += 1


cdef inline uint32_t weight_of(uint32_t depth) noexcept nogil:
    return 1 if depth == 0 else (8 if depth == 1 else (64 if depth == 2 else 512))


cdef void mention(RA *r, uint32_t t, uint32_t p, uint32_t region, uint32_t w,
                  bint write) noexcept nogil:
    cdef RATemp *x = &r.temps[t]
    if not x.region:
        x.first = <uint16_t>p
        x.region = <uint16_t>region
        x.read_first = not write
        if not write:
            x.wide = True
        if r.s.temps[t].type != TYPE_I:
            r.n_float += 1
    elif x.region != region:
        x.wide = True
    x.last = <uint16_t>p
    x.weight += w
    if write:
        x.written = True
    else:
        x.uses += 1


cdef void survey_temps(RA *r) noexcept nogil:
    cdef IR *s = r.s
    cdef uint32_t p, k, t, region = 1, w
    cdef IROp *op
    cdef const OpInfo *info
    memset(r.temps, 0, s.n_temps * sizeof(RATemp))
    r.n_float = 0
    for p in range(r.n):
        op = &s.ops[r.order[p]]
        info = &op_table[op.opc]
        w = weight_of(r.depth[p])
        if op.opc == OP_label:
            region += 1
        for k in range(info.n_outs, <uint32_t>info.n_outs + info.n_ins):
            t = op.args[k]
            if t != IR_NONE and s.temps[t].kind != TEMP_CONST:
                mention(r, t, p, region, w, False)
        for k in range(info.n_outs):
            mention(r, op.args[k], p, region, w, True)


cdef inline bint mentions(const IROp *op, uint32_t x, uint32_t first, uint32_t end) noexcept nogil:
    cdef uint32_t k
    for k in range(first, end):
        if op.args[k] == x:
            return True
    return False


# May x stand for t, which it is a copy of, behind position p? Not if something writes either, or
# could change x behind the block's back, before t's last use.
cdef bint may_stand_for(RA *r, uint32_t x, uint32_t t, uint32_t p) noexcept nogil:
    cdef IR *s = r.s
    cdef const OpInfo *info
    cdef IROp *op
    cdef uint32_t last = r.temps[t].last
    if last > p + FOLD_AHEAD:
        return False
    for p in range(p + 1, last + 1):
        op = &s.ops[r.order[p]]
        info = &op_table[op.opc]
        if mentions(op, t, 0, info.n_outs):
            return False
        if p < last and (mentions(op, x, 0, info.n_outs) or ra_syncs(s, op) or ra_clobbers(s, op)):
            return False
    return True


# mov x, t, with t a local that was defined just before: define x at once, and use it for t later.
# What stands between the definition and the move cannot see x. If t has other uses, x must have a
# register already (`homes`: choose_wide has run), for they would have to load it.
cdef bint fold_moves(RA *r, bint homes) noexcept nogil:
    cdef IR *s = r.s
    cdef uint32_t p, q, k, t, x
    cdef IROp *op
    cdef IROp *mov
    cdef const OpInfo *info
    cdef bint any = False
    for p in range(1, r.n):
        mov = &s.ops[r.order[p]]
        if mov.opc != OP_mov and mov.opc != OP_fmov and mov.opc != OP_vmov:
            continue
        x = mov.args[0]
        t = mov.args[1]
        if s.temps[t].kind != TEMP_LOCAL or r.temps[t].wide or r.temps[t].first + FOLD_BACK < p:
            continue
        if r.temps[t].uses > 1 and (not homes or r.home[x] == HOME_MEM):
            continue
        q = r.temps[t].first
        op = &s.ops[r.order[q]]
        if op_table[op.opc].n_outs != 1 or op.args[0] != t or not may_stand_for(r, x, t, p):
            continue
        for k in range(q + 1, p):
            op = &s.ops[r.order[k]]
            info = &op_table[op.opc]
            if (not info.flags & OPF_PURE and op.opc != OP_insn_start and op.opc != OP_none
                    or mentions(op, x, 0, <uint32_t>info.n_outs + info.n_ins)
                    or mentions(op, t, 0, info.n_outs)):
                break
        else:
            s.ops[r.order[q]].args[0] = x
            for q in range(q + 1, r.temps[t].last + 1u):
                op = &s.ops[r.order[q]]
                info = &op_table[op.opc]
                for k in range(info.n_outs, <uint32_t>info.n_outs + info.n_ins):
                    if op.args[k] == t:
                        op.args[k] = x
            ir_remove(s, r.order[p])
            any = True
    return any


cdef inline uint32_t class_of(const IRTemp *t) noexcept nogil:
    return 0 if t.type == TYPE_I else 1


# The most locals of each class that are in use at once, of those that one region holds.
cdef void pressure(RA *r, uint32_t *most) noexcept nogil:
    cdef IR *s = r.s
    cdef uint32_t p, k, t, c
    cdef IROp *op
    cdef const OpInfo *info
    cdef uint32_t[2] now
    now[0] = now[1] = 0
    most[0] = most[1] = 0
    for p in range(r.n):
        op = &s.ops[r.order[p]]
        info = &op_table[op.opc]
        for k in range(info.n_outs):
            t = op.args[k]
            if s.temps[t].kind == TEMP_LOCAL and not r.temps[t].wide and r.temps[t].first == p:
                c = class_of(&s.temps[t])
                now[c] += 1
                if now[c] > most[c]:
                    most[c] = now[c]
        for k in range(<uint32_t>info.n_outs + info.n_ins):
            t = op.args[k]
            if (t != IR_NONE and s.temps[t].kind == TEMP_LOCAL and not r.temps[t].wide
                    and r.temps[t].last == p):
                c = class_of(&s.temps[t])
                if now[c]:
                    now[c] -= 1


# Registers for globals and wide locals, best first.
cdef void choose_wide(RA *r, uint32_t *taken) noexcept nogil:
    cdef IR *s = r.s
    cdef uint32_t t, c, best_t, k
    cdef int64_t best, gain
    cdef RATemp *x
    cdef uint32_t[2] most
    cdef uint32_t[2] room
    pressure(r, most)
    for c in range(2):
        k = most[c] if most[c] < 4 else 4
        room[c] = r.cfg.n_regs[c] - k if r.cfg.n_regs[c] > k else 0
    for c in range(2):
        taken[c] = 0
        if c == 1 and r.n_float == 0:
            continue
        while taken[c] < room[c]:
            best = 0
            best_t = IR_NONE
            for t in range(s.n_temps):
                x = &r.temps[t]
                if not x.region or r.home[t] != HOME_MEM or class_of(&s.temps[t]) != c:
                    continue
                gain = x.weight
                if s.temps[t].kind == TEMP_GLOBAL:
                    gain -= x.written + x.read_first
                elif not x.wide:
                    continue
                if gain > best:
                    best = gain
                    best_t = t
            if best_t == IR_NONE:
                break
            k = r.cfg.regs[c][taken[c]]
            r.home[best_t] = <uint8_t>k
            taken[c] += 1
            if s.temps[best_t].kind == TEMP_GLOBAL:
                r.global_mask |= 1u << k
                r.owner[k] = <uint16_t>best_t


cdef void new_slot(RA *r, uint32_t t) noexcept nogil:
    cdef uint32_t words = 2 if r.s.temps[t].type == TYPE_V else 1
    if r.n_slots + words > RA_MAX_SLOTS:
        r.too_large = True
        return
    r.slot[t] = <uint16_t>r.n_slots
    r.n_slots += words


# Linear scan over the locals of single regions. A register freed by an op's inputs may be taken by
# its results.
cdef void choose_local(RA *r, const uint32_t *taken) noexcept nogil:
    cdef IR *s = r.s
    cdef uint32_t p, k, t, c
    cdef IROp *op
    cdef const OpInfo *info
    cdef uint8_t[2][16] stack
    cdef uint32_t[2] n
    for c in range(2):
        n[c] = 0
        k = r.cfg.n_regs[c]
        while k > taken[c]:
            k -= 1
            stack[c][n[c]] = r.cfg.regs[c][k]
            n[c] += 1
    for t in range(s.n_globals, s.n_temps):
        if s.temps[t].kind == TEMP_LOCAL and r.temps[t].region and r.temps[t].wide \
                and r.home[t] == HOME_MEM:
            new_slot(r, t)
    for p in range(r.n):
        op = &s.ops[r.order[p]]
        info = &op_table[op.opc]
        for k in range(info.n_outs, <uint32_t>info.n_outs + info.n_ins):
            t = op.args[k]
            if (t != IR_NONE and s.temps[t].kind == TEMP_LOCAL and not r.temps[t].wide
                    and r.temps[t].last == p and r.home[t] != HOME_MEM
                    and not r.temps[t].released):
                c = class_of(&s.temps[t])
                stack[c][n[c]] = r.home[t]
                n[c] += 1
                r.temps[t].released = True     # given back; an op may name it twice
        for k in range(info.n_outs):
            t = op.args[k]
            if s.temps[t].kind != TEMP_LOCAL or r.temps[t].wide:
                continue
            c = class_of(&s.temps[t])
            if r.temps[t].first == p:
                if n[c]:
                    n[c] -= 1
                    r.home[t] = stack[c][n[c]]
                else:
                    new_slot(r, t)
            if r.temps[t].last == p and r.home[t] != HOME_MEM and not r.temps[t].released:
                stack[c][n[c]] = r.home[t]
                n[c] += 1
                r.temps[t].released = True


cdef inline uint32_t out_mask(RA *r, const IROp *op, const OpInfo *info) noexcept nogil:
    cdef uint32_t mask = 0, k
    for k in range(info.n_outs):
        if r.home[op.args[k]] != HOME_MEM:
            mask |= 1u << r.home[op.args[k]]
    return mask


cdef inline uint32_t in_mask(RA *r, const IROp *op, const OpInfo *info) noexcept nogil:
    cdef uint32_t mask = 0, k, t
    for k in range(info.n_outs, <uint32_t>info.n_outs + info.n_ins):
        t = op.args[k]
        if t != IR_NONE and r.home[t] != HOME_MEM:
            mask |= 1u << r.home[t]
    return mask


# Forward: which globals may be newer in their register than in their field.
cdef void flow_dirty(RA *r) noexcept nogil:
    cdef IR *s = r.s
    cdef uint32_t p, mask, label
    cdef IROp *op
    cdef const OpInfo *info
    cdef bint changed = True
    memset(r.label_mask, 0, s.n_labels * sizeof(uint32_t))
    while changed:
        changed = False
        mask = 0
        for p in range(r.n):
            op = &s.ops[r.order[p]]
            info = &op_table[op.opc]
            if op.opc == OP_label:
                mask |= r.label_mask[op.args[0]]
                r.label_mask[op.args[0]] = mask
            r.dirty[p] = mask
            if ra_clobbers(s, op):
                mask = 0
            mask |= out_mask(r, op, info) & r.global_mask
            if op.opc == OP_br or info.flags & OPF_COND:
                label = op.args[op.n_args - 1]
                if mask & ~r.label_mask[label]:
                    r.label_mask[label] |= mask
                    if r.label_pos[label] <= p + 1:
                        changed = True
            if info.flags & OPF_END:
                mask = 0


# Backward: which registers hold something that may still be used, a store at an exit included.
cdef void flow_live(RA *r) noexcept nogil:
    cdef IR *s = r.s
    cdef uint32_t p, mask, label
    cdef IROp *op
    cdef const OpInfo *info
    cdef bint changed = True
    memset(r.label_mask, 0, s.n_labels * sizeof(uint32_t))
    while changed:
        changed = False
        mask = 0
        p = r.n
        while p:
            p -= 1
            op = &s.ops[r.order[p]]
            info = &op_table[op.opc]
            if info.flags & OPF_END:
                mask = 0
            if op.opc == OP_br or info.flags & OPF_COND:
                mask |= r.label_mask[op.args[op.n_args - 1]]
            r.live[p] = mask
            mask &= ~out_mask(r, op, info)
            if ra_clobbers(s, op):
                mask &= ~r.global_mask
            mask |= in_mask(r, op, info)
            if ra_syncs(s, op):
                mask |= r.dirty[p]
            if op.opc == OP_label:
                label = op.args[0]
                if mask & ~r.label_mask[label]:
                    r.label_mask[label] |= mask
                    if r.label_back[label]:
                        changed = True
    r.entry = mask & r.global_mask


# What the homes cost: every mention of a temp in memory, loads on entry, stores at exits.
cdef void estimate_traffic(RA *r) noexcept nogil:
    cdef IR *s = r.s
    cdef uint64_t moved = <uint64_t>popcnt64(r.entry), work = 0
    cdef uint32_t p, t
    cdef const OpInfo *info
    for p in range(r.n):
        info = &op_table[s.ops[r.order[p]].opc]
        work += weight_of(r.depth[p])
        if info.flags & OPF_END and s.ops[r.order[p]].opc != OP_br:
            moved += <uint64_t>popcnt64(r.dirty[p])
    for t in range(s.n_temps):
        if r.home[t] == HOME_MEM and s.temps[t].kind != TEMP_CONST:
            moved += r.temps[t].weight
    r.traffic = <uint32_t>(256 * moved // (work if work else 1))


cdef bint ra_run(RA *r, IR *s, const RAConfig *cfg) noexcept nogil:
    cdef uint32_t[2] taken
    r.s = s
    r.cfg = cfg
    r.n_slots = 0
    r.too_large = False
    r.global_mask = 0
    memset(r.home, HOME_MEM, s.n_temps)
    survey_order(r)
    survey_temps(r)
    if fold_moves(r, False):
        survey_order(r)
        survey_temps(r)
    choose_wide(r, taken)
    if fold_moves(r, True):
        survey_order(r)
        survey_temps(r)
        memset(r.home, HOME_MEM, s.n_temps)
        r.global_mask = 0
        choose_wide(r, taken)
    choose_local(r, taken)
    if r.too_large:
        return False
    flow_dirty(r)
    flow_live(r)
    estimate_traffic(r)
    return True
