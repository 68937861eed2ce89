"""AES block and CBC functions with QEMU's interface, and the tables guest instructions share.

Lives here: the documented front of `_core/crypto`. Source: FIPS-197; NIST SP 800-38A (CBC).
The implementation looks tables up by secret bytes and is not safe against cache side channels: it
is for emulation, not for protecting secrets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._core.api.crypto import AESContext, aes_table_dict

AES_BLOCK_SIZE = 16
AES_MAXNR = 14

AESKey = AESContext


def aes_set_encrypt_key(key: bytes | None, bits: int, ctx: AESContext | None) -> int:
    """Expands an encryption key: 0, -1 if key or ctx is None, -2 if bits is not 128, 192, 256.

    `ValueError` when the key has fewer bytes than `bits` say.
    """
    if key is None or ctx is None:
        return -1
    return ctx.set_key(key, bits, False)


def aes_set_decrypt_key(key: bytes | None, bits: int, ctx: AESContext | None) -> int:
    """Expands a decryption key (equivalent inverse cipher, FIPS-197 5.3.5); codes as above."""
    if key is None or ctx is None:
        return -1
    return ctx.set_key(key, bits, True)


def aes_encrypt(source: Any, target: Any, ctx: AESContext) -> None:
    """Encrypts 16 bytes of `source` into the writable `target`; they may be the same."""
    assert source is not None and target is not None and ctx is not None
    ctx.block(source, target, False)


def aes_decrypt(source: Any, target: Any, ctx: AESContext) -> None:
    """Decrypts 16 bytes of `source` into the writable `target`; they may be the same."""
    assert source is not None and target is not None and ctx is not None
    ctx.block(source, target, True)


def aes_cbc_encrypt(
    source: Any, target: Any, length: int, ctx: AESContext, iv: bytearray, enc: bool
) -> None:
    """CBC over `length` bytes; `iv` (16 writable bytes) is updated in place.

    A partial last block: encrypting takes missing bytes as zero and writes a full block; decrypting
    reads a full block and writes only the remainder. Length 0 does nothing.
    """
    ctx.cbc(source, target, length, iv, enc)


_tables = aes_table_dict()
AES_sbox: bytes = _tables["sbox"]
AES_isbox: bytes = _tables["isbox"]
AES_shifts: bytes = _tables["shifts"]
AES_ishifts: bytes = _tables["ishifts"]
AES_imc: Sequence[Sequence[int]] = _tables["imc"]
AES_Te: Sequence[Sequence[int]] = _tables["Te"]
AES_Td: Sequence[Sequence[int]] = _tables["Td"]
