# x86: constants and the structs of the decoder (exceptions, modes, lazy flags, X86Insn, X86DC).
# Lives here: numbers and structs only. Intel SDM volumes 1 to 3.
# Called by: every module of isa/x86.
from engine._core.base.types cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:                          # exception_index: vectors (SDM 3A, 6.3.1)
    X86_EXCP_DE = 0
    X86_EXCP_DB = 1
    X86_EXCP_NMI = 2
    X86_EXCP_BP = 3
    X86_EXCP_OF = 4
    X86_EXCP_BR = 5
    X86_EXCP_UD = 6
    X86_EXCP_NM = 7
    X86_EXCP_DF = 8
    X86_EXCP_TS = 10
    X86_EXCP_NP = 11
    X86_EXCP_SS = 12
    X86_EXCP_GP = 13
    X86_EXCP_PF = 14
    X86_EXCP_MF = 16
    X86_EXCP_AC = 17
    X86_EXCP_XM = 19
    X86_EXCP_SYSCALL = 0x100        # SYSCALL, for whoever runs the program
    X86_EXCP_SYSENTER = 0x101
    X86_EXCP_INT = 0x200            # + n of INT n
    X86_EXCP_IRQ = 0x300            # + n of an external interrupt

cdef enum:                          # size of code: head.tb_flags & TBF_MODE, X86Insn.mode
    X86_MODE_REAL = 0               # 16 bits: real, virtual-8086, or protected with D = 0
    X86_MODE_32 = 1
    X86_MODE_64 = 2

cdef enum:                          # head.tb_flags
    TBF_MODE = 3
    TBF_SEGMENTS = 4                # ES, CS, SS or DS has a base
    TBF_LIMITS = 8                  # offsets must be compared with the limits of segments
    TBF_PE = 0x10                   # protected, not virtual-8086
    TBF_SS32 = 0x20                 # the stack pointer is ESP
    TBF_CPL_SHIFT = 6
    TBF_IOPL = 0x100                # CPL <= IOPL
    TBF_DEBUG = 0x200               # single step, or debug registers are enabled, or a trap is due
    TBF_SHADOW = 0x400              # no interrupt behind the next instruction
    TBF_ALIGN = 0x800               # #AC
    TBF_IDX_SHIFT = 12              # IDX_* of data accesses
    TBF_VM = 0x4000
    TBF_FS_LIMITS = 0x8000          # TBF_LIMITS of FS and GS
    # what the system lets x87, SSE and AVX do
    TBF_EM = 0x10000
    TBF_TS = 0x20000
    TBF_MP = 0x40000
    TBF_OSFXSR = 0x80000
    TBF_AVX = 0x100000              # OSXSAVE, and XCR0 has SSE and AVX
    TBF_PAGING = 0x200000           # CR0.PG, in 64-bit code

cdef enum:                          # insn_start row word 2, bits
    ROW_WRITES_BACK = 1             # what it loads it stores too: both are writes for a page fault
    ROW_STACK = 2                   # 64-bit code: it addresses SS

cdef enum:                          # MMU modes
    IDX_USER = 0
    IDX_KERNEL = 1
    IDX_SMAP = 2                    # kernel, and user pages are out of reach
    N_IDX = 3

cdef enum:
    CR0_PE = 1
    CR0_MP = 2
    CR0_EM = 4
    CR0_TS = 8
    CR0_ET = 0x10
    CR0_NE = 0x20
    CR0_WP = 0x10000
    CR0_AM = 0x40000
    CR0_NW = 0x20000000
    CR0_CD = 0x40000000
    CR4_VME = 1
    CR4_PVI = 2
    CR4_TSD = 4
    CR4_DE = 8
    CR4_PSE = 0x10
    CR4_PAE = 0x20
    CR4_MCE = 0x40
    CR4_PGE = 0x80
    CR4_PCE = 0x100
    CR4_OSFXSR = 0x200
    CR4_OSXMMEXCPT = 0x400
    CR4_UMIP = 0x800
    CR4_FSGSBASE = 0x10000
    CR4_OSXSAVE = 0x40000
    CR4_SMEP = 0x100000
    CR4_SMAP = 0x200000
    EFER_SCE = 1
    EFER_LME = 0x100
    EFER_LMA = 0x400
    EFER_NXE = 0x800
    DR6_BS = 0x4000
    DR6_BD = 0x2000
    DR6_FIXED = 0xffff0ff0
    DR7_GD = 0x2000
    DR7_FIXED = 0x400

cdef extern from *:
    """
    #define ENGINE_CR0_PG 0x80000000ULL
    """
    const uint64_t CR0_PG "ENGINE_CR0_PG"

