# A CPU made of nothing but globals and a piece of memory, to run IR text in tests.
# Included by t_ir.pyx, t_opt.pyx, t_interp.pyx, t_vector.pyx. Globals g0..g15 (integer), v0..v7
# (float) and q0..q7 (vector); guest memory of 4 pages at 0x10000 with the TLB filled by hand;
# everything else faults.
import importlib.util
from pathlib import Path
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset
from engine._core.base.types cimport *
from engine._core.base.vec128 cimport V128
from engine._core.fp.status cimport (FP_DAZ_X86, FP_FTZ_X86, FP_NAN_CANONICAL, FP_NAN_X86_SSE,
                                     fp_status_init)
from engine._core.fp.host cimport fp_host_enter, fp_host_leave
from engine._core.mem.tlb cimport CPUTLBEntry
from engine._core.cpu.head cimport CPUHead
from engine._core.cpu.tb cimport *
from engine._core.ir.ir cimport *
from engine._core.ir.text cimport ir_parse, ir_print
from engine._core.ir.verify cimport ir_verify
from engine._core.opt.dead cimport pass_dead
from engine._core.opt.flow cimport pass_flow
from engine._core.opt.fold cimport pass_fold
from engine._core.opt.passes cimport OPT_DEFAULT, OPT_MEM_CLOBBERS, opt_run
from engine._core.backend.backend cimport *
from engine._core.backend.codebuf cimport code_buffer_free, code_buffer_init
from engine._core.backend.rows cimport rows_lookup
from engine._core.backend.interp.interp cimport interp_ops
from engine._core.backend.x86_64.x86_64 cimport x86_64_host, x86_64_ops

HERE = Path(__file__).resolve()


def module_of_tests(name):
    """A plain Python module beside the sources of these tests, wherever this one was built."""
    for root in (Path.cwd(), *HERE.parents):
        file = root / "tests/cython" / (name + ".py")
        if file.exists():
            spec = importlib.util.spec_from_file_location(name, file)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise FileNotFoundError(name)


cdef enum:
    BASE = 0x10000
    MEMORY = 0x4000
    N_G = 16
    N_V = 8
    N_Q = 8

cdef uint64_t MASK64 = 0xffffffffffffffffULL

ctypedef struct BoxCPU:
    CPUHead head
    uint64_t g[16]
    uint64_t v[8]
    V128 q[8]
    uint64_t plain[8]               # state that is not a global: ld8u .. st64
    uint8_t *memory
    uint64_t slow                   # accesses that took the slow path
    uint64_t calls


cdef int box_load(CPUHead *cpu, vaddr_t addr, uint32_t oi, uintptr_t ra,
                  uint64_t *out) noexcept nogil:
    cdef BoxCPU *b = <BoxCPU *>cpu
    cdef uint32_t memop = oi >> 4
    cdef uint32_t size = 1u << (memop & MO_SIZE), i
    cdef uint64_t v = 0
    b.slow += 1
    if addr - BASE > <uint64_t>(MEMORY - size) or (memop & MO_AMASK == MO_ALIGN
                                                     and addr & (size - 1)):
        cpu.fault.addr = addr
        return ST_FAULT
    if size == 16:              # two words, the low half first
        b.slow -= 2
        box_load(cpu, addr + (8 if memop & MO_BE else 0), oi - (1 << 4), ra, out)
        return box_load(cpu, addr + (0 if memop & MO_BE else 8), oi - (1 << 4), ra, out + 1)
    for i in range(size):
        if memop & MO_BE:
            v = (v << 8) | b.memory[addr - BASE + i]
        else:
            v |= <uint64_t>b.memory[addr - BASE + i] << (8 * i)
    if memop & MO_SIGN and size < 8 and (v >> (8 * size - 1)) & 1:
        v |= MASK64 << (8 * size)
    out[0] = v
    return ST_OK


cdef int box_store(CPUHead *cpu, vaddr_t addr, uint64_t value, uint32_t oi,
                   uintptr_t ra) noexcept nogil:
    cdef BoxCPU *b = <BoxCPU *>cpu
    cdef uint32_t memop = oi >> 4
    cdef uint32_t size = 1u << (memop & MO_SIZE), i
    b.slow += 1
    if addr - BASE > <uint64_t>(MEMORY - size) or (memop & MO_AMASK == MO_ALIGN
                                                     and addr & (size - 1)):
        cpu.fault.addr = addr
        return ST_FAULT
    for i in range(size):
        if memop & MO_BE:
            b.memory[addr - BASE + i] = <uint8_t>(value >> (8 * (size - 1 - i)))
        else:
            b.memory[addr - BASE + i] = <uint8_t>(value >> (8 * i))
    return ST_OK


cdef int box_store128(CPUHead *cpu, vaddr_t addr, const uint64_t *value, uint32_t oi,
                      uintptr_t ra) noexcept nogil:
    cdef BoxCPU *b = <BoxCPU *>cpu
    cdef uint32_t memop = oi >> 4
    if addr - BASE > <uint64_t>(MEMORY - 16) or (memop & MO_AMASK == MO_ALIGN and addr & 15):
        b.slow += 1
        cpu.fault.addr = addr
        return ST_FAULT
    b.slow -= 1
    box_store(cpu, addr + (8 if memop & MO_BE else 0), value[0], oi - (1 << 4), ra)
    return box_store(cpu, addr + (0 if memop & MO_BE else 8), value[1], oi - (1 << 4), ra)


