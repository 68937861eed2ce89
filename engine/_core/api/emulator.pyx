"""The Emulator class: life cycle, run, hooks (see emulator.pxd)."""
cimport cython
from cpython.exc cimport PyErr_CheckSignals
from cpython.pythread cimport PyThread_get_thread_ident
from libc.string cimport memset
from engine._core.cpu.head cimport FAULT_ILLEGAL, FAULT_IO
from engine._core.isa.guest cimport GuestOps, CPUConfig
from engine._core.backend.backend cimport BackendOps
from engine._core.exec.engine cimport (
    RunArgs, RunOutcome, engine_new, engine_free, engine_run, engine_stop, engine_tb_flush,
    HOOK_CODE, HOOK_BLOCK, HOOK_MEM_READ, HOOK_MEM_WRITE, HOOK_MEM_FETCH, HOOK_MEM_INVALID,
    HOOK_EXCEPTION, HOOK_INSN, HOOK_INSN_INVALID, HOOK_MEM_READ_AFTER, HOOK_TLB_FILL,
    STOP_FAULT, STOP_EXCEPTION, STOP_INTERNAL)
from engine._core.exec.nested cimport engine_run_nested
from engine._core.base.clock cimport clock_ns
from engine._core.exec.dump cimport DUMP_CODE
from engine._core.api.blocks cimport memory_sync
from engine._core.api.core cimport (CoreState, core_of, gil_begin_turn, gil_drop, gil_unused,
                                    seconds_arg, type_name, u64_arg)
from engine._core.api.disassembly cimport (Instruction, decode_one, dump, dump_stage_names,
                                            instructions, raw_bytes)
from engine._core.api.guests cimport (backend_by_name, feature_bits, guest_by_name,
                                          model_by_name)
from engine._core.api.hooks cimport hook_new
from engine._core.api.memory cimport memory_new
from engine._core.api.recorder cimport coverage_new, edges_new, recorder_new
from engine._core.api.snapshot cimport Snapshot, snapshot_restore, snapshot_take
from engine._core.api.points cimport (breakpoints_new, watch_begin, watch_end,
                                       watchpoints_new)
from engine._core.api.ports cimport ports_new
from engine._core.api.registers cimport reg_table, registers_new, reg_find, reg_get, reg_set

import os
import threading

from engine.errors import (ArgumentError, ArgumentTypeError, EngineBusyError, Error, GuestException,
                           InstructionFault, MemoryFault, UnsupportedError)
from engine.util import factory
from engine._core.api.calls import call as call_function
from engine._core.api.kinds import Access, StopReason

cdef tuple _reasons = tuple(StopReason)
cdef object _watchpoint = StopReason.WATCHPOINT
cdef tuple _access_names = ("read", "write", "fetch")
cdef tuple _fault_kinds = ("", "unmapped", "protected", "misaligned", "page", "io")
cdef unsigned long _main_ident = threading.main_thread().ident


def _after_fork():
    global _main_ident
    _main_ident = threading.main_thread().ident


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


# ---------------------------------------------------------------- results

@cython.freelist(16)
cdef class RunResult:
    """What a run did.

    `reason` (StopReason) says why it ended, `pc` where, `count` how many instructions it retired;
    `watchpoint` is the `WatchHit` when it was a watchpoint, else None.
    """
    cdef readonly object reason
    cdef readonly object watchpoint
    cdef readonly uint64_t pc
    cdef readonly uint64_t count

    def __repr__(self):
        return f"RunResult({self.reason.name}, pc={self.pc:#x}, count={self.count})"

    def __eq__(self, other):
        if not isinstance(other, RunResult):
            return NotImplemented
        return (self.reason, self.pc, self.count) == (other.reason, other.pc, other.count)

    def __hash__(self):
        return hash((self.reason, self.pc, self.count))


# ---------------------------------------------------------------- slices

# Called every few milliseconds of a run. With the GIL held: hands it over when its time is up. In
# the thread that gets signals: runs their handlers.
cdef int on_slice(Engine *e, void *opaque) noexcept nogil:
    cdef CoreState *st = <CoreState *>opaque
    if st.gil_kept and gil_unused(st):
        gil_drop(st)
    if not st.gil_held and not st.main_thread:
        return 0
    with gil:
        return slice_held(st)


