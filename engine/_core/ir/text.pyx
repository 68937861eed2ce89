# Text form of the IR: printer and parser.
# Lives here: the .ir format. Does not live here: checking (verify.pyx). Called by: tests, tracing.
#
#   global x5:i @0x1028             # a field of the CPU struct; declared before its first use
#   insn_start 0x1000, 0x0, 0x0     # the words of the row
#   L0:
#     add t0, x5, $0x10             # locals: t0 t1.. integer, f0 f1.. float, w0 w1.. vector;
#                                   # constants $0x10, $f0x10
#     gld x6, t0, s32@1             # u or s, bits; .be big-endian, .al aligned, .aN to N bytes,
# .at; @mmu
#     brcond x5, $0x0, ne, L0
#     call t1, x5, -, -, -, name    # helper by name; - no argument
#     goto_tb 0x2000                # exits and pcs by address
# Operands stand in the order of the table: results, inputs, constants.
from libc.stdio cimport snprintf
from libc.stdlib cimport strtoull
from libc.string cimport memset, strcmp, strncmp
from engine._core.base.types cimport *
from engine._core.ir.ir cimport *

# ---------------------------------------------------------------- printing
ctypedef struct Out:
    char *buf
    uint32_t size
    uint32_t used               # may pass size: the length that is needed
    uint16_t n_named[3]         # locals named so far: integer, float, vector
    uint16_t[4096] name         # of a local, + 1


cdef void put(Out *o, const char *text) noexcept nogil:
    while text[0]:
        if o.used + 1 < o.size:
            o.buf[o.used] = text[0]
        o.used += 1
        text += 1


cdef void put_number(Out *o, const char *form, uint64_t v) noexcept nogil:
    cdef char[40] text
    snprintf(text, sizeof(text), form, <unsigned long long>v)
    put(o, text)


# Number of a type: of integers, floats, vectors.
cdef inline uint32_t kind_of(uint32_t type) noexcept nogil:
    return 0 if type == TYPE_I else (1 if type == TYPE_F else 2)


cdef void put_temp(Out *o, IR *s, uint32_t t) noexcept nogil:
    cdef IRTemp *temp
    cdef uint32_t kind
    if t == IR_NONE:
        put(o, "-")
        return
    if t >= s.n_temps:
        put_number(o, "?%llu", t)
        return
    temp = &s.temps[t]
    kind = kind_of(temp.type)
    if temp.kind == TEMP_GLOBAL:
        put(o, temp.name)
    elif temp.kind == TEMP_CONST:
        put_number(o, "$f0x%llx" if kind else "$0x%llx", temp.value)
    else:
        if not o.name[t]:
            o.n_named[kind] += 1
            o.name[t] = o.n_named[kind]
        put_number(o, "t%llu" if kind == 0 else ("f%llu" if kind == 1 else "w%llu"), o.name[t] - 1)


cdef void put_oi(Out *o, uint32_t oi) noexcept nogil:
    cdef uint32_t memop = oi >> 4
    put(o, "s" if memop & MO_SIGN else "u")
    put_number(o, "%llu", 8ULL << (memop & MO_SIZE))
    if memop & MO_BE:
        put(o, ".be")
    if (memop & MO_AMASK) == MO_ALIGN:
        put(o, ".al")
    elif memop & MO_AMASK:
        put_number(o, ".a%llu", 1ULL << ((memop & MO_AMASK) >> MO_ALIGN_SHIFT))
    if memop & MO_ATOMIC:
        put(o, ".at")
    put_number(o, "@%llu", oi & 15)


