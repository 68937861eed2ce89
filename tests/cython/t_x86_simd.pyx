# Runs the vector helpers of the x86 guest over records of tests/isa/x86/native, for its tests.
#
# What lives here: register operands of a record to and from Vec, and one entry a family of helpers.
# What does not: expected values (the processor gives them). Who calls it: tests/isa/x86.
"""Compiled half of tests/isa/x86/test_native_simd.py."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from engine._core.fp.status cimport FP_F32, FP_F64
from engine._core.isa.x86.simd cimport *
from engine._core.isa.x86.simd_fp cimport *
from engine._core.isa.x86.simd_misc cimport *

cdef enum:
    XMM = 160           # offsets in a record: native.py
    YMMH = 576
    GPR = 832
    RFLAGS = 960
    MXCSR = 24
    SIGNAL = 1112
    RIP = 1128


cdef void load(Vec *v, const uint8_t *record, uint32_t reg) noexcept nogil:
    memcpy(v, record + XMM + 16 * reg, 16)
    memcpy(&v.b[16], record + YMMH + 16 * reg, 16)


cdef void store(const Vec *v, uint8_t *record, uint32_t reg) noexcept nogil:
    memcpy(record + XMM + 16 * reg, v, 16)
    memcpy(record + YMMH + 16 * reg, &v.b[16], 16)


def lane_size_ops():
    """Numbers of the integer operations that take a lane size, and of those that do not."""
    return {
        "ADD": SIMD_ADD, "SUB": SIMD_SUB, "ADDS": SIMD_ADDS, "ADDU": SIMD_ADDU, "SUBS": SIMD_SUBS,
        "SUBU": SIMD_SUBU, "MULL": SIMD_MULL, "MULH": SIMD_MULH, "MULHU": SIMD_MULHU,
        "AVG": SIMD_AVG, "MINS": SIMD_MINS, "MINU": SIMD_MINU, "MAXS": SIMD_MAXS,
        "MAXU": SIMD_MAXU, "CMPEQ": SIMD_CMPEQ, "CMPGT": SIMD_CMPGT, "SIGN": SIMD_SIGN,
        "ABS": SIMD_ABS, "SLLV": SIMD_SLLV, "SRLV": SIMD_SRLV, "SRAV": SIMD_SRAV, "SLL": SIMD_SLL,
        "SRL": SIMD_SRL, "SRA": SIMD_SRA, "SLLI": SIMD_SLLI, "SRLI": SIMD_SRLI, "SRAI": SIMD_SRAI,
        "PACKS": SIMD_PACKS, "PACKU": SIMD_PACKU, "UNPCKL": SIMD_UNPCKL, "UNPCKH": SIMD_UNPCKH,
        "HADD": SIMD_HADD, "HSUB": SIMD_HSUB, "HADDS": SIMD_HADDS, "HSUBS": SIMD_HSUBS,
        "BLENDI": SIMD_BLENDI, "BROADCAST": SIMD_BROADCAST, "MOVSX_B": SIMD_MOVSX_B,
        "MOVSX_W": SIMD_MOVSX_W, "MOVSX_D": SIMD_MOVSX_D, "MOVZX_B": SIMD_MOVZX_B,
        "MOVZX_W": SIMD_MOVZX_W, "MOVZX_D": SIMD_MOVZX_D, "AND": SIMD_AND, "ANDN": SIMD_ANDN,
        "OR": SIMD_OR, "XOR": SIMD_XOR, "MULHRSW": SIMD_MULHRSW, "MULUDQ": SIMD_MULUDQ,
        "MULDQ": SIMD_MULDQ, "MADDWD": SIMD_MADDWD, "MADDUBSW": SIMD_MADDUBSW,
        "SADBW": SIMD_SADBW, "SHUFB": SIMD_SHUFB, "SLLDQ": SIMD_SLLDQ, "SRLDQ": SIMD_SRLDQ,
        "ALIGNR": SIMD_ALIGNR, "SHUFD": SIMD_SHUFD, "SHUFLW": SIMD_SHUFLW, "SHUFHW": SIMD_SHUFHW,
        "SHUFPS": SIMD_SHUFPS, "SHUFPD": SIMD_SHUFPD, "PERMILPS": SIMD_PERMILPS,
        "PERMILPD": SIMD_PERMILPD, "PERMILPSI": SIMD_PERMILPSI, "PERMILPDI": SIMD_PERMILPDI,
        "MPSADBW": SIMD_MPSADBW, "PHMINPOSUW": SIMD_PHMINPOSUW, "MOVSLDUP": SIMD_MOVSLDUP,
        "MOVSHDUP": SIMD_MOVSHDUP, "MOVDDUP": SIMD_MOVDDUP, "PERMD": SIMD_PERMD,
        "PERMQI": SIMD_PERMQI, "PERM2X128": SIMD_PERM2X128, "INSERTPS": SIMD_INSERTPS,
    }


def float_ops():
    """Numbers of the floating-point operations."""
    return {
        "ADD": SFP_ADD, "SUB": SFP_SUB, "MUL": SFP_MUL, "DIV": SFP_DIV, "MIN": SFP_MIN,
        "MAX": SFP_MAX, "SQRT": SFP_SQRT, "ADDSUB": SFP_ADDSUB, "HADD": SFP_HADD,
        "HSUB": SFP_HSUB, "CMP": SFP_CMP, "ROUND": SFP_ROUND, "DP": SFP_DP, "FMA": SFP_FMA,
        "RCP": SFP_RCP, "RSQRT": SFP_RSQRT, "I32_TO": SFP_I32_TO, "I64_TO": SFP_I64_TO,
        "TO_I32": SFP_TO_I32, "TO_I64": SFP_TO_I64, "F32_F64": SFP_F32_F64,
        "F64_F32": SFP_F64_F32, "F16_F32": SFP_F16_F32, "F32_F16": SFP_F32_F16,
    }


def run_int(uint8_t[:, ::1] records, uint32_t op, uint32_t d, uint32_t a, uint32_t b, uint32_t imm,
            uint32_t bytes, bint zero_upper, uint32_t rip):
    """register d = op(register a, register b) in each record; zero_upper as VEX forms do."""
    cdef Vec x, y, r
    cdef Py_ssize_t i
    cdef uint64_t end = rip
    with nogil:
        for i in range(records.shape[0]):
            load(&x, &records[i, 0], a)
            load(&y, &records[i, 0], b)
            load(&r, &records[i, 0], d)
            simd_int(op, &r, &x, &y, imm, bytes)
            if zero_upper and bytes < 32:
                memset(&r.b[bytes], 0, 32 - bytes)
            store(&r, &records[i, 0], d)
            memcpy(&records[i, RIP], &end, 8)


def run_blendv(uint8_t[:, ::1] records, uint32_t n, uint32_t d, uint32_t a, uint32_t b, uint32_t m,
               uint32_t bytes, bint zero_upper, uint32_t rip):
    """register d = b where register m's top bits are set, else a."""
    cdef Vec x, y, z, r
    cdef Py_ssize_t i
    cdef uint64_t end = rip
    for i in range(records.shape[0]):
        load(&x, &records[i, 0], a)
        load(&y, &records[i, 0], b)
        load(&z, &records[i, 0], m)
        load(&r, &records[i, 0], d)
        simd_blendv(&r, &x, &y, &z, n, bytes)
        if zero_upper and bytes < 32:
            memset(&r.b[bytes], 0, 32 - bytes)
        store(&r, &records[i, 0], d)
        memcpy(&records[i, RIP], &end, 8)


