# x86: constants and the structs of the decoder (exceptions, modes, lazy flags, X86Insn, X86DC).
# Lives here: numbers and structs only. Intel SDM volumes 1 to 3.
# Called by: every module of isa/x86.
from engine._core.base.types cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:                          # exception_index: vectors (SDM 3A, 6.3.1)
    X86_EXCP_DE = 0
    X86_EXCP_DB = 1
    X86_EXCP_BP = 3
    X86_EXCP_OF = 4
    X86_EXCP_BR = 5
    X86_EXCP_UD = 6
    X86_EXCP_NM = 7
    X86_EXCP_SS = 12
    X86_EXCP_GP = 13
    X86_EXCP_PF = 14
    X86_EXCP_MF = 16
    X86_EXCP_AC = 17
    X86_EXCP_XM = 19
    X86_EXCP_SYSCALL = 0x100        # SYSCALL, for whoever runs the program
    X86_EXCP_SYSENTER = 0x101
    X86_EXCP_INT = 0x200            # + n of INT n

cdef enum:                          # CPUX86State.mode
    X86_MODE_REAL = 0
    X86_MODE_32 = 1                 # protected, flat
    X86_MODE_64 = 2                 # long, flat

cdef enum:                          # head.tb_flags
    TBF_MODE = 3
    TBF_SEGMENTS = 4                # ES, SS or DS has a base

cdef enum:
    IDX_DATA = 0

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
    F_ARITH = 0x8d5
    F_USER = 0x244dd5               # what POPF changes at CPL 3 with IOPL 0: ID AC NT DF TF OSZAPC

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
    uint8_t segments            # ES, SS or DS has a base
