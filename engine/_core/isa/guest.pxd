# What a guest architecture is to the rest: a table of functions and descriptions. Lives here:
# GuestOps, RegDesc, DisasContext. Does not live here: the translator's services for guests
# (translator.pxd). Guests: isa/<guest>/. Callers: isa/translator.pyx (the neutral loop), exec/
# and api/ through GuestOps.
from engine._core.base.types cimport (uint8_t, uint16_t, uint32_t, uint64_t, int64_t, uintptr_t,
                                      int32_t, vaddr_t, hwaddr)
from engine._core.cpu.head cimport CPUHead
from engine._core.ir.ir cimport IR, HelperInfo

cdef enum:                      # RegDesc.kind
    REG_PLAIN = 0               # bits of an 8-byte slot at offset
    REG_SPECIAL = 1             # through GuestOps.reg_get / reg_set (CSRs, zero registers, views)
    REG_PC = 2                  # head.pc

ctypedef struct RegDesc:
    const char *name
    const char *group           # "general", "float", "system" ...
    uint32_t id                 # index in the table
    uint32_t offset             # PLAIN: byte offset in the CPU struct
    uint16_t bits
    uint8_t kind
    uint8_t flags               # 1: alias of an earlier row (same offset or id in `number`)
    uint32_t number             # guest's own number (SPECIAL: what reg_get/reg_set get)

ctypedef struct ExcpDesc:       # for messages
    int32_t number
    const char *name

ctypedef struct CPUConfig:      # what Emulator(...) asked for
    uint32_t xlen               # guest word size in bits where the guest has variants
    uint64_t features           # guest-defined feature bits (0: the model's default)
    uint8_t big_endian
    uint8_t fp                  # floating point enabled at reset
    uint8_t user_mode           # start in the least privileged mode
    uint8_t deliver             # exceptions go to the guest's handlers, not to run()
    uint8_t no_limits           # x86: limits and types of segments are not checked
    const char *model           # CPU model name or NULL

ctypedef struct GuestOps:
    const char *name
    uint32_t state_size         # of the CPU struct, head included
    uint32_t page_bits
    uint32_t n_mmu_modes
    uint32_t min_insn           # shortest instruction and pc granularity, bytes
    uint32_t max_insn
    uint32_t row_words          # insn_start words: 1..3 (pc first)
    uint32_t word_bits
    const RegDesc *regs
    uint32_t n_regs
    const ExcpDesc *excps       # ends with name == NULL
    const char **hints          # FaultInfo.hint -> text; hints[0] == NULL
    const char **insn_names     # mnemonic by pattern number (instruction-kind hooks, coverage)
    uint32_t n_insns
    # life cycle
    int (*init)(CPUHead *cpu, const CPUConfig *cfg) noexcept nogil
    void (*reset)(CPUHead *cpu) noexcept nogil
    # registers that need code; value is in little-endian words, size by RegDesc.bits.
    # reg_set answers ST_PC_CHANGED for another name of the pc.
    int (*reg_get)(CPUHead *cpu, uint32_t number, uint64_t *value) noexcept nogil
    int (*reg_set)(CPUHead *cpu, uint32_t number, const uint64_t *value) noexcept nogil
    void (*set_pc)(CPUHead *cpu, uint64_t pc) noexcept nogil       # masks, clears lazy state
    # translation
    void (*declare_globals)(IR *ir, CPUHead *cpu) noexcept nogil
    void (*tb_start)(DisasContext *dc) noexcept nogil
    # Canonical translation state at a label; NULL: the guest keeps none between instructions
    void (*block_start)(DisasContext *dc) noexcept nogil
    void (*translate_insn)(DisasContext *dc) noexcept nogil        # one instruction at dc.pc
    void (*tb_stop)(DisasContext *dc) noexcept nogil               # before the final exit, if any
    void (*update_tb_flags)(CPUHead *cpu) noexcept nogil          # recompute head.tb_flags, mmu_idx
    void (*restore_state)(CPUHead *cpu, const uint64_t *row) noexcept nogil   # row 24; sets pc too
    # memory
    uint32_t (*mmu_index)(CPUHead *cpu, bint ifetch) noexcept nogil           # row 34
    int (*tlb_fill)(void *cpu, vaddr_t addr, uint32_t size, int access, int mmu_idx, bint probe,
                    uintptr_t ra) noexcept nogil
    # head.fault describes it; choose the guest's exception (head.exception_index), answer ST_FAULT
    int (*memory_fault)(CPUHead *cpu, int mmu_idx) noexcept nogil
    hwaddr (*phys_page_attrs_debug)(CPUHead *cpu, vaddr_t addr, uint32_t *attrs) noexcept nogil
    # exceptions and interrupts
    bint (*has_work)(CPUHead *cpu) noexcept nogil
    bint (*pending_interrupt)(CPUHead *cpu) noexcept nogil   # sets exception_index when one is due
    void (*do_interrupt)(CPUHead *cpu) noexcept nogil        # deliver exception_index to the guest
    void (*set_irq)(CPUHead *cpu, uint32_t line, bint level) noexcept nogil
    # text of one instruction: answers its length in bytes, 0 when it is not one
    uint32_t (*disassemble)(const uint8_t *code, uint32_t size, uint64_t pc, const CPUConfig *cfg,
                            char *out, uint32_t out_size) noexcept nogil
    # May a CPU that was `before` be in the state that cpu holds now, which came from outside? NULL:
    # any state is safe.
    bint (*state_ok)(const CPUHead *cpu, const CPUHead *before) noexcept nogil
    # CPUConfig.features by bit number, lower case, ends with NULL ("m" for bit 0 ...); NULL: none.
    # Features that the word size implies (config.xlen) are set by init, not by the user.
    const char **feature_names
    const char **model_names    # CPUConfig.model: ends with NULL; the last is the default

# How a block goes on after an instruction (dc.is_jmp).
cdef enum:
    DISAS_NEXT = 0
    DISAS_NORETURN = 1          # the instruction ended the flow itself
    DISAS_STOP = 2              # end the block here: go on at dc.pc_next through a lookup (state
                                # that blocks are specialised on may have changed)
    DISAS_TOO_MANY = 3          # limits: go on at dc.pc_next by a direct jump

ctypedef struct DisasContext:
    IR *ir
    CPUHead *cpu
    const GuestOps *guest
    uint64_t pc                 # instruction being translated
    uint64_t pc_next            # guest sets it: pc + length
    uint64_t pc_first
    uint64_t cs_base
    uint32_t tb_flags
    uint32_t cflags
    uint32_t mmu_idx
    uint32_t is_jmp
    uint32_t n_insns
    uint32_t max_insns
    uint32_t insn_number        # guest sets it: pattern number (GuestOps.insn_names)
    uint32_t insn_op            # op index of this instruction's insn_start
    uint8_t fetch_failed        # translator_ld* met a page that cannot be fetched
    uint8_t single_step
    uint64_t priv[16]           # the guest's own translation state
    void *tr                    # Translator* (translator.pxd)