cdef int box_rmw(CPUHead *cpu, uint32_t opc, vaddr_t addr, uint64_t a, uint64_t b, uint32_t oi,
                 uintptr_t ra, uint64_t *old) noexcept nogil:
    """Only shows that operands arrive: the old value, and a stored mix of op, a and b."""
    if box_load(cpu, addr, oi, ra, old) != ST_OK:
        return ST_FAULT
    return box_store(cpu, addr, (a ^ (b << 8)) + opc, oi, ra)


cdef TB *box_lookup(CPUHead *cpu) noexcept nogil:
    return NULL


cdef uint64_t help_mix(void *env, uint64_t a, uint64_t b, uint64_t c, uint64_t d) noexcept nogil:
    return a + 2 * b + 3 * c + 5 * d

cdef uint64_t help_write(void *env, uint64_t a, uint64_t b, uint64_t c, uint64_t d) noexcept nogil:
    cdef BoxCPU *box = <BoxCPU *>env
    box.calls += 1
    box.g[a & 15] = b + box.g[c & 15]
    return 0

cdef uint64_t help_status(void *env, uint64_t a, uint64_t b, uint64_t c, uint64_t d) noexcept nogil:
    (<BoxCPU *>env).calls += 1
    return a

cdef HelperInfo[4] box_helpers
box_helpers[0] = HelperInfo(help_mix, b"mix", HF_PURE, 4)
box_helpers[1] = HelperInfo(help_write, b"write", 0, 3)
box_helpers[2] = HelperInfo(help_status, b"status", HF_STATUS, 1)
box_helpers[3] = HelperInfo(help_mix, b"mix_noread", HF_NO_READ | HF_NO_WRITE, 4)

cdef char[32][8] box_names
cdef void name_globals():
    cdef int i
    for i in range(N_G + N_V + N_Q):
        if i < N_G:
            snprintf(&box_names[i][0], 8, "g%d", i)
        elif i < N_G + N_V:
            snprintf(&box_names[i][0], 8, "v%d", i - N_G)
        else:
            snprintf(&box_names[i][0], 8, "q%d", i - N_G - N_V)

name_globals()


