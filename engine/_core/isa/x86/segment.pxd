# x86: segments: descriptors, selectors, and what blocks are specialised on because of them.
# Lives here: loading segment registers with all checks, LLDT and LTR, LAR LSL VERR VERW ARPL, the
# block flags, guest memory for helpers. Does not live here: far transfers (transfer.pyx), delivery
# (interrupt.pyx), page tables (paging.pyx). Called by: those, system.pyx, x86.pyx, emitted code.
# SDM 3A, chapters 3 and 5.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.isa.x86.state_gen cimport CPUX86State

ctypedef struct Descriptor:
    uint64_t base
    uint64_t limit                  # in bytes
    uint64_t attr                   # ATTR_*
    uint64_t at                     # linear address of its 8 bytes
    uint64_t raw                    # these
    uint64_t raw_hi                 # of a system descriptor of long mode: the other 8

# -- exceptions of helpers: they answer what this answers, ST_FAULT
cdef int x86_raise(CPUX86State *s, int number, uint64_t error, uint32_t hint) noexcept nogil
# Of the exception in head.fault; 0 for those that emitted code raises by itself.
cdef uint64_t x86_error_code(const CPUX86State *s) noexcept nogil

# -- modes
cdef inline bint x86_protected(const CPUX86State *s) noexcept nogil:
    """Protected or long mode, not virtual-8086."""
    return s.cr0 & 1 and not s.eflags & 0x20000


cdef inline bint x86_long(const CPUX86State *s) noexcept nogil:
    """EFER.LMA: IA-32e mode, its compatibility mode included."""
    return s.efer & 0x400 != 0


cdef inline bint x86_code64(const CPUX86State *s) noexcept nogil:
    return s.efer & 0x400 and s.seg_attr[1] & 0x2000


cdef inline bint x86_canonical(uint64_t addr) noexcept nogil:
    return ((addr >> 47) + 1) & 0x1ffff < 2


cdef void x86_update_tb_flags(CPUHead *head) noexcept nogil
cdef uint32_t x86_system_idx(const CPUX86State *s) noexcept nogil

# -- guest memory at linear addresses, as IDX_* idx; they answer ST_*
cdef int x86_read(CPUX86State *s, uint64_t addr, uint32_t size, uint32_t idx,
                  uint64_t *value) noexcept nogil
cdef int x86_write(CPUX86State *s, uint64_t addr, uint32_t size, uint32_t idx,
                   uint64_t value) noexcept nogil

# -- segments
cdef void x86_set_segment(CPUX86State *s, uint32_t seg, uint64_t sel, uint64_t base, uint64_t limit,
                          uint64_t attr) noexcept nogil
cdef void x86_set_real_segment(CPUX86State *s, uint32_t seg, uint64_t sel) noexcept nogil
# Without descriptor tables (a flat start) selectors mean nothing.
cdef bint x86_no_tables(const CPUX86State *s) noexcept nogil
# The descriptor of a selector that is not null; outside its table: number(selector | ext).
cdef int x86_descriptor(CPUX86State *s, uint64_t sel, int number, uint64_t ext,
                        Descriptor *d) noexcept nogil
cdef void x86_split_descriptor(uint64_t raw, Descriptor *d) noexcept nogil
cdef int x86_mark_accessed(CPUX86State *s, Descriptor *d) noexcept nogil
# SS, DS, ES, FS, GS from an instruction.
cdef int x86_load_segment(CPUX86State *s, uint32_t seg, uint64_t sel) noexcept nogil
# SS for a privilege level that is not the CPL yet: number is #GP or #TS.
cdef int x86_stack_segment(CPUX86State *s, uint64_t sel, uint64_t cpl, int number, uint64_t ext,
                           Descriptor *d) noexcept nogil

# -- called by emitted code
cdef uint64_t helper_load_segment(void *env, uint64_t seg, uint64_t sel, uint64_t c,
                                  uint64_t d) noexcept nogil
cdef uint64_t helper_load_table(void *env, uint64_t what, uint64_t sel, uint64_t c,
                                uint64_t d) noexcept nogil
cdef uint64_t helper_inspect(void *env, uint64_t what, uint64_t sel, uint64_t c,
                             uint64_t d) noexcept nogil
