"""Throughput of AES-CBC over 1 MiB, next to the `cryptography` package (hardware AES) if installed.

python tests/bench/bench_crypto.py
"""

import time

from engine.crypto import aes

SIZE = 1 << 20


def best(function, repeat: int = 7) -> float:
    """Shortest of `repeat` timings in seconds."""
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    """Prints MB/s for each direction."""
    secret, data, out = bytes(range(16)), bytes(SIZE), bytearray(SIZE)
    for name, set_key, encrypting in (
        ("encrypt", aes.aes_set_encrypt_key, True),
        ("decrypt", aes.aes_set_decrypt_key, False),
    ):
        ctx = aes.AESKey()
        set_key(secret, 128, ctx)
        seconds = best(
            lambda c=ctx, e=encrypting: aes.aes_cbc_encrypt(data, out, SIZE, c, bytearray(16), e)
        )
        print(f"AES-128-CBC {name}: {SIZE / seconds / 1e6:.0f} MB/s")
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ImportError:
        return
    cipher = Cipher(algorithms.AES(secret), modes.CBC(bytes(16)))
    seconds = best(lambda: cipher.encryptor().update(data))
    print(f"cryptography (AES-NI) encrypt: {SIZE / seconds / 1e6:.0f} MB/s")


if __name__ == "__main__":
    main()
