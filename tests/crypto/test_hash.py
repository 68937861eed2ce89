"""Hash digests and base64: known answers, chunking, errors."""

import hashlib
import random

import pytest

from engine.crypto import hash as qhash
from engine.errors import Error

ABC = {
    0: "900150983cd24fb0d6963f7d28e17f72",
    1: "a9993e364706816aba3e25717850c26c9cd0d89d",
    2: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
}


@pytest.mark.parametrize("alg", ABC)
def test_row_50_known_digests(alg):
    assert qhash.qcrypto_init() == 0
    assert qhash.qcrypto_hash_supports(alg)
    assert qhash.qcrypto_hash_digest(alg, b"abc") == ABC[alg]
    assert qhash.qcrypto_hash_digestv(alg, [b"a", b"", b"bc"]) == ABC[alg]
    assert qhash.qcrypto_hash_digest_len(alg) == len(ABC[alg]) // 2
    buffer = bytearray(len(ABC[alg]) // 2)
    assert qhash.qcrypto_hash_bytes(alg, b"abc", buffer) is buffer
    assert buffer.hex() == ABC[alg]


def test_row_50_base64_of_a_digest():
    assert qhash.qcrypto_hash_base64(0, b"abc") == "kAFQmDzST7DWlj99KOF/cg=="


def test_row_50_errors():
    assert not qhash.qcrypto_hash_supports(3)
    with pytest.raises(Error, match="^Unknown hash algorithm 3$"):
        qhash.qcrypto_hash_digest(3, b"")
    with pytest.raises(Error, match="^Result buffer size 33 is smaller than hash 32$"):
        qhash.qcrypto_hash_bytes(2, b"abc", bytearray(33))
    with pytest.raises(Error, match="^Unable process hash data: "):
        qhash.qcrypto_hash_bytes(2, "text")


def test_row_50_random_chunks():
    rng = random.Random(50)
    for _ in range(100):
        chunks = [rng.randbytes(rng.randrange(200)) for _ in range(rng.randrange(6))]
        expected = hashlib.sha256(b"".join(chunks)).digest()
        assert qhash.qcrypto_hash_bytesv(2, chunks) == expected


def test_row_50_base64():
    assert qhash.base64_encode(None, 3) is None
    assert qhash.base64_encode(b"light work", 6) == "bGlnaHQg"
    assert qhash.base64_decode("bGln\n aHQ*g d29y aw==") == b"light work"
    assert qhash.base64_decode("YQ==ignored") == b"a"
    assert qhash.base64_decode_inplace(bytearray(b"Y")) is None
    buffer = bytearray(b"YWJj")
    assert qhash.base64_decode_inplace(buffer) is buffer
    assert buffer == b"abc"
