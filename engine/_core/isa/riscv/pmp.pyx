# RISC-V physical memory protection: see pmp.pxd.
# While every entry is off, all addresses are open to all modes, as on a hart without PMP: code that
# runs in S or U mode without firmware needs none. The first entry that is switched on makes the
# architecture's rule hold, that S and U may do only what an entry permits.
from engine._core.base.types cimport (PROT_EXEC, PROT_READ, PROT_WRITE, hwaddr, uint8_t, uint32_t,
                                      uint64_t)
from engine._core.isa.riscv.state_gen cimport CPURISCVState

cdef enum:
    ENTRIES = 16
    CFG_R = 1
    CFG_W = 2
    CFG_X = 4
    CFG_A = 0x18                    # address matching: OFF, TOR, NA4, NAPOT
    CFG_TOR = 0x08
    CFG_NA4 = 0x10
    CFG_NAPOT = 0x18
    CFG_LOCK = 0x80
    # pmpaddr holds address bits 55:2; bits below the grain do not take part
    BELOW_GRAIN = 0x3ff             # OFF, TOR: read as zeros
    BELOW_NAPOT = 0x1ff             # NAPOT: read as ones


cdef bint matches(const CPURISCVState *s, uint32_t i, uint64_t at) noexcept nogil:
    """at: address >> 2 of a page."""
    cdef uint64_t a = s.pmpaddr[i], low = 0
    if s.pmpcfg[i] & CFG_A == CFG_TOR:
        if i:
            low = s.pmpaddr[i - 1] & ~<uint64_t>BELOW_GRAIN
        return low <= at < a & ~<uint64_t>BELOW_GRAIN
    if s.pmpcfg[i] & CFG_A == CFG_NAPOT:
        a |= BELOW_NAPOT
        return (at ^ a) & ~(a ^ (a + 1)) == 0
    return False


cdef int pmp_prot(const CPURISCVState *s, hwaddr paddr, bint machine) noexcept nogil:
    """3.7.1.3, Priority and Matching Logic."""
    cdef uint64_t at = (paddr & ~0xfffULL) >> 2
    cdef uint32_t i, cfg
    cdef bint on = False
    cdef int prot
    for i in range(ENTRIES):
        cfg = s.pmpcfg[i]
        if cfg & CFG_A == 0:
            continue
        on = True
        if not matches(s, i, at):
            continue
        if machine and not cfg & CFG_LOCK:
            break
        prot = 0
        if cfg & CFG_R:
            prot |= PROT_READ
        if cfg & CFG_W:
            prot |= PROT_WRITE
        if cfg & CFG_X:
            prot |= PROT_EXEC
        return prot
    else:
        if on and not machine:
            return 0
    return PROT_READ | PROT_WRITE | PROT_EXEC


cdef uint64_t pmpcfg_read(const CPURISCVState *s, uint32_t n) noexcept nogil:
    cdef uint64_t value = 0
    cdef uint32_t i
    for i in range(<uint32_t>(s.xlen // 8)):
        if n * 4 + i < ENTRIES:
            value |= <uint64_t>s.pmpcfg[n * 4 + i] << (8 * i)
    return value


cdef uint64_t pmpaddr_read(const CPURISCVState *s, uint32_t n) noexcept nogil:
    """3.7.1.1: what software finds the grain by."""
    if s.pmpcfg[n] & CFG_NA4:       # A[1]: NAPOT
        return s.pmpaddr[n] | BELOW_NAPOT
    return s.pmpaddr[n] & ~<uint64_t>BELOW_GRAIN


cdef bint pmpcfg_write(CPURISCVState *s, uint32_t n, uint64_t value) noexcept nogil:
    cdef uint32_t i, byte
    cdef bint changed = False
    for i in range(<uint32_t>(s.xlen // 8)):
        byte = <uint32_t>(value >> (8 * i)) & (CFG_LOCK | CFG_A | CFG_R | CFG_W | CFG_X)
        if n * 4 + i < ENTRIES and not s.pmpcfg[n * 4 + i] & CFG_LOCK:      # locked: until reset
            if byte & (CFG_R | CFG_W) == CFG_W:     # reserved
                byte &= ~<uint32_t>CFG_W
            if byte & CFG_A == CFG_NA4:             # cannot be chosen with this grain
                byte &= ~<uint32_t>CFG_A
            changed = changed or s.pmpcfg[n * 4 + i] != byte
            s.pmpcfg[n * 4 + i] = <uint8_t>byte
    return changed


cdef bint pmpaddr_write(CPURISCVState *s, uint32_t n, uint64_t value) noexcept nogil:
    cdef uint64_t old = s.pmpaddr[n]
    cdef bint locked = s.pmpcfg[n] & CFG_LOCK != 0
    if n + 1 < ENTRIES and s.pmpcfg[n + 1] & (CFG_LOCK | CFG_A) == CFG_LOCK | CFG_TOR:
        locked = True               # it is the start of a locked range
    if not locked:
        s.pmpaddr[n] = value & (0xffffffffULL if s.xlen == 32 else 0x3fffffffffffffULL)
    return s.pmpaddr[n] != old
