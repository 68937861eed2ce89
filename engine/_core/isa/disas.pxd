# Text of one instruction from the tables of a guest's disas_gen.pxi.
# Lives here: the tables' row types and the printer's prototype. Does not live here: any guest.
# Called by: the generated <guest>_disas functions. Row layouts follow gen/isa_out.py.
from engine._core.base.types cimport (int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from *:
    """
    #ifndef ENGINE_DISAS_ROWS
    #define ENGINE_DISAS_ROWS
    #include <stdint.h>
    typedef struct {        /* one argument in one style */
        uint16_t first;     /* first piece */
        uint8_t count;      /* pieces; 0: the constant `add` */
        uint8_t is_signed;
        uint8_t shift;
        int32_t add;
        uint8_t kind;       /* DISAS_* */
        uint16_t param;     /* prefix: text; table: table */
        uint8_t rshift;
        uint64_t mask;
    } DisasOperand;
    typedef struct {
        int32_t value;
        uint16_t text;
    } DisasWord;
    typedef struct {
        uint16_t first;
        uint16_t count;
    } DisasTable;
    #endif
    """
    ctypedef struct DisasOperand:
        uint16_t first
        uint8_t count
        uint8_t is_signed
        uint8_t shift
        int32_t add
        uint8_t kind
        uint16_t param
        uint8_t rshift
        uint64_t mask
    ctypedef struct DisasWord:
        int32_t value
        uint16_t text
    ctypedef struct DisasTable:
        uint16_t first
        uint16_t count

cdef enum:
    DISAS_DEC = 0
    DISAS_HEX = 1
    DISAS_PCREL = 2
    DISAS_PREFIX = 3
    DISAS_TABLE = 4
    DISAS_ARG = 1               # template byte: an operand's index follows, low byte first

ctypedef struct DisasTables:
    const unsigned char *code   # template of the instruction: characters, DISAS_ARG, 0 at its end
    const uint16_t *pieces      # lsb | width << 8
    const DisasOperand *operands
    const DisasWord *words      # rows of the tables, by value
    const DisasTable *tables
    const char *const *texts
    uint64_t word_mask          # of the guest's addresses

cdef uint32_t disas_print(const DisasTables *t, uint64_t insn, uint64_t pc, char *out,
                          uint32_t size) noexcept nogil
