# Registers by unicorn's ids, and contexts. Lives here: RegMap (ids as registers of a guest, its
# exceptions), UcContextBase (saved registers), UcError, arguments that wrap. Does not live here: an
# engine (uc.pxd), which ids there are (engine/unicorn/arch.py). Callers: uc.pyx, engine.unicorn.
from cpython.exc cimport PyErr_Clear
from engine._core.base.types cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from engine._core.api.core cimport Core, engine_fast_u64
from engine._core.api.emulator cimport Emulator

cdef enum:                      # UC_ERR_*
    ERR_OK = 0
    ERR_NOMEM = 1
    ERR_HANDLE = 3
    ERR_READ_UNMAPPED = 6       # + ACCESS_*
    ERR_HOOK = 9
    ERR_INSN_INVALID = 10
    ERR_MAP = 11
    ERR_WRITE_PROT = 12
    ERR_READ_PROT = 13
    ERR_FETCH_PROT = 14
    ERR_ARG = 15
    ERR_READ_UNALIGNED = 16     # + ACCESS_*
    ERR_RESOURCE = 20
    ERR_EXCEPTION = 21

cdef enum:                      # RegMap.trap_action
    TRAP_FAULT = 0              # INTR hooks; the pc stays at the instruction
    TRAP_AFTER = 1              # INTR hooks; the pc is behind the instruction
    TRAP_INVALID = 2            # INSN_INVALID hooks
    TRAP_CALL = 3               # INSN hooks of a system call, if any; goes on behind it
    N_TRAPS = 1024              # exceptions with greater numbers are nobody's

cdef enum:                      # RegSlot.kind
    SLOT_NONE = 0               # no such register: reads as 0, writes are ignored, a warning; or
                                # UC_ERR_ARG (environment variable UC_IGNORE_REG_BREAK)
    SLOT_WORD = 1               # up to 64 bits
    SLOT_PART = 2               # bits [shift, shift + bits) of a register; a write keeps the others
    SLOT_WIDE = 3               # an int of more than 64 bits
    SLOT_FLOAT = 4              # 80 bits as (mantissa, exponent)
    SLOT_TABLE = 5              # (selector, base, limit, flags) out of four registers
    SLOT_NUMBERED = 6           # the register that `aux` names: UcBase._numbered
    SLOT_ABSENT = 7             # an id the guest has no register for: reads as 0, no warning

    SLOT_STACK = 8              # 64 bits of an x87 register counted from the top of the stack:
                                # register reg[0] + (shift + bits 11..13 of reg[1]) % 8

ctypedef struct RegSlot:
    uint8_t kind
    uint8_t shift
    uint32_t bits
    int32_t reg[4]              # in GuestOps.regs; -1: none

cdef class RegMap:                      # of a guest; with its exceptions
    cdef RegSlot *slots         # [n_slots] by id
    cdef uint32_t n_slots
    cdef uint32_t *saved        # [n_saved]: registers that a context holds
    cdef uint32_t *saved_at     # [n_saved + 1]: their first words
    cdef uint32_t n_saved
    cdef uint32_t n_words
    cdef int32_t *place         # by register: first word in a context, or -1
    cdef uint32_t n_regs
    cdef bint has_calls         # there is a TRAP_CALL
    cdef uint8_t trap_action[N_TRAPS]   # TRAP_* by exception number
    cdef uint16_t trap_number[N_TRAPS]  # what INTR hooks get; TRAP_CALL: UC_*_INS_*

    cdef Emulator reader        # into which the state of a context is put to read its registers

    cdef RegSlot *slot(self, object reg_id) except? NULL

cdef class UcContextBase:
    cdef RegMap map
    cdef uint64_t *words                # by saved register: what pickles and other engines get
    cdef public object memory           # what the memory mode saved, or None
    # The state of an engine's CPU, which goes back there as a whole; words are made of it when they
    # are asked for.
    cdef uint8_t *state
    cdef Py_ssize_t state_size
    cdef object source                  # of that engine's Core; None: words are all there is
    cdef tuple options                  # to make an engine of the same kind
    cdef bint stale                     # words are not made yet

    cdef int ready(self) except -1
    cdef int take(self, Emulator emulator) except -1
    cdef int make_words(self) except -1
    cdef uint64_t *saved(self, RegSlot *slot) noexcept
    cdef uint64_t map_word(self, int32_t reg) noexcept

cdef RegMap reg_map(object arch, object table)
cdef inline int32_t stack_reg(const RegSlot *slot, uint64_t status) noexcept:
    return slot.reg[0] + <int32_t>((slot.shift + (status >> 11)) & 7)
cdef object int_of(const uint64_t *words, uint32_t bits)
# The words of an int, truncated to `bits`.
cdef int words_of(object value, uint32_t bits, uint64_t *words) except -1
cdef uint64_t wrap_any(object value) except? 0xfffffffffffffffeULL

cdef inline uint64_t low_mask(uint32_t bits) noexcept:
    return (1ULL << bits) - 1 if bits < 64 else <uint64_t>-1


# An int as C's uint64_t: too large and negative ones wrap.
cdef inline uint64_t wrap64(object value) except? 0xfffffffffffffffeULL:
    cdef unsigned long long number = 0
    if engine_fast_u64(value, &number):
        return number
    PyErr_Clear()
    return wrap_any(value)
