# AES (FIPS-197): key schedules, single blocks, and the tables that guest AES instructions share.
# Lives here: tables and block functions. Does not live here: modes for Python (engine/crypto).
# The tables are looked up by secret bytes: not safe against cache side channels, by design of an
# emulator; do not protect secrets of your own with them.
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t
from engine._core.base.vec128 cimport V128

cdef enum:
    AES_BLOCK_SIZE = 16
    AES_MAXNR = 14

ctypedef struct AESKey:
    uint32_t rd_key[60]         # 4 * (AES_MAXNR + 1) round-key words, big-endian
    int rounds                  # 10, 12 or 14; 0: not set

ctypedef struct AESTables:
    uint8_t sbox[256]
    uint8_t isbox[256]
    uint8_t shifts[16]          # ShiftRows: byte i of the result comes from shifts[i]
    uint8_t ishifts[16]
    uint32_t imc[256][4]        # InvMixColumns of byte x in lane 0..3: 0e 09 0d 0b rotated
    uint32_t te[5][256]         # te[4]: the S-box byte in all lanes
    uint32_t td[5][256]

cdef AESTables aes_tables       # filled at import

# 0; -1: a null pointer; -2: bits is not 128, 192 or 256
cdef int aes_set_encrypt_key(const uint8_t *key, int bits, AESKey *ctx) noexcept nogil
cdef int aes_set_decrypt_key(const uint8_t *key, int bits, AESKey *ctx) noexcept nogil
# One block; src and dst may be the same.
cdef void aes_encrypt(const uint8_t *src, uint8_t *dst, const AESKey *ctx) noexcept nogil
cdef void aes_decrypt(const uint8_t *src, uint8_t *dst, const AESKey *ctx) noexcept nogil
# One round of a block in memory order: 0 of the cipher, 1 its last; 2 of the equivalent inverse
# cipher, 3 its last. The round key is added at the end.
cdef V128 v_aes(V128 state, V128 key, uint32_t n) noexcept nogil
# CBC over length bytes, iv updated in place. A partial last block: encrypting writes a full block
# (missing bytes count as zero), decrypting reads a full block and writes the remainder.
cdef void aes_cbc_encrypt(const uint8_t *src, uint8_t *dst, uint64_t length, const AESKey *ctx,
                          uint8_t *iv, bint enc) noexcept nogil
