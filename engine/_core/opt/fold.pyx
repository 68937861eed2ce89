# Constant folding, copy propagation and simplification by known bits, inside extended basic blocks.
# Lives here: what is known of each temp's present value, and the rewriting of single ops. The
# meaning of ops over constants is fold_gen.pxi, from ops.tab. Called by: passes.pyx.
#
# Knowledge of a temp is stamped with the label epoch and with the versions of the temps it
# mentions: a write to a temp raises its version, a label starts a new epoch. Nothing is ever
# searched for.
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from engine._core.base.bits cimport *
from engine._core.base.types cimport *
from engine._core.ir.ir cimport *

include "fold_gen.pxi"

cdef enum:                      # Known.shape: how the temp's value was made from src (and other)
    SHAPE_NONE = 0
    SHAPE_COPY = 1              # src
    SHAPE_LOW = 2               # the low 32 bits are src's
    SHAPE_BOX = 3               # fbox32(src)
    SHAPE_COND = 4              # setcond(src, other, cond)
    SHAPE_COND32 = 5

ctypedef struct Known:
    uint32_t epoch              # knowledge holds in this epoch only
    uint32_t version            # of the temp itself, raised by each write
    uint32_t src
    uint32_t src_version
    uint32_t other
    uint32_t other_version
    uint8_t shape
    uint8_t cond
    uint8_t width               # the value is below 2^width
    uint8_t swidth              # the value is its low swidth bits, sign-extended
    bint written                # find_constants: some op writes it
    uint32_t constant           # the same: what the last of them writes on the way in, or IR_NONE

cdef enum:
    MAX_CONSTANTS = 8

ctypedef struct Fold:
    IR *s
    uint32_t epoch
    bint flow_changed
    uint32_t n_known            # temps whose knowledge is initialised
    Known *known                # [IR_MAX_TEMPS]
    # Globals that are not written behind the way in (what stands before the first label), and have
    # a constant there; labels that are reached without passing all of that.
    uint32_t n_constants
    uint32_t[8] constants
    uint8_t[2048] passed_by     # [IR_MAX_LABELS]


cdef inline uint32_t unsigned_width(uint64_t v) noexcept nogil:
    return <uint32_t>(64 - clz64(v))

cdef inline uint32_t signed_width(uint64_t v) noexcept nogil:
    return <uint32_t>(65 - clz64(v ^ <uint64_t>(<int64_t>v >> 63)))


cdef inline bint is_const(Fold *f, uint32_t t) noexcept nogil:
    return t != IR_NONE and f.s.temps[t].kind == TEMP_CONST

cdef inline uint64_t value_of(Fold *f, uint32_t t) noexcept nogil:
    return f.s.temps[t].value

cdef inline bint equals(Fold *f, uint32_t t, uint64_t v) noexcept nogil:
    return is_const(f, t) and f.s.temps[t].value == v


cdef uint32_t width(Fold *f, uint32_t t) noexcept nogil:
    if is_const(f, t):
        return unsigned_width(value_of(f, t))
    return f.known[t].width if f.known[t].epoch == f.epoch else 64

cdef uint32_t swidth(Fold *f, uint32_t t) noexcept nogil:
    cdef uint32_t w
    if is_const(f, t):
        return signed_width(value_of(f, t))
    if f.known[t].epoch != f.epoch:
        return 64
    w = f.known[t].width + 1
    return f.known[t].swidth if f.known[t].swidth < w else w


# The shape of t's value if its parts still hold what they held.
cdef uint32_t shape(Fold *f, uint32_t t) noexcept nogil:
    cdef Known *k
    if t == IR_NONE or is_const(f, t):
        return SHAPE_NONE
    k = &f.known[t]
    if k.epoch != f.epoch or k.shape == SHAPE_NONE or f.known[k.src].version != k.src_version:
        return SHAPE_NONE
    if k.shape >= SHAPE_COND and f.known[k.other].version != k.other_version:
        return SHAPE_NONE
    return k.shape


cdef void written(Fold *f, uint32_t t) noexcept nogil:
    """t has a new value of which nothing is known."""
    cdef Known *k = &f.known[t]
    k.epoch = f.epoch
    k.version += 1
    k.shape = SHAPE_NONE
    k.width = 64
    k.swidth = 64