cdef int slice_held(CoreState *st) noexcept:
    cdef Core core
    if st.gil_held and clock_ns() - st.gil_taken >= st.gil_period:
        with nogil:
            pass
        st.gil_taken = clock_ns()
    if st.main_thread:
        try:
            PyErr_CheckSignals()
        except BaseException as error:
            core = core_of(st)
            if core.error is None:
                core.error = error
            return 1
    return 0


# ---------------------------------------------------------------- the class

cdef uint64_t engine_structs_size() noexcept nogil:
    return structs_size()


cdef Engine *emulator_engine(Emulator emu) except NULL:
    emu.core.check()
    return emu.core.st.engine


@cython.no_gc_clear
cdef class Emulator:
    """A CPU with its memory.

    arch: "x86_64", "riscv64" ... (`engine.architectures()` lists them).
    backend: "jit" or "interpreter" (`engine.backends()` lists what this host has); None: what the
        environment variable ENGINE_BACKEND names, else the first of these.
    features: names of CPU features to have instead of the model's own, or None.
    model: CPU model, or None for "max", the one with all features.
    big_endian: data byte order where the architecture has a choice.
    fp: floating point is on at reset, without the guest having to enable it.
    user_mode: start in the least privileged mode instead of the most privileged.
    exceptions: "host": faults and traps end `run()` with an exception; "guest": they go to the
        guest's own handlers.
    segment_limits: x86: accesses are checked against limits and types of segments, as the manual
        has it; False: only bases count.
    code_buffer: bytes of address space reserved for translated code, or None for the default.

    An emulator is used by one thread at a time: while it runs, calls from other threads raise
    `EngineBusyError`, except `stop()`. It is a context manager; leaving it closes it.
    """

    def __cinit__(self, *args, **kwargs):
        self.core = Core.__new__(Core)
        self.memory = memory_new(self.core)
        self.regs = registers_new(self.core)
        self.ports = ports_new(self.core)
        self.points = breakpoints_new(self.core)
        self.watches = watchpoints_new(self.core)
        self.symbols = {}

    def __init__(self, arch, *, backend=None, features=None, model=None, big_endian=False,
                 fp=True, user_mode=False, exceptions="host", segment_limits=True,
                 code_buffer=None):
        cdef Core core = self.core
        cdef CPUConfig config
        cdef const GuestOps *guest
        cdef const BackendOps *ops
        cdef uint64_t code_size = 0
        if core.st.engine is not NULL:
            raise EngineBusyError("the emulator is open already")
        memset(&config, 0, sizeof(config))
        guest = guest_by_name(arch, &config)
        ops = backend_by_name(backend)
        if exceptions not in ("host", "guest"):
            raise ArgumentError(f"exceptions must be 'host' or 'guest', not {exceptions!r}")
        config.model = model_by_name(guest, model)
        config.features = feature_bits(guest, features)
        config.big_endian = bool(big_endian)
        config.fp = bool(fp)
        config.user_mode = bool(user_mode)
        config.deliver = exceptions == "guest"
        config.no_limits = not segment_limits
        if code_buffer is not None:
            code_size = u64_arg(code_buffer, "code_buffer")
            if not 1 << 16 <= code_size <= 1 << 32:
                raise ArgumentError(f"code_buffer must be from 64 KiB to 4 GiB, not {code_size}")
        core.st.engine = engine_new(guest, &config, ops, code_size)
        if core.st.engine is NULL:
            raise UnsupportedError(f"{arch} with this model, features and byte order is not"
                                   f" available (or no memory is left)")
        core.st.engine.owner = <void *>core
        core.arch = arch
        self.options = (arch, dict(
            backend=backend, features=features, model=model, big_endian=big_endian, fp=fp,
            user_mode=user_mode, exceptions=exceptions, code_buffer=code_buffer))
        core.reg_table = reg_table(guest)
        self.regs = registers_new(core)
        self.ports = ports_new(core)

    # -- life cycle

    def close(self):
        """Free the engine. Views of its memory stay valid; every other use raises."""
        cdef Core core = self.core
        if core.st.engine is NULL:
            return
        core.check()
        if core.st.running:
            raise EngineBusyError("an emulator cannot be closed from its own hooks")
        if core.entered:
            raise EngineBusyError("an emulator cannot be closed from a device function")
        core.silence()
        engine_free(core.st.engine)
        core.st.engine = NULL
        core.forget_memory()
        self.memory.forget()
        self.ports = ports_new(core)
        core.st.has_exports = False
        core.cells = set()
        core.blocks = set()
        core.exports = []
        core.shadow = {}
        core.keep = []
        core.points = {}
        core.watches = []
        core.base = None
        core.adopted = None

    @property
    def closed(self):
        """Whether `close()` was called."""
        return self.core.st.engine is NULL

    def __enter__(self):
        self.core.check()
        return self

    def __exit__(self, *exc):
        self.close()

    def __repr__(self):
        if self.core.st.engine is NULL:
            return "<Emulator, closed>"
        if self.core.st.running and self.core.run_thread != PyThread_get_thread_ident():
            return f"<Emulator {self.core.arch}, running>"
        return f"<Emulator {self.core.arch}, pc={self.pc:#x}>"

    @property
    def arch(self):
        """Name of the architecture."""
        return self.core.arch

    @property
    def breakpoints(self):
        """Addresses that stop a run: `breakpoints.add(address)`."""
        return self.points

    @property
    def watchpoints(self):
        """Memory whose accesses stop a run: `watchpoints.add(address, size, kind)`."""
        return self.watches

    @property
    def qom(self):
        """The root of the emulator's object tree (`engine.qom`): machine, CPU, memory, devices. It
        is made when it is first asked for."""
        if self.tree is None:
            self.core.check()
            if factory.node_of is None:
                raise UnsupportedError("the object model is not loaded")
            self.tree = factory.node_of(self)
        return self.tree

    def gdb(self, port, *, host="127.0.0.1", reverse=True):
        """Wait for a gdb on a TCP port and let it drive the emulator, until it detaches (True) or
        wants the program killed (False). `engine.debug.gdb.GdbServer` is the same in two steps, for
        a port of the system's choice. Raises `UnsupportedError` for an architecture without target
        description, `Error` when the port cannot be had."""
        self.core.check()
        if factory.serve_gdb is None:
            raise UnsupportedError("the gdb stub is not loaded")
        return factory.serve_gdb(self, port, host, reverse)

    @property
    def running(self):
        """Whether a run is in progress."""
        return bool(self.core.st.running)

    # -- running

    def run(self, begin=None, until=None, *, count=None, timeout=None):
        """Execute instructions and say how it ended.

        begin: where to start; None: at the pc.
        until: stop before the instruction at this address.
        count: stop after so many instructions.
        timeout: stop after so many seconds.

        Raises `MemoryFault`, `InstructionFault` or `GuestException` for what the guest cannot go on
        from, with the state as it was before the instruction; what a hook raised; and what a signal
        handler raised (KeyboardInterrupt). The emulator stays usable after each of them.
        """
        cdef RunArgs args
        memset(&args, 0, sizeof(args))
        self.core.check()
        if until is not None:
            args.until = u64_arg(until, "until")
            args.has_until = True
        if count is not None:
            args.count = u64_arg(count, "count")
            args.has_count = True
        if timeout is not None:
            args.timeout_ns = seconds_arg(timeout, "timeout")
        return start(self, begin, &args)

    def step(self, n=1):
        """Execute n instructions: `run(count=n)`."""
        cdef RunArgs args
        memset(&args, 0, sizeof(args))
        self.core.check()
        args.count = u64_arg(n, "n")
        args.has_count = True
        return start(self, None, &args)

    def stop(self):
        """End the run in progress before its next instruction. Any thread may call this; without a
        run in progress it does nothing."""
        cdef CoreState *st = &self.core.st
        if st.engine is NULL or not st.running:
            return
        if self.core.run_thread == PyThread_get_thread_ident():
            st.stop_asked = True
        engine_stop(st.engine)

    @property
    def pc(self):
        """The program counter, whatever its name in the architecture."""
        return reg_get(self.core, reg_find(self.core, "pc"))

    @pc.setter
    def pc(self, value):
        reg_set(self.core, reg_find(self.core, "pc"), value)

    def reg_read(self, name, /):
        """Value of a register: `regs[name]`."""
        return reg_get(self.core, reg_find(self.core, name))

    def reg_write(self, name, value, /):
        """Set a register: `regs[name] = value`."""
        reg_set(self.core, reg_find(self.core, name), value)

    # -- hooks

    def hook_code(self, fn=None, begin=None, end=None, *, addresses=None, every=1):
        """Call fn(emu, address, size) before each instruction in [begin, end).

        As every hook_ method: with a function it returns a `Hook`; without one it is a decorator
        (`@emu.hook_code(begin=0x1000)`). What the function returns is ignored.

        addresses: only these, an iterable of ints. every: only each n-th of the events that
        passed the other filters. Filters cost no call of Python.
        """
        return hook(self.core, fn, "code", [(HOOK_CODE, 0, 0)], begin, end,
                    (every, addresses, None))

    def hook_block(self, fn=None, begin=None, end=None, *, addresses=None, every=1):
        """Call fn(emu, address, size) before each basic block that starts in [begin, end).
        addresses, every: as in `hook_code`."""
        return hook(self.core, fn, "block", [(HOOK_BLOCK, 0, 0)], begin, end,
                    (every, addresses, None))

    def hook_memory(self, fn=None, read=True, write=True, begin=None, end=None, *, after=False,
                    fetch=False, addresses=None, value=None, every=1):
        """Call fn(emu, access, address, size, value) before each load and store that touches
        [begin, end).

        value is what a store stores; None for a load, whose value is not known yet: what the hook
        writes to memory is what is loaded. after=True: loads are reported when done, with their
        value. fetch=True: also report code as it is read for translation, which is once and not at
        each execution.

        Filters, looked at without calling Python: addresses: only accesses that begin at one of
        these. value: an int, or (op, int) with an op of == != < <= > >= & (any bit in common),
        which the low 64 bits of the value must fulfil; loads are then reported with after=True
        only.
        every: only each n-th of the events that passed the other filters.
        """
        specs = []
        if value is not None and (fetch or read and not after):
            raise ArgumentError("a filter by value needs one: loads have it with after=True,"
                                " fetches never", hint="read=False, or after=True")
        if read:
            specs.append((HOOK_MEM_READ_AFTER if after else HOOK_MEM_READ, 0, 0))
        if write:
            specs.append((HOOK_MEM_WRITE, 0, 0))
        if fetch:
            specs.append((HOOK_MEM_FETCH, 0, 0))
        if not specs:
            raise ArgumentError("a memory hook for neither read, write nor fetch never fires")
        return hook(self.core, fn, "memory", specs, begin, end, (every, addresses, value))

    def hook_fault(self, fn=None, begin=None, end=None, *, read=True, write=True, fetch=True):
        """Call fn(emu, fault) for an access in [begin, end) to memory that is not mapped or whose
        permissions forbid it. True: try the access again; False or None: it is a fault."""
        mask = bool(read) << 0 | bool(write) << 1 | bool(fetch) << 2
        if not mask:
            raise ArgumentError("a fault hook for neither read, write nor fetch never fires")
        return hook(self.core, fn, "fault", [(HOOK_MEM_INVALID, 0, mask)], begin, end)

    def hook_exception(self, fn=None):
        """Call fn(emu, number) for an exception or interrupt of the guest before it is delivered.
        True: it is handled, go on at the pc; False or None: it is not."""
        return hook(self.core, fn, "exception", [(HOOK_EXCEPTION, 0, 0)], None, None)

    def hook_insn(self, mnemonics, fn=None, begin=None, end=None, *, addresses=None, every=1):
        """Call fn(emu, address, size) before each instruction of one or several mnemonics, as the
        disassembler names them ("ecall", or ["mul", "mulw"]). addresses, every: as in
        `hook_code`."""
        cdef const GuestOps *guest
        cdef uint32_t i
        self.core.check()
        guest = self.core.st.engine.guest
        names = [mnemonics] if isinstance(mnemonics, str) else list(mnemonics)
        specs = []
        for name in names:
            if not isinstance(name, str):
                raise ArgumentTypeError(f"mnemonic must be a str, not {type_name(name)}")
            wanted = name.lower().encode()
            before = len(specs)
            for i in range(guest.n_insns):
                if guest.insn_names[i] is not NULL and <bytes>guest.insn_names[i] == wanted:
                    specs.append((HOOK_INSN, i, 0))
            if len(specs) == before:
                raise ArgumentError(f"{self.core.arch} has no instruction {name!r}")
        if not specs:
            raise ArgumentError("no mnemonic to hook")
        return hook(self.core, fn, "instruction", specs, begin, end, (every, addresses, None))

    def hook_invalid(self, fn=None, begin=None, end=None):
        """Call fn(emu, address) for bytes that are no instruction, before that becomes a fault.
        True: handled, go on at the pc; False or None: it is a fault."""
        return hook(self.core, fn, "invalid", [(HOOK_INSN_INVALID, 0, 0)], begin, end)

    def hook_translation(self, fn=None, begin=None, end=None):
        """Call fn(emu, access, address, size, physical, perms) when an access in [begin, end) had
        its page translated and entered into the TLB: an access whose page the TLB does not hold.
        perms are those of the guest's page tables and the mapping together."""
        return hook(self.core, fn, "translation", [(HOOK_TLB_FILL, 0, 0)], begin, end)

    def call(self, target, *args, abi=None, count=None, timeout=None):
        """Call a guest function with int arguments and return its result.

        target: an address, or a name in `emu.symbols` (name -> address). abi: an `Abi`; None: the
        architecture's own. count and timeout as in `run`. The function returns to an address in
        the last page of the address space. pc, stack pointer and link register are put back.
        Raises what `run` raises, and `Error` when the run ended otherwise than by a return.
        """
        return call_function(self, target, args, abi, count, timeout)

    # -- recorders

    def record(self, kind, capacity=1 << 20, begin=None, end=None, *, full="drop", buffer=None,
               read=True, write=True):
        """Record "blocks", "instructions" or "memory" accesses into a buffer, without Python in
        the run. Returns a `Recorder`, which has begun.

        begin, end: addresses of the code, or for "memory" of the data. capacity: records of a new
        buffer; buffer: a writable one to use instead (numpy array, shared memory), aligned to 8
        bytes. full: what happens then: "drop" what comes, overwrite the oldest ("ring"), or
        "stop" the run. read, write: which accesses.
        """
        return recorder_new(self.core, kind, capacity, begin, end, full, buffer, bool(read),
                            bool(write))

    def record_edges(self, map, begin=None, end=None):
        """Count the edges between basic blocks in [begin, end) in a map of bytes, as AFL does:
        `map` is a writable buffer whose length is a power of two, shared memory for instance.
        Returns an `EdgeRecorder`, which has begun."""
        return edges_new(self.core, map, begin, end)

    def record_coverage(self, begin=None, end=None):
        """Record which basic blocks that begin in [begin, end) are executed. Returns a `Coverage`,
        which has begun, in the place of the one before. `EngineBusyError` in hooks."""
        return coverage_new(self.core, begin, end)

    # -- snapshots

    def snapshot(self):
        """A `Snapshot` of registers, memory map and memory as they are now. Costs what was written
        since the last one was taken or restored. `EngineBusyError` in hooks."""
        return snapshot_take(self.core, self.memory)

    def restore(self, Snapshot snapshot not None):
        """Make everything what it was when the snapshot was taken, mappings and permissions too.

        Costs what was written since the last one was taken or restored, and what differs between
        the two. One of another emulator of the same architecture, or of bytes, is copied in whole
        the first time. Hooks and breakpoints stay as they are now. Raises `ArgumentError` when it
        is of another architecture, `UnsupportedError` when it has a device or buffer that bytes
        cannot hold and that this emulator does not have mapped at its place.
        """
        snapshot_restore(self.core, self.memory, snapshot)

    def fork(self):
        """A new emulator in the same state, made with the same options. Memory is copied; mapped
        buffers and the functions of devices are shared. Hooks are not copied."""
        cdef Snapshot now = snapshot_take(self.core, self.memory)
        cdef Emulator child = Emulator(self.options[0], **self.options[1])
        snapshot_restore(child.core, child.memory, now)
        return child

    # -- code

    def disassemble(self, code, count=None, *, address=0):
        """Instructions at an address of the guest (count: default 1), or out of bytes that are
        thought to stand at `address` (count: default all). Bytes that are no instruction come as
        `.byte`."""
        self.core.check()
        return instructions(self.core, self.memory, code, count, address)

    def load(self, data, address, perms="rwx", *, name=None):
        """Map memory for a flat binary at an address and write it there; the mapping is rounded to
        whole pages of the guest. Returns the address after the last byte."""
        cdef uint64_t first = u64_arg(address, "address")
        self.core.check()
        size = len(memoryview(data).cast("B"))
        page = 1 << self.core.st.engine.guest.page_bits
        begin = first & -page
        end = (first + size + page - 1) & -page
        self.memory.map(begin, end - begin, perms, name=name)
        self.memory.write(first, data)
        return first + size

    @property
    def dump_stages(self):
        """Stages of `dump_block`, in order: "ir" as the translator made it, then the steps of the
        optimiser by name."""
        return dump_stage_names()

    def dump_block(self, address, stage=None):
        """The intermediate code of the block at an address as text, after a stage of `dump_stages`
        (default: the first), for debugging; "" when nothing can be translated there, and while a
        run is in progress. `engine.debug.dump` shows all stages together."""
        cdef uint64_t pc = u64_arg(address, "address")
        cdef uint64_t base = 0
        self.core.check()
        stages = dump_stage_names()
        if stage is not None and stage not in stages:
            raise ArgumentError(f"no stage {stage!r}", hint=f"stages: {', '.join(stages)}")
        return dump(self.core, pc, 0 if stage is None else stages.index(stage),
                    &base).decode("ascii", "replace").rstrip("\0")

    def dump_code(self, address):
        """Host code of the block at an address as (address of the code, bytes), for debugging;
        (0, b"") when nothing can be translated there, while a run is in progress, and from a back
        end that makes no host code."""
        cdef uint64_t pc = u64_arg(address, "address")
        cdef uint64_t base = 0
        self.core.check()
        code = dump(self.core, pc, DUMP_CODE, &base)
        return base, code

    def flush_code(self):
        """Drop all translated code. Never needed for correctness: writes to code are noticed."""
        self.core.check()
        engine_tb_flush(self.core.st.engine)

    def raise_irq(self, line, level=True):
        """Set an interrupt line of the CPU to a level."""
        cdef uint64_t number = u64_arg(line, "line")
        self.core.check()
        if number > 0xffffffff:
            raise ArgumentError(f"no interrupt line {number}")
        if self.core.st.engine.guest.set_irq is NULL:
            raise UnsupportedError(f"{self.core.arch} has no interrupt lines")
        self.core.st.engine.guest.set_irq(self.core.st.engine.cpu, number, bool(level))

    @property
    def stats(self):
        """Counters of the engine as a dict: instructions, translated blocks, misses and so on."""
        cdef Engine *e
        self.core.check()
        e = self.core.st.engine
        return {
            "instructions": e.cpu.icount_total,
            "blocks_translated": e.stats.tb_translated,
            "blocks_heated": e.stats.hot_blocks,
            "blocks_invalidated": e.stats.tb_invalidated,
            "block_flushes": e.stats.tb_flushes,
            "block_lookups": e.stats.tb_lookups,
            "self_modifications": e.stats.smc_retries,
            "tlb_misses": e.cpu.tlb.miss_count,
            "tlb_fills": e.cpu.tlb.fill_count,
            "tlb_flushes": e.cpu.tlb.flush_count,
            "code_bytes": <uint64_t>(e.code.ptr - e.code.base),
        }


