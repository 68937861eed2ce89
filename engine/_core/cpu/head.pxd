# The CPU head: the struct every guest's state starts with.
# Lives here: the fields that exec, back ends and hooks reach for any guest, exception and interrupt
# numbers, breakpoints. Does not live here: guest registers (isa/<guest>/state_gen.pxd).
# Emitted code reaches a field as env + offsetof(CPUHead, field), so hot fields stand first.
from engine._core.base.types cimport (int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t,
                                      uintptr_t, vaddr_t, hwaddr)
from engine._core.fp.status cimport FPStatus
from engine._core.mem.tlb cimport CPUTLB
from engine._core.cpu.tb cimport TB, TBExit

cdef enum:
    RETURN_SLOTS = 64           # by return_offset
    RETURN_PC_MASK = 0x7e       # (RETURN_SLOTS - 1) << 1
    FRAME_SLOTS = 896           # 8-byte slots for temporaries of the running block; with the
                                # return slots 8 KiB

# Generic exceptions (row 56); below 0x10000: the guest's own numbers. -1: none.
cdef enum:
    EXCP_NONE = -1
    EXCP_INTERRUPT = 0x10000
    EXCP_HLT = 0x10001
    EXCP_DEBUG = 0x10002
    EXCP_HALTED = 0x10003
    EXCP_YIELD = 0x10004

cdef enum:
    CPU_INTERRUPT_HARD = 0x2
    CPU_INTERRUPT_EXITTB = 0x4
    CPU_INTERRUPT_HALT = 0x20
    CPU_INTERRUPT_DEBUG = 0x80
    CPU_INTERRUPT_RESET = 0x400

# Why a memory access or an instruction failed, in the engine's own words (fault.reason).
cdef enum:
    FAULT_NONE = 0
    FAULT_UNMAPPED = 1          # nothing is mapped at the physical address
    FAULT_PROT = 2              # the region's permissions forbid it
    FAULT_MISALIGNED = 3
    FAULT_PAGE = 4              # the guest's page tables say no
    FAULT_IO = 5                # a device answered with an error
    FAULT_ILLEGAL = 6           # undefined or disabled instruction
    FAULT_TRAP = 7              # trap by design: system call, breakpoint instruction ...

ctypedef struct FaultInfo:
    uint64_t addr               # guest virtual address (FAULT_ILLEGAL: instruction bits)
    hwaddr paddr
    uint32_t size               # bytes
    uint8_t access              # ACCESS_*
    uint8_t reason              # FAULT_*
    uint16_t hint               # guest-defined: index in GuestOps.hints

ctypedef struct Breakpoint:
    uint64_t pc
    uint32_t flags              # BP_GDB 0x10, BP_CPU 0x20

cdef enum:
    BP_GDB = 0x10
    BP_CPU = 0x20
    BP_ANY = 0x30

# Where calls that emitted code made go on: found again by where a return goes. A call writes its
# slot, so there is no stack to get out of step, and no count that each call and return waits for.
ctypedef struct ReturnEntry:
    uint64_t pc
    uintptr_t code              # 0: nothing known

ctypedef struct CPUHead:
    # -- hot
    int64_t icount_left         # blocks subtract their instruction count; < 0: leave
    uint64_t pc                 # exact only outside emitted code (see unwind_ra)
    int32_t exit_request        # set by stop(), other threads, interrupts; read at each block head
    int32_t exit_status         # ST_* that made emitted code leave
    TB **jmp_cache              # [TB_JMP_CACHE_SIZE] by tb_jmp_cache_hash(pc)
    TBExit *last_exit           # EXIT_GOTO: which exit
    uint64_t helper_ret         # second result of a helper that answers a status
    CPUTLB tlb
    FPStatus fpst
    # -- translation state
    uint64_t cs_base            # part of the TB key; 0 for most guests
    uint32_t tb_flags           # part of the TB key: kept current by the guest (GuestOps.tb_flags)
    uint32_t mmu_idx            # of data accesses now; same
    TB *current_tb              # block being run, NULL outside
    uintptr_t unwind_ra         # not 0: pc and the guest's lazy state are stale; exec's
                                # cpu_restore_state(cpu) brings them up to date from here
    # -- exceptions and interrupts
    int32_t exception_index
    uint32_t interrupt_request
    uint8_t halted
    uint8_t crash_occurred
    uint8_t singlestep
    uint8_t in_run              # run() is active on this CPU
    FaultInfo fault
    uint64_t exception_pc       # of the instruction that raised it
    # -- ownership
    const void *guest           # GuestOps*
    void *engine                # exec's Engine*
    int32_t cpu_index
    uint32_t num_ases
    void **ases                 # AddressSpace*[num_ases]
    void *as0                   # shorthand for ases[0]
    void *io                    # AddressSpace* of I/O ports, NULL: none are mapped
    uint32_t n_breakpoints
    uint32_t breakpoints_cap
    Breakpoint *breakpoints     # GDB ones first (row 17)
    uint64_t icount_total       # instructions retired before the current slice
    int64_t icount_slice        # what icount_left was set to
    int64_t icount_after        # how many may run after this slice
    # Return prediction of host back ends (push_ret, goto_ret). Cleared with the jump cache.
    ReturnEntry returns[64]     # RETURN_SLOTS
    uint64_t frame[896]         # FRAME_SLOTS temporaries; the guest's fields follow the head


# Instructions that a helper may do at once, beyond the one that calls it; 0: none. Only in emitted
# code that has counted itself.
cdef inline uint64_t icount_allows(const CPUHead *head) noexcept nogil:
    if head.icount_left <= 0:
        return 0
    return <uint64_t>head.icount_left + <uint64_t>head.icount_after


# n of those are done, which took about as long as `cost` others: that much of the slice is over.
cdef inline void icount_spend(CPUHead *head, uint64_t n, uint64_t cost) noexcept nogil:
    cdef uint64_t after = <uint64_t>head.icount_after, left = <uint64_t>head.icount_left
    cost += 1
    if n > after and cost < n - after:
        cost = n - after
    if cost > n:
        cost = n
    if cost > left:
        cost = left
    head.icount_left -= <int64_t>cost
    head.icount_after -= <int64_t>(n - cost)
    head.icount_total += n - cost


# Offset in `returns` of the slot for a pc.
cdef inline uint32_t return_offset(uint64_t pc) noexcept nogil:
    return (<uint32_t>pc & RETURN_PC_MASK) << 3