cdef void shaped(Fold *f, uint32_t t, uint32_t how, uint32_t src) noexcept nogil:
    if t == src:
        return
    f.known[t].shape = <uint8_t>how
    f.known[t].src = src
    f.known[t].src_version = f.known[src].version


cdef void globals_written(Fold *f) noexcept nogil:
    cdef uint32_t t
    for t in range(f.s.n_globals):
        written(f, t)


# ---------------------------------------------------------------- rewriting an op
cdef void to_mov(Fold *f, IROp *op, uint32_t a) noexcept nogil:
    """d = a, by the mov that fits the types."""
    cdef bint df = f.s.temps[op.args[0]].type == TYPE_F
    cdef bint af = f.s.temps[a].type == TYPE_F
    op.opc = OP_mov
    if df:
        op.opc = OP_fmov if af else OP_fmovi
    elif af:
        op.opc = OP_fmovr
    op.n_args = 2
    op.args[1] = a


cdef void to_const(Fold *f, IROp *op, uint64_t v) noexcept nogil:
    if f.s.temps[op.args[0]].type == TYPE_F:
        v = ir_constf(f.s, v)
    else:
        v = ir_const(f.s, v)
    if f.s.status == IR_OK:
        to_mov(f, op, <uint32_t>v)


cdef void to_op1(IROp *op, uint32_t opc, uint32_t a) noexcept nogil:
    op.opc = <uint16_t>opc
    op.n_args = 2
    op.args[1] = a


cdef void to_op2_const(Fold *f, IROp *op, uint32_t opc, uint32_t a, uint64_t v) noexcept nogil:
    cdef uint32_t c = ir_const(f.s, v)
    if f.s.status == IR_OK:
        op.opc = <uint16_t>opc
        op.n_args = 3
        op.args[1] = a
        op.args[2] = c


cdef bint fold_constants(Fold *f, IROp *op) noexcept nogil:
    cdef const OpInfo *info = &op_table[op.opc]
    cdef uint64_t[4] v
    cdef uint64_t r = 0
    cdef uint32_t k, t
    if not info.flags & OPF_PURE or op.opc == OP_mov or op.opc == OP_fmov:
        return False
    for k in range(info.n_ins):
        t = op.args[info.n_outs + k]
        if not is_const(f, t):
            return False
        v[k] = value_of(f, t)
    for k in range(info.n_ins, 4):
        v[k] = 0
    if not fold_op(op.opc, v, &op.args[info.n_outs + info.n_ins], &r):
        return False
    to_const(f, op, r)
    return True


# d = a op b with b a constant.
cdef void simplify_const(Fold *f, IROp *op) noexcept nogil:
    cdef uint32_t opc = op.opc, a = op.args[1]
    cdef uint64_t b = value_of(f, op.args[2])
    cdef uint64_t low = b & 0xffffffffULL
    if opc == OP_sub:
        to_op2_const(f, op, OP_add, a, 0 - b)
        opc = op.opc
        b = 0 - b
    elif opc == OP_sub32:
        to_op2_const(f, op, OP_add32, a, (0 - b) & 0xffffffffULL)
        opc = op.opc
        low = (0 - b) & 0xffffffffULL
    if opc == OP_add or opc == OP_or or opc == OP_xor or opc == OP_andc:
        if b == 0:
            to_mov(f, op, a)
        elif b == MASK64 and opc == OP_or:
            to_const(f, op, MASK64)
        elif b == MASK64 and opc == OP_xor:
            to_op1(op, OP_not, a)
    elif opc == OP_add32:
        if low == 0:
            to_op1(op, OP_ext32u, a)
    elif opc == OP_and:
        if b == 0:
            to_const(f, op, 0)
        elif (b & (b + 1)) == 0 and width(f, a) <= unsigned_width(b):
            to_mov(f, op, a)
        elif b == 0xff:
            to_op1(op, OP_ext8u, a)
        elif b == 0xffff:
            to_op1(op, OP_ext16u, a)
        elif b == 0xffffffffULL:
            to_op1(op, OP_ext32u, a)
    elif opc == OP_mul:
        if b == 0:
            to_const(f, op, 0)
        elif b == 1:
            to_mov(f, op, a)
        elif (b & (b - 1)) == 0:
            to_op2_const(f, op, OP_shl, a, ctz64(b))
    elif opc == OP_mul32:
        if low == 0:
            to_const(f, op, 0)
        elif low == 1:
            to_op1(op, OP_ext32u, a)
        elif (low & (low - 1)) == 0:
            to_op2_const(f, op, OP_shl32, a, ctz64(low))
    elif opc == OP_divu:
        if b and (b & (b - 1)) == 0:
            to_op2_const(f, op, OP_shr, a, ctz64(b))
    elif opc == OP_remu:
        if b and (b & (b - 1)) == 0:
            to_op2_const(f, op, OP_and, a, b - 1)
    elif opc == OP_divu32:
        if low and (low & (low - 1)) == 0:
            to_op2_const(f, op, OP_shr32, a, ctz64(low))
    elif opc == OP_shl or opc == OP_shr or opc == OP_sar or opc == OP_rotl or opc == OP_rotr:
        b &= 63
        if b == 0:
            to_mov(f, op, a)
        elif opc == OP_shr and b >= width(f, a):
            to_const(f, op, 0)
    elif (opc == OP_shl32 or opc == OP_shr32 or opc == OP_sar32 or opc == OP_rotl32
          or opc == OP_rotr32):
        if (b & 31) == 0:
            to_op1(op, OP_ext32u, a)


