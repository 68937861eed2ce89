"""AES: FIPS-197 and NIST CAVP vectors, the `cryptography` package, CBC's partial-block rules."""

import os
import random

import pytest

from engine.crypto import aes

PLAIN = bytes.fromhex("00112233445566778899aabbccddeeff")
FIPS = {
    16: "69c4e0d86a7b0430d8cdb78070b4c55a",
    24: "dda97ca4864cdfe06eaf70a0ec0d7191",
    32: "8ea2b7ca516745bfeafc49904b496089",
}


def key(data, *, decrypt=False):
    ctx = aes.AESKey()
    set_key = aes.aes_set_decrypt_key if decrypt else aes.aes_set_encrypt_key
    assert set_key(data, len(data) * 8, ctx) == 0
    return ctx


@pytest.mark.parametrize("size", FIPS)
def test_row_49_fips_197_vectors(size):
    secret = bytes(range(size))
    out = bytearray(16)
    aes.aes_encrypt(PLAIN, out, key(secret))
    assert out.hex() == FIPS[size]
    aes.aes_decrypt(out, out, key(secret, decrypt=True))  # in place
    assert out == PLAIN
    assert key(secret).rounds == size // 4 + 6


def test_row_49_bad_keys():
    ctx = aes.AESKey()
    assert aes.aes_set_encrypt_key(bytes(16), 100, ctx) == -2
    assert aes.aes_set_decrypt_key(bytes(16), 64, ctx) == -2
    assert aes.aes_set_encrypt_key(None, 128, ctx) == -1
    assert aes.aes_set_decrypt_key(bytes(16), 128, None) == -1
    with pytest.raises(ValueError, match="needs 32 bytes"):
        aes.aes_set_encrypt_key(bytes(16), 256, ctx)
    with pytest.raises(ValueError, match="no key"):
        aes.aes_encrypt(bytes(16), bytearray(16), ctx)
    with pytest.raises(AssertionError):
        aes.aes_encrypt(None, bytearray(16), ctx)
    with pytest.raises(ValueError, match="16 bytes"):
        aes.aes_encrypt(bytes(15), bytearray(16), key(bytes(16)))