cdef void put_arg(Out *o, IR *s, uint32_t kind, uint32_t v) noexcept nogil:
    cdef uint32_t w
    if kind == ARG_I or kind == ARG_F or kind == ARG_V:
        put_temp(o, s, v)
    elif kind == ARG_COND:
        if v < COND_COUNT:
            put(o, cond_names[v])
        else:
            put(o, "?")
    elif kind == ARG_LABEL:
        put_number(o, "L%llu", v)
    elif kind == ARG_OFF:
        put_number(o, "0x%llx", v)
    elif kind == ARG_OI:
        put_oi(o, v)
    elif kind == ARG_EXIT and v < s.n_exits:
        put_number(o, "0x%llx", s.exits[v].pc)
    elif kind == ARG_PC and v < s.n_pcs:
        put_number(o, "0x%llx", s.pcs[v])
    elif kind == ARG_ROW and v < s.n_rows:
        for w in range(<uint32_t>IR_ROW_WORDS - 1):
            put_number(o, "0x%llx" if w == 0 else ", 0x%llx", s.rows[v * IR_ROW_WORDS + w])
    elif kind == ARG_HELPER and v < s.n_helpers:
        put(o, s.helpers[v].name)
    else:
        put_number(o, "%llu", v)


cdef void put_globals(Out *o, IR *s) noexcept nogil:
    """Declarations of the globals that the block mentions, in their order."""
    cdef uint8_t[4096] seen
    cdef uint32_t i = s.ops[0].next, k, t, kind
    cdef const OpInfo *info
    memset(seen, 0, sizeof(seen))
    while i:
        info = &op_table[s.ops[i].opc]
        for k in range(<uint32_t>info.n_outs + info.n_ins):
            t = s.ops[i].args[k]
            if t < s.n_globals:
                seen[t] = 1
        i = s.ops[i].next
    for t in range(s.n_globals):
        if seen[t]:
            put(o, "global ")
            put(o, s.temps[t].name)
            kind = kind_of(s.temps[t].type)
            put(o, ":i" if kind == 0 else (":f" if kind == 1 else ":v"))
            put_number(o, " @0x%llx\n", s.temps[t].offset)


cdef uint32_t ir_print(IR *s, char *buf, uint32_t size) noexcept nogil:
    cdef Out o
    cdef uint32_t i, k
    cdef const OpInfo *info
    cdef IROp *op
    memset(&o, 0, sizeof(o))
    o.buf = buf
    o.size = size
    put_globals(&o, s)
    i = s.ops[0].next
    while i:
        op = &s.ops[i]
        info = &op_table[op.opc]
        if op.opc == OP_label:
            put_number(&o, "L%llu:\n", op.args[0])
        else:
            put(&o, "  ")
            put(&o, info.name)
            for k in range(info.n_args):
                put(&o, ", " if k else " ")
                put_arg(&o, s, info.args[k], op.args[k])
            put(&o, "\n")
        i = op.next
    if size:
        buf[o.used if o.used < size else size - 1] = 0
    return o.used


# ---------------------------------------------------------------- parsing
ctypedef struct In:
    IR *s
    const char *p
    const char *problem
    uint16_t[1536] local        # by kind (integer, float, vector) and number: temp + 1
    uint16_t[2048] label        # number in the text -> label + 1


cdef void skip(In *t) noexcept nogil:
    while t.p[0] == c' ' or t.p[0] == c'\t' or t.p[0] == c'\r':
        t.p += 1


cdef inline bint word_char(char c) noexcept nogil:
    return ((c'a' <= c <= c'z') or (c'A' <= c <= c'Z') or (c'0' <= c <= c'9')
            or c == c'_' or c == c'.')


cdef uint32_t word(In *t, char *out, uint32_t size) noexcept nogil:
    """The next word, at most size - 1 characters; answers its length."""
    cdef uint32_t n = 0
    skip(t)
    while word_char(t.p[0]):
        if n + 1 < size:
            out[n] = t.p[0]
            n += 1
        t.p += 1
    out[n] = 0
    return n


cdef bint accept(In *t, char c) noexcept nogil:
    skip(t)
    if t.p[0] == c:
        t.p += 1
        return True
    return False