# d = a op a.
cdef void simplify_same(Fold *f, IROp *op) noexcept nogil:
    cdef uint32_t opc = op.opc
    if opc == OP_sub or opc == OP_xor or opc == OP_andc or opc == OP_sub32:
        to_const(f, op, 0)
    elif opc == OP_and or opc == OP_or:
        to_mov(f, op, op.args[1])
    elif opc == OP_orc or opc == OP_eqv:
        to_const(f, op, MASK64)


cdef inline bint always(uint32_t cond) noexcept nogil:
    """Whether cond(a, a) is true; for the test conditions this is not asked."""
    return (cond == COND_eq or cond == COND_ge or cond == COND_le or cond == COND_geu
            or cond == COND_leu)


cdef void simplify_cond(Fold *f, IROp *op, uint32_t first) noexcept nogil:
    """Ops that compare args[first] with args[first + 1]; the condition follows the inputs."""
    cdef const OpInfo *info = &op_table[op.opc]
    cdef uint32_t at = info.n_outs + info.n_ins
    cdef uint32_t t, how
    cdef uint32_t cond = op.args[at]
    cdef Known *k
    if is_const(f, op.args[first]) and not is_const(f, op.args[first + 1]):
        t = op.args[first]
        op.args[first] = op.args[first + 1]
        op.args[first + 1] = t
        cond = cond_swap(cond)
        op.args[at] = cond
    # A truth value compared with zero: compare what it was made from.
    how = shape(f, op.args[first])
    if ((how == SHAPE_COND or how == SHAPE_COND32) and equals(f, op.args[first + 1], 0)
            and (cond == COND_ne or cond == COND_eq)
            and (op.opc == OP_brcond or op.opc == OP_setcond)):
        k = &f.known[op.args[first]]
        op.args[at] = k.cond if cond == COND_ne else cond_invert(k.cond)
        op.args[first] = k.src
        op.args[first + 1] = k.other
        if how == SHAPE_COND32:
            op.opc = OP_brcond32 if op.opc == OP_brcond else OP_setcond32
    elif equals(f, op.args[first + 1], 0) and (cond == COND_ltu or cond == COND_geu
                                             or cond == COND_gtu or cond == COND_leu):
        if cond == COND_gtu:
            op.args[at] = COND_ne
        elif cond == COND_leu:
            op.args[at] = COND_eq


cdef void branch_decided(Fold *f, IROp *op, bint taken) noexcept nogil:
    cdef uint32_t label = op.args[3]
    f.flow_changed = True
    if taken:
        op.opc = OP_br
        op.n_args = 1
        op.args[0] = label
    else:
        # `brcond a, a, ne` never branches; the dead branch to the next op is pass_flow's.
        ir_remove(f.s, <uint32_t>(op - f.s.ops))