# ---------------------------------------------------------------- runs

cdef RunResult start(Emulator self, object begin, RunArgs *args):
    cdef RunOutcome out
    cdef RunResult result
    if begin is not None and not self.core.st.running:
        set_begin(self.core, u64_arg(begin, "begin"))
    emulator_run(self, args, &out)
    result = RunResult.__new__(RunResult)
    result.reason = _reasons[out.reason] if self.core.hit is None else _watchpoint
    result.watchpoint = self.core.hit
    result.pc = out.pc
    result.count = out.icount
    if out.reason == STOP_FAULT or out.reason == STOP_EXCEPTION or out.reason == STOP_INTERNAL:
        error = emulator_error(self, &out)
        error.result = result
        raise error
    return result


cdef int emulator_run(Emulator self, RunArgs *args, RunOutcome *out) except -1:
    cdef Core core = self.core
    cdef CoreState *st = &core.st
    if st.running:
        raise EngineBusyError("the emulator is running already: this is one of its own hooks",
                              hint="set regs.pc to go on elsewhere, or stop() and run again")
    if st.has_exports:
        memory_sync(core)
    memset(out, 0, sizeof(RunOutcome))
    args.slice = on_slice
    args.slice_opaque = st
    core.error = None
    core.run_thread = PyThread_get_thread_ident()
    st.main_thread = core.run_thread == _main_ident
    st.emulator = <PyObject *>self
    st.stop_asked = False
    st.gil_held = st.engine.python_hooks != 0
    if st.gil_held:
        gil_begin_turn(st)
    st.engine.stop_requested = 0    # a stop that came too late for the run before
    st.running = True
    if core.watches:
        watch_begin(core)
    if st.gil_held:
        engine_run(st.engine, args, out)
    else:
        with nogil:
            engine_run(st.engine, args, out)
            gil_drop(st)
    core.hit = watch_end(core, args, out) if core.watches else None
    st.running = False
    st.gil_held = False
    st.emulator = NULL
    core.bury()
    if core.error is not None:
        error = core.error
        core.error = None
        raise error
    return 0