cdef uint64_t number(In *t) noexcept nogil:
    cdef char *end = NULL
    cdef uint64_t v
    skip(t)
    if not (c'0' <= t.p[0] <= c'9'):
        t.problem = "a number is expected"
        return 0
    v = strtoull(t.p, &end, 0)
    t.p = end
    return v


cdef uint32_t parse_temp(In *t) noexcept nogil:
    cdef char[64] name
    cdef uint32_t i, n, at, type
    if accept(t, c'$'):
        if accept(t, c'f'):
            return ir_constf(t.s, number(t))
        return ir_const(t.s, number(t))
    if accept(t, c'-'):
        return IR_NONE
    n = word(t, name, sizeof(name))
    for i in range(t.s.n_globals):
        if strcmp(t.s.temps[i].name, name) == 0:
            return i
    type = TYPE_I if name[0] == c't' else (TYPE_F if name[0] == c'f' else TYPE_V)
    if n < 2 or (type == TYPE_V and name[0] != c'w') or not (c'0' <= name[1] <= c'9'):
        t.problem = "unknown operand: not a global, a local (t0, f0, w0) or a constant ($0x1)"
        return 0
    at = <uint32_t>strtoull(&name[1], NULL, 10)
    if at >= 512:
        t.problem = "locals go to t511, f511 and w511"
        return 0
    at += 512 * kind_of(type)
    if not t.local[at]:
        t.local[at] = <uint16_t>(ir_local(t.s, <int>type) + 1)
    return t.local[at] - 1


cdef uint32_t parse_label(In *t) noexcept nogil:
    cdef uint64_t at
    if not accept(t, c'L'):
        t.problem = "a label (L0) is expected"
        return 0
    at = number(t)
    if at >= IR_MAX_LABELS:
        t.problem = "label number too large"
        return 0
    if not t.label[at]:
        t.label[at] = <uint16_t>(ir_new_label(t.s) + 1)
    return t.label[at] - 1


cdef uint32_t parse_oi(In *t) noexcept nogil:
    cdef char[32] text
    cdef uint32_t memop = 0, bits, log = 0
    cdef char *p = text
    word(t, text, sizeof(text))
    if p[0] == c's':
        memop = MO_SIGN
    elif p[0] != c'u':
        t.problem = "an access (u32@0) is expected"
        return 0
    bits = <uint32_t>strtoull(p + 1, &p, 10)
    while log <= MO_128 and (8u << log) != bits:
        log += 1
    if log > MO_128:
        t.problem = "access sizes are 8 16 32 64 128"
        return 0
    memop |= log
    while p[0] == c'.':
        if strncmp(p, ".be", 3) == 0:
            memop |= MO_BE
            p += 3
        elif strncmp(p, ".al", 3) == 0:
            memop |= MO_ALIGN
            p += 3
        elif strncmp(p, ".at", 3) == 0:
            memop |= MO_ATOMIC
            p += 3
        elif p[1] == c'a':
            bits = <uint32_t>strtoull(p + 2, &p, 10)
            log = 1
            while log < 7 and (1u << log) != bits:
                log += 1
            if log == 7:
                t.problem = "alignments are 2 4 8 16 32 64"
                return 0
            memop |= log << MO_ALIGN_SHIFT
        else:
            break
    if p[0] or not accept(t, c'@'):
        t.problem = "an access (u32.be.al@0) is expected"
        return 0
    return (memop << 4) | (<uint32_t>number(t) & 15)