cdef bint simplify_branch(Fold *f, IROp *op) noexcept nogil:
    """True: the branch is decided."""
    cdef uint32_t a, b, cond
    simplify_cond(f, op, 0)
    a = op.args[0]
    b = op.args[1]
    cond = op.args[2]
    if is_const(f, a) and is_const(f, b):
        if op.opc == OP_brcond:
            branch_decided(f, op, cond_eval(cond, value_of(f, a), value_of(f, b)))
        else:
            branch_decided(f, op, cond_eval32(cond, value_of(f, a), value_of(f, b)))
        return True
    if a == b and cond < COND_tsteq:
        branch_decided(f, op, always(cond))
        return True
    if equals(f, b, 0) and (cond == COND_ltu or cond == COND_geu):
        branch_decided(f, op, cond == COND_geu)
        return True
    return False


cdef void simplify_select(Fold *f, IROp *op) noexcept nogil:
    """movcond d, a, b, c, x, cond."""
    cdef uint32_t a, b, cond
    cdef bint pick
    simplify_cond(f, op, 1)
    a = op.args[1]
    b = op.args[2]
    cond = op.args[5]
    if op.args[3] == op.args[4]:
        to_mov(f, op, op.args[3])
    elif is_const(f, a) and is_const(f, b):
        if op.opc == OP_movcond:
            pick = cond_eval(cond, value_of(f, a), value_of(f, b))
        else:
            pick = cond_eval32(cond, value_of(f, a), value_of(f, b))
        to_mov(f, op, op.args[3] if pick else op.args[4])
    elif a == b and cond < COND_tsteq:
        to_mov(f, op, op.args[3] if always(cond) else op.args[4])
    elif equals(f, op.args[3], 1) and equals(f, op.args[4], 0):
        op.opc = OP_setcond if op.opc == OP_movcond else OP_setcond32
        op.n_args = 4
        op.args[3] = cond


cdef void simplify_unary(Fold *f, IROp *op) noexcept nogil:
    cdef uint32_t opc = op.opc, a = op.args[1]
    if ((opc == OP_ext8u and width(f, a) <= 8) or (opc == OP_ext16u and width(f, a) <= 16)
            or (opc == OP_ext32u and width(f, a) <= 32) or (opc == OP_ext8s and swidth(f, a) <= 8)
            or (opc == OP_ext16s and swidth(f, a) <= 16)
            or (opc == OP_ext32s and swidth(f, a) <= 32)):
        to_mov(f, op, a)
    elif opc == OP_funbox32 and shape(f, a) == SHAPE_BOX and width(f, f.known[a].src) <= 32:
        to_mov(f, op, f.known[a].src)
    elif (opc == OP_ext32s or opc == OP_ext32u) and shape(f, a) == SHAPE_LOW:
        # sign or zero extension of an extension: straight from the source
        op.args[1] = f.known[a].src
        if opc == OP_ext32u and width(f, op.args[1]) <= 32:
            to_mov(f, op, op.args[1])
        elif opc == OP_ext32s and swidth(f, op.args[1]) <= 32:
            to_mov(f, op, op.args[1])