cdef int emulator_run_nested(Emulator self, uint64_t begin, RunArgs *args,
                             RunOutcome *out) except -1:
    cdef Core core = self.core
    cdef CoreState *st = &core.st
    cdef bint stop_asked = st.stop_asked
    cdef bint kept = st.gil_kept
    cdef bint done
    memset(out, 0, sizeof(RunOutcome))
    args.slice = on_slice
    args.slice_opaque = st
    outer_error = core.error
    core.error = None
    st.stop_asked = False
    st.engine.stop_requested = 0
    if st.gil_held:
        st.gil_kept = False             # this function needs it after the run
        done = engine_run_nested(st.engine, begin, args, out)
        st.gil_kept = kept
    else:
        with nogil:
            done = engine_run_nested(st.engine, begin, args, out)
            gil_drop(st)
    st.stop_asked = stop_asked
    error = core.error
    core.error = outer_error
    if not done:
        raise EngineBusyError("a run inside of a run can be started by a hook only, and not too"
                              " many of them in one another")
    if error is not None:
        raise error
    return 0


cdef int set_begin(Core core, uint64_t begin) except -1:
    cdef const GuestOps *guest = core.st.engine.guest
    if guest.word_bits < 64 and begin >> guest.word_bits:
        raise ArgumentError(f"begin {begin:#x} is beyond the {guest.word_bits} address bits of"
                            f" {core.arch}")
    if begin % guest.min_insn:
        raise ArgumentError(f"begin {begin:#x} is not a multiple of {guest.min_insn}, as"
                            f" instructions of {core.arch} are")
    guest.set_pc(core.st.engine.cpu, begin)
    return 0


