# Vector instructions that are neither lanes nor floating point: AES, SHA, CRC32, strings ...
#
# What lives here: functions on values. What does not: operands (trans_*.pxi). Who calls it: helpers
# of the x86 guest; tests/cython/t_x86_simd.pyx. 16-byte values each; d may be a or b.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from engine._core.isa.x86.simd cimport Vec


cdef enum:
    SMISC_AESENC = 0        # a: state, b: round key
    SMISC_AESENCLAST
    SMISC_AESDEC
    SMISC_AESDECLAST
    SMISC_AESIMC            # of b
    SMISC_AESKEYGEN         # of b, imm: round constant
    SMISC_PCLMULQDQ         # imm: which quadwords
    SMISC_SHA1RNDS4         # imm: which function
    SMISC_SHA1NEXTE
    SMISC_SHA1MSG1
    SMISC_SHA1MSG2
    SMISC_SHA256RNDS2       # c: XMM0
    SMISC_SHA256MSG1
    SMISC_SHA256MSG2
    SIMD_IMPLICIT = 0x40000000

cdef void simd_misc(uint32_t op, Vec *d, const Vec *a, const Vec *b, const Vec *c,
                    uint32_t imm) noexcept nogil
# PCMPxSTRx (Intel SDM vol. 2, 4.1). la and lb: lengths of the E forms (their magnitude counts, 16
# or 8 at most), or SIMD_IMPLICIT for the I forms (length up to a zero element). The result is ECX
# of the INDEX forms; mask receives XMM0 of the MASK forms; eflags CF ZF SF OF (bits 0, 6, 7, 11),
# AF and PF clear.
cdef uint32_t simd_pcmpstr(const Vec *a, const Vec *b, int64_t la, int64_t lb, uint32_t imm,
                           Vec *mask, uint32_t *eflags) noexcept nogil
# CRC-32C of `bytes` low bytes of value (1, 2, 4, 8) added to crc (CRC32 instruction).
cdef uint32_t simd_crc32(uint32_t crc, uint64_t value, uint32_t bytes) noexcept nogil