cdef enum:                          # seg_attr: the second word of a descriptor >> 8, & 0xf0ff
    ATTR_TYPE = 15                  # of code: 8, conforming 4, readable 2; of data: 4 down, 2 write
    ATTR_CODE = 8
    ATTR_DOWN = 4
    ATTR_CONFORMING = 4
    ATTR_WRITE = 2
    ATTR_READ = 2
    ATTR_ACCESSED = 1
    ATTR_S = 0x10                   # code or data, not system
    ATTR_DPL_SHIFT = 5
    ATTR_P = 0x80
    ATTR_L = 0x2000
    ATTR_D = 0x4000
    ATTR_G = 0x8000
    ATTR_UNUSABLE = 0x10000         # a null selector was loaded

cdef enum:                          # irq: 256 vectors, then
    IRQ_NMI = 256

cdef enum:                          # flags
    F_CF = 1
    F_PF = 4
    F_AF = 16
    F_ZF = 64
    F_SF = 128
    F_TF = 0x100
    F_IF = 0x200
    F_DF = 0x400
    F_OF = 0x800
    F_IOPL = 0x3000
    F_NT = 0x4000
    F_RF = 0x10000
    F_VM = 0x20000
    F_AC = 0x40000
    F_VIF = 0x80000
    F_VIP = 0x100000
    F_ID = 0x200000
    F_ARITH = 0x8d5
    F_USER = 0x244dd5               # what POPF changes at CPL 3 with IOPL 0: ID AC NT DF TF OSZAPC
    F_ALL = 0x3f7fd5

cdef enum:                          # cc_op: kind + log2 of the operand's bytes
    CC_DYNAMIC = 0                  # translation only: the global says
    CC_FLAGS = 1                    # cc_src: the flags themselves
    CC_ADD = 4                      # dst result, src second operand
    CC_ADC = 8                      # dst result, src second, src2 first operand
    CC_SUB = 12                     # dst first, src second operand (no result)
    CC_SBB = 16                     # dst result, src second, src2 first operand
    CC_LOGIC = 20                   # dst result
    CC_INC = 24                     # dst result, src CF
    CC_DEC = 28
    CC_SHL = 32                     # dst result, src operand shifted one less: its top bit is CF
    CC_SHR = 36                     # the same: bit 0 is CF
    CC_SAR = 40
    CC_MUL = 44                     # dst low half, src not 0: CF and OF

cdef enum:                          # IR globals behind the 16 registers
    T_CC_OP = 16
    T_CC_DST = 17
    T_CC_SRC = 18
    T_CC_SRC2 = 19
    T_XMM = 20                      # 16 vectors

cdef enum:
    R_AX = 0
    R_CX = 1
    R_DX = 2
    R_BX = 3
    R_SP = 4
    R_BP = 5
    R_SI = 6
    R_DI = 7
    SEG_ES = 0
    SEG_CS = 1
    SEG_SS = 2
    SEG_DS = 3
    SEG_FS = 4
    SEG_GS = 5
    SEG_NONE = 6
    REG_NONE = 16

cdef enum:                          # X86Insn.prefixes
    P_66 = 1
    P_67 = 2
    P_REPNE = 4
    P_REP = 8
    P_LOCK = 16
    P_REX = 32

cdef enum:                          # what a decoder found
    DEC_OK = 0
    DEC_UNDEFINED = 1
    DEC_SHORT = 2                   # the bytes end within the instruction
    DEC_LONG = 3                    # more bytes than an instruction may have

cdef enum:                          # FaultInfo.hint: index in the hints (x86.pyx)
    HINT_NONE = 0
    HINT_UNDEFINED = 1
    HINT_LONG = 2
    HINT_DIVIDE = 3
    HINT_CANONICAL = 4
    HINT_PRIVILEGED = 5
    HINT_SEGMENT = 6
    HINT_BOUND = 7
    HINT_SELECTOR = 8               # CPUX86State.error_code goes with it
    HINT_NOT_PRESENT = 9            # the same
    HINT_LIMIT = 10
    HINT_RESERVED = 11
    HINT_MSR = 12
    HINT_PAGE_MISSING = 13
    HINT_PAGE_RIGHTS = 14
    HINT_PAGE_RESERVED = 15
    HINT_TASK = 16
    HINT_STEP = 17
    HINT_DEBUG_REGISTER = 18
    HINT_PORT = 19
    HINT_GATE = 20                  # error_code goes with it
    HINT_ALIGNED = 21
    HINT_FLOATING = 22
    HINT_TARGET = 23