cdef uint32_t parse_arg(In *t, uint32_t kind) noexcept nogil:
    cdef char[64] name
    cdef uint32_t i
    if kind == ARG_I or kind == ARG_F or kind == ARG_V:
        return parse_temp(t)
    if kind == ARG_LABEL:
        return parse_label(t)
    if kind == ARG_OI:
        return parse_oi(t)
    if kind == ARG_EXIT:
        return ir_exit(t.s, number(t))
    if kind == ARG_PC:
        return ir_pc(t.s, number(t))
    if kind == ARG_COND:
        word(t, name, sizeof(name))
        for i in range(<uint32_t>COND_COUNT):
            if strcmp(cond_names[i], name) == 0:
                return i
        t.problem = "unknown condition"
        return 0
    if kind == ARG_HELPER:
        word(t, name, sizeof(name))
        for i in range(t.s.n_helpers):
            if strcmp(t.s.helpers[i].name, name) == 0:
                return i
        t.problem = "unknown helper"
        return 0
    return <uint32_t>number(t)


cdef void parse_insn_start(In *t) noexcept nogil:
    cdef uint64_t[3] w
    cdef uint32_t k = 0
    w[1] = w[2] = 0
    w[0] = number(t)
    for k in range(1, 3):
        if accept(t, c','):
            w[k] = number(t)
    if t.problem == NULL:
        ir_insn_start(t.s, w[0], w[1], w[2])


cdef void parse_global(In *t) noexcept nogil:
    cdef char[64] name
    cdef uint32_t i, type
    word(t, name, sizeof(name))
    type = 0
    if accept(t, c':'):
        type = TYPE_F if t.p[0] == c'f' else (TYPE_V if t.p[0] == c'v' else TYPE_I)
        t.p += 1
    if not type or not accept(t, c'@'):
        t.problem = "expected: global name:i @offset"
        return
    i = <uint32_t>number(t)
    if t.problem != NULL:
        return
    for type in range(t.s.n_globals):
        if strcmp(t.s.temps[type].name, name) == 0:
            if t.s.temps[type].offset != i:
                t.problem = "the global has another offset"
            return
    t.problem = "unknown global: declare it with ir_global before parsing"


cdef void parse_line(In *t) noexcept nogil:
    cdef char[64] name
    cdef uint32_t[7] v
    cdef uint32_t opc, k
    cdef const OpInfo *info
    skip(t)
    if t.p[0] == c'\n' or t.p[0] == 0 or t.p[0] == c'#':
        return
    if t.p[0] == c'L':
        k = parse_label(t)
        if t.problem == NULL and not accept(t, c':'):
            t.problem = "':' is expected after a label"
        elif t.problem == NULL and t.s.label_op[k]:
            t.problem = "the label is placed already"
        if t.problem == NULL:
            ir_place_label(t.s, k)
        return
    word(t, name, sizeof(name))
    if strcmp(name, "global") == 0:
        parse_global(t)
        return
    opc = 1
    while opc < OP_COUNT and strcmp(op_table[opc].name, name):
        opc += 1
    if opc >= OP_COUNT or opc == OP_label:
        t.problem = "unknown op"
        return
    if opc == OP_insn_start:
        parse_insn_start(t)
        return
    info = &op_table[opc]
    for k in range(info.n_args):
        if k and not accept(t, c','):
            t.problem = "too few operands"
        v[k] = parse_arg(t, info.args[k])
        if t.problem != NULL:
            return
    ir_append(t.s, opc, info.n_args, v)


cdef int ir_parse(IR *s, const char *text, char *err, uint32_t err_size) noexcept nogil:
    cdef In t
    cdef int line = 1
    memset(&t, 0, sizeof(t))
    t.s = s
    t.p = text
    while t.p[0]:
        parse_line(&t)
        skip(&t)
        if t.problem == NULL and t.p[0] and t.p[0] != c'\n' and t.p[0] != c'#':
            t.problem = "text after the end of the op"
        if t.problem == NULL and s.status != IR_OK:
            t.problem = "the block is too large"
        if t.problem != NULL:
            snprintf(err, err_size, "line %d: %s", line, t.problem)
            return line
        while t.p[0] and t.p[0] != c'\n':
            t.p += 1
        if t.p[0]:
            t.p += 1
        line += 1
    return 0
