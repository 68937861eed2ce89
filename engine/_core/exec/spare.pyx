# Engines between two lives, see spare.pxd.
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset
from engine._core.base.atomics cimport atomic_cas64, atomic_load64, atomic_xchg64
from engine._core.base.bits cimport max64
from engine._core.base.types cimport uint64_t, uintptr_t
from engine._core.backend.backend cimport BackendOps
from engine._core.backend.codebuf cimport code_buffer_free
from engine._core.base.hostmem cimport hostmem_unmap
from engine._core.ir.ir cimport ir_free
from engine._core.isa.guest cimport GuestOps
from engine._core.isa.translator cimport Translator, translator_free
from engine._core.exec.cache cimport TBCache, cache_free
from engine._core.exec.cover cimport cpu_size
from engine._core.exec.engine cimport Engine

cdef enum:
    SPARES = 4
    CODE_MOST = 256 << 10       # bytes of code: an engine that made more has touched too much
    BLOCKS_MOST = 2048

# Engine*: a slot is emptied and filled by one atomic operation, so no lock is held by anybody when
# the process forks.
cdef uint64_t _spares[SPARES]
cdef uint64_t _oldest           # slot that the next engine gets when all are full


# What was the CPU struct is a copy of the guest's description meanwhile: the original may be gone,
# and another one may stand at its address.
cdef inline const GuestOps *made_for(const Engine *e) noexcept nogil:
    return <const GuestOps *>e.cpu


cdef void drop(Engine *e) noexcept nogil:
    if e.translator != NULL:
        translator_free(<Translator *>e.translator)
    if e.ir != NULL:
        ir_free(e.ir)
    cache_free(<TBCache *>e.cache)
    code_buffer_free(&e.code)
    hostmem_unmap(e.cpu, cpu_size(made_for(e)))
    free(e)


cdef Engine *spare_take(const GuestOps *guest, const BackendOps *backend,
                        uint64_t code_size) noexcept nogil:
    cdef uint64_t found, empty
    cdef Engine *e
    cdef int i
    for i in range(SPARES):
        if atomic_load64(&_spares[i]) == 0:
            continue
        found = atomic_xchg64(&_spares[i], 0)   # ours now: nobody else looks into it
        e = <Engine *><uintptr_t>found
        if e == NULL:
            continue
        if memcmp(made_for(e), guest, sizeof(GuestOps)) == 0 and e.backend == backend \
                and e.code.size == code_size:
            return again(e, guest)
        empty = 0
        if not atomic_cas64(&_spares[i], &empty, found):
            drop(e)             # somebody has filled the slot meanwhile
    return NULL


# Nothing of the life before is left but what costs to get.
cdef Engine *again(Engine *e, const GuestOps *guest) noexcept nogil:
    cdef Engine old = e[0]
    memset(e.cpu, 0, max64(guest.state_size, sizeof(GuestOps)))
    memset(e, 0, sizeof(Engine))
    e.guest = guest
    e.backend = old.backend
    e.cpu = old.cpu
    e.code = old.code
    e.cache = old.cache
    e.ir = old.ir
    e.translator = old.translator
    if e.translator != NULL:
        (<Translator *>e.translator).guest = guest
    return e


cdef void spare_give(Engine *e) noexcept nogil:
    global _oldest
    cdef TBCache *c = <TBCache *>e.cache
    cdef uint64_t mine = <uint64_t><uintptr_t>e, empty
    cdef int i
    memcpy(e.cpu, e.guest, sizeof(GuestOps))    # coverage's bytes make it large enough
    if c == NULL or c.code_most > CODE_MOST or c.tbs_most > BLOCKS_MOST:
        drop(e)
        return
    for i in range(SPARES):
        empty = 0
        if atomic_load64(&_spares[i]) == 0 and atomic_cas64(&_spares[i], &empty, mine):
            return
    # The engines that are made next are more likely of this kind than of an older one's.
    _oldest += 1                # a race here only picks a slot
    mine = atomic_xchg64(&_spares[_oldest % SPARES], mine)
    if mine != 0:
        drop(<Engine *><uintptr_t>mine)
