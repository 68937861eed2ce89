"""Hash digests with QEMU's interface, on the standard library's hashlib.

Lives here: MD5, SHA1 and SHA256 as bytes, lowercase hex and base64; base64 with QEMU's decoding
rules. Errors are `engine.errors.Error` with QEMU's texts.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import re
from collections.abc import Iterable

from ..errors import Error


class HashAlgorithm(enum.IntEnum):
    """Algorithms by number."""

    MD5 = 0
    SHA1 = 1
    SHA256 = 2


_LENGTHS = {HashAlgorithm.MD5: 16, HashAlgorithm.SHA1: 20, HashAlgorithm.SHA256: 32}
_OUTSIDE_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")


def qcrypto_init() -> int:
    """Initialises the backend: 0. hashlib needs nothing; calling it again is harmless."""
    return 0


def qcrypto_hash_supports(alg: int) -> bool:
    """Whether digests of this algorithm can be made on this host."""
    try:
        return HashAlgorithm(alg).name.lower() in hashlib.algorithms_available
    except ValueError:
        return False


def qcrypto_hash_digest_len(alg: int) -> int:
    """Digest length in bytes. Raises `Error` for an unknown algorithm."""
    return _LENGTHS[_algorithm(alg)]


def qcrypto_hash_bytesv(
    alg: int, chunks: Iterable[bytes], result: bytearray | None = None
) -> bytes | bytearray:
    """Digest of the chunks as one stream.

    `result`: None to get a new bytes object, or a buffer of exactly the digest's length that is
    filled and returned. Raises `Error` for an unknown algorithm, data that is not bytes, or a
    buffer of another length.
    """
    algorithm = _algorithm(alg)
    try:
        digest = hashlib.new(algorithm.name.lower(), usedforsecurity=False)
    except ValueError as error:
        raise Error(f"Unable to initialize hash algorithm: {error}") from error
    for chunk in chunks:
        try:
            digest.update(chunk)
        except TypeError as error:
            raise Error(f"Unable process hash data: {error}") from error
    value = digest.digest()
    if result is None:
        return value
    if len(result) != len(value):
        raise Error(f"Result buffer size {len(result)} is smaller than hash {len(value)}")
    result[:] = value
    return result


def qcrypto_hash_bytes(
    alg: int, data: bytes, result: bytearray | None = None
) -> bytes | bytearray:
    """Digest of one buffer; see `qcrypto_hash_bytesv`."""
    return qcrypto_hash_bytesv(alg, (data,), result)


def qcrypto_hash_digestv(alg: int, chunks: Iterable[bytes]) -> str:
    """Digest as lowercase hexadecimal."""
    return bytes(qcrypto_hash_bytesv(alg, chunks)).hex()


def qcrypto_hash_digest(alg: int, data: bytes) -> str:
    """Digest of one buffer as lowercase hexadecimal."""
    return qcrypto_hash_digestv(alg, (data,))


def qcrypto_hash_base64v(alg: int, chunks: Iterable[bytes]) -> str:
    """Digest in base64, padded, on one line."""
    return base64.b64encode(bytes(qcrypto_hash_bytesv(alg, chunks))).decode("ascii")


def qcrypto_hash_base64(alg: int, data: bytes) -> str:
    """Digest of one buffer in base64."""
    return qcrypto_hash_base64v(alg, (data,))


def base64_encode(data: bytes | None, length: int | None = None) -> str | None:
    """Base64 of the first `length` bytes (all by default); None for missing data."""
    if data is None:
        return None if length else ""
    return base64.b64encode(data[:length]).decode("ascii")


def base64_decode(text: str) -> bytes:
    """Decodes base64, skipping characters outside the alphabet; '=' ends the data."""
    clean = _OUTSIDE_BASE64.sub("", text).split("=", 1)[0]
    clean = clean[: len(clean) - (len(clean) % 4 == 1)]  # one left-over character has no byte
    return base64.b64decode(clean + "=" * (-len(clean) % 4))


def base64_decode_inplace(text: bytearray) -> bytearray | None:
    """Decodes a buffer onto itself, which then has the decoded length; None if length <= 1."""
    if len(text) <= 1:
        return None
    text[:] = base64_decode(text.decode("latin-1"))
    return text


def _algorithm(alg: int) -> HashAlgorithm:
    try:
        return HashAlgorithm(alg)
    except ValueError:
        raise Error(f"Unknown hash algorithm {alg}") from None
