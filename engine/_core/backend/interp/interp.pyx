# The interpreter back end: 16-byte instructions, and what the loop that executes them calls.
# Lives here: accesses to the CPU struct and slow paths of the loop. Translation of IR to these
# instructions: compile.pxi. The loop itself: loop.pxi.in (hand-written cases), ir/ops.tab (the
# rest). Called by: exec through interp_ops.
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


include "compile.pxi"


cdef void interp_link(TBExit *x, TB *to) noexcept nogil:
    x.to = to


cdef bint interp_available() noexcept nogil:
    return True


interp_ops.name = "interp"
interp_ops.compile = interp_compile
interp_ops.run = interp_run
interp_ops.link = interp_link
interp_ops.available = interp_available
