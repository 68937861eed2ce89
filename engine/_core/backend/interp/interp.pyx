# The interpreter back end: compiling IR to 16-byte instructions, and what the loop calls.
# Lives here: operand placement, choice and fusion of instructions, slow paths of the loop. The loop
# itself: loop.pxi.in (hand-written cases), ir/ops.tab (the rest). Called by: exec through
# interp_ops.
#
# Operands are numbers of 8-byte words of the CPU struct. Globals are their fields; locals get words
# of head.frame, shared between locals that live in different places of one straight piece of code;
# word 0 of the frame is always zero; words 1..4 take constants that have no immediate form. A
# vector is two words, low half first.
from libc.string cimport memcpy, memset
from engine._core.base.atomics cimport atomic_barrier
from engine._core.base.bits cimport *
from engine._core.base.compiler cimport likely, unlikely
from engine._core.base.types cimport *
from engine._core.base.vec128 cimport *
from engine._core.crypto.aes cimport v_aes
from engine._core.fp.host cimport *
from engine._core.fp.lanes cimport *
from engine._core.fp.status cimport FPStatus
from engine._core.mem.tlb cimport (CPU_TLB_ENTRY_BITS, CPUTLBDesc, CPUTLBEntry, tlb_hit_read,
                                   tlb_hit_write)
from engine._core.cpu.head cimport CPUHead, FRAME_SLOTS
from engine._core.cpu.tb cimport (EXIT_GOTO, EXIT_ICOUNT, EXIT_LOOKUP, EXIT_STATUS, TB, TBExit)
from engine._core.cpu.tb_hash cimport tb_jmp_cache_probe
from engine._core.ir.ops_gen cimport *
from engine._core.ir.ir cimport (HF_STATUS, IR, IR_NONE, IR_OK, IROp, IRTemp, HelperInfo,
                                 TEMP_CONST, TEMP_GLOBAL, TEMP_LOCAL, helper_fn)
from engine._core.backend.backend cimport (BE_NO_ROOM, BE_OK, BE_TOO_LARGE, CodeBuffer, RuntimeOps)
from engine._core.backend.fp_ops cimport fp_cmp32, fp_cmp64
from engine._core.backend.rows cimport rows_write
from engine._core.backend.interp.interp_gen cimport *

