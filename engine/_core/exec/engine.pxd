# The engine: one guest CPU, its memory, its back end and its block cache, and run().
# Lives here: the Engine struct, hooks as C function pointers, run limits and results. The Python
# classes over it: api/. Implementation: engine.pyx (life cycle), loop.pyx (run), cache.pyx
# (blocks), hookpoints.pyx, unwind.pyx, flush.pyx. This is where guest, host, mem and ir meet.
from engine._core.base.types cimport (uint8_t, uint16_t, int32_t, int64_t, uint32_t, uint64_t,
                                      uintptr_t, vaddr_t, hwaddr, ram_addr_t)
from engine._core.cpu.head cimport CPUHead, FaultInfo
from engine._core.cpu.tb cimport TB, TBExit
from engine._core.ir.ir cimport IR
from engine._core.isa.guest cimport GuestOps, CPUConfig
from engine._core.backend.backend cimport BackendOps, RuntimeOps, CodeBuffer
from engine._core.backend.rows cimport RowCursor

# ---------------------------------------------------------------- hooks
cdef enum:
    HOOK_CODE = 0               # before an instruction
    HOOK_BLOCK = 1              # before the first instruction of a basic block
    HOOK_MEM_READ = 2           # before a load (what the hook writes to memory is what is loaded)
    HOOK_MEM_WRITE = 3          # before a store
    HOOK_MEM_FETCH = 4          # code is read for translation (once per translation, not per run)
    HOOK_MEM_INVALID = 5        # unmapped or forbidden access, before it becomes a fault
    HOOK_EXCEPTION = 6          # guest exception or interrupt, before it is delivered or reported
    HOOK_INSN = 7               # instructions of one pattern number (`number`)
    HOOK_INSN_INVALID = 8       # undefined instruction, before it becomes a fault
    HOOK_MEM_READ_AFTER = 9     # after a load, with its value
    HOOK_TLB_FILL = 10          # a page has entered the TLB
    N_HOOK_KINDS = 11

# What a hook answers.
cdef enum:
    HOOK_CONTINUE = 0
    # MEM_INVALID: retry the access; EXCEPTION, INSN_INVALID: go on at head.pc
    HOOK_HANDLED = 1
    HOOK_STOP = 2               # stop the run before the instruction
    HOOK_ERROR = 3              # it failed; the owner keeps the error: the run ends with STOP_ERROR

ctypedef struct HookEvent:
    uint64_t pc                 # of the instruction
    uint64_t addr               # CODE, BLOCK, INSN: = pc
    # MEM_WRITE, READ_AFTER: value, zero-extended (16 bytes: low half); TLB_FILL: physical address
    uint64_t value
    uint64_t value_hi           # TLB_FILL: PROT_* that were granted
    uint32_t size               # bytes of the instruction, the basic block, or the access
    uint32_t access             # ACCESS_* for MEM_*
    int32_t exception           # EXCEPTION: number
    uint32_t reason             # MEM_INVALID: FAULT_UNMAPPED or FAULT_PROT ...

ctypedef int (*hook_fn)(CPUHead *cpu, Hook *hook, HookEvent *ev) noexcept nogil

ctypedef struct Hook:
    uint32_t kind
    uint32_t number             # INSN: pattern number
    uint32_t access_mask        # MEM_INVALID: bit per ACCESS_*
    uint8_t deleted             # removed while it may be running: freed by the loop
    uint8_t needs_gil           # a Python hook: run() keeps the GIL while such a hook is armed
    uint64_t begin              # inclusive range; begin > end: everywhere
    uint64_t end
    hook_fn fn
    void *opaque
    uint64_t id
    Hook *next

# ---------------------------------------------------------------- run
cdef enum:
    STOP_UNTIL = 0              # pc reached `until` or another exit address
    STOP_COUNT = 1
    STOP_TIMEOUT = 2
    STOP_REQUEST = 3            # emu.stop()
    STOP_FAULT = 4              # memory or instruction fault not delivered to the guest: head.fault
    STOP_EXCEPTION = 5          # other guest exception not delivered (trap, system call ...)
    STOP_HALT = 6               # the guest waits for an interrupt that cannot come
    STOP_BREAKPOINT = 7
    STOP_SIGNAL = 8             # the slice callback asked (Ctrl-C)
    STOP_ERROR = 9              # a hook failed
    STOP_INTERNAL = 10          # the engine refused to go on (message in Engine.message)