def run_scalar(uint8_t[:, ::1] records, str what, uint32_t n, uint32_t a, uint32_t b,
               uint32_t bytes, uint32_t rip):
    """what "movmask": eax = top bits of register b; "test": ZF and CF of registers a and b."""
    cdef Vec x, y
    cdef Py_ssize_t i
    cdef uint64_t end = rip, value
    cdef bint mask = what == "movmask"
    for i in range(records.shape[0]):
        load(&x, &records[i, 0], a)
        load(&y, &records[i, 0], b)
        if mask:
            value = simd_movmask(&y, n, bytes)
            memcpy(&records[i, GPR], &value, 8)
        else:
            memcpy(&value, &records[i, RFLAGS], 8)
            value = (value & ~0x8d5ULL) | simd_test(&x, &y, n, bytes)
            memcpy(&records[i, RFLAGS], &value, 8)
        memcpy(&records[i, RIP], &end, 8)


def run_float(uint8_t[:, ::1] records, uint32_t op, bint double, uint32_t d, uint32_t a, uint32_t b,
              uint32_t c, uint32_t imm, uint32_t lanes, uint32_t keep, uint32_t zero_from,
              uint32_t rip):
    """register d = op(a, b, c). First d's low `keep` bytes become a's; at the end its bytes from
    zero_from on become zero (32: none do). An unmasked exception is SIGFPE with rip 0."""
    cdef Vec x, y, z, r
    cdef Py_ssize_t i
    cdef uint64_t end
    cdef uint32_t mxcsr, number = 8
    with nogil:
        for i in range(records.shape[0]):
            load(&x, &records[i, 0], a)
            load(&y, &records[i, 0], b)
            load(&z, &records[i, 0], c)
            load(&r, &records[i, 0], d)
            memcpy(&r, &x, keep)
            memcpy(&mxcsr, &records[i, MXCSR], 4)
            end = rip
            if simd_fp(&mxcsr, op, FP_F64 if double else FP_F32, &r, &x, &y, &z, imm, lanes):
                end = 0
                memcpy(&records[i, SIGNAL], &number, 4)
            else:
                memset(&r.b[zero_from], 0, 32 - zero_from)
                store(&r, &records[i, 0], d)
            memcpy(&records[i, MXCSR], &mxcsr, 4)
            memcpy(&records[i, RIP], &end, 8)