cdef extern from * nogil:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define engine_unreachable() __builtin_unreachable()
    #elif defined(_MSC_VER)
    #define engine_unreachable() __assume(0)
    #else
    #define engine_unreachable() ((void)0)
    #endif
    """
    void unreachable "engine_unreachable"()

ctypedef struct IOp:
    uint16_t op                 # IOP_*
    uint16_t d                  # result, or branch distance in instructions (signed)
    uint16_t a
    uint16_t b
    uint64_t imm


# ---------------------------------------------------------------- what the loop calls
cdef inline bint tick(CPUHead *cpu, uint64_t n) noexcept nogil:
    cpu.icount_left -= <int64_t>n
    return unlikely(cpu.icount_left < 0 or cpu.exit_request != 0)


cdef uint32_t leave_icount(CPUHead *cpu, IOp *o) noexcept nogil:
    cpu.unwind_ra = <uintptr_t>o
    return EXIT_ICOUNT


cdef uint32_t bad_code(CPUHead *cpu, IOp *o) noexcept nogil:
    cpu.unwind_ra = <uintptr_t>o
    cpu.exit_status = ST_FAULT
    return EXIT_STATUS


# TLB entry of addr; desc: word index of the mode's CPUTLBDesc.
cdef inline uint8_t *probe(uint64_t *r, uint32_t desc, uint64_t addr,
                           uint32_t shift) noexcept nogil:
    return <uint8_t *><uintptr_t>(r[desc + 1] + ((addr >> shift) & r[desc]))


cdef inline uint64_t peek8u(uintptr_t p) noexcept nogil:
    return (<uint8_t *>p)[0]

cdef inline uint64_t peek16u(uintptr_t p) noexcept nogil:
    cdef uint16_t v
    memcpy(&v, <void *>p, 2)
    return v

cdef inline uint64_t peek32u(uintptr_t p) noexcept nogil:
    cdef uint32_t v
    memcpy(&v, <void *>p, 4)
    return v

cdef inline uint64_t peek64u(uintptr_t p) noexcept nogil:
    cdef uint64_t v
    memcpy(&v, <void *>p, 8)
    return v

cdef inline void poke8u(uintptr_t p, uint8_t v) noexcept nogil:
    (<uint8_t *>p)[0] = v

cdef inline void poke16u(uintptr_t p, uint16_t v) noexcept nogil:
    memcpy(<void *>p, &v, 2)

cdef inline void poke32u(uintptr_t p, uint32_t v) noexcept nogil:
    memcpy(<void *>p, &v, 4)

cdef inline void poke64u(uintptr_t p, uint64_t v) noexcept nogil:
    memcpy(<void *>p, &v, 8)


# State by byte offset: ops ld8u .. st64.
cdef inline uint64_t env_ld8u(CPUHead *cpu, uint64_t off) noexcept nogil:
    return peek8u(<uintptr_t>cpu + off)

cdef inline uint64_t env_ld8s(CPUHead *cpu, uint64_t off) noexcept nogil:
    return <uint64_t><int64_t><int8_t>peek8u(<uintptr_t>cpu + off)

cdef inline uint64_t env_ld16u(CPUHead *cpu, uint64_t off) noexcept nogil:
    return peek16u(<uintptr_t>cpu + off)

cdef inline uint64_t env_ld16s(CPUHead *cpu, uint64_t off) noexcept nogil:
    return <uint64_t><int64_t><int16_t>peek16u(<uintptr_t>cpu + off)

cdef inline uint64_t env_ld32u(CPUHead *cpu, uint64_t off) noexcept nogil:
    return peek32u(<uintptr_t>cpu + off)

cdef inline uint64_t env_ld32s(CPUHead *cpu, uint64_t off) noexcept nogil:
    return <uint64_t><int64_t><int32_t>peek32u(<uintptr_t>cpu + off)

cdef inline uint64_t env_ld64(CPUHead *cpu, uint64_t off) noexcept nogil:
    return peek64u(<uintptr_t>cpu + off)

cdef inline void env_st8(CPUHead *cpu, uint64_t off, uint64_t v) noexcept nogil:
    poke8u(<uintptr_t>cpu + off, <uint8_t>v)

cdef inline void env_st16(CPUHead *cpu, uint64_t off, uint64_t v) noexcept nogil:
    poke16u(<uintptr_t>cpu + off, <uint16_t>v)

cdef inline void env_st32(CPUHead *cpu, uint64_t off, uint64_t v) noexcept nogil:
    poke32u(<uintptr_t>cpu + off, <uint32_t>v)

cdef inline void env_st64(CPUHead *cpu, uint64_t off, uint64_t v) noexcept nogil:
    poke64u(<uintptr_t>cpu + off, v)


cdef inline V128 env_ld128(CPUHead *cpu, uint64_t off) noexcept nogil:
    return v_set(peek64u(<uintptr_t>cpu + off), peek64u(<uintptr_t>cpu + off + 8))

cdef inline void env_st128(CPUHead *cpu, uint64_t off, V128 v) noexcept nogil:
    poke64u(<uintptr_t>cpu + off, v.lo)
    poke64u(<uintptr_t>cpu + off + 8, v.hi)


cdef int slow_load(CPUHead *cpu, const RuntimeOps *rt, IOp *o, uint64_t addr) noexcept nogil:
    cdef uint64_t value = 0
    cdef int status
    cpu.unwind_ra = <uintptr_t>o
    status = rt.load(cpu, addr, <uint16_t>(o.imm >> 32), <uintptr_t>o, &value)
    if status == ST_OK:
        (<uint64_t *>cpu)[o.d] = value
    else:
        cpu.exit_status = status
    return status


cdef int slow_store(CPUHead *cpu, const RuntimeOps *rt, IOp *o, uint64_t addr) noexcept nogil:
    cdef int status
    cpu.unwind_ra = <uintptr_t>o
    status = rt.store(cpu, addr, (<uint64_t *>cpu)[o.b], <uint16_t>(o.imm >> 32), <uintptr_t>o)
    if status != ST_OK:
        cpu.exit_status = status
    return status


cdef int load_any(CPUHead *cpu, const RuntimeOps *rt, IOp *o) noexcept nogil:
    cdef uint32_t oi = <uint16_t>(o.imm >> 32)
    cdef uint32_t size = (oi >> 4) & MO_SIZE
    cdef uint64_t addr = (<uint64_t *>cpu)[o.a] + <uint64_t><int64_t><int32_t>o.imm
    cdef uint64_t v
    cdef uint8_t *host = tlb_hit_read(&cpu.tlb, addr, oi)
    if host == NULL:
        return slow_load(cpu, rt, o, addr)
    if size == MO_8:
        v = host[0]
    elif size == MO_16:
        v = peek16u(<uintptr_t>host)
        v = bswap16(<uint16_t>v) if oi & (MO_BE << 4) else v
    elif size == MO_32:
        v = peek32u(<uintptr_t>host)
        v = bswap32(<uint32_t>v) if oi & (MO_BE << 4) else v
    else:
        v = peek64u(<uintptr_t>host)
        v = bswap64(v) if oi & (MO_BE << 4) else v
    if oi & (MO_SIGN << 4):
        v = sextract64(v, 0, 8ULL << size)
    (<uint64_t *>cpu)[o.d] = v
    return ST_OK


cdef int store_any(CPUHead *cpu, const RuntimeOps *rt, IOp *o) noexcept nogil:
    cdef uint32_t oi = <uint16_t>(o.imm >> 32)
    cdef uint32_t size = (oi >> 4) & MO_SIZE
    cdef uint64_t addr = (<uint64_t *>cpu)[o.a] + <uint64_t><int64_t><int32_t>o.imm
    cdef uint64_t v = (<uint64_t *>cpu)[o.b]
    cdef uint8_t *host = tlb_hit_write(&cpu.tlb, addr, oi)
    if host == NULL:
        return slow_store(cpu, rt, o, addr)
    if size == MO_8:
        host[0] = <uint8_t>v
    elif size == MO_16:
        poke16u(<uintptr_t>host, bswap16(<uint16_t>v) if oi & (MO_BE << 4) else <uint16_t>v)
    elif size == MO_32:
        poke32u(<uintptr_t>host, bswap32(<uint32_t>v) if oi & (MO_BE << 4) else <uint32_t>v)
    else:
        poke64u(<uintptr_t>host, bswap64(v) if oi & (MO_BE << 4) else v)
    return ST_OK


# A vector, or its low 4 or 8 bytes: o.a address, o.d or o.b the first word of the value.
cdef int load_vector(CPUHead *cpu, const RuntimeOps *rt, IOp *o) noexcept nogil:
    cdef uint32_t oi = <uint16_t>(o.imm >> 32)
    cdef uint64_t *r = <uint64_t *>cpu
    cdef uint64_t addr = r[o.a] + <uint64_t><int64_t><int32_t>o.imm
    cdef uint64_t[2] v
    cdef uint8_t *host = tlb_hit_read(&cpu.tlb, addr, oi)
    cdef int status
    v[0] = v[1] = 0
    if host == NULL:
        cpu.unwind_ra = <uintptr_t>o
        status = rt.load(cpu, addr, oi, <uintptr_t>o, v)
        if status != ST_OK:
            cpu.exit_status = status
            return status
    elif (oi >> 4) & MO_SIZE == MO_32:
        v[0] = peek32u(<uintptr_t>host)
        if oi & (MO_BE << 4):
            v[0] = bswap32(<uint32_t>v[0])
    elif (oi >> 4) & MO_SIZE == MO_64:
        v[0] = peek64u(<uintptr_t>host)
        if oi & (MO_BE << 4):
            v[0] = bswap64(v[0])
    elif oi & (MO_BE << 4):
        v[0] = bswap64(peek64u(<uintptr_t>host + 8))
        v[1] = bswap64(peek64u(<uintptr_t>host))
    else:
        v[0] = peek64u(<uintptr_t>host)
        v[1] = peek64u(<uintptr_t>host + 8)
    r[o.d] = v[0]
    r[o.d + 1u] = v[1]
    return ST_OK


cdef int store_vector(CPUHead *cpu, const RuntimeOps *rt, IOp *o) noexcept nogil:
    cdef uint32_t oi = <uint16_t>(o.imm >> 32)
    cdef uint64_t *r = <uint64_t *>cpu
    cdef uint64_t addr = r[o.a] + <uint64_t><int64_t><int32_t>o.imm
    cdef uint8_t *host
    cdef int status
    if (oi >> 4) & MO_SIZE != MO_128:
        return store_any(cpu, rt, o)
    host = tlb_hit_write(&cpu.tlb, addr, oi)
    if host == NULL:
        cpu.unwind_ra = <uintptr_t>o
        status = rt.store128(cpu, addr, &r[o.b], oi, <uintptr_t>o)
        if status != ST_OK:
            cpu.exit_status = status
        return status
    if oi & (MO_BE << 4):
        poke64u(<uintptr_t>host, bswap64(r[o.b + 1u]))
        poke64u(<uintptr_t>host + 8, bswap64(r[o.b]))
    else:
        poke64u(<uintptr_t>host, r[o.b])
        poke64u(<uintptr_t>host + 8, r[o.b + 1u])
    return ST_OK


cdef int rmw_any(CPUHead *cpu, const RuntimeOps *rt, IOp *o) noexcept nogil:
    cdef uint64_t *r = <uint64_t *>cpu
    cdef uint64_t old = 0
    cdef int status
    cpu.unwind_ra = <uintptr_t>o
    status = rt.rmw(cpu, <uint16_t>o.imm, r[o.a], r[o.b], r[<uint16_t>(o.imm >> 32)],
                    <uint16_t>(o.imm >> 16), <uintptr_t>o, &old)
    if status == ST_OK:
        r[o.d] = old
    else:
        cpu.exit_status = status
    return status


include "exec_gen.pxi"


# ---------------------------------------------------------------- compiling
cdef enum:
    SCRATCH = 1                 # first of the frame words for constants; before it the zero
    FIRST_LOCAL = 6
    MANY = 2                    # use counts stop here
    MAX_DISTANCE = 0x7fff

ctypedef struct Gen:
    IR *s
    IOp *code
    IOp *out
    uint32_t frame0             # word index of frame[0]
    uint32_t next_slot
    uint32_t n_free
    uint32_t n_free_pairs
    uint32_t pending            # instruction count to fuse with the instruction being emitted
    bint too_large
    uint16_t[1024] free_slots
    uint16_t[512] free_pairs        # two words each: vectors
    uint8_t[4096] uses
    uint8_t[4096] settled       # lives across labels: has its slot for the whole block
    uint16_t[4096] region
    uint16_t[4096] last         # position of the last mention
    uint32_t[2048] label_at     # instruction number + 1
    uint32_t[2048] label_fix    # last unresolved branch to it, + 1; they are linked through imm
    uint32_t[512] ends


cdef uint32_t new_slot(Gen *g, uint32_t type) noexcept nogil:
    if type == TYPE_V:
        if g.n_free_pairs:
            g.n_free_pairs -= 1
            return g.free_pairs[g.n_free_pairs]
        if g.next_slot + 2 > FRAME_SLOTS:
            g.too_large = True
            return FIRST_LOCAL
        g.next_slot += 2
        return g.next_slot - 2
    if g.n_free:
        g.n_free -= 1
        return g.free_slots[g.n_free]
    if g.next_slot >= FRAME_SLOTS:
        g.too_large = True
        return FIRST_LOCAL
    g.next_slot += 1
    return g.next_slot - 1


# Where each local is mentioned. A local whose first mention is a write and that is mentioned
# between two neighbouring labels only needs its slot from there to its last mention.
cdef void survey(Gen *g) noexcept nogil:
    cdef IR *s = g.s
    cdef uint32_t i = s.ops[0].next, position = 0, region = 1, k, t, n_in, n_out
    cdef const OpInfo *info
    memset(g.uses, 0, s.n_temps)
    memset(g.settled, 0, s.n_temps)
    memset(g.region, 0, s.n_temps * sizeof(uint16_t))
    while i:
        info = &op_table[s.ops[i].opc]
        position += 1
        if s.ops[i].opc == OP_label:
            region += 1
        n_out = info.n_outs
        n_in = info.n_ins
        for k in range(n_out, n_out + n_in):
            t = s.ops[i].args[k]
            if t == IR_NONE or s.temps[t].kind != TEMP_LOCAL:
                continue
            if g.uses[t] < MANY:
                g.uses[t] += 1
            if g.region[t] != region:
                g.settled[t] = True
                g.region[t] = <uint16_t>region
            g.last[t] = <uint16_t>position
        for k in range(n_out):
            t = s.ops[i].args[k]
            if s.temps[t].kind != TEMP_LOCAL:
                continue
            if g.region[t] != region:
                if g.region[t]:
                    g.settled[t] = True
                g.region[t] = <uint16_t>region
            g.last[t] = <uint16_t>position
        i = s.ops[i].next
    for t in range(s.n_globals, s.n_temps):
        s.temps[t].reg = 0
        if g.settled[t]:
            s.temps[t].reg = <uint16_t>new_slot(g, s.temps[t].type)


cdef inline IOp *emit(Gen *g, uint32_t op, uint32_t d, uint32_t a, uint32_t b,
                      uint64_t imm) noexcept nogil:
    cdef IOp *o = g.out
    o.op = <uint16_t>op
    o.d = <uint16_t>d
    o.a = <uint16_t>a
    o.b = <uint16_t>b
    o.imm = imm
    g.out += 1
    return o


# Word index of an input. k: which scratch word takes a constant.
cdef uint32_t source(Gen *g, uint32_t t, uint32_t k) noexcept nogil:
    cdef IRTemp *temp
    if t == IR_NONE:
        return g.frame0
    temp = &g.s.temps[t]
    if temp.kind == TEMP_GLOBAL:
        return temp.offset >> 3
    if temp.kind == TEMP_LOCAL:
        return g.frame0 + temp.reg
    if temp.value == 0:
        return g.frame0
    emit(g, IOP_movi, g.frame0 + SCRATCH + k, 0, 0, temp.value)
    return g.frame0 + SCRATCH + k


# Give back the slots of the locals that op mentions for the last time.
cdef void release(Gen *g, IROp *op, uint32_t position, bint outs) noexcept nogil:
    cdef const OpInfo *info = &op_table[op.opc]
    cdef uint32_t first = 0 if outs else info.n_outs
    cdef uint32_t end = info.n_outs if outs else info.n_outs + info.n_ins
    cdef uint32_t k, t
    for k in range(first, end):
        t = op.args[k]
        if (t != IR_NONE and g.s.temps[t].kind == TEMP_LOCAL and not g.settled[t]
                and g.last[t] == position and g.s.temps[t].reg):
            if g.s.temps[t].type == TYPE_V:
                g.free_pairs[g.n_free_pairs] = g.s.temps[t].reg
                g.n_free_pairs += 1
            else:
                g.free_slots[g.n_free] = g.s.temps[t].reg
                g.n_free += 1
            g.s.temps[t].reg = 0


cdef uint32_t result(Gen *g, uint32_t t) noexcept nogil:
    cdef IRTemp *temp = &g.s.temps[t]
    if temp.kind == TEMP_GLOBAL:
        return temp.offset >> 3
    if not temp.reg:
        temp.reg = <uint16_t>new_slot(g, temp.type)
    return g.frame0 + temp.reg


cdef inline bint is_const(Gen *g, uint32_t t) noexcept nogil:
    return t != IR_NONE and g.s.temps[t].kind == TEMP_CONST


# The op after this one takes the result of this one, and nothing else does.
cdef inline bint feeds(Gen *g, IROp *op, IROp *after, uint32_t arg) noexcept nogil:
    cdef uint32_t t = op.args[0]
    return after.args[arg] == t and g.s.temps[t].kind == TEMP_LOCAL and g.uses[t] == 1


cdef void branch_to(Gen *g, IOp *o, uint32_t label) noexcept nogil:
    cdef uint32_t at = <uint32_t>(o - g.code)
    cdef int64_t distance
    if g.label_at[label]:
        distance = <int64_t>(g.label_at[label] - 1) - <int64_t>(at + 1)
        if distance < -MAX_DISTANCE:
            g.too_large = True
        o.d = <uint16_t><uint64_t>distance
        return
    # d holds the distance back to the branch before it in the chain.
    distance = at + 1 - g.label_fix[label] if g.label_fix[label] else 0
    if distance > MAX_DISTANCE:
        g.too_large = True
    o.d = <uint16_t>distance
    g.label_fix[label] = at + 1


cdef void place(Gen *g, uint32_t label) noexcept nogil:
    cdef uint32_t here = <uint32_t>(g.out - g.code)
    cdef uint32_t at = g.label_fix[label]
    cdef uint32_t step
    cdef int64_t distance
    g.label_at[label] = here + 1
    while at:
        step = g.code[at - 1].d
        distance = <int64_t>here - <int64_t>at
        if distance > MAX_DISTANCE:
            g.too_large = True
        g.code[at - 1].d = <uint16_t><uint64_t>distance
        if not step:
            break
        at -= step
    g.label_fix[label] = 0


# Instruction of a plain access, or 0: needs the general form.
cdef uint32_t plain_load(uint32_t oi) noexcept nogil:
    cdef uint32_t memop = oi >> 4
    if memop & ~(MO_SIZE | MO_SIGN):
        return 0
    if memop == MO_8:
        return IOP_gld8u
    if memop == MO_16:
        return IOP_gld16u
    if memop == MO_32:
        return IOP_gld32u
    if memop == (MO_8 | MO_SIGN):
        return IOP_gld8s
    if memop == (MO_16 | MO_SIGN):
        return IOP_gld16s
    if memop == (MO_32 | MO_SIGN):
        return IOP_gld32s
    return IOP_gld64u if (memop & MO_SIZE) == MO_64 else 0


cdef uint32_t plain_store(uint32_t oi) noexcept nogil:
    cdef uint32_t memop = oi >> 4
    if memop & ~(MO_SIZE | MO_SIGN):
        return 0
    memop &= MO_SIZE
    if memop == MO_8:
        return IOP_gst8u
    if memop == MO_16:
        return IOP_gst16u
    if memop == MO_32:
        return IOP_gst32u
    return IOP_gst64u if memop == MO_64 else 0


# The form that counts instructions first follows the plain one.
cdef enum:
    IC_STEP = IOP_ic_gld8u - IOP_gld8u


cdef inline uint32_t desc_word(uint32_t oi) noexcept nogil:
    cdef uintptr_t first = <uintptr_t>&(<CPUHead *>NULL).tlb.desc[0]
    return <uint32_t>((first + (oi & 15) * sizeof(CPUTLBDesc)) >> 3)


cdef bint is_memory(uint32_t opc) noexcept nogil:
    return opc == OP_gld or opc == OP_gst or opc == OP_gldf or opc == OP_gstf


cdef bint is_rmw(uint32_t opc) noexcept nogil:
    return (opc == OP_gcas or opc == OP_gxchg or opc == OP_gadd or opc == OP_gand or opc == OP_gor
            or opc == OP_gxor or opc == OP_gsmin or opc == OP_gsmax or opc == OP_gumin
            or opc == OP_gumax)


cdef uint32_t oi_of(IROp *op) noexcept nogil:
    return op.args[2]


cdef inline bint fits32(uint64_t v) noexcept nogil:
    return v + 0x80000000ULL <= 0xffffffffULL


# Loads and stores: address in `base` plus disp.
cdef void emit_memory(Gen *g, IROp *op, uint32_t base, uint64_t disp,
                      uint32_t position) noexcept nogil:
    cdef uint32_t oi = oi_of(op), iop, a, b
    cdef uint64_t imm
    cdef bint load = op.opc == OP_gld or op.opc == OP_gldf
    if is_const(g, base) and fits32(g.s.temps[base].value + disp):
        a = g.frame0            # an absolute address: displacement from the constant zero
        disp += g.s.temps[base].value
    else:
        a = source(g, base, 0)
    imm = (disp & 0xffffffffULL) | (<uint64_t>oi << 32)
    if load:
        iop = plain_load(oi)
        release(g, op, position, False)
        b = result(g, op.args[0])
        if not iop:
            emit(g, IOP_gld_any, b, a, 0, imm)
            return
        emit(g, iop, b, a, desc_word(oi), imm)
    else:
        b = source(g, op.args[1], 1)
        iop = plain_store(oi)
        release(g, op, position, False)
        if not iop:
            emit(g, IOP_gst_any, 0, a, b, imm)
            return
        emit(g, iop, desc_word(oi), a, b, imm)
    if g.pending:
        (g.out - 1).op = <uint16_t>((g.out - 1).op + IC_STEP)
        (g.out - 1).imm |= <uint64_t>g.pending << 48
        g.pending = 0


cdef void emit_vector_access(Gen *g, IROp *op, uint32_t position) noexcept nogil:
    cdef uint64_t imm = <uint64_t>oi_of(op) << 32
    cdef uint32_t a
    if op.opc == OP_vgld:
        a = source(g, op.args[1], 0)
        release(g, op, position, False)
        emit(g, IOP_vgld, result(g, op.args[0]), a, 0, imm)
    else:
        a = source(g, op.args[0], 0)
        emit(g, IOP_vgst, 0, a, source(g, op.args[1], 1), imm)
        release(g, op, position, False)


# Whether the instruction count can ride on the op that follows it.
cdef bint takes_count(Gen *g, IROp *op, IROp *after) noexcept nogil:
    if op.opc == OP_add:
        return True             # also when it becomes the address of an access: see OP_add below
    if op.opc == OP_mov or op.opc == OP_fmov:
        return True
    if op.opc == OP_gld or op.opc == OP_gldf:
        return plain_load(oi_of(op)) != 0
    if op.opc == OP_gst or op.opc == OP_gstf:
        return plain_store(oi_of(op)) != 0
    return False


cdef void emit_call(Gen *g, IROp *op, uint32_t position) noexcept nogil:
    cdef uint32_t at = 1 if op.opc == OP_call else 0
    cdef const HelperInfo *h = g.s.helpers[op.args[at + 4]]
    cdef uint32_t a = source(g, op.args[at], 0)
    cdef uint32_t b = source(g, op.args[at + 1], 1)
    cdef bint wide = op.args[at + 2] != IR_NONE or op.args[at + 3] != IR_NONE
    cdef uint32_t c = source(g, op.args[at + 2], 2)
    cdef uint32_t x = source(g, op.args[at + 3], 3)
    cdef uint32_t d = 0, iop
    release(g, op, position, False)
    if op.opc == OP_call:
        d = result(g, op.args[0])
        iop = IOP_call4 if wide else IOP_call2
    elif h.flags & HF_STATUS:
        iop = IOP_calls4 if wide else IOP_calls2
    else:
        iop = IOP_callv4 if wide else IOP_callv2
    emit(g, iop, d, a, b, <uint64_t><uintptr_t><void *>h.fn)
    if wide:
        emit(g, IOP_unused, 0, c, x, 0)


# An op with a meaning in the table: operands in order, constants packed (gen/ops_interp.py).
# `follow`: a mov or ext32s fused with it, or NULL.
cdef void emit_plain(Gen *g, IROp *op, IROp *follow, uint32_t position) noexcept nogil:
    cdef const OpInfo *info = &op_table[op.opc]
    cdef uint32_t n_in = info.n_ins, k = info.n_outs, cond = 0, iop, d = 0, a = 0, b = 0, at, t
    cdef uint32_t ta = op.args[k] if n_in > 0 else IR_NONE
    cdef uint32_t tb = op.args[k + 1] if n_in > 1 else IR_NONE
    cdef uint64_t imm = 0
    cdef uint32_t n_plain = 0
    cdef bint has_cond = False, immediate = False
    cdef bint signed = follow != NULL and follow.opc == OP_ext32s
    for at in range(k + n_in, info.n_args):
        if info.args[at] == ARG_COND:
            cond = op.args[at]
            has_cond = True
        elif info.args[at] != ARG_LABEL:
            n_plain += 1
    if is_const(g, ta) and not is_const(g, tb) and n_in == 2:
        if info.flags & OPF_COMM:
            t = ta
            ta = tb
            tb = t
        elif has_cond:
            t = ta
            ta = tb
            tb = t
            cond = cond_swap(cond)
    immediate = n_in == 2 and iop_ri[op.opc] and is_const(g, tb)
    if immediate:
        iop = iop_ri_s[op.opc] if signed else iop_ri[op.opc]
        imm = g.s.temps[tb].value
    else:
        iop = iop_rr_s[op.opc] if signed else iop_rr[op.opc]
    if has_cond:
        iop += iop_step[op.opc] * cond
    if n_in > 0:
        a = source(g, ta, 0)
    if n_in > 1 and not immediate:
        b = source(g, tb, 1)
    if n_in > 2:
        imm = source(g, op.args[k + 2], 2)
    if n_in > 3:
        imm |= <uint64_t>source(g, op.args[k + 3], 3) << 16
    if n_plain == 1:
        for at in range(k + n_in, info.n_args):
            if info.args[at] != ARG_COND and info.args[at] != ARG_LABEL:
                imm |= <uint64_t>op.args[at] << 32
    elif n_plain == 2:
        t = 32
        for at in range(k + n_in, info.n_args):
            if info.args[at] != ARG_COND and info.args[at] != ARG_LABEL:
                imm |= <uint64_t>op.args[at] << t
                t += 16
    release(g, op, position, False)
    if follow != NULL:
        d = result(g, follow.args[0])
    elif info.n_outs:
        d = result(g, op.args[0])
    emit(g, iop, d, a, b, imm)
    if info.flags & OPF_COND:
        branch_to(g, g.out - 1, op.args[info.n_args - 1])


cdef void emit_mov(Gen *g, IROp *op, uint32_t position) noexcept nogil:
    cdef uint32_t a, d
    cdef uint64_t value
    if is_const(g, op.args[1]):
        value = g.s.temps[op.args[1]].value
        d = result(g, op.args[0])
        emit(g, IOP_ic_movi if g.pending else IOP_movi, d, g.pending, 0, value)
    else:
        a = source(g, op.args[1], 0)
        release(g, op, position, False)
        d = result(g, op.args[0])
        emit(g, IOP_ic_mov if g.pending else iop_rr[op.opc], d, a, 0, g.pending)
    g.pending = 0


# An add that carries an instruction count.
cdef void emit_counted_add(Gen *g, IROp *op, uint32_t position) noexcept nogil:
    cdef uint32_t ta = op.args[1], tb = op.args[2], a, b = 0, d
    cdef bint immediate
    if is_const(g, ta):
        ta = op.args[2]
        tb = op.args[1]
    immediate = is_const(g, tb)
    a = source(g, ta, 0)
    if not immediate:
        b = source(g, tb, 1)
    release(g, op, position, False)
    d = result(g, op.args[0])
    if immediate:
        emit(g, IOP_ic_add_i, d, a, g.pending, g.s.temps[tb].value)
    else:
        emit(g, IOP_ic_add, d, a, b, g.pending)
    g.pending = 0


cdef int interp_compile(IR *s, TB *tb, CodeBuffer *buf, void *guest_const) noexcept nogil:
    cdef Gen g
    cdef uint32_t i, j, position = 0, row = 0, opc
    cdef IROp *op
    cdef IROp *after
    cdef TBExit *exits = <TBExit *>buf.ptr
    cdef uint64_t size = (s.n_exits * sizeof(TBExit) + 15) & ~15ULL
    if s.status != IR_OK:
        return BE_TOO_LARGE
    if buf.ptr > buf.high_water or size > <uint64_t>(buf.high_water - buf.ptr):
        return BE_NO_ROOM
    memset(exits, 0, size)
    for i in range(s.n_exits):
        exits[i].pc = s.exits[i].pc
        exits[i].owner = tb
    g.s = s
    g.code = <IOp *>(buf.ptr + size)
    g.out = g.code
    g.frame0 = <uint32_t>(<uintptr_t>&(<CPUHead *>NULL).frame[0] >> 3)
    g.next_slot = FIRST_LOCAL
    g.n_free = 0
    g.n_free_pairs = 0
    g.pending = 0
    g.too_large = False
    memset(g.label_at, 0, s.n_labels * sizeof(uint32_t))
    memset(g.label_fix, 0, s.n_labels * sizeof(uint32_t))
    survey(&g)
    i = s.ops[0].next
    while i:
        op = &s.ops[i]
        opc = op.opc
        position += 1
        j = op.next
        after = &s.ops[j]       # the list head when there is none: opc OP_none
        if opc == OP_label:
            place(&g, op.args[0])
        elif opc == OP_insn_start:
            while row < op.args[0]:
                g.ends[row] = <uint32_t>(<uint8_t *>g.out - <uint8_t *>g.code)
                row += 1
        elif opc == OP_icount:
            if takes_count(&g, after, &s.ops[after.next]):
                g.pending = op.args[0]
            else:
                emit(&g, IOP_icount, 0, 0, 0, op.args[0])
        elif (opc == OP_add and is_memory(after.opc) and is_const(&g, op.args[2])
              and feeds(&g, op, after, 1 if after.opc == OP_gld or after.opc == OP_gldf else 0)
              and fits32(s.temps[op.args[2]].value)
              and (not g.pending or (plain_load(oi_of(after))
                                     if after.opc == OP_gld or after.opc == OP_gldf
                                     else plain_store(oi_of(after))))):
            # The address is computed by the access itself. Its base stays where it is until then.
            emit_memory(&g, after, op.args[1], s.temps[op.args[2]].value, position + 1)
            release(&g, op, position, False)
            position += 1
            release(&g, after, position, True)
            i = after.next
            if g.out >= <IOp *>buf.high_water:
                return BE_NO_ROOM
            continue
        elif opc == OP_add and g.pending:
            emit_counted_add(&g, op, position)
        elif opc == OP_mov or opc == OP_fmov:
            emit_mov(&g, op, position)
        elif is_memory(opc):
            emit_memory(&g, op, op.args[1] if opc == OP_gld or opc == OP_gldf else op.args[0], 0,
                        position)
        elif opc == OP_vgld or opc == OP_vgst:
            emit_vector_access(&g, op, position)
        elif is_rmw(opc):
            emit_rmw(&g, op, position)
        elif opc == OP_fence:
            emit(&g, IOP_fence, 0, 0, 0, 0)
        elif opc == OP_br:
            branch_to(&g, emit(&g, IOP_br, 0, 0, 0, 0), op.args[0])
        elif opc == OP_goto_tb:
            emit(&g, IOP_goto_tb, 0, 0, 0, <uint64_t><uintptr_t>&exits[op.args[0]])
        elif opc == OP_push_ret:
            pass                # nothing to gain: no host address is looked up for a return
        elif opc == OP_goto_ptr or opc == OP_goto_ret:
            emit(&g, IOP_goto_ptr, 0, source(&g, op.args[0], 0), 0, 0)
        elif opc == OP_leave:
            emit(&g, IOP_leave, 0, op.args[0], 0, s.pcs[op.args[1]])
        elif opc == OP_call or opc == OP_callv:
            emit_call(&g, op, position)
        elif op_table[opc].n_outs and ((after.opc == OP_mov or after.opc == OP_fmov
                                        or after.opc == OP_vmov
                                        or (after.opc == OP_ext32s and iop_rr_s[opc]))
                                       and feeds(&g, op, after, 1)):
            emit_plain(&g, op, after, position)
            position += 1
            release(&g, after, position, True)
            i = after.next
            if g.out >= <IOp *>buf.high_water:
                return BE_NO_ROOM
            continue
        else:
            emit_plain(&g, op, NULL, position)
        release(&g, op, position, True)
        if g.out >= <IOp *>buf.high_water:
            return BE_NO_ROOM
        i = j
    while row < s.n_rows:
        g.ends[row] = <uint32_t>(<uint8_t *>g.out - <uint8_t *>g.code)
        row += 1
    # A block that could run off its end (the verifier rejects it) stops here.
    emit(&g, IOP_unused, 0, 0, 0, 0)
    if g.too_large:
        return BE_TOO_LARGE
    tb.code = g.code
    tb.code_size = <uint32_t>(<uint8_t *>g.out - <uint8_t *>g.code)
    tb.exits = exits
    tb.n_exits = s.n_exits
    buf.ptr = <uint8_t *>g.out
    if not rows_write(tb, buf, s.rows, g.ends, s.n_rows):
        buf.ptr = <uint8_t *>exits
        return BE_NO_ROOM
    return BE_OK


cdef void emit_rmw(Gen *g, IROp *op, uint32_t position) noexcept nogil:
    cdef uint32_t a = source(g, op.args[1], 0)
    cdef uint32_t b = source(g, op.args[2], 1)
    cdef uint32_t c = g.frame0
    cdef uint32_t oi = op.args[3]
    cdef uint32_t opc = op.opc
    if opc == OP_gcas:
        c = source(g, op.args[3], 2)
        oi = op.args[4]
    release(g, op, position, False)
    emit(g, IOP_rmw, result(g, op.args[0]), a, b,
         <uint64_t>opc | (<uint64_t>oi << 16) | (<uint64_t>c << 32))


cdef void interp_link(TBExit *x, TB *to) noexcept nogil:
    x.to = to


cdef bint interp_available() noexcept nogil:
    return True


interp_ops.name = "interp"
interp_ops.compile = interp_compile
interp_ops.run = interp_run
interp_ops.link = interp_link
interp_ops.available = interp_available