# Called with no GIL at each slice end (a few ms); not 0 stops with STOP_SIGNAL.
ctypedef int (*slice_fn)(Engine *e, void *opaque) noexcept nogil

ctypedef struct RunArgs:
    uint64_t until
    bint has_until
    uint64_t count              # 0: no limit (has_count tells a zero limit)
    bint has_count
    uint64_t timeout_ns         # 0: none
    slice_fn slice
    void *slice_opaque

ctypedef struct RunOutcome:
    uint32_t reason             # STOP_*
    int32_t exception
    uint64_t pc
    uint64_t icount             # instructions retired by this run, exact
    FaultInfo fault

ctypedef struct EngineStats:
    uint64_t tb_translated
    uint64_t tb_flushes
    uint64_t tb_invalidated
    uint64_t tb_lookups         # exec loop lookups that missed the jump cache
    uint64_t smc_retries        # stores into the running block, done again alone
    uint64_t hot_blocks         # replaced by larger ones
    uint64_t one_shots          # blocks made for one run only (row 23)

# Which basic blocks were executed, written by the blocks themselves (cover.pyx).
cdef enum:
    COVER_SLOTS = 1 << 16

ctypedef struct CoverSlot:
    uint64_t pc
    uint64_t size               # bytes of the basic block

ctypedef struct Cover:
    uint8_t *hit                # [COVER_SLOTS], behind the CPU struct
    CoverSlot *slots            # [COVER_SLOTS], n of them in use
    uint32_t *table             # [2 * COVER_SLOTS] hash: slot + 1
    uint32_t n
    uint32_t lost               # translations of blocks that found no slot
    uint64_t first              # blocks that begin in [first, last]
    uint64_t last

ctypedef struct Engine:
    CPUHead *cpu
    const GuestOps *guest
    CPUConfig config
    void *mem                   # MemContext*
    void *system_memory         # MemoryRegion* root
    void *system_as             # AddressSpace*
    void *io_memory             # MemoryRegion* root of the I/O ports (cpu.io), NULL: none
    const BackendOps *backend
    RuntimeOps rt
    CodeBuffer code
    IR *ir                      # NULL until something is translated
    void *translator            # Translator*, the same
    void *cache                 # TBCache* (exec/cache.pxd)
    Hook *hooks[11]             # per kind, in the order added
    uint64_t next_hook_id
    uint32_t python_hooks       # armed hooks with needs_gil
    uint32_t memory_hooks       # armed MEM_READ/WRITE/READ_AFTER hooks: TLB entries carry TLB_WATCH
    uint8_t devices             # device functions are mapped: guest accesses may write registers
    uint8_t flush_pending       # blocks are flushed when the loop is next at its top
    int32_t heat                # entries of a block before it is translated again, larger
    uint8_t optimise            # 0: passes off
    uint8_t straight            # with BLOCK hooks armed, a block goes on where jumps only join it
    uint8_t deliver             # exceptions go to the guest
    uint8_t running
    uint64_t mmap_owner         # thread that has the map's lock, 0: none (mmaplock.pxd)
    uint64_t mmap_depth
    uint64_t *stops             # sorted: exits and breakpoints; no block runs past one
    uint32_t n_stops
    uint32_t stops_cap
    uint64_t *exits             # addresses that end a run like `until`
    uint32_t n_exits
    uint64_t last_until         # `until` of the last run that had one: stays a block boundary
    bint has_last_until
    bint until_active           # this run stops there
    # -- what hooks and other threads ask of the loop
    int32_t stop_requested
    uint8_t failed              # a callback failed: the run ends with STOP_ERROR
    uint8_t pc_written          # engine_reg_write changed pc since emitted code was entered
    uint8_t state_changed       # a hook changed what blocks are specialised on
    uint8_t regs_written        # a register was written from outside emitted code
    uint8_t fp_entered          # guest FP mode is on: leave it before foreign code runs
    uint8_t hooks_changed       # deleted hooks wait to be freed
    uint32_t hook_depth
    # -- state recovery (unwind.pyx): what was brought up to date last
    TB *synced_tb
    uint32_t synced_row
    uint32_t synced_todo        # instructions of the basic block not done there
    int64_t synced_left         # icount_left then: tells two visits of a loop apart
    RowCursor row_cursor        # of this run of a block
    # -- an instruction that is done again alone must not repeat its memory events
    uint64_t event_pc
    int64_t event_left
    uint32_t event_count
    uint32_t skip_events
    uint32_t skip_hooks         # bit per hook kind that was called for it already
    uint64_t exceptions         # guest exceptions of this run
    uint64_t slice_size         # instructions, adapted to take about 3 ms
    uint64_t slice_begin        # ns
    uint8_t slice_over          # it takes too long: its end is due at the next block head
    int32_t calls_left          # of hooks and slow accesses, until the next look at the clock
    int32_t calls_gap           # how many between two looks
    uint64_t calls_since        # ns, of the last look
    Cover *cover                # NULL: nobody records blocks
    void *as_listeners          # MemoryListener[num_ases] of spaces.pyx: changes flush the TLB
    EngineStats stats
    char message[256]
    void *owner                 # the Emulator (borrowed PyObject*), for api only

