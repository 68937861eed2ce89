# Register allocation for host back ends: one home for each temp of a block.
# Lives here: the survey of a block (order, loops, uses), choice of homes, what is dirty and what is
# live at each op. Knows no host: a back end names its registers, 0..31, in two classes. Does not
# live here: code. Called by: x86_64/.
#
# A home is a register or memory. A global that has a register keeps it in the whole block, loops
# included: it is loaded when the block is entered if a value from before may be used, and stored
# where the block is left, if some path has written it. A local that is mentioned between two
# neighbouring labels only has its register from its first write to its last mention; any other
# local is treated like a global that is neither loaded nor stored. Globals in memory live in their
# own fields, locals in numbered slots of 8 bytes (vectors: two). Floats and vectors are one class.
from engine._core.base.types cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from engine._core.ir.ir cimport IR, IROp

cdef enum:
    HOME_MEM = 0xff             # constants too
    RA_TEMPS = 4096             # IR_MAX_TEMPS
    RA_OPS = 16384              # IR_MAX_OPS
    RA_LABELS = 2048
    RA_MAX_SLOTS = 480

ctypedef struct RAConfig:
    uint32_t[2] n_regs          # by class: integer, float
    uint8_t[2][16] regs         # in the order of choice

ctypedef struct RATemp:
    uint16_t first              # position of the first mention
    uint16_t last
    uint16_t region             # + 1
    uint16_t uses               # as input
    uint8_t wide                # not inside one region, or read before written
    uint8_t read_first
    uint8_t written
    uint8_t released            # its register was given back
    uint32_t weight

ctypedef struct RA:
    IR *s
    const RAConfig *cfg
    uint32_t n                  # ops; positions 0..n-1
    uint32_t n_slots
    bint too_large
    bint has_back_edge
    uint32_t n_float            # temps of class float (vectors, too) that are mentioned
    uint32_t global_mask        # registers that are homes of globals
    uint32_t traffic            # loads and stores of temps per 256 ops, by loop depth
    uint32_t entry              # registers of globals to load on entry
    uint16_t[32] owner          # global with that register
    uint16_t[16384] order       # position -> op index
    uint16_t[16384] depth       # loop depth by position
    uint32_t[16384] dirty       # before the op: registers whose global may be newer than its field
    uint32_t[16384] live        # after the op: registers with a value that may be used
    uint16_t[2048] label_pos    # + 1
    uint8_t[2048] label_back    # target of a backward branch
    uint32_t[2048] label_mask
    uint8_t[4096] home
    uint16_t[4096] slot         # locals in memory
    RATemp[4096] temps

# Must globals be in their fields when this op begins? What calls need by their helper flags:
cdef bint ra_syncs(IR *s, const IROp *op) noexcept nogil
# May the op have written global fields when it ends (on its main path)?
cdef bint ra_clobbers(IR *s, const IROp *op) noexcept nogil
# Everything: fills home, slot, dirty, live, entry. Sets op.aux to the position. False: too large.
cdef bint ra_run(RA *r, IR *s, const RAConfig *cfg) noexcept nogil