# ---------------------------------------------------------------- what a result is known to be
cdef uint32_t result_width(Fold *f, IROp *op) noexcept nogil:
    cdef uint32_t opc = op.opc, a, b
    cdef const OpInfo *info = &op_table[opc]
    if opc == OP_clz or opc == OP_ctz or opc == OP_popcnt:
        return 7
    if opc == OP_clz32 or opc == OP_ctz32 or opc == OP_popcnt32:
        return 6
    if opc == OP_setcond or opc == OP_setcond32 or opc == OP_fcmp32 or opc == OP_fcmp64:
        return 1
    if opc == OP_bswap16:
        return 16
    if opc == OP_shr32 and is_const(f, op.args[2]):
        return 32 - (value_of(f, op.args[2]) & 31)
    if info.flags & OPF_W32:
        return 32
    if opc == OP_ext8u or opc == OP_ld8u:
        return 8
    if opc == OP_ext16u or opc == OP_ld16u:
        return 16
    if opc == OP_ext32u or opc == OP_ld32u or opc == OP_funbox32:
        return 32
    if opc == OP_gld or opc == OP_gldf:
        if (op.args[2] >> 4) & MO_SIGN:
            return 64
        return 8u << ((op.args[2] >> 4) & MO_SIZE)
    if opc == OP_extract:
        return op.args[3]
    if opc == OP_vext:
        return 8u << (op.args[3] & 3)
    if opc == OP_vmovmask:
        return 16u >> (op.args[2] & 3)
    if opc == OP_vtest:
        return 1
    if (opc == OP_fadd32 or opc == OP_fsub32 or opc == OP_fmul32 or opc == OP_fdiv32
            or opc == OP_fsqrt32 or opc == OP_fma32 or opc == OP_fcvt64_32 or opc == OP_fi32_32
            or opc == OP_fu32_32 or opc == OP_fi64_32 or opc == OP_fu64_32):
        return 32
    if opc == OP_and or opc == OP_or or opc == OP_xor:
        a = width(f, op.args[1])
        b = width(f, op.args[2])
        return (a if a < b else b) if opc == OP_and else (a if a > b else b)
    if opc == OP_mov or opc == OP_fmov or opc == OP_fmovi or opc == OP_fmovr:
        return width(f, op.args[1])
    if opc == OP_shr and is_const(f, op.args[2]):
        a = width(f, op.args[1])
        b = <uint32_t>(value_of(f, op.args[2]) & 63)
        return a - b if a > b else 0
    if opc == OP_shl and is_const(f, op.args[2]):
        a = width(f, op.args[1]) + <uint32_t>(value_of(f, op.args[2]) & 63)
        return a if a < 64 else 64
    if opc == OP_movcond or opc == OP_movcond32:
        a = width(f, op.args[3])
        b = width(f, op.args[4])
        return a if a > b else b
    return 64


cdef uint32_t result_swidth(Fold *f, IROp *op) noexcept nogil:
    cdef uint32_t opc = op.opc, a, b
    if opc == OP_ext8s or opc == OP_ld8s:
        return 8
    if opc == OP_ext16s or opc == OP_ld16s:
        return 16
    if opc == OP_ext32s or opc == OP_ld32s:
        return 32
    if opc == OP_negsetcond:
        return 1
    if opc == OP_gld and (op.args[2] >> 4) & MO_SIGN:
        return 8u << ((op.args[2] >> 4) & MO_SIZE)
    if opc == OP_sextract:
        return op.args[3]
    if opc == OP_mov:
        return swidth(f, op.args[1])
    if opc == OP_and or opc == OP_or or opc == OP_xor or opc == OP_not:
        a = swidth(f, op.args[1])
        b = a if opc == OP_not else swidth(f, op.args[2])
        return a if a > b else b
    if opc == OP_add or opc == OP_sub or opc == OP_neg:
        a = swidth(f, op.args[1])
        b = a if opc == OP_neg else swidth(f, op.args[2])
        a = (a if a > b else b) + 1
        return a if a < 64 else 64
    if opc == OP_sar and is_const(f, op.args[2]):
        a = swidth(f, op.args[1])
        b = <uint32_t>(value_of(f, op.args[2]) & 63)
        return a - b if a > b + 1 else 1
    if opc == OP_movcond or opc == OP_movcond32:
        a = swidth(f, op.args[3])
        b = swidth(f, op.args[4])
        return a if a > b else b
    return 64


cdef void remember(Fold *f, IROp *op) noexcept nogil:
    """What the op says about its result."""
    cdef uint32_t d = op.args[0], opc = op.opc
    cdef uint32_t w = result_width(f, op), sw = result_swidth(f, op)
    cdef bint itself = False
    cdef uint32_t k
    for k in range(op_table[opc].n_ins):
        if op.args[1 + k] == d:
            itself = True
    written(f, d)
    f.known[d].width = <uint8_t>w
    f.known[d].swidth = <uint8_t>sw
    if itself:
        return
    if opc == OP_mov or opc == OP_fmov or opc == OP_vmov:
        shaped(f, d, SHAPE_COPY, op.args[1])
    elif opc == OP_ext32s or opc == OP_ext32u:
        shaped(f, d, SHAPE_LOW, op.args[1])
    elif opc == OP_fbox32:
        shaped(f, d, SHAPE_BOX, op.args[1])
    elif opc == OP_setcond or opc == OP_setcond32:
        shaped(f, d, SHAPE_COND if opc == OP_setcond else SHAPE_COND32, op.args[1])
        f.known[d].cond = <uint8_t>op.args[3]
        f.known[d].other = op.args[2]
        f.known[d].other_version = f.known[op.args[2]].version