cdef enum:                          # alu()
    ALU_ADD = 0
    ALU_OR = 1
    ALU_ADC = 2
    ALU_SBB = 3
    ALU_AND = 4
    ALU_SUB = 5
    ALU_XOR = 6
    ALU_CMP = 7
    ALU_TEST = 8

cdef enum:                          # shift()
    SH_ROL = 0
    SH_ROR = 1
    SH_RCL = 2
    SH_RCR = 3
    SH_SHL = 4
    SH_SHR = 5
    SH_SAR = 7

cdef enum:                          # bit_test()
    BT_TEST = 0
    BT_SET = 1
    BT_RESET = 2
    BT_FLIP = 3

cdef enum:                          # string()
    STRING_MOVS = 0
    STRING_CMPS = 1
    STRING_STOS = 2
    STRING_LODS = 3
    STRING_SCAS = 4

cdef enum:                          # bcd()
    BCD_DAA = 0
    BCD_DAS = 1
    BCD_AAA = 2
    BCD_AAS = 3

cdef extern from *:
    """
    #ifndef ENGINE_X86_ROWS
    #define ENGINE_X86_ROWS
    #include <stdint.h>
    typedef struct { uint8_t kind, size, fixed; } X86Operand;
    typedef struct {
        uint16_t number;
        uint16_t flags;         /* ROW_* */
        uint8_t prefix;         /* 0 any, 1 none, 2 66, 3 F3, 4 F2 */
        uint8_t reg;            /* ModRM reg field, 255 any */
        uint8_t mod;            /* 0 any, 1 memory, 2 register */
        uint8_t vex_l;          /* 0 128, 1 256, 2 ignored */
        uint8_t vex_w;          /* 255 any */
        uint8_t n_ops;
        X86Operand ops[4];
        uint64_t feature;
        const char *name;
    } X86Row;
    typedef struct { uint16_t first, count; } X86Index;
    #endif
    """
    ctypedef struct X86Operand:
        uint8_t kind            # X86_*
        uint8_t size            # X86S_*
        uint8_t fixed           # register number of X86_reg, X86_ST
    ctypedef struct X86Row:
        uint16_t number
        uint16_t flags
        uint8_t prefix
        uint8_t reg
        uint8_t mod
        uint8_t vex_l
        uint8_t vex_w
        uint8_t n_ops
        X86Operand ops[4]
        uint64_t feature
        const char *name
    ctypedef struct X86Index:
        uint16_t first
        uint16_t count

ctypedef struct X86Insn:        # one decoded instruction
    const X86Row *row
    void *dc                    # DisasContext* the bytes come from, or NULL: from code
    const uint8_t *code
    uint32_t avail              # bytes in code
    uint32_t length             # bytes read so far
    uint64_t pc
    uint8_t status              # DEC_*
    uint8_t limit               # bytes an instruction may have: 15, on an 80286 10
    uint8_t mode                # X86_MODE_*
    uint8_t protected           # protected mode, not virtual-8086
    uint8_t prefixes            # P_*
    uint8_t rex                 # W 8, R 4, X 2, B 1 (VEX too)
    uint8_t opsize              # log2 bytes: 1 2 3
    uint8_t adsize
    uint8_t seg                 # override, or SEG_NONE
    uint8_t opcode
    uint8_t modrm
    uint8_t reg                 # with REX.R
    uint8_t rm                  # with REX.B; register operand when not is_mem
    uint8_t is_mem
    uint8_t loaded              # load() was called: a store is of a read and a write
    uint8_t base                # REG_NONE: none
    uint8_t index
    uint8_t scale
    uint8_t rip                 # address is relative to the next instruction
    uint8_t vvvv
    uint8_t vex_l
    uint8_t vex_w
    uint8_t n_imms
    int64_t disp
    uint64_t imm[2]             # immediates, sign-extended
    uint32_t addr               # translation: temp of the address, once it is made

ctypedef struct X86DC:          # lies in DisasContext.priv
    uint64_t features
    uint32_t cc_op              # what is known of cc_op, CC_DYNAMIC: nothing
    uint8_t cc_stored           # the global holds it too
    uint8_t mode
    uint8_t segments            # ES, CS, SS or DS has a base
    uint8_t limits              # TBF_LIMITS
    uint8_t fs_limits           # TBF_FS_LIMITS
    uint8_t no_limits           # CPUConfig.no_limits
    uint8_t protected           # TBF_PE
    uint8_t cpl
    uint8_t stack               # log2 of the stack pointer's bytes
    uint8_t align               # TBF_ALIGN
    uint8_t adsize              # of the instruction