cdef object emulator_error(Emulator self, RunOutcome *out):
    cdef Core core = self.core
    cdef Memory memory = self.memory
    cdef const GuestOps *guest = core.st.engine.guest
    cdef Instruction insn
    cdef bytes code
    cdef object hint = None
    cdef object text = None
    cdef object error
    cdef Py_ssize_t i
    if out.reason == STOP_INTERNAL:
        return Error((<bytes>core.st.engine.message).decode("utf-8", "replace"))
    if out.fault.hint and guest.hints is not NULL:
        hint = (<bytes>guest.hints[out.fault.hint]).decode("utf-8")
    code = memory.peek_virtual(out.pc, guest.max_insn)
    insn = decode_one(core, code, out.pc) if code else None
    if out.reason == STOP_EXCEPTION:
        name = f"exception {out.exception}"
        i = 0
        while guest.excps is not NULL and guest.excps[i].name is not NULL:
            if guest.excps[i].number == out.exception:
                name = (<bytes>guest.excps[i].name).decode("ascii")
                break
            i += 1
        error = GuestException(out.exception, name, pc=out.pc, tval=out.fault.addr, hint=hint)
    elif out.fault.reason == FAULT_ILLEGAL or not 0 < out.fault.reason <= FAULT_IO:
        if insn is not None:
            code = insn.bytes
        elif code:
            text = raw_bytes(code[:guest.min_insn], out.pc).text
        error = InstructionFault(code, pc=out.pc, hint=hint,
                                 disassembly=text if insn is None else insn.text,
                                 reason=None if insn is None else "instruction not available")
    else:
        error = MemoryFault(_fault_kinds[out.fault.reason], address=out.fault.addr,
                            access=_access_names[min(out.fault.access, 2)],
                            size=out.fault.size, pc=out.pc, hint=hint)
        if insn is not None and out.fault.access != Access.FETCH:
            error.message += f" in `{insn.text}`"
    error.instruction = insn
    return error


# A hook_ method: with a function the handle of its hook, without one a decorator.
cdef object hook(Core core, object fn, str kind, list specs, object begin, object end,
                 tuple filters=None):
    if fn is not None:
        return hook_new(core, fn, kind, specs, begin, end, filters)
    core.check()

    def decorate(function):
        return hook_new(core, function, kind, specs, begin, end, filters)
    return decorate