def run_comi(uint8_t[:, ::1] records, bint double, bint signalling, uint32_t a, uint32_t b,
             uint32_t rip):
    """(U)COMISx of the low lanes of registers a and b."""
    cdef Vec x, y
    cdef Py_ssize_t i
    cdef uint64_t end, flags
    cdef uint32_t mxcsr, number = 8, eflags = 0
    for i in range(records.shape[0]):
        load(&x, &records[i, 0], a)
        load(&y, &records[i, 0], b)
        memcpy(&mxcsr, &records[i, MXCSR], 4)
        end = rip
        if simd_comi(&mxcsr, FP_F64 if double else FP_F32, x.q[0] if double else x.d[0],
                     y.q[0] if double else y.d[0], signalling, &eflags):
            end = 0
            memcpy(&records[i, SIGNAL], &number, 4)
        else:
            memcpy(&flags, &records[i, RFLAGS], 8)
            flags = (flags & ~0x8d5ULL) | eflags
            memcpy(&records[i, RFLAGS], &flags, 8)
        memcpy(&records[i, MXCSR], &mxcsr, 4)
        memcpy(&records[i, RIP], &end, 8)


def misc_ops():
    """Numbers of the operations of simd_misc."""
    return {
        "aesenc": SMISC_AESENC, "aesenclast": SMISC_AESENCLAST, "aesdec": SMISC_AESDEC,
        "aesdeclast": SMISC_AESDECLAST, "aesimc": SMISC_AESIMC, "aeskeygen": SMISC_AESKEYGEN,
        "pclmulqdq": SMISC_PCLMULQDQ, "sha1rnds4": SMISC_SHA1RNDS4, "sha1nexte": SMISC_SHA1NEXTE,
        "sha1msg1": SMISC_SHA1MSG1, "sha1msg2": SMISC_SHA1MSG2,
        "sha256rnds2": SMISC_SHA256RNDS2, "sha256msg1": SMISC_SHA256MSG1,
        "sha256msg2": SMISC_SHA256MSG2,
    }


def run_misc(uint8_t[:, ::1] records, uint32_t op, uint32_t d, uint32_t a, uint32_t b, uint32_t imm,
             bint zero_upper, uint32_t rip):
    """register d = op(a, b, register 0)."""
    cdef Vec x, y, z, r
    cdef Py_ssize_t i
    cdef uint64_t end = rip
    for i in range(records.shape[0]):
        load(&x, &records[i, 0], a)
        load(&y, &records[i, 0], b)
        load(&z, &records[i, 0], 0)
        load(&r, &records[i, 0], d)
        simd_misc(op, &r, &x, &y, &z, imm)
        if zero_upper:
            memset(&r.b[16], 0, 16)
        store(&r, &records[i, 0], d)
        memcpy(&records[i, RIP], &end, 8)


def run_strings(uint8_t[:, ::1] records, bint explicit, bint wide, bint mask_form, uint32_t imm,
                uint32_t rip):
    """PCMPxSTRx of registers 1 and 2; lengths in eax and edx (wide: rax and rdx)."""
    cdef Vec x, y, r
    cdef Py_ssize_t i
    cdef uint64_t end = rip, flags, rax, rdx
    cdef int64_t la, lb
    cdef uint32_t eflags
    for i in range(records.shape[0]):
        load(&x, &records[i, 0], 1)
        load(&y, &records[i, 0], 2)
        load(&r, &records[i, 0], 0)
        memcpy(&rax, &records[i, GPR], 8)
        memcpy(&rdx, &records[i, GPR + 16], 8)
        la = lb = SIMD_IMPLICIT
        if explicit:
            la = <int64_t>rax if wide else <int32_t>rax
            lb = <int64_t>rdx if wide else <int32_t>rdx
        rax = simd_pcmpstr(&x, &y, la, lb, imm, &r, &eflags)
        if mask_form:
            store(&r, &records[i, 0], 0)
        else:
            memcpy(&records[i, GPR + 8], &rax, 8)
        memcpy(&flags, &records[i, RFLAGS], 8)
        flags = (flags & ~0x8d5ULL) | eflags
        memcpy(&records[i, RFLAGS], &flags, 8)
        memcpy(&records[i, RIP], &end, 8)


def run_crc32(uint8_t[:, ::1] records, uint32_t bytes, uint32_t rip):
    """CRC32 ecx, edx."""
    cdef Py_ssize_t i
    cdef uint64_t end = rip, value, crc
    for i in range(records.shape[0]):
        memcpy(&crc, &records[i, GPR + 8], 8)
        memcpy(&value, &records[i, GPR + 16], 8)
        crc = simd_crc32(<uint32_t>crc, value, bytes)
        memcpy(&records[i, GPR + 8], &crc, 8)
        memcpy(&records[i, RIP], &end, 8)


def test_operations_have_numbers_of_their_own():
    for table in (lane_size_ops(), float_ops(), misc_ops()):
        assert len(set(table.values())) == len(table) > 0