cdef class Box:
    cdef BoxCPU *cpu
    cdef IR *s
    cdef TB tb
    cdef CodeBuffer buf
    cdef const BackendOps *ops
    cdef RuntimeOps rt
    cdef CPUTLBEntry *entries
    cdef uint32_t last_exit

    def __cinit__(self, size_t code_size=1 << 20, bint jit=False):
        cdef uint32_t i, modes = 12, pages = MEMORY >> 12
        self.cpu = <BoxCPU *>calloc(1, sizeof(BoxCPU))
        self.cpu.memory = <uint8_t *>calloc(1, MEMORY)
        self.cpu.head.jmp_cache = <TB **>calloc(TB_JMP_CACHE_SIZE, sizeof(void *))
        self.entries = <CPUTLBEntry *>malloc(256 * sizeof(CPUTLBEntry))
        memset(self.entries, 0xff, 256 * sizeof(CPUTLBEntry))
        for i in range(modes):
            self.cpu.head.tlb.desc[i].mask = 255 << 5
            self.cpu.head.tlb.desc[i].table = self.entries
        self.cpu.head.tlb.page_bits = 12
        self.cpu.head.tlb.page_mask = ~0xfffULL
        for i in range(pages):
            addr = BASE + (i << 12)
            self.entries[(addr >> 12) & 255].f.addr_read = addr
            self.entries[(addr >> 12) & 255].f.addr_write = addr
            self.entries[(addr >> 12) & 255].f.addend = <uintptr_t>self.cpu.memory - BASE
        fp_status_init(&self.cpu.head.fpst, FP_NAN_CANONICAL)
        self.rt.load = box_load
        self.rt.store = box_store
        self.rt.store128 = box_store128
        self.rt.rmw = box_rmw
        self.rt.lookup = box_lookup
        self.ops = &x86_64_ops if jit else &interp_ops
        if not code_buffer_init(&self.buf, self.ops, code_size):
            raise MemoryError("code buffer")
        self.s = ir_new()
        for i in range(N_G):
            ir_global(self.s, TYPE_I, <uint32_t>(<uintptr_t>&self.cpu.g[i] - <uintptr_t>self.cpu),
                      &box_names[i][0])
        for i in range(N_V):
            ir_global(self.s, TYPE_F, <uint32_t>(<uintptr_t>&self.cpu.v[i] - <uintptr_t>self.cpu),
                      &box_names[N_G + i][0])
        for i in range(N_Q):
            ir_global(self.s, TYPE_V, <uint32_t>(<uintptr_t>&self.cpu.q[i] - <uintptr_t>self.cpu),
                      &box_names[N_G + N_V + i][0])

    def __dealloc__(self):
        ir_free(self.s)
        code_buffer_free(&self.buf)
        free(self.entries)
        free(self.cpu.head.jmp_cache)
        free(self.cpu.memory)
        free(self.cpu)

    def plain_offset(self, i=0):
        return <uintptr_t>&self.cpu.plain[<int>i] - <uintptr_t>self.cpu

    def parse(self, str text, bint check=True):
        cdef char[256] err
        cdef bytes raw = text.encode()
        ir_reset(self.s)
        for i in range(4):
            ir_helper(self.s, &box_helpers[i])
        if ir_parse(self.s, raw, err, sizeof(err)):
            raise ValueError(err.decode())
        if check:
            self.check()
        return self

    def check(self):
        cdef char[256] err
        if ir_verify(self.s, err, sizeof(err)) != NULL:
            raise ValueError(err.decode() + "\n" + self.text())

    def text(self):
        cdef uint32_t n = ir_print(self.s, NULL, 0)
        cdef bytearray out = bytearray(n + 1)
        assert ir_print(self.s, out, n + 1) == n
        return bytes(out[:n]).decode()

    def optimise(self, level=1):
        opt_run(self.s, level)
        self.check()
        return self

    def run_pass(self, name):
        if name == "flow":
            pass_flow(self.s)
        elif name in ("fold", "fold-clobbers"):
            pass_fold(self.s, name == "fold-clobbers")
        elif name == "dead":
            pass_dead(self.s)
        elif name == "count":
            ir_count_blocks(self.s)
        elif name == "all":
            opt_run(self.s, OPT_DEFAULT)
        else:
            raise ValueError(f"no pass '{name}'")
        self.check()
        return self

    def count(self):
        ir_count_blocks(self.s)
        return self

    def compile(self):
        self.buf.ptr = self.buf.base
        memset(&self.tb, 0, sizeof(TB))
        if self.s.n_rows:
            self.tb.pc = self.s.rows[0]
        return self.ops.compile(self.s, &self.tb, &self.buf, self.cpu)

    def run(self, icount=1 << 40):
        """Compile and run; answers EXIT_* and what left: exit pc, status, or row index."""
        cdef uint64_t[4] words
        cdef CPUHead *head = &self.cpu.head
        code = self.compile()
        assert code == BE_OK, f"compile: {code}"
        head.icount_left = icount
        fp_host_enter(&head.fpst)
        self.last_exit = self.ops.run(head, &self.tb, &self.rt)
        fp_host_leave(&head.fpst)
        if self.last_exit == EXIT_GOTO:
            return "goto", head.last_exit.pc
        if self.last_exit == EXIT_LOOKUP:
            return "lookup", head.pc
        row = rows_lookup(&self.tb, head.unwind_ra, words)
        kind = "icount" if self.last_exit == EXIT_ICOUNT else "status"
        return kind, row, words[0], words[3]

    def set(self, **values):
        for name, value in values.items():
            i = int(name[1:])
            if name[0] == "g":
                self.cpu.g[<int>i] = value & MASK64
            elif name[0] == "q":
                self.cpu.q[<int>i].lo = value & MASK64
                self.cpu.q[<int>i].hi = (value >> 64) & MASK64
            else:
                self.cpu.v[<int>i] = value & MASK64
        return self

    def g(self, i):
        return self.cpu.g[<int>i]

    def v(self, i):
        return self.cpu.v[<int>i]

    def q(self, i):
        return <object>self.cpu.q[<int>i].hi << 64 | self.cpu.q[<int>i].lo

    def plain(self, i, value=None):
        if value is not None:
            self.cpu.plain[<int>i] = value
        return self.cpu.plain[<int>i]

    def clear_flags(self):
        self.cpu.head.fpst.flags = 0

    def rule(self, bint x86, rounding=0, bint flush=False, bint daz=False):
        """Whose NaNs; the modes that x86 has."""
        fp_status_init(&self.cpu.head.fpst, FP_NAN_X86_SSE if x86 else FP_NAN_CANONICAL)
        self.cpu.head.fpst.rounding = rounding
        self.cpu.head.fpst.flush_to_zero = FP_FTZ_X86 if flush else 0
        self.cpu.head.fpst.flush_inputs = FP_DAZ_X86 if daz else 0

    def flags(self):
        return self.cpu.head.fpst.flags

    @property
    def icount_left(self):
        return self.cpu.head.icount_left

    @property
    def slow(self):
        return self.cpu.slow

    @property
    def calls(self):
        return self.cpu.calls

    def poke(self, addr, bytes data):
        memcpy(self.cpu.memory + <size_t>(addr - BASE), <const char *>data, len(data))

    def peek(self, addr, size):
        return (<char *>self.cpu.memory)[addr - BASE:addr - BASE + size]

    def state(self):
        return ([self.cpu.g[i] for i in range(N_G)], [self.cpu.v[i] for i in range(N_V)],
                [self.q(i) for i in range(N_Q)], [self.cpu.plain[i] for i in range(8)],
                self.peek(BASE, MEMORY))