cdef void propagate_copies(Fold *f, IROp *op) noexcept nogil:
    cdef const OpInfo *info = &op_table[op.opc]
    cdef uint32_t k, t
    for k in range(info.n_outs, <uint32_t>info.n_outs + info.n_ins):
        t = op.args[k]
        if shape(f, t) == SHAPE_COPY:
            t = op.args[k] = f.known[t].src
        if info.flags & OPF_W32 and shape(f, t) == SHAPE_LOW:
            op.args[k] = f.known[t].src
    if op.opc == OP_brcond32:
        for k in range(2):
            if shape(f, op.args[k]) == SHAPE_LOW:
                op.args[k] = f.known[op.args[k]].src


cdef void widen(Fold *f, IROp *op) noexcept nogil:
    """A sum or difference of 32 bits that is sign-extended at once: of 64 bits, if it fits."""
    cdef IROp *following = &f.s.ops[op.next]
    if (following.opc == OP_ext32s and following.args[0] == op.args[0]
            and following.args[1] == op.args[0]
            and swidth(f, op.args[1]) < 32 and swidth(f, op.args[2]) < 32):
        op.opc = OP_add if op.opc == OP_add32 else OP_sub


# True: the op is gone or became a branch, nothing is to be remembered.
cdef bint rewrite(Fold *f, IROp *op) noexcept nogil:
    cdef uint32_t t
    if op.opc == OP_brcond or op.opc == OP_brcond32:
        return simplify_branch(f, op)
    if fold_constants(f, op):
        return False
    if (op_table[op.opc].n_ins == 2 and op_table[op.opc].flags & OPF_COMM
            and is_const(f, op.args[1])):
        t = op.args[1]
        op.args[1] = op.args[2]
        op.args[2] = t
    if op.opc == OP_add32 or op.opc == OP_sub32:
        widen(f, op)
    if (op.opc == OP_sub or op.opc == OP_sub32) and equals(f, op.args[1], 0):
        to_op1(op, OP_neg if op.opc == OP_sub else OP_neg32, op.args[2])
    if op.opc == OP_movcond or op.opc == OP_movcond32:
        simplify_select(f, op)
    elif op.opc == OP_setcond or op.opc == OP_setcond32 or op.opc == OP_negsetcond:
        simplify_cond(f, op, 1)
        if op.args[1] == op.args[2] and op.args[3] < COND_tsteq:
            to_const(f, op, 0 if not always(op.args[3])
                     else (MASK64 if op.opc == OP_negsetcond else 1))
    elif op_table[op.opc].flags & OPF_PURE and op_table[op.opc].n_ins == 2:
        if is_const(f, op.args[2]) and op_table[op.opc].n_consts == 0:
            simplify_const(f, op)
        elif op.args[1] == op.args[2]:
            simplify_same(f, op)
    if op_table[op.opc].flags & OPF_PURE and op_table[op.opc].n_ins == 1:
        simplify_unary(f, op)
    return False


cdef uint64_t MASK64 = 0xffffffffffffffffULL


# Constants made on the way are temps too.
cdef inline void learn_of_new(Fold *f) noexcept nogil:
    if f.n_known < f.s.n_temps:
        memset(f.known + f.n_known, 0, (f.s.n_temps - f.n_known) * sizeof(Known))
        f.n_known = f.s.n_temps


# ---------------------------------------------------------------- constants of the whole block
cdef bint may_write_globals(IR *s, const IROp *op, bint mem_clobbers) noexcept nogil:
    if op.opc == OP_call or op.opc == OP_callv:
        return not s.helpers[op.args[5 if op.opc == OP_call else 4]].flags \
            & (HF_PURE | HF_NO_WRITE)
    return mem_clobbers and op_table[op.opc].flags & OPF_MEM != 0


