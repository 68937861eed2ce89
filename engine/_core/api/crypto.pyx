# AES for Python: the class over _core/crypto that engine.crypto.aes documents.
# Lives here: argument checks and buffers. Does not live here: the cipher (crypto/aes.pyx), the
# documented functions (engine/crypto/aes.py).
from engine._core.base.types cimport uint8_t, uint64_t
from engine._core.crypto.aes cimport (AESKey, aes_cbc_encrypt, aes_decrypt, aes_encrypt,
                                      aes_set_decrypt_key, aes_set_encrypt_key, aes_tables)

from engine.errors import ArgumentError


cdef class AESContext:
    """A key schedule. Filled by `set_key`; unset until then."""

    cdef AESKey key

    @property
    def rounds(self) -> int:
        """10, 12 or 14; 0 while no key is set."""
        return self.key.rounds

    def set_key(self, const uint8_t[::1] key not None, int bits, bint decrypt) -> int:
        """Expands a key of `bits` bits: 0, or -2 when the size is none of AES's."""
        if bits in (128, 192, 256) and key.shape[0] * 8 < bits:
            raise ArgumentError(f"a key of {bits} bits needs {bits // 8} bytes, not {key.shape[0]}")
        cdef uint8_t none = 0
        cdef const uint8_t *data = &key[0] if key.shape[0] else &none
        if decrypt:
            return aes_set_decrypt_key(data, bits, &self.key)
        return aes_set_encrypt_key(data, bits, &self.key)

    def round_keys(self) -> tuple:
        """The round-key words in use."""
        return tuple([self.key.rd_key[i] for i in range(4 * (self.key.rounds + 1))])

    def block(self, const uint8_t[::1] source not None, uint8_t[::1] target not None,
              bint decrypt) -> None:
        """One block of 16 bytes from source to target (which may be the same)."""
        if source.shape[0] < 16 or target.shape[0] < 16:
            raise ArgumentError("a block is 16 bytes")
        self._ready()
        if decrypt:
            aes_decrypt(&source[0], &target[0], &self.key)
        else:
            aes_encrypt(&source[0], &target[0], &self.key)

    def cbc(self, const uint8_t[::1] source not None, uint8_t[::1] target not None, length,
            uint8_t[::1] iv not None, bint encrypt) -> None:
        """CBC over `length` bytes; the partial-block rules are those of engine.crypto.aes."""
        cdef uint64_t size = length
        cdef uint64_t whole = (size + 15) // 16 * 16
        self._ready()
        if iv.shape[0] != 16:
            raise ArgumentError("an initialisation vector is 16 bytes")
        if <uint64_t>source.shape[0] < (size if encrypt else whole):
            raise ArgumentError("the source is shorter than its blocks")
        if <uint64_t>target.shape[0] < (whole if encrypt else size):
            raise ArgumentError("the target is shorter than its blocks")
        if size:
            with nogil:
                aes_cbc_encrypt(&source[0], &target[0], size, &self.key, &iv[0], encrypt)

    cdef object _ready(self):
        if not self.key.rounds:
            raise ArgumentError("no key is set")


def aes_table_dict() -> dict:
    """The tables by name, as tuples of ints."""
    cdef int i, j
    words = range(256)
    return {
        "sbox": bytes(aes_tables.sbox[:256]),
        "isbox": bytes(aes_tables.isbox[:256]),
        "shifts": bytes(aes_tables.shifts[:16]),
        "ishifts": bytes(aes_tables.ishifts[:16]),
        "imc": tuple([tuple([aes_tables.imc[i][j] for j in range(4)]) for i in words]),
        "Te": tuple([tuple([aes_tables.te[j][i] for i in words]) for j in range(5)]),
        "Td": tuple([tuple([aes_tables.td[j][i] for i in words]) for j in range(5)]),
    }