def test_row_49_key_expansion_words():
    # FIPS-197 A.1: last round key of the example key
    words = key(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")).round_keys()
    assert words[0] == 0x2B7E1516
    assert words[40:] == (0xD014F9A8, 0xC9EE2589, 0xE13F0CC8, 0xB6630CA6)


def test_row_49_tables_are_consistent():
    def mul(a, b):
        out = 0
        for bit in range(8):
            if b >> bit & 1:
                out ^= a << bit
        for bit in range(15, 7, -1):
            if out >> bit & 1:
                out ^= 0x11B << (bit - 8)
        return out

    assert (aes.AES_sbox[0], aes.AES_sbox[0x53]) == (0x63, 0xED)
    for x in range(256):
        s, i = aes.AES_sbox[x], aes.AES_isbox[x]
        assert aes.AES_isbox[s] == x
        forward = mul(s, 2) << 24 | s << 16 | s << 8 | mul(s, 3)
        inverse = mul(i, 14) << 24 | mul(i, 9) << 16 | mul(i, 13) << 8 | mul(i, 11)
        for lane in range(4):
            turn = 8 * lane
            rotate = lambda w, t=turn: (w >> t | w << (32 - t)) & 0xFFFFFFFF  # noqa: E731
            assert aes.AES_Te[lane][x] == rotate(forward)
            assert aes.AES_Td[lane][x] == rotate(inverse)
            assert aes.AES_imc[i][lane] == rotate(inverse)
        assert aes.AES_Te[4][x] == s * 0x01010101
        assert aes.AES_Td[4][x] == i * 0x01010101
    assert list(aes.AES_shifts) == [0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11]
    assert all(aes.AES_ishifts[aes.AES_shifts[n]] == n for n in range(16))


def test_row_49_cbc_partial_blocks():
    secret, start = bytes(range(16)), bytes(range(100, 116))
    data = bytes(range(40))
    iv, out = bytearray(start), bytearray(48)
    aes.aes_cbc_encrypt(data, out, 40, key(secret), iv, True)
    whole_iv, whole = bytearray(start), bytearray(48)
    aes.aes_cbc_encrypt(data + bytes(8), whole, 48, key(secret), whole_iv, True)
    assert (out, iv) == (whole, whole_iv)
    iv, back = bytearray(start), bytearray(b"?" * 48)
    aes.aes_cbc_encrypt(out, back, 40, key(secret, decrypt=True), iv, False)
    assert back == data + b"?" * 8
    iv = bytearray(start)
    aes.aes_cbc_encrypt(b"", bytearray(), 0, key(secret), iv, True)
    assert iv == start
    with pytest.raises(ValueError, match="target"):
        aes.aes_cbc_encrypt(data, bytearray(40), 40, key(secret), iv, True)
    with pytest.raises(ValueError, match="source"):
        aes.aes_cbc_encrypt(data, bytearray(48), 48, key(secret), iv, True)


def test_row_49_cbc_against_cryptography():
    ciphers = pytest.importorskip(
        "cryptography.hazmat.primitives.ciphers", reason="needs the package cryptography"
    )
    rng = random.Random(49)
    for _ in range(200):
        secret, start = rng.randbytes(rng.choice((16, 24, 32))), rng.randbytes(16)
        data = rng.randbytes(16 * rng.randrange(1, 20))
        cipher = ciphers.Cipher(ciphers.algorithms.AES(secret), ciphers.modes.CBC(start))
        encryptor = cipher.encryptor()
        expected = encryptor.update(data) + encryptor.finalize()
        iv, out = bytearray(start), bytearray(len(data))
        aes.aes_cbc_encrypt(data, out, len(data), key(secret), iv, True)
        assert out == expected
        assert iv == expected[-16:]
        iv, back = bytearray(start), bytearray(len(data))
        aes.aes_cbc_encrypt(out, back, len(out), key(secret, decrypt=True), iv, False)
        assert back == data


def test_row_49_cavp_vectors():
    vectors = pytest.importorskip(
        "cryptography_vectors", reason="needs the package cryptography-vectors"
    )
    folder = os.path.join(os.path.dirname(vectors.__file__), "ciphers", "AES")
    checked = 0
    for mode in ("ECB", "CBC"):
        for name in sorted(os.listdir(os.path.join(folder, mode))):
            if name.endswith(".rsp") and "MCT" not in name:
                checked += _cavp_file(os.path.join(folder, mode, name), mode)
    assert checked > 2000


def _cavp_file(path, mode):
    checked, record, encrypting = 0, {}, True
    with open(path) as file:
        for line in file:
            line = line.strip()
            if line.startswith("["):
                encrypting = line == "[ENCRYPT]"
            elif "=" in line:
                name, _, value = line.partition("=")
                record[name.strip()] = value.strip()
            elif not line and {"KEY", "PLAINTEXT", "CIPHERTEXT"} <= record.keys():
                checked += _cavp_case(record, mode, encrypting)
                record = {}
    return checked


def _cavp_case(record, mode, encrypting):
    secret, plain, cipher = (
        bytes.fromhex(record[n]) for n in ("KEY", "PLAINTEXT", "CIPHERTEXT")
    )
    source, expected = (plain, cipher) if encrypting else (cipher, plain)
    ctx = key(secret, decrypt=not encrypting)
    out = bytearray(len(source))
    if mode == "CBC":
        iv = bytearray(bytes.fromhex(record["IV"]))
        aes.aes_cbc_encrypt(source, out, len(source), ctx, iv, encrypting)
    else:
        step = aes.aes_encrypt if encrypting else aes.aes_decrypt
        for at in range(0, len(source), 16):
            block = bytearray(16)
            step(source[at : at + 16], block, ctx)
            out[at : at + 16] = block
    assert out == expected
    return 1