# code_size: bytes of code buffer (0: default 12 MiB, reserved not committed). NULL: out of memory.
cdef Engine *engine_new(const GuestOps *guest, const CPUConfig *cfg, const BackendOps *backend,
                        uint64_t code_size) noexcept nogil
cdef void engine_free(Engine *e) noexcept nogil
# The address space of I/O ports, if the CPU has none yet. False: no memory.
cdef bint engine_ports_open(Engine *e) noexcept nogil
# A code buffer and a block cache for an engine that has none. False: no memory.
cdef bint engine_code_open(Engine *e, uint64_t code_size) noexcept nogil
cdef void engine_run(Engine *e, const RunArgs *args, RunOutcome *out) noexcept nogil
# Ends the run in progress, or the next one if none is. Any thread and hooks may call it.
# Whoever starts runs clears Engine.stop_requested before others may know of the run.
cdef void engine_stop(Engine *e) noexcept nogil
# Registers by RegDesc; brings stale state up to date first when a hook runs. value: 64-bit words.
cdef int engine_reg_read(Engine *e, uint32_t reg, uint64_t *value) noexcept nogil
cdef int engine_reg_write(Engine *e, uint32_t reg, const uint64_t *value) noexcept nogil
# Hooks: NULL when out of memory. Both may be called from hooks; they count from the next
# instruction.
cdef Hook *engine_hook_add(Engine *e, uint32_t kind, uint64_t begin, uint64_t end, hook_fn fn,
                           void *opaque, bint needs_gil, uint32_t number,
                           uint32_t access_mask) noexcept nogil
cdef void engine_hook_del(Engine *e, Hook *h) noexcept nogil
cdef int engine_breakpoint_insert(Engine *e, uint64_t pc, uint32_t flags) noexcept nogil
cdef int engine_breakpoint_remove(Engine *e, uint64_t pc, uint32_t flags) noexcept nogil
# Addresses that end a run as `until` does, besides it; replaces the last set. -ENOMEM or 0.
cdef int engine_exits_set(Engine *e, const uint64_t *pcs, uint32_t n) noexcept nogil
# A callback that cannot answer a status (an I/O function) failed: the run ends with STOP_ERROR.
cdef void engine_fail(Engine *e) noexcept nogil
# Drop every block before the next one runs.
cdef void engine_tb_flush(Engine *e) noexcept nogil
# Every run stops after one instruction, with STOP_BREAKPOINT. A change drops all blocks (row 48).
cdef void engine_single_step(Engine *e, bint on) noexcept nogil
# Guest state exact now (in a hook: pc, lazy flags). Cheap when it already is.
cdef void engine_sync(Engine *e) noexcept nogil
# The block at pc, translated for this purpose, at a stage of its translation: dump.pxd.
cdef uint32_t engine_dump_tb(Engine *e, uint64_t pc, uint32_t stage, char *out, uint32_t size,
                             uint64_t *base) noexcept nogil