cdef uint32_t target_of(const IROp *op) noexcept nogil:
    """The label that the op may go to, or IR_NONE."""
    if op.opc == OP_br:
        return op.args[0]
    return op.args[3] if op.opc == OP_brcond or op.opc == OP_brcond32 else <uint32_t>IR_NONE


cdef void find_constants(Fold *f, bint mem_clobbers) noexcept nogil:
    """Fills constants and passed_by, at the first label: what stands before it is folded. A loop
    knows what was set in front of it."""
    cdef IR *s = f.s
    cdef IROp *op
    cdef uint32_t i = s.ops[0].next, k, t, last = 0
    cdef bint entry = True, early, changed = True, flow
    cdef uint32_t rounds = 0
    while i:
        op = &s.ops[i]
        if op.opc == OP_label:
            entry = False
        if may_write_globals(s, op, mem_clobbers):
            return
        for k in range(op_table[op.opc].n_outs):
            t = op.args[k]
            if t >= s.n_globals:
                continue
            f.known[t].constant = IR_NONE
            if entry and op.opc == OP_mov and is_const(f, op.args[1]) \
                    and signed_width(value_of(f, op.args[1])) <= 32:
                f.known[t].constant = op.args[1]
                last = i
            f.known[t].written = True
        i = op.next
    if last == 0:
        return
    memset(f.passed_by, 0, s.n_labels)
    while changed and rounds < 8:
        changed = False
        early = True                # in front of the last of these constants
        flow = False                # control may have come here without them
        rounds += 1
        i = s.ops[0].next
        while i:
            op = &s.ops[i]
            if op.opc == OP_label:
                t = op.args[0]
                if flow and not f.passed_by[t]:
                    f.passed_by[t] = 1
                    changed = True
                flow = f.passed_by[t]
            t = target_of(op)
            if t != IR_NONE and (early or flow) and not f.passed_by[t]:
                f.passed_by[t] = 1
                changed = True
            if op_table[op.opc].flags & OPF_END:
                flow = False
            if i == last:
                early = False
            i = op.next
    if changed:
        return
    for t in range(s.n_globals):
        if f.known[t].written and f.known[t].constant != IR_NONE and f.n_constants < MAX_CONSTANTS:
            f.constants[f.n_constants] = t
            f.n_constants += 1


cdef void at_label(Fold *f, uint32_t label) noexcept nogil:
    cdef uint32_t k, t
    f.epoch += 1
    if f.n_constants == 0 or f.passed_by[label]:
        return
    for k in range(f.n_constants):
        t = f.constants[k]
        f.known[t].epoch = f.epoch
        f.known[t].width = <uint8_t>width(f, f.known[t].constant)
        f.known[t].swidth = <uint8_t>swidth(f, f.known[t].constant)
        shaped(f, t, SHAPE_COPY, f.known[t].constant)


cdef bint pass_fold(IR *s, bint mem_clobbers) noexcept nogil:
    cdef Fold f
    cdef uint32_t i = s.ops[0].next, following, k
    cdef const OpInfo *info
    cdef IROp *op
    f.s = s
    f.epoch = 1
    f.flow_changed = False
    f.n_known = 0
    f.known = <Known *>malloc(IR_MAX_TEMPS * sizeof(Known))
    if f.known == NULL:
        return False            # out of memory: the block is right as it is, only longer
    f.n_constants = 0
    while i:
        op = &s.ops[i]
        following = op.next
        if op.opc == OP_label:
            if f.epoch == 1:
                learn_of_new(&f)
                find_constants(&f, mem_clobbers)
            at_label(&f, op.args[0])
            i = following
            continue
        learn_of_new(&f)
        propagate_copies(&f, op)
        if not rewrite(&f, op):
            info = &op_table[op.opc]
            learn_of_new(&f)
            if may_write_globals(s, op, mem_clobbers):
                globals_written(&f)
            if info.n_outs == 1 and op.opc != OP_call:
                remember(&f, op)
            else:
                for k in range(info.n_outs):
                    written(&f, op.args[k])
        i = following
    free(f.known)
    return f.flow_changed
